"""The exact worlds for code that people write: its float constants are what they stand for.

``x / np.sqrt(3)`` and ``x * (1 / np.sqrt(3))`` mean the same, and 0.5773502691896258 is not the
inverse of 1.7320508075688772. Fractions and square roots of fractions are recognised by their
digits; other floats are the decimals that they are written as.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Self

import numpy as np
import sympy

from minigrad.arrays.field import FieldArray
from minigrad.arrays.symbolic import SymbolicArray
from minigrad.arrays.world import ExactArray
from minigrad.tensor import Tensor, raw

_DENOMINATOR = 10_000
_DIGITS = 12  # a float of fewer digits is meant as it is written


class Written(ExactArray):
    """Arrays that may be written into, as in ``dW = np.zeros_like(W); dW += x.T @ g``."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, Tensor) and value.requires_grad:
            raise TypeError("an assignment into an array hides what is recorded")
        self.entries[index] = self._lifted(raw(value)).entries

    def __iadd__(self, other: Any) -> Self:
        self[...] = self + other
        return self

    def __isub__(self, other: Any) -> Self:
        self[...] = self - other
        return self

    def __imul__(self, other: Any) -> Self:
        self[...] = self * other
        return self


class Symbols(Written, SymbolicArray):
    """A `SymbolicArray` in which a float is a fraction or a root where it is one to rounding."""

    __slots__ = ()

    @classmethod
    def scalar(cls, value: Any) -> sympy.Expr:
        return super().scalar(_meant(value))

    def positive(self) -> Self:
        return type(self)(super().positive())


class Residues(Written, FieldArray):
    """A `FieldArray` in which a float is a fraction or a root where it is one to rounding.

    Raises:
        ArithmeticError: a root that this field does not have.
    """

    __slots__ = ()

    @classmethod
    def scalar(cls, value: Any) -> int:
        meant = _meant(value)
        if not isinstance(meant, sympy.Expr):
            return super().scalar(value)
        rational, root = meant.as_coeff_Mul()  # √18 = 3 √2: the sign of a root goes with its base
        found = FieldArray(Fraction(rational.p, rational.q)) * np.sqrt(FieldArray(int(root**2)))
        return int(found.item())

    def positive(self) -> Self:
        return type(self)(super().positive())


def _meant(value: Any) -> Any:
    """A float of many digits as the root of a fraction that it is to rounding; else as it is."""
    if not isinstance(value, float | np.floating) or len(repr(float(value))) < _DIGITS:
        return value
    exact = Fraction(float(value)) ** 2
    near = exact.limit_denominator(_DENOMINATOR)
    if not near or abs(near - exact) > 2e-15 * near:
        return value
    root = sympy.sqrt(sympy.Rational(near.numerator, near.denominator))
    return root if value > 0 else -root
