"""The derivation of a layer without time steps, such as attention, in matrices."""

from __future__ import annotations

import numpy as np
import sympy

from minigrad.arrays import functions
from minigrad.arrays.normal_form import is_zero
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.formula import Formula, Name, Scalar, op, plus, text
from minigrad.symbolic.matrix import MatrixArray
from minigrad.tape import Node, ancestors, unfused
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor

_STEPS, _INPUT, _WIDTH = 3, 2, 5  # widths that differ, so that √5 can only be √d


def derive_layer(target: Target, wrt: str | None = None) -> Derivation:
    """The forward equations of a layer and the gradient of everything named in it.

    The backward formulas are the engine's own rules, run on matrices that only have names.

    Raises:
        ValueError: a rule has no notation, or ``wrt`` names nothing in the layer.
    """
    layer = target.layer(_INPUT, _WIDTH, rng=0)
    x = Tensor(np.ones((_STEPS, _INPUT)), requires_grad=True, name="X")
    with unfused():
        outputs = layer(x)
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    writer = _Writer(sorted(ancestors([output]), key=lambda node: node.index), output)
    forward, backward = writer.forward(), writer.backward()
    if wrt is not None:
        wrt = "X" if wrt == "x" else wrt
        known = {_key(name): node for node, name in writer.names.items()}
        if wrt not in known:
            raise ValueError(
                f"derive: {target.title} has no {wrt!r}; it has {', '.join(sorted(known))}"
            )
        needed = writer.made_from(known[wrt])
        backward = [line for line in backward if line.of in needed]
    sections = [
        Section("Forward", "Rows are steps, or words; d is the width of the queries.",
                tuple(forward)),
        *([_softmax()] if writer.has_softmax else []),
        Section("Backward", "δV is ∂L/∂V. These are the engine's own rules, run on names.",
                tuple(backward)),
    ]  # fmt: skip
    title = f"∂L/∂{wrt} of {target.title}" if wrt else f"The gradients of {target.title}"
    return Derivation(title, tuple(sections))


class _Writer:
    """Formulas of what is on the tape: named values by name, the others written out."""

    def __init__(self, recorded: list[Node], output: Tensor) -> None:
        self.recorded, self.output = recorded, output
        users = {p: node for node in reversed(recorded) for p in node.parents if p is not None}
        self.names: dict[Node, Name] = {}
        for node in recorded:
            if node.name or node is output:
                self.names[node] = self._free(_name(node, users.get(node)))
        self.arrays = {
            node: MatrixArray(name, node.data.shape) for node, name in self.names.items()
        }
        self.written: dict[Node, MatrixArray] = {}
        self.has_softmax = any(n.primitive and n.primitive.name == "softmax" for n in recorded)
        for node in recorded:
            if node.primitive is not None:
                self.written[node] = node.primitive.apply(self._operands(node), node.static)
                self.arrays.setdefault(node, self.written[node])

    def _free(self, name: Name) -> Name:
        """The name, numbered if another module of the layer uses it too."""
        count = sum(
            other.base == name.base and other.lower.rstrip("0123456789") == name.lower
            for other in self.names.values()
        )
        return name if not count else Name(name.base, lower=f"{name.lower}{count + 1}")

    def made_from(self, start: Node) -> set[str]:
        """Names of the value and of everything that was made from it."""
        later = {start}
        for node in self.recorded:
            if any(parent in later for parent in node.parents):
                later.add(node)
        return {_key(name) for node, name in self.names.items() if node in later}

    def _operands(self, node: Node) -> tuple[object, ...]:
        return tuple(
            raw if parent is None else self.arrays[parent]
            for raw, parent in zip(node.operands, node.parents, strict=True)
        )

    def forward(self) -> list[Line]:
        """An equation for every named value."""
        return [
            Line(op("equals", self.names[node], _with_d(self.written[node].formula)),
                 _reason(node), _key(self.names[node]))
            for node in self.recorded
            if node in self.names and node in self.written
        ]  # fmt: skip

    def backward(self) -> list[Line]:
        """The cotangent of every named value, last first; unnamed ones are written out."""
        seed = MatrixArray(op("from_output", self.names[self.output]), self.output.shape)
        table: dict[Node, list[tuple[MatrixArray, str]]] = {self.output: [(seed, "the loss")]}
        lines = []
        for node in reversed(self.recorded):
            parts = table.pop(node, None)
            if parts is None:
                continue
            total = plus([part.formula for part, _ in parts])
            via = ", ".join(dict.fromkeys(way for _, way in parts))
            if node in self.names:
                name = self.names[node]
                delta = Name(name.base, lower=name.lower, delta=True)
                reason = f"chain rule: through {via}"
                lines.append(Line(op("equals", delta, _with_d(total)), reason, _key(name)))
                total, via = delta, text(name)
            g = MatrixArray(total, node.data.shape)
            for position, parent in enumerate(node.parents):
                if parent is not None:
                    part = self._contribution(node, position, g)
                    table.setdefault(parent, []).append((part, via))
        return lines

    def _contribution(self, node: Node, position: int, g: MatrixArray) -> MatrixArray:
        assert node.primitive is not None
        rule = node.primitive.vjp(position)
        assert rule is not None
        part = rule(g, self.arrays[node], *self._operands(node), **node.static)
        shape = node.operands[position].shape
        if part.shape != shape:  # what was broadcast is summed
            return MatrixArray(op("sum_rows", part.formula), shape)
        return part


def _name(node: Node, user: Node | None) -> Name:
    """The node's name; a parameter's says which module uses it."""
    if isinstance(node, Parameter):
        base = {"weight": "W", "bias": "b"}.get(node.name or "", node.name or "p")
        return Name(base, lower=user.scope.name if user is not None and user.scope else "")
    return Name(node.name or "Y")


def _key(name: Name) -> str:
    return f"{name.base}_{name.lower}" if name.lower else name.base


def _with_d(formula: Formula) -> Formula:
    """The formula with √d where the width of the queries stands."""
    if isinstance(formula, Scalar):
        d = sympy.Symbol("d", positive=True)
        return Scalar(formula.expression.subs(sympy.sqrt(_WIDTH), sympy.sqrt(d)))
    if isinstance(formula, Name):
        return formula
    return op(formula.kind, *map(_with_d, formula.parts))


def _reason(node: Node) -> str:
    assert node.primitive is not None
    made_by = {p.primitive.name for p in node.parents if p is not None and p.primitive}
    match node.primitive.name:
        case "softmax":
            return "each row becomes weights that sum to 1"
        case "matmul" if "softmax" in made_by:
            return "each row a mean of the values, by its weights"
        case "divide" if "matmul" in made_by:
            return "how well each query fits each key"
        case "add" if isinstance(node.parents[1], Parameter):
            return "an affine map"
        case name:
            return name


def _softmax() -> Section:
    """The Jacobian of softmax for one row, by SymPy."""
    s = sympy.symbols("s_0:3", real=True)
    total = sympy.Add(*(functions.exp(v) for v in s))
    weights = [functions.exp(v) / total for v in s]
    a = sympy.symbols("a_0:3", real=True)
    lines = []
    for j, (right, which) in enumerate(((a[0] * (1 - a[0]), "the same entry"),
                                       (-a[0] * a[1], "another entry"))):  # fmt: skip
        derivative = sympy.diff(weights[0], s[j])
        if not is_zero(derivative - right.xreplace(dict(zip(a, weights, strict=True)))):
            raise AssertionError("softmax: the Jacobian in closed form is not SymPy's")
        names = tuple((v, Name("A", lower="ij"[k])) for k, v in enumerate(a[:2]))
        left = op("partial", Name("A", lower="i"), Name("S", lower="ij"[j]))
        lines.append(Line(op("equals", left, Scalar(right, names)), which, "A"))
    return Section(
        "Softmax, one row",
        "SymPy's derivative of exp(S_i) / Σ exp(S_k), in terms of the weights A. Summed against "
        "δA it gives the formula for δS below.",
        tuple(lines),
    )
