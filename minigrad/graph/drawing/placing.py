"""Where boxes stand on the grid: as in the course notes' cell, or in layers, as they are computed.

Only how a picture looks depends on it: `wires` draws what is right at any places.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

Place = tuple[int, int]  # column, row
_BELOW, _RAIL, _LAYER, _BETWEEN, _BELT = -1, 0, 1, 2, 3  # rows of a cell


def in_order(
    names: Sequence[Hashable], sources: Mapping[Hashable, Sequence[Hashable]]
) -> list[Hashable]:
    """Names with operands first; of those that are ready, the first given."""
    waiting = {name: sum(a in set(names) for a in sources.get(name, ())) for name in names}
    readers: dict[Hashable, list[Hashable]] = defaultdict(list)
    for name in names:
        for a in sources.get(name, ()):
            readers[a].append(name)
    rank = {name: k for k, name in enumerate(names)}
    ready = [name for name in names if not waiting[name]]
    found: list[Hashable] = []
    while ready or len(found) < len(names):
        ready.sort(key=rank.__getitem__)
        name = ready.pop(0) if ready else next(n for n in names if n not in found)  # a circle
        found.append(name)
        for b in readers[name]:
            waiting[b] -= 1
            if not waiting[b] and b not in found:
                ready.append(b)
    return found


class CellPlaces:
    """A step as course notes draw a cell: layers side by side, states on belts above them.

    Args:
        kinds: of the items of the step, by name: ``"layer"``, ``"point"``, ``"state"``,
            ``"input"``, ``"join"``.
        sources: what each reads, also states that come in.
        states: for each state that comes in, the item whose value goes on to the next step,
            and ``None`` if none does.
    """

    def __init__(
        self,
        kinds: Mapping[Any, str],
        sources: Mapping[Hashable, Sequence[Hashable]],
        states: Mapping[Any, Hashable | None],
    ) -> None:
        self.kinds, self.sources, self.states = kinds, sources, states
        self.readers: dict[Hashable, list[Hashable]] = defaultdict(list)
        for b, found in sources.items():
            for a in found:
                self.readers[a].append(b)
        self.places: dict[Hashable, Place] = {}
        self.taken: set[Place] = set()
        self.belts = self._belts()
        self.rows = self._place()

    def _belts(self) -> dict[Hashable, list[Hashable]]:
        """States that only points change on their way to the next step."""
        found: dict[Hashable, list[Hashable]] = {}
        used: set[Hashable] = set()
        for start, end in self.states.items():
            path = self._path(start, end, used) if end is not None else []
            if path:
                found[start] = path
                used |= set(path)
        return found

    def _path(self, start: Hashable, end: Hashable, used: set[Hashable]) -> list[Hashable]:
        """The shortest way of a state to the next step, if only points are on it."""
        waiting, seen = deque([[end]]), {end}
        while waiting:
            path = waiting.popleft()
            at = path[0]
            if at in used or self.kinds.get(at) not in ("point", "state"):
                continue
            for source in self.sources.get(at, ()):
                if source == start:
                    return path
                if source not in seen:
                    seen.add(source)
                    waiting.append([source, *path])
        return []

    def _place(self) -> dict[Hashable, int]:
        """Places of all items; the row of each state's lane."""
        rows = {name: _BELT + k for k, path in enumerate(self.belts.values()) for name in path}
        before: dict[Hashable, Hashable] = {}
        for start, path in self.belts.items():
            before |= dict(zip(path, [start, *path], strict=False))
        names = [name for name in self.kinds if self.kinds[name] not in ("input", "parameter",
                                                                         "constant")]  # fmt: skip
        last = -1
        for name in in_order(names, self.sources):
            kind = self.kinds[name]
            near = max((self.places[a][0] for a in self.sources.get(name, ())
                        if a in self.places), default=-1)  # fmt: skip
            if name in rows:
                row = rows[name]
                earlier = [
                    self.places[r][0] + (self.places[r][1] != row)
                    for r in self.readers[before[name]]
                    if r in self.places and r != name
                ]
                column = max([near, 0, *earlier])
                while any(r == row and c >= column for c, r in self.taken) or (
                    (column, row) in self.taken
                ):
                    column += 1
            elif kind == "layer":
                column, row = last + 1, _LAYER
                if near == last >= 0 and any(
                    self.kinds.get(a) in ("point", "layer") for a in self.sources.get(name, ())
                ):
                    column = last + 1
            elif kind == "join":
                column, row = max(near + 1, 0), _RAIL
                while (column, row) in self.taken:
                    column += 1
            elif kind == "state" and not self._inner(name):
                column, row = last + 1, self._free_row(last + 1, (_RAIL, _LAYER, _BETWEEN))
            else:
                column, row = self._point(name, near, last, rows)
            self._put(name, column, row)
            last = max(last, column)
        lanes = dict(rows)
        self._inputs()
        return lanes

    def _inner(self, name: Hashable) -> bool:
        return any(b in self.kinds for b in self.readers[name])

    def _point(self, name: Hashable, near: int, last: int, rows: Mapping[Hashable, int]) -> Place:
        """A free place at or after what it reads: between the layers and the belts, if it can."""
        from_belt = any(a in rows for a in self.sources.get(name, ()))
        column = max(near, 0)
        if not from_belt and (column, _BETWEEN) not in self.taken:
            return column, _BETWEEN
        up = {self.places[a] for a in self.sources.get(name, ()) if a in self.places}
        if (column, _BETWEEN) in up and (column, _LAYER) not in self.taken:
            return column, _LAYER
        if from_belt:
            column = max(column, last)
            while (column, _BETWEEN) in self.taken or (column, _LAYER) in self.taken:
                column += 1
            return column, _BETWEEN
        while (column, _BETWEEN) in self.taken and (column, _LAYER) in self.taken:
            column += 1
        return column, _BETWEEN if (column, _BETWEEN) not in self.taken else _LAYER

    def _free_row(self, column: int, rows: Iterable[int]) -> int:
        return next((row for row in rows if (column, row) not in self.taken), _BELOW)

    def _inputs(self) -> None:
        """Inputs and weights below what reads them first."""
        for name, kind in self.kinds.items():
            if kind not in ("input", "parameter", "constant"):
                continue
            reads = [self.places[b] for b in self.readers[name] if b in self.places]
            column, row = min(reads, default=(0, _RAIL))
            target = _BELOW if row <= _LAYER or (column, _LAYER) in self.taken else _LAYER
            while (column, target) in self.taken:
                column += 1
            self._put(name, column, target)

    def _put(self, name: Hashable, column: int, row: int) -> None:
        self.places[name] = column, row
        self.taken.add((column, row))


def layered(
    names: Sequence[Hashable],
    sources: Mapping[Hashable, Sequence[Hashable]],
    *,
    apart: Iterable[Hashable] = (),
) -> dict[Hashable, Place]:
    """Places in layers: (place within the layer, layer), each after what it reads.

    What is read only later stands just before that. Within the layers, what belongs together
    stands in one column where it can.

    Args:
        names: of the boxes.
        sources: what each reads.
        apart: boxes that have a layer of their own.
    """
    order = in_order(names, sources)
    known = set(names)
    readers: dict[Hashable, list[Hashable]] = defaultdict(list)
    place_of = {name: k for k, name in enumerate(order)}
    into = {
        b: [a for a in sources.get(b, ()) if a in known and place_of[a] < place_of[b]]
        for b in order
    }
    for b in order:
        for a in into[b]:
            readers[a].append(b)
    rank: dict[Hashable, int] = {}
    for name in order:
        rank[name] = max((rank[a] + 1 for a in into[name]), default=0)
    for name in reversed(order):
        if readers[name]:
            latest = min(rank[b] for b in readers[name]) - 1
            if not into[name] or (
                latest - rank[name] > 0 and len(readers[name]) >= len(into[name])
            ):
                rank[name] = latest
    lonely = set(apart)
    if lonely:
        rank = _alone(order, rank, into, lonely)
    layers: dict[int, list[Hashable]] = defaultdict(list)
    for name in order:
        layers[rank[name]].append(name)
    place = {name: k for layer in layers.values() for k, name in enumerate(layer)}
    spine = _spine(order, into, rank)
    for name in spine:
        place[name] = 0
    for sweep in range(6):
        for level in sorted(layers, reverse=bool(sweep % 2)):
            _settle(layers[level], place, into, readers, spine)
    least = min(place.values(), default=0)
    return {name: (place[name] - least, rank[name]) for name in order}


def _alone(
    order: Sequence[Hashable],
    rank: dict[Hashable, int],
    into: Mapping[Hashable, Sequence[Hashable]],
    lonely: set[Hashable],
) -> dict[Hashable, int]:
    """Ranks such that nothing else shares a layer with those that stand alone."""
    shifted: dict[Hashable, int] = {}
    level = 0
    by_rank: dict[int, list[Hashable]] = defaultdict(list)
    for name in order:
        by_rank[rank[name]].append(name)
    for old in sorted(by_rank):
        others = [name for name in by_rank[old] if name not in lonely]
        if others:
            shifted |= dict.fromkeys(others, level)
            level += 1
        for name in by_rank[old]:
            if name in lonely:
                shifted[name] = level
                level += 1
    del into
    return shifted


def _spine(
    order: Sequence[Hashable],
    into: Mapping[Hashable, Sequence[Hashable]],
    rank: Mapping[Hashable, int],
) -> set[Hashable]:
    """The longest way through the graph, which stands in one column."""
    length: dict[Hashable, int] = {}
    before: dict[Hashable, Hashable | None] = {}
    for name in order:
        best = max(into[name], key=lambda a: length[a], default=None)
        before[name] = best
        length[name] = 1 + (length[best] if best is not None else 0)
    del rank
    at: Hashable | None = max(order, key=lambda name: length[name], default=None)
    found: set[Hashable] = set()
    while at is not None:
        found.add(at)
        at = before[at]
    return found


def _settle(
    layer: list[Hashable],
    place: dict[Hashable, int],
    into: Mapping[Hashable, Sequence[Hashable]],
    readers: Mapping[Hashable, Sequence[Hashable]],
    spine: set[Hashable],
) -> None:
    """Move a layer's boxes near to what they read and what reads them; the spine stays."""

    def wish(name: Hashable) -> float:
        if name in spine:
            return 0.0
        near = sorted(place[x] for x in (*into[name], *readers[name]))
        return float(near[len(near) // 2]) if near else float(place[name])

    wishes = {name: wish(name) for name in layer}
    ordered = sorted(layer, key=lambda name: (wishes[name], name not in spine, place[name]))
    middle = next((k for k, name in enumerate(ordered) if name in spine), None)
    if middle is None:
        middle = len(ordered) // 2
    place[ordered[middle]] = round(wishes[ordered[middle]])
    for k in range(middle + 1, len(ordered)):
        place[ordered[k]] = max(place[ordered[k - 1]] + 1, round(wishes[ordered[k]]))
    for k in range(middle - 1, -1, -1):
        place[ordered[k]] = min(place[ordered[k + 1]] - 1, round(wishes[ordered[k]]))
    layer[:] = ordered
