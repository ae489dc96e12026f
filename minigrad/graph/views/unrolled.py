"""The graph unrolled over time: one cell for each step, its gates named, its shapes shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from minigrad.graph.record import Graph, Path
from minigrad.graph.terms import Call, Listed, Name, Term
from minigrad.graph.view import Key, Repeat, Say, View, view
from minigrad.graph.views import steps
from minigrad.graph.views.items import Sketch, sketch
from minigrad.graph.views.nesting import around, collapse, deepest, dotted, fold, whole
from minigrad.graph.views.operands import with_roles
from minigrad.primitives import PRIMITIVES

MOST_ITEMS = 60  # outside of steps, that fit a page


@view("unrolled", "the steps in a row, or the whole model if it has no time steps")
def unrolled(
    graph: Graph,
    *,
    all_steps: bool = False,
    depth: int | None = None,
    open: Sequence[str] = (),
    ends: tuple[int, int] = steps.ENDS,
    title: str | None = None,
) -> View:
    """The graph unrolled over time: one cell for each step, the middle left out if it is long.

    Args:
        graph: from `trace` or `trace_target`.
        all_steps: draw every step, also when there are more than 8.
        depth: levels of modules that are open, those below one box each; as many as fit a page
            if not given.
        open: modules that are open however deep they are: ``body.layers.0``.
        ends: how many of many steps are drawn at the beginning and the end.
        title: heading of the picture; the graph's title if not given.

    Raises:
        ValueError: a module to be opened is not there.

    Example:
        >>> from minigrad.graph import trace_target, unrolled
        >>> from minigrad.targets import resolve
        >>> unrolled(trace_target(resolve("lstm"), steps=30)).steps
        (0, 1, 2, 28, 29)
    """
    base = sketch(graph)
    made, repeats = nested(base, fitting(base, open) if depth is None else depth, open)
    if not all_steps:
        steps.thinned(made, ends)
    steps.arranged(made)
    _with_operands(made)
    steps.joined(made)
    view = as_view(made, title or graph.title, all_steps=all_steps, ends=ends)
    return replace(view, repeats=repeats)


def nested(base: Sketch, depth: int, open: Sequence[str]) -> tuple[Sketch, dict[Path, Repeat]]:
    """A copy of a sketch with modules below a depth collapsed, and equal ones folded.

    Raises:
        ValueError: a module to be opened is not there.
    """
    made = base.copy()
    start = len(whole(made))
    names = {dotted(around(item)[start:]) for item in made.items.values()}
    known = {".".join(name.split(".")[:k]) for name in names
             for k in range(1, name.count(".") + 2)} - {""}  # fmt: skip
    for name in open:
        if name not in known:
            raise ValueError(
                f"got open={name!r}, expected one of {', '.join(sorted(known)) or 'no module'}"
            )

    def closed(path: Path) -> bool:
        name = dotted(path[start:])
        opened = any(f"{other}.".startswith(f"{name}.") for other in open)
        return len(path) >= start + max(depth, 1) and not opened

    if depth < deepest(made):
        collapse(made, closed)
    return made, fold(made)


def fitting(base: Sketch, open: Sequence[str] = ()) -> int:
    """The depth at which what is outside of steps can be read on a page, and a step too.

    At a smaller one nothing but a single box would be left, if there is one that is too much.
    """
    least = deepest(base)
    for depth in range(least, 0, -1):
        made, _ = nested(base, depth, open)
        if sum(item.kind not in ("input", "constant", "parameter", "state")
               for item in made.items.values()) < 2:  # fmt: skip
            break
        least = depth
        count = Counter((key.strip if key.step is not None else (), key.step) for key in made.items)
        if max(count.values(), default=0) <= MOST_ITEMS:
            break
    return least


def as_view(
    made: Sketch,
    title: str,
    *,
    all_steps: bool,
    name: str = "unrolled",
    ends: tuple[int, int] = steps.ENDS,
) -> View:
    """The view of a sketch, the middle left out if it is long."""
    every = steps.found(made)
    kept = steps.kept_steps(every, all_steps=all_steps, ends=ends)
    items, arrows = tuple(made.items.values()), tuple(made.arrows)
    if kept != every:
        items, arrows = steps.elided(made.items, made.arrows, every, kept)
    view = View(title, items, arrows, name, kept, len(every) - len(kept),
                caption=_fused(made.graph))  # fmt: skip
    return with_roles(view, made.graph)


def _fused(graph: Graph) -> tuple[Say, ...]:
    """What is said of cells whose steps were computed in one operation."""
    cells = dict.fromkeys(
        node.label for node in graph.nodes
        if node.kind == "operation" and node.primitive not in PRIMITIVES
    )  # fmt: skip
    return (Say("fused", (", ".join(cells),)),) if cells else ()


def _with_operands(made: Sketch) -> None:
    """Write into each gate's formula what it is applied to: W·[h, x] + b."""
    sources = made.sources()

    def short(key: Key) -> Term:
        item = made.items[key]
        if item.kind == "layer" or item.label.name:
            return Name(item.label.name + "′" * item.label.primes)
        parts = [short(source) for source in sources[key]]
        if item.label.formula == "×" and len(parts) == 2:
            return Call("∘", tuple(parts), infix=True)
        return Name("…")

    def filled(term: Term, operands: tuple[Term, ...]) -> Term:
        if term == Listed(()):
            return Listed(operands) if len(operands) != 1 or in_step else operands[0]
        if isinstance(term, Call):
            return replace(term, args=tuple(filled(arg, operands) for arg in term.args))
        return term

    for key, item in list(made.items.items()):
        formula = item.label.formula
        in_step = key.step is not None
        if key.kind != "layer" or not isinstance(formula, Call):
            continue
        operands = tuple(short(source) for source in sources[key]) if in_step else (Name("x"),)
        made.items[key] = replace(
            item, label=item.label._replace(formula=filled(formula, operands))
        )
