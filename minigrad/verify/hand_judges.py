"""The three judges of a backward written by hand. No VJP takes part on the reference side.

What backward returns is held against SymPy's derivative of forward (proof), against tangents
pushed forward through forward's operations in a finite field (exact), and against the complex
step or differences of forward's own floats (numeric).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import mpmath
import numpy as np
import sympy

from minigrad.arrays.field import PRIME
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.world import ExactArray
from minigrad.primitives.primitive import Array
from minigrad.tape import ancestors
from minigrad.targets import Judge
from minigrad.tensor import Tensor, raw
from minigrad.verify.constants import Residues, Symbols
from minigrad.verify.diagnosis import describe
from minigrad.verify.examples import entries, near, shapes, smaller
from minigrad.verify.forward_mode import push_forward
from minigrad.verify.handwritten import HandWritten

_DRAWS = 40  # points of the field that are tried until every root in the function exists
_EXACT = 4000  # entries of all inputs up to which the exact judge takes the example's shapes
_PROOF = 60  # … up to which the proof takes them, if none that are smaller will do
_READABLE = 160  # characters of two formulas that are still read
_ROUGHLY = 1e-3  # relative error that differences are allowed at most


class WrongShapeError(ValueError):
    """A gradient that has not the shape of its input."""


@dataclass
class Verdict:
    """What one judge found: of each input, how far it is off, or why it could not judge."""

    judge: Judge
    unit: str
    established: str
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)  # neither proven nor wrong
    skipped: str = ""
    seconds: float = 0.0


def proof(subject: HandWritten, seed: int, floats_agree: Collection[str]) -> Verdict:
    """Backward on symbols, minus SymPy's ``diff`` of forward, must reduce to 0.

    Where it does not and ``floats_agree``, it is left open if the formula is 0 to 12 digits.
    """
    verdict = Verdict(
        "proof", "entries proven", "an identity for every real input, at these shapes"
    )

    def trial(inputs: Sequence[Any]) -> None:
        symbols = _symbols(subject, inputs)
        leaves = _leaves(symbols)
        outputs, returned = subject.run(leaves)
        values = [_exact_array(y, Symbols) for y in outputs]
        cotangents = [Symbols.symbols(f"u{k}", y.shape) for k, y in enumerate(values)]
        total = sum((u * y).sum().item() for u, y in zip(cotangents, values, strict=True))
        found = subject.pull([Tensor(u) for u in cotangents], leaves, returned)
        for k, gradient in zip(subject.wanted, found, strict=True):
            name = subject.names[k]
            try:
                mine = _gradient(gradient, symbols[k], Symbols)
            except WrongShapeError as error:
                verdict.wrong[name] = str(error)
                continue
            pairs = (
                (index, mine.entries[index], sympy.diff(total, symbols[k].entries[index]))
                for index in np.ndindex(*mine.shape)
            )
            unequal = (pair for pair in pairs if not is_zero(pair[1] - pair[2]))
            wrong = list(unequal if name in floats_agree else islice(unequal, 1))
            if not wrong:
                verdict.figures[name] = mine.size
            elif name in floats_agree and all(_vanishes(a - b) for _, a, b in wrong):
                verdict.open.add(name)
            else:
                verdict.wrong[name] = _entry(name, *wrong[0])
        if verdict.open:
            verdict.skipped = (
                f"not established as an identity for {', '.join(sorted(verdict.open))}: the "
                "formulas agree to 12 digits at random points and not literally, as where a law "
                "such as exp(a − b) = exp(a) / exp(b) is needed"
            )

    rungs = [*smaller(subject), *([list(subject.inputs)] if entries(subject) <= _PROOF else [])]
    return _climb(verdict, subject, rungs, trial, "on symbols")


def exact(subject: HandWritten, seed: int) -> Verdict:
    """Backward, and tangents pushed forward, in a finite field: equal or not."""
    verdict = Verdict(
        "exact", "entries equal",
        f"equal at a random point of a field of {PRIME} elements, without tolerance",
    )  # fmt: skip

    def trial(inputs: Sequence[Any]) -> None:
        for draw in range(_DRAWS):
            try:
                return attempt(inputs, np.random.default_rng((seed, draw)))
            except ArithmeticError:  # half of the field's elements have no root
                if draw == _DRAWS - 1:
                    raise
        return None

    def attempt(inputs: Sequence[Any], rng: np.random.Generator) -> None:
        points = list(inputs)
        for k in subject.wanted:
            points[k] = Residues.random(inputs[k].shape, rng)
            if np.all(subject.inputs[k] > 0):
                points[k] = points[k] * points[k]
        leaves = _leaves(points, recorded=True)
        outputs, returned = subject.run(leaves)
        recorded = [y if isinstance(y, Tensor) else Tensor(Residues(y)) for y in outputs]
        cotangents = [Residues.random(y.shape, rng) for y in recorded]
        found = subject.pull([Tensor(u) for u in cotangents], leaves, returned)
        for k, gradient in zip(subject.wanted, found, strict=True):
            name = subject.names[k]
            try:
                mine = _gradient(gradient, points[k], Residues)
            except WrongShapeError as error:
                verdict.wrong[name] = str(error)
                continue
            tangent = Residues.random(mine.shape, rng)
            moved = push_forward(recorded, {leaves[k]: tangent})
            forward = sum(int((u * t).sum().item()) for u, t in zip(cotangents, moved, strict=True))
            if (forward - int((mine * tangent).sum().item())) % PRIME:
                verdict.wrong[name] = f"∂L/∂{name} differs in the finite field"
            else:
                verdict.figures[name] = mine.size

    rungs = [
        *([list(subject.inputs)] if entries(subject) <= _EXACT else []),
        *reversed(smaller(subject)),
    ]
    return _climb(verdict, subject, rungs, trial, "in a finite field")


def numeric(subject: HandWritten, seed: int) -> Verdict:
    """Backward's floats against the complex step, or differences, along random directions."""
    verdict = Verdict("numeric", "relative error", "")
    rng = np.random.default_rng(seed)
    inputs = near(subject, rng)
    verdict.shapes = shapes(subject, inputs)
    outputs, returned = subject.run(inputs)
    before = [np.array(inputs[k]) for k in subject.wanted]
    cotangents = [rng.normal(size=np.shape(y)) for y in outputs]

    analytic = _is_analytic(subject, inputs)

    def value(moved: list[Any]) -> Any:
        """On the tape where the step is complex: NumPy's own variance is not analytic."""
        ends, _ = subject.run(_leaves(moved) if analytic else moved)
        return sum(np.sum(u * raw(y)) for u, y in zip(cotangents, ends, strict=True))

    try:
        found = subject.pull(cotangents, inputs, returned)
    except Exception as error:
        return _failed(verdict, subject, f"backward raises {told(error)}")
    for k, x in zip(subject.wanted, before, strict=True):
        if not np.array_equal(inputs[k], x):
            return _failed(
                verdict, subject, f"the code writes into its argument {subject.names[k]}"
            )
    floor = 1e-6 * sum(
        float(np.sum(np.abs(u * y))) for u, y in zip(cotangents, outputs, strict=True)
    )
    for k, gradient in zip(subject.wanted, found, strict=True):
        name, x = subject.names[k], inputs[k]
        mine = np.zeros(x.shape) if gradient is None else np.asarray(gradient, dtype=float)
        if mine.shape != x.shape:
            verdict.wrong[name] = f"∂L/∂{name}: got shape {mine.shape}, expected {x.shape}"
            continue
        scale = np.abs(x) if np.all(x > 0) else np.full(x.shape, np.max(np.abs(x), initial=0))
        worst = 0.0
        for _ in range(3):
            direction = rng.choice((-1.0, 1.0), size=x.shape) * scale
            slope, doubt = _slope(value, inputs, k, direction, analytic)
            size = max(float(np.sum(np.abs(mine * direction))), floor)
            off = abs(float(np.sum(mine * direction)) - slope) / (size or 1.0)
            if not off <= 1e-10 + min(doubt / (size or 1.0), _ROUGHLY):
                verdict.wrong[name] = f"∂L/∂{name} is off by {off:.1e} of its size"
                break
            worst = max(worst, off)
        else:
            verdict.figures[name] = worst
    how = "the complex step" if analytic else "central differences"
    verdict.established = f"the floats agree with {how}, near the example inputs"
    return verdict


def _slope(
    value: Callable[[list[Any]], Any], inputs: list[Any], k: int, direction: Array,
    analytic: bool,
) -> tuple[float, float]:  # fmt: skip
    """The derivative along a direction, and how far it may itself be off."""

    def at(step: complex) -> Any:
        return value([x + step * direction if j == k else x for j, x in enumerate(inputs)])

    if analytic:  # Squire & Trapp 1998
        return float(np.imag(at(1e-30j))) / 1e-30, 0.0
    rounding = 100 * np.finfo(float).eps * max(abs(float(np.real(value(inputs)))), 1.0)
    found = []
    for h in (5e-4, 1e-5, 1e-6):  # shorter ones where a kink is near
        coarse, middle, fine = (
            float(np.real(at(h / k) - at(-h / k))) * k / (2 * h) for k in (1, 2, 4)
        )
        low, high = (4 * middle - coarse) / 3, (4 * fine - middle) / 3  # Richardson 1911
        slope = (16 * high - low) / 15
        found.append((3 * abs(slope - high) + rounding / h + 1e-8 * abs(slope), slope))
    doubt, slope = min(found)
    return slope, doubt


def _is_analytic(subject: HandWritten, inputs: list[Any]) -> bool:
    """Whether all operations of forward are analytic, and run on complex numbers."""
    try:
        turned = [x.astype(complex) if k in subject.wanted else x for k, x in enumerate(inputs)]
        for arrays in (inputs, turned):  # of complex numbers some functions take absolute values
            outputs, _ = subject.run(_leaves(arrays, recorded=True))
            nodes = ancestors([y for y in outputs if isinstance(y, Tensor)])
            if not all(n.primitive.analytic for n in nodes if n.primitive):
                return False
        ends, _ = subject.run(turned)
        return subject.runs_in_worlds and all(np.iscomplexobj(y) for y in ends)
    except Exception:
        return False


def _climb(
    verdict: Verdict,
    subject: HandWritten,
    rungs: Sequence[list[Any]],
    trial: Callable[[Sequence[Any]], None],
    where: str,
) -> Verdict:
    """Judge at the first of these inputs at which the code runs, or say why it does not."""
    if not subject.runs_in_worlds:
        rungs = []
        verdict.skipped = "no identity: only numbers go through another framework's arrays"
    for inputs in rungs:
        verdict.figures, verdict.wrong, verdict.shapes = {}, {}, shapes(subject, inputs)
        verdict.skipped = ""
        try:
            trial(inputs)
            return verdict
        except Exception as error:
            verdict.skipped = f"not judged {where}, where the code does not run ({told(error)})"
    verdict.figures, verdict.wrong = {}, {}
    return verdict


def _symbols(subject: HandWritten, inputs: Sequence[Any]) -> list[Any]:
    return [
        Symbols.symbols(subject.names[k], x.shape, positive=bool(np.all(x > 0)))
        if k in subject.wanted else x
        for k, x in enumerate(inputs)
    ]  # fmt: skip


def _leaves(arrays: Sequence[Any], *, recorded: bool = False) -> list[Any]:
    """Tensors of these arrays; what is not differentiated stays as it is."""
    return [
        Tensor(x, requires_grad=recorded)
        if isinstance(x, ExactArray) or (isinstance(x, np.ndarray) and x.dtype.kind in "fc") else x
        for x in arrays
    ]  # fmt: skip


def _exact_array(value: Any, world: type[ExactArray]) -> ExactArray:
    array = raw(value)
    if isinstance(array, world):
        return array
    if isinstance(array, np.ndarray) and array.dtype == object:
        raise TypeError("an array of objects came out")
    return world(array)


def _gradient(gradient: Any, point: ExactArray, world: type[ExactArray]) -> ExactArray:
    """What backward returned, as an array of the world and of its input's shape."""
    if gradient is None:
        return world(np.zeros(point.shape, dtype=int))
    mine = _exact_array(gradient, world)
    if mine.shape != point.shape:
        raise WrongShapeError(f"got shape {mine.shape}, expected {point.shape}")
    return mine


def _entry(name: str, index: tuple[int, ...], mine: sympy.Expr, right: sympy.Expr) -> str:
    """A wrong entry as a formula, where it is short; the floats may not have met this branch."""
    entry = f"backward's ∂L/∂{name}: entry ({', '.join(map(str, index))})"
    if len(str(mine)) + len(str(right)) > _READABLE:
        return f"{entry} is not SymPy's"
    return f"{entry} is {mine}, SymPy's is {right}: {describe(mine, right)}"


def _vanishes(difference: sympy.Expr) -> bool:
    """Whether a formula is 0 to 12 digits at random real points."""
    terms = sympy.Add.make_args(difference.rewrite(sympy.exp))
    symbols = sorted(difference.free_symbols, key=str)
    values = sympy.lambdify(symbols, terms, "mpmath", cse=True)
    rng = np.random.default_rng(0)
    with mpmath.workdps(30):
        for _ in range(2):
            found = values(*map(mpmath.mpf, rng.uniform(0.5, 1.5, size=len(symbols))))
            if abs(sum(found)) > 1e-12 * max(map(abs, found)):
                return False
    return True


def _failed(verdict: Verdict, subject: HandWritten, sentence: str) -> Verdict:
    verdict.wrong = {subject.names[k]: sentence for k in subject.wanted}
    return verdict


def told(error: Exception) -> str:
    """The error on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
