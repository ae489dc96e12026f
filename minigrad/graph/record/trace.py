"""Recording: from Tensors, or from a target that is run for it, to a `Graph`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.autograd import gradients
from minigrad.compile.traced_array import TracedArray, value_of
from minigrad.graph.record.graph import (
    Call,
    Graph,
    Kind,
    Level,
    Objective,
    Operation,
    Path,
    Use,
)
from minigrad.graph.record.loops import with_loops, with_states
from minigrad.graph.record.names import Names, of_function
from minigrad.primitives.primitive import Array
from minigrad.scope import Scope
from minigrad.tape import Node as TapeNode
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor, raw
from minigrad.tree import tree_leaves


def trace(
    outputs: Any,
    title: str | None = None,
    *,
    gradients_of: Tensor | None = None,
    loss: str | None = None,
    names: Names | None = None,
) -> Graph:
    """The recorded graph of a Tensor, or of several in tuples.

    Tensors that need no gradient are inputs of the graph, arrays constants, numbers part of an
    operation's label. What was computed from constants alone is here too, if it was computed of
    Tensors inside `minigrad.unfused`; else only its result.

    Gradients are those that a ``backward(retain_graph=True)`` has left in ``.grad``: of leaves,
    and of what has called ``retain_grad``. With ``gradients_of``, every node gets its own.

    Args:
        outputs: a Tensor, or tuples of them.
        title: what it is the graph of; the module that computed it if not given.
        gradients_of: a single number L: walk back from it, and keep ∂L/∂value of every node.
            No ``.grad`` is touched, and the graph is not freed.
        loss: what L is, in words.
        names: what the user calls arrays that have no name of their own.

    Raises:
        ValueError: none of the outputs was recorded, or a backward has freed the graph.
        RuntimeError: ``gradients_of`` is more than a single number.

    Example:
        >>> from minigrad.graph import trace
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        >>> [node.label for node in trace((x * x).sum()).nodes]
        ['x', '×', 'Σ']
    """
    given = [t.settled() for t in tree_leaves(outputs) if isinstance(t, Tensor)]
    tensors = [t for t in given if t.requires_grad]
    if not tensors:
        raise ValueError("trace: nothing was recorded: no output requires a gradient")
    recorded = recorded_nodes(tensors)
    if any(node.freed for node in recorded):
        raise ValueError("trace: a backward has freed the graph; pass retain_graph=True to it")
    found: dict[TapeNode, Array]
    if gradients_of is None:
        found = {n: raw(n.grad) for n in recorded if isinstance(n, Tensor) and n.grad is not None}
        loss = loss or ("what backward() was run on" if found else None)
    else:
        wanted = [node for node in recorded if node.requires_grad]
        arrays = gradients(gradients_of, wanted, retain_graph=True)  # type: ignore[arg-type]
        found = dict(zip(wanted, arrays, strict=True))
        loss = loss or gradients_of.name or "the output"
    made = _Made(names or Names(), found)
    for node in recorded:
        made.add(node)
    outer = tensors[0].scope.path[0].label if tensors[0].scope else ""
    ids = tuple(dict.fromkeys(made.ids[t] for t in tensors))
    graph = Graph(title or outer or "graph", tuple(made.nodes), tuple(made.edges), ids, loss)
    if gradients_of is not None:
        graph = replace(graph, objective=made.objective(gradients_of.settled()))
    called = {number: name for node, number in made.ids.items() if (name := made.names.of(node))}
    return _with_slices(with_states(with_loops(graph), called))


def recorded_nodes(tensors: Sequence[TapeNode]) -> list[TapeNode]:
    """Everything that led to these, operands first; also constants, where they are known."""
    seen = set(tensors)
    stack = list(seen)
    while stack:
        node = stack.pop()
        for operand in (*node.parents, *node.given):
            if isinstance(operand, TapeNode) and operand not in seen:
                seen.add(operand)
                stack.append(operand)
    return sorted(seen, key=lambda node: node.index)


def _with_slices(graph: Graph) -> Graph:
    """The graph in which parts of one array that steps read one by one are called x."""
    slices: dict[int, list[Operation]] = defaultdict(list)
    for node in graph.nodes:
        if node.kind == "constant" and node.name is None and node.step is not None:
            slices[id(getattr(node.value, "base", None))].append(node)
    slices.pop(id(None), None)
    found = {n.id for nodes in slices.values() if len({n.step for n in nodes}) > 1 for n in nodes}
    nodes = (replace(node, label="x") if node.id in found else node for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes)) if found else graph


class _Made:
    """Nodes and edges, as they are added one by one."""

    def __init__(self, names: Names, gradients: dict[TapeNode, Array]) -> None:
        self.names, self.gradients, self.path = names, gradients, _Paths()
        self.nodes: list[Operation] = []
        self.edges: list[Use] = []
        self.ids: dict[TapeNode, int] = {}
        self.constants: dict[Any, int] = {}  # an array that several operations read is one node
        self.stacks: dict[int, tuple[int, int]] = {}  # of a stack, its axis and number of parts

    def add(self, node: TapeNode) -> None:
        """A node after its operands."""
        primitive, static = node.recipe or (node.primitive, node.static)
        scope = self.path(node.scope)
        if primitive is None:
            self.ids[node] = self._leaf(node, scope)
            return
        operands = node.given if node.recipe else node.operands
        sources: list[tuple[int, int]] = []
        numbers: list[tuple[int, float]] = []
        for position, operand in enumerate(operands):
            source: Any = operand if node.recipe else node.parents[position]
            if source is None and node.given:
                source = node.given[position]
            if isinstance(source, TapeNode):
                sources.append((self.ids[source], position))
            elif (single := _number(operand)) is not None:
                numbers.append((position, single))
            elif getattr(operand, "ndim", 0) or type(operand) is TracedArray:
                sources.append((self._constant(operand, _role(operand), scope), position))
        for position, (role, array) in enumerate(_arrays(primitive.name, static), len(operands)):
            sources.append((self._constant(array, role, scope), position))
        number = self.ids[node] = len(self.nodes)
        if primitive.name == "stack":
            self.stacks[number] = static.get("axis", 0) % node.data.ndim, len(operands)
        part = None
        if primitive.name == "getitem" and sources and (stack := self.stacks.get(sources[0][0])):
            part = _part(static["index"], len(self.nodes[sources[0][0]].shape), *stack)
        keywords = ", ".join(f"{name}={_plain(value)!r}" for name, value in static.items())
        self.nodes.append(Operation(
            number, "operation", primitive.name, primitive.label, node.name, node.data.shape,
            scope, keywords, tuple(numbers), node.requires_grad, part,
            _flips(primitive.name, static, node.data.ndim), value_of(node.data),
            value_of(self.gradients.get(node)),
            Call(primitive, [raw(operand) for operand in operands], static), _origin(node.data),
        ))  # fmt: skip
        self.edges += [Use(source, number, position) for source, position in sources]

    def objective(self, loss: TapeNode) -> Objective:
        """How a number was computed from the nodes so far, and the nodes that are lacking."""
        nodes, edges = len(self.nodes), len(self.edges)
        for node in recorded_nodes([loss]):
            if node not in self.ids:
                self.add(node)
        return Objective(tuple(self.nodes[nodes:]), tuple(self.edges[edges:]), self.ids[loss])

    def _leaf(self, node: TapeNode, scope: Path) -> int:
        if not node.requires_grad and node.name is None:  # one array is one box
            number = self.constants.setdefault(id(node.data), len(self.nodes))
            if number < len(self.nodes):
                return number
        kind: Kind = "parameter" if isinstance(node, Parameter) else "input"
        name = node.name or self.names.of(node) or self.names.of(node.data)
        self.nodes.append(Operation(
            len(self.nodes), kind, "", name or kind, name, node.data.shape, scope,
            requires_grad=node.requires_grad, value=value_of(node.data),
            gradient=value_of(self.gradients.get(node)), origin=_origin(node.data),
        ))  # fmt: skip
        return len(self.nodes) - 1

    def _constant(self, array: Array, role: str, scope: Path) -> int:
        mask = getattr(array, "dtype", None) is not None and array.dtype.kind == "b"
        key: Any = id(array)
        if (origin := _origin(array)) is not None:
            key = origin.variable
        elif mask:
            key = (array.shape, array.tobytes())  # masks are made anew
        around = tuple(level for level in scope if level.kind != "gate")
        if key not in self.constants:
            number = self.constants[key] = len(self.nodes)
            lasting = role == "target"  # a step's target is the next step's input
            name = self.names.of(array, lasting=lasting)
            self.nodes.append(Operation(
                number, "constant", "", name or role, name, array.shape, around,
                requires_grad=False, value=value_of(array), origin=origin,
            ))  # fmt: skip
        number = self.constants[key]
        before = self.nodes[number].scope  # where several read it, it stands around all of them
        if before != around:
            self.nodes[number] = replace(self.nodes[number], scope=_around_both(before, around))
        return number


def _number(operand: Any) -> float | None:
    """The number that an operand is, such as the size of a batch; ``None`` if it is an array."""
    if isinstance(operand, np.ndarray | np.generic) and not operand.ndim:
        return operand.item() if operand.dtype.kind in "biuf" else None
    return operand if isinstance(operand, int | float) else None


def _around_both(one: Path, other: Path) -> Path:
    """The scope around two; in the same step of two layers, the step stays."""
    shared = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                  min(len(one), len(other)))  # fmt: skip
    steps = [level for path in (one, other) for level in path[shared:] if level.kind == "step"]
    same = len(steps) == 2 and steps[0] == steps[1]
    return (*one[:shared], steps[0]) if same else one[:shared]


def _origin(array: Any) -> TracedArray | None:
    return array if isinstance(array, TracedArray) else None


def _plain(value: Any) -> Any:
    """A keyword's value with plain arrays."""
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value_of(value)


def _role(array: Array, keyword: str = "constant") -> str:
    """What an array without a name is called."""
    return "mask" if array.dtype.kind == "b" else keyword


def _arrays(primitive: str, static: Any) -> Iterator[tuple[str, Array]]:
    """The arrays among the keywords, with what each is: an index, a target or a mask."""
    for name, value in static.items():
        parts = value if isinstance(value, tuple) else (value,)
        for part in parts:
            if isinstance(part, np.ndarray | TracedArray) and part.ndim:
                yield _role(part, name), part
            elif isinstance(part, list) and part and primitive == "getitem":
                yield _role(np.asarray(part), name), np.asarray(part)


def _part(index: Any, ndim: int, axis: int, count: int) -> int | None:
    """Which of the parts of a stack along an axis ``x[index]`` reads, if it is one."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(part is None or isinstance(part, np.ndarray | TracedArray | list) for part in parts):
        return None
    if Ellipsis in parts:
        place = parts.index(Ellipsis)
        parts[place : place + 1] = [slice(None)] * (ndim - len(parts) + 1)
    chosen = parts[axis] if axis < len(parts) else None
    if not isinstance(chosen, int | np.integer) or not -count <= chosen < count:
        return None
    return int(chosen) % count


def _flips(primitive: str, static: Any, ndim: int) -> bool:
    """Whether an operation exchanges the last two axes, and no others."""
    if primitive == "swapaxes":
        return {static["axis1"] % ndim, static["axis2"] % ndim} == {ndim - 1, ndim - 2}
    if primitive == "transpose" and ndim > 1:
        axes = static.get("axes") or range(ndim)[::-1]
        order = [axis % ndim for axis in axes]
        return order == [*range(ndim - 2), ndim - 1, ndim - 2]
    return False


class _Paths:
    """Scopes as paths; each call of a module is a place of its own."""

    def __init__(self) -> None:
        self.known: dict[int, Path] = {}  # by the scope's id: the tape holds them all
        self.calls: Counter[Path] = Counter()

    def __call__(self, scope: Scope | None) -> Path:
        if scope is None:
            return ()
        if id(scope) not in self.known:
            level = Level(scope.kind, scope.name, scope.label)
            around = self(scope.parent)
            if scope.kind == "module":
                self.calls[*around, level] += 1
                level = level._replace(call=self.calls[*around, level])
            self.known[id(scope)] = (*around, level)
        return self.known[id(scope)]


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
    names = Names()
    names.learn(of_function(target.subject))
    with names.watching():
        recording = target.record(steps)
    return _with_loss(
        recording.outputs, target.title, last=recording.last, given=recording.given, names=names
    )


def _with_loss(
    outputs: Any,
    title: str,
    *,
    last: bool = False,
    given: bool = False,
    names: Names | None = None,
) -> Graph:
    """The graph with the gradients of the mean of the squares of the first output.

    Args:
        outputs: as for `trace`.
        title: likewise.
        last: of the last step only.
        given: of the first output itself, if it is a single number.
        names: as for `trace`.
    """
    y = tree_leaves(outputs)[0]
    if not isinstance(y, Tensor) or not y.requires_grad or not y.size:
        return trace(outputs, title, names=names)
    if given and y.size == 1 and y.dtype.kind != "c":
        return trace(outputs, title, gradients_of=y, names=names)
    part = y[:, -1] if last else y
    words = "the mean of the squares of the output" + (" at the last step" if last else "")
    loss = np.square(np.abs(part)).mean() if y.dtype.kind == "c" else (part * part).mean()
    return trace(outputs, title, gradients_of=loss, loss=words, names=names)
