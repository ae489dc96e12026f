"""Chapters as they are written: one script for both languages, read, checked and put into words.

Prose stands twice, an English cell and its Spanish twin right after it. Code stands once: what it
prints goes through ``text("English", "español")``, and in comments and docstrings ``English ||
español`` gives both; ``# || español`` may also stand on a line of its own below its comment. A
reader of one language sees neither: `in_words` leaves one of the two.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

LANGUAGES = ("en", "es")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FIELD = re.compile(r"\{text\('([^']*)', '([^']*)'\)(:[^{}]*)?\}")
IMPORTS_MODELS = re.compile(r"^(?:from|import) models\b", re.MULTILINE)
CHOICE = re.compile(r"^- \[([ x])\] (.+?) :: (.+?)(?=\n- \[|\Z)", re.MULTILINE | re.DOTALL)
BELOW = re.compile(r"((?:^[ ]*# (?!.*\|\| ).*\n)+)([ ]*# )\|\| (.*\n?)", re.MULTILINE)
STEP = re.compile(r"^\d\. (.+?)(?=\n\d\. |\Z)", re.MULTILINE | re.DOTALL)


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

    @property
    def slides(self) -> str:
        """The file name of the lecturer's slides."""
        return f"{self.stem}.{self.language}.slides.html"

    @property
    def notebook(self) -> str:
        """The notebook's file name."""
        return f"{self.stem}.{self.language}.ipynb"


def read(script: Path) -> NotebookNode:
    """The notebook in a script, its prose checked and its cells numbered.

    Raises:
        ValueError: a prose cell has no twin.
    """
    notebook = jupytext.read(script)
    if faults := [*untwinned(notebook), *unfinished(notebook)]:
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
    """What twins share: tags, depth of headings, blocks of code, which answers are right."""
    blocks = re.findall(r"```.*?```", cell.source, re.DOTALL)
    headings = re.findall(r"^#+(?= )", CODE.sub("", cell.source), re.MULTILINE)
    marks = [mark for mark, _, _ in CHOICE.findall(cell.source)]
    return cell.metadata.get("tags"), headings, blocks, marks


def unfinished(notebook: NotebookNode) -> Iterator[str]:
    """What is wrong with hints, which come in three steps, and with questions to be marked."""
    for cell in notebook.cells:
        start = repr(cell.source[:50])
        if tagged(cell, "hint") and len(STEP.findall(cell.source)) != 3:
            yield f"expected three numbered hints at {start}"
        if tagged(cell, "quiz"):
            choices = CHOICE.findall(cell.source)
            if len(choices) < 3 or [mark for mark, _, _ in choices].count("x") != 1:
                yield f"expected three or more choices, each with its reason, one right, at {start}"


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether the cell has this tag."""
    return tag in cell.metadata.get("tags", ())


def uses_models(notebook: NotebookNode) -> bool:
    """Whether some cell imports `models`."""
    code = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    return any(map(IMPORTS_MODELS.search, code))


def has_data_of_each_language(notebook: NotebookNode) -> bool:
    """Whether the chapter computes something else in each language, and not only says it."""
    return bool(notebook.metadata.get("minigrad", {}).get("data_of_each_language"))


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


def in_language(notebook: NotebookNode, language: str) -> NotebookNode:
    """The notebook with the prose and the code of one language."""
    chosen = deepcopy(notebook)
    chosen.cells = [c for c in chosen.cells if c.metadata.get("lang", language) == language]
    code = [cell for cell in chosen.cells if cell.cell_type == "code"]
    for cell in code:
        cell.source = in_words(cell.source, language)
    if not any("text(" in re.sub(r"\.text\(", "", cell.source) for cell in code):
        for cell in code:
            cell.source = re.sub(
                r"^(from minigrad\.tutorial import .*?)(?:, text\b|\btext, )", r"\1", cell.source,
                flags=re.MULTILINE,
            )  # fmt: skip
    return chosen


def in_words(code: str, language: str) -> str:
    """Code with the words of one language in place of ``text(…, …)`` and of ``… || …``.

    Raises:
        ValueError: a ``text`` inside an f-string is not written with single quotes.
    """
    which = LANGUAGES.index(language)
    code = FIELD.sub(partial(_field, which=which), code)
    lines = code.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines))]
    data = code.encode()
    calls = [
        node for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        and node.func.id == "text" and len(node.args) == 2
    ]  # fmt: skip
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        first, last = (
            starts[line - 1] + column
            for line, column in (
                (call.lineno, call.col_offset),
                (call.end_lineno or 0, call.end_col_offset or 0),
            )
        )
        if not data[first:last].startswith(b"text("):
            raise ValueError(f"write text('…', '…') with single quotes in f-strings: {code}")
        said = ast.get_source_segment(code, call.args[which]) or ""
        data = data[:first] + said.encode() + data[last:]
    return _comments(data.decode(), which).replace("  # fmt: skip", "")


def _field(match: re.Match[str], *, which: int) -> str:
    """A field of an f-string: its words themselves, or quoted before a format."""
    said = match[1 + which]
    return f"{{'{said}'{match[3]}}}" if match[3] else said


def _comments(code: str, which: int) -> str:
    """Code in whose comments and docstrings one language is left of ``English || español``."""
    if "|| " not in code:
        return code
    code = BELOW.sub(r"\2\3" if which else r"\1", code)
    lines = code.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        if token.type not in (tokenize.COMMENT, tokenize.STRING) or "|| " not in token.string:
            continue
        row, column = token.start
        mark = re.match(r'#\s*|[rf]*"""|[rf]*["\']', token.string)
        opening = mark[0] if mark else ""
        closing = "" if token.type == tokenize.COMMENT else opening.lstrip("rf")
        inner = token.string[len(opening) : len(token.string) - len(closing)]
        said = opening + re.split(r"\s+\|\|\s+", inner)[which].rstrip() + closing
        rest = lines[token.end[0] - 1][token.end[1] :]
        lines[row - 1 : token.end[0]] = [lines[row - 1][:column] + said + rest]
    return "".join(lines)
