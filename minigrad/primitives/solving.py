"""Linear algebra: systems of equations, inverses, determinants.

All act on the last two axes; those before are a batch. Numbers go to LAPACK, which exact
scalars cannot: there each function is the composition that it is judged against. Matrices that
NumPy refuses raise its ``numpy.linalg.LinAlgError``, a ``ValueError``, forward and backward.

Derivatives: Giles 2008, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", section 2.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.calls import constant
from minigrad.primitives.complexes import imag, real
from minigrad.primitives.exponentials import log
from minigrad.primitives.powers import square
from minigrad.primitives.primitive import Array, Primitive, fused, implements, sample
from minigrad.primitives.shaping import reshape


class SlogdetResult(NamedTuple):
    """What `slogdet` returns, with NumPy's names."""

    sign: Array
    logabsdet: Array


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def adjoint(x: Array) -> Array:
    """The conjugate transpose."""
    turned = _transposed(x)
    return np.conjugate(turned) if np.iscomplexobj(x) else turned


def hermitian(rule: Callable[..., Array]) -> Callable[..., Array]:
    """A rule as it is written with conjugate transposes, for our gradients: dL = Re(g dz)."""

    def vjp(g: Array, y: Array, *operands: Array, **static: Any) -> Array:
        if not any(map(np.iscomplexobj, operands)):
            return rule(g, y, *operands, **static)
        return np.conjugate(rule(np.conjugate(g), y, *operands, **static))

    return vjp


def on_numbers(
    name: str,
    lapack: Callable[..., Array],
    composition: Callable[..., Array],
    *,
    square: bool = True,
) -> Any:
    """``lapack`` on arrays of numbers, the composition on those of exact scalars."""

    def forward(*operands: Array, **static: Any) -> Array:
        if any(x.dtype == object for x in operands):
            return composition(*operands, **static)
        if square:
            order(name, operands[0])
        try:
            return lapack(*operands, **static)
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
    n = order("det", a)
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
    if order("inv", a) == 0:
        return a
    return _transposed(_cofactors(a)) / np.expand_dims(det(a), (-2, -1))


def _log_of_square(a: Array) -> Array:
    return log(square(det(a))) / 2


# On numbers


def _lapack_solve(a: Array, b: Array) -> Array:
    """NumPy 1 takes a b of one axis less than a as vectors: here it always is columns."""
    return np.linalg.solve(a, b.reshape((1,) * (a.ndim - b.ndim) + b.shape))


def _lapack_logabsdet(a: Array) -> Array:
    """Of complex matrices log(± det), the sign making it real for a real one: it is analytic."""
    sign, value = np.linalg.slogdet(a)
    return value + 1j * np.arctan(sign.imag / sign.real) if np.iscomplexobj(a) else value


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


def _solve_b(g: Array, y: Array, a: Array, b: Array) -> Array:
    return _solve(_transposed(a), g)


def _solve_a(g: Array, y: Array, a: Array, b: Array) -> Array:
    return -_solve(_transposed(a), g) @ _transposed(y)


_solve: Primitive = fused(
    "solve", on_numbers("solve", _lapack_solve, lambda a, b: _inv(a) @ b),
    vjps=(_solve_a, _solve_b), label="A⁻¹b",
    reference=lambda a, b: _inv(a) @ b,
    samples=(sample((2, 2), (2, 1)), sample((2, 2, 2), (2, 2)), sample((2, 2), (2, 2, 1))),
)  # fmt: skip
inv: Primitive = fused(
    "inv", on_numbers("inv", np.linalg.inv, _inv), numpy=(np.linalg.inv,), label="A⁻¹",
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
    "det", on_numbers("det", np.linalg.det, _det), numpy=(np.linalg.det,),
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
_logabsdet = fused(
    "logabsdet", on_numbers("slogdet", _lapack_logabsdet, _log_of_square), label="log |det|",
    vjps=(_logabsdet_cotangent,),
    reference=_log_of_square,
    samples=(sample((2, 2)), sample((3, 3)), sample((2, 2, 2))),
)  # fmt: skip


def logabsdet(a: Array) -> Array:
    """Log |det A| of square matrices (..., n, n), where `det` would overflow.

    Example:
        >>> print(mg.logabsdet(1e200 * np.eye(2)).round(4))
        921.034
    """
    return real(_logabsdet(a)) if np.iscomplexobj(a) else _logabsdet(a)


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
    n, rows = order("solve", a), np.shape(b)[-2:]
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
    """Sign and logarithm of the absolute value of the determinant.

    Args:
        a: (..., n, n).

    Returns:
        (sign, logabsdet), each of the batch's shape. The sign of a real matrix is a constant,
        that of a complex one is det / |det|.

    Raises:
        numpy.linalg.LinAlgError: not square; or, in the backward pass, singular.

    Example:
        >>> sign, logabsdet = mg.slogdet(-np.eye(3))
        >>> print(sign, logabsdet)
        -1.0 0.0
    """
    order("slogdet", a)
    data = constant(a)
    if a.dtype == object:
        return SlogdetResult(np.sign(det(data)), logabsdet(a))
    sign = np.linalg.slogdet(data)[0]
    if not np.iscomplexobj(data):
        return SlogdetResult(sign, logabsdet(a))
    both = _logabsdet(a)
    turn = imag(both)
    return SlogdetResult(sign * np.exp(1j * (turn - constant(turn))), real(both))


# Several axes for one


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Array, b: Array, axes: Any = None) -> Array:
    """The x with ``np.tensordot(a, x, x.ndim) == b``.

    Args:
        a: as many entries behind the axes of ``b`` as ``b`` has.
        b: any array.
        axes: axes of ``a`` that are moved to its end first.

    Example:
        >>> print(mg.tensorsolve(2 * np.eye(4).reshape(2, 2, 2, 2), np.ones((2, 2))))
        [[0.5 0.5]
         [0.5 0.5]]
    """
    if axes is not None:
        rest = [k for k in range(a.ndim) if k not in axes]
        a = np.transpose(a, (*rest, *axes))
    shape = a.shape[np.ndim(b) :]
    n = math.prod(shape)
    if a.size != n * n or np.size(b) != n:
        raise np.linalg.LinAlgError(f"tensorsolve: got a {a.shape} and b {np.shape(b)}: no square "
                                    "system")  # fmt: skip
    x = solve(reshape(a, shape=(n, n)), np.ravel(b))
    return reshape(x, shape=shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Array, ind: int = 2) -> Array:
    """The inverse of the map that ``np.tensordot`` with ``a`` is.

    Args:
        a: as many entries along its first ``ind`` axes as along the others.
        ind: how many axes belong to the result of the map.

    Example:
        >>> mg.tensorinv(np.eye(6).reshape(2, 3, 3, 2)).shape
        (3, 2, 2, 3)
    """
    if ind <= 0:
        raise ValueError(f"tensorinv: got ind={ind}, expected 1 or more")
    rows = math.prod(a.shape[:ind])
    inverse = inv(reshape(a, shape=(rows, -1)))
    return reshape(inverse, shape=a.shape[ind:] + a.shape[:ind])


@implements(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    """The n-th power of square matrices; of the inverse if n is negative.

    Example:
        >>> print(mg.matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 3))
        [[1. 3.]
         [0. 1.]]
    """
    rows = order("matrix_power", a)
    n = operator.index(n)
    if n < 0:
        a, n = inv(a), -n
    result = None
    while n:  # the powers 1, 2, 4, …, of which those are taken that n is made of
        if n % 2:
            result = a if result is None else result @ a
        n //= 2
        a = a @ a if n else a
    return a * 0 + np.eye(rows, dtype=int) if result is None else result


def solve_triangular(
    a: Array, b: Array, *, lower: bool = False, unit_diagonal: bool = False
) -> Array:
    """The x with T @ x = b, T being one triangle of ``a``: what else ``a`` holds is not read.

    Args:
        a: (..., n, n).
        b: (n,) or (..., n, k), as for `solve`.
        lower: take the lower triangle, and not the upper.
        unit_diagonal: take ones on the diagonal.

    Example:
        >>> a = np.array([[2.0, 9.0], [1.0, 1.0]])
        >>> print(mg.solve_triangular(a, np.array([2.0, 3.0]), lower=True))
        [1. 2.]
    """
    n = order("solve_triangular", a)
    side = -1 if unit_diagonal else 0
    triangle = np.tril(a, side) if lower else np.triu(a, -side)
    return solve(triangle + np.eye(n, dtype=int) if unit_diagonal else triangle, b)


def order(name: str, a: Array) -> int:
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


def rows_and_columns(name: str, a: Array) -> tuple[int, int]:
    """Of matrices.

    Raises:
        numpy.linalg.LinAlgError: there are fewer than two axes.
    """
    shape = np.shape(a)
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"{name}: got shape {shape}, expected matrices (..., m, n)")
    return shape[-2], shape[-1]
