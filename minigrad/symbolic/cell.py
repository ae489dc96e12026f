"""The derivation of a recurrent cell's gradients."""

from __future__ import annotations

import sympy

from minigrad.notation import pretty
from minigrad.symbolic.adjoints import Adjoint, Through, adjoints, direct_path, local_partials
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.equations import (
    PREVIOUS,
    Affine,
    CellEquations,
    Elementwise,
    cell_equations,
)
from minigrad.symbolic.formula import Formula, Name, Scalar, hadamard, op, plus
from minigrad.targets import Target


def derive_cell(target: Target, wrt: str | None = None) -> Derivation:
    """The forward equations, then every gradient, of a cell over time.

    Raises:
        ValueError: the cell's step cannot be read, or ``wrt`` names nothing in it.
    """
    equations = cell_equations(target)
    writer = _Writer(equations)
    found = adjoints(equations)
    sections = [
        writer.forward(),
        writer.local(),
        writer.backward(found),
        writer.parameters(found),
        writer.memory(),
    ]
    if wrt is not None:
        needed = _needed(equations, found, _meant(equations, wrt))
        sections = [_only(section, needed) for section in sections]
    kept = tuple(section for section in sections if section.lines)
    subject = f"∂L/∂{_shown(wrt)} of {target.title}" if wrt else f"The gradients of {target.title}"
    return Derivation(subject, kept)


class _Writer:
    """Writes formulas of one cell: names, their time steps, their cotangents."""

    def __init__(self, equations: CellEquations) -> None:
        self.equations = equations
        self.affine = {e.name: e for e in equations.equations if isinstance(e, Affine)}
        self.partials = local_partials(equations)

    def name(self, name: str, shift: int = 0, *, delta: bool = False) -> Name:
        """A quantity ``shift`` steps after t."""
        if name.endswith(PREVIOUS):
            return self.name(name[: -len(PREVIOUS)], shift - 1, delta=delta)
        if name in self.equations.parameters:
            return Name(name, delta=delta)
        if name in self.affine and "^" in name:
            return Name("a", shift, upper=name.partition("^")[2], delta=delta)
        return Name(name, shift, delta=delta)

    def scalar(self, expression: object, shift: int = 0) -> Scalar:
        """An expression in quantities, each at its step."""
        symbols = sorted(getattr(expression, "free_symbols", ()), key=self._rank)
        return Scalar(expression, tuple((s, self.name(s.name, shift)) for s in symbols))

    def _rank(self, variable: sympy.Symbol) -> tuple[int, str]:
        """Gates before what they act on: f_t ∘ c_{t−1}, i_t ∘ g_t."""
        order = [equation.name for equation in self.equations.equations]
        name = variable.name
        return (order.index(name) if name in order else len(order)), name

    def stacked(self, operands: tuple[str, ...]) -> Formula:
        """What a gate is applied to: [h_{t−1}, x_t]."""
        names = [self.name(operand) for operand in operands]
        return op("stack", *names) if len(names) > 1 else names[0]

    def forward(self) -> Section:
        """What one step computes."""
        lines = []
        for equation in self.equations.equations:
            if isinstance(equation, Affine):
                weight, bias = Name("W", lower=equation.gate), Name("b", lower=equation.gate)
                right: Formula = op("affine", weight, self.stacked(equation.operands), bias)
                reason = f"gate {pretty(equation.gate)}: an affine map"
            else:
                right = self.scalar(equation.expression)
                reason = self._role(equation)
            lines.append(Line(op("equals", self.name(equation.name), right), reason, equation.name))
        return Section(
            "Forward",
            "One step, as the cell's own code computes it. Products written ∘ are entry by entry.",
            tuple(lines),
        )

    def _role(self, equation: Elementwise) -> str:
        if equation.name in self.equations.state:
            return f"state {pretty(equation.name)}"
        if equation.name in self.cell_gates():
            return f"gate {pretty(equation.name)}"
        return "handed to a gate"

    def cell_gates(self) -> set[str]:
        """Names of the gates."""
        return {equation.gate for equation in self.affine.values()}

    def local(self) -> Section:
        """Derivatives of each equation by what stands in it."""
        lines = []
        for (w, v), derivative in self.partials.items():
            left = op("partial", self.name(w), self.name(v))
            equation = next(e for e in self.equations.equations if e.name == w)
            assert isinstance(equation, Elementwise)
            lines.append(
                Line(op("equals", left, self.scalar(derivative)), _rule(equation), f"{w}|{v}")
            )
        return Section(
            "Local derivatives",
            "SymPy's derivative of each equation, the rest held; they hold for each entry.",
            tuple(lines),
        )

    def backward(self, found: list[Adjoint]) -> Section:
        """The cotangent of every quantity."""
        lines = []
        for adjoint in found:
            if adjoint.name in self.equations.parameters:
                continue
            terms = [self._term(adjoint.name, way) for way in adjoint.ways]
            if adjoint.is_output:
                terms.insert(0, op("from_output", self.name(adjoint.name)))
            left = self.name(adjoint.name, delta=True)
            lines.append(Line(op("equals", left, plus(terms)), self._why(adjoint), adjoint.name))
        return Section(
            "Backward through time",
            "δv is ∂L/∂v. From the last step to the first; at the last one, what comes from "
            "step t + 1 is 0. ∂ℓ/∂h is what the loss sends to the state of this step directly.",
            tuple(lines),
        )

    def _term(self, name: str, way: Through) -> Formula:
        shift = 1 if way.later else 0
        delta = self.name(way.consumer, shift, delta=True)
        if way.partial is None:
            gate = self.affine[way.consumer]
            weight = Name("W", lower=gate.gate)
            if len(gate.operands) > 1:
                weight = Name("W", lower=gate.gate, upper=self._column(gate, way.position))
            return op("matmul", op("transpose", weight), delta)
        return hadamard(delta, self.scalar(way.partial, shift))

    def _column(self, gate: Affine, position: int) -> str:
        """Which columns of a weight: those that meet this operand."""
        labels = [operand.removesuffix(PREVIOUS) for operand in gate.operands]
        label = labels[position]  # c_{t−1} and c_t may both be there
        return label if labels.count(label) == 1 else f"{label}_{position + 1}"

    def _why(self, adjoint: Adjoint) -> str:
        now = [self._plain(way.consumer) for way in adjoint.ways if not way.later]
        later = [self._plain(way.consumer) for way in adjoint.ways if way.later]
        parts = []
        if adjoint.is_output:
            parts.append("the loss itself")
        if now:
            parts.append("through " + ", ".join(dict.fromkeys(now)))
        if later:
            parts.append("through " + ", ".join(dict.fromkeys(later)) + " of step t + 1")
        return "chain rule: " + "; ".join(parts) if parts else "nothing depends on it"

    def _plain(self, name: str) -> str:
        base, upper, gate = name.partition("^")
        return f"{base}{upper}{pretty(gate)}" if upper else pretty(name)

    def parameters(self, found: list[Adjoint]) -> Section:
        """Gradients of weights, biases and parameters used entry by entry."""
        lines = []
        for gate in dict.fromkeys(call.gate for call in self.affine.values()):
            calls = [call for call in self.affine.values() if call.gate == gate]
            deltas: list[Formula] = [self.name(call.name, delta=True) for call in calls]
            products: list[Formula] = [
                op("matmul", delta, op("transpose", self.stacked(call.operands)))
                for delta, call in zip(deltas, calls, strict=True)
            ]
            for base, terms, reason in (
                ("W", products, "a sum over steps: every step uses W"),
                ("b", deltas, f"a^{pretty(gate)} contains b with the factor 1"),
            ):
                left = op("partial", Name("L"), Name(base, lower=gate))
                formula = op("equals", left, op("sum_t", plus(terms)))
                lines.append(Line(formula, reason, f"{base}_{gate}"))
        for adjoint in found:
            if adjoint.name in self.equations.parameters:
                terms = [self._term(adjoint.name, way) for way in adjoint.ways]
                left = op("partial", Name("L"), Name(adjoint.name))
                formula = op("equals", left, op("sum_t", plus(terms)))
                lines.append(Line(formula, "a sum over steps", adjoint.name))
        return Section(
            "Parameters",
            "The same weights act at every step, so their gradients add up over time.",
            tuple(lines),
        )

    def memory(self) -> Section:
        """How a state reaches the state of the next step without a weight between."""
        lines = []
        for state in self.equations.state:
            path = direct_path(self.equations, state)
            if path != 0:
                before, after = self.name(f"{state}{PREVIOUS}"), self.name(state)
                formula = op("equals", op("partial", after, before), self.scalar(path))
                lines.append(Line(formula, "the gates held as they are", state))
        return Section(
            "What carries the gradient",
            "The path from a state to the next one that leads through no gate: where this factor "
            "is near 1, the gradient lives through many steps.",
            tuple(lines),
        )


def _rule(equation: Elementwise) -> str:
    """The rule of differentiation that applies."""
    expression = equation.expression
    if expression.is_Function:
        named = {"sigmoid": "σ′ = σ (1 − σ)", "tanh": "tanh′ = 1 − tanh²"}
        return named.get(expression.func.__name__, f"derivative of {expression.func.__name__}")
    return "sum and product rule"


def _shown(wrt: str) -> str:
    base, _, gate = wrt.partition("_")
    return f"{base}_{pretty(gate)}" if base in ("W", "b") and gate else pretty(wrt)


def _meant(equations: CellEquations, wrt: str) -> str:
    """The line that ``wrt`` asks for: W_f and b_f are lines of their own."""
    gates = [e.gate for e in equations.equations if isinstance(e, Affine)]
    named = {e.name for e in equations.equations}
    known = [
        *(f"{base}_{gate}" for gate in dict.fromkeys(gates) for base in ("W", "b")),
        *dict.fromkeys(gates), *equations.state, "x", *equations.parameters,
    ]  # fmt: skip
    if wrt not in known:
        raise ValueError(
            f"derive: {equations.title} has no {wrt!r}; it has {', '.join(dict.fromkeys(known))}"
        )
    if wrt in gates and wrt not in named:  # its activation is a state: the map stands for it
        return next(e.name for e in equations.equations if isinstance(e, Affine) and e.gate == wrt)
    return wrt


def _needed(equations: CellEquations, found: list[Adjoint], wrt: str) -> set[str]:
    """The quantities whose cotangents lead to that of ``wrt``, and the lines to keep."""
    ways = {adjoint.name: adjoint.ways for adjoint in found}
    needed, stack = {wrt}, [wrt]
    if wrt not in ways:  # a weight or a bias, of which a gate may make use more than once
        gate = wrt.partition("_")[2]
        stack = [e.name for e in equations.equations if isinstance(e, Affine) and e.gate == gate]
    while stack:
        name = stack.pop()
        if name not in needed or name == wrt:
            needed.add(name)
            for way in ways[name]:
                needed.add(f"{way.consumer}|{name}")
                if way.consumer not in needed:
                    stack.append(way.consumer)
    return needed


def _only(section: Section, needed: set[str]) -> Section:
    forward = section.title == "Forward"
    lines = tuple(line for line in section.lines if forward or _keeps(line, needed))
    return Section(section.title, section.sentence, lines)


def _keeps(line: Line, needed: set[str]) -> bool:
    return line.of in needed or line.of.replace(PREVIOUS, "") in {
        n.replace(PREVIOUS, "") for n in needed
    }
