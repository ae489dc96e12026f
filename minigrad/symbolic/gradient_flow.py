"""What carries the gradient from step to step, and where it is lost."""

from __future__ import annotations

import sympy

from minigrad.symbolic.derivation import Line, Section
from minigrad.symbolic.equations import PREVIOUS, Elementwise
from minigrad.symbolic.formula import Formula, Given, Name, Scalar, op
from minigrad.symbolic.jacobian import Path, direct_path, jacobian, largest
from minigrad.symbolic.sentences import Prose, Words
from minigrad.symbolic.writer import Writer

_LONG = 12  # weights in a Jacobian from which on it is no longer written


def gradient_flow(writer: Writer, words: Words) -> list[Section]:
    """The Jacobians of one step and of many, and the slopes of what saturates."""
    flow = _Flow(writer, words)
    states = writer.equations.state
    direct = [line for state in states for line in flow.direct(state)]
    whole = [line for after in states for before in states for line in flow.whole(after, before)]
    return [
        Section(words.plain("memory"), words("memory_says"), (*direct, *whole)),
        Section(words.plain("losing"), words("losing_says"), tuple(flow.slopes())),
    ]


class _Flow:
    def __init__(self, writer: Writer, words: Words) -> None:
        self.writer, self.say = writer, words
        self.equations = writer.equations
        self.values = {
            e.name: e.expression for e in self.equations.equations if isinstance(e, Elementwise)
        }

    def _quotient(self, after: str, before: str) -> Formula:
        return op("partial", self.writer.name(after), self.writer.name(f"{before}{PREVIOUS}"))

    def direct(self, state: str) -> list[Line]:
        """The path without a weight, over one step and over many."""
        path = direct_path(self.equations, state)
        if path == 0:
            return []
        writer, say = self.writer, self.say
        own = writer.name(state)
        belt = Name(own.base)
        one = op("along", own, writer.name(f"{state}{PREVIOUS}"), belt)
        unit: Formula = Name("I") if path == 1 else op("diag", writer.scalar(path))
        whole = jacobian(self.equations, state, state)
        key = f"{state}|{state}"
        reason: Prose = say("carousel" if path == 1 else "no_weight")
        if path != 1 and largest(path, self.equations) == 1:
            reason = (*reason, "; ", *say("gated"))
        lines = []
        if whole is None or whole != (Path(path),):
            lines.append(Line(op("equals", one, unit), reason, f"{key}|direct"))
        else:  # there is no other path
            left = self._quotient(state, state)
            lines.append(Line(op("equals", left, unit), reason, f"{key}|direct"))
        last, first = Name(own.base, 0, time="T"), writer.name(state)
        factor: Formula = Name("I")
        if path != 1:
            factor = op("product_t", op("diag", writer.scalar(path, time="s")))
        many = op("equals", op("along", last, first, belt), factor)
        lines.append(Line(many, say("many_steps", state=belt), f"{key}|many", (f"{key}|direct",)))
        return lines

    def whole(self, after: str, before: str) -> list[Line]:
        """All paths of one step; of a state to itself also a bound, if there is one."""
        paths = jacobian(self.equations, after, before)
        if not paths or (paths == (Path(direct_path(self.equations, after)),) and after == before):
            return []
        if sum(map(_weights, paths)) > _LONG:
            return []
        writer, say = self.writer, self.say
        key = f"{after}|{before}|whole"
        left = self._quotient(after, before)
        direct = not paths[0].gate
        reason = say("whole_direct" if direct and len(paths) > 1 else
                     "no_weight" if direct else "whole_step")  # fmt: skip
        lines = [Line(op("equals", left, writer.jacobian(paths)), reason, key)]
        bound = largest(paths[0].scale, self.equations)
        if after == before and len(paths) == 1 and paths[0].gate and bound is not None:
            if paths[0].before != (Path(sympy.Integer(1)),):
                return lines
            weight = writer.columns(writer.affine[paths[0].gate], paths[0].position)
            norm: Formula = op("norm", weight)
            if bound != 1:
                norm = op("matmul", Scalar(bound), norm)
            lines.append(Line(op("at_most", op("norm", left), norm),
                              say("bounded", bound=Scalar(bound)), f"{key}|norm",
                              (key,)))  # fmt: skip
            many = op("partial", Name(writer.name(after).base, 0, time="T"), writer.name(after))
            power = op("to_the", norm if bound == 1 else op("group", norm), Given("T − t"))
            lines.append(Line(op("at_most", op("norm", many), power), say("bounded_many"),
                              f"{key}|many", (f"{key}|norm",)))  # fmt: skip
        return lines

    def slopes(self) -> list[Line]:
        """The slope of each function that saturates: σ and tanh, of a gate or inside."""
        lines = []
        for name, expression in self.values.items():
            for function in sorted(expression.atoms(sympy.Function), key=str):
                if function.func.__name__ not in ("sigmoid", "tanh"):
                    continue
                whole = function == expression
                if whole or function.args[0].is_Symbol:
                    lines += self._slope(name, function, whole)
        return lines

    def _slope(self, name: str, function: sympy.Expr, whole: bool) -> list[Line]:
        writer, say = self.writer, self.say
        z = sympy.Symbol("z", real=True)
        slope = function.func(z).diff(z)
        if whole:
            own = sympy.Symbol(name, real=True)
            slope = slope.xreplace({function.func(z): own})
            bound = largest(slope, self.equations)
            assert bound is not None
            formula = op("at_most", writer.scalar(slope), Scalar(bound))
            return [Line(formula, say("slope_at_most", bound=Scalar(bound)), f"{name}|slope",
                         (name,))]  # fmt: skip
        (variable,) = function.args
        slope = slope.xreplace({z: variable})
        partial = sympy.diff(self.values[name], variable)
        left = op("partial", writer.name(name), writer.name(variable.name))
        argument = op("size", writer.name(variable.name))
        reason = say("slope_fades", argument=argument, after=writer.name(name),
                     before=writer.name(variable.name))  # fmt: skip
        return [Line(op("equals", left, writer.scalar(sympy.factor_terms(partial))), reason,
                     f"{name}|{variable.name}|fades")]  # fmt: skip


def _weights(path: Path) -> int:
    return bool(path.gate) + sum(map(_weights, path.before))
