"""Densities and distribution functions, with the names and arguments of ``scipy.stats``.

SciPy's own take no Tensor: they check and sort their arguments entry by entry. These are
compositions of primitives, so that log-likelihoods can be trained; SciPy computes the special
functions in them (the extra ``special``). Outside of its support a density is 0, with the
derivative 0.

All raise ``ValueError`` for parameters that no distribution has; SciPy's are NaN there.

Example:
    >>> from minigrad import stats
    >>> print(mg.grad(stats.norm.logpdf)(2.0), mg.grad(stats.norm.logpdf, argnums=1)(2.0, 0.5))
    -2.0 1.5
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad import primitives as p
from minigrad.boundary import taking_arrays
from minigrad.primitives.calls import constant
from minigrad.primitives.checks import every
from minigrad.primitives.primitive import Array

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]

_LOG_TWO_PI = math.log(2 * math.pi)


def _positive(what: str, x: Array) -> Array:
    """A parameter, which has to be positive."""
    every(
        constant(x) > 0,
        lambda found: ValueError(f"{what}: got {np.min(found)}, expected positive numbers"),
        constant(x),
    )
    return x


def _standard(name: str, x: Array, loc: Array, scale: Array) -> Array:
    return (x - loc) / _positive(f"{name}: scale", scale)


def _inside(inside: Array, z: Array, of: Callable[[Array], Array], outside: float) -> Array:
    """A function of ``z`` inside of the support, and a number elsewhere."""
    return p.where(inside, of(p.where(inside, z, 0.5)), outside)


class norm:  # noqa: N801 (SciPy's name)
    """The normal distribution with mean ``loc`` and deviation ``scale``.

    Example:
        >>> from minigrad import stats
        >>> print(stats.norm.pdf(0.0).round(4), stats.norm.cdf(1.0).round(4))
        0.3989 0.8413
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of the density."""
        z = _standard("norm", x, loc, scale)
        return -z * z / 2 - _LOG_TWO_PI / 2 - p.log(scale)

    @staticmethod
    def pdf(x: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Density."""
        return p.exp(norm.logpdf(x, loc, scale))

    @staticmethod
    @taking_arrays
    def cdf(x: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Probability of a value up to ``x``."""
        return p.ndtr(_standard("norm", x, loc, scale))

    @staticmethod
    @taking_arrays
    def logcdf(x: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of `cdf`, accurate in the tail."""
        return p.log_ndtr(_standard("norm", x, loc, scale))

    @staticmethod
    @taking_arrays
    def sf(x: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Probability of a value above ``x``."""
        return p.ndtr(-_standard("norm", x, loc, scale))

    @staticmethod
    @taking_arrays
    def logsf(x: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of `sf`, accurate in the tail."""
        return p.log_ndtr(-_standard("norm", x, loc, scale))


class t:  # noqa: N801
    """Student's t with ``df`` degrees of freedom, which are a constant of `cdf`.

    Example:
        >>> from minigrad import stats
        >>> print(stats.t.pdf(0.0, 1.0).round(6), stats.t.cdf(1.0, 1.0).round(6))
        0.31831 0.75
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of the density."""
        z, half = _standard("t", x, loc, scale), _positive("t: df", df) / 2
        whole = p.gammaln(half + 0.5) - p.gammaln(half) - p.log(df * math.pi) / 2 - p.log(scale)
        return whole - (half + 0.5) * p.log1p(z * z / df)

    @staticmethod
    def pdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Density."""
        return p.exp(t.logpdf(x, df, loc, scale))

    @staticmethod
    @taking_arrays
    def cdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Probability of a value up to ``x``."""
        return p.stdtr(_positive("t: df", df), _standard("t", x, loc, scale))

    @staticmethod
    def logcdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of `cdf`."""
        return p.log(t.cdf(x, df, loc, scale))


class gamma:  # noqa: N801
    """The gamma distribution of the shape ``a``, a constant of `cdf`.

    Example:
        >>> from minigrad import stats
        >>> print(stats.gamma.pdf(1.0, 1.0).round(4), stats.gamma.cdf(1.0, 1.0).round(4))
        0.3679 0.6321
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, a: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of the density."""
        z, a = _standard("gamma", x, loc, scale), _positive("gamma: a", a)
        whole = p.gammaln(a) + p.log(scale)
        return _inside(z >= 0, z, lambda z: p.xlogy(a - 1, z) - z - whole, -np.inf)

    @staticmethod
    def pdf(x: Array, a: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Density."""
        return p.exp(gamma.logpdf(x, a, loc, scale))

    @staticmethod
    @taking_arrays
    def cdf(x: Array, a: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Probability of a value up to ``x``."""
        z, a = _standard("gamma", x, loc, scale), _positive("gamma: a", a)
        return _inside(z > 0, z, lambda z: p.gammainc(a, z), 0.0)


class chi2:  # noqa: N801
    """The chi-squared distribution with ``df`` degrees of freedom, a constant of `cdf`.

    Example:
        >>> from minigrad import stats
        >>> print(stats.chi2.pdf(2.0, 2.0).round(4), stats.chi2.cdf(2.0, 2.0).round(4))
        0.1839 0.6321
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of the density."""
        return gamma.logpdf(x, df / 2, loc, 2 * scale)

    @staticmethod
    def pdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Density."""
        return p.exp(chi2.logpdf(x, df, loc, scale))

    @staticmethod
    @taking_arrays
    def cdf(x: Array, df: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Probability of a value up to ``x``."""
        return gamma.cdf(x, df / 2, loc, 2 * scale)


class beta:  # noqa: N801
    """The beta distribution of the shapes ``a`` and ``b``, constants of `cdf`.

    Example:
        >>> from minigrad import stats
        >>> print(stats.beta.pdf(0.5, 2.0, 2.0).round(6), stats.beta.cdf(0.5, 2.0, 2.0).round(6))
        1.5 0.5
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, a: Array, b: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Logarithm of the density."""
        z, a, b = beta._arguments(x, a, b, loc, scale)
        whole = p.betaln(a, b) + p.log(scale)
        log_of = lambda z: p.xlogy(a - 1, z) + p.xlog1py(b - 1, -z) - whole  # noqa: E731
        return _inside((z >= 0) & (z <= 1), z, log_of, -np.inf)

    @staticmethod
    def pdf(x: Array, a: Array, b: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Density."""
        return p.exp(beta.logpdf(x, a, b, loc, scale))

    @staticmethod
    @taking_arrays
    def cdf(x: Array, a: Array, b: Array, loc: Array = 0.0, scale: Array = 1.0) -> Array:
        """Probability of a value up to ``x``."""
        z, a, b = beta._arguments(x, a, b, loc, scale)
        within = _inside((z > 0) & (z < 1), z, lambda z: p.betainc(a, b, z), 0.0)
        return p.where(z >= 1, 1.0, within)

    @staticmethod
    def _arguments(x: Array, a: Array, b: Array, loc: Array, scale: Array) -> tuple[Array, ...]:
        a, b = _positive("beta: a", a), _positive("beta: b", b)
        return _standard("beta", x, loc, scale), a, b


class poisson:  # noqa: N801
    """The Poisson distribution with the mean ``mu``; counts are constants.

    Example:
        >>> from minigrad import stats
        >>> print(stats.poisson.pmf(0, 1.0).round(4), stats.poisson.cdf(0, 1.0).round(4))
        0.3679 0.3679
    """

    @staticmethod
    @taking_arrays
    def logpmf(k: Array, mu: Array) -> Array:
        """Logarithm of the probability of ``k`` events."""
        k, mu = constant(k), _positive("poisson: mu", mu)
        whole = (k >= 0) & (k == np.floor(k))
        return _inside(whole, k, lambda k: p.xlogy(k, mu) - p.gammaln(k + 1.0) - mu, -np.inf)

    @staticmethod
    def pmf(k: Array, mu: Array) -> Array:
        """Probability of ``k`` events."""
        return p.exp(poisson.logpmf(k, mu))

    @staticmethod
    @taking_arrays
    def cdf(k: Array, mu: Array) -> Array:
        """Probability of up to ``k`` events."""
        k, mu = np.floor(constant(k)), _positive("poisson: mu", mu)
        return p.where(k >= 0, p.gammaincc(np.maximum(k, 0.0) + 1.0, mu), 0.0)


class dirichlet:  # noqa: N801
    """The Dirichlet distribution: shares ``x`` that add up to 1.

    Example:
        >>> from minigrad import stats
        >>> print(stats.dirichlet.pdf(np.array([0.25, 0.75]), np.ones(2)).round(6))
        1.0
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, alpha: Array) -> Array:
        """Logarithm of the density at ``x``, of shape (K,) or (K, N), for ``alpha`` (K,)."""
        alpha = _positive("dirichlet: alpha", alpha)
        total = np.sum(constant(_positive("dirichlet: x", x)), axis=0)
        every(abs(total - 1) < 1e-9, lambda t: ValueError(
            f"dirichlet: got shares x that add up to {t}, expected 1"), total)  # fmt: skip
        whole = p.gammaln(np.sum(alpha)) - np.sum(p.gammaln(alpha))
        return whole + np.sum(p.xlogy(alpha - 1, x.T), axis=-1)

    @staticmethod
    def pdf(x: Array, alpha: Array) -> Array:
        """Density: see `logpdf`."""
        return p.exp(dirichlet.logpdf(x, alpha))


class multivariate_normal:  # noqa: N801
    """The normal distribution of vectors.

    Example:
        >>> from minigrad import stats
        >>> print(stats.multivariate_normal.pdf(np.zeros(2), np.zeros(2), np.eye(2)).round(6))
        0.159155
    """

    @staticmethod
    @taking_arrays
    def logpdf(x: Array, mean: Array, cov: Array, allow_singular: bool = False) -> Array:
        """Logarithm of the density.

        Args:
            x: (..., N).
            mean: (N,).
            cov: (N, N), symmetric and positive definite.
            allow_singular: taken for SciPy's sake.

        Raises:
            ValueError: ``allow_singular``, or a matrix that is not symmetric.
            numpy.linalg.LinAlgError: the matrix is not positive definite.
        """
        if allow_singular:
            raise ValueError(
                "multivariate_normal: got allow_singular=True, expected a covariance of full rank; "
                "give the density of the coordinates that vary"
            )
        root = p.cholesky(_symmetric(cov))
        off = x - mean
        size = root.shape[-1]
        logdet = 2 * np.sum(p.log(np.diagonal(root)))
        along = p.solve_triangular(root, np.reshape(off, (-1, size)).T, lower=True)
        squares = np.reshape(np.sum(along * along, axis=0), off.shape[:-1])
        return -(size * _LOG_TWO_PI + logdet + squares) / 2

    @staticmethod
    def pdf(x: Array, mean: Array, cov: Array, allow_singular: bool = False) -> Array:
        """Density: see `logpdf`."""
        return p.exp(multivariate_normal.logpdf(x, mean, cov, allow_singular))

    @staticmethod
    @taking_arrays
    def entropy(mean: Array, cov: Array) -> Array:
        """Differential entropy, in nats, which does not depend on the mean."""
        root = p.cholesky(_symmetric(cov))
        size = root.shape[-1]
        return size * (_LOG_TWO_PI + 1) / 2 + np.sum(p.log(np.diagonal(root)))


def _symmetric(cov: Array) -> Array:
    """The matrix, whose two triangles have to be equal."""
    numbers = constant(cov)
    size = np.max(np.abs(numbers))
    every(
        np.abs(numbers - np.matrix_transpose(numbers)) <= 1e-8 * size,
        lambda found: ValueError(f"multivariate_normal: cov is not symmetric:\n{found}"), numbers,
    )  # fmt: skip
    return (cov + np.matrix_transpose(cov)) / 2
