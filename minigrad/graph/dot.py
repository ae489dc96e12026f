"""DOT text: how items look, and everything that comes from names escaped."""

from __future__ import annotations

import hashlib
import html
import math
from collections.abc import Iterable, Iterator, Mapping

from minigrad.graph.items import Item, Kind, View

_LONGEST = 60  # characters of a line of a label; a longer one is cut
_CENTRED = "\\n"
FONT = "Helvetica,Arial,sans-serif"
FRAME = 'style="rounded,filled"; color="#9a9a9a"; fillcolor="#fafafa"'

# The notation of the course notes: yellow boxes are layers, red circles act on each entry.
# Shapes differ as well as colours, for print and for those who see few colours.
STYLES: Mapping[Kind, Mapping[str, str]] = {
    "input": {"shape": "box", "style": "rounded,filled", "fillcolor": "#dbe9f6",
              "color": "#2f5d8a"},
    "layer": {"shape": "box", "style": "filled", "fillcolor": "#ffe699", "color": "#8a6d00"},
    "point": {"shape": "circle", "style": "filled", "fillcolor": "#f6b8ae", "color": "#a03020",
              "margin": "0.02", "fontsize": "15"},
    "operation": {"shape": "box", "style": "rounded,filled", "fillcolor": "#f6b8ae",
                  "color": "#a03020"},
    "state": {"shape": "box", "style": "rounded,filled,bold", "fillcolor": "#e3f1e3",
              "color": "#2d6a2d"},
    "join": {"shape": "box", "style": "filled", "fillcolor": "#eeeeee", "color": "#555555"},
    "ellipsis": {"shape": "plaintext", "fontsize": "14"},
}  # fmt: skip


def quoted(text: str) -> str:
    """A DOT string that means just this text: nothing in it is an escape or HTML."""
    return '"' + _printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    text = text.replace("\r", " ").replace("\n", " ")
    return "".join(c for c in text if c.isprintable())


def label(lines: tuple[str, ...], longest: int = _LONGEST, end: str = _CENTRED) -> str:
    r"""A label of several lines; a line that is too long for a box is cut.

    Lines end in ``\n``, which centres them, or ``\l`` or ``\r``, for the left or right.
    """
    cut = [line if len(line) <= longest else f"{line[: longest - 1]}…" for line in lines]
    inner = end.join(quoted(line)[1:-1] for line in cut)
    last = "" if end == _CENTRED or len(lines) == 1 else end
    return f'"{inner}{last}"'


def attributes(**values: str) -> str:
    """DOT attributes in brackets; values are quoted already, or plain words."""
    return "[" + ", ".join(f"{name}={value}" for name, value in values.items()) + "]"


def identity(view: View, part: str) -> str:
    """An id that is the same in every run, and no other picture's on the page."""
    return view.prefix + hashlib.blake2b(part.encode(), digest_size=6).hexdigest()


def node(view: View, item: Item, **extra: str) -> str:
    """The DOT statement of an item."""
    style = {name: quoted(value) for name, value in STYLES[item.kind].items()}
    if item.id in view.heat:
        style |= {name: quoted(value) for name, value in heat(view.heat[item.id]).items()}
    return quoted(item.id) + " " + attributes(
        **style,
        label=label(item.lines),
        tooltip=quoted(item.tooltip[:200]),
        id=quoted(identity(view, item.id)),
        **extra,
    )  # fmt: skip


HEAT = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173",
        "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")  # fmt: skip
"""Matplotlib's cividis, one colour for each power of ten: seen alike with any colour vision."""
COLDEST = -8  # power of ten of the first colour


def heat(power: float | None) -> dict[str, str]:
    """How an item looks whose gradient has a size of 10 to this power."""
    if power is None:
        return {"fillcolor": "#ffffff", "color": "#9a9a9a", "style": "filled,dashed"}
    number = max(0, min(len(HEAT) - 1, math.floor(power) - COLDEST if power > -300 else 0))
    return {"fillcolor": HEAT[number], "fontcolor": "#ffffff" if number < 5 else "#000000"}


def scale() -> Iterator[tuple[str, dict[str, str]]]:
    """The colours of the heat in order: what is written on each, and how it looks."""
    for k in range(len(HEAT)):
        beyond = "≤ " if k == 0 else "≥ " if k == len(HEAT) - 1 else ""
        yield f"{beyond}{COLDEST + k}".replace("-", "−"), heat(COLDEST + k + 0.5)


def table(*rows: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """A label of rows of cells, each text on a colour of its own, if it has one."""
    lines = []
    for row in rows:
        cells = "".join(
            f'<td bgcolor="{look.get("fillcolor", "white")}">'
            f'<font color="{look.get("fontcolor", "black")}" '
            f'point-size="{look.get("fontsize", "12")}">{html.escape(_printable(text))}</font></td>'
            for text, look in row
        )
        lines.append(
            f'<tr><td><table border="0" cellborder="0" cellspacing="0"><tr>{cells}</tr></table>'
            "</td></tr>"
        )
    return f'<<table border="0" cellborder="0" cellspacing="0">{"".join(lines)}</table>>'


def header(view: View, **extra: str) -> list[str]:
    """The opening lines of a digraph."""
    rest = attributes(**extra)[1:-1].replace(", ", "; ") if extra else ""
    return [
        f"digraph {quoted(view.title)} {{",
        f"graph {attributes(fontname=quoted(FONT), fontsize='16', bgcolor=quoted('white'))}",
        f"graph {attributes(id=quoted(identity(view, 'graph')), tooltip=quoted(view.title))}",
        f"node {attributes(fontname=quoted(FONT), fontsize='12', margin=quoted('0.10,0.05'))}",
        f"edge {attributes(color=quoted('#444444'), arrowsize='0.7', penwidth='1.1')}",
        f"edge {attributes(fontname=quoted(FONT), fontsize='10')}",
        *([rest] if rest else []),
    ]


def edge(view: View, a: str, b: str, **extra: str) -> str:
    """The DOT statement of an arrow."""
    name = quoted(identity(view, f"{a}>{b}"))
    return f"{quoted(a)} -> {quoted(b)} {attributes(id=name, **extra)}"


def edge_label(text: str) -> str:
    """What is written at an arrow, as a DOT string of one or more lines."""
    return label(tuple(f"  {line} " for line in text.split("\n")))
