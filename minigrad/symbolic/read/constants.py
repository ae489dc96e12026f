"""The constants in what was recorded: the same in each call, and as functions of the sizes."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from minigrad.symbolic.read.lengths import Sizes, counts_of, in_sizes
from minigrad.symbolic.read.outline import Outline
from minigrad.tape import Node

Place = tuple[int, int, int]  # a node, which of its operands, which number in it


def numbered(nodes: Sequence[Node]) -> dict[Node, int]:
    """The number of each node."""
    return {node: k for k, node in enumerate(nodes)}


def constants_of(nodes: Sequence[Node]) -> dict[Place, Any]:
    """The numbers and arrays that do not depend on what the code was given, by where they stand."""
    found: dict[Place, Any] = {}
    known = {id(node.data) for node in nodes}
    for k, node in enumerate(nodes):
        for position, (raw, parent) in enumerate(zip(node.operands, node.parents, strict=True)):
            if parent is None:
                found |= {
                    (k, position, j): value for j, value in enumerate(_numbers_in(raw, known))
                }
    return found


def steady(one: Sequence[Node], other: Sequence[Node], title: str) -> dict[Place, Any]:
    """The constants of code that does the same each time it is called.

    Raises:
        ValueError: it does not.
    """
    values, later = constants_of(one), constants_of(other)
    counts = ([[*counts_of(node)] for node in nodes] for nodes in (one, other))
    if (
        not same_structure(one, other)
        or operator.ne(*counts)
        or not all(
            np.shape(values[k]) == np.shape(later[k])
            and np.array_equal(
                values[k], later[k], equal_nan=np.asarray(values[k]).dtype.kind == "f"
            )
            for k in values
        )
    ):
        raise ValueError(
            f"derive: {title} does not do the same each time it is called: it draws random "
            "numbers, or counts; derive it without, as after .eval()"
        )
    return values


def lifted(
    values: Mapping[Place, Any],
    first: Sequence[Node],
    second: Sequence[Node],
    sizes: Sizes,
    title: str,
) -> dict[Place, Any]:
    """The constants, those that depend on the sizes as formulas in these.

    Args:
        values: at the first sizes.
        first: what was recorded there.
        second: what was recorded at the second sizes.
        sizes: two lengths of each.
        title: of the code.

    Raises:
        ValueError: a constant is not a power of the sizes, or the code does something else there.
    """
    at = " and ".join(str(tuple(lengths)) for lengths in zip(*sizes.values(), strict=True))
    names = ", ".join(map(str, sizes))
    if not same_structure(first, second):
        raise ValueError(
            f"derive: {title} does different operations at the sizes ({names}) = {at}; "
            "derive one of a single size, by naming an instance"
        )
    later, found = constants_of(second), dict(values)
    for place, value in values.items():
        a, b = np.asarray(value), np.asarray(later[place])
        if a.size == b.size == 1 and a.item() != b.item():
            found[place] = in_sizes((a.item(), b.item()), sizes)
            if found[place] is None:
                raise ValueError(
                    f"derive: {title} uses a constant that is {a.item():.6g} and {b.item():.6g} at "
                    f"the sizes ({names}) = {at}, which is not a power of them; derive one of a "
                    "single size, by naming an instance"
                )
    return found


def _numbers_in(raw: Any, known: Set[int]) -> Iterator[Any]:
    """A constant, or those that a value taken off the tape was made of."""
    if not isinstance(raw, Outline):
        yield raw
    elif raw.made is not None and id(raw) not in known:
        for operand in raw.made[1]:
            yield from _numbers_in(operand, known)


def same_structure(one: Sequence[Node], other: Sequence[Node]) -> bool:
    """Whether two recordings consist of the same operations."""

    def shape(nodes: Sequence[Node]) -> list[Any]:
        number = numbered(nodes)
        return [
            (
                node.primitive and node.primitive.name,
                [None if p is None else number.get(p) for p in node.parents],
            )
            for node in nodes
        ]

    return shape(one) == shape(other) and constants_of(one).keys() == constants_of(other).keys()
