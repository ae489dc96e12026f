"""A function is run once on arrays that stand for others: what it computes, and what it changes.

Nothing else may come of that run. A second one, with the next arguments, must give the same
program: what it takes from outside would otherwise stay what it was. What the function changes
besides arrays, what it prints, is an error that names the line.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import types
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import Any, NoReturn

import numpy as np

from minigrad.compile.closure import Closure, closure_of, is_library
from minigrad.compile.naming import Names
from minigrad.compile.outside import (
    RefusingIterator,
    draws_so_far,
    refusing,
    settings_now,
    watched,
)
from minigrad.compile.places import Place
from minigrad.compile.program import Literal, Operand, Variable
from minigrad.compile.signature import Leaves
from minigrad.compile.trace import Trace, TraceError, frozen, quoted, quoted_place
from minigrad.compile.traced_array import TracedArray, TracedCall, TracedNumber
from minigrad.nn.module import Module
from minigrad.optim.optimizer import Optimizer
from minigrad.tape import Node, ancestors, walk
from minigrad.tensor import Tensor
from minigrad.tree import rebuilt, tree_leaves


@dataclass(frozen=True)
class Source:
    """Where an input of the program is read from.

    Attributes:
        kind: "data" or "grad" of a Tensor, or "value" of what is no Tensor.
        where: the Tensor, the `Place`, or the number of the argument.
    """

    kind: str
    where: Any

    @property
    def key(self) -> Any:
        """What distinguishes two of them."""
        return self.kind, self.where if isinstance(self.where, int) else id(self.where)

    def owner(self, values: Sequence[Any]) -> Any:
        """The Tensor, the place, or the argument itself."""
        return values[self.where] if isinstance(self.where, int) else self.where

    @functools.cached_property
    def read(self) -> Callable[[Sequence[Any]], Any]:
        """A function of the arguments: the array, number or generator, as it is now."""
        where, kind = self.where, self.kind
        if isinstance(where, int):
            if kind == "value":
                return operator.itemgetter(where)
            return lambda values: getattr(values[where], kind)
        if kind == "value":
            return lambda _: where.get()
        return (lambda _: where.data) if kind == "data" else (lambda _: where.grad)

    def write(self, values: Sequence[Any], new: Any, *, in_place: bool) -> None:
        """Put a new value there; into the array that is there if it is to stay the same one."""
        owner = self.owner(values)
        if in_place:
            now = self.read(values)
            if now is not new:
                np.copyto(now, new)
        elif self.kind != "value":
            setattr(owner, self.kind, new)
        else:
            owner.set(new)

    @property
    def name(self) -> str:
        """What messages call it."""
        owner = self.where
        return owner.name if isinstance(owner, Place | Tensor) and owner.name else self.kind


@dataclass(frozen=True)
class Effect:
    """Something that the function changes: an array, or a number, that it sees.

    Attributes:
        source: where.
        value: what is there afterwards; ``None`` where a gradient is forgotten.
        in_place: whether it is the same array that has changed.
    """

    source: Source
    value: Operand | None
    in_place: bool


@dataclass(frozen=True)
class Output:
    """A place in the result's nest.

    Attributes:
        number: of the program's output.
        kind: "array", "Tensor", or "number" for Python's.
        scalar: whether it is a number of NumPy's and not an array of one entry.
        tracked: whether the result is recorded.
    """

    number: int
    kind: str
    scalar: bool
    tracked: bool = False


@dataclass
class Traced:
    """What came of a run.

    Attributes:
        trace: the statements.
        sources: where each input is read from.
        result: what the function returned, with an `Output` in the place of each array.
        outputs: the variables that these stand for.
        effects: what it changes.
        leaves: sources of the Tensors that the result depends on, and that are tracked.
        seeds: inputs for the cotangents of the tracked outputs, if a backward pass was traced.
        gradients: cotangents of the leaves.
        accumulated: Tensors that it sees whose gradient from before it reads.
    """

    trace: Trace
    sources: list[Source] = field(default_factory=list)
    result: Any = None
    outputs: list[Operand] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    leaves: list[Source] = field(default_factory=list)
    seeds: list[Variable] = field(default_factory=list)
    gradients: list[Operand | None] = field(default_factory=list)
    accumulated: set[Tensor] = field(default_factory=set)


def traced(
    function: Callable[..., Any],
    title: str,
    leaves: Leaves,
    *,
    backward: bool = False,
    kind: type[Trace] = Trace,
    names: Names | None = None,
    known: tuple[Traced, Closure] | None = None,
) -> tuple[Traced, Closure]:
    """Trace a function.

    Args:
        function: it is called with the arguments.
        title: its name, for messages.
        leaves: the arguments.
        backward: whether to trace the backward pass of its outputs too.
        kind: of trace.
        names: notes what the user's code calls each value; then nothing stays whole that is made
            of NumPy's functions.
        known: what came of an earlier call, which must come again.

    Raises:
        TraceError: it does what cannot be compiled, or not the same as before.
    """
    closure = closure_of(function, *leaves.owners) if known is None else known[1]
    trace = kind(title, whole=names is None)
    found = _Run(function, trace, leaves, closure, backward, names).run()
    if known is not None and (where := _difference(known[0], found)) is not None:
        raise TraceError(
            f"jit({title}): {where} does not compute the same when it is called "
            "twice: does it draw random numbers, or read a clock? Pass a "
            "generator (np.random.default_rng) or the number as an argument"
        )
    for array in {id(a): a for ref in trace.outside if (a := ref()) is not None}.values():
        closure.add_constant(array)
    return found, closure


def traced_twice(
    function: Callable[..., Any], title: str, leaves: Leaves, **options: Any
) -> Traced:
    """Trace a function that is not to be called again, and see that it does the same twice.

    Raises:
        TraceError: as `traced`.
    """
    known = traced(function, title, leaves, **options)
    return traced(function, title, leaves, **options, known=known)[0]


class _Run:
    """One run of the function, after which everything is as it was before."""

    def __init__(
        self, function: Callable[..., Any], trace: Trace, leaves: Leaves, closure: Closure,
        backward: bool, names: Names | None = None,
    ) -> None:  # fmt: skip
        self.function, self.leaves, self.closure = function, leaves, closure
        self.backward, self.names = backward, names
        self.trace = trace
        self.found = Traced(self.trace)
        self.tensors: dict[Tensor, Source] = {}  # those that the function is given or sees
        self.given: list[tuple[Source, Any, Callable[[], Any]]] = []  # (what, before, how to read)
        self.uses: dict[Tensor, list[str]] = {}  # of the gradients of Tensors that it sees

    def run(self) -> Traced:
        draws, settings = draws_so_far(), settings_now()
        with self._around():
            with self._uses_noted(), self.names.watched() if self.names else _NOTHING:
                result = self._called()
            self._effects()
            self.found.result = self._nest(result)
            if self.backward:
                self._walk(result)
            self._without_unread()
        if (name := self.closure.changed()) is not None:
            self._refuse(
                self.closure.changed,
                f"the function changes {name}, which would happen only while it is traced; return "
                "the value instead",
            )
        if draws_so_far() != draws:
            draws = draws_so_far()
            self._refuse(
                lambda: draws_so_far() != draws,
                "the function draws from the random numbers of np.random or random, which would "
                "be the same in every call; pass a generator, np.random.default_rng(…), as an "
                "argument",
            )
        if (now := settings_now()) != settings:
            name = next(k for k in {**now, **settings} if now.get(k) != settings.get(k))
            raise TraceError(
                f"jit({self.trace.title}): the function sets {name}, which would happen only "
                "while it is traced; set it outside"
            )
        return self.found

    def _called(self) -> Any:
        try:
            result = self.function(*self.args, **self.kwargs)
            if self.trace.refused is not None:
                raise self.trace.refused
            return result
        except (TypeError, ValueError, RecursionError) as error:  # of code that asks for numbers
            into = "setting an array element with a sequence" in str(error)
            endless = isinstance(error, RecursionError)  # a function for numbers alone
            if isinstance(error, TraceError) or not (into or endless or "raced" in str(error)):
                raise
            what = f"{error}; compute it outside, and pass it as an argument"
            if into:
                what = (
                    "an array that is not known while it is traced is assigned into a plain array; "
                    "make that with mg.zeros(shape), or collect the parts and join them with "
                    "np.stack"
                )
            frames = [(f.f_code.co_filename, line) for f, line in walk_tb(error.__traceback__)
                      if not is_library(f.f_globals.get("__name__"))]  # fmt: skip
            raise TraceError(
                f"jit({self.trace.title}): "
                f"{quoted(*frames[-1]) if frames else 'the function'}: {what}"
            ) from error

    @contextlib.contextmanager
    def _around(self) -> Iterator[None]:
        """Traced arrays are in the places of those that the function is given or sees."""
        with contextlib.ExitStack() as undo:
            values = [self._argument(k, value) for k, value in enumerate(self.leaves.values)]
            self.args, self.kwargs = self.leaves.rebuilt(values)
            self._swap(undo)
            undo.callback(setattr, self.trace, "is_open", False)
            undo.enter_context(refusing(self.trace, self.closure))
            yield

    @contextlib.contextmanager
    def _uses_noted(self) -> Iterator[None]:
        """Note whose gradient is read before one is put there."""
        for tensor in self.closure.tensors:
            self.uses[tensor] = vars(tensor)["uses"] = []
            _become(tensor, _noting(type(tensor)))  # type: ignore[arg-type]
        try:
            yield
        finally:
            for tensor in self.closure.tensors:
                _become(tensor, type(tensor).__base__)
                del vars(tensor)["uses"]

    def _without_unread(self) -> None:
        """What gradient there was makes no difference where it is not read."""
        for tensor, uses in self.uses.items():
            if uses[:1] == [READ]:
                self.found.accumulated.add(tensor)
        kept = [
            (source, x) for source, x in zip(self.found.sources, self.trace.inputs, strict=True)
            if source.kind != "grad" or source.where not in self.uses
            or source.where in self.found.accumulated
        ]  # fmt: skip
        self.found.sources, self.trace.inputs = [s for s, _ in kept], [x for _, x in kept]

    def _refuse(self, changed: Callable[[], Any], what: str) -> NoReturn:
        """Run once more, to see which line does it.

        Raises:
            TraceError: always.
        """
        fresh = type(self.trace)(self.trace.title)
        again = _Run(self.function, fresh, self.leaves, self.closure, False)
        self.closure.restore()
        with again._around(), watched(changed) as lines:
            self.function(*again.args, **again.kwargs)
        self.closure.restore()
        where = f"{lines[0]}: " if lines else ""
        raise TraceError(f"jit({self.trace.title}): {where}{what}")

    # Before

    def _input(self, source: Source, value: Any, name: str | None) -> Any:
        self.found.sources.append(source)
        if isinstance(value, np.random.Generator):
            return self.trace.generator(value, name)
        if isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic):
            return self.trace.number(value, name)
        return self.trace.array(value, name)

    def _argument(self, number: int, value: Any) -> Any:
        if isinstance(value, Tensor):
            tensor = Tensor(
                self._input(Source("data", number), value.data, value.name),
                requires_grad=value.requires_grad, name=value.name,
            )  # fmt: skip
            self._follow(tensor, number)
            return tensor
        source = Source("value", number)
        found = self._input(source, value, None)
        self.given.append((source, found, lambda: found))
        return found

    def _follow(self, tensor: Tensor, owner: Any, name: str = "") -> None:
        """Note what a Tensor holds before the run."""
        self.tensors[tensor] = Source("data", owner)
        grad = (owner if isinstance(owner, Tensor) else self.leaves.values[owner]).grad
        if isinstance(grad, np.ndarray | np.generic):
            tensor.grad = self._input(Source("grad", owner), grad, f"{name}.grad")
        for kind in ("data", "grad"):
            read = functools.partial(getattr, tensor, kind)
            self.given.append((Source(kind, owner), read(), read))

    def _swap(self, undo: contextlib.ExitStack) -> None:
        for tensor, name in self.closure.tensors.items():
            undo.callback(setattr, tensor, "data", tensor.data)
            undo.callback(setattr, tensor, "grad", tensor.grad)
            if isinstance(tensor.data, np.ndarray | np.generic):
                tensor.data = self._input(Source("data", tensor), tensor.data, name)
            self._follow(tensor, tensor, name)
        for place in (*self.closure.arrays, *self.closure.generators, *self.closure.numbers):
            source, before = Source("value", place), place.get()
            undo.callback(place.set, before)
            found = self._input(source, before, place.name)
            place.set(found)
            self.given.append((source, found, place.get))
        for place in self.closure.iterators:
            undo.callback(place.set, place.get())
            place.set(RefusingIterator(self.trace, place.name))

    # After

    def _effects(self) -> None:
        for source, before, read in self.given:
            now = read()
            array = now.data if isinstance(now, Tensor) else now
            same = now is before
            changed = isinstance(array, TracedArray) and array.version
            put = source.kind == "grad" and PUT_THERE in self.uses.get(source.where, ())
            if same and not changed and not put:
                continue
            if array is None and source.kind == "grad":
                self.found.effects.append(Effect(source, None, False))
            elif isinstance(array, TracedArray | np.ndarray | np.generic | bool | int | float):
                value = self.trace.operand(array)
                moved = source.kind == "data" and (value.shape, value.dtype) == (
                    before.shape, before.dtype
                )  # fmt: skip
                self.found.effects.append(Effect(source, value, same or moved))
            else:
                raise TraceError(
                    f"jit({self.trace.title}): the function puts a {type(now).__name__} in the "
                    f"place of {source.name}, which would happen only while it is traced; return "
                    "it instead"
                )

    def _nest(self, value: Any) -> Any:
        if isinstance(value, Tensor) and isinstance(value.data, TracedArray):
            if value in self.closure.tensors:
                return value
            tracked = value.requires_grad and not value.freed and bool(self._leaves_of([value]))
            return self._output(value.data, "Tensor", tracked)
        if isinstance(value, TracedNumber):
            return self._output(value, "number")
        if isinstance(value, TracedArray):
            return self._output(value, "array")
        if isinstance(value, list | tuple):
            return rebuilt(value, [self._nest(part) for part in value])
        if isinstance(value, dict):
            return rebuilt(value, [self._nest(part) for part in value.values()])
        if _holds_traced(value):
            self.trace.refuse(
                f"it returns a {type(value).__name__} with arrays in it",
                "return them in lists, tuples or dicts",
            )
        return value

    def _output(self, array: TracedArray, kind: str, tracked: bool = False) -> Output:
        self.found.outputs.append(array.variable)
        scalar = isinstance(array.value, np.generic)
        return Output(len(self.found.outputs) - 1, kind, scalar, tracked)

    def _leaves_of(self, roots: Sequence[Tensor]) -> list[Tensor]:
        """The tracked Tensors that these were made of, of those that the function was given."""
        return [node for node in ancestors(roots) if node in self.tensors and node.requires_grad]  # type: ignore[misc]

    def _walk(self, result: Any) -> None:
        """Trace the backward pass of the tracked outputs."""
        roots = [
            x for x in tree_leaves(result)
            if isinstance(x, Tensor) and isinstance(x.data, TracedArray)
            and x not in self.closure.tensors
            and x.requires_grad and not x.freed and self._leaves_of([x])
        ]  # fmt: skip
        if not roots:
            return
        leaves = self._leaves_of(roots)
        pairs = []
        for root in roots:
            seed = self.trace.array(np.ones(root.shape, root.dtype), f"d{root.name or ''}")
            self.found.seeds.append(self.trace.inputs.pop())
            pairs.append((root, seed))
        if self.names is not None:
            for node in ancestors(roots):
                node.hooks = (*node.hooks, functools.partial(self._on_the_way, node))
        found = walk(pairs, leaves, retain_graph=True)
        self.found.leaves = [self.tensors[leaf] for leaf in leaves]
        self.found.gradients = [
            self.trace.operand(found[leaf]) if leaf in found else None for leaf in leaves
        ]

    def _on_the_way(self, node: Node, g: Any) -> None:
        """Note that the backward pass now goes through a node, with this cotangent."""
        if isinstance(node.data, TracedArray) and isinstance(g, TracedArray):
            self.trace.through = node.data.variable
            if g.variable.of is None:
                g.variable.of = node.data.variable


READ, PUT_THERE = "read", "put there"
_NOTHING = contextlib.nullcontext()
_become = vars(object)["__class__"].__set__


@functools.cache
def _noting(kind: type[Tensor]) -> type[Tensor]:
    """A kind of Tensors that note what becomes of their gradients."""

    def read(self: Tensor) -> Any:
        vars(self)["uses"].append(READ)
        return vars(self).get("grad")

    def put(self: Tensor, value: Any) -> None:
        vars(self)["uses"].append(PUT_THERE)
        vars(self)["grad"] = value

    names = {"grad": property(read, put), "__class__": property(lambda self: kind)}
    return type(kind.__name__, (kind,), names)


def _holds_traced(value: Any) -> bool:
    """Whether an object, set or function has arrays that stand for others, or runs later."""
    if isinstance(value, Iterator | Coroutine):
        return True
    parts: list[Any] = list(value) if isinstance(value, set | frozenset) else []
    if isinstance(value, types.FunctionType):
        parts += [cell.cell_contents for cell in value.__closure__ or ()]
    elif hasattr(value, "__dict__") and not isinstance(value, type | Tensor | Module | Optimizer):
        parts += tree_leaves(list(vars(value).values()))
    return any(isinstance(getattr(x, "data", x), TracedArray | TracedCall) for x in parts)


def _difference(one: Traced, other: Traced) -> str | None:
    """Where two runs differ; ``None`` if they do not."""
    numbers: list[dict[Any, int]] = [{}, {}]
    for table, found in zip(numbers, (one, other), strict=True):
        for variable in (*found.trace.inputs, *found.seeds):
            table[variable] = len(table)
    first, second = one.trace.statements, other.trace.statements
    for a, b in zip(first, second, strict=False):
        if (
            a.operation.name != b.operation.name
            or frozen(a.static) != frozen(b.static)
            or len(a.operands) != len(b.operands)
            or not all(_same(x, y, *numbers) for x, y in zip(a.operands, b.operands, strict=True))
        ):
            return quoted_place(a.outputs[0].place)
        for table, statement in zip(numbers, (a, b), strict=True):
            for variable in statement.outputs:
                table[variable] = len(table)
    if len(first) != len(second):
        longer = max(first, second, key=len)
        return quoted_place(longer[min(len(first), len(second))].outputs[0].place)
    ends = [[*found.outputs, *(effect.value for effect in found.effects)] for found in (one, other)]
    keys = [[effect.source.key for effect in found.effects] for found in (one, other)]
    same = keys[0] == keys[1] and len(ends[0]) == len(ends[1]) and _alike(one.result, other.result)
    if same and all(_same(x, y, *numbers) for x, y in zip(*ends, strict=True)):
        return None
    return "the function"


def _alike(one: Any, other: Any) -> bool:
    """Whether two results are the same but for what stands for arrays."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    return bool(one is other or one == other or (one != one and other != other))


def _same(
    x: Operand | None, y: Operand | None, first: Mapping[Any, int], second: Mapping[Any, int]
) -> bool:
    if x is None or y is None:
        return x is y
    if isinstance(x, Literal) or isinstance(y, Literal):
        return type(x) is type(y) and repr(x.value) == repr(y.value)
    if x.value is not None and y.value is not None:
        return x.value.tobytes() == y.value.tobytes() and x.shape == y.shape
    return first.get(x, -1) == second.get(y, -2)
