"""Tutorials run as scripts, their solutions solve, and both languages tell the same story."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tutorials.chapters import LANGUAGES, chapter, read

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9]*.py"))

each = pytest.mark.parametrize("script", TUTORIALS, ids=lambda script: script.stem)


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
