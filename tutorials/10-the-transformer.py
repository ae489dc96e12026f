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
# # The transformer
#
# With attention, the translator of chapter 9 reached any word in one step. Its recurrent networks
# were still there, reading word after word, and you may now ask what for. **What is left if we take
# the recurrence away?**
#
# You will let all words look at all words; see what is lost by that, and give it back; build one
# block, and from it a GPT, a BERT and a translator; and then find out what reading without a
# teacher is good for.

# %% [markdown] lang="es"
# # El transformer
#
# Con la atención, el traductor del capítulo 9 llegaba a cualquier palabra en un paso. Sus redes
# recurrentes seguían allí, palabra tras palabra, y ahora cabe preguntar para qué. **¿Qué queda si
# quitamos la recurrencia?**
#
# Vas a dejar que todas las palabras miren a todas; a ver qué se pierde con eso, y a devolverlo; a
# construir un bloque, y con él un GPT, un BERT y un traductor; y a averiguar después para qué sirve
# leer sin profesor.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify
from models.text import Vocabulary, padded
from models.training import train

SEED = 10
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## All words to all words
#
# In **self-attention**, queries, keys and values all come from the same words, through three
# learned matrices. Each word asks and each word answers, all at the same time; what comes back is
# the same word, which now knows about the others. (As in chapter 9, each line is a weight; nothing
# has been learned yet.)

# %% [markdown] lang="es"
# ## Todas las palabras con todas
#
# En la **autoatención** las consultas, las claves y los valores salen de las mismas palabras, por
# tres matrices que se aprenden. Cada palabra pregunta, cada palabra responde, todas a la vez; lo
# que vuelve es la misma palabra, que ahora sabe de las demás. (Como en el capítulo 9, cada línea es
# un peso; todavía no se ha aprendido nada).

# %%
everyone = text("all to all", "todas con todas")
sides = text("query", "consulta"), text("key", "clave")
graph.draw("attention", steps=6, view="attention", title=everyone, sides=sides)

# %% [markdown] lang="en"
# One choice is often not enough: *it* needs to know what it stands for, and what is said about it.
# So there are several **heads**: the width is cut into as many parts, each part looks on its own,
# and what they bring back is put side by side. This is nothing but reshaping. (`in_proj_weight`
# holds the three matrices one below the other; `allowed`, who may look at whom, comes later.)

# %% [markdown] lang="es"
# Una sola elección suele ser poco: *ella* quiere saber a quién sustituye y qué se dice de ella. Por
# eso hay varias **cabezas**: el ancho se corta en otras tantas partes, cada una mira por su cuenta,
# y lo que traen se pone lado a lado. No es más que cambiar de forma. (`in_proj_weight` guarda las
# tres matrices, una debajo de otra; `allowed`, quién puede mirar a quién, entra en juego más
# abajo).


# %%
def heads_of(x, count):
    time, width = x.shape
    return np.swapaxes(x.reshape(time, count, width // count), 0, 1)  # (head, …) || (cabeza, …)


def self_attention(x, layer, allowed=None):
    parts = np.split(x @ layer.in_proj_weight.T + layer.in_proj_bias, 3, axis=-1)
    query, key, value = (heads_of(part, layer.num_heads) for part in parts)
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    weights = mg.softmax(scores, axis=-1, where=allowed)
    together = np.swapaxes(weights @ value, 0, 1).reshape(x.shape)
    return layer.out_proj(together), weights


layer = nn.MultiheadAttention(8, 2, rng=SEED, dtype=np.float64)
x = rng.normal(size=(5, 8))
ours, its_weights = self_attention(x, layer)
theirs, mean_weights = layer(x)
assert np.allclose(ours.data, theirs.data)
assert np.allclose(its_weights.data.mean(0), mean_weights.data)
print(text("our ten lines are MultiheadAttention", "nuestras diez líneas son MultiheadAttention"))

# %% [markdown] lang="en"
# ## What is lost: the order
#
# A recurrent network knows what came first, because it came first. Here no part of the network
# knows. If you change the order of the words, the answers change their order, and nothing else
# changes:

# %% [markdown] lang="es"
# ## Lo que se pierde: el orden
#
# Una red recurrente sabe qué vino antes, porque le vino antes. Aquí no lo sabe nadie. Cambia las
# palabras de sitio y las respuestas cambian de sitio, y nada más:

# %%
order = rng.permutation(5)
shuffled, _ = self_attention(x[order], layer)
assert np.allclose(shuffled.data, ours.data[order])
difference = np.abs(shuffled.data - ours.data[order]).max()
print(text("new order:", "nuevo orden:"), order,
      text("  difference:", "  diferencia:"), f"{difference:.2f}")  # fmt: skip

# %% [markdown] lang="en"
# "The dog bites the man" and "the man bites the dog" would be the same. So each place gets a vector
# of its own, which is *added* to the word's: a learned one, or waves of different lengths, each as
# a sine and a cosine:
#
# $$p_{t,\,2i} = \sin\frac{t}{10000^{2i/d}} \qquad p_{t,\,2i+1} = \cos\frac{t}{10000^{2i/d}}$$
#
# With them, neighbouring places are alike, and "three further on" means the same everywhere. Added
# to the words, they make the order matter:

# %% [markdown] lang="es"
# «El perro muerde al hombre» y «el hombre muerde al perro» serían lo mismo. Por eso cada lugar
# tiene un vector propio, que se *suma* al de la palabra: uno aprendido, u ondas de distintas
# longitudes, cada una como seno y como coseno:
#
# $$p_{t,\,2i} = \sin\frac{t}{10000^{2i/d}} \qquad p_{t,\,2i+1} = \cos\frac{t}{10000^{2i/d}}$$
#
# Con ellas los lugares vecinos se parecen, y «tres más allá» significa lo mismo en todas partes.
# Sumadas a las palabras, hacen que el cambio de sitio se note:

# %%
lengths = 10_000 ** (np.arange(0, 32, 2) / 32)
angles = np.arange(40)[:, None] / lengths
waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(40, 32)
assert np.allclose(waves, nn.sinusoidal_encoding(40, 32), atol=1e-5)

moved, _ = self_attention(x[order] + waves[:5, :8], layer)
stayed, _ = self_attention(x + waves[:5, :8], layer)
difference = np.abs(moved.data - stayed.data[order]).max()
print(text("now the order matters:", "ahora el orden importa:"), f"{difference:.2f}")
assert difference > 0.1
alike = waves @ waves.T
assert np.allclose(alike[3:, 3:], alike[:-3, :-3])  # distance only || solo la distancia

# %% tags=["plot"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.2), layout="constrained")
axes[0].imshow(waves.T, cmap="RdBu", aspect="auto", vmin=-1, vmax=1)
axes[0].set(
    xlabel=text("place", "lugar"), ylabel=text("entry of its vector", "elemento del vector")
)
axes[1].imshow(alike, cmap="Blues")
axes[1].set(xlabel=text("place", "lugar"), ylabel=text("place", "lugar"),
            title=text("how alike two places are", "cuánto se parecen dos lugares"))  # fmt: skip
plt.show()

# %% [markdown] lang="en"
# On the left, one column for each place: fast waves in the upper rows, slow ones below. On the
# right, the dot product of every two places: it is largest on the diagonal, and the same along each
# parallel to it, wherever the pair is (exercise 4 finds out why).
#
# ## Masks: who may look at whom
#
# If the network is to predict the *next* word, it must not see it. A **causal** mask lets each word
# look only backwards; then one pass over a sentence asks as many questions as it has words. Without
# a mask, each word sees both sides. As far as the architecture goes, that is the whole difference
# between GPT and BERT.

# %% [markdown] lang="es"
# A la izquierda, una columna por lugar: arriba las ondas rápidas, abajo las lentas. A la derecha,
# el producto escalar de cada dos lugares: es máximo en la diagonal e igual a lo largo de cada
# paralela, esté donde esté la pareja (el ejercicio 4 averigua por qué).
#
# ## Máscaras: quién puede mirar a quién
#
# Si la red ha de decir la palabra *siguiente*, no debe verla. Una máscara **causal** deja que cada
# palabra mire solo hacia atrás; así, una pasada por una frase hace tantas preguntas como palabras
# tiene. Sin máscara, cada palabra ve los dos lados. En cuanto a la arquitectura, esa es toda la
# diferencia entre GPT y BERT.

# %%
back = nn.causal_mask(5)
print(back.astype(int))
changed = x.copy()
changed[3] += 1  # another fourth word || otra cuarta palabra
before, after = (self_attention(some, layer, back)[0].data for some in (x, changed))
assert np.allclose(before[:3], after[:3]) and not np.allclose(before[3:], after[3:])

# %% [markdown] lang="en"
# ## The block
#
# Words that know about each other still have to think about it: with a small network of two affine
# maps and a nonlinearity between them (GELU, a smooth kind of ReLU), for each word separately. Both
# parts *add* to what is there instead of replacing it, so that a gradient can pass straight through
# (the belt of the LSTM, chapter 5, now through layers instead of time). And before each part,
# **layer normalisation** brings every word to mean 0 and variance 1.

# %% [markdown] lang="es"
# ## El bloque
#
# Las palabras que saben unas de otras todavía tienen que pensarlo: una red pequeña de dos
# aplicaciones afines, con una no linealidad en medio (GELU, una ReLU suave), para cada palabra por
# separado. Las dos partes *suman* a lo que hay en vez de
# sustituirlo, de modo que un gradiente puede pasar de largo (la cinta de la LSTM, capítulo 5, ahora
# a través de capas en vez de tiempo); y antes de cada una, la **normalización de capa** lleva cada
# palabra a media 0 y varianza 1.


# %%
def block(x, layer, allowed=None):
    attended, _ = self_attention(layer.norm1(x), layer.self_attn, allowed)
    x = x + attended
    return x + layer.linear2(mg.gelu(layer.linear1(layer.norm2(x))))


layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", norm_first=True,
                                   rng=SEED, dtype=np.float64)  # fmt: skip
assert np.allclose(block(x, layer, back).data, layer(x, is_causal=True).data)
print(text("our four lines are TransformerEncoderLayer",
           "nuestras cuatro líneas son TransformerEncoderLayer"))  # fmt: skip

# %% [markdown] lang="en"
# ## The equations
#
# Attention's gradients were derived in chapter 9; here is the new part, layer normalisation. Words
# are rows, $d$ entries wide: $Z$ is the word minus its mean, $H$ its standard deviation (with
# $10^{-5}$ against a division by 0), $U$ the normalised word, and $W$ and $b$, a gain and a shift
# for each entry, are learned.

# %% [markdown] lang="es"
# ## Las ecuaciones
#
# Los gradientes de la atención se derivaron en el capítulo 9; esta es la parte nueva, la
# normalización de capa. Las palabras son filas de $d$ elementos: $Z$ es la palabra menos su media;
# $H$, su desviación típica (con $10^{-5}$ contra la división por 0); $U$, la palabra normalizada;
# $W$ y $b$, un factor y un desplazamiento por elemento, se aprenden.

# %%
formulas(derive("layer-norm"))

# %% [markdown] lang="en"
# Put the lines for $\delta H$, $\delta Z$ and $\delta X$ into one and they become simple:
#
# $$\delta X = \frac{1}{H} \circ \left(\delta U - \frac{\text{rowsum}(\delta U)}{d} -
#   U \circ \frac{\text{rowsum}(\delta U \circ U)}{d}\right)$$
#
# What arrives is **projected twice**: it loses its mean, and it loses its part along the output
# $U$. Neither can be changed by moving $X$, which is brought back to mean 0 and variance 1 anyway.

# %% [markdown] lang="es"
# Junta las líneas de $\delta H$, $\delta Z$ y $\delta X$ en una sola y quedan sencillas:
#
# $$\delta X = \frac{1}{H} \circ \left(\delta U - \frac{\text{rowsum}(\delta U)}{d} -
#   U \circ \frac{\text{rowsum}(\delta U \circ U)}{d}\right)$$
#
# Lo que llega se **proyecta dos veces**: pierde su media y pierde su parte a lo largo de la salida
# $U$. Ninguna de las dos puede cambiarse moviendo $X$, que de todos modos vuelve a media 0 y
# varianza 1.

# %%
X, d_U = np.random.default_rng(SEED).normal(size=(2, 3, 8))
H = np.sqrt(X.var(axis=1, keepdims=True) + 1e-5)
U = (X - X.mean(axis=1, keepdims=True)) / H
d_X = (d_U - d_U.mean(1, keepdims=True) - U * (d_U * U).mean(1, keepdims=True)) / H
_, pull_back = mg.vjp(nn.LayerNorm(8, dtype=np.float64), X)
assert np.allclose(d_X, pull_back(d_U)[0])
print(text("the formula is the engine's gradient", "la fórmula es el gradiente del motor"))

# %% [markdown] lang="en"
# ## The experiment: GPT and BERT
#
# Here is a very small language in which there is something to discover: half of its adjectives
# praise, the other half complain, and how they are joined shows which go together. Nobody tells the
# networks.

# %% [markdown] lang="es"
# ## El experimento: GPT y BERT
#
# Una lengua muy pequeña en la que hay algo que descubrir: la mitad de sus adjetivos elogia y la
# otra mitad critica, y la manera de unirlos delata cuáles van juntos. Nadie se lo dice a las redes.

# %%
THINGS = text("the soup|the film|the hotel|the beach|the phone|the garden",
              "la sopa|la película|el hotel|la playa|el teléfono|el jardín").split("|")  # fmt: skip
GOOD = text("good lovely superb pleasant charming brilliant",
            "excelente brillante agradable genial notable impresionante").split()  # fmt: skip
BAD = text("bad awful dull nasty shabby hopeless",
           "terrible horrible lamentable triste mediocre miserable").split()  # fmt: skip
PATTERNS = text(
    ("{s} was {a} and {c} .", "{s} was {a} and not {b} .", "{s} looked {b} but it was {a} ."),
    ("{s} era {a} y {c} .", "{s} era {a} y no {b} .", "{s} parecía {b} pero era {a} ."),
)


def say(rng):
    mine, other = (GOOD, BAD) if rng.integers(2) else (BAD, GOOD)
    first, second = rng.choice(mine, 2, replace=False)
    pattern, thing = rng.choice(PATTERNS), rng.choice(THINGS)
    return pattern.format(s=thing, a=first, b=rng.choice(other), c=second).split()


sentences = [say(rng) for _ in range(2000)]
vocabulary = Vocabulary.of(word for sentence in sentences for word in sentence)
known = [vocabulary.encode(sentence, ends=True) for sentence in sentences]
print(*(" ".join(sentence) for sentence in sentences[:3]), sep="\n")

# %% [markdown] lang="en"
# One class for both: two blocks of four heads, 32 numbers for each word. What differs is one word,
# `causal`, and the question: the GPT is asked for the next word at every place; from the BERT, one
# word of each sentence is hidden, and it is asked for that one.

# %% [markdown] lang="es"
# Una sola clase para los dos: dos bloques de cuatro cabezas y 32 números por palabra. Lo que cambia
# es una palabra, `causal`, y lo que se pregunta: al GPT, en cada lugar, la palabra siguiente; al
# BERT se le esconde una palabra de cada frase, y se le pregunta por ella.


# %%
class Reader(nn.Module):
    def __init__(self, width=32, rng=None):
        rng = np.random.default_rng(rng)
        self.words = nn.Embedding(len(vocabulary), width, rng=rng)
        self.places = nn.PositionalEncoding(width)
        self.body = nn.TransformerEncoder(width, 4, 2, dim_feedforward=2 * width, dropout=0.0,
                                          activation="gelu", norm_first=True, rng=rng)  # fmt: skip
        self.head = nn.Linear(width, len(vocabulary), rng=rng)

    def read(self, indices, causal=False):
        x = self.places(self.words(indices))
        return self.body(x, src_key_padding_mask=indices == 0, is_causal=causal)

    def forward(self, indices, causal=False):
        return self.head(self.read(indices, causal))


def next_words(step):
    rows = np.random.default_rng([SEED, step]).integers(0, len(known), 48)
    tokens, _ = padded([known[k] for k in rows])
    return tokens[:, :-1], tokens[:, 1:]


def gaps(step):
    rng = np.random.default_rng([SEED, step])
    tokens, lengths = padded([known[k] for k in rng.integers(0, len(known), 64)])
    each, place = np.arange(len(tokens)), rng.integers(1, lengths - 1)  # no mark || no marcas
    shown, wanted = tokens.copy(), np.zeros_like(tokens)
    shown[each, place], wanted[each, place] = 1, tokens[each, place]  # 1: hidden || 1: oculta
    return shown, wanted


def fit(model, questions, steps, causal=False, lr=3e-3):
    def loss(step):
        shown, wanted = questions(step)
        return nn.cross_entropy(model(shown, causal), wanted, ignore_index=0)

    optimizer = optim.AdamW(model.parameters(), lr)
    return train(model, optimizer, loss, steps=steps, max_norm=1.0,
                 schedule=optim.warm_up(20, optim.cosine(lr, steps - 20)))  # fmt: skip


gpt, bert = Reader(rng=SEED), Reader(rng=SEED)
losses = {"GPT": fit(gpt, next_words, 300, causal=True).losses,
          "BERT": fit(bert, gaps, 1000).losses}  # fmt: skip
for name, line in losses.items():
    print(f"{name:<5} {np.mean(line[:20]):.2f} → {np.mean(line[-20:]):.2f}")
assert np.mean(losses["GPT"][-20:]) < 1 and np.mean(losses["BERT"][-20:]) < 1

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
for name, line in losses.items():
    axes.plot(np.convolve(line, np.full(20, 0.05), "valid"), label=name)
axes.set(xlabel=text("step", "paso"),
         ylabel=text("loss, nats per word", "pérdida, nats por palabra"))  # fmt: skip
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# (Do not compare the two losses: they are about different words.) The GPT can go on writing; the
# BERT cannot, but it knows from both sides what must have been in the gap:

# %% [markdown] lang="es"
# (Las dos pérdidas no se comparan: son de palabras distintas). El GPT sabe continuar; el BERT no,
# pero sabe qué tuvo que haber en el hueco, por los dos lados:

# %%
said = [vocabulary.index["<start>"]]
while len(said) < 12 and said[-1] != vocabulary.index["<end>"]:
    with mg.no_grad():
        scores = gpt(np.array([said]), causal=True).data[0, -1].astype(float)
    p = np.exp(scores - scores.max())
    said.append(int(rng.choice(len(p), p=p / p.sum())))
print("GPT: ", " ".join(vocabulary.decode(said)))

asked = text("the soup looked ? but it was dull .", "la sopa parecía ? pero era triste .").split()
place = 1 + asked.index("?")
indices = vocabulary.encode(asked, ends=True)[None]
assert indices[0, place] == 1  # an unknown word is hidden too || lo desconocido se oculta
with mg.no_grad():
    filled = bert(indices).data[0, place].argsort()[::-1][:4]
print("BERT:", " ".join(asked), "→", ", ".join(vocabulary.tokens[k] for k in filled))
sides = [vocabulary.tokens[k] in GOOD for k in filled]
assert all(sides)

# %% [markdown] lang="en"
# It has found out which adjectives are alike and which are opposites. Where did it look for that?
# Here are the weights of its first block, from the word in the gap. **What does a head do, and what
# would be left without positions, or under a GPT's mask?** Switch them off and on:

# %% [markdown] lang="es"
# Ha descubierto qué adjetivos se parecen y cuáles son contrarios. ¿Adónde miró para eso? Estos son
# los pesos de su primer bloque, desde la palabra del hueco. **¿Qué hace cada cabeza, y qué quedaría
# sin posiciones o con la máscara de un GPT?** Apágalas y enciéndelas:

# %%
first = bert.body.layers[0]
with mg.no_grad():
    x = bert.places(bert.words(indices))[0]
    its_weights = self_attention(first.norm1(x), first.self_attn)[1].data

# %% tags=["plot"]
words_read = ["<start>", *asked, "<end>"]
figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
axes.imshow(its_weights[:, place], cmap="Blues", vmin=0, vmax=1)
axes.set_xticks(range(len(words_read)), words_read, rotation=30, ha="right")
axes.set(yticks=range(4), ylabel=text("head", "cabeza"))
plt.show()
its_attention = first.self_attn
live("heads", words=words_read, ask=place, heads=4, x=bert.words(indices)[0],
     places=nn.sinusoidal_encoding(len(words_read), 32), norm=first.norm1,
     attention={"weight": its_attention.in_proj_weight, "bias": its_attention.in_proj_bias},
     out=its_attention.out_proj)  # fmt: skip

# %% [markdown] lang="en"
# Mostly at the words of the pattern, which show what kind of sentence this is, and on average
# little at the other adjective. Is that one unimportant, then? Do not ask the picture; ask the
# network: put an adjective of the other kind there, and see whether the answer changes.

# %% [markdown] lang="es"
# Sobre todo a las palabras del molde, que dicen qué clase de frase es esta, y en promedio poco al
# otro adjetivo. Entonces, ¿ese no importa? No se lo preguntes al dibujo, pregúntaselo a la red: pon
# ahí un adjetivo de la otra clase y mira si cambia la respuesta.

# %%
other = 1 + asked.index(text("dull", "triste"))
assert its_weights[:, place, other].mean() < 0.2
turned = indices.copy()
turned[0, other] = vocabulary.index[text("lovely", "genial")]
with mg.no_grad():
    filled = bert(turned).data[0, place].argsort()[::-1][:4]
asked[other - 1] = vocabulary.tokens[turned[0, other]]
print("BERT:", " ".join(asked), "→", ", ".join(vocabulary.tokens[k] for k in filled))
assert all(vocabulary.tokens[k] in BAD for k in filled)

# %% [markdown] lang="en"
# Everything depends on it. A weight says what one head of one block took, not what the answer was
# made from: what a word knows is passed on from block to block.
#
# ## Encoder and decoder: the first transformer
#
# The transformer of 2017 was a translator. Like chapter 9's, it has an **encoder**, blocks without
# a mask, which reads the sentence, and a **decoder**, which writes the translation. A decoder block
# has one part more: between looking at its own words so far (with the causal mask) and thinking, it
# looks at what the encoder has read. That is attention with the queries from one side and the keys
# and values from the other (**cross-attention**), just as in chapter 9:

# %% [markdown] lang="es"
# Todo depende de él. Un peso dice lo que tomó una cabeza de un bloque, no de qué está hecha la
# respuesta: lo que sabe una palabra pasa de bloque en bloque.
#
# ## Codificador y decodificador: el primer transformer
#
# El transformer de 2017 era un traductor. Como el del capítulo 9, tiene un **codificador**, bloques
# sin máscara, que lee la frase, y un **decodificador**, que escribe la traducción. Un bloque del
# decodificador tiene una parte más: entre mirar sus propias palabras dichas hasta ahora (con la
# máscara causal) y pensar, mira lo que ha leído el codificador. Es atención con las consultas de un
# lado y las claves y los valores del otro (**atención cruzada**), igual que en el capítulo 9:


# %%
def decoder_block(x, read, layer):
    attended, _ = self_attention(layer.norm1(x), layer.self_attn, nn.causal_mask(len(x)))
    x = x + attended
    looked, _ = layer.multihead_attn(
        layer.norm2(x), read, read
    )  # query, key, value || consulta, clave, valor
    x = x + looked
    return x + layer.linear2(mg.gelu(layer.linear1(layer.norm3(x))))


layer = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, activation="gelu", norm_first=True,
                                   rng=SEED, dtype=np.float64)  # fmt: skip
x, read = rng.normal(size=(5, 8)), rng.normal(size=(7, 8))
assert np.allclose(decoder_block(x, read, layer).data, layer(x, read, tgt_is_causal=True).data)
print(text("our six lines are TransformerDecoderLayer",
           "nuestras seis líneas son TransformerDecoderLayer"))  # fmt: skip

# %% [markdown] lang="en"
# Does it translate? Shopping lists again, with the adjective on the other side of the noun, and no
# recurrence anywhere:

# %% [markdown] lang="es"
# ¿Traduce? Otra vez listas de compras, con el adjetivo al otro lado del sustantivo, y sin
# recurrencia alguna:

# %%
WORDS = [line.split() for line in (
    "dos two tres three cuatro four cinco five",
    "peras pears uvas grapes limones lemons melones melons",
    "verdes green grandes big dulces sweet suaves soft",
)]  # fmt: skip
NUMBERS, FRUIT, KINDS = (dict(zip(line[::2], line[1::2], strict=True)) for line in WORDS)


def shopping(items):
    there, here = [], []
    for _ in range(items):
        count, fruit, kind = (rng.choice(list(some)) for some in (NUMBERS, FRUIT, KINDS))
        there.append(f"{count} {fruit} {kind}")
        here.append(f"{NUMBERS[count]} {KINDS[kind]} {FRUIT[fruit]}")
    return " y ".join(there), " and ".join(here)


lists = [shopping(int(rng.integers(1, 4))) for _ in range(2000)]
both = Vocabulary.of(word for pair in lists for side in pair for word in side.split())
sources = [both.encode(spanish.split()) for spanish, _ in lists]
targets = [both.encode(english.split(), ends=True) for _, english in lists]


class Translator(nn.Module):
    def __init__(self, width=32, rng=None):
        rng = np.random.default_rng(rng)
        self.words = nn.Embedding(len(both), width, rng=rng)
        self.places = nn.PositionalEncoding(width)
        options = {"dim_feedforward": 2 * width, "dropout": 0.0, "norm_first": True, "rng": rng}
        self.encoder = nn.TransformerEncoder(width, 4, 1, **options)
        self.decoder = nn.TransformerDecoder(width, 4, 1, **options)
        self.say = nn.Linear(width, len(both), rng=rng)

    def forward(self, source, heard):
        padding = source == 0
        read = self.encoder(self.places(self.words(source)), src_key_padding_mask=padding)
        written = self.decoder(self.places(self.words(heard)), read, tgt_is_causal=True,
                               memory_key_padding_mask=padding)  # fmt: skip
        return self.say(written)


translator = Translator(rng=SEED)


def translation_loss(step):
    rows = np.random.default_rng([SEED, step]).integers(0, len(lists), 48)
    source, _ = padded([sources[k] for k in rows])
    target, _ = padded([targets[k] for k in rows])
    return nn.cross_entropy(translator(source, target[:, :-1]), target[:, 1:], ignore_index=0)


train(translator, optim.AdamW(translator.parameters(), 5e-3), translation_loss, steps=400,
      max_norm=1.0, schedule=optim.warm_up(20, optim.cosine(5e-3, 380)))  # fmt: skip
new_lists = [pair for pair in (shopping(3) for _ in range(100)) if pair not in lists]
source, _ = padded([both.encode(spanish.split()) for spanish, _ in new_lists])
heard = np.full((len(source), 1), both.index["<start>"])
with mg.no_grad():
    for _ in range(12):
        heard = np.c_[heard, translator(source, heard).data[:, -1].argmax(-1)]
found = [" ".join(both.decode(row[1:])) for row in heard]
right = np.mean([one == english for one, (_, english) in zip(found, new_lists, strict=True)])
print(new_lists[0][0], "→", found[0])
print(text("new lists without a mistake:", "listas nuevas sin un error:"), f"{right:.0%}")
assert right > 0.9

# %% [markdown] lang="en"
# ## What reading without a teacher is good for
#
# Now comes a teacher who has little time: 36 sentences such as "the soup was lovely .", with only
# *six* of the adjectives, and for each sentence whether it is praise. Then the pupils are asked
# about the other six adjectives, for which no label was ever given. There are three pupils: the
# BERT with its body **frozen**, so that only a last neuron learns; the same BERT with all its
# weights learning (**fine-tuning**); and a network of the same shape that has read nothing.

# %% [markdown] lang="es"
# ## Para qué sirve leer sin profesor
#
# Ahora llega un profesor con poco tiempo: 36 frases como «la sopa era agradable .», con solo *seis*
# de los adjetivos, y de cada una, si elogia. Después se pregunta por los otros seis, de los que no
# se ha visto ninguna etiqueta. Tres alumnos: el BERT con el cuerpo **congelado**, de modo que solo
# aprende una última neurona; el mismo, entrenado por completo (**ajuste fino**); y una red de la
# misma forma que no ha leído nada.


# %%
class Judge(nn.Module):
    def __init__(self, reader, rng):
        self.reader = reader
        self.verdict = nn.Linear(32, 1, rng=rng)

    def forward(self, indices):
        there = (indices > 0)[:, :, None].astype(np.float32)
        mean = (self.reader.read(indices) * there).sum(1) / there.sum(1)
        return self.verdict(mean)[:, 0]


def short(adjectives):
    was = text("was", "era")
    return padded([vocabulary.encode(f"{thing} {was} {adjective} .".split(), ends=True)
                   for thing in THINGS for adjective in adjectives])[0]  # fmt: skip


praise = np.array([1, 1, 1, 0, 0, 0] * len(THINGS), np.float32)
taught, asked_for = short(GOOD[:3] + BAD[:3]), short(GOOD[3:] + BAD[3:])


def pupil(kind, seed):
    reader = Reader(rng=seed)
    if kind != "scratch":
        reader.load_state_dict(bert.state_dict())
    judge = Judge(reader, seed)
    if kind == "frozen":
        reader.freeze()
    learning = [parameter for parameter in judge.parameters() if parameter.requires_grad]
    optimizer = optim.AdamW(learning, 1e-2 if kind == "frozen" else 2e-3)
    train(judge, optimizer, steps=100,
          loss=lambda step: nn.binary_cross_entropy_with_logits(judge(taught), praise))  # fmt: skip
    with mg.no_grad():
        return [np.mean((judge(some).data > 0) == praise) for some in (taught, asked_for)]


kinds = {"frozen": text("frozen", "congelado"), "tuned": text("fine-tuned", "ajustado"),
         "scratch": text("has read nothing", "no ha leído nada")}  # fmt: skip
shares = {}
for kind, name in kinds.items():
    of_taught, shares[kind] = np.mean([pupil(kind, seed) for seed in range(3)], axis=0)
    print(f"{name:<17}", text("taught", "enseñados"), f"{of_taught:.0%}  ",
          text("never labelled", "sin etiqueta"), f"{shares[kind]:.0%}")  # fmt: skip
assert shares["scratch"] < 0.75 < 0.85 < min(shares["frozen"], shares["tuned"])

# %% [markdown] lang="en"
# All three have learned nearly everything that they were taught. But only the two that had read
# know about the other six adjectives, without a single label: from reading, the adjectives were
# already in two groups, and the teacher only had to say which is which. For that, a single neuron
# on the frozen body is nearly enough.
#
# ## The proof
#
# The gradients of attention with heads and of layer normalisation, before the judges:

# %% [markdown] lang="es"
# Los tres han aprendido casi todo lo que se les enseñó. Pero solo los dos que habían leído saben de
# los otros seis adjetivos, sin una sola etiqueta: por la lectura ya estaban en dos grupos, y el
# profesor solo tuvo que decir cuál es cuál. Para eso casi basta una sola neurona sobre el cuerpo
# congelado.
#
# ## La demostración
#
# Los gradientes de la atención con cabezas y de la normalización de capa, ante los jueces:

# %%
verdicts(verify("multi-head", "layer-norm", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. How many pairs?** A sentence has 10 words. Under a causal mask, how many pairs are there of a
# word and a word that it may look at?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. ¿Cuántos pares?** Una frase tiene 10 palabras. Con una máscara causal, ¿cuántos pares hay de
# una palabra y una a la que puede mirar?

# %%
pairs = None
check("1", pairs, nn.causal_mask(10).sum())

# %% [markdown] lang="en" tags=["hint"]
# 1. Word 1 may look at itself, word 2 at two words, and so on.
# 2. $1 + 2 + \dots + 10$.
# 3. That is $n(n + 1)/2$ with $n = 10$.

# %% [markdown] lang="es" tags=["hint"]
# 1. La palabra 1 puede mirarse a sí misma; la 2, a dos palabras, y así sucesivamente.
# 2. $1 + 2 + \dots + 10$.
# 3. Eso es $n(n + 1)/2$ con $n = 10$.

# %% [markdown] lang="en" tags=["solution"]
# $1 + 2 + \dots + 10 = 55$: each word may look at itself too.

# %% [markdown] lang="es" tags=["solution"]
# $1 + 2 + \dots + 10 = 55$: cada palabra también puede mirarse a sí misma.

# %% tags=["solution"]
pairs = 10 * 11 // 2
check("1", pairs, nn.causal_mask(10).sum())

# %% [markdown] lang="en"
# **2. Parameters.** How many parameters does one block of width $d$ have, with $4 d$ between the
# two affine maps, for $d = 32$?

# %% [markdown] lang="es"
# **2. Parámetros.** ¿Cuántos tiene un bloque de ancho $d$, con $4 d$ entre las dos aplicaciones
# afines, si $d = 32$?

# %%
count = None
one = nn.TransformerEncoderLayer(32, 4, 128)
check("2", count, sum(parameter.size for parameter in one.parameters()))

# %% [markdown] lang="en" tags=["hint"]
# 1. Attention has four maps $d \to d$, with biases.
# 2. The two affine maps: $d \cdot 4d + 4d$ and $4d \cdot d + d$.
# 3. Two normalisations with a factor and a shift each: $4d$ in all.

# %% [markdown] lang="es" tags=["hint"]
# 1. La atención tiene cuatro aplicaciones $d \to d$, con sesgos.
# 2. Las dos aplicaciones afines: $d \cdot 4d + 4d$ y $4d \cdot d + d$.
# 3. Dos normalizaciones, cada una con factor y desplazamiento: $4d$ en total.

# %% [markdown] lang="en" tags=["solution"]
# Attention $4 d^2 + 4 d$, the two maps $8 d^2 + 5 d$, two normalisations $4 d$: together $12 d^2 +
# 13 d = 12704$, whatever the number of heads.

# %% [markdown] lang="es" tags=["solution"]
# La atención, $4 d^2 + 4 d$; las dos aplicaciones, $8 d^2 + 5 d$; dos normalizaciones, $4 d$: en
# total $12 d^2 + 13 d = 12704$, sea cual sea el número de cabezas.

# %% tags=["solution"]
count = 12 * 32**2 + 13 * 32
check("2", count, sum(parameter.size for parameter in one.parameters()))

# %% [markdown] lang="en"
# **3. Nothing gets through.** A gradient of $(1, 1, 1)$ arrives at a layer normalisation whose
# input is $x = (1, 4, -2)$. Which three numbers get through to $x$?

# %% [markdown] lang="es"
# **3. Nada pasa.** A una normalización de capa cuya entrada es $x = (1, 4, -2)$ llega el gradiente
# $(1, 1, 1)$. ¿Qué tres números llegan hasta $x$?

# %%
through = None
point = np.array([1.0, 4.0, -2.0])
arrived = mg.grad(lambda x: nn.LayerNorm(3, dtype=np.float64)(x).sum())(point)
check("3", through, arrived.round(9) + 0.0)

# %% [markdown] lang="en" tags=["hint"]
# 1. What is the sum of the entries of a normalised vector?
# 2. It is 0, whatever $x$ is.
# 3. So the slope of that sum along every entry of $x$ is …

# %% [markdown] lang="es" tags=["hint"]
# 1. ¿Cuánto suman los elementos de un vector normalizado?
# 2. Suman 0, sea cual sea $x$.
# 3. Así que la pendiente de esa suma respecto de cada elemento de $x$ es…

# %% [markdown] lang="en" tags=["solution"]
# Three zeros: the entries of the output always sum to 0, so no $x$ changes their sum.

# %% [markdown] lang="es" tags=["solution"]
# Tres ceros: los elementos de la salida siempre suman 0, así que ningún $x$ cambia su suma.

# %% tags=["solution"]
through = np.zeros(3)
check("3", through, arrived.round(9) + 0.0)

# %% [markdown] lang="en"
# **4. Three further on.** Take a single wave, $(\sin t, \cos t)$. What is the dot product of place
# $t$ and place $t + 3$?

# %% [markdown] lang="es"
# **4. Tres más allá.** Toma una sola onda, $(\sin t, \cos t)$. ¿Cuánto vale el producto escalar del
# lugar $t$ y el lugar $t + 3$?

# %%
product = None
one_wave = nn.sinusoidal_encoding(12, 2, dtype=np.float64)
check("4", product, one_wave[5] @ one_wave[8])

# %% [markdown] lang="en" tags=["hint"]
# 1. Write the dot product out: a sine times a sine plus a cosine times a cosine.
# 2. $\sin a \sin b + \cos a \cos b = \cos(a - b)$.
# 3. The places are 3 apart.

# %% [markdown] lang="es" tags=["hint"]
# 1. Desarrolla el producto escalar: seno por seno más coseno por coseno.
# 2. $\sin a \sin b + \cos a \cos b = \cos(a - b)$.
# 3. Los lugares distan 3.

# %% [markdown] lang="en" tags=["solution"]
# $\sin t \sin(t + 3) + \cos t \cos(t + 3) = \cos 3 \approx -0.99$, whatever $t$ is. With more waves
# it is a sum of such cosines, one for each length: it depends on the distance alone.

# %% [markdown] lang="es" tags=["solution"]
# $\sin t \sin(t + 3) + \cos t \cos(t + 3) = \cos 3 \approx -0.99$, valga lo que valga $t$. Con
# más ondas es una suma de cosenos así, uno por cada longitud: depende solo de la distancia.

# %% tags=["solution"]
product = np.cos(3)
check("4", product, one_wave[5] @ one_wave[8])

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. Without positions, what does a transformer see of a sentence?**
#
# - [x] A bag of words :: Attention treats all places alike; shuffle the words, and the outputs are
#   shuffled with them.
# - [ ] The words in order :: Nothing in the formula of attention says what comes first.
# - [ ] Only the first word :: All words are seen by all.

# %% [markdown] lang="es" tags=["quiz"]
# **1. Sin posiciones, ¿qué ve un transformer de una frase?**
#
# - [x] Una bolsa de palabras :: La atención trata igual todos los lugares; si barajas las palabras,
#   las salidas se barajan igual.
# - [ ] Las palabras en orden :: Nada en la fórmula de la atención dice qué va primero.
# - [ ] Solo la primera palabra :: Todas las palabras ven a todas.

# %% [markdown] lang="en" tags=["quiz"]
# **2. What is a causal mask for?**
#
# - [ ] It hides padding :: That is another mask, by length.
# - [x] No word may look at later ones :: Otherwise a language model would learn to copy the answer.
# - [ ] It makes training slower and safer :: All places are still trained at once.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Para qué sirve una máscara causal?**
#
# - [ ] Oculta el relleno :: Esa es otra máscara, según la longitud.
# - [x] Ninguna palabra puede mirar a las posteriores :: Si no, un modelo de lenguaje aprendería a
#   copiar la respuesta.
# - [ ] Hace el entrenamiento más lento y seguro :: Se siguen entrenando todos los lugares a la vez.

# %% [markdown] lang="en" tags=["quiz"]
# **3. Why several heads?**
#
# - [x] Each can look somewhere else :: One softmax gives one average; several give several, for the
#   same number of weights.
# - [ ] To have more parameters :: The number does not depend on the heads.
# - [ ] To save memory :: Each head has its own map of weights, so it takes more.

# %% [markdown] lang="es" tags=["quiz"]
# **3. ¿Por qué varias cabezas?**
#
# - [x] Cada una puede mirar a otro sitio :: Una softmax da una media; varias cabezas dan varias,
#   con el mismo número de pesos.
# - [ ] Para tener más parámetros :: El número no depende de las cabezas.
# - [ ] Para ahorrar memoria :: Cada cabeza tiene su propio mapa de pesos, así que ocupa más.

# %% [markdown] lang="en" tags=["quiz"]
# **4. What do BERT and GPT learn from?**
#
# - [ ] BERT from labels, GPT from text :: Both from plain text, before any label is seen.
# - [x] BERT from hidden words, GPT from the next word :: So BERT may look to both sides and GPT
#   only back.
# - [ ] Both from translations :: The first transformer did; these two do not need any.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿De qué aprenden BERT y GPT?**
#
# - [ ] BERT de etiquetas; GPT, de texto :: Ambos de texto sin etiquetas.
# - [x] BERT de palabras ocultas; GPT, de la palabra siguiente :: Por eso BERT puede mirar a ambos
#   lados y GPT solo hacia atrás.
# - [ ] Ambos de traducciones :: El primer transformer, sí; estos no las necesitan.

# %% [markdown] lang="en" tags=["quiz"]
# **5. Fine-tuning with few labels: what can go wrong?**
#
# - [ ] Nothing, the model has read a lot :: A handful of examples is learned by heart in a moment.
# - [x] It overfits; then freezing the body helps :: With a frozen body, only the last map is
#   learned, and a few labels can mislead only a few weights.
# - [ ] Its gradient explodes :: Not because of few labels.

# %% [markdown] lang="es" tags=["quiz"]
# **5. Ajuste fino con pocas etiquetas: ¿qué puede salir mal?**
#
# - [ ] Nada: el modelo ha leído mucho :: Un puñado de ejemplos se aprende de memoria en un momento.
# - [x] Se sobreajusta; congelar el cuerpo ayuda entonces :: Con el cuerpo congelado solo se aprende
#   la última aplicación, y unas pocas etiquetas solo pueden confundir a unos pocos pesos.
# - [ ] Explota su gradiente :: No por tener pocas etiquetas.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `models/gpt.py` and `models/bert.py`: both on real text, with options (`--help`).
# - A. Vaswani and others, *Attention Is All You Need*, NIPS 2017: figure 1 is our block, there with
#   the normalisation after each part.
# - A. Radford and others, *Language Models are Unsupervised Multitask Learners* (2019): GPT-2.
# - J. Devlin and others, *BERT: Pre-training of Deep Bidirectional Transformers for Language
#   Understanding*, NAACL 2019.
# - J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer Normalization* (2016).
# - R. Xiong and others, *On Layer Normalization in the Transformer Architecture*, ICML 2020: why it
#   is better before each part.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `models/gpt.py` y `models/bert.py`: los dos con texto de verdad y con opciones (`--help`).
# - A. Vaswani y otros, *Attention Is All You Need*, NIPS 2017: la figura 1 es nuestro bloque, allí
#   con la normalización después de cada parte.
# - A. Radford y otros, *Language Models are Unsupervised Multitask Learners* (2019): GPT-2.
# - J. Devlin y otros, *BERT: Pre-training of Deep Bidirectional Transformers for Language
#   Understanding*, NAACL 2019.
# - J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer Normalization* (2016).
# - R. Xiong y otros, *On Layer Normalization in the Transformer Architecture*, ICML 2020: por qué
#   está mejor antes.
