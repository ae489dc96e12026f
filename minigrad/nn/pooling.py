"""Pooling as modules, with the arguments of PyTorch's: over `minigrad.max_pool2d` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.module import Module
from minigrad.primitives import (
    absolute,
    adaptive_avg_pool,
    adaptive_max_pool,
    adaptive_max_pool_indices,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_pool_indices,
    relu,
    sign,
    sqrt,
)
from minigrad.primitives.convolution import Size, each
from minigrad.primitives.primitive import Array
from minigrad.tensor import raw


class _Pool(Module):
    """What they share: the axes, and a check of them."""

    axes: ClassVar[int]

    def _check(self, x: Array) -> None:
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected (batch, "
                f"channels) and {self.axes} more axes, or without the batch"
            )


class _MaxPool(_Pool):
    function: ClassVar[Callable[..., Array]]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode
        self.return_indices = return_indices

    def forward(self, x: Array) -> Any:
        """The maximum of each window; and where it stands, if that was asked for."""
        self._check(x)
        window = self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        y = type(self).function(x, *window)
        if not self.return_indices:
            return y
        return y, max_pool_indices(np.asarray(raw(x)), self.axes, *window)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(_Pool):
    function: ClassVar[Callable[..., Array]]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.settings: dict[str, Any] = {
            "ceil_mode": ceil_mode, "count_include_pad": count_include_pad,
        }  # fmt: skip
        if divisor_override is not None:
            self.settings["divisor_override"] = divisor_override

    def forward(self, x: Array) -> Array:
        """The mean of each window."""
        self._check(x)
        return type(self).function(x, self.kernel_size, self.stride, self.padding, **self.settings)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(_Pool):
    function: ClassVar[Callable[..., Array]]

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, x: Array) -> Array:
        """The root of the sum of powers of each window."""
        self._check(x)
        size = each(type(self).__name__, "kernel_size", self.axes, self.kernel_size, 1)
        count = 1
        for length in size:
            count *= length
        mean = type(self).function(
            x**self.norm_type, size, self.stride, 0, ceil_mode=self.ceil_mode
        )
        total = sign(mean) * relu(absolute(mean)) * count
        return sqrt(total) if self.norm_type == 2 else total ** (1 / self.norm_type)


class _Adaptive(_Pool):
    function: ClassVar[Callable[..., Array]]

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        sizes = (output_size,) * self.axes if not isinstance(output_size, Sequence) else output_size
        if len(sizes) != self.axes:
            raise ValueError(
                f"{type(self).__name__}: got output_size={output_size}, expected one number or "
                f"{self.axes}"
            )
        self.output_size = tuple(sizes)

    def forward(self, x: Array) -> Array:
        """One number for each of the windows that divide x."""
        self._check(x)
        return type(self).function(x, self.output_size)

    def extra_repr(self) -> str:
        """The number of windows."""
        return f"output_size={self.output_size}"


class _AdaptiveMax(_Adaptive):
    def __init__(
        self, output_size: int | Sequence[int | None] | None, return_indices: bool = False
    ) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, x: Array) -> Any:
        """The maximum of each window; and where it stands, if that was asked for."""
        y = super().forward(x)
        if not self.return_indices:
            return y
        return y, adaptive_max_pool_indices(np.asarray(raw(x)), self.output_size)


class MaxPool1d(_MaxPool):
    """The maximum of each window of (batch, channels, length): `minigrad.max_pool1d`.

    Args:
        kernel_size: of a window.
        stride: from one window to the next; ``kernel_size`` if not given.
        padding: entries before and after, which never are the maximum.
        dilation: entries of x from one entry of a window to the next.
        return_indices: whether the place of each maximum is returned too, counted along the last
            axes: `minigrad.max_pool_indices`.
        ceil_mode: whether a last window may reach beyond the end.

    Example:
        >>> print(nn.MaxPool1d(2)(np.array([[[1.0, 3.0, 5.0, 4.0]]])))
        [[[3. 5.]]]
    """

    axes, function = 1, staticmethod(max_pool1d)


class MaxPool2d(_MaxPool):
    """As `MaxPool1d`, over (batch, channels, height, width): `minigrad.max_pool2d`.

    Example:
        >>> nn.MaxPool2d(2)(np.ones((2, 3, 6, 6))).shape
        (2, 3, 3, 3)
    """

    axes, function = 2, staticmethod(max_pool2d)


class MaxPool3d(_MaxPool):
    """As `MaxPool1d`, over (batch, channels, depth, height, width): `minigrad.max_pool3d`.

    Example:
        >>> nn.MaxPool3d(2)(np.ones((2, 3, 6, 6, 6))).shape
        (2, 3, 3, 3, 3)
    """

    axes, function = 3, staticmethod(max_pool3d)


class AvgPool1d(_AvgPool):
    """The mean of each window of (batch, channels, length): `minigrad.avg_pool1d`.

    Args:
        kernel_size: of a window.
        stride: from one window to the next; ``kernel_size`` if not given.
        padding: zeros before and after.
        ceil_mode: whether a last window may reach beyond the end.
        count_include_pad: whether the zeros of the padding count.

    Example:
        >>> print(nn.AvgPool1d(2)(np.array([[[1.0, 3.0, 5.0, 7.0]]])))
        [[[2. 6.]]]
    """

    axes, function = 1, staticmethod(avg_pool1d)

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)


class AvgPool2d(_AvgPool):
    """As `AvgPool1d`, over (batch, channels, height, width): `minigrad.avg_pool2d`.

    ``divisor_override`` is what the sum of a window is divided by instead of its size.

    Example:
        >>> nn.AvgPool2d(2)(np.ones((2, 3, 6, 6))).shape
        (2, 3, 3, 3)
    """

    axes, function = 2, staticmethod(avg_pool2d)


class AvgPool3d(_AvgPool):
    """As `AvgPool1d`, over (batch, channels, depth, height, width): `minigrad.avg_pool3d`.

    Example:
        >>> nn.AvgPool3d(2)(np.ones((2, 3, 6, 6, 6))).shape
        (2, 3, 3, 3, 3)
    """

    axes, function = 3, staticmethod(avg_pool3d)


class LPPool1d(_LPPool):
    """(Σ xᵖ)^(1/p) of each window of (batch, channels, length).

    Args:
        norm_type: p.
        kernel_size: of a window.
        stride: from one window to the next; ``kernel_size`` if not given.
        ceil_mode: whether a last window may reach beyond the end.

    Example:
        >>> print(nn.LPPool1d(2, 2)(np.array([[[3.0, 4.0]]])))
        [[[5.]]]
    """

    axes, function = 1, staticmethod(avg_pool1d)


class LPPool2d(_LPPool):
    """As `LPPool1d`, over (batch, channels, height, width).

    Example:
        >>> nn.LPPool2d(2, 2)(np.ones((2, 3, 6, 6))).shape
        (2, 3, 3, 3)
    """

    axes, function = 2, staticmethod(avg_pool2d)


class LPPool3d(_LPPool):
    """As `LPPool1d`, over (batch, channels, depth, height, width).

    Example:
        >>> nn.LPPool3d(2, 2)(np.ones((2, 3, 6, 6, 6))).shape
        (2, 3, 3, 3, 3)
    """

    axes, function = 3, staticmethod(avg_pool3d)


class AdaptiveAvgPool1d(_Adaptive):
    """The mean of windows that divide x evenly: `minigrad.adaptive_avg_pool`.

    Args:
        output_size: how many windows; ``None`` for as many as entries.

    Shapes:
        x (batch, channels, length) → (batch, channels, output_size).

    Example:
        >>> print(nn.AdaptiveAvgPool1d(2)(np.array([[[1.0, 2.0, 3.0, 4.0, 5.0]]])))
        [[[2. 4.]]]
    """

    axes, function = 1, staticmethod(adaptive_avg_pool)


class AdaptiveAvgPool2d(_Adaptive):
    """As `AdaptiveAvgPool1d`, over (batch, channels, height, width).

    Example:
        >>> nn.AdaptiveAvgPool2d(3)(np.ones((2, 3, 7, 7))).shape
        (2, 3, 3, 3)
    """

    axes, function = 2, staticmethod(adaptive_avg_pool)


class AdaptiveAvgPool3d(_Adaptive):
    """As `AdaptiveAvgPool1d`, over (batch, channels, depth, height, width).

    Example:
        >>> nn.AdaptiveAvgPool3d(3)(np.ones((2, 3, 7, 7, 7))).shape
        (2, 3, 3, 3, 3)
    """

    axes, function = 3, staticmethod(adaptive_avg_pool)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The maximum of windows that divide x evenly: `minigrad.adaptive_max_pool`.

    Args:
        output_size: how many windows; ``None`` for as many as entries.
        return_indices: whether the place of each maximum is returned too:
            `minigrad.adaptive_max_pool_indices`.

    Shapes:
        x (batch, channels, length) → (batch, channels, output_size).

    Example:
        >>> print(nn.AdaptiveMaxPool1d(2)(np.array([[[1.0, 2.0, 3.0, 4.0, 5.0]]])))
        [[[3. 5.]]]
    """

    axes, function = 1, staticmethod(adaptive_max_pool)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """As `AdaptiveMaxPool1d`, over (batch, channels, height, width).

    Example:
        >>> nn.AdaptiveMaxPool2d(3)(np.ones((2, 3, 7, 7))).shape
        (2, 3, 3, 3)
    """

    axes, function = 2, staticmethod(adaptive_max_pool)


class AdaptiveMaxPool3d(_AdaptiveMax):
    """As `AdaptiveMaxPool1d`, over (batch, channels, depth, height, width).

    Example:
        >>> nn.AdaptiveMaxPool3d(3)(np.ones((2, 3, 7, 7, 7))).shape
        (2, 3, 3, 3, 3)
    """

    axes, function = 3, staticmethod(adaptive_max_pool)
