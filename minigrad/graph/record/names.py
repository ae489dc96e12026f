"""What users call their arrays: names of variables, seen while their code runs."""

from __future__ import annotations

import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from minigrad.compile.traced_array import TracedArray
from minigrad.tensor import Tensor

_HERE = str(Path(__file__).parents[2])
_LIBRARIES = (
    _HERE,
    "<frozen",
    *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
)
_LAYERS = str(Path(_HERE) / "nn")
_COMPARED = 1 << 16  # bytes of an array that is known again by what is in it


class Names:
    """Names by array: the first that it was given, outside of minigrad before inside its layers.

    Example:
        >>> from minigrad.graph.record.names import Names
        >>> names, mask = Names(), np.array([True, False])
        >>> names.learn({"mask": mask})
        >>> names.of(mask[1:])
        'mask'
    """

    def __init__(self) -> None:
        self._named: dict[int, tuple[str, Any, bool]] = {}
        self._alike: dict[tuple[Any, ...], tuple[str, bool]] = {}  # no name: there are two
        self._arrays: Counter[str] = Counter()  # how many each name has named

    def learn(self, variables: Mapping[str, Any], *, ours: bool = False) -> None:
        """Take over what is an array or Tensor; ``ours``: a layer of minigrad calls it so."""
        for name, value in variables.items():
            if name.startswith("_") or not isinstance(value, np.ndarray | Tensor | TracedArray):
                continue
            known = self._named.get(id(value))
            if known is None or (known[2] and not ours):
                self._named[id(value)] = (name, value, ours)  # held, so that its id stays its own
                self._arrays[name] += 1
                if isinstance(value, np.ndarray) and (key := _content(value)):
                    before, was_ours = self._alike.get(key, (name, ours))
                    clash = before != name and was_ours == ours
                    self._alike[key] = ("" if clash else name, ours)

    def of(self, value: Any, *, lasting: bool = False) -> str | None:
        """The name of what an array is a view of, its own, or that of one that is equal.

        Args:
            value: the array.
            lasting: only an equal one counts whose name never named another array.
        """
        base = getattr(value, "base", None)
        if base is not None and (found := self.of(base, lasting=lasting)):
            return found
        if (known := self._named.get(id(value))) is not None:
            return known[0]
        equal = self._alike.get(_content(value)) if isinstance(value, np.ndarray) else None
        if not equal or (lasting and self._arrays[equal[0]] > 1):
            return None
        return equal[0] or None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Learn the variables of functions that are called and left inside."""
        before = sys.getprofile()
        sys.setprofile(self._watch)
        try:
            yield
        finally:
            if callable(before) or before is None:
                sys.setprofile(before)
            else:  # a profiler in C, such as cProfile's
                sys.setprofile(None)
                before.enable()

    def _watch(self, frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return"):
            return
        file = frame.f_code.co_filename
        generated = frame.f_globals.get("__name__", "").startswith("minigrad.")
        if not file.startswith(_LIBRARIES) and not generated:
            self.learn(frame.f_locals)
        elif event == "call":
            caller = frame.f_back
            if caller is not None and not caller.f_code.co_filename.startswith(_LIBRARIES):
                self.learn(caller.f_locals)  # what a loop of the user's computes with
            if file.startswith(_LAYERS) and frame.f_code.co_name == "forward":
                self.learn(frame.f_locals, ours=True)


def _content(array: np.ndarray) -> tuple[Any, ...]:
    """What equal whole numbers and flags have in common; empty for others."""
    if array.dtype.kind not in "biu" or not 0 < array.nbytes <= _COMPARED:
        return ()
    return array.shape, array.dtype.str, array.tobytes()


def of_function(function: Callable[..., Any]) -> dict[str, Any]:
    """The global and enclosing variables that a function sees."""
    cells = getattr(function, "__closure__", None) or ()
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    enclosing = {}
    for name, cell in zip(names, cells, strict=False):
        try:
            enclosing[name] = cell.cell_contents
        except ValueError:  # it is not filled yet
            continue
    return {**getattr(function, "__globals__", {}), **enclosing}
