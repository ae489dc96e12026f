"""The perceptron beats 0.95 on biopsies it has not seen, keeps its weights, refuses bad input."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from models import perceptron
from models.perceptron import biopsies, f1, held_out, logistic_regression


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(perceptron.main, [*map(str, args)])


SETTINGS = {"hidden": 8, "epochs": 10, "lr": 1e-2, "batch": 32, "decay": 0.3, "seed": 0}


def table(path, rows):
    data, columns = biopsies()
    lines = [",".join(columns), *(",".join(map(str, row)) for row in data.x[rows])]
    path.write_text("\n".join(lines))
    return path, data.malignant[rows]


def test_with_the_default_settings_it_reaches_its_score_on_biopsies_it_has_not_seen(run):
    result = run()
    assert result.exit_code == 0, result.output
    _, ours, theirs = result.stdout.splitlines()
    assert ours.startswith("perceptron: F1") and theirs.startswith("logistic regression: F1")
    assert float(ours.split()[2]) >= 0.95
    assert result.stderr == ""


def test_it_learns_in_a_few_epochs():
    data, _ = biopsies()
    model, history = perceptron.fit(data[::2], **SETTINGS)
    assert np.mean(history.losses[-5:]) < 0.5 * history.losses[0]
    assert f1(data.malignant[1::2], model.predict(data.x[1::2]))[2] > 0.9


def test_each_biopsy_is_judged_by_who_has_not_seen_it():
    data, _ = biopsies()
    seen = []

    def judge(known, x):
        assert not (x[:, None, 0] == known.x[:, 0]).all(0).any()
        seen.append(len(x))
        return np.full(len(x), len(seen))

    judged = held_out(data, judge)
    assert sum(seen) == len(data.x) and set(judged) == {1, 2, 3, 4, 5}


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    precision, recall, score = f1(np.array([1, 1, 1, 0, 0]), np.array([0.9, 0.8, 0.1, 0.7, 0.2]))
    assert (precision, recall) == (2 / 3, 2 / 3) and score == pytest.approx(2 / 3)


def test_the_baseline_separates_the_classes_too():
    data, _ = biopsies()
    assert f1(data.malignant, held_out(data, logistic_regression))[2] > 0.95


def test_the_same_seed_gives_the_same_weights_and_another_others():
    data, _ = biopsies()
    weights = [perceptron.fit(data, **{**SETTINGS, "epochs": 1, "seed": seed})[0].state_dict()
               for seed in (3, 3, 4)]  # fmt: skip
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not np.array_equal(weights[0]["output.weight"], weights[2]["output.weight"])


@pytest.mark.parametrize("hidden", [0, 5])
def test_what_is_saved_predicts_the_same_when_loaded(run, tmp_path, hidden):
    path = tmp_path / "run.safetensors"
    rows, malignant = table(tmp_path / "rows.csv", [0, 19, 20, 21])
    first = run("--hidden", hidden, "--save", path, "--predict", rows)
    assert first.exit_code == 0, first.output
    again = run("--load", path, "--predict", rows)
    assert again.exit_code == 0, again.output
    assert first.stdout.splitlines()[-4:] == again.stdout.splitlines()[-4:]
    found = [float(line.split()[-1]) > 0.5 for line in again.stdout.splitlines()[-4:]]
    assert found == malignant.astype(bool).tolist()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--predict", "{tmp}/nowhere.csv"], "nowhere.csv: No such file"),
        (["--predict", "{tmp}"], "Is a directory"),
        (["--predict", "{tmp}/empty"], "empty, line 1: an empty file"),
        (["--predict", "{tmp}/latin"], "latin, line 2: byte"),
        (["--predict", "{tmp}/other.csv"], "other.csv, line 1: no column"),
        (["--predict", "{tmp}/words.csv"], "words.csv, line 3: column mean radius: got 'many"),
        (["--predict", "{tmp}/short.csv"], "short.csv, line 3: expected 30 fields, got 2"),
        (["--predict", "{tmp}/long.csv"], "long.csv, line 2: expected 30 fields, got 31"),
        (["--predict", "{tmp}/gap.csv"], "gap.csv, line 2: column mean radius: got ''"),
        (["--predict", "{tmp}/huge.csv"], "huge.csv, line 2: column mean radius: got '1e40'"),
        (["--predict", "{tmp}/twice.csv"], "twice.csv, line 1: 2 columns mean radius"),
        (["--load", "{tmp}/words.safetensors", "--save", "{tmp}/new.safetensors"], "--load"),
        (["--load", "{tmp}/nothing.safetensors"], "No such file"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--load", "{tmp}/empty"], "expected a file name that ends in"),
        (["--save", "{tmp}/run.txt"], "expected a name that ends in .safetensors"),
        (["--save", "{tmp}/none/run.safetensors"], "{tmp}/none"),
        (["--save", "{tmp}/words.safetensors", "--resume"], "not a whole .safetensors file"),
        (["--resume"], "--save"),
        (["--curves", "{tmp}/curves.doc"], "unknown ending"),
        (["--hidden", "-1"], "--hidden"),
        (["--lr", "nan"], "--lr"),
        (["--nonsense"], "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2_and_nothing_is_overwritten(
    args, message, bad_files, refuses
):
    (bad_files / "other.csv").write_text("a,b\n1,2\n")
    rows, _ = table(bad_files / "words.csv", [0, 1])
    lines = rows.read_text().splitlines()
    (bad_files / "short.csv").write_text("\n".join([*lines[:2], "1,2"]))
    rows.write_text("\n".join([*lines[:2], "many" + lines[2]]))
    (bad_files / "long.csv").write_text(f"{lines[0]}\n{lines[1]},3\n")
    (bad_files / "twice.csv").write_text(f"mean radius,{lines[0]}\n3,{lines[1]}\n")
    for name, cell in (("gap", ""), ("huge", "1e40")):
        cells = [cell, *lines[1].split(",")[1:]]
        (bad_files / f"{name}.csv").write_text(f"{lines[0]}\n{','.join(cells)}\n")
    refuses(perceptron.main, args, message)


def test_a_checkpoint_with_other_shapes_is_refused(run, tmp_path):
    path = tmp_path / "run.safetensors"
    assert run("--epochs", 1, "--hidden", 3, "--save", path).exit_code == 0
    before = path.read_bytes()
    result = run("--epochs", 1, "--hidden", 4, "--save", path, "--resume")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "was made with hidden=3, got hidden=4" in result.stderr
    assert path.read_bytes() == before


def test_a_rate_that_is_too_large_ends_with_the_step_in_one_line(run):
    result = run("--lr", 1e39, "--hidden", 0, "--decay", 0)
    assert result.exit_code == 1, result.output
    assert "step " in result.stderr and result.stderr.count("\n") == 1
