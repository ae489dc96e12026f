"""Trigonometric and hyperbolic functions, and their inverses."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.primitive import elementwise

sin = elementwise("sin", np.sin, partials=(lambda y, x: np.cos(x),), symbol="sin")
cos = elementwise("cos", np.cos, partials=(lambda y, x: -np.sin(x),), symbol="cos")
tan = elementwise("tan", np.tan, partials=(lambda y, x: 1 + y * y,), symbol="tan")
arcsin = elementwise(
    "arcsin", np.arcsin, partials=(lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)),), symbol="asin",
    domain=("unit",),
)  # fmt: skip
arccos = elementwise(
    "arccos", np.arccos, partials=(lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)),), symbol="acos",
    domain=("unit",),
)  # fmt: skip
arctan = elementwise("arctan", np.arctan, partials=(lambda y, x: 1 / (1 + x * x),), symbol="atan")
sinh = elementwise("sinh", np.sinh, partials=(lambda y, x: np.cosh(x),), symbol="sinh")
cosh = elementwise("cosh", np.cosh, partials=(lambda y, x: np.sinh(x),), symbol="cosh")
arcsinh = elementwise(
    "arcsinh", np.arcsinh, partials=(lambda y, x: 1 / np.sqrt(x * x + 1),), symbol="asinh",
    domain=("hyperbola",),
)  # fmt: skip
arccosh = elementwise(
    "arccosh", np.arccosh,
    partials=(lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    symbol="acosh", domain=("above one",),
)  # fmt: skip
arctanh = elementwise(
    "arctanh", np.arctanh, partials=(lambda y, x: 1 / ((1 - x) * (1 + x)),), symbol="atanh",
    domain=("unit",),
)  # fmt: skip
