"""Arrays over a finite field: identities of gradients checked without any tolerance.

Two different polynomials or rational functions of degree d agree at a random point of a field
with p elements with probability at most d / p (Schwartz 1980, Zippel 1979), and p = 2⁶¹ − 1
is prime. Transcendental functions stand for themselves: their values are drawn at random,
always the same for the same argument, so that an identity holds just if it holds for
whatever values they take, up to the laws that are kept here: tanh is odd, σ(−x) = 1 − σ(x),
exp(−x) = 1 / exp(x), √x² = x. The last needs a root, which half of the elements have: where a
function takes too many to find such a point, √ is drawn at random as well (`roots_at_random`),
and then an identity that needs (√x)² = x is no longer seen as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
import sympy

from minigrad.arrays.symbolic import evaluate, function_of
from minigrad.arrays.world import ExactArray, rational
from minigrad.primitives import Primitive

PRIME = 2**61 - 1


class FieldArray(ExactArray):
    """An object array of integers modulo `PRIME`.

    Args:
        entries: integers, or fractions and floats as the rationals they are written as.
    """

    __slots__ = ()

    @classmethod
    def scalar(cls, value: Any) -> int:
        if type(value) is int:
            return value % PRIME
        exact = rational(value)
        return exact.numerator * _inverse(exact.denominator) % PRIME

    @classmethod
    def elementwise(cls, primitive: Primitive) -> Callable[..., int]:
        if known := _ARITHMETIC.get(primitive.name):
            return known
        meaning = function_of(primitive)  # made of others, or a function that stands for itself
        return _opaque(primitive.name) if isinstance(meaning, type) else _formula(primitive)

    def positive(self) -> FieldArray:
        return FieldArray(np.frompyfunc(_heaviside, 1, 1)(self.entries))

    @classmethod
    def random(cls, shape: tuple[int, ...], rng: np.random.Generator) -> FieldArray:
        """Entries drawn evenly from the whole field."""
        return cls(rng.integers(PRIME, size=shape, dtype=np.int64).astype(object))


def _inverse(x: int) -> int:
    if x % PRIME == 0:
        raise ZeroDivisionError("division by 0 in the finite field: draw another point")
    return pow(x, -1, PRIME)


def _power(base: int, exponent: int) -> int:
    """An integer power; small negative integers lie just below the prime."""
    if exponent > PRIME - 2**20:
        return _inverse(pow(base, PRIME - exponent, PRIME))
    if exponent < 2**20:
        return pow(base, exponent, PRIME)
    return _opaque("power")(base, exponent)


def _hash(name: str, *arguments: int) -> int:
    text = f"{name}{arguments}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest()) % PRIME


def _odd(name: str, x: int) -> int:
    if x == 0:
        return 0
    return _hash(name, x) if 2 * x < PRIME else -_hash(name, PRIME - x)


def _even(name: str, x: int) -> int:
    return _hash(name, min(x, PRIME - x)) if x else 1


def _sigmoid(x: int) -> int:
    if x == 0:
        return _inverse(2)
    return _hash("sigmoid", x) if 2 * x < PRIME else 1 - _hash("sigmoid", PRIME - x)


def _exp(x: int) -> int:
    if x == 0:
        return 1
    return _hash("exp", x) if 2 * x < PRIME else _inverse(_hash("exp", PRIME - x))


_random_roots: ContextVar[bool] = ContextVar("minigrad.random_roots", default=False)


def roots_at_random() -> None:
    """From here on, in this context, √ of what has no root is a random number, always the same."""
    _random_roots.set(True)


def _sqrt(x: int) -> int:
    """A square root where there is one: p ≡ 3 (mod 4), so it is a power.

    Raises:
        ArithmeticError: x is no square in this field.
    """
    root = pow(x, (PRIME + 1) // 4, PRIME)
    if root * root % PRIME != x:
        if _random_roots.get():
            return _hash("sqrt", x)
        raise ArithmeticError("a number without a square root in the finite field")
    return root


def _heaviside(x: int) -> int:
    """Whether x counts as positive: by a coin, but opposite for −x, and not for 0."""
    if x % PRIME == 0:
        return 0
    x %= PRIME
    low = 2 * x < PRIME
    coin = _hash("positive", x if low else PRIME - x) & 1
    return coin if low else 1 - coin


@cache
def _formula(primitive: Primitive) -> Callable[..., int]:
    """What a primitive's own formula says, by which generated code computes it too."""
    variables = tuple(sympy.Symbol(n, real=True) for n in "abcd"[: primitive.arity])
    expression = function_of(primitive)(*variables)

    def value(*arguments: int) -> int:
        found = evaluate(expression, dict(zip(variables, map(FieldArray, arguments), strict=True)))
        return found.item() if isinstance(found, FieldArray) else FieldArray.scalar(found)

    return value


@cache
def _opaque(name: str) -> Callable[..., int]:
    return lambda *arguments: _hash(name, *arguments)


_ARITHMETIC: dict[str, Callable[..., int]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a * _inverse(b),
    "negative": lambda a: -a,
    "square": lambda a: a * a,
    "power": _power,
    "sqrt": _sqrt,
    "tanh": lambda a: _odd("tanh", a),
    "sigmoid": _sigmoid,
    "exp": _exp,
    "reciprocal": _inverse,
    "expm1": lambda a: _exp(a) - 1,
    "sin": lambda a: _odd("sin", a),
    "sinh": lambda a: _odd("sinh", a),
    "cos": lambda a: _even("cos", a),
    "cosh": lambda a: _even("cosh", a),
    "sign": lambda a: 2 * _heaviside(a) - 1 if a else 0,
    "absolute": lambda a: a * (2 * _heaviside(a) - 1),
    "relu": lambda a: a * _heaviside(a),
    "maximum": lambda a, b: a if _heaviside(a - b) else b,
    "minimum": lambda a, b: b if _heaviside(a - b) else a,
}
