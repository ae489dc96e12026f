"""Arithmetic: sums, products, powers."""

from __future__ import annotations

import operator

import numpy as np

from minigrad.primitives.primitive import Primitive, elementwise

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
    "sqrt",
    np.sqrt,
    partials=(lambda y, x: 1 / (2 * y),),
    symbol="sqrt",
    label="√",
    domain=("positive",),
)
power = elementwise(
    "power", np.power,
    partials=(lambda y, a, b: b * a ** (b - 1),
              lambda y, a, b: y * log(a)),
    symbol=operator.pow, label="xʸ", domain=("positive", "integer"),
)  # fmt: skip
log: Primitive = elementwise(
    "log", np.log, partials=(lambda y, x: 1 / x,), symbol="log", domain=("positive",)
)
exp = elementwise("exp", np.exp, partials=(lambda y, x: y,), symbol="exp")
