"""What the user's code calls its values: noted while a function runs, line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from minigrad.compile.closure import is_library
from minigrad.compile.program import Variable
from minigrad.compile.traced_array import TracedArray
from minigrad.nn import Cell
from minigrad.scope import current
from minigrad.tensor import Tensor

_EQUATIONS = "minigrad.nn.cells"  # whose local variables are those of the equations


class Names:
    """Notes the names of local variables that hold traced arrays.

    A name in the function itself is better than one in what it calls, and that is better than one
    of the library's; within each the first counts. A name in the function itself is nobody else's.
    What a cell's step returns has the names of its states. In a step of a recurrent layer the
    number of the step is a part of the name.
    """

    def __init__(self) -> None:
        self.function: CodeType | None = None  # the user's, that was called first
        self.rank: dict[Variable, int] = {}  # 2 of names in that, 1 of other own ones

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Context manager: lines that run inside are watched."""
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)
        best = {variable.name for variable, rank in self.rank.items() if rank == 2}
        for variable, rank in self.rank.items():
            if rank < 2 and variable.name in best:
                variable.name = None

    def _call(self, frame: Any, event: str, argument: Any) -> Any:
        module = str(frame.f_globals.get("__name__"))
        own = not is_library(module)
        if not own and module != _EQUATIONS:
            return None
        if own and self.function is None:
            self.function = frame.f_code
        rank = own + (frame.f_code is self.function)

        def line(frame: Any, event: str, argument: Any) -> Any:
            for name, value in list(frame.f_locals.items()):
                self._note(name, value, rank)
            if event == "return" and frame.f_code.co_name == "step":
                cell = frame.f_locals.get("self")
                if isinstance(cell, Cell):
                    states = argument if isinstance(argument, tuple) else (argument,)
                    for name, value in zip(cell.state, states, strict=False):
                        self._note(name, value, rank)
            return line

        return line

    def _note(self, name: str, value: Any, rank: int) -> None:
        array = value.data if isinstance(value, Tensor) else value
        if not isinstance(array, TracedArray) or not array.trace.is_open or name.startswith("_"):
            return
        variable = array.variable
        if variable in array.trace.inputs or variable.value is not None:
            return
        given = value.name if isinstance(value, Tensor) else None
        name = given or name
        if variable.name is None or rank > self.rank.get(variable, 0):
            variable.name = name + _step()
            self.rank[variable] = rank


def _step() -> str:
    """The number of the time step, as a part of a name."""
    scope = current().scope
    while scope is not None:
        if scope.kind == "step":
            return f"_{scope.name}"
        scope = scope.parent
    return ""
