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
# # The tape
#
# A network has a million weights and one loss. To learn, it needs a million slopes: how does the
# loss change when *this* weight moves, and that one, and the next? **How can all slopes of a
# program be found for about the price of running it once?**
#
# The answer is older than deep learning and fits in ten lines. You will work it out on paper, write
# the ten lines, see that minigrad does the same, and then try to catch it out: with finite
# differences, with imaginary numbers, and finally with a proof.

# %% [markdown] lang="es"
# # La cinta
#
# Una red tiene un millón de pesos y una sola pérdida. Para aprender necesita un millón de
# pendientes: cuánto cambia la pérdida al mover *este* peso, y ese otro, y el siguiente. **¿Cómo
# pueden hallarse todas las pendientes de un programa por más o menos lo que cuesta ejecutarlo una
# vez?**
#
# La respuesta es más vieja que el aprendizaje profundo y cabe en diez líneas. Primero lo harás en
# papel, luego escribirás esas diez líneas, verás que minigrad hace lo mismo y, por último,
# intentarás sorprenderlo en un error: con diferencias finitas, con números imaginarios y, al final,
# con una demostración.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import graph
from minigrad.symbolic import derive
from minigrad.targets import target_of
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify

SEED = 2
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## On paper
#
# Take the smallest possible network, one neuron with one weight, and the square of its error:
#
# $$z = w\,x + b \qquad y = \tanh(z) \qquad e = y - t \qquad L = e^2$$
#
# A computer does this in steps, one operation at a time, and so will we. Below is what minigrad
# recorded while it ran: every box is one operation.

# %% [markdown] lang="es"
# ## En papel
#
# Toma la red más pequeña posible, una neurona con un solo peso, y el cuadrado de su error:
#
# $$z = w\,x + b \qquad y = \tanh(z) \qquad e = y - t \qquad L = e^2$$
#
# Una computadora lo calcula paso a paso, una operación cada vez; hagamos lo mismo. Debajo está lo
# que minigrad registró mientras lo ejecutaba: cada caja es una operación.


# %%
def learned(value, name):
    return mg.Tensor(value, requires_grad=True, name=name)


w, x, b = learned(0.5, "w"), learned(2.0, "x"), learned(-0.5, "b")
t = 1.0

z = w * x + b
y = np.tanh(z)
e = y - t
L = e * e
z.name, y.name, e.name, L.name = "z", "y", "e", "L"

print(f"z = {z.item():.4f}   y = {y.item():.4f}   e = {e.item():.4f}   L = {L.item():.4f}")
graph.draw(L, title="L = (tanh(w·x + b) − t)²")

# %% [markdown] lang="en"
# Now **backward**. Ask of each value: if it grew by a tiny amount, by how many times that amount
# would $L$ grow? Call the answer $\delta$. For $L$ itself it is 1. Every other value acts on $L$
# only through the boxes that use it, so its $\delta$ is the $\delta$ of the box times the slope of
# that one box, which you know from your calculus course; if it goes into a box twice, as $e$ does
# into $e \cdot e$, both uses count. That is the chain rule, read from the end:
#
# $$\delta e = 2\,e = -1.0758$$
# $$\delta y = \delta e \cdot 1 = -1.0758$$
# $$\delta z = \delta y \cdot (1 - y^2) = -0.8460$$
# $$\delta w = \delta z \cdot x = -1.6921 \qquad \delta x = \delta z \cdot w = -0.4230
#   \qquad \delta b = \delta z = -0.8460$$
#
# Look at what has happened. We wanted three slopes and went back *once*: $\delta z$ was computed
# once and used three times. With a million weights it would still be one backward pass.
#
# **What if $w$ were 1, or the target −1?** Run the tape yourself, one operation at a time, forward
# and then back:

# %% [markdown] lang="es"
# Y ahora **hacia atrás**. Pregunta por cada valor: si creciera un poquito, ¿cuántas veces eso
# crecería $L$? Llamemos $\delta$ a la respuesta. Para la propia $L$ es 1. Cualquier otro valor
# influye en $L$ solo a través de las cajas que lo usan; así que su $\delta$ es la $\delta$ de la
# caja por la pendiente de esa única caja, que ya conoces del curso de cálculo; si entra dos veces
# en una caja, como $e$ en $e \cdot e$, cuentan las dos. Es la regla de la cadena, leída desde el
# final:
#
# $$\delta e = 2\,e = -1.0758$$
# $$\delta y = \delta e \cdot 1 = -1.0758$$
# $$\delta z = \delta y \cdot (1 - y^2) = -0.8460$$
# $$\delta w = \delta z \cdot x = -1.6921 \qquad \delta x = \delta z \cdot w = -0.4230
#   \qquad \delta b = \delta z = -0.8460$$
#
# Fíjate en lo que ha pasado. Queríamos tres pendientes y hemos vuelto atrás *una sola vez*: $\delta
# z$ se calculó una vez y se usó tres. Con un millón de pesos seguiría siendo una sola pasada hacia
# atrás.
#
# **¿Y si $w$ fuera 1, o el objetivo −1?** Recorre tú la cinta, operación por operación, hacia
# delante y luego hacia atrás:

# %%
L.backward()
print("δw, δx, δb =", [round(float(v.grad), 4) for v in (w, x, b)])
assert np.allclose([w.grad, x.grad, b.grad], [-1.6921, -0.4230, -0.8460], rtol=0, atol=5e-5)

# %% tags=["plot"]
values = {"w": w, "z": z, "y": y, "e": e, "L": L}
slopes = {"w": w.grad, "z": b.grad, "y": 2 * e.data, "e": 2 * e.data, "L": 1.0}
figure, panel = plt.subplots(figsize=(6, 1.3), layout="constrained")
for k, (name, value) in enumerate(values.items()):
    panel.text(k, 1, f"{name} = {value.item():.3f}", ha="center")
    panel.text(k, 0.3, f"δ{name} = {slopes[name]:.3f}", ha="center", color="C3")
for tail, tip, level, colour in ((0.1, 3.9, 0.85, "0.3"), (3.9, 0.1, 0.65, "C3")):
    panel.annotate(
        "", (tip, level), (tail, level), arrowprops={"arrowstyle": "->", "color": colour}
    )
panel.set(xlim=(-0.6, 4.6), ylim=(0.1, 1.3))
panel.axis("off")
plt.show()
live("tape")

# %% [markdown] lang="en"
# ## In ten lines
#
# What did we need? A list of what was computed, in order: the **tape**. And for each entry, its
# parents (what it was computed from), each with the slope of that one operation.

# %% [markdown] lang="es"
# ## En diez líneas
#
# ¿Qué nos hizo falta? Una lista de lo calculado, en orden: la **cinta**. Y para cada elemento, sus
# padres (*parents*): a partir de qué se calculó, con la pendiente de esa única operación.

# %%
tape = []


class Node:
    def __init__(self, value, parents=()):
        self.value, self.parents, self.slope = value, parents, 0.0
        tape.append(self)


def backward(last):
    last.slope = 1.0
    for node in reversed(tape):
        for parent, slope in node.parents:
            parent.slope += node.slope * slope


# %% [markdown] lang="en"
# Ten lines, and not one of them knows any calculus. That is left to the operations: each writes a
# node and, next to every parent, the slope. Our neuron needs three of them.

# %% [markdown] lang="es"
# Diez líneas, y ninguna sabe nada de cálculo. De eso se encargan las operaciones: cada una añade un
# nodo y, junto a cada padre, la pendiente. A nuestra neurona le bastan tres.


# %%
def add(a, b):
    return Node(a.value + b.value, [(a, 1), (b, 1)])


def multiply(a, b):
    return Node(a.value * b.value, [(a, b.value), (b, a.value)])


def tanh(a):
    y = np.tanh(a.value)
    return Node(y, [(a, 1 - y * y)])


Node.__add__, Node.__mul__ = add, multiply  # what + and * mean || lo que significan + y *

w_, x_, b_, minus_t = Node(0.5), Node(2.0), Node(-0.5), Node(-1.0)
e_ = tanh(w_ * x_ + b_) + minus_t
backward(e_ * e_)
print("δw, δx, δb =", [round(float(v.slope), 4) for v in (w_, x_, b_)])
assert np.allclose([w_.slope, x_.slope, b_.slope], [w.grad, x.grad, b.grad], rtol=1e-15)

# %% [markdown] lang="en"
# They agree to the last digit. Two details in `backward` deserve a second look.
#
# - **`reversed`**: a node's $\delta$ is complete only when everything that uses it has contributed.
#   Whatever uses a node was computed *after* it, so going through the tape from its end is always
#   right.
# - **`+=`**: `e_ * e_` uses `e_` twice, and both uses count. In a recurrent network a weight is
#   used at every time step, and this little plus sign is all of *backpropagation through time*.
#
# minigrad's own backward pass (`minigrad/tape.py`) is this loop. It adds a few things: arrays
# instead of numbers; gradients summed where NumPy has broadcast; only the part of the tape that
# leads to what was asked for; and memory freed on the way.
#
# ## The rules, derived
#
# Each operation has its own slope. minigrad writes it out: the operation, its derivative, and what
# is therefore passed back ($\circ$ multiplies arrays entry by entry).

# %% [markdown] lang="es"
# Coinciden hasta la última cifra. Dos detalles de `backward` merecen otra mirada.
#
# - **`reversed`**: la $\delta$ de un nodo no está completa hasta que ha contribuido todo lo que lo
#   usa. Y todo lo que usa un nodo se calculó *después* que él, así que recorrer la cinta desde el
#   final siempre es correcto.
# - **`+=`**: `e_ * e_` usa `e_` dos veces, y las dos cuentan. En una red recurrente cada peso se
#   usa en todos los pasos, y ese signo más es toda la *retropropagación a través del tiempo*.
#
# La pasada hacia atrás de minigrad (`minigrad/tape.py`) es este mismo bucle. Añade unas cuantas
# cosas: arrays en vez de números; gradientes sumados donde NumPy ha difundido (*broadcasting*);
# solo la parte de la cinta que lleva a lo que se pide; y memoria liberada por el camino.
#
# ## Las reglas, deducidas
#
# Cada operación tiene su propia pendiente. minigrad lo escribe todo: la operación, su derivada y lo
# que, por tanto, pasa hacia atrás ($\circ$ multiplica arrays elemento a elemento).

# %%
formulas(derive("tanh"))

# %%
formulas(derive("multiply"))

# %% [markdown] lang="en"
# ## The experiment: trust, but check
#
# How would you test a gradient without knowing it? Take the definition of the derivative and a
# small step $\varepsilon$:
#
# $$\frac{f(w + \varepsilon) - f(w - \varepsilon)}{2\,\varepsilon}$$
#
# How small? The formula itself is off by about $\varepsilon^2$, so smaller is better, until the two
# values of $f$ agree in nearly all of their 16 digits. Then few meaningful digits are left in their
# difference, and that error grows as $1/\varepsilon$.
#
# The **complex step** subtracts nothing. Expand $f(w + i\varepsilon) = f(w) + i\varepsilon f'(w) -
# \dots$ and read off the imaginary part:
#
# $$f'(w) \approx \frac{\operatorname{Im} f(w + i\varepsilon)}{\varepsilon}$$

# %% [markdown] lang="es"
# ## El experimento: confía, pero comprueba
#
# ¿Cómo comprobarías un gradiente que no conoces? Con la definición de derivada y un paso pequeño
# $\varepsilon$:
#
# $$\frac{f(w + \varepsilon) - f(w - \varepsilon)}{2\,\varepsilon}$$
#
# ¿Cómo de pequeño? El error de la propia fórmula es de alrededor de $\varepsilon^2$, así que cuanto
# menor, mejor; hasta que los dos valores de $f$ coinciden en casi todas sus 16 cifras. Entonces a
# la resta le quedan pocas cifras significativas, y ese error crece como $1/\varepsilon$.
#
# El **paso complejo** no resta nada. Desarrolla $f(w + i\varepsilon) = f(w) + i\varepsilon f'(w) -
# \dots$ y quédate con la parte imaginaria:
#
# $$f'(w) \approx \frac{\operatorname{Im} f(w + i\varepsilon)}{\varepsilon}$$


# %%
def f(w):
    return (np.tanh(w * 2.0 - 0.5) - 1.0) ** 2


exact = mg.grad(f)(0.5)
epsilons = 10.0 ** np.arange(-15, 0)
by_difference = (f(0.5 + epsilons) - f(0.5 - epsilons)) / (2 * epsilons)
by_complex_step = np.imag(f(0.5 + 1j * epsilons)) / epsilons
errors = [abs(guess - exact) / abs(exact) for guess in (by_difference, by_complex_step)]

best = errors[0].argmin()
print(text("finite difference, best step:", "diferencia finita, mejor paso:"),
      f"{epsilons[best]:.0e}, {text('error', 'error')} {errors[0][best]:.0e}")  # fmt: skip
print(text("complex step of 1e-15:", "paso complejo de 1e-15:"), f"error {errors[1][0]:.0e}")
assert 1e-7 < epsilons[best] < 1e-4 and 1e-13 < errors[0][best] < 1e-9
assert (errors[1][epsilons < 1e-8] < 1e-15).all()

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
axes.loglog(
    epsilons, errors[0], "o-", color="0.4", label=text("finite difference", "diferencia finita")
)
axes.loglog(epsilons, np.maximum(errors[1], 1e-17), "o-", color="C3",
            label=text("complex step", "paso complejo"))  # fmt: skip
axes.axhline(np.finfo(float).eps, color="0.7", ls=":")
axes.text(1e-15, 3e-16, text("one rounding", "un redondeo"), color="0.5", va="bottom")
axes.set(xlabel="ε", ylabel=text("relative error", "error relativo"), ylim=(5e-18, 1))
axes.legend(frameon=False, loc="upper center")
plt.show()

# %% [markdown] lang="en"
# The grey curve is a valley: too coarse on the right, too noisy on the left, and even at the bottom
# a few digits are missing. The red one has no left wall: once the step is below $10^{-8}$ it is
# exact up to rounding, and stays so (points at $10^{-17}$ agree in every bit).
#
# Both share a weakness: each run gives *one* slope. For $n$ weights that takes $n$ runs, or twice
# as many; the tape needs one run and one backward pass.

# %% [markdown] lang="es"
# La curva gris es un valle: demasiado basta a la derecha, demasiado ruidosa a la izquierda, y hasta
# en el fondo le faltan unas cifras. La roja no tiene pared izquierda: en cuanto el paso baja de
# $10^{-8}$ es exacta salvo redondeo, y así sigue (los puntos en $10^{-17}$ coinciden bit a bit).
#
# Las dos comparten una debilidad: cada ejecución da *una* pendiente. Para $n$ pesos son $n$
# ejecuciones, o el doble; a la cinta le bastan una ejecución y una pasada hacia atrás.

# %%
calls = 0
inputs = rng.normal(size=1000)


def loss(weights):
    global calls
    calls += 1
    return np.square(np.tanh(weights * inputs)).sum()


weights = rng.normal(size=1000)
calls = 0
gradient = mg.grad(loss)(weights)
print(text("the tape:", "la cinta:"), calls)
assert calls == 1

calls = 0
steps = 1e-30j * np.eye(1000)
slopes = np.array([loss(weights + step).imag for step in steps]) / 1e-30
print(text("the complex step:", "el paso complejo:"), calls)
assert calls == 1000
assert np.allclose(gradient, slopes, rtol=1e-13)

# %% [markdown] lang="en"
# For a thousand slopes the tape needs one run, the complex step a thousand, and the numbers are the
# same.
#
# ## The proof
#
# A check at one point says nothing about other points. But every rule of minigrad is an ordinary
# NumPy expression, so it runs on *symbols* as well as on numbers: the gradient comes out as a
# formula, SymPy differentiates the forward pass by itself, and the difference has to reduce to 0.
# That is the first of the three judges of chapter 1; the exact one computes in a finite field, and
# the numeric one takes complex steps. They judge the second derivative as well.

# %% [markdown] lang="es"
# Para mil pendientes, a la cinta le basta una ejecución; al paso complejo le hacen falta mil, y los
# números son los mismos.
#
# ## La demostración
#
# Comprobar un punto no dice nada de los demás. Pero cada regla de minigrad es una expresión
# corriente de NumPy, así que se ejecuta igual con *símbolos* que con números: el gradiente sale
# como fórmula, SymPy deriva por su cuenta el cálculo hacia delante, y la diferencia tiene que
# reducirse a 0. Ese es el primero de los tres jueces del capítulo 1; el exacto calcula en un cuerpo
# finito y el numérico da pasos complejos. También se juzga la segunda derivada.

# %%
verdicts(verify("tanh", "multiply", seed=SEED))

# %% [markdown] lang="en"
# A judge that never says no is worthless. So here is a tanh whose author forgot the square:

# %% [markdown] lang="es"
# Un juez que nunca dice que no, no vale nada. Así que aquí va una tanh cuyo autor olvidó el
# cuadrado. (Los jueces se explican en inglés: la última línea da la derivada del motor, la de SymPy
# y el factor que falta).

# %%
forgetful_tanh = mg.elementwise(
    "forgetful_tanh",
    np.tanh,
    partials=(lambda y, x: 1 - y,),  # should be 1 - y * y || debería ser 1 - y * y
    symbol="tanh",  # its name in SymPy || su nombre en SymPy
)
report = verify(target_of(forgetful_tanh, "forgetful_tanh"), seed=SEED)
passed = sum(found.passed for found in report.checks)
print(text("checks passed:", "comprobaciones superadas:"), passed, text("of", "de"),
      len(report.checks))  # fmt: skip
print(report.checks[0].failures[-1])
assert passed == 0

# %% [markdown] lang="en"
# ## Exercises
#
# Put your answer where it says `None` and run the cell.
#
# **1. On paper.** $L = (w\,x + b)^2$ with $w = 3$, $x = 2$, $b = -5$. Go back: what is $\delta w$?

# %% [markdown] lang="es"
# ## Ejercicios
#
# Pon tu respuesta donde dice `None` y ejecuta la celda.
#
# **1. En papel.** $L = (w\,x + b)^2$ con $w = 3$, $x = 2$, $b = -5$. Vuelve hacia atrás: ¿cuánto
# vale $\delta w$?

# %%
delta_w = None
check("1", delta_w, mg.grad(lambda w: (w * 2.0 - 5.0) ** 2)(3.0))

# %% [markdown] lang="en" tags=["hint"]
# 1. Forward first: what are $w\,x + b$ and its square?
# 2. Back: the square multiplies by twice its input.
# 3. Then the product: $w$ was multiplied by $x = 2$, so $\delta w = \delta z \cdot 2$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Primero hacia delante: ¿cuánto valen $w\,x + b$ y su cuadrado?
# 2. Hacia atrás: el cuadrado multiplica por el doble de su entrada.
# 3. Después, el producto: a $w$ la multiplicó $x = 2$, así que $\delta w = \delta z \cdot 2$.

# %% [markdown] lang="en" tags=["solution"]
# Forward: $z = 3 \cdot 2 - 5 = 1$. Back: $\delta z = 2 z = 2$, and $w$ is multiplied by $x = 2$, so
# $\delta w = 4$.

# %% [markdown] lang="es" tags=["solution"]
# Hacia delante: $z = 3 \cdot 2 - 5 = 1$. Hacia atrás: $\delta z = 2 z = 2$, y a $w$ la multiplica
# $x = 2$; luego $\delta w = 4$.

# %% tags=["solution"]
delta_w = 2 * (3 * 2 - 5) * 2
check("1", delta_w, mg.grad(lambda w: (w * 2.0 - 5.0) ** 2)(3.0))

# %% [markdown] lang="en"
# **2. A missing plus.** Somebody writes `=` instead of `+=` in our `backward`. Which slope would it
# then report for $x$ in $x \cdot x + x$ at $x = 3$? (The true one is 7.) Think before you run it.

# %% [markdown] lang="es"
# **2. Falta un más.** Alguien escribe `=` en lugar de `+=` en nuestra `backward`. ¿Qué pendiente
# daría entonces para $x$ en $x \cdot x + x$ con $x = 3$? (La verdadera es 7.) Piénsalo antes de
# ejecutarlo.


# %%
def careless():
    """What the careless backward pass finds. || Lo que halla la pasada descuidada."""
    tape.clear()
    x = Node(3.0)
    last = x * x + x
    last.slope = 1.0
    for node in reversed(tape):
        for parent, slope in node.parents:
            parent.slope = node.slope * slope
    return x.slope


your_guess = None
check("2", your_guess, careless())

# %% [markdown] lang="en" tags=["hint"]
# 1. Which operation does the backward pass visit first?
# 2. The sum passes 1 to both of its parents, and one of them is $x$.
# 3. The product then writes $1 \cdot 3$ into $x$, over what was there.

# %% [markdown] lang="es" tags=["hint"]
# 1. ¿Qué operación visita primero la pasada hacia atrás?
# 2. La suma les pasa un 1 a sus dos padres, y uno de ellos es $x$.
# 3. Luego el producto escribe $1 \cdot 3$ en $x$, encima de lo que había.

# %% [markdown] lang="en" tags=["solution"]
# The sum is visited first and writes 1 into $x$; then the product overwrites it twice, with 3 and
# with 3 again. The last write wins.

# %% [markdown] lang="es" tags=["solution"]
# Primero se visita la suma, que escribe un 1 en $x$; después el producto lo sobrescribe dos veces,
# con 3 y otra vez con 3. Gana lo último que se escribe.

# %% tags=["solution"]
your_guess = 3.0
check("2", your_guess, careless())

# %% [markdown] lang="en"
# **3. One more rule.** Teach our tape the logistic function $\sigma(x) = 1 / (1 + e^{-x})$. Its
# slope is short when you write it in terms of the output.

# %% [markdown] lang="es"
# **3. Una regla más.** Enséñale a nuestra cinta la función logística $\sigma(x) = 1 / (1 +
# e^{-x})$. Su pendiente queda corta si la escribes en función de la salida.


# %%
def sigmoid(a):
    """A Node with the value σ(a) and the parent a. || Un Node con valor σ(a) y padre a."""
    return None


def slope_of_yours(at):
    tape.clear()
    a = Node(at)
    y = sigmoid(a)
    if y is None:
        return None
    backward(y * a)
    return a.slope


check("3", slope_of_yours(0.7), mg.grad(lambda a: mg.sigmoid(a) * a)(0.7))

# %% [markdown] lang="en" tags=["hint"]
# 1. Compute the value $y$ with `a.value`, as for any other rule.
# 2. A `Node` takes its value and a list of pairs: a parent, and the slope with respect to it.
# 3. With $y = \sigma(x)$ the slope is $y\,(1 - y)$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Calcula el valor $y$ con `a.value`, como en cualquier otra regla.
# 2. Un `Node` toma su valor y una lista de pares: un padre y la pendiente respecto de él.
# 3. Con $y = \sigma(x)$, la pendiente es $y\,(1 - y)$.

# %% [markdown] lang="en" tags=["solution"]
# With $y = \sigma(x)$: $y' = y\,(1 - y)$.

# %% [markdown] lang="es" tags=["solution"]
# Con $y = \sigma(x)$: $y' = y\,(1 - y)$.


# %% tags=["solution"]
def sigmoid(a):
    y = 1 / (1 + np.exp(-a.value))
    return Node(y, [(a, y * (1 - y))])


check("3", slope_of_yours(0.7), mg.grad(lambda a: mg.sigmoid(a) * a)(0.7))

# %% [markdown] lang="en"
# **4. One imaginary step.** Find the slope of $e^{\sin(x)}$ at $x = 1$ by a complex step, to all
# digits, without minigrad.

# %% [markdown] lang="es"
# **4. Un paso imaginario.** Halla la pendiente de $e^{\operatorname{sen}(x)}$ en $x = 1$ con un
# paso complejo, con todas sus cifras y sin minigrad.

# %%
slope = None
check("4", slope, np.exp(np.sin(1.0)) * np.cos(1.0), rtol=1e-15)

# %% [markdown] lang="en" tags=["hint"]
# 1. Add a tiny imaginary number to 1 and compute the function as it is.
# 2. The slope is the imaginary part of the result, divided by that number.
# 3. `np.exp(np.sin(1 + 1e-30j)).imag / 1e-30`: which step would be too small?

# %% [markdown] lang="es" tags=["hint"]
# 1. Súmale a 1 un número imaginario diminuto y calcula la función tal cual.
# 2. La pendiente es la parte imaginaria del resultado, dividida entre ese número.
# 3. `np.exp(np.sin(1 + 1e-30j)).imag / 1e-30`: ¿qué paso sería demasiado pequeño?

# %% [markdown] lang="en" tags=["solution"]
# NumPy's functions take complex numbers, and any tiny step will do.

# %% [markdown] lang="es" tags=["solution"]
# Las funciones de NumPy aceptan números complejos, y sirve cualquier paso diminuto.

# %% tags=["solution"]
slope = np.exp(np.sin(1.0 + 1e-30j)).imag / 1e-30
check("4", slope, np.exp(np.sin(1.0)) * np.cos(1.0), rtol=1e-15)

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. What does an entry of the tape hold?**
#
# - [ ] The derivative of the loss with respect to the weights :: That is the result; it is not
#   known before the end of the backward pass.
# - [x] A value, its parents, and the slope along each :: Local knowledge only; the backward pass
#   multiplies and adds it.
# - [ ] The whole formula as text :: No formula is kept: only numbers, and what they were made from.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Qué guarda cada elemento de la cinta?**
#
# - [ ] La derivada de la pérdida respecto de los pesos :: Ese es el resultado; no se conoce hasta
#   que acaba la pasada hacia atrás.
# - [x] Un valor, sus padres y la pendiente respecto de cada uno :: Solo conocimiento local; la
#   pasada hacia atrás lo multiplica y lo suma.
# - [ ] La fórmula entera como texto :: No se guarda ninguna fórmula: solo números y de dónde salen.

# %% [markdown] lang="en" tags=["quiz"]
# **2. Why is the tape read from its end to its start?**
#
# - [x] A value's slope must be complete before it is passed on :: Everything that used a value
#   comes after it on the tape.
# - [ ] Because it is shorter that way :: Each entry is visited once, in either direction.
# - [ ] Because Python lists start at zero :: The order matters here, not the indices.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Por qué la cinta se lee del final al principio?**
#
# - [x] La pendiente de un valor debe estar completa antes de pasarla :: Todo lo que usó un valor
#   está detrás de él en la cinta.
# - [ ] Porque así es más corta :: Cada elemento se visita una vez, en cualquiera de los dos
#   sentidos.
# - [ ] Porque las listas de Python empiezan en cero :: Aquí importa el orden, no los índices.

# %% [markdown] lang="en" tags=["quiz"]
# **3. A value is used twice. What happens to its slope?**
#
# - [ ] The last use counts :: That is the mistake of writing = instead of +=.
# - [x] Both contributions are added :: A nudge to the value acts through both uses at once.
# - [ ] Both contributions are multiplied :: Slopes multiply along a path and add over paths.

# %% [markdown] lang="es" tags=["quiz"]
# **3. Un valor se usa dos veces. ¿Qué pasa con su pendiente?**
#
# - [ ] Cuenta el último uso :: Ese es el error de escribir = en vez de +=.
# - [x] Se suman las dos aportaciones :: Un empujoncito al valor actúa por los dos usos a la vez.
# - [ ] Se multiplican las dos aportaciones :: Las pendientes se multiplican a lo largo de un camino
#   y se suman entre caminos.

# %% [markdown] lang="en" tags=["quiz"]
# **4. A loss depends on a million weights. How many backward passes give all the slopes?**
#
# - [x] One :: There is one output, so one pass reaches all inputs. That is why we go backward.
# - [ ] One for each weight :: That is what finite differences, or forward mode, would cost.
# - [ ] One for each layer :: A single pass goes through all layers.

# %% [markdown] lang="es" tags=["quiz"]
# **4. Una pérdida con un millón de pesos: ¿cuántas pasadas hacia atrás dan todas las pendientes?**
#
# - [x] Una :: Hay una salida, así que una pasada llega a todas las entradas. Por eso se hace hacia
#   atrás.
# - [ ] Una por cada peso :: Eso costarían las diferencias finitas o el modo directo.
# - [ ] Una por cada capa :: Una sola pasada recorre todas las capas.

# %% [markdown] lang="en" tags=["quiz"]
# **5. Why can the complex step be 1e-30, while that of a finite difference cannot?**
#
# - [ ] Complex numbers have more digits :: Each part is an ordinary float.
# - [x] Nothing is subtracted :: The slope stands alone in the imaginary part, so no digits cancel.
# - [ ] 1e-30 is rounded to 0 :: It is not: floats reach down to about 1e-308.

# %% [markdown] lang="es" tags=["quiz"]
# **5. ¿Por qué el paso complejo puede ser 1e-30 y el de una diferencia finita no?**
#
# - [ ] Los números complejos tienen más cifras :: Cada parte es un número de coma flotante normal.
# - [x] No se resta nada :: La pendiente está sola en la parte imaginaria: no se cancela ninguna
#   cifra.
# - [ ] 1e-30 se redondea a 0 :: No: los números de coma flotante llegan hasta cerca de 1e-308.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `minigrad/tape.py`, the function `walk`: our `backward`, grown up.
# - A. G. Baydin, B. A. Pearlmutter, A. A. Radul and J. M. Siskind, *Automatic Differentiation in
#   Machine Learning: a Survey*, Journal of Machine Learning Research 18 (2018), section 3.2:
#   reverse mode, with a worked table like ours.
# - W. Squire and G. Trapp, *Using Complex Variables to Estimate Derivatives of Real Functions*,
#   SIAM Review 40 (1998), pages 110–112: the complex step, in three pages.
# - S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, BIT 16 (1976), pages
#   146–160: the backward pass, before anyone used it to train a network.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `minigrad/tape.py`, la función `walk`: nuestra `backward`, ya de mayor.
# - A. G. Baydin, B. A. Pearlmutter, A. A. Radul y J. M. Siskind, *Automatic Differentiation in
#   Machine Learning: a Survey*, Journal of Machine Learning Research 18 (2018), apartado 3.2: el
#   modo inverso, con una tabla resuelta como la nuestra.
# - W. Squire y G. Trapp, *Using Complex Variables to Estimate Derivatives of Real Functions*,
#   SIAM Review 40 (1998), páginas 110–112: el paso complejo, en tres páginas.
# - S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, BIT 16 (1976), páginas
#   146–160: la pasada hacia atrás, antes de que nadie la usara para entrenar una red.
