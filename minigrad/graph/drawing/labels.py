"""Words at wires and over frames, where no wire crosses them and no box or word is under them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from minigrad.graph.drawing.scene import Frame, Scene, width_of
from minigrad.graph.drawing.wires import Box, Point

SIZE, HEADING = 10.0, 13.0  # of words at wires, and over frames
_HIGH = 11.0
_BUCKET = 80.0
_GAP = 3.0  # between words and what is beside them


class Ground:
    """What stands where, so that words find a free place."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, int], list[tuple[Box, object]]] = defaultdict(list)

    def add(self, box: Box, owner: object = None) -> None:
        """Something that words must not lie on, but its owner's."""
        for cell in _cells(box):
            self.found[cell].append((box, owner))

    def add_path(self, path: Sequence[Point], owner: object) -> None:
        """A wire."""
        for (ax, ay), (bx, by) in itertools.pairwise(path):
            box = ((ax + bx) / 2, (ay + by) / 2, abs(ax - bx) + 1.5, abs(ay - by) + 1.5)
            self.add(box, owner)

    def is_free(self, box: Box) -> bool:
        """Whether nothing is there."""
        return not any(_meet(box, other) for cell in _cells(box) for other, _ in self.found[cell])


def placed(scene: Scene) -> None:
    """Give the words of wires, and the headings of frames, their places."""
    ground = Ground()
    for shape in scene.shapes:
        ground.add(shape.box, shape.key)
    for text in scene.texts:
        ground.add((text.at[0] + width_of(text.words, text.size) / 2, text.at[1],
                    width_of(text.words, text.size), text.size))  # fmt: skip
    for wire in scene.wires:
        ground.add_path(wire.path, wire.source)
    scene.frames = [_headed(frame, ground) for frame in scene.frames]
    said: set[tuple[object, str]] = set()
    for k, wire in enumerate(scene.wires):
        if not wire.words:
            continue
        if (wire.target, wire.words) in said:  # it is written at another wire to the same box
            scene.wires[k] = replace(wire, words="")
            continue
        wide = width_of(wire.words, SIZE) + 2
        places = list(_beside(wire.path, wide))
        at = next((p for p in places if ground.is_free((*p, wide, _HIGH))), places[0])
        ground.add((*at, wide, _HIGH))
        said.add((wire.target, wire.words))
        scene.wires[k] = replace(wire, at=at)


def _headed(frame: Frame, ground: Ground) -> Frame:
    """The frame with its heading where no wire leaves through it."""
    if not frame.heading:
        return frame
    x, y, w, h = frame.box
    wide = width_of(frame.heading, HEADING)
    left, right, level = x - w / 2 + 9, x + w / 2 - 9, y + h / 2 - 11
    places = [left + 4 * k for k in range(int(max(right - wide - left, 0) // 4) + 1)]
    start = next(
        (p for p in places if ground.is_free((p + wide / 2, level, wide + 4, _HIGH))), left
    )
    ground.add((start + wide / 2, level, wide, _HIGH))
    return replace(frame, at=(start + wide / 2, level))


def _beside(path: Sequence[Point], wide: float) -> Iterator[Point]:
    """Places at a wire, the nearest to its end first."""
    for (ax, ay), (bx, by) in reversed(list(itertools.pairwise(path))):
        length = abs(ax - bx) + abs(ay - by)
        steps = range(13, int(length) + 14, 6) if length > 8 else ()
        for along in steps:
            share = min(along / length, 1.0)
            x, y = bx + (ax - bx) * share, by + (ay - by) * share
            if abs(ax - bx) < 0.5:
                for side in (1, -1):
                    yield x + side * (wide / 2 + _GAP), y
            else:
                for side in (1, -1):
                    yield x, y + side * (_HIGH / 2 + 2)
        if not steps:
            yield (ax + bx) / 2 + wide / 2 + _GAP, (ay + by) / 2


def _cells(box: Box) -> Iterable[tuple[int, int]]:
    x, y, w, h = box
    for i in range(int((x - w / 2) // _BUCKET), int((x + w / 2) // _BUCKET) + 1):
        for j in range(int((y - h / 2) // _BUCKET), int((y + h / 2) // _BUCKET) + 1):
            yield i, j


def _meet(one: Box, other: Box) -> bool:
    return (
        abs(one[0] - other[0]) < (one[2] + other[2]) / 2
        and abs(one[1] - other[1]) < (one[3] + other[3]) / 2
    )
