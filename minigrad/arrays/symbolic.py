"""Arrays of SymPy expressions: what the engine does with numbers, it does with formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy

from minigrad.arrays import budget, functions
from minigrad.arrays.world import ExactArray, rational
from minigrad.primitives import PRIMITIVES, Primitive


class SymbolicArray(ExactArray):
    """An object array of SymPy expressions.

    Args:
        entries: expressions or numbers, nested as for ``np.array``. Floats become the
            rationals that they are written as. Strings are refused: nothing is parsed.
    """

    __slots__ = ()

    @classmethod
    def scalar(cls, value: Any) -> sympy.Expr:
        if isinstance(value, sympy.Expr):
            return value
        exact = rational(value)
        return sympy.Rational(exact.numerator, exact.denominator)

    @classmethod
    def elementwise(cls, primitive: Primitive) -> Callable[..., sympy.Expr]:
        function = function_of(primitive)
        if not primitive.nonsmooth:
            return function
        return lambda *scalars: functions.on_one_branch(function(*scalars))

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        result = super().__primitive__(primitive, operands, static)
        meanings = _meanings.get()
        if meanings is not None and _sums(primitive) and result is not NotImplemented:
            return type(self)(np.frompyfunc(lambda e: _named(e, meanings), 1, 1)(result.entries))
        return result

    def positive(self) -> SymbolicArray:
        branch = np.frompyfunc(lambda z: functions.on_one_branch(functions.heaviside(z)), 1, 1)
        return SymbolicArray(branch(self.entries))

    @classmethod
    def symbols(
        cls, name: str, shape: tuple[int, ...] = (), *, positive: bool = False
    ) -> SymbolicArray:
        """Real symbols ``name``, or ``name_0_0`` … for an array."""
        entries = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            label = "_".join([name, *map(str, index)])
            entries[index] = sympy.Symbol(label, real=True, positive=positive or None)
        return cls(entries)


Meanings = dict[sympy.Symbol, sympy.Expr]
_meanings: ContextVar[Meanings | None] = ContextVar("minigrad.meanings", default=None)


@contextmanager
def named_products() -> Iterator[Meanings]:
    """Sums that products of arrays make get a symbol each, whose meanings are filled in here.

    A formula over several time steps is then one of many short ones, and no long one.
    """
    meanings: Meanings = {}
    token = _meanings.set(meanings)
    try:
        yield meanings
    finally:
        _meanings.reset(token)


def _sums(primitive: Primitive) -> bool:
    return primitive.kind == "bilinear" or primitive.name == "add"


def _named(entry: sympy.Expr, meanings: Meanings) -> sympy.Expr:
    if not entry.is_Add:
        return entry
    name = sympy.Dummy("a", real=True)
    meanings[name] = entry
    return name


def written_out(expression: sympy.Expr, meanings: Meanings) -> sympy.Expr:
    """The expression with every name's meaning in its place."""
    for name, meaning in reversed(meanings.items()):  # each is made of earlier ones
        expression = expression.xreplace({name: meaning})
    return expression


class Slopes:
    """Derivatives of an expression that has names in it: SymPy's own, joined by the chain rule.

    Args:
        expression: what is differentiated.
        meanings: of its names.
    """

    def __init__(self, expression: sympy.Expr, meanings: Meanings) -> None:
        self.expression, self.meanings = expression, meanings
        self._partials: dict[tuple[sympy.Expr, sympy.Symbol], sympy.Expr] = {}
        self._free: dict[sympy.Expr, set[sympy.Symbol]] = {}

    def by(self, variable: sympy.Symbol) -> sympy.Expr:
        """∂/∂variable, through every name."""
        of_names: dict[sympy.Symbol, sympy.Expr] = {}
        for name, meaning in self.meanings.items():
            of_names[name] = self._total(meaning, variable, of_names)
        return self._total(self.expression, variable, of_names)

    def _total(self, of: sympy.Expr, variable: sympy.Symbol, names: Meanings) -> sympy.Expr:
        if of not in self._free:
            self._free[of] = of.free_symbols
        inner = {n: names[n] for n in names if n in self._free[of] and names[n] != 0}
        if variable in self._free[of]:
            inner[variable] = sympy.S.One
        return sympy.Add(*(self._partial(of, n) * slope for n, slope in inner.items()))

    def _partial(self, of: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
        if (of, variable) not in self._partials:
            budget.check()
            self._partials[of, variable] = sympy.diff(of, variable)
        return self._partials[of, variable]


@cache
def function_of(primitive: Primitive) -> Callable[..., sympy.Expr]:
    """SymPy's function of the same meaning as an elementwise primitive.

    Raises:
        TypeError: the primitive names none.
    """
    if primitive.symbol is None:
        raise TypeError(f"{primitive.name}: this elementwise primitive names no symbol=, "
                        "SymPy's function of the same meaning")  # fmt: skip
    if callable(primitive.symbol):
        return primitive.symbol
    found = getattr(functions, primitive.symbol, None) or getattr(sympy, primitive.symbol, None)
    if found is None:
        raise TypeError(f"{primitive.name}: symbol={primitive.symbol!r} is neither SymPy's "
                        "nor in minigrad.arrays.functions")  # fmt: skip
    return found


@cache
def derivative_of(
    primitive: Primitive, position: int
) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...]]:
    """SymPy's own ∂/∂(operand ``position``) of an elementwise primitive, and its variables."""
    variables = tuple(sympy.Symbol(n, real=True) for n in "abcd"[: primitive.arity])
    value = function_of(primitive)(*variables)
    return sympy.diff(value, variables[position]), variables


def evaluate(expression: sympy.Expr, values: dict[sympy.Symbol, Any]) -> Any:
    """The expression's value with arrays of any world in place of its symbols.

    Raises:
        TypeError: the expression holds a function that no primitive means.
    """
    if expression in values:
        return values[expression]
    exact = any(isinstance(getattr(v, "data", v), ExactArray) for v in values.values())
    if expression.is_Rational:
        constant = Fraction(expression.p, expression.q)
        return constant if exact else float(constant)
    arguments = [evaluate(argument, values) for argument in expression.args]
    if expression.is_Add or expression.is_Mul:
        total, *rest = arguments
        for argument in rest:
            total = total + argument if expression.is_Add else total * argument
        return total
    if expression.is_Pow:
        base, exponent = arguments
        if exact and type(base) is int:  # x / 3: the inverse of 3, and not 0.333…
            base = Fraction(base)
        return _power(base, expression.exp, exponent)
    if expression.func is functions.heaviside:
        return (arguments[0] > 0) * 1
    primitive = _by_symbol().get(expression.func)
    if primitive is None:
        raise TypeError(f"{expression.func}: no primitive has this meaning")
    return primitive(*arguments)


def _power(base: Any, exact: sympy.Expr, exponent: Any) -> Any:
    if exact.is_Integer and exact < 0:
        return 1 / base ** int(-exact)
    if exact == sympy.Rational(1, 2):
        return np.sqrt(base)
    if exact == -sympy.Rational(1, 2):
        return 1 / np.sqrt(base)
    return base**exponent


def _by_symbol() -> dict[Any, Primitive]:
    """Who means a function of SymPy; of several the first, for a later one may be on trial."""
    return {
        function_of(primitive): primitive
        for primitive in reversed([*PRIMITIVES.values()])
        if primitive.symbol is not None
    } | {sympy.exp: PRIMITIVES["exp"]}  # SymPy's own, in a formula of somebody's
