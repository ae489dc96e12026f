"""What the judges said: checks, and the report that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from minigrad.files import write_text
from minigrad.targets import JUDGES, Judge


@dataclass(frozen=True)
class Check:
    """What one judge said of one target.

    Attributes:
        target: the target's name.
        judge: ``"proof"``, ``"exact"`` or ``"numeric"``.
        shapes: of every input that was differentiated.
        order: 1 for the gradient, 2 for the gradient of the gradient.
        passed: whether the gradient is right, as far as this judge can tell.
        figure: the number behind the verdict.
        unit: what the figure counts or measures.
        established: what is known now, in plain words.
        failures: what is wrong: the input, the entry, the culprit and its wrong term.
        seconds: how long it took.

    Example:
        >>> from minigrad.verify import verify
        >>> check = verify("tanh").checks[0]
        >>> check.judge, check.passed, check.order
        ('proof', True, 1)
    """

    target: str
    judge: Judge
    shapes: Mapping[str, tuple[int, ...]]
    order: int
    passed: bool
    figure: float
    unit: str
    established: str
    failures: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """All checks of a run.

    Example:
        >>> from minigrad.verify import verify
        >>> report = verify("tanh", "sigmoid")
        >>> report.passed, list(report.by_target())
        (True, ['tanh', 'sigmoid'])
    """

    checks: tuple[Check, ...]
    seed: int

    judges: ClassVar[tuple[Judge, ...]] = JUDGES

    @property
    def passed(self) -> bool:
        """Whether there are checks, and every one passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def __str__(self) -> str:
        lines = []
        for target, checks in self.by_target().items():
            lines.append(f"{target} is {'right' if all(c.passed for c in checks) else 'wrong'}")
            for check in checks:
                told = "; ".join(check.failures) or check.established
                shapes = ", ".join(f"{name} {shape}" for name, shape in check.shapes.items())
                lines.append(f"  {check.judge}: {told}, at {shapes}")
        return "\n".join(lines)

    def by_target(self) -> dict[str, list[Check]]:
        """The checks of each target, in order."""
        grouped: dict[str, list[Check]] = {}
        for check in self.checks:
            grouped.setdefault(check.target, []).append(check)
        return grouped

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {
            "passed": self.passed,
            "seed": self.seed,
            "checks": [asdict(check) for check in self.checks],
        }

    def write_json(self, path: str | Path) -> None:
        """Write `to_dict` to a file, whole or not at all."""
        write_text(path, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")


def summary(checks: Sequence[Check]) -> str:
    """The figures of one judge's checks in one: entries add up, of errors the largest counts."""
    figures = [check.figure for check in checks]
    if checks[0].judge == "numeric":
        return f"{max(figures):.0e}"
    return str(int(sum(figures)))
