"""Functions with a kink, unevaluated: max(a, b) is written so, and not by a step function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from minigrad.arrays import functions
from minigrad.arrays.functions import heaviside, sign
from minigrad.arrays.symbolic import function_of
from minigrad.primitives import Primitive


class relu(sympy.Function):  # noqa: N801 (SymPy's functions are lower case)
    """The larger of z and 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return heaviside(self.args[0])


class absolute(sympy.Function):  # noqa: N801
    """The absolute value."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sign(self.args[0])


class maximum(sympy.Function):  # noqa: N801
    """The larger of two."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        larger = heaviside(self.args[0] - self.args[1])
        return larger if argindex == 1 else 1 - larger


class minimum(sympy.Function):  # noqa: N801
    """The smaller of two."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        larger = heaviside(self.args[0] - self.args[1])
        return 1 - larger if argindex == 1 else larger


_WRITTEN = {f.__name__: f for f in (relu, absolute, maximum, minimum)}


def by_pieces(expression: sympy.Expr) -> sympy.Expr:
    """The expression with each kink as a step function, as `minigrad.arrays.functions` has it."""
    for name, written in _WRITTEN.items():
        expression = expression.replace(written, getattr(functions, name))
    return expression


def written_as(primitive: Primitive) -> Callable[..., Any]:
    """SymPy's function for an elementwise primitive, as formulas show it."""
    return _WRITTEN.get(primitive.name) or function_of(primitive)
