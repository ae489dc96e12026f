"""The chain rule, backwards through one step and on to the step before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from minigrad.arrays.normal_form import is_zero
from minigrad.symbolic.equations import (
    PREVIOUS,
    UNITS,
    Affine,
    CellEquations,
    Elementwise,
    Total,
    symbol,
)


@dataclass(frozen=True)
class Through:
    """One way by which a quantity reaches the loss.

    Attributes:
        consumer: the quantity that uses it.
        partial: ∂consumer/∂quantity in named quantities; ``None`` through an affine map,
            where it is the weight's transpose.
        position: which operand of the affine map it is.
        later: whether the consumer belongs to the next step.
        total: whether to sum over the units: the quantity is one number that all of them use.
    """

    consumer: str
    partial: sympy.Expr | None
    position: int = 0
    later: bool = False
    total: bool = False


@dataclass(frozen=True)
class Adjoint:
    """δv = Σ over the ways by which v reaches the loss."""

    name: str
    ways: tuple[Through, ...]
    is_output: bool = False


def local_partials(equations: CellEquations) -> dict[tuple[str, str], sympy.Expr]:
    """∂w/∂v for every elementwise equation w and each quantity v in it, by SymPy.

    The result is written with the equation's own name where it can: ∂f/∂a = f (1 − f).
    """
    found = {}
    for equation in equations.equations:
        if isinstance(equation, Affine):
            continue
        for variable in sorted(equation.expression.free_symbols - {UNITS}, key=str):
            derivative = sympy.diff(equation.expression, variable)
            found[equation.name, variable.name] = (
                _in_own_name(derivative, equation, variable)
                if isinstance(equation, Elementwise)
                else equation.factor * derivative
            )
    return found


def adjoints(equations: CellEquations) -> list[Adjoint]:
    """For each quantity, last first, where its cotangent comes from."""
    partials = local_partials(equations)
    order = [e.name for e in equations.equations]
    result = []
    for name in dict.fromkeys([*equations.state, *reversed(order)]):
        ways = _ways(name, equations, partials, later=False)
        if name in equations.state:
            ways += _ways(f"{name}{PREVIOUS}", equations, partials, later=True)
        result.append(Adjoint(name, tuple(ways), name in equations.state))
    known = {adjoint.name: adjoint for adjoint in result}
    ordered = [known[name] for name in _last_first(equations)]
    return [*ordered, *(
        Adjoint(name, tuple(_ways(name, equations, partials, later=False)))
        for name in ("x", *equations.parameters)
    )]  # fmt: skip


def _last_first(equations: CellEquations) -> list[str]:
    return [equation.name for equation in reversed(equations.equations)]


def _ways(
    name: str,
    equations: CellEquations,
    partials: Mapping[tuple[str, str], sympy.Expr],
    *,
    later: bool,
) -> list[Through]:
    found = []
    for equation in equations.equations:
        if isinstance(equation, Affine):
            found += [
                Through(equation.name, None, position, later)
                for position, operand in enumerate(equation.operands)
                if operand == name
            ]
        elif (equation.name, name) in partials:
            found.append(_through(equation, name, equations, partials, later))
    return found


def _through(
    equation: Elementwise | Total,
    name: str,
    equations: CellEquations,
    partials: Mapping[tuple[str, str], sympy.Expr],
    later: bool,
) -> Through:
    """The way through an equation; what all units share collects from all of them."""
    partial = partials[equation.name, name]
    if name.removesuffix(PREVIOUS) not in equations.shared:
        return Through(equation.name, partial, 0, later)
    if equation.name not in equations.shared:
        return Through(equation.name, partial, 0, later, total=True)
    if isinstance(equation, Total):
        if {s.name.removesuffix(PREVIOUS) for s in partial.free_symbols - {UNITS}} <= set(
            equations.shared
        ):  # every unit's term is the same
            return Through(equation.name, UNITS * partial, 0, later)
        return Through(equation.name, partial, 0, later, total=True)
    return Through(equation.name, partial, 0, later)


def _in_own_name(
    derivative: sympy.Expr, equation: Elementwise, variable: sympy.Symbol
) -> sympy.Expr:
    """The derivative with the equation's value y under its name, where that is shorter.

    f(a)′ in terms of f(a); of a quotient N / D the rule (N′ − y D′) / D; and ±y itself.
    """
    expression, own = equation.expression, symbol(equation.name)
    if expression.is_Function:
        return derivative.xreplace({expression: own})
    for sign in (1, -1):
        if derivative.has(sympy.Function) and is_zero(derivative - sign * expression):
            return sign * own
    above, below = sympy.fraction(sympy.together(expression))
    if variable in below.free_symbols:
        slope = (sympy.diff(above, variable) - own * sympy.diff(below, variable)) / below
        assert is_zero(slope.xreplace({own: expression}) - derivative)
        return slope
    return sympy.factor_terms(derivative)
