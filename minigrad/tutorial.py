"""What the tutorials share: the reader's language, self-checks, formulas and verdicts.

``MINIGRAD_LANGUAGE`` is ``en`` (the default) or ``es``; the notebooks set it in their first cell.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.symbolic import Derivation
from minigrad.targets import Judge
from minigrad.verify import Report
from minigrad.verify.report import Check, summary

__all__ = ["Formulas", "check", "formulas", "text", "verdicts"]


def text(en: str, es: str) -> str:
    """The one of the two that is in the reader's language."""
    return es if os.environ.get("MINIGRAD_LANGUAGE") == "es" else en


def check(exercise: str, yours: Any, expected: Any, *, rtol: float = 1e-6) -> None:
    """Say whether an answer is right; a wrong one is shown beside the right one.

    Args:
        exercise: what was asked.
        yours: the answer, a number or an array; ``None`` while there is none.
        expected: the right answer.
        rtol: how far off the answer may be, relative to the largest entry expected.

    Example:
        >>> check("1", 1.9, 1.907, rtol=1e-3)
        ✗ 1: expected 1.907, yours 1.9
    """
    if yours is None:
        return print(f"○ {exercise}: {text('not answered yet', 'aún sin responder')}")
    got, right = (np.asarray(getattr(x, "data", x)) for x in (yours, expected))
    if got.shape == right.shape and np.all(abs(got - right) <= rtol * np.max(abs(right))):
        return print(f"✓ {exercise}: {text('right', 'correcto')} ({_short(right)})")
    names = text("expected", "se esperaba"), text("yours", "lo tuyo")
    for digits in (4, 8, 16):  # until one sees the difference
        shown = _short(right, digits), _short(got, digits)
        if shown[0] != shown[1]:
            break
    print(f"✗ {exercise}: {names[0]} {shown[0]}, {names[1]} {shown[1]}")


def _short(array: np.ndarray, digits: int = 4) -> str:
    """An array in a line, of a long one only the ends."""
    shown = np.array2string(array, precision=digits, suppress_small=True, threshold=40)
    return " ".join(shown.split())


@dataclass(frozen=True)
class Formulas:
    """Formulas that show themselves in a notebook; elsewhere they are lines of Unicode."""

    lines: tuple[tuple[str, str], ...]

    def _repr_markdown_(self) -> str:
        return "\n\n".join(f"$${latex}$$" for _, latex in self.lines)

    def __repr__(self) -> str:
        return "\n".join(plain for plain, _ in self.lines)


def formulas(derivation: Derivation, *of: str, within: str | None = None) -> Formulas:
    """The formulas of a derivation, without their reasons, which are in English.

    Args:
        derivation: from `minigrad.symbolic.derive`.
        of: titles of the sections, or left sides such as ``"δh_t"``, to keep; all if none.
        within: title of the only section to look in.

    Raises:
        ValueError: the derivation has nothing of one of these names.
    """
    kept, found = [], set()
    for section in derivation.to_dict()["sections"]:
        if within not in (None, section["title"]):
            continue
        for line in section["lines"]:
            names = {section["title"], line["text"].partition(" = ")[0]} & set(of)
            if names or not of:
                found |= names
                kept.append((line["text"], line["latex"]))
    if missing := [name for name in of if name not in found]:
        raise ValueError(f"formulas: {derivation.title} has nothing of {', '.join(missing)}")
    return Formulas(tuple(dict.fromkeys(kept)))


def verdicts(report: Report) -> None:
    """Print what each judge said: a line for each thing that it established, over all shapes.

    Raises:
        AssertionError: a check failed.
    """
    judges = {
        "proof": text("proof", "demostración"),
        "exact": text("exact", "exacto"),
        "numeric": text("numeric", "numérico"),
    }
    orders = {
        1: text("gradient", "gradiente"),
        2: text("second derivative", "segunda derivada"),
    }
    generated = text("generated code", "código generado")
    width = max(len(found.target) for found in report.checks)
    lines: dict[tuple[str, Judge, int, str], list[Check]] = {}
    for found in report.checks:
        one = found.target, found.judge, found.order, found.established
        lines.setdefault(one, []).append(found)
    for (target, judge, order, _), checks in lines.items():
        figure = (
            f"{text('largest error', 'mayor error')} {summary(checks)}"
            if judge == "numeric"
            else f"{summary(checks)} {text('entries equal', 'entradas iguales')}"
        )
        mark = "✓" if all(found.passed for found in checks) else "✗"
        what = generated if "generated" in checks[0].unit else orders[order]
        print(f"{mark} {target:<{width}} {judges[judge]:<13} {what:<18} {figure}")
        for failure in (failure for found in checks for failure in found.failures):
            print("   ", failure)
    assert report.passed, text("a judge found a fault", "un juez encontró un fallo")
