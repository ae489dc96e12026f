"""The recorded graph: nodes, edges, scopes, values and gradients, and the same as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from minigrad.autograd import gradients
from minigrad.graph import summary
from minigrad.graph.summary import Summary
from minigrad.primitives.primitive import Array
from minigrad.scope import Scope
from minigrad.tape import Node as TapeNode
from minigrad.tape import ancestors
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor, raw
from minigrad.tree import tree_leaves

SCHEMA = "minigrad-graph/1"
Path = tuple[tuple[str, str, str], ...]
"""Where an operation was recorded, outermost first, as (kind, name, class name)."""


@dataclass(frozen=True)
class Operation:
    """One node of the recorded graph. Two are equal if all but their arrays are.

    Attributes:
        id: number in order of creation, from 0.
        kind: ``"parameter"``, ``"input"`` or ``"operation"``. A parameter is one node, however
            many steps use it.
        primitive: name of the primitive; empty for a leaf.
        label: how pictures write the operation, with its constant operand if it has one.
        name: what the value is called, if it has a name.
        shape: of the value.
        scope: where it was recorded, outermost first, as (kind, name, class name); of a
            module's second call the name is followed by "(2)".
        keywords: the primitive's keywords as a call writes them: ``axis=1``.
        numbers: operands that are plain numbers, as (position, number).
        requires_grad: whether it has a gradient; a constant has none.
        value: the array, shared with the tape; a `Summary` if it was large and has been read
            from JSON; ``None`` if it was not kept.
        gradient: ∂L/∂value, likewise; ``None`` if no backward has been run.

    Example:
        >>> from minigrad.graph import trace
        >>> graph = trace(mg.tanh(mg.Tensor([1.0, 2.0], requires_grad=True, name="x")))
        >>> x, y = graph.nodes
        >>> x.name, y.primitive, y.shape
        ('x', 'tanh', (2,))
    """

    id: int
    kind: Literal["parameter", "input", "operation"]
    primitive: str
    label: str
    name: str | None
    shape: tuple[int, ...]
    scope: Path
    keywords: str = ""
    numbers: tuple[tuple[int, float], ...] = ()
    requires_grad: bool = True
    value: Array | Summary | None = field(default=None, compare=False, repr=False)
    gradient: Array | Summary | None = field(default=None, compare=False, repr=False)

    @property
    def step(self) -> int | None:
        """The time step in which it was recorded; ``None`` outside of one."""
        steps = [int(name) for kind, name, _ in self.scope if kind == "step"]
        return steps[-1] if steps else None


@dataclass(frozen=True)
class Use:
    """An edge: the value of ``source`` is operand ``position`` of ``target``.

    Example:
        >>> from minigrad.graph import trace
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> trace(1.0 - x).edges
        (Use(source=0, target=1, position=1),)
    """

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
        loss: what the gradients are of, in words; ``None`` if no backward has been run.

    Example:
        >>> from minigrad.graph import Graph, trace
        >>> graph = trace(mg.tanh(mg.Tensor(1.0, requires_grad=True, name="x")))
        >>> [node.label for node in graph.nodes], len(graph.edges)
        (['x', 'tanh'], 1)
        >>> Graph.from_json(graph.to_json()) == graph
        True
    """

    title: str
    nodes: tuple[Operation, ...]
    edges: tuple[Use, ...]
    outputs: tuple[int, ...]
    loss: str | None = None

    def to_json(self) -> str:
        """The graph as JSON text; the same graph gives the same text.

        - ``schema``: ``"minigrad-graph/1"``
        - ``title``: string
        - ``loss``: string, what the gradients are of; null if no backward has been run
        - ``outputs``: node ids
        - ``edges``: objects of source and target (node ids) and position (of the operand)
        - ``nodes``: objects in order of creation, the id being the place in this list, with
          kind, primitive, label, name (string or null), shape, keywords, requires_grad as
          `Operation` has them; scope, a list of [kind, name, class name]; numbers, a list of
          [position, number]; value and gradient, an array or null
        - an array: shape, dtype, and either entries (nested lists, up to 64 entries) or min,
          mean, max and norm of the finite entries, nonfinite (how many are not), and grid: means
          of blocks, at most 8 × 8
        - a number: a JSON number, or one of the strings "nan", "inf", "-inf"; a complex one is
          a string such as "(1+2j)"
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)
        return text.encode(errors="backslashreplace").decode()  # half of a pair, as JSON's \ud800

    def to_dict(self) -> dict[str, Any]:
        """The graph as nested lists and dicts, by the schema of `to_json`."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "loss": self.loss,
            "outputs": list(self.outputs),
            "edges": [vars(edge) for edge in self.edges],
            "nodes": [_node_to_dict(node) for node in self.nodes],
        }

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """Read what `to_json` wrote; of large arrays there is a `Summary`.

        Raises:
            ValueError: the text is not JSON, or not of this schema.
        """
        given = json.loads(text)
        if not isinstance(given, dict) or given.get("schema") != SCHEMA:
            got = given.get("schema") if isinstance(given, dict) else type(given).__name__
            raise ValueError(f"Graph.from_json: got schema {got!r}, expected {SCHEMA!r}")
        try:
            nodes = tuple(_node_from_dict(node, k) for k, node in enumerate(given["nodes"]))
            edges = tuple(
                Use(int(e["source"]), int(e["target"]), int(e["position"])) for e in given["edges"]
            )
            outputs = tuple(map(int, given["outputs"]))
            loss = given["loss"]
            graph = cls(str(given["title"]), nodes, edges, outputs, loss and str(loss))
        except (KeyError, TypeError, AttributeError) as error:
            wrong = f"{type(error).__name__}: {error}"
            raise ValueError(f"Graph.from_json: not a graph of {SCHEMA}: {wrong}") from error
        ends = {end for e in edges for end in (e.source, e.target)}.union(outputs)
        if not all(0 <= end < len(nodes) for end in ends) or any(
            e.source >= e.target for e in edges
        ):
            raise ValueError("Graph.from_json: an edge or output names no node, or runs backward")
        return graph


def _node_to_dict(node: Operation) -> dict[str, Any]:
    arrays = {"value": node.value, "gradient": node.gradient}
    return {
        **vars(node),
        "shape": list(node.shape),
        "scope": [list(level) for level in node.scope],
        "numbers": [[k, summary.plain(number)] for k, number in node.numbers],
        **{key: None if x is None else summary.to_dict(x) for key, x in arrays.items()},
    }


def _node_from_dict(given: Mapping[str, Any], number: int) -> Operation:
    if given["id"] != number or given["kind"] not in ("parameter", "input", "operation"):
        raise ValueError(
            f"Graph.from_json: node {number}: got id {given['id']!r} and kind {given['kind']!r}, "
            f"expected {number} and parameter, input or operation"
        )
    name, scope = given["name"], tuple((str(a), str(b), str(c)) for a, b, c in given["scope"])
    return Operation(
        number, given["kind"], str(given["primitive"]), str(given["label"]),
        None if name is None else str(name), tuple(map(int, given["shape"])), scope,
        str(given["keywords"]), tuple((int(k), _number(x)) for k, x in given["numbers"]),
        bool(given["requires_grad"]), _array(given["value"]), _array(given["gradient"]),
    )  # fmt: skip


def _array(given: Mapping[str, Any] | None) -> np.ndarray | Summary | None:
    return None if given is None else summary.from_dict(given)


def _number(given: Any) -> float:
    return given if type(given) in (int, float) else float(given)


def trace(
    outputs: Any,
    title: str | None = None,
    *,
    gradients_of: Tensor | None = None,
    loss: str | None = None,
) -> Graph:
    """The recorded graph of a Tensor, or of several in tuples.

    Arrays that need no gradient are inputs of the graph, numbers part of an operation's label;
    what was computed from such arrays alone is not on the tape, and not here.

    Gradients are those that a ``backward(retain_graph=True)`` has left in ``.grad``: of leaves,
    and of what has called ``retain_grad``. With ``gradients_of``, every node gets its own.

    Args:
        outputs: a Tensor, or tuples of them.
        title: what it is the graph of; the module that computed it if not given.
        gradients_of: a single number L: walk back from it, and keep ∂L/∂value of every node.
            No ``.grad`` is touched, and the graph is not freed.
        loss: what L is, in words.

    Raises:
        ValueError: none of the outputs was recorded, or a backward has freed the graph.
        RuntimeError: ``gradients_of`` is more than a single number.

    Example:
        >>> from minigrad.graph import trace
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        >>> [node.label for node in trace((x * x).sum()).nodes]
        ['x', '×', 'Σ']
    """
    tensors = [t for t in tree_leaves(outputs) if isinstance(t, Tensor) and t.requires_grad]
    if not tensors:
        raise ValueError("trace: nothing was recorded: no output requires a gradient")
    recorded: list[Any] = sorted(ancestors(tensors), key=lambda node: node.index)
    if any(node.freed for node in recorded):
        raise ValueError("trace: a backward has freed the graph; pass retain_graph=True to it")
    if gradients_of is None:
        found = {node: raw(node.grad) for node in recorded if node.grad is not None}
        loss = loss or ("what backward() was run on" if found else None)
    else:
        arrays = gradients(gradients_of, recorded, retain_graph=True)
        found = dict(zip(recorded, arrays, strict=True))
        loss = loss or gradients_of.name or "the output"
    path = _Paths()
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
                    around = tuple(level for level in path(node.scope) if level[0] != "gate")
                    nodes.append(
                        Operation(len(nodes), "input", "", "input", None, array.shape, around,
                                  requires_grad=False, value=array)
                    )  # fmt: skip
                sources.append((constants[id(array)], position))
        ids[node] = len(nodes)
        nodes.append(_operation(node, len(nodes), path(node.scope), found.get(node)))
        edges += [Use(source, ids[node], position) for source, position in sources]
    outer = tensors[0].scope.path[0].label if tensors[0].scope else ""
    return Graph(
        title or outer or "graph", tuple(nodes), tuple(edges),
        tuple(dict.fromkeys(ids[t] for t in tensors)), loss,
    )  # fmt: skip


def _is_array(node: TapeNode, position: int) -> bool:
    """Whether an operand is an array of numbers, and neither a number nor an index."""
    assert node.primitive is not None
    operand = node.operands[position]
    return getattr(operand, "ndim", 0) > 0 and node.primitive.vjp(position) is not None


def trace_target(target: Target, steps: int) -> Graph:
    """The graph of a target: a layer over ``steps`` time steps, or a primitive by itself.

    A recurrent layer that is made already is taken as it is, with its layers and directions; so
    is what a function returns, whose layers run step by step, and a Tensor, as it was recorded.

    Every node has its value, at random inputs and weights where the target does not bring its
    own, and its gradient: of the first output of a function or Tensor, if that is a single
    number, else of a loss made for the purpose: the mean of the squares of the output, in a
    recurrent layer of the last step's only, so that the gradient has the whole way through time
    before it.

    Raises:
        TargetError: the target cannot be made.
        ValueError: a backward has freed a Tensor's graph.

    Example:
        >>> from minigrad.graph import trace_target
        >>> from minigrad.targets import resolve
        >>> graph = trace_target(resolve("lstm"), steps=2)
        >>> {node.step for node in graph.nodes if node.step is not None}
        {0, 1}
    """
    recording = target.record(steps)
    return _with_loss(recording.outputs, target.title, last=recording.last, given=recording.given)


def _with_loss(outputs: Any, title: str, *, last: bool = False, given: bool = False) -> Graph:
    """The graph with the gradients of the mean of the squares of the first output.

    Args:
        outputs: as for `trace`.
        title: likewise.
        last: of the last step only.
        given: of the first output itself, if it is a single number.
    """
    y = tree_leaves(outputs)[0]
    if not isinstance(y, Tensor) or not y.requires_grad or not y.size:
        return trace(outputs, title)
    if given and y.size == 1 and y.dtype.kind != "c":
        return trace(outputs, title, gradients_of=y)
    part = y[:, -1] if last else y
    words = "the mean of the squares of the output" + (" at the last step" if last else "")
    loss = np.square(np.abs(part)).mean() if y.dtype.kind == "c" else (part * part).mean()
    return trace(outputs, title, gradients_of=loss, loss=words)


def _operation(node: Any, number: int, path: Path, gradient: Array | None) -> Operation:
    arrays = {"value": node.data, "gradient": gradient, "requires_grad": node.requires_grad}
    if node.primitive is None:
        kind: Literal["parameter", "input"] = (
            "parameter" if isinstance(node, Parameter) else "input"
        )
        label = node.name or kind
        return Operation(number, kind, "", label, node.name, node.data.shape, path, **arrays)
    keywords = ", ".join(f"{name}={value!r}" for name, value in node.static.items())
    numbers = tuple(
        (k, x)
        for k, (x, parent) in enumerate(zip(node.operands, node.parents, strict=True))
        if parent is None and isinstance(x, int | float)
    )
    return Operation(
        number, "operation", node.primitive.name, _label(node), node.name, node.data.shape,
        path, keywords, numbers, **arrays,
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


class _Paths:
    """Scopes as paths of names; each call of a module is a place of its own.

    The second of two modules of one name, or the second call of the same, is called "GRU (2)".
    """

    def __init__(self) -> None:
        self.known: dict[int, Path] = {}  # by the scope's id: the tape holds them all
        self.calls: Counter[Path] = Counter()

    def __call__(self, scope: Scope | None) -> Path:
        if scope is None:
            return ()
        if id(scope) not in self.known:
            path = (*self(scope.parent), (scope.kind, scope.name, scope.label))
            self.calls[path] += 1
            if scope.kind == "module" and self.calls[path] > 1:
                name = f"{scope.name} ({self.calls[path]})"
                path = (*path[:-1], (scope.kind, name, scope.label))
            self.known[id(scope)] = path
        return self.known[id(scope)]
