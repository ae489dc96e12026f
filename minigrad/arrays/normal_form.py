"""Whether a formula is 0, decided by a normal form and never by simplification."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import sympy
from sympy.polys.rings import PolyRing, ring

from minigrad.arrays import budget


def is_zero(expression: sympy.Expr) -> bool:
    """Whether the expression is identically 0.

    It is brought to one fraction of expanded polynomials. Transcendental functions and roots
    are unknowns of their own, so "yes" is a proof; "no" is one as far as these unknowns are
    algebraically independent, as σ, tanh and exp of different arguments are.
    """
    unknowns = _unknowns(expression)
    polynomials = ring(list(unknowns.values()) or [sympy.Dummy()], sympy.ZZ)[0]
    known: dict[sympy.Expr, _Fraction] = {}
    numerator = _fraction(expression, polynomials, unknowns, known).numerator
    for atom, variable in unknowns.items():  # a root to its power is what it is the root of
        if _is_root(atom):
            base = _fraction(atom.base, polynomials, unknowns, known)
            if all(below.is_ground for below in base.powers):
                below = prod(int(b.LC) ** n for b, n in base.powers.items())
                root = polynomials(variable)
                numerator = _without_root(numerator, root, int(atom.exp.q), base.numerator, below)
    return not numerator


def _without_root(polynomial: Any, root: Any, power: int, above: Any, below: int) -> Any:
    """Its remainder where root^power is above / below, times a number that is not 0."""
    place = root.ring.gens.index(root)
    parts: dict[int, dict[Any, Any]] = {}
    for monomial, factor in polynomial.terms():
        times, left = divmod(monomial[place], power)
        key = (*monomial[:place], left, *monomial[place + 1 :])
        parts.setdefault(times, {})[key] = factor
    most = max(parts, default=0)
    total = root.ring(0)
    for times, terms in parts.items():
        raised = _times(root.ring.from_dict(terms), _raised(above, times))
        total += raised * below ** (most - times)
    return total


def normal_form(expression: sympy.Expr) -> sympy.Expr:
    """The expression as a quotient of expanded polynomials without common factor."""
    unknowns = _unknowns(expression)
    polynomial = expression.xreplace(unknowns)
    back = {dummy: original for original, dummy in unknowns.items()}
    return sympy.cancel(polynomial).xreplace(back)


@dataclass(frozen=True)
class _Fraction:
    """numerator / Π base^power, of whole numbers: no gcd is ever taken, not even of numbers."""

    numerator: Any
    powers: dict[Any, int]


def _unknowns(expression: sympy.Expr) -> dict[sympy.Expr, sympy.Dummy]:
    """A variable for every symbol, function and power that is no integer's.

    Roots come first, those with most in them before, so that a division replaces them.
    """
    parts = _outside_functions(expression)
    powers = (p for p in parts if p.is_Pow and not p.exp.is_Integer)
    split = (_root(p.base, e) for p in powers for e in sympy.Add.make_args(p.exp))
    atoms = {
        *(p for p in parts if isinstance(p, sympy.Symbol | sympy.Function)),
        *(p for p in split if p.is_Pow and not p.exp.is_Integer),
    }

    def order(atom: sympy.Expr) -> tuple[int, object]:
        return -atom.count_ops() if _is_root(atom) else 1, sympy.default_sort_key(atom)

    return {atom: sympy.Dummy() for atom in sorted(atoms, key=order)}


def _outside_functions(expression: sympy.Expr) -> set[sympy.Expr]:
    """Every part of the expression, but for the arguments of functions, which stay as they are."""
    parts, todo = set(), [expression]
    while todo:
        part = todo.pop()
        if part not in parts:
            parts.add(part)
            todo += () if isinstance(part, sympy.Function) else part.args
    return parts


def _is_root(atom: sympy.Expr) -> bool:
    return bool(atom.is_Pow and atom.exp.is_Rational)


def _root(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """The unknown that a power is made of: (1 + x)^(−3/2) is a power of √(1 + x), expanded."""
    if exponent.is_Rational:
        functions = {f: sympy.Dummy() for f in base.atoms(sympy.Function)}  # left as they are
        expanded = sympy.expand(base.xreplace(functions))
        back = {dummy: f for f, dummy in functions.items()}
        return sympy.Pow(expanded.xreplace(back), sympy.Rational(1, exponent.q), evaluate=False)
    return sympy.Pow(base, exponent)


def _fraction(
    expression: sympy.Expr,
    polynomials: PolyRing,
    unknowns: dict[sympy.Expr, sympy.Dummy],
    known: dict[sympy.Expr, _Fraction],
) -> _Fraction:
    found = known.get(expression)
    if found is not None:
        return found
    if expression in unknowns:
        result = _Fraction(polynomials(unknowns[expression]), {})
    elif expression.is_Rational:
        below = {polynomials(expression.q): 1} if expression.q != 1 else {}
        result = _Fraction(polynomials(expression.p), below)
    elif expression.is_Add or expression.is_Mul:
        parts = [_fraction(a, polynomials, unknowns, known) for a in expression.args]
        result = parts[0]
        combine = _sum if expression.is_Add else _product
        for part in parts[1:]:
            result = combine(result, part)
    elif expression.is_Pow and expression.exp.is_Integer:
        base = _fraction(expression.base, polynomials, unknowns, known)
        result = _power(base, int(expression.exp))
    elif expression.is_Pow and expression.exp.is_Rational:
        root = _root(expression.base, expression.exp)
        result = _power(_fraction(root, polynomials, unknowns, known), int(expression.exp.p))
    elif expression.is_Pow:  # x**(a + 1) = x**a · x
        result = _Fraction(polynomials(1), {})
        for term in sympy.Add.make_args(expression.exp):
            factor = sympy.Pow(expression.base, term)
            result = _product(result, _fraction(factor, polynomials, unknowns, known))
    else:
        raise TypeError(f"{expression}: no normal form for {type(expression).__name__}")
    known[expression] = result
    return result


def _sum(a: _Fraction, b: _Fraction) -> _Fraction:
    if not a.numerator or not b.numerator:
        return a if a.numerator else b
    powers = {k: max(a.powers.get(k, 0), b.powers.get(k, 0)) for k in a.powers | b.powers}
    return _Fraction(_over(a, powers) + _over(b, powers), powers)


def _product(a: _Fraction, b: _Fraction) -> _Fraction:
    powers = {k: a.powers.get(k, 0) + b.powers.get(k, 0) for k in a.powers | b.powers}
    return _Fraction(_times(a.numerator, b.numerator), powers)


def _power(a: _Fraction, exponent: int) -> _Fraction:
    if exponent >= 0:
        numerator = _raised(a.numerator, exponent)
        return _Fraction(numerator, {k: n * exponent for k, n in a.powers.items()})
    if not a.numerator:
        raise ZeroDivisionError("a formula divides by 0")
    upside = a.numerator.ring(1)
    for base, n in a.powers.items():
        upside = _times(upside, _raised(base, n * -exponent))
    return _Fraction(upside, {a.numerator: -exponent})


def _over(a: _Fraction, powers: dict[Any, int]) -> Any:
    """The numerator of ``a`` over the common denominator."""
    result = a.numerator
    for base, n in powers.items():
        missing = n - a.powers.get(base, 0)
        if missing:
            result = _times(result, _raised(base, missing))
    return result


def _times(a: Any, b: Any) -> Any:
    """The product of two polynomials, unless the budget does not reach for all its terms."""
    budget.foresee(len(a) * len(b))
    return a * b


def _raised(base: Any, exponent: int) -> Any:
    if len(base) < 2:
        return base**exponent
    result = base.ring(1)
    for _ in range(exponent):
        result = _times(result, base)
    return result
