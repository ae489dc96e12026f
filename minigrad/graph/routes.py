"""Lines from one place to another, around what stands in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # of its centre x and y, then width and height
Route = tuple[Point, list[Point]]
"""The arrow's tip, then the points of its Bézier curves."""

TIP = 7.0  # length of an arrow's tip
_CLEAR = 13.0  # points between a line and a box that it passes


def belt(
    one: Box,
    other: Box,
    others: Sequence[Box],
    leaves: tuple[float, float],
    enters: tuple[float, float],
) -> Route:
    """A line from the right side of one box to the left side of another, in a later step.

    It runs level inside the frames, where no box stands in its way, and bends between them.

    Args:
        one: where it starts.
        other: where it ends.
        others: what it must not cross.
        leaves: left and right edge of the frame around ``one``.
        enters: left and right edge of the frame around ``other``.
    """
    x0, y0 = one[0] + one[2] / 2, one[1]
    x, y3, width, height = other
    x3 = x - width / 2 - TIP
    right, left = max(leaves[1], x0), min(enters[0], x3)
    y1, y2 = lane(y0, x0, right, others), lane(y3, left, x3, others)
    path: list[Point] = [(x0, y0)]
    if y1 != y0:
        curve(path, (min(x0 + 28, right), y1))
    curve(path, (right, y1))
    curve(path, (left, y2))
    if y2 == y3:
        curve(path, (x3, y3))
        return (x3 + TIP, y3), path
    side = 1 if y2 > y3 else -1  # something stands on its left: come in from below, or above
    x = x if abs(width - height) < 1 else x - width / 4
    tip = (x, y3 + side * height / 2)
    corner = (max(x - 20, left), y2)
    curve(path, corner)
    path += [((corner[0] + x) / 2, y2), (x, y2), (x, tip[1] + side * TIP)]
    return tip, path


def curve(path: list[Point], to: Point) -> None:
    """Go on to a point, level at both ends."""
    x, y = path[-1]
    if (x, y) != to:
        middle = (x + to[0]) / 2
        path += [(middle, y), (middle, to[1]), to]


def lane(y: float, left: float, right: float, boxes: Iterable[Box]) -> float:
    """The height nearest to ``y`` at which no box stands between two verticals."""
    blocked = [
        (b[1] - b[3] / 2 - _CLEAR, b[1] + b[3] / 2 + _CLEAR)
        for b in boxes
        if b[0] + b[2] / 2 > left and b[0] - b[2] / 2 < right
    ]
    candidates = sorted([y, *(edge for pair in blocked for edge in pair)], key=lambda c: abs(c - y))
    return next((c for c in candidates if not any(low < c < high for low, high in blocked)), y)


def turned(box: Box) -> Box:
    """The box with its axes exchanged, so that `lane` finds a way up."""
    return box[1], box[0], box[3], box[2]


def bent(corners: Sequence[Point], *, radius: float = 10.0) -> Route:
    """A line of level and upright pieces with round corners; its last corner is the tip."""
    (x, y), (tip_x, tip_y) = corners[-2:]
    length = max(abs(tip_x - x) + abs(tip_y - y), 1e-9)
    share = max(length - TIP, 0.0) / length
    corners = [*corners[:-1], (x + (tip_x - x) * share, y + (tip_y - y) * share)]
    path = [corners[0]]
    for k in range(1, len(corners)):
        a, b = corners[k - 1], corners[k]
        inward = _towards(b, a, radius) if k + 1 < len(corners) else b
        _line(path, inward)
        if k + 1 < len(corners):
            outward = _towards(b, corners[k + 1], radius)
            path += [b, b, outward]
    return (tip_x, tip_y), path


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


def moved(route: Route, place: Callable[[Point], Point]) -> Route:
    """The same line elsewhere."""
    return place(route[0]), [place(point) for point in route[1]]


def along(route: Route) -> list[Point]:
    """Points of the line, at most some 4 apart."""
    tip, points = route
    found = []
    for k in range(0, len(points) - 3, 3):
        p, q, r, s = np.array(points[k : k + 4])
        fastest = 3 * max(np.hypot(*(b - a)) for a, b in ((p, q), (q, r), (r, s)))
        shares = np.linspace(0, 1, 2 + int(fastest / 4), endpoint=False)[:, None]
        left = 1 - shares
        piece = left**3 * p + 3 * left**2 * shares * q + 3 * left * shares**2 * r + shares**3 * s
        found += [(float(x), float(y)) for x, y in piece]
    return [*found, points[-1], tip]


def beside(
    words: Box, own: Sequence[Point], others: Sequence[Point], boxes: Sequence[Box]
) -> Point:
    """Where words stand that another line crosses: in the nearest free place at their own line.

    Args:
        words: their place and size.
        own: points of their line.
        others: points of all other lines.
        boxes: what else stands there.

    Returns:
        Their place as it is if nothing crosses it, or nothing else is free.
    """
    x, y, w, h = words
    if not any(abs(p[0] - x) < w / 2 and abs(p[1] - y) < h / 2 for p in others):
        return x, y

    def free(at: Point) -> bool:
        return not any(
            abs(p[0] - at[0]) < w / 2 + 3 and abs(p[1] - at[1]) < h / 2 + 3 for p in (*others, *own)
        ) and not any(
            abs(bx - at[0]) < (w + bw) / 2 and abs(by - at[1]) < (h + bh) / 2
            for bx, by, bw, bh in boxes
        )

    away = [side * (w / 2 + gap) for gap in (6, 14, 22) for side in (1, -1)]
    places = [(px + dx, py) for px, py in own for dx in away]
    places.sort(key=lambda p: abs(p[0] - x) + abs(p[1] - y))
    return next(filter(free, places), (x, y))


def position(route: Route) -> str:
    """The line as Graphviz writes it."""
    (x, y), points = route
    return f"e,{x:.1f},{y:.1f} " + " ".join(f"{px:.1f},{py:.1f}" for px, py in points)


def backward(route: Route) -> Route:
    """The same line the other way round, with its arrow at the other end."""
    tip, points = route
    path = [tip, *points[-2::-1]]
    start = path[-1]
    before = next((p for p in reversed(path) if p != start), tip)
    path[-1] = _towards(start, before, TIP)
    return start, path
