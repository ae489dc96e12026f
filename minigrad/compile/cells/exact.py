"""Generated code on numbers of any world: the text that runs fast, without rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import primitives
from minigrad.arrays.functions import heaviside
from minigrad.arrays.numbers import apply
from minigrad.compile import numpy_runtime
from minigrad.compile.backends import Backend
from minigrad.compile.cells.kernel import Kernel
from minigrad.compile.cells.plan import Plan
from minigrad.compile.cells.source import write
from minigrad.compile.cells.statements import FUNCTIONS
from minigrad.primitives.primitive import Primitive


def exact_kernel(plan: Plan, backend: Backend, input_size: int, hidden_size: int) -> Kernel:
    """A kernel on object arrays of `minigrad.arrays.numbers.Number`, or of floats.

    The statements are those of the backend; only what they call, products and functions of one
    number, takes such arrays here.
    """
    source = write(plan, backend)
    names: dict[str, Any] = vars(numpy_runtime).copy()
    names |= {"block": _itself, "over_time": _itself, "F": _the_same}
    for name in FUNCTIONS:
        scalar = _function(name)
        names[name] = scalar if backend.loops else _into(scalar)
    exec(compile(source.body, "<minigrad.compile>", "exec"), names)
    return Kernel(plan, source, names, input_size, hidden_size)


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _the_same(number: Any) -> Any:
    return number


def _function(name: str) -> Callable[[Any], Any]:
    if name == heaviside.__name__:
        return lambda x: int(x > 0)
    primitive = getattr(primitives, name)
    assert isinstance(primitive, Primitive)
    return lambda x: apply(primitive, x)


def _into(scalar: Callable[[Any], Any]) -> Callable[[Any, np.ndarray], None]:
    def call(x: np.ndarray, out: np.ndarray) -> None:
        for index in np.ndindex(*x.shape):
            out[index] = scalar(x[index])

    return call
