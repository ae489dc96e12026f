"""A cell's step run on outlines, and the constants in it as functions of its sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from minigrad import nn
from minigrad.symbolic.formula import Size
from minigrad.symbolic.read.equations import PREVIOUS
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.plain import plain
from minigrad.tape import Node, Scope, ancestors
from minigrad.tensor import Tensor

Place = tuple[int, int, int]  # a node, which of its operands (−1: its keywords), which number


@dataclass(frozen=True)
class Recording:
    """What a step recorded.

    Attributes:
        cell: whose step.
        inputs: x and the states before the step, by name.
        outputs: the states after it.
        nodes: everything that they were made of, in order.
        batch: the length of the leading axis.
    """

    cell: nn.Cell
    inputs: Mapping[str, Tensor]
    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    batch: int


def gate_of(node: Node) -> Scope | None:
    """The call of a gate in which the node was recorded."""
    scope = node.scope
    while scope is not None and scope.kind != "gate":
        scope = scope.parent
    return scope


def record_step(cell: nn.Cell, title: str) -> Recording:
    """Run the step on arrays of which only the shape is known.

    Raises:
        ValueError: it asks for values, or a state is no result of the step's inputs.
    """
    widths = {"x": cell.input_size} | {f"{s}{PREVIOUS}": cell.size_of(s) for s in cell.state}
    batch = next(n for n in range(2, 99) if n not in widths.values())
    inputs = {
        name: Tensor(Outline((batch, width)), requires_grad=True, name=name)
        for name, width in widths.items()
    }
    try:
        outputs = cell.step(*inputs.values())
    except Exception as error:
        said = " ".join(str(error).split())
        raise ValueError(f"derive: {title}.step: {said or type(error).__name__}") from error
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for name, value in zip(cell.state, outputs, strict=True):
        if not (isinstance(value, Tensor) and value.requires_grad):
            raise ValueError(
                f"derive: {title}.step returned {'nothing' if value is None else 'a constant'} as "
                f"{name}, expected a state computed from x, a state or a parameter"
            )
    outputs = tuple(plain(outputs, keep=lambda node: gate_of(node) is not None))
    nodes = tuple(sorted(ancestors(outputs), key=lambda node: node.index))
    return Recording(cell, inputs, outputs, nodes, batch)


def constants_of(recording: Recording) -> dict[Place, Any]:
    """The numbers and arrays in the step that do not depend on its inputs, by where they stand."""
    found: dict[Place, Any] = {}
    for k, node in enumerate(recording.nodes):
        for position, (raw, parent) in enumerate(zip(node.operands, node.parents, strict=True)):
            if parent is None:
                found |= {(k, position, j): value for j, value in enumerate(numbers_in(raw))}
        found |= {(k, -1, j): n for j, n in enumerate(bounds_in(node.static))}
    return found


def numbers_in(raw: Any) -> Iterator[Any]:
    """A constant, or those that a value taken off the tape was made of."""
    if not isinstance(raw, Outline):
        yield raw
    elif raw.made is not None:
        for operand in raw.made[1]:
            yield from numbers_in(operand)


def bounds_in(static: Mapping[str, Any]) -> Iterator[int]:
    """Where the slices among an operation's keywords begin and end."""
    for value in static.values():
        for entry in value if isinstance(value, tuple) else (value,):
            if isinstance(entry, slice):
                yield from (n for n in (entry.start, entry.stop) if n is not None)


def same_structure(one: Recording, other: Recording) -> bool:
    """Whether two recordings consist of the same operations."""

    def shape(recording: Recording) -> list[Any]:
        number = {node: k for k, node in enumerate(recording.nodes)}
        return [
            (node.primitive and node.primitive.name, [p and number.get(p) for p in node.parents])
            for node in recording.nodes
        ]

    return shape(one) == shape(other) and constants_of(one).keys() == constants_of(other).keys()


def in_sizes(values: Sequence[float], sizes: Mapping[Size, Sequence[int]]) -> sympy.Expr | None:
    """A constant, seen at several sizes, as k Hᵖ or H + k; ``None`` if it is neither."""
    first, *others = values
    for symbol, lengths in sizes.items():
        for power in (1, -1, Fraction(1, 2), Fraction(-1, 2), 2, -2):
            k = first / lengths[0] ** float(power)
            if all(_close(v, k * n ** float(power)) for v, n in zip(values, lengths, strict=True)):
                return _simple(k) * symbol ** sympy.Rational(power)
        for sign in (1, -1) if all(values) else (1,):
            k = first**sign - lengths[0]
            if all(_close(v**sign, n + k) for v, n in zip(values, lengths, strict=True)):
                return (symbol + _simple(round(k, 9))) ** sign
    return None


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-12)


def _simple(number: float) -> sympy.Rational:
    fraction = Fraction(number).limit_denominator(1000)
    return sympy.Rational(fraction.numerator, fraction.denominator)
