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
        consumer: the quantity that uses it.
        formula: in the gradient of that.
        named: the same with the local derivative only named, ∂w/∂v.
        later: whether the consumer belongs to the next step.
    """

    consumer: str
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
    computed = [equation.name for equation in reversed(equations.equations)]
    order = {name: k for k, name in enumerate(reversed(computed))}
    leaves = [name for name in tape.leaves if not name.endswith(PREVIOUS)]
    result = []
    for name in [*computed, *leaves]:
        terms = _terms(name, found.get(name), partials)
        if name in equations.state:
            terms += _terms(f"{name}{PREVIOUS}", found.get(f"{name}{PREVIOUS}"), partials, True)
        terms.sort(key=lambda term: (term.later, order.get(term.consumer, 0)))
        result.append(Adjoint(name, tuple(terms), name in equations.state))
    return result


def _terms(
    name: str, formula: sympy.Expr | None, partials: Partials, later: bool = False
) -> list[Term]:
    if formula is None or formula == 0:
        return []
    terms = []
    for term in sympy.Add.make_args(formula):
        gradients = {s.name for s in term.free_symbols if s.name.startswith(DELTA)}
        if not gradients:  # what the loss sends
            continue
        (gradient,) = gradients if len(gradients) == 1 else ("",)
        consumer = gradient.removeprefix(DELTA)
        named = term
        if (consumer, name) in partials:
            product = symbol(gradient) * f.partial(symbol(consumer), symbol(name))
            named = f.column_sum(product) if isinstance(term, f.column_sum) else product
        terms.append(Term(consumer, term, named, later))
    return terms


class _Tape:
    """A cell's equations on a tape, each quantity a row that is known by name."""

    def __init__(self, equations: CellEquations, partials: Partials) -> None:
        self.equations, self.partials = equations, partials
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
        lengths = {f.length(n): e for n, e in self.equations.lengths.items()}
        result = {}
        for name, formula in self.found.items():
            columns = f.in_columns(f.joined(formula), self.matrices).xreplace(lengths)
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

        def rule(name: str) -> Callable[..., Any]:
            partial = self.partials[equation.name, name]
            slope = Matrix(partial, shape, self._shape(partial))
            return lambda g, *_: g * slope

        rules = tuple(map(rule, names))
        primitive = Primitive(equation.name, _never, "elementwise", rules, rules)
        summed = (1, 1) if isinstance(equation, Total) else shape
        return Tensor.recorded(
            Matrix(symbol(equation.name), summed), primitive, [self.nodes[name] for name in names]
        )

    def _shape(self, expression: sympy.Expr) -> tuple[int, ...]:
        shapes = [self.equations.shapes.get(s.name, ()) for s in expression.free_symbols]
        shape = np.broadcast_shapes((1, 1), *shapes)
        return tuple(shape)


def _never(*_: Any) -> Any:
    raise AssertionError("the equations are only walked back")
