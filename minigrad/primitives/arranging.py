"""What turns, shifts or repeats the entries of an array, or pads it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from minigrad.primitives.axes import Axes, axes_of
from minigrad.primitives.indexing import rearranged, values
from minigrad.primitives.joining import concatenate
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.shaping import ravel, reshape


@implements(np.flip)
def flip(x: Array, axis: Axes = None) -> Array:
    """Entries in reverse order along ``axis`` (an int, a tuple, or all axes).

    Example:
        >>> print(mg.flip(np.array([1.0, 2.0, 3.0])))
        [3. 2. 1.]
    """
    turned = axes_of(axis, x.ndim)
    return x[tuple(slice(None, None, -1 if a in turned else None) for a in range(x.ndim))]


@implements(np.flipud)
def flipud(x: Array) -> Array:
    """Entries in reverse order along the first axis.

    Example:
        >>> print(mg.flipud(np.array([1.0, 2.0])))
        [2. 1.]
    """
    return flip(x, 0)


@implements(np.fliplr)
def fliplr(x: Array) -> Array:
    """Entries in reverse order along the second axis.

    Example:
        >>> print(mg.fliplr(np.array([[1.0, 2.0]])))
        [[2. 1.]]
    """
    return flip(x, 1)


@implements(np.rot90)
def rot90(x: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Turned ``k`` times by a right angle, from the first of two axes towards the second.

    Example:
        >>> print(mg.rot90(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [[2. 4.]
         [1. 3.]]
    """
    return rearranged(x, lambda places: np.rot90(places, k, axes))


@implements(np.roll)
def roll(x: Array, shift: Any, axis: Axes = None) -> Array:
    """Entries moved along ``axis``; those that leave at the end come in at the front.

    Example:
        >>> print(mg.roll(np.array([1.0, 2.0, 3.0]), 1))
        [3. 1. 2.]
    """
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), shape=x.shape)
    np.roll(np.zeros(x.shape, bool), shift, axis)  # for its errors
    shifts: dict[int, int] = {}
    for by, a in np.broadcast(shift, normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)):
        shifts[a] = shifts.get(a, 0) + int(by)
    found = x
    for a, by in shifts.items():
        if border := -by % x.shape[a] if x.shape[a] else 0:
            before = (slice(None),) * a
            parts = found[(*before, slice(border, None))], found[(*before, slice(border))]
            found = concatenate(parts, axis=a)
    return rearranged(x, lambda places: places) if found is x else found


@implements(np.repeat)
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Each entry ``repeats`` times along ``axis``; of the flattened array if that is ``None``.

    Example:
        >>> print(mg.repeat(np.array([1.0, 2.0]), 2))
        [1. 1. 2. 2.]
    """
    return rearranged(x, lambda places: np.repeat(places, repeats, axis))


@implements(np.tile)
def tile(x: Array, reps: Any) -> Array:
    """The whole array ``reps`` times along each axis.

    Example:
        >>> print(mg.tile(np.array([1.0, 2.0]), 2))
        [1. 2. 1. 2.]
    """
    return rearranged(x, lambda places: np.tile(places, reps))


@implements(np.resize)
def resize(x: Array, new_shape: Any) -> Array:
    """The entries in another shape, again from the first where there are not enough.

    Example:
        >>> print(mg.resize(np.array([1.0, 2.0]), (2, 3)))
        [[1. 2. 1.]
         [2. 1. 2.]]
    """
    if not x.size:
        return x * 0 + np.zeros(new_shape, x.dtype)
    return rearranged(x, lambda places: np.resize(places, new_shape))


@implements(np.trim_zeros)
def trim_zeros(x: Array, trim: str = "fb", axis: Axes = None) -> Array:
    """Without the zeros at the front and at the back, as many as there are.

    Example:
        >>> print(mg.trim_zeros(np.array([0.0, 1.0, 0.0, 2.0, 0.0])))
        [1. 0. 2.]
    """
    axes = axes_of(axis, x.ndim)
    if x.ndim == 0:
        return x
    found = np.nonzero(values(x))
    index = [slice(None)] * x.ndim
    for a in axes:
        if not found[a].size:
            index[a] = slice(0, 0)
            continue
        start = int(found[a].min()) if "f" in trim.lower() else 0
        index[a] = slice(start, int(found[a].max()) + 1 if "b" in trim.lower() else None)
    return x[tuple(index)]
