"""Functions whose lines may be wrong, and how to put others in their place."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any

from minigrad.verify.handwritten import HandWritten
from minigrad.verify.namespace import is_users
from minigrad.verify.sources import tree_of


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
    todo, seen = [backward], {id(plain(backward))}
    while todo:
        caller = todo.pop()
        for name, function, install in _callees(caller):
            if id(plain(function)) in seen or name in by_forward:
                continue
            seen.add(id(plain(function)))
            tree = tree_of(function)
            if tree is not None:
                found.append(Unit(name, function, tree, install))
                todo.append(function)
    return found


@contextmanager
def _as_backward(function: Callable[..., Any]) -> Iterator[Callable[..., Any] | None]:
    yield function


def plain(function: Any) -> Any:
    """The function of a method, without wrappers."""
    return inspect.unwrap(getattr(function, "__func__", function))


def _called(function: Any) -> set[str]:
    code = getattr(plain(function), "__code__", None)
    return set(code.co_names) if code else set()


def _callees(function: Any) -> Iterator[tuple[str, Any, Any]]:
    """Functions and methods of the user's that a function calls by name."""
    inner = plain(function)
    code = getattr(inner, "__code__", None)
    if code is None:
        return
    closed = dict(zip(code.co_freevars, (_cell(c) for c in inner.__closure__ or ()), strict=True))
    known = {**inner.__globals__, **closed}
    for name in code.co_names + code.co_freevars:
        value = known.get(name)
        own = inspect.isfunction(value) and is_users(value.__code__.co_filename)
        if own and name in inner.__globals__:
            yield name, value, _in_globals(inner.__globals__, name)
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


def function_of(
    tree: ast.FunctionDef | ast.Lambda,
    like: Callable[..., Any],
    space: dict[str, Any] | None = None,
) -> Callable[..., Any]:
    """The function of a syntax tree, with the globals, defaults and closure of another."""
    bound = getattr(like, "__self__", None)
    plain = getattr(like, "__func__", like)
    free = plain.__code__.co_freevars
    inner: ast.stmt
    if isinstance(tree, ast.Lambda):
        inner = ast.copy_location(ast.Expr(tree), tree)
    else:
        inner = copy.copy(tree)
        inner.decorator_list = []
    given = [ast.copy_location(ast.arg(n), tree) for n in free]
    outer = ast.FunctionDef(
        "__outer__", ast.arguments([], given, None, [], [], None, []), [inner], [], None, None
    )  # fmt: skip
    if "type_params" in ast.FunctionDef._fields:
        outer.type_params = []  # type: ignore[attr-defined]
    module = ast.Module([ast.copy_location(outer, tree)], [])
    code = compile(module, plain.__code__.co_filename, "exec")
    found = _inner(_inner(code, "__outer__"), plain.__code__.co_name)
    cells = dict(zip(free, plain.__closure__ or (), strict=True))
    made = FunctionType(
        found, plain.__globals__ if space is None else space, plain.__name__, plain.__defaults__,
        tuple(cells[n] for n in found.co_freevars),
    )  # fmt: skip
    made.__kwdefaults__ = plain.__kwdefaults__
    return made.__get__(bound) if bound is not None else made


def _inner(code: CodeType, name: str) -> CodeType:
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
