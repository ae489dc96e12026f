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
# # Words as numbers
#
# A network adds and multiplies; a text is made of words. One has to be turned into the other.
# **What number is a word?**
#
# You will clean a text, count its words, see what counting cannot know, and then let a network find
# vectors in which *king − man + woman* lands on *queen*, from nothing but the company that words
# keep.

# %% [markdown] lang="es"
# # Palabras en números
#
# Una red suma y multiplica; un texto está hecho de palabras. Alguien tiene que convertir lo uno en
# lo otro. **¿Qué número es una palabra?**
#
# Vas a limpiar un texto, a contar sus palabras, a ver qué se le escapa al recuento, y después
# dejarás que una red encuentre vectores en los que *rey − hombre + mujer* cae en *reina*, sin más
# pistas que las compañías con las que anda cada palabra.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sympy

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.datasets import reviews
from minigrad.tutorial import check, live, text, verdicts
from minigrad.verify import verify
from models.text import (
    Vocabulary,
    count_vectors,
    documentation,
    normalise,
    one_hot,
    stems,
    stop_words,
    without_stop_words,
    words,
)
from models.training import Shuffled, train
from models.word2vec import (
    ROLES,
    Company,
    Space,
    passages,
    planted,
    planted_analogies,
    ppmi_svd,
    read_glove,
    told_apart,
)

SEED = 7
LANGUAGE = text("en", "es")
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: a row of a table
#
# The first thought is to number the words: *king* 1, *queen* 2, *soup* 3. But a network would take
# the numbers literally: is a queen twice a king, and soup their sum? The numbers are only *names*.
# So let the name choose a **row of a table**, and let the network work with that row. The choice
# itself can be written as a product: a **one-hot** vector, 1 at the word's place and 0 elsewhere,
# times the table.

# %% [markdown] lang="es"
# ## La idea: una fila de una tabla
#
# Lo primero que se ocurre es numerar las palabras: *rey* 1, *reina* 2, *sopa* 3. Pero una red se
# tomaría los números al pie de la letra: ¿una reina son dos reyes, y la sopa, la suma de ambos? Los
# números solo son *nombres*. Así que el nombre elegirá una **fila de una tabla**, y con esa fila
# trabajará la red. La propia elección puede escribirse como un producto: un vector **one-hot**, con
# un 1 en el lugar de la palabra y 0 en los demás, por la tabla.

# %%
table = mg.Tensor(rng.normal(size=(5, 3)), requires_grad=True, name="W")
choice = mg.Tensor(one_hot([2], 5, np.float64), requires_grad=True, name="one-hot")
row = choice @ table
row.name = "vector"
assert np.array_equal(row.data, table.data[[2]])
graph.draw(row, title=text("word 2 of 5", "la palabra 2 de 5"))

# %% [markdown] lang="en"
# In the backward pass, only the chosen row gets a gradient. That is why nobody really multiplies:
# `nn.Embedding` picks the row, which gives the same result and costs nothing.

# %% [markdown] lang="es"
# En la pasada hacia atrás, solo la fila elegida recibe gradiente. Por eso en realidad nadie
# multiplica: `nn.Embedding` toma la fila, que da lo mismo y no cuesta nada.

# %%
(row * np.array([1.0, 2.0, 3.0])).sum().backward()
picked = nn.Embedding.from_pretrained(table.data, freeze=False)
(picked(np.array([2])) * np.array([1.0, 2.0, 3.0])).sum().backward()
assert np.array_equal(table.grad, picked.weight.grad)
print(table.grad)

# %% [markdown] lang="en"
# ## From text to tokens
#
# Before there is a table, you must decide what a word *is*. Is "Café" the same as "café"? Is
# "don't" one word or two? The pieces into which a text is cut are called **tokens**. Here are the
# usual steps, each of which throws something away:

# %% [markdown] lang="es"
# ## Del texto a los tokens
#
# Antes de que haya tabla hay que decir qué *es* una palabra. ¿«Café» es lo mismo que «café»? ¿Y los
# signos? Las piezas en que se parte un texto se llaman **tokens**. Estos son los pasos habituales,
# y cada uno tira algo:

# %%
line = text("Best CAFÉ in town! The waiters were smiling, and the cakes...",
            "¡El mejor CAFÉ del barrio! Las meseras sonreían, y los pasteles...")  # fmt: skip
small = normalise(line)
cut = words(small)
kept = [word for word in without_stop_words(cut, LANGUAGE) if word.isalpha()]
steps = {
    text("small letters", "minúsculas"): small,
    text("no accents", "sin acentos"): normalise(line, accents=False),
    text("words and marks", "palabras y signos"): " | ".join(cut),
    text("no stop words", "sin palabras vacías"): " | ".join(kept),
    text("stems", "raíces"): " | ".join(stems(kept, LANGUAGE)),
}
for name, made in steps.items():
    print(f"{name:<20}{made}")
assert normalise("AÑO", accents=False) == "año"  # ñ is a letter of its own || ñ es una letra
assert normalise("cafe\u0301") == "café"  # e and an accent, two signs || e y tilde, dos signos

# %% [markdown] lang="en"
# The last step, **stemming**, cuts off the endings by rules, so that all forms of a word count as
# one. It is quick and knows no grammar: *player* stays apart from *play*, because the rules of this
# stemmer (Porter's Snowball) do not cut there.

# %% [markdown] lang="es"
# El último paso, la **reducción a la raíz** (*stemming*), corta las terminaciones según unas
# reglas, para que todas las formas de una palabra cuenten como una: *jugar* se queda en *jug*. Es
# rápido y no sabe gramática: *juego* es del mismo verbo y acaba en otra raíz.

# %%
family = text("play plays played playing player", "jugar jugamos jugando jugó juego").split()
for word, stem in zip(family, stems(family, LANGUAGE), strict=True):
    print(f"{word} → {stem}")
assert len(set(stems(family[:4], LANGUAGE))) == 1 and len(set(stems(family, LANGUAGE))) == 2

# %% [markdown] lang="en"
# Whether what is thrown away was useless depends on the question. For finding texts about cakes,
# *the* is useless. For telling praise from complaint, look at what the usual list of stop words
# does:

# %% [markdown] lang="es"
# Si lo que se tira no servía para nada depende de la pregunta. Para buscar textos sobre pasteles,
# *las* no sirve. Para distinguir elogio de queja, mira lo que hace la lista habitual de palabras
# vacías:


# %%
def tokens(sentence):
    """Stems of the words that are not stop words.

    || Las raíces de las palabras que no son vacías.
    """
    cut = words(normalise(sentence))
    return stems([w for w in without_stop_words(cut, LANGUAGE) if w.isalpha()], LANGUAGE)


pair = text(("The film was boring.", "The film was not boring."),
            ("La película era aburrida.", "La película no era aburrida."))  # fmt: skip
for sentence in pair:
    print(f"{sentence:<32}", tokens(sentence))
assert tokens(pair[0]) == tokens(pair[1])
assert "not" in stop_words("en") and "no" in stop_words("es")

# %% [markdown] lang="en"
# The two sentences say the opposite, and have become the same: *not* is on the list.
#
# ## Counting
#
# The oldest vector of a *text* is the sum of its words' one-hot vectors: how often each word of the
# vocabulary occurs. Here are minigrad's 120 English reviews.

# %% [markdown] lang="es"
# Las dos dicen lo contrario, y se han vuelto iguales: *no* está en la lista.
#
# ## Contar
#
# El vector más antiguo de un *texto* es la suma de los one-hot de sus palabras: cuántas veces
# aparece cada palabra del vocabulario. Estas son las 120 reseñas en español de minigrad.

# %%
data = reviews()
sentences = [s for s, its in zip(data.text, data.language, strict=True) if its == LANGUAGE]
vocabulary = Vocabulary.of(token for s in sentences for token in tokens(s))


def count_vector(sentence):
    return one_hot(vocabulary.encode(tokens(sentence)), len(vocabulary)).sum(axis=0)


def cosine(a, b):
    """Of the angle between two vectors: 1 for the same direction, 0 for nothing in common.

    || Del ángulo entre dos vectores: 1 si van en la misma dirección, 0 si no comparten nada.
    """
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12)


counts = np.array([count_vector(s) for s in sentences])
share = np.mean(counts == 0)
print(text("sentences, words:", "frases, palabras:"), counts.shape)
at_once, _ = count_vectors(sentences, tokens)  # in one call, no zeros || de una vez, sin ceros
assert at_once.sum() == counts.sum() and at_once.nnz == np.count_nonzero(counts)
print(text(f"zeros: {share:.1%}", f"ceros: {share:.1%}"))
assert len(sentences) == 120 and share > 0.97

query = text("The coffee was cold and the waiter was rude.",
             "El café estaba frío y el mesero fue grosero.")  # fmt: skip
near = [cosine(count_vector(query), vector) for vector in counts]
print(query)
for k in np.argsort(near)[:-4:-1]:
    print(f"  {near[k]:.2f} {sentences[k]}")
assert 0.2 < max(near) < 0.5

# %% [markdown] lang="en"
# The **cosine** compares directions, so that long texts are not close to everything.
#
# A word that occurs in every text tells you nothing about any of them; a rare word tells you a lot.
# **TF–IDF** (*term frequency*, *inverse document frequency*) therefore multiplies each count by a
# weight that falls with the number $n_w$ of texts that have the word, out of $N$ texts:
#
# $$\text{tf–idf}(w, \text{text}) = \text{count of } w \text{ in the text} \cdot
#   \left(1 + \log\frac{1 + N}{1 + n_w}\right)$$
#
# Each row is then divided by its length. (There are several versions; this one is scikit-learn's.)

# %% [markdown] lang="es"
# El **coseno** compara direcciones, para que los textos largos no se parezcan a todo.
#
# Una palabra que está en todos los textos no dice nada de ninguno; una palabra rara dice mucho. Por
# eso **TF–IDF** (*term frequency*, frecuencia del término, e *inverse document frequency*,
# frecuencia inversa en los documentos) multiplica cada recuento por un peso que baja con el número
# $n_w$ de textos que tienen la palabra, de un total de $N$:
#
# $$\text{tf–idf}(w, \text{texto}) = \text{veces que sale } w \text{ en el texto} \cdot
#   \left(1 + \log\frac{1 + N}{1 + n_w}\right)$$
#
# Después cada fila se divide entre su longitud. (Hay varias versiones; esta es la de scikit-learn).

# %%
texts_with = (counts > 0).sum(axis=0)
weight = 1 + np.log((1 + len(counts)) / (1 + texts_with))
weighed = counts * weight
weighed = weighed / np.maximum(np.linalg.norm(weighed, axis=1, keepdims=True), 1e-12)
theirs, _ = count_vectors(sentences, tokens, tf_idf=True)
assert np.allclose(
    weighed @ weighed.T, (theirs @ theirs.T).toarray()
)  # in any order || en cualquier orden
common = vocabulary.tokens[texts_with.argmax()]
for word in dict.fromkeys([common, *tokens(query)]):
    k = vocabulary.index.get(word)
    if k is not None:
        print(f"{word:<10}", text("texts:", "textos:"), f"{texts_with[k]:<5}",
              text("weight:", "peso:"), f"{weight[k]:.2f}")  # fmt: skip
order = np.argsort(-texts_with)
assert np.all(np.diff(weight[order]) >= 0)  # the fewer texts, the larger || cuantos menos, mayor

# %% [markdown] lang="en"
# With or without weights, counting finds sentences that share a word, and that is all it can find.
# Between two *different* words there is nothing to compare: all one-hot vectors are at right angles
# to each other.

# %% [markdown] lang="es"
# Con pesos o sin ellos, el recuento encuentra frases que comparten alguna palabra, y nada más.
# Entre dos palabras *distintas* no hay nada que comparar: todos los vectores one-hot forman ángulo
# recto.

# %%
three = text(("awful", "dreadful", "lovely"), ("horrible", "espantoso", "precioso"))
theirs = Vocabulary.of(three)
vectors = one_hot(theirs.encode(three), len(theirs))
for word, products in zip(three, vectors @ vectors.T, strict=True):
    print(f"{word:<10}", products)
assert np.array_equal(vectors @ vectors.T, np.eye(3))  # 1 with itself, else 0 || 1 consigo, o 0

# %% [markdown] lang="en"
# To a count, *awful* is as far from *dreadful* as from *lovely*. What is missing is a table whose
# rows mean something.
#
# ## The company that a word keeps
#
# "You shall know a word by the company it keeps", wrote the linguist J. R. Firth in 1957. Suppose
# you did not know a word, and read these sentences:

# %% [markdown] lang="es"
# Para el recuento, *horrible* está tan lejos de *espantoso* como de *precioso*. Falta una tabla
# cuyas filas signifiquen algo.
#
# ## Dime con quién andas
#
# «Conocerás una palabra por las compañías que frecuenta», escribió el lingüista J. R. Firth en
# 1957. Imagina que no conoces una palabra y lees estas frases:

# %%
SPANISH = {
    "king": "rey", "queen": "reina", "prince": "príncipe", "princess": "princesa",
    "man": "hombre", "woman": "mujer", "boy": "niño", "girl": "niña", "actor": "actor",
    "actress": "actriz", "waiter": "mesero", "waitress": "mesera", "uncle": "tío",
    "aunt": "tía", "brother": "hermano", "sister": "hermana", "crown": "corona",
    "throne": "trono", "palace": "palacio", "he": "él", "him": "lo", "his": "su (de él)",
    "beard": "barba", "she": "ella", "her": "la", "hers": "suyo (de ella)", "skirt": "falda",
}  # fmt: skip


def name(word):
    return text(word, SPANISH.get(word, word))


made_up = planted(3000, np.random.default_rng(SEED))
mystery = [s for s in made_up if "queen" in s][:3]
for sentence in mystery:
    print(" · ".join("???" if word == "queen" else name(word) for word in sentence))

# %% [markdown] lang="en"
# Somebody with a throne, and a *she*. You got the meaning from the neighbours alone, and a network
# can do the same. (The sentences are made up, so that the right answer is known: each contains
# somebody from one of eight pairs, such as king and queen, two words for the role and two for the
# sex, shuffled.)
#
# ## The equations
#
# **Skip-gram** gives each word $w$ a vector $v_w$, and a second one, $u_w$, for when it is the
# company of another word. The product $z = u_o^{\top} v_w$ says how well $o$ goes with $w$, and
# $\sigma(z)$ is the probability that they really stood together. For each true pair, a few words
# $n_k$ are drawn at random, as strangers (**negative sampling**). Now and then a true companion is
# among them, because nobody checks; there are so many words that it hardly matters:
#
# $$L = -\log\,\sigma(u_o^{\top} v_w) - \sum_k \log\,\sigma(-u_{n_k}^{\top} v_w)$$
#
# What does a vector learn from? The two slopes, by SymPy:

# %% [markdown] lang="es"
# Alguien con trono, y *ella*. El significado te lo han dado los vecinos, y una red puede hacer lo
# mismo. (Las frases son inventadas, para que se sepa la respuesta, y están pensadas en inglés: cada
# una contiene a alguien de ocho parejas, como rey y reina, dos palabras de su papel y dos de su
# sexo, barajadas).
#
# ## Las ecuaciones
#
# **Skip-gram** da a cada palabra $w$ un vector $v_w$, y otro, $u_w$, para cuando hace compañía a
# alguien. El producto $z = u_o^{\top} v_w$ dice lo bien que va $o$ con $w$, y $\sigma(z)$ es la
# probabilidad de que de verdad estuvieran juntas. Por cada pareja verdadera se sacan al azar unas
# cuantas palabras $n_k$, que hacen de extrañas (**muestreo negativo**). De vez en cuando cae entre
# ellas una compañía verdadera, porque nadie lo comprueba; hay tantas palabras que apenas importa:
#
# $$L = -\log\,\sigma(u_o^{\top} v_w) - \sum_k \log\,\sigma(-u_{n_k}^{\top} v_w)$$
#
# ¿De qué aprende un vector? Las dos pendientes, según SymPy:

# %%
z = sympy.Symbol("z", real=True)


def sigma(a):
    return 1 / (1 + sympy.exp(-a))


together = sympy.diff(-sympy.log(sigma(z)), z)
at_random = sympy.diff(-sympy.log(sigma(-z)), z)
assert sympy.simplify(together - (sigma(z) - 1)) == 0
assert sympy.simplify(at_random - sigma(z)) == 0
sympy.Eq(sympy.Derivative(-sympy.log(sigma(z)), z), sympy.simplify(together), evaluate=False)

# %% [markdown] lang="en"
# which is $\sigma(z) - 1$; for a random word it is $\sigma(z)$. With
# $\partial z / \partial v_w = u_o$ this gives
#
# $$\frac{\partial L}{\partial v_w} = (\sigma(u_o^{\top} v_w) - 1)\,u_o
#   + \sum_k \sigma(u_{n_k}^{\top} v_w)\,u_{n_k}$$
#
# In words: move towards your company, and the more so the less you expected it; move away from
# strangers. Words with the same company are pulled to the same place.
#
# ## The code, from primitives

# %% [markdown] lang="es"
# que es $\sigma(z) - 1$; y para una palabra al azar, $\sigma(z)$. Como $\partial z / \partial v_w =
# u_o$, queda
#
# $$\frac{\partial L}{\partial v_w} = (\sigma(u_o^{\top} v_w) - 1)\,u_o
#   + \sum_k \sigma(u_{n_k}^{\top} v_w)\,u_{n_k}$$
#
# Dicho con palabras: acércate a tus compañías, tanto más cuanto menos las esperabas, y aléjate de
# los extraños. A las palabras con las mismas compañías se las lleva al mismo sitio.
#
# ## El código, desde cero


# %%
def loss_of(v, u, pairs, strangers):
    """Mean over the pairs (batch, 2), each with some strangers (batch, k).

    || La media sobre las parejas (lote, 2), cada una con unas extrañas (lote, k).
    """
    own = v[pairs[:, 0]]
    true = (u[pairs[:, 1]] * own).sum(axis=-1)
    false = (u[strangers] * own[:, None, :]).sum(axis=-1)
    # softplus(−z) is −log σ(z) || softplus(−z) es −log σ(z)
    return (mg.softplus(-true).sum() + mg.softplus(false).sum()) / len(pairs)


v, u = rng.normal(size=(2, 6, 4))
by_hand = sum((1 / (1 + np.exp(-sign * (u[o] @ v[0]))) - 1) * sign * u[o]
              for o, sign in ((1, 1), (3, -1), (5, -1)))  # fmt: skip
gradient = mg.grad(loss_of)(v, u, np.array([[0, 1]]), np.array([[3, 5]]))
assert np.allclose(gradient[0], by_hand, rtol=1e-12) and not gradient[1:].any()
print(text("the formula and the tape agree", "la fórmula y la cinta coinciden"))


class SkipGram(nn.Module):
    def __init__(self, size, width, rng):
        rng = np.random.default_rng(rng)
        self.v = mg.Parameter(rng.normal(0, width**-0.5, (size, width)).astype(np.float32))
        self.u = mg.Parameter(np.zeros((size, width), np.float32))


def learn(company, width, epochs, strangers=5, batch=512, lr=0.01):
    """Word vectors from pairs of neighbours.

    || Vectores de palabras a partir de parejas de vecinas.
    """
    model = SkipGram(len(company.vocabulary), width, SEED)
    order = Shuffled(len(company.known), batch, SEED)
    steps = epochs * len(order)
    draw = np.random.default_rng(SEED)

    def loss(step):
        pairs = company.known[order(step)]
        others = draw.choice(len(company.noise), (len(pairs), strangers), p=company.noise)
        return loss_of(model.v, model.u, pairs, others)

    optimizer = optim.Adam(model.parameters(), lr)
    train(model, optimizer, loss, steps=steps, schedule=optim.cosine(lr, steps))
    return model


# %% [markdown] lang="en"
# ## The experiment: kings and queens
#
# `Company` collects all pairs of words from the same made-up sentence, because its `window` of five
# is as long as the sentences are (`least` would leave out rare words, and `sample` would thin out
# the very frequent ones; here we want them all). Each word gets 24 numbers, random at first. Then
# we calculate with words: which vector is nearest to *king − man + woman*, leaving out these three,
# as is usual?

# %% [markdown] lang="es"
# ## El experimento: reyes y reinas
#
# `Company` reúne todas las parejas de palabras de una misma frase inventada, porque su ventana
# (`window`) de cinco mide lo mismo que ellas (`least` dejaría fuera las palabras raras y `sample`
# aligeraría las muy frecuentes; aquí las queremos todas). A cada palabra le tocan 24 números, que
# empiezan al azar. Después calculamos con palabras: ¿qué vector es el más cercano a *rey − hombre +
# mujer*, sin contar, como es costumbre, esas tres?

# %%
company = Company.of(made_up, window=5, least=5, sample=0, seed=SEED)
before = SkipGram(len(company.vocabulary), 24, SEED)
after = learn(company, 24, epochs=8)
print(len(company.known), text("pairs", "parejas"))

space = Space(company.vocabulary, after.v.data)
for a, b, c in (("man", "woman", "king"), ("boy", "girl", "actor"), ("uncle", "aunt", "brother")):
    ((found, closeness),) = space.analogy(a, b, c)
    print(f"{name(c)} − {name(a)} + {name(b)} ≈ {name(found)} ({closeness:.2f})")
right = [planted_analogies(Space(company.vocabulary, m.v.data)) for m in (before, after)]
print(text("analogies right, before and after:", "analogías correctas, antes y después:"),
      *(f"{share:.0%}" for share in right))  # fmt: skip
assert space.analogy("man", "woman", "king")[0][0] == "queen"
assert right[0] < 0.2 and right[1] > 0.9

# %% [markdown] lang="en"
# **What does a direction mean?** Below, the 24 numbers of each word are flattened to two. Turn the
# arrow and read the cosine of each word with it; and calculate with words of your choice.

# %% [markdown] lang="es"
# **¿Qué significa una dirección?** Abajo, los 24 números de cada palabra se han aplanado a dos.
# Gira la flecha y lee el coseno de cada palabra con ella; y calcula con las palabras que quieras.

# %% tags=["plot"]
pairs = (("king", "queen"), ("man", "woman"), ("actor", "actress"), ("uncle", "aunt"))
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained")
titles = text("before", "antes"), text("after", "después")
for panel, model, title in zip(axes, (before, after), titles, strict=True):
    index = company.vocabulary.index
    vectors = np.array([model.v.data[index[word]] for both in pairs for word in both])
    vectors = vectors - vectors.mean(axis=0)
    flat = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:2].T  # widest || más anchas
    for (one, other), here, there in zip(pairs, flat[::2], flat[1::2], strict=True):
        panel.annotate("", there, here, arrowprops={"arrowstyle": "->", "color": "C3", "lw": 0.8})
        for word, (x, y) in ((one, here), (other, there)):
            panel.plot(x, y, "o", ms=3, color="0.3")
            panel.annotate(name(word), (x, y), (4, 3), textcoords="offset points", fontsize=9)
    panel.margins(0.16)
    panel.set(title=title, xticks=[], yticks=[])
plt.show()
people = [word for both in pairs for word in both]
live("plane", words=[name(word) for word in people], flat=flat,
     vectors=after.v.data[[index[word] for word in people]])  # fmt: skip

# %% [markdown] lang="en"
# Each arrow leads from a *he* to a *she*. Before, they point anywhere; after, they are nearly the
# same arrow: "she instead of he" has become a **direction**, and that is why you can calculate with
# it. Nobody asked for that. It follows from the task of telling company from strangers.
#
# ## A real text
#
# The documentation that comes with Python has some 60 000 words, which is very little (word2vec was
# made for billions). Still, what is near what?

# %% [markdown] lang="es"
# Cada flecha va de un *él* a una *ella*. Antes apuntan a cualquier parte; después son casi la misma
# flecha: «ella en vez de él» se ha vuelto una **dirección**, y por eso se puede calcular con ella.
# Nadie lo había pedido. Se sigue de la tarea de distinguir compañías de extraños.
#
# ## Un texto de verdad
#
# Los primeros capítulos del *Quijote* (1605) tienen unas 60 000 palabras, que es muy poco: word2vec
# se hizo para miles de millones. Aun así, ¿qué queda cerca de qué?

# %%
sections = passages(documentation(LANGUAGE))
assert 50_000 < sum(map(len, sections)) < 80_000
real = Company.of(sections, window=5, least=5, sample=1e-3, seed=SEED)
learned = learn(real, 32, epochs=3)
manual = Space(real.vocabulary, learned.v.data)
for word in text("float import tuple less", "sancho dijo camino ojos").split():
    print(f"{word:<8}", *(near for near, _ in manual.nearest(word, 5)))

# %% [markdown] lang="en"
# A list like this proves little: the eye finds sense anywhere. So ask for a number. A tenth of the
# passages was held out. How well do the vectors tell *its* pairs of neighbours from pairs with a
# random word? (Area under the ROC curve: 0.5 is guessing, 1 is perfect.) And compare with older
# methods: how *frequent* the neighbour is, and a plain count of pairs (as mutual information,
# exercise 4), compressed into 32 numbers without any network.

# %% [markdown] lang="es"
# Una lista así demuestra poco: el ojo encuentra sentido en todas partes. Así que pidamos un número.
# Se apartó una décima parte de los pasajes; ¿qué tal distinguen los vectores *sus* parejas de
# vecinas de las parejas con una palabra al azar? (Área bajo la curva ROC: 0.5 es adivinar; 1,
# acertar siempre). Y comparemos con las artes antiguas: lo *frecuente* que es la vecina, y un
# simple recuento de parejas (como información mutua, ejercicio 4) comprimido en 32 números sin
# ninguna red.

# %%
held = real.held_out
random = np.c_[held[:, 0], rng.choice(len(real.noise), len(held), p=real.noise)]
size = len(real.vocabulary)
frequency = np.bincount(real.known[:, 1], minlength=size)[:, None]
ways = {
    text("frequency", "frecuencia"): (np.ones((size, 1)), frequency),
    text("counted pairs", "parejas contadas"): ppmi_svd(real.known, size, 32),
    "word2vec": (learned.v.data, learned.u.data),
}
areas = {}
for way, (own, other) in ways.items():
    fits = ((own[p[:, 0]] * other[p[:, 1]]).sum(axis=1) for p in (held, random))
    areas[way] = told_apart(*fits)
    print(f"{way:<18}{areas[way]:.3f}")
guessing, counting, networking = areas.values()
assert guessing < 0.55 and counting > guessing + 0.05 and abs(counting - networking) < 0.05

# %% [markdown] lang="en"
# The vectors know something that frequency does not, and the counted pairs know just as much. That
# is no accident: Levy and Goldberg showed that skip-gram implicitly factorises that same table of
# counts. On a small text, counting is hard to beat. What word2vec is better at is size: it never
# holds the table, so it can go on for billions of words.
#
# ## Other people's vectors: GloVe files
#
# Because good vectors need billions of words, people share theirs. The format of GloVe (Stanford)
# is very simple: one line for each word, the word and then its numbers. Let us write ours that way
# and read them back; and then once more from a file whose last line has lost a number.

# %% [markdown] lang="es"
# Los vectores saben algo que la frecuencia no sabe; y las parejas contadas saben lo mismo. No es
# casualidad: Levy y Goldberg demostraron que skip-gram, sin decirlo, factoriza esa misma tabla de
# recuentos. Con un texto pequeño es difícil superar al recuento. La ventaja de word2vec es el
# tamaño: como nunca guarda la tabla, puede seguir durante miles de millones de palabras.
#
# ## Vectores ajenos: archivos GloVe
#
# Como unos buenos vectores necesitan miles de millones de palabras, la gente comparte los suyos. El
# formato de GloVe (Stanford) no puede ser más simple: una línea por palabra, la palabra y después
# sus números. Escribamos así los nuestros y volvamos a leerlos; y luego otra vez, de un archivo a
# cuya última línea le falta un número (la queja, en inglés, dice que en la línea 3 esperaba una
# palabra y 24 números, y que hay 23).

# %%
known = company.vocabulary
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "planted.txt"
    lines = [f"{word} {' '.join(f'{x:.5f}' for x in row)}"
             for word, row in zip(known.tokens, after.v.data, strict=True)]  # fmt: skip
    path.write_text("\n".join(lines[4:]), encoding="utf-8")  # 4 special ones || 4 son especiales
    print(lines[4][:48], "…")
    read, embedding = read_glove(path)

    path.write_text("\n".join([*lines[4:6], lines[6].rpartition(" ")[0]]), encoding="utf-8")
    try:
        read_glove(path)
    except ValueError as error:
        print(str(error).replace(f"{folder}/", ""))
read_back = Space(read, embedding.weight.data)
assert read_back.analogy("man", "woman", "king")[0][0] == "queen"
assert not embedding.weight.requires_grad  # given, not learned || dados, no aprendidos
assert not embedding(read.encode(["unheard-of"])).data.any()

# %% [markdown] lang="en"
# With a file such as `glove.6B.50d.txt`, `read_glove` gives you 400 000 words as a frozen
# `nn.Embedding`. What for? As the first layer of a network that has few examples. Tell a single
# neuron, for three of the pairs, which word is a *she*, and ask it about the other five. With the
# vectors of the file it knows words that it was never told about; with random vectors, it can only
# guess:

# %% [markdown] lang="es"
# Con un archivo como `glove.6B.50d.txt`, `read_glove` te da 400 000 palabras como un `nn.Embedding`
# congelado. ¿Para qué? Como primera capa de una red que tiene pocos ejemplos. Dile a una sola
# neurona, para tres de las parejas, cuál de las palabras es una *ella*, y pregúntale por las otras
# cinco. Con los vectores del archivo acierta palabras de las que nadie le habló; con vectores al
# azar, solo puede adivinar:


# %%
class HeOrShe(nn.Module):
    def __init__(self, embedding, rng):
        self.embedding = embedding
        self.verdict = nn.Linear(24, 1, rng=rng)

    def forward(self, indices):
        return self.verdict(self.embedding(indices))[:, 0]


everyone = list(ROLES)
taught, asked = ([word for both in some for word in both] for some in (everyone[2:5], everyone[:2]
                                                                       + everyone[5:]))  # fmt: skip


def right_about(embedding, seed):
    net = HeOrShe(embedding, seed)
    assert not net.embedding.weight.requires_grad  # only the neuron learns || solo la neurona
    optimizer = optim.Adam([net.verdict.weight, net.verdict.bias], 0.05)
    is_she = np.tile([0.0, 1.0], 3).astype(np.float32)
    for _ in range(100):
        loss = nn.binary_cross_entropy_with_logits(net(read.encode(taught)), is_she)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = net(read.encode(asked)).data > 0
    return np.mean(said == np.tile([False, True], 5))


at_random = [nn.Embedding(len(read), 24, rng=seed).weight.data for seed in range(5)]
from_file = np.mean([right_about(embedding, seed) for seed in range(5)])
guessed = np.mean([right_about(nn.Embedding.from_pretrained(table), seed)
                   for seed, table in enumerate(at_random)])  # fmt: skip
print(text("vectors of the file:", "vectores del archivo:"), f"{from_file:.0%}")
print(text("random vectors:", "vectores al azar:"), f"{guessed:.0%}")
assert from_file > 0.9 and guessed < 0.8

# %% [markdown] lang="en"
# A word that is not in the file gets the row of zeros. And remember what such vectors are: the
# company that words keep, with all the prejudices of those who wrote the billions of words.
#
# ## The proof
#
# Everything here rests on picking a row. Its gradient, before the judges:

# %% [markdown] lang="es"
# A una palabra que no esté en el archivo le toca la fila de ceros. Y no olvides qué son esos
# vectores: las compañías de las palabras, con todos los prejuicios de quienes escribieron esos
# miles de millones.
#
# ## La demostración
#
# Aquí todo se apoya en tomar una fila de una tabla. Su gradiente, ante los jueces:

# %%
verdicts(verify("embedding", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. An angle.** What is the cosine of $(3, 4)$ and $(4, 3)$?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. Un ángulo.** ¿Cuánto vale el coseno de $(3, 4)$ y $(4, 3)$?

# %%
angle = None
check("1", angle, cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0])))

# %% [markdown] lang="en" tags=["hint"]
# 1. Cosine: the dot product divided by both lengths.
# 2. Both vectors have the same length; which?
# 3. $(3 \cdot 4 + 4 \cdot 3) / (5 \cdot 5)$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Coseno: el producto escalar dividido entre las dos longitudes.
# 2. Los dos vectores tienen la misma longitud; ¿cuál?
# 3. $(3 \cdot 4 + 4 \cdot 3) / (5 \cdot 5)$.

# %% [markdown] lang="en" tags=["solution"]
# Both have length 5: $(3 \cdot 4 + 4 \cdot 3) / (5 \cdot 5) = 24/25$.

# %% [markdown] lang="es" tags=["solution"]
# Los dos miden 5: $(3 \cdot 4 + 4 \cdot 3) / (5 \cdot 5) = 24/25$.

# %% tags=["solution"]
angle = 24 / 25
check("1", angle, cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0])))

# %% [markdown] lang="en"
# **2. Count.** The vocabulary is *a, dog, dream, of, saw*, in this order. What is the count vector
# of "a dog saw a dream of a dream"?

# %% [markdown] lang="es"
# **2. Cuenta.** El vocabulario es *de, perro, sueño, un, vio*, en este orden. ¿Cuál es el vector de
# recuento de «un perro vio un sueño de un sueño»?

# %%
line = text("a dog saw a dream of a dream", "un perro vio un sueño de un sueño").split()
vector = None
check("2", vector, [line.count(word) for word in sorted(set(line))])

# %% [markdown] lang="en" tags=["hint"]
# 1. One number for each word of the vocabulary, in its order.
# 2. Go through the sentence and make a mark for each word.
# 3. Five numbers that add up to the length of the sentence.

# %% [markdown] lang="es" tags=["hint"]
# 1. Un número por cada palabra del vocabulario, en su orden.
# 2. Recorre la frase y haz una raya por cada palabra.
# 3. Cinco números que suman la longitud de la frase.

# %% [markdown] lang="en" tags=["solution"]
# *a* occurs three times, *dream* twice, the others once. The order of the words is lost: "a dream
# of a dog saw a dream" has the same vector.

# %% [markdown] lang="es" tags=["solution"]
# *un* tres veces, *sueño* dos y las demás una. El orden de las palabras se ha perdido: «un sueño de
# un perro vio un sueño» tiene el mismo vector.

# %% tags=["solution"]
vector = text([3, 1, 2, 1, 1], [1, 1, 2, 3, 1])
check("2", vector, [line.count(word) for word in sorted(set(line))])

# %% [markdown] lang="en"
# **3. A pull.** A true pair has $v_w = (0.5, -1)$ and $u_o = (1, 2)$; no strangers. Write
# $\partial L / \partial v_w$ with NumPy.

# %% [markdown] lang="es"
# **3. Un tirón.** Una pareja verdadera tiene $v_w = (0.5, -1)$ y $u_o = (1, 2)$; sin extraños.
# Escribe $\partial L / \partial v_w$ con NumPy.

# %%
v_w, u_o = np.array([0.5, -1.0]), np.array([1.0, 2.0])
pull = None
check("3", pull, mg.grad(lambda v: mg.softplus(-(v * u_o).sum()))(v_w))

# %% [markdown] lang="en" tags=["hint"]
# 1. First $z = v_w \cdot u_o$.
# 2. For a true pair, $\partial L/\partial z = \sigma(z) - 1$.
# 3. Multiply that number by $\partial z/\partial v_w = u_o$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Primero, $z = v_w \cdot u_o$.
# 2. Para una pareja verdadera, $\partial L/\partial z = \sigma(z) - 1$.
# 3. Multiplica ese número por $\partial z/\partial v_w = u_o$.

# %% [markdown] lang="en" tags=["solution"]
# $z = 0.5 - 2 = -1.5$: the pair was not expected, so the pull, $\sigma(-1.5) - 1 \approx -0.82$
# times $u_o$, is strong. (Descent goes *against* the gradient, so towards $u_o$.)

# %% [markdown] lang="es" tags=["solution"]
# $z = 0.5 - 2 = -1.5$: no se esperaba la pareja, así que el tirón, $\sigma(-1.5) - 1 \approx -0.82$
# por $u_o$, es fuerte. (El descenso va *contra* el gradiente, o sea, hacia $u_o$).

# %% tags=["solution"]
pull = (1 / (1 + np.exp(1.5)) - 1) * u_o
check("3", pull, mg.grad(lambda v: mg.softplus(-(v * u_o).sum()))(v_w))

# %% [markdown] lang="en"
# **4. Mutual information.** Among 1000 pairs of neighbours, *king* is the first word of 50, *crown*
# the second of 40, and 20 are *king, crown*. How many times more often than by chance is that?
# Answer with the logarithm of this number, the **pointwise mutual information** of the pair.

# %% [markdown] lang="es"
# **4. Información mutua.** Entre 1000 parejas de vecinas, *rey* es la primera palabra de 50,
# *corona* la segunda de 40, y 20 son *rey, corona*. ¿Cuántas veces más que por azar es eso?
# Responde con su logaritmo, la **información mutua puntual**.

# %%
pmi = None
check("4", pmi, np.log((20 / 1000) / (50 / 1000 * 40 / 1000)))

# %% [markdown] lang="en" tags=["hint"]
# 1. By chance: the two shares multiplied.
# 2. Divide the share of the pair, 20/1000, by $50/1000 \cdot 40/1000$.
# 3. Take the natural logarithm.

# %% [markdown] lang="es" tags=["hint"]
# 1. Al azar: el producto de las dos proporciones.
# 2. Divide la proporción de la pareja, 20/1000, entre $50/1000 \cdot 40/1000$.
# 3. Toma el logaritmo natural.

# %% [markdown] lang="en" tags=["solution"]
# By chance, $1000 \cdot 0.05 \cdot 0.04 = 2$ pairs; there are 20, ten times as many: $\log\,10$.
# Skip-gram finds about the same, minus $\log\,k$ for its $k$ strangers (Levy and Goldberg).

# %% [markdown] lang="es" tags=["solution"]
# Por azar, $1000 \cdot 0.05 \cdot 0.04 = 2$ parejas; hay 20, diez veces más: $\log\,10$. Skip-gram
# halla más o menos lo mismo, menos $\log\,k$ por sus $k$ extraños (Levy y Goldberg).

# %% tags=["solution"]
pmi = np.log(10)
check("4", pmi, np.log((20 / 1000) / (50 / 1000 * 40 / 1000)))

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. What is the cosine between two different one-hot words?**
#
# - [x] 0, whatever they mean :: No two of them share an entry: *good* is as far from *great* as
#   from *table*.
# - [ ] 1 :: Only for the same word.
# - [ ] It depends on the size of the vocabulary :: The size changes how many entries the vectors
#   have, not the angle.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Cuál es el coseno entre dos palabras one-hot distintas?**
#
# - [x] 0, signifiquen lo que signifiquen :: No comparten ningún elemento: *bueno* está tan lejos de
#   *genial* como de *mesa*.
# - [ ] 1 :: Solo si es la misma palabra.
# - [ ] Depende del tamaño del vocabulario :: El tamaño cambia cuántos elementos tienen los
#   vectores, no el ángulo.

# %% [markdown] lang="en" tags=["quiz"]
# **2. What is an embedding layer, as a matrix product?**
#
# - [ ] A one-hot vector times a fixed matrix :: Almost: the matrix is learned.
# - [x] A one-hot vector times a learned matrix :: The product picks a row; code looks it up
#   instead.
# - [ ] A count vector divided by its length :: That is a normalised bag of words.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Qué es una capa de embedding, vista como producto de matrices?**
#
# - [ ] Un vector one-hot por una matriz fija :: Casi: la matriz se aprende.
# - [x] Un vector one-hot por una matriz aprendida :: El producto elige una fila; el código la busca
#   directamente.
# - [ ] Un vector de recuento dividido entre su longitud :: Eso es una bolsa de palabras
#   normalizada.

# %% [markdown] lang="en" tags=["quiz"]
# **3. What does TF–IDF do to a word that occurs in every text?**
#
# - [x] It makes it count for little :: Such a word tells the texts apart no better than a comma
#   does.
# - [ ] It makes it count for more :: The *fewer* texts have a word, the larger its weight.
# - [ ] It leaves it out :: That is what a list of stop words does.

# %% [markdown] lang="es" tags=["quiz"]
# **3. ¿Qué le hace TF–IDF a una palabra que está en todos los textos?**
#
# - [x] Hace que cuente poco :: No distingue unos textos de otros mejor que una coma.
# - [ ] Hace que cuente más :: El peso crece cuanto *menos* textos tienen la palabra.
# - [ ] La elimina :: Eso lo hace una lista de palabras vacías.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Why does skip-gram need strangers (negative samples)?**
#
# - [ ] To learn rare words :: They are drawn at random, mostly frequent words.
# - [x] Otherwise all vectors would point the same way :: With true pairs only, one long vector for
#   all would bring the loss to 0.
# - [ ] To save memory :: They save time compared with a softmax over all words.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿Por qué skip-gram necesita extrañas (muestras negativas)?**
#
# - [ ] Para aprender palabras raras :: Se sacan al azar, sobre todo palabras frecuentes.
# - [x] Si no, todos los vectores apuntarían al mismo lado :: Solo con parejas verdaderas, un único
#   vector grande llevaría la pérdida a 0.
# - [ ] Para ahorrar memoria :: Ahorran tiempo frente a una softmax sobre todas las palabras.

# %% [markdown] lang="en" tags=["quiz"]
# **5. *king − man + woman ≈ queen*. What does this use?**
#
# - [ ] That the vectors have length 1 :: They need not: what counts is that the differences agree.
# - [x] That similar relations are similar differences :: Words in the same relation are shifted
#   alike, as far as the text shows it.
# - [ ] That words are in alphabetical order :: Their order plays no part.

# %% [markdown] lang="es" tags=["quiz"]
# **5. *rey − hombre + mujer ≈ reina*. ¿Qué aprovecha?**
#
# - [ ] Que los vectores tienen longitud 1 :: No hace falta: lo que cuenta es que las diferencias
#   coincidan.
# - [x] Que relaciones parecidas son diferencias parecidas :: Las palabras con la misma relación
#   están desplazadas de modo parecido, hasta donde el texto lo muestra.
# - [ ] Que las palabras están en orden alfabético :: Su orden no interviene.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `models/text.py` has the steps from text to numbers, `models/word2vec.py` the vectors:
#   `python -m models.word2vec --near tuple`.
# - Y. Bengio and others, *A Neural Probabilistic Language Model*, JMLR 3 (2003): the table of
#   vectors as the first layer.
# - T. Mikolov and others, *Distributed Representations of Words and Phrases and their
#   Compositionality*, NIPS 2013: negative sampling is equation 4.
# - J. Pennington, R. Socher and C. D. Manning, *GloVe: Global Vectors for Word Representation*,
#   EMNLP 2014; the files are at nlp.stanford.edu/projects/glove.
# - O. Levy and Y. Goldberg, *Neural Word Embedding as Implicit Matrix Factorization*, NIPS 2014.
# - T. Bolukbasi and others, *Man is to Computer Programmer as Woman is to Homemaker?*, NIPS 2016:
#   the prejudices.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `models/text.py` tiene los pasos del texto a los números; `models/word2vec.py`, los vectores:
#   `python -m models.word2vec --near tuple`.
# - Y. Bengio y otros, *A Neural Probabilistic Language Model*, JMLR 3 (2003): la tabla de vectores
#   como primera capa.
# - T. Mikolov y otros, *Distributed Representations of Words and Phrases and their
#   Compositionality*, NIPS 2013: el muestreo negativo es la ecuación 4.
# - J. Pennington, R. Socher y C. D. Manning, *GloVe: Global Vectors for Word Representation*, EMNLP
#   2014; los archivos están en nlp.stanford.edu/projects/glove.
# - O. Levy y Y. Goldberg, *Neural Word Embedding as Implicit Matrix Factorization*, NIPS 2014.
# - T. Bolukbasi y otros, *Man is to Computer Programmer as Woman is to Homemaker?*, NIPS 2016: los
#   prejuicios.
