"""What the derivative is where there is none, or where a formula gives 0 / 0."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg

ONES = np.ones(3)
CONVENTIONS = {  # function, point, gradient
    "0⁰ by its base": (lambda x: x**0.0, 0.0, 0.0),
    "0⁰ by its exponent": (lambda y: 0.0**y, 0.0, 0.0),
    "0¹": (lambda x: x**1, 0.0, 1.0),
    "0³ with a float": (lambda x: x**3.0, 0.0, 0.0),
    "√0": (np.sqrt, 0.0, np.inf),
    "|0|": (abs, 0.0, 0.0),
    "hypot(0, 0)": (lambda x: np.hypot(x, 0.0), 0.0, 0.0),
    "norm of zeros": (np.linalg.norm, np.zeros(2), [0.0, 0.0]),
    "norm 1 of zeros": (lambda x: np.linalg.norm(x, 1), np.zeros(2), [0.0, 0.0]),
    "norm 3 of zeros": (lambda x: np.linalg.norm(x, 3), np.zeros(2), [0.0, 0.0]),
    "norm inf, a tie": (lambda x: np.linalg.norm(x, np.inf), [1.0, -1.0], [0.5, -0.5]),
    "max, a tie": (np.max, [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
    "min, a tie": (np.min, [1.0, 1.0, 2.0], [0.5, 0.5, 0.0]),
    "maximum, a tie": (lambda x: np.maximum(x, 1.0).sum(), [1.0], [0.5]),
    "clip at its limits": (lambda x: np.clip(x, 0, 1).sum(), [0.0, 1.0, 0.5], [0.5, 0.5, 1.0]),
    "prod, one 0": (np.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "prod, two 0": (np.prod, [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "cumprod, one 0": (lambda x: np.cumprod(x).sum(), [2.0, 0.0, 3.0], [1.0, 8.0, 0.0]),
    "std of equal numbers": (np.std, ONES, [0.0, 0.0, 0.0]),
    "var of equal numbers": (np.var, ONES, [0.0, 0.0, 0.0]),
    "median, the middle two": (np.median, [1.0, 2.0, 2.0, 3.0], [0.0, 0.5, 0.5, 0.0]),
    "sort, a tie": (lambda x: (np.sort(x) * np.arange(3.0)).sum(), ONES, [0.0, 1.0, 2.0]),
    "fmax of NaN": (lambda x: np.fmax(x, 1.0).sum(), [np.nan, 2.0], [0.0, 1.0]),
    "nanmax": (np.nanmax, [np.nan, 1.0], [0.0, 1.0]),
    "nansum": (np.nansum, [np.nan, 1.0], [0.0, 1.0]),
    "sinc at 0": (np.sinc, 0.0, 0.0),
    "logsumexp of nothing but -inf": (
        lambda x: mg.logsumexp(x, axis=1).sum(), [[-np.inf, -np.inf], [-np.inf, 1.0]],
        [[0.0, 0.0], [0.0, 1.0]]),
    "weighed logsumexp of -inf": (lambda x: mg.logsumexp(x, b=2.0), [-np.inf] * 2, [0.0, 0.0]),
    "nanstd of one each": (lambda x: np.nanstd(x, axis=0).sum(), [[1.0, np.nan]], [[0.0, 0.0]]),
    "0 log 0 by b": (lambda b: mg.xlogy(0.0, b), 0.0, 0.0),
    "where, guarded": (lambda x: np.log(x, where=np.array([False, True])).sum(), [0.0, 2.0],
                       [0.0, 0.5]),
    "where, a root": (lambda x: np.sqrt(x, where=np.array([False, True])).sum(), [-1.0, 4.0],
                      [0.0, 0.25]),
    "where, a quotient": (lambda x: np.divide(1.0, x, where=np.array([False, True])).sum(),
                          [0.0, 2.0], [0.0, -0.25]),
    "where, arccosh": (lambda x: np.arccosh(x, where=np.array([False, True])).sum(),
                       [1.0, np.sqrt(2.0)], [0.0, 1.0]),
    "where, not guarded": (lambda x: np.where([False, True], np.log(x), 0.0).sum(), [0.0, 2.0],
                           [np.nan, 0.5]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_derivative_at_a_special_point(name):
    function, x, expected = CONVENTIONS[name]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(mg.grad(function)(np.array(x)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: x**2, 0.0, 2.0), (lambda x: x**1, 0.0, 0.0), (lambda x: x**0, 0.0, 0.0),
        (np.sinc, 0.0, -np.pi**2 / 3), (np.cosh, 0.0, 1.0), (np.i0, 0.0, 0.5),
        (lambda x: np.abs(x) ** 2, 0.0, 2.0), (lambda x: np.abs(x) ** 3, 0.0, 0.0),
    ],
)  # fmt: skip
def test_the_second_derivative_at_0(function, x, expected):
    np.testing.assert_allclose(mg.grad(mg.grad(function))(x), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("ord", [1, 2.5, 3, 4, np.inf])
def test_an_entry_of_0_bends_no_norm_whose_power_is_above_2(ord, kind):
    gradient = mg.grad(lambda x: np.linalg.norm(x, ord))
    turned = lambda x: np.sum(np.real(gradient(x) * np.array([3.0, 2.0, -1.0])))  # noqa: E731
    for x in (np.array([0.0, 1.0, 2.0], kind), np.zeros(3, kind)):
        bend = mg.grad(turned)(x)
        assert bend[0] == 0 and np.all(np.isfinite(bend))
        np.testing.assert_array_equal(
            mg.hvp(lambda x: np.linalg.norm(x, ord), x, np.eye(3)[0])[0], 0
        )


def test_an_entry_of_0_bends_a_norm_below_2_without_end():
    with np.errstate(all="ignore"):
        bend = mg.hessian(lambda x: np.linalg.norm(x, 1.5))(np.array([0.0, 1.0, 2.0]))
    assert not np.isfinite(bend[0, 0])
    gradient = mg.grad(lambda x: np.linalg.norm(x, 1.5))
    step = 1e-6 * np.eye(3)[1]
    x = np.array([0.0, 1.0, 2.0])
    slope = (gradient(x + step)[1] - gradient(x - step)[1]) / 2e-6
    np.testing.assert_allclose(bend[1, 1], slope, rtol=1e-7)


def test_the_mixed_derivative_of_a_log_b_at_a_0():
    mixed = mg.grad(lambda a: mg.grad(mg.xlogy, argnums=1)(a, 2.0))(0.0)
    np.testing.assert_allclose(mixed, 0.5)
