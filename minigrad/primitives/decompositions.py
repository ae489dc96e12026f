"""Decompositions of matrices: Cholesky, QR, eigenvalues, singular values.

All act on the last two axes; those before are a batch. Numbers go to LAPACK, exact scalars to
the composition that each rule is judged against. A decomposition of several arrays is one
operation whose output holds them one after the other, so that it is computed once.

Where eigenvalues or singular values are equal, their vectors can be turned among themselves. What
does not depend on such a turn has its true derivative; what does has none, and the backward pass
raises ``numpy.linalg.LinAlgError``.

Derivatives: Giles 2008, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", section 3; of the Cholesky factor Murray 2016; of QR Walter & Lehmann
2018; of singular vectors Townsend 2016, "Differentiating the singular value decomposition".
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.calls import constant
from minigrad.primitives.degenerate import (
    check_phases,
    check_rank,
    over_gap,
    with_phases,
)
from minigrad.primitives.joining import concatenate, stack
from minigrad.primitives.powers import sqrt
from minigrad.primitives.primitive import Array, fused, implements, sample
from minigrad.primitives.shaping import matrix_transpose, reshape
from minigrad.primitives.solving import adjoint, hermitian, inv, on_numbers, order, rows_and_columns


class QRResult(NamedTuple):
    """What `qr` returns, with NumPy's names."""

    Q: Array
    R: Array


class EighResult(NamedTuple):
    """What `eigh` returns, with NumPy's names."""

    eigenvalues: Array
    eigenvectors: Array


class EigResult(NamedTuple):
    """What `eig` returns, with NumPy's names."""

    eigenvalues: Array
    eigenvectors: Array


class SVDResult(NamedTuple):
    """What `svd` returns, with NumPy's names."""

    U: Array
    S: Array
    Vh: Array


Shapes = tuple[tuple[int, ...], ...]


def _pack(*parts: Array, lead: int) -> Array:
    """Arrays with the same first ``lead`` axes as one, with one axis behind these."""
    return concatenate([reshape(x, shape=(*x.shape[:lead], -1) if x.size else (*x.shape[:lead], 0))
                        for x in parts], axis=-1)  # fmt: skip


def _unpack(packed: Array, shapes: Shapes) -> list[Array]:
    """The arrays that are packed in one, of these shapes behind its first axes."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + prod(shape)
        parts.append(reshape(packed[..., start:stop], shape=(*packed.shape[:-1], *shape)))
        start = stop
    return parts


def _unit(x: Array, n: int) -> np.ndarray:
    """The unit matrix next to ``x``: of its dtype, of whole numbers in a world of exact scalars."""
    return np.eye(n, dtype=int if x.dtype == object else x.dtype)


def _diagonal(x: Array) -> Array:
    return np.diagonal(x, axis1=-2, axis2=-1)


def _as_diagonal(x: Array) -> Array:
    """Vectors as diagonal matrices."""
    return np.expand_dims(x, -2) * _unit(x, x.shape[-1])


# Cholesky


def _cholesky_by_columns(a: Array) -> Array:
    """L_ij = (A_ij − Σ_k L_ik L_jk) / L_jj, L_jj the root of that with i = j."""
    columns: list[Array] = []
    for j in range(order("cholesky", a)):
        column = a[..., j]
        for known in columns:
            column = column - known * known[..., j : j + 1]
        columns.append(column / sqrt(column[..., j : j + 1]))
    return np.tril(stack(columns, axis=-1)) if columns else a


def _cholesky_cotangent(g: Array, y: Array, a: Array) -> Array:
    """Φ(L⁻ᴴ (P + Pᴴ) L⁻¹) with P = Φ(Lᴴ g): Murray 2016, equation 10, for the lower triangle."""
    p = _phi(adjoint(y) @ g)
    inverse = inv(y)
    return _phi(adjoint(inverse) @ (p + adjoint(p)) @ inverse)


def _phi(x: Array) -> Array:
    """The lower triangle with its diagonal halved (Murray 2016, equation 5)."""
    n = x.shape[-1]
    weights = np.tri(n) - 0.5 * np.eye(n)
    return x * (weights if x.dtype == object else weights.astype(x.dtype))


_cholesky = fused(
    "cholesky", on_numbers("cholesky", np.linalg.cholesky, _cholesky_by_columns), analytic=False,
    vjps=(hermitian(_cholesky_cotangent),),  # as NumPy it reads the lower triangle: 0 above
    reference=_cholesky_by_columns, domain=("definite",),
    samples=(sample((2, 2)), sample((2, 2, 2))),
)  # fmt: skip


@implements(np.linalg.cholesky)
def cholesky(a: Array, *, upper: bool = False) -> Array:
    """The lower triangular L with L Lᴴ = A, of Hermitian positive definite matrices.

    Args:
        a: (..., n, n); only its lower triangle is read, and has a gradient.
        upper: the upper triangular factor Lᴴ, of the upper triangle.

    Raises:
        numpy.linalg.LinAlgError: not square, or not positive definite.

    Example:
        >>> print(mg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])))
        [[2. 0.]
         [1. 2.]]
    """
    order("cholesky", a)
    return adjoint(_cholesky(adjoint(a))) if upper else _cholesky(a)


# QR


def _gram_schmidt(a: Array, *, complete: bool = False) -> Array:
    """Q and R, column by column: each without its parts along those before, then of length 1."""
    m, n = a.shape[-2:]
    columns: list[Array] = []
    for j in range(n):
        columns.append(_orthogonal(a[..., j], columns))
    if complete and m > n:
        columns.append(_last_column(columns, m))
    units = [_unit_length(column) for column in columns]
    along = [np.sum(np.expand_dims(q, -1) * a, axis=-2) for q in units[:n]]
    lines = [line * (np.arange(n) >= j) for j, line in enumerate(along)]
    return _pack(stack(units, axis=-1), stack(lines, axis=-2), lead=a.ndim - 2)


def _orthogonal(column: Array, others: Sequence[Array]) -> Array:
    """A multiple of the column without its parts along others, which takes no division."""
    for x in others:
        column = column * _dot(x, x) - x * _dot(x, column)
    return column


def _last_column(columns: Sequence[Array], m: int) -> Array:
    """The one that is missing to a basis of exact scalars: several could be turned."""
    if len(columns) != m - 1:
        raise TypeError(f"got {len(columns)} of {m} columns of exact scalars, expected {m - 1} to "
                        "be completed")  # fmt: skip
    return _orthogonal(columns[0] * 0 + _unit(columns[0], m)[-1], columns)


def _dot(x: Array, y: Array) -> Array:
    return np.sum(x * y, axis=-1, keepdims=True)


def _unit_length(x: Array) -> Array:
    return x / sqrt(_dot(x, x))


def _qr_lapack(a: Array, *, complete: bool = False) -> Array:
    q, r = np.linalg.qr(a, mode="complete" if complete else "reduced")
    return _pack(q, r[..., : a.shape[-1], :], lead=a.ndim - 2)


def _qr_shapes(a: Array, complete: bool) -> Shapes:
    m, n = a.shape[-2:]
    return (m, m if complete else n), (n, n)


def _of_first(of_q: Array, q: Array, k: int) -> Array:
    """The gradient of the first k columns of a basis, with what the others add that follow them.

    These change by −Q₁ dQ₁ᴴ Q₂, which keeps them orthogonal to the first.
    """
    rest = q[..., k:]
    return of_q[..., :k] - rest @ adjoint(of_q[..., k:]) @ q[..., :k]


def _qr_cotangent(g: Array, y: Array, a: Array, *, complete: bool = False) -> Array:
    """(gQ + Q sym(triu(gR Rᴴ − Qᴴ gQ))) R⁻ᴴ."""
    shapes = _qr_shapes(a, complete)
    (q, r), (of_q, of_r) = _unpack(y, shapes), _unpack(g, shapes)
    if complete:
        of_q, q = _of_first(of_q, q, a.shape[-1]), q[..., : a.shape[-1]]
    corner = np.triu(of_r @ adjoint(r) - adjoint(q) @ of_q)
    mirrored = corner + adjoint(corner) - _as_diagonal(np.real(_diagonal(corner)))
    check_rank("qr", r, a.shape)
    return (of_q + q @ mirrored) @ adjoint(inv(r))


_qr = fused(
    "qr", on_numbers("qr", _qr_lapack, _gram_schmidt, square=False), label="QR", analytic=False,
    vjps=(hermitian(_qr_cotangent),), reference=_gram_schmidt,
    choice="the signs of columns",
    samples=(sample((2, 2)), sample((3, 2)), sample((2, 3, 1)), sample((2, 1), complete=True)),
)  # fmt: skip


@implements(np.linalg.qr)
def qr(a: Array, mode: str = "reduced") -> Any:
    """Orthonormal columns Q and an upper triangular R with Q R = A.

    Args:
        a: (..., m, n); its first min(m, n) columns are independent.
        mode: ``"reduced"``, Q (..., m, k) and R (..., k, n) with k = min(m, n); ``"complete"``, Q
            (..., m, m) and R (..., m, n); ``"r"``, R alone.

    Returns:
        (Q, R), or R.

    Raises:
        ValueError: another mode.
        numpy.linalg.LinAlgError: in the backward pass, where columns depend on each other.

    Example:
        >>> q, r = mg.qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
        >>> print((q @ r).round(6))
        [[3. 1.]
         [4. 2.]]
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: got mode={mode!r}, expected 'reduced', 'complete' or 'r'")
    m, n = rows_and_columns("qr", a)
    first = a if m >= n else a[..., :m]
    complete = mode == "complete" and m > n
    q, r = _unpack(_qr(first, complete=complete), _qr_shapes(first, complete))
    if m < n:
        r = concatenate([r, adjoint(q) @ a[..., m:]], axis=-1)
    if mode == "r":
        return r
    if complete:
        r = concatenate([r, np.zeros((*r.shape[:-2], m - n, n), r.dtype)], axis=-2)
    return QRResult(q, r)


# Eigenvalues of symmetric matrices


def _two_by_two(name: str, a: Array) -> tuple[Array, ...]:
    """The four entries of matrices of two rows, which have their eigenvalues in closed form."""
    if a.shape[-2:] != (2, 2):
        raise TypeError(f"{name}: got shape {a.shape} of exact scalars, expected matrices of two "
                        "rows and two columns: others have no formula")  # fmt: skip
    return a[..., 0, 0], a[..., 0, 1], a[..., 1, 0], a[..., 1, 1]


def _normalised(x: Array, y: Array) -> tuple[Array, Array]:
    length = sqrt(x * x + y * y)
    return x / length, y / length


def _matrix(columns: Sequence[Sequence[Array]]) -> Array:
    return stack([stack(list(column), axis=-1) for column in columns], axis=-1)


def _eigh_by_formula(a: Array, *, upper: bool = False) -> Array:
    p, above, below, q = _two_by_two("eigh", a)
    b = above if upper else below
    middle, half = (p + q) / 2, (p - q) / 2
    root = sqrt(half * half + b * b)
    w = stack([middle - root, middle + root], axis=-1)
    x, y = _normalised(b, w[..., 0] - p)
    return _pack(w, _matrix([(x, y), (-y, x)]), lead=a.ndim - 2)


def _eigh_lapack(a: Array, *, upper: bool = False) -> Array:
    return _pack(*np.linalg.eigh(a, "U" if upper else "L"), lead=a.ndim - 2)


def _eigh_shapes(a: Array) -> Shapes:
    n = a.shape[-1]
    return (n,), (n, n)


def _eigh_cotangent(g: Array, y: Array, a: Array, *, upper: bool = False) -> Array:
    """V (diag gw + (Vᴴ gV) ∘ F) Vᴴ with F_ij = 1 / (w_j − w_i), folded to the triangle read."""
    shapes = _eigh_shapes(a)
    (w, v), (of_w, of_v) = _unpack(y, shapes), _unpack(g, shapes)
    turned = adjoint(v) @ of_v
    check_phases("eigh", turned)
    inner = _over_gaps("eigh", turned, np.real(w)) + _as_diagonal(np.real(of_w))
    whole = v @ inner @ adjoint(v)
    n = a.shape[-1]
    ones = _unit(a, n) * 0 + 1
    return whole * (2 * (np.triu if upper else np.tril)(ones) - _unit(a, n))


def _over_gaps(name: str, turned: Array, w: Array) -> Array:
    """How the gradient of vectors turns them, each pair over the gap between its values."""
    gap = np.expand_dims(w, -2) - np.expand_dims(w, -1) + _unit(w, w.shape[-1])
    return over_gap((turned - adjoint(turned)) / 2, gap, w, f"{name}: two values are equal")


_eigh = fused(
    "eigh", on_numbers("eigh", _eigh_lapack, _eigh_by_formula), label="eigh", analytic=False,
    vjps=(hermitian(_eigh_cotangent),), reference=_eigh_by_formula,
    choice="the signs of vectors",
    samples=(sample((2, 2)), sample((2, 2, 2)), sample((2, 2), upper=True)),
)  # fmt: skip


@implements(np.linalg.eigh)
def eigh(a: Array, UPLO: str = "L") -> EighResult:
    """Eigenvalues in ascending order and eigenvectors of symmetric (or Hermitian) matrices.

    Args:
        a: (..., n, n); only one triangle is read, and has a gradient.
        UPLO: which: ``"L"``, the lower, or ``"U"``, the upper.

    Returns:
        (eigenvalues, eigenvectors): (..., n), and (..., n, n) in columns.

    Raises:
        numpy.linalg.LinAlgError: not square; or, in the backward pass, a result that depends on
            which eigenvectors of equal eigenvalues were found.

    Example:
        >>> w, v = mg.eigh(np.array([[2.0, 0.0], [1.0, 2.0]]))
        >>> print(w.round(6))
        [1. 3.]
    """
    order("eigh", a)
    if UPLO.upper() not in ("L", "U"):
        raise ValueError(f"eigh: got UPLO={UPLO!r}, expected 'L' or 'U'")
    packed = _eigh(a, upper=UPLO.upper() == "U")
    w, v = _unpack(packed, _eigh_shapes(a))
    return EighResult(np.real(w), v)


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    """The eigenvalues of `eigh`; equal ones share the gradient in a way that keeps their sum's.

    Example:
        >>> print(mg.eigvalsh(np.array([[2.0, 1.0], [1.0, 2.0]])).round(6))
        [1. 3.]
    """
    return eigh(a, UPLO).eigenvalues


# Eigenvalues of any matrix: complex numbers, whose parts are packed as real ones


def _eig_by_formula(a: Array) -> Array:
    """Where the eigenvalues are real, as those of exact scalars are taken to be."""
    p, b, c, q = _two_by_two("eig", a)
    middle, half = (p + q) / 2, (p - q) / 2
    root = sqrt(half * half + b * c)
    w = stack([middle - root, middle + root], axis=-1)
    v = _matrix([_normalised(b, w[..., k] - p) for k in (0, 1)])
    return _pack(w, w * 0, v, v * 0, lead=a.ndim - 2)


def _eig_lapack(a: Array) -> Array:
    w, v = np.linalg.eig(a)
    return _pack(w.real, w.imag, v.real, v.imag, lead=a.ndim - 2)


def _eig_parts(packed: Array, n: int) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors, complex where they are not exact scalars."""
    re_w, im_w, re_v, im_v = _unpack(packed, ((n,), (n,), (n, n), (n, n)))
    if packed.dtype == object:
        return re_w, re_v
    return re_w + 1j * im_w, re_v + 1j * im_v


def _eig_cotangent(g: Array, y: Array, a: Array) -> Array:
    """V⁻ᴴ (diag gw + (Vᴴ gV − Vᴴ V Re diag(Vᴴ gV)) / conj(w_j − w_i)) Vᴴ: vectors have length 1.

    LAPACK turns each vector so that its largest entry is real, which takes away from gV there.
    """
    n = a.shape[-1]
    (w, v), (of_w, of_v) = _eig_parts(y, n), _eig_parts(g, n)
    if y.dtype != object and y.size:
        largest = np.argmax(np.abs(constant(v)), axis=-2, keepdims=True)
        at = np.arange(n)[:, None] == largest
        phase = np.sum(np.imag(np.conjugate(v) * of_v), axis=-2, keepdims=True)
        of_v = of_v - 1j * np.where(at, phase / np.where(at, np.real(v), 1), 0)
    turned = adjoint(v) @ of_v
    fixed = turned - adjoint(v) @ v * np.expand_dims(np.real(_diagonal(turned)), -2)
    gap = np.conjugate(np.expand_dims(w, -2) - np.expand_dims(w, -1)) + _unit(y, n)
    inner = fixed / gap + _as_diagonal(of_w)
    found = inv(adjoint(v)) @ inner @ adjoint(v)
    return np.conjugate(found) if np.iscomplexobj(a) else np.real(found)


_eig = fused(
    "eig", on_numbers("eig", _eig_lapack, _eig_by_formula), label="eig", analytic=False,
    vjps=(_eig_cotangent,), reference=_eig_by_formula,
    choice="the order of values and the phases of vectors",
    samples=(sample((2, 2)), sample((1, 2, 2))),
)  # fmt: skip


@implements(np.linalg.eig)
def eig(a: Array) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices: complex, unless all are real.

    Args:
        a: (..., n, n), with n different eigenvalues.

    Returns:
        (eigenvalues, eigenvectors): (..., n), and (..., n, n) in columns of length 1. A complex
        column can be turned by a phase; what depends on it has no derivative.

    Raises:
        numpy.linalg.LinAlgError: not square; or, in the backward pass, without n independent
            eigenvectors.

    Example:
        >>> w, v = mg.eig(np.array([[2.0, 1.0], [0.0, 3.0]]))
        >>> print(w)
        [2. 3.]
    """
    n = order("eig", a)
    packed = _eig(a)
    w, v = _eig_parts(packed, n)
    if not np.iscomplexobj(a) and not np.any(constant(np.imag(w))):
        return EigResult(np.real(w), np.real(v))
    return EigResult(w, v)


@implements(np.linalg.eigvals)
def eigvals(a: Array) -> Array:
    """The eigenvalues of `eig`.

    Example:
        >>> print(mg.eigvals(np.array([[2.0, 1.0], [0.0, 3.0]])))
        [2. 3.]
    """
    return eig(a).eigenvalues


# Singular values


def _svd_by_formula(a: Array, *, full: bool = False) -> Array:
    """Of one column or one row; of two by two the eigenvectors of Aᵀ A, with A V = U S."""
    m, n = a.shape[-2:]
    if 1 in (m, n):
        line = a[..., 0] if n == 1 else a[..., 0, :]
        s = sqrt(_dot(line, line))
        columns = [line]
        if full and line.shape[-1] > 1:
            columns.append(_last_column(columns, line.shape[-1]))
        long = stack([_unit_length(column) for column in columns], axis=-1)
        one = np.expand_dims(s / s, -1)
        u, vh = (long, one) if n == 1 else (one, matrix_transpose(long))
        return _pack(u, s, vh, lead=a.ndim - 2)
    _two_by_two("svd", a)
    w, v = _unpack(_eigh_by_formula(matrix_transpose(a) @ a), ((2,), (2, 2)))
    s, v = sqrt(w)[..., ::-1], v[..., ::-1]
    return _pack(a @ v / np.expand_dims(s, -2), s, matrix_transpose(v), lead=a.ndim - 2)


def _svd_lapack(a: Array, *, full: bool = False) -> Array:
    return _pack(*np.linalg.svd(a, full_matrices=full), lead=a.ndim - 2)


def _svd_shapes(a: Array, full: bool) -> Shapes:
    m, n = a.shape[-2:]
    k = min(m, n)
    return (m, m if full else k), (k,), (n if full else k, n)


def _svd_cotangent(g: Array, y: Array, a: Array, *, full: bool = False) -> Array:
    """U (diag gS + E∘(Uᴴ gU) S + S E∘(Vᴴ gV)) Vᴴ, and what leads out of the spaces of U and V."""
    shapes, k = _svd_shapes(a, full), min(a.shape[-2:])
    (u, s, vh), (of_u, of_s, of_vh) = _unpack(y, shapes), _unpack(g, shapes)
    s, of_s, v, of_v = np.real(s), np.real(of_s), adjoint(vh), adjoint(of_vh)
    if full:
        of_u, u = _of_first(of_u, u, k), u[..., :k]
        of_v, v = _of_first(of_v, v, k), v[..., :k]
    row, column = np.expand_dims(s, -2), np.expand_dims(s, -1)
    by_u, by_v = adjoint(u) @ of_u, adjoint(v) @ of_v
    inner = (
        2 * _over_gaps("svd", by_u, s * s) * row
        + 2 * column * _over_gaps("svd", by_v, s * s)
        + _as_diagonal(of_s)
    )
    check_phases("svd", by_u, by_v)
    inner = with_phases(inner, by_u, s)
    outside_u = over_gap(of_u - u @ by_u, row, s, "svd: a singular value is 0")
    outside_v = over_gap(of_v - v @ by_v, row, s, "svd: a singular value is 0")
    return (u @ inner + outside_u) @ adjoint(v) + u @ adjoint(outside_v)


_svd = fused(
    "svd", on_numbers("svd", _svd_lapack, _svd_by_formula, square=False), label="SVD",
    vjps=(hermitian(_svd_cotangent),), reference=_svd_by_formula, analytic=False,
    choice="the signs of pairs of vectors",
    samples=(sample((2, 2)), sample((2, 1)), sample((2, 1, 2)), sample((2, 1), full=True),
             sample((1, 2), full=True)),
)  # fmt: skip


@implements(np.linalg.svd)
def svd(
    a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """The singular value decomposition A = U diag(S) Vh.

    Args:
        a: (..., m, n).
        full_matrices: U (..., m, m) and Vh (..., n, n), and not (..., m, k) and (..., k, n) with
            k = min(m, n).
        compute_uv: False for S alone.
        hermitian: whether A is Hermitian, which makes it faster: its lower triangle is read.

    Returns:
        (U, S, Vh), or S (..., k), in falling order.

    Raises:
        numpy.linalg.LinAlgError: in the backward pass, where the result depends on which vectors
            of equal singular values were found.

    Example:
        >>> u, s, vh = mg.svd(np.array([[3.0, 0.0], [4.0, 5.0]]))
        >>> print(s.round(4), (u @ np.diag(s) @ vh).round(4)[1])
        [6.7082 2.2361] [4. 5.]
    """
    rows_and_columns("svd", a)
    if hermitian:
        w, v = eigh(a)
        falling = np.argsort(-np.abs(constant(w)), axis=-1, kind="stable")
        w = np.take_along_axis(w, falling, -1)
        v = np.take_along_axis(v, np.expand_dims(falling, -2), -1)
        s = np.abs(w)
        return SVDResult(v * np.expand_dims(np.sign(w), -2), s, adjoint(v)) if compute_uv else s
    full = full_matrices and compute_uv and a.shape[-1] != a.shape[-2]
    u, s, vh = _unpack(_svd(a, full=full), _svd_shapes(a, full))
    return SVDResult(u, np.real(s), vh) if compute_uv else np.real(s)


@implements(np.linalg.svdvals)
def svdvals(a: Array) -> Array:
    """The singular values, in falling order.

    Example:
        >>> print(mg.svdvals(np.diag([3.0, 4.0])))
        [4. 3.]
    """
    return svd(a, compute_uv=False)
