"""`jit`: a function is traced once for each kind of arguments, and then replayed as a program."""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.compile.backends import chosen_backend
from minigrad.compile.cache import Cache
from minigrad.compile.recording import Recording, record
from minigrad.compile.signature import Leaves, flatten
from minigrad.scope import current

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_SIGNATURES = 64  # programs that one function keeps
_WARN = 8  # signatures, from which there is a warning


def compiled(
    function: Callable[..., Any] | None,
    static_argnums: int | Sequence[int],
    static_argnames: str | Sequence[str],
) -> Any:
    """What `minigrad.jit` returns.

    Raises:
        TypeError: not a function.
        ValueError: it has no such arguments to be static.
    """
    if function is None:
        return functools.partial(
            compiled, static_argnums=static_argnums, static_argnames=static_argnames
        )
    if not callable(function):
        raise TypeError(f"jit: got {type(function).__name__}, expected a function")
    numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    return Compiled(function, *_found(function, numbers, names))


def _found(
    function: Callable[..., Any], numbers: tuple[int, ...], names: tuple[str, ...]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The static arguments by position and by name, however they were given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of C, without a signature
        return numbers, names
    kinds = {p.kind for p in parameters}
    placed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [p.name for p in parameters]
    unknown = [n for n in names if n not in known and inspect.Parameter.VAR_KEYWORD not in kinds]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        unknown += [str(k) for k in numbers if not -len(placed) <= k < len(placed)]
    if unknown:
        raise ValueError(
            f"jit({_title(function)}): got the static argument {unknown[0]}, which it does not "
            f"have; it takes {', '.join(known) or 'none'}"
        )
    return (
        (*numbers, *(placed.index(n) for n in names if n in placed)),
        (*names, *(placed[k] for k in numbers if 0 <= k < len(placed))),
    )


def _title(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


class Compiled:
    """A compiled function. Made by `minigrad.jit`.

    Attributes:
        function: as it was given.
        traces: how often a program was made.

    Example:
        >>> double = mg.jit(lambda x: 2 * x)
        >>> double(np.ones(3)), double(np.ones(4)), double.signatures
        (array([2., 2., 2.]), array([2., 2., 2., 2.]), 2)
    """

    def __init__(
        self, function: Callable[..., Any], numbers: tuple[int, ...], names: tuple[str, ...]
    ) -> None:
        self.function = function
        self.title = _title(function)
        self._static = numbers, names
        self._entries: Cache[list[Recording]] = Cache(_SIGNATURES)
        self._lock = threading.RLock()
        self.traces = 0
        functools.update_wrapper(self, function, updated=())

    @property
    def signatures(self) -> int:
        """How many programs there are."""
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<compiled {self.title}, {self.signatures} signatures>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for these arguments; trace the function first if there is none."""
        leaves = self._flat(args, kwargs)
        if leaves.traced:  # inside of another function that is being traced: a part of it
            return self.function(*args, **kwargs)
        recording = self.recording(leaves)
        return recording(leaves)

    def recording(self, leaves: Leaves) -> Recording:
        """The program for such arguments."""
        state = current()
        backends = chosen_backend(_SINGLE), chosen_backend(_DOUBLE)
        key = leaves.key, state.recording, state.fusing, backends
        found = self._entries.get(key, list)
        why = "its shapes, types or static arguments are new"
        for recording in found:
            changed = recording.changed()
            if changed is None:
                if not recording.confirmed:
                    with self._lock:
                        recording.confirm(leaves)
                return recording
            why = f"{changed}, which it sees, has changed"
        with self._lock:
            self._count(why)
            recording = record(self.function, self.title, leaves)
            found[:] = [recording]
        return recording

    def _flat(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Leaves:
        numbers, names = self._static
        return flatten(args, kwargs, numbers, names, self.title)

    def _count(self, why: str) -> None:
        self.traces += 1
        if self.traces == _WARN:
            warnings.warn(
                f"jit({self.title}): traced {_WARN} times, each as long as some calls without jit, "
                f"now because {why}; pad arrays to few shapes, or pass what changes as an "
                "argument that is not static",
                RuntimeWarning, stacklevel=4,
            )  # fmt: skip
