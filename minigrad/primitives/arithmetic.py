"""Arithmetic: sums, products, powers, logarithms, and what chooses between numbers."""

from __future__ import annotations

import operator

import numpy as np

from minigrad.primitives.primitive import Array, Primitive, elementwise, implements

add = elementwise("add", np.add, partials=(1, 1), symbol=operator.add, label="+")
subtract = elementwise("subtract", np.subtract, partials=(1, -1), symbol=operator.sub, label="−")
multiply = elementwise(
    "multiply", np.multiply,
    partials=(lambda y, a, b: b,
              lambda y, a, b: a),
    symbol=operator.mul, label="×",
)  # fmt: skip
divide = elementwise(
    "divide", np.divide,
    partials=(lambda y, a, b: 1 / b,
              lambda y, a, b: -y / b),
    symbol=operator.truediv, label="÷",
)  # fmt: skip
negative = elementwise("negative", np.negative, partials=(-1,), symbol=operator.neg, label="−")
square = elementwise(
    "square", np.square, partials=(lambda y, x: 2 * x,), symbol=lambda x: x**2, label="x²"
)
sqrt = elementwise(
    "sqrt", np.sqrt, partials=(lambda y, x: 1 / (2 * y),), symbol="sqrt", label="√",
    domain=("positive",),
)  # fmt: skip
reciprocal = elementwise(
    "reciprocal", np.reciprocal, partials=(lambda y, x: -y * y,), symbol=lambda x: 1 / x,
    label="1/x",
)  # fmt: skip


def _log_where_positive(a: Array) -> Array:
    """Log a, and 0 for a = 0, where aᵇ does not change with b > 0."""
    return log(a + (a == 0))


power = elementwise(
    "power", np.power,
    partials=(lambda y, a, b: b * a ** (b - (b != 0)),  # of a⁰ it is 0, also at a = 0
              lambda y, a, b: y * _log_where_positive(a)),
    symbol=operator.pow, label="xʸ", domain=("positive", "integer"),
)  # fmt: skip
log: Primitive = elementwise(
    "log", np.log, partials=(lambda y, x: 1 / x,), symbol="log", domain=("positive",)
)
log1p = elementwise(
    "log1p", np.log1p, partials=(lambda y, x: 1 / (1 + x),), symbol="log1p",
    domain=("positive",),
)  # fmt: skip
exp = elementwise("exp", np.exp, partials=(lambda y, x: y,), symbol="exp")
expm1 = elementwise("expm1", np.expm1, partials=(lambda y, x: np.exp(x),), symbol="expm1")

sign = elementwise(
    "sign", np.sign, partials=(0,), symbol="sign", analytic=False,
    nonsmooth="it jumps at 0; the derivative is 0 there as elsewhere",
)  # fmt: skip
absolute = elementwise(
    "absolute", np.absolute, partials=(lambda y, x: np.sign(x),), symbol="absolute",
    label="|x|", analytic=False, nonsmooth="at 0 the derivative is 0, between −1 and 1",
)  # fmt: skip
maximum = elementwise(
    "maximum", np.maximum,
    partials=(lambda y, a, b: (a > b) + 0.5 * (a == b),
              lambda y, a, b: (b > a) + 0.5 * (a == b)),
    symbol="maximum", label="max",
    nonsmooth="where both are equal, each has the derivative ½",
)  # fmt: skip
minimum = elementwise(
    "minimum", np.minimum,
    partials=(lambda y, a, b: (a < b) + 0.5 * (a == b),
              lambda y, a, b: (b < a) + 0.5 * (a == b)),
    symbol="minimum", label="min",
    nonsmooth="where both are equal, each has the derivative ½",
)  # fmt: skip


@implements(np.clip)
def clip(x: Array, a_min: Array | None = None, a_max: Array | None = None) -> Array:
    """Limit to the range from ``a_min`` to ``a_max``; ``None`` is no limit."""
    x = x if a_min is None else maximum(x, a_min)
    return x if a_max is None else minimum(x, a_max)
