"""Compiled code: a cell over a sequence as one kernel (`minigrad.compile.cells`)."""

from minigrad.compile.backends import Backend, backend, chosen_backend
from minigrad.compile.loading import cache_folder, has_numba

__all__ = ["Backend", "backend", "cache_folder", "chosen_backend", "has_numba"]
