"""Entries before and after each axis of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.calls import constant, joined
from minigrad.primitives.indexing import along, rearranged, scatter
from minigrad.primitives.joining import concatenate
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.reductions import max as max_along
from minigrad.primitives.reductions import min as min_along
from minigrad.primitives.shaping import astype, broadcast_to
from minigrad.primitives.statistics import mean, median

_BY_POSITION = ("edge", "reflect", "symmetric", "wrap")
_BY_VALUE: dict[str, Callable[..., Array]] = {
    "maximum": max_along, "minimum": min_along, "mean": mean, "median": median,
}  # fmt: skip


@implements(np.pad)
def pad(x: Array, pad_width: Any, mode: str = "constant", **options: Any) -> Array:
    """Entries before and after each axis: a constant, or as ``mode`` says.

    Args:
        x: any array.
        pad_width: how many, as for ``np.pad``: one number, (before, after), a pair per axis, or
            a dict of them by axis.
        mode: ``"constant"``, ``"edge"``, ``"reflect"``, ``"symmetric"``, ``"wrap"``,
            ``"linear_ramp"``, ``"maximum"``, ``"minimum"``, ``"mean"``, ``"median"`` or
            ``"empty"``, whose entries are 0.
        options: the mode's own: constant_values, end_values, stat_length, reflect_type.

    Raises:
        ValueError: widths below 0, an unknown mode, or an option that it does not have.

    Example:
        >>> print(mg.pad(np.array([1.0, 2.0]), (1, 2)))
        [0. 1. 2. 0. 0.]
    """
    if not isinstance(mode, str):
        raise TypeError("pad: a function as mode writes into the array, which is recorded: "
                        "compose it of np.concatenate")  # fmt: skip
    filled, options = options, {name: constant(value) for name, value in options.items()}
    # NumPy itself checks the widths, the mode and its options, and puts the positions in place
    places = np.arange(1.0, x.size + 1).reshape(x.shape)
    layout = np.pad(places, pad_width, mode, **options)  # type: ignore[call-overload]
    if mode in _BY_POSITION and options.get("reflect_type", "even") == "even":
        return rearranged(x, lambda places: np.pad(places, pad_width, mode))  # type: ignore[call-overload]
    widths = _widths(pad_width, x)
    if mode in ("constant", "empty"):
        index = tuple(slice(v, v + n) for n, (v, _) in zip(x.shape, widths, strict=True))
        inside = scatter(x, index=index, shape=layout.shape)
        given = filled.get("constant_values", 0)
        if mode == "empty" or (np.isscalar(given) and given == 0):
            return inside
        sides = np.arange(1, 2 * x.ndim + 1).reshape(x.ndim, 2)  # 0 is inside
        which = np.pad(np.zeros(x.shape, int), pad_width, constant_values=sides)
        border = concatenate([[0], _of_sides(given, x)], axis=None)[which]
        return inside + astype(border, dtype=x.dtype)
    if mode not in (*_BY_VALUE, "linear_ramp"):
        raise ValueError(f"pad: no derivative rule for mode {mode!r} with "
                         f"reflect_type={options['reflect_type']!r}")  # fmt: skip
    for axis, (before, after) in enumerate(widths):
        first, last = (_side(x, mode, axis, side, n, filled)
                       for side, n in ((0, before), (1, after)))  # fmt: skip
        x = concatenate([first, x, last], axis=axis)
    return x


def _widths(pad_width: Any, x: Array) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        pairs: list[Any] = [(0, 0)] * x.ndim
        for axis, width in pad_width.items():
            pairs[axis] = np.broadcast_to(width, 2)
    else:
        pairs = list(np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2)))
    return [(int(before), int(after)) for before, after in pairs]


def _side(x: Array, mode: str, axis: int, side: int, width: int, options: dict[str, Any]) -> Array:
    """What stands before (side 0) or after (side 1) an axis."""
    shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
    line = (width,) + (1,) * (x.ndim - axis - 1)
    if mode == "linear_ramp":
        edge = x[along(axis, slice(0, 1) if side == 0 else slice(-1, None), x.ndim)]
        end = astype(_of_sides(options.get("end_values", 0), x)[axis, side], dtype=x.dtype)
        far = np.arange(width) if side == 0 else np.arange(width)[::-1]  # steps from the end
        share = (far / max(width, 1)).reshape(line).astype(x.dtype, copy=False)
        return end * (1 - share) + edge * share
    length = options.get("stat_length")
    count = x.shape[axis] if length is None else int(_of_side(length, x.ndim, axis, side))
    part = slice(None, count) if side == 0 else slice(max(x.shape[axis] - count, 0), None)
    chosen = x[along(axis, part, x.ndim)]
    return broadcast_to(_BY_VALUE[mode](chosen, axis=axis, keepdims=True), shape=shape)


def _of_sides(value: Any, x: Array) -> Array:
    """What was given for each side of each axis."""
    value = joined(value)
    return broadcast_to(value if hasattr(value, "ndim") else np.asarray(value), shape=(x.ndim, 2))


def _of_side(value: Any, ndim: int, axis: int, side: int) -> Any:
    return np.broadcast_to(value, (ndim, 2))[axis, side]
