"""The slope of a function along a line, by its values alone, and how far it may be off."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

COMPLEX_STEP = 1e-30  # any step will do: nothing is subtracted, so nothing cancels
_LONGEST = 2.0**-6  # step, in units of the direction
LADDERS = (0, 4, 8, 12, 15)  # where steps begin, in powers of ½ of the longest


def one_ladder(eps: float) -> tuple[int]:
    """The steps to take where there is time for one length alone: short ones, but for float32."""
    return (LADDERS[2] if eps < 1e-12 else LADDERS[0],)


@dataclass(frozen=True)
class Slope:
    """A derivative along a direction, or at a kink the two from its sides.

    Attributes:
        low: the smaller of the two; both are the same where the function is smooth.
        high: the larger.
        error: how far each may be off.
    """

    low: float
    high: float
    error: float

    def distance(self, claimed: float) -> float:
        """How far a claimed slope is from the range between the two."""
        if not np.isfinite(claimed):
            return np.inf
        return max(self.low - claimed, claimed - self.high, 0.0)

    @property
    def size(self) -> float:
        """The larger of the two, without its sign."""
        return max(abs(self.low), abs(self.high))


def by_complex_step(value: Callable[[complex], Any]) -> float:
    """Im φ(i h) / h, exact to rounding where φ is analytic (Squire & Trapp 1998)."""
    return float(np.imag(value(1j * COMPLEX_STEP))) / COMPLEX_STEP


def by_differences(
    value: Callable[[float], float], noise: float, ladders: Sequence[int] = LADDERS
) -> Slope:
    """φ′(0) from differences, extrapolated to a step of 0 (Richardson 1911).

    Steps are shortened until three extrapolations in a row agree: a kink nearby spoils the long
    ones, rounding the short ones. Where they never agree from both sides, there is a kink at 0
    itself, and each side has a slope of its own.

    Args:
        value: φ(t) along the direction.
        noise: how far one value may be off by rounding.
        ladders: where the steps begin; of a single one no kink is looked for, which takes ten
            values.
    """
    known: dict[float, float] = {}

    def at(t: float) -> float:
        if t not in known:
            known[t] = float(value(t))
        return known[t]

    def central(h: float) -> float:
        return (at(h) - at(-h)) / (2 * h)

    def one_sided(sign: float, h: float) -> float:
        return sign * (at(sign * h) - at(0.0)) / h

    def bend(h: float) -> float:
        return abs(at(h) - 2 * at(0.0) + at(-h)) / h

    best = _extrapolated(central, noise, 2, 2, ladders)
    if len(ladders) == 1:
        return best
    long, short = 2.0**-10, 2.0**-14  # on a smooth curve the bend shrinks with the step
    bent = bend(short) > max(bend(long) / 4, 40 * noise / short)
    if best.error <= 1e-6 * best.size and not bent:
        return best
    sides = [_extrapolated(partial(one_sided, sign), noise, 1, 1) for sign in (1.0, -1.0)]
    error = max(side.error for side in sides)
    if not np.isfinite(error):
        one = [side for side in sides if np.isfinite(side.error)]  # the edge of the domain
        return one[0] if one else best
    gap = abs(sides[0].low - sides[1].low)
    if gap > 20 * error:
        low, high = sorted(side.low for side in sides)
        return Slope(low, high, error)
    return best


def noise_of(value: Callable[[float], float]) -> float:
    """How much values scatter about a smooth curve, by their sixth differences near 0.

    Of two windows the smoother counts: in the other there may be a kink.
    """
    found = []
    for spacing in (2.0**-9, 2.0**-14):
        row = np.array([float(value((k - 4) * spacing)) for k in range(9)])
        found.append(float(np.max(np.abs(np.diff(row, 6)))) / 30)  # of noise 1 it is √924
    finite = [noise for noise in found if np.isfinite(noise)]
    return min(finite, default=0.0)


def _extrapolated(
    quotient: Callable[[float], float],
    noise: float,
    first: int,
    further: int,
    ladders: Sequence[int] = LADDERS,
) -> Slope:
    """The limit of a difference quotient whose error is a series in h: two of its terms go.

    Args:
        quotient: of the step h.
        noise: of the values in it.
        first: the power of h in the error's first term.
        further: by how much the power grows from term to term.
        ladders: where the steps begin.
    """
    found = Slope(np.nan, np.nan, np.inf)
    for start in ladders:
        h = _LONGEST * 2.0**-start
        row = [quotient(h * 2.0**-k) for k in range(5)]
        for exponent in (first, first + further):
            factor = 2.0**exponent
            row = [(factor * b - a) / (factor - 1) for a, b in itertools.pairwise(row)]
        spread = max(row) - min(row)
        if not np.isfinite(spread):
            continue
        error = 2 * spread + 4 * noise / (h * 2.0**-4) + 1e-14 * abs(row[-1])
        if error < found.error:
            found = Slope(row[-1], row[-1], error)
        if error <= 1e-10 * abs(row[-1]):
            break
    return found
