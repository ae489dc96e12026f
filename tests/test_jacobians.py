"""Claims about Jacobians and Hessians."""

from __future__ import annotations

import numpy as np

import minigrad as mg

X = np.array([-1.2, 1.0, 0.7])


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_the_hessian_is_symmetric_and_right():
    hessian = mg.hessian(rosenbrock)(X)
    a, b, c = X
    expected = np.array([
        [1200 * a**2 - 400 * b + 2, -400 * a, 0],
        [-400 * a, 202 + 1200 * b**2 - 400 * c, -400 * b],
        [0, -400 * b, 200],
    ])  # fmt: skip
    np.testing.assert_allclose(hessian, expected, rtol=1e-12, atol=1e-12)


def test_the_jacobian_has_the_shape_of_output_and_input():
    def function(x):
        return np.tanh(x @ np.ones((3, 2)))

    jacobian = mg.jacobian(function)(np.ones((4, 3)))
    assert jacobian.shape == (4, 2, 4, 3)
    pulled = mg.vjp(function, np.ones((4, 3)))[1](np.ones((4, 2)))[0]
    np.testing.assert_allclose(jacobian.sum(axis=(0, 1)), pulled, rtol=1e-13)


def test_hvp_is_the_hessian_times_the_vector():
    v = np.array([0.3, -1.0, 2.0])
    np.testing.assert_allclose(mg.hvp(rosenbrock, X, v), mg.hessian(rosenbrock)(X) @ v, rtol=1e-12)


def test_a_complex_jacobian_by_real_numbers_is_complex(rng):
    x = rng.normal(size=3)
    curve = lambda x: np.exp(1j * x) * x[0]  # noqa: E731
    step = 1e-6
    expected = [(curve(x + step * v) - curve(x - step * v)) / (2 * step) for v in np.eye(3)]
    np.testing.assert_allclose(mg.jacobian(curve)(x), np.transpose(expected), atol=1e-9)
    of_both = mg.jacobian(lambda x, z: x * z, (0, 1), holomorphic=True)(x, curve(x))
    np.testing.assert_allclose(of_both[0], np.diag(curve(x)))
    np.testing.assert_allclose(of_both[1], np.diag(x))


def test_a_complex_jacobian_by_complex_numbers_is_that_of_an_analytic_function():
    z = np.array([1 + 2j, 3.0])
    np.testing.assert_allclose(mg.jacobian(np.square, holomorphic=True)(z), np.diag(2 * z))
    np.testing.assert_allclose(
        mg.hessian(lambda z: (z**3).sum(), holomorphic=True)(z), np.diag(6 * z)
    )
    np.testing.assert_allclose(mg.elementwise_grad(np.sin, holomorphic=True)(z), np.cos(z))
