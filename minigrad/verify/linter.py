"""The linter for backwards written by hand: right, and established how, or which term is wrong.

Forward and backward are NumPy code, so they run in the judges' worlds as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from minigrad.verify import foreign
from minigrad.verify.examples import entries, near, smaller
from minigrad.verify.explanation import explain
from minigrad.verify.hand_judges import Verdict, exact, numeric, proof, told
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.report import Check, Report

_LARGE = 4000  # entries of all inputs up to which a mistake is looked for at the example's shapes


def check_vjp(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    example_inputs: Sequence[Any] = (),
    *,
    saves: bool = False,
    seed: int = 0,
) -> Report:
    """Judge a backward written by hand: a check per input and judge.

    Args:
        forward: NumPy code (*inputs) → the output, or a tuple of outputs. Or, instead of both,
            a PyTorch ``autograd.Function`` or a JAX ``custom_vjp`` function, which is judged
            through its arrays by the numeric judge.
        backward: the gradients by the inputs, as a tuple: ``None`` for those without one. It
            is called as ``backward(g, *inputs)``, or as ``backward(g, y, *inputs)`` if it
            takes one argument more; g is the cotangent of the output y, and both are tuples
            if forward returns one.
        example_inputs: arrays, or shapes of random ones. Those of floats are differentiated.
        saves: forward returns (output, saved), and backward is called as (g, saved).
        seed: of the random points.

    Returns:
        The report; ``print`` shows it. It has one target per input.

    Raises:
        ValueError: the two do not fit together, or forward fails on the example.
    """
    name = getattr(backward or forward, "__name__", type(forward).__name__)
    subject: HandWritten
    if backward is None:
        subject = foreign.adapter(forward, tuple(example_inputs))
    else:
        subject = HandWritten(name, forward, backward, tuple(example_inputs), saves)
    return Report(tuple(lint(subject, seed)), seed)


def lint(subject: HandWritten, seed: int = 0) -> Iterator[Check]:
    """The checks of each input by each judge that could judge it.

    Raises:
        ValueError: forward fails on the example inputs.
    """
    inputs = near(subject, np.random.default_rng(seed))
    try:
        subject.run(inputs)
    except Exception as error:
        raise ValueError(
            f"{subject.name}: forward fails on the example inputs: {told(error)}"
        ) from error
    with np.errstate(all="ignore"):
        by_floats, in_field = _timed(numeric, subject, seed), _timed(exact, subject, seed)
        on_symbols = _timed(partial(proof, floats_agree=by_floats.figures), subject, seed)
        verdicts = (on_symbols, in_field, by_floats)
        for name in on_symbols.open - by_floats.wrong.keys():  # the field knows no more laws
            in_field.wrong.pop(name, None)
        wrong = {n for v in verdicts for n in v.wrong}
        sentences = _sentences(subject, inputs, wrong) if wrong else {}
    reasons = "; ".join(dict.fromkeys(v.skipped for v in verdicts if v.skipped))
    for k in subject.wanted:
        input_name = subject.names[k]
        for v in verdicts:
            if input_name not in v.figures and input_name not in v.wrong:
                continue
            faults: tuple[str, ...] = ()
            if input_name in v.wrong:
                faults = (sentences.get(input_name, v.wrong[input_name]),)
            established = v.established if not faults else "nothing: see the failures"
            if v.judge == "numeric" and reasons and not faults:
                established += f"; {reasons}"
            yield Check(
                target=f"{subject.name}: ∂L/∂{input_name}", judge=v.judge, order=1,
                shapes=v.shapes, passed=not faults, figure=v.figures.get(input_name, 0.0),
                unit=v.unit, established=established, failures=faults,
                seconds=v.seconds / len(subject.wanted),
            )  # fmt: skip


def _sentences(subject: HandWritten, inputs: list[Any], wrong: set[str]) -> dict[str, str]:
    """What is wrong with each of these gradients, at an example small enough to search."""
    found: dict[str, str] = {}
    for example in ([inputs] if entries(subject) <= _LARGE else []) + smaller(subject):
        try:
            found = explain(subject, example) | found
        except Exception:
            continue
        if wrong <= found.keys():
            break
    return found


def _timed(
    judge: Callable[[HandWritten, int], Verdict], subject: HandWritten, seed: int
) -> Verdict:
    start = time.perf_counter()
    verdict = judge(subject, seed)
    verdict.seconds = time.perf_counter() - start
    return verdict
