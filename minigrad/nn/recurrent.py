"""Recurrent layers: a cell unrolled over a sequence, stacked and in both directions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Never, Self, cast

import numpy as np

from minigrad.hooks import fuse
from minigrad.nn.cell import Cell, State
from minigrad.nn.dropout import dropped
from minigrad.nn.formats import is_packed, packed, pytorch_hint, unpack
from minigrad.nn.linear import Linear, check_width
from minigrad.nn.module import Module, Seed, check_size
from minigrad.nn.packing import PackedSequence
from minigrad.nn.scan_cells import ScanCell
from minigrad.nn.sequences import counted_steps, initial_states
from minigrad.nn.unrolling import Valid, by_steps, per_step, unroll, unroll_at_once
from minigrad.primitives import where
from minigrad.primitives.checks import is_plain
from minigrad.primitives.primitive import Array
from minigrad.scope import current, scope


class Recurrent(Module):
    """A cell unrolled over time, in layers and directions.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        num_layers: layers, each over the outputs of the one before.
        bias: whether the gates have one.
        batch_first: whether x and y are (batch, time, …), as everywhere in minigrad and in Keras;
            ``False``, PyTorch's default, for (time, batch, …). A state has its batch second
            either way.
        dropout: share of the entries between layers that training sets to 0.
        bidirectional: each layer also runs from the last step to the first, with a cell of its
            own; its outputs are both, side by side.
        cell: the cell's class; by default the subclass's ``cell_type``.
        output_size: if given, the outputs are ŷ_t = W_y h_t + b_y of this width.
        return_sequences: return the output of every step; else of the last one only, which in
            the reversed direction is that of the first step.
        recurrent_dropout: share of the weights on the state that training sets to 0, one draw
            for the whole sequence (Merity et al. 2018, section 2).
        zoneout: share of the state's entries that training keeps from the step before; after
            training the mean of both is taken (Krueger et al. 2017, section 3).
        parallel: compute all steps at once by a scan, for a cell that is a `ScanCell`.
        activation: the function used in place of the cell's tanh.
        fused: run all steps of a cell as one operation wherever its equations allow that
            (`minigrad.compile`); ``False``, or inside `minigrad.unfused`, each step by itself.
        checkpoint_every: keep what a fused layer needs for its backward pass for this many steps at
            a time only, and compute it again there: less memory, one more pass forward.
        rng: seed or generator of the initial weights and of what dropout draws.
        dtype: of the parameters.

    Shapes:
        x (batch, time, input_size), or (time, input_size), or (input_size,) for one step;
        y likewise, with the width of h (twice, in both directions) or of the output. A state is
        (layers · directions, batch, its width), without the batch axis where x has none; a
        missing leading 1 is added.

    Returns:
        (y, state); the state a single array, or a tuple where the cell has several.

    Raises:
        ValueError: a setting out of its range.
        TypeError: an unknown option.

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
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        cell: Callable[..., Cell] | None = None,
        output_size: int | None = None,
        return_sequences: bool = True,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        parallel: bool = False,
        activation: Callable[[Array], Array] | None = None,
        fused: bool = True,
        checkpoint_every: int | None = None,
        rng: Seed = None,
        dtype: Any = np.float32,
        **unknown: Never,
    ) -> None:
        self._check_options(unknown)
        check_size(self, num_layers=num_layers)
        if checkpoint_every is not None:
            check_size(self, checkpoint_every=checkpoint_every)
        for name, share in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout),
                            ("zoneout", zoneout)):  # fmt: skip
            if not 0 <= share <= 1 or (share == 1 and name != "dropout"):
                raise ValueError(f"{type(self).__name__}: got {name}={share}, expected 0 to 1")
        generator = np.random.default_rng(rng)
        kind = self._kind_of(cell or getattr(self, "cell_type", None))
        self.num_layers, self.directions = num_layers, 2 if bidirectional else 1
        self.batch_first = batch_first
        self.dropout, self.recurrent_dropout, self.zoneout = dropout, recurrent_dropout, zoneout
        self.return_sequences, self.parallel = return_sequences, parallel
        self.fused, self.checkpoint_every = fused, checkpoint_every
        made: dict[str, Any] = {"rng": generator, "dtype": dtype}
        made |= {} if bias else {"bias": False}
        made |= {} if activation is None else {"activation": activation}
        self.cells: list[Cell] = []
        for _ in range(num_layers):
            for _ in range(self.directions):
                self.cells.append(kind(input_size, hidden_size, **made))
            input_size = self.directions * self.cells[0].size_of(self.cells[0].state[0])
        for number, one in enumerate(self.cells):
            one.name = "cell" if len(self.cells) == 1 else f"cell {number}"
        if parallel and (zoneout or not isinstance(self.cell, ScanCell)):
            raise ValueError(
                f"{type(self).__name__}: got parallel=True for {type(self.cell).__name__}"
                f"{' with zoneout' if zoneout else ''}, expected a ScanCell without zoneout: "
                "its gates do not see the state"
            )
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
        self,
        x: Any,
        state: Any = None,
        lengths: Sequence[int] | np.ndarray | None = None,
        mask: Any = None,
    ) -> tuple[Array, State]:
        """Unroll over the time axis of ``x``, from ``state`` or zeros.

        Args:
            x: see the class; or a `PackedSequence`, and so is y then.
            state: the states to start from.
            lengths: (batch,), how many steps of each sequence count, from the first one.
            mask: as x without its last axis, booleans: which steps count. They need not stand
                together: padding may come before them, or between.

        Where a step does not count its output is 0 and the states stay as they are, so that
        padding reaches nothing, whatever numbers it holds, NaN among them.

        Raises:
            ValueError: x, the state, the lengths or the mask have the wrong shape.
        """
        if isinstance(x, PackedSequence):
            return self._packed(x, state, lengths, mask)
        x = x if hasattr(x, "__array_ufunc__") else np.asarray(x)
        if x.ndim not in (1, 2, 3):
            order = "batch, time" if self.batch_first else "time, batch"
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected "
                f"({order}, {self.cell.input_size}), or fewer axes from the left"
            )
        check_width(self, x, self.cell.input_size)
        counts = counted_steps(type(self).__name__, lengths, mask, x, self.batch_first)
        turned = x.ndim == 3 and not self.batch_first
        if turned:
            x = np.swapaxes(x, 0, 1)
            counts = None if counts is None else counts.T
        batch = x.shape[:1] if x.ndim == 3 else ()
        time = x.shape[-2] if x.ndim > 1 else 1
        if time == 0:
            raise ValueError(f"{type(self).__name__}: got a sequence of no steps {x.shape}")
        states = initial_states(
            type(self).__name__, self.cell, len(self.cells), state, batch, x.dtype
        )
        if counts is not None:
            x = where(counts[..., None], x, 0)  # NaN times 0 is NaN, also in the backward pass
        kernels = self._kernels(x, states) if time > 1 else None
        if kernels is not None:
            h, last, final = self._by_kernels(kernels, x, states, counts)
        else:
            h, last, final = self._by_steps(x, states, per_step(counts))
        if x.ndim == 1 or not self.return_sequences:
            y = self._output(last)
        else:
            y = self._output(np.stack(h, axis=-2) if isinstance(h, list) else h)
            if counts is not None and self.output is not None:
                y = where(counts[..., None], y, 0)
            y = np.swapaxes(y, 0, 1) if turned else y
        stacked = tuple(
            parts[0] if len(parts) == 1 else np.concatenate(parts)
            for parts in zip(*final, strict=True)
        )
        return y, stacked if len(stacked) > 1 else stacked[0]

    def _packed(self, x: PackedSequence, state: Any, *given: Any) -> tuple[Any, State]:
        """As `forward`, of sequences without padding."""
        if any(argument is not None for argument in given):
            raise ValueError(
                f"{type(self).__name__}: got lengths or a mask with a PackedSequence, which has "
                "lengths of its own"
            )
        padded = x.padded()
        y, final = self.forward(
            padded if self.batch_first else np.swapaxes(padded, 0, 1), state, x.lengths
        )
        if not self.return_sequences:
            return y, final
        return x.like(y if self.batch_first else np.swapaxes(y, 0, 1)), final

    def _by_steps(
        self, x: Array, states: Sequence[tuple[Array, ...]], valid: Valid
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

    def _run(
        self,
        cell: Cell,
        steps: Sequence[Array],
        states: tuple[Array, ...],
        valid: Valid,
        *,
        reverse: bool,
    ) -> tuple[list[Array], tuple[Array, ...]]:
        """One cell over the steps: the output of each, in order of time, and the last states."""
        if self.parallel and steps[0].ndim > 1:
            return unroll_at_once(cast(ScanCell, cell), steps, states, valid, reverse=reverse)
        return unroll(
            cell, steps, states, valid, reverse=reverse,
            after_step=self._zoned_out if self.zoneout else None,
        )  # fmt: skip

    def _kernels(self, x: Array, states: Sequence[tuple[Array, ...]]) -> list[Any] | None:
        """The fused form of every cell; ``None`` if the layer is to go step by step."""
        if not self.fused or not current().fusing or self.zoneout or self.parallel:
            return None
        one = getattr(self.cell, self.cell.gates[0]).weight if self.cell.gates else x
        if not all(map(_is_real, (x, one, *itertools.chain(*states)))):
            return None  # in particular while a compiler looks on: equations are read in peace
        found = [fuse(cell, by_steps) for cell in self.cells]
        if None in found:
            return None
        return found if all(_is_real(p) for kernel in found for p in kernel.parameters) else None

    def _by_kernels(
        self,
        kernels: Sequence[Any],
        x: Array,
        states: Sequence[tuple[Array, ...]],
        counts: np.ndarray | None,
    ) -> tuple[Array, Array, list[tuple[Array, ...]]]:
        """As `_by_steps`, with one operation per layer and direction."""
        alone, time = x.ndim == 2, x.shape[-2]
        counts = counts[None] if alone and counts is not None else counts
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
                        h, before, counts, reverse=direction == 1,
                        segment=self.checkpoint_every or 0,
                    )  # fmt: skip
                steps, after = _apart(out, time)
                both.append(steps[:, 0] if alone else steps.swapaxes(0, 1))
                after = tuple(s[0] for s in after) if alone else after
                last.append(after[0])
                final.append(tuple(np.expand_dims(s, 0) for s in after))
            h = self._joined(both)
            h = np.expand_dims(h, 0) if alone and layer + 1 < self.num_layers else h
        return h, h if self.return_sequences else self._joined(last), final

    # Weights in the packing of PyTorch and Keras

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's array; in PyTorch's names and packing where it has them.

        There each layer and direction has ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``
        and ``bias_hh_l0``, with ``_reverse`` behind in the other direction, and the gates one
        above the other. PyTorch adds two biases where there is one here: the second is 0.
        """
        if not self._is_packed():
            return super().state_dict()
        state: dict[str, np.ndarray] = {}
        for number, cell in enumerate(self.cells):
            state |= packed(cell, self._suffix(number))
        if self.output is not None:
            state |= {f"output.{name}": v for name, v in self.output.state_dict().items()}
        return state

    def assign_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over the arrays that `load_state_dict` has checked."""
        if not self._is_packed():
            super().assign_state(state)
            return
        for number, cell in enumerate(self.cells):
            unpack(cell, state, self._suffix(number))
        if self.output is not None:
            self.output.assign_state({n: state[f"output.{n}"] for n in self.output.state_dict()})

    def state_hint(self, state: Mapping[str, np.ndarray]) -> str:
        """What to do about PyTorch's weights of a variant of the cell."""
        return pytorch_hint(self.cell, state)

    @classmethod
    def from_keras_weights(cls, weights: Sequence[Any], **options: Any) -> Self:
        """A layer with the sizes and the dtype of what a Keras layer's ``get_weights()`` returns.

        Args:
            weights: as for `load_keras_weights`: per layer and direction kernel, recurrent kernel
                and bias; those of several layers one after the other, forward before backward.
            options: of the layer; ``bidirectional=True`` where Keras's is, ``bias=False`` where it
                was made with ``use_bias=False``.

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
        each = 3 if options.get("bias", True) else 2
        layers, left = divmod(len(arrays), each * directions)
        if left or not layers or any(a.ndim != 2 for k, a in enumerate(arrays) if k % each < 2):
            raise ValueError(
                f"{cls.__name__}.from_keras_weights: got shapes {[a.shape for a in arrays]}, "
                f"expected a kernel, a recurrent kernel{' and a bias' * (each == 3)}"
                f"{' twice' * (directions == 2)} for each layer"
            )
        kernel, recurrent = arrays[:2]
        made: dict[str, Any] = {"num_layers": layers, "dtype": kernel.dtype}
        made |= cls._keras_options(arrays[2]) if each == 3 else {}
        layer = cls(kernel.shape[0], recurrent.shape[0], **(made | options))
        layer.load_keras_weights(arrays)
        return layer

    @classmethod
    def _keras_options(cls, bias: np.ndarray) -> dict[str, Any]:
        """What a bias of Keras's says about the layer."""
        return {}

    def _is_packed(self) -> bool:
        """Whether PyTorch has this cell, and the gates see h and x as there."""
        return all(map(is_packed, self.cells))

    def _suffix(self, number: int) -> str:
        layer, direction = divmod(number, self.directions)
        return f"_l{layer}{'_reverse' if direction else ''}"

    # A step, and what lies around it

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

    # What training draws

    def _dropped(self, x: Array) -> Array:
        draws = self._rng.random(np.moveaxis(x, -2, 0).shape if x.ndim > 2 else x.shape)
        return dropped(x, np.moveaxis(draws, 0, -2) if x.ndim > 2 else draws, self.dropout)

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
        dropped = {}
        for name in cell.gates:
            gate = getattr(cell, name)
            keep = self._rng.random(gate.weight.shape) >= self.recurrent_dropout
            scale = np.where(gate.columns(recurrent=True), keep / (1 - self.recurrent_dropout), 1)
            dropped[f"{name}.weight"] = gate.weight * scale.astype(gate.weight.dtype)
        with cell.holding(dropped):
            yield

    # What it is given

    def _kind_of(self, cell: Any) -> Callable[..., Cell]:
        """The class of the cells, or what makes one."""
        if callable(cell) and not isinstance(cell, Module):
            return cast(Callable[..., Cell], cell)
        name, got = type(self).__name__, "no cell" if cell is None else f"cell={cell!r}"
        if isinstance(cell, Module):
            kind = type(cell).__name__
            raise TypeError(f"{name}: got a {kind} as cell, expected the class: cell={kind}")
        raise TypeError(f"{name}: got {got}, expected a class of cells, as cell=nn.LSTMCell")

    def _check_options(self, unknown: Mapping[str, Any]) -> None:
        if unknown:
            name = next(iter(unknown))
            known = ", ".join(list(Recurrent.__init__.__annotations__)[:-2])
            advice = _ELSEWHERE.get(name, f"it takes {known}")
            raise TypeError(f"{type(self).__name__}: got an unknown option {name}; {advice}")


_ELSEWHERE = {
    "device": "arrays are NumPy's, on no device",
    "return_state": "the state is always returned: y, state = layer(x)",
    "units": "write input_size, hidden_size",
    "use_bias": "write bias=False",
    "stateful": "hand the state on: y, state = layer(x, state)",
    "go_backwards": "write bidirectional=True, or reverse the steps of x",
    "time_major": "write batch_first=False",
    "unroll": "write fused=False",
}
"""What those who know PyTorch or Keras look for, and what to write here."""


def _apart(out: Any, time: int) -> tuple[Array, Sequence[Array]]:
    """What a kernel gives: the outputs (time, batch, width), and the last states."""
    return out if isinstance(out, tuple) else (out[:time], [*out[time:]])


def _is_real(array: Array) -> bool:
    """Whether a kernel can run on it: real numbers, and at least one."""
    data: Any = getattr(array, "data", array) if hasattr(array, "parents") else array
    return is_plain(data) and data.dtype in (np.float32, np.float64) and data.size > 0
