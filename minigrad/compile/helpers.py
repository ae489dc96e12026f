"""What written source brings along where NumPy has no function: helpers, as they stand there."""

from __future__ import annotations

from collections.abc import Mapping

HELPERS: Mapping[str, str] = {
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x)), accurate in both tails and without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)
''',
    "softplus": '''
def softplus(x):
    """log(1 + exp(x)), accurate in both tails and without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
''',
    "erf": '''
def erf(x):
    """The error function, entry by entry."""
    return np.vectorize(math.erf, otypes=[x.dtype])(x)
''',
    "windows": '''
def windows(x, size, stride, dilation=()):
    """All windows along the last axes, (..., *size, *positions), as a view."""
    n = len(size)
    dilation = dilation or (1,) * n
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(-n, 0)))
    view = view[(..., *(slice(None, None, s) for s in (*stride, *dilation)))]
    lead = x.ndim - n
    return view.transpose(*range(lead), *range(lead + n, lead + 2 * n), *range(lead, lead + n))
''',
    "overlap_add": '''
def overlap_add(g, shape, stride, dilation=()):
    """Windows (..., *size, *positions) added where `windows` takes them."""
    n = len(stride)
    dilation = dilation or (1,) * n
    size, positions = g.shape[-2 * n : -n], g.shape[-n:]
    total = np.zeros(g.shape[: -2 * n] + tuple(shape), g.dtype)
    for offset in np.ndindex(*size):
        where = [
            slice(o * d, o * d + s * (p - 1) + 1, s) if p else slice(0, 0)
            for o, d, s, p in zip(offset, dilation, stride, positions)
        ]
        total[(..., *where)] += g[(..., *offset, *[slice(None)] * n)]
    return total
''',
}
"""By name."""

IMPORTS: Mapping[str, str] = {"erf": "import math", "special": "from scipy import special"}
"""What they, and functions that are not NumPy's, need to be imported."""
