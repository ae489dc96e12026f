"""Where things are on the page: the picture's own layout, one entry for all steps that are alike.

A long sequence is laid out as its elided picture is, and the steps that this leaves out get the
geometry of the second, shifted: what is laid out does not grow with the number of steps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minigrad.graph import dot, layout
from minigrad.graph.items import Item, View
from minigrad.graph.model import Graph
from minigrad.graph.tile import Run
from minigrad.graph.views import unrolled

Box = tuple[float, float, float, float]  # centre x, centre y (downwards), width, height
Curve = tuple[float, ...]  # x, y, x, y, …: Bézier points, then the arrow's tip
_PAD = 14.0  # points between a step's side and what is in it, where the layout has no frame


@dataclass(frozen=True)
class Geometry:
    """A view and where its parts are, in points, y downwards.

    Attributes:
        view: what is drawn.
        boxes: by item id.
        frames: left, top, right and bottom by step.
        curves: by arrow, from source to target.
    """

    view: View
    boxes: Mapping[str, Box]
    frames: Mapping[int, Box]
    curves: Mapping[tuple[str, str], Curve]


def geometry(graph: Graph, run: Run) -> Geometry:
    """Lay out the graph with every step, if the steps in the middle are alike.

    If they are not, the elided view comes back: ``view.skipped`` says how many are left out.
    """
    short = unrolled(graph)
    found = _read(short, run)
    if not short.skipped:
        return found
    whole = unrolled(graph, all_steps=True)
    return _continued(whole, found) or found


def _read(view: View, run: Run) -> Geometry:
    """What Graphviz makes of the view's own layout."""
    answer = json.loads(run(layout.source(view, run), "json"))
    _, _, _, top = map(float, answer["bb"].split(","))
    objects = answer.get("objects", ())
    by_mark = {thing["id"]: thing for thing in objects if "id" in thing}
    boxes, names = {}, {}
    for item in view.items:
        thing = by_mark[dot.identity(view, item.id)]
        x, y = map(float, thing["pos"].split(","))
        boxes[item.id] = (x, top - y, float(thing["width"]) * 72, float(thing["height"]) * 72)
        names[thing["_gvid"]] = item.id
    frames = {step: _around(view, boxes, step) for step in view.steps}
    steps = {item.id: item.step for item in view.items}
    for thing in objects:
        inside = {steps[names[k]] for k in thing.get("nodes", ()) if k in names}
        if "bb" in thing and len(inside) == 1 and (step := inside.pop()) is not None:
            left, bottom, right, high = map(float, thing["bb"].split(","))
            frames[step] = _union([frames[step], (left, top - high, right, top - bottom)])
    curves = {}
    for edge in answer.get("edges", ()):
        if edge["tail"] in names and edge["head"] in names and "pos" in edge:
            ends = names[edge["tail"]], names[edge["head"]]
            curves[ends] = _points(edge["pos"], top)
    return Geometry(view, boxes, frames, curves)


def _points(pos: str, top: float) -> Curve:
    """A spline as Graphviz writes it, its tip last."""
    tip: list[float] = []
    flat: list[float] = []
    for part in pos.split(";")[0].split():
        numbers = part[2:] if part[0] in "es" else part
        x, y = map(float, numbers.split(","))
        (tip if part[0] == "e" else flat).extend((x, top - y))
    return tuple(flat + tip)


def _around(view: View, boxes: Mapping[str, Box], step: int) -> Box:
    found = [boxes[item.id] for item in view.items if item.step == step]
    return _union([(x - w / 2 - _PAD, y - h / 2, x + w / 2 + _PAD, y + h / 2)
                   for x, y, w, h in found])  # fmt: skip


def _union(boxes: list[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _continued(whole: View, short: Geometry) -> Geometry | None:
    """The geometry of all steps, from that of a few; ``None`` if those between are not alike.

    The first step and the last may differ from the others: one has no step before it, the other
    none after it, which matters where a second layer runs backward.
    """
    _, model, third, *_, before_last, last = whole.steps
    known = {item.id: item for item in whole.items}
    looks = _looks(whole, known)
    between = set(whole.steps[1:-1])
    if any(looks[step] != looks[model] for step in between):
        return None
    pitch = short.frames[third][0] - short.frames[model][0]
    if short.frames[third][1::2] != short.frames[model][1::2]:
        return None  # not tiled: every step has a place of its own
    gone = pitch * (last - model) - (short.frames[last][0] - short.frames[model][0])
    gap = short.frames[before_last][0] - pitch / 4  # what is right of it moves with the last
    side = short.frames[model][2] + _PAD
    models = {_part(item): item.id for item in whole.items if item.step == model}
    lanes = {
        _arrow(known[a], known[b]): curve
        for (a, b), curve in short.curves.items()
        if b in known and known[b].step == model and a in known
    }

    def moved(x: float) -> float:
        return x + gone if x > gap else x

    frames, boxes, curves = {}, {}, {}
    for step in whole.steps:
        left, top, right, bottom = short.frames[model if step in between else step]
        dx = pitch * (step - model) if step in between else 0.0
        frames[step] = (moved(left) + dx, top, moved(right) + dx, bottom)
    for item in whole.items:
        same = models[_part(item)] if item.step in between else item.id
        if same not in short.boxes:
            return None
        x, y, w, h = short.boxes[same]
        dx = pitch * (item.step - model) if item.step in between and item.step is not None else 0.0
        boxes[item.id] = (moved(x) + dx, y, w, h)
    for a, b in whole.arrows:
        one, other = known[a], known[b]
        if other.step in between and other.step is not None:
            lane, dx = lanes.get(_arrow(one, other)), pitch * (other.step - model)
        elif one.step in between and one.step is not None and other.step is None:
            lane, dx = short.curves.get((models[_part(one)], b)), pitch * (one.step - model)
        else:
            lane, dx = short.curves.get((a, b)), 0.0
        if lane is None:
            return None
        if other.step is None:  # it starts in its step, and ends after all of them
            xs = [x + dx if x <= side else max(moved(x), side + dx) for x in lane[::2]]
        else:
            xs = [moved(x) + dx for x in lane[::2]]
        curves[a, b] = tuple(c for point in zip(xs, lane[1::2], strict=True) for c in point)
    return Geometry(whole, boxes, frames, curves)


def _part(item: Item) -> tuple[str, str]:
    """What is the same for the same thing at every step."""
    return item.strip, item.role


def _arrow(one: Item, other: Item) -> Any:
    """An arrow as it is at every step: its ends, and how many steps back it starts."""
    far = one.step is None or other.step is None
    return _part(one), _part(other), None if far else (other.step or 0) - (one.step or 0)


def _looks(view: View, known: Mapping[str, Item]) -> dict[int | None, Any]:
    """What steps that look the same have in common: things, and arrows that come in."""
    found: dict[int | None, set[Any]] = {step: set() for step in (*view.steps, None)}
    for item in view.items:
        found[item.step].add((_part(item), item.kind))
    for a, b in view.arrows:
        found[known[b].step].add(_arrow(known[a], known[b]))
    return found
