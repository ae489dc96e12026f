"""Pieces of written source: numbers, arrays, names, comments and long lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.compile.operations import SIGN, SUM, written
from minigrad.compile.program import Literal, Slot, Variable

ATOM = 100
"""How strongly names and calls bind."""
_COMMENT = 60  # column of the comments
_SMALL = 8  # entries of a constant that is written out
_LINE = 96  # length of a line of names


@dataclass(frozen=True)
class Expression:
    """A piece of source.

    Attributes:
        text: Python.
        rank: how strongly its outermost operator binds.
    """

    text: str
    rank: int = ATOM

    def within(self, rank: int, *, right: bool = False) -> str:
        """The text as an operand of an operator of this rank."""
        weak = self.rank <= rank if right else self.rank < rank
        return f"({self.text})" if weak else self.text


def identifier(wanted: str) -> str:
    """A name like another that Python takes."""
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wanted)).strip("_") or "t"
    return f"v{name}" if name[0].isdigit() else name


def literal(x: Literal) -> Expression:
    """A number."""
    value = np.asarray(x.value).item()
    if isinstance(value, float) and not np.isfinite(value):
        text = "np.nan" if value != value else "np.inf" if value > 0 else "-np.inf"
    else:
        text = repr(value)
    return Expression(text, SIGN if text.startswith("-") else ATOM)


def constant_text(value: np.ndarray) -> Expression | None:
    """A constant that has a short way of writing."""
    shape, flat = value.shape, value.ravel()
    if value.dtype.kind == "i" and value.size > 1 and (flat == np.arange(value.size)).all():
        tail = "" if value.ndim == 1 else f".reshape({', '.join(map(str, shape))})"
        return Expression(f"np.arange({value.size}){tail}")
    if value.ndim == 2 and value.size > 1 and (found := _pattern(value)) is not None:
        return found
    if value.size and (flat == flat[0]).all():
        text = literal(Literal(flat[0])).text
        dtype = "" if value.dtype in (float, int) else f", {written(value.dtype)}"
        return (
            Expression(f"np.full({shape_text(shape)}, {text}{dtype})")
            if shape
            else Expression(text)
        )
    return Expression(listed_array(value)) if value.size <= _SMALL else None


def _pattern(value: np.ndarray) -> Expression | None:
    """A matrix of ones along a diagonal, or on one side of it."""
    rows, columns = value.shape
    size = str(rows) if rows == columns else f"{rows}, {columns}"
    kind = "bool" if value.dtype == bool else written(value.dtype)
    dtype = "" if value.dtype == float else f", dtype={kind}"
    for k in (0, -1, 1):
        given = f"{rows}, {columns}, {k}" if k else size
        below = np.tri(rows, columns, k)
        if (value == below).all():
            return Expression(f"np.tri({given}{dtype})")
        if (value == 1 - below).all():
            text, is_mask = f"np.tri({given}{dtype})", value.dtype == bool
            return Expression(f"~{text}", SIGN) if is_mask else Expression(f"1 - {text}", SUM)
    if (value == np.eye(rows, columns)).all():
        return Expression(f"np.eye({size}{dtype})")
    if not dtype and (value == np.tri(rows, columns) - 0.5 * np.eye(rows, columns)).all():
        return Expression(f"np.tri({size}) - 0.5 * np.eye({size})", SUM)
    return None


def listed_array(value: np.ndarray) -> str:
    """An array with all its entries."""
    dtype = "" if value.dtype in (float, int, bool) else f", {written(value.dtype)}"
    return f"np.array({value.tolist()!r}{dtype})"


def drawn(value: Any) -> str:
    """Numbers like an example's, drawn at random."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}": {drawn(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(drawn, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    if isinstance(value, np.random.Generator):
        return "rng"
    if isinstance(value, np.ndarray | Variable) and value.dtype is not None and not (
        isinstance(value, Variable) and value.weak
    ):  # fmt: skip
        kind, shape = value.dtype.kind, shape_text(value.shape)
        if kind in "iu":
            top = int(value.max(initial=0)) + 1 if isinstance(value, np.ndarray) else 2
            return f"rng.integers({top}, size={shape})"
        if kind == "b":
            return f"rng.random({shape}) < 0.5"
        tail = "" if value.dtype == float else f".astype({written(value.dtype)})"
        if isinstance(value, np.ndarray) and value.size and value.max() > 0 <= value.min():
            low, high = value.min(), value.max()  # such as what a root or a logarithm takes
            low, high = (float(f"{v:.1g}") for v in (low if low < high else low / 2, high))
            return f"rng.uniform({low}, {high}, size={shape}){tail}"
        return f"rng.normal(size={shape}){tail}"
    return repr(value) if not isinstance(value, Variable) else "1.0"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as Python's tuple."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def commented(line: str, comment: str) -> str:
    """A line with a comment, in the column of the others if there is room."""
    return f"{line:<{_COMMENT}}# {comment}" if len(line) < _COMMENT else f"{line}  # {comment}"


def wrapped(lines: Sequence[str]) -> Iterator[str]:
    """Lines with many names, broken at commas."""
    for line in lines:
        match = re.fullmatch(r"(return |cache = )(.*)|(.*)( = cache)", line)
        if len(line) <= _LINE or match is None:
            yield line
            continue
        before, names = match[1] or "", match[2] or match[3]
        names = names[1:-1] if before == "cache = " else names
        yield f"{before}("
        yield from _filled(names)
        yield f"){match[4] or ''}"


def _filled(names: str) -> Iterator[str]:
    """Names, as many in a line as there is room for."""
    line = "   "
    for part in re.split(r", (?![^(\[{]*[)\]}])", names.rstrip(",")):
        if len(line) + len(part) > _LINE - 6:
            yield line
            line = "   "
        line += f" {part},"
    yield line


def slots_of(value: Any) -> list[int]:
    """The numbers of the operands that stand in a keyword's value."""
    if isinstance(value, Slot):
        return [value.position]
    if isinstance(value, tuple | list):
        return [k for part in value for k in slots_of(part)]
    return []
