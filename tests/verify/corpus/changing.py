"""Changes of one node of a function's source, found without making them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .source import source_of

Rule = Callable[[ast.AST, ast.Module], Iterator[tuple[str, ast.AST | str]]]
"""(node, the function's module) → the kinds of its changes, each with what takes its place.

That is a node, or the text of an expression.
"""


@dataclass(frozen=True)
class Change:
    """One node that another takes the place of."""

    kind: str
    tree: ast.Module
    place: int
    new: ast.AST | str

    @property
    def text(self) -> str:
        """The function's source with this change."""
        tree, new = copy.deepcopy(self.tree), copy.deepcopy(self.new)
        if isinstance(new, str):
            new = ast.parse(new, mode="eval").body
        changed = _Replace(_nodes(tree)[self.place], new).visit(tree)
        return ast.unparse(ast.fix_missing_locations(changed)) + "\n"

    @property
    def in_a_while_loop(self) -> bool:
        return _nodes(self.tree)[self.place] in _in_while_loops(self.tree)


def changes(function: Callable[..., Any] | str, rule: Rule) -> list[Change]:
    """All changes of a function, or of its text, that a rule knows."""
    tree = ast.parse(function if isinstance(function, str) else source_of(function))
    return [
        Change(kind, tree, place, new)
        for place, node in enumerate(_nodes(tree))
        for kind, new in rule(node, tree)
    ]


@lru_cache(maxsize=4)
def _nodes(tree: ast.Module) -> list[ast.AST]:
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    return [function, *(n for statement in function.body for n in ast.walk(statement))]


@lru_cache(maxsize=4)
def _in_while_loops(tree: ast.Module) -> set[ast.AST]:
    loops = [n for n in _nodes(tree) if isinstance(n, ast.While)]
    return {n for loop in loops for n in ast.walk(loop)}


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


@lru_cache(maxsize=4)
def variables(tree: ast.AST) -> list[str]:
    """The names that a function sets, its arguments among them."""
    found = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    found |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and stores(n)}
    return sorted(found)


def stores(node: ast.expr) -> bool:
    """Whether a name or an entry is set here."""
    return isinstance(getattr(node, "ctx", None), ast.Store)
