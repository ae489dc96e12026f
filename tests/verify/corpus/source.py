"""Functions of changed source, whose source is at hand like that of any other."""

from __future__ import annotations

import inspect
import itertools
import linecache
import textwrap
from collections.abc import Callable
from typing import Any

_count = itertools.count().__next__


def source_of(function: Callable[..., Any]) -> str:
    """The text of a function, flush left."""
    return textwrap.dedent(inspect.getsource(function))


def function_of(text: str, like: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a text defines, in the module of another."""
    name = f"<variant {_count()} of {like.__module__}.{like.__name__}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = dict(like.__globals__)
    exec(compile(text, name, "exec"), space)
    made: Callable[..., Any] = space[like.__name__]
    return made


def with_slip(function: Callable[..., Any], right: str, wrong: str) -> Callable[..., Any]:
    """The function with one snippet of its source in another form.

    Raises:
        ValueError: the snippet is not there exactly once.
    """
    text = source_of(function)
    if text.count(right) != 1:
        raise ValueError(f"{function.__name__} has {right!r} {text.count(right)} times")
    return function_of(text.replace(right, wrong), function)
