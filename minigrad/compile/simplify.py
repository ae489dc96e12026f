"""A program made shorter: the same values, with less work.

Each statement is written down again by rules that look at what its operands are: equal statements
once, nothing that does nothing (times 1, plus 0, a reshape to the same shape), rearrangements of
rearrangements as one, no array where one number will do, sums that undo broadcasting without the
axes that they keep, gradients of parts added into one array instead of many that are mostly 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.compile.operations import PUT, Operation, is_basic, of_primitive, of_ufunc
from minigrad.compile.program import Literal, Operand, Program, Slot, Statement, Variable, needed
from minigrad.compile.trace import frozen
from minigrad.primitives import PRIMITIVES
from minigrad.primitives.axes import axes_of


def simplified(program: Program) -> Program:
    """The same program, shorter.

    Example:
        >>> from minigrad.compile.simplify import simplified
        >>> from minigrad.compile.trace import Trace
        >>> trace = Trace("example")
        >>> x = trace.array(np.ones((2, 3)))
        >>> y = (x.T.T * 1.0 + 0.0).reshape(2, 3) - np.negative(x)
        >>> simplified(trace.program([y.variable])).statements[0].operation
        <add>
    """
    return _Rewriting(program).run()


class _Rewriting:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.statements: list[Statement] = []
        self.new: dict[Variable, Operand] = {}
        self.known: dict[Any, tuple[Variable, ...]] = {}
        self.made: dict[Variable, Statement] = {}
        self.number: dict[Variable, int] = {}
        self.uses: Counter[Variable] = Counter(  # how often a variable of the old program is read
            x for x in program.operands() if isinstance(x, Variable)
        )
        self.read: Counter[Variable] = Counter()  # and of the new one, as far as it is written

    def run(self) -> Program:
        for variable in self.program.inputs:
            self._seen(variable)
        for statement in self.program.statements:
            operands = tuple(self.value(x) for x in statement.operands)
            if len(statement.outputs) == 1 and statement.operation.kind not in ("draw", "check"):
                result = self.emit(statement.operation, operands, statement.static,
                                   statement.outputs[0])  # fmt: skip
                self.new[statement.outputs[0]] = result
                if isinstance(result, Variable):
                    self.read[result] += self.uses[statement.outputs[0]]
            else:
                self._append(Statement(statement.operation, operands, statement.static,
                                       statement.outputs))  # fmt: skip
        outputs = tuple(
            self.shaped(self.value(x), x.shape, x) if isinstance(x, Variable) else x
            for x in self.program.outputs
        )
        return Program(self.program.inputs, needed(self.statements, outputs), outputs)

    def value(self, x: Operand) -> Operand:
        """What stands for an operand now; an array of one number is that number."""
        if isinstance(x, Literal):
            return x
        if x not in self.new:
            self.new[x] = x
            self._seen(x)
        return self.new[x]

    def _seen(self, variable: Variable) -> None:
        self.number.setdefault(variable, len(self.number))

    def _append(self, statement: Statement) -> None:
        self.statements.append(statement)
        for variable in statement.outputs:
            self._seen(variable)
            self.made[variable] = statement

    def maker(self, x: Operand) -> tuple[str, Statement | None]:
        """The name of the operation that made it."""
        statement = self.made.get(x) if isinstance(x, Variable) else None
        return ("", None) if statement is None else (statement.operation.name, statement)

    # Statements

    def emit(
        self, operation: Operation, operands: tuple[Operand, ...], static: Mapping[str, Any],
        like: Variable,
    ) -> Operand:  # fmt: skip
        """The value of a statement: of a new one, or of whatever is equal to it.

        Args:
            operation: what to do.
            operands: already simplified.
            static: its keywords.
            like: a variable of the shape and type of the result.
        """
        elementwise = operation.kind == "elementwise"
        numbers = [self._constant(x) if elementwise else x for x in operands]
        found = [x.value for x in numbers if isinstance(x, Literal)]
        if len(found) == len(operands) and (elementwise or not like.shape):
            with np.errstate(all="ignore"):
                value = Statement(operation, operands, static, ()).run(found)
            return self.shaped(Literal(value), like.shape, like)
        rule = _RULES.get(operation.name)
        if elementwise:
            for k in range(len(operands)):
                narrow = self._narrow(k, operands, like)
                operands = (*operands[:k], narrow, *operands[k + 1 :])
        if rule is not None:
            result = rule(self, operands, static, like)
            if result is not None:
                result = self.shaped(result, like.shape, like)
                if isinstance(result, Variable):
                    result.name, result.of = result.name or like.name, result.of or like.of
                return result
        return self.state(operation, operands, static, like)

    def _constant(self, x: Operand) -> Literal | None:
        """The number that an operand is, or that stands in all its places, with its type."""
        name, statement = self.maker(x)
        inner = _number(statement.operands[0] if name == "broadcast_to" and statement else x)
        if inner is None or x.weak or not inner.weak:
            return inner
        return Literal(np.asarray(inner.value).astype(x.dtype)[()])

    def state(
        self, operation: Operation, operands: tuple[Operand, ...], static: Mapping[str, Any],
        like: Variable,
    ) -> Variable:  # fmt: skip
        """The output of a statement, as it stands; of an equal one if there is one."""
        keys = [_key(x, self.number) for x in operands]
        key = operation, tuple(sorted(keys) if operation.name in _COMMUTE else keys), frozen(static)
        if key not in self.known:
            output = like
            if like in self.made or like in self.number:
                output = _again(like)
                output.name, output.of = like.name, like.of
            self._append(Statement(operation, operands, static, (output,)))
            self.known[key] = (output,)
        return self.known[key][0]

    def primitive(
        self, name: str, operands: tuple[Operand, ...], like: Variable, **static: Any
    ) -> Operand:
        """The value of a primitive's statement, with a result like this variable."""
        operation = of_primitive(PRIMITIVES[name])
        assert operation is not None
        return self.emit(operation, operands, static, like)

    def _narrow(self, k: int, operands: Sequence[Operand], like: Variable) -> Operand:
        """An operand before it was broadcast, where the result has its shape anyway."""
        x = operands[k]
        name, statement = self.maker(x)
        inner: Operand | None = None
        if name == "broadcast_to" and statement is not None:
            inner = statement.operands[0]
        elif isinstance(x, Variable) and x.value is not None and (one := _number(x)) is not None:
            inner = one
        if inner is None:
            return x
        others = [y.shape for j, y in enumerate(operands) if j != k]
        if np.broadcast_shapes(inner.shape, *others) != like.shape:
            return x
        return inner

    def shaped(self, x: Operand, shape: tuple[int, ...], like: Variable) -> Operand:
        """A value in this shape and type."""
        if isinstance(x, Literal) and not like.weak and x.dtype != like.dtype:
            x = Literal(np.asarray(x.value).astype(like.dtype)[()])
        if x.shape == shape:
            return x
        target = Variable(shape, like.dtype, place=like.place, through=like.through)
        return self.primitive("broadcast_to", (x,), target, shape=shape)


def _key(x: Operand, number: Mapping[Variable, int]) -> tuple[int, str, str]:
    if isinstance(x, Literal):
        return -1, type(x.value).__name__, repr(x.value)
    return number[x], "", ""


def _number(x: Operand) -> Literal | None:
    """The number that stands in every place of a constant."""
    if isinstance(x, Literal):
        return x
    if x.value is None or x.value.size == 0 or x.value.dtype == object:
        return None
    first = x.value.flat[0]  # the bytes tell -0 from 0
    alike = (x.value == first).all() and x.value.tobytes() == first.tobytes() * x.value.size
    return Literal(first) if alike else None


_COMMUTE = frozenset({"add", "multiply", "maximum", "minimum", "logical_and", "logical_or"})


def _is(x: Operand, number: float) -> bool:
    """Whether an operand is this number."""
    return isinstance(x, Literal) and not isinstance(x.value, bool | np.bool_) and bool(
        np.all(x.value == number)
    )  # fmt: skip


def _same_kind(x: Operand, like: Variable) -> bool:
    return x.dtype == like.dtype and (isinstance(x, Literal) or x.weak == like.weak)


Operands = tuple[Operand, ...]


def _add(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    for a, b in ((x[0], x[1]), (x[1], x[0])):
        if _is(b, 0) and _same_kind(a, like):
            return a
        name, statement = r.maker(b)
        if statement is None:
            continue
        if name == "negative":
            return r.emit(of_ufunc(np.subtract), (a, statement.operands[0]), {}, like)
        if name == "scatter" and a.shape == like.shape and _same_kind(a, like):
            index = statement.static["index"]
            return r.state(PUT, (a, *statement.operands), {"index": _shifted(index), "add": True},
                           like)  # fmt: skip
    return None


def _shifted(index: Any) -> Any:
    """An index whose slots count one more operand before them."""
    if isinstance(index, Slot):
        return Slot(index.position + 1)
    if isinstance(index, tuple):
        return tuple(_shifted(part) for part in index)
    return index


def _subtract(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    a, b = x
    if _is(b, 0) and _same_kind(a, like):
        return a
    if _is(a, 0) and _same_kind(b, like):
        return r.emit(of_ufunc(np.negative), (b,), {}, like)
    name, statement = r.maker(b)
    if name == "negative" and statement is not None:
        return r.emit(of_ufunc(np.add), (a, statement.operands[0]), {}, like)
    return None


def _multiply(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    for a, b in ((x[0], x[1]), (x[1], x[0])):
        if _is(b, 1) and _same_kind(a, like):
            return a
        if _is(b, -1) and _same_kind(a, like):
            return r.emit(of_ufunc(np.negative), (a,), {}, like)
        name, statement = r.maker(b)
        if name in ("divide", "truediv") and statement is not None and (
            _is(statement.operands[0], 1) and r.read[b] == 1  # type: ignore[index]
        ):  # fmt: skip
            below = statement.operands[1]  # a · (1 / b) is a / b
            if (_same_kind(a, like) and below.weak) or (
                b.dtype == like.dtype == _quotient(a, below)
            ):  # fmt: skip
                return r.emit(of_ufunc(np.divide), (a, below), {}, like)
    return None


def _quotient(a: Operand, b: Operand) -> np.dtype | None:
    """The type of a / b, unless one of them is a Python number."""
    return None if a.weak or b.weak else np.true_divide.resolve_dtypes((a.dtype, b.dtype, None))[2]


def _divide(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    return x[0] if _is(x[1], 1) and _same_kind(x[0], like) else None


def _negative(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    name, statement = r.maker(x[0])
    if name == "negative" and statement is not None:
        return statement.operands[0]
    if name == "broadcast_to" and statement is not None:
        (inner,) = statement.operands
        turned = Variable(inner.shape, like.dtype, like.weak, place=like.place)
        negated = r.emit(of_ufunc(np.negative), (inner,), {}, turned)
        return r.primitive("broadcast_to", (negated,), like, shape=like.shape)
    return None


def _power(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    base, exponent = x
    if static or not _same_kind(base, like) or not isinstance(exponent, Literal):
        return None
    if _is(exponent, 1):
        return base
    if _is(exponent, 2):
        return r.emit(of_ufunc(np.square), (base,), {}, like)
    if _is(exponent, 3):
        squared = r.emit(of_ufunc(np.square), (base,), {}, _again(like))
        return r.emit(of_ufunc(np.multiply), (squared, base), {}, like)
    if _is(exponent, 0.5) and like.dtype is not None and like.dtype.kind == "f":
        return r.emit(of_ufunc(np.sqrt), (base,), {}, like)
    if _is(exponent, -1) and like.dtype is not None and like.dtype.kind == "f":
        return r.emit(of_ufunc(np.divide), (Literal(1), base), {}, like)
    return None


def _again(like: Variable) -> Variable:
    return Variable(like.shape, like.dtype, like.weak, place=like.place, through=like.through)


def _reshape(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    (a,) = x
    if a.shape == like.shape:
        return a
    name, statement = r.maker(a)
    if statement is None:
        return None
    inner = statement.operands[0]
    if name == "reshape":
        return r.primitive("reshape", (inner,), like, shape=like.shape)
    if name == "broadcast_to" and all(n == 1 for n in inner.shape) and (
        len(inner.shape) <= len(like.shape)
    ):  # fmt: skip
        return r.primitive("broadcast_to", (inner,), like, shape=like.shape)
    if name == "negative" and r.read[a] == 1 and r.maker(inner)[0] == "sum":  # type: ignore[index]
        turned = r.primitive("reshape", (inner,), _again(like), shape=like.shape)
        return r.emit(of_ufunc(np.negative), (turned,), {}, like)
    if name in ("sum", "max", "min") and statement.static.get("keepdims"):
        axis = axes_of(statement.static.get("axis"), len(inner.shape))
        lost = tuple(n for k, n in enumerate(inner.shape) if k not in axis)
        if lost == like.shape:
            return r.primitive(name, (inner,), like, axis=statement.static.get("axis"),
                               keepdims=False)  # fmt: skip
    return None


def _transpose(
    r: _Rewriting, x: tuple[Operand, ...], static: Any, like: Variable
) -> Operand | None:
    (a,) = x
    n = len(a.shape)
    axes = static.get("axes")
    axes = tuple(range(n))[::-1] if axes is None else tuple(int(k) % n for k in axes)
    return _permuted(r, a, axes, like)


def _swapaxes(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    (a,) = x
    axes = list(range(len(a.shape)))
    one, other = static["axis1"] % len(axes), static["axis2"] % len(axes)
    axes[one], axes[other] = axes[other], axes[one]
    return _permuted(r, a, tuple(axes), like)


def _permuted(r: _Rewriting, a: Operand, axes: tuple[int, ...], like: Variable) -> Operand | None:
    """The one transposition that brings axes into this order."""
    name, statement = r.maker(a)
    if name == "matmul" and statement is not None and r.read[a] == 1:  # type: ignore[index]
        turned = (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2)
        if axes == turned and all(len(y.shape) == len(axes) for y in statement.operands):
            left, right = (_turned(r, y, like) for y in statement.operands[::-1])
            return r.emit(statement.operation, (left, right), {}, like)
    if name == "transpose" and statement is not None:
        inner = statement.static["axes"]
        a, axes = statement.operands[0], tuple(inner[k] for k in axes)
    if axes == tuple(range(len(axes))):
        return a
    if isinstance(a, Literal):
        return a
    operation = of_primitive(PRIMITIVES["transpose"])
    assert operation is not None
    return r.state(operation, (a,), {"axes": axes}, like)


def _turned(r: _Rewriting, x: Operand, like: Variable) -> Operand:
    """The transpose of a matrix, or of each of several."""
    axes = (*range(len(x.shape) - 2), len(x.shape) - 1, len(x.shape) - 2)
    shape = tuple(x.shape[k] for k in axes)
    turned = Variable(shape, x.dtype, place=like.place, through=like.through)
    return r.primitive("transpose", (x,), turned, axes=axes)


def _broadcast(
    r: _Rewriting, x: tuple[Operand, ...], static: Any, like: Variable
) -> Operand | None:
    (a,) = x
    if a.shape == like.shape:
        return a
    name, statement = r.maker(a)
    if name == "broadcast_to" and statement is not None:
        return r.primitive("broadcast_to", statement.operands, like, shape=like.shape)
    if isinstance(a, Variable) and (number := _number(a)) is not None:
        return r.primitive("broadcast_to", (number,), like, shape=like.shape)
    return None


def _sum(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    (a,) = x
    if set(static) - {"axis", "keepdims"} or not _same_kind(a, like):
        return None
    axis = axes_of(static.get("axis"), len(a.shape))
    if all(a.shape[k] == 1 for k in axis):
        return r.primitive("reshape", (a,), like, shape=like.shape)
    name, statement = r.maker(a)
    if name == "negative" and statement is not None and r.read[a] == 1:  # type: ignore[index]
        total = r.primitive("sum", statement.operands, _again(like), **static)
        return r.emit(of_ufunc(np.negative), (total,), {}, like)
    number = statement.operands[0] if name == "broadcast_to" and statement is not None else None
    if isinstance(number, Literal):
        count = 1
        for k in axis:
            count *= a.shape[k]
        value = np.asarray(number.value * np.asarray(count, a.dtype))
        return Literal(value.astype(like.dtype)[()])
    return None


def _astype(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    (a,) = x
    if isinstance(a, Literal):
        return Literal(np.asarray(a.value).astype(static["dtype"])[()])
    return a if _same_kind(a, like) else None


def _getitem(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    """Parts of joined arrays, and of arrays of one number."""
    if len(x) != 1 or not is_basic(static["index"]):
        return _along(r, x, static, like)
    if all(n == 1 for n in like.shape) and all(n == 1 for n in x[0].shape):
        return r.primitive("reshape", x, like, shape=like.shape)
    if isinstance(static["index"], tuple) and _only_ones(static["index"], x[0].shape):
        return r.primitive("reshape", x, like, shape=like.shape)
    name, statement = r.maker(x[0])
    if statement is None:
        return None
    if name == "broadcast_to" and isinstance(statement.operands[0], Literal):
        return r.primitive("broadcast_to", statement.operands, like, shape=like.shape)
    index = static["index"] if isinstance(static["index"], tuple) else (static["index"],)
    if name == "stack":
        axis = statement.static.get("axis", 0) % len(x[0].shape)
        whole = (slice(None),) * axis
        if index[:axis] == whole and len(index) == axis + 1 and isinstance(index[axis], int):
            return statement.operands[index[axis]]
    return None


def _only_ones(index: tuple[Any, ...], shape: tuple[int, ...]) -> bool:
    """Whether an index takes away or adds axes of length 1, and does nothing else."""
    given = [part for part in index if part is not None]
    if Ellipsis in given:
        at = given.index(Ellipsis)
        whole = [slice(None)] * (len(shape) - len(given) + 1)
        given = [*given[:at], *whole, *given[at + 1 :]]
    return all(
        part == slice(None) or (isinstance(part, int) and n == 1)
        for part, n in zip(given, shape, strict=False)
    )


def _along(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    """The positions of entries along an axis, and then these entries: `np.take_along_axis`."""
    if len(x) != 2 or static["index"] != Slot(1):
        return None
    name, flat = r.maker(x[0])
    positions, chosen = r.maker(x[1])
    if name != "reshape" or positions != "take_along_axis" or flat is None or chosen is None:
        return None
    (whole,), (numbers, index) = flat.operands, chosen.operands
    if not isinstance(numbers, Variable) or numbers.value is None or numbers.shape != whole.shape:
        return None
    if not (numbers.value.ravel() == np.arange(numbers.size)).all():
        return None
    return r.state(chosen.operation, (whole, index), chosen.static, like)


def _scatter(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    """A part that is the whole, in another shape."""
    index = static["index"] if isinstance(static["index"], tuple) else (static["index"],)
    if len(x) == 1 and is_basic(index) and _only_ones(index, like.shape) and (
        x[0].dtype == like.dtype and int(np.prod(x[0].shape)) == like.size
    ):  # fmt: skip
        return r.primitive("reshape", x, like, shape=like.shape)
    return None


def _where(r: _Rewriting, x: Operands, static: Any, like: Variable) -> Operand | None:
    _, a, b = x
    return a if a == b and isinstance(a, Variable) and _same_kind(a, like) else None


_RULES: Mapping[str, Any] = {
    "add": _add, "subtract": _subtract, "multiply": _multiply, "divide": _divide,
    "negative": _negative, "power": _power, "reshape": _reshape, "transpose": _transpose,
    "swapaxes": _swapaxes, "broadcast_to": _broadcast, "sum": _sum, "astype": _astype,
    "getitem": _getitem, "where": _where, "scatter": _scatter,
}  # fmt: skip
