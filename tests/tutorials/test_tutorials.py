"""Tutorials run as scripts, their solutions solve, and both languages tell the same story."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9]*.py"))
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)

# Runs the script as `python script` does, then each solution in what it left behind.
RUN = """
import runpy, sys
names = runpy.run_path(sys.argv[1], run_name="__main__")
for solution in sys.argv[2:]:
    exec(solution, names)
"""

each = pytest.mark.parametrize("script", TUTORIALS, ids=lambda script: script.stem)


def prose(script: Path) -> list[tuple[int, str, str]]:
    """Position, language and text of each Markdown cell."""
    cells = jupytext.read(script).cells
    return [
        (k, cell.metadata.get("lang", ""), cell.source)
        for k, cell in enumerate(cells)
        if cell.cell_type == "markdown"
    ]


def solutions(script: Path, language: str) -> list[str]:
    return [
        found for _, lang, text in prose(script) if lang == language
        for found in SOLUTION.findall(text)
    ]  # fmt: skip


def test_there_are_tutorials():
    assert TUTORIALS


@each
def test_it_runs_as_a_script_and_its_solutions_pass_their_own_checks(script, tmp_path):
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(script), *solutions(script, "en")],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^seed: \d+$", done.stdout, re.MULTILINE)
    for number in range(1, len(solutions(script, "en")) + 1):
        assert f"exercise {number}: right" in done.stdout
    assert any((tmp_path / "build" / "tutorials").iterdir())


@each
def test_each_prose_cell_in_english_has_its_spanish_twin_right_after_it(script):
    cells = prose(script)
    assert cells and len(cells) % 2 == 0
    for (k, first, text), (j, second, twin) in zip(cells[::2], cells[1::2], strict=True):
        assert (first, second) == ("en", "es"), f"cell {k}: {text[:60]!r}"
        assert j == k + 1, f"cell {k} has code between it and its twin: {text[:60]!r}"
        assert text != twin, f"cell {k} is not translated: {text[:60]!r}"
        assert headings(text) == headings(twin), f"cell {k}: other headings than its twin"


def headings(text: str) -> list[int]:
    """The depth of each heading, outside of code."""
    return [len(m) for m in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.S), re.M)]


@each
def test_solutions_are_the_same_code_in_both_languages(script):
    assert solutions(script, "en") == solutions(script, "es")
    assert len(solutions(script, "en")) >= 3
