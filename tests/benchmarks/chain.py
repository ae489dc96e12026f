"""x = x + 1e-9, up to a million times: time and memory per operation must not grow."""

from __future__ import annotations

import statistics
from functools import partial

import numpy as np

from tests.benchmarks.measuring import Line, Side, Target, Work, in_turn, processes, set_threads

NAME = "chain"
LENGTHS = (10**3, 10**4, 10**5, 10**6)
MEASURED = LENGTHS[-2:]  # the growth of a process says nothing about less than a few megabytes


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


def lines(rounds: int) -> list[Line]:
    found = []
    for length in LENGTHS:
        with processes(_sides(length), set_threads) as (ready, notes):
            seconds = in_turn(ready, rounds)
        per_operation = {side: [s / length for s in taken] for side, taken in seconds.items()}
        found.append(Line(f"{NAME} of {length:,}, per op", per_operation, notes=notes))
    shortest, longest = (statistics.median(found[k].seconds["minigrad"]) for k in (0, -1))
    found[-1].targets = [Target(f"time per op ÷ that of {LENGTHS[0]:,}", 1.5, longest / shortest)]
    found.append(_memory())
    return found


def _memory() -> Line:
    """Bytes per operation by which a new process grows."""
    peaks: dict[str, dict[int, float]] = {side: {} for side in SIDES}
    for length in MEASURED:
        with processes(_sides(length), set_threads) as (ready, _):
            for side, process in ready.items():
                peaks[side][length] = process.ask("peak") / length
    notes = [
        f"memory per operation, {side}: "
        + ", ".join(f"{size:.0f} bytes in {length:,}" for length, size in sizes.items())
        for side, sizes in peaks.items()
        if sizes
    ]
    shorter, longer = (peaks["minigrad"][length] for length in MEASURED)
    text = f"memory per op of {MEASURED[1]:,} ÷ that of {MEASURED[0]:,}"
    return Line(f"{NAME}, memory", targets=[Target(text, 1.2, longer / shorter)], notes=notes)


def _sides(length: int) -> dict[str, Side]:
    return {side: partial(work, length) for side, work in SIDES.items()}
