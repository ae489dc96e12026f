"""A derivation: sections of equations, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from minigrad.symbolic.formula import Equation
from minigrad.symbolic.write import documents
from minigrad.symbolic.write.printing import latex, text
from minigrad.symbolic.write.sentences import Prose, Words, plain


@dataclass(frozen=True)
class Line:
    """One equation and why it holds.

    Attributes:
        equation: its last side is the result.
        reason: why it holds.
        of: the key of the quantity that it is of.
        uses: keys of lines that it follows from.

    Example:
        >>> from minigrad.symbolic import derive
        >>> line = derive("rnn", wrt="W_a").sections[-1].lines[-1]
        >>> line.of
        'W_a'
    """

    equation: Equation
    reason: Prose
    of: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Lines under a heading, after sentences that say what they are.

    Example:
        >>> from minigrad.symbolic import derive
        >>> section = derive("rnn").sections[0]
        >>> section.title, [line.of for line in section.lines]
        ('Forward pass', ['a', 'h'])
    """

    title: str
    sentence: Prose
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Derivation:
    """Equations, and the gradients that follow from them, step by step.

    Jupyter shows it as HTML where the extra ``report`` is installed, else as Markdown.

    Example:
        >>> from minigrad.symbolic import derive
        >>> derivation = derive("tanh")
        >>> derivation.title, [section.title for section in derivation.sections]
        ('The derivative of tanh', ['Forward pass', 'Derivative', 'Backward pass'])
        >>> print(derivation.markdown().splitlines()[0])
        # The derivative of tanh
        >>> print(derivation)  # doctest: +ELLIPSIS
        The derivative of tanh
        ======================
        ...
    """

    title: str
    sections: tuple[Section, ...]
    language: str = "en"

    def numbered(self) -> Iterator[tuple[Section, list[tuple[int, Line, Prose]]]]:
        """Each section with its lines, their numbers, and reasons that name the lines used."""
        numbers: dict[str, int] = {}
        every = [line for section in self.sections for line in section.lines]
        for number, line in enumerate(every, 1):
            numbers.setdefault(line.of, number)
        words, number = Words(self.language), 0
        for section in self.sections:
            lines = []
            for line in section.lines:
                number += 1
                used = sorted({numbers[u] for u in line.uses if numbers.get(u, number) != number})
                cited = ", ".join(f"({k})" for k in used)
                by = words("by_equations", numbers=cited) if used else ()
                lines.append((number, line, (*line.reason, *by)))
            yield section, lines

    def text(self) -> str:
        """For a terminal: Unicode, formulas and reasons in two columns."""
        return documents.as_text(self)

    def latex(self) -> str:
        """A complete document; it needs amsmath, geometry and lmodern."""
        return documents.as_latex(self)

    def markdown(self) -> str:
        """Markdown with formulas between dollars."""
        return documents.as_markdown(self)

    def html(self) -> str:
        """A page of its own, formulas in MathML, nothing from the network.

        Raises:
            ImportError: the extra ``report`` is not installed.
        """
        return documents.as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Titles, sentences, formulas as text and LaTeX, reasons."""
        return {
            "title": self.title,
            "language": self.language,
            "sections": [
                {
                    "title": section.title,
                    "sentence": plain(section.sentence),
                    "lines": [
                        {"number": number, "text": text(x.equation), "latex": latex(x.equation),
                         "reason": plain(reason)}
                        for number, x, reason in lines
                    ],
                }
                for section, lines in self.numbered()
            ],
        }  # fmt: skip

    def __str__(self) -> str:
        return self.text()

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        return documents.latex_body(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {
            "text/plain": self.text(),
            "text/markdown": self.markdown(),
            "text/latex": documents.latex_body(self),
        }
        with suppress(ImportError):  # Markdown is shown then
            bundle["text/html"] = documents.html_fragment(self)
        return bundle
