"""What the tutorials share: the reader's language, self-checks, formulas and verdicts.

``MINIGRAD_LANGUAGE`` is ``en`` (the default) or ``es``; the notebooks set it in their first cell.
While the site is built it is ``both``: one run then says everything in both languages.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from minigrad.symbolic import Derivation
from minigrad.targets import Judge
from minigrad.verify import Report
from minigrad.verify.report import Check, summary

__all__ = ["Formulas", "check", "formulas", "text", "verdicts"]


_BOTH = re.compile("\ue000([^\ue001]*)\ue001([^\ue002]*)\ue002")


class _Words(str):
    """The words of both languages in one string, between marks; each is padded by itself."""

    def __new__(cls, en: str, es: str) -> _Words:
        words = super().__new__(cls, f"\ue000{en}\ue001{es}\ue002")
        words.both = en, es
        return words

    both: tuple[str, str]

    def __format__(self, spec: str) -> str:
        en, es = self.both
        return _Words(format(en, spec), format(es, spec))

    def ljust(self, width: SupportsIndex, fill: str = " ", /) -> str:
        return _Words(*(words.ljust(width, fill) for words in self.both))


def text(en: Any, es: Any) -> Any:
    """The one of the two that is in the reader's language.

    Raises:
        TypeError: the site is being built, and these are no words: the chapter has to say in its
            header that it has data of each language.
    """
    language = os.environ.get("MINIGRAD_LANGUAGE")
    if language != "both":
        return es if language == "es" else en
    if isinstance(en, tuple) and len(en) == len(es):
        return tuple(map(text, en, es))
    if not isinstance(en, str):
        raise TypeError(
            f"text: got {en!r}, expected words; a chapter whose data differ between languages "
            "says so in its header: minigrad: data_of_each_language"
        )
    return _Words(en, es)


def in_language(words: str, language: str) -> str:
    """What a run in both languages printed, in one of them."""
    return _BOTH.sub(r"\2" if language == "es" else r"\1", words)


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
