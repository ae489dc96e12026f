"""Losses of numbers: how far a prediction is from its target."""

from __future__ import annotations

import math

from minigrad.boundary import taking_arrays
from minigrad.nn.losses.reduction import Reduction, check_positive, check_shapes, reduced
from minigrad.primitives import absolute, exp, log, maximum, minimum, square, where
from minigrad.primitives.checks import every
from minigrad.primitives.primitive import Array
from minigrad.tensor import raw


@taking_arrays
def mse_loss(prediction: Array, target: Array, reduction: Reduction = "mean") -> Array:
    """Squared error, its mean over all entries.

    Raises:
        ValueError: the shapes differ, or the reduction is none of the three.

    Example:
        >>> print(nn.mse_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
        2.5
    """
    check_shapes("mse_loss", prediction, target)
    return reduced(square(prediction - target), reduction)


@taking_arrays
def l1_loss(prediction: Array, target: Array, reduction: Reduction = "mean") -> Array:
    """Absolute error, its mean over all entries (MAE); errors as for `mse_loss`.

    Example:
        >>> print(nn.l1_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
        1.5
    """
    check_shapes("l1_loss", prediction, target)
    return reduced(absolute(prediction - target), reduction)


@taking_arrays
def huber_loss(
    prediction: Array, target: Array, reduction: Reduction = "mean", *, delta: float = 1.0
) -> Array:
    """Half the square of errors e up to δ, δ (|e| − δ/2) beyond (Huber 1964, p. 75).

    Raises:
        ValueError: the shapes differ, the reduction is none of the three, or δ ≤ 0.

    Example:
        >>> print(nn.huber_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]), "none"))
        [0.125 2.5  ]
    """
    check_shapes("huber_loss", prediction, target)
    check_positive("huber_loss", delta=delta)
    error = absolute(prediction - target)
    near = minimum(error, delta)
    return reduced(near * (error - near / 2), reduction)


@taking_arrays
def smooth_l1_loss(
    prediction: Array, target: Array, reduction: Reduction = "mean", *, beta: float = 1.0
) -> Array:
    """`huber_loss` over β (Girshick 2015, eq. 3); for β = 0 it is `l1_loss`.

    Raises:
        ValueError: the shapes differ, the reduction is none of the three, or β < 0.

    Example:
        >>> print(nn.smooth_l1_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]), "none"))
        [0.125 2.5  ]
    """
    check_shapes("smooth_l1_loss", prediction, target)
    if beta == 0:
        return l1_loss(prediction, target, reduction)
    check_positive("smooth_l1_loss", beta=beta)
    return huber_loss(prediction, target, reduction, delta=beta) / beta


@taking_arrays
def poisson_nll_loss(
    prediction: Array,
    target: Array,
    reduction: Reduction = "mean",
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
) -> Array:
    """−log of the probability of a count t under a Poisson distribution, without log t!.

    Args:
        prediction: log of the rate, or the rate itself.
        target: counts.
        reduction: see `mse_loss`.
        log_input: whether the prediction is a logarithm.
        full: whether Stirling's approximation of log t! is added, for t > 1.
        eps: added to a rate before its logarithm is taken.

    Example:
        >>> print(nn.poisson_nll_loss(np.array([0.0]), np.array([3.0])))
        1.0
    """
    check_shapes("poisson_nll_loss", prediction, target)
    if log_input:
        loss = exp(prediction) - target * prediction
    else:
        loss = prediction - target * log(prediction + eps)
    if full:
        many = target > 1
        t = where(many, target, 1)
        stirling = t * log(t) - t + 0.5 * log(2 * math.pi * t)
        loss = loss + where(many, stirling, 0)
    return reduced(loss, reduction)


@taking_arrays
def gaussian_nll_loss(
    prediction: Array,
    target: Array,
    variance: Array,
    reduction: Reduction = "mean",
    *,
    full: bool = False,
    eps: float = 1e-6,
) -> Array:
    """½ (log v + (x − t)² / v): −log of a normal density (Nix & Weigend 1994, eq. 2).

    Args:
        prediction: x, the mean.
        target: t.
        variance: v, of a shape that broadcasts to the prediction's, or without its last axis.
        reduction: see `mse_loss`.
        full: whether the constant ½ log 2π is added.
        eps: the smallest v that is taken.

    Raises:
        ValueError: the shapes do not fit, a variance is negative, or eps ≤ 0.

    Example:
        >>> x, t, v = np.zeros(2), np.ones(2), np.ones(2)
        >>> print(nn.gaussian_nll_loss(x, t, v))
        0.5
    """
    check_shapes("gaussian_nll_loss", prediction, target)
    check_positive("gaussian_nll_loss", eps=eps)
    shape = prediction.shape
    if variance.shape == shape[:-1] != shape:
        variance = variance[..., None]
    fits = len(variance.shape) == len(shape) and all(
        a in (1, b) for a, b in zip(variance.shape, shape, strict=True)
    )
    if not fits and variance.shape != ():
        raise ValueError(
            f"gaussian_nll_loss: got variances {variance.shape} for a prediction {shape}, expected "
            f"the same, some lengths 1, or {shape[:-1]}"
        )
    values = raw(variance)
    if values.dtype.kind == "f":
        every(~(values < 0), lambda: ValueError("gaussian_nll_loss: got a negative variance"))
    v = maximum(variance, eps)
    loss = 0.5 * (log(v) + square(prediction - target) / v)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
