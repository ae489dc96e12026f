"""Special functions, computed by SciPy: the extra ``special`` installs it.

``scipy.special``'s own names record too, on a Tensor: they are ufuncs. Parameters for which no
closed derivative is known, such as the order of a Bessel function, are constants, and refused if
they require a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from minigrad.extras import require
from minigrad.primitives.activations import erf, sigmoid, softplus
from minigrad.primitives.calls import Constant, fixed
from minigrad.primitives.exponentials import exp, exp2, expm1, log, log1p
from minigrad.primitives.indexing import where
from minigrad.primitives.powers import cbrt, sqrt
from minigrad.primitives.primitive import Array, Primitive, elementwise, implements, sample

_ROOT_HALF, _TWO_OVER_ROOT_PI = math.sqrt(0.5), 2 / math.sqrt(math.pi)
_HALF_ROOT_PI, _ROOT_TWO_PI = math.sqrt(math.pi) / 2, math.sqrt(2 * math.pi)
_ORDERS = sample(np.array(2), (2, 3)), sample(np.array([[1], [3]]), (3,))


@dataclass(frozen=True)
class Special:
    """A function of ``scipy.special``, imported when it is first called.

    Attributes:
        name: the function's name there.
        ordered: whether the first operand is an order, which does not count for the precision.

    Raises:
        ImportError: SciPy is not installed; the message says how to get it.
    """

    name: str
    ordered: bool = False

    def __call__(self, *operands: Array) -> Array:
        module = require("scipy.special", extra="special")
        y, x = getattr(module, self.name)(*operands), operands[-1]
        if self.ordered and hasattr(x, "dtype") and x.dtype.kind == "f":
            return y.astype(x.dtype)
        return y


def _of_scipy(name: str, partials: tuple[Any, ...], doc: str, **options: Any) -> Primitive:
    options.setdefault("symbol", name)
    return elementwise(name, Special(name), partials=partials, analytic=False, doc=doc, **options)


# The error function and the normal distribution

erfc = _of_scipy(
    "erfc", (lambda y, x: -_TWO_OVER_ROOT_PI * np.exp(-x * x),),
    """1 − erf x, accurate where that is nearly 0.

    Example:
        >>> print(mg.erfc(0.0), mg.grad(mg.erfc)(0.0).round(4))
        1.0 -1.1284
    """,
)  # fmt: skip
erfcx = _of_scipy(
    "erfcx", (lambda y, x: 2 * x * y - _TWO_OVER_ROOT_PI,),
    """exp(x²) erfc x, where erfc itself is too small.

    Example:
        >>> print(mg.erfcx(1e3).round(7), mg.grad(mg.erfcx)(0.0).round(4))
        0.0005642 -1.1284
    """,
)  # fmt: skip
erfinv = _of_scipy(
    "erfinv", (lambda y, x: _HALF_ROOT_PI * np.exp(y * y),),
    """The inverse of erf, of numbers between −1 and 1.

    Example:
        >>> print(mg.erfinv(0.0), mg.grad(mg.erfinv)(0.0).round(4))
        0.0 0.8862
    """,
    domain=("unit",),
)  # fmt: skip
erfcinv = _of_scipy(
    "erfcinv", (lambda y, x: -_HALF_ROOT_PI * np.exp(y * y),),
    """The inverse of erfc, of numbers between 0 and 2.

    Example:
        >>> print(mg.erfcinv(0.5).round(4), mg.grad(mg.erfcinv)(1.0).round(4))
        0.4769 -0.8862
    """,
    domain=("share",),
)  # fmt: skip
ndtr = _of_scipy(
    "ndtr",
    (lambda y, x: np.exp(-((x * _ROOT_HALF) ** 2)) * _ROOT_HALF * _TWO_OVER_ROOT_PI * 0.5,),
    """The probability of a standard normal number up to x.

    Example:
        >>> print(mg.ndtr(0.0), mg.grad(mg.ndtr)(0.0).round(4))
        0.5 0.3989
    """,
)  # fmt: skip
log_ndtr = _of_scipy(
    "log_ndtr", (lambda y, x: np.exp(-x * x / 2 - y) / _ROOT_TWO_PI,),
    """The logarithm of `ndtr`, where that itself is too small.

    Example:
        >>> print(mg.log_ndtr(-100.0).round(2), mg.grad(mg.log_ndtr)(0.0).round(4))
        -5005.52 0.7979
    """,
)  # fmt: skip
ndtri = _of_scipy(
    "ndtri", (lambda y, x: _ROOT_TWO_PI * np.exp(y * y / 2),),
    """The inverse of `ndtr`, of probabilities.

    Example:
        >>> print(mg.ndtri(0.5), mg.grad(mg.ndtri)(0.5).round(4))
        0.0 2.5066
    """,
    domain=("share",),
)  # fmt: skip

# Logarithms that vanish with their factor

logit = _of_scipy(
    "logit", (lambda y, x: 1 / (x * (1 - x)),),
    """log(x / (1 − x)), the inverse of `sigmoid`.

    Example:
        >>> print(mg.logit(0.5), mg.grad(mg.logit)(0.5))
        0.0 4.0
    """,
    domain=("share",),
)  # fmt: skip
xlogy = _of_scipy(
    "xlogy",
    (lambda y, a, b: log(b),
     lambda y, a, b: a / np.where((a == 0) & (b == 0), 1, b)),  # 0 log b is 0 for each b
    """a log b, and 0 where a is 0.

    Example:
        >>> print(mg.xlogy(2.0, 1.0), mg.grad(mg.xlogy, argnums=1)(2.0, 4.0))
        0.0 0.5
    """,
    domain=("real", "positive"),
)  # fmt: skip
xlog1py = _of_scipy(
    "xlog1py", (lambda y, a, b: log1p(b), lambda y, a, b: a / (1 + b)),
    """a log(1 + b), and 0 where a is 0.

    Example:
        >>> print(mg.xlog1py(2.0, 0.0), mg.grad(mg.xlog1py, argnums=1)(2.0, 3.0))
        0.0 0.5
    """,
    domain=("real", "positive"),
)  # fmt: skip
entr = _of_scipy(
    "entr", (lambda y, x: -log(x) - 1,),
    """−x log x, which is 0 at 0: what entropies are sums of.

    Example:
        >>> print(mg.entr(1.0), mg.grad(mg.entr)(1.0))
        -0.0 -1.0
    """,
    domain=("positive",),
)  # fmt: skip

# The gamma function


_polygamma: Primitive = elementwise(
    "polygamma", Special("polygamma", ordered=True), symbol="polygamma", analytic=False,
    partials=(None, lambda y, n, x: _polygamma(n + 1, x)),
    domain=("integer", "positive"), samples=_ORDERS,
)  # fmt: skip


def polygamma(n: Array, x: Array) -> Array:
    """The derivative number ``n`` of `digamma`.

    Args:
        n: whole numbers from 0 up, constants.
        x: any array.

    Raises:
        TypeError: ``n`` requires a gradient.

    Example:
        >>> print(mg.polygamma(1, 1.0).round(4))
        1.6449
    """
    return _polygamma(np.asarray(fixed(n, "polygamma", "n")), x)


def digamma(x: Array) -> Array:
    """The derivative of `gammaln`.

    Example:
        >>> print(mg.digamma(1.0).round(4), mg.grad(mg.digamma)(1.0).round(4))
        -0.5772 1.6449
    """
    return _polygamma(np.asarray(0), x)


gammaln = _of_scipy(
    "gammaln", (lambda y, x: digamma(x),),
    """log |Γ(x)|: of whole numbers log (x − 1)!.

    Example:
        >>> print(mg.gammaln(5.0).round(4), mg.grad(mg.gammaln)(1.0).round(4))
        3.1781 -0.5772
    """,
    symbol="loggamma", domain=("positive",),
)  # fmt: skip
gamma = _of_scipy(
    "gamma", (lambda y, x: y * digamma(x),),
    """Γ(x): of whole numbers (x − 1)!.

    Example:
        >>> print(mg.gamma(5.0), mg.grad(mg.gamma)(1.0).round(4))
        24.0 -0.5772
    """,
    domain=("positive",),
)  # fmt: skip
betaln = _of_scipy(
    "betaln",
    (lambda y, a, b: digamma(a) - digamma(a + b), lambda y, a, b: digamma(b) - digamma(a + b)),
    """log |B(a, b)|, B(a, b) = Γ(a) Γ(b) / Γ(a + b).

    Example:
        >>> print(mg.betaln(1.0, 2.0).round(4), mg.grad(mg.betaln)(1.0, 1.0))
        -0.6931 -1.0
    """,
    domain=("positive", "positive"),
)  # fmt: skip


def beta(a: Array, b: Array) -> Array:
    """B(a, b) = Γ(a) Γ(b) / Γ(a + b), for positive numbers.

    Example:
        >>> print(mg.beta(1.0, 2.0).round(4))
        0.5
    """
    return exp(betaln(a, b))


def rgamma(x: Array) -> Array:
    """1 / Γ(x).

    Example:
        >>> print(mg.rgamma(3.0))
        0.5
    """
    return 1 / gamma(x)


_gammainc = elementwise(
    "gammainc", Special("gammainc", ordered=True), symbol="gammainc", analytic=False,
    partials=(None, lambda y, a, x: exp((a - 1) * log(x) - x - gammaln(a))),
    domain=("integer", "positive"), samples=_ORDERS,
)  # fmt: skip


def gammainc(a: Array, x: Array) -> Array:
    """The share of Γ(a) that is ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt; ``a`` is a constant.

    Raises:
        TypeError: ``a`` requires a gradient.

    Example:
        >>> print(mg.gammainc(1.0, 1.0).round(4))
        0.6321
        >>> print(mg.grad(mg.gammainc, argnums=1)(1.0, 0.5).round(4))
        0.6065
    """
    return _gammainc(np.asarray(fixed(a, "gammainc", "a")), x)


def gammaincc(a: Array, x: Array) -> Array:
    """1 − `gammainc`, of numbers where that is not nearly 0.

    Example:
        >>> print(mg.gammaincc(1.0, 1.0).round(4))
        0.3679
    """
    return 1 - gammainc(a, x)


_betainc = elementwise(
    "betainc", Special("betainc", ordered=True), symbol="betainc", analytic=False,
    partials=(None, None, lambda y, a, b, x:
              exp((a - 1) * log(x) + (b - 1) * log(1 - x) - betaln(a, b))),
    domain=("integer", "integer", "share"),
    samples=(sample(np.array(1), np.array(1), (2, 3)),
             sample(np.array([[1], [3]]), np.array(2), (3,))),
)  # fmt: skip


def betainc(a: Array, b: Array, x: Array) -> Array:
    """The share of B(a, b) that is ∫₀ˣ tᵃ⁻¹ (1 − t)ᵇ⁻¹ dt; ``a`` and ``b`` are constants.

    Raises:
        TypeError: ``a`` or ``b`` requires a gradient.

    Example:
        >>> print(mg.betainc(2.0, 2.0, 0.5), mg.grad(mg.betainc, argnums=2)(2.0, 2.0, 0.5).round(6))
        0.5 1.5
    """
    a, b = (np.asarray(fixed(v, "betainc", name)) for v, name in ((a, "a"), (b, "b")))
    return _betainc(a, b, x)


def stdtr(df: Array, x: Array) -> Array:
    """The distribution function of Student's t; the degrees of freedom are a constant.

    Raises:
        TypeError: ``df`` requires a gradient.

    Example:
        >>> print(mg.stdtr(1.0, 1.0).round(6), mg.grad(mg.stdtr, argnums=1)(1.0, 0.0).round(6))
        0.75 0.31831
    """
    df = np.asarray(fixed(df, "stdtr", "df"))
    tail = where(x < 0, x, -x)
    root = sqrt(x * x + df)
    share = betainc(df / 2, df / 2, df / (2 * root * (root - tail)))
    return where(x < 0, share, 1 - share)


def multigammaln(a: Array, d: int) -> Array:
    """The logarithm of the multivariate gamma function of ``d`` dimensions.

    Example:
        >>> print(mg.multigammaln(3.0, 2).round(4))
        1.5502
    """
    total = d * (d - 1) / 4 * math.log(math.pi)
    for k in range(d):
        total = total + gammaln(a - k / 2)
    return total


# Bessel functions: derivatives lead to the orders next to it


def _bessel(name: str, symbol: str, before: float, after: float) -> Primitive:
    def partial(y: Array, n: Array, x: Array) -> Array:
        return before * primitive(n - 1, x) + after * primitive(n + 1, x)

    primitive: Primitive = elementwise(
        name, Special(name, ordered=True), partials=(None, partial), symbol=symbol,
        analytic=False, domain=("integer", "positive"), samples=_ORDERS,
    )  # fmt: skip
    return primitive


_zeta: Primitive = elementwise(
    "zeta", Special("zeta", ordered=True), symbol="zeta", analytic=False,
    domain=("above one", "positive"),
    partials=(None, lambda y, s, q: -s * _zeta(s + 1, q)), samples=(
        sample(np.array(2), (2, 3)), sample(np.array([[2], [3]]), (3,))),
)  # fmt: skip


def zeta(s: Array, q: Array = 1.0) -> Array:
    """The sum of all 1 / (q + k)ˢ from k = 0 on (Hurwitz); ``s`` is a constant.

    Raises:
        TypeError: ``s`` requires a gradient.

    Example:
        >>> print(mg.zeta(2.0).round(4), mg.grad(mg.zeta, argnums=1)(2.0, 1.0).round(4))
        1.6449 -2.4041
    """
    return _zeta(np.asarray(fixed(s, "zeta", "s")), q)


_jv, _yv = _bessel("jv", "besselj", 0.5, -0.5), _bessel("yv", "bessely", 0.5, -0.5)
_iv, _kv = _bessel("iv", "besseli", 0.5, 0.5), _bessel("kv", "besselk", -0.5, -0.5)
_kve: Primitive = elementwise(
    "kve", Special("kve", ordered=True), symbol="kve", analytic=False,
    domain=("integer", "positive"),
    partials=(None, lambda y, n, x: y - (_kve(n - 1, x) + _kve(n + 1, x)) / 2), samples=_ORDERS,
)  # fmt: skip
_ive: Primitive = elementwise(
    "ive", Special("ive", ordered=True), symbol="ive", analytic=False, domain=("integer", "real"),
    nonsmooth="at x = 0 the derivative is that without the absolute value",
    partials=(None, lambda y, n, x: (_ive(n - 1, x) + _ive(n + 1, x)) / 2 - np.sign(x) * y),
    samples=_ORDERS,
)  # fmt: skip


def jv(n: Array, x: Array) -> Array:
    """The Bessel function of the first kind, of order ``n``, a constant.

    Raises:
        TypeError: ``n`` requires a gradient.

    Example:
        >>> print(mg.jv(0, 0.0))
        1.0
    """
    return _jv(np.asarray(fixed(n, "jv", "n")), x)


def yv(n: Array, x: Array) -> Array:
    """The Bessel function of the second kind, of order ``n``, a constant.

    Raises:
        TypeError: ``n`` requires a gradient.

    Example:
        >>> print(mg.yv(0, 1.0).round(4))
        0.0883
    """
    return _yv(np.asarray(fixed(n, "yv", "n")), x)


def iv(n: Array, x: Array) -> Array:
    """The modified Bessel function of the first kind, of order ``n``, a constant.

    Raises:
        TypeError: ``n`` requires a gradient.

    Example:
        >>> print(mg.iv(0, 0.0))
        1.0
    """
    return _iv(np.asarray(fixed(n, "iv", "n")), x)


def kv(n: Array, x: Array) -> Array:
    """The modified Bessel function of the second kind, of order ``n``, a constant.

    Raises:
        TypeError: ``n`` requires a gradient.

    Example:
        >>> print(mg.kv(0, 1.0).round(4))
        0.421
    """
    return _kv(np.asarray(fixed(n, "kv", "n")), x)


def ive(n: Array, x: Array) -> Array:
    """`iv` times exp(−|x|), where that itself would overflow.

    Example:
        >>> print(mg.ive(0, 1e3).round(4))
        0.0126
    """
    return _ive(np.asarray(fixed(n, "ive", "n")), x)


def kve(n: Array, x: Array) -> Array:
    """`kv` times eˣ, where that itself is too small.

    Example:
        >>> print(mg.kve(0, 1e3).round(4))
        0.0396
    """
    return _kve(np.asarray(fixed(n, "kve", "n")), x)


def _of_order(bessel: Callable[..., Array], n: int) -> Callable[[Array], Array]:
    return lambda x: bessel(np.asarray(n), x)


@implements(np.i0)
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind, of order 0.

    Example:
        >>> print(mg.i0(0.0), mg.grad(mg.grad(mg.i0))(0.0))
        1.0 0.5
    """
    return _iv(np.asarray(0), x)


def log_expit(x: Array) -> Array:
    """The logarithm of `sigmoid`.

    Example:
        >>> print(mg.log_expit(0.0).round(4))
        -0.6931
    """
    return -softplus(-x)


def rel_entr(a: Array, b: Array) -> Array:
    """A log(a / b), which is 0 at a = 0: what relative entropies are sums of.

    Example:
        >>> print(mg.rel_entr(2.0, 1.0).round(4))
        1.3863
    """
    return -entr(a) - xlogy(a, b)


def kl_div(a: Array, b: Array) -> Array:
    """A log(a / b) − a + b.

    Example:
        >>> print(mg.kl_div(1.0, 1.0))
        0.0
    """
    return rel_entr(a, b) - a + b


SCIPY: Mapping[str, Callable[..., Array]] = MappingProxyType({
    **{f.name: f for f in (erf, erfc, erfcx, erfinv, erfcinv, ndtr, log_ndtr, ndtri, logit, xlogy,
                           xlog1py, entr, gammaln, gamma, betaln, exp2, expm1, log1p, cbrt)},
    **{f.__name__: f for f in (beta, rgamma, digamma, gammainc, gammaincc,
                               betainc, stdtr, jv, yv, iv, kv, ive,
                               kve, i0, log_expit, rel_entr, kl_div)},
    "gammasgn": Constant(Special("gammasgn")),
    "psi": digamma, "expit": sigmoid, "exp10": lambda x: 10.0**x, "jn": jv, "yn": yv, "kn": kv,
    **{f"{kind}{n}": _of_order(bessel, n) for n in (0, 1)
       for kind, bessel in (("j", _jv), ("y", _yv), ("k", _kv))},
    "i1": _of_order(_iv, 1), "i0e": _of_order(_ive, 0), "i1e": _of_order(_ive, 1),
    "k0e": _of_order(_kve, 0), "k1e": _of_order(_kve, 1),
})  # fmt: skip
"""What answers to the ufuncs of ``scipy.special``, by their names."""
