"""Arrays to be filled: loops that assign into an array are recorded as they stand.

NumPy's arrays change in place and their slices are views; values on the tape do not change. A
`Buffer` holds the newest value: assignment makes another, and what was computed from the one
before keeps it. A `View` is read when it is used, so that it shows what NumPy's would.

Example:
    >>> def powers(x):
    ...     y = mg.zeros(4)
    ...     y[0] = 1.0
    ...     for t in range(1, 4):
    ...         y[t] = y[t - 1] * x
    ...     return y
    >>> print(mg.jacobian(powers)(2.0))
    [ 0.  1.  4. 12.]
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad import primitives as p
from minigrad.boundary import as_array
from minigrad.primitives import BY_NUMPY, Primitive
from minigrad.primitives.checks import check_cast
from minigrad.primitives.primitive import Array
from minigrad.scope import current
from minigrad.tape import Node, record
from minigrad.tensor import Tensor


def _of_value(name: str) -> property:
    """An attribute of a node that a handle has from the value that it stands for."""

    def write(handle: Handle, value: Any) -> None:
        setattr(handle.settled(), name, value)

    return property(lambda handle: getattr(handle.settled(), name), write)


class Handle(Tensor, handle=True):
    """Stands for a value that changes: what is computed with it uses the value of that moment."""

    data = _of_value("data")
    requires_grad = _of_value("requires_grad")
    primitive = _of_value("primitive")
    operands = _of_value("operands")
    parents = _of_value("parents")
    static = _of_value("static")
    index = _of_value("index")
    scope = _of_value("scope")
    name = _of_value("name")
    saved = _of_value("saved")
    hooks = _of_value("hooks")
    stamps = _of_value("stamps")
    shared = _of_value("shared")
    given = _of_value("given")
    recipe = _of_value("recipe")
    grad = _of_value("grad")

    shape = property(lambda self: self.now().data.shape, doc="Lengths of the axes.")
    dtype = property(lambda self: self.now().data.dtype, doc="Type of the entries.")
    ndim = property(lambda self: self.now().data.ndim, doc="Number of axes.")
    size = property(lambda self: self.now().data.size, doc="Number of entries.")

    copied: tuple[int, int] | None = None  # the row that the last assignment wrote, and from where

    def now(self) -> Tensor:
        """The value of this moment, to be read at once: the next assignment may change its data."""
        raise NotImplementedError

    def settled(self) -> Tensor:
        """The value of this moment, which does not change any more."""
        return self.now()

    def laid(self) -> Array:
        """The array of this moment as NumPy's would lie in memory, where it would be a view too."""
        raise NotImplementedError

    def write(self, index: Any, value: Any) -> None:
        """Assign to a part of it."""
        raise NotImplementedError

    def lend(self, array: np.ndarray) -> None:
        """Note that somebody holds this array of it, which no assignment will change."""
        raise NotImplementedError

    def __reduce__(self) -> Any:
        return Buffer, (self.settled(), True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.settled().__array__(dtype, copy)
        if copy or array.dtype not in (self.dtype, object):
            return array  # NumPy's would be a copy too
        array = array.copy()  # of which there is one reference for each who holds it
        array.setflags(write=False)
        self.lend(array)
        return array

    def __setitem__(self, index: Any, value: Any) -> None:
        copied = None
        if isinstance(value, View) and value.base is self:
            if value.key is index:
                return  # the end of y[i] += …, which the view has done
            if isinstance(index, int) and isinstance(value.key, int):
                copied = index, value.key
                if self.copied == (value.key, index):
                    raise TypeError(
                        f"assignment of row {value.key} to row {index}, after the assignment of "
                        f"row {index} to row {value.key}: rows are views, as NumPy's, so that both "
                        f"would be the same now. Write y[[{value.key}, {index}]] = "
                        f"y[[{index}, {value.key}]] to swap them, y[rng.permutation(len(y))] to "
                        "shuffle"
                    )
        self.write(_index(index), value)
        self.copied = copied

    def __getitem__(self, index: Any) -> Tensor:
        return self.__primitive__(p.getitem, (self,), {"index": _index(index)}, index)

    def __primitive__(
        self,
        primitive: Primitive,
        operands: tuple[Any, ...],
        static: Mapping[str, Any],
        key: Any = None,
    ) -> Tensor:
        """The result; where NumPy's would be a view of this array, a view."""
        whole = self.laid()
        if len(operands) > 1 or not isinstance(whole, np.ndarray):
            return record(Tensor, primitive, operands, static)
        part = primitive.forward(whole, **static)
        if isinstance(part, np.ndarray) and np.may_share_memory(part, whole):
            return View(self, primitive, static, key)
        return _made(part, primitive, self.now(), static)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        rule = BY_NUMPY.get(function)
        if isinstance(rule, Primitive):
            return rule.bind(*rule.arguments(function, args, kwargs))
        if function in _BY_PLACES and args and args[0] is self and self.ndim > 1:
            places = np.arange(self.size).reshape(self.shape)
            index = np.unravel_index(function(places, *args[1:], **kwargs), self.shape)
            return View(self, p.getitem, {"index": index})
        if function is np.ravel and args and args[0] is self:
            flat = np.ravel(self.laid(), *args[1:], **kwargs)
            if not np.may_share_memory(flat, self.laid()):  # a line with gaps is copied too
                args = (self.settled(), *args[1:])
        if function is np.imag and self.dtype.kind == "c":
            return View(self, _IMAG, {})
        if function in _MAY_BE_ITSELF and args and args[0] is self:
            return getattr(self, function.__name__)(*args[1:], **kwargs)
        if function is np.meshgrid and kwargs.get("copy", True):
            args = tuple(map(as_array, args))
        return super().__array_function__(function, types, args, kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at" and inputs[0] is self and len(inputs) == 3:
            _, index, value = inputs
            if ufunc in (np.add, np.subtract):
                self.add_at(_index(index), value if ufunc is np.add else -as_array(value))
                return None
        found = super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        return found.settled() if isinstance(found, Handle) else found  # no ufunc makes a view

    def add_at(self, index: Any, value: Any) -> None:
        """As ``np.add.at``: an index that is repeated is added to each time."""
        shape = np.broadcast_to(0, self.shape)[index].shape
        spread = np.broadcast_to(as_array(value), shape)
        self.write(..., self + p.scatter(spread, index=index, shape=self.shape))

    def fill(self, value: Any) -> None:
        """Assign to every entry."""
        self.write(..., value)

    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        """Bring the entries into rising order, as ``ndarray.sort``; ``np.sort`` copies."""
        self.write(..., np.sort(self.settled(), axis, **kwargs))

    def __iadd__(self, other: Any) -> Any:
        return self._written(self + other)

    def __isub__(self, other: Any) -> Any:
        return self._written(self - other)

    def __imul__(self, other: Any) -> Any:
        return self._written(self * other)

    def __itruediv__(self, other: Any) -> Any:
        return self._written(self / other)

    def __ipow__(self, other: Any) -> Any:
        return self._written(self**other)

    def _written(self, value: Any) -> Any:
        self.write(..., value)
        return self

    @property
    def T(self) -> Tensor:  # noqa: N802 (NumPy's name)
        """The array with its axes reversed."""
        return self.__primitive__(p.transpose, (self,), {})

    def __pos__(self) -> Tensor:
        return self.settled()

    def conj(self) -> Any:
        """The complex conjugate; of real numbers the array itself, as ``ndarray.conj``."""
        return np.conj(self) if self.dtype.kind == "c" else self

    def flatten(self, order: str = "C") -> Tensor:
        """A copy with one axis, as ``ndarray.flatten``."""
        return np.ravel(self.settled(), order)  # type: ignore[call-overload]

    def astype(self, dtype: Any, copy: bool = True, **_: Any) -> Tensor:
        """As `Tensor.astype`; the array itself where nothing changes and ``copy`` is False."""
        return self if not copy and np.dtype(dtype) == self.dtype else super().astype(dtype)

    def nan_to_num(self, copy: bool = True, *args: Any, **kwargs: Any) -> Tensor:
        """As ``np.nan_to_num``, which writes into the array itself where ``copy`` is False."""
        numbers = p.nan_to_num(self.settled(), True, *args, **kwargs)
        return numbers if copy else self._written(numbers)

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """The same entries in another shape, as ``ndarray.reshape``."""
        if order != "C":
            return super().reshape(*shape, order=order)
        shape = shape[0] if len(shape) == 1 else shape
        return self.__primitive__(p.reshape, (self,), {"shape": shape})

    def transpose(self, *axes: Any) -> Tensor:
        """Axes in another order, as ``ndarray.transpose``."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self.__primitive__(p.transpose, (self,), {"axes": order or None})

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged, as ``ndarray.swapaxes``."""
        return self.__primitive__(p.swapaxes, (self,), {"axis1": axis1, "axis2": axis2})

    def backward(self, cotangent: Array | None = None, **kwargs: Any) -> None:
        """As `Tensor.backward`, of the value of this moment."""
        self.settled().backward(cotangent, **kwargs)


class Buffer(Handle, handle=True):
    """An array that can be assigned to. Made by `zeros`, ``np.zeros_like(x)``, ``x.copy()``.

    Args:
        value: its first value.
        lent: whether others hold that array too, so that the first assignment copies it.

    Its ``data``, and what ``numpy()`` returns, are its value of that moment.

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> y = np.zeros_like(x)
        >>> y[1] = 3 * x[0]
        >>> y.sum().backward()
        >>> print(y.data, x.grad)
        [0. 3.] [3. 0.]
    """

    def __init__(self, value: Tensor, lent: bool = False) -> None:
        self.value, self.lent = value, lent
        self.arrays: list[weakref.ref[np.ndarray]] = []  # that others may hold

    def now(self) -> Tensor:
        return self.value

    def laid(self) -> Array:
        return self.value.data

    def settled(self) -> Tensor:
        if not self.lent and isinstance(self.value.data, np.ndarray):
            self.value.data.setflags(write=False)  # from here on others may hold it
        self.lent = True
        return self.value

    def lend(self, array: np.ndarray) -> None:
        self.arrays = [weakref.ref(array), *(held for held in self.arrays if held() is not None)]

    def write(self, index: Any, value: Any) -> None:
        if any(held() is not None for held in self.arrays):
            raise TypeError(
                "assignment into an array of which np.asarray has made a plain one that is still "
                "in use, and would not show it: use np.array(y) or y.copy() there"
            )
        value, old = as_array(value, "assignment"), self.value
        of, into = getattr(value, "data", value), old.data
        if type(into) is not np.ndarray or hasattr(of, "__primitive__"):
            self.value = record(Tensor, p.updated, (old, value), {"index": index})
            return
        of = np.asarray(of)
        check_cast("assignment", of, into.dtype)
        if self.lent:
            into = into.copy("K")
        into[index] = of
        self.lent = False
        tracked = [x if isinstance(x, Node) and x.requires_grad else None for x in (old, value)]
        if not (current().recording and any(x is not None for x in tracked)):
            self.value = Tensor(into)
            return
        self.value = Tensor.recorded(into, p.updated, tracked, operands=(into, of))
        self.value.static = {"index": index}


class View(Handle, handle=True):
    """A part of a buffer, or the whole in another shape, as it is when it is used.

    Args:
        base: the buffer, or another view.
        primitive: what is done to it.
        static: the primitive's keywords.
        key: the index as the caller wrote it.
    """

    def __init__(
        self, base: Handle, primitive: Primitive, static: Mapping[str, Any], key: Any = None
    ) -> None:
        self.base, self.made_by, self.how, self.key = base, primitive, static, key
        self.seen: tuple[Any, Tensor] = (None, Tensor(0.0))

    def now(self) -> Tensor:
        whole = self.base.now()
        if self.seen[0] is not whole:
            array = np.array(self.made_by.forward(whole.data, **self.how))  # its own copy
            self.seen = whole, _made(array, self.made_by, whole, self.how)
        return self.seen[1]

    def laid(self) -> Array:
        return self.made_by.forward(self.base.laid(), **self.how)

    def lend(self, array: np.ndarray) -> None:
        self.base.lend(array)

    def write(self, index: Any, value: Any) -> None:
        if self.made_by is not p.getitem:
            places = np.arange(self.base.size).reshape(self.base.shape)
            part = self.made_by.forward(places, **self.how)
            if self.dtype != self.base.dtype or not part.flags.writeable:
                raise TypeError(
                    f"assignment into what {self.made_by.name} made of an array to be filled: "
                    "assign into that array itself"
                )
            self.base.write(np.unravel_index(part[index], self.base.shape), value)
            return
        if index is Ellipsis:
            self.base.write(self.how["index"], value)
            return
        part = Buffer(self.now(), lent=True)
        part.write(index, value)
        self.base.write(self.how["index"], part.value)


_IMAG = Primitive(
    "imag", np.imag, "linear", (lambda g, z: g * -1j,), (lambda g, y, z: g * -1j,), label="Im"
)
"""The imaginary part as a view; on values it is a composition."""
_MAY_BE_ITSELF = frozenset({np.astype, np.nan_to_num})
"""Functions whose result is the array itself where they are told not to copy it."""
_BY_PLACES = frozenset({np.diagonal, np.diag, np.rot90})
"""Functions whose result is a view in NumPy, though the rule here takes entries one by one."""


def _index(index: Any) -> Any:
    """An index of plain arrays, that nobody else can change."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if isinstance(index, list):
        return np.asarray([_index(i) for i in index])
    if isinstance(index, Tensor):
        index = index.data
    return index.copy() if isinstance(index, np.ndarray) else index


def _made(part: Any, primitive: Primitive, whole: Tensor, static: Mapping[str, Any]) -> Tensor:
    """A part of a buffer's value, in memory of its own, on the tape."""
    if not (whole.requires_grad and current().recording):
        return Tensor(part)
    out = Tensor.recorded(part, primitive, [whole])
    out.static = static
    return out
