"""The training loop: it learns, stops in time, goes on bit for bit, and says where it diverged."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from models.checkpoint import Checkpoint
from models.training import Diverged, Shuffled, progress_bar, train


@pytest.fixture
def line(rng):
    """A line to fit, with noise: x (64, 2), y (64, 1)."""
    x = rng.normal(size=(64, 2)).astype(np.float32)
    return x, (x @ np.array([[1.0], [-2.0]]) + 0.1 * rng.normal(size=(64, 1))).astype(np.float32)


def network(seed=0):
    """With dropout, so that it has random state of its own."""
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(2, 16, rng=rng), mg.tanh, nn.Dropout(0.2, rng=rng),
                         nn.Linear(16, 1, rng=rng))  # fmt: skip


class Interrupted(Exception):  # noqa: N818
    """Somebody pressed Ctrl-C."""


def run(line, path=None, *, until=None, resume=False, seed=0, settings=None, patience=0):
    """Train for 60 steps, or until interrupted; the model and its history."""
    x, y = line
    model = network(seed)
    optimizer = optim.Adam(model.parameters(), 0.02)
    order = Shuffled(len(x), 10, seed)

    def loss(step):
        if step == until:
            raise Interrupted
        return nn.mse_loss(model(x[order(step)]), y[order(step)])

    checkpoint = path and Checkpoint(path, "line", settings or {"seed": seed}, model, optimizer,
                                     resume=resume)  # fmt: skip
    history = train(
        model, optimizer, loss, steps=60, every=8, checkpoint=checkpoint, patience=patience,
        schedule=optim.warm_up(5, optim.cosine(0.02, 60)), max_norm=1.0,
        validate=lambda: nn.mse_loss(model(x), y).item(),
    )  # fmt: skip
    return model, history


def test_it_learns(line):
    _, history = run(line)
    assert len(history.losses) == 60
    assert [step for step, _ in history.scores] == [8, 16, 24, 32, 40, 48, 56, 60]
    assert history.scores[-1][1] < 0.2 * history.scores[0][1]


@pytest.mark.parametrize("patience", [0, 5])
@pytest.mark.parametrize("until", [3, 8, 35, 59])
def test_a_run_that_was_interrupted_ends_bit_for_bit_as_one_that_was_not(
    line, tmp_path, until, patience
):
    whole, whole_history = run(line, tmp_path / "whole.safetensors", patience=patience)
    path = tmp_path / "run.safetensors"
    with pytest.raises(Interrupted):
        run(line, path, until=until, patience=patience)
    again, again_history = run(line, path, resume=True, patience=patience)
    assert again_history.losses == whole_history.losses
    assert again_history.scores == whole_history.scores
    for name, array in whole.state_dict().items():
        assert np.array_equal(again.state_dict()[name], array), name
    assert path.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_without_resume_it_begins_again(line, tmp_path):
    path = tmp_path / "run.safetensors"
    first, _ = run(line, path)
    second, history = run(line, path)
    assert len(history.losses) == 60
    assert np.array_equal(first.state_dict()["0.weight"], second.state_dict()["0.weight"])


def test_a_finished_run_that_goes_on_is_the_same(line, tmp_path):
    path = tmp_path / "run.safetensors"
    first, _ = run(line, path)
    before = path.read_bytes()
    again, history = run(line, path, resume=True)
    assert len(history.losses) == 60 and path.read_bytes() == before
    assert np.array_equal(first.state_dict()["0.weight"], again.state_dict()["0.weight"])


def test_early_stopping_takes_back_the_weights_of_the_best_validation():
    model = nn.Linear(1, 1, rng=0)
    weights, scores = [], iter([3.0, 1.0, float("nan"), 2.0, 1.5, 0.5])

    def validate():
        weights.append(model.weight.data.copy())
        return next(scores)

    optimizer = optim.SGD(model.parameters(), 0.1)
    history = train(model, optimizer, lambda step: (model(np.ones((1, 1))) ** 2).sum(), steps=50,
                    every=2, patience=3, validate=validate)  # fmt: skip
    assert len(history.losses) == 10 and len(history.scores) == 5
    assert np.array_equal(model.weight.data, weights[1])


def test_dropout_is_at_work_only_while_a_step_is_taken(line):
    model = network()
    seen = []

    def loss(step):
        seen.append(model.training)
        return (model(line[0]) ** 2).mean()

    train(model, optim.SGD(model.parameters(), 0.1), loss, steps=2, every=1,
          validate=lambda: seen.append(model.training) or 1.0)  # fmt: skip
    assert seen == [True, False, True, False] and not model.training


def test_a_loss_that_overflows_stops_with_the_step_and_the_operation():
    class Exploding(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(1, 1, rng=0, dtype=np.float64)

        def forward(self, x, scale):
            return mg.exp(self.inner(x) * scale)

    model = Exploding()
    loss = lambda step: model(np.ones((1, 1)), 1.0 if step < 2 else 1e6).sum() - 1  # noqa: E731
    model.inner.weight.data, model.inner.bias.data = np.ones((1, 1)), np.ones(1)
    optimizer = optim.SGD(model.parameters(), 1e-3)
    with pytest.raises(Diverged, match=r"step 2: the loss is inf; .*exp in module Exploding;"):
        train(model, optimizer, loss, steps=5)


def test_a_parameter_that_has_become_infinite_is_named():
    model = nn.Sequential(nn.Linear(1, 1, rng=0))
    optimizer = optim.SGD(model.parameters(), 1e30)
    with pytest.raises(Diverged, match=r"the parameter 0\.weight"):
        train(model, optimizer, lambda step: (model(np.full((1, 1), 1e20)) ** 2).sum(), steps=9)


def test_nan_in_the_data_is_said_to_have_come_in():
    model = nn.Linear(1, 1, rng=0)
    with pytest.raises(Diverged, match=r"step 0: .* what goes into \w+ in module Linear"):
        train(model, optim.SGD(model.parameters(), 1e-3),
              lambda step: model(np.full((1, 1), np.nan)).sum(), steps=1)  # fmt: skip


def test_a_mask_of_minus_infinity_is_not_taken_for_the_culprit():
    x = mg.Parameter(np.array([1.0, 0.0]), name="x")

    def loss(step):
        masked = mg.where(np.array([True, False]), x, -np.inf)
        return mg.softmax(masked, axis=-1).sum() + mg.log(x * 0).sum()

    model = nn.Linear(1, 1, rng=0)
    with pytest.raises(Diverged, match="is in log;"):
        train(model, optim.SGD([x], 1e-3), loss, steps=1)


def test_an_epoch_sees_each_example_once_and_each_in_another_order():
    order = Shuffled(10, 4, seed=3)
    assert len(order) == 3
    first, second = (
        [k for step in steps for k in order(step)] for steps in (range(3), range(3, 6))
    )
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert np.array_equal(Shuffled(10, 4, seed=3)(4), order(4))
    assert not np.array_equal(Shuffled(10, 10, seed=4)(0), Shuffled(10, 10, seed=3)(0))


def test_curves_are_written_as_table_and_picture(line, tmp_path):
    _, history = run(line)
    history.write(tmp_path / "curves.png")
    history.write(tmp_path / "curves.csv")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == history.losses
    validated = {int(row["step"]): float(row["validation"]) for row in rows if row["validation"]}
    assert validated == dict(history.scores)


def test_there_is_no_bar_where_there_is_no_terminal(line, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in notebooks
    run(line)
    assert capfd.readouterr() == ("", "")


class Screen(io.StringIO):
    """A stream, which may be a terminal."""

    def __init__(self, *, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch, terminal):
    screen = Screen(terminal=terminal)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("lstm", 8) as show:
        for step in range(1, 6):
            show(step, 0.25)
    shown = screen.getvalue()
    assert bool(shown) == terminal
    assert ("lstm" in shown and "5/8" in shown and "loss 0.25, " in shown) == terminal
    assert "nan" not in shown
