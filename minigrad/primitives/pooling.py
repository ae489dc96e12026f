"""Pooling over the last one to three axes: the largest entry of each window, or their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from minigrad.primitives.calls import plain_dtype
from minigrad.primitives.convolution import (
    Size,
    check_reach,
    each,
    extent,
    overlap_add,
    windows,
)
from minigrad.primitives.indexing import take
from minigrad.primitives.padding import pad
from minigrad.primitives.primitive import Array, fused, sample
from minigrad.primitives.reductions import max as maximum_along
from minigrad.primitives.reductions import sum as sum_along
from minigrad.primitives.shaping import moveaxis, reshape
from minigrad.primitives.statistics import mean


def _largest(
    x: Array, *, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...] = ()
) -> Array:
    """Entry of the kernel against entry: few long operations instead of many short ones."""
    first, *rest = _parts(x, size, stride, dilation)
    return reduce(np.maximum, rest, first + 0)


def _largest_cotangent(
    g: Array,
    y: Array,
    x: Array,
    *,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] = (),
) -> Array:
    one = np.ones((), dtype=plain_dtype(g))  # keeps float32
    reached = [(part == y) * one for part in _parts(x, size, stride, dilation)]
    share = g / reduce(np.add, reached)
    shares = np.stack([share * r for r in reached], axis=-len(size) - 1)
    columns = reshape(shares, shape=(*x.shape[: -len(size)], *size, *y.shape[-len(size) :]))
    return overlap_add(columns, shape=x.shape[-len(size) :], stride=stride, dilation=dilation)


def _parts(
    x: Array, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> list[Array]:
    """What each entry of the kernel sees of ``x``."""
    view = windows(x, size=size, stride=stride, dilation=dilation)
    rest = (slice(None),) * len(size)
    return [view[(Ellipsis, *offset, *rest)] for offset in product(*map(range, size))]


max_pool = fused(
    "max_pool", _largest,
    vjps=(_largest_cotangent,),
    reference=lambda x, *, size, stride, dilation=(): maximum_along(
        windows(x, size=size, stride=stride, dilation=dilation),
        axis=tuple(range(-2 * len(size), -len(size)))),
    samples=(
        sample((2, 4), size=(2,), stride=(2,)), sample((3, 4), size=(2, 2), stride=(1, 2)),
        sample((5,), size=(2,), stride=(2,), dilation=(2,)),
    ),
    analytic=False, nonsmooth="entries that are the maximum together share the cotangent equally",
)  # fmt: skip


def max_pool1d(
    x: Array,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Array:
    """Maximum of each window of (..., length); ties share the gradient, as in `max`.

    Args:
        x: (..., length).
        size: of the window.
        stride: from one window to the next; ``size`` if not given.
        padding: entries before and after, which never are the maximum; at most half of what a
            window reaches over.
        dilation: entries of x from one entry of the window to the next.
        ceil_mode: whether a last window may reach beyond the end.

    Raises:
        ValueError: the window is larger than the padded input, or the padding too wide.

    Example:
        >>> print(mg.max_pool1d(np.array([[[1.0, 3.0, 5.0, 4.0]]]), 2))
        [[[3. 5.]]]
    """
    return _max_pool("max_pool1d", 1, x, size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    x: Array,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Array:
    """Maximum of each window of (..., height, width): see `max_pool1d`.

    Example:
        >>> print(mg.max_pool2d(np.array([[[[1.0, 3.0], [5.0, 7.0]]]]), 2))
        [[[[7.]]]]
    """
    return _max_pool("max_pool2d", 2, x, size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    x: Array,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Array:
    """Maximum of each window of (..., depth, height, width): see `max_pool1d`.

    Example:
        >>> mg.max_pool3d(np.ones((1, 2, 4, 6, 6)), 2).shape
        (1, 2, 2, 3, 3)
    """
    return _max_pool("max_pool3d", 3, x, size, stride, padding, dilation, ceil_mode)


def max_pool_indices(
    x: np.ndarray,
    n: int,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """Where each maximum of pooling over the last ``n`` axes stands, counted along all of these.

    Of several equal maxima it is the first. Arguments as for `max_pool1d`.

    Example:
        >>> print(mg.max_pool_indices(np.array([1.0, 3.0, 5.0, 4.0]), 1, 2))
        [1 2]
    """
    settings = (size, stride, padding, dilation, ceil_mode)
    places = np.arange(math.prod(x.shape[-n:])).reshape(x.shape[-n:])
    found = []
    for array in (x, places):
        padded, each_size, steps, apart = _with_stand_ins("max_pool_indices", n, array, *settings)
        seen = windows(padded, size=each_size, stride=steps, dilation=apart)
        lead, positions = seen.shape[: -2 * n], seen.shape[-n:]
        found.append(seen.reshape((*lead, math.prod(each_size), *positions)))
    values, numbers = found
    first = values.argmax(axis=-n - 1)
    numbers = np.broadcast_to(numbers, values.shape)
    indices: np.ndarray = np.take_along_axis(numbers, np.expand_dims(first, -n - 1), -n - 1)
    return indices.squeeze(-n - 1)


def avg_pool1d(
    x: Array,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Mean of each window of (..., length).

    Args:
        x: (..., length).
        size: of the window.
        stride: from one window to the next; ``size`` if not given.
        padding: zeros before and after; at most half of the window.
        ceil_mode: whether a last window may reach beyond the end; what lies there is not counted.
        count_include_pad: whether the zeros of the padding count.

    Raises:
        ValueError: the window is larger than the padded input, or the padding too wide.

    Example:
        >>> print(mg.avg_pool1d(np.array([[[1.0, 3.0, 5.0, 7.0]]]), 2))
        [[[2. 6.]]]
    """
    return _avg_pool("avg_pool1d", 1, x, size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    x: Array,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Mean of each window of (..., height, width): see `avg_pool1d`.

    ``divisor_override`` is what the sum of a window is divided by instead of its size.

    Example:
        >>> print(mg.avg_pool2d(np.array([[[[1.0, 3.0], [5.0, 7.0]]]]), 2))
        [[[[4.]]]]
    """
    return _avg_pool(
        "avg_pool2d", 2, x, size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    x: Array,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Mean of each window of (..., depth, height, width): see `avg_pool2d`.

    Example:
        >>> mg.avg_pool3d(np.ones((1, 2, 4, 6, 6)), 2).shape
        (1, 2, 2, 3, 3)
    """
    return _avg_pool(
        "avg_pool3d", 3, x, size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def adaptive_max_pool(x: Array, output_size: Sequence[int | None]) -> Array:
    """Maximum over windows that divide the last axes as evenly as can be; see `adaptive_avg_pool`.

    Example:
        >>> print(mg.adaptive_max_pool(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), (2,)))
        [3. 5.]
    """
    for axis, ends in _divided("adaptive_max_pool", x, output_size):
        seen = take(moveaxis(x, axis, -1), _places_of(ends), -1)
        x = moveaxis(maximum_along(seen, axis=-1), -1, axis)
    return x


def adaptive_max_pool_indices(x: np.ndarray, output_size: Sequence[int | None]) -> np.ndarray:
    """Where each maximum of `adaptive_max_pool` stands, counted along all of the pooled axes.

    Of several equal maxima it is the first.

    Example:
        >>> print(mg.adaptive_max_pool_indices(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), (2,)))
        [2 4]
    """
    lengths = x.shape[x.ndim - len(output_size) :]
    numbers = np.broadcast_to(np.arange(math.prod(lengths)).reshape(lengths), x.shape)
    divided = _divided("adaptive_max_pool_indices", x, output_size)
    for axis, ends in reversed(divided):  # the last axis first, so that ties go to the first entry
        places = _places_of(ends)
        values, at = (np.moveaxis(a, axis, -1)[..., places] for a in (x, numbers))
        first = values.argmax(axis=-1)[..., None]
        x, numbers = (
            np.moveaxis(np.take_along_axis(a, first, -1)[..., 0], -1, axis) for a in (values, at)
        )
    return np.array(numbers)


def _places_of(ends: Sequence[tuple[int, int]]) -> np.ndarray:
    """The entries of each window, the last one repeated where a window is shorter than others."""
    longest = max(high - low for low, high in ends)
    return np.array([np.minimum(np.arange(low, low + longest), high - 1) for low, high in ends])


def adaptive_avg_pool(x: Array, output_size: Sequence[int | None]) -> Array:
    """Mean over windows that divide the last axes as evenly as can be.

    Args:
        x: (..., *lengths).
        output_size: how many windows along each of the last axes; ``None`` for as many as
            entries. Window k of n reaches from ⌊k · length / n⌋ to ⌈(k + 1) · length / n⌉.

    Raises:
        ValueError: more axes than x has, or no window.

    Example:
        >>> print(mg.adaptive_avg_pool(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), (2,)))
        [2. 4.]
    """
    for axis, ends in _divided("adaptive_avg_pool", x, output_size):
        inside = np.zeros((x.shape[axis], len(ends)), plain_dtype(x))
        for k, (low, high) in enumerate(ends):
            inside[low:high, k] = 1
        x = moveaxis(moveaxis(x, axis, -1) @ inside / inside.sum(axis=0), -1, axis)
    return x


def _divided(
    name: str, x: Array, output_size: Sequence[int | None]
) -> list[tuple[int, list[tuple[int, int]]]]:
    """Per axis, where each window starts and ends."""
    n = len(output_size)
    if x.ndim < n or any(size is not None and size < 1 for size in output_size):
        raise ValueError(
            f"{name}: got shape {x.shape} and output_size {tuple(output_size)}, expected a "
            f"positive number or None for each of the last {n} axes"
        )
    found = []
    for axis, size in enumerate(output_size, start=-n):
        length = x.shape[axis]
        if size is not None and size != length:
            ends = [(k * length // size, -(-(k + 1) * length // size)) for k in range(size)]
            found.append((axis, ends))
    return found


def _max_pool(name: str, n: int, x: Array, *settings: Any) -> Array:
    x, size, steps, apart = _with_stand_ins(name, n, x, *settings)
    static = {} if set(apart) == {1} else {"dilation": apart}
    return max_pool(x, size=size, stride=steps, **static)


def _with_stand_ins(
    name: str,
    n: int,
    x: Array,
    size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
) -> tuple[Array, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """``x`` padded with entries that change no maximum; and the size, stride, dilation per axis."""
    size = _checked(name, n, x, size)
    steps = each(name, "stride", n, size if stride is None else stride, 1)
    apart = each(name, "dilation", n, dilation, 1)
    reach = tuple(map(extent, size, apart))
    sides = _sides(name, n, x, reach, steps, padding, ceil_mode)
    for axis, (before, after) in zip(range(-n, 0), sides, strict=True):
        if before or after:
            length, d = x.shape[axis], apart[axis]
            starts = np.arange(-before, length + after - reach[axis] + 1, steps[axis])
            seen = starts[:, None] + d * np.arange(size[axis])
            if not ((seen >= 0) & (seen < length)).any(axis=1).all():
                raise ValueError(
                    f"{name}: got {length} entries, padding {padding} and dilation {d}: a window "
                    "would lie in the padding alone"
                )
            x = take(x, _within(length, before, after, d), axis)
    check_reach(name, x, reach)
    return x, size, steps, apart


def _within(length: int, before: int, after: int, apart: int) -> np.ndarray:
    """Which entry stands in for each place of the padding: the nearest of the same window.

    It takes part in every maximum that the place belongs to, so it changes none.
    """
    places = np.arange(-before, length + after)
    places = np.where(places < 0, places % apart, places)
    beyond = -(-(places - (length - 1)) // apart)
    return np.clip(np.where(beyond > 0, places - beyond * apart, places), 0, length - 1)


def _avg_pool(
    name: str,
    n: int,
    x: Array,
    size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Array:
    size = _checked(name, n, x, size)
    steps = each(name, "stride", n, size if stride is None else stride, 1)
    sides = _sides(name, n, x, size, steps, padding, ceil_mode)
    lead = [(0, 0)] * (x.ndim - n)
    padded = pad(x, lead + sides) if any(map(any, sides)) else x
    check_reach(name, padded, size)
    axes = tuple(range(-2 * n, -n))
    seen = windows(padded, size=size, stride=steps)
    if divisor is not None:
        if not divisor:
            raise ValueError(f"{name}: got divisor_override 0, expected another number")
        return sum_along(seen, axis=axes) / divisor
    around = each(name, "padding", n, padding, 0)
    beyond = any(after > p for (_, after), p in zip(sides, around, strict=True))
    if not beyond and (count_include_pad or not any(around)):
        return mean(seen, axis=axes)
    counted = np.ones(x.shape[-n:])
    if count_include_pad:
        counted = np.pad(counted, [(p, p) for p in around], constant_values=1)
        sides = [(0, after - p) for (_, after), p in zip(sides, around, strict=True)]
    counted = np.pad(counted, sides)
    count = windows(counted, size=size, stride=steps).sum(axis=tuple(range(-2 * n, -n)))
    return sum_along(seen, axis=axes) / count.astype(plain_dtype(x), copy=False)


def _checked(name: str, n: int, x: Array, size: Size) -> tuple[int, ...]:
    if x.ndim < n:
        raise ValueError(f"{name}: got shape {x.shape}, expected at least {n} axes")
    return each(name, "size", n, size, 1)


def _sides(
    name: str,
    n: int,
    x: Array,
    reach: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Size,
    ceil_mode: bool,
) -> list[tuple[int, int]]:
    """How many entries to add before and after each axis."""
    sides = []
    around = each(name, "padding", n, padding, 0)
    for length, k, s, p in zip(x.shape[-n:], reach, stride, around, strict=True):
        if p > k // 2:
            raise ValueError(f"{name}: got padding {padding} for windows of {reach}, expected at "
                             "most half: a window would lie in the padding alone")  # fmt: skip
        left = (length + 2 * p - k) % s
        more = s - left if ceil_mode and left else 0
        if more and length + 2 * p - k - left + s >= length + p:
            more = 0  # the last window would start behind the input
        sides.append((p, p + more))
    return sides
