"""Functions that SymPy lacks, by the names that primitives give as their ``symbol``."""

from __future__ import annotations

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
