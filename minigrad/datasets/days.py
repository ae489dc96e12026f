"""Daily series: one row of numbers per day, from a reader's own file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigrad.datasets.table import dates, decimal_sign, is_missing, number, read_rows


@dataclass(frozen=True)
class Days:
    """Numbers of each day, no day missing.

    Attributes:
        date: the days, datetime64[D].
        names: of the columns.
        values: (days, columns).
        filled: what had no value in the file and was interpolated, in words; "" if nothing.

    Example:
        >>> from minigrad.datasets import Days
        >>> dates = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
        >>> len(Days(dates, ("temp_max",), np.array([[8.0], [9.5]])))
        2
    """

    date: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    filled: str = ""

    def __len__(self) -> int:
        return len(self.date)


def read_days(
    path: str | os.PathLike[str],
    *,
    first: Sequence[str] = (),
    fill: bool = False,
    encoding: str | None = None,
) -> Days:
    r"""The daily series of a CSV or Excel file: its dates, and every column of numbers.

    Commas, semicolons or tabs may separate the cells; decimals have a point or a comma; dates are
    YYYY-MM-DD, DD/MM/YYYY or MM/DD/YYYY. The dates are in the first column all of whose cells
    look like dates, whatever its name. Columns of words are left out.

    Args:
        path: the file; the first line has the names of the columns.
        first: names of columns that come first in the result, as far as they are there.
        fill: interpolate between the neighbours where a cell or a day is missing.
        encoding: of a CSV file, if you know it: latin-1, shift_jis, … By default UTF-8, or what
            its byte-order mark says, else Windows-1252, with a warning.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a table; a day is there twice or before the one above; a value or
            a day is missing, and ``fill`` was not asked for: one line that says where.

    Example:
        >>> from minigrad.datasets import read_days
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "days.csv")
        >>> _ = path.write_text("fecha;máxima\n30/01/2024;8,5\n31/01/2024;9,5\n", "utf-8")
        >>> read_days(path).values.tolist()
        [[8.5], [9.5]]
    """
    found = list(read_rows(Path(path), encoding=encoding))
    header = list(found[0][1])
    table = {name: [(where, row[name]) for where, row in found] for name in header}
    when, day_column = _days(path, table)
    words = {name for name in header if name != day_column and _is_words(table[name])}
    names = [name for name in header if name != day_column and name not in words]
    names.sort(key=lambda name: list(first).index(name) if name in first else len(first))
    if not names:
        raise ValueError(f"{path}, line 1: no column of numbers; found {', '.join(header)}")
    sign = decimal_sign(cell for name in names for cell in table[name])
    values = np.array([
        [np.nan if is_missing(cell) else number(cell, name, where, decimal=sign)
         for where, cell in table[name]]
        for name in names
    ]).T  # fmt: skip
    steps = np.diff(when).astype(int)
    for k in np.flatnonzero(steps < 1)[:1]:
        raise ValueError(
            f"{found[k + 1][0]}: after {when[k]} comes {when[k + 1]}, expected the next day"
        )
    missing = _missing(found, when, names, values)
    if missing and not fill:
        raise ValueError(f"{missing}; fill them in, or pass --fill (in Python, fill=True)")
    every = np.arange(when[0], when[-1] + 1)
    if missing:
        values = np.stack([_interpolated(every, when, column) for column in values.T], axis=-1)
    return Days(every, tuple(names), values, missing)


def _days(
    path: str | os.PathLike[str], table: dict[str, list[tuple[str, str]]]
) -> tuple[np.ndarray, str]:
    """The days, and the name of their column: the first one whose cells are dates."""
    refused: ValueError | None = None
    for name, cells in table.items():
        if _is_words(cells):
            try:
                return dates(cells, name), name
            except ValueError as error:
                nearly = "date" in name.lower() or "fecha" in name.lower()
                refused = error if nearly or refused is None else refused
    raise refused or ValueError(f"{path}, line 1: no column of dates; found {', '.join(table)}")


def _is_words(cells: Sequence[tuple[str, str]]) -> bool:
    """Whether most cells that hold something hold no number."""
    said = [cell for _, cell in cells if not is_missing(cell)]
    return sum(_is_number(cell) for cell in said) <= len(said) / 2


def _is_number(cell: str) -> bool:
    for sign in ".,":
        try:
            number(cell, "", "", decimal=sign)
        except ValueError:
            continue
        return True
    return False


def _missing(
    found: Sequence[tuple[str, object]], when: np.ndarray, names: Sequence[str], values: np.ndarray
) -> str:
    """What is missing, in words; "" if nothing is."""
    parts = []
    rows, columns = np.nonzero(np.isnan(values))
    if len(rows):
        parts.append(
            f"{found[rows[0]][0]}: column {names[columns[0]]}: no value; "
            f"cells without one: {len(rows)} of {values.size}"
        )
    steps = np.diff(when).astype(int)
    if (gaps := np.flatnonzero(steps > 1)).size:
        k = gaps[0]
        where = "" if parts else f"{found[k + 1][0]}: "
        parts.append(
            f"{where}after {when[k]} comes {when[k + 1]}; days missing: {(steps[gaps] - 1).sum()}"
        )
    return "; ".join(parts)


def _interpolated(every: np.ndarray, when: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The column on every day, straight between those that have a value."""
    known = ~np.isnan(column)
    return np.interp(every.astype(float), when[known].astype(float), column[known])
