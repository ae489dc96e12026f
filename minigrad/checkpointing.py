"""Time for memory: results inside a function are computed again in the backward pass.

Example:
    >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
    >>> mg.checkpoint(lambda x: np.sin(np.exp(x)).sum())(x).parents == (x,)
    True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array, Primitive
from minigrad.scope import differentiating
from minigrad.tape import Node, ancestors, next_index, walk
from minigrad.tensor import Tensor


def checkpoint(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function, which computes its intermediate results again instead of keeping them.

    The memory of a backward pass then holds the function's inputs and output only, for the
    time of one more forward pass (Chen et al. 2016, "Training deep nets with sublinear memory
    cost"). What it computes must not change between the two: no fresh random numbers.

    Args:
        function: returns one Tensor; tensors that it uses without taking them as arguments,
            such as a module's parameters, receive their gradients too.

    Example:
        >>> heavy = mg.checkpoint(lambda x: mg.tanh(mg.tanh(x)))  # its inner tanh is not kept
        >>> print(mg.grad(heavy)(0.0))
        1.0
    """

    def wrapped(*args: Any, **kwargs: Any) -> Tensor:
        start = next_index()
        output = function(*args, **kwargs)
        if not hasattr(output, "__array_ufunc__") and not isinstance(output, complex | float | int):
            raise TypeError(f"checkpoint: the function returned {type(output).__name__}, "
                            "expected one Tensor")  # fmt: skip
        if not (isinstance(output, Tensor) and output.requires_grad) or output.index < start:
            return output
        inputs: list[Node] = list(dict.fromkeys(
            parent
            for node in ancestors([output], since=start)
            if node.index > start
            for parent in node.parents
            if parent is not None and parent.index < start
        ))  # fmt: skip
        return _checkpointed(output, lambda: function(*args, **kwargs), inputs)

    return wrapped


def _checkpointed(output: Tensor, run: Callable[[], Tensor], inputs: Sequence[Node]) -> Tensor:
    """The output as one operation on its inputs, which is computed again in the backward pass."""

    def again(*_: Any) -> Tensor:
        value = run()
        if isinstance(output.data, np.ndarray) and not np.array_equal(
            output.data, value.data, equal_nan=output.dtype.kind in "fc"
        ):
            raise RuntimeError(
                "checkpoint: the function computed another value the second time, so its gradient "
                "would be wrong: draw random numbers (dropout) outside of it, and change no array "
                "that it uses before the backward pass"
            )
        return value

    def backward(g: Array, *_: Any) -> list[Array | None]:
        start = next_index()
        with differentiating():
            value = again()
        found = walk([(value, g)], inputs, since=start)
        return [found.get(x) for x in inputs]

    rules = (None,) * len(inputs)
    primitive = Primitive(
        "checkpoint", run, "fused", rules, rules, label="checkpoint",
        backward=backward, reference=again,
    )  # fmt: skip
    return Tensor.recorded(output.data, primitive, inputs, saved=())
