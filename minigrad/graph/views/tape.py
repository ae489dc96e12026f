"""The tape as it was recorded: every primitive, nothing folded away."""

from __future__ import annotations

from minigrad.graph.record import Graph
from minigrad.graph.view import View, view
from minigrad.graph.views import steps
from minigrad.graph.views.items import sketch
from minigrad.graph.views.unrolled import as_view


@view("tape", "every primitive")
def tape(graph: Graph, *, all_steps: bool = False, title: str | None = None) -> View:
    """Every node of the recorded graph, with its primitive and shape.

    Args:
        graph: from `trace` or `trace_target`.
        all_steps: draw every step, also when there are more than 8.
        title: heading of the picture; the graph's title if not given.
    """
    made = steps.arranged(sketch(graph, every=True))
    return as_view(made, title or graph.title, all_steps=all_steps, name="tape")
