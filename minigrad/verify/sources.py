"""The source of the user's functions, as far as there is one."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import lru_cache
from types import CodeType
from typing import Any


@lru_cache(maxsize=256)
def tree_of(function: Any) -> ast.FunctionDef | ast.Lambda | None:
    """The definition of a function, parsed; ``None`` where its source is not at hand."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    ast.increment_lineno(tree, max(first, 1) - 1)
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.Lambda)
        and (isinstance(node, ast.Lambda) or node.name == code.co_name)
        and [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        == list(code.co_varnames[: code.co_argcount])
    ]
    if len(found) > 1:  # several lambdas on a line: the one with the same code
        found = [n for n in found if isinstance(n, ast.Lambda) and _is_code(n, code)] or found
    return found[0] if found else None


def _is_code(node: ast.Lambda, code: CodeType) -> bool:
    """Whether a lambda compiles to a function's code."""
    compiled = compile(ast.Expression(node), "<lambda>", "eval").co_consts[0]
    return (
        isinstance(compiled, CodeType)
        and set(compiled.co_names)
        == set(code.co_names) - set(code.co_freevars)
        | (set(code.co_freevars) & set(compiled.co_names))
        and [c for c in compiled.co_consts if not isinstance(c, CodeType)]
        == [c for c in code.co_consts if not isinstance(c, CodeType)]
        and (bool(code.co_freevars) or compiled.co_code == code.co_code)
    )


def returned_names(function: Any) -> list[str]:
    """What the last ``return a, b`` calls its values; none where they have no names."""
    tree = tree_of(function)
    if tree is None:
        return []
    values = [tree.body] if isinstance(tree, ast.Lambda) else [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Return)
    ]  # fmt: skip
    returns = [value for value in values if isinstance(value, ast.Tuple)]
    if not returns:
        return []
    return [e.id if isinstance(e, ast.Name) else "" for e in returns[-1].elts]
