"""Every model trains with compiled steps: the same losses, but for rounding, in every step."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import minigrad as mg
from minigrad import nn, optim
from minigrad.compile import TraceError, backend, has_numba
from models import variants
from models.text import documentation
from models.training import Diverged, compiled_steps, train

SMALL = {
    "autoencoder": "--kind convolutional --epochs 1",
    "bert": "--text {text} --sentences 100 --width 16 --heads 2 --layers 1 --steps 12 --labels 4 "
            "--draws 1",
    "captioner": "--channels 4 --hidden 8 --epochs 1",
    "forecaster": "--epochs 1 --cell gru --shape sequence",
    "gpt": "--text {text} --context 8 --width 16 --heads 2 --layers 1 --steps 12 --dropout 0.1 "
           "--sample 0",
    "language_model": "--text {text} --hidden 8 --width 8 --layers 2 --epochs 1 --dropout 0.1 "
                      "--sample 0",
    "memory_tasks": "--task reber --cell gru --distance 4 --steps 50 --hidden 8",
    "perceptron": "--epochs 2",
    "sentiment": "--sentences 100 --epochs 2 --width 8",
    "translator": "--pairs 100 --held 5 --steps 12 --hidden 8 --kind transformer",
    "word2vec": "--planted --epochs 1",
}  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(documentation()[:30_000])
    return path


def losses(model, options, path):
    """Of each step of a run of a model's command line."""
    command = importlib.import_module(f"models.{model}").main
    result = CliRunner().invoke(command, [*options, "--curves", str(path)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    with path.open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("model", SMALL)
def test_compiled_steps_have_the_losses_of_plain_ones(model, text, tmp_path):
    options = SMALL[model].format(text=text).split()
    with backend("numpy"):
        plain = losses(model, options, tmp_path / "plain.csv")
        compiled = losses(model, [*options, "--compile"], tmp_path / "compiled.csv")
    assert len(plain) >= 12 and plain[-1] != plain[0]
    np.testing.assert_allclose(compiled, plain, rtol=2e-5)


def test_a_comparison_of_cells_with_compiled_steps_has_the_same_scores():
    run = variants.Run("digits", "lstm", 0, steps=30, hidden=16)
    with backend("numpy"), compiled_steps():
        compiled = variants.score(run)
    assert compiled == pytest.approx(variants.score(run), abs=0.01)


def test_every_model_that_trains_is_tried():
    files = Path(variants.__file__).parent.glob("*.py")
    trained = {path.stem for path in files if "    train(\n" in (code := path.read_text())
               or "= train(" in code or "return train(" in code}  # fmt: skip
    assert trained == {*SMALL, "variants"}


BACKENDS = ["numpy", *["numba"] * has_numba()]


@pytest.mark.parametrize("name", BACKENDS)
def test_a_step_whose_loss_is_lost_changes_no_parameter(name):
    b = mg.Parameter(np.ones(3, np.float32), name="b")
    seen = []

    def batch(step):
        seen.append(b.data.copy())
        return (np.full(3, 1.0 if step < 2 else np.nan, np.float32),)

    model = nn.Linear(1, 1, rng=0)
    with backend(name), compiled_steps(), pytest.raises(Diverged, match="step 2: the loss is nan"):
        train(model, optim.SGD([b], 0.1), lambda x: (b * x).sum(), batch, steps=5)
    assert len(seen) == 3 and not np.array_equal(seen[1], seen[0])
    np.testing.assert_array_equal(b.data, seen[2])


def test_a_loss_that_cannot_be_compiled_is_refused_with_its_line():
    model = nn.Linear(2, 1, rng=0)

    def loss(x):
        y = model(x).sum()
        return y if y > 0 else -y

    train(model, optim.SGD(model.parameters(), 0.1), loss, lambda _: (np.ones((1, 2)),), steps=1)
    with compiled_steps(), pytest.raises(TraceError, match=r"y if y > 0 .*np\.where"):
        train(model, optim.SGD(model.parameters(), 0.1), loss, lambda _: (np.ones((1, 2)),),
              steps=1)  # fmt: skip


def test_a_compiled_run_goes_on_only_as_a_compiled_one(text, tmp_path):
    path = tmp_path / "run.safetensors"
    options = [*SMALL["gpt"].format(text=text).split(), "--save", str(path)]
    with backend("numpy"):
        losses("gpt", [*options, "--compile"], tmp_path / "one.csv")
    command = importlib.import_module("models.gpt").main
    result = CliRunner().invoke(command, [*options, "--resume"])
    assert result.exit_code == 2 and "was made with compile=true" in result.stderr
