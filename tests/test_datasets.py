"""Claims about the bundled weather, and about files of one's own."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad.datasets import reviews, seattle_weather
from minigrad.datasets.table import dates, decimal_sign, number

HEADER = "date,precipitation,temp_max,temp_min,wind,weather\n"
ROW = "2012-01-01,0.0,12.8,5.0,4.7,drizzle\n"
NEXT = "2012-01-02,10.9,10.6,2.8,4.5,rain\n"


def test_the_bundled_series_is_four_years_of_plausible_days():
    weather = seattle_weather()
    assert len(weather) == 1461
    assert (weather.date[0], weather.date[-1]) == (
        np.datetime64("2012-01-01"), np.datetime64("2015-12-31"),
    )  # fmt: skip
    assert set(np.diff(weather.date).astype(int)) == {1}
    assert np.all(weather.temp_max >= weather.temp_min)
    assert -20 < weather.temp_min.min() < weather.temp_max.max() < 45
    assert np.all(weather.precipitation >= 0)
    assert np.all((weather.wind >= 0) & (weather.wind < 20))
    assert set(weather.weather) == {"drizzle", "rain", "sun", "snow", "fog"}


def test_columns_come_in_any_order_and_others_are_ignored(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("weather,extra,wind,temp_min,temp_max,precipitation,date\n"
                    "sun,?,1.5,-2,3.5,0,2020/02/29\n")  # fmt: skip
    weather = seattle_weather(path)
    assert weather.date.tolist() == [np.datetime64("2020-02-29").item()]
    assert (weather.temp_max[0], weather.temp_min[0], weather.wind[0]) == (3.5, -2.0, 1.5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "an empty file"),
        (HEADER, "a header and no rows"),
        ("date,wind\n2012-01-01,1\n", "no column precipitation, temp_max, temp_min, weather"),
        (HEADER + ROW.replace("12.8", "warm"), r"line 2: column temp_max: got 'warm', expected a"),
        (HEADER + ROW.replace("12.8", ""), "line 2: column temp_max: got ''"),
        (HEADER + ROW.replace("12.8", "nan"), "line 2: column temp_max: got 'nan'"),
        (HEADER + ROW.replace("12.8", "inf"), "line 2: column temp_max: got 'inf'"),
        (HEADER + ROW.replace("2012-01-01", "yesterday"), "expected YYYY-MM-DD"),
        (HEADER + ROW.replace("2012-01-01", ""), "line 2: column date: got ''"),
        (HEADER + ROW.replace("2012-01-01", "NaT"), "line 2: column date: got 'NaT'"),
        (HEADER + ROW.replace("2012-01-01", "today"), "line 2: column date: got 'today'"),
        (HEADER + ROW.replace("2012-01-01", "2012"), "line 2: column date: got '2012'"),
        (HEADER + ROW.replace("2012-01-01", "2012-13-01"), "line 2: column date: got '2012-13-01'"),
        (HEADER + ROW.replace("drizzle", ""), "line 2: column weather: got ''"),
        (HEADER + ROW.replace("12.8", "1_2"), "line 2: column temp_max: got '1_2'"),
        (HEADER.strip() + ",wind\n" + ROW.strip() + ",9\n", "2 columns wind, expected one"),
        ('"' + HEADER + ROW, "unexpected end of data"),
        (HEADER + ROW + "2012-01-02,1.0\n", "line 3: expected 6 fields, got 2"),
        (HEADER + ROW + NEXT.strip() + ",more\n", "line 3: expected 6 fields, got 7"),
        (
            HEADER + ROW + NEXT.replace("01-02", "01-04"),
            "line 3: after 2012-01-01 comes 2012-01-04",
        ),
        (HEADER + NEXT + ROW, "line 3: after 2012-01-02 comes 2012-01-01"),
    ],
)
def test_bad_files_are_refused_in_one_line_that_says_where(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=said) as error:
        seattle_weather(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_binary_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\x89PNG\r\n\0\xff\xfe")
    with pytest.raises(ValueError, match="binary data"):
        seattle_weather(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        seattle_weather(tmp_path / "nowhere.csv")


def test_numbers_that_float32_cannot_hold_are_refused(tmp_path):
    path = tmp_path / "hot.csv"
    path.write_text(HEADER + ROW.replace("12.8", "1e40"))
    with pytest.raises(ValueError, match=r"line 2: column temp_max: got '1e40'"):
        seattle_weather(path)


def test_every_review_has_its_counterparts():
    data = reviews()
    assert len(data) == 240
    assert data.label.mean() == 0.5
    assert data.language.count("es") == data.language.count("en") == 120
    for subject in set(data.subject):
        own = data[np.array([s == subject for s in data.subject])]
        assert sorted(zip(own.language, own.label.tolist(), strict=True)) == [
            ("en", 0), ("en", 1), ("es", 0), ("es", 1),
        ]  # fmt: skip


def test_reviews_in_another_encoding_are_read_and_the_guess_is_named(tmp_path, caplog):
    path = tmp_path / "latin.csv"
    path.write_bytes("language;label;text\nes;1;cañón\n".encode("latin-1"))
    assert reviews(path).text == ("cañón",)
    assert "not UTF-8; read as Windows-1252, which is a guess" in caplog.text


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1.5", "2"], "."), (["1,5", "2"], ","), (["1.234,5"], ","), (["1,234.5"], "."),
        (["12,34"], ","), (["1.234", "2.5"], "."), (["1,234", "2,5"], ","), (["1.234"], "."),
        (["rain", "7"], "."), (["-0,5", "NA"], ","), ([".5"], "."), (["1,5e3"], ","),
    ],
)  # fmt: skip
def test_the_decimal_sign_is_seen_from_all_the_numbers_of_a_file(cells, sign):
    assert decimal_sign(("here", cell) for cell in cells) == sign


@pytest.mark.parametrize(
    ("cells", "said"),
    [(["1,5", "2.5"], "expected one decimal sign"), (["1,234", "7"], "thousand or a decimal")],
)
def test_numbers_that_can_be_read_in_two_ways_are_refused(cells, said):
    with pytest.raises(ValueError, match=said):
        decimal_sign(("here", cell) for cell in cells)


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [("1.234,5", ",", 1234.5), ("1,234.5", ".", 1234.5), (" -3 ", ",", -3), ("1.234", ",", 1234),
     ("+.5", ".", 0.5), ("2e-3", ".", 0.002)],
)  # fmt: skip
def test_a_number_is_read_with_its_decimal_sign(cell, decimal, value):
    assert number(cell, "x", "here", decimal=decimal) == value


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        (["2020-02-28", "2020-02-29"], "2020-02-29"),
        (["12/01/2020", "13/01/2020"], "2020-01-13"),
        (["1/13/2020", "1/14/2020"], "2020-01-14"),
        (["01/02/2020", "02/02/2020"], "2020-02-02"),  # the other way, a month apart
        (["02/01/2020", "02/02/2020", "02/03/2020"], "2020-02-03"),
        (["3.4.2020", "4.4.2020"], "2020-04-04"),
        (["2020-01-01T00:00:00"], "2020-01-01"),
        (["05/05/2020"], "2020-05-05"),
    ],
)
def test_the_order_of_day_and_month_is_seen_from_all_dates(cells, last):
    assert dates([("here", cell) for cell in cells])[-1] == np.datetime64(last)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["01/02/2020"], "day and month cannot be told apart"),
        (["13/13/2020"], "13/13/2020"),
        (["13/01/2020", "01/13/2020"], "not a date with"),
        (["1/2/20"], "expected YYYY-MM-DD, DD/MM/YYYY"),
        (["2020-01-01 12:30"], "expected YYYY-MM-DD"),
    ],
)
def test_dates_that_can_be_read_in_two_ways_or_in_none_are_refused(cells, said):
    with pytest.raises(ValueError, match=said):
        dates([("here", cell) for cell in cells])
