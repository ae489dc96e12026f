"""Other frameworks' functions with a backward of their own, called through their arrays.

Nothing is imported here: whoever hands over such a function has the framework loaded.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.verify.handwritten import HandWritten


class Foreign(HandWritten):
    """A function of another framework: numbers go in and out, no other world can.

    ``forward`` is (*inputs) → the outputs and what the pullback needs; ``backward`` is
    (cotangents, that) → the gradients, all as NumPy arrays.
    """

    @property
    def runs_in_worlds(self) -> bool:
        return False


def adapter(function: Any, inputs: tuple[Any, ...]) -> Foreign:
    """The function behind its framework's arrays.

    Raises:
        ValueError: it is neither PyTorch's ``autograd.Function`` nor JAX's ``custom_vjp``.
    """
    owner = getattr(function, "__self__", function)  # Function.apply will do as well
    if isinstance(owner, type) and _comes_from(owner, "torch.autograd"):
        return _torch(owner, inputs)
    if type(function).__name__ == "custom_vjp" and _comes_from(type(function), "jax"):
        return _jax(function, inputs)
    raise ValueError(
        f"check_vjp: got {type(function).__name__} without a backward, expected a NumPy forward "
        "and backward, a subclass of torch.autograd.Function, or a jax.custom_vjp function"
    )


def _comes_from(cls: type, package: str) -> bool:
    return any(f"{base.__module__}.".startswith(f"{package}.") for base in cls.__mro__)


def _torch(function: Any, inputs: tuple[Any, ...]) -> Foreign:
    torch = sys.modules["torch"]

    def forward(*arrays: Any) -> tuple[Any, Any]:
        tensors = [
            torch.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x
            for x in arrays
        ]
        returned = function.apply(*tensors)
        outputs = returned if isinstance(returned, tuple) else (returned,)
        return tuple(y.detach().numpy() for y in outputs), (tensors, outputs)

    def backward(cotangents: Sequence[Any], saved: Any) -> tuple[Any, ...]:
        tensors, outputs = saved
        wanted = [t for t in tensors if isinstance(t, torch.Tensor) and t.requires_grad]
        found = torch.autograd.grad(
            outputs, wanted, [torch.tensor(u) for u in cotangents], allow_unused=True
        )
        return tuple(None if g is None else g.detach().numpy() for g in found)

    return _named(function.forward, 1, Foreign(function.__name__, forward, backward, inputs, True))


def _jax(function: Any, inputs: tuple[Any, ...]) -> Foreign:
    jax = sys.modules["jax"]
    doubles = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

    def forward(*arrays: Any) -> tuple[Any, Any]:
        with doubles(True):
            floats = [k for k, x in enumerate(arrays) if getattr(x, "dtype", None) == np.float64]

            def of_floats(*moved: Any) -> Any:
                given = dict(zip(floats, moved, strict=True))
                return function(*(given.get(k, x) for k, x in enumerate(arrays)))

            returned, pull = jax.vjp(of_floats, *(jax.numpy.asarray(arrays[k]) for k in floats))
            outputs = returned if isinstance(returned, tuple) else (returned,)
            several = isinstance(returned, tuple)
            return tuple(map(np.asarray, outputs)), (pull, several)

    def backward(cotangents: Sequence[Any], saved: Any) -> tuple[Any, ...]:
        pull, several = saved
        with doubles(True):
            u = tuple(map(jax.numpy.asarray, cotangents))
            return tuple(map(np.asarray, pull(u if several else u[0])))

    return _named(function, 0, Foreign(function.__name__, forward, backward, inputs, True))


def _named(function: Callable[..., Any], skip: int, subject: Foreign) -> Foreign:
    """The adapter with its inputs named as the function itself names them."""
    try:
        names = list(inspect.signature(function).parameters)[skip:]
    except (TypeError, ValueError):
        return subject
    if len(names) >= len(subject.inputs):
        object.__setattr__(subject, "names", tuple(names[: len(subject.inputs)]))
    return subject
