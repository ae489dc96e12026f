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


def copysign(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The absolute value of a with the sign of b."""
    return absolute(a) * sign(b)


class _Rounded(sympy.Function):
    """A function of whole steps: its derivative is 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class floor(_Rounded):  # noqa: N801
    """The largest whole number up to z."""

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.floor(args[0]) if rule == sympy.exp else None


class ceil(_Rounded):  # noqa: N801
    """The smallest whole number from z on."""

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.ceiling(args[0]) if rule == sympy.exp else None


class trunc(_Rounded):  # noqa: N801
    """z without its decimal places."""

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.sign(args[0]) * sympy.floor(abs(args[0])) if rule == sympy.exp else None


class rint(_Rounded):  # noqa: N801
    """The nearest whole number; which of two, SymPy's ties differ from NumPy's."""

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.floor(args[0] + sympy.Rational(1, 2)) if rule == sympy.exp else None


def floor_divide(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The largest whole number up to a / b."""
    return floor(a / b)


def remainder(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """What is left of a, with the sign of b."""
    return a - b * floor(a / b)


def hypot(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """√(a² + b²)."""
    return sympy.sqrt(a**2 + b**2)


def power_log(a: sympy.Expr, b: sympy.Expr, times: sympy.Expr) -> sympy.Expr:
    """aᵇ (log a)ⁿ."""
    return a**b * sympy.log(a) ** times


class cbrt(sympy.Function):  # noqa: N801
    """The real cube root, as a function of its own: SymPy's power is complex for z < 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return 1 / (3 * self**2)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.real_root(args[0], 3) if rule == sympy.exp else None


_LOG2, _LOG10 = (sympy.Rational(str(math.log(base))) for base in (2, 10))
"""As the decimals that the engine's rules have."""


class exp2(sympy.Function):  # noqa: N801
    """2ᶻ."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * _LOG2

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.Integer(2) ** args[0] if rule == sympy.exp else None


def log2(z: sympy.Expr) -> sympy.Expr:
    """The logarithm to base 2."""
    return sympy.log(z) / _LOG2


def log10(z: sympy.Expr) -> sympy.Expr:
    """The logarithm to base 10."""
    return sympy.log(z) / _LOG10


class logaddexp(sympy.Function):  # noqa: N801
    """log(eᵃ + eᵇ)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return exp(self.args[argindex - 1] - self)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.log(sympy.exp(args[0]) + sympy.exp(args[1])) if rule == sympy.exp else None


class logaddexp2(sympy.Function):  # noqa: N801
    """log₂(2ᵃ + 2ᵇ)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return exp2(self.args[argindex - 1] - self)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        total = sympy.Integer(2) ** args[0] + sympy.Integer(2) ** args[1]
        return sympy.log(total, 2) if rule == sympy.exp else None


# Special functions, with the constants of the engine's rules as the decimals they are

_ROOT_HALF = sympy.sqrt(sympy.Rational(1, 2))
_SLOPE, _HALF_ROOT_PI, _ROOT_TWO_PI = (
    sympy.Rational(str(x))
    for x in (2 / math.sqrt(math.pi), math.sqrt(math.pi) / 2, math.sqrt(2 * math.pi))
)


class erfc(sympy.Function):  # noqa: N801
    """1 − erf z."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return -_SLOPE * exp(-(self.args[0] ** 2))

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.erfc(args[0]) if rule == sympy.exp else None


class erfcx(sympy.Function):  # noqa: N801
    """exp(z²) erfc z."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return 2 * self.args[0] * self - _SLOPE

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.exp(args[0] ** 2) * sympy.erfc(args[0]) if rule == sympy.exp else None


class erfinv(sympy.Function):  # noqa: N801
    """The inverse of erf."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return _HALF_ROOT_PI * exp(self**2)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.erfinv(args[0]) if rule == sympy.exp else None


class erfcinv(sympy.Function):  # noqa: N801
    """The inverse of erfc."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return -_HALF_ROOT_PI * exp(self**2)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.erfinv(1 - args[0]) if rule == sympy.exp else None


def ndtr(z: sympy.Expr) -> sympy.Expr:
    """The probability of a standard normal number up to z."""
    return sympy.Rational(1, 2) + erf(z * _ROOT_HALF) / 2


class log_ndtr(sympy.Function):  # noqa: N801
    """log of `ndtr`."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return exp(-(self.args[0] ** 2) / 2 - self) / _ROOT_TWO_PI

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        share = (1 + sympy.erf(args[0] / sympy.sqrt(2))) / 2
        return sympy.log(share) if rule == sympy.exp else None


class ndtri(sympy.Function):  # noqa: N801
    """The inverse of `ndtr`."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return _ROOT_TWO_PI * exp(self**2 / 2)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        return sympy.sqrt(2) * sympy.erfinv(2 * args[0] - 1) if rule == sympy.exp else None


def logit(z: sympy.Expr) -> sympy.Expr:
    """The inverse of σ."""
    return sympy.log(z) - sympy.log(1 - z)


def xlogy(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """A log b."""
    return a * sympy.log(b)


def xlog1py(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """A log(1 + b)."""
    return a * sympy.log(1 + b)


def entr(z: sympy.Expr) -> sympy.Expr:
    """−z log z."""
    return -z * sympy.log(z)


def betaln(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The logarithm of the beta function."""
    return sympy.loggamma(a) + sympy.loggamma(b) - sympy.loggamma(a + b)


class gammainc(sympy.Function):  # noqa: N801
    """The lower share of Γ(a), by its upper limit z."""

    def fdiff(self, argindex: int = 2) -> sympy.Expr:
        a, z = self.args
        return exp((a - 1) * sympy.log(z) - z - sympy.loggamma(a))

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        a, z = args
        return sympy.lowergamma(a, z) / sympy.gamma(a) if rule == sympy.exp else None


class betainc(sympy.Function):  # noqa: N801
    """The lower share of B(a, b), by its upper limit z."""

    def fdiff(self, argindex: int = 3) -> sympy.Expr:
        a, b, z = self.args
        return exp((a - 1) * sympy.log(z) + (b - 1) * sympy.log(1 - z) - betaln(a, b))

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sympy.Expr | None:
        a, b, z = args
        return sympy.betainc_regularized(a, b, 0, z) if rule == sympy.exp else None


def kve(n: sympy.Expr, z: sympy.Expr) -> sympy.Expr:
    """The modified Bessel function of the second kind times eᶻ."""
    return sympy.besselk(n, z) * exp(z)


def ive(n: sympy.Expr, z: sympy.Expr) -> sympy.Expr:
    """The modified Bessel function times exp(−|z|)."""
    return sympy.besseli(n, z) * exp(-absolute(z))
