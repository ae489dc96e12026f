"""Recurrent layers: a cell unrolled over a sequence, stacked and in both directions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Self

import numpy as np

from minigrad.hooks import fuse
from minigrad.nn.cells import (
    Cell,
    GRUCell,
    LSTMCell,
    ResetAfterGRUCell,
    RNNCell,
    ScanCell,
    State,
)
from minigrad.nn.linear import Linear, check_width
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import where
from minigrad.primitives.primitive import Array
from minigrad.scope import current, scope
from minigrad.tensor import Tensor
from minigrad.tree import tree_map

_PYTORCH = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(Module):
    """A cell unrolled over time, in layers and directions.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        cell: the cell's class; by default the subclass's ``cell_type``.
        num_layers: layers, each over the outputs of the one before.
        bidirectional: each layer also runs from the last step to the first, with a cell of its
            own; its outputs are both, side by side.
        output_size: if given, the outputs are ŷ_t = W_y h_t + b_y of this width.
        return_sequences: return the output of every step; else of the last one only, which in
            the reversed direction is that of the first step.
        dropout: share of the entries between layers that training sets to 0.
        recurrent_dropout: share of the weights on the state that training sets to 0, one draw
            for the whole sequence (Merity et al. 2018, section 2).
        zoneout: share of the state's entries that training keeps from the step before; after
            training the mean of both is taken (Krueger et al. 2017, section 3).
        parallel: compute all steps at once by a scan, for a cell that is a `ScanCell`.
        activation: what stands in the place of the cell's tanh.
        fused: run all steps of a cell as one operation wherever its equations allow that
            (`minigrad.compile`); ``False``, or inside `minigrad.unfused`, each step by itself.
        checkpoint_every: keep what a fused layer needs on the way back for so many steps at a
            time only, and compute it again there: less memory, one more pass forward.
        rng: seed or generator of the initial weights and of what dropout draws.
        dtype: of the parameters.

    Shapes:
        x (batch, time, input_size), or (time, input_size), or (input_size,) for one step;
        y likewise, with the width of h (twice, in both directions) or of the output. A state is
        (layers · directions, batch, its width), without the batch axis where x has none; a
        missing leading 1 is added.

    Returns:
        (y, state); the state a single array, or a tuple where the cell has several.

    Example:
        >>> y, (h, c) = nn.LSTM(3, 8)(np.ones((2, 5, 3)))
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
        >>> layer = nn.GRU(3, 8, num_layers=2, bidirectional=True)
        >>> y, h = layer(np.ones((2, 5, 3)), lengths=[5, 3])
        >>> y.shape, h.shape
        ((2, 5, 16), (4, 2, 8))
        >>> my_rnn, hidden_state = nn.RNN(3, 4, output_size=2), [0, 0, 0, 0]
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
        num_layers: int = 1,
        bidirectional: bool = False,
        output_size: int | None = None,
        return_sequences: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        parallel: bool = False,
        activation: Callable[[Array], Array] | None = None,
        fused: bool = True,
        checkpoint_every: int | None = None,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, num_layers=num_layers)
        if checkpoint_every is not None:
            check_size(self, checkpoint_every=checkpoint_every)
        for name, share in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout),
                            ("zoneout", zoneout)):  # fmt: skip
            if not 0 <= share < 1:
                raise ValueError(f"{type(self).__name__}: got {name}={share}, expected 0 to 1")
        generator = np.random.default_rng(rng)
        kind = cell or self.cell_type
        self.num_layers, self.directions = num_layers, 2 if bidirectional else 1
        self.dropout, self.recurrent_dropout, self.zoneout = dropout, recurrent_dropout, zoneout
        self.return_sequences, self.parallel = return_sequences, parallel
        self.fused, self.checkpoint_every = fused, checkpoint_every
        if parallel and (zoneout or not issubclass(kind, ScanCell)):
            raise ValueError(
                f"{type(self).__name__}: got parallel=True for {kind.__name__}"
                f"{' with zoneout' if zoneout else ''}, expected a ScanCell without zoneout: "
                "its gates do not see the state"
            )
        own = {} if activation is None else {"activation": activation}
        self.cells: list[Cell] = []
        for _ in range(num_layers):
            for _ in range(self.directions):
                self.cells.append(kind(input_size, hidden_size, rng=generator, dtype=dtype, **own))
            first = self.cells[0]
            input_size = self.directions * first.size_of(first.state[0])
        for number, one in enumerate(self.cells):
            one.name = "cell" if len(self.cells) == 1 else f"cell {number}"
        self.output = (
            None
            if output_size is None
            else Linear(input_size, output_size, rng=generator, dtype=dtype)
        )
        self._rng = generator

    @property
    def cell(self) -> Cell:
        """The first layer's cell."""
        return self.cells[0]

    def forward(
        self, x: Any, state: Any = None, lengths: Sequence[int] | np.ndarray | None = None
    ) -> tuple[Array, State]:
        """Unroll over the time axis of ``x``, from ``state`` or zeros.

        Args:
            x: see the class.
            state: the states to start from.
            lengths: (batch,), how many steps of each sequence count. Behind them outputs are 0
                and states stay as they are, so that padding reaches nothing.

        Raises:
            ValueError: x, the state or the lengths have the wrong shape.
        """
        x = x if hasattr(x, "__array_ufunc__") else np.asarray(x)
        if x.ndim not in (1, 2, 3):
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected "
                f"(batch, time, {self.cell.input_size}), or fewer axes from the left"
            )
        check_width(self, x, self.cell.input_size)
        batch = x.shape[:1] if x.ndim == 3 else ()
        time = x.shape[-2] if x.ndim > 1 else 1
        if time == 0:
            raise ValueError(f"{type(self).__name__}: got a sequence of no steps {x.shape}")
        states = self._initial(state, batch, x.dtype)
        valid = self._valid(lengths, x)
        kernels = self._kernels(x, states) if time > 1 else None
        if kernels is not None:
            h, last, final = self._by_kernels(kernels, x, states, lengths)
        else:
            h, last, final = self._by_steps(x, states, valid)
        if x.ndim == 1 or not self.return_sequences:
            y = self._output(last)
        else:
            y = self._output(np.stack(h, axis=-2) if isinstance(h, list) else h)
            if valid is not None and self.output is not None:
                y = where(np.stack(valid, axis=-2), y, 0)
        stacked = tuple(
            parts[0] if len(parts) == 1 else np.concatenate(parts)
            for parts in zip(*final, strict=True)
        )
        return y, stacked if len(stacked) > 1 else stacked[0]

    def _by_steps(
        self, x: Array, states: Sequence[tuple[Array, ...]], valid: Sequence[np.ndarray] | None
    ) -> tuple[list[Array], Array, list[tuple[Array, ...]]]:
        """All layers: each step's output, that of the last steps, and the cells' last states.

        The last have an axis of length 1 in front.
        """
        steps = [x] if x.ndim == 1 else [self._at(x, t) for t in range(x.shape[-2])]
        final: list[tuple[Array, ...]] = []
        for layer in range(self.num_layers):
            both, last = [], []
            for direction in range(self.directions):
                number = layer * self.directions + direction
                with self._layer_scope(number), self._weights_dropped(self.cells[number]):
                    outputs, after = self._run(
                        self.cells[number], steps, states[number], valid, reverse=direction == 1
                    )
                both.append(outputs)
                last.append(after[0])
                final.append(tuple(np.expand_dims(s, 0) for s in after))
            with scope("layer", f"{layer} output"):
                steps = [
                    self._handed_on(layer, t, h) for t, h in enumerate(zip(*both, strict=True))
                ]
        return steps, self._joined(last), final

    def _kernels(self, x: Array, states: Sequence[tuple[Array, ...]]) -> list[Any] | None:
        """The fused form of every cell; ``None`` if the layer is to go step by step."""
        if not self.fused or not current().fusing or self.zoneout or self.parallel:
            return None
        found = [fuse(cell, _step_by_step) for cell in self.cells]
        if None in found:
            return None
        arrays = (x, *itertools.chain(*states), *(p for one in found for p in one.parameters))
        return found if all(map(_is_real, arrays)) else None

    def _by_kernels(
        self,
        kernels: Sequence[Any],
        x: Array,
        states: Sequence[tuple[Array, ...]],
        lengths: Sequence[int] | np.ndarray | None,
    ) -> tuple[Array, Array, list[tuple[Array, ...]]]:
        """As `_by_steps`, with one operation per layer and direction."""
        alone, time = x.ndim == 2, x.shape[-2]
        lengths = None if lengths is None else np.asarray(lengths)
        h = np.expand_dims(x, 0) if alone else x
        final: list[tuple[Array, ...]] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                h = self._dropped(h)
            both, last = [], []
            for direction in range(self.directions):
                number = layer * self.directions + direction
                before = states[number]
                before = tuple(np.expand_dims(s, 0) for s in before) if alone else before
                with self._layer_scope(number), self._weights_dropped(self.cells[number]):
                    out = kernels[number](
                        h, before, lengths, reverse=direction == 1,
                        segment=self.checkpoint_every or 0,
                    )  # fmt: skip
                out = out[:, 0] if alone else out
                both.append(out[:time] if alone else out[:time].swapaxes(0, 1))
                if not self.return_sequences:
                    last.append(out[time])
                final.append(tuple(out[time + k : time + k + 1] for k in range(len(before))))
            h = self._joined(both)
            h = np.expand_dims(h, 0) if alone and layer + 1 < self.num_layers else h
        return h, self._joined(last) if last else h, final

    def _run(
        self,
        cell: Cell,
        steps: Sequence[Array],
        states: tuple[Array, ...],
        valid: Sequence[np.ndarray] | None,
        *,
        reverse: bool,
    ) -> tuple[list[Array], tuple[Array, ...]]:
        """One cell over the steps: the output of each, in order of time, and the last states."""
        if self.parallel and steps[0].ndim > 1:
            return self._run_at_once(cell, steps, states, valid, reverse=reverse)
        return unroll(
            cell, steps, states, valid, reverse=reverse,
            after_step=self._zoned_out if self.zoneout else None,
        )  # fmt: skip

    def _run_at_once(
        self,
        cell: Any,
        steps: Sequence[Array],
        states: tuple[Array, ...],
        valid: Sequence[np.ndarray] | None,
        *,
        reverse: bool,
    ) -> tuple[list[Array], tuple[Array, ...]]:
        """As `_run`, by a scan: log₂ T operations, each over all steps."""
        kept, added = cell.terms(np.stack(steps))
        if valid is not None:
            kept, added = where(np.stack(valid), kept, 1), where(np.stack(valid), added, 0)
        if reverse:
            kept, added = np.flip(kept, 0), np.flip(added, 0)
        h = scan(kept, added, states[0])
        last = h[-1]
        if reverse:
            h = np.flip(h, 0)
        if valid is not None:
            h = where(np.stack(valid), h, 0)
        return [h[t] for t in range(len(steps))], (last,)

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's array; in PyTorch's names and packing where it has them.

        There each layer and direction has ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``
        and ``bias_hh_l0``, with ``_reverse`` behind in the other direction, and the gates one
        above the other. Where PyTorch adds two biases here is one: the second goes out as 0.
        """
        if not self._is_packed():
            return super().state_dict()
        state: dict[str, np.ndarray] = {}
        for number, cell in enumerate(self.cells):
            suffix = self._suffix(number)
            for kind in _PYTORCH:
                state[kind + suffix] = np.concatenate([_part(cell, g, kind) for g in cell.packing])
        if self.output is not None:
            state |= {f"output.{name}": v for name, v in self.output.state_dict().items()}
        return state

    def assign_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over the arrays that `load_state_dict` has checked."""
        if not self._is_packed():
            super().assign_state(state)
            return
        for number, cell in enumerate(self.cells):
            suffix = self._suffix(number)
            arrays = (state[kind + suffix] for kind in _PYTORCH)
            parts = zip(*(np.split(a, len(cell.packing)) for a in arrays), strict=True)
            for gate, part in zip(cell.packing, parts, strict=True):
                _set_gate(cell, gate, *part)
        if self.output is not None:
            self.output.assign_state({n: state[f"output.{n}"] for n in self.output.state_dict()})

    @classmethod
    def from_keras_weights(cls, weights: Sequence[Any], **options: Any) -> Self:
        """A layer of the sizes and the dtype of what ``get_weights()`` of Keras's layer gives.

        Args:
            weights: as for `load_keras_weights`.
            options: of the layer; ``bidirectional=True`` where Keras's is.

        Raises:
            ValueError: not these shapes, or a cell that Keras does not have.

        Example:
            >>> kernel, recurrent, bias = np.ones((3, 16)), np.ones((4, 16)), np.ones(16)
            >>> lstm = nn.LSTM.from_keras_weights([kernel, recurrent, bias])
            >>> lstm(np.ones((2, 5, 3)))[0].shape
            (2, 5, 4)
        """
        arrays = [np.asarray(w) for w in weights]
        directions = 2 if options.get("bidirectional") else 1
        layers, left = divmod(len(arrays), 3 * directions)
        if left or not layers or any(a.ndim != 2 for k, a in enumerate(arrays) if k % 3 < 2):
            raise ValueError(
                f"{cls.__name__}.from_keras_weights: got shapes {[a.shape for a in arrays]}, "
                f"expected a kernel, a recurrent kernel and a bias{' twice' * (directions == 2)} "
                "for each layer"
            )
        kernel, recurrent, bias = arrays[:3]
        made = {"num_layers": layers, "dtype": kernel.dtype, **cls._keras_options(bias), **options}
        layer = cls(kernel.shape[0], recurrent.shape[0], **made)
        layer.load_keras_weights(arrays)
        return layer

    @classmethod
    def _keras_options(cls, bias: np.ndarray) -> dict[str, Any]:
        """What a bias of Keras's says about the layer."""
        return {}

    def load_keras_weights(self, weights: Sequence[Any]) -> None:
        """Take what ``get_weights()`` of Keras's SimpleRNN, LSTM or GRU gives; all or nothing.

        Args:
            weights: per layer and direction kernel, recurrent kernel and bias; those of
                several layers one after another, forward before backward.

        Raises:
            ValueError: not these shapes, or a cell that Keras does not have.
        """
        order = self.cell.keras
        if not order:
            raise ValueError(
                f"{type(self).__name__}: Keras has no layer of {type(self.cell).__name__}"
            )
        arrays = [np.asarray(w) for w in weights]
        gates = len(order)
        expected: list[tuple[int, ...]] = []
        for cell in self.cells:
            wide = gates * cell.hidden_size
            both = any(isinstance(g, tuple) for g in order)
            expected += [
                (cell.input_size, wide), (cell.hidden_size, wide), (2, wide) if both else (wide,),
            ]  # fmt: skip
        if [a.shape for a in arrays] != expected:
            raise ValueError(
                f"{type(self).__name__}.load_keras_weights: got shapes "
                f"{[a.shape for a in arrays]}, expected {expected}"
            )
        for k, cell in enumerate(self.cells):
            kernel, recurrent, bias = arrays[3 * k : 3 * k + 3]
            inner, outer = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
            parts = zip(np.split(kernel.T, gates), np.split(recurrent.T, gates),
                        np.split(inner, gates), np.split(outer, gates), strict=True)  # fmt: skip
            for gate, part in zip(order, parts, strict=True):
                sign = 1
                if isinstance(gate, str) and gate.startswith("1-"):  # σ(−a) = 1 − σ(a)
                    gate, sign = gate[2:], -1
                _set_gate(cell, gate, *(sign * array for array in part))

    def _is_packed(self) -> bool:
        """Whether PyTorch has this cell, and the gates see h and x as there."""
        return bool(self.cell.packing) and all(
            vars(cell)[gate].widths == widths
            for cell in self.cells
            for gate, widths in _widths(cell)
        )

    def _suffix(self, number: int) -> str:
        layer, direction = divmod(number, self.directions)
        return f"_l{layer}{'_reverse' if direction else ''}"

    def _at(self, x: Array, t: int) -> Array:
        with scope("step", t):
            return x[..., t, :]

    def _joined(self, parts: Sequence[Array]) -> Array:
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def _handed_on(self, layer: int, t: int, directions: Sequence[Array]) -> Array:
        """What the next layer gets of a step."""
        with scope("step", t):
            h = self._joined(directions)
            again = layer + 1 < self.num_layers and self.dropout and self.training
            return self._dropped(h) if again else h

    def _output(self, h: Array) -> Array:
        return h if self.output is None else self.output(h)

    def _layer_scope(self, number: int) -> Any:
        """The scope of a layer and direction, where there are several."""
        if len(self.cells) == 1:
            return nullcontext()
        layer, direction = divmod(number, self.directions)
        return scope("layer", f"{layer}{' reverse' if direction else ''}")

    def _dropped(self, x: Array) -> Array:
        draws = self._rng.random(np.moveaxis(x, -2, 0).shape if x.ndim > 2 else x.shape)
        keep = (np.moveaxis(draws, 0, -2) if x.ndim > 2 else draws) >= self.dropout
        return x * (keep / (1 - self.dropout)).astype(x.dtype)

    def _zoned_out(self, after: Array, before: Array) -> Array:
        if self.training:
            return where(self._rng.random(after.shape) < self.zoneout, before, after)
        return self.zoneout * before + (1 - self.zoneout) * after

    @contextmanager
    def _weights_dropped(self, cell: Cell) -> Iterator[None]:
        """The cell with a part of its recurrent weights at 0, where training asks for it."""
        if not (self.recurrent_dropout and self.training):
            yield
            return
        gates = [getattr(cell, name) for name in cell.gates]
        weights = [gate.weight for gate in gates]
        try:
            for gate, weight in zip(gates, weights, strict=True):
                keep = self._rng.random(weight.shape) >= self.recurrent_dropout
                scale = np.where(gate.columns(recurrent=True),
                                 keep / (1 - self.recurrent_dropout), 1)  # fmt: skip
                vars(gate)["weight"] = weight * scale.astype(weight.dtype)
            yield
        finally:
            for gate, weight in zip(gates, weights, strict=True):
                vars(gate)["weight"] = weight

    def _initial(self, state: Any, batch: tuple[int, ...], dtype: Any) -> list[tuple[Array, ...]]:
        """The states that each cell starts from."""
        count, names = len(self.cells), self.cell.state
        shapes = [(count, *batch, self.cell.size_of(name)) for name in names]
        if state is None:
            return [tuple(np.zeros(shape[1:], dtype) for shape in shapes)] * count
        given = state if isinstance(state, tuple) else (state,)
        given = tuple(s if hasattr(s, "__array_ufunc__") else np.asarray(s, dtype) for s in given)
        if len(given) != len(names) or any(
            s.shape != shape and (1, *s.shape) != shape
            for s, shape in zip(given, shapes, strict=True)
        ):
            got = ", ".join(str(s.shape) for s in given)
            expected = zip(names, shapes, strict=True)
            raise ValueError(
                f"{type(self).__name__}: got a state of shape {got}, expected "
                f"{', '.join(f'{name} {shape}' for name, shape in expected)}"
            )
        return [
            tuple(s[k] if s.shape == shape else s for s, shape in zip(given, shapes, strict=True))
            for k in range(count)
        ]

    def _valid(self, lengths: Any, x: Array) -> list[np.ndarray] | None:
        """Per step (batch, 1): which sequences still go on; ``None`` if all go to the end."""
        if lengths is None:
            return None
        lengths = np.asarray(lengths)
        if x.ndim != 3 or lengths.shape != x.shape[:1] or lengths.dtype.kind not in "iu":
            raise ValueError(
                f"{type(self).__name__}: got lengths {lengths.dtype} {lengths.shape} for x "
                f"{x.shape}, expected one integer per sequence"
            )
        if lengths.size and (lengths.min() < 0 or lengths.max() > x.shape[1]):
            raise ValueError(
                f"{type(self).__name__}: got lengths from {lengths.min()} to {lengths.max()} for "
                f"sequences of {x.shape[1]} steps"
            )
        return _going(lengths, x.shape[1])


def unroll(
    cell: Cell,
    steps: Sequence[Array],
    states: tuple[Array, ...],
    valid: Sequence[np.ndarray] | None = None,
    *,
    reverse: bool = False,
    after_step: Callable[[Array, Array], Array] | None = None,
) -> tuple[list[Array], tuple[Array, ...]]:
    """One cell over the steps.

    Args:
        cell: any.
        steps: x of each step, (batch, features).
        states: to start from.
        valid: per step (batch, 1), which sequences still go on: behind a sequence's end outputs
            are 0 and states stay as they are.
        reverse: from the last step to the first.
        after_step: (state after, state before) → the state to go on with.

    Returns:
        The first state after each step, in order of time, and the last states.
    """
    outputs: list[Array] = [None] * len(steps)
    order = range(len(steps))
    for t in reversed(order) if reverse else order:
        with scope("step", t):
            after = cell(steps[t], states)
            after = after if isinstance(after, tuple) else (after,)
            if after_step is not None:
                after = tuple(map(after_step, after, states))
            outputs[t] = after[0]
            if valid is not None:
                after = tuple(where(valid[t], a, s) for a, s in zip(after, states, strict=True))
                outputs[t] = where(valid[t], outputs[t], 0)
            states = after
    return outputs, states


def _going(lengths: np.ndarray | None, time: int) -> list[np.ndarray] | None:
    """Per step (batch, 1): whether a sequence still goes on."""
    return None if lengths is None else [(t < lengths)[:, None] for t in range(time)]


def _step_by_step(
    cell: Cell, x: Array, states: tuple[Array, ...], lengths: np.ndarray | None, reverse: bool
) -> Array:
    """One cell over (batch, time, features), unfused: its outputs, then its last states."""
    outputs, after = unroll(
        cell, [x[:, t] for t in range(x.shape[1])], states, _going(lengths, x.shape[1]),
        reverse=reverse,
    )  # fmt: skip
    return np.stack([*outputs, *after])


def _is_real(array: Array) -> bool:
    """Whether a kernel can run on it: real numbers, and at least one."""
    data = getattr(array, "data", array) if hasattr(array, "parents") else array
    return type(data) is np.ndarray and data.dtype in (np.float32, np.float64) and data.size > 0


class RNN(Recurrent):
    """Elman's network over a sequence: `Recurrent` with `RNNCell`.

    Example:
        >>> y, h = nn.RNN(3, 8)(np.ones((2, 5, 3)))  # (batch, time, features)
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
    """

    cell_type = RNNCell


class LSTM(Recurrent):
    """Long short-term memory over a sequence: `Recurrent` with `LSTMCell`.

    Example:
        >>> y, (h, c) = nn.LSTM(3, 8)(np.ones((2, 5, 3)))  # (batch, time, features)
        >>> y.shape, h.shape, c.shape
        ((2, 5, 8), (1, 2, 8), (1, 2, 8))
    """

    cell_type = LSTMCell


class GRU(Recurrent):
    """Gated recurrent units over a sequence: `Recurrent` with `GRUCell`.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        reset_after: PyTorch's variant, `ResetAfterGRUCell`.
        rest: as for `Recurrent`.

    Example:
        >>> y, h = nn.GRU(3, 8)(np.ones((2, 5, 3)))  # (batch, time, features)
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
    """

    cell_type = GRUCell

    def __init__(
        self, input_size: int, hidden_size: int, *, reset_after: bool = False, **rest: Any
    ) -> None:
        if reset_after:
            rest.setdefault("cell", ResetAfterGRUCell)
        super().__init__(input_size, hidden_size, **rest)

    @classmethod
    def _keras_options(cls, bias: np.ndarray) -> dict[str, Any]:
        return {"reset_after": bias.ndim == 2}  # one bias for x, and one for h


def detach(state: State) -> State:
    """A state without its history: the next window's gradient ends there (truncated BPTT).

    Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories".

    Example:
        >>> y, state = nn.LSTM(3, 8)(np.ones((2, 5, 3)))
        >>> h, c = nn.detach(state)
        >>> h.requires_grad
        False
    """
    return tree_map(lambda s: s.detach() if isinstance(s, Tensor) else s, state)


def scan(kept: Array, added: Array, initial: Array) -> Array:
    """h_t = kept_t ∘ h_{t−1} + added_t for all t at once, time first.

    Two steps in a row are again of that form, so each round joins every step to one twice as
    far back: ⌈log₂ T⌉ rounds (Hillis & Steele 1986, "Data parallel algorithms", p. 1173).

    Args:
        kept: (time, …).
        added: (time, …).
        initial: (…), h before the first step.

    Returns:
        (time, …).

    Example:
        >>> kept, added = np.full((3, 1), 0.5), np.ones((3, 1))
        >>> print(nn.scan(kept, added, np.zeros(1)))
        [[1.  ]
         [1.5 ]
         [1.75]]
    """
    reach = 1
    while reach < kept.shape[0]:
        later = added[reach:] + kept[reach:] * added[:-reach]
        added = np.concatenate([added[:reach], later])
        kept = np.concatenate([kept[:reach], kept[reach:] * kept[:-reach]])
        reach *= 2
    return kept * initial + added


def _widths(cell: Cell) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each gate of a packing, and the widths of what it sees in PyTorch's equations."""
    for gate in cell.packing:
        if isinstance(gate, tuple):
            yield from zip(gate, ((cell.input_size,), (cell.hidden_size,)), strict=True)
        else:
            yield gate, (cell.hidden_size, cell.input_size)


def _part(cell: Cell, gate: str | tuple[str, str], kind: str) -> np.ndarray:
    """One gate's rows of one of PyTorch's four arrays, copied."""
    of_x = kind.endswith("ih")
    if isinstance(gate, tuple):  # the parts of x and of h have a gate each
        own = getattr(cell, gate[0 if of_x else 1])
        return (own.weight if kind.startswith("weight") else own.bias).data.copy()
    own = getattr(cell, gate)
    if kind.startswith("weight"):
        w_h, w_x = np.split(own.weight.data, [cell.hidden_size], axis=1)
        return (w_x if of_x else w_h).copy()
    return own.bias.data.copy() if of_x else np.zeros_like(own.bias.data)


def _set_gate(
    cell: Cell,
    gate: str | tuple[str, str],
    w_x: np.ndarray,
    w_h: np.ndarray,
    b_x: np.ndarray,
    b_h: np.ndarray,
) -> None:
    if isinstance(gate, tuple):
        for name, weight, bias in zip(gate, (w_x, w_h), (b_x, b_h), strict=True):
            own = getattr(cell, name)
            own.weight.data = weight.astype(own.weight.dtype)
            own.bias.data = bias.astype(own.bias.dtype)
        return
    own = getattr(cell, gate)
    own.weight.data = np.concatenate([w_h, w_x], axis=1).astype(own.weight.dtype)
    own.bias.data = (b_x + b_h).astype(own.bias.dtype)
