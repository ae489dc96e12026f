"""The page: data, scripts and styles in one file that needs no network."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Sequence
from importlib import resources
from typing import Any, NamedTuple

from minigrad.extras import require
from minigrad.graph.drawing.palette import PALETTES, Palette
from minigrad.graph.drawing.words import printable
from minigrad.graph.explorer.live import Live
from minigrad.graph.explorer.live import live as living
from minigrad.graph.explorer.mathematics import formulas
from minigrad.graph.explorer.payload import payload
from minigrad.graph.record import Graph
from minigrad.primitives import PRIMITIVES
from minigrad.verify import Check

MODULES = ("words.js", "numbers.js", "elements.js", "live.js", "scene.js", "drawing.js",
           "controls.js", "terms.js", "panel.js", "explorer.js")  # fmt: skip
"""The scripts, each after those that it imports."""
LONG = 1_000_000  # characters of a figure's data above which it is deflated


class Still(NamedTuple):
    """A picture under the explorer, which is there without scripts too.

    Attributes:
        name: of its view.
        help: what the view shows.
        svg: the picture.
        first: whether it is the one that was asked for.
    """

    name: str
    help: str
    svg: str
    first: bool


def page(
    *graphs: Graph,
    checks: Sequence[Check] = (),
    stills: Sequence[Still] = (),
    live: bool = False,
    language: str = "en",
) -> str:
    """One HTML page with an explorer for each graph.

    Args:
        graphs: from `minigrad.graph.trace` or `trace_target`.
        checks: what the judges said of the (first) graph's subject.
        stills: pictures under the explorers.
        live: the reader can change numbers, and the page computes the others.
        language: ``"es"`` for a page in Spanish; else it speaks the language of the reader's
            browser.

    Raises:
        ImportError: the extra ``report`` is not installed.
        ValueError: it is to be live, and a graph cannot be computed in JavaScript.
    """
    jinja2 = require("jinja2", extra="report")
    programs = [living(graph) if live else None for graph in graphs]
    figures = [
        payload(graph, () if k else checks, program)
        for k, (graph, program) in enumerate(zip(graphs, programs, strict=True))
    ]
    names = sorted({name for figure in figures for name in figure["verdicts"]})
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("minigrad", "templates"), autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    text: str = environment.get_template("explorer.html.jinja").render(
        figures=[(printable(figure["title"]), *_packed(as_script(figure))) for figure in figures],
        formulas={name: formulas(PRIMITIVES[name]) for name in names},
        stills=stills,
        kinds={name: PRIMITIVES[name].kind for name in names},
        style=_colours() + _file("explorer.css"),
        script="\n".join([_programs(programs), *(_inlined(_file(name)) for name in MODULES)]),
        language=language,
    )
    return text


def _programs(programs: Sequence[Live | None]) -> str:
    """The programs of the figures that compute, by number."""
    texts = ["null" if program is None else program.script.text for program in programs]
    return f"const PROGRAMS = [{', '.join(texts)}];"


def as_script(data: Any) -> str:
    """JSON that nothing can break out of: it means the same inside a script element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _packed(text: str) -> tuple[str, bool]:
    """The data of a figure, and whether it is deflated, as that of a long sequence is."""
    if len(text) <= LONG:
        return text, False
    return base64.b64encode(zlib.compress(text.encode())).decode(), True


def _colours() -> str:
    """The palettes of pictures as variables: the dark one where the reader's screen is dark."""
    return (
        f":root {{ {_variables(PALETTES['light'])} }}\n@media screen and "
        f"(prefers-color-scheme: dark) {{ :root {{ {_variables(PALETTES['dark'])} }} }}\n"
    )


def _variables(ours: Palette) -> str:
    colours = {"paper": ours.paper, "ink": ours.ink, "edge": ours.arrow, "frame": ours.frame,
               "frame-line": ours.quiet}  # fmt: skip
    for kind, look in ours.kinds.items():
        if look:
            colours |= {kind: look["fillcolor"], f"{kind}-line": look["color"]}
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def _file(name: str) -> str:
    return resources.files("minigrad.graph.explorer").joinpath(name).read_text("utf-8")


def _inlined(module: str) -> str:
    """A module as part of one script: what it imports stands above it, so no names are lost."""
    text = re.sub(r"^import .*?;\n", "", module, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^export ", "", text, flags=re.MULTILINE)
