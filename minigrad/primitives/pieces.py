"""What is made of pieces: signs, absolute values, the larger and the smaller of two."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.arithmetic import remainder
from minigrad.primitives.calls import constant, is_exact
from minigrad.primitives.indexing import where
from minigrad.primitives.primitive import Array, Primitive, elementwise, implements
from minigrad.primitives.shaping import floating


@implements(np.sign)
def sign(x: Array) -> Array:
    """−1, 0 or 1, with the derivative 0; of complex numbers z / |z|.

    Example:
        >>> print(mg.sign(np.array([-2.0, 0.0, 3.0])), mg.grad(mg.sign)(3.0))
        [-1.  0.  1.] 0.0
    """
    return _direction(x, absolute(x)) if np.iscomplexobj(x) else _sign(x)


_sign = elementwise(
    "sign", np.sign, partials=(0,), symbol="sign", analytic=False,
    nonsmooth="it jumps at 0; the derivative is 0 there as elsewhere",
)  # fmt: skip


def _direction(x: Array, size: Array) -> Array:
    """Complex numbers of size 1; 0 has the direction 0, which does not turn."""
    none = constant(x) == 0
    return where(none, 0, x) / where(none, 1, size)


def _slope_of_absolute(y: Array, x: Array) -> Array:
    return np.conjugate(_direction(x, y)) if np.iscomplexobj(x) else _sign(x)


absolute: Primitive = elementwise(
    "absolute", np.absolute, partials=(_slope_of_absolute,), symbol="absolute",
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
copysign = elementwise(
    "copysign", np.copysign,
    partials=(lambda y, a, b: _sign(a) * np.copysign(1.0, b), 0),
    symbol="copysign", analytic=False,
    nonsmooth="at a = 0 the derivative is 0; it jumps where b changes its sign",
    doc="""The absolute value of a with the sign of b.

    Example:
        >>> print(mg.copysign(2.0, -1.0), mg.grad(mg.copysign)(2.0, -1.0))
        -2.0 -1.0
    """,
)  # fmt: skip


@implements(np.heaviside)
def heaviside(a: Array, b: Array) -> Array:
    """0 where ``a`` is negative, 1 where it is positive, ``b`` where it is 0.

    The derivative with respect to ``a`` is 0, also where it jumps.

    Example:
        >>> print(mg.heaviside(np.array([-1.0, 0.0, 2.0]), 0.5))
        [0.  0.5 1. ]
    """
    return where(a == 0, b, (sign(a) + 1) / 2)


@implements(np.fmod)
def fmod(a: Array, b: Array) -> Array:
    """What is left of ``a`` when ``b`` is taken away as often as it fits, with the sign of ``a``.

    Example:
        >>> print(mg.fmod(-7.0, 3.0), mg.grad(mg.fmod, argnums=1)(-7.0, 3.0))
        -1.0 2.0
    """
    b = abs(b)
    return where(a < 0, -remainder(-a, b), remainder(a, b))


@implements(np.fabs)
def fabs(x: Array) -> Array:
    """As `absolute`.

    Example:
        >>> print(mg.fabs(-2.0))
        2.0
    """
    return absolute(floating(x))


@implements(np.fmax)
def fmax(a: Array, b: Array) -> Array:
    """As `maximum`; where one of the two is NaN, the other.

    Example:
        >>> print(mg.fmax(np.array([1.0, np.nan]), 0.0))
        [1. 0.]
    """
    return maximum(where(isnan(a), b, a), where(isnan(b), a, b))


@implements(np.fmin)
def fmin(a: Array, b: Array) -> Array:
    """As `minimum`; where one of the two is NaN, the other.

    Example:
        >>> print(mg.fmin(np.array([1.0, np.nan]), 2.0))
        [1. 2.]
    """
    return minimum(where(isnan(a), b, a), where(isnan(b), a, b))


def isnan(x: Array) -> np.ndarray | bool:
    """Where an array is NaN, as a plain array of flags; exact scalars never are."""
    x = constant(x)
    return False if is_exact(x) else np.isnan(x)


@implements(np.clip)
def clip(
    x: Array,
    a_min: Array | None = None,
    a_max: Array | None = None,
    *,
    min: Array | None = None,
    max: Array | None = None,
) -> Array:
    """Limit to the range from ``a_min`` to ``a_max``, also called min and max.

    ``None`` is no limit. On a limit the derivative is ½, as that of `maximum` and `minimum`.

    Raises:
        ValueError: a limit is given under both of its names.

    Example:
        >>> print(mg.clip(np.array([-2.0, 0.5, 3.0]), -1.0, 1.0))
        [-1.   0.5  1. ]
        >>> print(mg.grad(lambda x: mg.clip(x, -1.0, 1.0).sum())(np.array([-2.0, 0.5, 3.0])))
        [0. 1. 0.]
    """
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise ValueError("clip: got a_min and min, or a_max and max, expected one of each pair")
    low, high = a_min if min is None else min, a_max if max is None else max
    x = x if low is None else maximum(x, low)
    return x if high is None else minimum(x, high)
