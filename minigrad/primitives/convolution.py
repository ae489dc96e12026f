"""Convolution and pooling over the last one or two axes: windows of a view, then one product.

Arrays are (batch, channels, length) or (batch, channels, height, width), as in PyTorch, and
"convolution" is cross-correlation, as everywhere in the field: the kernel is not flipped.
`windows` and `overlap_add` are each other's adjoint; everything else is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from minigrad.primitives.arithmetic import add
from minigrad.primitives.primitive import Array, Primitive, fused, linear, sample
from minigrad.primitives.products import matmul, plain_dtype
from minigrad.primitives.reductions import max as maximum_along
from minigrad.primitives.reductions import mean
from minigrad.primitives.shaping import pad, reshape

Size = int | Sequence[int]


def _windows(x: Array, *, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """A view (..., *size, *positions): the kernel's axes first, so that copies run along rows."""
    n = len(size)
    view: Array = np.lib.stride_tricks.sliding_window_view(x, size, axis=tuple(range(-n, 0)))
    steps = tuple(slice(None, None, s) for s in stride)
    view = view[(Ellipsis, *steps, *(slice(None),) * n)]
    lead = x.ndim - n
    return view.transpose(*range(lead), *range(lead + n, lead + 2 * n), *range(lead, lead + n))


def _overlap_add(g: Array, *, shape: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """Every window added where it was taken: one strided addition per entry of the kernel."""
    n = len(stride)
    size, positions = g.shape[-2 * n : -n], g.shape[-n:]
    if any(p != (length - k) // s + 1 for length, k, s, p in zip(shape, size, stride, positions,
                                                                   strict=True)):  # fmt: skip
        raise ValueError(
            f"overlap_add: {positions} windows of {size} with stride {stride} do not fill {shape}"
        )
    total = np.zeros(g.shape[: -2 * n] + tuple(shape), dtype=g.dtype)
    for offset in product(*map(range, size)):
        where = tuple(
            slice(o, o + s * (p - 1) + 1, s) if p else slice(0, 0)
            for o, s, p in zip(offset, stride, positions, strict=True)
        )
        total[(..., *where)] += g[(..., *offset, *(slice(None),) * n)]
    return total


windows: Primitive = linear(
    "windows", _windows,
    adjoints=(lambda g, x, *, size, stride:
              overlap_add(g, shape=x.shape[-len(size):], stride=stride),),
    samples=(
        sample((2, 5), size=(2,), stride=(1,)), sample((2, 5), size=(2,), stride=(2,)),
        sample((1, 4, 5), size=(2, 3), stride=(2, 1)),
    ),
)  # fmt: skip
overlap_add: Primitive = linear(
    "overlap_add", _overlap_add,
    adjoints=(lambda g, x, *, shape, stride:
              windows(g, size=x.shape[-2 * len(stride):-len(stride)], stride=stride),),
    samples=(
        sample((2, 2, 3), shape=(7,), stride=(2,)),
        sample((2, 2, 2, 3), shape=(4, 4), stride=(2, 1)),
    ),
)  # fmt: skip


def _largest(x: Array, *, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """Entry of the kernel against entry: few long operations instead of many short ones."""
    first, *rest = _parts(x, size, stride)
    return reduce(np.maximum, rest, first + 0)


def _largest_cotangent(
    g: Array, y: Array, x: Array, *, size: tuple[int, ...], stride: tuple[int, ...]
) -> Array:
    one = np.ones((), dtype=plain_dtype(g))  # keeps float32
    reached = [(part == y) * one for part in _parts(x, size, stride)]
    share = g / reduce(np.add, reached)
    shares = np.stack([share * r for r in reached], axis=-len(size) - 1)
    columns = reshape(shares, shape=(*x.shape[: -len(size)], *size, *y.shape[-len(size) :]))
    return overlap_add(columns, shape=x.shape[-len(size) :], stride=stride)


def _parts(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> list[Array]:
    """What each entry of the kernel sees of ``x``."""
    view = windows(x, size=size, stride=stride)
    rest = (slice(None),) * len(size)
    return [view[(Ellipsis, *offset, *rest)] for offset in product(*map(range, size))]


max_pool = fused(
    "max_pool", _largest,
    vjps=(_largest_cotangent,),
    reference=lambda x, *, size, stride: maximum_along(
        windows(x, size=size, stride=stride), axis=tuple(range(-2 * len(size), -len(size)))),
    samples=(
        sample((2, 4), size=(2,), stride=(2,)), sample((3, 4), size=(2, 2), stride=(1, 2)),
    ),
    analytic=False, nonsmooth="entries that are the maximum together share the cotangent equally",
)  # fmt: skip


def conv1d(
    x: Array, weight: Array, bias: Array | None = None, *, stride: Size = 1, padding: Size = 0
) -> Array:
    """Cross-correlation along one axis.

    Args:
        x: (batch, channels, length).
        weight: (filters, channels, kernel).
        bias: (filters,).
        stride: entries from one window to the next.
        padding: zeros before and after.

    Returns:
        (batch, filters, (length + 2 · padding − kernel) // stride + 1).

    Raises:
        ValueError: the shapes do not fit, or the kernel is longer than the padded input.
    """
    return _convolve("conv1d", 1, x, weight, bias, stride, padding)


def conv2d(
    x: Array, weight: Array, bias: Array | None = None, *, stride: Size = 1, padding: Size = 0
) -> Array:
    """Cross-correlation over images (Dumoulin & Visin 2016, section 2).

    Args:
        x: (batch, channels, height, width).
        weight: (filters, channels, kernel height, kernel width).
        bias: (filters,).
        stride: entries from one window to the next, one number or (down, right).
        padding: zeros on each side, one number or (above and below, left and right).

    Returns:
        (batch, filters, height', width'), with
        height' = (height + 2 · padding − kernel) // stride + 1, width' likewise.

    Raises:
        ValueError: the shapes do not fit, or the kernel is larger than the padded input.
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding)


def conv_transpose1d(
    x: Array, weight: Array, bias: Array | None = None, *, stride: Size = 1, padding: Size = 0
) -> Array:
    """The adjoint of `conv1d` by its input: every entry spreads a kernel.

    Args:
        x: (batch, channels, length).
        weight: (channels, filters, kernel).
        bias: (filters,).
        stride: entries from one spread kernel to the next.
        padding: entries taken off at both ends of the result.

    Returns:
        (batch, filters, (length − 1) · stride + kernel − 2 · padding).

    Raises:
        ValueError: the shapes do not fit.
    """
    return _convolve_transposed("conv_transpose1d", 1, x, weight, bias, stride, padding)


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None = None, *, stride: Size = 1, padding: Size = 0
) -> Array:
    """The adjoint of `conv2d` by its input (Dumoulin & Visin 2016, section 4).

    Args:
        x: (batch, channels, height, width).
        weight: (channels, filters, kernel height, kernel width).
        bias: (filters,).
        stride: entries from one spread kernel to the next.
        padding: entries taken off on each side of the result.

    Returns:
        (batch, filters, (height − 1) · stride + kernel − 2 · padding, width likewise).

    Raises:
        ValueError: the shapes do not fit.
    """
    return _convolve_transposed("conv_transpose2d", 2, x, weight, bias, stride, padding)


def max_pool1d(x: Array, size: Size, stride: Size | None = None, padding: Size = 0) -> Array:
    """Maximum of each window of (..., length); ties share the gradient, as in `max`.

    Args:
        x: (..., length).
        size: of the window.
        stride: from one window to the next; ``size`` if not given.
        padding: entries before and after, which never are the maximum; less than ``size``.

    Raises:
        ValueError: the window is larger than the padded input.
    """
    return _pool("max_pool1d", 1, x, size, stride, padding)


def max_pool2d(x: Array, size: Size, stride: Size | None = None, padding: Size = 0) -> Array:
    """Maximum of each window of (..., height, width): see `max_pool1d`."""
    return _pool("max_pool2d", 2, x, size, stride, padding)


def avg_pool1d(x: Array, size: Size, stride: Size | None = None, padding: Size = 0) -> Array:
    """Mean of each window of (..., length); zeros of the padding count.

    Args:
        x: (..., length).
        size: of the window.
        stride: from one window to the next; ``size`` if not given.
        padding: zeros before and after.

    Raises:
        ValueError: the window is larger than the padded input.
    """
    return _pool("avg_pool1d", 1, x, size, stride, padding)


def avg_pool2d(x: Array, size: Size, stride: Size | None = None, padding: Size = 0) -> Array:
    """Mean of each window of (..., height, width): see `avg_pool1d`."""
    return _pool("avg_pool2d", 2, x, size, stride, padding)


def _convolve(
    name: str, n: int, x: Array, weight: Array, bias: Array | None, stride: Size, padding: Size
) -> Array:
    _check(name, n, x, weight, bias, channels=1, filters=0)
    size = weight.shape[2:]
    seen = _view(name, _padded(name, n, x, padding), size, _each(name, "stride", n, stride, 1))
    columns = reshape(seen, shape=(x.shape[0], prod(weight.shape[1:]), prod(seen.shape[-n:])))
    y = matmul(reshape(weight, shape=(weight.shape[0], -1)), columns)
    return _biased(reshape(y, shape=(x.shape[0], weight.shape[0], *seen.shape[-n:])), bias, n)


def _convolve_transposed(
    name: str, n: int, x: Array, weight: Array, bias: Array | None, stride: Size, padding: Size
) -> Array:
    _check(name, n, x, weight, bias, channels=0, filters=1)
    channels, filters, *size = weight.shape
    steps, off = _each(name, "stride", n, stride, 1), _each(name, "padding", n, padding, 0)
    spread = tuple((p - 1) * s + k for p, s, k in zip(x.shape[2:], steps, size, strict=True))
    flat = reshape(x, shape=(x.shape[0], channels, prod(x.shape[2:])))
    kernels = np.swapaxes(reshape(weight, shape=(channels, -1)), 0, 1)
    columns = reshape(matmul(kernels, flat), shape=(x.shape[0], filters, *size, *x.shape[2:]))
    y = overlap_add(columns, shape=spread, stride=steps)
    if any(off):
        y = y[(..., *(slice(o, length - o) for o, length in zip(off, spread, strict=True)))]
    return _biased(y, bias, n)


def _pool(name: str, n: int, x: Array, size: Size, stride: Size | None, padding: Size) -> Array:
    if x.ndim < n:
        raise ValueError(f"{name}: got shape {x.shape}, expected at least {n} axes")
    size = _each(name, "size", n, size, 1)
    steps = _each(name, "stride", n, size if stride is None else stride, 1)
    axes = tuple(range(-2 * n, -n))
    if name.startswith("avg"):
        return mean(_view(name, _padded(name, n, x, padding), size, steps), axis=axes)
    if any(p >= s for p, s in zip(_each(name, "padding", n, padding, 0), size, strict=True)):
        raise ValueError(f"{name}: got padding {padding} for windows of {size}: a window would "
                         "lie in the padding alone")  # fmt: skip
    # Copies of the edge cannot exceed a maximum that the edge itself takes part in
    x = _padded(name, n, x, padding, "edge")
    _check_size(name, x, size)
    return max_pool(x, size=size, stride=steps)


def _view(name: str, x: Array, size: Sequence[int], stride: tuple[int, ...]) -> Array:
    _check_size(name, x, size)
    return windows(x, size=tuple(size), stride=stride)


def _check_size(name: str, x: Array, size: Sequence[int]) -> None:
    lengths = x.shape[-len(size) :]
    if any(length < k for length, k in zip(lengths, size, strict=True)):
        raise ValueError(
            f"{name}: a window of {tuple(size)} is larger than the padded input {lengths}"
        )


def _padded(name: str, n: int, x: Array, padding: Size, mode: str = "constant") -> Array:
    widths = _each(name, "padding", n, padding, 0)
    if not any(widths):
        return x
    return pad(x, [(0, 0)] * (x.ndim - n) + [(w, w) for w in widths], mode)


def _biased(y: Array, bias: Array | None, n: int) -> Array:
    return y if bias is None else add(y, reshape(bias, shape=(-1, *(1,) * n)))


def _each(name: str, what: str, n: int, value: Size, least: int) -> tuple[int, ...]:
    """One number per axis."""
    values = (value,) * n if isinstance(value, int | np.integer) else tuple(value)
    if len(values) != n or any(v < least for v in values):
        raise ValueError(f"{name}: got {what} {value}, expected {n} numbers from {least} up")
    return tuple(int(v) for v in values)


def _check(
    name: str, n: int, x: Array, weight: Array, bias: Array | None, *, channels: int, filters: int
) -> None:
    order = ["channels", "filters"] if filters else ["filters", "channels"]
    if (
        x.ndim != n + 2
        or weight.ndim != n + 2
        or x.shape[1] != weight.shape[channels]
        or (bias is not None and bias.shape != (weight.shape[filters],))
    ):
        axes = ("length",) if n == 1 else ("height", "width")
        kernel = ", ".join(f"kernel {a}" for a in axes)
        raise ValueError(
            f"{name}: got x {x.shape}, weight {weight.shape}"
            + (f", bias {bias.shape}" if bias is not None else "")
            + f"; expected x (batch, channels, {', '.join(axes)}), weight ({order[0]}, "
            f"{order[1]}, {kernel}), bias (filters,)"
        )
