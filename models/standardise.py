"""Inputs brought to mean 0 and spread 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn import Module, Parameter
from minigrad.primitives.primitive import Array


class Standardise(Module):
    """(x − mean) / spread; both are kept with the weights, and never learned.

    Args:
        size: number of columns.

    Shapes:
        x (…, size) → the same.
    """

    def __init__(self, size: int) -> None:
        self.mean = Parameter(np.zeros(size, np.float32))
        self.spread = Parameter(np.ones(size, np.float32))
        self.freeze()

    def fit(self, known: np.ndarray) -> Standardise:
        """Take mean and spread of the columns of these, (…, size); a constant one stays 0."""
        rows = known.reshape(-1, known.shape[-1])
        self.mean.data = rows.mean(0, dtype=float).astype(np.float32)
        self.spread.data = rows.std(0, dtype=float).astype(np.float32)
        self.spread.data[self.spread.data == 0] = 1
        return self

    def forward(self, x: Array) -> Array:
        """The standardised columns."""
        return (x - self.mean.data) / self.spread.data

    def undo(self, y: Any) -> Array:
        """The other way round."""
        return y * self.spread.data + self.mean.data
