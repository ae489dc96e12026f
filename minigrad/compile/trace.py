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
import math
import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from minigrad.compile.backends import chosen_backend
from minigrad.compile.closure import is_library
from minigrad.compile.operations import (
    CHECK,
    DRAW,
    PUT,
    Operation,
    backward_of,
    of_primitive,
    opaque,
    saving_of,
)
from minigrad.compile.program import Literal, Operand, Program, Slot, Statement, Variable, run
from minigrad.compile.traced_array import (
    TracedArray,
    TracedCall,
    TracedGenerator,
    TracedNumber,
    value_of,
)
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.scope import current
from minigrad.tensor import Tensor

_PLAIN = (int, float, bool, str, type(None))
_SCORES = 2**22  # of attention, above which they are not kept in memory


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
        whole: whether layers and blocks with a fast backward pass of their own stay one operation;
            else everything is written down in NumPy's functions.
    """

    def __init__(self, title: str, *, whole: bool = True) -> None:
        self.title, self.whole = title, whole
        self.inputs: list[Variable] = []
        self.statements: list[Statement] = []
        self.is_open = True
        self.refused: TraceError | None = None  # also if the user's code has caught it
        self.outside: list[weakref.ref[np.ndarray]] = []  # arrays that are constants
        self.through: Variable | None = None  # see `Variable`
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

    def number(self, value: complex, name: str | None = None) -> TracedNumber:
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

    def lifted(self, array: np.ndarray) -> TracedArray:
        """A constant, as an array that can be read at places that are not known."""
        return TracedArray(self, self._constant(array), array.copy())

    def program(self, outputs: Sequence[Operand]) -> Program:
        """What was written down, with these outputs."""
        return Program(tuple(self.inputs), list(self.statements), tuple(outputs))

    def _constant(self, array: np.ndarray) -> Variable:
        if array.dtype == object:
            self.refuse("an array of Python objects is used", "convert it to numbers first")
        digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
        key = array.shape, array.dtype, digest
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        if root.flags.writeable:
            self.outside.append(weakref.ref(root))
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
        result = run(operation, [value_of(x) for x in arrays], kept)
        variables = tuple(self.operand(x) for x in arrays)
        outputs = self._statement(operation, variables, kept, (result,))
        base = operands[0] if len(operands) == 1 else None
        if isinstance(base, TracedArray) and _is_view(result, base.value):
            return TracedArray(self, outputs[0], result, base, (operation, static or {}))
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

    def check(self, condition: Any, error: Callable[..., Exception], arrays: Sequence[Any]) -> None:
        """What raises an error later, unless it does so now."""
        run(CHECK, [value_of(x) for x in (condition, *arrays)], {"error": error})
        variable = Variable((), None, place=self.place())
        operands = tuple(self.operand(x) for x in (condition, *arrays))
        self.statements.append(Statement(CHECK, operands, {"error": error}, (variable,)))

    def primitive(
        self, primitive: Primitive, operands: Sequence[Any], static: Mapping[str, Any]
    ) -> Any:
        """A primitive: as one operation, or as what it is made of."""
        known = of_primitive(primitive)
        if known is not None:
            return self.apply(known, operands, static)
        if primitive.name == "updated":
            return self.apply(PUT, operands, {**static, "add": False})
        if self.whole and primitive.saving is not None and _stays_whole(primitive, operands):
            return self._forward(primitive, operands, static)
        if primitive.kind in ("elementwise", "fused"):
            return primitive.forward(*operands, **static)
        return self.apply(opaque(primitive), operands, static)

    def _forward(
        self, primitive: Primitive, operands: Sequence[Any], static: Mapping[str, Any]
    ) -> TracedArray:
        """A primitive's own forward pass, with what it keeps for the backward pass."""
        arrays = list(operands)
        kept = {k: self._slotted(v, arrays) for k, v in static.items()}
        operation = saving_of(primitive)
        results = run(operation, [value_of(x) for x in arrays], kept)
        variables = tuple(self.operand(x) for x in arrays)
        y, saved = self._statement(operation, variables, kept, results)
        found = TracedArray(self, y, results[0])
        found.saved = TracedCall(self, primitive, saved, results[1], operands, static)
        return found

    def pull(self, call: TracedCall, g: Any, y: Any) -> list[Any]:
        """A primitive's own backward pass."""
        arrays = [g, y, call, *call.operands]
        kept = {k: self._slotted(v, arrays) for k, v in call.static.items()}
        operation, backward = backward_of(call.primitive), call.primitive.backward
        assert backward is not None
        values = [value_of(x) for x in (g, y, call, *call.operands)]
        parts = backward(*values, **_values(call.static))
        variables = tuple(
            x.variable if isinstance(x, TracedCall) else self.operand(x) for x in arrays
        )
        found = iter(self._statement(operation, variables, kept, parts))
        return [None if part is None else TracedArray(self, next(found), part) for part in parts]

    def _statement(
        self,
        operation: Operation,
        operands: tuple[Operand, ...],
        static: Mapping[str, Any],
        results: Sequence[Any],
    ) -> tuple[Variable, ...]:
        """A statement's outputs; those of an equal one if there was one before."""
        key = operation, tuple(map(self._key, operands)), frozen(static) if static else ()
        if key not in self._known:
            outputs = tuple(_variable(result) for result in results if result is not None)
            place = self.place()
            for variable in outputs:
                variable.place, variable.through = place, self.through
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
            self.refuse("a list of computed arrays is an index", "join them with np.stack first")
        if isinstance(value, list):
            return self._slotted(np.asarray(value), arrays)
        if isinstance(value, tuple):
            return tuple(self._slotted(part, arrays) for part in value)
        return value

    def _wrapped(self, variable: Variable, result: Any) -> Any:
        if isinstance(result, bool | int | float | complex) and not isinstance(result, np.generic):
            return TracedNumber(self, variable, result)
        return TracedArray(self, variable, result)

    def looked(self, seen: Any, what: str, instead: str) -> Any:
        """The code looks at values: of a traced array, or of those in a nest.

        Raises:
            TraceError: what depends on them would hold for this call only.
        """
        self.refuse(what, instead)

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
        self.refused = TraceError(f"jit({self.title}): {said_line()}: {what}; {instead}")
        raise self.refused


def _is_view(result: Any, of: Any) -> bool:
    """Whether a result has the memory of what it was made of."""
    return (
        isinstance(result, np.ndarray) and result.base is not None
        and isinstance(of, np.ndarray) and np.may_share_memory(result, of)
    )  # fmt: skip


def _stays_whole(primitive: Primitive, operands: Sequence[Any]) -> bool:
    """Whether its own forward and backward pass are better than what it is made of.

    So are the kernels of cells, and attention by blocks, which keeps no scores in memory. Only
    where loops over scores are compiled, and these are not too many, are such loops faster.
    """
    if primitive.name != "flash_attention":
        return PRIMITIVES.get(primitive.name) is not primitive
    q, k = (np.shape(value_of(x)) for x in operands[:2])
    dtype = np.result_type(*map(value_of, operands))
    return not chosen_backend(dtype).loops or math.prod(q[:-1]) * k[-2] > _SCORES


def user_line() -> tuple[str, int]:
    """File and number of the innermost running line that is no library's."""
    frame = sys._getframe(1)
    while frame is not None:
        if not is_library(frame.f_globals.get("__name__")):
            return frame.f_code.co_filename, frame.f_lineno
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
    if type(value) in _PLAIN:
        return type(value), value
    if isinstance(value, Mapping):
        return tuple((k, frozen(v)) for k, v in value.items())
    if isinstance(value, tuple | list):
        return type(value).__name__, tuple(map(frozen, value))
    if isinstance(value, slice):
        return "slice", value.start, value.stop, value.step
    if callable(value):
        return getattr(value, "__qualname__", value)  # functions that are made anew in each run
    return value if isinstance(value, Slot) else (type(value), value)


def _values(static: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords with the arrays that are behind traced ones."""

    def value(x: Any) -> Any:
        return tuple(map(value, x)) if isinstance(x, tuple) else value_of(x)

    return {name: value(x) for name, x in static.items()}


def _variable(result: Any) -> Variable:
    if not isinstance(result, np.ndarray | np.generic | bool | int | float | complex):
        return Variable((), None)  # what a forward pass kept
    weak = isinstance(result, bool | int | float | complex) and not isinstance(result, np.generic)
    array = np.asarray(result)
    return Variable(array.shape, array.dtype, weak=weak)
