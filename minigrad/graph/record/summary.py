"""Arrays as JSON holds them: every entry of a small one, the gist of a large one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_ENTRIES = 64  # of an array that is written out
GRID = 8  # most rows and columns of a heat map
_KINDS = "biufc"  # booleans and numbers; symbols and whatever is lazy are not written out


@dataclass(frozen=True)
class Summary:
    """The gist of an array.

    Attributes:
        shape: of the array.
        dtype: of the array.
        minimum, mean, maximum: of its finite entries (of their moduli if they are complex);
            NaN if there are none, or if the array has no numbers.
        norm: root of the sum of the squares of its finite entries; NaN as above.
        nonfinite: how many entries are NaN or infinite.
        grid: means of the finite entries in at most 8 × 8 blocks of the array, seen as a matrix
            whose columns are the last axis; empty if the array has no numbers.
    """

    shape: tuple[int, ...]
    dtype: str
    minimum: float
    mean: float
    maximum: float
    norm: float
    nonfinite: int
    grid: tuple[tuple[float, ...], ...]


def summarise(array: Any) -> Summary:
    """The summary of an array of any world; of a `Summary` itself."""
    if isinstance(array, Summary):
        return array
    shape, dtype = tuple(array.shape), str(array.dtype)
    if not _has_numbers(array):
        return Summary(shape, dtype, math.nan, math.nan, math.nan, math.nan, 0, ())
    array = np.asarray(array)
    sizes = np.abs(array) if array.dtype.kind == "c" else array.astype(np.float64)
    finite = sizes[np.isfinite(sizes)]
    low, mean, high, norm = (
        float(of(finite)) if finite.size else math.nan
        for of in (np.min, np.mean, np.max, np.linalg.norm)
    )
    return Summary(shape, dtype, low, mean, high, norm, sizes.size - finite.size, _grid(sizes))


def to_dict(array: Any) -> dict[str, Any]:
    """An array as JSON holds it: its entries if there are at most 64, else its `Summary`."""
    if _has_numbers(array) and array.size <= MOST_ENTRIES:
        dtype, entries = str(array.dtype), plain(array.tolist())
        return {"shape": list(array.shape), "dtype": dtype, "entries": entries}
    gist = summarise(array)
    return {
        "shape": list(gist.shape),
        "dtype": gist.dtype,
        "min": plain(gist.minimum),
        "mean": plain(gist.mean),
        "max": plain(gist.maximum),
        "norm": plain(gist.norm),
        "nonfinite": gist.nonfinite,
        "grid": [[plain(x) for x in row] for row in gist.grid],
    }


def from_dict(given: Mapping[str, Any]) -> np.ndarray | Summary:
    """What `to_dict` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not.
    """
    shape, dtype = tuple(map(int, given["shape"])), str(given["dtype"])
    if "entries" in given:
        kind = np.dtype(dtype)
        if kind.kind not in _KINDS:
            raise ValueError(f"got entries of dtype {dtype}, expected numbers")
        number = {"c": complex, "f": float}.get(kind.kind, int)
        numbers = [number(entry) for entry in flat(given["entries"])]
        return np.array(numbers, kind).reshape(shape)
    low, mean, high, norm = (float(given[key]) for key in ("min", "mean", "max", "norm"))
    grid = tuple(tuple(map(float, row)) for row in given["grid"])
    return Summary(shape, dtype, low, mean, high, norm, int(given["nonfinite"]), grid)


def _has_numbers(array: Any) -> bool:
    return isinstance(array, np.ndarray | np.generic) and array.dtype.kind in _KINDS


def _grid(array: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Means of blocks of the array as a matrix, NaN where a block has no finite entry."""
    if array.size == 0:
        return ()
    matrix = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    finite = np.isfinite(matrix)
    sums, counts = np.where(finite, matrix, 0), finite.astype(float)
    for axis in (0, 1):
        length = matrix.shape[axis]
        starts = np.arange(min(length, GRID)) * length // min(length, GRID)
        sums, counts = (np.add.reduceat(part, starts, axis=axis) for part in (sums, counts))
    with np.errstate(invalid="ignore"):
        return tuple(map(tuple, (sums / counts).tolist()))


def plain(value: Any) -> Any:
    """Numbers as JSON knows them, nested alike; others as text."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value


def flat(nested: Any) -> list[Any]:
    """The numbers in nested lists, in order."""
    if isinstance(nested, list):
        return [entry for part in nested for entry in flat(part)]
    return [nested]
