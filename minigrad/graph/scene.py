"""Things at given places, as DOT text that Graphviz only draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from minigrad.graph import dot
from minigrad.graph.items import Item, View
from minigrad.graph.routes import Box, Point, Route, backward, position

_LONGEST = 100  # characters of a line
_DECADES = (-10, 2)  # of the curves under the time axis
_PLOT = 110.0  # points, height of the plot
_PIECE = 100  # points of a curve in one line: Graphviz reads strings of 16 kB
_CURVES = (("solid", "circle"), ("dashed", "square"), ("dotted", "diamond"), ("solid", "triangle"))


class Scene:
    """What a picture shows, with positions in points, y upward.

    Args:
        view: whose title, caption and look it has.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.lines: list[str] = []
        self._count = 0

    def dot(self) -> str:
        """The DOT text; the layout program nop2 leaves everything where it is."""
        title = dot.label((self.view.title,))
        lines = dot.header(self.view, layout="nop2", splines="true", label=title, labelloc="t")
        return "\n".join([*lines, *self.lines, "}"]) + "\n"

    def item(self, item: Item, box: Box) -> None:
        """An item of the view."""
        self.lines.append(dot.node(self.view, item, **_placed(box)))

    def frame(
        self, box: Box, heading: str, part: str, items: Sequence[tuple[Item, Box]] = ()
    ) -> None:
        """A frame with a heading, and the items in it."""
        x, y, w, h = box
        corners = f"{x - w / 2:.1f},{y - h / 2:.1f},{x + w / 2:.1f},{y + h / 2:.1f}"
        width = heading_width(heading)
        self.lines += [
            f"subgraph {dot.quoted(f'cluster_{part}')} {{",
            f'bb="{corners}"; lp="{x - w / 2 + 10 + width / 2:.1f},{y + h / 2 - 12:.1f}"; '
            f"lheight=0.2; lwidth={width / 72:.2f}",
            f"label={dot.quoted(heading)}; {dot.frame(self.view)}",
            f"id={dot.quoted(dot.identity(self.view, f'step {part}'))}",
        ]
        for item, place in items:
            self.item(item, place)
        self.lines.append("}")

    @contextmanager
    def group(self) -> Iterator[None]:
        """Frames side by side, as a subgraph that is not seen.

        Graphviz, when it is done, looks for each item in all subgraphs of a level: if these are
        the frames of a thousand steps, that takes as long as to draw them.
        """
        self.lines.append(f"subgraph {self._name()} {{")
        yield
        self.lines.append("}")

    def arrow(self, a: str, b: str, route: Route, label_at: Point | None = None) -> None:
        """An arrow between two items; the gradient's go the other way."""
        more = {}
        label = self.view.labels.get((a, b))
        if label and label_at:
            more = {"label": dot.edge_label(label), "lp": f'"{label_at[0]:.1f},{label_at[1]:.1f}"'}
        if self.view.name == "gradient":
            a, b, route = b, a, backward(route)
        self.lines.append(dot.edge(self.view, a, b, pos=f'"{position(route)}"', **more))

    def text(
        self,
        words: str,
        at: Point,
        *,
        align: Literal["l", "c", "r"] = "c",
        size: float = 12.0,
        color: str = "",
    ) -> None:
        """Lines of words, without anything around them; ``at`` is in the first."""
        lines = [dot.cut(line, _LONGEST) for line in words.split("\n")]
        width = 0.49 * size * max(map(len, lines))
        x = at[0] + {"l": width / 2, "c": 0.0, "r": -width / 2}[align]
        y = at[1] - 0.6 * size * (len(lines) - 1)
        style = {"fontcolor": dot.quoted(color)} if color else {}
        end = {"l": "\\l", "c": "\\n", "r": "\\r"}[align]
        label = dot.label(tuple(lines), longest=_LONGEST, end=end)
        self._node(shape="plaintext", label=label, fontsize=f"{size:g}", margin="0", **style,
                   **_placed((x, y, width, size * 1.2 * len(lines))))  # fmt: skip

    def shape(self, box: Box, shape: str, lines: tuple[str, ...] = (), **look: str) -> None:
        """A box, circle or the like of exactly this size."""
        quoted = {name: dot.quoted(value) for name, value in look.items()}
        self._node(shape=shape, label=dot.label(lines), fixedsize="true", **quoted,
                   **_placed(box))  # fmt: skip

    def line(self, points: Sequence[Point], *, tip: Point | None = None, **look: str) -> None:
        """A line through the points of Bézier curves, without things at its ends."""
        name = self._name()
        ends = [f"{name}a", f"{name}b"]
        for end, (x, y) in zip(ends, (points[0], points[-1]), strict=True):
            self.lines.append(f'{end} [shape=point, style=invis, width=0, pos="{x:.1f},{y:.1f}"]')
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        quoted = {key: dot.quoted(value) for key, value in look.items()}
        head = {} if tip else {"arrowhead": "none"}
        start = f"e,{tip[0]:.1f},{tip[1]:.1f} " if tip else ""
        self.lines.append(
            f"{ends[0]} -> {ends[1]} " + dot.attributes(pos=f'"{start}{path}"', **head, **quoted)
        )

    def space(self, at: Point) -> None:
        """Keep the title and the edge of the picture away from this point."""
        self._node(shape="point", style="invis", **_placed((*at, 1.0, 1.0)))

    def under(self, centres: Mapping[int, float], width: float) -> None:
        """What the colours mean, and the curves of the view's series under the time axis."""
        if self.view.name != "gradient":
            return
        y = -44.0
        if self.view.caption:
            self.text("\n".join(map(dot.printable, self.view.caption)), (0.0, y), align="l")
            y -= 17 * len(self.view.caption) + 8
        self.text("log₁₀ ‖∂L/∂·‖", (0.0, y), align="l")
        for k, (power, heat) in enumerate(dot.scale(self.view)):
            look = {**heat, "color": self.view.palette.quiet, "style": "filled", "fontsize": "10"}
            self.shape((112.0 + 34 * k, y, 34.0, 18.0), "box", (power,), **look)
        if self.view.series:
            self._curves(centres, max(width, 360.0), y - 40)

    def _curves(self, centres: Mapping[int, float], width: float, top: float) -> None:
        """Log10 of the size of each state's gradient over all steps; a scale that is fixed."""
        low, high = _DECADES
        ours = self.view.palette
        steps = sorted({step for _, points in self.view.series for step, _ in points})
        start, end = steps[0], steps[-1]
        aligned = not self.view.skipped

        def at(step: int, power: float) -> Point:
            share = (step - start) / max(end - start, 1)
            x = centres[step] if aligned else 40 + share * (width - 60)
            part = (min(max(power, low), high) - high) / (low - high)
            return x, top - part * _PLOT

        for power in range(low, high + 1, 2):
            y = at(start, power)[1]
            color = ours.quiet if power in (low, 0) else ours.grid
            self.line(straight([(24.0, y), (width, y)]), color=color, penwidth="0.6")
            words = f"{'≤ ' if power == low else ''}10{_raised(power)}"
            self.text(words, (18.0, y), align="r", size=10)
        every = max(1, math.ceil(len(steps) / 20))
        for step in steps[::every]:
            self.text(str(step), (at(step, low)[0], top - _PLOT - 11), size=10)
        self.text("t", (width + 12, top - _PLOT - 11), size=12)
        for number, (name, points) in enumerate(self.view.series):
            style, mark = _CURVES[number % len(_CURVES)]
            color = ours.curves[number % len(_CURVES)]
            places = [at(step, power) for step, power in points]
            for first in range(0, len(places) - 1, _PIECE):
                piece = places[first : first + _PIECE + 1]
                self.line(straight(piece), color=color, style=style, penwidth="1.8")
            for x, y in places if len(places) <= 60 else ():
                self.shape((x, y, 6.0, 6.0), mark, style="filled", fillcolor=color, color=color)
            key = top - _PLOT - 32
            left = 24.0 + 190 * number
            self.line(straight([(left, key), (left + 26, key)]), color=color, style=style,
                      penwidth="1.8")  # fmt: skip
            self.shape((left + 13, key, 6.0, 6.0), mark, style="filled", fillcolor=color,
                       color=color)  # fmt: skip
            self.text(name, (left + 32, key), align="l")

    def _name(self) -> str:
        self._count += 1
        return f"_{self._count}"

    def _node(self, **attributes: str) -> None:
        self.lines.append(f"{self._name()} {dot.attributes(**attributes)}")


def heading_width(heading: str) -> float:
    """Points that a frame's heading takes."""
    return 7.0 * len(heading)


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def straight(points: Sequence[Point]) -> list[Point]:
    """Bézier points of a line through these."""
    path = [points[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        path += [(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3),
                 (x0 + (x1 - x0) * 2 / 3, y0 + (y1 - y0) * 2 / 3), (x1, y1)]  # fmt: skip
    return path


def _placed(box: Box) -> dict[str, str]:
    x, y, w, h = box
    return {"pos": f'"{x:.1f},{y:.1f}"', "width": f"{w / 72:.4f}", "height": f"{h / 72:.4f}"}
