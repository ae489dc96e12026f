"""Assignment as a function: the array that is left when a part of it has been replaced."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array, Primitive, linear, sample


def _updated(x: Array, value: Array, *, index: Any) -> Array:
    whole = np.array(x)
    whole[index] = value
    return whole


def _last(index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Per entry of ``value``, whether it is the one that stays: of a repeated index the last."""
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    order = np.arange(places.size)
    newest = np.zeros(np.prod(shape, dtype=int), int)
    newest[places.ravel()] = order
    return (newest[places.ravel()] == order).reshape(places.shape)


def _of_value(g: Array, x: Array, value: Array, *, index: Any) -> Array:
    part, last = g[index], _last(index, x.shape)
    return part if last.all() else part * last


updated: Primitive = linear(
    "updated", _updated, label="[ ] ←",
    adjoints=(lambda g, x, value, *, index: updated(g, np.zeros((), int), index=index), _of_value),
    samples=(sample((3, 2), (3,), index=(slice(None), 0)),
             sample((3, 2), (2, 2), index=np.array([2, 0])),
             sample((3,), (3,), index=np.array([1, 1, 0])),
             sample((2, 2), (), index=np.array([[True, False], [False, True]]))),
    doc="""``x`` with ``value`` at ``index``: what is left of it after ``x[index] = value``.

    Example:
        >>> print(mg.updated(np.zeros(3), np.array([1.0, 2.0]), index=slice(1, None)))
        [0. 1. 2.]
        >>> print(mg.grad(lambda x: (mg.updated(x, 5.0, index=0) ** 2).sum())(np.ones(3)))
        [0. 2. 2.]
    """,
)  # fmt: skip
