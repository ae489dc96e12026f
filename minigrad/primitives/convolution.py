"""Convolution over the last one to three axes: windows of a view, then one product.

Arrays are (batch, channels, length), (batch, channels, height, width) or (batch, channels, depth,
height, width), as in PyTorch, or the same without the batch. "Convolution" is cross-correlation,
as everywhere in the field: the kernel is not flipped. `windows` and `overlap_add` are each other's
adjoint; everything else is made of them, pooling included (`minigrad.primitives.pooling`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from minigrad.primitives.arithmetic import add
from minigrad.primitives.padding import pad
from minigrad.primitives.primitive import Array, Primitive, implements, linear, sample
from minigrad.primitives.products import matmul
from minigrad.primitives.shaping import expand_dims, moveaxis, reshape

Size = int | Sequence[int]
Padding = int | Sequence[int] | Literal["same", "valid"]
_SLIDING = np.lib.stride_tricks.sliding_window_view
AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def extent(size: int, dilation: int) -> int:
    """How many entries a window reaches over, those between its own included."""
    return (size - 1) * dilation + 1


def each(name: str, what: str, n: int, value: Size, least: int) -> tuple[int, ...]:
    """One number per axis; a single one is for all."""
    values = (value,) if isinstance(value, int | np.integer) else tuple(value)
    values *= n if len(values) == 1 else 1
    if len(values) != n or any(v < least for v in values):
        raise ValueError(f"{name}: got {what} {value}, expected {n} numbers from {least} up")
    return tuple(int(v) for v in values)


def _windows(
    x: Array, *, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...] = ()
) -> Array:
    """A view (..., *size, *positions): the kernel's axes first, so that copies run along rows."""
    n = len(size)
    dilation = dilation or (1,) * n
    reach = tuple(map(extent, size, dilation))
    view: Array = _SLIDING(x, reach, axis=tuple(range(-n, 0)))
    steps = tuple(slice(None, None, s) for s in (*stride, *dilation))
    view = view[(Ellipsis, *steps)]
    lead = x.ndim - n
    return view.transpose(*range(lead), *range(lead + n, lead + 2 * n), *range(lead, lead + n))


def _overlap_add(
    g: Array, *, shape: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...] = ()
) -> Array:
    """Every window added where it was taken: one strided addition per entry of the kernel."""
    n = len(stride)
    dilation = dilation or (1,) * n
    size, positions = g.shape[-2 * n : -n], g.shape[-n:]
    if any(p != (length - extent(k, d)) // s + 1 for length, k, d, s, p in zip(
            shape, size, dilation, stride, positions, strict=True)):  # fmt: skip
        raise ValueError(
            f"overlap_add: {positions} windows of {size} with stride {stride} do not fill {shape}"
        )
    total = np.zeros(g.shape[: -2 * n] + tuple(shape), dtype=g.dtype)
    for offset in product(*map(range, size)):
        where = tuple(
            slice(o * d, o * d + s * (p - 1) + 1, s) if p else slice(0, 0)
            for o, d, s, p in zip(offset, dilation, stride, positions, strict=True)
        )
        total[(..., *where)] += g[(..., *offset, *(slice(None),) * n)]
    return total


windows: Primitive = linear(
    "windows", _windows,
    adjoints=(lambda g, x, *, size, stride, dilation=():
              overlap_add(g, shape=x.shape[-len(size):], stride=stride, dilation=dilation),),
    samples=(
        sample((2, 5), size=(2,), stride=(1,)), sample((2, 5), size=(2,), stride=(2,)),
        sample((1, 4, 5), size=(2, 3), stride=(2, 1)),
        sample((2, 6), size=(2,), stride=(2,), dilation=(3,)),
    ),
    doc="""All windows of a size along the last axes: (..., *size, *positions), a view.

    The entries of a window lie ``dilation`` apart, 1 if not given.

    Example:
        >>> print(mg.windows(np.array([1.0, 2.0, 3.0, 4.0]), size=(2,), stride=(1,)))
        [[1. 2. 3.]
         [2. 3. 4.]]
    """,
)  # fmt: skip
overlap_add: Primitive = linear(
    "overlap_add", _overlap_add,
    adjoints=(lambda g, x, *, shape, stride, dilation=():
              windows(g, size=x.shape[-2 * len(stride):-len(stride)], stride=stride,
                      dilation=dilation),),
    samples=(
        sample((2, 2, 3), shape=(7,), stride=(2,)),
        sample((2, 2, 2, 3), shape=(4, 4), stride=(2, 1)),
        sample((2, 2, 2), shape=(5,), stride=(2,), dilation=(2,)),
    ),
    doc="""Windows added where `windows` takes them: the adjoint.

    Example:
        >>> print(mg.overlap_add(np.ones((2, 3)), shape=(4,), stride=(1,)))
        [1. 2. 2. 1.]
    """,
)  # fmt: skip


@implements(_SLIDING)
def sliding_window_view(x: Array, window_shape: Size, axis: Size | None = None) -> Array:
    """All windows of a size: their positions along the axes of ``x``, then axes of their own.

    Args:
        x: any array.
        window_shape: lengths of the windows.
        axis: the axes that they move along; all if not given.

    Raises:
        ValueError: as NumPy: a window is longer than its axis, or there are not as many as axes.

    Example:
        >>> print(mg.sliding_window_view(np.array([1.0, 2.0, 3.0, 4.0]), 2))
        [[1. 2.]
         [2. 3.]
         [3. 4.]]
    """
    _SLIDING(np.broadcast_to(0, x.shape), window_shape, axis)  # type: ignore[arg-type]  # its checks
    sizes = (window_shape,) if isinstance(window_shape, int | np.integer) else window_shape
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim, None, True)
    for a, size in zip(axes, sizes, strict=True):
        seen = windows(moveaxis(x, a, -1), size=(size,), stride=(1,))
        x = moveaxis(seen, -1, a)
    return x


def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Padding = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlation along one axis.

    Args:
        x: (batch, channels, length), or (channels, length).
        weight: (filters, channels / groups, kernel).
        bias: (filters,).
        stride: entries from one window to the next.
        padding: zeros before and after; ``"same"`` for as many as keep the length, ``"valid"``
            for none.
        dilation: entries of x from one entry of the kernel to the next.
        groups: into how many parts channels and filters are split; each part of the filters sees
            only its part of the channels.

    Returns:
        (batch, filters, length′), where
        length′ = (length + 2 · padding − dilation · (kernel − 1) − 1) // stride + 1.

    Raises:
        ValueError: the shapes do not fit, or the kernel is longer than the padded input.

    Example:
        >>> x, weight = np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]])
        >>> print(mg.conv1d(x, weight))
        [[[1. 2.]]]
    """
    return _convolve("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Padding = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlation over images (Dumoulin & Visin 2016, section 2): see `conv1d`.

    Args:
        x: (batch, channels, height, width), or without the batch.
        weight: (filters, channels / groups, kernel height, kernel width).
        bias: (filters,).
        stride: one number, or (down, right); so are padding and dilation.
        padding: as for `conv1d`.
        dilation: likewise.
        groups: likewise.

    Example:
        >>> mg.conv2d(np.ones((1, 3, 8, 8)), np.ones((5, 3, 3, 3)), padding=1).shape
        (1, 5, 8, 8)
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Padding = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlation over volumes (batch, channels, depth, height, width): see `conv1d`.

    Example:
        >>> mg.conv3d(np.ones((1, 3, 4, 8, 8)), np.ones((5, 3, 3, 3, 3)), padding="same").shape
        (1, 5, 4, 8, 8)
    """
    return _convolve("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Array:
    """The adjoint of `conv1d` by its input: every entry spreads a kernel.

    Args:
        x: (batch, channels, length), or (channels, length).
        weight: (channels, filters / groups, kernel).
        bias: (filters,).
        stride: entries from one spread kernel to the next.
        padding: entries taken off at both ends of the result.
        output_padding: entries by which the result is longer at its end; less than the stride or
            the dilation.
        groups: as for `conv1d`.
        dilation: likewise.

    Returns:
        (batch, filters, (length − 1) · stride + dilation · (kernel − 1) + 1 − 2 · padding +
        output_padding).

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> x, weight = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0]]])
        >>> print(mg.conv_transpose1d(x, weight))
        [[[ 1. 12. 20.]]]
    """
    return _transposed(
        "conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Array:
    """The adjoint of `conv2d` by its input (Dumoulin & Visin 2016, section 4).

    Arguments as for `conv_transpose1d`, one number or (down, right).

    Example:
        >>> mg.conv_transpose2d(np.ones((1, 5, 4, 4)), np.ones((5, 3, 2, 2)), stride=2).shape
        (1, 3, 8, 8)
    """
    return _transposed(
        "conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Array:
    """The adjoint of `conv3d` by its input; arguments as for `conv_transpose1d`.

    Example:
        >>> weight = np.ones((5, 3, 2, 2, 2))
        >>> mg.conv_transpose3d(np.ones((1, 5, 2, 4, 4)), weight, stride=2).shape
        (1, 3, 4, 8, 8)
    """
    return _transposed(
        "conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation
    )


def _convolve(
    name: str,
    n: int,
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
) -> Array:
    if x.ndim == n + 1:
        y = _convolve(name, n, expand_dims(x, 0), weight, bias, stride, padding, dilation, groups)
        return reshape(y, shape=y.shape[1:])
    filters = weight.shape[0] if weight.ndim else 0
    fits = x.ndim == n + 2 and weight.ndim == n + 2 and x.shape[1] == groups * weight.shape[1]
    if not fits or filters % groups or (bias is not None and bias.shape != (filters,)):
        order = f"filters, channels{' / groups' * (groups != 1)}"
        raise ValueError(_shapes(name, n, x, weight, bias, order, groups))
    size, steps = weight.shape[2:], each(name, "stride", n, stride, 1)
    apart = each(name, "dilation", n, dilation, 1)
    padded = _padded(name, n, x, padding, steps, tuple(map(extent, size, apart)))
    check_reach(name, padded, tuple(map(extent, size, apart)))
    seen = windows(padded, size=size, stride=steps, **_static(apart))
    places, rows = seen.shape[-n:], prod(weight.shape[1:])
    if groups == 1:
        columns = reshape(seen, shape=(x.shape[0], rows, prod(places)))
        y = matmul(reshape(weight, shape=(filters, rows)), columns)
    else:
        columns = reshape(seen, shape=(x.shape[0], groups, rows, prod(places)))
        y = matmul(reshape(weight, shape=(groups, filters // groups, rows)), columns)
    return _biased(reshape(y, shape=(x.shape[0], filters, *places)), bias, n)


def _transposed(
    name: str,
    n: int,
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> Array:
    if x.ndim == n + 1:
        y = _transposed(
            name, n, expand_dims(x, 0), weight, bias, stride, padding, output_padding, groups,
            dilation,
        )  # fmt: skip
        return reshape(y, shape=y.shape[1:])
    fits = x.ndim == n + 2 and weight.ndim == n + 2 and x.shape[1] == weight.shape[0]
    filters = weight.shape[1] * groups if weight.ndim > 1 else 0
    if not fits or x.shape[1] % groups or (bias is not None and bias.shape != (filters,)):
        order = f"channels, filters{' / groups' * (groups != 1)}"
        raise ValueError(_shapes(name, n, x, weight, bias, order, groups))
    size, steps = weight.shape[2:], each(name, "stride", n, stride, 1)
    off, apart = each(name, "padding", n, padding, 0), each(name, "dilation", n, dilation, 1)
    more = each(name, "output_padding", n, output_padding, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, steps, apart, strict=True) if m):
        raise ValueError(
            f"{name}: got output_padding {output_padding} with stride {stride} and dilation "
            f"{dilation}, expected less than one of them"
        )
    reach = map(extent, size, apart)
    spread = tuple((p - 1) * s + k for p, s, k in zip(x.shape[2:], steps, reach, strict=True))
    whole = tuple(length + m - 2 * o for length, m, o in zip(spread, more, off, strict=True))
    if min(whole) < 1:
        raise ValueError(f"{name}: a result of {spread} entries is gone after padding {padding}")
    kernels = reshape(weight, shape=(groups, x.shape[1] // groups, -1))
    flat = reshape(x, shape=(x.shape[0], groups, x.shape[1] // groups, prod(x.shape[2:])))
    if groups == 1:
        kernels, flat = kernels[0], flat[:, 0]
    columns = reshape(
        matmul(np.swapaxes(kernels, -1, -2), flat), shape=(x.shape[0], filters, *size, *x.shape[2:])
    )
    y = overlap_add(columns, shape=spread, stride=steps, **_static(apart))
    if any(more):
        y = pad(y, [(0, 0), (0, 0), *((0, m) for m in more)])
    if any(off):
        y = y[(..., *(slice(o, o + length) for o, length in zip(off, whole, strict=True)))]
    return _biased(y, bias, n)


def _static(dilation: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The keyword, where it says something."""
    return {} if set(dilation) == {1} else {"dilation": dilation}


def check_reach(name: str, x: Array, reach: Sequence[int]) -> None:
    """Refuse windows that are longer than the axis that they move along."""
    lengths = x.shape[-len(reach) :]
    if any(length < k for length, k in zip(lengths, reach, strict=True)):
        raise ValueError(
            f"{name}: a window of {tuple(reach)} is larger than the padded input {lengths}"
        )


def _padded(
    name: str, n: int, x: Array, padding: Padding, stride: tuple[int, ...], reach: tuple[int, ...]
) -> Array:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"{name}: got padding {padding!r}, expected numbers, same or valid")
        if padding == "same" and set(stride) != {1}:
            raise ValueError(f'{name}: got padding="same" with stride {stride}, expected stride 1')
        sides = [(k - 1) // 2 for k in reach] if padding == "same" else [0] * n
        widths = [(s, k - 1 - s) for s, k in zip(sides, reach, strict=True)]
        widths = widths if padding == "same" else [(0, 0)] * n
    else:
        widths = [(w, w) for w in each(name, "padding", n, padding, 0)]
    if not any(map(any, widths)):
        return x
    return pad(x, [(0, 0)] * (x.ndim - n) + widths)


def _biased(y: Array, bias: Array | None, n: int) -> Array:
    return y if bias is None else add(y, reshape(bias, shape=(-1, *(1,) * n)))


def _shapes(
    name: str, n: int, x: Array, weight: Array, bias: Array | None, order: str, groups: int
) -> str:
    kernel = ", ".join(f"kernel {a}" for a in AXES[n])
    return (
        f"{name}: got x {x.shape}, weight {weight.shape}"
        + (f", bias {bias.shape}" if bias is not None else "")
        + (f", groups {groups}" if groups != 1 else "")
        + f"; expected x (batch, channels, {', '.join(AXES[n])}), weight ({order}, {kernel}), "
        "bias (filters,)"
    )
