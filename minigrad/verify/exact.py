"""The exact judge: the code on numbers with a twin in a finite field, the outputs on dual numbers.

What differs there is looked at again with fifty digits, since a field has not every law of the
real numbers.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from minigrad.arrays import budget
from minigrad.arrays.budget import OutOfBudgetError
from minigrad.arrays.numbers import (
    PRIME,
    Digits,
    NoRootError,
    Number,
    Numbers,
    OutsideDomainError,
    Residue,
)
from minigrad.verify.finding import (
    OUTPUT,
    Finding,
    Settings,
    WrongGradientError,
    as_said,
    copies,
    where,
)
from minigrad.verify.numeric import compare_floats
from minigrad.verify.points import Point, elsewhere, example, near, twins
from minigrad.verify.subject import Subject

DRAWS = 33  # points of the field that are tried until one has all the roots
ROUNDED = 1e-13  # relative size of a difference that no float shows
_MEMORY = 2e9  # bytes that the exact judge may take
_BYTES = 200  # of a number of a field, with its twin and its slope
_MADE = 8  # numbers that are made for each entry before anything is computed
_FEW = 256  # entries of inputs up to which no example takes much memory
_BRANCHES = 2  # more points, where comparisons choose a branch
_SAME = 1e-30  # relative difference of two results of fifty digits that are the same


def exact(subject: Subject, settings: Settings) -> Finding:
    """Claimed gradients and outputs on dual numbers, in a finite field: equal or not."""
    finding = Finding("exact", "entries equal", shapes=subject.shapes)
    if subject.numbers_only:
        finding.reason = f"not tried: {subject.numbers_only}"
        return finding
    until = time.thread_time() + settings.seconds
    for variant in [subject, *_reversed(subject.smaller())]:
        left = until - time.thread_time()
        if left < 0.05:
            break
        finding.shapes, finding.reason = variant.shapes, ""
        memory = _memory_of(variant)
        if memory > _MEMORY:
            finding.reason = f"not tried: it would take about {memory / 1e9:.2g} GB of memory"
            continue
        try:
            with budget.within(left), Digits.precision():
                _in_worlds(variant, settings, finding)
            return finding
        except OutOfBudgetError:
            finding.reason = f"not done within {settings.seconds:g} s (--budget)"
        except OutsideDomainError as error:
            finding.reason = f"not judged: the code leaves its domain ({error})"
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            finding.reason = (
                f"not judged: the code does not run on exact numbers "
                f"({type(error).__name__}: {text})"
            )
    finding.figures, finding.wrong = {}, {}
    return finding


def _memory_of(subject: Subject) -> float:
    """Bytes that the numbers of a field will take, judged by what its floats take at most."""
    if subject.entries < _FEW or tracemalloc.is_tracing():
        return 0.0
    tracemalloc.start()
    try:
        subject.pull(
            copies(example(subject)), lambda outputs: [np.ones(np.shape(y)) for y in outputs]
        )
        _, peak = tracemalloc.get_traced_memory()
    except Exception:  # what the judge will meet, and name
        return 0.0
    finally:
        tracemalloc.stop()
    return peak / 8 * _BYTES


def _reversed(variants: Iterator[Subject]) -> list[Subject]:
    return list(variants)[::-1]


def _in_worlds(subject: Subject, settings: Settings, finding: Finding) -> None:
    """Judge at a point of the field; at one of fifty digits where it has not all the roots.

    What is equal with a random number for a root that is missing is an identity whatever the
    roots are. What is not may need (√x)² = x, so that a point with all the roots is looked for.
    """
    unequal, points, roots = True, 0, False
    outside: OutsideDomainError | None = None
    for draw in range(DRAWS):
        rng = np.random.default_rng((settings.seed, draw))
        point = elsewhere(subject, rng) if points or outside else near(subject, rng)
        before = Number.comparisons
        try:
            with Residue.afresh(any_root=not roots or draw == DRAWS - 1):
                unequal = bool(disagreements(subject, Residue, point, rng, by_name=False))
            if unequal and Residue.drew_root and not roots:
                roots = True
                continue
        except NoRootError:
            continue
        except OutsideDomainError as error:
            if not points and not subject.free:
                raise
            outside = error
            continue
        points += 1
        finding.established = (
            f"equal at a random point of a field of {PRIME} elements, without tolerance: an "
            f"identity at these shapes{where(subject)}; a false one would pass with a chance of "
            "its degree / 2⁶¹"
        )
        if unequal or points > _BRANCHES or Number.comparisons == before:
            break
    if outside and not points:
        raise outside
    if unequal:
        floats = Finding("numeric", "")
        try:
            compare_floats(subject, point, rng, settings, floats)
        except WrongGradientError as error:
            floats.wrong = dict.fromkeys(subject.inputs, str(error))
        finding.wrong |= floats.wrong
        finding.witnesses |= floats.witnesses
        if not floats.wrong:
            _with_digits(subject, settings, finding)
    for name, x in subject.inputs.items():
        if name not in finding.wrong and name not in finding.doubts:
            finding.figures[name] = x.size


def _with_digits(subject: Subject, settings: Settings, finding: Finding) -> None:
    """Whether what differs in the field, and in no float, differs for real numbers."""
    why = (
        ", though not in a finite field, which lacks a law that it takes"
        if finding.established
        else "; no point of a finite field was found that has all the roots"
    )
    place, worst = f"at random real points{where(subject)}, at these shapes{why}", 0.0
    for draw in range(2):
        rng = np.random.default_rng((settings.seed, draw))
        point = near(subject, rng)
        sizes = disagreements(subject, Digits, point, rng)
        worst = max(worst, *sizes.values(), 0.0)
        equal = f"equal but for {worst:.0e} of the size" if worst else "equal to 40 digits"
        finding.established = f"{equal} {place}"
        weigh(subject, point, sizes, settings, finding)
        if finding.wrong:
            return


def weigh(
    subject: Subject, point: Point, sizes: Mapping[str, float], settings: Settings,
    finding: Finding,
) -> None:  # fmt: skip
    """What differences of these sizes mean: rounding, little, or a mistake that floats show."""
    large = {}
    for name, size in sizes.items():
        if size < ROUNDED:
            finding.remarks.append(f"{as_said(name)} is off by {size:.0e}: a constant was rounded")
        else:
            large[name] = size
    if not large:
        return
    numbers = Finding("numeric", "")
    try:
        compare_floats(subject, point, np.random.default_rng(settings.seed), settings, numbers)
    except WrongGradientError as error:
        finding.wrong |= dict.fromkeys(large, str(error))
        return
    for name, size in large.items():
        if name in numbers.wrong:
            finding.wrong[name] = numbers.wrong[name]
            if name in numbers.witnesses:
                finding.witnesses[name] = numbers.witnesses[name]
        elif size <= settings.tolerance:
            finding.inexact[name] = max(size, finding.inexact.get(name, 0.0))
        else:
            finding.doubts[name] = (
                f"{as_said(name)} differs by {size:.1e} of its size in fifty digits, and no "
                "floating-point number was found that shows it"
            )


def disagreements(
    subject: Subject,
    kind: type[Number],
    at: Point,
    rng: np.random.Generator,
    *,
    by_name: bool = True,
) -> dict[str, float]:
    """Inputs whose claimed gradient differs from the outputs' slope, and by how much of it.

    Without ``by_name``, some input, if any does.
    """
    budget.foresee(_MADE * subject.entries)
    point = twins(subject, kind, at, rng)
    tangents = {name: _random(kind, x.shape, rng) for name, x in at.items()}
    outputs = subject.outputs(_along(kind, point, tangents))
    cotangents = [_random(kind, np.shape(y), rng) for y in outputs]
    computed, found = subject.pull(
        _along(kind, point, {}), lambda _: [_of(kind, u) for u in cotangents]
    )
    claims, sizes = {}, {}
    for name, x in at.items():
        g = found.get(name)
        g = np.zeros(x.shape, dtype=object) if g is None else np.asarray(g, dtype=object)
        if g.shape != x.shape:
            sizes[name] = math.inf
        else:
            claims[name] = exacts(kind, g)

    sums = [
        np.sum(np.abs(u * exacts(kind, y)))
        for u, y in zip(cotangents, outputs, strict=True)
        if kind is Digits
    ]
    rounding = sum(sums) * Decimal(_SAME) if sums else 0

    def off(names: Sequence[str], moved: Sequence[Any]) -> float:
        forward = [u * _slopes(kind, y) for u, y in zip(cotangents, moved, strict=True)]
        backward = [claims[n] * tangents[n] for n in names]
        total = sum(np.sum(part, dtype=object) for part in forward)  # of a number too, exactly
        total -= sum(np.sum(part, dtype=object) for part in backward)
        if kind is Residue:
            return float(int(total) % PRIME != 0)
        if abs(total) <= rounding:  # of slopes that are 0 it is all there is
            return 0.0
        size = sum(np.sum(np.abs(part)) for part in (*forward, *backward))
        return float(abs(total) / size)

    apart = max((_apart(kind, *pair) for pair in zip(outputs, computed, strict=True)), default=0.0)
    if apart > _SAME:
        sizes[OUTPUT] = apart
    if (
        len(claims) == len(at) and off(list(at), outputs) <= _SAME
    ):  # one equation holds all entries: each has its factor
        return sizes
    if not by_name:
        return {**sizes, next(iter(at)): 1.0}
    for name in claims:
        moved = subject.outputs(_along(kind, point, {name: tangents[name]}))
        size = off([name], moved)
        if size > _SAME:
            sizes[name] = size
    return sizes


def _apart(kind: type[Number], a: Any, b: Any) -> float:
    """By how much of its size one output differs from the other."""
    one, other = (np.ravel(exacts(kind, y)) for y in (a, b))  # a number is an array then
    if kind is Residue:
        return float(np.any(one != other))
    size = max(map(abs, [*one, *other]), default=0)
    return float(max(map(abs, one - other)) / size) if size else 0.0


def _random(kind: type[Number], shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random twins without floats: tangents and cotangents."""
    if kind is Residue:
        return rng.integers(PRIME, size=shape, dtype=np.int64).astype(object)
    return kind.drawn(rng.normal(size=shape), rng).exacts(kind)


def _of(kind: type[Number], exact: np.ndarray) -> Numbers:
    """Constants with these twins; what floats they have does not matter."""
    reals = np.sin(np.arange(exact.size) + 1.0).reshape(exact.shape)
    return Numbers.joined(kind, reals, exact)


def _along(
    kind: type[Number], point: Mapping[str, Numbers], tangents: Mapping[str, np.ndarray]
) -> dict[str, Numbers]:
    return {
        name: Numbers.joined(kind, x.reals(), x.exacts(kind), tangents.get(name, 0))
        for name, x in point.items()
    }


def _slopes(kind: type[Number], y: Any) -> np.ndarray:
    return np.asarray(y, dtype=object).view(Numbers).slopes(kind)


def exacts(kind: type[Number], y: Any) -> np.ndarray:
    """Their twins in a world."""
    return np.asarray(y, dtype=object).view(Numbers).exacts(kind)
