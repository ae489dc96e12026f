"""Names for what a cell's step recorded: gates, states, sums, parameters and constants."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy

from minigrad.primitives import PRIMITIVES
from minigrad.scope import Scope
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.matrix import exact
from minigrad.symbolic.read.constants import Place, numbered
from minigrad.symbolic.read.lengths import Lengths
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.recording import Recording, gate_of
from minigrad.tape import Node
from minigrad.tensor import Parameter

_SPARE = ("s", "q", "v", "w", "m", "k")  # names for what has none
_ACTIVATIONS = frozenset(
    name
    for name, primitive in PRIMITIVES.items()
    if primitive.kind == "elementwise" and primitive.arity == 1
) - {"negative", "square", "sqrt", "reciprocal"}
_LONG = 12  # operations that are not written out twice


class Names:
    """Which nodes have names, and which.

    Args:
        recording: of the step.
        title: of the cell.
        values: the constants in it, as they are written.
        lengths: how a number that counts entries is written.

    Attributes:
        names: of nodes.
        ends: the last node of each call of a gate, with the gate's scope.
        inside: the nodes of gates.
        totals: what is a sum over the units: its node, and the factor of a mean.
        loose: name and width of values off the tape that gates are applied to, by identity.
        constants: arrays that are not parameters, by name.
        varying: what depends on the step's inputs.
    """

    def __init__(
        self,
        recording: Recording,
        title: str,
        values: Mapping[Place, Any],
        lengths: Lengths,
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
        self.loose: dict[int, tuple[str, int]] = {}
        self.varying = set(self.inputs)  # what depends on them
        for node in self.nodes:
            if any(n in self.varying for n in self._inputs(node)):
                self.varying.add(node)
        self._name_states()
        self._name_gates()
        self._name_totals()
        self._name_others()

    def _name_states(self) -> None:
        """A state that is handed on as it came, or is another too, keeps that name."""
        for name, output in zip(self.cell.state, self.recording.outputs, strict=True):
            self.names.setdefault(output, name)

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

    def _name_gates(self) -> None:
        """A gate's name is its activation's value, else the value of the map itself."""
        for node in self.nodes:
            if node not in self.ends:
                continue
            gate, activation = self.called(self.ends[node]), self._activation(node)
            if node not in self.names:
                own = gate if activation is None else f"a^{gate}"
                clash = own in (*self.cell.state, "x", *self.names.values())
                self.names[node] = self.free(f"a^{gate}" if clash else own)
            if activation is not None:
                self.names[activation] = self.free(gate)
            for operand in self.operands(node):
                if isinstance(operand, Node) and operand not in self.names:
                    self.names[operand] = self._spare()
                elif isinstance(operand, Outline):
                    self.loose[id(operand)] = self._spare(), operand.shape[-1]

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
            if node in self.names or not (primitive.kind == "elementwise" or is_sum(node)):
                return None
            waiting.update(self.uses.get(node, ()))
        return None

    def _name_totals(self) -> None:
        """Sums over the units; one that is only divided by their number is a mean."""
        self.totals: dict[Node, tuple[Node, sympy.Expr]] = {}
        for node in self.nodes:
            vector = node in self.varying or np.ndim(node.data) == 1
            if is_sum(node) and self.gate_of[node] is None and vector:
                users = self.uses.get(node, [])
                count = self.lengths[node.operands[0].shape[-1]]
                mean = len(users) == 1 and self._is_divided(users[0], node, count)
                self.totals[users[0] if mean else node] = (
                    node, 1 / count if mean else sympy.Integer(1),
                )  # fmt: skip

    def _is_divided(self, node: Node, by_parent: Node, count: sympy.Expr) -> bool:
        """Whether it is its first operand over so many, or times one over so many."""
        name = node.primitive.name if node.primitive else ""
        if name not in ("divide", "multiply") or node.parents[1] is not None:
            return False
        value = self.constant(node, 1)
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
            if node in self.names or node in self.totals or is_sum(node):
                continue
            whole = node.primitive.kind != "elementwise" and node.primitive.name != "where"
            if whole or (length[node] > _LONG and len(self.uses.get(node, ())) > 1):
                self.names[node] = self._spare()
            for operand in self._inputs(node) if whole else ():
                named = operand.primitive is None or operand in self.names
                if operand in self.varying and not named:
                    self.names[operand] = self._spare()

    def path(self, gate: Scope) -> list[str]:
        """The attributes that lead from the cell to a gate: those of the modules around it."""
        inner = gate.path[self.recording.depth :]
        return [scope.name for scope in inner if scope.kind in ("module", "gate")]

    def called(self, gate: Scope) -> str:
        """A gate's name, after that of the cell inside of the cell that it belongs to."""
        return "_".join(self.path(gate))

    def free(self, name: str) -> str:
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

    def parameter(self, node: Node) -> str:
        """The name of a parameter; one of the cell's modules has that of the module too."""
        if node not in self.names:
            *module, last = self.paths.get(node, node.name or "p").split(".")
            if module:  # the weight of a norm inside of the cell
                weight = "W" if np.ndim(node.data) > 1 else "w"
                last = {"weight": weight, "bias": "b"}.get(last, last)
                last = f"{last}_{'_'.join(module)}"
            base, _, gate = last.partition("_")
            if base in ("W", "b") and gate in self.cell.gates:  # the gate's own has that name
                last = f"{base}_tilde_{gate}"
            self.names[node] = self.free(last)
        return self.names[node]

    def operands(self, end: Node) -> list[Node | Outline]:
        """What the gate is applied to, in order; a value taken off the tape as its outline.

        Raises:
            ValueError: it is applied to a constant.
        """
        calls = self.calls[id(self.ends[end])]
        inside, found = set(calls), []
        for node in calls:
            for raw, parent in zip(node.operands, node.parents, strict=True):
                if parent is None and not isinstance(raw, Outline):
                    gate = self.called(self.ends[end])
                    raise ValueError(
                        f"derive: {self.title}.step hands gate {gate} a constant of shape "
                        f"{np.shape(raw)}, expected x, a state or what is made of them"
                    )
                if parent is None:
                    found.append(raw)
                elif parent not in inside and not isinstance(parent, Parameter):
                    found.append(parent)
        return found

    def constant(self, node: Node, position: int, depth: int = 0) -> sympy.Expr:
        """A number as it is written, or the symbol of a constant vector."""
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
        name = self.free(f"{name}_2" if name in self.taken else name)
        self.constants[name] = array
        return name


def is_sum(node: Node) -> bool:
    """Whether it is the sum over all units, kept as an axis."""
    if node.primitive is None or node.primitive.name != "sum" or node.parents[0] is None:
        return False
    axis, last = node.static.get("axis"), node.operands[0].ndim - 1
    return np.ndim(node.data) == last + 1 and axis in (-1, last, (-1,), (last,))
