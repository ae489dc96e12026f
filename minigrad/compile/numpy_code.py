"""A program as NumPy code that runs fast: every result is written into memory that is there.

``make(arena, constants)`` makes all arrays and views once, and returns ``run``, which takes the
inputs and returns the outputs. The readable form is written by `minigrad.compile.readable`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.compile import numpy_runtime
from minigrad.compile.fusion import Item, Loop, Single
from minigrad.compile.memory import VIEWS, Memory, layouts, planned
from minigrad.compile.operations import index_text, never_repeats, written
from minigrad.compile.program import Literal, Operand, Program, Slot, Statement, Variable
from minigrad.primitives.axes import axes_of

_MANY = 1024  # entries from which a sum as a product with ones is faster than NumPy's


@dataclass
class Code:
    """Source, and what its names stand for.

    Attributes:
        text: defines ``make``.
        names: objects that it calls or reads.
        memory: the plan of its memory.
        heap: bytes of the arrays that are made anew in each call, results included.
    """

    text: str
    names: Mapping[str, Any]
    memory: Memory
    heap: int


def into(statement: Statement) -> bool:
    """Whether NumPy can write the result into an array that is there."""
    operation = statement.operation
    if len(statement.outputs) != 1 or statement.output.dtype is None or statement.output.weak:
        return False
    if operation.kind == "elementwise":
        return operation.into or operation.name in ("where", "astype", *_HELPERS)
    if operation.kind == "reduction":
        return set(statement.static) <= {"axis", "keepdims"}
    if operation.name in ("concatenate", "stack", "matmul", "put", "scatter"):
        return True
    return operation.name == "broadcast_to"


_HELPERS = ("sigmoid", "softplus", "erf")
_NAMES: Mapping[str, Any] = {
    "np": np, "dot": np.dot, "matmul": np.matmul, "add_at": numpy_runtime.add_at,
    "owned": numpy_runtime.owned,
    **{f"{name}_into": getattr(numpy_runtime, f"{name}_into") for name in _HELPERS},
}  # fmt: skip


class Writer:
    """Writes a program, item by item.

    Args:
        program: what to compute.
        targets: outputs to be written into the array of an input, by that input.
    """

    def __init__(self, program: Program, targets: Mapping[Variable, Variable]) -> None:
        self.program = program
        layout = layouts(program)
        views = {x for x, at in layout.items() if at.root is not x}
        self.items = self.arranged(views)
        shared = {s.output for s in program.statements if into(s)}
        self.memory = planned(program, self.items, layout, shared, targets, self.scratch)
        self.names: dict[str, Any] = dict(_NAMES)
        self.made: list[str] = []  # lines of make
        self.body: list[str] = []  # lines of run
        self.text: dict[Variable, str] = {}
        self.once: set[Variable] = set()  # made in make
        self.arrays: dict[str, str] = {}  # those that lie in the arena
        self.waiting: dict[Variable, Statement] = {}  # views that nobody has needed so far
        self.heap = 0

    def write(self) -> Code:
        for k, x in enumerate(self.program.inputs):
            self.text[x] = f"x{k}"
        for k, x in enumerate(self.program.constants()):
            self.text[x] = f"c{k}"
            self.once.add(x)
            self.names[f"c{k}"] = x.value
        for item in self.items:
            self.item(item)
        outputs = [self.operand(x) for x in self.program.outputs]
        inputs = ", ".join(self.text[x] for x in self.program.inputs)
        lines = [
            "def make(arena):",
            *(f"    {line}" for line in self.made),
            f"    def run({inputs}):",
            *(f"        {line}" for line in self.body),
            f"        return [{', '.join(outputs)}]",
            "    return run",
        ]
        return Code("\n".join(lines) + "\n", self.names, self.memory, self.heap)

    def arranged(self, views: Collection[Variable]) -> list[Item]:
        """The statements in the order in which they run."""
        return [Single(statement) for statement in self.program.statements]

    def scratch(self, loop: Loop, kept: Collection[Variable]) -> Collection[Variable]:
        """Memory that a loop needs while it runs."""
        return ()

    def item(self, item: Item) -> None:
        """Write one item."""
        for statement in item.statements:
            if statement.operation.name in VIEWS and self.is_view(statement.output):
                self.waiting[statement.output] = statement
            else:
                self.statement(statement)

    def is_view(self, x: Variable) -> bool:
        """Whether it has no memory of its own."""
        return self.memory.root(x) is not x

    # Operands

    def operand(self, x: Operand) -> str:
        if isinstance(x, Literal):
            return self.literal(x.value)
        if x in self.waiting:
            self.view(self.waiting.pop(x))
        return self.text[x]

    def literal(self, value: Any) -> str:
        if not isinstance(value, np.generic):
            if isinstance(value, float) and not np.isfinite(value):
                return self.name(value)
            return repr(value)
        return self.name(value)

    def name(self, value: Any) -> str:
        """A name that stands for an object."""
        if isinstance(value, np.ufunc):
            name = value.__name__
            if getattr(np, name, None) is value:  # and not SciPy's of this name
                self.names[name] = value
                return name
        for name, known in self.names.items():
            if known is value or (
                isinstance(value, np.generic | float) and type(known) is type(value)
                and repr(known) == repr(value)
            ):  # fmt: skip
                return name
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    # Results

    def result(self, statement: Statement) -> str | None:
        """The name of the array to write the result into; ``None`` if there is none."""
        output = statement.output
        memory = self.memory
        if output in memory.inside:
            self.text[output] = self.text[memory.inside[output]]
            return self.text[output]
        if output in memory.place:
            self.text[output] = self.in_arena(output, output.shape)
            self.once.add(output)
            return self.text[output]
        return None

    def in_arena(self, x: Variable, shape: tuple[int, ...]) -> str:
        """The name of an array that lies in the shared piece of memory."""
        start = self.memory.place[x]
        piece = f"arena[{start}:{start + x.nbytes}].view({self.name(x.dtype)}).reshape({shape})"
        if piece not in self.arrays:
            self.arrays[piece] = f"a{len(self.arrays)}"
            self.made.append(f"{self.arrays[piece]} = {piece}")
        return self.arrays[piece]

    def fresh(self, statement: Statement) -> str:
        """The name of a result that NumPy makes itself."""
        name = f"v{len(self.text)}"
        self.text[statement.output] = name
        self.heap += statement.output.nbytes
        return name

    def new(self, statement: Statement) -> str:
        """The name of a result in memory that is made for it in each call."""
        name = self.fresh(statement)
        x = statement.output
        self.body.append(f"{name} = np.empty({x.shape}, {self.name(x.dtype)})")
        return name

    # Statements

    def statement(self, s: Statement) -> None:
        """Write one."""
        operation = s.operation
        operands = [self.operand(x) for x in s.operands]
        if len(s.outputs) > 1 or s.output.dtype is None:
            return self.several(s, operands)
        if operation.kind in ("number", "draw"):
            self.body.append(f"{self.fresh(s)} = {self.expression(s, operands)}")
            return None
        if operation.kind == "elementwise":
            return self.elementwise(s, operands)
        writer = getattr(self, f"_{operation.name}", None)
        if operation.kind == "reduction":
            writer = self.reduction
        if writer is not None and writer(s, operands):
            return None
        found = self.expression(s, operands)
        if operation.kind == "other":  # it may be a view, of memory that others get
            found = f"owned({found})"
        self.body.append(f"{self.fresh(s)} = {found}")
        return None

    def several(self, s: Statement, operands: Sequence[str]) -> None:
        names = []
        for x in s.outputs:
            self.text[x] = f"v{len(self.text)}"
            names.append(self.text[x])
            self.heap += x.nbytes
        self.body.append(f"{', '.join(names)} = {self.call(s, operands)}")

    def expression(self, s: Statement, operands: Sequence[str]) -> str:
        """The statement as an expression, by the operation's own way of writing."""
        if s.operation.kind in ("number", "draw") or s.operation.name in ("getitem", *VIEWS):
            used, static = self.keywords(s, operands)
            return s.operation.write(used, static)
        return self.call(s, operands)

    def keywords(self, s: Statement, operands: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The operands that are the operation's own, and its keywords as text."""
        slots = {k for value in s.static.values() for k in _slots(value)}
        static = {
            k: index_text(v, operands) if k == "index" else written(v, operands)
            for k, v in s.static.items()
        }
        return [x for k, x in enumerate(operands) if k not in slots], static

    def call(self, s: Statement, operands: Sequence[str]) -> str:
        """A call of the operation itself."""
        slots = {k for value in s.static.values() for k in _slots(value)}
        parts = [x for k, x in enumerate(operands) if k not in slots]
        parts += [f"{k}={self.value(v, operands)}" for k, v in s.static.items()]
        return f"{self.name(s.operation.run)}({', '.join(parts)})"

    def value(self, value: Any, operands: Sequence[str]) -> str:
        """A keyword's value."""
        if isinstance(value, Slot):
            return operands[value.position]
        if isinstance(value, tuple):
            return f"({''.join(self.value(part, operands) + ', ' for part in value)})"
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        return self.name(value)

    def view(self, s: Statement) -> None:
        """Make a view, once for all if it is of an array that stays."""
        (x,) = s.operands
        assert isinstance(x, Variable)
        operands = [self.operand(x)]
        name = f"w{len(self.text)}"
        self.text[s.output] = name
        line = f"{name} = {self.expression(s, operands)}"
        if x in self.once:
            self.once.add(s.output)
            self.made.append(line)
        else:
            self.body.append(line)

    def elementwise(self, s: Statement, operands: Sequence[str]) -> None:
        operation, output = s.operation, s.output
        target = self.result(s)
        if isinstance(operation.run, np.ufunc) and not _slots(tuple(s.static.values())):
            keywords = "".join(f", {k}={self.value(v, ())}" for k, v in s.static.items())
            call = self.name(operation.run)
            if target is not None:
                # NumPy 2.4 takes a third argument of these two for another operand
                out = f"out={target}" if call in ("maximum", "minimum") else target
                self.body.append(f"{call}({', '.join([*operands, out])}{keywords})")
            else:
                name = self.fresh(s)
                self.body.append(f"{name} = {call}({', '.join(operands)}{keywords})")
        elif target is None and (not output.shape or not into(s)):
            self.body.append(f"{self.fresh(s)} = {self.call(s, operands)}")
        else:
            self.written_into(s, operands, target or self.new(s))

    def written_into(self, s: Statement, operands: Sequence[str], target: str) -> None:
        """Elementwise operations that are no ufunc."""
        name = s.operation.name
        if name == "where":
            condition, a, b = operands
            mask = s.operands[0]
            if mask.weak or mask.dtype != bool:  # ~True is -2
                condition, negated = f"np.not_equal({condition}, 0)", f"np.equal({condition}, 0)"
            else:
                negated = f"~{condition}"
            if target == a:
                self.body.append(f"np.copyto({target}, {b}, where={negated})")
                return
            if target == operands[0]:
                self.body.append(f"np.copyto({target}, np.where({condition}, {a}, {b}))")
                return
            if target != b:
                self.body.append(f"np.copyto({target}, {b})")
            self.body.append(f"np.copyto({target}, {a}, where={condition})")
        elif name == "astype":
            self.body.append(f'np.copyto({target}, {operands[0]}, casting="unsafe")')
        elif name in _HELPERS:
            self.body.append(f"{name}_into({operands[0]}, {target})")
        else:
            self.body.append(f"np.copyto({target}, {self.call(s, operands)})")

    def reduction(self, s: Statement, operands: Sequence[str]) -> bool:
        (x,) = s.operands[:1]
        if not into(s) or not isinstance(x, Variable) or not x.shape or len(s.operands) > 1:
            return False
        if not s.output.shape and s.output not in self.memory.place:
            name = self.fresh(s)
            target = None
        else:
            target = self.result(s) or self.new(s)
            name = target
        ufunc = self.name({"sum": np.add, "max": np.maximum, "min": np.minimum}[s.operation.name])
        axis = axes_of(s.static.get("axis"), len(x.shape))
        kept = bool(s.static.get("keepdims"))
        if target is not None and s.operation.name == "sum" and self._by_product(x, axis):
            self.product_with_ones(x, operands[0], axis, target, s.output)
            return True
        text = f"({', '.join(map(str, axis))},)" if len(axis) != 1 else str(axis[0])
        keywords = f", keepdims={kept}" if kept else ""
        if target is None:
            self.body.append(f"{name} = {ufunc}.reduce({operands[0]}, {text}, None{keywords})")
        else:
            self.body.append(f"{ufunc}.reduce({operands[0]}, {text}, None, {target}{keywords})")
        return True

    def _by_product(self, x: Variable, axis: tuple[int, ...]) -> bool:
        """Whether BLAS adds faster: over the last axis, or over all but the last."""
        if x.size <= _MANY or x.dtype is None or x.dtype.kind != "f":
            return False
        if self.memory.root(x) is not x or x in self.program.inputs:
            return False  # a view, or an array that somebody else has laid out
        n = len(x.shape)
        return (axis == (n - 1,) and x.shape[-1] <= _MANY) or (
            n > 1 and axis == tuple(range(n - 1))
        )

    def product_with_ones(
        self, x: Variable, text: str, axis: tuple[int, ...], target: str, output: Variable
    ) -> None:
        """A sum as a product with ones."""
        n = len(x.shape)
        assert x.dtype is not None
        last = axis == (n - 1,)
        count = x.shape[-1] if last else x.size // x.shape[-1]
        ones = self.name_of_ones(count, x.dtype)
        rows = f"{text}.reshape(-1, {x.shape[-1]})"
        flat = f"{target}.reshape(-1)"
        where = self.made if x in self.once and output in self.once else self.body
        a, b = f"r{len(self.text)}_{len(where)}", f"q{len(self.text)}_{len(where)}"
        where += [f"{a} = {rows}", f"{b} = {flat}"]
        self.body.append(f"dot({a}, {ones}, {b})" if last else f"dot({ones}, {a}, {b})")

    def name_of_ones(self, count: int, dtype: np.dtype) -> str:
        name = f"ones_{count}_{dtype.name}"
        if name not in self.names:
            self.names[name] = np.ones(count, dtype)
        return name

    def _matmul(self, s: Statement, operands: Sequence[str]) -> bool:
        a, b = s.operands
        target = self.result(s)
        if target is None and s.output.shape:
            target = self.new(s)
        if target is None:
            self.body.append(f"{self.fresh(s)} = matmul({operands[0]}, {operands[1]})")
            return True
        if len(b.shape) == 2 and len(a.shape) > 2 and self._is_plain(a):
            rows = f"({int(np.prod(a.shape[:-1]))}, {a.shape[-1]})"
            out = f"({int(np.prod(a.shape[:-1]))}, {b.shape[1]})"
            self.body.append(
                f"dot({operands[0]}.reshape({rows}), {operands[1]}, {target}.reshape({out}))"
            )
            return True
        self.body.append(f"matmul({operands[0]}, {operands[1]}, {target})")
        return True

    def _is_plain(self, x: Operand) -> bool:
        """Whether it lies in memory as its shape says."""
        return isinstance(x, Variable) and self.memory.root(x) is x and (
            x not in self.program.inputs
        )  # fmt: skip

    def _concatenate(self, s: Statement, operands: Sequence[str]) -> bool:
        target = self.result(s) or self.new(s)
        axis = s.static.get("axis", 0)
        parts = "".join(f"{x}, " for x in operands)
        self.body.append(f"np.{s.operation.name}(({parts}), {axis}, {target})")
        return True

    _stack = _concatenate

    def _broadcast_to(self, s: Statement, operands: Sequence[str]) -> bool:
        """Not a view: of a number, or of one that is returned."""
        target = self.result(s) or self.new(s)
        self.body.append(f"np.copyto({target}, {operands[0]})")
        return True

    def _scatter(self, s: Statement, operands: Sequence[str]) -> bool:
        target = self.result(s) or self.new(s)
        self.body.append(f"{target}.fill(0)")
        self.added(s, operands, 0, target, set_only=never_repeats(s))
        return True

    def _put(self, s: Statement, operands: Sequence[str]) -> bool:
        target = self.result(s) or self.new(s)
        if target != operands[0] and not self._same_place(s.operands[0], s.output):
            self.body.append(f"np.copyto({target}, {operands[0]})")
        self.added(s, operands, 1, target, set_only=not s.static["add"])
        return True

    def _same_place(self, x: Operand, output: Variable) -> bool:
        place = self.memory.place
        return isinstance(x, Variable) and x in place and place[x] == place.get(output)

    def added(
        self, s: Statement, operands: Sequence[str], value: int, target: str, *, set_only: bool
    ) -> None:
        """The entries at an index, set or added to."""
        index = index_text(s.static["index"], operands)
        if set_only:
            self.body.append(f"{target}[{index}] = {operands[value]}")
        elif never_repeats(s):
            self.body.append(f"{target}[{index}] += {operands[value]}")
        else:
            whole = self.value(s.static["index"], operands)
            self.body.append(f"add_at({target}, {whole}, {operands[value]})")


def _slots(value: Any) -> list[int]:
    if isinstance(value, Slot):
        return [value.position]
    if isinstance(value, tuple | list):
        return [k for part in value for k in _slots(part)]
    return []
