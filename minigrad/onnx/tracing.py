"""A model written down, with what ONNX has an operator for as one operation."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from minigrad.compile.operations import Operation, opaque
from minigrad.compile.program import Program, Variable
from minigrad.compile.signature import flatten
from minigrad.compile.simplify import simplified
from minigrad.compile.trace import Trace
from minigrad.compile.traced_array import TracedArray
from minigrad.compile.tracing import Source, traced_twice
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.scope import no_grad

WHOLE = frozenset({
    "relu", "softmax", "log_softmax", "layer_norm", "max_pool", "flash_attention",
})  # fmt: skip
"""Primitives that ONNX has, which `minigrad.jit` would take apart."""

_whole = cache(opaque)
_ARRAYS = frozenset({
    np.argmax, np.argmin, np.argsort, np.any, np.all, np.nan_to_num, np.round, np.count_nonzero,
})  # fmt: skip
"""Functions of NumPy that take one array, and what else is said by position or by name."""


class ExportTrace(Trace):
    """A program that is being written down for ONNX."""

    def primitive(
        self, primitive: Primitive, operands: Sequence[Any], static: Mapping[str, Any]
    ) -> Any:
        """A primitive: whole where ONNX has it."""
        is_known = PRIMITIVES.get(primitive.name) is primitive and primitive.name in WHOLE
        if is_known and isinstance(static.get("axis", 0), int):
            return self.apply(_whole(primitive), operands, static)
        return super().primitive(primitive, operands, static)

    def apply(
        self, operation: Operation, operands: Sequence[Any], static: Mapping[str, Any] | None = None
    ) -> Any:
        """An operation; what NumPy's function was given beside arrays goes by its name."""
        if operation.run in _ARRAYS and len(operands) > 1:
            names = list(inspect.signature(operation.run).parameters)
            static = {**(static or {}), **dict(zip(names[1:], operands[1:], strict=False))}
            operands = operands[:1]
        return super().apply(operation, operands, static)

    def several(
        self,
        operation: Operation,
        operands: Sequence[Any],
        static: Mapping[str, Any],
        results: Sequence[np.ndarray],
    ) -> list[TracedArray]:
        """An operation with several results, of which only shapes and types are known."""
        variables = tuple(self.operand(x) for x in operands)
        outputs = self._statement(operation, variables, static, results)
        return [TracedArray(self, v, r) for v, r in zip(outputs, results, strict=True)]


@dataclass(frozen=True)
class Written:
    """A function written down.

    Attributes:
        program: what it computes.
        sources: where each input is read from: an argument, or what the function sees.
        result: what it returned, with an `Output` in place of each array.
    """

    program: Program
    sources: tuple[Source, ...]
    result: Any

    def arguments(self) -> list[Variable]:
        """The inputs that are arguments, in order."""
        pairs = zip(self.sources, self.program.inputs, strict=True)
        return [v for source, v in pairs if isinstance(source.where, int)]

    def seen(self) -> dict[Variable, Source]:
        """The inputs that are parameters and the like."""
        pairs = zip(self.sources, self.program.inputs, strict=True)
        return {v: source for source, v in pairs if not isinstance(source.where, int)}


Around = Callable[[], contextlib.AbstractContextManager[Any]]


def written(
    function: Callable[..., Any],
    title: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    around: Around = contextlib.nullcontext,
    sees: Sequence[Any] = (),
) -> Written:
    """A function written down for these arguments.

    Args:
        function: takes and returns arrays.
        title: its name, for messages.
        args: arrays, and whatever else it takes.
        kwargs: the keyword arguments of that call.
        around: what holds while it runs.
        sees: modules that it uses, if it is a function of minigrad's own.

    Raises:
        TraceError: it does what cannot be written down, or changes something.
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        with around():
            return function(*args, **kwargs)

    leaves = flatten(tuple(args), kwargs, (), (), title)
    leaves.owners += [function, *sees]  # what they hold is an input
    with no_grad():
        found = traced_twice(run, title, leaves, kind=ExportTrace)
    if found.effects:
        name = found.effects[0].source.name
        found.trace.refuse(f"{name} is changed", "return the new value instead")
    program = simplified(found.trace.program(found.outputs))
    return Written(program, tuple(found.sources), found.result)


@contextlib.contextmanager
def at_rest(modules: Sequence[Any]) -> Iterator[None]:
    """Modules in the mode of use, without dropout."""
    before = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.training = training
