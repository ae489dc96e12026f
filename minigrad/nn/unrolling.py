"""A cell over a sequence: step by step, or all steps at once by a scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minigrad.nn.cell import Cell, State
from minigrad.nn.scan_cells import ScanCell
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
    states: tuple[Array, ...],
    valid: Valid = None,
    *,
    reverse: bool = False,
) -> tuple[list[Array], tuple[Array, ...]]:
    """As `unroll`, by a scan: log₂ T operations, each over all steps."""
    x = np.stack(steps)
    counts = None if valid is None else np.stack(valid)
    terms = cell.all_terms(x)
    carried = [
        _scanned(kept, added, state, counts, reverse)
        for (kept, added), state in zip(terms, states[-len(terms) :], strict=True)
    ]
    end = 0 if reverse else -1
    final = tuple(h[end] for h in carried)
    shown = carried[0]
    if len(terms) < len(states):
        shown = cell.readout(x, *carried)
        final = _last_shown(shown, states[0], counts, reverse), *final
    if counts is not None:
        shown = where(counts, shown, 0)
    return [shown[t] for t in range(len(steps))], final


def _scanned(
    kept: Array, added: Array, state: Array, counts: np.ndarray | None, reverse: bool
) -> Array:
    """The states after all steps, in order of time."""
    if getattr(kept, "shape", ()) != added.shape:
        kept = kept + np.zeros(added.shape, added.dtype if added.dtype.kind == "f" else int)
    if counts is not None:
        kept, added = where(counts, kept, 1), where(counts, added, 0)
    if reverse:
        return np.flip(scan(np.flip(kept, 0), np.flip(added, 0), state), 0)
    return scan(kept, added, state)


def _last_shown(shown: Array, before: Array, counts: np.ndarray | None, reverse: bool) -> Array:
    """The output of the last step that counts, or what was shown before all of them."""
    if counts is None:
        return shown[0 if reverse else -1]
    there = counts if reverse else counts[::-1]
    last = there.argmax(axis=0)[..., 0]
    last = last if reverse else len(counts) - 1 - last
    at = (last, np.arange(shown.shape[1])) if shown.ndim > 2 else last
    return where(there.any(axis=0), shown[at], before)


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
