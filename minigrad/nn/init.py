"""How weights start.

Each function takes a weight's shape (outputs, inputs, *kernel) and gives an array. A layer's
weights are set with ``layer.weight.data = init.orthogonal(layer.weight.shape, rng=0)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.module import Module, Seed

Shape = tuple[int, ...]


def glorot_uniform(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010, eq. 16)."""
    bound = math.sqrt(6 / sum(_fans(shape)))
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def glorot_normal(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Normal with variance 2 / (inputs + outputs) (Glorot & Bengio 2010, eq. 12)."""
    scale = math.sqrt(2 / sum(_fans(shape)))
    return np.random.default_rng(rng).normal(0, scale, shape).astype(dtype)


def he_uniform(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Uniform in ±√(6 / inputs), of `he_normal`'s variance."""
    bound = math.sqrt(6 / _fans(shape)[0])
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def he_normal(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Normal with variance 2 / inputs, for layers before a ReLU (He et al. 2015, eq. 10)."""
    scale = math.sqrt(2 / _fans(shape)[0])
    return np.random.default_rng(rng).normal(0, scale, shape).astype(dtype)


def orthogonal(
    shape: Shape, *, gain: float = 1.0, rng: Seed = None, dtype: Any = np.float32
) -> np.ndarray:
    """Rows, or columns if those are fewer, at right angles and of length ``gain``.

    All such matrices are equally likely: Saxe et al. 2014, section 3; drawn as in Mezzadri 2007,
    section 5, where the signs of R's diagonal make the QR decomposition unique.
    """
    _fans(shape)
    outputs, inputs = shape[0], math.prod(shape[1:])
    tall = np.random.default_rng(rng).normal(size=(max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diagonal(r))
    flat = q if outputs >= inputs else q.T
    return (gain * flat).reshape(shape).astype(dtype)


def set_forget_bias(model: Module, value: float = 1.0) -> None:
    """Set the bias of every forget gate, a gate named ``f``: 1 lets memories last at first.

    Gers et al. 2000, section 4; Jozefowicz et al. 2015, section 3.2.

    Raises:
        ValueError: the model has no such gate.
    """
    biases = [p for name, p in model.named_parameters() if f".{name}".endswith(".f.bias")]
    if not biases:
        raise ValueError(f"set_forget_bias: {type(model).__name__} has no gate named f")
    for bias in biases:
        bias.data = np.full_like(bias.data, value)


def _fans(shape: Shape) -> tuple[int, int]:
    """Numbers of inputs and outputs of one entry of the result; a kernel's places count each."""
    if len(shape) < 2:
        raise ValueError(f"init: got shape {shape}, expected (outputs, inputs, *kernel)")
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places
