"""What joins arrays, and what cuts them into parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.axes import axis_of
from minigrad.primitives.calls import fixed, joined
from minigrad.primitives.checks import check_cast
from minigrad.primitives.indexing import along
from minigrad.primitives.primitive import Array, implements, linear, sample
from minigrad.primitives.shaping import (
    astype,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    moveaxis,
    reshape,
)


def _part(g: Array, position: int, axis: int | None, operands: tuple[Array, ...]) -> Array:
    """What operand number ``position`` is of the concatenation ``g``."""
    if axis is None:
        start = sum(x.size for x in operands[:position])
        x = operands[position]
        return reshape(g[start : start + x.size], shape=x.shape)
    start = sum(x.shape[axis] for x in operands[:position])
    return g[along(axis, slice(start, start + operands[position].shape[axis]), g.ndim)]


def _as_dtype(y: Array, dtype: Any, casting: str = "same_kind") -> Array:
    if dtype is None:
        return y
    if not np.can_cast(y.dtype, dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"got dtype={np.dtype(dtype)} for arrays of {y.dtype}, which is not cast "
                        f"with casting={casting!r}")  # fmt: skip
    return astype(y, dtype=np.dtype(dtype))


@implements(np.concatenate)
def _numpy_concatenate(
    arrays: Sequence[Array], axis: int | None = 0, dtype: Any = None, casting: str = "same_kind"
) -> Array:
    return _as_dtype(concatenate(arrays, axis=axis), dtype, casting)


@implements(np.stack)
def _numpy_stack(
    arrays: Sequence[Array], axis: int = 0, dtype: Any = None, casting: str = "same_kind"
) -> Array:
    return _as_dtype(stack(arrays, axis=axis), dtype, casting)


concatenate = linear(
    "concatenate", np.concatenate, label="concat", variadic=True,
    adjoints=(lambda g, *xs, position, axis=0: _part(g, position, axis, xs),),
    samples=(sample((1, 2), (2, 2)), sample((2, 1), (2, 2), (2, 1), axis=-1),
             sample((2, 1), (3,), axis=None)),
    doc="""Arrays one after the other along ``axis``.

    Example:
        >>> print(mg.concatenate([np.array([1.0, 2.0]), np.array([3.0])]))
        [1. 2. 3.]
    """,
)  # fmt: skip
stack = linear(
    "stack", np.stack, variadic=True,
    adjoints=(lambda g, *xs, position, axis=0: g[along(axis, position, g.ndim)],),
    samples=(sample((2,), (2,)), sample((2, 2), (2, 2), axis=-1)),
    doc="""Arrays of one shape along a new ``axis``.

    Example:
        >>> print(mg.stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=-1))
        [[1. 3.]
         [2. 4.]]
    """,
)  # fmt: skip


@implements(np.vstack)
def vstack(tup: Sequence[Array], dtype: Any = None) -> Array:
    """Arrays one below the other; vectors are rows.

    Example:
        >>> print(mg.vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])]))
        [[1. 2.]
         [3. 4.]]
    """
    return _as_dtype(concatenate([atleast_2d(x) for x in tup], axis=0), dtype)


@implements(np.hstack)
def hstack(tup: Sequence[Array], dtype: Any = None) -> Array:
    """Arrays side by side; vectors one after the other.

    Example:
        >>> print(mg.hstack([np.array([1.0, 2.0]), np.array([3.0])]))
        [1. 2. 3.]
    """
    arrays = [atleast_1d(x) for x in tup]
    return _as_dtype(
        concatenate(arrays, axis=0 if arrays[:1] and arrays[0].ndim == 1 else 1), dtype
    )


@implements(np.dstack)
def dstack(tup: Sequence[Array]) -> Array:
    """Arrays one after the other along the third axis.

    Example:
        >>> mg.dstack([np.ones(2), np.ones(2)]).shape
        (1, 2, 2)
    """
    return concatenate([atleast_3d(x) for x in tup], axis=2)


@implements(np.column_stack)
def column_stack(tup: Sequence[Array]) -> Array:
    """Vectors as the columns of a matrix, matrices side by side.

    Example:
        >>> print(mg.column_stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])]))
        [[1. 3.]
         [2. 4.]]
    """
    columns = [atleast_1d(x) for x in tup]
    return concatenate([expand_dims(x, 1) if x.ndim == 1 else x for x in columns], axis=1)


@implements(np.block)
def block(arrays: Any) -> Array:
    """The array made of nested lists of blocks: the innermost are joined along the last axis.

    Example:
        >>> print(mg.block([[np.eye(2), np.zeros((2, 1))], [np.ones((1, 3))]]))
        [[1. 0. 0.]
         [0. 1. 0.]
         [1. 1. 1.]]
    """

    def depth(x: Any) -> int:
        if not isinstance(x, list):
            return 0
        depths = {depth(part) for part in x}
        if len(depths) != 1:
            raise ValueError("block: got lists of different depths, or an empty one")
        return depths.pop() + 1

    def blocks(x: Any) -> list[Array]:
        if isinstance(x, list):
            return [array for part in x for array in blocks(part)]
        return [x if hasattr(x, "ndim") else np.asarray(x)]

    levels = depth(arrays)
    ndim = max(levels, *(x.ndim for x in blocks(arrays)))

    def join(x: Any, level: int) -> Array:
        if isinstance(x, list):
            return concatenate([join(part, level + 1) for part in x], axis=level - levels)
        x = x if hasattr(x, "ndim") else np.asarray(x)
        return reshape(x, shape=(1,) * (ndim - x.ndim) + x.shape)

    return join(arrays, 0)


@implements(np.append)
def append(x: Array, values: Array, axis: int | None = None) -> Array:
    """``values`` behind the array along ``axis``; both raveled if that is ``None``.

    Example:
        >>> print(mg.append(np.array([1.0, 2.0]), 3.0))
        [1. 2. 3.]
    """
    return concatenate([x, values if hasattr(values, "ndim") else np.asarray(values)], axis=axis)


@implements(np.insert)
def insert(x: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    """``values`` put in before the positions ``obj`` along ``axis``, or of the raveled array.

    Example:
        >>> print(mg.insert(np.array([1.0, 2.0]), 1, 9.0))
        [1. 9. 2.]
    """
    values = values if hasattr(values, "ndim") else np.asarray(values)
    if hasattr(x, "dtype"):
        if x.dtype.kind in "biu":
            values = fixed(values, "insert into whole numbers", "values")
        if values.dtype.kind in "iu":
            check_cast("insert", values, x.dtype)
        values = astype(values, dtype=x.dtype)
    places = np.arange(x.size).reshape(x.shape)
    added = np.arange(x.size, x.size + values.size).reshape(values.shape)
    return concatenate([x, values], axis=None)[np.insert(places, obj, added, axis)]


@implements(np.split)
def split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Equal parts along ``axis``: their number, or the positions at which to cut.

    Raises:
        ValueError: the axis cannot be cut into this many equal parts.

    Example:
        >>> first, second = mg.split(np.array([1.0, 2.0, 3.0]), [1])
        >>> print(first, second)
        [1.] [2. 3.]
    """
    return _cut(x, axis, lambda places: np.split(places, indices_or_sections))


@implements(np.array_split)
def array_split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """As `split`; where the parts cannot be equal, the first ones are longer by one.

    Example:
        >>> print(*mg.array_split(np.array([1.0, 2.0, 3.0]), 2))
        [1. 2.] [3.]
    """
    return _cut(x, axis, lambda places: np.array_split(places, indices_or_sections))


@implements(np.vsplit)
def vsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """As `split` along the first axis.

    Example:
        >>> [part.shape for part in mg.vsplit(np.ones((4, 2)), 2)]
        [(2, 2), (2, 2)]
    """
    return _split_from("vsplit", x, indices_or_sections, axis=0, least=2)


@implements(np.hsplit)
def hsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """As `split` along the second axis, of a vector along its only one.

    Example:
        >>> [part.shape for part in mg.hsplit(np.ones((4, 2)), 2)]
        [(4, 1), (4, 1)]
    """
    return _split_from("hsplit", x, indices_or_sections, axis=1 if x.ndim > 1 else 0, least=1)


@implements(np.dsplit)
def dsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """As `split` along the third axis.

    Example:
        >>> [part.shape for part in mg.dsplit(np.ones((4, 2, 2)), 2)]
        [(4, 2, 1), (4, 2, 1)]
    """
    return _split_from("dsplit", x, indices_or_sections, axis=2, least=3)


def _split_from(name: str, x: Array, sections: Any, *, axis: int, least: int) -> list[Array]:
    if x.ndim < least:
        raise ValueError(f"{name}: got shape {x.shape}, expected {least} axes or more")
    return split(x, sections, axis)


@implements(np.unstack)
def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
    """The parts along ``axis``, without it.

    Example:
        >>> print(*mg.unstack(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [1. 2.] [3. 4.]
    """
    if x.ndim == 0:
        raise ValueError("unstack: got a number, expected one axis or more")
    x = moveaxis(x, axis, 0)
    return tuple(x[k] for k in range(x.shape[0]))


def _cut(x: Array, axis: int, cut: Callable[[np.ndarray], list[np.ndarray]]) -> list[Array]:
    """The parts of ``x`` as NumPy's own function cuts the positions along ``axis``."""
    axis = axis_of(axis, x.ndim)
    parts = [slice(p[0], p[-1] + 1) if p.size else slice(0, 0)
             for p in cut(np.arange(x.shape[axis]))]  # fmt: skip
    return [x[along(axis, part, x.ndim)] for part in parts]


class Joiner:
    """``np.r_`` and ``np.c_`` for arrays of any world: what is in the brackets is joined.

    Args:
        numpy: the one of NumPy, which says where each entry goes.
    """

    def __init__(self, numpy: Any) -> None:
        self.numpy = numpy

    def __getitem__(self, key: Any) -> Array:
        """Arrays, numbers and slices joined; the first may be a string as in NumPy: ``"0,2"``.

        Raises:
            TypeError: a string that asks NumPy for a matrix.
        """
        parts: list[Any] = []
        places: list[Any] = []
        start = 0
        for item in key if isinstance(key, tuple) else (key,):
            if isinstance(item, str):
                if item in ("r", "c"):
                    raise TypeError(f"got {item!r}, which makes a numpy.matrix; leave it out")
                places.append(item)
                continue
            part = np.r_[item] if isinstance(item, slice) else joined(item)
            size = getattr(part, "size", 1)
            place = np.arange(start, start + size).reshape(np.shape(part))
            places.append(place if place.ndim else place[()])
            parts.append(part)
            start += size
        dtype = np.result_type(*(part.dtype if hasattr(part, "dtype") else part for part in parts))
        line = concatenate([x if hasattr(x, "ndim") else np.asarray(x) for x in parts], axis=None)
        order = self.numpy[tuple(places)]
        return _as_dtype(line, dtype)[order.astype(int)]


r_ = Joiner(np.r_)
"""Arrays, numbers and ranges joined along the first axis, as ``np.r_``.

NumPy's own takes a Tensor apart into its entries, which is slow.

Example:
    >>> print(mg.r_[0.0, np.array([1.0, 2.0]), 3:5])
    [0. 1. 2. 3. 4.]
    >>> print(mg.grad(lambda x: (mg.r_[x, x] * np.arange(4.0)).sum())(np.ones(2)))
    [2. 4.]
"""
c_ = Joiner(np.c_)
"""Vectors as columns, other arrays joined along the last axis, as ``np.c_``.

Example:
    >>> print(mg.c_[np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    [[1. 3.]
     [2. 4.]]
"""
