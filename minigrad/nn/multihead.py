"""Attention with several heads, as PyTorch's module of that name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.nn.attention import causal_mask, cleared, shared_heads, split_mask, weighted
from minigrad.nn.dropout import Dropout
from minigrad.nn.init import glorot_uniform
from minigrad.nn.linear import Linear, check_width
from minigrad.nn.module import Module, Seed, check_size
from minigrad.nn.positional import rotary_encoding
from minigrad.primitives import affine, broadcast_to, concatenate, flash_attention, mean, pad
from minigrad.primitives.primitive import Array
from minigrad.scope import current
from minigrad.tensor import Parameter, Tensor, raw


class KeyValueCache:
    """The keys and values of the steps so far, so that generation computes each of them once.

    Attributes:
        length: of how many steps.

    Example:
        >>> attention, cache = nn.MultiheadAttention(8, 2), nn.KeyValueCache()
        >>> for x in np.ones((3, 1, 1, 8)):  # three steps of (batch, time, width)
        ...     y, weights = attention(x, is_causal=True, cache=cache)
        >>> weights.shape, cache.length
        ((1, 1, 3), 3)
    """

    def __init__(self) -> None:
        self.keys: Array | None = None
        self.values: Array | None = None

    @property
    def length(self) -> int:
        """Of how many steps."""
        return 0 if self.keys is None else self.keys.shape[-2]

    def extend(self, keys: Array, values: Array) -> tuple[Array, Array]:
        """Add keys and values (batch, heads, time, width), and give all that there are."""
        if self.keys is not None:
            keys = concatenate([self.keys, keys], axis=-2)
            values = concatenate([self.values, values], axis=-2)
        self.keys, self.values = keys, values
        return keys, values


class MultiheadAttention(Module):
    """Heads that attend side by side, each on its share of the width (Vaswani et al. 2017, 3.2.2).

    Parameters, their packing and the masks are those of ``torch.nn.MultiheadAttention``: in a mask
    True means *may not attend*.

    Args:
        embed_dim: width of queries and outputs.
        num_heads: a divisor of it.
        dropout: probability with which a weight is left out in training.
        bias: whether the projections have one.
        add_bias_kv: whether there is one more key and value, both learned.
        add_zero_attn: whether there is one more key and value, both zeros.
        kdim: width of the keys that are given, ``embed_dim`` if not given.
        vdim: width of the values that are given, ``embed_dim`` if not given.
        batch_first: whether arrays are (batch, time, width), as everywhere in minigrad; ``False``,
            PyTorch's default, for (time, batch, width).
        kv_heads: number of heads of keys and values, which several heads of queries share
            (Ainslie et al. 2023); a divisor of ``num_heads``, as many if not given.
        rotary: whether queries and keys are turned by their positions: `rotary_encoding`.
        rng: seed or generator of the initial weights and of dropout.
        dtype: of the parameters.

    Shapes:
        query (batch, queries, embed_dim), key (batch, keys, kdim), value (batch, keys, vdim), or
        all without the batch; in_proj_weight (embed_dim + 2 · kv_heads · width, embed_dim): those
        of queries, keys, values. With ``kdim`` or ``vdim`` there are q_proj_weight, k_proj_weight
        and v_proj_weight instead.

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
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = True,
        *,
        kv_heads: int | None = None,
        rotary: bool = False,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        self.kv_heads = num_heads if kv_heads is None else kv_heads
        check_size(self, embed_dim=embed_dim, num_heads=num_heads, kv_heads=self.kv_heads)
        if embed_dim % num_heads or num_heads % self.kv_heads:
            shared = "" if kv_heads is None else f" and kv_heads={kv_heads}"
            raise ValueError(
                f"MultiheadAttention: got embed_dim={embed_dim} and num_heads={num_heads}{shared}, "
                "expected a width that the number of heads divides, and heads that kv_heads divides"
            )
        self.embed_dim, self.num_heads, self.width = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.batch_first, self.add_zero_attn, self.rotary = batch_first, add_zero_attn, rotary
        rng = np.random.default_rng(rng)
        inner = self.kv_heads * self.width
        self._rows = (embed_dim, inner, inner)
        self.is_packed = self.kdim == self.vdim == embed_dim
        total = embed_dim + 2 * inner
        if self.is_packed:
            self.in_proj_weight = Parameter(
                glorot_uniform((total, embed_dim), rng=rng, dtype=dtype)
            )
        else:
            widths = (embed_dim, self.kdim, self.vdim)
            for part, rows, columns in zip("qkv", self._rows, widths, strict=True):
                weight = glorot_uniform((rows, columns), rng=rng, dtype=dtype)
                setattr(self, f"{part}_proj_weight", Parameter(weight))
        self.in_proj_bias = Parameter(np.zeros(total, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=rng, dtype=dtype)
        if bias:
            self.out_proj.bias = Parameter(np.zeros(embed_dim, dtype))
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            scale = math.sqrt(2 / (1 + inner))
            self.bias_k, self.bias_v = (
                Parameter(rng.normal(0, scale, (1, 1, inner)).astype(dtype)) for _ in range(2)
            )
        self.dropout = Dropout(dropout, rng=rng)

    def forward(
        self,
        query: Array,
        key: Array | None = None,
        value: Array | None = None,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        *,
        cache: KeyValueCache | None = None,
    ) -> tuple[Array, Array | None]:
        """Attend from queries to keys; to the queries themselves if no keys are given.

        Args:
            query: where to attend from.
            key: where to attend to.
            value: what to take from there, by default the keys.
            key_padding_mask: (batch, keys); True: padding, which nobody attends to.
            need_weights: whether the weights are returned.
            attn_mask: (queries, keys) or (batch · heads, queries, keys); True: may not attend.
                Masks of floats are added to the scores, −∞: may not attend.
            average_attn_weights: over the heads, or each head's by itself.
            is_causal: query t attends to keys 0 … t only, and to all that came before in a cache.
            cache: keys and values of earlier steps, to which those of this call are added.

        Returns:
            The outputs, shaped as the query, and the weights (batch, queries, keys), with
            (batch, heads, queries, keys) for each head, or ``None``.

        Raises:
            ValueError: shapes do not fit, or a mask holds integers.
        """
        key = query if key is None else key
        value = key if value is None else value
        of_keys = [x is key for x in (query, value)]
        self._check(query, key, value)
        turned = not self.batch_first and query.ndim == 3
        if turned:
            query, key, value = (np.swapaxes(x, 0, 1) for x in (query, key, value))
        key = cleared(key, key_padding_mask)
        query = key if of_keys[0] else query
        value = key if of_keys[1] else cleared(value, key_padding_mask)
        if all(of_keys) and self.is_packed and self.in_proj_bias is not None and current().fusing:
            q, k, v = self._projected(query)
        else:
            q, k, v = (self._heads(x, part) for part, x in enumerate((query, key, value)))
        before = 0 if cache is None else cache.length
        if self.rotary:
            q, k = rotary_encoding(q, start=before), rotary_encoding(k, start=before)
        if cache is not None:
            k, v = cache.extend(k, v)
        k, v, more = self._with_extra(k, v)
        allowed, added = self._masks(
            key_padding_mask, attn_mask, query.shape, k.shape[-2] - more, more, is_causal, before
        )
        output, weights = self._attend(q, k, v, allowed, added, need_weights)
        y = self.out_proj(np.swapaxes(output, -2, -3).reshape(query.shape))
        y = np.swapaxes(y, 0, 1) if turned else y
        if not need_weights:
            return y, None
        return y, mean(weights, -3) if average_attn_weights else weights

    def keras_weights(self) -> list[np.ndarray]:
        """Kernel (width in, heads, width) and bias (heads, width) of each, as Keras has them."""
        if self.bias_k is not None:
            raise ValueError("Keras has no attention with a learned key and value")
        found = []
        for part, rows in enumerate(self._slices):
            heads = self._rows[part] // self.width
            weight = self._weight(part, rows).data
            found.append(weight.reshape(heads, self.width, -1).transpose(2, 0, 1).copy())
            if self.in_proj_bias is not None:
                found.append(self.in_proj_bias.data[rows].reshape(heads, self.width).copy())
        out = self.out_proj.weight.data
        found.append(out.T.reshape(self.num_heads, self.width, -1).copy())
        return found if self.out_proj.bias is None else [*found, self.out_proj.bias.data.copy()]

    def assign_keras_weights(self, arrays: Iterator[np.ndarray]) -> None:
        """Take over kernels and biases."""
        weights, biases = [], []
        for _ in range(3):
            kernel = next(arrays)
            weights.append(kernel.reshape(len(kernel), -1).T)
            if self.in_proj_bias is not None:
                biases.append(next(arrays).ravel())
        if self.is_packed:
            state = {"in_proj_weight": np.concatenate(weights)}
        else:
            state = {f"{n}_proj_weight": w for n, w in zip("qkv", weights, strict=True)}
        state["out_proj.weight"] = next(arrays).reshape(self.embed_dim, -1).T
        if biases:
            state |= {"in_proj_bias": np.concatenate(biases), "out_proj.bias": next(arrays)}
        self.assign_state(state)

    @property
    def _slices(self) -> tuple[slice, slice, slice]:
        """The rows of the packed weight that belong to queries, keys, values."""
        first, second, third = np.cumsum(self._rows).tolist()
        return slice(0, first), slice(first, second), slice(second, third)

    def _weight(self, part: int, rows: slice) -> Any:
        return self.in_proj_weight[rows] if self.is_packed else getattr(
            self, f"{'qkv'[part]}_proj_weight"
        )  # fmt: skip

    def _attend(
        self,
        q: Array,
        k: Array,
        v: Array,
        allowed: np.ndarray | None,
        added: Array | None,
        need_weights: bool,
    ) -> tuple[Array, Array | None]:
        """Outputs and weights of each head; the weights only where they are asked for."""
        k, v = (shared_heads(q, x) if self.kv_heads != self.num_heads else x for x in (k, v))
        dropped = self.dropout.p > 0 and self.training
        scale = self.width**-0.5
        if not (need_weights or dropped or added is not None) and current().fusing:
            return flash_attention(q, k, v, scale=scale, mask=allowed), None  # no weights in memory
        scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(self.width)
        return weighted(scores, v, allowed, added, self.dropout)

    def _check(self, query: Array, key: Array, value: Array) -> None:
        for x, width in ((query, self.embed_dim), (key, self.kdim), (value, self.vdim)):
            check_width(self, x, width)
        batch = slice(None, -2) if self.batch_first else slice(1, -1)
        fits = {query.ndim, key.ndim, value.ndim} in ({2}, {3})
        if not fits or query.shape[batch] != key.shape[batch] or key.shape[:-1] != value.shape[:-1]:
            order = "batch, {}" if self.batch_first else "{}, batch"
            raise ValueError(
                f"MultiheadAttention: got query {query.shape}, key {key.shape}, value "
                f"{value.shape}; expected ({order.format('queries')}, {self.embed_dim}), "
                f"({order.format('keys')}, {self.kdim}) and ({order.format('keys')}, "
                f"{self.vdim}), or all without the batch"
            )

    # Projections

    def _heads(self, x: Array, part: int) -> Array:
        """One of the three projections, (…, time, width in) → (…, heads, time, width)."""
        rows = self._slices[part]
        weight = self._weight(part, rows)
        if self.in_proj_bias is None:
            y = x @ weight.T
        else:
            y = affine(x, weight, self.in_proj_bias[rows])
        heads = np.swapaxes(
            y.reshape((*x.shape[:-1], y.shape[-1] // self.width, self.width)), -2, -3
        )
        for named in (y, heads):
            if isinstance(named, Tensor):
                named.name = "QKV"[part]  # what pictures call both
        return heads

    def _projected(self, x: Array) -> Iterator[Array]:
        """As `_heads` of all three, by one product."""
        y = affine(x, self.in_proj_weight, self.in_proj_bias)
        apart = y.reshape((*x.shape[:-1], sum(self._rows) // self.width, self.width))
        start = 0
        for rows in self._rows:
            heads = rows // self.width
            yield np.swapaxes(apart[..., start : start + heads, :], -2, -3)
            start += heads

    def _with_extra(self, k: Array, v: Array) -> tuple[Array, Array, int]:
        """Keys and values with the learned and the zero one behind them, and how many those are."""
        more = 0
        if self.bias_k is not None:
            k, v = (
                concatenate([x, broadcast_to(self._one_step(bias), shape=self._like(x))], axis=-2)
                for x, bias in ((k, self.bias_k), (v, self.bias_v))
            )
            more += 1
        if self.add_zero_attn:
            k, v = (concatenate([x, np.zeros(self._like(x), x.dtype)], axis=-2) for x in (k, v))
            more += 1
        return k, v, more

    def _one_step(self, bias: Array) -> Array:
        """(1, 1, heads · width) → (heads, 1, width)."""
        return np.swapaxes(bias.reshape((1, self.kv_heads, self.width)), 0, 1)

    def _like(self, x: Array) -> tuple[int, ...]:
        return (*x.shape[:-2], 1, x.shape[-1])

    # Masks

    def _masks(
        self,
        padding: Any,
        attn: Any,
        query: tuple[int, ...],
        keys: int,
        more: int,
        is_causal: bool,
        before: int,
    ) -> tuple[np.ndarray | None, Array | None]:
        """PyTorch's masks: who may attend, and what is added, over (…, heads, queries, keys)."""
        batch, pairs = query[:-2], (query[-2], keys)
        masks = []
        if padding is not None:
            padding = self._mask("key_padding_mask", padding, (*batch, keys))
            masks.append(padding.reshape((*batch, 1, 1, keys)))
        if attn is not None:
            each = (math.prod(batch) * self.num_heads, *pairs)
            attn = self._mask("attn_mask", attn, pairs, each)
            masks.append(attn.reshape((*batch, self.num_heads, *pairs)) if attn.ndim == 3 else attn)
        if is_causal:
            masks.append(~causal_mask(*pairs, before))
        allowed: np.ndarray | None = None
        added: Array | None = None
        for mask in masks:
            yes, number = split_mask(~mask if mask.dtype == bool else mask)
            if yes is not None:
                allowed = yes if allowed is None else allowed & yes
            if number is not None:
                added = number if added is None else added + number
        if more:  # the extra keys are there for everyone
            behind = [(0, 0)] * (max(len(m.shape) for m in masks) - 1 if masks else 0) + [(0, more)]
            if allowed is not None:
                allowed = np.pad(allowed, behind[-allowed.ndim :], constant_values=True)
            if added is not None:
                added = pad(added, behind[-added.ndim :])
        return allowed, added

    def _mask(self, name: str, mask: Any, *shapes: tuple[int, ...]) -> Any:
        mask = mask if hasattr(mask, "dtype") else np.asarray(mask)
        if mask.dtype.kind not in "bfcO" or mask.shape not in shapes:
            raise ValueError(
                f"MultiheadAttention: got {name} {mask.shape} of {mask.dtype}, expected booleans "
                f"{' or '.join(map(str, shapes))}, True where nobody may attend, or floats to add"
            )
        return raw(mask) if mask.dtype == bool else mask
