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

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import primitives
from minigrad.nn import activation_layers as act
from minigrad.nn import dropout as dropping
from minigrad.nn import losses, normalisation, pooling, resizing, shaping
from minigrad.nn.activations import prelu
from minigrad.nn.attention import scaled_dot_product_attention as _attention
from minigrad.nn.embedding import check_indices
from minigrad.nn.module import Module, Seed
from minigrad.primitives import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    sigmoid,
    tanh,
)
from minigrad.primitives.checks import as_array
from minigrad.primitives.primitive import Array
from minigrad.tensor import raw

_REDUCING = ("size_average", "reduce")


def _of(kind: type[Module], inputs: str, options: str = "") -> Callable[..., Any]:
    """A function of a module's inputs and then its options, each in PyTorch's order."""
    known = inspect.signature(kind.__init__).parameters
    arrays = inputs.split()
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for name, default in [
            *((name, inspect.Parameter.empty) for name in arrays),
            *((name, known[name].default if name in known else None) for name in options.split()),
        ]
    ]
    if "rng" in known:
        parameters.append(inspect.Parameter("rng", inspect.Parameter.KEYWORD_ONLY, default=None))
    signature = inspect.Signature(parameters)

    def function(*arguments: Any, **named: Any) -> Any:
        try:
            given = signature.bind(*arguments, **named).arguments
        except TypeError as error:
            raise TypeError(f"{kind.__name__} as a function{signature}: {error}") from None
        values = [given.pop(name) for name in arrays]
        for name in [name for name in given if name not in known]:
            if given.pop(name) is not None:
                instead = (
                    "write reduction='mean', 'sum' or 'none'"
                    if name in _REDUCING
                    else (
                        "multiply what reduction='none' returns with it"
                        if name == "weight"
                        else "leave it out"
                    )
                )
                raise TypeError(f"{kind.__name__} as a function: got {name}; {instead}")
        return kind(**given).forward(*values)

    function.__name__ = function.__qualname__ = kind.__name__
    function.__doc__ = f"As `minigrad.nn.{kind.__name__}`, of the inputs and then its options."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _typed(input: Array, dtype: Any) -> Array:
    return input if dtype is None else input.astype(np.dtype(dtype))


# Activations


def relu(input: Array, inplace: bool = False) -> Array:
    """x, or 0 where it is negative; ``inplace`` changes nothing."""
    return primitives.relu(input)


def softmax(input: Array, dim: int, dtype: Any = None) -> Array:
    """Exponentials over their sum along an axis, of the input in another dtype if given."""
    return primitives.softmax(_typed(input, dtype), axis=dim)


def log_softmax(input: Array, dim: int, dtype: Any = None) -> Array:
    """The logarithm of `softmax`."""
    return primitives.log_softmax(_typed(input, dtype), axis=dim)


def softmin(input: Array, dim: int, dtype: Any = None) -> Array:
    """`softmax` of −x."""
    return primitives.softmax(-_typed(input, dtype), axis=dim)


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


celu = _of(act.CELU, "input", "alpha inplace")
elu = _of(act.ELU, "input", "alpha inplace")
gelu = _of(act.GELU, "input", "approximate")
glu = _of(act.GLU, "input", "dim")
hardshrink = _of(act.Hardshrink, "input", "lambd")
hardsigmoid = _of(act.Hardsigmoid, "input", "inplace")
hardswish = _of(act.Hardswish, "input", "inplace")
hardtanh = _of(act.Hardtanh, "input", "min_val max_val inplace")
leaky_relu = _of(act.LeakyReLU, "input", "negative_slope inplace")
logsigmoid = _of(act.LogSigmoid, "input")
mish = _of(act.Mish, "input", "inplace")
relu6 = _of(act.ReLU6, "input", "inplace")
selu = _of(act.SELU, "input", "inplace")
silu = _of(act.SiLU, "input", "inplace")
softplus = _of(act.Softplus, "input", "beta threshold")
softshrink = _of(act.Softshrink, "input", "lambd")
softsign = _of(act.Softsign, "input")
tanhshrink = _of(act.Tanhshrink, "input")
threshold = _of(act.Threshold, "input", "threshold value inplace")

# Affine maps, lookups and what is around them


def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """``x Wᵀ + b``; the weight is (outputs, inputs), or (inputs,) for a single output."""
    y = primitives.matmul(input, weight.T)
    return y if bias is None else y + bias


def embedding(input: Any, weight: Array, padding_idx: int | None = None) -> Array:
    """The rows of ``weight`` at whole numbers; that of ``padding_idx`` gets no gradient."""
    indices = np.asarray(as_array(input))
    check_indices("embedding", indices, weight.shape[0])
    if padding_idx is None:
        return weight[indices]
    if not -len(weight) <= padding_idx < len(weight):
        raise ValueError(
            f"embedding: got padding_idx={padding_idx}, expected one of {len(weight)} rows"
        )
    kept = (indices != padding_idx % len(weight))[..., None]
    return primitives.where(kept, weight[indices], as_array(weight)[indices])


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


def dropout(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Seed = None
) -> Array:
    """Entries at 0 with probability ``p``, the others 1 / (1 − p) times as large."""
    return dropping.Dropout(p, rng=rng).train(training).forward(input)


def dropout1d(input: Array, p: float = 0.5, training: bool = True, *, rng: Seed = None) -> Array:
    """As `dropout`, a whole channel at a time, of (batch, channels, length)."""
    return dropping.Dropout1d(p, rng=rng).train(training).forward(input)


def dropout2d(input: Array, p: float = 0.5, training: bool = True, *, rng: Seed = None) -> Array:
    """As `dropout`, a whole channel at a time, of (batch, channels, height, width)."""
    return dropping.Dropout2d(p, rng=rng).train(training).forward(input)


def dropout3d(input: Array, p: float = 0.5, training: bool = True, *, rng: Seed = None) -> Array:
    """As `dropout`, a whole channel at a time, of (batch, channels, depth, height, width)."""
    return dropping.Dropout3d(p, rng=rng).train(training).forward(input)


def pad(
    input: Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Array:
    """Add entries around: (before, after) for the last axis, then the one before it, and so on.

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
    """``x`` divided by its p-norm along an axis.

    Example:
        >>> print(nn.functional.normalize(np.array([[3.0, 4.0]])))
        [[0.6 0.8]]
    """
    return input / np.maximum(np.linalg.norm(input, p, axis=dim, keepdims=True), eps)


def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between vectors along an axis; no norm counts as less than eps."""
    shape = np.broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = np.broadcast_to(x1, shape), np.broadcast_to(x2, shape)
    sizes = [np.maximum(np.linalg.norm(x, axis=dim), eps) for x in (x1, x2)]
    return (x1 * x2).sum(axis=dim) / (sizes[0] * sizes[1])


def layer_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Bring the last axes to mean 0 and variance 1; then apply a weight and a bias."""
    shape = tuple(normalized_shape)
    kind = as_array(input).dtype
    one = np.ones(shape, kind) if weight is None else weight
    zero = np.zeros(shape, kind) if bias is None else bias
    return primitives.layer_norm(input, one, zero, eps=eps)


def rms_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    eps: float | None = None,
) -> Array:
    """``x`` divided by the root of its mean square over the last axes, then times a weight."""
    norm = normalisation.RMSNorm(tuple(normalized_shape), eps, False)
    return _affine(norm.forward(input), weight, None)


def batch_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Bring each channel, axis 1, to mean 0 and variance 1; then apply a weight and a bias.

    Args:
        input: (batch, channels, …).
        running_mean: (channels,), which training changes in place; without it, and in training,
            the mean is that of the input.
        running_var: (channels,), as ``running_mean``.
        weight: (channels,).
        bias: (channels,).
        training: whether to use the input's own mean and variance.
        momentum: the part of a running mean that training replaces.
        eps: added to the variance.

    Example:
        >>> y = nn.functional.batch_norm(np.array([[1.0], [3.0]]), None, None, training=True)
        >>> print(y.round(3).ravel())
        [-1.  1.]
    """
    axes = (0, *range(2, input.ndim))
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: got no running_mean and running_var; set training=True")
        spread = (-1, *(1,) * (input.ndim - 2))
        centred = input - running_mean.reshape(spread)
        return _affine(centred / np.sqrt(running_var.reshape(spread) + eps), weight, bias, 1)
    y, *found = normalisation.normalised(input, axes, eps)
    count = input.size // max(input.shape[1], 1)
    if count < 2:
        raise ValueError(f"batch_norm: got shape {input.shape}, expected more than 1 per channel")
    for running, now, scale in zip(
        (running_mean, running_var), found, (1, count / (count - 1)), strict=True
    ):
        if running is not None:
            array = raw(running)
            array += momentum * (scale * as_array(now).reshape(-1) - array)
    return _affine(y, weight, bias, 1)


def group_norm(
    input: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Bring groups of channels to mean 0 and variance 1; then a weight and a bias per channel."""
    norm = normalisation.GroupNorm(num_groups, input.shape[1], eps, False)
    return _affine(norm.forward(input), weight, bias, 1)


def instance_norm(
    input: Array, *, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Bring each channel of each example to mean 0 and variance 1; then a weight and a bias."""
    y, _, _ = normalisation.normalised(input, tuple(range(2, input.ndim)), eps)
    return _affine(y, weight, bias, 1)


def _affine(y: Array, weight: Array | None, bias: Array | None, axis: int | None = None) -> Array:
    """Times a weight plus a bias: over the last axes, or along one."""
    shape = None if axis is None else (-1, *(1,) * (y.ndim - axis - 1))
    if weight is not None:
        y = y * (weight if shape is None else weight.reshape(shape))
    return y if bias is None else y + (bias if shape is None else bias.reshape(shape))


def pairwise_distance(
    x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Array:
    """‖x₁ − x₂ + eps‖ₚ along the last axis."""
    y = losses.pairwise_distance(x1, x2, p, eps)
    return np.expand_dims(y, -1) if keepdim else y


def interpolate(
    input: Array,
    size: Any = None,
    scale_factor: Any = None,
    mode: Any = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Array:
    """As `minigrad.nn.interpolate`.

    Args:
        input: (batch, channels, …).
        size: of the result.
        scale_factor: instead.
        mode: how.
        align_corners: whether the first and the last entries keep their places.
        recompute_scale_factor: whether the scale is the result's length over the input's, where
            the two differ because a length was rounded.
        antialias: not supported.
    """
    if antialias:
        raise TypeError("interpolate: got antialias=True; smooth the input before")
    if recompute_scale_factor and scale_factor is not None:
        n = input.ndim - 2
        scales = scale_factor if isinstance(scale_factor, Sequence) else (scale_factor,) * n
        size = [int(m * s) for m, s in zip(input.shape[2:], scales, strict=True)]
        scale_factor = None
    return resizing.interpolate(input, size, scale_factor, mode, bool(align_corners))


def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    rng: Seed = None,
) -> Array:
    """softmax(scale · Q Kᵀ + mask) V; without the weights, which `minigrad.nn`'s also gives."""
    drop = (lambda x: dropout(x, dropout_p, rng=rng)) if dropout_p else None
    return _attention(
        query, key, value, attn_mask, is_causal=is_causal, dropout=drop, scale=scale,
        enable_gqa=enable_gqa,
    )[0]  # fmt: skip


# Modules as functions

local_response_norm = _of(normalisation.LocalResponseNorm, "input", "size alpha beta k")
max_pool1d, max_pool2d, max_pool3d = (
    _of(kind, "input", "kernel_size stride padding dilation ceil_mode return_indices")
    for kind in (pooling.MaxPool1d, pooling.MaxPool2d, pooling.MaxPool3d)
)
avg_pool1d = _of(
    pooling.AvgPool1d, "input", "kernel_size stride padding ceil_mode count_include_pad"
)
avg_pool2d, avg_pool3d = (
    _of(
        kind, "input",
        "kernel_size stride padding ceil_mode count_include_pad divisor_override",
    )
    for kind in (pooling.AvgPool2d, pooling.AvgPool3d)
)  # fmt: skip
lp_pool1d, lp_pool2d, lp_pool3d = (
    _of(kind, "input", "norm_type kernel_size stride ceil_mode")
    for kind in (pooling.LPPool1d, pooling.LPPool2d, pooling.LPPool3d)
)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (
    _of(kind, "input", "output_size")
    for kind in (
        pooling.AdaptiveAvgPool1d, pooling.AdaptiveAvgPool2d, pooling.AdaptiveAvgPool3d,
    )
)  # fmt: skip
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (
    _of(kind, "input", "output_size return_indices")
    for kind in (
        pooling.AdaptiveMaxPool1d, pooling.AdaptiveMaxPool2d, pooling.AdaptiveMaxPool3d,
    )
)  # fmt: skip
pixel_shuffle = _of(shaping.PixelShuffle, "input", "upscale_factor")
pixel_unshuffle = _of(shaping.PixelUnshuffle, "input", "downscale_factor")

# Losses

_TWO, _OLD = "input target", "size_average reduce reduction"
_WEIGHTED = "weight size_average reduce reduction"
binary_cross_entropy = _of(losses.BCELoss, _TWO, _WEIGHTED)
binary_cross_entropy_with_logits = _of(losses.BCEWithLogitsLoss, _TWO, f"{_WEIGHTED} pos_weight")
cosine_embedding_loss = _of(losses.CosineEmbeddingLoss, "input1 input2 target", f"margin {_OLD}")
cross_entropy = _of(
    losses.CrossEntropyLoss, _TWO,
    "weight size_average ignore_index reduce reduction label_smoothing",
)  # fmt: skip
ctc_loss = _of(
    losses.CTCLoss, "log_probs targets input_lengths target_lengths",
    "blank reduction zero_infinity",
)  # fmt: skip
gaussian_nll_loss = _of(losses.GaussianNLLLoss, "input target var", "full eps reduction")
hinge_embedding_loss = _of(losses.HingeEmbeddingLoss, _TWO, f"margin {_OLD}")
huber_loss = _of(losses.HuberLoss, _TWO, "reduction delta weight")
kl_div = _of(losses.KLDivLoss, _TWO, f"{_OLD} log_target")
l1_loss = _of(losses.L1Loss, _TWO, f"{_OLD} weight")
margin_ranking_loss = _of(losses.MarginRankingLoss, "input1 input2 target", f"margin {_OLD}")
mse_loss = _of(losses.MSELoss, _TWO, f"{_OLD} weight")
multi_margin_loss = _of(losses.MultiMarginLoss, _TWO, f"p margin {_WEIGHTED}")
multilabel_margin_loss = _of(losses.MultiLabelMarginLoss, _TWO, _OLD)
multilabel_soft_margin_loss = _of(losses.MultiLabelSoftMarginLoss, _TWO, _WEIGHTED)
nll_loss = _of(losses.NLLLoss, _TWO, "weight size_average ignore_index reduce reduction")
poisson_nll_loss = _of(
    losses.PoissonNLLLoss, _TWO, "log_input full size_average eps reduce reduction"
)
smooth_l1_loss = _of(losses.SmoothL1Loss, _TWO, f"{_OLD} beta")
soft_margin_loss = _of(losses.SoftMarginLoss, _TWO, _OLD)
triplet_margin_loss = _of(
    losses.TripletMarginLoss, "anchor positive negative", f"margin p eps swap {_OLD}"
)

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "conv1d",
    "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "ctc_loss", "dropout",
    "dropout1d", "dropout2d", "dropout3d", "elu", "embedding", "gaussian_nll_loss", "gelu", "glu",
    "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hinge_embedding_loss", "huber_loss", "instance_norm", "interpolate", "kl_div", "l1_loss",
    "layer_norm", "leaky_relu", "linear", "local_response_norm", "log_softmax", "logsigmoid",
    "lp_pool1d", "lp_pool2d", "lp_pool3d", "margin_ranking_loss", "max_pool1d", "max_pool2d",
    "max_pool3d", "mish", "mse_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance",
    "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6", "rms_norm",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss",
    "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "triplet_margin_loss",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"minigrad.nn.functional has no {name}; look in minigrad.nn for the module, or in minigrad "
        "for NumPy's function"
    )
