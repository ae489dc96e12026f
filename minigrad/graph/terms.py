"""Formulas in pictures, as data until they are set: in Unicode, or in LaTeX for a paper."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minigrad import notation


@dataclass(frozen=True)
class Name:
    """A value by its name: h, or h at a step.

    Attributes:
        text: as the user wrote it.
        step: the time step; ``None`` outside of one.
        transposed: whether its last axes are exchanged.
    """

    text: str
    step: int | None = None
    transposed: bool = False


@dataclass(frozen=True)
class Number:
    """A plain number."""

    value: float


@dataclass(frozen=True)
class Call:
    """A function of terms, or an operator between them.

    Attributes:
        label: the function's name or the operator.
        args: what it is applied to.
        infix: whether the label stands between (or, of one, before) its arguments.
    """

    label: str
    args: tuple[Term, ...]
    infix: bool = False


@dataclass(frozen=True)
class Listed:
    """Several values joined: [h, x]; with a gap, the first and last of many: [h₀ … h₉]."""

    parts: tuple[Term, ...]
    gap: bool = False


Term = Name | Number | Call | Listed
_STRENGTH = {"+": 1, "−": 1, "×": 2, "∘": 2, "·": 2, "÷": 2, "@": 2, "^": 4, "′": 5, "²": 4, "³": 4}
_POWERS = {2: "²", 3: "³"}
_SUBSCRIPTS = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")


def subscript(step: int) -> str:
    """A step as a Unicode subscript: −1 is ₋₁."""
    return str(step).translate(_SUBSCRIPTS)


def when(step: int | None, now: int | None) -> str:
    """The subscript of a step; relative to now, if that is given: ₜ, ₜ₋₁."""
    if step is None:
        return ""
    if now is None:
        return subscript(step)
    away = step - now
    return "ₜ" + ("" if not away else ("₊" if away > 0 else "") + subscript(away))


def text(term: Term, now: int | None = None, tight: int = 0, plain: Container[str] = ()) -> str:
    """The term in Unicode; in brackets if what stands around it binds more tightly.

    Args:
        term: what to write.
        now: the step that is written as t; ``None`` if steps are written as numbers.
        tight: how tightly what stands around it binds.
        plain: names that are written as they are, and not in Greek letters.
    """
    if isinstance(term, Name):
        mark = "ᵀ" if term.transposed else ""
        written = term.text if term.text in plain else notation.pretty(term.text)
        return written + when(term.step, now) + mark
    if isinstance(term, Number):
        written = f"{term.value:.4g}".replace("-", "−").replace("inf", "∞")
        return f"({written})" if tight > 1 and written.startswith("−") else written
    if isinstance(term, Listed):
        inner = (" … " if term.gap else ", ").join(text(part, now, 0, plain) for part in term.parts)
        return f"[{inner}]"
    if term.label == "[ ]" and len(term.args) > 1:
        of, *places = (text(arg, now, 9 * (k == 0), plain) for k, arg in enumerate(term.args))
        return f"{of}[{', '.join(places)}]"
    if not term.infix:
        inner = ", ".join(text(arg, now, 0, plain) for arg in term.args)
        return (
            f"{term.label}{inner}{term.label}" if term.label in "|‖" else f"{term.label}({inner})"
        )
    own = _STRENGTH.get(term.label, 3)
    if term.label == "^" and isinstance(term.args[1], Number):
        power = _POWERS.get(term.args[1].value)  # type: ignore[call-overload]
        if power:
            return text(term.args[0], now, own, plain) + power
    if len(term.args) == 1:
        after = term.label in ("²", "³", "′")
        inner = text(term.args[0], now, own, plain)
        if after:
            return inner + term.label
        return f"{term.label} {inner}" if term.label in ("×", "÷", "+", "@") else term.label + inner
    between = term.label if term.label == "·" else f" {term.label} "
    right = own + 1 if term.label in ("−", "÷", "^") else own
    first, *rest = term.args
    joined = between.join(
        [text(first, now, own, plain), *(text(arg, now, right, plain) for arg in rest)]
    )
    return f"({joined})" if own < tight else joined


def latex(term: Term, now: int | None = None, tight: int = 0) -> str:
    """The term in LaTeX."""
    if isinstance(term, Name):
        written = notation.latex(term.text)
        if term.step is not None:
            away = str(term.step) if now is None else f"t{term.step - now:+d}".removesuffix("+0")
            written = f"{written}_{{{away}}}" if "_" not in written else f"({written})_{{{away}}}"
        return written + (r"^{\top}" if term.transposed else "")
    if isinstance(term, Number):
        return f"{term.value:.4g}".replace("inf", r"\infty")
    if isinstance(term, Listed):
        inner = (r" \dots " if term.gap else ", ").join(latex(part, now) for part in term.parts)
        return f"[{inner}]"
    if term.label == "[ ]" and len(term.args) == 2:
        return f"{latex(term.args[0], now)}[{latex(term.args[1], now)}]"
    if not term.infix:
        inner = ", ".join(latex(arg, now) for arg in term.args)
        bars = {"|": "|", "‖": r"\|"}.get(term.label)
        return f"{bars}{inner}{bars}" if bars else f"{notation.latex_of(term.label)}({inner})"
    own = _STRENGTH.get(term.label, 3)
    sign = {"×": r"\times", "∘": r"\circ", "·": r"\,", "÷": "/", "@": r"\,", "−": "-"}
    if term.label == "^":
        return f"{{{latex(term.args[0], now, own)}}}^{{{latex(term.args[1], now)}}}"
    if len(term.args) == 1:
        inner = latex(term.args[0], now, own)
        powers = {"²": "^{2}", "³": "^{3}", "′": "'"}
        after = powers.get(term.label)
        return inner + after if after else f"{sign.get(term.label, term.label)}{inner}"
    right = own + 1 if term.label in ("−", "÷") else own
    first, *rest = term.args
    parts = [latex(first, now, own), *(latex(arg, now, right) for arg in rest)]
    joined = f" {sign.get(term.label, term.label)} ".join(parts)
    return f"({joined})" if own < tight else joined


def names_in(term: Term) -> Iterator[str]:
    """The names in a term."""
    if isinstance(term, Name):
        yield term.text
    for part in getattr(term, "args", ()) or getattr(term, "parts", ()):
        yield from names_in(part)


def later(term: Term, steps: int) -> Term:
    """The term some steps later."""
    if isinstance(term, Name) and term.step is not None:
        return replace(term, step=term.step + steps)
    if isinstance(term, Call):
        return replace(term, args=tuple(later(arg, steps) for arg in term.args))
    if isinstance(term, Listed):
        return replace(term, parts=tuple(later(part, steps) for part in term.parts))
    return term


_FORMS = {"square": "²", "negative": "−", "power": "^"}
_AROUND = {"absolute": "|", "norm": "‖"}


def operation(primitive: str, label: str, args: Sequence[Term]) -> Term:
    """An operation on terms as one writes it: 1 − x, x², max(0, x), σ(x)."""
    given = tuple(args)
    if primitive == "reciprocal":
        return Call("÷", (Number(1), *given), infix=True)
    if primitive == "affine":
        x, weight, bias = given
        return Call("+", (Call("·", (weight, x), infix=True), bias), infix=True)
    if primitive in _AROUND:
        return Call(_AROUND[primitive], given)
    if primitive in _FORMS:
        return Call(_FORMS[primitive], given, infix=True)
    if primitive == "sqrt":
        return Call("√", given, infix=len(given) == 1 and isinstance(given[0], Name))
    return Call(label, given, infix=len(given) == 2 and label in _STRENGTH)


def short(primitive: str, label: str, numbers: Sequence[tuple[int, float]]) -> str:
    """An operation as it stands in a circle: its sign, with a number on the side it is on."""
    if not numbers:
        return label
    ((position, value),) = numbers[:1]
    if primitive == "power" and position == 1:
        return text(Call("^", (Name("x"), Number(value)), infix=True))
    pair = text(Number(value)), {"power": "^"}.get(primitive, label)
    return " ".join(pair if position == 0 and label in _STRENGTH else reversed(pair))


def from_sympy(expression: Any, names: Mapping[Any, Term]) -> Term:
    """A formula of SymPy's as a term; its symbols by these names."""
    if expression in names:
        return names[expression]
    if expression.is_Number:
        return Number(float(expression))
    parts = [from_sympy(part, names) for part in expression.args]
    if expression.is_Add:
        return _sum(expression, names)
    if expression.is_Pow:
        base, exponent = expression.as_base_exp()
        if exponent.is_negative:
            below = from_sympy(base**-exponent, names)
            return Call("÷", (Number(1), below), infix=True)
        if exponent == expression.func(4, -1) * 2:  # one half
            return Call("√", (from_sympy(base, names),), infix=True)
        return Call("^", (from_sympy(base, names), from_sympy(exponent, names)), infix=True)
    if expression.is_Mul:
        above, below = expression.as_numer_denom()
        if below != 1:
            return Call("÷", (from_sympy(above, names), from_sympy(below, names)), infix=True)
        if expression.could_extract_minus_sign():
            return Call("−", (from_sympy(-expression, names),), infix=True)
        return Call("·", tuple(parts), infix=True)
    return Call(expression.func.__name__, tuple(parts))


def _sum(expression: Any, names: Mapping[Any, Term]) -> Term:
    """A sum with what is subtracted behind the rest: 1 − y²."""
    plus = [part for part in expression.args if not part.could_extract_minus_sign()]
    minus = [-part for part in expression.args if part.could_extract_minus_sign()]
    plus.sort(key=lambda part: not part.is_Number)
    total: Term | None = None
    for part in plus:
        term = from_sympy(part, names)
        total = term if total is None else Call("+", (total, term), infix=True)
    for part in minus:
        term = from_sympy(part, names)
        total = Call("−", (term,) if total is None else (total, term), infix=True)
    assert total is not None
    return total
