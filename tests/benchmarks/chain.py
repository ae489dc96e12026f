"""x = x + 1e-9, up to a million times: time and memory per operation must not grow."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

import numpy as np

from tests.benchmarks.measuring import Line, Side, Target, Work, in_turn, processes, set_threads

NAME = "chain"
LENGTHS = (10**3, 10**4, 10**5, 10**6)


def in_minigrad(length: int) -> Work:
    import minigrad as mg

    def work() -> np.ndarray:
        first = x = mg.Tensor(np.ones(1), requires_grad=True)
        for _ in range(length):
            x = x + 1e-9
        x.backward()
        return first.grad

    return work


def in_torch(length: int) -> Work:
    import torch

    torch.set_num_threads(2)

    def work() -> torch.Tensor:
        first = x = torch.ones(1, dtype=torch.float64, requires_grad=True)
        for _ in range(length):
            x = x + 1e-9
        x.backward()
        return first.grad

    return work


def in_autograd(length: int) -> Work:
    import autograd

    def chained(x: np.ndarray) -> np.ndarray:
        for _ in range(length):
            x = x + 1e-9
        return x[0]

    gradient = autograd.grad(chained)
    return lambda: gradient(np.ones(1))


SIDES = {"minigrad": in_minigrad, "PyTorch": in_torch, "autograd": in_autograd}


def lines(rounds: int) -> Iterator[Line]:
    medians = []
    for length in LENGTHS:
        with processes(_sides(length), set_threads) as (ready, notes):
            seconds = in_turn(ready, rounds)
        per_operation = {side: [s / length for s in taken] for side, taken in seconds.items()}
        medians.append(statistics.median(per_operation["minigrad"]))
        line = Line(f"{NAME} of {length:,}, per op", per_operation, notes=notes)
        if length == LENGTHS[-1]:
            growth = medians[-1] / medians[0]
            line.targets = [Target(f"time per op ÷ that of {LENGTHS[0]:,}", 1.5, growth)]
        yield line
    yield _memory()


def _memory() -> Line:
    """Bytes per operation: what Python allocates, and how much a new process grows."""
    allocated = {
        length: _ask("allocated", length, ["minigrad"])["minigrad"] / length
        for length in (LENGTHS[0], LENGTHS[-1])
    }
    shorter, longer = allocated.values()
    growth = _ask("growth", LENGTHS[-1], list(_sides(LENGTHS[-1])))
    text = f"allocated per op ÷ that of {LENGTHS[0]:,}"
    notes = [
        f"{NAME}: {shorter:.0f} bytes allocated per operation in {LENGTHS[0]:,}, {longer:.0f} in "
        f"{LENGTHS[-1]:,}; the process grows by "
        + ", ".join(f"{size / LENGTHS[-1]:.0f} ({side})" for side, size in growth.items())
    ]
    return Line(f"{NAME}, memory", targets=[Target(text, 1.2, longer / shorter)], notes=notes)


def _ask(what: str, length: int, names: list[str]) -> dict[str, int]:
    """The answer of a new process for each side."""
    sides = _sides(length)
    with processes({name: sides[name] for name in names}, set_threads) as (ready, _):
        return {side: process.ask(what) for side, process in ready.items()}


def _sides(length: int) -> dict[str, Side]:
    """The workload on every side; HIPS autograd takes 20 s for a million and is left out."""
    return {
        side: partial(work, length)
        for side, work in SIDES.items()
        if side != "autograd" or length < LENGTHS[-1]
    }
