"""The DOT text of a view: with positions where its steps are alike, else as dot shall find them."""

from __future__ import annotations

from collections import defaultdict

from minigrad.graph import attention, cellview, dot, strips
from minigrad.graph.items import Item, View
from minigrad.graph.tile import Run
from minigrad.graph.tiling import Tiling

_MOST_NODES = 1500  # dot takes minutes for more


class TooLargeError(ValueError):
    """A graph whose steps are not alike and that is too large to lay out as a whole."""


def source(view: View, run: Run | None = None) -> str:
    """DOT text of the view: tiled if its steps are alike, else as clusters that dot lays out.

    Args:
        view: what to draw.
        run: Graphviz; without it, clusters are written and nothing is laid out.

    Raises:
        TooLargeError: the steps are not alike, and there are too many items for dot.
    """
    if run is None:
        return clustered(view)
    if view.name == "cell":
        return cellview.scene(view).dot()
    if view.name == "attention":
        return attention.scene(view).dot()
    if view.steps and strips.tiled(view):
        return Tiling(view, run).scene().dot()
    if len(view.items) > _MOST_NODES:
        offer = (
            "its folded view shows each step once (--view folded)"
            if view.steps
            else "draw a part of it"
        )
        raise TooLargeError(
            f"{view.title}: {len(view.items)} items whose steps are not alike, at most "
            f"{_MOST_NODES} can be laid out; {offer}"
        )
    return clustered(view)


def clustered(view: View) -> str:
    """The view as dot shall lay it out: a cluster for each step, time from left to right."""
    lines = dot.header(
        view, rankdir="LR" if view.steps else "BT", nodesep="0.25", ranksep="0.4",
        label=_heading(view), labelloc="t",
    )  # fmt: skip
    groups: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for item in view.items:
        if item.step is None:
            lines.append(dot.node(view, item))
        else:
            groups[item.strip, item.step].append(item)
    for (strip, step), items in groups.items():
        lines += [
            f"subgraph {dot.quoted(f'cluster_{step} {strip}'.rstrip())} {{",
            f"label={dot.quoted(f't = {step}')}; {dot.frame(view)}",
            *(dot.node(view, item) for item in items),
            "}",
        ]
    lines += [dot.edge(view, a, b, **_look(view, a, b)) for a, b in view.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _heading(view: View) -> str:
    """The title; of a view with heat also what the arrows and the colours mean."""
    if not view.heat:
        return dot.label((view.title, *view.caption))
    scale = ((f" {text} ", look) for text, look in dot.scale(view))
    return dot.table(
        view,
        [(dot.cut(view.title), {"fontsize": "16"})],
        *([(text, {})] for text in view.caption),
        [("log₁₀ ‖∂L/∂·‖ ", {}), *scale],
    )


def _look(view: View, a: str, b: str) -> dict[str, str]:
    """The derivative at an arrow, and its direction, which is backward in the view of gradients."""
    look = {"dir": "back"} if view.name == "gradient" else {}
    if (a, b) in view.labels:
        look["label"] = dot.edge_label(view.labels[a, b])
    return look
