"""Lengths of axes that are not fixed: numbers of a program that grow with them, as formulas.

A program is written down for given lengths. Where some are to stay open, it is written down for
several, and the programs are compared: a number that is 6, 9 and 12 where the batch is 2, 3 and 4
is 3 · batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_STEPS = (1, 3, -1, -3, -2, 2)  # by how much a length is longer than in the example


@dataclass(frozen=True)
class Size:
    """A whole number that depends on lengths: constant + Σ factor · Π lengths.

    Attributes:
        constant: what does not depend on them.
        terms: pairs of a factor and of the names of the lengths that it is multiplied by.
    """

    constant: int
    terms: tuple[tuple[int, tuple[str, ...]], ...]

    def at(self, lengths: Mapping[str, int]) -> int:
        """The number for these lengths.

        Example:
            >>> from minigrad.onnx.sizes import Size
            >>> Size(1, ((3, ("batch",)),)).at({"batch": 2})
            7
        """
        return self.constant + sum(
            factor * math.prod(lengths[name] for name in names) for factor, names in self.terms
        )


class NoFormulaError(ValueError):
    """A number that depends on the lengths in another way."""


class Runs:
    """Lengths for which a program is written down, the example's first.

    Args:
        lengths: those of the example, by name.
        longest: how long they may become.

    Attributes:
        lengths: for each run.

    Raises:
        ValueError: there are not three lengths from 2 to ``longest`` to compare.

    Example:
        >>> from minigrad.onnx.sizes import Runs
        >>> runs = Runs({"batch": 2})
        >>> [run["batch"] for run in runs.lengths], runs.formula([6, 9, 15])
        ([2, 3, 5], Size(constant=0, terms=((3, ('batch',)),)))
    """

    def __init__(self, lengths: Mapping[str, int], longest: int = 1024) -> None:
        base = {name: max(n, 2) for name, n in lengths.items()}  # 1 is broadcast
        self.names = tuple(base)
        self.lengths = [base]
        together = {}
        for k, (name, n) in enumerate(base.items()):
            others = [n + s for s in _STEPS if 2 <= n + s <= max(longest, n)][:2]
            if len(others) < 2:
                raise ValueError(
                    f"onnx.export: the length {name} is {n} of at most {longest}, and programs for "
                    "three lengths from 2 on are compared; leave that axis out of dynamic_axes"
                )
            self.lengths += [base | {name: other} for other in others]
            together[name] = n + 2 + k if n + 2 + k <= longest else others[1]
        if len(base) > 1:
            self.lengths.append(together)

    def formula(self, numbers: Sequence[int]) -> int | Size:
        """The number that has these values.

        Raises:
            NoFormulaError: there is none.
        """
        first, base = numbers[0], self.lengths[0]
        slopes = {
            name: (numbers[1 + 2 * k] - first) // (self.lengths[1 + 2 * k][name] - base[name])
            for k, name in enumerate(self.names)
        }
        moving = tuple(name for name in self.names if slopes[name])
        if not moving:
            candidates = [Size(first, ())]
        else:
            rest = first - sum(slopes[name] * base[name] for name in moving)
            product = math.prod(base[name] for name in moving)
            candidates = [
                Size(rest, tuple((slopes[name], (name,)) for name in moving)),
                Size(0, ((first // product, moving),)),
            ]
        for size in candidates:
            if all(size.at(run) == n for run, n in zip(self.lengths, numbers, strict=True)):
                return size if size.terms else size.constant
        raise NoFormulaError(f"{', '.join(map(str, numbers))}")


def nest(values: Sequence[Any], number: Callable[[Sequence[int]], Any]) -> Any:
    """One nest for several that differ in whole numbers: `number` gives what stands for those.

    Raises:
        NoFormulaError: they differ in something else.

    Example:
        >>> from minigrad.onnx.sizes import nest
        >>> nest([(1, 2), (1, 3)], lambda numbers: max(numbers))
        (1, 3)
    """
    first = values[0]
    if all(v is first for v in values):
        return first
    if isinstance(first, int | np.integer) and not isinstance(first, bool):
        return number([int(v) for v in values])
    if isinstance(first, slice):
        parts = [(v.start, v.stop, v.step) for v in values]
        return slice(*nest(parts, number))
    if isinstance(first, tuple | list) and all(
        type(v) is type(first) and len(v) == len(first) for v in values
    ):
        return type(first)(nest(parts, number) for parts in zip(*values, strict=True))
    if isinstance(first, Mapping):
        return {k: nest([v[k] for v in values], number) for k in first}
    if all(type(v) is type(first) and v == first for v in values):
        return first
    raise NoFormulaError(f"{first!r} and others")
