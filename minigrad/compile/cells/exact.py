"""Generated code over a finite field: the very text that runs fast, without rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import primitives
from minigrad.arrays.field import FieldArray
from minigrad.arrays.functions import heaviside as _sympy_heaviside
from minigrad.compile import numpy_runtime
from minigrad.compile.backends import Backend
from minigrad.compile.cells.kernel import Kernel
from minigrad.compile.cells.plan import Plan
from minigrad.compile.cells.source import write
from minigrad.compile.cells.statements import FUNCTIONS
from minigrad.primitives.primitive import Primitive

__all__ = ["exact_kernel", "to_field", "to_objects"]


def exact_kernel(plan: Plan, backend: Backend, input_size: int, hidden_size: int) -> Kernel:
    """A kernel whose arrays hold elements of the field: object arrays, see `to_objects`.

    The statements are those of the backend; only what they call, products and functions of one
    number, is exact here.
    """
    source = write(plan, backend)
    names: dict[str, Any] = vars(numpy_runtime).copy()
    names |= {"block": _itself, "over_time": _itself, "F": FieldArray}
    for name in FUNCTIONS:
        scalar = _function(name)
        names[name] = scalar if backend.loops else _into(scalar)
    exec(compile(source.body, "<minigrad.compile>", "exec"), names)
    return Kernel(plan, source, names, input_size, hidden_size)


def to_objects(array: FieldArray) -> np.ndarray:
    """An object array, each entry an element of the field on its own."""
    found = np.empty(array.shape, object)
    for index in np.ndindex(*array.shape):
        found[index] = array[index]
    return found


def to_field(objects: np.ndarray) -> FieldArray:
    """The inverse of `to_objects`."""
    entries = np.empty(objects.shape, object)
    for index in np.ndindex(*objects.shape):
        value = objects[index]
        entries[index] = value.item() if isinstance(value, FieldArray) else value
    return FieldArray(entries)


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _function(name: str) -> Callable[[Any], Any]:
    if name == _sympy_heaviside.__name__:
        return FieldArray.positive
    primitive = getattr(primitives, name)
    assert isinstance(primitive, Primitive)
    return primitive


def _into(scalar: Callable[[Any], Any]) -> Callable[[Any, np.ndarray], None]:
    def call(x: np.ndarray, out: np.ndarray) -> None:
        for index in np.ndindex(*x.shape):
            out[index] = scalar(x[index])

    return call
