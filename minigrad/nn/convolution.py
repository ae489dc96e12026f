"""Convolutional layers, over `minigrad.conv1d` and its kin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from minigrad.nn.formats import Layout
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    pad,
)
from minigrad.primitives.convolution import Padding, Size, each, extent
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter, Tensor

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class _Convolving(Module):
    """What all of them share; ``axes`` is how many axes the kernel moves along."""

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Array]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "axes"):  # Keras has the kernel's places first, then inputs and outputs
            places = tuple(range(2, 2 + cls.axes))
            cls.keras_layout = Layout((("weight", (*places, 1, 0)), ("bias", None)))

    def _make(
        self,
        rows: int,
        columns: int,
        kernel_size: Size,
        groups: int,
        bias: int,
        rng: Seed,
        dtype: Any,
    ) -> None:
        """Draw a weight (rows, columns / groups, *kernel), and as many biases."""
        name = type(self).__name__
        check_size(self, groups=groups)
        if rows % groups or columns % groups:
            raise ValueError(
                f"{name}: got {rows} and {columns} channels and groups={groups}, expected "
                "multiples of the groups"
            )
        self.kernel_size = each(name, "kernel_size", self.axes, kernel_size, 1)
        self.groups = groups
        generator = np.random.default_rng(rng)
        shape = (rows, columns // groups, *self.kernel_size)
        bound = math.prod(shape[1:]) ** -0.5
        self.weight = Parameter(generator.uniform(-bound, bound, shape).astype(dtype))
        self.bias = (
            Parameter(generator.uniform(-bound, bound, bias).astype(dtype)) if bias else None
        )


class _Convolution(_Convolving):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Padding = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, in_channels=in_channels, out_channels=out_channels)
        if padding_mode not in _MODES:
            raise ValueError(
                f"{type(self).__name__}: got padding_mode={padding_mode!r}, expected "
                f"{', '.join(_MODES)}"
            )
        steps = each(type(self).__name__, "stride", self.axes, stride, 1)
        if padding == "same" and set(steps) != {1}:
            raise ValueError(
                f'{type(self).__name__}: got padding="same" with stride {stride}, expected stride '
                "1, which keeps the length; write the padding as a number"
            )
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.padding_mode = padding_mode
        count = out_channels if bias else 0
        self._make(out_channels, in_channels, kernel_size, groups, count, rng, dtype)

    def forward(self, x: Array) -> Array:
        """Every kernel at every place of ``x``."""
        x = x if isinstance(x, Tensor) else Tensor(x)  # pictures show it, not what is made of it
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = self._around(x), 0
        return type(self).function(
            x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def _around(self, x: Array) -> Array:
        """``x`` with what the padding repeats of it."""
        name = type(self).__name__
        if self.padding == "same":
            apart = each(name, "dilation", self.axes, self.dilation, 1)
            more = [extent(k, d) - 1 for k, d in zip(self.kernel_size, apart, strict=True)]
            sides = [(m // 2, m - m // 2) for m in more]
        elif isinstance(self.padding, str):
            sides = [(0, 0)] * self.axes
        else:
            sides = [(p, p) for p in each(name, "padding", self.axes, self.padding, 0)]
        return pad(x, [(0, 0)] * (x.ndim - self.axes) + sides, _MODES[self.padding_mode])


class _TransposedConvolution(_Convolving):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, in_channels=in_channels, out_channels=out_channels)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.output_padding = output_padding
        count = out_channels if bias else 0
        self._make(in_channels, out_channels, kernel_size, groups, count, rng, dtype)

    def forward(self, x: Array, output_size: Sequence[int] | None = None) -> Array:
        """Every entry of ``x`` spreads a kernel.

        Args:
            x: see the class.
            output_size: the lengths of y, where several are possible; instead of
                ``output_padding``.

        Raises:
            ValueError: no ``output_padding`` gives these lengths.
        """
        more: Size = self.output_padding
        if output_size is not None:
            n, name = self.axes, type(self).__name__
            least = type(self).function(
                np.zeros((1, *x.shape[-n - 1 :])), np.zeros(self.weight.shape), None, self.stride,
                self.padding, 0, self.groups, self.dilation,
            ).shape[2:]  # fmt: skip
            more = tuple(a - b for a, b in zip(tuple(output_size)[-n:], least, strict=True))
            if min(more) < 0:
                raise ValueError(f"{name}: got output_size {tuple(output_size)}, expected at least "
                                 f"{least}")  # fmt: skip
        return type(self).function(
            x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )


class Conv1d(_Convolution):
    """Kernels that move along one axis; the kernel is not flipped.

    Args:
        in_channels: of x.
        out_channels: of y: the number of kernels.
        kernel_size: length of a kernel.
        stride: entries from one place to the next.
        padding: entries before and after x; ``"same"`` for as many as keep the length, ``"valid"``
            for none.
        dilation: entries of x from one entry of the kernel to the next.
        groups: into how many parts the channels are split; each part of the kernels sees only its
            part of x.
        bias: whether there is one.
        padding_mode: what the padding is: ``"zeros"``, or x mirrored (``"reflect"``), its edge
            (``"replicate"``), or its other end (``"circular"``).
        rng: seed or generator of the initial weights, uniform in ±1/√(inputs of a kernel).
        dtype: of the parameters.

    Shapes:
        x (batch, in_channels, length), or without the batch → (batch, out_channels, length′), with
        length′ = (length + 2 · padding − dilation · (kernel − 1) − 1) // stride + 1;
        weight (out_channels, in_channels / groups, kernel), bias (out_channels,).

    Example:
        >>> nn.Conv1d(3, 8, 5, padding=2)(np.ones((2, 3, 10))).shape  # (batch, channels, length)
        (2, 8, 10)
    """

    axes, function = 1, staticmethod(conv1d)


class Conv2d(_Convolution):
    """Kernels that move over an image; the kernel is not flipped.

    Arguments as for `Conv1d`; ``kernel_size``, ``stride``, ``padding`` and ``dilation`` are one
    number or (down, right).

    Shapes:
        x (batch, in_channels, height, width) → (batch, out_channels, height′, width′);
        weight (out_channels, in_channels / groups, kernel height, kernel width).

    Example:
        >>> images = np.ones((2, 3, 9, 9))  # (batch, channels, height, width)
        >>> nn.Conv2d(3, 8, 3, stride=2)(images).shape
        (2, 8, 4, 4)
    """

    axes, function = 2, staticmethod(conv2d)


class Conv3d(_Convolution):
    """Kernels that move over a volume; arguments as for `Conv1d`.

    Shapes:
        x (batch, in_channels, depth, height, width) → (batch, out_channels, depth′, height′,
        width′); weight (out_channels, in_channels / groups, kernel depth, height, width).

    Example:
        >>> nn.Conv3d(3, 8, 3, padding="same")(np.ones((2, 3, 4, 5, 5))).shape
        (2, 8, 4, 5, 5)
    """

    axes, function = 3, staticmethod(conv3d)


class ConvTranspose1d(_TransposedConvolution):
    """The adjoint of `Conv1d` by its input: every entry of x spreads a kernel.

    Args:
        in_channels: of x.
        out_channels: of y.
        kernel_size: length of a kernel.
        stride: entries of y from one spread kernel to the next.
        padding: entries taken off at both ends of y.
        output_padding: entries by which y is longer at its end.
        groups: see `Conv1d`.
        bias: whether there is one.
        dilation: see `Conv1d`.
        rng: seed or generator of the initial weights.
        dtype: of the parameters.

    Shapes:
        x (batch, in_channels, length) → (batch, out_channels, length′): see
        `minigrad.conv_transpose1d`; weight (in_channels, out_channels / groups, kernel).

    Example:
        >>> nn.ConvTranspose1d(8, 3, 4, stride=2, padding=1)(np.ones((2, 8, 5))).shape
        (2, 3, 10)
    """

    axes, function = 1, staticmethod(conv_transpose1d)


class ConvTranspose2d(_TransposedConvolution):
    """The adjoint of `Conv2d` by its input; arguments as for `ConvTranspose1d`.

    Example:
        >>> nn.ConvTranspose2d(8, 3, 2, stride=2)(np.ones((2, 8, 5, 5))).shape
        (2, 3, 10, 10)
    """

    axes, function = 2, staticmethod(conv_transpose2d)


class ConvTranspose3d(_TransposedConvolution):
    """The adjoint of `Conv3d` by its input; arguments as for `ConvTranspose1d`.

    Example:
        >>> nn.ConvTranspose3d(8, 3, 2, stride=2)(np.ones((2, 8, 2, 5, 5))).shape
        (2, 3, 4, 10, 10)
    """

    axes, function = 3, staticmethod(conv_transpose3d)
