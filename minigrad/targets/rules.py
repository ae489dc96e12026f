"""Targets that are a primitive, judged and drawn at the samples that it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np

from minigrad.primitives import Primitive, imag, real
from minigrad.primitives.primitive import Sample
from minigrad.targets.problem import Problem
from minigrad.targets.target import Recording, Target, TargetError
from minigrad.tensor import Tensor


@dataclass(frozen=True)
class PrimitiveTarget(Target):
    """A primitive of the library, or one of the user's."""

    noun = "primitive"

    @property
    def title(self) -> str:
        name: str = self.subject.name
        return name

    def derivable(self) -> Target:
        return self

    def record(self, steps: int) -> Recording:
        rng = np.random.default_rng(0)
        sample = self._samples()[0]
        operands = tuple(
            Tensor(_drawn(x, domain, rng), requires_grad=True, name=f"x{k}")
            if isinstance(x, tuple)
            else x
            for k, (x, domain) in enumerate(zip_longest(sample.operands, self.subject.domain))
        )
        return Recording(self.subject.bind(operands, sample.static))

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        for sample in self._samples():
            problem = self.problem(sample)
            yield problem
            if self.subject.reads:  # a linear map has no second derivative
                yield replace(problem, order=2, judges=("exact",))

    def problem(self, sample: Sample) -> Problem:
        """The primitive applied to one of its samples."""
        primitive: Primitive = self.subject
        names = {k: f"x{k}" for k, x in enumerate(sample.operands) if isinstance(x, tuple)}
        shapes = {names[k]: x for k, x in enumerate(sample.operands) if isinstance(x, tuple)}
        domains = {names[k]: domain for k, domain in enumerate(primitive.domain) if k in names}

        def operands(leaves: Mapping[str, Tensor]) -> tuple[Any, ...]:
            return tuple(
                leaves[names[k]] if k in names else x for k, x in enumerate(sample.operands)
            )

        def run(leaves: Mapping[str, Tensor]) -> Any:
            given = operands(leaves)
            once = primitive.bind(given, sample.static)
            if np.iscomplexobj(once) and not any(map(np.iscomplexobj, given)):
                return real(once), imag(once)
            if primitive.kind != "linear":
                return once
            again = primitive.bind(operands(leaves), sample.static)
            return once, again  # cotangents of parts are added

        def composed(leaves: Mapping[str, Tensor]) -> Any:
            assert primitive.reference is not None
            return primitive.reference(*operands(leaves), **sample.static)

        reference = composed if primitive.kind == "fused" and not primitive.choice else None
        return Problem(self.name, shapes, run, domains, reference=reference)

    def _samples(self) -> tuple[Sample, ...]:
        samples: tuple[Sample, ...] = self.subject.samples
        if not samples:
            raise TargetError(
                f"{self.name}: this primitive carries no samples= to judge it on; give it some, "
                "such as samples=(minigrad.sample((2, 3)),)"
            )
        return samples


def _drawn(shape: tuple[int, ...], domain: str | None, rng: np.random.Generator) -> np.ndarray:
    """Numbers above 1, which suit most functions; what else a domain asks for."""
    numbers = np.abs(rng.normal(size=shape)) + 1
    if domain == "definite":
        return numbers @ np.swapaxes(numbers, -1, -2) + np.eye(shape[-1])
    return 1 / numbers if domain in ("unit", "share") else numbers
