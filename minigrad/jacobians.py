"""Derivatives of more than one number: Jacobian and Hessian, their relatives entry by entry.

All are made of the functions of `minigrad.autograd`.

Example:
    >>> mg.hessian(lambda x: x[0] * x[1])(np.array([2.0, 3.0]))
    array([[0., 1.],
           [1., 0.]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd import (
    Argnums,
    Level,
    grad,
    is_tracked,
    jvp,
    named_after,
    parted,
    pulled,
    several,
)
from minigrad.scope import differentiating
from minigrad.tensor import Tensor, raw
from minigrad.tree import tree_leaves, tree_map

__all__ = ["deriv", "elementwise_grad", "hessian", "hvp", "jacobian"]


def jacobian(
    function: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The function that returns ∂output/∂input, of shape output.shape + input.shape.

    Args:
        function: takes and returns nested arrays.
        argnums: which argument, or which arguments, to differentiate with respect to.
        has_aux: the function returns (value, anything); the result is (Jacobian, anything).
        holomorphic: the function is analytic from complex numbers to complex ones.

    Returns:
        A function of the same arguments. Its result is nested as the function's, and in it as
        the argument: for several arguments, a tuple.

    Raises:
        TypeError: when it is called, if the function returns no arrays, or complex numbers of
            complex ones.

    Example:
        >>> mg.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
    """
    numbers, one = several(argnums)

    @named_after(function)
    def derived(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        with differentiating():
            varied, variables = level.varied(args, numbers)
            output, aux = parted(function(*varied, **kwargs), has_aux)
            recorded = level.is_recorded((output, aux), variables)
            chosen = variables[0] if one else tuple(variables)
            if output is None:
                raise TypeError("jacobian: the function returned NoneType, expected an array")
            found = tree_map(lambda y: _rows(level.start, y, chosen, recorded, holomorphic), output)
        return (found, aux if recorded else tree_map(raw, aux)) if has_aux else found

    return derived


def _rows(since: int, output: Any, variables: Any, recorded: bool, holomorphic: bool) -> Any:
    """The Jacobian of one array with respect to a nest of them, row by row."""
    if not hasattr(output, "shape") and not isinstance(output, complex | float | int):
        raise TypeError(
            f"jacobian: the function returned {type(output).__name__}, expected an array computed "
            "from its argument"
        )
    shape, is_complex = np.shape(raw(output)), np.iscomplexobj(raw(output))
    if not is_tracked(output) or output.size == 0:
        zeros = tree_map(lambda x: np.zeros(shape + x.shape, x.dtype), variables)
        return tree_map(Tensor, zeros) if recorded else zeros
    if is_complex and not holomorphic and any(map(_is_complex, tree_leaves(variables))):
        raise TypeError(
            "jacobian: the function makes complex numbers of complex ones, which have a Jacobian "
            "where it is analytic: pass holomorphic=True if it is; else differentiate np.real and "
            "np.imag of it by real and imaginary parts"
        )

    def rows(scale: complex) -> Any:
        units = scale * np.eye(output.size, dtype=output.dtype).reshape(-1, *shape)
        found = [
            pulled([(output, u)], variables, retain_graph=True, create_graph=recorded, since=since)
            for u in units
        ]
        return tree_map(lambda *parts: np.stack(parts).reshape(shape + parts[0].shape), *found)

    if not is_complex:
        return rows(1)
    return tree_map(  # the cotangent of what is real is real: it takes the imaginary part apart
        lambda x, real, imag: real if _is_complex(x) else real + 1j * imag,
        variables, rows(1), rows(-1j),
    )  # fmt: skip


def hessian(
    function: Callable[..., Any], argnums: Argnums = 0, *, holomorphic: bool = False
) -> Callable[..., Any]:
    """The function that returns the second derivatives, of shape input.shape twice.

    For several arguments it is a tuple of tuples: all the blocks. Of complex arguments it has them
    where the function is analytic, which ``holomorphic`` says.

    Example:
        >>> print(mg.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0])))
        [[ 6.  0.]
         [ 0. 12.]]
    """
    gradient = grad(function, argnums, holomorphic=holomorphic)
    return jacobian(gradient, argnums, holomorphic=holomorphic)


def hvp(function: Callable[..., Any], args: Any, tangents: Any, **kwargs: Any) -> Any:
    """The Hessian of a function of one number times a vector, without the Hessian.

    Example:
        >>> mg.hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
        array([6., 0.])
    """
    several = isinstance(args, tuple)
    gradient = grad(function, tuple(range(len(args))) if several else 0)
    return jvp(gradient, args, tangents, **kwargs)[1]


def elementwise_grad(
    function: Callable[..., Any], argnums: Argnums = 0, *, holomorphic: bool = False
) -> Callable[..., Any]:
    """The derivative, entry by entry, of a function that acts on each entry by itself.

    Where entries depend on each other, it is the gradient of the sum of all outputs.

    Example:
        >>> print(mg.elementwise_grad(np.sin)(np.array([0.0, np.pi])))
        [ 1. -1.]
    """

    @named_after(function)
    def total(*args: Any, **kwargs: Any) -> Any:
        return np.sum(function(*args, **kwargs))

    return grad(total, argnums, holomorphic=holomorphic)


def deriv(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The derivative by one number of a function that may return arrays, in forward mode.

    Of an array it is the derivative along a vector of ones.

    Example:
        >>> print(mg.deriv(lambda t: np.stack([np.cos(t), t * t]))(0.0))
        [0. 0.]
    """

    @named_after(function)
    def derived(*args: Any, **kwargs: Any) -> Any:
        def of_one(x: Any) -> Any:
            return function(*args[:argnum], x, *args[argnum + 1 :], **kwargs)

        x = args[argnum]
        return jvp(of_one, x, tree_map(lambda leaf: np.ones_like(raw(leaf)), x))[1]

    return derived


def _is_complex(x: Any) -> bool:
    return np.iscomplexobj(raw(x))
