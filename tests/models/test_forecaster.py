"""The forecaster learns on real data, is honest about it, and refuses bad input in one line."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from minigrad.datasets import Weather, seattle_weather
from models import forecaster, series
from models.forecaster import Forecaster, fit, rmse
from models.series import balls, climatology, free_flight, latest, split, windows


@pytest.fixture(scope="module")
def weather() -> Weather:
    return seattle_weather()


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(forecaster.main, [*map(str, args)])


def csv(path, days, first="2012-01-01"):
    dates = np.datetime64(first) + np.arange(days)
    warm = 10 - 8 * np.cos(2 * np.pi * np.arange(days) / 365.25)
    rows = [f"{d},1.0,{t:.1f},{t - 5:.1f},3.0,rain" for d, t in zip(dates, warm, strict=True)]
    path.write_text("\n".join(["date,precipitation,temp_max,temp_min,wind,weather", *rows]))
    return path


def test_a_window_is_followed_by_the_days_after_it(weather):
    found = windows(weather, 5, 3)
    assert found.seen.shape == (len(weather) - 7, 5, len(series.COLUMNS))
    assert np.allclose(found.seen[7, :, 0], weather.temp_max[7:12])
    assert np.array_equal(found.when[7], weather.date[12:15])
    assert np.allclose(found.following[7, :, 0], weather.temp_max[12:15])
    assert np.allclose(found.persistence[7], weather.temp_max[11])
    assert np.allclose(found.exogenous[:-1, 1], found.exogenous[1:, 0])
    assert np.array_equal(found.when[-1], weather.date[-3:])


@pytest.mark.parametrize("ahead", [1, 5])
def test_the_last_year_is_held_out_and_nothing_of_it_is_learned_from(weather, ahead):
    known, held_out = split(windows(weather, 14, ahead))
    assert held_out.when[0, 0] == np.datetime64("2015-01-01")
    assert len(held_out) == 365 + 1 - ahead
    assert known.when.max() == np.datetime64("2014-12-31")
    model = Forecaster(known, "rnn", rng=0)
    assert np.allclose(model.scale.mean.data, known.seen.mean((0, 1)), rtol=1e-4)
    assert not np.allclose(model.scale.mean.data, held_out.seen.mean((0, 1)), rtol=1e-3)


@pytest.mark.parametrize("ahead", [1, 5])
def test_climatology_is_the_mean_of_the_days_within_a_week_of_that_date(weather, ahead):
    known, held_out = split(windows(weather, 14, ahead))
    usual = climatology(known, held_out.when)
    assert usual.shape == held_out.following.shape
    julys = np.array(["2012-07-01", "2013-07-01", "2014-07-01"], "datetime64[D]")
    near = (abs(weather.date[:, None] - julys) <= np.timedelta64(7, "D")).any(1)
    first_of_july = usual[held_out.when == np.datetime64("2015-07-01")]
    # A leap year shifts its days by one, hence not exactly.
    assert np.allclose(first_of_july, weather.temp_max[near].mean(), atol=0.5)


def test_the_latest_window_ends_with_the_last_day(weather):
    found = latest(weather, 4, 2)
    assert np.allclose(found.seen[0, :, 0], weather.temp_max[-4:])
    assert [str(day) for day in found.when[0]] == ["2016-01-01", "2016-01-02"]


def test_a_ball_falls_freely_bounces_and_stays_in_its_box():
    found = balls(300, 20, 20, rng=0)
    path = np.concatenate([found.seen, found.following], axis=1).astype(float)
    across, up = np.moveaxis(path, -1, 0)
    assert (across >= 0).all() and (across <= 1).all() and (up >= 0).all()
    falling = np.diff(up, n=2, axis=1)
    expected = -series.GRAVITY * series.STEP**2
    free = abs(falling - expected) < 1e-5
    assert 0.5 < free.mean() < 0.95  # the others bounce
    assert (falling[~free] > expected).all()  # the floor only pushes up
    # Energy never grows, and the highest point falls in the end.
    assert (up[:, 20:].max(1) <= up[:, :20].max(1) + 0.1).mean() > 0.8


def test_free_flight_is_exact_until_something_is_in_the_way():
    k = np.arange(8)[:, None] * [1.0, 1.0]
    path = (np.array([0.3, 2.0]) + k * [0.01, 0.2] - k**2 * [0.0, 0.012])[None]
    assert np.allclose(free_flight(path[:, :4], 4), path[:, 4:])


SETTINGS = {"hidden": 8, "epochs": 4, "lr": 1e-2, "batch": 32, "seed": 0}


@pytest.mark.parametrize("shape", ["vector", "sequence"])
@pytest.mark.parametrize("cell", forecaster.CELLS)
def test_it_learns_in_a_few_epochs(weather, cell, shape):
    known, _ = split(windows(weather, 7, 2))
    model, history = fit(known, {**SETTINGS, "cell": cell, "shape": shape})
    assert len(history.losses) == 4 * -(-len(known) // 32)
    assert rmse(model.predict(known), known.following) < 0.95 * rmse(
        known.persistence, known.following
    )


@pytest.mark.parametrize("cell", forecaster.CELLS)
@pytest.mark.parametrize("ahead", [1, 5])
def test_with_the_default_settings_it_beats_both_forecasts_that_need_no_network(cell, ahead, run):
    result = run("--cell", cell, "--ahead", ahead)
    assert result.exit_code == 0, result.output
    trained, *scores = result.stdout.splitlines()
    assert "2015-01-01" in trained
    error = {line.split(":")[0]: float(line.split()[-2 if ahead == 1 else line.split().index("°C") - 1])
             for line in scores}  # fmt: skip
    assert list(error) == [cell, "same as today", "climatology"]
    assert error["same as today"] == {1: 2.907, 5: 4.225}[ahead]
    assert error[cell] < min(error["same as today"], error["climatology"]) - 0.1
    assert result.stderr == ""  # no progress bar where there is no terminal


@pytest.mark.parametrize("shape", ["vector", "sequence"])
def test_it_learns_to_bounce(shape, run):
    result = run("--data", "ball", "--ahead", 3, "--epochs", 6, "--shape", shape)
    assert result.exit_code == 0, result.output
    error = [float(line.split("(RMSE) ")[1].split()[0]) for line in result.stdout.splitlines()[1:]]
    assert error[0] < 0.7 * min(error[1:])


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(weather):
    known, held_out = split(windows(weather, 3))

    def outcome(seed):
        settings = {**SETTINGS, "cell": "gru", "shape": "vector", "epochs": 2, "seed": seed}
        model, history = fit(known, settings)
        return history.losses, model.predict(held_out)

    (losses, forecast), (again_losses, again) = outcome(3), outcome(3)
    assert losses == again_losses and np.array_equal(forecast, again)
    assert not np.array_equal(forecast, outcome(4)[1])


def test_what_was_saved_forecasts_the_same_and_the_days_to_come(tmp_path, run):
    file = tmp_path / "run.safetensors"
    args = ["--cell", "gru", "--shape", "sequence", "--ahead", 2, "--epochs", 1, "--window", 3]
    saved = run(*args, "--save", file, "--predict")
    assert saved.exit_code == 0, saved.output
    assert "2016-01-02: " in saved.stdout
    loaded = run("--load", file, "--predict")
    assert loaded.exit_code == 0, loaded.output
    assert loaded.stdout.splitlines() == saved.stdout.splitlines()[2:]


@pytest.mark.parametrize("data", ["weather", "ball"])
@pytest.mark.parametrize("ahead", [1, 4])
def test_it_draws_what_came_and_what_was_forecast(data, ahead, tmp_path, run):
    picture = tmp_path / "year.png"
    result = run("--data", data, "--epochs", 1, "--window", 2, "--ahead", ahead, "--plot", picture)
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_it_reads_the_weather_of_another_place(tmp_path, run):
    result = run("--csv", csv(tmp_path / "mine.csv", 800), "--epochs", 1, "--window", 2)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--csv", "nowhere.csv"], "nowhere.csv"),
        (["--csv", "{tmp}"], "{tmp}"),
        (["--csv", "{tmp}/short.csv"], "365 is held out"),
        (["--csv", "{tmp}/short.csv", "--window", "100"], "too few for a window of 100"),
        (["--csv", "{tmp}/wrong.csv"], "no column"),
        (["--window", "2000"], "1461 days, too few for a window of 2000"),
        (["--window", "1200"], "365 is held out"),
        (["--window", "0"], "--window"),
        (["--ahead", "0"], "--ahead"),
        (["--data", "ball", "--predict"], "--data weather"),
        (["--load", "{tmp}/wrong.csv"], "{tmp}/wrong.csv"),
        (["--window", "-3"], "--window"),
        (["--window", "many"], "--window"),
        (["--lr", "0"], "--lr"),
        (["--lr", "nan"], "--lr"),
        (["--lr", "inf"], "--lr"),
        (["--epochs", "0"], "--epochs"),
        (["--cell", "transformer"], "--cell"),
        (["--nonsense"], "--nonsense"),
        (["--plot", "{tmp}/none/year.png"], "{tmp}/none"),
        (["--plot", "{tmp}/year.doc"], "doc"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, tmp_path, run):
    csv(tmp_path / "short.csv", 40)
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    result = run(*(arg.format(tmp=tmp_path) for arg in args))
    assert result.exit_code == 2, result.output
    assert result.stdout == "" and result.stderr.count("\n") == 1, result.output
    assert message.format(tmp=tmp_path) in result.stderr


@pytest.mark.parametrize("length", [0, -1])
def test_windows_refuses_a_length_that_is_not_positive(weather, length):
    with pytest.raises(ValueError, match="at least 1"):
        windows(weather, length)


def test_help_teaches(run):
    result = run("--help")
    assert result.exit_code == 0
    assert "learned nothing worth having" in " ".join(result.output.split())
