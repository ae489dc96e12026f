"""Modules as boxes: collapsed below a depth, and drawn once where equal ones follow each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from minigrad.graph.record import Graph, Path, modules, shaped
from minigrad.graph.view import Arrow, Item, Key, Label, Repeat, Say
from minigrad.graph.views.items import Sketch, common, drawn_behind, leaf


def around(item: Item) -> Path:
    """The modules around an item, those of its strip too."""
    return (*modules(item.strip), *item.where)


def whole(sketch: Sketch) -> Path:
    """The modules that everything is in."""
    paths = [around(item) for item in sketch.items.values()]
    path = paths[0] if paths else ()
    for other in paths:
        path = common(path, other)
    return path


def deepest(sketch: Sketch) -> int:
    """The depth at which every module is open: one more than there are levels of them."""
    start = len(whole(sketch))
    return 1 + max((len(around(item)) - start for item in sketch.items.values()), default=0)


def dotted(path: Path) -> str:
    """A path as users write it: body.layers.0."""
    return ".".join(level.name for level in path)


def collapse(sketch: Sketch, closed: Callable[[Path], bool]) -> None:
    """Draw each outermost module that is closed as one box.

    It says its class, the shapes that come in and leave, and how many parameters it has.
    """
    outermost: dict[Path, Path | None] = {}

    def box_of(item: Item) -> Path | None:
        path = around(item)
        if path not in outermost:
            outermost[path] = next((path[:k] for k in range(1, len(path) + 1) if closed(path[:k])),
                                   None)  # fmt: skip
        return outermost[path]

    boxes: dict[Key, Key] = {}
    inside: dict[Key, list[Item]] = defaultdict(list)
    for key, item in sketch.items.items():
        path = box_of(item)
        if path is None:
            continue
        outer = len(modules(item.strip))
        if key.kind == "state" and len(path) > outer and item.nodes[-1] in sketch.carried:
            sketch.items[key] = replace(item, where=path[outer:-1])
            continue  # what the next step reads is seen
        inner = len(path) > outer and item.step is not None
        boxes[key] = (
            Key("module", path[outer:], item.step, item.strip) if inner else Key("module", path)
        )
        inside[boxes[key]].append(item)
    members = {box: _nodes(items) for box, items in inside.items()}
    makers = {number: box for box, numbers in members.items() for number in numbers}
    arrows: dict[Arrow, None] = {}
    for a, b in sketch.arrows:
        one, other = boxes.get(a, a), boxes.get(b, b)
        mine = one.kind == "state" and makers.get(sketch.items[one].nodes[-1]) == other
        if one != other and not mine:  # it need not be told that a box reads what it computed
            arrows[one, other] = None
    for key in boxes:
        del sketch.items[key]
    sketch.arrows = arrows
    graph = sketch.graph
    for box, numbers in members.items():
        sketch.items[box] = item = _module(box, numbers, graph)
        sketch.owner |= dict.fromkeys((*numbers, *item.nodes), box)
    for box in members:  # what is not drawn inside may read, too
        for edge in (edge for n in sketch.items[box].nodes for edge in graph.operands[n]):
            source = graph.nodes[edge.source]
            if source.kind in ("input", "constant") and source.id not in sketch.owner:
                given = leaf(source)  # a sequence whose steps are not drawn any more
                sketch.items[given.key] = given
                sketch.owner[source.id] = given.key
            behind = drawn_behind(sketch, edge.source)
            if box not in behind:
                states = [a for a in behind if a.kind == "state"]
                sketch.arrows |= dict.fromkeys((a, box) for a in states or behind)
    own = {number for box in members for number in sketch.items[box].nodes}
    only = {
        key for key, item in sketch.items.items()
        if item.kind == "parameter"
        and all(edge.target in own for n in item.nodes for edge in graph.readers[n])
    }  # fmt: skip
    sketch.rewire((a, b) for a, b in sketch.arrows if a not in only)


def _nodes(items: Sequence[Item]) -> list[int]:
    return sorted({number for item in items for number in item.nodes})


def _module(key: Key, numbers: Sequence[int], graph: Graph) -> Item:
    """The box of a module."""
    level = key.path[-1]
    mine = set(numbers)
    scope = (*modules(key.strip), *key.path) if key.strip else key.path
    read, given, last = set(), {}, numbers[-1]
    for node in graph.nodes:
        if modules(node.scope)[: len(scope)] != scope or node.kind != "operation":
            continue
        if key.step is not None and node.step != key.step:
            continue
        mine.add(node.id)
        for edge in graph.operands[node.id]:
            source = graph.nodes[edge.source]
            if source.kind == "parameter":
                read.add(source.id)
            elif source.requires_grad or source.kind == "input":
                given[source.id] = source.shape
    leaving = [n for n in sorted(mine) if any(e.target not in mine for e in graph.readers[n])]
    entering = [shape for number, shape in given.items() if number not in mine]
    last = leaving[-1] if leaving else last
    shapes = " ".join(filter(None, (
        ", ".join(dict.fromkeys(map(shaped, entering[:2]))), "→", shaped(graph.nodes[last].shape),
    )))  # fmt: skip
    size = sum(prod(graph.nodes[number].shape) for number in read)
    count = Say("parameters", (size,)) if size != 1 else Say("parameter")
    notes = (shapes, count) if read else (shapes,)
    where = key.path[:-1]
    kind = level.label if level.label != level.name else ""
    return Item(key, "module", Label(level.name, None, kind or None), None,
                (*sorted(mine - {last}), last), where, notes)  # fmt: skip


# Repeats


@dataclass(frozen=True)
class _Sibling:
    path: Path
    items: list[Item]
    sign: Any


def fold(sketch: Sketch) -> dict[Path, Repeat]:
    """Draw equal modules that follow each other once; how many each stands for, by its path."""
    found: dict[Path, Repeat] = {}
    while (run := _run(sketch, found)) is not None:
        first, last = run[0], run[-1]
        alike = {
            item.key: run[0].items[k].key for sibling in run[1:]
            for k, item in enumerate(sibling.items)
        }  # fmt: skip
        inner = {item.key for sibling in run for item in sibling.items}
        final = {item.key for item in last.items}
        arrows: dict[Arrow, None] = {}
        for a, b in sketch.arrows:
            if a in inner and b in inner and _of(a, run) is not _of(b, run):
                continue  # from one to the next
            if a in alike and b not in inner and a not in final:
                continue
            if a in inner and b not in inner and a not in final and a not in alike:
                continue  # what the first alone hands on, the next reads
            if b in alike and a not in inner:
                arrows[a, alike[b]] = None
                continue
            arrows[alike.get(a, a), alike.get(b, b)] = None
        for sibling in run[1:]:
            for k, item in enumerate(sibling.items):
                kept = sketch.items[first.items[k].key]
                sketch.items[kept.key] = replace(kept, nodes=(*item.nodes, *kept.nodes))
                del sketch.items[item.key]
        sketch.arrows = arrows
        ends = (_ends(sketch, first), _ends(sketch, last))
        names = tuple(sibling.path[-1].name for sibling in run)
        found[first.path] = Repeat(names, *ends)
    return found


def _of(key: Key, run: Sequence[_Sibling]) -> _Sibling | None:
    return next((s for s in run if any(item.key == key for item in s.items)), None)


def _ends(sketch: Sketch, sibling: _Sibling) -> str:
    """The shape that leaves a module."""
    return shaped(sketch.graph.nodes[max(_nodes(sibling.items))].shape)


def _run(sketch: Sketch, known: Mapping[Path, Repeat]) -> list[_Sibling] | None:
    """The longest row of equal siblings of which each reads the one before."""
    groups: dict[Path, list[Item]] = defaultdict(list)
    for item in sketch.items.values():
        if item.step is not None or item.strip:
            continue
        path = (*item.where, item.key.path[-1]) if item.kind == "module" else item.where
        for depth in range(1, len(path) + 1):
            if path[depth - 1].name:
                groups[path[:depth]].append(item)
    by_parent: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(groups, key=lambda path: min(_nodes(groups[path]), default=0)):
        by_parent[path[:-1]].append(path)
    best: list[_Sibling] = []
    for parent, paths in by_parent.items():
        if any(parent[:k] in known for k in range(1, len(parent) + 1)):
            continue
        row: list[_Sibling] = []
        for path in paths:
            sibling = _Sibling(path, groups[path], _sign(path, groups[path], sketch))
            if row and row[-1].sign == sibling.sign and _follows(sketch, row[-1], sibling):
                row.append(sibling)
            else:
                row = [sibling]
            if len(row) > max(1, len(best)) and row[0].path not in known:
                best = list(row)
    return best or None


def _sign(path: Path, items: Sequence[Item], sketch: Sketch) -> Any:
    """What is the same in two equal modules."""
    place = {item.key: k for k, item in enumerate(items)}
    looks = tuple(
        (item.kind, item.where[len(path) :], item.label.formula if item.kind != "module" else
         item.label.formula or "", item.label.name if len(item.where) >= len(path) and
         item.kind != "module" else "", item.shape, item.notes)
        for item in items
    )  # fmt: skip
    inner = tuple(
        sorted((place[a], place[b]) for a, b in sketch.arrows if a in place and b in place)
    )
    return path[-1].label, looks, inner


def _follows(sketch: Sketch, one: _Sibling, other: _Sibling) -> bool:
    """Whether the second reads the first, and else only what the first reads too."""
    first = {item.key: k for k, item in enumerate(one.items)}
    second = {item.key: k for k, item in enumerate(other.items)}
    reads = {a for a, b in sketch.arrows if b in second and a not in second}
    shared = {a for a, b in sketch.arrows if b in first and a not in first}
    return bool(reads & first.keys()) and reads <= first.keys() | shared
