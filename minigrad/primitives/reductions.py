"""Sums, means, extremes and norms along axes."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.arithmetic import maximum, minimum, multiply, sqrt, square
from minigrad.primitives.axes import Axes, axes_of, kept_shape, reduced_axes
from minigrad.primitives.primitive import Array, Primitive, fused, implements, linear, sample
from minigrad.primitives.shaping import along, flip, ravel, reshape

_SHORT = 1024  # entries of a row, up to which a plain sum is as exact as NumPy's in halves


def _spread(g: Array, shape: tuple[int, ...], axis: Axes, keepdims: bool) -> Array:
    """Undo a reduction: ``g`` with its lost axes put back, broadcast to ``shape``."""
    if axis is not None and not keepdims:
        g = g.reshape(kept_shape(shape, axis))
    return np.broadcast_to(g, shape)


def _shared(g: Array, y: Array, x: Array, axis: Axes) -> Array:
    """The cotangent of an extreme: to the entries that reach it, in equal parts."""
    kept = kept_shape(x.shape, axis)
    reached = (x == y.reshape(kept)) * 1.0
    return reached * (g.reshape(kept) / reached.sum(axis=axis, keepdims=True))


def _halving(
    combine: Callable[[Array, Array], Array], x: Array, axis: Axes, keepdims: bool
) -> Array:
    """Combine all entries along ``axis`` in halves: log₂ n operations, whatever their values."""
    shape = x.shape
    axes = reduced_axes(axis, x.ndim)
    rest = [a for a in range(x.ndim) if a not in axes]
    count = math.prod(shape[a] for a in axes)
    lines = x.transpose(*axes, *rest).reshape((count, *(shape[a] for a in rest)))
    while count > 1:
        half = count // 2
        paired = combine(lines[:half], lines[half : 2 * half])
        lines = np.concatenate([paired, lines[2 * half :]]) if count % 2 else paired
        count -= half
    return reshape(
        lines, shape=kept_shape(shape, axis) if keepdims else tuple(shape[a] for a in rest)
    )


def scan(combine: Callable[[Array, Array], Array], x: Array, axis: int) -> Array:
    """Entry k along ``axis`` combined with all before it, in log₂ n operations.

    In each, an entry that stands for the ``done`` before it takes in as many again (Hillis &
    Steele 1986, "Data parallel algorithms").
    """
    done, count = 1, x.shape[axis]
    while done < count:
        head, tail, rest = (x[along(axis, part, x.ndim)]
                            for part in (slice(done), slice(done, None), slice(-done)))  # fmt: skip
        x = np.concatenate([head, combine(rest, tail)], axis=axis)
        done *= 2
    return x


def _amax(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    if hasattr(x, "__primitive__"):  # a world without an order: entry against entry
        return _halving(maximum, x, axis, keepdims)
    return np.amax(x, axis=axis, keepdims=keepdims)


def _amin(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    if hasattr(x, "__primitive__"):
        return _halving(minimum, x, axis, keepdims)
    return np.amin(x, axis=axis, keepdims=keepdims)


def _sum(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Where it can, as a product with ones, which BLAS does faster than NumPy adds rows.

    That is over the last axis, if it is short; over the last but one; or over all but the last.
    """
    if type(x) is np.ndarray and x.size > _SHORT and x.dtype.kind == "f" and x.flags.c_contiguous:
        axes, last = reduced_axes(axis, x.ndim), x.ndim - 1
        y: np.ndarray | None = None
        if axes == (last,) and x.shape[-1] <= _SHORT:
            y = np.matmul(x, np.ones(x.shape[-1], x.dtype))
        elif axes == (last - 1,):
            y = np.matmul(np.ones(x.shape[-2], x.dtype), x)
        elif axes == tuple(range(last)):
            rows = x.reshape((-1, x.shape[-1]))
            y = np.matmul(np.ones(len(rows), x.dtype), rows)
        if y is not None:
            return np.expand_dims(y, axes) if keepdims else y
    return np.sum(x, axis=axis, keepdims=keepdims)


def _norm(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    return np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))


sum = linear(
    "sum", _sum, label="Σ", numpy=(np.sum,),
    adjoints=(lambda g, x, *, axis=None, keepdims=False: _spread(g, x.shape, axis, keepdims),),
    samples=(sample((2, 3)), sample((2, 3), axis=1), sample((2, 3), axis=(0, -1), keepdims=True)),
    doc="""The sum along ``axis`` (an int, a tuple, or all axes).

    Example:
        >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> print(mg.sum(x), mg.sum(x, axis=0))
        10.0 [4. 6.]
    """,
)  # fmt: skip
cumsum: Primitive = linear(
    "cumsum", lambda x, *, axis: np.cumsum(x, axis=axis),
    adjoints=(lambda g, x, *, axis: flip(cumsum(flip(g, axis), axis=axis), axis),),
    samples=(sample((2, 3), axis=0), sample((2, 3), axis=-1)),
    doc="""Sums of the first entries along ``axis``.

    Example:
        >>> print(mg.cumsum(np.array([1.0, 2.0, 3.0]), axis=0))
        [1. 3. 6.]
        >>> print(mg.grad(lambda x: mg.cumsum(x, axis=0).sum())(np.array([1.0, 2.0, 3.0])))
        [3. 2. 1.]
    """,
)  # fmt: skip
max = fused(
    "max", _amax,
    vjps=(lambda g, y, x, *, axis=None, keepdims=False: _shared(g, y, x, axis),),
    reference=lambda x, *, axis=None, keepdims=False: _halving(maximum, x, axis, keepdims),
    samples=(sample((3,)), sample((2, 3), axis=-1), sample((3, 2), axis=0, keepdims=True)),
    analytic=False, numpy=(np.amax, np.max),
    nonsmooth="entries that reach the maximum together share the cotangent equally",
    doc="""The largest entry along ``axis``; entries that share it share the gradient.

    Example:
        >>> print(mg.max(np.array([1.0, 3.0, 3.0])), mg.grad(mg.max)(np.array([1.0, 3.0, 3.0])))
        3.0 [0.  0.5 0.5]
    """,
)  # fmt: skip
min = fused(
    "min", _amin,
    vjps=(lambda g, y, x, *, axis=None, keepdims=False: _shared(g, y, x, axis),),
    reference=lambda x, *, axis=None, keepdims=False: _halving(minimum, x, axis, keepdims),
    samples=(sample((3,)), sample((2, 3), axis=-1), sample((3, 2), axis=0, keepdims=True)),
    analytic=False, numpy=(np.amin, np.min),
    nonsmooth="entries that reach the minimum together share the cotangent equally",
    doc="""The smallest entry along ``axis``; entries that share it share the gradient.

    Example:
        >>> print(mg.min(np.array([1.0, 3.0])), mg.grad(mg.min)(np.array([1.0, 3.0])))
        1.0 [1. 0.]
    """,
)  # fmt: skip
norm = fused(
    "norm", _norm, label="‖x‖",
    vjps=(lambda g, y, x, *, axis=None, keepdims=False:
          (g / (y + (y == 0))).reshape(kept_shape(x.shape, axis)) * x,),
    reference=lambda x, *, axis=None, keepdims=False:
        sqrt(square(x).sum(axis=axis, keepdims=keepdims)),
    samples=(sample((3,)), sample((2, 3), axis=-1), sample((3, 2), axis=0, keepdims=True)),
    nonsmooth="at 0 the derivative is 0",
    doc="""The Euclidean norm √Σ x² along ``axis``; at 0 its derivative is 0.

    Example:
        >>> print(mg.norm(np.array([3.0, 4.0])), mg.grad(mg.norm)(np.array([3.0, 4.0])))
        5.0 [0.6 0.8]
    """,
)  # fmt: skip


@implements(np.mean)
def mean(x: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """Arithmetic mean along ``axis`` (an int, a tuple, or all axes).

    Example:
        >>> x = np.array([[1.0, 2.0], [3.0, 6.0]])
        >>> print(mg.mean(x), mg.mean(x, axis=0))
        3.0 [2. 4.]
    """
    return sum(x, axis=axis, keepdims=keepdims) / _count(x, axis)


@implements(np.var)
def var(x: Array, axis: Axes = None, *, ddof: int = 0, keepdims: bool = False) -> Array:
    """Variance along ``axis``: mean squared distance from the mean; NaN of too few entries.

    Example:
        >>> print(mg.var(np.array([1.0, 3.0])), mg.var(np.array([1.0, 3.0]), ddof=1))
        1.0 2.0
    """
    distance = x - mean(x, axis, keepdims=True)
    return square(distance).sum(axis=axis, keepdims=keepdims) / _freedom(x, axis, ddof)


@implements(np.std)
def std(x: Array, axis: Axes = None, *, ddof: int = 0, keepdims: bool = False) -> Array:
    """Standard deviation along ``axis``; of equal numbers it is 0 with the derivative 0.

    Example:
        >>> print(mg.std(np.array([1.0, 3.0])), mg.grad(mg.std)(np.array([1.0, 3.0])))
        1.0 [-0.5  0.5]
    """
    distance = x - mean(x, axis, keepdims=True)
    scale = math.sqrt(_freedom(x, axis, ddof))
    return norm(distance, axis=axis, keepdims=keepdims) / scale


@implements(np.prod)
def prod(x: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """Product along ``axis``, in halves, so that zeros among the entries do no harm; of none 1.

    Example:
        >>> print(mg.prod(np.array([2.0, 3.0, 0.0])), mg.grad(mg.prod)(np.array([2.0, 3.0, 0.0])))
        0.0 [0. 0. 6.]
    """
    if 0 in (x.shape[a] for a in reduced_axes(axis, x.ndim)):  # of no factors it is 1
        return sum(x, axis=axis, keepdims=keepdims) + 1
    return _halving(lambda a, b: a * b, x, axis, keepdims)


@implements(np.cumsum)
def _numpy_cumsum(x: Array, axis: int | None = None) -> Array:
    return cumsum(ravel(x), axis=0) if axis is None else cumsum(x, axis=axis)


@implements(np.cumprod)
def cumprod(x: Array, axis: int | None = None) -> Array:
    """Products of the first entries along ``axis``, of the raveled array for ``None``.

    Example:
        >>> print(mg.cumprod(np.array([1.0, 2.0, 3.0])))
        [1. 2. 6.]
    """
    return scan(multiply, ravel(x), 0) if axis is None or x.ndim == 0 else scan(multiply, x, axis)


@implements(np.linalg.norm)
def _numpy_norm(x: Array, ord: Any = None, axis: Axes = None, *, keepdims: bool = False) -> Array:
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and x.ndim > 1):
        raise TypeError(f"norm: no derivative rule for ord={ord!r}; the Euclidean norm has one")
    return norm(x, axis=axis, keepdims=keepdims)


@implements(np.trace)
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Sum of a diagonal.

    Example:
        >>> print(mg.trace(np.array([[1.0, 2.0], [3.0, 4.0]])))
        5.0
    """
    return np.diagonal(x, offset, axis1, axis2).sum(axis=-1)


def _count(x: Array, axis: Axes) -> int:
    return math.prod(x.shape[a] for a in axes_of(axis, x.ndim))


def _freedom(x: Array, axis: Axes, ddof: float) -> float:
    return builtins.max(_count(x, axis) - ddof, 0)  # of too few: divided by 0, as NumPy does
