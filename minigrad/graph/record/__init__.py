"""What was recorded, as data: `Graph`, and the ways to one."""

from minigrad.graph.record import summary
from minigrad.graph.record.graph import (
    BOOKKEEPING,
    Graph,
    Level,
    Objective,
    Operation,
    Path,
    Use,
    modules,
    shaped,
)
from minigrad.graph.record.names import Names
from minigrad.graph.record.trace import trace, trace_target

__all__ = [
    "BOOKKEEPING",
    "Graph",
    "Level",
    "Names",
    "Objective",
    "Operation",
    "Path",
    "Use",
    "modules",
    "shaped",
    "summary",
    "trace",
    "trace_target",
]
