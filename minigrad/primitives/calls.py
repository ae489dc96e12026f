"""How a call of a NumPy function on a Tensor reaches what answers to it.

A function of NumPy is answered by a primitive, by a composition of some, by itself where its
result has no derivative (`Constant`), or by the reason why it cannot be answered (`Refused`).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

import numpy as np

from minigrad.primitives.signatures import parameters_of

Array = Any


@dataclass(frozen=True)
class Constant:
    """Answers with NumPy's own function, on plain arrays: the result has no derivative.

    Flags, positions, counts and shapes change in jumps or not at all, so their derivative is 0.

    Attributes:
        function: NumPy's function.
        of_shape: whether only shapes and dtypes count, so that any world has it.
    """

    function: Callable[..., Any]
    of_shape: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*constant(args), **constant(kwargs))


@dataclass(frozen=True)
class Refused:
    """Answers with the reason why a function of NumPy has no answer, and what to do instead."""

    function: Callable[..., Any]
    reason: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{path_of(self.function)} on a Tensor: {self.reason}")


def constant(x: Any) -> Any:
    """The array itself, without the record of how it was made, also in lists, tuples and dicts.

    For what has no derivative: a shift that cancels, a sign, the order of the entries.

    Example:
        >>> from minigrad.primitives.calls import constant
        >>> type(constant(mg.Tensor([1.0], requires_grad=True)) * 2.0).__name__
        'ndarray'
    """
    if isinstance(x, tuple | list):
        return type(x)(map(constant, x)) if type(x) in (tuple, list) else x
    if isinstance(x, dict):
        return {key: constant(item) for key, item in x.items()}
    return x.numpy() if hasattr(x, "parents") else x


def fixed(x: Any, name: str, what: str) -> Any:
    """An argument for which there is no derivative rule, as a plain array.

    Raises:
        TypeError: it is a Tensor that requires a gradient, which would be lost.
    """
    if getattr(x, "requires_grad", False) or (
        isinstance(x, tuple | list) and any(getattr(part, "requires_grad", False) for part in x)
    ):
        raise TypeError(f"{name}: no derivative rule for {what}: pass {what}.detach() to make it "
                        "a constant")  # fmt: skip
    return constant(x)


def path_of(function: Callable[..., Any]) -> str:
    """The name under which people know a function of NumPy, such as ``numpy.linalg.inv``."""
    name = getattr(function, "__name__", str(function))
    if isinstance(function, np.ufunc):
        homes = {"numpy": np, "scipy.special": sys.modules.get("scipy.special")}
        known = [home for home, module in homes.items() if getattr(module, name, None) is function]
        return f"{known[0]}.{name}" if known else f"the ufunc {name}"
    return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"


def refuse_out(function: Callable[..., Any], out: Any) -> None:
    """Refuse to write into an array that the caller gives.

    Raises:
        TypeError: there is one.
    """
    given = out if isinstance(out, tuple) else (out,)
    if any(array is not None for array in given):
        raise TypeError(
            f"{path_of(function)}: got a Tensor to write into an array, as out= and a += b do, "
            "where no gradient is recorded. Write a = a + b, or make a with minigrad.zeros or "
            "np.zeros_like(x); join a list of Tensors with np.stack"
        )


def answering(function: Callable[..., Any], composition: Callable[..., Any]) -> Callable[..., Any]:
    """The composition as an answer to a NumPy function, called with that function's arguments.

    Arguments that NumPy's signature requires are passed by position, the others by name. What
    the composition does not take may have its default only.
    """
    if isinstance(function, np.ufunc) or isinstance(composition, Constant | Refused):
        return composition
    adapted: Callable[..., Any] | None = None

    @wraps(composition)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal adapted  # made at the first call: to read all signatures would slow the import
        if adapted is None:
            adapted = _adapted(function, composition)
        return adapted(*args, **kwargs)

    return call


def _adapted(function: Callable[..., Any], composition: Callable[..., Any]) -> Callable[..., Any]:
    known = inspect.signature(composition).parameters
    wanted = parameters_of(function) or known
    if any(p.kind is p.VAR_POSITIONAL for p in wanted.values()):

        def unpacked(*args: Any, **kwargs: Any) -> Any:
            refuse_out(function, kwargs.pop("out", None))
            return composition(*args, **_without_defaults(function, wanted, known, kwargs))

        return unpacked
    names = [n for n, p in wanted.items() if p.kind is not p.VAR_KEYWORD]
    required = [n for n in names if wanted[n].default is inspect.Parameter.empty]
    first = list(known)[: len(required)]

    def call(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False))
        given.update(kwargs)
        by_name = {here: given.pop(theirs) for here, theirs in zip(first, required, strict=True)}
        if given:
            refuse_out(function, given.pop("out", None))
            by_name.update(_without_defaults(function, wanted, known, given))
        by_position = [by_name.pop(name) for name in first]
        return composition(*by_position, **by_name)

    return call


def joining(composition: Callable[..., Any]) -> Callable[..., Any]:
    """The composition, which also takes lists in the place of parameters annotated as `Array`."""
    annotations = getattr(composition, "__annotations__", {})
    if not any(kind in _ARRAYS for kind in annotations.values()):
        return composition

    @wraps(composition)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, list | tuple) for x in args):
            taken = _positions(composition)
            args = tuple(joined(x) if k in taken else x for k, x in enumerate(args))
        for name, x in kwargs.items():
            if isinstance(x, list | tuple) and annotations.get(name) in _ARRAYS:
                kwargs[name] = joined(x)
        return composition(*args, **kwargs)

    return call


_ARRAYS = ("Array", "Array | None")
"""Annotations of parameters that take lists too."""


@cache
def _positions(composition: Callable[..., Any]) -> frozenset[int]:
    """The positions of parameters that are annotated as an `Array`, but for ``*args``."""
    return frozenset(
        k for k, p in enumerate(inspect.signature(composition).parameters.values())
        if p.annotation in _ARRAYS and p.kind is p.POSITIONAL_OR_KEYWORD
    )  # fmt: skip


def joined(x: Any) -> Array:
    """A nested list of numbers and Tensors as one array; anything else as it is.

    Example:
        >>> from minigrad.primitives.calls import joined
        >>> print(mg.grad(lambda x: joined([[x, 1.0], [2.0, x * x]]).sum())(3.0))
        7.0
    """
    if not isinstance(x, list | tuple):
        return x
    parts = [joined(part) for part in x]
    if any(hasattr(part, "__primitive__") for part in parts):
        return np.stack([part if hasattr(part, "ndim") else np.asarray(part) for part in parts])
    return np.asarray(x)


def widened(arrays: Any) -> Any:
    """Small integers among integers as int64, so that 250 + 10 is 260, and no byte wraps around."""
    for x in arrays:
        dtype = getattr(x, "dtype", None)
        if type(x) is not int and (dtype is None or dtype.kind not in "biu"):
            return arrays  # most often at the first
    return [
        x.astype(np.int64, copy=False) if type(x) is not int and x.dtype.kind in "iu" else x
        for x in arrays
    ]


def _without_defaults(
    function: Callable[..., Any],
    wanted: Mapping[str, inspect.Parameter],
    known: Mapping[str, inspect.Parameter],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """The keywords that the composition takes; the others have NumPy's default.

    Raises:
        TypeError: one has another value.
    """
    kept = {}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
    for name, value in given.items():
        default = wanted[name].default if name in wanted else None
        if value is default or (isinstance(value, bool | int | str) and value == default):
            continue
        if name in known or open_ended:
            kept[name] = value
        else:
            takes = ", ".join(n for n in known if n in wanted) or "no keyword"
            raise TypeError(
                f"{path_of(function)}({name}=…) on a Tensor: got {name}={value!r}, for which "
                f"there is no derivative rule; it takes {takes}"
            )
    return kept


def is_exact(x: Any) -> bool:
    """Whether an array holds exact scalars: symbols, or elements of a finite field."""
    return hasattr(x, "dtype") and x.dtype == object


def plain_dtype(g: Array) -> np.dtype:
    """The dtype of constants next to ``g``: integers in a world of exact scalars."""
    return np.dtype(int) if g.dtype == object else g.dtype
