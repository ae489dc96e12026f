"""Attention: every position looks at every other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.linear import Linear
from minigrad.nn.module import Module, Seed
from minigrad.primitives import softmax
from minigrad.primitives.primitive import Array
from minigrad.tensor import Tensor


def scaled_dot_product_attention(query: Array, key: Array, value: Array) -> tuple[Array, Array]:
    """softmax(Q Kᵀ / √d) V (Vaswani et al. 2017, eq. 1).

    Args:
        query: (…, queries, d).
        key: (…, keys, d).
        value: (…, keys, width).

    Returns:
        The outputs (…, queries, width) and the weights (…, queries, keys), whose rows sum to 1.

    Raises:
        ValueError: the widths of query and key, or the numbers of keys and values, differ.
    """
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"attention: got query {query.shape}, key {key.shape}, value {value.shape}; "
            "expected (…, queries, d), (…, keys, d), (…, keys, width)"
        )
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    weights = softmax(scores, axis=-1)
    output = weights @ value
    for name, part in (("S", scores), ("A", weights), ("Y", output)):
        if isinstance(part, Tensor):
            part.name = name
    return output, weights


class Attention(Module):
    """Self-attention with one head: queries, keys and values are affine maps of x.

    Args:
        input_size: width of x_t.
        hidden_size: width of queries, keys, values and outputs.
        rng: seed or generator of the initial weights.
        dtype: of the parameters.

    Shapes:
        x (…, time, input_size) → outputs (…, time, hidden_size), weights (…, time, time).
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, rng: Seed = None, dtype: Any = np.float32
    ) -> None:
        generator = np.random.default_rng(rng)
        self.query = Linear(input_size, hidden_size, rng=generator, dtype=dtype)
        self.key = Linear(input_size, hidden_size, rng=generator, dtype=dtype)
        self.value = Linear(input_size, hidden_size, rng=generator, dtype=dtype)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Attend from every step to every step."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        for name, part in (("Q", query), ("K", key), ("V", value)):
            if isinstance(part, Tensor):
                part.name = name
        return scaled_dot_product_attention(query, key, value)
