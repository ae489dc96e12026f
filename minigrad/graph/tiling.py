"""Where things go: one step of each strip is laid out by Graphviz and tiled along time.

All steps of a recurrent layer are alike, so every step gets the same geometry, and the time
that a layout takes does not grow with the number of steps. Layers stand one above the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext

from minigrad.graph import routes, strips
from minigrad.graph.items import Item, View
from minigrad.graph.routes import Box, Point, Route
from minigrad.graph.scene import Scene, heading_width
from minigrad.graph.tile import Run, block, tile

_GAP = 46.0  # points between two steps
_LABELLED_GAP = 84.0  # … where a derivative stands on the line
_BEND = 60.0  # … at least, for lines to bend in
_LETTER = 5.5  # points for a letter of what stands at a line
_TITLE = 6.9  # … of a strip's title
_BETWEEN = 74.0  # points between two strips
_RAIL = 60.0  # … more for each bundle that stands there
_TOGETHER = 32  # frames in a group


class Tiling:
    """The view's strips, tiled: every step a copy of its strip's tile."""

    def __init__(self, view: View, run: Run) -> None:
        self.view, self.run = view, run
        self.items = {item.id: item for item in view.items}
        self.order = strips.order_of(view.items, view.arrows)
        self.framed = {
            strip: strips.is_strip(item for item in view.items if item.strip == strip)
            for strip in self.order
        }
        self.tiles = {
            strip: tile(view, strip, run).at_least(self._heading_room(strip))
            for strip in self.order
        }
        self.kept = self._kept_free()
        self.aside = max(map(self.kept.__getitem__, filter(self._reversed, self.order)), default=0)
        self.gap = _GAP
        if view.labels:
            self.gap = max(_LABELLED_GAP, _BEND + max(self.kept.values()) + self.aside)
        self.column = max(one.width for one in self.tiles.values())
        self.starts = self._columns()
        self.width = max(self.starts.values()) + self.column
        self.loops = 0.0  # where a folded view's run, over each frame
        if view.folded:
            self.loops = 20.0 * max(len({i.role for i in view.items if i.kind == "state"}), 1)
        self.rails = strips.rails(view)
        self.bottoms: dict[str, float] = {}
        height = 0.0
        for strip, one in self.tiles.items():
            height += _RAIL * list(self.rails.values()).count(strip)
            self.bottoms[strip] = height
            height += one.height + self.loops + _BETWEEN
        self.top = height - self.loops - _BETWEEN
        self.rank = {strip: number for number, strip in enumerate(self.tiles)}
        self.boxes: dict[str, Box] = {}
        self.outside: list[Box] = []  # of what is in no step
        self.loose: dict[tuple[str, str], Route] = {}
        self.highest = 0.0  # where lines run above the frames
        self.right = self.width  # where nothing of the steps stands any more
        self.written: dict[tuple[str, str], Point] = {}
        self.by_step: dict[tuple[str, int], list[str]] = defaultdict(list)

    def scene(self) -> Scene:
        """All of it, with positions."""
        view = self.view
        for item in view.items:
            if item.step is not None:
                x, y, w, h = self.tiles[item.strip].places[item.role]
                dx, dy = self._corner(item.strip, item.step)
                if self._reversed(item.strip):
                    x = self.tiles[item.strip].width - x
                self.boxes[item.id] = (x + dx, y + dy, w, h)
                self.by_step[item.strip, item.step].append(item.id)
        self._place_pills()
        self._place_rails()
        after = self._after()
        loose = [i for i in view.items if i.step is None and i.id not in self.boxes]
        self._place_block([item for item in loose if item.id not in after], left=True)
        self._place_block([item for item in loose if item.id in after], left=False)
        self.outside = [self.boxes[item.id] for item in loose]
        scene = Scene(view)
        self._frames(scene)
        for item in view.items:
            if item.step is None or not self.framed[item.strip]:
                scene.item(item, self.boxes[item.id])
        for a, b in view.arrows:
            scene.arrow(a, b, self._route(a, b), self.written.get((a, b)))
        if view.skipped:
            for strip in self.order:
                if self.framed[strip]:
                    self._ellipsis(scene, strip)
        if self.highest:
            scene.space((0.0, self.highest + 12))
        scene.under(self._centres(), self.width)
        return scene

    def _kept_free(self) -> dict[str, float]:
        """Room in front of each strip's frames for what stands at a line and has none inside."""
        kept = dict.fromkeys(self.order, 0.0)
        for (a, b), words in self.view.labels.items():
            one, other = self.items[a], self.items[b]
            if one.kind != "state" or other.step is None or one.step == other.step:
                continue
            x, _, w, _ = self.tiles[other.strip].places[other.role]
            wide = _LETTER * len(words)
            if self._outside(wide, x - w / 2):
                kept[other.strip] = max(kept[other.strip], wide + 8)
        return kept

    @staticmethod
    def _outside(wide: float, room: float) -> bool:
        """Whether what stands at a line has no place between the frame and a box in it."""
        return 6 + wide >= room

    def _after(self) -> set[str]:
        """What stands to the right of the steps: what they lead to, and what only that reads."""
        after = strips.descendants(self.view)
        readers: dict[str, set[str]] = defaultdict(set)
        for a, b in self.view.arrows:
            readers[a].add(b)
        outside = [a for a in readers if self.items[a].step is None and a not in after]
        while more := {a for a in outside if a not in after and readers[a] <= after}:
            after |= more
        return after

    def _columns(self) -> dict[int, float]:
        shift, starts, before = 0.0, dict[int, float](), None
        for number, step in enumerate(self.view.steps):
            if self.view.skipped and before is not None and step != before + 1:
                shift += _GAP * 5 + self.aside
            starts[step] = shift + number * (self.column + self.gap)
            before = step
        return starts

    def _centres(self) -> dict[int, float]:
        return {step: start + self.column / 2 for step, start in self.starts.items()}

    def _reversed(self, strip: str) -> bool:
        steps = self.order[strip]
        return len(steps) > 1 and steps[0] > steps[1]

    def _corner(self, strip: str, step: int) -> Point:
        start = self.starts[step] + (self.column - self.tiles[strip].width) / 2
        return start, self.bottoms[strip]

    def _frame(self, strip: str, step: int) -> Box:
        (x, y), one = self._corner(strip, step), self.tiles[strip]
        return x + one.width / 2, y + one.height / 2, one.width, one.height

    def _frames(self, scene: Scene) -> None:
        many = sum(self.framed.values()) > 1
        for strip, steps in self.order.items():
            if not self.framed[strip]:
                continue
            for start in range(0, len(steps), _TOGETHER):
                with scene.group() if len(steps) > _TOGETHER else nullcontext():
                    for step in steps[start : start + _TOGETHER]:
                        self._draw_frame(scene, strip, step)
            if many and not self.view.folded:
                x, y, w, h = self._frame(strip, min(steps))
                wide = _TITLE * len(title := strips.title_of(strip))
                x = self._beside_rises(strip, x - w / 2 + wide / 2, wide)
                scene.text(title, (x, y + h / 2 + 11), size=14)

    def _heading_room(self, strip: str) -> float:
        """How wide a frame is at least."""
        return 20 + max(heading_width(self._heading(strip, step)) for step in self.order[strip])

    def _draw_frame(self, scene: Scene, strip: str, step: int) -> None:
        heading = self._heading(strip, step)
        mine = [(self.items[key], self.boxes[key]) for key in self.by_step[strip, step]]
        scene.frame(self._frame(strip, step), heading, f"{step} {strip}".rstrip(), mine)

    def _heading(self, strip: str, step: int) -> str:
        """What stands over a step; in a folded view, whose loops run there, also its layer."""
        heading = self.view.headings.get(step, f"t = {step}")
        if self.view.folded and sum(self.framed.values()) > 1:
            return f"{strips.title_of(strip)} {heading.partition('   ')[0]}"
        return heading

    def _place_pills(self) -> None:
        """States that come in stand where the step before would have them."""
        readers: dict[str, Item] = {}
        for a, b in self.view.arrows:
            if self.items[a].kind == "state" and self.items[a].step is None:
                readers.setdefault(a, self.items[b])
        for a, reader in readers.items():
            if reader.step is None:
                continue
            one = self.tiles[reader.strip]
            role = self.items[a].role
            _, y, w, h = one.places.get(role) or one.places[reader.role]
            (left, bottom) = self._corner(reader.strip, reader.step)
            x = left - self.gap - w / 2 - 6
            if self._reversed(reader.strip):
                x = left + one.width + self.gap + w / 2 + 6
            self.boxes[a] = (x, y + bottom, w, h)

    def _place_rails(self) -> None:
        """Bundles stand before the first step, between the strips that they connect."""
        y = dict(self.bottoms)
        for key, strip in self.rails.items():
            _, _, w, h = block(self.view, [self.items[key]], self.run, rankdir="LR").places[key]
            self.boxes[key] = (-w / 2 - 10, y[strip] - 50, w, h)
            y[strip] -= _RAIL

    def _place_block(self, items: Sequence[Item], *, left: bool) -> None:
        """What is outside of the steps: before them on the left, after them on the right."""
        if not left:
            self.right = max([self.width, *(box[0] + box[2] / 2 for box in self.boxes.values())])
        if not items:
            return
        one = block(self.view, items, self.run, rankdir="LR")
        x = self.right + 50
        if left:
            x = min(0.0, *(box[0] - box[2] / 2 for box in self.boxes.values())) - one.width - 30
        y = (self.top - one.height) / 2
        for item in items:
            bx, by, w, h = one.places[item.id]
            self.boxes[item.id] = (bx + x, by + y, w, h)
        for (a, b), (tip, points) in one.curves.items():
            self.loose[a, b] = ((tip[0] + x, tip[1] + y), [(px + x, py + y) for px, py in points])
        for pair, (lx, ly) in one.labels.items():
            self.written[pair] = (lx + x, ly + y + 4)  # dot has the line touch it

    def _route(self, a: str, b: str) -> Route:
        """The line from one item to another."""
        one, other = self.items[a], self.items[b]
        if (a, b) in self.loose:
            return self.loose[a, b]
        if b in self.rails:
            return self._onto(a, b)
        if a in self.rails:
            return self._off(a, b)
        if one.step is not None and other.step is not None and one.strip == other.strip:
            return self._inside(a, b) if one.step == other.step else self._belt(a, b)
        if one.step is None and one.kind == "state" and other.step is not None:
            return self._belt(a, b)
        if one.step is not None and other.step is not None:
            return self._upward(a, b)
        if one.step is not None and other.kind == "state":
            return self._loop(a, b) if one.strip == other.strip else self._over(a, b)
        if one.step is not None:
            last = one.step == self.view.steps[-1] and not self._reversed(one.strip)
            return self._out(a, b) if last else self._over(a, b)
        if other.step is not None:
            return self._under(a, b)
        return self._beneath(a, b)

    def _inside(self, a: str, b: str) -> Route:
        """A curve of the tile, at its step; turned round in a strip that runs backward."""
        one, other = self.items[a], self.items[b]
        assert one.step is not None
        laid = self.tiles[one.strip]
        dx, dy = self._corner(one.strip, one.step)
        pair = one.role, other.role
        flip = self._reversed(one.strip)

        def place(p: Point) -> Point:
            return ((laid.width - p[0]) if flip else p[0]) + dx, p[1] + dy

        if pair in laid.labels:
            self.written[a, b] = place(laid.labels[pair])
        return routes.moved(laid.curves[pair], place)

    def _belt(self, a: str, b: str) -> Route:
        """A state on its way to the next step."""
        one, other = self.items[a], self.items[b]
        strip = other.strip
        sign = -1.0 if self._reversed(strip) else 1.0

        def seen(box: Box) -> Box:
            return sign * box[0], *box[1:]

        near = [
            seen(self.boxes[key])
            for item in (one, other)
            if item.step is not None
            for key in self.by_step[item.strip, item.step]
            if key not in (a, b)
        ]
        edges = []
        for key, item in ((a, one), (b, other)):
            x, _, w, _ = seen(
                self.boxes[key] if item.step is None else self._frame(item.strip, item.step)
            )
            edges.append((x - w / 2, x + w / 2))
        edge, right = edges[1]
        bent_by = edge - self.kept[strip], right
        route = routes.belt(seen(self.boxes[a]), seen(self.boxes[b]), near, edges[0], bent_by)
        if (a, b) in self.view.labels:
            y = min(route[1], key=lambda p: abs(p[0] - edge))[1]
            wide = _LETTER * len(self.view.labels[a, b])
            x, _, w, _ = seen(self.boxes[b])
            outside = self._outside(wide, x - w / 2 - edge)  # under the line, between the steps
            at = (edge - 4 - wide / 2, y - 9) if outside else (edge + 6 + wide / 2, y + 8)
            self.written[a, b] = (sign * at[0], at[1])
        return routes.moved(route, lambda p: (sign * p[0], p[1]))

    def _rise(self, a: str) -> tuple[list[Point], float]:
        """Up from an item to the space above its strip; and how high that is."""
        item = self.items[a]
        assert item.step is not None
        x, y, _w, h = self.boxes[a]
        x, start = x, y + h / 2
        ceiling = self.bottoms[item.strip] + self.tiles[item.strip].height
        near = [self.boxes[key] for key in self.by_step[item.strip, item.step] if key != a]
        near.append(self._headline(item.strip, item.step))
        way = routes.lane(x, start - 1, ceiling, [routes.turned(box) for box in near])
        corners = [(x, start)]
        if way != x:
            corners += [(x, start + 9), (way, start + 9)]
        return corners, ceiling

    def _headline(self, strip: str, step: int) -> Box:
        """Where a step's heading is written."""
        x, y, w, h = self._frame(strip, step)
        wide = heading_width(self._heading(strip, step))
        return x - w / 2 + 10 + wide / 2, y + h / 2 - 12, wide, 12.0

    def _upward(self, a: str, b: str) -> Route:
        """From a step of one layer into the same step of a layer above."""
        one, other = self.items[a], self.items[b]
        assert one.step is not None
        corners, ceiling = self._rise(a)
        bx, by, _, bh = self.boxes[b]
        below = self.bottoms[other.strip]
        apart = self.rank[other.strip] - self.rank[one.strip]
        if apart == 1:
            middle = (ceiling + self.loops + below) / 2
            corners += [(corners[-1][0], middle), (bx, middle)]
        else:  # around the layers in between
            side = self.starts[one.step] + self.column + self.aside + 8 + 6 * apart
            y0, y1 = ceiling + self.loops + _BETWEEN * 0.3, below - _BETWEEN * 0.3
            corners += [(corners[-1][0], y0), (side, y0), (side, y1), (bx, y1)]
        return routes.bent([*corners, (bx, by - bh / 2)])

    def _onto(self, a: str, b: str) -> Route:
        """From a step up and to the left, onto a bundle's rail."""
        item = self.items[a]
        assert item.step is not None
        corners, ceiling = self._rise(a)
        x, y, w, _ = self.boxes[b]
        apart = self.rank[self.rails[b]] - self.rank[item.strip]
        if apart > 1:  # around the layers in between
            side = self.starts[item.step] + self.column + self.aside + 8 + 6 * apart
            up = ceiling + self.loops + _BETWEEN * 0.3
            corners += [(corners[-1][0], up), (side, up)]
        return routes.bent([*corners, (corners[-1][0], y - 7), (x + w / 2, y - 7)])

    def _off(self, a: str, b: str) -> Route:
        """From a bundle along its rail and up into a step."""
        x, y, w, _ = self.boxes[a]
        bx, by, _, bh = self.boxes[b]
        return routes.bent([(x + w / 2, y + 7), (bx, y + 7), (bx, by - bh / 2)])

    def _over(self, a: str, b: str) -> Route:
        """From a step over everything to what stands outside of the steps."""
        item = self.items[a]
        assert item.step is not None
        corners, ceiling = self._rise(a)
        rail = self.top + 26
        place = self.rank[item.strip]
        x, y, w, h = self.boxes[b]
        if self.items[b].kind == "state" and self.rank[self.items[b].strip] - place == 1:
            middle = ceiling + _BETWEEN * 0.3
            return routes.bent([*corners, (corners[-1][0], middle), (x, middle), (x, y - h / 2)])
        if place + 1 < len(self.rank):
            side = self.starts[item.step] + self.column + self.aside + 8 + 6 * len(self.rank)
            up = ceiling + _BETWEEN * 0.3
            corners += [(corners[-1][0], up), (side, up)]
        self.highest = rail
        if any(box[1] > y and abs(box[0] - x) < (box[2] + w) / 2 for box in self.outside):
            side = x - w / 2 - 20  # something stands over it: in from the left
            last = [(side, rail), (side, y), (x - w / 2, y)]
        else:
            last = [(x, rail), (x, y + h / 2)]
        return routes.bent([*corners, (corners[-1][0], rail), *last])

    def _under(self, a: str, b: str) -> Route:
        """From before the steps under them into each from below."""
        other = self.items[b]
        assert other.step is not None
        bx, by, _, bh = self.boxes[b]
        rail = -26.0
        corners = self._sunk(a, rail)
        if self.rank[other.strip]:
            below = self.bottoms[other.strip] - _BETWEEN * 0.3
            pills = [routes.turned(box) for box in self._pills()]
            side = routes.lane(self.starts[other.step] - 10, rail, below, pills)
            corners += [(side, rail), (side, below), (bx, below)]
        else:
            corners.append((bx, rail))
        return routes.bent([*corners, (bx, by - bh / 2)])

    def _beneath(self, a: str, b: str) -> Route:
        """From before the steps under them to what stands after them, or the other way."""
        bx, by, bw, bh = self.boxes[b]
        rail = -34.0
        corners = self._sunk(a, rail)
        if self.items[b].kind == "state":  # past the other strips' own, which it stands over
            sign = -1 if bx < self.width / 2 else 1
            side = sign * (max(sign * x + w / 2 for x, _, w, _ in self._pills()) + 14)
            return routes.bent([*corners, (side, rail), (side, by), (bx + sign * bw / 2, by)])
        return routes.bent([*corners, (bx, rail), (bx, by - bh / 2)])

    def _pills(self) -> list[Box]:
        """Where states stand that come in before the first step."""
        return [self.boxes[key] for key, item in self.items.items()
                if item.kind == "state" and item.step is None]  # fmt: skip

    def _sunk(self, a: str, rail: float) -> list[Point]:
        """From an item outside of the steps to the right and down, to a line under everything."""
        x, y, w, _ = self.boxes[a]
        way = routes.lane(
            x + w / 2 + 14, rail, y, [routes.turned(b) for b in self.outside if b != self.boxes[a]]
        )
        return [(x + w / 2, y), (way, y), (way, rail)]

    def _out(self, a: str, b: str) -> Route:
        """To the right, out of the last step."""
        item = self.items[a]
        assert item.step is not None
        x, _, w, _ = self.boxes[b]
        near = [self.boxes[k] for k in self.by_step[item.strip, item.step] if k != a]
        near += [box for box in self.outside if box != self.boxes[b]]
        fx, _, fw, _ = self._frame(item.strip, item.step)
        edges = (fx - fw / 2, self.right)
        left = min(self.right + 40, x - w / 2 - 24)
        return routes.belt(self.boxes[a], self.boxes[b], near, edges, (left, left))

    def _loop(self, a: str, b: str) -> Route:
        """From the end of a step back to where the next one starts: the folded view's t − 1."""
        item = self.items[a]
        assert item.step is not None
        fx, fy, fw, fh = self._frame(item.strip, item.step)
        x, y, w, _ = self.boxes[a]
        bx, by, bw, _ = self.boxes[b]
        sign = -1.0 if bx > x else 1.0
        states = sorted(
            (self.boxes[key][1] for key in self.by_step[item.strip, item.step]
             if self.items[key].kind == "state"), reverse=True,
        )  # fmt: skip
        number = states.index(y)
        start, edge = x + sign * w / 2, fx + sign * fw / 2
        near = [self.boxes[key] for key in self.by_step[item.strip, item.step] if key != a]
        way = routes.lane(y, min(start, edge), max(start, edge), near)
        right, up = edge + sign * (14 + 10 * number), fy + fh / 2 + 14 + 20 * number
        left = bx - sign * (bw / 2 + 16 + 10 * number)
        corners = [(start, y), (right, way), (right, up), (left, up), (left, by),
                   (bx - sign * bw / 2, by)]  # fmt: skip
        if way != y:
            corners[1:1] = [(start + sign * 8, y), (start + sign * 8, way)]
        if (a, b) in self.view.labels:
            self.written[a, b] = (self._beside_rises(item.strip, (right + left) / 2,
                                  _LETTER * len(self.view.labels[a, b])), up + 8)  # fmt: skip
        self.highest = max(self.highest, up)
        return routes.bent(corners)

    def _beside_rises(self, strip: str, x: float, wide: float) -> float:
        """Where words over a strip's frame stand beside the lines that leave it upward."""
        ways = [
            self._rise(a)[0][-1][0] for a, b in self.view.arrows
            if self.items[a].step is not None and self.items[a].strip == strip
            and self.items[b].strip != strip
        ]  # fmt: skip
        return routes.lane(x, 0.0, 1.0, [(0.5, way, 1.0, wide) for way in ways])

    def _ellipsis(self, scene: Scene, strip: str) -> None:
        """The steps that are left out: how many, between the states that go in and come out."""
        view, shown = self.view, self.view.steps
        gap = next(k for k in range(1, len(shown)) if shown[k] != shown[k - 1] + 1)
        before, after = shown[gap - 1], shown[gap]
        if self._reversed(strip):
            before, after = after, before
        sign = -1 if self._reversed(strip) else 1
        left = min(self.starts[before], self.starts[after]) + self.column
        x = (left + max(self.starts[before], self.starts[after]) - sign * (self.gap + 50)) / 2
        x += self.aside / 2 if sign > 0 else 0
        words = f"⋯ {view.skipped} step{'' if view.skipped == 1 else 's'} ⋯"
        item = Item(f"ellipsis {strip}".rstrip(), "ellipsis", (words,), None, "ellipsis",
                    f"{view.skipped} more steps, all alike", (), strip)  # fmt: skip
        self.items[item.id] = item
        _fx, fy, _, _ = self._frame(strip, before)
        self.boxes[item.id] = box = (x, fy, 108.0, 34.0)
        scene.item(item, box)
        coming = {a for a, b in view.arrows if self.items[a].kind == "state"
                  and self.items[a].step is None and self.items[b].step == after
                  and self.items[b].strip == strip}  # fmt: skip
        roles = {self.items[key].role for key in coming}
        for key in self.by_step[strip, before]:
            if self.items[key].kind == "state" and self.items[key].role in roles:
                scene.arrow(key, item.id, self._belt(key, item.id))
        for key in sorted(coming):
            scene.arrow(item.id, key, self._belt(item.id, key))
