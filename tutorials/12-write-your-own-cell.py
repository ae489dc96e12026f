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
# # Write your own cell
#
# You have an idea for a cell that is in no library. It takes five lines to write down. It also
# takes a gradient, a page of algebra, a fast program, and a week of training in which any slip
# looks like "the idea does not work". **How do you know that your own cell is right before you
# train it?**
#
# You will write a cell of your own once, as its equations, and have everything else made from them:
# the picture, the derivation, the proof, the fast code. Then you will write its gradient by hand,
# with a mistake in it that the usual check does not see and that training does not reveal.

# %% [markdown] lang="es"
# # Escribe tu propia celda
#
# Se te ha ocurrido una celda que no está en ninguna biblioteca. Apuntarla son cinco líneas. Pero
# también hacen falta un gradiente, una página de álgebra, un programa rápido y una semana de
# entrenamiento en la que cualquier despiste parecerá «que la idea no funciona». **¿Cómo sabes que
# tu propia celda está bien antes de entrenarla?**
#
# Vas a escribir una celda tuya una sola vez, como ecuaciones, y de ellas saldrá todo lo demás: el
# dibujo, la deducción, la demostración y el código rápido. Después escribirás su gradiente a mano,
# con un error que la comprobación habitual no ve y que el entrenamiento no delata.

# %%
import time
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import compile as compiled
from minigrad import graph, nn, optim, sigmoid, tanh
from minigrad.compile.backends import NUMPY
from minigrad.compile.cells.description import description, source_of
from minigrad.symbolic import derive
from minigrad.targets import target_of
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import check_vjp, verify

SEED = 12
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: a diary
#
# The LSTM of chapter 5 has three gates around its belt. Do we need them all? Picture somebody who
# has a thought $h$ at each moment, and a diary $m$. The thought comes from what happens now and
# from what the diary says; and only one thing has to be decided: *how much of it is worth writing
# down*.
#
# $$w_t = \sigma(W_w\,[h_{t-1}, x_t] + b_w)$$
# $$h_t = \tanh(W_a\,[m_{t-1}, x_t] + b_a)$$
# $$m_t = m_{t-1} + w_t \circ (h_t - m_{t-1})$$
#
# With $w = 0$ the page stays as it is; with $w = 1$ it is overwritten. Two matrices instead of the
# LSTM's four. In minigrad, a cell names its states and its gates, and you write one step;
# `target_of` gives it the name by which all tools know it:

# %% [markdown] lang="es"
# ## La idea: un diario
#
# La LSTM del capítulo 5 tiene tres puertas en torno a su cinta. ¿Hacen falta todas? Imagina a
# alguien que a cada momento tiene un pensamiento $h$, y además un diario $m$. El pensamiento sale
# de lo que pasa ahora y de lo que dice el diario; y solo hay una cosa que decidir: *cuánto de él
# merece quedar escrito*.
#
# $$w_t = \sigma(W_w\,[h_{t-1}, x_t] + b_w)$$
# $$h_t = \tanh(W_a\,[m_{t-1}, x_t] + b_a)$$
# $$m_t = m_{t-1} + w_t \circ (h_t - m_{t-1})$$
#
# Con $w = 0$ la página se queda como está; con $w = 1$ se escribe encima. Dos matrices, en vez de
# las cuatro de la LSTM. En minigrad, una celda dice cómo se llaman sus estados y sus puertas, y tú
# escribes un paso; `target_of` le da el nombre con que la conocen todas las herramientas:


# %%
class Diary(nn.Cell):
    """A thought h, and a diary m that is written to only where it is worth it.

    || Un pensamiento h y un diario m en el que solo se escribe donde merece la pena.
    """

    state = ("h", "m")
    gates = ("w", "a")  # affine maps of what step gives them || aplicaciones afines

    def step(self, x, h, m):
        w = sigmoid(self.w(h, x))
        h = tanh(self.a(m, x))
        return h, m + w * (h - m)


diary = target_of(Diary, "Diary")
graph.draw(diary, view="cell")

# %% [markdown] lang="en"
# That is what you wrote, drawn from what your code did when it ran, in the notation of chapter 5:
# yellow boxes have weights, red circles act entry by entry. Unrolled, the diary runs along the top
# of all the steps, and no yellow box is in its way. (With `--live -o diary.html`, `minigrad graph`
# makes a page: every box says its value, its gradient and its formula; you can change a weight
# or an input, hold the gate w at 0.9 or train the cell, and see every number follow.)

# %% [markdown] lang="es"
# Eso es lo que has escrito, dibujado a partir de lo que tu código hizo al ejecutarse y con los
# signos del capítulo 5: las cajas amarillas llevan pesos, los círculos rojos actúan elemento a
# elemento. Desplegada la celda, el diario recorre por arriba todos los pasos, y en su camino no hay
# ninguna caja amarilla. (Con `--live -o diary.html`, `minigrad graph` hace de ella una página: cada
# caja dice su valor, su gradiente y su fórmula; puedes cambiar un peso o una entrada, fijar la
# puerta w en 0.9 o entrenar la celda, y ver cómo cambian todos los números).

# %%
graph.draw(diary, steps=2)

# %% [markdown] lang="en"
# **What would your own idea do?** Here is a diary of one unit, with a slider for each number in it.
# Change the equations, or type your own: every name that is read before its line is a state, $x$ is
# the input, and every other name gets a slider.

# %% [markdown] lang="es"
# **¿Qué haría tu propia idea?** Este es un diario de una sola unidad, con un control para cada
# número. Cambia las ecuaciones o escribe las tuyas: todo nombre que se lea antes de su línea es un
# estado, $x$ es la entrada y a cada uno de los demás le toca un control.

# %% tags=["plot"]
one_h = one_m = 0.0
line = []
for x in np.arange(20) == 2:
    one_w = 1 / (1 + np.exp(-(one_h + x + 1)))
    one_h = np.tanh(one_m + x)
    one_m = one_m + one_w * (one_h - one_m)
    line.append((one_h, one_m))
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.plot(range(1, 21), line, label=["h", "m"])
axes.set(xlabel=text("step", "paso"), xticks=[1, 5, 10, 15, 20])
axes.legend(frameon=False)
plt.show()
live("equations", start="w = sigmoid(a*h + b*x + c)\nh = tanh(u*m + v*x)\nm = m + w*(h - m)")

# %% [markdown] lang="en"
# ## The equations, derived
#
# SymPy differentiates the lines of `step` themselves. First the question of chapter 4: what happens
# to a gradient that goes back through the diary?

# %% [markdown] lang="es"
# ## Las ecuaciones, deducidas
#
# SymPy deriva las líneas mismas de `step`. Primero, la pregunta del capítulo 4: ¿qué le pasa a un
# gradiente que vuelve por el diario?

# %%
paper = derive(diary)
formulas(paper, "∂m_t/∂m_{t−1}|m", "δm_t")

# %% [markdown] lang="en"
# Along the diary the factor is $1 - w_t$, and the cell sets it itself: while nothing is written,
# the gradient passes unchanged. (The term with $W_a$ is a detour through the next thought.) The
# idea is sound. And this is what the writing gate learns from. Keep an eye on the $-\,m_{t-1}$; it
# will matter.

# %% [markdown] lang="es"
# A lo largo del diario el factor es $1 - w_t$, y lo pone la propia celda: mientras no se escribe,
# el gradiente pasa intacto. (El término con $W_a$ es un rodeo por el pensamiento siguiente). La
# idea se sostiene. Y de esto aprende la puerta que escribe. No pierdas de vista ese $-\,m_{t-1}$:
# dará que hablar.

# %%
formulas(paper, "δw_t", "δa^w_t", "δh_t", "∂L/∂W_w")

# %% [markdown] lang="en"
# ## The proof
#
# Before a single update: is the gradient that the engine computes the right one? Three judges that
# know nothing about its rules examine *your* cell: on symbols, over a hundred steps in the finite
# field, and on real weather data.

# %% [markdown] lang="es"
# ## La demostración
#
# Antes de la primera actualización: ¿es correcto el gradiente que calcula el motor? Tres jueces que
# no saben nada de sus reglas examinan *tu* celda: con símbolos, durante cien pasos en el cuerpo
# finito y con datos reales del tiempo.

# %%
verdicts(verify(diary, seed=SEED))

# %% [markdown] lang="en"
# Each line adds up several shapes: more steps, more layers. The last one judges something that you
# have not even seen yet: the fused code that minigrad made from your cell. We will come to it. With
# the class in a file `diary.py`, each of these things is one command:
#
# ```
# minigrad graph   diary.py:Diary --view cell -o diary.svg
# minigrad derive  diary.py:Diary --wrt W_w
# minigrad verify  diary.py:Diary
# minigrad compile diary.py:Diary --show
# ```
#
# ## The experiment: half an LSTM
#
# Now train it. The task is chapter 5's: numbers go by, two of them are marked, and at the end their
# sum is asked for. "Always 1" has an error of 0.167. Your cell is a layer like any other; its
# writing gate starts almost closed, with a bias of −2.

# %% [markdown] lang="es"
# Cada línea suma varios tamaños: más pasos, más capas. La última juzga algo que ni siquiera has
# visto: el código fusionado que minigrad ha hecho de tu celda. Ya llegaremos. Con la clase en un
# archivo `diary.py`, cada una de estas cosas es un comando:
#
# ```
# minigrad graph   diary.py:Diary --view cell -o diary.svg
# minigrad derive  diary.py:Diary --wrt W_w
# minigrad verify  diary.py:Diary
# minigrad compile diary.py:Diary --show
# ```
#
# ## El experimento: media LSTM
#
# Y ahora, a entrenar. La tarea es la del capítulo 5: pasan números, dos de ellos van marcados y al
# final se pide su suma. Decir «siempre 1» tiene un error de 0.167. Tu celda es una capa como
# cualquier otra; su puerta de escribir empieza casi cerrada, con un sesgo de −2.

# %%
STEPS, HIDDEN, UPDATES, RATE = 20, 16, 700, 0.02


def adding(number, rng):
    """Sequences (number, STEPS, 2) of values and marks; and the sums of the marked values.

    || Secuencias (number, STEPS, 2) de valores y marcas; y las sumas de los valores marcados.
    """
    value, mark = rng.uniform(0, 1, (number, STEPS)), np.zeros((number, STEPS))
    each = np.arange(number)
    first, second = rng.integers(0, STEPS // 2, number), rng.integers(STEPS // 2, STEPS, number)
    mark[each, first] = mark[each, second] = 1
    total = value[each, first] + value[each, second]
    return np.stack([value, mark], axis=-1).astype(np.float32), total.astype(np.float32)


def train(net):
    """The loss of each update, and the error on new sequences.

    || La pérdida de cada actualización y el error con secuencias nuevas.
    """
    rng = np.random.default_rng(SEED)
    optimizer = optim.Adam(net.parameters(), RATE)
    losses = []
    for update in range(UPDATES):
        x, total = adding(32, rng)
        said, _ = net(x)
        loss = np.square(said[:, 0] - total).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = RATE * (1 - update / UPDATES)
        optimizer.step()
        losses.append(loss.item())
    x, total = adding(500, rng)
    with mg.no_grad():
        said, _ = net(x)
    return losses, float(np.mean(np.square(said.data[:, 0] - total)))


nets = {
    name: nn.Recurrent(2, HIDDEN, cell=cell, output_size=1, return_sequences=False, rng=SEED)
    for name, cell in (("RNN", nn.RNNCell), ("LSTM", nn.LSTMCell), ("Diary", Diary))
}
for gate, start in ((nets["LSTM"].cell.f, 1), (nets["Diary"].cell.w, -2)):
    gate.bias.data = gate.bias.data + np.float32(start)
results, weights = {}, {}
for name, net in nets.items():
    results[name] = train(net)
    weights[name] = sum(p.data.size for p in net.cell.parameters())
    print(f"{name:<6}{weights[name]:>5} {text('weights, error', 'pesos, error')}"
          f" {results[name][1]:.4f}")  # fmt: skip
assert weights["Diary"] * 2 == weights["LSTM"] == 1216
assert results["RNN"][1] > 0.1
assert results["Diary"][1] < 0.015 and results["LSTM"][1] < 0.015

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, (losses, _)), colour in zip(results.items(), ("0.6", "C3", "#2d6a2d"), strict=True):
    smooth = np.convolve(losses, np.ones(20) / 20, mode="valid")
    axes.semilogy(smooth, color=colour, label=name)
axes.axhline(1 / 6, color="0.7", ls=":", label=text("always say 1", "decir siempre 1"))
axes.set(xlabel=text("update", "actualización"), ylabel=text("loss", "pérdida"))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# With half of the LSTM's weights, the diary learns what the simple network does not. One task and
# one seed prove nothing, of course; but the idea has earned a second look. *When* does it write?

# %% [markdown] lang="es"
# Con la mitad de los pesos de la LSTM, el diario aprende lo que la red sencilla no aprende. Una
# tarea y una semilla no demuestran nada, desde luego; pero la idea se ha ganado otra mirada.
# *¿Cuándo* escribe?

# %%
sequences, _ = adding(200, np.random.default_rng(SEED + 1))
cell, h, m = nets["Diary"].cell, *np.zeros((2, 200, HIDDEN), np.float32)
pages = [m]
with mg.no_grad():
    for t in range(STEPS):
        h, m = cell(sequences[:, t], (h, m))
        pages.append(m.data)
pages = np.stack(pages, axis=1)  # (sequence, step, unit) || (secuencia, paso, unidad)
change = abs(np.diff(pages, axis=1)).mean(axis=-1)
marked = sequences[..., 1] == 1
ratio = change[marked].mean() / change[~marked].mean()
print(text(f"the diary changes {ratio:.1f} times as much at marked steps",
           f"el diario cambia {ratio:.1f} veces más en los pasos marcados"))  # fmt: skip
assert ratio > 1.3

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
axes.plot(pages[0, 1:], color="0.7", lw=0.8)
axes.plot(pages[0, 1:, np.ptp(pages[0, 1:], axis=0).argmax()], color="#2d6a2d", lw=2)
for t in np.flatnonzero(marked[0]):
    axes.axvline(t, color="C3", ls=":")
axes.set(xlabel=text("step t (dotted: marked)", "paso t (punteado: marcado)"), ylabel="m",
         xticks=range(0, STEPS, 5))  # fmt: skip
plt.show()

# %% [markdown] lang="en"
# Each line is one page of the diary during one sequence; the green one changes most.
#
# ## The fast code, made for you
#
# Run step by step, your cell leaves more than a dozen small operations on the tape per step. In
# training it did not: minigrad read the equations and made *one* operation out of all the steps.
# This is its plan, and below it the backward pass of one step, as it was generated. (`d_` is what
# we call $\delta$; `rows` is scratch space.)

# %% [markdown] lang="es"
# Cada línea es una página del diario durante una secuencia; en verde, la que más cambia.
#
# ## El código rápido, hecho para ti
#
# Ejecutada paso a paso, tu celda deja en la cinta una docena larga de operaciones por paso. Al
# entrenar no ha sido así: minigrad leyó las ecuaciones e hizo de todos los pasos *una* sola
# operación. Este es su plan, en inglés (qué productos de matrices, qué se calcula elemento a
# elemento, qué se guarda para la vuelta), y debajo la pasada hacia atrás de un paso, tal como se
# generó. (`d_` es nuestra $\delta$; `rows`, espacio para lo intermedio).

# %%
print("\n".join(description(diary, NUMPY)))
source = source_of(diary, NUMPY)
start = source.index("def backward_")
print(source[start : source.index("\n\n", start)])
assert "np.subtract(h, m_prev, rows[1])  # d_w" in source

# %% [markdown] lang="en"
# Not pretty, but look for the line with `# d_w`: there is $h_t - m_{t-1}$, from the derivation
# above, written by SymPy and not by hand. Does it say the same as the tape, and is it worth it?

# %% [markdown] lang="es"
# Bonito no es, pero busca la línea con `# d_w`: $h_t - m_{t-1}$, el de la deducción de arriba, que
# escribió SymPy y no una mano. ¿Dice lo mismo que la cinta? ¿Y compensa?

# %%
net = nn.Recurrent(2, HIDDEN, cell=Diary, output_size=1, return_sequences=False, rng=SEED)
x, _ = adding(32, rng)


def gradient():
    """Forward and backward: the gradient of w's weights, and how long it took.

    || Hacia delante y hacia atrás: el gradiente de los pesos de w y cuánto tardó.
    """
    net.cell.w.weight.grad = None
    start = time.perf_counter()
    net(x)[0].sum().backward()
    return net.cell.w.weight.grad, time.perf_counter() - start


with compiled.backend("numpy"):  # Numba, an extra, is faster still || Numba es aún más rápido
    fused = [gradient() for _ in range(30)]
with mg.unfused():
    taped = [gradient() for _ in range(30)]
speedup = min(s for _, s in taped) / min(s for _, s in fused)
assert np.allclose(fused[0][0], taped[0][0], rtol=1e-4, atol=1e-5)
assert speedup > 1.3
print(text(f"the same gradient, {speedup:.1f} times as fast",
           f"el mismo gradiente, {speedup:.1f} veces más rápido"))  # fmt: skip

# %% [markdown] lang="en"
# ## By hand, with a mistake
#
# So far nobody has written a gradient. But sometimes somebody must: for a kernel in another
# language, say. Then it is first written in NumPy, as here. `step` keeps what the backward pass
# needs; `step_backward` gets `to_h` and `to_m`, the slopes of $L$ along the new $h$ and $m$.
# **There is a mistake in it.** Can you see it?

# %% [markdown] lang="es"
# ## A mano, y con un error
#
# Hasta aquí nadie ha escrito ningún gradiente. Pero a veces toca: para un núcleo en otro lenguaje,
# por ejemplo. Entonces se escribe primero en NumPy, como aquí. `step` guarda lo que hará falta a la
# vuelta; `step_backward` recibe `to_h` y `to_m`, las pendientes de $L$ en las nuevas $h$ y $m$.
# **Dentro hay un error.** ¿Lo ves?


# %%
def step(x, h, m, W_w, b_w, W_a, b_a):
    """One step, and what the backward pass needs. || Un paso, y lo que hará falta a la vuelta."""
    w = 1 / (1 + np.exp(-(np.concatenate([h, x], axis=1) @ W_w.T + b_w)))
    h_new = np.tanh(np.concatenate([m, x], axis=1) @ W_a.T + b_a)
    return (h_new, m + w * (h_new - m)), (w, h_new, x, h, m, W_w, W_a)


def step_backward(g, saved):
    """The gradients of all inputs of step. || Los gradientes de todas las entradas de step."""
    (to_h, to_m), (w, h_new, x, h, m, W_w, W_a) = g, saved
    d_w = to_m * h_new
    d_h_new = to_h + to_m * w
    d_a_w, d_a = d_w * w * (1 - w), d_h_new * (1 - h_new**2)
    d_hx, d_mx = d_a_w @ W_w, d_a @ W_a
    n = h.shape[1]
    return (
        d_hx[:, n:] + d_mx[:, n:],
        d_hx[:, :n],
        to_m * (1 - w) + d_mx[:, :n],
        d_a_w.T @ np.concatenate([h, x], axis=1),
        d_a_w.sum(axis=0),
        d_a.T @ np.concatenate([m, x], axis=1),
        d_a.sum(axis=0),
    )


# %% [markdown] lang="en"
# The usual check: nudge each weight a little, see how far the result moves, and compare. A fresh
# state, random weights, all entries of $W_w$:

# %% [markdown] lang="es"
# La comprobación habitual: dar un empujoncito a cada peso, ver cuánto se mueve el resultado y
# comparar. Un estado recién estrenado, pesos al azar, todos los elementos de $W_w$:


# %%
def error_of_weights(m, backward):
    """The largest difference from central differences, relative to the largest entry.

    || La mayor diferencia con las diferencias centrales, relativa al mayor elemento.
    """
    fresh = np.random.default_rng(SEED)
    x, h = fresh.normal(size=(3, 2)), fresh.normal(size=(3, 4))
    weights = [fresh.normal(size=shape) for shape in ((4, 6), (4,), (4, 6), (4,))]
    _, saved = step(x, h, m, *weights)
    by_hand = backward((np.ones((3, 4)), np.ones((3, 4))), saved)[3]
    nudged = np.zeros_like(by_hand)
    for index in np.ndindex(*nudged.shape):
        for sign in (1, -1):
            W_w = weights[0].copy()
            W_w[index] += sign * 1e-6
            (h_new, m_new), _ = step(x, h, m, W_w, *weights[1:])
            nudged[index] += sign * (h_new.sum() + m_new.sum()) / 2e-6
    return np.max(abs(by_hand - nudged)) / np.max(abs(nudged))


fresh_error = error_of_weights(np.zeros((3, 4)), step_backward)
print(text("largest error:", "mayor error:"), f"{fresh_error:.0e}")
assert fresh_error < 1e-8

# %% [markdown] lang="en"
# Eight digits agree: ship it? Before you do, train with it. Backpropagation through time by hand is
# a loop over `step`, and a loop back over `step_backward`:

# %% [markdown] lang="es"
# Coinciden ocho cifras: ¿la damos por buena? Antes, entrena con ella. La retropropagación en el
# tiempo, a mano, es un bucle con `step` y otro de vuelta con `step_backward`:


# %%
def loss_and_gradients(backward, weights, out, bias, x, total):
    """The adding problem's loss, and the gradients of all weights, by hand.

    || La pérdida del problema de la suma y los gradientes de todos los pesos, a mano.
    """
    h, m, kept = np.zeros((len(x), HIDDEN)), np.zeros((len(x), HIDDEN)), []
    for t in range(STEPS):
        (h, m), saved = step(x[:, t], h, m, *weights)
        kept.append(saved)
    error = h @ out + bias - total
    d_said = 2 * error / len(error)
    d_h, d_m, d_weights = np.outer(d_said, out), np.zeros_like(m), [0.0] * 4
    for saved in reversed(kept):
        _, d_h, d_m, *parts = backward((d_h, d_m), saved)
        d_weights = [a + b for a, b in zip(d_weights, parts, strict=True)]
    return np.mean(error**2), [*d_weights, h.T @ d_said, d_said.sum()]


def train_by_hand(backward):
    """The loss of each update. || La pérdida de cada actualización."""
    rng = np.random.default_rng(SEED)
    start = Diary(2, HIDDEN, rng=SEED, dtype=np.float64)
    values = [start.w.weight.data, start.w.bias.data - 2, start.a.weight.data, start.a.bias.data,
              rng.normal(0, 0.2, HIDDEN), np.zeros(())]  # fmt: skip
    parameters = [mg.Parameter(value) for value in values]
    optimizer, losses = optim.Adam(parameters, RATE), []
    for update in range(UPDATES):
        *weights, out, bias = (p.data for p in parameters)
        loss, gradients = loss_and_gradients(backward, weights, out, bias, *adding(32, rng))
        for parameter, found in zip(parameters, gradients, strict=True):
            parameter.grad = np.asarray(found)
        optimizer.lr = RATE * (1 - update / UPDATES)
        optimizer.step()
        losses.append(loss)
    return losses


wrong_losses = train_by_hand(step_backward)
print(text("loss:", "pérdida:"), f"{wrong_losses[0]:.4f} → {np.mean(wrong_losses[-100:]):.4f}")
assert wrong_losses[0] > 0.5 and np.mean(wrong_losses[-100:]) < 0.015

# %% [markdown] lang="en"
# It learns! The loss falls to less than a tenth of that of "always 1". A gradient check that
# agrees, a loss that falls; and yet the gradient is **wrong**. Show it to the judges. They run your
# NumPy code on symbols and in the finite field, and tell you what is wrong in your own names:

# %% [markdown] lang="es"
# ¡Aprende! La pérdida baja a menos de la décima parte de la de «siempre 1». Una comprobación que
# coincide, una pérdida que baja; y el gradiente está **mal**. Enséñaselo a los jueces. Ejecutan tu
# código de NumPy con símbolos y en el cuerpo finito, y te lo dicen (en inglés) con tus propios
# nombres; *lacks the term* es «le falta el término», y *it is right as*, «así está bien»:

# %%
shapes = [(3, 2), (3, 4), (3, 4), (4, 6), (4,), (4, 6), (4,)]  # x, h, m, W_w, b_w, W_a, b_a
report = check_vjp(step, step_backward, shapes, saves=True, budget=60)  # seconds || segundos
findings = list(dict.fromkeys(fault for found in report.checks for fault in found.failures))
print("\n".join(findings))
assert not report.passed and len(findings) == 4
assert all("it is right as `d_w = to_m * (h_new - m)`" in finding for finding in findings)

# %% [markdown] lang="en"
# Four gradients are wrong, for one reason: the line of `d_w` lacks the `- m`. There is the
# $-\,m_{t-1}$ of the derivation. Why did the usual check not see it? Because it began with an empty
# diary: where $m = 0$, the missing term is 0. With something in the diary, this check sees it, too.
# And training is forgiving: the wrong gradient mostly points in the right direction.

# %% [markdown] lang="es"
# Hay cuatro gradientes mal, por un solo motivo: a la línea de `d_w` le falta el `- m`. Ahí está el
# $-\,m_{t-1}$ de la deducción. ¿Por qué no lo vio la comprobación habitual? Porque empezaba con
# el diario en blanco: si $m = 0$, el término que falta vale 0. Con algo escrito en el diario,
# también se nota. Y el entrenamiento perdona: el gradiente equivocado apunta casi siempre hacia el
# lado bueno.


# %%
def right_backward(g, saved):
    """step_backward, corrected. || step_backward, corregido."""
    (to_h, to_m), (w, h_new, x, h, m, W_w, W_a) = g, saved
    d_w = to_m * (h_new - m)  # it was to_m * h_new || era to_m * h_new
    d_h_new = to_h + to_m * w
    d_a_w, d_a = d_w * w * (1 - w), d_h_new * (1 - h_new**2)
    d_hx, d_mx = d_a_w @ W_w, d_a @ W_a
    n = h.shape[1]
    return (
        d_hx[:, n:] + d_mx[:, n:],
        d_hx[:, :n],
        to_m * (1 - w) + d_mx[:, :n],
        d_a_w.T @ np.concatenate([h, x], axis=1),
        d_a_w.sum(axis=0),
        d_a.T @ np.concatenate([m, x], axis=1),
        d_a.sum(axis=0),
    )


written = rng.normal(size=(3, 4))  # the diary is not empty || el diario no está en blanco
for name, backward in ((text("wrong", "mal"), step_backward),
                       (text("corrected", "corregido"), right_backward)):  # fmt: skip
    print(f"{name:<10}{error_of_weights(written, backward):.0e}")
assert error_of_weights(written, step_backward) > 0.1
assert error_of_weights(written, right_backward) < 1e-7
report = check_vjp(step, right_backward, shapes, saves=True)
assert report.passed
for found in report.by_target()["right_backward: ∂L/∂W_w"]:
    print(f"{found.judge}: {found.established}")

# %% [markdown] lang="en"
# All three agree, each in its own way. And what would the mistake have cost?

# %% [markdown] lang="es"
# Ahora los tres jueces están conformes: una identidad para toda entrada real, una igualdad sin
# tolerancia en un punto al azar del cuerpo finito, y la coma flotante de acuerdo con el paso
# complejo. ¿Y qué habría costado el error?

# %%
right_losses = train_by_hand(right_backward)
early = np.mean(wrong_losses[100:200]) / np.mean(right_losses[100:200])
late = np.mean(wrong_losses[-100:]) / np.mean(right_losses[-100:])
print(
    text(
        f"updates 100 to 200: {early:.1f} times the loss; the last 100: {late:.1f} times",
        f"actualizaciones 100 a 200: {early:.1f} veces la pérdida; las 100 últimas: {late:.1f}",
    )
)
assert early > 1.2 and 1 < late < 2

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
rows = ((wrong_losses, text("without −to_m ∘ m", "sin −to_m ∘ m"), "C3"),
        (right_losses, text("corrected", "corregido"), "#2d6a2d"))  # fmt: skip
for losses, label, colour in rows:
    axes.semilogy(np.convolve(losses, np.ones(20) / 20, mode="valid"), color=colour, label=label)
axes.set(xlabel=text("update", "actualización"), ylabel=text("loss", "pérdida"))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# A short delay, a slightly worse end. Nobody would look for a mistake behind such a curve; you
# would change the learning rate instead. That is what makes wrong gradients costly: they *almost*
# work.
#
# The command line judges such a backward pass, too, if it is marked in a file; then it can be one
# of your tests:
#
# ```
# from minigrad.verify import backward_of
#
# @backward_of(step, example_inputs=[(3, 2), (3, 4), ...], saves=True)
# def step_backward(g, saved):
#     ...
# ```
#
# `minigrad verify diary.py:step_backward` then ends with status 0 only if every judge agrees.
#
# ## Exercises
#
# **1. What does it cost?** How many weights and biases does a `Diary` with 10 inputs and 20 units
# have?

# %% [markdown] lang="es"
# Algo de retraso, un final un poco peor. Nadie buscaría un error detrás de una curva así; más bien
# se tocaría la tasa de aprendizaje. Por eso salen caros los gradientes equivocados: porque *casi*
# funcionan.
#
# Marcado en un archivo, un gradiente así también lo juzga la línea de comandos, y puede formar
# parte de tus pruebas:
#
# ```
# from minigrad.verify import backward_of
#
# @backward_of(step, example_inputs=[(3, 2), (3, 4), ...], saves=True)
# def step_backward(g, saved):
#     ...
# ```
#
# `minigrad verify diary.py:step_backward` acaba entonces con estado 0 solo si todos los jueces
# están de acuerdo.
#
# ## Ejercicios
#
# **1. ¿Cuánto cuesta?** ¿Cuántos pesos y sesgos tiene un `Diary` con 10 entradas y 20 unidades?

# %%
number = None
check("1", number, sum(p.data.size for p in Diary(10, 20).parameters()))

# %% [markdown] lang="en" tags=["hint"]
# 1. `Diary` has two gates, `a` and `w`.
# 2. Each sees a state and $x$: 20 + 10 numbers.
# 3. $2 \cdot (20 \cdot 30 + 20)$.

# %% [markdown] lang="es" tags=["hint"]
# 1. `Diary` tiene dos puertas, `a` y `w`.
# 2. Cada una ve un estado y $x$: 20 + 10 números.
# 3. $2 \cdot (20 \cdot 30 + 20)$.

# %% [markdown] lang="en" tags=["solution"]
# Both gates see 20 + 10 numbers and make 20: $2 \cdot (20 \cdot 30 + 20) = 1240$.

# %% [markdown] lang="es" tags=["solution"]
# Las dos puertas ven 20 + 10 números y hacen 20: $2 \cdot (20 \cdot 30 + 20) = 1240$.

# %% tags=["solution"]
number = 2 * (20 * (20 + 10) + 20)
check("1", number, sum(p.data.size for p in Diary(10, 20).parameters()))

# %% [markdown] lang="en"
# **2. Ink that lasts.** The thoughts are 0, and so are the weights of $w$. With which bias does
# half of the diary survive 50 steps?

# %% [markdown] lang="es"
# **2. Tinta que dura.** Los pensamientos valen 0, y los pesos de $w$ también. ¿Con qué sesgo
# sobrevive la mitad del diario a 50 pasos?

# %%
left = text("what is left", "lo que queda")
bias = None
check(f"2, {left}", None if bias is None else (1 - 1 / (1 + np.exp(-bias))) ** 50, 0.5, rtol=5e-3)

# %% [markdown] lang="en" tags=["hint"]
# 1. In one step $1 - w$ of the diary survives, with $w = \sigma(b)$.
# 2. Solve $(1 - w)^{50} = 0.5$ for $w$.
# 3. Then invert $\sigma$: $b = \log(w/(1 - w))$.

# %% [markdown] lang="es" tags=["hint"]
# 1. En un paso sobrevive $1 - w$ del diario, con $w = \sigma(b)$.
# 2. Despeja $w$ de $(1 - w)^{50} = 0.5$.
# 3. Después invierte $\sigma$: $b = \log(w/(1 - w))$.

# %% [markdown] lang="en" tags=["solution"]
# $(1 - w)^{50} = 0.5$ gives $w = 1 - 0.5^{1/50} \approx 0.014$, and inverting $\sigma$ gives
# $b = \log(w / (1 - w)) \approx -4.27$.

# %% [markdown] lang="es" tags=["solution"]
# De $(1 - w)^{50} = 0.5$ sale $w = 1 - 0.5^{1/50} \approx 0.014$ y, dándole la vuelta a $\sigma$,
# $b = \log(w / (1 - w)) \approx -4.27$.

# %% tags=["solution"]
w = 1 - 0.5 ** (1 / 50)
bias = np.log(w / (1 - w))
check(f"2, {left}", None if bias is None else (1 - 1 / (1 + np.exp(-bias))) ** 50, 0.5, rtol=5e-3)

# %% [markdown] lang="en"
# **3. A cell of your own.** Each unit of a *leaky* cell has its own fixed pace, a learned number
# $k$ (in minigrad, `vectors = {"k": 0.0}`): $h_t = h_{t-1} + \sigma(k) \circ (\tanh(W_a\,[h_{t-1},
# x_t] + b_a) - h_{t-1})$. Write its step; `self.a` and `self.k` are there.

# %% [markdown] lang="es"
# **3. Una celda tuya.** Cada unidad de una celda *con fugas* tiene un ritmo propio y fijo, un
# número $k$ que se aprende (en minigrad, `vectors = {"k": 0.0}`): $h_t = h_{t-1} + \sigma(k) \circ
# (\tanh(W_a\,[h_{t-1}, x_t] + b_a) - h_{t-1})$. Escribe su paso; cuentas con `self.a` y `self.k`.


# %%
def leaky(self, x, h):
    return None


trial = SimpleNamespace(a=lambda h, x: 2 * h - x, k=np.array([0.0, 3.0]))
numbers = np.array([0.5, -1.0]), np.array([0.3, 0.8])
check("3", leaky(trial, *numbers), np.array([0.19983, 0.98006]), rtol=1e-4)

# %% [markdown] lang="en" tags=["hint"]
# 1. `sigmoid` and `tanh` are imported; `self.a(h, x)` is the affine map.
# 2. The new state is the old one plus a share of the difference.
# 3. `h + sigmoid(self.k) * (… - h)`.

# %% [markdown] lang="es" tags=["hint"]
# 1. `sigmoid` y `tanh` están importadas; `self.a(h, x)` es la aplicación afín.
# 2. El estado nuevo es el viejo más una parte de la diferencia.
# 3. `h + sigmoid(self.k) * (… - h)`.

# %% [markdown] lang="en" tags=["solution"]
# And everything else comes by itself: the derivation, the kernel and the judges' verdict.

# %% [markdown] lang="es" tags=["solution"]
# Y lo demás viene solo: la deducción, el núcleo y el veredicto de los jueces.


# %% tags=["solution"]
def leaky(self, x, h):
    return h + sigmoid(self.k) * (tanh(self.a(h, x)) - h)


check("3", leaky(trial, *numbers), np.array([0.19983, 0.98006]), rtol=1e-4)


class Leaky(nn.Cell):
    """Each unit follows at its own pace. || Cada unidad sigue a su propio ritmo."""

    state, gates, vectors = ("h",), ("a",), {"k": 0.0}
    step = leaky


verdicts(verify(target_of(Leaky, "Leaky"), seed=SEED))

# %% [markdown] lang="en"
# **4. By hand, without a mistake.** The function $y = x\,\sigma(x)$ is called swish or SiLU. Write
# its backward pass: from $g = \partial L / \partial y$ and $x$, the gradient with respect to $x$.

# %% [markdown] lang="es"
# **4. A mano, y sin error.** A la función $y = x\,\sigma(x)$ la llaman swish o SiLU. Escribe su
# pasada hacia atrás: de $g = \partial L / \partial y$ y de $x$, el gradiente respecto de $x$.


# %%
def swish(x):
    s = 1 / (1 + np.exp(-x))
    return x * s


def swish_backward(g, x):
    return None


xs, gs = np.array([-3.0, -0.5, 0.0, 2.0]), np.array([1.0, 2.0, -1.0, 0.5])
check("4", swish_backward(gs, xs), mg.vjp(swish, xs)[1](gs)[0])

# %% [markdown] lang="en" tags=["hint"]
# 1. A product of two things that depend on $x$.
# 2. The first term keeps $\sigma(x)$, the second has its slope: $x\,\sigma(x)(1 - \sigma(x))$.
# 3. Multiply the sum of both by $g$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Un producto de dos cosas que dependen de $x$.
# 2. El primer término conserva $\sigma(x)$; el segundo lleva su pendiente: $x\,\sigma(x)(1 -
#    \sigma(x))$.
# 3. Multiplica la suma de ambos por $g$.

# %% [markdown] lang="en" tags=["solution"]
# The product rule: $\sigma(x) + x\,\sigma(x)\,(1 - \sigma(x))$, times $g$. If you leave out the
# second term, nobody will notice at $x = 0$. The judges do:

# %% [markdown] lang="es" tags=["solution"]
# La regla del producto: $\sigma(x) + x\,\sigma(x)\,(1 - \sigma(x))$, por $g$. Si te dejas el
# segundo término, en $x = 0$ no lo notaría nadie. Los jueces, sí:


# %% tags=["solution"]
def swish_backward(g, x):
    s = 1 / (1 + np.exp(-x))
    return g * (s + x * s * (1 - s))


check("4", swish_backward(gs, xs), mg.vjp(swish, xs)[1](gs)[0])
assert check_vjp(swish, swish_backward, [(2, 3)]).passed


def forgetful(g, x):
    return g / (1 + np.exp(-x))


report = check_vjp(swish, forgetful, [(2, 3)])
assert not report.passed
print(report.checks[0].failures[0])

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. Which part of a cell do you write yourself?**
#
# - [x] The equations of one step :: Gradient, derivation, picture and kernel are made from them.
# - [ ] The step and its gradient :: The gradient is what the judges compare, and nobody wrote it.
# - [ ] The loop over time :: `nn.Recurrent` has it.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Qué parte de una celda escribes tú?**
#
# - [x] Las ecuaciones de un paso :: De ellas salen el gradiente, la deducción, el dibujo y el
#   código compilado.
# - [ ] El paso y su gradiente :: El gradiente es lo que comparan los jueces, y nadie lo escribió.
# - [ ] El bucle sobre el tiempo :: Lo tiene `nn.Recurrent`.

# %% [markdown] lang="en" tags=["quiz"]
# **2. A gradient agrees with differences at one random point. Is it right?**
#
# - [ ] Yes :: A term may be 0 or tiny right there.
# - [x] That has not been proved :: One point and a tolerance show little; equality in the field or
#   on symbols shows the identity.
# - [ ] Only if the point is 0 :: At 0 most mistakes hide.

# %% [markdown] lang="es" tags=["quiz"]
# **2. Un gradiente coincide con las diferencias en un punto al azar. ¿Es correcto?**
#
# - [ ] Sí :: Un término puede ser 0, o muy pequeño, justo ahí.
# - [x] No está demostrado :: Un punto y una tolerancia dicen poco; la igualdad en el cuerpo o con
#   símbolos demuestra la identidad.
# - [ ] Solo si el punto es 0 :: En 0 se esconden casi todos los errores.

# %% [markdown] lang="en" tags=["quiz"]
# **3. The wrong backward of this chapter still trained. Why is that a danger?**
#
# - [x] Training that works a little hides the mistake :: The loss falls with most wrong gradients;
#   it just ends higher.
# - [ ] It is not: whatever trains is right :: Compare where the two losses end.
# - [ ] It uses too much memory :: Memory has nothing to do with it.

# %% [markdown] lang="es" tags=["quiz"]
# **3. Con el gradiente equivocado de este capítulo también se aprendía. ¿Por qué es un peligro?**
#
# - [x] Un entrenamiento que funciona un poco esconde el error :: La pérdida baja con casi cualquier
#   gradiente equivocado; solo que acaba más arriba.
# - [ ] No lo es: lo que entrena es correcto :: Compara dónde acaban las dos pérdidas.
# - [ ] Usa demasiada memoria :: La memoria no tiene nada que ver.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Why does the exact judge use whole numbers modulo a large prime?**
#
# - [ ] They are faster than floats :: They are slower.
# - [x] They do not round, so equal means equal :: A wrong formula agrees with the right one only
#   with a probability of about degree / p.
# - [ ] Weights are whole numbers :: Here they stand for any number.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿Por qué el juez exacto usa números enteros módulo un primo grande?**
#
# - [ ] Son más rápidos que los de coma flotante :: Son más lentos.
# - [x] No se redondean, así que igual significa igual :: Una fórmula equivocada coincide con la
#   correcta solo con probabilidad de cerca de grado / p.
# - [ ] Los pesos son números enteros :: Aquí representan cualquier número.

# %% [markdown] lang="en" tags=["quiz"]
# **5. What would make a pass of the judges worthless?**
#
# - [x] If they used the rule that they judge as their reference :: Then a mistake would be compared
#   with itself.
# - [ ] If they took a long time :: Slow and independent is still a proof.
# - [ ] If there were only two of them :: One independent judge is enough.

# %% [markdown] lang="es" tags=["quiz"]
# **5. ¿Qué haría inútil un aprobado de los jueces?**
#
# - [x] Que usaran como referencia la misma regla que juzgan :: Entonces un error se compararía
#   consigo mismo.
# - [ ] Que tardaran mucho :: Lento e independiente sigue siendo una demostración.
# - [ ] Que solo fueran dos :: Basta un juez independiente.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `minigrad/nn/cells.py`: cells, each as its equations; in the README, "A cell of your own" and
#   "A backward written by hand".
# - T. Mikolov, A. Joulin, S. Chopra, M. Mathieu and M. Ranzato, *Learning Longer Memory in
#   Recurrent Neural Networks* (2014), arXiv:1412.7753: the diary's relative, with a fixed pace
#   instead of a gate.
# - K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink and J. Schmidhuber, *LSTM: A Search
#   Space Odyssey*, IEEE Transactions on Neural Networks and Learning Systems 28 (2017), pages
#   2222–2232: which of the LSTM's parts are needed, and how one finds out.
# - R. Jozefowicz, W. Zaremba and I. Sutskever, *An Empirical Exploration of Recurrent Network
#   Architectures*, ICML 2015: ten thousand cells, made by machine.
# - A. Griewank and A. Walther, *Evaluating Derivatives* (2nd edition, 2008): all about derivatives
#   that programs compute.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `minigrad/nn/cells.py`: celdas, cada una como sus ecuaciones; y en el README, «A cell
#   of your own» y «A backward written by hand».
# - T. Mikolov, A. Joulin, S. Chopra, M. Mathieu y M. Ranzato, *Learning Longer Memory in Recurrent
#   Neural Networks* (2014), arXiv:1412.7753: pariente del diario, con un ritmo fijo en lugar de una
#   puerta.
# - K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink y J. Schmidhuber, *LSTM: A Search
#   Space Odyssey*, IEEE Transactions on Neural Networks and Learning Systems 28 (2017), páginas
#   2222–2232: qué partes de la LSTM hacen falta, y cómo se averigua.
# - R. Jozefowicz, W. Zaremba e I. Sutskever, *An Empirical Exploration of Recurrent Network
#   Architectures*, ICML 2015: diez mil celdas hechas a máquina.
# - A. Griewank y A. Walther, *Evaluating Derivatives* (2.ª edición, 2008): todo sobre las derivadas
#   que calculan los programas.
