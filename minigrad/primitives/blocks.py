"""The heavy blocks of a transformer, each as one operation: fewer passes over memory.

Every one states its forward and backward pass together, saves between them only what it must,
and names the plain composition that it is judged against.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from minigrad.primitives.activations import Mask, erf, log_softmax, softmax, tanh
from minigrad.primitives.exponentials import exp, log
from minigrad.primitives.indexing import take_along_axis
from minigrad.primitives.powers import sqrt, square
from minigrad.primitives.primitive import Array, Primitive, fused, overflow_guard, sample
from minigrad.primitives.products import matmul
from minigrad.primitives.reductions import sum as sum_along
from minigrad.primitives.statistics import mean

_ROOT_HALF, _TWO_OVER_ROOT_PI = math.sqrt(0.5), 2 / math.sqrt(math.pi)
_SLOPE, _CUBIC = math.sqrt(2 / math.pi), 0.044715
_BLOCK = 1 << 18  # scores that are worked on at a time: they stay in the cache
_ROWS = 64  # queries at a time, where a mask may leave out keys for all of them


# Into the first operand, where that is an array: one that nobody else holds


def _plus(x: Array, y: Array) -> Array:
    return np.add(x, y, out=x) if type(x) is np.ndarray else x + y


def _times(x: Array, y: Array) -> Array:
    return np.multiply(x, y, out=x) if type(x) is np.ndarray else x * y


def _over(x: Array, y: Array) -> Array:
    return np.divide(x, y, out=x) if type(x) is np.ndarray else x / y


def _exp(x: Array) -> Array:
    return np.exp(x, out=x) if type(x) is np.ndarray and x.dtype.kind == "f" else exp(x)


# Layer norm


def _layer_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, Any]:
    axes = tuple(range(-weight.ndim, 0))
    centred = x - mean(x, axes, keepdims=True)
    scale = 1 / sqrt(mean(centred * centred, axes, keepdims=True) + eps)
    normal = _times(centred, scale)
    return normal * weight + bias, (normal, scale)


def _layer_norm_backward(
    g: Array, y: Array, saved: Any, x: Array, weight: Array, bias: Array, *, eps: float
) -> tuple[Array, Array, Array]:
    normal, scale = saved
    axes = tuple(range(-weight.ndim, 0))
    inner = g * weight
    along = mean(inner * normal, axes, keepdims=True)
    inner = _plus(inner, -mean(inner, axes, keepdims=True))
    return _times(_plus(inner, normal * -along), scale), g * normal, g


def _layer_norm_reference(x: Array, weight: Array, bias: Array, *, eps: float) -> Array:
    axes = tuple(range(-weight.ndim, 0))
    centred = x - mean(x, axes, keepdims=True)
    variance = mean(square(centred), axes, keepdims=True)
    return centred / sqrt(variance + eps) * weight + bias


layer_norm: Primitive = fused(
    "layer_norm", label="norm", reference=_layer_norm_reference,
    saving=_layer_norm, backward=_layer_norm_backward,  # Ba et al. 2016, equation 4
    samples=(sample((2, 3), (3,), (3,), eps=1e-5), sample((2, 2, 2), (2, 2), (2, 2), eps=0.1)),
    doc="""(x − mean) / √(variance + eps) · weight + bias (Ba et al. 2016, eq. 4).

    The mean is over the last axes, as many as ``weight`` has.

    Example:
        >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
        >>> print(mg.layer_norm(x, np.ones(2), np.zeros(2), eps=0.0))
        [[-1.  1.]
         [-1.  1.]]
    """,
)  # fmt: skip


# The Gaussian error unit


def _gelu(x: Array) -> tuple[Array, Array]:
    share = _plus(_times(erf(x * _ROOT_HALF), 0.5), 0.5)
    return x * share, share


def _gelu_backward(g: Array, y: Array, share: Array, x: Array) -> tuple[Array]:
    u = x * _ROOT_HALF
    slope = _times(exp(_times(u * u, -1)), u)
    return (_times(_plus(_times(slope, 0.5 * _TWO_OVER_ROOT_PI), share), g),)


def _gelu_tanh(x: Array) -> tuple[Array, Array]:
    inner = _plus(_times(x * x, _CUBIC), 1)
    t = tanh(_times(_times(inner, x), _SLOPE))
    return _times(_times(t + 1, x), 0.5), t


def _gelu_tanh_backward(g: Array, y: Array, t: Array, x: Array) -> tuple[Array]:
    inner = _plus(_times(x * x, 3 * _CUBIC), 1)
    slope = _times(_times(_times(inner, x), 1 - t * t), 0.5 * _SLOPE)
    return (_times(_plus(_plus(slope, 0.5 * t), 0.5), g),)


gelu_erf: Primitive = fused(
    "gelu_erf", label="gelu", analytic=False, samples=(sample((2, 3)),),
    saving=_gelu, backward=_gelu_backward,
    reference=lambda x: 0.5 * x * (1 + erf(x * _ROOT_HALF)),
    doc="""x Φ(x), Φ the normal distribution: see `gelu`.

    Example:
        >>> print(mg.gelu_erf(np.array([0.0, 1.0])).round(4))
        [0.     0.8413]
    """,
)  # fmt: skip
gelu_tanh: Primitive = fused(
    "gelu_tanh", label="gelu", samples=(sample((2, 3)),),
    saving=_gelu_tanh, backward=_gelu_tanh_backward,
    reference=lambda x: 0.5 * x * (1 + tanh(_SLOPE * (x + _CUBIC * x**3))),
    doc="""`gelu` in the form with tanh.

    Example:
        >>> print(mg.gelu_tanh(np.array([0.0, 1.0])).round(4))
        [0.     0.8412]
    """,
)  # fmt: skip


def gelu(x: Array, approximate: bool | Literal["none", "tanh"] = False) -> Array:
    """The product x Φ(x), Φ the normal distribution (Hendrycks & Gimpel 2016, section 2).

    Args:
        x: any array.
        approximate: the form with tanh instead of erf: True or ``"tanh"``; ``"none"`` is False.

    Raises:
        ValueError: another ``approximate``.

    Example:
        >>> print(mg.gelu(np.array([0.0, 1.0])).round(4))
        [0.     0.8413]
    """
    if approximate not in (False, True, "none", "tanh"):
        raise ValueError(f"gelu: got approximate={approximate!r}, expected True, False, 'tanh' "
                         "or 'none'")  # fmt: skip
    return gelu_erf(x) if approximate in (False, "none") else gelu_tanh(x)


# Softmax and cross-entropy


def _cross_entropy(logits: Array, *, target: np.ndarray) -> tuple[Array, Array]:
    shifted = logits - overflow_guard(logits, -1)
    of_target = _of_target(shifted, target)
    powers = _exp(shifted)
    total = sum_along(powers, axis=-1, keepdims=True)
    return (log(total) - of_target)[..., 0], _over(powers, total)


def _cross_entropy_backward(
    g: Array, y: Array, shares: Array, logits: Array, *, target: np.ndarray
) -> tuple[Array]:
    g = np.expand_dims(g, -1)
    result = shares * g
    if type(result) is np.ndarray:
        index = np.expand_dims(target, -1)
        np.put_along_axis(result, index, np.take_along_axis(result, index, -1) - g, -1)
        return (result,)
    return (result - g * (np.arange(logits.shape[-1]) == np.expand_dims(target, -1)),)


def _of_target(x: Array, target: np.ndarray) -> Array:
    return take_along_axis(x, np.expand_dims(target, -1), -1)


softmax_cross_entropy: Primitive = fused(
    "softmax_cross_entropy", label="cross-entropy",
    saving=_cross_entropy, backward=_cross_entropy_backward,
    reference=lambda logits, *, target:
        -_of_target(log_softmax(logits, axis=-1), target)[..., 0],
    samples=(sample((2, 3), target=np.array([2, 0])), sample((3,), target=np.array(1))),
    doc="""−log softmax(x)[target] along the last axis, with its gradient softmax(x) − one-hot.

    Example:
        >>> logits, target = np.zeros(2), np.array(1)
        >>> print(mg.softmax_cross_entropy(logits, target=target).round(4))
        0.6931
        >>> print(mg.grad(lambda x: mg.softmax_cross_entropy(x, target=target))(logits))
        [ 0.5 -0.5]
    """,
)  # fmt: skip


# Attention


def _attention(
    q: Array, k: Array, v: Array, *, scale: float, mask: Mask = None
) -> tuple[Array, Any]:
    """Block by block; of the scores only each row's maximum and sum are kept, if they are many."""
    if type(q) is not np.ndarray or q.ndim < 3 or q.size == 0:
        y, *saved = _attend(q, k, v, scale, mask)
        return y, saved
    blocks = list(_blocks(q, k, mask))
    if len(blocks) == 1:
        ((_, columns, mask),) = blocks
        y, *saved = _attend(q, k[columns], v[columns], scale, mask)
        return y, saved
    y = np.empty((*q.shape[:-1], v.shape[-1]), np.result_type(q, k, v))
    highest = np.empty(q.shape[:-1], y.dtype)
    total = np.empty_like(highest)
    for rows, columns, part in blocks:
        y[rows], _, highest[rows], total[rows] = _attend(
            q[rows], k[columns], v[columns], scale, part
        )
    return y, (None, highest, total)


def _attention_backward(
    g: Array, y: Array, saved: Any, q: Array, k: Array, v: Array, *,
    scale: float, mask: Mask = None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    powers, highest, total = saved
    if type(q) is not np.ndarray or q.ndim < 3 or q.size == 0:
        return _attend_backward(g, y, powers / np.expand_dims(total, -2), q, k, v, scale)
    of_query = np.empty(q.shape, y.dtype)
    of_key, of_value = np.zeros(k.shape, y.dtype), np.zeros(v.shape, y.dtype)
    for rows, columns, part in _blocks(q, k, mask):
        if powers is None:
            _, weights = _powers(q[rows], k[columns], scale, part, highest[rows])
            weights /= np.expand_dims(total[rows], -2)
        else:
            weights = powers / np.expand_dims(total, -2)
        of_query[rows], more_key, more_value = _attend_backward(
            g[rows], y[rows], weights, q[rows], k[columns], v[columns], scale
        )
        of_key[columns] += more_key
        of_value[columns] += more_value
    return of_query, of_key, of_value


def _attend(
    q: Array, k: Array, v: Array, scale: float, mask: Mask
) -> tuple[Array, Array, Array, Array]:
    highest, powers = _powers(q, k, scale, mask)
    total = sum_along(powers, axis=-2)
    total = total + (total == 0)  # a query that may attend to nothing gets zeros
    y = matmul(np.swapaxes(powers, -1, -2), v)
    return _over(y, np.expand_dims(total, -1)), powers, highest, total


def _attend_backward(
    g: Array, y: Array, weights: Array, q: Array, k: Array, v: Array, scale: float
) -> tuple[Array, Array, Array]:
    """Dao et al. 2022, appendix B.4; the weights are written over."""
    of_value = matmul(weights, g)
    of_weights = matmul(v, _turned(g))
    along = np.expand_dims(sum_along(g * y, axis=-1), -2)
    of_scores = _times(_times(_plus(of_weights, -along), weights), scale)
    return matmul(np.swapaxes(of_scores, -1, -2), k), matmul(of_scores, q), of_value


def _powers(
    q: Array, k: Array, scale: float, mask: Mask, highest: Array | None = None
) -> tuple[Array, Array]:
    """The highest score of each query, and exp(scores − highest), 0 where the mask is False.

    Scores stand in columns, (..., keys, queries): NumPy is faster at the extremes of these than
    of short rows.
    """
    scores = matmul(k, _turned(q, scale))
    if mask is not None:
        mask = np.swapaxes(mask if mask.ndim > 1 else mask[None], -1, -2)
        if type(scores) is np.ndarray:
            scores += np.where(mask, 0, -np.inf).astype(scores.dtype)
            mask = None
    if highest is None:
        highest = overflow_guard(scores, -2)
        highest = highest[..., 0, :] if hasattr(highest, "shape") else highest
    shift = np.expand_dims(highest, -2) if hasattr(highest, "shape") else highest
    powers = _exp(_plus(scores, -shift))
    return highest, powers if mask is None else np.where(mask, powers, 0)


def _turned(x: Array, scale: float = 1) -> Array:
    """The transpose in its own order, which BLAS multiplies twice as fast on the right."""
    x = np.swapaxes(x, -1, -2)
    return np.multiply(x, scale, order="C") if type(x) is np.ndarray else x * scale


def _blocks(q: Array, k: Array, mask: Mask) -> Iterator[tuple[Any, Any, Mask]]:
    """Parts of about `_BLOCK` scores: indices of queries and of keys, and the mask there.

    Keys behind the last that some query of the block may attend to are left out: where a mask is
    causal, that is nearly half of the work.
    """
    lead, queries, keys = q.shape[:-2], q.shape[-2], k.shape[-2]
    rows = queries if mask is None else min(queries, _ROWS)
    size = max(1, _BLOCK // max(math.prod(lead[1:]) * rows * keys, 1))
    whole = (slice(None),) * (len(lead) - 1)
    if mask is not None and mask.ndim < 2:
        mask = mask[None]
    for low in range(0, queries, rows):
        some, stop, part = slice(low, low + rows), keys, mask
        if part is not None and part.shape[-2] == queries:
            part = part[..., some, :]
        if part is not None and part.shape[-1] == keys:
            allowed = np.flatnonzero(part.any(tuple(range(part.ndim - 1))))
            stop = 1 + int(allowed[-1]) if len(allowed) else 1
            part = part[..., :stop]
        for start in range(0, lead[0], size):
            first = slice(start, start + size)
            yield (
                (first, *whole, some),
                (first, *whole, slice(0, stop)),
                _part_of(part, lead, first),
            )


def _part_of(mask: Mask, lead: tuple[int, ...], block: slice) -> Mask:
    if mask is None or mask.ndim < len(lead) + 2 or mask.shape[0] == 1:
        return mask
    return mask[block]


def _attention_reference(q: Array, k: Array, v: Array, *, scale: float, mask: Mask = None) -> Array:
    scores = matmul(q, np.swapaxes(k, -1, -2)) * scale
    return matmul(softmax(scores, axis=-1, where=mask), v)


_CAUSAL = np.tril(np.ones((3, 3), bool))
flash_attention: Primitive = fused(
    "flash_attention", label="attention", saving=_attention, backward=_attention_backward,
    reference=_attention_reference,
    samples=(
        sample((2, 2), (3, 2), (3, 2), scale=0.5),
        sample((2, 3, 2), (2, 3, 2), (2, 3, 1), scale=0.5, mask=_CAUSAL),
        sample((1, 2, 1), (1, 2, 1), (1, 2, 2), scale=2.0,
               mask=np.array([[True, False], [False, False]])),
    ),
    doc="""softmax(scale · Q Kᵀ) V, block by block: no array of all scores is kept.

    Dao et al. 2022. Queries (..., n, d), keys (..., m, d), values (..., m, e); ``mask`` is True
    where a query may attend.

    Example:
        >>> q, k, v = np.zeros((1, 2)), np.zeros((2, 2)), np.array([[1.0], [3.0]])
        >>> print(mg.flash_attention(q, k, v, scale=1.0))
        [[2.]]
    """,
)  # fmt: skip
