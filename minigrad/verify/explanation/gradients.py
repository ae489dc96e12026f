"""What is wrong with a whole gradient, where no line of the code is known to be at fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.verify.explanation.terms import close, formula, number


@dataclass(frozen=True)
class Evidence:
    """One gradient that is wrong.

    Attributes:
        name: of the input.
        mine: what backward returned; ``None`` for nothing.
        right: the right one.
        named: arrays that the code has names for.
        lengths: of axes, and which they are.
    """

    name: str
    mine: Any
    right: np.ndarray
    named: Mapping[str, np.ndarray]
    lengths: Mapping[int, str]

    @property
    def what(self) -> str:
        """The gradient, as sentences call it."""
        return f"∂L/∂{self.name}"


def outright(e: Evidence) -> str | None:
    """A fault that needs no search: nothing, no number, another shape."""
    if not np.any(e.right):
        if e.mine is None or not np.any(np.asarray(e.mine, dtype=float)):
            return None
        return f"{e.what} should be 0: the outputs do not change with {e.name} here"
    if e.mine is None:
        return f"{e.what} is missing: it returns None, right is {_right(e)}"
    mine = np.asarray(e.mine, dtype=float)
    if mine.shape != e.right.shape:
        return _wrong_shape(e, mine)
    return None


def as_a_whole(e: Evidence) -> str | None:
    """A sign, a factor, a transpose or a turn that all entries lack."""
    mine = np.asarray(e.mine, dtype=float)
    if not np.all(np.isfinite(mine)):
        return f"{e.what} is not finite: {_entry(mine, ~np.isfinite(mine))}"
    if not np.any(e.right):
        return f"{e.what} should be 0"
    if not np.any(mine):
        found = formula(e.right, e.named, most=3, lengths=tuple(e.lengths))
        return f"{e.what} is 0, right is {signed(found) if found else 'not'}"
    if close(mine, -e.right):
        return f"{e.what} has the wrong sign"
    scale = _scale(e, mine)
    if scale:
        return f"{e.what} {scale}"
    for axis in range(mine.ndim):
        if close(np.flip(mine, axis), e.right):
            return f"{e.what} is the right one in reverse order along axis {axis}"
    if mine.ndim >= 2 and mine.shape[-1] == mine.shape[-2]:
        for sign, told in ((1, ""), (-1, " with the wrong sign")):
            if close(mine.swapaxes(-1, -2), sign * e.right):
                return f"{e.what} is the transpose of the right one{told}"
    return None


def by_formula(e: Evidence) -> str | None:
    """The factor or the term that it lacks, or both sides as formulas, in the code's names."""
    mine, right, what, named = np.asarray(e.mine, dtype=float), e.right, e.what, dict(e.named)
    block = _part(mine, right)
    if block is not None:
        what += f" in [{', '.join(f'{s.start}:{s.stop}' for s in block)}]"
        mine, right = mine[block], right[block]
        named = {n: a[block] if a.shape == e.right.shape else a for n, a in named.items()}
        told = as_a_whole(Evidence(e.name, mine, right, named, e.lengths))
        if told:
            return told.replace(e.what, what, 1)
    else:
        wrong = ~np.isclose(mine, right, rtol=1e-7, atol=1e-9 * np.max(np.abs(right)))
        if wrong.any() and not wrong.all():
            return _where(e, mine, wrong)
    every = named
    named = {n: a for n, a in named.items() if not (
        a.shape == right.shape and (close(a, mine) or close(a, right)))}  # fmt: skip
    lengths = tuple(e.lengths)
    with np.errstate(all="ignore"):
        lacking = formula(right / mine, named, most=2, lengths=lengths)
        surplus = formula(mine / right, named, most=2, lengths=lengths)
    if lacking and "/" not in lacking[1]:
        return f"{what} lacks the factor {signed(lacking)}"
    if surplus:
        return f"{what} has an extra factor {signed(surplus)}"
    both = [formula(a, named, most=2, lengths=lengths) for a in (mine, right)]
    if both[0] and both[1]:
        return f"{what} is {signed(both[0])}, right is {signed(both[1])}"
    missing = formula(right - mine, every, most=3, lengths=lengths)
    if missing and missing[1][0].isdigit():  # twice a term, if half of it is written without
        half = formula((right - mine) / 2, every, most=3, lengths=lengths)
        if half and not half[1][0].isdigit():
            return f"{what} has the sign of the term {half[1]} reversed"
    if missing:
        return f"{what} lacks the term {signed(missing)}"
    return f"{what} should be {signed(both[1])}" if both[1] else None


def by_number(e: Evidence) -> str:
    """The entry that is off most, with digits that show it."""
    mine = np.asarray(e.mine, dtype=float)
    worst = np.unravel_index(int(np.argmax(np.abs(mine - e.right))), e.right.shape)
    entry = f"entry ({', '.join(map(str, worst))}) " if worst else ""
    a, b = float(mine[worst]), float(e.right[worst])
    for digits in (6, 9, 12, 16):
        if f"{a:.{digits}g}" != f"{b:.{digits}g}":
            break
    off = abs(a - b) / max(abs(a), abs(b))
    return f"{e.what} is wrong: {entry}is {a:.{digits}g}, right is {b:.{digits}g}, off by {off:.1g}"


def _where(e: Evidence, mine: np.ndarray, wrong: np.ndarray) -> str | None:
    """Which entries are wrong, if a comparison of what has a name says it, and what they lack."""
    conditions: dict[str, np.ndarray] = {}
    for name, a in e.named.items():
        if a.shape == wrong.shape:
            conditions |= {f"{name} > 0": a > 0, f"{name} ≤ 0": a <= 0, f"{name} = 0": a == 0}
    told = next((text for text, mask in conditions.items() if np.array_equal(mask, wrong)), None)
    if told is None:
        return None
    named = {n: a[wrong] for n, a in e.named.items() if a.shape == wrong.shape}
    right = formula(e.right[wrong], named, most=2, lengths=tuple(e.lengths))
    if right is None:
        return f"{e.what} is wrong where {told}"
    own = formula(mine[wrong], named, most=2, lengths=tuple(e.lengths))
    is_ = "0" if not np.any(mine[wrong]) else signed(own) if own else "something else"
    return f"{e.what} is {is_} where {told}, right is {signed(right)}"


def signed(found: tuple[float, str]) -> str:
    """A formula with its sign."""
    constant, text = found
    return f"−{text}" if constant < 0 else text


def _right(e: Evidence) -> str:
    """The right gradient as a formula, or its size."""
    found = formula(e.right, e.named, most=3, lengths=tuple(e.lengths))
    return signed(found) if found else f"not 0: {_entry(e.right, e.right != 0)}"


def _scale(e: Evidence, mine: np.ndarray) -> str | None:
    """A constant that all entries lack."""
    largest = np.unravel_index(int(np.argmax(np.abs(e.right))), e.right.shape)
    if e.right.size < 2 or not mine[largest]:
        return None
    ratio = float(e.right[largest] / mine[largest])
    if not close(mine * ratio, e.right):
        return None
    scalars = (n for n, a in e.named.items() if a.size == 1 and close(a, a * 0 + ratio))
    text = number(ratio, e.lengths) or next(scalars, f"{ratio:.6g}")
    length = text.rpartition("/")[2].lstrip("−√")
    axis = e.lengths.get(int(length)) if length.isdigit() and int(length) > 2 else None
    known = f" ({length} is the length of {axis})" if axis else ""
    return f"lacks the factor {text}{known}"


def _wrong_shape(e: Evidence, mine: np.ndarray) -> str:
    what, right = e.what, e.right
    got = f"got shape {mine.shape}, expected {right.shape}"
    if mine.ndim >= 2 and mine.T.shape == right.shape and close(mine.T, right):
        return f"{what} is the transpose of the right one: {got}"
    lead = mine.ndim - right.ndim
    if lead >= 0:
        axes = tuple(range(lead)) + tuple(
            lead + a for a, n in enumerate(right.shape) if n == 1 and mine.shape[lead + a] != 1
        )
        tail = mine.sum(axis=axes, keepdims=True)
        if axes and tail.size == right.size and close(tail.reshape(right.shape), right):
            several = "axes " + ", ".join(map(str, axes)) if len(axes) > 1 else f"axis {axes[0]}"
            return f"{what} was not summed over {several}: {got}"
    found = formula(right, e.named, most=2, lengths=tuple(e.lengths))
    return f"{what} has the wrong shape: {got}" + (f"; right is {signed(found)}" if found else "")


def _part(mine: np.ndarray, right: np.ndarray) -> tuple[slice, ...] | None:
    """The block that holds all wrong entries, where it is not the whole and wholly wrong."""
    scale = np.max(np.abs(right), initial=0)
    wrong = np.abs(mine - right) > 1e-9 * scale
    if not wrong.any() or not wrong.ndim:
        return None
    block = tuple(slice(int(w.min()), int(w.max()) + 1) for w in np.nonzero(wrong))
    return block if wrong[block].all() and not wrong.all() else None


def _entry(array: np.ndarray, mask: np.ndarray) -> str:
    index = tuple(int(w[0]) for w in np.nonzero(np.atleast_1d(mask)))[: array.ndim]
    where = f"entry ({', '.join(map(str, index))})" if index else "it"
    return f"{where} is {array[index]:.6g}"
