"""A cell's step run on outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from minigrad import nn
from minigrad.scope import Scope, current
from minigrad.symbolic.read.equations import PREVIOUS
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.plain import plain
from minigrad.tape import Node, ancestors
from minigrad.tensor import Tensor


@dataclass(frozen=True)
class Recording:
    """What a step recorded.

    Attributes:
        cell: whose step.
        inputs: x and the states before the step, by name.
        outputs: the states after it.
        nodes: everything that they were made of, in order.
        batch: the length of the leading axis.
        depth: how many scopes there were around the call.
    """

    cell: nn.Cell
    inputs: Mapping[str, Tensor]
    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    batch: int
    depth: int


def gate_of(node: Node) -> Scope | None:
    """The call of a gate in which the node was recorded."""
    scope = node.scope
    while scope is not None and scope.kind != "gate":
        scope = scope.parent
    return scope


def record_step(cell: nn.Cell, title: str) -> Recording:
    """Run the step on arrays of which only the shape is known.

    Raises:
        ValueError: it asks for values, or a state is not a result of the step's inputs.
    """
    widths = {"x": cell.input_size} | {f"{s}{PREVIOUS}": cell.size_of(s) for s in cell.state}
    batch = next(n for n in range(2, 99) if n not in widths.values())
    inputs = {
        name: Tensor(Outline((batch, width)), requires_grad=True, name=name)
        for name, width in widths.items()
    }
    try:
        with _all_learned(cell):
            outputs = cell.step(*inputs.values())
    except Exception as error:
        said = " ".join(str(error).split())
        raise ValueError(f"derive: {title}.step: {said or type(error).__name__}") from error
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for name, value in zip(cell.state, outputs, strict=True):
        if not (isinstance(value, Tensor) and value.requires_grad):
            raise ValueError(
                f"derive: {title}.step returned {'nothing' if value is None else 'a constant'} as "
                f"{name}, expected a state computed from x, a state or a parameter"
            )
    outputs = tuple(plain(outputs, keep=_stays_whole))
    nodes = tuple(sorted(ancestors(outputs), key=lambda node: node.index))
    around = current().scope
    return Recording(cell, inputs, outputs, nodes, batch, len(around.path) if around else 0)


def _stays_whole(node: Node) -> bool:
    """Whether a fused operation is read as one: a gate's, or what depends on the order of sizes."""
    name = node.primitive.name if node.primitive else ""
    return gate_of(node) is not None or name in ("max", "min")


@contextmanager
def _all_learned(cell: nn.Cell) -> Iterator[None]:
    """The cell with no parameter frozen: a frozen one would be read as a number."""
    frozen = [parameter for parameter in cell.parameters() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad = True
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad = False
