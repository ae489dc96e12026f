"""The line of a backward that is wrong, found by mending it.

A small change of one line after which every gradient is right, at fresh points and at other
shapes too, is what was wrong with it. Where none is, an expression is sought that has a right
value which can be told in the code's own names; then a line that alone can be at fault.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.verify.explanation.changes import Change, changes_of, missing_after
from minigrad.verify.explanation.statements import (
    Path,
    at,
    bases_of,
    inserted,
    is_read,
    line_of,
    names_in,
    names_set,
    parts_of,
    returned_parts,
    statements_of,
    targets_of,
    values_of,
)
from minigrad.verify.explanation.trials import LARGEST, Trial, locals_of, shuffled_trials, trial_at
from minigrad.verify.explanation.units import Unit, function_of, units_of, with_function
from minigrad.verify.explanation.values import (
    IMPOSSIBLE,
    STEPS,
    UNLIKELY,
    Solution,
    in_words,
    off_most,
    solution,
    through_hook,
    with_hook,
)
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.sources import tree_of

SECONDS = 3.0
_READABLE = 90  # characters of a line that are shown


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line.

    Attributes:
        function: the name of the function that it is in.
        line: its number.
        text: the line.
        says: what is wrong with it.
        mended: the line as it is right; empty where that is not known.
    """

    function: str
    line: int
    text: str
    says: str
    mended: str = ""

    def __str__(self) -> str:
        text = self.text if len(self.text) <= _READABLE else self.text[: _READABLE - 2] + " …"
        told = f"in line {self.line}, `{text}`, {self.says}"
        if self.mended and len(self.mended) <= _READABLE and "it should be" not in self.says:
            told += f"; it is right as `{self.mended}`"
        return told


def fault_of(
    subject: HandWritten, trials: Sequence[Trial], seed: int = 0, seconds: float = SECONDS
) -> Fault | None:
    """The line that is wrong, if one is found within the time.

    Args:
        subject: at the example's shapes.
        trials: points at small shapes where a gradient is wrong.
        seed: of fresh points.
        seconds: for the search.
    """
    until = time.thread_time() + seconds
    units = units_of(subject)
    checks = [*trials[1:]]
    for other in (trials[0].subject, subject):
        try:
            if other.entries <= LARGEST * 4:
                checks.append(trial_at(other, seed + 1))
        except Exception:
            continue
    suspects = [s for unit in units for s in _suspects(unit, trials[0])]
    known = {unit.name: locals_of(trials[0], unit.function) for unit in units}
    constants = _numbers_in(subject.pair.forward)
    changes = iter(sorted(
        ((change.cost + s.rank, k, s.unit, change) for s in suspects
         for k, change in enumerate(_changes(s, *known[s.unit.name], constants))),
        key=lambda c: c[:2],
    ))  # fmt: skip
    largest = max(trials, key=lambda t: t.subject.entries)
    again = trial_at(largest.subject, seed + 2)
    with np.errstate(all="ignore"):
        return (
            _by_change(changes, trials[0], checks, seed, until - seconds / 3)
            or _by_value(suspects, largest, again, 0, until)
            or _by_insertion(units, largest, again, until)
            or _by_change(changes, trials[0], checks, seed, until)
            or _by_value(suspects, largest, again, STEPS, until + seconds / 2)
            or _alone(suspects, largest, again, until + seconds / 2)
        )


# A change that mends it


def _by_change(
    changes: Iterator[tuple[float, int, Unit, Change]], trial: Trial, checks: Sequence[Trial],
    seed: int, until: float,
) -> Fault | None:  # fmt: skip
    while time.thread_time() < until and (tried := next(changes, None)):
        *_, unit, change = tried
        try:
            function = function_of(change.applied(unit.tree), unit.function)
            with with_function(trial.subject, unit, function) as changed:
                if trial.wrong(trial.gradients(changed)):
                    continue
            fresh = shuffled_trials(trial.subject, seed)
            if all(_holds(check, unit, function) for check in (*checks, *fresh)):
                line, mended = _lines(change.statement, change.new)
                if change.after:
                    line, mended = line_of(change.statement), ""
                return Fault(unit.name, change.statement.lineno, line, change.says, mended)
        except Exception:
            continue
    return None


def _holds(check: Trial, unit: Unit, function: Callable[..., Any]) -> bool:
    try:
        with with_function(check.subject, unit, function) as changed:
            return not check.wrong(check.gradients(changed))
    except Exception:
        return False


def _lines(old: ast.stmt, new: ast.stmt) -> tuple[str, str]:
    """Both as text; of a tuple only the part that differs."""
    a, b = getattr(old, "value", None), getattr(new, "value", None)
    if isinstance(a, ast.Tuple) and isinstance(b, ast.Tuple) and len(a.elts) == len(b.elts):
        for mine, other in zip(a.elts, b.elts, strict=True):
            if ast.unparse(mine) != ast.unparse(other):
                return ast.unparse(mine), ast.unparse(other)
    return line_of(old), line_of(new)


# Where to look


@dataclass(frozen=True)
class _Suspect:
    """A statement that may be at fault.

    Attributes:
        unit: the function that it is in.
        statement: as it is.
        rank: how unlikely it is at fault.
        hopeless: ways to its expressions of which no value makes every gradient right.
    """

    unit: Unit
    statement: ast.stmt
    rank: float
    hopeless: frozenset[Path]

    @property
    def roots(self) -> list[Path]:
        """The ways to what it sets, adds or returns, where that can be at fault."""
        return [path for path in values_of(self.statement) if path not in self.hopeless]

    def may_mend(self, change: Change) -> bool:
        """Whether a change is not one of a hopeless value."""
        ways = (change.path[:k] for k in range(len(change.path) + 1))
        return not (change.of_value and any(way in self.hopeless for way in ways))


def _suspects(unit: Unit, trial: Trial) -> Iterator[_Suspect]:
    """The statements of a unit on which a wrong gradient depends."""
    ranks: Mapping[int, float] = {}
    usual = 0.0  # of a lambda's only expression
    if isinstance(unit.tree, ast.FunctionDef):
        ranks = _suspicion(unit.tree, trial, trial.wrong(trial.gradients()))
        usual = 2.0
    for statement in statements_of(unit.tree):
        rank = ranks.get(id(statement), usual)
        if rank < 3:
            paths = values_of(statement)
            hopeless = [p for p in paths if solution(trial, unit, statement, p, 0) is IMPOSSIBLE]
            if hopeless == paths[:1]:  # the whole value, whose statement it is
                hopeless.append(())
            yield _Suspect(unit, statement, rank, frozenset(hopeless))


def _changes(
    suspect: _Suspect, local: Mapping[str, np.ndarray], lengths: list[str], labels: list[str],
    constants: list[str],
) -> Iterator[Change]:  # fmt: skip
    """The changes of a statement that might mend it."""
    statement, lengths = suspect.statement, [*lengths, *constants]
    shapes = {n: np.shape(x) for n, x in local.items()}
    fitting, whole = _fitting(statement, shapes), _shape_of(statement, shapes)
    wider = [n for n, s in fitting.items() if whole is not None and _broadcast(s, whole) != whole]
    for change in changes_of(statement, fitting, lengths):
        widens = isinstance(change.node, str) and any(name in change.node for name in wider)
        if widens or suspect.may_mend(change):
            yield change
    unpacked = any(isinstance(target, ast.Tuple) for target in targets_of(statement))
    written = [] if unpacked else sorted(names_set(statement) & shapes.keys())
    yield from missing_after(statement, written, labels, lengths)


def _fitting(statement: ast.stmt, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Arrays that a line names, or that can be a factor or a term of what it gives."""
    whole = _shape_of(statement, shapes)
    if whole is None:
        return shapes
    named = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    return {n: s for n, s in shapes.items() if n in named or _broadcast(s, whole) in (s, whole)}


def _shape_of(statement: ast.stmt, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of the variable that a line sets, if it sets one."""
    match targets_of(statement):
        case [ast.Name(name)]:
            return shapes.get(name)
    return None


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(one, other)
    except ValueError:
        return None


def _numbers_in(function: Any) -> list[str]:
    """Constants of forward that backward may have left out, as a 0.8 to divide by."""
    tree = tree_of(function)
    found = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)) if tree else ()
    return [repr(v) for v in dict.fromkeys(found) if isinstance(v, float) and v not in (0.0, 1.0)]


def _suspicion(tree: ast.FunctionDef, trial: Trial, wrong: set[str]) -> dict[int, float]:
    """How unlikely each statement is at fault: 0 if only wrong gradients depend on it."""
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for target in targets_of(node):
            for name in bases_of(target):
                uses.setdefault(name, set()).update(used)
    parts = returned_parts(tree, trial.subject)
    if not parts:
        return {}
    slices = {}
    for name, part in parts.items():
        todo = [n.id for n in ast.walk(part) if isinstance(n, ast.Name)]
        reached: set[str] = set()
        while todo:
            one = todo.pop()
            if one not in reached:
                reached.add(one)
                todo += uses.get(one, ())
        slices[name] = reached
    found = {}
    for statement in statements_of(tree):
        if isinstance(statement, ast.Return | ast.For):
            found[id(statement)] = 0.3
            continue
        written = names_set(statement)
        for_wrong = [bool(written & slices[n]) for n in wrong if n in slices]
        for_right = [bool(written & s) for n, s in slices.items() if n not in wrong]
        rank = 0.0 if all(for_wrong) and for_wrong else 1.5
        found[id(statement)] = 3.0 if not any(for_wrong) else rank + 0.5 * any(for_right)
    return found


# A value that mends it


def _by_value(
    suspects: Sequence[_Suspect], trial: Trial, again: Trial, steps: int, until: float
) -> Fault | None:
    """An expression that has a right value, made of what has names, which it does not take."""
    told: list[Any] = []
    for suspect in suspects:
        unit, statement = suspect.unit, suspect.statement
        for root in suspect.roots:
            passed = at(statement, root)
            if is_read(passed) and names_in(passed) <= names_in(unit.tree, ast.Store):
                continue  # another line sets it
            for path in (root, *parts_of(statement, root)):
                if time.thread_time() > until:
                    break
                found = solution(trial, unit, statement, path, steps)
                if found is IMPOSSIBLE and path == root:
                    break
                says = _says(found, statement, path, root)
                if says:
                    size = len(says.removeprefix(_named(statement, path, root)))
                    told.append((suspect.rank, size, len(told), suspect, path, root, says))
    for *_, suspect, path, root, says in sorted(told, key=lambda t: t[:3]):
        unit, statement = suspect.unit, suspect.statement
        if says == _says(solution(again, unit, statement, path), statement, path, root):
            return _fault(suspect, root, says)
    return None


def _says(found: Any, statement: ast.stmt, path: Any, root: Any) -> str | None:
    if not isinstance(found, Solution) or not found.differs:
        return None
    return in_words(found, _named(statement, path, root))


def _named(statement: ast.stmt, path: Path, root: Path) -> str:
    """What an expression is called: by what it is given to, if it is the whole value."""
    return _target(statement) if path == root else ast.unparse(at(statement, path))


def _fault(suspect: _Suspect, root: Any, says: str) -> Fault:
    statement = suspect.statement
    text = ast.unparse(at(statement, root)) if len(root) > 1 else line_of(statement)
    return Fault(suspect.unit.name, statement.lineno, text, says)


def _target(statement: ast.stmt) -> str:
    match targets_of(statement):
        case [ast.Name() | ast.Subscript() | ast.Attribute() as target]:
            return ast.unparse(target)
    return "it"


def _alone(suspects: Sequence[_Suspect], trial: Trial, again: Trial, until: float) -> Fault | None:
    """The only line of which another value makes every gradient right."""
    able = []
    for suspect in suspects:
        for root in suspect.roots:
            if is_read(at(suspect.statement, root)):
                continue
            if time.thread_time() > until:
                return None
            found = solution(trial, suspect.unit, suspect.statement, root)
            zeros = isinstance(found, Solution) and not any(map(np.any, found.own))
            if found not in (IMPOSSIBLE, UNLIKELY) and not zeros:
                able.append((suspect, root, found))
    if len(able) != 1:
        return None
    suspect, root, found = able[0]
    if isinstance(suspect.statement, ast.Return):  # a line that is not there may be at fault
        return None
    other = solution(again, suspect.unit, suspect.statement, root)
    if not all(isinstance(f, Solution) and f.differs for f in (found, other)):
        return None
    return _fault(suspect, root, off_most(found, _target(suspect.statement)))


def _by_insertion(units: Sequence[Unit], trial: Trial, again: Trial, until: float) -> Fault | None:
    """Something that comes in, and to which a line that is not there should add a term."""
    for unit in units:
        if isinstance(unit.tree, ast.Lambda):
            continue
        for statement, name in _incoming(unit.tree, trial.subject):
            if time.thread_time() > until:
                return None
            said = set()
            for point in (trial, again):
                tree = inserted(unit.tree, statement, through_hook(name, unit.tree))
                found = with_hook(point, unit, tree)
                if not isinstance(found, Solution):
                    break
                last, *_ = locals_of(point, unit.function)
                wider = [{**last, **scope} for scope in found.scopes]
                said.add(in_words(replace(found, scopes=wider), name))
            told = said.pop() if len(said) == 1 else None
            if told and " the term " in told:
                line = statement.lineno if statement is not None else unit.tree.lineno
                text = line_of(statement) if statement is not None else f"def {unit.tree.name}"
                return Fault(unit.name, line, text, f"where {name} comes in and to which nothing "
                             f"adds what is missing: {told}")  # fmt: skip
    return None


def _incoming(tree: ast.FunctionDef, subject: HandWritten) -> Iterator[tuple[ast.stmt | None, str]]:
    """Names that hold gradients that come in: arguments, and what is unpacked from one."""
    arguments = [a.arg for a in (*tree.args.posonlyargs, *tree.args.args)]
    own = [name for name in arguments[:-1] or arguments if name not in subject.leaves]
    returned = {
        ast.unparse(n.value) for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value
    }
    for statement in statements_of(tree):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
            value = statement.value
            if isinstance(value, ast.Name) and value.id in own:
                for name in bases_of(statement.targets[0]):
                    yield statement, name
    for name in own:
        if name not in returned:  # else it is the line that returns it which lacks something
            yield None, name
