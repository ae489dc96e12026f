"""What was traced, ready to run: the program, where its inputs are, and where its results go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minigrad.compile.backends import Backend, chosen_backend
from minigrad.compile.closure import Closure
from minigrad.compile.executable import Executable
from minigrad.compile.program import Operand, Program, Variable, needed
from minigrad.compile.signature import Leaves
from minigrad.compile.trace import TraceError
from minigrad.compile.tracing import Output, Traced, traced
from minigrad.primitives import concatenate
from minigrad.primitives.primitive import Array, Primitive
from minigrad.scope import current
from minigrad.tensor import Tensor
from minigrad.tree import rebuilt, tree_leaves


def record(function: Callable[..., Any], title: str, leaves: Leaves) -> Recording:
    """Trace a function for such arguments, and its backward pass if it is to be recorded."""
    backward = current().recording
    found, closure = traced(function, title, leaves, backward=backward)
    return Recording(function, title, leaves, found, closure, backward)


@dataclass
class Call:
    """One call.

    Attributes:
        leaves: its arguments.
        values: of the program's inputs.
        results: of the program.
    """

    leaves: Leaves
    values: Sequence[Any]
    results: Sequence[Any] = ()


class Recording:
    """A traced function for one signature.

    Args:
        function: what was traced.
        title: its name.
        leaves: the arguments.
        found: what came of it.
        closure: what the function sees.
        backward: whether its backward pass was traced too.
    """

    def __init__(
        self, function: Callable[..., Any], title: str, leaves: Leaves, found: Traced,
        closure: Closure, backward: bool,
    ) -> None:  # fmt: skip
        self.function, self.title = function, title
        self.found, self.closure, self.backward = found, closure, backward
        self.confirmed = False
        self.owners = leaves.owners  # alive, so that the key's ids stay theirs
        self.states = [
            (tensor, tensor.data.shape, tensor.data.dtype, tensor.requires_grad,
             tensor.grad is None if tensor in found.accumulated else None)
            for tensor in closure.tensors
        ]  # fmt: skip
        self._readers = [source.read for source in found.sources]
        self.tracked = [x for x in tree_leaves(found.result) if isinstance(x, Output) and x.tracked]
        self.program = program_of(found)
        self.backend = backend_for(self.program)
        self.execute = Executable(self.program, self.backend, _targets(found))
        self._both: Both | None = None

    def changed(self) -> str | None:
        """What the function sees that is not what it was; ``None`` if it still does the same."""
        for tensor, shape, dtype, requires_grad, no_grad in self.states:
            data = tensor.data
            if (
                data.shape != shape or data.dtype != dtype or tensor.requires_grad != requires_grad
                or (no_grad is not None and (tensor.grad is None) != no_grad)
            ):  # fmt: skip
                return self.closure.tensors[tensor]
        return self.closure.changed()

    def confirm(self, leaves: Leaves) -> None:
        """See, in the second call, that the function still does the same with other arguments.

        Raises:
            TraceError: it does not.
        """
        known = self.found, self.closure
        traced(self.function, self.title, leaves, backward=self.backward, known=known)
        self.confirmed = True

    def __call__(self, leaves: Leaves) -> Any:
        """Run."""
        given = leaves.values
        call = Call(leaves, [read(given) for read in self._readers])
        if self._changed:
            self._apart_from_others(call.values)
        recorded: dict[int, Tensor] = {}
        if self.tracked and current().recording:
            hub = self._primitive.bind(self._operands(call), {"call": call})
            recorded = dict(self._apart(hub))
            if len(recorded) == 1 and self.tracked[0].scalar:
                hub.data = hub.data[()]
        else:
            call.results = self.execute(call.values)
        new = iter(call.results[len(self.found.outputs) :])
        for effect in self.found.effects:
            value = None if effect.value is None else next(new)
            effect.source.write(leaves.values, value, in_place=effect.in_place)
        return _mapped(lambda x: _result(x, call.results, recorded), self.found.result)

    def _apart_from_others(self, values: Sequence[Any]) -> None:
        """See that no argument that is changed in place is seen under another name too.

        Raises:
            TraceError: it is, and the program would read what it was before.
        """
        seen = [*values, *(array for array, _, _ in self.closure.stamps)]
        for k in self._changed:
            for other, array in enumerate(seen):
                if other != k and isinstance(array, np.ndarray) and (
                    np.may_share_memory(values[k], array)
                ):  # fmt: skip
                    raise TraceError(
                        f"jit({self.title}): it changes an argument in place that shares memory "
                        "with another array that it sees; pass a copy"
                    )

    @cached_property
    def _changed(self) -> list[int]:
        """The numbers of the inputs that are arguments changed in place."""
        sources = [e.source for e in self.found.effects if e.in_place]
        changed = {s.key for s in sources if s.kind == "value" and isinstance(s.where, int)}
        return [k for k, s in enumerate(self.found.sources) if s.key in changed]

    # On the tape the whole function is one operation

    @cached_property
    def _primitive(self) -> Primitive:
        nothing = (_never,) * len(self._arrays)
        return Primitive(
            f"jit {self.title}", self._forward, "fused", nothing, nothing, label=self.title,
            reference=self._reference, saving=self._saving, backward=self._backward,
            static=("call",),
        )  # fmt: skip

    @cached_property
    def _arrays(self) -> list[int]:
        """The numbers of the inputs that are arrays."""
        inputs = self.found.trace.inputs
        return [k for k, v in enumerate(inputs) if v.dtype is not None and not v.weak]

    def _operands(self, call: Call) -> tuple[Any, ...]:
        """The arrays; the data of a Tensor as that Tensor."""
        sources = self.found.sources
        return tuple(
            sources[k].owner(call.leaves.values)
            if sources[k].kind == "data"
            else np.asarray(call.values[k])
            for k in self._arrays
        )

    def _forward(self, *arrays: Array, call: Call) -> Array:
        return self._saving(*arrays, call=call)[0]

    def _saving(self, *arrays: Array, call: Call) -> tuple[Array, tuple[Any, ...]]:
        """Run; what the backward pass needs is kept if there has been one before."""
        kept: Sequence[Any] | None = None
        if self._both is None and not self.is_drawing:
            call.results = self.execute(call.values)
        else:
            call.results, kept = self.both.run(call.values)
        return self._together([np.asarray(call.results[x.number]) for x in self.tracked]), (kept,)

    def _backward(
        self, g: Array, y: Array, saved: tuple[Any, ...], *arrays: Array, call: Call
    ) -> tuple[Array | None, ...]:
        (kept,) = saved
        if kept is None:
            _, kept = self.both.run(call.values)
        found = self.both.pull([part for _, part in self._apart(g)], kept)
        keys = (self.found.sources[k].key for k in self._arrays)
        return tuple(
            found[key] if key in found else np.zeros_like(array)
            for key, array in zip(keys, arrays, strict=True)
        )

    @property
    def both(self) -> Both:
        """The programs of the forward and of the backward pass, made when they are first needed."""
        if self._both is None:
            self._both = Both(self.found, self.backend)
        return self._both

    @cached_property
    def is_drawing(self) -> bool:
        """Whether it draws random numbers: running again, it would draw others."""
        return any(s.operation.kind == "draw" for s in self.program.statements)

    def _reference(self, *operands: Array, call: Call) -> Array:
        """The function as it stands, of which higher derivatives are taken.

        Raises:
            TraceError: it would not compute the same again.
        """
        again = ""
        if self.is_drawing:
            again = "it draws random numbers"
        elif any(effect.value is not None for effect in self.found.effects):
            again = "it changes arrays that it sees"
        elif self.changed() is not None:
            again = "what it sees has changed since"
        if again:
            raise TraceError(
                f"jit({self.title}): its second derivative is that of the function itself, which "
                f"would have to run again, but {again}; take the derivatives inside of the "
                "compiled function"
            )
        args, kwargs = call.leaves.rebuilt(call.leaves.values)
        result = self.function(*args, **kwargs)
        outputs: dict[int, Any] = {}
        _paired(self.found.result, result, outputs)
        return self._together([outputs[x.number] for x in self.tracked])

    def _together(self, parts: Sequence[Array]) -> Array:
        """The tracked outputs as one array; the output itself if there is one."""
        if len(parts) == 1:
            return parts[0]
        return concatenate([part.reshape(-1) for part in parts])

    def _apart(self, hub: Array) -> Iterator[tuple[int, Any]]:
        """The number of each tracked output, and its part of what `_together` has joined."""
        if len(self.tracked) == 1:
            yield self.tracked[0].number, hub
            return
        start = 0
        for x in self.tracked:
            variable = self.found.outputs[x.number]
            stop = start + int(np.prod(variable.shape))
            part = hub[start:stop].reshape(variable.shape)
            yield x.number, part if part.dtype == variable.dtype else part.astype(variable.dtype)
            start = stop


class Both:
    """A forward program that keeps what the backward program needs, and that.

    Args:
        found: a trace with a backward pass.
        backend: what runs them.
    """

    def __init__(self, found: Traced, backend: Backend) -> None:
        outputs = [*found.outputs, *_changed(found)]
        self.leaves = [s.key for s, g in zip(found.leaves, found.gradients, strict=True)
                       if g is not None]  # fmt: skip
        gradients = [g for g in found.gradients if g is not None]
        everything = needed(found.trace.statements, [*outputs, *gradients])
        first = needed(everything, outputs)
        known = set(map(id, first))
        second = [statement for statement in everything if id(statement) not in known]
        made = {v for statement in second for v in statement.outputs}
        read = [*(x for statement in second for x in statement.operands), *gradients]
        kept = tuple(dict.fromkeys(
            x for x in read
            if isinstance(x, Variable) and x.value is None and x not in made
            and x not in found.seeds
        ))  # fmt: skip
        self.count = len(outputs)
        inputs = tuple(found.trace.inputs)
        self.forward = Executable(Program(inputs, first, (*outputs, *kept)), backend)
        self.backward = Executable(
            Program((*found.seeds, *kept), second, tuple(gradients)), backend
        )

    def run(self, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Results, and what is kept."""
        results = self.forward(values)
        return results[: self.count], results[self.count :]

    def pull(self, cotangents: Sequence[Array], kept: Sequence[Any]) -> dict[Any, Array]:
        """The cotangent of each leaf, by the key of its source."""
        found = self.backward([*cotangents, *kept])
        return dict(zip(self.leaves, found, strict=True))


def backend_for(program: Program) -> Backend:
    """Where a program runs: by the type that most of its numbers have."""
    sizes: dict[Any, int] = {}
    for statement in program.statements:
        for x in statement.outputs:
            if x.dtype is not None and x.dtype.kind == "f":
                sizes[x.dtype] = sizes.get(x.dtype, 0) + x.size
    dtype = max(sizes, key=lambda d: sizes[d], default=np.dtype(float))
    return chosen_backend(dtype)


def program_of(found: Traced) -> Program:
    """The statements that lead to what a function returns and changes."""
    outputs = (*found.outputs, *_changed(found))
    return Program(tuple(found.trace.inputs), needed(found.trace.statements, outputs), outputs)


def _targets(found: Traced) -> dict[int, int]:
    """Which outputs are new values of the array of an input, by their numbers."""
    number = {source.key: k for k, source in enumerate(found.sources)}
    new = [effect for effect in found.effects if effect.value is not None]
    return {
        len(found.outputs) + k: number[effect.source.key]
        for k, effect in enumerate(new)
        if effect.in_place and effect.source.key in number
    }


def _changed(found: Traced) -> list[Operand]:
    return [effect.value for effect in found.effects if effect.value is not None]


def _never(*_: Any, **__: Any) -> Array:
    raise NotImplementedError("a compiled function is differentiated as a whole")


def _result(x: Any, results: Sequence[Any], recorded: dict[int, Tensor]) -> Any:
    """What is returned in the place of an `Output`."""
    if not isinstance(x, Output):
        return x.copy() if isinstance(x, np.ndarray) else x
    if x.number in recorded:
        return recorded[x.number]
    value = as_numpy(results[x.number], x)
    if x.kind != "Tensor":
        return value
    tensor = Tensor(value)
    tensor.data = value  # a scalar stays one
    return tensor


def as_numpy(value: Any, x: Output) -> Any:
    """A result as NumPy's own functions give it: a scalar, or an array of no axes."""
    if x.kind == "number":
        return value
    return np.asarray(value)[()] if x.scalar else np.asarray(value)


def _mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    if isinstance(nest, list | tuple):
        return rebuilt(nest, [_mapped(function, part) for part in nest])
    if isinstance(nest, dict):
        return rebuilt(nest, [_mapped(function, part) for part in nest.values()])
    return function(nest)


def _paired(nest: Any, result: Any, found: dict[int, Any]) -> None:
    """What stands in a result in the place of each `Output`."""
    if isinstance(nest, Output):
        found[nest.number] = result
    elif isinstance(nest, list | tuple):
        for part, other in zip(nest, result, strict=True):
            _paired(part, other, found)
    elif isinstance(nest, dict):
        for key, part in nest.items():
            _paired(part, result[key], found)
