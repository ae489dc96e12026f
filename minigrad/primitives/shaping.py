"""What gives an array another shape, or its axes another order: all linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.axes import Axes, axes_of, moved
from minigrad.primitives.calls import joined
from minigrad.primitives.primitive import Array, implements, linear, sample


def _astype(x: Array, *, dtype: Any) -> Array:
    if x.dtype == object:  # exact scalars have one type
        return x
    if np.iscomplexobj(x) and np.dtype(dtype).kind not in "cb":  # as NumPy, without its warning
        x = x.real
    return x.astype(dtype)


def _of_other_type(g: Array, dtype: Any) -> Array:
    """Whole numbers and flags change in steps: by them the derivative is 0."""
    return g if np.dtype(dtype).kind in "fcO" else np.zeros_like(g)


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
    "reshape", lambda x, *, shape: np.reshape(x, shape),
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
    doc="""Exchange two axes.

    Example:
        >>> mg.swapaxes(np.ones((2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """,
)  # fmt: skip
astype = linear(
    "astype", _astype,
    adjoints=(lambda g, x, *, dtype: _of_other_type(g, dtype),),  # in the dtype of x by the walk
    samples=(sample((2, 3), dtype=np.float64),), analytic=False,
    doc="""The entries as another type; the gradient comes back as that of ``x``.

    Of complex numbers that become real ones it is the real part; of whole numbers and flags the
    derivative is 0.

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> mg.astype(x, dtype=np.float32).sum().backward()
        >>> x.grad.dtype
        dtype('float64')
    """,
)  # fmt: skip


@implements(np.astype)
def _numpy_astype(x: Array, dtype: Any, copy: bool = True) -> Array:
    return astype(x, dtype=np.dtype(dtype))


def floating(x: Array) -> Array:
    """Whole numbers and flags as floating-point numbers; other arrays as they are."""
    return astype(x, dtype=np.dtype(float)) if hasattr(x, "dtype") and x.dtype.kind in "iub" else x


@implements(np.copy)
def copy(x: Array) -> Array:
    """The same array once more.

    Example:
        >>> print(mg.copy(np.array([1.0, 2.0])))
        [1. 2.]
    """
    return reshape(x, shape=x.shape)


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


@implements(np.moveaxis)
def moveaxis(x: Array, source: Axes, destination: Axes) -> Array:
    """Move axes to other positions; the rest keep their order.

    Example:
        >>> mg.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    return transpose(x, axes=moved(x.ndim, source, destination))


@implements(np.rollaxis)
def rollaxis(x: Array, axis: int, start: int = 0) -> Array:
    """Move one axis to before the position ``start``.

    Example:
        >>> mg.rollaxis(np.ones((2, 3, 4)), 2).shape
        (4, 2, 3)
    """
    axes_only: np.ndarray = np.empty(range(x.ndim))  # no entries: only its shape is moved
    return transpose(x, axes=np.rollaxis(axes_only, axis, start).shape)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Array) -> Array:
    """Exchange the last two axes.

    Example:
        >>> mg.matrix_transpose(np.ones((2, 3, 4))).shape
        (2, 4, 3)
    """
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: got shape {x.shape}, expected two axes or more")
    return swapaxes(x, axis1=-1, axis2=-2)


@implements(np.reshape)
def _numpy_reshape(x: Array, shape: Any, order: str = "C", copy: bool | None = None) -> Array:
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if order == "F":  # the first index changes fastest
        return transpose(reshape(transpose(x), shape=shape[::-1]))
    if order != "C":
        raise ValueError(f"reshape: got order={order!r}, expected 'C' or 'F': how a recorded array "
                         "lies in memory is not kept")  # fmt: skip
    return reshape(x, shape=shape)


@implements(np.ravel)
def ravel(x: Array, order: str = "C") -> Array:
    """All entries along one axis; with ``order="F"`` the first index changes fastest.

    Example:
        >>> print(mg.ravel(np.array([[1.0, 2.0], [3.0, 4.0]])))
        [1. 2. 3. 4.]
    """
    return _numpy_reshape(x, -1, order)


@implements(np.atleast_1d)
def atleast_1d(*arrays: Array) -> Any:
    """Numbers as arrays of one entry; other arrays as they are; of several a tuple.

    Example:
        >>> print(mg.atleast_1d(2.0))
        [2.]
    """
    return _each(arrays, lambda x: x if x.ndim else reshape(x, shape=(1,)))


@implements(np.atleast_2d)
def atleast_2d(*arrays: Array) -> Any:
    """Vectors as rows of a matrix; matrices and more as they are; of several a tuple.

    Example:
        >>> mg.atleast_2d(np.ones(3)).shape
        (1, 3)
    """
    return _each(arrays, lambda x: x if x.ndim > 1 else reshape(x, shape=(1, x.size)))


@implements(np.atleast_3d)
def atleast_3d(*arrays: Array) -> Any:
    """Vectors of n as (1, n, 1), matrices (m, n) as (m, n, 1), others as they are.

    Example:
        >>> mg.atleast_3d(np.ones((2, 3))).shape
        (2, 3, 1)
    """

    def deep(x: Array) -> Array:
        if x.ndim == 2:
            return reshape(x, shape=(*x.shape, 1))
        return x if x.ndim > 2 else reshape(x, shape=(1, x.size, 1))

    return _each(arrays, deep)


def _each(arrays: tuple[Any, ...], change: Callable[[Array], Array]) -> Any:
    """Every array changed: one alone, several as a tuple."""
    made = [change(x if hasattr(x, "ndim") else np.asarray(joined(x))) for x in arrays]
    return made[0] if len(made) == 1 else tuple(made)


@implements(np.broadcast_arrays)
def broadcast_arrays(*arrays: Array) -> tuple[Array, ...]:
    """The arrays repeated to one shape.

    Example:
        >>> a, b = mg.broadcast_arrays(np.ones((2, 1)), np.ones(3))
        >>> print(a.shape, b.shape)
        (2, 3) (2, 3)
    """
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(broadcast_to(x, shape=shape) for x in arrays)


@implements(np.meshgrid)
def meshgrid(
    *xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Array, ...]:
    """The coordinates of a grid, of which each array gives one.

    Args:
        xi: the positions along each axis.
        copy: accepted as in NumPy; arrays that are recorded are never views of each other.
        sparse: with axes of length 1 in place of repeated entries.
        indexing: ``"xy"``, the first array along the second axis; or ``"ij"``.

    Example:
        >>> x, y = mg.meshgrid(np.array([1.0, 2.0]), np.array([5.0, 6.0]))
        >>> print(y)
        [[5. 5.]
         [6. 6.]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: got indexing={indexing!r}, expected 'xy' or 'ij'")
    order = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        order[:2] = [1, 0]
    lines = tuple(
        reshape(x, shape=tuple(-1 if a == k else 1 for a in range(len(xi))))
        for k, x in zip(order, xi, strict=True)
    )
    return lines if sparse else broadcast_arrays(*lines)
