"""What the README claims, done as it says."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from operator import attrgetter
from pathlib import Path

import pytest

import minigrad
from minigrad.extras import DISTRIBUTION
from minigrad.graph import draw
from minigrad.symbolic import derive
from minigrad.verify import verify

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]


@pytest.fixture
def mycell(tmp_path, monkeypatch):
    path = tmp_path / "mycell.py"
    path.write_text(PYTHON[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    sys.modules.pop("mycell", None)


@pytest.mark.parametrize("text", [text for text in PYTHON[1:] if "print(" in text])
def test_the_python_examples_print_what_they_say(text, mycell):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "README.md", "exec"), {})
    expected = re.findall(r"print\(.*\)  # (.*)", text)
    assert expected
    assert printed.getvalue().split("\n")[:-1] == expected


def test_the_derivation_that_is_shown_is_what_derive_prints(mycell):
    shown = next(text for language, text in BLOCKS if "∂L/∂W_f" in text)
    printed = derive(f"{mycell}:Coupled", wrt="W_f").text()
    for line in shown.splitlines():
        assert line in printed


def test_the_linter_says_what_is_shown(tmp_path):
    text = next(text for text in PYTHON if "backward_of" in text)
    (tmp_path / "mylayer.py").write_text(text, encoding="utf-8")
    (said,) = {c.failures for c in verify(f"{tmp_path}/mylayer.py:softmax_backward").checks}
    shown = next(text for language, text in BLOCKS if "softmax_backward:" in text)
    assert f"proof, exact, numeric: {said[0]}\n" in shown


@pytest.mark.parametrize(
    ("picture", "target", "options"),
    [("lstm", "lstm", {"steps": 3}), ("lstm-cell", "lstm", {"view": "cell"}),
     ("rnn-gradient", "rnn", {"view": "gradient", "steps": 30})],
)  # fmt: skip
def test_the_pictures_are_what_graph_draws(picture, target, options, tmp_path):
    """Up to font metrics, which are the machine's: the same things, in order and in colour."""
    assert f"tutorials/{picture}.svg" in README
    draw(target, tmp_path / "drawn.svg", **options)

    def words(path):
        return re.findall(r"<text[^>]*>([^<]*)", path.read_text(encoding="utf-8"))

    def colours(path):
        text = path.read_text(encoding="utf-8").replace('"#ffffff"', '"white"')
        return re.findall(r'(?:fill|stroke(?:-dasharray|-width|-opacity)?)="[^"]*"', text)

    assert words(tmp_path / "drawn.svg") == words(ROOT / "tutorials" / f"{picture}.svg")
    assert colours(tmp_path / "drawn.svg") == colours(ROOT / "tutorials" / f"{picture}.svg")


def test_the_whole_model_is_drawn_as_it_says(tmp_path):
    text = next(text for text in PYTHON if "def loss" in text)
    (tmp_path / "mymodel.py").write_text(text, encoding="utf-8")
    for view in re.findall(r"minigrad graph mymodel\.py:loss(?: --view (\w+))?", README):
        picture = draw(f"{tmp_path}/mymodel.py:loss", view=view or "unrolled")
        assert picture.steps == (0, 1, 2, 3)


def test_every_make_target_that_is_named_exists():
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ )make (\w+)", README + contributing))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_the_wheel_that_is_named_is_the_one_that_make_wheel_builds():
    stem = f"{DISTRIBUTION.replace('-', '_')}-{minigrad.__version__}"
    assert set(re.findall(r"dist/([^\s\"\[]+)", README)) == {f"{stem}-py3-none-any.whl"}


def test_every_name_of_minigrad_that_is_told_exists():
    named = set(re.findall(r"`(?:mg|minigrad)\.([a-z_.A-Z]+)", README))
    moved = README.partition("from minigrad import grad`")[2].partition("\n")[0]
    named |= set(re.findall(r"`(\w+)`", moved))
    assert len(named) > 20
    for name in named:
        attrgetter(name)(minigrad)
