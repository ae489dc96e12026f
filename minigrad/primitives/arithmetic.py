"""Arithmetic: sums, products, powers, logarithms, and what chooses between numbers."""

from __future__ import annotations

import math
import operator

import numpy as np

from minigrad.primitives.primitive import Array, Primitive, elementwise, implements

add = elementwise(
    "add", np.add, partials=(1, 1), symbol=operator.add, label="+",
    doc="""a + b.

    Example:
        >>> print(mg.add(2.0, 3.0), mg.grad(mg.add)(2.0, 3.0))
        5.0 1.0
    """,
)  # fmt: skip
subtract = elementwise(
    "subtract", np.subtract, partials=(1, -1), symbol=operator.sub, label="−",
    doc="""a − b.

    Example:
        >>> print(mg.subtract(2.0, 3.0), mg.grad(mg.subtract)(2.0, 3.0))
        -1.0 1.0
    """,
)  # fmt: skip
multiply = elementwise(
    "multiply", np.multiply,
    partials=(lambda y, a, b: b,
              lambda y, a, b: a),
    symbol=operator.mul, label="×",
    doc="""a · b, entry by entry.

    Example:
        >>> print(mg.multiply(2.0, 3.0), mg.grad(mg.multiply)(2.0, 3.0))
        6.0 3.0
    """,
)  # fmt: skip


def _inverse(b: Array) -> Array:
    """1 / b, also of a Python number, which refuses to divide by 0."""
    return math.copysign(math.inf, b) if type(b) in (int, float) and b == 0 else 1 / b


divide = elementwise(
    "divide", np.divide,
    partials=(lambda y, a, b: _inverse(b),
              lambda y, a, b: -y / b),
    symbol=operator.truediv, label="÷",
    doc="""a / b.

    Example:
        >>> print(mg.divide(3.0, 2.0), mg.grad(mg.divide, argnums=1)(3.0, 2.0))
        1.5 -0.75
    """,
)  # fmt: skip
negative = elementwise(
    "negative", np.negative, partials=(-1,), symbol=operator.neg, label="−",
    doc="""−x.

    Example:
        >>> print(mg.negative(2.0), mg.grad(mg.negative)(2.0))
        -2.0 -1.0
    """,
)  # fmt: skip
square = elementwise(
    "square", np.square, partials=(lambda y, x: 2 * x,), symbol=lambda x: x**2, label="x²",
    doc="""x².

    Example:
        >>> print(mg.square(3.0), mg.grad(mg.square)(3.0))
        9.0 6.0
    """,
)  # fmt: skip
sqrt = elementwise(
    "sqrt", np.sqrt, partials=(lambda y, x: 1 / (2 * y),), symbol="sqrt", label="√",
    domain=("positive",),
    doc="""The square root.

    Example:
        >>> print(mg.sqrt(4.0), mg.grad(mg.sqrt)(4.0))
        2.0 0.25
    """,
)  # fmt: skip
reciprocal = elementwise(
    "reciprocal", np.reciprocal, partials=(lambda y, x: -y * y,), symbol=lambda x: 1 / x,
    label="1/x",
    doc="""1 / x.

    Example:
        >>> print(mg.reciprocal(2.0), mg.grad(mg.reciprocal)(2.0))
        0.5 -0.25
    """,
)  # fmt: skip


def _log_where_positive(a: Array) -> Array:
    """Log a, and 0 for a = 0, where aᵇ does not change with b > 0."""
    return log(a + (a == 0))


power = elementwise(
    "power", np.power,
    partials=(lambda y, a, b: b * a ** (b - (b != 0)),  # of a⁰ it is 0, also at a = 0
              lambda y, a, b: y * _log_where_positive(a)),
    symbol=operator.pow, label="xʸ", domain=("positive", "integer"),
    doc="""aᵇ.

    Example:
        >>> print(mg.power(2.0, 3.0), mg.grad(mg.power)(2.0, 3.0))
        8.0 12.0
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
exp = elementwise(
    "exp", np.exp, partials=(lambda y, x: y,), symbol="exp",
    doc="""eˣ, its own derivative.

    Example:
        >>> print(mg.exp(0.0), mg.grad(mg.exp)(0.0))
        1.0 1.0
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

sign = elementwise(
    "sign", np.sign, partials=(0,), symbol="sign", analytic=False,
    nonsmooth="it jumps at 0; the derivative is 0 there as elsewhere",
    doc="""−1, 0 or 1.

    Example:
        >>> print(mg.sign(np.array([-2.0, 0.0, 3.0])), mg.grad(mg.sign)(3.0))
        [-1.  0.  1.] 0.0
    """,
)  # fmt: skip
absolute = elementwise(
    "absolute", np.absolute, partials=(lambda y, x: np.sign(x),), symbol="absolute",
    label="|x|", analytic=False, nonsmooth="at 0 the derivative is 0, between −1 and 1",
    doc="""The absolute value; at 0 its derivative is 0.

    Example:
        >>> print(mg.absolute(-2.0), mg.grad(mg.absolute)(-2.0))
        2.0 -1.0
    """,
)  # fmt: skip
maximum = elementwise(
    "maximum", np.maximum,
    partials=(lambda y, a, b: (a > b) + 0.5 * (a == b),
              lambda y, a, b: (b > a) + 0.5 * (a == b)),
    symbol="maximum", label="max",
    nonsmooth="where both are equal, each has the derivative ½",
    doc="""The larger of a and b; where they are equal, each has the derivative ½.

    Example:
        >>> print(mg.maximum(np.array([1.0, 5.0]), 2.0), mg.grad(mg.maximum)(2.0, 2.0))
        [2. 5.] 0.5
    """,
)  # fmt: skip
minimum = elementwise(
    "minimum", np.minimum,
    partials=(lambda y, a, b: (a < b) + 0.5 * (a == b),
              lambda y, a, b: (b < a) + 0.5 * (a == b)),
    symbol="minimum", label="min",
    nonsmooth="where both are equal, each has the derivative ½",
    doc="""The smaller of a and b; where they are equal, each has the derivative ½.

    Example:
        >>> print(mg.minimum(np.array([1.0, 5.0]), 2.0), mg.grad(mg.minimum)(2.0, 2.0))
        [1. 2.] 0.5
    """,
)  # fmt: skip


@implements(np.clip)
def clip(x: Array, a_min: Array | None = None, a_max: Array | None = None) -> Array:
    """Limit to the range from ``a_min`` to ``a_max``; ``None`` is no limit.

    Example:
        >>> print(mg.clip(np.array([-2.0, 0.5, 3.0]), -1.0, 1.0))
        [-1.   0.5  1. ]
        >>> print(mg.grad(lambda x: mg.clip(x, -1.0, 1.0).sum())(np.array([-2.0, 0.5, 3.0])))
        [0. 1. 0.]
    """
    x = x if a_min is None else maximum(x, a_min)
    return x if a_max is None else minimum(x, a_max)
