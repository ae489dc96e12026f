"""Activation functions, and the softmax family."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.primitive import (
    Array,
    Primitive,
    elementwise,
    fused,
    overflow_guard,
    sample,
)


def _stable_sigmoid(x: Array) -> Array:
    """σ(x) = exp(−log(1 + e⁻ˣ)): keeps its relative accuracy where σ is tiny, never overflows."""
    if np.iscomplexobj(x):  # NumPy's logaddexp knows real numbers only
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-x))
    return np.exp(-np.logaddexp(0, -x))


def _stable_softmax(x: Array, *, axis: int = -1) -> Array:
    e = np.exp(x - overflow_guard(x, axis))
    return e / e.sum(axis=axis, keepdims=True)


tanh = elementwise("tanh", np.tanh, partials=(lambda y, x: 1 - y * y,), symbol="tanh")
sigmoid: Primitive = elementwise(
    "sigmoid", _stable_sigmoid,
    partials=(lambda y, x: y * sigmoid(-x),),  # not 1 − y, which is 0 from x = 37 on
    symbol="sigmoid", label="σ",
)  # fmt: skip
softmax = fused(
    "softmax", _stable_softmax,
    vjps=(lambda g, y, x, *, axis=-1: y * (g - (g * y).sum(axis=axis, keepdims=True)),),
    reference=lambda x, *, axis=-1: np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True),
    samples=(sample((3,)), sample((2, 3)), sample((3, 2), axis=0)),
)  # fmt: skip
