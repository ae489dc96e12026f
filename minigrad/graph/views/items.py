"""From recorded nodes to what is drawn: gates as one box, bookkeeping left out, states named."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod

from minigrad.graph.record import BOOKKEEPING, Graph, Operation, Path, modules
from minigrad.graph.terms import Call, Listed, Name, Number, Term, operation, short
from minigrad.graph.view import Arrow, Item, Key, Label, Say
from minigrad.primitives import PRIMITIVES

_SMALL = 4  # operations of a module that is one box
_IS_PARTIAL = re.compile(r"slice|None|Ellipsis")
_AFFINE = frozenset({"matmul", "affine"})
_FORMS = frozenset({"transpose", "swapaxes", "reshape", "astype", "getitem"})  # of a weight
_JOINS = frozenset({"concatenate", "stack"})


@dataclass
class Sketch:
    """Items and arrows while a view is being made of them.

    Attributes:
        graph: what they are drawn from.
        items: by key.
        arrows: from source to target, each once.
        owner: the key of the item that draws a node.
        carried: of a node that a later step reads, the name that the state has.
        steps: the time steps before any were left out; ``None`` if none were.
    """

    graph: Graph
    items: dict[Key, Item]
    arrows: dict[Arrow, None]
    owner: dict[int, Key]
    carried: dict[int, str]
    steps: tuple[int, ...] | None = None

    def copy(self) -> Sketch:
        """Another that can be changed."""
        return replace(self, items=dict(self.items), arrows=dict(self.arrows),
                       owner=dict(self.owner))  # fmt: skip

    def order(self) -> dict[Path, list[int]]:
        """The steps of each strip in the order in which they ran: backward, in a reversed one."""
        drawn = {key.strip for key in self.items if key.step is not None}
        return {strip: list(steps) for strip, steps in self.graph.turns.items() if strip in drawn}

    def sources(self) -> dict[Key, list[Key]]:
        """What each item reads."""
        found: dict[Key, list[Key]] = defaultdict(list)
        for a, b in self.arrows:
            found[b].append(a)
        return found

    def readers(self) -> dict[Key, list[Key]]:
        """What reads each item."""
        found: dict[Key, list[Key]] = defaultdict(list)
        for a, b in self.arrows:
            found[a].append(b)
        return found

    def rewire(self, arrows: Iterable[Arrow]) -> None:
        """Other arrows; what lost all of its own is not drawn any more."""
        before = {end for arrow in self.arrows for end in arrow}
        self.arrows = dict.fromkeys(arrows)
        after = {end for arrow in self.arrows for end in arrow}
        for key in before - after:
            self.items.pop(key, None)


def sketch(graph: Graph, *, every: bool = False) -> Sketch:
    """The items of a graph, and the arrows between them.

    Args:
        graph: from `trace` or `trace_target`.
        every: each node is an item of its own, as on the tape.
    """
    carried = _carried(graph)
    owner = {n.id: _node_key(n, graph) for n in graph.nodes} if every else _owners(graph)
    members: dict[Key, list[Operation]] = defaultdict(list)
    for node in graph.nodes:
        if node.id in owner:
            members[owner[node.id]].append(node)
    writer = _Writer(graph, owner)
    items = {key: _item(key, group, graph, writer, every=every) for key, group in members.items()}
    _with_shared_weights(items, graph)
    result = Sketch(graph, items, dict.fromkeys(_arrows(graph, owner)), owner, carried)
    _beside_readers(result)
    _with_states(result, every=every)
    return result


def _carried(graph: Graph) -> dict[int, str]:
    """What later steps of the same strip read, with the name that it has, or gets."""
    found: dict[int, str] = {}
    for node in graph.nodes:
        if node.kind != "operation" or node.step is None or node.primitive in BOOKKEEPING:
            continue
        stack = [(node.id, node.name)]
        while stack:
            number, name = stack.pop()
            for edge in graph.readers[number]:
                reader = graph.nodes[edge.target]
                if reader.strip == node.strip and reader.step != node.step:
                    found[node.id] = name or _inherited(graph, node) or "s"
                elif reader.primitive in BOOKKEEPING and reader.primitive != "stack":
                    stack.append((reader.id, name or reader.name))
    for strip in graph.turns:  # the last step's too, though nothing follows it
        for alike in graph.alike(strip):
            names = [found[number] for number in alike if number in found]
            if names:
                found |= dict.fromkeys(alike, names[0])
    return found


def _inherited(graph: Graph, node: Operation) -> str:
    """The name of the operand that a value without a name stands for: h of where(mask, h, …)."""
    for edge in graph.operands[node.id]:
        operand = graph.nodes[edge.source]
        if operand.name and operand.shape == node.shape and operand.step == node.step:
            return operand.name
    return ""


# Which item draws a node


def _node_key(node: Operation, graph: Graph) -> Key:
    """On the tape: a leaf, or an operation of its step."""
    if node.kind == "operation":
        place = graph.lines.get(node.id, node.id)
        return Key("point", (node.label, place), node.step, node.strip)
    return _leaf_key(node, graph)


def _leaf_key(node: Operation, graph: Graph) -> Key:
    """A leaf; a constant of one step by the line that reads it there."""
    if node.kind == "parameter" or node.step is None or not graph.readers[node.id]:
        return Key("leaf", (graph.twins.get(node.id, node.id),))
    if all(graph.nodes[edge.target].strip != node.strip for edge in graph.readers[node.id]):
        return Key("x", (node.label,), node.step, node.strip)
    first = graph.readers[node.id][0]
    return Key("constant", (node.label, graph.lines.get(first.target), first.position), node.step,
               node.strip)  # fmt: skip


def _owners(graph: Graph) -> dict[int, Key]:
    """For each node that is drawn, the key of the item that draws it."""
    nodes = graph.nodes
    owner = _layers(graph)
    for edge in graph.edges:  # an activation belongs to the affine map that it is applied to
        source, target = nodes[edge.source], nodes[edge.target]
        key = owner.get(source.id)
        if (
            key is not None
            and target.id not in owner
            and source.name is None
            and target.step == source.step
            and _is_activation(target)
            and len(graph.readers[source.id]) == 1
        ):
            owner[target.id] = key
    for node in nodes:
        if node.kind == "parameter":
            uses = _through(graph, node.id, owner)
            if not uses or not all(use in owner and owner[use].kind == "layer" for use in uses):
                owner[node.id] = Key("leaf", (node.id,))
        elif node.kind != "operation":
            if _is_sequence(graph, node):
                continue
            owner[node.id] = _leaf_key(node, graph)
        elif node.id not in owner:
            moves = node.primitive in BOOKKEEPING
            if not moves or _is_lookup(graph, node) or _joins(graph, node):
                owner[node.id] = _node_key(node, graph)
            elif (sequence := _step_of(graph, node)) is not None:
                owner[node.id] = Key("x", (sequence,), node.step, node.strip)
    return owner


def _layers(graph: Graph) -> dict[int, Key]:
    """Nodes of gates, and of small modules without modules inside, such as a Linear."""
    around: set[Path] = set()
    groups: dict[Path, list[Operation]] = defaultdict(list)
    for node in graph.nodes:
        if node.kind != "operation":
            continue
        around.update(node.scope[:depth] for depth in range(len(node.scope)))
        if node.gate:
            gate = next(k for k, level in enumerate(node.scope) if level.kind == "gate")
            groups[node.scope[: gate + 1]].append(node)
        elif node.scope and node.scope[-1].kind == "module":
            groups[node.scope].append(node)
    whole = len({path[0] for path in groups}) == 1
    owner: dict[int, Key] = {}
    for path, group in groups.items():
        if path[-1].kind == "module" and (path in around or (whole and len(path) == 1)):
            continue
        mine = {node.id for node in group}
        leaving = [n for n in group if not mine.issuperset(e.target for e in graph.readers[n.id])]
        weights = _weights(graph, mine)
        shown = [node for node in group if node.primitive not in BOOKKEEPING]
        if len(leaving) > 1 or (
            path[-1].kind == "module" and not (len(shown) <= (_SMALL if weights else 1))
        ):
            continue
        first = group[0]
        key = Key("layer", first.inside, first.step, first.strip)
        owner |= dict.fromkeys(mine, key)
    return owner


def _weights(graph: Graph, numbers: Iterable[int]) -> set[int]:
    """The parameters that these nodes read."""
    read = (edge.source for number in numbers for edge in graph.operands[number])
    return {source for source in read if graph.nodes[source].kind == "parameter"}


def _is_activation(node: Operation) -> bool:
    primitive = PRIMITIVES.get(node.primitive)
    return primitive is not None and primitive.kind == "elementwise" and (
        primitive.arity == 1 and node.primitive not in ("negative", "square", "reciprocal")
    )  # fmt: skip


def _through(graph: Graph, start: int, owner: Mapping[int, Key]) -> set[int]:
    """The uses of a weight, seen through a change of its form that is not drawn.

    What is broadcast or joined with others is no weight, but a value that a layer is given.
    """
    found: set[int] = set()
    stack = [start]
    while stack:
        for edge in graph.readers[stack.pop()]:
            use = graph.nodes[edge.target]
            if use.primitive in _FORMS and use.id not in owner:
                stack.append(use.id)
            else:
                found.add(use.id)
    return found


def _is_sequence(graph: Graph, node: Operation) -> bool:
    """Whether it is only read one step at a time, so that its steps are the inputs."""
    uses = graph.readers[node.id]
    return bool(uses) and all(
        edge.position == 0 and (use := graph.nodes[edge.target]).primitive == "getitem"
        and use.step is not None for edge in uses
    )  # fmt: skip


def _is_lookup(graph: Graph, node: Operation) -> bool:
    """Whether entries are chosen by an array of numbers: W[words]."""
    return node.primitive == "getitem" and len(graph.operands[node.id]) > 1


def _joins(graph: Graph, node: Operation) -> bool:
    """Whether several arrays outside of steps become one: what reads it has no more operands."""
    sources = {edge.source for edge in graph.operands[node.id]}
    steps = (graph.nodes[number].step for number in (node.id, *sources))
    return node.primitive in _JOINS and len(sources) > 1 and not any(s is not None for s in steps)


def _step_of(graph: Graph, node: Operation) -> int | None:
    """The leaf of which this is x[:, t], an input of one time step."""
    if node.primitive != "getitem" or node.step is None:
        return None
    source = graph.operands[node.id][0].source
    return source if graph.nodes[source].kind in ("input", "constant") else None


# What is written in an item


class _Writer:
    """Formulas of nodes in the names of their operands."""

    def __init__(self, graph: Graph, owner: Mapping[int, Key]) -> None:
        self.graph, self.owner = graph, owner

    def term(self, node: Operation, depth: int = 0) -> Term | None:
        """The operation with the names of its operands: (Q @ Kᵀ) ÷ 2; ``None`` without."""
        if node.primitive == "getitem" and _IS_PARTIAL.search(node.keywords):
            return None  # which axis each array is of cannot be said in short
        args: dict[int, Term] = {k: Number(value) for k, value in node.numbers}
        for edge in self.graph.operands[node.id]:
            operand = self.graph.nodes[edge.source]
            name: Term | None = self.name(operand)
            if name is None and depth < 2 and self._is_inline(operand):
                name = self.term(operand, depth + 1)
            if name is None:
                return None
            args[edge.position] = name
        if not 0 < len(args) <= 3:
            return None
        return operation(node.primitive, node.label, [args[k] for k in sorted(args)])

    def name(self, node: Operation) -> Name | None:
        """Name of a value, with ᵀ if it was transposed on the way."""
        transposed = False
        while node.name is None and node.flips:
            transposed = not transposed
            node = self.graph.nodes[self.graph.operands[node.id][0].source]
        named = node.name or (node.label if node.kind != "operation" else None)
        return Name(named, node.step, transposed) if named else None

    def _is_inline(self, node: Operation) -> bool:
        return (
            node.kind == "operation"
            and node.primitive not in BOOKKEEPING
            and self.owner.get(node.id, Key("", ())).kind == "point"
        )


def _item(key: Key, group: list[Operation], graph: Graph, writer: _Writer, *, every: bool) -> Item:
    """The item that draws these operations."""
    last = group[-1]
    nodes, where = tuple(node.id for node in group), modules(last.inside)
    if key.kind == "layer":
        name = last.gate or key.path[-1].name
        named = last.name if last.step is None else None
        return Item(key, "layer", Label(named or name, None, _layer_formula(group)),
                    last.shape, nodes, modules(key.path[:-1]))  # fmt: skip
    if key.kind == "x" and last.kind == "operation":
        source = graph.nodes[graph.operands[last.id][0].source]
        return Item(key, "input", Label(source.name or "x", last.step), last.shape, nodes, where)
    if last.kind != "operation":
        return replace(leaf(last), key=key, nodes=nodes, where=where)
    sign = short(last.primitive, last.label, last.numbers)
    if every:
        label = Label(last.name or "", last.step if last.name else None, sign)
        return Item(key, "operation", label, last.shape, nodes, where)
    if last.step is not None:
        return Item(key, "point", Label("", None, sign), last.shape, nodes, where)
    formula = writer.term(last) or sign
    return Item(key, "operation", Label(last.name or "", None, formula), last.shape, nodes, where)


def leaf(node: Operation) -> Item:
    """The item of what was given, and not computed."""
    assert node.kind != "operation"
    label = Label(f"{node.label} {node.gate}".strip(), node.step)
    return Item(Key("leaf", (node.id,)), node.kind, label, node.shape, (node.id,))


def _with_shared_weights(items: dict[Key, Item], graph: Graph) -> None:
    """Note on a layer that its weights are those of another; in steps, all share them."""
    first: dict[int, Key] = {}
    for key, item in items.items():
        if key.kind != "layer":
            continue
        weights = _weights(graph, item.nodes)
        others = [first[n] for n in weights if n in first and first[n].role != key.role]
        for number in weights:
            first.setdefault(number, key)
        if others:
            name = items[min(others, key=lambda key: items[key].nodes)].label.name
            items[key] = replace(item, notes=(Say("shared", (name,)),))


def _layer_formula(group: list[Operation]) -> Term | str:
    """σ(W·[ ] + b), or what else a layer computes; its operands are filled in later."""
    last = group[-1]
    primitives = {node.primitive for node in group}
    kept = [node for node in group if node.primitive not in BOOKKEEPING]
    activation = last if len(kept) > 1 and _is_activation(last) and not last.gate else None
    if activation is None and last.gate == "" and group[0].gate:
        activation = last
    biased = "affine" in primitives or any(
        node.primitive == "add" for node in group if node is not activation
    )
    if not primitives - BOOKKEEPING:
        inner: Term | str = Call("[ ]", (Name("W"), Name("index")))
    elif primitives & _AFFINE:
        weighted: Term = Call("·", (Name("W"), Listed(())), infix=True)
        if primitives & {"windows", "overlap_add"}:  # the second is the adjoint of the first
            weight = Name("W", transposed="overlap_add" in primitives)
            weighted = Call("∗", (weight, Name("x")), infix=True)
        inner = Call("+", (weighted, Name("b")), infix=True) if biased else weighted
    elif len(kept) == 1:
        inner = operation(kept[0].primitive, kept[0].label, [Name("x")])
        if len(group) > 1 or len(kept[0].numbers):
            inner = short(kept[0].primitive, kept[0].label, kept[0].numbers)
    else:
        inner = group[0].scope[-1].label
    if activation is None or isinstance(inner, str):
        return inner
    return operation(activation.primitive, activation.label, [inner])


# Arrows


def _arrows(graph: Graph, owner: Mapping[int, Key]) -> Iterable[Arrow]:
    """Arrows between items, seen through the operations that are not drawn."""
    drawn: list[tuple[Key, ...]] = []
    for node in graph.nodes:  # operands come first, so their answer is known
        operands = [edge.source for edge in graph.operands[node.id]]
        if node.part is not None and operands[0] not in owner:
            stack = graph.operands[operands[0]]
            operands = [stack[node.part].source, *operands[1:]]
        reached = dict.fromkeys(key for source in operands for key in drawn[source])
        key = owner.get(node.id)
        if key is None:
            drawn.append(tuple(reached))
            continue
        drawn.append((key,))
        yield from ((source, key) for source in reached if source != key)


def drawn_behind(sketch: Sketch, number: int) -> list[Key]:
    """The items that draw a value; of one that is not drawn, those it was made of."""
    if number in sketch.owner:
        key = sketch.owner[number]
        pills = [item.key for item in sketch.items.values()
                 if item.kind == "state" and item.nodes == (number,)]  # fmt: skip
        return [key, *pills]
    return [
        key for edge in sketch.graph.operands[number] for key in drawn_behind(sketch, edge.source)
    ]


def _beside_readers(sketch: Sketch) -> None:
    """What is given stands in the module that holds all that read it."""
    wheres: dict[Key, Path] = {}
    for a, b in sketch.arrows:
        if a.kind in ("leaf", "constant") and a.step is None:
            where = sketch.items[b].where if b.step is None else modules(b.strip)
            wheres[a] = common(wheres[a], where) if a in wheres else where
    for key, where in wheres.items():
        item = sketch.items[key]
        node = sketch.graph.nodes[item.nodes[-1]]
        if item.kind == "input":
            where = ()  # it comes from outside of all modules
        elif item.kind == "constant" and node.name:
            where = where[:-1]
        sketch.items[key] = replace(item, where=where)


def common(one: Path, other: Path) -> Path:
    """What two paths begin with."""
    pairs = zip(one, other, strict=False)
    return tuple(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _with_states(sketch: Sketch, *, every: bool) -> None:
    """Give every named value of a step, and whatever the next one reads, an item of its own."""
    graph, items = sketch.graph, sketch.items
    moved: dict[Key, Key] = {}
    primes: dict[tuple[Path, int | None, str], int] = defaultdict(int)
    made = [
        (node, *_called(sketch, node))
        for node in graph.nodes
        if node.step is not None and node.kind == "operation" and node.id in sketch.owner
    ]
    for node, name, shape in reversed(made):  # the last of a name is the state, others get primes
        key = sketch.owner[node.id]
        if not name or key.kind == "x" or items[key].nodes[-1] != node.id:
            continue
        place = (node.strip, node.step, name)
        prime = primes[place]
        primes[place] += 1
        pill = Key("state", (name, prime), node.step, node.strip)
        label = Label(name, node.step, items[key].label.formula if every else None, prime)
        item = Item(pill, "state", label, shape, (node.id,), items[key].where)
        if every:
            items[pill] = item
            del items[key]
            sketch.arrows = {
                (pill if a == key else a, pill if b == key else b): None for a, b in sketch.arrows
            }
            sketch.owner[node.id] = pill
        else:
            items[pill] = item
            moved[key] = pill
    arrows = [(moved.get(a, a), b) for a, b in sketch.arrows]
    sketch.arrows = dict.fromkeys([*moved.items(), *arrows])


def _called(sketch: Sketch, node: Operation) -> tuple[str | None, tuple[int, ...]]:
    """The name and the shape of a value; its name may be that of the same entries, rearranged."""
    graph, at = sketch.graph, node
    while not at.name:
        readers = graph.readers[at.id]
        if len(readers) != 1:
            break
        after = graph.nodes[readers[0].target]
        if (
            after.id in sketch.owner
            or (after.strip, after.step) != (node.strip, node.step)
            or prod(after.shape) != prod(node.shape)
        ):
            break
        at = after
    name = sketch.carried.get(node.id) or at.name
    return name, at.shape if at.name else node.shape
