"""Arrays, numbers and generators that stand for others while a function is traced."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minigrad.compile.closure import is_library
from minigrad.compile.operations import (
    NUMBER,
    PUT,
    Operation,
    of_function,
    of_primitive,
    of_ufunc,
)
from minigrad.compile.program import Variable
from minigrad.primitives import BY_NUMPY, PRIMITIVES, Primitive
from minigrad.primitives.calls import Constant, Refused
from minigrad.primitives.ufuncs import rule_of
from minigrad.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.compile.trace import Trace


class TracedArray(NDArrayOperatorsMixin):
    """Stands for an array while a function is traced.

    It has a shape and a type, and may be changed in place and looked at through views as
    NumPy's arrays are. Its values are not to be seen.
    """

    __array_priority__ = 500.0
    __slots__ = ("_base", "_seen", "_variable", "_version", "_view", "saved", "trace", "value")
    __hash__ = None  # type: ignore[assignment]  # as NumPy's arrays

    def __init__(
        self,
        trace: Trace,
        variable: Variable,
        value: Any,
        base: TracedArray | None = None,
        view: tuple[Operation, Mapping[str, Any]] | None = None,
    ) -> None:
        self.trace, self.value = trace, value
        self.saved: TracedCall | None = None
        self._variable, self._base, self._view = variable, base, view
        self._version = 0
        self._seen = base.version if base is not None else 0

    # What it is

    shape = property(lambda self: np.shape(self.value), doc="Lengths of the axes.")
    ndim = property(lambda self: np.ndim(self.value), doc="Number of axes.")
    size = property(lambda self: np.size(self.value), doc="Number of entries.")
    dtype = property(lambda self: np.result_type(self.value), doc="Type of the entries.")
    nbytes = property(lambda self: np.asarray(self.value).nbytes, doc="Bytes of all entries.")
    itemsize = property(lambda self: self.dtype.itemsize, doc="Bytes of an entry.")

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[TracedArray]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self.shape))
        return f"<{self.dtype} ({shape}), not known while {self.trace.title} is traced>"

    # What it stands for, also after it was changed through a view

    @property
    def version(self) -> int:
        """How often it was changed, by itself or through the array that it is a view of."""
        return self._version if self._base is None else self._base.version

    @property
    def variable(self) -> Variable:
        """The program's variable that holds it now."""
        if self._base is not None and self._seen != self._base.version:
            assert self._view is not None
            operation, static = self._view
            fresh = self.trace.apply(operation, (self._base,), static)
            self._variable, self._seen = fresh.variable, self._base.version
        return self._variable

    def assign(self, new: TracedArray) -> None:
        """Hold what another array holds, in place: views see it, and what this is a view of."""
        if self._base is None:
            self._variable = new.variable
            self._version += 1
            return
        assert self._view is not None
        operation, static = self._view
        base = self._base
        if operation.name == "getitem":
            whole = self.trace.apply(PUT, (base, new), {**static, "add": False})
        elif operation.name == "reshape":
            whole = new.reshape(base.shape)
        elif operation.name == "transpose":
            axes = static.get("axes")
            whole = new.transpose(None if axes is None else tuple(np.argsort(axes)))
        elif operation.name == "swapaxes":
            whole = new.swapaxes(static["axis1"], static["axis2"])
        else:
            self.trace.refuse(
                f"an array is changed through a view of it, made by {operation.name}",
                "change a copy",
            )
        base.assign(whole)
        self._variable, self._seen = new.variable, base.version

    def write(self, new: TracedArray) -> None:
        """Take over another's values, broadcast and converted, as an assignment does."""
        if not isinstance(self.value, np.ndarray) or not self.value.flags.writeable:
            self.trace.refuse("a read-only array is changed in place", "change a copy")
        if new.dtype != self.dtype:
            new = new.astype(self.dtype)
        if new.shape != self.shape:
            new = self.trace.apply(_operation("broadcast_to"), (new,), {"shape": self.shape})
        values = np.array(new.value)
        self.assign(new)
        self.value[...] = values

    # Its values, which nobody sees unless the trace shows them

    def _unseen(self, what: str, instead: str) -> Any:
        unknown = "of an array that is not known while it is traced"
        return self.trace.looked(self, f"{what} {unknown}", instead)

    def __bool__(self) -> bool:
        return bool(self._unseen(
            "the truth",
            "choose with np.where or np.maximum, or make what decides a static argument",
        ))  # fmt: skip

    def _number(self) -> Any:
        return self._unseen(
            "the value, as a Python number,", "keep it an array: np.sqrt for math.sqrt"
        )

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        return operator.index(self._unseen(
            "the value, as a whole number,",
            "make it a static argument if it is a size, an axis or a number of steps; "
            "mg.take(array, index, axis) reads a plain array",
        ))  # fmt: skip

    def item(self, *place: Any) -> Any:
        """The value, which is not known."""
        value = self._unseen("the value", "return the array, and call .item() on the result")
        return np.asarray(value).item(*place)

    def tolist(self) -> Any:
        """The values, which are not known."""
        value = self._unseen("the list", "return the array, and call .tolist() on the result")
        return np.asarray(value).tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = self._unseen(
            "the values, for a place in a plain array or for np.array,",
            "make the array with np.zeros_like(x) or np.stack([…]), leave out np.asarray, and read "
            "a plain table with mg.take(table, indices, axis=0)",
        )
        return np.array(value, dtype=dtype)

    def _text(self) -> Any:
        return self._unseen("the text", "return the array, and write its text outside")

    def __format__(self, form: str) -> str:
        return format(self._text(), form)

    def __str__(self) -> str:
        return str(self._text())

    def __contains__(self, x: Any) -> bool:
        return value_of(x) in self._unseen("the entries", "compare with np.any(array == x)")

    # NumPy's protocols, and ours

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Tensor) for x in inputs):
            return NotImplemented  # it records, and comes back here
        trace = _trace_of(inputs, kwargs) or self.trace
        out = kwargs.pop("out", None)
        if method == "reduce" and ufunc in _REDUCTIONS:
            kwargs.setdefault("axis", 0)
            result = _REDUCTIONS[ufunc](inputs[0], **kwargs)
        elif method == "at" and ufunc in (np.add, np.subtract):
            base, index, value = inputs
            value = value if ufunc is np.add else -value
            base.write(trace.apply(PUT, (base, value), {"index": index, "add": True}))
            return None
        elif method != "__call__" or ufunc.nout != 1:
            trace.refuse(f"numpy.{ufunc.__name__}.{method} is called", "use other functions")
        else:
            where = kwargs.pop("where", True)
            unknown = kwargs.keys() - {"dtype", "casting"}
            if unknown:
                trace.refuse(f"numpy.{ufunc.__name__}({', '.join(unknown)}=…)", "leave it out")
            rule = None if ufunc in BY_NUMPY or kwargs else rule_of(ufunc)
            result = rule(*inputs) if rule else trace.apply(of_ufunc(ufunc), inputs, kwargs)
            if where is not True:
                if out is None:
                    trace.refuse(f"numpy.{ufunc.__name__}(where=…) without out=", "use np.where")
                result = trace.apply(_operation("where"), (where, result, out[0]))
        if out is None:
            return result
        (target,) = out
        return self._into(target, result, f"numpy.{ufunc.__name__}")

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        if any(issubclass(kind, Tensor) for kind in types):
            return NotImplemented
        trace = self.trace
        if kwargs.get("out") is not None:
            return self._written(function, args, dict(kwargs))
        if function in _OWN:
            return _OWN[function](trace, *args, **kwargs)
        rule = BY_NUMPY.get(function)
        if isinstance(rule, Primitive):
            operands, static = rule.arguments(function, args, kwargs)
            return trace.primitive(rule, operands, static)
        if function in _PURE:
            return trace.apply(of_function(function), args, kwargs)
        if rule is not None and not isinstance(rule, Constant | Refused):
            return rule(*args, **kwargs)
        name = getattr(function, "__name__", str(function))
        seen = trace.looked(
            (args, kwargs), f"numpy.{name} of an array that is not known while it is traced",
            "its result, or the shape of it, depends on the values: compute it outside, and pass "
            "it as an argument",
        )  # fmt: skip
        return function(*seen[0], **seen[1])

    def _written(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function with ``out=``: its result, written there."""
        target = kwargs.pop("out")
        return self._into(target, function(*args, **kwargs), f"numpy.{function.__name__}")

    def _into(self, target: Any, result: Any, name: str) -> Any:
        if not isinstance(target, TracedArray):
            self.trace.refuse(
                f"{name}(out=…) writes into a plain array",
                "make it with np.empty_like(x) of an argument, or leave out= out",
            )
        target.write(result)
        return target

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        if any(isinstance(x, Tensor) for x in operands):
            return NotImplemented
        return self.trace.primitive(primitive, operands, static)

    def __beside__(self, array: np.ndarray) -> TracedArray:
        return self.trace.lifted(array)

    def __check__(self, error: Callable[..., Exception], arrays: Sequence[Any]) -> None:
        self.trace.check(self, error, arrays)

    def __getitem__(self, index: Any) -> TracedArray:
        index = self._checked(_plain_index(index))
        return self.trace.apply(_operation("getitem"), (self,), {"index": index})

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _plain_index(index)
        if isinstance(value, Tensor):
            self.trace.refuse(
                "a Tensor is assigned into an array, which would lose its gradient",
                "collect the parts in a list, and join them with np.stack",
            )
        if _is_mask(index):
            choice = _operation("where")
            mask = index if not isinstance(index, tuple) else index[0]
            extra = (np.newaxis,) * (self.ndim - np.ndim(mask))
            new = self.trace.apply(choice, (mask[(..., *extra)], value, self))
        else:
            if not isinstance(value, TracedArray | np.ndarray):
                value = np.asarray(value, self.dtype)
            new = self.trace.apply(PUT, (self, value), {"index": index, "add": False})
        if new.shape != self.shape:
            self.trace.refuse("a mask chooses where a list of values goes", "use np.where")
        self.write(new)

    def _checked(self, index: Any) -> Any:
        if not _is_mask(index):
            return index
        return self.trace.looked(
            index, "a mask chooses some entries, whose number is not known",
            "multiply by the mask, or use np.where(mask, x, 0)",
        )  # fmt: skip

    # NumPy's in-place operators: a number is not changed, another takes its place

    def _in_place(self, ufunc: np.ufunc, other: Any) -> Any:
        if isinstance(self.value, np.ndarray) and not isinstance(other, Tensor):
            return ufunc(self, other, out=(self,))
        return ufunc(self, other)

    def __iadd__(self, other: Any) -> Any:
        return self._in_place(np.add, other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place(np.subtract, other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place(np.multiply, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place(np.divide, other)

    def __ipow__(self, other: Any) -> Any:
        return self._in_place(np.power, other)

    def __imatmul__(self, other: Any) -> Any:
        return self @ other

    def __matmul__(self, other: Any) -> Any:
        return np.matmul(self, other)

    # NumPy's methods

    T = property(lambda self: self.transpose(), doc="The axes reversed.")
    mT = property(lambda self: self.swapaxes(-1, -2), doc="The last two axes exchanged.")  # noqa: N815
    real = property(lambda self: np.real(self) if self.dtype.kind == "c" else self,
                    doc="Real parts.")  # fmt: skip
    imag = property(lambda self: np.imag(self), doc="Imaginary parts.")

    def reshape(self, *shape: Any) -> TracedArray:
        """The same entries in another shape."""
        shape = shape[0] if len(shape) == 1 else shape
        shape = np.reshape(self.value, shape).shape
        return self._viewed("reshape", shape=shape)

    def transpose(self, *axes: Any) -> TracedArray:
        """Axes in another order."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        if order is None or len(order) == 0:
            return self._viewed("transpose", axes=None)
        return self._viewed("transpose", axes=tuple(int(a) % self.ndim for a in order))

    def swapaxes(self, axis1: int, axis2: int) -> TracedArray:
        """Two axes exchanged."""
        return self._viewed("swapaxes", axis1=axis1, axis2=axis2)

    def _viewed(self, name: str, **static: Any) -> TracedArray:
        return self.trace.apply(_operation(name), (self,), static)

    def ravel(self) -> TracedArray:
        """All entries along one axis."""
        return self.reshape(-1)

    def flatten(self) -> TracedArray:
        """All entries along one axis, of its own."""
        return self.reshape(-1).copy()

    def copy(self, *_: Any) -> TracedArray:
        """The same values; changes of the one are not seen in the other."""
        return TracedArray(self.trace, self.variable, np.array(self.value))

    def __copy__(self) -> TracedArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> TracedArray:
        return self.copy()

    def astype(self, dtype: Any, **_: Any) -> TracedArray:
        """The same values as another type."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype and not isinstance(self, TracedNumber):
            return self.copy()
        return self.trace.apply(_operation("astype"), (self,), {"dtype": dtype})

    def fill(self, value: Any) -> None:
        """Set every entry."""
        self[...] = value

    def sum(self, axis: Any = None, **keywords: Any) -> TracedArray:
        """Sum along ``axis``."""
        return np.sum(self, axis=axis, **keywords)

    def max(self, axis: Any = None, **keywords: Any) -> TracedArray:
        """Largest entry along ``axis``."""
        return np.max(self, axis=axis, **keywords)

    def min(self, axis: Any = None, **keywords: Any) -> TracedArray:
        """Smallest entry along ``axis``."""
        return np.min(self, axis=axis, **keywords)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """To the user's own code it is what it stands for: `isinstance` asks for this."""
        return type(self.value) if _asked_by_user() else type(self)

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            function = getattr(np, name)
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        if hasattr(np.ndarray, name) and not name.startswith("_") and _asked_by_user():
            return getattr(np.asarray(self._unseen(f"{name}", "leave it out")), name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


class _Kinds(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) != 1:
            return type(*args, **kwargs)
        (x,) = args
        if isinstance(x, TracedArray):
            return type(x.value)
        return x.__class__ if isinstance(x, TracedGenerator | Tensor) else type(x)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, type)

    def __subclasscheck__(cls, x: type) -> bool:
        return issubclass(x, type)


class Kind(type, metaclass=_Kinds):
    """What the user's own code calls `type` while it is traced: it says what is stood for."""


def _asked_by_user() -> bool:
    """Whether the line that is running is no library's."""
    return not is_library(sys._getframe(2).f_globals.get("__name__"))


_METHODS = frozenset({
    "all", "any", "argmax", "argmin", "argsort", "clip", "conj", "cumprod", "cumsum", "diagonal",
    "dot", "mean", "prod", "ptp", "repeat", "round", "squeeze", "std", "take", "trace", "var",
})  # fmt: skip


class TracedNumber(TracedArray):
    """Stands for a Python number: what Python computes of numbers alone stays a number."""

    __slots__ = ()

    def _arithmetic(self, name: str, *operands: Any) -> Any:
        if all(isinstance(x, TracedNumber | bool | int | float | complex) and
               not isinstance(x, np.generic) for x in operands):  # fmt: skip
            return self.trace.apply(NUMBER[name], operands)
        return NotImplemented

    def __neg__(self) -> Any:
        return self._arithmetic("neg", self)

    def __invert__(self) -> Any:
        return self._arithmetic("invert", self)

    def __abs__(self) -> Any:
        return self._arithmetic("abs", self)


def _arithmetic(name: str, ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator of two numbers, and its reflection."""

    def forward(self: TracedNumber, other: Any) -> Any:
        found = self._arithmetic(name, self, other)
        return _with_array(ufunc, self, other) if found is NotImplemented else found

    def reflected(self: TracedNumber, other: Any) -> Any:
        found = self._arithmetic(name, other, self)
        return _with_array(ufunc, other, self) if found is NotImplemented else found

    return forward, reflected


def _with_array(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    return NotImplemented if isinstance(a, Tensor) or isinstance(b, Tensor) else ufunc(a, b)


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power,
}.items():  # fmt: skip
    _forward, _reflected = _arithmetic(_name, _ufunc)
    setattr(TracedNumber, f"__{_name}__", _forward)
    setattr(TracedNumber, f"__r{_name}__", _reflected)
    setattr(TracedNumber, f"__i{_name}__", _forward)
for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(TracedNumber, f"__{_name}__", _arithmetic(_name, _ufunc)[0])


class TracedCall:
    """What a primitive's forward pass kept for its backward pass.

    Args:
        trace: where it is written down.
        primitive: one with ``saving`` and ``backward``.
        variable: stands for what was kept.
        value: what was kept.
        operands: of the primitive.
        static: its keywords.
    """

    __slots__ = ("operands", "primitive", "static", "trace", "value", "variable")

    def __init__(
        self, trace: Trace, primitive: Primitive, variable: Variable, value: Any,
        operands: Sequence[Any], static: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.trace, self.primitive, self.variable, self.value = trace, primitive, variable, value
        self.operands, self.static = operands, static

    def __pull__(self, g: Any, y: Any) -> list[Any]:
        """The cotangents of the operands, all by one statement."""
        return self.trace.pull(self, g, y)


class TracedGenerator:
    """Stands for a generator of random numbers: its draws are part of the program."""

    __slots__ = ("trace", "value", "variable")

    def __init__(self, trace: Trace, variable: Variable, value: np.random.Generator) -> None:
        self.trace, self.variable, self.value = trace, variable, value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.value) if _asked_by_user() else type(self)

    def __getattr__(self, method: str) -> Any:
        if method not in _DRAWS:
            self.trace.refuse(
                f"{method}() of a random generator is called",
                f"the draws that can be compiled are {', '.join(sorted(_DRAWS))}",
            )
        return lambda *args, **kwargs: self.trace.draw(self, method, args, kwargs)


_DRAWS = frozenset({
    "beta", "binomial", "exponential", "gamma", "gumbel", "integers", "laplace", "logistic",
    "lognormal", "normal", "permutation", "poisson", "random", "standard_exponential",
    "standard_normal", "uniform",
})  # fmt: skip


def value_of(x: Any) -> Any:
    """The array behind a traced one; anything else as it is."""
    return x.value if isinstance(x, TracedArray | TracedCall) else x


def _trace_of(inputs: Sequence[Any], kwargs: Mapping[str, Any]) -> Trace | None:
    return next((x.trace for x in inputs if isinstance(x, TracedArray)), None)


def _operation(name: str) -> Operation:
    found = of_primitive(PRIMITIVES[name])
    assert found is not None
    return found


def _plain_index(index: Any) -> Any:
    """An index with arrays in the place of Tensors and lists."""
    if isinstance(index, Tensor):
        return index.data
    if isinstance(index, list):
        return np.asarray(index)
    if isinstance(index, tuple):
        return tuple(_plain_index(part) for part in index)
    return index


def _is_mask(index: Any) -> bool:
    """Whether it picks entries by booleans that are computed."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(x, TracedArray) and x.dtype == bool for x in parts)


# NumPy's functions with a way of their own here


def _like(value: Any) -> Callable[..., TracedArray]:
    def make(trace: Trace, x: Any, dtype: Any = None, *_: Any, shape: Any = None, **__: Any) -> Any:
        array = np.full(np.shape(x) if shape is None else shape, value, dtype or x.dtype)
        return TracedArray(trace, trace.operand(array), array)  # type: ignore[arg-type]

    return make


def _full_like(trace: Trace, x: Any, fill_value: Any, dtype: Any = None, **_: Any) -> Any:
    made = _like(0)(trace, x, dtype)
    made[...] = fill_value
    return made


def _copyto(trace: Trace, target: Any, source: Any, casting: Any = None, where: Any = True) -> None:
    if not isinstance(target, TracedArray):
        trace.refuse("np.copyto writes into a plain array", "make it with np.empty_like(x)")
    if where is not True:
        source = trace.apply(_operation("where"), (where, source, target))
    target[...] = source


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    """What only asks for shapes and types."""

    def answer(trace: Trace, *args: Any, **kwargs: Any) -> Any:
        return function(*map(value_of, args), **kwargs)

    return answer


def _reshape(trace: Trace, x: Any, shape: Any = None, *_: Any, **kwargs: Any) -> Any:
    return x.reshape(kwargs.get("newshape", shape))


def _transpose(trace: Trace, x: Any, axes: Any = None) -> Any:
    return x.transpose(axes) if axes is not None else x.transpose()


def _swapaxes(trace: Trace, x: Any, axis1: int, axis2: int) -> Any:
    return x.swapaxes(axis1, axis2)


def _take(trace: Trace, x: Any, indices: Any, axis: int | None = None, **kwargs: Any) -> Any:
    if kwargs:
        trace.refuse(f"numpy.take({', '.join(kwargs)}=…)", "leave it out")
    if axis is None:
        x, axis = (x.ravel() if isinstance(x, TracedArray) else np.ravel(x)), 0
    index = (slice(None),) * (axis % np.ndim(x)) + (indices,)
    return trace.apply(_operation("getitem"), (x,), {"index": index})


def _take_along_axis(trace: Trace, x: Any, indices: Any, axis: int | None = -1) -> Any:
    return trace.apply(of_function(np.take_along_axis, "gather"), (x, indices), {"axis": axis})


def _copy(trace: Trace, x: Any, *_: Any, **__: Any) -> Any:
    return x.copy()


_OWN: Mapping[Any, Callable[..., Any]] = {
    np.zeros_like: _like(0), np.ones_like: _like(1), np.empty_like: _like(0),
    np.full_like: _full_like, np.copyto: _copyto, np.copy: _copy, np.take: _take,
    np.take_along_axis: _take_along_axis,
    np.reshape: _reshape, np.transpose: _transpose, np.swapaxes: _swapaxes,
    **{f: _known(f) for f in (np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj,
                              np.isrealobj, np.can_cast, np.may_share_memory)},
}  # fmt: skip

_PURE = frozenset({
    np.argmax, np.argmin, np.argsort, np.isclose, np.any, np.all, np.nan_to_num,
    np.searchsorted, np.digitize, np.round, np.real, np.imag, np.angle, np.allclose,
    np.array_equal, np.count_nonzero, np.isposinf, np.isneginf, np.fix,
})  # fmt: skip
"""Functions of values alone, without a rule of their own, whose result's shape is that of any
other values."""

_REDUCTIONS: Mapping[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum, np.maximum: np.max, np.minimum: np.min, np.multiply: np.prod,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
