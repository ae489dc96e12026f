"""Verification: three judges, each told what it establishes.

``verify("lstm")`` proves the LSTM's gradients on symbols at a small shape, checks them
exactly in a finite field over 100 steps, and holds the floats against the complex step.
``check_vjp(forward, backward, example_inputs)`` does the same for a backward written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

from minigrad.targets import FileTarget, Problem, Target, builtin, resolve
from minigrad.targets.inputs import Roles, with_examples
from minigrad.verify.finding import BUDGET, TOLERANCE, Settings
from minigrad.verify.foreign import foreign
from minigrad.verify.pair import MisfitError, Pair
from minigrad.verify.report import Check, Report, Verdict, Witness
from minigrad.verify.tasks import (
    Judged,
    judge_generated,
    judge_pair,
    judge_problem,
    judge_subject,
    tasks_of,
)
from minigrad.verify.workers import WorkerError, spread

__all__ = [
    "Check",
    "Problem",
    "Report",
    "Verdict",
    "Witness",
    "WorkerError",
    "backward_of",
    "check_vjp",
    "judge_generated",
    "judge_problem",
    "verify",
    "with_examples",
]

DType = Literal["", "float32", "float64"]
Backward = TypeVar("Backward", bound=Callable[..., Any])


def verify(
    *targets: str | Target,
    seed: int = 0,
    jobs: int = 1,
    tolerance: float = TOLERANCE,
    budget: float = BUDGET,
    dtype: DType = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Judge the gradients of each target with all three judges.

    Args:
        targets: names as `minigrad.targets.resolve` takes them; all of the library if none.
        seed: of the random points and weights.
        jobs: how many processes share the targets that were found by their names. A script
            that asks for more than one does so under ``if __name__ == "__main__":``.
        tolerance: relative error up to which floats count as right.
        budget: seconds that each judge may take for each problem.
        dtype: of the floats that the code gets; float64, or as the example has it, if not given.
        progress: called with what is judged next, how many are done, and how many there are.

    Raises:
        TargetError: a target that cannot be found or made.
        WorkerError: a process died.

    Example:
        >>> from minigrad.verify import verify
        >>> verify("tanh").passed
        True
    """
    settings = Settings(seed, tolerance, budget, dtype)
    named = [resolve(t) if isinstance(t, str) else t for t in targets] or builtin()
    found = [member for target in named for member in target.members()]
    left_out = {f"{t.name}:{name}": why for t in named if isinstance(t, FileTarget)
                for name, why in t.left_out.items()}  # fmt: skip
    in_files = {m.name for t in named if isinstance(t, FileTarget) for m in t.members()}
    tasks = [tasks_of(target, settings, lenient=target.name in in_files) for target in found]
    total = sum(map(len, tasks))
    told = progress or (lambda what, done, total: None)
    judged: dict[int, Judged] = {}
    away = [k for k, target in enumerate(found) if target.named]
    if jobs > 1 and len(away) > 1:

        def count(left: Sequence[int]) -> None:
            if left:
                open_ = sum(len(tasks[away[k]]) for k in left)
                told(found[away[left[0]]].name, total - open_, total)

        names = [found[k].name for k in away]
        work = partial(_by_name, settings=settings, lenient=frozenset(in_files))
        results = spread(work, names, jobs, count)
        judged = dict(zip(away, results, strict=True))
    done = sum(len(tasks[k]) for k in judged)
    for k, own in enumerate(tasks):
        if k in judged:
            continue
        judged[k] = Judged()
        for what, run in own:
            told(what, done, total)
            _join(judged[k], run())
            done += 1
    every = Judged()
    for k in range(len(found)):
        _join(every, judged[k])
    return Report(tuple(every.checks), seed, every.remarks, left_out)


def check_vjp(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    example_inputs: Sequence[Any] = (),
    *,
    saves: bool | None = None,
    constants: Sequence[str] = (),
    differentiate: Sequence[str] = (),
    positive: Sequence[str] = (),
    seed: int = 0,
    tolerance: float = TOLERANCE,
    budget: float = BUDGET,
    dtype: DType = "",
) -> Report:
    """Judge a backward written by hand: a check per input and judge.

    Args:
        forward: NumPy code (*inputs) → the output, or a tuple of outputs. Or, instead of both,
            a PyTorch ``autograd.Function``, a JAX ``custom_vjp``, or any function of the two,
            which is judged through its arrays by the numeric judge.
        backward: the gradients by the inputs, as a tuple or a dict: ``None`` for those without
            one. It is called as ``backward(g, *inputs)``, as ``backward(g, y, *inputs)`` if it
            takes one argument more, or as ``backward(g, saved)``; g is the cotangent of the
            output y. Where there are several outputs, g is a tuple, or there is one for each.
        example_inputs: arrays, numbers, dicts or lists of them, or shapes of random arrays.
        saves: forward returns (output, saved), and backward is called as (g, saved); found out
            if not given.
        constants: names of inputs that have no gradient, beside those that show it themselves:
            backward returns ``None`` for them, or they are whole numbers to count or look up with.
        differentiate: names of the only inputs to differentiate by.
        positive: names of inputs that are positive, beside those whose example is.
        seed: of the random points.
        tolerance: relative error up to which floats count as right.
        budget: seconds that each judge may take.
        dtype: of the floats that the code gets; as the example has it if not given.

    Returns:
        The report; ``print`` shows it. It has one target per input.

    Raises:
        ValueError: the two do not fit together, or forward fails on the example.

    Example:
        >>> from minigrad.verify import check_vjp
        >>> report = check_vjp(lambda x: x * x, lambda g, y, x: g * x, [(3,)])
        >>> report.passed
        False
        >>> print(report.checks[0].failures[0].partition(";")[0])
        backward's ∂L/∂x is wrong in line 1, `g * x`, it lacks the factor 2
    """
    settings = Settings(seed, tolerance, budget, dtype)
    roles = Roles(tuple(constants), tuple(differentiate), tuple(positive))
    name = getattr(backward or forward, "__name__", type(forward).__name__)
    try:
        if backward is None:
            found = judge_subject(foreign(forward, example_inputs, roles, settings), settings)
        else:
            pair = Pair(name, forward, backward, tuple(example_inputs), saves, (), roles, seed)
            found = judge_pair(pair, settings)
    except MisfitError as error:
        raise ValueError(str(error)) from error
    return Report(tuple(found.checks), seed, found.remarks)


def backward_of(
    forward: Callable[..., Any],
    example_inputs: Sequence[Any],
    *,
    saves: bool | None = None,
    constants: Sequence[str] = (),
    differentiate: Sequence[str] = (),
    positive: Sequence[str] = (),
) -> Callable[[Backward], Backward]:
    """Decorator: this function is the backward of ``forward``, for `minigrad verify` to judge.

    The function stays as it is. Arguments as for `minigrad.verify.check_vjp`.

    Example:
        >>> from minigrad.verify import backward_of
        >>> def square(x):
        ...     return x * x
        >>> @backward_of(square, example_inputs=[(3,)])  # an array, or the shape of a random one
        ... def square_backward(g, y, x):
        ...     return 2 * x * g
        >>> square_backward(1.0, 9.0, 3.0)  # it stays the function that it was
        6.0
    """
    roles = Roles(tuple(constants), tuple(differentiate), tuple(positive))

    def mark(backward: Backward) -> Backward:
        name = getattr(backward, "__name__", "backward")
        pair = Pair(name, forward, backward, tuple(example_inputs), saves, roles=roles)
        vars(backward)["__vjp__"] = pair
        return backward

    return mark


def _by_name(name: str, settings: Settings, lenient: frozenset[str]) -> Judged:
    """What the judges say of a target that another process found."""
    done = Judged()
    for _, run in tasks_of(resolve(name), settings, lenient=name in lenient):
        _join(done, run())
    return done


def _join(into: Judged, more: Judged) -> None:
    into.checks += more.checks
    for target, remarks in more.remarks.items():
        into.remarks[target] = tuple(dict.fromkeys((*into.remarks.get(target, ()), *remarks)))
