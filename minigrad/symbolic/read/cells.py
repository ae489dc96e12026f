"""A cell's equations, read off what its own ``step`` records."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
import sympy

from minigrad import nn
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.pieces import COMPARISONS, stopped, where, written_as
from minigrad.symbolic.read.constants import lifted, steady
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
from minigrad.symbolic.read.lengths import lengths_of
from minigrad.symbolic.read.names import Names
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.recording import record_step
from minigrad.tape import Node
from minigrad.targets import Target, TargetError

_SIZES = ((83, 97), (59, 61))  # (input_size, hidden_size) at which a cell is read; all differ
_MOVES = frozenset({"transpose", "swapaxes", "reshape"})  # a vector may be turned


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
    cell = _made(target)
    first, again = record_step(cell, title), record_step(cell, title)
    second = record_step(target.cell(*_SIZES[1], rng=0), title)
    sizes = {size: [n[k] for n in _SIZES] for k, size in enumerate((INPUTS, UNITS))}
    values = steady(first.nodes, again.nodes, f"{title}.step")
    values = lifted(values, first.nodes, second.nodes, sizes, f"{title}.step")
    lengths = lengths_of(first.nodes, second.nodes, sizes)
    return _Reader(first, title, values, lengths).read()


def _made(target: Target) -> nn.Cell:
    """The cell where x and the states have different widths.

    Raises:
        TargetError: it cannot be made.
        ValueError: it can, but only where these widths are equal.
    """
    try:
        return target.cell(*_SIZES[0], rng=0)
    except TargetError as error:
        width = _SIZES[0][1]
        try:
            target.cell(width, width, rng=0)
        except TargetError:
            raise error from None
        raise ValueError(
            f"derive: {target.title} works only where input_size and hidden_size are equal: does "
            "step add x to a state? Let a gate map it to the states' width, or name an instance"
        ) from error


def equations_of(cell: nn.Cell, title: str) -> CellEquations:
    """The equations of this very cell, with the sizes and the activation that it was made with.

    Raises:
        ValueError: as for `cell_equations`.
    """
    recording, again = record_step(cell, title), record_step(cell, title)
    values = steady(recording.nodes, again.nodes, f"{title}.step")
    lengths = lengths_of(recording.nodes, recording.nodes, {})
    return _Reader(recording, title, values, lengths).read()


class _Reader(Names):
    """Writes the equation of each name."""

    def read(self) -> CellEquations:
        """The equations in order; those of states that have another name already come last."""
        equations: list[Equation] = []
        parameters: dict[str, str] = {}
        for node in self.nodes:
            if node in self.ends:
                equations += self._affine(node)
            elif self.gate_of[node] is not None and node.primitive is not None:
                continue
            elif node.primitive is None and node not in self.inputs:
                if any(self.gate_of[use] is None for use in self.uses.get(node, ())):
                    parameters[self.parameter(node)] = self.paths.get(node, node.name or "")
            elif node in self.totals:
                self._add_total(node, equations)
            elif node in self.names and node.primitive is not None:
                equations.append(self._equation(node))
        shapes = {name: self._row(node) for node, name in self.names.items()}
        shapes |= {name: (1, width) for name, width in self.loose.values()}
        for name, output in zip(self.cell.state, self.recording.outputs, strict=True):
            if self.names[output] != name:
                equations.append(Elementwise(name, symbol(self.names[output])))
                shapes[name] = shapes[self.names[output]]
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

    def _affine(self, end: Node) -> list[Equation]:
        """The gate's map, after the values off the tape that it is applied to."""
        gate, equations, names = self.called(self.ends[end]), [], []
        for operand in self.operands(end):
            if isinstance(operand, Node):
                names.append(self.names[operand])
                continue
            names.append(self.loose[id(operand)][0])
            expression = self._taken_off(end, -1, operand, itertools.count())
            equations.append(Elementwise(names[-1], expression))
        path = ".".join(self.path(self.ends[end]))
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
            self.names[node] = self.free(f"{base}^{of[0]}" if of else base)
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
                operands.append(self.constant(node, position))
            elif parent.primitive is not None and parent not in self.names:
                operands.append(self._applied(parent))
            else:
                operands.append(self.names.get(parent) or self.parameter(parent))
        return Applied("", node.primitive, tuple(operands), dict(node.static))

    def _expression(self, node: Node, *, top: bool = False) -> sympy.Expr:
        primitive = node.primitive
        if node in self.inputs or (primitive is not None and node in self.names and not top):
            return symbol(self.names[node])
        if primitive is None:
            name = self.parameter(node)
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
            self._taken_off(node, position, raw, itertools.count())
            if parent is None
            else self._expression(parent)
            for position, (raw, parent) in enumerate(zip(node.operands, node.parents, strict=True))
        ]
        return where(*parts) if primitive.name == "where" else written_as(primitive)(*parts)

    def _taken_off(self, node: Node, position: int, raw: Any, places: Iterator[int]) -> sympy.Expr:
        """A constant, or a value that was taken off the tape."""
        if not isinstance(raw, Outline):
            return self.constant(node, position, next(places))
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
