"""The graph unrolled over time: one cell for each step, its gates named, its shapes shown."""

from __future__ import annotations

from dataclasses import replace

from minigrad.graph.record import Graph
from minigrad.graph.terms import Call, Listed, Name, Term
from minigrad.graph.view import Key, View, view
from minigrad.graph.views import steps
from minigrad.graph.views.items import Sketch, sketch


@view("unrolled", "a strip of steps, or the whole model where there is no time")
def unrolled(graph: Graph, *, all_steps: bool = False, title: str | None = None) -> View:
    """The graph unrolled over time: one cell for each step, the middle left out if it is long.

    Args:
        graph: from `trace` or `trace_target`.
        all_steps: draw every step, also when there are more than 8.
        title: heading of the picture; the graph's title if not given.

    Example:
        >>> from minigrad.graph import trace_target, unrolled
        >>> from minigrad.targets import resolve
        >>> unrolled(trace_target(resolve("lstm"), steps=30)).steps
        (0, 1, 2, 28, 29)
    """
    made = steps.arranged(sketch(graph))
    _with_operands(made)
    steps.joined(made)
    return as_view(made, title or graph.title, all_steps=all_steps)


def as_view(made: Sketch, title: str, *, all_steps: bool, name: str = "unrolled") -> View:
    """The view of a sketch, the middle left out if it is long."""
    found = tuple(sorted({key.step for key in made.items if key.step is not None}))
    kept = steps.kept_steps(found, all_steps=all_steps)
    items, arrows = tuple(made.items.values()), tuple(made.arrows)
    if kept != found:
        items, arrows = steps.elided(made.items, made.arrows, found, kept)
    return View(title, items, arrows, name, kept, len(found) - len(kept))


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
