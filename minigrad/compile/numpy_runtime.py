"""What generated NumPy code calls: everything writes into arrays that are there."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.activations import erf as _erf

__all__ = [
    "add_product", "cos", "divert", "erf", "exp", "heaviside", "hold", "log", "np", "outer",
    "product", "sigmoid", "sin", "softplus", "sqrt", "tanh",
]  # fmt: skip

cos, exp, log, sin, sqrt, tanh = np.cos, np.exp, np.log, np.sin, np.sqrt, np.tanh


def product(W: np.ndarray, u: np.ndarray, out: np.ndarray, Q: np.ndarray) -> None:
    """Out = W u, for W (rows, width), u of width · batch entries, out of rows · batch."""
    np.dot(W, u.reshape(W.shape[1], -1), out=out.reshape(len(W), -1))


def add_product(W: np.ndarray, u: np.ndarray, out: np.ndarray, Q: np.ndarray) -> None:
    """Out += W u."""
    rows = Q[: out.size].reshape(len(W), -1)
    np.dot(W, u.reshape(W.shape[1], -1), out=rows)
    out = out.reshape(len(W), -1)
    np.add(out, rows, out=out)


def outer(
    D: np.ndarray, first: int, last: int, u: np.ndarray, out: np.ndarray, batch: int, Q: np.ndarray
) -> None:
    """Out += Σ_t D_t u_tᵀ, for D (time, gates, n), u (time, width · batch), out (rows, width)."""
    rows, width = out.shape
    time = len(D)
    D, u = D[:, first:last].reshape(time, rows, batch), u.reshape(time, width, batch)
    out += np.tensordot(D, u, axes=((0, 2), (0, 2)))


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


def erf(x: np.ndarray, out: np.ndarray) -> None:
    """The error function."""
    np.copyto(out, _erf(x))
