"""Functions applied line by line, or axis after axis; sums by positions."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.axes import Axes, axes_of
from minigrad.primitives.calls import constant, fixed, joined
from minigrad.primitives.indexing import scatter
from minigrad.primitives.joining import stack
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.reductions import max, min
from minigrad.primitives.shaping import expand_dims, moveaxis, ravel, reshape


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
    """How often each whole number occurs, or the sum of its weights, which have a derivative.

    Example:
        >>> print(mg.bincount(np.array([0, 2, 2]), weights=np.array([1.0, 2.0, 3.0])))
        [1. 0. 5.]
    """
    places = constant(x)
    if weights is None:
        return np.bincount(places, minlength=minlength)
    length = np.bincount(places, minlength=minlength).shape
    return scatter(weights, index=np.asarray(places), shape=length)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(
    x: Array, bins: Any = 10, range: Any = None, weights: Array | None = None
) -> Array:
    """The edges of a histogram's bins, which move with the least and the greatest entry.

    Their number, where ``bins`` names a rule for it, is a constant.

    Example:
        >>> print(mg.jacobian(lambda x: mg.histogram_bin_edges(x, 2))(np.array([1.0, 2.0, 5.0])))
        [[1.  0.  0. ]
         [0.5 0.  0.5]
         [0.  0.  1. ]]
    """
    numbers, range = constant(x), fixed(range, "histogram", "range")
    edges = np.histogram_bin_edges(numbers, constant(bins), range, constant(weights))
    if np.ndim(constant(bins)):
        return bins if hasattr(bins, "parents") else joined(bins)
    if range is not None or not numbers.size:
        return edges
    low, high = min(x), max(x)
    share = np.linspace(0, 1, len(edges), dtype=edges.dtype)
    return edges + (low - constant(low)) * (1 - share) + (high - constant(high)) * share


@implements(np.histogram)
def histogram(
    x: Array, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: Array | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """How many entries lie in each bin: constants; and the bins' edges: `histogram_bin_edges`.

    The sums of ``weights`` have a derivative with respect to these, and densities to the edges.

    Example:
        >>> counts, edges = mg.histogram(np.array([1.0, 2.0, 2.5]), bins=[0.0, 2.0, 3.0])
        >>> print(counts, edges)
        [1 2] [0. 2. 3.]
    """
    numbers, range = constant(x), fixed(range, "histogram", "range")
    counts, places = np.histogram(numbers, constant(bins), range, weights=constant(weights))
    edges = histogram_bin_edges(x, bins, range, weights)
    if getattr(weights, "requires_grad", False):
        flat, many = np.ravel(numbers), len(places) - 1
        place = np.minimum(np.searchsorted(places, flat, side="right") - 1, many - 1)
        inside = np.flatnonzero((flat >= places[0]) & (flat <= places[-1]))
        counts = scatter(ravel(weights)[inside], index=place[inside], shape=(many,))
    return (counts / np.diff(edges) / np.sum(counts) if density else counts), edges


@implements(np.histogram2d)
def histogram2d(
    x: Array, y: Array, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: Array | None = None,
) -> Any:  # fmt: skip
    """How many points lie in each bin of two axes, and the bins' edges: see `histogram`.

    Raises:
        TypeError: ``weights`` that require a gradient.

    Example:
        >>> print(mg.histogram2d(np.array([0.1, 0.9]), np.array([0.2, 0.8]), bins=2)[0])
        [[1. 0.]
         [0. 1.]]
    """
    if np.ndim(constant(bins)) == 1 and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = histogramdd(stack([x, y], axis=1), bins, range, density, weights)
    return counts, *edges


@implements(np.histogramdd)
def histogramdd(
    sample: Array, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: Array | None = None,
) -> Any:  # fmt: skip
    """How many points lie in each bin of several axes, and the bins' edges: see `histogram`.

    Raises:
        TypeError: ``weights`` that require a gradient.

    Example:
        >>> print(mg.histogramdd(np.array([[0.1], [0.9]]), bins=2)[0])
        [1. 1.]
    """
    weights = fixed(weights, "histogramdd", "weights")
    counts, plain = np.histogramdd(constant(sample), constant(bins), range, weights=weights)
    points = sample if sample.ndim == 2 else reshape(sample, shape=(-1, 1))
    many = len(plain)
    each = bins if np.ndim(constant(bins)) or isinstance(bins, list | tuple) else [bins] * many
    spans = [None] * many if range is None else range
    edges = [
        histogram_bin_edges(points[:, k], each[k], spans[k]) if spans[k] is None else plain[k]
        for k in builtins.range(many)
    ]
    if density:
        for k, edge in enumerate(edges):
            lengths = np.diff(edge)
            counts = counts / reshape(lengths, shape=(*lengths.shape, *(1,) * (many - 1 - k)))
        counts = counts / np.sum(np.histogramdd(constant(sample), plain, weights=weights)[0])
    return counts, edges
