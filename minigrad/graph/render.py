"""Pictures: Graphviz from PATH, or the library inside the pygraphviz wheel."""

from __future__ import annotations

import gc
import importlib.util
import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphviz

from minigrad.extras import install_command
from minigrad.files import check_writable, write_bytes
from minigrad.graph import dot, layout
from minigrad.graph.attention import SIDES, attention
from minigrad.graph.cellview import cell
from minigrad.graph.folded import folded
from minigrad.graph.gradient import gradient
from minigrad.graph.items import View
from minigrad.graph.model import Graph, trace, trace_target
from minigrad.graph.plain import tape
from minigrad.graph.views import unrolled
from minigrad.targets import Target, resolve

if TYPE_CHECKING:
    from minigrad.verify.report import Check

VIEWS = ("unrolled", "folded", "gradient", "cell", "attention", "tape")
FORMATS = ("svg", "png", "pdf", "dot", "json", "html")


class GraphvizNotFoundError(RuntimeError):
    """There is neither ``dot`` nor pygraphviz; the message names both installs.

    Example:
        >>> from minigrad.graph import GraphvizNotFoundError, require_graphviz
        >>> try:
        ...     require_graphviz()
        ... except GraphvizNotFoundError as error:
        ...     print(error)  # which package to install
    """


@dataclass(frozen=True)
class Picture(View):
    """A view that shows itself in a notebook; elsewhere it says what it is of.

    Example:
        >>> from minigrad.graph import draw
        >>> draw("lstm", steps=3)  # in a notebook, this shows the picture
        <picture of LSTMCell: 41 items, 3 time steps>
    """

    def _repr_svg_(self) -> str | None:
        try:
            return svg(self)
        except GraphvizNotFoundError:
            return None  # its text is shown

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What a notebook shows: the picture, or where that cannot be, the text."""
        picture = self._repr_svg_()
        return {"text/plain": repr(self)} | ({"image/svg+xml": picture} if picture else {})

    def __repr__(self) -> str:
        count = len(self.steps) + self.skipped
        return f"<picture of {self.title}: {len(self.items)} items, {count} time steps>"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the search for cycles for later: it walks all of a graph again and again as it grows.

    That makes a step of a long sequence dearer than one of a short one.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


@_uncollected()
def draw(
    what: Any,
    path: str | Path | None = None,
    *,
    steps: int = 3,
    view: str = "unrolled",
    style: str = "light",
    all_steps: bool = False,
    title: str | None = None,
    sides: tuple[str, str] = SIDES,
    checks: Sequence[Check] = (),
) -> Picture:
    """Draw a target, or what a Tensor was made of, unrolled over time.

    Args:
        what: a `Target` or its name, such as ``"mymodel.py:loss"``, a `Graph`, or a Tensor (or
            several in a tuple).
        path: where to write it: .svg, .png, .pdf or .dot, the recorded graph as .json (see
            `Graph.to_json`), or a page to explore it as .html; nothing is written if ``None``.
        steps: time steps of a cell or layer.
        view: one of `VIEWS`.
        style: ``"light"``, ``"dark"`` or ``"print"`` (black on white, kinds told apart by lines
            and greys); an .html page has its reader's.
        all_steps: draw every step, also when there are more than 8.
        title: heading; the target's name if not given.
        sides: what stands over the queries, and over the keys, in the view of attention.
        checks: what the judges said of the target, for the .html page.

    Returns:
        The picture, which shows itself in a notebook.

    Raises:
        ValueError: the file's ending, the view or the style is none of these, or nothing was
            recorded.
        GraphvizNotFoundError: there is no Graphviz; the DOT source is written beside ``path``.
        ImportError: an .html page needs the extra ``report``, which is not installed.
        OSError: the file cannot be written.

    Example:
        >>> from minigrad.graph import draw
        >>> picture = draw("lstm", steps=30)  # with a path, it is written: draw("lstm", "lstm.svg")
        >>> picture.steps, picture.skipped
        ((0, 1, 2, 28, 29), 25)
    """
    if path is not None:
        format_of(path)
    if isinstance(what, str):
        what = resolve(what)
    if isinstance(what, Target):
        what = trace_target(what, steps)
    elif not isinstance(what, Graph):
        what = trace(what)
    picture = Picture(**(vars(_view(what, view, all_steps, title, sides)) | {"style": style}))
    ending = "" if path is None else format_of(path)
    if path is not None and ending == "json":
        write_bytes(path, what.to_json().encode())
    elif path is not None and ending == "html":
        from minigrad.graph.explorer import page  # SymPy and jinja2, which a picture needs not

        check_writable(Path(path))
        write_bytes(
            path, page(replace(what, title=picture.title), run=_graphviz, checks=checks).encode()
        )
    elif path is not None:
        render(picture, path)
    return picture


def _view(
    graph: Graph, name: str, all_steps: bool, title: str | None, sides: tuple[str, str]
) -> View:
    if name not in VIEWS:
        raise ValueError(f"draw: got view {name!r}, expected one of {', '.join(VIEWS)}")
    if name in ("unrolled", "gradient"):
        make = unrolled if name == "unrolled" else gradient
        return make(graph, all_steps=all_steps, title=title)
    if name == "attention":
        return attention(graph, title=title, sides=sides)
    return {"folded": folded, "tape": tape, "cell": cell}[name](graph, title=title)


def render(view: View, path: str | Path) -> None:
    """Write the picture; the format is the file's ending. Errors as `draw`.

    Example:
        >>> import tempfile
        >>> from minigrad.graph import render, trace_target, unrolled
        >>> from minigrad.targets import resolve
        >>> view = unrolled(trace_target(resolve("gru"), steps=2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     render(view, f"{folder}/gru.dot")  # or .svg, .png, .pdf
    """
    path = Path(path)
    format = format_of(path)
    check_writable(path)
    try:
        data = source(view).encode() if format == "dot" else _picture(view, format)
    except GraphvizNotFoundError as error:
        beside = path.with_suffix(".dot")
        write_bytes(beside, layout.source(view).encode())
        raise GraphvizNotFoundError(f"{error}. Its DOT source is in {beside}") from error
    write_bytes(path, data)


def source(view: View) -> str:
    """DOT text of the view, with positions if there is a Graphviz to find them.

    Example:
        >>> from minigrad.graph import draw, source
        >>> source(draw("tanh")).split()[0]
        'digraph'
    """
    try:
        return layout.source(view, _graphviz)
    except GraphvizNotFoundError:
        return layout.source(view)


def svg(view: View) -> str:
    """The picture as SVG text, with a title and a description for screen readers.

    Raises:
        GraphvizNotFoundError: there is no Graphviz.

    Example:
        >>> from minigrad.graph import draw, svg
        >>> svg(draw("tanh"))[:4]
        '<svg'
    """
    return _picture(view, "svg").decode()


def format_of(path: str | Path) -> str:
    """The format that a file's ending asks for.

    Raises:
        ValueError: it is none of `FORMATS`.
    """
    ending = Path(path).suffix.lower().lstrip(".")
    if ending not in FORMATS:
        raise ValueError(
            f"{path}: unknown ending {f'.{ending}' if ending else '(none)'}, expected "
            + ", ".join(f".{known}" for known in FORMATS)
        )
    return ending


def _picture(view: View, format: str) -> bytes:
    data = _graphviz(layout.source(view, _graphviz), format)
    return _described(view, data.decode()).encode() if format == "svg" else data


_BOXES = (
    "{layer} are affine maps with their activation, {point} act on each entry, {state} are "
    "states, {input} are inputs."
)
_MEANING = {
    "cell": "One step, from left to right: {layer} are affine maps with their activation, "
            "{point} act on each entry.",
    "gradient": "Arrows run backward and carry local derivatives; the colour of each box is the "
                "power of ten of its gradient's size.",
    "attention": "Lines lead from each query to the keys that it attends to, as wide as the "
                 "weight is large.",
}  # fmt: skip


def _described(view: View, text: str) -> str:
    """The SVG with a role, a title and a description."""
    count = view.folded or len(view.steps) + view.skipped
    over = f" over {count} time step{'s' * (count > 1)}" if count and view.name != "cell" else ""
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = text[text.index("<svg") :]
    head, rest = text.split(">", 1)
    title = escape(dot.printable(view.title))
    meaning = _MEANING.get(view.name, _BOXES).format(**view.palette.names)
    return (
        f'{head} role="img" aria-label="{title}{over}: {view.name}">\n<title>{title}</title>\n'
        f"<desc>{title}{over}. {meaning[0].upper()}{meaning[1:]}</desc>{rest}"
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


def _graphviz(text: str, format: str) -> bytes:
    """What Graphviz makes of DOT text."""
    require_graphviz()
    if shutil.which("dot"):
        return graphviz.pipe("dot", format, text.encode())
    import pygraphviz

    prog = "nop2" if "layout=nop2" in text else "dot"
    with _quiet():
        return pygraphviz.AGraph(string=text).draw(format=format, prog=prog)


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
