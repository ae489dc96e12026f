"""Convolutional layers, over `minigrad.conv1d` and `minigrad.conv2d`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import conv1d, conv2d
from minigrad.primitives.primitive import Array, Rule
from minigrad.tensor import Parameter

Size = int | Sequence[int]


class _Convolution(Module):
    """What they share; ``axes`` is how many axes the kernel moves along."""

    axes: ClassVar[int]
    function: ClassVar[Rule]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Size = 0,
        bias: bool = True,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        kernel = (
            tuple(kernel_size)
            if isinstance(kernel_size, Sequence)
            else (kernel_size,) * self.axes
        )  # fmt: skip
        check_size(self, in_channels=in_channels, out_channels=out_channels,
                   **{f"kernel_size[{k}]": n for k, n in enumerate(kernel)})  # fmt: skip
        if len(kernel) != self.axes:
            raise ValueError(
                f"{type(self).__name__}: got kernel_size={kernel}, expected {self.axes} numbers"
            )
        self.stride, self.padding = stride, padding
        rng = np.random.default_rng(rng)
        bound = (in_channels * math.prod(kernel)) ** -0.5
        shape = (out_channels, in_channels, *kernel)
        self.weight = Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
        self.bias = (
            Parameter(rng.uniform(-bound, bound, out_channels).astype(dtype)) if bias else None
        )

    def forward(self, x: Array) -> Array:
        """Every kernel at every place of ``x``."""
        return type(self).function(
            x, self.weight, self.bias, stride=self.stride, padding=self.padding
        )


class Conv1d(_Convolution):
    """Kernels that move along one axis; the kernel is not flipped.

    Args:
        in_channels: of x.
        out_channels: of y: the number of kernels.
        kernel_size: length of a kernel.
        stride: entries from one place to the next.
        padding: zeros before and after x.
        bias: whether there is one.
        rng: seed or generator of the initial weights, uniform in ±1/√(in_channels · kernel).
        dtype: of the parameters.

    Shapes:
        x (batch, in_channels, length) → (batch, out_channels, length′), with
        length′ = (length + 2 · padding − kernel) // stride + 1;
        weight (out_channels, in_channels, kernel), bias (out_channels,).
    """

    axes = 1
    function = staticmethod(conv1d)


class Conv2d(_Convolution):
    """Kernels that move over an image; the kernel is not flipped.

    Arguments as for `Conv1d`; ``kernel_size``, ``stride`` and ``padding`` are one number or
    (down, right).

    Shapes:
        x (batch, in_channels, height, width) → (batch, out_channels, height′, width′);
        weight (out_channels, in_channels, kernel height, kernel width), bias (out_channels,).
    """

    axes = 2
    function = staticmethod(conv2d)
