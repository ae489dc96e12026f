"""Activation functions, and the softmax family."""

from __future__ import annotations

import importlib.util
import math

import numpy as np

from minigrad.extras import require
from minigrad.primitives.axes import Axes, kept_shape, reduced_axes
from minigrad.primitives.calls import constant
from minigrad.primitives.exponentials import exp, expm1, log
from minigrad.primitives.indexing import where as choose
from minigrad.primitives.primitive import (
    Array,
    Primitive,
    elementwise,
    fused,
    overflow_guard,
    sample,
)

Mask = np.ndarray | None  # True: the entry takes part; a line without any gives zeros

_MANY = 256  # entries from which SciPy's import pays
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_ERF = (
    1.1283792471876943, 0.10276986411386449, -0.00019528814242064478, -0.0006148382520705859,
    8.459658324863785e-05, -4.7946040555910916e-06, 2.7575882499352952e-08, 5.421612911034786e-09,
)  # fmt: skip
"""Of p in `_erf_single`, the constant first."""


def _stable_sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e⁻ˣ), or eˣ / (1 + eˣ) for x < 0: accurate in both tails, no overflow."""
    if np.iscomplexobj(x):  # the absolute value is not analytic
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-x))
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _stable_softplus(x: Array) -> Array:
    """log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|): accurate in both tails, no overflow."""
    if np.iscomplexobj(x):
        return np.log1p(np.exp(x))
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x: Array) -> Array:
    """The error function: in float64 SciPy's where there is one, else C's, entry by entry."""
    values = np.asarray(x)
    if values.dtype.kind == "c":
        return require("scipy.special", extra="special").erf(values)
    if values.dtype == np.float32:
        return _erf_single(values)[()]
    if values.size > _MANY and importlib.util.find_spec("scipy"):
        from scipy.special import erf as scipy_erf

        return scipy_erf(values)
    flat = np.array([math.erf(v) for v in values.ravel().tolist()])
    return flat.reshape(values.shape).astype(values.dtype, copy=False)[()]


def _erf_single(x: np.ndarray) -> np.ndarray:
    """tanh(x p(x²)), with p(x²) = artanh(erf x) / x fitted up to |x| = 4, from where erf is ±1.

    The fit (minimax, by Lawson's weights) has an error of 7e-8, rounding makes it 4 units in the
    last place. NumPy computes it eight times as fast as the library's erf.
    """
    x = np.clip(x, -4, 4)
    square = x * x
    y = square * np.float32(_ERF[-1])
    for coefficient in _ERF[-2:0:-1]:
        y += np.float32(coefficient)
        y *= square
    y += np.float32(_ERF[0])
    y *= x
    return np.tanh(y)


def _stable_softmax(x: Array, *, axis: Axes = -1, where: Mask = None) -> Array:
    if where is None:
        e = np.exp(x - overflow_guard(x, axis))
        return e / e.sum(axis=axis, keepdims=True)
    x = choose(where, x - overflow_guard(x, axis, where), 0)
    return _normalised(choose(where, np.exp(x), 0), axis)


def _softmax_reference(x: Array, *, axis: Axes = -1, where: Mask = None) -> Array:
    if where is None:
        return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
    return _normalised(choose(where, np.exp(x), 0), axis)


def _normalised(e: Array, axis: Axes) -> Array:
    """``e`` over its sum; a line of zeros stays as it is."""
    total = e.sum(axis=axis, keepdims=True)
    return e / (total + (total == 0))


def _shares(x: Array, axis: Axes) -> Array:
    """The softmax, but of nothing but −∞ it is 0."""
    numbers = constant(x)
    if not isinstance(numbers, np.ndarray) or np.isfinite(numbers.min(initial=0).real):
        return softmax(x, axis=axis)
    return softmax(x, axis=axis, where=~np.isneginf(numbers))


def _stable_logsumexp(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    shift = overflow_guard(x, axis)
    with np.errstate(divide="ignore"):  # of nothing but −∞ it is −∞
        total = np.log(np.exp(x - shift).sum(axis=axis, keepdims=keepdims))
    if isinstance(shift, int):
        return total
    return total + shift.reshape(np.shape(total))


def _stable_log_softmax(x: Array, *, axis: Axes = -1) -> Array:
    x = x - overflow_guard(x, axis)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


tanh = elementwise(
    "tanh", np.tanh, partials=(lambda y, x: 1 - y * y,), symbol="tanh",
    doc="""Hyperbolic tangent, between −1 and 1.

    Example:
        >>> print(mg.tanh(mg.Tensor([0.0, 1.0])).data.round(4), mg.grad(mg.tanh)(0.0))
        [0.     0.7616] 1.0
    """,
)  # fmt: skip
sigmoid: Primitive = elementwise(
    "sigmoid", _stable_sigmoid,
    partials=(lambda y, x: y * sigmoid(-x),),  # not 1 − y, which is 0 from x = 37 on
    symbol="sigmoid", label="σ",
    doc="""σ(x) = 1 / (1 + e⁻ˣ), accurate in both tails.

    Example:
        >>> print(mg.sigmoid(0.0), mg.grad(mg.sigmoid)(0.0))
        0.5 0.25
    """,
)  # fmt: skip
softplus = elementwise(
    "softplus", _stable_softplus, partials=(lambda y, x: sigmoid(x),), symbol="softplus",
    doc="""log(1 + eˣ), a smooth `relu`, accurate in both tails.

    Example:
        >>> print(mg.softplus(np.array([0.0, 40.0])).round(4), mg.grad(mg.softplus)(0.0))
        [ 0.6931 40.    ] 0.5
    """,
)  # fmt: skip
relu = elementwise(
    "relu", lambda x: np.maximum(x, 0), partials=(lambda y, x: x > 0,), symbol="relu",
    analytic=False, nonsmooth="at 0 the derivative is 0, that of the left side",
    doc="""The larger of x and 0; at 0 its derivative is 0.

    Example:
        >>> print(mg.relu(np.array([-1.0, 2.0])), mg.grad(mg.relu)(2.0))
        [0. 2.] 1.0
    """,
)  # fmt: skip
erf = elementwise(
    "erf", _erf, partials=(lambda y, x: _TWO_OVER_ROOT_PI * np.exp(-x * x),), symbol="erf",
    analytic=False,  # C's erf takes real numbers only
    doc="""The error function, 2 / √π ∫₀ˣ e^(−t²) dt.

    Example:
        >>> print(mg.erf(np.array([0.0, 1.0])).round(4), mg.grad(mg.erf)(0.0).round(4))
        [0.     0.8427] 1.1284
    """,
)  # fmt: skip
softmax = fused(
    "softmax", _stable_softmax,
    vjps=(lambda g, y, x, *, axis=-1, where=None:  # y is 0 at entries that are left out
          y * (g - (g * y).sum(axis=axis, keepdims=True)),),
    reference=_softmax_reference,
    samples=(
        sample((3,)), sample((2, 3)), sample((3, 2), axis=0),
        sample((2, 3), where=np.array([[True, False, True], [False, False, False]])),
    ),
    doc="""eˣ / Σ eˣ along ``axis``: shares that add up to 1, without overflow.

    Entries where the mask ``where`` is False take no part.

    Example:
        >>> print(mg.softmax(np.log([1.0, 3.0])).round(6))
        [0.25 0.75]
        >>> print(mg.softmax(np.zeros(3), where=np.array([True, True, False])))
        [0.5 0.5 0. ]
    """,
)  # fmt: skip
log_softmax = fused(
    "log_softmax", _stable_log_softmax,
    vjps=(lambda g, y, x, *, axis=-1:
          g - softmax(x, axis=axis) * g.sum(axis=axis, keepdims=True),),
    reference=lambda x, *, axis=-1: x - np.log(np.exp(x).sum(axis=axis, keepdims=True)),
    samples=(sample((3,)), sample((2, 3)), sample((3, 2), axis=0)),
    doc="""log of `softmax`, without overflow or log 0.

    Example:
        >>> print(mg.log_softmax(np.array([0.0, 1000.0])))
        [-1000.     0.]
    """,
)  # fmt: skip
_logsumexp = fused(
    "logsumexp", _stable_logsumexp,
    vjps=(lambda g, y, x, *, axis=None, keepdims=False:
          g.reshape(kept_shape(x.shape, axis)) * _shares(x, axis),),
    reference=lambda x, *, axis=None, keepdims=False:
        np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)),
    nonsmooth="where all are −∞ the derivatives are 0",
    samples=(sample((3,)), sample((2, 3), axis=-1), sample((3, 2), axis=0, keepdims=True),
             sample((2, 2, 2), axis=(0, -1))),
)  # fmt: skip


def logsumexp(x: Array, axis: Axes = None, b: Array | None = None, keepdims: bool = False) -> Array:
    """Log Σ b eˣ along ``axis`` (an int, a tuple, or all axes), without overflow.

    Args:
        x: any array.
        axis: along which.
        b: factors, which broadcast; 1 if ``None``.
        keepdims: keep the axes with length 1.

    Example:
        >>> print(mg.logsumexp(np.array([1000.0, 1000.0])).round(4))
        1000.6931
        >>> print(mg.grad(mg.logsumexp)(np.array([1000.0, 1000.0])))
        [0.5 0.5]
    """
    if b is None:
        return _logsumexp(x, axis=axis, keepdims=keepdims)
    shift = overflow_guard(x, axis)
    total = np.sum(b * exp(x - shift), axis=axis, keepdims=keepdims)
    lines = reduced_axes(axis, np.ndim(x))
    nothing = np.all(constant(x) == -np.inf, axis=lines, keepdims=keepdims)
    total = choose(nothing, -np.inf, log(total + nothing)) if np.any(nothing) else log(total)
    return total + (shift if isinstance(shift, int) else shift.reshape(total.shape))


def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """``x`` where it is positive, ``slope · x`` elsewhere.

    Example:
        >>> print(mg.leaky_relu(np.array([-1.0, 2.0]), slope=0.1))
        [-0.1  2. ]
    """
    return choose(x > 0, x, slope * x)


def elu(x: Array, alpha: float = 1.0) -> Array:
    """``x`` where it is positive, ``α (eˣ − 1)`` elsewhere (Clevert et al. 2016, eq. 15).

    Example:
        >>> print(mg.elu(np.array([-1.0, 2.0])).round(4))
        [-0.6321  2.    ]
    """
    negative = choose(x > 0, 0, x)  # so that the branch which is not taken cannot overflow
    return choose(x > 0, x, alpha * expm1(negative))


def silu(x: Array) -> Array:
    """The product x σ(x), also called swish (Elfwing et al. 2018, eq. 4).

    Example:
        >>> print(mg.silu(np.array([0.0, 1.0])).round(4))
        [0.     0.7311]
    """
    return x * sigmoid(x)
