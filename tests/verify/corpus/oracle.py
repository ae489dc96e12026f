"""The gradient of a pair by differences alone: what a changed backward is held against."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pair import Pair

SAME = 1e-8
"""Relative error that is rounding, of the differences too."""
WRONG = 1e-4
"""Relative error that is a mistake; what lies between the two is counted as neither."""
_STEPS = (8e-4, 4e-4, 2e-4)
_DIRECTIONS = 3


@dataclass(frozen=True)
class _Point:
    """Inputs and a cotangent, the outputs there, and slopes along random directions of each input.

    Attributes:
        nearby: other inputs, and the outputs there.
    """

    inputs: list[np.ndarray]
    g: list[np.ndarray]
    outputs: list[np.ndarray]
    slopes: list[list[tuple[np.ndarray, float]]]
    nearby: list[tuple[list[np.ndarray], list[np.ndarray]]]


class Oracle:
    """Slopes of a forward pass at its example and at random points, by Richardson's extrapolation.

    Raises:
        ValueError: the pair's own backward disagrees: the corpus itself is wrong.
    """

    def __init__(self, pair: Pair, points: int = 4) -> None:
        self.pair = pair
        self.constants = [claim is None for claim in self._claims(pair, pair.inputs)]
        rng = np.random.default_rng(99)
        self.points: list[_Point] = []
        for attempt in range(4 * points):
            point = self._point(pair.inputs if attempt == 0 else self._moved(rng), rng)
            if self._error_at(pair, point) < SAME:
                self.points.append(point)
            elif attempt == 0:
                raise ValueError(f"{pair.name}: off by {self._error_at(pair, point):.1e}")
            if len(self.points) == points:  # on a kink or near it there is no slope
                return
        raise ValueError(f"{pair.name}: right at {len(self.points)} of {4 * points} points")

    def error(self, pair: Pair) -> float:
        """The largest relative error of its backward; ∞ if it does not fit, NaN if it fails."""
        errors = [self._error_at(pair, point) for point in self.points]
        return float("nan") if np.isnan(errors).any() else max(errors)

    def keeps_the_values(self, pair: Pair) -> bool:
        """Whether forward and backward give what the oracle's own pair gives, also nearby.

        What agrees along lines has the same derivatives there, the second too.
        """
        if not self.error(pair) < SAME:
            return False
        return all(
            _close(outputs, _outputs(pair, inputs))
            and _close(
                self._claims(self.pair, inputs, point.g), self._claims(pair, inputs, point.g)
            )
            for point in self.points
            for inputs, outputs in [(point.inputs, point.outputs), *point.nearby]
        )

    def _moved(self, rng: np.random.Generator) -> list[Any]:
        """The example with other numbers in place of those that are differentiated.

        What is positive stays so: a probability, or what a logarithm is taken of.
        """
        moved = []
        for x, constant in zip(self.pair.inputs, self.constants, strict=True):
            by = 0.5 * rng.normal(size=np.shape(x))
            moved.append(x if constant else x * np.exp(by) if np.all(x > 0) else x + by)
        return moved

    def _point(self, inputs: Sequence[Any], rng: np.random.Generator) -> _Point:
        inputs = [np.array(x) for x in inputs]
        outputs = _outputs(self.pair, inputs)
        g = [rng.normal(size=y.shape) for y in outputs]
        slopes: list[list[tuple[np.ndarray, float]]] = []
        nearby = []
        for k, (x, constant) in enumerate(zip(inputs, self.constants, strict=True)):
            slopes.append([])
            for _ in range(0 if constant else _DIRECTIONS):
                v = rng.normal(size=x.shape)
                quotients = []
                for h in _STEPS:
                    sides = []
                    for step in (h, -h):
                        moved = [x + step * v if j == k else x for j, x in enumerate(inputs)]
                        there = _outputs(self.pair, moved)
                        sides.append(
                            sum(float((u * y).sum()) for u, y in zip(g, there, strict=True))
                        )
                    nearby.append((moved, there))
                    quotients.append((sides[0] - sides[1]) / (2 * h))
                a, b = ((4 * q - p) / 3 for p, q in itertools.pairwise(quotients))
                slopes[k].append((v, (16 * b - a) / 15))
        return _Point(inputs, g, outputs, slopes, nearby[:: max(1, len(nearby) // 4)])

    def _claims(
        self, pair: Pair, inputs: Sequence[Any], g: Sequence[np.ndarray] = (), calls: int = 1
    ) -> tuple[Any, ...]:
        """What backward claims; of several calls, with what forward saved once, the last."""
        own = [np.array(x) for x in inputs]
        returned = pair.forward(*own)
        outputs = returned[0] if pair.saves else returned
        several = isinstance(outputs, tuple)
        g = g or [np.ones(np.shape(y)) for y in (outputs if several else (outputs,))]
        for _ in range(calls):
            cotangents = [u.copy()[()] if not u.ndim else u.copy() for u in g]
            saved = (returned[1],) if pair.saves else own
            claims = pair.backward(tuple(cotangents) if several else cotangents[0], *saved)
        return tuple(claims) if isinstance(claims, tuple | list) else (claims,)

    def _error_at(self, pair: Pair, point: _Point) -> float:
        try:
            with np.errstate(all="ignore"):
                claims = [self._claims(pair, point.inputs, point.g, calls) for calls in (1, 2)]
                return max(self._off(claim, point) for claim in claims)
        except Exception:  # also where what it returns is no array
            return float("nan")

    def _off(self, claims: Sequence[Any], point: _Point) -> float:
        if len(claims) == 1 and self.constants.count(False) == 1:
            claims = [None if fixed else claims[0] for fixed in self.constants]
        if len(claims) != len(point.inputs):
            return float("inf")
        worst = 0.0
        for x, claim, slopes in zip(point.inputs, claims, point.slopes, strict=True):
            for v, slope in slopes:
                claim = np.zeros(x.shape) if claim is None else np.asarray(claim)
                if claim.shape != x.shape or claim.dtype.kind not in "fiub":
                    return float("inf")
                if not np.isfinite(claim).all():
                    return float("inf")
                size = max(float(np.abs(claim * v).sum()), abs(slope), 1e-6)
                worst = max(worst, abs(float((claim * v).sum()) - slope) / size)
        return worst


def _outputs(pair: Pair, inputs: Sequence[Any]) -> list[np.ndarray]:
    y = pair.forward(*[np.array(x) for x in inputs])
    y = y[0] if pair.saves else y
    return [np.asarray(part) for part in (y if isinstance(y, tuple) else (y,))]


def _close(these: Sequence[Any], those: Sequence[Any]) -> bool:
    return len(these) == len(those) and all(
        (a is None and b is None)
        or (
            a is not None
            and b is not None
            and np.shape(a) == np.shape(b)
            and np.allclose(a, b, rtol=1e-9, atol=1e-11 * float(np.max(np.abs(a), initial=1e-3)))
        )
        for a, b in zip(these, those, strict=True)
    )
