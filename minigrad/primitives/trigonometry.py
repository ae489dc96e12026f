"""Trigonometric and hyperbolic functions, and their inverses."""

from __future__ import annotations

import math

import numpy as np

from minigrad.primitives.arithmetic import quotient
from minigrad.primitives.indexing import where
from minigrad.primitives.primitive import Array, elementwise, implements

sin = elementwise(
    "sin", np.sin, partials=(lambda y, x: np.cos(x),), symbol="sin",
    doc="""Sine of an angle in radians.

    Example:
        >>> print(mg.sin(np.pi / 2), mg.grad(mg.sin)(0.0))
        1.0 1.0
    """,
)  # fmt: skip
cos = elementwise(
    "cos", np.cos, partials=(lambda y, x: -np.sin(x),), symbol="cos",
    doc="""Cosine of an angle in radians.

    Example:
        >>> print(mg.cos(0.0), mg.grad(mg.cos)(np.pi / 2))
        1.0 -1.0
    """,
)  # fmt: skip
tan = elementwise(
    "tan", np.tan, partials=(lambda y, x: 1 + y * y,), symbol="tan",
    doc="""Tangent of an angle in radians.

    Example:
        >>> print(mg.tan(0.0), mg.grad(mg.tan)(0.0))
        0.0 1.0
    """,
)  # fmt: skip
arcsin = elementwise(
    "arcsin", np.arcsin, partials=(lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)),), symbol="asin",
    domain=("unit",),
    doc="""The angle between −π/2 and π/2 that has this sine.

    Example:
        >>> print(mg.arcsin(0.0), mg.grad(mg.arcsin)(0.0))
        0.0 1.0
    """,
)  # fmt: skip
arccos = elementwise(
    "arccos", np.arccos, partials=(lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)),), symbol="acos",
    domain=("unit",),
    doc="""The angle between 0 and π that has this cosine.

    Example:
        >>> print(mg.arccos(1.0), mg.grad(mg.arccos)(0.0))
        0.0 -1.0
    """,
)  # fmt: skip
arctan = elementwise(
    "arctan", np.arctan, partials=(lambda y, x: 1 / (1 + x * x),), symbol="atan",
    doc="""The angle between −π/2 and π/2 that has this tangent.

    Example:
        >>> print(mg.arctan(0.0), mg.grad(mg.arctan)(1.0))
        0.0 0.5
    """,
)  # fmt: skip
sinh = elementwise(
    "sinh", np.sinh, partials=(lambda y, x: np.cosh(x),), symbol="sinh",
    doc="""Hyperbolic sine, (eˣ − e⁻ˣ) / 2.

    Example:
        >>> print(mg.sinh(0.0), mg.grad(mg.sinh)(0.0))
        0.0 1.0
    """,
)  # fmt: skip
cosh = elementwise(
    "cosh", np.cosh, partials=(lambda y, x: np.sinh(x),), symbol="cosh",
    doc="""Hyperbolic cosine, (eˣ + e⁻ˣ) / 2.

    Example:
        >>> print(mg.cosh(0.0), mg.grad(mg.cosh)(0.0))
        1.0 0.0
    """,
)  # fmt: skip
arcsinh = elementwise(
    "arcsinh", np.arcsinh, partials=(lambda y, x: 1 / np.sqrt(x * x + 1),), symbol="asinh",
    domain=("hyperbola",),
    doc="""The inverse of sinh.

    Example:
        >>> print(mg.arcsinh(0.0), mg.grad(mg.arcsinh)(0.0))
        0.0 1.0
    """,
)  # fmt: skip
arccosh = elementwise(
    "arccosh", np.arccosh,
    partials=(lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    symbol="acosh", domain=("above one",),
    doc="""The inverse of cosh, for numbers from 1 on.

    Example:
        >>> print(mg.arccosh(1.0), mg.grad(mg.arccosh)(np.sqrt(2.0)).round(6))
        0.0 1.0
    """,
)  # fmt: skip
arctanh = elementwise(
    "arctanh", np.arctanh, partials=(lambda y, x: 1 / ((1 - x) * (1 + x)),), symbol="atanh",
    domain=("unit",),
    doc="""The inverse of tanh, for numbers between −1 and 1.

    Example:
        >>> print(mg.arctanh(0.0), mg.grad(mg.arctanh)(0.5).round(4))
        0.0 1.3333
    """,
)  # fmt: skip
arctan2 = elementwise(
    "arctan2", np.arctan2,
    partials=(lambda y, a, b: quotient(b, a * a + b * b),
              lambda y, a, b: -quotient(a, a * a + b * b)),
    symbol="atan2", analytic=False,
    nonsmooth="at (0, 0) the derivatives are 0; it jumps where a changes its sign and b < 0",
    doc="""The angle of the point (b, a), between −π and π; at (0, 0) its derivatives are 0.

    Example:
        >>> print(mg.arctan2(0.0, 1.0), mg.grad(mg.arctan2)(0.0, 1.0))
        0.0 1.0
    """,
)  # fmt: skip


@implements(np.deg2rad, np.radians)
def deg2rad(x: Array) -> Array:
    """Degrees as radians.

    Example:
        >>> print(mg.deg2rad(180.0))
        3.141592653589793
    """
    return x * (np.pi / 180)


@implements(np.rad2deg, np.degrees)
def rad2deg(x: Array) -> Array:
    """Radians as degrees.

    Example:
        >>> print(mg.rad2deg(np.pi))
        180.0
    """
    return x * (180 / np.pi)


_TERMS = [(-1) ** k / math.factorial(2 * k + 1) for k in range(11)]  # of sin z / z in z²


@implements(np.sinc)
def sinc(x: Array) -> Array:
    """The function sin(πx) / (πx), which is 1 at 0 and has all of its derivatives there.

    Example:
        >>> print(mg.sinc(0.0), mg.grad(mg.grad(mg.sinc))(0.0).round(4))
        1.0 -3.2899
    """
    z = x * np.pi
    near = abs(z) < 1  # there the first terms of its series, exact to rounding
    small, large = where(near, z * z, 0), where(near, 1, z)
    series = _TERMS[-1]
    for term in _TERMS[-2::-1]:
        series = series * small + term
    return where(near, series, sin(large) / large)
