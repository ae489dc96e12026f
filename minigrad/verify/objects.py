"""Objects with forward and backward, parameters and gradients as pairs of functions."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad.verify.claims import forms
from minigrad.verify.effects import State
from minigrad.verify.namespace import Floats
from minigrad.verify.pair import MisfitError, Pair, copied, required

Place = tuple[Any, ...]  # of attributes, keys and positions, from the object on

_GRADIENTS = ("grads", "gradients", "grad", "gradient", "dparams", "derivatives")


def pair_of_object(name: str, layer: Any, inputs: Sequence[Any]) -> Pair:
    """An object's passes as functions of its inputs and its parameters.

    A parameter is an array beside which backward leaves a gradient: dW or W_grad beside W,
    ``grads["W"]`` beside ``params["W"]``, ``grads[0]`` beside ``params[0]``. Arrays without one are
    constants, which the report names.

    Args:
        name: what reports call it.
        layer: it has ``forward(*inputs)`` and ``backward``; what forward keeps is in it.
        inputs: examples of forward's arguments.

    Raises:
        MisfitError: forward or backward fails on the example.

    Example:
        >>> from minigrad.verify.objects import pair_of_object
        >>> class Scale:
        ...     def __init__(self):
        ...         self.w = np.array([2.0])
        ...     def forward(self, x):
        ...         self.x = x
        ...         return self.w * x
        ...     def backward(self, dy):
        ...         self.dw = np.sum(dy * self.x, keepdims=True)
        ...         return dy * self.w
        >>> pair_of_object("Scale", Scale(), [np.ones(3)]).names
        ('x', 'w')
    """
    with suppress(Exception):
        layer = copy.deepcopy(layer)  # the caller's stays as it is
    names = required(layer.forward, optional=True) or [f"x{k}" for k in range(len(inputs))]
    names = names[: len(inputs)]
    parameters = _parameters(name, layer, inputs)
    own = [_called(place) for place in parameters]
    labels = [n if own.count(n) == 1 and n not in names else _called(place, whole=True)
              for n, place in zip(own, parameters, strict=True)]  # fmt: skip
    everywhere = {place: _aliases(layer, _get(layer, place)) for place in parameters}

    def forward(*arguments: Any) -> Any:
        for place, value in zip(parameters, arguments[len(names) :], strict=True):
            for alias in everywhere[place]:
                _put(layer, alias, value)
        return layer.forward(*arguments[: len(names)])

    def backward(*arguments: Any) -> tuple[Any, ...]:
        returned = layer.backward(*arguments)
        if not isinstance(returned, tuple | list):
            floats = [k for k, x in enumerate(inputs) if np.asarray(x).dtype.kind == "f"] or [0]
            returned = [returned if k == floats[0] else None for k in range(len(names))]
        if len(returned) != len(names):
            raise MisfitError(
                f"{name}: backward returns {len(returned)} gradients, expected {len(names)}: one "
                f"for each of {', '.join(names)}"
            )
        found = (g if g is None else _get(layer, g) for g in parameters.values())
        return (*returned, *found)

    count = range(len(names) + len(labels))
    taken = [inspect.Parameter(f"x{k}", inspect.Parameter.POSITIONAL_ONLY) for k in count]
    _stand_for(forward, layer.forward, inspect.Signature(taken))
    _stand_for(backward, layer.backward, inspect.signature(layer.backward))
    values = [np.array(_get(layer, place)) for place in parameters]
    return Pair(name, forward, backward, (*inputs, *values), names=(*names, *labels))


def _stand_for(function: Any, method: Any, signature: inspect.Signature) -> None:
    function.__wrapped__, function.__signature__ = method, signature
    function.__name__ = function.__qualname__ = method.__name__


def _parameters(name: str, layer: Any, inputs: Sequence[Any]) -> dict[Place, Place | None]:
    """Where its arrays are, and where backward leaves the gradient of each; ``None`` if nowhere."""
    try:
        before = dict(_arrays(layer))
        with State({name: layer}).held(Floats()):
            returned = layer.forward(*copied(list(inputs)))
            outputs = returned[0] if isinstance(returned, tuple) else returned
            rest = returned[1:] if isinstance(returned, tuple) else ()
            needed = required(layer.backward) or []
            layer.backward(*([np.ones(np.shape(outputs)), *rest][: len(needed)]))
            after = dict(_arrays(layer))
    except Exception as error:
        text = " ".join(str(error).split())
        raise MisfitError(
            f"{name}: forward or backward fails on the example inputs: "
            f"{type(error).__name__}: {text}"
        ) from error
    known = {id(array) for array in before.values()}
    found: dict[Place, Place | None] = {}
    for place, array in after.items():
        again = id(array) in known and place not in before  # another name of it
        if again or _holds_gradients(place) or any(array is after[p] for p in found):
            continue
        gradient = next((g for g in _beside(place) if _is_gradient(g, array, after)), None)
        if gradient is None or array.dtype.kind != "f":
            continue
        if place in before:
            found[place] = gradient
        elif _holds_gradients(gradient):
            raise MisfitError(
                f"{name}: forward makes {_called(place)} anew, so that nothing can be "
                "differentiated by it; make it in __init__"
            )
    for place, array in before.items():
        own = not _holds_gradients(place) and place not in found.values()
        if own and array.dtype.kind == "f" and not any(array is before[p] for p in found):
            found[place] = None
    return found


def _holds_gradients(place: Place) -> bool:
    return any(key in _GRADIENTS for key in place[:-1])


def _is_gradient(place: Place, array: np.ndarray, after: Mapping[Place, np.ndarray]) -> bool:
    found = after.get(place)
    return found is not None and found is not array and found.shape == array.shape


def _beside(place: Place) -> Iterator[Place]:
    """Where the gradient of a parameter may be."""
    *outer, last = place
    names = [last] if isinstance(last, int) else [last, *forms(str(last))]
    for name in names[1:]:
        yield (*outer, name)
    for k in range(len(outer) + 1):
        for holder in _GRADIENTS:
            for name in names:
                if k < len(outer):
                    yield (*outer[:k], holder, *outer[k + 1 :], name)
                else:
                    yield (*outer, holder, name)


def _arrays(value: Any, place: Place = (), depth: int = 0) -> Iterator[tuple[Place, np.ndarray]]:
    """The arrays in an object's attributes, dicts and lists, and in objects inside."""
    if isinstance(value, np.ndarray):
        yield place, value
    elif depth < 5:
        for key, part in _parts(value):
            yield from _arrays(part, (*place, key), depth + 1)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        yield from vars(value).items()


def _aliases(layer: Any, array: np.ndarray) -> list[Place]:
    """All places that hold this very array."""
    return [place for place, found in _arrays(layer) if found is array]


def _get(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key] if isinstance(value, dict | list) else getattr(value, key)
    return value


def _put(layer: Any, place: Place, value: Any) -> None:
    *outer, last = place
    holder = _get(layer, tuple(outer))
    if isinstance(holder, dict | list):
        holder[last] = value
    else:
        setattr(holder, last, value)


def _called(place: Place, *, whole: bool = False) -> str:
    """A parameter's name in reports: the last key alone, where that is a name."""
    if not whole and isinstance(place[-1], str):
        return place[-1]
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).lstrip(".")
