"""What the judges said: checks, the verdict on each target, and the report that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from minigrad.files import write_text
from minigrad.targets import JUDGES, Judge

_LISTED = 6  # inputs whose shapes are told
Outcome = Literal["right", "wrong", "undecided", "untried"]


@dataclass(frozen=True)
class Witness:
    """A point at which a claimed gradient and the true one differ by more than both errors.

    Attributes:
        entry: the input and the index of the entry, as ``W[0, 2]``.
        claimed: what the code says the slope is.
        low: the smaller of the true slopes from both sides; at a smooth point there is one.
        high: the larger.
        error: how far the true slope may be off.
        script: a Python script that shows it with NumPy alone; empty where there is none.
        alone: why there is no script: what else the code needs.

    Example:
        >>> from minigrad.verify import check_vjp
        >>> report = check_vjp(np.tanh, lambda g, y, x: g * y, [np.array([0.5])])
        >>> report.verdicts()[0].witness.entry
        'x[0]'
    """

    entry: str
    claimed: float
    low: float
    high: float
    error: float
    script: str = field(default="", repr=False)
    alone: str = field(default="the gradient is the engine's own", repr=False)

    @property
    def off(self) -> float:
        """How far off the claim is, relative to the larger of the two."""
        distance = max(self.low - self.claimed, self.claimed - self.high)
        return distance / max(abs(self.claimed), abs(self.low), abs(self.high))

    def __str__(self) -> str:
        true = f"{self.low:.9g}"
        if self.high != self.low:
            true = f"between {self.low:.9g} and {self.high:.9g}"
        return (
            f"∂L/∂{self.entry} is claimed to be {self.claimed:.9g}; "
            f"by differences it is {true} ± {self.error:.1g}"
        )


@dataclass(frozen=True)
class Check:
    """What one judge said of one target.

    Attributes:
        target: the target's name.
        judge: ``"proof"``, ``"exact"`` or ``"numeric"``.
        shapes: of every input that was differentiated.
        order: 1 for the gradient, 2 for the gradient of the gradient.
        outcome: ``"right"``; ``"wrong"``, with a witness; ``"undecided"``, where it found a
            difference that no floating-point number shows; ``"untried"``, with the reason.
        figure: the number behind the verdict.
        unit: what the figure counts or measures.
        established: what is known now, or why nothing is, in plain words.
        failures: what keeps it from passing: the input, the entry, the culprit and its wrong term;
            or why it was not tried.
        witness: where it shows.
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
    outcome: Outcome
    figure: float
    unit: str
    established: str
    failures: tuple[str, ...] = ()
    witness: Witness | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.passed and not self.failures:
            object.__setattr__(self, "failures", (self.established,))

    @property
    def passed(self) -> bool:
        """Whether the gradient is right, as far as this judge can tell."""
        return self.outcome == "right"


@dataclass(frozen=True)
class Verdict:
    """What the checks of one target amount to.

    Attributes:
        target: its name.
        outcome: ``"right"``, ``"wrong"`` or ``"undecided"``.
        checks: what it rests on.
        remarks: what else there is to know: constants, arrays that are written into, sizes of
            differences that do not matter.

    Example:
        >>> from minigrad.verify import check_vjp
        >>> report = check_vjp(np.tanh, lambda g, y, x: g * y, [(3,)])
        >>> report.verdicts()[0].outcome
        'wrong'
    """

    target: str
    outcome: Outcome
    checks: tuple[Check, ...]
    remarks: tuple[str, ...] = ()

    @property
    def witness(self) -> Witness | None:
        """The first witness against it."""
        return next((check.witness for check in self.checks if check.witness), None)


@dataclass(frozen=True)
class Report:
    """All checks of a run.

    Attributes:
        checks: in order.
        seed: of the random points.
        remarks: by target, what else there is to know.
        left_out: what a file holds and was not judged, each with the reason.

    Example:
        >>> from minigrad.verify import verify
        >>> report = verify("tanh", "sigmoid")
        >>> report.passed, list(report.by_target())
        (True, ['tanh', 'sigmoid'])
        >>> report.verdicts()[0].outcome
        'right'
    """

    checks: tuple[Check, ...]
    seed: int
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    judges: ClassVar[tuple[Judge, ...]] = JUDGES

    @property
    def passed(self) -> bool:
        """Whether there are verdicts, and all are right."""
        verdicts = self.verdicts()
        return bool(verdicts) and all(verdict.outcome == "right" for verdict in verdicts)

    @property
    def status(self) -> int:
        """0 where all is right, 1 where something is wrong, 3 where something is undecided."""
        outcomes = {verdict.outcome for verdict in self.verdicts()}
        if "wrong" in outcomes:
            return 1
        return 0 if outcomes == {"right"} else 3

    def verdicts(self) -> list[Verdict]:
        """One for each target, in order."""
        return [
            Verdict(target, _outcome(checks), tuple(checks), self.remarks.get(target, ()))
            for target, checks in self.by_target().items()
        ]

    def by_target(self) -> dict[str, list[Check]]:
        """The checks of each target, in order."""
        grouped: dict[str, list[Check]] = {}
        for check in self.checks:
            grouped.setdefault(check.target, []).append(check)
        return grouped

    def __str__(self) -> str:
        lines = []
        for verdict in self.verdicts():
            lines.append(f"{verdict.target} is {verdict.outcome}")
            lines += [f"  {', '.join(judges)}: {told}" for told, judges in grouped(verdict.checks)]
            if verdict.witness:
                lines.append(f"  witness: {verdict.witness}")
            lines += [f"  note: {remark}" for remark in verdict.remarks]
        lines += [f"not judged: {name}: {reason}" for name, reason in self.left_out.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {
            "passed": self.passed,
            "status": self.status,
            "seed": self.seed,
            "verdicts": [
                {"target": v.target, "outcome": v.outcome, "remarks": list(v.remarks)}
                for v in self.verdicts()
            ],
            "left_out": dict(self.left_out),
            "checks": [{**asdict(check), "passed": check.passed} for check in self.checks],
        }

    def write_json(self, path: str | Path) -> None:
        """Write `to_dict` to a file, whole or not at all."""
        write_text(path, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")


def _outcome(checks: Sequence[Check]) -> Outcome:
    """Wrong if one judge has a witness, undecided if one has doubts or none could judge."""
    outcomes = {check.outcome for check in checks}
    if "wrong" in outcomes or "undecided" in outcomes:
        return "wrong" if "wrong" in outcomes else "undecided"
    return "right" if "right" in outcomes else "undecided"


def said(check: Check) -> str:
    """What a check says, and at which shapes, on one line."""
    if not check.passed:
        return "; ".join(check.failures)
    return f"{check.established}, at {shapes(check)}" if check.shapes else check.established


def shapes(check: Check) -> str:
    """Of the inputs, in words; of a large model the first ones."""
    listed = [f"{name} {shape}" for name, shape in check.shapes.items()]
    more = len(listed) - _LISTED
    return ", ".join(listed[:_LISTED]) + (f" and {more} more" if more > 1 else "")


def grouped(checks: Iterable[Check]) -> list[tuple[str, list[str]]]:
    """What checks say, each sentence once, with the judges that say it."""
    found: dict[str, list[str]] = {}
    for check in checks:
        judges = found.setdefault(said(check), [])
        if check.judge not in judges:
            judges.append(check.judge)
    return list(found.items())


def summary(checks: Sequence[Check]) -> str:
    """The figures of one judge's checks in one: entries add up, of errors the largest counts."""
    figures = [check.figure for check in checks]
    if checks[0].judge == "numeric":
        return f"{max(figures):.0e}" if max(figures) else "0"
    return str(int(sum(figures)))
