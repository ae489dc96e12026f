"""What a judge is told, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minigrad.targets import Judge
from minigrad.verify.report import Witness
from minigrad.verify.subject import Subject

TOLERANCE = 1e-5
"""Relative error up to which a gradient of float64 counts as right; its size is reported."""
BUDGET = 5.0
"""Seconds that each judge may take."""
OUTPUT = "the output"
"""What is wrong where code that claims a gradient computes other outputs than its reference."""


@dataclass
class Finding:
    """What one judge found of one subject, input by input.

    Attributes:
        judge: which.
        unit: what the figures count or measure.
        established: what is known of the inputs that are right.
        apart: inputs of which something else is known, and what.
        shapes: of all inputs.
        figures: of each input that is right, the entries or the error.
        wrong: of each input that is wrong, a sentence.
        doubts: of each input of which it is unclear, the reason.
        witnesses: of inputs that are wrong.
        inexact: of inputs that are right but for a little, how much of their size that is.
        remarks: what else it saw.
        reason: why it could not judge at all.
        seconds: how long it took.
    """

    judge: Judge
    unit: str
    established: str = ""
    apart: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    inexact: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    reason: str = ""
    seconds: float = 0.0


def as_said(name: str) -> str:
    """What is said to be wrong: a gradient, or the outputs."""
    return name if name == OUTPUT else f"∂L/∂{name}"


def nearly(findings: Iterable[Finding]) -> dict[str, str]:
    """A sentence for each input that is right but for a little, by the judge that saw most."""
    most: dict[str, float] = {}
    for finding in findings:
        for name, size in finding.inexact.items():
            most[name] = max(size, most.get(name, 0.0))
    return {n: f"{as_said(n)} is right but for {size:.1e} of its size" for n, size in most.items()}


class WrongGradientError(ValueError):
    """What a backward returned is no gradient: another shape, not finite, an error."""


@dataclass(frozen=True)
class Settings:
    """How to judge.

    Attributes:
        seed: of the random points.
        tolerance: relative error up to which floats count as right.
        seconds: what each judge may take.
        dtype: of the floats that the code gets; as the example has it if not given.
    """

    seed: int = 0
    tolerance: float = TOLERANCE
    seconds: float = BUDGET
    dtype: str = ""


STANDARD = Settings()


def where(subject: Subject) -> str:
    """The domain, where it is not every real number."""
    positive = [name for name in subject.inputs if subject.is_positive(name)]
    return f", for positive {', '.join(positive)}" if positive else ""


def copies(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays that may be written into."""
    return {name: x.copy() for name, x in arrays.items()}
