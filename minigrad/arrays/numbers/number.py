"""Numbers with a twin: a float, and what it is exactly in a world without rounding.

The float decides every comparison, so code branches as it does on real numbers. The twin says
whether two results are the same: an integer modulo a prime, a formula, or fifty digits. Beside
it stands its slope, the derivative along some direction of the inputs: a dual number. The
derivative of each function is SymPy's own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
import sympy
from sympy.core.function import FunctionClass

from minigrad.arrays import budget
from minigrad.arrays.functions import heaviside
from minigrad.arrays.symbolic import derivative_of, function_of
from minigrad.primitives import PRIMITIVES, Primitive


class OutsideDomainError(ArithmeticError):
    """A function was asked for a real number that it has no value for."""


class Number:
    """A real number beside what it is exactly.

    Attributes:
        real: the float that it stands for.
        exact: its twin; ``None`` where the number is infinite.
        slope: the twin's derivative along the direction in question; 0 for a constant.
    """

    __slots__ = ("exact", "real", "slope")
    __array_priority__ = 600.0
    real: float
    exact: Any
    slope: Any

    constants: ClassVar[dict[Any, Any]]
    array: ClassVar[Callable[[Any], Any]]  # of no axes; `minigrad.arrays.numbers.array` sets it
    comparisons: ClassVar[int] = 0  # of numbers that are not the same, in all worlds
    has_names: ClassVar[bool] = False  # whether sums have names, see `Formula`

    @classmethod
    def named(cls, number: Any) -> Any:
        """The number, or another of the same meaning that is shorter to write."""
        return number

    def __init_subclass__(cls) -> None:
        cls.constants = {}

    def __init__(self, real: float, exact: Any, slope: Any = 0) -> None:
        self.real, self.exact, self.slope = real, exact, slope

    # What a world says

    @classmethod
    def twin(cls, value: Fraction | sympy.Expr) -> Any:
        """A constant in this world."""
        raise NotImplementedError

    @classmethod
    def function(cls, name: str, arguments: tuple[Any, ...], reals: tuple[float, ...]) -> Any:
        """The value of a smooth function of these twins."""
        raise NotImplementedError

    @classmethod
    def drawn(cls, reals: np.ndarray, rng: np.random.Generator) -> Any:
        """These floats, each with a random twin."""
        raise NotImplementedError

    @staticmethod
    def inverse(exact: Any) -> Any:
        """1 / exact."""
        return 1 / exact

    @classmethod
    def made(cls, real: float, exact: Any, slope: Any) -> Self:
        """A result, its twin brought to this world's form."""
        return cls(real, exact, slope)

    # Constants

    @classmethod
    def of(cls, value: Any) -> Any:
        """A constant as a number of this world; ``NotImplemented`` if it is none."""
        if type(value) is cls:
            return value
        try:
            found = cls.constants.get(value)
        except TypeError:  # an array, a list
            return NotImplemented
        if found is None:
            found = cls._constant(value)
            if found is not NotImplemented and len(cls.constants) < 100_000:
                cls.constants[value] = found
        return found

    @classmethod
    def _constant(cls, value: Any) -> Any:
        if isinstance(value, bool | np.bool_ | int | np.integer):
            return cls(float(value), cls.twin(Fraction(int(value))))
        if isinstance(value, float | np.floating):
            real = float(value)
            if math.isnan(real):
                raise OutsideDomainError("a constant that is not a number (NaN)")
            return cls(real, None if math.isinf(real) else cls.twin(meant(value)))
        if isinstance(value, Fraction):
            return cls(float(value), cls.twin(value))
        return NotImplemented

    def infinite(self, real: float) -> Self:
        """The result of an operation in which an infinite number took part."""
        if math.isnan(real):
            raise OutsideDomainError("infinity minus infinity, or 0 times it")
        found: Self = type(self).of(real)
        return found

    def whole(self) -> int | None:
        """The constant integer that it is, if any."""
        if self.slope or not self.real.is_integer() or abs(self.real) > 2**20:
            return None
        return int(self.real) if self == int(self.real) else None

    # Arithmetic

    def __add__(self, other: Any) -> Any:
        if type(other) is not type(self):
            if type(other) is int and not other:  # what fills an empty buffer
                return self
            other = self.of(other)
            if other is NotImplemented:
                return other
        real = self.real + other.real
        try:
            return self.made(real, self.exact + other.exact, self.slope + other.slope)
        except TypeError:
            return self.infinite(real)

    def __sub__(self, other: Any) -> Any:
        other = self.of(other)
        if other is NotImplemented:
            return other
        real = self.real - other.real
        try:
            return self.made(real, self.exact - other.exact, self.slope - other.slope)
        except TypeError:
            return self.infinite(real)

    def __mul__(self, other: Any) -> Any:
        other = self.of(other)
        if other is NotImplemented:
            return other
        count()
        real, a, b = self.real * other.real, self.exact, other.exact
        try:
            if self.slope or other.slope:
                return self.made(real, a * b, self.slope * b + a * other.slope)
            return self.made(real, a * b, 0)
        except TypeError:
            return self.infinite(real)

    def __truediv__(self, other: Any) -> Any:
        other = self.of(other)
        if other is NotImplemented:
            return other
        count()
        if other.real == 0:
            raise OutsideDomainError("division by 0")
        real = self.real / other.real
        if self.exact is None or other.exact is None:
            return self.infinite(real)
        inverse = self.inverse(other.exact)
        exact = self.exact * inverse
        return self.made(real, exact, (self.slope - exact * other.slope) * inverse)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Any:
        other = self.of(other)
        return other if other is NotImplemented else other - self

    def __rtruediv__(self, other: Any) -> Any:
        other = self.of(other)
        return other if other is NotImplemented else other / self

    def __neg__(self) -> Any:
        if self.exact is None:
            return type(self)(-self.real, None)
        return self.made(-self.real, -self.exact, -self.slope)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Any:
        return -self if self.real < 0 else self

    def __pow__(self, exponent: Any) -> Any:
        exponent = self.of(exponent)
        return exponent if exponent is NotImplemented else self.apply(_POWER, self, exponent)

    def __rpow__(self, base: Any) -> Any:
        base = self.of(base)
        return base if base is NotImplemented else base**self

    def _to_the(self, n: int) -> Any:
        if n < 0:
            return 1 / self._to_the(-n)
        result: Any = self.of(1)
        square: Any = self
        while n:
            if n & 1:
                result = result * square
            square, n = (square * square if n > 1 else square), n >> 1
        return result

    def __mod__(self, other: Any) -> Any:
        other = self.of(other)
        return self - other * math.floor(self.real / other.real)

    def __floordiv__(self, other: Any) -> int:
        return math.floor(self.real / float(self.of(other).real))

    # Comparisons: the floats say which is larger, the twins whether they are the same

    def __eq__(self, other: Any) -> Any:
        other = self.of(other)
        if other is NotImplemented:
            return other
        if self.exact is None or other.exact is None:
            return self.real == other.real
        return self.exact == other.exact

    def __ne__(self, other: Any) -> Any:
        same = self == other
        return same if same is NotImplemented else not same

    def __lt__(self, other: Any) -> Any:
        return self._less(other)

    def __gt__(self, other: Any) -> Any:
        other = self.of(other)
        return other if other is NotImplemented else other._less(self)

    def __le__(self, other: Any) -> Any:
        more = self > other
        return more if more is NotImplemented else not more

    def __ge__(self, other: Any) -> Any:
        less = self._less(other)
        return less if less is NotImplemented else not less

    def _less(self, other: Any) -> Any:
        other = self.of(other)
        if other is NotImplemented:
            return other
        Number.comparisons += 1
        return self.real < other.real and self != other

    def __hash__(self) -> int:
        return hash(self.exact)

    def __bool__(self) -> bool:
        return self != 0

    # As a number of NumPy's

    shape: tuple[int, ...] = ()
    ndim, size, dtype = 0, 1, np.dtype(object)
    imag = 0
    T = property(lambda self: self)

    def __float__(self) -> float:
        raise TypeError(
            "float() of a number with a twin, which it would lose: as when it is stored in an "
            "array of floats, or handed to math"
        )

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.real, digits) if digits is not None else round(self.real)

    def __floor__(self) -> int:
        return math.floor(self.real)

    def __ceil__(self) -> int:
        return math.ceil(self.real)

    def __trunc__(self) -> int:
        return math.trunc(self.real)

    def rint(self) -> float:
        """The nearest whole number."""
        return float(np.rint(self.real))

    def conjugate(self) -> Self:
        """Itself: these are real."""
        return self

    def item(self) -> Self:
        """Itself."""
        return self

    def copy(self) -> Self:
        """Itself: a number never changes."""
        return self

    def tolist(self) -> Self:
        """Itself."""
        return self

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Itself; a whole number or a flag of its float for such a type."""
        return self if np.dtype(dtype).kind in "fcO" else np.dtype(dtype).type(self.real)

    def sum(self, *_: Any, **__: Any) -> Self:
        """Itself."""
        return self

    mean = max = min = squeeze = sum

    def reshape(self, *shape: Any) -> Any:
        """An array with this number as its only entry."""
        return Number.array(self).reshape(*shape)

    def ravel(self) -> Any:
        """An array of one axis with this number."""
        return self.reshape(1)

    def __getitem__(self, index: Any) -> Any:
        return Number.array(self)[index]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return Number.array(self).__array_ufunc__(ufunc, method, *_lifted(inputs), **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return function(*_lifted(args), **_lifted(kwargs))

    def __primitive__(self, primitive: Primitive, operands: Any, static: Mapping[str, Any]) -> Any:
        return primitive.bind(_lifted(tuple(operands)), static)

    # Functions

    @classmethod
    def apply(cls, primitive: Primitive, *arguments: Any) -> Any:
        """An elementwise primitive of numbers, with the slope by SymPy's derivative."""
        simple = PIECEWISE.get(primitive.name)
        if simple is not None:
            return simple(*arguments)
        count()
        numbers = tuple(map(cls.of, arguments))
        if primitive is _POWER:
            whole = numbers[1].whole()
            if whole is not None:
                return numbers[0]._to_the(whole)
        formula = _formula(primitive)
        if formula is not None:
            return formula(cls, numbers)
        name, reals = primitive.name, tuple([number.real for number in numbers])
        real = real_value(primitive, reals)
        if math.isnan(real):
            raise OutsideDomainError(f"{name} has no value at {', '.join(map(str, reals))}")
        if any(number.exact is None for number in numbers) or (math.isinf(real)):
            return cls.of(real)
        if name == "exp" and real == 0:  # −1e9 stands for −∞
            return cls.of(0)
        exact = cls.function(name, tuple([number.exact for number in numbers]), reals)
        result = cls.made(real, exact, 0)
        if any(number.slope for number in numbers):
            slope: Any = 0
            plain = tuple([cls(n.real, n.exact) for n in numbers])
            for k, number in enumerate(numbers):
                if number.slope:
                    slope += _derivative(primitive, k)(cls, plain).exact * number.slope
            result = cls.made(real, exact, slope)
        return result

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.real:.6g}, {self.exact})"


def _lifted(x: Any) -> Any:
    """Numbers as arrays of no axes, also in lists, tuples and dicts."""
    if isinstance(x, Number):
        return Number.array(x)
    if type(x) in (list, tuple):
        return type(x)(map(_lifted, x))
    if type(x) is dict:
        return {key: _lifted(part) for key, part in x.items()}
    return x


_ticks = 0


def count() -> None:
    """Look at the clock now and then, so that loops of single numbers end too."""
    global _ticks
    _ticks += 1
    if _ticks >= 5000:
        _ticks = 0
        budget.check()


def meant(value: Any) -> Any:
    """A float as what it stands for: a fraction or a root by its digits, else its decimal.

    0.5773502691896258 is √(1/3), 0.3333333333333333 is 1/3, and 0.044715 is what it says.
    """
    text = repr(float(value)) if not isinstance(value, np.floating) else str(value)
    if len(text) < 12:
        return Fraction(text)
    exact = Fraction(float(value))
    if isinstance(value, np.floating) and value.dtype.itemsize < 8:
        return Fraction(text)
    near = exact.limit_denominator(10_000)
    if abs(near - exact) <= Fraction(2, 10**16) * abs(near):
        return near
    square = exact * exact
    near = square.limit_denominator(10_000)
    if near and abs(near - square) <= Fraction(2, 10**15) * near:
        root = sympy.sqrt(sympy.Rational(near.numerator, near.denominator))
        return root if exact > 0 else -root
    return Fraction(text)


def _method(primitive: Primitive) -> Callable[..., Any]:
    return lambda self, *others: self.apply(primitive, self, *others)


for _name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "tanh", "sinh", "cosh",
              "sin", "cos", "tan", "arctan", "arcsin", "arccos", "arcsinh", "arctanh"):  # fmt: skip
    if _name in PRIMITIVES:  # NumPy calls these on the entries of an array of plain objects
        setattr(Number, _name, _method(PRIMITIVES[_name]))


# Functions of several pieces, of which the floats choose one


def _sign(x: Any) -> Any:
    return 0 if x == 0 else (1 if x > 0 else -1)


PIECEWISE: Mapping[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv, "negative": operator.neg,
    "square": lambda x: x * x, "reciprocal": lambda x: 1 / x, "absolute": abs, "sign": _sign,
    "maximum": lambda a, b: a if a >= b else b, "minimum": lambda a, b: b if a >= b else a,
    "relu": lambda x: x if x > 0 else x * 0, "heaviside": lambda x, *_: 1 if x > 0 else 0,
}  # fmt: skip
_POWER = PRIMITIVES["power"]
_REALS: Mapping[str, Callable[..., float]] = {
    "tanh": math.tanh, "log": math.log, "sin": math.sin, "cos": math.cos, "sqrt": math.sqrt,
    "log1p": math.log1p, "expm1": math.expm1, "erf": math.erf, "exp": math.exp,
    "sigmoid": lambda x: math.exp(-math.log1p(math.exp(-x))) if x > -700 else math.exp(x),
}  # fmt: skip


def real_value(primitive: Primitive, reals: tuple[float, ...]) -> float:
    """The function of the floats themselves."""
    known = _REALS.get(primitive.name)
    if known is not None and not any(map(math.isinf, reals)):
        try:
            return known(*reals)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf
    with np.errstate(all="ignore"):
        return float(primitive.forward(*map(np.float64, reals)))


Value = Callable[[type[Number], tuple[Any, ...]], Any]


@cache
def _formula(primitive: Primitive) -> Value | None:
    """How a primitive is computed whose meaning is a formula of others."""
    function = function_of(primitive)
    if primitive.name in ("sqrt", "power") or isinstance(function, FunctionClass):
        return None
    variables = tuple(sympy.Symbol(n, real=True) for n in "abcd"[: primitive.arity])
    return compiled(function(*variables), variables)


@cache
def _derivative(primitive: Primitive, position: int) -> Value:
    """SymPy's ∂/∂(operand ``position``)."""
    return compiled(*derivative_of(primitive, position))


def compiled(expression: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> Value:
    """A formula as a function of numbers of any world.

    Raises:
        TypeError: it holds a function that no primitive means.
    """
    if expression in variables:
        place = variables.index(expression)
        return lambda cls, given: given[place]
    if expression.is_Rational:
        constant = Fraction(expression.p, expression.q)
        return lambda cls, given: cls.of(constant)
    if expression.is_Pow and expression.exp == sympy.Rational(1, 2):
        root, inner = PRIMITIVES["sqrt"], compiled(expression.base, variables)
        return lambda cls, given: cls.apply(root, inner(cls, given))
    if expression.is_Pow and expression.exp.is_Rational and expression.exp.q == 2:
        root, inner = PRIMITIVES["sqrt"], compiled(expression.base, variables)
        times = int(expression.exp.p)
        return lambda cls, given: cls.apply(root, inner(cls, given)) ** times
    parts = [compiled(argument, variables) for argument in expression.args]
    if expression.is_Add or expression.is_Mul:
        combine = operator.add if expression.is_Add else operator.mul

        def folded(cls: type[Number], given: tuple[Any, ...]) -> Any:
            total = parts[0](cls, given)
            for part in parts[1:]:
                total = combine(total, part(cls, given))
            return total

        return folded
    if expression.is_Pow:
        if expression.exp.is_Integer:
            whole = int(expression.exp)
            return lambda cls, given: parts[0](cls, given) ** whole
        return lambda cls, given: parts[0](cls, given) ** parts[1](cls, given)
    if expression.func is heaviside:
        return lambda cls, given: cls.of(int(parts[0](cls, given) > 0))
    primitive = _by_symbol().get(expression.func)
    if primitive is None:
        raise TypeError(f"{expression.func}: no primitive has this meaning")
    return lambda cls, given: cls.of(cls.apply(primitive, *[part(cls, given) for part in parts]))


def _by_symbol() -> dict[Any, Primitive]:
    """Who means a function of SymPy; of several the first, for a later one may be on trial."""
    found = {
        function_of(primitive): primitive
        for primitive in reversed([*PRIMITIVES.values()])
        if primitive.symbol is not None and not callable(primitive.symbol)
    }
    return found | {sympy.exp: PRIMITIVES["exp"]}


def apply(primitive: Primitive, *scalars: Any) -> Any:
    """An elementwise primitive of numbers of a world, and of plain ones."""
    for scalar in scalars:
        if isinstance(scalar, Number):
            return type(scalar).apply(primitive, *scalars)
    piecewise = PIECEWISE.get(primitive.name)
    if piecewise is not None:
        return piecewise(*scalars)
    return float(real_value(primitive, tuple(map(float, scalars))))
