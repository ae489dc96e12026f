"""What there is to judge of a target: one task after the other, each a list of checks."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from minigrad.targets import Judge, Problem, Target, TargetError
from minigrad.targets.files import told
from minigrad.targets.functions import BackwardTarget, PassesTarget
from minigrad.targets.layers import CellTarget
from minigrad.verify.engine import subject_of
from minigrad.verify.explanation import culprits, sentences
from minigrad.verify.finding import OUTPUT, STANDARD, Finding, Settings, nearly
from minigrad.verify.foreign import is_torch_pair, torch_pair
from minigrad.verify.generated import kernels, page_program
from minigrad.verify.handwritten import (
    BackwardRaisesError,
    HandWritten,
    NotDeterministicError,
)
from minigrad.verify.judges import JUDGES, judged
from minigrad.verify.objects import pair_of_object
from minigrad.verify.pair import MisfitError, Pair
from minigrad.verify.report import Check, Outcome
from minigrad.verify.subject import Subject

SEARCH = 1.0, 0.6
"""The search for a wrong line has so many seconds at least, and this share of the budget."""


@dataclass
class Judged:
    """What a task gives: checks, and remarks by target."""

    checks: list[Check] = field(default_factory=list)
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)


Task = tuple[str, Callable[[], Judged]]


def tasks_of(target: Target, settings: Settings, *, lenient: bool = False) -> list[Task]:
    """What is to be done for one target, each with what it is called.

    Args:
        target: what is judged.
        settings: how.
        lenient: a target that cannot be run is undecided with the reason, and no error.
    """
    if lenient:
        try:
            found = tasks_of(target, settings)
        except TargetError as error:
            return [(target.name, partial(_refused, target.name, _why(error, target), "undecided"))]
        return [(what, partial(_tried, run, target)) for what, run in found]
    if isinstance(target, BackwardTarget):
        return [(target.name, partial(judge_pair, _pair_of(target, settings.seed), settings))]
    known: dict[str, list[str]] = {}
    tasks: list[Task] = [
        (f"{problem.target}: {judge}", partial(judge_problem, problem, judge, settings, known))
        for problem in target.problems(settings.seed)
        for judge in problem.judges
    ]
    if isinstance(target, CellTarget):
        tasks.append((f"{target.name}: generated", partial(judge_generated, target, settings)))
        tasks.append((f"{target.name}: live page", partial(judge_page, target, settings)))
    return tasks


def _tried(run: Callable[[], Judged], target: Target) -> Judged:
    try:
        return run()
    except TargetError as error:
        return _refused(target.name, _why(error, target), "undecided")


def _why(error: TargetError, target: Target) -> str:
    return f"it cannot be run: {str(error).removeprefix(f'{target.name}: ')}"


def _pair_of(target: BackwardTarget, seed: int) -> Pair:
    """What a function was marked as; else what stands beside it in its file."""
    if isinstance(target.subject, Pair):
        return target.subject
    if isinstance(target, PassesTarget):
        try:
            pair = pair_of_object(target.name, target.made(), target.inputs(seed))
            return replace(pair, roles=target.roles)
        except MisfitError as error:
            raise TargetError(str(error)) from error
    return Pair(
        target.title, target.forward, target.subject, target.inputs(seed), target.saves,
        roles=target.roles,
    )  # fmt: skip


def judge_problem(
    problem: Problem,
    judge: Judge,
    settings: Settings = STANDARD,
    known: dict[str, list[str]] | None = None,
) -> Judged:
    """One judge on the engine's gradient of one problem.

    Args:
        problem: what is judged.
        judge: by whom.
        settings: how.
        known: why targets are wrong, where an earlier check has found it; added to.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import judge_problem
        >>> problem = next(resolve("tanh").problems())
        >>> print(judge_problem(problem, "proof").checks[0].established)
        an identity for every real input, at these shapes
    """
    subject = subject_of(problem, settings.seed, settings.dtype)
    if judge == "numeric" and subject.order == 1:  # the others say so themselves
        _try(subject)
    (finding,) = judged(subject, (judge,), settings)
    known = {} if known is None else known

    def explained() -> list[str]:
        if problem.target not in known:
            known[problem.target] = culprits(problem, settings.seed)
        return known[problem.target]

    check = _together(problem.target, finding, subject, explained)
    constants = [f"{name} is a constant: {why}" for name, why in subject.constants.items()]
    remarks = (*subject.remarks, *finding.remarks, *nearly([finding]).values(), *constants)
    return Judged([check], {problem.target: remarks} if remarks else {})


def _try(subject: Subject) -> None:
    """Run it once on its example.

    Raises:
        TargetError: it fails; the message has the line of the user's file.
    """
    try:
        with subject.held(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subject.outputs({name: x.copy() for name, x in subject.inputs.items()})
    except Exception as error:
        given = ", ".join(f"{name} {shape}" for name, shape in subject.shapes.items())
        reason = told(error, subject.name.rpartition(":")[0])
        raise TargetError(f"{subject.name}: it fails on {given}: {reason}") from error


def judge_generated(target: CellTarget, settings: Settings = STANDARD) -> Judged:
    """The exact judge on the code that is generated for a cell, forward and backward.

    Every output and every gradient must be that of the cell's own steps. Both backends' code is
    run, over full sequences and over some that end earlier. A cell that cannot be fused has no
    generated code.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import judge_generated
        >>> [check.passed for check in judge_generated(resolve("rnn")).checks]
        [True, True, True, True]
    """
    done = Judged()
    for backend, subject in kernels(target):
        (finding,) = judged(subject, ("exact",), settings)
        finding.unit = "entries of the generated code equal"
        finding.established = (
            f"the code generated for {backend} computes what the cell's steps do, forward and "
            f"backward: {finding.established}"
        )
        see = f"see the code: minigrad compile {target.name} --backend {backend} --show"
        done.checks.append(_together(target.name, finding, subject, lambda: [see]))  # noqa: B023
    return done


def judge_page(target: CellTarget, settings: Settings = STANDARD) -> Judged:
    """The JavaScript program of a cell's live page, beside the engine's floats.

    It is run by Node; where that is not installed it is not tried, and the report says so.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify.tasks import judge_page
        >>> judge_page(resolve("rnn")).checks[0].outcome in ("right", "untried")
        True
    """
    start = time.perf_counter()
    done = page_program(target, settings.seed)
    what = "the JavaScript program of its live page"
    outcome: Outcome = "untried"
    if done.error is not None:
        outcome = "right" if done.error <= 1e-12 else "wrong"
    established, failures = f"{what} was not tried: {done.why}", tuple[str, ...]()
    if outcome == "right":
        established = f"{what}, {done.why}, has the engine's values and gradients at one point"
    elif outcome == "wrong":
        established = f"{what} differs from the engine"
        failures = (f"{established} by {done.error:.2g} of the largest entry",)
    check = Check(
        target.name, "numeric", done.shapes, 1, outcome, done.error or 0.0,
        "relative error of the generated code", established, failures,
        seconds=time.perf_counter() - start,
    )  # fmt: skip
    return Judged([check])


def _together(
    target: str, finding: Finding, subject: Subject, explained: Callable[[], Iterable[str]]
) -> Check:
    """A finding on all inputs as one check."""
    failures: tuple[str, ...] = ()
    outcome: Outcome = "untried"
    if finding.wrong or finding.doubts:
        outcome = "wrong" if finding.wrong else "undecided"
        every = [*finding.wrong.values(), *finding.doubts.values()]
        more = [f"and {len(every) - 3} more"] if len(every) > 3 else []
        where = "wrong" if subject.order == 1 else "wrong at second order"
        failures = (f"{where}: " + ", ".join([*every[:3], *more]), *explained())
    elif finding.figures:
        outcome = "right"
    figures = finding.figures.values()
    figure = max(figures, default=0.0) if finding.judge == "numeric" else sum(figures)
    return Check(
        target=target, judge=finding.judge, shapes=finding.shapes, order=subject.order,
        outcome=outcome, figure=figure, unit=finding.unit,
        established=next(iter(finding.apart.values()), finding.established)
        if outcome == "right" else finding.reason,
        failures=failures, witness=next(iter(finding.witnesses.values()), None),
        seconds=finding.seconds,
    )  # fmt: skip


# Backwards by hand


def judge_pair(pair: Pair, settings: Settings = STANDARD) -> Judged:
    """A backward written by hand: a check per input and judge.

    Raises:
        TargetError: forward, backward and example do not fit together.
    """
    try:
        subject = (torch_pair if is_torch_pair(pair) else HandWritten)(pair, settings.dtype)
    except NotDeterministicError as error:
        return _refused(pair.name, str(error), "undecided")
    except BackwardRaisesError as error:
        return _refused(pair.name, str(error), "wrong")
    except MisfitError as error:
        raise TargetError(str(error)) from error
    return judge_subject(subject, settings)


def judge_subject(subject: Subject, settings: Settings = STANDARD) -> Judged:
    """A subject by all three judges: a check per input and judge."""
    findings = judged(subject, JUDGES, settings)
    wrong = {name for finding in findings for name in finding.wrong if name != OUTPUT}
    least, share = SEARCH
    seconds = max(least, share * settings.seconds)
    named = sentences(subject, wrong, settings.seed, seconds) if wrong else {}
    done = Judged()
    for name in subject.inputs:
        target = f"{subject.name}: ∂L/∂{name}"
        done.checks += [_of_input(target, name, f, subject, named) for f in findings]
        notes = [*subject.remarks, *(r for f in findings for r in f.remarks)]
        notes += nearly(findings).values()
        said = {check.established for check in done.checks if check.target == target}
        own = (r for r in notes if (f"∂L/∂{name} " in r or "∂L/∂" not in r) and r not in said)
        done.remarks[target] = tuple(dict.fromkeys(own))
    for name, reason in subject.constants.items():
        target = f"{subject.name}: ∂L/∂{next(iter(subject.inputs))}"
        done.remarks[target] += (f"{name} is a constant: {reason}",)
    return done


def _of_input(
    target: str, name: str, finding: Finding, subject: Subject, sentences: dict[str, str]
) -> Check:
    outcome: Outcome = "untried"
    failures: tuple[str, ...] = ()
    established = finding.reason or f"nothing of {name}"
    if name in finding.wrong:
        outcome, failures = "wrong", (sentences.get(name, finding.wrong[name]),)
    elif name in finding.doubts:
        outcome, failures = "undecided", (finding.doubts[name],)
    elif name in subject.spoils:
        outcome, failures = "undecided", (subject.spoils[name],)
    elif name in finding.figures:
        outcome, established = "right", finding.apart.get(name, finding.established)
    elif not finding.reason:
        own = [r for r in finding.remarks if name in r]
        established = nearly([finding]).get(name) or "; ".join(own) or "not reached"
    return Check(
        target=target, judge=finding.judge, shapes=finding.shapes, order=subject.order,
        outcome=outcome, figure=finding.figures.get(name, 0.0), unit=finding.unit,
        established=established if outcome in ("right", "untried") else "nothing: see the failures",
        failures=failures, witness=finding.witnesses.get(name),
        seconds=finding.seconds / len(subject.inputs),
    )  # fmt: skip


def _refused(name: str, reason: str, outcome: Outcome) -> Judged:
    """A verdict without judges: what was found out by calling the code."""
    failures = (reason,) if outcome == "wrong" else ()
    check = Check(name, "numeric", {}, 1, outcome, 0.0, "relative error", reason, failures)
    return Judged([check])
