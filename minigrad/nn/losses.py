"""Losses: a single number that says how far a prediction is from its target."""

from __future__ import annotations

from minigrad.primitives import mean, square
from minigrad.primitives.primitive import Array


def mse_loss(prediction: Array, target: Array) -> Array:
    """Mean squared error, over all entries.

    Raises:
        ValueError: the shapes differ (broadcasting here hides mistakes).
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"mse_loss: got a prediction of shape {prediction.shape} and a target of shape "
            f"{target.shape}, expected the same"
        )
    return mean(square(prediction - target))
