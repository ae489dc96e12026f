"""Where generated code runs: NumPy, which is always there, and Numba, an extra."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.compile import numpy_runtime
from minigrad.compile.loading import has_numba, machine_code
from minigrad.extras import install_command

Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Backend:
    """One way to run generated code.

    Attributes:
        name: as the command line knows it.
        loops: whether what holds entry by entry is one loop over numbers; else it is calls on
            whole arrays.
        runtime: the module whose names the code calls.

    Example:
        >>> from minigrad.compile.backends import NUMBA, NUMPY
        >>> NUMPY.loops, NUMBA.loops
        (False, True)
    """

    name: str
    loops: bool
    runtime: str

    def load(self, head: str, body: str, arguments: Mapping[str, tuple[str, ...]]) -> Functions:
        """The functions that a cell's code defines, ready to run.

        Args:
            head: the first lines of a module, with its imports.
            body: the rest.
            arguments: the names of each function's arguments, which tell their types.

        Raises:
            RuntimeError: Numba does not compile it.
        """
        if self.loops:
            from minigrad.compile import numba_runtime  # it brings Numba

            signatures = {name: numba_runtime.signature(a) for name, a in arguments.items()}
            return machine_code("\n".join([head, body]), signatures, self.runtime)
        names = vars(numpy_runtime).copy()
        exec(compile(body, "<minigrad.compile>", "exec"), names)
        return names


NUMPY = Backend("numpy", loops=False, runtime="minigrad.compile.numpy_runtime")
NUMBA = Backend("numba", loops=True, runtime="minigrad.compile.numba_runtime")
BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in (NUMPY, NUMBA)}

_chosen: ContextVar[Backend | None] = ContextVar("minigrad.backend", default=None)


def named(name: str) -> Backend:
    """The backend of this name.

    Raises:
        ValueError: there is none.
        ImportError: it is Numba, which is not installed.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend: got {name!r}, expected {' or '.join(map(repr, BACKENDS))}")
    if name == NUMBA.name and not has_numba():
        raise ImportError(f"Numba is not installed; get it with: {install_command('fast')}")
    return BACKENDS[name]


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Context manager: compiled layers and functions run on this backend.

    Numba has kernels of recurrent layers for float32 alone: where it is asked for, those of other
    types run on NumPy, with a warning.

    Args:
        name: "numpy" or "numba"; by default it is Numba for float32 if that is installed, and NumPy
            for all other types, whose functions of float64 are the faster ones.

    Raises:
        ValueError: no such backend.
        ImportError: Numba is asked for and not installed.

    Example:
        >>> from minigrad.compile import backend, chosen_backend
        >>> with backend("numpy"):
        ...     chosen_backend(np.dtype(np.float32)).name
        'numpy'
    """
    token = _chosen.set(named(name))
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen_backend(dtype: np.dtype) -> Backend:
    """The one that was asked for; else Numba for float32 where it is installed.

    Example:
        >>> from minigrad.compile import chosen_backend
        >>> chosen_backend(np.dtype(np.float64)).name
        'numpy'
    """
    return _chosen.get() or (NUMBA if dtype == np.float32 and has_numba() else NUMPY)
