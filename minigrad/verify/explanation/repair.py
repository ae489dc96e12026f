"""The line of a backward that is wrong, found by mending it.

A small change of one line after which every gradient is right, at fresh points and at other
shapes too, is what was wrong with it. Where no change of those that are tried is, the value that
a line should have had is solved for, since a backward is linear in what it passes on; then the
term that the line lacks is searched among what the code has names for.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.verify.explanation.changes import (
    changes_of,
    function_of,
    inserted,
    missing_after,
    replaced,
    statements_of,
)
from minigrad.verify.explanation.terms import close, formula, number
from minigrad.verify.explanation.truth import cotangents, right_gradients
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.namespace import is_users
from minigrad.verify.points import near
from minigrad.verify.sources import tree_of

SECONDS = 3.0
_LARGEST = 600  # entries up to which an example is searched at
_UNKNOWNS = 90  # entries of the values of a line that are solved for
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


@dataclass(frozen=True)
class Trial:
    """One point, the seed of the cotangents, and the right gradients."""

    subject: HandWritten
    point: dict[str, np.ndarray]
    seed: int
    right: dict[str, np.ndarray]

    def gradients(self, subject: HandWritten | None = None) -> dict[str, Any]:
        """What backward returns there.

        Raises:
            Exception: whatever the code raises.
        """
        with np.errstate(all="ignore"):
            _, found = (subject or self.subject).pull(
                {n: x.copy() for n, x in self.point.items()},
                lambda outputs: cotangents(outputs, self.seed),
            )
        return dict(found)

    def wrong(self, found: Mapping[str, Any]) -> set[str]:
        """Inputs whose gradient is not the right one."""
        return {name for name, g in self.right.items() if not _close(found.get(name), g)}


def _close(mine: Any, right: np.ndarray) -> bool:
    if mine is None:
        return not np.any(right)
    mine = np.asarray(mine, dtype=float)
    scale = float(np.max(np.abs(right), initial=0))
    return mine.shape == right.shape and bool(np.all(np.abs(mine - right) <= 1e-6 * scale + 1e-12))


def trial_at(subject: HandWritten, seed: int) -> Trial:
    """A point near the example with the right gradients there."""
    return trial_with(subject, near(subject, np.random.default_rng(seed)), seed)


def trial_with(subject: HandWritten, point: dict[str, np.ndarray], seed: int) -> Trial:
    """This point with the right gradients there."""
    return Trial(subject, point, seed, right_gradients(subject, point, seed))


def small_trials(subject: HandWritten, seed: int) -> list[Trial]:
    """Points at small shapes at which some gradient is wrong, different lengths first."""
    variants = [*list(subject.smaller())[::-1], subject]
    trials = []
    for variant in variants:
        if variant.entries > _LARGEST:
            continue
        try:
            trial = trial_at(variant, seed)
            if trial.wrong(trial.gradients()):
                trials.append(trial)
        except Exception:
            continue
    return trials


@dataclass(frozen=True)
class Unit:
    """A function whose lines may be wrong, and how to put another in its place."""

    name: str
    function: Callable[..., Any]
    tree: ast.FunctionDef | ast.Lambda
    install: Callable[[Callable[..., Any]], Any]


def units_of(subject: HandWritten) -> list[Unit]:
    """Backward, and functions of the user's that only backward calls."""
    backward, forward = subject.pair.backward, subject.pair.forward
    install: Any = _as_backward
    if inspect.ismethod(method := getattr(backward, "__wrapped__", None)):  # of an object's pair
        backward, forward = method, forward.__wrapped__  # type: ignore[attr-defined]
        install = _in_class(method.__self__, method.__name__)
    found: list[Unit] = []
    tree = tree_of(backward)
    if tree is not None:
        found.append(Unit(getattr(backward, "__name__", "backward"), backward, tree, install))
    by_forward = _called(forward)
    todo, seen = [backward], {id(_plain(backward))}
    while todo:
        caller = todo.pop()
        for name, function, install in _callees(caller):
            if id(_plain(function)) in seen or name in by_forward:
                continue
            seen.add(id(_plain(function)))
            tree = tree_of(function)
            if tree is not None:
                found.append(Unit(name, function, tree, install))
                todo.append(function)
    return found


@contextmanager
def _as_backward(function: Callable[..., Any]) -> Iterator[Callable[..., Any] | None]:
    yield function


def _plain(function: Any) -> Any:
    return inspect.unwrap(getattr(function, "__func__", function))


def _called(function: Any) -> set[str]:
    code = getattr(_plain(function), "__code__", None)
    return set(code.co_names) if code else set()


def _callees(function: Any) -> Iterator[tuple[str, Any, Any]]:
    """Functions and methods of the user's that a function calls by name."""
    plain = _plain(function)
    code = getattr(plain, "__code__", None)
    if code is None:
        return
    closed = dict(zip(code.co_freevars, (_cell(c) for c in plain.__closure__ or ()), strict=True))
    known = {**plain.__globals__, **closed}
    for name in code.co_names + code.co_freevars:
        value = known.get(name)
        own = inspect.isfunction(value) and is_users(value.__code__.co_filename)
        if own and name in plain.__globals__:
            yield name, value, _in_globals(plain.__globals__, name)
    owner = getattr(function, "__self__", None)
    owners = [v for k, v in known.items() if k in code.co_names + code.co_freevars]
    for instance in [owner, *owners]:
        if instance is None or inspect.ismodule(instance) or isinstance(instance, type):
            continue
        for name in code.co_names:
            method = getattr(instance, name, None)
            if inspect.ismethod(method) and is_users(method.__func__.__code__.co_filename):
                yield name, method, _in_class(instance, name)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _in_globals(space: dict[str, Any], name: str) -> Any:
    @contextmanager
    def install(function: Callable[..., Any]) -> Iterator[None]:
        before, space[name] = space[name], function
        try:
            yield None
        finally:
            space[name] = before

    return install


def _in_class(instance: Any, name: str) -> Any:
    """Puts a method in its class, since what an instance holds is put back after each call."""

    @contextmanager
    def install(function: Callable[..., Any]) -> Iterator[None]:
        kind = next((k for k in type(instance).__mro__ if name in vars(k)), type(instance))
        before = vars(kind).get(name)
        setattr(kind, name, getattr(function, "__func__", staticmethod(function)))
        try:
            yield None
        finally:
            if before is None:
                delattr(kind, name)
            else:
                setattr(kind, name, before)

    return install


@contextmanager
def with_function(
    subject: HandWritten, unit: Unit, function: Callable[..., Any]
) -> Iterator[HandWritten]:
    """The subject with another function in place of one of its units."""
    with unit.install(function) as backward:
        if backward is None:
            yield subject
        else:
            changed = copy.copy(subject)
            changed.pair = replace(subject.pair, backward=backward)
            yield changed


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
    trial = trials[0]
    wrong = trial.wrong(trial.gradients())
    checks = [*trials[1:]]
    for other in (trial.subject, subject):
        try:
            if other.entries <= _LARGEST * 4:
                checks.append(trial_at(other, seed + 1))
        except Exception:
            continue
    candidates = sorted(
        (
            (change.cost + rank, k, unit, change)
            for unit in units
            for k, (rank, change) in enumerate(_ranked(unit, trial, wrong))
        ),
        key=lambda c: c[:2],
    )
    for *_, unit, change in candidates:
        if time.thread_time() > until:
            break
        try:
            function = function_of(change.applied(unit.tree), unit.function)
            with with_function(trial.subject, unit, function) as changed:
                if trial.wrong(trial.gradients(changed)):
                    continue
            if all(_holds(check, unit, function) for check in checks):
                line, mended = _lines(change.statement, change.new)
                if change.after:
                    line, mended = _line(change.statement), ""
                return Fault(unit.name, change.statement.lineno, line, change.says, mended)
        except Exception:
            continue
    largest = max(trials, key=lambda t: t.subject.entries)
    return _by_value(largest, units, wrong, until + seconds / 2, seed)


def _is_hopeless(trial: Trial, unit: Unit, statement: ast.stmt) -> bool:
    """Whether no value of a line could make every gradient right: then it is another line."""
    return (
        isinstance(statement, ast.Assign | ast.AugAssign)
        and not isinstance(statement.value, ast.Tuple)
        and _solution(trial, unit, statement) is _NONE
    )


def _holds(check: Trial, unit: Unit, function: Callable[..., Any]) -> bool:
    try:
        with with_function(check.subject, unit, function) as changed:
            return not check.wrong(check.gradients(changed))
    except Exception:
        return False


def _line(statement: ast.stmt) -> str:
    if isinstance(statement, ast.For):
        return f"for {ast.unparse(statement.target)} in {ast.unparse(statement.iter)}:"
    return ast.unparse(statement)


def _lines(old: ast.stmt, new: ast.stmt) -> tuple[str, str]:
    """Both as text; of a tuple only the part that differs."""
    a, b = getattr(old, "value", None), getattr(new, "value", None)
    if isinstance(a, ast.Tuple) and isinstance(b, ast.Tuple) and len(a.elts) == len(b.elts):
        for mine, other in zip(a.elts, b.elts, strict=True):
            if ast.unparse(mine) != ast.unparse(other):
                return ast.unparse(mine), ast.unparse(other)
    return _line(old), _line(new)


# Where to look


def _ranked(unit: Unit, trial: Trial, wrong: set[str]) -> Iterator[tuple[float, Any]]:
    """The changes of a unit, with how unlikely its statement is to be at fault."""
    local, lengths, labels = locals_of(trial, unit.function)
    lengths += _numbers_in(trial.subject.pair.forward)
    shapes = {n: np.shape(x) for n, x in local.items()}
    if isinstance(unit.tree, ast.Lambda):
        only = ast.copy_location(ast.Expr(unit.tree.body), unit.tree.body)
        for change in changes_of(only, shapes, lengths):
            yield 0.0, change
        return
    suspicion = _suspicion(unit.tree, trial, wrong)
    for statement in statements_of(unit.tree):
        rank = suspicion.get(id(statement), 2.0)
        if rank >= 3:
            continue
        hopeless = _is_hopeless(trial, unit, statement)
        fitting, whole = _fitting(statement, shapes), _shape_of(statement, shapes)
        wider = [
            n for n, s in fitting.items() if whole is not None and _broadcast(s, whole) != whole
        ]
        for change in changes_of(statement, fitting, lengths):
            widens = isinstance(change.node, str) and any(name in change.node for name in wider)
            if widens or not (hopeless and change.of_value):
                yield rank, change
        unpacked = any(isinstance(target, ast.Tuple) for target in _targets(statement))
        written = [] if unpacked else sorted(names_set(statement) & shapes.keys())
        for change in missing_after(statement, written, labels, lengths):
            yield rank, change


def _fitting(statement: ast.stmt, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Arrays that a line names, or that can be a factor or a term of what it gives."""
    whole = _shape_of(statement, shapes)
    if whole is None:
        return shapes
    named = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    return {n: s for n, s in shapes.items() if n in named or _broadcast(s, whole) in (s, whole)}


def _shape_of(statement: ast.stmt, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of the variable that a line sets, if it sets one."""
    match _targets(statement):
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


def locals_of(
    trial: Trial, function: Callable[..., Any]
) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """Arrays that are local to a function when it runs, expressions for their lengths, labels."""
    seen: dict[str, np.ndarray] = {}
    labels: set[str] = set()
    code = getattr(_plain(function), "__code__", None)
    if code is None:
        return {}, [], []
    given = set(code.co_varnames[: code.co_argcount])  # as they come in: they may be written into

    def note(frame: Any, _event: str, _arg: Any) -> Any:
        for name, value in frame.f_locals.items():
            if (
                isinstance(value, np.ndarray | float | np.floating)
                and (getattr(value, "dtype", np.dtype(float)).kind == "f")
                and (name not in given or name not in seen)
            ):
                seen[name] = np.array(value)
            elif getattr(value, "dtype", np.dtype(float)).kind in "iu" and np.ndim(value) <= 1:
                labels.add(name)
        return note

    outer = sys.gettrace()
    sys.settrace(lambda frame, event, arg: note if frame.f_code is code else None)
    try:
        trial.gradients()
    finally:
        sys.settrace(outer)
    lengths: dict[int, str] = {}
    for name, x in seen.items():
        for axis, n in enumerate(x.shape):
            lengths.setdefault(n, f"{name}.shape[{axis}]")
    names = [n for n, v in seen.items() if not np.ndim(v)]
    return seen, [*lengths.values(), *names], sorted(labels)


def _suspicion(tree: ast.FunctionDef, trial: Trial, wrong: set[str]) -> dict[int, float]:
    """How unlikely each statement is at fault: 0 if only wrong gradients depend on it."""
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for target in _targets(node):
            for name in _bases(target):
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


def returned_parts(tree: ast.FunctionDef, subject: HandWritten) -> dict[str, ast.expr]:
    """What the last ``return`` gives for each input; nothing where that cannot be read."""
    returned = [n.value for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value]
    names = [n for n, leaf in subject.leaves.items() if len(leaf.path) == 1]
    if not returned:
        return {}
    last = returned[-1]
    parts = last.elts if isinstance(last, ast.Tuple | ast.List) else [last]
    return dict(zip(names, parts, strict=True)) if len(parts) == len(names) else {}


def names_set(statement: ast.stmt) -> set[str]:
    """The names of the variables that a statement writes, whole or in part."""
    return {name for target in _targets(statement) for name in _bases(target)}


def _targets(node: ast.AST) -> list[ast.expr]:
    """What a statement writes into."""
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
        return [node.target]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):  # np.add.at(dx, …)
        return node.value.args[:1]
    return []


def _bases(target: ast.expr) -> Iterator[str]:
    """Names of the variables that an assignment writes."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _bases(part)
    else:
        while isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
            target = target.value
        if isinstance(target, ast.Name):
            yield target.id


# The value that a line should have had

_HOOK = "__minigrad_value__"


class _Values:
    """What a line gives each time, or other values in its place."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] | None = None
        self.seen: list[np.ndarray] = []
        self.scopes: list[dict[str, np.ndarray]] = []

    def __call__(self, value: Any) -> Any:
        k = len(self.seen)
        self.seen.append(np.array(value, dtype=float))
        frame = sys._getframe(1)
        self.scopes.append({
            n: np.array(v, dtype=float) for n, v in frame.f_locals.items()
            if isinstance(v, np.ndarray) and v.dtype.kind == "f"
        })  # fmt: skip
        if self.given is None:
            return value
        other = self.given[k]
        return other if np.ndim(value) else float(other)


def _by_value(
    trial: Trial, units: Sequence[Unit], wrong: set[str], until: float, seed: int
) -> Fault | None:
    """A line that has a right value, made of what has names, which it does not take."""
    for unit in units:
        if isinstance(unit.tree, ast.Lambda):
            continue
        suspicion = _suspicion(unit.tree, trial, wrong)
        statements = [
            s for s in statements_of(unit.tree)
            if isinstance(s, ast.Assign | ast.AugAssign) and suspicion.get(id(s), 1.0) < 3
        ]  # fmt: skip
        for statement in sorted(statements, key=lambda s: suspicion.get(id(s), 1.0)):
            if time.thread_time() > until:
                return None
            says = _lacking(trial, unit, statement)
            if says is None:
                continue
            other = trial_at(trial.subject, seed + 2)
            if says == _lacking(other, unit, statement):
                return Fault(unit.name, statement.lineno, _line(statement), says)
    for unit in units:
        fault = _by_insertion(trial, unit, until, seed)
        if fault is not None:
            return fault
    return None


_NONE = object()  # no value of the line is right
_Solution = tuple[list[np.ndarray], list[np.ndarray], list[dict[str, np.ndarray]]]


def _lacking(trial: Trial, unit: Unit, statement: ast.Assign | ast.AugAssign) -> str | None:
    """What a line lacks, if another value of it would make every gradient right."""
    found = _solution(trial, unit, statement)
    if found is None or found is _NONE:
        return None
    own, needed, scopes = found
    return _in_words(own, needed, scopes, _target(statement))


def _solution(trial: Trial, unit: Unit, statement: ast.Assign | ast.AugAssign) -> Any:
    """The line's values, the right ones, and what it sees; `_NONE` if there are none.

    ``None`` where it cannot be told.
    """
    hooked = copy.copy(statement)
    hooked.value = ast.Call(ast.Name(_HOOK, ast.Load()), [hooked.value], [])
    return _with_hook(trial, unit, replaced(unit.tree, statement, hooked))


def _with_hook(trial: Trial, unit: Unit, tree: ast.FunctionDef | ast.Lambda) -> Any:
    """As `_solution`, of a function in which one value goes through the hook."""
    values = _Values()
    try:
        function = function_of(tree, unit.function)
        space = _plain(function).__globals__
        space[_HOOK] = values
        try:
            with with_function(trial.subject, unit, function) as subject:
                needed = _solved(trial, subject, values)
        finally:
            del space[_HOOK]
    except Exception:
        return None
    if needed is None or needed is _NONE:
        return needed
    return values.seen, needed, values.scopes


def _by_insertion(trial: Trial, unit: Unit, until: float, seed: int) -> Fault | None:
    """Something that comes in, and to which a line that is not there should add a term."""
    if isinstance(unit.tree, ast.Lambda):
        return None
    for statement, name in _incoming(unit.tree, trial.subject):
        if time.thread_time() > until:
            return None
        said = []
        for point in (trial, trial_at(trial.subject, seed + 2)):
            through = ast.Assign(
                [ast.Name(name, ast.Store())],
                ast.Call(ast.Name(_HOOK, ast.Load()), [ast.Name(name, ast.Load())], []),
            )
            found = _with_hook(point, unit, inserted(unit.tree, statement, through))
            if found is None or found is _NONE:
                break
            own, needed, scopes = found
            last, *_ = locals_of(point, unit.function)
            wider = [{**last, **scope} for scope in scopes]
            said.append(_in_words(own, needed, wider, name))
        if len(said) == 2 and said[0] and said[0] == said[1] and " the term " in said[0]:
            line = statement.lineno if statement is not None else unit.tree.lineno
            text = _line(statement) if statement is not None else f"def {unit.tree.name}"
            return Fault(unit.name, line, text, f"where {name} comes in and to which nothing adds"
                         f" what is missing: {said[0]}")  # fmt: skip
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
                for name in _bases(statement.targets[0]):
                    yield statement, name
    for name in own:
        if name not in returned:  # else it is the line that returns it which lacks something
            yield None, name


def _target(statement: ast.Assign | ast.AugAssign) -> str:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return ast.unparse(target)


def _solved(trial: Trial, subject: HandWritten, values: _Values) -> Any:
    """The values that make every gradient right, if there are any and they are the only ones.

    `_NONE` if there are none, ``None`` where it cannot be told.
    """

    def run(given: list[np.ndarray] | None) -> np.ndarray:
        values.given, values.seen, values.scopes = given, [], []
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

    columns = []
    for k in range(size):
        moved = flat.copy()
        moved[k] += 1.0
        columns.append(run(shaped(moved)) - start)
    matrix = np.stack(columns, axis=1)
    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(start))):
        return None  # LAPACK may search for ever
    step, _, rank, _ = np.linalg.lstsq(matrix, right - start, rcond=1e-9)
    size_of = float(np.max(np.abs(right)))
    if np.max(np.abs(start + matrix @ step - right)) > 1e-6 * size_of:
        probe = np.sin(np.arange(size) + 1.0)
        linear = np.allclose(run(shaped(flat + probe)), start + matrix @ probe, rtol=1e-6,
                             atol=1e-6 * size_of)  # fmt: skip
        return _NONE if linear else None
    if rank < size:
        return None
    needed = shaped(flat + step)
    off = np.max(np.abs(run(needed) - right))
    values.seen = own
    return needed if off <= 1e-7 * size_of else None


def _in_words(
    own: Sequence[np.ndarray], needed: Sequence[np.ndarray],
    scopes: Sequence[Mapping[str, np.ndarray]], target: str,
) -> str | None:  # fmt: skip
    """The factor or term between two values, in the names that the line sees."""
    said: set[str] = set()
    for k, (mine, right) in enumerate(zip(own, needed, strict=True)):
        scale = np.max(np.abs(right), initial=0)
        if np.allclose(mine, right, rtol=0, atol=1e-7 * scale) or mine.size < 3:
            continue
        named = {
            f"{n} of the pass before" if k and n == target else n: a for n, a in scopes[k].items()
        }
        with np.errstate(all="ignore"):
            factor = formula(right / mine, named, most=2)
            term = formula(right - mine, named, most=3)
            whole = formula(right, named, most=3)
            ratios = (right / mine).ravel()
        alike = np.all(np.isfinite(ratios)) and close(ratios, np.full_like(ratios, ratios[0]))
        constant = number(float(ratios[0])) if alike else None
        if constant:
            said.add(f"{target} lacks the factor {constant}")
        elif factor:
            said.add(f"{target} lacks the factor {_signed(factor)}")
        elif term:
            said.add(f"{target} lacks the term {_signed(term)}")
        elif whole:
            said.add(f"it should be {_signed(whole)}")
        else:
            return None
    return said.pop() if len(said) == 1 else None


def _signed(found: tuple[float, str]) -> str:
    constant, text = found
    return f"−{text}" if constant < 0 else text
