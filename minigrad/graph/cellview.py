"""One cell in the notation of the course notes, made from its recorded step.

Yellow boxes are neural network layers, an affine map with its activation; red circles act on
each entry; lines that meet are concatenated, lines that fork are copied. A state that only red
circles change, such as c, runs straight along the top, as on a belt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from minigrad.graph import dot, routes, strips
from minigrad.graph.folded import folded
from minigrad.graph.items import Item, View
from minigrad.graph.model import Graph
from minigrad.graph.routes import Point
from minigrad.graph.scene import Scene

_PITCH, _ROW = 92.0, 66.0  # points between columns, and between rows
_BOX = (54.0, 30.0)
_RADIUS = 15.0
_LAYER, _BETWEEN, _BELT = 1, 2, 3  # rows, counted from the line at the bottom


@dataclass
class _Cell:
    """The step as a graph of layers and points, and where each stands (column, row)."""

    view: View
    sources: dict[str, list[str]] = field(default_factory=dict)
    readers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    belts: list[tuple[str, str, list[str]]] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)


def cell(graph: Graph, *, title: str | None = None) -> View:
    """The view of one cell; see `scene`, which draws it.

    Args:
        graph: from `trace` or `trace_target`, with at least two time steps; of several layers and
            directions of one kind the first is drawn, and the caption names them.
        title: heading of the picture; the graph's title if not given.

    Raises:
        ValueError: the graph has no time steps, or cells of several kinds.
    """
    view = folded(graph, title=title, name="cell")
    alike: dict[Any, list[str]] = defaultdict(list)
    for strip in strips.order_of(view.items, view.arrows):
        items = [item for item in view.items if item.strip == strip]
        if any(item.kind == "layer" for item in items):
            alike[_structure(items, view)].append(strip)
    if len(alike) != 1:
        raise ValueError(
            f"cell: {view.title} has {len(alike)} kinds of cells, expected one; its folded view "
            "shows them all"
        )
    ((drawn, *others),) = alike.values()
    inside = {i.id for i in view.items if i.strip == drawn}
    arrows = tuple(
        (a, b) for a, b in view.arrows if {a, b} <= inside and not b.startswith("before ")
    )
    names = "; ".join(map(strips.title_of, (drawn, *others)))
    return View(
        view.title, tuple(item for item in view.items if item.id in inside), arrows, view.steps,
        name="cell", folded=view.folded, caption=(f"Alike in {names}.",) if others else (),
    )  # fmt: skip


def _structure(items: Sequence[Item], view: View) -> Any:
    """What is the same in two cells that are drawn alike."""
    names = {
        item.id: (item.kind, item.role if item.kind == "state" else item.called)
        for item in items
        if item.kind in ("layer", "point", "state")
    }
    arrows = ((names[a], names[b]) for a, b in view.arrows if a in names and b in names)
    return tuple(sorted(names.values())), tuple(sorted(arrows))


def scene(view: View) -> Scene:
    """The cell with everything in its place."""
    cell = _read(view)
    _place(cell)
    return _Drawing(cell).scene


def _read(view: View) -> _Cell:
    """Operands of each item, seen through concatenations; and the belts."""
    cell = _Cell(view)
    items = {item.id: item for item in view.items}
    direct: dict[str, list[str]] = defaultdict(list)
    for a, b in view.arrows:
        direct[b].append(a)
    for b in items:
        found: list[str] = []
        for a in direct[b]:
            found += direct[a] if items[a].kind == "join" else [a]
        cell.sources[b] = [_value(a, items, direct) for a in found]
    for b, found in cell.sources.items():
        if items[b].kind in ("layer", "point", "state"):
            for a in dict.fromkeys(found):
                cell.readers[a].append(b)
    for item in view.items:
        if item.kind == "state" and item.step is None:
            out = next((i.id for i in view.items if i.kind == "state" and i.step is not None
                        and i.role == item.role), None)  # fmt: skip
            path = _path(item.id, out, items, cell) if out else []
            if out and path:
                cell.belts.append((item.id, out, path))
    cell.belts.sort(key=lambda one: not one[0].startswith("before state c"))
    return cell


def _value(a: str, items: dict[str, Item], direct: dict[str, list[str]]) -> str:
    """A state of this step is the value of what computes it."""
    return direct[a][0] if items[a].kind == "state" and items[a].step is not None else a


def _path(start: str, out: str, items: dict[str, Item], cell: _Cell) -> list[str]:
    """The points through which a state goes on its way to the next step, if only points."""
    end = cell.sources[out][0]
    stack = [(end, [end])]
    taken = {p for _, _, path in cell.belts for p in path}
    while stack:
        at, path = stack.pop()
        if items[at].kind != "point" or at in taken:
            continue
        for source in cell.sources[at]:
            if source == start:
                return path[::-1]
            stack.append((source, [*path, source]))
    return []


def _place(cell: _Cell) -> None:
    """A column and a row for each layer and point, from left to right as they are computed."""
    rows = {p: _BELT + k for k, (_, _, path) in enumerate(cell.belts) for p in path}
    before: dict[str, str] = {}  # of each point on a belt, the value that comes along the belt
    for start, _, path in cell.belts:
        before |= dict(zip(path, [start, *path], strict=False))
    taken: set[tuple[int, int]] = set()
    last = -1
    for item in _in_order(cell):
        columns = [cell.places[a][0] for a in cell.sources[item.id] if a in cell.places]
        near = max(columns, default=-1)
        row = _LAYER
        if item.kind == "layer":
            column = last + 1
        elif item.id in rows:
            row = rows[item.id]
            earlier = [  # points that read the belt before stand on its left
                cell.places[r][0] + 1
                for r in cell.readers[before[item.id]]
                if r in cell.places and cell.places[r][1] == _BETWEEN
            ]
            column = max([near, 0, *earlier])
            while (column, row) in taken or any(
                r == row and c >= column for c, r in cell.places.values()
            ):
                column += 1
        else:
            column, row = max(near, 0), _BETWEEN
            from_belt = any(a in rows for a in cell.sources[item.id])
            if from_belt or (column, row) in taken:
                up = {cell.places[a] for a in cell.sources[item.id] if a in cell.places}
                if (column, _BETWEEN) in up and (column, _LAYER) not in taken:
                    row = _LAYER
                else:
                    column = last + 1
        cell.places[item.id] = (column, row)
        taken.add((column, row))
        last = max(last, column)


def _in_order(cell: _Cell) -> list[Item]:
    """Layers and points, operands first."""
    items = {i.id: i for i in cell.view.items if i.kind in ("layer", "point")}
    done: dict[str, Item] = {}
    while len(done) < len(items):
        ready = [
            item for key, item in items.items()
            if key not in done and all(a in done or a not in items for a in cell.sources[key])
        ]  # fmt: skip
        if not ready:
            raise ValueError(f"cell: {cell.view.title}: its step has a circle")
        done[ready[0].id] = ready[0]
    return list(done.values())


class _Drawing:
    """Boxes, circles and lines of a placed cell."""

    def __init__(self, cell: _Cell) -> None:
        self.cell, self.view = cell, cell.view
        self.scene = Scene(cell.view)
        self.line: dict[str, Any] = {"penwidth": "1.6", "color": cell.view.palette.wire}
        self.items = {item.id: item for item in cell.view.items}
        self.columns = 1 + max(column for column, _ in cell.places.values())
        self.top = _ROW * (_BELT - 1 + max(len(cell.belts), 1))
        self.left, self.right = -104.0, self.columns * _PITCH - 20
        self.belt_of = {start: _BELT + k for k, (start, _, _) in enumerate(cell.belts)}
        self.lanes: dict[int, int] = defaultdict(int)
        self.doors: dict[tuple[str, str], int] = defaultdict(int)
        self.dots: set[Point] = set()
        self._frame()
        self._rail()
        for b in cell.places:
            for a in dict.fromkeys(cell.sources[b]):
                if a in cell.places:
                    self._line(a, b)
                elif a in self.belt_of:
                    self._from_belt(a, b)
        self._outputs()
        self._shapes()
        for sentence in self.view.caption:
            middle = (self.left + self.right) / 2
            self.scene.text(dot.printable(sentence), (middle, self.bottom - 76), size=11)

    def _at(self, key: str) -> Point:
        column, row = self.cell.places[key]
        return column * _PITCH, row * _ROW if row < _BELT else self._height(row)

    def _height(self, row: int) -> float:
        return row * _ROW

    def _half(self, key: str) -> tuple[float, float]:
        layer = self.items[key].kind == "layer"
        return (_BOX[0] / 2, _BOX[1] / 2) if layer else (_RADIUS, _RADIUS)

    def _draw(self, corners: list[Point], *, arrow: bool = True) -> None:
        tip, path = routes.bent(corners)
        if arrow:
            self.scene.line(path, tip=tip, **self.line)
        else:
            self.scene.line([*path[:-1], corners[-1]], **self.line)

    def _fork(self, at: Point) -> None:
        """A dot where a line is copied."""
        if at not in self.dots:
            self.dots.add(at)
            self.scene.shape((*at, 5.0, 5.0), "circle", style="filled",
                             fillcolor=self.line["color"], color=self.line["color"])  # fmt: skip

    def _frame(self) -> None:
        middle = (self.left + self.right) / 2
        rows = [row for _, row in self.cell.places.values()]
        bottom, top = -30.0, self._height(max(rows)) + 40
        self.bottom, self.ceiling = bottom, top
        look = {**self.view.palette.kinds["state"], "style": "rounded,filled"}
        box = (middle, (bottom + top) / 2, self.right - self.left, top - bottom)
        self.scene.shape(box, "box", (), **look)

    def _rail(self) -> None:
        """The line at the bottom, where h and x are joined, and its forks up into the layers."""
        layers = [key for key in self.cell.places if self.items[key].kind == "layer"]
        outside = {key for item in self.view.items for key in [item.id]
                   if key not in self.cell.places and item.kind in ("state", "input")
                   and not (item.kind == "state" and item.step is not None)}  # fmt: skip
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for key in layers:
            names = tuple(a for a in self.cell.sources[key] if a in outside)
            groups[names].append(key)
        states = [k for k in outside if self.items[k].kind == "state" and k not in self.belt_of]
        inputs = [i.id for i in self.view.items if i.id in outside and i.kind == "input"]
        entry = {key: self.left + 34 + 26 * n for n, key in enumerate(inputs)}
        for n, key in enumerate(inputs):
            x = entry[key]
            self.scene.text(self.items[key].lines[0], (x, self.bottom - 38 - 16 * (n % 2)))
        ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
        drawn: set[str] = set()
        rails = [(names, keys, -12.0 * k) for k, (names, keys) in enumerate(ordered) if names]
        for key in sorted(states):
            self.scene.text(self.items[key].lines[0], (self.left - 14, 0.0), align="r")
        for names, keys, y in rails:
            ends = [self._bottom(key) for key in keys]
            for name in names:
                if name in states:
                    x = self.left + 20
                    self._draw([(self.left - 10, 0.0), (self.left + 34, 0.0)], arrow=False)
                    if y:
                        self._draw([(x, 0.0), (x, y), (self.left + 34, y)], arrow=False)
                        self._fork((x, 0.0))
                elif name in entry:
                    x = entry[name]
                    self._draw([(x, self.bottom - 26), (x, y)], arrow=False)
                    if name in drawn:
                        self._fork((x, min(y, 0.0)))
                    drawn.add(name)
                else:  # a belt's value comes down on the left
                    x = self.left + 8 + 9 * list(self.belt_of).index(name)
                    high = self._height(self.belt_of[name])
                    self._draw([(x, high), (x, y), (self.left + 34, y)], arrow=False)
                    self._fork((x, high))
            start = min([entry[n] for n in names if n in entry] + [self.left + 30])
            far = max(x for x, _ in ends)
            self._draw([(start, y), (far - 1, y)], arrow=False)
            for x, low in ends:
                self._draw([(x, y), (x, low)])
                if x < far:
                    self._fork((x, y))
        for key in self.cell.places:  # an input that a point reads
            for a in self.cell.sources[key]:
                if self.items[key].kind == "point" and a in entry:
                    x, y = self._at(key)
                    self._draw([(entry[a], self.bottom - 26), (entry[a], -22.0),
                                (x - 40, -22.0), (x - 40, y), (x - _RADIUS, y)])  # fmt: skip
                elif self.items[key].kind == "point" and a in states:
                    x, y = self._at(key)
                    lane = y - _ROW / 2 - 4
                    self._draw([(self.left - 10, 0.0), (self.left + 20, 0.0),
                                (self.left + 20, lane), (x - 30, lane), (x - 30, y),
                                (x - _RADIUS, y)])  # fmt: skip

    def _bottom(self, key: str) -> Point:
        x, y = self._at(key)
        return x, y - self._half(key)[1]

    def _line(self, a: str, b: str) -> None:
        """From one layer or point to another."""
        (xa, ya), (xb, yb) = self._at(a), self._at(b)
        (wa, ha), (wb, hb) = self._half(a), self._half(b)
        row_a, row_b = self.cell.places[a][1], self.cell.places[b][1]
        column = self.cell.places[a][0]
        between = range(min(row_a, row_b) + 1, max(row_a, row_b))
        if xa == xb and yb > ya and any((column, row) in self.cell.places.values()
                                        for row in between):  # fmt: skip
            side, lane, under = xa - _RADIUS - 14, ya + ha + 20, yb - hb - 14
            self._draw([(xa, ya + ha), (xa, lane), (side, lane), (side, under),
                        (xb - 8, under), (xb - 8, yb - hb + 2)])  # fmt: skip
            self._fork((xa, lane))
            return
        if xa == xb:
            up = yb > ya
            self._draw([(xa, ya + ha if up else ya - ha), (xb, yb - hb if up else yb + hb)])
            return
        occupied = set(self.cell.places.values())
        ca, cb = self.cell.places[a][0], self.cell.places[b][0]
        free = not any((c, row_a) in occupied for c in range(min(ca, cb) + 1, max(ca, cb)))
        if row_a == row_b and free:
            self._draw([(xa + wa, ya), (xb - wb, yb)])
            return
        if row_a >= _BELT and self._belt_end(a):  # the belt's new value, read from above
            x = xb - (10 if self.items[b].kind == "layer" else 0)
            self._draw([(x, ya), (x, yb + hb)])
            self._fork((x, ya))
            return
        if self.items[b].kind == "layer":  # into its side
            x = xb - wb - 16
            self._draw([(xa + wa, ya), (x, ya), (x, yb), (xb - wb, yb)])
            return
        n = self.lanes[row_a]
        self.lanes[row_a] += 1
        lane = ya + ha + (20 if self.items[a].kind == "layer" else 9) + 6 * n
        if free and row_b > row_a and (cb, row_a) not in occupied:
            self._draw([(xa + wa, ya), (xb, ya), (xb, yb - hb)])
        elif row_b == row_a or (row_b == row_a + 1 and (ca, row_b) in occupied):
            x = xb - wb - 14
            self._draw([(xa, ya + ha), (xa, lane), (x, lane), (x, yb), (xb - wb, yb)])
            if len(self.cell.readers[a]) > 1:
                self._fork((xa, lane))
        else:
            x = xb - (0 if (cb, row_b - 1) not in occupied or row_b > _BETWEEN else 10)
            lane = max(lane, yb - _ROW / 2) if row_b > row_a else lane
            self._draw([(xa, ya + ha), (xa, lane), (x, lane), (x, yb - hb)])

    def _belt_end(self, key: str) -> bool:
        return any(path[-1] == key for _, _, path in self.cell.belts)

    def _from_belt(self, start: str, b: str) -> None:
        """The belt's old value, read from above by what stands before the belt's first point."""
        path = next(path for first, _, path in self.cell.belts if first == start)
        if b in path or self.items[b].kind == "layer":
            return  # on the belt itself; layers have it from the line at the bottom
        high = self._height(self.belt_of[start])
        x, y = self._at(b)
        self._draw([(x, high), (x, y + _RADIUS)])
        self._fork((x, high))

    def _outputs(self) -> None:
        """Belts straight along the top; the other states out on the right, h also upward."""
        for start, out, path in self.cell.belts:
            y = self._height(self.belt_of[start])
            self.scene.text(self.items[start].lines[0], (self.left - 14, y), align="r")
            xs = [self._at(p)[0] for p in path]
            ends = [(self.left - 10, xs[0] - _RADIUS)]
            ends += [(x + _RADIUS, z - _RADIUS) for x, z in pairwise(xs)]
            for x, z in [*ends, (xs[-1] + _RADIUS, self.right + 10)]:
                self._draw([(x, y), (z, y)])
            self.scene.text(self.items[out].lines[0], (self.right + 14, y), align="l")
            if out.startswith("state h"):
                self._leaving(self.right - 22, y, self.items[out].lines[0])
        belted = {out for _, out, _ in self.cell.belts}
        low = 0.0
        for item in self.view.items:
            if item.kind != "state" or item.step is None or item.id in belted:
                continue
            source = self.cell.sources[item.id][0]
            if source not in self.cell.places:
                continue
            x, y = self._at(source)
            side = self.right - 34 + 8 * (low / 24)
            self._draw([(x + self._half(source)[0], y), (side, y), (side, -low),
                        (self.right + 10, -low)])  # fmt: skip
            self.scene.text(item.lines[0], (self.right + 14, -low), align="l")
            if item.id.startswith("state h"):
                self._leaving(side, y, item.lines[0])
            low += 24

    def _leaving(self, x: float, y: float, name: str) -> None:
        """A copy of h leaves upward: the cell's output."""
        self._draw([(x, y), (x, self.ceiling + 22)])
        self._fork((x, y))
        self.scene.text(name, (x, self.ceiling + 32))

    def _shapes(self) -> None:
        for key in self.cell.places:
            item = self.items[key]
            x, y = self._at(key)
            style = dot.look(self.view, item.kind)
            style.pop("shape")
            style.pop("margin", "")
            if item.kind == "layer":
                formula = item.lines[1]
                word = formula.partition("(")[0] if "(W" in formula else "W"
                self.scene.shape((x, y, *_BOX), "box", (word,), tooltip=item.tooltip,
                                 **{**style, "fontsize": "14"})  # fmt: skip
                name = item.lines[0].partition(" = ")[0]
                self.scene.text(f"{name}ₜ", (x + 9, y + _BOX[1] / 2 + 9), align="l", size=11)
            else:
                word = item.lines[0]
                size = "15" if len(word) < 3 else "10"
                self.scene.shape((x, y, 2 * _RADIUS, 2 * _RADIUS), "circle", (word,),
                                 tooltip=item.tooltip, **{**style, "fontsize": size})  # fmt: skip
