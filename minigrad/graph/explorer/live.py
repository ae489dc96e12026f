"""A recorded graph as a program for the page: every value and gradient, from other inputs.

The operations are done again with NumPy's functions writing a program down, and the engine's own
walk goes back through them. Each value passes a place where a reader may hold it, and each operand
a place that tells what its operation sends back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from minigrad.autograd import gradients
from minigrad.compile.javascript_code import HOLD, RELEASE, Script, written
from minigrad.compile.program import Operand, Statement, Variable, run
from minigrad.compile.trace import Trace, TraceError
from minigrad.compile.traced_array import TracedArray, value_of
from minigrad.graph.explorer.following import Followed
from minigrad.graph.explorer.mathematics import local_derivatives
from minigrad.graph.record import Graph, Operation, Use, summary
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.scope import unfused
from minigrad.tape import record
from minigrad.tensor import Tensor, raw

MOST = 500_000  # numbers in all, above which a frame is too short to compute them


@dataclass(frozen=True)
class Live:
    """A graph that computes.

    Attributes:
        script: the program.
        leaves: by node that a reader may change, the number of its array, and its entries.
        nodes: by node: the arrays of its value and gradient; of SymPy's ∂y/∂operand, by operand;
            and of what goes back to each operand. ``None`` for what there is not.
        loss: the array of L.
        direct: by node that L itself reads, the arrays of what that sends back.
        followed: whether masks, indices and what the code made of ``x.data`` are computed too.
        looks: lines of the code that looked at numbers, and the arrays of these.
        checks: by the line or label of an operation, arrays with an entry 0 where it does not
            take the numbers.
        fixed: nodes that cannot be held: another has the same entries.
    """

    script: Script
    leaves: Mapping[int, tuple[Any, ...]]
    nodes: Sequence[tuple[int, int | None, list[int] | None, list[int | None]]]
    loss: int | None
    direct: Mapping[int, list[int]]
    followed: bool = False
    looks: Mapping[str, list[int]] = field(default_factory=dict)
    checks: Mapping[str, list[int]] = field(default_factory=dict)
    fixed: Sequence[int] = ()

    def to_dict(self) -> dict[str, Any]:
        """What the page reads, beside the program's text."""
        leaves = {
            n: (array, summary.plain(entries), *whole)
            for n, (array, entries, *whole) in self.leaves.items()
        }
        return {
            "leaves": leaves, "nodes": self.nodes, "loss": self.loss, "direct": self.direct,
            "followed": self.followed, "looks": self.looks, "checks": self.checks,
            "fixed": self.fixed,
        }  # fmt: skip


def live(graph: Graph) -> Live:
    """The program of a graph whose gradients are those of a loss that was recorded with it.

    Everything is computed in double precision.

    Raises:
        ValueError: it cannot be computed anew, or not in JavaScript.
    """
    if any(node.kind == "operation" and node.call is None for node in graph.nodes):
        _refuse(graph, "it was read from JSON, which has no operations; draw what it was made from")
    if graph.loss is not None and graph.objective is None:
        _refuse(
            graph, "its gradients are what a backward() has left; pass gradients_of=L to draw, L "
            "being the single number that they are of",
        )  # fmt: skip
    count = sum(int(np.prod(node.shape)) for node in graph.nodes)
    if count > MOST:
        _refuse(graph, f"it has {count:,} numbers, and a page computes at most {MOST:,}; draw "
                "fewer steps or smaller layers")  # fmt: skip
    try:
        return _Again(graph).run()
    except (TraceError, ValueError) as error:
        if graph.followed:  # as it was recorded, then, and the page says so
            return live(replace(graph, followed=None))
        raise ValueError(f"live: {error}".replace("live: live:", "live:")) from error


def _refuse(graph: Graph, why: str) -> NoReturn:
    raise ValueError(f"live: {graph.title}: {why}")


class _Trace(Trace):
    """A trace whose operations were recorded elsewhere."""

    def __init__(self, title: str) -> None:
        super().__init__(title, whole=False)
        self.checks: list[tuple[Any, str]] = []  # what an operation demands, and its label
        self.label = ""  # of the operation that is done now

    def place(self) -> str:
        """Nowhere: no line of the user's is running."""
        return ""

    def check(self, condition: Any, error: Callable[..., Exception], arrays: Sequence[Any]) -> None:
        """What raises an error is said on the page."""
        super().check(condition, error, arrays)
        self.statements.pop()
        self.checks.append((condition, self.label))


class _Again:
    """The operations of a graph, done again on traced arrays."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.trace = _Trace(graph.title)
        self.values: dict[int, Any] = {}  # Tensors, and arrays that are constants
        self.uses: dict[tuple[int, int], Tensor] = {}  # an operand, on its way into an operation
        self.leaves: dict[int, int] = {}  # the number of the input, by node
        self.known: dict[Variable, Any] = {}  # what followed the recording, as it is now
        self.limits: dict[Variable, int] = {}  # of what is an index: how many entries there are
        self.fixed: list[int] = []  # nodes that are another one, seen otherwise
        types = {np.asarray(node.value).dtype for node in graph.nodes}
        doubles = all(dtype.itemsize >= 8 for dtype in types if dtype.kind == "f")
        self.tolerance = 1e-9 if doubles else 1e-3  # of what was recorded

    def run(self) -> Live:
        graph, objective = self.graph, self.graph.objective
        with unfused():
            self.done(graph.nodes, graph.edges)
            if objective is not None:
                self.done(objective.nodes, objective.edges)
        found: dict[int, Any] = {}
        if objective is not None:
            tracked = [x for x in (*self.values.values(), *self.uses.values())
                       if isinstance(x, Tensor) and x.requires_grad]  # fmt: skip
            parts = gradients(self.values[objective.output], tracked, retain_graph=True)
            found = dict(zip(map(id, tracked), parts, strict=True))
        outputs: list[Operand] = []

        def place(x: Any) -> int | None:
            """The number of an output."""
            if x is None:
                return None
            outputs.append(self.trace.operand(raw(x)))
            return len(outputs) - 1

        nodes = []
        for node in graph.nodes:
            value = self.values[node.id]
            if node.gradient is not None:
                self.same(node, node.gradient, found[id(value)], "gradient")
            operands = [self.uses.get((node.id, k)) for k in range(self.arity(node))]
            partials = self.partials(node)
            nodes.append((
                place(value), place(found.get(id(value))),
                None if partials is None else [place(partial) for partial in partials],
                [place(found.get(id(x))) for x in operands],
            ))  # fmt: skip
        loss = None if objective is None else place(self.values[objective.output])
        looks: dict[str, list[int | None]] = {}
        checks: dict[str, list[int | None]] = {}
        if self.followed:
            self.watched(self.followed.looks, looks, place)
            self.watched(self.followed.checks, checks, place)
        for condition, label in self.trace.checks:
            checks.setdefault(label, []).append(place(condition))
        direct: dict[int, list[int | None]] = {}
        for edge in () if objective is None else objective.edges:
            if edge.source < len(graph.nodes):
                sent = found.get(id(self.uses.get((edge.target, edge.position))))
                direct.setdefault(edge.source, []).append(place(sent))
        script = written(self.trace.program(outputs))
        leaves = {
            number: (script.inputs[k], _entries(graph.nodes[number].value), *self.whole(number))
            for number, k in self.leaves.items() if number < len(graph.nodes)
        }  # fmt: skip

        def array(x: Any) -> Any:
            """Numbers of arrays in place of numbers of outputs."""
            if isinstance(x, dict):
                return {key: array(part) for key, part in x.items()}
            if isinstance(x, list | tuple):
                return [array(part) for part in x]
            return None if x is None else script.outputs[x]

        return Live(script, leaves, array(nodes), array(loss), array(direct),
                    self.followed is not None, array(looks), array(checks), self.fixed)  # fmt: skip

    def done(self, nodes: Sequence[Operation], edges: Sequence[Use]) -> None:
        """Do the operations of some nodes."""
        operands: dict[int, dict[int, int]] = {}
        for edge in edges:
            operands.setdefault(edge.target, {})[edge.position] = edge.source
        for node in nodes:
            if node.call is None:
                self.know(node, self.leaf(node))
                continue
            primitive, given, static = node.call
            self.trace.label = node.label
            sources = operands.get(node.id, {})
            arrays = [
                self.used(node.id, k, self.values[sources[k]]) if k in sources else self.again(x)
                for k, x in enumerate(given)
            ]
            if primitive.name == "getitem":
                self.limit(static["index"], arrays[0].shape)
            static = {k: self.again(x) for k, x in static.items()}
            value = record(Tensor, primitive, arrays, static)
            self.same(node, node.value, value.data, "value")
            if isinstance(value.data, TracedArray):  # else it follows from constants alone
                value = record(Tensor, _HELD, [value], {"number": node.id})
            self.know(node, value)

    def know(self, node: Operation, value: Any) -> None:
        """Keep the value of a node, also for what was made of it beside the tape."""
        self.values[node.id] = value
        if self.followed and node.origin is not None:
            variable = node.origin.variable
            if variable in self.known and node.kind != "constant":
                self.fixed.append(node.id)
            self.known.setdefault(variable, raw(value))

    def watched(
        self, given: Mapping[Variable, str], found: dict[str, list[int | None]],
        place: Callable[[Any], int | None],
    ) -> None:  # fmt: skip
        """Numbers that were looked at, by line; those that a reader cannot change are left out."""
        for variable, line in given.items():
            now = self.computed(variable)
            if isinstance(now, TracedArray):
                found.setdefault(line, []).append(place(now))

    def leaf(self, node: Operation) -> Any:
        """A leaf: computed as it was, or an input of the program.

        Whole numbers and flags are inputs only where it is known what is made of them.
        """
        array: Any = np.asarray(node.value)
        if array.dtype.kind == "c":
            _refuse(self.graph, f"{node.label} is complex, and a page computes with real numbers")
        origin = node.origin if self.followed else None
        if origin is not None and origin.variable in self.made:
            array = self.computed(origin.variable)
            self.same(node, node.value, array, "value")
        elif array.dtype.kind == "f" or origin is not None:
            self.leaves[node.id] = len(self.trace.inputs)
            array = self.trace.array(_double(array), node.name)
        if node.kind == "constant":
            return array
        return Tensor(array, requires_grad=node.requires_grad)

    @property
    def followed(self) -> Followed | None:
        """What is known of the run beside the graph."""
        return self.graph.followed

    @property
    def made(self) -> Mapping[Variable, Statement]:
        return self.followed.statements if self.followed else {}

    def again(self, x: Any) -> Any:
        """An operand or keyword that is no node: as it is, or computed as it was."""
        if isinstance(x, tuple):
            return tuple(map(self.again, x))
        if isinstance(x, TracedArray):
            return self.computed(x.variable) if self.followed else x.value
        return _double(x)

    def computed(self, variable: Variable) -> Any:
        """What the code made of nodes beside the tape."""
        waiting = [variable]
        while waiting:
            now = waiting[-1]
            statement = self.made.get(now)
            if now in self.known:
                waiting.pop()
            elif statement is None:  # a constant, or an array that leads to no output
                assert self.followed is not None
                self.known[now] = _double(
                    self.followed.given[now] if now.value is None else now.value
                )
            elif missing := [x for x in statement.operands
                             if isinstance(x, Variable) and x not in self.known]:  # fmt: skip
                waiting += missing
            else:
                operands = [self.known[x] if isinstance(x, Variable) else _double(x.value)
                            for x in statement.operands]  # fmt: skip
                static = {k: _double(x) for k, x in statement.static.items()}
                done = run if not any(isinstance(x, TracedArray) for x in operands) else (
                    self.trace.apply
                )  # fmt: skip
                self.known[now] = done(statement.operation, operands, static)
        return self.known[variable]

    def limit(self, index: Any, shape: tuple[int, ...]) -> None:
        """Note how many entries there are to choose from by an index."""
        parts = index if isinstance(index, tuple) else (index,)
        if not any(part is None or part is Ellipsis for part in parts):
            for part, size in zip(parts, shape, strict=False):
                if isinstance(part, TracedArray):
                    self.limits[part.variable] = min(size, self.limits.get(part.variable, size))

    def whole(self, number: int) -> tuple[Any, ...]:
        """Of a leaf of whole numbers: from which on there are no more; 0 if that is open."""
        node = self.graph.nodes[number]
        kind = np.asarray(node.value).dtype.kind
        if kind == "f":
            return ()
        limit = 0 if node.origin is None else self.limits.get(node.origin.variable, 0)
        return (2 if kind == "b" else limit,)

    def used(self, target: int, position: int, value: Any) -> Any:
        """An operand, passed on so that what goes back to it is known."""
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        self.uses[target, position] = record(Tensor, _USED, [value])
        return self.uses[target, position]

    def same(self, node: Operation, recorded: Any, again: Any, what: str) -> None:
        """See that an array comes out as it was recorded.

        Raises:
            ValueError: it does not.
        """
        before, now = np.asarray(recorded), np.asarray(value_of(raw(again)))
        size = 1 + np.max(np.abs(now), initial=0, where=np.isfinite(now))
        if before.shape != now.shape or not np.allclose(
            before / size, now / size, rtol=0, atol=self.tolerance, equal_nan=True
        ):
            _refuse(self.graph, f"computed again, the {what} of {node.label} is not what was "
                    "recorded: does a hook change it?")  # fmt: skip

    def arity(self, node: Operation) -> int:
        return 0 if node.call is None else len(node.call.operands)

    def partials(self, node: Operation) -> list[Any] | None:
        """SymPy's local derivatives, where they are few enough to be shown."""
        if node.call is None or int(np.prod(node.shape)) > summary.MOST_ENTRIES:
            return None
        if node.primitive not in PRIMITIVES:
            return None
        numbers = dict(node.numbers)
        sources = {edge.position: edge.source for edge in self.graph.operands[node.id]}
        operands = [
            raw(self.values[sources[k]]) if k in sources else float(numbers.get(k, _scalar(x)))
            for k, x in enumerate(node.call.operands)
        ]
        floats = [x.astype(float) if isinstance(x, TracedArray) else x for x in operands]
        return local_derivatives(PRIMITIVES[node.primitive], floats, node.shape)


def _entries(array: Any) -> list[float]:
    found: list[float] = np.asarray(array, float).ravel().tolist()
    return found


def _scalar(x: Any) -> float:
    return float(x) if np.ndim(x) == 0 else float("nan")


def _double(x: Any) -> Any:
    """Numbers and types of single precision as double ones."""
    if isinstance(x, tuple):
        return tuple(map(_double, x))
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind == "f":
        return x.astype(float)
    if isinstance(x, type | np.dtype) and np.dtype(x).kind == "f":
        return np.dtype(float)
    return x


def _marked(name: str, rule: Callable[..., Any], forward: Callable[..., Any]) -> Primitive:
    return Primitive(name, forward, "fused", (rule,), (rule,), static=("number",))


_HELD = _marked(
    "held",
    lambda g, y, x, *, number: y.trace.apply(RELEASE, [g], {"number": number}),
    lambda x, *, number: x.trace.apply(HOLD, [x], {"number": number}),
)
_USED = _marked("used", lambda g, y, x: g, lambda x: x)
