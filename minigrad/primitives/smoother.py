"""Powers of norms and of absolute values, which are smooth where their base has a kink.

‖x‖² has second derivatives at 0, and ‖x‖ not even a first one: from the rules of its two steps
they come out as NaN. So where a norm is raised to a whole power from 2 on, one primitive is
recorded that does both.

Example:
    >>> print(mg.hessian(lambda x: np.linalg.norm(x) ** 2)(np.zeros(2)))
    [[2. 0.]
     [0. 2.]]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.arithmetic import multiply
from minigrad.primitives.axes import Axes, kept_shape
from minigrad.primitives.pieces import absolute
from minigrad.primitives.powers import power, sqrt, square
from minigrad.primitives.primitive import Array, Primitive, fused, sample
from minigrad.primitives.reductions import norm

Call = tuple[Primitive, Sequence[Any], Mapping[str, Any]]
"""A primitive, its operands and its keywords."""


def _norm_cotangent(g: Array, x: Array, p: int, axis: Axes) -> Array:
    """The cotangent times p ‖x‖^(p − 2) x."""
    g = g.reshape(kept_shape(x.shape, axis)) * p
    if p == 3:
        g = g * norm(x, axis=axis, keepdims=True)
    elif p > 3:
        g = g * norm_power(x, p=p - 2, axis=axis, keepdims=True)
    return g * (np.conjugate(x) if np.iscomplexobj(x) else x)


norm_power: Primitive = fused(
    "norm_power",
    lambda x, *, p, axis=None, keepdims=False: norm.forward(x, axis=axis, keepdims=keepdims) ** p,
    vjps=(lambda g, y, x, *, p, axis=None, keepdims=False: _norm_cotangent(g, x, p, axis),),
    reference=lambda x, *, p, axis=None, keepdims=False:
        power(sqrt(square(x).sum(axis=axis, keepdims=keepdims)), p),
    analytic=False, label="‖x‖ᵖ",
    samples=(sample((3,), p=2), sample((2, 3), p=3, axis=-1),
             sample((3, 2), p=4, axis=0, keepdims=True)),
    doc="""The Euclidean norm along ``axis`` to a whole power from 2 on.

    Example:
        >>> print(mg.norm_power(np.array([3.0, 4.0]), p=2))
        25.0
    """,
)  # fmt: skip


def _raised(base: Any, p: Any) -> Call | None:
    """What computes ``base`` to the power ``p`` and is smooth, if ``base`` has a kink."""
    made = getattr(base, "primitive", None)
    if made is not norm and made is not absolute:
        return None
    if not (isinstance(p, int | float | np.number) and p >= 2 and p == int(p)) or not base.operands:
        return None
    p, x = int(p), base.parents[0]
    if made is norm:
        return norm_power, (x,), {**base.static, "p": p}
    if x.dtype.kind == "c":
        return norm_power, (x,), {"p": p, "axis": ()}
    return (power, (x, p), {}) if p % 2 == 0 else None  # |x|³ has no more derivatives than it shows


SMOOTHER: Mapping[Primitive, Callable[[Sequence[Any]], Call | None]] = {
    power: lambda operands: _raised(*operands),
    square: lambda operands: _raised(operands[0], 2),
    multiply: lambda operands: _raised(operands[0], 2) if operands[0] is operands[1] else None,
}
"""Per primitive, what to record instead of it for some operands, that are nodes."""
