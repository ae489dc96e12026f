"""Numbers in even steps from one to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.calls import constant
from minigrad.primitives.indexing import where
from minigrad.primitives.powers import power
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.rounding import floor
from minigrad.primitives.shaping import astype, broadcast_arrays, expand_dims, moveaxis


def _shares(num: int, endpoint: bool) -> np.ndarray:
    """How far each of the numbers is from the first to the last."""
    if num < 0:
        raise ValueError(f"linspace: got num={num}, expected 0 or more")
    return np.arange(num) / max(num - 1 if endpoint else num, 1)


def _between(
    start: Array, stop: Array, num: int, endpoint: bool, least: Any = 1.0
) -> tuple[Array, Array, Array]:
    """Both ends, and the shares, along a new first axis."""
    kinds = [x.dtype if hasattr(x, "dtype") else x for x in (start, stop)]  # numbers are weak
    dtype = np.result_type(*kinds, least)
    start, stop = broadcast_arrays(start, stop)
    shares = _shares(num, endpoint).reshape((-1,) + (1,) * start.ndim).astype(dtype)
    start, stop = (x if x.dtype == dtype else astype(x, dtype=dtype) for x in (start, stop))
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
    y = where(shares == 1, last, first + (last - first) * shares)  # the last is exact
    if dtype is not None and np.dtype(dtype).kind in "iu":
        y = floor(y)
    y = _done(y, dtype, axis)
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
    exponents = where(shares == 1, last, first + (last - first) * shares)
    return _done(power(base, exponents), dtype, axis)


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
    if np.any(constant(start) == 0) or np.any(constant(stop) == 0):
        raise ValueError("geomspace: got 0 at an end, from which no factor leads on")
    first, last, shares = _between(start, stop, num, endpoint, np.float64)
    inside = where(shares == 1, last, first * (last / first) ** shares)
    return _done(where(shares == 0, first, inside), dtype, axis)
