"""Run every tutorial; write notebooks, slides and a site that needs no network, in both languages.

``python -m tutorials.build [FOLDER] [--only 01 …]`` (build/tutorials by default). `chapters` reads
the scripts, `execution` runs what has changed since the last time, and this makes of each chapter
a page, a notebook and a deck of slides. The reference stands beside them.

In a page, hints and solutions are folded, and so is the code of cells with the tag ``plot``. A
notebook holds a solution's code as text: whoever runs all cells runs their own answers. It needs
the wheel (``make wheel``), which stands beside it and is installed where minigrad is missing; the
wheel does not hold `models`, which stands there as ``models.zip``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
import shutil
import zipfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from latex2mathml.converter import convert
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from minigrad.tutorial import Live
from tutorials import gallery, reference
from tutorials.chapters import (
    CHOICE,
    CODE,
    HEADING,
    LANGUAGES,
    STEP,
    Chapter,
    chapter,
    read,
    tagged,
)
from tutorials.execution import execute, library

HERE = Path(__file__).parent
SITE = HERE / "site"
WORDS = {
    "en": {
        "language": "English", "solution": "Solution", "plot": "Code of the figure",
        "figure": "Figure", "hint": "Hint", "right": "Right", "wrong": "No",
        "previous": "Previous", "next": "Next", "contents": "Contents",
        "notebook": "Download this chapter as a notebook",
        "slides": "Slides of this chapter",
        "setup": "The notebook's language; and minigrad, if it is missing (on Colab, for example).",
        "missing": "{file} is missing: download it from where you got this notebook, and put it "
                   "beside the notebook",
    },
    "es": {
        "language": "Español", "solution": "Solución", "plot": "Código de la figura",
        "figure": "Figura", "hint": "Pista", "right": "Correcto", "wrong": "No",
        "previous": "Anterior", "next": "Siguiente", "contents": "Índice",
        "notebook": "Descargar este capítulo como cuaderno",
        "slides": "Diapositivas de este capítulo",
        "setup": "El idioma del cuaderno; y minigrad, si falta (en Colab, por ejemplo).",
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
FORMULA = re.compile(CODE.pattern + r"|(\${1,2})([^$]+)\1", re.DOTALL)


def zipped_models() -> bytes:
    """The package `models` as a zip that Python imports from; the same for the same sources."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((HERE.parent / "models").glob("*.py")):
            entry = zipfile.ZipInfo(f"models/{path.name}")  # dated 1980
            file.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def for_download(notebook: NotebookNode, this: Chapter, wheel: str) -> NotebookNode:
    """The notebook as people download it: it sets itself up, and solves nothing for them.

    Args:
        notebook: of one language, run or not.
        this: the chapter.
        wheel: the file name of the wheel that stands beside it.
    """
    result, words = deepcopy(notebook), WORDS[this.language]
    missing = words["missing"].format
    source = SETUP.format(
        comment=words["setup"], language=this.language, wheel=wheel, missing=missing(file=wheel)
    )
    if this.uses_models:
        source += MODELS.format(missing=missing(file="models.zip"))
    cells = [nbformat.v4.new_code_cell(source, id="setup")]
    for cell in result.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(Live.mimetype, None)
        if tagged(cell, "hint"):
            cell.source = hints(cell.source, this.language)
        elif tagged(cell, "quiz"):
            cell.source = choices(cell.source, this.language)
        elif tagged(cell, "solution"):
            shown = cell.source
            if cell.cell_type == "code":
                shown = f"```python\n{shown}\n```"
                cell = nbformat.v4.new_markdown_cell(id=cell.id, metadata=cell.metadata)
            summary = words["solution"]
            cell.source = f"<details><summary>{summary}</summary>\n\n{shown}\n\n</details>"
        cells.append(cell)
    result.cells = cells
    return result


def hints(source: str, language: str) -> str:
    """Numbered hints as folds, each inside the one before it."""
    folds = ""
    for number, step in reversed([*enumerate(STEP.findall(source), 1)]):
        summary = f"{WORDS[language]['hint']} {number}"
        folds = (
            f'<details class="hint"><summary>{summary}</summary>\n\n{_unwrapped(step)}\n\n'
            f"{folds}</details>\n"
        )
    return folds


def choices(source: str, language: str) -> str:
    """A question whose choices, once they are opened, say whether they are right and why."""
    question = source[: CHOICE.search(source).start()].strip()
    lines = [question, ""]
    for mark, choice, why in CHOICE.findall(source):
        verdict = "right" if mark == "x" else "wrong"
        said = f"**{'✓' if mark == 'x' else '✗'} {WORDS[language][verdict]}.** {_unwrapped(why)}"
        summary = markdown2html(with_mathml(_unwrapped(choice))).strip()
        summary = summary.removeprefix("<p>").removesuffix("</p>")
        lines += [
            f'<details class="choice {verdict}"><summary>{summary}</summary>', "", said, "",
            "</details>", "",
        ]  # fmt: skip
    return "\n".join(lines)


def _unwrapped(prose: str) -> str:
    return " ".join(prose.split())


def page(notebook: NotebookNode, this: Chapter, chapters: list[Chapter], wheel: str) -> str:
    """The chapter as a page of the site: formulas in MathML, solutions folded."""
    shown = deepcopy(notebook)
    section = this.title
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            section = [section, *HEADING.findall(CODE.sub("", cell.source))][-1]
            if tagged(cell, "hint"):
                cell.source = hints(cell.source, this.language)
            elif tagged(cell, "quiz"):
                cell.source = choices(cell.source, this.language)
            cell.source = with_mathml(cell.source)
        cell.metadata["alt"] = f"{WORDS[this.language]['figure']}: {section}"
        for output in cell.get("outputs", ()):
            if in_columns(output.get("text", "")):
                cell.metadata["columns"] = True
            data = output.get("data", {})
            for kind in ("text/markdown", "text/latex"):
                if kind in data:
                    data["text/markdown"] = with_mathml(data.pop(kind))
        if "outputs" in cell:
            cell.outputs = alive(cell.outputs, cell.metadata["alt"])
    is_solution = [tagged(cell, "solution") for cell in shown.cells]
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


def in_columns(printed: str) -> bool:
    """Whether this is a table or code: on a narrow screen it is scrolled; prose is wrapped."""
    lines = printed.splitlines()
    gaps = sum(bool(re.search(r"(^|\S) {2,}\S", line)) for line in lines)
    return gaps > 1 and 2 * gaps > len(lines) and max(map(len, lines)) <= 80


def alive(outputs: list[NotebookNode], title: str) -> list[NotebookNode]:
    """Outputs of a cell; where one is a live figure, the pictures beside it stand still in it.

    The script of the site replaces them; without it they remain.
    """
    found = [o.data[Live.mimetype] for o in outputs if Live.mimetype in o.get("data", {})]
    if not found:
        return outputs
    still = "".join(_picture(output.get("data", {}), title) for output in outputs)
    others = [output for output in outputs if output.output_type == "stream"]
    data = json.dumps(found[0]["data"], ensure_ascii=False).replace("</", "<\\/")
    html = (
        f'<div class="live" data-figure="{found[0]["figure"]}">'
        f'<div class="still">{still}</div><script type="application/json">{data}</script></div>'
    )
    return [*others, nbformat.v4.new_output("display_data", {"text/html": html})]


def live_script() -> str:
    """The script of all live figures, readable as it is."""
    return "\n".join(
        (SITE / name).read_text(encoding="utf-8") for name in ("live.js", "figures.js")
    )


def with_mathml(prose: str) -> str:
    """Markdown with MathML in place of $…$ and $$…$$, which shows without a network."""

    def formula(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0]  # code
        tex = match[2].replace(r"\displaystyle", "").strip()
        if match[1] == "$$":  # MathML scrolls by itself only with its top and bottom cut off
            return f'<div class="formula">{convert(tex, display="block")}</div>'
        made = convert(tex, display="inline")
        return made.replace("<math ", '<math class="long" ', 1) if len(tex) > 32 else made

    return FORMULA.sub(formula, prose)


def slides(notebook: NotebookNode, this: Chapter) -> str:
    """A lecturer's deck: the question, then each section's formulas and figures, then the quiz."""
    deck: list[dict[str, Any]] = [{"title": this.title, "lead": this.question, "shown": []}]
    for cell in notebook.cells:
        if tagged(cell, "solution") or tagged(cell, "hint"):
            continue
        if tagged(cell, "quiz"):
            deck.append({"shown": [_html(choices(cell.source, this.language))]})
        elif cell.cell_type == "markdown":
            for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
                if heading := re.match(r"## ([^\n]+)\n+((?:(?!\n\n|\$\$).)*)", part, re.DOTALL):
                    lead = re.match(r".+?[.?!:](?=\s|$)", _unwrapped(heading[2]))
                    deck.append({"title": heading[1], "lead": lead[0] if lead else "", "shown": []})
                found = re.findall(r"\$\$[^$]+\$\$", CODE.sub("", part))
                deck[-1]["shown"] += [_html(formula) for formula in found]
        for output in cell.get("outputs", ()):
            if picture := _picture(output.get("data", {}), deck[-1].get("title", this.title)):
                deck[-1]["shown"].append(picture)
    full = [
        {**slide, "shown": [item], "title": slide.get("title", ""), "lead": lead}
        for slide in deck
        for item, lead in zip(slide["shown"] or [""], [slide.get("lead", ""), *[""] * 99],
                              strict=False)
        if item or slide is deck[0]
    ]  # fmt: skip
    for slide in full:
        slide["lead"] = _html(slide["lead"])
    return _render("slides.html.jinja", title=this.title, language=this.language, this=this,
                   deck=full)  # fmt: skip


def _html(prose: str) -> str:
    return str(markdown2html(with_mathml(prose)))


def _picture(data: dict[str, Any], title: str) -> str:
    """An output as it stands on a slide; nothing if it is only text."""
    if "image/svg+xml" in data:
        return str(data["image/svg+xml"])
    if "image/png" in data:
        return f'<img alt="{title}" src="data:image/png;base64,{data["image/png"]}">'
    return "".join(_html(data[kind]) for kind in ("text/latex", "text/markdown") if kind in data)


def contents(chapters: list[Chapter], language: str, *, with_gallery: bool = False) -> str:
    """The first page of the site in one language."""
    other = next(code for code in WORDS if code != language)
    same = [c for c in chapters if c.language == language]
    pages = {this.stem[:2]: this.page for this in same}
    return _render(
        "index.html.jinja", title="minigrad", language=language, chapters=same, pages=pages,
        topics=topics(), other=f"index.{other}.html", gallery=with_gallery,
    )  # fmt: skip


def topics() -> list[dict[str, str]]:
    """What a course on sequence models teaches, and which chapter, model and test have it."""
    text = (HERE / "topics.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


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


def build(
    scripts: list[Path],
    folder: Path,
    wheel: Path,
    *,
    kept: Path | None = None,
    apart: bool = False,
    with_gallery: bool = False,
    say: Any = lambda line: None,
) -> list[Path]:
    """Run the tutorials and write the site in both languages; the files written.

    Args:
        scripts: the chapters.
        folder: where the site goes.
        wheel: minigrad's wheel, which is copied there.
        kept: where runs and the reference are kept, so that only what has changed is made again.
        apart: run each language by itself, which takes longer and writes the same.
        with_gallery: draw the gallery too, to which the first page leads.
        say: called with each line of progress.

    Raises:
        ValueError: a prose cell has no twin.
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = {script.stem: read(script) for script in scripts}
    every = [
        chapter(script, notebooks[script.stem], language)
        for script in scripts
        for language in LANGUAGES
    ]
    done = execute(notebooks, kept=kept, apart=apart, say=say)
    files = {
        f"index.{language}.html": contents(every, language, with_gallery=with_gallery)
        for language in LANGUAGES
    }
    files["index.html"] = files["index.en.html"]
    files["live.js"] = live_script()
    files["speed.txt"] = (HERE.parent / "tests/benchmarks/results.txt").read_text(encoding="utf-8")
    for this in every:
        book = done[this.stem, this.language]
        notebook = for_download(book, this, wheel.name)
        files[this.notebook] = nbformat.writes(notebook) + "\n"
        files[this.page] = page(book, this, every, wheel.name)
        files[this.slides] = slides(book, this)
    files |= _reference(kept)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    written = [folder / name for name in files]
    written.append(Path(shutil.copy(wheel, folder)))
    if any(this.uses_models for this in every):
        written.append(folder / "models.zip")
        written[-1].write_bytes(zipped_models())
    if with_gallery:
        written.append(gallery.build(folder / "gallery"))
    return written


def _reference(kept: Path | None) -> dict[str, str]:
    """The reference's files, made again where the library or what shows it has changed."""
    shown_by = [
        HERE / "reference.py",
        SITE / "colours.css",
        *sorted((SITE / "reference").iterdir()),
    ]
    parts = (library().encode(), *(path.read_bytes() for path in shown_by))
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
    place = kept / f"reference-{key}.json" if kept else None
    if place and place.exists():
        return dict(json.loads(place.read_text(encoding="utf-8")))
    files = rendered_reference()
    if place:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(files), encoding="utf-8")
    return files


@cache
def rendered_reference() -> dict[str, str]:
    """What pdoc makes of the docstrings, which takes some seconds."""
    colours = (SITE / "colours.css").read_text(encoding="utf-8")
    return reference.pages(SITE / "reference", colours=colours, highlighting=highlighting)


def main() -> None:
    """Build all tutorials, and say what is being done and where to look."""
    parser = argparse.ArgumentParser(
        prog="python -m tutorials.build", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/tutorials"))
    parser.add_argument("--only", nargs="+", default=[""], metavar="01",
                        help="chapters whose file names begin like this")  # fmt: skip
    parser.add_argument("--kept", type=Path, default=Path("build/chapters"), metavar="FOLDER",
                        help="what has not changed since is taken from here")  # fmt: skip
    parser.add_argument("--apart", action="store_true",
                        help="run each language by itself; this writes the same")  # fmt: skip
    options = parser.parse_args()
    scripts = [s for s in sorted(HERE.glob("[0-9]*.py")) if s.name.startswith(tuple(options.only))]
    if not scripts:
        parser.error(f"--only: no chapter begins with {' or '.join(options.only)}")
    wheels = sorted(Path("dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        parser.error("dist holds no wheel for the notebooks: run make wheel first")

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        written = build(
            scripts, options.folder.resolve(), wheels[-1], kept=options.kept, apart=options.apart,
            with_gallery=options.only == [""], say=say,
        )  # fmt: skip
    except (CellExecutionError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    print(f"{len(written)} files; begin at {options.folder / 'index.html'}")


if __name__ == "__main__":
    main()
