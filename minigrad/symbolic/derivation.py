"""A derivation: sections of formulas, each with its reason, as text, LaTeX, Markdown or HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from minigrad.extras import require
from minigrad.notation import GREEK
from minigrad.symbolic.formula import Formula, latex, text

_STYLE = """
:root { color-scheme: light dark; }
body { font: 17px/1.55 Georgia, "Times New Roman", serif; max-width: 52rem; margin: 2rem auto;
       padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1, h2 { font-family: system-ui, sans-serif; line-height: 1.25; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.line { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1.5rem;
        align-items: center; padding: .35rem 0; border-bottom: 1px solid #e4e4e0; }
.formula { overflow-x: auto; overflow-y: hidden; padding: .2rem 0; }
.reason { color: #555; font-size: .93rem; }
math { font-size: 1.08rem; }
@media (max-width: 40rem) { .line { grid-template-columns: minmax(0, 1fr); gap: 0; } }
@media (prefers-color-scheme: dark) {
  body { color: #e8e8e6; background: #17181a; } .line { border-color: #34363a; }
  .reason { color: #a9a9a5; }
}
"""


@dataclass(frozen=True)
class Line:
    """One formula, why it holds, and the quantity that it is of."""

    formula: Formula
    reason: str
    of: str


@dataclass(frozen=True)
class Section:
    """Lines under a heading, after a sentence that says what they are."""

    title: str
    sentence: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Derivation:
    """Equations, and the gradients that follow from them, step by step."""

    title: str
    sections: tuple[Section, ...]

    def text(self) -> str:
        """For a terminal: Unicode, formulas and reasons in two columns."""
        rows = [self.title, "=" * len(self.title), ""]
        width = max((len(text(x.formula)) for s in self.sections for x in s.lines), default=0)
        for section in self.sections:
            rows += [section.title, "-" * len(section.title), section.sentence, ""]
            rows += [
                f"  {text(line.formula):<{min(width, 72)}}   {line.reason}".rstrip()
                for line in section.lines
            ]
            rows.append("")
        return "\n".join(rows).rstrip() + "\n"

    def latex(self) -> str:
        """A complete document; it needs amsmath only."""
        rows = [
            r"\documentclass{article}", r"\usepackage{amsmath}",
            r"\usepackage[margin=2.2cm]{geometry}", r"\begin{document}",
            rf"\section*{{{_tex(self.title)}}}",
        ]  # fmt: skip
        for section in self.sections:
            rows += [rf"\subsection*{{{_tex(section.title)}}}", _tex(section.sentence)]
            if section.lines:
                body = " \\\\[2pt]\n".join(
                    rf"{latex(line.formula)} && \quad\parbox{{.32\linewidth}}"
                    rf"{{\raggedright\small {_tex(line.reason)}}}"
                    for line in section.lines
                )
                rows += [r"\begin{alignat*}{2}", body, r"\end{alignat*}"]
        return "\n".join([*rows, r"\end{document}"]) + "\n"

    def markdown(self) -> str:
        """Markdown with formulas between double dollars."""
        rows = [f"# {self.title}", ""]
        for section in self.sections:
            rows += [f"## {section.title}", "", section.sentence, ""]
            for line in section.lines:
                rows += [line.reason, "", f"$${_loose(line.formula)}$$", ""]
        return "\n".join(rows).rstrip() + "\n"

    def html(self) -> str:
        """A page of its own, formulas in MathML, nothing from the network.

        Raises:
            ImportError: the extra ``report`` is not installed.
        """
        body = [f"<h1>{escape(self.title)}</h1>"]
        for section in self.sections:
            body += [f"<h2>{escape(section.title)}</h2>", f"<p>{escape(section.sentence)}</p>"]
            body += [
                f'<div class="line"><div class="formula">{_mathml(line.formula)}</div>'
                f'<div class="reason">{escape(line.reason)}</div></div>'
                for line in section.lines
            ]
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
            + "\n".join(body)
            + "\n</body>\n</html>\n"
        )

    def to_dict(self) -> dict[str, Any]:
        """Titles, sentences, formulas as text and LaTeX, reasons."""
        return {
            "title": self.title,
            "sections": [
                {
                    "title": section.title,
                    "sentence": section.sentence,
                    "lines": [
                        {"text": text(x.formula), "latex": _loose(x.formula), "reason": x.reason}
                        for x in section.lines
                    ],
                }
                for section in self.sections
            ],
        }

    def _repr_markdown_(self) -> str:
        return self.markdown()


def _loose(formula: Formula) -> str:
    """LaTeX of one formula by itself, without a mark for alignment."""
    return latex(formula).replace("&=", "=")


def _mathml(formula: Formula) -> str:
    converter = require("latex2mathml.converter", extra="report")
    markup: str = converter.convert(_loose(formula))
    return markup


def _tex(sentence: str) -> str:
    """A sentence with what LaTeX would take for commands escaped, and its Greek in formulas."""
    special = {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "σ": r"$\sigma$", "∂": r"$\partial$", "δ": r"$\delta$", "ℓ": r"$\ell$", "′": "$'$",
        "·": r"$\cdot$", "∘": r"$\circ$", "−": "$-$", "ᵀ": r"$^{\top}$", "Σ": r"$\Sigma$",
        "√": r"$\surd$", "²": "$^2$", "⁻": "$^{-}$",
    }  # fmt: skip
    special |= {letter: rf"$\{word}$" for word, letter in GREEK.items()}
    words = re.split("(.\N{COMBINING TILDE})", sentence)
    words[::2] = ["".join(special.get(c, c) for c in plain) for plain in words[::2]]
    words[1::2] = [f"$\\tilde{{{special.get(c[0], c[0]).strip('$')}}}$" for c in words[1::2]]
    return "".join(words)
