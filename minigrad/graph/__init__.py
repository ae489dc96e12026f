"""Pictures of recorded graphs: record, choose a view, lay out, check, draw."""

from minigrad.graph.drawing.graphviz import GraphvizNotFoundError, require_graphviz
from minigrad.graph.picture import Picture, draw, notebook_svg, render, source, svg
from minigrad.graph.record import Graph, Operation, Use, trace, trace_target
from minigrad.graph.view import Item, View, WrongPictureError
from minigrad.graph.views import VIEWS
from minigrad.graph.views.unrolled import unrolled

__all__ = [
    "VIEWS",
    "Graph",
    "GraphvizNotFoundError",
    "Item",
    "Operation",
    "Picture",
    "Use",
    "View",
    "WrongPictureError",
    "draw",
    "notebook_svg",
    "render",
    "require_graphviz",
    "source",
    "svg",
    "trace",
    "trace_target",
    "unrolled",
]
