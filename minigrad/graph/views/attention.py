"""Who attends to whom: lines as thick as their weights, a heat map where there are many."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minigrad.graph.drawing.attention import arranged
from minigrad.graph.record import BOOKKEEPING, Graph, Operation, Path, modules
from minigrad.graph.terms import subscript
from minigrad.graph.view import Panel, View, WrongPictureError, view
from minigrad.graph.views.items import common
from minigrad.tensor import raw

SIDES = ("query", "key")
_MOST = 40_000  # weights of one head


@view("attention", "which positions attend to which")
def attention(
    what: Any,
    *,
    tokens: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    sides: tuple[str, str] = SIDES,
    title: str | None = None,
) -> View:
    """The weights of attention, one panel for each head.

    The steps of a decoder are the rows of one panel. Up to ten tokens, lines lead from queries
    to keys; above, it is a heat map with the tokens on both axes.

    Args:
        what: a `Graph` with a softmax that a product with values or a weighted sum follows, or
            the weights themselves, (queries, keys) or (heads, queries, keys).
        tokens: names of the queries, and of the keys if those are not given; x₀, x₁, … if
            neither is.
        keys: names of the keys.
        sides: what stands over the queries, and over the keys.
        title: heading of the picture.

    Raises:
        ValueError: the graph has no attention, the weights have another shape or are no
            numbers from 0 to 1, or there are more or fewer names than tokens.
    """
    if isinstance(what, Graph):
        heads, title = _recorded(what), title or what.title
    else:
        heads = [("", array) for array in _heads(np.asarray(raw(what)))]
        title = title or "attention"
    panels = []
    for number, (name, weights) in enumerate(heads):
        if weights.size > _MOST:
            raise ValueError(
                f"attention: got weights of shape {weights.shape}, at most {_MOST} can be drawn: "
                "take a part of them"
            )
        rows, columns = (_names(given, count) for given, count in
                         zip((tokens, keys or tokens), weights.shape, strict=True))  # fmt: skip
        heading = name or (f"head {number}" if len(heads) > 1 else "")
        panels.append(Panel(heading, rows, columns, tuple(map(tuple, weights.tolist())),
                            tuple(map(tuple, (weights == 0).tolist()))))  # fmt: skip
    return View(title, (), (), "attention", panels=tuple(panels), sides=sides, arrange=arranged)


def _names(given: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"x{subscript(k)}" for k in range(count))
    if len(given) != count:
        raise ValueError(f"attention: got {len(given)} tokens, expected {count}")
    return tuple(map(str, given))


def _heads(weights: np.ndarray) -> list[np.ndarray]:
    """The weights, head by head."""
    if weights.ndim < 2 or weights.dtype.kind not in "fiu" or not weights.size:
        raise ValueError(
            f"attention: got weights of shape {weights.shape} and dtype {weights.dtype}, expected "
            "numbers (queries, keys) or (heads, queries, keys)"
        )
    if not (np.isfinite(weights) & (weights >= 0) & (weights <= 1 + 1e-6)).all():
        raise ValueError("attention: got weights that are not all from 0 to 1")
    return list(weights.reshape(-1, *weights.shape[-2:])) if weights.ndim > 2 else [weights]


def _recorded(graph: Graph) -> list[tuple[str, np.ndarray]]:
    """Softmaxes whose values weigh others, in a product or a sum; of the first sequence."""
    found: dict[tuple[Path, Path], list[np.ndarray]] = defaultdict(list)
    for node in graph.nodes:
        taken = taker(graph, node) if node.primitive == "softmax" else None
        if taken is None:
            continue
        value = taken.weights.value
        if isinstance(value, np.ndarray) and value.ndim > 1:
            # of a decoder, every step's query is one row
            place = (node.strip, node.inside) if node.step is not None else ((), node.scope)
            found[place].append(np.moveaxis(value, taken.axis, -1))
    if not found:
        raise WrongPictureError(
            f"attention: nothing attends in {graph.title}: no softmax that a product with values "
            "or a weighted sum follows"
        )
    panels = []
    paths = [modules((*strip, *inside)) for strip, inside in found]
    around = functools.reduce(common, [path[:1] for path in paths])  # the model's own name
    for (strip, inside), values in found.items():
        arrays = [value if value.ndim < 3 else value[0] for value in values]
        groups = [np.concatenate(arrays, axis=-2)] if strip else arrays
        path = modules((*strip, *inside))
        where = ".".join(level.name for level in path[len(around) :] if level.name)
        for array in groups:
            heads = _heads(array)
            panels += [
                (" ".join(filter(None, [where, f"head {k}" if len(heads) > 1 else ""])), head)
                for k, head in enumerate(heads)
            ]
    return panels


class Taken(NamedTuple):
    """Weights of attention, and what they weigh.

    Attributes:
        weights: the value of a softmax, before dropout or a mask.
        values: the id of the values.
        axis: along which of the weights' axes the keys are.
    """

    weights: Operation
    values: int
    axis: int


def taker(graph: Graph, node: Operation) -> Taken | None:
    """The weights that a softmax gives, if a product with values or a weighted sum takes them."""
    stack = [(node, node)]
    while stack:
        at, weights = stack.pop()
        for edge in graph.readers[at.id]:
            reader = graph.nodes[edge.target]
            if reader.primitive == "matmul" and edge.position == 0:
                return Taken(weights, graph.operands[reader.id][1].source, -1)
            if reader.shape == at.shape and reader.primitive in ("multiply", "where"):
                stack.append((reader, weights))
            elif reader.primitive in BOOKKEEPING and prod(reader.shape) == prod(at.shape):
                stack.append((reader, reader if at is weights else weights))
            elif reader.primitive == "multiply" and (axis := _summed(graph, reader)) is not None:
                others = [e.source for e in graph.operands[reader.id] if e.source != at.id]
                if others and len(at.shape) == len(reader.shape) and at.shape[axis] > 1:
                    return Taken(weights, others[0], axis)
    return None


def _summed(graph: Graph, node: Operation) -> int | None:
    """The axis along which a product is summed, if nothing else reads it."""
    readers = [graph.nodes[edge.target] for edge in graph.readers[node.id]]
    if len(readers) != 1 or readers[0].primitive != "sum" or readers[0].call is None:
        return None
    axis = readers[0].call.static.get("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    return axes[0] if len(axes) == 1 and isinstance(axes[0], int) else None
