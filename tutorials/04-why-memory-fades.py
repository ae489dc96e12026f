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
# # Why memory fades
#
# A recurrent network can pass its state on for ever: nothing in its equations says that it must
# forget. Yet train one for a while to remember the first thing that it saw, and it manages ten
# steps but not twenty. **Why does a network that could remember fail to learn it?**
#
# The culprit is a product. You will derive it, measure it, watch it shrink to nothing or grow
# beyond all bounds, cure the growth with one line, and see why the shrinking needs another kind of
# cell.

# %% [markdown] lang="es"
# # Por qué se desvanece la memoria
#
# Una red recurrente se pasa su estado a sí misma para siempre: nada en sus ecuaciones dice que
# tenga que olvidar. Y, sin embargo, si la entrenas un rato para recordar lo primero que vio,
# aguanta diez pasos, pero no veinte. **¿Por qué una red que podría recordar no consigue
# aprenderlo?**
#
# La culpa es de un producto. Vas a deducirlo, a medirlo y a verlo encoger hasta la nada o crecer
# sin freno; lo segundo lo remediarás con una línea, y verás por qué lo primero pide otra clase de
# celda.

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify

SEED = 4
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)

# %% [markdown] lang="en"
# ## The idea: a product of many factors
#
# Strip the network to the bare minimum: one unit, no input, no tanh. All it does is multiply its
# state by the same weight, again and again. This is what minigrad recorded over four steps:

# %% [markdown] lang="es"
# ## La idea: un producto de muchos factores
#
# Dejemos la red en los huesos: una unidad, sin entradas, sin tanh. Lo único que hace es multiplicar
# su estado por el mismo peso, una y otra vez. Esto es lo que minigrad registró en cuatro pasos:

# %%
w = mg.Tensor(0.9, requires_grad=True, name="w")
h = mg.Tensor(1.0, requires_grad=True, name="h₀")
for t in range(1, 5):
    h = h * w
    h.name = f"h{'₀₁₂₃₄'[t]}"
graph.draw(h, title="h₄ = h₀·w⁴")

# %% [markdown] lang="en"
# In the backward pass, each box multiplies by $w$. So after $T$ steps
#
# $$\frac{\partial h_T}{\partial h_0} = w^T,$$
#
# and powers are ruthless. What becomes of a hundred steps with a weight of 0.9, and with one of
# 1.1?

# %% [markdown] lang="es"
# En la pasada hacia atrás, cada caja multiplica por $w$. Así que, tras $T$ pasos,
#
# $$\frac{\partial h_T}{\partial h_0} = w^T,$$
#
# y las potencias no perdonan. ¿Qué pasa tras cien pasos con un peso de 0.9, y con uno de 1.1?

# %%
for weight in (0.9, 1.0, 1.1):
    print(f"{weight}¹⁰⁰ = {weight**100:.6g}")
assert 0.9**100 < 3e-5 and 1.1**100 > 13_000

# %% [markdown] lang="en"
# One is a whisper of less than three hundred-thousandths, the other a shout of almost fourteen
# thousand. Only a weight of exactly 1 carries a message unchanged. Keep that in mind: the next
# chapter is built on it.
#
# ## The equations
#
# With the tanh, the backward pass of chapter 3 was

# %% [markdown] lang="es"
# Uno es un susurro de menos de tres cienmilésimas; el otro, un grito de casi catorce mil. Solo un
# peso de exactamente 1 lleva el mensaje intacto. Recuérdalo: el próximo capítulo se construye sobre
# eso.
#
# ## Las ecuaciones
#
# Con la tanh, la pasada hacia atrás del capítulo 3 era

# %%
formulas(derive("rnn"), "δh_t", "δa_t")

# %% [markdown] lang="en"
# Here $W^h_a$ is $W_h$. Insert one line into the other, and leave out what the losses on the way
# contribute: each step back multiplies by one matrix, the Jacobian of the step,
#
# $$J_t = \frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2)\,W_h
#   \qquad\qquad \delta h_{0} = J_1^{\top} J_2^{\top} \cdots J_T^{\top}\,\delta h_T .$$
#
# ($\operatorname{diag}$ is the matrix with these numbers on its diagonal.) For one unit, SymPy can
# write the whole product. Three steps:

# %% [markdown] lang="es"
# Aquí $W^h_a$ es $W_h$. Sustituye una línea en la otra y omite lo que aportan las pérdidas del
# camino: cada paso atrás multiplica por una matriz, la jacobiana del paso,
#
# $$J_t = \frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2)\,W_h
#   \qquad\qquad \delta h_{0} = J_1^{\top} J_2^{\top} \cdots J_T^{\top}\,\delta h_T .$$
#
# ($\operatorname{diag}$ es la matriz con esos números en la diagonal). Para una sola unidad, SymPy
# puede escribir el producto entero. Tres pasos:

# %%
weight, start, *xs = sympy.symbols("w h_0 x_1 x_2 x_3", real=True)
states = [start]
for x in xs:
    states.append(sympy.tanh(weight * states[-1] + x))

product = sympy.diff(states[3], start)
for t in (3, 2, 1):  # write h_3, h_2, h_1 where they occur || escribir h_3, h_2, h_1 en su lugar
    product = product.subs(states[t], sympy.Symbol(f"h_{t}"))
assert product.as_powers_dict()[weight] == 3
sympy.factor_terms(product)

# %% [markdown] lang="en"
# Two forces are at work. The weight pulls the product up or down; the tanh only ever pulls it
# *down*, because $1 - h^2$ is never more than 1, and close to 0 where the unit is saturated. In
# many dimensions the role of $w$ is played by the largest factor by which $W_h$ stretches a vector.
#
# ## The code, from primitives
#
# We build $W_h$ as a rotation times a number $r$, so that it stretches *every* vector by $r$, run
# the network on noise, and multiply the Jacobians as we go.

# %% [markdown] lang="es"
# Hay dos fuerzas. El peso tira del producto hacia arriba o hacia abajo; la tanh tira siempre hacia
# *abajo*, porque $1 - h^2$ nunca pasa de 1 y anda cerca de 0 cuando la unidad está saturada. En
# muchas dimensiones, el papel de $w$ lo hace el mayor factor por el que $W_h$ estira un vector.
#
# ## El código, desde cero
#
# Construimos $W_h$ como una rotación por un número $r$, para que estire *todos* los vectores por
# $r$; hacemos pasar ruido por la red y vamos multiplicando las jacobianas.

# %%
HIDDEN, STEPS = 16, 100
rotation, _ = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))
noise = rng.normal(0, 0.2, (STEPS, HIDDEN))


def step(W, h, x):
    return np.tanh(W @ h + x)


def jacobians(W):
    """∂h_t/∂h_0 for t = 1 … STEPS. || ∂h_t/∂h_0 para t = 1 … STEPS."""
    h, product, found = np.zeros(HIDDEN), np.eye(HIDDEN), []
    for x in noise:
        h = step(W, h, x)
        product = (1 - h * h)[:, None] * W @ product
        found.append(product)
    return found


def ten_steps(h):
    for x in noise[:10]:
        h = step(rotation, h, x)
    return h


ours, by_tape = jacobians(rotation)[9], mg.jacobian(ten_steps)(np.zeros(HIDDEN))
assert np.allclose(ours, by_tape, rtol=1e-12, atol=1e-14)
print(text("ten steps: our product is minigrad's Jacobian",
           "diez pasos: nuestro producto es la jacobiana de minigrad"))  # fmt: skip

# %% [markdown] lang="en"
# ## The experiment: gradients against distance
#
# We take five values of $r$, a hundred steps, and the size of the product: the largest factor by
# which it can stretch a gradient on its way back. The table shows it after 10, 30 and 100 steps.

# %% [markdown] lang="es"
# ## El experimento: gradientes según la distancia
#
# Tomamos cinco valores de $r$, cien pasos y el tamaño del producto: el mayor factor por el que
# puede estirar un gradiente en su camino hacia atrás. La tabla lo da tras 10, 30 y 100 pasos.

# %%
radii = (0.5, 0.9, 1.0, 1.2, 1.6)
sizes = {r: [np.linalg.norm(J, 2) for J in jacobians(r * rotation)] for r in radii}
print("r      10          30          100")
for r in radii:
    print(f"{r:<4}", *(f"{sizes[r][k - 1]:11.1e}" for k in (10, 30, 100)))
assert sizes[0.5][9] < 1e-3 and sizes[0.5][99] < 1e-30
assert sizes[0.9][99] < 1e-4
assert sizes[1.6][99] > 1000

# %% tags=["plot"]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained",
                                     width_ratios=(3, 2))  # fmt: skip
distance = np.arange(1, STEPS + 1)
for r, shade in zip(radii, plt.cm.viridis(np.linspace(0, 0.9, len(radii))), strict=True):
    left.semilogy(distance, sizes[r], color=shade, label=f"r = {r}")
    left.semilogy(distance, r**distance, color=shade, ls=":", lw=0.8)
left.axhline(1, color="0.8", lw=0.8, zorder=0)
left.set(xlabel=text("steps between, k", "pasos de distancia, k"), ylabel="‖∂hₜ₊ₖ/∂hₜ‖",
         ylim=(1e-16, 1e6))  # fmt: skip
left.legend(frameon=False, fontsize="small", ncols=2, loc="lower left")
heat = right.imshow(np.log10(np.maximum([sizes[r] for r in radii], 1e-16)), aspect="auto",
                    cmap="RdBu_r", vmin=-6, vmax=6)  # fmt: skip
right.set(yticks=range(len(radii)), yticklabels=radii, ylabel="r",
          xlabel=text("steps between, k", "pasos de distancia, k"))  # fmt: skip
figure.colorbar(heat, ax=right, label="log₁₀")
plt.show()

# %% [markdown] lang="en"
# Solid lines are measured, dotted ones are $r^k$. The dotted line is a ceiling: tanh can only take
# away. For $r < 1$ the gradient **vanishes**, and because of the tanh it fades even for $r = 1$. It
# survives only with $r$ well above 1, and at 1.6 it **explodes**: after a hundred steps it has
# grown more than a thousandfold. (On the right, the same in colour: red is large, blue is small.)
#
# So what part does the tanh play in an explosion? Compare $r = 1.6$ with and without it:

# %% [markdown] lang="es"
# Las líneas continuas están medidas; las de puntos son $r^k$. La de puntos es un techo: la tanh
# solo puede quitar. Con $r < 1$ el gradiente **se desvanece**, y por culpa de la tanh se apaga
# incluso con $r = 1$. Solo sobrevive con una $r$ bastante mayor que 1, y con 1.6 **explota**: tras
# cien pasos es más de mil veces mayor. (A la derecha, lo mismo en color: rojo es grande; azul,
# pequeño).
#
# ¿Qué papel tiene entonces la tanh en una explosión? Compara $r = 1.6$ con ella y sin ella:

# %%
h, slopes = np.zeros(HIDDEN), []
for x in noise:
    h = step(1.6 * rotation, h, x)
    slopes.append(1 - h * h)
print(text("without tanh:", "sin tanh:"), f"{1.6**100:.0e}  ",
      text("with it:", "con ella:"), f"{sizes[1.6][99]:.0e}")  # fmt: skip
print(text("mean slope of the tanh:", "pendiente media de la tanh:"), f"{np.mean(slopes):.2f}")
assert 1e16 < 1.6**100 / sizes[1.6][99] < 1e17 and 0.4 < np.mean(slopes) < 0.8

# %% [markdown] lang="en"
# The tanh keeps every state between −1 and 1, and where a state is large, its slope $1 - h^2$ is
# small. So it damps the explosion by sixteen powers of ten, but does not prevent it.
#
# **How large must $r$ be so that about ten steps of memory are left?** Move it, and read off where
# the gradient falls below 1 %. Then switch off the tanh.

# %% [markdown] lang="es"
# La tanh mantiene cada estado entre −1 y 1, y donde un estado es grande, su pendiente $1 - h^2$ es
# pequeña. Así que amortigua la explosión en dieciséis potencias de diez, pero no la evita.
#
# **¿Qué $r$ deja unos diez pasos de memoria?** Muévela y mira dónde baja el gradiente del 1 %.
# Luego quita la tanh.

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.semilogy(distance, sizes[0.9], color="C3")
axes.semilogy(distance, 0.9**distance, color="0.5")
axes.axhline(0.01, color="0.7", ls=":")
axes.set(xlabel=text("steps between, k", "pasos de distancia, k"), ylabel="‖∂hₜ₊ₖ/∂hₜ‖",
         title="r = 0.9")  # fmt: skip
plt.show()
live("fading", rotation=rotation, noise=noise)

# %% [markdown] lang="en"
# Is it the engine's fault? Perhaps such tiny numbers are just rounding errors. Ask the complex
# step:

# %% [markdown] lang="es"
# ¿Será culpa del motor? Quizá números tan pequeños no sean más que redondeo. Preguntemos al paso
# complejo:

# %%
tiny = 1e-30j * np.eye(HIDDEN)[0]


def after(h, steps):
    for x in noise[:steps]:
        h = step(0.5 * rotation, h, x)
    return h


by_complex_step = after(tiny, 100).imag / 1e-30
by_product = jacobians(0.5 * rotation)[99][:, 0]
print("∂h₁₀₀/∂h₀:", f"{np.linalg.norm(by_product):.6e}, {np.linalg.norm(by_complex_step):.6e}")
assert np.allclose(by_product, by_complex_step, rtol=1e-9, atol=0)

# %% [markdown] lang="en"
# With more than thirty zeros after the point, it is still right to nine digits. The gradient is not
# wrong. It tells the truth: nudging what happened a hundred steps ago really changes next to
# nothing.
#
# ## Exploding: clip it
#
# A gradient that is too large is the lesser evil. Here is the bare network again. It has to bring
# $w^{20}$ to 0.5, by gradient descent from $w = 1.2$:

# %% [markdown] lang="es"
# Con más de treinta ceros tras el punto, aún acierta nueve cifras. El gradiente no está mal: dice
# la verdad. Un empujoncito a lo que pasó hace cien pasos realmente no cambia casi nada.
#
# ## Si explota, se recorta
#
# Un gradiente demasiado grande es el mal menor. Aquí está otra vez la red en los huesos: tiene que
# llevar $w^{20}$ a 0.5 por descenso de gradiente desde $w = 1.2$:


# %%
def loss(w):
    h = 1.0
    for _ in range(20):
        h = h * w
    return (h - 0.5) ** 2


def clip(gradient, most):
    """The gradient, shortened to length ``most`` if it is longer, in the same direction.

    || El gradiente, acortado a longitud ``most`` si es más largo, en la misma dirección.
    """
    length = np.linalg.norm(gradient)
    return gradient * (most / length) if length > most else gradient


print(text("slope at 1.2:", "pendiente en 1.2:"), f"{mg.grad(loss)(1.2):.0f}")
print(text("one plain step leads to w =", "un paso sin recortar lleva a w ="),
      f"{1.2 - 0.005 * mg.grad(loss)(1.2):.0f}")  # fmt: skip
assert 1.2 - 0.005 * mg.grad(loss)(1.2) < -200

w, path = 1.2, [1.2]
for _ in range(200):
    w = w - 0.005 * clip(mg.grad(loss)(w), 1.0)
    path.append(w)
print(text("clipped, two hundred steps: w =", "recortando, doscientos pasos: w ="),
      f"{w:.4f},", f"w²⁰ = {w**20:.4f}")  # fmt: skip
assert abs(w**20 - 0.5) < 1e-3

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ws = np.sort([*np.linspace(0.6, 1.21, 200), *path])  # the steps lie on the curve || están en ella
axes.semilogy(ws, loss(ws) + 1e-6, color="0.3", label=text("loss", "pérdida"))
axes.semilogy(path, loss(np.array(path)) + 1e-6, ".", color="C3",
              label=text("clipped steps", "pasos recortados"))  # fmt: skip
axes.set(xlabel="w", ylabel=text("loss (log scale)", "pérdida (escala log.)"))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# One plain step throws $w$ from 1.2 to below −200; there the loss is astronomical, and training is
# over. With clipping, the same descent walks down the cliff and finds the valley. Clipping cures
# explosions: it keeps the direction and limits the length. It cannot cure vanishing: a message that
# has faded to $10^{-30}$ cannot be amplified, because everything else would be amplified too.
#
# ## Vanishing: what ten steps do
#
# "The clouds are in the ⎵": to guess *sky*, a few words of memory are enough. "I grew up in France
# … I speak fluent ⎵": to guess *French*, one word must be remembered over a whole paragraph. That
# is the question with which this chapter began, and it can be boiled down: a network sees a bit, +1
# or −1 (France or Spain, say), and after that nothing but noise. At the end it must give the bit
# back. Over how many steps can it learn to remember?

# %% [markdown] lang="es"
# Un solo paso sin recortar lanza $w$ de 1.2 a un valor por debajo de −200; allí la pérdida es
# astronómica y se acaba el entrenamiento. Con recorte, el mismo descenso baja por el acantilado
# paso a paso y encuentra el valle. El recorte cura las explosiones: conserva la dirección y limita
# la longitud. Lo que no cura es el desvanecimiento: un mensaje apagado hasta $10^{-30}$ no se puede
# amplificar, porque con él se amplificaría todo lo demás.
#
# ## Si se desvanece: lo que hacen diez pasos
#
# «Las nubes están en el ⎵»: para adivinar *cielo* bastan unas pocas palabras de memoria. «Crecí en
# Francia … hablo con fluidez ⎵»: para adivinar *francés* hay que recordar una palabra durante todo
# un párrafo. Es la pregunta del principio, y se puede reducir a lo esencial: una red ve un bit, +1
# o −1 (Francia o España, por ejemplo), y después solo ruido. Al final debe devolver el bit.
# ¿Durante cuántos pasos puede aprender a recordarlo?


# %%
def bits(number, steps, rng):
    """Sequences (number, steps, 1) that begin with a bit; and the bits.

    || Secuencias (number, steps, 1) que empiezan con un bit; y los bits.
    """
    x = rng.normal(0, 0.3, (number, steps, 1))
    x[:, 0, 0] = rng.choice([-1.0, 1.0], number)
    return x.astype(np.float32), x[:, 0, 0].astype(np.float32)


def remember(net, steps, updates=200, seed=SEED):
    """Train the net; return how often it is right about new sequences.

    || Entrena la red; devuelve cuántas veces acierta con secuencias nuevas.
    """
    rng = np.random.default_rng(seed)
    optimizer = optim.Adam(net.parameters(), 3e-3)
    for _ in range(updates):
        x, bit = bits(32, steps, rng)
        said, _ = net(x)
        loss = np.square(said[:, 0] - bit).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, bit = bits(500, steps, rng)
    with mg.no_grad():
        said, _ = net(x)
    return float(np.mean(np.sign(said.data[:, 0]) == bit))


def fresh_net(seed=SEED):
    return nn.RNN(1, HIDDEN, output_size=1, return_sequences=False, rng=seed)


right_answers = {steps: remember(fresh_net(), steps) for steps in (2, 5, 10, 20, 40)}
for steps, share in right_answers.items():
    print(f"{steps:>2} {text('steps', 'pasos')}: {share:.0%}")
assert right_answers[5] > 0.95 and right_answers[10] > 0.95
assert right_answers[20] < 0.6 and right_answers[40] < 0.6

# %% [markdown] lang="en"
# Ten steps: perfect. Twenty: a coin flip. That is the origin of the rule of thumb that a plain
# recurrent network remembers about ten steps. Nothing else has changed: the network is the same,
# and so is the number of updates. So look at the weights from which it starts: by how much can
# $W_h$ stretch a vector if it is applied once, ten times, twenty times?

# %% [markdown] lang="es"
# Diez pasos: perfecto. Veinte: cara o cruz. De ahí viene la regla práctica de que una red
# recurrente sencilla recuerda unos diez pasos. Nada más ha cambiado: la red es la misma, y el
# número de actualizaciones también. Mira entonces los pesos de los que parte: ¿cuánto puede estirar
# $W_h$ un vector si se aplica una vez, diez veces, veinte veces?

# %%
W_start = fresh_net().cell.a.weight.data[:, :HIDDEN]
stretch = {k: np.linalg.norm(np.linalg.matrix_power(W_start, k), 2) for k in (1, 10, 20, 40)}
for k, most in stretch.items():
    print(f"{text('applied', 'aplicada')} {k:>2} ×: {most:.1e}")
assert stretch[10] > 0.01 and stretch[20] < 0.001

# %% [markdown] lang="en"
# Applied once, some vector even keeps its length. After ten times a few hundredths are left; after
# twenty, less than a thousandth, and the tanh takes away even more. So at the start of training,
# the bit's gradient has faded before it reaches the step where the bit was.
#
# Does it *never* learn, then? One seed and two hundred updates cannot tell. Here are five seeds and
# five times as many updates:

# %% [markdown] lang="es"
# Aplicada una vez, algún vector hasta conserva su longitud. Tras diez quedan unas centésimas; tras
# veinte, menos de una milésima, y la tanh aún quita más. Así que, al empezar el entrenamiento, el
# gradiente del bit se apaga antes de llegar al paso donde estaba el bit.
#
# ¿Entonces no aprende *nunca*? Una semilla y doscientas actualizaciones no lo dicen. Aquí hay cinco
# semillas y cinco veces más actualizaciones:

# %%
print(text("share of right answers over 20 steps, five seeds",
           "proporción de aciertos con 20 pasos, cinco semillas"))  # fmt: skip
patient = {}
for updates in (200, 1000):
    patient[updates] = [remember(fresh_net(seed), 20, updates, seed) for seed in range(5)]
    shown = "  ".join(f"{share:4.0%}" for share in patient[updates])
    print(f"{updates:>5} {text('updates', 'actualizaciones')}: {shown}")
assert max(patient[200]) < 0.7
assert 1 <= sum(share > 0.9 for share in patient[1000]) < 5

# %% [markdown] lang="en"
# With patience, some seeds learn it and others do not. So the honest statement is: a faded gradient
# makes learning *slow*, and luck decides when it begins; it does not make it impossible. (If
# someone tells you that a network "cannot", ask with how many updates and seeds.)
#
# ## The proof
#
# And the gradients themselves? They are right, to the last entry, over a hundred steps in the
# finite field, where nothing can fade. What fades is not the theory but the size of the numbers.

# %% [markdown] lang="es"
# Con paciencia, unas semillas lo aprenden y otras no. Así que lo honesto es decir esto: un
# gradiente apagado hace que el aprendizaje sea *lento*, y la suerte decide cuándo empieza; no lo
# hace imposible. (Si alguien te dice que una red «no puede», pregúntale con cuántas actualizaciones
# y semillas).
#
# ## La demostración
#
# ¿Y los gradientes en sí? Son correctos, hasta el último elemento, a lo largo de cien pasos en el
# cuerpo finito, donde nada puede apagarse. Lo que se desvanece no es la teoría, sino el tamaño de
# los números.

# %%
verdicts(verify("rnn", seed=SEED))

# %% [markdown] lang="en"
# ## Exercises
#
# **1. A fading echo.** A linear unit has $w = 0.9$. After how many steps is $\partial h_T /
# \partial h_0$ below one percent for the first time?

# %% [markdown] lang="es"
# ## Ejercicios
#
# **1. Un eco que se apaga.** Una unidad lineal tiene $w = 0.9$. ¿Tras cuántos pasos baja $\partial
# h_T / \partial h_0$ por primera vez del uno por ciento?

# %%
number_of_steps = None
check("1", number_of_steps, next(T for T in range(1000) if 0.9**T < 0.01))

# %% [markdown] lang="en" tags=["hint"]
# 1. After $T$ steps the derivative is $0.9^T$.
# 2. Take logarithms of $0.9^T < 0.01$, and watch the sign: $\log 0.9$ is negative.
# 3. $T > \log(0.01)/\log(0.9)$; round up.

# %% [markdown] lang="es" tags=["hint"]
# 1. Tras $T$ pasos la derivada es $0.9^T$.
# 2. Toma logaritmos en $0.9^T < 0.01$ y cuida el signo: $\log 0.9$ es negativo.
# 3. $T > \log(0.01)/\log(0.9)$; redondea hacia arriba.

# %% [markdown] lang="en" tags=["solution"]
# $0.9^T < 0.01$ means $T > \log(0.01) / \log(0.9) = 43.7$.

# %% [markdown] lang="es" tags=["solution"]
# $0.9^T < 0.01$ significa $T > \log(0.01) / \log(0.9) = 43.7$.

# %% tags=["solution"]
number_of_steps = np.ceil(np.log(0.01) / np.log(0.9))
check("1", number_of_steps, next(T for T in range(1000) if 0.9**T < 0.01))

# %% [markdown] lang="en"
# **2. Saturated.** A tanh unit with $w = 2$ stays near $h = 0.9$. By what factor is its gradient
# multiplied over five steps? (Does a weight above 1 help?)

# %% [markdown] lang="es"
# **2. Saturada.** Una unidad tanh con $w = 2$ se queda cerca de $h = 0.9$. ¿Por cuánto se
# multiplica su gradiente en cinco pasos? (¿Ayuda que el peso pase de 1?)


# %%
def five_steps(h):
    for _ in range(5):  # with the input that keeps h at 0.9 || con la entrada que deja h en 0.9
        h = np.tanh(2 * h + np.arctanh(0.9) - 1.8)
    return h


factor = None
check("2", factor, mg.grad(five_steps)(0.9), rtol=0.01)

# %% [markdown] lang="en" tags=["hint"]
# 1. By what is the gradient multiplied in one step?
# 2. One step: the weight times the slope of tanh, $w\,(1 - h^2)$.
# 3. With $h = 0.9$, $1 - h^2 = 0.19$; take the fifth power of $2 \cdot 0.19$.

# %% [markdown] lang="es" tags=["hint"]
# 1. ¿Por cuánto se multiplica el gradiente en un paso?
# 2. Un paso: el peso por la pendiente de tanh, $w\,(1 - h^2)$.
# 3. Con $h = 0.9$, $1 - h^2 = 0.19$; toma la quinta potencia de $2 \cdot 0.19$.

# %% [markdown] lang="en" tags=["solution"]
# Each step gives $w\,(1 - h^2) = 2 \cdot 0.19 = 0.38$, and $0.38^5 \approx 0.0079$. The weight
# would double it, but the flat part of the tanh takes away more than that.

# %% [markdown] lang="es" tags=["solution"]
# Cada paso da $w\,(1 - h^2) = 2 \cdot 0.19 = 0.38$, y $0.38^5 \approx 0.0079$. El peso lo doblaría,
# pero la parte plana de la tanh quita más que eso.

# %% tags=["solution"]
factor = (2 * (1 - 0.9**2)) ** 5
check("2", factor, mg.grad(five_steps)(0.9), rtol=0.01)

# %% [markdown] lang="en"
# **3. Clip a whole network.** Gradients come as a list of arrays. Clip them *together*, by the
# length of the vector of all their entries, so that their direction is kept.

# %% [markdown] lang="es"
# **3. Recorta una red entera.** Los gradientes vienen en una lista de arrays. Recórtalos *juntos*,
# según la longitud del vector de todos sus elementos, para conservar la dirección.


# %%
def clip_all(gradients, most):
    """A list of clipped arrays. || Una lista de arrays recortados."""
    return [None for g in gradients]


long_ones = [np.array([3.0, 0.0]), np.array([[4.0]])]  # of length 5 || de longitud 5
check("3", clip_all(long_ones, 1.0)[0], np.array([0.6, 0.0]))
check("3", clip_all(long_ones, 9.0)[1], np.array([[4.0]]))

# %% [markdown] lang="en" tags=["hint"]
# 1. How long are all the arrays together, as one vector?
# 2. The squares of all entries add up to the square of that length.
# 3. Multiply every array by the same factor, `min(1.0, most / length)`.

# %% [markdown] lang="es" tags=["hint"]
# 1. ¿Qué longitud tienen todos los arrays juntos, puestos como un solo vector?
# 2. Los cuadrados de todos los elementos suman el cuadrado de esa longitud.
# 3. Multiplica todos los arrays por el mismo factor, `min(1.0, most / length)`.

# %% [markdown] lang="en" tags=["solution"]
# One common factor for all of them. Clipping each array by itself would change the direction.

# %% [markdown] lang="es" tags=["solution"]
# Un mismo factor para todos. Recortar cada array por su cuenta cambiaría la dirección.


# %% tags=["solution"]
def clip_all(gradients, most):
    length = np.sqrt(sum(np.square(g).sum() for g in gradients))
    return [g * min(1.0, most / length) for g in gradients]


check("3", clip_all(long_ones, 1.0)[0], np.array([0.6, 0.0]))
check("3", clip_all(long_ones, 9.0)[1], np.array([[4.0]]))

# %% [markdown] lang="en"
# **4. A better start.** If everything depends on stretching by 1, *begin* there: put `rotation`
# into the recurrent part of a fresh net's weight (the first columns of `net.cell.a.weight.data`,
# which multiply $h$), and let it `remember` over 40 steps. How often is it right?

# %% [markdown] lang="es"
# **4. Empezar mejor.** Si todo depende de estirar por 1, *empieza* ahí: pon `rotation` en la parte
# recurrente del peso de una red nueva (las primeras columnas de `net.cell.a.weight.data`, las que
# multiplican a $h$) y haz que recuerde (`remember`) durante 40 pasos. ¿Cuántas veces acierta?

# %%
share_right = None
check("4", share_right, 1.0, rtol=0.05)

# %% [markdown] lang="en" tags=["hint"]
# 1. Make a `fresh_net()` and look at the shape of `net.cell.a.weight.data`.
# 2. Copy the weight, write `rotation` into `[:, :HIDDEN]`, and assign the copy.
# 3. Then `share_right = remember(net, 40)`.

# %% [markdown] lang="es" tags=["hint"]
# 1. Haz una `fresh_net()` y mira la forma de `net.cell.a.weight.data`.
# 2. Copia el peso, escribe `rotation` en `[:, :HIDDEN]` y asigna la copia.
# 3. Después, `share_right = remember(net, 40)`.

# %% [markdown] lang="en" tags=["solution"]
# From a coin flip to perfect, thanks to the first weights alone. It is a good start and not a cure:
# training may move the weights away from it again. The next chapter *builds* the factor 1 into the
# cell.

# %% [markdown] lang="es" tags=["solution"]
# De cara o cruz a la perfección, solo gracias a los primeros pesos. Es un buen comienzo, no una
# cura: el entrenamiento puede volver a apartar los pesos de ahí. El próximo capítulo *construye* el
# factor 1 dentro de la celda.

# %% tags=["solution"]
net = fresh_net()
start = net.cell.a.weight.data.copy()
start[:, :HIDDEN] = rotation
net.cell.a.weight.data = start
share_right = remember(net, 40)
check("4", share_right, 1.0, rtol=0.05)

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. A linear unit multiplies its state by 0.5 at each step. What is left of its gradient after 20
# steps?**
#
# - [ ] A twentieth :: Each step multiplies by a factor; it does not subtract a part.
# - [x] About a millionth :: $0.5^{20} \approx 10^{-6}$.
# - [ ] A half :: That is what is left after one step.

# %% [markdown] lang="es" tags=["quiz"]
# **1. Una unidad lineal multiplica su estado por 0.5 en cada paso. ¿Qué queda de su gradiente tras
# 20?**
#
# - [ ] Una vigésima parte :: En cada paso se multiplica por un factor; no se resta una parte.
# - [x] Cerca de una millonésima :: $0.5^{20} \approx 10^{-6}$.
# - [ ] La mitad :: Eso es lo que queda tras un paso.

# %% [markdown] lang="en" tags=["quiz"]
# **2. What does the tanh do to the product of Jacobians?**
#
# - [x] It can only make it smaller :: Its slope $1 - h^2$ is never above 1.
# - [ ] It can only make it larger :: If it did, gradients would not fade.
# - [ ] Nothing, if the states are small :: Nearly nothing then; the larger the state, the more it
#   takes.

# %% [markdown] lang="es" tags=["quiz"]
# **2. ¿Qué le hace la tanh al producto de jacobianas?**
#
# - [x] Solo puede hacerlo menor :: Su pendiente $1 - h^2$ nunca pasa de 1.
# - [ ] Solo puede hacerlo mayor :: Entonces los gradientes no se apagarían.
# - [ ] Nada, si los estados son pequeños :: En ese caso, casi nada; cuanto mayor es el estado, más
#   quita.

# %% [markdown] lang="en" tags=["quiz"]
# **3. What can clipping cure?**
#
# - [x] Gradients that explode :: It shortens long ones and keeps their direction.
# - [ ] Gradients that vanish :: It never makes a gradient longer, and a faded one cannot be told
#   from noise.
# - [ ] Both :: It acts only on those that are too long.

# %% [markdown] lang="es" tags=["quiz"]
# **3. ¿Qué puede curar el recorte?**
#
# - [x] Los gradientes que explotan :: Acorta los largos y conserva su dirección.
# - [ ] Los gradientes que se desvanecen :: Nunca alarga ninguno; y uno apagado no se distingue del
#   ruido.
# - [ ] Ambos :: Solo actúa sobre los que son demasiado largos.

# %% [markdown] lang="en" tags=["quiz"]
# **4. The gradient from 100 steps ago is $10^{-30}$. Is it wrong?**
#
# - [ ] Yes, it was rounded :: The complex step finds the same, to nine digits.
# - [x] No, it tells the truth: a nudge so long ago changes almost nothing :: It is right, and of no
#   use for learning.
# - [ ] Yes, the engine drops small numbers :: Nothing is dropped; the judges compare them entry by
#   entry.

# %% [markdown] lang="es" tags=["quiz"]
# **4. El gradiente de hace 100 pasos es $10^{-30}$. ¿Está mal?**
#
# - [ ] Sí, se ha redondeado :: El paso complejo halla lo mismo, con nueve cifras.
# - [x] No, dice la verdad: un empujoncito tan lejano no cambia casi nada :: Es correcto, y no sirve
#   para aprender.
# - [ ] Sí, el motor descarta los números pequeños :: No se descarta nada; los jueces comparan
#   elemento por elemento.

# %% [markdown] lang="en" tags=["quiz"]
# **5. With a larger budget of updates, a plain RNN learns 20 steps for most seeds. What follows?**
#
# - [ ] Memory does not fade :: It does; training moves the weights away from where it fades, but
#   slowly.
# - [x] Faded gradients make learning slow, not impossible :: Whenever you say that a network
#   "cannot", say with how many updates and how many seeds.
# - [ ] The budget does not matter :: It is what made the difference.

# %% [markdown] lang="es" tags=["quiz"]
# **5. Con más actualizaciones, una RNN sencilla aprende 20 pasos con la mayoría de las semillas.
# ¿Qué se deduce?**
#
# - [ ] La memoria no se apaga :: Sí se apaga; el entrenamiento saca los pesos de esa zona, pero
#   despacio.
# - [x] Los gradientes apagados lo hacen lento, no imposible :: Cuando digas que una red «no puede»,
#   di con cuántas actualizaciones y cuántas semillas.
# - [ ] El presupuesto no importa :: Es lo que marcó la diferencia.

# %% [markdown] lang="en"
# ## Where to read on
#
# - Y. Bengio, P. Simard and P. Frasconi, *Learning Long-Term Dependencies with Gradient Descent is
#   Difficult*, IEEE Transactions on Neural Networks 5 (1994), pages 157–166: the bit to be
#   remembered, and why storing it firmly and learning it are at odds.
# - R. Pascanu, T. Mikolov and Y. Bengio, *On the difficulty of training recurrent neural networks*,
#   ICML 2013: section 2 for the products, algorithm 1 for clipping.
# - S. Hochreiter, *The Vanishing Gradient Problem During Learning Recurrent Neural Nets and Problem
#   Solutions*, International Journal of Uncertainty, Fuzziness and Knowledge-Based Systems 6
#   (1998), pages 107–116: by its discoverer.
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning* (2016), sections 10.7 and 10.11.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - Y. Bengio, P. Simard y P. Frasconi, *Learning Long-Term Dependencies with Gradient Descent is
#   Difficult*, IEEE Transactions on Neural Networks 5 (1994), páginas 157–166: el bit que hay que
#   recordar, y por qué guardarlo bien y aprenderlo están reñidos.
# - R. Pascanu, T. Mikolov y Y. Bengio, *On the difficulty of training recurrent neural networks*,
#   ICML 2013: el apartado 2 para los productos, el algoritmo 1 para el recorte.
# - S. Hochreiter, *The Vanishing Gradient Problem During Learning Recurrent Neural Nets and Problem
#   Solutions*, International Journal of Uncertainty, Fuzziness and Knowledge-Based Systems 6
#   (1998), páginas 107–116: de su descubridor.
# - I. Goodfellow, Y. Bengio y A. Courville, *Deep Learning* (2016), apartados 10.7 y 10.11.
