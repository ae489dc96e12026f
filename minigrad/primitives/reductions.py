"""Sums, products, extremes and norms along axes, and those of the first entries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.arithmetic import multiply, quotient
from minigrad.primitives.arranging import flip
from minigrad.primitives.axes import Axes, axes_of, axis_of, kept_shape, reduced_axes
from minigrad.primitives.indexing import along
from minigrad.primitives.indexing import where as choose
from minigrad.primitives.pieces import maximum, minimum
from minigrad.primitives.powers import sqrt, square
from minigrad.primitives.primitive import Array, Primitive, fused, implements, linear, sample
from minigrad.primitives.shaping import astype, ravel, reshape

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
    if x.dtype == object:  # a world without an order: entry against entry
        return _halving(maximum, x, axis, keepdims)
    return np.amax(x, axis=axis, keepdims=keepdims)


def _amin(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    if x.dtype == object:
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
    total: Any = np.add.reduce if type(x) is np.ndarray else np.sum  # the first has no detour
    return total(x, axis=axis, keepdims=keepdims)


def _norm(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    squares = (x * np.conj(x)).real if np.iscomplexobj(x) else x * x
    return np.sqrt(squares.sum(axis=axis, keepdims=keepdims))


def _norm_cotangent(g: Array, y: Array, x: Array, axis: Axes) -> Array:
    kept = kept_shape(x.shape, axis)
    direction = quotient(x, y.reshape(kept))
    return g.reshape(kept) * (np.conjugate(direction) if np.iscomplexobj(x) else direction)


sum = linear(
    "sum", _sum, label="Σ",
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
    analytic=False,
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
    analytic=False,
    nonsmooth="entries that reach the minimum together share the cotangent equally",
    doc="""The smallest entry along ``axis``; entries that share it share the gradient.

    Example:
        >>> print(mg.min(np.array([1.0, 3.0])), mg.grad(mg.min)(np.array([1.0, 3.0])))
        1.0 [1. 0.]
    """,
)  # fmt: skip
norm = fused(
    "norm", _norm, label="‖x‖",
    vjps=(lambda g, y, x, *, axis=None, keepdims=False: _norm_cotangent(g, y, x, axis),),
    analytic=False,  # of complex numbers it takes the absolute values
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


def chosen(x: Array, dtype: Any, where: Any, otherwise: Any) -> Array:
    """The entries to reduce: in a dtype, if one is given, and ``otherwise`` those left out."""
    x = x if dtype is None else astype(x, dtype=np.dtype(dtype))
    return x if where is True else choose(np.broadcast_to(where, x.shape), x, otherwise)


@implements(np.sum)
def _numpy_sum(
    x: Array, axis: Axes = None, dtype: Any = None, keepdims: bool = False,
    initial: Array | None = None, where: Any = True,
) -> Array:  # fmt: skip
    total = sum(chosen(x, dtype, where, 0), axis=axis, keepdims=keepdims)
    return total if initial is None else total + initial


def _extreme(of: Primitive, pair: Primitive) -> Callable[..., Array]:
    """NumPy's call of max or min: with a number to begin from, and with entries left out."""

    def extreme(
        x: Array, axis: Axes = None, keepdims: bool = False, initial: Array | None = None,
        where: Any = True,
    ) -> Array:  # fmt: skip
        if initial is None:
            if where is not True:
                raise ValueError(f"{of.name}: got where= without initial=, the result where all "
                                 "entries are left out")  # fmt: skip
            return of(x, axis=axis, keepdims=keepdims)
        x = chosen(x, None, where, initial)
        if 0 in (x.shape[a] for a in reduced_axes(axis, x.ndim)):
            return sum(x, axis=axis, keepdims=keepdims) + initial
        return pair(of(x, axis=axis, keepdims=keepdims), initial)

    return extreme


implements(np.max, np.amax)(_extreme(max, maximum))
implements(np.min, np.amin)(_extreme(min, minimum))


@implements(np.prod)
def prod(
    x: Array, axis: Axes = None, dtype: Any = None, keepdims: bool = False,
    initial: Array | None = None, where: Any = True,
) -> Array:  # fmt: skip
    """Product along ``axis``, in halves, so that zeros among the entries do no harm; of none 1.

    Example:
        >>> print(mg.prod(np.array([2.0, 3.0, 0.0])), mg.grad(mg.prod)(np.array([2.0, 3.0, 0.0])))
        0.0 [0. 0. 6.]
    """
    x = chosen(x, dtype, where, 1)
    if 0 in (x.shape[a] for a in reduced_axes(axis, x.ndim)):
        total = sum(x, axis=axis, keepdims=keepdims) + 1
    else:
        total = _halving(lambda a, b: a * b, x, axis, keepdims)
    return total if initial is None else total * initial


@implements(np.cumsum)
def _numpy_cumsum(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    return cumsum(*_line(chosen(x, dtype, True, 0), axis))


@implements(np.cumprod)
def cumprod(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """Products of the first entries along ``axis``, of the raveled array for ``None``.

    Example:
        >>> print(mg.cumprod(np.array([1.0, 2.0, 3.0])))
        [1. 2. 6.]
    """
    return scan(multiply, *_line(chosen(x, dtype, True, 1), axis))


def _line(x: Array, axis: int | None) -> tuple[Array, int]:
    """The array and the axis along which to go: raveled for ``None``, a number as one entry."""
    if axis is None:
        return ravel(x), 0
    if x.ndim == 0:
        return ravel(x), axis_of(axis, 1)
    return x, axis_of(axis, x.ndim)


@implements(np.cumulative_sum)
def cumulative_sum(
    x: Array, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """As `cumsum`; with a 0 in front if ``include_initial``.

    Raises:
        ValueError: no axis, where there are several.

    Example:
        >>> print(mg.cumulative_sum(np.array([1.0, 2.0]), include_initial=True))
        [0. 1. 3.]
    """
    return _cumulative(_numpy_cumsum, x, axis, dtype, 0 if include_initial else None)


@implements(np.cumulative_prod)
def cumulative_prod(
    x: Array, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """As `cumprod`; with a 1 in front if ``include_initial``.

    Raises:
        ValueError: no axis, where there are several.

    Example:
        >>> print(mg.cumulative_prod(np.array([3.0, 2.0]), include_initial=True))
        [1. 3. 6.]
    """
    return _cumulative(cumprod, x, axis, dtype, 1 if include_initial else None)


def _cumulative(
    of: Callable[..., Array], x: Array, axis: int | None, dtype: Any, first: int | None
) -> Array:
    x = ravel(x) if x.ndim == 0 else x
    if axis is None and x.ndim > 1:
        raise ValueError(f"cumulative: got shape {x.shape} and no axis: say along which")
    if isinstance(axis, tuple):  # NumPy takes one in a tuple
        if len(axes_of(axis, x.ndim)) != 1:
            raise ValueError(f"cumulative: got axis={axis}, expected one axis")
        (axis,) = axis
    axis = axis_of(0 if axis is None else axis, x.ndim)
    y = of(x, axis=axis, dtype=dtype)
    if first is None:
        return y
    shape = (*y.shape[:axis], 1, *y.shape[axis + 1 :])
    return np.concatenate([np.full(shape, first, y.dtype), y], axis=axis)


@implements(np.trace)
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
    """Sum of a diagonal.

    Example:
        >>> print(mg.trace(np.array([[1.0, 2.0], [3.0, 4.0]])))
        5.0
    """
    return sum(chosen(np.diagonal(x, offset, axis1, axis2), dtype, True, 0), axis=-1)


@implements(np.linalg.trace)
def _linalg_trace(x: Array, *, offset: int = 0, dtype: Any = None) -> Array:
    return trace(x, offset, -2, -1, dtype)
