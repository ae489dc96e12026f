"""Derivatives of functions: `grad` and its relatives, in JAX's vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array
from minigrad.tape import enable_grad, no_grad, walk
from minigrad.tensor import Tensor, own

__all__ = [
    "enable_grad",
    "grad",
    "gradients",
    "hessian",
    "jacobian",
    "no_grad",
    "value_and_grad",
    "vjp",
]


def gradients(
    output: Tensor,
    inputs: Sequence[Tensor],
    cotangent: Array | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> list[Array]:
    """Gradient of ``output`` with respect to each of ``inputs``; no ``.grad`` is touched.

    Args:
        output: the tensor to differentiate.
        inputs: tensors, leaves or not.
        cotangent: ∂L/∂output, of its shape; 1 if it is a single number.
        retain_graph: keep the graph for another walk.
        create_graph: record the walk, and return `Tensor`s.

    Returns:
        One array per input, of its shape; zeros where the output does not depend on it.

    Raises:
        RuntimeError, ValueError: as `Tensor.backward`.
    """
    seed = output.seed(cotangent)
    found = walk(
        [(output, seed)], inputs,
        retain_graph=retain_graph or create_graph, create_graph=create_graph,
    )  # fmt: skip
    return [own(found.get(x, np.zeros_like(x.data)), as_tensor=create_graph) for x in inputs]


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Array, Any]]:
    """The function that returns ``function``'s value and its gradient.

    Args:
        function: takes arrays, returns a single number.
        argnums: which argument, or which arguments, to differentiate with respect to.

    Returns:
        A function of the same arguments; its result is (value, gradient), the gradient a
        tuple if ``argnums`` is a sequence. Given Tensors that require gradients it records,
        so it can be differentiated again.

    Example:
        >>> value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
        (np.float64(5.0), array([2., 4.]))
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def derived(*args: Any, **kwargs: Any) -> tuple[Array, Any]:
        recorded = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        with enable_grad():
            tracked, variables = _variables(args, numbers)
            output = function(*tracked, **kwargs)
            if not isinstance(output, Tensor) or not output.requires_grad:
                values = [np.zeros_like(v.data) for v in variables]
                value = output.data if isinstance(output, Tensor) else output
            else:
                if output.size != 1:
                    raise ValueError(
                        f"grad: the function returned shape {output.shape}, expected a single "
                        "number; use jacobian, or vjp with a cotangent"
                    )
                values = gradients(output, variables, create_graph=recorded)
                value = output if recorded else output.data
        return value, values[0] if isinstance(argnums, int) else tuple(values)

    return derived


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that returns the gradient of ``function``: see `value_and_grad`.

    Example:
        >>> grad(grad(lambda x: x**3))(2.0)
        np.float64(12.0)
    """
    both = value_and_grad(function, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def vjp(
    function: Callable[..., Any], *args: Any
) -> tuple[Array, Callable[[Array], tuple[Array, ...]]]:
    """Value of ``function`` at ``args``, and the map from its cotangent to theirs."""
    with enable_grad():
        tracked, variables = _variables(args, range(len(args)))
        output = function(*tracked)

    def pull(cotangent: Array) -> tuple[Array, ...]:
        return tuple(gradients(output, variables, cotangent, retain_graph=True))

    return output.data, pull


def jacobian(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Array]:
    """The function that returns ∂output/∂input, of shape output.shape + input.shape."""

    def derived(*args: Any) -> Array:
        recorded = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        with enable_grad():
            tracked, (variable,) = _variables(args, (argnum,))
            output = function(*tracked)
            if not isinstance(output, Tensor):
                raise TypeError(f"jacobian: the function returned {type(output).__name__}, "
                                "expected an array computed from its argument")  # fmt: skip
            shape = output.shape + variable.shape
            if not output.requires_grad:
                return np.zeros(shape, output.dtype)
            units = np.eye(output.size, dtype=output.dtype).reshape(-1, *output.shape)
            rows = [
                gradients(output, [variable], unit, retain_graph=True, create_graph=recorded)[0]
                for unit in units
            ]
            return np.stack(rows).reshape(shape)

    return derived


def hessian(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Array]:
    """The function that returns the second derivatives, of shape input.shape twice."""
    return jacobian(grad(function, argnum), argnum)


def _variables(args: Sequence[Any], numbers: Sequence[int]) -> tuple[list[Any], list[Tensor]]:
    """The arguments with a tensor that requires a gradient at each of ``numbers``."""
    tracked = list(args)
    for k in numbers:
        if not (isinstance(args[k], Tensor) and args[k].requires_grad):
            tracked[k] = Tensor(args[k], requires_grad=True)
    return tracked, [tracked[k] for k in numbers]
