"""Transformer encoder and decoder: layers, and stacks of them (Vaswani et al. 2017, section 3).

Parameters and masks are PyTorch's (``batch_first=True``): in a mask True means *may not attend*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.dropout import Dropout
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module, Seed, check_size
from minigrad.nn.multihead import MultiheadAttention
from minigrad.nn.normalisation import LayerNorm
from minigrad.primitives import gelu, relu
from minigrad.primitives.primitive import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"relu": relu, "gelu": gelu}


class _Layer(Module):
    """What encoder and decoder layers share: self-attention, the feed-forward part, residuals."""

    has_memory: ClassVar[bool] = False  # whether it also attends to an encoder's output

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        *,
        norm_first: bool = False,
        layer_norm_eps: float = 1e-5,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"{type(self).__name__}: got activation={activation!r}, expected "
                f"{' or '.join(map(repr, ACTIVATIONS))}"
            )
        rng = np.random.default_rng(rng)
        made: Any = {"rng": rng, "dtype": dtype}
        self.norm_first = norm_first
        self.activation = ACTIVATIONS[activation]
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, **made)
        if self.has_memory:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout=dropout, **made)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        if self.has_memory:
            self.norm3 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        self.dropout = Dropout(dropout, rng=rng)

    def _residual(self, x: Array, norm: LayerNorm, part: Callable[[Array], Array]) -> Array:
        """X plus a part of it; normalised afterwards, or before the part (Xiong et al. 2020)."""
        if self.norm_first:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))

    def _feed_forward(self, x: Array) -> Array:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention, then two affine maps, each with a residual connection and a layer norm.

    Args:
        d_model: width of x.
        nhead: number of heads, a divisor of it.
        dim_feedforward: width between the two affine maps.
        dropout: probability of 0, in training.
        activation: ``"relu"`` or ``"gelu"``, between the two affine maps.
        norm_first: normalise before each part ("pre-norm") instead of after it.
        layer_norm_eps: see `LayerNorm`.
        rng: seed or generator of the initial weights and of dropout.
        dtype: of the parameters.

    Shapes:
        src (batch, time, d_model), or without the batch → the same.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)
        >>> layer(np.ones((2, 5, 8))).shape
        (2, 5, 8)
    """

    def forward(
        self,
        src: Array,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        *,
        is_causal: bool = False,
    ) -> Array:
        """One layer; masks as for `MultiheadAttention`."""

        def attend(x: Array) -> Array:
            return self.self_attn(
                x, attn_mask=src_mask, key_padding_mask=src_key_padding_mask,
                causal=is_causal, need_weights=False,
            )[0]  # fmt: skip

        x = self._residual(src, self.norm1, attend)
        return self._residual(x, self.norm2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """As the encoder's layer, with attention to the encoder's output in between.

    Arguments as for `TransformerEncoderLayer`.

    Shapes:
        tgt (batch, time, d_model), memory (batch, steps, d_model), or both without the batch →
        as tgt.

    Example:
        >>> layer = nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)
        >>> layer(np.ones((2, 5, 8)), np.ones((2, 7, 8))).shape
        (2, 5, 8)
    """

    has_memory = True

    def forward(
        self,
        tgt: Array,
        memory: Array,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        *,
        tgt_is_causal: bool = False,
    ) -> Array:
        """One layer; masks as for `MultiheadAttention`."""

        def attend(x: Array) -> Array:
            return self.self_attn(
                x, attn_mask=tgt_mask, key_padding_mask=tgt_key_padding_mask,
                causal=tgt_is_causal, need_weights=False,
            )[0]  # fmt: skip

        def attend_to_memory(x: Array) -> Array:
            return self.multihead_attn(
                x, memory, attn_mask=memory_mask, key_padding_mask=memory_key_padding_mask,
                need_weights=False,
            )[0]  # fmt: skip

        x = self._residual(tgt, self.norm1, attend)
        x = self._residual(x, self.norm2, attend_to_memory)
        return self._residual(x, self.norm3, self._feed_forward)


class _Stack(Module):
    """Layers one after the other, each with weights of its own (PyTorch starts all alike)."""

    kind: ClassVar[type[_Layer]]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        num_layers: int,
        *,
        norm: bool | None = None,
        rng: Seed = None,
        dtype: Any = np.float32,
        **options: Any,
    ) -> None:
        check_size(self, num_layers=num_layers)
        rng = np.random.default_rng(rng)
        self.layers = [
            self.kind(d_model, nhead, rng=rng, dtype=dtype, **options) for _ in range(num_layers)
        ]
        first = self.layers[0]
        wanted = first.norm_first if norm is None else norm
        self.norm = LayerNorm(d_model, first.norm1.eps, dtype=dtype) if wanted else None

    def forward(self, x: Array, *args: Any, **masks: Any) -> Array:
        """Every layer with the same masks (and memory), then the norm if there is one."""
        for layer in self.layers:
            x = layer(x, *args, **masks)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of `TransformerEncoderLayer`.

    Args:
        d_model: width of x.
        nhead: number of heads.
        num_layers: how many layers.
        norm: whether a last layer norm follows; by default with ``norm_first`` only, where
            nothing else normalises the output.
        options: of `TransformerEncoderLayer`.

    Called as a layer is.

    Example:
        >>> encoder = nn.TransformerEncoder(8, nhead=2, num_layers=2, dim_feedforward=16)
        >>> encoder(np.ones((2, 5, 8))).shape
        (2, 5, 8)
    """

    kind = TransformerEncoderLayer


class TransformerDecoder(_Stack):
    """A stack of `TransformerDecoderLayer`; arguments as for `TransformerEncoder`.

    Example:
        >>> decoder = nn.TransformerDecoder(8, nhead=2, num_layers=2, dim_feedforward=16)
        >>> decoder(np.ones((2, 5, 8)), np.ones((2, 7, 8))).shape  # target, what the encoder says
        (2, 5, 8)
    """

    kind = TransformerDecoderLayer
