"""Layers that set some of their input to 0 in training, so that no unit relies on another."""

from __future__ import annotations

import numpy as np

from minigrad.nn.module import Module, Seed
from minigrad.primitives.primitive import Array


class Dropout(Module):
    """In training, each entry is 0 with probability p, else divided by 1 − p.

    The expectation stays, so that in `eval` mode nothing is done (Srivastava et al. 2014,
    section 10, "inverted").

    Args:
        p: probability of 0.
        inplace: changes nothing: no input is ever written into.
        rng: seed or generator of the choices; the module keeps a generator of its own.

    Raises:
        ValueError: p is not within 0 and 1.

    Example:
        >>> dropout = nn.Dropout(0.5, rng=0)
        >>> sorted({float(x) for x in dropout(np.ones(100))})
        [0.0, 2.0]
        >>> print(dropout.eval()(np.ones(3)))
        [1. 1. 1.]
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: Seed = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: got p={p!r}, expected 0 ≤ p ≤ 1")
        self.p = p
        self._rng = np.random.default_rng(rng)

    def forward(self, x: Array) -> Array:
        """``x`` with some entries 0 in training, ``x`` itself otherwise."""
        if not self.training or self.p == 0:
            return x
        return dropped(x, self._rng.random(self.drawn(x.shape)), self.p)

    def drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What is drawn for an input of this shape, before it is broadcast."""
        return shape

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Dropout1d(Dropout):
    """As `Dropout`, a whole channel at a time (Tompson et al. 2015, section 3.2).

    Shapes:
        x (batch, channels, length), or without the batch.

    Example:
        >>> x = nn.Dropout1d(0.5, rng=0)(np.ones((1, 4, 3)))
        >>> print(x[0, :, 0] == x[0, :, 1])
        [ True  True  True  True]
    """

    axes = 1

    def drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One number for each channel."""
        if len(shape) not in (self.axes + 1, self.axes + 2):
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {shape}, expected (batch, channels) "
                f"and {self.axes} more, or without the batch"
            )
        return (*shape[: -self.axes], *(1,) * self.axes)


class Dropout2d(Dropout1d):
    """As `Dropout1d`, for images (batch, channels, height, width).

    Example:
        >>> nn.Dropout2d(0.5)(np.ones((2, 4, 3, 3))).shape
        (2, 4, 3, 3)
    """

    axes = 2


class Dropout3d(Dropout1d):
    """As `Dropout1d`, for volumes (batch, channels, depth, height, width).

    Example:
        >>> nn.Dropout3d(0.5)(np.ones((2, 4, 3, 3, 3))).shape
        (2, 4, 3, 3, 3)
    """

    axes = 3


def dropped(x: Array, draws: np.ndarray, p: float) -> Array:
    """``x`` with 0 where a draw from 0 to 1 is below p, and divided by 1 − p elsewhere."""
    kept = (draws >= p) / (1 - p) if p < 1 else np.zeros(draws.shape)
    return x * (kept.astype(x.dtype) if x.dtype.kind == "f" else kept)
