"""`draw`: from what there is to draw to a picture, on a page or in a file."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad.files import check_writable, write_bytes
from minigrad.graph.drawing import graphviz, layout
from minigrad.graph.drawing.check import checked, complete
from minigrad.graph.drawing.graphviz import GraphvizNotFoundError
from minigrad.graph.drawing.scene import Scene
from minigrad.graph.drawing.under import with_caption
from minigrad.graph.record import Graph, trace, trace_target
from minigrad.graph.view import View
from minigrad.graph.views import VIEWS
from minigrad.targets import Target, resolve

if TYPE_CHECKING:
    from minigrad.verify.report import Check

FORMATS = ("svg", "png", "pdf", "dot", "json", "html")


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
    title: str | None = None,
    checks: Sequence[Check] = (),
    **options: Any,
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
        title: heading; the target's name if not given.
        checks: what the judges said of the target, for the .html page.
        options: of the view: ``all_steps`` (draw every step, also when there are more than 8),
            ``sides`` (what stands over the queries, and over the keys, of attention).

    Returns:
        The picture, which shows itself in a notebook.

    Raises:
        ValueError: the file's ending, the view, the style or an option is none of these, or
            nothing was recorded, or this view cannot show it truly.
        GraphvizNotFoundError: there is no Graphviz; the DOT source is written beside ``path``.
        ImportError: an .html page needs the extra ``report``, which is not installed.
        OSError: the file cannot be written.

    Example:
        >>> from minigrad.graph import draw
        >>> draw("gru", steps=2, view="folded").folded
        2
    """
    if view not in VIEWS:
        raise ValueError(f"draw: got view {view!r}, expected one of {', '.join(VIEWS)}")
    shown = VIEWS[view]
    format = None if path is None else format_of(path)
    if format is not None:
        check_writable(Path(path))  # type: ignore[arg-type]
    graph = _recorded(what, steps, title)
    given = {name: value for name, value in options.items() if name in shown.options}
    unknown = [name for name in options if not any(name in v.options for v in VIEWS.values())]
    if unknown:
        raise ValueError(f"draw: got {', '.join(unknown)}, which no view takes")
    made = complete(shown.build(graph, title=title, **given), graph)
    picture = Picture(**{f.name: getattr(made, f.name) for f in fields(View)} | {"style": style})
    if path is None:
        return picture
    if format == "json":
        write_bytes(Path(path), graph.to_json().encode())
    elif format == "html":
        from minigrad.graph.explorer import page  # SymPy loads with it

        text = page(graph, checks=checks)
        write_bytes(Path(path), text.encode(errors="replace"))
    else:
        render(picture, path)
    return picture


def _recorded(what: Any, steps: int, title: str | None) -> Graph:
    """The graph of whatever is to be drawn."""
    if isinstance(what, str):
        what = resolve(what)
    if isinstance(what, Target):
        what = trace_target(what, steps)
    graph = what if isinstance(what, Graph) else trace(what)
    return replace(graph, title=title) if title else graph


def scene(view: View) -> Scene:
    """Where everything in a picture is, after seeing that it is right.

    Raises:
        ValueError: this view cannot show it truly; the message names one that can.
    """
    found: Scene = (view.arrange or layout.arranged)(view)
    return with_caption(checked(found))


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
    drawn = scene(view)
    try:
        data = _written(drawn, format)
    except GraphvizNotFoundError as error:
        beside = path.with_suffix(".dot")
        write_bytes(beside, graphviz.source(drawn).encode())
        raise GraphvizNotFoundError(f"{error}. Its DOT source is in {beside}") from error
    write_bytes(path, data)


def _written(drawn: Scene, format: str) -> bytes:
    if format == "svg":
        label, description = _descriptions(drawn.view)
        return graphviz.svg_of(drawn, label, description).encode()
    text = graphviz.source(drawn)
    return text.encode() if format == "dot" else graphviz.run(text, format)


def source(view: View) -> str:
    """DOT text of the view, with positions.

    Example:
        >>> from minigrad.graph import draw, source
        >>> source(draw("tanh")).split()[0]
        'digraph'
    """
    return graphviz.source(scene(view))


def svg(view: View) -> str:
    """The picture as SVG text, with a title and a description for screen readers.

    Raises:
        GraphvizNotFoundError: there is no Graphviz.

    Example:
        >>> from minigrad.graph import draw, svg
        >>> svg(draw("tanh"))[:4]
        '<svg'
    """
    return _written(scene(view), "svg").decode()


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


_BOXES = (
    "{layer} are affine maps with their activation, {point} act on each entry, {state} are "
    "states, {input} are inputs."
)
_MEANING = {
    "cell": "One step, from left to right: {layer} are affine maps with their activation, "
            "{point} act on each entry.",
    "gradient": "Arrows run backward and carry local derivatives; the colour of each box is the "
                "power of ten of its gradient's size.",
    "attention": "Who attends to whom: the darker or wider, the larger the weight.",
}  # fmt: skip


def _descriptions(view: View) -> tuple[str, str]:
    """What a reader who does not see the picture is told, in short and at length."""
    count = view.folded or len(view.steps) + view.skipped
    over = f" over {count} time step{'s' * (count > 1)}" if count and view.name != "cell" else ""
    meaning = _MEANING.get(view.name, _BOXES).format(**view.palette.names)
    what = f"{view.title}{over}"
    return f"{what}: {view.name}", f"{what}. {meaning[0].upper()}{meaning[1:]}"
