"""Evaluates a derivation's formulas with numbers, knowing nothing of the engine or its tape.

What is evaluated are the very trees that are printed, so a formula that is right only on paper,
or only in the engine, is found. One sample is a column, as in the formulas: W h, not h Wᵀ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy

from minigrad.symbolic import Derivation, Line
from minigrad.symbolic.equations import UNITS
from minigrad.symbolic.formula import Formula, Name, Operation, Scalar

Lookup = Callable[[Name], np.ndarray]
_NUMPY = [
    {
        "sigmoid": lambda z: 0.5 + 0.5 * np.tanh(z / 2),
        "heaviside": lambda z: np.heaviside(z, 0),
    },
    "numpy",
]


def section(derivation: Derivation, title: str) -> tuple[Line, ...]:
    """The lines under a heading; none if there is no such heading."""
    return next((s.lines for s in derivation.sections if s.title == title), ())


def sides(line: Line) -> tuple[Formula, Formula]:
    """Left and right of an equation; of a chain, its last side."""
    assert isinstance(line.formula, Operation) and line.formula.kind == "equals"
    return line.formula.parts[0], line.formula.parts[-1]


def value(formula: Formula, of: Lookup) -> np.ndarray:
    """The formula's value, given that of each name."""
    if isinstance(formula, Name):
        return of(formula)
    if isinstance(formula, Scalar):
        return _scalar(formula, of)
    if formula.kind == "from_output":
        (name,) = formula.parts
        assert isinstance(name, Name)
        return of(Name("loss", name.shift, upper=name.base))
    if formula.kind == "apply":
        function, argument = formula.parts
        assert isinstance(function, Name)
        return getattr(np, function.base)(value(argument, of))
    parts = [value(part, of) for part in formula.parts]
    return _OPERATIONS[formula.kind](*parts)


def _scalar(formula: Scalar, of: Lookup) -> np.ndarray:
    names = dict(formula.names)
    symbols = sorted(formula.expression.free_symbols, key=str)
    arguments = [of(names.get(s, Name(s.name))) for s in symbols]
    return sympy.lambdify(symbols, formula.expression, modules=_NUMPY)(*arguments)


def _softmax(s: np.ndarray) -> np.ndarray:
    return np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True)


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "plus": lambda *terms: sum(terms[1:], terms[0]),
    "minus": lambda a: -a,
    "hadamard": lambda *factors: np.prod(np.broadcast_arrays(*factors), axis=0),
    "over": lambda a, b: a / b,
    "scaled": lambda a, b: a * b,
    "matmul": lambda a, b: a @ b,
    "transpose": lambda a: a.T,
    "stack": lambda *parts: np.concatenate(parts),
    "affine": lambda w, v, b: w @ v + b,
    "row_sum": lambda a: a.sum(axis=-1, keepdims=True),
    "sum_rows": lambda a: a.sum(axis=0, keepdims=True),
    "total": lambda a: a.sum(axis=0, keepdims=True),
    "mean": lambda a: a.mean(axis=0, keepdims=True),
    "diag": lambda a: np.diag(a[:, 0]),
    "squared": lambda a: a * a,
    "root": np.sqrt,
    "group": lambda a: a,
    "softmax": _softmax,
}


class Unrolled:
    """A cell's derivation run over T steps: forward first, then backward, then the parameters.

    Args:
        derivation: of a cell.
        parameters: W_f as ("W", "f"), b_f as ("b", "f") as a column, others as (name, "").
        widths: of each operand of a gate, so that its columns of W are found.
        x: (T, input_size).
        initial: each state before the first step.
        loss: each state's ∂ℓ/∂state, (T, hidden_size).
    """

    def __init__(
        self,
        derivation: Derivation,
        parameters: Mapping[tuple[str, str], np.ndarray],
        widths: Mapping[str, int],
        x: np.ndarray,
        initial: Mapping[str, np.ndarray],
        loss: Mapping[str, np.ndarray],
    ) -> None:
        self.derivation, self.parameters, self.widths = derivation, parameters, widths
        self.steps = len(x)
        self.known: dict[tuple[str, str, bool, int], np.ndarray] = {}
        self.columns = self._columns()
        for t in range(self.steps):
            self.known["x", "", False, t] = x[t][:, None]
            for name, cotangents in loss.items():
                self.known["loss", name, False, t] = cotangents[t][:, None]
        for name, before in initial.items():
            self.none = np.zeros((len(before), 1))
            self.known[name, "", False, -1] = before[:, None]
        self._run("Forward pass", range(self.steps))
        self._run("Backpropagation through time", reversed(range(self.steps)))

    def gradients(self) -> dict[tuple[str, str], np.ndarray]:
        """∂L/∂ each parameter, from the section "Parameters"."""
        found = {}
        for line in section(self.derivation, "Parameters"):
            left, right = sides(line)
            assert isinstance(left, Operation) and left.kind == "partial"
            parameter = left.parts[1]
            assert isinstance(parameter, Name)
            assert isinstance(right, Operation) and right.kind == "sum_t"
            found[parameter.base, parameter.lower] = sum(
                value(right.parts[0], self._at(t)) for t in range(self.steps)
            )
        return found

    def _columns(self) -> dict[tuple[str, str], slice]:
        """Which columns of W_f meet which operand."""
        columns = {}
        for line in section(self.derivation, "Forward pass"):
            _, right = sides(line)
            if isinstance(right, Operation) and right.kind == "affine":
                weight, operands, _ = right.parts
                assert isinstance(weight, Name)
                parts = operands.parts if isinstance(operands, Operation) else (operands,)
                start, bases = 0, [getattr(part, "base", "") for part in parts]
                for position, part in enumerate(parts):
                    assert isinstance(part, Name)
                    key = f"{part.base}^{part.upper}" if part.upper else part.base
                    if bases.count(part.base) > 1:
                        key = f"{key}_{position + 1}"
                    stop = start + self.widths[part.base]
                    columns[weight.lower, key] = slice(start, stop)
                    start = stop
        return columns

    def _run(self, title: str, times: Any) -> None:
        for t in times:
            for line in section(self.derivation, title):
                left, right = sides(line)
                assert isinstance(left, Name)
                self.known[left.base, left.upper, left.delta, t] = value(right, self._at(t))

    def _at(self, t: int) -> Lookup:
        def of(name: Name) -> np.ndarray:
            if name.shift is None:
                if name.base == str(UNITS):
                    return np.array(len(self.none))
                whole = self.parameters[name.base, name.lower]
                return whole[:, self.columns[name.lower, name.upper]] if name.upper else whole
            if t + name.shift == self.steps:
                # nothing comes from after the last step, whatever the factors there would be
                return self.none if name.delta else np.ones_like(self.none)
            return self.known[name.base, name.upper, name.delta, t + name.shift]

        return of
