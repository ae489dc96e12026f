"""Scenes as TikZ for a paper in LaTeX: a figure to be input, or a document by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from minigrad import notation
from minigrad.graph import terms
from minigrad.graph.drawing import words
from minigrad.graph.drawing.phrases import said
from minigrad.graph.drawing.scene import Frame, Scene, Shape, Text, Wire
from minigrad.graph.drawing.wires import Box, Point
from minigrad.graph.terms import Term
from minigrad.graph.view import Item, Label, Say, View

_SIGNS: Mapping[str, str] = {
    **{letter: f"\\{word}" for word, letter in notation.GREEK.items()},
    **{letter: f"_{{{digit}}}" for letter, digit in zip("₀₁₂₃₄₅₆₇₈₉₋₊ₜ", "0123456789-+t",
                                                         strict=True)},
    **{letter: f"^{{{digit}}}" for letter, digit in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)},
    "×": r"\times", "÷": r"\div", "−": "-", "∘": r"\circ", "·": r"\cdot", "∗": "*", "√": r"\surd",
    "∞": r"\infty", "ᵀ": r"^{\top}", "′": "'", "→": r"\rightarrow", "⋯": r"\cdots", "…": r"\dots",
    "∂": r"\partial", "‖": r"\|", "|": "|", "<": "<", ">": ">", "≤": r"\leq", "≥": r"\geq",
    "≠": r"\neq", "ℓ": r"\ell", "∫": r"\int", "∏": r"\prod",
}  # fmt: skip
_ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
            **{c: f"\\{c}" for c in "#$%&_{}"}}  # fmt: skip
_ACCENTED = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ"
_TILDE = "\N{COMBINING TILDE}"
_UNSAFE = re.compile(r"[\\~^#$%&{}\"]")

_HEAD = r"""% A figure: \input it where the preamble has \usepackage{{amsmath,tikz}} and
% \usetikzlibrary{{arrows.meta}}; or give this file to pdflatex, and it is a page of its own.
\ifdefined\tikzpicture\def\figureends{{}}\else
\documentclass{{article}}
\usepackage{{amsmath,tikz}}
\usetikzlibrary{{arrows.meta}}
\pagestyle{{empty}}
\paperwidth={wide:.1f}bp \pdfpagewidth=\paperwidth
\paperheight={high:.1f}bp \pdfpageheight=\paperheight
\hoffset=-1in \voffset=-1in
\oddsidemargin=0pt \topmargin=0pt \headheight=0pt \headsep=0pt \parindent=0pt
\textwidth=\pdfpagewidth \textheight=\pdfpageheight \topskip=0pt
\begin{{document}}
\def\figureends{{\end{{document}}}}
\fi
"""


def source(scene: Scene, factor: float = 1.0) -> str:
    """The TikZ text.

    Raises:
        ValueError: something in it is no box and no straight wire.
    """
    view = scene.view
    left, bottom, right, top = scene.extent()
    top += 26
    size = {"wide": (right - left + 8) * factor, "high": (top - bottom + 8) * factor}
    body = [
        f"\\begin{{tikzpicture}}[x=1bp, y=1bp, scale={factor:.4g}, transform shape, "
        "every node/.style={inner sep=0pt, align=center}, >={Latex[length=5bp, width=4bp]}]",
        r"\sffamily",
        f"\\path[use as bounding box] {_at((left - 4, bottom - 4))} rectangle "
        f"{_at((right + 4, top + 4))};",
        _words(plain(words.cut(view.title, 60)), ((left + right) / 2, top - 12), 16),
        *_frames(scene.frames, view),
        *(line for wire in scene.wires for line in _wire(wire, view)),
        *(f"\\fill[{_colour(view.palette.wire)}] {_at(at)} circle[radius=2.3];"
          for at in scene.dots),
        *(line for shape in scene.shapes for line in _shape(shape, view)),
        *(line for text in scene.texts for line in _text(text, view)),
        r"\end{tikzpicture}",
    ]  # fmt: skip
    return _HEAD.format(**size) + "\n".join(body) + "\n\\figureends\n"


# Words


def plain(text: str) -> str:
    """A text in LaTeX: signs as mathematics, and nothing in it that is a command."""
    found: list[str] = []
    math: list[str] = []

    def close() -> None:
        if math:
            found.append(f"${' '.join(math)}$")
            math.clear()

    for k, c in enumerate(text):
        if text[k + 1 : k + 2] == _TILDE:
            math.append(f"\\tilde{{{_SIGNS.get(c, c if c.isalnum() and c.isascii() else '?')}}}")
        elif c in _SIGNS:
            math.append(_SIGNS[c])
        elif c != _TILDE:
            close()
            known = (c.isascii() and c.isprintable()) or c in _ACCENTED
            found.append(_ESCAPED.get(c, c) if known else f"\\texttt{{U+{ord(c):04X}}}")
    close()
    return "".join(found)


def _mathematics(unicode: str, latex: str) -> str:
    """A formula; as it stands in Unicode if LaTeX would take something in it for a command."""
    strange = _UNSAFE.search(unicode) or any(
        not (c.isascii() or c in _SIGNS or c == _TILDE) for c in unicode
    )
    return plain(unicode) if strange else f"${latex}$"


def _called(label: Label, view: View) -> str:
    if not label.name:
        return ""
    base = notation.latex(label.name) if label.name not in view.plain else label.name
    primed = f"{{{base}}}" + "'" * label.primes if label.primes else base
    away = None if label.step is None else label.step - (view.now or 0)
    if away is not None:
        when = str(away) if view.now is None else f"t{away:+d}".removesuffix("+0")
        primed = f"{primed}_{{{when}}}" if "_" not in primed else f"{{{primed}}}_{{{when}}}"
    unicode = words.name(label, view.now, view.plain)
    return plain(unicode) if " " in unicode else _mathematics(unicode, primed)


def _formula(of: Term | Say | str | None, view: View, now: int | None) -> str:
    if of is None:
        return ""
    if isinstance(of, Say | str):
        return plain(said(of, view.language))
    return _mathematics(terms.text(of, now, 0, view.plain), terms.latex(of, now))


def _set(item: Item, view: View) -> tuple[str, str]:
    now = view.now if item.step is not None else None
    return _called(item.label, view), _formula(item.label.formula, view, now)


def _lines(shape: Shape, view: View) -> Iterable[str]:
    if shape.key is None or not shape.lines:
        return map(plain, shape.lines)
    lines = words.whole_lines(view.by_key[shape.key], view, _set, plain)
    return lines[-len(shape.lines) :]


def _words(text: str, at: Point, size: float, anchor: str = "center", colour: str = "") -> str:
    look = f"anchor={anchor}, font=\\fontsize{{{size:g}}}{{{1.2 * size:g}}}\\selectfont{colour}"
    return f"\\node[{look}] at {_at(at)} {{{text}}};"


def _text(text: Text, view: View) -> Iterator[str]:
    anchor = {"l": "west", "c": "center", "r": "east"}[text.align]
    if text.key is not None:
        yield _words(_called(view.by_key[text.key].label, view), text.at, text.size, anchor)
        return
    for k, line in enumerate(text.words.split("\n")):
        at = text.at[0], text.at[1] - 1.2 * text.size * k
        yield _words(plain(words.cut(line, 100)), at, text.size, anchor)


# Boxes and wires


def _frames(frames: Iterable[Frame], view: View) -> Iterator[str]:
    ours = view.palette
    for frame in sorted(frames, key=lambda frame: frame.level):
        fill, line = ours.frame if frame.level else ours.paper, ours.quiet
        if view.name == "cell":
            fill, line = ours.look("state")["fillcolor"], ours.look("state")["color"]
        wide = "1.6" if frame.repeated else "1"
        line = ours.ink if frame.repeated else line
        yield (f"\\filldraw[rounded corners=8, line width={wide}bp, {_colour(fill, 'fill')}, "
               f"{_colour(line, 'draw')}] {_corners(frame.box)};")  # fmt: skip
        if frame.heading:
            yield _words(plain(words.cut(frame.heading)), frame.at, 12)


def _shape(shape: Shape, view: View) -> Iterator[str]:
    x, y, w, _ = shape.box
    look, style = shape.look, shape.look.get("style", "")
    if shape.form != "plain":
        drawn = [
            _colour(look.get("fillcolor", view.palette.paper), "fill"),
            _colour(look.get("color", view.palette.ink), "draw"),
            f"line width={look.get('penwidth', '1.6' if shape.form == 'bold' else '1')}bp",
        ]
        drawn += [kind for kind in ("dashed", "dotted") if kind in style]
        if shape.form == "circle":
            yield f"\\filldraw[{', '.join(drawn)}] {_at((x, y))} circle[radius={w / 2:.1f}];"
        else:
            corners = "" if shape.form == "box" else ", rounded corners=6"
            yield f"\\filldraw[{', '.join(drawn)}{corners}] {_corners(shape.box)};"
    lines = [line for line in _lines(shape, view) if line]
    if lines:
        ink = f", {_colour(look['fontcolor'], 'text')}" if look.get("fontcolor") else ""
        size = 0.85 * shape.size  # Computer Modern Sans is wider than Helvetica in formulas
        yield _words(r" \\ ".join(lines), (x, y), size, colour=ink)


def _wire(wire: Wire, view: View) -> Iterator[str]:
    if wire.curved:
        raise ValueError(
            f"{view.name}: got .tex, which is written of boxes and straight wires: of the cell, "
            "block, folded and unrolled views; of this one write a .pdf"
        )
    tip = {1: "->", -1: "<-"}.get(wire.head, "-")
    drawn = [tip, "rounded corners=8", "line width=1.1bp",
             _colour(wire.look.get("color", view.palette.arrow), "draw")]  # fmt: skip
    yield f"\\draw[{', '.join(drawn)}] {' -- '.join(map(_at, wire.path))};"
    if wire.words and wire.at is not None and wire.source and wire.target:
        label = _formula(view.labels[wire.source, wire.target], view, view.now)
        yield _words(label, wire.at, 9)


def _corners(box: Box) -> str:
    x, y, w, h = box
    return f"{_at((x - w / 2, y - h / 2))} rectangle {_at((x + w / 2, y + h / 2))}"


def _at(point: Point) -> str:
    return f"({point[0]:.1f}, {point[1]:.1f})"


def _colour(name: str, of: str = "") -> str:
    if not name.startswith("#"):
        return f"{of}={name}" if of else f"color={name}"
    red, green, blue = (int(name[k : k + 2], 16) for k in (1, 3, 5))
    mixed = f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"
    return f"{of}={mixed}" if of else f"color={mixed}"
