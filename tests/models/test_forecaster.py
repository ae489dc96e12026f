"""The forecaster learns on real data, is honest about it, and refuses bad input in one line."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from minigrad.datasets import Weather, seattle_weather
from models import forecaster
from models.forecaster import Forecaster, climatology, rmse, split, train, windows


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


def test_a_window_is_followed_by_its_tomorrow(weather):
    found = windows(weather, 5)
    assert found.days.shape == (len(weather) - 5, 5, len(forecaster.COLUMNS))
    assert np.allclose(found.days[7, :, 0], weather.temp_max[7:12])
    assert found.date[7] == weather.date[12]
    assert found.tomorrow[7] == pytest.approx(weather.temp_max[12])
    assert np.allclose(found.today[1:], found.tomorrow[:-1])


def test_the_last_year_is_held_out_and_nothing_of_it_is_learned_from(weather):
    known, held_out = split(windows(weather, 14))
    assert held_out.date[0] == np.datetime64("2015-01-01") and len(held_out) == 365
    assert known.date[-1] == np.datetime64("2014-12-31")
    model = Forecaster(known, "rnn", 4, rng=0)
    assert np.allclose(model.mean, known.days.mean((0, 1)))
    assert not np.allclose(model.mean, held_out.days.mean((0, 1)), rtol=1e-3)


def test_climatology_is_the_mean_of_the_days_within_a_week_of_that_date(weather):
    known, held_out = split(windows(weather, 14))
    usual = climatology(known, held_out.date)
    julys = np.array(["2012-07-01", "2013-07-01", "2014-07-01"], "datetime64[D]")
    near = (abs(known.date[:, None] - julys) <= np.timedelta64(7, "D")).any(1)
    (first_of_july,) = usual[held_out.date == np.datetime64("2015-07-01")]
    # A leap year shifts its days by one, hence not exactly.
    assert first_of_july == pytest.approx(known.tomorrow[near].mean(), abs=0.5)
    assert rmse(usual, held_out.tomorrow) > rmse(held_out.today, held_out.tomorrow)


@pytest.mark.parametrize("cell", forecaster.CELLS)
def test_it_learns_in_a_few_epochs(weather, cell):
    known, _ = split(windows(weather, 7))
    model = Forecaster(known, cell, hidden=8, rng=0)
    errors = train(model, known, epochs=4, lr=1e-2, rng=1)
    assert errors[-1] < 0.97 * errors[0]
    assert errors[-1] < 0.97 * rmse(known.today, known.tomorrow)


@pytest.mark.parametrize("cell", forecaster.CELLS)
def test_with_the_default_settings_it_beats_both_forecasts_that_need_no_network(weather, cell, run):
    result = run("--cell", cell)
    assert result.exit_code == 0, result.output
    trained, scores, usual = result.stdout.splitlines()
    assert "2015-01-01" in trained and "climatology" in usual
    ours, same = (float(part.split()[-2]) for part in scores.split(","))
    assert f"{cell} {ours:.2f} °C, same as today {same:.2f} °C" in scores
    assert same == 2.91
    assert ours < same - 0.1
    assert ours < float(usual.split()[-2])
    assert result.stderr == ""  # no progress bar where there is no terminal


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(weather):
    def outcome(seed):
        known, held_out = split(windows(weather, 3))
        rng = np.random.default_rng(seed)
        model = Forecaster(known, "gru", 4, rng)
        return train(model, known, epochs=2, rng=rng), model.predict(held_out.days)

    (errors, forecast), (again_errors, again) = outcome(3), outcome(3)
    assert errors == again_errors and np.array_equal(forecast, again)
    assert not np.array_equal(forecast, outcome(4)[1])


def test_it_draws_the_held_out_year(tmp_path, run):
    picture = tmp_path / "year.png"
    result = run("--cell", "rnn", "--epochs", 1, "--window", 2, "--plot", picture)
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
