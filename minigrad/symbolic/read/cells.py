"""A cell's equations, read off what its own ``step`` records."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
import sympy

from minigrad import nn
from minigrad.primitives import PRIMITIVES
from minigrad.scope import Scope
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.matrix import exact
from minigrad.symbolic.pieces import COMPARISONS, stopped, where, written_as
from minigrad.symbolic.read.equations import (
    INPUTS,
    UNITS,
    Affine,
    Applied,
    CellEquations,
    Elementwise,
    Equation,
    Total,
)
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.recording import (
    Place,
    Recording,
    bounds_in,
    gate_of,
    lengths_of,
    lifted,
    numbered,
    record_step,
    steady,
)
from minigrad.tape import Node
from minigrad.targets import Target
from minigrad.tensor import Parameter

_SIZES = ((83, 97), (59, 61))  # (input_size, hidden_size) at which a cell is read; all differ
_SPARE = ("s", "q", "v", "w", "m", "k")  # names for what has none
_MOVES = frozenset({"transpose", "swapaxes", "reshape"})  # a vector may be turned
_ACTIVATIONS = frozenset(
    name
    for name, primitive in PRIMITIVES.items()
    if primitive.kind == "elementwise" and primitive.arity == 1
) - {"negative", "square", "sqrt", "reciprocal"}
_LONG = 12  # operations that are not written out twice


def cell_equations(target: Target) -> CellEquations:
    """The equations of a cell for every size: its step is run, and what it recorded is read.

    Raises:
        ValueError: the step does what has no equation here, or depends on chance or on sizes.

    Example:
        >>> from minigrad.symbolic import cell_equations
        >>> from minigrad.targets import resolve
        >>> [equation.name for equation in cell_equations(resolve("gru")).equations]
        ['a^z', 'z', 'a^r', 'r', 's', 'a^h_tilde', 'h_tilde', 'h']
    """
    title = target.title
    cell = target.cell(*_SIZES[0], rng=0)
    first, again = record_step(cell, title), record_step(cell, title)
    second = record_step(target.cell(*_SIZES[1], rng=0), title)
    sizes = {size: [n[k] for n in _SIZES] for k, size in enumerate((INPUTS, UNITS))}
    values = steady(first.nodes, again.nodes, f"{title}.step")
    values = lifted(values, first.nodes, second.nodes, sizes, f"{title}.step")
    lengths = lengths_of(first.nodes, second.nodes, sizes)
    return _Reader(first, title, values, lengths).read()


def equations_of(cell: nn.Cell, title: str) -> CellEquations:
    """The equations of this very cell, with the sizes and the activation that it was made with.

    Raises:
        ValueError: as for `cell_equations`.
    """
    recording, again = record_step(cell, title), record_step(cell, title)
    values = steady(recording.nodes, again.nodes, f"{title}.step")
    return _Reader(recording, title, values, {}).read()


class _Reader:
    """Gives names to what was recorded, then writes each name's equation."""

    def __init__(
        self,
        recording: Recording,
        title: str,
        values: Mapping[Place, Any],
        lengths: Mapping[int, sympy.Expr],
    ) -> None:
        self.recording, self.title, self.values, self.lengths = recording, title, values, lengths
        self.cell, self.nodes = recording.cell, recording.nodes
        self.number = numbered(self.nodes)
        self.inputs: set[Node] = set(recording.inputs.values())
        self.names: dict[Node, str] = {leaf: name for name, leaf in recording.inputs.items()}
        self.paths: dict[Node, str] = {p: path for path, p in self.cell.named_parameters()}
        self.node_of = {id(node.data): node for node in (*self.inputs, *self.nodes)}
        self.uses: dict[Node, list[Node]] = {}
        for node in self.nodes:
            for parent in self._inputs(node):
                self.uses.setdefault(parent, []).append(node)
        self.gate_of = {node: gate_of(node) for node in self.nodes}
        self.calls: dict[int, list[Node]] = {}  # one entry for each call of a gate
        for node in self.nodes:
            scope = self.gate_of[node]
            if scope is not None and node.primitive is not None:
                self.calls.setdefault(id(scope), []).append(node)
        self.ends: dict[Node, Scope] = {}  # the last node of each call
        for nodes in self.calls.values():
            scope = self.gate_of[nodes[-1]]
            assert scope is not None
            self.ends[nodes[-1]] = scope
        self.inside = {node for nodes in self.calls.values() for node in nodes}
        self.taken = {*self.cell.gates, *self.cell.state, "x", *self.names.values()}
        self.constants: dict[str, np.ndarray] = {}
        self.loose: dict[int, str] = {}  # of values off the tape that gates are applied to
        self.widths: dict[int, int] = {}  # and their lengths
        self.varying = set(self.inputs)  # what depends on them
        for node in self.nodes:
            if any(n in self.varying for n in self._inputs(node)):
                self.varying.add(node)

    def _inputs(self, node: Node) -> Iterator[Node]:
        """The nodes that a node is made of, also by way of values taken off the tape."""
        for raw, parent in zip(node.operands, node.parents, strict=True):
            if parent is not None:
                yield parent
            elif isinstance(raw, Outline):
                yield from self._behind(raw)

    def _behind(self, raw: Outline) -> Iterator[Node]:
        if id(raw) in self.node_of:
            yield self.node_of[id(raw)]
        elif raw.made is not None:
            for operand in raw.made[1]:
                if isinstance(operand, Outline):
                    yield from self._behind(operand)

    def read(self) -> CellEquations:
        states: list[Equation] = []
        for name, output in zip(self.cell.state, self.recording.outputs, strict=True):
            if output in self.names:  # handed on as it came, or the same as another state
                states.append(Elementwise(name, symbol(self.names[output])))
            else:
                self.names[output] = name
        self._name_gates()
        self._name_totals()
        self._name_others()
        equations: list[Equation] = []
        parameters: dict[str, str] = {}
        for node in self.nodes:
            if node in self.ends:
                equations += self._affine(node)
            elif self.gate_of[node] is not None and node.primitive is not None:
                continue
            elif node.primitive is None and node not in self.inputs:
                if any(self.gate_of[use] is None for use in self.uses.get(node, ())):
                    parameters[self._parameter(node)] = self.paths.get(node, node.name or "")
            elif node in self.totals:
                self._add_total(node, equations)
            elif node in self.names and node.primitive is not None:
                equations.append(self._equation(node))
        equations += states
        shapes = {name: self._row(node) for node, name in self.names.items()}
        shapes |= {e.name: shapes[_symbol_name(e)] for e in states}
        shapes |= {name: (1, self.widths[k]) for k, name in self.loose.items()}
        return CellEquations(
            self.title, self.cell.state, tuple(equations), tuple(parameters),
            frozenset(name for name, shape in shapes.items() if shape[-1:] in ((), (1,))),
            tuple(parameters.values()), shapes, self.constants, self.lengths,
        )  # fmt: skip

    def _row(self, node: Node) -> tuple[int, ...]:
        """The shape of a quantity for one sample: a vector is a row."""
        shape = tuple(np.shape(node.data))
        if node not in self.varying:
            return shape
        if len(shape) != 2 or shape[0] != self.recording.batch:
            made = f" by {node.primitive.name}" if node.primitive else ""
            raise ValueError(
                f"derive: {self.title}.step makes an array of shape {shape}{made} where the batch "
                f"is {self.recording.batch}; only vectors, (batch, width), are derived: keep the "
                "batch as first axis and sums as an axis (keepdims=True), or use verify and graph"
            )
        return 1, shape[1]

    # Names

    def _name_gates(self) -> None:
        """A gate's name is its activation's value, else the value of the map itself."""
        for node in self.nodes:
            if node not in self.ends:
                continue
            gate, activation = self._called(self.ends[node]), self._activation(node)
            if node not in self.names:
                own = gate if activation is None else f"a^{gate}"
                clash = own in (*self.cell.state, "x", *self.names.values())
                self.names[node] = self._free(f"a^{gate}" if clash else own)
            if activation is not None:
                self.names[activation] = self._free(gate)
            for operand in self._operands(node):
                if isinstance(operand, Node) and operand not in self.names:
                    self.names[operand] = self._spare()
                elif isinstance(operand, Outline):
                    self.loose[id(operand)] = self._spare()
                    self.widths[id(operand)] = operand.shape[-1]
                    self.widths[id(operand)] = operand.shape[-1]

    def _activation(self, end: Node) -> Node | None:
        """The function through which alone a gate's sum acts, such as σ."""
        waiting = set(self.uses.get(end, ()))
        while waiting:
            node = min(waiting, key=lambda node: node.index)
            waiting.remove(node)
            primitive = node.primitive
            if node in self.inside or primitive is None:
                return None
            if not waiting and primitive.name in _ACTIVATIONS:
                return None if node in self.names else node
            if node in self.names or not (primitive.kind == "elementwise" or _is_sum(node)):
                return None
            waiting.update(self.uses.get(node, ()))
        return None

    def _name_totals(self) -> None:
        """Sums over the units; one that is only divided by their number is a mean."""
        self.totals: dict[Node, tuple[Node, sympy.Expr]] = {}
        for node in self.nodes:
            vector = node in self.varying or np.ndim(node.data) == 1
            if _is_sum(node) and self.gate_of[node] is None and vector:
                users = self.uses.get(node, [])
                count = node.operands[0].shape[-1]
                count = self.lengths.get(count, sympy.Integer(count))
                mean = len(users) == 1 and self._is_divided(users[0], node, count)
                self.totals[users[0] if mean else node] = (
                    node, 1 / count if mean else sympy.Integer(1),
                )  # fmt: skip

    def _is_divided(self, node: Node, by_parent: Node, count: sympy.Expr) -> bool:
        """Whether it is its first operand over so many, or times one over so many."""
        name = node.primitive.name if node.primitive else ""
        if name not in ("divide", "multiply") or node.parents[1] is not None:
            return False
        value = self._constant(node, 1, 0, node.operands[1])
        expected = count if name == "divide" else 1 / count
        alike = value == expected or (
            value.is_number and expected.is_number and math.isclose(value, expected, rel_tol=1e-14)
        )
        return node.parents[0] is by_parent and alike

    def _name_others(self) -> None:
        """Names for operations on whole vectors, and for what is long and used more than once.

        What is made of parameters alone has no name: it stands in the equation that uses it.
        """
        length: dict[Node, int] = {}
        for node in self.nodes:
            if node.primitive is None or node in self.inside or node not in self.varying:
                continue
            inputs = [n for n in self._inputs(node) if n not in self.names]
            length[node] = 1 + sum(length.get(n, 0) for n in inputs)
            if node in self.names or node in self.totals or _is_sum(node):
                continue
            whole = node.primitive.kind != "elementwise" and node.primitive.name != "where"
            if whole or (length[node] > _LONG and len(self.uses.get(node, ())) > 1):
                self.names[node] = self._spare()
            for operand in self._inputs(node) if whole else ():
                named = operand.primitive is None or operand in self.names
                if operand in self.varying and not named:
                    self.names[operand] = self._spare()

    def _path(self, gate: Scope) -> list[str]:
        """The attributes that lead from the cell to a gate: those of the modules around it."""
        inner = gate.path[self.recording.depth :]
        return [scope.name for scope in inner if scope.kind in ("module", "gate")]

    def _called(self, gate: Scope) -> str:
        """A gate's name, after that of the cell inside of the cell that it belongs to."""
        return "_".join(self._path(gate))

    def _free(self, name: str) -> str:
        """The name itself, or one like it if another quantity has it."""
        used = {*self.names.values(), *self.constants}
        if name not in used:
            return name
        tilde = [f"{name}_tilde"] if name in (*self.cell.state, "x") else []
        numbered = (f"{name}_{k}" for k in itertools.count(2))
        return next(n for n in (*tilde, *itertools.islice(numbered, 99))
                    if n not in used | self.taken)  # fmt: skip

    def _spare(self) -> str:
        name = next(n for n in (*_SPARE, *(f"s{k}" for k in range(99))) if n not in self.taken)
        self.taken.add(name)
        return name

    def _parameter(self, node: Node) -> str:
        if node not in self.names:
            *module, last = self.paths.get(node, node.name or "p").split(".")
            if module:  # the weight of a norm inside of the cell
                weight = "W" if np.ndim(node.data) > 1 else "w"
                last = {"weight": weight, "bias": "b"}.get(last, last)
                last = f"{last}_{'_'.join(module)}"
            base, _, gate = last.partition("_")
            if base in ("W", "b") and gate in self.cell.gates:  # the gate's own has that name
                last = f"{base}_tilde_{gate}"
            self.names[node] = self._free(last)
        return self.names[node]

    # Equations

    def _operands(self, end: Node) -> list[Node | Outline]:
        """What the gate is applied to, in order; a value taken off the tape as its outline.

        Raises:
            ValueError: it is applied to a constant.
        """
        calls = self.calls[id(self.ends[end])]
        inside, found = set(calls), []
        for node in calls:
            for raw, parent in zip(node.operands, node.parents, strict=True):
                if parent is None and not isinstance(raw, Outline):
                    gate = self._called(self.ends[end])
                    raise ValueError(
                        f"derive: {self.title}.step hands gate {gate} a constant of shape "
                        f"{np.shape(raw)}, expected x, a state or what is made of them"
                    )
                if parent is None:
                    found.append(raw)
                elif parent not in inside and not isinstance(parent, Parameter):
                    found.append(parent)
        return found

    def _affine(self, end: Node) -> list[Equation]:
        """The gate's map, after the values off the tape that it is applied to."""
        gate, equations, names = self._called(self.ends[end]), [], []
        for operand in self._operands(end):
            if isinstance(operand, Node):
                names.append(self.names[operand])
                continue
            names.append(self.loose[id(operand)])
            expression = self._taken_off(end, -1, operand, itertools.count())
            equations.append(Elementwise(names[-1], expression))
        path = ".".join(self._path(self.ends[end]))
        biased = attrgetter(path)(self.cell).has_bias
        return [*equations, Affine(self.names[end], gate, tuple(names), biased)]

    def _add_total(self, node: Node, equations: list[Equation]) -> None:
        summed, factor = self.totals[node]
        (operand,) = summed.parents
        expression = self._expression(operand)
        for known in equations:  # a variance takes its own mean once more
            if isinstance(known, Total) and (known.expression, known.factor) == (
                expression, factor,
            ):  # fmt: skip
                self.names[node] = known.name
                return
        of = [s.name.partition("^")[2] for s in expression.free_symbols if "^" in s.name]
        base = "mu" if expression.is_Symbol else "nu"
        if node not in self.names:
            self.names[node] = self._free(f"{base}^{of[0]}" if of else base)
        equations.append(Total(self.names[node], expression, factor))

    def _equation(self, node: Node) -> Equation:
        assert node.primitive is not None
        if node.primitive.kind == "elementwise" or node.primitive.name == "where":
            return Elementwise(self.names[node], self._expression(node, top=True))
        return replace(self._applied(node), name=self.names[node])

    def _applied(self, node: Node) -> Applied:
        """An operation on whole vectors."""
        assert node.primitive is not None
        operands: list[Any] = []
        for position, (raw, parent) in enumerate(zip(node.operands, node.parents, strict=True)):
            if parent is None and np.ndim(raw):
                raise ValueError(
                    f"derive: {self.title}.step uses {node.primitive.name} with a constant array "
                    f"of shape {np.shape(raw)}; make it a Parameter, or use verify and graph"
                )
            if parent is None:
                operands.append(self._constant(node, position, 0, raw))
            elif parent.primitive is not None and parent not in self.names:
                operands.append(self._applied(parent))
            else:
                name = self._parameter(parent) if parent.primitive is None else self.names[parent]
                operands.append(self.names.get(parent, name))
        static = dict(node.static)
        k = self.number[node]
        bounds = [self.values[k, -1, j] for j, _ in enumerate(bounds_in(static))]
        self.lengths = {**dict(zip(bounds_in(static), bounds, strict=True)), **self.lengths}
        return Applied("", node.primitive, tuple(operands), static)

    def _expression(self, node: Node, *, top: bool = False) -> sympy.Expr:
        primitive = node.primitive
        if node in self.names and not top and (primitive is not None or node in self.inputs):
            return symbol(self.names[node])
        if primitive is None:
            name = self._parameter(node)
            shape = np.shape(node.data)
            if len(shape) > 1 and shape[0] > 1:
                raise ValueError(
                    f"derive: {self.title}.step uses the parameter {name} of shape {shape} "
                    "entry by entry; a matrix is multiplied with a vector: x @ W.T"
                )
            return symbol(name)
        vector = (np.size(node.data),) == np.shape(node.data)[-1:]
        if primitive.name in _MOVES and node not in self.varying and vector:
            return self._expression(node.parents[0])
        self._row(node)
        if primitive.name != "where" and primitive.kind != "elementwise":
            raise ValueError(
                f"derive: {self.title}.step uses {primitive.name}, which does not act on each "
                "entry by itself; put it into a gate, or use verify and graph"
            )
        parts = [
            self._raw(node, position, raw) if parent is None else self._expression(parent)
            for position, (raw, parent) in enumerate(zip(node.operands, node.parents, strict=True))
        ]
        return where(*parts) if primitive.name == "where" else written_as(primitive)(*parts)

    def _raw(self, node: Node, position: int, raw: Any) -> sympy.Expr:
        """A constant, or a value that was taken off the tape."""
        places = itertools.count()
        return self._taken_off(node, position, raw, places)

    def _taken_off(self, node: Node, position: int, raw: Any, places: Iterator[int]) -> sympy.Expr:
        if not isinstance(raw, Outline):
            return self._constant(node, position, next(places), raw)
        if id(raw) in self.node_of:
            return stopped(self._expression(self.node_of[id(raw)]))
        assert raw.made is not None
        how, operands, _ = raw.made
        if not isinstance(how, str) and how.kind != "elementwise":
            raise ValueError(
                f"derive: {self.title}.step compares what it computes by {how.name} and uses "
                "nowhere else; only what the states depend on is derived"
            )
        parts = [self._taken_off(node, position, x, places) for x in operands]
        if not isinstance(how, str):
            return written_as(how)(*parts)
        # A comparison has no derivative: nothing needs to be stopped
        parts = [p.args[0] if isinstance(p, stopped) else p for p in parts]
        return COMPARISONS[how](*parts)

    def _constant(self, node: Node, position: int, depth: int, raw: Any) -> sympy.Expr:
        value = self.values[self.number[node], position, depth]
        if isinstance(value, sympy.Expr):
            return value
        array = np.asarray(value)
        if array.size and (array == array.flat[0]).all():
            return exact(array.flat[0])
        return symbol(self._named(array))

    def _named(self, array: np.ndarray) -> str:
        """The name of a constant vector: that of the cell's attribute, if it is one."""
        if array.dtype.kind == "b":
            array = array.astype(float)
        if array.ndim == 0 or array.size != array.shape[-1]:
            raise ValueError(
                f"derive: {self.title}.step uses a constant array of shape {array.shape}, expected "
                "a number or a vector of them"
            )
        for name, known in self.constants.items():
            if known.shape == array.shape and (known == array).all():
                return name
        own = (
            name for name, value in vars(self.cell).items()
            if isinstance(value, np.ndarray) and np.array_equal(value, array)
        )  # fmt: skip
        name = next(own, "k")
        name = self._free(f"{name}_2" if name in self.taken else name)
        self.constants[name] = array
        return name


def _symbol_name(equation: Equation) -> str:
    assert isinstance(equation, Elementwise)
    return str(equation.expression)


def _is_sum(node: Node) -> bool:
    """Whether it is the sum over all units, kept as an axis."""
    if node.primitive is None or node.primitive.name != "sum" or node.parents[0] is None:
        return False
    axis, last = node.static.get("axis"), node.operands[0].ndim - 1
    return np.ndim(node.data) == last + 1 and axis in (-1, last, (-1,), (last,))
