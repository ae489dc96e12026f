"""How many entries there are, as functions of the sizes: 97 is H, and 94 is H − 3."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np
import sympy

from minigrad.symbolic.formula import Size
from minigrad.symbolic.shaped import NotationError, columns_taken
from minigrad.tape import Node

_SMALL = 9
Sizes = Mapping[Size, Sequence[int]]  # each with its length in both recordings


class Lengths(dict[int, sympy.Expr]):
    """How each number that counts entries is written.

    Raises:
        NotationError: for a number that is not among them.
    """

    def __missing__(self, n: int) -> sympy.Expr:
        raise NotationError(f"{n} entries, which is not a simple function of the sizes")


def lengths_of(first: Sequence[Node], second: Sequence[Node], sizes: Sizes) -> Lengths:
    """The numbers of entries in a recording.

    Args:
        first: what was recorded at the first sizes.
        second: the same at the second sizes.
        sizes: both; none if the two recordings are the same.
    """
    pairs = dict.fromkeys([(0, 0), (1, 1)])
    for one, other in zip(first, second, strict=True):
        pairs |= dict.fromkeys(zip(counts_of(one), counts_of(other), strict=False))
    found: dict[int, sympy.Expr | None] = {}
    for a, b in pairs:
        formula = sympy.Integer(a) if a == b else in_sizes((a, b), sizes)
        found[a] = formula if a not in found else None  # it has two meanings
    return Lengths({n: formula for n, formula in found.items() if formula is not None})


def counts_of(node: Node) -> Iterator[int]:
    """The numbers of entries in an operation: of axes, and where the parts of the last begin."""
    shapes = [np.shape(raw) for raw in node.operands]
    yield from np.shape(node.data)
    for shape in shapes:
        yield from shape
    name = node.primitive.name if node.primitive else ""
    if name == "concatenate":
        yield from itertools.accumulate(shape[-1] for shape in shapes if shape)
    if name == "getitem":
        yield from columns_taken(shapes[0], node.static["index"]) or ()


def in_sizes(values: Sequence[float], sizes: Sizes) -> sympy.Expr | None:
    """A number, seen at several sizes, as k Hᵖ, k n/d, or 2 H + X − 3; ``None`` if none.

    Args:
        values: the number at each.
        sizes: the lengths at each.
    """
    powers = (1, -1, Fraction(1, 2), Fraction(-1, 2), 2, -2)
    monomials: list[tuple[tuple[Size, float | Fraction], ...]]
    monomials = [((s, p),) for s in sizes for p in powers]
    pairs = itertools.combinations(sizes, 2)
    monomials += [((s, p), (t, q)) for s, t in pairs for p in (1, -1) for q in (1, -1)]
    for monomial in monomials:
        scale = [
            math.prod(sizes[s][k] ** float(p) for s, p in monomial) for k in range(len(values))
        ]
        k = values[0] / scale[0]
        if all(_close(v, k * x) for v, x in zip(values, scale, strict=True)):
            return _simple(k) * sympy.Mul(*(s ** sympy.Rational(p) for s, p in monomial))
    linear = _linear(values, sizes)
    if linear is None and all(values):
        below = _linear([1 / v for v in values], sizes)
        return None if below is None else 1 / below
    return linear


def _linear(values: Sequence[float], sizes: Sizes) -> sympy.Expr | None:
    """A number as a H + c or a H + b X + c, with small integers."""
    for chosen in itertools.chain(*(itertools.combinations(sizes, k) for k in (1, 2))):
        for c in sorted(range(-_SMALL, _SMALL + 1), key=abs):
            lengths = np.transpose([sizes[s] for s in chosen])
            factors = np.linalg.lstsq(lengths, np.subtract(values, c))[0].round()
            small = all(0 < abs(a) < _SMALL for a in factors)
            if small and all(map(_close, lengths @ factors + c, values)):
                terms = (int(a) * s for a, s in zip(factors, chosen, strict=True))
                return sympy.Add(*terms, c)
    return None


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-12)


def _simple(number: float) -> sympy.Rational:
    fraction = Fraction(number).limit_denominator(1000)
    return sympy.Rational(fraction.numerator, fraction.denominator)
