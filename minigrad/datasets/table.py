"""Tables in CSV files: their cells, and in one line where something is wrong with them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from io import StringIO

import numpy as np


def rows(name: str, text: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table with a header: where each is, for messages, and its cells by column.

    Args:
        name: of the file.
        text: what is in it.
        columns: what it must have, in any order, and may have others beside.

    Raises:
        ValueError: a column is missing or there twice, a row is longer or shorter than the
            header, or there is none: names file and line.
    """
    lines = csv.reader(StringIO(text, newline=""), strict=True)
    empty = True
    try:
        header = next(lines, [])
        if missing := [column for column in columns if column not in header]:
            found = ", ".join(header) or "an empty file"
            raise ValueError(f"{name}, line 1: no column {', '.join(missing)}; found {found}")
        for column in columns:
            if header.count(column) > 1:
                raise ValueError(
                    f"{name}, line 1: {header.count(column)} columns {column}, expected one"
                )
        for cells in lines:
            where = f"{name}, line {lines.line_num}"
            if cells and len(cells) != len(header):
                raise ValueError(f"{where}: expected {len(header)} fields, got {len(cells)}")
            if cells:
                empty = False
                yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ValueError(f"{name}, line {max(lines.line_num, 1)}: {error}") from error
    if empty:
        raise ValueError(f"{name}, line 1: a header and no rows")


def number(cell: str, column: str, where: str) -> float:
    """The number in a cell.

    Raises:
        ValueError: it is none, or NaN or infinite, also when rounded to float32.
    """
    try:
        found = float(cell) if "_" not in cell else math.nan  # Python reads 1_2 as 12
    except ValueError:
        found = math.nan
    if not abs(found) <= float(np.finfo(np.float32).max):
        raise ValueError(f"{where}: column {column}: got {cell!r}, expected a finite number")
    return found
