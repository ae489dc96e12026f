"""Wires on a grid: no wire runs under a box, and no two values share a wire.

Boxes stand in the cells of a grid. Between its columns and rows are channels, with a track for
each wire that runs along them; through a row or column itself a wire runs only where its cells
are empty, and alone. So what is drawn is right wherever the boxes stand; how they are placed
decides only how well it looks. Channels get as wide as their wires need.

All lengths are in points, y upward. In grid coordinates cell (column, row) is the point
(2 column + 1, 2 row + 1), so that odd numbers are columns and rows, and even numbers channels.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # of its centre x and y, then width and height
Spot = Hashable
_Grid = tuple[int, int]

SIDES: Mapping[str, _Grid] = {"L": (-1, 0), "R": (1, 0), "B": (0, -1), "T": (0, 1)}
_BEND, _CROSSING, _FIRST, _OTHER, _SHARED = 28.0, 22.0, 6.0, 45.0, 24.0  # costs, in points
_FULL = 400.0  # where a side has no room for one more
_NEAR, _TRACK = 13.0, 8.0  # between a box and a track, and between two tracks
_CLEAR = 4.0  # at least, between the wires of two values
_PIN = 11.0  # between two wires at one side of a box
_APART = 16.0  # between boxes with no track between them
_REACH = 12  # grid lines around a box in which its wire is parted from the net's others


@dataclass
class Cell:
    """A box in a cell of the grid.

    Attributes:
        column: from the left.
        row: from the bottom.
        size: width and height.
        ins: sides that wires come in at, the best first.
        outs: sides that they leave from.
        round: whether it is a circle.
        pins: fixed places of wires, by net: the side, and how far from its middle.
        shift: how far its middle is to the right of its column's.
    """

    column: int
    row: int
    size: tuple[float, float]
    ins: str = "BLRT"
    outs: str = "TRLB"
    round: bool = False
    pins: Mapping[Hashable, tuple[str, float]] = field(default_factory=dict)
    shift: float = 0.0


@dataclass
class Net:
    """One value: a wire from where it is made to all that read it.

    Attributes:
        source: where it comes from.
        sinks: what reads it, with the width of the words at its end.
        meets: whether it is drawn the other way round: many values that come together.
    """

    source: Spot
    sinks: dict[Spot, float]
    meets: bool = False


@dataclass
class Plan:
    """Where everything is.

    Attributes:
        boxes: by spot.
        paths: corners of each wire, by net and sink, from the source's side to the sink's.
        forks: of each net, where its wire parts.
        size: width and height of it all; the lower left corner is (0, 0).
        columns: left and right edge of each column.
        rows: lower and upper edge of each row.
    """

    boxes: dict[Spot, Box]
    paths: dict[tuple[Hashable, Spot], list[Point]]
    forks: dict[Hashable, list[Point]]
    size: Point
    columns: list[tuple[float, float]]
    rows: list[tuple[float, float]]


class _Run(NamedTuple):
    """A straight piece of a net: along a line of the grid, from one place on it to another."""

    net: Hashable
    upright: bool
    line: int
    low: int
    high: int
    part: int = 0  # of several of a net at one place


def plan(cells: Mapping[Spot, Cell], nets: Mapping[Hashable, Net]) -> Plan:
    """Route all wires, then give every line its place."""
    return _Router(cells, nets).plan()


class _Router:
    def __init__(self, cells: Mapping[Spot, Cell], nets: Mapping[Hashable, Net]) -> None:
        columns = sorted({cell.column for cell in cells.values()})
        rows = sorted({cell.row for cell in cells.values()})
        self.cells, self.nets = cells, nets
        self.at = {
            spot: (2 * columns.index(cell.column) + 1, 2 * rows.index(cell.row) + 1)
            for spot, cell in cells.items()
        }
        self.standing = {at: spot for spot, at in self.at.items()}
        if len(self.standing) < len(self.at):
            raise ValueError("wires: two boxes in one cell of the grid")
        self.size = 2 * len(columns), 2 * len(rows)
        self.taken: dict[tuple[_Grid, _Grid], Hashable] = {}  # pieces of rows and columns
        self.through: dict[_Grid, dict[Hashable, set[bool]]] = defaultdict(dict)
        self.sides: dict[tuple[Spot, str], dict[Hashable, None]] = defaultdict(dict)
        self.ways: dict[tuple[Hashable, Spot], list[_Grid]] = {}
        # of each net the points inside its wires by column, with a wire and the place in it
        self.stems: dict[Hashable, dict[int, dict[_Grid, tuple[list[_Grid], int]]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        self.rough = [self._rough(axis) for axis in (0, 1)]
        self.count: dict[tuple[int, int], int] = {}  # of each channel's tracks, by axis and line
        self.said: dict[tuple[int, int, bool], float] = defaultdict(float)  # room for words

    # Which way each wire goes

    def _rough(self, axis: int) -> list[float]:
        """About where each grid line will be."""
        widths = [14.0] * (self.size[axis] + 1)
        for spot, at in self.at.items():
            widths[at[axis]] = max(widths[at[axis]], self.cells[spot].size[axis])
        middles, edge = [], 0.0
        for width in widths:
            middles.append(edge + width / 2)
            edge += width
        return middles

    def _away(self, a: _Grid, b: _Grid) -> float:
        across, along = self.rough
        return abs(across[a[0]] - across[b[0]]) + abs(along[a[1]] - along[b[1]])

    def _route(self) -> None:
        def length(name: Hashable) -> float:
            net = self.nets[name]
            return max((self._away(self.at[net.source], self.at[sink]) for sink in net.sinks),
                       default=0.0)  # fmt: skip

        for name in sorted(self.nets, key=length):
            net = self.nets[name]
            ends = sorted(net.sinks, key=lambda s: self._away(self.at[net.source], self.at[s]))
            for sink in ends:
                self.ways[name, sink] = way = self._search(name, net, sink)
                self._take(name, net, sink, way)

    def _take(self, name: Hashable, net: Net, sink: Spot, way: list[_Grid]) -> None:
        stems = self.stems[name]
        for k in range(1, len(way) - 1):
            stems[way[k][0]].setdefault(way[k], (way, k))
        for a, b in itertools.pairwise(way):
            self.taken[min(a, b), max(a, b)] = name
            for point in (a, b):
                self.through[point].setdefault(name, set()).add(a[0] == b[0])
        self.sides[net.source, _side(way[0], way[1])][name] = None
        self.sides[sink, _side(way[-1], way[-2])][name] = None

    def _search(self, name: Hashable, net: Net, sink: Spot) -> list[_Grid]:
        """The best way from the net's source, or from any of its wires, to a sink."""
        ins, outs = self.cells[sink], self.cells[net.source]
        goals: dict[_Grid, tuple[str, float]] = {}
        for side, cost in self._doors(name, sink, ins.outs if net.meets else ins.ins):
            goals[_step(self.at[sink], side)] = (side, cost)
        best: dict[tuple[_Grid, str], float] = {}
        came: dict[tuple[_Grid, str], tuple[_Grid, str] | None] = {}
        queue: list[tuple[float, int, float, _Grid, str]] = []
        count = itertools.count()
        stems: dict[_Grid, list[_Grid]] = {}

        slack = sum(ins.size) / 2 + 40
        across, along = self.rough
        there = across[self.at[sink][0]], along[self.at[sink][1]]

        def reach(point: _Grid, side: str, cost: float, last: tuple[_Grid, str] | None) -> None:
            state = point, side
            if cost < best.get(state, 1e18):
                best[state], came[state] = cost, last
                away = abs(across[point[0]] - there[0]) + abs(along[point[1]] - there[1])
                heapq.heappush(queue, (cost + max(0.0, away - slack), next(count), cost, point,
                                       side))  # fmt: skip

        known = name in self.stems
        for point, (stem, k) in self._near(name, self.at[sink]) if known else ():
            if not self._is_shared(name, point):
                stems[point] = stem[: k + 1]
                reach(point, "", 0.0, None)
        for side, cost in self._doors(name, net.source, outs.ins if net.meets else outs.outs):
            point = _step(self.at[net.source], side)
            if known and point in stems and _side(self.at[net.source], point) == side:
                continue
            reach(point, side, cost + (_OTHER if known else 0.0), None)
        while queue:
            _, _, cost, point, heading = heapq.heappop(queue)
            if cost > best[point, heading]:
                continue
            if heading == "*":
                break
            if point in goals:
                side, more = goals[point]
                into = _OPPOSITE[side]
                bend = _BEND if heading not in ("", into) else 0.0
                if heading != side:
                    reach(point, "*", cost + more + bend, (point, heading))
            straight = heading and self._is_shared(name, point)
            for side in SIDES:
                if heading and (side == _OPPOSITE[heading] or (straight and side != heading)):
                    continue
                onward = _step(point, side)
                price = self._price(name, point, onward, side)
                if price is not None:
                    bend = _BEND if heading not in ("", side) else 0.0
                    reach(onward, side, cost + price + bend, (point, heading))
        else:
            raise ValueError("wires: there is no way from one box to another")
        way: list[_Grid] = []
        state: tuple[_Grid, str] | None = (point, "*")
        first: tuple[_Grid, str] = (point, "*")
        while state is not None:
            if state[1] != "*":
                way.append(state[0])
            first, state = state, came[state]
        way.reverse()
        start = stems[way[0]][:-1] if first[1] == "" else [self.at[net.source]]
        return [*start, *way, self.at[sink]]

    def _near(self, name: Hashable, at: _Grid) -> Iterable[tuple[_Grid, tuple[list[_Grid], int]]]:
        """Where a net's wires can be parted: near to a place, if they come near to it."""
        found = self.stems[name]
        lines = range(at[0] - _REACH, at[0] + _REACH + 1)
        near = [one for line in lines if line in found for one in found[line].items()]
        return near or (one for points in found.values() for one in points.items())

    def _doors(self, name: Hashable, spot: Spot, sides: str) -> Iterable[tuple[str, float]]:
        """Sides of a box that a net may use, and what each costs."""
        cell = self.cells[spot]
        if name in cell.pins:
            yield cell.pins[name][0], 0.0
            return
        for number, side in enumerate(sides):
            others = len(self.sides[spot, side].keys() - {name})
            shared = others * _SHARED * (3 if cell.round else 1)
            if others and cell.size[0 if side in "BT" else 1] < 8 * (others + 1):
                shared += _FULL
            yield side, number * _FIRST + shared

    def _is_shared(self, name: Hashable, at: _Grid) -> bool:
        """Whether another wire goes through this empty cell, so that none may bend in it."""
        return bool(at[0] % 2 and at[1] % 2 and self.through.get(at, {}).keys() - {name})

    def _price(self, name: Hashable, a: _Grid, b: _Grid, side: str) -> float | None:
        """What a step costs; ``None`` where there is no way."""
        if b in self.standing or not (0 <= b[0] <= self.size[0] and 0 <= b[1] <= self.size[1]):
            return None
        upright = a[0] == b[0]
        if (
            b[0] % 2
            and b[1] % 2
            and any(
                len(ways) > 1 for other, ways in self.through.get(b, {}).items() if other != name
            )
        ):
            return None  # another wire bends in this cell
        if a[0] % 2 if upright else a[1] % 2:  # through a row or column: one wire only
            owner = self.taken.get((min(a, b), max(a, b)), name)
            if owner != name:
                return None
        crossed = sum(
            1 for other, ways in self.through.get(b, {}).items()
            if other != name and (not upright) in ways
        )  # fmt: skip
        return self._away(a, b) + crossed * _CROSSING

    # Where each line is

    def plan(self) -> Plan:
        """Routes, then runs, then tracks, then points."""
        self._route()
        self._find_runs()
        self._place_pins()
        tracks = [self._tracks(upright) for upright in (True, False)]
        lines = [self._lines(axis, tracks[axis]) for axis in (0, 1)]
        self.middle = [[(a + b) / 2 for a, b in one] for one in lines]
        self.lines, self.track = lines, tracks
        boxes = {
            spot: (
                self.middle[0][x] + self.cells[spot].shift,
                self.middle[1][y],
                *self.cells[spot].size,
            )
            for spot, (x, y) in self.at.items()
        }
        paths = {key: self._corners(key, boxes) for key in self.ways}
        for (name, sink), path in paths.items():
            if self.nets[name].meets:
                paths[name, sink] = path[::-1]
        return Plan(
            boxes, paths, self._forks(), (lines[0][-1][1], lines[1][-1][1]),
            lines[0][1::2], lines[1][1::2],
        )  # fmt: skip

    def _find_runs(self) -> None:
        """The straight pieces of every net; those that end at a box, and what meets where."""
        pieces: dict[tuple[Hashable, bool, int], set[int]] = defaultdict(set)
        for (name, _), way in self.ways.items():
            for a, b in itertools.pairwise(way):
                upright = a[0] == b[0]
                pieces[name, upright, a[0] if upright else a[1]].add(
                    min(a[1], b[1]) if upright else min(a[0], b[0])
                )
        self.run_of: dict[tuple[Hashable, _Grid, _Grid], _Run] = {}
        self.ends: dict[_Run, list[tuple[Spot, str]]] = defaultdict(list)
        self.jogs: dict[tuple[Hashable, _Grid], _Run] = {}
        self.offset: dict[_Run, float] = {}
        runs: list[_Run] = []
        for (name, upright, line), found in pieces.items():
            stretches: list[list[int]] = []
            for place in sorted(found):
                at = (line, place) if upright else (place, line)
                if stretches and stretches[-1][1] == place and at not in self.standing:
                    stretches[-1][1] = place + 1
                else:
                    stretches.append([place, place + 1])
            for low, high in stretches:
                runs += self._split(_Run(name, upright, line, low, high))
        self.runs = runs

    def _split(self, run: _Run) -> list[_Run]:
        """A run as one, or as two with a jog between where its ends have places of their own."""
        ends = []
        for place, outward in ((run.low, 1), (run.high, -1)):
            at = (run.line, place) if run.upright else (place, run.line)
            if at in self.standing:
                toward = (run.line, place + outward) if run.upright else (place + outward, run.line)
                ends.append((self.standing[at], _side(at, toward)))
        fixed: list[float | None] = [
            self.cells[spot].pins[run.net][1] + self._shift(spot, side)
            if run.net in self.cells[spot].pins
            else None
            for spot, side in ends
        ]
        parts = [run]
        if self._is_bent(ends, fixed):
            middle = run.low + 1
            parts = [run._replace(high=middle), run._replace(low=middle)]
            at = (run.line, middle) if run.upright else (middle, run.line)
            jog = _Run(run.net, not run.upright, middle, run.line, run.line, 1)
            self.jogs[run.net, at] = jog
            parts.append(jog)
        for k, (end, offset) in enumerate(zip(ends, fixed, strict=True)):
            part = parts[k if len(parts) > 1 else 0]
            self.ends[part].append(end)
            if offset is not None:
                self.offset[part] = offset
        for part in parts:
            for place in range(part.low, part.high):
                a, b = ((part.line, place), (part.line, place + 1)) if part.upright else (
                    (place, part.line), (place + 1, part.line))  # fmt: skip
                self.run_of[part.net, a, b] = part
        return parts

    def _is_bent(self, ends: list[tuple[Spot, str]], fixed: list[float | None]) -> bool:
        """Whether a run from box to box cannot be straight: its ends are held at other heights.

        Or one box is too short to have its end where the other's is held.
        """
        if len(ends) < 2:
            return False
        shifts = [self._shift(spot, side) for spot, side in ends]
        places = [s if f is None else f for s, f in zip(shifts, fixed, strict=True)]
        if None not in fixed or fixed == [None, None]:
            return abs(places[0] - places[1]) > 0.5
        k = fixed.index(None)
        (spot, side), place = ends[k], places[1 - k]
        return abs(place - shifts[k]) > self.cells[spot].size[0 if side in "BT" else 1] / 2 - 4

    def _shift(self, spot: Spot, side: str) -> float:
        return self.cells[spot].shift if side in "BT" else 0.0

    def _place_pins(self) -> None:
        """Where at the sides of boxes wires end, so that they do not cross there."""
        sides: dict[tuple[Spot, str], list[_Run]] = defaultdict(list)
        for run, ends in self.ends.items():
            for end in ends:
                sides[end].append(run)
        self.sides_of = sides
        met: dict[tuple[Hashable, _Grid], list[_Run]] = defaultdict(list)
        for run in self.runs:
            for place in range(run.low, run.high + 1):
                at = (run.line, place) if run.upright else (place, run.line)
                met[run.net, at].append(run)
        self.met = met
        for (spot, side), runs in sorted(sides.items(), key=lambda one: len(one[1])):
            free = [run for run in runs if run not in self.offset]
            if not free:
                continue
            shift = self._shift(spot, side)
            if len(runs) == 1:
                self.offset[runs[0]] = shift
                continue
            across = self.cells[spot].size[0 if side in "BT" else 1]
            ordered = sorted(runs, key=lambda run: (self._far(run, spot, side), str(run)))
            room = max(across - 12, across / 2)
            apart = min(_PIN, room / (len(ordered) - 1))
            if self.cells[spot].round:
                apart = min(apart, across * 0.7 / (len(ordered) - 1))
            straight = [k for k, run in enumerate(ordered) if len(self.ends[run]) > 1]
            middle = float(straight[0]) if straight else (len(ordered) - 1) / 2
            reach = (across / 2 - 4) / apart
            middle = min(max(middle, len(ordered) - 1 - reach), reach)
            used = {round(self.offset[run], 1) for run in runs if run in self.offset}
            for k, run in enumerate(ordered):
                if run in self.offset:
                    continue
                offset = shift + (k - middle) * apart
                while round(offset, 1) in used:
                    offset += apart / 2
                used.add(round(offset, 1))
                self.offset[run] = offset

    def _far(self, run: _Run, spot: Spot, side: str) -> float:
        """Where a wire at a side of a box comes from, along that side."""
        at = self.at[spot]
        door = _step(at, side)
        axis = 0 if side in "BT" else 1
        others = [other for other in self.met[run.net, door] if other.upright != run.upright]
        return (others[0].low + others[0].high) / 2 if others else at[axis]

    def _tracks(self, upright: bool) -> dict[_Run, int]:
        """A track in its channel for every run along one."""
        channels: dict[int, list[_Run]] = defaultdict(list)
        for run in self.runs:
            if run.upright == upright and run.line % 2 == 0:
                channels[run.line].append(run)
        found: dict[_Run, int] = {}
        self.spans: dict[_Run, list[tuple[float, int]]] = {}
        for runs in channels.values():
            for run in runs:
                self.spans[run] = self._branches(run)
            for together in _overlapping(runs):
                found |= self._ordered(together)
        return found

    def _branches(self, run: _Run) -> list[tuple[float, int]]:
        """What leaves a run sideways: where along it, and to which side (−1 or 1)."""
        found = []
        for place in range(run.low, run.high + 1):
            at = (run.line, place) if run.upright else (place, run.line)
            for other in self.met[run.net, at]:
                if other.upright == run.upright:
                    continue
                fine = place + self.offset.get(other, 0.0) * 1e-3
                if other.low < run.line:
                    found.append((fine, -1))
                if other.high > run.line:
                    found.append((fine, 1))
        return found

    def _ordered(self, runs: list[_Run]) -> dict[_Run, int]:
        """Tracks of runs that overlap, such that few of their branches cross the others."""
        if len(runs) == 1:
            return {runs[0]: 0}
        before: dict[_Run, dict[_Run, float]] = {run: {} for run in runs}
        must: dict[_Run, set[_Run]] = {run: set() for run in runs}  # what cannot be mended later
        should: dict[_Run, set[_Run]] = {run: set() for run in runs}
        for one, other in itertools.permutations(runs, 2):
            if one.low > other.high or other.low > one.high:
                continue
            before[one][other] = self._crossings(one, other)
            for ends in self._facing(one, other):
                (should if any(map(self._is_free, ends)) else must)[other].add(one)
        order: list[_Run] = []
        left = sorted(runs, key=lambda run: (run.low + run.high, str(run)))
        while left:
            waiting = set(left)
            free = [run for run in left if not must[run] & waiting - {run}] or left
            best = [run for run in free if not should[run] & waiting - {run}] or free
            chosen = min(best, key=lambda run: sum(
                cost - before[other].get(run, 0.0)
                for other, cost in before[run].items() if other in waiting
            ))  # fmt: skip
            order.append(chosen)
            left.remove(chosen)
        for place, run in enumerate(order):
            for late in (should[run] | must[run]) & set(order[place + 1 :]):
                for ends in self._facing(late, run):
                    next(filter(self._loosened, filter(self._is_free, ends)), None)
        tracks: dict[_Run, int] = {}
        for run in order:
            tracks[run] = max((tracks[other] + 1 for other in tracks if other in before[run]),
                              default=0)  # fmt: skip
        return tracks

    def _crossings(self, one: _Run, other: _Run) -> float:
        """How often branches cross if one run stands before another."""

        def span(run: _Run) -> tuple[float, float]:
            places = [place for place, _ in self.spans[run]] or [float(run.low)]
            return min(*places, run.low + 0.5), max(*places, run.high - 0.5)

        (a, b), (c, d) = span(one), span(other)
        cost = sum(1.0 for place, way in self.spans[one] if way > 0 and c < place < d)
        return cost + sum(1.0 for place, way in self.spans[other] if way < 0 and a < place < b)

    def _facing(self, one: _Run, other: _Run) -> Iterator[list[_Run]]:
        """Ends of two wires that lie on each other, unless one wire stands before the other."""
        for place, way in self.spans[one]:
            line = round(place)
            if way > 0 or not line % 2:
                continue
            for there, back in self.spans[other]:
                if back > 0 and abs(there - place) < _CLEAR * 1e-3:
                    at = (one.line, line) if one.upright else (line, one.line)
                    yield [run for net in (other.net, one.net) for run in self.met[net, at]
                           if run.upright != one.upright]  # fmt: skip

    def _loosened(self, run: _Run) -> bool:
        """Move the end of a wire aside, to where no other ends; whether there is room."""
        now = self.offset.get(run, 0.0)
        near = [other for end in self.ends[run] for other in self.sides_of[end] if other != run]
        room = min((self.cells[spot].size[0 if side in "BT" else 1] / 2 for spot, side
                    in self.ends[run]), default=1e9)  # fmt: skip
        for away in (6.0, -6.0, 12.0, -12.0, 18.0, -18.0):
            place = now + away
            if abs(place) < room - 2 and all(
                abs(self.offset.get(other, 0.0) - place) >= _CLEAR for other in near
            ):
                self.offset[run] = place
                return True
        return False

    def _is_free(self, run: _Run) -> bool:
        """Whether a run may end beside the middle of its boxes."""
        return not any(run.net in self.cells[spot].pins for spot, _ in self.ends[run])

    def _lines(self, axis: int, tracks: Mapping[_Run, int]) -> list[tuple[float, float]]:
        """Both edges of every grid line."""
        upright = axis == 0
        count: dict[int, int] = defaultdict(int)
        room: dict[int, float] = defaultdict(float)
        for run, track in tracks.items():
            count[run.line] = max(count[run.line], track + 1)
        for spot, at in self.at.items():
            room[at[axis]] = max(room[at[axis]], self.cells[spot].size[axis])
        for (name, sink), way in self.ways.items():
            words = self.nets[name].sinks[sink]
            if not words:
                continue
            along = way[-1][0] == way[-2][0]  # it comes in from below or above
            if along and upright:
                room[way[-1][0]] = max(room[way[-1][0]], 2 * words + 16)
            elif along != upright:
                line, after = way[-2][axis], way[-1][axis] > way[-2][axis]
                wide = words + 4 if upright else 16.0
                self.said[axis, line, after] = max(self.said[axis, line, after], wide)
        last = self.size[axis]
        edges, edge = [], 0.0
        self.count |= {(axis, line): n for line, n in count.items()}
        for line in range(last + 1):
            width = room[line]
            if line % 2 == 0:
                outer = line in (0, last)
                tracks_here = count[line]
                least = 0.0 if outer else _APART
                width = max(width, least)
                said = self.said[axis, line, False] + self.said[axis, line, True]
                if tracks_here or said:
                    least = max(tracks_here - 1, 0) * _TRACK + _NEAR * (1.3 if outer else 2)
                    width = max(width, least + said)
            edges.append((edge, edge + width))
            edge += width
        return edges

    def _where(self, run: _Run) -> float:
        """The place of a run across its line."""
        axis = 0 if run.upright else 1
        low, high = self.lines[axis][run.line]
        if run.line % 2:
            return (low + high) / 2 + self.offset.get(run, 0.0)
        count = self.count.get((axis, run.line), 1)
        low, high = low + self.said[axis, run.line, False], high - self.said[axis, run.line, True]
        return (low + high) / 2 + (self.track[axis][run] - (count - 1) / 2) * _TRACK

    def _corners(self, key: tuple[Hashable, Spot], boxes: Mapping[Spot, Box]) -> list[Point]:
        name, sink = key
        way = self.ways[key]
        edges = list(itertools.pairwise(way))
        runs = [self.run_of[name, min(a, b), max(a, b)] for a, b in edges]
        source = self.nets[name].source
        path = [self._at_side(runs[0], source, _side(way[0], way[1]), boxes[source])]
        for (_, point), one, other in zip(edges, runs, runs[1:], strict=False):
            if one is other or one == other:
                continue
            if one.upright == other.upright:
                jog = self._where(self.jogs[name, point])
                path += [self._corner(one, jog), self._corner(other, jog)]
            else:
                path.append(self._corner(one, self._where(other)))
        path.append(self._at_side(runs[-1], sink, _side(way[-1], way[-2]), boxes[sink]))
        return tidy(path)

    def _corner(self, run: _Run, along: float) -> Point:
        across = self._where(run)
        return (across, along) if run.upright else (along, across)

    def _at_side(self, run: _Run, spot: Spot, side: str, box: Box) -> Point:
        x, y, w, h = box
        where = self._where(run)
        dx, dy = SIDES[side]
        if self.cells[spot].round:
            off = where - (x if side in "BT" else y)
            reach = max((w / 2) ** 2 - off**2, 0.0) ** 0.5
        else:
            reach = (w if dx else h) / 2
        return (where, y + dy * reach) if dy else (x + dx * reach, where)

    def _forks(self) -> dict[Hashable, list[Point]]:
        """Points where three pieces of a net or more meet."""
        branches: dict[tuple[Hashable, _Grid], set[_Grid]] = defaultdict(set)
        for (name, _), way in self.ways.items():
            for a, b in itertools.pairwise(way):
                branches[name, a].add(b)
                branches[name, b].add(a)
        found: dict[Hashable, list[Point]] = defaultdict(list)
        for (name, at), ends in branches.items():
            if len(ends) > 2 and at not in self.standing:
                runs = self.met[name, at]
                upright = [self._where(run) for run in runs if run.upright]
                level = [self._where(run) for run in runs if not run.upright]
                found[name] += [(x, y) for x in upright[:1] for y in level[:1]]
        return found


_OPPOSITE = {"L": "R", "R": "L", "B": "T", "T": "B"}


def _step(at: _Grid, side: str) -> _Grid:
    dx, dy = SIDES[side]
    return at[0] + dx, at[1] + dy


def _side(at: _Grid, to: _Grid) -> str:
    """On which side of one point another is."""
    if at[0] != to[0]:
        return "R" if to[0] > at[0] else "L"
    return "T" if to[1] > at[1] else "B"


def _overlapping(runs: Sequence[_Run]) -> Iterable[list[_Run]]:
    """Groups of runs that touch each other, directly or through others."""
    group: list[_Run] = []
    reach = -1
    for run in sorted(runs, key=lambda run: (run.low, run.high, str(run))):
        if group and run.low > reach:
            yield group
            group = []
        group.append(run)
        reach = max(reach, run.high)
    if group:
        yield group


def tidy(path: list[Point]) -> list[Point]:
    """Without corners that are none."""
    found = path[:1]
    for k in range(1, len(path)):
        point = path[k]
        if abs(point[0] - found[-1][0]) + abs(point[1] - found[-1][1]) < 0.05:
            continue
        if len(found) > 1:
            (ax, ay), (bx, by) = found[-2:]
            if (abs(ax - bx) < 0.05 and abs(bx - point[0]) < 0.05) or (
                abs(ay - by) < 0.05 and abs(by - point[1]) < 0.05
            ):
                found[-1] = point
                continue
        found.append(point)
    return found
