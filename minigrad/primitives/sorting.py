"""Entries in order: sorting, partitions, extremes so far, sets.

All take the entries by their positions, which are constants: where entries are equal, the
derivative goes to the one that stands first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.axes import axis_of
from minigrad.primitives.calls import constant
from minigrad.primitives.indexing import along, take_along_axis, values
from minigrad.primitives.joining import concatenate
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.shaping import ravel


@implements(np.sort)
def sort(
    x: Array, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None
) -> Array:
    """Entries in ascending order along ``axis``; equal ones keep their order, whatever ``kind``.

    Raises:
        TypeError: an array of a world whose entries have no order, or are not at hand.

    Example:
        >>> print(mg.sort(np.array([3.0, 1.0, 2.0])))
        [1. 2. 3.]
    """
    if axis is not None:
        axis_of(axis, x.ndim)
    return take_along_axis(x, np.argsort(values(x), axis=axis, kind="stable"), axis)


@implements(np.sort_complex)
def sort_complex(x: Array) -> Array:
    """Entries in ascending order along the last axis, as complex numbers.

    Example:
        >>> print(mg.sort_complex(np.array([2.0, 1.0])))
        [1.+0.j 2.+0.j]
    """
    return sort(x) + np.zeros((), np.sort_complex(np.zeros(1, x.dtype)).dtype)


@implements(np.partition)
def partition(x: Array, kth: Any, axis: int | None = -1) -> Array:
    """Entries along ``axis`` so that the ``kth`` stands where it does in `sort`.

    Those before are not larger, those behind not smaller.

    Example:
        >>> print(mg.partition(np.array([3.0, 1.0, 2.0]), 1)[1])
        2.0
    """
    if axis is not None:
        axis_of(axis, x.ndim)
    return take_along_axis(x, np.argpartition(values(x), constant(kth), axis), axis)


def cummax(x: Array, axis: int = 0) -> Array:
    """The largest of the first entries along ``axis``: np.maximum.accumulate.

    Example:
        >>> print(mg.cummax(np.array([1.0, 3.0, 2.0])))
        [1. 3. 3.]
    """
    return _so_far(x, axis, np.maximum)


def cummin(x: Array, axis: int = 0) -> Array:
    """The smallest of the first entries along ``axis``: np.minimum.accumulate.

    Example:
        >>> print(mg.cummin(np.array([3.0, 1.0, 2.0])))
        [3. 1. 1.]
    """
    return _so_far(x, axis, np.minimum)


def _so_far(x: Array, axis: int, extreme: np.ufunc) -> Array:
    numbers = values(x)
    axis = axis_of(axis, x.ndim)
    reached = extreme.accumulate(numbers, axis)
    before = np.roll(reached, 1, axis)
    line = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    # An entry is new where it differs from what stood before it, NaN from numbers too
    new = (line == 0) | ((reached != before) & ~(np.isnan(reached) & np.isnan(before)))
    return take_along_axis(x, np.maximum.accumulate(np.where(new, line, 0), axis), axis)


# Sets


class UniqueAllResult(NamedTuple):
    """What `unique_all` returns, with NumPy's names."""

    values: Array
    indices: np.ndarray
    inverse_indices: np.ndarray
    counts: np.ndarray


class UniqueCountsResult(NamedTuple):
    """What `unique_counts` returns, with NumPy's names."""

    values: Array
    counts: np.ndarray


class UniqueInverseResult(NamedTuple):
    """What `unique_inverse` returns, with NumPy's names."""

    values: Array
    inverse_indices: np.ndarray


@implements(np.unique)
def unique(
    x: Array,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
) -> Any:
    """The different entries in ascending order, or different parts along ``axis``.

    Positions and counts, if asked for, follow behind and have no derivative.

    Example:
        >>> print(mg.unique(np.array([2.0, 1.0, 2.0])))
        [1. 2.]
    """
    numbers = values(x)
    _, index, inverse, counts = np.unique(
        numbers, True, True, True, axis, equal_nan=equal_nan
    )  # fmt: skip
    chosen = ravel(x)[index] if axis is None else x[along(axis, index, x.ndim)]
    wanted = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    more = tuple(array for asked, array in wanted if asked)
    return (chosen, *more) if more else chosen


@implements(np.unique_values)
def unique_values(x: Array) -> Array:
    """The different entries, each NaN by itself, in NumPy's order.

    Example:
        >>> print(mg.unique_values(np.array([2.0, 1.0, 2.0])))
        [1. 2.]
    """
    found = np.unique_values(values(x))  # in an order of its own
    flat = ravel(x)
    order = np.argsort(values(flat), kind="stable")
    first = np.searchsorted(values(flat)[order], found)
    repeated = np.isnan(found) if found.dtype.kind == "f" else np.zeros(found.shape, bool)
    first[repeated] += np.arange(np.sum(repeated))  # each NaN is another
    return flat[order[first]]


@implements(np.unique_all)
def unique_all(x: Array) -> UniqueAllResult:
    """The different entries, where each stands first, which each one is, and how often it comes.

    Example:
        >>> print(mg.unique_all(np.array([2.0, 1.0, 2.0])).counts)
        [1 2]
    """
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False))


@implements(np.unique_counts)
def unique_counts(x: Array) -> UniqueCountsResult:
    """The different entries, and how often each comes.

    Example:
        >>> print(mg.unique_counts(np.array([2.0, 1.0, 2.0])).counts)
        [1 2]
    """
    return UniqueCountsResult(*unique(x, return_counts=True, equal_nan=False))


@implements(np.unique_inverse)
def unique_inverse(x: Array) -> UniqueInverseResult:
    """The different entries, and which of them each entry is.

    Example:
        >>> print(mg.unique_inverse(np.array([2.0, 1.0, 2.0])).inverse_indices)
        [1 0 1]
    """
    return UniqueInverseResult(*unique(x, return_inverse=True, equal_nan=False))


@implements(np.union1d)
def union1d(a: Array, b: Array) -> Array:
    """The entries of both, each once, in ascending order.

    Example:
        >>> print(mg.union1d(np.array([2.0, 1.0]), np.array([2.0, 3.0])))
        [1. 2. 3.]
    """
    return unique(concatenate([a, b], axis=None))


@implements(np.intersect1d)
def intersect1d(
    a: Array, b: Array, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The entries that both have, taken from the first, each once, in ascending order.

    Example:
        >>> print(mg.intersect1d(np.array([2.0, 1.0]), np.array([2.0, 3.0])))
        [2.]
    """
    _, first, second = np.intersect1d(constant(a), constant(b), assume_unique, return_indices=True)
    chosen = ravel(a)[first]
    return (chosen, first, second) if return_indices else chosen


@implements(np.setdiff1d)
def setdiff1d(a: Array, b: Array, assume_unique: bool = False) -> Array:
    """The entries of the first that the second does not have.

    Example:
        >>> print(mg.setdiff1d(np.array([2.0, 1.0]), np.array([2.0, 3.0])))
        [1.]
    """
    a = ravel(a) if assume_unique else unique(a)
    return a[np.flatnonzero(~np.isin(constant(a), constant(b), assume_unique=assume_unique))]


@implements(np.setxor1d)
def setxor1d(a: Array, b: Array, assume_unique: bool = False) -> Array:
    """The entries that only one of the two has, in ascending order.

    Example:
        >>> print(mg.setxor1d(np.array([2.0, 1.0]), np.array([2.0, 3.0])))
        [1. 3.]
    """
    if not assume_unique:
        a, b = unique(a), unique(b)
    both = sort(concatenate([a, b], axis=None))
    if not both.size:
        return both
    numbers = values(both)
    differs = np.concatenate([[True], numbers[1:] != numbers[:-1], [True]])
    return both[np.flatnonzero(differs[1:] & differs[:-1])]
