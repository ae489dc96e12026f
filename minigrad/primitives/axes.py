"""Axes as callers give them, made positive by NumPy's own rules and refused with its own errors."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

Axes = int | Sequence[int] | None


def axes_of(axis: Axes, ndim: int) -> tuple[int, ...]:
    """Axes as numbers from 0 up; all of them for ``None``.

    Raises:
        numpy.exceptions.AxisError: an axis is out of range.
        ValueError: an axis is named twice.

    Example:
        >>> from minigrad.primitives.axes import axes_of
        >>> axes_of((0, -1), 3), axes_of(None, 2)
        ((0, 2), (0, 1))
    """
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def axis_of(axis: int, ndim: int) -> int:
    """One axis as a number from 0 up.

    Raises:
        numpy.exceptions.AxisError: it is out of range.
        TypeError: it is no whole number.
    """
    return normalize_axis_index(operator.index(axis), ndim)


def reduced_axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes over which a ufunc reduces: it takes a number for a line of one entry.

    Raises:
        numpy.exceptions.AxisError, ValueError: as `axes_of`.
        TypeError: the axes come in a list.
    """
    if ndim == 0 and isinstance(axis, int) and axis in (0, -1):
        return ()
    if isinstance(axis, list):
        raise TypeError(f"got axis={axis}, expected a whole number, or a tuple of some")
    return axes_of(axis, ndim)


def kept_shape(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    """The shape after a reduction over ``axis`` that keeps its axes with length 1."""
    lost = reduced_axes(axis, len(shape))
    return tuple(1 if a in lost else n for a, n in enumerate(shape))


def moved(ndim: int, source: Axes, destination: Axes) -> tuple[int, ...]:
    """The order of axes after ``np.moveaxis``, by which `transpose` moves them."""
    axes_only: np.ndarray = np.empty(range(ndim))  # no entries: only its shape is moved
    return np.moveaxis(axes_only, source, destination).shape  # type: ignore[arg-type]
