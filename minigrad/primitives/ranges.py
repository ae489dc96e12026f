"""Numbers in even steps from one to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.powers import power
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.shaping import astype, broadcast_arrays, expand_dims, moveaxis


def _shares(num: int, endpoint: bool) -> np.ndarray:
    """How far each of the numbers is from the first to the last."""
    if num < 0:
        raise ValueError(f"linspace: got num={num}, expected 0 or more")
    return np.arange(num) / max(num - 1 if endpoint else num, 1)


def _between(start: Array, stop: Array, num: int, endpoint: bool) -> tuple[Array, Array, Array]:
    """Both ends, and the shares, along a new first axis."""
    start, stop = broadcast_arrays(start, stop)
    shares = _shares(num, endpoint).reshape((-1,) + (1,) * start.ndim)
    return expand_dims(start, 0), expand_dims(stop, 0), shares


def _done(y: Array, dtype: Any, axis: int) -> Array:
    y = moveaxis(y, 0, axis)
    return y if dtype is None else astype(y, dtype=np.dtype(dtype))


@implements(np.linspace)
def linspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """``num`` numbers in even steps, and the step if ``retstep``.

    Example:
        >>> print(mg.linspace(0.0, 1.0, 3))
        [0.  0.5 1. ]
    """
    first, last, shares = _between(start, stop, num, endpoint)
    y = _done(first + (last - first) * shares, dtype, axis)
    steps = num - 1 if endpoint else num
    return (y, (stop - start) / steps if steps > 0 else np.nan) if retstep else y


@implements(np.logspace)
def logspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, base: Array = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Array:  # fmt: skip
    """The powers of ``base`` with exponents in even steps.

    Example:
        >>> print(mg.logspace(0.0, 2.0, 3))
        [  1.  10. 100.]
    """
    first, last, shares = _between(start, stop, num, endpoint)
    base = expand_dims(base, 0) if np.ndim(base) else base
    return _done(power(base, first + (last - first) * shares), dtype, axis)


@implements(np.geomspace)
def geomspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, dtype: Any = None,
    axis: int = 0,
) -> Array:  # fmt: skip
    """``num`` numbers, each the same multiple of the one before.

    Example:
        >>> print(mg.geomspace(1.0, 100.0, 3))
        [  1.  10. 100.]
    """
    first, last, shares = _between(start, stop, num, endpoint)
    return _done(first * (last / first) ** shares, dtype, axis)
