"""The source of the user's functions, as far as there is one."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import lru_cache
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
    return found[0] if found else None


def returned_names(function: Any) -> list[str]:
    """What the last ``return a, b`` calls its values; none where they have no names."""
    tree = tree_of(function)
    if not isinstance(tree, ast.FunctionDef):
        return []
    returns = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
    ]
    if not returns:
        return []
    return [e.id if isinstance(e, ast.Name) else "" for e in returns[-1].elts]
