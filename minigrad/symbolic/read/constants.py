"""The constants in what was recorded: the same in each call, and as functions of the sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from minigrad.symbolic.formula import Size
from minigrad.symbolic.read.outline import Outline
from minigrad.tape import Node

Place = tuple[int, int, int]  # a node, which of its operands (−1: its keywords), which number


def numbered(nodes: Sequence[Node]) -> dict[Node, int]:
    """The number of each node."""
    return {node: k for k, node in enumerate(nodes)}


def constants_of(nodes: Sequence[Node]) -> dict[Place, Any]:
    """The numbers and arrays that do not depend on what the code was given, by where they stand."""
    found: dict[Place, Any] = {}
    known = {id(node.data) for node in nodes}
    for k, node in enumerate(nodes):
        for position, (raw, parent) in enumerate(zip(node.operands, node.parents, strict=True)):
            if parent is None:
                found |= {
                    (k, position, j): value for j, value in enumerate(_numbers_in(raw, known))
                }
        found |= {(k, -1, j): n for j, n in enumerate(bounds_in(node.static))}
    return found


def steady(one: Sequence[Node], other: Sequence[Node], title: str) -> dict[Place, Any]:
    """The constants of code that does the same each time it is called.

    Raises:
        ValueError: it does not.
    """
    values, later = constants_of(one), constants_of(other)
    if not same_structure(one, other) or not all(
        np.shape(values[k]) == np.shape(later[k])
        and np.array_equal(values[k], later[k], equal_nan=np.asarray(values[k]).dtype.kind == "f")
        for k in values
    ):
        raise ValueError(
            f"derive: {title} does not do the same each time it is called: it draws random "
            "numbers, or counts; derive it without, as after .eval()"
        )
    return values


def lifted(
    values: Mapping[Place, Any],
    first: Sequence[Node],
    second: Sequence[Node],
    sizes: Mapping[Size, Sequence[int]],
    title: str,
) -> dict[Place, Any]:
    """The constants, those that depend on the sizes as formulas in these.

    Args:
        values: at the first sizes.
        first: what was recorded there.
        second: what was recorded at the second sizes.
        sizes: two lengths of each.
        title: of the code.

    Raises:
        ValueError: a constant is no power of the sizes, or the code does something else there.
    """
    at = " and ".join(str(tuple(lengths)) for lengths in zip(*sizes.values(), strict=True))
    names = ", ".join(map(str, sizes))
    if not same_structure(first, second):
        raise ValueError(
            f"derive: {title} does different operations at the sizes ({names}) = {at}; "
            "derive one of a single size, by naming an instance"
        )
    later, found = constants_of(second), dict(values)
    for place, value in values.items():
        a, b = np.asarray(value), np.asarray(later[place])
        if a.size == b.size == 1 and a.item() != b.item():
            found[place] = in_sizes((a.item(), b.item()), sizes)
            if found[place] is None:
                raise ValueError(
                    f"derive: {title} uses a constant that is {a.item():.6g} and {b.item():.6g} at "
                    f"the sizes ({names}) = {at}, which is no power of them; derive one of a "
                    "single size, by naming an instance"
                )
    return found


def _numbers_in(raw: Any, known: Set[int]) -> Iterator[Any]:
    """A constant, or those that a value taken off the tape was made of."""
    if not isinstance(raw, Outline):
        yield raw
    elif raw.made is not None and id(raw) not in known:
        for operand in raw.made[1]:
            yield from _numbers_in(operand, known)


def bounds_in(static: Mapping[str, Any]) -> Iterator[int]:
    """Where the slices among an operation's keywords begin and end."""
    for value in static.values():
        for entry in value if isinstance(value, tuple) else (value,):
            if isinstance(entry, slice):
                yield from (n for n in (entry.start, entry.stop) if n is not None)


def lengths_of(
    first: Sequence[Node], second: Sequence[Node], sizes: Mapping[Size, Sequence[int]]
) -> dict[int, sympy.Expr]:
    """The lengths of last axes that depend on the sizes, as formulas in these."""
    pairs = {
        (a.data.shape[-1], b.data.shape[-1])
        for a, b in zip(first, second, strict=True)
        if np.ndim(a.data)
    }
    found = {pair[0]: in_sizes(pair, sizes) for pair in pairs if pair[0] != pair[1]}
    return {n: formula for n, formula in found.items() if formula is not None}


def same_structure(one: Sequence[Node], other: Sequence[Node]) -> bool:
    """Whether two recordings consist of the same operations."""

    def shape(nodes: Sequence[Node]) -> list[Any]:
        number = numbered(nodes)
        return [
            (
                node.primitive and node.primitive.name,
                [None if p is None else number.get(p) for p in node.parents],
            )
            for node in nodes
        ]

    return shape(one) == shape(other) and constants_of(one).keys() == constants_of(other).keys()


def in_sizes(values: Sequence[float], sizes: Mapping[Size, Sequence[int]]) -> sympy.Expr | None:
    """A constant, seen at several sizes, as k Hᵖ, k n/d, H + X or H + k; ``None`` if none.

    Args:
        values: the constant at each.
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
    for s, t in itertools.combinations(sizes, 2):
        if all(v == n + m for v, n, m in zip(values, sizes[s], sizes[t], strict=True)):
            return s + t
    for symbol, lengths in sizes.items():
        for sign in (1, -1) if all(values) else (1,):
            k = values[0] ** sign - lengths[0]
            if all(_close(v**sign, n + k) for v, n in zip(values, lengths, strict=True)):
                return (symbol + _simple(round(k, 9))) ** sign
    return None


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-12)


def _simple(number: float) -> sympy.Rational:
    fraction = Fraction(number).limit_denominator(1000)
    return sympy.Rational(fraction.numerator, fraction.denominator)
