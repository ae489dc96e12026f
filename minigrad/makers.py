"""NumPy's functions that make an array to be filled, or write into one: see `minigrad.buffer`.

Example:
    >>> def filled(x):
    ...     y = mg.zeros((2, 2))
    ...     np.fill_diagonal(y, x)
    ...     return y
    >>> print(mg.jacobian(filled)(3.0))
    [[1. 0.]
     [0. 1.]]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.boundary import as_array
from minigrad.buffer import Buffer, Handle
from minigrad.primitives.calls import constant
from minigrad.primitives.primitive import Array
from minigrad.tensor import MAKERS, Tensor


def array(x: Any, dtype: Any = None) -> Array:
    """NumPy's ``array``, which also joins Tensors: nested lists of them stay on the tape.

    Example:
        >>> print(mg.jacobian(lambda x: mg.array([x, x**2, x**3]))(2.0))
        [ 1.  4. 12.]
    """
    found = as_array(x, "array")
    if isinstance(found, Tensor):
        return (found if dtype is None else found.astype(dtype)).copy()
    return np.array(found, dtype=dtype)


def zeros(shape: Any, dtype: Any = float) -> Buffer:
    """As ``np.zeros``, an array that Tensors can be assigned into.

    Example:
        >>> def doubled(x):
        ...     y = mg.zeros(2)
        ...     y[:] = 2 * x
        ...     return y.sum()
        >>> print(mg.grad(doubled)(np.ones(2)))
        [2. 2.]
    """
    return Buffer(Tensor(np.zeros(shape, dtype)))


def ones(shape: Any, dtype: Any = float) -> Buffer:
    """As ``np.ones``: see `zeros`.

    Example:
        >>> mg.ones(2)
        Tensor([1. 1.])
    """
    return Buffer(Tensor(np.ones(shape, dtype)))


def empty(shape: Any, dtype: Any = float) -> Buffer:
    """As ``np.empty``, with zeros: see `zeros`.

    Example:
        >>> mg.empty((2, 3)).shape
        (2, 3)
    """
    return zeros(shape, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Buffer:
    """As ``np.full``, also of a Tensor.

    Example:
        >>> print(mg.grad(lambda x: mg.full((2, 3), x).sum())(1.0))
        6.0
    """
    value = as_array(fill_value, "full")
    if dtype is None:
        dtype = getattr(value, "dtype", np.dtype(type(value)))
    made = zeros(shape, dtype)
    made.fill(value)
    return made


def _like(function: Callable[..., Any]) -> Callable[..., Buffer]:
    def make(x: Any, *args: Any, **kwargs: Any) -> Buffer:
        kwargs.pop("subok", None)
        return Buffer(Tensor(function(getattr(x, "data", x), *args, **kwargs)))

    return make


def _with(make: Callable[..., Buffer]) -> Callable[..., Buffer]:
    """A maker as NumPy calls it for ``like=x``, which ignores the order in memory."""

    def made(*args: Any, order: Any = "C", device: Any = None, **kwargs: Any) -> Buffer:
        return make(*args, **kwargs)

    return made


def _full_like(x: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Buffer:
    made = _like(np.zeros_like)(x, dtype, **kwargs)
    made.fill(fill_value)
    return made


def _copy(a: Any, order: Any = "K", subok: bool = False) -> Buffer:
    value = a.settled()
    if not isinstance(value.data, np.ndarray):
        return Buffer(value, lent=True)
    fresh: np.ndarray = np.empty_like(value.data, order=order)
    if fresh.strides == value.data.strides:  # the first assignment copies it
        return Buffer(value, lent=True)
    made = Buffer(Tensor(fresh))
    made.write(..., value)
    return made


def _to_be_filled(name: str, x: Any) -> Handle:
    """What is assigned into.

    Raises:
        TypeError: it cannot be, for it is a plain array, or a value on the tape.
    """
    if isinstance(x, Handle):
        return x
    what = (
        "a Tensor, which is recorded and cannot change"
        if isinstance(x, Tensor)
        else "a plain array, which would lose the gradient of what it gets"
    )
    raise TypeError(
        f"numpy.{name} into {what}: make the array to be filled with minigrad.zeros, "
        "np.zeros_like(x) or x.copy(), or a new one with np.where, np.concatenate or np.stack"
    )


def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    dst = _to_be_filled("copyto", dst)
    dst.write(..., src if where is True else np.where(where, src, dst.settled()))


def _put(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    _move("put", a, v, lambda places, of: np.put(places, constant(ind), of, mode))


def _place(arr: Any, mask: Any, vals: Any) -> None:
    _move("place", arr, vals, lambda places, of: np.place(places, constant(mask), of))


def _putmask(a: Any, mask: Any, values: Any) -> None:
    _move("putmask", a, values, lambda places, of: np.putmask(places, constant(mask), of))


def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    _move("fill_diagonal", a, val, lambda places, of: np.fill_diagonal(places, of, wrap))


def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    _move("put_along_axis", arr, values,
          lambda places, of: np.put_along_axis(places, constant(indices), of, axis))  # fmt: skip


def _move(name: str, into: Any, values: Any, move: Callable[[Any, Any], None]) -> None:
    """Let NumPy's function move the numbers of entries, then the entries as they were moved."""
    into, values = _to_be_filled(name, into), as_array(values, name)
    places = np.arange(into.size).reshape(into.shape)
    move(places, into.size + np.arange(np.size(values)).reshape(np.shape(values)))
    entries = np.concatenate([np.ravel(into.settled()), np.ravel(values)])
    into.write(..., np.take(entries, places))


MAKERS.update({
    np.zeros_like: _like(np.zeros_like), np.ones_like: _like(np.ones_like),
    np.empty_like: _like(np.zeros_like), np.full_like: _full_like,
    np.zeros: _with(zeros), np.ones: _with(ones), np.empty: _with(empty), np.full: _with(full),
    np.array: array, np.asarray: array, np.copy: _copy,
    np.copyto: _copyto, np.put: _put, np.place: _place, np.putmask: _putmask,
    np.fill_diagonal: _fill_diagonal, np.put_along_axis: _put_along_axis,
})  # fmt: skip
