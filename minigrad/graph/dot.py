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
COLDEST = -8  # power of ten of the first colour of the heat

# Kinds differ in shape as well as in the colours of their palette.
_SHAPES: Mapping[Kind, Mapping[str, str]] = {
    "input": {"shape": "box", "style": "rounded,filled"},
    "layer": {"shape": "box", "style": "filled"},
    "point": {"shape": "circle", "style": "filled", "margin": "0.02", "fontsize": "15"},
    "operation": {"shape": "box", "style": "rounded,filled"},
    "state": {"shape": "box", "style": "rounded,filled,bold"},
    "join": {"shape": "box", "style": "filled"},
    "ellipsis": {"shape": "plaintext", "fontsize": "14"},
}


def quoted(text: str) -> str:
    """A DOT string that means just this text: nothing in it is an escape or HTML."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def printable(text: str) -> str:
    """The text in one line, without what cannot be seen or turns the rest around."""
    if text.isprintable():
        return text
    text = text.replace("\r", " ").replace("\n", " ")
    return "".join(c for c in text if c.isprintable())


def cut(text: str, longest: int = _LONGEST) -> str:
    """The text, or as much of it as a line holds."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def label(lines: tuple[str, ...], longest: int = _LONGEST, end: str = _CENTRED) -> str:
    r"""A label of several lines; a line that is too long for a box is cut.

    Lines end in ``\n``, which centres them, or ``\l`` or ``\r``, for the left or right. One
    with nothing in it is a blank: Graphviz dies of labels that start with an empty line.
    """
    inner = end.join(quoted(cut(line, longest))[1:-1] or " " for line in lines)
    last = "" if end == _CENTRED or len(lines) == 1 else end
    return f'"{inner}{last}"'


def attributes(**values: str) -> str:
    """DOT attributes in brackets; values are quoted already, or plain words."""
    return "[" + ", ".join(f"{name}={value}" for name, value in values.items()) + "]"


def identity(view: View, part: str) -> str:
    """An id that is the same in every run, and no other picture's on the page."""
    data = part.encode(errors="backslashreplace")
    return view.prefix + hashlib.blake2b(data, digest_size=6).hexdigest()


def look(view: View, kind: Kind) -> dict[str, str]:
    """How items of a kind look in the view's style."""
    return {**_SHAPES[kind], **view.palette.kinds[kind]}


def node(view: View, item: Item, **extra: str) -> str:
    """The DOT statement of an item."""
    style = look(view, item.kind)
    if item.id in view.heat:
        style |= heat(view, view.heat[item.id])
    return quoted(item.id) + " " + attributes(
        **{name: quoted(value) for name, value in style.items()},
        label=label(item.lines),
        tooltip=quoted(item.tooltip[:200]),
        id=quoted(identity(view, item.id)),
        **extra,
    )  # fmt: skip


def frame(view: View) -> str:
    """How the frame around a step looks."""
    ours = view.palette
    return f'style="rounded,filled"; color={quoted(ours.quiet)}; fillcolor={quoted(ours.frame)}'


def heat(view: View, power: float | None) -> dict[str, str]:
    """How an item looks whose gradient has a size of 10 to this power."""
    ours = view.palette
    if power is None:
        return {"fillcolor": ours.paper, "color": ours.quiet, "style": "filled,dashed"}
    last = len(ours.heat) - 1
    fill, ink = ours.heat[max(0, min(last, math.floor(power) - COLDEST if power > -300 else 0))]
    return {"fillcolor": fill, "fontcolor": ink}


def scale(view: View) -> Iterator[tuple[str, dict[str, str]]]:
    """The colours of the heat in order: what is written on each, and how it looks."""
    last = len(view.palette.heat) - 1
    for k in range(last + 1):
        beyond = "≤ " if k == 0 else "≥ " if k == last else ""
        yield f"{beyond}{COLDEST + k}".replace("-", "−"), heat(view, COLDEST + k + 0.5)


def table(view: View, *rows: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """A label of rows of cells, each text on a colour of its own, if it has one."""
    ours = view.palette
    lines = []
    for row in rows:
        cells = "".join(
            f'<td bgcolor="{look.get("fillcolor", ours.paper)}">'
            f'<font color="{look.get("fontcolor", ours.ink)}" '
            f'point-size="{look.get("fontsize", "12")}">{html.escape(printable(text))}</font></td>'
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
    words = {"fontname": quoted(FONT), "fontcolor": quoted(view.palette.ink)}
    return [
        f"digraph {quoted(view.title)} {{",
        f"graph {attributes(**words, fontsize='16', bgcolor=quoted(view.palette.paper))}",
        f"graph {attributes(id=quoted(identity(view, 'graph')), tooltip=quoted(view.title))}",
        f"node {attributes(**words, fontsize='12', margin=quoted('0.10,0.05'))}",
        f"edge {attributes(color=quoted(view.palette.arrow), arrowsize='0.7', penwidth='1.1')}",
        f"edge {attributes(**words, fontsize='10')}",
        *([rest] if rest else []),
    ]


def edge(view: View, a: str, b: str, **extra: str) -> str:
    """The DOT statement of an arrow."""
    name = quoted(identity(view, f"{a}>{b}"))
    return f"{quoted(a)} -> {quoted(b)} {attributes(id=name, **extra)}"


def edge_label(text: str) -> str:
    """What is written at an arrow, as a DOT string of one or more lines."""
    return label(tuple(f"  {line} " for line in text.split("\n")))
