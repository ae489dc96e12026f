"""Scenes as DOT text, and Graphviz itself: from PATH, or the library inside pygraphviz's wheel."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import NamedTuple

import graphviz

from minigrad.extras import install_command
from minigrad.graph.drawing.scene import Frame, Scene, Shape, Text, Wire, width_of
from minigrad.graph.drawing.wires import Box, Point
from minigrad.graph.drawing.words import cut, printable
from minigrad.graph.record import Level
from minigrad.graph.view import Key, View

FONT = "Helvetica,Arial,sans-serif"
_FORMS: Mapping[str, tuple[str, str]] = {
    "box": ("box", "filled"),
    "rounded": ("box", "rounded,filled"),
    "bold": ("box", "rounded,filled,bold"),
    "circle": ("circle", "filled"),
    "square": ("square", "filled"),
    "diamond": ("diamond", "filled"),
    "triangle": ("triangle", "filled"),
    "plain": ("plaintext", ""),
}


class GraphvizNotFoundError(RuntimeError):
    """There is neither ``dot`` nor pygraphviz; the message names both installs.

    Example:
        >>> from minigrad.graph import GraphvizNotFoundError, require_graphviz
        >>> try:
        ...     require_graphviz()
        ... except GraphvizNotFoundError as error:
        ...     print(error)  # which package to install
    """


def quoted(text: str) -> str:
    """A DOT string that means just this text: nothing in it is an escape or HTML.

    An ampersand is written as an entity, for Graphviz would read "&amp;" as one.
    """
    plain = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + plain.replace("&", "&amp;") + '"'


def identity(view: View, part: object) -> str:
    """An id that is the same in every run, and no other picture's on the page."""
    data = repr(part).encode(errors="backslashreplace")
    return view.prefix + hashlib.blake2b(data, digest_size=6).hexdigest()


class Look(NamedTuple):
    """How a scene is put on its page.

    Attributes:
        factor: by which it is enlarged, or made smaller.
        dpi: dots per inch, where it is made of dots.
        transparent: without a background.
    """

    factor: float = 1.0
    dpi: float = 72.0
    transparent: bool = False


PLAIN = Look()


def source(scene: Scene, look: Look = PLAIN) -> str:
    """The DOT text; the layout program nop2 leaves everything where it is."""
    return "\n".join(_Writer(scene, look).lines()) + "\n"


class _Writer:
    def __init__(self, scene: Scene, page: Look) -> None:
        self.page = page
        self.scene, self.view, self.count, self.frames = scene, scene.view, 0, 0
        self.names: dict[Key, str] = {}
        self.taken: set[str] = set()

    def lines(self) -> Iterator[str]:
        """All statements."""
        view, ours = self.view, self.view.palette
        words = f'fontname="{FONT}", fontcolor="{ours.ink}"'
        title = quoted(cut(view.title, 60))
        yield f"digraph {title} {{"
        ground = "transparent" if self.page.transparent else ours.paper
        yield (f'graph [{words}, fontsize=16, bgcolor="{ground}", layout=nop2, splines=true, '
               f"margin=0, pad=0.06, dpi={self.page.dpi * self.page.factor:g}, "
               f"label={title}, labelloc=t, outputorder=edgesfirst, "
               f"id={quoted(identity(view, 'graph'))}, tooltip={title}]")  # fmt: skip
        yield f'node [{words}, fontsize=12, margin="0.02,0.02", fixedsize=true]'
        yield f'edge [color="{ours.arrow}", arrowsize=0.7, penwidth=1.1, {words}, fontsize=10]'
        inside = {id(shape): frame for frame, shapes in self._framed() for shape in shapes}
        for frame, shapes in self._framed():
            yield from self._frame(frame, shapes)
        for shape in self.scene.shapes:
            if id(shape) not in inside:
                yield self._shape(shape)
        for wire in self.scene.wires:
            yield from self._wire(wire)
        for text in self.scene.texts:
            yield self._text(text)
        for at in self.scene.dots:
            look = {"fillcolor": ours.wire, "color": ours.wire}
            yield self._shape(Shape((*at, 4.6, 4.6), "circle", (), look))
        for at in self.scene.edge:
            yield f"{self._name()} [shape=point, style=invis, {_placed((*at, 1.0, 1.0))}]"
        yield "}"

    def _framed(self) -> list[tuple[Frame, list[Shape]]]:
        """Frames, and what stands in each, in no frame inside it."""
        if not hasattr(self, "_found"):
            frames = sorted(self.scene.frames, key=lambda f: f.level)
            found: dict[int, list[Shape]] = {k: [] for k in range(len(frames))}
            buckets: dict[int, list[int]] = {}
            for k, frame in enumerate(frames):  # a thousand steps: look near by only
                x, _, w, _ = frame.box
                for bucket in range(int((x - w / 2) // 400), int((x + w / 2) // 400) + 1):
                    buckets.setdefault(bucket, []).append(k)
            for shape in self.scene.shapes:
                near = buckets.get(int(shape.box[0] // 400), ())
                around = [k for k in near if _within(shape.box, frames[k].box)]
                if around:
                    found[around[-1]].append(shape)
            self._found = [(frame, found[k]) for k, frame in enumerate(frames)]
        return self._found

    def _frame(self, frame: Frame, shapes: Iterable[Shape]) -> Iterator[str]:
        ours = self.view.palette
        x, y, w, h = frame.box
        corners = f"{x - w / 2:.1f},{y - h / 2:.1f},{x + w / 2:.1f},{y + h / 2:.1f}"
        wide = width_of(frame.heading, 13)
        fill, line = ours.frame if frame.level else ours.paper, ours.quiet
        if self.view.name == "cell":
            fill, line = ours.look("state")["fillcolor"], ours.look("state")["color"]
        look = f'style="rounded,filled", color="{line}", fillcolor="{fill}"'
        if frame.repeated:
            look = f'style="rounded,filled", color="{ours.ink}", fillcolor="{fill}", penwidth=1.6'
        self.frames += 1
        yield f"subgraph cluster_{self.frames} {{"
        yield (f'bb="{corners}"; lp="{frame.at[0]:.1f},{frame.at[1]:.1f}"; '
               f"lheight=0.2; lwidth={wide / 72:.2f}; fontsize=13")  # fmt: skip
        yield f"label={quoted(frame.heading)}; graph [{look}]"
        yield f"id={quoted(identity(self.view, ('frame', frame.part)))}"
        for shape in shapes:
            yield self._shape(shape)
        yield "}"

    def _shape(self, shape: Shape) -> str:
        form, style = _FORMS[shape.form]
        look = {"style": style, **shape.look}
        name = self._name() if shape.key is None else self._called(shape.key)
        more = {}
        if shape.key is not None:
            more = {"tooltip": quoted(shape.note), "id": quoted(identity(self.view, shape.key))}
        elif shape.note:
            more = {"tooltip": quoted(shape.note)}
        given = ", ".join([
            f"shape={form}", f"label={_label(shape.lines)}", f"fontsize={shape.size:g}",
            *(f"{key}={quoted(value)}" for key, value in look.items() if value),
            *(f"{key}={value}" for key, value in more.items()), _placed(shape.box),
        ])  # fmt: skip
        return f"{name} [{given}]"

    def _wire(self, wire: Wire) -> Iterator[str]:
        points, tip, start = wire.bezier()
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if tip is not None:
            path = f"e,{tip[0]:.1f},{tip[1]:.1f} {path}"
        if start is not None:
            path = f"s,{start[0]:.1f},{start[1]:.1f} {path}"
        given = [f'pos="{path}"', *(f"{k}={quoted(v)}" for k, v in wire.look.items())]
        given += [] if tip else ["dir=back"] if start else ["arrowhead=none"]
        if wire.words and wire.at is not None:
            given += [f"label={_label(tuple(wire.words.split(chr(10))))}",
                      f'lp="{wire.at[0]:.1f},{wire.at[1]:.1f}"']  # fmt: skip
        if wire.note:
            given.append(f"tooltip={quoted(wire.note)}")
        if wire.source is None or wire.target is None:
            ends = [self._name(), self._name()]
            for end, (x, y) in zip(ends, (wire.path[0], wire.path[-1]), strict=True):
                yield f'{end} [shape=point, style=invis, width=0, pos="{x:.1f},{y:.1f}"]'
        else:
            ends = [self._called(wire.source), self._called(wire.target)]
            given.append(f"id={quoted(identity(self.view, (wire.source, wire.target)))}")
        yield f"{ends[0]} -> {ends[1]} [{', '.join(given)}]"

    def _text(self, text: Text) -> str:
        lines = [cut(line, 100) for line in text.words.split("\n")]
        wide = max(width_of(line, text.size) for line in lines) + 2
        x = text.at[0] + {"l": wide / 2, "c": 0.0, "r": -wide / 2}[text.align]
        y = text.at[1] - 0.6 * text.size * (len(lines) - 1)
        end = {"l": "\\l", "c": "\\n", "r": "\\r"}[text.align]
        box = (x, y, wide, text.size * 1.2 * len(lines))
        return (f"{self._name()} [shape=plaintext, label={_label(tuple(lines), end)}, "
                f"fontsize={text.size:g}, {_placed(box)}]")  # fmt: skip

    def _called(self, key: Key) -> str:
        """A node's name in the DOT text, as a reader of the SVG sees it; each has its own."""
        if key not in self.names:
            parts = (part.name if isinstance(part, Level) else str(part) for part in key.path)
            strip = "/".join(level.name for level in key.strip[:-1])
            step = "" if key.step is None else f"t={key.step}"
            name = " ".join(filter(None, (key.kind, "/".join(parts), step, strip)))
            number = 1
            while (unique := quoted(name if number == 1 else f"{name} ({number})")) in self.taken:
                number += 1
            self.taken.add(unique)
            self.names[key] = unique
        return self.names[key]

    def _name(self) -> str:
        self.count += 1
        return f"_{self.count}"


def _label(lines: tuple[str, ...], end: str = "\\n") -> str:
    r"""A label of several lines that end in ``\n``, which centres them, or ``\l`` or ``\r``.

    A line with nothing in it is a blank: Graphviz dies of labels that start with an empty line.
    """
    inner = end.join(quoted(line)[1:-1] or " " for line in lines or ("",))
    last = "" if end == "\\n" or len(lines) == 1 else end
    return f'"{inner}{last}"' if lines else '""'


def _within(inner: Box, outer: Box) -> bool:
    return abs(inner[0] - outer[0]) < outer[2] / 2 and abs(inner[1] - outer[1]) < outer[3] / 2


def _placed(box: Box) -> str:
    x, y, w, h = box
    return f'pos="{x:.1f},{y:.1f}", width={w / 72:.4f}, height={h / 72:.4f}'


def svg_of(scene: Scene, label: str, description: str, look: Look = PLAIN) -> str:
    """The picture as SVG with a role, a title, a label and a description for screen readers."""
    text = run(source(scene, look._replace(factor=1.0)), "svg").decode()
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = text[text.index("<svg") :]
    head, rest = text.split(">", 1)
    if look.factor != 1:
        head = re.sub(r'(width|height)="([\d.]+)pt"',
                      lambda m: f'{m[1]}="{float(m[2]) * look.factor:.0f}pt"', head)  # fmt: skip
    title = escape(printable(scene.view.title))
    return (
        f'{head} role="img" aria-label="{escape(printable(label))}">\n<title>{title}</title>\n'
        f"<desc>{escape(printable(description))}</desc>{rest}"
    )


def require_graphviz() -> None:
    """See that pictures can be drawn here.

    Raises:
        GraphvizNotFoundError: there is no Graphviz; the message names both installs.

    Example:
        >>> from minigrad.graph import require_graphviz
        >>> require_graphviz()  # silent: there is one
    """
    if not shutil.which("dot") and not importlib.util.find_spec("pygraphviz"):
        raise GraphvizNotFoundError(
            "drawing needs Graphviz, and there is neither the program dot on PATH nor the package "
            "pygraphviz: install one (apt install graphviz, or brew install graphviz, or "
            f"{install_command('graphviz')})"
        )


def run(text: str, format: str) -> bytes:
    """What Graphviz makes of DOT text that has positions."""
    require_graphviz()
    if shutil.which("dot"):
        return graphviz.pipe("dot", format, text.encode())
    import pygraphviz

    with _quiet():
        return pygraphviz.AGraph(string=text).draw(format=format, prog="nop2")


_turning = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's warnings about the system's font settings off the terminal.

    They come from C, so the file descriptor itself is turned away for the while; by one
    thread at a time, or the last would put back what the first had turned away.
    """
    with _turning:
        kept = os.dup(2)
        try:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


__all__ = ["FONT", "GraphvizNotFoundError", "Point", "identity", "quoted", "require_graphviz",
           "run", "source", "svg_of"]  # fmt: skip
