"""A straight-line program over arrays: what a function computes for one signature.

Every statement applies one operation to variables and numbers and gives one variable, or several.
Nothing is ever changed in place: where memory is used again is decided later, see
`minigrad.compile.schedule`. A program can be run in any world, and written in any language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from minigrad.compile.operations import Operation


@dataclass(eq=False, slots=True)
class Variable:
    """One array of a program.

    Attributes:
        shape: lengths of its axes.
        dtype: type of its entries; ``None`` for what is no array, such as what a fused layer
            keeps for its backward pass.
        weak: whether it is a Python number, whose type gives way to that of an array.
        name: what the user's code calls it, if that is known.
        value: the array, of a constant.
        place: where it was first computed, as ``file:line`` and the path of the module.
        through: in a backward pass, the value whose cotangent was on its way when it was computed.
        of: the value whose cotangent it is.
    """

    shape: tuple[int, ...]
    dtype: np.dtype | None
    weak: bool = False
    name: str | None = None
    value: np.ndarray | None = None
    place: str = ""
    through: Variable | None = None
    of: Variable | None = None

    @property
    def size(self) -> int:
        """Number of entries."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def nbytes(self) -> int:
        """Bytes of its entries."""
        return 0 if self.dtype is None else self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        kind = "constant" if self.value is not None else "variable"
        return f"<{kind} {self.name or ''} {self.dtype} {self.shape}>"


@dataclass(frozen=True, slots=True)
class Literal:
    """A number that stands in the program itself.

    Attributes:
        value: a Python number, whose type gives way to an array's, or a NumPy scalar.
    """

    value: Any

    shape = ()

    @property
    def dtype(self) -> np.dtype:
        """The type that NumPy would give it by itself."""
        return np.asarray(self.value).dtype

    @property
    def weak(self) -> bool:
        """Whether its type gives way to an array's."""
        return not isinstance(self.value, np.generic)


Operand = Variable | Literal


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a keyword's value for operand number ``position``: an index that is computed."""

    position: int


@dataclass(frozen=True, eq=False, slots=True)
class Statement:
    """outputs = operation(operands, keywords).

    Attributes:
        operation: what it does.
        operands: variables and numbers; those beyond the operation's own stand in for `Slot`s.
        static: keywords, with `Slot`s in the place of arrays.
        outputs: what it computes.
    """

    operation: Operation
    operands: tuple[Operand, ...]
    static: Mapping[str, Any]
    outputs: tuple[Variable, ...]

    @property
    def output(self) -> Variable:
        """The only variable that it computes."""
        (only,) = self.outputs
        return only

    def run(self, arrays: Sequence[Any]) -> Any:
        """The operation on arrays of any world."""
        return run(self.operation, arrays, self.static)


def run(operation: Operation, arrays: Sequence[Any], static: Mapping[str, Any]) -> Any:
    """An operation on its operands, with those that stand in for slots put into the keywords."""
    if not static:
        return operation.run(*arrays)
    used: set[int] = set()
    filled = {name: _filled(value, arrays, used) for name, value in static.items()}
    return operation.run(*[a for k, a in enumerate(arrays) if k not in used], **filled)


def _filled(value: Any, arrays: Sequence[Any], used: set[int]) -> Any:
    if isinstance(value, Slot):
        used.add(value.position)
        return arrays[value.position]
    if isinstance(value, tuple | list):
        return type(value)(_filled(part, arrays, used) for part in value)
    return value


@dataclass(eq=False)
class Program:
    """Inputs, statements in order, and outputs.

    Attributes:
        inputs: variables that are given.
        statements: in an order in which each follows what it needs.
        outputs: variables and numbers that are asked for.
    """

    inputs: tuple[Variable, ...]
    statements: list[Statement] = field(default_factory=list)
    outputs: tuple[Operand, ...] = ()

    def run(self, arrays: Sequence[Any], convert: Any = None) -> list[Any]:
        """The outputs for these inputs, in the world of the inputs.

        Args:
            arrays: one for each input.
            convert: takes constants and numbers to the world of the inputs; as they are if
                not given.
        """
        convert = convert or (lambda x: x)
        known: dict[Variable, Any] = dict(zip(self.inputs, arrays, strict=True))

        def value(x: Operand) -> Any:
            if isinstance(x, Literal):
                return convert(x.value)
            if x not in known:
                known[x] = convert(x.value)
            return known[x]

        for statement in self.statements:
            result = statement.run([value(x) for x in statement.operands])
            if len(statement.outputs) == 1:
                known[statement.outputs[0]] = result
            else:
                known.update(zip(statement.outputs, result, strict=True))
        return [value(x) for x in self.outputs]

    def constants(self) -> list[Variable]:
        """The arrays that it holds, in the order of their first use."""
        return [
            x for x in dict.fromkeys(self.operands())
            if isinstance(x, Variable) and x.value is not None
        ]  # fmt: skip

    def operands(self) -> Iterator[Operand]:
        """Everything that is read, in order, and the outputs last."""
        for statement in self.statements:
            yield from statement.operands
        yield from self.outputs

    def producers(self) -> dict[Variable, Statement]:
        """The statement that computes each variable."""
        return {v: statement for statement in self.statements for v in statement.outputs}


def needed(statements: Sequence[Statement], wanted: Iterable[Operand]) -> list[Statement]:
    """The statements that lead to what is wanted, in their order; draws and checks are kept."""
    alive = {x for x in wanted if isinstance(x, Variable)}
    kept: list[Statement] = []
    for statement in reversed(statements):
        if statement.operation.kind in ("draw", "check") or not alive.isdisjoint(statement.outputs):
            kept.append(statement)
            alive.update(x for x in statement.operands if isinstance(x, Variable))
    return kept[::-1]
