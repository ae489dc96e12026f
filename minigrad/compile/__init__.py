"""From a cell's equations to one fused kernel over a sequence, forward and backward."""

from minigrad.compile.fused import (
    Fused,
    backend,
    chosen_backend,
    fusable,
    fuse,
    kernel_of,
    weights_of,
)
from minigrad.compile.kernel import Kernel
from minigrad.compile.loading import cache_folder, has_numba
from minigrad.compile.plan import NotFusableError, Plan, plan
from minigrad.compile.source import Source, write

__all__ = [
    "Fused", "Kernel", "NotFusableError", "Plan", "Source", "backend", "cache_folder",
    "chosen_backend", "fusable", "fuse", "has_numba", "kernel_of", "plan", "weights_of", "write",
]  # fmt: skip
