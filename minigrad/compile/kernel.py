"""A compiled cell: weights packed for its products, arrays for its loops, and the two passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
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


class Segment(NamedTuple):
    """Steps start to stop: the states S, and the values V that the way back reads.

    Where V is ``None``, S holds the states before the first step only.
    """

    start: int
    stop: int
    S: np.ndarray
    V: np.ndarray | None


class Saved(NamedTuple):
    """What the way back needs; for the names see `minigrad.compile.source`."""

    U: np.ndarray
    M: np.ndarray
    segments: list[Segment]
    last: np.ndarray
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
        passes: the code's functions by name: forward and backward.
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
            ``U`` holds the first state after each step, ``last`` the others after the last.
        """
        time, width, batch = x.shape
        n = self.hidden_size * batch
        U = np.empty((time + 1, n + (width + 1) * batch), x.dtype)
        whole = U.reshape(time + 1, -1, batch)
        whole[:-1, self.hidden_size : -1] = x
        whole[:, -1] = 1
        whole[0, : self.hidden_size] = states[0]
        M = np.empty((0, 0), bool) if valid is None else valid
        last = np.empty((len(states) - 1, n), x.dtype)
        for k, state in enumerate(states[1:]):
            last[k] = state.reshape(-1)
        products = self.pack(weights, x.dtype)
        own = [np.repeat(weights.vector[p], batch) for p in self.plan.equations.parameters]
        segments = []
        for start in range(0, time, segment or time):
            stop = min(start + (segment or time), time)
            before = last
            S, V = self._steps(U[start : stop + 1], M[start:stop], before, products, own)
            last = S[:, -1]
            segments.append(
                Segment(start, stop, before[:, None].copy(), None)
                if segment
                else Segment(start, stop, S, V)
            )
        return Saved(U, M, segments, last.copy(), products, own)

    def _steps(
        self,
        U: np.ndarray,
        M: np.ndarray,
        before: np.ndarray,
        products: Sequence[np.ndarray],
        own: Sequence[np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run some steps forward: what they leave in S and V."""
        others, n = before.shape
        S = np.empty((others, len(U), n), U.dtype)
        S[:, 0] = before
        V = np.empty((len(self.plan.kept), len(U) - 1, n), U.dtype)
        Z = np.empty((len(self.plan.affines), n), U.dtype)
        R = np.empty((self.source.scratch, n), U.dtype)
        with _quiet(M):
            self.passes["forward"](n, U, S, V, Z, self._factors(U, n), R, M, *products, *own)
        return S, V

    def _factors(self, U: np.ndarray, n: int) -> np.ndarray:
        """Q: scratch of products, or for the BLAS inside Numba the factors 0 and 1."""
        if self.is_numba:
            return np.array([0, 1], U.dtype)
        return np.empty(max(len(self.plan.affines) * n, U.shape[1]), U.dtype)

    def backward(
        self, saved: Saved, g: np.ndarray, final: Sequence[np.ndarray], *, of_x: bool = True
    ) -> Gradients:
        """The cotangents.

        Args:
            saved: what `forward` returned.
            g: (time, hidden_size, batch), of the first state after each step.
            final: (hidden_size, batch) each, of the states after the last step.
            of_x: whether that of x is wanted.
        """
        U, _, segments, _, products, own = saved
        time, hidden, batch = g.shape
        n = hidden * batch
        C = np.empty((len(final) - 1, n), U.dtype)
        for k, cotangent in enumerate(final[1:]):
            C[k] = cotangent.reshape(-1)
        h = final[0]
        dx = np.zeros((time, self.input_size, batch), U.dtype)
        turned = self._turned(products, of_x=of_x)
        of_products = [np.zeros_like(W) for W in products]
        of_own = [np.zeros_like(p) for p in own]
        for segment in reversed(segments):
            E = np.zeros((segment.stop - segment.start + 1, U.shape[1]), U.dtype)
            whole = E.reshape(len(E), -1, batch)
            whole[1:, :hidden] = g[segment.start : segment.stop]
            whole[-1, :hidden] += h
            C = self._steps_back(saved, segment, E, C, turned, of_products, of_own)
            if of_x:
                dx[segment.start : segment.stop] = whole[:-1, hidden:-1]
            h = whole[0, :hidden]
        vectors = zip(self.plan.equations.parameters, of_own, strict=True)
        return Gradients(
            dx,
            [h, *C.reshape(-1, hidden, batch)],
            self.unpack(
                of_products, {name: d.reshape(hidden, batch).sum(1) for name, d in vectors}
            ),
        )

    def _steps_back(
        self,
        saved: Saved,
        segment: Segment,
        E: np.ndarray,
        C: np.ndarray,
        turned: Sequence[np.ndarray],
        of_products: Sequence[np.ndarray],
        of_own: Sequence[np.ndarray],
    ) -> np.ndarray:
        """Some steps of the way back: weights' cotangents are added up, the states' returned."""
        start, stop, S, V = segment
        U, M = saved.U[start : stop + 1], saved.M[start:stop]
        if V is None:
            S, V = self._steps(U, M, S[:, 0], saved.products, saved.own)
        n = C.shape[1]
        D = np.zeros((stop - start, len(self.plan.affines), n), U.dtype)
        B = np.empty((self.source.buffers, n), U.dtype)
        P = np.empty((len(C) + 1, n), U.dtype)
        R = np.empty((self.source.scratch, n), U.dtype)
        with _quiet(M):
            C = self.passes["backward"](
                n, U, S, V, D, E, C, np.empty_like(C), B, P, self._factors(U, n), R, M,
                *turned, *of_products, *saved.own, *of_own,
            )  # fmt: skip
        return C

    def _turned(self, products: Sequence[np.ndarray], *, of_x: bool) -> list[np.ndarray]:
        """The weights transposed; without rows for x, and hence no work, where it needs none."""
        rows = {} if of_x else {self.plan.joint: self.hidden_size, INPUT: 0}
        return [
            np.ascontiguousarray(W[:, : rows.get(product.operand)].T)
            for product, W in zip(self.plan.products, products, strict=True)
        ]

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


def _quiet(M: np.ndarray) -> Any:
    """What is computed behind a sequence's end does not count, so it is not warned of."""
    return np.errstate(divide="ignore", invalid="ignore") if len(M) else nullcontext()
