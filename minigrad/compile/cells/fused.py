"""Fused recurrent layers: one operation on the tape for all steps of a cell."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np

from minigrad.compile.backends import NUMPY, Backend, chosen_backend
from minigrad.compile.cache import Cache
from minigrad.compile.cells.kernel import Kernel, Saved, Weights
from minigrad.compile.cells.plan import NotFusableError, Plan, plan
from minigrad.compile.cells.source import write
from minigrad.nn import Cell, Gate
from minigrad.nn.module import Module
from minigrad.primitives.primitive import Array, Primitive
from minigrad.scope import enable_grad, no_grad
from minigrad.tensor import Parameter, Tensor

_TRIALS = 4  # random points at which a kernel is held against the cell's own step
_log = logging.getLogger("minigrad.compile")
_plans: Cache[Plan | None] = Cache(256)
_kernels: Cache[Kernel] = Cache(64)


def fuse(cell: Cell, reference: Callable[..., Array]) -> Fused | None:
    """The fused form of a cell, or ``None`` (and the reason in the log) where there is none.

    Args:
        cell: any cell; its equations are read once for all cells that are alike.
        reference: (cell, x, states, valid, reverse) → what `Fused` computes, step by step.

    Example:
        >>> from minigrad.compile.cells import fuse
        >>> fuse(nn.LSTMCell(3, 4), lambda *arguments: None) is not None
        True
        >>> fuse(nn.ProjectedLSTMCell(3, 4), lambda *arguments: None) is None  # the log says why
        True
    """
    try:
        key = _key(cell)
    except NotFusableError as error:
        _log.info("on the tape, step by step: %s", error)
        return None
    found = _plans.get(key, lambda: _plan_or_none(cell))
    return None if found is None else Fused(cell, found, reference)


def _plan_or_none(cell: Cell) -> Plan | None:
    # Not on the cell's own weights: while a layer is traced, others stand in their places
    drawn = {
        name: Parameter(np.random.default_rng(k).normal(0, 0.5, p.shape).astype(p.dtype))
        for k, (name, p) in enumerate(cell.named_parameters())
    }
    try:
        with enable_grad(), cell.holding(drawn):  # the equations are read off the tape
            return fusable(cell)
    except NotFusableError as error:
        _log.info("on the tape, step by step: %s", error)
        return None


def _key(cell: Cell) -> Any:
    """What a cell's equations depend on: its class, and every attribute that is not an array."""
    if type(cell).forward is not Cell.forward:
        raise NotFusableError(f"{type(cell).__name__}: it has a forward method of its own")
    try:
        key = _settings(cell)
        hash(key)
    except TypeError as error:
        raise NotFusableError(
            f"{type(cell).__name__}: an attribute of it can change, so its equations may too "
            f"({error})"
        ) from error
    return key


def _settings(module: Module) -> Any:
    """The class, the mode and every attribute, those of parts too; parameters may change."""
    found: list[Any] = [type(module), module.training]
    for name, value in sorted(vars(module).items()):
        if name in ("name", "training") or isinstance(value, Gate | Parameter):
            continue
        if isinstance(value, Tensor):
            raise TypeError(f"{name} is a Tensor that is no Parameter")
        found.append((name, _settings(value) if isinstance(value, Module) else value))
    return tuple(found)


def fusable(cell: Cell) -> Plan:
    """The plan of a cell, which computes what its step does.

    Raises:
        NotFusableError: there is none.

    Example:
        >>> from minigrad.compile.cells import fusable
        >>> len(fusable(nn.GRUCell(3, 4)).stages)  # products and blocks, in turn
        5
    """
    found = plan(cell)
    _check(cell, found)
    return found


def _check(cell: Cell, found: Plan) -> None:
    """Hold the plan against the cell's own step: what depends on values is not in equations."""
    kernel = kernel_of(found, cell, NUMPY)
    weights = weights_of(cell, found, np.dtype(float))
    exact = {name: p.data.astype(float) for name, p in cell.named_parameters()}
    for seed in range(_TRIALS):
        rng = np.random.default_rng(seed)
        x = 2 * rng.normal(size=(1, cell.input_size, 4))
        states = [rng.normal(size=(cell.hidden_size, 4)) for _ in cell.state]
        with no_grad(), np.errstate(all="ignore"), cell.holding(exact):
            saved = kernel.forward(x, states, weights)
            after = cell.step(x[0].T, *(s.T for s in states))
        after = after if isinstance(after, tuple) else (after,)
        got = [saved.joint[1, : states[0].size], *saved.last]
        for name, value, own in zip(cell.state, got, after, strict=True):
            expected = np.asarray(getattr(own, "data", own)).T.reshape(-1)
            if not np.allclose(value, expected, rtol=1e-6, atol=1e-9, equal_nan=True):
                raise NotFusableError(
                    f"{type(cell).__name__}: its step computes another {name} than its equations "
                    "do; does it branch on values, or draw random numbers?"
                )


def weights_of(cell: Cell, found: Plan, dtype: np.dtype) -> Weights:
    """The cell's parameters as plain arrays of one type.

    Example:
        >>> from minigrad.compile.cells import fusable, weights_of
        >>> cell = nn.LSTMCell(3, 4)
        >>> weights = weights_of(cell, fusable(cell), np.dtype(np.float32))
        >>> list(weights.weight), weights.weight["f"].shape
        (['f', 'i', 'g', 'o'], (4, 7))
    """
    gates = {name: getattr(cell, name) for name in cell.gates}
    return Weights(
        {name: gate.weight.data.astype(dtype, copy=False) for name, gate in gates.items()},
        {name: gate.bias.data.astype(dtype, copy=False) for name, gate in gates.items()},
        {path: _at(cell, path).data.astype(dtype, copy=False) for path in found.vectors},
    )


def _at(cell: Cell, path: str) -> Array:
    """The array at a dotted path."""
    return attrgetter(path)(cell)


def kernel_of(found: Plan, cell: Cell, backend: Backend) -> Kernel:
    """The compiled passes of a plan, made once; on NumPy where Numba does not compile them.

    Example:
        >>> from minigrad.compile.backends import NUMPY
        >>> from minigrad.compile.cells import fusable, kernel_of
        >>> cell = nn.LSTMCell(3, 4)
        >>> kernel_of(fusable(cell), cell, NUMPY).hidden_size
        4
    """
    return _kernels.get((found, backend), lambda: _kernel(found, cell, backend))


def _kernel(found: Plan, cell: Cell, backend: Backend) -> Kernel:
    source = write(found, backend)
    try:
        passes = backend.load(source.head, source.body, source.arguments)
    except Exception as error:
        if backend is NUMPY:
            raise
        warnings.warn(
            f"{type(cell).__name__}: Numba does not compile its kernel, so it runs on NumPy: "
            f"{error}", RuntimeWarning, stacklevel=2,
        )  # fmt: skip
        return kernel_of(found, cell, NUMPY)
    return Kernel(found, source, passes, cell.input_size, cell.hidden_size)


@dataclass(frozen=True)
class Fused:
    """A cell over all steps as one operation.

    Attributes:
        cell: whose weights it takes.
        plan: the order of its step.
        reference: the same step by step, of which higher derivatives are taken.

    Example:
        >>> from minigrad.compile.cells import fuse
        >>> layer = nn.LSTM(3, 4, rng=0)
        >>> fused = fuse(layer.cell, lambda *arguments: None)  # with nothing for second derivatives
        >>> fused.primitive.name
        'fused LSTMCell'
    """

    cell: Cell
    plan: Plan
    reference: Callable[..., Array]

    def __call__(
        self,
        x: Array,
        states: Sequence[Array],
        counts: np.ndarray | None = None,
        *,
        reverse: bool = False,
        segment: int = 0,
    ) -> Array:
        """Run over the time axis of ``x``.

        Args:
            x: (batch, time, input_size).
            states: (batch, hidden_size) each.
            counts: (batch, time), which steps count.
            reverse: from the last step to the first.
            segment: see `Kernel.forward`.

        Returns:
            (time + states, batch, hidden_size): the first state after every step, 0 where
            it does not count, then each state after the last step.
        """
        static = {"counts": counts, "reverse": reverse, "segment": segment,
                  "of_x": isinstance(x, Tensor) and x.requires_grad}  # fmt: skip
        return self.primitive.bind((x, *states, *self.parameters), static)

    @property
    def parameters(self) -> tuple[Array, ...]:
        """Each gate's weight and bias, then the vectors."""
        cell = self.cell
        gates = (getattr(cell, name) for name in cell.gates)
        return (
            *(array for gate in gates for array in (gate.weight, gate.bias)),
            *(_at(cell, path) for path in self.plan.vectors),
        )

    @cached_property
    def primitive(self) -> Primitive:
        """The operation on x, the states, each gate's weight and bias, and the vectors."""
        arity = 1 + len(self.cell.state) + 2 * len(self.cell.gates) + len(self.plan.vectors)
        nothing = tuple(_never for _ in range(arity))
        return Primitive(
            f"fused {type(self.cell).__name__}", self._forward, "fused", nothing, nothing,
            label=type(self.cell).__name__, reference=self._reference, saving=self._saving,
            backward=self._backward, static=("counts", "reverse", "segment", "of_x"),
        )  # fmt: skip

    def _arranged(
        self, operands: Sequence[Any]
    ) -> tuple[Array, tuple[Array, ...], dict[str, Array], dict[str, Array], dict[str, Array]]:
        """x, the states, weights and biases by gate, vectors by name."""
        cell = self.cell
        first, second = 1 + len(cell.state), 1 + len(cell.state) + 2 * len(cell.gates)
        x, states, gates = operands[0], tuple(operands[1:first]), operands[first:second]
        return (
            x, states, dict(zip(cell.gates, gates[::2], strict=True)),
            dict(zip(cell.gates, gates[1::2], strict=True)),
            dict(zip(self.plan.vectors, operands[second:], strict=True)),
        )  # fmt: skip

    def _backend(self, dtype: np.dtype) -> Backend:
        backend = chosen_backend(dtype)
        if not backend.loops or dtype == np.float32:
            return backend
        warnings.warn(
            f"{type(self.cell).__name__}: got {dtype}, for which Numba has no kernel of a "
            "recurrent layer, so it runs on NumPy; use float32", RuntimeWarning, stacklevel=2,
        )  # fmt: skip
        return NUMPY

    def _forward(self, *operands: np.ndarray, **static: Any) -> np.ndarray:
        return self._saving(*operands, **static)[0]

    def _saving(
        self,
        *operands: np.ndarray,
        counts: np.ndarray | None,
        reverse: bool,
        segment: int,
        of_x: bool,
    ) -> tuple[np.ndarray, tuple[Kernel, Saved]]:
        x, states, *parameters = self._arranged(operands)
        dtype = np.result_type(*operands)
        kernel = kernel_of(self.plan, self.cell, self._backend(dtype))
        batch, time, _ = x.shape
        valid = None if counts is None else counts.T
        turned = x[:, ::-1] if reverse else x
        if valid is not None:
            valid = valid[::-1] if reverse else valid
            turned = np.where(valid.T[:, :, None], turned, 0)  # NaN in padding reaches nothing
        weights = Weights(*(
            {name: array.astype(dtype, copy=False) for name, array in part.items()}
            for part in parameters
        ))  # fmt: skip
        saved = kernel.forward(
            turned.transpose(1, 2, 0).astype(dtype, copy=False), [s.T for s in states], weights,
            None if valid is None else np.ascontiguousarray(valid), segment,
        )  # fmt: skip
        hidden = self.cell.hidden_size
        out = np.empty((time + len(states), batch, hidden), dtype)
        h = saved.joint.reshape(time + 1, -1, batch)[1:, :hidden]
        out[:time] = (h[::-1] if reverse else h).transpose(0, 2, 1)
        if counts is not None:
            out[:time][~counts.T] = 0
        out[time] = h[-1].T
        for k, state in enumerate(saved.last):
            out[time + 1 + k] = state.reshape(hidden, batch).T
        return out, (kernel, saved)

    def _backward(
        self,
        g: np.ndarray,
        y: np.ndarray,
        kept: tuple[Kernel, Saved],
        *operands: np.ndarray,
        counts: np.ndarray | None,
        reverse: bool,
        segment: int,
        of_x: bool,
    ) -> tuple[np.ndarray | None, ...]:
        kernel, saved = kept
        time = operands[0].shape[1]
        steps = g[:time]
        if counts is not None:
            steps = np.where(counts.T[:, :, None], steps, 0)
        if reverse:
            steps = steps[::-1]
        found = kernel.backward(
            saved, steps.transpose(0, 2, 1), list(g[time:].transpose(0, 2, 1)), of_x=of_x
        )
        dx = found.x
        if dx is not None:
            dx = np.ascontiguousarray((dx[::-1] if reverse else dx).transpose(2, 0, 1))
        weight, bias, vector = found.weights
        of_gates = (part[gate] for gate in self.cell.gates for part in (weight, bias))
        return dx, *(s.T for s in found.states), *of_gates, *(vector[v] for v in self.plan.vectors)

    def _reference(self, *operands: Array, counts: Any, reverse: bool, **_: Any) -> Array:
        x, states, weight, bias, vector = self._arranged(operands)
        arrays = {f"{gate}.weight": array for gate, array in weight.items()} | vector
        if self.cell.has_bias:
            arrays |= {f"{gate}.bias": array for gate, array in bias.items()}
        with self.cell.holding(arrays):
            return self.reference(self.cell, x, states, counts, reverse)


def _never(*_: Any, **__: Any) -> Array:
    raise NotImplementedError("a fused layer is differentiated as a whole, or step by step")
