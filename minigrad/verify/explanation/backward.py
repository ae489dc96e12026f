"""A sentence for each wrong gradient of a backward written by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

import numpy as np

from minigrad.verify.explanation.gradients import (
    Evidence,
    as_a_whole,
    by_formula,
    by_number,
    outright,
)
from minigrad.verify.explanation.repair import Trial, fault_of, locals_of, small_trials
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.subject import Subject


def sentences(
    subject: Subject, wrong: Iterable[str], seed: int = 0, seconds: float = 3.0
) -> dict[str, str]:
    """What is wrong with the gradients by these inputs; nothing where nothing is found.

    A sentence is said if it holds at two points that have nothing in common.
    """
    if not isinstance(subject, HandWritten):
        return {}
    start = time.thread_time()
    trials = small_trials(subject, seed)
    again = small_trials(subject, seed + 7)
    told: dict[str, str] = {}
    open_: set[str] = set()
    for name in wrong:
        said = _outright(name, trials)
        if said:
            told[name] = f"backward's {said}"
        else:
            open_.add(name)
    if not open_ or not trials:
        return told
    fault = fault_of(subject, trials, seed, start + seconds - time.thread_time())
    for name in open_:
        if fault is not None:
            told[name] = f"backward's ∂L/∂{name} is wrong {fault}"
            continue
        said = _as_gradient(name, trials, again)
        if said:
            told[name] = f"backward's {said}"
    return told


def _outright(name: str, trials: list[Trial]) -> str | None:
    for trial in trials[::-1]:  # the example's own shapes first
        evidence = _evidence(name, trial)
        if evidence is not None:
            said = outright(evidence)
            if said:
                return said
    return None


def _as_gradient(name: str, trials: list[Trial], again: list[Trial]) -> str | None:
    """What the whole gradient lacks: the same at fresh numbers, or it was a coincidence."""
    pairs = sorted(zip(trials, again, strict=False), key=lambda pair: -pair[0].subject.entries)
    every = [(_evidence(name, a), _evidence(name, b)) for a, b in pairs]
    found = [(a, b) for a, b in every if a is not None and b is not None]
    for search in (as_a_whole, by_formula):
        for one, two in found:
            said = search(one)
            if said and said == search(two):
                return _without_coincidence(said, [search(a) for a, _ in found])
    return by_number(found[0][0]) if found else None


def _without_coincidence(said: str, at_all_shapes: list[str | None]) -> str:
    """The sentence without a length in it that is not that of the same axis at other shapes."""
    if " is the length of " not in said:
        return said
    axes = {re.sub(r"[\d√/−]+", "", other) for other in at_all_shapes if other}
    if len(at_all_shapes) > 1 and len(axes) == 1:
        return said
    return re.sub(r" \(\d+ is the length of [^)]*\)", "", said)


def _evidence(name: str, trial: Trial) -> Evidence | None:
    """The gradient beside the right one, if it is wrong at this point."""
    if name not in trial.right:
        return None
    found = trial.gradients()
    if name not in trial.wrong(found):
        return None
    named, _ = locals_of(trial, trial.subject.pair.backward)
    named = {**trial.point, **named}
    lengths: dict[int, str] = {}
    for other, x in trial.point.items():
        for axis, n in enumerate(x.shape):
            lengths.setdefault(n, f"axis {axis} of {other}")
    arrays = {n: np.asarray(a, dtype=float) for n, a in named.items()}
    return Evidence(name, found.get(name), trial.right[name], arrays, lengths)
