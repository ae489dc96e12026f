"""What a recurrent layer is given: the states to start from, and which steps count."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.cell import Cell, states_with_shapes
from minigrad.primitives.checks import as_array, every
from minigrad.primitives.primitive import Array


def initial_states(
    name: str, cell: Cell, count: int, state: Any, batch: tuple[int, ...], dtype: Any
) -> list[tuple[Array, ...]]:
    """The states that each cell starts from: those given, or zeros.

    Args:
        name: of the layer, for messages.
        cell: one of them; all have states of the same shapes.
        count: how many cells there are.
        state: as the layer got it.
        batch: (batch,), or () without.
        dtype: of zeros.

    Raises:
        ValueError: the state has the wrong shape.
    """
    names = cell.state
    shapes = [(count, *batch, cell.size_of(one)) for one in names]
    if state is None:
        return [tuple(np.zeros(shape[1:], dtype) for shape in shapes)] * count
    given = state if isinstance(state, tuple) else (state,)
    given = tuple(s if hasattr(s, "__array_ufunc__") else np.asarray(s, dtype) for s in given)
    if len(given) != len(names) or any(
        s.shape != shape and (1, *s.shape) != shape for s, shape in zip(given, shapes, strict=True)
    ):
        got = ", ".join(str(s.shape) for s in given)
        expected = states_with_shapes(names, shapes)
        raise ValueError(f"{name}: got a state of shape {got}, expected {expected}")
    return [
        tuple(s[k] if s.shape == shape else s for s, shape in zip(given, shapes, strict=True))
        for k in range(count)
    ]


def counted_steps(name: str, lengths: Any, mask: Any, x: Array, batch_first: bool) -> Array | None:
    """Which steps count, as x without its last axis; ``None`` if all do.

    Args:
        name: of the layer, for messages.
        lengths: as the layer got them.
        mask: as the layer got it.
        x: as the layer got it.
        batch_first: whether its first axis is the batch.

    Raises:
        ValueError: they do not fit x.
    """
    if lengths is None and mask is None:
        return None
    if mask is not None:
        if lengths is not None:
            raise ValueError(f"{name}: got lengths and a mask, expected one of them")
        mask = as_array(mask)
        if mask.dtype != bool or mask.shape != x.shape[:-1] or x.ndim < 2:
            raise ValueError(
                f"{name}: got a mask {mask.dtype} {mask.shape} for x {x.shape}, expected "
                f"booleans {x.shape[:-1]}, True where a step counts"
            )
        return mask
    lengths = as_array(lengths)
    if x.ndim != 3:
        raise ValueError(f"{name}: got lengths for x {x.shape}, expected a batch of sequences")
    batch, time = x.shape[:2] if batch_first else x.shape[1::-1]
    if lengths.shape != (batch,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: got lengths {lengths.dtype} {lengths.shape} for x {x.shape}, expected "
            "one integer per sequence"
        )
    every(
        (lengths >= 0) & (lengths <= time),
        lambda lengths: ValueError(
            f"{name}: got lengths from {lengths.min()} to {lengths.max()} for sequences of "
            f"{time} steps"
        ),
        lengths,
    )
    counts = np.arange(time) < lengths[:, None]
    return counts if batch_first else counts.T
