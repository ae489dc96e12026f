"""Formulas on paper: Unicode for a terminal, LaTeX for everything else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from functools import partial, reduce
from typing import Any

import sympy

from minigrad import notation
from minigrad.symbolic.formula import ArrayFunction, Equation, Given, Quantity, of_loss

SUM, ENTRIES, PRODUCT, ATOM = range(4)  # how tightly a formula binds: A B ∘ C is (A B) ∘ C
Written = tuple[str, int]

# What an array function is in Unicode and in LaTeX; its arguments stand in brackets where they
# bind more loosely than the third says.
_TEMPLATES: dict[str, tuple[str, str, int, int]] = {
    # name: Unicode, LaTeX, how tightly it binds, how tightly its arguments must
    "matmul": ("{0} {1}", "{0}\\,{1}", PRODUCT, PRODUCT),
    "transposed": ("{0}ᵀ", "{0}^{{\\top}}", ATOM, ATOM),
    "row_sum": ("rowsum({0})", "\\operatorname{{rowsum}}\\left({0}\\right)", ATOM, SUM),
    "column_sum": ("1ᵀ {0}", "\\mathbf{{1}}^{{\\top}}\\,{0}", PRODUCT, PRODUCT),
    "total": ("sum({0})", "\\operatorname{{sum}}\\left({0}\\right)", ATOM, SUM),
    "mean": ("mean({0})", "\\operatorname{{mean}}\\left({0}\\right)", ATOM, SUM),
    "softmax": ("softmax({0})", "\\operatorname{{softmax}}\\left({0}\\right)", ATOM, SUM),
    "diagonal": ("diag({0})", "\\operatorname{{diag}}\\left({0}\\right)", ATOM, SUM),
    "affine": ("{0}·{1} + {2}", "{0}\\,{1} + {2}", SUM, ATOM),
    "inside": ("[{1} < {0} < {2}]", "\\left[{1} < {0} < {2}\\right]", ATOM, SUM),
    "sum_over_time": ("Σ_t {0}", "\\sum_t {0}", PRODUCT, ENTRIES),
    "product_over_time": ("Π_{{s=t+1…T}} {0}", "\\prod_{{s=t+1}}^{{T}} {0}", PRODUCT, ENTRIES),
    "norm": ("‖{0}‖", "\\left\\lVert {0}\\right\\rVert", ATOM, SUM),
    "size": ("|{0}|", "\\left|{0}\\right|", ATOM, SUM),
    "to_the_distance": ("{0}^(T − t)", "{0}^{{T - t}}", ATOM, ATOM),
    "partial": ("∂{0}/∂{1}", "\\dfrac{{\\partial {0}}}{{\\partial {1}}}", ATOM, SUM),
    "along": ("∂{0}/∂{1}|{2}",
              "\\left.\\dfrac{{\\partial {0}}}{{\\partial {1}}}\\right|_{{{2}}}", ATOM, SUM),
    "of_loss": ("∂ℓ/∂{0}", "\\dfrac{{\\partial \\ell}}{{\\partial {0}}}", ATOM, SUM),
    # Functions of each entry
    "absolute": ("|{0}|", "\\left|{0}\\right|", ATOM, SUM),
    "stopped": ("sg({0})", "\\operatorname{{sg}}\\left({0}\\right)", ATOM, SUM),
    "where": ("{{{1}: {0}; {2}: {3}}}",
              "\\begin{{cases}} {1} & {0} \\\\ {2} & {3} \\end{{cases}}", ATOM, SUM),
}  # fmt: skip
# Relations of entries: 1 where they hold, else 0 (Iverson's bracket)
_RELATIONS = {"greater": ">", "at_least": "≥", "same": "="}
_TURNED = {">": "<", "<": ">", "≥": "≤", "≤": "≥", "=": "=", "≠": "≠"}
_OPPOSITE = {">": "≤", "≥": "<", "=": "≠"}
_SIGNS = {"≥": "\\ge", "≤": "\\le", "≠": "\\ne"}
_INLINE = {"partial": "\\partial {0}/\\partial {1}", "of_loss": "\\partial \\ell/\\partial {0}"}
_FUNCTIONS = {  # by their names in SymPy and here: as Unicode, and LaTeX's command if it has one
    "sigmoid": ("σ", "\\sigma"), "maximum": ("max", "\\max"), "minimum": ("min", "\\min"),
    "asin": ("arcsin", "\\arcsin"), "acos": ("arccos", "\\arccos"), "atan": ("arctan", "\\arctan"),
    "asinh": ("arsinh", ""), "acosh": ("arcosh", ""), "atanh": ("artanh", ""),
    "heaviside": ("step", ""), "Abs": ("abs", ""),
}  # fmt: skip
_COMMANDS = {*notation.FUNCTIONS, "sinh", "cosh", "tan"}


def text(formula: sympy.Expr | Given | Equation) -> str:
    """The formula in Unicode."""
    return _whole(formula, _Printer(latex=False))


def latex(formula: sympy.Expr | Given | Equation, *, inline: bool = False) -> str:
    """The formula in LaTeX; ``inline``, for a sentence, with derivatives as ∂w/∂v on one line."""
    return _fenced(_whole(formula, _Printer(latex=True, inline=inline)))


def rows(equation: Equation, width: int, *, latex: bool) -> list[tuple[str, str]]:
    """An equation in rows (left, right): one for each right side, long sums broken at a term.

    Args:
        equation: any.
        width: characters of Unicode that a row may have.
        latex: whether the rows are LaTeX.
    """
    printer = _Printer(latex=latex)
    found = []
    for k, right in enumerate(equation.rights):
        for j, line in enumerate(_lines(right, width)):
            written = _sum(printer, line)
            if j == 0:
                written = f"{printer.relation(equation)} {written}"
            else:
                indent = "\\quad {}" if latex else "    "
                minus = written[0] == printer.minus
                written = indent + (f"{written[0]} {written[1:]}" if minus else f"+ {written}")
            row = (printer(equation.left)[0] if j == k == 0 else "", written)
            found.append((_fenced(row[0]), _fenced(row[1])) if latex else row)
    return found


def _lines(right: sympy.Expr, width: int) -> list[list[sympy.Expr]]:
    """A sum's terms in rows of at most this many characters, if its terms are that short."""
    printer = _Printer(latex=False)
    found: list[list[sympy.Expr]] = [[]]
    for term in _in_order(sympy.Add.make_args(right)):
        if found[-1] and len(_sum(printer, [*found[-1], term])) > width:
            found.append([])
        found[-1].append(term)
    return found


def _whole(formula: sympy.Expr | Given | Equation, printer: _Printer) -> str:
    if isinstance(formula, Given):
        return notation.latex_of(formula.source) if printer.latex else formula.source
    if isinstance(formula, Equation):
        sides = (printer(side)[0] for side in (formula.left, *formula.rights))
        return f" {printer.relation(formula)} ".join(sides)
    return printer(formula)[0]


_LOW = re.compile(
    r"\\left([(\[])((?:(?!\\left|\\right|frac|\\sum|\\prod|\\sqrt|\\\\).)*)\\right([)\]])"
)


def _fenced(source: str) -> str:
    """LaTeX whose brackets grow only around what is tall."""
    while (lower := _LOW.sub(r"\1\2\3", source)) != source:
        source = lower
    return source


class _Printer:
    """Writes an expression; a call gives the text, and how tightly it binds."""

    def __init__(self, *, latex: bool, inline: bool = False) -> None:
        self.latex, self.inline = latex, inline
        self.minus = "-" if latex else "−"
        self.times = " \\circ " if latex else " ∘ "

    def relation(self, equation: Equation) -> str:
        sign = equation.relation
        return _SIGNS.get(sign, sign) if self.latex else sign

    def __call__(self, e: Any) -> Written:
        if isinstance(e, Quantity):
            return self.quantity(e), ATOM
        if e.is_Symbol:
            return self.quantity(Quantity(e.name)), ATOM
        if e is sympy.pi:
            return ("\\pi" if self.latex else "π"), ATOM
        if e.is_Number:
            return self.number(e)
        if e.is_Add:
            return _sum(self, _in_order(e.args)), SUM
        if e.is_Mul:
            return self.product(e)
        if e.is_Pow:
            return self.power(*e.args)
        return self.function(e)

    def least(self, e: Any, binding: int) -> str:
        """The expression, in brackets if it binds more loosely than that."""
        written, own = self(e)
        if own >= binding:
            return written
        return f"\\left({written}\\right)" if self.latex else f"({written})"

    def function(self, e: Any) -> Written:
        name = type(e).__name__
        if name in ("stacked", "beside"):
            inside = (",\\; " if self.latex else ", ").join(self(part)[0] for part in e.args)
            return (f"\\left[{inside}\\right]" if self.latex else f"[{inside}]"), ATOM
        if name == "Abs":
            name = "absolute"
        if name == "zeros":
            count = self(e.args[0])[0].replace(" ", "")
            return f"0_{{{count}}}" if self.latex or len(count) > 1 else f"0_{count}", ATOM
        if name in ("entries", "columns"):
            of, *ends = (self.least(part, ATOM if k == 0 else SUM) for k, part in enumerate(e.args))
            bounds = (":, " if name == "columns" else "") + ":".join(ends)
            return (f"{{{of}}}_{{[{bounds}]}}" if self.latex else f"{of}[{bounds}]"), ATOM
        if name in _RELATIONS:
            inside = self.relation_of(e)
            return (f"\\left[{inside}\\right]" if self.latex else f"[{inside}]"), ATOM
        if name not in _TEMPLATES:
            argument = ", ".join(self(part)[0] for part in e.args)
            return self.applied(e, argument), ATOM
        plain, tex, binding, least = _TEMPLATES[name]
        template = _INLINE.get(name, tex) if self.inline else tex
        parts = [self.least(part, least) for part in e.args]
        if name == "where":
            parts = [*self.either(e.args[0]), *parts[1:]]
            parts = [parts[k] for k in (0, 2, 3, 1)]
        if self.latex and least == ATOM and name in ("transposed", "to_the_distance"):
            parts[0] = f"{{{parts[0]}}}"  # LaTeX takes one superscript at a time
        return (template if self.latex else plain).format(*parts), binding

    def relation_of(self, e: Any, sign: str = "") -> str:
        """A comparison without its bracket; a number stands on the right."""
        (a, b), sign = e.args, sign or _RELATIONS[type(e).__name__]
        if not a.atoms(Quantity):
            a, b, sign = b, a, _TURNED[sign]
        sign = _SIGNS.get(sign, sign) if self.latex else sign
        return f"{self(a)[0]} {sign} {self(b)[0]}"

    def either(self, condition: Any) -> tuple[str, str]:
        """A condition, and its opposite."""
        name = type(condition).__name__
        if name in _RELATIONS:
            opposite = _OPPOSITE[_RELATIONS[name]]
            return self.relation_of(condition), self.relation_of(condition, opposite)
        written = self.least(condition, ATOM)
        return f"{written} = 1", f"{written} = 0"

    def applied(self, e: Any, argument: str, power: str = "") -> str:
        """A function of entries: tanh(x), and tanh²(x) as in books."""
        name = type(e).__name__
        plain, command = _FUNCTIONS.get(name, (name, f"\\{name}" if name in _COMMANDS else ""))
        if not self.latex:
            return f"{plain}{power}({argument})"
        command = command or f"\\operatorname{{{notation.latex(plain)}}}"
        return f"{command}{f'^{{{power}}}' if power else ''}\\left({argument}\\right)"

    def quantity(self, q: Quantity) -> str:
        """A name with its indices: a^f_t, W_f, c_{t−1}."""
        word = notation.latex if self.latex else notation.pretty
        base, shift = word(q.base), q.shift
        step = ""
        if shift is not None:
            step = q.time + (f"{shift:+d}" if shift else "") if q.time else str(shift)
        step = step.replace("-", self.minus)
        delta = ("\\delta " if self.latex else "δ") if q.delta else ""
        lower = [part for part in (word(q.lower) if q.lower else "", step) if part]
        if self.latex:
            base, _, index = base.partition("_{")  # one index only: my_gate and t are one
            indices = ",".join(filter(None, (index[:-1], *lower)))
            base = f"{{{base}}}" if "_" in base else base
            above = f"^{{{word(q.upper)}}}" if q.upper else ""
            return f"{delta}{base}{above}" + (f"_{{{indices}}}" if indices else "")
        index = "_".join(lower)
        above = f"^{word(q.upper)}" if q.upper else ""
        index = f"{{{index}}}" if len(index) > 1 and shift else index
        return f"{delta}{base}{above}" + (f"_{index}" if index else "")

    def number(self, e: Any) -> Written:
        if e.is_infinite:
            return (self.minus if e < 0 else "") + ("\\infty" if self.latex else "∞"), ATOM
        if not e.is_Rational:
            return str(e), ATOM
        sign = self.minus if e < 0 else ""
        value = Fraction(abs(e.p), e.q)
        written, binding = self._positive(value)
        return sign + written, SUM if sign else binding

    def _positive(self, value: Fraction) -> Written:
        """A fraction or a decimal, whichever the number was meant to be."""
        p, q = value.numerator, value.denominator
        if q == 1:
            return str(p), ATOM
        if q > 1000 and (known := recognised(value)) is not None:
            return self(known)
        if q > 12 or q in (5, 10):
            decimal = f"{float(value):.10g}"
            digits, _, power = decimal.partition("e")
            if q > 1000 or Fraction(decimal) == value:
                return (self._scientific(digits, int(power)) if power else decimal), ATOM
        if self.latex:
            return f"\\tfrac{{{p}}}{{{q}}}", PRODUCT
        return f"{p}/{q}", ENTRIES

    def _scientific(self, digits: str, power: int) -> str:
        """10⁻⁵ and the like."""
        ten = f"10^{{{power}}}" if self.latex else f"10{_superscript(power)}"
        times = "\\cdot " if self.latex else "·"
        return ten if digits == "1" else f"{digits}{times}{ten}"

    def product(self, e: Any) -> Written:
        number, rest = e.as_coeff_Mul()
        if number.is_Rational and number.q > 1000:
            known = recognised(Fraction(abs(number.p), number.q))
            if known is not None:
                number, rest = (sympy.sign(number) * known * rest).as_coeff_Mul()
        sign = self.minus if number < 0 else ""
        number = abs(number)
        above, below = sympy.fraction(rest)
        if number.is_Rational and number.q != 1 and self.number(number)[1] != ATOM:
            number, below = sympy.Integer(number.p), number.q * below
        whole, several = self._factors(number, above)
        if below != 1:
            if not self.latex:
                return f"{sign}{whole} / {self.least(below, ATOM)}", SUM
            whole = f"\\frac{{{whole}}}{{{self.least(below, SUM)}}}"
        return f"{sign}{whole}", SUM if sign else ENTRIES if several and below == 1 else PRODUCT

    def _factors(self, number: Any, above: Any) -> tuple[str, bool]:
        """A product: numbers and sizes in front, then ∘ between arrays; whether it has several."""
        factors = [number, *_in_order(sympy.Mul.make_args(above))]
        front = [e for e in factors if not e.atoms(Quantity) and e != 1]
        arrays = [e for e in factors if e.atoms(Quantity)]
        several = len(front) + len(arrays) > 1
        alone = SUM if self.latex and not several else PRODUCT  # under a bar it needs no brackets
        spread = self.times.join(self.least(e, ATOM if len(arrays) > 1 else alone) for e in arrays)
        written = [self.least(e, ATOM if several else PRODUCT) for e in front]
        return " ".join(filter(None, [*written, spread])) or "1", several

    def power(self, base: Any, exponent: Any) -> Written:
        if exponent == sympy.Rational(1, 2):
            inside = self.least(base, SUM if self.latex else ATOM)
            return (f"\\sqrt{{{inside}}}" if self.latex else f"√{inside}"), ATOM
        if exponent.could_extract_minus_sign():
            under = self.least(base**-exponent, SUM if self.latex else ATOM)
            return (f"\\frac{{1}}{{{under}}}", PRODUCT) if self.latex else (f"1 / {under}", SUM)
        whole = exponent.is_Integer
        raised = self(exponent)[0] if self.latex else _superscript(int(exponent)) if whole else ""
        if whole and base.is_Function and type(base).__name__ not in _TEMPLATES:  # tanh²(c)
            argument = ", ".join(self(part)[0] for part in base.args)
            return self.applied(base, argument, raised), ATOM
        written = self.least(base, ATOM)
        if self.latex:
            return f"{f'{{{written}}}' if '^' in written else written}^{{{raised}}}", ATOM
        if whole:
            return f"{written}{raised}", ATOM
        return f"{written}^{self.least(exponent, ATOM)}", ATOM


def _sum(printer: _Printer, terms: Iterable[Any]) -> str:
    """Terms joined: a + (−b) is a − b."""

    def join(left: str, right: str) -> str:
        minus = right[0] == printer.minus
        return f"{left} {right[0]} {right[1:]}" if minus else f"{left} + {right}"

    return reduce(join, (printer.least(term, SUM) for term in terms))


def _in_order(parts: Iterable[Any]) -> list[Any]:
    """Terms or factors: what the loss sends and numbers first; then as the quantities are ranked.

    Terms with a minus, functions, and numbers that are small or negative come late.
    """
    return sorted(parts, key=_place)


def _place(e: Any) -> tuple[Any, ...]:
    if isinstance(e, of_loss):
        return 0, False, False, 0, ""
    quantities = e.atoms(Quantity)
    if not quantities:
        late = e.is_number and e.is_real and e < sympy.Rational(1, 100)
        return 3 if late else 1, False, False, 0, sympy.default_sort_key(e)
    if any(q.delta for q in quantities) and not e.is_Add:
        # a gradient's terms stay in the order of the paths
        return 2, False, False, min(q.rank for q in quantities), sympy.default_sort_key(e)
    applied = any(not isinstance(function, ArrayFunction) for function in e.atoms(sympy.Function))
    minus = e.is_Mul and e.could_extract_minus_sign()
    rank = min((q.rank for q in quantities if not q.delta), default=0)
    return 2, minus, applied, rank, sympy.default_sort_key(e)


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def recognised(value: Fraction) -> sympy.Expr | None:
    """What a rounded constant stands for: 0.333… is ⅓, 0.7978845608… is √(2/π)."""
    number = float(value)
    close = partial(math.isclose, number, rel_tol=4e-16)
    simple = value.limit_denominator(1000)
    if close(float(simple)):
        return sympy.Rational(simple.numerator, simple.denominator)
    for unit in (sympy.Integer(1), 1 / sympy.pi):
        square = Fraction(number * number / float(unit)).limit_denominator(100)
        if square and close(math.sqrt(square * float(unit))):
            return sympy.sqrt(sympy.Rational(square.numerator, square.denominator) * unit)
    return None
