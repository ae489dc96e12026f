"""Never a wrong picture: what must hold of every scene before it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from minigrad.graph.drawing.scene import Scene, Shape, Wire, parts_at
from minigrad.graph.drawing.wires import Box, Point
from minigrad.graph.record import BOOKKEEPING, Graph, Path, modules
from minigrad.graph.view import Key, Repeat, View, WrongPictureError

_BETWEEN = ("state", "join", "ellipsis")  # kinds of items that only hand values on
_THROUGH = ("join", "ellipsis")  # of these, the ones that hand on all that they get
_SLACK = 1.0  # points that may be lost in rounding


def checked(scene: Scene) -> Scene:
    """The scene, if it is right.

    Raises:
        WrongPictureError: an arrow of the view has no wire, a wire does not start or end where
            its arrow does, runs under a box, or lies on the wire of another value.
    """
    _refuse(scene.view, faults(scene))
    return scene


def complete(view: View, graph: Graph) -> View:
    """The view, if every recorded edge between things that it shows has arrows.

    Raises:
        WrongPictureError: one has none.
    """
    _refuse(view, missing(view, graph))
    return view


def _refuse(view: View, found: Iterator[str]) -> None:
    fault = next(found, None)
    if fault is not None:
        raise WrongPictureError(
            f"{view.name}: {view.title} cannot be drawn truly in this view: {fault}"
        )


def missing(view: View, graph: Graph) -> Iterator[str]:
    """Recorded edges between things of the view that no arrows lead along, in words."""
    drawn: dict[int, set[Key]] = defaultdict(set)
    lanes: dict[int, set[Key]] = defaultdict(set)  # what stands for a value for one strip only
    for item in view.items:
        only = item.step is None and item.strip and item.kind in ("state", "ellipsis")
        for number in item.nodes:
            (lanes if only else drawn)[number].add(item.key)
    sources: dict[Key, list[Key]] = defaultdict(list)
    for a, b in view.arrows:
        sources[b].append(a)
    for item in view.items:
        if item.kind in _BETWEEN or item.key.kind == "port":
            continue
        behind = _behind(item.key, sources, view)
        for number in item.nodes:
            for source in _reads(graph, number, drawn, lanes):
                found = drawn[source] | {key for key in lanes[source] if key.strip == item.strip}
                if found & behind or item.key in found or _next(view, graph, source, number):
                    continue
                if found:
                    node, reader = graph.nodes[source], graph.nodes[number]
                    yield f"no arrow from {node.name or node.label} to {reader.label}"


def _next(view: View, graph: Graph, source: int, number: int) -> bool:
    """Whether an edge leads from one of several equal modules to the next: one stands for all."""
    one, other = (modules(graph.nodes[n].scope) for n in (source, number))
    return any(
        one[: len(path) - 1] == other[: len(path) - 1] == path[:-1]
        and one[: len(path)] != other[: len(path)]
        and all(_is_copy(where, path, repeat) for where in (one, other))
        for path, repeat in view.repeats.items()
    )


def _is_copy(where: Path, path: Path, repeat: Repeat) -> bool:
    """Whether a node stands in one of the modules that the one at a path stands for."""
    return len(where) >= len(path) and where[len(path) - 1].name in repeat.names


def _reads(graph: Graph, number: int, *drawn: Mapping[int, set[Key]]) -> Iterator[int]:
    """The values that a node reads, seen through what only moves entries and is not drawn."""
    operands = [edge.source for edge in graph.operands[number]]
    if (part := graph.nodes[number].part) is not None and not drawn[0][operands[0]]:
        operands = [graph.operands[operands[0]][part].source, *operands[1:]]
    for source in operands:
        if any(shown[source] for shown in drawn):
            yield source
        elif graph.nodes[source].primitive in BOOKKEEPING:
            yield from _reads(graph, source, *drawn)


def _behind(key: Key, sources: Mapping[Key, Sequence[Key]], view: View) -> set[Key]:
    """What an item reads, directly or through what only hands values on."""
    found: set[Key] = set()
    stack = [key]
    while stack:
        for a in sources[stack.pop()]:
            if a not in found:
                found.add(a)
                if view.by_key[a].kind in _THROUGH or a.kind == "port":
                    stack.append(a)
    return found


def faults(scene: Scene) -> Iterator[str]:
    """What is wrong with a scene, in words."""
    boxes = {shape.key: shape.box for shape in scene.shapes if shape.key is not None}
    drawn = {(wire.source, wire.target) for wire in scene.wires}
    for item in scene.view.items:
        if item.key not in boxes:
            yield f"{item.label.name or item.kind} is not drawn"
            return
    for a, b in scene.view.arrows:
        if (a, b) not in drawn:
            yield f"an arrow into {b.kind} {b.path} has no wire"
    onward = -1 if scene.view.name == "gradient" else 1
    for wire in scene.wires:
        if wire.source is None or wire.target is None or wire.curved:
            continue
        if wire.head != onward:
            yield "an arrow points against the way of its data"
        for end, key in ((wire.path[0], wire.source), (wire.path[-1], wire.target)):
            if not _touches(end, boxes[key]):
                yield f"the wire from {wire.source.kind} to {wire.target.kind} ends loose"
        if len(wire.path) < 2:
            yield "a wire has no length"
    grid = _places(scene)
    yield from _under_boxes(scene, grid)
    yield from _shared(scene.wires)
    for at in scene.dots:
        if not parts_at(scene, at):
            yield "there is a fork where no wire parts"
        for cell in _cells((*at, 0.0, 0.0)):
            if any(_inside(at, shape.box, 0.5) for shape in grid.get(cell, ())):
                yield "a fork lies under a box"


def _touches(end: Point, box: Box) -> bool:
    """Whether a point is on the border of a box."""
    x, y, w, h = box
    dx, dy = abs(end[0] - x), abs(end[1] - y)
    within = dx <= w / 2 + _SLACK and dy <= h / 2 + _SLACK
    return within and (dx >= w / 2 * 0.5 or dy >= h / 2 * 0.5)


def _inside(at: Point, box: Box, margin: float) -> bool:
    x, y, w, h = box
    return abs(at[0] - x) < w / 2 - margin and abs(at[1] - y) < h / 2 - margin


_Grid = Mapping[tuple[int, int], Sequence[Shape]]


def _places(scene: Scene) -> _Grid:
    """The items' boxes by where they are, so that only those near by need to be looked at."""
    grid: dict[tuple[int, int], list[Shape]] = defaultdict(list)
    for shape in scene.shapes:
        if shape.key is not None:
            for cell in _cells(shape.box):
                grid[cell].append(shape)
    return grid


def _under_boxes(scene: Scene, grid: _Grid) -> Iterator[str]:
    """Wires that run under a box which is at neither of their ends."""
    for wire in scene.wires:
        if wire.curved:
            continue
        for a, b in zip(wire.path, wire.path[1:], strict=False):
            low = min(a[0], b[0]), min(a[1], b[1])
            high = max(a[0], b[0]), max(a[1], b[1])
            span = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2,
                    high[0] - low[0], high[1] - low[1])  # fmt: skip
            near = {id(s): s for cell in _cells(span) for s in grid.get(cell, ())}
            for shape in near.values():
                x, y, w, h = shape.box
                if (
                    low[0] < x + w / 2 - _SLACK and high[0] > x - w / 2 + _SLACK
                    and low[1] < y + h / 2 - _SLACK and high[1] > y - h / 2 + _SLACK
                ):  # fmt: skip
                    if shape.form == "circle" and shape.key in (wire.source, wire.target):
                        continue  # it ends on the rim, inside the square around it
                    yield f"a wire runs under {' '.join(shape.lines) or 'a box'}"


def _cells(box: Box, size: float = 120.0) -> Iterator[tuple[int, int]]:
    x, y, w, h = box
    for i in range(int((x - w / 2) // size), int((x + w / 2) // size) + 1):
        for j in range(int((y - h / 2) // size), int((y + h / 2) // size) + 1):
            yield i, j


def _shared(wires: Sequence[Wire]) -> Iterator[str]:
    """Pieces of wires of two values that lie on each other.

    Values that meet in one bundle share its wire: that is what a bundle means.
    """
    lines: dict[tuple[bool, int], list[tuple[float, float, Wire]]] = defaultdict(list)
    for wire in wires:
        if wire.curved or wire.source is None or wire.target is None:
            continue
        for a, b in zip(wire.path, wire.path[1:], strict=False):
            upright = abs(a[0] - b[0]) < 0.05
            line, low, high = (a[0], *sorted((a[1], b[1]))) if upright else (
                a[1], *sorted((a[0], b[0])))  # fmt: skip
            if high - low > 2 * _SLACK:
                lines[upright, round(line)].append((low + _SLACK, high - _SLACK, wire))
    for pieces in lines.values():
        active: list[tuple[float, Wire]] = []
        for low, high, wire in sorted(pieces, key=lambda piece: piece[0]):
            active = [(end, other) for end, other in active if end > low]
            if not all(_is_same_value(wire, other) for _, other in active):
                yield "two values share a wire"
                return
            active.append((high, wire))


def _is_same_value(one: Wire, other: Wire) -> bool:
    bundled = one.target == other.target and one.target is not None
    return one.source == other.source or (bundled and one.target.kind == "bundle")  # type: ignore[union-attr]
