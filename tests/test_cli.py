"""Claims about the command line: in a process of its own, once, and in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minigrad.cli import main
from minigrad.graph import Graph

CELL = """
from minigrad import sigmoid, tanh
from minigrad.nn import Cell


class Coupled(Cell):
    state = ("h", "c")
    gates = ("f", "g", "o")

    def step(self, x, h, c):
        f = sigmoid(self.f(h, x))
        c = f * c + (1 - f) * tanh(self.g(h, x))
        return sigmoid(self.o(h, x, c)) * tanh(c), c
"""


def in_a_process(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A run as a user has it."""
    return subprocess.run(
        [sys.executable, "-m", "minigrad", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


@pytest.fixture
def minigrad(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, on_trial: None
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The same run in this process, which has loaded everything already; an error is not caught."""

    def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(left.value.code or 0), said.out, said.err)

    path, loaded = sys.path[:], set(sys.modules)
    yield run
    sys.path[:] = path
    for name in sys.modules.keys() - loaded:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == Path.cwd():
            del sys.modules[name]


def test_a_cell_of_one_s_own_goes_through_verify_derive_and_graph(minigrad, tmp_path):
    (tmp_path / "mycell.py").write_text(CELL)
    target = "mycell.py:Coupled"
    verified = minigrad("verify", target, "--json", "r.json", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads((tmp_path / "r.json").read_text())["passed"] is True
    derived = in_a_process("derive", "mycell:Coupled", "--wrt", "W_f", cwd=tmp_path)
    assert "∂L/∂W_f = Σ_t δa^f_t [h_{t−1}, x_t]ᵀ" in derived.stdout
    drawn = minigrad("graph", target, "--steps", 2, "-o", "cell.svg", cwd=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    assert "σ(W·[h, x, c] + b)" in (tmp_path / "cell.svg").read_text()


def test_a_wrong_rule_exits_with_1_and_names_it(minigrad, tmp_path):
    (tmp_path / "wrong.py").write_text(
        "import numpy as np\nimport minigrad as mg\n"
        "cube = mg.elementwise('cube', lambda x: x * x * x,\n"
        "    partials=(lambda y, x: 2 * x * x,), symbol=lambda x: x**3)\n"
    )
    done = minigrad("verify", "wrong.py:cube", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "cube" in done.stdout
    assert json.loads((tmp_path / "r.json").read_text())["passed"] is False


OWN_RULES = """
import numpy as np
import minigrad as mg

reverse = mg.linear("reverse", lambda x: x[::-1], adjoints=(lambda g, x: g[::-1],),
                    samples=(mg.sample((3, 2)),))
scaled = mg.bilinear("scaled", lambda a, b: a * b, adjoints=(lambda g, a, b: g * b,
                     lambda g, a, b: g * a), samples=(mg.sample((2, 3), (3,)),))
softsign = mg.fused("softsign", lambda x: x / np.sqrt(1 + x * x),
                    vjps=(lambda g, y, x: g / np.sqrt(1 + x * x) ** 3,),
                    reference=lambda x: x / np.sqrt(1 + x * x), samples=(mg.sample((1,)),))
bare = mg.linear("bare", lambda x: 2 * x, adjoints=(lambda g, x: 2 * g,))
"""


@pytest.mark.parametrize("name", ["reverse", "scaled", "softsign"])
def test_a_rule_of_one_s_own_is_judged_and_drawn_like_a_built_in_one(minigrad, tmp_path, name):
    (tmp_path / "rules.py").write_text(OWN_RULES)
    done = minigrad("verify", f"rules.py:{name}", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = minigrad("graph", f"rules.py:{name}", "-o", "rule.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_rule_without_samples_is_told_what_it_lacks(minigrad, tmp_path):
    (tmp_path / "rules.py").write_text(OWN_RULES)
    done = minigrad("verify", "rules.py:bare", cwd=tmp_path)
    assert done.returncode == 2
    assert "carries no samples=" in done.stderr


BACKWARDS = """
import numpy as np
from minigrad.verify import backward_of

def linear(x, W, b):
    return x @ W + b

@backward_of(linear, example_inputs=[(4, 5), (5, 3), (3,)])
def right(g, x, W, b):
    return g @ W.T, x.T @ g, g.sum(axis=0)

@backward_of(linear, example_inputs=[(4, 5), (5, 3), (3,)])
def wrong(g, x, W, b):
    return g @ W.T, x.T @ g, g

@backward_of(linear, example_inputs=[(4, 5), (4, 3), (3,)])
def misfit(g, x, W, b):
    return g, g, g
"""


def test_a_backward_written_by_hand_is_told_what_is_right_and_what_is_wrong(minigrad, tmp_path):
    (tmp_path / "layer.py").write_text(BACKWARDS)
    done = minigrad("verify", "layer.py:right", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "right: ∂L/∂W is right\n  proof: an identity for every real input" in done.stdout
    done = minigrad("verify", "layer.py:wrong", "--report", "pages", cwd=tmp_path)
    assert done.returncode == 1
    told = "line 14, `g`, g is not summed over axis 0; it is right as `g.sum(axis=0)`"
    assert told in done.stdout
    assert "wrong: ∂L/∂x is right" in done.stdout
    assert "not summed over axis 0" in (tmp_path / "pages" / "index.html").read_text()
    done = minigrad("verify", "layer.py:misfit", cwd=tmp_path)
    assert done.returncode == 2
    assert "forward fails on the example inputs" in done.stderr
    for command in ("derive", "graph"):
        done = minigrad(command, "layer.py:right", cwd=tmp_path)
        assert done.returncode == 2
        assert "got a backward, expected a cell" in done.stderr


MODEL = """
import numpy as np
import minigrad as mg
from minigrad import nn

words, lstm, scores = nn.Embedding(20, 8), nn.LSTM(8, 16), nn.Linear(16, 20)

def loss(length=4):
    text = np.array([[3, 1, 4, 1, 5]])
    y, _ = lstm(words(text[:, :length]))
    return nn.cross_entropy(scores(y), text[:, 1 : 1 + length])

def needs(text): return loss()
def fails(): raise RuntimeError("no\\nwords")
def number(): return 3.0
def unrecorded():
    with mg.no_grad():
        return loss()

def also_states():
    y, states = lstm(words(np.array([[3, 1, 4]])))
    return y, states

value = loss()
given = mg.Tensor([1.0], requires_grad=True)
freed = loss()
freed.backward()
"""


def test_a_whole_model_is_drawn_by_what_a_function_returns(minigrad, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    for name, steps in (("loss", {0, 1, 2, 3}), ("also_states", {0, 1, 2})):
        done = minigrad("graph", f"model.py:{name}", "-o", "graph.json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        graph = Graph.from_json((tmp_path / "graph.json").read_text())
        assert graph.title == name
        assert {node.step for node in graph.nodes} == steps | {None}
        assert all(node.gradient is not None for node in graph.nodes if node.requires_grad)
    done = minigrad("graph", "model:value", "-o", "value.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = minigrad("graph", "model.py:loss", "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


FUNCTION = """
import numpy as np

def distance(x, y):
    return np.sum((x - y) ** 2)
"""


def test_functions_of_arrays_are_targets_of_every_command_with_examples(minigrad, tmp_path):
    (tmp_path / "f.py").write_text(FUNCTION)
    for command, said in (
        ("verify", "1 right, 0 wrong, 0 undecided"),
        ("derive", "δx = 2 δL ∘ (x − y)"),
        ("graph", "digraph"),
        ("compile", "distance"),
    ):
        done = minigrad(command, "f.py:distance", "--input", "x=3", "--input", "y=3", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout


def test_options_say_which_inputs_are_differentiated_and_in_which_precision(minigrad, tmp_path):
    (tmp_path / "own.py").write_text(
        "import numpy as np\n"
        "def f(p, w, n):\n    return np.log(p) * w**n\n"
        "def f_grad(g, p, w, n):\n    return g * w**n / p, g * np.log(p), None\n"  # w is wrong
    )
    inputs = ["--input", "p=3", "--input", "w=3", "--input", "n=value:3"]
    options = ["--positive", "p", "--dtype", "float32", "--seed", "3", "--tolerance", "1e-4"]
    both = minigrad("verify", "own.py:f_grad", *inputs, *options, cwd=tmp_path)
    assert both.returncode == 1 and "f_grad: ∂L/∂w is wrong" in both.stdout
    one = minigrad("verify", "own.py:f_grad", *inputs, *options, "--constant", "w", cwd=tmp_path)
    assert one.returncode == 0, one.stdout
    assert "w is a constant: it is named as a constant" in one.stdout
    same = minigrad(
        "verify", "own.py:f_grad", *inputs, *options, "--differentiate", "p", cwd=tmp_path
    )
    assert same.returncode == 0 and "others are named" in same.stdout
    unknown = minigrad("verify", "own.py:f_grad", *inputs, "--constant", "v", cwd=tmp_path)
    assert unknown.returncode == 2 and "no input is called 'v'" in unknown.stderr
    without = minigrad("verify", "--constant", "v", cwd=tmp_path)
    assert without.returncode == 2 and "are for one target" in without.stderr


def test_a_whole_model_is_judged_by_its_loss(minigrad, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    done = minigrad("verify", "model.py:loss", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 right, 0 wrong, 0 undecided" in done.stdout


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        ("graph", "needs", "needs: it needs text; give an example of each: --input text=3x4"),
        ("graph", "fails", "calling it failed: line 14: RuntimeError: no words"),
        ("graph", "number", "it returned float, expected a Tensor or a tuple of Tensors"),
        ("graph", "unrecorded", "no operation was recorded"),
        ("graph", "given", "no operation was recorded"),
        ("graph", "freed", "a backward has freed the graph"),
        ("graph", "los", "it has loss, needs, fails, number, unrecorded, also_states"),
        ("verify", "value", "got a tensor, expected a cell, a layer, a primitive or a backward"),
        ("derive", "loss", "loss: no notation for the part [positions] of an array of"),
        ("compile", "value", "got a tensor, expected a recurrent cell"),
    ],
)
def test_what_is_no_model_to_draw_is_told_in_one_line(tmp_path, capsys, command, name, said):
    (tmp_path / "model.py").write_text(MODEL)
    with pytest.raises(SystemExit) as left:
        main([command, f"{tmp_path}/model.py:{name}"])
    assert left.value.code == 2
    told = capsys.readouterr()
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert not told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "lstn"], "did you mean 'lstm' or"),
        (["verify", "LSTM"], "did you mean 'lstm' or"),
        (["verify", ":f"], "no module before the colon, expected FILE.py:NAME"),
        (["verify", "folder.py"], "folder.py: Is a directory"),
        (["verify", "tanh", "--budget", "nan"], "nan is not a finite number"),
        (["verify", "tanh", "--seed", "1.5"], "'1.5' is not a valid whole number"),
        (
            ["verify", "tanh", "--input", "x=3"],
            "tanh: --input is for a function or a module of your own",
        ),
        (
            ["verify", "own.py:f", "--input", "x=3", "--input", "x=4"],
            "--input x: it is given twice",
        ),
        (["verify", "own.py:f", "--input", "x=9999999999x9999"], "too large, expected 100,000,000"),
        (["verify", "own.py:f", "--input", "x=３"], "expected NAME=SHAPE"),
        (["verify", "own.py:g", "--input", "x=3"], "has no 'g'; it has f, leaves"),
        (["verify", "own.py:leaf"], "did you mean 'leaves'?"),
        (["verify", "own.py:leaves"], "calling it failed: it called exit(7)"),
        (["derive", "lstm", "--wrt", "w_F"], "did you mean 'W_f'"),
        (["graph", "rnn", "--steps", "9" * 30], "is too large, expected 1000000000 at most"),
        (["graph", "rnn", "--measure"], "--measure: is for --view cost, got --view unrolled"),
        (["graph", "rnn", "--dpi", "1e7", "-o", "a.png"], "expected 1 to 32,767 each way"),
        (["graph", "rnn", "--dpi", "300", "-o", "a.svg"], "--dpi: is for a .png file, got a.svg"),
        (["verify", "lstn"], "`minigrad verify --list` lists the built-in names"),
        (["verify", "nowhere.py"], "nowhere.py: No such file"),
        (["verify", "none.py:Cell"], "No such file"),
        (["verify", "broken.py:Cell"], "SyntaxError"),
        (["verify", "os:sep"], "expected a subclass of minigrad.nn.Cell"),
        (["verify", "nomodule:Cell"], "ModuleNotFoundError"),
        (["verify", "tanh", "--json", "no/such/folder/r.json"], "no such folder"),
        (["verify", "tanh", "--report", "broken.py/out"], "broken.py"),
        (["derive", "lstm", "--wrt", "q"], "has no 'q'"),
        (["derive", "lstm", "--format", "docx"], "docx"),
        (["derive", "lstm", "-o", "lstm.docx"], "unknown ending '.docx'"),
        (["derive", "lstm", "-o", "no/such/folder/a.md"], "no such folder"),
        (["graph", "os:getcwd"], "it returned str, expected a Tensor"),
        (["graph", "lstm", "--steps", "0"], "--steps"),
        (["graph", "lstm", "--steps", "-3"], "--steps"),
        (["graph", "lstm", "--style", "neon"], "'neon' is not one of 'light', 'dark', 'print'"),
        (["graph", "lstm", "-o", "lstm.bmp"], "unknown ending .bmp"),
        (["graph", "lstm", "-o", "no/such/folder/a.svg"], "no such folder"),
        (["unknown"], "unknown"),
    ],
)
def test_bad_input_is_one_line_and_status_2(minigrad, tmp_path, arguments, said):
    (tmp_path / "broken.py").write_text("class Cell(:\n")
    (tmp_path / "own.py").write_text("def f(x):\n    return x\n\ndef leaves():\n    exit(7)\n")
    (tmp_path / "folder.py").mkdir()
    files = sorted(tmp_path.iterdir())
    done = minigrad(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert sorted(p for p in tmp_path.iterdir() if p.name != "__pycache__") == files


def test_help_lists_the_commands_and_explains_targets(minigrad, tmp_path):
    lines = [line.strip() for line in minigrad("--help", cwd=tmp_path).stdout.splitlines()]
    for command in ("verify", "derive lstm --wrt W_f", "graph lstm --steps 3", "compile lstm"):
        assert any(line.startswith(f"minigrad {command}") for line in lines)
    for command in ("verify", "derive", "graph"):
        assert "FILE.py:ATTRIBUTE" in minigrad(command, "--help", cwd=tmp_path).stdout


def test_the_report_folder_links_checks_derivations_and_graphs(minigrad, tmp_path):
    done = minigrad("verify", "rnn", "attention", "--report", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "index.html").read_text()
    for name in ("rnn", "attention"):
        for file in (
            f"{name}-derivation.html",
            f"{name}-derivation.tex",
            f"{name}.svg",
            f"{name}.html",
        ):
            assert (tmp_path / "out" / file).stat().st_size > 500
            assert f'href="{file}"' in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["passed"] is True


def test_a_derivation_is_printed_or_written_in_the_form_of_its_ending(minigrad, tmp_path):
    assert "δc_t" in minigrad("derive", "lstm", cwd=tmp_path).stdout
    for ending, start in ((".html", "<!doctype html>"), (".tex", r"\documentclass"), (".md", "# ")):
        minigrad("derive", "lstm", "-o", f"lstm{ending}", cwd=tmp_path)
        assert (tmp_path / f"lstm{ending}").read_text().startswith(start)


OWN_FILE = """
import numpy as np
import minigrad as mg
from minigrad import nn
from minigrad.nn import GRUCell
from minigrad.verify import backward_of, with_examples


class Leaky(nn.Cell):
    state = ("h",)
    gates = ("g",)

    def step(self, x, h):
        return 0.5 * h + 0.5 * mg.tanh(self.g(h, x))


class Wide(nn.Module):
    def __init__(self, a, b, c):
        super().__init__()


class Plain:
    pass


gru = nn.GRU(3, 4, rng=0)
doubled = mg.linear("NAME", lambda x: 2 * x, adjoints=(lambda g, x: 2 * g,),
                    samples=(mg.sample((2,)),))


@with_examples(x=(3,), w=(3,))
def scaled_forward(x, w, eps=1e-5):
    return x * w + eps, (x, w)


def scaled_backward(dout, cache):
    x, w = cache
    return dout * w, dout * x


@with_examples(x=(2, 3))
def power(x, n=3):
    return x**n


def power_grad(g, x):
    return 3 * g * x**2


def square(x):
    return x * x


@backward_of(square, example_inputs=[(3,)])
def square_back(g, x):
    return 2 * g * x


@with_examples(x=(4,))
def energy(x):
    return np.sum(x**2)


weights = mg.Tensor(np.ones(3), requires_grad=True, name="weights")


def train_loss():
    return mg.sum(weights**2)


def printed_loss():
    return 3.0


def main():
    raise RuntimeError("main ran")
"""


def test_a_file_alone_is_judged_by_what_it_defines(minigrad, tmp_path):
    (tmp_path / "own.py").write_text(OWN_FILE.replace("NAME", "doubled_in_own_file"))
    done = minigrad("verify", "own.py", "--jobs", 1, "--json", "own.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "own.json").read_text())
    judged = dict.fromkeys(check["target"] for check in report["checks"])
    assert list(judged) == [
        "own.py:Leaky", "own.py:gru", "own.py:doubled", "scaled_backward: ∂L/∂x",
        "scaled_backward: ∂L/∂w", "power_grad: ∂L/∂x", "square_back: ∂L/∂x", "own.py:energy",
        "own.py:train_loss",
    ]  # fmt: skip
    left = report["left_out"]
    assert [name.partition(":")[2] for name in left] == [
        "Wide", "Plain", "weights", "printed_loss", "main",
    ]  # fmt: skip
    assert "NotImplementedError: Wide has no forward method" in left["own.py:Wide"]
    assert left["own.py:printed_loss"] == "it returned float and no Tensor"
    assert "not called unless it is asked for" in left["own.py:main"]
    for name, reason in left.items():
        assert f"not judged: {name}: {reason}\n" in done.stdout


def test_a_mistake_in_a_file_exits_with_1(minigrad, tmp_path):
    wrong = OWN_FILE.replace("dout * w, dout * x", "dout * w, dout * w")
    (tmp_path / "own.py").write_text(
        "import numpy as np\nfrom minigrad.verify import with_examples\n"
        + wrong[wrong.index("@with_examples") : wrong.index("@with_examples(x=(2, 3))")]
    )
    done = minigrad("verify", "own.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "scaled_backward: ∂L/∂w is wrong" in done.stdout
    assert "1 right, 1 wrong, 0 undecided" in done.stdout


def test_a_file_without_anything_to_judge_is_refused_with_the_reasons(minigrad, tmp_path):
    (tmp_path / "own.py").write_text(
        "def f(x):\n    return x\ndef f_grad(g, x):\n    return g\ndef h(x):\n    return x\n"
    )
    done = minigrad("verify", "own.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing in it can be judged: f, h: no examples of x" in done.stderr
    assert "f_grad: its forward pass f has no examples; decorate it with" in done.stderr
    done = minigrad("graph", "own.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "own.py: got a file, expected" in done.stderr


def test_list_prints_the_built_in_names(minigrad, tmp_path):
    printed = minigrad("verify", "--list", cwd=tmp_path).stdout.splitlines()
    assert {"lstm", "layer-norm", "tanh"} <= set(printed)


def test_a_warning_is_one_line(tmp_path):
    (tmp_path / "own.py").write_text(
        "import warnings\nimport minigrad as mg\nfrom minigrad import nn\n\n"
        "class Own(nn.Cell):\n    state, gates = ('h',), ('a', 'unused')\n"
        "    def step(self, x, h):\n        return mg.tanh(self.a(h, x))\n\n"
        "warnings.warn('mine', stacklevel=1)\n"
    )
    done = in_a_process("derive", "own.py:Own", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *others = done.stderr.splitlines()
    assert first.endswith("own.py, line 10: UserWarning: mine")
    assert others and all("step does not call the gate unused" in line for line in others)
