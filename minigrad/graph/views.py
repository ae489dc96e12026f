"""What to draw of a recorded graph: gates as one box, bookkeeping left out, steps apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from minigrad.graph import strips
from minigrad.graph.items import SUBSCRIPTS, Item, View, strip_of, subscript
from minigrad.graph.model import Graph, Operation
from minigrad.notation import pretty
from minigrad.primitives import PRIMITIVES

# They only move entries, so a picture that shows them would hide what matters.
_BOOKKEEPING = frozenset({
    "getitem", "reshape", "stack", "broadcast_to", "astype", "transpose", "swapaxes",
    "concatenate", "scatter",
})  # fmt: skip
MOST_STEPS = 8
_FIRST, _LAST = 3, 2


def unrolled(graph: Graph, *, all_steps: bool = False, title: str | None = None) -> View:
    """The graph unrolled over time: one cell for each step, the middle left out if it is long.

    Args:
        graph: from `trace` or `trace_target`.
        all_steps: draw every step, also when there are more than 8.
        title: heading of the picture; the graph's title if not given.

    Example:
        >>> from minigrad.graph import trace_target, unrolled
        >>> from minigrad.targets import resolve
        >>> unrolled(trace_target(resolve("lstm"), steps=30)).steps
        (0, 1, 2, 28, 29)
    """
    sources = _sources(graph)
    owner = _owners(graph, sources)
    members: dict[str, list[Operation]] = {}
    for node in graph.nodes:
        if node.id in owner:
            members.setdefault(owner[node.id], []).append(node)
    items = {key: _item(key, group, graph, sources) for key, group in members.items()}
    items, arrows = _states(items, members, _arrows(graph, owner, sources))
    items, arrows = strips.arranged(_with_nodes(items, members), arrows)
    items = _with_operands(items, arrows)
    items, arrows = _joined(items, arrows)
    steps = sorted({item.step for item in items.values() if item.step is not None})
    view = View(title or graph.title, tuple(items.values()), tuple(arrows), tuple(steps))
    return view if all_steps or len(steps) <= MOST_STEPS else elided(view)


def elided(view: View) -> View:
    """The view without the steps in the middle."""
    items = {item.id: item for item in view.items}
    kept = (*view.steps[:_FIRST], *view.steps[-_LAST:])
    drawn = {key for key, item in items.items() if item.step is None or item.step in kept}
    entering = set()
    for a, b in view.arrows:  # a state that comes out of them stands before the step it goes into
        if a not in drawn and items[b].step in kept and items[a].kind == "state":
            items[a] = replace(items[a], step=None)
            entering.add(a)
    shown = [item for item in items.values() if item.step is None or item.step in kept]
    ids = {item.id for item in shown}
    arrows = [
        (a, b) for a, b in view.arrows
        if a in ids and b in ids and (a not in entering or items[b].step is not None)
    ]  # fmt: skip
    return View(view.title, tuple(shown), tuple(arrows), kept, len(view.steps) - len(kept))


def _sources(graph: Graph) -> dict[int, list[int]]:
    """The operands of each node."""
    sources: dict[int, list[int]] = {}
    for edge in graph.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    return sources


def _owners(graph: Graph, sources: Mapping[int, list[int]]) -> dict[int, str]:
    """For each node that is drawn, the key of the item that draws it."""
    consumers: dict[int, list[int]] = {}
    for edge in graph.edges:
        consumers.setdefault(edge.source, []).append(edge.target)
    nodes = graph.nodes
    owner: dict[int, str] = {}
    inner = _innermost_modules(nodes)
    for node in nodes:
        if node.kind == "operation":
            group = _group(node, inner)
            if group:
                owner[node.id] = group
    for edge in graph.edges:  # an activation belongs to the affine map that it is applied to
        source, target = nodes[edge.source], nodes[edge.target]
        if (
            owner.get(source.id, "").startswith("layer ")
            and target.id not in owner
            and _is_activation(target)
            and len(consumers[source.id]) == 1
        ):
            owner[target.id] = owner[source.id]
    for node in nodes:
        if node.kind == "parameter":
            uses = {owner.get(use, "") for use in _through(node.id, consumers, nodes)}
            if not any(use.startswith("layer ") for use in uses):
                owner[node.id] = f"leaf {node.id}"
        elif node.kind == "input":
            if not _sliced_by_step(node.id, consumers, nodes):
                owner[node.id] = f"leaf {node.id}"
        elif node.id not in owner and (
            node.primitive not in _BOOKKEEPING or _is_step_input(node, graph, sources)
        ):
            owner[node.id] = f"point {node.id}"
    return owner


def _innermost_modules(nodes: Iterable[Operation]) -> set[tuple[tuple[str, str, str], ...]]:
    """Paths of modules without scopes inside, which are parts: a Linear in a layer, say."""
    paths = {node.scope for node in nodes if node.kind == "operation" and node.scope}
    parts = len({path[0] for path in paths}) > 1  # else the one outermost module is the whole
    around = {path[:depth] for path in paths for depth in range(1, len(path))}
    return {path for path in paths - around if (parts or len(path) > 1) and path[-1][0] == "module"}


def _group(node: Operation, inner: set[tuple[tuple[str, str, str], ...]]) -> str:
    """The layer that draws this operation, if one does: its gate, or its innermost module."""
    for depth, (kind, _, _) in enumerate(node.scope):
        path = node.scope[: depth + 1]
        if kind == "gate" or path in inner:
            return "layer " + "/".join(f"{k}:{name}" for k, name, _ in path)
    return ""


def _is_activation(node: Operation) -> bool:
    primitive = PRIMITIVES.get(node.primitive)
    return primitive is not None and primitive.kind == "elementwise" and primitive.arity == 1


def _through(start: int, consumers: dict[int, list[int]], nodes: tuple[Operation, ...]) -> set[int]:
    """The uses of a value, seen through bookkeeping such as a transposition."""
    found, stack = set(), [start]
    while stack:
        for use in consumers.get(stack.pop(), ()):
            if use not in found:
                found.add(use)
                if nodes[use].primitive in _BOOKKEEPING:
                    stack.append(use)
    return found


def _sliced_by_step(
    number: int, consumers: dict[int, list[int]], nodes: tuple[Operation, ...]
) -> bool:
    """Whether a sequence is only read one step at a time, so that its steps are the inputs."""
    uses = [nodes[use] for use in consumers.get(number, ())]
    return bool(uses) and all(
        use.primitive == "getitem" and use.scope and use.scope[-1][0] == "step" for use in uses
    )


def _is_step_input(node: Operation, graph: Graph, sources: Mapping[int, list[int]]) -> bool:
    """Whether this is x[:, t]: an input of one time step."""
    if node.primitive != "getitem" or not node.scope or node.scope[-1][0] != "step":
        return False
    return any(graph.nodes[source].kind == "input" for source in sources[node.id])


def _item(key: str, group: list[Operation], graph: Graph, sources: Mapping[int, list[int]]) -> Item:
    """The item that draws these operations."""
    last = group[-1]
    role = key.replace(f"step:{last.step}", "step:t") if last.step is not None else key
    if key.startswith("layer "):
        scopes = [level for node in group for level in node.scope]
        gates = [name for kind, name, _ in scopes if kind == "gate"]
        name = pretty(gates[0] if gates else group[0].scope[-1][1])
        activation = last.label if _is_activation(last) else ""
        affine = "W·[ ] + b" if gates else "W·x + b"
        primitives = {node.primitive for node in group}
        if primitives == {"getitem"}:
            affine = "W[index]"  # rows of a table: an embedding
        elif not primitives & {"matmul", "affine"}:
            affine = f"{last.label}(x)"  # not an affine map: a normalisation, say
        formula = f"{activation}({affine})" if activation else affine
        if last.name and last.step is None:
            name = f"{last.name} = {name}(x)"
        return Item(key, "layer", (name, formula, _shape(last)), last.step, role,
                    f"{name}: {formula}")  # fmt: skip
    if key.startswith("leaf "):
        if last.kind == "parameter":
            gate = next((name for kind, name, _ in last.scope if kind == "gate"), "")
            label = f"{last.label} {gate}".strip()
            return Item(key, "input", (label, _shape(last)), None, key, f"parameter {label}")
        role = f"leaf {last.label}" if last.step is not None else key
        return Item(key, "input", (last.label, _shape(last)), last.step, role,
                    f"input {last.label}")  # fmt: skip
    step = last.step
    if last.primitive == "getitem":
        return Item(key, "input", (f"x{subscript(step or 0)}", _shape(last)), step, "point x",
                    f"input at step {step}")  # fmt: skip
    if step is None:
        formula = _written(last, graph, sources)
        heading = f"{last.name} = {formula}" if last.name else formula
        return Item(key, "operation", (heading, _shape(last)), None, key,
                    f"{last.primitive} {_shape(last)}")  # fmt: skip
    return Item(key, "point", (last.label,), step, "", f"{last.primitive} {_shape(last)}")


def _written(
    node: Operation, graph: Graph, sources: Mapping[int, list[int]], *, nested: bool = False
) -> str:
    """The operation with the names of its operands where they have some: (Q @ Kᵀ) ÷ 2."""
    names = []
    for source in sources.get(node.id, ()):
        name, operand = _name_through(source, graph, sources), graph.nodes[source]
        if not name and not nested and operand.kind == "operation":
            inner = _written(operand, graph, sources, nested=True)
            name = f"({inner})" if inner != operand.label else ""
        names.append(name)
    if not names or not all(names):
        return node.label
    if len(names) == 2:
        return f"{names[0]} {node.label} {names[1]}"
    return f"{names[0]} {node.label}" if " " in node.label else f"{node.label}({names[0]})"


def _name_through(number: int, graph: Graph, sources: Mapping[int, list[int]]) -> str:
    """Name of a value, with ᵀ if it was transposed on the way; empty if it has none."""
    node, transposed = graph.nodes[number], ""
    while node.name is None and node.primitive in ("transpose", "swapaxes"):
        transposed = "" if transposed else "ᵀ"
        node = graph.nodes[sources[node.id][0]]
    return f"{node.name}{transposed}" if node.name else ""


def _shape(node: Operation) -> str:
    return "(" + ", ".join(map(str, node.shape)) + ")"


def _arrows(
    graph: Graph, owner: dict[int, str], sources: Mapping[int, list[int]]
) -> list[tuple[str, str]]:
    """Arrows between items, seen through the operations that are not drawn."""
    drawn: dict[int, tuple[str, ...]] = {}
    arrows: dict[tuple[str, str], None] = {}
    for node in graph.nodes:  # operands come first, so their answer is known
        operands = sources.get(node.id, [])
        if (part := _picked(node, graph, sources)) is not None:
            operands = [part]
        reached = tuple(dict.fromkeys(key for source in operands for key in drawn[source]))
        key = owner.get(node.id)
        if key is None:
            drawn[node.id] = reached
            continue
        drawn[node.id] = (key,)
        arrows.update(dict.fromkeys((source, key) for source in reached if source != key))
    return list(arrows)


def _picked(node: Operation, graph: Graph, sources: Mapping[int, list[int]]) -> int | None:
    """What ``np.stack(parts, axis)[…, t, …]`` picks from the stack: part t."""
    if node.primitive != "getitem":
        return None
    (stack,) = sources[node.id][:1]
    numbers = re.findall(r"(?<![\w.])-?\d+(?!\w)", re.sub(r"slice\([^)]*\)", "", node.keywords))
    parts = sources.get(stack, [])
    if graph.nodes[stack].primitive != "stack" or len(numbers) != 1:
        return None
    return parts[int(numbers[0])] if -len(parts) <= int(numbers[0]) < len(parts) else None


def _states(
    items: dict[str, Item], members: dict[str, list[Operation]], arrows: list[tuple[str, str]]
) -> tuple[dict[str, Item], list[tuple[str, str]]]:
    """Give every named value of a step an item of its own: h_t, c_t; and number the points."""
    result: dict[str, Item] = {}
    moved: dict[str, str] = {}
    extra: list[tuple[str, str]] = []
    order: dict[tuple[str, int | None, str], int] = {}
    for key, item in items.items():
        last = members[key][-1]
        if item.kind == "point" or not item.role:
            place = (strip_of(last), item.step, last.label)
            number = order[place] = order.get(place, -1) + 1
            item = replace(item, role=f"point {last.label} {number}")
        item = replace(item, strip=strip_of(last) if item.step is not None else "")
        result[key] = item
        if last.kind == "input" and last.name and item.step is None and _is_state(last, members):
            label = f"{pretty(last.name)}{subscript(-1)}"
            result[key] = Item(key, "state", (label, _shape(last)), None, f"state {last.name}",
                               f"initial state {last.name}")  # fmt: skip
        elif last.kind == "operation" and last.name and item.step is not None:
            label = f"{pretty(last.name)}{subscript(item.step)}"
            pill = Item(_state_id(last), "state", (label, _shape(last)), item.step,
                        f"state {last.name}", f"state {label}", (), item.strip)  # fmt: skip
            result[pill.id] = pill
            moved[key] = pill.id
            extra.append((key, pill.id))
    return result, extra + [(moved.get(a, a), b) for a, b in arrows]


def _with_nodes(items: dict[str, Item], members: dict[str, list[Operation]]) -> dict[str, Item]:
    """Note on each item which nodes it draws; a state's own item draws the last of its group."""
    drawn = {key: tuple(node.id for node in group) for key, group in members.items()}
    for group in members.values():
        drawn.setdefault(_state_id(group[-1]), (group[-1].id,))
    return {key: replace(item, nodes=drawn.get(key, ())) for key, item in items.items()}


def _state_id(node: Operation) -> str:
    return f"state {node.name} {node.step} {strip_of(node)}".rstrip()


def _is_state(leaf: Operation, members: dict[str, list[Operation]]) -> bool:
    """Whether an input carries the name of a state that the steps compute."""
    return any(
        node.name == leaf.name and node.step is not None
        for group in members.values()
        for node in group
    )


def _with_operands(items: dict[str, Item], arrows: list[tuple[str, str]]) -> dict[str, Item]:
    """Write into each gate's formula what it is applied to: W·[h, x] + b."""
    sources: dict[str, list[str]] = {}
    for a, b in arrows:
        sources.setdefault(b, []).append(a)

    def short(key: str) -> str:
        item = items[key]
        if item.kind in ("state", "input"):
            return (
                item.role.split()[-1] if item.kind == "state" else item.lines[0].rstrip(SUBSCRIPTS)
            )
        if item.kind == "layer":
            return item.lines[0]
        parts = [short(source) for source in sources.get(key, ())]
        return "∘".join(parts) if item.lines[0] == "×" and len(parts) == 2 else "…"

    result = {}
    for key, item in items.items():
        if item.kind == "layer" and "[ ]" in item.lines[1]:
            operands = ", ".join(short(source) for source in sources.get(key, ()))
            name, formula, *rest = item.lines
            formula = formula.replace("[ ]", f"[{operands}]")
            item = replace(item, lines=(name, formula, *rest), tooltip=f"{name} = {formula}")
        result[key] = item
    return result


def _joined(
    items: dict[str, Item], arrows: list[tuple[str, str]]
) -> tuple[dict[str, Item], list[tuple[str, str]]]:
    """Draw the concatenation [h, x] once where several gates of a step share it."""
    sources: dict[str, list[str]] = {}
    for a, b in arrows:
        sources.setdefault(b, []).append(a)
    shared: dict[tuple[str, int, tuple[str, ...]], list[str]] = {}
    for key, item in items.items():
        if item.kind == "layer" and item.step is not None and len(sources.get(key, ())) > 1:
            shared.setdefault((item.strip, item.step, tuple(sources[key])), []).append(key)
    result = dict(items)
    redirected: dict[str, str] = {}
    extra: list[tuple[str, str]] = []
    count: dict[tuple[str, int], int] = {}
    for (strip, step, operands), gates in shared.items():
        if len(gates) < 2:
            continue
        number = count[strip, step] = count.get((strip, step), -1) + 1
        join = f"join {step} {number} {strip}".rstrip()
        names = ", ".join(items[operand].lines[0] for operand in operands)
        result[join] = Item(join, "join", (f"[{names}]",), step, f"join {number}",
                            f"concatenation of {names}", (), strip)  # fmt: skip
        extra += [(operand, join) for operand in operands] + [(join, gate) for gate in gates]
        redirected |= dict.fromkeys(gates, join)
    return result, extra + [(a, b) for a, b in arrows if b not in redirected]
