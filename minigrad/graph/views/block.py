"""The figure that papers print: blocks with their residual lines, attention as one box."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from minigrad import nn
from minigrad.graph.record import BOOKKEEPING, Graph, Level, Path, modules
from minigrad.graph.terms import Term
from minigrad.graph.view import Arrow, Item, Key, Label, Say, View, view
from minigrad.graph.views import steps
from minigrad.graph.views.attention import taker
from minigrad.graph.views.items import Sketch, sketch
from minigrad.graph.views.nesting import around, collapse, fold, whole
from minigrad.graph.views.unrolled import as_view

Roles = Mapping[int, frozenset[str]]


@view("block", "blocks, residual lines and attention, as papers print a model")
def block(graph: Graph, *, all_steps: bool = False, title: str | None = None) -> View:
    """Nested blocks: a module with residual lines is open, and each part of it is one box.

    A recurrent layer is one box, and so is attention; the arrows into it say whether they bring
    queries, keys or values, and masks are named in the box.

    Args:
        graph: from `trace` or `trace_target`.
        all_steps: draw every step of a loop, also when there are more than 8.
        title: heading of the picture; the graph's title if not given.
    """
    made = sketch(graph)
    opened = _open(made)
    start = len(whole(made))
    collapse(made, lambda path: len(path) > start and path not in opened)
    roles = attention_roles(graph)
    masked = _without_masks(made)
    repeats = fold(made)
    steps.arranged(made)
    steps.joined(made)
    for key, item in list(made.items.items()):
        made.items[key] = _plain(item, masked=key in masked)
    shown = as_view(made, title or graph.title, all_steps=all_steps, name="block")
    return replace(shown, repeats=repeats, labels={**shown.labels, **_labels(shown, graph, roles)})


def _open(made: Sketch) -> set[Path]:
    """Modules with a residual line, and all around them."""
    found: set[Path] = set()
    graph = made.graph
    for item in made.items.values():
        if item.kind not in ("operation", "point") or item.step is not None:
            continue
        node = graph.nodes[item.nodes[-1]]
        if node.primitive == "add" and len(list(_computed(graph, node.id))) == 2:
            path = around(item)
            found.update(path[:k] for k in range(1, len(path) + 1))
    start = len(whole(made)) + 1
    attends = {modules(node.scope)[:start] for node in graph.nodes
               if node.primitive == "softmax" and taker(graph, node)}  # fmt: skip
    inside: dict[Path, list[Item]] = defaultdict(list)
    for item in made.items.values():
        inside[around(item)[:start]].append(item)
    for path, items in inside.items():  # the outermost, if it is no layer or attention itself
        layers = sum(item.kind == "layer" and item.step is None for item in items)
        if len(path) == start and layers > 1 and path not in attends:
            found.add(path)
        if any(item.step is not None and not _is_library(item) for item in items):
            found.add(path)
    return found


def _computed(graph: Graph, number: int) -> Iterator[int]:
    """The operands of a node that were computed, or given, and are no parameters."""
    for edge in graph.operands[number]:
        at = edge.source
        while graph.nodes[at].primitive in BOOKKEEPING:
            at = graph.operands[at][0].source
        if graph.nodes[at].kind in ("operation", "input"):
            yield at


def _is_library(item: Item) -> bool:
    """Whether a step is of a recurrent layer, and not of a loop of the user's own."""
    inner = [level for level in item.strip if level.kind == "module"]
    return bool(inner) and issubclass(getattr(nn, inner[-1].label, object), nn.Recurrent)


def attention_roles(graph: Graph) -> Roles:
    """For each node whether queries, keys or values of attention are made of it."""
    found: dict[int, set[str]] = defaultdict(set)
    for node in graph.nodes:
        if node.primitive != "softmax":
            continue
        scores = _behind(graph, node.id)
        taken = taker(graph, node)
        if (
            scores is None
            or taken is None
            or any(graph.nodes[edge.source].kind == "parameter" for edge in graph.operands[scores])
        ):
            continue  # additive attention, say, whose scores are no product of two values
        ends = {"Q": graph.operands[scores][0].source, "K": graph.operands[scores][1].source,
                "V": taken.values}  # fmt: skip
        for role, number in ends.items():
            stack, inside = [number], modules(node.scope)
            while stack:
                at = stack.pop()
                if role in found[at]:
                    continue
                found[at].add(role)
                if modules(graph.nodes[at].scope)[: len(inside)] == inside:
                    stack += [edge.source for edge in graph.operands[at]]
    return {number: frozenset(roles) for number, roles in found.items()}


def _behind(graph: Graph, number: int) -> int | None:
    """The product of queries and keys behind a softmax, seen through scale and mask."""
    for _ in range(6):
        node = graph.nodes[number]
        if node.primitive == "matmul":
            return number
        operands = [
            edge.source for edge in graph.operands[number]
            if graph.nodes[edge.source].kind == "operation"
            and len(graph.nodes[edge.source].shape) >= 2
        ]  # fmt: skip
        if not operands or node.primitive not in (
            "softmax", "divide", "multiply", "where", "add", *BOOKKEEPING
        ):  # fmt: skip
            return None
        number = operands[0]
    return None


def _without_masks(made: Sketch) -> set[Key]:
    """Leave masks of attention and of dropout out; the boxes that read the first say so."""
    masks = {
        key for key, item in made.items.items()
        if item.kind == "constant" and item.nodes
        and str(getattr(made.graph.nodes[item.nodes[-1]].value, "dtype", "")) == "bool"
    }  # fmt: skip
    made.rewire((a, b) for a, b in made.arrows
                if made.items[a].kind != "constant" or not _is_dropout(b))  # fmt: skip
    readers = {b for a, b in made.arrows if a in masks and b.kind == "module"}
    gone = {a for a, b in made.arrows if a in masks and b in readers}
    made.rewire((a, b) for a, b in made.arrows if not (a in gone and b in readers))
    return readers


def _is_dropout(key: Key) -> bool:
    level = key.path[-1] if key.path else None
    return isinstance(level, Level) and level.label.startswith("Dropout")


def _plain(item: Item, *, masked: bool) -> Item:
    """An item without its details: a layer by its class."""
    if item.kind == "layer" and item.key.path[-1].kind == "module":
        label = Label(_words(item.key.path[-1].label))
        return replace(item, label=label, shape=None, notes=())
    if item.kind == "module":
        level = item.key.path[-1]
        notes = (Say("masked"),) if masked else ()
        return replace(item, label=Label(_words(level.label or level.name)), notes=notes)
    shown = item.kind in ("input", "constant", "parameter", "state")
    return replace(item, shape=None, label=item.label if shown else _short(item.label))


def _short(label: Label) -> Label:
    return label._replace(name="") if label.formula is not None else label


def _words(name: str) -> str:
    """A class's name; one of `minigrad.nn` as words: Multihead attention."""
    if not hasattr(nn, name):
        return name
    parts = re.findall(r"[A-Z]*[a-z]?LU\d?|[A-Z]+(?![a-z])|[A-Z][a-z]*\d*d?|[a-z]+|\d+", name)
    said = " ".join(parts) or name
    return said[:1] + re.sub(r"\b[A-Z](?=[a-z]+(?![a-zA-Z]))", lambda m: m[0].lower(), said[1:])


def _labels(shown: View, graph: Graph, roles: Roles) -> dict[Arrow, Term | Say | str]:
    """What arrows bring to attention: queries, keys, values."""
    found: dict[Arrow, Term | Say | str] = {}
    softmaxes = {node.id for node in graph.nodes if node.primitive == "softmax"}
    for a, b in shown.arrows:
        box, source = shown.by_key[b], shown.by_key[a]
        if box.kind != "module" or not softmaxes & set(box.nodes) or not source.nodes:
            continue
        mine = set(box.nodes)
        reached: set[str] = set()
        for number in source.nodes:
            for edge in graph.readers[number]:
                reached |= _forward(edge.target, graph, mine, roles)
        if reached:
            found[a, b] = ", ".join(role for role in "QKV" if role in reached)
    return found


def _forward(number: int, graph: Graph, inside: set[int], roles: Roles) -> set[str]:
    """The roles of what is made of a value just inside a box."""
    found: set[str] = set()
    stack, seen = [number], set()
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        seen.add(at)
        if at in inside:
            found |= roles.get(at, frozenset())
        elif graph.nodes[at].primitive in BOOKKEEPING:
            stack += [edge.target for edge in graph.readers[at]]
    return found
