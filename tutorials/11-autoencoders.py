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
# # Autoencoders: what is worth keeping
#
# A small picture of a handwritten digit is 64 grey pixels, that is, 64 numbers. But you would
# recognise the same digit from a much shorter description. **How few numbers are enough to remember
# a picture, and who finds out which ones?**
#
# A network can, without being told what any picture shows. You will build the simplest one by hand,
# see it rediscover a method from 1901, go beyond that with four kinds of networks, and let two
# numbers draw a map of all digits.

# %% [markdown] lang="es"
# # Autocodificadores: lo que merece guardarse
#
# Una imagen pequeña de un dígito escrito a mano son 64 píxeles grises, o sea, 64 números. Pero ese
# mismo dígito lo reconocerías por una descripción mucho más corta. **¿Con cuántos números, como
# mínimo, se recuerda una imagen, y quién averigua cuáles son?**
#
# Puede hacerlo una red, sin que nadie le diga qué muestra cada imagen. Vas a construir la más
# sencilla a mano, verás que redescubre un método de 1901, llegarás más lejos con cuatro clases de
# redes y dejarás que dos números dibujen un mapa de todos los dígitos.

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy
from scipy.ndimage import zoom

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.tutorial import check, live, text, verdicts
from minigrad.verify import check_vjp, verify
from models.autoencoder import (
    KINDS,
    classify,
    correlation,
    digits,
    fit,
    make,
    split,
    through,
    through_pca,
)

SEED = 11
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: a narrow waist
#
# These are real digits of 8 × 8 pixels, written by 13 people. Beside them are 64 numbers drawn at
# random. Almost all lists of 64 numbers look like those on the right: digits are a tiny corner of
# everything that 64 numbers could say. That is why fewer numbers should be enough.

# %% [markdown] lang="es"
# ## La idea: una cintura estrecha
#
# Estos son dígitos de verdad, escritos por 13 personas, de 8 × 8 píxeles. A su lado, 64 números
# sacados al azar. Casi todas las listas de 64 números tienen el aspecto de las de la derecha: los
# dígitos son un rincón diminuto de lo que 64 números podrían decir. Por eso deberían bastar menos.

# %%
known, held_out = split(digits(), SEED)
print(len(known), text("to learn from,", "para aprender,"), len(held_out),
      text("held out", "reservadas"))  # fmt: skip


def show(axes, image):
    axes.imshow(image, cmap="Greys", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])


# %% tags=["plot"]
figure, axes = plt.subplots(2, 9, figsize=(9, 2.1), layout="constrained",
                            width_ratios=[1] * 4 + [0.4] + [1] * 4)  # fmt: skip
for k in range(4):
    for row in range(2):
        show(axes[row, k], known.pixels[4 * row + k])
        show(axes[row, 5 + k], rng.uniform(0, 1, (8, 8)))
for blank in axes[:, 4]:
    blank.axis("off")
plt.show()

# %% [markdown] lang="en"
# So let us force a picture through a narrow place. An **encoder** turns it into a short code, a
# **decoder** must rebuild the picture from the code, and both learn together to lose little. Nobody
# has to say what is in the pictures: the picture itself is the right answer.

# %% [markdown] lang="es"
# Así que obliguemos a la imagen a pasar por un sitio estrecho. Un **codificador** hace de ella un
# código corto, un **decodificador** tiene que rehacer la imagen a partir del código, y los dos
# aprenden juntos a perder poco. No hace falta decir qué hay en las imágenes: la respuesta correcta
# es la propia imagen.


# %%
class Waist(nn.Module):
    """64 pixels to 10 numbers and back. || De 64 píxeles a 10 números y vuelta."""

    def __init__(self):
        self.encoder = nn.Linear(64, 10, rng=SEED)
        self.decoder = nn.Linear(10, 64, rng=SEED)

    def forward(self, x):
        return self.decoder(self.encoder(x))


graph.draw(Waist()(mg.Tensor(np.zeros((1, 64), np.float32))), title="64 → 10 → 64")

# %% [markdown] lang="en"
# ## The equations
#
# Two pixels and *one* number for both: that can be solved with pencil and SymPy. Take two
# neighbouring pixels, with their means subtracted. All that the network may choose is a direction
# $u = (\cos\theta, \sin\theta)$; the code is how far a picture lies along it, $k = u \cdot x$, and
# the decoder puts that length back, $\hat x = k\,u$. What is lost is $|x - \hat x|^2 = |x|^2 -
# k^2$, by Pythagoras. On average, with the pixels' variances $a$ and $c$ and their covariance $b$,
# that is

# %% [markdown] lang="es"
# ## Las ecuaciones
#
# Dos píxeles y *un* número para ambos: eso se resuelve con lápiz y SymPy. Toma dos píxeles vecinos,
# con las medias restadas. Lo único que la red puede elegir es una dirección $u = (\cos\theta,
# \sin\theta)$; el código es hasta dónde llega la imagen en esa dirección, $k = u \cdot x$, y el
# decodificador devuelve esa longitud, $\hat x = k\,u$. Se pierde $|x - \hat x|^2 = |x|^2 - k^2$,
# por Pitágoras. Por término medio, con las varianzas $a$ y $c$ de los píxeles y su covarianza $b$,
# eso es

# %%
a, b, c, theta = sympy.symbols("a b c theta", real=True)
covariance = sympy.Matrix([[a, b], [b, c]])
u = sympy.Matrix([sympy.cos(theta), sympy.sin(theta)])
lost_along = sympy.expand(covariance.trace() - (u.T * covariance * u)[0])
lost_along

# %% [markdown] lang="en"
# Its slope:

# %% [markdown] lang="es"
# Su pendiente:

# %%
slope = sympy.collect(sympy.simplify(sympy.diff(lost_along, theta)), sympy.sin(2 * theta))
slope

# %% [markdown] lang="en"
# It is 0 at the best direction (and, at a right angle to it, at the worst), which is where

# %% [markdown] lang="es"
# Vale 0 en la mejor dirección (y, perpendicular a ella, en la peor), es decir, donde

# %%
level = sympy.Eq(sympy.tan(2 * theta), 2 * b / (a - c))
assert sympy.simplify(slope.subs(theta, sympy.atan(level.rhs) / 2)) == 0
level

# %% [markdown] lang="en"
# That is the formula of the *principal axis*: the direction in which the points scatter most. K.
# Pearson found it in 1901, and with more axes it is called principal component analysis, **PCA**.
# Here are two real pixels, and their loss over all directions:

# %% [markdown] lang="es"
# Es la fórmula del *eje principal*: la dirección en la que más se dispersan los puntos. La encontró
# K. Pearson en 1901 y, con más ejes, se llama análisis de componentes principales, **PCA**. Aquí
# tienes dos píxeles de verdad, y lo que se pierde con cada dirección:

# %%
pair = known.pixels[:, 1:3, 5].astype(float)
pair = pair - pair.mean(axis=0)
(aa, bb), (_, cc) = pair.T @ pair / len(pair)
loss_at = sympy.lambdify(theta, lost_along.subs({a: aa, b: bb, c: cc}))
angles = np.linspace(-np.pi / 2, np.pi / 2, 181)
best = 0.5 * np.arctan2(2 * bb, aa - cc)
assert abs(angles[np.argmin(loss_at(angles))] - best) < np.radians(1)
print(text("best angle:", "mejor ángulo:"), f"{np.degrees(best):.0f}°")

# %% tags=["plot"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.4), layout="constrained")
left.plot(*(pair + rng.normal(0, 0.01, pair.shape)).T, ".", color="0.6", ms=2)
left.plot(*np.outer([np.cos(best), np.sin(best)], [-0.9, 0.9]), color="C3")
left.set(aspect="equal", xlabel=text("one pixel", "un píxel"),
         ylabel=text("its neighbour", "su vecino"))  # fmt: skip
right.plot(np.degrees(angles), loss_at(angles), color="0.3")
right.axvline(np.degrees(best), color="C3", ls=":")
right.set(xlabel="θ (°)", ylabel=text("lost on average", "se pierde por término medio"),
          xticks=range(-90, 91, 45))  # fmt: skip
plt.show()

# %% [markdown] lang="en"
# ## The code, from primitives
#
# Now all 64 pixels, and 10 numbers. $E$ makes the codes and $D$ the pictures, one picture per row,
# and $L$ is the mean square of what is lost, over the $n$ entries of $X$. The gradients are two
# lines of the chain rule, read from the end:
#
# $$K = X E^{\top} \qquad \hat X = K D^{\top} \qquad \delta \hat X = \tfrac{2}{n}\,(\hat X - X)$$
# $$\frac{\partial L}{\partial D} = \delta \hat X^{\top} K \qquad \delta K = \delta \hat X\,D \qquad
#   \frac{\partial L}{\partial E} = \delta K^{\top} X$$

# %% [markdown] lang="es"
# ## El código, desde cero
#
# Ahora, los 64 píxeles y 10 números. $E$ hace los códigos y $D$ las imágenes, una imagen por fila,
# y $L$ es la media de los cuadrados de lo perdido, sobre los $n$ elementos de $X$. Los gradientes
# son dos líneas de regla de la cadena, leídas desde atrás:
#
# $$K = X E^{\top} \qquad \hat X = K D^{\top} \qquad \delta \hat X = \tfrac{2}{n}\,(\hat X - X)$$
# $$\frac{\partial L}{\partial D} = \delta \hat X^{\top} K \qquad \delta K = \delta \hat X\,D \qquad
#   \frac{\partial L}{\partial E} = \delta K^{\top} X$$


# %%
def loss(X, E, D):
    return np.square(X @ E.T @ D.T - X).mean()


def loss_backward(g, X, E, D):
    """The gradients with respect to X, E and D. || Los gradientes respecto de X, E y D."""
    K = X @ E.T
    d_again = g * 2 / X.size * (K @ D.T - X)
    return d_again @ D @ E - d_again, (d_again @ D).T @ X, d_again.T @ K


def learn(X, code, updates=400, rate=0.02):
    """E and D after this many updates, and the losses on the way.

    || E y D tras estas actualizaciones, y las pérdidas por el camino.
    """
    rng = np.random.default_rng(SEED)
    E, D = (mg.Parameter(rng.normal(0, 0.1, shape)) for shape in ((code, 64), (64, code)))
    optimizer, losses = optim.Adam([E, D], rate), []
    for update in range(updates):
        _, E.grad, D.grad = loss_backward(1.0, X, E.data, D.data)
        losses.append(loss(X, E.data, D.data))
        optimizer.lr = rate * (1 - update / updates)
        optimizer.step()
    return E.data, D.data, losses


rows = known.pixels.reshape(len(known), -1).astype(float)
X = rows - rows.mean(axis=0)
E, D, losses = learn(X, 10)
axes_of_pca = np.linalg.svd(X, full_matrices=False)[2][:10]
least = loss(X, axes_of_pca, axes_of_pca.T)
print(text("lost by ours:", "pierde lo nuestro:"), f"{losses[-1]:.6f},", "PCA:", f"{least:.6f}")
# orthogonal directions that span the same pictures as D's columns
# || direcciones ortogonales que generan las mismas imágenes que las columnas de D
basis = np.linalg.qr(D)[0]
cosines = np.linalg.svd(axes_of_pca @ basis)[1]
print(text("largest angle between the two:", "mayor ángulo entre ambos:"),
      f"{np.degrees(np.arccos(min(cosines))):.2f}°")  # fmt: skip
assert losses[-1] < 1.001 * least and np.degrees(np.arccos(min(cosines))) < 1

# %% tags=["plot"]
figure, panel = plt.subplots(figsize=(6.5, 3), layout="constrained")
panel.semilogy(losses, color="C3", label=text("ours", "lo nuestro"))
panel.axhline(least, color="0.6", ls=":", label="PCA")
panel.set(xlabel=text("update", "actualización"), ylabel=text("loss", "pérdida"))
panel.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# Gradient descent, which knows nothing about axes or covariances, has found the same ten directions
# (or rather the same ten-dimensional plane) as PCA. With affine maps it is impossible to do better;
# Bourlard and Kamp proved it in 1988, and a tanh in the encoder hardly helps.
#
# ## The experiment: four kinds
#
# Digits do not lie on a plane, though: write a 1 at a steeper and steeper slant, and its pixels
# follow a curve. A network with hidden layers can follow the curve. `models/autoencoder.py` has
# four kinds:
#
# - **dense**: one affine map and a tanh on the way in, one affine map on the way out;
# - **stacked**: two hidden layers on either side;
# - **recurrent**: one LSTM reads the picture row by row, another writes it row by row;
# - **convolutional**: small filters that slide over the picture two pixels at a time (stride 2), so
#   that it gets half as high and half as wide, twice; and then back again.
#
# All get ten numbers and are judged on pictures that they have never seen: `fit` trains a network
# on the known pictures; `through` sends all pictures through it and returns their codes (`known`,
# `held_out`) and what became of the pictures held out (`again`).

# %% [markdown] lang="es"
# El descenso de gradiente, que no sabe nada de ejes ni de covarianzas, ha encontrado las mismas
# diez direcciones (mejor dicho, el mismo plano de diez dimensiones) que PCA. Con aplicaciones
# afines no se puede hacer mejor; lo demostraron Bourlard y Kamp en 1988, y una tanh en el
# codificador apenas ayuda.
#
# ## El experimento: cuatro clases
#
# Pero los dígitos no están en un plano: escribe un 1 cada vez más inclinado, y sus píxeles recorren
# una curva. Una red con capas ocultas puede seguir la curva. En `models/autoencoder.py` hay cuatro:
#
# - **densa** (*dense*): una aplicación afín y una tanh a la ida, una aplicación afín a la vuelta;
# - **apilada** (*stacked*): dos capas ocultas a cada lado;
# - **recurrente** (*recurrent*): una LSTM lee la imagen fila a fila y otra la escribe fila a fila;
# - **convolucional** (*convolutional*): filtros pequeños que recorren la imagen de dos en dos
#   píxeles, con lo que queda la mitad de alta y de ancha, dos veces; y a la vuelta, al revés.
#
# Todas disponen de diez números, y se las juzga por imágenes que no han visto nunca: `fit` entrena
# una con las conocidas; `through` hace pasar por ella todas las imágenes y trae sus códigos
# (`known`, `held_out`) y en qué se han convertido las reservadas (`again`).


# %%
def settings(kind, **more):
    return {"kind": kind, "code": 10, "hidden": 96, "batch": 64, "lr": 1e-2, "seed": SEED, **more}


def lost(seen):
    """The mean squared error on the pictures held out.

    || El error cuadrático medio con las imágenes reservadas.
    """
    return float(np.mean(np.square(seen.again - held_out.pixels)))


runs = {
    "dense": settings("dense", epochs=60),
    "stacked": settings("stacked", epochs=80, lr=5e-3),
    "recurrent": settings("recurrent", epochs=50, hidden=48),
    "convolutional": settings("convolutional", epochs=40),
}
assert list(runs) == list(KINDS)
names = {"dense": text("dense", "densa"), "stacked": text("stacked", "apilada"),
         "recurrent": text("recurrent", "recurrente"),
         "convolutional": text("convolutional", "convolucional")}  # fmt: skip
pca = through_pca(10, known, held_out)
ways, models, sizes = {"PCA": pca}, {}, {}
print(f"{'PCA':<14}{'':>16}{lost(pca):.4f}")
for kind, run in runs.items():
    models[kind], _ = fit(known, run)
    ways[kind] = through(models[kind], known, held_out)
    sizes[kind] = sum(p.data.size for p in models[kind].parameters())
    print(f"{names[kind]:<14}{sizes[kind]:>6} {text('weights', 'pesos'):<9}{lost(ways[kind]):.4f}")
compared = {kind: lost(seen) / lost(pca) for kind, seen in ways.items()}
assert 0.98 < compared["dense"] < 1.15
assert compared["stacked"] < 0.8
assert compared["recurrent"] < 0.95
assert 0.8 < compared["convolutional"] < 1.25
assert 5 * sizes["convolutional"] < sizes["stacked"]

# %% tags=["plot"]
lines = {text("held out", "reservada"): held_out.pixels,
         **{names.get(kind, kind): seen.again for kind, seen in ways.items()}}  # fmt: skip
examples = [int(np.flatnonzero(held_out.digit == digit)[0]) for digit in range(10)]
figure, axes = plt.subplots(len(lines), 10, figsize=(8.5, 5.4), layout="constrained")
for line, (name, images) in zip(axes, lines.items(), strict=True):
    for panel, example in zip(line, examples, strict=True):
        show(panel, images[example])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %% [markdown] lang="en"
# As predicted, the dense one is PCA once more. The stack loses clearly less, and so does the LSTM,
# which has to remember the whole picture while it goes down row by row. The convolutional one comes
# out near PCA, with *a fifth* of the stack's weights or less: its filters are shared by all places
# in the picture, just as an LSTM's weights are shared by all time steps.
#
# ## Does each number say something of its own?
#
# A code wastes space if two of its numbers say the same. Measure it: how strongly are two entries
# of the code **correlated** with each other, on average over all pairs? PCA's axes are uncorrelated
# by construction, on the pictures from which they were found. But uncorrelated does not mean
# **independent**. If two numbers were independent, their *squares* would be uncorrelated, too.

# %% [markdown] lang="es"
# Como estaba previsto, la densa es PCA otra vez. La apilada pierde claramente menos, y también la
# LSTM, que tiene que recordar la imagen entera mientras baja fila a fila. La convolucional se queda
# cerca de PCA, y con *una quinta parte* de los pesos de la apilada, o menos: sus filtros sirven
# para todos los lugares de la imagen, igual que los pesos de una LSTM sirven para todos los
# instantes.
#
# ## ¿Dice cada número algo propio?
#
# Un código desperdicia sitio si dos de sus números dicen lo mismo. Midámoslo: ¿cuánto se
# **correlacionan** dos elementos del código, en promedio sobre todas las parejas? Los ejes de PCA
# no están correlacionados por construcción, en las imágenes de las que salieron. Pero no
# correlacionados no quiere decir **independientes**. Si dos números fueran independientes, tampoco
# sus *cuadrados* estarían correlacionados.

# %%
print(f"{'':<14}", text("entries  squares", "elementos  cuadrados"))
correlations = {}
for kind, seen in ways.items():
    centred = seen.known - seen.known.mean(axis=0)
    correlations[kind] = correlation(centred), correlation(centred**2)
    line = "   ".join(f"{value:.3f}" for value in correlations[kind])
    print(f"{names.get(kind, kind):<14}", line)
assert correlations["PCA"][0] < 1e-3 < 0.05 < correlations["PCA"][1]
assert correlations["stacked"][0] > 0.05

# %% [markdown] lang="en"
# So no code here has independent entries, not even PCA's, and a network's entries are correlated
# unless something asks for the opposite: the loss rewards only the picture that comes back.
#
# ## 784 pixels, 30 numbers
#
# Course notes usually show a larger example: pictures of 28 × 28 = 784 pixels, a hidden layer, and
# a code of 30. Let us enlarge our digits to that size. What is small here, the code or the network?
# And is the code good for anything, for telling the digits apart, say? `classify` puts one affine
# map behind the code and lets it learn the digits.

# %% [markdown] lang="es"
# Así que ningún código de estos tiene elementos independientes, ni siquiera el de PCA, y los de una
# red están correlacionados mientras nada pida lo contrario: la pérdida solo premia la imagen que
# vuelve.
#
# ## 784 píxeles, 30 números
#
# Los apuntes suelen traer un ejemplo mayor: imágenes de 28 × 28 = 784 píxeles, una capa oculta y un
# código de 30. Ampliemos nuestros dígitos a ese tamaño. ¿Qué es pequeño aquí, el código o la red?
# ¿Y sirve para algo el código, por ejemplo, para reconocer los dígitos? `classify` le pone detrás
# una aplicación afín, y esta aprende los dígitos.


# %%
def enlarged(images):
    return zoom(images.pixels, (1, 3.5, 3.5), order=1).reshape(len(images), 784)


large, large_new = enlarged(known), enlarged(held_out)
to_code = nn.Sequential(nn.Linear(784, 256, rng=SEED), mg.relu, nn.Linear(256, 30, rng=SEED))
to_picture = nn.Sequential(nn.Linear(30, 256, rng=SEED), mg.relu, nn.Linear(256, 784, rng=SEED))
whole = nn.Sequential(to_code, to_picture)
optimizer = optim.Adam(whole.parameters())
for update in range(500):
    batch = large[rng.integers(0, len(large), 64)]
    optimizer.zero_grad()
    nn.mse_loss(whole(batch), batch).backward()
    optimizer.lr = 2e-3 * (1 - update / 500)
    optimizer.step()
weights = sum(parameter.size for parameter in whole.parameters())
with mg.no_grad():
    short, short_new, again = to_code(large).data, to_code(large_new).data, whole(large_new).data
told = classify(short, known.digit, short_new, seed=SEED)
error, mean_error = (np.mean(np.square(guess - large_new)) for guess in (again, large.mean(axis=0)))
print("784 → 30,", weights, text("weights", "pesos"))
print(text("lost:", "pierde:"), f"{error:.4f};",
      text("the mean picture:", "la imagen media:"), f"{mean_error:.4f}")  # fmt: skip
print(text("digits told from the code:", "dígitos reconocidos por el código:"),
      f"{np.mean(told == held_out.digit):.0%}")  # fmt: skip
assert weights == 418_094 and error < mean_error / 4 and np.mean(told == held_out.digit) > 0.85

# %% [markdown] lang="en"
# The code is small, the network is not: it has to be kept once, the code for every picture. And the
# thirty numbers, learned without a single label, nearly say which digit it is.
#
# ## Two numbers: a map
#
# With a code of two numbers, you can draw where each digit lies. On the left PCA, on the right the
# stack; no network was told which digit is which, and the colours came afterwards. How much do the
# two numbers say about the digit? `classify` again:

# %% [markdown] lang="es"
# El código es pequeño; la red, no: la red se guarda una vez, y el código, para cada imagen. Y los
# treinta números, aprendidos sin una sola etiqueta, casi dicen qué dígito es.
#
# ## Dos números: un mapa
#
# Con un código de dos números se puede dibujar dónde cae cada dígito. A la izquierda, PCA; a la
# derecha, la red apilada. A ninguna se le dijo qué dígito era cuál: los colores se pusieron
# después. ¿Cuánto dicen esos dos números del dígito? Otra vez `classify`:

# %%
flat, _ = fit(known, settings("stacked", code=2, epochs=100, lr=6e-3))
maps = {"PCA": through_pca(2, known, held_out),
        "stacked": through(flat, known, held_out)}  # fmt: skip
shares = {}
for name, seen in maps.items():
    told = classify(seen.known, known.digit, seen.held_out, seed=SEED)
    shares[name] = np.mean(told == held_out.digit)
    print(f"{names.get(name, name):<9}{text('lost', 'pierde')} {lost(seen):.4f},",
          text("digits told from two numbers:", "dígitos reconocidos con dos números:"),
          f"{shares[name]:.0%}")  # fmt: skip
assert lost(maps["stacked"]) < 0.8 * lost(maps["PCA"])
assert shares["stacked"] > shares["PCA"]

# %% tags=["plot"]
figure, panels = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
titles = {"PCA": "PCA", "stacked": text("stacked", "apilada")}
for panel, (name, seen) in zip(panels, maps.items(), strict=True):
    low, high = np.percentile(seen.held_out, [1, 99], axis=0)
    for digit in range(10):
        for x, y in seen.held_out[held_out.digit == digit]:
            panel.text(x, y, digit, color=plt.cm.tab10(digit), fontsize=8, clip_on=True)
    panel.set(title=titles[name], xlim=(low[0], high[0]), ylim=(low[1], high[1]),
              xticks=[], yticks=[])  # fmt: skip
plt.show()

# %% [markdown] lang="en"
# Two numbers of the stack say more about a digit than two of PCA, and give back more of it. Now
# back to ten. The decoder turns *any* ten numbers into a picture, including those that come from no
# picture at all. Walk straight from one digit's code to another's, and look at what it draws on the
# way:

# %% [markdown] lang="es"
# Dos números de la red apilada dicen más de un dígito que dos de PCA, y devuelven más de él. Ahora,
# otra vez con diez. El decodificador hace una imagen de *cualesquiera* diez números, también de los
# que no salen de ninguna imagen. Ve en línea recta del código de un dígito al de otro y mira lo que
# dibuja por el camino:

# %%
codes, walks = ways["stacked"].held_out, []
for start, end in ((0, 6), (3, 8), (1, 7)):
    first, last = codes[examples[start]], codes[examples[end]]
    path = first + np.linspace(0, 1, 9, dtype=np.float32)[:, None] * (last - first)
    with mg.no_grad():
        walks.append(models["stacked"].decode(path).data)
assert np.allclose(walks[0][0], ways["stacked"].again[examples[0]], atol=1e-5)

# %% tags=["plot"]
figure, axes = plt.subplots(3, 9, figsize=(8.5, 3), layout="constrained")
for line, images in zip(axes, walks, strict=True):
    for panel, image in zip(line, images, strict=True):
        show(panel, image)
plt.show()

# %% [markdown] lang="en"
# **What does one number of the ten stand for?** Move it, and the decoder draws, here in the page:

# %% [markdown] lang="es"
# **¿Qué significa uno de los diez números?** Muévelo, y el decodificador dibuja aquí mismo, en la
# página:

# %% tags=["plot"]
spread = ways["stacked"].known.std(axis=0)
figure, axes = plt.subplots(1, 7, figsize=(7, 1.3), layout="constrained")
for panel, by in zip(axes, range(-3, 4), strict=True):
    moved = codes[examples[3]] + by * spread * (np.arange(10) == 0)
    with mg.no_grad():
        show(panel, models["stacked"].decode(moved[None].astype(np.float32)).data[0])
    panel.set_xlabel(f"{by:+d}")
plt.show()
maps_back = [part for part in models["stacked"].decoder if isinstance(part, nn.Linear)]
live("digit", codes=codes[examples], spread=spread, decoder=maps_back)

# %% [markdown] lang="en"
# ## Encoder and classifier
#
# What is a good memory of pictures good for? Suppose that somebody has looked at only 50 of them
# and written down the digits. Put one affine map behind an encoder and train both on these 50: once
# from random weights, and once from the weights that have already seen all the pictures, *without*
# their digits. Five draws of 50, so that luck evens out:

# %% [markdown] lang="es"
# ## Codificador y clasificador
#
# ¿Para qué sirve una buena memoria de imágenes? Supón que alguien ha mirado solo 50 y ha apuntado
# qué dígito son. Pon una aplicación afín detrás de un codificador y entrena ambos con esas 50: una
# vez desde pesos al azar y otra desde los pesos que ya han visto todas las imágenes, *sin* sus
# dígitos. Cinco sorteos de 50, para que la suerte se reparta:


# %%
def taught(encoder_from, labelled, updates=200, rate=3e-3):
    """How often an encoder with a classifier is right after learning from a few labels.

    || Con qué frecuencia acierta un codificador con clasificador tras aprender de pocas etiquetas.
    """
    model, head = make(runs["stacked"], (8, 8)), nn.Linear(10, 10, rng=SEED)
    if encoder_from is not None:
        model.load_state_dict(encoder_from.state_dict())
    optimizer = optim.AdamW([*model.encoder.parameters(), *head.parameters()], rate)
    for update in range(updates):
        scores = head(model.encode(known.pixels[labelled]))
        optimizer.zero_grad()
        nn.cross_entropy(scores, known.digit[labelled]).backward()
        optimizer.lr = rate * (1 - update / updates)
        optimizer.step()
    with mg.no_grad():
        said = head(model.encode(held_out.pixels)).data.argmax(axis=-1)
    return np.mean(said == held_out.digit)


draws = [rng.choice(len(known), 50, replace=False) for _ in range(5)]
fresh = np.mean([taught(None, draw) for draw in draws])
before = np.mean([taught(models["stacked"], draw) for draw in draws])
print(text("from random weights:", "desde pesos al azar:"), f"{fresh:.1%}")
print(text("from the autoencoder's:", "desde los del autocodificador:"), f"{before:.1%}")
assert before > fresh + 0.01

# %% [markdown] lang="en"
# Same network, same 50 labels: what it learned just by looking is worth a few points. That idea, to
# look at a lot first and then be told a little, has since become the way in which language models
# are made.
#
# ## The proof
#
# The parts of all four kinds, before the judges, and the gradient that we wrote by hand:

# %% [markdown] lang="es"
# La misma red, las mismas 50 etiquetas: lo que aprendió solo con mirar vale unos puntos. Esa idea,
# mirar primero mucho y que luego te expliquen un poco, es hoy la manera de hacer modelos de
# lenguaje.
#
# ## La demostración
#
# Las piezas de las cuatro clases, ante los jueces; y el gradiente que escribimos a mano:

# %%
verdicts(verify("linear", "relu", "lstm", "conv2d", "mse-loss", seed=SEED))
report = check_vjp(loss, loss_backward, [(5, 4), (2, 4), (4, 2)])
for name, found in report.by_target().items():
    print("✓" if all(said.passed for said in found) else "✗", name)
assert report.passed

# %% [markdown] lang="en"
# ## Exercises
#
# **1. What does it cost?** How many weights and biases does the dense autoencoder have, 64 → 10 →
# 64?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. ¿Cuánto cuesta?** ¿Cuántos pesos y sesgos tiene el autocodificador denso, 64 → 10 → 64?

# %%
number = None
check("1", number, sum(p.data.size for p in models["dense"].parameters()))

# %% [markdown] lang="en" tags=["hint"]
# 1. Two affine maps, each with a bias.
# 2. On the way in: $64 \cdot 10$ weights and 10 biases.
# 3. On the way out: $10 \cdot 64$ weights and 64 biases.

# %% [markdown] lang="es" tags=["hint"]
# 1. Dos aplicaciones afines, cada una con su sesgo.
# 2. A la ida: $64 \cdot 10$ pesos y 10 sesgos.
# 3. A la vuelta: $10 \cdot 64$ pesos y 64 sesgos.

# %% [markdown] lang="en" tags=["solution"]
# On the way in $64 \cdot 10 + 10$, on the way out $10 \cdot 64 + 64$.

# %% [markdown] lang="es" tags=["solution"]
# A la ida, $64 \cdot 10 + 10$; a la vuelta, $10 \cdot 64 + 64$.

# %% tags=["solution"]
number = 64 * 10 + 10 + 10 * 64 + 64
check("1", number, sum(p.data.size for p in models["dense"].parameters()))

# %% [markdown] lang="en"
# **2. What PCA loses.** `X`'s singular values say how far the pictures scatter along each axis. Get
# `least`, what ten axes lose, from `s` alone.

# %% [markdown] lang="es"
# **2. Lo que pierde PCA.** Los valores singulares de `X` dicen cuánto se dispersan las imágenes a
# lo largo de cada eje. Obtén `least`, lo que pierden diez ejes, solo a partir de `s`.

# %%
s = np.linalg.svd(X, compute_uv=False)
from_singular_values = None
check("2", from_singular_values, least)

# %% [markdown] lang="en" tags=["hint"]
# 1. Ten axes keep the ten largest singular values.
# 2. What is lost is the sum of the squares of the others.
# 3. Divide by the number of entries, `X.size`, since `least` is a mean.

# %% [markdown] lang="es" tags=["hint"]
# 1. Diez ejes conservan los diez mayores valores singulares.
# 2. Lo que se pierde es la suma de los cuadrados de los demás.
# 3. Divide entre el número de elementos, `X.size`, porque `least` es una media.

# %% [markdown] lang="en" tags=["solution"]
# The squares of all singular values add up to the sum of all squares in $X$; the axes left out lose
# theirs.

# %% [markdown] lang="es" tags=["solution"]
# Los cuadrados de todos los valores singulares suman lo mismo que los cuadrados de todo $X$; los
# ejes que se dejan fuera pierden los suyos.

# %% tags=["solution"]
from_singular_values = np.sum(s[10:] ** 2) / X.size
check("2", from_singular_values, least)

# %% [markdown] lang="en"
# **3. Half, and half again.** A picture of MNIST has 28 × 28 pixels. How wide is it after two
# convolutions with kernels of width 3, stride 2 and padding 1?

# %% [markdown] lang="es"
# **3. La mitad, y otra vez la mitad.** Una imagen de MNIST tiene 28 × 28 píxeles. ¿Cuánto mide de
# ancho tras dos convoluciones con filtros de anchura 3, paso (*stride*) 2 y relleno (*padding*) 1?

# %%
width = None
twice = nn.Sequential(*(nn.Conv2d(1, 1, 3, stride=2, padding=1, rng=SEED) for _ in range(2)))
check("3", width, twice(np.zeros((1, 1, 28, 28), np.float32)).shape[-1])

# %% [markdown] lang="en" tags=["hint"]
# 1. The padding adds one pixel on each side.
# 2. A kernel of width 3 with stride 2 fits $(n + 2 - 3)//2 + 1$ times.
# 3. Do it twice, from 28.

# %% [markdown] lang="es" tags=["hint"]
# 1. El relleno añade un píxel a cada lado.
# 2. Un filtro de anchura 3 con paso 2 cabe $(n + 2 - 3)//2 + 1$ veces.
# 3. Hazlo dos veces, desde 28.

# %% [markdown] lang="en" tags=["solution"]
# A kernel of width 3 finds $(n + 2 - 3) // 2 + 1$ places: 28 becomes 14, and 14 becomes 7.

# %% [markdown] lang="es" tags=["solution"]
# Un filtro de anchura 3 encuentra $(n + 2 - 3) // 2 + 1$ sitios: 28 pasa a 14, y 14 pasa a 7.

# %% tags=["solution"]
width = 28
for _ in range(2):
    width = (width + 2 - 3) // 2 + 1
check("3", width, twice(np.zeros((1, 1, 28, 28), np.float32)).shape[-1])

# %% [markdown] lang="en"
# **4. A tanh in the waist.** The code is now $K = \tanh(X E^{\top})$. Write $\partial L / \partial
# E$ without minigrad.

# %% [markdown] lang="es"
# **4. Una tanh en la cintura.** Ahora el código es $K = \tanh(X E^{\top})$. Escribe
# $\partial L / \partial E$ sin minigrad.


# %%
def bent(E, X, D):
    return np.square(np.tanh(X @ E.T) @ D.T - X).mean()


def encoder_gradient(E, X, D):
    return None


small = [rng.normal(size=shape) for shape in ((2, 3), (5, 3), (3, 2))]
check("4", encoder_gradient(*small), mg.grad(bent)(*small))

# %% [markdown] lang="en" tags=["hint"]
# 1. Write the forward pass line by line: $A = X E^{\top}$, $K = \tanh A$, $Y = K D^{\top}$, $L$.
# 2. $\delta Y = 2\,(Y - X)/\text{size}$, and $\delta K = \delta Y\,D$.
# 3. $\delta A = \delta K \circ (1 - K^2)$, and $E$ meets $X$: $\delta A^{\top} X$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Escribe la pasada hacia delante línea por línea: $A = X E^{\top}$, $K = \tanh A$, $Y = K
#    D^{\top}$, $L$.
# 2. $\delta Y = 2\,(Y - X)/\text{size}$, y $\delta K = \delta Y\,D$.
# 3. $\delta A = \delta K \circ (1 - K^2)$, y $E$ se encuentra con $X$: $\delta A^{\top} X$.

# %% [markdown] lang="en" tags=["solution"]
# One more stop in the backward pass: $\delta K$ is multiplied by $1 - K^2$.

# %% [markdown] lang="es" tags=["solution"]
# Una parada más en la pasada hacia atrás: $\delta K$ se multiplica por $1 - K^2$.


# %% tags=["solution"]
def encoder_gradient(E, X, D):
    K = np.tanh(X @ E.T)
    d_again = 2 / X.size * (K @ D.T - X)
    return (d_again @ D * (1 - K**2)).T @ X


check("4", encoder_gradient(*small), mg.grad(bent)(*small))

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. Why does an autoencoder have a waist?**
#
# - [x] Otherwise it would copy its input and learn nothing :: With room for all pixels, the
#   identity has loss 0.
# - [ ] To train faster :: That is a side effect.
# - [ ] Because digits are thin :: The waist is a number of units, not a shape.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Por qué tiene cintura un autocodificador?**
#
# - [x] Si no, copiaría su entrada sin aprender nada :: Con sitio para todos los píxeles, la
#   identidad tiene pérdida 0.
# - [ ] Para entrenar más rápido :: Eso es un efecto secundario.
# - [ ] Porque los dígitos son delgados :: La cintura es un número de unidades, no una forma.

# %% [markdown] lang="en" tags=["quiz"]
# **2. A linear autoencoder with squared error finds …**
#
# - [ ] something better than PCA :: PCA loses the least of all linear maps.
# - [x] the plane of PCA :: The same plane, though not necessarily the same axes in it.
# - [ ] nothing :: It does learn, and as far as linear maps can.

# %% [markdown] lang="es" tags=["quiz"]
# **2. Un autocodificador lineal con error cuadrático encuentra…**
#
# - [ ] algo mejor que PCA :: De todas las aplicaciones lineales, PCA es la que menos pierde.
# - [x] el plano de PCA :: El mismo plano, aunque no necesariamente los mismos ejes.
# - [ ] nada :: Sí aprende, hasta donde pueden las aplicaciones lineales.

# %% [markdown] lang="en" tags=["quiz"]
# **3. A network with a tanh loses less than PCA on what it learned. What must you check?**
#
# - [x] What both lose on digits they have not seen :: Only there is it an advantage.
# - [ ] That it has more weights :: It has; that is the doubt, not the answer.
# - [ ] That its code has length 1 :: Nothing asks for that.

# %% [markdown] lang="es" tags=["quiz"]
# **3. Una red con tanh pierde menos que PCA en lo que aprendió. ¿Qué hay que comprobar?**
#
# - [x] Qué pierden ambas con dígitos que no han visto :: Solo ahí es una ventaja.
# - [ ] Que tiene más pesos :: Los tiene; esa es la duda, no la respuesta.
# - [ ] Que su código tiene longitud 1 :: Nada lo exige.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Are the entries of the code independent of each other?**
#
# - [ ] Yes, training makes them so :: The loss rewards only the picture that comes back.
# - [x] Not by themselves: measure their correlations :: PCA's axes are uncorrelated by
#   construction; a network's units usually are not.
# - [ ] Only with a tanh :: A nonlinearity does not make them independent.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿Son independientes entre sí los elementos del código?**
#
# - [ ] Sí, el entrenamiento los hace así :: La pérdida solo premia la imagen que vuelve.
# - [x] No por sí solos: mide sus correlaciones :: Los ejes de PCA no están correlacionados por
#   construcción; las unidades de una red suelen estarlo.
# - [ ] Solo con una tanh :: Una no linealidad no los hace independientes.

# %% [markdown] lang="en" tags=["quiz"]
# **5. 784 pixels, a code of 30, one hidden layer of 256 each way. What is small: the code or the
# network?**
#
# - [ ] Both :: The network has hundreds of thousands of weights.
# - [x] The code: 30 numbers instead of 784 :: The network (418 094 weights and biases) has to be
#   kept once, the code for every picture.
# - [ ] The network :: Count $784 \cdot 256$ alone.

# %% [markdown] lang="es" tags=["quiz"]
# **5. 784 píxeles, un código de 30, una capa oculta de 256 en cada sentido. ¿Qué es pequeño: el
# código o la red?**
#
# - [ ] Ambos :: La red tiene cientos de miles de pesos.
# - [x] El código: 30 números en lugar de 784 :: La red (418 094 pesos y sesgos) se guarda una vez;
#   el código, para cada imagen.
# - [ ] La red :: Cuenta solo $784 \cdot 256$.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `models/autoencoder.py`: the four kinds, and MNIST: `python -m models.autoencoder --help`.
# - K. Pearson, *On Lines and Planes of Closest Fit to Systems of Points in Space*, Philosophical
#   Magazine 2 (1901), pages 559–572: the principal axis.
# - H. Bourlard and Y. Kamp, *Auto-Association by Multilayer Perceptrons and Singular Value
#   Decomposition*, Biological Cybernetics 59 (1988), pages 291–294: why the dense one is PCA.
# - G. E. Hinton and R. R. Salakhutdinov, *Reducing the Dimensionality of Data with Neural
#   Networks*, Science 313 (2006), pages 504–507: the stack, and its map of digits.
# - D. P. Kingma and M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014: codes from which one
#   can draw new pictures.
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning* (2016), chapter 14.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `models/autoencoder.py`: las cuatro clases, y MNIST: `python -m models.autoencoder --help`.
# - K. Pearson, *On Lines and Planes of Closest Fit to Systems of Points in Space*, Philosophical
#   Magazine 2 (1901), páginas 559–572: el eje principal.
# - H. Bourlard e Y. Kamp, *Auto-Association by Multilayer Perceptrons and Singular Value
#   Decomposition*, Biological Cybernetics 59 (1988), páginas 291–294: por qué la densa es PCA.
# - G. E. Hinton y R. R. Salakhutdinov, *Reducing the Dimensionality of Data with Neural Networks*,
#   Science 313 (2006), páginas 504–507: la red apilada y su mapa de dígitos.
# - D. P. Kingma y M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014: códigos de los que se
#   sacan imágenes nuevas.
# - I. Goodfellow, Y. Bengio y A. Courville, *Deep Learning* (2016), capítulo 14.
