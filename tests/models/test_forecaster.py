"""The forecaster learns on real data, is honest about it, and refuses bad input in one line."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
from click.testing import CliRunner

from minigrad.datasets import Days, read_days
from models import forecaster, series
from models.checkpoint import Checkpoint
from models.forecaster import Forecaster, fit, rmse
from models.series import balls, climatology, free_flight, latest, ridge, split, windows


@pytest.fixture(scope="module")
def weather() -> Days:
    return series.seattle()


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(forecaster.main, [*map(str, args)])


def csv(path, days, first="2012-01-01", **changed):
    """A weather file; ``changed`` says which rows are other than they should be, ``row_5=``…."""
    dates = np.datetime64(first) + np.arange(days)
    warm = 10 - 8 * np.cos(2 * np.pi * np.arange(days) / 365.25)
    rows = [f"{d},1.0,{t:.1f},{t - 5:.1f},3.0,rain" for d, t in zip(dates, warm, strict=True)]
    for row, text in changed.items():
        rows[int(row.removeprefix("row_"))] = text
    path.write_text("\n".join(["date,precipitation,temp_max,temp_min,wind,weather", *rows]))
    return path


def test_a_window_is_followed_by_the_days_after_it(weather):
    found = windows(weather, 5, 3)
    assert found.seen.shape == (len(weather) - 7, 5, len(series.COLUMNS) + 2)
    assert np.allclose(found.seen[7, :, 0], weather.values[7:12, 0])
    assert np.array_equal(found.when[7], weather.date[12:15])
    assert np.allclose(found.following[7, :, 0], weather.values[12:15, 0])
    assert np.allclose(found.persistence[7], weather.values[11, 0])
    assert np.allclose(found.exogenous[:-1, 1], found.exogenous[1:, 0])
    assert np.array_equal(found.when[-1], weather.date[-3:])


@pytest.mark.parametrize("ahead", [1, 5])
def test_the_last_year_is_held_out_and_nothing_of_it_is_learned_from(weather, ahead):
    known, held_out = split(windows(weather, 14, ahead))
    assert held_out.when[0, 0] == np.datetime64("2015-01-01")
    assert len(held_out) == 365 + 1 - ahead
    assert known.when.max() == np.datetime64("2014-12-31")
    model = Forecaster(known, "rnn", rng=0)
    mean = known.seen.mean((0, 1), dtype=float)
    assert np.allclose(model.scale.mean.data, mean, rtol=1e-4, atol=1e-6)
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
    assert np.allclose(first_of_july, weather.values[near, 0].mean(), atol=0.5)


def test_the_latest_window_ends_with_the_last_day(weather):
    found = latest(weather, 4, 2)
    assert np.allclose(found.seen[0, :, 0], weather.values[-4:, 0])
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
    told = (line.split(": held-out error (RMSE) ") for line in scores)
    error = {name: float(rest.split()[0]) for name, rest in told}
    assert list(error) == [cell, "same as today", "climatology", "ridge regression"]
    assert error["ridge regression"] == pytest.approx({1: 2.757, 5: 3.495}[ahead], abs=0.002)
    assert error[cell] < error["ridge regression"] + 0.2  # hard to beat, see the docstring
    assert error["same as today"] == {1: 2.907, 5: 4.225}[ahead]
    assert error[cell] < min(error["same as today"], error["climatology"]) - 0.1
    assert result.stderr == ""  # no progress bar where there is no terminal


@pytest.mark.parametrize("shape", ["vector", "sequence"])
def test_it_learns_to_bounce(shape, run):
    result = run("--data", "ball", "--ahead", 3, "--epochs", 6, "--shape", shape)
    assert result.exit_code == 0, result.output
    error = [float(line.split("(RMSE) ")[1].split()[0]) for line in result.stdout.splitlines()[1:]]
    assert error[0] < min(error[1:])


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
    scores, days = saved.stdout.splitlines()[2:-2], saved.stdout.splitlines()[-2:]
    assert run("--load", file).stdout.splitlines() == scores
    assert run("--load", file, "--predict").stdout.splitlines() == days
    # The last days are enough
    lines = resources.files("minigrad.datasets").joinpath("seattle_weather.csv").read_text()
    header, *rows = lines.splitlines()
    (tmp_path / "last.csv").write_text("\n".join([header, *rows[-3:]]))
    again = run("--load", file, "--predict", "--csv", tmp_path / "last.csv")
    assert again.stdout.splitlines() == days


def test_a_run_that_was_interrupted_goes_on_as_if_nothing_had_happened(tmp_path, run, monkeypatch):
    file, args = tmp_path / "run.safetensors", ["--ahead", 2, "--epochs", 2, "--window", 2]
    whole = run(*args, "--save", tmp_path / "whole.safetensors")
    save, calls = Checkpoint.save, []

    def interrupted(self, history):
        save(self, history)
        calls.append(len(history.losses))
        raise RuntimeError("the power fails")

    monkeypatch.setattr(Checkpoint, "save", interrupted)
    assert run(*args, "--save", file).exit_code != 0
    monkeypatch.undo()
    resumed = run(*args, "--save", file, "--resume")
    assert len(calls) == 1 and resumed.exit_code == 0, resumed.output
    assert resumed.stdout.splitlines()[1:] == whole.stdout.splitlines()[1:]


def test_ridge_is_scikit_learn_s(weather):
    known, held_out = split(windows(weather, 4, 3))
    linear = pytest.importorskip("sklearn.linear_model").Ridge(1.0)

    def flat(given):
        parts = (given.seen, given.exogenous)
        return np.concatenate([p.reshape(len(given), -1) for p in parts], axis=1).astype(float)

    mean, spread = flat(known).mean(0), flat(known).std(0)
    linear.fit((flat(known) - mean) / spread, (known.following - known.persistence)[..., 0])
    theirs = linear.predict((flat(held_out) - mean) / spread)[..., None] + held_out.persistence
    np.testing.assert_allclose(ridge(known, held_out), theirs, atol=1e-4)


@pytest.mark.parametrize("data", ["weather", "ball"])
@pytest.mark.parametrize("ahead", [1, 4])
def test_it_draws_what_came_and_what_was_forecast(data, ahead, tmp_path, run):
    picture = tmp_path / "year.png"
    args = ["--data", data, "--epochs", 1, "--window", 2, "--ahead", ahead]
    result = run(*args, "--picture", picture)
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def dialect(text, separator=",", decimal=".", date="{y}-{m}-{d}", header="{}"):
    """The same table as another program writes it."""
    first, *rows = text.splitlines()
    lines = [header.format(first).replace(",", separator)]
    for row in rows:
        day, *numbers, word = row.split(",")
        y, m, d = day.split("-")
        cells = [date.format(y=y, m=m, d=d), *(n.replace(".", decimal) for n in numbers), word]
        lines.append(separator.join(cells))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("as_written", "encoding"),
    [
        ({}, "utf-8"),
        ({}, "utf-8-sig"),
        ({}, "utf-16"),
        ({"separator": ";"}, "utf-8"),
        ({"separator": "\t", "date": "{y}/{m}/{d}"}, "utf-8"),
        ({"separator": ";", "decimal": ",", "date": "{d}/{m}/{y}"}, "cp1252"),
        ({"date": "{m}/{d}/{y}"}, "utf-8"),
        ({"separator": ";", "decimal": ",", "date": "{d}.{m}.{y} 00:00"}, "utf-8"),
    ],
)
def test_a_table_of_ones_own_is_the_same_in_every_dialect(as_written, encoding, tmp_path, run):
    plain = csv(tmp_path / "plain.csv", 800)
    expected = read_days(plain, first=series.COLUMNS)
    other = tmp_path / "other.csv"
    other.write_bytes(dialect(plain.read_text(), **as_written).encode(encoding))
    found = read_days(other, first=series.COLUMNS)
    assert found.names == expected.names and found.names[0] == "temp_max"
    assert np.array_equal(found.date, expected.date)
    assert np.array_equal(found.values, expected.values)


def test_it_forecasts_any_column_of_any_table(tmp_path, run):
    plain = csv(tmp_path / "mine.csv", 800)
    assert run("--csv", plain, "--epochs", 1, "--window", 2).exit_code == 0
    spanish = plain.read_text().replace("date,", "fecha,").replace("temp_max", "máxima")
    (tmp_path / "mía.csv").write_text(spanish.replace("temp_min", "mínima"))
    saved = tmp_path / "run.safetensors"
    args = ["--epochs", 1, "--window", 2, "--csv", tmp_path / "mía.csv", "--target", "mínima"]
    result = run(*args, "--save", saved, "--predict")
    assert result.exit_code == 0, result.output
    assert "°C" not in result.output
    again = run("--load", saved, "--csv", plain, "--predict")
    assert again.exit_code == 2 and "learned from the columns mínima, " in again.stderr


def test_gaps_are_filled_only_if_asked_and_it_says_so(tmp_path, run):
    rows = csv(tmp_path / "gaps.csv", 800, row_2="2012-01-03,1.0,NA,1.0,3.0,rain").read_text()
    lines = rows.splitlines()
    (tmp_path / "gaps.csv").write_text("\n".join([*lines[:6], *lines[8:]]))
    args = ["--csv", tmp_path / "gaps.csv", "--epochs", 1, "--window", 2]
    assert run(*args).exit_code == 2
    result = run(*args, "--fill")
    assert result.exit_code == 0, result.output
    assert "line 4: column temp_max: no value; cells without one: 1 of" in result.stderr
    assert "after 2012-01-05 comes 2012-01-08; days missing: 2" in result.stderr
    days = read_days(tmp_path / "gaps.csv", first=series.COLUMNS, fill=True)
    assert len(days) == 800
    assert days.values[2, 0] == pytest.approx((days.values[1, 0] + days.values[3, 0]) / 2)
    assert days.values[5, 0] == pytest.approx((2 * days.values[4, 0] + days.values[7, 0]) / 3)


def test_an_excel_file_is_read_as_its_csv(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    plain = csv(tmp_path / "plain.csv", 40)
    book = openpyxl.Workbook()
    header, *rows = plain.read_text().splitlines()
    book.active.append(header.split(","))
    for row in rows:
        day, *numbers, word = row.split(",")
        book.active.append([np.datetime64(day).item(), *map(float, numbers), word])
    book.save(tmp_path / "book.xlsx")
    found, expected = (read_days(tmp_path / name) for name in ("book.xlsx", "plain.csv"))
    assert np.array_equal(found.date, expected.date)
    assert np.array_equal(found.values, expected.values)
    (tmp_path / "fake.xlsx").write_text("date,a\n")
    with pytest.raises(ValueError, match="no Excel file"):
        read_days(tmp_path / "fake.xlsx")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--csv", "nowhere.csv"], "nowhere.csv"),
        (["--csv", "{tmp}"], "{tmp}"),
        (["--csv", "{tmp}/short.csv"], "365 is held out"),
        (["--csv", "{tmp}/short.csv", "--window", "100"], "too few for a window of 100"),
        (["--csv", "{tmp}/short.csv"], "{tmp}/short.csv, line 41, the last: "),
        (["--csv", "{tmp}/wrong.csv"], "{tmp}/wrong.csv, line 1: no column of dates; found a, b"),
        (["--csv", "{tmp}/two.csv"], "several columns of numbers, expected --target NAME, one of"),
        (
            ["--csv", "{tmp}/two.csv", "--target", "snow"],
            "no column of numbers snow; found wind",
        ),
        (["--target", "rain"], "--target and --fill need --csv"),
        (["--csv", "{tmp}/gap.csv"], "{tmp}/gap.csv, line 8: after 2012-02-05 comes 2012-01-07"),
        (
            ["--csv", "{tmp}/skip.csv"],
            "{tmp}/skip.csv, line 7: after 2012-01-05 comes 2012-01-07; "
            "days missing: 1; fill them in, or pass --fill (in Python, fill=True)",
        ),
        (["--csv", "{tmp}/word.csv"], "{tmp}/word.csv, line 5: column temp_max: got 'warm'"),
        (["--csv", "{tmp}/hole.csv"], "{tmp}/hole.csv, line 4: column temp_max: no value"),
        (["--csv", "{tmp}/bytes.csv"], "{tmp}/bytes.csv, line 1: byte 0 is not UTF-8"),
        (["--csv", "{tmp}/empty.csv"], "{tmp}/empty.csv, line 1"),
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
        (["--picture", "{tmp}/none/year.png"], "{tmp}/none"),
        (["--picture", "{tmp}/year.doc"], "doc"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, tmp_path, run):
    csv(tmp_path / "short.csv", 40)
    csv(tmp_path / "gap.csv", 800, row_5="2012-02-05,1.0,3.0,1.0,3.0,rain")
    csv(tmp_path / "word.csv", 800, row_3="2012-01-04,1.0,warm,1.0,3.0,rain")
    csv(tmp_path / "hole.csv", 800, row_2="2012-01-03,1.0,,1.0,3.0,rain")
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    rows = csv(tmp_path / "skip.csv", 800).read_text().splitlines()
    (tmp_path / "skip.csv").write_text("\n".join([*rows[:6], *rows[7:]]))
    (tmp_path / "two.csv").write_text("day,rain,wind\n2012-01-01,1,2\n2012-01-02,1,2\n")
    (tmp_path / "bytes.csv").write_bytes(b"\x81\x8d,a\n")
    (tmp_path / "empty.csv").touch()
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
    assert "learned nothing useful" in " ".join(result.output.split())
