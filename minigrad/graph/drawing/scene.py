"""A picture as things at given places, before it is written in any format. Points, y upward."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from minigrad.graph.drawing.wires import Box, Point
from minigrad.graph.view import Key, View

TIP = 7.0  # length of an arrow's tip
_RADIUS = 8.0  # of a wire's corners
# Widths of the letters from the space to the tilde in thousandths of the size (Helvetica's AFM).
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, *[556] * 10,
    278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667,
    556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278,
    469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_NARROW = set("₀₁₂₃₄₅₆₇₈₉₋₊ₜ²³⁻⁰¹⁴⁵⁶⁷⁸⁹\N{COMBINING TILDE}′·")


def width_of(text: str, size: float = 12.0) -> float:
    """About how wide a text is."""
    units = 0
    for letter in text:
        code = ord(letter) - 32
        if 0 <= code < len(_WIDTHS):
            units += _WIDTHS[code]
        else:
            units += 0 if letter == "\N{COMBINING TILDE}" else 400 if letter in _NARROW else 720
    return units * size / 1000


@dataclass(frozen=True)
class Shape:
    """A box or circle with words in it.

    Attributes:
        box: where it is.
        form: ``"box"``, ``"rounded"``, ``"circle"``, ``"square"``, ``"diamond"``,
            ``"triangle"`` or ``"plain"``.
        lines: what is written in it.
        look: Graphviz's attributes of its colours and lines.
        key: the item that it draws, if it draws one.
        note: what a pointer over it tells.
        size: of the letters.
        fill: of each line's letters, where they differ.
    """

    box: Box
    form: str
    lines: tuple[str, ...] = ()
    look: Mapping[str, str] = field(default_factory=dict)
    key: Key | None = None
    note: str = ""
    size: float = 12.0


@dataclass(frozen=True)
class Wire:
    """A line from one thing to another.

    Attributes:
        path: its corners, or the points of Bézier curves.
        source: the item that the value comes from, if the wire is an arrow of the view.
        target: the item that reads it.
        head: at which end the arrow's tip is: 1 at the end, −1 at the start, 0 at neither.
        words: what is written at it, line by line.
        at: the middle of what is written.
        look: Graphviz's attributes.
        curved: whether the path is of Bézier curves already.
        note: what a pointer over it tells.
    """

    path: tuple[Point, ...]
    source: Key | None = None
    target: Key | None = None
    head: int = 1
    words: str = ""
    at: Point | None = None
    look: Mapping[str, str] = field(default_factory=dict)
    curved: bool = False
    note: str = ""

    def bezier(self) -> tuple[list[Point], Point | None, Point | None]:
        """Points of its curves, and the tips at its end and its start."""
        if self.curved:
            return list(self.path), None, None
        corners = list(self.path)
        tip = start = None
        if self.head > 0:
            tip = corners[-1]
            corners[-1] = _towards(tip, corners[-2], TIP)
        elif self.head < 0:
            start = corners[0]
            corners[0] = _towards(start, corners[1], TIP)
        return bent(corners), tip, start


@dataclass(frozen=True)
class Frame:
    """A frame around a step or a module, with a heading in its upper left corner.

    Attributes:
        box: where it is.
        heading: its words.
        part: what it is around.
        step: the time step, if it is one.
        level: how many frames it stands in, at least.
        repeated: whether it stands for several equal ones.
        at: the middle of its heading.
    """

    box: Box
    heading: str
    part: object
    step: int | None = None
    level: int = 0
    repeated: bool = False
    at: Point = (0.0, 0.0)


@dataclass(frozen=True)
class Text:
    """Words without anything around them; ``at`` is in the first line.

    With a key they are an item's name.
    """

    words: str
    at: Point
    align: Literal["l", "c", "r"] = "c"
    size: float = 12.0
    key: Key | None = None


@dataclass
class Scene:
    """What a picture shows, with positions.

    Attributes:
        view: whose title, caption and look it has.
        frames, shapes, wires, texts: what is drawn.
        dots: where wires part.
        edge: points that belong to the picture though nothing is drawn there.
        longest: how many steps or layers stand in its longest row, before it was wrapped.
    """

    view: View
    frames: list[Frame] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    dots: list[Point] = field(default_factory=list)
    edge: list[Point] = field(default_factory=list)
    longest: int = 0
    _near: dict[tuple[int, int], list[tuple[Point, Point]]] = field(
        default_factory=lambda: defaultdict(list), repr=False
    )

    def pieces(self, at: Point) -> Iterator[tuple[Point, Point]]:
        """Straight pieces of wires that pass near a point."""
        if not self._near:
            for wire in self.wires:
                for a, b in itertools.pairwise(wire.path):
                    for i in range(int(min(a[0], b[0]) // 64), int(max(a[0], b[0]) // 64) + 1):
                        for j in range(int(min(a[1], b[1]) // 64), int(max(a[1], b[1]) // 64) + 1):
                            self._near[i, j].append((a, b))
        cells = {(int((at[0] + d) // 64), int((at[1] + e) // 64)) for d in (-1, 1) for e in (-1, 1)}
        for cell in cells:
            yield from self._near.get(cell, ())

    def extent(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of everything."""
        boxes = [*(s.box for s in self.shapes), *(f.box for f in self.frames)]
        xs = [x + s * w / 2 for x, _, w, _ in boxes for s in (-1, 1)]
        ys = [y + s * h / 2 for _, y, _, h in boxes for s in (-1, 1)]
        points = [*self.edge, *(p for wire in self.wires for p in wire.path)]
        for wire in self.wires:
            if wire.words and wire.at is not None:
                wide = width_of(wire.words, 10.0) / 2 + 2
                points += [(wire.at[0] + s * wide, wire.at[1] + s * 6) for s in (-1, 1)]
        for text in self.texts:
            lines = text.words.split("\n")
            wide = max(width_of(line, text.size) for line in lines)
            left = text.at[0] - {"l": 0.0, "c": wide / 2, "r": wide}[text.align]
            low = text.at[1] - text.size * (1.2 * len(lines) - 0.6)
            points += [(left, text.at[1] + text.size * 0.6), (left + wide, low)]
        xs += [x for x, _ in points]
        ys += [y for _, y in points]
        return (
            min(xs, default=0.0),
            min(ys, default=0.0),
            max(xs, default=0.0),
            max(ys, default=0.0),
        )


def parts_at(scene: Scene, at: Point) -> bool:
    """Whether wires that are drawn part at a point: they leave it in three directions."""
    x, y = at
    ways: set[str] = set()
    for a, b in scene.pieces(at):
        if abs(a[0] - b[0]) < 0.06 and abs(a[0] - x) < 0.6:
            low, high = sorted((a[1], b[1]))
            ways |= {"T"} if high > y + 1 and low < y + 1 else set()
            ways |= {"B"} if low < y - 1 and high > y - 1 else set()
        elif abs(a[1] - b[1]) < 0.06 and abs(a[1] - y) < 0.6:
            low, high = sorted((a[0], b[0]))
            ways |= {"R"} if high > x + 1 and low < x + 1 else set()
            ways |= {"L"} if low < x - 1 and high > x - 1 else set()
    return len(ways) > 2


def bent(corners: Sequence[Point], radius: float = _RADIUS) -> list[Point]:
    """Bézier points of a line of straight pieces with round corners."""
    path = [corners[0]]
    for k in range(1, len(corners)):
        a, b = corners[k - 1], corners[k]
        inward = _towards(b, a, radius) if k + 1 < len(corners) else b
        _line(path, inward)
        if k + 1 < len(corners):
            outward = _towards(b, corners[k + 1], radius)
            path += [b, b, outward]
    return path


def _line(path: list[Point], to: Point) -> None:
    x, y = path[-1]
    path += [(x + (to[0] - x) / 3, y + (to[1] - y) / 3),
             (x + (to[0] - x) * 2 / 3, y + (to[1] - y) * 2 / 3), to]  # fmt: skip


def _towards(start: Point, end: Point, length: float) -> Point:
    """The point ``length`` away from the start, or half way if that is nearer."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    whole = (dx * dx + dy * dy) ** 0.5
    share = min(length / whole, 0.5) if whole else 0.0
    return start[0] + dx * share, start[1] + dy * share
