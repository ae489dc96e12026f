"""Rounding to whole numbers: steps, whose derivative is 0 wherever they have one."""

from __future__ import annotations

import numpy as np

from minigrad.primitives.calls import constant, is_exact
from minigrad.primitives.indexing import where
from minigrad.primitives.primitive import Array, elementwise, implements
from minigrad.primitives.shaping import astype, floating

_STEPS = "it jumps there; the derivative is 0 as elsewhere"

floor = elementwise(
    "floor", np.floor, partials=(0,), symbol="floor", label="⌊x⌋", analytic=False,
    nonsmooth=f"at whole numbers: {_STEPS}",
    doc="""The largest whole number up to x; its derivative is 0.

    Example:
        >>> print(mg.floor(-1.5), mg.grad(mg.floor)(-1.5))
        -2.0 0.0
    """,
)  # fmt: skip
ceil = elementwise(
    "ceil", np.ceil, partials=(0,), symbol="ceil", label="⌈x⌉", analytic=False,
    nonsmooth=f"at whole numbers: {_STEPS}",
    doc="""The smallest whole number from x on; its derivative is 0.

    Example:
        >>> print(mg.ceil(-1.5), mg.grad(mg.ceil)(-1.5))
        -1.0 0.0
    """,
)  # fmt: skip
trunc = elementwise(
    "trunc", np.trunc, partials=(0,), symbol="trunc", analytic=False, numpy=(np.fix,),
    nonsmooth=f"at whole numbers but 0: {_STEPS}",
    doc="""x without its decimal places; its derivative is 0.

    Example:
        >>> print(mg.trunc(-1.5), mg.grad(mg.trunc)(-1.5))
        -1.0 0.0
    """,
)  # fmt: skip
rint = elementwise(
    "rint", np.rint, partials=(0,), symbol="rint", label="round", analytic=False,
    nonsmooth=f"halfway between whole numbers: {_STEPS}",
    doc="""The nearest whole number, the even one of two; its derivative is 0.

    Example:
        >>> print(mg.rint(np.array([0.5, 1.5, 2.7])), mg.grad(mg.rint)(2.7))
        [0. 2. 3.] 0.0
    """,
)  # fmt: skip


@implements(np.round, np.around)
def round(x: Array, decimals: int = 0) -> Array:
    """X rounded to this many decimal places; its derivative is 0.

    Example:
        >>> print(mg.round(2.345, 1), mg.grad(mg.round)(2.345))
        2.3 0.0
    """
    if hasattr(x, "dtype") and x.dtype.kind in "iub":
        return x * 1 if decimals >= 0 else astype(round(floating(x), decimals), dtype=x.dtype)
    if decimals == 0:
        return rint(x)
    scale = 10.0 ** abs(decimals)
    return rint(x * scale) / scale if decimals > 0 else rint(x / scale) * scale


@implements(np.nextafter)
def nextafter(x: Array, towards: Array) -> Array:
    """The next floating-point number after x, in a direction; its derivative is 1.

    Example:
        >>> print(mg.nextafter(1.0, 2.0) > 1.0, mg.grad(mg.nextafter)(1.0, 2.0))
        True 1.0
    """
    numbers = constant(x)
    return x + (np.nextafter(numbers, constant(towards)) - numbers)


@implements(np.modf)
def modf(x: Array) -> tuple[Array, Array]:
    """The decimal places, whose derivative is 1, and the whole number, whose derivative is 0.

    Example:
        >>> print(*mg.modf(-1.5))
        -0.5 -1.0
    """
    x = floating(x)
    whole = trunc(x)
    data = constant(x)
    infinite = False if is_exact(data) else np.isinf(data)
    return where(infinite, 0, x - where(infinite, 0, whole)), whole


@implements(np.frexp)
def frexp(x: Array) -> tuple[Array, np.ndarray]:
    """The m and the whole n with x = m 2ⁿ and ½ ≤ |m| < 1; n has no derivative.

    Example:
        >>> print(*mg.frexp(6.0))
        0.75 3
    """
    exponent = np.frexp(constant(x))[1]
    return ldexp(floating(x), -exponent), exponent


@implements(np.ldexp)
def ldexp(x: Array, n: Array) -> Array:
    """X 2ⁿ for whole numbers n, which have no derivative.

    Example:
        >>> print(mg.ldexp(0.75, 3), mg.grad(mg.ldexp)(0.75, 3))
        6.0 8.0
    """
    half = np.asarray(constant(n)) // 2  # in two steps: 2ⁿ alone may be too large
    one = np.ones((), getattr(x, "dtype", float))
    return x * np.ldexp(one, half) * np.ldexp(one, constant(n) - half)
