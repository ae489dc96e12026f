"""Where things are on the page: the places that the picture's own layout gives them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minigrad.graph.drawing import layout, words
from minigrad.graph.drawing.check import checked
from minigrad.graph.drawing.phrases import said
from minigrad.graph.record import Graph, Path, modules
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
        frames: left, top, right and bottom by step, around all of its cells.
        cells: by step, a name and a box (as an item's) for each strip that has the step.
        titles: the names and boxes of modules around what is drawn.
        curves: by arrow, from source to target.
    """

    view: View
    boxes: Mapping[Key, Box]
    frames: Mapping[int, Box]
    cells: Mapping[int, list[tuple[str, Box]]]
    titles: list[tuple[str, Box]]
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
    cells: dict[int, list[tuple[str, Box]]] = defaultdict(list)
    titles = []
    for frame in scene.frames:
        x, y, w, h = frame.box
        box = x, top - y, w, h
        if frame.step is None:
            titles.append((frame.heading, box))
        else:
            part: Any = frame.part  # the strip, and the step
            cells[frame.step].append((_name(part[0], view), box))
    bare: dict[int, list[Box]] = defaultdict(list)
    for key, (x, y, w, h) in boxes.items():
        if key.step is not None and key.step not in cells:
            bare[key.step].append((x, y, w + 2 * _PAD, h))
    for step, found in bare.items():
        left, top_side, right, bottom = _union(found)
        box = (left + right) / 2, (top_side + bottom) / 2, right - left, bottom - top_side
        cells[step] = [(view.title, box)]
    frames = {step: _union([box for _, box in found]) for step, found in cells.items()}
    curves = {}
    for wire in scene.wires:
        points, tip, _ = wire.bezier()
        flat = [c for x, y in (*points, tip or points[-1]) for c in (x, top - y)]
        if wire.source is not None and wire.target is not None:
            curves[wire.source, wire.target] = tuple(flat)
    return Geometry(view, boxes, frames, cells, titles, curves)


def _name(strip: Path, view: View) -> str:
    """What a step of a strip is called without its number: its layer, or its module."""
    around = modules(strip)
    module = (around[-1].name if around else "") or view.title
    layer = words.strip_title(strip)
    return f"{module}, {said(layer, view.language)}" if layer else module


def _union(boxes: list[Box]) -> Box:
    """Left, top, right and bottom of what surrounds them all."""
    sides = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h in boxes]
    left, top, right, bottom = zip(*sides, strict=True)
    return min(left), min(top), max(right), max(bottom)
