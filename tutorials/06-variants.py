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
# # Variants: are they all alike?
#
# The LSTM of chapter 5 is one cell among many. Some have more wires, some fewer gates, and each was
# published with a table in which it wins. **Which of them should you choose, and does it matter at
# all?**
#
# You will build three famous variants, see in their gradients what changes, let them compete with
# several seeds, and find one thing that some of them *cannot* do.

# %% [markdown] lang="es"
# # Variantes: ¿son todas iguales?
#
# La LSTM del capítulo 5 es una celda entre muchas. Unas tienen más cables, otras menos puertas, y
# cada una se publicó con una tabla en la que gana. **¿Cuál conviene elegir? ¿Acaso importa?**
#
# Vas a construir tres variantes famosas, a ver en sus gradientes qué cambia, a hacerlas competir
# con varias semillas y a encontrar algo que algunas *no pueden* hacer.

# %%
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import ttest_rel

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.symbolic import derive
from minigrad.targets import target_of
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify
from models.training import compiled_steps, train
from models.variants import Run, interval, score

SEED = 6
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: three ways to change a cell
#
# **More wires.** The LSTM's gates look at $x_t$ and $h_{t-1}$. But $h$ is only what the output gate
# lets out: if that gate is closed, the others cannot see the memory that they look after. A
# **peephole** lets them see $c$ itself.
#
# **One gate for two jobs.** Forgetting makes room, and learning fills it. The **coupled** gate does
# both: what is kept and what is added sum to 1.
#
# **No separate belt.** The **GRU** goes further. It couples the gates and drops the output gate,
# and then $c$ and $h$ are the same thing:
#
# $$h_t = (1 - z_t) \circ h_{t-1} + z_t \circ \tilde h_t$$
#
# The **update gate** $z_t$ says how much is renewed, by the candidate $\tilde h_t$. A second one,
# the **reset gate** $r_t$, says how much of the old state this candidate gets to see: it reads
# $r_t \circ h_{t-1}$ in place of $h_{t-1}$. Find both in the picture: $r$ comes before the box of
# $\tilde h$, $z$ and $1 - z$ after it.

# %% [markdown] lang="es"
# ## La idea: tres maneras de cambiar una celda
#
# **Más cables.** Las puertas de la LSTM miran $x_t$ y $h_{t-1}$. Pero $h$ es solo lo que deja salir
# la puerta de salida: si está cerrada, las demás no ven la memoria de la que se ocupan. Una
# **mirilla** (*peephole*) les enseña la propia $c$.
#
# **Una puerta para dos tareas.** Olvidar hace sitio y aprender lo llena. La puerta **acoplada**
# hace ambas cosas: lo que se conserva y lo que se añade suman 1.
#
# **Sin cinta propia.** La **GRU** va más lejos. Acopla las puertas, prescinde de la de salida, y
# entonces $c$ y $h$ son lo mismo:
#
# $$h_t = (1 - z_t) \circ h_{t-1} + z_t \circ \tilde h_t$$
#
# La **puerta de actualización** (*update*) $z_t$ dice cuánto se renueva con el candidato
# $\tilde h_t$. Una segunda, la **puerta de reinicio** (*reset*) $r_t$, dice cuánto del estado viejo
# llega a ver ese candidato: lee $r_t \circ h_{t-1}$ en lugar de $h_{t-1}$. Búscalas en el dibujo:
# $r$ está delante de la caja de $\tilde h$; $z$ y $1 - z$, detrás.

# %%
graph.draw("gru", steps=2)

# %% [markdown] lang="en"
# ## What the gradients say
#
# A peephole is a second path from one $c$ to the next: each gate adds to its sum $c_{t-1}$ times
# weights of its own, $p_f$ and $p_i$, one for each unit. Along the belt, with the gates held fixed
# (that is what the bar with the $c$ says), the factor is $f_t$ as before; but the whole derivative
# has one more term for each gate that looks at $c_{t-1}$. (That is why the first authors cut off
# the gradient there.)

# %% [markdown] lang="es"
# ## Lo que dicen los gradientes
#
# Una mirilla es un segundo camino de una $c$ a la siguiente: cada puerta añade a su suma la
# $c_{t-1}$ por unos pesos propios, $p_f$ y $p_i$, uno por unidad. A lo largo de la cinta, con las
# puertas fijas (eso es lo que dice la barra con la $c$), el factor sigue siendo $f_t$; pero la
# derivada completa tiene un término más por cada puerta que mira $c_{t-1}$. (Por eso los primeros
# autores cortaban ahí el gradiente).

# %%
peephole = derive("peephole-diagonal")
formulas(peephole, "f_t", "i_t")

# %%
formulas(peephole, "∂c_t/∂c_{t−1}|c", "∂c_t/∂c_{t−1}", within="What carries the gradient")

# %% [markdown] lang="en"
# The coupled gate learns from a *difference*: would the old memory have been better, or the new
# candidate? If the two are equal, it does not matter how far the gate is open.

# %% [markdown] lang="es"
# La puerta acoplada aprende de una *diferencia*: si habría sido mejor la memoria vieja o el
# candidato nuevo. Si los dos son iguales, da lo mismo cómo esté la puerta.

# %%
formulas(derive("coupled"), "c_t", "∂c_t/∂f_t", "δf_t")

# %% [markdown] lang="en"
# And in the GRU, $1 - z_t$ takes the place of the forget gate; again along the direct path, with
# the gates held fixed. ($s_t$ is what the reset gate lets the candidate see.)

# %% [markdown] lang="es"
# Y en la GRU, $1 - z_t$ ocupa el lugar de la puerta de olvido; también por el camino directo, con
# las puertas fijas. ($s_t$ es lo que la puerta de reinicio deja ver al candidato).

# %%
formulas(derive("gru"), "s_t", "a^h̃_t", "h̃_t", "h_t", "∂h_t/∂h_{t−1}|h")

# %% [markdown] lang="en"
# ## The code, from primitives
#
# A cell of your own is its equations and nothing else. Here are the three, in a few lines each;
# minigrad makes the weights from the names of the gates. A peephole is a single word: `c`, passed
# to a gate. (Here every gate sees all of $c$, through a matrix; the derivation above was of the
# economical form, in which each unit sees only its own.)

# %% [markdown] lang="es"
# ## El código, desde cero
#
# Una celda propia es sus ecuaciones y nada más. Aquí están las tres, en unas pocas líneas cada una;
# minigrad crea los pesos a partir de los nombres de las puertas. Una mirilla es una sola palabra:
# la `c` que se le da a una puerta. (Aquí cada puerta ve toda la $c$, a través de una matriz; lo
# deducido arriba era la forma económica, en la que cada unidad ve solo la suya).


# %%
class Peephole(nn.Cell):
    state = ("h", "c")
    gates = ("f", "i", "g", "o")

    def step(self, x, h, c):
        f = mg.sigmoid(self.f(c, h, x))
        i = mg.sigmoid(self.i(c, h, x))
        c = f * c + i * mg.tanh(self.g(h, x))
        return mg.sigmoid(self.o(c, h, x)) * mg.tanh(c), c  # o sees the new c || o ve la c nueva


class Coupled(nn.Cell):
    state = ("h", "c")
    gates = ("f", "g", "o")

    def step(self, x, h, c):
        f = mg.sigmoid(self.f(h, x))
        c = f * c + (1 - f) * mg.tanh(self.g(h, x))
        return mg.sigmoid(self.o(h, x)) * mg.tanh(c), c


class GRU(nn.Cell):
    state = ("h",)
    gates = ("z", "r", "h_tilde")

    def step(self, x, h):
        z = mg.sigmoid(self.z(h, x))  # how much is renewed || cuánto se renueva
        r = mg.sigmoid(self.r(h, x))  # how much of h it sees || cuánto ve de h
        h_tilde = mg.tanh(self.h_tilde(r * h, x))
        return (1 - z) * h + z * h_tilde


rng = np.random.default_rng(SEED)
film = rng.normal(size=(4, 20, 2))  # 4 sequences of 20 steps || 4 secuencias de 20 pasos
for ours, theirs in ((Peephole, nn.PeepholeLSTMCell), (Coupled, nn.CoupledLSTMCell),
                     (GRU, nn.GRUCell)):  # fmt: skip
    ours, theirs = (nn.Recurrent(2, 3, cell=cell, rng=SEED, dtype=np.float64)(film)[0].data
                    for cell in (ours, theirs))  # fmt: skip
    assert np.allclose(ours, theirs, rtol=1e-12)
print(text("all three do what minigrad's own do", "las tres hacen lo mismo que las de minigrad"))

# %% [markdown] lang="en"
# ## The study
#
# `models/variants.py` trains seven cells at several tasks. Here is a small run of it: five cells of
# 24 units at three tasks, 500 batches each, and **three seeds**, because one run says nothing.
#
# - *adding*: two marked numbers among twenty; give their mean (a number from 0 to 1) to within
#   0.04;
# - *copying*: three symbols out of eight, a blank, then repeat them;
# - *digits*: handwritten digits, read row by row.
#
# The score is the share of new examples that are answered wrongly.

# %% [markdown] lang="es"
# ## El estudio
#
# `models/variants.py` entrena siete celdas en varias tareas. Esta es una versión pequeña: cinco
# celdas de 24 unidades en tres tareas, con 500 lotes cada una y **tres semillas**, porque una sola
# ejecución no dice nada.
#
# - *adding*: dos números marcados entre veinte; hay que decir su media (como número de 0 a 1) con
#   un error de 0.04 como mucho;
# - *copying*: tres símbolos de ocho, un silencio, y a repetirlos;
# - *digits*: dígitos manuscritos, leídos fila a fila.
#
# La medida es la proporción de ejemplos nuevos que se contestan mal.

# %%
tasks = ("adding", "copying", "digits")
cells = ("rnn", "lstm", "peephole", "coupled", "gru")
runs = [Run(task, cell, seed, steps=500, hidden=24)
        for task in tasks for cell in cells for seed in range(3)]  # fmt: skip
with compiled_steps():  # each training step as one program || cada paso como un solo programa
    found = {run: score(run) for run in runs}
wrong = {(task, cell): [found[run] for run in runs if (run.task, run.cell) == (task, cell)]
         for task in tasks for cell in cells}  # fmt: skip
print(text("wrong, %, seed by seed", "mal, %, semilla a semilla"))
for cell in cells:
    row = [" ".join(f"{100 * w:5.1f}" for w in wrong[task, cell]) for task in tasks]
    print(f"{cell:<10}", "   ".join(row))

# %% [markdown] lang="en"
# Three runs give a mean, and an idea of how far to trust it: the interval in which it lies with a
# confidence of 95 % (Student's $t$). But overlapping intervals are not a test. All cells had the
# same seeds, so look at the *differences* between two cells, seed by seed: is their mean 0, up to
# chance? And if you compare six pairs, you must ask six times as much of each, or chance alone will
# find a winner.

# %% [markdown] lang="es"
# Con tres ejecuciones se obtiene una media y una idea de cuánto fiarse de ella: el intervalo en el
# que está con una confianza del 95 % (la $t$ de Student). Pero que dos intervalos se solapen no es
# una prueba. Todas las celdas tuvieron las mismas semillas, así que mira las *diferencias* entre
# dos celdas, semilla a semilla: ¿es su media 0, salvo azar? Y si comparas seis parejas, debes
# exigir seis veces más a cada una; si no, el azar por sí solo encontrará una ganadora.

# %% tags=["plot"]
titles = {"adding": text("adding", "sumar"), "copying": text("copying", "copiar"),
          "digits": text("digits", "dígitos")}  # fmt: skip
figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for panel, task in zip(axes, tasks, strict=True):
    for cell in cells:
        mean, low, high = (100 * value for value in interval(wrong[task, cell]))
        panel.plot([low, high], [cell] * 2, color="0.75", lw=6, solid_capstyle="butt")
        panel.plot(100 * np.array(wrong[task, cell]), [cell] * 3, "o", color="0.35", ms=4)
        panel.plot(mean, cell, "|", color="C3", ms=14, mew=2)
    panel.set(title=titles[task], xlabel=text("wrong, %", "mal, %"), xlim=(-3, 103))
axes[0].invert_yaxis()
plt.show()

# %%
best = {task: [min(cells, key=lambda cell: wrong[task, cell][seed]) for seed in range(3)]
        for task in tasks}  # fmt: skip
for task, winners in best.items():
    print(f"{task:<8}", text("best, seed by seed:", "la mejor, semilla a semilla:"), *winners)


def told_apart(task, some):
    """The pairs of cells whose differences, seed by seed, are more than chance.

    || Las parejas de celdas cuyas diferencias, semilla a semilla, son más que azar.
    """
    pairs = list(combinations(some, 2))
    chance = [ttest_rel(wrong[task, one], wrong[task, other]).pvalue for one, other in pairs]
    return [pair for pair, p in zip(pairs, chance, strict=True) if p < 0.05 / len(pairs)]


gated = cells[1:]
assert min(wrong["adding", "rnn"]) > 0.8
assert max(max(wrong["adding", cell]) for cell in gated) < 0.4
assert len(set(best["adding"])) > 1 and len(set(best["digits"])) > 1
assert set(best["copying"]) == {"rnn"}
assert not any(told_apart(task, gated) for task in tasks)
assert not told_apart("digits", cells)
assert ("rnn", "lstm") in told_apart("adding", cells)

# %% [markdown] lang="en"
# - *Adding*: the simple network fails, and every cell with gates learns. Which gates? No two of
#   these cells differ by more than chance, and another seed has another winner.
# - *Copying*: the other way round. The simple network is ahead with every seed. (Not forever: after
#   500 batches the others have hardly begun, and
#   `python -m models.variants --task copying --steps 2500` shows them catching up. Here you see
#   which cells are *quick*.)
# - *Digits*: no two cells differ by more than chance.
#
# So gates matter for some tasks, and with *one* task and *one* seed you can prove anything. Is
# there no difference, then, that lasts?
#
# ## Something that a GRU cannot do
#
# Look at $h_t = (1 - z_t) \circ h_{t-1} + z_t \circ \tilde h_t$ once more. It is a weighted mean of
# $h_{t-1}$ and $\tilde h_t = \tanh(\dots)$. A mean lies between the two; so whatever the weights
# and inputs, **no entry of $h$ ever leaves $[-1, 1]$**. The coupled $c$ is bounded in the same way.
# The LSTM's belt $f \circ c + i \circ g$ is not: with both gates open, each step adds up to 1 to
# it. It can *count*.

# %% [markdown] lang="es"
# - *Adding*: la red sencilla fracasa y todas las celdas con puertas aprenden. ¿Qué puertas?
#   Ninguna pareja difiere más que por azar, y con otra semilla gana otra.
# - *Copying*: al revés. La red sencilla va por delante con todas las semillas. (No para siempre:
#   tras 500 lotes, las demás apenas han empezado, y
#   `python -m models.variants --task copying --steps 2500` enseña cómo la alcanzan. Lo que ves aquí
#   es quién es *rápida*).
# - *Digits*: ninguna pareja de celdas difiere más que por azar.
#
# Así que las puertas importan en algunas tareas, y con *una* tarea y *una* semilla se demuestra lo
# que se quiera. ¿No hay entonces ninguna diferencia que perdure?
#
# ## Algo que una GRU no puede hacer
#
# Mira otra vez $h_t = (1 - z_t) \circ h_{t-1} + z_t \circ \tilde h_t$. Es una media ponderada de
# $h_{t-1}$ y $\tilde h_t = \tanh(\dots)$. Una media queda entre los dos; así que, sean cuales sean
# los pesos y las entradas, **ningún elemento de $h$ sale jamás de $[-1, 1]$**. La $c$ acoplada está
# acotada igual. La cinta de la LSTM, $f \circ c + i \circ g$, no lo está: con ambas puertas
# abiertas, cada paso puede sumarle hasta 1. Puede *contar*.

# %%
most = {}
for kind, of in ((nn.GRUCell, "h"), (Coupled, "c"), (nn.LSTMCell, "c")):
    cell = kind(1, 1, rng=SEED)
    for gate in set(cell.gates) - ({"f"} if kind is Coupled else set()):
        getattr(cell, gate).bias.data[:] = (
            9  # wide open, except the coupled gate || abiertas, salvo la acoplada
        )
    memory = cell.state.index(of)
    state, reached = None, []
    with mg.no_grad():
        for _ in range(10):
            state = cell(np.ones((1, 1), np.float32), state)
            values = state if isinstance(state, tuple) else (state,)
            reached.append(values[memory].item())
    most[kind] = reached[-1]
    print(f"{kind.__name__:<9}", " ".join(f"{value:5.2f}" for value in reached))
assert most[nn.GRUCell] <= 1 and most[Coupled] <= 1 and most[nn.LSTMCell] > 9

# %% [markdown] lang="en"
# Does it matter? A walker goes uphill for a while, one metre per step, and then downhill. At each
# step, the network must say whether the walker is still above the valley. The hills that it learns
# from are 1 to 10 metres high. Then it is tested on a hill of **40**.

# %% [markdown] lang="es"
# ¿Importa? Un caminante sube un rato, un metro por paso; después baja. En cada paso, la red debe
# decir si sigue por encima del valle. Las colinas con las que aprende la red miden entre 1 y 10
# metros. Luego se la prueba en una de **40**.


# %%
def hills(tops, steps):
    """Steps of +1 up to the top and −1 after it; and whether one is above the valley.

    || Pasos de +1 hasta la cima y de −1 después; y si se está por encima del valle.
    """
    way = np.where(np.arange(steps) < tops[:, None], 1, -1).astype(np.float32)
    return way[..., None], (np.cumsum(way, axis=1) > 0).astype(np.float32)


def count(cell, seed):
    """After how many steps down it says that the valley is there, for each height.

    || Tras cuántos pasos de bajada dice que ya está en el valle, para cada altura.
    """
    net = nn.Recurrent(1, 8, output_size=1, cell=cell, rng=seed)
    for gate, keeping in (("f", 1), ("z", -1)):  # most is kept || se conserva casi todo
        if gate in cell.gates:
            bias = getattr(net.cell, gate).bias
            bias.data = bias.data + np.float32(keeping)
    rng = np.random.default_rng(seed)

    def loss(step):
        way, above = hills(rng.integers(1, 11, 32), 24)
        return nn.binary_cross_entropy_with_logits(net(way)[0][..., 0], above)

    optimizer = optim.Adam(net.parameters())
    # smaller and smaller steps; gradients longer than 1 are clipped, as in chapter 4
    # || pasos cada vez menores; los gradientes mayores que 1 se recortan, como en el capítulo 4
    train(net, optimizer, loss, steps=300, schedule=optim.cosine(0.02, 300), max_norm=1.0)
    said = []
    for top in heights:
        with mg.no_grad():
            y = net(hills(np.array([top]), 3 * top)[0])[0].data[0, top:, 0]
        said.append(int(np.argmax(y < 0)) + 1)
    return said


heights = [5, 10, 15, 20, 30, 40]
counters = {"LSTM 1997": nn.NoForgetLSTMCell, "LSTM": nn.LSTMCell, "coupled": Coupled, "GRU": GRU}
valleys = {name: [count(cell, seed) for seed in range(3)] for name, cell in counters.items()}
print(f"{text('height', 'altura'):<10}", heights)
for name, runs in valleys.items():
    print(f"{name:<10}", runs[0])
for runs in valleys.values():  # as in training, all are right || como al entrenar, todas aciertan
    assert all(abs(run[0] - 5) <= 1 and abs(run[1] - 10) <= 1 for run in runs)
last = {name: [run[-1] for run in runs] for name, runs in valleys.items()}
assert min(last["LSTM 1997"]) > 30 and max(last["coupled"] + last["GRU"]) < 25
assert max(last["LSTM"]) < 30

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes.plot(heights, heights, color="0.8", lw=5, label=text("right", "correcto"))
for (name, runs), colour in zip(valleys.items(), ("C0", "C1", "C2", "C3"), strict=True):
    axes.plot(heights, np.mean(runs, axis=0), "o-", color=colour, label=name)
axes.axvspan(1, 10, color="0.93", zorder=0)
axes.set(xlabel=text("height of the hill (grey: as in training)",
                     "altura de la colina (gris: como al entrenar)"),
         ylabel=text("steps down until “valley”", "pasos de bajada hasta «valle»"))  # fmt: skip
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# **What if the gate kept a little more?** Here the five cells are without training, one unit each,
# with their gates in your hands. Raise the hill, then let the cells keep everything ($f = 1$).

# %% [markdown] lang="es"
# **¿Y si la puerta conservara un poco más?** Aquí tienes las cinco celdas sin entrenar, de una sola
# unidad y con las puertas en tus manos. Sube la colina; luego haz que lo conserven todo ($f = 1$).

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
way = np.repeat([1.0, -1.0], 12)
for keep, label in ((1.0, "LSTM, f = 1"), (0.95, "LSTM, f = 0.95")):
    memory = [0.0]
    for x in way:
        memory.append(keep * memory[-1] + np.tanh(0.5 * x))
    axes.plot(memory, label=label)
axes.set(xlabel=text("step", "paso"), ylabel="c")
axes.legend(frameon=False)
plt.show()
live("hill")

# %% [markdown] lang="en"
# This difference is real, and it is there with every seed. The oldest cell of all, the LSTM of 1997
# that **cannot forget**, counts far beyond what it has seen; the LSTM with a forget gate *could* do
# so, as you have just seen, but it has learned to leak, and gets only a little further than the
# last two. The GRU and the coupled cell think that they have arrived long before the valley, and
# they have no choice: a memory that can hold only numbers between −1 and 1 has little room for 40.
#
# ## The honest answer
#
# - Gates matter where something must be kept among many other things: without any, adding was not
#   learned.
# - *Which* gates, mostly does not matter: on three tasks our seeds could not tell them apart, and a
#   single seed would have made a convincing table. So they are mostly alike, except where a task
#   needs something that a cell cannot do.
# - Large studies found the same. Greff and others trained eight variants of the LSTM in 5400 runs:
#   none was significantly better than the plain one; the parts it cannot do without are the forget
#   gate and the tanh before the output. Jozefowicz and others tried ten thousand cells made by
#   mutation; those that beat the LSTM on some tasks did not beat it on all.
# - So take an LSTM or a GRU, spend your time on the data and the learning rate, and choose by a
#   property that your task needs (counting, say), not by a table.
#
# ## The proof
#
# A cell that you wrote a minute ago is judged just like the built-in ones.

# %% [markdown] lang="es"
# Esta diferencia sí es real, y aparece con todas las semillas. La celda más vieja de todas, la
# LSTM de 1997, que **no sabe olvidar**, cuenta mucho más allá de lo que ha visto; la LSTM con
# puerta de olvido *podría*, como acabas de ver, pero ha aprendido a olvidar un poco en cada paso,
# y apenas llega más lejos que las dos últimas. La GRU y la acoplada creen mucho antes de llegar
# que ya han llegado, y para ellas no hay otro camino: en una memoria que solo admite números entre
# −1 y 1 hay poco sitio para un 40.
#
# ## La respuesta honesta
#
# - Las puertas importan cuando hay que conservar algo entre mucho más: sin ellas no se aprendió a
#   sumar.
# - *Qué* puertas, casi siempre da igual: en tres tareas nuestras semillas no supieron
#   distinguirlas, y con una sola semilla habría salido una tabla convincente. Casi iguales, pues;
#   menos cuando la tarea pide algo que una celda no puede hacer.
# - Los estudios grandes hallaron lo mismo. Greff y otros entrenaron ocho variantes de la LSTM en
#   5400 ejecuciones: ninguna fue significativamente mejor que la normal; lo que no puede faltar son
#   la puerta de olvido y la tanh antes de la salida. Jozefowicz y otros probaron diez mil celdas
#   obtenidas por mutación; las que ganaban a la LSTM en unas tareas no lo hacían en todas.
# - Así que elige LSTM o GRU, dedica tu tiempo a los datos y a la tasa de aprendizaje, y decide por
#   una propiedad que tu tarea necesite (contar, por ejemplo), no por una tabla.
#
# ## La demostración
#
# Una celda escrita hace un minuto se juzga igual que las que trae minigrad.

# %%
verdicts(verify(target_of(Coupled, "Coupled"), seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. One step of a GRU.** $h_{t-1} = 0.8$, $z = 0.25$, $\tilde h = -0.4$. What is $h_t$?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. Un paso de una GRU.** $h_{t-1} = 0.8$, $z = 0.25$, $\tilde h = -0.4$. ¿Cuánto vale $h_t$?

# %%
h_t = None
check("1", h_t, 0.5)

# %% [markdown] lang="en" tags=["hint"]
# 1. $h_t = (1 - z)\,h_{t-1} + z\,\tilde h$.
# 2. A quarter is new, so three quarters are old.
# 3. $0.75 \cdot 0.8 + 0.25 \cdot (-0.4)$.

# %% [markdown] lang="es" tags=["hint"]
# 1. $h_t = (1 - z)\,h_{t-1} + z\,\tilde h$.
# 2. Un cuarto es nuevo; tres cuartos, viejos.
# 3. $0.75 \cdot 0.8 + 0.25 \cdot (-0.4)$.

# %% [markdown] lang="en" tags=["solution"]
# Three quarters of the old and one quarter of the new: $0.75 \cdot 0.8 - 0.25 \cdot 0.4 = 0.5$.

# %% [markdown] lang="es" tags=["solution"]
# Tres cuartos de lo viejo y uno de lo nuevo: $0.75 \cdot 0.8 - 0.25 \cdot 0.4 = 0.5$.

# %% tags=["solution"]
h_t = 0.75 * 0.8 + 0.25 * -0.4
check("1", h_t, 0.5)

# %% [markdown] lang="en"
# **2. Count the weights.** Each gate of width $n$ has a matrix over $[h, x]$ and a bias. How many
# parameters do an LSTM and a GRU have with 10 inputs and 20 units?

# %% [markdown] lang="es"
# **2. Cuenta los pesos.** Cada puerta de anchura $n$ tiene una matriz sobre $[h, x]$ y un sesgo.
# ¿Cuántos parámetros tienen una LSTM y una GRU con 10 entradas y 20 unidades?

# %%
sizes = None  # (LSTM, GRU)
made = [cell(10, 20) for cell in (nn.LSTMCell, nn.GRUCell)]
check("2", sizes, [sum(p.size for p in cell.parameters()) for cell in made])

# %% [markdown] lang="en" tags=["hint"]
# 1. How wide is $[h, x]$, and how many numbers does a gate make?
# 2. One gate: $20 \cdot (20 + 10)$ weights and 20 biases.
# 3. An LSTM has four such maps (three gates and the candidate), a GRU three.

# %% [markdown] lang="es" tags=["hint"]
# 1. ¿Qué ancho tiene $[h, x]$ y cuántos números produce una puerta?
# 2. Una puerta: $20 \cdot (20 + 10)$ pesos y 20 sesgos.
# 3. Una LSTM tiene cuatro aplicaciones así (tres puertas y el candidato); una GRU, tres.

# %% [markdown] lang="en" tags=["solution"]
# A gate has $20 \cdot (20 + 10) + 20 = 620$; the LSTM has four gates (with the candidate), the GRU
# three.

# %% [markdown] lang="es" tags=["solution"]
# Una puerta tiene $20 \cdot (20 + 10) + 20 = 620$; la LSTM tiene cuatro (con el candidato) y la
# GRU, tres.

# %% tags=["solution"]
sizes = 4 * 620, 3 * 620
check("2", sizes, [sum(p.size for p in cell.parameters()) for cell in made])

# %% [markdown] lang="en"
# **3. The gate's lesson.** In a GRU, how does $h_t$ change with $z_t$? Write
# $\partial h_t / \partial z_t$ from $h_{t-1}$, $z_t$ and $\tilde h_t$, without minigrad.

# %% [markdown] lang="es"
# **3. De qué aprende la puerta.** En una GRU, ¿cómo cambia $h_t$ con $z_t$? Escribe
# $\partial h_t / \partial z_t$ a partir de $h_{t-1}$, $z_t$ y $\tilde h_t$, sin minigrad.


# %%
def slope(h, z, h_tilde):
    return None


point = (0.8, 0.25, -0.4)
right = mg.grad(lambda z: (1 - z) * point[0] + z * point[2])(point[1])
check("3", slope(*point), right)

# %% [markdown] lang="en" tags=["hint"]
# 1. Only $z$ varies; take $h$ and $\tilde h$ as numbers.
# 2. $(1 - z)\,h$ gives $-h$.
# 3. $z\,\tilde h$ gives $\tilde h$; add the two.

# %% [markdown] lang="es" tags=["hint"]
# 1. Solo varía $z$; toma $h$ y $\tilde h$ como números.
# 2. $(1 - z)\,h$ da $-h$.
# 3. $z\,\tilde h$ da $\tilde h$; suma las dos.

# %% [markdown] lang="en" tags=["solution"]
# $\tilde h_t - h_{t-1}$: the gate learns from the difference of new and old, like the coupled one.

# %% [markdown] lang="es" tags=["solution"]
# $\tilde h_t - h_{t-1}$: la puerta aprende de la diferencia entre lo nuevo y lo viejo, igual que la
# acoplada.


# %% tags=["solution"]
def slope(h, z, h_tilde):
    return h_tilde - h


check("3", slope(*point), right)

# %% [markdown] lang="en"
# **4. A counter by hand.** An LSTM without a forget gate ($c_t = c_{t-1} + i_t\,g_t$) reads +1 or
# −1 with its input gate open ($i_t = 1$). Choose the candidate's weight $w$ in $g_t =
# \tanh(w\,x_t)$ so that $c$ grows by 0.5 per step uphill. (The check climbs 40 steps.)

# %% [markdown] lang="es"
# **4. Un contador a mano.** Para una LSTM sin puerta de olvido ($c_t = c_{t-1} + i_t\,g_t$), con
# entrada +1 o −1 y la puerta de entrada abierta ($i_t = 1$), elige el peso $w$ del candidato, $g_t
# = \tanh(w\,x_t)$, de modo que $c$ crezca 0.5 por paso cuesta arriba. (La comprobación sube
# 40 pasos).

# %%
w = None
check("4", None if w is None else 40 * np.tanh(w), 20.0, rtol=1e-3)

# %% [markdown] lang="en" tags=["hint"]
# 1. Each step uphill adds $i_t\,g_t = \tanh(w)$.
# 2. Solve $\tanh(w) = 0.5$.
# 3. NumPy's inverse of tanh is `np.arctanh`.

# %% [markdown] lang="es" tags=["hint"]
# 1. Cada paso cuesta arriba suma $i_t\,g_t = \tanh(w)$.
# 2. Resuelve $\tanh(w) = 0.5$.
# 3. La inversa de tanh en NumPy es `np.arctanh`.

# %% [markdown] lang="en" tags=["solution"]
# $\tanh(w) = 0.5$, so $w = \operatorname{artanh}(0.5) \approx 0.549$; after 40 steps $c = 20$.

# %% [markdown] lang="es" tags=["solution"]
# $\tanh(w) = 0.5$, luego $w = \operatorname{artanh}(0.5) \approx 0.549$; tras 40 pasos, $c = 20$.

# %% tags=["solution"]
w = np.arctanh(0.5)
check("4", None if w is None else 40 * np.tanh(w), 20.0, rtol=1e-3)

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. What does a GRU leave out?**
#
# - [x] The second state: its $h$ is both memory and output :: One belt, and one gate that decides
#   between old and new.
# - [ ] The tanh :: The candidate still has one.
# - [ ] All gates :: It has two, z and r.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Qué le falta a una GRU?**
#
# - [x] El segundo estado: su $h$ es memoria y salida a la vez :: Una sola cinta, y una puerta que
#   decide entre lo viejo y lo nuevo.
# - [ ] La tanh :: El candidato la sigue teniendo.
# - [ ] Todas las puertas :: Tiene dos, z y r.

# %% [markdown] lang="en" tags=["quiz"]
# **2. What do peepholes let the gates see?**
#
# - [ ] The next input :: Nothing sees the future here.
# - [x] The belt $c$ itself :: Without them the gates see only $h$, which the output gate may have
#   closed.
# - [ ] The loss :: No gate sees the loss.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Qué dejan ver las mirillas a las puertas?**
#
# - [ ] La entrada siguiente :: Aquí nada ve el futuro.
# - [x] La propia cinta $c$ :: Sin ellas, las puertas solo ven $h$, que la puerta de salida puede
#   haber cerrado.
# - [ ] La pérdida :: Ninguna puerta ve la pérdida.

# %% [markdown] lang="en" tags=["quiz"]
# **3. Coupled gates: $i = 1 - f$. What can such a cell no longer do?**
#
# - [x] Keep all of the old and add the new in full :: A counter needs $f = i = 1$. What it keeps
#   and what it learns add up to 1.
# - [ ] Forget :: $f = 0$ forgets all and takes the new.
# - [ ] Remember :: $f = 1$ keeps all and takes nothing.

# %% [markdown] lang="es" tags=["quiz"]
# **3. Puertas acopladas: $i = 1 - f$. ¿Qué ya no puede hacer esa celda?**
#
# - [x] Conservar todo lo viejo y añadir lo nuevo entero :: Un contador necesita $f = i = 1$. Lo que
#   conserva y lo que aprende suman 1.
# - [ ] Olvidar :: $f = 0$ lo olvida todo y toma lo nuevo.
# - [ ] Recordar :: $f = 1$ lo conserva todo y no toma nada.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Two cells' 95 % intervals overlap. Are they equally good?**
#
# - [ ] Yes :: Intervals that overlap do not show that there is no difference.
# - [x] You cannot tell: look at the differences, seed by seed :: With the same seeds for both, the
#   interval of the differences is the test.
# - [ ] No :: They may or may not be; the overlap decides nothing.

# %% [markdown] lang="es" tags=["quiz"]
# **4. Los intervalos del 95 % de dos celdas se solapan. ¿Son igual de buenas?**
#
# - [ ] Sí :: Que los intervalos se solapen no demuestra que no haya diferencia.
# - [x] No se sabe: mira las diferencias semilla a semilla :: Con las mismas semillas para ambas, la
#   prueba es el intervalo de las diferencias.
# - [ ] No :: Puede que sí o que no; el solapamiento no decide nada.

# %% [markdown] lang="en" tags=["quiz"]
# **5. "All variants give similar results." On which task is this false in this chapter?**
#
# - [ ] On none :: Look at the counting again.
# - [x] On counting beyond the lengths seen :: A state that tanh keeps within ±1 cannot count on; a
#   belt can.
# - [ ] On all :: On the others, no two cells with gates could be told apart.

# %% [markdown] lang="es" tags=["quiz"]
# **5. «Todas las variantes dan resultados parecidos». ¿En qué tarea es falso en este capítulo?**
#
# - [ ] En ninguna :: Mira otra vez la de contar.
# - [x] Al contar más allá de las longitudes vistas :: Un estado que tanh encierra entre ±1 no puede
#   seguir contando; una cinta, sí.
# - [ ] En todas :: En las demás no se distinguieron unas celdas con puertas de otras.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `minigrad/nn/cells.py`: these cells and others, a few lines each.
# - F. A. Gers and J. Schmidhuber, *Recurrent Nets that Time and Count*, IJCNN 2000: peepholes.
# - K. Cho and others, *Learning Phrase Representations using RNN Encoder–Decoder*, EMNLP 2014: the
#   GRU.
# - K. Greff and others, *LSTM: A Search Space Odyssey*, IEEE TNNLS 28 (2017): the large study.
# - R. Jozefowicz, W. Zaremba and I. Sutskever, *An Empirical Exploration of Recurrent Network
#   Architectures*, ICML 2015.
# - G. Weiss, Y. Goldberg and E. Yahav, *On the Practical Computational Power of Finite Precision
#   RNNs for Language Recognition*, ACL 2018: who can count.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `minigrad/nn/cells.py`: estas celdas y otras, en unas pocas líneas cada una.
# - F. A. Gers y J. Schmidhuber, *Recurrent Nets that Time and Count*, IJCNN 2000: las mirillas.
# - K. Cho y otros, *Learning Phrase Representations using RNN Encoder–Decoder*, EMNLP 2014: la GRU.
# - K. Greff y otros, *LSTM: A Search Space Odyssey*, IEEE TNNLS 28 (2017): el estudio grande.
# - R. Jozefowicz, W. Zaremba e I. Sutskever, *An Empirical Exploration of Recurrent Network
#   Architectures*, ICML 2015.
# - G. Weiss, Y. Goldberg y E. Yahav, *On the Practical Computational Power of Finite Precision RNNs
#   for Language Recognition*, ACL 2018: quién puede contar.
