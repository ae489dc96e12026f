"""In-place changes are noticed: no gradient is computed with arrays that have changed since.

NumPy's arrays carry no version counter. The tape locks the arrays that it makes itself. For an
array that others hold, and for views of it, it takes a checksum when it records an operation whose
rule will read the array, and compares it when the rule runs. Indices, masks and targets are copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_HALF = np.uint64(32)
_WEIGHTS = np.arange(1, 4100, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
_WEIGHTS ^= _WEIGHTS >> _HALF  # of the columns, of which there is a prime number: no shape has it
_LARGE = _WEIGHTS.nbytes  # below it hashing is faster
_FIXED = frozenset({int, slice, type(None), type(Ellipsis), np.int64})  # what cannot change

Stamps = tuple[tuple[int, int], ...]
"""Position and checksum of each operand that others may change."""


def stamp(array: np.ndarray) -> int:
    """A checksum of an array's bytes, to tell whether it has been changed since.

    Small arrays are hashed. Large ones are summed by columns in 64-bit words, which takes as long
    as reading them, and the sums by weights: entries that change places are noticed too.
    """
    if array.nbytes < _LARGE or array.dtype == object:
        return hash(array.tobytes())
    if not array.flags.c_contiguous:  # a transpose is contiguous in its own order
        array = array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    flat = array.reshape(-1).view(np.uint8)
    end = flat.size - flat.size % 8
    words = flat[:end].view(np.uint64)
    columns = len(_WEIGHTS)
    whole = len(words) - len(words) % columns
    sums = words[:whole].reshape(-1, columns).sum(axis=0)
    sums[: len(words) - whole] += words[whole:]
    sums ^= sums >> _HALF  # small whole numbers are 0 in their lower bits
    return hash((int(sums @ _WEIGHTS), flat[end:].tobytes()))


def watch(node: Any, operands: Sequence[Any]) -> None:
    """Note of a node which of its arrays others may change.

    Args:
        node: what was recorded.
        operands: as they were passed: arrays and nodes.
    """
    data, primitive = node.data, node.primitive
    base = data.base
    for k, x in enumerate(operands):
        array = node.operands[k]
        if type(array) is not np.ndarray:
            continue  # a number
        if x is not array and hasattr(x, "parents") and x.primitive is not None and not x.shared:
            continue  # the tape's own
        if data is array or base is array or (base is not None and base is array.base):
            node.shared = True
        elif base is not None and type(base) is not np.ndarray:  # a view by strides
            node.shared = node.shared or np.may_share_memory(data, array)
        if primitive.stamped and (primitive.reads or primitive.rules[k] is None):
            node.stamps += ((k, stamp(array)),)


def check(node: Any) -> None:
    """Refuse to differentiate an operation whose operands have changed.

    Raises:
        RuntimeError: one has been changed in place; the message names the operation.
    """
    for position, before in node.stamps:
        array = node.operands[position]
        if stamp(array) != before:
            where = f" ({node.scope})" if node.scope else ""
            raise RuntimeError(
                f"backward: operand {position}{_name(node.parents[position])} of "
                f"{node.primitive.name}{where}, an array of shape {array.shape}, has been changed "
                "in place since it was used, so its gradient would be wrong: change a copy, or run "
                "the forward pass again"
            )


def kept(static: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords with copies of arrays: an index, a mask or a target may change later."""
    for value in static.values():
        kind = type(value)
        if kind is np.ndarray or kind is list or (
            kind is tuple and not _FIXED.issuperset(map(type, value))
        ):  # fmt: skip
            return {name: _copy(value) for name, value in static.items()}
    return static


def _copy(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple | list):
        parts = map(_copy, value)
        return tuple(parts) if isinstance(value, tuple) else list(parts)
    return value


def _name(node: Any) -> str:
    """The name of an operand, or of what it is a view of."""
    while node is not None and node.name is None and node.shared:
        node = node.parents[0] if node.parents else None
    return f" ({node.name})" if node is not None and node.name else ""
