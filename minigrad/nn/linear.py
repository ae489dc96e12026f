"""Affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from minigrad.nn.formats import layout
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import affine, sum
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter


class Linear(Module):
    """y = x Wᵀ + b.

    Args:
        in_features: width of x.
        out_features: width of y.
        bias: whether there is a b.
        rng: seed or generator of the initial weights, uniform in ±1/√in_features.
        dtype: of the parameters.

    Shapes:
        x (…, in_features) → y (…, out_features); weight (out_features, in_features),
        bias (out_features,).

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> layer(np.ones((5, 3))).shape, layer.weight.shape
        ((5, 2), (2, 3))
    """

    keras_layout = layout("bias", weight=(1, 0))

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, in_features=in_features, out_features=out_features)
        rng = np.random.default_rng(rng)
        bound = in_features**-0.5
        shape = (out_features, in_features)
        self.weight = Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
        self.bias = (
            Parameter(rng.uniform(-bound, bound, out_features).astype(dtype)) if bias else None
        )

    @classmethod
    def from_keras_weights(cls, weights: Sequence[Any]) -> Self:
        """A layer of the sizes and the dtype of what ``get_weights()`` of Keras's Dense gives.

        Raises:
            ValueError: not a kernel, and a bias if there is one, that fit.
        """
        kernel = np.asarray(weights[0]) if len(weights) in (1, 2) else np.empty(0)
        if kernel.ndim != 2:
            raise ValueError(
                f"{cls.__name__}.from_keras_weights: got shapes {[np.shape(w) for w in weights]}, "
                "expected a kernel (in_features, out_features), and a bias if there is one"
            )
        layer = cls(len(kernel), kernel.shape[-1], len(weights) == 2, dtype=kernel.dtype)
        layer.load_keras_weights(weights)
        return layer

    def forward(self, x: Array) -> Array:
        """Apply the map to the last axis of ``x``."""
        check_width(self, x, self.weight.shape[1])
        if self.bias is None:
            return x @ self.weight.T
        return affine(x, self.weight, self.bias)


class Bilinear(Module):
    """y_k = x₁ᵀ A_k x₂ + b_k.

    Args:
        in1_features: width of x₁.
        in2_features: width of x₂.
        out_features: width of y.
        bias: whether there is a b.
        rng: seed or generator of the initial weights, uniform in ±1/√in1_features.
        dtype: of the parameters.

    Shapes:
        x₁ (…, in1_features), x₂ (…, in2_features) → y (…, out_features);
        weight (out_features, in1_features, in2_features), bias (out_features,).

    Example:
        >>> nn.Bilinear(3, 4, 2)(np.ones((5, 3)), np.ones((5, 4))).shape
        (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(
            self, in1_features=in1_features, in2_features=in2_features, out_features=out_features
        )
        rng = np.random.default_rng(rng)
        bound, shape = in1_features**-0.5, (out_features, in1_features, in2_features)
        self.weight = Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
        self.bias = (
            Parameter(rng.uniform(-bound, bound, out_features).astype(dtype)) if bias else None
        )

    def forward(self, x1: Array, x2: Array) -> Array:
        """Apply the map to the last axes of both."""
        _, first, second = self.weight.shape
        check_width(self, x1, first)
        check_width(self, x2, second)
        if x1.shape[:-1] != x2.shape[:-1]:
            raise ValueError(
                f"Bilinear: got inputs of shapes {x1.shape} and {x2.shape}, expected the same but "
                "for the last axis"
            )
        seen = np.expand_dims(x1, (-3, -2)) @ self.weight  # (…, out, 1, in2)
        y = sum(seen[..., 0, :] * np.expand_dims(x2, -2), axis=-1)
        return y if self.bias is None else y + self.bias


def check_width(owner: Module, x: Array, width: int) -> None:
    """Refuse an input whose last axis is not ``width`` long."""
    if not x.ndim or x.shape[-1] != width:
        raise ValueError(
            f"{type(owner).__name__}: got an input of shape {x.shape}, "
            f"expected (…, {width}): its weights have that many columns"
        )
