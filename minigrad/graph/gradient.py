"""The way back: local derivatives on the arrows, the size of each gradient as heat."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.graph import dot, strips
from minigrad.graph.items import Item, View, subscript
from minigrad.graph.model import Graph, Operation, Use
from minigrad.graph.summary import Summary
from minigrad.graph.views import MOST_STEPS, elided, unrolled
from minigrad.notation import pretty
from minigrad.primitives import PRIMITIVES

_VALUES = str.maketrans("₋₀₁₂₃₄₅₆₇₈₉", "-0123456789")
_NOTHING = -400.0  # the power of ten that stands for a gradient of 0


def gradient(graph: Graph, *, all_steps: bool = False, title: str | None = None) -> View:
    """The unrolled graph with arrows backward, and the sizes of the states' gradients in time.

    Args:
        graph: with gradients: from `trace_target`, or `trace` after a backward or with
            ``gradients_of``.
        all_steps: draw every step, also when there are more than 8.
        title: heading of the picture; the graph's title if not given.

    Raises:
        ValueError: no backward has been run.
    """
    if graph.loss is None:
        raise ValueError(
            "gradient: no backward() yet, so there are no gradients: trace with gradients_of=L"
        )
    whole = unrolled(graph, all_steps=True, title=title)
    view = whole if all_steps or len(whole.steps) <= MOST_STEPS else elided(whole)
    derivatives = _Derivatives(graph, view)
    labels = {
        (a, b): dot.cut(text) for a, b in view.arrows if (text := derivatives.label(a, b))
    }  # fmt: skip
    heat = {item.id: _power(graph.nodes[item.nodes[-1]]) for item in view.items if item.nodes}
    return replace(
        view, name="gradient", labels=labels, heat=heat, series=_series(graph, whole),
        caption=(f"L is {dot.cut(graph.loss, 80)}.", "Arrows run backward from L; "
                 "each carries the local derivative that it multiplies by."),
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
    return math.log10(norm) if norm > 0 else _NOTHING


def _series(graph: Graph, view: View) -> tuple[tuple[str, tuple[tuple[int, float], ...]], ...]:
    """For each state of each strip the size of its gradient at every step."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for item in view.items:
        if item.kind == "state" and item.step is not None and item.nodes:
            power = _power(graph.nodes[item.nodes[-1]])
            if power is not None:
                found[item.strip, item.role.removeprefix("state ")].append((item.step, power))
    many = len({strip for strip, _ in found}) > 1
    return tuple(
        (f"‖∂L/∂{pretty(name)}ₜ‖" + (f", {strips.title_of(strip)}" if many else ""),
         tuple(sorted(points)))
        for (strip, name), points in sorted(found.items(), key=lambda one: one[0][1] != "h")
    )  # fmt: skip


class _Derivatives:
    """What an arrow multiplies the gradient by, read off the primitive's own rule."""

    def __init__(self, graph: Graph, view: View) -> None:
        self.graph = graph
        self.items = {item.id: item for item in view.items}
        self.sources: dict[int, list[int]] = defaultdict(list)
        for edge in graph.edges:
            self.sources[edge.target].append(edge.source)
        self.uses: dict[int, list[Use]] = defaultdict(list)
        for edge in graph.edges:
            self.uses[edge.target].append(edge)
        self.into: dict[str, list[str]] = defaultdict(list)
        for a, b in view.arrows:
            self.into[b].append(a)
        self.owner: dict[int, str] = {}
        self.shown: dict[int, list[str]] = defaultdict(list)
        for item in view.items:
            for number in item.nodes:
                self.shown[number].append(item.id)
                if item.kind == "state" or number not in self.owner:
                    self.owner[number] = item.id
        self.known: dict[tuple[str, str, str, bool], tuple[int, str]] = {}

    def label(self, a: str, b: str) -> str:
        """The local derivative of ``b`` by ``a``; empty where it is 1 by itself."""
        one, other = self.items[a], self.items[b]
        if not other.nodes or other.kind in ("state", "input", "join"):
            return ""
        if other.step is None:
            return self._written(one, other)
        key = (other.strip, one.role, other.role, one.step == other.step)
        if key not in self.known:  # the same at every step, but for its number
            self.known[key] = other.step, self._written(one, other)
        step, text = self.known[key]
        return _shifted(text, other.step - step)

    def _written(self, one: Item, other: Item) -> str:
        node = self.graph.nodes[other.nodes[-1]]
        if other.kind == "layer":
            name = other.lines[0].rpartition(" = ")[2].removesuffix("(x)")
            weight = f"W_{name}" if any(k == "gate" for k, _, _ in node.scope) else "W"
            primitive = PRIMITIVES.get(node.primitive)
            if primitive is not None and primitive.kind == "elementwise" and primitive.arity == 1:
                return f"× {_factor(_derivative(primitive, name, 'a'))}·{weight}"
            return f"× {weight}" if "W" in other.lines[1] else f"{name} ′"
        position = self._position(node, one)
        primitive = PRIMITIVES.get(node.primitive)
        if primitive is None or position is None:
            return ""
        if primitive.kind == "elementwise":
            return f"× {_factor(self._partial(node, position, other))}"
        if node.primitive == "matmul":
            rest = self._name(self.sources[node.id][1 - position], other)
            return f"× {rest}ᵀ"
        if node.primitive == "affine":
            return ("× W", f"× {self._name(self.sources[node.id][0], other)}", "× 1")[position]
        return {"sum": "× 1", "mean": "÷ n"}.get(node.primitive, f"{node.label} ′")

    def _position(self, node: Operation, one: Item) -> int | None:
        """Which operand of the node comes from the item, seen through bookkeeping."""
        wanted, via = set(one.nodes), {one.id}
        for edge in self.uses[node.id]:
            stack = [edge.source]
            while stack:
                number = stack.pop()
                if number in wanted or self.owner.get(number) in via:
                    return edge.position
                if number not in self.owner:
                    stack += self.sources[number]
        return None

    def _partial(self, node: Operation, position: int, reader: Item) -> str:
        """The rule of an elementwise primitive, run on the names of its operands."""
        import sympy

        from minigrad.arrays.symbolic import SymbolicArray

        primitive = PRIMITIVES[node.primitive]
        numbers = dict(node.numbers)
        names = {e.position: self._name(e.source, reader) for e in self.uses[node.id]}
        if primitive.arity == 1:
            return _derivative(primitive, f"{primitive.label}({names[0]})", names[0])
        operands: list[Any] = [
            sympy.nsimplify(numbers[k]) if k in numbers else sympy.Symbol(names.get(k, "…"))
            for k in range(primitive.arity)
        ]
        rule = primitive.vjp(position)
        assert rule is not None
        y = sympy.Symbol(node.name or "y")
        result = rule(SymbolicArray(sympy.Integer(1)), SymbolicArray(y),
                      *map(SymbolicArray, operands))  # fmt: skip
        return _text(getattr(result, "item", lambda: result)())

    def _name(self, number: int, reader: Item) -> str:
        """What a value is called: its item's name, or an operation on names.

        Several items may draw one value, such as the zeros that both directions of a layer
        start from: c₋₁ in one and c₃ in the other. The one that the reader gets is meant.
        """
        while number not in self.owner and self.sources[number]:
            number = self.sources[number][0]
        drawn, read = self.shown[number], self.into[reader.id]
        key = next((key for key in drawn if key in read), self.owner.get(number))
        if key is None:
            return self.graph.nodes[number].name or "…"
        item = self.items[key]
        step = "" if item.step is None else subscript(item.step)
        if item.kind == "layer":
            return item.called + step
        if item.kind in ("state", "input"):
            return item.lines[0]
        if item.kind == "point" and len(self.into[key]) == 1:
            source = self.items[self.into[key][0]]
            operand = self._name(source.nodes[-1], item) if source.nodes else source.lines[0]
            return f"{item.lines[0]}({operand})".replace("1 −(", "(1 − ")
        return item.called if " = " in item.lines[0] else "…"


def _derivative(primitive: Any, y: str, x: str) -> str:
    """SymPy's derivative of a function of one variable, in terms of its value y."""
    import sympy

    from minigrad.arrays.symbolic import derivative_of, function_of

    symbol = sympy.Symbol(x, real=True)
    value = function_of(primitive)(symbol)
    found, variables = derivative_of(primitive, 0)
    found = found.xreplace(dict(zip(variables, [symbol], strict=True)))
    if value.is_Function:
        found = found.xreplace({value: sympy.Symbol(y)})
    return _text(found)


def _text(expression: Any) -> str:
    """An expression as one writes it: powers raised, factors side by side."""
    text = str(expression).replace("**2", "²").replace("**3", "³").replace("*", "·")
    text = re.sub(r"sqrt\((\w+)\)", r"√\1", text)
    return text.replace("·(", "(").replace("-", "−")


def _factor(text: str) -> str:
    """In brackets if it is a sum."""
    inside = re.sub(r"\([^()]*\)", "", text)
    return f"({text})" if re.search(r" [+−] |^−", inside) else text


def _shifted(text: str, steps: int) -> str:
    """The text some steps later."""
    if not steps:
        return text
    return re.sub("₋?[₀-₉]+", lambda m: subscript(int(m[0].translate(_VALUES)) + steps), text)
