"""What takes entries out of an array, or puts them into one: all linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.axes import axis_of
from minigrad.primitives.calls import constant
from minigrad.primitives.checks import as_array, beside
from minigrad.primitives.primitive import Array, Primitive, implements, linear, sample
from minigrad.primitives.shaping import broadcast_arrays, ravel


def along(axis: int, index: Any, ndim: int) -> tuple[Any, ...]:
    """The index of an array that takes ``index`` along one axis and all of the others."""
    return (slice(None),) * axis_of(axis, ndim) + (index,)


def _scatter(g: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    zeros = np.zeros(shape, dtype=g.dtype)
    if _is_basic(index):
        zeros[index] = g
    else:
        _add_at(zeros, index, g)
    return zeros


class Scattered:
    """The cotangent of an array of which a part was read: ``g`` at ``index``, 0 elsewhere.

    The walk adds such parts into one buffer, however many there are: an array of n steps that are
    read one by one costs n steps in the backward pass, and not n arrays.
    """

    __array_ufunc__ = None  # array + Scattered comes to __radd__
    __slots__ = ("buffer", "dtype", "g", "index", "shape")

    def __init__(self, g: np.ndarray, index: Any, like: np.ndarray) -> None:
        self.g, self.index, self.shape, self.dtype = g, index, like.shape, like.dtype
        self.buffer: np.ndarray | None = None

    def dense(self) -> np.ndarray:
        """The whole cotangent: an array that is nobody else's."""
        if self.buffer is None:
            self.buffer = np.zeros(self.shape, self.dtype)
            _add_at(self.buffer, self.index, self.g)
        return self.buffer

    def __add__(self, other: Any) -> Any:
        buffer = self.dense()
        if type(other) is Scattered:
            _add_at(buffer, other.index, other.g)
        elif type(other) is np.ndarray:
            buffer += other
        else:
            return buffer + other
        return self

    def __radd__(self, other: Any) -> Any:
        if type(other) is not np.ndarray:
            return other + self.dense()
        self.buffer = np.array(other)  # somebody else may hold it
        _add_at(self.buffer, self.index, self.g)
        return self


def _scattered(g: Array, x: Array, *, index: Any) -> Array:
    """The adjoint of reading a part of ``x``."""
    if type(g) is np.ndarray and type(x) is np.ndarray and g.dtype == x.dtype:
        return Scattered(g, index, x)
    return scatter(g, index=index, shape=x.shape)


def _add_at(buffer: np.ndarray, index: Any, g: Array) -> None:
    """Buffer[index] += g; an entry that is read twice receives both cotangents."""
    if _is_basic(index):
        buffer[index] += g
    elif _is_rows(index) and buffer.ndim > 1 and buffer.flags.c_contiguous and buffer.size:
        width = buffer[0].size  # entry by entry: NumPy is several times faster on one axis
        entries = np.add.outer(index.ravel() * width, np.arange(width))
        np.add.at(buffer.reshape(-1), entries.ravel(), g.ravel())
    else:
        np.add.at(buffer, index, g)


def _is_basic(index: Any) -> bool:
    if type(index) is int or type(index) is slice:
        return True
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, int | np.integer | slice)
        for part in parts
    )


def _is_rows(index: Any) -> bool:
    return isinstance(index, np.ndarray) and index.dtype.kind == "i"


getitem = linear(
    "getitem", lambda x, *, index: x[index], label="[ ]",
    adjoints=(_scattered,),
    samples=(sample((3, 2), index=(slice(None, 2), 0)),
             sample((3, 2), index=np.array([0, 2, 0])), sample((3,), index=None),
             sample((3, 2), index=(np.array([0, 2, 0]), np.array([1, 0, 1])))),
    doc="""x[index]; the gradient of an entry that is read twice is the sum of both.

    Example:
        >>> print(mg.getitem(np.array([1.0, 2.0, 3.0]), index=slice(1, None)))
        [2. 3.]
        >>> print(mg.grad(lambda x: x[[0, 0, 2]].sum())(np.array([1.0, 2.0, 3.0])))
        [2. 0. 1.]
    """,
)  # fmt: skip
scatter: Primitive = linear(
    "scatter", _scatter,
    adjoints=(lambda g, x, *, index, shape: g[index],),
    samples=(sample((2,), index=np.array([1, 1]), shape=(3,)),),
    doc="""Zeros of a shape with the entries of ``x`` at ``index``: the adjoint of `getitem`.

    Example:
        >>> print(mg.scatter(np.array([1.0, 2.0]), index=np.array([3, 0]), shape=(4,)))
        [2. 0. 0. 1.]
    """,
)  # fmt: skip


@implements(np.where)
def _numpy_where(condition: Any, x: Array = None, y: Array = None) -> Any:
    """NumPy's call: with a condition alone it gives the positions where that is True."""
    condition = constant(condition)
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: got one of x and y, expected both or neither")
    return where(condition, x, y)


where: Primitive = linear(
    "where", np.where,
    adjoints=(None,
              lambda g, condition, x, y: where(condition, g, 0),
              lambda g, condition, x, y: where(condition, 0, g)),
    samples=(sample(np.array([[True], [False]]), (2, 3), (3,)),),
    doc="""``x`` where the condition is True, ``y`` elsewhere.

    The entry that is not taken has the cotangent 0, and 0 times an infinite derivative is NaN: so
    guard what it is computed from, ``np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0)``, or write
    ``np.log(x, where=x > 0)``, which does so.

    Example:
        >>> print(mg.where(np.array([True, False]), np.array([1.0, 2.0]), 0.0))
        [1. 0.]
    """,
)  # fmt: skip


def rearranged(x: Array, move: Callable[[np.ndarray], np.ndarray]) -> Array:
    """The entries of ``x`` as NumPy's own function arranges their positions."""
    return ravel(x)[move(np.arange(x.size).reshape(x.shape))]


def values(x: Array) -> np.ndarray:
    """The numbers of an array, by which entries are put in order.

    Raises:
        TypeError: an array of a world whose entries have no order, or are not at hand.
    """
    data: Any = constant(x)
    if hasattr(data, "__check__"):  # its numbers come later
        return data
    if not isinstance(data, np.ndarray | np.generic):
        raise TypeError(f"got {type(data).__name__}, expected an array of numbers, whose order "
                        "is known")  # fmt: skip
    return np.asarray(data)


@implements(np.take)
def take(x: Array, indices: Any, axis: int | None = None, mode: str = "raise") -> Array:
    """Entries at ``indices`` along ``axis``; of the flattened array if that is ``None``.

    Args:
        x: any array.
        indices: whole numbers.
        axis: along which.
        mode: for an index out of range: ``"raise"``, ``"wrap"`` around, or ``"clip"``.

    Example:
        >>> print(mg.take(np.array([1.0, 2.0, 3.0]), [2, 0]))
        [3. 1.]
    """
    indices = as_array(constant(indices))
    x = beside(x, indices)
    if axis is None or x.ndim == 0:
        axis_of(0 if axis is None else axis, max(x.ndim, 1))
        x, axis = ravel(x), 0
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take: got mode={mode!r}, expected 'raise', 'wrap' or 'clip'")
    if mode != "raise":
        indices = np.take(np.arange(x.shape[axis]), indices, mode=mode)  # type: ignore[call-overload]
    return x[along(axis, indices, x.ndim)]


@implements(np.take_along_axis)
def take_along_axis(x: Array, indices: np.ndarray, axis: int | None = -1) -> Array:
    """For each line along ``axis`` the entries at that line's ``indices``.

    Example:
        >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> print(mg.take_along_axis(x, np.array([[1], [0]]), axis=1))
        [[2.]
         [3.]]
    """
    if axis is None:
        return ravel(x)[indices]
    places = np.arange(x.size).reshape(x.shape)
    return ravel(x)[np.take_along_axis(places, indices, axis)]


@implements(np.compress)
def compress(condition: Any, x: Array, axis: int | None = None) -> Array:
    """The entries along ``axis`` where the condition is True.

    Example:
        >>> print(mg.compress([True, False, True], np.array([1.0, 2.0, 3.0])))
        [1. 3.]
    """
    many = x.size if axis is None else x.shape[axis_of(axis, x.ndim)] if x.ndim else 1
    return take(x, np.compress(constant(condition), np.arange(many)), axis)


@implements(np.extract)
def extract(condition: Any, x: Array) -> Array:
    """The entries where the condition is True, along one axis.

    Example:
        >>> print(mg.extract([True, False], np.array([1.0, 2.0])))
        [1.]
    """
    return ravel(x)[np.flatnonzero(constant(condition))]


@implements(np.delete)
def delete(x: Array, obj: Any, axis: int | None = None) -> Array:
    """The array without the entries at ``obj`` along ``axis``.

    Example:
        >>> print(mg.delete(np.array([1.0, 2.0, 3.0]), 1))
        [1. 3.]
    """
    return rearranged(x, lambda places: np.delete(places, constant(obj), axis))


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Array], default: Array = 0) -> Array:
    """Per entry the first choice whose condition is True, else the default.

    Raises:
        ValueError: there are not as many choices as conditions, or none.
        TypeError: a condition is not made of flags.

    Example:
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> print(mg.select([x < 2, x > 2], [10 * x, -x], 0.0))
        [10.  0. -3.]
    """
    conditions = [np.asarray(constant(c)) for c in condlist]
    if len(conditions) != len(choicelist) or not conditions:
        raise ValueError(f"select: got {len(conditions)} conditions and {len(choicelist)} choices, "
                         "expected as many, and one at least")  # fmt: skip
    if any(c.dtype != bool for c in conditions):
        kinds = ", ".join(str(c.dtype) for c in conditions)
        raise TypeError(f"select: got conditions of dtype {kinds}, expected bool")
    chosen = default
    for condition, choice in zip(conditions[::-1], choicelist[::-1], strict=True):
        chosen = where(condition, choice, chosen)
    return chosen


@implements(np.choose)
def choose(a: Any, choices: Sequence[Array], mode: str = "raise") -> Array:
    """Per entry the choice whose number is in ``a``.

    Example:
        >>> print(mg.choose(np.array([1, 0]), [np.array([1.0, 2.0]), np.array([3.0, 4.0])]))
        [3. 2.]
    """
    which = np.choose(constant(a), range(len(choices)), mode=mode)  # type: ignore[call-overload]
    shape = np.broadcast_shapes(np.shape(which), *map(np.shape, choices))
    places = np.arange(int(np.prod(shape))).reshape(shape)
    lines = [ravel(choice) for choice in broadcast_arrays(*choices, np.empty(shape))[:-1]]
    chosen = lines[0][places]
    for k, line in enumerate(lines[1:], 1):
        chosen = where(which == k, line[places], chosen)
    return chosen


@implements(np.piecewise)
def piecewise(x: Array, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
    """Per entry a function, or a number, where its condition is the last one that is True.

    A function is called with the entries where its condition holds, and with ``args`` and ``kw``;
    one more function than conditions is for the rest.

    Example:
        >>> x = np.array([-2.0, 3.0])
        >>> print(mg.piecewise(x, [x < 0], [lambda x: -x, lambda x: 10 * x]))
        [ 2. 30.]
    """
    conditions = constant(condlist)
    if np.isscalar(conditions) or (not isinstance(conditions[0], list | np.ndarray) and x.ndim):
        conditions = [conditions]
    flags = [np.broadcast_to(np.asarray(c, bool), x.shape) for c in conditions]
    if len(funclist) == len(flags) + 1:
        flags.append(~np.any(flags, axis=0))
    if len(funclist) != len(flags):
        raise ValueError(f"piecewise: got {len(funclist)} functions for {len(flags)} conditions, "
                         "expected as many, or one more")  # fmt: skip
    total = where(True, 0, x)
    for k, (flag, function) in enumerate(zip(flags, funclist, strict=True)):
        index = np.nonzero(flag & ~np.any([np.zeros_like(flag), *flags[k + 1 :]], axis=0))
        part = function(x[index], *args, **kw) if callable(function) else function
        part = part + where(True, 0, x[index])  # of its shape and dtype
        total = total + scatter(part, index=index, shape=x.shape)
    return total


@implements(np.diagonal)
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The entries with equal index along two axes, along a new last axis.

    Example:
        >>> print(mg.diagonal(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [1. 4.]
    """
    return rearranged(x, lambda places: np.diagonal(places, offset, axis1, axis2))


@implements(np.diag)
def diag(x: Array, k: int = 0) -> Array:
    """The diagonal of a matrix, or the matrix with this diagonal.

    Example:
        >>> print(mg.diag(np.array([1.0, 2.0])))
        [[1. 0.]
         [0. 2.]]
    """
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"diag: got shape {x.shape}, expected a vector or a matrix")
    n = x.shape[0] + abs(k)
    rows = np.arange(x.shape[0]) + max(-k, 0)
    return scatter(x, index=(rows, rows + k), shape=(n, n))


@implements(np.diagflat)
def diagflat(x: Array, k: int = 0) -> Array:
    """A matrix with all entries on its diagonal ``k``.

    Example:
        >>> print(mg.diagflat(np.array([[1.0], [2.0]])))
        [[1. 0.]
         [0. 2.]]
    """
    return diag(ravel(x), k)


@implements(np.tril)
def tril(x: Array, k: int = 0) -> Array:
    """The matrix with zeros above its diagonal ``k``.

    Example:
        >>> print(mg.tril(np.ones((2, 2))))
        [[1. 0.]
         [1. 1.]]
    """
    return where(_triangle(x, k), x, 0)


@implements(np.triu)
def triu(x: Array, k: int = 0) -> Array:
    """The matrix with zeros below its diagonal ``k``.

    Example:
        >>> print(mg.triu(np.ones((2, 2))))
        [[1. 1.]
         [0. 1.]]
    """
    return where(_triangle(x, k - 1), 0, x)


def _triangle(x: Array, k: int) -> np.ndarray:
    rows, columns = (*x.shape, *x.shape)[-2:] if x.ndim == 1 else x.shape[-2:]  # a vector's rows
    return np.arange(columns) <= np.arange(rows)[:, None] + k


@implements(np.linalg.diagonal)
def _linalg_diagonal(x: Array, *, offset: int = 0) -> Array:
    return diagonal(x, offset, -2, -1)
