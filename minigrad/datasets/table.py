"""Tables that people bring, CSV in any dialect or Excel files; errors name file and line."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np

from minigrad.extras import require
from minigrad.files import read_text

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?"))
"""What stands in a cell that holds no value, in small letters."""

_POINT = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d*)?(?:[eE][+-]?\d+)?")
_EITHER = re.compile(r"[+-]?\d{1,3}[.,]\d{3}")  # 1,234 is one point two or over a thousand
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_DAY_OR_MONTH = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?Z?$")


def read_rows(
    path: Path, columns: Sequence[str] = (), *, encoding: str | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a file: where each is, for messages, and its cells by column.

    Args:
        path: of a CSV file, see `rows`, or of an Excel file (.xlsx), whose first sheet is read.
        columns: what it must have.
        encoding: of a CSV file, see `minigrad.files.read_text`.

    Raises:
        ImportError: it is an Excel file, and the extra ``excel`` is not installed.
        OSError: it cannot be read.
        ValueError: it is not text or not a table, or lacks a column; the message says where.
    """
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        if encoding is not None:
            raise ValueError(f"{path}: got the encoding {encoding} for an Excel file, which says "
                             "itself how it is encoded; leave the encoding out")  # fmt: skip
        return _with_columns(str(path), _sheet(path), columns)
    return rows(str(path), read_text(path, encoding), columns)


def rows(name: str, text: str, columns: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table with a header: where each is, for messages, and its cells by column.

    Args:
        name: of the file.
        text: what is in it, its cells separated by commas, semicolons, tabs or vertical bars.
        columns: what it must have, in any order, and may have others beside.

    Raises:
        ValueError: a column is missing or there twice, a row is longer or shorter than the
            header, or there is none: names file and line.
    """
    lines = csv.reader(StringIO(text, newline=""), strict=True, delimiter=_separator(text, columns))

    def numbered() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in lines:
                yield lines.line_num, cells
        except csv.Error as error:
            raise ValueError(f"{name}, line {max(lines.line_num, 1)}: {error}") from error

    return _with_columns(name, numbered(), columns)


def _separator(text: str, columns: Sequence[str]) -> str:
    """What separates the names in the first line: that which finds the most of them."""
    first = text.partition("\n")[0]

    def found(separator: str) -> tuple[int, int]:
        names = [name.strip().strip('"') for name in first.split(separator)]
        return len(set(columns) & set(names)), len(names)

    return max(SEPARATORS, key=found)


def _sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet, their cells as text."""
    openpyxl = require("openpyxl", extra="excel")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        if isinstance(error, OSError) and error.filename:
            raise
        raise ValueError(f"{path}, line 1: no Excel file: {error}") from error
    for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
        found = [_written(cell) for cell in cells]
        yield number, found if any(found) else []


def _written(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, (datetime.datetime, datetime.date)):
        return cell.isoformat()
    return str(cell)


def _with_columns(
    name: str, lines: Iterator[tuple[int, list[str]]], columns: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    header = [cell.strip() for cell in next(lines, (1, []))[1]]
    if missing := [column for column in columns if column not in header]:
        found = ", ".join(header) or "an empty file"
        raise ValueError(f"{name}, line 1: no column {', '.join(missing)}; found {found}")
    for column in columns or header:
        if header.count(column) > 1:
            raise ValueError(
                f"{name}, line 1: {header.count(column)} columns {column}, expected one"
            )
    empty = True
    for number, cells in lines:
        where = f"{name}, line {number}"
        if cells and len(cells) != len(header):
            raise ValueError(f"{where}: expected {len(header)} fields, got {len(cells)}")
        if cells:
            empty = False
            yield where, dict(zip(header, cells, strict=True))
    if empty:
        raise ValueError(f"{name}, line 1: a header and no rows")


def is_missing(cell: str) -> bool:
    """Whether the cell holds no value: it is empty, NA, null, - or ?."""
    return cell.strip().lower() in MISSING


def decimal_sign(cells: Iterable[tuple[str, str]]) -> Literal[".", ","]:
    """What stands before the decimals in a file, seen from all its numbers: 1,5 or 1.5.

    Args:
        cells: where each cell is, and what is in it; those that are not numbers tell nothing.

    Raises:
        ValueError: some cells have a decimal comma and others a decimal point, or there is only
            such as 1,234, which may be either.
    """
    seen: dict[str, tuple[str, str]] = {}
    either = None
    for where, cell in cells:
        cell = cell.strip()
        if _EITHER.fullmatch(cell):
            either = either or ((where, cell) if "," in cell else None)
        elif "," in cell and _COMMA.fullmatch(cell):
            seen.setdefault(",", (where, cell))
        elif "." in cell and _POINT.fullmatch(cell):
            seen.setdefault(".", (where, cell))
        if len(seen) == 2:
            (here, one), (there, other) = seen["."], seen[","]
            raise ValueError(f"{here}: got {one!r}, and {other!r} at {there}: expected one decimal "
                             "sign in all of the file")  # fmt: skip
    if not seen and either:
        raise ValueError(f"{either[0]}: got {either[1]!r}, which may be a thousand or a decimal; "
                         "write it without the comma")  # fmt: skip
    return "," if "," in seen else "."


def number(cell: str, column: str, where: str, *, decimal: str = ".") -> float:
    """The number in a cell; signs between thousands are left out.

    Raises:
        ValueError: it is none, or NaN or infinite, also when rounded to float32.
    """
    text = cell.strip()
    if (_COMMA if decimal == "," else _POINT).fullmatch(text):
        text = text.replace("." if decimal == "," else ",", "").replace(",", ".")
    else:
        text = ""
    try:
        found = float(text)
    except ValueError:
        found = np.nan
    if not abs(found) <= float(np.finfo(np.float32).max):
        sign = " with a decimal comma" if decimal == "," else ""
        raise ValueError(f"{where}: column {column}: got {cell!r}, expected a finite number{sign}")
    return found


def dates(cells: Sequence[tuple[str, str]], column: str = "date") -> np.ndarray:
    """The days in cells, datetime64[D]: 2012-01-31, 31/01/2012 or 01/31/2012, with -, / or .

    Whether the day or the month comes first is the same in all of a file: the order in which
    each is a date, and if both would do, the one in which each day is after the one before.

    Args:
        cells: where each is, and what is in it.
        column: its name, for messages.

    Raises:
        ValueError: a cell is not a date of that kind, or day and month cannot be told apart.
    """
    orders: dict[str, list[np.datetime64]] = {"day": [], "month": []}
    wrong: dict[str, str] = {}
    for where, cell in cells:
        text = _MIDNIGHT.sub("", cell.strip())
        iso, other = _ISO.fullmatch(text), _DAY_OR_MONTH.fullmatch(text)
        for order, days in orders.items():
            if iso:
                year, month, day = iso.groups()
            elif other:
                first, second, year = other.groups()
                day, month = (first, second) if order == "day" else (second, first)
            else:
                raise ValueError(f"{where}: column {column}: got {cell!r}, expected YYYY-MM-DD, "
                                 "DD/MM/YYYY or MM/DD/YYYY")  # fmt: skip
            try:
                days.append(np.datetime64(f"{year}-{int(month):02}-{int(day):02}", "D"))
            except ValueError:  # a month 13
                wrong.setdefault(
                    order, f"{where}: column {column}: got {cell!r}, which is not a date with the "
                    f"{order} first",
                )  # fmt: skip
    fits = {order: np.array(days) for order, days in orders.items() if order not in wrong}
    if not fits:
        raise ValueError(max(wrong.values(), key=len) if len(set(wrong.values())) > 1
                         else next(iter(wrong.values())))  # fmt: skip
    if len(fits) == 2 and not np.array_equal(fits["day"], fits["month"]):
        rising = {order: days for order, days in fits.items()
                  if (np.diff(days) > np.timedelta64(0, "D")).all()}  # fmt: skip
        steps = {order: max(np.diff(days), default=np.timedelta64(0, "D"))
                 for order, days in rising.items()}  # fmt: skip
        if not rising or len(set(steps.values())) < len(steps):
            where, cell = cells[0]
            raise ValueError(f"{where}: column {column}: got {cell!r}: day and month cannot be "
                             "told apart; write YYYY-MM-DD")  # fmt: skip
        return rising[min(steps, key=steps.__getitem__)]
    return next(iter(fits.values()))
