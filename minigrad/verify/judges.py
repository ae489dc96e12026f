"""The three judges. None of them uses, as its reference, the rule that it judges."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from textwrap import shorten
from typing import Any

import numpy as np

from minigrad.arrays.field import PRIME, FieldArray
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.symbolic import Slopes, SymbolicArray, named_products, written_out
from minigrad.primitives.primitive import Array
from minigrad.tape import ancestors, walk
from minigrad.targets.problem import Arrays, Judge, Leaves, Problem, drawn
from minigrad.tensor import Tensor
from minigrad.verify.diagnosis import culprits
from minigrad.verify.forward_mode import push_forward
from minigrad.verify.report import Check

COMPLEX_STEP = 1e-30  # any step will do: nothing is subtracted, so nothing cancels
EPSILONS = 1e4  # how many roundings of a dtype a gradient may be off, relative to its size
DIFFERENCE = 1e-3  # step of central differences, in units of an input
_MOST = 3  # failures told per check


def judge_proof(problem: Problem, seed: int = 0) -> Check:
    """Run the engine on symbols; its gradient minus SymPy's own ``diff`` must reduce to 0.

    What products of arrays give has names, so that formulas stay short over several steps: 0
    whatever the names mean is 0; where it is not, they are written out.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import judge_proof
        >>> problem = next(resolve("tanh").problems())
        >>> print(judge_proof(problem).established)
        an identity for every real input, at these shapes
    """

    def trial() -> tuple[float, list[str]]:
        with named_products() as meanings:
            leaves, outputs = problem.forward(problem.symbols())
        cotangents = [SymbolicArray.symbols(f"u{k}", y.shape) for k, y in enumerate(outputs)]
        value = _paired(outputs, cotangents).item()
        slopes = Slopes(value, meanings)
        gradients = engine_gradients(outputs, cotangents, leaves)
        faults = []
        entries = 0
        for name, gradient in gradients.items():
            for index in np.ndindex(*gradient.shape):
                variable = leaves[name].data.entries[index]
                difference = gradient.entries[index] - slopes.by(variable)
                entries += 1
                if not is_zero(difference) and not is_zero(written_out(difference, meanings)):
                    faults.append(_entry(name, index))
        return entries, faults

    return check(
        problem, "proof", trial, unit="entries proven", seed=seed,
        established="an identity for every real input, at these shapes",
    )  # fmt: skip


def judge_exact(problem: Problem, seed: int = 0) -> Check:
    """Reverse pass and SymPy's derivatives pushed forward, in a finite field: equal or not.

    At second order the derivative along one tangent is itself differentiated: by the engine
    through its own rules, by the reference through SymPy's derivatives once more.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import judge_exact
        >>> problem = next(resolve("tanh").problems())
        >>> judge_exact(problem).passed
        True
    """

    def trial() -> tuple[float, list[str]]:
        rng = np.random.default_rng(seed)
        leaves, outputs = drawn(problem, rng)
        cotangents = [FieldArray.random(y.shape, rng) for y in outputs]
        tangents = {n: FieldArray.random(s, rng) for n, s in problem.shapes.items()}
        if problem.order == 2:
            outputs, gradients = _slope(outputs, cotangents, leaves, tangents)
            cotangents = [FieldArray(1)]
            tangents = {n: FieldArray.random(s, rng) for n, s in problem.shapes.items()}
        else:
            gradients = engine_gradients(outputs, cotangents, leaves)

        def agree(names: Iterable[str]) -> bool:
            moved = push_forward(outputs, {leaves[n]: tangents[n] for n in names})
            forward = _pairing(zip(cotangents, moved, strict=True))
            backward = _pairing((gradients[n], tangents[n]) for n in names)
            return forward == backward

        entries = sum(g.size for g in gradients.values())
        if agree(gradients):  # one equation holds all entries: each has a random factor
            return entries, []
        return entries, [f"∂L/∂{name}" for name in gradients if not agree([name])]

    return check(
        problem, "exact", trial, unit="entries equal", seed=seed,
        established=f"equal at a random point of a field of {PRIME} elements, without tolerance: "
        "an identity at these shapes; a false one would pass with a chance of its degree / 2⁶¹",
    )  # fmt: skip


def judge_numeric(problem: Problem, seed: int = 0) -> Check:
    """The complex step in float64, and the float32 gradient held against the float64 one.

    Where an operation takes real numbers only, central differences stand in: of steps h, h/2
    and h/4, extrapolated to 0 twice, so that their error is of order h⁶.

    Example:
        >>> from minigrad.targets import resolve
        >>> from minigrad.verify import judge_numeric
        >>> problem = next(resolve("tanh").problems())
        >>> judge_numeric(problem).passed
        True
    """

    def trial() -> tuple[float, list[str]]:
        rng = np.random.default_rng(seed)
        arrays = problem.numbers(rng)
        leaves, outputs = problem.forward(arrays)
        cotangents = [rng.normal(size=y.shape) for y in outputs]
        gradients = engine_gradients(outputs, cotangents, leaves)
        worst, faults = 0.0, []
        analytic = _is_analytic(outputs) and _is_analytic(
            problem.forward({n: a.astype(complex) for n, a in arrays.items()})[1]
        )
        slope_of, most = (
            (_complex_slope, EPSILONS * np.finfo(np.float64).eps)
            if analytic
            else (_difference_slope, 1e-8)
        )
        overall = max(float(np.sum(np.abs(g))) for g in gradients.values())
        for name, gradient in gradients.items():
            directions = [rng.choice((-1.0, 1.0), size=gradient.shape) for _ in range(3)]
            for direction in directions:
                slope = slope_of(problem, arrays, cotangents, name, direction)
                size = _size(float(np.sum(np.abs(gradient))), overall)
                error = abs(float(np.sum(gradient * direction)) - slope) / size
                worst = max(worst, error if np.isfinite(error) else np.inf)
                if not error <= most:
                    faults.append(f"∂L/∂{name}: off by {error:.1e} of its size in float64")
                    break
        faults += _float32_faults(problem, arrays, cotangents, gradients)
        return worst, faults

    return check(
        problem, "numeric", trial, unit="relative error", seed=seed,
        established="the floats agree with the complex step to rounding, and float32 with float64",
    )  # fmt: skip


JUDGES: dict[Judge, Callable[[Problem, int], Check]] = {
    "proof": judge_proof,
    "exact": judge_exact,
    "numeric": judge_numeric,
}


def check(
    problem: Problem,
    judge: Judge,
    trial: Callable[[], tuple[float, list[str]]],
    *,
    unit: str,
    established: str,
    seed: int,
    explain: Callable[[Problem, int], Iterable[str]] = culprits,
) -> Check:
    """Run a judge; a rule that raises is as wrong as one that lies."""
    return copy_context().run(_run, problem, judge, trial, unit, established, seed, explain)


def _run(
    problem: Problem,
    judge: Judge,
    trial: Callable[[], tuple[float, list[str]]],
    unit: str,
    established: str,
    seed: int,
    explain: Callable[[Problem, int], Iterable[str]],
) -> Check:
    start = time.perf_counter()
    with np.errstate(all="ignore"):
        try:
            figure, faults = trial()
        except Exception as error:  # the engine or a rule under judgement failed
            figure, faults = (
                0.0,
                [shorten(f"{type(error).__name__}: {error}", 300, placeholder=" …")],
            )
        if faults:
            subject = "wrong" if problem.order == 1 else "wrong at second order"
            told = faults[:_MOST]
            if len(faults) > _MOST:
                told.append(f"and {len(faults) - _MOST} more")
            faults = [f"{subject}: " + ", ".join(told), *explain(problem, seed)]
    return Check(
        target=problem.target,
        judge=judge,
        shapes=dict(problem.shapes),
        order=problem.order,
        passed=not faults,
        figure=figure,
        unit=unit,
        established=established if not faults else "nothing: see the failures",
        failures=tuple(faults),
        seconds=time.perf_counter() - start,
    )


def engine_gradients(
    outputs: list[Tensor], cotangents: Sequence[Array], leaves: Leaves
) -> dict[str, Array]:
    """The gradients under judgement: of Σ cotangent · output, by the engine's walk."""
    recorded = [(y, u) for y, u in zip(outputs, cotangents, strict=True) if y.requires_grad]
    walked = walk(recorded, retain_graph=True)  # the reference needs the tape too
    found = {}
    for name, leaf in leaves.items():
        gradient = walked.get(leaf, leaf.data * 0)
        if gradient.shape != leaf.shape:
            raise ValueError(
                f"∂L/∂{name}: got shape {gradient.shape}, expected {leaf.shape}: "
                "the sum over broadcast axes is missing"
            )
        found[name] = gradient
    return found


def _slope(
    outputs: list[Tensor], cotangents: list[Array], leaves: Leaves, tangents: Arrays
) -> tuple[list[Tensor], dict[str, Array]]:
    """The derivative along some tangents, as both sides have it, to be differentiated again.

    Returns:
        The reference's, a recorded number whose tangents can be pushed forward; and the
        engine's gradient of its own, the product of the Hessian with these tangents.
    """
    moved = push_forward(outputs, {leaves[n]: t for n, t in tangents.items()}, recorded=True)
    reference = _total([(t * u).sum() for t, u in zip(moved, cotangents, strict=True)])
    recorded = [(y, u) for y, u in zip(outputs, cotangents, strict=True) if y.requires_grad]
    first = walk(recorded, retain_graph=True, create_graph=True)
    slope = _total(
        [(first[leaf] * tangents[n]).sum() for n, leaf in leaves.items() if leaf in first]
    )
    if not isinstance(slope, Tensor) or not slope.requires_grad:
        second = {n: leaf.data * 0 for n, leaf in leaves.items()}
    else:
        second = engine_gradients([slope], [FieldArray(1)], leaves)
    return [Tensor(reference) if not isinstance(reference, Tensor) else reference], second


def _total(terms: Sequence[Any]) -> Any:
    total, *rest = terms
    for term in rest:
        total = total + term
    return total


def _paired(outputs: Sequence[Tensor], cotangents: Sequence[Array]) -> Array:
    """Σ cotangent · output, computed outside of the tape."""
    return _total([(u * y.data).sum() for y, u in zip(outputs, cotangents, strict=True)])


def _pairing(pairs: Iterable[tuple[Array, Array]]) -> int:
    return sum(int((a * b).sum().item()) for a, b in pairs) % PRIME


def _is_analytic(outputs: Sequence[Tensor]) -> bool:
    """Whether all that was recorded is; of complex numbers some functions take absolute values."""
    return all(n.primitive.analytic for n in ancestors(outputs) if n.primitive)


def _complex_slope(
    problem: Problem, arrays: Arrays, cotangents: list[Array], name: str, direction: Array
) -> float:
    """dL/dt at 0 along ``direction``: Im L(x + i t v) / t (Squire & Trapp 1998)."""
    moved = {n: a.astype(complex) for n, a in arrays.items()}
    moved[name] = moved[name] + 1j * COMPLEX_STEP * direction
    _, outputs = problem.forward(moved, recorded=False)
    return float(_paired(outputs, cotangents).imag) / COMPLEX_STEP


def _difference_slope(
    problem: Problem, arrays: Arrays, cotangents: list[Array], name: str, direction: Array
) -> float:
    """dL/dt at 0 along ``direction`` by central differences, extrapolated (Richardson 1911)."""

    def central(step: float) -> float:
        ends = []
        for sign in (1, -1):
            moved = {**arrays, name: arrays[name] + sign * step * direction}
            _, outputs = problem.forward(moved, recorded=False)
            ends.append(float(_paired(outputs, cotangents)))
        return (ends[0] - ends[1]) / (2 * step)

    coarse, middle, fine = (central(DIFFERENCE / k) for k in (1, 2, 4))
    first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return (16 * second - first) / 15


def _float32_faults(
    problem: Problem, arrays: Arrays, cotangents: list[Array], expected: Arrays
) -> list[str]:
    single = {n: a.astype(np.float32) for n, a in arrays.items()}
    leaves, outputs = problem.forward(single)
    narrow = [u.astype(y.dtype) for u, y in zip(cotangents, outputs, strict=True)]
    gradients = engine_gradients(outputs, narrow, leaves)
    faults = []
    overall = max(float(np.max(np.abs(g), initial=0)) for g in expected.values())
    for name, gradient in gradients.items():
        if gradient.dtype != np.float32:
            faults.append(f"∂L/∂{name}: dtype {gradient.dtype} for a float32 input")
        size = _size(float(np.max(np.abs(expected[name]), initial=0)), overall)
        error = float(np.max(np.abs(gradient - expected[name]), initial=0)) / size
        if not error <= EPSILONS * np.finfo(np.float32).eps:
            faults.append(f"∂L/∂{name}: float32 is off by {error:.1e} of its size")
    return faults


def _size(own: float, overall: float) -> float:
    """What an error is relative to; a gradient that cancels to 0 keeps its parts' rounding."""
    return max(own, 1e-3 * overall) or 1.0


def _entry(name: str, index: tuple[int, ...]) -> str:
    return f"∂L/∂{name}[{', '.join(map(str, index))}]" if index else f"∂L/∂{name}"
