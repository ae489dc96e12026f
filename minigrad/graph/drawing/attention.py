"""Panels of attention: lines from queries to keys, or a heat map."""

from __future__ import annotations

from minigrad.graph.drawing.phrases import said
from minigrad.graph.drawing.scene import Scene, Shape, Text, Wire, width_of
from minigrad.graph.drawing.words import cut
from minigrad.graph.view import Panel, Say, View

_WIDE, _LINE = 150.0, 26.0  # points between the columns, and between two tokens
_THICKEST = 7.0
_LEAST = 0.01  # smaller weights are not drawn as lines
_ACROSS = 4  # heads side by side
_LETTERS = 12  # of a token that are shown; the tooltip has it whole
_FEW = 10  # tokens that lines are drawn for
_CELL = 17.0  # of a heat map


def arranged(view: View) -> Scene:
    """The panels, in rows of four."""
    scene = Scene(view)
    mapped = any(max(len(p.queries), len(p.keys)) > _FEW for p in view.panels)
    top = 0.0
    for start in range(0, len(view.panels), _ACROSS):
        row = view.panels[start : start + _ACROSS]
        left, lowest = 0.0, 0.0
        for panel in row:
            wide, high = (_map if mapped else _lines)(scene, panel, left, top)
            left += wide + 40
            lowest = max(lowest, high)
        top -= lowest + 40
    _legend(scene, top + 6, mapped=mapped)
    return scene


def _legend(scene: Scene, y: float, *, mapped: bool) -> None:
    left, _, right, _ = scene.extent()
    middle = (left + right) / 2 - 100
    for k, weight in enumerate((0.1, 0.5, 1.0)):
        x = middle + 80 * k
        if mapped:
            scene.shapes.append(
                Shape((x + 12, y, 18.0, 14.0), "box", (), _shade(scene.view, weight))
            )
        else:
            path = tuple((x + step, y) for step in (0, 8, 16, 24))
            scene.wires.append(Wire(path, head=0, look=_look(scene.view, weight), curved=True))
        scene.texts.append(Text(f"{weight:g}", (x + 30, y), "l", 11))
    panels = scene.view.panels
    if mapped:
        note, needed = Say("zero"), (cell for p in panels for row in p.masked for cell in row)
    else:
        note = Say("thin", (_LEAST,))
        needed = (weight < _LEAST for p in panels for line in p.weights for weight in line)
    if any(needed):
        scene.texts.append(Text(said(note, scene.view.language), (middle, y - 20), "l", 11))


def _lines(scene: Scene, panel: Panel, left: float, top: float) -> tuple[float, float]:
    """A panel of lines; its size."""
    left += 84
    if panel.heading:
        scene.texts.append(Text(panel.heading, (left + _WIDE / 2, top + 46), size=13))
    query, key = (said(Say(side), scene.view.language) for side in scene.view.sides)
    scene.texts.append(Text(query, (left - 8, top + 24), "r", 11))
    scene.texts.append(Text(key, (left + _WIDE + 8, top + 24), "l", 11))
    taller = max(len(panel.queries), len(panel.keys))
    ys = [[top - _LINE * (k + (taller - len(names)) / 2) for k in range(len(names))]
          for names in (panel.queries, panel.keys)]  # fmt: skip
    light_first = sorted(
        (weight, i, j) for i, line in enumerate(panel.weights) for j, weight in enumerate(line)
        if weight >= _LEAST
    )  # fmt: skip
    for weight, i, j in light_first:
        y0, y1 = ys[0][i], ys[1][j]
        third = _WIDE / 3
        path = ((left, y0), (left + third, y0), (left + 2 * third, y1), (left + _WIDE, y1))
        note = f"{panel.queries[i]} → {panel.keys[j]}: {weight:.3f}"
        scene.wires.append(
            Wire(path, head=0, look=_look(scene.view, weight), curved=True, note=note)
        )
    token = scene.view.palette.look("input")
    for names, x, places in ((panel.queries, left - 40, ys[0]),
                             (panel.keys, left + _WIDE + 40, ys[1])):  # fmt: skip
        for name, y in zip(names, places, strict=True):
            scene.shapes.append(Shape((x, y, 78.0, 21.0), "rounded", (cut(name, _LETTERS),), token,
                                      note=name[:1000], size=11))  # fmt: skip
    return _WIDE + 168, _LINE * taller + 44


def _map(scene: Scene, panel: Panel, left: float, top: float) -> tuple[float, float]:
    """A heat map with the tokens on both axes; its size."""
    rows = [cut(name, _LETTERS) for name in panel.queries]
    columns = [cut(name, _LETTERS) for name in panel.keys]
    wide = max(width_of(name, 10) for name in rows)
    cell = max(_CELL, *(width_of(name, 9) + 4 for name in columns)) if len(columns) <= 60 else _CELL
    query, key = (said(Say(side), scene.view.language) for side in scene.view.sides)
    if panel.heading:
        scene.texts.append(Text(panel.heading, (left + wide + 8, top + 46), "l", 13))
    scene.texts.append(Text(f"{key} →", (left + wide + 8, top + 28), "l", 11))
    scene.texts.append(Text(f"{query} ↓", (left + wide + 2, top + 28), "r", 11))
    every = max(1, -(-len(columns) // 60))
    for j, name in enumerate(columns):
        if j % every == 0:
            scene.texts.append(Text(name, (left + wide + 8 + cell * (j + 0.5), top + 14), size=9))
    for i, name in enumerate(rows):
        y = top - _CELL * i
        scene.texts.append(Text(name, (left + wide + 2, y), "r", 10))
        for j, weight in enumerate(panel.weights[i]):
            x = left + wide + 8 + cell * (j + 0.5)
            masked = bool(panel.masked) and panel.masked[i][j]
            note = f"{panel.queries[i]} → {panel.keys[j]}: {weight:.3f}"
            scene.shapes.append(Shape((x, y, cell, _CELL), "box", ("·",) if masked else (),
                                      _shade(scene.view, weight), note=note, size=9))  # fmt: skip
    return wide + 8 + cell * len(columns), _CELL * len(rows) + 44


def _look(view: View, weight: float) -> dict[str, str]:
    color, least = view.palette.weight
    return {
        "penwidth": f"{max(0.4, _THICKEST * weight):.2f}",
        "color": f"{color}{int(least + (255 - least) * min(weight, 1.0)):02x}",
    }


def _shade(view: View, weight: float) -> dict[str, str]:
    color, _ = view.palette.weight
    return {"fillcolor": f"{color}{int(255 * min(weight, 1.0)):02x}", "color": view.palette.grid,
            "penwidth": "0.5"}  # fmt: skip
