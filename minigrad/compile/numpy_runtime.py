"""What generated NumPy code calls: everything writes into arrays that are there."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.activations import erf as _erf

__all__ = [
    "add", "add_product", "add_total", "clear", "cos", "divert", "erf", "exp", "heaviside",
    "hold", "log", "np", "outer", "product", "sigmoid", "sin", "softplus", "sqrt", "tanh",
    "total", "zero",
]  # fmt: skip

cos, exp, log, sin, sqrt, tanh = np.cos, np.exp, np.log, np.sin, np.sqrt, np.tanh


def product(W: np.ndarray, u: np.ndarray, out: np.ndarray, room: np.ndarray) -> None:
    """Out = W u, for W (rows, width), u of width · batch entries, into the first rows of out."""
    u = u.reshape(W.shape[1], -1)
    np.dot(W, u, out=_rows(out, len(W), u.shape[1]))


def add_product(W: np.ndarray, u: np.ndarray, out: np.ndarray, room: np.ndarray) -> None:
    """Out += W u."""
    u = u.reshape(W.shape[1], -1)
    into, by_itself = _rows(out, len(W), u.shape[1]), _rows(room, len(W), u.shape[1])
    np.dot(W, u, out=by_itself)
    np.add(into, by_itself, out=into)


def _rows(array: np.ndarray, rows: int, batch: int) -> np.ndarray:
    return array.reshape(-1)[: rows * batch].reshape(rows, batch)


def outer(
    D: np.ndarray, first: int, last: int, u: np.ndarray, out: np.ndarray, room: np.ndarray
) -> None:
    """Out += Σ_t D_t u_tᵀ, for D (time, gates, n), u (time, width · batch), out (rows, width)."""
    rows, width = out.shape
    time, batch = len(u), u.shape[1] // width
    D, u = D[:time, first:last].reshape(time, rows, batch), u.reshape(time, width, batch)
    out += np.tensordot(D, u, axes=((0, 2), (0, 2)))


def total(x: np.ndarray, out: np.ndarray, batch: int, above: int, below: int) -> None:
    """Out = Σ x over the units, times above / below, the same for each unit."""
    out.reshape(-1, batch)[:] = x.reshape(-1, batch).sum(0) * above / below


def add_total(x: np.ndarray, out: np.ndarray, batch: int, above: int, below: int) -> None:
    """Out += Σ x over the units, times above / below."""
    out.reshape(-1, batch)[:] += x.reshape(-1, batch).sum(0) * above / below


def add(x: np.ndarray, out: np.ndarray) -> None:
    """Out += x."""
    np.add(out, x, out)


def zero(out: np.ndarray) -> None:
    """Out = 0."""
    out.fill(0)


def hold(before: np.ndarray, after: np.ndarray, going: np.ndarray) -> None:
    """After = before where a sequence has ended."""
    shape = (-1, len(going))
    np.copyto(after.reshape(shape), before.reshape(shape), where=~going)


def divert(cotangent: np.ndarray, aside: np.ndarray, going: np.ndarray) -> None:
    """What belongs to ended sequences, moved aside."""
    shape = (-1, len(going))
    cotangent, aside = cotangent.reshape(shape), aside.reshape(shape)
    np.copyto(aside, cotangent)
    np.copyto(aside, 0, where=going)
    np.copyto(cotangent, 0, where=~going)


def clear(cotangents: np.ndarray, going: np.ndarray) -> None:
    """0 for ended sequences: what was computed of them may be 0 times infinity."""
    np.copyto(cotangents.reshape(-1, len(going)), 0, where=~going)


def sigmoid(x: np.ndarray, out: np.ndarray) -> None:
    """½ + ½ tanh(x / 2): fast and never too large, but 0 where σ(x) is below the rounding of 1."""
    np.multiply(x, 0.5, out)
    np.tanh(out, out)
    np.multiply(out, 0.5, out)
    np.add(out, 0.5, out)


def softplus(x: np.ndarray, out: np.ndarray) -> None:
    """log(1 + eˣ)."""
    np.logaddexp(x, 0, out)


def heaviside(x: np.ndarray, out: np.ndarray) -> None:
    """1 where x > 0, else 0."""
    np.copyto(out, x > 0)


# Of programs: as accurate as the primitives


def sigmoid_into(x: np.ndarray, out: np.ndarray) -> None:
    """1 / (1 + e⁻ˣ), or eˣ / (1 + eˣ) for x < 0: accurate in both tails, no overflow."""
    positive = x >= 0
    np.abs(x, out)
    np.negative(out, out)
    np.exp(out, out)
    below = out + 1
    np.copyto(out, 1, where=positive)
    np.divide(out, below, out)


def softplus_into(x: np.ndarray, out: np.ndarray) -> None:
    """log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|): accurate in both tails, no overflow."""
    above = np.maximum(x, 0)
    np.abs(x, out)
    np.negative(out, out)
    np.exp(out, out)
    np.log1p(out, out)
    np.add(above, out, out)


def erf_into(x: np.ndarray, out: np.ndarray) -> None:
    """The error function."""
    np.copyto(out, _erf(x))


def owned(x: Any) -> Any:
    """The array, or a copy of a view."""
    return x.copy() if isinstance(x, np.ndarray) and x.base is not None else x


def add_at(out: np.ndarray, index: Any, values: np.ndarray) -> None:
    """Out[index] += values; an entry that is named twice gets both."""
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and out.ndim > 1 and out.size:
        width = out[0].size  # entry by entry: NumPy is several times faster on one axis
        entries = np.add.outer(index.ravel() * width, np.arange(width))
        values = np.broadcast_to(values, (*index.shape, *out.shape[1:]))
        np.add.at(out.reshape(-1), entries.ravel(), values.ravel())
    else:
        np.add.at(out, index, values)


def erf(x: np.ndarray, out: np.ndarray) -> None:
    """The error function."""
    np.copyto(out, _erf(x))
