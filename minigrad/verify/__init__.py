"""Verification: three judges, each told what it establishes.

``verify("lstm")`` proves the LSTM's gradients on symbols at a small shape, checks them
exactly in a finite field over 100 steps, and holds the floats against the complex step.
``check_vjp(forward, backward, example_inputs)`` does the same for a backward written by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from minigrad.primitives import PRIMITIVES
from minigrad.tape import ancestors
from minigrad.targets import Target, TargetError, builtin, resolve
from minigrad.verify.generated import judge_generated
from minigrad.verify.handwritten import backward_of
from minigrad.verify.judges import JUDGES, judge_exact, judge_numeric, judge_proof
from minigrad.verify.linter import check_vjp, lint
from minigrad.verify.problem import Problem, of_layer, of_part, of_primitive
from minigrad.verify.real_input import weather_window
from minigrad.verify.report import Check, Judge, Report
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
    "problems",
    "verify",
]


MOST_UNKNOWNS = 60
"""Up to how many symbols a cell is proven over two steps: some seconds."""


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
    if target.kind == "backward":
        return [(target.name, partial(_linted, target, seed))]
    tasks: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        (f"{problem.target}: {judge}", partial(_judged, judge, problem, seed))
        for judge, problem in problems(target, seed)
    ]
    if target.kind == "cell":
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


def problems(target: Target, seed: int = 0) -> Iterator[tuple[Judge, Problem]]:
    """Which judge gets which problem, for one target.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import problems
        >>> [judge for judge, problem in problems(resolve("tanh"))]
        ['proof', 'exact', 'numeric', 'exact']
    """
    if target.kind == "primitive":
        if not target.subject.samples:
            raise TargetError(
                f"{target.name}: this primitive carries no samples= to judge it on; give it some, "
                "such as samples=(minigrad.sample((2, 3)),)"
            )
        for sample in target.subject.samples:
            problem = of_primitive(target.name, target.subject, sample)
            yield from ((judge, problem) for judge in JUDGES)
            if target.subject.reads:  # a linear map has no second derivative
                yield "exact", replace(problem, order=2)
        return
    if target.kind in ("function", "tensor"):
        raise TargetError(
            f"{target.name}: a {target.kind}, expected a cell, a layer, a primitive or a backward"
        )
    if target.kind == "part":
        problem = of_part(target, seed)
        yield from ((judge, problem) for judge in target.subject.judges)
        yield "exact", replace(problem, order=2)
        return
    x = weather_window(batch=4, steps=14)
    real = of_layer(
        target, batch=4, steps=14, input_size=x.shape[-1], hidden_size=8, x=x, seed=seed
    )
    short = of_layer(target, batch=2, steps=3, input_size=2, hidden_size=3)
    if target.kind == "cell":
        yield from (("proof", problem) for problem in _provable(target))
        yield "exact", of_layer(target, batch=3, steps=100, input_size=3, hidden_size=8)
        yield "exact", of_layer(
            target, batch=3, steps=6, input_size=2, hidden_size=3, lengths=(6, 1, 4),
            num_layers=2, bidirectional=True,
        )  # fmt: skip
    else:
        yield "proof", of_layer(target, batch=1, steps=2, input_size=2, hidden_size=2)
        yield "exact", of_layer(target, batch=3, steps=10, input_size=3, hidden_size=8)
    yield from (("exact", replace(short, order=2)), ("numeric", real))


def _provable(target: Target) -> Iterator[Problem]:
    """A cell over one and two steps, where its formulas stay small enough for a normal form.

    Over two steps they do not with roots of gates in them, as in layer norm: a single entry takes
    a minute there, and there are 61. The exact judge looks at that.
    """
    yield of_layer(target, batch=1, steps=1, input_size=2, hidden_size=2)
    two = of_layer(target, batch=1, steps=2, input_size=1, hidden_size=2)
    _, outputs = two.forward(two.numbers(np.random.default_rng(0)))
    if any(node.primitive is PRIMITIVES["sqrt"] for node in ancestors(outputs)):
        return
    if sum(math.prod(shape) for shape in two.shapes.values()) <= MOST_UNKNOWNS:
        yield two
