"""What a cell computes in one step, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from minigrad.primitives import Primitive
from minigrad.symbolic.formula import Size
from minigrad.symbolic.read.lengths import Lengths

PREVIOUS = "′"  # marks the state of the step before: h′ is h_{t−1}
UNITS = Size("H")  # how many units a state has
INPUTS = Size("X")  # how many entries x has


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


@dataclass(frozen=True)
class Applied:
    """name = an operation on whole vectors: a product with a matrix parameter, a part, a join.

    Attributes:
        name: of the result.
        primitive: the operation.
        operands: names of quantities, numbers, or operations on them.
        static: its keywords.
    """

    name: str
    primitive: Primitive
    operands: tuple[Any, ...]
    static: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The quantities that it is made of."""
        return [
            name
            for x in self.operands
            for name in ([x] if isinstance(x, str) else x.names if isinstance(x, Applied) else [])
        ]


Equation = Affine | Elementwise | Total | Applied


@dataclass(frozen=True)
class CellEquations:
    """What a cell computes in one step.

    Attributes:
        title: the cell's name.
        state: names of its states; with `PREVIOUS` they mean those of the step before.
        equations: in the order in which the cell computes them.
        parameters: names of parameters that are used outside of gates.
        shared: names of quantities with one number for all units.
        attributes: the dotted path in the cell that leads to each of the parameters.
        shapes: of each quantity, a vector being a row (1, n).
        constants: arrays of the cell that are not parameters, by name.
        lengths: how a number that counts entries is written: 97 is H.

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
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    lengths: Lengths = field(default_factory=Lengths)
