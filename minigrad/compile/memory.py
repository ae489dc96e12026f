"""Where the arrays of a program lie: in one piece of memory, used again and again.

An array that is not returned lives from the statement that computes it to the last that reads it,
or a view of it. In between its place belongs to it alone; an operation entry by entry may write
into the place of an operand that nobody needs any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from minigrad.compile.program import Literal, Program, Statement, Variable

_ALIGN = 64  # bytes; a line of the cache
VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "getitem", "swapaxes"})


@dataclass
class Memory:
    """A plan.

    Attributes:
        root: the array that a variable is a view of; itself for one that is no view.
        place: the offset, in bytes, of each root that lies in the shared piece.
        size: bytes of that piece.
        fresh: roots that get memory of their own in each call, as they are returned.
        inside: roots that are written into the array of an input, by that input.
    """

    root: dict[Variable, Variable] = field(default_factory=dict)
    place: dict[Variable, int] = field(default_factory=dict)
    size: int = 0
    fresh: set[Variable] = field(default_factory=set)
    inside: dict[Variable, Variable] = field(default_factory=dict)

    def shares(self, one: Variable, other: Variable) -> bool:
        """Whether two variables may lie at the same place, as far as views are concerned."""
        return self.root.get(one, one) is self.root.get(other, other)


def roots(program: Program) -> dict[Variable, Variable]:
    """For every variable the array whose memory it shares, as NumPy makes views."""
    found = {x: x for x in (*program.inputs, *program.constants())}
    shapes = {x: np.empty(x.shape, x.dtype) for x in found if x.dtype is not None}
    for statement in program.statements:
        for output in statement.outputs:
            found[output] = output
            if output.dtype is not None:
                shapes[output] = np.empty(output.shape, output.dtype)
        if statement.operation.name in VIEWS and len(statement.operands) == 1:
            (x,) = statement.operands
            if isinstance(x, Variable) and x in shapes and statement.output.size:
                view = statement.run([shapes[x]])
                if np.may_share_memory(view, shapes[x]):
                    found[statement.output], shapes[statement.output] = found[x], view
    return found


def planned(
    program: Program, shared: Collection[Variable], targets: dict[Variable, Variable]
) -> Memory:
    """Find a place for every array.

    Args:
        program: the statements, in the order in which they will run.
        shared: variables that can be written into a place that is made for them.
        targets: outputs that are to be written into the array of an input, by that input.
    """
    memory = Memory(roots(program))
    last = _last_uses(program, memory)
    memory.fresh = {
        memory.root[x] for x in program.outputs if isinstance(x, Variable)
    } - {*program.inputs}  # fmt: skip
    _inside(program, memory, last, targets)
    free = _Free()
    held: dict[Variable, tuple[int, int]] = {}
    for k, statement in enumerate(program.statements):
        for output in statement.outputs:
            if memory.root[output] is not output or output not in shared:
                continue
            if output in memory.fresh or output in memory.inside or not output.nbytes:
                continue
            heir = _in_place(statement, k, memory, last, held)
            if heir is not None:
                held[output] = held.pop(heir)
            else:
                held[output] = free.take(output.nbytes)
            memory.place[output] = held[output][0]
        for variable in [v for v in held if last.get(v, k) <= k]:
            free.give(*held.pop(variable))
    memory.size = free.end
    return memory


def _last_uses(program: Program, memory: Memory) -> dict[Variable, int]:
    """The number of the last statement that reads an array, or a view of it."""
    last: dict[Variable, int] = {}
    for k, statement in enumerate(program.statements):
        for x in statement.operands:
            if isinstance(x, Variable):
                last[memory.root[x]] = k
    for x in program.outputs:
        if isinstance(x, Variable):
            last[memory.root[x]] = len(program.statements)
    return last


def _in_place(
    statement: Statement,
    k: int,
    memory: Memory,
    last: dict[Variable, int],
    held: dict[Variable, tuple[int, int]],
) -> Variable | None:
    """An operand whose place the result may take."""
    operation, output = statement.operation, statement.output
    if operation.kind != "elementwise" and operation.name != "put":
        return None
    operands = [x for x in statement.operands if isinstance(x, Variable)]
    for x in operands if operation.kind == "elementwise" else operands[:1]:
        if (
            x in held
            and last[x] == k
            and x.shape == output.shape
            and x.dtype == output.dtype
            and not any(y is not x and memory.shares(x, y) for y in operands)
        ):
            return x
    return None


def _inside(
    program: Program, memory: Memory, last: dict[Variable, int], targets: dict[Variable, Variable]
) -> None:
    """Write new values of arrays that change into those, where nobody reads the old any more."""
    made = {v: k for k, s in enumerate(program.statements) for v in s.outputs}
    outputs = [x for x in program.outputs if isinstance(x, Variable)]
    for output, target in targets.items():
        chain = [output]
        if memory.root.get(output) is not output or outputs.count(output) != 1:
            continue
        if output not in made or any(memory.shares(target, x) for x in outputs if x is not output):
            continue
        # Back along the operations that can take their operand's place
        while True:
            statement = program.statements[made[chain[-1]]]
            nxt = next((
                x for x in statement.operands
                if isinstance(x, Variable) and x in made and x.shape == target.shape
                and x.dtype == target.dtype and last[x] == made[chain[-1]]
                and memory.root[x] is x and x not in memory.fresh
                and statement.operation.kind == "elementwise"
            ), None)  # fmt: skip
            if nxt is None or last.get(target, -1) > made[nxt]:
                break
            chain.append(nxt)
        first = program.statements[made[chain[-1]]]
        if last.get(target, -1) > made[chain[-1]] or first.operation.kind != "elementwise":
            continue
        if any(
            y is not target and isinstance(y, Variable) and memory.shares(y, target)
            for y in first.operands
        ):
            continue
        for variable in chain:
            memory.inside[variable] = target
            memory.fresh.discard(variable)


class _Free:
    """Free pieces of one stretch of memory."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, int]] = []
        self.end = 0

    def take(self, size: int) -> tuple[int, int]:
        """The smallest free piece that is large enough, as (offset, size)."""
        size = -(-size // _ALIGN) * _ALIGN
        fitting = [piece for piece in self.pieces if piece[1] >= size]
        if fitting:
            start, length = min(fitting, key=lambda piece: piece[1])
            self.pieces.remove((start, length))
            if length > size:
                self.pieces.append((start + size, length - size))
            return start, size
        start = self.end
        if self.pieces and max(self.pieces)[0] + max(self.pieces)[1] == self.end:
            start = max(self.pieces)[0]  # the last piece grows
            self.pieces.remove(max(self.pieces))
        self.end = start + size
        return start, size

    def give(self, start: int, size: int) -> None:
        """Take a piece back, and join it with its neighbours."""
        joined: list[tuple[int, int]] = []
        for piece in sorted([*self.pieces, (start, size)]):
            if joined and joined[-1][0] + joined[-1][1] == piece[0]:
                joined[-1] = joined[-1][0], joined[-1][1] + piece[1]
            else:
                joined.append(piece)
        self.pieces = joined
