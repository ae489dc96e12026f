"""Claims about the derivatives of functions."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


X = np.array([-1.2, 1.0, 0.7])


def test_grad_of_rosenbrock_s_function():
    a, b, c = X
    expected = [
        -400 * a * (b - a**2) - 2 * (1 - a),
        200 * (b - a**2) - 400 * b * (c - b**2) - 2 * (1 - b),
        200 * (c - b**2),
    ]
    np.testing.assert_allclose(mg.grad(rosenbrock)(X), expected, rtol=1e-13)


def test_value_and_grad_returns_both():
    value, gradient = mg.value_and_grad(lambda x: (x * x).sum())(X)
    assert value == np.sum(X * X)
    np.testing.assert_allclose(gradient, 2 * X)


def test_the_hessian_is_symmetric_and_right():
    hessian = mg.hessian(rosenbrock)(X)
    a, b, c = X
    expected = np.array([
        [1200 * a**2 - 400 * b + 2, -400 * a, 0],
        [-400 * a, 202 + 1200 * b**2 - 400 * c, -400 * b],
        [0, -400 * b, 200],
    ])  # fmt: skip
    np.testing.assert_allclose(hessian, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("order", "expected"), [(1, 4 * 8), (2, 12 * 4), (3, 24 * 2), (4, 24)])
def test_derivatives_of_any_order(order, expected):
    function = lambda x: x**4  # noqa: E731
    for _ in range(order):
        function = mg.grad(function)
    assert float(function(2.0)) == pytest.approx(expected)


def test_the_jacobian_has_the_shape_of_output_and_input():
    def function(x):
        return np.tanh(x @ np.ones((3, 2)))

    jacobian = mg.jacobian(function)(np.ones((4, 3)))
    assert jacobian.shape == (4, 2, 4, 3)
    pulled = mg.vjp(function, np.ones((4, 3)))[1](np.ones((4, 2)))[0]
    np.testing.assert_allclose(jacobian.sum(axis=(0, 1)), pulled, rtol=1e-13)


def test_several_arguments():
    ga, gb = mg.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(X, 2 * X)
    np.testing.assert_array_equal(ga, 2 * X)
    np.testing.assert_array_equal(gb, X)


def test_a_function_that_ignores_its_argument_has_gradient_zero():
    np.testing.assert_array_equal(mg.grad(lambda x: 3.0)(X), np.zeros(3))


def test_the_gradient_of_many_numbers_is_refused():
    with pytest.raises(ValueError, match=r"returned shape \(3,\), expected a single number"):
        mg.grad(lambda x: x * x)(X)
