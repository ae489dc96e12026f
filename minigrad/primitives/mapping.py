"""Functions applied line by line, or axis after axis; sums by positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.axes import Axes, axes_of
from minigrad.primitives.calls import constant
from minigrad.primitives.indexing import scatter
from minigrad.primitives.joining import stack
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.shaping import expand_dims, moveaxis, ravel, reshape
from minigrad.primitives.statistics import fixed


@implements(np.apply_along_axis)
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, x: Array, *args: Any, **kwargs: Any
) -> Array:
    """What a function makes of each line along ``axis``, put in the place of the line.

    Example:
        >>> print(mg.apply_along_axis(np.sum, 1, np.array([[1.0, 2.0], [3.0, 4.0]])))
        [3. 7.]
    """
    (axis,) = axes_of(axis, x.ndim)
    lines = moveaxis(x, axis, -1)
    lead = lines.shape[:-1]
    if not np.prod(lead, dtype=int):
        raise ValueError(f"apply_along_axis: got shape {x.shape}, which has no line along {axis}")
    made = [func1d(lines[index], *args, **kwargs) for index in np.ndindex(*lead)]
    whole = stack([y if hasattr(y, "ndim") else np.asarray(y) for y in made], axis=0)
    extra = whole.ndim - 1
    whole = reshape(whole, shape=(*lead, *whole.shape[1:]))
    return moveaxis(whole, tuple(range(-extra, 0)), tuple(range(axis, axis + extra)))


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[[Array, int], Array], x: Array, axes: Axes) -> Array:
    """A reduction (array, axis) → array over one axis after the other, each kept with length 1.

    Example:
        >>> print(mg.apply_over_axes(np.sum, np.ones((2, 3)), (0, 1)))
        [[6.]]
    """
    for axis in np.atleast_1d(np.asarray(axes)):
        (axis,) = axes_of(int(axis), x.ndim)
        y = func(x, axis)
        x = y if y.ndim == x.ndim else expand_dims(y, axis)
    return x


@implements(np.bincount)
def bincount(x: Array, weights: Array | None = None, minlength: int = 0) -> Array:
    """How often each whole number comes, or the sum of its weights, which have a derivative.

    Example:
        >>> print(mg.bincount(np.array([0, 2, 2]), weights=np.array([1.0, 2.0, 3.0])))
        [1. 0. 5.]
    """
    places = constant(x)
    if weights is None:
        return np.bincount(places, minlength=minlength)
    length = np.bincount(places, minlength=minlength).shape
    return scatter(weights, index=np.asarray(places), shape=length)


@implements(np.histogram)
def histogram(
    x: Array, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: Array | None = None,
) -> tuple[Array, np.ndarray]:  # fmt: skip
    """How many entries lie in each bin, and the bins' edges: constants.

    The sums of ``weights`` have a derivative by these.

    Example:
        >>> counts, edges = mg.histogram(np.array([1.0, 2.0, 2.5]), bins=[0.0, 2.0, 3.0])
        >>> print(counts, edges)
        [1 2] [0. 2. 3.]
    """
    numbers, edges = constant(x), constant(bins)
    counts, edges = np.histogram(numbers, edges, range, density, weights=constant(weights))
    if not getattr(weights, "requires_grad", False):
        return counts, edges
    flat, many = np.ravel(numbers), len(edges) - 1
    place = np.minimum(np.searchsorted(edges, flat, side="right") - 1, many - 1)
    inside = np.flatnonzero((flat >= edges[0]) & (flat <= edges[-1]))
    sums = scatter(ravel(weights)[inside], index=place[inside], shape=(many,))
    return (sums / np.sum(sums) / np.diff(edges) if density else sums), edges


@implements(np.histogram2d)
def histogram2d(
    x: Array, y: Array, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: Array | None = None,
) -> Any:  # fmt: skip
    """How many points lie in each bin of two axes, and the bins' edges: constants.

    Raises:
        TypeError: ``weights`` that require a gradient.

    Example:
        >>> print(mg.histogram2d(np.array([0.1, 0.9]), np.array([0.2, 0.8]), bins=2)[0])
        [[1. 0.]
         [0. 1.]]
    """
    weights = fixed(weights, "histogram2d", "weights")
    return np.histogram2d(constant(x), constant(y), constant(bins), range, density, weights)


@implements(np.histogramdd)
def histogramdd(
    sample: Array, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: Array | None = None,
) -> Any:  # fmt: skip
    """How many points lie in each bin of several axes, and the bins' edges: constants.

    Raises:
        TypeError: ``weights`` that require a gradient.

    Example:
        >>> print(mg.histogramdd(np.array([[0.1], [0.9]]), bins=2)[0])
        [1. 1.]
    """
    weights = fixed(weights, "histogramdd", "weights")
    return np.histogramdd(constant(sample), constant(bins), range, density, weights)
