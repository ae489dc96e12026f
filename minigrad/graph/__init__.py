"""Pictures of recorded graphs: record, choose a view, lay out, draw."""

from minigrad.graph.items import Item, View
from minigrad.graph.model import Graph, Operation, Use, trace, trace_target
from minigrad.graph.render import (
    GraphvizNotFoundError,
    Picture,
    draw,
    render,
    require_graphviz,
    source,
    svg,
)
from minigrad.graph.views import unrolled

__all__ = [
    "Graph",
    "GraphvizNotFoundError",
    "Item",
    "Operation",
    "Picture",
    "Use",
    "View",
    "draw",
    "render",
    "require_graphviz",
    "source",
    "svg",
    "trace",
    "trace_target",
    "unrolled",
]
