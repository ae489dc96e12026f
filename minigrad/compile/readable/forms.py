"""One statement as the expression that a person would write for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from minigrad.compile.operations import POWER, PRODUCT, SIGN, index_text, written
from minigrad.compile.program import Literal, Statement, Variable
from minigrad.compile.readable.text import ATOM, Expression, shape_text, slots_of
from minigrad.compile.readable.writer import Unwritable, Writer
from minigrad.primitives.axes import axes_of

Makers = Mapping[Variable, Statement]
"""The statement that computes each variable of a function."""


def form(
    writer: Writer, makers: Makers, s: Statement, operands: Sequence[Expression]
) -> Expression:
    """A statement in the form in which a person writes it."""
    operation, name = s.operation, s.operation.name
    slots = {k for value in s.static.values() for k in slots_of(value)}
    texts = [e.text for e in operands]
    own = [e for k, e in enumerate(operands) if k not in slots]
    if operation.needs:
        writer.helpers.update(operation.needs)
    if name == "square":
        return Expression(f"{own[0].within(POWER)} ** 2", POWER)
    if name == "reciprocal":
        return Expression(f"1 / {own[0].within(PRODUCT, right=True)}", PRODUCT)
    if name == "broadcast_to":
        shape = shape_text(s.output.shape)
        function = "full" if isinstance(s.operands[0], Literal) else "broadcast_to"
        first, second = (shape, texts[0]) if function == "full" else (texts[0], shape)
        if function == "full" and second == "0.0":
            return Expression(f"np.zeros({first})")
        return Expression(f"np.{function}({first}, {second})")
    if name == "add" and s.operands[0] is s.operands[1]:
        return Expression(f"2 * {own[0].within(PRODUCT, right=True)}", PRODUCT)
    if name == "multiply" and (divided := _divided(s, own)) is not None:
        return divided
    if name == "transpose":
        return Expression(_transposed(own[0].within(ATOM), s))
    if name in ("sum", "max", "min") and set(s.static) <= {"axis", "keepdims"}:
        return Expression(f"{own[0].within(ATOM)}.{name}({_axis(s)})")
    if name == "divide" and (mean := _mean(makers, s, operands)) is not None:
        return mean
    static = {
        k: index_text(v, stepped(s, texts)) if k == "index" else written(v, texts)
        for k, v in s.static.items()
    }  # fmt: skip
    rank = operation.rank or ATOM
    if operation.rank and not static:
        if len(own) == 1:
            return Expression(operation.write([own[0].within(SIGN)], {}), rank)
        left = own[0].within(rank + (name in ("power", "pow")))
        if name == "add" and own[1].rank > rank and own[1].text.startswith("-"):
            return Expression(f"{left} - {own[1].text[1:]}", rank)
        return Expression(operation.write([left, own[1].within(rank, right=True)], {}), rank)
    if operation.rank:
        return Expression(f"np.{name}({', '.join([*texts, *_keywords(static)])})")
    if operation.kind in ("view", "gather", "draw") or name == "astype":
        return Expression(operation.write([e.within(ATOM) for e in own[:1]] + [
            e.text for e in own[1:]], static))  # fmt: skip
    text = operation.write([e.text for e in own], static)
    if "<" in text.split("(")[0]:
        raise Unwritable(f"{writer.title}: {name} has no source in NumPy")
    return Expression(text)


def stepped(s: Statement, texts: Sequence[str]) -> Sequence[str]:
    """The operands as text, with a slice in the place of an index that goes in equal steps."""
    index = s.static["index"] if isinstance(s.static["index"], tuple) else (s.static["index"],)
    slots = slots_of(index)
    if len(slots) != 1 or any(isinstance(part, int | np.integer) for part in index):
        return texts  # NumPy takes several to be read side by side
    x = s.operands[slots[0]]
    value = x.value if isinstance(x, Variable) else None
    if value is None or value.ndim != 1 or value.size < 2 or value.dtype.kind != "i":
        return texts
    step = int(value[1]) - int(value[0])
    if step < 1 or value[0] < 0 or (np.diff(value) != step).any():
        return texts
    whole = s.output if s.operation.name == "scatter" else s.operands[0]
    ends = len(index) == 1 and value[-1] + step >= whole.shape[0]
    parts = [str(value[0]) if value[0] else "", "" if ends else str(value[-1] + 1)]
    parts += [str(step)] if step > 1 else []
    return [":".join(parts) if k == slots[0] else text for k, text in enumerate(texts)]


def _divided(s: Statement, operands: Sequence[Expression]) -> Expression | None:
    """A product with 1 / n as a quotient: so a mean is differentiated."""
    for k, x in enumerate(s.operands):
        if isinstance(x, Literal) and isinstance(x.value, float) and 0 < x.value < 1:
            count = round(1 / x.value)
            if 1 / count == x.value and (count > 4 or count == 3):  # not ½ and ¼, as people write
                return Expression(f"{operands[1 - k].within(PRODUCT)} / {count}", PRODUCT)
    return None


def is_shift(makers: Makers, s: Statement) -> bool:
    """Whether it is the maximum that softmax subtracts, which is kept finite.

    Where nothing is masked out, a maximum that is not finite gives NaN with and without that.
    """
    condition, highest, other = s.operands
    tested = makers.get(condition)  # type: ignore[arg-type]
    largest = makers.get(highest)  # type: ignore[arg-type]
    if tested is None or largest is None or not isinstance(other, Literal):
        return False
    inner = makers.get(largest.operands[0])  # type: ignore[arg-type]
    return (
        tested.operation.name == "isfinite" and tested.operands[0] is highest
        and largest.operation.name == "max" and other.value == 0
        and not (inner is not None and inner.operation.name == "where")
    )  # fmt: skip


def _keywords(static: Mapping[str, str]) -> list[str]:
    return [f"{k}={v}" for k, v in static.items()]


def _axis(s: Statement) -> str:
    """The keywords of a reduction."""
    axis = s.static.get("axis")
    (x,) = s.operands[:1]
    if axis is not None and len(axes_of(axis, len(x.shape))) == len(x.shape):
        axis = None
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    parts = [] if axis is None else [f"axis={written(axis)}"]
    return ", ".join([*parts, *(["keepdims=True"] if s.static.get("keepdims") else [])])


def _transposed(x: str, s: Statement) -> str:
    axes = tuple(s.static["axes"])
    n = len(axes)
    if axes == (1, 0):
        return f"{x}.T"
    if axes == (*range(n - 2), n - 1, n - 2):
        return f"{x}.swapaxes(-1, -2)"
    return f"{x}.transpose({', '.join(map(str, axes))})"


def _mean(makers: Makers, s: Statement, operands: Sequence[Expression]) -> Expression | None:
    """A sum over the number of its terms."""
    x, count = s.operands
    if not isinstance(count, Literal) or not isinstance(x, Variable):
        return None
    made = makers.get(x)
    if made is None or made.operation.name != "sum" or operands[0].text.isidentifier():
        return None
    (inner,) = made.operands
    axes = axes_of(made.static.get("axis"), len(inner.shape))
    if int(np.prod([inner.shape[k] for k in axes])) != count.value:
        return None
    return Expression(re.sub(r"\.sum\(([^()]*(?:\([^()]*\))?[^()]*)\)$", r".mean(\1)",
                             operands[0].text))  # fmt: skip
