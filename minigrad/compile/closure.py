"""What a function sees beside its arguments: the arrays to be inputs, and what must not change.

Names in closures and globals, attributes and items are followed from the function's own code, as
far as that code mentions them; the state of modules and optimisers is followed whole. Tensors,
large arrays, the float arrays of modules, and generators of random numbers become inputs of the
compiled function, read anew in every call. The rest is taken for constant, and looked at again
in every call: when it has changed, the function is traced again.
"""

from __future__ import annotations

import copy
import decimal
import dis
import functools
import gc
import operator
import os
import re
import sys
import types
import weakref
from array import array
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.compile.places import (
    ATOMS,
    CONTAINERS,
    MISSING,
    Attribute,
    Current,
    Place,
    Setting,
    differs,
    equal,
    put_back,
)
from minigrad.guard import stamp
from minigrad.nn.module import Module
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor

_LARGE = 2**16  # bytes of an array, from which it is an input and not compared in every call
_MANY = 10_000  # things to follow
_KEPT = (*ATOMS, np.ndarray, *CONTAINERS, tuple)
_LIBRARIES = frozenset({"minigrad", "numpy", "scipy", "sympy", *sys.stdlib_module_names})
_WRAPPERS = (UserDict, UserList, ChainMap)  # containers that hold others in an attribute
_BY_NAME = frozenset({"getattr", "vars", "__dict__", "__getattribute__"})
_DUNDER = re.compile(r"__(?!init|new|repr|str|del|class|subclass)\w+__")  # that Python calls itself


_FORMATTING = {code for name, code in dis.opmap.items() if name.startswith("FORMAT_")}
_SETTINGS: tuple[tuple[frozenset[str], str, Callable[[], str]], ...] = (
    (frozenset({"decimal", "Decimal"}), "decimal's context",
     lambda: str(decimal.getcontext()).partition(", flags")[0]),
    (frozenset({"str", "repr", "format", "array2string", "array_repr", "array_str"}),
     "NumPy's print options", lambda: str(np.get_printoptions())),
)  # fmt: skip
"""What code depends on that mentions one of these names."""


@dataclass
class Closure:
    """What a function sees.

    Attributes:
        tensors: every Tensor, with a name for it.
        modules: every module.
        arrays: the places of arrays that are inputs.
        generators: the places of generators of random numbers.
        numbers: the places of Python numbers that change from call to call: those that a module or
            optimiser says are ``changing``.
        same: places, and what must be there.
        stamps: arrays that count as constant, and their checksums.
        copies: containers and namespaces, and copies of them.
        orders: dicts that can be gone through, and their keys.
        iterators: the places of what gives one thing after the other.
        kinds: where functions that ask for types look `type` up.
    """

    tensors: dict[Tensor, str] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    arrays: list[Place] = field(default_factory=list)
    generators: list[Place] = field(default_factory=list)
    numbers: list[Place] = field(default_factory=list)
    same: list[tuple[Place, Any]] = field(default_factory=list)
    stamps: list[tuple[np.ndarray, int, str]] = field(default_factory=list)
    copies: list[tuple[Any, Any, str]] = field(default_factory=list)
    orders: list[tuple[dict[Any, Any], list[Any], str]] = field(default_factory=list)
    iterators: list[Place] = field(default_factory=list)
    kinds: list[Place] = field(default_factory=list)

    def changed(self) -> str | None:
        """The name of something that is not what it was; ``None`` if all is.

        Each call asks for this, so most of it is one look into a dict.
        """
        for get, key, before, name in self._items:
            now = get(key, MISSING)
            if now is not before and not equal(now, before):
                return name
        for place, before in self._others:
            now = place.get()
            if now is not before and not equal(now, before):
                return place.name
        for holder, before, name in self.copies:
            if differs(holder, before):
                return name
        for mapping, keys, name in self.orders:
            if list(mapping) != keys:
                return name
        for constant, before, name in self.stamps:
            if stamp(constant) != before:
                return name
        return None

    @functools.cached_property
    def _items(self) -> list[tuple[Callable[..., Any], Any, Any, str]]:
        return [(place.holder.get, place.key, before, place.name) for place, before in self.same
                if place.in_dict]  # fmt: skip

    @functools.cached_property
    def _others(self) -> list[tuple[Place, Any]]:
        return [(place, before) for place, before in self.same if not place.in_dict]

    def add_constant(self, array: np.ndarray) -> None:
        """Look at an array in every call, wherever it is kept."""
        if all(array is not known for known, _, _ in self.stamps):
            self.stamps.append((array, stamp(array), "an array that it did not get as an argument"))

    def restore(self) -> None:
        """Put everything back that a run has changed, as far as it can be."""
        for holder, before, _ in self.copies:
            if differs(holder, before):
                put_back(holder, before)
        for place, before in self.same:
            if place.get() is not before:
                place.set(before)


def closure_of(function: Callable[..., Any], *others: Any) -> Closure:
    """Follow what a function, and further objects such as its modules, can see.

    Raises:
        ValueError: there is too much of it.
    """
    return _Search().run(function, others)


class _Search:
    def __init__(self) -> None:
        self.found = Closure()
        self.names: set[str] = set()
        self.seen: dict[int, Any] = {}  # also keeps what was seen alive, so that ids stay theirs
        self.everything = False  # whether names of attributes are made while the code runs
        self.objects: list[tuple[Any, str]] = []
        self.followed: set[tuple[int, str]] = set()

    def run(self, function: Callable[..., Any], others: tuple[Any, ...]) -> Closure:
        self.visit(function, None, getattr(function, "__name__", type(function).__name__))
        for k, other in enumerate(others):
            self.visit(other, None, getattr(other, "name", "") or f"argument {k}")
        if self.names & {"environ", "getenv"}:
            self.visit(vars(os.environ)["_data"], None, "os.environ")
        for words, title, read in _SETTINGS:
            if self.names & words:
                self.found.same.append((Setting(read, None, title), read()))
        before = -1
        while before != len(self.followed):  # a new function may name further attributes
            before = len(self.followed)
            for owner, name in list(self.objects):
                self._attributes(owner, name)
        return self.found

    def visit(self, value: Any, place: Place | None, name: str, *, state: bool = False) -> None:
        """Note a value and follow it; ``state`` says that it belongs to a module or optimiser."""
        if isinstance(value, np.ndarray):
            return self._array(value, place, name, state=state)
        if isinstance(value, np.random.Generator) and place is not None:
            return self.found.generators.append(place)
        if hasattr(type(value), "__next__") and is_library(type(value).__module__):
            return self._iterator(place, name)
        if place is not None:
            self.found.same.append((place, value))
        if isinstance(value, ATOMS) and not isinstance(value, type):
            return None
        if id(value) in self.seen:
            return None
        self.seen[id(value)] = value
        if len(self.seen) > _MANY:
            raise ValueError(
                f"jit: the function sees more than {_MANY} things ({name} is one of them); pass "
                "what it needs as arguments"
            )
        if isinstance(value, Tensor):
            self.found.tensors[value] = name
        elif isinstance(value, Module):
            self._module(value, name)
        elif isinstance(value, Optimizer):
            self._optimizer(value, name)
        elif isinstance(value, types.FunctionType):
            self._function(value, name)
        elif isinstance(value, types.MethodType):
            owner = value.__self__
            self.visit(owner, None, name.rpartition(".")[0] or type(owner).__name__)
            self.visit(value.__func__, None, name)
        elif isinstance(value, functools.partial):
            for k, part in enumerate((value.func, value.args, value.keywords)):
                self.visit(part, None, f"{name}.{('func', 'args', 'keywords')[k]}")
        elif isinstance(value, tuple):
            for k, part in enumerate(value):
                self.visit(part, None, f"{name}[{k}]", state=state)
        elif isinstance(value, ContextVar):
            self.visit(value.get(MISSING), Current(value, None, value.name), value.name)
        elif isinstance(value, set | bytearray | array):
            kept = list(value) if isinstance(value, set) else copy.copy(value)
            self.found.copies.append((value, kept, name))
            for part in value if isinstance(value, set) else ():
                self.visit(part, None, f"an element of {name}")
        elif isinstance(value, list | deque):
            self.found.copies.append((value, value.copy(), name))
            for k, part in enumerate(value):
                self.visit(part, Place(value, k, f"{name}[{k}]"), f"{name}[{k}]", state=state)
        elif isinstance(value, dict):
            self.found.copies.append((value, value.copy(), name))
            self.found.orders.append((value, list(value), name))
            for key, part in list(value.items()):
                self.visit(part, Place(value, key, f"{name}[{key!r}]"), f"{name}[{key!r}]",
                           state=state)  # fmt: skip
        elif isinstance(value, _WRAPPERS):
            self.visit(vars(value), None, name)
        elif isinstance(value, types.MappingProxyType):
            self.visit(gc.get_referents(value)[0], None, name)
        elif isinstance(value, weakref.ref):
            self.visit(value(), None, name)
        elif isinstance(value, operator.attrgetter):
            self.names.update(part for path in value.__reduce__()[1] for part in path.split("."))
        elif "__wrapped__" in _attributes(value):
            self.visit(value.__wrapped__, None, name)
            self.objects.append((value, name))
        else:
            self.objects.append((value, name))
            ours = type(value).__module__.startswith("minigrad.")  # a schedule, say
            if not state and ours and hasattr(value, "__dict__"):
                self.found.copies.append((vars(value), vars(value).copy(), name))
                for key, part in list(vars(value).items()):
                    self.visit(part, Place(vars(value), key, f"{name}.{key}"), f"{name}.{key}")
            for key, member in _members(type(value)):
                if _DUNDER.fullmatch(key):
                    self._member(member, f"{name}.{key}")
        return None

    def _iterator(self, place: Place | None, name: str) -> None:
        if place is None:
            raise ValueError(
                f"jit: the function sees an iterator, {name}, which would be gone through only "
                "while it is traced; pass what it gives as an argument"
            )
        self.found.iterators.append(place)

    def _array(self, value: np.ndarray, place: Place | None, name: str, *, state: bool) -> None:
        is_input = value.nbytes >= _LARGE or (state and value.dtype.kind in "fc")
        if place is not None and is_input:
            self.found.arrays.append(place)
            return
        if place is not None:
            self.found.same.append((place, value))
        if value.flags.writeable or value.base is not None:
            self.found.stamps.append((value, stamp(value), name))

    def _function(self, function: types.FunctionType, name: str) -> None:
        if is_library(function.__module__):
            return
        self.found.copies.append((vars(function), vars(function).copy(), name))
        self.objects.append((function, name))
        if "type" not in function.__globals__:
            self.found.kinds.append(Place(function.__globals__, "type", "type"))
        for code in _codes(function.__code__):
            if not _FORMATTING.isdisjoint(code.co_code[::2]):
                self.names.add("format")
            self.everything |= not _BY_NAME.isdisjoint(code.co_names)
            self.names.update(code.co_names)
            self.names.update(c for c in code.co_consts if isinstance(c, str))  # for getattr
            for key in code.co_names:
                if key in function.__globals__:
                    place = Place(function.__globals__, key, key)
                    self.visit(place.get(), place, key)
        cells = function.__closure__ or ()
        for key, cell in zip(function.__code__.co_freevars, cells, strict=True):
            place = Place(cell, None, key)
            self.visit(place.get(), place, key)
        self.visit(function.__defaults__, None, f"{name}'s defaults")
        self.visit(function.__kwdefaults__, None, f"{name}'s defaults")
        if hasattr(function, "__wrapped__"):
            self.visit(function.__wrapped__, None, name)

    def _module(self, module: Module, name: str) -> None:
        self.found.modules.append(module)
        self.found.copies.append((vars(module), vars(module).copy(), name))
        for key, value in vars(module).items():
            place = Place(vars(module), key, f"{name}.{key}")
            if key not in module.changing:
                self.visit(value, place, place.name, state=True)
            elif isinstance(value, np.ndarray | np.generic):
                self.found.arrays.append(place)
            else:
                self.found.numbers += _numbers(value, place)
        self._methods(type(module), name)
        self.objects.append((module, name))

    def _optimizer(self, optimizer: Optimizer, name: str) -> None:
        self._methods(type(optimizer), name)
        changing = optimizer.changing
        for key, value in vars(optimizer).items():
            place = Place(vars(optimizer), key, f"{name}.{key}")
            if key in changing:
                self.found.numbers += _numbers(value, place)
            else:
                self.visit(value, place, place.name, state=True)

    def _methods(self, owner: type, name: str) -> None:
        """Every method of a class of the user's own."""
        for key, value in _members(owner):
            self._member(value, f"{name}.{key}")

    def _member(self, value: Any, name: str) -> None:
        for function in (value, *(getattr(value, part, None) for part in ("fget", "__func__"))):
            if isinstance(function, types.FunctionType):
                self.visit(function, None, name)
        if hasattr(type(value), "__get__") and not is_library(type(value).__module__):
            self.visit(value, None, name)

    def _attributes(self, owner: Any, name: str) -> None:
        """Those attributes of an object, class or module that some code mentions."""
        if isinstance(owner, types.ModuleType):
            if not is_library(owner.__name__):
                self._namespace(owner, vars(owner), name)
            return
        kind = owner if isinstance(owner, type) else type(owner)
        if kind is not owner and hasattr(owner, "__dict__") and not isinstance(owner, Module):
            if (id(owner), "") not in self.followed and not is_library(kind.__module__):
                self.followed.add((id(owner), ""))
                self.found.copies.append((vars(owner), vars(owner).copy(), name))
            self._namespace(owner, vars(owner), name)
        for base in kind.__mro__:
            if not is_library(base.__module__):
                self._namespace(owner, vars(base), name, base)

    def _namespace(self, owner: Any, space: Any, name: str, base: type | None = None) -> None:
        """The mentioned names in the dict of an object or module, or in a class."""
        own = self.everything and not isinstance(owner, types.ModuleType)
        for key in sorted(space.keys() if own else self.names & space.keys()):
            if (id(owner), key) in self.followed:
                continue
            self.followed.add((id(owner), key))
            value, called = space[key], f"{name}.{key}"
            if base is None:
                self.visit(value, Place(space, key, called), called)
            elif isinstance(value, types.MemberDescriptorType) and owner is not base:
                place = Attribute(owner, key, called)
                self.visit(place.get(), place, called)
            elif isinstance(value, _KEPT) and not isinstance(value, type):
                self.found.same.append((Attribute(base, key, called), value))
                self.visit(value, None, called)
            else:
                self._member(value, called)


def _attributes(value: Any) -> dict[str, Any]:
    """What an object itself holds, whatever its ``__getattr__`` does."""
    try:
        return object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    """What the classes of the user's own among an object's classes define."""
    for kind in owner.__mro__:
        if not is_library(kind.__module__):
            yield from list(vars(kind).items())


@functools.cache
def is_library(module: str | None) -> bool:
    """Whether a module is nobody's own code: it has no state that a function depends on."""
    return (module or "").partition(".")[0] in _LIBRARIES


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _numbers(value: Any, place: Place) -> list[Place]:
    """The places of the numbers in an attribute: it is one, or a list or dict of some."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [place]
    keys: Iterable[Any] = ()
    if isinstance(value, list | dict):
        keys = range(len(value)) if isinstance(value, list) else list(value)
    return [
        found
        for key in keys
        for found in _numbers(value[key], Place(value, key, f"{place.name}[{key!r}]"))
    ]
