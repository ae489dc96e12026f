"""Attention with several heads, as PyTorch's module of that name, batch first."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.attention import causal_mask, scaled_dot_product_attention
from minigrad.nn.dropout import Dropout
from minigrad.nn.init import glorot_uniform
from minigrad.nn.linear import Linear, check_width
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import affine, flash_attention, mean
from minigrad.primitives.primitive import Array
from minigrad.tape import current
from minigrad.tensor import Parameter, Tensor, raw


class MultiheadAttention(Module):
    """Heads that attend side by side, each on its share of the width (Vaswani et al. 2017, 3.2.2).

    Parameters, their packing and the masks are those of ``torch.nn.MultiheadAttention`` with
    ``batch_first=True``: in a mask True means *may not attend*.

    Args:
        embed_dim: width of queries, keys, values and outputs.
        num_heads: a divisor of it.
        dropout: probability with which a weight is left out in training.
        bias: whether the projections have one.
        rng: seed or generator of the initial weights and of dropout.
        dtype: of the parameters.

    Shapes:
        query (batch, queries, embed_dim), key and value (batch, keys, embed_dim), or all without
        the batch; in_proj_weight (3 · embed_dim, embed_dim): those of queries, keys, values.

    Example:
        >>> attention = nn.MultiheadAttention(8, num_heads=2)
        >>> x = np.ones((2, 5, 8))
        >>> context, weights = attention(x, x, x)
        >>> context.shape, weights.shape
        ((2, 5, 8), (2, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: got embed_dim={embed_dim} and num_heads={num_heads}, "
                "expected a width that the number of heads divides"
            )
        self.embed_dim, self.num_heads = embed_dim, num_heads
        rng = np.random.default_rng(rng)
        packed = glorot_uniform((3 * embed_dim, embed_dim), rng=rng, dtype=dtype)
        self.in_proj_weight = Parameter(packed)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, rng=rng, dtype=dtype)
        if bias:
            self.out_proj.bias = Parameter(np.zeros(embed_dim, dtype))
        self.dropout = Dropout(dropout, rng=rng)

    def forward(
        self,
        query: Array,
        key: Array | None = None,
        value: Array | None = None,
        *,
        key_padding_mask: Any = None,
        attn_mask: Any = None,
        causal: bool = False,
        need_weights: bool = True,
        average_attn_weights: bool = True,
    ) -> tuple[Array, Array | None]:
        """Attend from queries to keys; to the queries themselves if no keys are given.

        Args:
            query: where to attend from.
            key: where to attend to.
            value: what to take from there, by default the keys.
            key_padding_mask: (batch, keys); True: padding, which nobody attends to.
            attn_mask: (queries, keys) or (batch · heads, queries, keys); True: may not attend.
            causal: query t attends to keys 0 … t only.
            need_weights: whether the weights are returned.
            average_attn_weights: over the heads, or each head's by itself.

        Returns:
            The outputs, shaped as the query, and the weights (batch, queries, keys), with
            (batch, heads, queries, keys) for each head, or ``None``.

        Raises:
            ValueError: shapes do not fit, or a mask is not boolean.
        """
        key = query if key is None else key
        value = key if value is None else value
        for x in (query, key, value):
            check_width(self, x, self.embed_dim)
        if {query.ndim, key.ndim, value.ndim} not in ({2}, {3}) or not (
            query.shape[:-2] == key.shape[:-2] and key.shape == value.shape
        ):
            raise ValueError(
                f"MultiheadAttention: got query {query.shape}, key {key.shape}, value "
                f"{value.shape}; expected (batch, queries, {self.embed_dim}) and twice "
                f"(batch, keys, {self.embed_dim}), or all without the batch"
            )
        if query is key is value and self.in_proj_bias is not None and current().fusing:
            q, k, v = self._projected(query)
        else:
            q, k, v = (self._heads(x, part) for part, x in enumerate((query, key, value)))
        mask = self._allowed(key_padding_mask, attn_mask, query.shape, key.shape)
        dropped = self.dropout.p > 0 and self.training
        if need_weights or dropped or not current().fusing:
            output, weights = scaled_dot_product_attention(
                q, k, v, mask, causal=causal, dropout=self.dropout
            )
        else:  # the weights never stand in memory as a whole
            if causal:
                future = causal_mask(q.shape[-2], k.shape[-2])
                mask = future if mask is None else mask & future
            output = flash_attention(q, k, v, scale=q.shape[-1] ** -0.5, mask=mask)
        y = self.out_proj(np.swapaxes(output, -2, -3).reshape(query.shape))
        if not need_weights:
            return y, None
        return y, mean(weights, -3) if average_attn_weights else weights

    def _heads(self, x: Array, part: int) -> Array:
        """One of the three projections, (…, time, embed_dim) → (…, heads, time, width)."""
        rows = slice(part * self.embed_dim, (part + 1) * self.embed_dim)
        if self.in_proj_bias is None:
            y = x @ self.in_proj_weight[rows].T
        else:
            y = affine(x, self.in_proj_weight[rows], self.in_proj_bias[rows])
        width = self.embed_dim // self.num_heads
        heads = np.swapaxes(y.reshape((*x.shape[:-1], self.num_heads, width)), -2, -3)
        for named in (y, heads):
            if isinstance(named, Tensor):
                named.name = "QKV"[part]  # what pictures call both
        return heads

    def _projected(self, x: Array) -> list[Array]:
        """As `_heads` of all three, by one product."""
        y = affine(x, self.in_proj_weight, self.in_proj_bias)
        apart = y.reshape((*x.shape[:-1], 3, self.num_heads, self.embed_dim // self.num_heads))
        return [np.swapaxes(apart[..., part, :, :], -2, -3) for part in range(3)]

    def _allowed(
        self, padding: Any, attn: Any, query: tuple[int, ...], key: tuple[int, ...]
    ) -> np.ndarray | None:
        """PyTorch's two masks as one that says who may attend, over (…, heads, queries, keys)."""
        batch, pairs = query[:-2], (query[-2], key[-2])
        mask = None
        if padding is not None:
            padding = self._boolean("key_padding_mask", padding, (*batch, key[-2]))
            mask = ~padding[..., None, None, :]
        if attn is not None:
            each = (int(np.prod(batch)) * self.num_heads, *pairs)
            attn = self._boolean("attn_mask", attn, pairs, each)
            if attn.ndim == 3:
                attn = attn.reshape((*batch, self.num_heads, *pairs))
            mask = ~attn if mask is None else mask & ~attn
        return mask

    def _boolean(self, name: str, mask: Any, *shapes: tuple[int, ...]) -> np.ndarray:
        mask = np.asarray(raw(mask))
        if mask.dtype != bool or mask.shape not in shapes:
            raise ValueError(
                f"MultiheadAttention: got {name} {mask.shape} of {mask.dtype}, expected booleans "
                f"{' or '.join(map(str, shapes))}, True where nobody may attend"
            )
        return mask
