"""Arguments taken apart: the arrays in them, and the rest, which is the signature."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.compile.traced_array import TracedArray, TracedGenerator
from minigrad.nn.module import Module
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor
from minigrad.tree import rebuilt

_STATIC = (
    bool, str, bytes, type(None), type, np.dtype, np.ufunc, types.FunctionType, types.MethodType,
    types.BuiltinFunctionType, types.EllipsisType, range,
)  # fmt: skip
_NUMBERS = (int, float, complex)


@dataclass(slots=True)
class Leaves:
    """Arguments taken apart.

    Attributes:
        values: arrays, Tensors, numbers, generators, in order.
        key: everything else about the arguments.
        args: as they were given.
        kwargs: likewise.
        owners: modules, optimisers and functions among the arguments, whose state is followed.
        traced: whether an array among them stands for another while that is traced.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    values: list[Any] = field(default_factory=list)
    key: Any = ()
    owners: list[Any] = field(default_factory=list)
    traced: bool = False

    def rebuilt(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with other values in the places of arrays."""
        remaining = iter(values)
        args = tuple(_rebuilt(x, remaining, self) for x in self.args)
        return args, {k: _rebuilt(x, remaining, self) for k, x in self.kwargs.items()}


class Static:
    """An argument that belongs to the signature, whatever it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def flatten(
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    static_numbers: Sequence[int],
    static_names: Sequence[str],
    title: str,
) -> Leaves:
    """Take arguments apart.

    Raises:
        TypeError: an argument that is neither an array nor can be static.
    """
    if static_numbers or static_names:
        count = len(args)
        chosen = {k % count for k in static_numbers if -count <= k < count}
        args = tuple(Static(x) if k in chosen else x for k, x in enumerate(args))
        kwargs = {k: Static(x) if k in static_names else x for k, x in kwargs.items()}
    leaves = Leaves(args, kwargs)
    keys = [_key(x, leaves, title) for x in args]
    if kwargs:
        keys.append(tuple((k, _key(x, leaves, title)) for k, x in kwargs.items()))
    leaves.key = tuple(keys)
    return leaves


def _key(x: Any, leaves: Leaves, title: str) -> Any:
    kind = type(x)
    if kind is np.ndarray:
        leaves.values.append(x)
        return x.dtype, x.shape
    if isinstance(x, Tensor):
        leaves.values.append(x)
        leaves.traced |= isinstance(x.data, TracedArray)
        return "Tensor", x.dtype, x.shape, x.requires_grad, x.grad is None
    if kind in _NUMBERS:
        leaves.values.append(x)
        return kind
    if isinstance(x, TracedArray | TracedGenerator):
        leaves.values.append(x)
        leaves.traced = True
        return kind
    if isinstance(x, np.generic | np.memmap):
        leaves.values.append(x)
        return kind, x.dtype, x.shape
    if isinstance(x, tuple | list):
        return kind, tuple([_key(part, leaves, title) for part in x])
    if isinstance(x, dict):
        return kind, tuple([(k, _key(part, leaves, title)) for k, part in x.items()])
    if isinstance(x, np.random.Generator):
        leaves.values.append(x)
        return kind
    if isinstance(x, Module | Optimizer | types.FunctionType | types.MethodType):
        leaves.owners.append(x)
        return kind, id(x)
    if isinstance(x, _STATIC):
        return kind, x
    if hasattr(x, "__array_ufunc__"):  # also np.matrix, and an array with a mask
        raise TypeError(
            f"jit({title}): got a {kind.__name__}, expected a NumPy array or a Tensor; convert it "
            "with np.asarray first"
        )
    value = x.value if kind is Static else x
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            f"jit({title}): got a {type(value).__name__}, which can be neither an array nor "
            "compared as a static argument; pass its arrays, or something that can be hashed"
        ) from None
    leaves.owners.append(value)
    return "static", type(value), value


def _rebuilt(x: Any, values: Any, leaves: Leaves) -> Any:
    kind = type(x)
    if kind is Static:
        return x.value
    if isinstance(x, np.ndarray | np.generic | Tensor | np.random.Generator) or kind in _NUMBERS:
        return next(values)
    if isinstance(x, tuple | list):
        return rebuilt(x, [_rebuilt(part, values, leaves) for part in x])
    if isinstance(x, dict):
        return rebuilt(x, [_rebuilt(part, values, leaves) for part in x.values()])
    return x
