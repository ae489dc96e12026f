"""The tape as it was recorded: every primitive, nothing folded away."""

from __future__ import annotations

from collections import defaultdict

from minigrad.graph import strips
from minigrad.graph.items import Item, View, strip_of, subscript
from minigrad.graph.model import Graph
from minigrad.notation import pretty


def tape(graph: Graph, *, title: str | None = None) -> View:
    """Every node of the recorded graph, with its primitive and shape.

    Args:
        graph: from `trace` or `trace_target`.
        title: heading of the picture; the graph's title if not given.
    """
    items: dict[str, Item] = {}
    count: dict[tuple[str, int | None, str], int] = defaultdict(int)
    states = {
        node.name for node in graph.nodes if node.kind == "operation" and node.step is not None
    }
    for node in graph.nodes:
        shape = "(" + ", ".join(map(str, node.shape)) + ")"
        strip = strip_of(node)
        gate = next((name for kind, name, _ in node.scope if kind == "gate"), "")
        place = (strip, node.step, f"{node.label} {gate}")
        role = f"tape {node.label} {gate} {count[place]}"
        count[place] += 1
        key = f"node {node.id}"
        where = " › ".join(f"{kind} {name}" for kind, name, _ in node.scope)
        said = f"{node.primitive or node.kind} {node.keywords} {where}".strip()
        step = "" if node.step is None else subscript(node.step)
        if node.kind == "operation" and node.name and node.step is not None:
            lines = (f"{pretty(node.name)}{step} = {node.label}", shape)
            items[key] = Item(key, "state", lines, node.step, f"state {node.name}", said,
                              (node.id,), strip)  # fmt: skip
        elif node.kind == "operation":
            name = f"{node.name} = {node.label}" if node.name else node.label
            items[key] = Item(key, "operation", (name, shape), node.step, role, said, (node.id,),
                              strip)  # fmt: skip
        elif node.name and node.name in states:
            items[key] = Item(key, "state", (f"{pretty(node.name)}{subscript(-1)}", shape), None,
                              f"state {node.name}", said, (node.id,))  # fmt: skip
        else:
            inside = node.step if node.kind == "input" else None
            lines = (f"{node.label} {gate}".strip(), shape)
            place_of = f"leaf {node.id}" if inside is None else role
            items[key] = Item(key, "input", lines, inside, place_of, said, (node.id,),
                              "" if inside is None else strip)  # fmt: skip
    arrows = list(dict.fromkeys((f"node {e.source}", f"node {e.target}") for e in graph.edges))
    items, arrows = strips.arranged(items, arrows)
    steps = sorted({item.step for item in items.values() if item.step is not None})
    return View(title or graph.title, tuple(items.values()), tuple(arrows), tuple(steps),
                name="tape")  # fmt: skip
