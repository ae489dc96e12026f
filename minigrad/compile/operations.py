"""What a program's statements do: each operation's meaning, and how NumPy code writes it.

An operation is a function of NumPy, or a primitive that NumPy has no function for. Elementwise
operations are also written for a single number, so that a chain of them can be one loop.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import EllipsisType
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np

from minigrad.compile.program import Slot, Statement, Variable
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.primitives.special import Special

Kind = Literal[
    "elementwise", "reduction", "view", "product", "gather", "scatter", "join", "draw", "check",
    "number", "other",
]  # fmt: skip
Write = Callable[[Sequence[str], Mapping[str, str]], str]
"""(operands, keywords), both as text → an expression."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        name: of the NumPy function or primitive.
        kind: "elementwise", where operands broadcast; "view" for what only rearranges;
            "draw" for random numbers, whose order counts; "check" for what raises an error;
            "number" for Python's own arithmetic; and others.
        run: computes it on arrays of any world.
        write: the expression in NumPy.
        rank: how strongly the expression binds: 0 for a call, else as in Python.
        into: whether NumPy can write the result into an array that is there.
        needs: names of helper functions that the expression calls.
    """

    name: str
    kind: Kind
    run: Callable[..., Any]
    write: Write
    rank: int = 0
    into: bool = False
    needs: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"


# How tightly operators of Python bind; calls, names and numbers bind tightest
SUM, PRODUCT, SIGN, POWER, CALL = 10, 11, 12, 13, 0
_INFIX: Mapping[str, tuple[str, int]] = {
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT), "remainder": ("%", PRODUCT), "floor_divide": ("//", PRODUCT),
    "power": ("**", POWER), "matmul": ("@", PRODUCT),
    "bitwise_and": ("&", 8), "bitwise_xor": ("^", 7), "bitwise_or": ("|", 6),
    "less": ("<", 5), "less_equal": ("<=", 5), "greater": (">", 5), "greater_equal": (">=", 5),
    "equal": ("==", 5), "not_equal": ("!=", 5),
}  # fmt: skip
_PREFIX: Mapping[str, tuple[str, int]] = {
    "negative": ("-", SIGN), "invert": ("~", SIGN), "positive": ("+", SIGN),
}  # fmt: skip


def _infix(sign: str) -> Write:
    return lambda x, _: f"{x[0]} {sign} {x[1]}"


def _call(path: str) -> Write:
    def write(x: Sequence[str], static: Mapping[str, str]) -> str:
        return f"{path}({', '.join([*x, *(f'{k}={v}' for k, v in static.items())])})"

    return write


def _method(name: str) -> Write:
    def write(x: Sequence[str], static: Mapping[str, str]) -> str:
        return f"{x[0]}.{name}({', '.join(f'{k}={v}' for k, v in static.items())})"

    return write


@cache
def of_ufunc(ufunc: np.ufunc) -> Operation:
    """A ufunc with one output, entry by entry."""
    name = {"true_divide": "divide", "conjugate": "conj"}.get(ufunc.__name__, ufunc.__name__)
    if getattr(np, name, None) is not ufunc:
        return _elsewhere(ufunc, name)
    write, rank = _call(f"np.{name}"), CALL
    if name in _INFIX:
        sign, rank = _INFIX[name]
        write = _infix(sign)
    elif name in _PREFIX:
        sign, rank = _PREFIX[name]
        write = _prefix(sign)
    if ufunc is np.matmul:
        return Operation("matmul", "product", _matmul, write, rank, into=True)
    return Operation(name, "elementwise", ufunc, write, rank, into=True)


def _elsewhere(function: Callable[..., Any], name: str) -> Operation:
    """A function entry by entry that is not NumPy's: SciPy's has a name in the source."""
    special = sys.modules.get("scipy.special")
    if isinstance(function, Special) or getattr(special, name, None) is function:
        return Operation(
            name, "elementwise", function, _call(f"special.{name}"), needs=("special",)
        )  # fmt: skip
    return Operation(name, "elementwise", function, _call(f"<{name}>"))


def _prefix(sign: str) -> Write:
    return lambda x, _: f"{sign}{x[0]}"


def _matmul(*operands: Any) -> Any:
    return PRIMITIVES["matmul"].bind(operands, {})


@cache
def of_function(function: Callable[..., Any], kind: Kind = "other") -> Operation:
    """A function of NumPy whose result depends on its arguments alone."""
    module = function.__module__ or "numpy"
    path = f"{module.replace('numpy', 'np', 1)}.{function.__name__}"
    return Operation(function.__name__, kind, function, _call(path))


@cache
def of_primitive(primitive: Primitive) -> Operation | None:
    """A primitive as one operation; ``None`` for one that is expanded into what it consists of."""
    if isinstance(primitive.forward, np.ufunc):
        return of_ufunc(primitive.forward)
    if isinstance(primitive.forward, Special):
        return _elsewhere(primitive.forward, primitive.forward.name)
    if PRIMITIVES.get(primitive.name) is not primitive:
        return None
    if primitive.name in _WHOLE:
        return opaque(primitive)
    known = _PRIMITIVES.get(primitive.name)
    if known is None:
        return None
    kind, write, needs = known
    rank = _INFIX.get(primitive.name, ("", CALL))[1]
    return Operation(primitive.name, kind, _applying(primitive), write, rank, needs=needs)


def _applying(primitive: Primitive) -> Callable[..., Any]:
    return lambda *operands, **static: primitive.bind(operands, static)


@cache
def opaque(primitive: Primitive) -> Operation:
    """A primitive that only Python can run: it has no source."""
    return Operation(primitive.name, "other", _applying(primitive), _call(f"<{primitive.name}>"))


def saving_of(primitive: Primitive) -> Operation:
    """The forward pass of a primitive that keeps something for its backward pass."""
    if primitive not in _saving:
        assert primitive.saving is not None
        write = _call(f"<{primitive.name}>")
        _saving[primitive] = Operation(primitive.name, "other", primitive.saving, write)
    return _saving[primitive]


def backward_of(primitive: Primitive) -> Operation:
    """The backward pass of such a primitive: the cotangents of all operands that have one."""

    def pull(g: Any, y: Any, saved: Any, *operands: Any, **static: Any) -> Any:
        assert primitive.backward is not None
        parts = primitive.backward(g, y, saved, *operands, **static)
        found = [part for part in parts if part is not None]
        return found[0] if len(found) == 1 else found

    if primitive not in _backward:
        name = f"backward of {primitive.name}"
        _backward[primitive] = Operation(name, "other", pull, _call(f"<{name}>"))
    return _backward[primitive]


_saving: MutableMapping[Primitive, Operation] = WeakKeyDictionary()
_backward: MutableMapping[Primitive, Operation] = WeakKeyDictionary()


# Keywords as text


def written(value: Any, slots: Sequence[str] = ()) -> str:
    """A keyword's value in Python."""
    if isinstance(value, Slot):
        return slots[value.position]
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return f"np.{np.dtype(value).name.replace('bool', 'bool_')}"
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, tuple):
        parts = [written(part, slots) for part in value]
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(written(part, slots) for part in value)}]"
    if isinstance(value, slice):
        return f"slice({written(value.start)}, {written(value.stop)}, {written(value.step)})"
    if isinstance(value, np.generic):
        return repr(value.item())
    return repr(value)


def index_text(index: Any, slots: Sequence[str] = ()) -> str:
    """An index as it stands between brackets."""
    parts = index if isinstance(index, tuple) else (index,)
    return ", ".join(_index_part(part, slots) for part in parts) or "()"


def _index_part(part: Any, slots: Sequence[str]) -> str:
    if isinstance(part, slice):
        start = None if part.start == 0 and (part.step or 1) > 0 else part.start
        texts = ["" if x is None else str(x) for x in (start, part.stop, part.step)]
        return ":".join(texts if texts[2] else texts[:2])
    if isinstance(part, EllipsisType):
        return "..."
    return written(part, slots)


def _reshape(x: Sequence[str], static: Mapping[str, str]) -> str:
    return f"{x[0]}.reshape({static['shape'][1:-1].rstrip(',') or '()'})"


def _transpose(x: Sequence[str], static: Mapping[str, str]) -> str:
    axes = static.get("axes", "None")
    return f"{x[0]}.T" if axes == "None" else f"{x[0]}.transpose{axes}"


def _getitem(x: Sequence[str], static: Mapping[str, str]) -> str:
    return f"{x[0]}[{static['index']}]"


def _swapaxes(x: Sequence[str], static: Mapping[str, str]) -> str:
    return f"{x[0]}.swapaxes({static['axis1']}, {static['axis2']})"


def _joined(name: str) -> Write:
    def write(x: Sequence[str], static: Mapping[str, str]) -> str:
        axis = static.get("axis", "0")
        return f"np.{name}([{', '.join(x)}]{f', axis={axis}' if axis != '0' else ''})"

    return write


def _reduction(name: str) -> Write:
    def write(x: Sequence[str], static: Mapping[str, str]) -> str:
        kept = {k: v for k, v in static.items() if (k, v) not in _DEFAULTS}
        return f"{x[0]}.{name}({', '.join(f'{k}={v}' for k, v in kept.items())})"

    return write


_DEFAULTS = {("axis", "None"), ("keepdims", "False")}


def _einsum(x: Sequence[str], static: Mapping[str, str]) -> str:
    return f"np.einsum({', '.join([static['subscripts'], *x])})"


def _fourier(x: Sequence[str], static: Mapping[str, str]) -> str:
    name = "ifft" if static["inverse"] == "True" else "fft"
    norm = f", norm={static['norm']}" if static["norm"] != "None" else ""
    return f"np.fft.{name}({x[0]}, axis={static['axis']}{norm})"


def _helper(name: str) -> Write:
    return _call(name)


_PRIMITIVES: Mapping[str, tuple[Kind, Write, tuple[str, ...]]] = {
    "reshape": ("view", _reshape, ()),
    "transpose": ("view", _transpose, ()),
    "swapaxes": ("view", _swapaxes, ()),
    "broadcast_to": ("view", lambda x, s: f"np.broadcast_to({x[0]}, {s['shape']})", ()),
    "getitem": ("gather", _getitem, ()),
    "scatter": ("scatter", _helper("scatter"), ("scatter",)),
    "where": ("elementwise", _call("np.where"), ()),
    "astype": ("elementwise", lambda x, s: f"{x[0]}.astype({s['dtype']})", ()),
    "sum": ("reduction", _reduction("sum"), ()),
    "max": ("reduction", _reduction("max"), ()),
    "min": ("reduction", _reduction("min"), ()),
    "cumsum": ("other", _call("np.cumsum"), ()),
    "concatenate": ("join", _joined("concatenate"), ()),
    "stack": ("join", _joined("stack"), ()),
    "matmul": ("product", _infix("@"), ()),
    "einsum": ("product", _einsum, ()),
    "windows": ("other", _helper("windows"), ("windows",)),
    "overlap_add": ("other", _helper("overlap_add"), ("overlap_add",)),
    "sigmoid": ("elementwise", _helper("sigmoid"), ("sigmoid",)),
    "softplus": ("elementwise", _helper("softplus"), ("softplus",)),
    "erf": ("elementwise", _helper("erf"), ("erf",)),
    "real": ("other", lambda x, _: f"np.array(np.real({x[0]}))", ()),
    "inv": ("other", _call("np.linalg.inv"), ()),
    "det": ("other", _call("np.linalg.det"), ()),
    "cholesky": ("other", _call("np.linalg.cholesky"), ()),
    "solve": ("other", _call("np.linalg.solve"), ()),
    "pinv": ("other", _call("np.linalg.pinv"), ()),
    "conj": ("elementwise", _call("np.conj"), ()),
    "dft": ("other", _fourier, ()),
    "logabsdet": ("other", lambda x, _: f"np.linalg.slogdet({x[0]})[1]", ()),
}  # fmt: skip


_WHOLE = frozenset({"eig", "eigh", "qr", "svd"})
"""Primitives that LAPACK computes and no formula of NumPy's expands."""


def _number(name: str, function: Callable[..., Any], sign: str, rank: int) -> Operation:
    write = _infix(sign) if sign in _SIGNS else _prefix(sign)
    return Operation(name, "number", function, write, rank)


_SIGNS = {"+", "-", "*", "/", "**", "%", "//", "<", "<=", ">", ">=", "==", "!="}
NUMBER: Mapping[str, Operation] = {
    "add": _number("add", operator.add, "+", SUM),
    "sub": _number("sub", operator.sub, "-", SUM),
    "mul": _number("mul", operator.mul, "*", PRODUCT),
    "truediv": _number("truediv", operator.truediv, "/", PRODUCT),
    "floordiv": _number("floordiv", operator.floordiv, "//", PRODUCT),
    "mod": _number("mod", operator.mod, "%", PRODUCT),
    "pow": _number("pow", operator.pow, "**", POWER),
    "lt": _number("lt", operator.lt, "<", 5), "le": _number("le", operator.le, "<=", 5),
    "gt": _number("gt", operator.gt, ">", 5), "ge": _number("ge", operator.ge, ">=", 5),
    "eq": _number("eq", operator.eq, "==", 5), "ne": _number("ne", operator.ne, "!=", 5),
    "neg": Operation("neg", "number", operator.neg, _prefix("-"), SIGN),
    "invert": Operation("invert", "number", operator.invert, _prefix("~"), SIGN),
    "abs": Operation("abs", "number", abs, _call("abs")),
}  # fmt: skip
"""Arithmetic of Python numbers, which stay Python numbers."""


def _put(base: Any, value: Any, *, index: Any, add: bool) -> Any:
    """``base`` with ``value`` at ``index``, or added there; the base is left as it was."""
    out = np.array(base)
    if not add:
        out[index] = value
    elif is_basic(index):
        out[index] += value
    else:
        np.add.at(out, index, value)
    return out


def is_basic(index: Any) -> bool:
    """Whether an index is made of slices, whole numbers and new axes: it gives a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis
        or (isinstance(part, int | np.integer | slice) and not isinstance(part, bool))
        for part in parts
    )  # fmt: skip


def never_repeats(s: Statement) -> bool:
    """Whether an index names no entry twice, as far as its constants show."""
    index = s.static["index"]
    if is_basic(index):
        return True
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [s.operands[part.position] for part in parts if isinstance(part, Slot)]
    if len(arrays) == 1 and arrays[0].dtype == bool:
        return True
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    known = (x.value for x in arrays if isinstance(x, Variable) and x.shape == shape)
    return any(
        value is not None and value.min(initial=0) >= 0 and np.unique(value).size == value.size
        for value in known
    )


PUT = Operation("put", "scatter", _put, _helper("put"), needs=("put",))
"""An array with some of its entries set, or added to."""


def _draw(generator: Any, *, method: str, arguments: tuple[Any, ...], **keywords: Any) -> Any:
    return getattr(generator, method)(*arguments, **keywords)


def _write_draw(x: Sequence[str], static: Mapping[str, str]) -> str:
    keywords = [f"{k}={v}" for k, v in static.items() if k not in ("method", "arguments")]
    arguments = [static["arguments"][1:-1].rstrip(",")] if static["arguments"] != "()" else []
    return f"{x[0]}.{static['method'].strip(chr(39))}({', '.join([*arguments, *keywords])})"


DRAW = Operation("draw", "draw", _draw, _write_draw)
"""Random numbers of a generator: one call of a method of it."""


def _check(condition: Any, *arrays: Any, error: Callable[..., Exception]) -> None:
    if not np.all(condition):
        raise error(*arrays)


def _write_check(x: Sequence[str], static: Mapping[str, str]) -> str:
    return f"assert {x[0]}.all()"


CHECK = Operation("check", "check", _check, _write_check)
"""An error unless a condition holds in every entry."""
