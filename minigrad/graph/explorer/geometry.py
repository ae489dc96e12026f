"""Where things are on the page: the picture's own layout, one entry for all steps that are alike.

A long sequence is laid out as its elided picture is, and the steps that this leaves out get the
geometry of the third, shifted: what is laid out does not grow with the number of steps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minigrad.graph import dot, layout
from minigrad.graph.layout import Run
from minigrad.graph.model import Graph
from minigrad.graph.views import Item, View, unrolled

Box = tuple[float, float, float, float]  # centre x, centre y (downwards), width, height
Curve = tuple[float, ...]  # x, y, x, y, …: Bézier points, then the arrow's tip
_MODEL = 2  # the step whose geometry the steps left out get: the third has all its neighbours


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
    frames = {}
    for thing in objects:
        if thing["name"].startswith("cluster_") and "bb" in thing:
            left, bottom, right, high = map(float, thing["bb"].split(","))
            frames[int(thing["name"].removeprefix("cluster_"))] = (
                left, top - high, right, top - bottom
            )  # fmt: skip
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


def _continued(whole: View, short: Geometry) -> Geometry | None:
    """The geometry of all steps, from that of the first three; ``None`` if they are not alike."""
    steps = whole.steps
    known, inside = {item.id: item for item in whole.items}, _by_step(whole)
    model = steps[_MODEL]
    alike = _signatures(whole, inside)
    if any(alike[step] != alike[model] for step in steps[_MODEL:]):
        return None
    loose = [item for item in whole.items if item.step is None]
    ends = {end for arrow in whole.arrows for end in arrow if known[arrow[1]].step is None}
    if ends or any(item.id not in short.boxes for item in loose):
        return None
    pitch = short.frames[model][0] - short.frames[steps[_MODEL - 1]][0]
    boxes = {item.id: short.boxes[item.id] for item in loose}
    frames, curves = {}, {}
    places = {item.role: short.boxes[item.id] for item in inside[model]}
    for step in steps:
        dx = pitch * (step - model) if step > model else 0.0
        left, top, right, bottom = short.frames[min(step, model)]
        frames[step] = (left + dx, top, right + dx, bottom)
        for item in inside[step]:
            x, y, w, h = places[item.role] if dx else short.boxes[item.id]
            boxes[item.id] = (x + dx, y, w, h)
    lanes = {
        (known[a].role, known[b].role): curve
        for (a, b), curve in short.curves.items()
        if known[b].step == model
    }
    for a, b in whole.arrows:
        step = known[b].step or 0
        if step <= model:
            curves[a, b] = short.curves[a, b]
        else:
            dx = pitch * (step - model)
            curve = lanes[known[a].role, known[b].role]
            curves[a, b] = tuple(c + dx * (k % 2 == 0) for k, c in enumerate(curve))
    return Geometry(whole, boxes, frames, curves)


def _by_step(view: View) -> dict[int, list[Item]]:
    inside: dict[int, list[Item]] = {step: [] for step in view.steps}
    for item in view.items:
        if item.step is not None:
            inside[item.step].append(item)
    return inside


def _signatures(view: View, inside: Mapping[int, list[Item]]) -> dict[int, Any]:
    """What two steps have in common that look the same: things, and arrows that come in."""
    known = {item.id: item for item in view.items}
    arrows: dict[int, list[tuple[str, int, str]]] = {step: [] for step in view.steps}
    for a, b in view.arrows:
        step, before = known[b].step, known[a].step
        if step is not None:
            gap = -1 if before is None else step - before
            arrows[step].append((known[a].role, gap, known[b].role))
    return {
        step: (sorted((item.role, item.kind) for item in inside[step]), sorted(arrows[step]))
        for step in view.steps
    }
