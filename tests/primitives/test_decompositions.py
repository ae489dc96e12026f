"""Claims about decompositions where their vectors are not determined, and of complex matrices."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg

TWICE = np.diag([2.0, 2.0, 5.0])  # one eigenvalue twice
FLAT = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])  # of rank one
LinAlgError = np.linalg.LinAlgError


def projector(a):
    """On the space of the two smaller eigenvalues: it knows no choice of vectors."""
    v = np.linalg.eigh(a)[1][:, :2]
    return v @ v.T


def slope(function, a, step, h=1e-5):
    return (function(a + h * step) - function(a - h * step)) / (2 * h)


def test_what_knows_no_choice_among_equal_eigenvalues_has_its_derivative(rng):
    weights, step = rng.normal(size=(2, 3, 3))
    step = step + step.T
    for function in (
        lambda a: (projector(a) * weights).sum(),
        lambda a: np.linalg.eigvalsh(a)[:2].sum() ** 2,
        lambda a: np.linalg.eigvalsh(a)[2],
    ):
        gradient = mg.grad(function)(TWICE)
        expected = slope(function, TWICE, step)
        np.testing.assert_allclose((gradient * np.tril(step)).sum(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.linalg.eigh(a)[1][1, 0],
        lambda a: np.linalg.svd(a)[0][0, 1],
        lambda a: np.linalg.svd(a, hermitian=True)[2][2, 0],
    ],
)
def test_what_depends_on_the_choice_among_equal_values_is_refused(function):
    with pytest.raises(LinAlgError, match="two values are equal, so that its vectors have no"):
        mg.grad(function)(TWICE + 0.0)


def test_of_a_matrix_of_lower_rank_the_singular_values_have_their_derivative(rng):
    step = rng.normal(size=FLAT.shape)
    largest = lambda a: np.linalg.svdvals(a)[0]  # noqa: E731
    np.testing.assert_allclose((mg.grad(largest)(FLAT) * step).sum(), slope(largest, FLAT, step))
    with pytest.raises(LinAlgError, match="a singular value is 0, so that its vectors"):
        mg.grad(lambda a: np.linalg.svd(a)[0][0, 1])(FLAT)
    with pytest.raises(LinAlgError, match=r"qr: columns of the matrix, shape .3, 2., depend"):
        mg.grad(lambda a: np.linalg.qr(a)[0][0, 0])(FLAT)


def test_the_second_derivative_at_equal_eigenvalues_is_not_a_number():
    """It does not exist, and no finite number is made up for it."""
    with np.errstate(all="ignore"):
        assert np.isnan(mg.hessian(lambda a: np.linalg.eigvalsh(a)[0])(np.eye(2))).any()


def test_the_pseudo_inverse_has_its_derivative_where_the_rank_stays(rng):
    left, right = rng.normal(size=(2, 3, 3))

    def of_one_rank(t):
        return np.linalg.pinv((np.eye(3) + t * left) @ FLAT[:, :1] @ (FLAT[:1] + t * right[:1, :2]))

    gradient = mg.grad(lambda t: (of_one_rank(t) ** 2).sum())(0.1)
    expected = slope(lambda t: (of_one_rank(t) ** 2).sum(), 0.1, 1.0)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def hermitian(a):
    return a @ np.conj(a.T)


COMPLEX = {
    "eigh": lambda a: np.abs(np.linalg.eigh(hermitian(a))[1]),
    "eigh U": lambda a: np.abs(np.linalg.eigh(hermitian(a), "U")[1]) ** 2,
    "eigvalsh": lambda a: np.linalg.eigvalsh(hermitian(a)),
    "eig": lambda a: np.abs(np.linalg.eig(a)[1]),
    "eig with phases": lambda a: np.real(np.linalg.eig(a)[1]),
    "eigvals": lambda a: np.imag(np.linalg.eigvals(a)),
    "svd": lambda a: np.abs(np.linalg.svd(a)[0]),
    "svd together": lambda a: np.real((usv := np.linalg.svd(a))[0] @ usv[2]),
    "svdvals": lambda a: np.linalg.svdvals(a),
    "qr": lambda a: np.abs(np.linalg.qr(a)[0]),
    "qr with phases": lambda a: np.imag(np.linalg.qr(a)[1]),
    "cholesky": lambda a: np.imag(np.linalg.cholesky(hermitian(a))),
    "cholesky U": lambda a: np.real(np.linalg.cholesky(hermitian(a), upper=True)),
    "pinv": lambda a: np.imag(np.linalg.pinv(a[:, :2])),
    "solve": lambda a: np.real(np.linalg.solve(a, a[:, :1] ** 2)),
    "det": lambda a: np.abs(np.linalg.det(a)),
    "slogdet": lambda a: np.linalg.slogdet(a)[1] + np.imag(np.linalg.slogdet(a)[0]),
    "nuclear norm": lambda a: np.linalg.norm(a, "nuc"),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_of_complex_matrices_a_step_moves_the_result_by_the_real_part_of_gradient_times_it(
    rng, name
):
    a, step = (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)) for _ in range(2))
    weights = rng.normal(size=COMPLEX[name](a).shape)

    def loss(a):
        return (COMPLEX[name](a) * weights).sum()

    gradient = mg.grad(loss)(a)
    np.testing.assert_allclose(np.sum(gradient * step).real, slope(loss, a, step), rtol=1e-6)


@pytest.mark.parametrize("of", [np.linalg.eigh, np.linalg.svd])
def test_what_depends_on_the_phase_of_complex_vectors_is_refused(rng, of):
    a = hermitian(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    with pytest.raises(LinAlgError, match="depends on the phases of complex vectors"):
        mg.grad(lambda a: np.real(of(a)[1 if of is np.linalg.eigh else 0])[1, 1])(a)


@pytest.mark.parametrize("triangle", ["L", "U"])
@pytest.mark.parametrize("dtype", [float, complex])
def test_eigenvectors_have_the_signs_of_numpy_s(triangle, dtype):
    rng = np.random.default_rng(42)
    a = rng.normal(size=(6, 6)) + (1j * rng.normal(size=(6, 6)) if dtype is complex else 0)
    found = np.linalg.eigh(mg.Tensor(a, requires_grad=True), triangle)
    for right, ours in zip(np.linalg.eigh(a, triangle), found, strict=True):
        np.testing.assert_array_equal(ours.data, right)
