"""What carries the gradient from step to step, and where it is lost."""

from __future__ import annotations

import sympy

from minigrad.symbolic import formula as f
from minigrad.symbolic.derivation import Line, Section
from minigrad.symbolic.derive.chain import Partials
from minigrad.symbolic.derive.jacobian import Path, direct_path, jacobian, largest
from minigrad.symbolic.derive.naming import Naming
from minigrad.symbolic.formula import Equation, Quantity, equal
from minigrad.symbolic.read.equations import PREVIOUS, Elementwise
from minigrad.symbolic.write.printing import text
from minigrad.symbolic.write.sentences import Prose, Words

_MANY = 12  # weights in a Jacobian from which on it is no longer written
_LONG = 80  # characters of a factor that leave no room on a page


def gradient_flow(naming: Naming, partials: Partials, words: Words) -> list[Section]:
    """The Jacobians of one step and of many, and the slopes of what saturates."""
    flow = _Flow(naming, partials, words)
    states = naming.equations.state
    direct = [line for state in states for line in flow.direct(state)]
    whole = [line for after in states for before in states for line in flow.whole(after, before)]
    return [
        Section(words.plain("memory"), words("memory_says"), (*direct, *whole)),
        Section(words.plain("losing"), words("losing_says"), tuple(flow.slopes())),
    ]


class _Flow:
    def __init__(self, naming: Naming, partials: Partials, words: Words) -> None:
        self.naming, self.partials, self.say = naming, partials, words
        self.equations = naming.equations
        self.values = {
            e.name: e.expression for e in self.equations.equations if isinstance(e, Elementwise)
        }

    def direct(self, state: str) -> list[Line]:
        """The path without a weight matrix, over one step and over many."""
        path = direct_path(self.equations, self.partials, state)
        if path == 0:
            return []
        naming, say = self.naming, self.say
        own, before = naming.quantity(state), naming.quantity(f"{state}{PREVIOUS}")
        belt = own.replaced(shift=None)
        unit = _diagonal(naming.at(path))
        alone = jacobian(self.equations, self.partials, state, state) == (Path(path),)
        left = f.partial(own, before) if alone else f.along(own, before, belt)
        key = f"{state}|{state}"
        reason: Prose = say("carousel" if path == 1 else "only_path" if alone else "no_weight")
        if path != 1 and largest(path, self.equations) == 1:
            reason = (*reason, "; ", *say("gated"))
        lines = [Line(equal(left, unit), reason, f"{key}|direct")]
        last = own.replaced(time="T")
        factor: sympy.Expr = Quantity("I")
        if path != 1:
            factor = f.product_over_time(_diagonal(naming.at(path, time="s")))
        many = equal(f.along(last, own, belt), factor)
        lines.append(Line(many, say("many_steps", state=belt), f"{key}|many", (f"{key}|direct",)))
        return lines

    def whole(self, after: str, before: str) -> list[Line]:
        """All paths of one step; of a state to itself also a bound, if there is one."""
        paths = jacobian(self.equations, self.partials, after, before)
        if not paths or sum(map(_weights, paths)) > _MANY:
            return []
        own = direct_path(self.equations, self.partials, after)
        if after == before and paths == (Path(own),):  # said already
            return []
        naming, say = self.naming, self.say
        key = f"{after}|{before}|whole"
        left = f.partial(naming.quantity(after), naming.quantity(f"{before}{PREVIOUS}"))
        direct, several = not paths[0].gate, len(paths) > 1
        how = "whole_direct" if direct and several else "only_path" if direct else "whole_step"
        lines = [Line(equal(left, self._sum(paths)), say(how), key)]
        bound = largest(paths[0].scale, self.equations)
        if after == before and not several and paths[0].gate and bound is not None:
            if paths[0].before != (Path(sympy.Integer(1)),):
                return lines
            weight = naming.columns(naming.affine[paths[0].gate], paths[0].position)
            limit = bound * f.norm(weight)
            lines.append(Line(Equation(f.norm(left), (limit,), "≤"), say("bounded", bound=bound),
                              f"{key}|norm", (key,)))  # fmt: skip
            after_many = naming.quantity(after).replaced(time="T")
            many = f.norm(f.partial(after_many, naming.quantity(after)))
            lines.append(Line(Equation(many, (f.to_the_distance(limit),), "≤"),
                              say("bounded_many"), f"{key}|many", (f"{key}|norm",)))  # fmt: skip
        return lines

    def _sum(self, paths: tuple[Path, ...]) -> sympy.Expr:
        """A Jacobian as the sum over its paths: diag(f) + diag(…) W + …."""
        found = []
        for path in paths:
            terms = [path.scale]  # a factor that is a sum too long for a line: each summand
            if len(text(self.naming.at(path.scale))) >= _LONG:
                terms = list(sympy.Add.make_args(path.scale))
            for term in terms:
                found += self._products(Path(term, path.gate, path.position, path.before))
        return sympy.Add(*found)

    def _products(self, path: Path) -> list[sympy.Expr]:
        """The product along each of the paths that lead up to a gate, through this one."""
        own = _diagonal(self.naming.at(path.scale))
        if not path.gate:
            return [own]
        weight = self.naming.columns(self.naming.affine[path.gate], path.position)
        through = _times(own, weight)
        return [_times(through, rest) for before in path.before for rest in self._products(before)]

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
        naming, say = self.naming, self.say
        z = sympy.Symbol("z", real=True)
        slope = function.func(z).diff(z)
        if whole:
            own = sympy.Symbol(name, real=True)
            slope = slope.xreplace({function.func(z): own})
            bound = largest(slope, self.equations)
            assert bound is not None
            bounded = Equation(naming.at(slope), (bound,), "≤")
            return [Line(bounded, say("slope_at_most", bound=bound), f"{name}|slope", (name,))]
        (variable,) = function.args
        partial = self.partials[name, variable.name]
        if not partial.has(function):  # another function closes the path as well
            return []
        left = f.partial(naming.quantity(name), naming.quantity(variable.name))
        argument = f.size(naming.quantity(variable.name))
        key = "slope_fades" if variable.name in self.equations.state else "slope_closes"
        reason = say(key, argument=argument, after=naming.quantity(name),
                     before=naming.quantity(variable.name))  # fmt: skip
        return [Line(equal(left, naming.at(partial)), reason, f"{name}|{variable.name}|fades")]


def _diagonal(factor: sympy.Expr) -> sympy.Expr:
    """The matrix that multiplies each entry by its factor."""
    return Quantity("I") if factor == 1 else f.diagonal(factor)


def _times(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """The matrix product, without factors I."""
    unit = Quantity("I")
    return b if a == unit else a if b == unit else f.matmul(a, b)


def _weights(path: Path) -> int:
    return bool(path.gate) + sum(map(_weights, path.before))
