"""Modules that only move entries: flattened, padded, enlarged, from channels into space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.module import Module, check_size
from minigrad.primitives import moveaxis, pad, reshape
from minigrad.primitives.primitive import Array


class Identity(Module):
    """x itself; whatever it is made with.

    Example:
        >>> print(nn.Identity(54, unused=True)(np.ones(2)))
        [1. 1.]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Array) -> Array:
        """``x`` itself."""
        return x


class Flatten(Module):
    """Some axes of x as one.

    Args:
        start_dim: the first of them.
        end_dim: the last of them.

    Example:
        >>> nn.Flatten()(np.ones((5, 3, 4, 4))).shape
        (5, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Array) -> Array:
        """The same entries in another shape.

        Raises:
            ValueError: there are no such axes.
        """
        first, last = (d % x.ndim if -x.ndim <= d < x.ndim else x.ndim
                       for d in (self.start_dim, self.end_dim))  # fmt: skip
        if not first <= last < x.ndim:
            raise ValueError(
                f"Flatten: got an input of shape {x.shape}, expected axes {self.start_dim} to "
                f"{self.end_dim}"
            )
        length = math.prod(x.shape[first : last + 1])
        return reshape(x, shape=(*x.shape[:first], length, *x.shape[last + 1 :]))


class Unflatten(Module):
    """One axis of x as several.

    Args:
        dim: the axis.
        unflattened_size: the lengths that take its place; one of them may be −1.

    Example:
        >>> nn.Unflatten(1, (3, 4, -1))(np.ones((5, 48))).shape
        (5, 3, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Array) -> Array:
        """The same entries in another shape."""
        dim = self.dim % x.ndim
        return reshape(x, shape=(*x.shape[:dim], *self.unflattened_size, *x.shape[dim + 1 :]))


# Padding

Width = int | Sequence[int]


class _Padding(Module):
    """Entries before and after each of the last axes."""

    axes: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Width) -> None:
        flat = (padding,) * (2 * self.axes) if isinstance(padding, int | np.integer) else padding
        if len(flat) != 2 * self.axes:
            raise ValueError(
                f"{type(self).__name__}: got padding {tuple(flat)}, expected one number, or "
                f"{2 * self.axes}: before and after the last axis, then the one before it"
            )
        self.padding = tuple(int(p) for p in flat)

    @property
    def widths(self) -> list[tuple[int, int]]:
        """Before and after each axis, in the order of the axes."""
        pairs = zip(self.padding[::2], self.padding[1::2], strict=True)
        return list(pairs)[::-1]

    def forward(self, x: Array) -> Array:
        """``x`` with entries around it; with fewer where a width is negative.

        Raises:
            ValueError: x has other axes, or is too small for what the padding repeats.
        """
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected (batch, "
                f"channels) and {self.axes} more axes, or without the batch"
            )
        lengths = x.shape[-self.axes :]
        most = {"reflect": -1, "wrap": 0}.get(self.mode, math.inf)
        for length, pair in zip(lengths, self.widths, strict=True):
            if max(pair) > length + most:
                raise ValueError(
                    f"{type(self).__name__}: got an axis of length {length} and padding {pair}, "
                    f"expected at most {length + most:.0f}"
                )
            if length + sum(pair) < 1:
                raise ValueError(
                    f"{type(self).__name__}: nothing is left of an axis of length {length} with "
                    f"padding {pair}"
                )
        cut = tuple(slice(max(-a, 0), length - max(-b, 0))
                    for length, (a, b) in zip(lengths, self.widths, strict=True))  # fmt: skip
        if any(min(pair) < 0 for pair in self.widths):
            x = x[(..., *cut)]
        around = [(0, 0)] * (x.ndim - self.axes) + [(max(a, 0), max(b, 0)) for a, b in self.widths]
        return self._filled(x, around)

    def _filled(self, x: Array, around: list[tuple[int, int]]) -> Array:
        return pad(x, around, self.mode)

    def extra_repr(self) -> str:
        """The widths."""
        return f"padding={self.padding}"


class ConstantPad1d(_Padding):
    """Pad the last axis with a number.

    Args:
        padding: how many entries: one number, or (before, after).
        value: the number.

    Shapes:
        x (batch, channels, length), or without the batch.

    Example:
        >>> print(nn.ConstantPad1d((1, 2), 9.0)(np.ones((1, 2))))
        [[9. 1. 1. 9. 9.]]
    """

    axes, mode = 1, "constant"

    def __init__(self, padding: Width, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def _filled(self, x: Array, around: list[tuple[int, int]]) -> Array:
        return pad(x, around, constant_values=self.value)


class ConstantPad2d(ConstantPad1d):
    """A number around an image; ``padding`` is (left, right, top, bottom).

    Example:
        >>> print(nn.ConstantPad2d((1, 0, 0, 1), 9.0)(np.ones((1, 1, 2))))
        [[[9. 1. 1.]
          [9. 9. 9.]]]
    """

    axes = 2


class ConstantPad3d(ConstantPad1d):
    """A number around a volume; ``padding`` is (left, right, top, bottom, front, back).

    Example:
        >>> nn.ConstantPad3d(1, 9.0)(np.ones((1, 2, 2, 2))).shape
        (1, 4, 4, 4)
    """

    axes = 3


class ZeroPad1d(_Padding):
    """Zeros before and after the last axis; ``padding`` as for `ConstantPad1d`.

    Example:
        >>> print(nn.ZeroPad1d((1, 2))(np.ones((1, 2))))
        [[0. 1. 1. 0. 0.]]
    """

    axes, mode = 1, "constant"


class ZeroPad2d(ZeroPad1d):
    """Zeros around an image; ``padding`` as for `ConstantPad2d`.

    Example:
        >>> nn.ZeroPad2d(1)(np.ones((1, 2, 2))).shape
        (1, 4, 4)
    """

    axes = 2


class ZeroPad3d(ZeroPad1d):
    """Zeros around a volume; ``padding`` as for `ConstantPad3d`.

    Example:
        >>> nn.ZeroPad3d(1)(np.ones((1, 2, 2, 2))).shape
        (1, 4, 4, 4)
    """

    axes = 3


class ReflectionPad1d(_Padding):
    """The entries mirrored at the edges, which are not repeated; ``padding`` as for `ZeroPad1d`.

    Example:
        >>> print(nn.ReflectionPad1d(2)(np.array([[1.0, 2.0, 3.0]])))
        [[3. 2. 1. 2. 3. 2. 1.]]
    """

    axes, mode = 1, "reflect"


class ReflectionPad2d(ReflectionPad1d):
    """As `ReflectionPad1d`, around an image.

    Example:
        >>> nn.ReflectionPad2d(1)(np.ones((1, 2, 2))).shape
        (1, 4, 4)
    """

    axes = 2


class ReflectionPad3d(ReflectionPad1d):
    """As `ReflectionPad1d`, around a volume.

    Example:
        >>> nn.ReflectionPad3d(1)(np.ones((1, 2, 2, 2))).shape
        (1, 4, 4, 4)
    """

    axes = 3


class ReplicationPad1d(_Padding):
    """The entry at the edge once more; ``padding`` as for `ZeroPad1d`.

    Example:
        >>> print(nn.ReplicationPad1d(2)(np.array([[1.0, 2.0, 3.0]])))
        [[1. 1. 1. 2. 3. 3. 3.]]
    """

    axes, mode = 1, "edge"


class ReplicationPad2d(ReplicationPad1d):
    """As `ReplicationPad1d`, around an image.

    Example:
        >>> nn.ReplicationPad2d(1)(np.ones((1, 2, 2))).shape
        (1, 4, 4)
    """

    axes = 2


class ReplicationPad3d(ReplicationPad1d):
    """As `ReplicationPad1d`, around a volume.

    Example:
        >>> nn.ReplicationPad3d(1)(np.ones((1, 2, 2, 2))).shape
        (1, 4, 4, 4)
    """

    axes = 3


class CircularPad1d(_Padding):
    """The entries of the other end; ``padding`` as for `ZeroPad1d`.

    Example:
        >>> print(nn.CircularPad1d(2)(np.array([[1.0, 2.0, 3.0]])))
        [[2. 3. 1. 2. 3. 1. 2.]]
    """

    axes, mode = 1, "wrap"


class CircularPad2d(CircularPad1d):
    """As `CircularPad1d`, around an image.

    Example:
        >>> nn.CircularPad2d(1)(np.ones((1, 2, 2))).shape
        (1, 4, 4)
    """

    axes = 2


class CircularPad3d(CircularPad1d):
    """As `CircularPad1d`, around a volume.

    Example:
        >>> nn.CircularPad3d(1)(np.ones((1, 2, 2, 2))).shape
        (1, 4, 4, 4)
    """

    axes = 3


# Channels into space, and enlargement


class PixelShuffle(Module):
    """Channels as finer pixels (Shi et al. 2016, eq. 4).

    Args:
        upscale_factor: r.

    Shapes:
        x (…, channels · r², height, width) → (…, channels, height · r, width · r).

    Example:
        >>> print(nn.PixelShuffle(2)(np.arange(4.0).reshape(4, 1, 1)))
        [[[0. 1.]
          [2. 3.]]]
    """

    def __init__(self, upscale_factor: int) -> None:
        check_size(self, upscale_factor=upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, x: Array) -> Array:
        """The same entries in another place.

        Raises:
            ValueError: r² does not divide the channels.
        """
        r = self.upscale_factor
        if x.ndim < 3 or x.shape[-3] % r**2:
            raise ValueError(
                f"PixelShuffle: got an input of shape {x.shape}, expected (…, channels, height, "
                f"width) with a multiple of {r**2} channels"
            )
        *lead, channels, height, width = x.shape
        apart = reshape(x, shape=(*lead, channels // r**2, r, r, height, width))
        turned = moveaxis(moveaxis(apart, -4, -2), -4, -1)  # (…, channels, height, r, width, r)
        return reshape(turned, shape=(*lead, channels // r**2, height * r, width * r))


class PixelUnshuffle(Module):
    """The opposite of `PixelShuffle`.

    Args:
        downscale_factor: r.

    Shapes:
        x (…, channels, height · r, width · r) → (…, channels · r², height, width).

    Example:
        >>> nn.PixelUnshuffle(2)(np.ones((1, 4, 6))).shape
        (4, 2, 3)
    """

    def __init__(self, downscale_factor: int) -> None:
        check_size(self, downscale_factor=downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, x: Array) -> Array:
        """The same entries in another place.

        Raises:
            ValueError: r does not divide height and width.
        """
        r = self.downscale_factor
        if x.ndim < 3 or x.shape[-1] % r or x.shape[-2] % r:
            raise ValueError(
                f"PixelUnshuffle: got an input of shape {x.shape}, expected (…, channels, height, "
                f"width), both multiples of {r}"
            )
        *lead, channels, height, width = x.shape
        apart = reshape(x, shape=(*lead, channels, height // r, r, width // r, r))
        turned = moveaxis(moveaxis(apart, -3, -4), -1, -3)
        return reshape(turned, shape=(*lead, channels * r**2, height // r, width // r))
