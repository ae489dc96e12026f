"""`draw`: from what there is to draw to a picture, on a page or in a file."""

from __future__ import annotations

import contextlib
import gc
import inspect
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from minigrad.files import check_writable, write_bytes
from minigrad.graph.drawing import graphviz, tikz
from minigrad.graph.drawing.graphviz import GraphvizNotFoundError
from minigrad.graph.drawing.scene import Scene
from minigrad.graph.fitting import fitted, on_page, scene, with_another
from minigrad.graph.record import Graph, Names, trace, trace_target
from minigrad.graph.view import View, WrongPictureError
from minigrad.graph.views import VIEWS
from minigrad.hooks import export_onnx
from minigrad.tape import ancestors
from minigrad.targets import Target, resolve, target_of
from minigrad.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.graph.explorer.page import Still
    from minigrad.verify.report import Check

FORMATS = ("svg", "png", "pdf", "dot", "tex", "json", "html", "onnx")
MOST_DOTS = 32_767  # of a .png each way: a Cairo surface holds no more
MANY_NODES = 3000  # of a graph of which a page shows one view only
SMALL_NODES, SMALL_WEIGHTS = 300, 1_000_000  # of what a notebook draws by itself


class Output(NamedTuple):
    """How files are written.

    Attributes:
        scale: of a .png, beside its dots per inch.
        dpi: dots per inch of a .png.
        transparent: without a background.
    """

    scale: float = 1.0
    dpi: float = 96.0
    transparent: bool = False


_USUAL = Output()
_LOOK = "style", "language", "hide", "fit", "direction"  # of a picture, however it is built


@dataclass(frozen=True)
class Picture(View):
    """A view that shows itself in a notebook; elsewhere it says what it is of.

    Attributes:
        graph: what it is drawn from.
        output: how its files are written.
        checks: what the judges said of its subject.
        target: what it is of, if that can be run again, and over how many steps it was.

    Example:
        >>> from minigrad.graph import draw
        >>> draw("lstm", steps=3)  # in a notebook, this shows the picture
        <picture of LSTMCell: 41 items, 3 time steps>
    """

    graph: Graph | None = field(default=None, compare=False, repr=False)
    output: Output = _USUAL
    checks: tuple[Check, ...] = field(default=(), compare=False, repr=False)
    target: Target | None = field(default=None, compare=False, repr=False)
    recorded: int = 0

    @property
    def svg(self) -> str:
        """The picture as SVG text."""
        return svg(self)

    def save(self, path: str | Path, *, live: bool = False) -> Picture:
        """Write the picture, or what else the file's ending asks for; see `draw`."""
        path, graph = Path(path), self.graph
        ending = format_of(path)
        _see_live(path, live)
        check_writable(path)
        if ending == "json" and graph is not None:
            write_bytes(path, graph.to_json().encode())
        elif ending == "onnx":
            _exported(self.target, self.recorded, path)
        elif ending == "html" and graph is not None:
            from minigrad.graph.explorer import followed, page  # SymPy loads with it

            if live:
                graph = followed(graph, self.target, self.recorded)
            text = page(
                graph, checks=self.checks, stills=self._stills(graph), live=live,
                language=self.language,
            )  # fmt: skip
            write_bytes(path, text.encode(errors="replace"))
        else:
            render(self, path)
        return self

    def _stills(self, graph: Graph) -> list[Still]:
        """Pictures of every view of the graph, this one first and open.

        The tape is left out, for the explorer opens each box as far as that.
        """
        from minigrad.graph.explorer.page import Still

        look = {name: getattr(self, name) for name in _LOOK}
        found = []
        try:
            found.append(Still(self.name, VIEWS[self.name].help, self.svg, True))
            others = VIEWS.values() if len(graph.nodes) <= MANY_NODES else ()
            for shown in others:
                if shown.name not in (self.name, "tape"):
                    with contextlib.suppress(ValueError):  # there is no such view of this
                        text = svg(fitted(graph, shown, {}, look))
                        found.append(Still(shown.name, shown.help, text, False))
        except GraphvizNotFoundError:
            pass  # the explorer needs none
        return found

    def open(self, *, live: bool = False) -> None:
        """Show the page to explore it in the browser; ``live`` as for `draw`."""
        with tempfile.NamedTemporaryFile(suffix=".html", delete=False) as file:
            self.save(file.name, live=live)
        webbrowser.open(Path(file.name).as_uri())

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


def _see_live(path: Path | None, live: bool) -> None:
    """Only a page computes.

    Raises:
        ValueError: it is to be live, and is no page.
    """
    if live and (path is None or path.suffix.lower() != ".html"):
        got = "no file" if path is None else f"the file {path.name}"
        raise ValueError(f"got live with {got}, expected a page: -o page.html")


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
    hide: str | Sequence[str] = (),
    language: str = "en",
    fit: str = "",
    direction: str = "up",
    gradients_of: Any = None,
    scale: float = 1.0,
    dpi: float = 96.0,
    transparent: bool = False,
    checks: Sequence[Check] = (),
    live: bool = False,
    **options: Any,
) -> Picture:
    """Draw a target, or what a Tensor was made of.

    Args:
        what: a `Target` or its name, such as ``"mymodel.py:loss"``; a cell, layer or function; a
            `Graph`; or a Tensor (or several in a tuple).
        path: where to write it: .svg, .png, .pdf, .dot or .tex (TikZ), the recorded graph as
            .json (see `Graph.to_json`), the model as .onnx, or a page to explore it as .html;
            nothing is written if ``None``.
        steps: time steps of a cell or layer.
        view: one of `VIEWS`.
        style: ``"light"``, ``"dark"`` or ``"print"`` (black on white, kinds told apart by lines
            and greys). An .html page has its reader's, but for the pictures of each view under
            the explorer.
        title: heading; the target's name if not given.
        hide: ``"shapes"``, ``"weights"``, or both.
        language: of its words, ``"en"`` or ``"es"``.
        fit: ``"slide"``, ``"column"`` or ``"page"``: made to be read at that size. Long chains
            are wrapped, and what does not fit is collapsed or left out; the picture says so.
        direction: in which layers follow each other: ``"up"``, ``"down"`` or ``"right"``. Time
            steps always run to the right.
        gradients_of: a single number L, of whose gradients the picture of a Tensor is.
        scale: of a .png, beside ``dpi``.
        dpi: dots per inch of a .png.
        transparent: without a background.
        checks: what the judges said of the target, for the .html page.
        live: on an .html page, inputs, weights and any value in between can be changed, and the
            page computes all others and their gradients, in double precision.
        options: of the view: ``all_steps`` (draw every step, also when there are more than 8),
            ``depth`` and ``open`` (which modules are open), ``measure`` (time each box),
            ``sides`` (what stands over the queries, and over the keys, of attention).

    Returns:
        The picture, which shows itself in a notebook; with ``.save(path)``, ``.svg`` and
        ``.open()``.

    Raises:
        ValueError: the file's ending, the view, the style or an option is none of these, or
            nothing was recorded.
        WrongPictureError: this view cannot show it truly; the message names one that can.
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
    unknown = [name for name in options if not any(name in v.options for v in VIEWS.values())]
    if unknown:
        raise ValueError(f"draw: got {', '.join(unknown)}, which no view takes")
    _see_live(None if path is None else Path(path), live)
    if path is not None:
        format_of(path)
        check_writable(Path(path))
    what = _target(what)
    graph = _recorded(what, steps, title, gradients_of)
    given = {name: value for name, value in options.items() if name in VIEWS[view].options}
    hidden = frozenset([hide] if isinstance(hide, str) else hide)
    look = dict(zip(_LOOK, (style, language, hidden, fit, direction), strict=True))
    try:
        made = fitted(graph, VIEWS[view], given, look)
    except WrongPictureError as error:
        raise with_another(error, graph, view) from error
    output = Output(scale, dpi, transparent)
    picture = Picture(
        **{f.name: getattr(made, f.name) for f in fields(View)}, graph=graph, output=output,
        checks=tuple(checks), target=what if isinstance(what, Target) else None, recorded=steps,
    )  # fmt: skip
    if path is not None:
        picture.save(path, live=live)
    return picture


def notebook_svg(what: Any) -> str:
    """The picture of a layer or a recorded Tensor that a notebook shows; empty if there is none.

    Example:
        >>> from minigrad.graph import notebook_svg
        >>> notebook_svg(nn.GRU(3, 4))[:4], notebook_svg(mg.Tensor([1.0]))
        ('<svg', '')
    """
    try:
        if isinstance(what, Tensor):
            if what.primitive is None or len(ancestors([what])) > SMALL_NODES:
                return ""
        elif sum(parameter.size for parameter in what.parameters()) > SMALL_WEIGHTS:
            return ""
        picture = draw(what)
        return picture.svg if len(picture.items) <= SMALL_NODES else ""
    except Exception:  # a layer of the user's may raise anything; its words are shown
        return ""


def _exported(what: Target | None, steps: int, path: Path) -> None:
    """Write a target as an ONNX file.

    Raises:
        ValueError: it is not known what it is called with, or it cannot be written.
    """
    called = None if what is None else what.call(steps)
    if called is None:
        raise ValueError(
            f"{path}: got {'a Tensor' if what is None else what.title}, expected a cell, a layer, "
            "a module whose first layer knows its width, or a function; else call "
            "minigrad.onnx.export(model, example, path)"
        )
    try:
        export_onnx(*called, path)
    except TypeError as error:  # it does what cannot be written down
        raise ValueError(f"{path}: {error}") from error


def _recorded(what: Any, steps: int, title: str | None, gradients_of: Any) -> Graph:
    """The graph of whatever is to be drawn."""
    if isinstance(what, Target):
        what = trace_target(what, steps)
    if isinstance(what, Graph):
        return replace(what, title=title) if title else what
    names = Names()
    names.learn(_variables())
    return trace(what, title, gradients_of=gradients_of, names=names)


def _target(what: Any) -> Any:
    """The target that a name, a layer or a function is; what was recorded as it is."""
    if isinstance(what, str):
        return resolve(what)
    return (
        what if isinstance(what, Target | Graph | Tensor | tuple | list | dict) else target_of(what)
    )


def _variables() -> dict[str, Any]:
    """The variables of the code that called `draw`, for the names that they give to arrays."""
    frame = inspect.currentframe()
    here = {__file__, contextlib.__file__}
    while frame is not None and frame.f_code.co_filename in here:
        frame = frame.f_back
    return {} if frame is None else {**frame.f_globals, **frame.f_locals}


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
    output = view.output if isinstance(view, Picture) else _USUAL
    try:
        data = _written(drawn, format, output)
    except GraphvizNotFoundError as error:
        beside = path.with_suffix(".dot")
        write_bytes(beside, graphviz.source(drawn).encode())
        raise GraphvizNotFoundError(f"{error}. Its DOT source is in {beside}") from error
    write_bytes(path, data)


def _written(drawn: Scene, format: str, output: Output = _USUAL) -> bytes:
    dpi = output.dpi * output.scale if format == "png" else 72  # for .pdf, a point is a point
    if format == "tex":
        return tikz.source(drawn, on_page(drawn)).encode()
    if format == "png":
        _check_dots(drawn, dpi)
    look = graphviz.Look(on_page(drawn), dpi, output.transparent)
    if format == "svg":
        label, description = _descriptions(drawn.view)
        return graphviz.svg_of(drawn, label, description, look).encode()
    text = graphviz.source(drawn, look)
    return text.encode() if format == "dot" else graphviz.run(text, format)


def _check_dots(drawn: Scene, dpi: float) -> None:
    """Refuse a picture of no dots, or of more than Graphviz can write."""
    left, bottom, right, top = drawn.extent()
    wide, high = ((b - a) * on_page(drawn) * dpi / 72 for a, b in ((left, right), (bottom, top)))
    if not (wide >= 1 and high >= 1 and max(wide, high) <= MOST_DOTS):
        raise ValueError(
            f"{wide:.3g} × {high:.3g} dots at {dpi:g} dots per inch, expected 1 to {MOST_DOTS:,} "
            "each way; change scale or dpi, or write a .svg"
        )


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
    """Descriptions for a reader who does not see the picture: a short and a long one."""
    count = view.folded or len(view.steps) + view.skipped
    over = f" over {count} time step{'s' * (count > 1)}" if count and view.name != "cell" else ""
    meaning = _MEANING.get(view.name, _BOXES).format(**view.palette.names)
    what = f"{view.title}{over}"
    return f"{what}: {view.name}", f"{what}. {meaning[0].upper()}{meaning[1:]}"
