"""The reference side of the exact judge: tangents pushed forward over the tape.

No rule of the engine is used here: elementwise derivatives are SymPy's own, linear primitives
are applied to the tangents themselves, and fused ones through the composition they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays.symbolic import derivative_of, evaluate
from minigrad.primitives.primitive import Array
from minigrad.tape import Node, ancestors
from minigrad.tensor import Tensor


def push_forward(
    outputs: Sequence[Tensor], tangents: Mapping[Node, Array], *, recorded: bool = False
) -> list[Array]:
    """Tangents of the outputs, given those of some leaves; 0 for the others.

    With ``recorded`` they are Tensors on the tape, functions of the leaves, so that they can
    be differentiated in turn.

    Raises:
        ArithmeticError: the reference composition of a fused primitive has another value.
    """
    known: dict[Node, Array] = dict(tangents)
    for node in reversed(ancestors(outputs)):
        if node.primitive is not None and node not in known:
            moved = [
                (k, known[parent])
                for k, parent in enumerate(node.parents)
                if parent is not None and parent in known
            ]
            if moved:
                known[node] = output_tangent(node, moved, recorded=recorded)
    return [known.get(output.settled(), output.data * 0) for output in outputs]


def output_tangent(
    node: Node, moved: Sequence[tuple[int, Array]], *, recorded: bool = False
) -> Array:
    """Tangent of a node's value, given the tangents of some of its operands."""
    primitive, operands = node.primitive, list(node.operands)
    assert primitive is not None
    if recorded:
        operands = [
            raw if parent is None else parent
            for raw, parent in zip(node.operands, node.parents, strict=True)
        ]
    match primitive.kind:
        case "elementwise":
            return _total(_by_sympy(node, k, operands) * tangent for k, tangent in moved)
        case "linear":
            given = dict(moved)
            linear = [
                given[k] if k in given else x * 0 if primitive.vjp(k) is not None else x
                for k, x in enumerate(node.operands)
            ]
            return primitive.bind(tuple(linear), node.static)
        case "bilinear":
            return _total(
                primitive.bind(
                    tuple(t if j == k else x for j, x in enumerate(operands)), node.static
                )
                for k, t in moved
            )
        case "fused":
            return _through_reference(node, moved, operands, recorded=recorded)


def _by_sympy(node: Node, position: int, operands: Sequence[Array]) -> Array:
    assert node.primitive is not None
    derivative, variables = derivative_of(node.primitive, position)
    value = evaluate(derivative, dict(zip(variables, operands, strict=True)))
    return value + node.data * 0  # of the output's shape, also where it is a constant


def _through_reference(
    node: Node,
    moved: Sequence[tuple[int, Array]],
    operands: Sequence[Array],
    *,
    recorded: bool,
) -> Array:
    primitive = node.primitive
    assert primitive is not None and primitive.reference is not None
    leaves: list[Any] = list(operands)
    for k, _ in moved:
        if not recorded:
            leaves[k] = Tensor(node.operands[k], requires_grad=True)
    output = primitive.reference(*leaves, **node.static)
    if isinstance(node.data, np.ndarray):
        same = np.allclose(output.data, node.data)
    else:
        same = bool((output.data - node.data).is_zero())
    if not same:
        raise ArithmeticError(
            f"{primitive.name}: its forward differs from the reference composition"
        )
    return push_forward([output], {leaves[k]: tangent for k, tangent in moved}, recorded=recorded)[
        0
    ]


def _total(terms: Any) -> Array:
    total, *rest = list(terms)
    for term in rest:
        total = total + term
    return total
