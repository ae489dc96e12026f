"""A program, or one for each of several lengths, as the nodes of an ONNX graph."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.compile.operations import Operation
from minigrad.compile.program import Literal, Operand, Program, Statement, Variable
from minigrad.compile.trace import quoted_place
from minigrad.compile.tracing import Source
from minigrad.onnx.graph import Graph
from minigrad.onnx.sizes import NoFormulaError, Runs, Size, nest
from minigrad.onnx.tracing import Written


class ExportError(TypeError):
    """What a model does that ONNX has no operator for, in which line, and what to do instead.

    Example:
        >>> from minigrad import onnx
        >>> try:
        ...     onnx.export(lambda x: np.arctan2(x, 2.0), np.ones(3))
        ... except onnx.ExportError as error:
        ...     print(str(error).partition(": ")[2].partition(": ")[2])
        ONNX has no operator for arctan2; compute it before or after the model
    """


class Keywords(dict[str, Any]):
    """The keywords of a call; it notes which of them are read."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a keyword, or the default."""
        self.read.add(name)
        return super().get(name, default)

    def items(self) -> Any:
        """All of them, which are read then."""
        self.read.update(self)
        return super().items()


@dataclass(frozen=True)
class Call:
    """One operation that is to be written.

    Attributes:
        writer: of the program.
        operation: what to do.
        given: what it is done to: for each operand, what it is in every run.
        static: keywords, with a `Size` for a number that depends on lengths.
        outputs: in the first run.
        place: the line that does it.
        read: which operands the rule has read.
    """

    writer: Writer
    operation: Operation
    given: Sequence[tuple[Operand, ...]]
    static: Keywords
    outputs: Sequence[Variable]
    place: str
    read: set[int] = field(default_factory=set)

    @property
    def operands(self) -> Sequence[tuple[Operand, ...]]:
        """What it is done to, all of which the rule then has read."""
        self.read.update(range(len(self.given)))
        return self.given

    @property
    def graph(self) -> Graph:
        """Where nodes are added."""
        return self.writer.graph

    @property
    def output(self) -> Variable:
        """The first output."""
        return self.outputs[0]

    def name(self, number: int, dtype: Any = None) -> str:
        """The tensor of an operand, as this type if it is given."""
        self.read.add(number)
        return self.writer.name(self.given[number], dtype, self.place)

    def names(self, dtype: Any = None) -> list[str]:
        """The tensors of all operands."""
        return [self.name(k, dtype) for k in range(len(self.given))]

    def shape(self, number: int) -> tuple[int, ...]:
        """The shape of an operand in the first run."""
        return self.given[number][0].shape

    def dtype(self, number: int) -> np.dtype:
        """The type of an operand."""
        found = self.given[number][0].dtype
        assert found is not None
        return found

    def dims(self, number: int | None = None) -> list[int | Size]:
        """The shape of an operand, or of the output, with formulas.

        Raises:
            ExportError: a length depends on others in a way that has no formula.
        """
        of = self.writer.versions[self.output] if number is None else self.given[number]
        found = self.writer.dims(of)
        if None in found:
            self.refuse(
                "the shape of an array is not a multiple of an open length",
                "leave that axis out of dynamic_axes",
            )
        return found  # type: ignore[return-value]

    def open_shape(self) -> list[int | Size]:
        """The output's shape for a reshape, with -1 for one length that depends on others."""
        found = self.writer.dims(self.writer.versions[self.output])
        moving = [k for k, n in enumerate(found) if not isinstance(n, int)]
        if len(moving) == 1:
            found[moving[0]] = -1
            return found  # type: ignore[return-value]
        if found.count(None) == 1:
            found[found.index(None)] = -1
            return found  # type: ignore[return-value]
        return self.dims()

    def check_read(self) -> None:
        """Refuse an argument of which the rule knows nothing: it would be lost.

        Raises:
            ExportError: an operand or a keyword was not read.
        """
        if self.read < set(range(len(self.given))):
            self.refuse(f"{self.operation.name} is given an argument too many", "leave it out")
        lost = set(self.static) - self.static.read
        if lost - {"shape"}:  # which the output has
            self.refuse(f"{self.operation.name} is given {min(lost)}=", "leave it out")

    def refuse(self, what: str, instead: str) -> Any:
        """Say what cannot be written.

        Raises:
            ExportError: always.
        """
        raise ExportError(f"onnx.export: {quoted_place(self.place)}: {what}; {instead}")


_ROOTS: Mapping[int, Sequence[str]] = {
    1: (), -1: ("Reciprocal",), 2: ("Sqrt",), -2: ("Sqrt", "Reciprocal"),
}  # fmt: skip
"""What a number's power is a whole number, and how it follows from that."""

Rule = Callable[[Call], Any]
Longer = Callable[[Sequence[str]], Program]

_SHAPED = frozenset({"reshape", "broadcast_to"})
"""Operations whose keywords say no more than the shape of the output."""


class Writer:
    """Writes programs that are alike into a graph.

    Args:
        written: one for each run.
        runs: their lengths.
        graph: what they are written into.
        rules: by the name of an operation.
        arguments: names of the tensors that are the functions' arguments.
        seen: the name of what the functions see beside their arguments.
        longer: the program where given lengths are as long as they may become.
    """

    def __init__(
        self,
        written: Sequence[Written],
        runs: Runs,
        graph: Graph,
        rules: Mapping[str, Rule],
        arguments: Sequence[str],
        seen: Callable[[Source], str],
        longer: Longer | None = None,
    ) -> None:
        self.programs = [one.program for one in written]
        self.runs, self.graph, self.rules = runs, graph, rules
        self.seen, self.longer = seen, longer
        self.known = dict(zip(written[0].arguments(), arguments, strict=True))
        graph.ranks.update({name: len(v.shape) for v, name in self.known.items()})
        for variable, source in written[0].seen().items():
            if variable.dtype is not None:  # a generator of random numbers has none
                self.known[variable] = seen(source)
        self.versions: dict[Variable, tuple[Variable, ...]] = {}
        self._numbers: list[dict[Variable, int]] = [{} for _ in written]
        self._constants: dict[Variable, str] = {}
        self.made: dict[Variable, Call] = {}
        self._note([p.inputs for p in self.programs])

    def write(self) -> list[str]:
        """Add the nodes; the names of the outputs."""
        kinds = [[s for s in p.statements if s.operation.kind != "check"] for p in self.programs]
        for statements in zip(*kinds, strict=False):
            call = self._call(statements)
            rule = self.rules.get(call.operation.name)
            if rule is None:
                call.refuse(*_advice(call.operation))
            assert rule is not None
            self.graph.scope = _scope(call.place)
            self.made.update(dict.fromkeys(call.outputs, call))
            found = rule(call)
            call.check_read()
            names = [found] if isinstance(found, str) else found
            for variable, name in zip(call.outputs, names, strict=True):
                self.known[variable] = name
                self.graph.ranks[name] = len(variable.shape)
        if len({len(k) for k in kinds}) > 1:
            longest = max(kinds, key=len)
            self._differ(longest[min(map(len, kinds))].outputs[0].place)
        outputs = zip(*(p.outputs for p in self.programs), strict=True)
        return [self.name(versions, None, "") for versions in outputs]

    def _call(self, statements: Sequence[Statement]) -> Call:
        first = statements[0]
        place = first.outputs[0].place
        kinds = {(s.operation.name, len(s.operands), len(s.outputs)) for s in statements}
        if len(kinds) > 1:
            self._differ(place)
        operands = list(zip(*(s.operands for s in statements), strict=True))
        for versions in operands:
            found = {
                -1 if isinstance(x, Literal) or x.value is not None else numbers[x]
                for x, numbers in zip(versions, self._numbers, strict=True)
            }
            if len(found) > 1:
                self._differ(place)
        static = first.static
        try:
            if first.operation.name not in _SHAPED:
                static = nest([s.static for s in statements], self.runs.formula)
        except NoFormulaError as error:
            raise ExportError(
                f"onnx.export: {quoted_place(place)}: a number is {error} for other lengths, which "
                "no formula gives; leave that axis out of dynamic_axes"
            ) from error
        self._note([s.outputs for s in statements])
        keywords = Keywords(static)
        return Call(self, first.operation, operands, keywords, first.outputs, place)

    def _note(self, runs: Sequence[Sequence[Variable]]) -> None:
        for versions in zip(*runs, strict=True):
            self.versions[versions[0]] = versions
            for x, numbers in zip(versions, self._numbers, strict=True):
                numbers[x] = len(numbers)

    def _differ(self, place: str) -> Any:
        raise ExportError(
            f"onnx.export: {quoted_place(place)}: other steps are taken for other lengths; leave "
            "that axis out of dynamic_axes"
        )

    # Shapes and tensors

    def dims(self, versions: Sequence[Operand]) -> list[int | Size | None]:
        """The lengths of the axes: numbers, formulas, or ``None`` where there is no formula."""
        found: list[int | Size | None] = []
        for lengths in zip(*(x.shape for x in versions), strict=True):
            try:
                found.append(self.runs.formula(lengths))
            except NoFormulaError:
                found.append(None)
        return found

    def name(self, versions: tuple[Operand, ...], dtype: Any, place: str) -> str:
        """The tensor of an operand, as this type if it is given."""
        first = versions[0]
        if isinstance(first, Literal):
            return self._number(versions, dtype, place)
        if first.value is not None:
            if first not in self._constants:
                self._constants[first] = self._constant(versions, place)
            found = self._constants[first]
        else:
            found = self.known[first]
        if dtype is None or first.dtype is None:
            return found
        return self.graph.cast(found, first.dtype, np.dtype(dtype))

    def _number(self, versions: tuple[Operand, ...], dtype: Any, place: str) -> str:
        values = [x.value for x in versions]  # all of them literals
        dtype = versions[0].dtype if dtype is None else dtype
        if all(repr(v) == repr(values[0]) for v in values):
            return self.graph.constant(values[0], dtype)
        for power, then in _ROOTS.items():
            numbers = [float(v) ** power if v else 0.0 for v in values]
            if not all(abs(n - round(n)) < 1e-6 * abs(n) for n in numbers):
                continue
            with contextlib.suppress(NoFormulaError):
                size = self.runs.formula([round(n) for n in numbers])
                assert isinstance(size, Size)
                found = self.graph.scalar(size, dtype)
                for kind in then:
                    found = self.graph.op(kind, [found])
                return found
        raise ExportError(
            f"onnx.export: {quoted_place(place)}: a number is {', '.join(map(str, values))} for "
            "other lengths; leave that axis out of dynamic_axes"
        )

    def _constant(self, versions: tuple[Operand, ...], place: str) -> str:
        values = [np.asarray(x.value) for x in versions]
        first = values[0]
        if all(v.shape == first.shape and v.tobytes() == first.tobytes() for v in values):
            return self.graph.constant(first)
        dims = self.dims(versions)
        if None not in dims:
            narrow = [_narrow(v, dims) for v in values]
            if all(v.tobytes() == narrow[0].tobytes() for v in narrow):
                small = self.graph.constant(narrow[0])
                return self.graph.op("Expand", [small, self.graph.ints(dims)])  # type: ignore[arg-type]
            whole = self._grown(versions[0], dims)  # type: ignore[arg-type]
            if whole is not None and all(_begins(whole, v) for v in values):
                axes = range(first.ndim)
                ends = self.graph.ints(dims)  # type: ignore[arg-type]
                begin = self.graph.ints([0] * first.ndim)
                return self.graph.op(
                    "Slice", [self.graph.constant(whole), begin, ends, self.graph.ints(axes)]
                )
        raise ExportError(
            f"onnx.export: {quoted_place(place)}: an array is used whose entries depend on an open "
            "length; leave that axis out of dynamic_axes"
        )

    def _grown(self, constant: Operand, dims: Sequence[int | Size]) -> np.ndarray | None:
        """The constant where the lengths that it depends on are as long as they may become."""
        if self.longer is None:
            return None
        names = sorted({n for d in dims if isinstance(d, Size) for _, t in d.terms for n in t})
        program = self.longer(names)
        here = list(self.programs[0].operands())
        there = list(program.operands())
        if len(here) != len(there):
            return None
        found = there[next(k for k, x in enumerate(here) if x is constant)]
        return found.value if isinstance(found, Variable) else None


def _narrow(array: np.ndarray, dims: Sequence[int | Size | None]) -> np.ndarray:
    """An array with open axes along which nothing changes as axes of length 1."""
    for axis, n in enumerate(dims):
        first = array.take([0], axis) if array.shape[axis] else array
        if not isinstance(n, int) and (array == first).all():
            array = first
    return array


def _begins(whole: np.ndarray, part: np.ndarray) -> bool:
    """Whether an array is the beginning of another along every axis."""
    if whole.ndim != part.ndim or any(n > m for n, m in zip(part.shape, whole.shape, strict=True)):
        return False
    return bool((whole[tuple(map(slice, part.shape))] == part).all())


def _scope(place: str) -> str:
    """The path of modules that a place names, as the beginning of a node's name."""
    scope = place.partition(" ")[2]
    parts = [part.partition(" ")[2].replace(" ", "_") for part in scope.split(" › ")[1:]]
    return "".join(f"{part}/" for part in parts if part)


def _advice(operation: Operation) -> tuple[str, str]:
    if operation.kind == "draw":
        return "random numbers are drawn", "pass them as an argument"
    return (
        f"ONNX has no operator for {operation.name}",
        "compute it before or after the model",
    )
