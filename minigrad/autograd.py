"""Derivatives of functions: `grad`, `vjp` and `jvp`, in JAX's vocabulary.

Arguments and results may be nested lists, tuples and dicts of arrays; gradients come back
nested in the same way.

Each call differentiates with respect to fresh nodes of its own, one per argument, and the walk
takes everything older than the call as a leaf. So an argument is differentiated by itself, and
not by everything else that was made of the same Tensor. Where the result depends on a Tensor that
requires a gradient outside of the call (as an argument, in a closure, in a module), it is recorded
and returned as a Tensor, so that derivatives nest to any depth; else it is a plain array.

Example:
    >>> mg.grad(lambda x: x * mg.grad(lambda y: x * y)(1.0))(2.0)  # the slope of x²
    4.0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from minigrad.boundary import as_array
from minigrad.primitives.primitive import Array, Primitive
from minigrad.scope import current, differentiating
from minigrad.tape import next_index, reached, walk
from minigrad.tensor import Tensor, fitting, own, raw
from minigrad.tree import tree_leaves, tree_map

__all__ = ["grad", "gradients", "jvp", "value_and_grad", "vjp"]

Argnums = int | Sequence[int]


def gradients(
    output: Tensor,
    inputs: Tensor | Sequence[Tensor],
    cotangent: Array | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> list[Array]:
    """Gradient of ``output`` with respect to each of ``inputs``; no ``.grad`` is touched.

    Args:
        output: the tensor to differentiate.
        inputs: tensors, leaves or not; or one alone.
        cotangent: ∂L/∂output, of its shape; 1 if it is a single real number.
        retain_graph: keep the graph for another walk.
        create_graph: record the walk, and return `Tensor`s.

    Returns:
        One array per input, of its shape; zeros where the output does not depend on it.

    Raises:
        RuntimeError, ValueError: as `Tensor.backward`.

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> (of_x,) = mg.gradients((x * x).sum(), [x])
        >>> print(of_x, x.grad)
        [2. 4.] None
    """
    nodes = [x.settled() for x in ([inputs] if isinstance(inputs, Tensor) else inputs)]
    pairs = [(output, output.seed(cotangent))]
    return pulled(pairs, nodes, retain_graph=retain_graph, create_graph=create_graph)


def pulled(
    pairs: Sequence[tuple[Tensor, Array]],
    variables: Any,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    since: int = -1,
) -> Any:
    """The cotangents of the variables, nested alike, given those of some outputs."""
    found = walk(
        [(y, own(u, as_tensor=create_graph)) for y, u in pairs], tree_leaves(variables),
        retain_graph=retain_graph, create_graph=create_graph, since=since,
    )  # fmt: skip
    return tree_map(
        lambda x: own(found[x] if x in found else np.zeros_like(x.data), as_tensor=create_graph),
        variables,
    )


def value_and_grad(
    function: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., tuple[Any, Any]]:
    """The function that returns ``function``'s value and its gradient.

    Args:
        function: takes nested arrays, returns a single number.
        argnums: which argument, or which arguments, to differentiate with respect to.
        has_aux: the function returns (number, anything); the value is then both.
        holomorphic: the function is analytic from complex numbers to a complex number, and its
            derivative is asked for.

    Returns:
        A function of the same arguments; its result is (value, gradient), the gradient a
        tuple if ``argnums`` is a sequence.

    Raises:
        TypeError: the function returned nothing, no array, or a complex number.
        ValueError: it returned more than a single number.

    Example:
        >>> value, gradient = mg.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
        >>> print(value, gradient)
        5.0 [2. 4.]
    """
    numbers, one = several(argnums)

    @named_after(function)
    def derived(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        level = Level()
        with differentiating():
            varied, variables = level.varied(args, numbers)
            output, aux = parted(function(*varied, **kwargs), has_aux)
            _check_number(output, holomorphic)
            recorded = level.is_recorded((output, aux), variables)
            pairs = [(output, np.ones_like(output.data))] if is_tracked(output) else []
            nested = pulled(pairs, variables, create_graph=recorded, since=level.start)
        value = (output, aux) if has_aux else output
        value = value if recorded else tree_map(raw, value)
        return value, nested[0] if one else tuple(nested)

    return derived


def grad(
    function: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The function that returns the gradient of ``function``: see `value_and_grad`.

    With ``has_aux`` it returns (gradient, the function's second result).

    Example:
        >>> print(mg.grad(mg.grad(lambda x: x**3))(2.0))
        12.0
    """
    both = value_and_grad(function, argnums, has_aux=has_aux, holomorphic=holomorphic)

    @named_after(function)
    def derived(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return derived


def vjp(
    function: Callable[..., Any], *args: Any, has_aux: bool = False, **kwargs: Any
) -> tuple[Any, ...]:
    """Value of ``function`` at ``args``, and the map from its cotangent to theirs.

    The map takes a cotangent nested as the value, and returns one nest per argument. With
    ``has_aux`` the function returns (value, anything), and the rest comes third. Keywords are
    passed on to the function, which is not differentiated with respect to them.

    Example:
        >>> value, pull = mg.vjp(lambda a, b: a * b, 2.0, 3.0)
        >>> of_a, of_b = pull(1.0)
        >>> print(value, of_a, of_b)
        6.0 3.0 2.0
    """
    level = Level()
    with differentiating():
        varied, variables = level.varied(args, range(len(args)))
        for x in tree_leaves(variables):
            x.shared = True  # whose array may change before the map is used
        output, aux = parted(function(*varied, **kwargs), has_aux)
    recorded = level.is_recorded((output, aux), variables)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        pairs: list[tuple[Any, Array]] = []
        tree_map(lambda y, u: pairs.append((y, fitting(y, u, "vjp"))), output, cotangent)
        again = level.recording and (recorded or any(is_tracked(u) for _, u in pairs))
        with differentiating():
            pairs = [(y, u) for y, u in pairs if is_tracked(y)]
            of_args = pulled(
                pairs, variables, retain_graph=True, create_graph=again, since=level.start
            )
            return tuple(of_args)

    value, aux = (output, aux) if recorded else tree_map(raw, (output, aux))
    return (value, pull, aux) if has_aux else (value, pull)


def jvp(
    function: Callable[..., Any], args: Any, tangents: Any, *, has_aux: bool = False, **kwargs: Any
) -> tuple[Any, ...]:
    """Value of ``function``, and its derivative along ``tangents``.

    The map from cotangents is linear, and its own VJP is the map from tangents: so forward
    mode comes from the same rules, and there is no second set to keep right.

    Args:
        function: takes and returns nested arrays.
        args: its argument, or a tuple of its arguments.
        tangents: nested alike.
        has_aux: the function returns (value, anything), and the rest comes third.
        kwargs: passed on to the function.

    Example:
        >>> value, tangent = mg.jvp(lambda x: x**3, 2.0, 1.0)
        >>> print(value, tangent)
        8.0 12.0
    """
    several = isinstance(args, tuple)
    points, along = (args, tangents) if several else ((args,), (tangents,))
    level = Level()
    with differentiating():
        varied, variables = level.varied(points, range(len(points)))
        output, aux = parted(function(*varied, **kwargs), has_aux)
        flat = [y for y in tree_leaves(output) if is_tracked(y)]
        inner = Level()
        _, (probes,) = inner.varied(([np.zeros_like(y.data) for y in flat],), (0,))
        pairs = list(zip(flat, probes, strict=True))
        back = pulled(pairs, variables, create_graph=True, since=level.start)
        moved: list[tuple[Any, Array]] = []
        tree_map(lambda p, t: moved.append((p, fitting(p, t, "jvp"))), tuple(back), tuple(along))
        recorded = level.is_recorded((output, aux, [t for _, t in moved]), variables)
        pairs = [(p, t) for p, t in moved if is_tracked(p)]
        pushed = pulled(pairs, probes, create_graph=recorded, since=inner.start)
    known = {id(y): t for y, t in zip(flat, pushed, strict=True)}
    tangent = tree_map(lambda y: known.get(id(y), np.zeros_like(raw(y))), output)
    value, aux = (output, aux) if recorded else tree_map(raw, (output, aux))
    return (value, tangent, aux) if has_aux else (value, tangent)


class Level:
    """One call of a derivative function, which has the nodes that it differentiates by.

    Attributes:
        start: nodes with a smaller number are older than the call.
        recording: whether operations were recorded where it was called.
    """

    def __init__(self) -> None:
        self.start = next_index()
        self.recording = current().recording

    def varied(self, args: Sequence[Any], numbers: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """The arguments with a fresh node for each array to vary; and these nodes, nested alike."""
        varied = list(args)
        for k in numbers:
            if not isinstance(k, int | np.integer) or not -len(args) <= k < len(args):
                raise TypeError(
                    f"argnums: got {k!r}, expected the position of one of the {len(args)} "
                    "arguments that were passed by position"
                )
            varied[k] = tree_map(_argument, args[k])
        return varied, [varied[k] for k in numbers]

    def is_recorded(self, outputs: Any, variables: Any) -> bool:
        """Whether to record the derivative: it depends on what is tracked outside of the call."""
        roots = [x for x in tree_leaves((outputs, variables)) if is_tracked(x)]
        return self.recording and any(
            node.index < self.start or node.primitive is None for node in reached(roots, self.start)
        )


def _argument(x: Any) -> Tensor:
    """A fresh node to differentiate by: recorded from ``x`` where that is tracked itself."""
    given = x if isinstance(x, Tensor) and x.requires_grad else None
    fresh = Tensor(x, requires_grad=True)
    fresh.primitive, fresh.operands, fresh.parents = _ARGUMENT, (fresh.data,), (given,)
    return fresh


_ARGUMENT = Primitive(
    "argument", lambda x: x, "linear", (lambda g, x: g,), (lambda g, y, x: g,), label="argument"
)
"""The identity: it sets an argument apart from the Tensor that was given for it."""


def several(argnums: Argnums) -> tuple[tuple[int, ...], bool]:
    """The positions, and whether one was given by itself."""
    return (tuple(argnums), False) if isinstance(argnums, Sequence) else ((argnums,), True)


def named_after(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: the name, docstring and signature of the function that is differentiated.

    Raises:
        TypeError: it is no function.
    """
    if not callable(function):
        hint = "; for a Tensor's gradients: minigrad.gradients(y, [x])"
        raise TypeError(
            f"got a {type(function).__name__} to differentiate, expected a function"
            f"{hint if isinstance(function, Tensor) else ''}"
        )
    return wraps(function, updated=())


def parted(result: Any, has_aux: bool) -> tuple[Any, Any]:
    """The value and the second result of a function, ``None`` without ``has_aux``."""
    if not has_aux:
        return tree_map(_settled, result), None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"has_aux=True: the function returned {type(result).__name__}, expected the pair "
            "(value, anything)"
        )
    return tree_map(_settled, result[0]), result[1]


def _settled(x: Any) -> Any:
    """An array that was filled as it is now; what NumPy made an array of Tensors of, joined."""
    if isinstance(x, Tensor) or (isinstance(x, np.ndarray) and x.dtype == object):
        return as_array(x, "a function that is differentiated returned")
    return x


def _check_number(output: Any, holomorphic: bool) -> None:
    """Refuse to differentiate what is not a single real number.

    Raises:
        TypeError: no number, or a complex one.
        ValueError: several numbers.
    """
    if not hasattr(raw(output), "size") and not isinstance(output, complex | float | int):
        raise TypeError(
            f"grad: the function returned {type(output).__name__}, expected a single number"
        )
    if getattr(raw(output), "size", 1) != 1:
        raise ValueError(
            f"grad: the function returned shape {np.shape(raw(output))}, expected a single number; "
            "use jacobian, elementwise_grad, or vjp with a cotangent"
        )
    if np.iscomplexobj(raw(output)) and not holomorphic:
        raise TypeError(
            "grad: the function returned a complex number, expected a real one: take np.real, "
            "np.imag or np.abs of it, or holomorphic=True if it is analytic"
        )
    if holomorphic and not np.iscomplexobj(raw(output)):
        raise TypeError(
            "holomorphic=True: the function returned a real number, expected a complex one"
        )


def is_tracked(x: Any) -> bool:
    """Whether it is a Tensor that requires a gradient."""
    return isinstance(x, Tensor) and x.requires_grad
