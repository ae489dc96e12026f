"""Linear algebra: the pseudo-inverse, and least squares.

Their derivatives are those of matrices whose rank does not change (Golub & Pereyra 1973, "The
differentiation of pseudo-inverses and nonlinear least squares problems").
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.calls import constant
from minigrad.primitives.decompositions import svdvals
from minigrad.primitives.primitive import Array, fused, implements, sample
from minigrad.primitives.shaping import matrix_transpose
from minigrad.primitives.solving import adjoint, hermitian, inv, on_numbers, rows_and_columns


class LstsqResult(NamedTuple):
    """What `lstsq` returns, in NumPy's order."""

    x: Array
    residuals: Array
    rank: int
    s: Array


def _pinv_by_inverse(a: Array, *, rtol: Any = None) -> Array:
    """Of matrices of full rank: (Aᵀ A)⁻¹ Aᵀ, or Aᵀ (A Aᵀ)⁻¹ of wide ones."""
    m, n = a.shape[-2:]
    if m >= n:
        return inv(matrix_transpose(a) @ a) @ matrix_transpose(a)
    return matrix_transpose(a) @ inv(a @ matrix_transpose(a))


def _pinv_lapack(a: Array, *, rtol: Any = None) -> Array:
    return np.linalg.pinv(a) if rtol is None else np.linalg.pinv(a, rtol=rtol)


def _pinv_cotangent(g: Array, y: Array, a: Array, *, rtol: Any = None) -> Array:
    """−Pᴴ g Pᴴ + (1 − A P) gᴴ P Pᴴ + Pᴴ P gᴴ (1 − P A): Golub & Pereyra 1973, theorem 4.3."""
    p, of_y = adjoint(y), adjoint(g)
    left = of_y @ y @ p
    right = p @ y @ of_y
    return left - a @ (y @ left) + right - (right @ y) @ a - p @ g @ p


_pinv = fused(
    "pinv", on_numbers("pinv", _pinv_lapack, _pinv_by_inverse, square=False), label="A⁺",
    vjps=(hermitian(_pinv_cotangent),), reference=_pinv_by_inverse, analytic=False,
    samples=(sample((2, 2)), sample((3, 2)), sample((2, 1, 2))),
)  # fmt: skip


@implements(np.linalg.pinv)
def pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    """The pseudo-inverse, with the derivative that it has where the rank does not change.

    Args:
        a: (..., m, n).
        rcond: singular values up to this share of the largest count as 0.
        hermitian: whether A is Hermitian; accepted as in NumPy.
        rtol: as ``rcond``.

    Returns:
        (..., n, m).

    Example:
        >>> print(mg.pinv(np.array([[2.0], [0.0]])))
        [[0.5 0. ]]
    """
    rows_and_columns("pinv", a)
    return _pinv(a, rtol=rcond if rtol is None else rtol)


@implements(np.linalg.lstsq)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> LstsqResult:
    """The x with the least |a @ x − b|, of several the shortest.

    Args:
        a: (m, n).
        b: (m,) or (m, k).
        rcond: singular values up to this share of the largest count as 0.

    Returns:
        (x, residuals, rank, s): x is (n,) or (n, k); the residuals |a @ x − b|² are empty unless
        the rank is n < m; s are the singular values.

    Example:
        >>> print(mg.lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0])).x.round(6))
        [2.]
    """
    if np.ndim(a) != 2 or np.ndim(b) not in (1, 2) or np.shape(a)[0] != np.shape(b)[0]:
        raise np.linalg.LinAlgError(f"lstsq: got a {np.shape(a)} and b {np.shape(b)}, expected "
                                    "(m, n) and (m,) or (m, k)")  # fmt: skip
    _, residuals, rank, values = np.linalg.lstsq(constant(a), constant(b), rcond=rcond)
    m, n = np.shape(a)
    eps = np.finfo(values.dtype).eps
    x = pinv(a, rtol=eps * max(m, n) if rcond is None else rcond) @ b
    if residuals.size:
        off = a @ x - b
        residuals = np.reshape(np.sum(np.real(off * np.conj(off)), axis=0), residuals.shape)
    return LstsqResult(x, residuals, rank, svdvals(a))
