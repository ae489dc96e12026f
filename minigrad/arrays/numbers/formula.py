"""Numbers whose twin is a SymPy expression."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import sympy

from minigrad.arrays.numbers.array import Numbers
from minigrad.arrays.numbers.number import Number
from minigrad.arrays.symbolic import function_of
from minigrad.primitives import PRIMITIVES


class Formula(Number):
    """A twin that is a SymPy expression."""

    __slots__ = ()
    branches: ClassVar[int] = 0  # comparisons that have chosen one
    names: ClassVar[dict[sympy.Expr, sympy.Dummy]] = {}  # of sums
    naming: ClassVar[bool] = False  # whether a sum without a name gets one

    @classmethod
    @contextmanager
    def with_names(cls) -> Iterator[dict[sympy.Expr, sympy.Dummy]]:
        """Context manager: sums that operations on arrays give get a symbol each, listed here.

        A formula over several time steps is then one of many short ones, and no long one. Once
        ``naming`` is false, only sums that have a name already are called by it.
        """
        cls.names, cls.naming, Number.has_names = {}, True, True
        try:
            yield cls.names
        finally:
            cls.names, Number.has_names = {}, False

    @classmethod
    def named(cls, number: Any) -> Any:
        """The number with a name in place of a sum."""
        if type(number) is not cls or not getattr(number.exact, "is_Add", False):
            return number
        name = cls.names.get(number.exact)
        if name is None and cls.naming:
            name = cls.names[number.exact] = sympy.Dummy("a", real=True)
        return number if name is None else cls(number.real, name, 0)

    @classmethod
    def twin(cls, value: Any) -> sympy.Expr:
        if isinstance(value, Fraction):
            return sympy.Rational(value.numerator, value.denominator)
        return value

    @classmethod
    def function(
        cls, name: str, arguments: tuple[Any, ...], reals: tuple[float, ...]
    ) -> sympy.Expr:
        return function_of(PRIMITIVES[name])(*arguments)

    def _less(self, other: Any) -> Any:
        other = self.of(other)
        if other is not NotImplemented and not (self.exact.is_number and other.exact.is_number):
            Formula.branches += 1
        return super()._less(other)

    @classmethod
    def symbols(cls, name: str, reals: np.ndarray, *, positive: bool = False) -> Numbers:
        """Real symbols ``name``, or ``name_0_0`` … for an array, beside these floats."""
        twins = np.empty(reals.shape, dtype=object)
        for index in np.ndindex(*reals.shape):
            label = "_".join([name, *map(str, index)])
            twins[index] = sympy.Symbol(label, real=True, positive=positive or None)
        return Numbers.joined(cls, reals, twins)
