"""What moves entries about: all linear, so a rule is an adjoint; most is indexing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.axes import Axes, axes_of, moved
from minigrad.primitives.primitive import Array, Primitive, constant, implements, linear, sample


def _part(g: Array, position: int, axis: int | None, operands: tuple[Array, ...]) -> Array:
    """What operand number ``position`` is of the concatenation ``g``."""
    if axis is None:
        start = sum(x.size for x in operands[:position])
        x = operands[position]
        return reshape(g[start : start + x.size], shape=x.shape)
    start = sum(x.shape[axis] for x in operands[:position])
    return g[along(axis, slice(start, start + operands[position].shape[axis]), g.ndim)]


def along(axis: int, index: Any, ndim: int) -> tuple[Any, ...]:
    """The index of an array that takes ``index`` along one axis and all of the others."""
    (axis,) = axes_of(axis, ndim)
    return (slice(None),) * axis + (index,)


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


def _scattered(g: Array, index: Any, x: Array) -> Array:
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


def _astype(x: Array, *, dtype: Any) -> Array:
    if x.dtype == object:  # exact scalars have one type
        return x
    if np.iscomplexobj(x):  # stays complex: only the precision changes
        dtype = np.result_type(dtype, np.complex64)
    return x.astype(dtype)


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


broadcast_to = linear(
    "broadcast_to", np.broadcast_to,
    adjoints=(lambda g, x, *, shape: g,),  # the walk sums what was broadcast
    samples=(sample((2, 1), shape=(3, 2, 2)),),
    doc="""The entries repeated to a shape; the gradient is their sum.

    Example:
        >>> print(mg.broadcast_to(np.array([1.0, 2.0]), (2, 2)))
        [[1. 2.]
         [1. 2.]]
        >>> print(mg.grad(lambda x: mg.broadcast_to(x, (3, 2)).sum())(np.array([1.0, 2.0])))
        [3. 3.]
    """,
)  # fmt: skip
reshape = linear(
    "reshape", lambda x, *, shape: np.reshape(x, shape), numpy=(np.reshape,),
    adjoints=(lambda g, x, *, shape: np.reshape(g, x.shape),),
    samples=(sample((2, 3), shape=(3, 2)), sample((2, 3), shape=(-1,))),
    doc="""The same entries in another shape.

    Example:
        >>> print(mg.reshape(np.array([1.0, 2.0, 3.0, 4.0]), (2, 2)))
        [[1. 2.]
         [3. 4.]]
    """,
)  # fmt: skip
transpose = linear(
    "transpose", np.transpose, label="ᵀ",
    adjoints=(lambda g, x, *, axes=None:
              np.transpose(g, None if axes is None else np.argsort(axes_of(axes, g.ndim))),),
    samples=(sample((2, 3)), sample((2, 1, 3), axes=(2, 0, 1)),
             sample((2, 2, 2), axes=(-1, 0, 1))),
    doc="""The axes in reverse order, or in that of ``axes``.

    Example:
        >>> print(mg.transpose(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [[1. 3.]
         [2. 4.]]
    """,
)  # fmt: skip
swapaxes = linear(
    "swapaxes", np.swapaxes, label="ᵀ",
    adjoints=(lambda g, x, *, axis1, axis2: np.swapaxes(g, axis1, axis2),),
    samples=(sample((2, 1, 3), axis1=0, axis2=-1),),
    doc="""Two axes in each other's place.

    Example:
        >>> mg.swapaxes(np.ones((2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """,
)  # fmt: skip
concatenate = linear(
    "concatenate", np.concatenate, label="concat", variadic=True,
    adjoints=(lambda g, *xs, position, axis=0: _part(g, position, axis, xs),),
    samples=(sample((1, 2), (2, 2)), sample((2, 1), (2, 2), (2, 1), axis=-1),
             sample((2, 1), (3,), axis=None)),
    doc="""Arrays one behind the other along ``axis``.

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
getitem = linear(
    "getitem", lambda x, *, index: x[index], label="[ ]",
    adjoints=(lambda g, x, *, index: _scattered(g, index, x),),
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
astype = linear(
    "astype", _astype,
    adjoints=(lambda g, x, *, dtype: g,),  # the walk keeps each operand's dtype
    samples=(sample((2, 3), dtype=np.float64),),
    doc="""The entries in another precision; the gradient comes back in that of ``x``.

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> mg.astype(x, dtype=np.float32).sum().backward()
        >>> x.grad.dtype
        dtype('float64')
    """,
)  # fmt: skip


@implements(np.expand_dims)
def expand_dims(x: Array, axis: int | Sequence[int]) -> Array:
    """Insert axes of length 1: the result has them at the positions ``axis``.

    Example:
        >>> mg.expand_dims(np.ones((2, 3)), 1).shape
        (2, 1, 3)
    """
    shape = np.expand_dims(np.broadcast_to(0, x.shape), axis).shape
    return reshape(x, shape=shape)


@implements(np.squeeze)
def squeeze(x: Array, axis: Axes = None) -> Array:
    """Remove axes of length 1: those named, or all.

    Example:
        >>> mg.squeeze(np.ones((2, 1, 3))).shape
        (2, 3)
    """
    shape = np.squeeze(np.broadcast_to(0, x.shape), axis).shape
    return reshape(x, shape=shape)


where: Primitive = linear(
    "where", np.where,
    adjoints=(None,
              lambda g, condition, x, y: where(condition, g, 0),
              lambda g, condition, x, y: where(condition, 0, g)),
    samples=(sample(np.array([[True], [False]]), (2, 3), (3,)),),
    doc="""``x`` where the condition is True, ``y`` elsewhere.

    Example:
        >>> print(mg.where(np.array([True, False]), np.array([1.0, 2.0]), 0.0))
        [1. 0.]
    """,
)  # fmt: skip


@implements(np.moveaxis)
def moveaxis(x: Array, source: Axes, destination: Axes) -> Array:
    """Move axes to other positions; the rest keep their order.

    Example:
        >>> mg.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    return transpose(x, axes=moved(x.ndim, source, destination))


@implements(np.ravel)
def ravel(x: Array) -> Array:
    """All entries along one axis.

    Example:
        >>> print(mg.ravel(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [1. 2. 3. 4.]
    """
    return reshape(x, shape=(-1,))


@implements(np.flip)
def flip(x: Array, axis: Axes = None) -> Array:
    """Entries in reverse order along ``axis`` (an int, a tuple, or all axes).

    Example:
        >>> print(mg.flip(np.array([1.0, 2.0, 3.0])))
        [3. 2. 1.]
    """
    turned = axes_of(axis, x.ndim)
    return x[tuple(slice(None, None, -1 if a in turned else None) for a in range(x.ndim))]


@implements(np.roll)
def roll(x: Array, shift: Any, axis: Axes = None) -> Array:
    """Entries moved along ``axis``; those that leave at the end come in at the front.

    Example:
        >>> print(mg.roll(np.array([1.0, 2.0, 3.0]), 1))
        [3. 1. 2.]
    """
    return _rearranged(x, lambda places: np.roll(places, shift, axis))


@implements(np.repeat)
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Each entry ``repeats`` times along ``axis``; of the raveled array if that is ``None``.

    Example:
        >>> print(mg.repeat(np.array([1.0, 2.0]), 2))
        [1. 1. 2. 2.]
    """
    return _rearranged(x, lambda places: np.repeat(places, repeats, axis))


@implements(np.tile)
def tile(x: Array, reps: Any) -> Array:
    """The whole array ``reps`` times along each axis.

    Example:
        >>> print(mg.tile(np.array([1.0, 2.0]), 2))
        [1. 2. 1. 2.]
    """
    return _rearranged(x, lambda places: np.tile(places, reps))


@implements(np.pad)
def pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Array:
    """Entries before and after each axis: a constant, or as ``mode`` says (edge, wrap, …).

    Raises:
        ValueError: a mode that computes new values (mean, linear_ramp, …).

    Example:
        >>> print(mg.pad(np.array([1.0, 2.0]), (1, 2)))
        [0. 1. 2. 0. 0.]
    """
    if mode != "constant":
        if mode not in ("edge", "reflect", "symmetric", "wrap"):
            raise ValueError(f"pad: got mode {mode!r}, expected constant, edge, reflect, "
                             "symmetric or wrap")  # fmt: skip
        return _rearranged(x, lambda places: np.pad(places, pad_width, mode))  # type: ignore[call-overload]
    widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2))
    if (widths < 0).any():
        raise ValueError(f"pad: got widths {pad_width}, expected none below 0")
    index = tuple(slice(w, w + n) for n, (w, _) in zip(x.shape, widths.tolist(), strict=True))
    shape = tuple(n + v + w for n, (v, w) in zip(x.shape, widths.tolist(), strict=True))
    spread = scatter(x, index=index, shape=shape)
    if isinstance(constant_values, int | float) and constant_values == 0:
        return spread
    border = np.pad(np.zeros(x.shape), pad_width, constant_values=constant_values)
    return spread + border.astype(x.dtype, copy=False)


@implements(np.take)
def take(x: Array, indices: Any, axis: int | None = None) -> Array:
    """Entries at ``indices`` along ``axis``; of the raveled array if that is ``None``.

    Example:
        >>> print(mg.take(np.array([1.0, 2.0, 3.0]), [2, 0]))
        [3. 1.]
    """
    indices = np.asarray(indices)
    if axis is None:
        return ravel(x)[indices]
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


@implements(np.sort)
def sort(x: Array, axis: int | None = -1) -> Array:
    """Entries in rising order along ``axis``; equal ones keep their order.

    Raises:
        TypeError: an array of a world whose entries have no order, or are not at hand.

    Example:
        >>> print(mg.sort(np.array([3.0, 1.0, 2.0])))
        [1. 2. 3.]
    """
    values = constant(x)
    if not isinstance(values, np.ndarray):
        raise TypeError(f"sort: got {type(values).__name__}, expected an array of numbers")
    return take_along_axis(x, np.argsort(values, axis=axis, kind="stable"), axis)


@implements(np.split)
def split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Equal parts along ``axis``: their number, or the positions at which to cut.

    Raises:
        ValueError: the axis cannot be cut into so many equal parts.

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


def _cut(x: Array, axis: int, cut: Callable[[np.ndarray], list[np.ndarray]]) -> list[Array]:
    """The parts of ``x`` as NumPy's own function cuts the positions along ``axis``."""
    (axis,) = axes_of(axis, x.ndim)
    parts = [slice(p[0], p[-1] + 1) if p.size else slice(0, 0)
             for p in cut(np.arange(x.shape[axis]))]  # fmt: skip
    return [x[along(axis, part, x.ndim)] for part in parts]


@implements(np.diagonal)
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The entries with equal index along two axes, along a new last axis.

    Example:
        >>> print(mg.diagonal(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [1. 4.]
    """
    return _rearranged(x, lambda places: np.diagonal(places, offset, axis1, axis2))


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
    n = x.shape[0] + abs(k)
    rows = np.arange(x.shape[0]) + max(-k, 0)
    return scatter(x, index=(rows, rows + k), shape=(n, n))


@implements(np.tril)
def tril(x: Array, k: int = 0) -> Array:
    """The matrix with 0 above its diagonal number ``k``.

    Example:
        >>> print(mg.tril(np.ones((2, 2))))
        [[1. 0.]
         [1. 1.]]
    """
    return where(_triangle(x, k), x, 0)


@implements(np.triu)
def triu(x: Array, k: int = 0) -> Array:
    """The matrix with 0 below its diagonal number ``k``.

    Example:
        >>> print(mg.triu(np.ones((2, 2))))
        [[1. 1.]
         [0. 1.]]
    """
    return where(_triangle(x, k - 1), 0, x)


def _triangle(x: Array, k: int) -> np.ndarray:
    rows, columns = x.shape[-2:]
    return np.arange(columns) <= np.arange(rows)[:, None] + k


def _rearranged(x: Array, move: Callable[[np.ndarray], np.ndarray]) -> Array:
    """The entries of ``x`` as NumPy's own function arranges their positions."""
    return ravel(x)[move(np.arange(x.size).reshape(x.shape))]
