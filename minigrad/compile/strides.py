"""Where the entries of views lie, and the loops that go through several of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Model = np.ndarray
"""A view of one byte per entry, so that its strides count entries."""

_COUNTERS = "ijklmnpqrtuvwxyz"


@dataclass
class Places:
    """Loops over some axes, and where each of several arrays is in them.

    Attributes:
        constants: what is added to the place in each.
        axes: length, and the step of each array.
        parts: the arrays, each from its lowest place on.
        first: the number of the first loop.
    """

    constants: list[int]
    axes: list[tuple[int, tuple[int, ...]]]
    parts: list[str] = field(default_factory=list)
    first: int = 0

    @classmethod
    def of(cls, shape: tuple[int, ...], models: Sequence[Model]) -> Places:
        """Places of views of one shape."""
        lows = [
            sum((n - 1) * -s for n, s in zip(shape, model.strides, strict=True) if s < 0)
            for model in models
        ]
        return cls(lows, merged(shape, [model.strides for model in models]))

    def heads(self) -> str:
        """The heads of the loops."""
        return "".join(
            f"for(let {c}=0;{c}<{n};{c}++)"
            for (n, _), c in zip(self.axes, _COUNTERS[self.first :], strict=False)
        )

    def index(self, k: int) -> str:
        """The place in an array, in terms of the counters of the loops."""
        terms = []
        for (_, steps), c in zip(self.axes, _COUNTERS[self.first :], strict=False):
            if steps[k]:
                terms.append({1: c, -1: f"-{c}"}.get(steps[k], f"{steps[k]}*{c}"))
        if self.constants[k]:
            terms.append(str(self.constants[k]))
        return "+".join(terms).replace("+-", "-") or "0"


def merged(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> list[tuple[int, tuple[int, ...]]]:
    """Axes of several arrays, two as one where none of the arrays sees the difference."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for k, n in enumerate(shape):
        steps = tuple(s[k] for s in strides)
        if n == 1:
            continue
        if found and all(a == b * n for a, b in zip(found[-1][1], steps, strict=True)):
            found[-1] = found[-1][0] * n, steps
        else:
            found.append((n, steps))
    return found


def cut(model: Model, outer: int, *, inner: bool) -> Model:
    """The outer axes of a view, or its inner ones, from its first entry on."""
    if model.size == 0:
        return np.empty(model.shape[outer:] if inner else model.shape[:outer], np.int8)
    first = (0,) * (outer if inner else model.ndim - outer)
    index: Any = (*first, ...) if inner else (..., *first)
    found: Model = model[index]
    return found


def along(model: Model, names: str, order: Sequence[str], sizes: Mapping[str, int]) -> Model:
    """A view with an axis for each of the letters; it stands still along those it has not."""
    steps = dict.fromkeys(order, 0)
    for c, n, step in zip(names, model.shape, model.strides, strict=True):
        if n == sizes[c]:
            steps[c] += step  # twice the same letter: along the diagonal
    shape = [sizes[c] for c in order]
    return np.lib.stride_tricks.as_strided(model, shape, [steps[c] for c in order])


def joined(*terms: str) -> str:
    """A sum of places as text."""
    return "+".join(term for term in terms if term != "0").replace("+-", "-") or "0"
