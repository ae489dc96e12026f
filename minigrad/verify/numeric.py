"""The numeric judge: the claimed gradient against slopes of the outputs' own floats."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import budget
from minigrad.arrays.budget import OutOfBudgetError
from minigrad.arrays.numbers import (
    OutsideDomainError,
)
from minigrad.verify.finding import (
    OUTPUT,
    Finding,
    Settings,
    WrongGradientError,
    copies,
    where,
)
from minigrad.verify.points import Point, example, near
from minigrad.verify.report import Witness
from minigrad.verify.slopes import (
    LADDERS,
    Slope,
    by_complex_step,
    by_differences,
    noise_of,
    one_ladder,
)
from minigrad.verify.subject import Subject

_ROUNDINGS = 1e4  # how many roundings a gradient may be off, relative to its size
_WITNESSES = 3  # inputs for which one is looked for; of others it is only said that they are wrong
_PATIENT = 400  # runs of forward that the time must be enough for, or there are fewer
_NO_TIME = (
    "the gradients together do not fit along a random direction, and the time was too short to "
    "look at each (--budget)"
)
_ROUGH = 1e-3  # error of a slope, relative to its size, up to which it says something
_GROSS = 1e-3  # relative error of an entry that is no rounding, however small the entry is


def numeric(subject: Subject, settings: Settings) -> Finding:
    """The claimed gradient against slopes of the outputs' floats, at the example and near it."""
    finding = Finding("numeric", "relative error", shapes=subject.shapes)
    try:
        with budget.within(settings.seconds):
            _at_points(subject, settings, finding)
    except OutOfBudgetError:
        if not finding.established and not finding.doubts:
            finding.reason = f"not done within {settings.seconds:g} s (--budget)"
    return finding


def _at_points(subject: Subject, settings: Settings, finding: Finding) -> None:
    """Hold the gradient against slopes at the example, near it, and on the other side of 0."""
    rng = np.random.default_rng(settings.seed)
    ways = set()
    generic = subject.free >= subject.inputs.keys()  # random numbers: as good as those near it
    place = subject.place or ("random numbers" if generic else "the example")
    points = {f"at {place}": example(subject)}
    if not generic:
        points["near it"] = near(subject, rng)
    done: list[str] = []
    for at, point in points.items():
        try:
            ways.add(compare_floats(subject, point, rng, settings, finding))
        except OutsideDomainError as error:
            if done:
                continue
            finding.reason = f"forward gives {error} {at}: it is outside of the domain"
            finding.remarks.append(finding.reason)
            return
        except WrongGradientError as error:
            for name in subject.inputs:
                finding.wrong.setdefault(name, str(error))
            return
        done.append(at)
        how = "the complex step" if ways == {True} else "differences"
        places = " and ".join(done)
        finding.established = f"the floats agree with {how}, {places}{where(subject)}"
        if finding.wrong or finding.doubts:
            return
    _look_beyond(subject, rng, settings, finding)


def _look_beyond(
    subject: Subject, rng: np.random.Generator, settings: Settings, finding: Finding
) -> None:
    """Whether it is right for negative numbers too, where the example has positive ones alone."""
    for name in subject.assumed:
        point = example(subject)
        point[name] = -point[name]
        beyond = Finding("numeric", "")
        try:
            compare_floats(subject, point, rng, settings, beyond)
        except (ArithmeticError, ValueError):
            continue
        if name in beyond.witnesses:
            finding.remarks.append(
                f"∂L/∂{name} is judged for positive {name}, as in the example, and is wrong "
                f"where it is negative: there {beyond.witnesses[name]}"
            )


def compare_floats(
    subject: Subject, point: Point, rng: np.random.Generator, settings: Settings, finding: Finding
) -> bool:
    """Hold all inputs at one point; whether the complex step was good for it."""
    start = time.thread_time()
    outputs = [np.asarray(y) for y in subject.outputs(copies(point))]
    seconds = time.thread_time() - start
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
    line = Line(subject, point, cotangents, slow=seconds > settings.seconds / _PATIENT)
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
        finding.doubts = dict.fromkeys(trials, _NO_TIME)
    for name, trial in trials.items():
        shown = len(finding.witnesses) >= (_WITNESSES if seconds < 0.003 else 1)
        worst, witness = trial.over(_groups(trial.g, max(share, 3)), narrow=not shown)
        finding.doubts.pop(name, None)
        if witness is None and worst > trial.tolerance:
            finding.wrong[name] = f"∂L/∂{name} is off by {worst:.1e} of its size"
            continue
        if witness is not None:
            finding.witnesses[name] = witness
            finding.wrong[name] = f"∂L/∂{name} is off by {worst:.1e} of its size"
            if worst <= settings.tolerance:
                finding.wrong[name] = f"∂L/∂{witness.entry} is off by {witness.off:.1e} of its size"
        elif not trial.settled:
            finding.doubts[name] = (
                f"differences of the floats give no slope by {name}: they are too rough, or the "
                "outputs jump"
            )
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
            rough = _ROUGH * max(size, _ROUGH * line.size)
            for quick in (True, False) if line.slow else (False,):
                slope = line.slope(every, quick=quick)
                off, allowed = slope.distance(mine), min(10 * slope.error, rough)
                if off <= settings.tolerance * size + allowed:
                    break
        if not off <= settings.tolerance * size + allowed:  # it may be NaN
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
        outputs, found = subject.pull(copies(point), lambda _: [u.copy() for u in cotangents])
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
    """Σ cotangent · output along lines through a point.

    Args:
        subject: whose outputs.
        point: its inputs.
        cotangents: of its outputs.
        slow: whether they take so long that few values have to do.
    """

    def __init__(
        self, subject: Subject, point: Point, cotangents: Sequence[np.ndarray], *,
        slow: bool = False,
    ) -> None:  # fmt: skip
        self.subject, self.point, self.cotangents, self.slow = subject, point, cotangents, slow
        outputs = subject.outputs(copies(point))
        pairs = zip(cotangents, outputs, strict=True)
        self.size = sum(float(np.sum(np.abs(u * y))) for u, y in pairs)
        self.noise = 4 * subject.eps * self.size

    def value(self, directions: Mapping[str, np.ndarray], t: complex) -> Any:
        """At the point moved by t along directions of some inputs."""
        budget.check()
        moved = copies(self.point)
        for name, direction in directions.items():
            moved[name] = moved[name] + t * direction
        if isinstance(t, complex):
            moved = {n: x.astype(complex) for n, x in moved.items()}
        outputs = self.subject.outputs(moved)
        return sum(np.sum(u * y) for u, y in zip(self.cotangents, outputs, strict=True))

    def real(self, directions: Mapping[str, np.ndarray], t: float) -> float:
        """The same as a float."""
        return float(np.real(self.value(directions, t)))

    def slope(self, directions: Mapping[str, np.ndarray], *, quick: bool = False) -> Slope:
        """By differences of floats; a quick one sees no kink."""
        ladders = one_ladder(self.subject.eps) if quick else LADDERS
        return by_differences(lambda t: self.real(directions, t), self.noise, ladders)

    def complex_slope(self, directions: Mapping[str, np.ndarray]) -> float:
        """By the complex step."""
        return by_complex_step(lambda t: self.value(directions, t))

    def is_analytic(self, rng: np.random.Generator) -> bool:
        """Whether the code runs on complex numbers, and the complex step is the slope there."""
        every = {
            name: rng.choice((-1.0, 1.0), size=x.shape) * scales(x)
            for name, x in self.point.items()
        }
        if not self.slow:
            self.noise = max(self.noise, 2 * noise_of(lambda t: self.real(every, t)))
        slope = self.slope(every, quick=self.slow)
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
        self.settled = analytic or not g.size  # whether a slope was good enough to judge by

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
        size = max(self.whole, slope.size, _ROUGH * self.line.size)
        self.settled |= 10 * slope.error <= max(_ROUGH, 100 * self.tolerance) * size
        return self.beyond(slope.distance(mine), 10 * slope.error + self.rounding)

    def beyond(self, off: float, allowed: float) -> float:
        """An error less what it may be; the whole of it is kept as measured.

        What is left of a gradient that is 0 is a rounding of the outputs, and a share of them.
        """
        least = self.line.size if self.whole <= self.line.noise else 0.0
        self.measured = max(self.measured, self.relative(off, least))
        return max(off - allowed, 0.0)

    def relative(self, off: float, least: float = 0.0) -> float:
        """An error in terms of the whole gradient, or of what is larger."""
        size = max(self.whole, abs(self.true), least)
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
