"""The three judges. Each sees a `Subject` alone, and none uses the gradient that it judges.

The numeric judge holds the claimed gradient against slopes of the outputs' own floats. The exact
judge runs the code on numbers with a twin in a finite field, the outputs on dual numbers beside;
what differs there is looked at again with fifty digits, since a field has not every law of the
real numbers. The proof runs it on symbols and differentiates the outputs by SymPy.
"""

from __future__ import annotations

import math
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import sympy

from minigrad.arrays import budget
from minigrad.arrays.budget import OutOfBudgetError
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.numbers import (
    PRIME,
    Digits,
    Formula,
    NoRootError,
    Number,
    Numbers,
    OutsideDomainError,
    Residue,
)
from minigrad.arrays.symbolic import Slopes, written_out
from minigrad.targets import Judge
from minigrad.verify.points import Point, elsewhere, example, near, twins
from minigrad.verify.report import Witness
from minigrad.verify.slopes import Slope, by_complex_step, by_differences, noise_of
from minigrad.verify.subject import Subject

TOLERANCE = 1e-5
"""Relative error up to which a gradient of float64 counts as right; its size is reported."""
BUDGET = 5.0
"""Seconds that each judge may take."""
_DRAWS = 33  # points of the field that are tried: at all but the last every root must exist
_ROUNDINGS = 1e4  # how many roundings a gradient may be off, relative to its size
_ROUNDED = 1e-13  # relative size of a difference that no float shows
OUTPUT = "the output"
"""What is wrong where code that claims a gradient computes other outputs than its reference."""
_MEMORY = 2e9  # bytes that the exact judge may take
_BYTES = 200  # of a number of a field, with its twin and its slope
_FEW = 256  # entries of inputs up to which no example takes much memory
_BRANCHES = 2  # more points, where comparisons choose a branch
_WITNESSES = 3  # inputs for which one is looked for; of others it is only said that they are wrong
_GROSS = 1e-3  # relative error of an entry that is no rounding, however small the entry is
_SAME = 1e-30  # relative difference of two results of fifty digits that are the same


@dataclass
class Finding:
    """What one judge found of one subject, input by input.

    Attributes:
        judge: which.
        unit: what the figures count or measure.
        established: what is known of the inputs that are right.
        apart: inputs of which something else is known, and what.
        shapes: of all inputs.
        figures: of each input that is right, the entries or the error.
        wrong: of each input that is wrong, a sentence.
        doubts: of each input of which it is unclear, the reason.
        witnesses: of inputs that are wrong.
        remarks: what else it saw.
        reason: why it could not judge at all.
        seconds: how long it took.
    """

    judge: Judge
    unit: str
    established: str = ""
    apart: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    reason: str = ""
    seconds: float = 0.0


class WrongGradientError(ValueError):
    """What a backward returned is no gradient: another shape, not finite, an error."""


@dataclass(frozen=True)
class Settings:
    """How to judge.

    Attributes:
        seed: of the random points.
        tolerance: relative error up to which floats count as right.
        seconds: what each judge may take.
    """

    seed: int = 0
    tolerance: float = TOLERANCE
    seconds: float = BUDGET


STANDARD = Settings()


def judged(
    subject: Subject, judges: Iterable[Judge], settings: Settings = STANDARD
) -> list[Finding]:
    """What each of these judges finds."""
    found = []
    for judge in judges:
        start = time.perf_counter()
        with subject.held(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finding = JUDGES[judge](subject, settings)
        finding.seconds = time.perf_counter() - start
        found.append(finding)
    return found


# Numeric


def numeric(subject: Subject, settings: Settings) -> Finding:
    """The claimed gradient against slopes of the outputs' floats, at the example and near it."""
    finding = Finding("numeric", "relative error", shapes=subject.shapes)
    rng = np.random.default_rng(settings.seed)
    ways = set()
    generic = subject.free >= subject.inputs.keys()  # random numbers: as good as those near it
    for point in [example(subject), *([] if generic else [near(subject, rng)])]:
        try:
            ways.add(_compare_floats(subject, point, rng, settings, finding))
        except OutsideDomainError as error:
            if ways:
                continue
            finding.reason = f"forward gives {error} at the example: it is outside of the domain"
            return finding
        except WrongGradientError as error:
            for name in subject.inputs:
                finding.wrong.setdefault(name, str(error))
            return finding
        how = "the complex step" if ways == {True} else "differences"
        finding.established = (
            f"the floats agree with {how}, at the example and near it{_where(subject)}"
        )
        if finding.wrong:
            return finding
    _look_beyond(subject, rng, settings, finding)
    return finding


def _where(subject: Subject) -> str:
    """The domain, where it is not every real number."""
    positive = [name for name in subject.inputs if subject.is_positive(name)]
    return f", for positive {', '.join(positive)}" if positive else ""


def _look_beyond(
    subject: Subject, rng: np.random.Generator, settings: Settings, finding: Finding
) -> None:
    """Whether it is right for negative numbers too, where the example has positive ones alone."""
    for name in subject.assumed:
        point = example(subject)
        point[name] = -point[name]
        beyond = Finding("numeric", "")
        try:
            _compare_floats(subject, point, rng, settings, beyond)
        except (ArithmeticError, ValueError):
            continue
        if name in beyond.witnesses:
            finding.remarks.append(
                f"∂L/∂{name} is judged for positive {name}, as in the example, and is wrong "
                f"where it is negative: there {beyond.witnesses[name]}"
            )


def _compare_floats(
    subject: Subject, point: Point, rng: np.random.Generator, settings: Settings, finding: Finding
) -> bool:
    """Hold all inputs at one point; whether the complex step was good for it."""
    start = time.perf_counter()
    outputs = [np.asarray(y) for y in subject.outputs(_copies(point))]
    seconds = time.perf_counter() - start
    for y in outputs:
        if not np.all(np.isfinite(y)):
            raise OutsideDomainError("NaN" if np.any(np.isnan(y)) else "an infinite value")
    cotangents = [rng.normal(size=y.shape) for y in outputs]
    again, claims = claimed(subject, point, cotangents)
    if not all(
        np.allclose(a, b, rtol=settings.tolerance, atol=1e3 * subject.eps)
        for a, b in zip(outputs, again, strict=True)
    ):
        finding.wrong[OUTPUT] = "the outputs differ from those that they stand for"
    line = Line(subject, point, cotangents)
    analytic = line.is_analytic(rng)
    runs = settings.seconds / 10 / max(seconds, 1e-6) / (2 if analytic else 24)
    share = int(min(runs / max(len(claims), 1), 400))
    trials = {}
    for name, g in claims.items():
        if g.shape != point[name].shape:
            finding.wrong[name] = f"∂L/∂{name}: got shape {g.shape}, expected {point[name].shape}"
        else:
            trials[name] = _Trial(line, name, g, analytic, settings)
    if share < 3 and not finding.wrong:  # runs that the time is enough for
        error, wrong = _off_together(line, trials, rng, analytic, settings, max(share, 1))
        if not wrong:
            finding.figures = {n: max(error, finding.figures.get(n, 0.0)) for n in trials}
            return analytic
    for name, trial in trials.items():
        shown = len(finding.witnesses) >= (_WITNESSES if seconds < 0.003 else 1)
        worst, witness = trial.over(_groups(trial.g, max(share, 3)), narrow=not shown)
        if witness is None and worst > trial.tolerance:
            finding.wrong[name] = f"∂L/∂{name} is off by {worst:.1e} of its size"
            continue
        if witness is not None:
            finding.witnesses[name] = witness
            finding.wrong[name] = f"∂L/∂{name} is off by {worst:.1e} of its size"
            if worst <= settings.tolerance:
                finding.wrong[name] = f"∂L/∂{witness.entry} is off by {witness.off:.1e} of its size"
        else:
            finding.figures[name] = max(trial.measured, finding.figures.get(name, 0.0))
    return analytic


def _off_together(
    line: Line, trials: Mapping[str, _Trial], rng: np.random.Generator, analytic: bool,
    settings: Settings, times: int,
) -> tuple[float, bool]:  # fmt: skip
    """The relative error along random directions of all inputs at once; whether it is too large."""
    error = 0.0
    for _ in range(times):
        every = {n: rng.choice((-1.0, 1.0), size=t.g.shape) * t.scale for n, t in trials.items()}
        mine = sum(float(np.sum(trials[n].g * d)) for n, d in every.items())
        size = sum(float(np.sum(np.abs(trials[n].g * d))) for n, d in every.items())
        if analytic:
            off, allowed = abs(line.complex_slope(every) - mine), 0.0
        else:
            slope = line.slope(every)
            off, allowed = slope.distance(mine), 10 * slope.error
        if off > settings.tolerance * size + allowed:
            return math.inf, True
        error = max(error, off / size if size else 0.0)
    return error, False


def claimed(
    subject: Subject, point: Mapping[str, Any], cotangents: Sequence[Any]
) -> tuple[list[Any], dict[str, np.ndarray]]:
    """The outputs, and the claimed gradients as float64 arrays.

    Raises:
        WrongGradientError: computing them fails.
    """
    try:
        outputs, found = subject.pull(_copies(point), lambda _: [u.copy() for u in cotangents])
    except (OutOfBudgetError, WrongGradientError):
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise WrongGradientError(f"backward raises {type(error).__name__}: {text}") from error
    return outputs, {
        name: _as_floats(name, found.get(name), point[name].shape) for name in subject.inputs
    }


def _as_floats(name: str, gradient: Any, shape: tuple[int, ...]) -> np.ndarray:
    if gradient is None:
        return np.zeros(shape)
    try:
        return np.asarray(gradient, dtype=float)
    except (TypeError, ValueError) as error:
        got = type(gradient).__name__
        raise WrongGradientError(f"∂L/∂{name}: got a {got}, expected an array") from error


class Line:
    """Σ cotangent · output along lines through a point."""

    def __init__(self, subject: Subject, point: Point, cotangents: Sequence[np.ndarray]) -> None:
        self.subject, self.point, self.cotangents = subject, point, cotangents
        outputs = subject.outputs(_copies(point))
        size = sum(float(np.sum(np.abs(u * y))) for u, y in zip(cotangents, outputs, strict=True))
        self.noise = 4 * subject.eps * size

    def value(self, directions: Mapping[str, np.ndarray], t: complex) -> Any:
        """At the point moved by t along directions of some inputs."""
        moved = _copies(self.point)
        for name, direction in directions.items():
            moved[name] = moved[name] + t * direction
        if isinstance(t, complex):
            moved = {n: x.astype(complex) for n, x in moved.items()}
        outputs = self.subject.outputs(moved)
        return sum(np.sum(u * y) for u, y in zip(self.cotangents, outputs, strict=True))

    def real(self, directions: Mapping[str, np.ndarray], t: float) -> float:
        """The same as a float."""
        return float(np.real(self.value(directions, t)))

    def slope(self, directions: Mapping[str, np.ndarray]) -> Slope:
        """By differences of floats."""
        return by_differences(lambda t: self.real(directions, t), self.noise)

    def complex_slope(self, directions: Mapping[str, np.ndarray]) -> float:
        """By the complex step."""
        return by_complex_step(lambda t: self.value(directions, t))

    def is_analytic(self, rng: np.random.Generator) -> bool:
        """Whether the code runs on complex numbers, and the complex step is the slope there."""
        every = {
            name: rng.choice((-1.0, 1.0), size=x.shape) * scales(x)
            for name, x in self.point.items()
        }
        self.noise = max(self.noise, 2 * noise_of(lambda t: self.real(every, t)))
        slope = self.slope(every)
        if not np.isfinite(slope.error):
            return False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exact = self.complex_slope(every)
        except Exception:
            return False
        return slope.distance(exact) <= 10 * slope.error + 1e-7 * slope.size


def scales(x: np.ndarray) -> np.ndarray:
    """By how much each entry may be moved: its own size, or that of the others."""
    most = float(np.max(np.abs(x), initial=0)) or 1.0
    return np.where(np.abs(x) > 1e-3 * most, np.abs(x), most if np.any(x < 0) else 0.1 * most)


def _groups(g: np.ndarray, share: int) -> list[np.ndarray]:
    """Entries to look at together: each by itself, or many of about the same size."""
    finite = np.where(np.isfinite(g), np.abs(g), np.inf).ravel()
    order = np.argsort(finite, kind="stable")
    return [part for part in np.array_split(order, min(share, max(g.size, 1))) if part.size]


class _Trial:
    """The claimed gradient by one input against the slopes."""

    def __init__(
        self, line: Line, name: str, g: np.ndarray, analytic: bool, settings: Settings
    ) -> None:
        self.line, self.name, self.g, self.analytic = line, name, g, analytic
        self.tolerance = max(settings.tolerance, _ROUNDINGS * line.subject.eps)
        self.scale = scales(line.point[name])
        self.whole = float(np.max(np.abs(g * self.scale), initial=0, where=np.isfinite(g)))
        self.rounding = 1e2 * line.subject.eps * max(self.whole, line.noise)
        self.largest = 0.0  # error beyond rounding that was seen, of the whole gradient's size
        self.measured = 0.0  # the same with rounding

    def over(
        self, groups: Sequence[np.ndarray], *, narrow: bool = True
    ) -> tuple[float, Witness | None]:
        """The largest error relative to the gradient's size, and a witness of one too large.

        Without ``narrow`` no entry is looked for.
        """
        for group in groups:
            if self.matters(group):
                if not narrow:
                    return self.relative(self.off(group)), None
                entry = self.narrowed(group)
                if len(entry) == 1 and self.stands_out(int(entry[0])):
                    witness = self.witness(int(entry[0]))
                    if witness is not None:
                        return self.relative(self.off(entry)), witness
        return self.largest, None

    def off(self, group: np.ndarray) -> float:
        """How far off the claim is along these entries, beyond what the slope may be."""
        direction = self.direction(group)
        mine = float(np.sum(self.g * direction))
        if self.analytic:
            self.true = self.line.complex_slope({self.name: direction})
            return self.beyond(abs(mine - self.true), self.rounding)
        slope = self.line.slope({self.name: direction})
        self.true = slope.size
        if not np.isfinite(slope.error):
            return 0.0
        return self.beyond(slope.distance(mine), 10 * slope.error + self.rounding)

    def beyond(self, off: float, allowed: float) -> float:
        """An error less what it may be; the whole of it is kept as measured."""
        self.measured = max(self.measured, self.relative(off))
        return max(off - allowed, 0.0)

    def relative(self, off: float) -> float:
        """An error in terms of the whole gradient."""
        size = max(self.whole, abs(self.true))
        return off / size if size and np.isfinite(off) else (math.inf if off else 0.0)

    def matters(self, group: np.ndarray) -> bool:
        """Whether the error is large for the whole gradient, or gross for these entries."""
        off = self.off(group)
        if off == 0:
            return False
        own = max(float(np.sum(np.abs(self.g * self.direction(group)))), abs(self.true))
        if self.relative(off) > self.tolerance:
            return True
        self.largest = max(self.largest, self.relative(off))
        return off > _GROSS * own

    def stands_out(self, entry: int) -> bool:
        """Whether an error is more than what all entries have, as of constants with few digits."""
        off = self.off(np.array([entry]))
        if self.relative(off) > self.tolerance:
            return True
        order = np.argsort(np.abs(self.g * self.scale), axis=None)[::-1]
        others = [k for k in order[:: max(len(order) // 8, 1)] if k != entry][:8]
        usual = np.median([self.off(np.array([k])) for k in others]) if others else 0.0
        return bool(off > 100 * usual)

    def direction(self, group: np.ndarray) -> np.ndarray:
        """Along these entries, with signs so that no two errors cancel alike."""
        direction = np.zeros(self.g.size)
        signs = np.where(np.sin(12.9898 * group + 78.233) < 0, -1.0, 1.0)
        direction[group] = signs * self.scale.ravel()[group]
        return direction.reshape(self.g.shape)

    def narrowed(self, group: np.ndarray) -> np.ndarray:
        """One entry of the group that is off."""
        while len(group) > 1:
            half = next((h for h in np.array_split(group, 2) if self.matters(h)), None)
            if half is None:
                break
            group = half
        return group

    def witness(self, entry: int) -> Witness | None:
        """The entry by differences, if it is off by more than both errors there too."""
        direction = self.direction(np.array([entry]))
        index = np.unravel_index(entry, self.g.shape)
        scale = float(direction[index])
        slope = self.line.slope({self.name: direction})
        mine = float(self.g[index]) * scale
        if not np.isfinite(slope.error) or not (
            slope.distance(mine) > 10 * slope.error + self.rounding
        ):
            return None
        low, high = sorted((slope.low / scale, slope.high / scale))
        where = f"[{', '.join(map(str, index))}]" if index else ""
        witness = Witness(self.name + where, mine / scale, low, high, slope.error / abs(scale))
        return self.line.subject.with_script(
            witness, self.name, tuple(map(int, index)), self.line.point, self.line.cotangents
        )


def _copies(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: x.copy() for name, x in arrays.items()}


# Exact


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
            _copies(example(subject)), lambda outputs: [np.ones(np.shape(y)) for y in outputs]
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
    """Judge at a point of the field; at one of fifty digits where it has not all the roots."""
    unequal, points = True, 0
    outside: OutsideDomainError | None = None
    for draw in range(_DRAWS):
        rng = np.random.default_rng((settings.seed, draw))
        point = elsewhere(subject, rng) if points or outside else near(subject, rng)
        before = Number.comparisons
        try:
            with Residue.afresh(any_root=draw == _DRAWS - 1):
                unequal = bool(disagreements(subject, Residue, point, rng, by_name=False))
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
            f"identity at these shapes{_where(subject)}; a false one would pass with a chance of "
            "its degree / 2⁶¹"
        )
        if unequal or points > _BRANCHES or Number.comparisons == before:
            break
    if outside and not points:
        raise outside
    if unequal:
        floats = Finding("numeric", "")
        try:
            _compare_floats(subject, point, rng, settings, floats)
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
    where, worst = f"at random real points{_where(subject)}, at these shapes{why}", 0.0
    for draw in range(2):
        rng = np.random.default_rng((settings.seed, draw))
        point = near(subject, rng)
        sizes = disagreements(subject, Digits, point, rng)
        worst = max(worst, *sizes.values(), 0.0)
        equal = f"equal but for {worst:.0e} of the size" if worst else "equal to 40 digits"
        finding.established = f"{equal} {where}"
        _weigh(subject, point, sizes, settings, finding)
        if finding.wrong:
            return


def _weigh(
    subject: Subject, point: Point, sizes: Mapping[str, float], settings: Settings,
    finding: Finding,
) -> None:  # fmt: skip
    """What differences of these sizes mean: rounding, little, or a mistake that floats show."""
    large = {}
    for name, size in sizes.items():
        if size < _ROUNDED:
            finding.remarks.append(f"{_said(name)} is off by {size:.0e}: a constant was rounded")
        else:
            large[name] = size
    if not large:
        return
    numbers = Finding("numeric", "")
    try:
        _compare_floats(subject, point, np.random.default_rng(settings.seed), settings, numbers)
    except WrongGradientError as error:
        finding.wrong |= dict.fromkeys(large, str(error))
        return
    for name, size in large.items():
        if name in numbers.wrong:
            finding.wrong[name] = numbers.wrong[name]
            if name in numbers.witnesses:
                finding.witnesses[name] = numbers.witnesses[name]
        elif size <= settings.tolerance:
            finding.remarks.append(f"{_said(name)} is right but for {size:.1e} of its size")
        else:
            finding.doubts[name] = (
                f"{_said(name)} differs by {size:.1e} of its size in fifty digits, and no "
                "floating-point number was found that shows it"
            )


def _said(name: str) -> str:
    return name if name == OUTPUT else f"∂L/∂{name}"


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
            claims[name] = _exacts(kind, g)

    sums = [
        np.sum(np.abs(u * _exacts(kind, y)))
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
    one, other = (np.ravel(_exacts(kind, y)) for y in (a, b))  # a number is an array then
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


def _exacts(kind: type[Number], y: Any) -> np.ndarray:
    return np.asarray(y, dtype=object).view(Numbers).exacts(kind)


# Proof


def proof(subject: Subject, settings: Settings) -> Finding:
    """The claimed gradient on symbols, minus SymPy's ``diff`` of the outputs: 0 or not."""
    finding = Finding("proof", "entries proven", shapes=subject.shapes)
    if subject.numbers_only:
        finding.reason = f"not tried: {subject.numbers_only}"
        return finding
    variants = [*subject.smaller(), *([subject] if subject.entries <= subject.most_symbols else [])]
    if not variants:
        finding.reason = (
            f"not tried: {subject.entries} entries are too many for formulas, and the code does "
            "not run on shorter arrays"
        )
    until = time.thread_time() + settings.seconds
    for variant in variants:
        finding.shapes, finding.reason = variant.shapes, ""
        try:
            with budget.within(max(until - time.thread_time(), 0.1)):
                _on_symbols(variant, settings, finding)
            return finding
        except OutOfBudgetError:
            finding.reason = f"not proven within {settings.seconds:g} s (--budget)"
            break
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            finding.reason = (
                f"not proven: the code does not run on symbols ({type(error).__name__}: {text})"
            )
    finding.figures, finding.wrong = {}, {}
    return finding


def _on_symbols(subject: Subject, settings: Settings, finding: Finding) -> None:
    """Judge near the example, or, where that leaves the domain, at another random point."""
    rng = np.random.default_rng(settings.seed)
    at = near(subject, rng)
    for _ in range(_DRAWS):
        try:
            return _on_symbols_at(subject, at, settings, finding)
        except OutsideDomainError:
            if not subject.free:
                raise
        at = elsewhere(subject, rng)
    raise OutsideDomainError("no point inside was found")


def _on_symbols_at(subject: Subject, at: Point, settings: Settings, finding: Finding) -> None:
    """Run both sides on symbols; sums have names, so that formulas over many steps stay short.

    0 whatever the names mean is 0; where it is not, they are written out.
    """
    rng = np.random.default_rng(settings.seed)
    with Digits.precision():  # what differs there is no identity: no formula is worth the time
        sizes = disagreements(subject, Digits, at, rng)
    point = twins(subject, Formula, at, rng)
    branches = Formula.branches
    with Formula.with_names() as names:
        cotangents: list[Numbers] = []

        def drawn(outputs: list[Any]) -> list[Numbers]:
            Formula.naming = False
            cotangents[:] = [
                Formula.symbols(f"u{k}", rng.normal(size=np.shape(y)))
                for k, y in enumerate(outputs)
            ]
            return [u.copy() for u in cotangents]

        outputs, found = subject.pull(_copies(point), drawn)
    pairs = [
        np.ravel(_exacts(Formula, u * np.asarray(y, dtype=object)))
        for u, y in zip(cotangents, outputs, strict=True)
    ]
    meanings = {name: meaning for meaning, name in names.items()}
    slopes = Slopes(sympy.Add(*np.concatenate(pairs)), meanings)
    unproven = []
    for name, x in point.items():
        g = found.get(name)
        g = np.zeros(x.shape, dtype=object) if g is None else np.asarray(g, dtype=object)
        if g.shape != x.shape:
            finding.wrong[name] = f"∂L/∂{name}: got shape {g.shape}, expected {x.shape}"
            continue
        if name in sizes:
            unproven.append(name)
            continue
        mine, symbols = _exacts(Formula, g), x.exacts(Formula)
        for index in np.ndindex(*x.shape):
            budget.check()
            difference = mine[index] - slopes.by(symbols[index])
            if not is_zero(difference) and not is_zero(written_out(difference, meanings)):
                unproven.append(name)
                break
        else:
            finding.figures[name] = x.size
    domain = _where(subject)[1:] or " for every real input"
    logs = {log for formula in (*np.concatenate(pairs), *meanings.values())
            for log in formula.atoms(sympy.log)}  # fmt: skip
    if finding.figures and any(not written_out(log.args[0], meanings).is_positive for log in logs):
        domain += " at which what stands in a logarithm is positive"
    finding.established = f"an identity{domain}, at these shapes"
    if Formula.branches > branches:
        finding.established += ", where comparisons come out as at this point"
    _weigh(subject, at, {n: s for n, s in sizes.items() if n in unproven}, settings, finding)
    rounded = [name for name in unproven if sizes.get(name, 1.0) < _ROUNDED]
    if rounded:
        finding.reason = f"not proven for {', '.join(rounded)}: a constant was rounded"
    alike = [n for n in unproven if n not in sizes]
    if alike:
        finding.remarks.append(
            f"not proven for {', '.join(alike)}: the formulas agree to 40 digits at random points "
            "and not literally, as where a law such as exp(a − b) = exp(a) / exp(b) is needed"
        )


JUDGES: Mapping[Judge, Callable[[Subject, Settings], Finding]] = {
    "proof": proof,
    "exact": exact,
    "numeric": numeric,
}
