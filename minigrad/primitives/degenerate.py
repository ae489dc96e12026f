"""Where vectors of a decomposition are not determined: equal values, and complex phases.

What does not depend on the choice has its derivative; what does is refused.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from minigrad.primitives.arithmetic import quotient
from minigrad.primitives.calls import constant
from minigrad.primitives.checks import every
from minigrad.primitives.indexing import where
from minigrad.primitives.primitive import Array


def over_gap(part: Array, gap: Array, values: Array, why: str) -> Array:
    """The quotient of what turns vectors by the gap between their values.

    Where the gap is closed, to the rounding of the largest value, the vectors can be turned
    freely. What does not depend on that has 0 there, and 0 over 0 is 0.

    Args:
        part: (..., m, k), how the gradient turns the vectors.
        gap: (..., m, k) or (..., 1, k).
        values: (..., k), all eigenvalues or singular values.
        why: what a closed gap means.

    Raises:
        numpy.linalg.LinAlgError: the gap is closed, and the gradient turns the vectors.
    """
    gaps, parts = constant(gap), constant(part)
    if gaps.dtype != object and gaps.size:
        eps = np.finfo(gaps.dtype).eps
        rounding = values.shape[-1] * eps * np.max(np.abs(constant(values)), axis=-1)
        closed = np.abs(gaps) <= rounding[..., None, None]
        turning = np.abs(parts) > eps**0.5 * np.max(np.abs(parts), initial=1)
        every(~(turning & closed), lambda: np.linalg.LinAlgError(
            f"{why}, so that its vectors have no derivative, and the result depends on them: "
            "let it depend on the values alone, or on the space that the vectors span"
        ))  # fmt: skip
        gap = where(closed, 0, gap)
    return quotient(part, gap)


def check_rank(name: str, r: Array, shape: tuple[int, ...]) -> None:
    """Refuse columns that depend on each other, to rounding: R then has a 0 on its diagonal.

    Raises:
        numpy.linalg.LinAlgError: it has one.
    """
    lengths = constant(np.diagonal(r, axis1=-2, axis2=-1))
    if lengths.dtype == object or not lengths.size:
        return
    sizes = np.abs(lengths)
    rounding = shape[-2] * np.finfo(lengths.dtype).eps * np.max(sizes, axis=-1, keepdims=True)
    every(~(sizes <= rounding), lambda: np.linalg.LinAlgError(
        f"{name}: columns of the matrix, shape {shape}, depend on each other: Q and R have no "
        "derivative there"
    ))  # fmt: skip


def check_phases(name: str, *turned: Array) -> None:
    """Refuse a gradient that turns the phase of complex vectors, which LAPACK is free to choose.

    Args:
        name: of the decomposition.
        turned: (..., k, k) of each factor, Vᴴ gV; together they may not turn a phase.

    Raises:
        numpy.linalg.LinAlgError: they do.
    """
    if not np.iscomplexobj(turned[0]):
        return
    together = sum(np.imag(np.diagonal(constant(x), axis1=-2, axis2=-1)) for x in turned)
    most = reduce(np.maximum, (np.max(np.abs(constant(x)), initial=1) for x in turned))
    eps = np.finfo(constant(turned[0]).dtype).eps
    every(~(np.abs(together) > eps**0.5 * most), lambda: np.linalg.LinAlgError(
        f"{name}: the result depends on the phases of complex vectors, which are not "
        "determined: let it depend on absolute values, or on products with conjugates"
    ))  # fmt: skip


def with_phases(inner: Array, turned: Array, s: Array) -> Array:
    """What is added where both factors of a complex matrix are turned by one phase."""
    if not np.iscomplexobj(turned):
        return inner
    phases = quotient(np.imag(np.diagonal(turned, axis1=-2, axis2=-1)), s)
    return inner + 1j * np.expand_dims(phases, -1) * np.eye(s.shape[-1], dtype=s.dtype)
