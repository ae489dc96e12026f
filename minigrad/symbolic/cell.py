"""The derivation of a recurrent cell's gradients."""

from __future__ import annotations

from dataclasses import replace

import sympy

from minigrad.symbolic.adjoints import Adjoint, adjoints, local_partials
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.equations import (
    PREVIOUS,
    Affine,
    CellEquations,
    Elementwise,
    Equation,
    Total,
    cell_equations,
    symbol,
)
from minigrad.symbolic.formula import Formula, Name, op, plus
from minigrad.symbolic.gradient_flow import gradient_flow
from minigrad.symbolic.sentences import Prose, Words
from minigrad.symbolic.vocabulary import vocabulary
from minigrad.symbolic.writer import Writer
from minigrad.targets import Target


def derive_cell(
    target: Target, wrt: str | None = None, *, notation: str = "standard", words: Words
) -> Derivation:
    """The forward equations, then every gradient, of a cell over time.

    Args:
        target: the cell.
        wrt: only what leads to this parameter, gate, state or input, named as in the code.
        notation: see `minigrad.symbolic.vocabulary`.
        words: the language.

    Raises:
        ValueError: the cell's step cannot be read, or ``wrt`` names nothing in it.
    """
    equations = cell_equations(target)
    writer = Writer(equations, vocabulary(equations, notation))
    found = adjoints(equations)
    cell = _Sections(writer, words)
    sections = [
        cell.forward(),
        cell.local(),
        cell.backward(found),
        cell.parameters(found),
        cell.initial(found),
        *gradient_flow(writer, words),
    ]
    title = words.plain("gradients", of=target.title)
    if wrt is not None:
        needed = _needed(equations, found, _meant(equations, wrt))
        sections = [
            replace(section, lines=tuple(x for x in section.lines if k == 0 or _keeps(x, needed)))
            for k, section in enumerate(sections)
        ]
        title = words.plain("gradient_by", of=target.title, wrt=wrt)
    kept = tuple(section for section in sections if section.lines)
    return Derivation(title, kept, words.language)


class _Sections:
    """The sections of a cell's derivation."""

    def __init__(self, writer: Writer, words: Words) -> None:
        self.writer, self.say = writer, words
        self.equations = writer.equations
        self.by_name = {equation.name: equation for equation in self.equations.equations}
        self.partials = local_partials(self.equations)
        self.gates = {gate.gate for gate in writer.affine.values()}

    def forward(self) -> Section:
        """What one step computes."""
        writer, lines = self.writer, []
        for equation in self.equations.equations:
            if isinstance(equation, Affine):
                product = writer.weight(equation.gate), writer.stacked(equation.operands)
                right: Formula = (
                    op("affine", *product, writer.bias(equation.gate))
                    if equation.biased
                    else op("matmul", *product)
                )
            elif isinstance(equation, Total):
                kind = "total" if equation.factor == 1 else "mean"
                right = op(kind, writer.scalar(equation.expression))
            else:
                right = writer.scalar(equation.expression)
            formula = op("equals", writer.name(equation.name), right)
            lines.append(Line(formula, self._role(equation), equation.name))
        says = self.say("forward_says")
        if any(isinstance(e, Total) for e in self.equations.equations):
            says += self.say("units_say")
        return Section(self.say.plain("forward"), says, tuple(lines))

    def _role(self, equation: Equation) -> Prose:
        """What part an equation plays."""
        name, say = equation.name, self.say
        if isinstance(equation, Affine):
            return say("affine_map", role=self._part(equation.gate))
        if isinstance(equation, Total):
            return say("sum_over_units" if equation.factor == 1 else "mean_over_units")
        if name in self.equations.state or name in self.gates:
            function = equation.expression.func.__name__
            ranges = {"sigmoid": "between_0_and_1", "tanh": "between_1_and_1"}
            return say(ranges.get(function, "is_role"), role=self._part(name))
        return say("handed")

    def _part(self, name: str) -> Prose:
        roles = self.writer.vocabulary.roles
        if name in roles:
            return self.say(roles[name])
        kind = "state" if name in self.equations.state else "gate"
        return self.say(kind, name=Name(self.writer.vocabulary.index(name)))

    def local(self) -> Section:
        """Derivatives of each equation by what stands in it."""
        writer, lines = self.writer, []
        for (w, v), derivative in self.partials.items():
            left = op("partial", writer.name(w), writer.name(v))
            formula = op("equals", left, writer.scalar(derivative))
            lines.append(Line(formula, self._rule(w, v, derivative), f"{w}|{v}", (w,)))
        return Section(self.say.plain("local"), self.say("local_says"), tuple(lines))

    def _rule(self, w: str, v: str, derivative: sympy.Expr) -> Prose:
        """The rule of differentiation that applies."""
        equation, variable, say = self.by_name[w], symbol(v), self.say
        if isinstance(equation, Total):
            return say("rule_total" if equation.factor == 1 else "rule_mean")
        assert isinstance(equation, Elementwise)
        expression = equation.expression
        if expression.is_Function:
            function = expression.func.__name__
            named = {
                "sigmoid": "rule_sigmoid",
                "tanh": "rule_tanh",
                "exp": "rule_exp",
                "relu": "rule_step",
                "maximum": "rule_larger",
                "minimum": "rule_larger",
            }
            rule = say(named.get(function, "rule_function"), name=function)
            inner = expression.args[0] == variable or function in ("maximum", "minimum")
            return rule if inner else (*rule, *say("rule_inner"))
        if variable in sympy.fraction(sympy.together(expression))[1].free_symbols:
            return say("rule_quotient")
        terms = [t for t in sympy.Add.make_args(expression) if variable in t.free_symbols]
        if derivative == 1:
            return say("rule_linear")
        if len(terms) == 1 and variable not in derivative.free_symbols:
            return say("rule_product")
        inside = [
            f.func.__name__ for f in expression.atoms(sympy.Function) if variable in f.free_symbols
        ]
        if len(terms) == 1 and inside == ["tanh"]:
            return (*say("rule_product"), "; ", *say("rule_tanh"))
        return say("rule_products")

    def backward(self, found: list[Adjoint]) -> Section:
        """The cotangent of every quantity."""
        writer, lines, split = self.writer, [], []
        for adjoint in found:
            if adjoint.name in self.equations.parameters:
                continue
            uses = tuple(
                way.consumer
                if way.partial is None
                else f"{way.consumer}|{adjoint.name}{PREVIOUS if way.later else ''}"
                for way in adjoint.ways
            )
            formula = writer.cotangent(adjoint)
            lines.append(Line(formula, self._enters(adjoint), adjoint.name, uses))
            split += [
                (writer.affine[way.consumer], way.position)
                for way in adjoint.ways
                if way.partial is None and len(writer.affine[way.consumer].operands) > 1
            ]
        direct = op("from_output_inline", writer.name(self.equations.state[0]))
        says = self.say("backward_says", direct=direct)
        if split:
            gate, position = split[0]
            says += self.say(
                "columns_say", weight=writer.columns(gate, position),
                whole=writer.weight(gate.gate), operand=writer.name(gate.operands[position]),
            )  # fmt: skip
        return Section(self.say.plain("backward_in_time"), says, tuple(lines))

    def _enters(self, adjoint: Adjoint) -> Prose:
        """By which ways a quantity enters the loss."""
        now = [way.consumer for way in adjoint.ways if not way.later]
        later = [way.consumer for way in adjoint.ways if way.later]
        ways = "".join((
            "_loss" if adjoint.is_output else "", "_now" if now else "", "_later" if later else "",
        ))  # fmt: skip
        return self.say(
            f"enters{ways or '_nowhere'}",
            v=self.writer.name(adjoint.name),
            now=[self.writer.name(w) for w in dict.fromkeys(now)],
            later=[self.writer.name(w, 1) for w in dict.fromkeys(later)],
        )

    def parameters(self, found: list[Adjoint]) -> Section:
        """Gradients of weights, biases and parameters used entry by entry."""
        writer, say, lines = self.writer, self.say, []
        for gate in dict.fromkeys(call.gate for call in writer.affine.values()):
            calls = [call for call in writer.affine.values() if call.gate == gate]
            deltas: list[Formula] = [writer.name(call.name, delta=True) for call in calls]
            products: list[Formula] = [
                op("matmul", delta, op("transpose", writer.stacked(call.operands)))
                for delta, call in zip(deltas, calls, strict=True)
            ]
            weight, bias = writer.weight(gate), writer.bias(gate)
            used = tuple(call.name for call in calls)
            enters = say("bias_shared", b=bias, a=[writer.name(name) for name in used])
            for of, terms, reason in (
                (weight, products, say("weight_shared", w=weight)),
                *([(bias, deltas, enters)] if calls[0].biased else []),
            ):
                left = op("partial", Name("L"), of)
                formula = op("equals", left, op("sum_t", plus(terms)))
                lines.append(Line(formula, reason, f"{of.base}_{gate}", used))
        for adjoint in found:
            if adjoint.name in self.equations.parameters:
                terms = [writer.term(way) for way in adjoint.ways]
                left = op("partial", Name("L"), Name(adjoint.name))
                formula = op("equals", left, op("sum_t", plus(terms)))
                shared = adjoint.name in self.equations.shared
                uses = tuple(f"{way.consumer}|{adjoint.name}" for way in adjoint.ways)
                reason = say("one_shared" if shared else "own_shared")
                lines.append(Line(formula, reason, adjoint.name, uses))
        return Section(say.plain("parameters"), say("parameters_say"), tuple(lines))

    def initial(self, found: list[Adjoint]) -> Section:
        """Gradients of the states before the first step."""
        writer, lines = self.writer, []
        for adjoint in found:
            terms = [writer.term(way, time="") for way in adjoint.ways if way.later]
            if adjoint.name in self.equations.state:
                left = op("partial", Name("L"), writer.name(adjoint.name, time=""))
                lines.append(Line(op("equals", left, plus(terms)), self.say("initial_why"),
                                  f"{adjoint.name}_0"))  # fmt: skip
        return Section(self.say.plain("initial"), self.say("initial_say"), tuple(lines))


def _meant(equations: CellEquations, wrt: str) -> str:
    """The line that ``wrt`` asks for: W_f and b_f are lines of their own."""
    affine = [e for e in equations.equations if isinstance(e, Affine)]
    gates = [e.gate for e in affine]
    named = {e.name for e in equations.equations}
    known = [
        *(f"{base}_{e.gate}" for e in affine for base in ("W", "b")[: 1 + e.biased]),
        *dict.fromkeys(gates), *equations.state, *(f"{s}_0" for s in equations.state), "x",
        *equations.parameters,
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
    if wrt.endswith("_0") and wrt[:-2] in equations.state:
        stack = [wrt[:-2]]
    elif wrt not in ways:  # a weight or a bias, of which a gate may make use more than once
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


def _keeps(line: Line, needed: set[str]) -> bool:
    return line.of in needed or line.of.replace(PREVIOUS, "") in {
        n.replace(PREVIOUS, "") for n in needed
    }
