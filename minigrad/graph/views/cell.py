"""One cell in the notation of the course notes, made from its recorded step.

Yellow boxes are neural network layers, an affine map with its activation; red circles act on
each entry; lines that meet in a bar are concatenated, lines that fork are copied. A state that
only red circles change, such as c, runs straight along the top, as on a belt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from minigrad.graph.drawing.phrases import said
from minigrad.graph.drawing.words import name as written
from minigrad.graph.drawing.words import strip_title
from minigrad.graph.record import BOOKKEEPING, Graph, Path, modules
from minigrad.graph.terms import Call, Name, Term
from minigrad.graph.view import Item, Key, Label, Say, View, WrongPictureError, view
from minigrad.graph.views.folded import one_step
from minigrad.graph.views.operands import with_roles


@view("cell", "the cell as course notes draw it")
def cell(graph: Graph, *, title: str | None = None) -> View:
    """One step of a cell.

    Args:
        graph: from `trace` or `trace_target`, with at least two time steps; of several layers and
            directions of one kind the first is drawn, and the caption names them.
        title: heading of the picture; the graph's title if not given.

    Raises:
        WrongPictureError: the graph has no time steps, or cells of several kinds.
    """
    whole = one_step(graph, "cell", title)
    alike: dict[Any, list[Path]] = defaultdict(list)
    for strip in dict.fromkeys(item.strip for item in whole.items if item.step is not None):
        items = [item for item in whole.items if item.strip == strip]
        if any(item.kind not in ("input", "constant", "parameter", "state") for item in items):
            alike[_structure(items, whole)].append(strip)
    if len(alike) != 1:
        raise WrongPictureError(
            f"cell: {whole.title} has {len(alike)} kinds of cells, expected one"
        )
    ((drawn, *others),) = alike.values()
    names = "; ".join(said(strip_title(strip), "en") for strip in (drawn, *others))
    outputs = {
        item.key for item in whole.items
        if item.kind in ("state", "layer", "point") and item.step is not None
        and _leaves(graph, item, drawn)
    }  # fmt: skip
    shown = _of_strip(whole, drawn, outputs, (Say("alike", (names,)),) if others else ())
    return with_roles(shown, graph)


def _leaves(graph: Graph, item: Item, strip: Path) -> bool:
    """Whether something outside of the strip reads a value, or nothing at all does."""
    waiting = [item.nodes[-1]]
    while waiting:
        readers = [graph.nodes[edge.target] for edge in graph.readers[waiting.pop()]]
        if not readers or any(reader.strip != strip for reader in readers):
            return True
        waiting += [reader.id for reader in readers if reader.primitive in BOOKKEEPING]
    return False


def _of_strip(whole: View, strip: Path, outputs: set[Key], caption: tuple[Say, ...]) -> View:
    """The cell of one strip: its states at the border, where they come in and leave."""
    inside = {item.key for item in whole.items if item.strip == strip}
    arrows = [arrow for arrow in whole.arrows if inside.issuperset(arrow)]
    moved: dict[Key, Key] = {}  # a state is the value of what computes it
    for a, b in arrows:
        if b.kind == "state" and b.step is not None and a.step == b.step:
            moved[b] = a
    items: list[Item] = []
    under: dict[Key, Key] = {}  # inputs stand below the cell
    for item in whole.items:
        if item.key not in inside or item.key in moved:
            continue
        label = item.label
        if item.kind == "layer":
            label = Label(label.name, item.step, _sign(label.formula))
            item = replace(item, label=label, shape=None, notes=())
        elif item.kind in ("input", "constant", "parameter", "state"):
            key = item.key
            if item.kind == "input":
                key = under[item.key] = Key(key.kind, (*key.path, "under"))
                item = replace(item, where=modules(strip))
            item = replace(item, key=key, shape=None, label=label._replace(formula=None))
        items.append(item)
    leaving: dict[Key, Key] = {}
    kept: dict[tuple[Key, Key], None] = {}
    carried = {a.path[:2] for a, _ in arrows if a.kind == "state" and a.step is None}
    for state in moved:
        if state.path[:2] not in carried and state not in outputs:
            continue  # it has a name and does not leave
        key = Key("state", (*state.path, "after"), None, strip)
        leaving[state] = key
        items.append(replace(whole.by_key[state], key=key, shape=None))
    for a, b in arrows:
        if b in moved or (a in moved and b.step is None):
            continue  # it goes on to its place at the border
        kept[moved.get(a, under.get(a, a)), b] = None
    for state, key in leaving.items():
        kept[moved[state], key] = None
    for output, item in whole.by_key.items():
        if output not in outputs & inside - set(moved.values()):
            continue
        above = Key("output", output.path)  # it leaves above
        label = Label(item.label.name or "y", item.step, None, item.label.primes)
        items.append(Item(above, "state", label, None, item.nodes, modules(strip)))
        kept[moved.get(output, output), above] = None
    return View(
        whole.title, tuple(items), tuple(kept), "cell", whole.steps, now=whole.now,
        folded=whole.folded, caption=caption,
    )  # fmt: skip


def _sign(formula: Term | Say | str | None) -> Term | Say | str:
    """What stands in a layer's box: its activation, or W."""
    if isinstance(formula, Call) and not formula.infix:
        bars = formula.label in ("|", "‖")
        return replace(formula, args=(Name("x"),)) if bars else formula.label
    return "W" if isinstance(formula, Call) else formula or "W"


def _structure(items: Sequence[Item], whole: View) -> Any:
    """What is the same in two cells that are drawn alike."""
    names = {
        item.key: (item.kind, written(item.label._replace(step=None)), str(item.label.formula)
                   if item.kind == "point" else "")
        for item in items
        if item.kind in ("layer", "point", "state")
    }  # fmt: skip
    arrows = ((names[a], names[b]) for a, b in whole.arrows if a in names and b in names)
    return tuple(sorted(names.values())), tuple(sorted(arrows))
