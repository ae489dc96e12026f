"""Mistakes planted in the source of a backward pass."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .changing import Change, changes, variables
from .oracle import WRONG, Oracle
from .pair import Pair
from .source import function_of

_OTHER = {
    ast.Add: (ast.Sub, "a sign"),
    ast.Sub: (ast.Add, "a sign"),
    ast.Mult: (ast.Div, "a division"),
    ast.Div: (ast.Mult, "a division"),
}
_SIDES = {
    ast.Add: "a dropped term",
    ast.Sub: "a dropped term",
    ast.Mult: "a dropped factor",
    ast.Div: "a dropped divisor",
    ast.Pow: "a dropped power",
    ast.MatMult: "a dropped matrix",
}
_TURNED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Eq: ast.NotEq}


def mistakes(function: Callable[..., Any] | str) -> list[Change]:
    """All changes of one node of a function, or of its text, that people make by mistake."""
    found = changes(function, _mistakes)
    return [change for change in found if not change.in_a_while_loop]  # it might never end


def _mistakes(node: ast.AST, tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The mistakes that one node allows."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in _OTHER:
                other, kind = _OTHER[type(op)]
                yield kind, ast.BinOp(left, other(), right)
            if type(op) in _SIDES:
                yield _SIDES[type(op)], left
            if isinstance(op, ast.Add | ast.Mult | ast.MatMult):
                yield _SIDES[type(op)], right
            if isinstance(op, ast.MatMult):
                yield "a product the other way round", ast.BinOp(right, op, left)
            if isinstance(left, ast.Constant) and isinstance(op, ast.Sub):
                yield "x for 1 - x", right
        case ast.UnaryOp(ast.USub(), operand):
            yield "a sign", operand
        case ast.AugAssign(target, ast.Add(), value):
            yield "= for +=", ast.Assign([target], value, lineno=node.lineno)
            yield "a sign", ast.AugAssign(target, ast.Sub(), value)
            yield "a dropped statement", ast.Pass()
        case ast.AugAssign(target, op, value):
            yield "a dropped statement", ast.Pass()
        case ast.Attribute(value, "T"):
            yield "a missing transpose", value
        case ast.Call(ast.Attribute(value, "sum" | "mean" as name), arguments, keywords):
            of_numpy = isinstance(value, ast.Name) and value.id == "np"
            yield "a missing sum", arguments[0] if of_numpy else value
            other = "mean" if name == "sum" else "sum"
            yield "mean for sum", ast.Call(ast.Attribute(value, other), arguments, keywords)
        case ast.Call(ast.Attribute(value, "copy")):
            yield "a missing copy", value
        case ast.Call(ast.Attribute(ast.Name("np"), "tanh" | "exp" | "sqrt" | "log"), [x]):
            yield "a dropped function", x
        case ast.keyword("axis", ast.Constant(int(axis))):
            yield "a wrong axis", ast.keyword("axis", ast.Constant(0 if axis else 1))
        case ast.Constant(int(x) | float(x)) if not isinstance(x, bool):
            yield "a wrong constant", ast.Constant(x + 1)
        case ast.Compare(left, [op], right) if type(op) in _TURNED:
            yield "a comparison turned round", ast.Compare(left, [_TURNED[type(op)]()], right)
        case ast.IfExp(_, yes, no):
            yield "a branch for both", yes
            yield "a branch for both", no
        case ast.Name(name, ast.Load()) if name in (names := variables(tree)):
            for other in names:
                if other != name:
                    yield "a wrong name", ast.Name(other, ast.Load())
        case ast.Return(ast.Tuple(parts)):
            for k in range(len(parts) - 1):
                turned = [*parts[:k], parts[k + 1], parts[k], *parts[k + 2 :]]
                yield "gradients out of order", ast.Return(ast.Tuple(turned, ast.Load()))


def planted(pair: Pair, oracle: Oracle, draw: random.Random) -> tuple[Pair, Change]:
    """The pair with a mistake that changes its gradient; every kind is as likely.

    Raises:
        ValueError: none was found.
    """
    by_kind: dict[str, list[Change]] = {}
    for change in mistakes(pair.backward):
        by_kind.setdefault(change.kind, []).append(change)
    for _ in range(200):
        change = draw.choice(by_kind[draw.choice(sorted(by_kind))])
        wrong = replace(pair, backward=function_of(change.text, pair.backward))
        if oracle.error(wrong) > WRONG:  # not if it raises an error: then it is NaN
            return wrong, change
    raise ValueError(f"no mistake in {pair.name} changes its gradient")
