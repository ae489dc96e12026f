"""What it costs to compile a training step of a GPT: the seconds until its first result.

Libraries are loaded and the model is made before. Where machine code is kept on disk, "cold" begins
with an empty folder, and "from the cache" is a process that finds there what another has compiled.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks import gpt_step
from tests.benchmarks.measuring import Line, Target, Work, processes, set_threads

NAME = "compiling"
ROUNDS = 3
SIZE = gpt_step.SIZES[1]


def here(folder: str, backend: str) -> Work:
    os.environ["MINIGRAD_CACHE"] = folder
    from minigrad.compile import backend as on
    from minigrad.compile import has_numba

    has_numba()  # loads it, if it is there
    step = gpt_step.in_minigrad(SIZE, compiled=True)

    def work() -> float:
        with on(backend):
            return float(step())

    return work


def in_torch(folder: str) -> Work:
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    return gpt_step.in_torch(SIZE, compiled=True)


def in_jax(folder: str) -> Work:
    return gpt_step.in_jax(SIZE)


def lines(rounds: int) -> Iterator[Line]:
    """Each round is a process of its own."""
    rows: tuple[tuple[str, str, Callable[[str], Work], float | None, bool], ...] = (
        ("a GPT step, NumPy", "minigrad", partial(here, backend="numpy"), 0.5, True),
        ("a GPT step, Numba, cold", "minigrad", partial(here, backend="numba"), 10.0, True),
        ("a GPT step, Numba, from the cache", "minigrad", partial(here, backend="numba"), 0.3,
         False),
        ("a GPT step, cold", "torch.compile", in_torch, None, True),
        ("a GPT step, from the cache", "torch.compile", in_torch, None, False),
        ("a GPT step", "JAX jit", in_jax, None, True),
    )  # fmt: skip
    for name, side, make, limit, cold in rows:
        taken, notes = [], []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(min(rounds, ROUNDS) + (not cold)):
                inside = os.path.join(folder, str(number)) if cold else folder
                with processes({side: partial(make, inside)}, set_threads) as (ready, notes):
                    if side not in ready:
                        break
                    seconds, _ = ready[side].ask("timed")
                    if cold or number:  # the first fills the cache
                        taken.append(seconds)
        line = Line(f"{NAME} {name}", {side: taken} if taken else {}, notes=notes)
        if limit is not None:
            line.targets = [Target("seconds", limit, statistics.median(taken))]
        yield line
