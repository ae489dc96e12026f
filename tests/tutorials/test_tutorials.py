"""Tutorials run as scripts, their solutions solve, and both languages tell the same story."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tutorials.build import topics
from tutorials.chapters import LANGUAGES, chapter, in_language, read, tagged

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9]*.py"))

each = pytest.mark.parametrize("script", TUTORIALS, ids=lambda script: script.stem)


def test_each_topic_has_its_chapter_its_model_and_its_test():
    found = topics()
    assert {topic["chapter"] for topic in found} == {script.stem[:2] for script in TUTORIALS}
    for topic in found:
        assert topic["en"] and topic["es"]
        assert not topic["model"] or (ROOT / "models" / f"{topic['model']}.py").exists()
        file, _, name = topic["test"].partition("::")
        assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


def tagged_code(script: Path, tag: str) -> list[str]:
    return [
        cell.source for cell in read(script).cells
        if cell.cell_type == "code" and tag in cell.metadata.get("tags", ())
    ]  # fmt: skip


def test_the_chapters_are_numbered_without_gaps():
    assert TUTORIALS
    assert [int(t.stem[:2]) for t in TUTORIALS] == list(range(1, len(TUTORIALS) + 1))


@each
def test_it_runs_as_a_script_and_its_solutions_pass_their_own_checks(script, tmp_path):
    """Texts of both languages are evaluated in any run; the language only chooses."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    no_window = "ignore:FigureCanvasAgg is non-interactive:UserWarning"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", no_window, str(script)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^seed: \d+$", done.stdout, re.MULTILINE)
    assert "✗" not in done.stdout
    asked = set(re.findall(r"^○ (\d)", done.stdout, re.MULTILINE))
    solved = set(re.findall(r"^✓ (\d)", done.stdout, re.MULTILINE))
    assert 3 <= len(asked) <= 5
    assert solved == asked
    assert not any(tmp_path.iterdir()), "a tutorial leaves files behind"


@each
def test_each_prose_cell_in_english_has_its_spanish_twin_right_after_it(script):
    read(script)  # raises if not


@each
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_opens_with_a_question(script, language):
    asked = chapter(script, read(script), language).question
    assert asked.endswith("?")


@each
def test_every_exercise_has_its_solution(script):
    source = "\n".join(cell.source for cell in read(script).cells if cell.cell_type == "code")
    assert set(re.findall(r'check\(f?"(\d)', source)) == {
        number
        for code in tagged_code(script, "solution")
        for number in re.findall(r'check\(f?"(\d)', code)
    }


@each
def test_every_exercise_has_hints_before_its_solution_and_a_chapter_ends_with_five_questions(
    script,
):
    """That a hint has three steps, and a question one right choice, `read` sees to."""
    kinds = [
        "hint" if tagged(cell, "hint") else "solution"
        for cell in in_language(read(script), "en").cells
        if tagged(cell, "hint") or (tagged(cell, "solution") and cell.cell_type == "markdown")
    ]
    assert kinds == ["hint", "solution"] * (len(kinds) // 2)
    questions = [cell for cell in in_language(read(script), "es").cells if tagged(cell, "quiz")]
    assert [int(cell.source.split("**")[1].split(".")[0]) for cell in questions] == [1, 2, 3, 4, 5]


@each
def test_no_cell_needs_a_solution_that_a_reader_may_not_have_run(script):
    """Names that only solutions define are read in solutions only."""
    known: set[str] = set()
    only_solved: set[str] = set()
    for cell in read(script).cells:
        if cell.cell_type != "code":
            continue
        nodes = list(ast.walk(ast.parse(cell.source)))
        made = {node.id for node in nodes if isinstance(node, ast.Name) and not _reads(node)}
        made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if tagged(cell, "solution"):
            only_solved |= made - known
        else:
            read_here = {node.id for node in nodes if isinstance(node, ast.Name) and _reads(node)}
            assert not (read_here - made) & only_solved
            known |= made
            only_solved -= made


def _reads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)
