"""The graph folded: one step of each layer, and its states going back into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minigrad.graph.record import Graph
from minigrad.graph.view import Arrow, Item, Key, Say, View, WrongPictureError, view
from minigrad.graph.views.operands import with_roles
from minigrad.graph.views.unrolled import unrolled

EVERYTHING = 10**6  # levels of modules


@view("folded", "one step, with its states as back edges")
def folded(
    graph: Graph,
    *,
    depth: int | None = None,
    open: Sequence[str] = (),
    title: str | None = None,
) -> View:
    """One cell for all steps, with an arrow from each state back to where the next step reads it.

    Args:
        graph: from `trace` or `trace_target`.
        depth: levels of modules that are open, as in the unrolled view.
        open: modules that are open however deep they are.
        title: heading of the picture; the graph's title if not given.

    Raises:
        WrongPictureError: the graph has no time steps.
    """
    shown = unrolled(graph, all_steps=True, depth=depth, open=open, title=title)
    if depth is None and not shown.steps:
        return one_step(graph, "folded", title, open)
    return with_roles(_one_step(shown, "folded"), graph)


def one_step(graph: Graph, name: str, title: str | None, open: Sequence[str] = ()) -> View:
    """The view of a step in the middle, for the view of this name; all modules are open."""
    shown = unrolled(graph, all_steps=True, depth=EVERYTHING, open=open, title=title)
    return with_roles(_one_step(shown, name), graph)


def _one_step(whole: View, name: str) -> View:
    if not whole.steps:
        raise WrongPictureError(f"{name}: {whole.title} has no time steps")
    kept = whole.steps[len(whole.steps) // 2]
    _see_that_steps_are_alike(whole, kept, name)
    shown = {item.key for item in whole.items if item.step == kept}
    steps: dict[Key, Key] = {}  # of each item, the one that is drawn in its place
    items: dict[Key, Item] = {}
    for item in whole.items:
        standing = item.key._replace(step=kept)
        before = item.key.kind == "state" and item.step is None and len(item.key.path) > 2
        if item.step == kept or (item.step is None and not before):
            items[item.key], steps[item.key] = item, item.key
        elif item.step is not None and standing in shown:
            steps[item.key] = standing
    arrows: dict[Arrow, None] = {}
    for a, b in whole.arrows:
        if b.step == kept and a.strip == b.strip and a.step != kept and a.kind == "state":
            back = a.step if a.step is not None else whole.by_key[a].label.step
            key = Key("state", (*a.path[:2], "before"), None, b.strip)
            one = whole.by_key[a]
            items.setdefault(key, replace(one, key=key, label=one.label._replace(step=back)))
            arrows[key, b] = None
            standing = a._replace(step=kept, path=a.path[:2])
            if standing in shown:
                loop = standing, key
                arrows[loop] = None
        elif b.step in (None, kept) and a in steps and b in items:
            same = a.step is None or b.step is None or a.step == b.step
            if same:
                arrows[steps[a], b] = None
    count = len(whole.steps)
    heading = Say("folded", (count, whole.steps[0], whole.steps[-1]))
    return View(
        whole.title, tuple(items.values()), tuple(arrows), "folded", (kept,), now=kept,
        folded=count, headings={kept: heading},
    )  # fmt: skip


def _see_that_steps_are_alike(whole: View, kept: int, name: str) -> None:
    """One step can stand for all if each reads what the one before hands over.

    Raises:
        WrongPictureError: a step reads an earlier one's value, or the next reads something else.
    """
    read: dict[int, set[tuple[Key, Key]]] = {kept: set(), kept + 1: set()}
    for a, b in whole.arrows:
        if b.step not in read or a.strip != b.strip:
            continue
        if a.step is not None and abs(a.step - b.step) > 1:
            raise WrongPictureError(
                f"{name}: {whole.title} reads {a.path[0]} of {abs(a.step - b.step)} steps before, "
                "which one step cannot show"
            )
        if a.kind == "leaf" and whole.by_key[a].kind == "input":
            read[b.step].add((a.role, b.role))
    if read[kept + 1] and read[kept] != read[kept + 1]:
        raise WrongPictureError(
            f"{name}: the steps of {whole.title} read different inputs, which one step cannot show"
        )
