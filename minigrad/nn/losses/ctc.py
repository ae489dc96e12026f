"""Connectionist temporal classification: a loss for labels that are not aligned with time."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.losses.reduction import Reduction, reduced
from minigrad.primitives import logsumexp, stack, where
from minigrad.primitives.checks import as_array, every
from minigrad.primitives.primitive import Array

IMPOSSIBLE = -1e30  # log of a probability that is 0; finite, for ∞ − ∞ is not a number


def ctc_loss(
    log_probs: Array,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    *,
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Array:
    """−log of the probability of all paths that become the targets (Graves et al. 2006, eq. 8).

    A path names one class per step; it becomes labels when repetitions, then blanks are left
    out. A repeated label therefore needs a blank between. Where the input is too short for its
    target there is no such path: the loss is ∞ then, or 0 with ``zero_infinity``, and its
    gradient 0 either way (where PyTorch's is NaN), so that one such sequence spoils no batch.
    The gradient is that of this number; PyTorch's is already that of the logits before
    `log_softmax`, which is the same once the gradient has gone through it.

    Args:
        log_probs: (time, batch, classes), as `log_softmax` gives them: time comes first here, as
            in PyTorch; ``np.swapaxes(y, 0, 1)`` of a layer's output. Or (time, classes) of one
            sequence, whose targets and lengths have no batch either.
        targets: (batch, longest target) of integers, none of them the blank; or those of all
            sequences one after another.
        input_lengths: (batch,): how many steps of each sequence count.
        target_lengths: (batch,): how many labels of each target count.
        blank: the class that stands for no label.
        reduction: the mean is over the batch, of each loss divided by its target's length.
        zero_infinity: whether a loss without any path is 0.

    Raises:
        ValueError: shapes, lengths or labels do not fit.

    Example:
        >>> log_probs = np.log(np.full((2, 1, 2), 0.5))  # two steps, a blank and one label
        >>> print(nn.ctc_loss(log_probs, [[1]], [2], [1]).round(4))  # 3 of the 4 paths: −log ¾
        0.2877
    """
    targets, steps, labels = (as_array(a) for a in (targets, input_lengths, target_lengths))
    if log_probs.ndim == 2:
        loss = ctc_loss(
            np.expand_dims(log_probs, 1), targets[None], steps.reshape(-1), labels.reshape(-1),
            blank=blank, reduction=reduction, zero_infinity=zero_infinity,
        )  # fmt: skip
        return loss[0] if reduction == "none" else loss
    if targets.ndim == 1 and log_probs.ndim == 3:
        targets = _side_by_side(targets, labels)
    _check(log_probs, targets, steps, labels, blank)
    batch, places = targets.shape[0], 2 * targets.shape[1] + 1
    used = np.where(_within(targets, labels), targets, blank)
    pairs = np.stack([np.full(used.shape, blank), used], axis=-1).reshape((batch, places - 1))
    extended = np.concatenate([pairs, np.full((batch, 1), blank)], axis=1)  # blank, l₁, …, blank
    again = extended[:, 2:] == extended[:, :-2]  # no blank between two that are the same
    repeated = np.concatenate([np.zeros((batch, 2), bool), again], axis=1)[:, :places]
    place, row = np.arange(places), np.arange(batch)[:, None]

    seen = log_probs[:, row, extended]  # (time, batch, places)
    alpha = where(place < 2, seen[0], IMPOSSIBLE)
    for t in range(1, log_probs.shape[0]):
        one, two = (
            where(place < k, IMPOSSIBLE, alpha[:, np.maximum(place - k, 0)]) for k in (1, 2)
        )
        paths = stack([alpha, one, where(repeated, IMPOSSIBLE, two)], axis=-1)
        alpha = where((t < steps)[:, None], logsumexp(paths, axis=-1) + seen[t], alpha)

    row = row[:, 0]
    last = where(labels > 0, alpha[row, np.maximum(2 * labels - 1, 0)], IMPOSSIBLE)
    loss = -logsumexp(stack([alpha[row, 2 * labels], last], axis=-1), axis=-1)
    short = steps < labels + _repetitions(targets, labels)
    if not isinstance(short, np.ndarray) or short.any():
        loss = where(short, 0.0 if zero_infinity else np.inf, loss)
    if reduction == "mean":
        kind = loss.dtype if loss.dtype.kind == "f" else int
        loss = loss / np.maximum(labels, 1).astype(kind)
    return reduced(loss, reduction)


def _side_by_side(targets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Targets that stand one after another, each in a row of its own."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.sum() != targets.size:
        raise ValueError(
            f"ctc_loss: got {targets.size} labels one after another and target_lengths "
            f"{labels.tolist()}, expected lengths that add up to their number"
        )
    rows = np.zeros((labels.size, int(labels.max(initial=0))), targets.dtype)
    rows[np.arange(rows.shape[1]) < labels[:, None]] = targets
    return rows


def _within(targets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which places of the targets are not padding."""
    return np.arange(targets.shape[1]) < labels[:, None]


def _repetitions(targets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many labels are the same as the one before: each needs a blank between."""
    return ((targets[:, 1:] == targets[:, :-1]) & _within(targets, labels)[:, 1:]).sum(axis=1)


def _check(
    log_probs: Array, targets: np.ndarray, steps: np.ndarray, labels: np.ndarray, blank: int
) -> None:
    batch = targets.shape[:1]
    if (
        log_probs.ndim != 3 or targets.ndim != 2
        or {log_probs.shape[1:2], steps.shape, labels.shape} != {batch}
    ):  # fmt: skip
        raise ValueError(
            f"ctc_loss: got log_probs {log_probs.shape}, targets {targets.shape}, input_lengths "
            f"{steps.shape}, target_lengths {labels.shape}; expected (time, batch, classes), "
            "(batch, longest target), (batch,), (batch,)"
        )
    time, _, classes = log_probs.shape
    for name, lengths, least, most in (
        ("input_lengths", steps, 1, time), ("target_lengths", labels, 0, targets.shape[1]),
    ):  # fmt: skip

        def error(
            lengths: np.ndarray, name: str = name, least: int = least, most: int = most
        ) -> Exception:
            return ValueError(
                f"ctc_loss: got {name} {lengths.tolist()}, expected integers from {least} to {most}"
            )

        are_integers = lengths.dtype.kind in "iu"
        every((lengths >= least) & (lengths <= most) & are_integers, error, lengths)
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: got blank={blank}, expected 0 to {classes - 1}")

    def wrong(targets: np.ndarray, labels: np.ndarray) -> Exception:
        used = targets[_within(targets, labels)]
        used = used[(used < 0) | (used >= classes) | (used == blank)]
        found = f"label {used.flat[0]}" if used.size else f"targets of dtype {targets.dtype}"
        return ValueError(f"ctc_loss: got {found}, expected integers from 0 to {classes - 1} "
                          f"other than the blank {blank}")  # fmt: skip

    is_label = (targets >= 0) & (targets < classes) & (targets != blank)
    every((is_label | ~_within(targets, labels)) & (targets.dtype.kind in "iu"), wrong, targets,
          labels)  # fmt: skip
