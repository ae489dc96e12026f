"""Recurrent layers: a cell unrolled over a sequence."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from minigrad import tape
from minigrad.nn.cells import Cell, GRUCell, LSTMCell, RNNCell, State
from minigrad.nn.linear import Linear, check_width
from minigrad.nn.module import Module, Seed
from minigrad.primitives.primitive import Array


class Recurrent(Module):
    """A cell unrolled over time.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        cell: the cell's class; by default the subclass's ``cell_type``.
        output_size: if given, the outputs are ŷ_t = W_y h_t + b_y of this width.
        return_sequences: return the output of every step; else of the last one only.
        rng: seed or generator of the initial weights.
        dtype: of the parameters.

    Shapes:
        x (batch, time, input_size), or (time, input_size), or (input_size,) for one step;
        y likewise, with the width of h or of the output. A state is (1, batch, hidden_size),
        without the batch axis where x has none; a missing leading 1 is added.

    Returns:
        (y, state); the state a single array, or a tuple where the cell has several.

    Example:
        >>> y, (h, c) = LSTM(3, 8)(np.ones((2, 5, 3)))
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
        >>> my_rnn, hidden_state = RNN(3, 4, output_size=2), [0, 0, 0, 0]
        >>> for word in np.eye(3):
        ...     prediction, hidden_state = my_rnn(word, hidden_state)
        >>> prediction.shape
        (2,)
    """

    cell_type: ClassVar[type[Cell]]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        cell: type[Cell] | None = None,
        output_size: int | None = None,
        return_sequences: bool = True,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        generator = np.random.default_rng(rng)
        kind = cell or self.cell_type
        self.cell = kind(input_size, hidden_size, rng=generator, dtype=dtype)
        self.output = (
            None
            if output_size is None
            else Linear(hidden_size, output_size, rng=generator, dtype=dtype)
        )
        self.return_sequences = return_sequences

    def forward(self, x: Any, state: Any = None) -> tuple[Array, State]:
        """Unroll over the time axis of ``x``, from ``state`` or zeros.

        Raises:
            ValueError: x or the state has the wrong shape.
        """
        x = x if hasattr(x, "__array_ufunc__") else np.asarray(x)
        if x.ndim not in (1, 2, 3):
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected "
                f"(batch, time, {self.cell.input_size}), or fewer axes from the left"
            )
        check_width(self, x, self.cell.input_size)
        batch = x.shape[:1] if x.ndim == 3 else ()
        states = self._initial(state, batch, x.dtype)
        if x.ndim == 1:
            with tape.scope("step", 0):
                states = self._step(x, states)
            y = self._output(states[0])
        else:
            outputs = []
            for t in range(x.shape[-2]):
                with tape.scope("step", t):
                    states = self._step(x[..., t, :], states)
                    outputs.append(self._output(states[0]))
            if not outputs:
                raise ValueError(f"{type(self).__name__}: got a sequence of no steps {x.shape}")
            y = np.stack(outputs, axis=-2) if self.return_sequences else outputs[-1]
        final = tuple(np.expand_dims(s, 0) for s in states)
        return y, final if len(final) > 1 else final[0]

    def _step(self, x: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        after = self.cell(x, states)
        return after if isinstance(after, tuple) else (after,)

    def _output(self, h: Array) -> Array:
        return h if self.output is None else self.output(h)

    def _initial(self, state: Any, batch: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
        """The states to start from, without the leading 1."""
        shape = (*batch, self.cell.hidden_size)
        names = self.cell.state
        if state is None:
            return tuple(np.zeros(shape, dtype) for _ in names)
        given = state if isinstance(state, tuple) else (state,)
        given = tuple(s if hasattr(s, "__array_ufunc__") else np.asarray(s, dtype) for s in given)
        if len(given) != len(names) or any(s.shape not in (shape, (1, *shape)) for s in given):
            got = ", ".join(str(s.shape) for s in given)
            raise ValueError(
                f"{type(self).__name__}: got a state of shape {got}, expected "
                f"{', '.join(f'{name} {(1, *shape)}' for name in names)}"
            )
        return tuple(s[0] if s.shape != shape else s for s in given)


class RNN(Recurrent):
    """Elman's network over a sequence: `Recurrent` with `RNNCell`."""

    cell_type = RNNCell


class LSTM(Recurrent):
    """Long short-term memory over a sequence: `Recurrent` with `LSTMCell`."""

    cell_type = LSTMCell


class GRU(Recurrent):
    """Gated recurrent units over a sequence: `Recurrent` with `GRUCell`."""

    cell_type = GRUCell
