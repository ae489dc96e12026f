"""Small changes of a function's source: the slips that people make, undone.

Each change is one node of the syntax tree in another form: a sign, a factor, a name, an axis, a
transpose, ``=`` for ``+=``. What it says in words is said if the change makes a gradient right.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigrad.verify.explanation.statements import (
    Path,
    at,
    expressions_of,
    inserted,
    put,
    replaced,
)

_SWAPS: Mapping[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True)
class Change:
    """One node in another form.

    Attributes:
        cost: how far-fetched it is; the likeliest are tried first.
        statement: the statement that it is in.
        node: the other form: of the whole statement, or of an expression in it; as text, ``_``
            stands for the expression itself.
        says: what is wrong, if this mends it.
        path: the way to that expression; empty for the whole statement.
        of_value: whether it only changes what the statement's right side gives.
        after: whether the node is a statement that is missing after this one.
    """

    cost: float
    statement: ast.stmt
    node: ast.AST | str
    says: str
    path: Path = ()
    of_value: bool = True
    after: bool = False

    def applied(self, tree: ast.FunctionDef | ast.Lambda) -> ast.FunctionDef | ast.Lambda:
        """The function with the change."""
        if self.after and isinstance(tree, ast.FunctionDef):
            return inserted(tree, self.statement, self.new)
        return replaced(tree, self.statement, self.new)

    @property
    def new(self) -> ast.stmt:
        """The statement with the change."""
        if not self.path:
            assert isinstance(self.node, ast.stmt)
            return self.node
        node = self.node
        if isinstance(node, str):
            node = _parsed(node, at(self.statement, self.path))
        changed = copy.copy(self.statement)
        put(changed, self.path, node)
        return changed


def changes_of(
    statement: ast.stmt, shapes: Mapping[str, tuple[int, ...]], lengths: Sequence[str]
) -> Iterator[Change]:
    """Every small change of a statement.

    Args:
        statement: of the function.
        shapes: of the arrays among its local variables.
        lengths: expressions for lengths of axes, as ``len(x)``.
    """
    yield from _of_the_whole(statement)
    if isinstance(statement, ast.For | ast.If):
        header = ["iter" if isinstance(statement, ast.For) else "test"]
        yield from _inside(statement, header, {}, [])
        return
    fields = ["value"] + (["targets"] if isinstance(statement, ast.Assign) else [])
    fields += ["target"] if isinstance(statement, ast.AugAssign) else []
    yield from _inside(statement, fields, shapes, lengths)


def missing_after(
    statement: ast.stmt, written: Iterable[str], labels: Sequence[str], lengths: Sequence[str]
) -> Iterator[Change]:
    """A line less: the division of what was just written, the 1 that is taken from a softmax."""
    for name in written:
        lines = [(1.8, f"{name}[np.arange(len({t})), {t}] -= 1") for t in labels]
        lines += [(2.0, f"{name}[{t}] -= 1") for t in labels]
        lines += [(2.3, f"{name} = {name} / {length}") for length in lengths]
        for cost, line in lines:
            says = f"after which `{line}` is missing"
            yield Change(cost, statement, ast.parse(line).body[0], says, of_value=False, after=True)


def _of_the_whole(statement: ast.stmt) -> Iterator[Change]:
    """``=`` and ``+=`` for each other."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name | ast.Subscript | ast.Attribute):
            new = ast.AugAssign(_with(target, ast.Store()), ast.Add(), statement.value)
            yield Change(1, statement, new, f"{_text(target)} is not accumulated (`+=`)")
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            for k, (name, value) in enumerate(zip(target.elts, statement.value.elts, strict=False)):
                if isinstance(name, ast.Name):
                    values = list(statement.value.elts)
                    values[k] = ast.BinOp(ast.Name(name.id, ast.Load()), ast.Add(), value)
                    new_assign = ast.Assign([target], ast.Tuple(values, ast.Load()))
                    yield Change(1, statement, new_assign, f"{name.id} is not accumulated (`+=`)")
    if isinstance(statement, ast.AugAssign):
        if isinstance(statement.op, ast.Add | ast.Sub):
            other = _SWAPS[type(statement.op)]()
            new = ast.AugAssign(statement.target, other, statement.value)
            yield Change(1, statement, new, f"what is added to {_text(statement.target)} has the "
                         "wrong sign")  # fmt: skip
        assign = ast.Assign([statement.target], statement.value)
        yield Change(1.5, statement, assign, f"{_text(statement.target)} is accumulated "
                     "where it should be set (`=`)")  # fmt: skip


def _inside(
    statement: ast.stmt, fields: Sequence[str], shapes: Mapping[str, tuple[int, ...]],
    lengths: Sequence[str],
) -> Iterator[Change]:  # fmt: skip
    """Changes of the expressions in a statement."""
    for path, node in expressions_of(statement, fields):
        stores = path[0][0] in ("targets", "target")
        whole = len(path) == 1 or (len(path) == 2 and path[1][0] == "elts")
        above = at(statement, path[:-1])
        part = isinstance(above, ast.BinOp) and isinstance(above.op, ast.Mult | ast.Div)
        for cost, new, says in _forms(node, shapes, lengths, whole=whole, part=part, target=stores):
            yield Change(cost, statement, new, says, path, not stores)


Form = tuple[float, ast.expr | str, str]


def _forms(
    node: ast.expr,
    shapes: Mapping[str, tuple[int, ...]],
    lengths: Sequence[str],
    *,
    whole: bool,
    part: bool,
    target: bool,
) -> Iterator[Form]:
    """Other forms of an expression; what is part of a product lacks no factor of its own."""
    text = _text(node)
    if target:
        yield from _constants(node, text, lengths)
        yield from _comparisons(node, text)
        return
    yield from _signs(node, text)
    yield from _names(node, text, shapes)
    yield from _complements(node, text, shapes)
    yield from _comparisons(node, text)
    yield from _constants(node, text, lengths)
    yield from _calls(node, text)
    yield from _products(node, text)
    if whole or isinstance(node, ast.BinOp | ast.UnaryOp | ast.Name | ast.Call):
        yield from _terms(shapes, 0.0 if whole else 0.4)
        if not part:
            yield from _more(node, text, shapes, lengths, whole)
    if whole:
        yield from _centred(shapes)


def _signs(node: ast.expr, text: str) -> Iterator[Form]:
    match node:
        case ast.BinOp(left, (ast.Add() | ast.Sub()) as op, right):
            new = ast.BinOp(left, _SWAPS[type(op)](), right)
            yield 1, new, f"the sign of the term {_text(right)} is reversed"
            yield 1.2, ast.BinOp(ast.UnaryOp(ast.USub(), left), op, right), (
                f"the sign of the term {_text(left)} is reversed")  # fmt: skip
            yield 2, left, f"the term {_text(right)} does not belong there"
            yield 2, right, f"the term {_text(left)} does not belong there"
        case ast.UnaryOp(ast.USub(), inner):
            yield 1, inner, f"{text} has the wrong sign"


def _names(node: ast.expr, text: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Form]:
    if isinstance(node, ast.Name) and node.id in shapes:
        for other, shape in shapes.items():
            if other != node.id:
                cost = 2 if shape == shapes[node.id] else 2.7
                yield cost, ast.Name(other, ast.Load()), f"{other} should stand in place of {text}"
    elif isinstance(node, ast.Name):  # an index
        for by in (1, -1):
            op: ast.operator = ast.Add() if by > 0 else ast.Sub()
            yield 3, ast.BinOp(node, op, ast.Constant(1)), f"{text} is off by one"


def _complements(
    node: ast.expr, text: str, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[Form]:
    """1 − f for f, as in the derivatives of σ and tanh."""
    match node:
        case ast.Name(name) if name in shapes:
            yield 1.4, "1 - _", f"1 - {text} should stand in place of {text}"
        case ast.BinOp(_, ast.Pow(), _):
            yield 1.8, "1 - _", f"1 - {text} should stand in place of {text}"
        case ast.BinOp(left, ast.Mult(), right) if ast.dump(left) == ast.dump(right):
            yield 1.8, "1 - _", f"1 - {text} should stand in place of {text}"


_OPPOSITES: Mapping[type, tuple[type, ...]] = {
    ast.Gt: (ast.LtE, ast.Lt), ast.GtE: (ast.Lt, ast.LtE), ast.Lt: (ast.GtE, ast.Gt),
    ast.LtE: (ast.Gt, ast.GtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip


def _comparisons(node: ast.expr, text: str) -> Iterator[Form]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _OPPOSITES.get(type(node.ops[0]), ()):
            new = ast.Compare(node.left, [other()], node.comparators)
            yield 1.5, new, f"{text} is the wrong way round"


def _constants(node: ast.expr, text: str, lengths: Sequence[str]) -> Iterator[Form]:
    if not isinstance(node, ast.Constant) or isinstance(node.value, str):
        return
    value = node.value
    if isinstance(value, bool):
        yield 1.9, ast.Constant(not value), f"{text} should be {not value}"
        return
    if isinstance(value, int):
        for other in dict.fromkeys((value - 1, value + 1, -value, 0, 1, 2, 3, -1, 0.5)):
            if other != value:
                yield 1.9, ast.Constant(other), f"{other} should stand in place of {text}"
    elif isinstance(value, float):
        for factor in (2, 0.5, -1):
            yield (
                2,
                ast.Constant(value * factor),
                f"{value * factor:g} should stand in place of {text}",
            )
        yield 2.5, ast.Constant(1 - value), f"{1 - value:g} should stand in place of {text}"
        for constant in (n for n in lengths if n[0].isdigit() and n != text):  # forward's constants
            yield 1.9, constant, f"{constant} should stand in place of {text}"
    elif value is None:
        for axis in (0, 1, -1):
            yield 1.9, ast.Constant(axis), f"{axis} should stand in place of None"


_REDUCTIONS = {"sum": "mean", "mean": "sum", "max": "sum"}


def _calls(node: ast.expr, text: str) -> Iterator[Form]:
    match node:
        case ast.Attribute(inner, "T"):
            yield 1, inner, f"{text} should not be transposed"
        case ast.Call(ast.Name("reversed"), [inner]):
            yield 1, inner, "the loop runs in the wrong order"
        case ast.Call(ast.Name("range"), _) | ast.Call(ast.Name("enumerate"), _):
            yield 1.5, ast.Call(ast.Name("reversed", ast.Load()), [node], []), (
                "the loop runs in the wrong order")  # fmt: skip
        case ast.Call(ast.Attribute(inner, name), args, keywords):
            if name in _REDUCTIONS:
                new = ast.Call(ast.Attribute(inner, _REDUCTIONS[name], ast.Load()), args, keywords)
                yield 1.5, new, f"{_REDUCTIONS[name]} should stand in place of {name} in {text}"
                plain = (
                    args[0] if isinstance(inner, ast.Name) and inner.id == "np" and args else inner
                )
                yield 2, plain, f"{text} should not be reduced"
                for axis in (0, 1, -1, 2, (0, 1), (0, 2), (0, 2, 3)):
                    changed = [k for k in keywords if k.arg != "axis"]
                    changed.append(ast.keyword("axis", _axis(axis)))
                    if not isinstance(inner, ast.Name) or inner.id != "np":
                        yield (
                            1.5,
                            ast.Call(node.func, [], changed),
                            f"{text} is over the wrong axis",
                        )
                    else:
                        yield 1.5, ast.Call(node.func, args[:1], changed), (
                            f"{text} is over the wrong axis")  # fmt: skip
                keeps = [k for k in keywords if k.arg != "keepdims"]
                if len(keeps) == len(keywords):
                    keeps.append(ast.keyword("keepdims", ast.Constant(True)))
                yield 1.5, ast.Call(node.func, args, keeps), f"keepdims is wrong in {text}"
            elif name in ("transpose", "swapaxes", "flip") and not (
                isinstance(inner, ast.Name) and inner.id == "np"
            ):
                yield 1.5, inner, f"{text} should not be turned round"
            if name == "copy" and not args:
                return
            for k, arg in enumerate(args):
                if name in ("dot", "matmul", "outer", "einsum", "tensordot"):
                    turned = [*args[:k], ast.Attribute(arg, "T", ast.Load()), *args[k + 1 :]]
                    yield (
                        1.2,
                        ast.Call(node.func, turned, keywords),
                        f"{_text(arg)} should be transposed",
                    )
            if name in ("dot", "matmul") and len(args) == 1:
                new = ast.Call(ast.Attribute(args[0], name, ast.Load()), [inner], keywords)
                yield 1.2, new, f"{text} is in the wrong order"
                yield 1.2, ast.Call(
                    ast.Attribute(ast.Attribute(inner, "T", ast.Load()), name, ast.Load()), args,
                    keywords,
                ), f"{_text(inner)} should be transposed"  # fmt: skip


def _axis(axis: Any) -> ast.expr:
    if isinstance(axis, tuple):
        return ast.Tuple([ast.Constant(a) for a in axis], ast.Load())
    return ast.Constant(axis)


def _products(node: ast.expr, text: str) -> Iterator[Form]:
    match node:
        case ast.BinOp(left, ast.MatMult(), right):
            yield 1.1, ast.BinOp(right, ast.MatMult(), left), f"{text} is in the wrong order"
            turn = lambda x: ast.Attribute(x, "T", ast.Load())  # noqa: E731
            yield (
                1,
                ast.BinOp(turn(left), ast.MatMult(), right),
                f"{_text(left)} should be transposed",
            )
            yield (
                1,
                ast.BinOp(left, ast.MatMult(), turn(right)),
                f"{_text(right)} should be transposed",
            )
            yield 1.3, ast.BinOp(turn(left), ast.MatMult(), turn(right)), (
                f"{_text(left)} and {_text(right)} should be transposed")  # fmt: skip
            yield 1.4, ast.BinOp(turn(right), ast.MatMult(), left), f"{text} is in the wrong order"
            yield 1.4, ast.BinOp(right, ast.MatMult(), turn(left)), f"{text} is in the wrong order"
            yield 1.5, turn(node), f"{text} should be transposed"
        case ast.BinOp(left, ast.Mult(), right):
            yield (
                1.8,
                ast.BinOp(left, ast.Div(), right),
                f"{text} should be divided by {_text(right)}",
            )
            yield 2, left, f"it has an extra factor {_text(right)}"
            yield 2, right, f"it has an extra factor {_text(left)}"
        case ast.BinOp(left, ast.Div(), right):
            yield (
                1.8,
                ast.BinOp(left, ast.Mult(), right),
                f"{text} should be multiplied by {_text(right)}",
            )
            yield 2, left, f"it has an extra divisor {_text(right)}"
            yield 2.2, ast.BinOp(node, ast.Div(), right), f"it lacks the factor 1 / {_text(right)}"
        case ast.BinOp(base, ast.Pow(), exponent):
            yield 2, base, f"it has an extra power in {text}"
            if isinstance(exponent, ast.Constant) and isinstance(exponent.value, int | float):
                for by in (1, -1, 0.5):
                    yield 2, ast.BinOp(base, ast.Pow(), ast.Constant(exponent.value + by)), (
                        f"the power in {text} is wrong")  # fmt: skip


def _more(
    node: ast.expr, text: str, shapes: Mapping[str, tuple[int, ...]], lengths: Sequence[str],
    whole: bool,
) -> Iterator[Form]:  # fmt: skip
    """A factor or a sum that is not there."""
    load = ast.Load()
    base = 0.0 if whole else 0.4
    yield 1.3 + base, ast.UnaryOp(ast.USub(), node), f"{text} has the wrong sign"
    there = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    if whole:
        yield 1.5, ast.Attribute(node, "T", load), f"{text} should be transposed"
        for name in (n for n, shape in shapes.items() if len(shape) == 2):
            for form, told in (
                (f"{name} @ _", f"{name} @"),
                (f"_ @ {name}", f"@ {name}"),
                (f"{name}.T @ _", f"{name}.T @"),
                (f"_ @ {name}.T", f"@ {name}.T"),
            ):
                yield 1.5, form, f"it lacks the factor {told}"
        for axis in (0, 1, -1):
            for keep in (False, True):
                words = [ast.keyword("axis", ast.Constant(axis))]
                words += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
                new = ast.Call(ast.Attribute(node, "sum", load), [], words)
                yield 1.7, new, f"{text} is not summed over axis {axis}"
    else:
        for axis in (-1, 0, 1):
            for kept in ("", ", keepdims=True"):
                form = f"_.sum(axis={axis}{kept})"
                yield 2.4, form, f"{text} is not summed over axis {axis}"
        for name in ("sum", "mean"):
            yield 2.4, f"_.{name}()", f"{text} lacks its {name}"
        yield 2.8, "_ ** 2", f"{text} is not squared"
    for function in ("exp", "tanh", "sqrt", "log"):
        yield 2.4 + base, f"np.{function}(_)", f"np.{function} of {text} is missing"
    for value in (2, 0.5, 3, 4):
        yield (
            2 + base,
            ast.BinOp(node, ast.Mult(), ast.Constant(value)),
            f"it lacks the factor {value:g}",
        )
    for length in lengths:
        yield 2.2 + base, f"_ / {length}", f"it lacks the factor 1 / {length}"
        yield 2.6 + base, f"_ * {length}", f"it lacks the factor {length}"
    for name in shapes:
        yield 2.3 + base, f"_ * {name}", f"it lacks the factor {name}"
        yield 2.5 + base, f"_ / {name}", f"it lacks the factor 1 / {name}"
        for cost, factor in (
            (2.4, f"(1 - {name})"), (2.5, f"(1 - {name} ** 2)"), (2.6, f"{name} * (1 - {name})"),
            (2.7, f"({name} > 0)"), (2.8, f"{name} ** 2"),
        ):  # fmt: skip
            nearer = 0.4 if name in there else 0.0  # as f (1 - f) where there is an f
            yield cost + base - nearer, f"_ * {factor}", f"it lacks the factor {factor}"


def _terms(shapes: Mapping[str, tuple[int, ...]], base: float) -> Iterator[Form]:
    """A term that is not there."""
    for name in shapes:
        yield 2.1 + base, f"_ + {name}", f"it lacks the term {name}"
        yield 2.3 + base, f"_ - {name}", f"it lacks the term −{name}"


def _centred(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Form]:
    """Terms that a softmax or a norm brings: sums and means along an axis."""
    for name, shape in shapes.items():
        if not shape:
            continue
        for axis in (-1, 0):
            mean = f"{name}.mean(axis={axis}, keepdims=True)"
            yield 3.2, f"_ - {mean}", f"it lacks the term -{mean}"
            for other, same in shapes.items():
                if same != shape or other == name:
                    continue
                for reduced in ("sum", "mean"):
                    inner = f"({name} * {other}).{reduced}(axis={axis}, keepdims=True)"
                    full = f"{name} * ({other} - {inner})"
                    if reduced == "sum":
                        yield 3.3, full, f"it should be {full}"
                    term = f"{name} * {inner}"
                    yield 3.4, f"_ - {term}", f"it lacks the term -{term}"


def _parsed(text: str, node: ast.expr) -> ast.expr:
    """An expression in which ``_`` stands for a node."""
    return _Fill(node).visit(ast.parse(text, mode="eval").body)


class _Fill(ast.NodeTransformer):
    def __init__(self, node: ast.expr) -> None:
        self.node = node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.node if node.id == "_" else node


def _with(target: ast.expr, context: ast.expr_context) -> Any:
    changed = copy.deepcopy(target)
    changed.ctx = context  # type: ignore[attr-defined]
    return changed


def _text(node: ast.AST) -> str:
    return ast.unparse(node)
