"""The right gradient by every input at once, as floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import budget
from minigrad.arrays.numbers import Traced
from minigrad.verify.numeric import Line
from minigrad.verify.subject import Subject


def cotangents(outputs: Sequence[Any], seed: int) -> list[np.ndarray]:
    """Random ones, the same for every run with a seed."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=np.shape(y)) for y in outputs]


def right_gradients(
    subject: Subject, point: Mapping[str, np.ndarray], seed: int, seconds: float = 2.0
) -> dict[str, np.ndarray]:
    """Of Σ cotangent · output: by a backward pass of numbers, else by differences.

    Raises:
        OutOfBudgetError: it takes too long.
    """
    with budget.within(seconds):
        if not subject.numbers_only:
            try:
                return _by_tracing(subject, point, seed)
            except (ArithmeticError, TypeError, ValueError, AttributeError):
                pass
        return _by_differences(subject, point, seed)


def _by_tracing(
    subject: Subject, point: Mapping[str, np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    leaves = {name: Traced.leaves(x) for name, x in point.items()}
    outputs = subject.outputs({name: x.copy() for name, x in leaves.items()})
    weights = cotangents(outputs, seed)
    pairs = [
        (y, float(w))
        for output, weight in zip(outputs, weights, strict=True)
        for y, w in zip(np.ravel(np.asarray(output, dtype=object)), weight.ravel(), strict=True)
    ]
    found = Traced.adjoints(pairs)
    return {
        name: np.array([found.get(v.slope, 0.0) for v in x.flat]).reshape(x.shape)
        for name, x in leaves.items()
    }


def _by_differences(
    subject: Subject, point: Mapping[str, np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    arrays = {name: np.array(x) for name, x in point.items()}
    line = Line(subject, arrays, cotangents(subject.outputs(arrays), seed))
    right = {}
    for name, x in arrays.items():
        gradient = np.zeros(x.shape)
        for index in np.ndindex(*x.shape):
            budget.check()
            unit = np.zeros(x.shape)
            unit[index] = 1.0
            slope = line.slope({name: unit})
            gradient[index] = (slope.low + slope.high) / 2
        right[name] = gradient
    return right
