"""A cell's equations, read off the tape of one run of its own ``step``."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from minigrad import nn
from minigrad.arrays.symbolic import function_of
from minigrad.arrays.world import rational
from minigrad.tape import Node, Scope, ancestors
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor

PREVIOUS = "′"  # marks the state of the step before: h′ is h_{t−1}
_SPARE = ("s", "q", "v", "w", "m", "k")  # names for products that have none


@dataclass(frozen=True)
class Affine:
    """A gate's affine map: a = W · [operands] + b.

    Attributes:
        name: of the result, the pre-activation.
        gate: the gate, which names W and b.
        operands: names, in the order in which they are stacked.
    """

    name: str
    gate: str
    operands: tuple[str, ...]


@dataclass(frozen=True)
class Elementwise:
    """name = expression, for each entry; its symbols are the names of other quantities."""

    name: str
    expression: sympy.Expr


Equation = Affine | Elementwise


@dataclass(frozen=True)
class CellEquations:
    """What a cell computes in one step.

    Attributes:
        title: the cell's name.
        state: names of its states; with `PREVIOUS` they mean those of the step before.
        equations: in the order in which the cell computes them.
        parameters: names of parameters that are used entry by entry, outside of gates.
    """

    title: str
    state: tuple[str, ...]
    equations: tuple[Equation, ...]
    parameters: tuple[str, ...]


def symbol(name: str) -> sympy.Symbol:
    """The symbol of a quantity, which stands for one of its entries."""
    return sympy.Symbol(name, real=True)


def cell_equations(target: Target) -> CellEquations:
    """Run the cell's step once, and read its equations off the tape.

    Raises:
        ValueError: the step does something that is neither a gate nor entry by entry.
    """
    layer = target.layer(1, 1, rng=0)
    assert isinstance(layer, nn.Recurrent)
    return equations_of(layer.cell, target.title)


def equations_of(cell: nn.Cell, title: str) -> CellEquations:
    """The equations of this very cell, with the activation that it was made with.

    Raises:
        ValueError: as for `cell_equations`.
    """
    names: dict[Node, str] = {}
    inputs = []
    widths = {"x": cell.input_size} | {f"{s}{PREVIOUS}": cell.size_of(s) for s in cell.state}
    for name, width in widths.items():
        leaf = Tensor(np.full((1, width), 0.5), requires_grad=True, name=name)
        names[leaf] = name
        inputs.append(leaf)
    outputs = cell.step(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for name, value in zip(cell.state, outputs, strict=True):
        if not (isinstance(value, Tensor) and value.requires_grad):
            raise ValueError(
                f"derive: {title}.step returns a constant as {name}; a state is computed "
                "from x, a state or a parameter"
            )
    recorded = sorted(ancestors(outputs), key=lambda node: node.index)
    return _Reader(cell, title, recorded, names, outputs).read()


class _Reader:
    """Gives names to what is on the tape, then writes each name's equation."""

    def __init__(
        self,
        cell: nn.Cell,
        title: str,
        recorded: list[Node],
        names: dict[Node, str],
        outputs: tuple[Any, ...],
    ) -> None:
        self.cell, self.title, self.recorded = cell, title, recorded
        self.names = names
        self.uses: dict[Node, list[Node]] = {}
        for node in recorded:
            for parent in node.parents:
                if parent is not None:
                    self.uses.setdefault(parent, []).append(node)
        self.gate_of = {node: _gate(node) for node in recorded}
        self.calls: dict[int, list[Node]] = {}  # one entry for each call of a gate
        for node in recorded:
            scope = self.gate_of[node]
            if scope is not None and node.primitive is not None:
                self.calls.setdefault(id(scope), []).append(node)
        self.ends = {nodes[-1]: scope for scope, nodes in self.calls.items()}
        self.inside = {node for nodes in self.calls.values() for node in nodes}
        self.taken = {*cell.gates, *cell.state, "x", *names.values()}
        self.outputs = outputs

    def read(self) -> CellEquations:
        states: list[Equation] = []
        for name, node in zip(self.cell.state, self.outputs, strict=True):
            if node in self.names:  # handed on as it came, or the same as another state
                states.append(Elementwise(name, symbol(self.names[node])))
            else:
                self.names[node] = name
        self._name_gates()
        equations: list[Equation] = []
        parameters: list[str] = []
        for node in self.recorded:
            if node in self.ends:
                equations.append(self._affine(node))
            elif self.gate_of[node] is not None and node.primitive is not None:
                continue
            elif isinstance(node, Parameter) and self._outside_gates(node):
                parameters.append(self._parameter(node))
            elif node.primitive is not None and node in self.names:
                equations.append(Elementwise(self.names[node], self._expression(node, top=True)))
        return CellEquations(self.title, self.cell.state, (*equations, *states), tuple(parameters))

    def _name_gates(self) -> None:
        for node in self.recorded:
            if node in self.ends:
                scope = self.gate_of[node]
                assert scope is not None
                if node not in self.names:
                    self.names[node] = self._free(f"a^{scope.name}")
                activation = self._activation(node)
                if activation is not None:
                    self.names[activation] = self._free(scope.name)
                for operand in self._operands(node):
                    if operand not in self.names:
                        self.names[operand] = self._spare()

    def _activation(self, end: Node) -> Node | None:
        """The function that makes a gate's value; a peephole may be added before it."""
        node = end
        while len(users := self.uses.get(node, [])) == 1:
            node = users[0]
            primitive = node.primitive
            if node in self.names or node in self.inside or primitive is None:
                return None
            if primitive.kind != "elementwise":
                return None
            if primitive.arity == 1 and primitive.name != "negative":
                return node
        return None

    def _free(self, name: str) -> str:
        """The name itself, or one like it if another quantity has it."""
        used = set(self.names.values())
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

    def _operands(self, end: Node) -> list[Node]:
        """What the gate is applied to, in order."""
        inside = set(self.calls[self.ends[end]])
        return [
            parent
            for node in self.calls[self.ends[end]]
            for parent in node.parents
            if parent is not None and parent not in inside and not isinstance(parent, Parameter)
        ]

    def _affine(self, end: Node) -> Affine:
        scope = self.gate_of[end]
        assert scope is not None
        operands = tuple(self.names[operand] for operand in self._operands(end))
        return Affine(self.names[end], scope.name, operands)

    def _outside_gates(self, node: Node) -> bool:
        return any(self.gate_of[use] is None for use in self.uses.get(node, ()))

    def _parameter(self, node: Node) -> str:
        if node not in self.names:
            self.names[node] = self._free(node.name or "p")
        return self.names[node]

    def _expression(self, node: Node, *, top: bool = False) -> sympy.Expr:
        if isinstance(node, Parameter):
            return symbol(self._parameter(node))
        if node in self.names and not top:
            return symbol(self.names[node])
        primitive = node.primitive
        assert primitive is not None
        if primitive.kind != "elementwise":
            raise ValueError(
                f"derive: {self.title}.step uses {primitive.name}, which does not act on each "
                "entry by itself; put it into a gate, or verify and draw the cell instead"
            )
        parts = [
            _constant(raw, primitive.name) if parent is None else self._expression(parent)
            for raw, parent in zip(node.operands, node.parents, strict=True)
        ]
        return function_of(primitive)(*parts)


def _gate(node: Node) -> Scope | None:
    """The call of a gate in which the node was recorded."""
    scope = node.scope
    while scope is not None and scope.kind != "gate":
        scope = scope.parent
    return scope


def _constant(value: Any, where: str) -> sympy.Expr:
    if np.size(value) != 1:
        raise ValueError(f"derive: {where} with a constant array of shape {np.shape(value)}")
    exact = rational(np.asarray(value).item())
    return sympy.Rational(exact.numerator, exact.denominator)
