"""Points at which a backward is run beside the right gradients."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.verify.explanation.truth import cotangents, right_gradients
from minigrad.verify.explanation.units import plain
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.points import near

_SHUFFLED = 8
LARGEST = 600  # entries up to which an example is searched at


@dataclass(frozen=True)
class Trial:
    """One point, the seed of the cotangents, and the right gradients."""

    subject: HandWritten
    point: dict[str, np.ndarray]
    seed: int
    right: dict[str, np.ndarray]

    def gradients(self, subject: HandWritten | None = None) -> dict[str, Any]:
        """What backward returns there.

        Raises:
            Exception: whatever the code raises.
        """
        with np.errstate(all="ignore"):
            _, found = (subject or self.subject).pull(
                {n: x.copy() for n, x in self.point.items()},
                lambda outputs: cotangents(outputs, self.seed),
            )
        return dict(found)

    def wrong(self, found: Mapping[str, Any]) -> set[str]:
        """Inputs whose gradient is not the right one."""
        return {name for name, g in self.right.items() if not _close(found.get(name), g)}


def _close(mine: Any, right: np.ndarray) -> bool:
    if mine is None:
        return not np.any(right)
    mine = np.asarray(mine, dtype=float)
    scale = float(np.max(np.abs(right), initial=0))
    return mine.shape == right.shape and bool(np.all(np.abs(mine - right) <= 1e-6 * scale + 1e-12))


def trial_at(subject: HandWritten, seed: int) -> Trial:
    """A point near the example with the right gradients there."""
    return trial_with(subject, near(subject, np.random.default_rng(seed)), seed)


def trial_with(subject: HandWritten, point: dict[str, np.ndarray], seed: int) -> Trial:
    """This point with the right gradients there."""
    return Trial(subject, point, seed, right_gradients(subject, point, seed))


def shuffled_trials(subject: HandWritten, seed: int) -> Iterator[Trial]:
    """Points that take the example's rows in other orders, so that comparisons come out anew."""
    rng = np.random.default_rng(seed)
    for _ in range(_SHUFFLED):
        point = {n: rng.permutation(x) if x.ndim else x for n, x in near(subject, rng).items()}
        try:
            trial = trial_with(subject, point, seed)
        except Exception:
            continue
        if all(np.all(np.isfinite(g)) for g in trial.right.values()):
            yield trial


def small_trials(subject: HandWritten, seed: int) -> list[Trial]:
    """Points at small shapes at which some gradient is wrong, different lengths first."""
    variants = [*list(subject.smaller())[::-1], subject]
    trials = []
    for variant in variants:
        if variant.entries > LARGEST:
            continue
        try:
            trial = trial_at(variant, seed)
            if trial.wrong(trial.gradients()):
                trials.append(trial)
        except Exception:
            continue
    return trials


def locals_of(
    trial: Trial, function: Callable[..., Any]
) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """Arrays that are local to a function when it runs, expressions for their lengths, labels."""
    seen: dict[str, np.ndarray] = {}
    labels: set[str] = set()
    code = getattr(plain(function), "__code__", None)
    if code is None:
        return {}, [], []
    given = set(code.co_varnames[: code.co_argcount])  # as they come in: they may be written into

    def note(frame: Any, _event: str, _arg: Any) -> Any:
        for name, value in frame.f_locals.items():
            if (
                isinstance(value, np.ndarray | float | np.floating)
                and (getattr(value, "dtype", np.dtype(float)).kind == "f")
                and (name not in given or name not in seen)
            ):
                seen[name] = np.array(value)
            elif getattr(value, "dtype", np.dtype(float)).kind in "iu" and np.ndim(value) <= 1:
                labels.add(name)
        return note

    outer = sys.gettrace()
    sys.settrace(lambda frame, event, arg: note if frame.f_code is code else None)
    try:
        trial.gradients()
    finally:
        sys.settrace(outer)
    lengths: dict[int, str] = {}
    for name, x in seen.items():
        for axis, n in enumerate(x.shape):
            lengths.setdefault(n, f"{name}.shape[{axis}]")
    names = [n for n, v in seen.items() if not np.ndim(v)]
    return seen, [*lengths.values(), *names], sorted(labels)
