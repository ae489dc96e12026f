"""Things at given places, as DOT text that Graphviz only draws."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

from minigrad.graph import dot
from minigrad.graph.items import Item, View
from minigrad.graph.routes import Box, Point, Route, backward, position

_DECADES = (-10, 2)  # of the curves under the time axis
_PLOT = 96.0  # points, height of the plot


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
        title = dot.label((self.view.title, *filter(None, [self.view.caption])))
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
        width = 7.0 * len(heading)
        self.lines += [
            f"subgraph {dot.quoted(f'cluster_{part}')} {{",
            f'bb="{corners}"; lp="{x - w / 2 + 10 + width / 2:.1f},{y + h / 2 - 12:.1f}"; '
            f"lheight=0.2; lwidth={width / 72:.2f}",
            f"label={dot.quoted(heading)}; {dot.FRAME}",
            f"id={dot.quoted(dot.identity(self.view, f'step {part}'))}",
        ]
        for item, place in items:
            self.item(item, place)
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
        """Words, without anything around them."""
        width = 0.56 * size * len(words)
        x = at[0] + {"l": width / 2, "c": 0.0, "r": -width / 2}[align]
        style = {"fontcolor": dot.quoted(color)} if color else {}
        self._node(shape="plaintext", label=dot.label((words,)), fontsize=f"{size:g}",
                   margin="0", **style, **_placed((x, at[1], width, size * 1.2)))  # fmt: skip

    def shape(self, box: Box, shape: str, lines: tuple[str, ...] = (), **look: str) -> None:
        """A box, circle or the like of exactly this size."""
        quoted = {name: dot.quoted(value) for name, value in look.items()}
        self._node(shape=shape, label=dot.label(lines), fixedsize="true", **quoted,
                   **_placed(box))  # fmt: skip

    def line(self, points: Sequence[Point], *, arrow: bool = False, **look: str) -> None:
        """A line through the points of Bézier curves, without things at its ends."""
        name = self._name()
        ends = [f"{name}a", f"{name}b"]
        for end, (x, y) in zip(ends, (points[0], points[-1]), strict=True):
            self.lines.append(f'{end} [shape=point, style=invis, width=0, pos="{x:.1f},{y:.1f}"]')
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        quoted = {key: dot.quoted(value) for key, value in look.items()}
        head = {} if arrow else {"arrowhead": "none"}
        tip = f"e,{points[-1][0]:.1f},{points[-1][1]:.1f} " if arrow else ""
        self.lines.append(
            f"{ends[0]} -> {ends[1]} " + dot.attributes(pos=f'"{tip}{path}"', **head, **quoted)
        )

    def space(self, at: Point) -> None:
        """Keep the title and the edge of the picture away from this point."""
        self._node(shape="point", style="invis", **_placed((*at, 1.0, 1.0)))

    def under(self, centres: Mapping[int, float], width: float) -> None:
        """The curves of the view's series under the time axis, and the legend of the heat."""

    def _name(self) -> str:
        self._count += 1
        return f"_{self._count}"

    def _node(self, **attributes: str) -> None:
        self.lines.append(f"{self._name()} {dot.attributes(**attributes)}")


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
