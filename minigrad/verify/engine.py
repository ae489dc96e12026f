"""The engine as a subject: the gradient that its walk claims for a function of Tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np

from minigrad.arrays.numbers import Numbers
from minigrad.primitives.primitive import Array
from minigrad.tape import walk
from minigrad.targets import Problem
from minigrad.tensor import Tensor, raw
from minigrad.verify.pair import as_floats
from minigrad.verify.subject import Arrays, Cotangents, Gradients, Subject


class Walk(Subject):
    """The gradient of a `Problem` by the engine's backward pass.

    Args:
        problem: what is judged.
        seed: of its random inputs.
        dtype: of the floats that it gets; float64 if not given.
    """

    def __init__(self, problem: Problem, seed: int = 0, dtype: str = "") -> None:
        self.problem, self.dtype = problem, dtype or "float64"
        self.eps = float(np.finfo(self.dtype).eps)
        self.most_symbols = sum(math.prod(shape) for shape in problem.shapes.values())
        self.name = problem.target
        self.inputs = problem.numbers(np.random.default_rng(seed))
        self.domains = problem.domains
        self.constants, self.remarks = dict(problem.constants), problem.remarks
        self.free = frozenset(problem.shapes)  # weights and data are as good as any other
        self.place = "the example" if problem.values else ""

    def held(self) -> AbstractContextManager[None]:
        return self.problem.held()

    def outputs(self, arrays: Arrays) -> list[Array]:
        _, outputs = self.problem.forward(as_floats(arrays, self.dtype), recorded=False)
        return [raw(y) for y in outputs]

    def pull(self, arrays: Arrays, cotangents: Cotangents) -> tuple[list[Array], Gradients]:
        leaves, recorded = self.problem.forward(as_floats(arrays, self.dtype))
        outputs = [y.data for y in recorded]
        given = as_floats(list(cotangents(outputs)), self.dtype)
        found = walk(_recorded(recorded, given))
        return outputs, {name: found.get(leaf) for name, leaf in leaves.items()}


class SecondWalk(Subject):
    """The gradient of the gradient: its product with fixed tangents, differentiated again.

    Its outputs are the first gradient, which is judged by itself; so they serve as a reference.
    """

    order = 2

    def __init__(self, problem: Problem, seed: int = 0, dtype: str = "") -> None:
        self.first = Walk(problem, seed, dtype)
        self.name, self.eps = self.first.name, self.first.eps
        self.inputs, self.domains = self.first.inputs, self.first.domains
        self.constants, self.free = {}, self.first.free

    def held(self) -> AbstractContextManager[None]:
        return self.first.held()

    def outputs(self, arrays: Arrays) -> list[Array]:
        _, found = self.first.pull(arrays, _fixed)
        return [g for g in found.values() if g is not None]

    def pull(self, arrays: Arrays, cotangents: Cotangents) -> tuple[list[Array], Gradients]:
        leaves, recorded = self.first.problem.forward(arrays)
        fixed = _fixed([y.data for y in recorded])
        found = walk(_recorded(recorded, fixed), retain_graph=True, create_graph=True)
        first = [found[leaf] for leaf in leaves.values() if leaf in found]
        outputs = [raw(g) for g in first]
        again = [
            (g, u) for g, u in zip(first, cotangents(outputs), strict=True)
            if isinstance(g, Tensor) and g.requires_grad
        ]  # fmt: skip
        second = walk(again, [*leaves.values()]) if again else {}
        return outputs, {name: second.get(leaf) for name, leaf in leaves.items()}


def subject_of(problem: Problem, seed: int = 0, dtype: str = "") -> Subject:
    """What is judged of a problem: its gradient, or the gradient of that."""
    return (SecondWalk if problem.order == 2 else Walk)(problem, seed, dtype)


def _recorded(outputs: Sequence[Tensor], cotangents: Sequence[Array]) -> list[tuple[Tensor, Array]]:
    return [(y, u) for y, u in zip(outputs, cotangents, strict=True) if y.requires_grad]


def _fixed(outputs: Sequence[Array]) -> list[Array]:
    """Cotangents that are the same in every world: small whole numbers."""
    return [
        Numbers.constants(((3 * np.arange(y.size) + k + 1) % 7 - 3.0).reshape(y.shape), y)
        for k, y in enumerate(outputs)
    ]
