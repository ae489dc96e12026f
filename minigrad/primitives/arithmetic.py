"""Sums, products, quotients and remainders."""

from __future__ import annotations

import math
import operator

import numpy as np

from minigrad.primitives.primitive import Array, elementwise, implements

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


def _quotient(a: Array, b: Array) -> Array:
    zero = b == 0
    return np.where(zero, 0, a / np.where(zero, 1, b))


quotient = elementwise(
    "quotient", _quotient,
    partials=(lambda y, a, b: 1 / b,  # at b = 0 infinite or not a number: it has no derivative
              lambda y, a, b: -y / b),
    symbol=operator.truediv, label="÷", nonsmooth="at b = 0 it is 0 and has no derivative",
    doc="""a / b, and 0 where b is 0.

    Rules with a removable 0 / 0, such as those of norms, are made of it.

    Example:
        >>> print(mg.quotient(np.array([3.0, 3.0]), np.array([2.0, 0.0])))
        [1.5 0. ]
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
floor_divide = elementwise(
    "floor_divide", np.floor_divide, partials=(0, 0), symbol="floor_divide", label="//",
    domain=("unit", "above one"), analytic=False,
    nonsmooth="it jumps where a is a multiple of b; the derivative is 0 there as elsewhere",
    doc="""The largest whole number up to a / b; its derivative is 0.

    Example:
        >>> print(mg.floor_divide(7.5, 2.0), mg.grad(mg.floor_divide)(7.5, 2.0))
        3.0 0.0
    """,
)  # fmt: skip
remainder = elementwise(
    "remainder", np.remainder,
    partials=(1, lambda y, a, b: -np.floor_divide(a, b)),
    symbol="remainder", label="%", domain=("unit", "above one"), analytic=False,
    nonsmooth="it jumps where a is a multiple of b; the derivatives are those to the right",
    doc="""a − b ⌊a / b⌋, with the sign of b.

    Example:
        >>> print(mg.remainder(-1.0, 3.0), mg.grad(mg.remainder, argnums=1)(-1.0, 3.0))
        2.0 1.0
    """,
)  # fmt: skip


@implements(np.divmod)
def divmod(a: Array, b: Array) -> tuple[Array, Array]:
    """The pair of `floor_divide` and `remainder`.

    Example:
        >>> print(*mg.divmod(7.5, 2.0))
        3.0 1.5
    """
    return floor_divide(a, b), remainder(a, b)


@implements(np.positive)
def positive(x: Array) -> Array:
    """The array itself, +x.

    Example:
        >>> print(mg.positive(2.0))
        2.0
    """
    return x
