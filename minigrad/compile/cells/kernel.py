"""A compiled cell: weights packed for its products, arrays for its loops, and the two passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from minigrad.compile.cells.plan import INPUT, Plan
from minigrad.compile.cells.source import Source
from minigrad.symbolic.read.equations import PREVIOUS

_CACHED = 2**17  # numbers


class Weights(NamedTuple):
    """A cell's parameters: weight and bias of each gate, and the vectors."""

    weight: Mapping[str, np.ndarray]
    bias: Mapping[str, np.ndarray]
    vector: Mapping[str, np.ndarray]


class Segment(NamedTuple):
    """Steps start to stop: the other states, and the values that the backward pass reads.

    Where ``kept`` is ``None``, ``states`` holds those before the first step only.
    """

    start: int
    stop: int
    states: np.ndarray
    kept: list[np.ndarray] | None


class Saved(NamedTuple):
    """What the backward pass needs.

    Attributes:
        joint: (time + 1, …), first state, x and ones of each step.
        going: (time, batch) or empty, whether a sequence still goes on.
        segments: the other states and the values of the steps.
        last: (other states, n), the other states after the last step.
        products: the packed weights of each product.
        vectors: each vector, once per sequence of the batch.
    """

    joint: np.ndarray
    going: np.ndarray
    segments: list[Segment]
    last: np.ndarray
    products: list[np.ndarray]
    vectors: list[np.ndarray]


class Gradients(NamedTuple):
    """Cotangents of what the forward pass was given."""

    x: np.ndarray | None
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

    Example:
        >>> from minigrad.compile.backends import NUMPY
        >>> from minigrad.compile.cells import fusable, kernel_of
        >>> cell = nn.RNN(3, 4, rng=0).cell
        >>> kernel = kernel_of(fusable(cell), cell, NUMPY)
        >>> kernel.input_size, kernel.hidden_size
        (3, 4)
    """

    plan: Plan
    source: Source
    passes: Mapping[str, Callable[..., Any]]
    input_size: int
    hidden_size: int

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
                again in the backward pass; 0 for all of them.
        """
        time, width, batch = x.shape
        n = self.hidden_size * batch
        joint = np.empty((time + 1, n + (width + 1) * batch), x.dtype)
        whole = joint.reshape(time + 1, -1, batch)
        whole[:-1, self.hidden_size : -1] = x
        whole[:, -1] = 1
        whole[0, : self.hidden_size] = states[0]
        going = np.empty((0, 0), bool) if valid is None else valid
        last = np.empty((len(states) - 1, n), x.dtype)
        for k, state in enumerate(states[1:]):
            last[k] = state.reshape(-1)
        products = self.pack(weights, x.dtype)
        vectors = [np.repeat(weights.vector[p], batch) for p in self.plan.vectors]
        segments = []
        for start in range(0, time, segment or time):
            stop = min(start + (segment or time), time)
            before = last
            after, kept = self._steps(
                joint[start : stop + 1], going[start:stop], before, products, vectors
            )
            last = after[:, -1]
            segments.append(
                Segment(start, stop, before[:, None].copy(), None)
                if segment
                else Segment(start, stop, after, kept)
            )
        return Saved(joint, going, segments, last.copy(), products, vectors)

    def _steps(
        self,
        joint: np.ndarray,
        going: np.ndarray,
        before: np.ndarray,
        products: Sequence[np.ndarray],
        vectors: Sequence[np.ndarray],
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Run some steps forward: the other states of each, and what is kept of it."""
        others, n = before.shape
        dtype = joint.dtype
        states = np.empty((others, len(joint), n), dtype)
        states[:, 0] = before
        kept = [np.empty((len(joint) - 1, n), dtype) for _ in self.plan.kept]
        self._run(
            "forward", going, {"kept_": kept, "W_": products, "": vectors},
            n=n, batch=n // self.hidden_size, joint=joint, states=states,
            affine=np.empty((len(self.plan.affines), n), dtype), room=self._room(joint, n),
            rows=np.empty((self.source.rows, n), dtype),
        )  # fmt: skip
        return states, kept

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
        dtype = saved.joint.dtype
        time, hidden, batch = g.shape
        n = hidden * batch
        d_after = np.empty((len(final) - 1, n), dtype)
        for k, cotangent in enumerate(final[1:]):
            d_after[k] = cotangent.reshape(-1)
        d_first = final[0]
        dx = np.empty((time, self.input_size, batch), dtype) if of_x else None
        turned = self._turned(saved.products, of_x=of_x)
        d_products = [np.zeros(W.shape, dtype) for W in saved.products]
        d_vectors = [np.zeros(p.shape, dtype) for p in saved.vectors]
        for segment in reversed(saved.segments):
            shape = segment.stop - segment.start + 1, saved.joint.shape[1]
            d_joint = np.zeros(shape, dtype)
            whole = d_joint.reshape(len(d_joint), -1, batch)
            whole[1:, :hidden] = g[segment.start : segment.stop]
            whole[-1, :hidden] += d_first
            d_after = self._steps_back(
                saved, segment, d_joint, d_after, turned, d_products, d_vectors
            )
            if dx is not None:
                dx[segment.start : segment.stop] = whole[:-1, hidden:-1]
            d_first = whole[0, :hidden]
        vectors = zip(self.plan.vectors, d_vectors, strict=True)
        return Gradients(
            dx,
            [d_first, *d_after.reshape(-1, hidden, batch)],
            self.unpack(d_products, {name: d.reshape(hidden, batch).sum(1) for name, d in vectors}),
        )

    def _steps_back(
        self,
        saved: Saved,
        segment: Segment,
        d_joint: np.ndarray,
        d_after: np.ndarray,
        turned: Sequence[np.ndarray],
        d_products: Sequence[np.ndarray],
        d_vectors: Sequence[np.ndarray],
    ) -> np.ndarray:
        """Some steps of the backward pass: the weights' cotangents are added up.

        Returns:
            Those of the other states before the first of these steps.
        """
        start, stop, states, kept = segment
        joint, going = saved.joint[start : stop + 1], saved.going[start:stop]
        if kept is None:
            states, kept = self._steps(joint, going, states[:, 0], saved.products, saved.vectors)
        dtype, (others, n) = joint.dtype, d_after.shape
        gates = len(self.plan.affines)
        # As many steps as stay in a processor's cache until the weights get their share
        together = min(stop - start, 1 + _CACHED // (gates * n))
        return self._run(
            "backward", going,
            {"kept_": kept, "W_": turned, "d_W_": d_products, "": saved.vectors, "d_": d_vectors},
            n=n, batch=n // self.hidden_size, joint=joint, states=states,
            d_affine=np.zeros((together, gates, n), dtype), d_joint=d_joint, d_after=d_after,
            d_before=np.empty_like(d_after),
            d_shared=np.empty((self.source.buffers, n), dtype),
            aside=np.empty((others + 1, n), dtype), room=self._room(joint, n),
            rows=np.empty((self.source.rows, n), dtype),
        )  # fmt: skip

    def _run(
        self, name: str, going: np.ndarray, groups: Mapping[str, Sequence[np.ndarray]],
        **arrays: Any,
    ) -> Any:  # fmt: skip
        """Call a pass with its arrays, which it takes in the order of its arguments."""
        arrays["going"] = going
        for prefix, group in groups.items():
            arrays.update(zip(self._names[prefix], group, strict=True))
        # What is computed behind a sequence's end does not count, so it is not warned of
        quiet = np.errstate(divide="ignore", invalid="ignore") if len(going) else nullcontext()
        with quiet:
            return self.passes[name](*[arrays[a] for a in self.source.arguments[name]])

    @cached_property
    def _names(self) -> Mapping[str, tuple[str, ...]]:
        """The arguments that stand for quantities, by their prefix."""
        operands = [product.operand for product in self.plan.products]
        vectors = self.plan.equations.parameters
        of = {"kept_": self.plan.kept, "W_": operands, "d_W_": operands, "": vectors, "d_": vectors}
        return {
            prefix: tuple(prefix + self.plan.identifier(quantity) for quantity in quantities)
            for prefix, quantities in of.items()
        }

    def _room(self, joint: np.ndarray, n: int) -> np.ndarray:
        """Room for a product that is then added to another."""
        return np.empty(max(len(self.plan.affines) * n, joint.shape[1]), joint.dtype)

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
        found: list[_Piece] = []
        for row, affine in enumerate(plan.affines):
            main = number[plan.joint if first in affine.operands else INPUT]
            before_input = hidden if first in affine.operands else 0
            start = 0
            for operand in affine.operands:
                width = self.input_size if operand == INPUT else hidden
                k = main if operand in (INPUT, first) else number[operand]
                column = before_input if operand == INPUT else 0
                piece = _Piece(k, self._rows(row, k), slice(column, column + width), affine.gate,
                               slice(start, start + width))  # fmt: skip
                if start and (joined := _joined(found[-1], piece)):
                    found[-1] = joined
                else:
                    found.append(piece)
                start += width
            column = before_input + self.input_size
            found.append(_Piece(main, self._rows(row, main), slice(column, column + 1),
                                affine.gate, None))  # fmt: skip
        return tuple(found)

    @cached_property
    def _once(self) -> frozenset[str]:
        """The gates whose whole weight is one piece."""
        count = Counter(piece.gate for piece in self._pieces)
        return frozenset(gate for gate, times in count.items() if times == 2)  # and the bias

    @cached_property
    def _stacks(self) -> list[list[_Piece]]:
        """Pieces one below the other, of gates that are whole; any other piece by itself."""
        found: list[list[_Piece]] = []
        below = None
        for piece in sorted(self._pieces, key=lambda p: (p.product, p.columns.start, p.rows.start)):
            place = piece.product, piece.columns, piece.rows.start, True
            if piece.gate in self._once and place == below:
                found[-1].append(piece)
            else:
                found.append([piece])
            below = piece.product, piece.columns, piece.rows.stop, piece.gate in self._once
        return found

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
        for stack in self._stacks:
            rows = slice(stack[0].rows.start, stack[-1].rows.stop)
            into = packed[stack[0].product][rows, stack[0].columns]
            parts = [
                weights.bias[piece.gate][:, None]
                if piece.of_weight is None
                else weights.weight[piece.gate][:, piece.of_weight]
                for piece in stack
            ]
            if len(parts) > 1:
                np.concatenate(parts, out=into)
            else:
                into += parts[0]
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
                so_far = bias.get(piece.gate)
                bias[piece.gate] = part[:, 0] if so_far is None else so_far + part[:, 0]
            elif piece.gate in self._once:
                weight[piece.gate] = part
            else:
                shape = (self.hidden_size, widths[piece.gate])
                whole = weight.setdefault(piece.gate, np.zeros(shape, part.dtype))
                whole[:, piece.of_weight] += part
        return Weights(weight, bias, vector)


def _joined(left: _Piece, right: _Piece) -> _Piece | None:
    """Both as one, if they lie side by side in the weight as in the product."""
    assert left.of_weight is not None and right.of_weight is not None
    if (left.product, left.columns.stop) != (right.product, right.columns.start):
        return None
    return replace(left, columns=slice(left.columns.start, right.columns.stop),
                   of_weight=slice(left.of_weight.start, right.of_weight.stop))  # fmt: skip
