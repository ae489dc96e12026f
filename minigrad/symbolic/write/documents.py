"""A derivation as a document: Unicode text, LaTeX, Markdown, or HTML with MathML."""

from __future__ import annotations

import re
import textwrap
from html import escape
from typing import TYPE_CHECKING

from minigrad.extras import require
from minigrad.notation import GREEK
from minigrad.symbolic.write.printing import latex, rows
from minigrad.symbolic.write.sentences import Prose, plain

if TYPE_CHECKING:
    from minigrad.symbolic.derivation import Derivation, Line

_STYLE = """
.derivation { font: 17px/1.55 Georgia, "Times New Roman", serif; max-width: 58rem;
              --line: #e4e4e0; --soft: #555; }
.derivation h1, .derivation h2 { font-family: system-ui, sans-serif; line-height: 1.25; }
.derivation h1 { font-size: 1.5rem; } .derivation h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.derivation .line { display: grid; column-gap: 1.2rem; align-items: center; padding: .15rem 0;
                    grid-template-columns: minmax(0, 5fr) minmax(0, 3fr) 2.5rem;
                    border-bottom: 1px solid var(--line); }
.derivation .formula { overflow-x: auto; padding: .4rem 0; }
.derivation .row + .row { padding: .3rem 0 0 2.2rem; }
.derivation .reason { color: var(--soft); font-size: .93rem; }
.derivation .number { color: var(--soft); text-align: right; }
.derivation math { font-size: 1.08em; }
@media (max-width: 40rem) {
  .derivation .line { grid-template-columns: minmax(0, 1fr) 2.5rem; }
  .derivation .reason { grid-row: 2; }
}
@media (prefers-color-scheme: dark) { .derivation { --line: #34363a; --soft: #a9a9a5; } }
"""
_PAGE = """
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 58rem; padding: 0 1rem; color: #1b1b1b; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #e8e8e6; background: #17181a; } }
"""
_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern}
\usepackage{amsmath}
\usepackage[margin=2.2cm]{geometry}
\allowdisplaybreaks
\widowpenalty=10000
\displaywidowpenalty=10000
\begin{document}
"""
_WIDE, _NARROW = 66, 46  # characters of a row of formulas: in a terminal, on paper
_BESIDE = 68  # what leaves room for a reason on paper


def as_text(derivation: Derivation) -> str:
    """For a terminal: Unicode, formulas and reasons in two columns."""
    out = [derivation.title, "=" * len(derivation.title), ""]
    for section, lines in derivation.numbered():
        out += [section.title, "-" * len(section.title)]
        out += [*textwrap.wrap(plain(section.sentence), 100), ""]
        shown = [
            (number, rows(line.equation, _WIDE, latex=False), plain(reason))
            for number, line, reason in lines
        ]
        widths = [len(_row(*row)) for _, found, _ in shown for row in found]
        column = min(max(widths, default=0), _WIDE)
        for number, found, reason in shown:
            indent = " " * len(found[0][0])
            for k, (left, right) in enumerate(found):
                row = _row(left or indent, right)
                last = k == len(found) - 1
                label = f"({number})" if k == 0 else ""
                out.append(f"{label:>6}  {row:<{column}}   {reason if last else ''}".rstrip())
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def as_latex(derivation: Derivation) -> str:
    """A complete document; it needs amsmath, geometry and lmodern."""
    return f"{_PREAMBLE}{latex_body(derivation)}\\end{{document}}\n"


def latex_body(derivation: Derivation) -> str:
    """The document's text, for a document that has a preamble."""
    out = [rf"\section*{{{_tex((derivation.title,))}}}"]
    for section, lines in derivation.numbered():
        out += [rf"\subsection*{{{_tex((section.title,))}}}", _tex(section.sentence)]
        if lines:
            body = " \\\\[3pt]\n".join(_aligned(*line) for line in lines)
            out += [r"\begin{alignat*}{2}", body, r"\end{alignat*}"]
    return "\n".join(out) + "\n"


def as_markdown(derivation: Derivation) -> str:
    """Markdown with formulas between dollars."""
    out = [f"# {_inert(derivation.title)}", ""]
    for section, lines in derivation.numbered():
        out += [f"## {section.title}", "", _dollars(section.sentence), ""]
        for number, line, reason in lines:
            found = rows(line.equation, _WIDE, latex=True)
            body = r" \\ ".join(f"{left} &{right}" for left, right in found)
            if len(found) == 1:
                body = " ".join(found[0])
            else:
                body = rf"\begin{{aligned}} {body} \end{{aligned}}"
            out += [_dollars(reason), "", rf"$${body} \tag{{{number}}}$$", ""]
    return "\n".join(out).rstrip() + "\n"


def as_html(derivation: Derivation) -> str:
    """A page of its own, formulas in MathML, nothing from the network.

    Raises:
        ImportError: the extra ``report`` is not installed.
    """
    return (
        f'<!doctype html>\n<html lang="{derivation.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(derivation.title)}</title>\n<style>{_PAGE}</style>\n</head>\n<body>\n"
        f"{html_fragment(derivation)}\n</body>\n</html>\n"
    )


def html_fragment(derivation: Derivation) -> str:
    """The page's content with its own style, for a page that has other content too."""
    out = [f'<div class="derivation"><style>{_STYLE}</style>',
           f"<h1>{escape(derivation.title)}</h1>"]  # fmt: skip
    for section, lines in derivation.numbered():
        out += [f"<h2>{escape(section.title)}</h2>", f"<p>{_html(section.sentence)}</p>"]
        for number, line, reason in lines:
            formula = "".join(
                f'<div class="row">{mathml(f"{left} {right}")}</div>'
                for left, right in rows(line.equation, _WIDE, latex=True)
            )
            out.append(
                f'<div class="line"><div class="formula">{formula}</div>'
                f'<div class="reason">{_html(reason)}</div>'
                f'<div class="number">({number})</div></div>'
            )
    return "\n".join([*out, "</div>"])


def mathml(source: str) -> str:
    """MathML of a formula in LaTeX.

    Raises:
        ImportError: the extra ``report`` is not installed.
    """
    converter = require("latex2mathml.converter", extra="report")
    markup: str = converter.convert(source)
    return markup


def _row(left: str, right: str) -> str:
    return f"{left} {right}"


def _aligned(number: int, line: Line, reason: Prose) -> str:
    """An equation in rows for alignat, its reason beside the first, its number at the edge.

    A row too long for a reason beside it pushes no column aside; the reason comes below then.
    """
    found = rows(line.equation, _NARROW, latex=True)
    long = [len(_row(*row)) > _BESIDE for row in rows(line.equation, _NARROW, latex=False)]
    said = rf" &&\quad \parbox[t]{{.33\linewidth}}{{\raggedright\small {_tex(reason)}}}"
    out = []
    for k, (left, right) in enumerate(found):
        row = rf"{left} &\rlap{{$\displaystyle {{}}{right}$}}" if long[k] else f"{left} &{right}"
        if k == 0:
            row += ("" if long[k] else said) + rf" \tag{{{number}}}"
        out.append(row)
    if long[0]:
        out.append(f"&{said}")
    return " \\\\*\n".join(out)  # no page ends within an equation


def _html(prose: Prose) -> str:
    return "".join(
        escape(part) if isinstance(part, str) else mathml(latex(part, inline=True))
        for part in prose
    )


def _dollars(prose: Prose) -> str:
    return "".join(
        _inert(part) if isinstance(part, str) else f"${latex(part, inline=True)}$" for part in prose
    )


def _inert(sentence: str) -> str:
    """A sentence in which Markdown sees no markup."""
    return re.sub(r"([\\`*_\[\]<>$#])", r"\\\1", sentence)


def _tex(prose: Prose) -> str:
    return "".join(
        _escaped(part) if isinstance(part, str) else f"${latex(part, inline=True)}$"
        for part in prose
    )


def _escaped(sentence: str) -> str:
    """A sentence with what LaTeX would take for commands escaped, and its Greek in formulas."""
    special = {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "<": "$<$", ">": "$>$", "σ": r"$\sigma$", "′": "$'$", "∘": r"$\circ$", "−": "$-$",
        "½": r"$\tfrac12$",
    }  # fmt: skip
    special |= {letter: rf"$\{word}$" for word, letter in GREEK.items()}
    words = re.split("(.\N{COMBINING TILDE})", sentence)
    words[::2] = ["".join(special.get(c, c) for c in part) for part in words[::2]]
    words[1::2] = [f"$\\tilde{{{special.get(c[0], c[0]).strip('$')}}}$" for c in words[1::2]]
    return "".join(words)
