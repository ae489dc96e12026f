"""Evaluates a derivation's formulas with numbers, knowing nothing of the engine or its tape.

What is evaluated are the very trees that are printed, so a formula that is right only on paper,
or only in the engine, is found. One sample is a column, as in the formulas: W h, not h Wᵀ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy

from minigrad.symbolic import Derivation, Line
from minigrad.symbolic import formula as f
from minigrad.symbolic.formula import Quantity

Lookup = Callable[[sympy.Symbol], np.ndarray]


def section(derivation: Derivation, title: str) -> tuple[Line, ...]:
    """The lines under a heading; none if there is no such heading."""
    return next((s.lines for s in derivation.sections if s.title == title), ())


def sides(line: Line) -> tuple[Any, Any]:
    """Left and right of an equation; of a chain, its last side."""
    assert line.equation.relation == "="
    return line.equation.left, line.equation.right


def value(formula: Any, of: Lookup) -> Any:
    """The formula's value, given that of each quantity and size."""
    if formula.is_Symbol:
        return of(formula)
    if formula.is_Number or not formula.args:
        return float(formula)
    if formula.is_Add:
        return sum(value(term, of) for term in formula.args)
    if formula.is_Mul:
        product = 1.0
        for factor in formula.args:
            product = product * value(factor, of)
        return product
    if formula.is_Pow:
        base, exponent = (value(part, of) for part in formula.args)
        return base**exponent
    if isinstance(formula, f.partial):
        return of(formula)
    if isinstance(formula, f.of_loss):
        (quantity,) = formula.args
        return of(quantity.replaced(base=f"loss {quantity.base}"))
    if isinstance(formula, f.entries | f.columns):
        start, stop = (int(np.squeeze(value(end, of))) for end in formula.args[1:])
        whole = value(formula.args[0], of)
        return whole[start:stop] if isinstance(formula, f.entries) else whole[:, start:stop]
    if isinstance(formula, f.beside | f.stacked):
        return _joined(formula, of)
    parts = [value(part, of) for part in formula.args]
    name = type(formula).__name__
    return _FUNCTIONS[name](*parts) if name in _FUNCTIONS else getattr(np, name)(*parts)


def _joined(formula: Any, of: Lookup) -> np.ndarray:
    """Blocks beside one another, or on top of one another; those of zeros as high or as wide."""
    axis = 1 if isinstance(formula, f.beside) else 0
    blocks = [None if isinstance(part, f.zeros) else value(part, of) for part in formula.args]
    across = max(block.shape[1 - axis] for block in blocks if block is not None)
    full = []
    for part, block in zip(formula.args, blocks, strict=True):
        length = int(np.squeeze(value(part.args[0], of))) if block is None else block.shape[axis]
        shape = (across, length) if axis else (length, across)
        full.append(np.broadcast_to(0.0 if block is None else block, shape))
    return np.concatenate(full, axis)


def _softmax(s: np.ndarray) -> np.ndarray:
    return np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "matmul": lambda a, b: a @ b,
    "transposed": lambda a: a.T,
    "affine": lambda w, v, b: w @ v + b,
    "row_sum": lambda a: a.sum(axis=-1, keepdims=True),
    "column_sum": lambda a: a.sum(axis=0, keepdims=True),
    "total": lambda a: a.sum(),
    "mean": lambda a: a.mean(axis=0, keepdims=True),
    "diagonal": lambda a: np.diag(a[:, 0]),
    "softmax": _softmax,
    "sigmoid": lambda z: 0.5 + 0.5 * np.tanh(z / 2),
    "softplus": lambda z: np.logaddexp(0, z),
    "relu": lambda z: np.maximum(z, 0),
    "clip": np.clip,
    "inside": lambda z, a, b: (np.sign(z - a) - np.sign(z - b)) / 2,
    "greater": lambda a, b: np.asarray(a > b, float),
    "at_least": lambda a, b: np.asarray(a >= b, float),
    "same": lambda a, b: np.asarray(a == b, float),
    "where": lambda condition, x, y: np.where(condition, x, y),
    "stopped": lambda x: x,
    "erf": np.vectorize(math.erf),
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
}  # fmt: skip


def _name(quantity: Quantity) -> str:
    """As in the code's equations: a^f."""
    return f"{quantity.base}^{quantity.upper}" if quantity.upper else quantity.base


class Unrolled:
    """A cell's derivation run over T steps: forward first, then backward, then the parameters.

    Args:
        derivation: of a cell.
        parameters: W_f as ("W", "f"), b_f as ("b", "f") as a column, others as (name, "").
        shapes: of each quantity, so that the columns of W that meet an operand are found.
        x: (T, input_size).
        initial: each state before the first step.
        loss: each state's ∂ℓ/∂state, (T, hidden_size).
    """

    def __init__(
        self,
        derivation: Derivation,
        parameters: Mapping[tuple[str, str], np.ndarray],
        shapes: Mapping[str, tuple[int, ...]],
        x: np.ndarray,
        initial: Mapping[str, np.ndarray],
        loss: Mapping[str, np.ndarray],
    ) -> None:
        self.derivation, self.parameters, self.shapes = derivation, parameters, shapes
        self.steps = len(x)
        self.known: dict[tuple[str, str, bool, int], np.ndarray] = {}
        self.columns = self._columns()
        for t in range(self.steps):
            self.known["x", "", False, t] = x[t][:, None]
            for name, cotangents in loss.items():
                self.known[f"loss {name}", "", False, t] = cotangents[t][:, None]
        for name, before in initial.items():
            self.known[name, "", False, -1] = before[:, None]
        self._run("Forward pass", range(self.steps))
        self._run("Backpropagation through time", reversed(range(self.steps)))

    def gradients(self) -> dict[tuple[str, str], np.ndarray]:
        """∂L/∂ each parameter, from the section "Parameters"."""
        found = {}
        for line in section(self.derivation, "Parameters"):
            left, right = sides(line)
            assert isinstance(left, f.partial)
            parameter = left.args[1]
            assert isinstance(parameter, Quantity)
            assert isinstance(right, f.sum_over_time)
            found[parameter.base, parameter.lower] = sum(
                value(right.args[0], self._at(t)) for t in range(self.steps)
            )
        return found

    def initial_gradient(self, name: str) -> np.ndarray:
        """∂L/∂ a state before the first step, from the section "Initial states"."""
        (right,) = (
            right
            for left, right in map(sides, section(self.derivation, "Initial states"))
            if left.args[1].base == name
        )
        return value(right, self._at(-1))

    def _columns(self) -> dict[tuple[str, str], slice]:
        """Which columns of W_f meet which operand."""
        columns = {}
        for line in section(self.derivation, "Forward pass"):
            _, right = sides(line)
            weight, operands, *_ = *right.args, None, None  # and a bias, if the gate has one
            if isinstance(right, f.affine | f.matmul) and isinstance(weight, Quantity):
                parts = operands.args if isinstance(operands, f.stacked) else (operands,)
                start, bases = 0, [part.base for part in parts]
                for position, part in enumerate(parts):
                    key = _name(part)
                    if bases.count(part.base) > 1:
                        key = f"{key}_{position + 1}"
                    stop = start + self.shapes[_name(part)][-1]
                    columns[weight.lower, key] = slice(start, stop)
                    start = stop
        return columns

    def _run(self, title: str, times: Any) -> None:
        for t in times:
            for line in section(self.derivation, title):
                left = line.equation.left
                assert isinstance(left, Quantity)
                named, *_, result = (
                    value(side, self._at(t)) for side in (line.equation.rights * 2)[:2]
                )
                np.testing.assert_allclose(named, result, rtol=1e-11, atol=1e-12)
                width = self.shapes[_name(left)][-1]
                result = np.broadcast_to(result, (width, 1))
                self.known[left.base, left.upper, left.delta, t] = result

    def _partial(self, of: f.partial, t: int) -> np.ndarray:
        """∂w/∂v from the section "Local derivatives", whose lines are written at step t."""
        later = of.args[0].shift
        wanted = f.partial(
            *(q if q.shift is None else q.replaced(shift=q.shift - later) for q in of.args)
        )
        (right,) = (
            line.equation.right
            for line in section(self.derivation, "Local derivatives")
            if str(line.equation.left) == str(wanted)
        )
        return value(right, self._at(t + later)) if t + later < self.steps else np.ones((1, 1))

    def _at(self, t: int) -> Lookup:
        def of(name: Any) -> np.ndarray:
            if isinstance(name, f.partial):
                return self._partial(name, t)
            if not isinstance(name, Quantity):
                return self.parameters[str(name), ""]
            if name.shift is None:
                whole = self.parameters[name.base, name.lower]
                return whole[:, self.columns[name.lower, name.upper]] if name.upper else whole
            step = name.shift if name.time == "t" else name.shift - 1 - t  # 0 and 1 themselves
            if t + step == self.steps:
                # nothing comes from after the last step, whatever the factors there would be
                now = self.known[name.base, name.upper, False, t]
                return np.zeros_like(now) if name.delta else now
            return self.known[name.base, name.upper, name.delta, t + step]

        return of
