"""The user's ``np`` while his code runs in a world: what makes arrays makes them of that world.

NumPy's protocols decide what happens to arrays that are there. ``np.zeros`` and its relatives see
none, so the modules of the user's code get a namespace in place of ``np`` (and of ``math``) while
the code runs: it is NumPy but for those few functions.
"""

from __future__ import annotations

import math
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from minigrad.arrays.numbers import Number, Numbers

Maker = Callable[..., Any]


class World:
    """How arrays of one world are made.

    Attributes:
        dtype: of arrays of floats there.
        narrow: whether an array of less than double precision was made.
    """

    dtype: Any = np.dtype(float)

    def __init__(self) -> None:
        self.narrow = False

    def new(self, array: np.ndarray) -> Any:
        """An array of floats as one of this world."""
        return array

    def kept(self, dtype: Any) -> Any:
        """The type that an array asked to be of ``dtype`` has here."""
        return dtype

    def unset(self, array: Any) -> Any:
        """An array that nothing was written into yet."""
        return array

    def copied(self, value: Any) -> Any:
        """A list, number or array as an array of this world."""
        return np.array(value)

    def makers(self) -> dict[Any, Maker]:
        """By NumPy's function, what stands for it."""
        return {
            np.zeros: lambda shape, dtype=float, *_, **__: self._filled(shape, 0, dtype),
            np.ones: lambda shape, dtype=float, *_, **__: self._filled(shape, 1, dtype),
            np.empty: lambda shape, dtype=float, *_, **__: self._unset(shape, dtype),
            np.full: lambda shape, fill_value, dtype=None, *_, **__: self._full(
                shape, fill_value, dtype
            ),
            np.zeros_like: lambda a, dtype=None, *_, **k: self._filled(*self._like(a, dtype, k)),
            np.ones_like: lambda a, dtype=None, *_, **k: self._filled(*self._like(a, dtype, k, 1)),
            np.empty_like: lambda a, dtype=None, *_, **k: self._unset(
                *self._like(a, dtype, k)[::2]
            ),
            np.full_like: lambda a, fill_value, dtype=None, *_, **k: self._full_like(
                a, fill_value, dtype, k
            ),
            np.array: lambda object, dtype=None, *, copy=True, ndmin=0, **__: self._array(
                object, dtype, ndmin
            ),
            np.asarray: self._as_array,
            np.asanyarray: self._as_array,
            np.ascontiguousarray: self._as_array,
            np.asfarray if hasattr(np, "asfarray") else "asfarray": self._as_array,
            np.copy: lambda a, *_, **__: self._array(a, None, 0),
            np.eye: lambda *a, **k: self._constant(np.eye, a, k),
            np.identity: lambda *a, **k: self._constant(np.identity, a, k),
            np.finfo: lambda dtype: np.finfo(dtype if np.dtype(dtype).kind in "fc" else float),
            np.isscalar: lambda x: isinstance(x, Number) or np.isscalar(x),
        }

    def _floats(self, dtype: Any) -> bool:
        kind = np.dtype(dtype)
        if kind.kind == "f" and kind.itemsize < 8:
            self.narrow = True
        return kind.kind in "fcO"

    def _filled(self, shape: Any, value: int, dtype: Any) -> Any:
        array = np.full(shape, value, self.kept(dtype) if self._floats(dtype) else dtype)
        return self.new(array) if self._floats(dtype) else array

    def _unset(self, shape: Any, dtype: Any) -> Any:
        return self.unset(self._filled(shape, 0, dtype))

    def _full(self, shape: Any, value: Any, dtype: Any) -> Any:
        kind = dtype if dtype is not None else getattr(value, "dtype", np.asarray(value).dtype)
        array = self._filled(shape, 0, kind)
        array[...] = value
        return array

    def _like(self, a: Any, dtype: Any, k: Mapping[str, Any], value: int = 0) -> tuple[Any, ...]:
        shape = k.get("shape")
        found = getattr(a, "dtype", None)
        kind = dtype if dtype is not None else found if found is not None else np.asarray(a).dtype
        return (np.shape(a) if shape is None else shape), value, kind

    def _full_like(self, a: Any, value: Any, dtype: Any, k: Mapping[str, Any]) -> Any:
        shape, _, kind = self._like(a, dtype, k)
        return self._full(shape, value, kind)

    def _array(self, value: Any, dtype: Any, ndmin: int) -> Any:
        array = self.copied(value)
        if dtype is not None and not self._floats(dtype):
            array = array.astype(dtype)
        elif self._floats(array.dtype) or dtype is not None:
            array = self.new(array.astype(self.kept(array.dtype if dtype is None else dtype)))
        return array.reshape((1,) * (ndmin - array.ndim) + array.shape)

    def _as_array(self, a: Any, dtype: Any = None, *_: Any, **__: Any) -> Any:
        if isinstance(a, np.ndarray) and (dtype is None or self.kept(dtype) == a.dtype):
            return a
        return self._array(a, dtype, 0)

    def _constant(self, function: Any, args: Any, kwargs: Any) -> Any:
        array = function(*args, **kwargs)
        return self._array(array, None, 0) if self._floats(array.dtype) else array


class Floats(World):
    """NumPy as it is, but that what is read before it was written is NaN."""

    def unset(self, array: Any) -> Any:
        if array.dtype.kind in "fc":
            array[...] = np.nan
        return array


class Complex(World):
    """Arrays of floats are complex, for the complex step."""

    dtype = np.dtype(complex)

    def kept(self, dtype: Any) -> Any:
        return np.dtype(complex)

    def makers(self) -> dict[Any, Maker]:
        return super().makers() | {np.abs: _analytic_abs, np.absolute: _analytic_abs}


class Exact(World):
    """Arrays of floats are arrays of objects: numbers with a twin, and constants."""

    dtype = np.dtype(object)

    def new(self, array: np.ndarray) -> Any:
        return array.view(Numbers)

    def kept(self, dtype: Any) -> Any:
        return np.dtype(object)

    def unset(self, array: Any) -> Any:
        if array.dtype == object:
            array[...] = None  # nothing can be computed of it
        return array

    def copied(self, value: Any) -> Any:
        array = np.array(value)
        return array.view(Numbers) if array.dtype == object else array


def _analytic_abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)[()] if np.iscomplexobj(x) else np.abs(x)


class _Proxy(ModuleType):
    """A module of which some attributes are others."""

    def __init__(self, module: ModuleType, others: Mapping[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(others)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)


def _of_numbers(name: str) -> Callable[..., Any]:
    """A function of ``math`` that takes numbers of a world too."""
    plain, ufunc = getattr(math, name), {"pow": np.power, "fabs": np.abs, "erf": None}.get(
        name, getattr(np, name, None)
    )  # fmt: skip

    def function(*x: Any) -> Any:
        if any(isinstance(v, Number | np.ndarray | complex) for v in x) and ufunc is not None:
            return ufunc(*x)
        return plain(*x)

    return function


_MATH = {
    name: _of_numbers(name)
    for name in ("exp", "log", "sqrt", "tanh", "sin", "cos", "sinh", "cosh", "tan", "pow", "fabs")
}


class UsersNumPy:
    """Where the user's code says ``np`` and ``math``, to put a namespace there for a while.

    Args:
        functions: the code; its modules are searched, and all others that are the user's.
    """

    def __init__(self, functions: Iterable[Any]) -> None:
        functions = list(functions)
        known = World().makers()
        self.places = [
            (space, name, value)
            for space in _namespaces(functions)
            for name, value in list(space.items())
            if _is_module(value) or (_hashable(value) and value in known)
        ]
        self.cells = [
            (cell, _content(cell))
            for function in functions
            for cell in getattr(function, "__closure__", None) or ()
            if _is_module(_content(cell))
        ]

    @contextmanager
    def of(self, world: World) -> Iterator[None]:
        """The user's code makes arrays of this world."""
        makers = world.makers()
        numpy, arithmetic = _Proxy(np, _by_name(makers)), _Proxy(math, _MATH)
        others: dict[Any, Any] = {np: numpy, math: arithmetic, **makers}
        try:
            for space, name, value in self.places:
                space[name] = others[value]
            for cell, value in self.cells:
                cell.cell_contents = others[value]
            yield
        finally:
            for space, name, value in self.places:
                space[name] = value
            for cell, value in self.cells:
                cell.cell_contents = value


def _is_module(value: Any) -> bool:
    return value is np or value is math


@cache
def _names() -> dict[str, Any]:
    """NumPy's functions that some world makes its own, by name."""
    known = World().makers() | Complex().makers()
    return {name: f for name, f in vars(np).items() if _hashable(f) and f in known}


def _by_name(makers: Mapping[Any, Maker]) -> dict[str, Maker]:
    return {name: makers[f] for name, f in _names().items() if f in makers}


def _namespaces(functions: Iterable[Any]) -> list[dict[str, Any]]:
    """The globals of these functions and of every module that is the user's own."""
    spaces = {id(space): space for space in map(_globals_of, functions) if space is not None}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(module, ModuleType) and file and is_users(file):
            spaces[id(vars(module))] = vars(module)
    return list(spaces.values())


def _globals_of(function: Any) -> dict[str, Any] | None:
    function = getattr(function, "__func__", function)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function.__globals__ if isinstance(function, FunctionType) else None


@cache
def is_users(file: str) -> bool:
    """Whether a file is neither Python's, nor an installed package's, nor minigrad's own."""
    path = Path(file)
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return False
    own = [Path(__file__).parents[1], Path(sysconfig.get_paths()["stdlib"])]
    return not any(path.is_relative_to(folder) for folder in own)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
