# ruff: noqa: N802, N815 (SymPy calls printers by the names of its classes)
"""A block's assignments as Python statements: a loop over entries, or calls of ufuncs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy.printing.pycode import PythonCodePrinter

FUNCTIONS = frozenset({
    "tanh", "sigmoid", "exp", "log", "softplus", "heaviside", "erf", "sin", "cos", "sqrt",
})  # fmt: skip
"""What the runtimes of all backends have, by SymPy's names."""

Identifier = Callable[[str], str]


@dataclass(frozen=True)
class Place:
    """Where a quantity is stored at step t.

    Attributes:
        name: of the quantity.
        text: the array's part, as an expression of the function over all steps.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Assignment:
    """name = expression; stored at, or added to, ``place`` if there is one."""

    name: str
    expression: sympy.Expr
    place: Place | None = None
    add: bool = False


def in_loop(
    todo: Sequence[Assignment],
    reads: Mapping[str, Place],
    arrays: Mapping[str, str],
    identifier: Identifier,
) -> tuple[list[str], int]:
    """One loop over the entries, each quantity a local scalar.

    Args:
        todo: what to compute, in order.
        reads: where each symbol lies that is not computed here.
        arrays: the name of each place's array.
        identifier: names in the code.

    Returns:
        The statements, and 0 rows of scratch.

    Raises:
        NotImplementedError: a function that the runtimes do not have.
    """
    names: dict[sympy.Symbol, str] = {}
    taken: set[str] = set()

    def name_of(symbol: str, wanted: str) -> str:
        while wanted in taken:
            wanted += "_"
        taken.add(wanted)
        names[sympy.Symbol(symbol, real=True)] = wanted
        return wanted

    lines = []
    for symbol, place in reads.items():
        lines.append(f"{name_of(symbol, identifier(place.name))} = {arrays[place.text]}[k]")
    for assignment in todo:
        text = _Scalars(names).doprint(assignment.expression)
        name = name_of(assignment.name, identifier(assignment.name))
        if assignment.place is None:
            lines.append(f"{name} = {text}")
            continue
        array = arrays[assignment.place.text]
        if assignment.add:
            lines.append(f"{array}[k] += {text}")
        elif any(s.name == assignment.name for a in todo for s in a.expression.free_symbols):
            lines += [f"{name} = {text}", f"{array}[k] = {name}"]
        else:
            lines.append(f"{array}[k] = {text}")
    first = next(iter(arrays.values()))
    return [f"for k in range(len({first})):", *(f"    {line}" for line in lines)], 0


class _Scalars(PythonCodePrinter):
    """Expressions in local names; every number is of the arrays' own type, F."""

    def __init__(self, names: Mapping[sympy.Symbol, str]) -> None:
        super().__init__({"fully_qualified_modules": False, "strict": False})
        self.names = names

    def _print_Symbol(self, expr: sympy.Symbol) -> str:
        return self.names[expr]

    def _print_Integer(self, expr: sympy.Integer) -> str:
        return _whole_number(int(expr))

    def _print_Rational(self, expr: sympy.Rational) -> str:
        return f"F({float(expr)!r})"

    _print_Half = _print_Rational
    _print_One = _print_NegativeOne = _print_Integer

    def _print_Pow(self, expr: sympy.Pow, **_: object) -> str:
        base, exponent = expr.args
        if exponent == sympy.Rational(1, 2):
            return f"sqrt({self._print(base)})"
        inner = self.parenthesize(base, 1000)
        if exponent == -1:
            return f"(F(1) / {inner})"
        if exponent == sympy.Rational(-1, 2):
            return f"(F(1) / sqrt({self._print(base)}))"
        if exponent.is_Integer and 2 <= exponent <= 8:
            return "(" + "*".join([inner] * int(exponent)) + ")"
        if exponent.is_Integer and -8 <= exponent <= -2:
            return "(F(1) / (" + "*".join([inner] * -int(exponent)) + "))"
        raise NotImplementedError(f"the power {expr}")

    def _print_Mul(self, expr: sympy.Mul) -> str:
        number, rest = expr.as_coeff_Mul()
        if number.q != 1 and abs(number.p) != 1:
            return f"{self._print(number)}*{self.parenthesize(rest, 50)}"
        above, below = expr.as_numer_denom()
        if below != 1 and not expr.is_Rational:
            return f"{self._factors(above)}/{self.parenthesize(below, 1000)}"
        return self._factors(expr)

    def _factors(self, expr: sympy.Expr) -> str:
        if not expr.is_Mul:
            return self.parenthesize(expr, 50)
        number, rest = expr.as_coeff_Mul()
        if number == -1:
            return "-" + self._factors(rest)
        return "*".join(self.parenthesize(factor, 50) for factor in expr.args)

    def _print_Function(self, expr: sympy.Function) -> str:
        return _call(expr, self._print(expr.args[0]))

    _print_tanh = _print_log = _print_sin = _print_cos = _print_erf = _print_Function
    _print_exp = _print_sigmoid = _print_Function


def _whole_number(number: int) -> str:
    """In parts of 62 bits, as Numba has them, which a finite field adds up exactly too."""
    if abs(number) < 2**63:
        return f"F({number})"
    high, low = divmod(abs(number), 2**62)
    return f"({'-' * (number < 0)}({_whole_number(high)}*F({2**62}) + F({low})))"


def _call(expr: sympy.Function, argument: str) -> str:
    name = type(expr).__name__
    if name not in FUNCTIONS or len(expr.args) != 1:
        raise NotImplementedError(f"no backend has the function {name}")
    return f"{name}({argument})"


def in_ufuncs(
    todo: Sequence[Assignment],
    reads: Mapping[str, Place],
    arrays: Mapping[str, str],
    identifier: Identifier,
) -> tuple[list[str], int]:
    """Calls of ufuncs, each into an array that is there. Arguments as for `in_loop`.

    Returns:
        The statements, and how many rows of scratch they use.

    Raises:
        NotImplementedError: a function that the runtimes do not have.
    """
    writer = _Ufuncs({sympy.Symbol(s, real=True): arrays[p.text] for s, p in reads.items()})
    last = {s: k for k, a in enumerate(todo) for s in a.expression.free_symbols}
    for k, assignment in enumerate(todo):
        s = sympy.Symbol(assignment.name, real=True)
        if assignment.place is None:
            writer.names[s] = target = writer.take()
            writer.into(assignment.expression, target, identifier(assignment.name))
        elif assignment.add:
            target = arrays[assignment.place.text]
            scratch = writer.take()
            writer.into(assignment.expression, scratch, "")
            writer.lines.append(f"np.add({target}, {scratch}, {target})")
            writer.give(scratch)
        else:
            target = arrays[assignment.place.text]
            writer.into(assignment.expression, target, "")
            writer.names[s] = target
        for old in [s for s in writer.names if last.get(s, -1) <= k and s.name != assignment.name]:
            writer.give(writer.names.pop(old))
    return writer.lines, writer.rows


class _Ufuncs:
    """Writes ufunc calls, and hands out rows of scratch."""

    def __init__(self, names: dict[sympy.Symbol, str]) -> None:
        self.names = names
        self.lines: list[str] = []
        self.rows = 0
        self.free: list[str] = []

    def take(self) -> str:
        """A row of scratch that nobody uses."""
        if self.free:
            return self.free.pop()
        self.rows += 1
        return f"rows[{self.rows - 1}]"

    def give(self, name: str) -> None:
        """A row that is no longer needed."""
        if name.startswith("rows[") and name not in self.free:
            self.free.append(name)

    def call(self, ufunc: str, *arguments: str, remark: str = "") -> None:
        """One statement."""
        remark = f"  # {remark}" if remark else ""
        self.lines.append(f"{ufunc}({', '.join(arguments)}){remark}")

    def into(self, expr: sympy.Expr, target: str, remark: str) -> None:
        """The statements that leave the expression's value in ``target``."""
        before = len(self.lines)
        if expr.is_Symbol or expr.is_Rational:
            self.call("np.copyto", target, self._atom(expr))
        elif expr.is_Add:
            self._sum(expr, target)
        elif expr.is_Mul:
            self._product(expr, target)
        elif expr.is_Pow:
            self._power(expr, target)
        else:
            name = type(expr).__name__
            if name not in FUNCTIONS or len(expr.args) != 1:
                raise NotImplementedError(f"no backend has the function {name}")
            argument = expr.args[0]
            if argument.is_Symbol:
                self.call(name, self.names[argument], target)
            else:
                self.into(argument, target, "")
                self.call(name, target, target)
        if remark:
            self.lines[before] += f"  # {remark}"

    def _atom(self, expr: sympy.Expr) -> str:
        if expr.is_Rational:
            return repr(float(expr)) if expr.q != 1 else str(int(expr.p))
        return self.names[expr]

    def _ready(self, expr: sympy.Expr) -> tuple[str, bool]:
        """Text of the value, and whether it lies in a row that can be given back."""
        if expr.is_Symbol or expr.is_Rational:
            return self._atom(expr), False
        row = self.take()
        self.into(expr, row, "")
        return row, True

    def _fold(
        self, start: sympy.Expr, steps: Sequence[tuple[str, sympy.Expr]], target: str
    ) -> None:
        """Into ``target``: start, then one ufunc after the other with each expression."""
        held = [(ufunc, *self._ready(part)) for ufunc, part in steps]
        if start.is_Symbol or start.is_Rational:
            value = self._atom(start)
        else:
            scratch = target if all(text != target for _, text, _ in held) else self.take()
            self.into(start, scratch, "")
            value = scratch
        for ufunc, text, own in held:
            self.call(ufunc, value, text, target)
            value = target
            if own:
                self.give(text)

    def _sum(self, expr: sympy.Expr, target: str) -> None:
        terms = sorted(expr.args, key=lambda term: (term.could_extract_minus_sign(), str(term)))
        start, *rest = terms
        steps = [
            ("np.subtract", -term) if term.could_extract_minus_sign() else ("np.add", term)
            for term in rest
        ]
        self._fold(start, steps, target)

    def _product(self, expr: sympy.Expr, target: str) -> None:
        above, below = expr.as_numer_denom()
        if below != 1 and not below.is_Rational:
            self._fold(above, [("np.divide", below)], target)
            return
        start, *rest = sorted(expr.args, key=lambda e: (not e.is_Symbol, str(e)))
        self._fold(start, [("np.multiply", factor) for factor in rest], target)

    def _power(self, expr: sympy.Expr, target: str) -> None:
        base, exponent = expr.args
        if exponent == sympy.Rational(1, 2):
            self._fold(base, (), target)
            self.call("sqrt", self._atom(base) if base.is_Symbol else target, target)
        elif exponent.is_Integer and 2 <= exponent <= 8:
            self._fold(base, [("np.multiply", base)] * (int(exponent) - 1), target)
        elif exponent.is_negative:
            self._fold(sympy.Integer(1), [("np.divide", base**-exponent)], target)
        else:
            raise NotImplementedError(f"the power {expr}")
