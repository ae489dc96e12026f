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
# # Backpropagation through time
#
# A recurrent network makes a mistake at step 30. The same matrix $W$ has acted at each of those
# thirty steps. **If one matrix acts at every step, which of its uses is to blame?**
#
# All of them, each with its own share, and the shares add up. This chapter finds them three times:
# on paper, with SymPy, and in a backward pass short enough to read at a glance. Then it puts that
# pass before a judge that does not know the word "approximately".

# %% [markdown] lang="es"
# # Retropropagación a través del tiempo
#
# Una red recurrente se equivoca en el paso 30. La misma matriz $W$ ha intervenido en cada uno de
# los treinta pasos. **Si una misma matriz actúa en todos los pasos, ¿cuál de sus usos tiene la
# culpa?**
#
# Todos, cada uno con su parte, y las partes se suman. En este capítulo las hallamos tres veces: en
# papel, con SymPy y con una pasada hacia atrás tan corta que se lee de un vistazo. Después llevamos
# esa pasada ante un juez que no entiende de «aproximadamente».

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy

import minigrad as mg
from minigrad import graph
from minigrad.arrays.field import PRIME, FieldArray
from minigrad.arrays.symbolic import SymbolicArray
from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify

SEED = 3
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: unroll it
#
# A loop is hard to differentiate; a straight line is not. So lay the loop out along time, one copy
# of the cell for each step. Now it is an ordinary deep network whose layers happen to share their
# weights. Here are five steps: each yellow box is a copy, and the state $h$, in green, goes from
# one to the next. (`minigrad graph rnn --steps 5 -o rnn.html` makes a page of this picture in which
# every number can be looked up.)

# %% [markdown] lang="es"
# ## La idea: desplegarla
#
# Un bucle es difícil de derivar; una línea recta, no. Así que se extiende el bucle a lo largo del
# tiempo, con una copia de la celda por paso, y queda una red profunda corriente cuyas capas
# comparten los pesos. Aquí hay cinco pasos: cada caja amarilla es una copia, y el estado $h$, en
# verde, pasa de una a otra. (`minigrad graph rnn --steps 5 -o rnn.html` hace de este dibujo una
# página en la que se ve cada número).

# %%
graph.draw("rnn", steps=5)

# %% [markdown] lang="en"
# Now the one trick of the chapter. **Pretend** that each step has a matrix of its own, $W^{(1)},
# W^{(2)}, \dots, W^{(T)}$. Each is used once, so its gradient is the plain chain rule. In truth
# they are one matrix: moving $W$ moves all copies together, and the effects on the loss add up,
#
# $$\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \frac{\partial L}{\partial W^{(t)}}.$$
#
# ## On paper
#
# Write the cell with its two matrices apart, and let every step contribute to the loss:
#
# $$a_t = W_h\,h_{t-1} + W_x\,x_t + b \qquad h_t = \tanh(a_t) \qquad L = \sum_t \ell_t(h_t)$$
#
# As in chapter 2, $\delta v$ stands for $\partial L / \partial v$. What uses $h_t$? The loss of
# this step, and the next step, through $W_h$. So there are two terms:
#
# $$\delta h_t = \frac{\partial \ell_t}{\partial h_t} + W_h^{\top}\,\delta a_{t+1}$$
#
# What uses $a_t$? Only the tanh of the same step, entry by entry ($\circ$):
#
# $$\delta a_t = \delta h_t \circ (1 - h_t^2)$$
#
# And the copy of $W_h$ at step $t$ multiplies $h_{t-1}$: the slope of its entry in row $j$, column
# $k$ is $\delta a_t[j]\,h_{t-1}[k]$. Summed over the copies:
#
# $$\frac{\partial L}{\partial W_h} = \sum_t \delta a_t\,h_{t-1}^{\top}$$
#
# Begin at the last step, where nothing comes from the future, and go back to the first. minigrad
# derives the same from the cell's code (its $W_a$ holds $W_h$, called $W^h_a$, and $W_x$ side by
# side):

# %% [markdown] lang="es"
# Y ahora, el único truco del capítulo. **Finge** que cada paso tiene su propia matriz, $W^{(1)},
# W^{(2)}, \dots, W^{(T)}$. Cada una se usa una vez, así que su gradiente es la regla de la cadena,
# sin más. En realidad son una sola: al mover $W$ se mueven todas las copias a la vez, y sus efectos
# sobre la pérdida se suman,
#
# $$\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \frac{\partial L}{\partial W^{(t)}}.$$
#
# ## En papel
#
# Escribamos la celda con sus dos matrices por separado, y una pérdida a la que contribuyen todos
# los pasos:
#
# $$a_t = W_h\,h_{t-1} + W_x\,x_t + b \qquad h_t = \tanh(a_t) \qquad L = \sum_t \ell_t(h_t)$$
#
# Como en el capítulo 2, $\delta v$ significa $\partial L / \partial v$. ¿Dónde se usa $h_t$? En la
# pérdida de ese paso y, a través de $W_h$, en el paso siguiente. Hay, pues, dos términos:
#
# $$\delta h_t = \frac{\partial \ell_t}{\partial h_t} + W_h^{\top}\,\delta a_{t+1}$$
#
# ¿Dónde se usa $a_t$? Solo en la tanh del mismo paso, elemento a elemento ($\circ$):
#
# $$\delta a_t = \delta h_t \circ (1 - h_t^2)$$
#
# Y la copia de $W_h$ del paso $t$ multiplica a $h_{t-1}$: la pendiente de su elemento en la fila
# $j$, columna $k$ es $\delta a_t[j]\,h_{t-1}[k]$. Sumando las copias:
#
# $$\frac{\partial L}{\partial W_h} = \sum_t \delta a_t\,h_{t-1}^{\top}$$
#
# Se empieza por el último paso, al que nada le llega del futuro, y se retrocede hasta el primero.
# minigrad deduce lo mismo del código de la celda (su $W_a$ lleva juntas $W_h$, a la que llama
# $W^h_a$, y $W_x$):

# %%
formulas(derive("rnn"), "δh_t", "δa_t", "∂L/∂W_a")

# %% [markdown] lang="en"
# ## With SymPy
#
# Anyone can slip on paper, so let a computer algebra system check it. One unit, three steps, no
# bias: SymPy gets $h_3$ as one formula and differentiates it without knowing anything about time.

# %% [markdown] lang="es"
# ## Con SymPy
#
# En papel cualquiera se equivoca, así que comprobémoslo con un sistema de álgebra computacional.
# Una unidad, tres pasos, sin sesgo: SymPy recibe $h_3$ como una sola fórmula y la deriva sin saber
# nada del tiempo.

# %%
w, *x = sympy.symbols("w x_1 x_2 x_3", real=True)
h = [sympy.Integer(0)]
for x_t in x:
    h.append(sympy.tanh(w * h[-1] + x_t))
slope = sympy.diff(h[3], w)

short = slope
for t in (3, 2, 1):  # write h_3, h_2, h_1 where they occur || escribir h_3, h_2, h_1 en su lugar
    short = short.subs(h[t], sympy.Symbol(f"h_{t}"))
short

# %% [markdown] lang="en"
# Read it with the copies in mind: the last one multiplies $h_2$; the one before it multiplies $h_1$
# and is reached through $w\,(1 - h_2^2)$; the first multiplies $h_0 = 0$. Our recipe says: with
# $\delta h_3 = 1$, go back and add up. If the recipe and SymPy agree, their difference is 0 for
# *every* $w$ and $x$. The same goes for minigrad, whose tape runs on symbols just as it does on
# numbers.

# %% [markdown] lang="es"
# Léelo pensando en las copias: la última multiplica a $h_2$; la anterior, a $h_1$, y se llega a
# ella a través de $w\,(1 - h_2^2)$; la primera, a $h_0 = 0$. Nuestra receta dice: con $\delta h_3 =
# 1$, retrocede y suma. Si la receta y SymPy coinciden, su diferencia es 0 para *todos* los $w$ y
# $x$. Y lo mismo vale para minigrad, cuya cinta funciona con símbolos igual que con números.

# %%
delta_h, recipe = sympy.Integer(1), sympy.Integer(0)
for t in (3, 2, 1):
    delta_a = delta_h * (1 - h[t] ** 2)
    recipe += delta_a * h[t - 1]
    delta_h = w * delta_a

weight = mg.Tensor(SymbolicArray(w), requires_grad=True)
state = mg.Tensor(SymbolicArray(0))
for x_t in x:
    state = np.tanh(weight * state + SymbolicArray(x_t))
state.backward()

print("SymPy −", text("recipe", "receta"), "=", sympy.expand(slope - recipe))
print("SymPy − minigrad =", sympy.expand(slope - weight.grad.item()))
assert sympy.expand(slope - recipe) == 0
assert sympy.expand(slope - weight.grad.item()) == 0

# %% [markdown] lang="en"
# ## The code, from primitives
#
# Here are the three formulas, line by line. `forward` keeps every $h_t$, because the backward pass
# needs them: that is why training takes memory in proportion to the length of the sequence.

# %% [markdown] lang="es"
# ## El código, desde cero
#
# Aquí están las tres fórmulas, línea por línea. `forward` guarda todas las $h_t$, porque la pasada
# hacia atrás las necesita: por eso entrenar gasta memoria en proporción a la longitud de la
# secuencia.


# %%
def forward(W_h, W_x, b, xs):
    """All states, the initial one first. || Todos los estados, el inicial primero."""
    hs = [xs[0] @ W_x.T * 0]  # zeros of the right kind || ceros de la misma clase
    for x in xs:
        hs.append(np.tanh(W_h @ hs[-1] + W_x @ x + b))
    return hs


def backward(W_h, hs, dl_dh):
    """∂L/∂W_h of each copy; dl_dh[t] is ∂ℓ/∂h of step t.

    || ∂L/∂W_h de cada copia; dl_dh[t] es ∂ℓ/∂h del paso t.
    """
    copies, delta_h = [], 0
    for t in reversed(range(1, len(hs))):
        delta_h = delta_h + dl_dh[t - 1]
        delta_a = delta_h * (1 - hs[t] * hs[t])
        copies.append(delta_a[:, None] * hs[t - 1][None, :])
        delta_h = W_h.T @ delta_a
    return copies[::-1]


H, X, T = 8, 3, 30
W_h, W_x, b = rng.normal(0, 0.9 / np.sqrt(H), (H, H)), rng.normal(size=(H, X)) / 2, np.zeros(H)
xs, targets = rng.normal(size=(T, X)), rng.normal(size=(T, H))

hs = forward(W_h, W_x, b, xs)
copies = backward(W_h, hs, 2 * (np.array(hs[1:]) - targets))  # L = Σ (h − target)²


def loss(W_h):
    return sum(
        np.square(h - u).sum() for h, u in zip(forward(W_h, W_x, b, xs)[1:], targets, strict=True)
    )


by_tape = mg.grad(loss)(W_h)
print(text("largest difference:", "mayor diferencia:"), f"{abs(sum(copies) - by_tape).max():.0e}")
assert np.allclose(sum(copies), by_tape, rtol=1e-12, atol=1e-12)

# %% [markdown] lang="en"
# `loss` is called with a `Tensor`, and minigrad finds in one call what took us eight lines. But now
# you know what it does.
#
# **What happens to all six copies when one entry of $W$ changes?** A small network, two units wide;
# every step has the same matrix:

# %% [markdown] lang="es"
# `loss` recibe un `Tensor`, y minigrad halla en una llamada lo que a nosotros nos costó ocho
# líneas. Pero ahora sabes lo que hace.
#
# **¿Qué les pasa a las seis copias cuando cambia un elemento de $W$?** Una red pequeña, de dos
# unidades; en todos los pasos está la misma matriz:

# %% tags=["plot"]
small_W, small_x, small_target = np.array([[0.8, -0.4], [0.3, 0.6]]), *rng.normal(size=(2, 6, 2))
small_hs = forward(small_W, np.eye(2), np.zeros(2), small_x)
small = backward(small_W, small_hs, 2 * (np.array(small_hs[1:]) - small_target))
figure, panel = plt.subplots(figsize=(6, 2.4), layout="constrained")
panel.bar(np.arange(1, 7), np.linalg.norm(small, axis=(1, 2)), color="C3")
panel.set(xlabel=text("step t", "paso t"), ylabel="‖∂L/∂W⁽ᵗ⁾‖")
plt.show()
live("copies", x=small_x, target=small_target)

# %% [markdown] lang="en"
# ## The experiment: whose share?
#
# We kept the copies apart, so we can look at them. On the left there is a loss at *every* step; on
# the right only at the **last** one. How large is the share of each step?

# %% [markdown] lang="es"
# ## El experimento: el reparto de la culpa
#
# Hemos guardado las copias por separado, así que podemos mirarlas. A la izquierda hay pérdida en
# *todos* los pasos; a la derecha, solo en el **último**. ¿Qué parte le toca a cada paso?

# %%
only_last = np.zeros((T, H))
only_last[-1] = 2 * (hs[-1] - targets[-1])
shares = [np.linalg.norm(copies, axis=(1, 2)),
          np.linalg.norm(backward(W_h, hs, only_last), axis=(1, 2))]  # fmt: skip

recent = shares[1][-10:].sum() / shares[1].sum()
print(text("last 10 of 30 steps, loss at the end:", "10 últimos de 30 pasos, pérdida al final:"),
      f"{recent:.1%}")  # fmt: skip
assert shares[0][0] == shares[1][0] == 0  # it multiplies || multiplica a h₀ = 0
assert recent > 0.99

# %% tags=["plot"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
titles = (text("loss at every step", "pérdida en todos los pasos"),
          text("loss at the last step", "pérdida en el último paso"))  # fmt: skip
for panel, share, title in zip(axes, shares, titles, strict=True):
    panel.bar(np.arange(1, T + 1), share, color="C3")
    panel.set(xlabel=text("step t", "paso t"), title=title)
axes[0].set_ylabel("‖∂L/∂W⁽ᵗ⁾‖")
plt.show()

# %% [markdown] lang="en"
# With a loss at every step, each copy has its share. (The first has none: it multiplies $h_0 = 0$.)
# With the loss at the end, more than 99 % of the blame falls on the last ten steps: what happened
# before hardly counts. That is not a bug but the topic of the next chapter. It also suggests a
# saving: go back only $k$ steps and stop. This is **truncated** backpropagation; how wrong does it
# get?

# %% [markdown] lang="es"
# Con pérdida en todos los pasos, a cada copia le toca una parte. (A la primera, ninguna: multiplica
# a $h_0 = 0$). Con la pérdida al final, más del 99 % de la culpa recae en los diez últimos pasos:
# lo de antes apenas cuenta. No es un fallo, sino el tema del capítulo siguiente. Y sugiere un
# ahorro: retroceder solo $k$ pasos y parar. Es la retropropagación **truncada**; ¿cuánto se
# equivoca?

# %%
last = np.array(backward(W_h, hs, only_last))
whole = last.sum(axis=0)
ks = np.arange(1, T + 1)
missing = [np.linalg.norm(last[:-k].sum(axis=0)) / np.linalg.norm(whole) for k in ks]
for k in (1, 5, 10, 20):
    print(f"k = {k:>2}: {text('error', 'error')} {missing[k - 1]:.1e}")
assert missing[0] > 0.1 and missing[9] < 0.01 and missing[19] < 1e-4 * missing[4]

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.semilogy(ks[:-2], missing[:-2], "o-", color="C3")
axes.set(xlabel=text("steps back, k", "pasos hacia atrás, k"),
         ylabel=text("relative error", "error relativo"))  # fmt: skip
plt.show()

# %% [markdown] lang="en"
# On this scale the error falls almost in a straight line: every further step divides it by a
# similar factor. With ten of the thirty steps, less than a hundredth of the gradient is missing.
# But note what that means: no slope ever tells a truncated network about what lies more than $k$
# steps back.
#
# ## The proof: a judge without tolerance
#
# "They agree to $10^{-12}$" is how numerical people talk. A small mistake could hide there, in a
# term that happens to be tiny at this point. SymPy could settle it, but it is slow: its formulas
# grow with every step and every unit.
#
# The way out is to change the *numbers*. Take the integers modulo a large prime, $p = 2^{61} - 1$.
# They can be added, multiplied and divided, and nothing is ever rounded: equal means equal. The
# chain rule is algebra and holds there too. And tanh? The backward pass needs only its rule, $1 -
# y^2$; so every value of tanh is simply *drawn at random*, always the same for the same argument.
# If the gradient is a true identity, it survives any draw. A false one, with terms of degree $d$,
# survives with a probability of about $d / p$.
#
# Our own NumPy function runs there unchanged, for a hundred steps:

# %% [markdown] lang="es"
# En esta escala el error baja casi en línea recta: cada paso más lo divide por un factor parecido.
# Con diez de los treinta pasos falta menos de una centésima del gradiente. Pero ojo con lo que eso
# significa: ninguna pendiente le habla jamás a una red truncada de lo que está a más de $k$ pasos.
#
# ## La demostración: un juez sin tolerancia
#
# «Coinciden hasta $10^{-12}$», se dice en cálculo numérico. Ahí puede esconderse un error pequeño,
# en un término que justo en este punto es diminuto. SymPy podría resolver la duda, pero es lento:
# sus fórmulas crecen con cada paso y con cada unidad.
#
# La salida es cambiar de *números*. Toma los enteros módulo un primo grande, $p = 2^{61} - 1$. Se
# pueden sumar, multiplicar y dividir, y nunca se redondea nada: igual significa igual. La regla de
# la cadena es álgebra y también allí se cumple. ¿Y la tanh? La pasada hacia atrás solo necesita su
# regla, $1 - y^2$; así que cada valor de la tanh se saca simplemente *al azar*, siempre el mismo
# para el mismo argumento. Si el gradiente es una identidad verdadera, sobrevive a cualquier sorteo.
# Uno falso, con términos de grado $d$, sobrevive con una probabilidad de alrededor de $d / p$.
#
# Nuestra propia función de NumPy funciona allí sin tocarla, durante cien pasos:

# %%
T_LONG = 100
field_W_h, field_W_x = FieldArray.random((H, H), rng), FieldArray.random((H, X), rng)
field_b, field_xs = FieldArray.random((H,), rng), FieldArray.random((T_LONG, X), rng)
from_loss = FieldArray.random((T_LONG, H), rng)  # ∂ℓ/∂h at each step || ∂ℓ/∂h en cada paso


def field_loss(W_h):
    hs = forward(W_h, field_W_x, field_b, field_xs)
    return sum((h * u).sum() for h, u in zip(hs[1:], from_loss, strict=True))


def ours(backward):
    """∂L/∂W_h in the field, by a backward pass.

    || ∂L/∂W_h en el cuerpo, con una pasada hacia atrás.
    """
    hs = forward(field_W_h, field_W_x, field_b, field_xs)
    return sum(backward(field_W_h, hs, from_loss))


engine = mg.grad(field_loss)(field_W_h)
print(text("one entry, ours:  ", "un elemento, nuestro:  "), ours(backward)[0, 0].item())
print(text("one entry, engine:", "un elemento, del motor:"), engine[0, 0].item())
equal = int((ours(backward) == engine).sum().item())
print(equal, text("of", "de"), engine.size, text("entries equal", "elementos iguales"))
assert PRIME == 2**61 - 1
assert equal == engine.size == 64

# %% [markdown] lang="en"
# Sixty-four numbers of up to nineteen digits, through a hundred steps, and not one digit differs.
# Now forget the transpose in `W_h.T`, a popular mistake: the shapes fit, the code runs, nothing
# warns you.

# %% [markdown] lang="es"
# Sesenta y cuatro números de hasta diecinueve cifras, a través de cien pasos, y no difiere ni una.
# Olvida ahora la traspuesta de `W_h.T`, un error muy común: las formas encajan, el código se
# ejecuta y nada avisa.


# %%
def without_transpose(W_h, hs, dl_dh):
    return backward(W_h.T, hs, dl_dh)  # its W_h.T is now W_h || su W_h.T es ahora W_h


equal = int((ours(without_transpose) == engine).sum().item())
print(equal, text("of", "de"), engine.size, text("entries equal", "elementos iguales"))
assert equal == 0

# %% [markdown] lang="en"
# `verify` does this for the whole cell, alongside the proof on symbols and the check with floats.
# There the engine is not compared with itself: SymPy's derivatives are pushed *forward* through the
# steps.

# %% [markdown] lang="es"
# `verify` lo hace con la celda entera, junto a la demostración con símbolos y los números de coma
# flotante. Allí el motor no se compara consigo mismo: las derivadas de SymPy se empujan *hacia
# delante* a lo largo de los pasos.

# %%
verdicts(verify("rnn", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. On paper.** A linear network, $h_t = w\,h_{t-1} + x_t$, $h_0 = 0$, reads $x = (1, 0, 0, 0)$.
# What is $\partial h_4 / \partial w$ at $w = 0.9$?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. En papel.** Una red lineal, $h_t = w\,h_{t-1} + x_t$, $h_0 = 0$, lee $x = (1, 0, 0, 0)$.
# ¿Cuánto vale $\partial h_4 / \partial w$ en $w = 0.9$?


# %%
def h_4(w):
    h = 0.0
    for x_t in (1.0, 0.0, 0.0, 0.0):
        h = w * h + x_t
    return h


your_slope = None
check("1", your_slope, mg.grad(h_4)(0.9))

# %% [markdown] lang="en" tags=["hint"]
# 1. Follow the 1: what are $h_1$, $h_2$, $h_3$ and $h_4$?
# 2. Each step multiplies by $w$, and the other inputs add nothing: $h_4$ is a power of $w$.
# 3. $h_4 = w^3$; differentiate it and insert 0.9.

# %% [markdown] lang="es" tags=["hint"]
# 1. Sigue al 1: ¿cuánto valen $h_1$, $h_2$, $h_3$ y $h_4$?
# 2. Cada paso multiplica por $w$, y las demás entradas no suman nada: $h_4$ es una potencia de $w$.
# 3. $h_4 = w^3$; derívala y pon 0.9.

# %% [markdown] lang="en" tags=["solution"]
# $h_4 = w^3$, so the slope is $3\,w^2 = 2.43$. As a sum over copies: three of them act on the 1,
# and each has the share $w^2$.

# %% [markdown] lang="es" tags=["solution"]
# $h_4 = w^3$, y la pendiente es $3\,w^2 = 2.43$. Como suma de copias: tres de ellas actúan sobre el
# 1, y a cada una le toca $w^2$.

# %% tags=["solution"]
your_slope = 3 * 0.9**2
check("1", your_slope, mg.grad(h_4)(0.9))

# %% [markdown] lang="en"
# **2. Another gradient.** Write a `backward` that returns $\partial L / \partial b$. What is the
# bias multiplied by at each step?

# %% [markdown] lang="es"
# **2. Otro gradiente.** Escribe una `backward` que devuelva $\partial L / \partial b$. ¿Por qué se
# multiplica el sesgo en cada paso?


# %%
def bias_gradient(W_h, hs, dl_dh):
    return None


dl_dh = 2 * (np.array(hs[1:]) - targets)


def loss_of_bias(b):
    return sum(
        np.square(h - u).sum() for h, u in zip(forward(W_h, W_x, b, xs)[1:], targets, strict=True)
    )


expected_b = mg.grad(loss_of_bias)(b)
check("2", bias_gradient(W_h, hs, dl_dh), expected_b)

# %% [markdown] lang="en" tags=["hint"]
# 1. Copy the chapter's `backward` and change only what each step adds to the total.
# 2. In $a_t = W_h h_{t-1} + W_x x_t + b$, the bias has the factor 1.
# 3. So each step adds $\delta a_t$ itself, a vector, with no outer product.

# %% [markdown] lang="es" tags=["hint"]
# 1. Copia la `backward` del capítulo y cambia solo lo que cada paso suma al total.
# 2. En $a_t = W_h h_{t-1} + W_x x_t + b$, el sesgo lleva el factor 1.
# 3. Así que cada paso suma $\delta a_t$, un vector, sin producto exterior.

# %% [markdown] lang="en" tags=["solution"]
# The bias is added with the factor 1, so each copy's share is $\delta a_t$ itself.

# %% [markdown] lang="es" tags=["solution"]
# El sesgo se suma con factor 1, así que a cada copia le toca la propia $\delta a_t$.


# %% tags=["solution"]
def bias_gradient(W_h, hs, dl_dh):
    total, delta_h = 0, 0
    for t in reversed(range(1, len(hs))):
        delta_a = (delta_h + dl_dh[t - 1]) * (1 - hs[t] * hs[t])
        total = total + delta_a
        delta_h = W_h.T @ delta_a
    return total


check("2", bias_gradient(W_h, hs, dl_dh), expected_b)

# %% [markdown] lang="en"
# **3. Find the bug.** A colleague's backward pass runs without complaint, but the exact judge does
# not find a single entry equal. Copy it, repair the copy, and assign it to `repaired`.

# %% [markdown] lang="es"
# **3. Encuentra el fallo.** La pasada hacia atrás de un compañero se ejecuta sin quejarse. Pero el
# juez exacto no encuentra ni un elemento igual. Cópiala, arregla la copia y asígnala a `repaired`.


# %%
def of_a_colleague(W_h, hs, dl_dh):
    copies, delta_h = [], 0
    for t in reversed(range(1, len(hs))):
        delta_h = delta_h + dl_dh[t - 1]
        delta_a = delta_h * (1 - hs[t - 1] * hs[t - 1])
        copies.append(delta_a[:, None] * hs[t - 1][None, :])
        delta_h = W_h.T @ delta_a
    return copies[::-1]


def entries_equal(backward):
    """How many of the 64 entries are equal. || Cuántos de los 64 elementos son iguales."""
    return int((ours(backward) == engine).sum().item())


assert entries_equal(of_a_colleague) == 0
repaired = None
check("3", repaired and entries_equal(repaired), 64)

# %% [markdown] lang="en" tags=["hint"]
# 1. Every entry is wrong, so the mistake is in a line that all of them pass through.
# 2. Which state belongs to the slope of the tanh: its input or its output?
# 3. The slope of $h_t = \tanh(a_t)$ is $1 - h_t^2$: compare the index.

# %% [markdown] lang="es" tags=["hint"]
# 1. Todos los elementos están mal: el error está en una línea por la que pasan todos.
# 2. ¿Qué estado va en la pendiente de la tanh: el de entrada o el de salida?
# 3. La pendiente de $h_t = \tanh(a_t)$ es $1 - h_t^2$: fíjate en el índice.

# %% [markdown] lang="en" tags=["solution"]
# The slope of tanh at step $t$ is $1 - h_t^2$, with the tanh's *output*; the colleague took the
# state before it, $h_{t-1}$.

# %% [markdown] lang="es" tags=["solution"]
# La pendiente de la tanh en el paso $t$ es $1 - h_t^2$, con la *salida* de la tanh; el compañero
# tomó el estado anterior, $h_{t-1}$.


# %% tags=["solution"]
def repaired(W_h, hs, dl_dh):
    copies, delta_h = [], 0
    for t in reversed(range(1, len(hs))):
        delta_h = delta_h + dl_dh[t - 1]
        delta_a = delta_h * (1 - hs[t] * hs[t])
        copies.append(delta_a[:, None] * hs[t - 1][None, :])
        delta_h = W_h.T @ delta_a
    return copies[::-1]


check("3", repaired and entries_equal(repaired), 64)

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. Unrolled over 50 steps, how many different matrices $W$ does the network have?**
#
# - [x] One :: The same matrix 50 times: that is why its gradient is a sum over 50 copies.
# - [ ] 50 :: It is drawn 50 times, but with the same numbers.
# - [ ] 49, one for each pair of states :: All steps share one.

# %% [markdown] lang="es" tags=["quiz"]
# **1. Desplegada en 50 pasos, ¿cuántas matrices $W$ distintas tiene la red?**
#
# - [x] Una :: La misma, 50 veces: por eso su gradiente es una suma sobre 50 copias.
# - [ ] 50 :: Se dibuja 50 veces, pero los números son los mismos.
# - [ ] 49, una por cada par de estados :: Todos los pasos comparten una.

# %% [markdown] lang="en" tags=["quiz"]
# **2. What does $\delta h_t$ add up?**
#
# - [ ] The losses of all steps before $t$ :: What comes before $t$ does not depend on $h_t$.
# - [x] What this step's loss says, and what the next step passes back :: These are the two uses of
#   $h_t$: its own output and the next state.
# - [ ] All entries of $W$ :: It has the shape of a state, not of the matrix.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Qué suma $\delta h_t$?**
#
# - [ ] Las pérdidas de todos los pasos anteriores a $t$ :: Lo que está antes de $t$ no depende de
#   $h_t$.
# - [x] Lo que dice la pérdida de este paso y lo que devuelve el siguiente :: Esos son los dos usos
#   de $h_t$: su propia salida y el estado siguiente.
# - [ ] Todos los elementos de $W$ :: Tiene la forma de un estado, no la de la matriz.

# %% [markdown] lang="en" tags=["quiz"]
# **3. Why is the state kept at every step of the forward pass?**
#
# - [x] The slope of tanh is $1 - h_t^2$, and $W$ multiplies $h_{t-1}$ :: The backward pass reads
#   both again. That is why memory grows with the length.
# - [ ] To show it in pictures :: Pictures are drawn from it, but training needs it even without
#   pictures.
# - [ ] To start the next sequence from it :: Only the last state is needed for that.

# %% [markdown] lang="es" tags=["quiz"]
# **3. ¿Por qué se guarda el estado en cada paso hacia delante?**
#
# - [x] La pendiente de tanh es $1 - h_t^2$, y $W$ multiplica a $h_{t-1}$ :: La pasada hacia atrás
#   los lee de nuevo. Por eso la memoria crece con la longitud.
# - [ ] Para mostrarlo en los dibujos :: Los dibujos salen de ahí, pero entrenar lo necesita aunque
#   no haya dibujos.
# - [ ] Para empezar con él la siguiente secuencia :: Para eso basta el último estado.

# %% [markdown] lang="en" tags=["quiz"]
# **4. The backward pass is cut after 20 steps (truncated). What is lost?**
#
# - [ ] Nothing: it only saves time :: It does save time, but the gradient is no longer that of the
#   loss.
# - [x] The effect of a weight on the loss over more than 20 steps :: The shares of distant copies
#   are left out; the chapter measures how large they are.
# - [ ] The states before that :: The forward pass is not cut: it still has them.

# %% [markdown] lang="es" tags=["quiz"]
# **4. La pasada hacia atrás se corta a los 20 pasos (truncada). ¿Qué se pierde?**
#
# - [ ] Nada: solo ahorra tiempo :: Ahorra tiempo, sí, pero el gradiente ya no es el de la pérdida.
# - [x] El efecto de un peso sobre la pérdida más allá de 20 pasos :: Faltan las partes de las
#   copias lejanas; el capítulo mide cuánto valen.
# - [ ] Los estados anteriores :: La pasada hacia delante no se corta: los sigue teniendo.

# %% [markdown] lang="en" tags=["quiz"]
# **5. What does equality in a finite field prove that a small difference of floats does not?**
#
# - [ ] That floats are not rounded :: They are; the field says nothing about them.
# - [x] That the two formulas are the same, except with a tiny probability :: There is no rounding
#   in the field: one wrong factor gives different numbers.
# - [ ] That the network has learned :: It judges the gradient, not the training.

# %% [markdown] lang="es" tags=["quiz"]
# **5. ¿Qué demuestra la igualdad en un cuerpo finito que no demuestra una diferencia pequeña?**
#
# - [ ] Que los números de coma flotante no se redondean :: Sí se redondean; el cuerpo no dice nada
#   de ellos.
# - [x] Que las dos fórmulas son la misma, salvo una probabilidad ínfima :: En el cuerpo no hay
#   redondeo: un factor equivocado da otros números.
# - [ ] Que la red ha aprendido :: Juzga el gradiente, no el entrenamiento.

# %% [markdown] lang="en"
# ## Where to read on
#
# - P. J. Werbos, *Backpropagation Through Time: What It Does and How to Do It*, Proceedings of the
#   IEEE 78 (1990), pages 1550–1560: by one of its inventors, with the formulas above.
# - R. J. Williams and J. Peng, *An Efficient Gradient-Based Algorithm for On-Line Training of
#   Recurrent Network Trajectories*, Neural Computation 2 (1990), pages 490–501: truncation.
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning* (2016), section 10.2.2.
# - J. T. Schwartz, *Fast Probabilistic Algorithms for Verification of Polynomial Identities*,
#   Journal of the ACM 27 (1980), pages 701–717: why a random point of a field is a good judge.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - P. J. Werbos, *Backpropagation Through Time: What It Does and How to Do It*, Proceedings of the
#   IEEE 78 (1990), páginas 1550–1560: de uno de sus inventores, con las fórmulas de arriba.
# - R. J. Williams y J. Peng, *An Efficient Gradient-Based Algorithm for On-Line Training of
#   Recurrent Network Trajectories*, Neural Computation 2 (1990), páginas 490–501: el truncado.
# - I. Goodfellow, Y. Bengio y A. Courville, *Deep Learning* (2016), apartado 10.2.2.
# - J. T. Schwartz, *Fast Probabilistic Algorithms for Verification of Polynomial Identities*,
#   Journal of the ACM 27 (1980), páginas 701–717: por qué un punto al azar de un cuerpo es buen
#   juez.
