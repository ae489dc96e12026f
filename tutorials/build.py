"""Run every tutorial in both languages; write notebooks and a site that needs no network.

``python -m tutorials.build [FOLDER] [--only 01 …]`` (build/tutorials by default). Both languages
stand in one script: Markdown cells carry ``lang="en"`` or ``lang="es"``, twins next to each other;
code cells belong to both, and what they print follows ``MINIGRAD_LANGUAGE``. Cells with the tag
``solution`` are folded, and so is the code of cells with the tag ``plot``. The reference stands
beside them.

The wheel (``make wheel``) stands beside the notebooks, which install it where minigrad is missing.
It does not hold `models`: where a chapter imports that, ``models.zip`` stands beside it too.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import re
import shutil
import tempfile
import zipfile
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import groupby, product
from pathlib import Path
from typing import Any

import jinja2
import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from tutorials import reference

HERE = Path(__file__).parent
SITE = HERE / "site"
WORDS = {
    "en": {
        "language": "English", "solution": "Solution", "plot": "Code of the figure",
        "figure": "Figure",
        "previous": "Previous", "next": "Next", "contents": "Contents",
        "notebook": "Download this chapter as a notebook",
        "setup": "The notebook's language; and minigrad, where it is missing (on Colab, say).",
        "missing": "{file} is missing: download it from where you got this notebook, and put it "
                   "beside the notebook",
    },
    "es": {
        "language": "Español", "solution": "Solución", "plot": "Código de la figura",
        "figure": "Figura",
        "previous": "Anterior", "next": "Siguiente", "contents": "Índice",
        "notebook": "Descargar este capítulo como cuaderno",
        "setup": "El idioma del cuaderno; y minigrad, donde falte (en Colab, por ejemplo).",
        "missing": "falta {file}: descárgalo de donde descargaste este cuaderno y ponlo a su lado",
    },
}  # fmt: skip
SETUP = """\
# {comment}
import importlib.util
import os
from pathlib import Path

os.environ["MINIGRAD_LANGUAGE"] = "{language}"
if importlib.util.find_spec("minigrad") is None:
    if not Path("{wheel}").exists():
        raise FileNotFoundError("{missing}")
    %pip install --quiet "./{wheel}[graphviz,models,report]"
"""
MODELS = """\
if importlib.util.find_spec("models") is None:
    import sys

    if not Path("models.zip").exists():
        raise FileNotFoundError("{missing}")
    sys.path.append("models.zip")
"""
IMPORTS_MODELS = re.compile(r"^(?:from|import) models\b", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FORMULA = re.compile(CODE.pattern + r"|(\${1,2})([^$]+)\1", re.DOTALL)


@dataclass(frozen=True)
class Chapter:
    """One tutorial in one language, as the contents and its neighbours' links name it."""

    stem: str
    language: str
    title: str
    question: str
    uses_models: bool

    @property
    def page(self) -> str:
        """The page's file name."""
        return f"{self.stem}.{self.language}.html"


def read(script: Path) -> NotebookNode:
    """The notebook in a script, its prose checked and its cells numbered.

    Raises:
        ValueError: a prose cell has no twin.
    """
    notebook = jupytext.read(script)
    if faults := untwinned(notebook):
        raise ValueError(f"{script.name}: " + "; ".join(faults))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # jupytext draws them at random
    return notebook


def untwinned(notebook: NotebookNode) -> list[str]:
    """What is wrong with the prose: each English cell needs a Spanish twin right after it."""
    faults = []
    for is_prose, group in groupby(notebook.cells, lambda cell: cell.cell_type == "markdown"):
        cells = list(group) if is_prose else []
        for first, second in zip(cells[::2], [*cells[1::2], None], strict=False):
            start = repr(first.source[:50])
            languages = [c.metadata.get("lang") for c in (first, second) if c]
            if languages != ["en", "es"]:
                faults.append(f"languages {languages} at {start}, expected one en, one es")
            elif first.source == second.source:
                faults.append(f"not translated: {start}")
            elif _form(first) != _form(second):
                faults.append(f"other headings, code or tags than its twin: {start}")
    return faults


def _form(cell: NotebookNode) -> tuple[Any, ...]:
    """What twins share: tags, depth of headings, blocks of code."""
    blocks = re.findall(r"```.*?```", cell.source, re.DOTALL)
    headings = re.findall(r"^#+(?= )", CODE.sub("", cell.source), re.MULTILINE)
    return cell.metadata.get("tags"), headings, blocks


def uses_models(notebook: NotebookNode) -> bool:
    """Whether some cell imports `models`."""
    code = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    return any(map(IMPORTS_MODELS.search, code))


def zipped_models() -> bytes:
    """The package `models` as a zip that Python imports from; the same for the same sources."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((HERE.parent / "models").glob("*.py")):
            entry = zipfile.ZipInfo(f"models/{path.name}")  # dated 1980
            file.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def in_language(notebook: NotebookNode, language: str, wheel: str) -> NotebookNode:
    """The notebook with the prose of one language, after a cell that sets it up.

    Args:
        notebook: from `read`.
        language: ``en`` or ``es``.
        wheel: the file name of the wheel that will stand beside it.
    """
    chosen = deepcopy(notebook)
    chosen.cells = [c for c in chosen.cells if c.metadata.get("lang", language) == language]
    words = WORDS[language]
    missing = words["missing"].format
    source = SETUP.format(
        comment=words["setup"], language=language, wheel=wheel, missing=missing(file=wheel)
    )
    if uses_models(notebook):
        source += MODELS.format(missing=missing(file="models.zip"))
    setup = nbformat.v4.new_code_cell(source, id="setup")
    chosen.cells.insert(0, setup)
    return chosen


async def execute(notebook: NotebookNode) -> None:
    """Run all cells, in place, by the Python that runs this.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    # No folder to look for kernels in: then python3 is ours, whatever a user has installed.
    specs = KernelSpecManager(kernel_dirs=[])
    with tempfile.TemporaryDirectory() as where:
        if uses_models(notebook):
            (Path(where) / "models.zip").write_bytes(zipped_models())
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
            timeout=600,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": where}},
            extra_arguments=["--InlineBackend.figure_formats={'retina'}", "--log-level=ERROR"],
        )
        client.owns_km = True  # or it would leave the kernel running
        await client.async_execute()


async def _execute_all(notebooks: list[NotebookNode]) -> None:
    """Run notebooks, as many at a time as there are processors."""
    turn = asyncio.Semaphore(os.cpu_count() or 1)

    async def in_turn(notebook: NotebookNode) -> None:
        async with turn:
            await execute(notebook)

    await asyncio.gather(*map(in_turn, notebooks))


def chapter(script: Path, notebook: NotebookNode, language: str) -> Chapter:
    """Title and question of a chapter: its first heading and its first words in bold."""
    first = next(c.source for c in notebook.cells if c.metadata.get("lang") == language)
    title = first.splitlines()[0].lstrip("# ")
    question = re.search(r"\*\*(.+?)\*\*", first, re.DOTALL)
    return Chapter(
        script.stem,
        language,
        title,
        " ".join(question[1].split()) if question else "",
        uses_models(notebook),
    )


def folded(notebook: NotebookNode, language: str) -> NotebookNode:
    """The notebook as people download it: solutions are closed until they are wanted."""
    result = deepcopy(notebook)
    for cell in result.cells:
        if "solution" not in cell.metadata.get("tags", ()):
            continue
        if cell.cell_type == "markdown":
            summary = WORDS[language]["solution"]
            cell.source = f"<details><summary>{summary}</summary>\n\n{cell.source}\n\n</details>"
        else:  # JupyterLab's word for it, and Colab's
            cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return result


def page(notebook: NotebookNode, this: Chapter, chapters: list[Chapter], wheel: str) -> str:
    """The chapter as a page of the site: formulas in MathML, solutions folded."""
    shown = deepcopy(notebook)
    del shown.cells[0]  # the setup is for the notebook
    section = this.title
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            section = [section, *HEADING.findall(CODE.sub("", cell.source))][-1]
            cell.source = with_mathml(cell.source)
        cell.metadata["alt"] = f"{WORDS[this.language]['figure']}: {section}"
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            for kind in ("text/markdown", "text/latex"):
                if kind in data:
                    data["text/markdown"] = with_mathml(data.pop(kind))
    is_solution = [("solution" in c.metadata.get("tags", ())) for c in shown.cells]
    for cell, here, before, after in zip(
        shown.cells, is_solution, [False, *is_solution], [*is_solution[1:], False], strict=False
    ):
        cell.metadata["opens"], cell.metadata["closes"] = here and not before, here and not after
    exporter = HTMLExporter(
        extra_template_basedirs=[str(HERE)], template_name="site", anchor_link_text="",
        exclude_input_prompt=True, exclude_output_prompt=True,
    )  # fmt: skip
    body, _ = exporter.from_notebook_node(shown, {"words": WORDS[this.language]})
    same = [c for c in chapters if c.language == this.language]
    k = same.index(this)
    return _render(
        "page.html.jinja", title=this.title, language=this.language, body=body, this=this,
        wheel=wheel, other=next(c for c in chapters if c.stem == this.stem and c != this).page,
        previous=same[k - 1] if k else None, next=same[k + 1] if k + 1 < len(same) else None,
    )  # fmt: skip


def with_mathml(prose: str) -> str:
    """Markdown with MathML in place of $…$ and $$…$$, which shows without a network."""

    def formula(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0]  # code
        tex = match[2].replace(r"\displaystyle", "").strip()
        return convert(tex, display="block" if match[1] == "$$" else "inline")

    return FORMULA.sub(formula, prose)


def contents(chapters: list[Chapter], language: str) -> str:
    """The first page of the site in one language."""
    other = next(code for code in WORDS if code != language)
    same = [c for c in chapters if c.language == language]
    return _render(
        "index.html.jinja", title="minigrad", language=language, chapters=same,
        other=f"index.{other}.html",
    )  # fmt: skip


def _render(template: str, *, language: str, **values: Any) -> str:
    other_language = next(code for code in WORDS if code != language)
    return _environment().get_template(template).render(
        language=language, words=WORDS[language], other_language=other_language,
        other_words=WORDS[other_language], **values,
    ) + "\n"  # fmt: skip


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SITE), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals["highlighting"] = highlighting
    return environment


def highlighting(where: str) -> str:
    """Colours of code by day and by night, as CSS for what ``where`` selects."""
    day, night = (
        HtmlFormatter(style=style).get_style_defs(where) for style in ("friendly", "github-dark")
    )
    return f"{day}\n@media (prefers-color-scheme: dark) {{\n{night}\n}}"


def build(scripts: list[Path], folder: Path, wheel: Path) -> list[Path]:
    """Run the tutorials in both languages and write the site; the files written.

    Args:
        scripts: the chapters.
        folder: where the site goes.
        wheel: minigrad's wheel, which is copied there.

    Raises:
        ValueError: a prose cell has no twin.
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = {script: read(script) for script in scripts}
    chapters = [
        chapter(script, notebook, language)
        for script, notebook in notebooks.items()
        for language in WORDS
    ]

    runs = {
        this: in_language(notebooks[script], this.language, wheel.name)
        for this, (script, _) in zip(chapters, product(scripts, WORDS), strict=True)
    }
    asyncio.run(_execute_all(list(runs.values())))
    files = {f"index.{language}.html": contents(chapters, language) for language in WORDS}
    files["index.html"] = files["index.en.html"]
    for this, done in runs.items():
        notebook = folded(done, this.language)
        files[f"{this.stem}.{this.language}.ipynb"] = nbformat.writes(notebook) + "\n"
        files[this.page] = page(done, this, chapters, wheel.name)
    colours = (SITE / "colours.css").read_text(encoding="utf-8")
    files |= reference.pages(SITE / "reference", colours=colours, highlighting=highlighting)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    written = [folder / name for name in files]
    written.append(Path(shutil.copy(wheel, folder)))
    if any(this.uses_models for this in chapters):
        written.append(folder / "models.zip")
        written[-1].write_bytes(zipped_models())
    return written


def main() -> None:
    """Build all tutorials and say what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m tutorials.build", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/tutorials"))
    parser.add_argument("--only", nargs="+", default=[""], metavar="01",
                        help="chapters whose file names begin like this")  # fmt: skip
    options = parser.parse_args()
    scripts = [s for s in sorted(HERE.glob("[0-9]*.py")) if s.name.startswith(tuple(options.only))]
    if not scripts:
        parser.error(f"--only: no chapter begins with {' or '.join(options.only)}")
    wheels = sorted(Path("dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        parser.error("dist holds no wheel for the notebooks: run make wheel first")
    for path in build(scripts, options.folder.resolve(), wheels[-1]):
        print(path)


if __name__ == "__main__":
    main()
