"""A cell's equations, read off the tape of one run of its own ``step``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from minigrad import nn
from minigrad.arrays.symbolic import SymbolicArray
from minigrad.primitives import PRIMITIVES
from minigrad.symbolic.kinks import written_as
from minigrad.symbolic.plain import plain
from minigrad.tape import Node, Scope, ancestors
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor

PREVIOUS = "′"  # marks the state of the step before: h′ is h_{t−1}
UNITS = sympy.Symbol("H", positive=True)  # how many units a state has
_WIDTH = 97  # the states' width while the equations are read: where it stands, H is meant
_SPARE = ("s", "q", "v", "w", "m", "k")  # names for products that have none


@dataclass(frozen=True)
class Affine:
    """A gate's affine map: a = W · [operands] + b.

    Attributes:
        name: of the result, the pre-activation.
        gate: the gate, which names W and b.
        operands: names, in the order in which they are stacked.
        biased: whether there is a b.
    """

    name: str
    gate: str
    operands: tuple[str, ...]
    biased: bool = True


@dataclass(frozen=True)
class Elementwise:
    """name = expression, for each entry; its symbols are the names of other quantities."""

    name: str
    expression: sympy.Expr


@dataclass(frozen=True)
class Total:
    """name = Σ expression over the units, times ``factor`` (1 / H for a mean)."""

    name: str
    expression: sympy.Expr
    factor: sympy.Expr


Equation = Affine | Elementwise | Total


@dataclass(frozen=True)
class CellEquations:
    """What a cell computes in one step.

    Attributes:
        title: the cell's name.
        state: names of its states; with `PREVIOUS` they mean those of the step before.
        equations: in the order in which the cell computes them.
        parameters: names of parameters that are used entry by entry, outside of gates.
        shared: names of quantities with one number for all units.
        attributes: the dotted path in the cell that leads to each of the parameters.

    Example:
        >>> from minigrad.symbolic import cell_equations
        >>> from minigrad.targets import resolve
        >>> equations = cell_equations(resolve("rnn"))
        >>> equations.state, [equation.name for equation in equations.equations]
        (('h',), ['a', 'h'])
    """

    title: str
    state: tuple[str, ...]
    equations: tuple[Equation, ...]
    parameters: tuple[str, ...]
    shared: frozenset[str] = frozenset()
    attributes: tuple[str, ...] = ()


def symbol(name: str) -> sympy.Symbol:
    """The symbol of a quantity, which stands for one of its entries."""
    return sympy.Symbol(name, real=True)


def cell_equations(target: Target) -> CellEquations:
    """Run the cell's step once, and read its equations off the tape.

    Raises:
        ValueError: the step does something that is neither a gate nor entry by entry.

    Example:
        >>> from minigrad.symbolic import cell_equations
        >>> from minigrad.targets import resolve
        >>> [equation.name for equation in cell_equations(resolve("gru")).equations]
        ['a^z', 'z', 'a^r', 'r', 's', 'a^h_tilde', 'h_tilde', 'h']
    """
    cell = target.cell(_WIDTH, _WIDTH, rng=0)
    return equations_of(cell, target.title, units=_WIDTH)


def equations_of(cell: nn.Cell, title: str, *, units: int | None = None) -> CellEquations:
    """The equations of this very cell, with the activation that it was made with.

    Args:
        cell: any.
        title: what it is called.
        units: a width that stands for any: where the step has this number, H is written.

    Raises:
        ValueError: as for `cell_equations`.
    """
    rng = np.random.default_rng(0)  # no comparison may come out alike for every entry
    names: dict[Node, str] = {}
    inputs = []
    widths = {"x": cell.input_size} | {f"{s}{PREVIOUS}": cell.size_of(s) for s in cell.state}
    for name, width in widths.items():
        leaf = Tensor(rng.normal(size=(1, width)), requires_grad=True, name=name)
        names[leaf] = name
        inputs.append(leaf)
    with np.errstate(all="ignore"), _all_learned(cell):
        outputs = cell.step(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for name, value in zip(cell.state, outputs, strict=True):
        if not (isinstance(value, Tensor) and value.requires_grad):
            raise ValueError(
                f"derive: {title}.step returns a constant as {name}; a state is computed "
                "from x, a state or a parameter"
            )
    outputs = tuple(plain(outputs, keep=lambda node: _gate(node) is not None))
    recorded = sorted(ancestors(outputs), key=lambda node: node.index)
    return _Reader(cell, title, recorded, names, outputs, units).read()


@contextmanager
def _all_learned(cell: nn.Cell) -> Iterator[None]:
    """The cell with no parameter frozen: a frozen one would be read as a number."""
    frozen = [parameter for parameter in cell.parameters() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad = True
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad = False


class _Reader:
    """Gives names to what is on the tape, then writes each name's equation."""

    def __init__(
        self,
        cell: nn.Cell,
        title: str,
        recorded: list[Node],
        names: dict[Node, str],
        outputs: tuple[Any, ...],
        units: int | None,
    ) -> None:
        self.cell, self.title, self.recorded = cell, title, recorded
        self.units = units
        self.names = names
        self.paths = {parameter: path for path, parameter in cell.named_parameters()}
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
        self._name_totals()
        equations: list[Equation] = []
        parameters: dict[str, str] = {}
        for node in self.recorded:
            if node in self.ends:
                equations.append(self._affine(node))
            elif self.gate_of[node] is not None and node.primitive is not None:
                continue
            elif isinstance(node, Parameter) and self._outside_gates(node):
                parameters[self._parameter(node)] = self.paths[node]
            elif node in self.totals:
                self._add_total(node, equations)
            elif node.primitive is not None and node in self.names:
                equations.append(Elementwise(self.names[node], self._expression(node, top=True)))
        shared = frozenset(
            name for node, name in self.names.items() if node.data.shape[-1:] in ((), (1,))
        )
        return CellEquations(
            self.title, self.cell.state, (*equations, *states), tuple(parameters), shared,
            tuple(parameters.values()),
        )  # fmt: skip

    def _name_gates(self) -> None:
        """A gate's name is its activation's value, else the value of the map itself."""
        for node in self.recorded:
            if node not in self.ends:
                continue
            scope = self.gate_of[node]
            assert scope is not None
            activation = self._activation(node)
            if node not in self.names:
                own = scope.name if activation is None else f"a^{scope.name}"
                clash = own in (*self.cell.state, "x", *self.names.values())
                self.names[node] = self._free(f"a^{scope.name}" if clash else own)
            if activation is not None:
                self.names[activation] = self._free(scope.name)
            for operand in self._operands(node):
                if operand not in self.names:
                    self.names[operand] = self._spare()

    def _activation(self, end: Node) -> Node | None:
        """The function through which alone a gate's sum acts, such as σ."""
        waiting = set(self.uses.get(end, ()))
        while waiting:
            node = min(waiting, key=lambda node: node.index)
            waiting.remove(node)
            primitive = node.primitive
            if node in self.inside or primitive is None:
                return None
            if not waiting and primitive.name in self._activations():
                return None if node in self.names else node
            if node in self.names or not (primitive.kind == "elementwise" or _is_sum(node)):
                return None
            waiting.update(self.uses.get(node, ()))
        return None

    @staticmethod
    def _activations() -> set[str]:
        return {
            name
            for name, primitive in PRIMITIVES.items()
            if primitive.kind == "elementwise" and primitive.arity == 1
        } - {"negative", "square", "sqrt", "reciprocal"}

    def _name_totals(self) -> None:
        """Sums over the units; one that is only divided by their number is a mean."""
        self.totals: dict[Node, tuple[Node, sympy.Expr]] = {}
        for node in self.recorded:
            if _is_sum(node) and self.gate_of[node] is None:
                users = self.uses.get(node, [])
                mean = len(users) == 1 and _is_divided(users[0], self.units)
                self.totals[users[0] if mean else node] = (node, 1 / UNITS if mean else 1)

    def _add_total(self, node: Node, equations: list[Equation]) -> None:
        summed, factor = self.totals[node]
        (operand,) = summed.parents
        expression, factor = self._expression(operand), sympy.sympify(factor)
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
        return Affine(self.names[end], scope.name, operands, vars(self.cell)[scope.name].has_bias)

    def _outside_gates(self, node: Node) -> bool:
        return any(self.gate_of[use] is None for use in self.uses.get(node, ()))

    def _parameter(self, node: Node) -> str:
        if node.data.ndim > 1 and node.data.shape[0] > 1:
            raise ValueError(
                f"derive: {self.title}.step uses a parameter of shape {node.data.shape} entry by "
                "entry; matrices belong in a gate"
            )
        if node not in self.names:
            name = node.name or "p"
            base, _, gate = name.partition("_")
            if base in ("W", "b") and gate in self.cell.gates:  # the gate's own has that name
                name = f"{base}_tilde_{gate}"
            self.names[node] = self._free(name)
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
            _constant(raw, self.title, primitive.name, self.units)
            if parent is None
            else self._expression(parent)
            for raw, parent in zip(node.operands, node.parents, strict=True)
        ]
        return written_as(primitive)(*parts)


def _gate(node: Node) -> Scope | None:
    """The call of a gate in which the node was recorded."""
    scope = node.scope
    while scope is not None and scope.kind != "gate":
        scope = scope.parent
    return scope


def _is_sum(node: Node) -> bool:
    """Whether it is the sum over all units, kept as an axis."""
    if node.primitive is None or node.primitive.name != "sum" or node.parents[0] is None:
        return False
    axis, shape = node.static.get("axis"), node.operands[0].shape
    return node.data.ndim == len(shape) and axis in (-1, len(shape) - 1, (-1,), (len(shape) - 1,))


def _is_divided(node: Node, units: int | None) -> bool:
    """Whether it is an operand over the number of units."""
    return (
        units is not None
        and node.primitive is not None
        and node.primitive.name == "divide"
        and node.parents[1] is None
        and bool(np.all(np.equal(node.operands[1], units)))
    )


def _constant(value: Any, title: str, where: str, units: int | None) -> sympy.Expr:
    entries = np.unique(np.asarray(value))
    if entries.size != 1:
        raise ValueError(
            f"derive: {title}.step has {where} with a constant array of shape {np.shape(value)}; "
            "what depends on a comparison, or differs from unit to unit, has no one formula"
        )
    exact: sympy.Expr = SymbolicArray.scalar(entries.item())
    for number, meant in ((units, UNITS), (sympy.Rational(1, units), 1 / UNITS)) if units else ():
        if abs(exact - number) < 1e-12:
            return meant
    return exact
