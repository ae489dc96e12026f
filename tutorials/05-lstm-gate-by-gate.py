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
# # LSTM, gate by gate
#
# Chapter 4 ended with a wish: a memory whose gradient is multiplied by 1 at each step, and not by
# whatever the weights and a tanh happen to produce. But a memory that always keeps everything is
# useless, too. **How do you build a memory that keeps something until there is a reason to change
# it?**
#
# With gates that the network opens and closes by itself. There are three. You will build them one
# by one, derive what each of them learns from, and give the finished cell a task at which the
# simple network fails.

# %% [markdown] lang="es"
# # LSTM, puerta a puerta
#
# El capítulo 4 terminó con un deseo: una memoria cuyo gradiente se multiplique en cada paso por 1,
# y no por lo que quieran los pesos y una tanh. Pero una memoria que lo guarda siempre todo tampoco
# sirve. **¿Cómo se construye una memoria que conserve algo hasta que haya motivo para cambiarlo?**
#
# Con puertas que la propia red abre y cierra. Son tres: vas a construirlas una por una, a deducir
# de qué aprende cada una y a encargarle a la celda terminada una tarea en la que la red sencilla
# fracasa.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, live, spotlight, text, verdicts
from minigrad.verify import verify

SEED = 5
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: a belt
#
# Think of a conveyor belt that runs through all time steps. It carries the **cell state** $c$. At
# each step, some of what lies on it may be taken off, something new may be put on, and the rest
# just travels on:
#
# $$c_t = f_t \circ c_{t-1} + i_t \circ g_t$$
#
# $f_t$, the **forget gate**, says how much of the old memory stays: 1 is all of it, 0 nothing.
# $g_t$, the **candidate**, is what could be added, and $i_t$, the **input gate**, says how much of
# it is added. A third gate, the **output gate** $o_t$, decides how much of the belt is shown to the
# rest of the network:
#
# $$h_t = o_t \circ \tanh(c_t)$$
#
# All of this works entry by entry: $\circ$ is the **pointwise product**, in which each entry meets
# only the entry at its own place. That is what makes a gate a gate. With a matrix of zeros and ones
# in front, it lets some entries pass and blocks the others:
#
# $$\begin{pmatrix} 1 & 0 \\ 0.5 & 1 \end{pmatrix} \circ
#   \begin{pmatrix} 3 & 7 \\ 8 & -2 \end{pmatrix} =
#   \begin{pmatrix} 3 & 0 \\ 4 & -2 \end{pmatrix}$$

# %% [markdown] lang="es"
# ## La idea: una cinta transportadora
#
# Imagina una cinta transportadora que recorre todos los pasos. Lleva el **estado de la celda**,
# $c$. En cada paso puede retirarse algo de lo que hay encima, puede ponerse algo nuevo, y lo demás
# sigue viaje:
#
# $$c_t = f_t \circ c_{t-1} + i_t \circ g_t$$
#
# $f_t$, la **puerta de olvido** (*forget*), dice cuánto queda de lo viejo: 1 todo, 0 nada. $g_t$,
# el **candidato**, es lo que podría añadirse; $i_t$, la **puerta de entrada** (*input*), cuánto se
# añade. Y una tercera, la **puerta de salida** (*output*) $o_t$, decide cuánto de la cinta se
# enseña al resto de la red:
#
# $$h_t = o_t \circ \tanh(c_t)$$
#
# Todo esto se hace elemento a elemento: $\circ$ es el **producto punto a punto** (*pointwise*), en
# el que cada elemento se encuentra solo con el que ocupa su mismo lugar. Por eso una puerta es una
# puerta: una matriz de ceros y unos deja pasar unos elementos y cierra el paso a los demás:
#
# $$\begin{pmatrix} 1 & 0 \\ 0.5 & 1 \end{pmatrix} \circ
#   \begin{pmatrix} 3 & 7 \\ 8 & -2 \end{pmatrix} =
#   \begin{pmatrix} 3 & 0 \\ 4 & -2 \end{pmatrix}$$

# %%
gate, passes = np.array([[1, 0], [0.5, 1]]), np.array([[3, 7], [8, -2]])
assert np.array_equal(gate * passes, [[3, 0], [4, -2]])  # * is ∘ || * es ∘
graph.draw("lstm", steps=2)

# %% [markdown] lang="en"
# The yellow boxes are the gates and the candidate, each with weights of its own; the red circles
# multiply, add, or take a tanh. Follow the $c$ from step to step: one multiplication, one
# addition, no weight matrix and no tanh in its way. Let us work the gates by hand: store the
# number that comes by at step 4, hold it, and show it at step 15.
#
# **Which gates must be open, and when?** After the code, the gates of twelve steps are in your
# hands: every press moves one from open (1) to half open to closed (0). Then ask what happens to
# the memory, and to the gradient $\delta c$, if all forget gates stand at 0.8.

# %% [markdown] lang="es"
# Las cajas amarillas son las puertas y el candidato, cada una con sus pesos; los círculos rojos
# multiplican, suman o toman la tanh. Sigue la $c$ de un paso a otro: una multiplicación, una suma,
# y en su camino ni matriz de pesos ni tanh. Movamos las puertas a mano: guardar el número que pase
# en el paso 4, conservarlo y enseñarlo en el paso 15.
#
# **¿Qué puertas hay que abrir, y cuándo?** Después del código tienes en tus manos las puertas de
# doce pasos: cada pulsación pasa una de abierta (1) a entreabierta y a cerrada (0). Pregúntate
# luego qué les pasa a la memoria y al gradiente $\delta c$ si todas las puertas de olvido se quedan
# en 0.8.

# %%
passing = rng.uniform(-1, 1, 20)
belt, shown, c = [], [], 0.0
for t, x in enumerate(passing):
    f = 0.0 if t == 4 else 1.0  # drop the old, only at step 4 || fuera lo viejo, solo en el 4
    i = 1.0 if t == 4 else 0.0  # let the new in, only at step 4 || pasa lo nuevo, solo en el 4
    o = 1.0 if t == 15 else 0.0
    c = f * c + i * np.tanh(x)
    belt.append(c)
    shown.append(o * np.tanh(c))
assert belt[19] == np.tanh(passing[4]) and np.count_nonzero(shown) == 1

# %% tags=["plot"]
figure, axes = plt.subplots(3, 1, figsize=(7, 4.2), sharex=True, layout="constrained")
rows = ((passing, "x", "0.5"), (belt, "c", "#2d6a2d"), (shown, "h", "C3"))
for panel, (values, name, colour) in zip(axes, rows, strict=True):
    panel.bar(range(20), values, color=colour)
    panel.set(ylim=(-1, 1), ylabel=name)
axes[2].set(xlabel=text("step t", "paso t"), xticks=range(0, 20, 5))
plt.show()
live("belt", passing=passing[1:13])

# %% [markdown] lang="en"
# That is a memory. But it was *we* who knew when to open which gate. The LSTM learns it: each gate
# is a small layer of its own that looks at the input and at the last output, and a logistic
# function $\sigma$ turns the result into a number between 0 and 1.
#
# ## Gate by gate
#
# minigrad derives what each gate learns from. For all of them, $\delta v$ is
# $\partial L / \partial v$, and $a^f$ is gate $f$ before its $\sigma$. In each picture, one gate is
# in colour.
#
# **Forget.** The forget gate learns from what a little more of the *old* memory would do to $L$:
# $\delta c_t \circ c_{t-1}$, entry by entry. Where nothing lay on the belt, there is nothing to
# learn about forgetting.

# %% [markdown] lang="es"
# Eso es una memoria. Pero éramos *nosotros* quienes sabíamos cuándo abrir cada puerta. La LSTM lo
# aprende: cada puerta es una pequeña capa propia que mira la entrada y la última salida, y una
# función logística $\sigma$ convierte el resultado en un número entre 0 y 1.
#
# ## Puerta a puerta
#
# minigrad deduce de qué aprende cada puerta. En todas, $\delta v$ es $\partial L / \partial v$, y
# $a^f$ es la puerta $f$ antes de su $\sigma$. En cada dibujo, una sola puerta tiene color.
#
# **Olvidar.** La puerta de olvido aprende de lo que le haría a $L$ un poco más de memoria *vieja*:
# $\delta c_t \circ c_{t-1}$, elemento a elemento. Donde la cinta iba vacía, no hay nada que
# aprender sobre olvidar.

# %%
cell_picture = graph.draw("lstm", view="cell")
spotlight(cell_picture, "f")

# %%
lstm = derive("lstm")
formulas(lstm, "f_t", "δf_t", "δa^f_t", "∂L/∂W_f")

# %% [markdown] lang="en"
# **Input and candidate.** They share a product, so the slope of each is multiplied by the other: a
# candidate behind a closed gate ($i_t = 0$) learns nothing, and neither does a gate in front of an
# empty candidate ($g_t = 0$).

# %% [markdown] lang="es"
# **Entrada y candidato.** Comparten un producto, así que la pendiente de cada uno va multiplicada
# por el otro: un candidato tras una puerta cerrada ($i_t = 0$) no aprende nada, y una puerta ante
# un candidato vacío ($g_t = 0$), tampoco.

# %%
spotlight(cell_picture, "i", "g")

# %%
formulas(lstm, "i_t", "g_t", "δi_t", "δa^i_t", "∂L/∂W_i", "δg_t", "δa^g_t", "∂L/∂W_g")

# %% [markdown] lang="en"
# **Output.** This gate acts on what is shown and not on what is kept: closing it hides the memory
# without changing it.

# %% [markdown] lang="es"
# **Salida.** Actúa sobre lo que se enseña y no sobre lo que se guarda: al cerrarla, la memoria
# queda oculta, pero intacta.

# %%
spotlight(cell_picture, "o")

# %%
formulas(lstm, "o_t", "h_t", "δo_t", "δa^o_t", "∂L/∂W_o")

# %% [markdown] lang="en"
# **The belt.** Here is the line for which all of this was invented. What comes back from the
# future along the belt, $\delta c_{t+1}$, is multiplied by the forget gate and by *nothing else*.
# The other two terms are what the loss itself says about $c_t$ ($\ell$ is the loss of this step)
# and what comes in through $h_t$. And $h_t$, in turn, hears from the loss and from the four layers
# of the next step, which read it. With these two lines the backward pass is complete: start at the
# last step with $\delta c_{T+1} = 0$ and $\delta a_{T+1} = 0$, and go backwards.

# %% [markdown] lang="es"
# **La cinta.** Esta es la línea por la que se inventó todo lo demás. Lo que vuelve del futuro por
# la cinta, $\delta c_{t+1}$, se multiplica por la puerta de olvido y por *nada más*. Los otros dos
# términos son lo que la propia pérdida dice de $c_t$ ($\ell$ es la pérdida de este paso) y lo que
# entra por $h_t$. Y a $h_t$, a su vez, le llega lo que dicen la pérdida y las cuatro capas del paso
# siguiente, que la leen. Con estas dos líneas la pasada hacia atrás está completa: empieza en el
# último paso con $\delta c_{T+1} = 0$ y $\delta a_{T+1} = 0$, y ve hacia atrás.

# %%
formulas(lstm, "δh_t", "δc_t")

# %% [markdown] lang="en"
# Along the belt, with the gates held fixed (the bar with the $c$ says so), the steps from $t$ to
# $T$ multiply a gradient by this:

# %% [markdown] lang="es"
# A lo largo de la cinta, con las puertas fijas (eso dice la barra con la $c$), los pasos de $t$ a
# $T$ multiplican un gradiente por esto:

# %%
formulas(lstm, "∂c_T/∂c_t|c")

# %% [markdown] lang="en"
# Where chapter 4 had $\operatorname{diag}(1 - h_t^2)\,W_h$ for each step, there is now $f_t$, a
# number for each unit that the network chooses at every step. Near 1, the gradient survives; near
# 0, the past is cut off on purpose.
#
# Many course notes speak of *long-term* and *short-term memory*. The words differ; the cell is the
# same:
#
# | in the notes | here | what it does |
# |---|---|---|
# | event $E_t$ | $x_t$ | what comes in |
# | short-term memory STM | $h_t$ | what is shown |
# | long-term memory LTM | $c_t$ | the belt |
# | learn gate | $i_t \circ g_t$ | what is worth adding |
# | forget gate | $f_t \circ c_{t-1}$ | what is left of the old |
# | remember gate | $f_t \circ c_{t-1} + i_t \circ g_t$ | the new belt |
# | use gate | $o_t \circ \tanh(c_t)$ | what is shown now |
#
# (Some notes also put a weight matrix inside the tanh of the use gate, $\tanh(W c_t + b)$. That is
# another cell, with more weights; minigrad's LSTM, like everyone's, has none there.)
#
# ## The code, from primitives
#
# Four weighted sums, one for each gate and one for the candidate; the rest is the two equations
# above. To compare with `nn.LSTMCell`, we borrow its weights.

# %% [markdown] lang="es"
# Donde el capítulo 4 tenía $\operatorname{diag}(1 - h_t^2)\,W_h$ por cada paso, ahora está $f_t$,
# un número por unidad que la red elige en cada paso. Cerca de 1, el gradiente sobrevive; cerca de
# 0, se corta con el pasado a propósito.
#
# Muchos apuntes hablan de memoria *a largo* y *a corto plazo*. Cambian las palabras; la celda es la
# misma:
#
# | en los apuntes | aquí | qué hace |
# |---|---|---|
# | evento $E_t$ | $x_t$ | lo que entra |
# | memoria a corto plazo, STM | $h_t$ | lo que se enseña |
# | memoria a largo plazo, LTM | $c_t$ | la cinta |
# | puerta *learn* (aprender) | $i_t \circ g_t$ | lo que merece añadirse |
# | puerta *forget* (olvidar) | $f_t \circ c_{t-1}$ | lo que queda de lo viejo |
# | puerta *remember* (recordar) | $f_t \circ c_{t-1} + i_t \circ g_t$ | la nueva cinta |
# | puerta *use* (usar) | $o_t \circ \tanh(c_t)$ | lo que se enseña ahora |
#
# (Hay apuntes que ponen además una matriz de pesos dentro de la tanh de la puerta *use*, $\tanh(W
# c_t + b)$. Esa es otra celda, con más pesos; la LSTM de minigrad, como la de todos, no la lleva).
#
# ## El código, desde cero
#
# Cuatro sumas ponderadas, una por puerta y otra para el candidato; lo demás son las dos ecuaciones
# de arriba. Para compararlas con `nn.LSTMCell` tomamos prestados sus pesos.


# %%
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(weights, x, h, c):
    """One step; weights holds (W, b) for each gate.

    || Un paso; weights contiene (W, b) de cada puerta.
    """
    joined = np.concatenate([h, x])
    f, i, g, o = (W @ joined + b for W, b in weights)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


cell = nn.LSTMCell(2, 4, rng=SEED, dtype=np.float64)
mine = [(gate.weight.data, gate.bias.data) for gate in (cell.f, cell.i, cell.g, cell.o)]
film = rng.normal(size=(20, 2))


def last_h(weights):
    h, c = np.zeros(4), np.zeros(4)
    for x in film:
        h, c = lstm_step(weights, x, h, c)
    return h.sum()


h, c = np.zeros(4), np.zeros(4)
for x in film:
    h, c = cell(x, (h, c))
h.sum().backward()
gradient_f = mg.grad(last_h)(mine)[0][0]
assert np.isclose(last_h(mine), h.sum().item(), rtol=1e-12)
assert np.allclose(gradient_f, cell.f.weight.grad, rtol=1e-9, atol=1e-15)
print(text("our seven lines are nn.LSTMCell, and so is their gradient",
           "nuestras siete líneas son nn.LSTMCell, y su gradiente también"))  # fmt: skip

# %% [markdown] lang="en"
# ## The experiment: gradients along the belt
#
# The measurement of chapter 4 again: noise goes in for 100 steps; how much does $c_{100}$ depend on
# the belt $k$ steps earlier? We set the *bias* of the forget gate, which decides how far it is open
# before anything is learned.

# %% [markdown] lang="es"
# ## El experimento: gradientes a lo largo de la cinta
#
# La medida del capítulo 4, otra vez: entra ruido durante 100 pasos; ¿cuánto depende $c_{100}$ de lo
# que había en la cinta $k$ pasos antes? Fijamos el *sesgo* de la puerta de olvido, que decide
# cuánto está abierta antes de aprender nada.


# %%
def belt_gradients(bias, steps=100, hidden=16):
    """The mean of |∂Σc_T/∂c_t|, from the last step back to the first.

    || La media de |∂Σc_T/∂c_t|, del último paso hacia atrás hasta el primero.
    """
    cell = nn.LSTMCell(1, hidden, rng=SEED, dtype=np.float64)
    cell.f.bias.data = np.full(hidden, bias)
    noise = np.random.default_rng(SEED).normal(0, 0.3, (steps, 1))
    h, c = np.zeros(hidden), mg.Tensor(np.zeros(hidden), requires_grad=True)
    belt = []
    for x in noise:
        h, c = cell(x, (h, c))
        c.retain_grad()  # not a weight, but we want its slope || no es un peso, pero la queremos
        belt.append(c)
    c.sum().backward()
    return [np.mean(abs(c.grad)) for c in reversed(belt)]


biases = (0.0, 1.0, 3.0, 5.0)
sizes = {bias: belt_gradients(bias) for bias in biases}
print(f"{text('bias b', 'sesgo b'):<8}σ(b)   σ(b)⁵⁰    {text('after 50 steps', 'tras 50 pasos')}")
for bias in biases:
    print(f"{bias:<8}{sigmoid(bias):.3f}  {sigmoid(bias) ** 50:.1e}   {sizes[bias][50]:.1e}")
assert sizes[0.0][50] < 1e-10 and 0.5 < sizes[5.0][50] < 1

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for bias, shade in zip(biases, plt.cm.viridis(np.linspace(0, 0.85, 4)), strict=True):
    axes.semilogy(sizes[bias], color=shade, label=f"{text('bias', 'sesgo')} {bias:.0f}")
axes.set(xlabel=text("steps back, k", "pasos atrás, k"), ylabel="|∂c₁₀₀/∂cₜ|", ylim=(1e-16, 10))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# With bias 0 the gates are half open, and one half to the power of fifty is nothing: an LSTM
# forgets as fast as any other network *until its forget gate learns to stay open*. With bias 5,
# more than half of the gradient arrives after fifty steps. That is why the forget gate's bias
# usually starts at 1 or more.
#
# (What arrives is not quite $\sigma(b)^{50}$. Beside the belt there is a detour through $h$ and the
# gates: its matrices can shrink a gradient or make it grow, and far back, where little is left of
# the direct path, the detour is what you see. That is why a curve may rise again after many steps.)
#
# ## The adding problem
#
# A task made for memories. Numbers between 0 and 1 go by, and two of them, one in each half, are
# marked. At the end, the network must say their **sum**. Without memory, the best answer is always
# 1; its mean squared error is $1/6 \approx 0.167$, the variance of the sum of two such numbers.

# %% [markdown] lang="es"
# Con sesgo 0 las puertas están medio abiertas, y un medio elevado a cincuenta no es nada: una LSTM
# olvida tan deprisa como cualquiera *hasta que su puerta de olvido aprende a quedarse abierta*. Con
# sesgo 5, tras cincuenta pasos llega más de la mitad del gradiente. Por eso se suele empezar con el
# sesgo de la puerta de olvido a 1 o más.
#
# (Lo que llega no es exactamente $\sigma(b)^{50}$. Además de la cinta está el rodeo por $h$ y las
# puertas: sus matrices pueden encoger un gradiente o hacerlo crecer, y muy atrás, donde del camino
# directo queda poco, lo que se ve es el rodeo. Por eso una curva puede volver a subir al cabo de
# muchos pasos).
#
# ## El problema de la suma
#
# Una tarea hecha para memorias. Pasan números entre 0 y 1, y dos de ellos, uno en cada mitad,
# llevan una marca. Al final, la red debe decir su **suma**. Sin memoria, lo mejor es decir siempre
# 1; eso tiene un error cuadrático medio de $1/6 \approx 0.167$, la varianza de la suma de dos
# números así.


# %%
def adding(number, steps, rng):
    """Sequences (number, steps, 2) of values and marks; and the sums of the marked values.

    || Secuencias (number, steps, 2) de valores y marcas; y las sumas de los valores marcados.
    """
    value, mark = rng.uniform(0, 1, (number, steps)), np.zeros((number, steps))
    each = np.arange(number)
    first, second = rng.integers(0, steps // 2, number), rng.integers(steps // 2, steps, number)
    mark[each, first] = mark[each, second] = 1
    total = value[each, first] + value[each, second]
    return np.stack([value, mark], axis=-1).astype(np.float32), total.astype(np.float32)


def train(net, steps=20, updates=700, lr=0.02):
    """The loss of each update, and the error on new sequences.

    || La pérdida de cada actualización y el error con secuencias nuevas.
    """
    rng = np.random.default_rng(SEED)
    optimizer = optim.Adam(net.parameters(), lr)
    losses = []
    for update in range(updates):
        x, total = adding(32, steps, rng)
        said, _ = net(x)
        loss = np.square(said[:, 0] - total).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = lr * (1 - update / updates)
        optimizer.step()
        losses.append(loss.item())
    x, total = adding(500, steps, rng)
    with mg.no_grad():
        said, _ = net(x)
    return losses, float(np.mean(np.square(said.data[:, 0] - total)))


nets = {
    kind.__name__: kind(2, 16, output_size=1, return_sequences=False, rng=SEED)
    for kind in (nn.RNN, nn.LSTM)
}
remembering = nets["LSTM"].cell.f.bias
remembering.data = remembering.data + np.float32(1)
results = {name: train(net) for name, net in nets.items()}
for name, (_, error) in results.items():
    print(f"{name:<5} {error:.4f}")
assert results["RNN"][1] > 0.12
assert results["LSTM"][1] < 0.01

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, (losses, _)), colour in zip(results.items(), ("0.4", "C3"), strict=True):
    smooth = np.convolve(losses, np.ones(20) / 20, mode="valid")
    axes.semilogy(smooth, color=colour, label=name)
axes.axhline(1 / 6, color="0.7", ls=":", label=text("always say 1", "decir siempre 1"))
axes.set(xlabel=text("update", "actualización"), ylabel=text("loss", "pérdida"))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# Same width, same data, same number of updates. The simple network stays near "always say 1"; the
# LSTM's error is less than a tenth of that. What has it learned? Look at its belt while a new
# sequence goes by:

# %% [markdown] lang="es"
# La misma anchura, los mismos datos, las mismas actualizaciones. La red sencilla se queda cerca de
# «decir siempre 1»; el error de la LSTM es menos de la décima parte. ¿Qué ha aprendido? Miremos su
# cinta mientras pasa una secuencia nueva:

# %%
sequences, _ = adding(200, 20, np.random.default_rng(SEED + 1))
h = c = np.zeros((200, 16), np.float32)
belts = [c]
with mg.no_grad():
    for t in range(20):
        h, c = nets["LSTM"].cell(sequences[:, t], (h, c))
        belts.append(c.data)
belts = np.stack(belts, axis=1)  # (sequence, step, unit) || (secuencia, paso, unidad)
change = abs(np.diff(belts, axis=1)).mean(axis=-1)
marked = sequences[..., 1] == 1
ratio = change[marked].mean() / change[~marked].mean()
print(text("change of the belt, marked steps : others =",
           "cambio de la cinta, pasos marcados : demás ="), f"{ratio:.1f}")  # fmt: skip
assert ratio > 1.5

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
per_unit = abs(np.diff(belts, axis=1))
answer = per_unit[marked].mean(axis=0) / per_unit[~marked].mean(axis=0)
axes.plot(belts[0, 1:, np.argsort(answer)[-3:]].T, "o-", ms=3)
for t in np.flatnonzero(marked[0]):
    axes.axvline(t, color="C3", ls=":")
axes.set(xlabel=text("step t (dotted: marked)", "paso t (punteado: marcado)"), ylabel="c",
         xticks=range(0, 20, 5))  # fmt: skip
plt.show()

# %% [markdown] lang="en"
# Each line is one unit of $c$; these are the three that respond most to the marks. At the dotted
# steps they take something up. In between, some hold it and others drift: what the network does
# with its gates is up to the network, and nobody told it what they are for.
#
# ## The proof
#
# So much for what the network learns. Are the slopes right from which it learns, those of all gates
# and of the belt, over a hundred steps? That is for the three judges to say.

# %% [markdown] lang="es"
# Cada línea es una unidad de $c$; estas son las tres que más responden a las marcas. En los pasos
# punteados recogen algo. En los pasos intermedios, unas lo conservan y otras se van desviando: lo
# que la red hace con sus puertas es cosa suya, y nadie le dijo para qué sirven.
#
# ## La demostración
#
# Hasta aquí, lo que aprende la red. ¿Son correctas las pendientes de las que aprende, las de todas
# las puertas y la cinta, a lo largo de cien pasos? Eso lo dicen los tres jueces.

# %%
verdicts(verify("lstm", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. One step by hand.** $c_{t-1} = 2$, $f = 0.5$, $i = 1$, $g = -0.5$, $o = 1$. What is $h_t$?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. Un paso a mano.** $c_{t-1} = 2$, $f = 0.5$, $i = 1$, $g = -0.5$, $o = 1$. ¿Cuánto vale $h_t$?

# %%
h_t = None
check("1", h_t, np.tanh(0.5), rtol=1e-3)

# %% [markdown] lang="en" tags=["hint"]
# 1. The belt first: what is left of 2 when half is forgotten?
# 2. Then add $i\,g$.
# 3. The output gate is wide open, so $h_t = \tanh(c_t)$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Primero la cinta: ¿qué queda de 2 si se olvida la mitad?
# 2. Después suma $i\,g$.
# 3. La puerta de salida está abierta del todo, así que $h_t = \tanh(c_t)$.

# %% [markdown] lang="en" tags=["solution"]
# $c_t = 0.5 \cdot 2 + 1 \cdot (-0.5) = 0.5$, and the output gate is wide open.

# %% [markdown] lang="es" tags=["solution"]
# $c_t = 0.5 \cdot 2 + 1 \cdot (-0.5) = 0.5$, y la puerta de salida está abierta de par en par.

# %% tags=["solution"]
c_t = 0.5 * 2 + 1 * -0.5
h_t = 1 * np.tanh(c_t)
check("1", h_t, np.tanh(0.5), rtol=1e-3)

# %% [markdown] lang="en"
# **2. Half-life.** The forget gate is at 0.95 and nothing is added. After how many steps is less
# than half of the memory left?

# %% [markdown] lang="es"
# **2. Semivida.** La puerta de olvido está en 0.95 y no se añade nada. ¿Tras cuántos pasos queda
# menos de la mitad de la memoria?

# %%
half_life = None
check("2", half_life, next(k for k in range(1000) if 0.95**k < 0.5))

# %% [markdown] lang="en" tags=["hint"]
# 1. After $k$ steps $0.95^k$ is left.
# 2. Take logarithms of $0.95^k < 0.5$.
# 3. $k > \log(0.5)/\log(0.95)$; round up.

# %% [markdown] lang="es" tags=["hint"]
# 1. Tras $k$ pasos queda $0.95^k$.
# 2. Toma logaritmos en $0.95^k < 0.5$.
# 3. $k > \log(0.5)/\log(0.95)$; redondea hacia arriba.

# %% [markdown] lang="en" tags=["solution"]
# $0.95^k < 0.5$ means $k > \log(0.5) / \log(0.95) = 13.5$.

# %% [markdown] lang="es" tags=["solution"]
# $0.95^k < 0.5$ significa $k > \log(0.5) / \log(0.95) = 13.5$.

# %% tags=["solution"]
half_life = np.ceil(np.log(0.5) / np.log(0.95))
check("2", half_life, next(k for k in range(1000) if 0.95**k < 0.5))

# %% [markdown] lang="en"
# **3. Keep the gate open.** Which bias makes a forget gate 0.99 while its weights are still 0?

# %% [markdown] lang="es"
# **3. Mantén abierta la puerta.** ¿Qué sesgo pone una puerta de olvido en 0.99 cuando sus pesos aún
# son 0?

# %%
bias = None
check("3", None if bias is None else sigmoid(bias), 0.99, rtol=1e-3)

# %% [markdown] lang="en" tags=["hint"]
# 1. With all weights 0, the gate is $\sigma(b)$.
# 2. Solve $1/(1 + e^{-b}) = 0.99$ for $e^{-b}$.
# 3. $e^{-b} = 1/0.99 - 1 = 1/99$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Con todos los pesos a 0, la puerta vale $\sigma(b)$.
# 2. Despeja $e^{-b}$ de $1/(1 + e^{-b}) = 0.99$.
# 3. $e^{-b} = 1/0.99 - 1 = 1/99$.

# %% [markdown] lang="en" tags=["solution"]
# Invert $\sigma$: $b = \log(0.99 / 0.01) = \log 99 \approx 4.6$.

# %% [markdown] lang="es" tags=["solution"]
# Invierte $\sigma$: $b = \log(0.99 / 0.01) = \log 99 \approx 4.6$.

# %% tags=["solution"]
bias = np.log(99)
check("3", None if bias is None else sigmoid(bias), 0.99, rtol=1e-3)

# %% [markdown] lang="en"
# **4. Yesterday's gate.** Two steps on the belt, with the gates given as numbers. Write
# $\partial c_2 / \partial f_1$ without minigrad.

# %% [markdown] lang="es"
# **4. La puerta de ayer.** Dos pasos por la cinta, con las puertas dadas como números. Escribe
# $\partial c_2 / \partial f_1$ sin minigrad.


# %%
def c_2(f_1, f_2, c_0, added):
    c_1 = f_1 * c_0 + added[0]
    return f_2 * c_1 + added[1]


def slope(f_1, f_2, c_0, added):
    return None


numbers = (0.3, 0.8, -1.5, (0.2, 0.7))
check("4", slope(*numbers), mg.grad(c_2)(*numbers))

# %% [markdown] lang="en" tags=["hint"]
# 1. Which path leads from $c_2$ back to $f_1$?
# 2. One step back on the belt multiplies by $f_2$.
# 3. In $c_1 = f_1 c_0 + \dots$, the factor of $f_1$ is $c_0$.

# %% [markdown] lang="es" tags=["hint"]
# 1. ¿Qué camino lleva de $c_2$ de vuelta a $f_1$?
# 2. Un paso atrás en la cinta multiplica por $f_2$.
# 3. En $c_1 = f_1 c_0 + \dots$, el factor de $f_1$ es $c_0$.

# %% [markdown] lang="en" tags=["solution"]
# $\delta c_2 = 1$ goes back along the belt: $\delta c_1 = f_2$; and $\delta f_1 = \delta c_1\,c_0$.

# %% [markdown] lang="es" tags=["solution"]
# $\delta c_2 = 1$ vuelve por la cinta: $\delta c_1 = f_2$; y $\delta f_1 = \delta c_1\,c_0$.


# %% tags=["solution"]
def slope(f_1, f_2, c_0, added):
    return f_2 * c_0


check("4", slope(*numbers), mg.grad(c_2)(*numbers))

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. Why does the gradient survive on the belt $c$?**
#
# - [ ] The belt has no weights, so nothing happens to it :: The forget gate acts on it at every
#   step.
# - [x] Each step back multiplies by the forget gate, which can stay near 1 :: No matrix and no tanh
#   stand on the direct path, with the gates held fixed.
# - [ ] The output gate protects it :: It decides what is shown, not what is kept.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Por qué sobrevive el gradiente en la cinta $c$?**
#
# - [ ] La cinta no tiene pesos y no le pasa nada :: La puerta de olvido actúa sobre ella en cada
#   paso.
# - [x] Cada paso atrás multiplica por la puerta de olvido, que puede quedarse cerca de 1 :: En el
#   camino directo, con las puertas fijas, no hay matriz ni tanh.
# - [ ] La protege la puerta de salida :: Decide qué se muestra, no qué se guarda.

# %% [markdown] lang="en" tags=["quiz"]
# **2. $f = 1$ and $i = 0$. What does the cell do?**
#
# - [x] It keeps its memory as it is :: Nothing is forgotten and nothing is added.
# - [ ] It forgets everything :: That would be $f = 0$.
# - [ ] It counts the inputs :: To count it would have to let them in: $i = 1$.

# %% [markdown] lang="es" tags=["quiz"]
# **2. $f = 1$ e $i = 0$. ¿Qué hace la celda?**
#
# - [x] Deja su memoria como está :: No se olvida nada ni se añade nada.
# - [ ] Lo olvida todo :: Eso sería $f = 0$.
# - [ ] Cuenta las entradas :: Para contar tendría que dejarlas entrar: $i = 1$.

# %% [markdown] lang="en" tags=["quiz"]
# **3. In the notes' other vocabulary, what is the long-term memory?**
#
# - [ ] $h_t$ :: That is the short-term memory, STM: what the cell shows.
# - [x] $c_t$ :: LTM is the belt; the forget and remember gates act on it.
# - [ ] The weights :: They do not change while a sequence is read.

# %% [markdown] lang="es" tags=["quiz"]
# **3. En el otro vocabulario de los apuntes, ¿qué es la memoria a largo plazo?**
#
# - [ ] $h_t$ :: Esa es la memoria a corto plazo, STM: lo que la celda muestra.
# - [x] $c_t$ :: LTM es la cinta; sobre ella actúan las puertas de olvidar y recordar.
# - [ ] Los pesos :: No cambian mientras se lee una secuencia.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Why does the forget gate start with a positive bias?**
#
# - [x] So that the cell remembers before it has learned to :: With $\sigma(b)$ near 1 the gradient
#   reaches far back from the first update on.
# - [ ] To make training deterministic :: The seed does that.
# - [ ] So that it forgets faster :: A positive bias opens the gate, and open means kept.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿Por qué se empieza con un sesgo positivo en la puerta de olvido?**
#
# - [x] Para que la celda recuerde antes de haber aprendido a hacerlo :: Con $\sigma(b)$ cerca de 1,
#   el gradiente llega lejos desde la primera actualización.
# - [ ] Para que el entrenamiento sea determinista :: De eso se encarga la semilla.
# - [ ] Para que olvide más rápido :: Un sesgo positivo abre la puerta, y abierta significa
#   conservar.

# %% [markdown] lang="en" tags=["quiz"]
# **5. $\partial c_t/\partial c_{t-1}$ is $f_t$ with the gates held fixed. What does the whole
# derivative have in addition?**
#
# - [ ] Nothing :: The gates see $h_{t-1}$, and $h_{t-1}$ was made from $c_{t-1}$.
# - [x] The paths through $h_{t-1}$ and the gates :: They are the paths with matrices; this is why
#   the belt's gradient can grow again after many steps.
# - [ ] The loss of step $t$ :: That enters $\delta c_t$, not the derivative of the step.

# %% [markdown] lang="es" tags=["quiz"]
# **5. $\partial c_t/\partial c_{t-1}$ es $f_t$ con las puertas fijas. ¿Qué más tiene la derivada
# completa?**
#
# - [ ] Nada :: Las puertas ven $h_{t-1}$, y $h_{t-1}$ se hizo con $c_{t-1}$.
# - [x] Los caminos que pasan por $h_{t-1}$ y las puertas :: Son los caminos con matrices; por eso
#   el gradiente de la cinta puede volver a crecer tras muchos pasos.
# - [ ] La pérdida del paso $t$ :: Eso entra en $\delta c_t$, no en la derivada del paso.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `minigrad/nn/cells.py`: the LSTM in seven lines, beside the GRU.
# - S. Hochreiter and J. Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (1997), pages
#   1735–1780: the belt, still without a forget gate; section 5.4 has the adding problem.
# - F. A. Gers, J. Schmidhuber and F. Cummins, *Learning to Forget: Continual Prediction with LSTM*,
#   Neural Computation 12 (2000), pages 2451–2471: the forget gate.
# - R. Jozefowicz, W. Zaremba and I. Sutskever, *An Empirical Exploration of Recurrent Network
#   Architectures*, ICML 2015: what a forget bias of 1 does.
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning* (2016), section 10.10.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `minigrad/nn/cells.py`: la LSTM en siete líneas, junto a la GRU.
# - S. Hochreiter y J. Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (1997), páginas
#   1735–1780: la cinta, todavía sin puerta de olvido; el problema de la suma está en el apartado
#   5.4.
# - F. A. Gers, J. Schmidhuber y F. Cummins, *Learning to Forget: Continual Prediction with LSTM*,
#   Neural Computation 12 (2000), páginas 2451–2471: la puerta de olvido.
# - R. Jozefowicz, W. Zaremba e I. Sutskever, *An Empirical Exploration of Recurrent Network
#   Architectures*, ICML 2015: lo que hace un sesgo de olvido igual a 1.
# - I. Goodfellow, Y. Bengio y A. Courville, *Deep Learning* (2016), apartado 10.10.
