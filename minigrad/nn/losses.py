"""Losses: numbers that say how far a prediction is from its target.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``, as in PyTorch; the shapes of prediction and
target must be the same, for broadcasting here hides mistakes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from minigrad.primitives import (
    absolute,
    log,
    log_softmax,
    mean,
    minimum,
    softmax_cross_entropy,
    softplus,
    square,
    sum,
    where,
)
from minigrad.primitives.primitive import Array
from minigrad.tensor import raw

Reduction = Literal["mean", "sum", "none"]


def mse_loss(prediction: Array, target: Array, reduction: Reduction = "mean") -> Array:
    """Squared error, its mean over all entries.

    Raises:
        ValueError: the shapes differ, or the reduction is none of the three.
    """
    _check_shapes("mse_loss", prediction, target)
    return reduced(square(prediction - target), reduction)


def l1_loss(prediction: Array, target: Array, reduction: Reduction = "mean") -> Array:
    """Absolute error, its mean over all entries (MAE); errors as for `mse_loss`."""
    _check_shapes("l1_loss", prediction, target)
    return reduced(absolute(prediction - target), reduction)


def huber_loss(
    prediction: Array, target: Array, reduction: Reduction = "mean", *, delta: float = 1.0
) -> Array:
    """Half the square of errors e up to δ, δ (|e| − δ/2) beyond (Huber 1964, p. 75).

    Raises:
        ValueError: the shapes differ, the reduction is none of the three, or δ ≤ 0.
    """
    _check_shapes("huber_loss", prediction, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: got delta={delta}, expected a positive number")
    error = absolute(prediction - target)
    near = minimum(error, delta)
    return reduced(near * (error - near / 2), reduction)


def cross_entropy(
    logits: Array,
    target: Any,
    reduction: Reduction = "mean",
    *,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
) -> Array:
    """−log of the probability that softmax gives the right class.

    Args:
        logits: (…, classes), the classes along the last axis whatever the others are.
        target: (…), integers: the right classes.
        reduction: the mean is over the targets that are not ignored, 0 if there is none.
        label_smoothing: ε, that part of the target is spread evenly over all classes
            (Szegedy et al. 2016, section 7).
        ignore_index: a target of this value adds nothing.

    Raises:
        ValueError: the shapes do not fit, a target is no class, or ε is not within 0 and 1.
        TypeError: the targets are no integers.
    """
    target = _classes("cross_entropy", target, logits, ignore_index)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"cross_entropy: got label_smoothing={label_smoothing}, expected a number from 0 to 1"
        )
    counted = target != ignore_index
    loss = softmax_cross_entropy(logits, target=np.where(counted, target, 0))
    if label_smoothing:
        evenly = -mean(log_softmax(logits, axis=-1), -1)
        loss = (1 - label_smoothing) * loss + label_smoothing * evenly
    if not counted.all():
        loss = where(counted, loss, 0)
    if reduction == "mean":
        return sum(loss) / max(int(counted.sum()), 1)
    return reduced(loss, reduction)


def binary_cross_entropy_with_logits(
    logits: Array, target: Array, reduction: Reduction = "mean"
) -> Array:
    """−t log σ(x) − (1 − t) log(1 − σ(x)) = softplus(x) − x t, for targets t from 0 to 1.

    Errors as for `mse_loss`.
    """
    _check_shapes("binary_cross_entropy_with_logits", logits, target)
    return reduced(softplus(logits) - logits * target, reduction)


def kl_div(
    log_prediction: Array,
    target: Array,
    reduction: Literal["mean", "batchmean", "sum", "none"] = "mean",
) -> Array:
    """KL(target ‖ prediction) by entries: t (log t − log_prediction), 0 where t = 0.

    PyTorch's convention: the first argument are *logarithms* of probabilities, the second
    probabilities. Only ``"batchmean"``, the sum over the length of the first axis, is the
    divergence of the definition; ``"mean"`` divides by the number of entries.

    Errors as for `mse_loss`.
    """
    _check_shapes("kl_div", log_prediction, target)
    loss = target * (log(target + (target == 0)) - log_prediction)
    if reduction == "batchmean":
        return sum(loss) / loss.shape[0]
    return reduced(loss, reduction)


def reduced(loss: Array, reduction: str) -> Array:
    """The mean, the sum, or the loss as it is."""
    match reduction:
        case "mean":
            return mean(loss)
        case "sum":
            return sum(loss)
        case "none":
            return loss
    raise ValueError(f"got reduction={reduction!r}, expected 'mean', 'sum' or 'none'")


def _check_shapes(name: str, prediction: Array, target: Array) -> None:
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name}: got a prediction of shape {prediction.shape} and a target of shape "
            f"{target.shape}, expected the same"
        )


def _classes(name: str, target: Any, logits: Array, ignore_index: int) -> np.ndarray:
    """Targets as integers, each a class or to be ignored."""
    target = np.asarray(raw(target))
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: got targets of dtype {target.dtype}, expected integers")
    if logits.ndim < 1 or target.shape != logits.shape[:-1]:
        raise ValueError(
            f"{name}: got logits of shape {logits.shape} and targets of shape {target.shape}, "
            "expected (…, classes) and (…)"
        )
    classes = logits.shape[-1]
    wrong = target[((target < 0) | (target >= classes)) & (target != ignore_index)]
    if wrong.size:
        raise ValueError(f"{name}: got target {wrong.flat[0]}, expected 0 to {classes - 1}")
    return target
