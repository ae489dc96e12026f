"""Real data that ships with minigrad, and the loader that also takes a file of one's own."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.datasets.sentiment import Reviews, reviews

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
    """
    if path is None:
        name, text = "seattle_weather.csv", _bundled()
    else:
        name, text = str(path), _read(Path(path))
    rows = csv.DictReader(StringIO(text, newline=""), strict=True)
    columns: dict[str, list[Any]] = {column: [] for column in _COLUMNS}
    try:
        header = rows.fieldnames or ()
        _check_header(header, name)
        for row in rows:
            where = f"{name}, line {rows.line_num}"
            if None in row or None in row.values():
                raise ValueError(f"{where}: expected {len(header)} fields, got {_count(row)}")
            for column in _COLUMNS:
                columns[column].append(_parsed(row[column], column, where))
            _check_next_day(columns["date"], where)
    except csv.Error as error:
        raise ValueError(f"{name}, line {max(rows.line_num, 1)}: {error}") from error
    if not columns["date"]:
        raise ValueError(f"{name}: a header and no rows")
    return Weather(**{column: np.array(values) for column, values in columns.items()})


def _bundled() -> str:
    return resources.files(__name__).joinpath("seattle_weather.csv").read_text("utf-8")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is no UTF-8 text") from error


def _check_header(header: Sequence[str], name: str) -> None:
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise ValueError(
            f"{name}: no column {', '.join(missing)}; found {', '.join(header) or 'an empty file'}"
        )
    for column in _COLUMNS:
        if header.count(column) > 1:
            raise ValueError(f"{name}: {header.count(column)} columns {column}, expected one")


def _parsed(cell: str, column: str, where: str) -> object:
    if column == "weather":
        if not cell.strip():
            raise ValueError(f"{where}: column weather: got {cell!r}, expected a word")
        return cell
    if column == "date":
        return _day(cell, where)
    try:
        number = float(cell) if "_" not in cell else math.nan  # Python reads 1_2 as 12
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: column {column}: got {cell!r}, expected a finite number")
    return number


def _day(cell: str, where: str) -> np.datetime64:
    try:
        if match := _DATE.fullmatch(cell.strip()):
            return np.datetime64("-".join(match.groups()), "D")
    except ValueError:  # a month 13
        pass
    raise ValueError(f"{where}: column date: got {cell!r}, expected YYYY-MM-DD") from None


def _count(row: dict[str | None, object]) -> int:
    present = sum(value is not None for key, value in row.items() if key is not None)
    surplus = row.get(None)
    return present + (len(surplus) if isinstance(surplus, list) else 0)


def _check_next_day(dates: Sequence[np.datetime64], where: str) -> None:
    if len(dates) > 1 and dates[-1] - dates[-2] != np.timedelta64(1, "D"):
        raise ValueError(f"{where}: after {dates[-2]} comes {dates[-1]}, expected the next day")
