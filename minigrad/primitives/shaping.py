"""Primitives that move entries about and add some up: all linear, so a rule is an adjoint."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array, Primitive, implements, linear, sample

Axes = int | tuple[int, ...] | None


def _spread(g: Array, shape: tuple[int, ...], axis: Axes, keepdims: bool) -> Array:
    """Undo a reduction: ``g`` with its lost axes put back, broadcast to ``shape``."""
    if axis is not None and not keepdims:
        axes = axis if isinstance(axis, tuple) else (axis,)
        lost = {a % len(shape) for a in axes}
        g = g.reshape(tuple(1 if a in lost else n for a, n in enumerate(shape)))
    return np.broadcast_to(g, shape)


def _part(position: int, axis: int, operands: tuple[Array, ...]) -> tuple[slice, ...]:
    """Where operand number ``position`` lies along ``axis`` of the concatenation."""
    start = builtins.sum(x.shape[axis] for x in operands[:position])
    axis = axis % operands[0].ndim
    return (slice(None),) * axis + (slice(start, start + operands[position].shape[axis]),)


def _scatter(g: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    zeros = np.zeros(shape, dtype=g.dtype)
    if _is_basic(index):
        zeros[index] = g
    else:
        np.add.at(zeros, index, g)  # an entry that is read twice receives both cotangents
    return zeros


def _astype(x: Array, *, dtype: Any) -> Array:
    if x.dtype == object:  # exact scalars have one type
        return x
    if np.iscomplexobj(x):  # stays complex: only the precision changes
        dtype = np.result_type(dtype, np.complex64)
    return x.astype(dtype)


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, int | np.integer | slice)
        for part in parts
    )


sum = linear(
    "sum", np.sum, label="Σ",
    adjoints=(lambda g, x, *, axis=None, keepdims=False: _spread(g, x.shape, axis, keepdims),),
    samples=(sample((2, 3)), sample((2, 3), axis=1), sample((2, 3), axis=(0, -1), keepdims=True)),
)  # fmt: skip
broadcast_to = linear(
    "broadcast_to", np.broadcast_to,
    adjoints=(lambda g, x, *, shape: g,),  # the walk sums what was broadcast
    samples=(sample((2, 1), shape=(3, 2, 2)),),
)  # fmt: skip
reshape = linear(
    "reshape", np.reshape,
    adjoints=(lambda g, x, *, shape: np.reshape(g, x.shape),),
    samples=(sample((2, 3), shape=(3, 2)), sample((2, 3), shape=(-1,))),
)  # fmt: skip
transpose = linear(
    "transpose", np.transpose, label="ᵀ",
    adjoints=(lambda g, x, *, axes=None:
              np.transpose(g, None if axes is None else tuple(np.argsort(axes))),),
    samples=(sample((2, 3)), sample((2, 1, 3), axes=(2, 0, 1))),
)  # fmt: skip
swapaxes = linear(
    "swapaxes", np.swapaxes, label="ᵀ",
    adjoints=(lambda g, x, *, axis1, axis2: np.swapaxes(g, axis1, axis2),),
    samples=(sample((2, 1, 3), axis1=0, axis2=-1),),
)  # fmt: skip
concatenate = linear(
    "concatenate", np.concatenate, label="concat", variadic=True,
    adjoints=(lambda g, *xs, position, axis=0: g[_part(position, axis, xs)],),
    samples=(sample((1, 2), (2, 2)), sample((2, 1), (2, 2), (2, 1), axis=-1)),
)  # fmt: skip
stack = linear(
    "stack", np.stack, variadic=True,
    adjoints=(lambda g, *xs, position, axis=0:
              g[(slice(None),) * (axis % g.ndim) + (position,)],),
    samples=(sample((2,), (2,)), sample((2, 2), (2, 2), axis=-1)),
)  # fmt: skip
getitem = linear(
    "getitem", lambda x, *, index: x[index], label="[ ]",
    adjoints=(lambda g, x, *, index: scatter(g, index=index, shape=x.shape),),
    samples=(sample((3, 2), index=(slice(None, 2), 0)),
             sample((3, 2), index=np.array([0, 2, 0])), sample((3,), index=None)),
)  # fmt: skip
scatter: Primitive = linear(
    "scatter", _scatter,
    adjoints=(lambda g, x, *, index, shape: g[index],),
    samples=(sample((2,), index=np.array([1, 1]), shape=(3,)),),
)  # fmt: skip
astype = linear(
    "astype", _astype,
    adjoints=(lambda g, x, *, dtype: g,),  # the walk keeps each operand's dtype
    samples=(sample((2, 3), dtype=np.float64),),
)  # fmt: skip


@implements(np.expand_dims)
def expand_dims(x: Array, axis: int | Sequence[int]) -> Array:
    """Insert axes of length 1: the result has them at the positions ``axis``."""
    shape = np.expand_dims(np.broadcast_to(0, x.shape), axis).shape
    return reshape(x, shape=shape)


@implements(np.squeeze)
def squeeze(x: Array, axis: Axes = None) -> Array:
    """Remove axes of length 1: those named, or all."""
    shape = np.squeeze(np.broadcast_to(0, x.shape), axis).shape
    return reshape(x, shape=shape)


@implements(np.mean)
def mean(x: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """Arithmetic mean along ``axis`` (an int, a tuple, or all axes)."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    count = int(np.prod([x.shape[a] for a in axes]))
    return sum(x, axis=axis, keepdims=keepdims) / count
