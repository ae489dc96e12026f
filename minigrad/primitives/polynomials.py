"""Convolutions of vectors, and polynomials as the vectors of their coefficients, highest first."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.primitives.arranging import flip, trim_zeros
from minigrad.primitives.calls import constant
from minigrad.primitives.convolution import windows
from minigrad.primitives.decompositions import eigvals
from minigrad.primitives.indexing import scatter
from minigrad.primitives.joining import concatenate
from minigrad.primitives.least_squares import lstsq
from minigrad.primitives.norms import vector_norm
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.products import matmul
from minigrad.primitives.shaping import atleast_1d, expand_dims


@implements(np.convolve)
def convolve(a: Array, v: Array, mode: str = "full") -> Array:
    """Sums of products of a vector with another one that is turned round and moved along it.

    Args:
        a: (n,).
        v: (m,).
        mode: ``"full"``, n + m − 1 entries; ``"same"``, as many as the longer; ``"valid"``, only
            where both overlap wholly.

    Example:
        >>> print(mg.convolve(np.array([1.0, 2.0]), np.array([1.0, 1.0])))
        [1. 3. 2.]
    """
    a, v = atleast_1d(a), atleast_1d(v)
    if a.ndim > 1 or v.ndim > 1:
        raise ValueError(f"convolve: got {a.shape} and {v.shape}, expected two vectors")
    if not a.size or not v.size:
        raise ValueError(f"convolve: got {a.size} and {v.size} entries, expected one at least")
    if v.shape[0] > a.shape[0]:
        a, v = v, a
    n, m = a.shape[0], v.shape[0]
    lead = {"full": m - 1, "same": m // 2, "valid": 0}
    if mode not in lead:
        raise ValueError(f"convolve: got mode={mode!r}, expected 'full', 'same' or 'valid'")
    behind = {"full": m - 1, "same": m - 1 - m // 2, "valid": 0}[mode]
    shape = (n + lead[mode] + behind,)
    long = scatter(a, index=slice(lead[mode], lead[mode] + n), shape=shape) if m > 1 else a
    return matmul(flip(v), windows(long, size=(m,), stride=(1,)))


@implements(np.correlate)
def correlate(a: Array, v: Array, mode: str = "valid") -> Array:
    """Sums of products of a vector with another one that is moved along it: see `convolve`.

    Example:
        >>> print(mg.correlate(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0])))
        [21. 32.]
    """
    if not np.ndim(a) or not np.ndim(v):
        raise ValueError("correlate: got a number, expected two vectors")
    turned = flip(np.conj(v))
    return convolve(a, turned, mode)


# Polynomials


def _vector(p: Any, most: int = 1) -> Array:
    p = atleast_1d(p if hasattr(p, "ndim") else np.asarray(p))
    if p.ndim > most:
        raise ValueError(f"got coefficients {p.shape}, expected a vector")
    return p


def _without_lead(p: Array) -> Array:
    """The coefficients from the first that is not 0 on; one at least."""
    kept = trim_zeros(_vector(p), "f")
    return kept if kept.shape[0] else _vector(p)[-1:]


def _filled(p: Any, n: int) -> Array:
    """The coefficients with zeros in front, ``n`` in all."""
    p = _vector(p, 9)
    missing = n - p.shape[0]
    return concatenate([np.zeros(missing, p.dtype), _vector(p)], axis=0) if missing else p


@implements(np.polyval)
def polyval(p: Array, x: Array) -> Array:
    """The value of a polynomial at ``x``, by Horner's rule.

    Example:
        >>> print(mg.polyval(np.array([1.0, 0.0, 2.0]), 3.0))
        11.0
    """
    y = x * 0
    for coefficient in p if hasattr(p, "ndim") else np.asarray(p):
        y = y * x + coefficient
    return y


@implements(np.polyadd)
def polyadd(a: Array, b: Array) -> Array:
    """The sum of two polynomials.

    Example:
        >>> print(mg.polyadd(np.array([1.0, 2.0]), np.array([3.0])))
        [1. 5.]
    """
    n = max(_vector(a, 9).shape[0], _vector(b, 9).shape[0])
    return _filled(a, n) + _filled(b, n)


@implements(np.polysub)
def polysub(a: Array, b: Array) -> Array:
    """The difference of two polynomials.

    Example:
        >>> print(mg.polysub(np.array([1.0, 2.0]), np.array([3.0])))
        [ 1. -1.]
    """
    n = max(_vector(a, 9).shape[0], _vector(b, 9).shape[0])
    return _filled(a, n) - _filled(b, n)


@implements(np.polymul)
def polymul(a: Array, b: Array) -> Array:
    """The product of two polynomials.

    Example:
        >>> print(mg.polymul(np.array([1.0, 2.0]), np.array([1.0, -2.0])))
        [ 1.  0. -4.]
    """
    return convolve(_without_lead(a), _without_lead(b))


@implements(np.polydiv)
def polydiv(u: Array, v: Array) -> tuple[Array, Array]:
    """Quotient and remainder of two polynomials.

    Example:
        >>> quotient, remainder = mg.polydiv(np.array([1.0, 0.0, -3.0]), np.array([1.0, 2.0]))
        >>> print(quotient, remainder)
        [ 1. -2.] [1.]
    """
    rest, v = _vector(u) + 0.0, _vector(v) + 0.0
    steps = max(rest.shape[0] - v.shape[0] + 1, 1)
    if rest.shape[0] < v.shape[0]:
        return rest[:1] * 0, _without_lead(rest)
    digits = []
    for k in range(steps):
        digits.append(rest[k : k + 1] / v[0])
        taken = scatter(v * digits[k], index=slice(k, k + v.shape[0]), shape=rest.shape)
        rest = rest - taken
    kept = rest[steps:] if rest.shape[0] > steps else rest[-1:] * 0
    close = np.isclose(constant(kept), 0, rtol=1e-14)
    first = int(np.argmin(close)) if not close.all() else len(close) - 1
    return concatenate(digits, axis=0), kept[first:]


@implements(np.polyder)
def polyder(p: Array, m: int = 1) -> Array:
    """The derivative of a polynomial, ``m`` times.

    Example:
        >>> print(mg.polyder(np.array([1.0, 0.0, 2.0])))
        [2. 0.]
    """
    if operator.index(m) < 0:
        raise ValueError(f"polyder: got m={m}, expected 0 or more")
    p = _vector(p)
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Array, m: int = 1, k: Any = None) -> Array:
    """The integral of a polynomial, ``m`` times, with ``k`` as the constants.

    Example:
        >>> print(mg.polyint(np.array([2.0, 0.0])))
        [1. 0. 0.]
    """
    if operator.index(m) < 0:
        raise ValueError(f"polyint: got m={m}, expected 0 or more")
    constants = np.zeros(m) if k is None else _vector(k)
    if constants.shape[0] == 1 and m > 1:
        constants = constants * np.ones(m)
    if constants.shape[0] < m:
        raise ValueError(f"polyint: got {constants.shape[0]} constants for m={m}")
    p = _vector(p)
    for step in range(m):
        p = concatenate([p / np.arange(p.shape[0], 0, -1), constants[step : step + 1]], axis=0)
    return p


@implements(np.poly)
def poly(seq_of_zeros: Array) -> Array:
    """The polynomial with these zeros, or with the eigenvalues of a square matrix.

    Example:
        >>> print(mg.poly(np.array([1.0, 2.0])))
        [ 1. -3.  2.]
    """
    zeros = _vector(seq_of_zeros, 2)
    if zeros.ndim == 2:
        zeros = eigvals(zeros)
    if zeros.ndim != 1:
        raise ValueError(f"poly: got shape {zeros.shape}, expected a vector or a square matrix")
    p: Array = np.ones(1)
    for k in range(zeros.shape[0]):
        p = convolve(p, concatenate([np.ones(1, zeros.dtype), -zeros[k : k + 1]], axis=0))
    if np.iscomplexobj(p):
        numbers = np.sort_complex(constant(zeros))
        if np.array_equal(numbers, np.sort_complex(numbers.conj())):  # in pairs: it is real
            p = np.real(p)
    return p


@implements(np.roots)
def roots(p: Array) -> Array:
    """The zeros of a polynomial: the eigenvalues of its companion matrix.

    Zeros in front are left out; those at the end are roots at 0, which have no derivative.

    Example:
        >>> print(mg.roots(np.array([1.0, -3.0, 2.0])))
        [2. 1.]
    """
    p = _vector(p)
    if p.ndim != 1:
        raise ValueError(f"roots: got shape {p.shape}, expected a vector")
    inner = trim_zeros(p)
    n = inner.shape[0]
    behind = p.shape[0] - trim_zeros(p, "b").shape[0] if n else 0
    if n < 2:
        return np.zeros(behind)
    companion = concatenate(
        [expand_dims(-inner[1:] / inner[0], 0), np.eye(n - 1, dtype=inner.dtype)[:-1]], axis=0
    )
    found = eigvals(companion)
    return concatenate([found, np.zeros(behind, found.dtype)], axis=0) if behind else found


@implements(np.vander)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """Powers of a vector's entries as the columns of a matrix, the highest first.

    Example:
        >>> print(mg.vander(np.array([2.0, 3.0])))
        [[2. 1.]
         [3. 1.]]
    """
    if x.ndim != 1:
        raise ValueError(f"vander: got shape {x.shape}, expected a vector")
    n = x.shape[0] if N is None else N
    powers = np.arange(n) if increasing else np.arange(n)[::-1]
    return expand_dims(x, 1) ** powers.astype(x.dtype)


@implements(np.polyfit)
def polyfit(
    x: Array, y: Array, deg: int, rcond: float | None = None, w: Array | None = None
) -> Array:
    """The polynomial of a degree that fits points best, by least squares.

    Args:
        x: (n,).
        y: (n,) or (n, k), k polynomials.
        deg: the degree.
        rcond: as for `lstsq`.
        w: (n,), the weight of each point.

    Example:
        >>> print(mg.polyfit(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), 1).round(6))
        [2. 1.]
    """
    if deg < 0:
        raise ValueError(f"polyfit: got deg={deg}, expected 0 or more")
    x, y = _vector(x) + 0.0, _vector(y, 2) + 0.0
    if x.ndim != 1 or y.ndim not in (1, 2) or x.shape[0] != y.shape[0]:
        raise TypeError(
            f"polyfit: got x {x.shape} and y {y.shape}, expected (n,) and (n,) or (n, k)"
        )
    left = vander(x, deg + 1)
    if w is not None:
        left = left * expand_dims(w, 1)
        y = y * (expand_dims(w, 1) if y.ndim == 2 else w)
    scale = vector_norm(left, axis=0)
    found = lstsq(left / scale, y, len(x) * np.finfo(x.dtype).eps if rcond is None else rcond).x
    return (found.T / scale).T
