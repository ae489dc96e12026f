"""Recurrent cells, each as its equations and nothing else.

A cell names its state, names its gates, and writes one step. Everything else reads these
lines: the tape runs them, `derive` runs them on symbols, `verify` judges them and `graph`
draws them with the gates' names. A user's own cell has all of it for the same lines.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from minigrad.nn.cell import Cell
from minigrad.nn.module import check_size
from minigrad.primitives import exp, maximum, mean, relu, sigmoid, sqrt, tanh, var
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter

NONLINEARITIES = {"tanh": tanh, "relu": relu}
"""The functions that PyTorch's RNN can have."""


class RNNCell(Cell):
    """Simple recurrent network (Elman 1990, "Finding structure in time", p. 184).

    h_t = tanh(W_h · [h_{t−1}, x_t] + b_h)

    Args:
        input_size: width of x_t.
        hidden_size: width of h.
        bias: whether there is one.
        nonlinearity: ``"tanh"`` or ``"relu"``; any other function as ``activation``.
        rest: as for `Cell`.

    Example:
        >>> nn.RNNCell(3, 8)(np.ones((2, 3))).shape
        (2, 8)
    """

    state = ("h",)
    gates = ("a",)
    packing = keras = ("a",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        **rest: Any,
    ) -> None:
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(
                f"{type(self).__name__}: got nonlinearity={nonlinearity!r}, expected "
                f"{' or '.join(map(repr, NONLINEARITIES))}; give another function as activation"
            )
        if nonlinearity != "tanh":
            rest.setdefault("activation", NONLINEARITIES[nonlinearity])
        super().__init__(input_size, hidden_size, bias, **rest)

    def step(self, x: Array, h: Array) -> Array:
        """One step."""
        return self.activation(self.a(h, x))


class JordanCell(Cell):
    """Network whose output is fed back (Jordan 1986, "Serial order", p. 532).

    y_t = φ(w_x x_t + w_y y_{t−1} + b)

    Example:
        >>> nn.JordanCell(3, 8)(np.ones((2, 3))).shape
        (2, 8)
    """

    state = ("y",)
    gates = ("a",)

    def step(self, x: Array, y: Array) -> Array:
        """One step."""
        return self.activation(self.a(y, x))


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000).

    Example:
        >>> h, c = nn.LSTMCell(3, 8)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 8), (2, 8))
    """

    state = ("h", "c")
    gates = ("f", "i", "g", "o")
    packing = keras = ("i", "f", "g", "o")

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.f(h, x))  # forget gate
        i = sigmoid(self.i(h, x))  # input gate
        g = self.activation(self.g(h, x))  # candidate memory
        c = f * c + i * g
        o = sigmoid(self.o(h, x))  # output gate
        return o * self.activation(c), c


class NoForgetLSTMCell(Cell):
    """Long short-term memory as it was published, without a forget gate.

    Hochreiter & Schmidhuber 1997, "Long short-term memory", section 4, with tanh for their g
    and h.

    Example:
        >>> h, c = nn.NoForgetLSTMCell(3, 8)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 8), (2, 8))
    """

    state = ("h", "c")
    gates = ("i", "g", "o")

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        i = sigmoid(self.i(h, x))
        g = self.activation(self.g(h, x))
        c = c + i * g
        o = sigmoid(self.o(h, x))
        return o * self.activation(c), c


class PeepholeLSTMCell(Cell):
    """LSTM whose gates see the cell state, with full matrices.

    Gers & Schmidhuber 2000, "Recurrent nets that time and count": f and i see c_{t−1}, o sees
    c_t.

    Example:
        >>> h, c = nn.PeepholeLSTMCell(3, 8)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 8), (2, 8))
    """

    state = ("h", "c")
    gates = ("f", "i", "g", "o")

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.f(c, h, x))
        i = sigmoid(self.i(c, h, x))
        g = self.activation(self.g(h, x))
        c = f * c + i * g
        o = sigmoid(self.o(c, h, x))
        return o * self.activation(c), c


class DiagonalPeepholeLSTMCell(Cell):
    """LSTM with one peephole weight per unit and gate (Gers & Schmidhuber 2000).

    Example:
        >>> h, c = nn.DiagonalPeepholeLSTMCell(3, 8)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 8), (2, 8))
    """

    state = ("h", "c")
    gates = ("f", "i", "g", "o")
    vectors = MappingProxyType({"p_f": 0.0, "p_i": 0.0, "p_o": 0.0})
    p_f: Parameter
    p_i: Parameter
    p_o: Parameter

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.f(h, x) + self.p_f * c)
        i = sigmoid(self.i(h, x) + self.p_i * c)
        g = self.activation(self.g(h, x))
        c = f * c + i * g
        o = sigmoid(self.o(h, x) + self.p_o * c)
        return o * self.activation(c), c


class CoupledLSTMCell(Cell):
    """LSTM that learns just as much as it forgets (Greff et al. 2017, section III, CIFG).

    Example:
        >>> h, c = nn.CoupledLSTMCell(3, 8)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 8), (2, 8))
    """

    state = ("h", "c")
    gates = ("f", "g", "o")

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.f(h, x))
        g = self.activation(self.g(h, x))
        c = f * c + (1 - f) * g
        o = sigmoid(self.o(h, x))
        return o * self.activation(c), c


class ProjectedLSTMCell(Cell):
    """LSTM whose h is a projection of its memory (Sak et al. 2014, equations 1 to 7).

    Args:
        input_size: width of x_t.
        hidden_size: width of c and of the gates.
        bias: whether the gates have one; the projection has none.
        proj_size: width of h; half of ``hidden_size`` if not given.
        rest: as for `Cell`.

    Example:
        >>> h, c = nn.ProjectedLSTMCell(3, 8, proj_size=2)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 2), (2, 8))
    """

    state = ("h", "c")
    gates = ("f", "i", "g", "o", "p")
    unbiased = ("p",)
    packing = ("i", "f", "g", "o")
    projection = "p"
    proj_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        proj_size: int | None = None,
        **rest: Any,
    ) -> None:
        check_size(self, hidden_size=hidden_size)
        self.proj_size = (hidden_size + 1) // 2 if proj_size is None else proj_size
        check_size(self, proj_size=self.proj_size)
        super().__init__(input_size, hidden_size, bias, **rest)

    def size_of(self, name: str) -> int:
        """The projection and h have a width of their own."""
        return self.proj_size if name in ("h", "p") else self.hidden_size

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.f(h, x))
        i = sigmoid(self.i(h, x))
        g = self.activation(self.g(h, x))
        c = f * c + i * g
        o = sigmoid(self.o(h, x))
        return self.p(o * self.activation(c)), c


class LayerNormLSTMCell(Cell):
    """LSTM with layer normalisation inside (Ba et al. 2016, equations 20 to 22).

    Each gate's sum is brought to mean 0 and variance 1 over the units, then scaled by s and
    shifted by the gate's b; the memory likewise before it is shown.

    Example:
        >>> h, c = nn.LayerNormLSTMCell(3, 8)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 8), (2, 8))
    """

    state = ("h", "c")
    gates = ("f", "i", "g", "o")
    vectors = MappingProxyType({
        **dict.fromkeys(("s_f", "s_i", "s_g", "s_o", "s_c"), 1.0),
        **dict.fromkeys(("b_f", "b_i", "b_g", "b_o", "b_c"), 0.0),
    })  # fmt: skip
    s_f: Parameter
    s_i: Parameter
    s_g: Parameter
    s_o: Parameter
    s_c: Parameter
    b_f: Parameter
    b_i: Parameter
    b_g: Parameter
    b_o: Parameter
    b_c: Parameter

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.s_f * _standardised(self.f(h, x)) + self.b_f)
        i = sigmoid(self.s_i * _standardised(self.i(h, x)) + self.b_i)
        g = self.activation(self.s_g * _standardised(self.g(h, x)) + self.b_g)
        c = f * c + i * g
        o = sigmoid(self.s_o * _standardised(self.o(h, x)) + self.b_o)
        return o * self.activation(self.s_c * _standardised(c) + self.b_c), c


def _standardised(a: Array) -> Array:
    """Bring the last axis to mean 0 and variance 1."""
    spread = sqrt(var(a, axis=-1, keepdims=True) + 1e-5)
    return (a - mean(a, axis=-1, keepdims=True)) / spread


class GRUCell(Cell):
    """Gated recurrent unit (Cho et al. 2014, eq. 5–8, with the roles of z and 1 − z exchanged).

    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t, the reset gate applied to h before the product.

    Example:
        >>> nn.GRUCell(3, 8)(np.ones((2, 3))).shape
        (2, 8)
    """

    state = ("h",)
    gates = ("z", "r", "h_tilde")
    keras = ("1-z", "r", "h_tilde")
    twin = (
        "GRU weights, whose reset gate acts after the product: make the layer with "
        "reset_after=True, or the cell as nn.ResetAfterGRUCell"
    )

    def step(self, x: Array, h: Array) -> Array:
        """One step."""
        z = sigmoid(self.z(h, x))  # update gate
        r = sigmoid(self.r(h, x))  # reset gate
        h_tilde = self.activation(self.h_tilde(r * h, x))  # candidate state
        return (1 - z) * h + z * h_tilde


class ResetAfterGRUCell(Cell):
    """Gated recurrent unit with the reset gate after the product, as in PyTorch and cuDNN.

    n_t = tanh(W_n x_t + b_n + r_t ∘ (W_u h_{t−1} + b_u)), h_t = (1 − z_t) ∘ n_t + z_t ∘ h_{t−1}.

    Example:
        >>> nn.ResetAfterGRUCell(3, 8)(np.ones((2, 3))).shape
        (2, 8)
    """

    state = ("h",)
    gates = ("z", "r", "n", "u")
    packing = ("r", "z", ("n", "u"))
    keras = ("z", "r", ("n", "u"))

    def step(self, x: Array, h: Array) -> Array:
        """One step."""
        z = sigmoid(self.z(h, x))
        r = sigmoid(self.r(h, x))
        n = self.activation(self.n(x) + r * self.u(h))
        return (1 - z) * n + z * h


class MGUCell(Cell):
    """Minimal gated unit: one gate that forgets and resets (Zhou et al. 2016, equation 6).

    Example:
        >>> nn.MGUCell(3, 8)(np.ones((2, 3))).shape
        (2, 8)
    """

    state = ("h",)
    gates = ("f", "h_tilde")

    def step(self, x: Array, h: Array) -> Array:
        """One step."""
        f = sigmoid(self.f(h, x))
        h_tilde = self.activation(self.h_tilde(f * h, x))
        return (1 - f) * h + f * h_tilde


class SLSTMCell(Cell):
    """xLSTM's cell with scalar memory and exponential gates (Beck et al. 2024, eq. 8–17).

    The normaliser n and the stabiliser m are states too; m keeps every exponent at or below 0
    and cancels in h.

    Example:
        >>> states = nn.SLSTMCell(3, 8)(np.ones((2, 3)))
        >>> [state.shape for state in states]
        [(2, 8), (2, 8), (2, 8), (2, 8)]
    """

    state = ("h", "c", "n", "m")
    gates = ("f", "i", "z", "o")

    def step(self, x: Array, h: Array, c: Array, n: Array, m: Array) -> tuple[Array, ...]:
        """One step."""
        log_f, log_i = self.f(h, x) + m, self.i(h, x)
        z = self.activation(self.z(h, x))
        o = sigmoid(self.o(h, x))
        m = maximum(log_f, log_i)
        f, i = exp(log_f - m), exp(log_i - m)
        c = f * c + i * z
        n = f * n + i
        return o * c / n, c, n, m
