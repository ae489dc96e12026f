"""A target run on arrays that write down what is made of them, for a page that computes.

The recorded graph then knows also what the tape does not: how a mask or an index was computed, what
was made of ``x.data``, and which lines looked at numbers, as a branch does. The page computes the
former again, and watches the latter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minigrad.compile.program import Statement, Variable
from minigrad.compile.trace import Trace, TraceError, said_line
from minigrad.compile.traced_array import TracedArray
from minigrad.graph.record import Graph, trace_target
from minigrad.graph.record.trace import recorded_nodes
from minigrad.scope import replacing
from minigrad.tape import next_index
from minigrad.targets import Target, TargetError
from minigrad.tensor import Tensor
from minigrad.tree import tree_leaves


@dataclass
class Followed:
    """What is known of a run beside its graph.

    Attributes:
        statements: what computed each variable.
        given: the arrays that came in.
        looks: numbers that a line of the code looked at, with that line.
        checks: flags that must be true of the numbers that a line hands over, likewise.
    """

    statements: dict[Variable, Statement] = field(default_factory=dict)
    given: dict[Variable, np.ndarray] = field(default_factory=dict)
    looks: dict[Variable, str] = field(default_factory=dict)
    checks: dict[Variable, str] = field(default_factory=dict)


def followed(graph: Graph, target: Target | None, steps: int) -> Graph:
    """The graph of another run of its target, followed; as it is where that cannot be done.

    Args:
        graph: as it was recorded.
        target: what can be run again.
        steps: as for `trace_target`.
    """
    if target is None:
        return graph
    try:
        before = next_index()
        outputs = tree_leaves(target.record(steps).outputs)
        leaves = [
            node for node in recorded_nodes([t.settled() for t in outputs])
            if node.index < before and node.primitive is None and node.recipe is None
        ]  # fmt: skip
        if outputs and all(t.index < before for t in outputs):
            return graph  # it was recorded before, and is not run again
        run = _Following(graph.title)
        with run.standing_for(leaves):
            again = trace_target(target, steps)
    except (TargetError, TraceError, ValueError, TypeError):  # it takes numbers of NumPy alone
        return graph
    if not all(map(_same, _outputs(again), _outputs(graph))):
        return graph  # it draws random numbers, say
    return replace(again, title=graph.title, followed=run.found)


def _outputs(graph: Graph) -> list[Any]:
    return [graph.nodes[number].value for number in graph.outputs]


def _same(one: Any, other: Any) -> bool:
    return np.shape(one) == np.shape(other) and np.allclose(one, other, equal_nan=True)


class _Following(Trace):
    """A trace whose values may be seen, which is noted."""

    def __init__(self, title: str) -> None:
        super().__init__(title, whole=False)
        self.found = Followed()

    @contextmanager
    def standing_for(self, leaves: list[Any]) -> Iterator[None]:
        """Traced arrays are in the places of those of Tensors that are there, and that are made."""
        before = [node.data for node in leaves]
        with replacing(self._entered):
            try:
                for node in leaves:
                    node.data = self._entered(node.data)
                yield
            finally:
                for node, data in zip(leaves, before, strict=True):
                    node.data = data

    def _entered(self, array: Any) -> Any:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            return array
        found = self.array(array)
        self.found.given[found.variable] = array.copy()
        return found

    def looked(self, seen: Any, what: str, instead: str) -> Any:
        """The values; the line that asks for them is noted."""
        if isinstance(seen, TracedArray):
            self.found.looks.setdefault(seen.variable, said_line())
            return seen.value
        if isinstance(seen, Tensor):
            return self.looked(seen.data, what, instead)
        if isinstance(seen, tuple | list):
            return type(seen)(self.looked(part, what, instead) for part in seen)
        if isinstance(seen, dict):
            return {key: self.looked(part, what, instead) for key, part in seen.items()}
        return seen

    def check(self, condition: Any, error: Callable[..., Exception], arrays: Sequence[Any]) -> None:
        """The line whose numbers are judged is noted."""
        super().check(condition, error, arrays)
        self.found.checks[condition.variable] = said_line()

    def _statement(self, *given: Any) -> tuple[Variable, ...]:
        """Equal ones stay two: a reader may hold one of them."""
        self._known.clear()
        outputs = super()._statement(*given)
        statement = self.statements[-1]
        self.found.statements.update((variable, statement) for variable in statement.outputs)
        return outputs
