"""The boundary: what callers pass as an array becomes one that the rules can compute with.

Tables and arrays of other libraries count as the numbers in them, by position: labels, masks and
units have no rule. What would be computed wrongly is refused, with the way to write it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from numbers import Number
from typing import Any, TypeVar, cast

import numpy as np

from minigrad.primitives.calls import joined, widened
from minigrad.primitives.primitive import Array

Function = TypeVar("Function", bound=Callable[..., Any])
_NUMBERS = frozenset({float, int, bool, complex})
_KINDS = "biufc"  # of dtypes: booleans, integers and floating-point numbers


def as_array(x: Any, what: str = "minigrad") -> Array:
    """An array, a number, or anything that holds numbers, as the rules take it.

    Numbers stay numbers, so that 2.0 does not widen a float32 array. Arrays of a world of their
    own (a Tensor, symbols, a finite field, dask, CuPy) stay as they are. Lists, tables (pandas,
    polars) and arrays of other libraries (PyTorch, JAX) become NumPy's; lists of Tensors
    are joined.

    Args:
        x: what was passed.
        what: who asks, for the error.

    Raises:
        TypeError: it holds no numbers, or a mask, a unit or names of dimensions that no rule knows.

    Example:
        >>> from minigrad.boundary import as_array
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> as_array([x, 3.0])
        Tensor([2. 3.], made by stack)
    """
    kind = type(x)
    if kind in _NUMBERS:
        return x
    if hasattr(x, "__primitive__"):
        return x.settled() if hasattr(x, "settled") else x
    if _is_scalar(x):
        return x
    if kind is list or kind is tuple:
        x = joined(x)
        if hasattr(x, "__primitive__"):
            return x
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{what}: got a masked array, whose mask no rule knows; fill it with .filled(value), "
            "or choose its entries with np.where"
        )
    if isinstance(x, np.matrix | np.memmap):
        x = np.asarray(x)
    elif isinstance(x, np.ndarray) and type(x) is not np.ndarray:
        raise TypeError(
            f"{what}: got {_name(x)}, expected a plain array; if only its numbers count, pass "
            "np.array(x)"
        )
    elif not isinstance(x, np.ndarray | np.generic):
        if hasattr(x, "__array_ufunc__") and hasattr(x, "__array_function__"):
            return x  # a world of its own
        if hasattr(x, "dims") and hasattr(x, "coords"):
            raise TypeError(
                f"{what}: got {_name(x)}, which is computed with by the names of its dimensions, "
                "and a Tensor by position: pass its values, x.values"
            )
        if hasattr(x, "to_numpy"):
            x = x.to_numpy()
        elif hasattr(x, "__array__") or hasattr(x, "__array_interface__"):
            x = np.asarray(x)
        elif isinstance(x, str | bytes | dict | set) or not hasattr(x, "__getitem__"):
            raise TypeError(f"{what}: got {_name(x)}, expected an array or numbers")
        else:
            x = joined(list(x))  # a range, or another sequence
    if x.dtype.kind in _KINDS:
        return x
    if x.dtype == object:
        if any(hasattr(entry, "parents") for entry in x.flat):
            return joined(x.tolist())
        numbers = np.array(x.tolist())
        if numbers.dtype.kind in _KINDS:
            return numbers
        if all(map(_is_scalar, x.flat)):
            return x  # exact ones, too large for a machine's numbers
    raise TypeError(
        f"{what}: got an array of dtype {x.dtype}, expected numbers; convert it with .astype(float)"
    )


def taking_arrays(function: Function) -> Function:
    """Decorator: parameters annotated as `Array` take all that `as_array` does.

    Small integers are widened too, so that a target of bytes can be negated.
    """
    parameters = inspect.signature(function).parameters.items()
    places: set[int | str] = set()
    for k, (name, parameter) in enumerate(parameters):
        if parameter.annotation == "Array":
            places |= {k, name}

    def taken(place: int | str, x: Any) -> Any:
        return widened([as_array(x, function.__name__)])[0] if place in places else x

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(
            *[taken(k, x) for k, x in enumerate(args)],
            **{name: taken(name, x) for name, x in kwargs.items()},
        )

    return cast("Function", call)


def _is_scalar(x: Any) -> bool:
    """Whether it is a number: also a fraction, or an expression of SymPy, of an exact world."""
    return isinstance(x, Number) or hasattr(x, "free_symbols")


def _name(x: Any) -> str:
    return f"{type(x).__module__}.{type(x).__qualname__}".removeprefix("builtins.")
