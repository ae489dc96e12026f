"""A view made to be read on a page, and seen to be right: what `draw` does before it draws."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from minigrad.graph.drawing import layout
from minigrad.graph.drawing.check import checked, complete
from minigrad.graph.drawing.scene import Scene
from minigrad.graph.drawing.under import with_caption
from minigrad.graph.record import Graph
from minigrad.graph.view import PAGES, Say, Shown, View, WrongPictureError
from minigrad.graph.views import VIEWS

LEGIBLE = 7.0  # points, of letters on the page that a picture is made for
SMALLEST = 12.0  # points of its letters as it is laid out
MOST = 1.25  # how much a small picture is enlarged for its page
HEADING = 26.0  # points for the title
_TRIED = 4  # ways to wrap a picture


def scene(view: View) -> Scene:
    """Where everything in a picture is, after seeing that it is right.

    Raises:
        ValueError: this view cannot show it truly; the message names one that can.
    """
    try:
        return checked(_drawn(view))
    except WrongPictureError as error:
        graph = getattr(view, "graph", None)  # a picture knows what it is of
        raise (error if graph is None else with_another(error, graph, view.name)) from error


def _drawn(view: View) -> Scene:
    return with_caption((view.arrange or layout.arranged)(view))


_OTHERS = ("unrolled", "folded", "block", "tape")  # the first that can is named


def with_another(error: WrongPictureError, graph: Graph, name: str) -> WrongPictureError:
    """The refusal of a view, with another view that can draw the graph."""
    for other in _OTHERS:
        with contextlib.suppress(ValueError):
            if other != name:
                scene(complete(VIEWS[other].build(graph), graph))
                return WrongPictureError(f"{error}; use view {other!r}")
    return WrongPictureError(f"{error}; and no other view can draw it")


def on_page(drawn: Scene) -> float:
    """By how much a scene is enlarged on the page that it is made for; 1 without one."""
    if not drawn.view.fit:
        return 1.0
    left, bottom, right, top = drawn.extent()
    return _factor(drawn.view.fit, right - left, top - bottom)


def _factor(fit: str, wide: float, high: float) -> float:
    """By how much something is enlarged to fill a page."""
    most_wide, most_high = PAGES[fit]
    return min(most_wide / (wide + 8), most_high / (high + 8 + HEADING), MOST)


def fitted(graph: Graph, shown: Shown, given: Mapping[str, Any], look: Mapping[str, Any]) -> View:
    """The view, changed until its letters can be read on its page.

    First long chains are wrapped, then shapes left out, then steps, then modules collapsed; what
    was done is in the caption.
    """
    best: View | None = None
    largest = 0.0
    for changes, options in _changes(shown, given, look, timed=bool(graph.turns)):
        made = complete(shown.build(graph, **{**given, **options}), graph)
        if best is not None and "depth" in options and _is_one_box(made):
            continue
        made = without_weights(replace(made, **{**look, **changes}))
        if not look["fit"] or not (made.items or made.panels):
            return made
        told = _left_out(look, changes, given, options)
        made = replace(made, caption=(*made.caption, *told))
        for view, factor in _wrapped(made):
            if factor > largest:
                best, largest = view, factor
        if largest * SMALLEST >= LEGIBLE:
            break
    assert best is not None
    if largest * SMALLEST < LEGIBLE:
        best = replace(best, caption=(*best.caption, Say("small", (largest * SMALLEST,))))
    return best


def _wrapped(view: View) -> Iterator[tuple[View, float]]:
    """The view with its rows as they are and, while it is too small, wrapped; and how large it is.

    Tried are the lengths of a row near the one that promises the largest letters.
    """
    drawn = _drawn(view)
    yield view, on_page(drawn)
    left, bottom, right, top = drawn.extent()
    wide, high, length = right - left, top - bottom, drawn.longest
    along = bool(view.steps) or view.direction == "right"  # else one layer is above the other
    promised: dict[int, float] = {}
    for row in range(1, length):
        share, rows = row / length, -(-length // row)
        size = (wide * share, high * rows) if along else (wide * rows, high * share)
        promised[row] = _factor(view.fit, *size) * SMALLEST
    best = max(promised, key=lambda row: (promised[row], row), default=0)
    hopeless = promised.get(best, 0.0) < LEGIBLE / 1.5
    near = sorted(promised, key=lambda row: (abs(row - best), row))
    for row in near[: 1 if hopeless else _TRIED]:
        wrapped = replace(view, wrap=row)
        factor = on_page(_drawn(wrapped))
        yield wrapped, factor
        if factor * SMALLEST >= LEGIBLE:
            return


def _is_one_box(view: View) -> bool:
    """Whether nothing is left to see of a model but one box, or one in each step."""
    return len({item.key.role for item in view.items if item.kind in ("module", "layer")}) < 2


def _left_out(
    look: Mapping[str, Any], changes: Mapping[str, Any], given: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Iterator[Say]:  # fmt: skip
    """What a picture says of how it was made to fit."""
    if "shapes" in changes.get("hide", look["hide"]) - look["hide"]:
        yield Say("left out", (Say("shapes"),))
    if options.get("depth") not in (None, given.get("depth")):
        yield Say("collapsed", (options["depth"],))


def without_weights(view: View) -> View:
    """The view without its parameters, if they are to be hidden."""
    if "weights" not in view.hide:
        return view
    items = tuple(item for item in view.items if item.kind != "parameter")
    shown = {item.key for item in items}
    arrows = tuple(arrow for arrow in view.arrows if shown.issuperset(arrow))
    return replace(view, items=items, arrows=arrows)


def _changes(
    shown: Shown, given: Mapping[str, Any], look: Mapping[str, Any], *, timed: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Changes of a view and of its options, from none to many."""
    hidden = look["hide"] | {"shapes"}
    yield {}, {}
    ends: list[dict[str, Any]] = [{}]
    if timed and "ends" in shown.options and not given.get("all_steps"):
        ends += [{"ends": (2, 1)}, {"ends": (1, 1)}]
    depths: list[dict[str, Any]] = [{}]
    if "depth" in shown.options and given.get("depth") is None:
        depths += [{"depth": depth} for depth in (3, 2, 1)]
    for depth in depths:
        for fewer in ends:
            yield {"hide": hidden}, {**depth, **fewer}
