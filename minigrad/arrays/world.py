"""What the worlds of exact scalars share: an object array behind NumPy's two protocols."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minigrad.primitives import BY_NUMPY, Primitive
from minigrad.primitives.calls import Constant, Refused
from minigrad.primitives.ufuncs import call_ufunc, rule_of


class ExactArray(NDArrayOperatorsMixin):
    """An array whose entries are exact scalars, held in an object array.

    Subclasses say what a scalar is (`scalar`), and what an elementwise primitive means on
    scalars (`elementwise`). Everything that only moves or adds up entries is NumPy's.

    Attributes:
        entries: the object array.
    """

    __array_priority__ = 500.0
    __slots__ = ("entries",)
    entries: np.ndarray

    def __init__(self, entries: Any) -> None:
        if isinstance(entries, ExactArray):
            entries = entries.entries
        array = np.asarray(entries, dtype=object)
        self.entries = _map(self.scalar, array)

    @classmethod
    def scalar(cls, value: Any) -> Any:
        """``value`` as an exact scalar of this world."""
        raise NotImplementedError

    @classmethod
    def elementwise(cls, primitive: Primitive) -> Callable[..., Any]:
        """What the primitive does to scalars of this world."""
        raise NotImplementedError

    # The array's face

    shape = property(lambda self: self.entries.shape, doc="Lengths of the axes.")
    ndim = property(lambda self: self.entries.ndim, doc="Number of axes.")
    size = property(lambda self: self.entries.size, doc="Number of entries.")
    dtype = property(lambda self: self.entries.dtype, doc="Always ``object``.")
    T = property(lambda self: type(self)(self.entries.T), doc="The axes reversed.")

    def __len__(self) -> int:
        return len(self.entries)

    def __iadd__(self, other: Any) -> Any:
        """As a = a + b: exact arrays are never changed in place."""
        return self + other

    def __repr__(self) -> str:
        return f"{type(self).__name__}({np.array2string(self.entries, separator=', ')})"

    def __getitem__(self, index: Any) -> Self:
        return type(self)(self.entries[index])

    def __bool__(self) -> bool:
        raise TypeError(
            f"the truth of a {type(self).__name__}: a derivative that branches on values holds "
            "for one branch only; use a primitive (maximum, where) that says what it does there"
        )

    def lift(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """Operands with numbers made exact, so that no rule computes with floats: 1 / 3 is one."""
        return tuple(type(self)(x) if _is_number(x) else x for x in operands)

    def is_zero(self) -> bool:
        """Whether every entry is literally 0."""
        return all(entry == 0 for entry in self.entries.flat)

    def item(self) -> Any:
        """The one scalar."""
        return self.entries.item()

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Self:
        """Sum along ``axis``."""
        return type(self)(np.sum(self.entries, axis=axis, keepdims=keepdims))

    def reshape(self, *shape: Any) -> Self:
        """The same entries in another shape."""
        return type(self)(self.entries.reshape(*shape))

    def ravel(self) -> Self:
        """All entries along one axis."""
        return type(self)(self.entries.ravel())

    def transpose(self, *axes: Any) -> Self:
        """Axes in another order."""
        return type(self)(self.entries.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """Two axes exchanged."""
        return type(self)(self.entries.swapaxes(axis1, axis2))

    def astype(self, dtype: Any) -> Self:
        """Itself: exact scalars have one type."""
        return self

    def copy(self) -> Self:
        """The same entries in memory of their own."""
        return type(self)(self.entries.copy())

    # NumPy's protocols, and ours

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc in _COMPARISONS and method == "__call__" and not kwargs:
            return _COMPARISONS[ufunc](self._lifted(inputs[0]), self._lifted(inputs[1]))
        rule = rule_of(ufunc)
        if rule is None or isinstance(rule, Constant | Refused):
            raise self._refusal(f"numpy.{ufunc.__name__}")
        if method == "__call__" and not kwargs and isinstance(rule, Primitive):
            return self.__primitive__(rule, inputs, {})
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Any, types: Iterable[type], args: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        rule = BY_NUMPY.get(function)
        if isinstance(rule, Primitive):
            operands, static = rule.arguments(function, args, kwargs)
            return self.__primitive__(rule, operands, static)
        if isinstance(rule, Constant) and rule.of_shape:
            arrays = [a.entries if isinstance(a, ExactArray) else a for a in args]
            result = function(*arrays, **kwargs)
            return type(self)(result) if isinstance(result, np.ndarray) else result
        if rule is None or isinstance(rule, Constant | Refused):
            raise self._refusal(f"numpy.{function.__name__}")
        return rule(*args, **kwargs)

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        if any(hasattr(x, "__primitive__") and type(x) is not type(self) for x in operands):
            return NotImplemented  # a Tensor among them: it records, and comes back here
        if primitive.kind == "elementwise":
            scalars = self.elementwise(primitive)
            arrays = [self._entries(x) for x in operands]
            return type(self)(np.frompyfunc(scalars, len(arrays), 1)(*arrays))
        if primitive.kind == "fused":
            return primitive.forward(*operands, **static)
        arrays = [
            _plain(x) if rule is None else self._entries(x)
            for x, rule in zip(operands, _rules(primitive, operands), strict=True)
        ]
        return type(self)(primitive.forward(*arrays, **static))

    @classmethod
    def _lifted(cls, x: Any) -> Self:
        return x if isinstance(x, cls) else cls(x)

    def positive(self) -> Self:
        """1 where an entry counts as positive, 0 where it does not.

        Symbols and a finite field have no order. A derivative that branches is an identity
        on each branch, so any choice will do that is always the same for the same entry, and
        the opposite for its negative.
        """
        raise NotImplementedError

    @classmethod
    def _entries(cls, x: Any) -> np.ndarray:
        return x.entries if isinstance(x, cls) else cls(x).entries

    def _refusal(self, what: str) -> TypeError:
        return TypeError(f"{what}: {type(self).__name__} has no such operation")


def _equal(a: ExactArray, b: ExactArray) -> ExactArray:
    difference = (a - b).entries
    return type(a)(_map(lambda entry: int(entry == 0), difference))


_COMPARISONS: dict[Any, Callable[[Any, Any], Any]] = {
    np.greater: lambda a, b: (a - b).positive(),
    np.less: lambda a, b: (b - a).positive(),
    np.greater_equal: lambda a, b: 1 - (b - a).positive(),
    np.less_equal: lambda a, b: 1 - (a - b).positive(),
    np.equal: _equal,
    np.not_equal: lambda a, b: 1 - _equal(a, b),
}


def rational(value: Any) -> Fraction:
    """A constant of a rule as it is written there: 0.5 is ½, 0.044715 is 8943/200000.

    Raises:
        TypeError: not a finite real number.
    """
    if isinstance(value, Fraction | int):
        return Fraction(value)
    try:
        return Fraction(str(operator.index(value)))
    except TypeError:
        pass
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return Fraction(str(value))
    raise TypeError(f"got {value!r}, expected a finite real number")


def _rules(primitive: Primitive, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    return primitive.rules * len(operands) if primitive.variadic else primitive.rules


def _is_number(x: Any) -> bool:
    """Whether it is a number or an array of numbers; a boolean is a choice."""
    if isinstance(x, np.ndarray | np.generic):
        return x.dtype.kind in "fiu"
    return isinstance(x, float | int) and not isinstance(x, bool)


def _plain(x: Any) -> Any:
    """An operand without a derivative: a choice that was made in this world is a boolean."""
    return x.entries.astype(bool) if isinstance(x, ExactArray) else x


def _map(function: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    flat = np.empty(array.size, dtype=object)
    flat[:] = [function(entry) for entry in array.ravel()]
    return flat.reshape(array.shape)
