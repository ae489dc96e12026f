"""Numbers whose twin lies in a finite field: identities checked without any tolerance."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
import sympy

from minigrad.arrays.numbers.array import Numbers
from minigrad.arrays.numbers.number import Number, count

PRIME = 2**61 - 1


class NoRootError(ArithmeticError):
    """A number that is no square in the finite field: another point may do."""


class Residue(Number):
    """A twin in the field of integers modulo `PRIME`.

    Two different rational functions of degree d agree at a random point with probability at
    most d / p (Schwartz 1980, Zippel 1979). Other functions stand for themselves: their values
    are drawn at random, always the same for the same argument, up to the laws that are kept
    here: √x² = x, e⁻ˣ = 1 / eˣ, e²ˣ = (eˣ)², log and exp undo each other, log(1 / x) = −log x,
    xᵃ⁺¹ = xᵃ x, sin² + cos² = 1, tanh is odd. What is made of these (σ, sinh, …) is made of
    them here too.
    """

    __slots__ = ()
    any_root: ClassVar[bool] = False  # whether √ of what has no root is a random number
    drew_root: ClassVar[bool] = False  # whether it has been since `afresh`
    _known: ClassVar[dict[Any, int]] = {}
    _exponents: ClassVar[dict[int, int]] = {}  # of what exp gave
    _powers: ClassVar[dict[int, int]] = {}  # of what log gave

    @classmethod
    def made(cls, real: float, exact: Any, slope: Any) -> Self:
        return cls(real, exact % PRIME, slope % PRIME)

    # The two operations that everything consists of, without a call in between

    def __add__(self, other: Any) -> Any:
        if type(other) is not Residue or self.exact is None or other.exact is None:
            return super().__add__(other)
        result = _new(Residue)
        result.real = self.real + other.real
        result.exact = (self.exact + other.exact) % PRIME
        result.slope = (self.slope + other.slope) % PRIME
        return result

    def __mul__(self, other: Any) -> Any:
        if type(other) is not Residue or self.exact is None or other.exact is None:
            return super().__mul__(other)
        count()
        result = _new(Residue)
        result.real = self.real * other.real
        result.exact = self.exact * other.exact % PRIME
        if self.slope or other.slope:
            result.slope = (self.slope * other.exact + self.exact * other.slope) % PRIME
        else:
            result.slope = 0
        return result

    __radd__ = Number.__radd__
    __rmul__ = Number.__rmul__

    @classmethod
    def twin(cls, value: Any) -> int:
        if isinstance(value, Fraction):
            return value.numerator * cls.inverse(value.denominator) % PRIME
        rational, root = value.as_coeff_Mul()  # √18 = 3 √2: the sign goes with the base
        square = sympy.Rational(root**2)
        below = cls.inverse(int(square.q)) * _root(int(square.p * square.q) % PRIME)
        return int(rational.p) * cls.inverse(int(rational.q)) * below % PRIME

    @staticmethod
    def inverse(exact: Any) -> int:
        if exact % PRIME == 0:
            raise NoRootError("division by 0 in the finite field: draw another point")
        return pow(exact, -1, PRIME)

    @classmethod
    def function(cls, name: str, arguments: tuple[Any, ...], reals: tuple[float, ...]) -> int:
        found = cls._known.get((name, arguments))
        if found is None:
            rule = getattr(cls, f"_{name}", None)
            found = rule(*arguments, *reals) if rule else _hash(name, *arguments)
            cls._known[name, arguments] = found
        return found

    @classmethod
    @contextmanager
    def afresh(cls, *, any_root: bool = False) -> Iterator[None]:
        """Context manager: functions have no values yet.

        Args:
            any_root: a number that has no root in the field gets a random one. What is equal
                all the same is an identity whatever the roots are; what needs (√x)² = x is not.
        """
        cls._known, cls._exponents, cls._powers = {}, {}, {}
        cls.any_root, cls.drew_root = any_root, False
        try:
            yield
        finally:
            cls.any_root = False

    @classmethod
    def drawn(cls, reals: np.ndarray, rng: np.random.Generator) -> Numbers:
        """These floats with random twins: squares, or for negative ones the negative of some."""
        twins = rng.integers(1, PRIME, size=reals.shape, dtype=np.int64).astype(object)
        signs = np.where(reals < 0, -1, 1).astype(object)
        return Numbers.joined(cls, reals, signs * twins * twins)

    @classmethod
    def _exp(cls, x: int, real: float) -> int:
        if x == 0:
            return 1
        if real < 0 or (real == 0 and 2 * x > PRIME):
            return cls.inverse(cls._exp(-x % PRIME, -real))
        found = cls._powers.get(x)
        if found is None:  # e²ˣ = (eˣ)²: from an argument of a fixed size upwards
            times = max(0, math.frexp(real)[1] + 10) if math.isfinite(real) else 0
            found = _hash("exp", x * cls.inverse(2**times) % PRIME)
            for _ in range(times):
                found = found * found % PRIME
        cls._exponents[found] = x
        return found

    @classmethod
    def _log(cls, x: int, real: float) -> int:
        if x == 1:
            return 0
        if x in cls._exponents:
            return cls._exponents[x]
        if real < 1:
            return -cls._log(cls.inverse(x), 1 / real) % PRIME
        found = _hash("log", x)
        cls._powers[found] = x
        return found

    @classmethod
    def _sqrt(cls, x: int, real: float) -> int:
        return _root(x)

    @classmethod
    def _sigmoid(cls, x: int, real: float) -> int:
        return cls.inverse(1 + cls._exp(-x % PRIME, -real))

    @classmethod
    def _softplus(cls, x: int, real: float) -> int:
        return cls._log(1 + cls._exp(x, real), 2.0)

    @classmethod
    def _tanh(cls, x: int, real: float) -> int:
        return (1 - 2 * cls.inverse(cls._exp(2 * x % PRIME, 2 * real) + 1)) % PRIME

    @classmethod
    def _sinh(cls, x: int, real: float) -> int:
        e = cls._exp(x, real)
        return (e - cls.inverse(e)) * cls.inverse(2) % PRIME

    @classmethod
    def _cosh(cls, x: int, real: float) -> int:
        e = cls._exp(x, real)
        return (e + cls.inverse(e)) * cls.inverse(2) % PRIME

    @classmethod
    def _sin(cls, x: int, real: float) -> int:
        t = _odd("tan of the half", x)
        return 2 * t * cls.inverse(1 + t * t) % PRIME

    @classmethod
    def _cos(cls, x: int, real: float) -> int:
        t = _odd("tan of the half", x)
        return (1 - t * t) * cls.inverse(1 + t * t) % PRIME

    @classmethod
    def _tan(cls, x: int, real: float) -> int:
        return cls._sin(x, real) * cls.inverse(cls._cos(x, real)) % PRIME

    @classmethod
    def _erf(cls, x: int, real: float) -> int:
        return _odd("erf", x)

    @classmethod
    def _power(cls, x: int, exponent: int, real: float, power: float) -> int:
        """X to a power that is no whole number, by its whole part and the rest."""
        whole = math.floor(power)
        rest = (exponent - whole) % PRIME
        if rest == cls.inverse(2):
            part = _root(x)
        elif rest == 0:
            part = 1
        else:
            part = _hash("power", x, rest)
        return part * pow(x, whole, PRIME) % PRIME


_new = object.__new__


def _hash(name: str, *arguments: int) -> int:
    text = f"{name}{arguments}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest()) % PRIME


def _odd(name: str, x: int) -> int:
    if x == 0:
        return 0
    return _hash(name, x) if 2 * x < PRIME else PRIME - _hash(name, PRIME - x)


def _root(x: int) -> int:
    """The square root that is a square itself, as a positive number's: p ≡ 3 (mod 4)."""
    root = pow(x, (PRIME + 1) // 4, PRIME)
    if root * root % PRIME != x % PRIME:
        if Residue.any_root:
            Residue.drew_root = True
            return _hash("sqrt", x)
        raise NoRootError("a number without a square root in the finite field")
    return root
