"""A sentence for each wrong gradient of a backward written by hand."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.verify.explanation.gradients import (
    Evidence,
    as_a_whole,
    by_formula,
    by_number,
    outright,
)
from minigrad.verify.explanation.repair import fault_of
from minigrad.verify.explanation.statements import (
    bases_of,
    names_set,
    returned_parts,
    statements_of,
)
from minigrad.verify.explanation.terms import close
from minigrad.verify.explanation.trials import Trial, locals_of, small_trials, trial_with
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.sources import tree_of
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
        said = _swapped(name, trials) or _outright(name, trials) or _untouched(name, trials)
        if said:
            told[name] = f"backward's {said}"
        if not said or ": got shape" in said:  # a line may be at fault for that
            open_.add(name)
    if not open_ or not trials:
        return told
    fault = fault_of(subject, trials, seed, start + seconds - time.thread_time())
    for name in open_:
        if fault is not None:
            told[name] = f"backward's ∂L/∂{name} is wrong {fault}"
            continue
        said = None if name in told else _as_gradient(name, trials, again)
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


def _swapped(name: str, trials: list[Trial]) -> str | None:
    """Whether what is returned for an input is the gradient by another, which is wrong too."""
    said = set()
    for trial in trials:
        found = trial.gradients()
        wrong, mine = trial.wrong(found), _array(found.get(name))
        others = {o for o in wrong - {name} if np.any(mine) and close(mine, trial.right[o])}
        said.add(min((o for o in others if trial.right[o].size > 1), default=None))
    other = said.pop() if len(said) == 1 else None
    return other and f"∂L/∂{other} is returned for ∂L/∂{name}: the order is wrong"


def _untouched(name: str, trials: list[Trial]) -> str | None:
    """The line that makes a gradient of zeros, if no other writes into it."""
    if not trials or np.any(_array(trials[0].gradients().get(name))):
        return None
    tree = tree_of(trials[0].subject.pair.backward)
    if not isinstance(tree, ast.FunctionDef):
        return None
    part = returned_parts(tree, trials[0].subject).get(name)
    for variable in bases_of(part) if part is not None else ():
        writing = [s for s in statements_of(tree) if variable in names_set(s)]
        if len(writing) == 1:
            line = f"line {writing[0].lineno}, `{ast.unparse(writing[0])}`"
            return f"∂L/∂{name} is 0: nothing is added to {variable} after {line}"
    return None


def _array(gradient: Any) -> np.ndarray:
    return np.zeros(()) if gradient is None else np.asarray(gradient, dtype=float)


def _as_gradient(name: str, trials: list[Trial], again: list[Trial]) -> str | None:
    """What the whole gradient lacks: the same at fresh numbers, or it was a coincidence."""
    pairs = sorted(zip(trials, again, strict=False), key=lambda pair: -pair[0].subject.entries)
    every = [(_evidence(name, a), _evidence(name, b)) for a, b in pairs]
    found = [(a, b) for a, b in every if a is not None and b is not None]
    for search in (as_a_whole, by_formula):
        for one, two in found:
            said = search(one)
            if said and said == search(two) and _said_elsewhere(said, search, name, trials[-1]):
                return _without_coincidence(said, [search(a) for a, _ in found])
    return by_number(found[0][0]) if found else None


def _said_elsewhere(
    said: str, search: Callable[[Evidence], str | None], name: str, trial: Trial
) -> bool:
    """Whether a condition, as x > 0, says which entries are wrong where other entries meet it."""
    if " where " not in said:
        return True
    rng = np.random.default_rng(trial.seed)
    shuffled = {n: rng.permutation(x.ravel()).reshape(x.shape) for n, x in trial.point.items()}
    evidence = _evidence(name, trial_with(trial.subject, shuffled, trial.seed))
    return evidence is not None and search(evidence) == said


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
    named, *_ = locals_of(trial, trial.subject.pair.backward)
    named = {**trial.point, **named}
    lengths: dict[int, str] = {}
    for other, x in trial.point.items():
        for axis, n in enumerate(x.shape):
            lengths.setdefault(n, f"axis {axis} of {other}")
    arrays = {n: np.asarray(a, dtype=float) for n, a in named.items()}
    return Evidence(name, found.get(name), trial.right[name], arrays, lengths)
