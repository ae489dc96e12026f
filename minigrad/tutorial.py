"""What the tutorials share: the reader's language, self-checks, formulas and verdicts.

``MINIGRAD_LANGUAGE`` is ``en`` (the default) or ``es``; the notebooks set it in their first cell.
While the site is built it is ``both``: one run then says everything in both languages.
"""

from __future__ import annotations

import base64
import html
import os
import re
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from minigrad.nn import Module
from minigrad.symbolic import Derivation
from minigrad.targets import Judge
from minigrad.tensor import Tensor
from minigrad.verify import Report
from minigrad.verify.report import Check, summary

__all__ = ["Formulas", "Live", "check", "formulas", "live", "spotlight", "text", "verdicts"]


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
        TypeError: the site is being built, and these are not words: the chapter has to say in its
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
    """Say whether an answer is right, and of a wrong one what kind of mistake it may be.

    The right answer is not given away. An answer that was rounded, to two digits or more, is
    right; numbers may be written as text, with a decimal comma or as a fraction.

    Args:
        exercise: what was asked.
        yours: the answer, a number or an array; ``None`` or ``...`` while there is none.
        expected: the right answer.
        rtol: how far off the answer may be, relative to the largest entry expected.

    Example:
        >>> check("1", 1.9, 1.907)
        ✓ 1: right (1.907)
        >>> check("1", -1.907, 1.907)
        ✗ 1: -1.907 has the wrong sign
    """
    if yours is None or yours is ... or _is_blank(yours):
        return print(f"○ {exercise}: {text('not answered yet', 'aún sin responder')}")
    right = np.asarray(expected.data if isinstance(expected, Tensor) else expected)
    try:
        got = _as_numbers(yours) if right.dtype.kind in "iufc" else np.asarray(yours)
    except (TypeError, ValueError):
        said = text("expected a number or an array of numbers, got",
                    "se esperaba un número o un array de números, y es")  # fmt: skip
        return print(f"✗ {exercise}: {said} {type(yours).__name__}")
    if got.size == right.size == 1:
        got = got.reshape(right.shape)
    if got.shape == right.shape and _matches(got, right, rtol):
        return print(f"✓ {exercise}: {text('right', 'correcto')} ({_short(right)})")
    print(f"✗ {exercise}: {_short(got)} {_mistake(got, right, rtol)}")


def _is_blank(yours: Any) -> bool:
    return isinstance(yours, (list, tuple)) and len(yours) > 0 and all(x is None for x in yours)


def _as_numbers(yours: Any) -> np.ndarray:
    """An answer as an array, however it was written.

    Raises:
        TypeError, ValueError: it is neither a number nor an array of numbers.
    """
    if isinstance(yours, Tensor):
        return _as_numbers(yours.data)
    if isinstance(yours, str):
        pieces = yours.strip(" []()").replace(";", " ").split()
        if len(pieces) != 1:
            return np.array([_as_numbers(piece) for piece in pieces], float)
        over, slash, under = pieces[0].replace(",", ".").partition("/")
        return np.array(float(over) / float(under) if slash else float(over))
    if isinstance(yours, (list, tuple)):
        return np.array([_as_numbers(entry) for entry in yours])
    if isinstance(yours, np.ndarray) and yours.dtype.kind in "iufc":
        return yours
    if isinstance(yours, bool | np.ndarray):
        raise TypeError
    number = complex(yours)  # also a fraction, or a number of SymPy's; no set, dict or function
    return np.array(number if number.imag else number.real)


def _matches(got: np.ndarray, right: np.ndarray, rtol: float) -> bool:
    """Whether they are equal up to ``rtol``, or the answer is the right one, rounded."""
    if right.dtype.kind not in "iufc" or right.size == 0:
        return bool(np.array_equal(got, right))
    if right.dtype.kind != "c" and np.iscomplexobj(got):
        return False
    near = abs(got - right) <= rtol * (np.max(abs(right)) or 1)
    if right.dtype.kind == "f" and not np.iscomplexobj(got) and rtol > 1e-9:
        pairs = zip(got.flat, right.flat, strict=True)
        near |= np.reshape([_is_rounded(float(x), float(y)) for x, y in pairs], right.shape)
    return bool(np.all(near))


def _is_rounded(got: float, right: float) -> bool:
    """Whether ``got`` is ``right``, rounded to as many digits as it has, two or more."""
    digits = re.sub(r"e.*|\.", "", repr(abs(got))).strip("0")
    return len(digits) >= 2 and float(f"{right:.{len(digits) - 1}e}") == got


def _mistake(got: np.ndarray, right: np.ndarray, rtol: float) -> str:
    """What may be wrong, without giving the answer away."""
    wrong = text("is not right", "no es correcto")
    if got.shape != right.shape:
        said = text("has shape {0}, expected {1}", "tiene la forma {0}; se esperaba {1}")
        return str(said.format(got.shape, right.shape))
    if right.dtype.kind not in "iufc":
        return wrong
    if not np.isfinite(got).all():
        return text("is not finite", "no es finito")
    if _matches(-got, right, rtol):
        return text("has the wrong sign", "tiene el signo cambiado")
    for factor in (2, 3, 4, 10, 100, 1000):
        large = _matches(got / factor, right, rtol)
        if large or _matches(got * factor, right, rtol):
            more = text("large", "grande") if large else text("small", "pequeño")
            by = text("it is too {0} by a factor of", "es demasiado {0}, en un factor de")
            return f"{wrong}: {by.format(more)} {factor}"
    pairs = zip(got.reshape(-1, 1), right.reshape(-1, 1), strict=True)
    good = sum(_matches(one, other, rtol) for one, other in pairs)
    if good and right.size > 1:
        entries = text("entries are right", "elementos están bien")
        return f"{wrong}: {good} {text('of', 'de')} {right.size} {entries}"
    if np.all(abs(got - right) <= 0.02 * np.max(abs(right))):
        return text("is close, but not close enough", "se acerca, pero no lo bastante")
    return wrong


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


@dataclass(frozen=True)
class Spotlight:
    """A picture of a cell in which all but some gates have faded."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return "<picture of some gates>"


_PART = re.compile(r'<g (id="[^"]*" class="(node|edge)")>\s*<title>(.*?)</title>')


def spotlight(picture: Any, *gates: str) -> Spotlight:
    """The picture of a cell with these gates in full colour, and what they act on; the rest fades.

    Args:
        picture: what `minigrad.graph.draw` made with ``view="cell"``.
        gates: their names.

    Raises:
        ValueError: the picture has no such gate.
    """
    svg = picture._repr_svg_()
    titles = [(kind, html.unescape(title)) for _, kind, title in _PART.findall(svg)]
    wires = [title.partition("->")[::2] for kind, title in titles if kind == "edge"]
    layers = {
        title for kind, title in titles
        if kind == "node" and title.startswith("layer ")
        and title.split()[1].rpartition("/")[2] in gates
    }  # fmt: skip
    if len(layers) < len(gates):
        raise ValueError(f"spotlight: got gates {', '.join(gates)}, and the picture lacks some")
    lit = layers | {end for start, end in wires if start in layers}
    touched = [wire for wire in wires if lit & set(wire)]
    ends = {end for wire in touched for end in wire}

    def faded(found: re.Match[str]) -> str:
        title = html.unescape(found[3])
        if title in ends or title.partition("->")[::2] in touched:
            return found[0]
        return found[0].replace(f"<g {found[1]}", f'<g {found[1]} opacity="0.15"')

    return Spotlight(_PART.sub(faded, svg))


@dataclass(frozen=True)
class Live:
    """A figure that moves under the reader's hands in the chapter's page; elsewhere, words."""

    mimetype = "application/vnd.minigrad.live+json"

    name: str
    data: dict[str, Any]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {self.mimetype: {"figure": self.name, "data": self.data}, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return str(text("(In the chapter's page, this figure moves.)",
                        "(En la página del capítulo, esta figura se mueve)."))  # fmt: skip


def live(name: str, **data: Any) -> Live:
    """The live figure of a chapter, with what it needs to compute by itself.

    Args:
        name: of the figure, in ``tutorials/site/figures.js``.
        data: arrays and Tensors, modules (their parameters by name), numbers, words, and lists and
            dicts of these.
    """
    return Live(name, {key: _handed(value) for key, value in data.items()})


def _handed(value: Any) -> Any:
    """A value as JSON; an array as its bytes, from which no digit is lost."""
    if isinstance(value, Tensor):
        return _handed(value.data)
    if isinstance(value, Module):
        return _handed(dict(value.named_parameters()))
    if isinstance(value, dict):
        return {key: _handed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_handed(item) for item in value]
    if not isinstance(value, np.ndarray):
        return value.item() if isinstance(value, np.generic) else value
    dtype = "float32" if value.dtype == np.float32 else "float64"
    packed = np.ascontiguousarray(value, np.dtype(dtype).newbyteorder("<"))
    return {
        "dtype": dtype,
        "shape": list(value.shape),
        "bytes": base64.b64encode(packed.tobytes()).decode(),
    }


def verdicts(report: Report) -> None:
    """Print what each judge said: a line for each order and for generated code, over all shapes.

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
    lines: dict[tuple[str, Judge, str], list[Check]] = {}
    for found in report.checks:
        what = generated if "generated" in found.unit else orders[found.order]
        lines.setdefault((found.target, found.judge, what), []).append(found)
    for (target, judge, what), checks in lines.items():
        figure = (
            f"{text('largest error', 'mayor error')} {summary(checks)}"
            if judge == "numeric"
            else f"{summary(checks)} {text('entries equal', 'elementos iguales')}"
        )
        mark = "✓" if all(found.passed for found in checks) else "✗"
        print(f"{mark} {target:<{width}} {judges[judge]:<13} {what:<18} {figure}")
        for failure in (failure for found in checks for failure in found.failures):
            print("   ", failure)
    assert report.passed, text("a judge found a fault", "un juez encontró un fallo")
