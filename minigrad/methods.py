"""The methods that a Tensor shares with ``ndarray``: each calls NumPy's function of that name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.elsewhere import METHODS, advice

Array = Any


def _method(name: str) -> Callable[..., Any]:
    """NumPy's function of this name as a method."""
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"As ``np.{name}`` of this array."
    return method


class ArrayMethods:
    """What ``ndarray`` has and a Tensor answers through NumPy's functions.

    Positions, flags and whole numbers (`argmax`, `any`, `nonzero`, `searchsorted`) are plain
    arrays: they change in jumps, so their derivative is 0, and they are constants.
    """

    data: Array

    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argpartition = _method("argpartition")
    argsort = _method("argsort")
    clip = _method("clip")
    conj = _method("conjugate")
    conjugate = _method("conjugate")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    flatten = _method("ravel")
    nonzero = _method("nonzero")
    prod = _method("prod")
    ptp = _method("ptp")
    ravel = _method("ravel")
    repeat = _method("repeat")
    round = _method("round")
    searchsorted = _method("searchsorted")
    squeeze = _method("squeeze")
    std = _method("std")
    take = _method("take")
    trace = _method("trace")
    var = _method("var")

    shape = property(lambda self: self.data.shape, doc="Lengths of the axes.")
    dtype = property(lambda self: self.data.dtype, doc="Type of the entries.")
    ndim = property(lambda self: self.data.ndim, doc="Number of axes.")
    size = property(lambda self: self.data.size, doc="Number of entries.")
    itemsize = property(lambda self: self.data.itemsize, doc="Bytes of an entry.")
    nbytes = property(lambda self: self.data.nbytes, doc="Bytes of all entries.")
    strides = property(lambda self: self.data.strides, doc="Bytes from entry to entry.")
    flags = property(lambda self: self.data.flags, doc="The memory layout.")
    flat = property(lambda self: np.ravel(self), doc="All entries along one axis.")
    real = property(lambda self: np.real(self), doc="The real parts.")
    imag = property(lambda self: np.imag(self), doc="The imaginary parts.")
    mT = property(  # noqa: N815 (NumPy's name)
        lambda self: np.swapaxes(self, -1, -2), doc="The matrices transposed."
    )

    def compress(self, condition: Any, axis: int | None = None) -> Any:
        """As ``np.compress``: the parts where the condition is True."""
        return np.compress(condition, self, axis)  # type: ignore[call-overload]

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers: constants."""
        return self.data.tolist()

    def item(self, *index: Any) -> Any:
        """The one entry, or that at an index, as a Python number: a constant."""
        return self.data.item(*index)

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    def __index__(self) -> int:
        return self.data.__index__()

    def __int__(self) -> int:
        return int(self.data)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.data, digits) if self.ndim else round(self.data.item(), digits)

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self.size != 1:
            raise TypeError(
                f"format {spec!r}: got a Tensor of shape {self.shape}, expected a single number"
            )
        return format(self.data.item(), spec)

    def __mod__(self, other: Any) -> Any:
        return np.remainder(self, other)  # type: ignore[call-overload]

    def __rmod__(self, other: Any) -> Any:
        return np.remainder(other, self)  # type: ignore[call-overload]

    def __floordiv__(self, other: Any) -> Any:
        return np.floor_divide(self, other)  # type: ignore[call-overload]

    def __rfloordiv__(self, other: Any) -> Any:
        return np.floor_divide(other, self)  # type: ignore[call-overload]

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __invert__(self) -> Any:
        return ~self.data

    def __and__(self, other: Any) -> Any:
        return self.data & getattr(other, "data", other)

    def __or__(self, other: Any) -> Any:
        return self.data | getattr(other, "data", other)

    def __xor__(self, other: Any) -> Any:
        return self.data ^ getattr(other, "data", other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """NumPy, whose functions answer to a Tensor (the array API standard's entry)."""
        return np

    if not TYPE_CHECKING:  # else every misspelt attribute would have a type

        def __getattr__(self, name: str) -> Any:
            hint = "" if name.startswith("__") else advice(METHODS, name)
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}")


for _name in (
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos", "cosh",
    "exp", "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "rint", "sin", "sinh",
    "sqrt", "tan", "tanh", "trunc",
):  # fmt: skip
    # NumPy asks the entries of an array of objects for these: np.exp([x, y]) of two Tensors
    setattr(ArrayMethods, _name, _method(_name))
