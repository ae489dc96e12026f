"""Functions that SymPy lacks, by the names that primitives give as their ``symbol``."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter


class exp(sympy.Function):  # noqa: N801
    """The exponential function, which stands for itself: products of two are left as they are.

    SymPy's own joins eᵃ eᵇ to eᵃ⁺ᵇ by itself, and then no normal form finds the parts again.
    """

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self

    @classmethod
    def eval(cls, z: sympy.Expr) -> sympy.Expr | None:
        if z.could_extract_minus_sign():  # e⁻ᶻ = 1 / eᶻ: one form for both
            return 1 / cls(-z)
        return sympy.Integer(1) if z.is_zero else None

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.exp(args[0]) if rule == sympy.exp else None

    def _eval_is_extended_positive(self) -> bool | None:
        return self.args[0].is_extended_real

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return printer._print(sympy.exp(self.args[0]) ** (sympy.Symbol(exp) if exp else 1))


class sigmoid(sympy.Function):  # noqa: N801 (SymPy's functions are lower case)
    """The logistic function σ(z) = 1 / (1 + e⁻ᶻ), with σ′ = σ (1 − σ)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return 1 / (1 + sympy.exp(-args[0])) if rule == sympy.exp else None

    def _eval_is_extended_real(self) -> bool | None:
        return self.args[0].is_extended_real

    @classmethod
    def eval(cls, z: sympy.Expr) -> sympy.Expr | None:
        if z.could_extract_minus_sign():  # σ(−z) = 1 − σ(z): one form for both
            return 1 - cls(-z)
        return sympy.Rational(1, 2) if z.is_zero else None

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        power = f"^{{{exp}}}" if exp else ""
        return rf"\sigma{power}\left({printer._print(self.args[0])}\right)"

    def _sympystr(self, printer: Any) -> str:
        return f"σ({printer._print(self.args[0])})"


class softplus(sympy.Function):  # noqa: N801
    """log(1 + eᶻ), the smooth form of max(z, 0)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sigmoid(self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.log(1 + sympy.exp(args[0])) if rule == sympy.exp else None


class erf(sympy.Function):  # noqa: N801
    """The error function, with 2/√π as the decimal that the engine's rule has."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        slope = sympy.Rational(str(2 / math.sqrt(math.pi)))
        return slope * exp(-(self.args[0] ** 2))

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.erf(args[0]) if rule == sympy.exp else None


class heaviside(sympy.Function):  # noqa: N801
    """1 where z is positive, 0 elsewhere; its derivative is 0 on each piece."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)

    @classmethod
    def eval(cls, z: sympy.Expr) -> sympy.Expr | None:
        if z.is_number and z.is_extended_real:
            return sympy.Integer(1 if z > 0 else 0)
        return 1 - cls(-z) if z.could_extract_minus_sign() else None  # one form for z and −z


def on_one_branch(expression: sympy.Expr) -> sympy.Expr:
    """The expression with each `heaviside` as 0 or 1: by a coin, always the same for the same."""
    return expression.replace(
        lambda e: isinstance(e, heaviside),
        lambda e: sympy.Integer(hashlib.blake2b(sympy.srepr(e).encode()).digest()[0] & 1),
    )


def sign(z: sympy.Expr) -> sympy.Expr:
    """−1, 0 or 1; away from 0 it is twice `heaviside`, less 1."""
    return sympy.Integer(0) if z.is_zero else 2 * heaviside(z) - 1


def absolute(z: sympy.Expr) -> sympy.Expr:
    """The absolute value."""
    return z * sign(z)


def relu(z: sympy.Expr) -> sympy.Expr:
    """The larger of z and 0."""
    return z * heaviside(z)


def maximum(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The larger of two."""
    return b + (a - b) * heaviside(a - b)


def minimum(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The smaller of two."""
    return a - (a - b) * heaviside(a - b)


def log1p(z: sympy.Expr) -> sympy.Expr:
    """log(1 + z)."""
    return sympy.log(1 + z)


def expm1(z: sympy.Expr) -> sympy.Expr:
    """eᶻ − 1."""
    return exp(z) - 1
