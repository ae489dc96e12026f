"""Checks of values, in any world: where values are not known yet, the check is made later.

A shape is known wherever a function runs. A value is not: while a function is compiled
(`minigrad.jit`), arrays stand for others. What depends on values is asked of `every`, and not in
an ``if``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array


def every(condition: Array, error: Callable[..., Exception], *arrays: Array) -> None:
    """Refuse arrays of which a condition does not hold in every entry.

    Args:
        condition: booleans.
        error: makes the exception to raise, given the arrays as they are when it is raised.
        arrays: what the message speaks of.

    Example:
        >>> from minigrad.primitives.checks import every
        >>> target = np.array([0, 7])
        >>> every(target < 9, lambda t: ValueError(f"got target {t.max()}"), target)
    """
    later = getattr(condition, "__check__", None)
    if later is not None:
        later(error, arrays)
    elif not np.all(condition):
        raise error(*arrays)


def check_cast(name: str, x: Array, dtype: Any) -> None:
    """Refuse numbers that an array of another dtype would cut off or let wrap around.

    Raises:
        TypeError: fractions for integers, or complex numbers for real ones.
        OverflowError: integers that are too large.

    Example:
        >>> from minigrad.primitives.checks import check_cast
        >>> check_cast("assignment", np.array([1, 2]), np.dtype(np.uint8))
    """
    if (x.dtype.kind in "fc" and dtype.kind in "biu") or (
        x.dtype.kind == "c" and dtype.kind == "f"
    ):
        raise TypeError(
            f"{name} of {x.dtype} into an array of {dtype}, which would cut the numbers off: "
            f"make it with dtype={x.dtype}, or convert the value with .astype"
        )
    if x.dtype.kind in "iu" and dtype.kind in "iu" and np.any(x != x.astype(dtype)):
        raise OverflowError(
            f"{name} of {x.dtype} into an array of {dtype}, which does not hold {np.min(x)} to "
            f"{np.max(x)}: make it with dtype={x.dtype}"
        )


def as_array(x: Any) -> Array:
    """An array of any world as it is, anything else as NumPy's; a Tensor as the array in it.

    Example:
        >>> from minigrad.primitives.checks import as_array
        >>> as_array([1, 2])
        array([1, 2])
    """
    x = x.data if hasattr(x, "parents") else x
    return x if hasattr(x, "__array_ufunc__") else np.asarray(x)


def beside(x: Array, other: Array) -> Array:
    """A plain array as one of the world of another array, which is going to be its index.

    Example:
        >>> from minigrad.primitives.checks import beside
        >>> beside(np.array([5, 7]), np.array([1]))[np.array([1])]
        array([7])
    """
    lift = getattr(other, "__beside__", None)
    return lift(x) if lift is not None and isinstance(x, np.ndarray) else x


def is_plain(x: Any) -> bool:
    """Whether it is NumPy's own array, or stands for one while a function is compiled.

    Example:
        >>> from minigrad.primitives.checks import is_plain
        >>> is_plain(np.ones(2)), is_plain(mg.Tensor(np.ones(2)))
        (True, False)
    """
    return type(x) is np.ndarray or hasattr(x, "__check__")
