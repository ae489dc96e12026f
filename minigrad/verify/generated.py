"""Generated code as a subject: what a compiled cell computes, beside the cell's own steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.arrays.numbers import Numbers
from minigrad.autograd import gradients
from minigrad.compile.backends import BACKENDS, Backend
from minigrad.compile.cells.exact import exact_kernel
from minigrad.compile.cells.kernel import Weights
from minigrad.compile.cells.plan import NotFusableError, Plan, plan
from minigrad.compile.javascript_code import JavaScriptError, written
from minigrad.compile.javascript_run import node, run
from minigrad.compile.trace import Trace, TraceError
from minigrad.primitives.primitive import Array
from minigrad.targets.layers import CellTarget
from minigrad.tensor import Tensor, raw
from minigrad.tree import tree_leaves
from minigrad.verify.engine import Walk
from minigrad.verify.subject import Arrays, Cotangents, Gradients, Subject

_BATCH, _STEPS, _INPUT, _HIDDEN = 2, 3, 2, 3


class Kernel(Walk):
    """The outputs and gradients that generated code claims for a cell over a sequence.

    The reference is the cell's own steps. Where sequences end earlier, only steps that count
    are shown.
    """

    def __init__(
        self, target: CellTarget, order: Plan, backend: Backend, lengths: tuple[int, ...] | None
    ) -> None:
        super().__init__(target.problem(_BATCH, _STEPS, _INPUT, _HIDDEN, lengths=lengths))
        self.name = target.name
        self.cell = target.cell(_INPUT, _HIDDEN)
        self.kernel = exact_kernel(order, backend, _INPUT, _HIDDEN)
        self.valid = None if lengths is None else np.arange(_STEPS)[:, None] < np.array(lengths)

    def pull(self, arrays: Arrays, cotangents: Cotangents) -> tuple[list[Array], Gradients]:
        cell, kernel, valid = self.cell, self.kernel, self.valid
        objects = {name: np.asarray(x).astype(object) for name, x in arrays.items()}
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
        last = [h[-1], *(state.reshape(_HIDDEN, _BATCH) for state in saved.last)]
        outputs: list[Any] = [shown.transpose(2, 0, 1), *(state.T[None] for state in last)]
        outputs = [_in_world(y, arrays["x"]) for y in outputs]
        g, *final = (np.asarray(u).astype(object) for u in cotangents(outputs))
        g = g if valid is None else np.where(valid.T[:, :, None], g, 0)
        found = kernel.backward(saved, g.transpose(1, 2, 0), [u[0].T for u in final])
        assert found.x is not None
        gradients: dict[str, Any] = {"x": found.x.transpose(2, 0, 1)}
        for name, value in zip(cell.state, found.states, strict=True):
            gradients[f"{name}₀"] = value.T[None]
        for gate in cell.gates:
            gradients[f"cells.0.{gate}.weight"] = found.weights.weight[gate]
            if f"cells.0.{gate}.bias" in arrays:
                gradients[f"cells.0.{gate}.bias"] = found.weights.bias[gate]
        for name in kernel.plan.vectors:
            gradients[f"cells.0.{name}"] = found.weights.vector[name]
        return outputs, {name: _in_world(g, arrays["x"]) for name, g in gradients.items()}


def kernels(target: CellTarget) -> Iterator[tuple[str, Subject]]:
    """The code that each backend generates for a cell, over full sequences and shorter ones.

    A cell that cannot be fused has none.
    """
    try:
        order = plan(target.cell(_INPUT, _HIDDEN))
        found = [
            (backend.name, Kernel(target, order, backend, lengths))
            for backend in BACKENDS.values()
            for lengths in (None, (_STEPS, 1))
        ]
    except NotFusableError:  # of its plan, or of a function that a backend does not have
        return
    yield from found


@dataclass(frozen=True)
class PageProgram:
    """How far the JavaScript of a live page is from the engine, for a cell over a sequence.

    Attributes:
        shapes: of what it was given.
        error: the largest difference of a value or gradient, beside the largest entry of its
            array; ``None`` where it was not run.
        why: it was not, or with what it was.
    """

    shapes: Mapping[str, tuple[int, ...]]
    error: float | None
    why: str


def page_program(target: CellTarget, seed: int = 0) -> PageProgram:
    """Run the program that a live page has for a cell, and compare it with the engine."""
    problem = target.problem(_BATCH, _STEPS, _INPUT, _HIDDEN, seed=seed)
    numbers = problem.numbers(np.random.default_rng(seed))
    names = list(numbers)
    arrays = [np.asarray(numbers[name], float) for name in names]

    def loss(*given: Any) -> Any:
        outputs = tree_leaves(problem.run(dict(zip(names, given, strict=True))))
        return sum((np.cos(np.arange(y.size) + 1.0).reshape(y.shape) * y).sum() for y in outputs)

    def both(*given: Any) -> list[Any]:
        leaves = [Tensor(x, requires_grad=True) for x in given]
        value = loss(*leaves)
        return [raw(value), *gradients(value, leaves)]

    trace = Trace(target.name, whole=False)
    try:
        found = both(*[trace.array(x) for x in arrays])
        script = written(trace.program([trace.operand(x) for x in found]))
    except (TraceError, JavaScriptError, TypeError, ValueError) as error:  # of a wrong rule, say
        return PageProgram(problem.shapes, None, str(error))
    if node() is None:
        return PageProgram(problem.shapes, None, "node, which would run it, is not installed")
    largest = 0.0
    for got, expected in zip(run(script, arrays), both(*arrays), strict=True):
        size = np.max(np.abs(expected), initial=1e-300)
        largest = max(largest, float(np.max(np.abs(got - np.ravel(expected)), initial=0.0) / size))
    return PageProgram(problem.shapes, largest, "run by node")


def _in_world(array: np.ndarray, like: Any) -> Any:
    return array.view(Numbers) if isinstance(like, Numbers) else array.astype(float)
