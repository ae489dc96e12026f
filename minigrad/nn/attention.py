"""Attention: every position looks at every other.

In the functions here a mask is an array of booleans where True means *may attend* (as in
PyTorch's ``scaled_dot_product_attention``, in JAX and Keras). The modules that PyTorch has too,
`MultiheadAttention` and the transformer's, take PyTorch's masks, where True means *may not*.
A query that may attend to nothing gets zeros, and sends no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.nn.linear import Linear
from minigrad.nn.module import Module, Seed
from minigrad.primitives import norm, softmax, sum, tanh, where
from minigrad.primitives.primitive import Array
from minigrad.tensor import Tensor, raw

Mask = np.ndarray | None


def attend(
    scores: Array,
    value: Array,
    mask: Mask = None,
    *,
    causal: bool = False,
    dropout: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """softmax(scores) V, over the keys that may be attended to.

    Args:
        scores: (…, queries, keys).
        value: (…, keys, width).
        mask: booleans that broadcast to the scores; True: may attend.
        causal: query t may attend to keys 0 … t only, also under ``mask``.
        dropout: applied to the weights.

    Returns:
        The outputs (…, queries, width) and the weights (…, queries, keys), whose rows sum to 1,
        or to 0 where nothing may be attended to.

    Raises:
        ValueError: the mask does not broadcast to the scores, or is not boolean.
    """
    mask = _allowed(scores.shape, mask, causal)
    weights = softmax(scores, axis=-1) if mask is None else softmax(scores, axis=-1, where=mask)
    if dropout is not None:
        weights = dropout(weights)
    output = weights @ value
    _name(S=scores, A=weights, Y=output)
    return output, weights


def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    mask: Mask = None,
    *,
    causal: bool = False,
    dropout: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """softmax(Q Kᵀ / √d) V (Vaswani et al. 2017, eq. 1).

    Args:
        query: (…, queries, d).
        key: (…, keys, d).
        value: (…, keys, width).
        mask: as for `attend`, which also says what is returned.
        causal: likewise.
        dropout: likewise.

    Raises:
        ValueError: the widths of query and key, or the numbers of keys and values, differ; or
            as for `attend`.
    """
    _check(query, key, value)
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    return attend(scores, value, mask, causal=causal, dropout=dropout)


def dot_product_attention(
    query: Array, key: Array, value: Array, mask: Mask = None, *, causal: bool = False
) -> tuple[Array, Array]:
    """softmax(Q Kᵀ) V (Luong et al. 2015, section 3.1, "dot"); the rest as the scaled one."""
    _check(query, key, value)
    return attend(query @ np.swapaxes(key, -1, -2), value, mask, causal=causal)


def cosine_similarity(x: Array, y: Array, axis: int = -1) -> Array:
    """The cosine of the angle between vectors along ``axis``; 0 where one of them is 0.

    Raises:
        ValueError: their lengths differ.
    """
    if not x.ndim or not y.ndim or x.shape[axis] != y.shape[axis]:
        raise ValueError(
            f"cosine_similarity: got shapes {x.shape} and {y.shape}, expected vectors of the "
            f"same length along axis {axis}"
        )
    lengths = norm(x, axis=axis) * norm(y, axis=axis)
    nothing = lengths == 0
    return where(nothing, 0, sum(x * y, axis=axis) / (lengths + nothing))


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

    def forward(self, x: Array, mask: Mask = None, *, causal: bool = False) -> tuple[Array, Array]:
        """Attend from every step to every step that may be attended to: see `attend`."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        _name(Q=query, K=key, V=value)
        return scaled_dot_product_attention(query, key, value, mask, causal=causal)


class AdditiveAttention(Module):
    """Scores vᵀ tanh(W q + U k) (Bahdanau et al. 2015, section A.1.2).

    Args:
        query_size: width of a query: the decoder's state.
        key_size: width of a key: the encoder's annotations.
        hidden_size: width of the layer that compares them.
        rng: seed or generator of the initial weights.
        dtype: of the parameters.

    Shapes:
        query (…, queries, query_size), key (…, keys, key_size), value (…, keys, width), by
        default the keys → outputs (…, queries, width), weights (…, queries, keys).
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        hidden_size: int,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        generator = np.random.default_rng(rng)
        self.query = Linear(query_size, hidden_size, bias=False, rng=generator, dtype=dtype)
        self.key = Linear(key_size, hidden_size, bias=False, rng=generator, dtype=dtype)
        self.score = Linear(hidden_size, 1, bias=False, rng=generator, dtype=dtype)

    def forward(
        self, query: Array, key: Array, value: Array | None = None, mask: Mask = None
    ) -> tuple[Array, Array]:
        """Attend from every query to every key that may be attended to: see `attend`."""
        value = key if value is None else value
        left, right = self.query(query), self.key(key)
        _check(left, right, value)
        compared = tanh(np.expand_dims(left, -2) + np.expand_dims(right, -3))
        return attend(self.score(compared)[..., 0], value, mask)


def causal_mask(queries: int, keys: int | None = None) -> np.ndarray:
    """Which keys each query may attend to: key s from query t if s ≤ t; (queries, keys)."""
    return np.arange(keys or queries) <= np.arange(queries)[:, None]


def _allowed(shape: tuple[int, ...], mask: Any, causal: bool) -> Mask:
    """The mask and the causal one together; ``None`` if everything is allowed."""
    future = causal_mask(*shape[-2:]) if causal else None
    if mask is None:
        return future
    mask = np.asarray(raw(mask))
    if mask.dtype != bool:
        raise ValueError(f"attention: got a mask of dtype {mask.dtype}, expected booleans")
    try:
        np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(
            f"attention: got a mask of shape {mask.shape}, expected one that broadcasts to the "
            f"scores {shape}"
        ) from None
    return mask if future is None else mask & future


def _check(query: Array, key: Array, value: Array) -> None:
    if (
        min(query.ndim, key.ndim, value.ndim) < 2
        or query.shape[-1] != key.shape[-1]
        or key.shape[-2] != value.shape[-2]
    ):
        raise ValueError(
            f"attention: got query {query.shape}, key {key.shape}, value {value.shape}; "
            "expected (…, queries, d), (…, keys, d), (…, keys, width)"
        )


def _name(**parts: Array) -> None:
    """What pictures and derivations call these."""
    for name, part in parts.items():
        if isinstance(part, Tensor):
            part.name = name
