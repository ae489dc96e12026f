"""Formulas: SymPy expressions in named quantities.

Sums, products, powers and functions act on each entry by itself. What does not, such as a matrix
product, is an `ArrayFunction`. A formula is data: `minigrad.symbolic.write` puts it on paper.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
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


class columns(ArrayFunction):  # noqa: N801
    """Columns of a matrix, or entries of a row, (A, start, stop)."""

    linear = (0,)

    @classmethod
    def eval(cls, *args: sympy.Expr) -> sympy.Expr | None:
        """Of a product A B they are A times the columns of B."""
        x, start, stop = args
        if isinstance(x, matmul):
            return matmul(x.args[0], columns(x.args[1], start, stop))
        return super().eval(*args)


def _function(name: str, doc: str, *linear: int) -> Any:
    """A function of arrays that does nothing by itself but stand for its meaning."""
    return type(name, (ArrayFunction,), {"__doc__": doc, "linear": linear})


row_sum = _function("row_sum", "The sum of each row.", 0)
column_sum = _function("column_sum", "The sum of each column: 1ᵀ A.", 0)
total = _function("total", "The sum of all entries.", 0)
mean = _function("mean", "The mean of all entries.", 0)
softmax = _function("softmax", "Softmax of each row.")
beside = _function("beside", "Matrices beside one another: [A, B].")
stacked = _function("stacked", "Columns on top of one another: [h, x].")
entries = _function("entries", "Entries of a column, (v, start, stop).", 0)
placed = _function("placed", "Zeros, but for x in some columns, (x, start, stop, width).", 0)
zeros = _function("zeros", "So many zeros.")
affine = _function("affine", "W·x + b, (W, x, b).")
diagonal = _function("diagonal", "The diagonal matrix with these entries.")
partial = _function("partial", "∂w/∂v.")
along = _function("along", "∂w/∂v along the path of a state alone, (w, v, state).")
of_loss = _function("of_loss", "∂ℓ/∂v, what the loss of one step sends directly.")
sum_over_time = _function("sum_over_time", "The sum over all steps t.")
product_over_time = _function("product_over_time", "The product over the steps t + 1 … T.")
norm = _function("norm", "The spectral norm.")
size = _function("size", "The magnitude |x|, where it is spoken of and not computed.")
to_the_distance = _function("to_the_distance", "x to the power T − t.")


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
    if isinstance(expression, total | row_sum | column_sum):
        turned = row_sum if isinstance(expression, column_sum) else column_sum
        return turned(turn(expression.args[0]))
    if isinstance(expression, columns):
        x, *bounds = expression.args
        return transposed(expression) if x in matrices else entries(turn(x), *bounds)
    if isinstance(expression, beside):
        return stacked(*map(turn, expression.args))
    return expression.func(*map(turn, expression.args))


def joined(expression: sympy.Expr, lengths: Mapping[int, sympy.Expr]) -> sympy.Expr:
    """What is 0 but for some columns, as these beside one another, with zeros between.

    Args:
        expression: any, of which sums are joined.
        lengths: how a number of entries is written.
    """
    if not expression.has(placed):
        return expression
    turn = partial_of(joined, lengths=lengths)
    terms = [term.as_coeff_Mul() for term in sympy.Add.make_args(expression)]
    parts = [
        (number * turn(t.args[0]), *t.args[1:]) for number, t in terms if isinstance(t, placed)
    ]
    rest = [number * t.func(*map(turn, t.args)) if t.args else number * t
            for number, t in terms if not isinstance(t, placed)]  # fmt: skip
    parts.sort(key=lambda part: int(part[1]))
    apart = all(a[2] <= b[1] for a, b in itertools.pairwise(parts))
    groups = [parts] if apart and parts else [[part] for part in parts]
    return sympy.Add(*rest, *(_filled(group, lengths) for group in groups))


def _filled(
    parts: Sequence[tuple[sympy.Expr, ...]], lengths: Mapping[int, sympy.Expr]
) -> sympy.Expr:
    """Some columns, in order, with zeros before, between and after."""
    blocks, end, length = [], sympy.Integer(0), parts[0][3]
    for x, start, stop, _ in (*parts, (None, length, length, length)):
        if start != end:
            before, after = lengths[int(end)], lengths[int(start)]
            blocks.append(zeros(after - before))
        if x is not None:
            blocks.append(x)
        end = stop
    return beside(*blocks)


def counted(expression: sympy.Expr, lengths: Mapping[int, sympy.Expr]) -> sympy.Expr:
    """How many entries a sum has, as it is written."""
    numbers = (s for s in expression.atoms(Size) if s.name.isdigit())
    return expression.xreplace({s: lengths[int(s.name)] for s in numbers})


def tidied(expression: sympy.Expr) -> sympy.Expr:
    """A sum with what its terms have in common in front."""
    tidy = sympy.factor_terms(expression)
    number, rest = tidy.as_coeff_Mul()
    if number.is_Rational and number.q > 1000:  # a decimal in one of the terms
        return expression
    return rest if number == 1 else tidy


def equal(left: sympy.Expr, *rights: sympy.Expr) -> Equation:
    """An `Equation`; sides that repeat the one before are left out."""
    return Equation(left, tuple(dict.fromkeys(rights)))
