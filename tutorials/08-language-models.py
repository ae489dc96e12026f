# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   minigrad:
#     data_of_each_language: true
# ---

# %% [markdown] lang="en"
# # Language models
#
# Here is a game that needs no rules: I begin a sentence, and you say the next word. It looks too
# simple to be of any use. **How can a machine that only ever predicts the next word write a text?**
#
# You will play it by counting, then with a network; measure both with one number; let the network
# write; and then see the same network in other shapes: one that looks at a picture and speaks, and
# one that reads a sentence and says a single word.

# %% [markdown] lang="es"
# # Modelos de lenguaje
#
# Hay un juego que no necesita reglas: yo empiezo una frase y tú dices la palabra siguiente. Parece
# demasiado poco para servir de algo. **¿Cómo puede escribir un texto una máquina que solo sabe
# decir la palabra siguiente?**
#
# Vas a jugar contando y después con una red; a medir a las dos con un solo número; a dejar que la
# red escriba; y a ver la misma red con otras formas: una que mira una imagen y habla, y otra que
# lee una frase y contesta con una sola palabra.

# %%
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import sympy

import minigrad as mg
from minigrad import graph, nn
from minigrad.targets import target_of
from minigrad.tutorial import check, live, text, verdicts
from minigrad.verify import verify
from models import autoencoder, captioner, language_model, sentiment
from models.composed import composed
from models.scores import exact
from models.text import Vocabulary, normalise, words

SEED = 8
LANGUAGE = text("en", "es")
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: one word at a time
#
# However long a text is, its probability is a product, in which each word is predicted from those
# before it:
#
# $$p(w_1, \dots, w_T) = p(w_1)\; p(w_2 \mid w_1)\; p(w_3 \mid w_1, w_2) \cdots
#   p(w_T \mid w_1, \dots, w_{T-1})$$
#
# That is not an approximation; it is what probability means. So whoever can predict the next word
# can judge any text. And can write one: draw a word, add it to the others, ask again. The output is
# fed back as the next input. A recurrent network is made for this, because its state $h$ is a
# summary of everything before. Here are three steps of it, with the words $x$ and, for each, the
# probabilities $p$ of what follows:

# %% [markdown] lang="es"
# ## La idea: palabra por palabra
#
# Por largo que sea un texto, su probabilidad es un producto en el que cada palabra se predice a
# partir de las anteriores:
#
# $$p(w_1, \dots, w_T) = p(w_1)\; p(w_2 \mid w_1)\; p(w_3 \mid w_1, w_2) \cdots
#   p(w_T \mid w_1, \dots, w_{T-1})$$
#
# No es una aproximación: es lo que significa la probabilidad. Así que quien sabe decir la palabra
# siguiente puede juzgar cualquier texto. Y escribirlo: saca una palabra, ponla detrás de las demás
# y vuelve a preguntar. La salida se devuelve como la entrada siguiente. Una red recurrente está
# hecha para eso, porque su estado $h$ resume todo lo anterior. Estos son tres de sus pasos, con las
# palabras $x$ y, para cada una, las probabilidades $p$ de lo que sigue:


# %%
class Next(nn.Cell):
    state = ("p", "h")
    gates = ("a", "s")

    def step(self, x, p, h):
        h = mg.tanh(self.a(h, x))
        return mg.softmax(self.s(h), axis=-1), h


graph.draw(target_of(Next, "Next"), steps=3, title=text("what comes next?", "¿qué viene después?"))

# %% [markdown] lang="en"
# ## First, count
#
# Our text consists of 3000 little reviews, put together from parts (`models/composed.py`); the last
# tenth is held out. What followed each word?

# %% [markdown] lang="es"
# ## Primero, contar
#
# Nuestro texto son 3000 reseñas diminutas, compuestas por piezas (`models/composed.py`); la última
# décima parte se aparta. ¿Qué seguía a cada palabra?

# %%
reviews = composed(3000, SEED, (LANGUAGE,))
everything = [word for sentence in reviews.text for word in words(normalise(sentence))]
known, held_out = language_model.split(everything)
vocabulary = Vocabulary.of(known)
print(" ".join(everything[:30]), "…")
print(len(everything), text("words, different:", "palabras, distintas:"), len(vocabulary) - 4)

followers = {}
for word, following in pairwise(known):
    followers.setdefault(word, Counter())[following] += 1
asked = text("was", "era")
total = followers[asked].total()
for following, count in followers[asked].most_common(5):
    print(f"p({following} | {asked}) = {count / total:.3f}")

# %% [markdown] lang="en"
# That table is already a language model, a **bigram** model: it looks one word back. An $n$-gram
# model looks $n - 1$ words back. (For words that never occurred together it must not say 0, so
# `NGram` smooths.)
#
# ## One number: perplexity
#
# How good is it? Let it read the part that it has not seen, and ask at each step which probability
# $p$ it gave to the word that came. The mean of $-\log\,p$ is the loss; e to the power of the loss
# is the **perplexity**:
#
# $$\text{perplexity} = \exp\left(-\frac{1}{T} \sum_t \log\,p(w_t \mid w_1 \dots w_{t-1})\right)$$
#
# Read it as a die: a perplexity of 6 means that the model is as unsure as you are before you roll a
# die with 6 faces.

# %% [markdown] lang="es"
# Esa tabla ya es un modelo de lenguaje, de **bigramas**: mira una palabra atrás. Uno de $n$-gramas
# mira $n - 1$. (A palabras que nunca estuvieron juntas no debe darles un 0; `NGram` suaviza).
#
# ## Un número: la perplejidad
#
# ¿Es bueno? Que lea la parte que no ha visto, y miremos en cada paso qué probabilidad $p$ le daba a
# la palabra que vino. La media de $-\log\,p$ es la pérdida; e elevado a la pérdida, la
# **perplejidad**:
#
# $$\text{perplejidad} = \exp\left(-\frac{1}{T} \sum_t \log\,p(w_t \mid w_1 \dots w_{t-1})\right)$$
#
# Léela como un dado: una perplejidad de 6 es estar tan inseguro como antes de tirar un dado de 6
# caras.

# %%
encoded, held = vocabulary.encode(known), vocabulary.encode(held_out)
perplexities = {}
for n in (1, 2, 3, 4):
    gram = language_model.NGram(encoded, n, len(vocabulary))
    perplexities[f"{n}-gram"] = gram.perplexity(held)
for model, value in perplexities.items():
    print(f"{model}  {value:5.2f}")

six = np.full(100, 1 / 6)
assert np.isclose(np.exp(-np.log(six).mean()), 6)
assert perplexities["1-gram"] > 40 and 3.5 < perplexities["4-gram"] < 6

# %% [markdown] lang="en"
# One word back is worth a lot, a second one something, a third almost nothing: the table of what
# followed three words is so large that most of it has never been seen. A longer table does not give
# you a longer memory.
#
# ## The equations
#
# A network gives a score $s_k$ to each word. **Softmax** turns scores into probabilities: positive
# numbers that add up to 1, the larger the score, the larger the share:
#
# $$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}$$
#
# The loss is $-\log\,p$ of the word that came (the **cross-entropy**). What does a score learn
# from? Here is SymPy's answer for three words, if the first one came:

# %% [markdown] lang="es"
# Mirar una palabra atrás vale mucho; una segunda, algo; una tercera, casi nada: la tabla de lo que
# sigue a tres palabras es tan grande que la mayor parte no se ha visto nunca. Una memoria más larga
# no sale de una tabla más larga.
#
# ## Las ecuaciones
#
# Una red da a cada palabra una puntuación $s_k$. La **softmax** convierte las puntuaciones en
# probabilidades: números positivos que suman 1, tanto mayores cuanto mayor es la puntuación:
#
# $$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}$$
#
# La pérdida es $-\log\,p$ de la palabra que vino (la **entropía cruzada**). ¿De qué aprende una
# puntuación? Esto responde SymPy con tres palabras, si vino la primera:

# %%
s = sympy.symbols("s_1:4", real=True)
p = [sympy.exp(score) / sum(map(sympy.exp, s)) for score in s]
slopes = [sympy.diff(-sympy.log(p[0]), score) for score in s]
names = dict(zip(p, sympy.symbols("p_1:4"), strict=True))
came = (1, 0, 0)
assert all(sympy.simplify(slope - (p[k] - came[k])) == 0 for k, slope in enumerate(slopes))
sympy.Matrix([names[p[k]] - came[k] for k in range(3)])

# %% [markdown] lang="en"
# Probability minus truth, $p - y$, and nothing else ($y$ is 1 for the word that came and 0 for the
# others): what seemed too likely is pushed down, what came is pushed up, and when the model is sure
# and right, there is nothing left to learn.
#
# ## The code, from primitives
#
# An embedding (chapter 7), a GRU (chapter 6), and an affine map to the scores.

# %% [markdown] lang="es"
# Probabilidad menos verdad, $p - y$, y nada más ($y$ es 1 para la palabra que vino y 0 para las
# demás): lo que parecía demasiado probable baja, lo que vino sube, y cuando el modelo está seguro y
# acierta, no queda nada que aprender.
#
# ## El código, desde cero
#
# Una tabla de vectores (capítulo 7), una GRU (capítulo 6) y una aplicación afín hasta las
# puntuaciones.


# %%
class Speaker(nn.Module):
    def __init__(self, size, width, hidden, rng):
        rng = np.random.default_rng(rng)
        self.embedding = nn.Embedding(size, width, rng=rng)
        self.memory = nn.GRU(width, hidden, output_size=size, rng=rng)

    def forward(self, indices, state=None):
        return self.memory(self.embedding(indices), state)


settings = {
    "cell": "gru", "width": 16, "hidden": 48, "layers": 1, "dropout": 0.0, "batch": 32,
    "window": 32, "epochs": 8, "lr": 1e-2, "seed": SEED, "vocabulary": list(vocabulary.tokens),
}  # fmt: skip
ours = Speaker(len(vocabulary), 16, 48, SEED)
theirs = language_model.LanguageModel(len(vocabulary), cell="gru", width=16, hidden=48, rng=SEED)
assert np.array_equal(ours(encoded[None, :20])[0].data, theirs(encoded[None, :20])[0].data)
print(text("our ten lines are LanguageModel", "nuestras diez líneas son LanguageModel"))

# %% [markdown] lang="en"
# ## The experiment: count or learn?
#
# `language_model.fit` cuts the text into 32 streams that are read side by side, 32 words at a time.
# The state is carried on from window to window; its history is not. This is **truncated**
# backpropagation through time, without which the backward pass would be as long as the text.

# %% [markdown] lang="es"
# ## El experimento: ¿contar o aprender?
#
# `language_model.fit` corta el texto en 32 tiras que se leen a la vez, de 32 en 32 palabras.
# El estado pasa de una ventana a la siguiente; su historia, no. Es la retropropagación en el tiempo
# **truncada**: sin ella, la pasada hacia atrás sería tan larga como el texto.

# %%
model, history = language_model.fit(encoded, held, settings)
perplexities["GRU"] = language_model.perplexity(model, held)
for name, value in perplexities.items():
    print(f"{name:<6}  {value:5.2f}")
assert perplexities["GRU"] < 0.9 * min(perplexities[f"{n}-gram"] for n in (1, 2, 3, 4))

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
axes.semilogy(np.exp(history.losses), color="0.75", label=text("GRU, batch", "GRU, lote"))
steps, validations = zip(*history.scores, strict=True)
axes.semilogy(steps, np.exp(validations), "o-", color="C3", label=text("GRU, unseen", "GRU, nuevo"))
for n, dashes in ((1, ":"), (2, "-."), (4, "--")):
    axes.axhline(perplexities[f"{n}-gram"], color="0.35", ls=dashes, lw=1, label=f"{n}-gram")
axes.set(xlabel=text("step", "paso"), ylabel=text("perplexity", "perplejidad"),
         yticks=[3, 5, 10, 20, 50, 100],
         yticklabels=["3", "5", "10", "20", "50", "100"])  # fmt: skip
axes.legend(frameon=False, ncols=2)
plt.show()

# %% [markdown] lang="en"
# The network beats the best of the tables, and needs no table at all.
#
# ## It writes
#
# Draw a word, feed it back, draw the next. How boldly? Divide the scores by a **temperature** $T$
# before the softmax: below 1, likely words get likelier; above 1, all words become more equal.
# **How bold should it be?** After the code, it writes in the page: the same network, with the
# temperature in your hands.

# %% [markdown] lang="es"
# La red supera a la mejor de las tablas, y no necesita tabla alguna.
#
# ## Escribe
#
# Saca una palabra, devuélvesela a la red, saca la siguiente. ¿Con cuánto atrevimiento? Divide las
# puntuaciones entre una **temperatura** $T$ antes de la softmax: por debajo de 1, lo probable se
# vuelve más probable; por encima, todo se iguala. **¿Cuánto atrevimiento conviene?** Después del
# código, escribe en la página: la misma red, con la temperatura en tus manos.

# %%
start = vocabulary.encode(["."])
written = {}
for temperature in (0, 0.7, 1, 2):
    drawn = language_model.sample(model, start, 400, temperature, SEED)
    written[temperature] = " ".join(vocabulary.decode(drawn)).split(" . ")
    print(f"T = {temperature}:", " . ".join(written[temperature])[:110], "…")

read = {" ".join(words(normalise(sentence)))[:-2] for sentence in reviews.text}
whole = set(written[1][:-1])  # the last one is cut off || la última queda cortada
new = len(whole - read) / len(whole)
print(text(f"at T = 1, {new:.0%} of its sentences are new",
           f"con T = 1, el {new:.0%} de sus frases son nuevas"))  # fmt: skip
assert new > 0.5
assert len(set(written[0])) < len(set(written[1]))  # T = 0 repeats itself || T = 0 se repite

# %% tags=["plot"]
(scores,), _ = model.predict(
    vocabulary.encode([".", *text("the soup was", "la sopa era").split()])[None]
)
last = scores[-1].astype(float)
order = np.argsort(-last)[:12]
figure, axes = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for k, (temperature, colour) in enumerate(((0.5, "C0"), (1, "0.4"), (2, "C3"))):
    warm = np.exp(last / temperature)
    axes.bar(np.arange(12) + (k - 1) * 0.27, (warm / warm.sum())[order], 0.27, color=colour,
             label=f"T = {temperature}")  # fmt: skip
axes.set_xticks(range(12), [vocabulary.tokens[k] for k in order], rotation=35, ha="right")
axes.set(ylabel="p", title=text("the soup was …", "la sopa era …"))
axes.legend(frameon=False)
plt.show()
gru = model.memory.cell
live("writer", tokens=list(vocabulary.tokens),
     start=[int(k) for k in vocabulary.encode([".", *text("the soup", "la sopa").split()])],
     model={"embedding": model.embedding.weight, "z": gru.z, "r": gru.r, "h_tilde": gru.h_tilde,
            "output": model.memory.output})  # fmt: skip

# %% [markdown] lang="en"
# At $T = 0$ it repeats itself, at 2 it babbles; in between it writes sentences that it has never
# read, and the grammar is right. Has it *understood* them? Try one whose end depends on its
# beginning: after "I expected the soup to be awful but it was", praise must follow.

# %% [markdown] lang="es"
# Con $T = 0$ se repite, con 2 balbucea; entre ambos extremos escribe frases que nunca ha leído, y
# con la gramática correcta. ¿Las ha *entendido*? Probemos una cuyo final depende del principio:
# tras «esperaba que la sopa fuera espantosa pero era», tiene que venir un elogio.

# %%
praise = text("good great excellent wonderful lovely superb",
              "buena estupenda excelente maravillosa preciosa magnífica").split()  # fmt: skip
complaint = text("bad awful terrible horrible boring ugly",
                 "mala espantosa terrible horrible aburrida fea").split()  # fmt: skip
start = text("i expected the soup to be awful but it was",
             "esperaba que la sopa fuera espantosa pero era").split()  # fmt: skip
(scores,), _ = model.predict(vocabulary.encode([".", *start])[None])
p_praise, p_complaint = (np.exp(scores[-1][vocabulary.encode(some)]).sum()
                         for some in (praise, complaint))  # fmt: skip
sense = p_praise / (p_praise + p_complaint)
print(text("praise rather than complaint:", "elogio antes que queja:"), f"{sense:.2f}")
assert 0.4 < sense < 0.8

# %% [markdown] lang="en"
# Hardly better than a coin. It has the grammar, but not the sense. Is the GRU too weak? We will see
# in a minute.
#
# ## Other shapes
#
# A recurrent network can be given one thing or many, and it can be asked for one thing or many.

# %% [markdown] lang="es"
# Poco más que una moneda al aire. Tiene la gramática, pero no el sentido. ¿Será que la GRU no da
# para más? Enseguida lo veremos.
#
# ## Otras formas
#
# A una red recurrente se le puede dar una cosa o muchas, y preguntarle una cosa o muchas.

# %% tags=["plot"]
shapes = (
    (text("one – one", "uno – uno"), [0], [0], text("image → digit", "imagen → dígito")),
    (text("one – many", "uno – muchos"), [0], [0, 1, 2], text("image → caption", "imagen → frase")),
    (text("many – one", "muchos – uno"), [0, 1, 2], [2],
     text("review → praise?", "reseña → ¿elogio?")),
    (text("many – many", "muchos – muchos"), [0, 1, 2], [0, 1, 2],
     text("word → next word", "palabra → siguiente")),
    (text("many – many, later", "muchos – muchos, después"), [0, 1, 2], [2, 3, 4],
     text("sentence → translation", "frase → traducción")),
)  # fmt: skip
figure, axes = plt.subplots(1, 5, figsize=(10.5, 2.9), width_ratios=[2, 3, 3, 3, 5],
                            layout="constrained")  # fmt: skip
arrow = {"arrowstyle": "->", "color": "0.3"}
for panel, (title, given, asked_for, example) in zip(axes, shapes, strict=True):
    times = range(max(given + asked_for) + 1)
    for t in times:
        boxes = (
            [(1, "#ffe699")] + [(0, "#dae8fc")] * (t in given) + [(2, "#e2f0d9")] * (t in asked_for)
        )
        for level, colour in boxes:
            panel.add_patch(plt.Rectangle((t - 0.3, level - 0.22), 0.6, 0.44, fc=colour, ec="0.4"))
        ends = [((t - 0.7, 1), (t - 0.3, 1))] * (t > 0) + [((t, 0.22), (t, 0.78))] * (t in given)
        for tail, tip in ends + [((t, 1.22), (t, 1.78))] * (t in asked_for):
            panel.annotate("", tip, tail, arrowprops=arrow)
    middle = times[-1] / 2
    panel.set(xlim=(middle - max(1, len(times) / 2), middle + max(1, len(times) / 2)),
              ylim=(-0.4, 2.4))  # fmt: skip
    panel.set_title(title, fontsize=10)
    panel.text(middle, -0.75, example, ha="center", fontsize=9.5, color="0.3")
    panel.axis("off")
plt.show()

# %% [markdown] lang="en"
# At the bottom is what goes in, in the middle the state, at the top what comes out. *One – one* is
# a plain network without any memory (`models/perceptron.py`). *Many – many* in step is the language
# model; with the answer after the question, it is the translator (`models/translator.py`).
#
# In code, the difference between *many* and *one* at the output is one word. If you know Keras: its
# `SimpleRNN(4, return_sequences=True)` is our `nn.RNN(3, 4)` (minigrad also asks for the number of
# inputs, here 3), and `SimpleRNN(4)`, which gives only the last state, is
# `nn.RNN(3, 4, return_sequences=False)`. The 4 are the **units**, the width of the state:

# %% [markdown] lang="es"
# Abajo lo que entra, en medio el estado, arriba lo que sale. *Uno – uno* es una red corriente, sin
# memoria (`models/perceptron.py`). *Muchos – muchos* al mismo paso es el modelo de lenguaje; con la
# respuesta después de la pregunta, el traductor (`models/translator.py`).
#
# En el código, la diferencia entre *muchos* y *uno* a la salida es una palabra. Si conoces Keras:
# su `SimpleRNN(4, return_sequences=True)` es nuestra `nn.RNN(3, 4)` (minigrad pide además el número
# de entradas, aquí 3), y `SimpleRNN(4)`, que da solo el último estado, es `nn.RNN(3, 4,
# return_sequences=False)`. El 4 son las **unidades** (*units*), la anchura del estado:

# %%
every, only_last = nn.RNN(3, 4, rng=SEED), nn.RNN(3, 4, return_sequences=False, rng=SEED)
x = np.random.default_rng(SEED).normal(size=(2, 5, 3)).astype(np.float32)
sequence, vector = every(x)[0].data, only_last(x)[0].data
print(x.shape, "→", sequence.shape, "→", vector.shape)
assert np.array_equal(sequence[:, -1], vector)  # the last of five || el último de cinco

# %% [markdown] lang="en"
# (Two more options: `bidirectional=True` lets a second network read the sequence from the end
# to the start, and puts both states side by side. `dropout` sets a random share of the numbers
# between two layers to 0 while the network trains, so that it cannot rely on any single one: a
# remedy against overfitting.)
#
# **Many – one: praise or complaint?** The sentences are the same as before, read by a GRU in both
# directions; one neuron decides. For comparison, logistic regression on counted words (chapter 7).

# %% [markdown] lang="es"
# (Dos opciones más: `bidirectional=True` hace que una segunda red lea la secuencia del final al
# principio, y pone los dos estados uno junto al otro. `dropout` pone a 0, mientras la red se
# entrena, una parte al azar de los números que van de una capa a otra, para que no pueda fiarse de
# ninguno en particular: un remedio contra el sobreajuste).
#
# **Muchos – uno: ¿elogio o queja?** Las frases son las mismas de antes, leídas por una GRU en los
# dos sentidos; decide una neurona. Para comparar, una regresión logística sobre palabras contadas
# (capítulo 7).

# %%
learning, judging = sentiment.split(reviews)
options = {"body": "gru", "width": 24, "dropout": 0.1, "forget": 0.0, "epochs": 8, "batch": 32,
           "lr": 1e-2, "decay": 0.01, "seed": SEED}  # fmt: skip
classifier, its_words, _ = sentiment.fit(learning, options)
said = classifier.predict(sentiment.encoded(judging, its_words)) > 0.5
counted = sentiment.by_counts(learning, judging) > 0.5
right = {"GRU": np.mean(said == judging.label),
         text("counting", "contar"): np.mean(counted == judging.label)}  # fmt: skip
for name, share in right.items():
    print(f"{name:<9}{share:.1%}")
assert right["GRU"] > 0.95 and 0.4 < np.mean(counted == judging.label) < 0.65

# %% [markdown] lang="en"
# A share of right answers hides *which* mistakes are made. Suppose that you must find the
# complaints. **Precision** is the share of real complaints among those that the model calls
# complaints; **recall** is the share of the real complaints that it finds. A model that calls
# everything a complaint has a recall of 1 and a poor precision; one that names a single sure case
# has it the other way round. **F1** is their harmonic mean, which is high only if both are:
#
# $$P = \frac{\text{found}}{\text{named}} \qquad R = \frac{\text{found}}{\text{there}} \qquad
#   F_1 = \frac{2 P R}{P + R}$$

# %% [markdown] lang="es"
# Una proporción de aciertos esconde *qué* errores se cometen. Supón que hay que encontrar las
# quejas. La **precisión** (*precision*) es la proporción de quejas verdaderas entre las que el
# modelo llama quejas; la **exhaustividad** (*recall*), la proporción de las quejas verdaderas que
# encuentra. Un modelo que llama queja a todo tiene exhaustividad 1 y mala precisión; uno que
# nombra un solo caso seguro, al revés. **F1** es su media armónica, que solo es alta si lo son las
# dos:
#
# $$P = \frac{\text{encontradas}}{\text{nombradas}} \qquad
#   R = \frac{\text{encontradas}}{\text{existentes}} \qquad F_1 = \frac{2 P R}{P + R}$$

# %%
complaints = judging.label == 0


def precision_recall_f1(named):
    found = np.sum(named & complaints)
    precision, recall = found / named.sum(), found / complaints.sum()
    return precision, recall, 2 * precision * recall / (precision + recall)


print(f"{'':<18}P     R     F1")
everything_named = {"GRU": ~said, text("counting", "contar"): ~counted,
                    text("all are complaints", "todo son quejas"): ~said | True}  # fmt: skip
for model_name, named in everything_named.items():
    print(f"{model_name:<18}", " ".join(f"{value:.3f}" for value in precision_recall_f1(named)))
assert precision_recall_f1(~said)[2] > 0.95 and precision_recall_f1(~said | True)[1] == 1

for sentence in text(
    ("I expected the soup to be awful but it was lovely.",
     "I expected the soup to be lovely but it was awful."),
    ("Esperaba que la sopa fuera espantosa pero era preciosa.",
     "Esperaba que la sopa fuera preciosa pero era espantosa."),
):  # fmt: skip
    (probability,) = classifier.predict([its_words.encode(sentiment.tokenise(sentence, LANGUAGE))])
    print(f"{probability:.2f}  {sentence}")

# %% [markdown] lang="en"
# These are exactly the same words in another order, and it tells them apart; counting cannot, and
# tosses a coin. So a GRU *can* learn what the language model missed. The difference is the
# question: for the next word, the sense of a sentence matters once in ten words, and then only by a
# factor of two. A language model first learns what pays most, and meaning comes late: with more
# text, more parameters and more time than we have here. (`python -m models.gpt` goes further.)
#
# **One – many: what is in the picture?** Small filters look at a handwritten digit; what they find
# becomes the *first state* of a GRU, which then speaks, word by word, as above. Each caption names
# the digit and says whether its strokes are thin or bold.

# %% [markdown] lang="es"
# Son exactamente las mismas palabras en otro orden, y las distingue; el recuento no puede y echa
# una moneda al aire. Así que una GRU *puede* aprender lo que al modelo de lenguaje se le escapó. La
# diferencia es lo que se pregunta: para la palabra siguiente, el sentido de la frase importa una
# vez de cada diez, y solo por un factor de dos. Un modelo de lenguaje aprende primero lo que más
# rinde, y el significado llega tarde: con más texto, más parámetros y más tiempo que aquí. (`python
# -m models.gpt` va más lejos).
#
# **Uno – muchos: ¿qué hay en la imagen?** Unos filtros miran un dígito manuscrito; lo que
# encuentran se convierte en el *primer estado* de una GRU, que entonces habla, palabra por palabra,
# como antes. Cada frase dice el dígito y si su trazo es fino o grueso.

# %%
first, others = autoencoder.split(autoencoder.digits(), SEED)
limits = captioner.thresholds(first)
seen, unseen = captioner.captioned(first, limits), captioner.captioned(others, limits)
spoken = [word for some in seen.captions.values() for line in some for word in line.split()]
asking = [captioner.into(language) for language in captioner.NAMES]
options = {"channels": 24, "hidden": 48, "dropout": 0.1, "epochs": 12, "lr": 6e-3, "batch": 64,
           "seed": SEED, "vocabulary": list(Vocabulary.of([*asking, *spoken]).tokens)}  # fmt: skip
speaker, its_words, _ = captioner.fit(seen, options)

captions = captioner.describe(speaker, its_words, others.pixels, LANGUAGE)
truth = unseen.captions[LANGUAGE]
right = exact(captions, truth), exact(captioner.nearest(seen, others, LANGUAGE), truth)
print(text("right to the last word:", "bien hasta la última palabra:"), f"{right[0]:.0%}")
print(
    text("caption of the most similar image:", "frase de la imagen más parecida:"),
    f"{right[1]:.0%}",
)
assert right[0] > right[1] + 0.05

# %% tags=["plot"]
figure, axes = plt.subplots(1, 6, figsize=(9.5, 2.1), layout="constrained")
for panel, pixels, caption, expected in zip(axes, others.pixels, captions, truth, strict=False):
    panel.imshow(pixels, cmap="Greys", vmin=0, vmax=1)
    panel.set(xticks=[], yticks=[])
    panel.set_xlabel(caption, color="0.2" if caption == expected else "C3", fontsize=10)
plt.show()

# %% [markdown] lang="en"
# A caption in red, if there is one, is not quite what was asked for. The network does better than
# the caption of the most similar known image; and it does not copy whole sentences, but puts them
# together word by word.
#
# ## The proof
#
# All three networks have learned from the same slope, $p - y$. Here it is before the judges:

# %% [markdown] lang="es"
# Si hay alguna frase en rojo, no es del todo lo que se pedía. La red lo hace mejor que la frase de
# la imagen conocida más parecida; y no copia frases enteras: las compone palabra por palabra.
#
# ## La demostración
#
# Las tres redes han aprendido de una misma pendiente, $p - y$. Aquí está, ante los jueces:

# %%
verdicts(verify("cross-entropy", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. Knowing nothing.** What is the perplexity of a model to which all of 5000 words are equally
# likely?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. No saber nada.** ¿Qué perplejidad tiene un modelo que cree igual de probables las 5000
# palabras?

# %%
clueless = None
check("1", clueless, np.exp(-np.log(np.full(100, 1 / 5000)).mean()))

# %% [markdown] lang="en" tags=["hint"]
# 1. Perplexity is the number of faces of the die that the model rolls.
# 2. $\exp(-\text{mean of } \log p)$, and all $p$ are 1/5000.
# 3. $\exp(\log 5000)$.

# %% [markdown] lang="es" tags=["hint"]
# 1. La perplejidad es el número de caras del dado que tira el modelo.
# 2. $\exp(-\text{media de } \log p)$, y todas las $p$ valen 1/5000.
# 3. $\exp(\log 5000)$.

# %% [markdown] lang="en" tags=["solution"]
# $\exp(-\log(1/5000)) = 5000$: a die with 5000 faces, whatever the text.

# %% [markdown] lang="es" tags=["solution"]
# $\exp(-\log(1/5000)) = 5000$: un dado de 5000 caras, sea cual sea el texto.

# %% tags=["solution"]
clueless = 5000
check("1", clueless, np.exp(-np.log(np.full(100, 1 / 5000)).mean()))

# %% [markdown] lang="en"
# **2. Three words.** A model gave the words that came the probabilities 1/2, 1/4 and 1/8. What is
# its perplexity on this text?

# %% [markdown] lang="es"
# **2. Tres palabras.** Un modelo dio a las palabras que vinieron las probabilidades 1/2, 1/4 y 1/8.
# ¿Cuál es su perplejidad en este texto?

# %%
three = None
check("2", three, np.exp(-np.mean(np.log([1 / 2, 1 / 4, 1 / 8]))))

# %% [markdown] lang="en" tags=["hint"]
# 1. The mean of the logarithms is the logarithm of the geometric mean.
# 2. The geometric mean of 2, 4 and 8.
# 3. $(2 \cdot 4 \cdot 8)^{1/3}$.

# %% [markdown] lang="es" tags=["hint"]
# 1. La media de los logaritmos es el logaritmo de la media geométrica.
# 2. La media geométrica de 2, 4 y 8.
# 3. $(2 \cdot 4 \cdot 8)^{1/3}$.

# %% [markdown] lang="en" tags=["solution"]
# It is the geometric mean of $1/p$: $(2 \cdot 4 \cdot 8)^{1/3} = 4$.

# %% [markdown] lang="es" tags=["solution"]
# Es la media geométrica de $1/p$: $(2 \cdot 4 \cdot 8)^{1/3} = 4$.

# %% tags=["solution"]
three = (2 * 4 * 8) ** (1 / 3)
check("2", three, np.exp(-np.mean(np.log([1 / 2, 1 / 4, 1 / 8]))))

# %% [markdown] lang="en"
# **3. Cold.** One of two words has the probability 0.8. What does it become at $T = 0.5$?

# %% [markdown] lang="es"
# **3. En frío.** De dos palabras, una tiene probabilidad 0.8. ¿En qué se convierte con $T = 0.5$?

# %%
cold = None
check("3", cold, mg.softmax(np.log([0.8, 0.2]) / 0.5)[0])

# %% [markdown] lang="en" tags=["hint"]
# 1. Dividing a logarithm by 0.5 doubles it.
# 2. Doubling a logarithm squares the number: 0.8 becomes 0.64, 0.2 becomes 0.04.
# 3. Divide by the sum, so that they add up to 1 again.

# %% [markdown] lang="es" tags=["hint"]
# 1. Dividir un logaritmo entre 0.5 lo duplica.
# 2. Duplicar un logaritmo eleva el número al cuadrado: 0.8 pasa a 0.64 y 0.2 a 0.04.
# 3. Divide entre la suma para que vuelvan a sumar 1.

# %% [markdown] lang="en" tags=["solution"]
# Dividing the logarithm by 0.5 squares the probability: $0.64 / (0.64 + 0.04) \approx 0.94$.

# %% [markdown] lang="es" tags=["solution"]
# Dividir el logaritmo entre 0.5 es elevar la probabilidad al cuadrado: $0.64 / (0.64 + 0.04)
# \approx 0.94$.

# %% tags=["solution"]
cold = 0.64 / (0.64 + 0.04)
check("3", cold, mg.softmax(np.log([0.8, 0.2]) / 0.5)[0])

# %% [markdown] lang="en"
# **4. What a score learns from.** The scores are $(0, \log\,3)$, and the *first* word came. Write
# $\partial L / \partial s$ without minigrad.

# %% [markdown] lang="es"
# **4. De qué aprende una puntuación.** Las puntuaciones son $(0, \log\,3)$ y vino la *primera*
# palabra. Escribe $\partial L / \partial s$ sin minigrad.

# %%
lesson = None
point = np.array([0.0, np.log(3)])
check("4", lesson, mg.grad(lambda s: nn.cross_entropy(s[None], np.array([0])))(point))

# %% [markdown] lang="en" tags=["hint"]
# 1. First the softmax of the scores.
# 2. $e^0 = 1$ and $e^{\log 3} = 3$, so $p = (1/4, 3/4)$.
# 3. Subtract the one-hot vector of the word that came.

# %% [markdown] lang="es" tags=["hint"]
# 1. Primero, la softmax de las puntuaciones.
# 2. $e^0 = 1$ y $e^{\log 3} = 3$, así que $p = (1/4, 3/4)$.
# 3. Resta el vector one-hot de la palabra que vino.

# %% [markdown] lang="en" tags=["solution"]
# $p = (1/4, 3/4)$ and $y = (1, 0)$, so $p - y = (-3/4, 3/4)$.

# %% [markdown] lang="es" tags=["solution"]
# $p = (1/4, 3/4)$ e $y = (1, 0)$, luego $p - y = (-3/4, 3/4)$.

# %% tags=["solution"]
lesson = np.array([1 / 4, 3 / 4]) - np.array([1, 0])
check("4", lesson, mg.grad(lambda s: nn.cross_entropy(s[None], np.array([0])))(point))

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. A model's perplexity on a text is 20. What does this say?**
#
# - [x] It is as unsure as between 20 equally likely words :: On (geometric) average over the text.
# - [ ] 20 % of its words are right :: That would be an accuracy.
# - [ ] It knows 20 words :: Its vocabulary may be of any size.

# %% [markdown] lang="es" tags=["quiz"]
# **1. La perplejidad de un modelo sobre un texto es 20. ¿Qué dice eso?**
#
# - [x] Duda como entre 20 palabras igual de probables :: En promedio (geométrico) sobre el texto.
# - [ ] Acierta el 20 % de las palabras :: Eso sería una exactitud.
# - [ ] Conoce 20 palabras :: Su vocabulario puede tener cualquier tamaño.

# %% [markdown] lang="en" tags=["quiz"]
# **2. What happens to samples as the temperature goes to 0?**
#
# - [ ] They get more varied :: That is what a high temperature does.
# - [x] The likeliest word always wins :: The differences of the scores grow without bound.
# - [ ] All words become equally likely :: That is the limit of an infinite temperature.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Qué pasa con las muestras cuando la temperatura tiende a 0?**
#
# - [ ] Se vuelven más variadas :: Eso lo hace una temperatura alta.
# - [x] Siempre gana la palabra más probable :: Las diferencias entre puntuaciones crecen sin
#   límite.
# - [ ] Todas las palabras son igual de probables :: Ese es el límite de una temperatura infinita.

# %% [markdown] lang="en" tags=["quiz"]
# **3. The gradient of the loss with respect to the scores is $p - y$. When is it 0?**
#
# - [ ] When all scores are 0 :: Then $p$ is uniform, and $y$ is not.
# - [x] When the word that came has probability 1 :: Then there is nothing left to learn from it.
# - [ ] Never :: It comes as close to 0 as you like.

# %% [markdown] lang="es" tags=["quiz"]
# **3. El gradiente de la pérdida respecto de las puntuaciones es $p - y$. ¿Cuándo es 0?**
#
# - [ ] Cuando todas las puntuaciones son 0 :: Entonces $p$ es uniforme, e $y$ no.
# - [x] Cuando la palabra que vino tiene probabilidad 1 :: Entonces no queda nada que aprender de
#   ella.
# - [ ] Nunca :: Se acerca a 0 cuanto quieras.

# %% [markdown] lang="en" tags=["quiz"]
# **4. A model finds 6 of 10 complaints, and also calls 2 praises complaints. What are its precision
# and recall (for complaints)?**
#
# - [x] 0.75 and 0.6 :: 6 of the 8 that it named are complaints; 6 of the 10 complaints were named.
#   F1 is 2/3.
# - [ ] 0.6 and 0.75 :: The other way round: precision is the share of what was named.
# - [ ] 0.6 and 0.2 :: 2 is a number of mistakes, not a share of anything here.

# %% [markdown] lang="es" tags=["quiz"]
# **4. De 10 quejas, un modelo encuentra 6, y llama queja a 2 elogios. ¿Cuáles son la precisión y la
# exhaustividad (de las quejas)?**
#
# - [x] 0.75 y 0.6 :: 6 de las 8 que nombró son quejas; 6 de las 10 quejas fueron nombradas. F1 es
#   2/3.
# - [ ] 0.6 y 0.75 :: Al revés: la precisión es la proporción de lo nombrado.
# - [ ] 0.6 y 0.2 :: 2 es un número de errores, no una proporción.

# %% [markdown] lang="en" tags=["quiz"]
# **5. Training loss falls, held-out loss rises. What is it called, and what helps?**
#
# - [ ] Vanishing; a larger rate :: A faded gradient leaves both where they are.
# - [x] Overfitting; stop earlier, dropout, more text :: The model learns its text by heart. Only
#   the text that was held out shows it.
# - [ ] Underfitting; a wider layer :: Then the training loss would be high, too.

# %% [markdown] lang="es" tags=["quiz"]
# **5. La pérdida de entrenamiento baja y la de lo reservado sube. ¿Cómo se llama y qué ayuda?**
#
# - [ ] Desvanecimiento; una tasa mayor :: Un gradiente apagado deja a las dos donde están.
# - [x] Sobreajuste; parar antes, dropout, más texto :: El modelo se aprende su texto de memoria.
#   Solo lo reservado lo delata.
# - [ ] Subajuste; una capa más ancha :: Entonces también sería alta la pérdida de entrenamiento.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `models/language_model.py`, `models/captioner.py`, `models/sentiment.py`: the three, with
#   options (`--help`) and on texts of your own.
# - C. E. Shannon, *Prediction and Entropy of Printed English*, Bell System Technical Journal 30
#   (1951): the game, played by people.
# - T. Mikolov and others, *Recurrent Neural Network Based Language Model*, Interspeech 2010.
# - O. Vinyals and others, *Show and Tell: A Neural Image Caption Generator*, CVPR 2015.
# - A. Karpathy, *The Unreasonable Effectiveness of Recurrent Neural Networks* (2015, on the web):
#   the picture of the shapes comes from there.
# - D. Jurafsky and J. H. Martin, *Speech and Language Processing*, the chapters on n-grams and on
#   recurrent networks.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `models/language_model.py`, `models/captioner.py`, `models/sentiment.py`: los tres, con opciones
#   (`--help`) y con textos tuyos.
# - C. E. Shannon, *Prediction and Entropy of Printed English*, Bell System Technical Journal 30
#   (1951): el juego, jugado por personas.
# - T. Mikolov y otros, *Recurrent Neural Network Based Language Model*, Interspeech 2010.
# - O. Vinyals y otros, *Show and Tell: A Neural Image Caption Generator*, CVPR 2015.
# - A. Karpathy, *The Unreasonable Effectiveness of Recurrent Neural Networks* (2015, en la web): de
#   ahí viene el dibujo de las formas.
# - D. Jurafsky y J. H. Martin, *Speech and Language Processing*, los capítulos sobre n-gramas y
#   sobre redes recurrentes.
