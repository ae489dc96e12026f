"""Nested lists, tuples and dicts of arrays, as functions take and return them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

_LINES = (list, tuple)
_NESTS = (list, tuple, dict)


def tree_leaves(tree: Any) -> list[Any]:
    """The arrays in a nest of lists, tuples and dicts, in order; dicts by insertion.

    Example:
        >>> from minigrad.tree import tree_leaves
        >>> tree_leaves({"weight": 1, "rest": [2, (3, None)]})
        [1, 2, 3]
    """
    if isinstance(tree, _LINES):
        return [leaf for branch in tree for leaf in tree_leaves(branch)]
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in tree_leaves(branch)]
    return [] if tree is None else [tree]


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The same nest, with ``function`` of each array and of those at its place in others.

    Raises:
        ValueError: the others are nested differently.

    Example:
        >>> from minigrad.tree import tree_map
        >>> tree_map(lambda a, b: a + b, {"x": 1, "y": [2, 3]}, {"x": 10, "y": [20, 30]})
        {'x': 11, 'y': [22, 33]}
    """
    for other in others:
        if type(other) is not type(tree) and (
            isinstance(tree, _NESTS) or isinstance(other, _NESTS)
        ):
            raise ValueError(
                f"got {type(other).__name__}, expected {type(tree).__name__}: both arguments "
                "must be nested alike"
            )
    if isinstance(tree, _LINES):
        if any(len(other) != len(tree) for other in others):
            raise ValueError(f"got {[len(o) for o in others]} parts, expected {len(tree)}")
        parts = [tree_map(function, *branches) for branches in zip(tree, *others, strict=True)]
        return rebuilt(tree, parts)
    if isinstance(tree, dict):
        if any(other.keys() != tree.keys() for other in others):
            raise ValueError(f"expected the keys {', '.join(map(str, tree))}")
        return rebuilt(tree, [tree_map(function, tree[k], *(o[k] for o in others)) for k in tree])
    return None if tree is None else function(tree, *others)


def rebuilt(tree: Any, parts: Iterable[Any]) -> Any:
    """A list, tuple or dict like another, a named tuple or a subclass too, with other parts.

    Example:
        >>> from minigrad.tree import rebuilt
        >>> rebuilt({"x": 1, "y": 2}, [3, 4])
        {'x': 3, 'y': 4}
    """
    if isinstance(tree, dict):
        found = copy.copy(tree)
        for key, part in zip(tree, list(parts), strict=True):
            found[key] = part
        return found
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
