"""How a state depends on the state of the step before: the Jacobian, path by path."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from minigrad.symbolic.derive.chain import Partials
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.read.equations import (
    PREVIOUS,
    Affine,
    Applied,
    CellEquations,
    Elementwise,
)


@dataclass(frozen=True)
class Path:
    """One summand of a Jacobian: diag(scale), then a gate's weight, then what leads up to it.

    Attributes:
        scale: the factor of each entry.
        gate: name of the affine map whose weight follows; empty for a path without weights.
        position: which of its operands.
        before: the summands of that operand's own Jacobian.
    """

    scale: sympy.Expr
    gate: str = ""
    position: int = 0
    before: tuple[Path, ...] = ()

    def scaled(self, factor: sympy.Expr) -> Path:
        """The path with a factor in front."""
        return Path(factor * self.scale, self.gate, self.position, self.before)


def jacobian(
    equations: CellEquations, partials: Partials, after: str, before: str
) -> tuple[Path, ...] | None:
    """∂after_t/∂before_{t−1}, the cell's other states before the step held.

    Returns:
        Its summands, those without a weight joined into a first one; ``None`` where a path
        leads through an operation on whole vectors, which no diagonal matrix writes.
    """
    known: dict[str, tuple[Path, ...]] = {f"{before}{PREVIOUS}": (Path(sympy.Integer(1)),)}
    mixed: set[str] = set()
    for equation in equations.equations:
        if isinstance(equation, Affine):
            used = set(equation.operands)
            paths = [
                Path(sympy.Integer(1), equation.name, position, known[operand])
                for position, operand in enumerate(equation.operands)
                if operand in known
            ]
        elif isinstance(equation, Applied):
            used, paths = set(equation.names), []
        else:
            used = {symbol.name for symbol in equation.expression.free_symbols}
            paths = [
                path.scaled(partials[equation.name, v])
                for v in sorted(used & known.keys())
                for path in known[v]
            ]
        whole = isinstance(equation, Applied) or equation.name in equations.shared
        if (whole and used & known.keys()) or used & mixed:
            mixed.add(equation.name)
        elif joined := _joined(paths):
            known[equation.name] = joined
    return None if after in mixed else known.get(after, ())


def direct_path(equations: CellEquations, partials: Partials, state: str) -> sympy.Expr:
    """∂state_t/∂state_{t−1} with all gates held, also those into which the state peeps."""
    start = f"{state}{PREVIOUS}"
    total = {start: sympy.Integer(1)}
    before_activation = {symbol(e.name) for e in equations.equations if isinstance(e, Affine)}
    for equation in equations.equations:
        if isinstance(equation, Elementwise):
            gated = before_activation & equation.expression.free_symbols
            if gated and equation.name not in equations.state:
                continue  # a gate's value
            total[equation.name] = sympy.Add(*(
                derivative * total[v]
                for (w, v), derivative in partials.items()
                if w == equation.name and v in total
            ))  # fmt: skip
    return total.get(state, sympy.Integer(0))


def largest(expression: sympy.Expr, equations: CellEquations) -> sympy.Expr | None:
    """The least upper bound of |expression| that follows from the activations' ranges.

    σ lies between 0 and 1, tanh between −1 and 1; a product of expressions in one such value
    each is bounded by the product of their bounds.

    Returns:
        The bound, ``None`` if there is none.
    """
    ranges = dict.fromkeys(("sigmoid", "greater", "at_least", "same"), (0, 1))
    ranges |= dict.fromkeys(("tanh", "sign"), (-1, 1))
    values = {
        symbol(e.name): e.expression.func.__name__
        for e in equations.equations
        if isinstance(e, Elementwise) and e.expression.is_Function
    }
    bound = sympy.Integer(1)
    groups: dict[frozenset[sympy.Expr], sympy.Expr] = {}
    named = {e: sympy.Dummy() for e in expression.atoms(sympy.Function)}
    functions = {dummy: e.func.__name__ for e, dummy in named.items()} | values
    for factor in sympy.Mul.make_args(sympy.factor(expression.xreplace(named))):
        free = frozenset(factor.free_symbols)
        groups[free] = groups.get(free, sympy.Integer(1)) * factor
    for free, product in groups.items():
        if not free:
            bound *= abs(product)
            continue
        if len(free) > 1:
            return None
        (variable,) = free
        limits = ranges.get(functions.get(variable, ""))
        if limits is None or not product.is_polynomial(variable):
            return None
        stationary = sympy.real_roots(sympy.Poly(sympy.diff(product, variable), variable)) if (
            sympy.degree(product, variable) > 1) else []  # fmt: skip
        points = [*limits, *(r for r in stationary if limits[0] < r < limits[1])]
        bound *= max(abs(product.subs(variable, point)) for point in points)
    return bound


def _joined(paths: list[Path]) -> tuple[Path, ...]:
    """The paths, those without a weight added up in front."""
    direct = sympy.Add(*(path.scale for path in paths if not path.gate))
    rest = [path for path in paths if path.gate and path.scale != 0]
    return (*([Path(direct)] if direct != 0 else []), *rest)
