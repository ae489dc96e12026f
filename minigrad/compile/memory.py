"""Where the arrays of a program lie: in one piece of memory, used again and again.

An array that is not returned lives from the item that computes it to the last that reads it, or a
view of it. In between its place belongs to it alone; an operation entry by entry may write into
the place of an operand that nobody needs any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minigrad.compile.fusion import Item, Loop
from minigrad.compile.program import Program, Variable

_ALIGN = 64  # bytes; a line of the cache
VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "getitem", "swapaxes"})


@dataclass(frozen=True)
class Layout:
    """How a variable lies in memory.

    Attributes:
        root: the array that it is a view of; itself for one that is no view.
        offset: of its first entry in that, in entries.
        strides: from one entry to the next, along each axis.
    """

    root: Variable
    offset: int
    strides: tuple[int, ...]


@dataclass
class Memory:
    """A plan.

    Attributes:
        layout: of every variable.
        place: the offset, in bytes, of each root that lies in the shared piece.
        size: bytes of that piece.
        fresh: roots that get memory of their own in each call, as they are returned.
        inside: roots that are written into the array of an input, by that input.
        kept: what loops compute that others read, so that it has to stand in memory.
    """

    layout: Mapping[Variable, Layout]
    place: dict[Variable, int] = field(default_factory=dict)
    size: int = 0
    fresh: set[Variable] = field(default_factory=set)
    inside: dict[Variable, Variable] = field(default_factory=dict)
    kept: set[Variable] = field(default_factory=set)

    def root(self, x: Variable) -> Variable:
        """The array that a variable is a view of."""
        return self.layout[x].root if x in self.layout else x


def layouts(program: Program) -> dict[Variable, Layout]:
    """How every variable lies in memory, as NumPy makes views; arrays lie in their own order."""
    arrays: dict[Variable, np.ndarray] = {}
    found: dict[Variable, Layout] = {}

    def whole(x: Variable) -> None:
        if x.dtype is None:
            found[x] = Layout(x, 0, ())
            return
        arrays[x] = np.empty(x.shape, x.dtype)
        size = x.dtype.itemsize
        found[x] = Layout(x, 0, tuple(s // size for s in arrays[x].strides))

    for x in (*program.inputs, *program.constants()):
        whole(x)
    for statement in program.statements:
        if statement.operation.name in VIEWS and len(statement.operands) == 1:
            (given,) = statement.operands
            if isinstance(given, Variable) and given in arrays and statement.output.size:
                view = statement.run([arrays[given]])
                if np.may_share_memory(view, arrays[given]):
                    root = found[given].root
                    start = _address(view) - _address(arrays[root])
                    strides = tuple(s // view.itemsize for s in view.strides)
                    found[statement.output] = Layout(root, start // view.itemsize, strides)
                    arrays[statement.output] = view
                    continue
        for output in statement.outputs:
            whole(output)
    return found


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def planned(
    program: Program,
    items: Sequence[Item],
    layout: Mapping[Variable, Layout],
    shared: Collection[Variable],
    targets: Mapping[Variable, Variable],
    scratch: Callable[[Loop, Collection[Variable]], Collection[Variable]] = lambda *_: (),
) -> Memory:
    """Find a place for every array.

    Args:
        program: what is computed.
        items: its statements, in the order in which they will run.
        layout: of its variables.
        shared: variables that can be written into a place that is made for them.
        targets: outputs that are to be written into the array of an input, by that input.
        scratch: memory that a loop needs while it runs, given what else it keeps.
    """
    return _Planning(program, items, Memory(layout), set(shared), targets).run(scratch)


class _Planning:
    def __init__(
        self, program: Program, items: Sequence[Item], memory: Memory, shared: set[Variable],
        targets: Mapping[Variable, Variable],
    ) -> None:  # fmt: skip
        self.program, self.items, self.memory = program, items, memory
        self.shared, self.targets = shared, targets
        self.outputs = [x for x in program.outputs if isinstance(x, Variable)]
        self.last: dict[Variable, int] = {}  # the number of the last item that reads a root
        self.made: dict[Variable, int] = {}
        checks = (k for k, item in enumerate(items)
                  if any(s.operation.kind == "check" for s in item.statements))  # fmt: skip
        self.checked = max(checks, default=-1)  # the last item that may end the run by an error

    def run(self, scratch: Callable[[Loop, Collection[Variable]], Collection[Variable]]) -> Memory:
        memory = self.memory
        self._uses()
        self.asked = {memory.root(x) for x in self.outputs}
        memory.fresh = self.asked - {*self.program.inputs, *self.program.constants()}
        for output, target in self.targets.items():
            self._inside(output, target)
        free = _Free()
        held: dict[Variable, tuple[int, int]] = {}
        ending: dict[int, list[Variable]] = {}  # by the number of the last item that reads them
        for k, item in enumerate(self.items):
            pieces = []
            for output in self._written(item):
                if output in memory.fresh or output in memory.inside or not output.nbytes:
                    continue
                heir = self._heir(item, k, output, held)
                held[output] = free.take(output.nbytes) if heir is None else held.pop(heir)
                memory.place[output] = held[output][0]
                ending.setdefault(max(self.last.get(output, k), k), []).append(output)
            if isinstance(item, Loop):
                for variable in scratch(item, memory.kept):
                    pieces.append(free.take(variable.nbytes))
                    memory.place[variable] = pieces[-1][0]
            for piece in pieces:
                free.give(*piece)
            for variable in ending.pop(k, ()):
                if variable in held:  # none has taken its place over
                    free.give(*held.pop(variable))
        memory.size = free.end
        return memory

    def _uses(self) -> None:
        memory = self.memory
        for k, item in enumerate(self.items):
            own = item.made if isinstance(item, Loop) else ()
            for statement in item.statements:
                for x in statement.operands:
                    if isinstance(x, Variable):
                        root = memory.root(x)
                        self.last[root] = k
                        if x not in own:
                            memory.kept.add(root)
                for output in statement.outputs:
                    self.made[output] = k
        for x in self.outputs:
            self.last[memory.root(x)] = len(self.items)
            memory.kept.add(memory.root(x))

    def _written(self, item: Item) -> list[Variable]:
        """What an item writes into places that are made for it."""
        if isinstance(item, Loop):
            return [x for s in item.statements for x in s.outputs if x in self.memory.kept]
        return [
            x for x in item.statement.outputs
            if x in self.shared and self.memory.root(x) is x
        ]  # fmt: skip

    def _heir(
        self, item: Item, k: int, output: Variable, held: Mapping[Variable, object]
    ) -> Variable | None:
        """An operand whose place the result may take."""
        for x in self._replaceable(item, output):
            if x in held and self.last[x] == k:
                return x
        return None

    def _replaceable(self, item: Item, output: Variable) -> list[Variable]:
        """What an item reads in such an order that the output may be written over it."""
        memory = self.memory
        if isinstance(item, Loop):
            operands = item.reads()
            found = [
                x for x in operands
                if item.dims[x] == item.dims[output] and all(
                    item.phase[s.output] <= item.phase[output]
                    and item.dims[s.output] == item.dims[output]
                    for s in item.statements if x in s.operands and s.output not in item.reduced
                ) and not any(x in s.operands for s in item.statements if s.output in item.reduced)
            ]  # fmt: skip
        else:
            statement = item.statement
            operands = [x for x in statement.operands if isinstance(x, Variable)]
            if statement.operation.kind == "elementwise":
                found = operands
            else:
                found = operands[:1] if statement.operation.name == "put" else []
        return [
            x for x in found
            if memory.root(x) is x and x.shape == output.shape and x.dtype == output.dtype
            and not any(y is not x and memory.root(y) is x for y in operands)
        ]  # fmt: skip

    def _inside(self, output: Variable, target: Variable) -> None:
        """Write the new value of an array that changes into it, if nobody reads the old any more.

        So are, one before the other, the values that it was computed from by operations that can
        take their operand's place. Nothing is changed before all checks have passed.
        """
        memory = self.memory
        if memory.root(output) is not output or self.outputs.count(output) != 1:
            return
        if output not in self.made or (output.shape, output.dtype) != (target.shape, target.dtype):
            return
        if target in self.asked:
            return
        chain = [output]
        while True:
            k = self.made[chain[-1]]
            item = self.items[k]
            can = self._replaceable(item, chain[-1])
            if self.last.get(target, -1) < k or (
                self.last.get(target, -1) == k and (target in can or not self._reads(item, target))
            ):
                break
            before = [x for x in can if x in self.made and self.last[x] == k
                      and x not in memory.fresh]  # fmt: skip
            if not before:
                return
            chain.append(before[0])
        if any(self.made[variable] < self.checked for variable in chain):
            return
        for variable in chain:
            if variable in self.shared or isinstance(self.items[self.made[variable]], Loop):
                memory.inside[variable] = target
                memory.fresh.discard(variable)

    def _reads(self, item: Item, x: Variable) -> bool:
        return any(
            isinstance(y, Variable) and self.memory.root(y) is x
            for s in item.statements for y in s.operands
        )  # fmt: skip


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
        if self.pieces and sum(max(self.pieces)) == self.end:
            start = max(self.pieces)[0]  # the last piece grows
            self.pieces.remove(max(self.pieces))
        self.end = start + size
        return start, size

    def give(self, start: int, size: int) -> None:
        """Take a piece back, and join it with its neighbours."""
        joined: list[tuple[int, int]] = []
        for piece in sorted([*self.pieces, (start, size)]):
            if joined and sum(joined[-1]) == piece[0]:
                joined[-1] = joined[-1][0], joined[-1][1] + piece[1]
            else:
                joined.append(piece)
        self.pieces = joined
