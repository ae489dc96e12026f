"""A forward and a backward pass as the user gave them, and the arrays in their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.targets.inputs import NO_ROLES, Roles


class MisfitError(ValueError):
    """Forward, backward and example do not fit together; the message is one line."""


@dataclass(frozen=True)
class Leaf:
    """An array among the arguments.

    Attributes:
        name: what reports call it.
        path: the argument's number, then keys and positions inside it.
        value: the example.
        scalar: whether it is a Python number and no array.
    """

    name: str
    path: tuple[Any, ...]
    value: np.ndarray
    scalar: bool = False


@dataclass(frozen=True)
class Pair:
    """Forward and backward as the user gave them, and the example.

    Attributes:
        name: what reports call it.
        forward: (*inputs) → the outputs, with what it saves for backward or without.
        backward: the gradients.
        inputs: the example: arrays, numbers, containers of them, or shapes of random arrays.
        saves: whether forward returns (outputs, saved); found out if ``None``.
        names: of the inputs; forward's own if not given.
        roles: which inputs are differentiated, and which are positive.
        seed: of random arrays.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    saves: bool | None = None
    names: tuple[str, ...] = ()
    roles: Roles = NO_ROLES
    seed: int = 0


def is_shape(x: Any) -> bool:
    """Whether it is a tuple of whole numbers."""
    return isinstance(x, tuple) and all(type(n) is int for n in x)


def drawn(shape: tuple[int, ...], rng: np.random.Generator, *, positive: bool) -> np.ndarray:
    """Random numbers; positive ones where they have to be."""
    x = np.asarray(rng.normal(size=shape))
    return np.exp(x) if positive else x


def listed(x: Any) -> Any:
    """A list of numbers as an array; anything else as it is."""
    if isinstance(x, list) and x:
        try:
            array = np.array(x)
        except ValueError:
            return x
        if array.dtype.kind in "fiub" and not any(isinstance(v, np.ndarray) for v in x):
            return array
    return x


def leaves_of(value: Any, name: str, path: tuple[Any, ...]) -> Iterator[Leaf]:
    """The arrays in an argument, with names that say where they are."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "fiub":
            yield Leaf(name, path, value)
    elif isinstance(value, float | np.floating):
        yield Leaf(name, path, np.asarray(float(value)), scalar=True)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from leaves_of(part, f"{name}[{key!r}]", (*path, key))
    elif isinstance(value, list | tuple):
        for k, part in enumerate(value):
            yield from leaves_of(part, f"{name}[{k}]", (*path, k))


def get(arguments: Any, path: Sequence[Any]) -> Any:
    """What is at a path inside of containers."""
    for key in path:
        arguments = arguments[key]
    return arguments


def put(arguments: list[Any], path: Sequence[Any], value: Any) -> None:
    """Put something at a path; tuples on the way are made anew."""
    *outer, last = path
    place = get(arguments, outer)
    if isinstance(place, tuple):  # which cannot be changed: a new one takes its place
        parts = list(place)
        parts[last] = value
        made = type(place)(*parts) if hasattr(place, "_fields") else tuple(parts)
        put(arguments, outer, made)
    else:
        place[last] = value


def copied(arguments: Any) -> Any:
    """A copy of arrays and containers; other objects are the same."""
    return _changed(arguments, np.ndarray.copy)


def as_floats(arguments: Any, dtype: Any) -> Any:
    """The same with arrays of real floats as such of another type."""
    return _changed(arguments, lambda x: x.astype(dtype, copy=False) if x.dtype.kind == "f" else x)


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Containers made anew, with other arrays."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, Mapping):
        return type(value)({k: _changed(v, change) for k, v in value.items()})  # type: ignore[call-arg]
    if isinstance(value, list | tuple):
        parts = [_changed(v, change) for v in value]
        if isinstance(value, list):
            return parts
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def names_of(pair: Pair) -> tuple[str, ...]:
    """The inputs' names: those given, or forward's own."""
    count = len(pair.inputs)
    names = list(pair.names or required(pair.forward, optional=True) or ())
    return (*names[:count], *(f"x{k}" for k in range(len(names), count)))


def required(function: Any, *, optional: bool = False) -> list[str] | None:
    """Names of the arguments that can be given by position; ``None`` if any number may."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        p.name for p in parameters if p.kind in positional and (optional or p.default is p.empty)
    ]


def same(a: Any, b: Any) -> bool:
    """Whether two results are equal, NaN to NaN."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic | float) and isinstance(
        b, np.ndarray | np.generic | float
    ):
        x, y = np.asarray(a), np.asarray(b)
        return np.array_equal(x, y, equal_nan=x.dtype.kind == "f" and y.dtype.kind == "f")
    return True  # other objects: not compared
