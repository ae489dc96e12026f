"""How much a process grows while an LSTM learns from long sequences, kept whole or in segments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from tests.benchmarks.measuring import Line, Target, Work, processes, set_threads

NAME = "memory"
BATCH, WIDTH, HIDDEN = 8, 16, 128
SHORT, LONG, SEGMENT = 1_000, 10_000, 100
LIMIT = 4.0
"""What ten times the steps, in segments, may take, as a multiple."""


def in_minigrad(time: int, segment: int | None) -> Work:
    from minigrad import nn

    layer = nn.LSTM(WIDTH, HIDDEN, checkpoint_every=segment, rng=0)
    few = np.zeros((BATCH, 2, WIDTH), np.float32)
    layer(few)[0].sum().backward()  # compiled, and no part of what is measured
    x = np.random.default_rng(0).normal(size=(BATCH, time, WIDTH)).astype(np.float32)

    def work() -> np.ndarray:
        layer.zero_grad()
        total = layer(x, None)[0].sum()
        total.backward()
        return total.data

    return work


def lines(rounds: int) -> Iterator[Line]:
    grown = {
        (time, segment): _growth(time, segment)
        for time, segment in ((SHORT, None), (LONG, None), (LONG, SEGMENT))
    }
    whole, long, segmented = (size / 2**20 for size in grown.values())
    note = (
        f"{NAME}: an LSTM's process (B = {BATCH}, H = {HIDDEN}) grows by {whole:.0f} MiB for "
        f"{SHORT:,} steps, {long:.0f} for {LONG:,}, and {segmented:.0f} for {LONG:,} with "
        f"checkpoint_every={SEGMENT}"
    )
    text = f"{LONG:,} steps in segments ÷ {SHORT:,}"
    yield Line(f"{NAME} of an LSTM", targets=[Target(text, LIMIT, segmented / whole)], notes=[note])


def _growth(time: int, segment: int | None) -> int:
    """Bytes, in a new process."""
    with processes({"minigrad": partial(in_minigrad, time, segment)}, set_threads) as (ready, _):
        return ready["minigrad"].ask("growth")
