"""The command line compiles functions: what it writes, and what it says about mistakes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from minigrad.cli import main
from minigrad.targets import TargetError
from minigrad.targets.inputs import example, examples

FILE = """
import numpy as np
import minigrad as mg
from minigrad import nn

def energy(x, W, scale=0.5):
    h = np.tanh(x @ W)
    return scale * (h ** 2).sum()

def branches(x):
    return x if x.sum() > 0 else -x

def two_layers(params, x):
    hidden = np.log(x) @ params["W"]
    return sum((hidden * v).sum() for v in params["rest"])

def fails(x):
    return x + {}["nothing"]

def forgets(x):
    y = np.tanh(x)

tanh = np.tanh

def fills(x):
    y = np.zeros(3)
    y[0] = x.sum()
    return y

model = nn.Sequential(nn.Linear(3, 4, rng=0), mg.relu)
compiled = mg.jit(energy)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["compile", *map(str, arguments)])
    shown = capsys.readouterr()
    return end.value.code, shown.out, shown.err


@pytest.mark.parametrize("name", ["energy", "compiled"])
def test_a_function_is_written_and_the_file_runs(file, tmp_path, capsys, name):
    output = tmp_path / "gradient.py"
    status, out, _ = command(capsys, f"{file}:{name}", "--input", "x=3x4", "--input", "W=4x2",
                             "-o", output)  # fmt: skip
    assert (status, out) == (0, f"wrote {output}\n")
    names = {"__name__": "written"}
    exec(output.read_text(), names)
    x, W, scale = names["example_inputs"]()
    y, cache = names[f"{name}_forward"](x, W, scale)
    dx, dW, _ = names[f"{name}_backward"](1.0, cache)
    h = np.tanh(x @ W)
    np.testing.assert_allclose(y, scale * (h**2).sum())
    np.testing.assert_allclose(dW, x.T @ (2 * scale * h * (1 - h**2)))
    assert dx.shape == x.shape


def test_the_file_that_is_written_is_judged_like_code_of_a_person(file, tmp_path, capsys):
    output = tmp_path / "gradient.py"
    command(capsys, f"{file}:energy", "--input", "x=3x4", "--input", "W=4x2", "-o", output)
    wrong = tmp_path / "wrong.py"
    wrong.write_text(output.read_text().replace("dW = x.T @", "dW = 2 * x.T @"))
    for path, expected in ((output, 0), (wrong, 1)):
        with pytest.raises(SystemExit) as end:
            main(["verify", f"{path}:energy_backward"])
        shown = capsys.readouterr()
        assert end.value.code == expected
    assert "∂L/∂W is wrong" in shown.out + shown.err


def test_a_model_is_shown_and_described(file, capsys):
    status, out, _ = command(capsys, f"{file}:model", "--input", "x=5x3", "--show")
    assert status == 0
    assert "def model_forward(x, weight, bias):" in out
    status, out, _ = command(capsys, f"{file}:model", "--input", "x=float32:5x3")
    assert status == 0
    assert "value and gradient as two programs" in out
    assert "KiB for what is in between" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["energy", "--input", "x=3x4"], "it needs W; give an example of each: --input W=3x4"),
        (["energy", "--input", "v=3"], "it has no argument 'v'; it takes x, W, scale"),
        (["energy", "--input", "x=3,4"], "--input x=3,4: expected NAME=SHAPE"),
        (
            ["fails", "--input", "x=3"],
            "fails: calling it failed: KeyError: 'nothing'; in mine.py, "
            'line 18: `return x + {}["nothing"]`',
        ),
        (["fills", "--input", "x=3"], "make that with mg.zeros(shape)"),
        (["energy", "--input", "x=float:1..1:3"], "there is no number between 1 and 1"),
        (["energy", "--input", "x=3", "--input", "x.W=3"], "x is an array already"),
        (["branches", "--input", "x=3"], "line 11: `return x if x.sum() > 0 else -x`"),
        (["forgets", "--input", "x=3"], "it returns no array and changes none"),
        (["tanh"], "got a function that is not written in Python"),
        (["nothing"], "has no 'nothing'"),
    ],
)
def test_mistakes_are_one_line(file, capsys, arguments, message):
    name, *rest = arguments
    status, _, error = command(capsys, f"{file}:{name}", *rest)
    assert status == 2
    assert message in error
    assert error.count("\n") == 1


def test_examples_may_be_entries_of_dicts_and_lie_in_a_range(file, tmp_path, capsys):
    output = tmp_path / "gradient.py"
    entries = ["params.W=4x2", "params.rest.0=2", "params.rest.1=3x2"]
    given = [text for entry in entries for text in ("--input", entry)]
    status, _, error = command(capsys, f"{file}:two_layers", *given, "--input",
                               "x=float:1..2:3x4", "-o", output)  # fmt: skip
    assert (status, error) == (0, "")
    done = subprocess.run([sys.executable, "-I", "-W", "error", output], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    status, _, error = command(capsys, f"{file}:two_layers", *given, "--input", "x=3x4", "--show")
    assert "invalid value encountered in log at the examples" in error


def test_examples_of_every_kind():
    draws = np.random.default_rng(0)
    assert example("x=()", draws)[1].shape == ()
    assert example("m=bool:2x3", draws)[1].dtype == bool
    assert example("x=float32:2x3", draws)[1].dtype == np.float32
    name, k = example("k=int:3..5:200", draws)
    assert (name, set(k.tolist())) == ("k", {3, 4})
    with pytest.raises(TargetError, match="no whole number from 5 to 5"):
        example("k=int:5..5:2", draws)
    assert examples("f", lambda a, b=2.0, *rest, **more: a, ["a=3"]).keys() == {"a", "b"}
