"""Real data that ships with minigrad, and the loader that also takes a file of one's own."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import resources
from io import StringIO
from pathlib import Path

import numpy as np

__all__ = ["Weather", "seattle_weather"]


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
    rows = csv.DictReader(StringIO(text), strict=True)
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ValueError(
            f"{name}: no column {', '.join(missing)}; found "
            f"{', '.join(rows.fieldnames or ()) or 'an empty file'}"
        )
    columns: dict[str, list[object]] = {column: [] for column in _COLUMNS}
    try:
        for row in rows:
            where = f"{name}, line {rows.line_num}"
            if None in row or None in row.values():
                raise ValueError(
                    f"{where}: expected {len(rows.fieldnames or ())} fields, got {_count(row)}"
                )
            for column in _COLUMNS:
                columns[column].append(_parsed(row[column], column, where))
    except csv.Error as error:
        raise ValueError(f"{name}, line {rows.line_num}: {error}") from error
    if not columns["date"]:
        raise ValueError(f"{name}: a header and no rows")
    _check_days(columns["date"], name)
    return Weather(**{column: np.array(values) for column, values in columns.items()})


def _bundled() -> str:
    return resources.files(__name__).joinpath("seattle_weather.csv").read_text("utf-8")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is no UTF-8 text") from error


def _parsed(cell: str, column: str, where: str) -> object:
    if column == "weather":
        return cell
    if column == "date":
        try:
            return np.datetime64(cell.strip().replace("/", "-"), "D")
        except ValueError:
            raise ValueError(f"{where}: column date: got {cell!r}, expected YYYY-MM-DD") from None
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: column {column}: got {cell!r}, expected a finite number")
    return number


def _count(row: dict[str | None, object]) -> int:
    present = sum(value is not None for key, value in row.items() if key is not None)
    surplus = row.get(None)
    return present + (len(surplus) if isinstance(surplus, list) else 0)


def _check_days(dates: Sequence[object], name: str) -> None:
    steps = np.diff(np.array(dates)).astype(int)
    (jumps,) = np.nonzero(steps != 1)
    if jumps.size:
        before, after = dates[jumps[0]], dates[jumps[0] + 1]
        raise ValueError(f"{name}: after {before} comes {after}, expected the next day")
