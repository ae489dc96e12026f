"""Matrices by name: the engine's own rules, run on these, write themselves down.

A rule is a NumPy expression. Run on a `Matrix`, which computes nothing, it leaves its formula:
``g @ np.swapaxes(b, -1, -2)`` becomes δC Bᵀ. So no rule is typed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from minigrad.arrays.world import rational
from minigrad.primitives import Primitive
from minigrad.symbolic import formula as f
from minigrad.symbolic.pieces import COMPARISONS, where, written_as
from minigrad.symbolic.shaped import NotationError, ShapedArray, columns_taken


class Matrix(ShapedArray):
    """A matrix of which the formula and the shape are known; a vector is a row.

    Args:
        formula: what it is.
        shape: of the array that it stands for; leading axes of length 1 do not matter.
        own: the shape that the formula has by itself: 1 along axes where it is repeated.
    """

    def __init__(
        self, formula: sympy.Expr, shape: tuple[int, ...], own: tuple[int, ...] | None = None
    ) -> None:
        self.formula, self.shape = formula, tuple(shape)
        self.own = self.shape if own is None else own

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        if any(hasattr(x, "parents") for x in operands):
            return NotImplemented  # a Tensor among them: it records, and comes back here
        if primitive.kind == "elementwise":
            return entrywise(written_as(primitive), *operands)
        write = _WRITTEN.get(primitive.name)
        if write is not None:
            return write(*operands, **static)
        if primitive.reference is None:
            raise NotationError(primitive.name)
        return primitive.reference(*operands, **static)

    def compared(self, name: str, a: Any, b: Any) -> Matrix:
        """Iverson's bracket."""
        return entrywise(COMPARISONS[name], a, b)

    def lift(self, operands: tuple[Any, ...]) -> tuple[Matrix, ...]:
        """Operands as a rule takes them: numbers are matrices too."""
        return tuple(
            x if isinstance(x, Matrix) else Matrix(as_formula(x), np.shape(x)) for x in operands
        )

    def like(self, formula: sympy.Expr) -> Matrix:
        """Another formula of this shape."""
        return Matrix(formula, self.shape, self.own)


def as_formula(x: Any) -> sympy.Expr:
    """The formula of a matrix or of a number.

    Raises:
        NotationError: an array of different numbers.
    """
    if isinstance(x, Matrix):
        return x.formula
    if isinstance(x, sympy.Expr):
        return x
    array = np.asarray(x)
    if array.size == 0 or (array != array.flat[0]).any():
        raise NotationError(f"a constant array of shape {array.shape} with different entries")
    return exact(array.flat[0])


def exact(number: Any) -> sympy.Expr:
    """A number of the code as it is written there: 0.5 is ½."""
    if isinstance(number, sympy.Expr):
        return number
    if isinstance(number, bool | np.bool):
        return sympy.Integer(int(number))
    if not np.isfinite(number):
        return sympy.nan if np.isnan(number) else sympy.oo if number > 0 else -sympy.oo
    fraction: Fraction = rational(number)
    return sympy.Rational(fraction.numerator, fraction.denominator)


def entrywise(function: Callable[..., sympy.Expr], *operands: Any) -> Matrix:
    """A function of entries that broadcast."""
    shape = np.broadcast_shapes(*map(np.shape, operands))
    own = np.broadcast_shapes(*(getattr(x, "own", ()) for x in operands))
    own = (1,) * (len(shape) - len(own)) + own
    return Matrix(function(*map(as_formula, operands)), shape, own)


def rows_and_columns(shape: tuple[int, ...]) -> tuple[int, int]:
    """The shape of the matrix that an array of this shape is; a vector is a row.

    Raises:
        NotationError: more than two axes are longer than 1.
    """
    if any(n != 1 for n in shape[:-2]):
        raise NotationError(f"an array of shape {shape}, which is not a matrix")
    rows, columns = (1, 1, *shape)[-2:]
    return rows, columns


def _matmul(a: Any, b: Any) -> Matrix:
    shape = np.matmul(np.broadcast_to(0, a.shape), np.broadcast_to(0, b.shape)).shape
    rows_and_columns(shape)
    left, right = as_formula(a), as_formula(b)
    if a.ndim < 2 or b.ndim < 2:
        _check_whole(a)
        _check_whole(b)
        if b.ndim > 1:
            return Matrix(f.matmul(left, right), shape)
        product = f.matmul(left, f.transposed(right))  # a vector on the right of @ is a column
        return Matrix(product if a.ndim == 1 else f.transposed(product), shape)
    own = (*(1,) * (len(shape) - 2), _own(a)[-2], _own(b)[-1])
    repeats = _own(a)[-1] != a.shape[-1], _own(b)[-2] != b.shape[-2]
    if not any(repeats):
        return Matrix(f.matmul(left, right), shape, own)
    # Of A 1 rᵀ the product is the sums of A's rows times rᵀ
    left = left if repeats[0] else f.row_sum(left)
    right = right if repeats[1] else f.column_sum(right)
    times = f.length(a.shape[-1]) if all(repeats) else sympy.Integer(1)
    outer = own[-2] != 1 and own[-1] != 1
    return Matrix(times * (f.matmul(left, right) if outer else left * right), shape, own)


def _own(x: Any) -> tuple[int, ...]:
    own: tuple[int, ...] = getattr(x, "own", x.shape)
    return own


def _check_whole(x: Any) -> None:
    """Refuse what was repeated, where its sum counts how often."""
    if _own(x) != x.shape:
        raise NotationError(f"an array of shape {x.shape} that repeats the same entries")


def _transpose(x: Matrix, axes: Any = None) -> Matrix:
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    shape, own = (tuple(lengths[a] for a in order) for lengths in (x.shape, x.own))
    long = [a for a in order if x.shape[a] != 1]
    if len(long) < 2 or set(own) <= {1}:
        return Matrix(_moved(x, shape), shape, own)
    rows_and_columns(shape)
    return Matrix(x.formula if long == sorted(long) else f.transposed(x.formula), shape, own)


def _swapaxes(x: Matrix, axis1: int, axis2: int) -> Matrix:
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transpose(x, order)


def _moved(x: Matrix, shape: tuple[int, ...]) -> sympy.Expr:
    """The formula of the same entries, in the same order, under another shape.

    Raises:
        NotationError: it is neither the same matrix nor a vector turned.
    """
    old, new = rows_and_columns(x.shape), rows_and_columns(shape)
    if old == new or set(x.own) <= {1}:
        return x.formula
    if old == new[::-1] and 1 in old:
        return f.transposed(x.formula)
    raise NotationError(f"an array of shape {x.shape} as one of shape {shape}")


def _reshape(x: Matrix, shape: Any) -> Matrix:
    new = np.broadcast_to(0, x.shape).reshape(shape).shape
    if rows_and_columns(x.shape) == rows_and_columns(new):
        own = (1,) * len(new) + rows_and_columns(x.own)
        return Matrix(x.formula, new, own[len(own) - len(new) :])
    if set(x.own) <= {1}:  # one number, repeated
        return Matrix(x.formula, new, (1,) * len(new))
    _check_whole(x)
    return Matrix(_moved(x, new), new)


def _getitem(x: Matrix, index: Any) -> Matrix:
    bounds = columns_taken(x.shape, index)
    if bounds is not None and bounds != (0, x.shape[-1]):
        _check_whole(x)
        shape = np.broadcast_to(0, x.shape)[index].shape
        return Matrix(f.columns(x.formula, *bounds), shape)
    shape = _same_entries(x.shape, index)
    own = np.broadcast_to(0, x.own)[index].shape
    return Matrix(_moved(x, shape), shape, own)


def _same_entries(shape: tuple[int, ...], index: Any) -> tuple[int, ...]:
    """The shape of what an index takes, which must be all entries, in their order.

    Raises:
        NotationError: it is not.
    """
    entries = np.arange(int(np.prod(shape))).reshape(shape)
    taken = entries[index]
    if not np.array_equal(taken.ravel(), entries.ravel()):
        raise NotationError(f"the part [{_shown(index)}] of an array of shape {shape}")
    return taken.shape


def _shown(index: Any) -> str:
    """An index as it is written."""

    def one(i: Any) -> str:
        if isinstance(i, slice):
            ends = ("" if n is None else str(n) for n in (i.start, i.stop, i.step))
            return ":".join(ends).removesuffix(":") or ":"
        return "…" if i is Ellipsis else "positions" if isinstance(i, np.ndarray) else str(i)

    return ", ".join(map(one, index if isinstance(index, tuple) else (index,)))


def _scatter(x: Matrix, index: Any, shape: tuple[int, ...]) -> Matrix:
    bounds = columns_taken(shape, index)
    if bounds is not None and bounds != (0, shape[-1]):
        _check_whole(x)
        return Matrix(f.placed(x.formula, *bounds, shape[-1]), shape)
    _same_entries(shape, index)
    return Matrix(_moved(x, shape), shape)


def _concatenate(*parts: Matrix, axis: int | None = 0) -> Matrix:
    shape = np.concatenate([np.broadcast_to(0, x.shape) for x in parts], axis=axis).shape
    rows_and_columns(shape)
    if axis not in (-1, len(shape) - 1):
        raise NotationError(f"arrays joined along axis {axis}")
    if not all(isinstance(x, Matrix) for x in parts):
        raise NotationError("a constant array joined to others")
    for x in parts:
        _check_whole(x)
    return Matrix(f.beside(*map(as_formula, parts)), shape)


def _sum(x: Matrix, axis: Any = None, keepdims: bool = False) -> Matrix:
    outline = np.broadcast_to(0, x.shape)
    kept, shape = (np.sum(outline, axis=axis, keepdims=keep).shape for keep in (True, keepdims))
    rows_and_columns(x.shape)
    if x.ndim == 0:
        return x
    axes = {*range(x.ndim)} if axis is None else {a % x.ndim for a in np.atleast_1d(axis)}
    own = tuple(1 if a in axes else n for a, n in enumerate(x.own))
    long = {a for a, n in enumerate(x.own) if n != 1}
    repeated = (x.shape[a] for a in axes - long if x.shape[a] != 1)  # the same entry, repeated
    result = sympy.Mul(*map(f.length, repeated)) * x.formula
    last = x.ndim - 1
    if axes & long:
        whole = long <= axes and (axis is None or long != {last})
        add = f.total if whole else f.row_sum if axes & long == {last} else f.column_sum
        result = add(result)
    return _reshape(Matrix(result, kept, own), shape)


def _broadcast_to(x: Matrix, shape: tuple[int, ...]) -> Matrix:
    own = (1,) * (len(shape) - x.ndim) + x.own
    return Matrix(x.formula, shape, own)


def _where(condition: Any, x: Any, y: Any) -> Matrix:
    return entrywise(where, condition, x, y)


def _softmax(x: Matrix, axis: int = -1, where: Any = None) -> Matrix:
    if axis not in (-1, x.ndim - 1) or where is not None:
        raise NotationError("softmax with a mask" if where is not None else f"softmax over {axis}")
    _check_whole(x)
    return x.like(f.softmax(x.formula))


def _affine(x: Matrix, weight: Any, bias: Any) -> Matrix:
    return _matmul(x, np.swapaxes(weight, -1, -2)) + bias


_WRITTEN: dict[str, Callable[..., Any]] = {
    "matmul": _matmul,
    "transpose": _transpose,
    "swapaxes": _swapaxes,
    "reshape": _reshape,
    "getitem": _getitem,
    "scatter": _scatter,
    "concatenate": _concatenate,
    "sum": _sum,
    "broadcast_to": _broadcast_to,
    "where": _where,
    "astype": lambda x, dtype: x,
    "softmax": _softmax,
    "affine": _affine,
}
