"""The report as a folder of pages: checks, derivations and graphs, linked from one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from minigrad import __version__
from minigrad.extras import require
from minigrad.files import check_writable, write_text
from minigrad.graph import draw, require_graphviz
from minigrad.symbolic import derive
from minigrad.targets import Target
from minigrad.targets.layers import LayerTarget
from minigrad.verify.report import Report, grouped, summary

STEPS = 3  # of the unrolled graphs: a first, one between, a last


def check_requirements(folder: Path) -> None:
    """See, before the work, that the pages can be made and written.

    Raises:
        ImportError: the extra ``report`` is not installed.
        GraphvizNotFoundError: there is no Graphviz.
        OSError: the folder cannot be made.
    """
    require("jinja2", extra="report")
    require("latex2mathml", extra="report")
    require_graphviz()
    folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder / "index.html")


def write_pages(
    report: Report,
    targets: Iterable[Target],
    folder: Path,
    *,
    progress: Callable[[str], None] = lambda what: None,
) -> Path:
    """Write ``index.html`` and ``report.json``; for each layer its derivation, graph, explorer.

    Args:
        report: what the judges said.
        targets: what they said it of; primitives have checks only.
        folder: where to write; it is made if missing, files in it are replaced.
        progress: called with what is being made.

    Returns:
        The path of ``index.html``.

    Raises:
        ImportError, GraphvizNotFoundError, OSError: as `check_requirements`.
    """
    check_requirements(folder)
    jinja2 = require("jinja2", extra="report")
    layers = []
    for target in targets:
        if not isinstance(target, LayerTarget):
            continue
        name = _file_name(target)
        progress(f"{target.title}: derivation")
        derivation = derive(target)
        write_text(folder / f"{name}-derivation.html", derivation.html())
        write_text(folder / f"{name}-derivation.tex", derivation.latex())
        progress(f"{target.title}: graph")
        draw(target, folder / f"{name}.svg", steps=STEPS)
        checks = report.by_target().get(target.name, [])
        draw(target, folder / f"{name}.html", steps=STEPS, checks=checks)
        layers.append({"name": name, "title": target.title, "target": target.name})
    progress("report")
    report.write_json(folder / "report.json")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("minigrad", "templates"), autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("report.html.jinja").render(
        report=report,
        layers=layers,
        steps=STEPS,
        summary=summary,
        grouped=grouped,
        version=__version__,
    )
    write_text(folder / "index.html", page)
    return folder / "index.html"


def _file_name(target: Target) -> str:
    """A plain file name: the target may be a path with anything in it."""
    plain = "".join(c if c.isalnum() else "-" for c in target.name)
    return plain.strip("-") or "target"
