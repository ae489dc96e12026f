"""The derivative of each equation with respect to each quantity in it, by SymPy."""

from __future__ import annotations

import sympy

from minigrad.arrays.normal_form import is_zero
from minigrad.symbolic.formula import Size, symbol, tidied
from minigrad.symbolic.pieces import absolute, sign
from minigrad.symbolic.read.equations import CellEquations, Elementwise, Total


def local_partials(equations: CellEquations) -> dict[tuple[str, str], sympy.Expr]:
    """∂w/∂v for every equation w that holds entry by entry or sums entries, and each v in it.

    The result is written with the equation's own name where it can: ∂f/∂a = f (1 − f).
    """
    found = {}
    for equation in equations.equations:
        if not isinstance(equation, Elementwise | Total):
            continue
        for variable in sorted(equation.expression.free_symbols, key=str):
            if isinstance(variable, Size) or variable.name in equations.constants:
                continue
            derivative = _slope(equation.expression, variable)
            if isinstance(equation, Elementwise):
                derivative = _in_own_name(derivative, equation, variable)
            else:
                derivative = tidied(equation.factor * derivative)
            found[equation.name, variable.name] = derivative
    return found


def _slope(expression: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
    derivative = sympy.diff(expression, variable)
    return derivative.replace(sympy.Abs, absolute).replace(sympy.sign, sign)


def _in_own_name(
    derivative: sympy.Expr, equation: Elementwise, variable: sympy.Symbol
) -> sympy.Expr:
    """The derivative with the equation's value y under its name, where that is shorter.

    f(a)′ in terms of f(a), of a root too; of a quotient N / D the rule (N′ − y D′) / D; and ±y
    itself.
    """
    expression, own = equation.expression, symbol(equation.name)
    if expression.is_Function:
        return derivative.xreplace({expression: own})
    if expression.is_Pow and abs(expression.exp) == sympy.Rational(1, 2):
        inner = _slope(expression.base, variable)
        return inner / (2 * own) if expression.exp > 0 else -inner * own**3 / 2
    for factor in (1, -1):
        if derivative.has(sympy.Function) and is_zero(derivative - factor * expression):
            return factor * own
    above, below = sympy.fraction(expression)
    if variable in below.free_symbols:
        slope = (_slope(above, variable) - own * _slope(below, variable)) / below
        if is_zero(slope.xreplace({own: expression}) - derivative):
            return slope
    return tidied(derivative)
