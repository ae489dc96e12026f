"""The backward pass: what each arrow multiplies by, the size of each gradient as heat."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad import notation
from minigrad.graph import terms
from minigrad.graph.drawing.words import cut, strip_title
from minigrad.graph.record import Graph, Operation, Path
from minigrad.graph.record.summary import Summary
from minigrad.graph.terms import Call, Name, Number, Term
from minigrad.graph.view import Item, Key, Say, View, view
from minigrad.graph.views.operands import Operands
from minigrad.graph.views.steps import ENDS, name_of
from minigrad.graph.views.unrolled import unrolled
from minigrad.primitives import PRIMITIVES, Primitive

_DELTA = Name("δ")


@view("gradient", "the backward pass with the size of each gradient")
def gradient(
    graph: Graph,
    *,
    all_steps: bool = False,
    depth: int | None = None,
    open: Sequence[str] = (),
    ends: tuple[int, int] = ENDS,
    title: str | None = None,
) -> View:
    """The unrolled graph with arrows backward, and the sizes of the states' gradients in time.

    Args:
        graph: with gradients: from `trace_target`, or `trace` after a backward or with
            ``gradients_of``.
        all_steps: draw every step, also when there are more than 8.
        depth: levels of modules that are open, as in the unrolled view.
        open: modules that are open however deep they are.
        ends: how many of many steps are drawn at the beginning and the end.
        title: heading of the picture; the graph's title if not given.

    Raises:
        ValueError: no backward has been run.
    """
    if graph.loss is None:
        raise ValueError(
            "gradient: no backward() yet, so there are no gradients: trace with gradients_of=L"
        )
    shown = unrolled(graph, all_steps=all_steps, depth=depth, open=open, ends=ends, title=title)
    derivatives = _Derivatives(graph, shown)
    labels = {arrow: said for arrow in shown.arrows if (said := derivatives.label(*arrow))}
    heat = {item.key: _power(graph.nodes[item.nodes[-1]]) for item in shown.items if item.nodes}
    return replace(
        shown, name="gradient", labels=labels, heat=heat, series=_series(graph),
        caption=(Say("loss", (Say(cut(graph.loss, 80)),)), Say("backward"), Say("delta")),
    )  # fmt: skip


def _power(node: Operation) -> float | None:
    """Log10 of the norm of a node's gradient."""
    if node.gradient is None:
        return None
    if isinstance(node.gradient, Summary):
        norm = node.gradient.norm
    else:
        array = np.asarray(node.gradient)
        norm = float(np.linalg.norm(array.ravel())) if array.dtype != object else math.nan
    return math.log10(norm) if norm > 0 else -math.inf


def _series(graph: Graph) -> tuple[tuple[Say, tuple[tuple[int, float], ...]], ...]:
    """For each state of each strip the size of its gradient at every step."""
    found: dict[tuple[Path, str], list[tuple[int, float]]] = defaultdict(list)
    for strip in graph.turns:
        for alike in graph.alike(strip):
            nodes = [graph.nodes[number] for number in alike]
            name = nodes[-1].name
            carried = name and any(
                graph.nodes[edge.target].step != node.step
                for node in nodes for edge in graph.readers[node.id]
            )  # fmt: skip
            for node in nodes:
                if carried and node.step is not None and (power := _power(node)) is not None:
                    found[strip, name or ""].append((node.step, power))
    many = len({strip for strip, _ in found}) > 1
    return tuple(
        (Say("size of" if many and strip_title(strip) else "size",
             (notation.pretty(name), strip_title(strip))), tuple(sorted(points)))
        for (strip, name), points in sorted(found.items(), key=lambda one: one[0][1] != "h")
    )  # fmt: skip


class _Derivatives:
    """What an arrow makes of the gradient, read off the primitive's own rule."""

    def __init__(self, graph: Graph, view: View) -> None:
        self.graph, self.view, self.operands = graph, view, Operands(graph, view)
        self.drawn, self.sources = self.operands.drawn, self.operands.sources
        self.known: dict[tuple[Path, Key, Key, int], tuple[int, Term | None]] = {}

    def label(self, a: Key, b: Key) -> Term | None:
        """What the arrow from ``a`` to ``b`` carries back; ``None`` where δ itself."""
        item = self.view.by_key[b]
        if not item.nodes or item.kind in ("state", "input", "join", "ellipsis", "constant"):
            return None
        if b.step is None:
            return self._written(a, item)
        apart = b.step - (a.step if a.step is not None else b.step)
        key = (b.strip, a.role, b.role, apart)
        if key not in self.known:  # the same at every step, but for its number
            self.known[key] = b.step, self._written(a, item)
        step, term = self.known[key]
        return term and terms.later(term, b.step - step)

    def _written(self, a: Key, item: Item) -> Term | None:
        node = self.graph.nodes[item.nodes[-1]]
        one = self.view.by_key[a]
        if one.kind != "state" and one.nodes and not self.graph.nodes[one.nodes[-1]].requires_grad:
            return None  # nothing flows to a constant
        if item.kind == "layer":
            return self._of_layer(node, item)
        found = self._operand(node, a)
        primitive = PRIMITIVES.get(node.primitive)
        if primitive is None or found is None:
            return None
        position, flipped = found
        if primitive.kind == "elementwise":
            return _times(self._partial(node, primitive, position, item))
        if node.primitive == "matmul":
            return self._of_product(node, position, flipped, item)
        if node.primitive == "softmax":
            y = Name(node.name or "A", node.step)
            total = Call("Σ", (Call("∘", (y, _DELTA), infix=True),), infix=True)
            return Call("∘", (y, Call("−", (_DELTA, total), infix=True)), infix=True)
        if node.primitive == "sum":
            return _times(Number(1))
        if node.primitive == "mean":
            return Call("÷", (_DELTA, Name("n")), infix=True)
        return _JACOBIAN

    def _of_layer(self, node: Operation, item: Item) -> Term:
        """A layer's: its activation's derivative, then its weights."""
        inside = {self.graph.nodes[number].primitive for number in item.nodes}
        if not inside & {"matmul", "affine"} or "windows" in inside:
            return _JACOBIAN
        gated = any(self.graph.nodes[number].gate for number in item.nodes)
        weight = Name(f"W_{item.label.name}") if gated else Name("W")
        primitive = PRIMITIVES.get(node.primitive)
        if primitive is None or primitive.kind != "elementwise" or primitive.arity != 1:
            return _times(weight)
        y: Term = Name(item.label.name, item.step) if item.step is None else Name(item.label.name)
        slope = _slope(primitive, y, Name("a"))
        return _times(Call("·", (slope, weight), infix=True))

    def _of_product(self, node: Operation, position: int, flipped: bool, item: Item) -> Term:
        """δA = δ Bᵀ and δB = Aᵀ δ of A @ B; the transpose of these for what was transposed."""
        other = self._name(self.graph.operands[node.id][1 - position].source, item)
        if isinstance(other, Name):
            other = replace(other, transposed=other.transposed == flipped)
        delta = replace(_DELTA, transposed=flipped)
        first = (position == 0) != flipped
        pair = (delta, other) if first else (other, delta)
        return Call("@", pair, infix=True)

    def _operand(self, node: Operation, a: Key) -> tuple[int, bool] | None:
        """Which operand of the node comes from an item, and whether it was transposed there."""
        found = next(self.operands.brought(node, a), None)
        if found is not None:
            return found
        if a.kind in ("port", "bundle", "ellipsis") or not self.view.by_key[a].nodes:
            return (self.graph.operands[node.id][0].position, False) if (
                len(self.graph.operands[node.id]) == 1) else None  # fmt: skip
        return None

    def _partial(self, node: Operation, primitive: Primitive, position: int, item: Item) -> Term:
        """The rule of an elementwise primitive, run on the names of its operands."""
        import sympy

        from minigrad.arrays.symbolic import SymbolicArray

        numbers = dict(node.numbers)
        named = {e.position: self._name(e.source, item) for e in self.graph.operands[node.id]}
        if primitive.arity == 1:
            x = named[0]
            return _slope(primitive, terms.operation(node.primitive, node.label, [x]), x)
        symbols: dict[Any, Term] = {}
        operands: list[Any] = []
        for k in range(primitive.arity):
            if k in numbers:
                operands.append(sympy.nsimplify(numbers[k]))
            else:
                operands.append(sympy.Symbol(f"x{k}", real=True))
                symbols[operands[-1]] = named.get(k, Name("…"))
        rule = primitive.vjp(position)
        assert rule is not None
        y = sympy.Symbol("y", real=True)
        symbols[y] = Name(node.name or "y", node.step if node.name else None)
        result = rule(SymbolicArray(sympy.Integer(1)), SymbolicArray(y),
                      *map(SymbolicArray, operands))  # fmt: skip
        return terms.from_sympy(getattr(result, "item", lambda: result)(), symbols)

    def _name(self, number: int, reader: Item) -> Term:
        """What a value is called: its item's name, or an operation on names.

        Several items may draw one value, such as the zeros that both directions of a layer
        start from: c₋₁ in one and c₃ in the other. The one that the reader gets is meant.
        """
        flipped = False
        while not self.drawn[number]:
            node = self.graph.nodes[number]
            operands = self.graph.operands[number]
            if not operands:
                return Name(node.label)
            if node.part is not None:
                operands = self.graph.operands[operands[0].source][node.part :]
            flipped ^= node.flips
            number = operands[0].source
        read = self.sources[reader.key]
        key = next((key for key in self.drawn[number] if key in read), self.drawn[number][-1])
        item = self.view.by_key[key]
        if item.label.name:
            name = name_of(item)
            if isinstance(name, Name):
                step = item.step if item.kind == "layer" else name.step
                return replace(name, transposed=name.transposed ^ flipped, step=step)
            return name
        node = self.graph.nodes[number]
        if item.kind == "point" and len(self.sources[key]) == 1:
            args: list[Term] = [Number(value) for _, value in node.numbers]
            operand = self._name(self.graph.operands[number][0].source, item)
            args.insert(self.graph.operands[number][0].position, operand)
            return terms.operation(node.primitive, node.label, args)
        return Name("…")


_JACOBIAN = Call("@", (Name("J", None, True), _DELTA), infix=True)


def _times(term: Term) -> Term:
    return Call("×", (term,), infix=True)


def _slope(primitive: Primitive, y: Term, x: Term) -> Term:
    """SymPy's derivative of a function of one variable, in terms of its value y."""
    import sympy

    from minigrad.arrays.symbolic import derivative_of, function_of

    symbol, value = sympy.Symbol("x", real=True), sympy.Symbol("y", real=True)
    whole = function_of(primitive)(symbol)
    found, variables = derivative_of(primitive, 0)
    found = found.xreplace(dict(zip(variables, [symbol], strict=True)))
    if whole.is_Function:
        found = found.xreplace({whole: value})
    return terms.from_sympy(found, {symbol: x, value: y})
