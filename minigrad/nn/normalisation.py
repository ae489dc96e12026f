"""Layers that bring activations to mean 0 and variance 1, or to a norm of 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.formats import layout
from minigrad.nn.module import Module, check_size
from minigrad.primitives import (
    expand_dims,
    layer_norm,
    mean,
    moveaxis,
    pad,
    reshape,
    sqrt,
    square,
    windows,
)
from minigrad.primitives.checks import is_plain
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter, raw


def normalised(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array, Array]:
    """(x − mean) / √(variance + eps) over these axes, and the mean and the variance."""
    centre = mean(x, axes, keepdims=True)
    centred = x - centre
    variance = mean(square(centred), axes, keepdims=True)
    return centred / sqrt(variance + eps), centre, variance


class _Scaled(Module):
    """A weight and a bias for each channel, the second axis, or for each entry of the last axes."""

    keras_layout = layout("weight", "bias")

    def _make(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: Any) -> None:
        self.weight = Parameter(np.ones(shape, dtype)) if weight else None
        self.bias = Parameter(np.zeros(shape, dtype)) if bias else None

    def _scaled(self, x: Array, axes: int) -> Array:
        """``x`` times the weight plus the bias, which have this many axes behind theirs."""
        if self.weight is not None:
            x = x * _spread(self.weight, axes)
        return x if self.bias is None else x + _spread(self.bias, axes)


def _spread(parameter: Array, axes: int) -> Array:
    return reshape(parameter, shape=(*parameter.shape, *(1,) * axes)) if axes else parameter


# Over the last axes


class _LastAxes(_Scaled):
    def _make_last(
        self, normalized_shape: int | Sequence[int], weight: bool, bias: bool, dtype: Any
    ) -> None:
        shape = (
            tuple(normalized_shape)
            if isinstance(normalized_shape, Sequence)
            else (normalized_shape,)
        )
        check_size(self, **{f"normalized_shape[{k}]": n for k, n in enumerate(shape)})
        self.normalized_shape = shape
        self._make(shape, weight, bias, dtype)

    def _check(self, x: Array) -> None:
        if x.shape[-len(self.normalized_shape) :] != self.normalized_shape:
            expected = ", ".join(map(str, self.normalized_shape))
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected (…, {expected})"
            )


class LayerNorm(_LastAxes):
    """(x − mean) / √(variance + eps) · weight + bias (Ba et al. 2016, eq. 4).

    Args:
        normalized_shape: length of the last axis, or lengths of the last axes, that mean and
            variance are taken over.
        eps: keeps the root away from 0.
        elementwise_affine: whether there is a weight, and a bias.
        bias: whether there is a bias.
        dtype: of the parameters, which start as 1 and 0.

    Shapes:
        x (…, *normalized_shape) → the same; weight and bias (*normalized_shape,).

    Example:
        >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
        >>> print(nn.LayerNorm(2)(x).data.round(3))
        [[-1.  1.]
         [-1.  1.]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        self.eps = eps
        self._make_last(normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, x: Array) -> Array:
        """Normalise the last axes of ``x``."""
        self._check(x)
        kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        weight = np.ones(self.normalized_shape, kind) if self.weight is None else self.weight
        bias = np.zeros(self.normalized_shape, kind) if self.bias is None else self.bias
        return layer_norm(x, weight, bias, eps=self.eps)


class RMSNorm(_LastAxes):
    """x / √(mean of squares + eps) · weight (Zhang & Sennrich 2019, eq. 4).

    Args:
        normalized_shape: as for `LayerNorm`.
        eps: keeps the root away from 0; the smallest step from 1 of x's dtype if ``None``.
        elementwise_affine: whether there is a weight.
        dtype: of the weight, which starts as 1.

    Shapes:
        x (…, *normalized_shape) → the same; weight (*normalized_shape,).

    Example:
        >>> print(nn.RMSNorm(2)(np.array([[3.0, 3.0], [-5.0, 5.0]])).data.round(3))
        [[ 1.  1.]
         [-1.  1.]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        self.eps = eps
        self._make_last(normalized_shape, elementwise_affine, False, dtype)

    def forward(self, x: Array) -> Array:
        """Scale the last axes of ``x``."""
        self._check(x)
        axes = tuple(range(-len(self.normalized_shape), 0))
        kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        eps = float(np.finfo(kind).eps) if self.eps is None else self.eps
        return self._scaled(x / sqrt(mean(square(x), axes, keepdims=True) + eps), 0)


# Over the batch, the places, or groups of channels


class _Channels(_Scaled):
    """Base of the norms over channels, which are the second axis."""

    axes: ClassVar[tuple[int, ...]] = ()  # how many axes x may have

    def _check(self, x: Array) -> None:
        if x.ndim < 2 or (self.axes and x.ndim not in self.axes) or x.shape[1] != self.channels:
            more = " or ".join(str(n) for n in self.axes) or "at least 2"
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected (batch, "
                f"{self.channels}, …) with {more} axes"
            )

    channels: int


class _Tracking(_Channels):
    """With running means of what training sees, to be used in evaluation."""

    keras_layout = layout("weight", "bias", "running_mean", "running_var")
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any
    changing: ClassVar[tuple[str, ...]] = ("num_batches_tracked",)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, num_features=num_features)
        self.channels, self.eps, self.momentum = num_features, eps, momentum
        self.track_running_stats = track_running_stats
        self._make((num_features,), affine, affine and bias, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0) if tracked else None)

    def _track(self, centre: Array, variance: Array, count: int) -> None:
        """Move the running means towards these, (channels,), and count the batch."""
        self.num_batches_tracked = self.num_batches_tracked + 1
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self._move(centre, variance, count, share)

    def _move(self, centre: Array, variance: Array, count: int, share: float) -> None:
        kind = self.running_mean.dtype
        unbiased = raw(variance) * (count / max(count - 1, 1))
        for name, seen in (("running_mean", raw(centre)), ("running_var", unbiased)):
            if not is_plain(seen):  # another world has its own numbers
                return
            moved = (1 - share) * getattr(self, name) + share * seen
            setattr(self, name, moved.astype(kind))

    def _by_running_means(self, x: Array) -> Array:
        shape = (-1, *(1,) * (x.ndim - 2))
        centre, variance = (a.reshape(shape) for a in (self.running_mean, self.running_var))
        return self._scaled((x - centre) / np.sqrt(variance + self.eps), x.ndim - 2)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.channels}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(_Tracking):
    """(x − mean) / √(variance + eps) · weight + bias over the batch (Ioffe & Szegedy 2015, alg. 1).

    In training, mean and variance are those of the batch, and running means of them are kept; in
    `eval` mode these are used.

    Args:
        num_features: number of channels.
        eps: keeps the root away from 0.
        momentum: share of the batch in the running means; ``None`` for the mean of all batches.
        affine: whether there are a weight and a bias.
        track_running_stats: whether running means are kept; if not, evaluation takes the batch's.
        bias: whether there is a bias.
        dtype: of the parameters and the running means.

    Shapes:
        x (batch, channels) or (batch, channels, length) → the same; weight, bias, running_mean and
        running_var (channels,). The running variance is that of a sample, divided by n − 1.

    Raises:
        ValueError: other channels; or, in training, a single number for each channel.

    Example:
        >>> norm = nn.BatchNorm1d(1, momentum=0.5)
        >>> print(norm(np.array([[1.0], [3.0]])).data.round(3).ravel(), norm.running_mean)
        [-1.  1.] [1.]
    """

    axes: ClassVar[tuple[int, ...]] = (2, 3)

    def forward(self, x: Array) -> Array:
        """Normalise each channel of ``x``."""
        self._check(x)
        if not self.training and self.track_running_stats:
            return self._by_running_means(x)
        axes = (0, *range(2, x.ndim))
        count = int(np.prod([x.shape[a] for a in axes]))
        if self.training and count < 2:
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected more than one "
                "number for each channel in training; call .eval() to use the running means"
            )
        y, centre, variance = normalised(x, axes, self.eps)
        if self.training and self.track_running_stats:
            self._track(reshape(centre, shape=(-1,)), reshape(variance, shape=(-1,)), count)
        return self._scaled(y, x.ndim - 2)


class BatchNorm2d(BatchNorm1d):
    """As `BatchNorm1d`, for images (batch, channels, height, width).

    Example:
        >>> nn.BatchNorm2d(3)(np.ones((2, 3, 4, 4))).shape
        (2, 3, 4, 4)
    """

    axes = (4,)


class BatchNorm3d(BatchNorm1d):
    """As `BatchNorm1d`, for volumes (batch, channels, depth, height, width).

    Example:
        >>> nn.BatchNorm3d(3)(np.ones((2, 3, 4, 4, 4))).shape
        (2, 3, 4, 4, 4)
    """

    axes = (5,)


class InstanceNorm1d(_Tracking):
    """Each channel of each sample by its own mean and variance (Ulyanov et al. 2016, eq. 4).

    Arguments as for `BatchNorm1d`, with ``affine`` and ``track_running_stats`` off if not given.

    Shapes:
        x (batch, channels, length), or without the batch → the same.

    Example:
        >>> x = np.array([[[1.0, 3.0], [10.0, 30.0]]])
        >>> print(nn.InstanceNorm1d(2)(x).round(3))
        [[[-1.  1.]
          [-1.  1.]]]
    """

    axes = (3,)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(
            num_features, eps, momentum or 0.0, affine, track_running_stats, bias=bias, dtype=dtype
        )

    def forward(self, x: Array) -> Array:
        """Normalise each channel of each sample of ``x``."""
        if x.ndim == self.axes[0] - 1:
            return self.forward(expand_dims(x, 0))[0]
        self._check(x)
        if not self.training and self.track_running_stats:
            return self._by_running_means(x)
        axes = tuple(range(2, x.ndim))
        count = int(np.prod(x.shape[2:]))
        if self.training and count < 2:
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected more than one "
                "place for each channel in training"
            )
        y, centre, variance = normalised(x, axes, self.eps)
        if self.training and self.track_running_stats:
            own = (0, *axes)
            self._move(mean(raw(centre), own), mean(raw(variance), own), count, self.momentum or 0)
        return self._scaled(y, x.ndim - 2)


class InstanceNorm2d(InstanceNorm1d):
    """As `InstanceNorm1d`, for images (batch, channels, height, width).

    Example:
        >>> nn.InstanceNorm2d(3)(np.ones((2, 3, 4, 4))).shape
        (2, 3, 4, 4)
    """

    axes = (4,)


class InstanceNorm3d(InstanceNorm1d):
    """As `InstanceNorm1d`, for volumes (batch, channels, depth, height, width).

    Example:
        >>> nn.InstanceNorm3d(3)(np.ones((2, 3, 4, 4, 4))).shape
        (2, 3, 4, 4, 4)
    """

    axes = (5,)


class GroupNorm(_Channels):
    """Groups of channels of each sample by their own mean and variance (Wu & He 2018, eq. 7).

    Args:
        num_groups: a divisor of the channels; 1 normalises all of them together.
        num_channels: of x.
        eps: keeps the root away from 0.
        affine: whether there are a weight and a bias.
        bias: whether there is a bias.
        dtype: of the parameters.

    Shapes:
        x (batch, channels, …) → the same; weight and bias (channels,).

    Raises:
        ValueError: the groups do not divide the channels.

    Example:
        >>> x = np.array([[1.0, 3.0, 10.0, 30.0]])
        >>> print(nn.GroupNorm(2, 4)(x).data.round(3))
        [[-1.  1. -1.  1.]]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: got num_groups={num_groups} and num_channels={num_channels}, expected "
                "a divisor of the channels"
            )
        self.groups, self.channels, self.eps = num_groups, num_channels, eps
        self._make((num_channels,), affine, affine and bias, dtype)

    def forward(self, x: Array) -> Array:
        """Normalise each group of ``x``."""
        self._check(x)
        size = self.channels // self.groups * math.prod(x.shape[2:])
        together = reshape(x, shape=(x.shape[0], self.groups, size))
        y, _, _ = normalised(together, (2,), self.eps)
        return self._scaled(reshape(y, shape=x.shape), x.ndim - 2)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.groups}, {self.channels}, eps={self.eps}"


class LocalResponseNorm(Module):
    """x / (k + α · mean of the squares of neighbouring channels)^β.

    Krizhevsky et al. 2012, section 3.3, with the mean in place of their sum, as in PyTorch.

    Args:
        size: how many channels.
        alpha: α.
        beta: β.
        k: k.

    Shapes:
        x (batch, channels, …) → the same.

    Example:
        >>> print(nn.LocalResponseNorm(1, alpha=1.0, beta=0.5)(np.full((1, 1, 1), 2.0)).round(4))
        [[[0.8944]]]
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        check_size(self, size=size)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Array) -> Array:
        """Scale each channel by its neighbours."""
        if x.ndim < 3:
            raise ValueError(
                f"LocalResponseNorm: got an input of shape {x.shape}, expected (batch, channels, …)"
            )
        squares = moveaxis(square(x), 1, -1)
        before = self.size // 2
        padded = pad(squares, [(0, 0)] * (x.ndim - 1) + [(before, self.size - 1 - before)])
        near = mean(windows(padded, size=(self.size,), stride=(1,)), -2)
        return x / (self.k + self.alpha * moveaxis(near, -1, 1)) ** self.beta
