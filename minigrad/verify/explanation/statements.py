"""The statements of a function: what they write, and others in their place."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from minigrad.verify.handwritten import HandWritten

Path = tuple[tuple[str, int | None], ...]


def statements_of(tree: ast.FunctionDef | ast.Lambda) -> list[ast.stmt]:
    """The simple statements and the headers of loops and branches of a function, in order.

    Not those that a ``while`` waits for: changed, it might never end.
    """
    if isinstance(tree, ast.Lambda):
        return [ast.copy_location(ast.Expr(tree.body), tree.body)]
    simple = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr | ast.For | ast.If
    tests = [names_in(node.test) for node in ast.walk(tree) if isinstance(node, ast.While)]
    awaited = set().union(*tests)
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, simple) and not awaited & names_in(node, ast.Store)
    ]


def names_in(node: ast.AST, context: type = ast.Load) -> set[str]:
    """The names that are read, or set, in a piece of code."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def names_set(statement: ast.stmt) -> set[str]:
    """The names of the variables that a statement writes, whole or in part."""
    return {name for target in targets_of(statement) for name in bases_of(target)}


def targets_of(node: ast.AST) -> list[ast.expr]:
    """What a statement writes into."""
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
        return [node.target]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):  # np.add.at(dx, …)
        return node.value.args[:1]
    return []


def bases_of(target: ast.expr) -> Iterator[str]:
    """Names of the variables that an assignment writes."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from bases_of(part)
    else:
        while isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
            target = target.value
        if isinstance(target, ast.Name):
            yield target.id


def returned_parts(tree: ast.FunctionDef, subject: HandWritten) -> dict[str, ast.expr]:
    """What the last ``return`` gives for each input; nothing where that cannot be read."""
    returned = [n.value for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value]
    names = [n for n, leaf in subject.leaves.items() if len(leaf.path) == 1]
    if not returned:
        return {}
    last = returned[-1]
    parts = last.elts if isinstance(last, ast.Tuple | ast.List) else [last]
    return dict(zip(names, parts, strict=True)) if len(parts) == len(names) else {}


def line_of(statement: ast.stmt) -> str:
    """A statement as text; of a loop or branch its header."""
    if isinstance(statement, ast.For):
        return f"for {ast.unparse(statement.target)} in {ast.unparse(statement.iter)}:"
    return (
        f"if {ast.unparse(statement.test)}:"
        if isinstance(statement, ast.If)
        else ast.unparse(statement)
    )


def values_of(statement: ast.stmt) -> list[Path]:
    """The ways to the expressions whose values a statement sets, adds or returns."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        last = len(statement.value.args) - 1
        return [(("value", None), ("args", last))] if last > 1 else []  # np.add.at(dx, at, …)
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Tuple | ast.List):
        return [(("value", None), ("elts", k)) for k in range(len(value.elts))]
    return [(("value", None),)] if isinstance(value, ast.expr) else []


def is_read(node: ast.expr) -> bool:
    """Whether an expression only reads what there is: a name or an entry."""
    worked = ast.BinOp | ast.UnaryOp | ast.Call
    return not isinstance(node, ast.Constant) and not any(
        isinstance(n, worked) for n in ast.walk(node)
    )


def parts_of(statement: ast.stmt, path: Path) -> Iterator[Path]:
    """The ways to what a value is computed from: operands and arguments, not indices."""
    node = at(statement, path)
    fields: Mapping[type, tuple[str, ...]] = {
        ast.BinOp: ("left", "right"), ast.UnaryOp: ("operand",), ast.Attribute: ("value",),
    }  # fmt: skip
    below: list[Path] = [((name, None),) for name in fields.get(type(node), ())]
    if isinstance(node, ast.Call):
        below = [(("args", k),) for k in range(len(node.args))]
        if isinstance(node.func, ast.Attribute):
            below.append((("func", None), ("value", None)))
    for way in below:
        if not isinstance(at(node, way), ast.Constant):
            yield (*path, *way)
            yield from parts_of(statement, (*path, *way))


def expressions_of(statement: ast.AST, fields: Sequence[str]) -> Iterator[tuple[Path, ast.expr]]:
    """Every expression below, with the way to it."""
    for name in fields:
        value = getattr(statement, name, None)
        parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for k, part in parts:
            if isinstance(part, ast.expr):
                yield from _below(part, ((name, k),))


def _below(node: ast.expr, path: Path) -> Iterator[tuple[Path, ast.expr]]:
    yield path, node
    for name, value in ast.iter_fields(node):
        parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for k, part in parts:
            if isinstance(part, ast.expr):
                yield from _below(part, (*path, (name, k)))
            elif isinstance(part, ast.comprehension):
                yield from _below(part.iter, (*path, (name, k), ("iter", None)))
            elif isinstance(part, ast.keyword):
                yield from _below(part.value, (*path, (name, k), ("value", None)))


def at(root: ast.AST, path: Path) -> Any:
    """What stands at the end of a way."""
    for name, k in path:
        part = getattr(root, name)
        root = part if k is None else part[k]
    return root


def put(root: ast.AST, path: Path, new: ast.AST) -> None:
    """Put an expression into a statement that is a copy; what lies on the way is copied too."""
    node: Any = root
    for name, k in path[:-1]:
        part = getattr(node, name)
        if k is None:
            part = copy.copy(part)
            setattr(node, name, part)
        else:
            parts = list(part)
            part = parts[k] = copy.copy(parts[k])
            setattr(node, name, parts)
        node = part
    name, k = path[-1]
    if k is None:
        setattr(node, name, new)
    else:
        parts = list(getattr(node, name))
        parts[k] = new
        setattr(node, name, parts)


def replaced(
    tree: ast.FunctionDef | ast.Lambda, statement: ast.stmt, new: ast.stmt
) -> ast.FunctionDef | ast.Lambda:
    """The function with one statement changed."""
    if isinstance(tree, ast.Lambda):
        assert isinstance(new, ast.Expr)
        new.value = ast.fix_missing_locations(ast.copy_location(new.value, tree.body))
        return ast.copy_location(ast.Lambda(tree.args, new.value), tree)
    way = _way(tree, statement)
    changed = copy.copy(tree)
    put(changed, way, _located(new, statement))
    return changed


def _located(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    """With lines for the compiler, wherever it has none."""
    return ast.fix_missing_locations(ast.copy_location(new, old))


def inserted(tree: ast.FunctionDef, after: ast.stmt | None, new: ast.stmt) -> ast.FunctionDef:
    """The function with a statement more, after another or at its beginning."""
    changed = copy.copy(tree)
    if after is None:
        changed.body = [_located(new, tree.body[0]), *tree.body]
        return changed
    *above, (field, k) = _way(tree, after)
    node: Any = changed
    for name, place in above:
        parts = getattr(node, name)
        part = copy.copy(parts if place is None else parts[place])
        if place is None:
            setattr(node, name, part)
        else:
            setattr(node, name, [*parts[:place], part, *parts[place + 1 :]])
        node = part
    block = list(getattr(node, field))
    assert k is not None
    block.insert(k + 1, _located(new, after))
    setattr(node, field, block)
    return changed


def _way(root: ast.AST, wanted: ast.AST) -> Path:
    """The fields and positions that lead from a node to another below it."""
    for name, value in ast.iter_fields(root):
        parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for k, part in parts:
            if part is wanted:
                return ((name, k),)
            if isinstance(part, ast.stmt | ast.ExceptHandler):
                way = _way(part, wanted)
                if way:
                    return ((name, k), *way)
    return ()
