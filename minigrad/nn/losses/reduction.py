"""What all losses share: how many numbers become one, and a check of shapes.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``, as in PyTorch; the shapes of prediction and
target must be the same, because broadcasting hides mistakes here.
"""

from __future__ import annotations

from typing import Literal

from minigrad.primitives import mean, sum
from minigrad.primitives.primitive import Array

Reduction = Literal["mean", "sum", "none"]


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


def check_shapes(name: str, prediction: Array, target: Array) -> None:
    """Refuse a target of another shape."""
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name}: got a prediction of shape {prediction.shape} and a target of shape "
            f"{target.shape}, expected the same"
        )


def check_positive(name: str, **settings: float) -> None:
    """Refuse settings that are not positive."""
    for what, value in settings.items():
        if not value > 0:
            raise ValueError(f"{name}: got {what}={value}, expected a positive number")
