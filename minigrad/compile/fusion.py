"""Statements that hold entry by entry, and sums along axes, gathered into loops.

A loop goes over the entries of one space. Its statements are done entry after entry, so what only
they read never stands in memory. Sums and extremes over the last axes are complete before the
statements that read them: the loop over these axes is then gone through again, in phases, while
its part of every array is still in the cache. So softmax, layer norm and what surrounds them are
one loop over rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from minigrad.compile.program import Literal, Operand, Program, Statement, Variable
from minigrad.primitives.axes import axes_of

_TILE = 2**16  # entries that may be worked on in phases: they are to stay in the cache
_ARRAYS = 24  # in memory, for one loop
_PAIRS = 128  # of arrays that must not overlap: LLVM checks no more before a loop it vectorises
_REDUCTIONS = frozenset({"sum", "max", "min"})
Dims = tuple[int | None, ...]
"""For each axis of an array the axis of the loop's space; ``None`` for one of length 1."""


@dataclass(eq=False)
class Loop:
    """Some statements over one space.

    Attributes:
        space: lengths of the axes.
        statements: in order.
        dims: where the axes of each variable lie that it reads or computes.
        first: the first axis that is gone through in phases; all before are outside of them.
        phase: of each variable that it computes.
        reduced: for each sum or extreme the axes of the space that it goes over.
        alias: reshaped forms of what it computes, that only have other axes of length 1.
    """

    space: tuple[int, ...]
    statements: list[Statement] = field(default_factory=list)
    dims: dict[Variable, Dims] = field(default_factory=dict)
    first: int = 0
    phase: dict[Variable, int] = field(default_factory=dict)
    reduced: dict[Variable, frozenset[int]] = field(default_factory=dict)
    alias: dict[Variable, Variable] = field(default_factory=dict)

    @property
    def made(self) -> Collection[Variable]:
        """What it computes."""
        return self.phase.keys()

    def copy(self) -> Loop:
        """The same, to try something with."""
        return Loop(self.space, list(self.statements), dict(self.dims), self.first,
                    dict(self.phase), dict(self.reduced), dict(self.alias))  # fmt: skip

    def take(self, other: Loop) -> None:
        """Become like another."""
        self.space, self.statements, self.dims = other.space, other.statements, other.dims
        self.first, self.phase = other.first, other.phase
        self.reduced, self.alias = other.reduced, other.alias

    def reads(self) -> list[Variable]:
        """What it reads and does not compute, in order."""
        return list(dict.fromkeys(
            x for s in self.statements for x in s.operands
            if isinstance(x, Variable) and x not in self.phase
        ))  # fmt: skip

    def along(self, x: Variable) -> frozenset[int]:
        """The axes of the space along which a variable changes."""
        return frozenset(d for d in self.dims[x] if d is not None)


@dataclass(eq=False)
class Single:
    """A statement by itself."""

    statement: Statement

    @property
    def statements(self) -> list[Statement]:
        """The one statement."""
        return [self.statement]


Item = Loop | Single


def fused(program: Program, known: Collection[str], views: Collection[Variable]) -> list[Item]:
    """The program as loops and statements by themselves, in an order in which they can run.

    Args:
        program: the statements.
        known: elementwise operations that a loop can do.
        views: variables that are views of others: their statements compute nothing.
    """
    return _Fusion(program, known, views).run()


def _numbers_first(program: Program) -> list[Statement]:
    """The statements, Python's own arithmetic before all others."""
    early: list[Statement] = []
    known = {*program.inputs}
    for s in program.statements:
        if s.operation.kind == "number" and all(
            isinstance(x, Literal) or x in known for x in s.operands
        ):
            early.append(s)
            known.update(s.outputs)
    moved = set(map(id, early))
    return [*early, *(s for s in program.statements if id(s) not in moved)]


class _Fusion:
    def __init__(
        self, program: Program, known: Collection[str], views: Collection[Variable]
    ) -> None:
        self.program, self.known, self.views = program, known, views
        self.items: list[Item] = []
        self.position: dict[Variable, int] = {}  # number of the item that a variable is ready after
        self.owner: dict[Variable, Loop] = {}
        self.number: dict[Loop, int] = {}
        self.having: dict[Variable, set[Loop]] = {}  # loops that read or make a variable
        self.viewed: dict[Variable, Variable] = {}  # what a view is a view of
        self.readers: dict[Operand, set[Statement | None]] = {x: {None} for x in program.outputs}
        for statement in program.statements:
            for x in statement.operands:
                self.readers.setdefault(x, set()).add(statement)

    def run(self) -> list[Item]:
        for statement in _numbers_first(self.program):
            if not self._joined(statement):
                self._alone(statement)
        self.items = [item for item in self.items if item.statements]
        for item in self.items:
            if isinstance(item, Loop) and not any(item.phase.values()):
                item.first = 0  # nothing waits for a sum
        return self.items

    def _alone(self, statement: Statement) -> None:
        if statement.outputs[0] in self.views:  # ready as soon as what it is a view of
            (x,) = statement.operands
            assert isinstance(x, Variable)
            self.position[statement.output] = self.position.get(x, -1)
            self.viewed[statement.output] = self.viewed.get(x, x)
            if x in self.owner and statement.operation.name == "reshape":
                self._aliased(statement.output, x, self.owner[x])
        else:
            for x in statement.outputs:
                self.position[x] = len(self.items)
        self.items.append(Single(statement))

    def _joined(self, statement: Statement) -> bool:
        """Put a statement into a loop, an old one or a new."""
        space = self._space(statement)
        if space is None:
            return False
        operands = [x for x in statement.operands if isinstance(x, Variable)]
        owners = self._merged([self.owner[x] for x in operands if x in self.owner])
        for loop in self._candidates(operands, owners):
            number = self.number[loop]
            if self._ready(operands, loop, number) and self._join(loop, statement, space):
                self._note(statement, loop, number)
                return True
        loop = Loop(space, first=len(space))
        if not self._join(loop, statement, space):
            return False
        self.number[loop] = len(self.items)
        self.items.append(loop)
        self._note(statement, loop, self.number[loop])
        return True

    def _candidates(self, operands: Sequence[Variable], owners: Collection[Loop]) -> list[Loop]:
        """Loops that have to do with a statement's operands and run when these are there."""
        earliest = max((self.position.get(x, -1) for x in operands if x not in self.owner),
                       default=-1)  # fmt: skip
        found = {*owners, *(loop for x in operands for loop in self.having.get(x, ()))}
        return sorted(
            (loop for loop in found if loop.statements and self.number[loop] >= earliest),
            key=lambda loop: -self.number[loop],
        )

    def _merged(self, owners: Sequence[Loop]) -> set[Loop]:
        """The loops that made a statement's operands: as one, if one can do what all do."""
        loops = sorted(set(owners), key=self.number.__getitem__)
        for later in loops[:0:-1]:
            for loop in loops[: loops.index(later)]:
                if loop.statements and self._moved(later, loop):
                    break
        return {loop for loop in loops if loop.statements}

    def _moved(self, later: Loop, loop: Loop) -> bool:
        """Let an earlier loop do what a later one does, if it can."""
        number = self.number[loop]
        reads = later.reads()
        if not self._ready(reads, loop, number) or later.alias:
            return False
        trial = loop.copy()
        for statement in later.statements:
            space = self._space(statement)
            if space is None or not self._join(trial, statement, space):
                return False
        loop.take(trial)
        for statement in later.statements:
            self._note(statement, loop, number)
        later.take(Loop(()))
        for view, base in self.viewed.items():
            if self.owner.get(base) is loop:
                self.position[view] = number
        return True

    def _note(self, statement: Statement, loop: Loop, number: int) -> None:
        self.position[statement.output] = number
        self.owner[statement.output] = loop
        for x in (*statement.operands, statement.output):
            if isinstance(x, Variable):
                self.having.setdefault(x, set()).add(loop)

    def _ready(self, operands: Sequence[Variable], loop: Loop, number: int) -> bool:
        """Whether all operands are there when the loop runs, or are its own."""
        return all(self.owner.get(x) is loop or self.position.get(x, -1) < number for x in operands)

    def _space(self, statement: Statement) -> tuple[int, ...] | None:
        """The space over which a statement goes; ``None`` for one that no loop can do."""
        operation = statement.operation
        if len(statement.outputs) != 1 or not _is_plain(statement.output):
            return None
        if not all(_is_plain(x) for x in statement.operands) or not statement.output.size:
            return None
        if operation.kind == "elementwise" and operation.name in self.known:
            if statement.static and operation.name != "astype":
                return None
            return statement.output.shape
        if operation.name in _REDUCTIONS and set(statement.static) <= {"axis", "keepdims"}:
            (x,) = statement.operands
            return x.shape if isinstance(x, Variable) and x.size else None
        return None

    def _aliased(self, output: Variable, x: Variable, loop: Loop) -> None:
        """A reshaped form of what a loop computes: it may read that too."""
        axes = [d for d in loop.dims[x] if d is not None]
        if [n for n in output.shape if n != 1] != [loop.space[d] for d in axes]:
            return
        remaining = iter(axes)
        loop.dims[output] = tuple(None if n == 1 else next(remaining) for n in output.shape)
        loop.phase[output] = loop.phase[x]
        loop.alias[output] = loop.alias.get(x, x)
        if x in loop.reduced:
            loop.reduced[output] = loop.reduced[x]
        self.owner[output] = loop
        self.having.setdefault(output, set()).add(loop)

    # Whether a statement fits into a loop

    def _join(self, loop: Loop, statement: Statement, space: tuple[int, ...]) -> bool:
        aligned = self._aligned(loop, statement, space)
        if aligned is None:
            return False
        grown, mine = aligned
        found = dict(loop.dims)
        for x in statement.operands:
            if isinstance(x, Variable):
                at = _of_operand(x.shape, mine)
                if at is None or found.setdefault(x, at) != at:
                    return False
        read = sum(x not in loop.phase for x in found)
        if read > _ARRAYS or len(loop.phase) > 4 * _ARRAYS or (
            len(loop.phase) > 8 and self._pairs(loop, statement, read) > _PAIRS
        ):  # fmt: skip
            return False
        first, phase = loop.first, 0
        for x in statement.operands:
            if isinstance(x, Variable) and x in loop.phase:
                phase = max(phase, loop.phase[x] + (x in loop.reduced))
                first = min([first, *loop.reduced.get(x, ())])
        reduced: frozenset[int] = frozenset()
        output = statement.output
        if statement.operation.name in _REDUCTIONS:
            axes = axes_of(statement.static.get("axis"), len(space))
            reduced = frozenset(d for k, d in enumerate(mine) if k in axes and d is not None)
            if not reduced:
                return False
            if statement.operation.name != "sum":  # of extremes no part is kept from outside
                first = min([first, *reduced])
            kept = statement.static.get("keepdims")
            mine = tuple(
                None if k in axes else d for k, d in enumerate(mine) if kept or k not in axes
            )
        else:  # what does not change along an axis is computed once for it
            missing = {d for d, n in enumerate(grown) if n != 1} - set(mine)
            first = min([first, *missing])
            if not any(d is not None for d in mine):
                return False
        outer = {d for d in range(first) if grown[d] != 1}
        if prod(grown[first:]) > _TILE and first < len(grown):
            return False
        if not reduced and not outer.issubset(mine):
            return False
        loop.space, loop.dims, loop.first = grown, {**found, output: mine}, first
        loop.phase[output] = phase
        if reduced:
            loop.reduced[output] = reduced
        loop.statements.append(statement)
        return True

    def _pairs(self, loop: Loop, statement: Statement, read: int) -> int:
        """Of how many pairs of arrays at least one is written, if it does this statement too."""
        inside = {*loop.statements, statement}
        kept = sum(not self.readers[x] <= inside for x in loop.phase if x in self.readers) + 1
        return kept * read + kept * (kept - 1) // 2

    def _aligned(
        self, loop: Loop, statement: Statement, space: tuple[int, ...]
    ) -> tuple[tuple[int, ...], Dims] | None:
        """The loop's space with this statement, and where the statement's own axes lie in it."""
        for x in statement.operands:
            if isinstance(x, Variable) and x in loop.phase and x.shape == space:
                return loop.space, loop.dims[x]
        n, m = len(loop.space), len(space)
        if m > n:
            return None
        grown = list(loop.space)
        mine: list[int | None] = []
        for k, length in enumerate(space):
            d = n - m + k
            if length == 1:
                mine.append(None)
            elif grown[d] in (1, length):
                grown[d] = length
                mine.append(d)
            else:
                return None
        return tuple(grown), tuple(mine)


def _of_operand(shape: tuple[int, ...], mine: Dims) -> Dims | None:
    """Where the axes of an operand lie, that is broadcast to a statement's own axes."""
    found: list[int | None] = []
    for length, d in zip(shape, mine[len(mine) - len(shape) :], strict=True):
        if length != 1 and d is None:
            return None
        found.append(None if length == 1 else d)
    return tuple(found)


def _is_plain(x: Operand) -> bool:
    """Whether a loop can read or write it: real numbers and booleans."""
    dtype = x.dtype
    return dtype is not None and dtype.kind in "fiub" and dtype.itemsize in (1, 2, 4, 8) and (
        dtype != np.float16
    )  # fmt: skip
