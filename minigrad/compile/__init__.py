"""Compiled code: functions as programs (`minigrad.jit`), cells over a sequence as one kernel."""

from minigrad.compile.backends import Backend, backend, chosen_backend
from minigrad.compile.compiled import Compiled
from minigrad.compile.loading import cache_folder, has_numba
from minigrad.compile.trace import TraceError

__all__ = [
    "Backend", "Compiled", "TraceError", "backend", "cache_folder", "chosen_backend", "has_numba",
]  # fmt: skip
