"""What a fused kernel does in one step, and in which order: read off a cell's equations.

A step is, alternately, one matrix product for each quantity that gates look at, blocks of
equations that hold entry by entry, and sums over the units. The first state, the input and a 1
for the biases lie one below the other, so that what gates see of all three is one product.
Backwards the same order is gone through from its end.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

import sympy

from minigrad import nn
from minigrad.compile import numpy_runtime
from minigrad.symbolic.derive.partials import local_partials
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.pieces import by_pieces
from minigrad.symbolic.read.cells import equations_of
from minigrad.symbolic.read.equations import (
    PREVIOUS,
    Affine,
    Applied,
    CellEquations,
    Elementwise,
    Equation,
    Total,
)

INPUT = "x"


class NotFusableError(ValueError):
    """Why a cell runs on the tape, step by step: one sentence.

    Example:
        >>> from minigrad.compile.cells import NotFusableError, fusable
        >>> try:
        ...     fusable(nn.ProjectedLSTMCell(3, 4))
        ... except NotFusableError as error:
        ...     print(error)
        ProjectedLSTMCell: states and gates have different widths: h 2, c 4, f 4, i 4, g 4, o 4, p 2
    """


@dataclass(frozen=True)
class Product:
    """Z = W u for the rows of several gates at once.

    Attributes:
        operand: the quantity u; `INPUT` stands for x with a 1 below, and the `Plan.joint` for
            the first state with that below.
        first: index of the first affine map in the product.
        last: index behind the last; maps between them that do not look at u have zeros in W.
    """

    operand: str
    first: int
    last: int


@dataclass(frozen=True)
class Block:
    """Equations that hold entry by entry, and need nothing but what was there before."""

    equations: tuple[Elementwise, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What it computes."""
        return tuple(equation.name for equation in self.equations)


Stage = Product | Block | Total


@dataclass(frozen=True, eq=False)
class Plan:
    """The order of a cell's step.

    Attributes:
        equations: the cell's, with every function in an equation of its own.
        stages: products, blocks and totals, in the order of the forward pass; a total is that
            of one quantity.

    Example:
        >>> from minigrad.compile.cells import fusable
        >>> plan = fusable(nn.LSTMCell(3, 4))
        >>> plan.state, plan.kept
        (('h', 'c'), ('f', 'i', 'g', 'o', 'tanh_c'))
    """

    equations: CellEquations
    stages: tuple[Stage, ...]

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the states."""
        return self.equations.state

    @property
    def vectors(self) -> tuple[str, ...]:
        """Paths of the cell's parameters outside of gates, one number per unit each."""
        return self.equations.attributes

    @property
    def joint(self) -> str:
        """Name of the operand that is the first state, the input and a 1."""
        return _joint(self.equations)

    @cached_property
    def affines(self) -> tuple[Affine, ...]:
        """The gates' maps, in the order of their rows."""
        return _in_rows(self.equations)

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """The matrix products of a step."""
        return tuple(stage for stage in self.stages if isinstance(stage, Product))

    @cached_property
    def totals(self) -> tuple[Total, ...]:
        """The sums over the units."""
        return tuple(stage for stage in self.stages if isinstance(stage, Total))

    @cached_property
    def partials(self) -> Mapping[tuple[str, str], sympy.Expr]:
        """∂w/∂v of each equation, by SymPy, in named quantities."""
        return local_partials(self.equations)

    @cached_property
    def block_of(self) -> Mapping[str, int]:
        """The stage in which each quantity is computed entry by entry."""
        return {
            name: k
            for k, stage in enumerate(self.stages)
            if isinstance(stage, Block)
            for name in stage.names
        }

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """Quantities that a later stage or the backward pass reads after their block.

        States are kept anyway.
        """
        wanted = {product.operand for product in self.products}
        for partial in self.partials.values():
            wanted |= {s.name for s in partial.free_symbols}
        for k, stage in enumerate(self.stages):
            if isinstance(stage, Block):
                used = {s.name for e in stage.equations for s in e.expression.free_symbols}
                wanted |= {name for name in used if self.block_of.get(name, k) != k}
        wanted |= {name for total in self.totals for name in (total.name, summand(total))}
        computed = {e.name for e in self.equations.equations} - {*self.state}
        return tuple(e.name for e in self.equations.equations if e.name in wanted & computed)

    def identifier(self, name: str) -> str:
        """The name of a quantity in generated code: h′ is h_prev, a^f is a_f."""
        return self._identifiers[name]

    @cached_property
    def _identifiers(self) -> dict[str, str]:
        names = [
            INPUT, self.joint, *(f"{s}{PREVIOUS}" for s in self.state), *self.equations.parameters,
            *(e.name for e in self.equations.equations),
        ]  # fmt: skip
        found: dict[str, str] = {}
        for name in names:
            text = re.sub(r"\W+", "_", name.replace(PREVIOUS, "_prev")).strip("_") or "v"
            if not text.isidentifier() or keyword.iskeyword(text) or text.startswith(_PREFIXES):
                text = f"v_{text}"
            while text in found.values() or text in _RESERVED:
                text += "_"
            found[name] = text
        return found


def summand(total: Total) -> str:
    """The quantity that is summed over the units."""
    return str(total.expression)


_PREFIXES = ("kept_", "W_", "d_")  # of arrays that stand for quantities
_RESERVED = {
    *numpy_runtime.__all__, "F", "block", "over_time",  # what Numba's has besides
    "t", "s", "k", "n", "len", "range", "batch", "stop", "joint", "states", "affine", "room",
    "rows", "going", "aside",
}  # fmt: skip


def plan(cell: nn.Cell) -> Plan:
    """Order the equations of a cell's step.

    Raises:
        NotFusableError: the step is more than gates and equations entry by entry, or its parts
            have different widths.

    Example:
        >>> from minigrad.compile.cells import plan
        >>> plan(nn.GRUCell(3, 4)).state
        ('h',)
    """
    title = type(cell).__name__
    sizes = {name: cell.size_of(name) for name in (*cell.state, *cell.gates)}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise NotFusableError(f"{title}: states and gates have different widths: {told}")
    try:
        read = equations_of(cell, title)
    except ValueError as error:
        raise NotFusableError(str(error).removeprefix("derive: ")) from error
    for equation in read.equations:
        if isinstance(equation, Applied):
            raise NotFusableError(
                f"{title}: {equation.name} is a {equation.primitive.name} outside of a gate"
            )
    if read.constants:
        raise NotFusableError(f"{title}: it has constant arrays: {', '.join(read.constants)}")
    for path in read.attributes:
        shape = attrgetter(path)(cell).shape
        if shape != (cell.hidden_size,):
            raise NotFusableError(f"{title}: {path} has the shape {shape}, not one number per unit")
    equations = _one_function_each(_by_pieces(_one_quantity_each(read)))
    for equation in equations.equations:
        if isinstance(equation, Elementwise) and symbol("x") in equation.expression.free_symbols:
            raise NotFusableError(f"{title}: {equation.name} uses x outside of a gate")
    if not any(isinstance(e, Affine) for e in equations.equations):
        raise NotFusableError(f"{title}: it has no gate")
    return Plan(equations, tuple(_stages(equations)))


def _one_quantity_each(equations: CellEquations) -> CellEquations:
    """Each total and each state that of a quantity with a name of its own."""
    found: list[Equation] = []
    for equation in equations.equations:
        if isinstance(equation, Affine) and equation.name in equations.state:
            product = replace(equation, name=f"of {equation.name}")
            found += [product, Elementwise(equation.name, symbol(product.name))]
            continue
        if isinstance(equation, Total) and not equation.expression.is_Symbol:
            found.append(Elementwise(f"of {equation.name}", equation.expression))
            equation = replace(equation, expression=symbol(found[-1].name))
        found.append(equation)
    return replace(equations, equations=tuple(found))


def _by_pieces(equations: CellEquations) -> CellEquations:
    """With kinks as step functions."""
    found = (
        replace(e, expression=by_pieces(e.expression)) if isinstance(e, Elementwise) else e
        for e in equations.equations
    )
    return replace(equations, equations=tuple(found))


def _one_function_each(equations: CellEquations) -> CellEquations:
    """H = o tanh(c) as two equations: then every derivative is a polynomial in named values."""
    found: list[Equation] = []
    taken = {e.name for e in equations.equations}
    named: dict[sympy.Expr, sympy.Symbol] = {}
    for equation in equations.equations:
        if isinstance(equation, Elementwise):
            expression = equation.expression.xreplace(named)
            while inner := _inner_function(expression, top=expression.is_Function):
                name = _free(inner, taken)
                found.append(Elementwise(name, inner))
                named[inner] = symbol(name)
                expression = expression.xreplace(named)
            if expression.is_Function:
                named[expression] = symbol(equation.name)
            equation = Elementwise(equation.name, expression)
        found.append(equation)
    return replace(equations, equations=tuple(found))


def _inner_function(expression: sympy.Expr, *, top: bool) -> sympy.Expr | None:
    """A function in the expression that has none inside; not the expression itself."""
    for part in sympy.postorder_traversal(expression):
        is_root = part.is_Pow and part.exp.is_Rational and not part.exp.is_Integer
        if (part.is_Function or is_root) and not (top and part == expression):
            return part
    return None


def _free(function: sympy.Expr, taken: set[str]) -> str:
    base = "root" if function.is_Pow else function.func.__name__.lower()
    arguments = [a.name for a in function.args if a.is_Symbol]
    name = "_".join([base, *arguments])
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _joint(equations: CellEquations) -> str:
    return f"{equations.state[0]}{PREVIOUS}, {INPUT}"


def _in_rows(equations: CellEquations) -> tuple[Affine, ...]:
    """The affine maps, those that see the first state before the others."""
    found = [e for e in equations.equations if isinstance(e, Affine)]
    first = f"{equations.state[0]}{PREVIOUS}"
    return tuple(sorted(found, key=lambda affine: first not in affine.operands))


def _stages(equations: CellEquations) -> list[Stage]:
    affines = _in_rows(equations)
    totals = [e for e in equations.equations if isinstance(e, Total)]
    waiting: list[Elementwise] = [e for e in equations.equations if isinstance(e, Elementwise)]
    first = f"{equations.state[0]}{PREVIOUS}"
    see = sum(first in a.operands for a in affines)
    stages: list[Stage] = []
    if see:
        stages.append(Product(_joint(equations), 0, see))
    if see < len(affines):
        stages.append(Product(INPUT, see, len(affines)))
    known = {INPUT, *equations.parameters, *(f"{s}{PREVIOUS}" for s in equations.state)}
    multiplied = {INPUT, first}
    while True:
        for operand in dict.fromkeys(name for a in affines for name in a.operands):
            if operand in known - multiplied:
                multiplied.add(operand)
                rows = [k for k, a in enumerate(affines) if operand in a.operands]
                stages.append(Product(operand, rows[0], rows[-1] + 1))
        known |= {a.name for a in affines if multiplied.issuperset(a.operands)}
        summed = [e for e in totals if summand(e) in known]
        totals = [e for e in totals if e not in summed]
        stages += summed
        known |= {e.name for e in summed}
        ready: list[Elementwise] = []
        for equation in waiting:  # they stand in an order in which each follows what it needs
            if {s.name for s in equation.expression.free_symbols} <= known:
                known.add(equation.name)
                ready.append(equation)
        if not (ready or summed):
            break
        waiting = [e for e in waiting if e not in ready]
        if ready:
            stages.append(Block(tuple(ready)))
    assert not waiting and not totals, (waiting, totals)
    return stages
