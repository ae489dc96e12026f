"""What stands under a picture: captions, what its colours mean, curves along its time axis."""

from __future__ import annotations

import itertools
import math

from minigrad.graph.drawing.phrases import said
from minigrad.graph.drawing.scene import Scene, Shape, Text, Wire, width_of
from minigrad.graph.drawing.words import printable
from minigrad.graph.view import Say

_DECADES = (-10, 2)  # of the curves under the time axis
_PLOT = 110.0  # points, height of the plot
_CURVES = (("solid", "circle"), ("dashed", "square"), ("dotted", "diamond"), ("solid", "triangle"))


def with_caption(scene: Scene) -> Scene:
    """The scene with what stands under it."""
    view = scene.view
    left, bottom, right, _ = scene.extent()
    y = bottom - 24
    if view.caption:
        scene.texts.append(
            Text(
                "\n".join(printable(said(line, view.language)) for line in view.caption),
                (left, y),
                "l",
                11,
            )
        )
        y -= 14 * len(view.caption) + 10
    if view.heat:
        y = _scale(scene, left, y) - 34
    if view.series:
        _curves(scene, left, max(right - left, 360.0), y)
    return scene


def _scale(scene: Scene, left: float, y: float) -> float:
    """The colours of the heat in order, and how a gradient of exactly 0 looks."""
    ours, (what, coldest) = scene.view.palette, scene.view.scale
    scene.texts.append(Text(said(Say(what), scene.view.language), (left, y), "l"))
    last = len(ours.heat) - 1
    marks = [(f"{'≤ ' if k == 0 else '≥ ' if k == last else ''}{coldest + k}".replace("-", "−"),
              coldest + k + 0.5) for k in range(last + 1)]  # fmt: skip
    for k, (mark, power) in enumerate([("0", -math.inf), *marks]):
        look = {"color": ours.quiet, **ours.heated(power, coldest), "style": "filled"}
        if power == -math.inf:
            look["style"] = "filled,dotted"
        box = (left + 112 + 34 * k, y, 34.0, 18.0)
        scene.shapes.append(Shape(box, "box", (mark,), look, size=10))
    exactly = said(Say("exactly"), scene.view.language)
    scene.texts.append(Text(exactly, (left + 112 + 34 * (last + 2) - 8, y), "l", 10))
    return y


def _curves(scene: Scene, left: float, width: float, top: float) -> None:
    """Log10 of the size of each state's gradient over all steps; a scale that is fixed."""
    view = scene.view
    ours, (low, high) = view.palette, _DECADES
    steps = sorted({step for _, points in view.series for step, _ in points})
    start, end = steps[0], steps[-1]
    centres = {frame.step: frame.box[0] for frame in scene.frames}
    aligned = not view.skipped and set(steps) <= centres.keys()

    def at(step: int, power: float) -> tuple[float, float]:
        share = (step - start) / max(end - start, 1)
        x = centres[step] if aligned else left + 40 + share * (width - 60)
        part = (min(max(power, low), high) - high) / (low - high)
        return x, top - part * _PLOT

    for power in range(low, high + 1, 2):
        y = at(start, power)[1]
        look = {"color": ours.quiet if power in (low, 0) else ours.grid, "penwidth": "0.6"}
        scene.wires.append(Wire(((left + 34, y), (left + width, y)), head=0, look=look))
        raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        power_said = f"{'≤ ' if power == low else ''}10{raised}"
        scene.texts.append(Text(power_said, (left + 30, y), "r", 10))
    every = max(1, math.ceil(len(steps) / 20))
    for step in steps[::every]:
        scene.texts.append(Text(str(step), (at(step, low)[0], top - _PLOT - 11), size=10))
    scene.texts.append(Text("t", (left + width + 12, top - _PLOT - 11)))
    right = left + 24.0
    for number, (what, points) in enumerate(view.series):
        name = (
            said(what, view.language)
            if isinstance(what, str | Say)
            else f"{what[0]}, {said(what[1], view.language)}"
        )
        style, mark = _CURVES[number % len(_CURVES)]
        color = ours.curves[number % len(_CURVES)]
        look = {"color": color, "style": style, "penwidth": "1.8"}
        places = [at(step, power) for step, power in points]
        for first in range(0, len(places) - 1, 100):  # Graphviz reads strings of 16 kB
            piece = places[first : first + 101]
            scene.wires.append(Wire(tuple(_straight(piece)), head=0, look=look, curved=True))
        filled = {"fillcolor": color, "color": color}
        for x, y in places if len(places) <= 60 else ():
            scene.shapes.append(Shape((x, y, 6.0, 6.0), mark, (), filled))
        key = top - _PLOT - 32
        scene.wires.append(Wire(tuple(_straight([(right, key), (right + 26, key)])), head=0,
                                look=look, curved=True))  # fmt: skip
        scene.shapes.append(Shape((right + 13, key, 6.0, 6.0), mark, (), filled))
        scene.texts.append(Text(name, (right + 32, key), "l"))
        right += 60 + width_of(name)


def _straight(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Bézier points of a line through these."""
    path = [points[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        path += [(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3),
                 (x0 + (x1 - x0) * 2 / 3, y0 + (y1 - y0) * 2 / 3), (x1, y1)]  # fmt: skip
    return path
