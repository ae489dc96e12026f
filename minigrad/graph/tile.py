"""One step of a strip, laid out by Graphviz: the geometry that all its steps share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minigrad.graph import dot
from minigrad.graph.items import Item, View, subscript
from minigrad.graph.routes import Box, Point, Route, along, beside, moved

Run = Callable[[str, str], bytes]
"""(DOT source, format) → what Graphviz makes of it."""

_PAD = 14.0  # points between a step's frame and what is in it
_LINE = 11.0  # height of words at a line
_BLANKS = 16.0  # width of the blanks around them
_HEAD = 20.0  # points for the step's heading


@dataclass(frozen=True)
class Tile:
    """Positions from the lower left corner, by role; curves and labels by pair of roles."""

    places: Mapping[str, Box]
    curves: Mapping[tuple[str, str], Route]
    labels: Mapping[tuple[str, str], Point]
    width: float
    height: float

    def at_least(self, width: float) -> Tile:
        """The tile with room to the left and right of what is in it, if it is narrower."""
        more = max(width - self.width, 0.0) / 2

        def place(point: Point) -> Point:
            return point[0] + more, point[1]

        return Tile(
            {role: (x + more, y, w, h) for role, (x, y, w, h) in self.places.items()},
            {pair: moved(curve, place) for pair, curve in self.curves.items()},
            {pair: place(point) for pair, point in self.labels.items()},
            self.width + 2 * more,
            self.height,
        )


def tile(view: View, strip: str, run: Run) -> Tile:
    """Let dot lay out what the strip's steps have, from bottom to top, states from the left."""
    known = {item.id: item for item in view.items}
    widest = max((str(step) for step in view.steps), key=len)
    roles: dict[str, Item] = {}
    for item in view.items:
        if item.step is not None and item.strip == strip:
            shown = replace(item, id=item.role, lines=_widest(item, widest))
            roles[item.role] = max(roles.get(item.role, shown), shown, key=_width)
    inner: dict[tuple[str, str], str] = {}
    doors: dict[str, str] = {}
    entering: dict[tuple[str, str], None] = {}
    for a, b in view.arrows:
        one, other = known[a], known[b]
        if other.step is None or other.strip != strip:
            continue
        if one.step == other.step and one.strip == strip:
            label = view.labels.get((a, b), "")
            pair = one.role, other.role
            inner[pair] = max(inner.get(pair, ""), label, key=len)
        elif one.kind == "state" or one.strip == strip:
            doors.setdefault(one.role, f"door{len(doors)}")
            entering[one.role, other.role] = None
    lines = dot.header(
        view,
        rankdir="BT",
        nodesep="0.22",
        ranksep="0.6" if view.name == "gradient" else "0.42",
        newrank="true",
    )
    numbers = {role: f"n{k}" for k, role in enumerate(roles)}
    lines += [dot.node(view, replace(item, id=numbers[role])) for role, item in roles.items()]
    lines += [f"{door} [shape=point, style=invis, width=0.05]" for door in doors.values()]
    for (a, b), label in inner.items():
        weight = "8" if roles[b].kind == "state" else "1"
        text = {"label": dot.edge_label(label)} if label else {}
        lines.append(f"{numbers[a]} -> {numbers[b]} {dot.attributes(weight=weight, **text)}")
    lines += [f"{doors[a]} -> {numbers[b]}" for a, b in entering]
    inputs = [numbers[role] for role, item in roles.items() if item.kind == "input"]
    row = [*doors.values(), *inputs]  # states come in on the left, x from below
    if len(row) > 1:
        lines.append(f"{{rank=min; {' -> '.join(row)} [style=invis]}}")
    places, curves, labels = read(run("\n".join([*lines, "}"]), "json"), list(roles))
    return _framed(places, curves, _uncrossed(places, curves, labels))


def _uncrossed(
    places: Mapping[str, Box],
    curves: Mapping[tuple[str, str], Route],
    labels: Mapping[tuple[str, str], tuple[Point, float]],
) -> dict[tuple[str, str], tuple[Point, float]]:
    """The labels, none of them under another's line if there is room."""
    paths = {pair: along(route) for pair, route in curves.items()}
    found = dict(labels)
    for pair, (point, width) in labels.items():
        taken = [(*at, wide, _LINE) for other, (at, wide) in found.items() if other != pair]
        others = [p for other, path in paths.items() if other != pair for p in path]
        words = (*point, width - _BLANKS, _LINE)
        found[pair] = beside(words, paths[pair], others, [*places.values(), *taken]), width
    return found


def _framed(
    places: Mapping[str, Box],
    curves: Mapping[tuple[str, str], Route],
    labels: Mapping[tuple[str, str], tuple[Point, float]],
) -> Tile:
    xs = [x + s * w / 2 for x, _, w, _ in places.values() for s in (-1, 1)]
    ys = [y + s * h / 2 for _, y, _, h in places.values() for s in (-1, 1)]
    xs += [x for _, points in curves.values() for x, _ in points]
    xs += [x + s * w / 2 for (x, _), w in labels.values() for s in (-1, 1)]
    left, bottom = min(xs) - _PAD, min(ys) - _PAD

    def at(point: Point) -> Point:
        return point[0] - left, point[1] - bottom

    return Tile(
        {role: (*at((x, y)), w, h) for role, (x, y, w, h) in places.items()},
        {pair: (at(tip), [at(p) for p in points]) for pair, (tip, points) in curves.items()},
        {pair: at(point) for pair, (point, _) in labels.items()},
        max(xs) - left + _PAD,
        max(ys) - bottom + _PAD + _HEAD,
    )


def block(view: View, items: Sequence[Item], run: Run, *, rankdir: str) -> Tile:
    """Items outside of steps, with the arrows among them, laid out by dot."""
    numbers = {item.id: f"n{k}" for k, item in enumerate(items)}
    lines = dot.header(view, rankdir=rankdir, nodesep="0.25", ranksep="0.4")
    lines += [dot.node(view, replace(item, id=numbers[item.id])) for item in items]
    for a, b in view.arrows:
        if a in numbers and b in numbers:
            label = view.labels.get((a, b))
            text = dot.attributes(label=dot.edge_label(label)) if label else ""
            lines.append(f"{numbers[a]} -> {numbers[b]} {text}")
    return _framed(*read(run("\n".join([*lines, "}"]), "json"), list(numbers)))


def _widest(item: Item, step: str) -> tuple[str, ...]:
    """The label with the step that takes most room, so that it fits in every step."""
    mine, widest = subscript(item.step or 0), subscript(int(step))
    return (item.lines[0].replace(mine, widest), *item.lines[1:])


def _width(item: Item) -> int:
    return max(map(len, item.lines))


def read(
    answer: bytes, names: Sequence[str]
) -> tuple[
    dict[str, Box],
    dict[tuple[str, str], Route],
    dict[tuple[str, str], tuple[Point, float]],
]:
    """Boxes by name, routes by (tail, head), labels' centres and widths, from Graphviz's JSON.

    Node ``n3`` is the third of the names, counted from 0; other nodes are not read.
    """
    given: Any = json.loads(answer)
    drawn = {o["_gvid"]: o for o in given.get("objects", ()) if "pos" in o}
    called = {k: names[int(o["name"][1:])] for k, o in drawn.items() if o["name"][0] == "n"}
    boxes: dict[str, Box] = {}
    for k, name in called.items():
        width, height = (float(drawn[k][side]) * 72 for side in ("width", "height"))
        boxes[name] = (*_numbers(drawn[k]["pos"]), width, height)
    curves, labels = {}, {}
    for edge in given.get("edges", ()):
        if "pos" not in edge or not {edge["tail"], edge["head"]} <= called.keys():
            continue
        pair = called[edge["tail"]], called[edge["head"]]
        curves[pair] = _route(edge["pos"].split())
        if "lp" in edge:
            width = 5.5 * max(map(len, edge["label"].split("\\n")))
            labels[pair] = (_numbers(edge["lp"]), width)
    return boxes, curves, labels


def _numbers(pair: str) -> Point:
    x, y = pair.split(",")
    return float(x), float(y)


def _route(parts: Iterable[str]) -> Route:
    """A spline: "e,x,y" is the arrow's tip, the others are points."""
    tip, points = (0.0, 0.0), []
    for part in parts:
        if part[0] in "es":
            tip = _numbers(part[2:])
        else:
            points.append(_numbers(part))
    return tip, points
