"""Weights in the names, packing and axes of PyTorch and Keras, both ways.

Most modules name their parameters as PyTorch does, so that their state is PyTorch's. Here is what
differs: gates, which PyTorch and Keras stack into one matrix each for the input and the state, and
the order and the axes of Keras's lists of arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.tensor import raw

if TYPE_CHECKING:
    from minigrad.nn.cell import Cell
    from minigrad.nn.module import Module, State

Gates = tuple[str | tuple[str, str], ...]
"""The gates in the order in which a library stacks them; a pair is one gate of x and one of h."""
Axes = tuple[int, ...] | None


def as_arrays(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A state as NumPy arrays; PyTorch's tensors and Tensors are among what it takes."""
    arrays = {}
    for name, value in state.items():
        try:
            arrays[name] = np.asarray(raw(value))
        except (TypeError, RuntimeError) as error:
            got = type(value).__name__
            raise ValueError(f"{name}: got {got}, expected an array: {error}") from error
    return arrays


# Keras: lists of arrays


@dataclass(frozen=True)
class Layout:
    """The parameters and buffers of a module in the order of Keras's ``get_weights()``.

    Attributes:
        entries: each one's name, and its axes in the order in which Keras has them, if another.
            Those that a module was made without are left out.
    """

    entries: tuple[tuple[str, Axes], ...]

    def read(self, module: Module) -> list[np.ndarray]:
        """Copies of the arrays."""
        present = ((raw(getattr(module, name)), axes) for name, axes in self.entries)
        return [
            np.array(array if axes is None else array.transpose(axes))
            for array, axes in present
            if array is not None
        ]

    def write(self, module: Module, arrays: Iterator[np.ndarray]) -> None:
        """Take over as many arrays as there are entries."""
        state = module.state_dict()
        for name, axes in self.entries:
            if name in state:
                array = next(arrays)
                state[name] = array if axes is None else array.transpose(np.argsort(axes))
        module.assign_state(state)


def layout(*names: str, **permuted: tuple[int, ...]) -> Layout:
    """A `Layout`: first the permuted entries, then those that are the same in both."""
    return Layout((*permuted.items(), *((name, None) for name in names)))


def keras_hint(got: Sequence[tuple[int, ...]], expected: Sequence[tuple[int, ...]]) -> str:
    """What to do when shapes differ as those of Keras's two kinds of GRU do."""
    for a, b in zip(got, expected, strict=False):
        if (2, *b) == a:
            return (
                "; these are of a GRU of Keras with reset_after=True: make the layer with "
                "reset_after=True"
            )
        if (2, *a) == b:
            return (
                "; these are of a GRU of Keras with reset_after=False: make the layer with "
                "reset_after=False"
            )
    return ""


def keras_of_cell(cell: Cell) -> list[np.ndarray]:
    """Kernel (x, gates · h), recurrent kernel (h, gates · h), and the bias if there is one.

    Raises:
        ValueError: Keras has no such cell.
    """
    _check_keras(cell)
    of_x, of_h, b_x, b_h = (
        np.concatenate([sign * part[k] for sign, part in _signed(cell, cell.keras)])
        for k in range(4)
    )
    if not cell.has_bias:
        return [of_x.T.copy(), of_h.T.copy()]
    return [of_x.T.copy(), of_h.T.copy(), np.stack([b_x, b_h]) if _is_paired(cell) else b_x + b_h]


def set_keras_of_cell(cell: Cell, arrays: Iterator[np.ndarray]) -> None:
    """Take over what `keras_of_cell` gives."""
    _check_keras(cell)
    kernel, recurrent = next(arrays), next(arrays)
    bias = next(arrays) if cell.has_bias else np.zeros(kernel.shape[1], kernel.dtype)
    inner, outer = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    parts = _split(len(cell.keras), kernel.T, recurrent.T, inner, outer)
    for gate, part in zip(cell.keras, parts, strict=True):
        sign = 1
        if isinstance(gate, str) and gate.startswith("1-"):  # σ(−a) = 1 − σ(a)
            gate, sign = gate[2:], -1
        _set_gate(cell, gate, *(sign * array for array in part))


def _signed(cell: Cell, order: Gates) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
    for gate in order:
        if isinstance(gate, str) and gate.startswith("1-"):
            yield -1, _gate(cell, gate[2:])
        else:
            yield 1, _gate(cell, gate)


def _is_paired(cell: Cell) -> bool:
    """Whether a gate of Keras's has a bias for x and one for h."""
    return any(isinstance(gate, tuple) for gate in cell.keras)


def _check_keras(cell: Cell) -> None:
    if not cell.keras:
        raise ValueError(f"Keras has no layer of {type(cell).__name__}")


# PyTorch: one matrix for x and one for h, the gates one above the other


def is_packed(cell: Cell) -> bool:
    """Whether PyTorch has this cell, and the gates see h and x as there."""
    return bool(cell.packing) and all(
        vars(cell)[gate].widths == widths for gate, widths in _widths(cell)
    )


def packed(cell: Cell, suffix: str = "") -> State:
    """The cell's parameters in PyTorch's names and packing, copied.

    PyTorch adds two biases where there is one here: the second is written as 0.
    """
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if cell.has_bias else 2]
    parts = [_gate(cell, gate) for gate in cell.packing]
    state = {
        kind + suffix: np.concatenate([part[k] for part in parts]) for k, kind in enumerate(kinds)
    }
    if cell.projection:
        state[f"weight_hr{suffix}"] = getattr(cell, cell.projection).weight.data.copy()
    return state


def unpack(cell: Cell, state: Mapping[str, np.ndarray], suffix: str = "") -> None:
    """Take over what `packed` gives."""
    w_x, w_h = state[f"weight_ih{suffix}"], state[f"weight_hh{suffix}"]
    zero = np.zeros(len(w_x), w_x.dtype)
    b_x, b_h = (state.get(f"bias_{kind}{suffix}", zero) for kind in ("ih", "hh"))
    parts = _split(len(cell.packing), w_x, w_h, b_x, b_h)
    for gate, part in zip(cell.packing, parts, strict=True):
        _set_gate(cell, gate, *part)
    if cell.projection:
        weight = getattr(cell, cell.projection).weight
        weight.data = state[f"weight_hr{suffix}"].astype(weight.dtype)


def pytorch_hint(cell: Cell, names: Mapping[str, Any]) -> str:
    """What to do about PyTorch's weights of another kind of this cell."""
    theirs = any(name.startswith(("weight_ih", "weight_hh")) for name in names)
    if theirs and cell.twin:
        return f"these are PyTorch's {cell.twin}"
    return ""


def _widths(cell: Cell) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each gate of a packing, and the widths of what it sees in PyTorch's equations."""
    of_h = cell.size_of(cell.state[0])
    for gate in cell.packing:
        if isinstance(gate, tuple):
            yield from zip(gate, ((cell.input_size,), (of_h,)), strict=True)
        else:
            yield gate, (of_h, cell.input_size)


# A gate, apart: (weight of x, weight of h, bias of x, bias of h)


def _gate(cell: Cell, gate: str | tuple[str, str]) -> tuple[np.ndarray, ...]:
    if isinstance(gate, tuple):  # the parts of x and of h have a gate each
        x, h = (getattr(cell, name) for name in gate)
        return x.weight.data, h.weight.data, x.bias.data, h.bias.data
    own = getattr(cell, gate)
    w_h, w_x = np.split(own.weight.data, [cell.size_of(cell.state[0])], axis=1)
    return w_x, w_h, own.bias.data, np.zeros_like(own.bias.data)


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


def _split(parts: int, *arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    return zip(*(np.split(array, parts) for array in arrays), strict=True)
