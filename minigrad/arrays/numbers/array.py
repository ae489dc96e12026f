"""NumPy's arrays of objects, with numbers of a world in them.

Indexing, views, assignment, broadcasting and most functions mean what they mean to NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from operator import attrgetter
from typing import Any

import numpy as np

from minigrad.arrays import budget
from minigrad.arrays.numbers.number import PIECEWISE, Number, apply
from minigrad.primitives import BY_NUMPY, PRIMITIVES, Primitive


class Numbers(np.ndarray):
    """NumPy's array of objects, whose entries are numbers of one world and plain constants."""

    __array_priority__ = 600.0

    @classmethod
    def holding(cls, number: Any) -> Numbers:
        """An array of no axes with one number."""
        array = np.empty((), dtype=object)
        array[()] = number
        return array.view(cls)

    @classmethod
    def constants(cls, values: np.ndarray, like: Any) -> Any:
        """Plain numbers in the world of another array, if it is one of these worlds."""
        kind = type(like) if isinstance(like, Number) else (
            like.kind() if isinstance(like, Numbers) else None)  # fmt: skip
        return values if kind is None else _mapped(kind.of, np.asarray(values)).view(cls)

    @classmethod
    def joined(
        cls, kind: type[Number], reals: np.ndarray, twins: np.ndarray, slopes: Any = 0
    ) -> Numbers:
        """Numbers of these floats, twins and slopes."""
        twins = np.asarray(twins, dtype=object)
        slopes = np.broadcast_to(np.asarray(slopes, dtype=object), twins.shape)
        numbers = map(kind.made, np.ravel(reals).tolist(), twins.ravel(), slopes.ravel())
        return np.fromiter(numbers, object, twins.size).reshape(twins.shape).view(cls)

    def kind(self) -> type[Number] | None:
        """The world of its entries; ``None`` if all are constants."""
        return next((type(x) for x in self.flat if isinstance(x, Number)), None)

    def reals(self) -> np.ndarray:
        """The floats of its entries."""
        return _mapped(lambda x: getattr(x, "real", x), self, float)

    def exacts(self, kind: type[Number]) -> np.ndarray:
        """The twins of its entries."""
        return _mapped(lambda x: kind.of(x).exact, self)

    def slopes(self, kind: type[Number]) -> np.ndarray:
        """The slopes of its entries."""
        return _mapped(lambda x: kind.of(x).slope, self)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """A copy; whole numbers or flags for such a type, which have no slope."""
        if np.dtype(dtype).kind in "fcO":
            return self.copy()
        return self.reals().astype(dtype)

    def __getitem__(self, index: Any) -> Any:
        return _as_numpy(super().__getitem__(index))

    def lift(self, operands: Iterable[Any]) -> tuple[Any, ...]:
        """Operands with numbers made exact, so that no rule computes with floats: 1 / 3 is one."""
        kind = self.kind()
        return tuple(
            Numbers.holding(kind.of(x))
            if kind is not None and isinstance(x, int | float) and not isinstance(x, bool)
            else x
            for x in operands
        )

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        if any(not isinstance(x, _KNOWN) and hasattr(x, "__array_ufunc__") for x in inputs):
            return NotImplemented  # a Tensor among them: it records, and comes back here
        arrays = [np.asarray(x) if isinstance(x, np.ndarray) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(np.asarray(x) if isinstance(x, Numbers) else x for x in out)
        chosen = _ufunc(ufunc)
        budget.foresee(_work(ufunc, arrays))
        if ufunc is np.matmul and not kwargs and not Number.has_names:
            return _wrapped(_matmul(*arrays))
        result = getattr(chosen, method)(*arrays, **kwargs)
        if out is not None:
            return out[0] if len(out) == 1 else out
        result = _as_numpy(result)
        if Number.has_names and ufunc in (np.add, np.matmul):
            return _named(result)
        return _wrapped(result)

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        override = _OVERRIDES.get(function)
        if override is not None:
            return override(*args, **kwargs)
        if function.__module__ == "numpy.linalg" and function in BY_NUMPY:
            return BY_NUMPY[function](*args, **kwargs)
        result = super().__array_function__(function, types, args, kwargs)
        return _named(result) if function in _PRODUCTS else _wrapped(result)

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        if any(hasattr(x, "__primitive__") and type(x) is not Numbers for x in operands):
            return NotImplemented
        if primitive.kind == "elementwise":
            arrays = [np.asarray(x) for x in operands]
            result = _as_numpy(_entrywise(primitive)(*arrays))
            return _named(result) if primitive.name == "add" else _wrapped(result)
        if primitive.kind == "fused":
            return primitive.forward(*operands, **static)
        rules = primitive.rules * len(operands) if primitive.variadic else primitive.rules
        plain = [
            x if rule is None else np.asarray(x) for x, rule in zip(operands, rules, strict=True)
        ]
        if primitive.name == "matmul" and not Number.has_names:
            return _wrapped(_matmul(*plain))
        result = _as_numpy(primitive.forward(*plain, **static))
        return _named(result) if primitive.kind == "bilinear" else _wrapped(result)


_KNOWN = (np.ndarray, np.generic, Number, int, float)


def _mapped(function: Callable[[Any], Any], array: Any, dtype: Any = object) -> np.ndarray:
    return np.fromiter(map(function, array.flat), dtype, array.size).reshape(array.shape)


def _as_numpy(result: Any) -> Any:
    """A plain constant as a scalar of NumPy's, which has a shape and a type."""
    if isinstance(result, float | int) and not isinstance(result, bool | np.generic):
        return np.float64(result)
    return result


def _wrapped(result: Any) -> Any:
    if isinstance(result, np.ndarray):
        return result.view(Numbers) if result.dtype == object else result
    if isinstance(result, tuple | list):
        return type(result)([_wrapped(part) for part in result]) if not hasattr(
            result, "_fields") else type(result)(*map(_wrapped, result))  # fmt: skip
    return result


def _named(result: Any) -> Any:
    """The result with names in place of sums, where sums have names."""
    if not Number.has_names:
        return _wrapped(result)
    if isinstance(result, np.ndarray):
        return _wrapped(_mapped(_short, result))
    return _short(result)


def _short(number: Any) -> Any:
    return type(number).named(number) if isinstance(number, Number) else number


_FEW = 64  # products up to which a matrix product is not worth taking apart


def _matmul(a: np.ndarray, b: np.ndarray) -> Any:
    """A matrix product of floats, twins and slopes by themselves, which NumPy does in C."""
    if a.ndim < 2 or b.ndim < 2 or a.size * b.shape[-1] < _FEW:
        return np.matmul(a, b)
    kind = next((type(x) for m in (a, b) for x in m.flat if isinstance(x, Number)), None)
    if kind is None:
        return np.matmul(a, b)
    parts = []
    for matrix in (a, b):
        numbers = _mapped(kind.of, matrix)
        if any(number.exact is None for number in numbers.flat):
            return np.matmul(a, b)
        parts.append([
            _mapped(attrgetter("real"), numbers, float), _mapped(attrgetter("exact"), numbers),
            _mapped(attrgetter("slope"), numbers),
        ])  # fmt: skip
    (real, exact, slope), (other_real, other_exact, other_slope) = parts
    slopes: Any = 0
    if np.any(slope != 0):
        slopes = slopes + slope @ other_exact
    if np.any(other_slope != 0):
        slopes = slopes + exact @ other_slope
    return Numbers.joined(kind, real @ other_real, exact @ other_exact, slopes)


def _work(ufunc: np.ufunc, arrays: list[Any]) -> float:
    """About how many scalar operations a call takes."""
    sizes = [np.size(x) for x in arrays]
    if ufunc is np.matmul:
        return sizes[0] * (np.shape(arrays[1])[-1] if np.ndim(arrays[1]) > 1 else 1)
    return max(sizes)


@cache
def _ufunc(ufunc: np.ufunc) -> Any:
    """What to call for a ufunc: itself where objects can, else entry by entry."""
    if ufunc in _FLAGS:
        flag = _FLAGS[ufunc]
        return _flagging(np.frompyfunc(lambda *x: flag(*x), ufunc.nin, 1))
    primitive = BY_NUMPY.get(ufunc) or PRIMITIVES.get(_ALIASES.get(ufunc.__name__, ""))
    if not isinstance(primitive, Primitive) or primitive.name in _NATIVE:
        return ufunc
    return _entrywise(primitive) if primitive.kind == "elementwise" else ufunc


class _flagging:  # noqa: N801 (it stands for a ufunc)
    """A function of objects whose result is an array of flags."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *arrays: Any, **kwargs: Any) -> Any:
        return np.asarray(self.function(*arrays, **kwargs), dtype=bool)[()]


@cache
def _entrywise(primitive: Primitive) -> Any:
    """The primitive on arrays of numbers and constants."""
    return np.frompyfunc(partial(apply, primitive), primitive.arity, 1)


def _real_of(x: Any) -> float:
    return float(getattr(x, "real", x))


_FLAGS: Mapping[np.ufunc, Callable[..., bool]] = {
    np.isnan: lambda x: math.isnan(_real_of(x)),
    np.isinf: lambda x: math.isinf(_real_of(x)),
    np.isfinite: lambda x: math.isfinite(_real_of(x)),
    np.signbit: lambda x: _real_of(x) < 0,
}
_PRODUCTS = frozenset({np.dot, np.einsum, np.inner, np.tensordot, np.vdot})
_ALIASES = {"expit": "sigmoid", "erf": "erf"}  # SciPy's names
_NATIVE = frozenset({*PIECEWISE, "power"}) - {"relu", "heaviside", "sign"}
_OVERRIDES: Mapping[Any, Callable[..., Any]] = {
    np.isclose: lambda a, b, *r, **k: np.isclose(_floats(a), _floats(b), *r, **k),
    np.allclose: lambda a, b, *r, **k: np.allclose(_floats(a), _floats(b), *r, **k),
    np.nan_to_num: lambda x, *_, **__: np.array(x, dtype=object).view(Numbers),
    np.iscomplexobj: lambda x: False,
    np.isrealobj: lambda x: True,
    np.around: lambda x, *r, **k: np.around(_floats(x), *r, **k),
    np.round: lambda x, *r, **k: np.round(_floats(x), *r, **k),
}


def _floats(x: Any) -> Any:
    return x.reals() if isinstance(x, Numbers) else np.asarray(getattr(x, "real", x))


Number.array = staticmethod(Numbers.holding)
