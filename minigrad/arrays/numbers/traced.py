"""Numbers that know what they were made of: the slopes by all inputs in one run."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from minigrad.arrays.numbers.array import Numbers
from minigrad.arrays.numbers.number import Number, real_value
from minigrad.primitives import PRIMITIVES


class Form:
    """A linear form: a slope before its direction is chosen, as sums of earlier ones.

    Forms are numbered as they are made, so the adjoint of each is known once those of all later
    ones are: the backward pass of a tape.
    """

    __slots__ = ("number", "parts")
    count: ClassVar[int] = 0

    def __init__(self, *parts: tuple[Form, float]) -> None:
        Form.count += 1
        self.parts, self.number = parts, Form.count

    def __add__(self, other: Any) -> Form:
        return Form((self, 1.0), (other, 1.0)) if isinstance(other, Form) else self

    def __sub__(self, other: Any) -> Form:
        return Form((self, 1.0), (other, -1.0)) if isinstance(other, Form) else self

    def __rsub__(self, other: Any) -> Form:
        return -self

    def __mul__(self, factor: float) -> Form:
        return Form((self, factor))

    def __neg__(self) -> Form:
        return Form((self, -1.0))

    __radd__ = __add__
    __rmul__ = __mul__


class Traced(Number):
    """A float whose slope is a `Form`, so that one run gives the slopes by all inputs."""

    __slots__ = ()

    @classmethod
    def twin(cls, value: Any) -> float:
        return float(value)

    @classmethod
    def function(cls, name: str, arguments: tuple[Any, ...], reals: tuple[float, ...]) -> float:
        return real_value(PRIMITIVES[name], reals)

    @classmethod
    def leaves(cls, x: np.ndarray) -> Numbers:
        """These floats, each with a form of its own."""
        numbers = (cls(v, v, Form()) for v in x.ravel().tolist())
        return np.fromiter(numbers, object, x.size).reshape(x.shape).view(Numbers)

    @staticmethod
    def adjoints(outputs: Iterable[tuple[Any, float]]) -> dict[Form, float]:
        """∂L/∂form of every form that L = Σ weight · output was made of."""
        total: dict[Form, float] = {}
        for output, weight in outputs:
            form = getattr(output, "slope", 0)
            if isinstance(form, Form):
                total[form] = total.get(form, 0.0) + weight
        heap = [(-form.number, form) for form in total]
        heapq.heapify(heap)
        seen = set(total)
        while heap:
            _, form = heapq.heappop(heap)
            for part, factor in form.parts:
                total[part] = total.get(part, 0.0) + total[form] * factor
                if part not in seen:
                    seen.add(part)
                    heapq.heappush(heap, (-part.number, part))
        return total
