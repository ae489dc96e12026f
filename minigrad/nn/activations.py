"""Activation functions, beside those in `minigrad` itself, such as ``mg.relu`` and ``mg.gelu``.

Their modules, such as `minigrad.nn.ReLU`, are in `minigrad.nn.activation_layers`.
"""

from __future__ import annotations

from minigrad.primitives import (
    absolute,
    clip,
    elu,
    relu,
    sigmoid,
    softmax,
    softplus,
    split,
    tanh,
    where,
)
from minigrad.primitives.primitive import Array

_SELU = 1.0507009873554805, 1.6732632423543772  # λ and α (Klambauer et al. 2017, eq. 14)


def celu(x: Array, alpha: float = 1.0) -> Array:
    """``x`` where it is positive, ``α (e^(x/α) − 1)`` elsewhere (Barron 2017, eq. 2).

    Example:
        >>> print(nn.celu(np.array([-1.0, 2.0]), alpha=0.5).round(4))
        [-0.4323  2.    ]
    """
    return alpha * elu(x / alpha)


def selu(x: Array) -> Array:
    """λ · elu(x, α), which keeps mean 0 and variance 1 (Klambauer et al. 2017, eq. 2).

    Example:
        >>> print(nn.selu(np.array([-1.0, 1.0])).round(4))
        [-1.1113  1.0507]
    """
    scale, alpha = _SELU
    return scale * elu(x, alpha)


def relu6(x: Array) -> Array:
    """``x`` clipped to [0, 6] (Howard et al. 2017).

    Example:
        >>> print(nn.relu6(np.array([-1.0, 2.0, 7.0])))
        [0. 2. 6.]
    """
    return clip(x, 0, 6)


def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """``x`` clipped to a range.

    Example:
        >>> print(nn.hardtanh(np.array([-2.0, 0.5])))
        [-1.   0.5]
    """
    return clip(x, min_val, max_val)


def hardsigmoid(x: Array) -> Array:
    """(x + 3) / 6, clipped to [0, 1] (Howard et al. 2019, section 5.2).

    Example:
        >>> print(nn.hardsigmoid(np.array([-3.0, 0.0, 3.0])))
        [0.  0.5 1. ]
    """
    return clip(x + 3, 0, 6) / 6


def hardswish(x: Array) -> Array:
    """The product x · hardsigmoid(x) (Howard et al. 2019, section 5.2).

    Example:
        >>> print(nn.hardswish(np.array([-3.0, 1.0, 3.0])).round(4))
        [-0.      0.6667  3.    ]
    """
    return x * hardsigmoid(x)


def mish(x: Array) -> Array:
    """The product x · tanh(softplus(x)) (Misra 2019, eq. 1).

    Example:
        >>> print(nn.mish(np.array([0.0, 1.0])).round(4))
        [0.     0.8651]
    """
    return x * tanh(softplus(x))


def softsign(x: Array) -> Array:
    """``x / (1 + |x|)``.

    Example:
        >>> print(nn.softsign(np.array([-1.0, 3.0])))
        [-0.5   0.75]
    """
    return x / (1 + absolute(x))


def logsigmoid(x: Array) -> Array:
    """``log σ(x)`` = −softplus(−x), accurate in both tails.

    Example:
        >>> print(nn.logsigmoid(np.array([0.0, -1000.0])).round(4))
        [-6.931e-01 -1.000e+03]
    """
    return -softplus(-x)


def tanhshrink(x: Array) -> Array:
    """``x − tanh(x)``.

    Example:
        >>> print(nn.tanhshrink(np.array([0.0, 1.0])).round(4))
        [0.     0.2384]
    """
    return x - tanh(x)


def softshrink(x: Array, lambd: float = 0.5) -> Array:
    """``x`` brought nearer to 0 by λ, and 0 within ±λ.

    Example:
        >>> print(nn.softshrink(np.array([-2.0, 0.3, 1.0])))
        [-1.5  0.   0.5]
    """
    return relu(x - lambd) - relu(-x - lambd)


def hardshrink(x: Array, lambd: float = 0.5) -> Array:
    """``x``, but 0 within ±λ.

    Example:
        >>> print(nn.hardshrink(np.array([-2.0, 0.3, 1.0])))
        [-2.  0.  1.]
    """
    return where(absolute(x) > lambd, x, 0)


def threshold(x: Array, threshold: float, value: float) -> Array:
    """``x`` where it is above the threshold, ``value`` elsewhere.

    Example:
        >>> print(nn.threshold(np.array([0.1, 2.0]), 1.0, -5.0))
        [-5.  2.]
    """
    return where(x > threshold, x, value)


def softmin(x: Array, axis: int = -1) -> Array:
    """softmax(−x).

    Example:
        >>> print(nn.softmin(np.log([1.0, 3.0])).round(4))
        [0.75 0.25]
    """
    return softmax(-x, axis=axis)


def glu(x: Array, axis: int = -1) -> Array:
    """``a ∘ σ(b)``, with ``a`` and ``b`` the halves of ``x`` along ``axis`` (Dauphin et al. 2017).

    Raises:
        ValueError: the axis has an odd length.

    Example:
        >>> print(nn.glu(np.array([1.0, 2.0, 0.0, 100.0])))
        [0.5 2. ]
    """
    if x.shape[axis] % 2:
        raise ValueError(f"glu: got shape {x.shape}, expected an even length along axis {axis}")
    a, b = split(x, 2, axis)
    return a * sigmoid(b)


def prelu(x: Array, weight: Array) -> Array:
    """``x`` where it is positive, ``weight · x`` elsewhere (He et al. 2015, eq. 1).

    Args:
        x: (batch, channels, …) or any shape.
        weight: one slope, or (channels,), a slope for each channel: the second axis of x,
            or the only one.

    Raises:
        ValueError: another number of slopes than of channels.

    Example:
        >>> print(nn.prelu(np.array([-1.0, 2.0]), np.array([0.1])))
        [-0.1  2. ]
    """
    if weight.size != 1:
        channel = min(1, x.ndim - 1)
        if weight.ndim != 1 or x.ndim == 0 or x.shape[channel] != weight.size:
            raise ValueError(
                f"prelu: got x {x.shape} and slopes {weight.shape}, expected one per channel"
            )
        weight = weight.reshape((-1, *(1,) * (x.ndim - channel - 1)))
    else:
        weight = weight.reshape(())
    return where(x > 0, x, weight * x)
