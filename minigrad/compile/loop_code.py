"""A loop as source for Numba: one function over flat arrays, made for its structure alone.

Lengths come as arguments, so arrays of other shapes run the same machine code. Axes that all
arrays step through together become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from minigrad.compile.fusion import Loop
from minigrad.compile.program import Literal, Operand, Statement, Variable

INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "less": "<", "less_equal": "<=",
    "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=", "bitwise_and": "&",
    "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip
CALLS = frozenset({
    "tanh", "exp", "log", "sqrt", "sigmoid", "softplus", "erf", "maximum", "minimum", "sin", "cos",
    "log1p", "expm1", "sign", "isfinite", "isnan", "isinf", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "arcsinh", "arccosh", "arctanh", "floor", "ceil", "trunc", "rint", "power",
    "log2", "log10", "exp2", "arctan2", "hypot", "logical_and", "logical_or", "logical_not",
})  # fmt: skip
"""What the runtime has for one number."""
OTHERS = frozenset({"negative", "absolute", "square", "reciprocal", "where", "astype", "invert"})
KNOWN = frozenset({*INFIX, *CALLS, *OTHERS})
"""Elementwise operations that a loop can do."""

TYPED = frozenset({"exp", "log", "tanh", "sigmoid", "softplus", "erf"})
"""Those of which the runtime has one for each type."""

_LONG = 4096  # numbers from which a sum of float32 is kept in float64


@dataclass(frozen=True)
class Array:
    """How a loop reaches a variable's entries.

    Attributes:
        root: the array in memory.
        where: tells arrays at the same place from others: what is read and written over has to be
            one argument, or machine code would have to expect that it is two.
        offset: of the first entry.
        strides: for each axis of the loop, from one entry to the next; 0 where it stands still.
    """

    root: Variable
    where: Any
    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Kernel:
    """The source of a loop, and what it is called with.

    Attributes:
        text: the body of a function, with its line of arguments but without a name.
        types: of its arguments: a dtype for a flat array, "int" or "float" for numbers.
        arguments: the values: a number for a length, an offset or a stride; a variable for a flat
            array, or for a number that is an input.
    """

    text: str
    types: tuple[str, ...]
    arguments: tuple[int | Variable, ...]


class LoopWriter:
    """Writes a loop.

    Args:
        loop: what to do.
        arrays: how it reaches each variable that it reads, or that is kept in memory.
        kept: which of the variables that it computes are kept in memory.
        temporary: memory for one tile of others.
    """

    def __init__(
        self, loop: Loop, arrays: dict[Variable, Array], kept: set[Variable],
        temporary: dict[Variable, Variable],
    ) -> None:  # fmt: skip
        self.loop, self.arrays, self.kept, self.temporary = loop, arrays, kept, temporary
        self.groups = self._groups()  # axes that are gone through as one
        self.lengths = [prod(loop.space[d] for d in group) for group in self.groups]
        self.types: list[str] = []
        self.arguments: list[int | Variable] = []
        self.names: list[str] = []
        self.known: dict[Any, str] = {}  # names of arguments
        self.local: dict[Variable, str] = {}
        self.number = 0

    # Axes

    def _groups(self) -> list[tuple[int, ...]]:
        loop = self.loop
        axes = [d for d, n in enumerate(loop.space) if n != 1]
        groups: list[tuple[int, ...]] = []
        for d in axes:
            if groups and self._together(groups[-1][-1], d):
                groups[-1] = (*groups[-1], d)
            else:
                groups.append((d,))
        return groups

    def _together(self, c: int, d: int) -> bool:
        """Whether two axes, one after the other, can be gone through as one."""
        loop = self.loop
        if c < loop.first <= d:
            return False
        for x in loop.dims:
            along = loop.along(x)
            if (c in along) != (d in along):
                return False
            if x in self.arrays and c in along:
                strides = self.arrays[x].strides
                if strides[c] != loop.space[d] * strides[d]:
                    return False
        return all((c in axes) == (d in axes) for axes in loop.reduced.values())

    def axes(self, x: Variable) -> list[int]:
        """The numbers of the groups of axes along which a variable changes."""
        along = self.loop.along(x)
        return [g for g, group in enumerate(self.groups) if group[0] in along]

    @cached_property
    def first(self) -> int:
        """The first group in the tile."""
        inside = [g for g, group in enumerate(self.groups) if group[0] >= self.loop.first]
        return inside[0] if inside else len(self.groups)

    def over(self, s: Statement) -> list[int]:
        """The groups that a statement is done along: a sum along those of its operand."""
        if s.output in self.loop.reduced:
            (x,) = s.operands
            assert isinstance(x, Variable)
            return self.axes(x)
        return self.axes(s.output)

    def level(self, s: Statement) -> tuple[int, ...]:
        """Those of them inside of the tile."""
        return tuple(g for g in self.over(s) if g >= self.first)

    def reduced(self, x: Variable) -> list[int]:
        """The groups that a sum goes over."""
        axes = self.loop.reduced[x]
        return [g for g, group in enumerate(self.groups) if group[0] in axes]

    # Arguments

    def argument(self, key: Any, name: str, kind: str, value: int | Variable) -> str:
        """The name of an argument."""
        if key not in self.known:
            self.known[key] = name
            self.names.append(name)
            self.types.append(kind)
            self.arguments.append(value)
        return self.known[key]

    def length(self, g: int) -> str:
        return self.argument(("length", g), f"n{g}", "int", self.lengths[g])

    def flat(self, root: Variable, where: Any) -> str:
        """The name of an array in memory."""
        assert root.dtype is not None
        key = where, root.dtype
        return self.argument(key, f"a{len(self.known)}", root.dtype.name, root)

    def place(self, x: Variable) -> str:
        """An entry of an array in memory, as an expression."""
        if x in self.temporary:
            array = self.flat(self.temporary[x], self.temporary[x])
            return f"{array}[{self.count([g for g in self.axes(x) if g >= self.first])}]"
        at, axes = self.arrays[x], self.axes(x)
        steps = [at.strides[self.groups[g][-1]] for g in axes]
        array = self.flat(at.root, at.where)
        if at.offset == 0 and all(
            step == prod(self.lengths[h] for h in axes[k + 1 :]) for k, step in enumerate(steps)
        ):
            return f"{array}[{self.count(axes)}]"
        key = x, at.offset
        terms = [self.argument(("offset", *key), f"o{len(self.known)}", "int", at.offset)]
        for g, step in zip(axes, steps, strict=True):
            name = self.argument(("stride", g, *key), f"s{len(self.known)}", "int", step)
            terms.append(f"i{g} * {name}")
        return f"{array}[{' + '.join(terms)}]"

    def count(self, axes: Sequence[int]) -> str:
        """The number of an entry of an array that lies in the order of these axes."""
        text = "0"
        for k, g in enumerate(axes):
            text = f"i{g}" if k == 0 else f"({text}) * {self.length(g)} + i{g}"
        return text

    def fresh(self, letter: str) -> str:
        """A new name."""
        self.number += 1
        return f"{letter}{self.number}"

    # The function

    def write(self) -> Kernel:
        loop = self.loop
        for g in range(len(self.groups)):
            self.length(g)
        self.top: list[str] = []  # before all loops
        self.end: list[str] = []  # after them
        self.row: list[str] = []  # for each tile: what does not change inside of it
        inner: list[str] = []
        phases = sorted({loop.phase[s.output] for s in loop.statements})
        for phase in phases:
            these = [s for s in loop.statements if loop.phase[s.output] == phase]
            for level in sorted({self.level(s) for s in these}, key=len):
                nest = _Nest(self, level)
                for s in these:
                    if self.level(s) == level:
                        nest.add(s)
                inner += nest.lines()
        body = [*self.row, *inner]
        for g in reversed(range(self.first)):
            body = [f"for i{g} in range({self.length(g)}):", *(f"    {line}" for line in body)]
        lines = [*self.top, *body, *self.end]
        text = "\n".join([f"({', '.join(self.names)}):", *(f"    {line}" for line in lines)])
        return Kernel(text + "\n", tuple(self.types), tuple(self.arguments))

    def read(self, x: Operand, nest: _Nest) -> str:
        """The name of a value inside of a nest; what lies in memory is loaded first."""
        if isinstance(x, Literal):
            return repr(x.value)
        x = self.loop.alias.get(x, x)
        if x in nest.values:
            return nest.values[x]
        if x in self.local:
            return self.local[x]
        if x not in self.loop.phase and x.weak:
            kind = {"f": "float64", "b": "bool"}.get(x.dtype.kind, "int64")  # type: ignore[union-attr]
            return self.argument(("number", x), f"p{len(self.known)}", f"number {kind}", x)
        name = self.fresh("x")
        place = self.place(x)
        inside = [g for g in self.axes(x) if g >= self.first]
        if x not in self.loop.phase and not inside:
            (self.row if self.axes(x) else self.top).append(f"{name} = {place}")
            self.local[x] = name
        else:
            depth = max((nest.level.index(g) + 1 for g in inside), default=0)
            nest.before[depth].append(f"{name} = {place}")
            nest.values[x] = name
        return name


class _Nest:
    """Loops inside of each other, and what is done at each depth."""

    def __init__(self, writer: LoopWriter, level: tuple[int, ...]) -> None:
        self.writer, self.level = writer, level
        self.before: list[list[str]] = [[] for _ in range(len(level) + 1)]  # inside of d loops
        self.after: list[list[str]] = [[] for _ in range(len(level) + 1)]
        self.start: list[str] = []  # loops before all these
        self.stores: list[str] = []
        self.values: dict[Variable, str] = {}

    def add(self, s: Statement) -> None:
        """Do a statement at the innermost depth."""
        if s.output in self.writer.loop.reduced:
            return self.reduce(s)
        w, x = self.writer, s.output
        name = w.fresh("v")
        self.before[-1].append(f"{name} = {expression(s, [w.read(y, self) for y in s.operands])}")
        if self.level:
            self.values[x] = name
        else:
            w.local[x] = name
        if x in w.kept or x in w.temporary:
            (self.stores if self.level else self.before[-1]).append(f"{w.place(x)} = {name}")
        return None

    def reduce(self, s: Statement) -> None:
        """A sum or an extreme."""
        w, x = self.writer, s.output
        (operand,) = s.operands
        dtype = x.dtype
        assert dtype is not None and isinstance(operand, Variable)
        value = cast(w.read(operand, self), operand.dtype, dtype)
        over = w.reduced(x)
        inner = 0  # how many of the innermost loops it goes over
        while inner < len(self.level) and self.level[-1 - inner] in over:
            inner += 1
        depth = len(self.level) - inner
        rest = set(over) - set(self.level[depth:])
        name = w.fresh("r")
        target = self._target(s, name, outer=any(g < w.first for g in over), added=bool(rest))
        if not inner:
            join = {"sum": "plus", "max": "maximum", "min": "minimum"}[s.operation.name]
            self.before[-1].append(f"{target} = {join}({target}, {value})")
            return
        if s.operation.name == "sum":
            long = prod(w.lengths[g] for g in self.level[depth:]) > _LONG
            kind = "float64" if dtype.kind == "f" and long else dtype.name
            self.before[depth].append(f"{name} = {kind}(0)")
            self.before[-1].append(f"{name} = plus({name}, {value})")
            total = name if target.startswith("total") else cast(name, np.dtype(kind), dtype)
            self.after[depth].append(
                f"{target} = plus({target}, {total})" if rest else f"{target} = {total}"
            )
            self.after[depth] += self._kept(x)
            return
        better = "larger" if s.operation.name == "max" else "smaller"
        first = self._start(s)
        self.before[depth] += [f"{name} = {first}", f"{name}_nan = False"]
        self.before[-1] += [f"{name} = {better}({name}, {value})"]
        if dtype.kind == "f":
            self.before[-1].append(f"{name}_nan |= {value} != {value}")
            self.after[depth].append(f"{name} = {dtype.name}(nan) if {name}_nan else {name}")
        join = "maximum" if better == "larger" else "minimum"
        self.after[depth].append(
            f"{target} = {join}({target}, {name})" if rest else f"{target} = {name}"
        )
        self.after[depth] += self._kept(x)

    def _kept(self, x: Variable) -> list[str]:
        """The store of a sum that is a number for each tile."""
        w = self.writer
        return [f"{w.place(x)} = {w.local[x]}"] if x in w.local and x in w.kept else []

    def _target(self, s: Statement, name: str, *, outer: bool, added: bool) -> str:
        """Where a sum goes, set to that of nothing beforehand if it is added to."""
        w, x = self.writer, s.output
        dtype = x.dtype
        assert dtype is not None
        axes = w.axes(x)
        if outer:
            if not axes:
                total = f"total_{name}"
                kind = "float64" if dtype.kind == "f" else dtype.name
                w.top.append(f"{total} = {kind}(0)")
                w.end.append(f"{w.place(x)} = {cast(total, np.dtype(kind), dtype)}")
                return total
            w.top += self._filled(s, axes)
            return w.place(x)
        inside = [g for g in axes if g >= w.first]
        if inside:
            if added:
                self.start += self._filled(s, inside)
            return w.place(x)
        w.local[x] = f"{name}_done"
        return w.local[x]

    def _start(self, s: Statement) -> str:
        """What a sum or an extreme is of nothing."""
        assert s.output.dtype is not None
        kind = s.output.dtype.name
        return {"sum": f"{kind}(0)", "max": f"lowest_{kind}", "min": f"highest_{kind}"}[
            s.operation.name
        ]

    def _filled(self, s: Statement, axes: Sequence[int]) -> list[str]:
        """Loops that set a result to what it is of nothing."""
        lines = [f"{self.writer.place(s.output)} = {self._start(s)}"]
        for g in reversed(axes):
            lines = [f"for i{g} in range({self.writer.length(g)}):", *(f"    {t}" for t in lines)]
        return lines

    def lines(self) -> list[str]:
        """The loops."""
        body = [*self.before[-1], *self.stores]
        for k in reversed(range(len(self.level))):
            g = self.level[k]
            inner = [f"for i{g} in range({self.writer.length(g)}):", *(f"    {t}" for t in body)]
            body = [*self.before[k], *inner, *self.after[k]]
        return [*self.start, *body]


def cast(text: str, given: np.dtype | None, wanted: np.dtype) -> str:
    """A value as another type."""
    return text if given == wanted else f"{wanted.name.replace('bool', 'bool_')}({text})"


def temporaries(loop: Loop, kept: Iterable[Variable]) -> dict[Variable, Variable]:
    """Memory for one tile of what is computed in one nest of loops and read in another."""
    writer = LoopWriter(loop, {}, set(), {})
    kept = set(kept)
    found: dict[Variable, Variable] = {}
    nest = {s.output: (loop.phase[s.output], writer.level(s)) for s in loop.statements}
    for s in loop.statements:
        x = s.output
        inside = [g for g in writer.axes(x) if g >= writer.first]
        if x in kept or not inside:
            continue
        if x in loop.reduced or any(
            nest[t.output] != nest[x]
            for t in loop.statements
            if any(isinstance(y, Variable) and loop.alias.get(y, y) is x for y in t.operands)
        ):
            found[x] = Variable((prod(writer.lengths[g] for g in inside),), x.dtype)
    return found


def expression(s: Statement, operands: Sequence[str]) -> str:
    """An elementwise operation on single numbers, each brought to the type it is computed in."""
    name, output = s.operation.name, s.output
    assert output.dtype is not None
    if name == "astype":
        return cast(operands[0], s.operands[0].dtype, output.dtype)
    if name == "where":
        condition = cast(operands[0], s.operands[0].dtype, np.dtype(bool))
        a, b = (
            _typed(t, x, output.dtype) for t, x in zip(operands[1:], s.operands[1:], strict=True)
        )
        return f"{a} if {condition} else {b}"
    if isinstance(s.operation.run, np.ufunc):
        *given, _ = s.operation.run.resolve_dtypes((*map(_kind, s.operands), None))
    else:
        given = [output.dtype] * len(operands)
    parts = [_typed(t, x, d) for t, x, d in zip(operands, s.operands, given, strict=True)]
    if name in INFIX:
        return f"{parts[0]} {INFIX[name]} {parts[1]}"
    if name == "negative":
        return f"-{parts[0]}"
    if name == "square":
        return f"{parts[0]} * {parts[0]}"
    if name == "reciprocal":
        return f"{given[0].name}(1) / {parts[0]}"
    if name == "absolute":
        return f"abs({parts[0]})"
    if name == "invert":
        return f"not {parts[0]}" if given[0].kind == "b" else f"~{parts[0]}"
    if name in TYPED:
        name = f"{name}_{given[0].name}"
    return f"{name}({', '.join(parts)})"


def _kind(x: Operand) -> Any:
    """How NumPy is to see an operand's type: a Python number gives way."""
    if not x.weak:
        return x.dtype
    value = x.value if isinstance(x, Literal) else None
    if isinstance(value, bool) or (x.dtype is not None and x.dtype.kind == "b"):
        return np.dtype(bool)
    assert x.dtype is not None
    return {"f": float, "i": int, "u": int, "c": complex}[x.dtype.kind]


def _typed(text: str, x: Operand, wanted: np.dtype) -> str:
    """An operand as a number of the type that an operation computes in."""
    name = wanted.name.replace("bool", "bool_")
    if isinstance(x, Literal):
        value = np.asarray(x.value).item()
        if isinstance(value, float) and not np.isfinite(value):
            return f"{name}({'nan' if value != value else 'inf' if value > 0 else '-inf'})"
        return f"{name}({value!r})"
    return text if x.dtype == wanted and not x.weak else f"{name}({text})"
