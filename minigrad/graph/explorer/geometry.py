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
    model, last = whole.steps[1], whole.steps[-1]
    inside: dict[int | None, list[Item]] = {step: [] for step in (*whole.steps, None)}
    for item in whole.items:
        inside[item.step].append(item)
    place = {item.id: (item.step, k) for items in inside.values() for k, item in enumerate(items)}
    looks = _looks(whole, inside, place)
    between = set(whole.steps[1:-1])
    if any(looks[step] != looks[model] for step in between):
        return None
    pitch = short.frames[whole.steps[2]][0] - short.frames[model][0]
    gone = pitch * (last - model) - (short.frames[last][0] - short.frames[model][0])
    gap = short.frames[whole.steps[-2]][0] - pitch / 4  # what is right of it moves with the last

    def moved(x: float) -> float:
        return x + gone if x > gap else x

    frames, boxes, curves = {}, {}, {}
    for step, items in inside.items():
        here = step in (None, whole.steps[0], model, last)  # else it is the model, shifted
        dx = 0.0 if here else pitch * ((step or 0) - model)
        if step is not None:
            left, top, right, bottom = short.frames[step if here else model]
            frames[step] = (moved(left) + dx, top, moved(right) + dx, bottom)
        for k, item in enumerate(items):
            source = item.id if here else inside[model][k].id
            if source not in short.boxes:
                return None
            x, y, w, h = short.boxes[source]
            boxes[item.id] = (moved(x) + dx, y, w, h)
    lanes = {}
    for (a, b), curve in short.curves.items():
        if a in place and b in place and place[b][0] == model:
            lanes[_arrow(a, b, place)] = curve
    side = short.frames[model][2] + _PAD
    for a, b in whole.arrows:
        (before, number), (step, _) = place[a], place[b]
        if step is None and before in between:  # from a step left out to what comes after all
            like = short.curves.get((inside[model][number].id, b))
            if like is None:
                return None
            dx = pitch * (before - model)
            curves[a, b] = tuple(
                c if k % 2 else c + dx if c <= side else max(moved(c), side + dx)
                for k, c in enumerate(like)
            )
            continue
        here = step in (None, whole.steps[0], model, last)
        lane = short.curves.get((a, b)) if here else lanes.get(_arrow(a, b, place))
        if lane is None:
            return None
        dx = 0.0 if here else pitch * ((step or 0) - model)
        curves[a, b] = tuple(c if k % 2 else moved(c) + dx for k, c in enumerate(lane))
    return Geometry(whole, boxes, frames, curves)


Place = tuple[int | None, int]  # the step, and the number in it


def _arrow(a: str, b: str, place: Mapping[str, Place]) -> tuple[int | str, int, int]:
    """An arrow as it is at every step: how many steps back it starts, and its ends in them."""
    (before, k), (step, number) = place[a], place[b]
    back = "loose" if before is None or step is None else step - before
    return back, k, number


def _looks(
    view: View, inside: Mapping[int | None, list[Item]], place: Mapping[str, Place]
) -> dict[int | None, Any]:
    """What steps that look the same have in common: things in order, and arrows that come in."""
    arrows: dict[int | None, set[Any]] = {step: set() for step in inside}
    for a, b in view.arrows:
        arrows[place[b][0]].add(_arrow(a, b, place))
    return {
        step: ([(item.role, item.kind) for item in items], arrows[step])
        for step, items in inside.items()
    }
