"""The graph folded: one step of each layer, and its states going back into it."""

from __future__ import annotations

import re
from dataclasses import replace

from minigrad.graph import strips
from minigrad.graph.items import Item, View, subscript
from minigrad.graph.model import Graph
from minigrad.graph.views import unrolled

_VALUES = str.maketrans("₋₀₁₂₃₄₅₆₇₈₉", "-0123456789")


def folded(graph: Graph, *, title: str | None = None, name: str = "folded") -> View:
    """One cell for all steps, with an arrow from each state back to where the next step reads it.

    Args:
        graph: from `trace` or `trace_target`.
        title: heading of the picture; the graph's title if not given.
        name: of the view that it is for, which an error begins with.

    Raises:
        ValueError: the graph has no time steps.
    """
    view = unrolled(graph, all_steps=True, title=title)
    if not view.steps:
        raise ValueError(
            f"{name}: {view.title} has no time steps; its unrolled view shows it whole"
        )
    order = strips.order_of(view.items, view.arrows)
    kept = view.steps[len(view.steps) // 2]
    items: dict[str, Item] = {}
    copies: dict[str, str] = {}  # of each item, the one that is drawn in its place
    at_kept = {(i.strip, i.role): i.id for i in view.items if i.step == kept}
    for item in view.items:
        if item.step is None and item.kind == "state":
            continue
        if item.step in (None, kept):
            lines = item.lines if item.step is None else _relabelled(item.lines, kept)
            items[item.id] = replace(item, lines=lines)
            copies[item.id] = item.id
        elif (item.strip, item.role) in at_kept:
            copies[item.id] = at_kept[item.strip, item.role]
    known = {item.id: item for item in view.items}
    arrows: dict[tuple[str, str], None] = {}
    labels: dict[tuple[str, str], str] = {}
    for a, b in view.arrows:
        one, other = known[a], known[b]
        if other.step == kept and one.kind == "state" and one.strip == other.strip and (
            one.step != kept
        ):  # fmt: skip
            steps = order[other.strip]
            back = "ₜ₊₁" if len(steps) > 1 and steps[0] > steps[1] else "ₜ₋₁"
            key = f"before {one.role} {other.strip}"
            name = re.sub("[₋₀-₉]+$", "", one.lines[0])
            items[key] = replace(one, id=key, step=None, lines=(name + back, *one.lines[1:]),
                                 tooltip=f"{name} of the step before")  # fmt: skip
            arrows[key, b] = None
            if (one.strip, one.role) in at_kept:
                loop = at_kept[one.strip, one.role], key
                arrows[loop] = None
                labels[loop] = f"{name}: t → t {'+' if back == 'ₜ₊₁' else '−'} 1"
        elif other.step in (None, kept) and a in copies and b in items and (
            one.step is None or other.step is None or one.step == other.step
        ):  # fmt: skip
            arrows[copies[a], b] = None
    count = len(view.steps)
    return View(
        view.title, tuple(items.values()), tuple(arrows), (kept,), name="folded", labels=labels,
        headings={kept: f"× {count}   t = {view.steps[0]} … {view.steps[-1]}"},
        folded=count,
    )  # fmt: skip


def _relabelled(lines: tuple[str, ...], step: int) -> tuple[str, ...]:
    """Labels with t for the step's number."""
    names = {step: "ₜ", step - 1: "ₜ₋₁", step + 1: "ₜ₊₁"}

    def shown(match: re.Match[str]) -> str:
        number = int(match[0].translate(_VALUES)) if match[0] != "₋" else step
        return names.get(number, subscript(number))

    return tuple(re.sub("₋?[₀-₉]+", shown, line) for line in lines)
