"""The recorded graph: nodes, edges, scopes, values and gradients, and the same as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from minigrad.compile.traced_array import TracedArray
from minigrad.graph.record import summary
from minigrad.graph.record.summary import Summary
from minigrad.primitives.primitive import Array, Primitive

SCHEMA = "minigrad-graph/2"
_KINDS = ("parameter", "input", "constant", "operation")
_FIELDS = ("id", "kind", "primitive", "label", "name", "shape", "scope", "keywords", "numbers",
           "requires_grad", "part", "flips")  # fmt: skip
# They only move entries, so a picture that shows them would hide what matters.
BOOKKEEPING = frozenset({
    "getitem", "reshape", "stack", "broadcast_to", "astype", "transpose", "swapaxes",
    "concatenate", "scatter", "windows", "overlap_add",
})  # fmt: skip
Kind = Literal["parameter", "input", "constant", "operation"]


class Level(NamedTuple):
    """One level of where an operation was recorded.

    Attributes:
        kind: ``"module"``, ``"layer"``, ``"gate"``, ``"loop"`` or ``"step"``.
        name: the module's attribute name, the gate's name, or the number of the step or loop.
        label: the class of a module.
        call: which call of the module it is, from 1.
    """

    kind: str
    name: str
    label: str = ""
    call: int = 1


STEPS = Level("step", "")
Path = tuple[Level, ...]
"""Where an operation was recorded, outermost first."""


class Call(NamedTuple):
    """What computes a value.

    Attributes:
        primitive: the operation.
        operands: the raw arrays and numbers that it was applied to.
        static: its keywords.
    """

    primitive: Primitive
    operands: Sequence[Array]
    static: Mapping[str, Any]

    def __call__(self) -> Array:
        """The value again."""
        return self.primitive.bind(self.operands, self.static)


@dataclass(frozen=True)
class Operation:
    """One node of the recorded graph. Two are equal if all but their arrays are.

    Attributes:
        id: number in order of creation, from 0.
        kind: ``"parameter"``, ``"input"`` (a Tensor that was given), ``"constant"`` (an array
            that was given) or ``"operation"``. A parameter is one node, however many steps
            use it.
        primitive: name of the primitive; empty for a leaf.
        label: how pictures write the operation; what a leaf is called.
        name: what the value is called, if it has a name.
        shape: of the value.
        scope: where it was recorded, outermost first.
        keywords: the primitive's keywords as a call writes them: ``axis=1``.
        numbers: operands that are plain numbers, as (position, number).
        requires_grad: whether it has a gradient; a constant has none.
        part: which part of the stack that it reads a getitem picks; ``None`` elsewhere.
        flips: whether it exchanges the last two axes: the transpose of matrices.
        value: the array, shared with the tape; a `Summary` if it was large and has been read
            from JSON; ``None`` if it was not kept.
        gradient: ∂L/∂value, likewise; ``None`` if no backward has been run.
        call: what computed the value; ``None`` for a leaf, and in a graph read from JSON.
        origin: what stood for the value while it was recorded, where that was followed.

    Example:
        >>> from minigrad.graph import trace
        >>> graph = trace(mg.tanh(mg.Tensor([1.0, 2.0], requires_grad=True, name="x")))
        >>> x, y = graph.nodes
        >>> x.name, y.primitive, y.shape
        ('x', 'tanh', (2,))
    """

    id: int
    kind: Kind
    primitive: str
    label: str
    name: str | None
    shape: tuple[int, ...]
    scope: Path
    keywords: str = ""
    numbers: tuple[tuple[int, float], ...] = ()
    requires_grad: bool = True
    part: int | None = None
    flips: bool = False
    value: Array | Summary | None = field(default=None, compare=False, repr=False)
    gradient: Array | Summary | None = field(default=None, compare=False, repr=False)
    call: Call | None = field(default=None, compare=False, repr=False)
    origin: TracedArray | None = field(default=None, compare=False, repr=False)

    @cached_property
    def step(self) -> int | None:
        """The time step in which it was recorded; ``None`` outside of one."""
        return next((int(level.name) for level in reversed(self.scope) if level.kind == "step"),
                    None)  # fmt: skip

    @cached_property
    def strip(self) -> Path:
        """Which unrolled layer and direction it was recorded in: the path to its steps.

        It ends in a level for all of them; outside of steps it is empty.
        """
        depth = max((k for k, level in enumerate(self.scope) if level.kind == "step"), default=-1)
        return (*self.scope[:depth], STEPS) if depth >= 0 else ()

    @cached_property
    def inside(self) -> Path:
        """Where in its step it was recorded; all of the scope outside of steps."""
        return self.scope[len(self.strip) :]

    @property
    def gate(self) -> str:
        """The gate that it is part of; empty outside of one."""
        return next((level.name for level in self.scope if level.kind == "gate"), "")


@dataclass(frozen=True)
class Use:
    """An edge: the value of ``source`` is operand ``position`` of ``target``.

    Arrays among the keywords, such as an index, follow the operands.

    Example:
        >>> from minigrad.graph import trace
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> trace(1.0 - x).edges
        (Use(source=0, target=1, position=1),)
    """

    source: int
    target: int
    position: int


class Objective(NamedTuple):
    """How the number that the gradients are of was computed from the nodes of a graph.

    Attributes:
        nodes: operations that the graph itself does not have; their ids follow its own.
        edges: into these.
        output: the id of the number.
    """

    nodes: tuple[Operation, ...]
    edges: tuple[Use, ...]
    output: int


@dataclass(frozen=True)
class Graph:
    """What was recorded on the way to some outputs.

    Attributes:
        title: what it is the graph of.
        nodes: in order of creation, so operands come first.
        edges: by target, then position.
        outputs: ids of the outputs.
        loss: what the gradients are of, in words; ``None`` if no backward has been run.
        objective: how that was computed; ``None`` where a backward has left the gradients, and
            in a graph read from JSON.
        followed: what else is known of the run, see `minigrad.graph.explorer.following`.

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
    objective: Objective | None = field(default=None, compare=False, repr=False)
    followed: Any = field(default=None, compare=False, repr=False)

    @cached_property
    def operands(self) -> Mapping[int, tuple[Use, ...]]:
        """The edges into each node, by position."""
        return _grouped(self.edges, [edge.target for edge in self.edges], len(self.nodes))

    @cached_property
    def readers(self) -> Mapping[int, tuple[Use, ...]]:
        """The edges out of each node."""
        return _grouped(self.edges, [edge.source for edge in self.edges], len(self.nodes))

    @cached_property
    def turns(self) -> Mapping[Path, Mapping[int, Sequence[int]]]:
        """The operations of each step of each strip; the steps in the order in which they ran."""
        found: dict[Path, dict[int, list[int]]] = {}
        for node in self.nodes:
            if node.step is not None and node.kind == "operation":
                found.setdefault(node.strip, {}).setdefault(node.step, []).append(node.id)
        return found

    @cached_property
    def lines(self) -> Mapping[int, int]:
        """Which line of a step's code computed an operation: the same number in every step.

        Steps may lack some lines, such as the last one what only the next would read.
        """
        found: dict[int, int] = {}
        for turns in self.turns.values():
            model = max(turns.values(), key=len)
            signs = [self._sign(number) for number in model]
            for turn in turns.values():
                found |= zip(turn, _aligned(signs, list(map(self._sign, turn))), strict=True)
        return found

    @cached_property
    def twins(self) -> Mapping[int, int]:
        """Of whole numbers that stand outside of steps, the first with its name and entries.

        Layers that look words up copy them, so one array of the user's is recorded several times.
        """
        first: dict[tuple[Any, ...], int] = {}
        found: dict[int, int] = {}
        for node in self.nodes:
            if node.kind == "constant" and node.step is None and node.name is not None:
                array = node.value
                if isinstance(array, np.ndarray) and array.dtype.kind in "biu":
                    key = (node.name, array.shape, array.tobytes())
                    found[node.id] = first.setdefault(key, node.id)
        return found

    def _sign(self, number: int) -> tuple[Any, ...]:
        node = self.nodes[number]
        fixed = tuple(k for k, _ in node.numbers)
        return (node.primitive, node.inside), (node.shape, fixed, len(self.operands[number]))

    def alike(self, strip: Path) -> Iterable[Sequence[int]]:
        """What each line of code computed in the steps, in the order in which they ran."""
        found: dict[int, list[int]] = {}
        for turn in self.turns[strip].values():
            for number in turn:
                found.setdefault(self.lines[number], []).append(number)
        return found.values()

    def to_json(self) -> str:
        """The graph as JSON text; the same graph gives the same text.

        - ``schema``: ``"minigrad-graph/2"``
        - ``title``: string
        - ``loss``: string, what the gradients are of; null if no backward has been run
        - ``outputs``: node ids
        - ``edges``: objects of source and target (node ids) and position (of the operand; arrays
          among the keywords follow the operands)
        - ``nodes``: objects in order of creation, the id being the place in this list, with
          kind, primitive, label, name (string or null), shape, keywords, requires_grad, part
          (number or null) and flips as `Operation` has them; scope, a list of [kind, name,
          class name, call]; numbers, a list of [position, number]; value and gradient, an
          array or null
        - an array: shape, dtype, and either entries (nested lists, up to 64 entries) or min,
          mean, max and norm of the finite entries, nonfinite (how many are not), and grid: means
          of blocks, at most 8 × 8
        - a number: a JSON number, or one of the strings "nan", "inf", "-inf"; a complex one is
          a string such as "(1+2j)"
        """
        given = {
            "schema": SCHEMA,
            "title": self.title,
            "loss": self.loss,
            "outputs": self.outputs,
            "edges": [vars(edge) for edge in self.edges],
            "nodes": [_node_to_dict(node) for node in self.nodes],
        }
        text = json.dumps(given, ensure_ascii=False, allow_nan=False)
        return text.encode(errors="backslashreplace").decode()  # half of a pair, as JSON's \ud800

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
    return {
        **{name: getattr(node, name) for name in _FIELDS},
        "numbers": [[k, summary.plain(number)] for k, number in node.numbers],
        **{
            name: None if array is None else summary.to_dict(array)
            for name, array in (("value", node.value), ("gradient", node.gradient))
        },
    }


def _node_from_dict(given: Mapping[str, Any], number: int) -> Operation:
    if given["id"] != number or given["kind"] not in _KINDS:
        raise ValueError(
            f"Graph.from_json: node {number}: got id {given['id']!r} and kind {given['kind']!r}, "
            f"expected {number} and one of {', '.join(_KINDS)}"
        )
    name, part = given["name"], given["part"]
    return Operation(
        number, given["kind"], str(given["primitive"]), str(given["label"]),
        None if name is None else str(name), tuple(map(int, given["shape"])),
        tuple(Level(str(a), str(b), str(c), int(d)) for a, b, c, d in given["scope"]),
        str(given["keywords"]), tuple((int(k), _number(x)) for k, x in given["numbers"]),
        bool(given["requires_grad"]), None if part is None else int(part), bool(given["flips"]),
        _array(given["value"]), _array(given["gradient"]),
    )  # fmt: skip


def _array(given: Mapping[str, Any] | None) -> np.ndarray | Summary | None:
    return None if given is None else summary.from_dict(given)


def _number(given: Any) -> float:
    return given if type(given) in (int, float) else float(given)


def _aligned(model: Sequence[tuple[Any, ...]], signs: Sequence[tuple[Any, ...]]) -> list[int]:
    """Places in the model of what has these signs; new ones for what it does not have."""
    if [sign[0] for sign in model] == [sign[0] for sign in signs]:
        return list(range(len(signs)))
    places: list[int | None] = [None] * len(signs)
    matcher = SequenceMatcher(None, model, signs, autojunk=False)
    before = 0, 0
    for start, place, size in [*matcher.get_matching_blocks()]:
        rest = list(range(before[0], start))  # between two blocks, what is alike but for numbers
        for k in range(before[1], place):
            same = next((m for m in rest if model[m][0] == signs[k][0]), None)
            if same is not None:
                places[k] = same
                rest = [m for m in rest if m > same]
        for k in range(size):
            places[place + k] = start + k
        before = start + size, place + size
    fresh = itertools.count(len(model))
    return [next(fresh) if place is None else place for place in places]


def _grouped(
    edges: Iterable[Use], keys: Iterable[int], count: int
) -> Mapping[int, tuple[Use, ...]]:
    found: list[list[Use]] = [[] for _ in range(count)]
    for edge, key in zip(edges, keys, strict=True):
        found[key].append(edge)
    return dict(enumerate(map(tuple, found)))


def modules(path: Path) -> Path:
    """The modules of a path."""
    return tuple(level for level in path if level.kind == "module")


def shaped(shape: Any) -> str:
    """A shape as pictures write it: (1, 4)."""
    return "(" + ", ".join(map(str, shape)) + ")"
