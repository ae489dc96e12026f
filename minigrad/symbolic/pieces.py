"""Functions with a kink, a choice or a constant, unevaluated: max(a, b) is written so.

Their derivatives are the engine's, also at the kink: 0 for |x| at 0, ½ where max has a tie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from minigrad.arrays.symbolic import function_of
from minigrad.primitives import Primitive


def _known(holds: Any) -> sympy.Integer:
    """A comparison of two numbers."""
    return sympy.Integer(bool(holds))


class greater(sympy.Function):  # noqa: N801 (SymPy's functions are lower case)
    """1 where a > b, else 0: Iverson's bracket."""

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        return _known(a > b) if a.is_Number and b.is_Number else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class at_least(sympy.Function):  # noqa: N801
    """1 where a ≥ b, else 0."""

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        return _known(a >= b) if a.is_Number and b.is_Number else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class same(sympy.Function):  # noqa: N801
    """1 where a = b, else 0."""

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        """One form for a = b and b = a, a number on the right."""
        if a.is_Number and b.is_Number:
            return _known(a == b)
        first, second = sorted((a, b), key=lambda e: (e.is_number, sympy.default_sort_key(e)))
        return None if (a, b) == (first, second) else cls(first, second)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class sign(sympy.Function):  # noqa: N801
    """−1, 0 or 1."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class stopped(sympy.Function):  # noqa: N801
    """The value itself, as a constant: no gradient flows back through it."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class relu(sympy.Function):  # noqa: N801
    """The larger of z and 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return greater(self.args[0], 0)


class absolute(sympy.Function):  # noqa: N801
    """The absolute value."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sign(self.args[0])


class maximum(sympy.Function):  # noqa: N801
    """The larger of two."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        a, b = self.args if argindex == 1 else reversed(self.args)
        return _share(a, b)


class minimum(sympy.Function):  # noqa: N801
    """The smaller of two."""

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        """The smaller of max(z, low) and high is z within limits."""
        for x, high in ((a, b), (b, a)):
            if isinstance(x, maximum):
                low, z = sorted(x.args, key=lambda e: not e.is_number)
                if low.is_number and high.is_number and low < high:
                    return clip(z, low, high)
        return None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        b, a = self.args if argindex == 1 else reversed(self.args)
        return _share(a, b)


class clip(sympy.Function):  # noqa: N801
    """The first, but no less than the second and no more than the third, which are numbers."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return inside(*self.args) if argindex == 1 else sympy.Integer(0)


class inside(sympy.Function):  # noqa: N801
    """1 where the first lies between the second and the third, ½ at these, 0 beyond."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class where(sympy.Function):  # noqa: N801
    """The second where the first, a condition, is 1; the third where it is 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        condition = self.args[0]
        return (sympy.Integer(0), condition, 1 - condition)[argindex - 1]


def _share(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """How much of the cotangent the larger one gets: half in a tie."""
    return greater(a, b) + same(a, b) / 2


COMPARISONS: dict[str, Callable[[Any, Any], sympy.Expr]] = {
    "greater": greater,
    "less": lambda a, b: greater(b, a),
    "greater_equal": at_least,
    "less_equal": lambda a, b: at_least(b, a),
    "equal": same,
    "not_equal": lambda a, b: 1 - same(a, b),
}
"""The formula of each of NumPy's comparisons, 1 for True."""

_WRITTEN = {f.__name__: f for f in (relu, absolute, maximum, minimum, sign)}


class heaviside(sympy.Function):  # noqa: N801
    """1 where z > 0, else 0. Unlike that of `minigrad.arrays.functions` it is exact at 0 too."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


def by_pieces(expression: sympy.Expr) -> sympy.Expr:
    """The expression with every kink and choice as a step function, the same at the kink too."""
    for function, pieces in _PIECES.items():
        expression = expression.replace(function, pieces)
    return expression


def _sign(z: sympy.Expr) -> sympy.Expr:
    return heaviside(z) - heaviside(-z)


def _larger(a: sympy.Expr, b: sympy.Expr, sign: int = 1) -> sympy.Expr:
    share = (1 + sign * _sign(a - b)) / 2  # half in a tie
    return share * a + (1 - share) * b


def _chosen(condition: sympy.Expr, x: sympy.Expr, y: sympy.Expr) -> sympy.Expr:
    """A choice as a sum, if what is not chosen is a number: 0 times infinity is none."""
    risky = any(e.has(sympy.log) or e.atoms(sympy.Pow) for e in (x, y))
    return where(condition, x, y) if risky else condition * x + (1 - condition) * y


_PIECES: dict[type[sympy.Function], Callable[..., sympy.Expr]] = {
    clip: lambda z, low, high: _larger(_larger(z, low), high, -1),
    inside: lambda z, low, high: (_sign(z - low) - _sign(z - high)) / 2,
    where: _chosen,
    relu: lambda z: z * heaviside(z),
    absolute: lambda z: z * _sign(z),
    sign: _sign,
    maximum: _larger,
    minimum: lambda a, b: _larger(a, b, -1),
    greater: lambda a, b: heaviside(a - b),
    at_least: lambda a, b: 1 - heaviside(b - a),
    same: lambda a, b: 1 - heaviside(a - b) - heaviside(b - a),
}


def written_as(primitive: Primitive) -> Callable[..., sympy.Expr]:
    """SymPy's function for an elementwise primitive, as formulas show it."""
    return _WRITTEN.get(primitive.name) or _real(function_of(primitive))


def _real(function: Callable[..., sympy.Expr]) -> Callable[..., sympy.Expr]:
    """The function with √x² as our |x|, whose derivative has a value at 0."""

    def call(*operands: sympy.Expr) -> sympy.Expr:
        return function(*operands).replace(sympy.Abs, absolute)

    return call
