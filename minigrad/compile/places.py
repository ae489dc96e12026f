"""Where a function finds what it sees: items, attributes, closure cells, context variables."""

from __future__ import annotations

import types
from array import array
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.primitives import Primitive

ATOMS = (
    type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype, np.ufunc, type,
    types.BuiltinFunctionType, types.EllipsisType, slice, range, frozenset, Primitive,
)  # fmt: skip
"""What cannot change."""
CONTAINERS = (list, dict, set, deque, bytearray, array)
MISSING = object()
"""What is at a place where nothing is."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where something is kept: an item of a dict, list or deque, or a closure's cell.

    Attributes:
        holder: the dict (also of an object's attributes, or of globals), list, or cell.
        key: of the item; ``None`` for a cell.
        name: what the user's code calls it.
    """

    holder: Any
    key: Any
    name: str

    @property
    def in_dict(self) -> bool:
        """Whether it is an item of a dict, and nothing else."""
        return type(self) is Place and self.key is not None and isinstance(self.holder, dict)

    def get(self) -> Any:
        """What is there now."""
        if self.key is None:
            try:
                return self.holder.cell_contents
            except ValueError:  # not assigned yet
                return MISSING
        try:
            return self.holder[self.key]
        except (KeyError, IndexError):
            return MISSING

    def set(self, value: Any) -> None:
        """Put something else there."""
        if self.key is None:
            self.holder.cell_contents = value
        elif value is MISSING:
            self.holder.pop(self.key, None)
        else:
            self.holder[self.key] = value


class Attribute(Place):
    """An attribute of a class, or of an object without a ``__dict__``."""

    def get(self) -> Any:
        """What is there now."""
        if isinstance(self.holder, type):
            return vars(self.holder).get(self.key, MISSING)
        return getattr(self.holder, self.key, MISSING)

    def set(self, value: Any) -> None:
        """Put something else there."""
        if value is not MISSING:
            setattr(self.holder, self.key, value)
        elif self.get() is not MISSING:
            delattr(self.holder, self.key)


class Current(Place):
    """The value of a context variable, the holder."""

    def get(self) -> Any:
        """What is there now."""
        variable: ContextVar[Any] = self.holder
        return variable.get(MISSING)

    def set(self, value: Any) -> None:
        """Put something else there."""
        if value is not MISSING:
            self.holder.set(value)


class Setting(Place):
    """What the process is set to: the holder says so, nobody puts it back."""

    def get(self) -> Any:
        """What it is set to now."""
        return self.holder()

    def set(self, value: Any) -> None:
        """Nothing: who changes it while a function is traced is told."""


def differs(holder: Any, copy: Any) -> bool:
    """Whether a container has changed; the items of a list or dict have places of their own."""
    if isinstance(holder, list | dict | deque) or len(holder) != len(copy):
        return len(holder) != len(copy)
    if isinstance(holder, set):  # the order counts for who goes through it
        holder = list(holder)
    return bool(holder != copy)


def put_back(holder: Any, copy: Any) -> None:
    """Let a container hold what it held when it was copied."""
    if isinstance(holder, bytearray | array):
        holder[:] = copy
        return
    holder.clear()
    (holder.extend if isinstance(holder, list | deque) else holder.update)(copy)


def equal(now: Any, before: Any) -> bool:
    """Whether two things are of one type and value, in one order: of numbers, strings, containers.

    The sign of a zero counts, as does the order of a dict or set for whoever goes through it.
    """
    if now is before:
        return True
    if type(now) is not type(before):
        return False
    if isinstance(before, dict):
        return equal(list(now.items()), list(before.items()))
    if isinstance(before, set | frozenset):
        return equal(list(now), list(before))
    if isinstance(before, list | tuple):
        return len(now) == len(before) and all(map(equal, now, before))
    if isinstance(before, float | complex | np.inexact):
        return repr(now) == repr(before)  # tells -0 from 0, and a NaN is what it was
    return isinstance(before, ATOMS) and bool(now == before)
