"""Right code written in other ways: each rewriting is meant to keep the value.

Whether it does is checked where one is used (`corpus.oracle`): some need what only a run can tell,
as the shapes of a product. A rewriting that does not keep the value is not one.
"""

from __future__ import annotations

import ast
import copy
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .changing import Change, changes, stores, variables
from .oracle import Oracle
from .pair import Pair
from .source import function_of, source_of


def rewritten(
    pair: Pair, oracle: Oracle, draw: random.Random, most: int = 8
) -> tuple[Pair, list[str]]:
    """The pair with up to so many rewritings that keep its values, and their kinds."""
    kinds: list[str] = []
    for _ in range(3 * most):
        if len(kinds) == most:
            break
        if pair.saves and draw.random() < 0.1:
            other = _with_dict(pair)
            kind = "a dict for a cache"
        else:
            side = draw.choice(("forward", "backward", "backward"))
            change = _drawn(changes(getattr(pair, side), _rewritings), draw)
            kind = change.kind
            other = replace(pair, **{side: function_of(change.text, getattr(pair, side))})
        if other is not None and _keeps(oracle, other):
            pair = other
            kinds.append(kind)
    return pair, kinds


def _drawn(found: Sequence[Change], draw: random.Random) -> Change:
    """One of them, each kind as likely as the others."""
    kind = draw.choice(sorted({change.kind for change in found}))
    return draw.choice([change for change in found if change.kind == kind])


def _keeps(oracle: Oracle, pair: Pair) -> bool:
    try:
        return oracle.keeps_the_values(pair)
    except Exception:
        return False


# A cache


def _with_dict(pair: Pair) -> Pair | None:
    """What forward saves in a dict instead of a tuple."""
    forward, backward = (ast.parse(source_of(f)) for f in (pair.forward, pair.backward))
    *_, last = forward.body[0].body  # type: ignore[attr-defined]
    unpacked = backward.body[0].body[0]  # type: ignore[attr-defined]
    match last, unpacked:
        case (
            ast.Return(ast.Tuple([outputs, ast.Tuple(saved)])),
            ast.Assign([ast.Tuple(names)], ast.Name(cache)),
        ) if len(saved) == len(names) and all(isinstance(n, ast.Name) for n in names):
            keys = [ast.Constant(n.id) for n in names]  # type: ignore[attr-defined]
            last.value = ast.Tuple([outputs, ast.Dict(list(keys), list(saved))], ast.Load())
            entries: list[ast.expr] = [
                ast.Subscript(ast.Name(cache, ast.Load()), key, ast.Load()) for key in keys
            ]
            unpacked.value = ast.Tuple(entries, ast.Load())
            return replace(
                pair,
                forward=function_of(_text(forward), pair.forward),
                backward=function_of(_text(backward), pair.backward),
            )
    return None


def _text(tree: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


# Expressions

_MIRRORED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.Eq}
_REDUCTIONS = ("sum", "mean", "max", "min")


def _rewritings(node: ast.AST, tree: ast.Module) -> Iterator[tuple[str, ast.AST | str]]:
    if isinstance(node, ast.expr) and not stores(node):
        yield from _expressions(node)
    if isinstance(node, ast.FunctionDef | ast.For | ast.If | ast.While):
        for kind, body in _blocks(node.body, tree):
            other = copy.copy(node)
            other.body = body
            yield kind, other
    if node is tree.body[0]:
        yield from _wholes(tree)


def _expressions(node: ast.expr) -> Iterator[tuple[str, str]]:
    u = ast.unparse
    match node:
        case ast.BinOp(ast.BinOp(a, ast.Add(), b), ast.Add(), c):
            yield "another order of a sum", f"({u(a)}) + (({u(b)}) + ({u(c)}))"
        case ast.BinOp(ast.BinOp(a, ast.Mult(), b), ast.Mult(), c):
            yield "another order of a product", f"({u(a)}) * (({u(b)}) * ({u(c)}))"
        case ast.BinOp(ast.BinOp(a, ast.Mult(), b), ast.Div(), c):
            yield "another order of a product", f"({u(a)}) * (({u(b)}) / ({u(c)}))"
        case ast.BinOp(ast.BinOp(a, ast.MatMult(), b), ast.MatMult(), c):
            yield "another order of a product", f"({u(a)}) @ (({u(b)}) @ ({u(c)}))"
    match node:
        case ast.BinOp(a, ast.Mult(), ast.BinOp(b, ast.Add() | ast.Sub() as op, c)):
            sign = "+" if isinstance(op, ast.Add) else "-"
            yield (
                "a product of a sum, written out",
                f"({u(a)}) * ({u(b)}) {sign} ({u(a)}) * ({u(c)})",
            )
        case ast.BinOp(ast.BinOp(b, ast.Add() | ast.Sub() as op, c), ast.Div(), a):
            sign = "+" if isinstance(op, ast.Add) else "-"
            yield (
                "a quotient of a sum, written out",
                f"({u(b)}) / ({u(a)}) {sign} ({u(c)}) / ({u(a)})",
            )
    match node:
        case ast.BinOp(a, ast.Add(), b):
            yield "a sum the other way round", f"({u(b)}) + ({u(a)})"
            yield "a difference for a sum", f"({u(a)}) - -({u(b)})"
        case ast.BinOp(a, ast.Sub(), b):
            yield "a sum for a difference", f"({u(a)}) + -({u(b)})"
            yield "a difference the other way round", f"-(({u(b)}) - ({u(a)}))"
        case ast.BinOp(a, ast.Mult(), b):
            yield "a product the other way round", f"({u(b)}) * ({u(a)})"
            yield "np.multiply", f"np.multiply({u(a)}, {u(b)})"
            if u(a) == u(b):
                yield "a power", f"({u(a)}) ** 2"
                yield "np.square", f"np.square({u(a)})"
        case ast.BinOp(a, ast.Div(), b):
            yield "a reciprocal", f"({u(a)}) * (1 / ({u(b)}))"
            yield "a reciprocal", f"({u(a)}) * ({u(b)}) ** -1.0"
            yield "np.divide", f"np.divide({u(a)}, {u(b)})"
        case ast.BinOp(a, ast.Pow(), ast.Constant(2)):
            yield "a product for a power", f"({u(a)}) * ({u(a)})"
            yield "np.square", f"np.square({u(a)})"
        case ast.BinOp(a, ast.Pow(), ast.Constant(3)):
            yield "a product for a power", f"({u(a)}) * ({u(a)}) * ({u(a)})"
        case ast.BinOp(a, ast.Pow(), b):
            yield "np.power", f"np.power({u(a)}, {u(b)})"
        case ast.BinOp(a, ast.MatMult(), b):
            yield "np.dot", f"np.dot({u(a)}, {u(b)})"
            yield "np.dot", f"({u(a)}).dot({u(b)})"
            yield "np.matmul", f"np.matmul({u(a)}, {u(b)})"
            for subscripts in ("ij,jk->ik", "i,ij->j", "ij,j->i", "i,i->", "nij,njk->nik"):
                yield "einsum", f"np.einsum('{subscripts}', {u(a)}, {u(b)})"
            yield "a sum for a product", f"sum(np.outer(p, q) for p, q in zip(({u(a)}).T, {u(b)}))"
            yield (
                "a sum for a product",
                (f"(({u(a)})[:, :, None] * ({u(b)})[None, :, :]).sum(axis=1)"),
            )
            yield "tensordot", f"np.tensordot({u(a)}, {u(b)}, 1)"
            yield "a transposed product", f"(({u(b)}).T @ ({u(a)}).T).T"
        case ast.UnaryOp(ast.USub(), a) if not isinstance(a, ast.Constant):
            yield "a factor of -1", f"-1 * ({u(a)})"
            yield "np.negative", f"np.negative({u(a)})"
        case ast.Attribute(a, "T"):
            yield "np.transpose", f"np.transpose({u(a)})"
            yield "np.transpose", f"({u(a)}).transpose()"
            yield "swapaxes", f"np.swapaxes({u(a)}, 0, 1)"
        case ast.Compare(a, [op], [b]) if type(op) in _MIRRORED:
            mirrored = ast.Compare(b, [_MIRRORED[type(op)]()], [a])
            yield "a comparison the other way round", u(mirrored)
        case ast.Call():
            yield from _calls(node)


def _calls(node: ast.Call) -> Iterator[tuple[str, str]]:
    u = ast.unparse
    given = [*node.args, *node.keywords]
    listed = ", ".join(map(u, given))
    rest = ", ".join(map(u, given[1:]))
    match node.func:
        case ast.Attribute(ast.Name("np"), name) if name in _REDUCTIONS and node.args:
            yield "a method for a function", f"({u(node.args[0])}).{name}({rest})"
        case ast.Attribute(a, name) if name in _REDUCTIONS and u(a) != "np":
            yield "a function for a method", f"np.{name}({u(a)}{', ' if listed else ''}{listed})"
    match node:
        case ast.Call(ast.Attribute(a, "sum"), [], [ast.keyword("axis", axis), *kept]) if (
            u(a) != "np"
        ):
            if kept:
                yield (
                    "newaxis for keepdims",
                    f"np.expand_dims(({u(a)}).sum(axis={u(axis)}), {u(axis)})",
                )
            else:
                yield "einsum for a sum", f"np.einsum('ij->j', {u(a)})"
                yield "einsum for a sum", f"np.einsum('ij->i', {u(a)})"
                yield "np.add.reduce", f"np.add.reduce({u(a)}, axis={u(axis)})"
                yield "a sum of rows", f"sum(row for row in {u(a)})"
                yield "a product with ones", f"np.ones(len({u(a)})) @ ({u(a)})"
        case ast.Call(ast.Attribute(a, "mean"), [], [ast.keyword("axis", axis), *_]) if (
            u(a) != "np"
        ):
            yield "a sum for a mean", f"({u(a)}).sum({listed}) / ({u(a)}).shape[{u(axis)}]"
        case ast.Call(ast.Attribute(a, "mean"), [], []) if u(a) != "np":
            yield "a sum for a mean", f"({u(a)}).sum() / ({u(a)}).size"
        case ast.Call(ast.Attribute(ast.Name("np"), "mean"), [a], []):
            yield "a sum for a mean", f"np.sum({u(a)}) / np.size({u(a)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [ast.BinOp(a, ast.Add(), b)], _):
            more = f", {rest}" if rest else ""
            yield "two sums", f"np.sum({u(a)}{more}) + np.sum({u(b)}{more})"
        case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [ast.BinOp(a, ast.Mult(), b)], []):
            yield "a product of rows", f"np.ravel({u(a)}) @ np.ravel({u(b)})"
            yield "np.vdot", f"np.vdot({u(a)}, {u(b)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "sqrt"), [a]):
            yield "a power for a root", f"({u(a)}) ** 0.5"
        case ast.Call(ast.Attribute(ast.Name("np"), "tanh"), [a]):
            yield "tanh by exp", f"2 / (1 + np.exp(-2 * ({u(a)}))) - 1"
            yield "tanh by exp", f"(np.exp(2 * ({u(a)})) - 1) / (np.exp(2 * ({u(a)})) + 1)"
        case ast.Call(ast.Name("sigmoid"), [a]):
            yield "sigmoid by tanh", f"0.5 * (1 + np.tanh(0.5 * ({u(a)})))"
            yield "sigmoid by exp", f"np.exp({u(a)}) / (1 + np.exp({u(a)}))"
        case ast.Call(ast.Attribute(ast.Name("np"), "exp"), [ast.UnaryOp(ast.USub(), a)]):
            yield "a reciprocal of exp", f"1 / np.exp({u(a)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "exp"), [ast.BinOp(a, ast.Sub(), b)]):
            yield "a quotient of exp", f"np.exp({u(a)}) / np.exp({u(b)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "log"), [ast.BinOp(a, ast.Mult(), b)]):
            yield "a sum of logarithms", f"np.log({u(a)}) + np.log({u(b)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "maximum"), [a, b]):
            yield "where for maximum", f"np.where(({u(a)}) > ({u(b)}), {u(a)}, {u(b)})"
            if u(a) == "0":
                yield "a mask for maximum", f"({u(b)}) * (({u(b)}) > 0)"
                yield "clip for maximum", f"np.clip({u(b)}, 0, None)"
        case ast.Call(ast.Attribute(ast.Name("np"), "where"), [c, a, b]):
            yield "masks for where", f"({u(c)}) * ({u(a)}) + (1 - ({u(c)})) * ({u(b)})"
            yield "where the other way round", f"np.where(np.logical_not({u(c)}), {u(b)}, {u(a)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "outer"), [a, b]):
            yield "a product for outer", f"({u(a)})[:, None] * ({u(b)})[None, :]"
            yield "a product for outer", f"({u(a)}).reshape(-1, 1) @ ({u(b)}).reshape(1, -1)"
            yield "einsum", f"np.einsum('i,j->ij', {u(a)}, {u(b)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "dot"), [a, b]):
            yield "@ for np.dot", f"({u(a)}) @ ({u(b)})"
        case ast.Call(ast.Attribute(ast.Name("np"), "zeros_like"), [a]):
            yield "another way to zeros", f"np.zeros(({u(a)}).shape)"
            yield "another way to zeros", f"np.zeros_like({u(a)}, dtype=float)"
            yield "another way to zeros", f"0 * ({u(a)})"
            yield "another way to zeros", f"np.full(({u(a)}).shape, 0.0)"
        case ast.Call(ast.Attribute(a, "copy"), []):
            yield "another way to a copy", f"np.array({u(a)})"
            yield "another way to a copy", f"np.copy({u(a)})"
            yield "another way to a copy", f"({u(a)}) + 0.0"
        case ast.Call(ast.Attribute(ast.Name("np"), "concatenate"), [a], [ast.keyword("axis", b)]):
            if u(b) == "1":
                yield "hstack", f"np.hstack({u(a)})"
            yield (
                "np.block and others",
                f"np.moveaxis(np.vstack([np.moveaxis(z, {u(b)}, 0) for z in {u(a)}]), 0, {u(b)})",
            )
        case ast.Call(ast.Attribute(ast.Name("np"), "hstack"), [a]):
            yield "concatenate for hstack", f"np.concatenate({u(a)}, axis=-1)"
        case ast.Call(ast.Attribute(ast.Name("np"), "array"), [ast.List() as a]):
            yield "np.stack", f"np.stack({u(a)})"
        case ast.Call(ast.Name("reversed"), [ast.Call(ast.Name("range"), [n])]):
            yield "a range that runs down", f"range(({u(n)}) - 1, -1, -1)"
            yield "a list that is turned round", f"list(range({u(n)}))[::-1]"
        case ast.Call(ast.Attribute(a, "reshape"), b) if u(a) != "np":
            yield "np.reshape", f"np.reshape({u(a)}, ({', '.join(map(u, b))},))"
        case ast.Call(ast.Name("len"), [a]):
            yield "a shape for len", f"({u(a)}).shape[0]"


# Statements


def _blocks(body: list[ast.stmt], tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """A block of statements, with one of them or two written otherwise."""
    for k, (one, two) in enumerate(itertools.pairwise(body)):
        if _independent(one, two):
            yield "another order", [*body[:k], two, one, *body[k + 2 :]]
    free = next(
        n for n in ("tmp", "tmp2", "tmp3", "tmp4", "tmp5", "t9") if n not in variables(tree)
    )
    for k, statement in enumerate(body):
        for kind, text in _statements(statement, free):
            yield kind, [*body[:k], *ast.parse(text).body, *body[k + 1 :]]


def _statements(node: ast.stmt, free: str) -> Iterator[tuple[str, str]]:
    u = ast.unparse
    match node:
        case ast.AugAssign(target, ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), value):
            load = u(target)
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
            yield "not in place", f"{load} = {load} {sign} ({u(value)})"
            if sign in "+-" and not isinstance(target, ast.Subscript):
                yield "in place", f"{load}[...] {sign}= {u(value)}"
            if sign == "-":
                yield "in place", f"{load} += -({u(value)})"
            if sign == "+" and isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
                yield "two steps", f"{load} += {u(value.left)}\n{load} += {u(value.right)}"
        case ast.Assign([ast.Name(name)], ast.BinOp(ast.Name(left), ast.Add(), right)) if (
            name == left
        ):
            yield "in place", f"{name} += {u(right)}"
        case ast.Assign([ast.Name(name)], ast.BinOp(left, ast.Add() | ast.Sub() as op, right)):
            sign = "+" if isinstance(op, ast.Add) else "-"
            if name not in {n.id for n in ast.walk(right) if isinstance(n, ast.Name)}:
                yield "two steps", f"{name} = {u(left)}\n{name} = {name} {sign} ({u(right)})"
                yield "two steps", f"{name} = ({u(left)}) * 1.0\n{name} {sign}= {u(right)}"
        case ast.Assign([ast.Name(name)], ast.BinOp(left, ast.Mult(), right)):
            if name not in {n.id for n in ast.walk(right) if isinstance(n, ast.Name)}:
                yield "two steps", f"{name} = {u(left)}\n{name} = {name} * ({u(right)})"
                yield "two steps", f"{name} = ({u(left)}) + 0.0\n{name} *= {u(right)}"
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)) if len(names) == len(values):
            yield (
                "a line for each",
                "\n".join(f"{u(n)} = {u(v)}" for n, v in zip(names, values, strict=True)),
            )
        case ast.Return(ast.Tuple(parts)) if not all(isinstance(p, ast.Name) for p in parts):
            k = next(k for k, p in enumerate(parts) if not isinstance(p, ast.Name))
            if not isinstance(parts[k], ast.Tuple | ast.Constant | ast.Dict):
                others = [free if j == k else u(p) for j, p in enumerate(parts)]
                yield "a name for a part", f"{free} = {u(parts[k])}\nreturn {', '.join(others)}"
        case ast.Return(value) if value is not None and not isinstance(value, ast.Tuple | ast.Name):
            yield "a name for a part", f"{free} = {u(value)}\nreturn {free}"
        case ast.For(ast.Name(name), ast.Call(ast.Name("range"), [ast.expr() as n]), body, []):
            inner = "\n    ".join("\n".join(map(u, body)).splitlines())
            yield (
                "a while loop",
                f"{name} = 0\nwhile {name} < {u(n)}:\n    {inner}\n    {name} += 1",
            )
        case ast.Expr(
            ast.Call(ast.Attribute(ast.Attribute(ast.Name("np"), "add"), "at"), [d, at, x])
        ):
            yield (
                "a loop for np.add.at",
                (f"for {free}, at in enumerate({u(at)}):\n    {u(d)}[at] += ({u(x)})[{free}]"),
            )
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Return) and node.value is not None:
        parts = [
            n
            for n in ast.walk(node.value)
            if isinstance(n, ast.BinOp | ast.Call) and n is not node.value
        ]
        inner_names = {
            n.id
            for c in ast.walk(node.value)
            if isinstance(c, ast.comprehension)
            for n in ast.walk(c.target)
            if isinstance(n, ast.Name)
        }
        for part in parts[:6]:
            if inner_names & {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}:
                continue
            text, whole = u(part), u(node)
            if whole.count(f"({text})") == 1:
                yield "a name for a part", f"{free} = {text}\n" + whole.replace(f"({text})", free)


def _independent(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether two statements may change places: neither writes what the other names."""
    simple = (ast.Assign, ast.AugAssign)
    if not (isinstance(one, simple) and isinstance(two, simple)):
        return False
    return not (_written(one) & _named(two) or _written(two) & _named(one))


def _written(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]  # type: ignore[attr-defined]
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _named(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


# The whole function


def _wholes(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
    own = [name for name in variables(tree) if name not in arguments]
    for name in own:
        for other in (f"{name}_", f"my_{name}", f"{name}{name}"):
            if other not in _named(tree):
                yield "another name", _Renamed(name, other).visit(copy.deepcopy(function))
    match function.body[-1]:
        case ast.Return(ast.Tuple(parts)) if function.name.endswith("_backward"):
            other = copy.copy(function)
            other.body = [*function.body[:-1], ast.Return(ast.List(parts, ast.Load()))]
            yield "a list for a tuple", other


class _Renamed(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node
