"""From a view to a scene: steps and modules laid out by themselves, then put together.

What is drawn in a step or module is laid out once, with ports at its border where wires enter
and leave. Steps that are alike share one layout, so the time it takes does not grow with their
number, and states cross from one to the next at the same height.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

from minigrad.graph.drawing import labels, words
from minigrad.graph.drawing.part import Part, Port, Written, compose, measured, shape_of
from minigrad.graph.drawing.phrases import said
from minigrad.graph.drawing.placing import layered
from minigrad.graph.drawing.scene import Frame, Scene, Text, Wire, parts_at
from minigrad.graph.drawing.tile import Tile
from minigrad.graph.record import Path, modules
from minigrad.graph.view import Arrow, Item, Key, View

Place = tuple[int, int]  # column and row
Beside = tuple[Path, int, str]  # of a step, what stands before or after it


def arranged(view: View) -> Scene:
    """The scene of a view of items and arrows."""
    written = {
        arrow: words.cut(words.formula(of, view, view.now)) for arrow, of in view.labels.items()
    }
    arranger = _Arranger(Written(view, written))
    laid = arranger.whole()
    scene = Scene(view, laid.frames, longest=arranger.longest)
    for item in view.items:
        scene.shapes.append(shape_of(item, view, laid.boxes[item.key]))
        if view.name == "cell" and item.kind == "layer":
            x, y, _, h = laid.boxes[item.key]
            name = words.name(item.label, view.now, view.plain)
            scene.texts.append(Text(name, (x + 5, y + h / 2 + 8), "l", 11, item.key))
    head = -1 if view.name == "gradient" else 1
    for a, b in view.arrows:
        path, label = laid.paths[a, b], written.get((a, b), "")
        scene.wires.append(Wire(tuple(path), a, b, head, label))
    labels.placed(scene)
    scene.dots = [at for at in dict.fromkeys((round(x, 1), round(y, 1)) for x, y in laid.forks)
                  if parts_at(scene, at)]  # fmt: skip
    return scene


class _Arranger:
    """Steps first, then modules, then everything around them."""

    def __init__(self, written: Written) -> None:
        self.written, self.view = written, written.view
        strips: dict[Path, set[int]] = defaultdict(set)
        onward: dict[Path, int] = defaultdict(int)
        self.arrows: dict[tuple[Path, int], list[Arrow]] = defaultdict(list)
        for a, b in self.view.arrows:
            if a.step is not None and b.step is not None and a.strip == b.strip:
                onward[a.strip] += (b.step > a.step) - (b.step < a.step)
            for strip, step in dict.fromkeys((k.strip, k.step) for k in (a, b)):
                if step is not None:
                    self.arrows[strip, step].append((a, b))
        self.items: dict[tuple[Path, int], list[Item]] = defaultdict(list)
        for item in self.view.items:
            if item.step is not None:
                strips[item.strip].add(item.step)
                self.items[item.strip, item.step].append(item)
        self.loose = [item for item in self.view.items if item.step is None]
        self.strips = {strip: sorted(steps) for strip, steps in strips.items()}
        self.backward = {strip for strip in strips if onward[strip] < 0}
        self.longest = len(self.view.steps)

    def whole(self) -> Part:
        """All of it; modules that contain everything are named in the title."""
        paths = [*map(home, self.loose), *map(modules, self.strips)]
        common = paths[0] if paths else ()
        for path in paths:
            common = common[: next((k for k, (a, b) in enumerate(zip(common, path, strict=False))
                                    if a != b), min(len(common), len(path)))]  # fmt: skip
        return self.group(common, framed=False)

    def group(self, path: Path, *, framed: bool = True) -> Part:
        """A module with all that is in it."""
        inside = {s: steps for s, steps in self.strips.items() if modules(s) == path}
        parts: dict[Hashable, Part | Item] = {}
        for strip, steps in inside.items():
            parts |= self._steps(strip, steps)
        beside = self._lanes(parts)
        parts |= dict(beside.items())
        keys = {key for part in parts.values() if isinstance(part, Part) for key in part.boxes}
        for name in self._modules(path):
            parts[name] = module = self.group(name)
            keys.update(module.boxes)
        for item in self.loose:
            if item.key not in keys and item.step is None and home(item) == path:
                parts[item.key] = item
                keys.add(item.key)
        arrows = [(a, b) for a, b in self.view.arrows if a in keys or b in keys]
        places = self._places(parts, inside, list(beside), arrows)
        frame = self._frame(path) if framed else None
        direction = "up" if inside else self.view.direction  # time always runs to the right
        return compose(self.written, parts, places, arrows, frame, direction)

    def _frame(self, path: Path) -> Frame:
        level, repeat = path[-1], self.view.repeats.get(path)
        heading = level.name if level.label in ("", level.name) else f"{level.name}: {level.label}"
        if repeat is not None:
            heading = words.repeated(level, repeat)
        return Frame((0, 0, 0, 0), heading, path, None, len(path), repeat is not None)

    def _modules(self, path: Path) -> list[Path]:
        """The modules directly inside a module."""
        depth = len(path) + 1
        found = [*(home(item)[:depth] for item in self.loose),
                 *(modules(strip)[:depth] for strip in self.strips)]  # fmt: skip
        return [where for where in dict.fromkeys(found)
                if len(where) == depth and where[: depth - 1] == path]  # fmt: skip

    def _steps(self, strip: Path, steps: Sequence[int]) -> dict[Hashable, Part]:
        """Every step of a strip, laid out as the others are."""
        title = words.strip_title(strip) if len(self.strips) > 1 else ""
        title = said(title, self.view.language)
        found: dict[Hashable, Part] = {}
        for alike in self._alike(strip, steps):
            tile = Tile(
                self.written, strip, {step: self.items[strip, step] for step in alike},
                {step: self.arrows[strip, step] for step in alike},
                backward=strip in self.backward, title=title,
            )  # fmt: skip
            found |= {(strip, step): tile.at(step) for step in alike}
        return found

    def _alike(self, strip: Path, steps: Sequence[int]) -> list[list[int]]:
        """Steps that share a layout: all of them, if few things are not in each."""
        roles = [frozenset(item.key.role for item in self.items[strip, step]) for step in steps]
        union: frozenset[Key] = frozenset().union(*roles)
        if len(union) <= max(map(len, roles)) + 4:
            return [list(steps)]
        groups: dict[frozenset[Key], list[int]] = defaultdict(list)
        for step, mine in zip(steps, roles, strict=True):
            groups[mine].append(step)
        return list(groups.values())

    def _lanes(self, tiles: Mapping[Hashable, Part | Item]) -> dict[Beside, Part | Item]:
        """States that stand beside a step, and the gap where steps are left out, as parts.

        Each stands at the height at which it enters or leaves the step.
        """
        heights: dict[Beside, dict[Key, float]] = defaultdict(dict)
        sources: dict[Key, list[Key]] = defaultdict(list)
        for a, b in self.view.arrows:
            sources[b].append(a)
            if a.strip != b.strip or (a.step is None) == (b.step is None):
                continue
            tile = tiles.get((a.strip, b.step if a.step is None else a.step))
            if not isinstance(tile, Part):
                continue
            if a.step is None and b.step is not None and a.kind in ("state", "ellipsis"):
                heights[b.strip, b.step, "before"].setdefault(a, tile.entry(a, b).at[1])
            elif a.step is not None and b.path[-1] == "after":
                heights[a.strip, a.step, "after"].setdefault(b, tile.exit(a, b).at[1])
        found: dict[Beside, Part | Item] = {}
        for (strip, step, where), levels in heights.items():
            tile = tiles[strip, step]
            assert isinstance(tile, Part)
            found[strip, step, where] = self._lane(levels, sources, tile.size[1], strip)
        return found

    def _lane(
        self,
        levels: Mapping[Key, float],
        sources: Mapping[Key, Sequence[Key]],
        height: float,
        strip: Path,
    ) -> Part:
        sizes = {key: measured(self.view.by_key[key], self.view)[0] for key in levels}
        wide = max(w for w, _ in sizes.values())
        part = Part((wide, height), enters=lambda a, b: (a, b))
        low = -1e9
        for key, y in sorted(levels.items(), key=lambda one: one[1]):
            w, h = sizes[key]
            at = max(y, low + h / 2 + 6)
            low = at + h / 2
            part.boxes[key] = (wide / 2, at, w, h)
            near, far, edges, sides = (wide - w) / 2, (wide + w) / 2, (0.0, wide), "LR"
            if strip in self.backward:
                near, far, edges, sides = far, near, (wide, 0.0), "RL"
            for k, source in enumerate(sources[key]):
                level = at + 7 * (k - (len(sources[key]) - 1) / 2)
                path = [(edges[0], level), (near, level)]
                part.entries[source, key] = Port(("in", k), sides[0], path[0], {key: path})
            way = [(far, at), (edges[1], at)]
            part.exits[key] = Port("out", sides[1], way[1], {key: way})
        return part

    def _rows(
        self, strips: Mapping[Path, Sequence[int]], grid: Mapping[Hashable, Place], wrap: int
    ) -> dict[tuple[Path, int], int]:
        """The row of each step: those that do not fit beside the first stand below them."""
        last = (len(self.view.steps) - 1) // wrap
        first = min(grid[strip][1] for strip in strips)
        high = 1 + max(grid[strip][1] for strip in strips) - first
        number = {step: k for k, step in enumerate(self.view.steps)}
        return {
            (strip, step): grid[strip][1] + (last - number[step] // wrap) * high
            for strip, steps in strips.items()
            for step in steps
        }

    def _places(
        self,
        parts: Mapping[Hashable, Part | Item],
        strips: Mapping[Path, Sequence[int]],
        beside: Sequence[Beside],
        arrows: Sequence[Arrow],
    ) -> dict[Hashable, Place]:
        """Strips one above the other, time from left to right; what else there is around them."""
        unit: dict[Key, Hashable] = {}
        for name, part in parts.items():
            owner = name[0] if isinstance(name, tuple) and name[0] in strips else name
            for key in part.boxes if isinstance(part, Part) else (part.key,):
                unit[key] = owner
        units = list(dict.fromkeys(unit.values()))
        sources: dict[Hashable, list[Hashable]] = defaultdict(list)
        linked: dict[Hashable, list[Hashable]] = defaultdict(list)
        near: dict[Hashable, list[int]] = defaultdict(list)
        lanes = {key for name in beside for key in parts[name].boxes}  # type: ignore[union-attr]
        wrap = self.view.wrap or 10**9
        times = {step: 2 * (k % wrap) for k, step in enumerate(self.view.steps)}
        for a, b in arrows:
            if a not in unit or b not in unit:
                continue
            one, other = unit[a], unit[b]
            if one != other and one not in sources[other]:
                sources[other].append(one)
                linked[one].append(other)
                linked[other].append(one)
            if one in strips and a.step is not None and b not in lanes:
                near[other].append(times[a.step])
            if other in strips and b.step is not None and a not in lanes:
                near[one].append(times[b.step])
        grid = layered(units, sources, apart=strips)
        if not strips:
            self.longest = max(self.longest, 1 + max(row for _, row in grid.values()))
            return _turned(_wrapped(grid, self.view.wrap), self.view.direction)
        rows = self._rows(strips, grid, wrap)
        places: dict[Hashable, Place] = {}
        for strip, steps in strips.items():
            places |= {(strip, step): (times[step], rows[strip, step]) for step in steps}
        for strip, step, where in beside:
            side = 1 if (strip in self.backward) == (where == "before") else -1
            places[strip, step, where] = (times[step] + side, rows[strip, step])
        lowest, highest = min(rows.values()), max(rows.values())
        first, last = (end(grid[strip][1] for strip in strips) for end in (min, max))
        for name, (column, row) in grid.items():  # what is outside stays before and after all steps
            if name not in strips and row > last:
                grid[name] = column, row - last + highest
            elif name not in strips and row < first:
                grid[name] = column, row - first + lowest
        _settle(places, [u for u in units if u not in strips], near, linked, grid)
        return places


def _wrapped(grid: Mapping[Hashable, Place], wrap: int) -> dict[Hashable, Place]:
    """Layers in rows of this length, one row beside the other, if there are more."""
    if not wrap or max((row for _, row in grid.values()), default=0) < wrap:
        return dict(grid)
    wide = 1 + max(column for column, _ in grid.values())
    return {name: (column + row // wrap * wide, row % wrap) for name, (column, row) in grid.items()}


def _turned(grid: Mapping[Hashable, Place], direction: str) -> dict[Hashable, Place]:
    """Layers that follow each other in a direction."""
    turn: Mapping[str, Callable[[int, int], Place]] = {
        "up": lambda column, row: (column, row),
        "down": lambda column, row: (column, -row),
        "right": lambda column, row: (row, -column),
    }
    return {name: turn[direction](*place) for name, place in grid.items()}


def home(item: Item) -> Path:
    """The module that an item outside of steps is drawn in."""
    return modules(item.strip) if item.strip else item.where


def _settle(
    places: dict[Hashable, Place],
    loose: Sequence[Hashable],
    near: Mapping[Hashable, Sequence[int]],
    linked: Mapping[Hashable, Sequence[Hashable]],
    grid: Mapping[Hashable, Place],
) -> None:
    """Columns of what is outside of steps: near to the steps that it reads or that read it."""
    wishes = {u: sorted(near[u])[(len(near[u]) - 1) // 2] for u in loose if near.get(u)}
    for _ in loose:
        for u in loose:
            known = [wishes[x] for x in linked[u] if x in wishes]
            if u not in wishes and known:
                wishes[u] = round(sum(known) / len(known))
    taken = set(places.values())
    for u in sorted(loose, key=lambda u: grid[u][1]):
        column, row = wishes.get(u, 0), grid[u][1]
        while (column, row) in taken:
            column += 1
        places[u] = (column, row)
        taken.add((column, row))
