"""Reductions that leave NaN out, and numbers in its place."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.axes import Axes
from minigrad.primitives.calls import constant, fixed
from minigrad.primitives.indexing import where as choose
from minigrad.primitives.pieces import isnan
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.reductions import cumprod
from minigrad.primitives.statistics import mean, std, var


@implements(np.nan_to_num)
def nan_to_num(
    x: Array, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
    neginf: float | None = None,
) -> Array:  # fmt: skip
    """Numbers in place of NaN and of infinite entries, where the derivative is 0.

    Args:
        x: any array.
        copy: accepted as in NumPy; nothing is overwritten.
        nan: in place of NaN.
        posinf: in place of ∞; the largest number there is if ``None``.
        neginf: in place of −∞; the smallest one if ``None``.

    Example:
        >>> print(mg.nan_to_num(np.array([1.0, np.nan])))
        [1. 0.]
    """
    numbers = constant(x)
    given = {"nan": nan, "posinf": posinf, "neginf": neginf}
    instead: dict[str, Any] = {name: fixed(x, "nan_to_num", name) for name, x in given.items()}
    clean = np.nan_to_num(numbers, **instead)
    return choose(np.isfinite(numbers), x, clean)


def _without(x: Array, where: Any = True) -> Any:
    """Which entries count: those that are numbers."""
    return ~isnan(x) & (True if where is True else np.asarray(constant(where)))


@implements(np.nansum)
def nansum(
    x: Array, axis: Axes = None, dtype: Any = None, keepdims: bool = False,
    initial: Array | None = None, where: Any = True,
) -> Array:  # fmt: skip
    """Sum along ``axis`` of the entries that are not NaN.

    Example:
        >>> print(mg.nansum(np.array([1.0, np.nan])), mg.grad(mg.nansum)(np.array([1.0, np.nan])))
        1.0 [1. 0.]
    """
    return np.sum(choose(isnan(x), 0, x), **_given(axis, dtype, keepdims, initial, where))


@implements(np.nanprod)
def nanprod(
    x: Array, axis: Axes = None, dtype: Any = None, keepdims: bool = False,
    initial: Array | None = None, where: Any = True,
) -> Array:  # fmt: skip
    """Product along ``axis`` of the entries that are not NaN.

    Example:
        >>> print(mg.nanprod(np.array([3.0, np.nan])))
        3.0
    """
    return np.prod(choose(isnan(x), 1, x), **_given(axis, dtype, keepdims, initial, where))


def _given(
    axis: Axes, dtype: Any, keepdims: bool, initial: Array | None, where: Any
) -> dict[str, Any]:
    given = {"axis": axis, "dtype": dtype, "keepdims": keepdims, "where": where}
    return given if initial is None else {**given, "initial": initial}


@implements(np.nancumsum)
def nancumsum(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """As `cumsum`, with 0 in place of NaN.

    Example:
        >>> print(mg.nancumsum(np.array([1.0, np.nan, 2.0])))
        [1. 1. 3.]
    """
    return np.cumsum(choose(isnan(x), 0, x), axis, dtype)


@implements(np.nancumprod)
def nancumprod(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """As `cumprod`, with 1 in place of NaN.

    Example:
        >>> print(mg.nancumprod(np.array([3.0, np.nan, 2.0])))
        [3. 3. 6.]
    """
    return cumprod(choose(isnan(x), 1, x), axis, dtype)


@implements(np.nanmean)
def nanmean(
    x: Array, axis: Axes = None, dtype: Any = None, keepdims: bool = False, *, where: Any = True
) -> Array:
    """Mean along ``axis`` of the entries that are not NaN.

    Example:
        >>> print(mg.nanmean(np.array([1.0, np.nan, 3.0])))
        2.0
    """
    axis = _checked("nanmean", x, axis, dtype)
    return mean(x, axis, dtype, keepdims, where=_without(x, where))


@implements(np.nanvar)
def nanvar(
    x: Array, axis: Axes = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Array | None = None, correction: float = 0,
) -> Array:  # fmt: skip
    """Variance along ``axis`` of the entries that are not NaN: see `var`.

    Example:
        >>> print(mg.nanvar(np.array([1.0, np.nan, 3.0])))
        1.0
    """
    axis = _checked("nanvar", x, axis, dtype)
    y = var(x, axis, dtype, ddof, keepdims, where=_without(x, where), mean=mean,
            correction=correction)  # fmt: skip
    return choose(np.isinf(constant(y)), np.nan, y) if x.dtype.kind in "fc" else y


@implements(np.nanstd)
def nanstd(
    x: Array, axis: Axes = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Array | None = None, correction: float = 0,
) -> Array:  # fmt: skip
    """Standard deviation along ``axis`` of the entries that are not NaN: see `std`.

    Example:
        >>> print(mg.nanstd(np.array([1.0, np.nan, 3.0])))
        1.0
    """
    axis = _checked("nanstd", x, axis, dtype)
    y = std(x, axis, dtype, ddof, keepdims, where=_without(x, where), mean=mean,
            correction=correction)  # fmt: skip
    return choose(np.isinf(constant(y)), np.nan, y) if x.dtype.kind in "fc" else y


def _checked(name: str, x: Array, axis: Axes, dtype: Any) -> Axes:
    """The axes to average along: a number counts as a line of one entry."""
    if dtype is not None and x.dtype.kind in "fc" and np.dtype(dtype).kind not in "fc":
        raise TypeError(f"{name}: got dtype={np.dtype(dtype)} for {x.dtype}, expected a float")
    return None if x.ndim == 0 and axis in (0, -1) else axis


@implements(np.nanmax)
def nanmax(
    x: Array, axis: Axes = None, keepdims: bool = False, initial: Array | None = None,
    where: Any = True,
) -> Array:  # fmt: skip
    """The largest entry along ``axis`` that is not NaN; NaN, with a warning, if there is none.

    Example:
        >>> print(mg.nanmax(np.array([1.0, np.nan])))
        1.0
    """
    return _extreme(np.max, -np.inf, x, axis, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(
    x: Array, axis: Axes = None, keepdims: bool = False, initial: Array | None = None,
    where: Any = True,
) -> Array:  # fmt: skip
    """The smallest entry along ``axis`` that is not NaN; NaN, with a warning, if there is none.

    Example:
        >>> print(mg.nanmin(np.array([1.0, np.nan])))
        1.0
    """
    return _extreme(np.min, np.inf, x, axis, keepdims, initial, where)


def _extreme(
    of: Callable[..., Array], last: float, x: Array, axis: Axes, keepdims: bool,
    initial: Array | None, where: Any,
) -> Array:  # fmt: skip
    start = {} if initial is None and where is True else {"initial": initial, "where": where}
    if x.dtype.kind not in "fc":
        return of(x, axis=axis, keepdims=keepdims, **start)
    y = of(choose(isnan(x), last, x), axis=axis, keepdims=keepdims, **start)
    nothing = np.all(np.broadcast_to(isnan(x), x.shape), axis=axis, keepdims=keepdims)  # type: ignore[arg-type]
    if initial is None and np.any(nothing):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=4)
        y = choose(nothing, np.nan, y)
    return y
