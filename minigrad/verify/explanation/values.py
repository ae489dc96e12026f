"""The value that an expression should have had, and what it lacks.

A backward is linear in what it passes on. So the values of an expression with which every
gradient is right can be solved for; the factor or term between them and those that it has is
searched among what the code has names for.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.verify.explanation.statements import Path, at, put, replaced
from minigrad.verify.explanation.terms import close, formula, number
from minigrad.verify.explanation.trials import Trial
from minigrad.verify.explanation.units import Unit, function_of, plain, with_function
from minigrad.verify.handwritten import HandWritten

_UNKNOWNS = 90  # entries of the values of an expression that are solved for
STEPS = 5  # of Newton's method, where a backward is not linear in an expression
_SLICES = 24  # expressions like x[t] whose values are looked at
_HOOK = "__minigrad_value__"
IMPOSSIBLE = object()
"""No value of the expression makes every gradient right."""
UNLIKELY = object()
"""None was found, and the gradients are not linear in it."""


@dataclass(frozen=True)
class Solution:
    """The values of an expression, one for each time that it is computed.

    Attributes:
        own: those that it gives where it had the right ones before.
        needed: those with which every gradient is right.
        scopes: what has a name there, each time.
    """

    own: list[np.ndarray]
    needed: list[np.ndarray]
    scopes: list[dict[str, np.ndarray]]

    @property
    def differs(self) -> bool:
        """Whether the values are not the right ones already."""
        return any(not _near(a, b) for a, b in zip(self.own, self.needed, strict=True))


class _Values:
    """What an expression gives each time, or other values in its place."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] | None = None
        self.seen: list[np.ndarray] = []
        self.scopes: list[dict[str, np.ndarray]] | None = None

    def __call__(self, value: Any, slices: Mapping[str, Callable[[], Any]], into: Any = 0.0) -> Any:
        """What the expression is taken to give; ``into`` is what it is added to."""
        k = len(self.seen)
        shape = np.broadcast_shapes(np.shape(value), np.shape(into))
        self.seen.append(np.array(np.broadcast_to(value, shape), dtype=float))
        if self.scopes is not None:
            self.scopes.append(_named({**sys._getframe(1).f_locals, **_called(slices)}))
        if self.given is None:
            return value
        other = self.given[k]
        return other if shape else float(other)


def _called(slices: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    found = {}
    for text, value in slices.items():
        try:
            found[text] = value()
        except Exception:  # not set yet, or an index of another loop
            continue
    return found


def _named(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {
        n: np.array(v, dtype=float)
        for n, v in values.items()
        if isinstance(v, float) or (isinstance(v, np.ndarray | np.floating) and v.dtype.kind == "f")
    }


def solution(trial: Trial, unit: Unit, statement: ast.stmt, path: Path, steps: int = STEPS) -> Any:
    """A `Solution` for the expression at this place, or `IMPOSSIBLE`, or `UNLIKELY`.

    ``None`` where it cannot be told: there are too many values, or more than one would do. Of
    Newton's method that many steps are taken where the gradients are not linear in it.
    """
    arguments: list[ast.expr] = [at(statement, path), _slices(unit.tree)]
    if isinstance(statement, ast.AugAssign) and len(path) == 1:
        into = copy.copy(statement.target)
        into.ctx = ast.Load()
        arguments.append(into)
    hooked = copy.copy(statement)
    put(hooked, path, ast.Call(ast.Name(_HOOK, ast.Load()), arguments, []))
    return with_hook(trial, unit, replaced(unit.tree, statement, hooked), steps)


def through_hook(name: str, tree: ast.FunctionDef) -> ast.Assign:
    """A statement that sends a variable through the hook."""
    call = ast.Call(ast.Name(_HOOK, ast.Load()), [ast.Name(name, ast.Load()), _slices(tree)], [])
    return ast.Assign([ast.Name(name, ast.Store())], call)


def _slices(tree: ast.FunctionDef | ast.Lambda) -> ast.Dict:
    """The entries and slices that the code names, and those beside them, each as a function."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            beside = [ast.BinOp(node.slice, op, ast.Constant(1)) for op in (ast.Add(), ast.Sub())]
            for index in (node.slice, *(beside if isinstance(node.slice, ast.Name) else ())):
                part = ast.Subscript(node.value, index, ast.Load())
                found[ast.unparse(part)] = part
    texts = sorted(found, key=len)[:_SLICES]
    none = ast.arguments([], [], None, [], [], None, [])
    return ast.Dict([ast.Constant(t) for t in texts], [ast.Lambda(none, found[t]) for t in texts])


def with_hook(
    trial: Trial, unit: Unit, tree: ast.FunctionDef | ast.Lambda, steps: int = STEPS
) -> Any:
    """As `solution`, of a function in which one value goes through the hook."""
    values = _Values()
    try:
        function = function_of(tree, unit.function)
        space = plain(function).__globals__
        space[_HOOK] = values
        try:
            with (
                np.errstate(all="ignore"),
                with_function(trial.subject, unit, function) as subject,
            ):
                return _solved(trial, subject, values, steps)
        finally:
            del space[_HOOK]
    except Exception:
        return None


def _solved(trial: Trial, subject: HandWritten, values: _Values, steps: int) -> Any:
    """The values that make every gradient right, if they are the only ones; as `solution`."""

    def run(given: list[np.ndarray] | None) -> np.ndarray:
        values.given, values.seen = given, []
        found = trial.gradients(subject)
        return np.concatenate([np.ravel(np.asarray(found[n], dtype=float)) for n in trial.right])

    start = run(None)
    own = [x.copy() for x in values.seen]
    size = sum(x.size for x in own)
    if not 0 < size <= _UNKNOWNS:
        return None
    right = np.concatenate([trial.right[n].ravel() for n in trial.right])
    flat = np.concatenate([x.ravel() for x in own])

    def shaped(vector: np.ndarray) -> list[np.ndarray]:
        parts = np.split(vector, np.cumsum([x.size for x in own])[:-1])
        return [p.reshape(x.shape) for p, x in zip(parts, own, strict=True)]

    def slopes(at: np.ndarray, by: float) -> np.ndarray:
        return np.stack(
            [(run(shaped(at + by * e)) - run(shaped(at))) / by for e in np.eye(size)], 1
        )

    size_of = float(np.max(np.abs(right)))
    matrix, goal = slopes(flat, 1.0), flat
    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(start))):
        return None  # LAPACK may search for ever
    if not np.any(matrix):  # as what is only compared
        return None
    waves = np.sin(np.arange(size) + 1.0)
    linear = all(
        np.allclose(run(shaped(flat + by)), start + matrix @ by, rtol=1e-6, atol=1e-6 * size_of)
        for by in (waves, 3 * waves - 2 * flat)  # the other signs too
    )
    for _ in range(1 if linear else steps):
        if not linear:
            matrix = slopes(goal, 1e-5)
        if not np.all(np.isfinite(matrix)):
            return UNLIKELY
        step, _, rank, _ = np.linalg.lstsq(matrix, right - run(shaped(goal)), rcond=1e-9)
        goal = goal + step
        values.scopes = []
        off = np.max(np.abs(run(shaped(goal)) - right))
        if off <= 1e-7 * size_of:
            return Solution(values.seen, shaped(goal), values.scopes) if rank == size else None
    if size == 1:  # an array might do in place of a number
        return None
    return IMPOSSIBLE if linear else UNLIKELY


def in_words(found: Solution, target: str) -> str | None:
    """The factor or term between two values, in the names that the line sees."""
    each = _each_in_words(found, target)
    return each or _together_in_words(found, target)


def _each_in_words(found: Solution, target: str) -> str | None:
    """What is lacking each time, if it is the same."""
    said: set[str | None] = set()
    for k, (mine, right) in enumerate(zip(found.own, found.needed, strict=True)):
        if _near(mine, right) or mine.size < 3:
            continue
        before = f"{target} of the pass before"
        named = {before if k and n == target else n: a for n, a in found.scopes[k].items()}
        said.add(_lacking(mine, right, named, target))
    return said.pop() if len(said) == 1 else None


def _together_in_words(found: Solution, target: str) -> str | None:
    """What is lacking in all times at once: of a number, one tells nothing."""
    shape = found.own[0].shape
    names = set.intersection(*(set(scope) for scope in found.scopes)) - {target}
    if len(found.own) < 3 or any(x.shape != shape for x in found.own):
        return None
    named = {}
    for n in sorted(names):
        every = [scope[n] for scope in found.scopes]
        if all(a.shape in ((), shape) for a in every):
            named[n] = np.stack([np.broadcast_to(a, shape) for a in every])
    return _lacking(np.stack(found.own), np.stack(found.needed), named, target)


def _lacking(
    mine: np.ndarray, right: np.ndarray, named: Mapping[str, np.ndarray], target: str
) -> str | None:
    plain_names = {n: a for n, a in named.items() if "[" not in n}
    with np.errstate(all="ignore"):
        ratios = (right / mine).ravel()
        if np.all(np.isfinite(ratios)) and close(ratios, np.full_like(ratios, ratios[0])):
            constant = number(float(ratios[0])) or _scalar(float(ratios[0]), named)
            if constant:
                return f"{target} lacks the factor {constant}"
        for names in (plain_names, named):
            factor = formula(right / mine, names, most=2)
            if factor:
                return f"{target} lacks the factor {_signed(factor)}"
            term = formula(right - mine, names, most=3)
            if term:
                return f"{target} lacks the term {_signed(term)}"
            whole = formula(right, names, most=3)
            if whole:
                return f"{target} should be {_signed(whole)}"
    return None


def _scalar(value: float, named: Mapping[str, np.ndarray]) -> str | None:
    """A number as a sum of what has a name, or 1 divided by it."""
    for name, a in named.items():
        for text, other in ((name, a), (f"sum({name})", a.sum())):
            if np.size(other) == 1 and (text == name) == (a.size == 1):
                for told, x in ((text, other), (f"1 / {text}", 1 / other)):
                    if close(np.array(value), np.asarray(float(np.ravel(x)[0]))):
                        return told
    return None


def off_most(found: Solution, target: str) -> str:
    """The entry that is off most, and what it should be."""
    k = int(
        np.argmax(
            [np.max(np.abs(a - b), initial=0) for a, b in zip(found.own, found.needed, strict=True)]
        )
    )
    mine, right = found.own[k], found.needed[k]
    worst = np.unravel_index(int(np.argmax(np.abs(mine - right))), mine.shape)
    entry = f"[{', '.join(map(str, worst))}]" if worst else ""
    return (
        f"{target}{entry} is {mine[worst]:.6g}, and every gradient is right if it is "
        f"{right[worst]:.6g}"
    )


def _near(mine: np.ndarray, right: np.ndarray) -> bool:
    return np.allclose(mine, right, rtol=0, atol=1e-7 * np.max(np.abs(right), initial=0))


def _signed(found: tuple[float, str]) -> str:
    constant, text = found
    return f"−{text}" if constant < 0 else text
