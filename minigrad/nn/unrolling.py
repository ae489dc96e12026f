"""A cell over a sequence: step by step, or all steps at once by a scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minigrad.nn.cell import Cell, State
from minigrad.nn.cells import ScanCell
from minigrad.primitives import where
from minigrad.primitives.primitive import Array
from minigrad.scope import scope
from minigrad.tensor import Tensor
from minigrad.tree import tree_map

Valid = Sequence[np.ndarray] | None
"""Per step (batch, 1), which sequences have it; ``None`` if all have all steps."""


def unroll(
    cell: Cell,
    steps: Sequence[Array],
    states: tuple[Array, ...],
    valid: Valid = None,
    *,
    reverse: bool = False,
    after_step: Callable[[Array, Array], Array] | None = None,
) -> tuple[list[Array], tuple[Array, ...]]:
    """One cell over the steps.

    Args:
        cell: any.
        steps: x of each step, (batch, features).
        states: to start from.
        valid: where a sequence lacks a step its output is 0 and its states stay as they are.
        reverse: from the last step to the first.
        after_step: (state after, state before) → the state to go on with.

    Returns:
        The first state after each step, in order of time, and the last states.
    """
    outputs: list[Array] = [None] * len(steps)
    order = range(len(steps))
    for t in reversed(order) if reverse else order:
        with scope("step", t):
            after = cell(steps[t], states)
            after = after if isinstance(after, tuple) else (after,)
            if after_step is not None:
                after = tuple(map(after_step, after, states))
            outputs[t] = after[0]
            if valid is not None:
                after = tuple(where(valid[t], a, s) for a, s in zip(after, states, strict=True))
                outputs[t] = where(valid[t], outputs[t], 0)
            states = after
    return outputs, states


def unroll_at_once(
    cell: ScanCell,
    steps: Sequence[Array],
    state: Array,
    valid: Valid = None,
    *,
    reverse: bool = False,
) -> tuple[list[Array], tuple[Array, ...]]:
    """As `unroll`, by a scan: log₂ T operations, each over all steps."""
    kept, added = cell.terms(np.stack(steps))
    if valid is not None:
        kept, added = where(np.stack(valid), kept, 1), where(np.stack(valid), added, 0)
    if reverse:
        kept, added = np.flip(kept, 0), np.flip(added, 0)
    h = scan(kept, added, state)
    last = h[-1]
    if reverse:
        h = np.flip(h, 0)
    if valid is not None:
        h = where(np.stack(valid), h, 0)
    return [h[t] for t in range(len(steps))], (last,)


def by_steps(
    cell: Cell, x: Array, states: tuple[Array, ...], valid: np.ndarray | None, reverse: bool
) -> Array:
    """One cell over (batch, time, features): its outputs, then its last states.

    What a fused kernel computes, whose higher derivatives are taken from here.
    """
    steps = [x[:, t] for t in range(x.shape[1])]
    outputs, after = unroll(cell, steps, states, per_step(valid), reverse=reverse)
    return np.stack([*outputs, *after])


def per_step(valid: np.ndarray | None) -> list[np.ndarray] | None:
    """(batch, time) as one (batch, 1) for each step, (time,) as one (1,)."""
    return None if valid is None else list(np.moveaxis(valid, -1, 0)[..., None])


def scan(kept: Array, added: Array, initial: Array) -> Array:
    """h_t = kept_t ∘ h_{t−1} + added_t for all t at once, time first.

    Two steps in a row are again of that form, so each round joins every step to one twice as
    far back: ⌈log₂ T⌉ rounds (Hillis & Steele 1986, "Data parallel algorithms", p. 1173).

    Args:
        kept: (time, …).
        added: (time, …).
        initial: (…), h before the first step.

    Returns:
        (time, …).

    Example:
        >>> kept, added = np.full((3, 1), 0.5), np.ones((3, 1))
        >>> print(nn.scan(kept, added, np.zeros(1)))
        [[1.  ]
         [1.5 ]
         [1.75]]
    """
    reach = 1
    while reach < kept.shape[0]:
        later = added[reach:] + kept[reach:] * added[:-reach]
        added = np.concatenate([added[:reach], later])
        kept = np.concatenate([kept[:reach], kept[reach:] * kept[:-reach]])
        reach *= 2
    return kept * initial + added


def detach(state: State) -> State:
    """A state without its history: the next window's gradient ends there (truncated BPTT).

    Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories".

    Example:
        >>> y, state = nn.LSTM(3, 8)(np.ones((2, 5, 3)))
        >>> h, c = nn.detach(state)
        >>> h.requires_grad
        False
    """
    return tree_map(lambda s: s.detach() if isinstance(s, Tensor) else s, state)
