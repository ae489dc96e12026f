"""Verification: three judges, each told what it establishes.

``verify("lstm")`` proves the LSTM's gradients on symbols at a small shape, checks them
exactly in a finite field over 100 steps, and holds the floats against the complex step.
``check_vjp(forward, backward, example_inputs)`` does the same for a backward written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from minigrad.targets import Judge, Problem, Target, TargetError, builtin, resolve
from minigrad.targets.functions import BackwardTarget
from minigrad.targets.layers import CellTarget
from minigrad.verify.generated import judge_generated
from minigrad.verify.handwritten import backward_of
from minigrad.verify.judges import JUDGES, judge_exact, judge_numeric, judge_proof
from minigrad.verify.linter import check_vjp, lint
from minigrad.verify.report import Check, Report
from minigrad.verify.workers import WorkerError, spread

__all__ = [
    "Check",
    "Problem",
    "Report",
    "WorkerError",
    "backward_of",
    "check_vjp",
    "judge_exact",
    "judge_generated",
    "judge_numeric",
    "judge_proof",
    "verify",
]


def verify(
    *targets: str | Target,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Judge the engine's gradients of each target with all three judges.

    Args:
        targets: names as `minigrad.targets.resolve` takes them; all of the library if none.
        seed: of the random points and weights.
        jobs: how many processes share the targets that were found by their names. A script
            that asks for more than one does so under ``if __name__ == "__main__":``.
        progress: called with what is judged next, how many are done, and how many there are.

    Raises:
        TargetError: a target that cannot be found or made.
        WorkerError: a process died.

    Example:
        >>> from minigrad.verify import verify
        >>> verify("tanh").passed
        True
    """
    found = [resolve(t) if isinstance(t, str) else t for t in targets] or builtin()
    tasks = [_tasks(target, seed) for target in found]
    total = sum(map(len, tasks))
    told = progress or (lambda what, done, total: None)
    judged: dict[int, list[Check]] = {}
    away = [k for k, target in enumerate(found) if target.named]
    if jobs > 1 and len(away) > 1:

        def count(left: Sequence[int]) -> None:
            if left:
                open_ = sum(len(tasks[away[k]]) for k in left)
                told(found[away[left[0]]].name, total - open_, total)

        names = [found[k].name for k in away]
        checks = spread(partial(_by_name, seed=seed), names, jobs, count)
        judged = dict(zip(away, checks, strict=True))
    done = sum(len(tasks[k]) for k in judged)
    for k, own in enumerate(tasks):
        if k in judged:
            continue
        judged[k] = []
        for what, run in own:
            told(what, done, total)
            judged[k] += run()
            done += 1
    return Report(tuple(check for k in range(len(found)) for check in judged[k]), seed)


def _tasks(target: Target, seed: int) -> list[tuple[str, Callable[[], Iterable[Check]]]]:
    """What is to be done for one target, each with what it is called."""
    if isinstance(target, BackwardTarget):
        return [(target.name, partial(_linted, target, seed))]
    tasks: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        (f"{problem.target}: {judge}", partial(_judged, judge, problem, seed))
        for problem in target.problems(seed)
        for judge in problem.judges
    ]
    if isinstance(target, CellTarget):
        tasks.append((f"{target.name}: generated", partial(judge_generated, target, seed)))
    return tasks


def _by_name(name: str, seed: int) -> list[Check]:
    """The checks of a target that another process found."""
    return [check for _, run in _tasks(resolve(name), seed) for check in run()]


def _judged(judge: Judge, problem: Problem, seed: int) -> list[Check]:
    return [JUDGES[judge](problem, seed)]


def _linted(target: Target, seed: int) -> list[Check]:
    try:
        return list(lint(target.subject, seed))
    except ValueError as error:
        raise TargetError(str(error)) from error
