"""PyTorch's ``torch.nn.functional``: its names, its order of arguments, its axes.

For code that moves here; ``from minigrad.nn import functional as F``. Elsewhere in minigrad an axis
is called ``axis``, as in NumPy, and losses have the classes on the last axis; here it is ``dim``,
and the classes are on axis 1, as there. What is drawn, for dropout and Gumbel noise, takes ``rng``.

Example:
    >>> from minigrad.nn import functional as F
    >>> print(F.softmax(np.zeros((1, 2)), dim=-1), F.relu(np.array([-1.0, 2.0])))
    [[0.5 0.5]] [0. 2.]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import primitives
from minigrad.checks import as_array
from minigrad.nn import activation_layers, losses, normalisation, pooling, shaping
from minigrad.nn.activations import (
    celu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    logsigmoid,
    mish,
    prelu,
    relu6,
    selu,
    softshrink,
    softsign,
    tanhshrink,
    threshold,
)
from minigrad.nn.attention import scaled_dot_product_attention as _attention
from minigrad.nn.dropout import dropped
from minigrad.nn.embedding import check_indices
from minigrad.nn.losses import pairwise_distance
from minigrad.nn.module import Seed
from minigrad.nn.resizing import interpolate
from minigrad.primitives import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    elu,
    relu,
    sigmoid,
    silu,
    tanh,
)
from minigrad.primitives.primitive import Array


def _as(kind: Any, inputs: int = 1, *order: str) -> Callable[..., Any]:
    """A function of a module's inputs and then its options, those of ``order`` by position."""

    def function(*arguments: Any, **options: Any) -> Any:
        given, rest = arguments[:inputs], arguments[inputs:]
        options |= dict(zip(order, rest, strict=False))
        return kind(*rest[len(order) :], **options).forward(*given)

    function.__name__ = function.__qualname__ = kind.__name__
    function.__doc__ = f"As `minigrad.nn.{kind.__name__}`, of the inputs and then its options."
    return function


def _summing(kind: Any, inputs: int = 2, *order: str) -> Callable[..., Any]:
    return _as(kind, inputs, *(order or ("reduction",)))


# Activations


def gelu(input: Array, approximate: str = "none") -> Array:
    """X Φ(x); with ``approximate="tanh"`` as in GPT-2."""
    return primitives.gelu(input, approximate == "tanh")


def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """x, or ``negative_slope`` times it below 0."""
    return primitives.leaky_relu(input, negative_slope)


def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + e^(β x)) / β; the exact one also beyond PyTorch's threshold."""
    return primitives.softplus(input * beta) / beta if beta != 1 else primitives.softplus(input)


def softmax(input: Array, dim: int) -> Array:
    """Exponentials over their sum along an axis."""
    return primitives.softmax(input, axis=dim)


def log_softmax(input: Array, dim: int) -> Array:
    """The logarithm of `softmax`."""
    return primitives.log_softmax(input, axis=dim)


def softmin(input: Array, dim: int) -> Array:
    """`softmax` of −x."""
    return primitives.softmax(-input, axis=dim)


def glu(input: Array, dim: int = -1) -> Array:
    """The first half along an axis times the sigmoid of the second."""
    return activation_layers.GLU(dim).forward(input)


def gumbel_softmax(
    logits: Array, tau: float = 1.0, hard: bool = False, dim: int = -1, *, rng: Seed = None
) -> Array:
    """`softmax` of the logits with Gumbel noise (Jang et al. 2017, eq. 2).

    Args:
        logits: any numbers.
        tau: the temperature.
        hard: whether the result is one-hot, with the gradient of the soft one.
        dim: the axis of the classes.
        rng: seed or generator of the noise.

    Example:
        >>> nn.functional.gumbel_softmax(np.zeros((1, 3)), hard=True, rng=0).sum()
        np.float64(1.0)
    """
    noise = np.random.default_rng(rng).gumbel(size=logits.shape).astype(logits.dtype)
    soft = primitives.softmax((logits + noise) / tau, axis=dim)
    if not hard:
        return soft
    values = as_array(soft)
    first = values == values.max(axis=dim, keepdims=True)
    return soft + (first.astype(values.dtype) - values)


# Affine maps, lookups and what is around them


def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """X Wᵀ + b, with a weight (outputs, inputs)."""
    return (
        primitives.matmul(input, weight.T)
        if bias is None
        else primitives.matmul(input, weight.T) + bias
    )


def embedding(input: Any, weight: Array) -> Array:
    """The rows of ``weight`` at whole numbers."""
    indices = as_array(input)
    check_indices("embedding", indices, weight.shape[0])
    return weight[indices]


def one_hot(tensor: Any, num_classes: int = -1) -> np.ndarray:
    """A last axis of zeros with a 1 at each whole number.

    Example:
        >>> print(nn.functional.one_hot([2, 0], 3))
        [[0 0 1]
         [1 0 0]]
    """
    indices = np.asarray(as_array(tensor))
    count = int(indices.max()) + 1 if num_classes < 0 else num_classes
    check_indices("one_hot", indices, count)
    return np.eye(count, dtype=np.int64)[indices]


def dropout(input: Array, p: float = 0.5, training: bool = True, *, rng: Seed = None) -> Array:
    """Entries at 0 with probability ``p``, the others 1 / (1 − p) times as large."""
    if not training or p == 0:
        return input
    return dropped(input, np.random.default_rng(rng).random(input.shape), p)


def pad(
    input: Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Array:
    """Entries around: (before, after) of the last axis, then of the one before it, and so on.

    Args:
        input: any array.
        pad: pairs, the last axis first.
        mode: ``"constant"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        value: of the constant.

    Example:
        >>> print(nn.functional.pad(np.ones((1, 2)), (1, 0)))
        [[0. 1. 1.]]
    """
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(f"pad: got {len(pad)} numbers for {input.ndim} axes, expected pairs")
    pairs = [(pad[k], pad[k + 1]) for k in range(0, len(pad), 2)][::-1]
    widths = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    cut = tuple(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(
        input.shape, widths, strict=True))  # fmt: skip
    widths = [(max(0, b), max(0, a)) for b, a in widths]
    modes = {"replicate": "edge", "circular": "wrap"}
    options = {} if value is None else {"constant_values": value}
    return primitives.pad(input[cut], widths, modes.get(mode, mode), **options)


def normalize(input: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    """X over its p-norm along an axis.

    Example:
        >>> print(nn.functional.normalize(np.array([[3.0, 4.0]])))
        [[0.6 0.8]]
    """
    return input / np.maximum(np.linalg.norm(input, p, axis=dim, keepdims=True), eps)


def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between vectors along an axis."""
    sizes = [np.maximum(np.linalg.norm(x, axis=dim), eps) for x in (x1, x2)]
    return (x1 * x2).sum(axis=dim) / (sizes[0] * sizes[1])


def layer_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Mean 0 and variance 1 over the last axes, then times a weight and plus a bias."""
    shape = tuple(normalized_shape)
    kind = as_array(input).dtype
    one = np.ones(shape, kind) if weight is None else weight
    zero = np.zeros(shape, kind) if bias is None else bias
    return primitives.layer_norm(input, one, zero, eps=eps)


def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    rng: Seed = None,
) -> Array:
    """softmax(scale · Q Kᵀ + mask) V; without the weights, which `minigrad.nn`'s also gives."""
    drop = (lambda x: dropout(x, dropout_p, rng=rng)) if dropout_p else None
    return _attention(
        query, key, value, attn_mask, is_causal=is_causal, dropout=drop, scale=scale,
        enable_gqa=enable_gqa,
    )[0]  # fmt: skip


# Modules as functions

rms_norm = _as(normalisation.RMSNorm)
local_response_norm = _as(normalisation.LocalResponseNorm)
max_pool1d, max_pool2d, max_pool3d = map(
    _as, (pooling.MaxPool1d, pooling.MaxPool2d, pooling.MaxPool3d)
)
avg_pool1d, avg_pool2d, avg_pool3d = map(
    _as, (pooling.AvgPool1d, pooling.AvgPool2d, pooling.AvgPool3d)
)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(
    _as, (pooling.AdaptiveAvgPool1d, pooling.AdaptiveAvgPool2d, pooling.AdaptiveAvgPool3d)
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(
    _as, (pooling.AdaptiveMaxPool1d, pooling.AdaptiveMaxPool2d, pooling.AdaptiveMaxPool3d)
)
pixel_shuffle, pixel_unshuffle = map(_as, (shaping.PixelShuffle, shaping.PixelUnshuffle))

# Losses

cross_entropy = _summing(losses.CrossEntropyLoss, 2, "weight")
nll_loss = _summing(losses.NLLLoss, 2, "weight")
binary_cross_entropy = _summing(losses.BCELoss, 2, "weight")
binary_cross_entropy_with_logits = _summing(losses.BCEWithLogitsLoss, 2, "weight")
mse_loss, l1_loss, smooth_l1_loss, kl_div = map(
    _summing, (losses.MSELoss, losses.L1Loss, losses.SmoothL1Loss, losses.KLDivLoss)
)
huber_loss = _summing(losses.HuberLoss, 2, "reduction", "delta")
poisson_nll_loss = _summing(losses.PoissonNLLLoss, 2, "log_input", "full")
gaussian_nll_loss = _summing(losses.GaussianNLLLoss, 3, "full", "eps", "reduction")
margin_ranking_loss = _summing(losses.MarginRankingLoss, 3, "margin")
cosine_embedding_loss = _summing(losses.CosineEmbeddingLoss, 3, "margin")
triplet_margin_loss = _summing(losses.TripletMarginLoss, 3, "margin", "p", "eps", "swap")
hinge_embedding_loss = _summing(losses.HingeEmbeddingLoss, 2, "margin")
multi_margin_loss = _summing(losses.MultiMarginLoss, 2, "p", "margin", "weight")
multilabel_margin_loss = _summing(losses.MultiLabelMarginLoss)
multilabel_soft_margin_loss = _summing(losses.MultiLabelSoftMarginLoss, 2, "weight")
soft_margin_loss = _summing(losses.SoftMarginLoss)
ctc_loss = _summing(losses.CTCLoss, 4, "blank", "reduction", "zero_infinity")

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d",
    "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "ctc_loss", "dropout", "elu", "embedding",
    "gaussian_nll_loss", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss", "interpolate", "kl_div",
    "l1_loss", "layer_norm", "leaky_relu", "linear", "local_response_norm", "log_softmax",
    "logsigmoid", "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d", "mish",
    "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss",
    "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance", "pixel_shuffle",
    "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6", "rms_norm",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss",
    "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh",
    "tanhshrink", "threshold", "triplet_margin_loss",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"minigrad.nn.functional has no {name}; look in minigrad.nn for the module, or in minigrad "
        "for NumPy's function"
    )
