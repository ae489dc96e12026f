"""Rearrangements, indices and joins in ONNX's operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.compile.program import Slot
from minigrad.onnx.sizes import Size
from minigrad.onnx.writer import Call, Rule

_END = 2**62  # beyond every axis


def _reshape(c: Call) -> str:
    return c.graph.op("Reshape", [c.name(0), c.graph.ints(c.open_shape())])


def _transpose(c: Call) -> str:
    n, axes = len(c.shape(0)), c.static.get("axes")
    if c.operation.name == "swapaxes":
        axes = list(range(n))
        one, other = c.static["axis1"] % n, c.static["axis2"] % n
        axes[one], axes[other] = axes[other], axes[one]
    order = range(n)[::-1] if axes is None else [int(a) % n for a in axes]
    return c.graph.op("Transpose", [c.name(0)], perm=list(order))


def _broadcast(c: Call) -> str:
    return c.graph.op("Expand", [c.name(0, c.output.dtype), c.graph.ints(c.dims())])


def _concatenate(c: Call) -> str:
    axis = c.static.get("axis", 0)
    if axis is None:
        return c.refuse("arrays are joined along no axis", "write np.concatenate(…, axis=0)")
    return c.graph.op("Concat", c.names(c.output.dtype), axis=int(axis))


def _stack(c: Call) -> str:
    axis = c.static.get("axis", 0) % len(c.output.shape)
    parts = [c.graph.op("Unsqueeze", [x, c.graph.ints([axis])]) for x in c.names(c.output.dtype)]
    return c.graph.op("Concat", parts, axis=axis)


def _parts(c: Call) -> list[Any]:
    """An index for every axis, new ones among them; without an ellipsis."""
    index = c.static["index"]
    index = list(index) if isinstance(index, tuple) else [index]
    takes = sum(part is not None and part is not Ellipsis for part in index)
    missing = [slice(None)] * (len(c.shape(0)) - takes)
    for k, part in enumerate(index):
        if part is Ellipsis:
            return [*index[:k], *missing, *index[k + 1 :]]
    return [*index, *missing]


def _is_whole(part: Any) -> bool:
    return isinstance(part, slice) and part == slice(None)


def _getitem(c: Call) -> str:
    parts = _parts(c)
    places = [k for k, part in enumerate(parts) if isinstance(part, Slot)]
    if not places:
        return _basic(c, c.name(0), parts)
    if any(part is None for part in parts):
        return c.refuse("new axes and arrays are in one index", "write x[i][:, None]")
    slots = [parts[k] for k in places]
    x = c.name(0)
    basic = [slice(None) if isinstance(p, Slot) else p for p in parts]
    if any(isinstance(p, int | Size) for p in basic):
        return c.refuse("numbers and arrays are in one index", "write x[i][:, 0]")
    if not all(map(_is_whole, basic)):
        x = _basic(c, x, basic)
    indices = [c.name(slot.position, np.int64) for slot in slots]
    if len(slots) == 1:
        return c.graph.op("Gather", [x, indices[0]], axis=places[0])
    if places != list(range(places[0], places[0] + len(places))):
        return c.refuse("arrays are in an index with others between", "index step by step")
    return _gather_nd(c, x, indices, [c.operands[s.position] for s in slots], places)


def _gather_nd(c: Call, x: str, indices: list[str], operands: list[Any], places: list[int]) -> str:
    """Several index arrays, on axes that stand together."""
    n, first = len(c.shape(0)), places[0]
    if first:  # ONNX wants them in front
        rest = [k for k in range(n) if k not in places]
        x = c.graph.op("Transpose", [x], perm=[*places, *rest])
    axes = max(len(o[0].shape) for o in operands)
    total = indices[0]
    zero = c.graph.constant(0, np.int64)
    for other in indices[1:]:  # zeros of the shape of all of them
        total = c.graph.op("Add", [total, other])
    blank = c.graph.op("Mul", [total, zero])
    last = c.graph.ints([-1])
    full = [c.graph.op("Unsqueeze", [c.graph.op("Add", [i, blank]), last]) for i in indices]
    found = c.graph.op("GatherND", [x, c.graph.op("Concat", full, axis=-1)])
    if not first:
        return found
    order = [*range(axes, axes + first), *range(axes), *range(axes + first, n - len(places) + axes)]
    return c.graph.op("Transpose", [found], perm=order)


def _basic(c: Call, x: str, parts: list[Any]) -> str:
    """Slices, whole numbers and new axes."""
    given = [part for part in parts if part is not None]
    starts, ends, axes, steps, dropped = [], [], [], [], []
    for axis, part in enumerate(given):
        if isinstance(part, slice):
            step = 1 if part.step is None else part.step
            if _is_whole(part):
                continue
            starts.append((0 if step > 0 else _END) if part.start is None else part.start)
            ends.append((_END if step > 0 else -_END) if part.stop is None else part.stop)
            steps.append(step)
        else:
            starts.append(part)
            ends.append(_after(part))
            steps.append(1)
            dropped.append(axis)
        axes.append(axis)
    if axes:
        x = c.graph.op("Slice", [x, *map(c.graph.ints, (starts, ends, axes, steps))])
    if dropped:
        x = c.graph.op("Squeeze", [x, c.graph.ints(dropped)])
    kept = [part for part in parts if part is None or isinstance(part, slice)]
    new = [k for k, part in enumerate(kept) if part is None]
    return c.graph.op("Unsqueeze", [x, c.graph.ints(new)]) if new else _named(c, x)


def _after(number: Any) -> Any:
    """Where a slice of the one entry ends."""
    if isinstance(number, Size):
        return Size(number.constant + 1, number.terms)
    return _END if number == -1 else number + 1


def _named(c: Call, x: str) -> str:
    return c.graph.op("Identity", [x]) if x == c.name(0) else x


def _pads(c: Call, index: Any, number: int) -> list[Any] | None:
    """Entries before and after an operand at an index, which is slices of step 1."""
    index = index if isinstance(index, tuple) else (index,)
    if len(index) != len(c.output.shape):
        return None
    before, after = [], []
    for part, n, inner in zip(index, c.dims(), c.dims(number), strict=True):
        if not isinstance(part, slice) or part.step not in (None, 1):
            return None
        begin = 0 if part.start is None else part.start
        if isinstance(begin, Size) or (isinstance(begin, int) and begin < 0):
            return None
        before.append(begin)
        after.append(_minus(_minus(n, inner), begin))
    return None if None in after else [*before, *after]


def _minus(a: Any, b: Any) -> Any:
    """The difference, where it is a number."""
    if isinstance(a, Size) and isinstance(b, Size):
        return a.constant - b.constant if a.terms == b.terms else None
    return None if isinstance(a, Size) or isinstance(b, Size) or a is None else a - b


def _scatter(c: Call) -> str:
    """Zeros with an array in them."""
    pads = _pads(c, c.static["index"], 0)
    if pads is None:
        return c.refuse("an array is put into zeros", "write mg.pad(x, …)")
    return c.graph.op("Pad", [c.name(0), c.graph.ints(pads)])


def _put(c: Call) -> str:
    """An array with some entries set, or added to: those at slices."""
    index = _parts(c)
    if c.static.get("add") and len(c.shape(1)) == len(c.shape(0)):
        pads = _pads(c, c.static["index"], 1)
        if pads is not None:
            inside = c.graph.op("Pad", [c.name(1, c.output.dtype), c.graph.ints(pads)])
            return c.graph.op("Add", [c.name(0, c.output.dtype), inside])
    if c.static.get("add") or any(not isinstance(p, slice | int) for p in index):
        return c.refuse("entries of an array are set", "join parts with np.concatenate")
    whole = np.arange(c.output.size).reshape(c.output.shape)
    if any(isinstance(n, Size) for n in c.dims()):
        return c.refuse(
            "entries of an array with an open length are set", "join parts with np.concatenate"
        )
    chosen = whole[tuple(index)]
    value = c.graph.op("Expand", [c.name(1, c.output.dtype), c.graph.ints(chosen.shape)])
    places = np.stack(np.unravel_index(chosen, c.output.shape), axis=-1)
    return c.graph.op("ScatterND", [c.name(0), c.graph.constant(places, np.int64), value])


def _gather(c: Call) -> str:
    axis = c.static.get("axis", -1)
    if axis is None:
        return c.refuse("np.take_along_axis without an axis", "give one")
    return c.graph.op("GatherElements", [c.name(0), c.name(1, np.int64)], axis=int(axis))


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("transpose", "swapaxes"), _transpose),
    "reshape": _reshape, "broadcast_to": _broadcast, "concatenate": _concatenate,
    "stack": _stack, "getitem": _getitem, "scatter": _scatter, "put": _put,
    "take_along_axis": _gather,
}  # fmt: skip
