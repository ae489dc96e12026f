"""Where things go: one step is laid out by Graphviz and tiled along time.

All steps of a recurrent network are alike, so every step gets the same geometry, and the
time that a layout takes does not grow with the number of steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from minigrad.graph import dot
from minigrad.graph.views import Item, View, subscript

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # of its centre x and y, then width and height
Run = Callable[[str, str], bytes]
"""(DOT source, format) → what Graphviz makes of it."""

_GAP = 46.0  # points between two steps
_PAD = 14.0  # points between a step's frame and what is in it
_TIP = 7.0  # length of an arrow's tip
_HEAD = 20.0  # points for the step's heading


@dataclass(frozen=True)
class _Cell:
    """One step, laid out: positions from its lower left corner, by role."""

    places: Mapping[str, Box]
    curves: Mapping[tuple[str, str], str]
    width: float
    height: float


def source(view: View, run: Run | None = None) -> str:
    """DOT text of the view: tiled if its steps are alike, else as clusters that dot lays out.

    Args:
        view: what to draw.
        run: Graphviz; without it, clusters are written and nothing is laid out.
    """
    cells = _cells(view)
    if run is None or not _alike(view, cells):
        return _clustered(view)
    return _tiled(view, cells, _laid_out(view, cells[view.steps[-1]], run))


def _cells(view: View) -> dict[int, list[Item]]:
    cells: dict[int, list[Item]] = {step: [] for step in view.steps}
    for item in view.items:
        if item.step is not None:
            cells[item.step].append(item)
    return cells


def _signature(view: View, items: list[Item]) -> tuple[Any, ...]:
    """What must be equal for two steps to have the same geometry."""
    roles = {item.id: item.role for item in view.items}
    inside = {item.id for item in items}
    looks = sorted(
        (item.role, item.kind, item.lines[0 if item.kind == "point" else 1 :]) for item in items
    )
    arrows = sorted((roles[a], roles[b], a in inside) for a, b in view.arrows if b in inside)
    return tuple(looks), tuple(arrows)


def _alike(view: View, cells: Mapping[int, list[Item]]) -> bool:
    if not cells:
        return False
    alike = len({_signature(view, items) for items in cells.values()}) == 1
    loose = [i for i in view.items if i.step is None and i.kind != "state"]
    roles = [item.role for item in cells[view.steps[0]]]
    return alike and not loose and len(set(roles)) == len(roles)


def _incoming(view: View, items: list[Item]) -> list[tuple[str, str]]:
    """Arrows into these items from elsewhere."""
    inside = {item.id for item in items}
    return [(a, b) for a, b in view.arrows if b in inside and a not in inside]


def _laid_out(view: View, items: list[Item], run: Run) -> _Cell:
    """Let dot lay out one step, from bottom to top, states coming in from the left."""
    inside = {item.id: item for item in items}
    widest = max((str(step) for step in view.steps), key=len)
    known = {item.id: item for item in view.items}
    doors = {known[a].role: f"door {known[a].role}" for a, _ in _incoming(view, items)}
    lines = dot.header(view, rankdir="BT", nodesep="0.22", ranksep="0.42", newrank="true")
    for item in items:
        shown = replace(item, lines=(_widest(item, widest), *item.lines[1:]))
        lines.append(dot.node(view, shown))
    first = [item for item in items if item.kind in ("input", "join")]
    for door in doors.values():
        lines.append(f"{dot.quoted(door)} [shape=point, style=invis, width=0.05]")
    for a, b in view.arrows:
        if b not in inside:
            continue
        if a in inside:
            straight = "8" if inside[b].kind == "state" else "1"
            lines.append(f"{dot.quoted(a)} -> {dot.quoted(b)} [weight={straight}]")
        else:
            lines.append(f"{dot.quoted(doors[known[a].role])} -> {dot.quoted(b)}")
    inputs = [item.id for item in first if item.kind == "input"]
    row = [*doors.values(), *inputs]  # states come in on the left, x from below
    if len(row) > 1:
        chain = " -> ".join(map(dot.quoted, row))
        lines.append(f"{{rank=min; {chain} [style=invis]}}")
    answer = json.loads(run("\n".join([*lines, "}"]), "json"))
    return _read(answer, inside, set(doors.values()))


def _widest(item: Item, step: str) -> str:
    """The label with the step that takes most room, so that it fits in every cell."""
    mine = subscript(item.step or 0)
    return item.lines[0].replace(mine, subscript(int(step))) if item.lines[0] else ""


def _read(answer: Any, inside: Mapping[str, Item], doors: set[str]) -> _Cell:
    objects = {o["_gvid"]: o for o in answer["objects"] if "pos" in o}
    boxes: dict[str, Box] = {}
    for o in objects.values():
        if o["name"] in inside:
            x, y = map(float, o["pos"].split(","))
            boxes[o["name"]] = (x, y, float(o["width"]) * 72, float(o["height"]) * 72)
    curves: dict[tuple[str, str], list[tuple[str, Point]]] = {}
    for edge in answer.get("edges", ()):
        a, b = (objects[edge[end]]["name"] for end in ("tail", "head"))
        if a in inside and b in inside and "pos" in edge:
            curves[inside[a].role, inside[b].role] = _points(edge["pos"])
    xs = [x + s * w / 2 for x, _, w, _ in boxes.values() for s in (-1, 1)]
    ys = [y + s * h / 2 for _, y, _, h in boxes.values() for s in (-1, 1)]
    xs += [p[0] for points in curves.values() for _, p in points]
    left, bottom = min(xs) - _PAD, min(ys) - _PAD
    return _Cell(
        {inside[n].role: (x - left, y - bottom, w, h) for n, (x, y, w, h) in boxes.items()},
        {
            key: " ".join(f"{mark}{x - left:.2f};{y - bottom:.2f}" for mark, (x, y) in points)
            for key, points in curves.items()
        },
        max(xs) - left + _PAD,
        max(ys) - bottom + _PAD + _HEAD,
    )


def _points(pos: str) -> list[tuple[str, Point]]:
    """A spline's points: "e,x,y" for the arrow's tip, then "x,y"."""
    points = []
    for part in pos.split():
        mark, numbers = (part[:2], part[2:]) if part[0] in "es" else ("", part)
        x, y = map(float, numbers.split(","))
        points.append((mark, (x, y)))
    return points


def _shifted(curve: str, dx: float) -> str:
    moved = []
    for part in curve.split():
        mark, numbers = (part[:2], part[2:]) if part[0] in "es" else ("", part)
        x, y = numbers.split(";")
        moved.append(f"{mark}{float(x) + dx:.2f},{y}")
    return " ".join(moved)


def _tiled(view: View, cells: Mapping[int, list[Item]], cell: _Cell) -> str:
    pitch = cell.width + _GAP
    known = {item.id: item for item in view.items}
    gap_at = _gap_at(view)
    shift, starts = 0.0, {}
    for number, step in enumerate(view.steps):
        shift += _GAP * 5 if number == gap_at else 0.0
        starts[step] = shift + number * pitch
    lines = dot.header(
        view, layout="nop2", splines="true", label=dot.quoted(view.title), labelloc="t"
    )
    boxes: dict[str, Box] = {}
    for step, items in cells.items():
        dx = starts[step]
        frame = f"{dx:.2f},0,{dx + cell.width:.2f},{cell.height:.2f}"
        lines += [
            f"subgraph {dot.quoted(f'cluster_{step}')} {{",
            f'bb="{frame}"; lp="{dx + 34:.2f},{cell.height - 12:.2f}"; lheight=0.2; lwidth=0.6',
            f'label={dot.quoted(f"t = {step}")}; style="rounded,filled"; '
            f'color="#9a9a9a"; fillcolor="#fafafa"',
            f"id={dot.quoted(dot.identity(view, f'step {step}'))}",
        ]
        for item in items:
            x, y, w, h = cell.places[item.role]
            boxes[item.id] = (x + dx, y, w, h)
            lines.append(dot.node(view, item, **_placed(*boxes[item.id])))
        lines.append("}")
    for item in view.items:
        if item.step is None:  # a state that comes in stands where the step before would have it
            entered = next(known[b].step for a, b in view.arrows if a == item.id)
            assert entered is not None
            _, y, w, h = cell.places[item.role]
            boxes[item.id] = (starts[entered] - _GAP - w / 2 - 6, y, w, h)
            lines.append(dot.node(view, item, **_placed(*boxes[item.id])))
    for a, b in view.arrows:
        one, other = known[a], known[b]
        curve = cell.curves.get((one.role, other.role)) if one.step == other.step else None
        if curve is not None and one.step is not None:
            pos = _shifted(curve, starts[one.step])
        else:
            pos = _belt(a, b, boxes, _frame(a, one, starts, cell, boxes),
                        _frame(b, other, starts, cell, boxes))  # fmt: skip
        lines.append(
            f"{dot.quoted(a)} -> {dot.quoted(b)} "
            f"[pos={dot.quoted(pos)}, id={dot.quoted(dot.identity(view, f'{a}>{b}'))}]"
        )
    if gap_at is not None:
        lines += _ellipsis(view, cells, cell, starts, boxes, gap_at)
    return "\n".join([*lines, "}"]) + "\n"


def _gap_at(view: View) -> int | None:
    """Before which of the drawn steps some are left out."""
    if not view.skipped:
        return None
    return next(k for k in range(1, len(view.steps)) if view.steps[k] != view.steps[k - 1] + 1)


def _ellipsis(
    view: View,
    cells: Mapping[int, list[Item]],
    cell: _Cell,
    starts: Mapping[int, float],
    boxes: Mapping[str, Box],
    gap_at: int,
) -> list[str]:
    """The steps that are left out: how many, between the states that go in and come out."""
    before, after = view.steps[gap_at - 1], view.steps[gap_at]
    x = (starts[before] + cell.width + starts[after] - 2 * _GAP - 40) / 2
    steps = "step" if view.skipped == 1 else "steps"
    item = Item("ellipsis", "ellipsis", ("⋯", f"{view.skipped} more", steps), None, "ellipsis",
                f"{view.skipped} more steps, all alike")  # fmt: skip
    box = (x, cell.height / 2, 74.0, 60.0)
    around, at = {**boxes, "ellipsis": box}, (x - box[2] / 2, x + box[2] / 2)
    lines = [dot.node(view, item, **_placed(*box))]
    going = {i.id for i in cells[before] if i.kind == "state"}
    coming = {i.id for i in view.items if i.step is None and i.id not in _firsts(view)}
    for name in boxes:
        if name in going:
            frame = (starts[before], starts[before] + cell.width)
            pos = _belt(name, "ellipsis", around, frame, at)
            lines.append(f"{dot.quoted(name)} -> ellipsis [pos={dot.quoted(pos)}]")
        elif name in coming:
            left = boxes[name][0] - boxes[name][2] / 2
            pos = _belt("ellipsis", name, around, at, (left, left))
            lines.append(f"ellipsis -> {dot.quoted(name)} [pos={dot.quoted(pos)}]")
    return lines


def _firsts(view: View) -> set[str]:
    """The states that the first step starts from."""
    steps = {item.id: item.step for item in view.items}
    return {a for a, b in view.arrows if steps[a] is None and steps[b] == view.steps[0]}


def _placed(x: float, y: float, width: float, height: float) -> dict[str, str]:
    return {
        "pos": f'"{x:.2f},{y:.2f}"',
        "width": f"{width / 72:.4f}",
        "height": f"{height / 72:.4f}",
        "fixedsize": "true",
    }


def _frame(
    name: str, item: Item, starts: Mapping[int, float], cell: _Cell, boxes: Mapping[str, Box]
) -> tuple[float, float]:
    """Left and right side of the frame that an item stands in; its own without a step."""
    if item.step is None:
        x, _, width, _ = boxes[name]
        return x - width / 2, x + width / 2
    return starts[item.step], starts[item.step] + cell.width


def _belt(
    one: str,
    other: str,
    boxes: Mapping[str, Box],
    leaves: tuple[float, float],
    enters: tuple[float, float],
) -> str:
    """A line from the right side of one item to the left side of another, in a later step.

    It runs level inside the frames, where no item stands in its way, and bends between them.
    """
    x0, y0 = boxes[one][0] + boxes[one][2] / 2, boxes[one][1]
    x, y3, width, height = boxes[other]
    x3 = x - width / 2 - _TIP
    right, left = max(leaves[1], x0), min(enters[0], x3)
    others = [box for name, box in boxes.items() if name not in (one, other)]
    y1, y2 = _lane(y0, x0, right, others), _lane(y3, left, x3, others)
    path: list[Point] = [(x0, y0)]
    if y1 != y0:
        _curve(path, (min(x0 + 28, right), y1))
    _curve(path, (right, y1))
    _curve(path, (left, y2))
    if y2 == y3:
        _curve(path, (x3, y3))
        tip = (x3 + _TIP, y3)
    else:  # something stands on its left: come in from below, or from above
        side = 1 if y2 > y3 else -1
        x = x if abs(width - height) < 1 else x - width / 4
        tip = (x, y3 + side * height / 2)
        end = (x, tip[1] + side * _TIP)
        corner = (max(x - 20, left), y2)
        _curve(path, corner)
        path += [((corner[0] + x) / 2, y2), (x, y2), end]
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in path)
    return f"e,{tip[0]:.2f},{tip[1]:.2f} {points}"


def _curve(path: list[Point], to: Point) -> None:
    """Go on to a point, level at both ends."""
    x, y = path[-1]
    if (x, y) != to:
        middle = (x + to[0]) / 2
        path += [(middle, y), (middle, to[1]), to]


def _lane(y: float, left: float, right: float, boxes: list[Box]) -> float:
    """The height nearest to ``y`` at which no box stands between two verticals."""
    margin = 13.0
    blocked = [
        (b[1] - b[3] / 2 - margin, b[1] + b[3] / 2 + margin)
        for b in boxes
        if b[0] + b[2] / 2 > left and b[0] - b[2] / 2 < right
    ]
    candidates = sorted([y, *(edge for pair in blocked for edge in pair)], key=lambda c: abs(c - y))
    return next((c for c in candidates if not any(low < c < high for low, high in blocked)), y)


def _clustered(view: View) -> str:
    """The view as dot shall lay it out: a cluster for each step, time from left to right."""
    lines = dot.header(
        view, rankdir="LR" if view.steps else "BT", label=dot.quoted(view.title), labelloc="t",
        nodesep="0.25", ranksep="0.4",
    )  # fmt: skip
    for step, items in _cells(view).items():
        lines += [
            f"subgraph {dot.quoted(f'cluster_{step}')} {{",
            f'label={dot.quoted(f"t = {step}")}; style="rounded,filled"; '
            'color="#9a9a9a"; fillcolor="#fafafa"',
            *(dot.node(view, item) for item in items),
            "}",
        ]
    lines += [dot.node(view, item) for item in view.items if item.step is None]
    lines += [f"{dot.quoted(a)} -> {dot.quoted(b)}" for a, b in view.arrows]
    return "\n".join([*lines, "}"]) + "\n"
