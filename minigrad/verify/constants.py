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
        square = _square(value)
        if square is None:
            return super().scalar(value)
        root = sympy.sqrt(sympy.Rational(square.numerator, square.denominator))
        return root if value > 0 else -root

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
        square = _square(value)
        if square is None:
            return super().scalar(value)
        root = int(np.sqrt(FieldArray(square)).item())
        return root if value > 0 else super().scalar(-root)

    def positive(self) -> Self:
        return type(self)(super().positive())


def _square(value: Any) -> Fraction | None:
    """The square of a float of many digits, where it is a plain fraction."""
    if not isinstance(value, float | np.floating) or len(repr(float(value))) < _DIGITS:
        return None
    exact = Fraction(float(value)) ** 2
    near = exact.limit_denominator(_DENOMINATOR)
    return near if near and abs(near - exact) <= 2e-15 * near else None
