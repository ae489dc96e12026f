"""Which operand of an operation an arrow brings, where that makes a difference: a − b, a ÷ b."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from minigrad.graph.record import BOOKKEEPING, Graph, Operation
from minigrad.graph.terms import Call, Name, Term
from minigrad.graph.view import Arrow, Key, Say, View

_SIGNS = frozenset({"subtract", "divide", "matmul", "power"})
_CHOICE = "if", "then", "else"


class Operands:
    """What the items of a view draw, and what they read.

    Args:
        graph: that the view is of.
        view: whose arrows are asked for.
    """

    def __init__(self, graph: Graph, view: View) -> None:
        self.graph, self.view = graph, view
        self.drawn: dict[int, list[Key]] = defaultdict(list)
        self.sources: dict[Key, list[Key]] = defaultdict(list)
        for item in view.items:
            for number in item.nodes:
                self.drawn[number].append(item.key)
        for a, b in view.arrows:
            self.sources[b].append(a)

    def brought(self, node: Operation, a: Key) -> Iterator[tuple[int, bool]]:
        """The operands of a node that an item brings, and whether it was transposed on the way."""
        wanted = set(self.view.by_key[a].nodes)
        for edge in self.graph.operands[node.id]:
            stack = [(edge.source, False)]
            while stack:
                number, flipped = stack.pop()
                if number in wanted or a in self.drawn[number]:
                    yield edge.position, flipped
                    break
                source = self.graph.nodes[number]
                if source.primitive in BOOKKEEPING and not self.drawn[number]:
                    flipped ^= source.flips
                    stack += [(e.source, flipped) for e in self.graph.operands[number]]


def with_roles(view: View, graph: Graph) -> View:
    """The view with a word at each arrow to an operation whose operands cannot be exchanged.

    The sign stands at the second operand: − at what is subtracted, ÷ at the divisor, @ at the
    right factor; a factor that is transposed on its way says so: @ Kᵀ. Of a choice, each arrow
    says which it is.
    """
    operands = Operands(graph, view)
    labels: dict[Arrow, Term | Say | str] = {}
    for item in view.items:
        node = graph.nodes[item.nodes[-1]] if item.nodes else None
        if (
            node is None
            or item.kind not in ("point", "operation", "state")
            or node.primitive not in (*_SIGNS, "where")
            or len(graph.operands[node.id]) < 2
            or not isinstance(item.label.formula, str | None)
        ):
            continue
        for a in operands.sources[item.key]:
            brought = set(operands.brought(node, a))
            if len(brought) != 1:
                continue
            ((position, flipped),) = brought
            if node.primitive == "where":
                labels[a, item.key] = Say(_CHOICE[position])
            elif flipped:
                called = Name(view.by_key[a].label.name or "·", transposed=True)
                labels[a, item.key] = Call("@", (called,), infix=True) if position else called
            elif position == 1:
                labels[a, item.key] = node.label
    return replace(view, labels={**labels, **view.labels})
