"""A graph's nodes without those that do nothing, and affine maps as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.onnx.graph import Graph

_NONE = np.empty(())


def tidy(graph: Graph, results: Sequence[str], outputs: Sequence[str]) -> list[Any]:
    """The nodes that lead to the results, which get the names of the outputs.

    Args:
        graph: as it was written.
        results: the tensors that are asked for.
        outputs: what they are to be called.
    """
    nodes, results = _without_identities(graph.nodes, results)
    nodes = _joined(nodes, graph)
    names: dict[str, str] = {}
    made = {name for node in nodes for name in node.output}
    copies = []
    for result, output in zip(results, outputs, strict=True):
        if result in made and result not in names:
            names[result] = output
        else:  # an input itself, or the same tensor twice
            copies.append((result, output))
    for node in nodes:
        _rename(node, names)
        node.output[:] = [names.get(name, name) for name in node.output]
    for result, output in copies:
        source = names.get(result, result)
        nodes.append(graph.onnx.helper.make_node("Identity", [source], [output]))
    return _needed(nodes, outputs)


def reads(nodes: Sequence[Any]) -> Iterator[str]:
    """What nodes read, those of the graphs in them included."""
    for node in nodes:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from reads(attribute.g.node)
                yield from (out.name for out in attribute.g.output)


def _needed(nodes: Sequence[Any], outputs: Sequence[str]) -> list[Any]:
    alive, kept = set(outputs), []
    for node in reversed(nodes):
        if not alive.isdisjoint(node.output):
            kept.append(node)
            alive.update(reads([node]))
    return kept[::-1]


def _without_identities(
    nodes: Sequence[Any], results: Sequence[str]
) -> tuple[list[Any], list[str]]:
    other: dict[str, str] = {}
    for node in nodes:
        if node.op_type == "Identity":
            other[node.output[0]] = other.get(node.input[0], node.input[0])
    kept = [node for node in nodes if node.op_type != "Identity"]
    for node in kept:
        _rename(node, other)
    return kept, [other.get(name, name) for name in results]


def _rename(node: Any, other: Mapping[str, str]) -> None:
    """Other names for what a node reads."""
    node.input[:] = [other.get(name, name) for name in node.input]
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                _rename(inner, other)


def _joined(nodes: Sequence[Any], graph: Graph) -> list[Any]:
    """``x Wᵀ + b`` of matrices, as ONNX's Gemm."""
    made = {name: node for node in nodes for name in node.output}
    counts = Counter(reads(nodes))
    stored = graph.store.arrays

    def joined(node: Any) -> Any:
        for product, bias in (node.input, node.input[::-1]):
            found = made.get(product)
            if found is None or found.op_type != "MatMul" or counts[product] > 1:
                continue
            x, turned = found.input
            weight = made.get(turned)
            if weight is None or weight.op_type != "Transpose" or graph.ranks.get(x) != 2:
                continue
            if (stored.get(weight.input[0], _NONE).ndim, stored.get(bias, _NONE).ndim) == (2, 1):
                return graph.onnx.helper.make_node(
                    "Gemm", [x, weight.input[0], bias], list(node.output), name=node.name, transB=1
                )
        return node

    return [joined(node) if node.op_type == "Add" else node for node in nodes]
