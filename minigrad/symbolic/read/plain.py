"""Fused operations on a tape, replaced by the plain compositions that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minigrad.tape import Node, ancestors, next_index
from minigrad.tensor import Tensor


def plain(
    outputs: Sequence[Tensor], *, keep: Callable[[Node], bool] = lambda node: False
) -> list[Tensor]:
    """The same values, made without fused operations, but for those to ``keep``.

    What a composition records stands in the scope of the operation that it replaces.
    """
    made: dict[Node, Tensor] = {}
    for node in reversed(ancestors(outputs)):
        assert isinstance(node, Tensor)
        primitive = node.primitive
        expand = primitive is not None and primitive.reference is not None and not keep(node)
        if primitive is None or not (
            expand or any(p is not None and made[p] is not p for p in node.parents)
        ):
            made[node] = node
            continue
        operands = tuple(
            raw if parent is None else made[parent]
            for raw, parent in zip(node.operands, node.parents, strict=True)
        )
        start = next_index()
        if expand:
            assert primitive.reference is not None
            value = primitive.reference(*operands, **node.static)
        else:
            value = primitive.bind(operands, node.static)
        for new in ancestors([value], since=start):
            if new.index > start:
                new.scope = node.scope
        value.name = value.name or node.name
        made[node] = value
    return [made[output] for output in outputs]
