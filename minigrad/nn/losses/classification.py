"""Losses of classes, one of several or any of several, and of probabilities."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from minigrad.boundary import taking_arrays
from minigrad.nn.losses.reduction import Reduction, check_shapes, reduced
from minigrad.primitives import (
    exp,
    log,
    log_softmax,
    maximum,
    mean,
    moveaxis,
    relu,
    sigmoid,
    softmax_cross_entropy,
    softplus,
    square,
    sum,
    take,
    take_along_axis,
    where,
)
from minigrad.primitives.checks import as_array, every
from minigrad.primitives.primitive import Array
from minigrad.tensor import raw

_LEAST = 1e-45  # a probability whose logarithm is below −100, where that of 0 is cut off


# One class of several


@taking_arrays
def cross_entropy(
    logits: Array,
    target: Any,
    reduction: Reduction = "mean",
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    axis: int = -1,
) -> Array:
    """−log of the probability that softmax gives the right class.

    Args:
        logits: (…, classes), the classes along ``axis``.
        target: (…), integers: the right classes; or floats of the logits' shape: the probability
            of each class.
        reduction: the mean is over the targets that are not ignored, each counted with its class's
            weight, and NaN if there is none. Of probabilities it is the plain mean.
        weight: (classes,), the weight of a target of each class.
        label_smoothing: ε, the part of the target that is spread evenly over all classes
            (Szegedy et al. 2016, section 7).
        ignore_index: a target of this value adds nothing.
        axis: where the classes are: the last one; 1 for PyTorch's (batch, classes, …).

    Raises:
        ValueError: the shapes do not fit, a target is not a class, or ε is not within 0 and 1.
        TypeError: the targets are not integers.

    Example:
        >>> logits = np.array([[0.0, 0.0], [100.0, 0.0]])
        >>> print(nn.cross_entropy(logits, np.array([0, 0]), "none").round(4))
        [0.6931 0.    ]
    """
    name = "cross_entropy"
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"{name}: got label_smoothing={label_smoothing}, expected a number from 0 to 1"
        )
    shape, logits = logits.shape, _last(name, logits, axis)
    if _is_float(target) and np.shape(target) == shape:
        return _of_probabilities(
            logits, _last(name, target, axis), reduction, weight, label_smoothing
        )
    target, counted = _classes(name, target, logits, ignore_index)
    if weight is None and not label_smoothing:
        loss = softmax_cross_entropy(logits, target=target)
        return _mean_of_counted(_kept(loss, counted), counted, reduction)
    log_p = log_softmax(logits, axis=-1)
    weights = _weights(name, weight, log_p)
    counts = counted * take(weights, target)
    loss = -_picked(log_p, target) * _like(counts, log_p)
    if label_smoothing:
        even = -mean(log_p * _like(weights, log_p), -1)
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return _mean_of_counted(_kept(loss, counted), counts, reduction)


@taking_arrays
def nll_loss(
    log_probabilities: Array,
    target: Any,
    reduction: Reduction = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
    axis: int = -1,
) -> Array:
    """−log of the right class's probability, from logarithms as `minigrad.log_softmax` gives them.

    Arguments and errors as for `cross_entropy`, of which it is the second half.

    Example:
        >>> print(nn.nll_loss(np.log([[0.25, 0.75]]), np.array([0])).round(4))
        1.3863
    """
    name = "nll_loss"
    log_p = _last(name, log_probabilities, axis)
    target, counted = _classes(name, target, log_p, ignore_index)
    counts = counted * take(_weights(name, weight, log_p), target)
    loss = -_picked(log_p, target) * _like(counts, log_p)
    return _mean_of_counted(_kept(loss, counted), counts, reduction)


@taking_arrays
def multi_margin_loss(
    scores: Array,
    target: Any,
    reduction: Reduction = "mean",
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
) -> Array:
    """Σ max(0, margin − score of the right class + score of another)ᵖ over the others, / classes.

    Crammer & Singer 2001, eq. 2.

    Args:
        scores: (…, classes).
        target: (…), integers: the right classes.
        reduction: see `mse_loss`.
        p: 1 or 2.
        margin: by how much the right class should be ahead.
        weight: (classes,), the weight of a target of each class.

    Example:
        >>> print(nn.multi_margin_loss(np.array([[0.5, 0.0]]), np.array([0])))
        0.25
    """
    name = "multi_margin_loss"
    if p not in (1, 2):
        raise ValueError(f"{name}: got p={p}, expected 1 or 2")
    target, _ = _classes(name, target, scores, None)
    weights = _weights(name, weight, scores)
    ahead = relu(margin - np.expand_dims(_picked(scores, target), -1) + scores)
    others = np.arange(scores.shape[-1]) != target[..., None]
    loss = mean(where(others, square(ahead) if p == 2 else ahead, 0), -1)
    return reduced(
        loss if weight is None else loss * _like(take(weights, target), scores), reduction
    )


# Any of several classes


@taking_arrays
def binary_cross_entropy(
    probabilities: Array, target: Array, reduction: Reduction = "mean", *, weight: Any = None
) -> Array:
    """−t log p − (1 − t) log(1 − p), for targets t from 0 to 1; no logarithm is below −100.

    Args:
        probabilities: p; for logits, `binary_cross_entropy_with_logits` is more accurate.
        target: of the same shape.
        reduction: see `mse_loss`.
        weight: that of each entry, broadcast to the shape.

    Raises:
        ValueError: the shapes differ, or a probability or a target is not within 0 and 1.

    Example:
        >>> print(nn.binary_cross_entropy(np.array([0.5]), np.array([1.0])).round(4))
        0.6931
    """
    name = "binary_cross_entropy"
    check_shapes(name, probabilities, target)
    p = raw(probabilities)
    if p.dtype.kind == "f":
        every(~((p < 0) | (p > 1)), lambda p: ValueError(
            f"{name}: got probabilities from {p.min()} to {p.max()}, expected 0 to 1; logits "
            "belong into binary_cross_entropy_with_logits"
        ), p)  # fmt: skip
    t = raw(target)
    if t.dtype.kind in "fiu":
        every((t >= 0) & (t <= 1), lambda t: ValueError(
            f"{name}: got targets from {t.min()} to {t.max()}, expected 0 to 1"
        ), t)  # fmt: skip
    loss = target * _log(probabilities) + (1 - target) * _log(1 - probabilities)
    return reduced(-_weighted(loss, weight), reduction)


@taking_arrays
def binary_cross_entropy_with_logits(
    logits: Array,
    target: Array,
    reduction: Reduction = "mean",
    *,
    weight: Any = None,
    pos_weight: Any = None,
) -> Array:
    """−t log σ(x) − (1 − t) log(1 − σ(x)) = softplus(x) − x t, for targets t from 0 to 1.

    Args:
        logits: x.
        target: of the same shape.
        reduction: see `mse_loss`.
        weight: that of each entry, broadcast to the shape.
        pos_weight: the factor of −log σ(x), broadcast to the shape.

    Raises what `mse_loss` raises.

    Example:
        >>> loss = nn.binary_cross_entropy_with_logits(np.array([0.0, 100.0]), np.array([1.0, 1.0]))
        >>> print(loss.round(4))
        0.3466
    """
    check_shapes("binary_cross_entropy_with_logits", logits, target)
    if pos_weight is None:
        loss = softplus(logits) - logits * target
    else:
        ahead = target * _like(_array(pos_weight), logits)
        loss = ahead * softplus(-logits) + (1 - target) * softplus(logits)
    return reduced(_weighted(loss, weight), reduction)


@taking_arrays
def sigmoid_focal_loss(
    logits: Array,
    target: Array,
    reduction: Reduction = "mean",
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> Array:
    """(1 − p)^γ times the cross-entropy, p the probability of what is right: easy cases count less.

    Lin et al. 2017, eq. 5.

    Args:
        logits: any shape.
        target: of the same shape, from 0 to 1.
        reduction: see `mse_loss`.
        alpha: the weight of a target of 1; one of 0 has 1 − α; if negative, both have 1.
        gamma: γ.

    Example:
        >>> loss = nn.sigmoid_focal_loss(np.zeros(2), np.array([1.0, 0.0]), "none")
        >>> print(loss.round(4))
        [0.0433 0.13  ]
    """
    check_shapes("sigmoid_focal_loss", logits, target)
    wrong = target * sigmoid(-logits) + (1 - target) * sigmoid(logits)
    loss = (softplus(logits) - logits * target) * wrong**gamma
    if alpha >= 0:
        loss = loss * (alpha * target + (1 - alpha) * (1 - target))
    return reduced(loss, reduction)


@taking_arrays
def soft_margin_loss(scores: Array, target: Array, reduction: Reduction = "mean") -> Array:
    """log(1 + e^(−t x)), for targets t of 1 or −1.

    Example:
        >>> print(nn.soft_margin_loss(np.array([0.0]), np.array([1.0])).round(4))
        0.6931
    """
    check_shapes("soft_margin_loss", scores, target)
    return reduced(softplus(-target * scores), reduction)


@taking_arrays
def multilabel_soft_margin_loss(
    logits: Array, target: Array, reduction: Reduction = "mean", *, weight: Any = None
) -> Array:
    """`binary_cross_entropy_with_logits` of each class, its mean over the last axis.

    Args:
        logits: (…, classes).
        target: of the same shape, 1 for each class that is right and 0 for the others.
        reduction: see `mse_loss`.
        weight: (classes,), what each class counts.

    Example:
        >>> print(nn.multilabel_soft_margin_loss(np.zeros((1, 2)), np.eye(2)[:1]).round(4))
        0.6931
    """
    check_shapes("multilabel_soft_margin_loss", logits, target)
    loss = softplus(logits) - logits * target
    return reduced(mean(_weighted(loss, weight), -1), reduction)


@taking_arrays
def multilabel_margin_loss(scores: Array, target: Any, reduction: Reduction = "mean") -> Array:
    """Σ max(0, 1 − score of a right class + score of a wrong one) over all pairs, / classes.

    Args:
        scores: (…, classes).
        target: of the same shape, integers: the right classes, up to the first −1.
        reduction: see `mse_loss`.

    Raises:
        ValueError: the shapes differ, or a target is not a class.
        TypeError: the targets are not integers.

    Example:
        >>> print(nn.multilabel_margin_loss(np.array([[0.5, 0.0]]), np.array([[0, -1]])))
        0.25
    """
    name = "multilabel_margin_loss"
    target = _integers(name, target)
    check_shapes(name, scores, target)
    classes = scores.shape[-1]
    named = np.cumsum(target == -1, axis=-1) == 0
    every(~named | ((target >= -1) & (target < classes)), lambda t: ValueError(
        f"{name}: got targets {t.tolist()}, expected −1 to {classes - 1}"
    ), target)  # fmt: skip
    index = np.where(named, target, 0)
    right = np.zeros(scores.shape, bool)
    for k in range(classes):
        right = right | (np.arange(classes) == index[..., k : k + 1]) & named[..., k : k + 1]
    own = np.expand_dims(take_along_axis(scores, index, -1), -1)
    pairs = named[..., None] & ~right[..., None, :]
    ahead = where(pairs, relu(1 - own + np.expand_dims(scores, -2)), 0)
    return reduced(sum(sum(ahead, -1), -1) / classes, reduction)


# Distributions


@taking_arrays
def kl_div(
    log_prediction: Array,
    target: Array,
    reduction: Literal["mean", "batchmean", "sum", "none"] = "mean",
    *,
    log_target: bool = False,
) -> Array:
    """KL(target ‖ prediction) by entries: t (log t − log_prediction), 0 where t = 0.

    PyTorch's convention: the first argument are *logarithms* of probabilities, the second
    probabilities, or logarithms of them with ``log_target``. Only ``"batchmean"``, the sum over
    the length of the first axis, is the divergence of the definition; ``"mean"`` divides by the
    number of entries.

    Raises what `mse_loss` raises.

    Example:
        >>> share = np.array([0.5, 0.5])
        >>> print(nn.kl_div(np.log(share), share, "sum"))
        0.0
    """
    check_shapes("kl_div", log_prediction, target)
    if log_target:
        loss = exp(target) * (target - log_prediction)
    else:
        loss = target * (log(target + (target == 0)) - log_prediction)
    if reduction == "batchmean":
        return sum(loss) / (loss.shape[0] if loss.ndim else 1)
    return reduced(loss, reduction)


# What they share


def _last(name: str, x: Array, axis: int) -> Array:
    """``x`` with the classes' axis last."""
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{name}: got shape {x.shape}, expected classes along axis {axis}")
    return x if axis in (-1, x.ndim - 1) else moveaxis(x, axis, -1)


def _is_float(target: Any) -> bool:
    kind = getattr(raw(as_array(target)), "dtype", np.dtype(int)).kind
    return kind in "fcO"


def _integers(name: str, target: Any) -> np.ndarray:
    target = as_array(target)
    if target.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: got targets {target.shape} of dtype {target.dtype}, expected integers"
        )
    return target


def _classes(
    name: str, target: Any, logits: Array, ignore_index: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Targets, each a class (0 where it is ignored), and which of them count."""
    target = _integers(name, target)
    if logits.ndim < 1 or target.shape != logits.shape[:-1]:
        second = logits.ndim > 2 and target.shape == (logits.shape[0], *logits.shape[2:])
        hint = "; write axis=1 for classes along the second axis, as in PyTorch" if second else ""
        raise ValueError(
            f"{name}: got logits of shape {logits.shape} and targets of shape {target.shape}, "
            f"expected (…, classes) and (…){hint}"
        )
    counted = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    classes = logits.shape[-1]

    def error(target: np.ndarray) -> Exception:
        wrong = target[((target < 0) | (target >= classes)) & (target != ignore_index)]
        return ValueError(f"{name}: got target {wrong.flat[0]}, expected 0 to {classes - 1}")

    every(~counted | ((target >= 0) & (target < classes)), error, target)
    return np.where(counted, target, 0), counted


def _weights(name: str, weight: Any, x: Array) -> np.ndarray:
    """One number for each class."""
    classes = x.shape[-1]
    if weight is None:
        return np.ones(classes)
    if getattr(weight, "requires_grad", False):
        raise ValueError(
            f"{name}: got class weights that ask for a gradient, and they are constants; hand in "
            "weight.data"
        )
    weight = as_array(weight)
    if weight.shape != (classes,):
        raise ValueError(
            f"{name}: got weights of shape {weight.shape}, expected ({classes},): one per class"
        )
    return weight


def _array(numbers: Any) -> Array:
    """Numbers as an array, and a Tensor as it is, so that it gets a gradient."""
    return numbers if hasattr(numbers, "__array_ufunc__") else np.asarray(numbers)


def _like(numbers: Array, x: Array) -> Array:
    """In the precision of ``x``."""
    return numbers.astype(x.dtype) if x.dtype.kind == "f" else numbers


def _weighted(loss: Array, weight: Any) -> Array:
    return loss if weight is None else loss * _like(_array(weight), loss)


def _log(p: Array) -> Array:
    """Log p, or −100 below e⁻¹⁰⁰."""
    return maximum(log(maximum(p, _LEAST)), -100)


def _picked(x: Array, target: np.ndarray) -> Array:
    return take_along_axis(x, target[..., None], -1)[..., 0]


def _kept(loss: Array, counted: np.ndarray) -> Array:
    return loss if isinstance(counted, np.ndarray) and counted.all() else where(counted, loss, 0)


def _mean_of_counted(loss: Array, counts: np.ndarray, reduction: str) -> Array:
    if reduction != "mean":
        return reduced(loss, reduction)
    total = counts.sum()
    if loss.dtype.kind == "f":
        return sum(loss) / np.where(total == 0, np.nan, total).astype(loss.dtype)
    return sum(loss) / (int(total) if total == int(total) else float(total))


def _of_probabilities(
    logits: Array, target: Array, reduction: str, weight: Any, label_smoothing: float
) -> Array:
    log_p = log_softmax(logits, axis=-1)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / logits.shape[-1]
    terms = log_p * target
    if weight is not None:
        terms = terms * _like(_weights("cross_entropy", weight, log_p), log_p)
    return reduced(-sum(terms, axis=-1), reduction)
