"""Formulas: SymPy expressions in named quantities.

Sums, products, powers and functions act on each entry by itself. What does not, such as a matrix
product, is an `ArrayFunction`. A formula is data: `minigrad.symbolic.write` puts it on paper.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial as partial_of
from typing import Any, Self

import sympy


class Quantity(sympy.Symbol):
    """A symbol that says how it is written: f_t, a^f_t, W_f, δh_t.

    Args:
        base: the letter or word.
        shift: 0 for t, −1 for t − 1; ``None`` for what has no time.
        upper: written above: the gate of a pre-activation.
        lower: written below: the gate of a parameter.
        delta: whether ∂L/∂ the quantity is meant.
        time: the step from which the shift counts; empty for the numbers 0 and 1 themselves.
        rank: quantities of a low rank are written first.
    """

    __slots__ = ("base", "delta", "lower", "rank", "shift", "time", "upper")

    base: str
    shift: int | None
    upper: str
    lower: str
    delta: bool
    time: str
    rank: int

    def __new__(
        cls,
        base: str,
        shift: int | None = None,
        *,
        upper: str = "",
        lower: str = "",
        delta: bool = False,
        time: str = "t",
        rank: int = 0,
    ) -> Self:
        fields = (base, shift, upper, lower, delta, time, rank)
        self = super().__new__(cls, "\0".join(map(str, fields)), real=True)
        self.base, self.shift, self.upper, self.lower, self.delta, self.time, self.rank = fields
        return self

    def replaced(self, **fields: Any) -> Quantity:
        """The quantity with some fields changed."""
        mine = {name: getattr(self, name) for name in self.__slots__}
        return Quantity(**(mine | fields))


class Size(sympy.Symbol):
    """The length of an axis, such as the number of units."""

    def __new__(cls, name: str) -> Self:
        return super().__new__(cls, name, positive=True, integer=True)


def length(n: int) -> Size:
    """How long an axis is, a number that knows that it counts entries."""
    return Size(str(n))


def symbol(name: str) -> sympy.Symbol:
    """The symbol of a quantity in code, which stands for one of its entries."""
    return sympy.Symbol(name, real=True)


class ArrayFunction(sympy.Function):
    """A function of whole arrays, linear in ``linear`` of its arguments."""

    linear: tuple[int, ...] = ()

    @classmethod
    def eval(cls, *args: sympy.Expr) -> sympy.Expr | None:
        """Numbers and sizes come out of the arguments in which the function is linear."""
        for k in cls.linear:
            if args[k] == 0:
                return sympy.Integer(0)
            number, rest = apart(args[k])
            if number != 1:
                return number * cls(*args[:k], rest, *args[k + 1 :])
        return None


def apart(expression: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """A product's numbers and sizes, and its other factors."""
    factors = sympy.Mul.make_args(expression)
    numbers = [factor for factor in factors if is_number(factor)]
    return sympy.Mul(*numbers), sympy.Mul(*(e for e in factors if not is_number(e)))


def is_number(expression: sympy.Expr) -> bool:
    """Whether it is made of numbers and sizes alone."""
    return all(isinstance(s, Size) for s in expression.free_symbols)


class matmul(ArrayFunction):  # noqa: N801 (SymPy's functions are lower case)
    """The matrix product."""

    linear = (0, 1)


class transposed(ArrayFunction):  # noqa: N801
    """The transpose."""

    linear = (0,)

    @classmethod
    def eval(cls, *args: sympy.Expr) -> sympy.Expr | None:
        """(Aᵀ)ᵀ = A, and (A B)ᵀ = Bᵀ Aᵀ."""
        (x,) = args
        if is_number(x):
            return x
        if isinstance(x, transposed):
            return x.args[0]
        if isinstance(x, matmul):
            a, b = x.args
            return matmul(transposed(b), transposed(a))
        return super().eval(x)


class row_sum(ArrayFunction):  # noqa: N801
    """The sum of each row."""

    linear = (0,)


class column_sum(ArrayFunction):  # noqa: N801
    """The sum of each column: 1ᵀ A."""

    linear = (0,)


class total(ArrayFunction):  # noqa: N801
    """The sum of all entries."""

    linear = (0,)


class mean(ArrayFunction):  # noqa: N801
    """The mean of all entries."""

    linear = (0,)


class softmax(ArrayFunction):  # noqa: N801
    """Softmax of each row."""


class stacked(ArrayFunction):  # noqa: N801
    """Vectors one behind the other: [h, x]."""


class part(ArrayFunction):  # noqa: N801
    """The entries of a row, or the columns of a matrix, from start up to stop: (x, start, stop)."""

    linear = (0,)

    @classmethod
    def eval(cls, *args: sympy.Expr) -> sympy.Expr | None:
        """Of a product A B it is A times the columns of B."""
        x, start, stop = args
        if isinstance(x, matmul):
            return matmul(x.args[0], part(x.args[1], start, stop))
        return super().eval(*args)


class placed(ArrayFunction):  # noqa: N801
    """A vector of ``length`` zeros, but for x from ``start`` on, (x, start, stop, length)."""

    linear = (0,)


class affine(ArrayFunction):  # noqa: N801
    """W·x + b, (W, x, b)."""


class partial(ArrayFunction):  # noqa: N801
    """∂w/∂v."""


class along(ArrayFunction):  # noqa: N801
    """∂w/∂v along the path of a state alone, (w, v, state)."""


class of_loss(ArrayFunction):  # noqa: N801
    """∂ℓ/∂v, the part of a gradient that the loss of one step sends directly."""


class sum_over_time(ArrayFunction):  # noqa: N801
    """Σ_t."""


class product_over_time(ArrayFunction):  # noqa: N801
    """The product over the steps s = t + 1 … T."""


class diagonal(ArrayFunction):  # noqa: N801
    """The diagonal matrix with these entries."""


class norm(ArrayFunction):  # noqa: N801
    """The spectral norm."""


class size(ArrayFunction):  # noqa: N801
    """The magnitude |x|, where it is spoken of and not computed."""


class to_the_distance(ArrayFunction):  # noqa: N801
    """x to the power T − t."""


@dataclass(frozen=True)
class Given:
    """A short formula as a sentence states it, in Unicode."""

    source: str


@dataclass(frozen=True)
class Equation:
    """left = right = …, or ≤.

    Attributes:
        left: the quantity that the equation is of.
        rights: what it equals, the last one written out.
        relation: ``"="`` or ``"≤"``.
    """

    left: sympy.Expr
    rights: tuple[sympy.Expr, ...]
    relation: str = "="

    @property
    def right(self) -> sympy.Expr:
        """The last side."""
        return self.rights[-1]


def in_columns(expression: sympy.Expr, matrices: Collection[sympy.Symbol]) -> sympy.Expr:
    """The transpose of a formula in which vectors are rows; in the result they are columns.

    Args:
        expression: of rows, and of the matrices.
        matrices: the symbols that stand for matrices.
    """
    turn = partial_of(in_columns, matrices=matrices)
    if expression in matrices:
        return transposed(expression)
    if not expression.args:
        return expression
    if isinstance(expression, transposed):
        return transposed(turn(expression.args[0]))
    if isinstance(expression, matmul):
        a, b = expression.args
        return matmul(turn(b), turn(a))
    if isinstance(expression, total | row_sum):
        return column_sum(turn(expression.args[0]))
    if isinstance(expression, part):
        x, *bounds = expression.args
        if x in matrices:
            return transposed(expression)
        return part(turn(x), *bounds)
    return expression.func(*map(turn, expression.args))


def joined(expression: sympy.Expr) -> sympy.Expr:
    """A sum of vectors that are 0 but for parts, which fill the whole, as these parts stacked."""
    terms = sympy.Add.make_args(expression)
    parts = sorted((t for t in terms if isinstance(t, placed)), key=lambda t: int(t.args[1]))
    if not parts:
        return expression
    ends = [0, *(int(t.args[2]) for t in parts)]
    starts = [*(int(t.args[1]) for t in parts), int(parts[0].args[3])]
    if ends != starts:
        return expression
    rest = [t for t in terms if not isinstance(t, placed)]
    return sympy.Add(stacked(*(t.args[0] for t in parts)), *rest)


def equal(left: sympy.Expr, *rights: sympy.Expr) -> Equation:
    """An `Equation`; sides that repeat the one before are left out."""
    return Equation(left, tuple(dict.fromkeys(rights)))
