"""What `minigrad compile` says about a cell."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from minigrad import nn
from minigrad.compile.backends import Backend, chosen_backend
from minigrad.compile.cells.fused import fusable, kernel_of, weights_of
from minigrad.compile.cells.plan import Block
from minigrad.compile.cells.source import write
from minigrad.compile.loading import cache_folder
from minigrad.notation import pretty
from minigrad.symbolic.read.equations import Total
from minigrad.targets import Target

_INPUT, _HIDDEN, _BATCH, _STEPS = 3, 4, 2, 3


def source_of(target: Target, backend: Backend | None = None) -> str:
    """The generated source of a cell.

    Raises:
        TargetError: not a cell.
        NotFusableError: a cell without a kernel; the message says why.
    """
    return write(fusable(_cell_of(target)), backend or _usual()).text


def description(target: Target, backend: Backend | None = None) -> Iterator[str]:
    """Compile a cell; what a step of it consists of, and what compiling took, line by line.

    Raises:
        TargetError, NotFusableError: as for `source_of`.
    """
    cell, backend = _cell_of(target), backend or _usual()
    plan = fusable(cell)
    yield f"{target.title}: one operation for all steps, on {backend.name}"
    for number, stage in enumerate(plan.stages, 1):
        if isinstance(stage, Block):
            yield f"  {number}. entry by entry: {', '.join(map(pretty, stage.names))}"
        elif isinstance(stage, Total):
            yield f"  {number}. a sum over the units: {pretty(stage.name)}"
        else:
            rows = ", ".join(pretty(a.name) for a in plan.affines[stage.first : stage.last])
            yield f"  {number}. a matrix product with {pretty(stage.operand)}: {rows}"
    yield f"  kept for the backward pass: {', '.join(map(pretty, (*plan.state, *plan.kept)))}"
    start = time.perf_counter()
    kernel = kernel_of(plan, cell, backend)
    x = np.zeros((_STEPS, _INPUT, _BATCH), np.float32)
    state = np.zeros((_HIDDEN, _BATCH), np.float32)
    states = [state] * len(cell.state)
    saved = kernel.forward(x, states, weights_of(cell, plan, x.dtype))
    kernel.backward(saved, np.zeros((_STEPS, _HIDDEN, _BATCH), np.float32), states)
    took = f"  ready in {time.perf_counter() - start:.2f} s"
    yield f"{took}; kept in {cache_folder()}" if backend.loops else took


def _usual() -> Backend:
    return chosen_backend(np.dtype(np.float32))


def _cell_of(target: Target) -> nn.Cell:
    return target.cell(_INPUT, _HIDDEN, rng=0, dtype=np.float32)
