"""What loops compiled by Numba call: functions of one number, in float32 as fast as can be.

In float32 the functions are polynomials that run over many numbers at once, with errors of a few
units in the last place, also in the tails, and with NaN and infinities as NumPy has them. In
float64 they are the C library's.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

F = np.float32
inf, nan = np.inf, np.nan
(bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64) = (
    np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
    np.float32, np.float64,
)  # fmt: skip

kernel = njit(error_model="numpy", fastmath={"contract", "nsz", "arcp"}, nogil=True, cache=True)
_inline = njit(error_model="numpy", fastmath={"contract", "nsz", "arcp"}, forceinline=True)
_exactly = njit(error_model="numpy", forceinline=True)  # as it is written


def signature(kinds: tuple[str, ...]) -> tuple[types.Type, ...]:
    """Numba's types of a loop's arguments."""
    return tuple(map(_type_of, kinds))


def _type_of(kind: str) -> types.Type:
    if kind == "int":
        return types.int64
    if kind.startswith("number "):
        return from_dtype(np.dtype(kind.removeprefix("number ")))
    return types.Array(from_dtype(np.dtype(kind)), 1, "C")


def _limits() -> dict[str, object]:
    found: dict[str, object] = {}
    for kind in (np.float32, np.float64):
        found[f"lowest_{np.dtype(kind).name}"] = kind(-np.inf)
        found[f"highest_{np.dtype(kind).name}"] = kind(np.inf)
    for whole in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32):
        found[f"lowest_{np.dtype(whole).name}"] = whole(np.iinfo(whole).min)
        found[f"highest_{np.dtype(whole).name}"] = whole(np.iinfo(whole).max)
    found["lowest_bool"], found["highest_bool"] = np.bool_(False), np.bool_(True)
    return found


globals().update(_limits())


@intrinsic
def _as_float(context, x):  # type: ignore[no-untyped-def]
    """The float32 with these bits."""

    def code(target, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code


@intrinsic
def _as_int(context, x):  # type: ignore[no-untyped-def]
    """The bits of a float32."""

    def code(target, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), code


# Sums and extremes: these alone may be taken in another order


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"}, forceinline=True)
def plus(a, b):  # type: ignore[no-untyped-def]
    """A sum so far, and one more."""
    return a + b


@njit(error_model="numpy", fastmath={"nnan", "nsz"}, forceinline=True)
def larger(a, b):  # type: ignore[no-untyped-def]
    """The larger of two numbers; whether there was a NaN is noted elsewhere."""
    return a if a > b else b


@njit(error_model="numpy", fastmath={"nnan", "nsz"}, forceinline=True)
def smaller(a, b):  # type: ignore[no-untyped-def]
    """The smaller of two numbers."""
    return a if a < b else b


# float32


@_inline
def exp_float32(x):  # type: ignore[no-untyped-def]
    """2ᵏ eʳ with |r| ≤ log 2 / 2, by a polynomial (Cephes, expf); error 1 unit."""
    x = F(89) if x > F(89) else (F(-104) if x < F(-104) else x)
    k = np.floor(x * F(1.4426950408889634) + F(0.5))
    r = x - k * F(0.693359375)
    r = r - k * F(-2.12194440e-4)
    p = F(1.9875691500e-4)
    p = p * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    y = p * r * r + r + F(1)
    n = np.int32(k)
    half = n >> np.int32(1)  # 2ᵏ in two factors: one alone may lie outside of float32
    one = _as_float(np.int32((half + np.int32(127)) << np.int32(23)))
    other = _as_float(np.int32((n - half + np.int32(127)) << np.int32(23)))
    return y * one * other


@_exactly
def log_float32(x):  # type: ignore[no-untyped-def]
    """K log 2 + log m with √½ ≤ m < √2, by a polynomial (Cephes, logf)."""
    small = x < F(1.17549435e-38)
    bits = _as_int(x * F(8388608.0) if small else x)
    k = F((bits >> np.int32(23)) - np.int32(126)) - (F(23) if small else F(0))
    m = _as_float(np.int32((bits & np.int32(0x007FFFFF)) | np.int32(0x3F000000)))
    low = m < F(0.70710678118654752)
    k = k - F(1) if low else k
    m = m + m - F(1) if low else m - F(1)
    z = m * m
    p = F(7.0376836292e-2)
    p = p * m + F(-1.1514610310e-1)
    p = p * m + F(1.1676998740e-1)
    p = p * m + F(-1.2420140846e-1)
    p = p * m + F(1.4249322787e-1)
    p = p * m + F(-1.6668057665e-1)
    p = p * m + F(2.0000714765e-1)
    p = p * m + F(-2.4999993993e-1)
    p = p * m + F(3.3333331174e-1)
    y = p * m * z + k * F(-2.12194440e-4) - F(0.5) * z
    y = m + y + k * F(0.693359375)
    y = F(np.inf) if x == F(np.inf) else y
    y = F(-np.inf) if x == F(0) else y
    return y if x >= F(0) else F(np.nan)


@_exactly
def _log1p_float32(u):  # type: ignore[no-untyped-def]
    """Log(1 + u) for 0 ≤ u ≤ 1, accurate near 0 (Kahan): the rounding of 1 + u is undone."""
    w = F(1) + u
    return u if w == F(1) else log_float32(w) * (u / (w - F(1)))


@_inline
def tanh_float32(x):  # type: ignore[no-untyped-def]
    """A rational function with an error below 3.1e-7, as accurate near 0; NaN stays NaN."""
    x = F(7.905) if x > F(7.905) else (F(-7.905) if x < F(-7.905) else x)
    s = x * x
    p = F(-2.76076847742355e-16)
    p = p * s + F(2.00018790482477e-13)
    p = p * s + F(-8.60467152213735e-11)
    p = p * s + F(5.12229709037114e-08)
    p = p * s + F(1.48572235717979e-05)
    p = p * s + F(6.37261928875436e-04)
    p = p * s + F(4.89352455891786e-03)
    q = F(1.19825839466702e-06)
    q = q * s + F(1.18534705686654e-04)
    q = q * s + F(2.26843463243900e-03)
    q = q * s + F(4.89352518554385e-03)
    return x * p / q


@_inline
def sigmoid_float32(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e⁻ˣ), or eˣ / (1 + eˣ) for x < 0: accurate in both tails, no overflow."""
    e = exp_float32(-abs(x))
    return (F(1) if x >= F(0) else e) / (F(1) + e) if x == x else x


@_inline
def softplus_float32(x):  # type: ignore[no-untyped-def]
    """log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)."""
    return (x if x > F(0) else F(0)) + _log1p_float32(exp_float32(-abs(x))) if x == x else x


@_inline
def erf_float32(x):  # type: ignore[no-untyped-def]
    """tanh(x p(x²)), as `minigrad.primitives.activations` has it."""
    x = F(4) if x > F(4) else (F(-4) if x < F(-4) else x)
    s = x * x
    p = F(5.421612911034786e-09)
    p = p * s + F(2.7575882499352952e-08)
    p = p * s + F(-4.7946040555910916e-06)
    p = p * s + F(8.459658324863785e-05)
    p = p * s + F(-0.0006148382520705859)
    p = p * s + F(-0.00019528814242064478)
    p = p * s + F(0.10276986411386449)
    p = p * s + F(1.1283791672)
    return tanh_float32(x * p)


# float64


@_inline
def exp_float64(x):  # type: ignore[no-untyped-def]
    """The exponential function."""
    return math.exp(x)


@_inline
def log_float64(x):  # type: ignore[no-untyped-def]
    """The natural logarithm."""
    return np.log(x)


@_inline
def tanh_float64(x):  # type: ignore[no-untyped-def]
    """The hyperbolic tangent."""
    return math.tanh(x)


@_inline
def sigmoid_float64(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e⁻ˣ), accurate in both tails."""
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


@_inline
def softplus_float64(x):  # type: ignore[no-untyped-def]
    """log(1 + eˣ)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@_inline
def erf_float64(x):  # type: ignore[no-untyped-def]
    """The error function."""
    return math.erf(x)


# Any type


@_inline
def maximum(a, b):  # type: ignore[no-untyped-def]
    """The larger number, NaN if one is."""
    return a if a >= b or a != a else b


@_inline
def minimum(a, b):  # type: ignore[no-untyped-def]
    """The smaller number, NaN if one is."""
    return a if a <= b or a != a else b


@_inline
def sign(x):  # type: ignore[no-untyped-def]
    """−1, 0 or 1."""
    return np.sign(x)


@_inline
def isfinite(x):  # type: ignore[no-untyped-def]
    """Whether it is neither NaN nor infinite."""
    return abs(x) < inf


@_inline
def isnan(x):  # type: ignore[no-untyped-def]
    """Whether it is NaN."""
    return x != x


@_inline
def isinf(x):  # type: ignore[no-untyped-def]
    """Whether it is infinite."""
    return abs(x) == inf


def _one(function):  # type: ignore[no-untyped-def]
    return _inline(lambda x: function(x))


def _two(function):  # type: ignore[no-untyped-def]
    return _inline(lambda a, b: function(a, b))


sqrt, sin, cos, tan = map(_one, (np.sqrt, np.sin, np.cos, np.tan))
arcsin, arccos, arctan = map(_one, (np.arcsin, np.arccos, np.arctan))
sinh, cosh = map(_one, (np.sinh, np.cosh))
arcsinh, arccosh, arctanh = map(_one, (np.arcsinh, np.arccosh, np.arctanh))
log1p, expm1, log2, log10, exp2 = map(_one, (np.log1p, np.expm1, np.log2, np.log10, np.exp2))
floor, ceil, trunc, rint = map(_one, (np.floor, np.ceil, np.trunc, np.rint))
power, arctan2, hypot = map(_two, (np.power, np.arctan2, np.hypot))
logical_and, logical_or = map(_two, (np.logical_and, np.logical_or))
logical_not = _one(np.logical_not)
