"""The exact judge of generated code: the fused kernels against the tape, without tolerance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minigrad import nn
from minigrad.arrays.field import FieldArray
from minigrad.compile.backends import BACKENDS
from minigrad.compile.cells.exact import exact_kernel, to_field, to_objects
from minigrad.compile.cells.kernel import Kernel, Weights
from minigrad.compile.cells.plan import NotFusableError, Plan, plan
from minigrad.primitives.primitive import Array
from minigrad.targets.layers import CellTarget
from minigrad.targets.problem import Arrays, drawn
from minigrad.verify.judges import check, engine_gradients
from minigrad.verify.report import Check

_BATCH, _STEPS, _INPUT, _HIDDEN = 2, 3, 2, 3


def judge_generated(target: CellTarget, seed: int = 0) -> list[Check]:
    """Run a cell's generated forward and backward passes in the finite field.

    Every output and every gradient must equal those of the cell's own steps on the tape, which
    the other judges hold against SymPy. Both backends' code is run, over full sequences and
    over some that end earlier. A cell that cannot be fused has no generated code to judge.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import judge_generated
        >>> [check.passed for check in judge_generated(resolve("rnn"))]
        [True, True]
    """
    cell = target.cell(_INPUT, _HIDDEN)
    try:
        order = plan(cell)
    except NotFusableError:
        return []
    return [_judged(target, cell, order, lengths, seed) for lengths in (None, (_STEPS, 1))]


def _judged(
    target: CellTarget, cell: nn.Cell, order: Plan, lengths: tuple[int, ...] | None, seed: int
) -> Check:
    problem = target.problem(_BATCH, _STEPS, _INPUT, _HIDDEN, lengths=lengths)

    def trial() -> tuple[float, list[str]]:
        rng = np.random.default_rng(seed)
        leaves, outputs = drawn(problem, rng)
        cotangents = [FieldArray.random(y.shape, rng) for y in outputs]
        expected: dict[str, Array] = dict(engine_gradients(outputs, cotangents, leaves))
        names = ("y", *(f"{state} at the end" for state in cell.state))
        expected |= dict(zip(names, (y.data for y in outputs), strict=True))
        values = {name: leaf.data for name, leaf in leaves.items()}
        entries, faults = 0, []
        for backend in BACKENDS.values():
            kernel = exact_kernel(order, backend, _INPUT, _HIDDEN)
            for name, got in _run(kernel, cell, values, cotangents, lengths):
                entries += got.size
                if not (got - expected[name]).is_zero():
                    what = name if name in names else f"∂L/∂{name}"
                    faults.append(f"{what} of the {backend.name} code")
        return entries, faults

    return check(
        problem, "exact", trial, unit="entries of the generated code equal", seed=seed,
        established="the code generated for both backends computes in a finite field what the "
        "cell's steps do on the tape, forward and backward, without tolerance",
        explain=lambda *_: [f"see the code: minigrad compile {target.name} --show"],
    )  # fmt: skip


def _run(
    kernel: Kernel,
    cell: nn.Cell,
    values: Arrays,
    cotangents: list[FieldArray],
    lengths: tuple[int, ...] | None,
) -> Iterator[tuple[str, FieldArray]]:
    """Outputs and gradients of the generated code, by the names that the problem gives them."""
    valid = None if lengths is None else np.arange(_STEPS)[:, None] < np.array(lengths)
    objects = {name: to_objects(value) for name, value in values.items()}
    nothing = np.zeros(_HIDDEN, object)  # of a gate without a bias
    weights = Weights(
        {gate: objects[f"cells.0.{gate}.weight"] for gate in cell.gates},
        {gate: objects.get(f"cells.0.{gate}.bias", nothing) for gate in cell.gates},
        {name: objects[f"cells.0.{name}"] for name in kernel.plan.vectors},
    )
    states = [objects[f"{name}₀"][0].T for name in cell.state]
    saved = kernel.forward(objects["x"].transpose(1, 2, 0), states, weights, valid)
    h = saved.joint.reshape(_STEPS + 1, -1, _BATCH)[1:, :_HIDDEN]
    shown = h if valid is None else np.where(valid[:, None], h, 0)
    yield "y", to_field(shown.transpose(2, 0, 1))
    last = [h[-1], *(state.reshape(_HIDDEN, _BATCH) for state in saved.last)]
    for name, value in zip(cell.state, last, strict=True):
        yield f"{name} at the end", to_field(value.T[None])
    g, *final = (to_objects(u) for u in cotangents)
    g = g if valid is None else np.where(valid.T[:, :, None], g, 0)
    found = kernel.backward(saved, g.transpose(1, 2, 0), [u[0].T for u in final])
    assert found.x is not None
    yield "x", to_field(found.x.transpose(2, 0, 1))
    for name, value in zip(cell.state, found.states, strict=True):
        yield f"{name}₀", to_field(value.T[None])
    for gate in cell.gates:
        yield f"cells.0.{gate}.weight", to_field(found.weights.weight[gate])
        if f"cells.0.{gate}.bias" in values:
            yield f"cells.0.{gate}.bias", to_field(found.weights.bias[gate])
    for name in kernel.plan.vectors:
        yield f"cells.0.{name}", to_field(found.weights.vector[name])
