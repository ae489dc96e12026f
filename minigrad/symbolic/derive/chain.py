"""The chain rule: the engine's own backward pass over a cell's equations, run on names.

Each equation is an operation on the tape whose derivatives SymPy has found. What the walk brings
back for each quantity is a formula in the gradients of those that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from minigrad.primitives import Primitive
from minigrad.symbolic import formula as f
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.matrix import Matrix
from minigrad.symbolic.read.equations import (
    PREVIOUS,
    Affine,
    Applied,
    CellEquations,
    Elementwise,
    Equation,
    Total,
)
from minigrad.tape import record, walk
from minigrad.tensor import Tensor

DELTA = "∂L/∂"  # before a quantity's name: its gradient
LOSS = "∂ℓ/∂"  # what the loss of this step sends to it

Partials = Mapping[tuple[str, str], sympy.Expr]


@dataclass(frozen=True)
class Term:
    """What one path contributes to a quantity's gradient.

    Attributes:
        consumers: the quantities that use it.
        formula: in the gradient of that.
        named: the same with the local derivative only named, ∂w/∂v.
        later: whether the consumer belongs to the next step.
    """

    consumers: tuple[str, ...]
    formula: sympy.Expr
    named: sympy.Expr
    later: bool = False


@dataclass(frozen=True)
class Adjoint:
    """δv = Σ over the paths by which v reaches the loss."""

    name: str
    terms: tuple[Term, ...]
    is_output: bool = False


def adjoints(equations: CellEquations, partials: Partials) -> list[Adjoint]:
    """For each quantity, last first, where its gradient comes from; then x, and the parameters.

    A gate's weight is called W_gate here, its bias b_gate.
    """
    tape = _Tape(equations, partials)
    found = tape.pulled()
    quotients = {(w, v): f.partial(symbol(w), symbol(v)) for w, v in partials}
    named = _Tape(equations, partials, quotients).pulled()
    computed = [equation.name for equation in reversed(equations.equations)]
    order = {name: k for k, name in enumerate(reversed(computed))}
    leaves = [name for name in tape.leaves if not name.endswith(PREVIOUS)]
    result = []
    for name in [*computed, *leaves]:
        terms = _terms(found.get(name), named.get(name))
        if name in equations.state:
            before = f"{name}{PREVIOUS}"
            terms += _terms(found.get(before), named.get(before), later=True)
        terms.sort(key=lambda term: (term.later, order[term.consumers[0]]))
        result.append(Adjoint(name, tuple(terms), name in equations.state))
    return result


def _terms(
    formula: sympy.Expr | None, named: sympy.Expr | None, *, later: bool = False
) -> list[Term]:
    """The terms of a gradient, each with the same one in named derivatives."""
    by_name = {_consumers(term): term for term in sympy.Add.make_args(named or sympy.S.Zero)}
    return [
        Term(consumers, term, by_name[consumers], later)
        for term in sympy.Add.make_args(formula or sympy.S.Zero)
        if (consumers := _consumers(term))  # else it is what the loss sends, or 0
    ]


def _consumers(term: sympy.Expr) -> tuple[str, ...]:
    names = (s.name for s in term.free_symbols if s.name.startswith(DELTA))
    return tuple(sorted(name.removeprefix(DELTA) for name in names))


class _Tape:
    """A cell's equations on a tape, each quantity a row that is known by name.

    Args:
        equations: the cell's.
        partials: SymPy's derivatives.
        written: how each of them is written; as it is if not given.
    """

    def __init__(
        self, equations: CellEquations, partials: Partials, written: Partials | None = None
    ) -> None:
        self.equations, self.partials = equations, partials
        self.written = partials if written is None else written
        self.found: dict[str, sympy.Expr] = {}
        self.leaves: list[str] = []
        self.matrices: set[sympy.Symbol] = set()
        self.nodes: dict[str, Tensor] = {}
        for name in ("x", *(f"{s}{PREVIOUS}" for s in equations.state), *equations.parameters):
            self._leaf(name, equations.shapes[name])
        for equation in equations.equations:
            node = self._recorded(equation)
            node.data = Matrix(symbol(equation.name), node.shape)
            node.register_hook(self._hook(equation.name, node.shape))
            self.nodes[equation.name] = node

    def _leaf(self, name: str, shape: tuple[int, ...]) -> Tensor:
        if name not in self.nodes:
            leaf = Tensor(Matrix(symbol(name), shape), requires_grad=True)
            leaf.register_hook(self._hook(name, shape))
            self.nodes[name] = leaf
            self.leaves.append(name)
            if len(shape) == 2 and shape[0] > 1:
                self.matrices.add(symbol(name))
        return self.nodes[name]

    def _hook(self, name: str, shape: tuple[int, ...]) -> Callable[[Any], Any]:
        """Notes a quantity's gradient, and sends its name on in its place."""

        def hook(g: Matrix) -> Matrix:
            self.found[name] = g.formula
            return Matrix(symbol(f"{DELTA}{name}"), shape)

        return hook

    def pulled(self) -> dict[str, sympy.Expr]:
        """Each quantity's gradient in those of its consumers, vectors being columns."""
        state = self.equations.state
        seeds = [
            (self.nodes[name], Matrix(symbol(f"{LOSS}{name}"), self.nodes[name].shape))
            for name in state
        ]
        walk(seeds)
        lengths = self.equations.lengths
        result = {}
        for name, formula in self.found.items():
            columns = f.in_columns(f.counted(f.joined(formula, lengths), lengths), self.matrices)
            if symbol(name) in self.matrices:
                columns = sympy.Add(*map(f.transposed, sympy.Add.make_args(columns)))
            result[name] = columns
        return result

    def _recorded(self, equation: Equation) -> Tensor:
        if isinstance(equation, Affine):
            operands = [self.nodes[name] for name in equation.operands]
            width = sum(operand.shape[-1] for operand in operands)
            height = self.equations.shapes[equation.name][-1]
            weight = self._leaf(f"W_{equation.gate}", (height, width))
            self.matrices.add(symbol(f"W_{equation.gate}"))
            joined: Any = np.concatenate(operands, axis=-1) if len(operands) > 1 else operands[0]
            product: Tensor = joined @ weight.T
            if not equation.biased:
                return product
            return product + self._leaf(f"b_{equation.gate}", (height,))
        if isinstance(equation, Applied):
            return self._applied(equation)
        return self._entrywise(equation)

    def _applied(self, operation: Applied) -> Tensor:
        operands = [
            self._applied(x) if isinstance(x, Applied) else self.nodes.get(x, x)
            for x in operation.operands
        ]
        return record(Tensor, operation.primitive, operands, operation.static)

    def _entrywise(self, equation: Elementwise | Total) -> Tensor:
        """An operation whose derivatives are SymPy's."""
        names = [
            s.name for s in sorted(equation.expression.free_symbols, key=str)
            if s.name in self.nodes
        ]  # fmt: skip
        shape = self._shape(equation.expression)
        result = self.equations.shapes[equation.name]
        if isinstance(equation, Elementwise):  # x − x has the shape of x
            shape = result

        def rule(name: str) -> Callable[..., Any]:
            own = self._shape(self.partials[equation.name, name])
            slope = Matrix(self.written[equation.name, name], shape, own)
            return lambda g, *_: g * slope

        rules = tuple(map(rule, names))
        primitive = Primitive(equation.name, _never, "elementwise", rules, rules)
        operands = [self.nodes[name] for name in names]
        if not operands:  # a constant
            return Tensor(Matrix(symbol(equation.name), result), requires_grad=True)
        return Tensor.recorded(Matrix(symbol(equation.name), result), primitive, operands)

    def _shape(self, expression: sympy.Expr) -> tuple[int, ...]:
        shapes = [self.equations.shapes.get(s.name, ()) for s in expression.free_symbols]
        shape = np.broadcast_shapes((1, 1), *shapes)
        return tuple(shape)


def _never(*_: Any) -> Any:
    raise AssertionError("the equations are only walked back")
