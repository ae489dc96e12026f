"""Exponential functions and logarithms."""

from __future__ import annotations

import math

import numpy as np

from minigrad.primitives.calls import constant
from minigrad.primitives.primitive import Array, Primitive, elementwise

_LOG2, _LOG10 = math.log(2), math.log(10)

exp = elementwise(
    "exp", np.exp, partials=(lambda y, x: y,), symbol="exp",
    doc="""eˣ, its own derivative.

    Example:
        >>> print(mg.exp(0.0), mg.grad(mg.exp)(0.0))
        1.0 1.0
    """,
)  # fmt: skip
exp2: Primitive = elementwise(
    "exp2", np.exp2, partials=(lambda y, x: y * _LOG2,), symbol="exp2", label="2ˣ",
    analytic=False,  # NumPy's takes real numbers only, as log2 of the next lines does not
    doc="""2ˣ.

    Example:
        >>> print(mg.exp2(3.0), mg.grad(mg.exp2)(0.0).round(4))
        8.0 0.6931
    """,
)  # fmt: skip
expm1 = elementwise(
    "expm1", np.expm1, partials=(lambda y, x: np.exp(x),), symbol="expm1",
    doc="""eˣ − 1, accurate near 0.

    Example:
        >>> print(mg.expm1(1e-20), mg.grad(mg.expm1)(0.0))
        1e-20 1.0
    """,
)  # fmt: skip
log: Primitive = elementwise(
    "log", np.log, partials=(lambda y, x: 1 / x,), symbol="log", domain=("positive",),
    doc="""The natural logarithm.

    Example:
        >>> print(mg.log(1.0), mg.grad(mg.log)(4.0))
        0.0 0.25
    """,
)  # fmt: skip
log1p = elementwise(
    "log1p", np.log1p, partials=(lambda y, x: 1 / (1 + x),), symbol="log1p",
    domain=("positive",),
    doc="""log(1 + x), accurate near 0.

    Example:
        >>> print(mg.log1p(1e-20), mg.grad(mg.log1p)(1.0))
        1e-20 0.5
    """,
)  # fmt: skip
log2 = elementwise(
    "log2", np.log2, partials=(lambda y, x: 1 / (x * _LOG2),), symbol="log2",
    domain=("positive",),
    doc="""The logarithm to base 2.

    Example:
        >>> print(mg.log2(8.0), mg.grad(mg.log2)(1.0).round(4))
        3.0 1.4427
    """,
)  # fmt: skip
log10 = elementwise(
    "log10", np.log10, partials=(lambda y, x: 1 / (x * _LOG10),), symbol="log10",
    domain=("positive",),
    doc="""The logarithm to base 10.

    Example:
        >>> print(mg.log10(1000.0), mg.grad(mg.log10)(1.0).round(4))
        3.0 0.4343
    """,
)  # fmt: skip


def _bounded(y: Array) -> Array:
    """A logarithm, with 0 in place of −∞: what is subtracted from −∞ then is a number."""
    numbers = constant(y)
    return y if y.dtype == object else np.where(numbers == -np.inf, 0, y)


logaddexp: Primitive = elementwise(
    "logaddexp", np.logaddexp,
    partials=(lambda y, a, b: exp(a - _bounded(y)),
              lambda y, a, b: exp(b - _bounded(y))),
    symbol="logaddexp", analytic=False, nonsmooth="where both are −∞ the derivatives are 0",
    doc="""log(eᵃ + eᵇ), without overflow.

    Example:
        >>> print(mg.logaddexp(1000.0, 1000.0).round(4), mg.grad(mg.logaddexp)(0.0, 0.0).round(6))
        1000.6931 0.5
    """,
)  # fmt: skip
logaddexp2: Primitive = elementwise(
    "logaddexp2", np.logaddexp2,
    partials=(lambda y, a, b: exp2(a - _bounded(y)),
              lambda y, a, b: exp2(b - _bounded(y))),
    symbol="logaddexp2", analytic=False, nonsmooth="where both are −∞ the derivatives are 0",
    doc="""log₂(2ᵃ + 2ᵇ), without overflow.

    Example:
        >>> print(mg.logaddexp2(3.0, 3.0), mg.grad(mg.logaddexp2)(0.0, 0.0))
        4.0 0.5
    """,
)  # fmt: skip
