"""What the README claims, done as it says."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

import minigrad
import minigrad as mg
from minigrad import nn, optim
from minigrad.cli import main
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


def test_the_cell_that_opens_the_readme_has_the_verdict_that_is_shown(mycell, capsys, monkeypatch):
    monkeypatch.chdir(mycell.parent)
    with pytest.raises(SystemExit, match="0"):
        main(["verify", "mycell.py:Coupled", "--budget", "60"])
    said = capsys.readouterr().out
    (shown,) = [text for _, text in BLOCKS if "$ minigrad verify mycell.py:Coupled\n┃" in text]
    row, total = shown.splitlines()[-2:]
    error = re.compile(r"✓ [1-9]e-1[5-7]")  # its digits are those of one processor's arithmetic
    assert error.sub("", row) in error.sub("", said) and error.search(row)
    assert total in said.splitlines()


def test_the_verdict_on_a_backward_written_by_hand_is_what_is_shown(tmp_path):
    text = next(text for text in PYTHON if "def lstm_backward" in text)
    (tmp_path / "mylstm.py").write_text(text, encoding="utf-8")
    shown = next(text for language, text in BLOCKS if "lstm_backward: ∂L/∂W" in text)
    script = tmp_path / "witness.py"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit, match="1"):
        main(["verify", f"{tmp_path}/mylstm.py", "--budget", "60", "--witness", str(script)])
    said = printed.getvalue().splitlines()
    for line in shown.splitlines()[1:]:
        known, witness, _ = line.partition("witness: ")
        if witness:  # its digits are those of one processor's arithmetic
            assert any(told.startswith(f"{known}witness: ∂L/∂W[0, 1]") for told in said)
        else:
            assert line in said
    assert "import minigrad" not in script.read_text(encoding="utf-8")


def test_a_backward_is_right_with_the_line_that_its_verdict_gives(tmp_path):
    text = next(text for text in PYTHON if "def lstm_backward" in text)
    mended = text.replace("dc = dh * o * (1 - tc**2)", "dc = dh * o * (1 - tc**2) + dc_next")
    assert mended != text
    (tmp_path / "mended.py").write_text(mended, encoding="utf-8")
    assert verify(f"{tmp_path}/mended.py").status == 0


@pytest.mark.parametrize("name", ["nll", "layer_norm", "recurrent"])
def test_the_source_that_is_shown_is_what_compile_writes(name, tmp_path):
    (text,) = [text for text in PYTHON if f"def {name}(" in text]
    command = re.search(rf"minigrad compile (\w+)\.py:{name} (.*) -o (\w+\.py)", README)
    file, options, output = command.groups()
    (tmp_path / f"{file}.py").write_text(text, encoding="utf-8")
    output = tmp_path / output
    with pytest.raises(SystemExit, match="0"):
        main(["compile", f"{tmp_path}/{file}.py:{name}", *options.split(), "-o", str(output)])
    shown = re.search(rf"def {name}_backward\(.*?(?=\n\n\n|```)", README, re.DOTALL)[0]
    assert shown in output.read_text(encoding="utf-8")
    alone = subprocess.run([sys.executable, "-I", output], capture_output=True, text=True)
    assert alone.returncode == 0 and alone.stdout, alone.stderr
    assert {c.passed for c in verify(f"{output}:{name}_backward").checks} == {True}


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


def test_what_is_written_here_runs(tmp_path, monkeypatch):
    """The right column of the table for those who know PyTorch or Keras."""
    monkeypatch.chdir(tmp_path)
    weights = ROOT / "tests" / "references" / "keras.weights.h5"
    (tmp_path / "m.weights.h5").write_bytes(weights.read_bytes())
    x = mg.Tensor(np.ones((2, 3)), requires_grad=True)
    lstm = nn.LSTM(3, 4)
    keras_layer = nn.Linear(3, 4)
    known = {
        "mg": mg, "nn": nn, "np": np, "optim": optim, "a": [1.0, 2.0], "x": x, "y": (x * x).sum(),
        "s": np.ones((2, 5, 3)), "lstm": lstm, "mask": np.ones((2, 5), bool), "f": np.tanh,
        "model": nn.Sequential(nn.Linear(3, 4)), "keras_layer": keras_layer,
        "arrays": keras_layer.keras_weights(),
    }  # fmt: skip
    _, _, table = README.partition("| there | here |\n|---|---|\n")
    rows = [line.split("|")[2] for line in table.partition("\n\n")[0].splitlines()]
    codes = [code for row in rows for code in re.findall(r"`([^`]+)`", row)]
    codes.remove("np.concatenate((x, y), axis=1)")  # of two arrays like x
    np.concatenate((x, x), axis=1)
    assert len(codes) > 20
    for code in codes:
        exec(code, dict(known))


def test_every_make_target_that_is_named_exists():
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ )make (\w+)", README + contributing))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_the_wheel_that_is_named_is_the_one_that_make_wheel_builds():
    stem = f"{DISTRIBUTION.replace('-', '_')}-{minigrad.__version__}"
    assert set(re.findall(r"dist/([^\s\"\[]+)", README)) == {f"{stem}-py3-none-any.whl"}


def test_the_benchmark_table_is_of_the_measurements_that_are_kept():
    kept = (ROOT / "tests/benchmarks/results.txt").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| [^|]+ \| ([\d.]+ [mµ]?s) \| ([\d.]+ [mµ]?s) \| ([\d.]+) \|$", README, re.M
    )
    assert len(rows) >= 9
    for row in rows:
        assert re.search(
            r"  +".join(map(re.escape, row[:2])) + r" .* " + re.escape(row[2]), kept
        ), row


def test_every_name_of_minigrad_that_is_told_exists():
    named = set(re.findall(r"`(?:mg|minigrad)\.([a-z_.A-Z]+)", README))
    moved = README.partition("from minigrad import grad`")[2].partition("\n")[0]
    named |= set(re.findall(r"`(\w+)`", moved))
    assert len(named) > 20
    for name in named:
        attrgetter(name)(minigrad)
