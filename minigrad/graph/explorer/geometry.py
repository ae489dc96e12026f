"""Where things are on the page: the places that the picture's own layout gives them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from minigrad.graph.drawing import layout
from minigrad.graph.drawing.check import checked
from minigrad.graph.record import Graph
from minigrad.graph.view import Arrow, Key, View
from minigrad.graph.views.unrolled import unrolled

Box = tuple[float, float, float, float]  # centre x, centre y (downwards), width, height
Curve = tuple[float, ...]  # x, y, x, y, …: Bézier points, then the arrow's tip
_PAD = 14.0  # points between a step's side and what is in it, where it has no frame


@dataclass(frozen=True)
class Geometry:
    """A view and where its parts are, in points, y downwards.

    Attributes:
        view: what is drawn.
        boxes: by item.
        frames: left, top, right and bottom by step.
        curves: by arrow, from source to target.
    """

    view: View
    boxes: Mapping[Key, Box]
    frames: Mapping[int, Box]
    curves: Mapping[Arrow, Curve]


def geometry(graph: Graph) -> Geometry:
    """The unrolled graph laid out with every step."""
    view = unrolled(graph, all_steps=True)
    scene = checked(layout.arranged(view))
    top = scene.extent()[3]
    boxes = {
        shape.key: (shape.box[0], top - shape.box[1], shape.box[2], shape.box[3])
        for shape in scene.shapes if shape.key is not None
    }  # fmt: skip
    sides: dict[int, list[Box]] = defaultdict(list)
    for frame in scene.frames:
        x, y, w, h = frame.box
        if frame.step is not None:
            sides[frame.step].append((x - w / 2, top - y - h / 2, x + w / 2, top - y + h / 2))
    for key, (x, y, w, h) in boxes.items():
        if key.step is not None and key.step not in sides:
            sides[key.step].append((x - w / 2 - _PAD, y - h / 2, x + w / 2 + _PAD, y + h / 2))
    curves = {}
    for wire in scene.wires:
        points, tip, _ = wire.bezier()
        flat = [c for x, y in (*points, tip or points[-1]) for c in (x, top - y)]
        if wire.source is not None and wire.target is not None:
            curves[wire.source, wire.target] = tuple(flat)
    return Geometry(view, boxes, {step: _union(found) for step, found in sides.items()}, curves)


def _union(boxes: list[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
