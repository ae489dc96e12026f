"""Mistakes planted in the source of a backward pass, and differences that tell if they matter."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .pair import Pair
from .source import function_of, source_of

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


def mistakes(function: Callable[..., Any]) -> list[tuple[str, str]]:
    """All changes of one node of a function: the kind, and the changed source."""
    tree = ast.parse(source_of(function))
    body = [n for statement in tree.body[0].body for n in ast.walk(statement)]  # type: ignore
    names = sorted({n.id for n in body if isinstance(n, ast.Name) and n.id != "np"})
    found = []
    for place, node in enumerate(body):
        for kind, new in _changes(node, names):
            changed = copy.deepcopy(tree)
            old = [n for s in changed.body[0].body for n in ast.walk(s)][place]  # type: ignore
            text = ast.unparse(_Replace(old, copy.deepcopy(new)).visit(changed))
            found.append((kind, text + "\n"))
    return found


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _changes(node: ast.AST, names: list[str]) -> Iterator[tuple[str, ast.AST]]:
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
        case ast.Name(name, ast.Load()) if name in names:
            for other in names:
                if other != name:
                    yield "a wrong name", ast.Name(other, ast.Load())
        case ast.Return(ast.Tuple(parts)):
            for k in range(len(parts) - 1):
                turned = [*parts[:k], parts[k + 1], parts[k], *parts[k + 2 :]]
                yield "gradients out of order", ast.Return(ast.Tuple(turned, ast.Load()))


def changed(pair: Pair, text: str) -> Pair:
    """The pair with another backward."""
    return Pair(pair.forward, function_of(text, pair.backward), pair.inputs, pair.saves)


def error(pair: Pair, seed: int = 0) -> float:
    """The largest relative error of backward beside central differences; ∞ if it does not fit."""
    rng = np.random.default_rng(seed)
    inputs = [np.array(x) for x in pair.inputs]

    def outputs() -> list[np.ndarray]:
        y = pair.forward(*[x.copy() for x in inputs])
        y = y[0] if pair.saves else y
        return [np.asarray(part) for part in (y if isinstance(y, tuple) else (y,))]

    g = [rng.normal(size=y.shape) for y in outputs()]
    cotangent = tuple(map(np.copy, g)) if len(g) > 1 else g[0].copy()
    own = [x.copy() for x in inputs]
    try:
        with np.errstate(all="ignore"):
            saved = (pair.forward(*own)[1],) if pair.saves else own
            claims = pair.backward(cotangent, *saved)
    except Exception:
        return np.inf
    claims = claims if isinstance(claims, tuple) else (claims,)
    if len(claims) != len(inputs):
        return np.inf
    worst = 0.0
    for x, claim in zip(inputs, claims, strict=True):
        if claim is None:
            continue
        if np.shape(claim) != x.shape or not np.isfinite(claim).all():
            return np.inf
        slopes = np.zeros(x.shape)
        for at in np.ndindex(x.shape):
            kept, h = x[at].copy(), 1e-5
            sides = []
            for step in (h, -h):
                x[at] = kept + step
                sides.append(sum(float((a * b).sum()) for a, b in zip(g, outputs(), strict=True)))
            x[at] = kept
            slopes[at] = (sides[0] - sides[1]) / (2 * h)
        scale = max(1e-3, float(np.abs(slopes).max()))
        worst = max(worst, float(np.abs(claim - slopes).max()) / scale)
    return worst
