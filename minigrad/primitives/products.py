"""Products of matrices."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.primitive import Array, bilinear, sample


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _left(g: Array, a: Array, b: Array) -> Array:
    """Adjoint of a ↦ a @ b; a vector is a row on the left of @ and a column on its right."""
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:
        return np.sum(np.expand_dims(g, -2) * b, axis=-1)
    return g @ _transposed(b)


def _right(g: Array, a: Array, b: Array) -> Array:
    """Adjoint of b ↦ a @ b."""
    if a.ndim == 1:
        g = np.expand_dims(g, -1) if b.ndim == 1 else np.expand_dims(g, -2)
        return g * a if b.ndim == 1 else np.expand_dims(a, -1) * g
    if b.ndim == 1:
        return np.sum(_transposed(a) * np.expand_dims(g, -2), axis=-1)
    return _transposed(a) @ g


matmul = bilinear(
    "matmul", np.matmul,
    adjoints=(_left, _right), label="@",
    samples=(
        sample((2, 3), (3, 2)), sample((2, 2), (2, 2)), sample((2, 2, 3), (3, 1)),
        sample((3,), (3,)), sample((3,), (2, 3, 2)), sample((2, 2, 3), (3,)),
    ),
)  # fmt: skip
