"""Real data that ships with minigrad, and the loader that also takes a file of one's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

import numpy as np

from minigrad.datasets.days import Days, read_days
from minigrad.datasets.sentiment import Reviews, reviews
from minigrad.datasets.table import dates, decimal_sign, number, read_rows, rows

__all__ = ["Days", "Reviews", "Weather", "quijote", "read_days", "reviews", "seattle_weather"]


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


def seattle_weather(path: str | os.PathLike[str] | None = None) -> Weather:
    """Daily weather of Seattle, 2012 to 2015, or of the CSV file ``path``.

    The bundled series is NOAA's, in the public domain, as the package vega_datasets 0.9.0
    ships it (``_data/seattle-weather.csv``): 1461 days from 2012-01-01 to 2015-12-31.

    Args:
        path: a CSV or Excel file with a header that has at least the columns date,
            precipitation (mm), temp_max and temp_min (°C), wind (m/s) and weather, in any order
            and in any dialect that `read_days` reads; the days must follow each other.

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
        found = list(rows(name, text, _COLUMNS))
    else:
        found = list(read_rows(Path(path), _COLUMNS))
    table = {column: [(where, row[column]) for where, row in found] for column in _COLUMNS}
    date, words = table.pop("date"), table.pop("weather")
    for where, cell in words:
        if not cell.strip():
            raise ValueError(f"{where}: column weather: got {cell!r}, expected a word")
    sign = decimal_sign(cell for cells in table.values() for cell in cells)
    numbers = {
        column: np.array([number(cell, column, where, decimal=sign) for where, cell in cells])
        for column, cells in table.items()
    }
    when = dates(date)
    for k in np.flatnonzero(np.diff(when) != np.timedelta64(1, "D"))[:1]:
        raise ValueError(
            f"{date[k + 1][0]}: after {when[k]} comes {when[k + 1]}, expected the next day"
        )
    return Weather(date=when, weather=np.array([cell for _, cell in words]), **numbers)


def quijote() -> str:
    """The first 22 chapters of Cervantes' Don Quijote (1605), in the public domain.

    Example:
        >>> from minigrad.datasets import quijote
        >>> quijote()[166:194]
        'En un lugar de la Mancha, de'
    """
    return resources.files("minigrad.datasets").joinpath("quijote.txt").read_text("utf-8")
