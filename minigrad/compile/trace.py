"""A world in which NumPy's functions write a program down while they compute.

A function is run once, with `TracedArray`s in the place of its arrays. Everything that NumPy, the
primitives and the engine's own walk do to them becomes a statement. The values are there too, so
shapes and types are NumPy's own; but nobody can look at them: what depends on a value, such as a
branch, would hold for this call only and is refused.
"""

from __future__ import annotations

import copy
import hashlib
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

import minigrad
from minigrad.compile.operations import (
    DRAW,
    NUMBER,
    PUT,
    Operation,
    is_basic,
    of_function,
    of_primitive,
    of_ufunc,
    opaque,
)
from minigrad.compile.program import Literal, Operand, Program, Slot, Statement, Variable, run
from minigrad.primitives import BY_NUMPY, PRIMITIVES, Primitive
from minigrad.tape import current
from minigrad.tensor import Tensor

_OURS = tuple(os.path.dirname(module.__file__ or "") + os.sep for module in (minigrad, np))


class TraceError(TypeError):
    """What a compiled function cannot do, in which line, and what to do instead.

    Example:
        >>> from minigrad.compile import TraceError
        >>> try:
        ...     mg.jit(lambda x: x if x > 0 else -x)(1.0)
        ... except TraceError as error:
        ...     print("np.where" in str(error))
        True
    """


class Trace:
    """A program that is being written down.

    Args:
        title: the function's name, for messages.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.inputs: list[Variable] = []
        self.statements: list[Statement] = []
        self.is_open = True
        self._known: dict[Any, tuple[Variable, ...]] = {}
        self._constants: dict[Any, Variable] = {}
        self._numbers: dict[Operand, int] = {}

    # What goes in and comes out

    def array(self, value: np.ndarray, name: str | None = None) -> TracedArray:
        """An input."""
        found = np.array(value)  # its own: the function may write into it
        variable = Variable(found.shape, found.dtype, name=name)
        self.inputs.append(variable)
        return TracedArray(self, variable, found)

    def number(self, value: float, name: str | None = None) -> TracedNumber:
        """An input that is a Python number."""
        variable = Variable((), np.asarray(value).dtype, weak=True, name=name)
        self.inputs.append(variable)
        return TracedNumber(self, variable, value)

    def generator(self, value: np.random.Generator, name: str | None = None) -> TracedGenerator:
        """An input that draws random numbers."""
        variable = Variable((), None, name=name)
        self.inputs.append(variable)
        return TracedGenerator(self, variable, copy.deepcopy(value))

    def operand(self, x: Any) -> Operand:
        """What stands for a traced array, an array or a number in a statement."""
        if isinstance(x, TracedArray):
            if x.trace is not self:
                self.refuse(
                    "an array of another compiled function, or of an earlier call of this one, "
                    "is used", "return it from there instead of keeping it in a variable",
                )  # fmt: skip
            return x.variable
        if isinstance(x, np.ndarray):
            return self._constant(x)
        if isinstance(x, bool | int | float | complex | np.generic):
            return Literal(x)
        if hasattr(x, "__array_ufunc__"):
            self.refuse(f"got a {type(x).__name__}", "convert it to a NumPy array first")
        return self._constant(np.asarray(x))

    def program(self, outputs: Sequence[Operand]) -> Program:
        """What was written down, with these outputs."""
        return Program(tuple(self.inputs), list(self.statements), tuple(outputs))

    def _constant(self, array: np.ndarray) -> Variable:
        if array.dtype == object:
            self.refuse("an array of Python objects is used", "convert it to numbers first")
        digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
        key = array.shape, array.dtype, digest
        if key not in self._constants:
            value = array.copy() if array.flags.writeable or array.base is not None else array
            self._constants[key] = Variable(
                array.shape, array.dtype, value=value, place=self.place()
            )
        return self._constants[key]

    # What is done

    def apply(
        self, operation: Operation, operands: Sequence[Any], static: Mapping[str, Any] | None = None
    ) -> Any:
        """Compute, and write the statement down."""
        if not self.is_open:
            self.refuse(
                "an array that stood for an argument is used after the call",
                "return it instead of keeping it",
            )
        arrays = list(operands)
        kept = {k: self._slotted(v, arrays) for k, v in (static or {}).items()}
        result = run(operation, [_value(x) for x in arrays], kept)
        variables = tuple(self.operand(x) for x in arrays)
        outputs = self._statement(operation, variables, kept, (result,))
        return self._wrapped(outputs[0], result)

    def draw(
        self, generator: TracedGenerator, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Random numbers: every call is one more, in their order."""
        if any(isinstance(x, TracedArray) for x in (*args, *kwargs.values())):
            self.refuse(
                f"{method}() is called with an array that is computed",
                "draw standard numbers, and scale them",
            )
        result = getattr(generator.value, method)(*args, **kwargs)
        variable = _variable(result)
        variable.place = self.place()
        static = {"method": method, "arguments": args, **kwargs}
        self.statements.append(Statement(DRAW, (generator.variable,), static, (variable,)))
        return self._wrapped(variable, result)

    def primitive(
        self, primitive: Primitive, operands: Sequence[Any], static: Mapping[str, Any]
    ) -> Any:
        """A primitive: as one operation, or as what it is made of."""
        known = of_primitive(primitive)
        if known is not None:
            return self.apply(known, operands, static)
        if primitive.kind in ("elementwise", "fused"):
            return primitive.run(operands, static)
        return self.apply(opaque(primitive), operands, static)

    def _statement(
        self,
        operation: Operation,
        operands: tuple[Operand, ...],
        static: Mapping[str, Any],
        results: Sequence[Any],
    ) -> tuple[Variable, ...]:
        """A statement's outputs; those of an equal one if there was one before."""
        key = operation, tuple(map(self._key, operands)), frozen(static)
        if key not in self._known:
            outputs = tuple(map(_variable, results))
            place = self.place()
            for variable in outputs:
                variable.place = place
            self.statements.append(Statement(operation, operands, static, outputs))
            self._known[key] = outputs
        return self._known[key]

    def _key(self, x: Operand) -> Any:
        return (type(x.value), repr(x.value)) if isinstance(x, Literal) else x

    def _slotted(self, value: Any, arrays: list[Any]) -> Any:
        """A keyword's value with slots for the arrays in it, which become operands."""
        if isinstance(value, TracedArray | Tensor):
            arrays.append(value.data if isinstance(value, Tensor) else value)
            return Slot(len(arrays) - 1)
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return Slot(len(arrays) - 1)
        if isinstance(value, list) and any(isinstance(x, TracedArray | list) for x in value):
            self.refuse(
                "a list of computed arrays is an index", "join them with np.stack first"
            )
        if isinstance(value, list):
            return self._slotted(np.asarray(value), arrays)
        if isinstance(value, tuple):
            return tuple(self._slotted(part, arrays) for part in value)
        return value

    def _wrapped(self, variable: Variable, result: Any) -> Any:
        if isinstance(result, bool | int | float | complex) and not isinstance(result, np.generic):
            return TracedNumber(self, variable, result)
        return TracedArray(self, variable, result)

    # Where

    def place(self) -> str:
        """The line of the user's code that is running, and in which module."""
        file, line = user_line()
        scope = current().scope
        where = f"{file}:{line}" if file else ""
        return f"{where} {scope}" if scope else where

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Say what cannot be compiled, in which line, and what to do.

        Raises:
            TraceError: always.
        """
        raise TraceError(f"jit({self.title}): {said_line()}: {what}; {instead}")


def user_line() -> tuple[str, int]:
    """File and number of the innermost running line that is not minigrad's or NumPy's."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OURS) and not file.startswith("<frozen"):
            return file, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return "", 0


def said_line() -> str:
    """The running line as a message quotes it."""
    return quoted(*user_line())


def quoted(file: str, line: int) -> str:
    """A line of code, and where it stands."""
    text = linecache.getline(file, line).strip()
    return f"{os.path.basename(file)}, line {line}" + (f": `{text}`" if text else "")


def quoted_place(place: str) -> str:
    """The line of a `Variable.place`, as a message quotes it."""
    file, _, line = place.partition(" ")[0].rpartition(":")
    return quoted(file, int(line)) if file else "the function"


def frozen(value: Any) -> Any:
    """A keyword's value as part of a key."""
    if isinstance(value, Mapping):
        return tuple((k, frozen(v)) for k, v in value.items())
    if isinstance(value, tuple | list):
        return type(value).__name__, tuple(map(frozen, value))
    if isinstance(value, slice):
        return "slice", value.start, value.stop, value.step
    if isinstance(value, Slot):
        return value
    return type(value), value


def _value(x: Any) -> Any:
    return x.value if isinstance(x, TracedArray) else x


def _variable(result: Any) -> Variable:
    weak = isinstance(result, bool | int | float | complex) and not isinstance(result, np.generic)
    array = np.asarray(result)
    return Variable(array.shape, array.dtype, weak=weak)


class TracedArray(NDArrayOperatorsMixin):
    """Stands for an array while a function is traced.

    It has a shape and a type, and may be changed in place and looked at through views as
    NumPy's arrays are. Its values are not to be seen.
    """

    __array_priority__ = 500.0
    __slots__ = ("__weakref__", "_base", "_seen", "_variable", "_version", "_view", "trace", "value")
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

    # Its values, which nobody sees

    def _unseen(self, what: str, instead: str) -> NoReturn:
        self.trace.refuse(f"{what} of an array that is not known while it is traced", instead)

    def __bool__(self) -> bool:
        self._unseen(
            "the truth",
            "choose with np.where or np.maximum, or make what decides a static argument",
        )

    def __float__(self) -> float:
        self._unseen("the value, as a Python number,", "keep it an array; use np.sqrt for math.sqrt")

    __int__ = __complex__ = __float__  # type: ignore[assignment]

    def __index__(self) -> int:
        self._unseen(
            "the value, as a whole number,",
            "make it a static argument if it is a size, an axis or a number of steps; "
            "np.take(array, index, axis) indexes a plain array",
        )

    def item(self, *_: Any) -> NoReturn:
        """The value, which is not known."""
        self._unseen("the value", "return the array, and call .item() on the result")

    def tolist(self) -> NoReturn:
        """The values, which are not known."""
        self._unseen("the list", "return the array, and call .tolist() on the result")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._unseen(
            "the values, for an assignment into a plain array or for np.array,",
            "make the array with np.zeros_like(x) or np.stack([…]), and leave out np.asarray",
        )

    def __contains__(self, x: Any) -> bool:
        self._unseen("the entries", "compare with np.any(array == x)")

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
            trace.refuse(f"numpy.{ufunc.__name__}.{method} is called", "write it with other functions")
        else:
            where = kwargs.pop("where", True)
            unknown = kwargs.keys() - {"dtype", "casting"}
            if unknown:
                trace.refuse(f"numpy.{ufunc.__name__}({', '.join(unknown)}=…)", "leave it out")
            result = trace.apply(of_ufunc(ufunc), inputs, kwargs)
            if where is not True:
                if out is None:
                    trace.refuse(f"numpy.{ufunc.__name__}(where=…) without out=", "use np.where")
                result = trace.apply(_operation("where"), (where, result, out[0]))
        if out is None:
            return result
        (target,) = out
        if not isinstance(target, TracedArray):
            trace.refuse(
                f"numpy.{ufunc.__name__}(out=…) writes into a plain array",
                "make it with np.empty_like(x) of an argument, or leave out= out",
            )
        target.write(result)
        return target

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        if any(issubclass(kind, Tensor) for kind in types):
            return NotImplemented
        trace = self.trace
        if function in _OWN:
            return _OWN[function](trace, *args, **kwargs)
        rule = BY_NUMPY.get(function)
        if isinstance(rule, Primitive):
            operands, static = rule.bind(function, args, kwargs)
            return trace.primitive(rule, operands, static)
        if rule is not None:
            return rule(*args, **kwargs)
        if function in _PURE:
            return trace.apply(of_function(function), args, kwargs)
        name = getattr(function, "__name__", str(function))
        trace.refuse(
            f"numpy.{name} of an array that is not known while it is traced",
            "its result, or the shape of it, depends on the values: compute it outside, and pass "
            "it as an argument",
        )

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        if any(isinstance(x, Tensor) for x in operands):
            return NotImplemented
        return self.trace.primitive(primitive, operands, static)

    def __getitem__(self, index: Any) -> TracedArray:
        index = _plain_index(index)
        self._check_index(index)
        operation, static = _operation("getitem"), {"index": index}
        found = self.trace.apply(operation, (self,), static)
        return self._as_view(found, operation, static) if is_basic(index) else found

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
            self.trace.refuse("a mask chooses entries to assign a list of values to", "use np.where")
        self.write(new)

    def _check_index(self, index: Any) -> None:
        if _is_mask(index):
            self.trace.refuse(
                "a mask chooses some entries, whose number is not known",
                "multiply by the mask, or use np.where(mask, x, 0)",
            )

    def _as_view(
        self, found: TracedArray, operation: Operation, static: Mapping[str, Any]
    ) -> TracedArray:
        """A result that shares memory with this array, as NumPy's does."""
        if isinstance(found.value, np.ndarray) and np.may_share_memory(found.value, self.value):
            return TracedArray(self.trace, found.variable, found.value, self, (operation, static))
        return found

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
        if not order:
            return self._viewed("transpose", axes=None)
        return self._viewed("transpose", axes=tuple(int(a) % self.ndim for a in order))

    def swapaxes(self, axis1: int, axis2: int) -> TracedArray:
        """Two axes exchanged."""
        return self._viewed("swapaxes", axis1=axis1, axis2=axis2)

    def _viewed(self, name: str, **static: Any) -> TracedArray:
        operation = _operation(name)
        return self._as_view(self.trace.apply(operation, (self,), static), operation, static)

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
        return np.sum(self, axis=axis, **keywords)  # type: ignore[call-overload]

    def max(self, axis: Any = None, **keywords: Any) -> TracedArray:
        """Largest entry along ``axis``."""
        return np.max(self, axis=axis, **keywords)  # type: ignore[call-overload]

    def min(self, axis: Any = None, **keywords: Any) -> TracedArray:
        """Smallest entry along ``axis``."""
        return np.min(self, axis=axis, **keywords)  # type: ignore[call-overload]

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            function = getattr(np, name)
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


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
TracedNumber.__neg__ = lambda self: self._arithmetic("neg", self)  # type: ignore[method-assign]
TracedNumber.__abs__ = lambda self: self._arithmetic("abs", self)  # type: ignore[method-assign]


class TracedGenerator:
    """Stands for a generator of random numbers: its draws are part of the program."""

    __slots__ = ("trace", "value", "variable")

    def __init__(self, trace: Trace, variable: Variable, value: np.random.Generator) -> None:
        self.trace, self.variable, self.value = trace, variable, value

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
        return function(*map(_value, args), **kwargs)

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
