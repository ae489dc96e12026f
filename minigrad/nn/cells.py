"""Recurrent cells, each as its equations and nothing else.

A cell names its state, names its gates, and writes one step. Everything else reads these
lines: the tape runs them, `derive` runs them on symbols, `verify` judges them and `graph`
draws them with the gates' names. A cell of one's own has all of it for the same lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minigrad.nn.linear import Gate, check_width
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import sigmoid, tanh
from minigrad.primitives.primitive import Array
from minigrad.tape import no_grad
from minigrad.tensor import Tensor

State = Array | tuple[Array, ...]


class Cell(Module):
    """One step of a recurrent network. Subclasses give ``state``, ``gates`` and ``step``.

    Args:
        input_size: width of x_t.
        hidden_size: width of every state and gate.
        rng: seed or generator of the initial weights.
        dtype: of the parameters.

    Shapes:
        x (batch, input_size), each state (batch, hidden_size). Gate k has ``k.weight``
        (hidden_size, sum of its operands' widths) and ``k.bias`` (hidden_size,).

    Example:
        >>> cell = LSTMCell(3, 8)
        >>> h, c = cell(np.ones((2, 3)))
        >>> h, c = cell(np.ones((2, 3)), (h, c))
        >>> h.shape
        (2, 8)
    """

    state: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        generator = np.random.default_rng(rng)
        for gate in self.gates:
            setattr(self, gate, Gate(hidden_size, rng=generator, dtype=dtype))
        with no_grad():  # the dry run, from which each gate learns its width
            x = np.zeros((1, input_size), dtype)
            self._checked(self.step(x, *[np.zeros((1, hidden_size), dtype)] * len(self.state)))

    if TYPE_CHECKING:  # the gates, which are made from their names

        def __getattr__(self, name: str) -> Gate: ...

    def step(self, x: Array, *state: Array) -> State:
        """The cell's equations: x_t and the state before → the state after."""
        raise NotImplementedError(f"{type(self).__name__} has no step method")

    def forward(self, x: Array, state: State | None = None) -> State:
        """One step from ``state``, zeros if ``None``; returns the new state as it was given.

        Raises:
            ValueError: x or a state has the wrong shape.
        """
        check_width(self, x, self.input_size)
        if state is None:
            state = tuple(np.zeros((*x.shape[:-1], self.hidden_size), x.dtype)
                          for _ in self.state)  # fmt: skip
        before = state if isinstance(state, tuple) else (state,)
        expected = (*x.shape[:-1], self.hidden_size)
        if len(before) != len(self.state) or any(s.shape != expected for s in before):
            got = ", ".join(str(s.shape) for s in before)
            raise ValueError(
                f"{type(self).__name__}: got a state of shape {got}, expected "
                f"{', '.join(f'{n} {expected}' for n in self.state)} for x {x.shape}"
            )
        after = self._checked(self.step(x, *before))
        for name, value in zip(self.state, after, strict=True):
            if isinstance(value, Tensor) and value.name is None:
                value.name = name
        return after if len(after) > 1 else after[0]

    def _checked(self, after: State) -> tuple[Array, ...]:
        after = after if isinstance(after, tuple) else (after,)
        if len(after) != len(self.state):
            raise ValueError(
                f"{type(self).__name__}.step: returned {len(after)} values, expected "
                f"{len(self.state)}: {', '.join(self.state)}"
            )
        return after


class RNNCell(Cell):
    """Simple recurrent network (Elman 1990, "Finding structure in time", p. 184).

    h_t = tanh(W_h · [h_{t−1}, x_t] + b_h)
    """

    state = ("h",)
    gates = ("a",)

    def step(self, x: Array, h: Array) -> Array:
        """One step."""
        return tanh(self.a(h, x))


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000)."""

    state = ("h", "c")
    gates = ("f", "i", "g", "o")

    def step(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step."""
        f = sigmoid(self.f(h, x))  # forget gate
        i = sigmoid(self.i(h, x))  # input gate
        g = tanh(self.g(h, x))  # candidate memory
        c = f * c + i * g
        o = sigmoid(self.o(h, x))  # output gate
        return o * tanh(c), c


class GRUCell(Cell):
    """Gated recurrent unit (Cho et al. 2014, eq. 5–8, with the roles of z and 1 − z exchanged).

    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t, the reset gate applied to h before the product.
    """

    state = ("h",)
    gates = ("z", "r", "h_tilde")

    def step(self, x: Array, h: Array) -> Array:
        """One step."""
        z = sigmoid(self.z(h, x))  # update gate
        r = sigmoid(self.r(h, x))  # reset gate
        h_tilde = tanh(self.h_tilde(r * h, x))  # candidate state
        return (1 - z) * h + z * h_tilde
