"""What calls leave behind: state that is put back, and what a second call makes of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minigrad.verify.namespace import Floats, World, is_users

MOST = 1_000_000
"""Entries up to which an array is put back: a larger one is data."""


class State:
    """What the user's objects hold that functions can reach, to put it back after a call.

    These are arrays, dicts, lists, and the attributes of objects whose class is the user's:
    in the object that a method is bound to, in closures, and in globals that the code names.

    Args:
        roots: functions or objects, by what they are called.

    Example:
        >>> from minigrad.verify.effects import State
        >>> from minigrad.verify.namespace import Floats
        >>> calls = []
        >>> def f():
        ...     calls.append(1)
        >>> with State({"f": f}).held(Floats()):
        ...     f()
        >>> calls
        []
    """

    def __init__(self, roots: Mapping[str, Any]) -> None:
        self.arrays: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._holders: list[tuple[Any, Any]] = []
        self._seen: set[int] = set()
        self._alive: list[Any] = []  # so that no id is given twice
        for name, root in roots.items():
            self._visit(root, name)

    def _visit(self, value: Any, name: str) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        self._alive.append(value)
        if isinstance(value, np.ndarray):
            if value.size <= MOST:
                self.arrays[name] = value, value.copy()
        elif isinstance(value, dict):
            self._holders.append((value, dict(value)))
            for key, part in list(value.items()):
                self._visit(part, f"{name}[{key!r}]")
        elif isinstance(value, list):
            self._holders.append((value, list(value)))
            for k, part in enumerate(list(value)):
                self._visit(part, f"{name}[{k}]")
        elif isinstance(value, tuple):
            for k, part in enumerate(value):
                self._visit(part, f"{name}[{k}]")
        elif isinstance(value, MethodType):
            self._visit(value.__self__, type(value.__self__).__name__)
            self._visit(value.__func__, name)
        elif isinstance(value, FunctionType):
            inner = inspect.unwrap(value)
            if isinstance(inner, MethodType):
                self._visit(inner, name)
            else:
                for key, part in _reached(inner):
                    self._visit(part, key)
        elif _is_object(value):
            self._holders.append((vars(value), dict(vars(value))))
            for key, part in list(vars(value).items()):
                self._visit(part, f"{name}.{key}")

    @contextmanager
    def held(self, world: World) -> Iterator[None]:
        """Arrays of floats are those of a world inside; afterwards all is as it was before."""
        if type(world) is not Floats:
            ours = {
                id(a): world.new(a.astype(world.kept(a.dtype)))
                for a, _ in self.arrays.values()
                if a.dtype.kind == "f"
            }
            for holder, before in self._holders:
                for key, value in before.items() if isinstance(before, dict) else enumerate(before):
                    if id(value) in ours:
                        holder[key] = ours[id(value)]
        try:
            yield
        finally:
            for holder, before in self._holders:
                if isinstance(holder, list):
                    holder[:] = before
                else:
                    holder.clear()
                    holder.update(before)
            for array, content in self.arrays.values():
                if array.flags.writeable:
                    array[...] = content

    def holder_of(self, value: Any) -> str:
        """What an array with these numbers was called when this was made; "" if none was."""
        return next(
            (name for name, (_, content) in self.arrays.items()
             if content.shape == np.shape(value) and np.array_equal(content, value)), "",
        )  # fmt: skip


def _reached(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function of the user's can reach: its closure, and the globals that it names."""
    if not is_users(function.__code__.co_filename):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # empty
            continue
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _is_object(value: Any) -> bool:
    """Whether something is an object of a class of the user's, with attributes."""
    if isinstance(value, type | ModuleType | BuiltinFunctionType) or not hasattr(value, "__dict__"):
        return False
    try:
        return is_users(inspect.getfile(type(value)))
    except (TypeError, OSError):
        return type(value).__module__ == "__main__"
