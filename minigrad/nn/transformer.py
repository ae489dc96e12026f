"""Transformer encoder and decoder: layers, stacks of them, and both together.

Vaswani et al. 2017, section 3. Parameters, arguments and masks are PyTorch's: in a mask True means
*may not attend*, and floats are added to the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.attention import cleared
from minigrad.nn.dropout import Dropout
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module, Seed, check_size
from minigrad.nn.multihead import KeyValueCache, MultiheadAttention
from minigrad.nn.normalisation import LayerNorm
from minigrad.primitives import gelu, relu
from minigrad.primitives.primitive import Array

Activation = str | Callable[[Array], Array]
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
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = True,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(
                f"{type(self).__name__}: got activation={activation!r}, expected "
                f"{' or '.join(map(repr, ACTIVATIONS))}, or a function"
            )
        rng = np.random.default_rng(rng)
        made: Any = {"rng": rng, "dtype": dtype}
        heads: Any = {"dropout": dropout, "bias": bias, "batch_first": batch_first, **made}
        self.norm_first = norm_first
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.self_attn = MultiheadAttention(d_model, nhead, **heads)
        if self.has_memory:
            self.multihead_attn = MultiheadAttention(d_model, nhead, **heads)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **made)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **made)
        for k in range(3 if self.has_memory else 2):
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
            setattr(self, f"norm{k + 1}", norm)
        self.dropout = Dropout(dropout, rng=rng)

    norm1: LayerNorm
    norm2: LayerNorm
    norm3: LayerNorm

    def _residual(self, x: Array, norm: LayerNorm, part: Callable[[Array], Array]) -> Array:
        """``x`` plus a sublayer of it, normalised after or before (Xiong et al. 2020)."""
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
        activation: ``"relu"``, ``"gelu"`` or a function, between the two affine maps.
        layer_norm_eps: see `LayerNorm`.
        batch_first: whether arrays are (batch, time, width), as everywhere in minigrad; ``False``,
            PyTorch's default, for (time, batch, width).
        norm_first: normalise before each part ("pre-norm") instead of after it.
        bias: whether affine maps and norms have one.
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
        is_causal: bool = False,
        *,
        cache: KeyValueCache | None = None,
    ) -> Array:
        """One layer; masks and cache as for `MultiheadAttention`."""
        src = cleared(src, src_key_padding_mask, self.self_attn.batch_first)

        def attend(x: Array) -> Array:
            return self.self_attn(
                x, attn_mask=src_mask, key_padding_mask=src_key_padding_mask,
                is_causal=is_causal, need_weights=False, cache=cache,
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
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
        *,
        cache: KeyValueCache | None = None,
    ) -> Array:
        """One layer; masks and cache as for `MultiheadAttention`."""
        tgt = cleared(tgt, tgt_key_padding_mask, self.self_attn.batch_first)

        def attend(x: Array) -> Array:
            return self.self_attn(
                x, attn_mask=tgt_mask, key_padding_mask=tgt_key_padding_mask,
                is_causal=tgt_is_causal, need_weights=False, cache=cache,
            )[0]  # fmt: skip

        def attend_to_memory(x: Array) -> Array:
            return self.multihead_attn(
                x, memory, attn_mask=memory_mask, key_padding_mask=memory_key_padding_mask,
                is_causal=memory_is_causal, need_weights=False,
            )[0]  # fmt: skip

        x = self._residual(tgt, self.norm1, attend)
        x = self._residual(x, self.norm2, attend_to_memory)
        return self._residual(x, self.norm3, self._feed_forward)


class _Stack(Module):
    """Layers one after the other, and a norm behind them if there is one."""

    kind: ClassVar[type[_Layer]]
    layers: list[Any]
    norm: Module | None

    def __init__(self, *sizes: Any, **options: Any) -> None:
        names = [name for name in options if name in ("encoder_layer", "decoder_layer")]
        layer = options.pop(names[0]) if names else sizes[0] if sizes else None
        if layer is not None and not isinstance(layer, int | np.integer | Module):
            raise TypeError(
                f"{type(self).__name__}: got a {type(layer).__module__}.{type(layer).__name__}, "
                f"expected a {self.kind.__name__} of minigrad.nn and a number of layers, or sizes"
            )
        if isinstance(layer, Module):
            self._copies_of(layer, *sizes[0 if names else 1 :], **options)
        else:
            self._check_sizes(sizes, options)
            self._of_sizes(*sizes, **options)

    def _check_sizes(self, sizes: Sequence[Any], options: Mapping[str, Any]) -> None:
        for k, name in enumerate(("d_model", "nhead", "num_layers")):
            if k >= len(sizes) and name not in options:
                raise TypeError(
                    f"{type(self).__name__}: got no {name}, expected a {self.kind.__name__} and a "
                    "number of layers, or d_model, nhead and num_layers"
                )

    def _copies_of(
        self,
        layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        check_size(self, num_layers=num_layers)
        self.layers = [deepcopy(layer) for _ in range(num_layers)]
        for number, copy in enumerate(self.layers):
            copy.name = f"layers.{number}"
        self.norm = norm

    def _of_sizes(
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
        biased = first.norm1.bias is not None
        eps = first.norm1.eps
        self.norm = LayerNorm(d_model, eps, bias=biased, dtype=dtype) if wanted else None

    def _through(self, x: Array, caches: Sequence[KeyValueCache] | None, **given: Any) -> Array:
        """Every layer with the same masks (and memory), then the norm if there is one."""
        if caches is not None and len(caches) != len(self.layers):
            raise ValueError(
                f"{type(self).__name__}: got {len(caches)} caches, expected {len(self.layers)}, "
                "one for each layer"
            )
        for k, layer in enumerate(self.layers):
            cached = {} if caches is None else {"cache": caches[k]}
            x = layer(x, **given, **cached)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of layers such as `TransformerEncoderLayer`.

    It is made of sizes, ``TransformerEncoder(d_model, nhead, num_layers, …)``, and then draws the
    weights of each layer; or, as in PyTorch, of a layer, ``TransformerEncoder(layer, num_layers,
    norm)``, of which it has copies that all start alike.

    Args:
        d_model: width of x.
        nhead: number of heads.
        num_layers: how many layers.
        norm: made of sizes: whether a last layer norm follows; by default with ``norm_first``
            only, where nothing else normalises the output. Made of a layer: the norm itself.
        options: of `TransformerEncoderLayer`.

    Example:
        >>> encoder = nn.TransformerEncoder(8, nhead=2, num_layers=2, dim_feedforward=16)
        >>> encoder(np.ones((2, 5, 8))).shape
        (2, 5, 8)
        >>> layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)
        >>> nn.TransformerEncoder(layer, num_layers=2)(np.ones((2, 5, 8))).shape
        (2, 5, 8)
    """

    kind = TransformerEncoderLayer

    def forward(
        self,
        src: Array,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
        *,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Array:
        """Every layer, with the same masks; a cache for each, if any: see `MultiheadAttention`."""
        return self._through(
            src, cache, src_mask=mask, src_key_padding_mask=src_key_padding_mask,
            is_causal=bool(is_causal),
        )  # fmt: skip


class TransformerDecoder(_Stack):
    """A stack of layers such as `TransformerDecoderLayer`; made as `TransformerEncoder` is.

    Example:
        >>> decoder = nn.TransformerDecoder(8, nhead=2, num_layers=2, dim_feedforward=16)
        >>> decoder(np.ones((2, 5, 8)), np.ones((2, 7, 8))).shape  # target, what the encoder says
        (2, 5, 8)
    """

    kind = TransformerDecoderLayer

    def forward(
        self,
        tgt: Array,
        memory: Array,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
        *,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Array:
        """Every layer, with the same memory and masks; a cache for each, if any."""
        return self._through(
            tgt, cache, memory=memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )  # fmt: skip


class Transformer(Module):
    """Encoder and decoder together, each with a last layer norm, as in PyTorch.

    Args:
        d_model: width of both.
        nhead: number of heads.
        num_encoder_layers: how many layers the encoder has.
        num_decoder_layers: how many layers the decoder has.
        dim_feedforward: as for `TransformerEncoderLayer`; so are the following.
        dropout: see `TransformerEncoderLayer`.
        activation: see `TransformerEncoderLayer`.
        custom_encoder: an encoder in place of its own.
        custom_decoder: a decoder in place of its own.
        layer_norm_eps: see `TransformerEncoderLayer`.
        batch_first: see `TransformerEncoderLayer`.
        norm_first: see `TransformerEncoderLayer`.
        bias: see `TransformerEncoderLayer`.
        rng: seed or generator of the initial weights and of dropout.
        dtype: of the parameters.

    Shapes:
        src (batch, steps, d_model), tgt (batch, time, d_model), or both without the batch →
        as tgt.

    Example:
        >>> model = nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
        >>> y = model(np.ones((2, 7, 8)), np.ones((2, 5, 8)), tgt_is_causal=True)
        >>> y.shape
        (2, 5, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = True,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        options: Any = {
            "dim_feedforward": dim_feedforward, "dropout": dropout, "activation": activation,
            "layer_norm_eps": layer_norm_eps, "batch_first": batch_first, "norm_first": norm_first,
            "bias": bias, "rng": np.random.default_rng(rng), "dtype": dtype,
        }  # fmt: skip
        self.encoder = custom_encoder or TransformerEncoder(
            d_model, nhead, num_encoder_layers, norm=True, **options
        )
        self.decoder = custom_decoder or TransformerDecoder(
            d_model, nhead, num_decoder_layers, norm=True, **options
        )

    def forward(
        self,
        src: Array,
        tgt: Array,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Array:
        """The decoder's outputs for what the encoder makes of ``src``.

        Masks as for `MultiheadAttention`.
        """
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, *, dtype: Any = np.float32) -> np.ndarray:
        """(sz, sz), −∞ where step t would look at a later one, 0 elsewhere."""
        return np.triu(np.full((sz, sz), -np.inf, dtype), 1)
