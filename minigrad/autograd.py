"""Derivatives of functions: `grad` and its relatives, in JAX's vocabulary.

Arguments and results may be nested lists, tuples and dicts of arrays; gradients come back
nested in the same way. Given Tensors that require gradients, every function here records, so
that derivatives of any order are taken by taking them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array, Primitive
from minigrad.tape import Node, ancestors, enable_grad, next_index, no_grad, walk
from minigrad.tensor import Tensor, own, raw
from minigrad.tree import tree_leaves, tree_map

__all__ = [
    "checkpoint",
    "enable_grad",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
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

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> (of_x,) = mg.gradients((x * x).sum(), [x])
        >>> print(of_x, x.grad)
        [2. 4.] None
    """
    seed = output.seed(cotangent)
    return _pulled([(output, seed)], inputs, retain_graph, create_graph)


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """The function that returns ``function``'s value and its gradient.

    Args:
        function: takes nested arrays, returns a single number.
        argnums: which argument, or which arguments, to differentiate with respect to.
        has_aux: the function returns (number, anything); the value is then both.

    Returns:
        A function of the same arguments; its result is (value, gradient), the gradient a
        tuple if ``argnums`` is a sequence.

    Raises:
        TypeError: the function returned nothing, or no array.
        ValueError: it returned more than a single number.

    Example:
        >>> value, gradient = mg.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
        >>> print(value, gradient)
        5.0 [2. 4.]
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def derived(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        recorded = _is_recorded(args)
        with enable_grad():
            tracked, variables = _variables(args, numbers)
            result = function(*tracked, **kwargs)
            output, aux = result if has_aux else (result, None)
            if not hasattr(raw(output), "size") and not isinstance(output, complex | float | int):
                raise TypeError(
                    f"grad: the function returned {type(output).__name__}, expected a single number"
                )
            if getattr(raw(output), "size", 1) != 1:
                raise ValueError(
                    f"grad: the function returned shape {np.shape(raw(output))}, expected a "
                    "single number; use jacobian, or vjp with a cotangent"
                )
            leaves = tree_leaves(variables)
            if isinstance(output, Tensor) and output.requires_grad:
                found = gradients(output, leaves, create_graph=recorded)
            else:
                found = [np.zeros_like(leaf.data) for leaf in leaves]
        remaining = iter(found)
        nested = tree_map(lambda _: next(remaining), variables)
        value = output if recorded else raw(output)
        value = (value, aux) if has_aux else value
        return value, nested[0] if isinstance(argnums, int) else tuple(nested)

    return derived


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that returns the gradient of ``function``: see `value_and_grad`.

    Example:
        >>> print(mg.grad(mg.grad(lambda x: x**3))(2.0))
        12.0
    """
    both = value_and_grad(function, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def vjp(function: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Value of ``function`` at ``args``, and the map from its cotangent to theirs.

    The map takes a cotangent nested as the value, and returns one nest per argument.

    Example:
        >>> value, pull = mg.vjp(lambda a, b: a * b, 2.0, 3.0)
        >>> of_a, of_b = pull(1.0)
        >>> print(value, of_a, of_b)
        6.0 3.0 2.0
    """
    recorded = _is_recorded(args)
    with enable_grad():
        tracked, variables = _variables(args, range(len(args)))
        output = function(*tracked)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        again = recorded or _is_recorded((cotangent,))
        pairs: list[tuple[Tensor, Array]] = []
        tree_map(lambda y, u: pairs.append((y, _fitting(y, u))), output, cotangent)
        pairs = [(y, u) for y, u in pairs if isinstance(y, Tensor) and y.requires_grad]
        found = iter(_pulled(pairs, tree_leaves(variables), True, again))
        return tuple(tree_map(lambda _: next(found), variables))

    return (output if recorded else tree_map(raw, output)), pull


def jvp(function: Callable[..., Any], args: Any, tangents: Any) -> tuple[Any, Any]:
    """Value of ``function``, and its derivative along ``tangents``.

    The map from cotangents is linear, and its own VJP is the map from tangents: so forward
    mode comes from the same rules, and there is no second set to keep right.

    Args:
        function: takes and returns nested arrays.
        args: its argument, or a tuple of its arguments.
        tangents: nested alike.

    Example:
        >>> value, tangent = mg.jvp(lambda x: x**3, 2.0, 1.0)
        >>> print(value, tangent)
        8.0 12.0
    """
    several = isinstance(args, tuple)
    points, along = (args, tangents) if several else ((args,), (tangents,))
    recorded = _is_recorded((points, along))
    with enable_grad():
        tracked, variables = _variables(points, range(len(points)))
        output = function(*tracked)
        flat = [y for y in tree_leaves(output) if isinstance(y, Tensor) and y.requires_grad]
        probes = [Tensor(np.zeros_like(y.data), requires_grad=True) for y in flat]
        leaves = tree_leaves(variables)
        pulled = _pulled(list(zip(flat, probes, strict=True)), leaves, True, True)
        moved: list[Any] = []
        tree_map(lambda x, t: moved.append(_fitting(x, t)), tuple(variables), tuple(along))
        pairs = [
            (p, t)
            for p, t in zip(pulled, moved, strict=True)
            if isinstance(p, Tensor) and p.requires_grad
        ]
        pushed = iter(_pulled(pairs, probes, True, recorded))
    known = {id(y): next(pushed) for y in flat}
    tangent = tree_map(lambda y: known.get(id(y), np.zeros_like(raw(y))), output)
    return (output if recorded else tree_map(raw, output)), tangent


def jacobian(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Array]:
    """The function that returns ∂output/∂input, of shape output.shape + input.shape.

    Example:
        >>> mg.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
    """

    def derived(*args: Any) -> Array:
        recorded = _is_recorded(args)
        with enable_grad():
            tracked, (variable,) = _variables(args, (argnum,))
            output = function(*tracked)
            if not isinstance(variable, Tensor):
                raise TypeError("jacobian: the argument is nested, expected a single array")
            if not isinstance(output, Tensor):
                raise TypeError(f"jacobian: the function returned {type(output).__name__}, "
                                "expected an array computed from its argument")  # fmt: skip
            shape = output.shape + variable.shape
            if not output.requires_grad or output.size == 0:
                return np.zeros(shape, output.dtype)
            units = np.eye(output.size, dtype=output.dtype).reshape(-1, *output.shape)
            rows = [
                gradients(output, [variable], unit, retain_graph=True, create_graph=recorded)[0]
                for unit in units
            ]
            return np.stack(rows).reshape(shape)

    return derived


def hessian(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Array]:
    """The function that returns the second derivatives, of shape input.shape twice.

    Example:
        >>> print(mg.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0])))
        [[ 6.  0.]
         [ 0. 12.]]
    """
    return jacobian(grad(function, argnum), argnum)


def hvp(function: Callable[..., Any], args: Any, tangents: Any) -> Any:
    """The Hessian of a function of one number times a vector, without the Hessian.

    Example:
        >>> mg.hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
        array([6., 0.])
    """
    several = isinstance(args, tuple)
    gradient = grad(function, tuple(range(len(args))) if several else 0)
    return jvp(gradient, args, tangents)[1]


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
        if not isinstance(output, Tensor):
            raise TypeError(f"checkpoint: the function returned {type(output).__name__}, "
                            "expected one Tensor")  # fmt: skip
        if not output.requires_grad or output.index < start:
            return output
        inputs: list[Node] = list(dict.fromkeys(
            parent
            for node in ancestors([output], since=start)
            if node.index > start
            for parent in node.parents
            if parent is not None and parent.index < start
        ))  # fmt: skip
        return Tensor.recorded(
            output.data, _recomputed(lambda: function(*args, **kwargs), inputs), inputs
        )

    return wrapped


def _recomputed(run: Callable[[], Tensor], inputs: Sequence[Node]) -> Primitive:
    """A primitive whose rules run the function again, once for all of its inputs."""
    latest: dict[str, Any] = {}

    def cotangent(position: int) -> Callable[..., Array]:
        def rule(g: Array, *_: Any, **__: Any) -> Array:
            if latest.get("g") is not g:
                start = next_index()
                with enable_grad():
                    output = run()
                create = isinstance(g, Tensor)
                latest["g"] = g
                latest["found"] = walk(
                    [(output, g)], inputs, since=start, create_graph=create, retain_graph=create
                )
            part = latest["found"].pop(inputs[position])
            if not latest["found"]:
                latest.clear()
            return part

        return rule

    rules = tuple(cotangent(k) for k in range(len(inputs)))
    return Primitive("checkpoint", run, "fused", rules, rules, label="checkpoint")


def _pulled(
    pairs: Sequence[tuple[Tensor, Array]],
    inputs: Sequence[Tensor],
    retain_graph: bool,
    create_graph: bool,
) -> list[Array]:
    found = walk(
        pairs, inputs, retain_graph=retain_graph or create_graph, create_graph=create_graph
    )
    return [own(found.get(x, np.zeros_like(x.data)), as_tensor=create_graph) for x in inputs]


def _fitting(x: Any, u: Any) -> Any:
    """A cotangent or tangent as an array of ``x``'s shape."""
    u = u if hasattr(u, "__array_ufunc__") else np.asarray(u, dtype=raw(x).dtype)
    if np.shape(raw(u)) != np.shape(raw(x)):
        raise ValueError(
            f"got an array of shape {np.shape(raw(u))} for one of shape {np.shape(raw(x))}"
        )
    return u


def _is_recorded(args: Any) -> bool:
    """Whether the result shall be recorded: an argument is a Tensor that wants a gradient."""
    return any(isinstance(a, Tensor) and a.requires_grad for a in tree_leaves(args))


def _variables(args: Sequence[Any], numbers: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """The arguments with a tensor that requires a gradient in place of each array to vary."""

    def variable(x: Any) -> Tensor:
        tracked = isinstance(x, Tensor) and x.requires_grad
        return x if tracked else Tensor(x, requires_grad=True)

    tracked = list(args)
    for k in numbers:
        tracked[k] = tree_map(variable, args[k])
    return tracked, [tracked[k] for k in numbers]
