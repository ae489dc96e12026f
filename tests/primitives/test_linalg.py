"""Claims about linear algebra at its edges: singular, empty, batched, complex matrices."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg

OPERATIONS = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "cholesky": np.linalg.cholesky,
    "solve": lambda a: np.linalg.solve(a, np.ones((a.shape[-1], 2), a.dtype)),
    "solve for one vector": lambda a: np.linalg.solve(a, np.ones(a.shape[-1:], a.dtype)),
}
EVERY = pytest.mark.parametrize("name", OPERATIONS)
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def definite(rng, *shape, dtype=float):
    a = rng.normal(size=shape)
    return (a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])).astype(dtype)


def pulled(name, a):
    """The result, and the gradient for a cotangent of ones."""
    x = mg.Tensor(a, requires_grad=True)
    y = OPERATIONS[name](x)
    y.backward(np.ones(y.shape, y.dtype))
    return y, x.grad


@EVERY
@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (2, 3, 3), (2, 1, 4, 4)])
def test_a_batch_is_its_matrices_one_by_one(rng, name, shape):
    a = definite(rng, *shape)
    y, gradient = pulled(name, a)
    np.testing.assert_allclose(y.data, OPERATIONS[name](a), rtol=1e-12)
    for index in np.ndindex(*shape[:-2]):
        one, expected = pulled(name, a[index])
        np.testing.assert_allclose(y.data[index], one.data, rtol=1e-12)
        np.testing.assert_allclose(gradient[index], expected, rtol=1e-9, atol=1e-12)


@EVERY
@pytest.mark.parametrize("shape", [(0, 0), (0, 2, 2), (3, 0, 0)])
def test_matrices_without_entries_go_forward_and_back(name, shape):
    y, gradient = pulled(name, np.zeros(shape))
    assert y.shape == OPERATIONS[name](np.zeros(shape)).shape
    np.testing.assert_array_equal(y.data, OPERATIONS[name](np.zeros(shape)))
    assert gradient.shape == shape


@EVERY
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.complex128])
def test_the_dtype_is_numpy_s_and_that_of_the_gradient_the_matrix_s(rng, name, dtype):
    a = definite(rng, 2, 3, 3, dtype=dtype)
    y, gradient = pulled(name, a)
    assert (y.dtype, gradient.dtype) == (OPERATIONS[name](a).dtype, dtype)
    _, wide = pulled(name, definite(np.random.default_rng(20240229), 2, 3, 3))
    np.testing.assert_allclose(gradient, wide, rtol=2e-2 if dtype != np.complex128 else 1e-9)


@EVERY
def test_of_complex_matrices_a_step_changes_the_real_part_by_that_of_gradient_times_step(rng, name):
    a = definite(rng, 3, 3) + 0.1j * (root := rng.normal(size=(3, 3))) - 0.1j * root.T
    step = rng.normal(size=a.shape) + 1j * rng.normal(size=a.shape)
    step = step + np.conj(step.T)  # Hermitian, as cholesky wants it
    _, gradient = pulled(name, a)
    ends = [OPERATIONS[name](a + h * step).sum().real for h in (1e-5, -1e-5)]
    expected = (ends[0] - ends[1]) / 2e-5
    if name == "cholesky":  # of which only the lower triangle is read
        step = np.tril(step)
    np.testing.assert_allclose(np.sum(gradient * step).real, expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("inv", "inv: Singular matrix"),
        ("slogdet", "slogdet: log .det. of a singular matrix has no gradient: .*Singular matrix"),
        ("cholesky", "cholesky: Matrix is not positive definite"),
        ("solve", "solve: Singular matrix"),
        ("solve for one vector", "solve: Singular matrix"),
    ],
)
def test_a_singular_matrix_is_refused_by_operation_shape_and_place(name, said):
    with pytest.raises(np.linalg.LinAlgError, match=said + r", got shape \(2, 2\)"):
        pulled(name, SINGULAR)
    batch = np.stack([[np.eye(2), np.eye(2)], [np.eye(2), SINGULAR]])
    with pytest.raises(np.linalg.LinAlgError, match=said + r" at \[1, 1\], got shape"):
        pulled(name, batch)


def test_the_determinant_of_a_singular_matrix_has_derivatives_of_any_order():
    gradient = mg.grad(np.linalg.det)
    np.testing.assert_array_equal(gradient(SINGULAR), [[4.0, -2.0], [-2.0, 1.0]])
    of_its_square = mg.grad(lambda a: (gradient(a) ** 2).sum())
    np.testing.assert_array_equal(of_its_square(SINGULAR), 2 * SINGULAR)


def test_the_logarithm_of_a_zero_determinant_is_minus_infinity_as_numpy_s():
    sign, value = np.linalg.slogdet(mg.Tensor(SINGULAR))
    assert (float(sign), float(value)) == (0.0, -np.inf)


@EVERY
@pytest.mark.parametrize("shape", [(2, 3), (4, 3, 2), (3,)])
def test_what_is_not_square_is_refused_with_its_shape(name, shape):
    said = rf"{name.split()[0]}: got shape \({', '.join(map(str, shape))},?\), expected square"
    with pytest.raises(np.linalg.LinAlgError, match=said):
        OPERATIONS[name](mg.Tensor(np.ones(shape), requires_grad=True))


@pytest.mark.parametrize(
    ("b", "said"),
    [
        (np.ones(2), r"got a \(2, 3, 3\) and b \(2,\): 3 and 2 rows differ"),
        (np.ones((4, 3, 1)), r"their batches \(2,\) and \(4,\) do not broadcast"),
        (2.0, "b is a number"),
    ],
)
def test_right_hand_sides_that_do_not_fit_are_refused_with_the_shapes(b, said):
    with pytest.raises(ValueError, match=said):
        np.linalg.solve(mg.Tensor(np.stack([np.eye(3)] * 2), requires_grad=True), b)


@pytest.mark.parametrize("shapes", [((2, 3), (4, 5)), ((2, 2, 3), (4, 5)), ((3,), (4, 5))])
def test_a_product_of_matrices_that_do_not_fit_names_the_inner_sizes(shapes):
    a, b = (np.ones(shape) for shape in shapes)
    with pytest.raises(ValueError, match="inner sizes 3 and 4 differ"):
        mg.Tensor(a, requires_grad=True) @ b
