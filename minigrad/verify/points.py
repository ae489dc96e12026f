"""Points at which a subject is judged: near its example, in floats and in every other world."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minigrad.arrays.numbers import Formula, Number, Numbers
from minigrad.primitives import tril
from minigrad.verify.subject import Subject

Point = dict[str, np.ndarray]


def example(subject: Subject) -> Point:
    """A copy of the example."""
    return {name: np.array(x) for name, x in subject.inputs.items()}


def near(subject: Subject, rng: np.random.Generator) -> Point:
    """The example moved a little, so that it sits on no kink and has no two entries alike.

    Random inputs move by a fifth of their size. Those that were given move by a fiftieth and
    stay between their smallest and largest entry: they may be shares, or lie in a clip's range.
    """
    moved = {}
    for name, x in subject.inputs.items():
        if subject.domains.get(name, "real") in ("real", "positive"):
            size = np.where(x == 0, np.max(np.abs(x), initial=0) or 1.0, np.abs(x))
            free = name in subject.free
            step = (0.2 if free else 0.02) * size * rng.uniform(-1, 1, size=x.shape)
            if not free and x.size:
                outside = (x + step < x.min()) | (x + step > x.max())
                step = np.where(outside, -step, step) if np.ptp(x) else -np.abs(step)
            x = x + step
        moved[name] = np.asarray(x)
    return moved


def elsewhere(subject: Subject, rng: np.random.Generator) -> Point:
    """Another point as good as the example, at which comparisons come out in other ways.

    Random inputs have their entries in another order and with other signs.
    """
    moved = near(subject, rng)
    for name in subject.free:
        domain, x = subject.domains.get(name, "real"), moved[name]
        if domain in ("real", "positive"):
            x = rng.permutation(x.ravel()).reshape(x.shape)
            moved[name] = x * rng.choice((-1.0, 1.0), size=x.shape) if domain == "real" else x
    return moved


def twins(
    subject: Subject, kind: type[Number], at: Mapping[str, np.ndarray], rng: np.random.Generator
) -> dict[str, Numbers]:
    """Numbers of a world that stand for these floats, as each input's domain asks for."""
    return {name: _twin(subject, name, kind, x, rng) for name, x in at.items()}


def _twin(
    subject: Subject, name: str, kind: type[Number], x: np.ndarray, rng: np.random.Generator
) -> Numbers:
    domain = subject.domains.get(name, "real")
    if issubclass(kind, Formula):
        return kind.symbols(name, x, positive=subject.is_positive(name))
    match domain:
        case "integer":
            return Numbers.joined(kind, x, _exact(kind, x))
        case "unit":  # 2v / (1 + v²), of which 1 − x² is a square
            v = kind.drawn(x / (1 + np.sqrt(1 - x * x)), rng)
            return 2 * v / (1 + v * v)
        case "above one":  # (1 + 4v⁴) / 4v², of which x − 1 and x + 1 are squares
            v = kind.drawn(np.sqrt((x + np.sqrt(x * x - 1)) / 2), rng)
            return (1 + 4 * v**4) / (4 * v * v)
        case "hyperbola":  # (v² − 1) / 2v, of which x² + 1 is a square
            v = kind.drawn(x + np.sqrt(x * x + 1), rng)
            return (v * v - 1) / (2 * v)
        case "definite":  # L Lᵀ, whose roots are L's diagonal
            root = tril(kind.drawn(np.linalg.cholesky(x), rng))
            return root @ np.swapaxes(root, -1, -2)
    return kind.drawn(x, rng)


def _exact(kind: type[Number], x: np.ndarray) -> np.ndarray:
    twins = (kind.of(float(v)).exact for v in x.ravel())
    return np.fromiter(twins, object, x.size).reshape(x.shape)
