"""Attention: every position looks at every other.

In the functions here a mask is an array of booleans where True means *may attend* (as in
PyTorch's ``scaled_dot_product_attention``, in JAX and Keras), or of floats that are added to the
scores, −∞ for *may not*. The modules that PyTorch has too, `MultiheadAttention` and the
transformer's, take PyTorch's masks: there True means *may not*, and floats mean the same.
A query that may attend to nothing gets zeros, and sends no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.nn.linear import Linear
from minigrad.nn.module import Module, Seed
from minigrad.primitives import norm, repeat, softmax, sum, tanh, where
from minigrad.primitives.checks import as_array, is_plain
from minigrad.primitives.primitive import Array
from minigrad.tensor import Tensor, raw

Mask = Any
"""Booleans, True where a query may attend to a key; or numbers to add to the scores.

Example:
    >>> nn.causal_mask(2)
    array([[ True, False],
           [ True,  True]])
"""


def attend(
    scores: Array,
    value: Array,
    mask: Mask = None,
    *,
    is_causal: bool = False,
    dropout: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """softmax(scores) V, over the keys that may be attended to.

    Args:
        scores: (…, queries, keys).
        value: (…, keys, width).
        mask: booleans that broadcast to the scores, True: may attend; or floats that are added to
            them, −∞: may not.
        is_causal: query t may attend to keys 0 … t only, also under ``mask``.
        dropout: applied to the weights.

    Returns:
        The outputs (…, queries, width) and the weights (…, queries, keys), whose rows sum to 1,
        or to 0 where nothing may be attended to.

    Raises:
        ValueError: the mask does not broadcast to the scores, or holds integers.

    Example:
        >>> scores, value = np.zeros((1, 2)), np.array([[1.0], [3.0]])
        >>> context, weights = nn.attend(scores, value)
        >>> print(context, weights)
        [[2.]] [[0.5 0.5]]
    """
    if mask is not None:
        mask = mask if hasattr(mask, "dtype") else np.asarray(mask)
        pairs = zip(mask.shape[::-1], scores.shape[::-1], strict=False)
        if mask.ndim > scores.ndim or any(a not in (1, b) for a, b in pairs):
            raise ValueError(
                f"attention: got a mask of shape {mask.shape}, expected one that broadcasts to the "
                f"scores {scores.shape}"
            )
    allowed, added = split_mask(mask)
    if is_causal:
        future = causal_mask(*scores.shape[-2:])
        allowed = future if allowed is None else allowed & future
    return weighted(scores, value, allowed, added, dropout)


def weighted(
    scores: Array,
    value: Array,
    allowed: np.ndarray | None,
    added: Array | None,
    dropout: Callable[[Array], Array] | None,
) -> tuple[Array, Array]:
    """`attend` with a mask in its two parts: see `split_mask`."""
    if added is not None:
        kind = scores.dtype
        scores = scores + (added.astype(kind) if kind.kind == "f" == added.dtype.kind else added)
    static = {} if allowed is None else {"where": allowed}
    weights = softmax(scores, axis=-1, **static)
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
    is_causal: bool = False,
    dropout: Callable[[Array], Array] | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Array, Array]:
    """softmax(scale · Q Kᵀ) V (Vaswani et al. 2017, eq. 1).

    Args:
        query: (…, queries, d).
        key: (…, keys, d).
        value: (…, keys, width).
        mask: as for `attend`, which also says what is returned.
        is_causal: see `attend`.
        dropout: see `attend`.
        scale: 1/√d if not given.
        enable_gqa: whether key and value may have fewer heads (third axis from the end), each of
            them shared by consecutive heads of the query (Ainslie et al. 2023, section 2.2).

    Raises:
        ValueError: the widths of query and key, or the numbers of keys and values, differ; the
            heads do not divide; or as for `attend`.

    Example:
        >>> query, key, value = np.zeros((1, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]])
        >>> context, weights = nn.scaled_dot_product_attention(query, key, value)
        >>> print(context, weights)
        [[2.]] [[0.5 0.5]]
    """
    if enable_gqa:
        key, value = shared_heads(query, key), shared_heads(query, value)
    _check(query, key, value)
    scores = query @ np.swapaxes(key, -1, -2)
    scores = scores / math.sqrt(query.shape[-1]) if scale is None else scores * scale
    return attend(scores, value, mask, is_causal=is_causal, dropout=dropout)


def shared_heads(query: Array, x: Array) -> Array:
    """Keys or values with each head as often as queries' heads share it."""
    if min(query.ndim, x.ndim) < 3 or query.shape[-3] % x.shape[-3]:
        raise ValueError(
            f"attention: got query {query.shape} and {x.shape}, expected (…, heads, time, width) "
            "with a number of heads that divides the query's"
        )
    times = query.shape[-3] // x.shape[-3]
    return x if times == 1 else repeat(x, times, axis=x.ndim - 3)


def dot_product_attention(
    query: Array, key: Array, value: Array, mask: Mask = None, *, is_causal: bool = False
) -> tuple[Array, Array]:
    """softmax(Q Kᵀ) V (Luong et al. 2015, section 3.1, "dot").

    Otherwise as `scaled_dot_product_attention`.

    Example:
        >>> query, key, value = np.zeros((1, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]])
        >>> context, weights = nn.dot_product_attention(query, key, value)
        >>> print(context, weights)
        [[2.]] [[0.5 0.5]]
    """
    _check(query, key, value)
    return attend(query @ np.swapaxes(key, -1, -2), value, mask, is_causal=is_causal)


def cosine_similarity(x: Array, y: Array, axis: int = -1) -> Array:
    """The cosine of the angle between vectors along ``axis``; 0 where one of them is 0.

    Raises:
        ValueError: their lengths differ.

    Example:
        >>> print(nn.cosine_similarity(np.array([1.0, 0.0]), np.array([3.0, 4.0])).round(4))
        0.6
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

    Example:
        >>> context, weights = nn.Attention(3, 8)(np.ones((2, 5, 3)), is_causal=True)
        >>> context.shape, weights.shape
        ((2, 5, 8), (2, 5, 5))
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, rng: Seed = None, dtype: Any = np.float32
    ) -> None:
        generator = np.random.default_rng(rng)
        self.query = Linear(input_size, hidden_size, rng=generator, dtype=dtype)
        self.key = Linear(input_size, hidden_size, rng=generator, dtype=dtype)
        self.value = Linear(input_size, hidden_size, rng=generator, dtype=dtype)

    def forward(
        self, x: Array, mask: Mask = None, *, is_causal: bool = False
    ) -> tuple[Array, Array]:
        """Attend from every step to every step that may be attended to: see `attend`."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        _name(Q=query, K=key, V=value)
        return scaled_dot_product_attention(query, key, value, mask, is_causal=is_causal)


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

    Example:
        >>> attention = nn.AdditiveAttention(4, 6, hidden_size=5)
        >>> context, weights = attention(np.ones((2, 1, 4)), np.ones((2, 7, 6)), np.ones((2, 7, 6)))
        >>> context.shape, weights.shape
        ((2, 1, 6), (2, 1, 7))
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


def causal_mask(queries: int, keys: int | None = None, offset: int = 0) -> np.ndarray:
    """Which keys each query may attend to: key s from query t if s ≤ t + offset; (queries, keys).

    The offset is how many keys came before the first query, as in a `KeyValueCache`.

    Example:
        >>> print(nn.causal_mask(3).astype(int))
        [[1 0 0]
         [1 1 0]
         [1 1 1]]
    """
    keys = queries + offset if keys is None else keys
    return np.arange(keys) <= np.arange(queries)[:, None] + offset


def split_mask(mask: Any) -> tuple[np.ndarray | None, Array | None]:
    """A mask as booleans, True: may attend, and what is added to the scores; either may be None.

    Raises:
        ValueError: it holds integers, or only 0.0 and 1.0, which are probably booleans.
    """
    if mask is None:
        return None, None
    if mask.dtype == bool:
        return as_array(mask), None
    if mask.dtype.kind not in "fcO":
        raise ValueError(
            f"attention: got a mask of dtype {mask.dtype}, expected booleans, or floats to add"
        )
    numbers = raw(mask)
    if mask.dtype.kind != "f" or not is_plain(numbers):
        return None, mask
    if not isinstance(numbers, np.ndarray):  # not known yet
        allowed = ~np.isneginf(numbers)
        return allowed, where(allowed, mask, 0)
    if not isinstance(mask, Tensor) and numbers.any() and np.isin(numbers, (0, 1)).all():
        raise ValueError(
            "attention: got a mask of the floats 0 and 1, and floats are added to the scores; "
            "convert it with .astype(bool)"
        )
    if not np.isneginf(numbers).any():
        return None, mask
    allowed = ~np.isneginf(numbers)
    if not isinstance(mask, Tensor) and not np.where(allowed, numbers, 0).any():
        return allowed, None
    return allowed, where(allowed, mask, 0)


def cleared(x: Array, padding: Any, batch_first: bool = True) -> Array:
    """``x`` with 0 in place of NaN and ∞ where it is padding.

    0 times NaN is NaN, also in the backward pass: what nobody attends to would reach everything.

    Args:
        x: (batch, time, width), or without the batch.
        padding: (batch, time), True or −∞: padding; or ``None``.
        batch_first: ``False`` for x (time, batch, width).
    """
    values = raw(x)
    if padding is None or not is_plain(values):
        return x
    wrong = ~np.isfinite(values)
    if isinstance(wrong, np.ndarray) and not wrong.any():
        return x
    padding = as_array(padding)
    padded = np.expand_dims(padding if padding.dtype == bool else np.isneginf(padding), -1)
    padded = padded if batch_first or x.ndim < 3 else np.swapaxes(padded, 0, 1)
    if padded.shape[:-1] != x.shape[:-1]:
        return x  # of another shape: refused where it is used, or of keys in a cache
    return where(wrong & padded, 0, x)


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
