"""Powers and roots."""

from __future__ import annotations

import operator

import numpy as np

from minigrad.primitives.arithmetic import quotient
from minigrad.primitives.primitive import Array, Primitive, elementwise, implements, sample

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
cbrt = elementwise(
    "cbrt", np.cbrt, partials=(lambda y, x: 1 / (3 * y * y),), symbol="cbrt", label="∛",
    analytic=False,
    doc="""The cube root, also of negative numbers.

    Example:
        >>> print(mg.cbrt(-8.0), mg.grad(mg.cbrt)(1.0).round(4))
        -2.0 0.3333
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


def _power_log(a: Array, b: Array, times: int) -> Array:
    if times == 0:
        return a**b
    zero = (a == 0) & (b >= 0)
    return np.where(zero, 0, a**b * np.log(np.where(zero, 1, a)) ** float(times))


power_log: Primitive = elementwise(
    "power_log", _power_log,
    partials=(lambda y, a, b, times:
              b * power_log(a, b - (b != 0), times)
              + times * power_log(a, b - 1, times - (times != 0)),
              lambda y, a, b, times: power_log(a, b, times + 1), None),
    symbol="power_log", label="xʸ log x", domain=("positive", "integer", "integer"),
    samples=(sample((2, 3), (3,), np.array(1)),),
    doc="""aᵇ (log a)ⁿ: what derivatives of aᵇ are made of; 0 at a = 0 where b is not negative.

    Example:
        >>> print(mg.power_log(0.0, 2.0, 1), mg.power_log(1.0, 2.0, 0))
        0.0 1.0
    """,
)  # fmt: skip
power = elementwise(
    "power", np.power,
    partials=(lambda y, a, b: b * a ** (b - (b != 0)),  # of a⁰ it is 0, also at a = 0
              lambda y, a, b: power_log(a, b, 1)),
    symbol=operator.pow, label="xʸ", domain=("positive", "integer"),
    doc="""aᵇ.

    Example:
        >>> print(mg.power(2.0, 3.0), mg.grad(mg.power)(2.0, 3.0))
        8.0 12.0
    """,
)  # fmt: skip
hypot = elementwise(
    "hypot", np.hypot,
    partials=(lambda y, a, b: quotient(a, y),
              lambda y, a, b: quotient(b, y)),
    symbol="hypot", analytic=False, nonsmooth="at (0, 0) the derivatives are 0",
    doc="""√(a² + b²), without overflow; at (0, 0) its derivatives are 0.

    Example:
        >>> print(mg.hypot(3.0, 4.0), mg.grad(mg.hypot)(3.0, 4.0))
        5.0 0.6
    """,
)  # fmt: skip


@implements(np.float_power)
def float_power(a: Array, b: Array) -> Array:
    """aᵇ in double precision at least.

    Example:
        >>> print(mg.float_power(np.float32(2.0), 3).dtype)
        float64
    """
    wide = np.result_type(np.float64, *(x.dtype for x in (a, b) if hasattr(x, "dtype")))
    return power(*(x.astype(wide) if hasattr(x, "dtype") else x for x in (a, b)))
