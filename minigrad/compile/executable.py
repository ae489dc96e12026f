"""A program ready to run: simplified, written as code for a backend, with memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from minigrad.compile.backends import Backend
from minigrad.compile.numpy_code import Code, Writer
from minigrad.compile.program import Program, Variable
from minigrad.compile.simplify import simplified
from minigrad.compile.threads import ONE_THREAD, wants_one_thread

NOTHING: Mapping[int, int] = {}


def _writer(backend: Backend) -> type[Writer]:
    if not backend.loops:
        return Writer
    from minigrad.compile.numba_code import LoopingWriter

    return LoopingWriter


class Executable:
    """A program as a function of its inputs.

    Each run has the memory of the arrays in between for itself; when it is done, the next run
    takes that over. So several threads may run it at once.

    Args:
        program: what to compute.
        backend: what runs it.
        targets: numbers of outputs to be written into the array of an input: {output: input}.

    Attributes:
        program: simplified.
        code: what is run.
    """

    def __init__(
        self, program: Program, backend: Backend, targets: Mapping[int, int] = NOTHING
    ) -> None:
        self.program = simplified(program)
        inputs, outputs = self.program.inputs, self.program.outputs
        into: dict[Variable, Variable] = {}
        for output, number in targets.items():
            variable = outputs[output]
            if isinstance(variable, Variable) and variable not in inputs:
                into[variable] = inputs[number]
        self.code: Code = _writer(backend)(self.program, into).write()
        self._names = dict(self.code.names)
        exec(compile(self.code.text, "<minigrad.compile>", "exec"), self._names)
        self._threads = ONE_THREAD if wants_one_thread(self.program) else nullcontext()
        self._idle: list[Callable[..., list[Any]]] = []

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The outputs."""
        try:
            run = self._idle.pop()
        except IndexError:
            run = self._names["make"](np.empty(self.code.memory.size, np.uint8))
        try:
            with self._threads:
                return run(*inputs)
        finally:
            self._idle.append(run)
