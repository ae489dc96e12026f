"""Run every tutorial; write it as notebook and HTML, one of each per language.

``python -m tutorials.build [FOLDER]`` (build/tutorials by default). Both languages stand in one
script: Markdown cells carry ``lang="en"`` or ``lang="es"``, code cells belong to both.
"""

from __future__ import annotations

import re
import sys
from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbconvert import HTMLExporter

HERE = Path(__file__).parent
LANGUAGES = ("en", "es")
FORMULA = re.compile(r"(\${1,2})([^$]+)\1")


def build(script: Path, folder: Path) -> list[Path]:
    """Execute one tutorial in ``folder``; the files written, HTML and notebook per language.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notebook = jupytext.read(script)
    # A tutorial writes its pictures to build/tutorials of where it runs: run where that is folder.
    where = folder.parents[1] if folder.parts[-2:] == ("build", "tutorials") else folder
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(where)}}).execute()
    written = []
    for language in LANGUAGES:
        page = deepcopy(notebook)
        page.cells = [c for c in page.cells if c.metadata.get("lang", language) == language]
        stem = folder / f"{script.stem}.{language}"
        title = page.cells[0].source.splitlines()[0].lstrip("# ")
        resources = {"metadata": {"name": title}}
        notebook_text = nbformat.writes(page)
        for cell in page.cells:  # MathML in the page: formulas show without a network
            if cell.cell_type == "markdown":
                cell.source = FORMULA.sub(_mathml, cell.source)
        html, _ = HTMLExporter(language_code=language).from_notebook_node(page, resources)
        for ending, text in ((".ipynb", notebook_text), (".html", html)):
            stem.with_name(stem.name + ending).write_text(text, encoding="utf-8")
            written.append(stem.with_name(stem.name + ending))
    return written


def _mathml(formula: re.Match[str]) -> str:
    dollars, tex = formula.groups()
    return convert(tex, display="block" if dollars == "$$" else "inline")


def main() -> None:
    """Build all tutorials and say what was written."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/tutorials").resolve()
    for script in sorted(HERE.glob("[0-9]*.py")):
        for path in build(script, folder):
            print(path)


if __name__ == "__main__":
    main()
