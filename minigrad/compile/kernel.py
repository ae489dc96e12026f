"""A compiled cell: weights packed for its products, arrays for its loops, and the two passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from minigrad.compile.plan import INPUT, Plan
from minigrad.compile.source import Source
from minigrad.symbolic.equations import PREVIOUS


class Weights(NamedTuple):
    """A cell's parameters: weight and bias of each gate, and the vectors."""

    weight: Mapping[str, np.ndarray]
    bias: Mapping[str, np.ndarray]
    vector: Mapping[str, np.ndarray]


class Saved(NamedTuple):
    """What the way back needs; for the names see `minigrad.compile.source`."""

    U: np.ndarray
    S: np.ndarray
    V: np.ndarray
    M: np.ndarray
    products: list[np.ndarray]
    own: list[np.ndarray]


class Gradients(NamedTuple):
    """Cotangents of what the forward pass was given."""

    x: np.ndarray
    states: list[np.ndarray]
    weights: Weights


@dataclass(frozen=True)
class _Piece:
    """Columns of a gate's weight (``None``: its bias) and where in a product they stand."""

    product: int
    rows: slice
    columns: slice
    gate: str
    of_weight: slice | None


@dataclass(frozen=True)
class Kernel:
    """The two passes of one cell over a sequence, units before batch.

    Attributes:
        plan: what they do.
        source: the code they were made from.
        passes: the code's functions by name: forward, backward and outer.
        input_size: width of x.
        hidden_size: width of every state and gate.
        is_numba: whether Q holds the factors 0 and 1 instead of scratch.
    """

    plan: Plan
    source: Source
    passes: Mapping[str, Callable[..., Any]]
    input_size: int
    hidden_size: int
    is_numba: bool

    def forward(
        self,
        x: np.ndarray,
        states: Sequence[np.ndarray],
        weights: Weights,
        valid: np.ndarray | None = None,
        segment: int = 0,
    ) -> Saved:
        """All steps.

        Args:
            x: (time, input_size, batch).
            states: (hidden_size, batch) each.
            weights: as the cell has them.
            valid: (time, batch), whether a sequence still goes on.
            segment: keep what is between steps only for this many at a time, and compute it
                again on the way back; 0 for all of them.

        Returns:
            ``U`` holds the first state after each step, ``S`` the others.
        """
        time, width, batch = x.shape
        n = self.hidden_size * batch
        U = np.empty((time + 1, n + (width + 1) * batch), x.dtype)
        whole = U.reshape(time + 1, -1, batch)
        whole[:-1, self.hidden_size : -1] = x
        whole[:, -1] = 1
        whole[0, : self.hidden_size] = states[0]
        length = min(segment, time) if segment else time
        others = len(self.plan.state) - 1
        S = np.empty((others, length + 1, n), x.dtype)
        for k in range(others):
            S[k, 0] = states[k + 1].reshape(-1)
        V = np.empty((len(self.plan.kept), length, n), x.dtype)
        M = np.empty((0, 0), bool) if valid is None else valid
        products = self.pack(weights, x.dtype)
        own = [np.repeat(weights.vector[p], batch) for p in self.plan.equations.parameters]
        saved = Saved(U, S, V, M, products, own)
        self._run_forward(saved, U, M)
        return saved

    def _run_forward(self, saved: Saved, U: np.ndarray, M: np.ndarray) -> None:
        n = saved.S.shape[2]
        Z = np.empty((len(self.plan.affines), n), U.dtype)
        R = np.empty((self.source.scratch, n), U.dtype)
        self.passes["forward"](
            n, U, saved.S, saved.V, Z, self._products_scratch(U, n), R, M,
            *saved.products, *saved.own,
        )  # fmt: skip

    def _products_scratch(self, U: np.ndarray, n: int) -> np.ndarray:
        if self.is_numba:
            return np.array([0, 1], U.dtype)
        return np.empty(max(len(self.plan.affines) * n, U.shape[1]), U.dtype)

    def backward(self, saved: Saved, g: np.ndarray, final: Sequence[np.ndarray]) -> Gradients:
        """The cotangents.

        Args:
            saved: what `forward` returned.
            g: (time, hidden_size, batch), of the first state after each step.
            final: (hidden_size, batch) each, of the states after the last step.
        """
        U, S, V, M, products, own = saved
        time, hidden, batch = g.shape
        n = hidden * batch
        E = np.zeros_like(U)
        whole = E.reshape(time + 1, -1, batch)
        whole[1:, :hidden] = g
        whole[-1, :hidden] += final[0]
        others, buffers = len(S), self.source.buffers
        C = np.empty((others, n), U.dtype)
        for k in range(others):
            C[k] = final[k + 1].reshape(-1)
        D = np.zeros((time, len(self.plan.affines), n), U.dtype)
        B, P = np.empty((buffers, n), U.dtype), np.empty((others + 1, n), U.dtype)
        R = np.empty((self.source.scratch, n), U.dtype)
        Q = self._products_scratch(U, n)
        of_own = [np.zeros_like(p) for p in own]
        C = self.passes["backward"](
            n, U, S, V, D, E, C, np.empty_like(C), B, P, Q, R, M,
            *(np.ascontiguousarray(W.T) for W in products), *own, *of_own,
        )  # fmt: skip
        of_products = [np.zeros_like(W) for W in products]
        for product, into in zip(self.plan.products, of_products, strict=True):
            operand = self._history(product.operand, saved, n)
            self.passes["outer"](D, product.first, product.last, operand, into, batch, Q)
        vectors = zip(self.plan.equations.parameters, of_own, strict=True)
        return Gradients(
            whole[:-1, hidden:-1],
            [whole[0, :hidden], *C.reshape(others, hidden, batch)],
            self.unpack(
                of_products, {name: d.reshape(hidden, batch).sum(1) for name, d in vectors}
            ),
        )

    def _history(self, operand: str, saved: Saved, n: int) -> np.ndarray:
        """A product's operand at every step, (time, width · batch)."""
        first, *others = self.plan.state
        if operand == self.plan.joint:
            return saved.U[:-1]
        if operand == INPUT:
            return saved.U[:-1, n:]
        base = operand.removesuffix(PREVIOUS)
        if base == first:  # as it is after the step
            return saved.U[1:, :n]
        if base in others:
            states = saved.S[others.index(base)]
            return states[:-1] if operand.endswith(PREVIOUS) else states[1:]
        return saved.V[self.plan.kept.index(operand)]

    # Weights

    @cached_property
    def _pieces(self) -> tuple[_Piece, ...]:
        hidden, plan = self.hidden_size, self.plan
        number = {p.operand: k for k, p in enumerate(plan.products)}
        first = f"{plan.state[0]}{PREVIOUS}"
        found = []
        for row, affine in enumerate(plan.affines):
            main = number[plan.joint if first in affine.operands else INPUT]
            before_input = hidden if first in affine.operands else 0
            start = 0
            for operand in affine.operands:
                width = self.input_size if operand == INPUT else hidden
                k = main if operand in (INPUT, first) else number[operand]
                rows = self._rows(row, k)
                column = before_input if operand == INPUT else 0
                found.append(_Piece(k, rows, slice(column, column + width), affine.gate,
                                    slice(start, start + width)))  # fmt: skip
                start += width
            column = before_input + self.input_size
            found.append(_Piece(main, self._rows(row, main), slice(column, column + 1),
                                affine.gate, None))  # fmt: skip
        return tuple(found)

    def _rows(self, row: int, product: int) -> slice:
        start = (row - self.plan.products[product].first) * self.hidden_size
        return slice(start, start + self.hidden_size)

    def pack(self, weights: Weights, dtype: Any) -> list[np.ndarray]:
        """One matrix per product: rows of gates, columns of their operand."""
        hidden, inputs = self.hidden_size, self.input_size + 1
        width = {self.plan.joint: hidden + inputs, INPUT: inputs}
        packed = [
            np.zeros(((p.last - p.first) * hidden, width.get(p.operand, hidden)), dtype)
            for p in self.plan.products
        ]
        for piece in self._pieces:
            into = packed[piece.product][piece.rows, piece.columns]
            if piece.of_weight is None:
                into += weights.bias[piece.gate][:, None]
            else:
                into += weights.weight[piece.gate][:, piece.of_weight]
        return packed

    def unpack(self, packed: Sequence[np.ndarray], vector: Mapping[str, np.ndarray]) -> Weights:
        """The adjoint of `pack`: a gate that is called twice gets both contributions."""
        weight: dict[str, np.ndarray] = {}
        bias: dict[str, np.ndarray] = {}
        widths: dict[str, int] = {}
        for piece in self._pieces:
            if piece.of_weight is not None:
                widths[piece.gate] = max(widths.get(piece.gate, 0), piece.of_weight.stop)
        for piece in self._pieces:
            part = packed[piece.product][piece.rows, piece.columns]
            if piece.of_weight is None:
                bias[piece.gate] = bias.get(piece.gate, 0) + part[:, 0]
            else:
                shape = (self.hidden_size, widths[piece.gate])
                whole = weight.setdefault(piece.gate, np.zeros(shape, part.dtype))
                whole[:, piece.of_weight] += part
        return Weights(weight, bias, vector)
