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
# # A ball and a memory
#
# Here is a picture of a ball. **Where will it go next?**
#
# You cannot tell, and neither can any network, however large: the answer is not in the picture.
# With a few more frames the question becomes easy. What makes the difference is not a better eye
# but a *memory*: something that is carried from one frame to the next.
#
# This chapter builds such a memory out of four arrays and one `tanh`, explains what its gradient
# means, checks that gradient, and then lets the same few lines forecast the weather in Seattle. You
# need Python, a little NumPy, and the idea of a derivative.

# %% [markdown] lang="es"
# # Una pelota y una memoria
#
# Aquí tienes la foto de una pelota. **¿Hacia dónde irá?**
#
# No puedes saberlo, y tampoco puede ninguna red, por grande que sea: la respuesta no está en la
# foto. En cambio, si ves unos fotogramas más, la pregunta se vuelve fácil. Lo que ha cambiado no
# es la vista, sino que ahora hay *memoria*: algo que pasa de un fotograma al siguiente.
#
# En este capítulo construimos esa memoria con cuatro arrays y una `tanh`, vemos qué significa su
# gradiente, lo comprobamos y al final dejamos que las mismas líneas pronostiquen el tiempo en
# Seattle. Basta con saber Python, algo de NumPy y qué es una derivada.

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import graph, nn, optim
from minigrad.datasets import seattle_weather
from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, live, text, verdicts
from minigrad.verify import verify

SEED = 0
rng = np.random.default_rng(SEED)
print(text("seed:", "semilla:"), SEED)


# %% [markdown] lang="en"
# ## A ball in a box
#
# Our world is a box from −1 to 1 in both directions. A ball flies straight until it meets a wall
# and bounces off it, as light does off a mirror. Each film starts at a random place, in a random
# direction, at a random speed.

# %% [markdown] lang="es"
# ## Una pelota en una caja
#
# Nuestro mundo es una caja que va de −1 a 1 en las dos direcciones. La pelota vuela en línea
# recta hasta que topa con una pared y rebota como la luz en un espejo. El lugar, la dirección y la
# rapidez con que empieza cada película son al azar.


# %%
def throw(balls, frames, rng):
    """Films of a bouncing ball: positions of shape (balls, frames, 2).

    || Películas de una pelota que rebota: posiciones de forma (pelotas, fotogramas, 2).
    """
    position = rng.uniform(-1, 1, (balls, 2))
    angle = rng.uniform(0, 2 * np.pi, balls)
    speed = rng.uniform(0.1, 0.3, balls)
    velocity = np.stack([speed * np.cos(angle), speed * np.sin(angle)], axis=-1)
    film = []
    for _ in range(frames):
        film.append(position)
        position = position + velocity
        outside = abs(position) > 1
        position = np.where(outside, 2 * np.sign(position) - position, position)
        velocity = np.where(outside, -velocity, velocity)
    return np.stack(film, axis=1)


# %% tags=["plot"]
def box(axes, title):
    axes.set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), xticks=[], yticks=[], aspect="equal")
    axes.set_title(title)


film = throw(1, 6, np.random.default_rng(1))[0]

figure, (one, many) = plt.subplots(1, 2, figsize=(7, 3.9), layout="constrained")
box(one, text("one frame", "un fotograma"))
one.scatter(*film[3], s=150, color="C3")
box(many, text("the frames before it, too", "y también los anteriores"))
many.scatter(*film[:4].T, s=150, c=["#f8d8d8", "#f0a8a8", "#e46c6c", "C3"])
many.plot(*film[3:].T, ls=":", color="0.4")
many.scatter(*film[4:].T, s=150, facecolors="none", edgecolors="0.4")
plt.show()

# %% [markdown] lang="en"
# Without memory, the best forecast is hardly better than "it stays about where it is", because
# every direction is equally likely. (Near a wall the ball is more likely to move away from it,
# which helps a little: the best forecast without memory has an error about two percent lower.) With
# two frames you can say "it goes on as before", which is perfect until a wall is in the way. Let us
# measure both, so that we know what we have to beat. The error is the root mean square (RMSE) over
# both coordinates; the box is 2 wide.

# %% [markdown] lang="es"
# Sin memoria, apenas puede decirse nada mejor que «se quedará más o menos donde está», porque todas
# las direcciones son igual de probables. (Cerca de una pared es más probable que se aleje de ella,
# y eso ayuda un poco: el mejor pronóstico sin memoria tiene un error cerca de un dos por ciento
# menor). Con dos fotogramas ya puede decirse «seguirá como hasta ahora», y eso es perfecto hasta
# que aparece una pared. Midamos las dos respuestas, para saber qué hay que superar. El error es la
# raíz del error cuadrático medio (RMSE) de ambas coordenadas; la caja mide 2 de ancho.


# %%
def rmse(forecast, truth):
    return float(np.sqrt(np.mean(np.square(forecast - truth))))


films = throw(1000, 20, rng).astype(np.float32)  # to learn from || para aprender
new = throw(500, 24, rng).astype(np.float32)  # held out || reservadas

before, now, after = new[:, :-2], new[:, 1:-1], new[:, 2:]
stays = rmse(now, after)
goes_on = rmse(now + (now - before), after)
STAYS = text("it stays", "se queda donde está")
GOES_ON = text("it goes on as before", "seguirá como hasta ahora")
NETWORK = text("the network", "la red")
print(f"{STAYS:<26} {stays:.3f}")
print(f"{GOES_ON:<26} {goes_on:.3f}")

# the best without memory: the usual move at each place
# || lo mejor sin memoria: el movimiento habitual en cada lugar
walls = np.linspace(-1, 1, 41)
seen, move = films[:, 1:-1].ravel(), np.diff(films[:, 1:], axis=1).ravel()
usual = np.histogram(seen, walls, weights=move)[0] / np.histogram(seen, walls)[0]
memoryless = rmse(now + usual[np.clip(np.digitize(now, walls) - 1, 0, 39)], after)
assert 0.96 < memoryless / stays < 0.99
assert goes_on < 0.6 * stays

# %% [markdown] lang="en"
# ## A memory in three lines
#
# A **recurrent network** reads one thing after another. Course notes often call each thing a
# *word*; here a word is the position of the ball in one frame. After each word the network makes a
# prediction and updates its **hidden state** $h$, a handful of numbers that it passes on to itself:
#
# $$h_t = \tanh(W\,[h_{t-1}, x_t] + b) \qquad\qquad \hat y_t = W_y\,h_t + b_y$$
#
# $[h_{t-1}, x_t]$ is the old state and the new word, one after the other. In short, $h_t = f(x_t,
# h_{t-1})$: what it knows now depends on what it sees and on what it knew. The same $W$ and $b$
# serve every frame, so a film can be of any length.
#
# NumPy's own functions work on minigrad's `Tensor`, an array that remembers how it was made. With
# `requires_grad=True` we name those whose slope we will need.

# %% [markdown] lang="es"
# ## Una memoria en tres líneas
#
# Una **red recurrente** lee una cosa detrás de otra. En los apuntes de clase cada cosa suele
# llamarse *palabra* (*word*); aquí una palabra es la posición de la pelota en un fotograma. Tras
# cada palabra, la red hace una predicción y actualiza su **estado oculto** $h$, unos pocos números
# que se pasa a sí misma:
#
# $$h_t = \tanh(W\,[h_{t-1}, x_t] + b) \qquad\qquad \hat y_t = W_y\,h_t + b_y$$
#
# $[h_{t-1}, x_t]$ es el estado anterior seguido de la palabra nueva. En resumen, $h_t = f(x_t,
# h_{t-1})$: lo que sabe ahora depende de lo que ve y de lo que sabía. Los mismos $W$ y $b$ sirven
# para todos los fotogramas, así que una película puede durar lo que sea.
#
# Las funciones de NumPy sirven tal cual para el `Tensor` de minigrad, un array que recuerda cómo
# se hizo. Con `requires_grad=True` decimos de cuáles querremos la pendiente.

# %%
HIDDEN = 4


def learned(*shape):
    return mg.Tensor(rng.normal(0, 0.5, shape), requires_grad=True)


W, b = learned(HIDDEN, HIDDEN + 2), learned(HIDDEN)
W_y, b_y = learned(2, HIDDEN), learned(2)


def my_rnn(word, hidden_state, W=W):
    joined = np.concatenate([hidden_state, word])
    hidden_state = np.tanh(W @ joined + b)
    return W_y @ hidden_state + b_y, hidden_state


hidden_state = np.zeros(HIDDEN)
for word in film:
    prediction, hidden_state = my_rnn(word, hidden_state)

print(text("after the last frame:", "tras el último fotograma:"), prediction.data.round(3))

# %% [markdown] lang="en"
# Here is a picture of it, drawn not by hand but from code that has run. Inputs are blue; the box
# with $W$, the same at each step, is yellow; the state that it passes on is green. (Like Python,
# the picture counts from 0, so the state before the first step is $h_{-1}$. Below each name is its
# shape, here for a batch of 1, 3 inputs and 4 units.)

# %% [markdown] lang="es"
# Este es su dibujo, que no está hecho a mano, sino a partir del código que se ha ejecutado. En
# azul, las entradas; en amarillo, la caja con $W$, la misma en cada paso; en verde, el estado que
# pasa de una a otra. (Como Python, el dibujo cuenta desde 0, y el estado anterior al primer paso es
# $h_{-1}$. Debajo de cada nombre está su forma, aquí para un lote de 1, con 3 entradas y 4
# unidades).

# %%
graph.draw("rnn", steps=3)

# %% [markdown] lang="en"
# Nothing has been learned yet, so the prediction is nonsense. *How much* nonsense is one number,
# the **loss**: the squared distance between each prediction and the frame that really came next,
# summed over the film.

# %% [markdown] lang="es"
# Todavía no ha aprendido nada, así que la predicción es un disparate. *Cuánto* disparate es un solo
# número, la **pérdida** (*loss*): la distancia al cuadrado entre cada predicción y el fotograma que
# de verdad vino después, sumada a lo largo de la película.


# %%
def loss_of(W):
    hidden_state, total = np.zeros(HIDDEN), 0.0
    for word, next_word in pairwise(film):
        prediction, hidden_state = my_rnn(word, hidden_state, W)
        total = total + np.square(prediction - next_word).sum()
    return total


loss = loss_of(W)
loss.backward()
print(text("loss:", "pérdida:"), f"{loss.item():.4f}")
print("W.grad:\n", W.grad.round(3))
assert W.grad.shape == W.shape

# %% [markdown] lang="en"
# ## What a gradient is
#
# `loss.backward()` has put into `W.grad` one number for each entry of $W$: the **slope** of the
# loss along that entry. If `W.grad[0, 1]` is 2, then raising `W[0, 1]` by a tiny amount raises the
# loss by twice that amount. To make the loss smaller, move every entry a little against its slope.
# All the learning below is just that.
#
# Because $W$ is used once per frame, the slope is a sum over the frames: `backward` goes through
# the film from its end to its start and adds up the contribution of each frame. That is called
# *backpropagation through time*.
#
# minigrad can also write this sum down, starting from the code of the cell. Here $a_t$ is what goes
# into the tanh, $W_a$ is our $W$, and $W^h_a$ is the part of it that multiplies $h_{t-1}$; $\delta
# h_t$ is short for the slope of the loss along $h_t$, and $\circ$ multiplies entry by entry. Read
# the first line as: what the loss says about this step ($\ell$), plus what the next step passes
# back. You need not follow every symbol yet: chapters 2 and 3 explain them one by one.

# %% [markdown] lang="es"
# ## Qué es un gradiente
#
# `loss.backward()` ha dejado en `W.grad` un número por cada elemento de $W$: la **pendiente** de la
# pérdida respecto de ese elemento. Si `W.grad[0, 1]` vale 2, al subir `W[0, 1]` un poquito, la
# pérdida sube el doble. Para que la pérdida baje, cada elemento se mueve un poco en contra de su
# pendiente; aprender, más abajo, no será otra cosa.
#
# Como $W$ se usa una vez por fotograma, la pendiente es una suma de fotogramas: `backward` recorre
# la película del final al principio y suma lo que aporta cada uno. A eso se le llama
# *retropropagación a través del tiempo*.
#
# minigrad también sabe escribir esa suma, a partir del propio código de la celda. Aquí $a_t$ es lo
# que entra en la tanh, $W_a$ es nuestra $W$ y $W^h_a$ la parte que multiplica a $h_{t-1}$; $\delta
# h_t$ abrevia la pendiente de la pérdida respecto de $h_t$, y $\circ$ multiplica elemento a
# elemento. La primera línea se lee así: lo que la pérdida dice de este paso ($\ell$), más lo que
# devuelve el paso siguiente. No hace falta que entiendas ya cada signo: los capítulos 2 y 3 los
# explican uno a uno.

# %%
formulas(derive("rnn"), "δh_t", "δa_t", "∂L/∂W_a")

# %% [markdown] lang="en"
# In the figure, the curve is the loss as a single entry of $W$ varies. The straight line has the
# slope that `backward` found.

# %% [markdown] lang="es"
# En la figura, la curva es la pérdida cuando varía un solo elemento de $W$. La recta tiene la
# pendiente que encontró `backward`.

# %% tags=["plot"]
entry = (0, 1)
nudge = np.zeros(W.shape)
nudge[entry] = 1

shifts = np.linspace(-1.5, 1.5, 61)
with mg.no_grad():
    curve = [loss_of(W.data + shift * nudge).item() for shift in shifts]

figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.plot(W.data[entry] + shifts, curve, color="0.3", label=text("loss", "pérdida"))
near = shifts[abs(shifts) < 0.6]
axes.plot(
    W.data[entry] + near,
    loss.item() + W.grad[entry] * near,
    color="C3",
    label=text("slope", "pendiente"),
)
axes.plot(W.data[entry], loss.item(), "o", color="C3")
axes.set(xlabel="W[0, 1]", ylabel=text("loss", "pérdida"))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# ## Is it right?
#
# Never trust a gradient that nobody has checked. The obvious way is to apply the definition: shift
# the entry by a small $\varepsilon$ to either side and divide,
#
# $$\frac{L(w + \varepsilon) - L(w - \varepsilon)}{2\,\varepsilon}.$$
#
# It agrees to about nine digits and no further: two nearly equal numbers are subtracted, and the
# digits that they have in common are lost. A trick avoids the subtraction: take the step in the
# *imaginary* direction. Since $L(w + i\varepsilon) \approx L(w) + i\,\varepsilon\,L'(w)$, the slope
# is the imaginary part divided by $\varepsilon$, and $\varepsilon$ may be absurdly small. (Inside
# `mg.no_grad()` nothing is recorded: we only want values.)

# %% [markdown] lang="es"
# ## ¿Es correcto?
#
# No te fíes de un gradiente que nadie ha comprobado. Lo más directo es aplicar la definición: mover
# el elemento un pequeño $\varepsilon$ a cada lado y dividir,
#
# $$\frac{L(w + \varepsilon) - L(w - \varepsilon)}{2\,\varepsilon}.$$
#
# Coinciden unas nueve cifras y ni una más: se restan dos números casi iguales, y las cifras que
# tienen en común se pierden. Hay un truco que evita la resta: dar el paso en la dirección
# *imaginaria*. Como $L(w + i\varepsilon) \approx L(w) + i\,\varepsilon\,L'(w)$, la pendiente es la
# parte imaginaria dividida entre $\varepsilon$, y $\varepsilon$ puede ser ridículamente pequeño.
# (Dentro de `mg.no_grad()` no se registra nada: solo queremos valores).

# %%
with mg.no_grad():
    small = 1e-6
    difference = loss_of(W.data + small * nudge).item() - loss_of(W.data - small * nudge).item()
    difference /= 2 * small
    tiny = 1e-100
    complex_step = loss_of(W.data + 1j * tiny * nudge).item().imag / tiny

print("backward:".ljust(22), f"{W.grad[entry]:.16f}")
print(text("finite difference:", "diferencia finita:").ljust(22), f"{difference:.16f}")
print(text("complex step:", "paso complejo:").ljust(22), f"{complex_step:.16f}")
assert abs(difference - W.grad[entry]) < 1e-8 * abs(W.grad[entry])
assert abs(complex_step - W.grad[entry]) < 1e-13 * abs(W.grad[entry])

# %% [markdown] lang="en"
# ## The same, ready-made
#
# `nn.RNN` is our three lines, for whole batches of films at once. With our arrays as its weights,
# it makes the same predictions, and its gradient is the same.

# %% [markdown] lang="es"
# ## Lo mismo, ya hecho
#
# `nn.RNN` son nuestras tres líneas, para lotes enteros de películas a la vez. Con nuestros arrays
# como pesos, hace las mismas predicciones y su gradiente es el mismo.

# %%
shelf = nn.RNN(2, HIDDEN, output_size=2, dtype=np.float64)
shelf.cell.a.weight.data, shelf.cell.a.bias.data = W.data, b.data
shelf.output.weight.data, shelf.output.bias.data = W_y.data, b_y.data

hidden_state = np.zeros(HIDDEN)
for word in film:
    prediction_again, hidden_state = shelf(word, hidden_state)
assert np.allclose(prediction_again.data, prediction.data, rtol=0, atol=1e-12)

predictions, _ = shelf(film[:-1])  # or the whole film in one call || o toda de una vez
np.square(predictions - film[1:]).sum().backward()
assert np.allclose(shelf.cell.a.weight.grad, W.grad, rtol=0, atol=1e-12)
print(text("same prediction, same gradient", "misma predicción, mismo gradiente"))

# %% [markdown] lang="en"
# ## Learning
#
# Our model is an `nn.RNN` that reads words and predicts how the next word will *differ* from this
# one. That saves it from having to learn to copy, and before any training its forecast is roughly
# "it stays".
#
# `fit` is the loop that you will meet everywhere: predict, measure the loss, run the backward pass,
# take a small step downhill. It does this for one **batch** after another, here 50 films at a time;
# one pass through all films is an **epoch**. The **learning rate** `lr` sets the size of the steps:
# too small, and learning takes forever; too large, and it jumps over the valley. Adam is gradient
# descent that adapts the step of each weight to its recent slopes.

# %% [markdown] lang="es"
# ## Aprender
#
# Nuestro modelo es una `nn.RNN` que lee palabras y predice en qué se *diferenciará* la siguiente de
# la actual. Así no tiene que aprender a copiar y, antes de entrenarla, su pronóstico es más o menos
# «se queda donde está».
#
# `fit` es el bucle que verás en todas partes: predecir, medir la pérdida, hacer la pasada hacia
# atrás y dar un pasito cuesta abajo. Lo hace con un **lote** (*batch*) tras otro, aquí de 50
# películas; una vuelta por todas las películas es una **época** (*epoch*). La **tasa de
# aprendizaje** `lr` (*learning rate*) fija el tamaño de los pasos: si es muy pequeña, se tarda una
# eternidad; si es muy grande, se salta el valle. Adam es descenso de gradiente que adapta el paso
# de cada peso a sus pendientes recientes.


# %%
class Seer(nn.Module):
    """Predicts the first numbers of the next word. || Predice los primeros números que siguen."""

    def __init__(self, word_size, hidden_size, outputs, rng):
        self.memory = nn.RNN(word_size, hidden_size, output_size=outputs, rng=rng)
        self.outputs = outputs

    def forward(self, words, hidden_state=None):
        change, hidden_state = self.memory(words, hidden_state)
        return words[..., : self.outputs] + change, hidden_state


def fit(model, sequences, epochs, lr, rng, batch=50):
    """Train on sequences (number, time, word size).

    || Entrena con secuencias (número, tiempo, tamaño de la palabra).
    """
    optimizer = optim.Adam(model.parameters(), lr)
    for epoch in range(epochs):
        optimizer.lr = lr * (1 - epoch / epochs)  # ever smaller steps || pasos cada vez menores
        for words in np.array_split(rng.permutation(sequences), len(sequences) // batch):
            prediction, _ = model(words[:, :-1])
            loss = nn.mse_loss(prediction, words[:, 1:, : model.outputs])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


seer = Seer(word_size=2, hidden_size=32, outputs=2, rng=rng)
fit(seer, films, epochs=300, lr=5e-3, rng=rng)

with mg.no_grad():
    predictions, _ = seer(new[:, :-1])
# from the second frame on, as above || desde el segundo fotograma, como antes
learned_error = rmse(predictions.data[:, 1:], after)
for name, error in ((STAYS, stays), (GOES_ON, goes_on), (NETWORK, learned_error)):
    print(f"{name:<26} {error:.3f}")
assert learned_error < goes_on / 2

# %% [markdown] lang="en"
# On films that it has never seen, the network's error is less than half that of "it goes on as
# before". Nobody told it about walls. It has found out by itself that they exist, and where they
# are. (New films matter: a large network can learn its examples by heart and be useless on any
# others. That is called **overfitting**, and only data that were held out reveal it.)
#
# Now the real test. Show it eight frames, then **switch off the light**: from then on its words are
# its own predictions, and only its hidden state can tell it which way the ball was going.

# %% [markdown] lang="es"
# En películas que nunca ha visto, la red se equivoca menos de la mitad que «seguirá como hasta
# ahora». Nadie le habló de paredes. Ha descubierto ella sola que existen y dónde están. (Importa
# que sean películas nuevas: una red grande puede aprenderse sus ejemplos de memoria y no servir
# para ningún otro. Eso se llama **sobreajuste** (*overfitting*), y solo lo delatan los datos
# reservados).
#
# Ahora la prueba de verdad. Le enseñamos ocho fotogramas y luego **apagamos la luz**: desde ahí
# sus palabras son sus propias predicciones, y lo único que le dice hacia dónde iba la pelota es
# su estado oculto.

# %%
SEEN, AHEAD = 8, 12


def imagine(model, seen, ahead):
    """Feed the model its own predictions: (balls, ahead, 2).

    || Alimenta el modelo con sus propias predicciones: (pelotas, pasos, 2).
    """
    with mg.no_grad():
        predictions, hidden_state = model(seen)
        dreamt = [predictions.data[:, -1]]
        while len(dreamt) < ahead:
            prediction, hidden_state = model(dreamt[-1][:, None], hidden_state)
            dreamt.append(prediction.data[:, 0])
    return np.stack(dreamt, axis=1)


seen, truth = new[:, :SEEN], new[:, SEEN : SEEN + AHEAD]
dreamt = imagine(seer, seen, AHEAD)
last_move = seen[:, -1] - seen[:, -2]
straight_on = seen[:, -1:] + np.arange(1, AHEAD + 1)[:, None] * last_move[:, None]

far, far_stays = (rmse(guess, truth[:, -1]) for guess in (dreamt[:, -1], seen[:, -1]))
print(f"{AHEAD} {text('steps ahead', 'pasos por delante')}: "
      f"{NETWORK} {far:.2f}, {STAYS} {far_stays:.2f}")  # fmt: skip
assert far < far_stays / 2

# %% tags=["plot"]
figure, axes = plt.subplots(1, 4, figsize=(13, 3.5), layout="constrained")
for ball, panel in enumerate(axes[:3]):
    box(panel, f"{text('ball', 'pelota')} {ball + 1}")
    panel.plot(*seen[ball].T, "o", color="0.75", ms=9, label=text("seen", "vista"))
    panel.plot(*truth[ball].T, "o", mfc="none", mec="0.35", ms=10, label=text("true", "real"))
    panel.plot(*dreamt[ball].T, ".-", color="C3", lw=1, label=text("predicted", "predicha"))
axes[0].legend(loc="best", fontsize="small")
steps = np.arange(1, AHEAD + 1)
for guess, name, style in (
    (np.broadcast_to(seen[:, -1:], truth.shape), STAYS, "0.75"),
    (straight_on, GOES_ON, "0.35"),
    (dreamt, NETWORK, "C3"),
):
    axes[3].plot(steps, [rmse(guess[:, k], truth[:, k]) for k in range(AHEAD)], color=style,
                 label=name)  # fmt: skip
axes[3].set(xlabel=text("steps ahead", "pasos por delante"), ylabel="RMSE", ylim=(0, None))
axes[3].legend(frameon=False, fontsize="small")
plt.show()

# %% [markdown] lang="en"
# Twelve steps into the dark, its error is still less than half that of "it stays". It drifts, as
# you would with your eyes closed: each prediction is a bit off, and the next one builds on it.
#
# **How many frames does it need?** Try it: this is the network that has just been trained. Throw a
# ball of your own, then let the network see fewer of its frames.

# %% [markdown] lang="es"
# Tras doce pasos a oscuras, su error sigue siendo menos de la mitad que el de «se queda donde
# está». Se va desviando, como te pasaría a ti con los ojos cerrados: cada predicción falla un poco
# y la siguiente se apoya en ella.
#
# **¿Cuántos fotogramas necesita?** Pruébalo: esta es la red que acabamos de entrenar. Lanza tu
# propia pelota y luego deja que la red vea menos fotogramas.

# %% tags=["plot"]
figure, panel = plt.subplots(figsize=(3.6, 3.8), layout="constrained")
box(panel, text("eight frames, then the dark", "ocho fotogramas, y a oscuras"))
panel.plot(*seen[0].T, "o", color="0.75", ms=9)
panel.plot(*truth[0].T, "o", mfc="none", mec="0.35", ms=10)
panel.plot(*dreamt[0].T, ".-", color="C3", lw=1)
plt.show()
live("ball", memory=seer.memory.cell.a, output=seer.memory.output)

# %% [markdown] lang="en"
# ## The same network and the weather
#
# Nothing in `Seer` or `fit` knows anything about balls. So let a word be a *day in Seattle*: its
# highest and lowest temperature, rain, wind, and the season as a point on a circle. The question is
# the same: what comes next? Here: how warm will tomorrow be?
#
# Honest forecasting has two habits. The last year is **held out**: the network never learns from
# it. And the numbers are brought to a common scale with the means and standard deviations of the
# *training* years alone, because nobody knows next year's average.

# %% [markdown] lang="es"
# ## La misma red y el tiempo
#
# Nada en `Seer` ni en `fit` sabe de pelotas. Así que ahora una palabra será *un día en Seattle*: su
# temperatura máxima y mínima, la lluvia, el viento y la estación del año como un punto de un
# círculo. La pregunta es la misma: ¿qué viene después? Aquí: ¿qué máxima tendremos mañana?
#
# Quien pronostica con honestidad tiene dos costumbres. El último año **se reserva**: la red no
# aprende nada de él. Y los números se llevan a una escala común con las medias y las desviaciones
# típicas de los años de *entrenamiento* solamente, porque nadie conoce la media del año que viene.

# %%
weather = seattle_weather()
day_of_year = (weather.date - weather.date.astype("datetime64[Y]")).astype(int)
season = 2 * np.pi * day_of_year / 365.25
days = np.stack(
    [weather.temp_max, weather.temp_min, weather.precipitation, weather.wind,
     np.sin(season), np.cos(season)],
    axis=-1,
)  # fmt: skip

held_out = weather.date >= np.datetime64("2015-01-01")
mean, spread = days[~held_out].mean(axis=0), days[~held_out].std(axis=0)
words = ((days - mean) / spread).astype(np.float32)


def sequences_of(length):
    """All runs of days and the day after: those that end before 2015, and those in 2015.

    || Todas las series de días con el siguiente: las que acaban antes de 2015 y las de 2015.
    """
    runs = np.lib.stride_tricks.sliding_window_view(words, length + 1, axis=0).swapaxes(1, 2)
    return runs[~held_out[length:]], runs[held_out[length:]]


def forecast_error(model, sequences):
    """RMSE of the last day's highest temperature, in °C, forecast from the days before.

    || RMSE de la máxima del último día, en °C, pronosticada a partir de los anteriores.
    """
    with mg.no_grad():
        predictions, _ = model(sequences[:, :-1])
    return spread[0] * rmse(predictions.data[:, -1, 0], sequences[:, -1, 0])


known, year = sequences_of(14)
vane = Seer(word_size=6, hidden_size=16, outputs=1, rng=rng)
fit(vane, known, epochs=20, lr=3e-3, rng=rng)

same_as_today = spread[0] * rmse(year[:, -2, 0], year[:, -1, 0])
network = forecast_error(vane, year)
print(f"2015, RMSE: {NETWORK} {network:.2f} °C, "
      f"{text('same as today', 'igual que hoy')} {same_as_today:.2f} °C")  # fmt: skip
assert len(year) == 365
assert 0.88 * same_as_today < network < 0.96 * same_as_today

# %% tags=["plot"]
with mg.no_grad():
    predictions, _ = vane(year[:, :-1])
celsius = mean[0] + spread[0] * np.stack([predictions.data[:, -1, 0], year[:, -1, 0]])
figure, axes = plt.subplots(figsize=(10, 3.4), layout="constrained")
axes.plot(weather.date[held_out], celsius[1], color="0.65", lw=3, label=text("measured", "medida"))
forecast = text("forecast the day before", "pronosticada el día anterior")
axes.plot(weather.date[held_out], celsius[0], color="C3", lw=1, label=forecast)
axes.set_ylabel(text("highest temperature, °C", "temperatura máxima, °C"))
axes.legend(frameon=False)
plt.show()

# %% [markdown] lang="en"
# It beats "same as today", if only by a little, on a year that it has never seen. Weather is not a
# ball: most of what drives it (the air over the Pacific) is not in our six numbers.
#
# And how much did the *memory* help? Do not assume: measure. Train the same network on windows of a
# single day:

# %% [markdown] lang="es"
# Supera a «igual que hoy», aunque por poco, en un año que nunca ha visto. El tiempo no es una
# pelota: casi todo lo que lo mueve (el aire sobre el Pacífico) no está en nuestros seis números.
#
# ¿Y cuánto ayudó la *memoria*? No lo demos por hecho: midámoslo. Entrenemos la misma red con
# ventanas de un solo día:

# %%
known_1, year_1 = sequences_of(1)
short = Seer(word_size=6, hidden_size=16, outputs=1, rng=rng)
fit(short, known_1, epochs=60, lr=3e-3, rng=rng)
one_day = forecast_error(short, year_1)
print(text(f"from one day {one_day:.2f} °C, from fourteen {network:.2f} °C",
           f"con un día {one_day:.2f} °C, con catorce {network:.2f} °C"))  # fmt: skip
assert abs(one_day - network) < 0.15

# %% [markdown] lang="en"
# The difference is less than 0.15 °C: today's values already hold nearly everything that these
# columns can say about tomorrow. For the ball, memory was everything; for this forecast, next to
# nothing. Only a measurement could tell.

# %% [markdown] lang="es"
# Hay menos de 0.15 °C de diferencia: el día de hoy ya dice casi todo lo que estas columnas pueden
# decir del de mañana. Para la pelota, la memoria lo era todo; para este pronóstico, casi nada. Solo
# midiendo podía saberse.

# %% [markdown] lang="en"
# ## From "checked" to "proved"
#
# Above we checked *one* entry at *one* point. `verify` goes further, with three judges. **Proof**:
# the same code runs on symbols instead of numbers, and its gradient minus SymPy's own derivative
# must reduce to 0. **Exact**: a hundred steps in a finite field, where equal means equal (chapter 3
# shows how). **Numeric**: the complex step that you have just met, on real data. Each line below
# says which judge checked what, and how many entries were equal; the last one is about the code
# that minigrad generates for fast layers.

# %% [markdown] lang="es"
# ## De «comprobado» a «demostrado»
#
# Antes comprobamos *un* elemento en *un* punto. `verify` va más lejos, con tres jueces.
# **Demostración** (*proof*): el mismo código se ejecuta con símbolos en vez de números, y su
# gradiente menos la derivada que calcula SymPy debe reducirse a 0. **Exacto** (*exact*): cien pasos
# en un cuerpo finito, donde igual significa igual (el capítulo 3 enseña cómo). **Numérico**
# (*numeric*): el paso complejo que acabas de conocer, con datos reales. Cada línea dice qué juez ha
# comprobado qué y cuántos elementos son iguales; la última se refiere al código que minigrad genera
# para que las capas vayan deprisa.

# %%
report = verify("rnn", seed=SEED)
verdicts(report)
assert {found.judge for found in report.checks} == {"proof", "exact", "numeric"}

# %% [markdown] lang="en"
# ## Exercises
#
# Put your answer where it says `None` and run the cell; it tells you whether you are right. The
# solutions are folded.
#
# **1. By hand.** A network with one unit and no bias: $h_t = \tanh(w\,h_{t-1} + x_t)$, $h_0 = 0$.
# Write the derivative of $h_3$ with respect to $w$, without minigrad. Note that $w$ acts twice.

# %% [markdown] lang="es"
# ## Ejercicios
#
# Pon tu respuesta donde dice `None` y ejecuta la celda: te dirá si has acertado. Las soluciones
# están plegadas.
#
# **1. A mano.** Una red de una sola unidad y sin sesgo: $h_t = \tanh(w\,h_{t-1} + x_t)$,
# $h_0 = 0$. Escribe la derivada de $h_3$ respecto de $w$, sin minigrad. Ojo: $w$ actúa dos veces.


# %%
def by_hand(w, x):
    """The derivative of h_3; x holds three numbers. || La derivada de h_3; x son tres números."""
    return None


def h_3(w, x):
    h = 0.0
    for x_t in x:
        h = np.tanh(w * h + x_t)
    return h


films_of_numbers = (0.5, [1.0, -0.3, 0.2]), (-2.0, [0.1, 0.4, -1.0])
for w, x in films_of_numbers:
    check(f"1, w = {w}", by_hand(w, x), mg.grad(h_3)(w, x))

# %% [markdown] lang="en" tags=["hint"]
# 1. Write $h_1$, $h_2$ and $h_3$ one below the other, and mark every place where $w$ occurs.
# 2. The slope of $\tanh(a)$ is $1 - \tanh(a)^2$: one such factor for each tanh on the path to a
#    $w$.
# 3. $\partial h_3/\partial w = (1 - h_3^2)\,(h_2 + w\,\partial h_2/\partial w)$, and $\partial
#    h_2/\partial w = (1 - h_2^2)\,h_1$.

# %% [markdown] lang="es" tags=["hint"]
# 1. Escribe $h_1$, $h_2$ y $h_3$ una debajo de la otra y marca cada lugar donde aparece $w$.
# 2. La pendiente de $\tanh(a)$ es $1 - \tanh(a)^2$: un factor así por cada tanh en el camino hasta
#    una $w$.
# 3. $\partial h_3/\partial w = (1 - h_3^2)\,(h_2 + w\,\partial h_2/\partial w)$, y $\partial
#    h_2/\partial w = (1 - h_2^2)\,h_1$.

# %% [markdown] lang="en" tags=["solution"]
# In $h_3 = \tanh(w\,h_2 + x_3)$ the outer $w$ contributes $h_2$; the inner one, inside $h_2$,
# contributes $w\,(1 - h_2^2)\,h_1$; and both pass through the last tanh. Each step back multiplies
# by another factor $w\,(1 - h^2)$: that is why gradients fade over long films.

# %% [markdown] lang="es" tags=["solution"]
# En $h_3 = \tanh(w\,h_2 + x_3)$, la $w$ de fuera aporta $h_2$; la de dentro, la que está en $h_2$,
# aporta $w\,(1 - h_2^2)\,h_1$; y las dos pasan por la última tanh. Por cada paso hacia atrás se
# multiplica por otro factor $w\,(1 - h^2)$: por eso los gradientes se desvanecen en las películas
# largas.


# %% tags=["solution"]
def by_hand(w, x):
    h_1 = np.tanh(x[0])
    h_2 = np.tanh(w * h_1 + x[1])
    h_3 = np.tanh(w * h_2 + x[2])
    return (1 - h_3**2) * (h_2 + w * (1 - h_2**2) * h_1)


for w, x in films_of_numbers:
    check(f"1, w = {w}", by_hand(w, x), mg.grad(h_3)(w, x))

# %% [markdown] lang="en"
# **2. Take its memory away.** Let the trained `seer` predict each frame of `new` from the frame
# before it alone, with a fresh hidden state every time. What is its RMSE from the second frame on,
# as above? Guess before you run it: like "it stays", like "it goes on", or better?

# %% [markdown] lang="es"
# **2. Quítale la memoria.** Haz que la red entrenada `seer` prediga cada fotograma de `new` solo a
# partir del anterior, con un estado oculto nuevo cada vez. ¿Qué RMSE obtiene desde el segundo
# fotograma, como antes? Apuesta antes de ejecutarlo: ¿como «se queda», como «seguirá», o mejor?

# %%
forgetful = None
check("2", forgetful, stays, rtol=0.15)

# %% [markdown] lang="en" tags=["hint"]
# 1. `seer` begins every film with a fresh state. How short must a film be so that it has no past?
# 2. Give it films of one frame: reshape `now` so that each frame is a film of its own.
# 3. `now.reshape(-1, 1, 2)` goes in; compare the predictions with `after.reshape(-1, 1, 2)` by
#    `rmse`.

# %% [markdown] lang="es" tags=["hint"]
# 1. `seer` empieza cada película con un estado nuevo. ¿Cómo de corta debe ser una película para que
#    no tenga pasado?
# 2. Dale películas de un solo fotograma: cambia la forma de `now` para que cada fotograma sea una
#    película.
# 3. Entra `now.reshape(-1, 1, 2)`; compara las predicciones con `after.reshape(-1, 1, 2)` mediante
#    `rmse`.

# %% [markdown] lang="en" tags=["solution"]
# Make each frame a film of one frame: the batch takes the place of time. Without memory the network
# is back at "it stays". It has the same weights, but all their knowledge of flight is useless.

# %% [markdown] lang="es" tags=["solution"]
# Convierte cada fotograma en una película de un solo fotograma: el lote ocupa el lugar del tiempo.
# Sin memoria, la red vuelve a «se queda donde está». Los pesos son los mismos, pero todo lo que
# sabían del vuelo no sirve de nada.

# %% tags=["solution"]
with mg.no_grad():
    predictions, _ = seer(now.reshape(-1, 1, 2))
forgetful = rmse(predictions.data, after.reshape(-1, 1, 2))
check("2", forgetful, stays, rtol=0.15)

# %% [markdown] lang="en"
# **3. A cell of your own.** Write a cell that forgets slowly: at each step, its state moves halfway
# from the old one to $\tanh(W\,[h_{t-1}, x_t] + b)$. Then let the three judges check its gradient,
# for which you have not written a single line: `verdicts(verify(target_of(Leaky, "leaky")))`.

# %% [markdown] lang="es"
# **3. Tu propia celda.** Escribe una celda que olvide despacio: en cada paso, su estado se mueve
# hasta la mitad del camino entre el anterior y $\tanh(W\,[h_{t-1}, x_t] + b)$. Después deja que los
# tres jueces comprueben su gradiente, del que no habrás escrito ni una línea:
# `verdicts(verify(target_of(Leaky, "leaky")))`.

# %%
from minigrad.targets import target_of


class Leaky(nn.Cell):
    state = ("h",)
    gates = ("a",)

    def step(self, x, h):
        _ = self.a(h, x)  # W·[h, x] + b
        return h  # your answer || tu respuesta


def one_step(cell):
    """The state after one step, and what it should be; ``None`` if it has not moved.

    || El estado tras un paso y el que debería ser; ``None`` si no se ha movido.
    """
    mine = cell(2, 3, rng=0, dtype=np.float64)
    x, h = np.array([[0.3, -0.2]]), np.array([[0.5, 0.1, -0.4]])
    after = mine(x, h)
    return (None if after is h else after.data), (h + np.tanh(mine.a(h, x).data)) / 2


check("3", *one_step(Leaky))


# %% [markdown] lang="en" tags=["hint"]
# 1. Halfway between two numbers is their mean.
# 2. The new part is `np.tanh(self.a(h, x))`.
# 3. Return `(h + …) / 2`, with the new part in place of the dots.

# %% [markdown] lang="es" tags=["hint"]
# 1. A medio camino entre dos números está su media.
# 2. La parte nueva es `np.tanh(self.a(h, x))`.
# 3. Devuelve `(h + …) / 2`, con la parte nueva en lugar de los puntos.

# %% [markdown] lang="en" tags=["solution"]
# `nn.Recurrent(2, 32, cell=Leaky, output_size=2)` unrolls it like any other cell. Does it make a
# better seer? Its state averages over many frames, and a ball's direction lies in the difference
# between two.

# %% [markdown] lang="es" tags=["solution"]
# `nn.Recurrent(2, 32, cell=Leaky, output_size=2)` la despliega como cualquier otra. ¿Ve mejor el
# futuro? Un estado así promedia muchos fotogramas, y el rumbo de la pelota se esconde en la
# diferencia entre dos.


# %% tags=["solution"]
class Leaky(nn.Cell):
    state = ("h",)
    gates = ("a",)

    def step(self, x, h):
        return (h + np.tanh(self.a(h, x))) / 2


check("3", *one_step(Leaky))
verdicts(verify(target_of(Leaky, "leaky")))

# %% [markdown] lang="en"
# ## Five questions
#
# Choose an answer: it tells you at once whether it is right, and why.

# %% [markdown] lang="es"
# ## Cinco preguntas
#
# Elige una respuesta: te dice enseguida si es correcta y por qué.

# %% [markdown] lang="en" tags=["quiz"]
# **1. What does the hidden state give the network that a wider layer could not?**
#
# - [ ] More weights to learn with :: A wider layer has more weights too, and still sees one frame.
# - [x] Something carried over from earlier frames :: The direction of flight is in no single frame:
#   it must be carried from one to the next.
# - [ ] A smaller loss at the start of training :: At the start, neither of them knows anything.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Qué le da a la red el estado oculto que no le daría una capa más ancha?**
#
# - [ ] Más pesos con los que aprender :: Una capa más ancha también tiene más pesos, y sigue viendo
#   un solo fotograma.
# - [x] Algo que viene de los fotogramas anteriores :: La dirección del vuelo no está en ningún
#   fotograma: hay que llevarla de uno al siguiente.
# - [ ] Una pérdida menor al empezar a entrenar :: Al empezar, ninguna de las dos sabe nada.

# %% [markdown] lang="en" tags=["quiz"]
# **2. `W.grad[0, 1]` is 2. You raise `W[0, 1]` by 0.001. What does the loss do, approximately?**
#
# - [ ] It falls by 0.002 :: The slope is positive, so the loss goes where the weight goes: up.
#   Descent takes the opposite step.
# - [x] It rises by 0.002 :: The slope times the step, as long as the step is small.
# - [ ] It rises by 2 :: 2 is the rise per unit; this step is a thousandth of one.

# %% [markdown] lang="es" tags=["quiz"]
# **2. `W.grad[0, 1]` vale 2. Subes `W[0, 1]` en 0.001. ¿Qué hace la pérdida, más o menos?**
#
# - [ ] Baja 0.002 :: La pendiente es positiva: la pérdida va hacia donde va el peso, o sea, sube.
#   El descenso da el paso contrario.
# - [x] Sube 0.002 :: La pendiente por el paso, mientras el paso sea pequeño.
# - [ ] Sube 2 :: 2 es la subida por unidad; este paso es una milésima.

# %% [markdown] lang="en" tags=["quiz"]
# **3. Why does the same matrix $W$ serve films of any length?**
#
# - [x] Each step uses it once more :: A step is the same function every time, fed with its own last
#   state.
# - [ ] It has one column for each frame :: Its columns belong to the state and to one frame's
#   numbers, not to the frames.
# - [ ] Short films are padded :: Padding helps to put films in one batch; the step itself needs
#   none.

# %% [markdown] lang="es" tags=["quiz"]
# **3. ¿Por qué la misma matriz $W$ sirve para películas de cualquier duración?**
#
# - [x] Cada paso la usa una vez más :: Un paso es la misma función una y otra vez, alimentada con
#   su propio estado.
# - [ ] Tiene una columna por fotograma :: Sus columnas son las del estado y las de los números de
#   un fotograma, no las de los fotogramas.
# - [ ] Las películas cortas se rellenan :: El relleno ayuda a juntar películas en un lote; el paso
#   no lo necesita.

# %% [markdown] lang="en" tags=["quiz"]
# **4. Why compare the network with "it stays" and "it goes on as before"?**
#
# - [ ] Because the loss needs them :: The loss compares predictions with frames only.
# - [x] Because an error alone means nothing :: A network that cannot beat a forecast without any
#   learning has learned nothing.
# - [ ] Because they are the best that can be reached :: They are what has to be beaten, and both
#   are.

# %% [markdown] lang="es" tags=["quiz"]
# **4. ¿Por qué comparar la red con «se queda donde está» y «seguirá como hasta ahora»?**
#
# - [ ] Porque la pérdida los necesita :: La pérdida solo compara predicciones con fotogramas.
# - [x] Porque un error por sí solo no dice nada :: Quien no supera un pronóstico que no necesita
#   aprender no ha aprendido nada.
# - [ ] Porque son el límite de lo que se puede alcanzar :: Son lo que hay que superar, y se
#   superan.

# %% [markdown] lang="en" tags=["quiz"]
# **5. The central difference of the loss agrees with `backward` to nine digits and no further.
# Why?**
#
# - [ ] `backward` is only an approximation :: It is exact up to rounding: the complex step agrees
#   with it to at least 13 digits.
# - [x] Nearly equal numbers are subtracted :: Their common digits cancel, and only the last ones
#   are left.
# - [ ] The step was far too large :: A smaller step would cancel even more digits.

# %% [markdown] lang="es" tags=["quiz"]
# **5. La diferencia central de la pérdida coincide con `backward` en nueve cifras y no más. ¿Por
# qué?**
#
# - [ ] `backward` es solo una aproximación :: Es exacto salvo redondeo: el paso complejo coincide
#   con él en 13 cifras o más.
# - [x] Se restan números casi iguales :: Las cifras comunes se cancelan, y solo quedan las últimas.
# - [ ] El paso era demasiado grande :: Un paso menor cancelaría aún más cifras.

# %% [markdown] lang="en"
# ## Where to read on
#
# - `models/forecaster.py` is the weather forecast done properly, with LSTM and GRU:
#   `python -m models.forecaster --help`.
# - `minigrad/nn/cells.py`: the equations of RNN, LSTM and GRU, and nothing else.
# - `minigrad/tape.py`: the backward pass, in one function.
# - J. L. Elman, *Finding Structure in Time*, Cognitive Science 14 (1990), pages 179–211: our three
#   lines, and what they learn from words without spaces between them.
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning* (2016), chapter 10: why gradients
#   fade over long films, and what gates do about it.

# %% [markdown] lang="es"
# ## Para seguir leyendo
#
# - `models/forecaster.py` es el pronóstico del tiempo hecho como es debido, con LSTM y GRU:
#   `python -m models.forecaster --help`.
# - `minigrad/nn/cells.py`: las ecuaciones de RNN, LSTM y GRU, y nada más.
# - `minigrad/tape.py`: la pasada hacia atrás, en una sola función.
# - J. L. Elman, *Finding Structure in Time*, Cognitive Science 14 (1990), páginas 179–211: nuestras
#   tres líneas, y lo que aprenden de palabras sin espacios entre ellas.
# - I. Goodfellow, Y. Bengio y A. Courville, *Deep Learning* (2016), capítulo 10: por qué los
#   gradientes se desvanecen en las películas largas y qué hacen las puertas para evitarlo.
