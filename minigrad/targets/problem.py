"""A function with named inputs that runs in any world: what is judged of a target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

import numpy as np

from minigrad import nn
from minigrad.primitives.primitive import Array, Domain
from minigrad.tensor import Tensor

Arrays = Mapping[str, Array]
Leaves = dict[str, Tensor]
Judge = Literal["proof", "exact", "numeric"]

JUDGES: tuple[Judge, ...] = ("proof", "exact", "numeric")

Result = TypeVar("Result")

_CALLS = 10  # of a function, to see whether it gives the same each time
_AGAIN = 0.05  # seconds that these may take, but for two
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Problem:
    """A function to differentiate.

    Attributes:
        target: name of what is judged.
        shapes: the inputs by name.
        run: named `Tensor`s → the output or outputs, computed in the world of their data.
        domains: what numbers an input may be, where that is not every real number.
        values: numbers to take for some inputs instead of random ones (real data).
        order: which derivative is judged: 1 for the gradient, 2 for its gradient.
        judges: who can judge it; a proof over symbols takes too long for large ones.
        reference: what ``run`` stands for and is held against, where it is another computation.
        own: leaves of the code's own, by name, whose data is replaced instead of being handed in.
        constants: what is not differentiated, each with the reason.
        remarks: what else there is to know.

    Example:
        >>> from minigrad.verify import Problem, judge_problem
        >>> problem = Problem("square", {"x": (2,)}, lambda leaves: mg.square(leaves["x"]))
        >>> judge_problem(problem, "proof").checks[0].passed
        True
    """

    target: str
    shapes: Shapes
    run: Callable[[Mapping[str, Tensor]], Any]
    domains: Mapping[str, Domain] = field(default_factory=dict)
    values: Arrays = field(default_factory=dict)
    order: int = 1
    judges: tuple[Judge, ...] = JUDGES
    reference: Callable[[Mapping[str, Tensor]], Any] | None = None
    own: Leaves = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def forward(self, arrays: Arrays, *, recorded: bool = True) -> tuple[Leaves, list[Tensor]]:
        """Leaves with these arrays, and the outputs computed from them.

        Outputs that are not recorded are the reference's, if there is one.
        """
        run = self.run if recorded or self.reference is None else self.reference
        leaves = {
            name: self.own[name] if name in self.own
            else Tensor(array, requires_grad=recorded, name=name)
            for name, array in arrays.items()
        }  # fmt: skip
        for name, leaf in self.own.items():
            leaf.data = arrays[name]
        return leaves, list(_flatten(run(leaves)))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Context manager: leaves of the code's own have their data again after it."""
        before = {name: leaf.data for name, leaf in self.own.items()}
        try:
            yield
        finally:
            for name, data in before.items():
                self.own[name].data = data

    def numbers(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Random inputs in float64, or the problem's own values."""
        drawn = {}
        for name, shape in self.shapes.items():
            values = rng.normal(size=shape)
            match self.domains.get(name, "real"):
                case "positive":
                    values = np.exp(values)
                case "integer":
                    values = rng.integers(1, 5, size=shape).astype(float)
                case "unit":
                    values = 0.9 * np.tanh(values)
                case "share":
                    values = 0.01 + 0.98 / (1 + np.exp(-values))
                case "above one":
                    values = 1.1 + np.exp(values)
                case "definite":
                    values = values @ np.swapaxes(values, -1, -2) + np.eye(shape[-1])
            drawn[name] = np.asarray(values)
        return {**drawn, **self.values}


def repeated(call: Callable[[], Result]) -> Iterator[Result]:
    """What a call gives again: twice at least, or often, if it is quick.

    A mask of few entries that is drawn at each call is often the same twice.
    """
    start = time.thread_time()
    for k in range(_CALLS):
        if k > 1 and time.thread_time() - start > _AGAIN:
            return
        yield call()


def holding(module: nn.Module, leaves: Mapping[str, Tensor]) -> AbstractContextManager[nn.Module]:
    """The module with those of these tensors that its parameters' names have in their place."""
    parameters = {name: p for name, p in module.named_parameters() if name in leaves}
    for name, parameter in parameters.items():
        leaves[name].name = parameter.name
    return module.holding({name: leaves[name] for name in parameters})


def _flatten(outputs: Any) -> Iterator[Tensor]:
    if isinstance(outputs, tuple | list):
        for output in outputs:
            yield from _flatten(output)
    else:
        yield cast("Tensor", outputs.settled()) if isinstance(outputs, Tensor) else outputs
