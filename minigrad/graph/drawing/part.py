"""Parts of a picture that are laid out by themselves: a step, a module, all of it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from minigrad.graph.drawing import words
from minigrad.graph.drawing.scene import Frame, Shape, width_of
from minigrad.graph.drawing.wires import Box, Cell, Net, Plan, Point, plan, tidy
from minigrad.graph.view import Arrow, Item, Key, View

LINE = 14.4  # height of a line of words
HEAD = 20.0  # points for a frame's heading
PAD = 12.0  # between a frame and what is in it
FORMS = {"layer": "box", "join": "box", "module": "box", "state": "bold", "parameter": "box",
         "point": "circle"}  # fmt: skip
"""The form of each kind of item, where it is not a box with round corners."""
SIDES = {"up": ("B", "T"), "down": ("T", "B"), "right": ("L", "R")}
"""Of each direction, the side that values come in at, and the one that they leave from."""
_TURNED = {"up": {}, "down": str.maketrans("BT", "TB"), "right": str.maketrans("BLRT", "LTBR")}
_CIRCLE = 30.0
_LETTERS = 10.0  # size of words at a wire


@dataclass
class Port:
    """Where one value crosses the border of a part.

    Attributes:
        name: of the value, and of its way out.
        side: of the border.
        at: its place.
        paths: inside, from or to each item.
    """

    name: Hashable
    side: str
    at: Point
    paths: dict[Key, list[Point]] = field(default_factory=dict)


@dataclass
class Part:
    """A step or module that is laid out by itself, from its lower left corner.

    Attributes:
        size: width and height.
        boxes: of the items in it.
        paths: of arrows with both ends in it.
        entries: where a value comes in, by where it comes from.
        exits: where a value leaves, by what it is and where it goes.
        frames: in it.
        forks: where wires part.
        enters: (source outside, item inside) → the name of its entry.
        leaves: (item inside, reader outside) → the name of its exit.
    """

    size: Point
    boxes: dict[Key, Box] = field(default_factory=dict)
    paths: dict[Arrow, list[Point]] = field(default_factory=dict)
    entries: dict[Hashable, Port] = field(default_factory=dict)
    exits: dict[Hashable, Port] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    forks: list[Point] = field(default_factory=list)
    enters: Callable[[Key, Key], Hashable] = lambda a, b: a
    leaves: Callable[[Key, Key], Hashable] = lambda a, b: a

    def take(self, part: Part, dx: float, dy: float) -> None:
        """Take over what another part has, at a place in this one."""
        self.boxes |= {k: (x + dx, y + dy, w, h) for k, (x, y, w, h) in part.boxes.items()}
        self.paths |= {arrow: shifted(path, dx, dy) for arrow, path in part.paths.items()}
        self.frames += [replace(f, box=(f.box[0] + dx, f.box[1] + dy, *f.box[2:]))
                        for f in part.frames]  # fmt: skip
        self.forks += shifted(part.forks, dx, dy)

    def entry(self, a: Key, b: Key) -> Port:
        """Where the value of an item outside comes in on its way to one inside."""
        return self.entries[self.enters(a, b)]

    def exit(self, a: Key, b: Key) -> Port:
        """Where the value of an item inside leaves on its way to one outside."""
        return self.exits[self.leaves(a, b)]


@dataclass(frozen=True)
class Written:
    """A view with the words at its arrows set as text."""

    view: View
    words: Mapping[Arrow, str]

    def wide(self, a: Key, b: Key) -> float:
        """The width of what is written at an arrow."""
        said = self.words.get((a, b))
        return width_of(said, _LETTERS) if said else 0.0


def measured(item: Item, view: View) -> tuple[tuple[float, float], str]:
    """The size of an item's box, and its form."""
    lines = words.lines(item, view)
    wide = max(width_of(line) for line in lines)
    if view.name == "cell" and item.kind != "point":  # in the notation of the course notes
        if item.kind == "layer":
            return (54.0, 30.0), "box"
        if item.kind == "join":
            parts = getattr(item.label.formula, "parts", ())
            return (5.0, 12.0 * max(len(parts), 2)), "box"
        return (wide + 6, 16.0), "plain"
    if item.kind == "point":
        if wide <= _CIRCLE - 4:
            return (_CIRCLE, _CIRCLE), "circle"
        return (wide + 18, 26.0), "rounded"
    if item.kind == "ellipsis":
        return (wide + 12, LINE + 4), "plain"
    return (wide + 16, LINE * len(lines) + 8), FORMS.get(item.kind, "rounded")


def shape_of(item: Item, view: View, box: Box) -> Shape:
    """An item in its box."""
    _, form = measured(item, view)
    look = dict(view.palette.look(item.kind))
    lines, size = words.lines(item, view), 12.0
    if item.key in view.heat:
        look |= view.palette.heated(view.heat[item.key], view.scale[1])
    if form == "plain":
        look = {}
    elif view.name == "cell":
        size = 14.0
        if item.kind == "layer":
            lines = lines[-1:]
        elif item.kind == "join":
            lines, look = (), {"fillcolor": view.palette.wire, "color": view.palette.wire}
    if form == "circle":
        size = 15.0 if len(lines[0]) < 3 else 11.0
    return Shape(box, form, lines, look, item.key, words.note(item, view), size)


def free(cells: Mapping[Hashable, Cell], column: int, row: int) -> int:
    """The first column from there on that is free in a row."""
    taken = {(cell.column, cell.row) for cell in cells.values()}
    while (column, row) in taken:
        column += 1
    return column


def room(heading: float, ends: Iterable[float], edges: tuple[float, float]) -> float:
    """How far to the right things move so that a heading stands beside the wires that leave above.

    Args:
        heading: its width.
        ends: where the wires leave.
        edges: of the frame, left and right.
    """
    wide = heading + 26
    places = [edges[0], *sorted(ends), edges[1]]
    if any(b - a >= wide for a, b in itertools.pairwise(places)):
        return 0.0
    return wide - (places[1] - places[0])


def compose(
    written: Written,
    parts: Mapping[Hashable, Part | Item],
    places: Mapping[Hashable, tuple[int, int]],
    arrows: Iterable[Arrow],
    frame: Frame | None = None,
    direction: str = "up",
) -> Part:
    """Put parts and items together, and lead wires between them.

    Args:
        written: the view.
        parts: what to put together, by name.
        places: column and row of each.
        arrows: those with an end in it; the other end may be outside of a frame: then the value
            comes in on one side, and leaves on the other.
        frame: what is drawn around it; its box is not known yet.
        direction: which sides these are: from below to above, say, for ``"up"``.
    """
    return _Composer(written, parts, places, arrows, frame, direction).part()


class _Composer:
    def __init__(
        self,
        written: Written,
        parts: Mapping[Hashable, Part | Item],
        places: Mapping[Hashable, tuple[int, int]],
        arrows: Iterable[Arrow],
        frame: Frame | None,
        direction: str,
    ) -> None:
        self.written, self.parts, self.places, self.frame = written, parts, places, frame
        self.direction = direction
        self.home: dict[Key, Hashable] = {}
        for name, part in parts.items():
            keys = part.boxes if isinstance(part, Part) else (part.key,)
            self.home |= dict.fromkeys(keys, name)
        self.cells: dict[Hashable, Cell] = {}
        self.nets: dict[Hashable, Net] = {}
        self.pins: dict[Hashable, dict[Hashable, tuple[str, float]]] = defaultdict(dict)
        self.ways: dict[Arrow, tuple[Hashable, Hashable, Port | None, Port | None]] = {}
        for a, b in arrows:
            if self.home.get(a) != self.home.get(b):
                self._connect(a, b)
        for spot, part in parts.items():
            if isinstance(part, Part):
                self.cells[spot] = Cell(*places[spot], part.size, pins=self.pins[spot])
            else:
                size, form = measured(part, written.view)
                ins, outs = (sides.translate(_TURNED[direction]) for sides in _sides(part))
                self.cells[spot] = Cell(*places[spot], size, ins, outs, form == "circle")
        if frame is not None:
            self._ports(frame)
        _align(self.cells, self.nets)

    def _connect(self, a: Key, b: Key) -> None:
        """The net of an arrow, and its ends at parts."""
        one, other = self.home.get(a), self.home.get(b)
        start, end = self.parts.get(one), self.parts.get(other)
        leaving = start.exit(a, b) if isinstance(start, Part) else None
        coming = end.entry(a, b) if isinstance(end, Part) else None
        bus = b if b.kind == "bundle" else None
        spot: Hashable = ("in", a, bus) if one is None else one
        goal: Hashable = ("out", a, bus) if other is None else other
        meets = isinstance(end, Item) and b.kind == "bundle"
        name: Hashable = ("meet", b) if meets else (a, leaving.name if leaving else "")
        if meets:
            spot, goal = goal, spot
        wide = 0.0 if coming or other is None else self.written.wide(a, b)
        self.nets.setdefault(name, Net(spot, {}, meets)).sinks[goal] = wide
        for place, part, port in ((one, start, leaving), (other, end, coming)):
            if port is not None and isinstance(part, Part):
                w, h = part.size
                away = port.at[0] - w / 2 if port.side in "BT" else port.at[1] - h / 2
                self.pins[place][name] = (port.side, away)
        self.ways[a, b] = (name, goal, leaving, coming)

    def _ports(self, frame: Frame) -> None:
        """Cells at the border, below and above, and room for the heading."""
        low = min(cell.row for cell in self.cells.values()) - 1
        high = max(cell.row for cell in self.cells.values()) + 1
        left = min(cell.column for cell in self.cells.values())
        right = max(cell.column for cell in self.cells.values())
        sides = SIDES[self.direction]
        for name, net in self.nets.items():
            ends = [net.source, *net.sinks]
            for end in ends:
                if end in self.cells or not isinstance(end, tuple):
                    continue
                border, inward = sides if end[0] == "in" else sides[::-1]
                others = [self.cells[x] for x in ends if x in self.cells]
                if border in "BT":
                    row = low if border == "B" else high
                    column = free(self.cells, min((c.column for c in others), default=left), row)
                else:
                    column = left - 1 if border == "L" else right + 1
                    row = max((c.row for c in others), default=high - 1)
                    taken = {c.row for c in self.cells.values() if c.column == column}
                    row = next(r for r in itertools.count(row, -1) if r not in taken)
                self.cells[end] = Cell(column, row, (0, 0), inward, inward,
                                       pins={name: (inward, 0.0)})  # fmt: skip
        self.cells["heading"] = Cell(left, high + 1, (0.0, HEAD))

    def _room(self, drawn: Plan, frame: Frame) -> float:
        """How far in it starts, so that there is room for the heading."""
        ends = []
        for (a, b), (name, goal, *_) in self.ways.items():
            path = drawn.paths[name, goal]
            if self.direction == "up" and b not in self.home:
                ends.append(path[-1][0])
            elif self.direction == "down" and a not in self.home:
                ends.append(path[0][0])
        return PAD + room(width_of(frame.heading, 13), ends, (-PAD, drawn.size[0] + PAD))

    def part(self) -> Part:
        """All of it, with its wires."""
        drawn = plan(self.cells, self.nets)
        pad, right, below = 0.0, 0.0, 0.0
        if self.frame is not None:
            pad, right, below = self._room(drawn, self.frame), PAD, PAD / 2
        width, height = drawn.size[0] + pad + right, drawn.size[1] + below
        whole = Part((width, height), enters=_crossing, leaves=_crossing)
        corners: dict[Hashable, Point] = {}
        for spot, part in self.parts.items():
            x, y, w, h = drawn.boxes[spot]
            corners[spot] = x - w / 2 + pad, y - h / 2 + below
            if isinstance(part, Item):
                whole.boxes[part.key] = (x + pad, y + below, w, h)
            else:
                whole.take(part, *corners[spot])
        for points in drawn.forks.values():
            whole.forks += shifted(points, pad, below)
        for (a, b), (name, goal, leaving, coming) in self.ways.items():
            path = shifted(drawn.paths[name, goal], pad, below)
            if leaving is not None:
                path = [*shifted(leaving.paths[a], *corners[self.home[a]]), *path]
            if coming is not None:
                path = [*path, *shifted(coming.paths[b], *corners[self.home[b]])]
            coming_side, leaving_side = SIDES[self.direction]
            if a not in self.home:
                path = [_border(path[0], coming_side, whole.size), *path]
                place = whole.enters(a, b)
                port = whole.entries.setdefault(place, Port(("in", place), coming_side, path[0]))
                port.paths[b] = tidy(path)
            elif b not in self.home:
                path = [*path, _border(path[-1], leaving_side, whole.size)]
                place = whole.leaves(a, b)
                port = Port(("out", place), leaving_side, path[-1], {a: tidy(path)})
                whole.exits[place] = port
            else:
                whole.paths[a, b] = tidy(path)
        if self.frame is not None:
            around = replace(self.frame, box=(width / 2, height / 2, width, height))
            whole.frames.insert(0, around)
        return whole


def _border(at: Point, side: str, size: Point) -> Point:
    """The place on a side of a part, straight across from a point in it."""
    x, y = at
    return {"B": (x, 0.0), "T": (x, size[1]), "L": (0.0, y), "R": (size[0], y)}[side]


def _crossing(a: Key, b: Key) -> Hashable:
    """The name of the place at a module's border where an arrow crosses it."""
    return a, b if b.kind == "bundle" else None


def _align(cells: Mapping[Hashable, Cell], nets: Mapping[Hashable, Net]) -> None:
    """Move what stands in one column so that the wires between are straight, where there is room.

    The widest stands still, and what is wired to it comes to where its wire enters or leaves.
    """
    rooms: dict[int, float] = defaultdict(float)
    for cell in cells.values():
        rooms[cell.column] = max(rooms[cell.column], cell.size[0])
    linked: dict[Hashable, list[tuple[Hashable, float]]] = defaultdict(list)
    for name, net in nets.items():
        for sink in net.sinks:
            one, other = cells[net.source], cells[sink]
            if one.column != other.column or abs(one.row - other.row) == 0:
                continue
            pins = [cell.pins.get(name, ("T", 0.0)) for cell in (one, other)]
            if all(side in "BT" for side, _ in pins):
                apart = pins[0][1] - pins[1][1]
                linked[net.source].append((sink, apart))
                linked[sink].append((net.source, -apart))
    moved: set[Hashable] = set()
    for start in sorted(linked, key=lambda spot: -cells[spot].size[0]):
        if start in moved:
            continue
        moved.add(start)
        waiting = [start]
        while waiting:
            spot = waiting.pop(0)
            for beside, apart in linked[spot]:
                if beside in moved:
                    continue
                moved.add(beside)
                room = (rooms[cells[beside].column] - cells[beside].size[0]) / 2
                if abs(shift := cells[spot].shift + apart) <= room + 0.01:
                    cells[beside].shift = shift
                    waiting.append(beside)


def _sides(item: Item) -> tuple[str, str]:
    """Where wires come to an item outside of steps, and where they leave."""
    return ("LRBT", "RLTB") if item.kind in ("state", "ellipsis") and item.strip else (
        "BLRT", "TRLB")  # fmt: skip


def shifted(path: Iterable[Point], dx: float, dy: float) -> list[Point]:
    """The same points elsewhere."""
    return [(x + dx, y + dy) for x, y in path]
