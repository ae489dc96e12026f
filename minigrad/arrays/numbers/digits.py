"""Numbers whose twin has fifty digits: every law of the real numbers holds, to that many."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy

from minigrad.arrays.numbers.array import Numbers
from minigrad.arrays.numbers.number import Number, OutsideDomainError
from minigrad.arrays.symbolic import function_of
from minigrad.primitives import PRIMITIVES, Primitive

DIGITS = 50


class Digits(Number):
    """A twin of fifty digits: every law of the real numbers holds, to that many."""

    __slots__ = ()

    @classmethod
    def twin(cls, value: Any) -> Decimal:
        if isinstance(value, Fraction):
            return Decimal(value.numerator) / value.denominator
        return Decimal(str(sympy.N(value, DIGITS)))

    @classmethod
    def function(cls, name: str, arguments: tuple[Any, ...], reals: tuple[float, ...]) -> Decimal:
        x = arguments[0]
        if name in ("exp", "sqrt"):
            return x.exp() if name == "exp" else x.sqrt()
        if name == "log":
            return x.ln()
        if name == "sigmoid":
            return 1 / (1 + (-x).exp())
        if name == "tanh":
            e = (-2 * abs(x)).exp()
            return ((1 - e) / (1 + e)).copy_sign(x)
        with mpmath.workdps(DIGITS):
            value = _in_digits(PRIMITIVES[name])(*[mpmath.mpf(str(a)) for a in arguments])
            if abs(mpmath.im(value)) > abs(value) * mpmath.mpf(10) ** (10 - DIGITS):
                raise OutsideDomainError(f"{name} has no real value at {x}")
            return Decimal(mpmath.nstr(mpmath.re(value), DIGITS))

    @classmethod
    def drawn(cls, reals: np.ndarray, rng: np.random.Generator) -> Numbers:
        """These floats with more digits behind them."""
        digits = rng.integers(10**4, size=reals.size)
        twins = np.fromiter(
            (
                Decimal(float(x)) * (1 + Decimal(int(n)).scaleb(-20))
                for x, n in zip(reals.ravel(), digits, strict=True)
            ),
            object,
            reals.size,
        )
        return Numbers.joined(cls, reals, twins.reshape(reals.shape))

    @staticmethod
    def precision() -> Any:
        """Context manager: their arithmetic has fifty digits inside it, and only there."""
        return decimal.localcontext(decimal.Context(prec=DIGITS, traps=[]))


@cache
def _in_digits(primitive: Primitive) -> Callable[..., Any]:
    variables = tuple(sympy.Symbol(n, real=True) for n in "abcd"[: primitive.arity])
    expression = function_of(primitive)(*variables).rewrite(sympy.exp)
    return sympy.lambdify(variables, expression, "mpmath")
