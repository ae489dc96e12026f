"""Formulas found for arrays: products of named arrays, sums along axes, matrix products.

A difference between two gradients is an array of numbers at a random point. Among the products
of what the code itself has names for, the one that equals it is the term that is wrong: that
two agree in all entries by chance is as unlikely as their digits allow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement

import numpy as np

_CLOSE = 1e-9  # relative difference up to which two arrays are the same
_POWERS = {1: "", 2: "²", 3: "³", 4: "⁴"}
_SAMPLE = 48  # entries that stand for a whole array in the search
_MOST = 300  # factors of which products are tried, the simplest first


@dataclass(frozen=True)
class Factor:
    """A formula and its value, broadcast to the shape in question.

    Attributes:
        text: the formula.
        value: at the sampled entries.
        cost: how complicated it is: the simplest that fits is reported.
        below: whether ``text`` stands under the line.
        summed: length of the axis that it sums over, 1 if none.
    """

    text: str
    value: np.ndarray
    cost: float
    below: bool = False
    summed: int = 1


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one shape are the same to rounding."""
    scale = max(float(np.max(np.abs(a), initial=0)), float(np.max(np.abs(b), initial=0)))
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= _CLOSE * scale))


def formula(
    wanted: np.ndarray,
    named: Mapping[str, np.ndarray],
    *,
    most: int = 3,
    lengths: Iterable[int] = (),
) -> tuple[float, str] | None:
    """A constant and a product of at most ``most`` factors that make up an array.

    Args:
        wanted: the array to be explained; 3 entries or more, or nothing can be told apart.
        named: arrays by name, of any shapes.
        most: number of factors.
        lengths: what may occur in the constant, beside small numbers.
    """
    if wanted.size < 3 or not np.all(np.isfinite(wanted)) or not np.any(wanted):
        return None
    rng = np.random.default_rng(0)
    places = rng.permutation(wanted.size)[:_SAMPLE]
    target = wanted.ravel()[places]
    factors = _factors(wanted.shape, named, places)
    if not factors:
        return None
    scalars = {n: float(np.ravel(a)[0]) for n, a in named.items() if a.size == 1}
    values = np.stack([f.value for f in factors])
    n = len(factors)
    singles = [(k,) for k in range(n)]
    simple = range(min(n, _MOST))
    pairs = list(combinations_with_replacement(simple, 2)) if most > 1 else []
    table = singles + pairs
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    products = np.concatenate([values, values[first] * values[second]])
    weights = rng.normal(size=(2, target.size))
    with np.errstate(all="ignore"):
        marks = _mark(products, weights)
        order = np.argsort(marks)
        ranked = marks[order]
        for divisors, below in (([()], 1.0), (singles, values), (pairs, products[n:]))[: most or 1]:
            if len(divisors[0]) > max(most - 2, 0):
                break
            mark = _mark(np.atleast_2d(target / below), weights)
            low = np.searchsorted(ranked, mark - _CLOSE * abs(mark))
            high = np.searchsorted(ranked, mark + _CLOSE * abs(mark))
            found = []
            for row in np.nonzero((high > low) & np.isfinite(mark))[0]:
                for k in order[low[row] : high[row]]:
                    chosen = sorted((*divisors[row], *table[k]))
                    told = _told(target, [factors[j] for j in chosen], lengths, scalars)
                    if told:
                        found.append((sum(factors[j].cost for j in chosen), *told))
            if found:
                _, constant, text = min(found)
                return constant, text
    return None


def number(value: float, lengths: Iterable[int] = ()) -> str | None:
    """A constant as one would write it: 2, −1/3, 1/√5; ``None`` if it is no such number."""
    bound = max(12, *lengths, 0)
    sign = "−" if value < 0 else ""
    for root, power in (("", 1), ("√", 2)):
        near = Fraction(abs(value) ** power).limit_denominator(bound)
        if near and near.numerator <= bound and abs(float(near) - abs(value) ** power) <= (
            1e-8 * abs(value) ** power
        ):  # fmt: skip
            top = "1" if near.numerator == 1 else f"{root}{near.numerator}"
            return f"{sign}{top}" + ("" if near.denominator == 1 else f"/{root}{near.denominator}")
    return None


def _mark(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A number for each row that is the same for its multiples."""
    return (rows @ weights[0]) / (rows @ weights[1])


def _told(
    target: np.ndarray,
    chosen: list[Factor],
    lengths: Iterable[int],
    scalars: Mapping[str, float],
) -> tuple[float, str] | None:
    """The constant, and the product as text without its sign, where they make up the target."""
    product = np.prod([factor.value for factor in chosen], axis=0)
    largest = int(np.argmax(np.abs(product)))
    constant = float(target[largest] / product[largest])
    if not close(target, constant * product):
        return None
    scale, texts = abs(constant), []
    for factor in chosen:
        text = factor.text
        if factor.summed > 1 and abs(scale * factor.summed - 1) < _CLOSE:
            text, scale = text.replace("sum(", "mean(", 1), 1.0
        texts.append(text)
    leading = number(scale, lengths)
    for name, value in scalars.items() if leading is None else ():
        times = number(scale / abs(value), lengths) if value else None
        if times:
            leading, constant = name if times == "1" else f"{times} {name}", constant / value
            break
    sides = [{t for t, f in zip(texts, chosen, strict=True) if f.below is b} for b in (True, False)]
    if leading is None or sides[0] & sides[1]:  # x / x is no factor
        return None
    written = [(t, f.below) for t, f in zip(texts, chosen, strict=True)]
    counted = Counter(written)
    above = " ∘ ".join(t + _POWERS[n] for (t, low), n in counted.items() if not low)
    below = "".join(f" / {t}{_POWERS[n]}" for (t, low), n in counted.items() if low)
    return constant, (
        f"{leading} {above}" if above and leading != "1" else above or leading
    ) + below


def _factors(
    shape: tuple[int, ...], named: Mapping[str, np.ndarray], places: np.ndarray
) -> list[Factor]:
    """What a product may be made of, the simplest first; each value once."""
    found: list[Factor] = []

    def add(text: str, array: np.ndarray, cost: float, **rest: bool | int) -> None:
        try:
            value = np.broadcast_to(array, shape).ravel()[places]
        except ValueError:
            return
        constant = np.ptp(value) <= 1e-12 * np.max(np.abs(value), initial=0)
        if np.all(np.isfinite(value)) and np.any(value) and not constant:
            found.append(Factor(text, value, cost, **rest))  # type: ignore[arg-type]

    with np.errstate(all="ignore"):
        for name, a in named.items():
            add(name, a, 1)
            if name.startswith("∂"):  # nobody divides by a gradient
                continue
            add(name, 1 / a, 1.5, below=True)
            add(f"(1 − {name})", 1 - a, 2)
            add(f"(1 − {name}²)", 1 - a * a, 2.5)
            add(f"({name} > 0)", (a > 0) * 1.0, 2.6)
            add(f"tanh({name})", np.tanh(a), 2.6)
            add(f"σ({name})", 1 / (1 + np.exp(-a)), 2.6)
            add(f"exp({name})", np.exp(a), 2.6)
            add(f"log({name})", np.log(a), 2.6)
            add(f"(1 − tanh({name})²)", 1 - np.tanh(a) ** 2, 2.7)
            if a.ndim and a.shape == shape[: a.ndim] != shape[-a.ndim :]:
                column = a.reshape(a.shape + (1,) * (len(shape) - a.ndim))
                add(f"{name}[{', '.join([':'] * a.ndim)}, None]", column, 1.5)
        for text, array in _centred(named):
            add(text, array, 2.9)
        for text, array, length in _sums(shape, named):
            add(text, array, 2.7, summed=length)
            add(text, 1 / array, 2.9, below=True)
        for text, array in _matrix_products(shape, named):
            add(text, array, 2.8)
    found.sort(key=lambda factor: factor.cost)
    kept: dict[bytes, Factor] = {}
    for factor in found:
        scaled = factor.value / np.max(np.abs(factor.value))
        kept.setdefault(np.round(scaled, 9).tobytes(), factor)
    return list(kept.values())


def _centred(named: Mapping[str, np.ndarray]) -> Iterable[tuple[str, np.ndarray]]:
    """Arrays less a sum or a mean along their last axis, as behind a softmax or a norm."""
    for name, a in named.items():
        if not a.ndim or a.shape[-1] < 2:
            continue
        yield f"({name} − mean({name}, axis=-1))", a - a.mean(axis=-1, keepdims=True)
        for other, b in named.items():
            if b.shape == a.shape and other != name:
                total = (a * b).sum(axis=-1, keepdims=True)
                yield f"({name} − sum({name} ∘ {other}, axis=-1))", a - total


def _sums(
    shape: tuple[int, ...], named: Mapping[str, np.ndarray]
) -> Iterable[tuple[str, np.ndarray, int]]:
    """Sums of one array or of a product of two along one axis."""
    names = list(named)
    products = [(name, named[name]) for name in names]
    for a, b in combinations_with_replacement(names, 2):
        if named[a].shape == named[b].shape and named[a].ndim:
            products.append((f"{a} ∘ {b}" if a != b else f"{a}²", named[a] * named[b]))
    for text, array in products:
        for axis in range(-array.ndim, 0):
            length = array.shape[axis]
            if length > 1:
                kept = array.ndim + axis >= array.ndim - len(shape)
                yield f"sum({text}, axis={axis if axis == -1 else axis + array.ndim})", np.sum(
                    array, axis=axis, keepdims=kept
                ), length  # fmt: skip


def _matrix_products(
    shape: tuple[int, ...], named: Mapping[str, np.ndarray]
) -> Iterable[tuple[str, np.ndarray]]:
    """Products of two matrices, either of them transposed, that have the shape."""
    matrices = {name: a for name, a in named.items() if a.ndim >= 2}
    for a, left in matrices.items():
        for b, right in matrices.items():
            for text, x, y in (
                (f"{a} @ {b}", left, right),
                (f"{a}ᵀ @ {b}", left.swapaxes(-1, -2), right),
                (f"{a} @ {b}ᵀ", left, right.swapaxes(-1, -2)),
            ):
                fits = x.shape[:-2] == y.shape[:-2] and x.shape[-1] == y.shape[-2]
                if fits and (*x.shape[:-1], y.shape[-1]) == shape:
                    yield f"({text})", x @ y
