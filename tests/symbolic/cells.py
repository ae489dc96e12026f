"""Cells of one's own, each a question to `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import nn
from minigrad.primitives import exp, sigmoid, tanh


class Peephole(nn.Cell):
    """Gates see the cell state; the output gate sees the new one (Gers et al. 2002)."""

    state = ("h", "c")
    gates = ("f", "i", "g", "o")

    def step(self, x: Any, h: Any, c: Any) -> Any:
        f = sigmoid(self.f(c, h, x))
        i = sigmoid(self.i(c, h, x))
        g = tanh(self.g(h, x))
        c = f * c + i * g
        o = sigmoid(self.o(c, h, x))
        return o * tanh(c), c


class DiagonalPeephole(nn.Cell):
    """Peepholes with one weight for each unit, outside the gates' matrices."""

    state = ("h", "c")
    gates = ("f", "g", "o")

    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.p_f = nn.Parameter(np.full(hidden_size, 0.3))
        self.p_o = nn.Parameter(np.full(hidden_size, -0.2))
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x: Any, h: Any, c: Any) -> Any:
        f = sigmoid(self.f(h, x) + self.p_f * c)
        c = f * c + (1 - f) * tanh(self.g(h, x))
        o = sigmoid(self.o(h, x) + self.p_o * c)
        return o * tanh(c), c


class OldAndNew(nn.Cell):
    """One gate sees a state before and after the step."""

    state = ("h", "c")
    gates = ("g", "o")

    def step(self, x: Any, h: Any, c: Any) -> Any:
        new = 0.5 * c + tanh(self.g(h, x))
        return sigmoid(self.o(c, new, h, x)) * tanh(new), new


class Coupled(nn.Cell):
    """The input gate is 1 − f."""

    state = ("h", "c")
    gates = ("f", "g", "o")

    def step(self, x: Any, h: Any, c: Any) -> Any:
        f = sigmoid(self.f(h, x))
        g = tanh(self.g(h, x))
        c = f * c + (1 - f) * g
        return sigmoid(self.o(h, x)) * tanh(c), c


class Uncoupled(Coupled):
    """As `Coupled`, without the input gate."""

    def step(self, x: Any, h: Any, c: Any) -> Any:
        c = sigmoid(self.f(h, x)) * c + tanh(self.g(h, x))
        return sigmoid(self.o(h, x)) * tanh(c), c


class Linear(nn.Cell):
    """A gate without activation, and one with operations around it; ½ is exact."""

    gates = ("a", "b")

    def step(self, x: Any, h: Any) -> Any:
        return 0.5 * self.a(h, x) + h * tanh(2 * self.b(x) - h)


class Delay(nn.Cell):
    """Three states: one new, one handed on, one the other's past."""

    state = ("h", "past", "mark")
    gates = ("a",)

    def step(self, x: Any, h: Any, past: Any, mark: Any) -> Any:
        return tanh(self.a(h, past, mark, x)), h, mark


class Twins(nn.Cell):
    """Both states are the same value."""

    state = ("h", "c")
    gates = ("a",)

    def step(self, x: Any, h: Any, c: Any) -> Any:
        h = tanh(self.a(h, c, x))
        return h, h


class Twice(nn.Cell):
    """The same gate, and so the same weights, applied twice in one step."""

    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        return tanh(self.a(tanh(self.a(h, x)), x))


class Raw(nn.Cell):
    """A gate's value before its activation feeds another gate and is used again."""

    gates = ("u", "v")

    def step(self, x: Any, h: Any) -> Any:
        u = self.u(h, x)
        return tanh(u) * sigmoid(self.v(u, h)) + u * h


class NamedLikeState(nn.Cell):
    """A gate that has the state's name, as in h_t = tanh(W_h · [h_{t−1}, x_t] + b_h)."""

    gates = ("h",)

    def step(self, x: Any, h: Any) -> Any:
        return 0.5 * h + 0.5 * tanh(self.h(h, x))


class Exotic(nn.Cell):
    """Names that LaTeX and HTML must survive."""

    state = ("h", "slow_state")
    gates = ("alpha", "my_gate", "größe", "s")

    def step(self, x: Any, h: Any, slow: Any) -> Any:
        a = sigmoid(self.alpha(h, x))
        m = sigmoid(self.my_gate(a * h, x))
        slow = m * slow + exp(-sigmoid(self.größe(slow, x)))
        return tanh(self.s(h, slow)) * a, slow


class Odd(nn.Cell):
    """A gate without activation, a gate used twice, a half, and a state handed on."""

    state = ("h", "m")
    gates = ("alpha", "beta")

    def step(self, x: Any, h: Any, m: Any) -> Any:
        a = self.alpha(x, h)
        b = sigmoid(self.beta(m, h))
        return 0.5 * a * b + tanh(a) / 3.0 + m * h, h


class Normalised(nn.Cell):
    """Not entry by entry: layer norm's mean."""

    gates = ("a",)

    def step(self, x: Any, h: Any) -> Any:
        a = self.a(h, x)
        return tanh(a - a.mean(axis=-1, keepdims=True))
