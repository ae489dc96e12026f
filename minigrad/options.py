"""What command lines take beside click's own types, and what they suggest for a misspelt name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

import click


class CountRange(click.IntRange):
    """A range of whole numbers up to 10⁹, which fit the shape of an array."""

    name = "whole number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        number = super().convert(value, param, ctx)
        if number > 10**9:
            self.fail(f"{value} is too large, expected 1000000000 at most", param, ctx)
        return number


class FiniteRange(click.FloatRange):
    """A range of numbers without NaN and infinity, which click lets pass."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``": did you mean 'lstm'?"``, or nothing where no known name is like it.

    Example:
        >>> from minigrad.options import did_you_mean
        >>> did_you_mean("LSTN", ["lstm", "gru"])
        ": did you mean 'lstm'?"
    """
    spelled = {each.lower(): each for each in known}
    close = [spelled[low] for low in difflib.get_close_matches(name.lower(), spelled)]
    return f": did you mean {' or '.join(map(repr, close))}?" if close else ""
