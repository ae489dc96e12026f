"""Layers that bring activations to mean 0 and variance 1, or to a norm of 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn.module import Module, check_size
from minigrad.primitives import layer_norm, mean, sqrt, square
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter


class _Norm(Module):
    """What both norms share: the trailing axes that they go over, and a weight for each entry."""

    def __init__(self, normalized_shape: int | Sequence[int], eps: float, dtype: Any) -> None:
        shape = (
            tuple(normalized_shape)
            if isinstance(normalized_shape, Sequence)
            else (normalized_shape,)
        )
        check_size(self, **{f"normalized_shape[{k}]": n for k, n in enumerate(shape)})
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(np.ones(shape, dtype))

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(-len(self.normalized_shape), 0))

    def _check(self, x: Array) -> None:
        if x.shape[-len(self.normalized_shape) :] != self.normalized_shape:
            expected = ", ".join(map(str, self.normalized_shape))
            raise ValueError(
                f"{type(self).__name__}: got an input of shape {x.shape}, expected (…, {expected})"
            )


class LayerNorm(_Norm):
    """(x − mean) / √(variance + eps) · weight + bias (Ba et al. 2016, eq. 4).

    Args:
        normalized_shape: length of the last axis, or lengths of the last axes, that mean and
            variance are taken over.
        eps: keeps the root away from 0.
        bias: whether there is one.
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
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(normalized_shape, eps, dtype)
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if bias else None

    def forward(self, x: Array) -> Array:
        """Normalise the last axes of ``x``."""
        self._check(x)
        bias = np.zeros(self.normalized_shape, x.dtype) if self.bias is None else self.bias
        return layer_norm(x, self.weight, bias, eps=self.eps)


class RMSNorm(_Norm):
    """x / √(mean of squares + eps) · weight (Zhang & Sennrich 2019, eq. 4).

    Args:
        normalized_shape: as for `LayerNorm`.
        eps: keeps the root away from 0.
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
        eps: float = 1e-6,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(normalized_shape, eps, dtype)

    def forward(self, x: Array) -> Array:
        """Scale the last axes of ``x``."""
        self._check(x)
        return x / sqrt(mean(square(x), self._axes, keepdims=True) + self.eps) * self.weight
