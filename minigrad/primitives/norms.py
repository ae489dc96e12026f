"""Norms of vectors and matrices, and the condition of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.arithmetic import quotient
from minigrad.primitives.axes import Axes, axes_of, kept_shape
from minigrad.primitives.calls import constant
from minigrad.primitives.decompositions import svdvals
from minigrad.primitives.indexing import where
from minigrad.primitives.pieces import absolute, sign
from minigrad.primitives.powers import sqrt
from minigrad.primitives.primitive import Array, fused, implements, sample
from minigrad.primitives.reductions import max as max_along
from minigrad.primitives.reductions import min as min_along
from minigrad.primitives.reductions import norm as euclidean
from minigrad.primitives.reductions import sum as sum_along
from minigrad.primitives.shaping import floating, moveaxis, reshape
from minigrad.primitives.solving import inv


def _p_norm(x: Array, *, p: float, axis: Axes = None, keepdims: bool = False) -> Array:
    total = sum_along(absolute(x) ** p, axis=axis, keepdims=keepdims)
    if total.dtype == object and p == 4:  # exact scalars have square roots only
        return sqrt(sqrt(total))
    return total ** (1 / p)


def _p_norm_cotangent(g: Array, y: Array, x: Array, p: float, axis: Axes) -> Array:
    """Sign x · (|x| / ‖x‖)^(p − 1)."""
    kept = kept_shape(x.shape, axis)
    y, size = reshape(y, shape=kept), absolute(x)
    y = where(y == 0, 1, y) if p > 1 else y  # below 1 there is no second derivative at 0
    share = (
        size ** (p - 1) / y ** (p - 1)
        if 1 < p < 2  # where an entry of 0 has an infinite second derivative, which it keeps
        else where(x == 0, 1, quotient(size, y)) ** (p - 1)  # 0 has no direction
    )
    direction = np.conjugate(sign(x)) if np.iscomplexobj(x) else sign(x)
    return reshape(g, shape=kept) * share * direction


p_norm = fused(
    "p_norm", _p_norm, label="‖x‖ₚ",
    vjps=(lambda g, y, x, *, p, axis=None, keepdims=False: _p_norm_cotangent(g, y, x, p, axis),),
    reference=_p_norm, analytic=False, nonsmooth="at 0 the derivative is 0",
    samples=(sample((3,), p=4), sample((2, 1), p=4, axis=0, keepdims=True)),
    doc="""(Σ |x|ᵖ)^(1/p) along ``axis``; where all entries are 0 its derivative is 0.

    Example:
        >>> print(mg.p_norm(np.array([1.0, -2.0, 2.0]), p=3).round(4))
        2.5713
    """,
)  # fmt: skip


@implements(np.linalg.norm)
def _numpy_norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """NumPy's call: one axis, or all without an ord, is for vectors, two are for matrices."""
    if axis is None and (ord is None or (ord in ("f", "fro") and x.ndim == 2)
                         or (ord == 2 and x.ndim == 1)):  # fmt: skip
        return euclidean(floating(x), keepdims=keepdims)
    if axis is not None and not isinstance(axis, tuple):
        axis = (int(axis),)  # as NumPy does
    axes = axes_of(axis, x.ndim)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm: got {len(axes)} axes of shape {x.shape}, expected one for vectors "
                         "or two for matrices")  # fmt: skip
    return _matrix_norm(x, axes, keepdims, "fro" if ord is None else ord)


@implements(np.linalg.vector_norm)
def vector_norm(
    x: Array, *, axis: Axes = None, keepdims: bool = False, ord: float | None = 2
) -> Array:
    """The norm of the entries along ``axis``, as of one vector.

    Args:
        x: any array.
        axis: an int, a tuple, or all axes.
        keepdims: keep the axes with length 1.
        ord: 2, 1, np.inf, −np.inf, 0 for the number of entries that are not 0, whose derivative
            is 0, or any p of (Σ |x|ᵖ)^(1/p). At 0 the derivative is 0.

    Raises:
        ValueError: an ord for matrices.

    Example:
        >>> x = np.array([3.0, -4.0])
        >>> print(mg.vector_norm(x), mg.vector_norm(x, ord=1), mg.vector_norm(x, ord=np.inf))
        5.0 7.0 4.0
    """
    if isinstance(ord, str):
        raise ValueError(f"vector_norm: got ord={ord!r}, expected a number")
    if axis is not None:
        as_given: Any = axis
        axis = axes_of(axis if isinstance(axis, tuple) else int(as_given), x.ndim)  # as NumPy does
    along: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    x = floating(x)
    if ord is None or ord == 2:
        return euclidean(x, **along)
    if ord == np.inf and x.size:
        return max_along(absolute(x), **along)
    if ord == np.inf:  # NumPy's maximum of nothing is 0 here
        return sum_along(absolute(x), **along)
    if ord == -np.inf:
        return min_along(absolute(x), **along)
    if ord == 0:
        zero = sum_along(where(True, 0, absolute(x)), **along)
        return zero + np.sum(constant(x) != 0, **along, dtype=zero.dtype)
    if ord == 1:
        return sum_along(absolute(x), **along)
    return p_norm(x, p=ord, **along)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Array, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """The norm of matrices in the last two axes.

    Args:
        x: (..., m, n).
        keepdims: keep the axes with length 1.
        ord: ``"fro"``, the root of all squares; ``"nuc"``, the sum of the singular values; 2 and
            −2, the largest and the smallest of these; 1 and −1, of the sums of columns; np.inf and
            −np.inf, of the sums of rows.

    Raises:
        ValueError: another ord, or fewer than two axes.

    Example:
        >>> a = np.diag([3.0, 4.0])
        >>> print(mg.matrix_norm(a), mg.matrix_norm(a, ord=2), mg.matrix_norm(a, ord="nuc"))
        5.0 4.0 7.0
    """
    return _matrix_norm(x, axes_of((-2, -1), x.ndim), keepdims, ord)


def _matrix_norm(x: Array, axes: tuple[int, ...], keepdims: bool, ord: Any) -> Array:
    row, column = axes
    x = floating(x)
    if ord in ("fro", "f", None):
        return euclidean(x, axis=axes, keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        first, last = (row, column) if abs(ord) == 1 else (column, row)
        sums = sum_along(absolute(x), axis=first, keepdims=True)
        of = (max_along if x.shape[last] else sum_along) if ord > 0 else min_along
        y = of(sums, axis=last, keepdims=True)
    elif ord in (2, -2, "nuc"):
        values = svdvals(moveaxis(x, (row, column), (-2, -1)))
        of = {2: max_along, -2: min_along, "nuc": sum_along}[ord]
        y = (of if values.shape[-1] or ord == -2 else sum_along)(values, axis=-1)
    else:
        raise ValueError(f"norm: got ord={ord!r} for matrices, expected 'fro', 'nuc', 1, -1, 2, "
                         "-2, inf or -inf")  # fmt: skip
    kept = kept_shape(x.shape, axes)
    return reshape(y, shape=kept if keepdims else tuple(
        n for a, n in enumerate(x.shape) if a not in axes))  # fmt: skip


@implements(np.linalg.cond)
def cond(x: Array, p: Any = None) -> Array:
    """The condition number of matrices: by how much relative errors can grow.

    Args:
        x: (..., m, n); square unless ``p`` is ``None``, 2 or −2.
        p: the norm, as for `matrix_norm`; 2 if ``None``.

    Raises:
        numpy.linalg.LinAlgError: no matrix, not square, or singular.

    Example:
        >>> print(mg.cond(np.diag([3.0, 12.0])))
        4.0
    """
    if x.ndim < 2 or 0 in x.shape:
        raise np.linalg.LinAlgError(f"cond: got shape {x.shape}, expected matrices with entries")
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)
