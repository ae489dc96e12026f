"""Writes the quantities of a cell: names, time steps, cotangents, and terms of sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, reduce

import sympy

from minigrad.symbolic.adjoints import Adjoint, Through
from minigrad.symbolic.equations import PREVIOUS, UNITS, Affine, CellEquations
from minigrad.symbolic.formula import Formula, Name, Operation, Scalar, hadamard, op, plus, text
from minigrad.symbolic.jacobian import Path
from minigrad.symbolic.vocabulary import Vocabulary

_LONG = 80  # characters of a factor that leave no room on a page


class Writer:
    """Formulas of one cell.

    Args:
        equations: the cell's.
        vocabulary: what its quantities are called.
    """

    def __init__(self, equations: CellEquations, vocabulary: Vocabulary) -> None:
        self.equations, self.vocabulary = equations, vocabulary
        self.affine = {e.name: e for e in equations.equations if isinstance(e, Affine)}

    def name(self, name: str, shift: int = 0, *, delta: bool = False, time: str = "t") -> Name:
        """A quantity ``shift`` steps after ``time``."""
        if name.endswith(PREVIOUS):
            return self.name(name[: -len(PREVIOUS)], shift - 1, delta=delta, time=time)
        if name in self.equations.parameters:
            return Name(name, delta=delta)
        base, _, upper = name.partition("^")
        upper = self.vocabulary.index(upper) if upper else ""
        return Name(self.vocabulary.shown(base), shift, upper=upper, delta=delta, time=time)

    def scalar(self, expression: sympy.Expr, shift: int = 0, *, time: str = "t") -> Scalar:
        """An expression in quantities, each at its step."""
        symbols = sorted(expression.free_symbols, key=self._rank)
        names = tuple(
            (s, Name("H") if s == UNITS else self.name(s.name, shift, time=time)) for s in symbols
        )
        return Scalar(expression, names)

    def _rank(self, variable: sympy.Symbol) -> tuple[int, str]:
        """Gates before what they act on: f_t ∘ c_{t−1}, i_t ∘ g_t."""
        order = [equation.name for equation in self.equations.equations]
        name = variable.name
        return (order.index(name) if name in order else len(order)), name

    def weight(self, gate: str, upper: str = "") -> Name:
        """W of a gate; with ``upper`` those of its columns that meet this operand."""
        return Name("W", lower=self.vocabulary.index(gate), upper=upper)

    def bias(self, gate: str) -> Name:
        """The bias b of a gate."""
        return Name("b", lower=self.vocabulary.index(gate))

    def stacked(self, operands: Sequence[str]) -> Formula:
        """What a gate is applied to: [h_{t−1}, x_t]."""
        names = [self.name(operand) for operand in operands]
        return op("stack", *names) if len(names) > 1 else names[0]

    def columns(self, gate: Affine, position: int) -> Name:
        """The weight, or those columns of it that meet one of several operands."""
        if len(gate.operands) == 1:
            return self.weight(gate.gate)
        labels = [operand.removesuffix(PREVIOUS) for operand in gate.operands]
        label = labels[position]  # c_{t−1} and c_t may both be there
        shown = self.vocabulary.shown(label)
        return self.weight(
            gate.gate, shown if labels.count(label) == 1 else f"{shown}_{position + 1}"
        )

    def term(self, way: Through, start: int = 0, time: str = "t") -> Formula:
        """What one way contributes to a cotangent."""
        shift = start + way.later
        delta = self.name(way.consumer, shift, delta=True, time=time)
        if way.partial is None:
            weight = self.columns(self.affine[way.consumer], way.position)
            return op("matmul", op("transpose", weight), delta)
        product = hadamard(delta, self.scalar(way.partial, shift, time=time))
        return op("total", product) if way.total else product

    def step(self, name: str, way: Through) -> Formula:
        """The same with the local derivative only named, ∂w/∂v."""
        if way.partial is None:
            return self.term(way)
        delta = self.name(way.consumer, int(way.later), delta=True)
        partial = op("partial", self.name(way.consumer, int(way.later)), self.name(name))
        product = hadamard(delta, partial)
        return op("total", product) if way.total else product

    def cotangent(self, adjoint: Adjoint) -> Operation:
        """δv = the ways by which v enters the loss, named first, then written out."""
        first: list[Formula] = []
        if adjoint.is_output:
            first = [op("from_output", self.name(adjoint.name))]
        left = self.name(adjoint.name, delta=True)
        result = plus([*first, *(self.term(way) for way in adjoint.ways)])
        if all(way.partial is None for way in adjoint.ways):
            return op("equals", left, result)
        named = plus([*first, *(self.step(adjoint.name, way) for way in adjoint.ways)])
        return op("equals", left, named, result)

    def jacobian(self, paths: Sequence[Path]) -> Formula:
        """A Jacobian as the sum over its paths: diag(f) + diag(…) W + …."""
        paths = [short for path in paths for short in self._short(path)]
        return plus([_product(factors) for path in paths for factors in self._factors(path)])

    def _short(self, path: Path) -> list[Path]:
        """The path, or, if its factor is a sum too long for a line, one for each summand."""
        if len(text(self.scalar(path.scale))) < _LONG:
            return [path]
        return [replace(path, scale=term) for term in sympy.Add.make_args(path.scale)]

    def _factors(self, path: Path) -> list[list[Formula]]:
        """The factors of each path that a step can be gone by, where a gate's operand has some."""
        own: list[Formula] = []
        if path.scale != 1:
            own.append(op("diag", self.scalar(path.scale)))
        if not path.gate:
            return [own]
        own.append(self.columns(self.affine[path.gate], path.position))
        return [[*own, *rest] for before in path.before for rest in self._factors(before)]


def _product(factors: Sequence[Formula]) -> Formula:
    """The matrix product; the identity of none."""
    return reduce(partial(op, "matmul"), factors) if factors else Name("I")
