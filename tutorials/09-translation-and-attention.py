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
# ---

# %% [markdown] lang="en"
# # Translation and attention
#
# Imagine an interpreter who hears a whole speech and may only then begin to speak, with nothing to
# go by but memory. That is how a recurrent network translates. It remembers all of a short
# sentence. **How can it translate a sentence that is longer than its memory?**
#
# You will build such a network and watch it drown; then let it look back at what it has read, which
# takes three lines; derive what these lines learn from; and see where it looks.

# %% [markdown] lang="es"
# # Traducción y atención
#
# Un intérprete que escucha el discurso entero y solo después puede empezar a hablar, sin más que lo
# que se le quedó en la cabeza: así traduce una red recurrente. De una frase corta lo retiene todo.
# **¿Cómo puede traducir una frase más larga que su memoria?**
#
# Vas a construir esa red y a ver cómo se ahoga; después le dejarás mirar atrás, a lo que ha leído,
# para lo que bastan tres líneas; derivarás de qué aprenden esas líneas y verás adónde mira.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify
from models.number_words import number
from models.scores import bleu
from models.text import Vocabulary, padded
from models.training import Shuffled, train

SEED = 9
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: a bottleneck
#
# Many in, many out, and the two of different lengths (chapter 8): one recurrent network, the
# **encoder**, reads the sentence; its last state is passed to another, the **decoder**, which says
# the translation word by word, each time hearing what it has just said. Between the two there is a
# single vector. Whatever the sentence is, "hello" or a page of Proust, it must fit into those few
# numbers.
#
# Our sentences are shopping lists, from Spanish to English. The adjective is on the other side of
# the noun, so translating word by word will not work; and a list can be as long as we like.
# `Vocabulary` numbers the words (chapter 7), after four marks of its own, which are not counted
# below: padding, unknown, start and end.

# %% [markdown] lang="es"
# ## La idea: un cuello de botella
#
# Muchos a muchos, y de longitud distinta (capítulo 8): una red recurrente, el **codificador**, lee
# la frase; su último estado pasa a otra, el **decodificador**, que dice la traducción palabra por
# palabra, oyendo cada vez lo que acaba de decir. Entre las dos hay un solo vector. Sea cual sea la
# frase, «hola» o una página de Proust, tiene que caber en esos pocos números.
#
# Nuestras frases son listas de compras, del español al inglés. El adjetivo está al otro lado del
# sustantivo, así que no basta con ir palabra por palabra; y una lista puede ser tan larga como
# queramos. `Vocabulary` numera las palabras (capítulo 7) después de cuatro marcas propias, que
# abajo no se cuentan: relleno, desconocida, principio y final.

# %%
NOUNS = {
    "manzanas": ("apples", "as"), "peras": ("pears", "as"), "cebollas": ("onions", "as"),
    "tomates": ("tomatoes", "os"), "limones": ("lemons", "os"), "melones": ("melons", "os"),
}  # fmt: skip
ADJECTIVES = {"roj": "red", "pequeñ": "small", "madur": "ripe", "fresc": "fresh"}
COUNTS = {number(n).es: number(n).en for n in range(2, 10)}


def shopping(items, rng):
    spanish, english = [], []
    for _ in range(items):
        count, noun, stem = (rng.choice(list(some)) for some in (COUNTS, NOUNS, ADJECTIVES))
        apples, ending = NOUNS[noun]
        spanish.append(f"{count} {noun} {stem}{ending}")
        english.append(f"{COUNTS[count]} {ADJECTIVES[stem]} {apples}")
    return " y ".join(spanish), " and ".join(english)


rng = np.random.default_rng(SEED)
LONGEST = 5
lists = [shopping(int(rng.integers(1, LONGEST + 1)), rng) for _ in range(5000)]
es_words = Vocabulary.of(word for spanish, _ in lists for word in spanish.split())
en_words = Vocabulary.of(word for _, english in lists for word in english.split())
sources = [es_words.encode(spanish.split()) for spanish, _ in lists]
targets = [en_words.encode(english.split(), ends=True) for _, english in lists]
print(*lists[1], sep="\n")
print(len(es_words) - 4, "→", len(en_words) - 4, text("words", "palabras"))

# %% [markdown] lang="en"
# ## Lock and key
#
# A larger memory only moves the limit (you will measure it below). The better way: a translator
# with the text on the desk need not remember it. Before each word, a glance at the place that
# matters is enough. So every word that is read leaves a note: the state of the encoder there.
# Before it says a word, the decoder asks for something, its **query**. Each note has a **key**, and
# we try it like a key in a lock: how well do query and key fit? The better they fit, the more of
# the note's **value** comes back:
#
# $$s_j = \text{fit}(\text{query}, \text{key}_j) \qquad
#   a = \text{softmax}(s) \qquad \text{context} = \sum_j a_j\, \text{value}_j$$
#
# The softmax turns the scores into a choice, but a soft one: every note takes part a little. So
# everything has a derivative, and where to look is *learned*, by the same gradients as everything
# else. Nobody tells the network which word belongs to which. Below are four queries and four keys:
# each line is one weight $a_j$.

# %% [markdown] lang="es"
# ## Cerradura y clave
#
# Una memoria mayor solo corre el límite (abajo lo medirás). Hay algo mejor: quien traduce con el
# texto sobre la mesa no necesita recordarlo; antes de cada palabra basta un vistazo al lugar que
# importa. Para eso, cada palabra leída deja una nota: el estado del codificador en ese punto. Antes
# de decir una palabra, el
# decodificador pide algo: su **consulta** (*query*). Cada nota tiene una **clave** (*key*, la llave
# que abre la cerradura), y se prueba en la cerradura: ¿encajan consulta y clave? Cuanto mejor
# encajen, más vuelve del **valor** (*value*) de esa nota:
#
# $$s_j = \text{encaje}(\text{consulta}, \text{clave}_j) \qquad
#   a = \text{softmax}(s) \qquad \text{contexto} = \sum_j a_j\, \text{valor}_j$$
#
# La softmax convierte las puntuaciones en una elección, pero blanda: todas las notas participan un
# poco, de modo que todo tiene derivada, y adónde mirar se *aprende* con los mismos gradientes que
# todo lo demás. Nadie le dice qué palabra corresponde a cuál. Abajo, cuatro consultas y cuatro
# claves: cada línea es un peso $a_j$.

# %%
graph.draw(
    "attention",
    steps=4,
    view="attention",
    title=text("who looks where", "quién mira dónde"),
    sides=(text("query", "consulta"), text("key", "clave")),
)

# %% [markdown] lang="en"
# (This one has learned nothing yet: the width of a line is its weight, and only chance makes them
# differ.)
#
# How can you measure whether a key fits? Two ways are common. **Additive** attention (Bahdanau)
# asks a small network, $s_j = v^\top \tanh(W q + U k_j)$. The **dot product** (Luong, Vaswani) asks
# how far the two point the same way, and their lengths count too, $s_j = q^\top k_j / \sqrt{d}$: no
# parameters of its own, and one matrix product for all pairs at once. ($d$ is the number of their
# entries; exercise 3 finds out why its square root is there.)
#
# ## The code, from primitives
#
# In `fit_additive` the layer lends us its $W$, $U$ and $v$; `expand_dims` makes room, so that every
# query meets every key. In `fit_dot` the matrix product does that by itself.

# %% [markdown] lang="es"
# (Esta todavía no ha aprendido nada: el grosor de una línea es su peso, y si unas son más gruesas
# que otras es por azar).
#
# ¿Cómo se mide si una clave encaja? Hay dos maneras habituales. La atención **aditiva** (Bahdanau)
# pregunta a una red pequeña, $s_j = v^\top \tanh(W q + U k_j)$. El **producto escalar** (Luong,
# Vaswani) mide hasta qué punto apuntan las dos en la misma dirección, y su longitud también cuenta,
# $s_j = q^\top k_j / \sqrt{d}$: sin parámetros propios, y un solo producto de matrices para todos
# los pares a la vez. ($d$ es el número de elementos que tienen; el ejercicio 3 averigua por qué
# está ahí su raíz).
#
# ## El código, desde cero
#
# En `fit_additive` la capa presta sus $W$, $U$ y $v$; `expand_dims` hace sitio para que cada
# consulta se encuentre con cada clave. En `fit_dot` de eso se encarga el producto de matrices.


# %%
def fit_additive(query, key, layer):
    compared = mg.tanh(
        np.expand_dims(query @ layer.query.weight.T, -2)
        + np.expand_dims(key @ layer.key.weight.T, -3)
    )  # (…, queries, keys, hidden) || (…, consultas, claves, ocultas)
    return (compared @ layer.score.weight.T)[..., 0]


def fit_dot(query, key):
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])


def look(scores, value):
    weights = mg.softmax(scores, axis=-1)
    return weights @ value, weights


query, key = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 6))
layer = nn.AdditiveAttention(4, 6, hidden_size=8, rng=SEED, dtype=np.float64)
ours, theirs = look(fit_additive(query, key, layer), key), layer(query, key)
assert all(np.allclose(a.data, b.data) for a, b in zip(ours, theirs, strict=True))

key = rng.normal(size=(2, 5, 4))
ours, theirs = look(fit_dot(query, key), key), nn.scaled_dot_product_attention(query, key, key)
assert all(np.allclose(a, b) for a, b in zip(ours, theirs, strict=True))
print(text("our lines are minigrad's layers", "nuestras líneas son las capas de minigrad"))

# %% [markdown] lang="en"
# **Which way must a query point to get one value back, and which way to get a mean of two?** Turn
# the red query by hand, or lengthen it. The width of a key's arrow is its weight.

# %% [markdown] lang="es"
# **¿Hacia dónde debe apuntar una consulta para que vuelva un solo valor? ¿Y para que vuelva la
# media de dos?** Gira con la mano la consulta roja, o alárgala. El grosor de la flecha de cada
# clave es su peso.

# %% tags=["plot"]
four_keys = 2 * np.array([[1.0, 0.0], [0.5, 1.0], [-1.0, 0.5], [-0.5, -1.0]])
pointing = 2 * np.array([np.cos(np.radians(20)), np.sin(np.radians(20))])
_, shares = look(fit_dot(pointing[None], four_keys), np.eye(4))
figure, panel = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
for four_key, its_share in zip(four_keys, shares[0], strict=True):
    panel.annotate("", four_key, (0, 0), arrowprops={"arrowstyle": "->", "color": "C0",
                                                     "lw": 1 + 5 * its_share})  # fmt: skip
panel.annotate("", pointing, (0, 0), arrowprops={"arrowstyle": "->", "color": "C3", "lw": 2})
panel.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), xticks=[], yticks=[], aspect="equal")
plt.show()
live("lock", keys=four_keys, values=[10, 20, 30, 40])

# %% [markdown] lang="en"
# One translator, three ways to reach what was read. The encoder reads in both directions, and the
# decoder begins where it ended. `"bottleneck"` has its last state, the summary, at hand for every
# word, and nothing else; the others look back: the decoder's state is the query, the notes are keys
# and values. (For a dot product, query and key must be equally long, so `"dot"` makes its keys from
# the notes with one more matrix.) While it learns, the decoder hears the *right* translation up to
# each word and is asked for the next one; when it translates, it hears what it has said itself, the
# likeliest word each time.

# %% [markdown] lang="es"
# Un traductor y tres maneras de llegar a lo leído. El codificador lee en los dos sentidos, y el
# decodificador empieza donde aquel terminó. `"bottleneck"` tiene a mano, en cada palabra, su último
# estado, el resumen, y nada más; los otros miran atrás: el estado del decodificador es la consulta;
# las notas, claves y valores. (Un producto escalar pide consulta y clave de la misma longitud, así
# que `"dot"` saca sus claves de las notas con una matriz más). Mientras aprende, el decodificador
# oye la traducción *correcta* hasta cada palabra y se le pregunta por la siguiente; cuando traduce,
# oye lo que él mismo ha dicho: cada vez, la palabra más probable.


# %%
class Translator(nn.Module):
    def __init__(self, way, width=32, rng=None):
        rng = np.random.default_rng(rng)
        self.way = way
        self.read = nn.Embedding(len(es_words), width, rng=rng)
        self.hear = nn.Embedding(len(en_words), width, rng=rng)
        self.encoder = nn.GRU(width, width, bidirectional=True, rng=rng)
        self.start = nn.Linear(2 * width, width, rng=rng)
        self.decoder = nn.GRU(width, width, rng=rng)
        if way == "additive":
            self.attention = nn.AdditiveAttention(width, 2 * width, width, rng=rng)
        if way == "dot":
            self.key = nn.Linear(2 * width, width, rng=rng)
        self.say = nn.Linear(3 * width, len(en_words), rng=rng)

    def forward(self, source, heard):
        there = source > 0  # 0 is padding || 0 es relleno
        notes, last = self.encoder(self.read(source), lengths=there.sum(1))
        summary = np.concatenate([last[0], last[1]], axis=-1)  # both ways || en los dos sentidos
        states, _ = self.decoder(self.hear(heard), mg.tanh(self.start(summary))[None])
        mask = there[:, None]
        if self.way == "bottleneck":
            context, weights = summary[:, None] * np.ones((1, heard.shape[1], 1), np.float32), None
        elif self.way == "dot":
            context, weights = nn.scaled_dot_product_attention(states, self.key(notes), notes, mask)
        else:
            context, weights = self.attention(states, notes, mask=mask)
        return self.say(np.concatenate([states, context], axis=-1)), weights


def fit(way, steps, batch=32, lr=2e-2, width=32):
    model = Translator(way, width, rng=SEED)
    order = Shuffled(len(lists), batch, SEED)

    def loss(step):
        source, _ = padded([sources[k] for k in order(step)])
        target, _ = padded([targets[k] for k in order(step)])
        scores, _ = model(source, target[:, :-1])
        return nn.cross_entropy(scores, target[:, 1:], ignore_index=0)

    history = train(model, optim.Adam(model.parameters(), lr), loss, steps=steps, max_norm=1.0,
                    schedule=optim.warm_up(20, optim.cosine(lr, steps - 20)))  # fmt: skip
    return model, history


def translate(model, sentences, most):
    source, _ = padded([es_words.encode(s.split()) for s in sentences])
    said = np.full((len(source), 1), en_words.index["<start>"])
    with mg.no_grad():
        for _ in range(most):
            scores, weights = model(source, said)
            said = np.concatenate([said, scores.data[:, -1:].argmax(-1)], axis=1)
    return [" ".join(en_words.decode(row[1:])) for row in said], weights


# %% [markdown] lang="en"
# ## The equations
#
# What does it learn from? `derive` runs the layer's own code on symbols. $Q$, $K$ and $V$ hold all
# queries, keys and values, one in each row; $S$ holds the scores, $A$ the weights, and $Y$ what
# comes back. The forward pass:

# %% [markdown] lang="es"
# ## Las ecuaciones
#
# ¿De qué aprende? `derive` ejecuta el propio código de la capa con símbolos. $Q$, $K$ y $V$
# contienen todas las consultas, claves y valores, uno por fila; $S$, las puntuaciones; $A$, los
# pesos; $Y$, lo que vuelve. Hacia delante:

# %%
attention = derive("attention")
formulas(attention, "S", "A", "Y")

# %% [markdown] lang="en"
# Softmax couples a whole row: if one place gets more weight, all others get less. (Here $s$ is a
# row of $S$, and $p$ is the row of $A$ that it becomes.)

# %% [markdown] lang="es"
# La softmax une toda una fila: si un lugar recibe más peso, los demás reciben menos. (Aquí $s$ es
# una fila de $S$, y $p$, la fila de $A$ en que se convierte).

# %%
formulas(attention, "∂p_i/∂s_i", "∂p_i/∂s_j", "∂p/∂s")

# %% [markdown] lang="en"
# And the backward pass; $\delta A$ is short for $\partial L / \partial A$, and rowsum adds up each
# row. Read the second line aloud: $\delta A$ says what it would cost to look more at each note; the
# *average* cost is subtracted, and the rest is multiplied by the weight that the note had. Descent
# goes against the gradient, so a place that costs less than the others gets a higher score the next
# time. The scores then tell query and key to turn towards each other, or away:

# %% [markdown] lang="es"
# Y hacia atrás; $\delta A$ abrevia $\partial L / \partial A$, y rowsum suma cada fila. Lee en voz
# alta la segunda línea: $\delta A$ dice cuánto costaría mirar más cada nota; se le resta el coste
# *medio*, y lo que queda se multiplica por el peso que tenía la nota. El descenso va contra el
# gradiente, así que un lugar que cuesta menos que los otros recibe una puntuación mayor la próxima
# vez. Después, las puntuaciones dicen a consulta y clave que giren la una hacia la otra, o que se
# aparten:

# %%
formulas(attention, "δA", "δS", "δV", "δK", "δQ")

# %% [markdown] lang="en"
# Compare the paths that a gradient takes. In the plain bottleneck, the first word read and the last
# word said are as many steps apart as both sentences are long together, and each step multiplies
# (chapter 4). Ours, which reads both ways and keeps the summary at hand, saves much of that, but
# the middle of a sentence is still half its length away. Through attention, any two words are *one*
# step apart, wherever they are.
#
# For the additive score, the same chain continues through the tanh to $W$, $U$ and $v$, here called
# $W_{\mathrm{query}}$, $W_{\mathrm{key}}$ and $W_{\mathrm{score}}$, for a single query. The notes
# are both key and value, so $\delta K$ has two terms:

# %% [markdown] lang="es"
# Compara el camino que recorre un gradiente. En el cuello de botella a secas, la primera palabra
# leída y la última dicha están a tantos pasos como miden las dos frases juntas, y cada paso
# multiplica (capítulo 4). El nuestro, que lee en los dos sentidos y tiene a mano el resumen, se
# ahorra buena parte, y aun así el centro de la frase queda a media frase de distancia. A través de
# la atención, dos palabras cualesquiera están a *un* paso, estén donde estén.
#
# Con la puntuación aditiva, la misma cadena sigue por la tanh hasta $W$, $U$ y $v$, que aquí son
# $W_{\mathrm{query}}$, $W_{\mathrm{key}}$ y $W_{\mathrm{score}}$, para una sola consulta. Las notas
# son clave y valor a la vez, y por eso $\delta K$ tiene dos términos:

# %%
bahdanau = derive("additive-attention")
formulas(bahdanau, "Z", "S", "δZ", "δK", "δQ", "δW_score", "δW_key", "δW_query")

# %% [markdown] lang="en"
# ## The experiment: longer and longer
#
# All three learn from lists of up to five items, the bottleneck for three times as many steps as
# the others. Then each translates lists of two to five items that it has never seen. A list counts
# only if every word is right.

# %% [markdown] lang="es"
# ## El experimento: cada vez más larga
#
# Los tres aprenden de listas de hasta cinco cosas, el cuello de botella durante el triple de pasos
# que los otros; después cada uno traduce listas de dos a cinco que no ha visto nunca. Una lista
# solo cuenta si está bien palabra por palabra.

# %%
seen = {spanish for spanish, _ in lists}
unseen = {
    items: [pair for pair in (shopping(items, rng) for _ in range(150)) if pair[0] not in seen]
    for items in range(2, LONGEST + 1)
}
names = {
    "bottleneck": text("bottleneck", "cuello de botella"),
    "additive": text("additive", "aditiva"),
    "dot": text("dot product", "producto escalar"),
}
models, right, said = {}, {}, {}
print(f"{text('items', 'cosas'):<17}", " ".join(f"{items:6}" for items in unseen))
for way, steps in (("bottleneck", 900), ("additive", 300), ("dot", 300)):
    models[way], history = fit(way, steps)
    right[way] = []
    for items, pairs in unseen.items():
        found, _ = translate(models[way], [spanish for spanish, _ in pairs], 4 * items)
        right[way].append(np.mean([a == b for a, (_, b) in zip(found, pairs, strict=True)]))
        said[way, items] = found
    print(f"{names[way]:<17}", " ".join(f"{share:6.1%}" for share in right[way]),
          text("   loss", "   pérdida"), f"{np.mean(history.losses[-20:]):.3f}")  # fmt: skip
assert right["bottleneck"][0] > 0.6 and right["bottleneck"][-1] < 0.1
assert min(right["additive"] + right["dot"]) > 0.95

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
for way, line in zip(right, ("o:", "s-", "^--"), strict=True):
    axes.plot(list(unseen), [100 * share for share in right[way]], line, label=names[way])
axes.set(xlabel=text("items on the list", "cosas en la lista"), xticks=list(unseen),
         ylabel=text("translated without a mistake, %", "traducidas sin un error, %"),
         ylim=(-3, 103))  # fmt: skip
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# The bottleneck drowns: after this training it can hold two items, not five. With attention, the
# same networks do not care about the length, and they learned it in a third of the steps.
#
# Is the bottleneck just too narrow? Widen it: half the width, the same, and twice the width,
# trained equally long.

# %% [markdown] lang="es"
# El cuello de botella se ahoga: tras este entrenamiento le caben dos cosas, no cinco. Con atención,
# a las mismas redes no les importa la longitud, y lo aprendieron en la tercera parte de los pasos.
#
# ¿Será que el cuello es demasiado estrecho? Ensanchémoslo: la mitad de ancho, igual y el doble, con
# el mismo entrenamiento.

# %%
widths = {32: right["bottleneck"]}
for width in (16, 64):
    wider, _ = fit("bottleneck", 900, width=width)
    widths[width] = []
    for items, pairs in unseen.items():
        found, _ = translate(wider, [spanish for spanish, _ in pairs], 4 * items)
        widths[width].append(np.mean([a == b for a, (_, b) in zip(found, pairs, strict=True)]))
for width in sorted(widths):
    print(
        f"{text('width', 'ancho')} {width:>3}", " ".join(f"{share:6.1%}" for share in widths[width])
    )
assert np.mean(widths[16]) < np.mean(widths[32]) < np.mean(widths[64])
assert widths[64][-1] < 0.2 < 0.95 < right["dot"][-1]

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for width, shade in zip(sorted(widths), ("0.75", "0.5", "0.2"), strict=True):
    axes.plot(list(unseen), [100 * share for share in widths[width]], "o:", color=shade,
              label=f"{names['bottleneck']}, {text('width', 'ancho')} {width}")  # fmt: skip
axes.plot(list(unseen), [100 * share for share in right["dot"]], "^--", color="C2",
          label=f"{names['dot']}, {text('width', 'ancho')} 32")  # fmt: skip
axes.set(xlabel=text("items on the list", "cosas en la lista"), xticks=list(unseen),
         ylabel=text("translated without a mistake, %", "traducidas sin un error, %"),
         ylim=(-3, 103))  # fmt: skip
axes.legend(frameon=False, fontsize="small")
plt.show()

# %% [markdown] lang="en"
# A wider memory reaches further, and longer training would help it too; but the curve only moves to
# the right, and for every length there is a longer one. Attention removes the limit instead.
#
# ## Half right: BLEU
#
# "Every word is right" is a hard test: a long list with one wrong word counts as nothing. **BLEU**
# counts how many runs of one, two, three and four words of the translation also occur in the right
# one ($p_1$ to $p_4$), takes their geometric mean, and penalises translations that are too short
# ($c$ words instead of $r$):
#
# $$\text{BLEU} = 100 \cdot \min\left(1, e^{1 - r/c}\right) \cdot
#   \left(p_1 p_2 p_3 p_4\right)^{1/4}$$

# %% [markdown] lang="es"
# Una memoria más ancha llega más lejos, y entrenarla más tiempo también ayudaría; pero la curva
# solo se corre a la derecha, y para cada longitud hay otra mayor. La atención, en cambio, quita el
# límite.
#
# ## Medio bien: BLEU
#
# «Bien palabra por palabra» es una prueba dura: una lista larga con una palabra mal no cuenta nada.
# **BLEU** cuenta cuántas series de una, dos, tres y cuatro palabras de la traducción están también
# en la correcta ($p_1$ a $p_4$), toma su media geométrica y penaliza las traducciones demasiado
# cortas ($c$ palabras en vez de $r$):
#
# $$\text{BLEU} = 100 \cdot \min\left(1, e^{1 - r/c}\right) \cdot
#   \left(p_1 p_2 p_3 p_4\right)^{1/4}$$


# %%
def runs(words, n):
    return Counter(tuple(words[k : k + n]) for k in range(len(words) - n + 1))


def our_bleu(found, expected):
    pairs = [(f.split(), e.split()) for f, e in zip(found, expected, strict=True)]
    shares = [
        sum((runs(f, n) & runs(e, n)).total() for f, e in pairs)
        / sum(runs(f, n).total() for f, _ in pairs)
        for n in (1, 2, 3, 4)
    ]
    longer = sum(len(e) for _, e in pairs) / sum(len(f) for f, _ in pairs)
    return 100 * min(1, np.exp(1 - longer)) * np.prod(shares) ** 0.25


truly = [english for _, english in unseen[LONGEST]]
scores = {way: our_bleu(said[way, LONGEST], truly) for way in right}
for way, score in scores.items():
    assert np.isclose(score, bleu(said[way, LONGEST], truly))  # the usual program's || el habitual
    whole = text("without a mistake", "sin un error")
    print(f"{names[way]:<17} BLEU {score:5.1f}  {right[way][-1]:6.1%} {whole}")
assert scores["bottleneck"] > 20 and right["bottleneck"][-1] < 0.1

# %% [markdown] lang="en"
# With five items the bottleneck gets hardly any list right, and yet BLEU gives it credit for the
# pieces that are. BLEU has its own blind spot: a good translation in other words scores nothing.
#
# ## Where it looks
#
# The weights are there to be looked at: a row for each word that it says, a column for each word
# that it read.

# %% [markdown] lang="es"
# Con cinco cosas, el cuello de botella casi no acierta ninguna lista, y aun así BLEU le reconoce
# los trozos que están bien. También BLEU tiene su punto ciego: una buena traducción con otras
# palabras no puntúa.
#
# ## Adónde mira
#
# Los pesos están ahí para mirarlos: una fila por cada palabra que dice, una columna por cada una
# que leyó.

# %%
sentence = "siete manzanas rojas y dos limones pequeños y tres peras maduras"
expected = "seven red apples and two small lemons and three ripe pears"
looks = {}
for way in ("additive", "dot"):
    (found,), weights = translate(models[way], [sentence], len(expected.split()))
    looks[way] = weights.data[0] if hasattr(weights, "data") else weights[0]
    print(f"{names[way]:<17}{found}")

# %% tags=["plot"]
figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for panel, (way, weights) in zip(axes, looks.items(), strict=True):
    panel.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    panel.set_xticks(range(len(sentence.split())), sentence.split(), rotation=60, ha="right")
    panel.set_yticks(range(len(expected.split())), expected.split())
    panel.set_title(names[way])
plt.show()

# %% [markdown] lang="en"
# Follow the diagonal, and see it cross itself at each item: to say *red*, it looks past *manzanas*
# at *rojas*, and goes back for *apples*. Nobody told it to. Such a picture does not prove what a
# network thinks (a GRU's note at one place also knows about its neighbours), but here it can be
# compared with the truth: how often does it look most at the word that it is translating, or right
# beside it?

# %% [markdown] lang="es"
# Sigue la diagonal y mira cómo se cruza en cada cosa: para decir *red* mira más allá de *manzanas*,
# a *rojas*, y vuelve atrás para *apples*. Nadie se lo ha dicho. Una imagen así no demuestra lo que
# piensa una red (la nota de una GRU en un lugar también sabe de las palabras vecinas), pero aquí se
# puede comparar con la verdad: ¿con qué frecuencia mira sobre todo a la palabra que está
# traduciendo, o justo al lado?

# %%
truth = [4 * (t // 4) + (0, 2, 1, 3)[t % 4] for t in range(len(expected.split()))]
for way, weights in looks.items():
    near = np.mean(np.abs(weights.argmax(-1) - truth) <= 1)
    print(f"{names[way]:<17}{near:.0%}")
    assert near > 0.7
uniform = np.mean(np.abs(np.arange(11)[:, None] - truth) <= 1)
print(text("looking anywhere:", "mirando a cualquier parte:"), f"{uniform:.0%}")

# %% [markdown] lang="en"
# ## The proof
#
# Both kinds of attention before the three judges of chapters 2 and 3, and the derivatives of their
# derivatives too.

# %% [markdown] lang="es"
# ## La demostración
#
# Las dos clases de atención ante los tres jueces de los capítulos 2 y 3, y también las derivadas de
# sus derivadas.

# %%
verdicts(verify("attention", "additive-attention", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. A key that fits.** A query scores $(0, \log\,3)$ on two notes with the values 10 and 20. What
# comes back?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. Una clave que encaja.** Una consulta obtiene las puntuaciones $(0, \log\,3)$ con dos notas,
# de valores 10 y 20. ¿Qué vuelve?

# %%
context = None
check("1", context, look(np.array([0, np.log(3)]), np.array([10.0, 20.0]))[0])

# %% [markdown] lang="en" tags=["hint"]
# 1. The weights are the softmax of the scores.
# 2. $e^0 = 1$ and $e^{\log 3} = 3$: the weights are 1/4 and 3/4.
# 3. $\tfrac14 \cdot 10 + \tfrac34 \cdot 20$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Los pesos son la softmax de las puntuaciones.
# 2. $e^0 = 1$ y $e^{\log 3} = 3$: los pesos son 1/4 y 3/4.
# 3. $\tfrac14 \cdot 10 + \tfrac34 \cdot 20$.

# %% [markdown] lang="en" tags=["solution"]
# The weights are $(1, 3)/4$, so $10/4 + 3 \cdot 20/4 = 17.5$.

# %% [markdown] lang="es" tags=["solution"]
# Los pesos son $(1, 3)/4$, luego $10/4 + 3 \cdot 20/4 = 17.5$.

# %% tags=["solution"]
context = 10 / 4 + 3 * 20 / 4
check("1", context, look(np.array([0, np.log(3)]), np.array([10.0, 20.0]))[0])

# %% [markdown] lang="en"
# **2. What a score learns.** In exercise 1, the loss sends back $\delta y = 1$. Write $\delta s$
# with the formula above, without minigrad.

# %% [markdown] lang="es"
# **2. Qué aprende una puntuación.** En el ejercicio 1 la pérdida envía $\delta y = 1$. Escribe
# $\delta s$ con la fórmula de arriba, sin minigrad.

# %%
lesson = None
slope = mg.grad(lambda s: look(s, np.array([10.0, 20.0]))[0])(np.array([0, np.log(3)]))
check("2", lesson, slope)

# %% [markdown] lang="en" tags=["hint"]
# 1. $\delta a$ is $\delta y$ times the values: $(10, 20)$.
# 2. Subtract their weighted mean, 17.5.
# 3. Multiply each difference by its weight.

# %% [markdown] lang="es" tags=["hint"]
# 1. $\delta a$ es $\delta y$ por los valores: $(10, 20)$.
# 2. Resta su media ponderada, 17.5.
# 3. Multiplica cada diferencia por su peso.

# %% [markdown] lang="en" tags=["solution"]
# $\delta a = (10, 20)$; its weighted mean is 17.5; so $\delta s = (\tfrac14 (10 - 17.5), \tfrac34
# (20 - 17.5)) = (-1.875, 1.875)$. The loss grows with $y$, and descent goes against the gradient:
# look more at the first, whose value is smaller.

# %% [markdown] lang="es" tags=["solution"]
# $\delta a = (10, 20)$; su media ponderada es 17.5; luego $\delta s = (\tfrac14 (10 - 17.5),
# \tfrac34 (20 - 17.5)) = (-1.875, 1.875)$. La pérdida crece con $y$, y el descenso va contra el
# gradiente: mira más a la primera, de valor menor.

# %% tags=["solution"]
lesson = np.array([1, 3]) / 4 * (np.array([10, 20]) - 17.5)
check("2", lesson, slope)

# %% [markdown] lang="en"
# **3. Why $\sqrt{d}$?** Query and key have 64 entries, each drawn with mean 0 and variance 1. What
# is the standard deviation of $q^\top k$?

# %% [markdown] lang="es"
# **3. ¿Por qué $\sqrt{d}$?** Consulta y clave tienen 64 elementos, cada uno con media 0 y varianza
# 1. ¿Cuál es la desviación típica de $q^\top k$?

# %%
spread = None
drawn = np.random.default_rng(SEED).normal(size=(2, 200_000, 64))
check("3", spread, drawn.prod(0).sum(-1).std(), rtol=0.02)

# %% [markdown] lang="en" tags=["hint"]
# 1. The dot product is a sum of 64 products.
# 2. Each product has mean 0 and variance 1, and they are independent.
# 3. Variances add: the variance is 64, and the deviation its root.

# %% [markdown] lang="es" tags=["hint"]
# 1. El producto escalar es una suma de 64 productos.
# 2. Cada producto tiene media 0 y varianza 1, y son independientes.
# 3. Las varianzas se suman: la varianza es 64, y la desviación, su raíz.

# %% [markdown] lang="en" tags=["solution"]
# The sum of 64 products, each with variance 1, has the variance 64, so its deviation is
# $\sqrt{64} = 8$. Without dividing by it, the softmax of wide layers would be saturated from the
# start, and learn nothing (exercise 2 with a weight of 1 gives 0).

# %% [markdown] lang="es" tags=["solution"]
# La suma de 64 productos, cada uno de varianza 1, tiene varianza 64, luego su desviación es
# $\sqrt{64} = 8$. Sin dividir por ella, la softmax de las capas anchas estaría saturada desde el
# principio y no aprendería nada (el ejercicio 2 con un peso de 1 da 0).

# %% tags=["solution"]
spread = 8
check("3", spread, drawn.prod(0).sum(-1).std(), rtol=0.02)

# %% [markdown] lang="en"
# **4. Nowhere to look.** Three notes, all with the value $(1, 1)$, and a mask that allows none of
# them: which two numbers does minigrad's attention return? (In some libraries they are NaN.)

# %% [markdown] lang="es"
# **4. Ningún lugar adonde mirar.** Tres notas, todas de valor $(1, 1)$, y una máscara que no
# permite ninguna: ¿qué dos números devuelve la atención de minigrad? (En algunas bibliotecas, NaN).

# %%
nothing = None
(masked,), _ = nn.scaled_dot_product_attention(
    np.ones((1, 2)), np.ones((3, 2)), np.ones((3, 2)), np.zeros((1, 3), bool)
)
check("4", nothing, masked)

# %% [markdown] lang="en" tags=["hint"]
# 1. Print `masked`.
# 2. What should a weighted sum of nothing be?
# 3. No note may be used, so every weight is 0.

# %% [markdown] lang="es" tags=["hint"]
# 1. Imprime `masked`.
# 2. ¿Cuánto debería ser una suma ponderada de nada?
# 3. No se puede usar ninguna nota, así que todos los pesos son 0.

# %% [markdown] lang="en" tags=["solution"]
# Zeros: nothing was looked at, so nothing comes back, and no gradient either.

# %% [markdown] lang="es" tags=["solution"]
# Ceros: no se miró nada, así que no vuelve nada, y tampoco ningún gradiente.

# %% tags=["solution"]
nothing = np.zeros(2)
check("4", nothing, masked)

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. What does the bottleneck force the encoder to do?**
#
# - [x] Put the whole sentence into one vector of fixed size :: Whatever its length. Attention lets
#   the decoder go back to every step instead.
# - [ ] Translate word by word :: It says nothing at all before the end.
# - [ ] Read the sentence twice :: It reads once.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿A qué obliga el cuello de botella al codificador?**
#
# - [x] A meter toda la frase en un vector de tamaño fijo :: Sea cual sea la longitud. La atención
#   deja que el decodificador vuelva a cada paso.
# - [ ] A traducir palabra por palabra :: No dice nada antes del final.
# - [ ] A leer la frase dos veces :: Lee una vez.

# %% [markdown] lang="en" tags=["quiz"]
# **2. Query, key, value: which of them decide the weights?**
#
# - [ ] Key and value :: The values are what is averaged, whatever they are.
# - [x] Query and key :: The better a key fits the query, the larger its weight; the values are then
#   averaged with these weights.
# - [ ] All three :: Change a value, and no weight changes.

# %% [markdown] lang="es" tags=["quiz"]
# **2. Consulta, clave, valor: ¿cuáles deciden los pesos?**
#
# - [ ] Clave y valor :: Los valores son lo que se promedia, sean los que sean.
# - [x] Consulta y clave :: Cuanto mejor encaja una clave con la consulta, mayor es su peso; los
#   valores se promedian después con esos pesos.
# - [ ] Los tres :: Si cambias un valor, no cambia ningún peso.

# %% [markdown] lang="en" tags=["quiz"]
# **3. All scores grow by 5. What happens to the attention weights?**
#
# - [x] Nothing :: Softmax knows only differences of scores.
# - [ ] They grow :: They add up to 1 before and after.
# - [ ] The largest one goes to 1 :: That would need the differences to grow.

# %% [markdown] lang="es" tags=["quiz"]
# **3. Todas las puntuaciones suben 5. ¿Qué pasa con los pesos de atención?**
#
# - [x] Nada :: La softmax solo conoce diferencias de puntuaciones.
# - [ ] Crecen :: Suman 1 antes y después.
# - [ ] El mayor tiende a 1 :: Para eso tendrían que crecer las diferencias.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Does an attention weight of 0.9 prove that the model needed this word?**
#
# - [ ] Yes :: The encoder's step knows its neighbours too; the information may be elsewhere.
# - [x] No: it says where the model looked; change the word and see :: A weight is a part of the
#   computation, not an explanation of the result.
# - [ ] Only in the last layer :: The layer makes no difference to the argument.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿Demuestra un peso de atención de 0.9 que el modelo necesitaba esa palabra?**
#
# - [ ] Sí :: El paso del codificador también conoce a sus vecinos; la información puede estar en
#   otra parte.
# - [x] No: dice adónde miró; cambia la palabra y verás :: Un peso es una parte del cálculo, no una
#   explicación del resultado.
# - [ ] Solo en la última capa :: La capa no cambia el argumento.

# %% [markdown] lang="en" tags=["quiz"]
# **5. BLEU of a translation is 0, though its meaning is right. How can that be?**
#
# - [x] It shares no run of four words with the reference :: BLEU counts common runs of one to four
#   words; other words for the same thing score nothing.
# - [ ] It is too long :: Length alone does not bring it to 0.
# - [ ] BLEU needs lower case :: Case can cost points, not all of them here.

# %% [markdown] lang="es" tags=["quiz"]
# **5. El BLEU de una traducción es 0, aunque el significado es correcto. ¿Cómo puede ser?**
#
# - [x] No comparte ninguna serie de cuatro palabras con la referencia :: BLEU cuenta series comunes
#   de una a cuatro palabras; otras palabras para lo mismo no puntúan.
# - [ ] Es demasiado larga :: La longitud por sí sola no lo lleva a 0.
# - [ ] BLEU exige minúsculas :: Las mayúsculas pueden costar puntos, pero no todos.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `models/translator.py`: numbers and dates in words, both ways, with beam search
#   (`python -m models.translator --help`); also without any recurrence, which is chapter 10.
# - I. Sutskever, O. Vinyals, Q. V. Le, *Sequence to Sequence Learning with Neural Networks*, NIPS
#   2014: the bottleneck, and how far it goes.
# - D. Bahdanau, K. Cho, Y. Bengio, *Neural Machine Translation by Jointly Learning to Align and
#   Translate*, ICLR 2015: figure 2 is our first experiment, figure 3 our picture.
# - M.-T. Luong, H. Pham, C. D. Manning, *Effective Approaches to Attention-based Neural Machine
#   Translation*, EMNLP 2015: the dot product.
# - S. Jain, B. C. Wallace, *Attention is not Explanation*, NAACL 2019: what such pictures do not
#   show.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `models/translator.py`: números y fechas en palabras, en los dos sentidos, con búsqueda en haz
#   (`python -m models.translator --help`); también sin recurrencia alguna, que es el capítulo 10.
# - I. Sutskever, O. Vinyals, Q. V. Le, *Sequence to Sequence Learning with Neural Networks*, NIPS
#   2014: el cuello de botella, y hasta dónde llega.
# - D. Bahdanau, K. Cho, Y. Bengio, *Neural Machine Translation by Jointly Learning to Align and
#   Translate*, ICLR 2015: la figura 2 es nuestro primer experimento; la 3, nuestra imagen.
# - M.-T. Luong, H. Pham, C. D. Manning, *Effective Approaches to Attention-based Neural Machine
#   Translation*, EMNLP 2015: el producto escalar.
# - S. Jain, B. C. Wallace, *Attention is not Explanation*, NAACL 2019: lo que esas imágenes no
#   demuestran.
