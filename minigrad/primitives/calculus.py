"""Differences, slopes, integrals and interpolation of values on a grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.arithmetic import remainder
from minigrad.primitives.axes import Axes, axes_of, axis_of
from minigrad.primitives.calls import constant, fixed
from minigrad.primitives.indexing import along, values
from minigrad.primitives.indexing import where as choose
from minigrad.primitives.joining import concatenate
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.reductions import sum as sum_along
from minigrad.primitives.shaping import astype, broadcast_to, ravel, reshape


@implements(np.diff)
def diff(
    x: Array, n: int = 1, axis: int = -1, prepend: Array | None = None, append: Array | None = None
) -> Array:
    """Differences of neighbours along ``axis``, taken ``n`` times.

    Args:
        x: any array.
        n: how often.
        axis: along which.
        prepend: put in front first: an array, or a number.
        append: put behind first.

    Example:
        >>> print(mg.diff(np.array([1.0, 4.0, 9.0])), mg.diff(np.array([1.0, 4.0, 9.0]), n=2))
        [3. 5.] [2.]
    """
    if n < 0:
        raise ValueError(f"diff: got n={n}, expected 0 or more")
    if n == 0:
        return x
    if x.ndim == 0:
        raise ValueError("diff: got a number, expected one axis or more")
    axis = axis_of(axis, x.ndim)
    parts = [_end(part, x, axis) if part is not x else part
             for part in (prepend, x, append) if part is not None]  # fmt: skip
    x = concatenate(parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        after, before = _neighbours(x, axis)
        x = after != before if x.dtype == bool else after - before
    return x


def _end(part: Array, x: Array, axis: int) -> Array:
    if np.ndim(part):
        return part
    part = part if hasattr(part, "ndim") else np.asarray(part)
    return broadcast_to(part, shape=(*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def _neighbours(x: Array, axis: int) -> tuple[Array, Array]:
    """All entries but the first along ``axis``, and all but the last."""
    return x[along(axis, slice(1, None), x.ndim)], x[along(axis, slice(-1), x.ndim)]


@implements(np.ediff1d)
def ediff1d(x: Array, to_end: Array | None = None, to_begin: Array | None = None) -> Array:
    """Differences of neighbours among all entries, with others in front and behind.

    Example:
        >>> print(mg.ediff1d(np.array([1.0, 4.0, 9.0]), to_end=0.0))
        [3. 5. 0.]
    """
    ends = []
    for name, end in (("to_begin", to_begin), ("to_end", to_end)):
        end = np.zeros(0) if end is None else end if hasattr(end, "ndim") else np.asarray(end)
        if end.size and not np.can_cast(end.dtype, x.dtype, "same_kind"):
            raise TypeError(f"ediff1d: got {name} of {end.dtype} for {x.dtype}, which it cannot be")
        ends.append(ravel(astype(end, dtype=x.dtype)))
    return concatenate([ends[0], diff(ravel(x)), ends[1]], axis=0)


@implements(np.trapezoid)
def trapezoid(y: Array, x: Array | None = None, dx: Array = 1.0, axis: int = -1) -> Array:
    """The integral of values along ``axis`` by the trapezoidal rule.

    Args:
        y: the values.
        x: where they are; ``dx`` apart if ``None``.
        dx: their distance.
        axis: along which.

    Example:
        >>> print(mg.trapezoid(np.array([1.0, 2.0, 3.0])))
        4.0
    """
    axis = axis_of(axis, y.ndim)
    after, before = _neighbours(y, axis)
    if x is not None:
        dx = diff(x, axis=axis if x.ndim > 1 else -1)
        if x.ndim == 1:
            dx = reshape(dx, shape=(-1,) + (1,) * (y.ndim - axis - 1))
    return sum_along(dx * (after + before) / 2.0, axis=axis)


@implements(np.gradient)
def gradient(f: Array, *varargs: Any, axis: Axes = None, edge_order: int = 1) -> Any:
    """Slopes of values on a grid: central differences inside, one-sided ones at both ends.

    Args:
        f: the values.
        varargs: the spacing: nothing for 1; one number for all axes; or for each axis a number
            or the coordinates.
        axis: along which; all if ``None``.
        edge_order: 1 or 2, of the differences at the ends.

    Returns:
        An array like ``f``, or a tuple of one per axis.

    Raises:
        TypeError: as many spacings as there are axes are expected, or one.
        ValueError: too few values for the order, or coordinates that do not fit.

    Example:
        >>> print(mg.gradient(np.array([1.0, 4.0, 9.0, 16.0])))
        [3. 4. 6. 7.]
    """
    axes = axes_of(axis, f.ndim)
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: got edge_order={edge_order}, expected 1 or 2")
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError(f"gradient: got {len(varargs)} spacings for {len(axes)} axes")
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        varargs = varargs * len(axes)
    elif len(varargs) != len(axes):
        if varargs:
            raise TypeError(f"gradient: got {len(varargs)} spacings for {len(axes)} axes")
        varargs = (1.0,) * len(axes)
    slopes = tuple(
        _slope(f, spacing, a, edge_order) for a, spacing in zip(axes, varargs, strict=True)
    )
    if f.dtype.kind in "fc":
        slopes = tuple(s if s.dtype == f.dtype else astype(s, dtype=f.dtype) for s in slopes)
    return slopes[0] if len(axes) == 1 else slopes


def _slope(f: Array, spacing: Any, axis: int, edge_order: int) -> Array:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"gradient: got {n} values along axis {axis}, expected "
                         f"{edge_order + 1} or more")  # fmt: skip
    if np.ndim(spacing) == 0:
        steps: Any = [spacing] * 2
        left = right = spacing
        even = True
    else:
        x = spacing if hasattr(spacing, "ndim") else np.asarray(spacing)
        if x.ndim != 1 or x.shape[0] != n:
            raise ValueError(f"gradient: got coordinates {x.shape} for {n} values, expected "
                             "one each")  # fmt: skip
        steps = diff(x)
        even = bool(np.all(constant(steps) == constant(steps)[0]))
        steps = steps[:1] if even else steps
        line = (-1,) + (1,) * (f.ndim - axis - 1)
        if even:
            left = right = steps[0]
        else:
            left, right = reshape(steps[:-1], shape=line), reshape(steps[1:], shape=line)

    def at(part: Any) -> Array:
        return f[along(axis, part, f.ndim)]

    before, here, after = at(slice(0, -2)), at(slice(1, -1)), at(slice(2, None))
    if even:
        inside = (after - before) / (2.0 * left)
    else:
        inside = (
            before * (-right / (left * (left + right)))
            + here * ((right - left) / (left * right))
            + after * (left / (right * (left + right)))
        )
    ends = []
    for side in (0, 1):  # from the front, and from the back with the steps turned round
        near, next_, third = ((slice(0, 1), slice(1, 2), slice(2, 3)) if side == 0
                              else (slice(-1, None), slice(-2, -1), slice(-3, -2)))  # fmt: skip
        sign = 1.0 if side == 0 else -1.0
        h1 = left if even else steps[0 if side == 0 else -1]
        if edge_order == 1:
            ends.append((at(next_) - at(near)) * sign / h1)
            continue
        h2 = h1 if even else steps[1 if side == 0 else -2]
        ends.append(sign * (
            at(near) * (-(2.0 * h1 + h2) / (h1 * (h1 + h2)))
            + at(next_) * ((h1 + h2) / (h1 * h2))
            + at(third) * (-h1 / (h2 * (h1 + h2)))
        ))  # fmt: skip
    return concatenate([ends[0], inside, ends[1]], axis=axis)


@implements(np.interp)
def interp(
    x: Array, xp: Array, fp: Array, left: Array | None = None, right: Array | None = None,
    period: float | None = None,
) -> Array:  # fmt: skip
    """The broken line through the points (xp, fp), at ``x``.

    Args:
        x: where.
        xp: the points' first coordinates, rising.
        fp: the second ones.
        left: the value before the first point; its own if ``None``.
        right: the value behind the last point.
        period: after which it repeats, ``xp`` then in any order.

    On a point the derivative is that of the piece to its right.

    Example:
        >>> print(mg.interp(1.5, np.array([1.0, 2.0]), np.array([10.0, 20.0])))
        15.0
    """
    x, xp, fp = (a if hasattr(a, "ndim") else np.asarray(a) for a in (x, xp, fp))
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(f"interp: got points {xp.shape} and {fp.shape}, expected two vectors of "
                         "one length")  # fmt: skip
    if period is not None:
        if period == 0:
            raise ValueError("interp: got period=0, expected another")
        period, left, right = abs(period), None, None
        x, xp = remainder(x, period), remainder(xp, period)
        order = np.argsort(values(xp))
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period], axis=0)
        fp = concatenate([fp[-1:], fp, fp[:1]], axis=0)
    numbers, points = values(x), values(xp)
    k = np.clip(np.searchsorted(points, numbers, side="right") - 1, 0, max(len(points) - 2, 0))
    if len(points) == 1:
        y = fp[k] + x * 0
    else:
        width = xp[k + 1] - xp[k]
        y = fp[k] + (fp[k + 1] - fp[k]) / width * (x - xp[k])
    y = choose(numbers > points[-1], fp[-1] if right is None else right, y)
    return choose(numbers < points[0], fp[0] if left is None else left, y)


@implements(np.unwrap)
def unwrap(
    p: Array, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> Array:
    """Angles without their jumps: whole periods are added where neighbours differ by more.

    What is added is a constant, so the derivative is 1.

    Example:
        >>> print(mg.unwrap(np.array([0.0, 3.0, 6.0, 3.0]), period=4.0))
        [ 0. -1. -2. -1.]
    """
    numbers = values(p)
    discont, period = fixed(discont, "unwrap", "discont"), fixed(period, "unwrap", "period")
    return p + (np.unwrap(numbers, discont, axis, period=period) - numbers)
