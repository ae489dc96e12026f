"""Affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import affine
from minigrad.primitives.primitive import Array
from minigrad.scope import scope
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

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
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
        layer = cls(*kernel.shape, bias=len(weights) == 2, dtype=kernel.dtype)
        layer.load_keras_weights(weights)
        return layer

    def load_keras_weights(self, weights: Sequence[Any]) -> None:
        """Take what ``get_weights()`` of Keras's Dense gives: kernel, and bias if there is one.

        Raises:
            ValueError: not these shapes.
        """
        names = ("weight", "bias")[: len(self.state_dict())]
        if len(weights) != len(names):
            raise ValueError(f"Linear: got {len(weights)} arrays, expected {len(names)}")
        kernel, *bias = (np.asarray(w) for w in weights)
        self.load_state_dict(dict(zip(names, (kernel.T, *bias), strict=True)))

    def forward(self, x: Array) -> Array:
        """Apply the map to the last axis of ``x``."""
        check_width(self, x, self.weight.shape[1])
        if self.bias is None:
            return x @ self.weight.T
        return affine(x, self.weight, self.bias)


class Gate(Module):
    """An affine map of what a cell hands it: W · [h, x] + b.

    It learns the widths of its operands from the first call, which `Cell` makes, and which of
    them depend on the state: there the state is NaN.

    Args:
        out_features: width of the result.
        rng: generator of the initial weights, uniform in ±1/√out_features.
        dtype: of the parameters.

    Example:
        >>> cell = nn.LSTMCell(3, 8)
        >>> cell.f
        Gate(weight: (8, 11), bias: (8,))
        >>> cell.f.weight.shape
        (8, 11)
    """

    weight: Parameter
    bias: Parameter

    def __init__(self, out_features: int, *, rng: np.random.Generator, dtype: Any) -> None:
        self.out_features = out_features
        self.widths: tuple[int, ...] = ()
        self.recurrent: tuple[bool, ...] = ()
        self._rng, self._dtype = rng, dtype

    def __call__(self, *operands: Array) -> Array:
        """The gate's value before its activation, (batch, out_features)."""
        with scope("gate", self.name):
            return self.forward(*operands)

    def forward(self, *operands: Array) -> Array:
        """W · [operands] + b."""
        widths = tuple(operand.shape[-1] for operand in operands)
        if not self.widths:
            self.recurrent = tuple(bool(np.isnan(operand).any()) for operand in operands)
            self._build(widths)
        if widths != self.widths:
            raise ValueError(
                f"gate {self.name}: got operands of widths {widths}, expected {self.widths}"
            )
        joined = np.concatenate(operands, axis=-1) if len(operands) > 1 else operands[0]
        return joined @ self.weight.T + self.bias

    def columns(self, *, recurrent: bool) -> np.ndarray:
        """Which columns of the weight meet the state, or only the input."""
        return np.repeat(np.array(self.recurrent) == recurrent, self.widths)

    def _build(self, widths: tuple[int, ...]) -> None:
        bound = self.out_features**-0.5
        draw = self._rng.uniform
        weight = draw(-bound, bound, (self.out_features, sum(widths)))
        self.weight = Parameter(weight.astype(self._dtype))
        self.bias = Parameter(draw(-bound, bound, self.out_features).astype(self._dtype))
        self.widths = widths


def check_width(owner: Module, x: Array, width: int) -> None:
    """Refuse an input whose last axis is not ``width`` long."""
    if not x.ndim or x.shape[-1] != width:
        raise ValueError(
            f"{type(owner).__name__}: got an input of shape {x.shape}, "
            f"expected (…, {width}), for its weights have that many columns"
        )
