"""The linter for backwards written by hand: right, and established how, or which term is wrong.

Forward and backward are NumPy code, so they run in the judges' worlds as they are. What backward
returns is held against SymPy's derivative of forward (proof), against tangents pushed forward
through forward's operations in a finite field (exact), and against the complex step or
differences of forward's own floats (numeric). No VJP takes part on the reference side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, product
from typing import Any

import mpmath
import numpy as np
import sympy

from minigrad.arrays.field import PRIME
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.world import ExactArray
from minigrad.primitives.primitive import Array
from minigrad.tape import ancestors
from minigrad.tensor import Tensor, raw
from minigrad.verify import foreign
from minigrad.verify.constants import Residues, Symbols
from minigrad.verify.explanation import explain
from minigrad.verify.forward_mode import push_forward
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.report import Check, Judge, Report

_DRAWS = 40  # points of the field that are tried until every root in the function exists
_EXACT = 4000  # entries of all inputs up to which the exact judge takes the example's shapes
_PROOF = 60  # … up to which the proof takes them, if none that are smaller will do
_TRIES = 200  # ways to shorten the axes that are tried


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


def check_vjp(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    example_inputs: Sequence[Any] = (),
    *,
    saves: bool = False,
    seed: int = 0,
) -> Report:
    """Judge a backward written by hand: a check per input and judge.

    Args:
        forward: NumPy code (*inputs) → the output, or a tuple of outputs. Or, instead of both,
            a PyTorch ``autograd.Function`` or a JAX ``custom_vjp`` function, which is judged
            through its arrays by the numeric judge.
        backward: the gradients by the inputs, as a tuple: ``None`` for those without one. It
            is called as ``backward(g, *inputs)``, or as ``backward(g, y, *inputs)`` if it
            takes one argument more; g is the cotangent of the output y, and both are tuples
            if forward returns one.
        example_inputs: arrays, or shapes of random ones. Those of floats are differentiated.
        saves: forward returns (output, saved), and backward is called as (g, saved).
        seed: of the random points.

    Returns:
        The report; ``print`` shows it. It has one target per input.

    Raises:
        ValueError: the two do not fit together, or forward fails on the example.
    """
    name = getattr(backward or forward, "__name__", type(forward).__name__)
    subject: HandWritten
    if backward is None:
        subject = foreign.adapter(forward, tuple(example_inputs))
    else:
        subject = HandWritten(name, forward, backward, tuple(example_inputs), saves)
    return Report(tuple(lint(subject, seed)), seed)


def lint(subject: HandWritten, seed: int = 0) -> Iterator[Check]:
    """The checks of each input by each judge that could judge it.

    Raises:
        ValueError: forward fails on the example inputs.
    """
    inputs = near(subject, np.random.default_rng(seed))
    try:
        subject.run(inputs)
    except Exception as error:
        raise ValueError(
            f"{subject.name}: forward fails on the example inputs: {_told(error)}"
        ) from error
    with np.errstate(all="ignore"):
        numeric, exact = _timed(_numeric, subject, seed), _timed(_exact, subject, seed)
        proof = _timed(partial(_proof, floats_agree=numeric.figures), subject, seed)
        verdicts = (proof, exact, numeric)
        for n in proof.open - numeric.wrong.keys():  # the field knows no more laws than symbols
            exact.wrong.pop(n, None)
        wrong = {n for v in verdicts for n in v.wrong}
        sentences = _sentences(subject, inputs, wrong, seed) if wrong else {}
    reasons = "; ".join(dict.fromkeys(v.skipped for v in verdicts if v.skipped))
    for k in subject.wanted:
        input_name = subject.names[k]
        for v in verdicts:
            if input_name not in v.figures and input_name not in v.wrong:
                continue
            faults: tuple[str, ...] = ()
            if input_name in v.wrong:
                faults = (sentences.get(input_name, v.wrong[input_name]),)
            told = v.established if not faults else "nothing: see the failures"
            if v.judge == "numeric" and reasons and not faults:
                told += f"; {reasons}"
            yield Check(
                target=f"{subject.name}: ∂L/∂{input_name}", judge=v.judge, order=1,
                shapes=v.shapes, passed=not faults, figure=v.figures.get(input_name, 0.0),
                unit=v.unit, established=told, failures=faults,
                seconds=v.seconds / len(subject.wanted),
            )  # fmt: skip


def near(subject: HandWritten, rng: np.random.Generator) -> list[Any]:
    """The example inputs, floats moved a little, so that they sit on no kink or tie."""
    moved = list(subject.inputs)
    for k in subject.wanted:
        x = moved[k].astype(float)
        size = np.where(x == 0, np.max(np.abs(x), initial=0) or 1.0, np.abs(x))
        moved[k] = np.asarray(x + 0.2 * size * rng.uniform(-1, 1, size=x.shape))
    return moved


# The three judges


def _proof(subject: HandWritten, seed: int, floats_agree: Collection[str]) -> Verdict:
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
            differences = (
                mine.entries[index] - sympy.diff(total, symbols[k].entries[index])
                for index in np.ndindex(*mine.shape)
            )
            match _worst(differences, name in floats_agree):
                case "proven":
                    verdict.figures[name] = mine.size
                case "to rounding":
                    verdict.open.add(name)
                case _:
                    verdict.wrong[name] = f"∂L/∂{name} is not SymPy's"
        if verdict.open:
            verdict.skipped = (
                f"not established as an identity for {', '.join(sorted(verdict.open))}: the "
                "formulas agree to 12 digits at random points and not literally, as where a law "
                "such as exp(a − b) = exp(a) / exp(b) is needed"
            )

    rungs = [*_smaller(subject), *([list(subject.inputs)] if _entries(subject) <= _PROOF else [])]
    return _climb(verdict, subject, rungs, trial, "on symbols")


def _exact(subject: HandWritten, seed: int) -> Verdict:
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

    rungs = [*([list(subject.inputs)] if _entries(subject) <= _EXACT else []), *_smaller(subject)]
    return _climb(verdict, subject, rungs, trial, "in a finite field")


def _numeric(subject: HandWritten, seed: int) -> Verdict:
    verdict = Verdict("numeric", "relative error", "")
    rng = np.random.default_rng(seed)
    inputs = near(subject, rng)
    verdict.shapes = _shapes(subject, inputs)
    outputs, returned = subject.run(inputs)
    before = [np.array(inputs[k]) for k in subject.wanted]
    cotangents = [rng.normal(size=np.shape(y)) for y in outputs]

    def value(moved: list[Any]) -> Any:
        ends, _ = subject.run(moved)
        return sum(np.sum(u * y) for u, y in zip(cotangents, ends, strict=True))

    try:
        found = subject.pull(cotangents, inputs, returned)
    except Exception as error:
        return _failed(verdict, subject, f"backward raises {_told(error)}")
    for k, x in zip(subject.wanted, before, strict=True):
        if not np.array_equal(inputs[k], x):
            return _failed(
                verdict, subject, f"the code writes into its argument {subject.names[k]}"
            )
    analytic = _is_analytic(subject, inputs)
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
            if not off <= 1e-10 + doubt / (size or 1.0):
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
    epsilon = float(np.finfo(float).eps)
    first = 0.1 * epsilon ** (1 / 7)  # where rounding and truncation of the extrapolation meet
    coarse, middle, fine = (float(np.real(at(h) - at(-h))) / (2 * h)
                            for h in (first, first / 2, first / 4))  # fmt: skip
    low, high = (4 * middle - coarse) / 3, (4 * fine - middle) / 3  # Richardson 1911
    slope = (16 * high - low) / 15
    rounding = 100 * epsilon * max(abs(float(np.real(value(inputs)))), 1.0) / first
    return slope, 3 * abs(slope - high) + rounding + 1e-8 * abs(slope)


def _is_analytic(subject: HandWritten, inputs: list[Any]) -> bool:
    """Whether all operations of forward are analytic, and run on complex numbers."""
    try:
        leaves = _leaves(inputs, recorded=True)
        outputs, _ = subject.run(leaves)
        nodes = ancestors([y for y in outputs if isinstance(y, Tensor)])
        if not subject.runs_in_worlds or not all(
            n.primitive.analytic for n in nodes if n.primitive
        ):
            return False
        ends, _ = subject.run([x.astype(complex) if k in subject.wanted else x
                               for k, x in enumerate(inputs)])  # fmt: skip
        return all(np.iscomplexobj(y) for y in ends)
    except Exception:
        return False


# Worlds and shapes


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
        verdict.figures, verdict.wrong, verdict.shapes = {}, {}, _shapes(subject, inputs)
        verdict.skipped = ""
        try:
            trial(inputs)
            return verdict
        except Exception as error:
            verdict.skipped = f"not judged {where}, where the code does not run ({_told(error)})"
    verdict.figures, verdict.wrong = {}, {}
    return verdict


def _smaller(subject: HandWritten) -> list[list[Any]]:
    """The example inputs cut down to short axes, equal ones equal: as small as forward runs on.

    Once with lengths of 2 and once with different ones; a length that is a multiple of another
    may have to stay so (four gates in one matrix).
    """
    lengths = sorted({n for k in subject.wanted for n in subject.inputs[k].shape if n > 1})

    def cut(
        shapes: list[tuple[int, ...]] | None, short: dict[int, int]
    ) -> list[tuple[int, ...]] | None:
        return shapes and [tuple(short.get(n, n) for n in shape) for shape in shapes]

    whole = _results(subject, subject.inputs)
    found: list[list[Any]] = []
    for shortest in (dict.fromkeys(lengths, 2), {n: min(n, 2 + j) for j, n in enumerate(lengths)}):
        options = [
            sorted(
                {shortest[n], *(shortest[d] * (n // d) for d in lengths if d < n and n % d == 0)}
            )
            for n in lengths
        ]
        for chosen in islice(sorted(product(*options), key=sum), _TRIES):
            short = dict(zip(lengths, chosen, strict=True))
            inputs = [
                x[tuple(slice(short.get(n, n)) for n in x.shape)]
                if isinstance(x, np.ndarray)
                else x
                for x in subject.inputs
            ]
            if _results(subject, inputs) != cut(whole, short):
                continue
            if all(_shapes(subject, inputs) != _shapes(subject, other) for other in found):
                found.append(inputs)
            break
    return found


def _results(subject: HandWritten, inputs: Sequence[Any]) -> list[tuple[int, ...]] | None:
    """Shapes of the outputs and gradients at these inputs; ``None`` where the code fails."""
    try:
        outputs, returned = subject.run(
            [np.array(x) if isinstance(x, np.ndarray) else x for x in inputs]
        )
        gradients = subject.pull([np.ones(np.shape(y)) for y in outputs], inputs, returned)
    except Exception:
        return None
    return [np.shape(x) for x in (*outputs, *gradients)]


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
        if isinstance(x, ExactArray) or (isinstance(x, np.ndarray) and x.dtype.kind == "f") else x
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


def _worst(differences: Iterator[sympy.Expr], may_vanish: bool) -> str:
    """Whether all differences are 0, and if not, whether they are to rounding."""
    found = "proven"
    for difference in differences:
        if not is_zero(difference):
            if not (may_vanish and _vanishes(difference)):
                return "wrong"
            found = "to rounding"
    return found


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


def _shapes(subject: HandWritten, inputs: Sequence[Any]) -> dict[str, tuple[int, ...]]:
    return {subject.names[k]: inputs[k].shape for k in subject.wanted}


def _entries(subject: HandWritten) -> int:
    return sum(subject.inputs[k].size for k in subject.wanted)


# What is told


def _sentences(
    subject: HandWritten, inputs: list[Any], wrong: set[str], seed: int
) -> dict[str, str]:
    """What is wrong with each of these gradients, at an example small enough to search."""
    found: dict[str, str] = {}
    for example in ([inputs] if _entries(subject) <= _EXACT else []) + _smaller(subject):
        try:
            found = explain(subject, example, seed) | found
        except Exception:
            continue
        if wrong <= found.keys():
            break
    return found


def _failed(verdict: Verdict, subject: HandWritten, sentence: str) -> Verdict:
    verdict.wrong = {subject.names[k]: sentence for k in subject.wanted}
    return verdict


def _timed(
    judge: Callable[[HandWritten, int], Verdict], subject: HandWritten, seed: int
) -> Verdict:
    start = time.perf_counter()
    verdict = judge(subject, seed)
    verdict.seconds = time.perf_counter() - start
    return verdict


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
