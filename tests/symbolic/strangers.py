"""Cells as users write them: other activations, parameters of their own, packed gates, …"""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad import exp, nn, relu, sigmoid, softmax, softplus, tanh


def _filled(cell: nn.Module, *shape: int) -> mg.Parameter:
    """A parameter of some numbers."""
    rng = np.random.default_rng(sum(shape))
    return mg.Parameter(rng.normal(size=shape) / 2)


class Relu(nn.Cell):
    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        return relu(self.a(h, x))


class Kinks(nn.Cell):
    """|h| at h = 0, where its derivative is 0; a maximum with a tie; division by a constant."""

    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        a = self.a(h, x)
        return abs(h - h) + abs(h) * tanh(a) - abs(a) / 6 + mg.maximum(h, h) + mg.minimum(a, 0.1)


class HardSigmoid(nn.Cell):
    gates = ("f", "g")

    def step(self, x: Any, h: Any) -> Any:
        f = np.clip(self.f(h, x) / 6 + 0.5, 0, 1)
        return f * h + (1 - f) * np.clip(self.g(h, x), -1, 1)


class Powers(nn.Cell):
    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        s = sigmoid(self.a(h, x))
        return s**1.5 - 0.3 * (1 + s) ** -2 + tanh(h) ** 3 / 3 - np.sqrt(h * h + 0.1)


class Choices(nn.Cell):
    gates = ("a", "b")

    def step(self, x: Any, h: Any) -> Any:
        a, b = self.a(h, x), self.b(x)
        return np.where(a > 0, tanh(a), 0.1 * h) + (b >= 0.2) * h * b + (h != 0) * 0.1


class Gelus(nn.Cell):
    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        a = self.a(h, x)
        return mg.gelu(a) - mg.gelu(h, approximate="tanh") + a * sigmoid(a) + h / (1 + abs(h))


class Leaky(nn.Cell):
    """Parameters of its own: one number per unit, and one for all."""

    gates = ("a",)

    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.tau, self.scale = _filled(self, hidden_size), _filled(self)
        self.log_decay = _filled(self, hidden_size)
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x: Any, h: Any) -> Any:
        h = h * exp(-exp(self.log_decay))
        return h + (tanh(self.a(h, x)) * self.scale - h) / (1 + self.tau**2)


class Normed(nn.Cell):
    """Norms inside of the step, as modules and by hand."""

    gates = ("a",)

    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.layer = nn.LayerNorm(hidden_size, dtype=np.float64)
        self.root = nn.RMSNorm(hidden_size, dtype=np.float64)
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x: Any, h: Any) -> Any:
        a = self.layer(self.a(h, x))
        b = (a - a.mean(axis=-1, keepdims=True)) / np.sqrt(a.var(axis=-1, keepdims=True) + 1e-3)
        return tanh(a + self.root(h)) + 0.1 * b


class Multiplicative(nn.Cell):
    """Krause et al. 2016, "Multiplicative LSTM for sequence modelling", equations 16 to 21."""

    state = ("h", "c")
    gates = ("mx", "mh", "f", "i", "o", "g")

    def step(self, x: Any, h: Any, c: Any) -> Any:
        m = self.mx(x) * self.mh(h)
        f, i, o = (sigmoid(gate(m, x)) for gate in (self.f, self.i, self.o))
        c = f * c + i * tanh(self.g(m, x))
        return o * tanh(c), c


class Independent(nn.Cell):
    """Li et al. 2018, "Independently recurrent neural network", equation 2."""

    gates = ("W",)
    vectors = {"u": 0.9}

    def step(self, x: Any, h: Any) -> Any:
        return relu(self.W(x) + self.u * h)


class SimpleUnit(nn.Cell):
    """Lei et al. 2018, "Simple recurrent units", equations 1 to 4."""

    state = ("h", "c")
    gates = ("f", "r", "z", "w")
    vectors = {"v_f": 0.1, "v_r": 0.2}

    def step(self, x: Any, h: Any, c: Any) -> Any:
        f = sigmoid(self.f(x) + self.v_f * c)
        r = sigmoid(self.r(x) + self.v_r * c)
        c = f * c + (1 - f) * self.z(x)
        return r * c + (1 - r) * self.w(x), c


class QuasiRecurrent(nn.Cell):
    """Gates see the input of the step before, a state of another width."""

    state = ("c", "before")
    gates = ("z", "f", "o", "keep")

    def size_of(self, name: str) -> int:
        return 2 if name in ("before", "keep") else self.hidden_size

    def step(self, x: Any, c: Any, before: Any) -> Any:
        z, f = tanh(self.z(x, before)), sigmoid(self.f(x, before))
        return sigmoid(self.o(x, before)) * (f * c + (1 - f) * z), self.keep(x)


class Highway(nn.Cell):
    """Zilly et al. 2017, "Recurrent highway networks", equation 6, with two layers."""

    state = ("s",)
    gates = ("H1", "T1", "H2", "T2")

    def step(self, x: Any, s: Any) -> Any:
        t = sigmoid(self.T1(s, x))
        s = t * tanh(self.H1(s, x)) + (1 - t) * s
        t = sigmoid(self.T2(s))
        return t * tanh(self.H2(s)) + (1 - t) * s


class Clockwork(nn.Cell):
    """Units with a rate of their own, some of which stand still: constant vectors."""

    gates = ("a",)

    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.rate = np.linspace(0.1, 1, hidden_size)
        self.slow = np.arange(hidden_size) % 2 == 0
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x: Any, h: Any) -> Any:
        return np.where(self.slow, h, (1 - self.rate) * h + self.rate * tanh(self.a(h, x)))


class Delays(nn.Cell):
    """Siegelmann et al. 1997, NARX: the last three outputs are fed back."""

    state = ("h", "h2", "h3")
    gates = ("a",)

    def step(self, x: Any, h: Any, h2: Any, h3: Any) -> Any:
        return tanh(self.a(h, h2, h3, x)), h, h2


class Packed(nn.Cell):
    """One gate three times as wide, cut in two ways."""

    gates = ("zfo",)

    def size_of(self, name: str) -> int:
        return (3 if name == "zfo" else 1) * self.hidden_size

    def step(self, x: Any, h: Any) -> Any:
        n, a = self.hidden_size, self.zfo(h, x)
        z, f = np.split(a[:, : 2 * n], 2, axis=-1)
        f, o = sigmoid(f), sigmoid(a[..., 2 * n :])
        return o * (f * h + (1 - f) * tanh(z))


class ByHand(nn.Cell):
    """Weights without gates, multiplied from either side, and joined inputs."""

    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.W, self.b = _filled(self, hidden_size, hidden_size), _filled(self, hidden_size)
        self.U = _filled(self, input_size, hidden_size)
        self.joint = nn.Linear(input_size + hidden_size, hidden_size, rng=0, dtype=np.float64)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False, rng=1, dtype=np.float64)
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x: Any, h: Any) -> Any:
        h = tanh(h @ self.W.T + x @ self.U + self.b)
        return self.out(h) + sigmoid(self.joint(np.concatenate([h, x], axis=-1)))


class Detached(nn.Cell):
    """No gradient through the gate, nor through one of the factors."""

    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        constant = mg.Tensor(h).detach()
        return tanh(self.a(constant, x)) * 0.5 + h * constant


class Attentive(nn.Cell):
    """Shares of the units, and a score scaled by the width."""

    gates = ("a", "b", "q", "k", "v")

    def step(self, x: Any, h: Any) -> Any:
        shares = softmax(self.a(h, x) / 0.7, axis=-1) * tanh(self.b(x))
        score = (self.q(h) * self.k(x)).sum(axis=-1, keepdims=True) / np.sqrt(self.hidden_size)
        return shares + sigmoid(score) * self.v(x) + 0.5 * h


class Cosine(nn.Cell):
    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        a = self.a(h, x)
        size = (a * a).sum(axis=-1, keepdims=True) * (h * h).sum(axis=-1, keepdims=True)
        return a * (a * h).sum(axis=-1, keepdims=True) / np.sqrt(size + 0.1)


class OutsideOfGates(nn.Cell):
    """x is changed before the gate, and used beside it."""

    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        return tanh(self.a(h, 2 * x + 1)) * (x**2).mean(axis=-1, keepdims=True) - np.log1p(exp(h))


class Selective(nn.Cell):
    """Gu & Dao 2023, "Mamba", equations 2a and 4, with a diagonal A."""

    gates = ("delta", "B")
    vectors = {"A": -1.0}

    def step(self, x: Any, h: Any) -> Any:
        delta = softplus(self.delta(x))
        return exp(delta * self.A) * h + delta * self.B(x)


class OneGateForAll(nn.Cell):
    """A gate that is one number for all units, and a state of another width."""

    state = ("h", "c")
    gates = ("g", "f", "a")

    def size_of(self, name: str) -> int:
        return {"g": 1, "c": 6, "f": 6}.get(name, self.hidden_size)

    def step(self, x: Any, h: Any, c: Any) -> Any:
        g = sigmoid(self.g(h, x))
        c = g * c + tanh(self.f(h, x))
        return g * h + (1 - g) * tanh(self.a(c, x)), c


class Nested(nn.Cell):
    """A cell inside of a cell, with its own gates."""

    gates = ("r",)

    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.inner = nn.GRUCell(input_size, hidden_size, **rest)
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x: Any, h: Any) -> Any:
        return self.inner(x, h) + sigmoid(self.r(x)) * h


class Maximal(nn.Cell):
    state = ("h", "m")
    gates = ("a",)

    def step(self, x: Any, h: Any, m: Any) -> Any:
        m = mg.maximum(m, self.a(h, x))
        return np.sin(m) * np.cos(h) + np.arctan(h), m


class Thirds(nn.Cell):
    """Parts counted from both ends, of which three are joined, and a mean over one of them."""

    gates = ("a", "b")

    def step(self, x: Any, h: Any) -> Any:
        a, b = self.a(x, h), self.b(h)
        inner = a[..., 1:-2] * b[..., 1:-2] / (h.shape[-1] - 3)
        return np.concatenate([relu(b[..., :1]), inner, tanh(a[..., -2:] + b[..., 1:3])], axis=-1)


ALL = [
    kind for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, nn.Cell) and kind is not nn.Cell
]  # fmt: skip
