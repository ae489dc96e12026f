"""One step of a strip, laid out for all steps that are alike, with ports at its border."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from minigrad.graph.drawing.part import (
    HEAD,
    PAD,
    Part,
    Port,
    Written,
    free,
    measured,
    room,
    shifted,
)
from minigrad.graph.drawing.phrases import said
from minigrad.graph.drawing.placing import CellPlaces
from minigrad.graph.drawing.scene import Frame, width_of
from minigrad.graph.drawing.wires import Cell, Net, Plan, Point, plan, tidy
from minigrad.graph.record import Path
from minigrad.graph.view import Arrow, Item, Key


def lane_of(a: Key, b: Key) -> Hashable:
    """Which state an arrow from step to step carries."""
    state = a if a.kind in ("state", "ellipsis") else b
    return state.path[:2]


def _is_far(a: Key, b: Key) -> bool:
    """Whether an arrow leads past the next step: it goes around what is between."""
    return a.step is not None and b.step is not None and abs(a.step - b.step) > 1


class Border(NamedTuple):
    """Where a value crosses the border of a step.

    Attributes:
        way: ``"in"`` and ``"out"`` along a lane, ``"below"`` and ``"above"`` from elsewhere.
        what: which value.
        number: of several alike.
    """

    way: str
    what: Hashable
    number: Hashable = 0


Name = Key | Border
Steps = Mapping[int, Sequence[Item]]


class Tile:
    """A step by its roles.

    Args:
        written: the view.
        strip: which layer and direction it is of.
        items: of the steps that share the layout.
        arrows: of each of these steps, those with an end in it.
        backward: whether the strip runs from the last step to the first.
        title: what stands over the first step, beside its number.
    """

    def __init__(
        self,
        written: Written,
        strip: Path,
        items: Steps,
        arrows: Mapping[int, Sequence[Arrow]],
        *,
        backward: bool,
        title: str,
    ) -> None:
        self.written, self.view, self.strip = written, written.view, strip
        self.backward, self.title, self.first = backward, title, min(items)
        self.steps = tuple(items)
        self.kinds: dict[Key, str] = {}
        self.sizes: dict[Key, tuple[float, float]] = {}
        self.round: set[Key] = set()
        for item in (item for found in items.values() for item in found):
            role = item.key.role
            self.kinds.setdefault(role, item.kind)
            (w, h), form = measured(item, self.view)
            before = self.sizes.get(role, (0.0, 0.0))
            self.sizes[role] = max(w, before[0]), max(h, before[1])
            if form == "circle":
                self.round.add(role)
        self.framed = not set(self.kinds.values()) <= {"input", "constant", "parameter"}
        self.nets: dict[Name, Net] = {role: Net(role, {}) for role in self.sizes}
        self.together: dict[Arrow, Border] = {}  # where a value from outside comes in
        for step in items:
            self._read(step, arrows.get(step, ()))
        self.part = self._laid()

    def _read(self, step: int, arrows: Iterable[Arrow]) -> None:
        """The nets of a step: inside, through its border, and along its lanes."""
        outside: dict[Key, list[Key]] = defaultdict(list)
        for a, b in arrows:
            here, there = ((k.strip, k.step) == (self.strip, step) for k in (a, b))
            if there and not here and (a.strip != self.strip or _is_far(a, b)):
                outside[a].append(b)
                continue
            name: Name = a.role if here else Border("in", lane_of(a, b))
            sink: Name = b.role if there else self._leaves(a, b)
            self._add(name, sink, self.written.wide(a, b) if there else 0.0)
        alike: dict[tuple[Key, ...], int] = defaultdict(int)
        for a, bs in outside.items():
            roles = tuple(sorted((b.role for b in bs), key=repr))
            name = Border("below", roles, alike[roles])  # two values may come to the same box
            alike[roles] += 1
            for b in bs:
                self._add(name, b.role, self.written.wide(a, b))
                self.together[a, b] = name

    def _add(self, name: Name, sink: Name, wide: float) -> None:
        net = self.nets.setdefault(name, Net(name, {}))
        net.sinks[sink] = max(net.sinks.get(sink, 0.0), wide)

    def _leaves(self, a: Key, b: Key) -> Border:
        """Where a value leaves the step on its way to an item outside."""
        if b.strip == self.strip and not _is_far(a, b):
            return Border("out", lane_of(a, b))
        return Border("above", a.role, b if b.kind == "bundle" else None)

    def _laid(self) -> Part:
        sources: dict[Hashable, list[Hashable]] = defaultdict(list)
        lanes: dict[Border, Key | None] = {
            name: None for name in self.nets if isinstance(name, Border) and name.way == "in"
        }
        for name, net in self.nets.items():
            for sink in net.sinks:
                if isinstance(sink, Key):
                    sources[sink].append(name)
                elif isinstance(sink, Border) and sink.way == "out" and isinstance(name, Key):
                    lanes[sink._replace(way="in")] = name
        placed = CellPlaces(self.kinds, sources, lanes)
        cells: dict[Hashable, Cell] = {
            role: Cell(
                *placed.places[role], self.sizes[role],
                ins="B" if self.kinds[role] == "layer" else "BLRT",
                outs="RTBL" if self.kinds[role] == "state" else "TRLB", round=role in self.round,
            )
            for role in self.sizes
        }  # fmt: skip
        self._lanes(cells, placed, lanes)
        self._ports(cells)
        nets: dict[Hashable, Net] = {name: net for name, net in self.nets.items() if net.sinks}
        return self._drawn(plan(cells, nets))

    def _lanes(
        self,
        cells: dict[Hashable, Cell],
        placed: CellPlaces,
        lanes: Mapping[Border, Key | None],
    ) -> None:
        """Cells at the left and right border: a state at the same height on both sides."""
        last = max(cell.column for cell in cells.values()) + 1
        used: set[int] = set()
        for name, end in lanes.items():
            row = next((cells[b].row for b in placed.belts.get(name, ())), 0)
            while row in used:
                row -= 1
            used.add(row)
            if name in self.nets:
                cells[name] = Cell(-1, row, (0, 0), outs="R", pins={name: ("R", 0.0)})
            if end is not None:
                cells[name._replace(way="out")] = Cell(last, row, (0, 0), ins="L",
                                                       pins={end: ("L", 0.0)})  # fmt: skip

    def _ports(self, cells: dict[Hashable, Cell]) -> None:
        """Cells at the lower and upper border, and room for the heading."""
        low = min(cell.row for cell in cells.values()) - 1
        high = max(cell.row for cell in cells.values()) + 1
        head = 0.0
        if self.framed:
            head = 12.0 if self.view.name == "cell" else HEAD
            cells["heading"] = Cell(-1, high, (0, head))
        for name, net in list(self.nets.items()):
            if isinstance(name, Border) and name.way == "below":
                column = min(cells[b].column for b in net.sinks)
                cells[name] = Cell(free(cells, column, low), low, (0, 0), outs="T",
                                   pins={name: ("T", 0.0)})  # fmt: skip
            for sink in net.sinks:
                if isinstance(sink, Border) and sink.way == "above":
                    column = free(cells, cells[name].column, high)
                    cells[sink] = Cell(column, high, (0, head), ins="B",
                                       pins={name: ("B", 0.0)})  # fmt: skip

    def _drawn(self, drawn: Plan) -> Part:
        """The plan as a part."""
        entered = any(isinstance(name, Border) and name.way == "below" for name in self.nets)
        low = PAD if self.framed and not entered else 0.0
        left = self._room(drawn)
        width, height = drawn.size[0] + left, drawn.size[1] + low
        part = Part((width, height))
        for role in self.sizes:
            x, y, w, h = drawn.boxes[role]
            part.boxes[role] = (x + left, y + low, w, h)
        for (name, sink), points in drawn.paths.items():
            path = shifted(points, left, low)
            if isinstance(name, Key) and isinstance(sink, Key):
                part.paths[name, sink] = path
            elif isinstance(name, Key) and isinstance(sink, Border):
                side = "T" if sink.way == "above" else "R"
                if side == "T":
                    path.append((path[-1][0], height))
                part.exits[sink] = Port(side if sink.number is None else sink, side, path[-1],
                                        {name: path})  # fmt: skip
            elif isinstance(name, Border) and isinstance(sink, Key):
                side = "B" if name.way == "below" else "L"
                path.insert(0, (path[0][0], 0.0) if side == "B" else (0.0, path[0][1]))
                port = part.entries.setdefault(name, Port(name, side, path[0]))
                port.paths[sink] = tidy(path)
        for fork in drawn.forks.values():
            part.forks += shifted(fork, left, low)
        return part

    def _room(self, drawn: Plan) -> float:
        """How far in it starts, so that there is room for the heading."""
        if not self.framed:
            return 0.0
        wide = max(width_of(self.heading(step), 13) for step in self.steps)
        ends = [points[-1][0] for (_, sink), points in drawn.paths.items()
                if isinstance(sink, Border) and sink.way == "above"]  # fmt: skip
        return room(wide, ends, (0.0, drawn.size[0])) if wide else 0.0

    def at(self, step: int) -> Part:
        """The layout at a step; turned round in a strip that runs backward."""
        laid, width = self.part, self.part.size[0]
        turned = {"L": "R", "R": "L"} if self.backward else {}

        def place(p: Point) -> Point:
            return (width - p[0], p[1]) if self.backward else p

        def keyed(role: Key) -> Key:
            return role._replace(step=step)

        def port(p: Port) -> Port:
            return Port(p.name, turned.get(p.side, p.side), place(p.at), {
                keyed(k): [place(q) for q in path] for k, path in p.paths.items()
            })  # fmt: skip

        part = Part(
            laid.size,
            {keyed(k): (*place((x, y)), w, h) for k, (x, y, w, h) in laid.boxes.items()},
            {(keyed(a), keyed(b)): [place(q) for q in path]
             for (a, b), path in laid.paths.items()},
            {name: port(p) for name, p in laid.entries.items()},
            {name: port(p) for name, p in laid.exits.items()},
            forks=[place(q) for q in laid.forks],
            enters=lambda a, b: self.together.get((a, b), Border("in", lane_of(a, b))),
            leaves=self._leaves,
        )  # fmt: skip
        if self.framed:
            w, h = laid.size
            part.frames.append(
                Frame((w / 2, h / 2, w, h), self.heading(step), (self.strip, step), step, 9)
            )
        return part

    def heading(self, step: int) -> str:
        """What stands over a step; over a strip's first also which it is, if there are several."""
        if self.view.name == "cell":
            return ""
        number = said(self.view.headings.get(step, f"t = {step}"), self.view.language)
        return f"{self.title}   {number}" if self.title and step == self.first else number
