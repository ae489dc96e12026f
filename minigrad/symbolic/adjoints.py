"""The chain rule, backwards through one step and on to the step before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from minigrad.arrays.normal_form import is_zero
from minigrad.symbolic.equations import PREVIOUS, Affine, CellEquations, Elementwise, symbol


@dataclass(frozen=True)
class Through:
    """One way by which a quantity reaches the loss.

    Attributes:
        consumer: the quantity that uses it.
        partial: ∂consumer/∂quantity in named quantities; ``None`` through an affine map,
            where it is the weight's transpose.
        position: which operand of the affine map it is.
        later: whether the consumer belongs to the next step.
    """

    consumer: str
    partial: sympy.Expr | None
    position: int = 0
    later: bool = False


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
        if isinstance(equation, Elementwise):
            for variable in sorted(equation.expression.free_symbols, key=str):
                derivative = sympy.diff(equation.expression, variable)
                found[equation.name, variable.name] = _in_own_name(derivative, equation)
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


def direct_path(equations: CellEquations, state: str) -> sympy.Expr:
    """∂state_t/∂state_{t−1} with all gates held, also those into which the state peeps."""
    partials = local_partials(equations)
    start, total = f"{state}{PREVIOUS}", {f"{state}{PREVIOUS}": sympy.Integer(1)}
    before_activation = {symbol(e.name) for e in equations.equations if isinstance(e, Affine)}
    for equation in equations.equations:
        if isinstance(equation, Elementwise):
            gated = before_activation & equation.expression.free_symbols
            if gated and equation.name not in equations.state:
                continue  # a gate's value
            total[equation.name] = sympy.Add(*(
                derivative * total[v]
                for (w, v), derivative in partials.items()
                if w == equation.name and v in total
            ))  # fmt: skip
    return total.get(state, sympy.Integer(0)) if start != state else sympy.Integer(1)


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
            found.append(Through(equation.name, partials[equation.name, name], 0, later))
    return found


def _in_own_name(derivative: sympy.Expr, equation: Elementwise) -> sympy.Expr:
    """The derivative with the equation's value under its name, if that is a single function."""
    if not equation.expression.is_Function:
        return sympy.factor_terms(derivative)
    named = derivative.xreplace({equation.expression: symbol(equation.name)})
    own = {symbol(equation.name): equation.expression}
    assert is_zero(named.xreplace(own) - derivative)
    return named
