"""Means, spreads and quantiles."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from minigrad.primitives.axes import Axes, axes_of
from minigrad.primitives.calls import constant, fixed, plain_dtype
from minigrad.primitives.indexing import where as choose
from minigrad.primitives.joining import concatenate
from minigrad.primitives.pieces import isnan
from minigrad.primitives.powers import square
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.products import matmul
from minigrad.primitives.reductions import chosen, norm
from minigrad.primitives.reductions import max as max_along
from minigrad.primitives.reductions import min as min_along
from minigrad.primitives.reductions import sum as sum_along
from minigrad.primitives.shaping import atleast_2d, expand_dims, reshape, transpose
from minigrad.primitives.sorting import sort


@implements(np.mean)
def mean(
    x: Array, axis: Axes = None, dtype: Any = None, keepdims: bool = False, *, where: Any = True
) -> Array:
    """Arithmetic mean along ``axis`` (an int, a tuple, or all axes); NaN of no entries.

    Example:
        >>> x = np.array([[1.0, 2.0], [3.0, 6.0]])
        >>> print(mg.mean(x), mg.mean(x, axis=0))
        3.0 [2. 4.]
    """
    x = chosen(x, _inexact(dtype), where, 0)
    total = sum_along(x, axis=axis, keepdims=keepdims)
    return _over(total, count(x.shape, axis, keepdims, where))


def _inexact(dtype: Any) -> Any:
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise TypeError(f"got dtype={np.dtype(dtype)} for a mean, expected a floating-point one")
    return dtype


def _over(total: Array, many: Any) -> Array:
    """A sum over how many entries it has: one number, or an array, which keeps the dtype."""
    counted = isinstance(many, np.ndarray | np.generic)
    return total / (many.astype(plain_dtype(total)) if counted else many)


def count(shape: tuple[int, ...], axis: Axes, keepdims: bool = False, where: Any = True) -> Any:
    """How many entries a reduction takes: one number, or an array where some are left out."""
    if where is True:
        return math.prod(shape[a] for a in axes_of(axis, len(shape)))
    flags = np.broadcast_to(constant(where), shape)
    return np.sum(
        flags, axis=None if axis is None else axes_of(axis, len(shape)), keepdims=keepdims
    )


@implements(np.var)
def var(
    x: Array, axis: Axes = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Array | None = None, correction: float = 0,
) -> Array:  # fmt: skip
    """Variance along ``axis``: mean squared distance from the mean; NaN of too few entries.

    Args:
        x: any array.
        axis: an int, a tuple, or all axes.
        dtype: in which it is computed.
        ddof: what to take off the number of entries; also called correction.
        keepdims: keep the axes with length 1.
        where: which entries count.
        mean: the mean with its axes kept, if it is known.
        correction: as ``ddof``.

    Example:
        >>> print(mg.var(np.array([1.0, 3.0])), mg.var(np.array([1.0, 3.0]), ddof=1))
        1.0 2.0
    """
    distance, freedom = _distance(x, axis, dtype, ddof or correction, keepdims, where, mean)
    complex_ = np.iscomplexobj(distance)
    squares = np.real(distance * np.conj(distance)) if complex_ else square(distance)
    return _over(sum_along(squares, axis=axis, keepdims=keepdims), freedom)


@implements(np.std)
def std(
    x: Array, axis: Axes = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Array | None = None, correction: float = 0,
) -> Array:  # fmt: skip
    """Standard deviation, the root of `var`; of equal numbers it is 0 with the derivative 0.

    Example:
        >>> print(mg.std(np.array([1.0, 3.0])), mg.grad(mg.std)(np.array([1.0, 3.0])))
        1.0 [-0.5  0.5]
    """
    distance, freedom = _distance(x, axis, dtype, ddof or correction, keepdims, where, mean)
    spread = norm(distance, axis=axis, keepdims=keepdims)
    if mean is None:  # of one entry it is 0 to any order, and a norm is not
        alone = np.asarray(count(x.shape, axis, True, where) == 1)
        if np.any(alone):
            nothing = sum_along(np.real(distance), axis=axis, keepdims=keepdims)
            spread = norm(distance + alone, axis=axis, keepdims=keepdims)
            spread = choose(alone.reshape(spread.shape) if alone.ndim else alone, nothing, spread)
    return _over(spread, np.sqrt(freedom))


def _distance(
    x: Array, axis: Axes, dtype: Any, ddof: float, keepdims: bool, where: Any, middle: Array | None
) -> tuple[Array, Any]:
    """How far entries are from the mean, 0 for those left out; and the degrees of freedom."""
    x = chosen(x, _inexact(dtype), True, 0)
    middle = mean(x, axis, keepdims=True, where=where) if middle is None else middle
    many = count(x.shape, axis, keepdims, where)
    freedom = builtins.max(many - ddof, 0) if where is True else np.maximum(many - ddof, 0)
    return chosen(x - middle, None, where, 0), freedom  # of too few: divided by 0, as NumPy does


@implements(np.average)
def average(
    x: Array, axis: Axes = None, weights: Array | None = None, returned: bool = False,
    *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Mean with weights along ``axis``; with their sum if ``returned``.

    Raises:
        ValueError: the weights have neither the shape of ``x`` nor that of its axes.
        ZeroDivisionError: they add up to 0.

    Example:
        >>> print(mg.average(np.array([1.0, 3.0]), weights=np.array([3.0, 1.0])))
        1.5
    """
    axis = axis if axis is None else axes_of(axis, x.ndim)
    if weights is None:
        y = mean(x, axis, keepdims=keepdims)
        total = np.full(y.shape, count(x.shape, axis), y.dtype)
        return (y, total) if returned else y
    if np.shape(weights) != x.shape:
        if axis is None:
            raise TypeError(f"average: got weights {np.shape(weights)} for shape {x.shape}: say "
                            "along which axis")  # fmt: skip
        axes = axes_of(axis, x.ndim)
        if np.shape(weights) != tuple(x.shape[a] for a in axes):
            raise ValueError(f"average: got weights {np.shape(weights)} for axis {axis} of shape "
                             f"{x.shape}")  # fmt: skip
        weights = transpose(weights, axes=tuple(np.argsort(axes)))
        weights = reshape(
            weights, shape=tuple(n if a in axes else 1 for a, n in enumerate(x.shape))
        )
    weights = weights + np.zeros(x.shape, weights.dtype)
    total = sum_along(weights, axis=axis, keepdims=keepdims)
    if np.any(constant(total) == 0):
        raise ZeroDivisionError("average: the weights add up to 0")
    y = sum_along(x * weights, axis=axis, keepdims=keepdims) / total
    return (y, total) if returned else y


@implements(np.ptp)
def ptp(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The difference of the largest and the smallest entry along ``axis``.

    Example:
        >>> print(mg.ptp(np.array([1.0, 4.0, 2.0])), mg.grad(mg.ptp)(np.array([1.0, 4.0, 2.0])))
        3.0 [-1.  1.  0.]
    """
    return max_along(x, axis=axis, keepdims=keepdims) - min_along(x, axis=axis, keepdims=keepdims)


@implements(np.quantile)
def quantile(
    x: Array, q: Any, axis: Axes = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """What lies above a share ``q`` of the entries along ``axis``: between two sorted entries.

    Args:
        x: any array.
        q: one share or an array of them, between 0 and 1.
        axis: an int, a tuple, or all axes.
        overwrite_input: accepted as in NumPy; nothing is overwritten.
        method: how to go between two entries: NumPy's names. Where the result jumps from entry
            to entry as ``q`` grows, its derivative for ``q`` is 0.
        keepdims: keep the axes with length 1.

    Returns:
        The axes of ``q``, then those that are left of ``x``.

    Example:
        >>> print(mg.quantile(np.array([1.0, 2.0, 4.0]), 0.75))
        3.0
    """
    return _quantile(x, q, axis, method, keepdims)


@implements(np.nanquantile)
def nanquantile(
    x: Array, q: Any, axis: Axes = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """As `quantile`, of the entries that are not NaN.

    Example:
        >>> print(mg.nanquantile(np.array([1.0, np.nan, 3.0]), 0.5))
        2.0
    """
    return _quantile(x, q, axis, method, keepdims, without_nan=True)


_DISCRETE = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")
_STEPS = {  # by how many places beyond n one moves while q goes from 0 to 1 (Hyndman & Fan 1996)
    "linear": -1, "interpolated_inverted_cdf": 0, "hazen": 0, "weibull": 1,
    "median_unbiased": 1 / 3, "normal_unbiased": 1 / 4,
}  # fmt: skip


def _quantile(
    x: Array, q: Any, axis: Axes, method: str, keepdims: bool, *, without_nan: bool = False
) -> Array:
    """Between two sorted entries: NumPy's own rule says which, asked of the positions 0, 1, 2."""
    shares = np.asarray(constant(q))
    np.quantile(np.zeros(1), shares, method=method)  # type: ignore[call-overload]  # NumPy's checks
    lines, kept = _lines(x, axis)
    if lines.shape[-1] == 0 and without_nan:
        nothing = np.full(
            (*shares.shape, *(kept if keepdims else lines.shape[:-1])), np.nan, x.dtype
        )
        return nothing + sum_along(x)
    place = np.empty((*shares.shape, *lines.shape[:-1]))
    many = _many(lines, without_nan)
    for n in np.unique(many):
        if n == 0 and without_nan:
            place[..., many == n] = np.nan
            continue
        at = np.quantile(np.arange(float(n)), shares, method=method)  # type: ignore[call-overload]
        place[..., many == n] = np.expand_dims(at, -1)
    below = np.floor(np.nan_to_num(place)).astype(int)
    above = np.minimum(below + 1, np.maximum(many - 1, 0))
    strong = [] if isinstance(q, int | float) else [shares.dtype]
    share = (place - below).astype(np.result_type(
        *strong, lines.dtype if lines.dtype.kind == "f" else float))  # fmt: skip
    if hasattr(q, "parents") and method in _STEPS:
        step = reshape(q - shares, shape=(*shares.shape, *(1,) * (lines.ndim - 1)))
        inside = (place > 0) & (place < many - 1) if method != "linear" else many > 0
        share = share + step * (inside * (many + _STEPS[method])).astype(share.dtype)
    ordered = sort(lines)
    first = _picked(ordered, below)
    y = first if method in _DISCRETE else first + (_picked(ordered, above) - first) * share
    if not without_nan and lines.dtype.kind == "f":
        y = choose(isnan(ordered[..., -1]), np.nan, y)
    return reshape(y, shape=(*shares.shape, *kept)) if keepdims else y


def _many(lines: Array, without_nan: bool) -> np.ndarray:
    """How many entries of each line count."""
    if without_nan:
        return np.sum(~isnan(lines), axis=-1)
    return np.full(lines.shape[:-1], lines.shape[-1])


def _picked(lines: Array, places: np.ndarray) -> Array:
    """Of each line the entry at its own place; the places have axes of their own in front."""
    return lines[(*np.ogrid[tuple(slice(n) for n in lines.shape[:-1])], places)]


@implements(np.percentile)
def percentile(
    x: Array, q: Any, axis: Axes = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """As `quantile`, with shares between 0 and 100.

    Example:
        >>> print(mg.percentile(np.array([1.0, 2.0, 4.0]), 75.0))
        3.0
    """
    share = (q if hasattr(q, "ndim") else np.asarray(q)) / 100
    return _quantile(x, share, axis, method, keepdims)


@implements(np.nanpercentile)
def nanpercentile(
    x: Array, q: Any, axis: Axes = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """As `percentile`, of the entries that are not NaN.

    Example:
        >>> print(mg.nanpercentile(np.array([1.0, np.nan, 3.0]), 50.0))
        2.0
    """
    share = (q if hasattr(q, "ndim") else np.asarray(q)) / 100
    return _quantile(x, share, axis, method, keepdims, without_nan=True)


@implements(np.median)
def median(
    x: Array, axis: Axes = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """The entry in the middle along ``axis``, or the mean of the two there.

    Example:
        >>> print(mg.median(np.array([3.0, 1.0, 10.0])), mg.median(np.array([1.0, 2.0])))
        3.0 1.5
    """
    return _median(x, axis, keepdims)


@implements(np.nanmedian)
def nanmedian(
    x: Array, axis: Axes = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """As `median`, of the entries that are not NaN.

    Example:
        >>> print(mg.nanmedian(np.array([1.0, np.nan, 3.0])))
        2.0
    """
    return _median(x, axis, keepdims, without_nan=True)


def _median(x: Array, axis: Axes, keepdims: bool, *, without_nan: bool = False) -> Array:
    lines, kept = _lines(x, axis)
    if lines.shape[-1] == 0:
        return mean(x, axis if axis is None else axes_of(axis, x.ndim), keepdims=keepdims)
    many = _many(lines, without_nan)
    ordered = sort(lines)
    middle = (_picked(ordered, np.maximum(many - 1, 0) // 2) + _picked(ordered, many // 2)) / 2
    if not without_nan:
        middle = choose(isnan(ordered[..., -1]), np.nan, middle)
    return reshape(middle, shape=kept) if keepdims else middle


def _lines(x: Array, axis: Axes) -> tuple[Array, tuple[int, ...]]:
    """The entries over which to reduce along one last axis, and the shape with all axes kept."""
    axes = axes_of(axis, x.ndim)
    rest = [a for a in range(x.ndim) if a not in axes]
    length = math.prod(x.shape[a] for a in axes)
    lines = reshape(transpose(x, axes=(*rest, *axes)), shape=(*(x.shape[a] for a in rest), length))
    return lines, tuple(1 if a in axes else n for a, n in enumerate(x.shape))


@implements(np.cov)
def cov(
    x: Array, y: Array | None = None, rowvar: bool = True, bias: bool = False,
    ddof: float | None = None, fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Array:  # fmt: skip
    """Covariances of variables, one per row.

    Args:
        x: (variables, observations), or one variable.
        y: more variables.
        rowvar: False if the variables are in columns.
        bias: divide by the number of observations and not by one less.
        ddof: divide by the number of observations minus this.
        fweights: how often each observation counts.
        aweights: the weight of each observation.
        dtype: in which it is computed.

    Example:
        >>> print(mg.cov(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])))
        [[1. 2.]
         [2. 4.]]
    """
    x = _variables(x, rowvar)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar)], axis=0)
    computed = np.result_type(x.dtype, np.float64) if dtype is None else _inexact(dtype)
    x = chosen(x, computed, True, 0)
    ddof = ddof if ddof is not None else 0 if bias else 1
    n = x.shape[1]
    frequency = None if fweights is None else np.asarray(fixed(fweights, "cov", "fweights"))
    if aweights is not None and not hasattr(aweights, "ndim"):
        aweights = np.asarray(aweights, dtype=float)
    for name, given in (("fweights", frequency), ("aweights", aweights)):
        if given is not None and given.shape != (n,):
            raise RuntimeError(f"cov: got {name} {given.shape} for {n} observations")
    weights = frequency if aweights is None else (
        aweights if frequency is None else aweights * frequency)  # fmt: skip
    if weights is None:
        centred, weighted, freedom = x - mean(x, 1, keepdims=True), None, n - ddof
    else:
        total = sum_along(weights)
        centred = x - expand_dims(sum_along(x * weights, axis=1) / total, 1)
        weighted = centred * weights
        freedom = total - ddof if aweights is None or ddof == 0 else (
            total - ddof * sum_along(weights * aweights) / total)  # fmt: skip
    if np.any(constant(freedom) <= 0):
        freedom = 0.0
    scattered = matmul(centred if weighted is None else weighted, np.conj(centred.T)) / freedom
    return scattered[(0,) * 2] if scattered.shape == (1, 1) else scattered


def _variables(x: Array, rowvar: bool) -> Array:
    x = atleast_2d(x)
    return x if rowvar or x.shape[0] == 1 else x.T


@implements(np.corrcoef)
def corrcoef(x: Array, y: Array | None = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    """Correlations of variables: covariances over both standard deviations.

    Arguments as for `cov`.

    Example:
        >>> print(mg.corrcoef(np.array([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]])).round(6))
        [[ 1. -1.]
         [-1.  1.]]
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    return c / expand_dims(spread, 1) / expand_dims(spread, 0)
