"""Claims about densities: their values are SciPy's, their gradients those of differences."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import stats

scipy_stats = pytest.importorskip("scipy.stats")

LINE = np.array([-1.3, 0.0, 0.4, 2.5])
SCALE = np.array([[0.5], [2.0]])
CALLS = {
    "norm": (LINE, 0.3, SCALE), "t": (LINE, np.array([1.0, 2.5, 4.0, 30.0]), 0.3, SCALE),
    "gamma": (LINE, np.array([1.0, 2.5, 0.5, 3.0]), 0.1, SCALE), "chi2": (LINE, 3.0, 0.1, SCALE),
    "beta": (LINE / 3 + 0.05, 1.5, np.array([1.0, 2.0, 3.0, 0.5]), 0.0, SCALE),
    "poisson": (np.array([-1.0, 0.0, 1.5, 3.0]), np.array([[0.5], [2.0]])),
    "dirichlet": (np.array([[0.25, 0.1], [0.75, 0.9]]), np.array([1.5, 2.0])),
    "multivariate_normal": (LINE.reshape(2, 2), np.array([0.5, -1.0]), np.array([[2.0, 0.3],
                                                                                [0.3, 1.0]])),
}  # fmt: skip
CONSTANT = {  # parameters without a derivative, by position: of cdf, and counts
    "t": (1,), "gamma": (1,), "chi2": (1,), "beta": (1, 2), "poisson": (0,),
}  # fmt: skip
FUNCTIONS = [
    (name, function) for name in stats.__all__
    for function in vars(getattr(stats, name))
    if not function.startswith("_") and function != "entropy"
]  # fmt: skip


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_values_are_scipy_s_and_derivatives_those_of_differences(name, function, rng):
    ours, args = getattr(getattr(stats, name), function), CALLS[name]
    theirs = getattr(getattr(scipy_stats, name), function)
    expected = theirs(*args)
    np.testing.assert_allclose(ours(*args), expected, rtol=1e-9, atol=1e-12)
    weights = np.where(np.isfinite(expected), rng.normal(size=np.shape(expected)), 0)
    fixed = CONSTANT.get(name, ()) if "cdf" in function or name == "poisson" else ()
    symmetric = np.array([[1.0, 0.5], [0.5, -1.0]])
    for position, x in enumerate(args):
        if position in fixed:
            continue
        step = (
            symmetric if np.shape(x) == (2, 2) and position == 2 else rng.normal(size=np.shape(x))
        )
        if name == "dirichlet" and position == 0:
            step = np.array([[0.1, 0.2], [-0.1, -0.2]])

        def along(of, t, position=position, step=step):
            moved = [y + t * step if k == position else y for k, y in enumerate(args)]
            return np.sum(weights * np.where(weights == 0, 0.0, of(*moved)))

        h = 1e-6
        if not np.isfinite([along(theirs, h), along(theirs, -h)]).all():
            continue
        slope = (along(theirs, h) - along(theirs, -h)) / (2 * h)
        found = mg.grad(lambda t, along=along: along(ours, t))(0.0)
        np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-6)


def test_the_entropy_of_vectors_is_scipy_s():
    _, mean, cov = CALLS["multivariate_normal"]
    expected = scipy_stats.multivariate_normal.entropy(mean, cov)
    np.testing.assert_allclose(stats.multivariate_normal.entropy(mean, cov), expected)
    slope = mg.grad(stats.multivariate_normal.entropy, argnums=1)(mean, cov)
    np.testing.assert_allclose(slope, np.linalg.inv(cov) / 2)


def test_tails_keep_their_relative_accuracy():
    x = np.array([-30.0, -10.0])
    np.testing.assert_allclose(stats.norm.logcdf(x), scipy_stats.norm.logcdf(x), rtol=1e-12)
    np.testing.assert_allclose(stats.norm.logsf(-x), scipy_stats.norm.logsf(-x), rtol=1e-12)
    np.testing.assert_allclose(
        stats.t.cdf(x * 1e3, 3.0), scipy_stats.t.cdf(x * 1e3, 3.0), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: stats.norm.cdf(0.0, 0.0, -1.0), "norm: scale: got -1"),
        (lambda: stats.gamma.pdf(1.0, -0.5), "gamma: a"),
        (lambda: stats.poisson.pmf(0, -1.0), "poisson: mu"),
        (lambda: stats.dirichlet.pdf(np.ones(2), np.ones(2)), "add up to"),
        (lambda: stats.multivariate_normal.pdf(np.ones(2), 0.0, [[1.0, 2.0], [0.0, 9.0]]), "symm"),
        (lambda: stats.multivariate_normal.pdf(np.ones(2), 0.0, -np.eye(2)), "positive"),
    ],
)
def test_parameters_of_no_distribution_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
