"""From a cell's equations to one fused kernel over a sequence, forward and backward."""

from minigrad.compile.cells.fused import Fused, fusable, fuse, kernel_of, weights_of
from minigrad.compile.cells.kernel import Kernel
from minigrad.compile.cells.plan import NotFusableError, Plan, plan
from minigrad.compile.cells.source import Source, write

__all__ = [
    "Fused", "Kernel", "NotFusableError", "Plan", "Source", "fusable", "fuse", "kernel_of", "plan",
    "weights_of", "write",
]  # fmt: skip
