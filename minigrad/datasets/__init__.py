"""Real data that ships with minigrad, and the loader that also takes a file of one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.datasets.sentiment import Reviews, reviews
from minigrad.datasets.table import number, rows
from minigrad.files import read_text

__all__ = ["Reviews", "Weather", "reviews", "seattle_weather"]


@dataclass(frozen=True)
class Weather:
    """Daily weather: arrays of one length, one entry per day, no day missing.

    Attributes:
        date: the day, datetime64[D].
        precipitation: rain and melted snow, mm.
        temp_max: highest temperature, °C.
        temp_min: lowest temperature, °C.
        wind: mean wind speed, m/s.
        weather: in one word: drizzle, rain, sun, snow, fog.

    Example:
        >>> from minigrad.datasets import seattle_weather
        >>> weather = seattle_weather()
        >>> len(weather), str(weather.date[0]), float(weather.temp_max[0])
        (1461, '2012-01-01', 12.8)
    """

    date: np.ndarray
    precipitation: np.ndarray
    temp_max: np.ndarray
    temp_min: np.ndarray
    wind: np.ndarray
    weather: np.ndarray

    def __len__(self) -> int:
        return len(self.date)


_COLUMNS = tuple(field.name for field in fields(Weather))
# NumPy alone would also take "today", "NaT", "2012" and the empty cell.
_DATE = re.compile(r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})")


def seattle_weather(path: str | os.PathLike[str] | None = None) -> Weather:
    """Daily weather of Seattle, 2012 to 2015, or of the CSV file ``path``.

    The bundled series is NOAA's, in the public domain, as the package vega_datasets 0.9.0
    ships it (``_data/seattle-weather.csv``): 1461 days from 2012-01-01 to 2015-12-31.

    Args:
        path: a CSV file in UTF-8 with a header that has at least the columns date
            (YYYY-MM-DD or YYYY/MM/DD), precipitation (mm), temp_max and temp_min (°C), wind
            (m/s) and weather, in any order; the days must follow each other.

    Returns:
        The columns as arrays.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, no text, lacks columns, or a cell holds no finite number or
            date, or a day is missing: one line that names file and line.

    Example:
        >>> from minigrad.datasets import seattle_weather
        >>> weather = seattle_weather()
        >>> print(round(float(weather.temp_max.mean()), 1))  # °C
        16.4
    """
    if path is None:
        name = "seattle_weather.csv"
        text = resources.files(__name__).joinpath(name).read_text("utf-8")
    else:
        name, text = str(path), read_text(Path(path))
    columns: dict[str, list[Any]] = {column: [] for column in _COLUMNS}
    for where, row in rows(name, text, _COLUMNS):
        for column in _COLUMNS:
            columns[column].append(_parsed(row[column], column, where))
        _check_next_day(columns["date"], where)
    return Weather(**{column: np.array(values) for column, values in columns.items()})


def _parsed(cell: str, column: str, where: str) -> object:
    if column == "weather":
        if not cell.strip():
            raise ValueError(f"{where}: column weather: got {cell!r}, expected a word")
        return cell
    if column == "date":
        return _day(cell, where)
    return number(cell, column, where)


def _day(cell: str, where: str) -> np.datetime64:
    try:
        if match := _DATE.fullmatch(cell.strip()):
            return np.datetime64("-".join(match.groups()), "D")
    except ValueError:  # a month 13
        pass
    raise ValueError(f"{where}: column date: got {cell!r}, expected YYYY-MM-DD") from None


def _check_next_day(dates: Sequence[np.datetime64], where: str) -> None:
    if len(dates) > 1 and dates[-1] - dates[-2] != np.timedelta64(1, "D"):
        raise ValueError(f"{where}: after {dates[-2]} comes {dates[-1]}, expected the next day")
