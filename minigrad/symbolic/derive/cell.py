"""The derivation of a recurrent cell's gradients."""

from __future__ import annotations

from dataclasses import replace

import sympy

from minigrad.options import did_you_mean
from minigrad.symbolic import formula as f
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.derive.chain import Adjoint, Partials, Term, adjoints
from minigrad.symbolic.derive.gradient_flow import gradient_flow
from minigrad.symbolic.derive.naming import Naming, vocabulary
from minigrad.symbolic.derive.notes import NOTES
from minigrad.symbolic.derive.partials import local_partials
from minigrad.symbolic.formula import Quantity, equal, symbol
from minigrad.symbolic.matrix import Matrix
from minigrad.symbolic.read.equations import (
    PREVIOUS,
    Affine,
    Applied,
    CellEquations,
    Elementwise,
    Equation,
    Total,
)
from minigrad.symbolic.write.sentences import Prose, Words


def derive_cell(
    equations: CellEquations,
    wrt: str | None = None,
    *,
    notation: str = "standard",
    words: Words,
) -> Derivation:
    """The forward equations, then every gradient, of a cell over time.

    Args:
        equations: the cell's.
        wrt: only what leads to this parameter, gate, state or input, named as in the code.
        notation: see `minigrad.symbolic.derive.naming`.
        words: the language.

    Raises:
        ValueError: ``wrt`` names nothing in the cell, or two names would look alike.
    """
    naming = Naming(equations, vocabulary(equations, notation))
    partials = local_partials(equations)
    found = adjoints(equations, partials)
    cell = _Sections(naming, partials, words)
    sections = [
        cell.forward(),
        cell.local(),
        cell.backward(found),
        cell.parameters(found),
        cell.initial(found),
        *gradient_flow(naming, partials, words),
    ]
    title = words.plain("gradients", of=equations.title)
    if wrt is not None:
        needed = _needed(found, _meant(equations, wrt))
        sections = [
            replace(section, lines=tuple(x for x in section.lines if k == 0 or _keeps(x, needed)))
            for k, section in enumerate(sections)
        ]
        title = words.plain("gradient_by", of=equations.title, wrt=wrt)
    kept = tuple(section for section in sections if section.lines)
    return Derivation(title, kept, words.language)


class _Sections:
    """The sections of a cell's derivation."""

    def __init__(self, naming: Naming, partials: Partials, words: Words) -> None:
        self.naming, self.partials, self.say = naming, partials, words
        self.equations = naming.equations
        self.by_name = {equation.name: equation for equation in self.equations.equations}

    def forward(self) -> Section:
        """What one step computes."""
        naming, lines = self.naming, []
        for equation in self.equations.equations:
            right = self._right(equation)
            lines.append(Line(equal(naming.quantity(equation.name), right), self._role(equation),
                              equation.name))  # fmt: skip
        says = self.say("forward_says")
        kinds = [type(equation) for equation in self.equations.equations]
        if Total in kinds:
            says += self.say("units_say")
        written = [line.equation.right for line in (*lines, *self.local().lines)]
        for function, key in NOTES.items():
            if any(e.has(function) for e in written):
                says += self.say(key)
        if self.equations.constants:
            names = [naming.quantity(name) for name in self.equations.constants]
            says += self.say("constants_say", names=names)
        return Section(self.say.plain("forward"), says, tuple(lines))

    def _right(self, equation: Equation) -> sympy.Expr:
        naming = self.naming
        if isinstance(equation, Affine):
            weight = naming.quantity(f"W_{equation.gate}")
            operands = naming.stacked(equation.operands)
            if not equation.biased:
                return f.matmul(weight, operands)
            return f.affine(weight, operands, naming.quantity(f"b_{equation.gate}"))
        if isinstance(equation, Elementwise):
            return naming.at(equation.expression)
        if isinstance(equation, Applied):
            return naming.at(self._applied(equation))
        count = self._count(equation.expression)
        summand = naming.at(equation.expression)
        if equation.factor * count == 1:
            return f.mean(summand)
        return equation.factor * f.column_sum(summand)

    def _count(self, expression: sympy.Expr) -> sympy.Expr:
        """How many entries a sum has."""
        widths = [self.equations.shapes.get(s.name, (1,))[-1] for s in expression.free_symbols]
        width = max(widths, default=1)
        return self.equations.lengths[width]

    def _applied(self, operation: Applied) -> sympy.Expr:
        """An operation on whole vectors, which are columns."""
        shapes = self.equations.shapes

        def run(operation: Applied) -> Matrix:
            operands = [
                run(x) if isinstance(x, Applied)
                else Matrix(symbol(x), shapes[x]) if isinstance(x, str) else x
                for x in operation.operands
            ]  # fmt: skip
            result: Matrix = operation.primitive.bind(operands, operation.static)
            return result

        matrices = [symbol(name) for name, shape in shapes.items() if len(shape) > 1 < shape[0]]
        return f.in_columns(run(operation).formula, matrices)

    def _role(self, equation: Equation) -> Prose:
        """What part an equation plays."""
        name, say = equation.name, self.say
        if isinstance(equation, Affine):
            return say("affine_map", role=self._part(equation.gate))
        if isinstance(equation, Total):
            mean = equation.factor * self._count(equation.expression) == 1
            return say("mean_over_units" if mean else "sum_over_units")
        if isinstance(equation, Applied):
            return say("whole_vectors")
        if name in self.equations.state or name in self.naming.gates:
            function = equation.expression.func.__name__
            ranges = {"sigmoid": "between_0_and_1", "tanh": "between_1_and_1"}
            return say(ranges.get(function, "is_role"), role=self._part(name))
        operands = {operand for call in self.naming.affine.values() for operand in call.operands}
        return say("handed" if name in operands else "intermediate")

    def _part(self, name: str) -> Prose:
        roles = self.naming.words.roles
        if name in roles:
            return self.say(roles[name])
        kind = "state" if name in self.equations.state else "gate"
        return self.say(kind, name=Quantity(self.naming.words.index(name)))

    def local(self) -> Section:
        """Derivatives of each equation by what stands in it."""
        naming, lines = self.naming, []
        for (w, v), derivative in self.partials.items():
            left = f.partial(naming.quantity(w), naming.quantity(v))
            lines.append(
                Line(equal(left, naming.at(derivative)), self._rule(w, v, derivative), f"{w}|{v}",
                     (w,))
            )  # fmt: skip
        return Section(self.say.plain("local"), self.say("local_says"), tuple(lines))

    def _rule(self, w: str, v: str, derivative: sympy.Expr) -> Prose:
        """The rule of differentiation that applies."""
        equation, variable, say = self.by_name[w], symbol(v), self.say
        if isinstance(equation, Total):
            mean = equation.factor * self._count(equation.expression) == 1
            return say("rule_mean" if mean else "rule_total")
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
                "where": "rule_larger",
                "stopped": "rule_constant",
            }
            rule = say(named.get(function, "rule_function"), name=function)
            inner = expression.args[0] == variable or function in ("maximum", "minimum", "where")
            return rule if inner else (*rule, *say("rule_inner"))
        if variable in sympy.fraction(expression)[1].free_symbols:
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
        """The gradient of every quantity."""
        naming, lines = self.naming, []
        for adjoint in found:
            if adjoint.name in self.equations.parameters or self._is_of_gate(adjoint.name):
                continue
            name = adjoint.name
            loss = [f.of_loss(naming.quantity(name))] if adjoint.is_output else []
            named, written = (
                sympy.Add(*loss, *(self._at(term, which) for term in adjoint.terms))
                for which in ("named", "formula")
            )
            left = naming.quantity(name, delta=True)
            uses = [use for term in adjoint.terms for use in self._lines_of(term, name)]
            lines.append(Line(equal(left, named, written), self._enters(adjoint), name,
                              tuple(uses)))  # fmt: skip
        direct = f.of_loss(naming.quantity(self.equations.state[0]))
        says = self.say("backward_says", direct=direct)
        if split := [a for a in naming.affine.values() if len(a.operands) > 1]:
            call, position = split[-1], 0
            says += self.say(
                "columns_say", weight=naming.columns(call, position),
                whole=naming.quantity(f"W_{call.gate}"),
                operand=naming.quantity(call.operands[position]),
            )  # fmt: skip
        return Section(self.say.plain("backward_in_time"), says, tuple(lines))

    def _at(self, term: Term, which: str, time: str = "t") -> sympy.Expr:
        """A term at its step."""
        expression = getattr(term, which)
        call = self.naming.affine.get(term.consumers[0])
        return self.naming.at(expression, int(term.later), time=time, call=call)

    def _lines_of(self, term: Term, name: str) -> list[str]:
        """The keys of the lines that a term follows from."""
        variable = f"{name}{PREVIOUS}" if term.later else name
        return [
            f"{consumer}|{variable}" if (consumer, variable) in self.partials else consumer
            for consumer in term.consumers
        ]

    def _is_of_gate(self, name: str) -> bool:
        """Whether it is a gate's weight or bias."""
        base, _, gate = name.partition("_")
        return base in ("W", "b") and gate in self.naming.gates and name not in self.by_name

    def _enters(self, adjoint: Adjoint) -> Prose:
        """By which paths a quantity affects the loss."""
        now = [w for term in adjoint.terms if not term.later for w in term.consumers]
        later = [w for term in adjoint.terms if term.later for w in term.consumers]
        ways = "".join((
            "_loss" if adjoint.is_output else "", "_now" if now else "", "_later" if later else "",
        ))  # fmt: skip
        return self.say(
            f"enters{ways or '_nowhere'}",
            v=self.naming.quantity(adjoint.name),
            now=[self.naming.quantity(w) for w in dict.fromkeys(now)],
            later=[self.naming.quantity(w, 1) for w in dict.fromkeys(later)],
        )

    def parameters(self, found: list[Adjoint]) -> Section:
        """Gradients of weights, biases and the cell's other parameters."""
        naming, say, lines = self.naming, self.say, []
        for adjoint in found:
            name = adjoint.name
            if not self._is_of_gate(name) and name not in self.equations.parameters:
                continue
            parameter = naming.quantity(name)
            consumers = [naming.quantity(w) for term in adjoint.terms for w in term.consumers]
            terms = sympy.Add(*(self._at(term, "formula") for term in adjoint.terms))
            matrix = len(self.equations.shapes.get(name, ())) > 1 < self.equations.shapes[name][0]
            if (self._is_of_gate(name) and name.startswith("W_")) or matrix:
                reason = say("weight_shared", w=parameter)
            elif self._is_of_gate(name):
                reason = say("bias_shared", b=parameter, a=consumers)
            else:
                shared = name in self.equations.shared
                reason = say("one_shared" if shared else "own_shared")
            uses = [use for term in adjoint.terms for use in self._lines_of(term, name)]
            left = f.partial(Quantity("L"), parameter)
            lines.append(Line(equal(left, f.sum_over_time(terms)), reason, name, tuple(uses)))
        return Section(say.plain("parameters"), say("parameters_say"), tuple(lines))

    def initial(self, found: list[Adjoint]) -> Section:
        """Gradients of the states before the first step."""
        naming, lines = self.naming, []
        for adjoint in found:
            if adjoint.name not in self.equations.state:
                continue
            later = [term for term in adjoint.terms if term.later]
            right = sympy.Add(*(self._at(term, "formula", time="") for term in later))
            left = f.partial(Quantity("L"), naming.quantity(adjoint.name, time=""))
            lines.append(Line(equal(left, right), self.say("initial_why"), f"{adjoint.name}_0"))
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
            f"derive: {equations.title} has no {wrt!r}{did_you_mean(wrt, known) or ';'} it has "
            + ", ".join(dict.fromkeys(known))
        )
    if wrt in gates and wrt not in named:  # its activation is a state: the map stands for it
        return next(e.name for e in equations.equations if isinstance(e, Affine) and e.gate == wrt)
    return wrt


def _needed(found: list[Adjoint], wrt: str) -> set[str]:
    """The quantities whose gradients lead to that of ``wrt``, and the lines to keep."""
    terms = {adjoint.name: adjoint.terms for adjoint in found}
    needed, stack = {wrt}, [wrt if wrt in terms else wrt.removesuffix("_0")]
    while stack:
        name = stack.pop()
        needed.add(name)
        for term in terms[name]:
            needed |= {f"{consumer}|{name}" for consumer in term.consumers}
            stack += [consumer for consumer in term.consumers if consumer not in needed]
    return needed


def _keeps(line: Line, needed: set[str]) -> bool:
    return line.of in needed or line.of.replace(PREVIOUS, "") in {
        n.replace(PREVIOUS, "") for n in needed
    }
