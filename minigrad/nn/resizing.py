"""Interpolation: images and sequences in another size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from minigrad.nn.module import Module
from minigrad.primitives import adaptive_avg_pool, take
from minigrad.primitives.primitive import Array

Mode = Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"]
_AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
_KEYS = -0.75  # the parameter of the cubic that PyTorch, OpenCV and Pillow take


def interpolate(
    x: Array,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: Mode = "nearest",
    align_corners: bool = False,
) -> Array:
    """Resize ``x`` along its last axes.

    Args:
        x: (batch, channels, *lengths), one to three lengths.
        size: the new lengths, or one for all.
        scale_factor: instead, the factor of the lengths.
        mode: ``"nearest"`` takes the entry at ⌊position⌋, ``"nearest-exact"`` the nearest one;
            ``"linear"``, ``"bilinear"`` and ``"trilinear"`` weigh the two neighbours along each
            axis, ``"bicubic"`` four (Keys 1981, with a = −¾); ``"area"`` takes means, as
            `minigrad.adaptive_avg_pool`.
        align_corners: whether the first and the last entries keep their places, and not the outer
            edges.

    Raises:
        ValueError: neither or both of size and scale, a mode for other axes, or an empty result.

    Example:
        >>> print(nn.interpolate(np.array([[[1.0, 3.0]]]), size=4))
        [[[1. 1. 3. 3.]]]
        >>> print(nn.interpolate(np.array([[[1.0, 3.0]]]), size=4, mode="linear"))
        [[[1.  1.5 2.5 3. ]]]
    """
    n = x.ndim - 2
    if mode not in get_args(Mode) or _AXES.get(mode, n) != n or not 1 <= n <= 3:
        raise ValueError(
            f"interpolate: got mode {mode!r} for shape {x.shape}, expected (batch, channels, …) "
            "and nearest, nearest-exact or area, or linear for one more axis, bilinear or bicubic "
            "for two, trilinear for three"
        )
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: got size and scale_factor both or neither, expected one")
    scales: list[float | None] = [None] * n
    if scale_factor is not None:
        scales = list(_each(scale_factor, n))
        sizes = [math.floor(m * s) for m, s in zip(x.shape[2:], scales, strict=True)]
    else:
        assert size is not None
        sizes = [int(s) for s in _each(size, n)]
    if min(sizes) < 1:
        raise ValueError(f"interpolate: got a size of {tuple(sizes)}, expected positive numbers")
    if mode == "area":
        return adaptive_avg_pool(x, sizes)
    for k, (new, scale) in enumerate(zip(sizes, scales, strict=True)):
        x = _along(x, k - n, new, scale, mode, align_corners)
    return x


class Upsample(Module):
    """`interpolate` as a module.

    Example:
        >>> nn.Upsample(scale_factor=2, mode="bilinear")(np.ones((1, 3, 4, 5))).shape
        (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: Mode = "nearest",
        align_corners: bool = False,
    ) -> None:
        self.size, self.scale_factor = size, scale_factor
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Array) -> Array:
        """Resize ``x``."""
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)


def _each(value: float | Sequence[float], n: int) -> Sequence[float]:
    values = [value] * n if isinstance(value, int | float | np.number) else list(value)
    if len(values) != n:
        raise ValueError(f"interpolate: got {value}, expected one number or {n}")
    return values


def _along(
    x: Array, axis: int, new: int, scale: float | None, mode: str, align_corners: bool
) -> Array:
    """Along one axis: neighbours of each place, times their weights."""
    old = x.shape[axis]
    step = 1 / scale if scale is not None else old / new
    places = np.arange(new)
    if mode == "nearest":
        return take(x, np.minimum(np.floor(places * step).astype(int), old - 1), axis)
    if mode == "nearest-exact":
        return take(x, np.minimum(np.floor((places + 0.5) * step).astype(int), old - 1), axis)
    if align_corners:
        position = places * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        position = (places + 0.5) * step - 0.5
        if mode != "bicubic":
            position = np.maximum(position, 0)
    first = np.floor(position).astype(int)
    t = position - first
    if mode == "bicubic":
        offsets, weights = range(-1, 3), [_outer(t + 1), _inner(t), _inner(1 - t), _outer(2 - t)]
    else:
        offsets, weights = range(2), [1 - t, t]
    total: Array = 0
    for offset, weight in zip(offsets, weights, strict=True):
        shape = (-1, *(1,) * (-axis - 1))
        kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        seen = take(x, np.clip(first + offset, 0, old - 1), axis)
        total = total + seen * weight.reshape(shape).astype(kind)
    return total


def _inner(t: np.ndarray) -> np.ndarray:
    """The cubic within 1 of its middle."""
    return ((_KEYS + 2) * t - (_KEYS + 3)) * t * t + 1


def _outer(t: np.ndarray) -> np.ndarray:
    """The cubic from 1 to 2."""
    return ((_KEYS * t - 5 * _KEYS) * t + 8 * _KEYS) * t - 4 * _KEYS
