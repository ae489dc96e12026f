"""Linear algebra: systems of equations, inverses, determinants, the Cholesky factor.

All act on the last two axes; those before are a batch. Numbers go to LAPACK, which exact
scalars cannot: there each function is the composition that it is judged against. Matrices that
NumPy refuses raise its ``numpy.linalg.LinAlgError``, a ``ValueError``, forward and in the walk
back.

Derivatives: Giles 2008, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", section 2; of the Cholesky factor Murray 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.arithmetic import log, sqrt, square
from minigrad.primitives.primitive import Array, Primitive, constant, fused, implements, sample


class SlogdetResult(NamedTuple):
    """What `slogdet` returns, with NumPy's names."""

    sign: Array
    logabsdet: Array


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _on_numbers(name: str, lapack: Callable[..., Array], composition: Callable[..., Array]) -> Any:
    """``lapack`` on arrays of numbers, the composition on those of exact scalars."""

    def forward(*operands: Array) -> Array:
        if any(hasattr(x, "__primitive__") for x in operands):
            return composition(*operands)
        _order(name, operands[0])
        try:
            return lapack(*operands)
        except np.linalg.LinAlgError as error:
            raise _refusal(name, lapack, operands, error) from None

    return forward


def _refusal(
    name: str, lapack: Callable[..., Array], operands: tuple[Array, ...], error: Exception
) -> np.linalg.LinAlgError:
    """LAPACK's word on a matrix, with the operation, the shape, and which of a batch it is."""
    a, said = np.asarray(operands[0]), str(error)
    of_one = [np.eye(a.shape[-1]) for _ in operands[1:]]
    for index in np.ndindex(a.shape[:-2]):
        try:
            lapack(a[index], *of_one)
        except np.linalg.LinAlgError:
            said += f" at {list(index)}" if index else ""
            break
    return np.linalg.LinAlgError(f"{name}: {said}, got shape {a.shape}")


# The compositions: any size, any world, no branch on a value


def _det(a: Array) -> Array:
    """The determinant without a division (Bird 2011): of a 2 × 2 matrix it is a d − b c.

    "A simple division-free algorithm for computing determinants", Information Processing
    Letters 111: n − 1 times X ← μ(X) A from X = A on, μ(X) being X above its diagonal, on
    it the negated sums of the diagonal entries that follow, and 0 below.
    """
    n = _order("det", a)
    if n == 0:
        return np.sum(a, axis=(-2, -1)) + 1
    unit, above = np.eye(n, dtype=int), np.triu(np.ones((n, n), dtype=int), 1)
    x = a
    for _ in range(n - 1):
        following = np.sum(x * unit, axis=-2) @ above.T
        x = (x * above - np.expand_dims(following, -2) * unit) @ a
    return x[..., 0, 0] if n % 2 else -x[..., 0, 0]


def _cofactors(a: Array) -> Array:
    """∂ det A / ∂A: the determinants of A without one row and one column, signed."""
    n = a.shape[-1]
    others = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int)
    others = others.reshape(n, n - 1)
    columns = others[:, None, :]
    lines = []
    for i in range(n):  # one line at a time: all minors at once are n⁴ numbers
        minors = det(a[..., others[i][None, :, None], columns])
        lines.append(minors * (-1) ** (np.arange(n) + i))
    return np.stack(lines, axis=-2)


def _inv(a: Array) -> Array:
    """The adjugate over the determinant."""
    if _order("inv", a) == 0:
        return a
    return _transposed(_cofactors(a)) / np.expand_dims(det(a), (-2, -1))


def _logabsdet(a: Array) -> Array:
    return log(square(det(a))) / 2


def _cholesky(a: Array) -> Array:
    """Column by column: L_ij = (A_ij − Σ_k L_ik L_jk) / L_jj, L_jj the root of that with i = j."""
    columns: list[Array] = []
    for j in range(_order("cholesky", a)):
        column = a[..., j]
        for known in columns:
            column = column - known * known[..., j : j + 1]
        columns.append(column / sqrt(column[..., j : j + 1]))
    return np.tril(np.stack(columns, axis=-1)) if columns else a


# On numbers


def _lapack_solve(a: Array, b: Array) -> Array:
    """NumPy 1 takes a b of one axis less than a as vectors: here it always is columns."""
    return np.linalg.solve(a, b.reshape((1,) * (a.ndim - b.ndim) + b.shape))


def _lapack_logabsdet(a: Array) -> Array:
    """Of complex matrices log(± det), the sign making it real for a real one: it is analytic."""
    sign, value = np.linalg.slogdet(a)
    return value + 1j * np.arctan(sign.imag / sign.real) if np.iscomplexobj(a) else value


def _lapack_cholesky(a: Array) -> Array:
    """Of complex matrices the L with L Lᵀ = A: LAPACK's with L Lᴴ = A is not analytic."""
    return _cholesky(a) if np.iscomplexobj(a) else np.linalg.cholesky(a)


# The rules


def _logabsdet_cotangent(g: Array, y: Array, a: Array) -> Array:
    try:
        return np.expand_dims(g, (-2, -1)) * _transposed(inv(a))
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            f"slogdet: log |det| of a singular matrix has no gradient: {error}"
        ) from None


def _det_cotangent(g: Array, y: Array, a: Array) -> Array:
    """G det A · A⁻ᵀ; of a singular matrix by cofactors, which need no inverse."""
    try:
        return np.expand_dims(g * y, (-2, -1)) * _transposed(inv(a))
    except np.linalg.LinAlgError:
        return np.expand_dims(g, (-2, -1)) * _cofactors(a)


def _cholesky_cotangent(g: Array, y: Array, a: Array) -> Array:
    """Φ(L⁻ᵀ (P + Pᵀ) L⁻¹) with P = Φ(Lᵀ g): Murray 2016, equation 10, for the lower triangle."""
    p = _phi(_transposed(y) @ g)
    inverse = inv(y)
    return _phi(_transposed(inverse) @ (p + _transposed(p)) @ inverse)


def _phi(x: Array) -> Array:
    """The lower triangle with its diagonal halved (Murray 2016, equation 5)."""
    n = x.shape[-1]
    weights = np.tri(n) - 0.5 * np.eye(n)
    return x * (weights if x.dtype == object else weights.astype(x.dtype))


def _solve_b(g: Array, y: Array, a: Array, b: Array) -> Array:
    return _solve(_transposed(a), g)


def _solve_a(g: Array, y: Array, a: Array, b: Array) -> Array:
    return -_solve(_transposed(a), g) @ _transposed(y)


_solve: Primitive = fused(
    "solve", _on_numbers("solve", _lapack_solve, lambda a, b: _inv(a) @ b),
    vjps=(_solve_a, _solve_b), label="A⁻¹b",
    reference=lambda a, b: _inv(a) @ b,
    samples=(sample((2, 2), (2, 1)), sample((2, 2, 2), (2, 2)), sample((2, 2), (2, 2, 1))),
)  # fmt: skip
inv: Primitive = fused(
    "inv", _on_numbers("inv", np.linalg.inv, _inv), numpy=(np.linalg.inv,), label="A⁻¹",
    vjps=(lambda g, y, a: -_transposed(y) @ g @ _transposed(y),),
    reference=_inv,
    samples=(sample((2, 2)), sample((3, 3)), sample((2, 2, 2))),
    doc="""The inverses of square matrices (..., n, n).

    Example:
        >>> print(mg.inv(np.array([[2.0, 0.0], [0.0, 4.0]])))
        [[0.5  0.  ]
         [0.   0.25]]
    """,
)  # fmt: skip
det: Primitive = fused(
    "det", _on_numbers("det", np.linalg.det, _det), numpy=(np.linalg.det,),
    vjps=(_det_cotangent,),
    reference=_det,
    samples=(sample((2, 2)), sample((3, 3)), sample((2, 2, 2))),
    doc="""The determinant of square matrices (..., n, n).

    Example:
        >>> a = np.array([[2.0, 1.0], [1.0, 3.0]])
        >>> print(mg.det(a).round(6))
        5.0
        >>> print(mg.grad(mg.det)(a).round(6))
        [[ 3. -1.]
         [-1.  2.]]
    """,
)  # fmt: skip
logabsdet = fused(
    "logabsdet", _on_numbers("slogdet", _lapack_logabsdet, _logabsdet), label="log |det|",
    vjps=(_logabsdet_cotangent,),
    reference=_logabsdet,
    samples=(sample((2, 2)), sample((3, 3)), sample((2, 2, 2))),
    doc="""log |det A| of square matrices (..., n, n), where `det` would overflow.

    Example:
        >>> print(mg.logabsdet(1e200 * np.eye(2)).round(4))
        921.034
    """,
)  # fmt: skip
cholesky = fused(
    "cholesky", _on_numbers("cholesky", _lapack_cholesky, _cholesky), numpy=(np.linalg.cholesky,),
    vjps=(_cholesky_cotangent,),  # as NumPy it reads the lower triangle: 0 above
    reference=_cholesky, domain=("definite",),
    samples=(sample((2, 2)), sample((2, 2, 2))),
    doc="""The lower triangular L with L Lᵀ = A, of symmetric positive definite matrices.

    Example:
        >>> print(mg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])))
        [[2. 0.]
         [1. 2.]]
    """,
)  # fmt: skip


@implements(np.linalg.solve)
def solve(a: Array, b: Array) -> Array:
    """The x with a @ x = b.

    Args:
        a: (..., n, n).
        b: (n,), one vector for the whole batch, or (..., n, k), columns.

    Returns:
        (..., n) for a vector, else (..., n, k).

    Raises:
        ValueError: the shapes do not fit.
        numpy.linalg.LinAlgError: a matrix is singular.

    Example:
        >>> print(mg.solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0])))
        [1.  0.5]
    """
    n, rows = _order("solve", a), np.shape(b)[-2:]
    if not rows or rows[0] != n:
        raise ValueError(
            f"solve: got a {np.shape(a)} and b {np.shape(b)}: "
            + (f"{n} and {rows[0]} rows differ" if rows else "b is a number")
        )
    try:
        np.broadcast_shapes(np.shape(a)[:-2], np.shape(b)[:-2])
    except ValueError:
        raise ValueError(
            f"solve: got a {np.shape(a)} and b {np.shape(b)}: their batches {np.shape(a)[:-2]} "
            f"and {np.shape(b)[:-2]} do not broadcast"
        ) from None
    return _solve(a, np.expand_dims(b, -1))[..., 0] if np.ndim(b) == 1 else _solve(a, b)


@implements(np.linalg.slogdet)
def slogdet(a: Array) -> SlogdetResult:
    """Sign and logarithm of the absolute value of the determinant; the sign is a constant.

    Args:
        a: (..., n, n). Of complex matrices the logarithm is that of `logabsdet`: analytic.

    Returns:
        (sign, logabsdet), each of the batch's shape.

    Raises:
        numpy.linalg.LinAlgError: the matrices are not square; or, in the walk back, singular.

    Example:
        >>> sign, logabsdet = mg.slogdet(-np.eye(3))
        >>> print(sign, logabsdet)
        -1.0 0.0
    """
    _order("slogdet", a)
    values = constant(a)
    exact = hasattr(values, "__primitive__")
    sign = np.sign(det(values)) if exact else np.linalg.slogdet(values)[0]
    return SlogdetResult(sign, logabsdet(a))


def _order(name: str, a: Array) -> int:
    """Number of rows of square matrices.

    Raises:
        numpy.linalg.LinAlgError: they are not square.
    """
    shape = np.shape(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(
            f"{name}: got shape {shape}, expected square matrices (..., n, n)"
        )
    return shape[-1]
