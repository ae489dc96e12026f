"""What the signatures of functions say: how many arrays a rule takes, and which keywords."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

Function = Callable[..., Any]


def keywords_of(rule: Function) -> tuple[str, ...]:
    """Names of the keywords that a rule takes; a ufunc's own are none of them."""
    if isinstance(rule, np.ufunc):
        return ()
    return tuple(p.name for p in parameters_of(rule).values() if p.kind is p.KEYWORD_ONLY)


def takes(rule: Function, name: str, *allowed: int) -> int:
    """The number of arrays that a rule has to be given: one of those allowed.

    Raises:
        TypeError: it is another.
    """
    count = required(rule)
    if count is not None and count not in allowed:
        raise TypeError(
            f"{name}: got a rule that takes {count} arrays, expected "
            f"{' or '.join(map(str, dict.fromkeys(allowed)))}"
        )
    return max(allowed) if count is None else count


def required(rule: Function) -> int | None:
    """The number of arrays that a function has to be given; ``None`` where it takes any."""
    if isinstance(rule, np.ufunc):
        return rule.nin
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    parameters = [p for p in parameters_of(rule).values() if p.kind not in by_name]
    if not parameters or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.default is p.empty for p in parameters)


def parameters_of(function: Function) -> Mapping[str, inspect.Parameter]:
    """By name; none of a function in C that does not tell, as those of NumPy before 2.4."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return MappingProxyType({})


@cache
def signature(function: Function) -> inspect.Signature:
    """Of a NumPy function, with the names that its arguments have today."""
    try:
        found = inspect.signature(function)
    except ValueError:  # before NumPy 2.4 functions written in C did not tell
        return inspect.signature(_IN_C[function.__name__])
    return found.replace(parameters=[
        p.replace(name="shape") if p.name == "newshape" and "shape" not in found.parameters else p
        for p in found.parameters.values()  # np.reshape before NumPy 2.1
    ])  # fmt: skip


_IN_C: Mapping[str, Function] = MappingProxyType({
    "concatenate": lambda arrays, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "where": lambda condition, x, y: None,
})  # fmt: skip
