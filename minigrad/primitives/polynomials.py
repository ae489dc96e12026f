"""Convolutions of vectors, and polynomials as the vectors of their coefficients, highest first."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.arranging import flip
from minigrad.primitives.convolution import windows
from minigrad.primitives.indexing import scatter
from minigrad.primitives.primitive import Array, implements
from minigrad.primitives.products import matmul
from minigrad.primitives.shaping import atleast_1d


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
    a, v = atleast_1d(a), atleast_1d(v)
    turned = flip(np.conj(v))
    return convolve(a, turned, mode)
