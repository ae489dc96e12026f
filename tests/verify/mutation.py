"""Mutants of the derivative rules: each rule as written, with one operation changed.

A rule's source is parsed, one node of it replaced, its module run again with that change, and
the changed primitive's rules handed out. What a mutant changes is what people get wrong: a
factor, a sign, the order of a product, a sum, a transpose.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import minigrad.primitives
from minigrad.primitives import primitive as engine

_RULES = ("partials", "adjoints", "vjps", "backward")
_TURNS = ("_transposed", "swapaxes", "transpose", "flip", "argsort")
_SUMS = ("mean", "sum_along")  # what modules call the sums that they import


@dataclass(frozen=True)
class Mutant:
    """One change of one primitive's rules: number ``k`` of those there are."""

    name: str
    module: str
    k: int
    change: str

    def __str__(self) -> str:
        return f"{self.name}: {self.change}"

    def run(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The primitive's fields that hold its rules, and all that its module defines."""
        tree = _tree(self.module)
        node, new = list(_changes(tree, self.name))[self.k]
        _Replace(node, new).visit(tree)
        module = importlib.import_module(self.module)
        namespace = {"__name__": self.module, "__file__": module.__file__}
        with engine.on_trial():  # running the module declares its primitives once more
            exec(compile(ast.fix_missing_locations(tree), str(self), "exec"), namespace)
            changed = engine.PRIMITIVES[self.name]
            return {f: getattr(changed, f) for f in ("vjps", "saving", "backward")}, namespace


def mutants() -> list[Mutant]:
    """All of them, of every primitive that the package declares."""
    return [
        Mutant(name, module.__name__, k, f"{_text(node)} → {_text(new)}")
        for module in _modules()
        for tree in [_tree(module.__name__)]
        for name in _declarations(tree)
        for k, (node, new) in enumerate(_changes(tree, name))
    ]


def _modules() -> Iterator[ModuleType]:
    package = minigrad.primitives
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name != engine.__name__:
            yield importlib.import_module(found.name)


@cache
def _source(module: str) -> str:
    file = importlib.import_module(module).__file__
    assert file is not None
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module))


@lru_cache(1)
def _declarations(tree: ast.Module) -> dict[str, ast.Call]:
    """The calls that declare a primitive, by its name."""
    return {
        call.args[0].value: call
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("elementwise", "linear", "bilinear", "fused")
        and isinstance(call.args[0], ast.Constant)
    }


def _changes(tree: ast.Module, name: str) -> Iterator[tuple[ast.AST, ast.AST]]:
    """What may be changed in a primitive's rules and in the functions that they call.

    An adjoint that is another primitive's forward pass has that function's changes too.
    """
    helpers = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
    declared = _declarations(tree)
    pairs = {
        other: call.args[1]
        for other, call in declared.items()
        if isinstance(call.func, ast.Name) and call.func.id == "linear" and other != name
    }
    todo = [
        (k.value, (_terms, _sums_and_turns)) for k in declared[name].keywords if k.arg in _RULES
    ]
    seen = set()
    while todo:
        start, kinds = todo.pop(0)
        for node in ast.walk(start):
            if isinstance(node, ast.Name) and node.id not in seen:
                if node.id in helpers and node.id not in _TURNS:
                    todo.append((helpers[node.id], kinds))
                if node.id in pairs:  # which has no factors: what it computes with are positions
                    todo.append((pairs[node.id], (_sums_and_turns,)))
                seen.add(node.id)
            for changed in kinds:
                for new in changed(node):
                    yield node, new


def _terms(node: ast.AST) -> Iterator[ast.AST]:
    """A factor, a term or a sign less or another, a product turned round."""
    match node:
        case ast.BinOp(left, ast.Mult() | ast.Div() | ast.Add() | ast.Sub(), right) if not (
            _is_index(node)
        ):
            yield left
            if isinstance(node.op, ast.Mult):
                yield right
            if isinstance(node.op, ast.Add | ast.Sub):
                other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
                yield ast.BinOp(left, other, right)
        case ast.BinOp(left, ast.MatMult(), right):
            yield ast.BinOp(right, ast.MatMult(), left)
        case ast.UnaryOp(ast.USub(), operand) if not isinstance(operand, ast.Constant):
            yield operand


def _sums_and_turns(node: ast.AST) -> Iterator[ast.AST]:
    """A sum or a transpose forgotten, an entry assigned to that should be added to."""
    match node:
        case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [x, *_]):
            yield x
            yield ast.Call(_np("mean"), node.args, node.keywords)
        case ast.Call(ast.Attribute(x, "sum"), arguments):
            yield x
            yield ast.Call(_np("mean"), [x, *arguments], node.keywords)
        case ast.Call(ast.Name(f), [x, *_]) if f in _SUMS or f in _TURNS:
            yield x
        case ast.Call(ast.Name("reduce"), [ast.Attribute(ast.Name("np"), "add"), x]):
            yield ast.Subscript(x, ast.Constant(0), ast.Load())
        case ast.AugAssign(ast.Subscript(x, index), ast.Add(), value):
            yield ast.Assign([ast.Subscript(x, index, ast.Store())], value)
        case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(_, "add"), "at"), [x, index, value])):
            yield ast.Assign([ast.Subscript(x, index, ast.Store())], value)
        case ast.Call(ast.Attribute(ast.Name("np"), f), [x, *_]) if f in _TURNS:
            yield x
        case ast.Call(ast.Attribute(x, f)) if f in _TURNS:
            yield x


def _is_index(node: ast.BinOp) -> bool:
    """Lengths and positions are no factors: concatenated lists, names of labels, counts."""
    text = ast.unparse(node)
    return any(
        word in text for word in ("label", "slice(", "set(", "start", "len(", "ndim", "lead")
    )


def _text(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node))


def _np(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load())


class _Replace(ast.NodeTransformer):
    def __init__(self, node: ast.AST, new: ast.AST) -> None:
        self.node, self.new = node, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.node else self.generic_visit(node)
