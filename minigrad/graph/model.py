"""The recorded graph: nodes, edges and scopes as the tape has them, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from minigrad import nn
from minigrad.tape import Node as TapeNode
from minigrad.tape import Scope, ancestors
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor


@dataclass(frozen=True)
class Operation:
    """One node of the recorded graph.

    Attributes:
        id: number in order of creation, from 0.
        kind: ``"parameter"``, ``"input"`` or ``"operation"``.
        primitive: name of the primitive; empty for a leaf.
        label: how pictures write the operation, with its constant operand if it has one.
        name: what the value is called, if it has a name.
        shape: of the value.
        scope: where it was recorded, outermost first, as (kind, name, class name).
    """

    id: int
    kind: Literal["parameter", "input", "operation"]
    primitive: str
    label: str
    name: str | None
    shape: tuple[int, ...]
    scope: tuple[tuple[str, str, str], ...]

    @property
    def step(self) -> int | None:
        """The time step in which it was recorded; ``None`` outside of one."""
        steps = [int(name) for kind, name, _ in self.scope if kind == "step"]
        return steps[-1] if steps else None


@dataclass(frozen=True)
class Use:
    """An edge: the value of ``source`` is operand ``position`` of ``target``."""

    source: int
    target: int
    position: int


@dataclass(frozen=True)
class Graph:
    """What was recorded on the way to some outputs.

    Attributes:
        title: what it is the graph of.
        nodes: in order of creation, so operands come first.
        edges: by target, then position.
        outputs: ids of the outputs.
    """

    title: str
    nodes: tuple[Operation, ...]
    edges: tuple[Use, ...]
    outputs: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """The graph as JSON holds it."""
        return asdict(self)


def trace(outputs: Any, title: str | None = None) -> Graph:
    """The recorded graph of a Tensor, or of several in tuples.

    Arrays that need no gradient are inputs of the graph, numbers part of an operation's label;
    what was computed from such arrays alone is not on the tape, and not here.

    Args:
        outputs: a Tensor, or tuples of them.
        title: what it is the graph of; the module that computed it if not given.

    Raises:
        ValueError: none of the outputs was recorded, or a backward has freed the graph.
    """
    tensors = [t for t in _flatten(outputs) if isinstance(t, Tensor) and t.requires_grad]
    if not tensors:
        raise ValueError("trace: nothing was recorded: no output requires a gradient")
    recorded = sorted(ancestors(tensors), key=lambda node: node.index)
    if any(node.freed for node in recorded):
        raise ValueError("trace: a backward has freed the graph; pass retain_graph=True to it")
    nodes: list[Operation] = []
    edges: list[Use] = []
    ids: dict[TapeNode, int] = {}
    constants: dict[int, int] = {}  # an array that several operations read is one input
    for node in recorded:
        sources = []
        for position, parent in enumerate(node.parents):
            if parent is not None:
                sources.append((ids[parent], position))
            elif _is_array(node, position):
                array = node.operands[position]
                if id(array) not in constants:
                    constants[id(array)] = len(nodes)
                    path = tuple(level for level in _path(node.scope) if level[0] != "gate")
                    nodes.append(
                        Operation(len(nodes), "input", "", "input", None, array.shape, path)
                    )
                sources.append((constants[id(array)], position))
        ids[node] = len(nodes)
        nodes.append(_operation(node, len(nodes)))
        edges += [Use(source, ids[node], position) for source, position in sources]
    outer = tensors[0].scope.path[0].label if tensors[0].scope else ""
    return Graph(
        title or outer or "graph", tuple(nodes), tuple(edges),
        tuple(dict.fromkeys(ids[t] for t in tensors)),
    )  # fmt: skip


def _is_array(node: TapeNode, position: int) -> bool:
    """Whether an operand is an array of numbers, and neither a number nor an index."""
    assert node.primitive is not None
    operand = node.operands[position]
    return getattr(operand, "ndim", 0) > 0 and node.primitive.vjp(position) is not None


def trace_target(target: Target, steps: int) -> Graph:
    """The graph of a target: a layer over ``steps`` time steps, or a primitive by itself.

    Raises:
        TargetError: the target cannot be made.
    """
    rng = np.random.default_rng(0)
    if target.kind == "primitive":
        sample = target.subject.samples[0]
        operands = tuple(
            Tensor(np.abs(rng.normal(size=x)) + 1, requires_grad=True, name=f"x{k}")
            if isinstance(x, tuple)
            else x
            for k, x in enumerate(sample.operands)
        )
        return trace(target.subject.apply(operands, sample.static), target.title)
    if target.kind == "part":
        return trace(target.subject.example(), target.title)
    batch, input_size, hidden_size = 1, 3, 4
    layer = target.layer(input_size, hidden_size, rng=0)
    x = Tensor(rng.normal(size=(batch, steps, input_size)), requires_grad=True, name="x")
    if not isinstance(layer, nn.Recurrent):
        return trace(layer(x), target.title)
    initial = tuple(
        Tensor(np.zeros((batch, layer.cell.size_of(name))), requires_grad=True, name=name)
        for name in layer.cell.state
    )
    return trace(layer(x, initial), target.title)


def _operation(node: TapeNode, number: int) -> Operation:
    if node.primitive is None:
        kind: Literal["parameter", "input"] = (
            "parameter" if isinstance(node, Parameter) else "input"
        )
        label = node.name or kind
        return Operation(number, kind, "", label, node.name, node.data.shape, _path(node.scope))
    return Operation(
        number, "operation", node.primitive.name, _label(node), node.name, node.data.shape,
        _path(node.scope),
    )  # fmt: skip


def _label(node: TapeNode) -> str:
    """The operation as pictures write it: "1 −" where the first operand is the constant 1."""
    assert node.primitive is not None
    constants = [
        (k, x)
        for k, (x, parent) in enumerate(zip(node.operands, node.parents, strict=True))
        if parent is None and isinstance(x, int | float)
    ]
    if not constants or node.primitive.kind != "elementwise":
        return node.primitive.label
    position, value = constants[0]
    pair = (f"{value:.3g}", node.primitive.label)
    return " ".join(pair if position == 0 else reversed(pair))


def _path(scope: Scope | None) -> tuple[tuple[str, str, str], ...]:
    return () if scope is None else tuple((s.kind, s.name, s.label) for s in scope.path)


def _flatten(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from _flatten(part)
    else:
        yield value
