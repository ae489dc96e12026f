"""Formulas as trees, printed two ways: Unicode for a terminal, LaTeX for everything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy

from minigrad import notation

SUM, ENTRIES, PRODUCT, ATOM = range(4)  # how tightly a formula binds: A B ∘ C is (A B) ∘ C


@dataclass(frozen=True)
class Name:
    """A quantity: f_t, a^f_t, W_f; ``shift`` is the step, counted from ``time``, if it has one.

    Attributes:
        base: the letter or word.
        shift: 0 for t, −1 for t − 1; ``None`` without time.
        upper: written above: the gate of a pre-activation.
        lower: written below: the gate of a parameter.
        delta: whether the loss's derivative by it is meant, δf_t = ∂L/∂f_t.
        time: the step from which the shift counts; empty for the numbers 0 and 1 themselves.
    """

    base: str
    shift: int | None = None
    upper: str = ""
    lower: str = ""
    delta: bool = False
    time: str = "t"


@dataclass(frozen=True)
class Scalar:
    """A SymPy expression that holds for each entry; ``names`` says what its symbols are."""

    expression: sympy.Expr
    names: tuple[tuple[sympy.Symbol, Name], ...] = ()


@dataclass(frozen=True)
class Operation:
    """An operator over formulas: see `_WRITTEN` for those that there are."""

    kind: str
    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Given:
    """A short formula as a sentence states it, in Unicode."""

    source: str


Formula = Name | Scalar | Operation | Given


def plus(parts: list[Formula]) -> Formula:
    """The sum of formulas; 0 of none."""
    if not parts:
        return Scalar(sympy.Integer(0))
    return parts[0] if len(parts) == 1 else Operation("plus", tuple(parts))


def hadamard(*parts: Formula) -> Formula:
    """The product entry by entry; factors of 1 are left out."""
    factors: list[Formula] = []
    sign = 1
    for part in parts:
        if isinstance(part, Scalar) and part.expression in (1, -1):
            sign *= int(part.expression)
        elif isinstance(part, Operation) and part.kind == "hadamard":
            factors += part.parts
        elif isinstance(part, Operation) and part.kind == "minus":
            sign, factors = -sign, [*factors, *part.parts]
        else:
            factors.append(part)
    if not factors:
        return Scalar(sympy.Integer(sign))
    product = factors[0] if len(factors) == 1 else Operation("hadamard", tuple(factors))
    return Operation("minus", (product,)) if sign < 0 else product


def op(kind: str, *parts: Formula) -> Operation:
    """An `Operation`, written as a call."""
    return Operation(kind, parts)


# kind → (binding, Unicode, LaTeX); the fields are the parts, in brackets where they need them
_WRITTEN: dict[str, tuple[int, str, str]] = {
    "matmul": (PRODUCT, "{0} {1}", "{0}\\,{1}"),
    "transpose": (ATOM, "{0}ᵀ", "{{{0}}}^{{\\top}}"),
    "partial": (ATOM, "∂{0}/∂{1}", "\\dfrac{{\\partial {0}}}{{\\partial {1}}}"),
    "along": (
        ATOM,
        "∂{0}/∂{1}|{2}",
        "\\left.\\dfrac{{\\partial {0}}}{{\\partial {1}}}\\right|_{{{2}}}",
    ),
    "sum_t": (PRODUCT, "Σ_t {0}", "\\sum_t {0}"),
    "product_t": (PRODUCT, "Π_{{s=t+1…T}} {0}", "\\prod_{{s=t+1}}^{{T}} {0}"),
    "sum_rows": (PRODUCT, "1ᵀ {0}", "\\mathbf{{1}}^{{\\top}} {0}"),
    "total": (ATOM, "1ᵀ({0})", "\\mathbf{{1}}^{{\\top}}\\left({0}\\right)"),
    "mean": (ATOM, "mean({0})", "\\operatorname{{mean}}\\left({0}\\right)"),
    "row_sum": (ATOM, "rowsum({0})", "\\operatorname{{rowsum}}\\left({0}\\right)"),
    "softmax": (ATOM, "softmax({0})", "\\operatorname{{softmax}}\\left({0}\\right)"),
    "diag": (ATOM, "diag({0})", "\\operatorname{{diag}}\\left({0}\\right)"),
    "norm": (ATOM, "‖{0}‖", "\\left\\lVert {0}\\right\\rVert"),
    "root": (ATOM, "√({0})", "\\sqrt{{{0}}}"),
    "positive": (ATOM, "[{0} > 0]", "\\left[{0} > 0\\right]"),
    "scaled": (PRODUCT, "{0} {1}", "{0}\\,{1}"),
    "size": (ATOM, "|{0}|", "\\left|{0}\\right|"),
    "group": (ATOM, "({0})", "\\left({0}\\right)"),
    "to_the": (ATOM, "{0}^({1})", "{{{0}}}^{{{1}}}"),
    "squared": (ATOM, "{0}²", "{{{0}}}^{{2}}"),
    "over": (ENTRIES, "{0} / {1}", "\\dfrac{{{0}}}{{{1}}}"),
    "minus": (ENTRIES, "−{0}", "-{0}"),
    "affine": (SUM, "{0}·{1} + {2}", "{0}\\,{1} + {2}"),
    "from_output": (ATOM, "∂ℓ/∂{0}", "\\dfrac{{\\partial \\ell}}{{\\partial {0}}}"),
    "from_output_inline": (ATOM, "∂ℓ/∂{0}", "\\partial \\ell/\\partial {0}"),
}
_JOINED = {
    "equals": (SUM - 1, " = ", " = "),
    "at_most": (SUM - 1, " ≤ ", " \\le "),
    "plus": (SUM, " + ", " + "),
    "hadamard": (ENTRIES, " ∘ ", " \\circ "),
    "stack": (ATOM, ", ", ",\\; "),
}
_BARE = {
    "along", "row_sum", "softmax", "affine", "from_output", "from_output_inline", "partial",
    "total", "mean", "diag", "norm", "size", "group", "to_the", "root", "positive",
}  # fmt: skip
_RELATIONS = {"equals", "at_most"}
_OF_MATRICES = {"matmul", "sum_rows"}  # whose operands are no products of entries


def text(formula: Formula) -> str:
    """The formula in Unicode."""
    return _write(formula, latex=False)[0]


def latex(formula: Formula) -> str:
    """The formula in LaTeX."""
    return _fenced(_write(formula, latex=True)[0])


_LOW = re.compile(r"\\left([(\[])((?:(?!\\left|\\right|frac|\\sum|\\prod|\\sqrt).)*)\\right([)\]])")


def _fenced(source: str) -> str:
    """LaTeX whose brackets grow only around what is tall."""
    while (lower := _LOW.sub(r"\1\2\3", source)) != source:
        source = lower
    return source


def rows(formula: Formula, width: int, *, latex: bool) -> list[tuple[str, str]]:
    """An equation in rows (left, right): one for each right side, long sums broken at a term.

    Args:
        formula: an equation or a chain of them.
        width: characters of Unicode that a row may have.
        latex: whether the rows are LaTeX.
    """
    assert isinstance(formula, Operation) and formula.kind in _RELATIONS
    left, *rights = formula.parts
    _, unicode, tex = _JOINED[formula.kind]
    sign = (tex if latex else unicode).strip()
    found = []
    for k, right in enumerate(rights):
        start = _write(left, latex=latex)[0] if k == 0 else ""
        for j, line in enumerate(_lines(right, width)):
            written = _write(line, latex=latex)[0]
            if j == 0:
                written = f"{sign} {written}"
            else:
                indent = "\\quad {}" if latex else "    "
                minus = written[:1] in "−-"
                written = indent + (f"{written[0]} {written[1:]}" if minus else f"+ {written}")
            row = (start if j == 0 else "", written)
            found.append((_fenced(row[0]), _fenced(row[1])) if latex else row)
    return found


def _lines(formula: Formula, width: int) -> list[Formula]:
    """A sum in parts that are at most so wide, if its terms are."""
    if not (isinstance(formula, Operation) and formula.kind == "plus"):
        return [formula]
    lines: list[list[Formula]] = [[]]
    for part in formula.parts:
        if lines[-1] and len(text(plus([*lines[-1], part]))) > width:
            lines.append([])
        lines[-1].append(part)
    return [plus(line) for line in lines]


def _write(formula: Formula, *, latex: bool) -> tuple[str, int]:
    """The formula, and how tightly it binds."""
    if isinstance(formula, Name):
        return _name(formula, latex), ATOM
    if isinstance(formula, Scalar):
        return _scalar(formula.expression, dict(formula.names), latex)
    if isinstance(formula, Given):
        return (notation.latex_of(formula.source) if latex else formula.source), ATOM
    if formula.kind == "apply":
        function, argument = formula.parts
        assert isinstance(function, Name)
        inside, _ = _write(argument, latex=latex)
        if function.base == "absolute":
            return (f"\\left|{inside}\\right|" if latex else f"|{inside}|"), ATOM
        return _function(function.base, inside, latex), ATOM
    written = [_write(part, latex=latex) for part in formula.parts]
    if formula.kind in _JOINED:
        binding, plain, tex = _JOINED[formula.kind]
        least = SUM if formula.kind == "stack" else binding
        parts = [_bracketed(*part, least, latex) for part in written]
        if formula.kind in _RELATIONS:
            return (tex if latex else plain).join(part for part, _ in written), binding
        if formula.kind == "stack":
            joined = (tex if latex else plain).join(parts)
            return (f"\\left[{joined}\\right]" if latex else f"[{joined}]"), ATOM
        joined = reduce(lambda a, b: _join(a, b, tex if latex else plain), parts)
        return joined, binding
    binding, plain, tex = _WRITTEN[formula.kind]
    if formula.kind in _BARE or (latex and formula.kind == "over"):
        parts = [part for part, _ in written]
    else:
        least = ATOM if binding == ATOM else PRODUCT if formula.kind in _OF_MATRICES else ENTRIES
        parts = [_bracketed(*part, least, latex) for part in written]
        if formula.kind == "over":
            parts[1] = _bracketed(*written[1], ATOM, latex)
    return (tex if latex else plain).format(*parts), binding


def _join(left: str, right: str, operator: str) -> str:
    """Join two terms: a + (−b) is a − b."""
    minus = right[:1] in "−-" and operator.strip() == "+"
    return f"{left} {right[0]} {right[1:]}" if minus else f"{left}{operator}{right}"


def _bracketed(written: str, binding: int, least: int, latex: bool) -> str:
    if binding >= least:
        return written
    return f"\\left({written}\\right)" if latex else f"({written})"


def _name(name: Name, latex: bool) -> str:
    word = notation.latex if latex else notation.pretty
    base = word(name.base)
    if name.time:
        step = "" if name.shift is None else name.time + (f"{name.shift:+d}" if name.shift else "")
    else:
        step = str(name.shift)
    step = step.replace("-", "-" if latex else "−")
    if latex:
        base, _, index = base.partition("_{")  # one index only: my_gate and t are one
        given = word(name.lower) if name.lower else ""
        lower = ",".join(filter(None, (index[:-1], given, step)))
        base = f"{{{base}}}" if "_" in base else base  # LaTeX takes one subscript at a time
        written = base + (f"^{{{word(name.upper)}}}" if name.upper else "")
        written += f"_{{{lower}}}" if lower else ""
        return f"\\delta {written}" if name.delta else written
    lower = "_".join(filter(None, (word(name.lower) if name.lower else "", step)))
    written = base + (f"^{word(name.upper)}" if name.upper else "")
    written += f"_{{{lower}}}" if len(lower) > 1 and name.shift else f"_{lower}" if lower else ""
    return f"δ{written}" if name.delta else written


def _scalar(expression: Any, names: dict[Any, Name], latex: bool) -> tuple[str, int]:
    """A SymPy expression, its products written as products of entries."""

    def part(e: Any, least: int) -> str:
        return _bracketed(*_scalar(e, names, latex), least, latex)

    if expression in names:
        return _name(names[expression], latex), ATOM
    if expression.is_Symbol:
        return _name(Name(expression.name), latex), ATOM
    if expression.is_Rational and expression.q == 1:
        minus = "-" if latex else "−"
        return (str(expression) if expression >= 0 else f"{minus}{-expression}"), ATOM
    if expression.is_Rational:
        value = abs(expression)
        sign = "" if expression > 0 else "-" if latex else "−"
        if (
            value.p == 1
            and value.q >= 1000
            and set(str(value.q)[1:]) == {"0"}
            and str(value.q)[0] == "1"
        ):
            power = len(str(value.q)) - 1  # 10⁻⁵ and the like
            return f"{sign}10^{{-{power}}}" if latex else f"{sign}10⁻{_superscript(power)}", ATOM
        if value.q > 1000:
            return f"{sign}{float(value):.6g}", PRODUCT
        bar = f"\\tfrac{{{value.p}}}{{{value.q}}}" if latex else f"{value.p}/{value.q}"
        return f"{sign}{bar}", PRODUCT
    if expression.is_Add:
        terms = [part(e, SUM) for e in _ordered(expression.args, names)]
        return reduce(lambda a, b: _join(a, b, " + "), terms), SUM
    if expression.is_Mul:
        return _factors(expression, part, names, latex)
    if expression.is_Pow:
        return _power(expression, part, latex)
    argument = ", ".join(_scalar(e, names, latex)[0] for e in expression.args)
    if expression.func.__name__ == "heaviside":  # Iverson's bracket
        return (f"\\left[{argument} > 0\\right]" if latex else f"[{argument} > 0]"), ATOM
    if expression.func.__name__ == "absolute":
        return (f"\\left|{argument}\\right|" if latex else f"|{argument}|"), ATOM
    return _function(expression.func.__name__, argument, latex), ATOM


def _ordered(terms: Any, names: dict[Any, Name]) -> list[Any]:
    """Numbers first, terms with a minus late, functions last; else as the names are ordered."""
    rank = {variable: k for k, variable in enumerate(names)}

    def key(e: Any) -> tuple[Any, ...]:
        first = min((rank.get(v, len(rank)) for v in e.free_symbols), default=0)
        applied = e.has(sympy.Function)
        minus = e.is_Mul and e.could_extract_minus_sign()
        return not e.is_number, minus, applied, first, sympy.default_sort_key(e)

    return sorted(terms, key=key)


def _factors(expression: Any, part: Any, names: dict[Any, Name], latex: bool) -> tuple[str, int]:
    number, rest = expression.as_coeff_Mul()
    sign = ("-" if latex else "−") if number < 0 else ""
    above, below = sympy.fraction(rest)
    if below != 1:
        number, below = sympy.Integer(number.p), number.q * below
    parts = [e for e in _ordered(sympy.Mul.make_args(above), names) if e != 1]
    scale = abs(number)
    alone = SUM if latex and below != 1 and scale == 1 else PRODUCT  # the bar is its bracket
    factors = [part(e, ATOM if len(parts) > 1 else alone) for e in parts]
    front = [] if scale == 1 else [part(scale, ATOM)]
    spread = (" \\circ " if latex else " ∘ ").join(factors)
    whole = " ".join([*front, *([spread] if spread else [])]) or "1"
    if below != 1:
        under = part(below, SUM if latex else ATOM)
        whole = f"\\frac{{{whole}}}{{{under}}}" if latex else f"{whole} / {under}"
    loose = sign or (below != 1 and not latex)  # in a product it needs brackets
    spread_out = len(front) + len(factors) > 1 and below == 1
    return f"{sign}{whole}", SUM if loose else ENTRIES if spread_out else PRODUCT


def _power(expression: Any, part: Any, latex: bool) -> tuple[str, int]:
    base, exponent = expression.args
    if exponent == sympy.Rational(1, 2):
        inside = part(base, SUM if latex else ATOM)
        return (f"\\sqrt{{{inside}}}" if latex else f"√{inside}"), ATOM
    if exponent.is_Integer and exponent > 1 and base.is_Function:  # tanh²(c), as in books
        name, _, argument = part(base, ATOM).partition("\\left(" if latex else "(")
        if latex:
            return f"{name}^{{{exponent}}}\\left({argument}", ATOM
        return f"{name}{_superscript(int(exponent))}({argument}", ATOM
    if exponent.could_extract_minus_sign():
        under = part(base**-exponent, SUM if latex else ATOM)
        return (f"\\frac{{1}}{{{under}}}", PRODUCT) if latex else (f"1 / {under}", SUM)
    raised = part(exponent, SUM)
    if latex:
        written = part(base, ATOM)  # the index and the power stand above one another
        return f"{written if '^' not in written else f'{{{written}}}'}^{{{raised}}}", ATOM
    if exponent.is_Integer:
        return f"{part(base, ATOM)}{_superscript(int(exponent))}", ATOM
    return f"{part(base, ATOM)}^({raised})", ATOM


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _function(name: str, argument: str, latex: bool) -> str:
    name = {"maximum": "max", "minimum": "min"}.get(name, name)
    if name == "sigmoid":
        return f"\\sigma\\left({argument}\\right)" if latex else f"σ({argument})"
    if latex:
        written = (
            f"\\{name}"
            if name in notation.FUNCTIONS
            else f"\\operatorname{{{notation.latex(name)}}}"
        )
        return f"{written}\\left({argument}\\right)"
    return f"{name}({argument})"
