"""A program as JavaScript over Float64Array, for pages that compute.

Every statement is a loop nest over arrays that are made once. Views are no copies: NumPy itself
says where the entries of a view lie, by the strides of a stand-in of one byte per entry. Equal
loops are one function, which many statements call, so a long sequence is a short text.

Example:
    >>> from minigrad.compile.javascript_code import written
    >>> from minigrad.compile.trace import Trace
    >>> trace = Trace("example", whole=False)
    >>> x = trace.array(np.ones((2, 3)))
    >>> script = written(trace.program([np.tanh(x.T).variable]))
    >>> "for(let i=0;i<3;i++)for(let j=0;j<2;j++)o[2*i+j]=Math.tanh(a[i+3*j])" in script.text
    True
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, NoReturn

import numpy as np

from minigrad.compile.javascript_formulas import (
    CHECKED,
    ELEMENTWISE,
    EXACT,
    FLAGS,
    REDUCTIONS,
    number_text,
)
from minigrad.compile.operations import CALL, Operation
from minigrad.compile.program import Literal, Operand, Program, Slot, Statement, Variable, needed
from minigrad.compile.strides import Model, Places, along, cut, joined
from minigrad.compile.trace import quoted_place
from minigrad.primitives import PRIMITIVES
from minigrad.primitives.axes import axes_of


class JavaScriptError(ValueError):
    """What has no JavaScript, and what to do instead."""


@dataclass(frozen=True)
class Script:
    """A program in JavaScript.

    Attributes:
        text: an expression: an object of ``arrays``, all Float64Arrays by number, and
            ``run(held)``, which computes them anew from the inputs. ``held[n]`` is undefined,
            or the entries that `HOLD` number n holds: an array with NaN for those that it lets
            through.
        inputs: the number of the array of each input, for the caller to fill.
        outputs: the number of the array of each output, its entries in order.
    """

    text: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def _same(x: Any, *, number: int) -> Any:
    return x


def _no_text(*_: Any) -> str:
    raise NotImplementedError("only a page can hold a value")


HOLD = Operation("hold", "other", _same, _no_text, CALL)
"""An array in which a reader may hold entries at numbers of their own."""

RELEASE = Operation("release", "other", _same, _no_text, CALL)
"""Its adjoint: nothing goes back through an entry that is held."""


def written(program: Program) -> Script:
    """The program in JavaScript.

    Raises:
        JavaScriptError: it has an operation, or a type of number, that the writer does not know.
    """
    return _Writer(program).write()


_VIEWS: Mapping[str, Callable[..., Any]] = {
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes=None: x.transpose(axes),
    "swapaxes": lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
}
_LETTERS = "abcdefgh"


class _Writer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.sizes: list[int | tuple[int, int]] = []  # of arrays; or (array, start) of a part
        self.parts: dict[tuple[int, int], int] = {}
        self.bases: list[Model] = []
        self.at: dict[Variable, tuple[int, Model]] = {}  # its array, and where in it
        self.constants: dict[int, list[float]] = {}
        self.maps: dict[tuple[Any, ...], int] = {}  # of places that are known, or (size, number)
        self.loops: dict[str, int] = {}
        self.body: list[str] = []
        self.statement: Statement | None = None

    def write(self) -> Script:
        inputs = tuple(self.new(x)[0] for x in self.program.inputs)
        for x in self.program.constants():
            assert x.value is not None
            if x.value.dtype != float and x.value.dtype.kind not in "biu":
                self.refuse(f"of numbers of type {x.value.dtype} has no JavaScript", x.place)
            number, _ = self.new(x)
            self.constants[number] = x.value.ravel().astype(float).tolist()
        for statement in needed(self.program.statements, self.program.outputs):
            self.statement = statement
            self.one(statement)
        self.statement = None
        outputs = tuple(self.whole(x) for x in self.program.outputs)
        return Script(self.text(), inputs, outputs)

    def text(self) -> str:
        runtime = resources.files("minigrad.compile").joinpath("runtime.js").read_text("utf-8")
        constants = ",".join(
            f"[{number},[{','.join(map(number_text, values))}]]"
            for number, values in self.constants.items()
        )
        maps = [key[1:] if key[0] == "known" else key[0] for key in self.maps]
        return "\n".join([
            "(() => {", runtime.strip(),
            f"const v = arrays({json.dumps(self.sizes, separators=(',', ':'))});",
            f"for (const [n, entries] of [{constants}]) v[n].set(entries);",
            f"const m = {json.dumps(maps, separators=(',', ':'))}"
            ".map((places) => new Int32Array(places));",
            "const f = [", *(f"  {loop}," for loop in self.loops), "];",
            "return { arrays: v, run(held) {", *self.body, "}};", "})()",
        ])  # fmt: skip

    # Arrays

    def new(self, x: Variable) -> tuple[int, Model]:
        """An array of its own."""
        number = len(self.sizes)
        self.sizes.append(x.size)
        self.bases.append(np.empty(x.size, np.int8))
        self.at[x] = number, self.bases[-1].reshape(x.shape)
        return self.at[x]

    def start(self, number: int, model: Model) -> int:
        """Where a view starts in its array."""
        return int(model.ctypes.data - self.bases[number].ctypes.data) if model.size else 0

    def fills(self, number: int, model: Model) -> bool:
        """Whether a view is its whole array, in order."""
        return bool(
            model.flags.c_contiguous and model.size == self.bases[number].size
            and self.start(number, model) == 0
        )  # fmt: skip

    def dense(self, x: Variable) -> int:
        """The array that has its entries in order, and nothing else."""
        number, model = self.at[x]
        if self.fills(number, model):
            return number
        copy = Variable(x.shape, x.dtype)
        target = self.new(copy)
        self.loop([x], "{0}", target)
        self.at[x] = target
        return target[0]

    def whole(self, x: Operand) -> int:
        """The array of an output."""
        if isinstance(x, Variable):
            return self.dense(x)
        number, _ = self.new(Variable((), np.dtype(float)))
        self.constants[number] = [float(x.value)]
        return number

    def part(self, number: int, start: int) -> str:
        """An array from a place on."""
        if start == 0:
            return f"v[{number}]"
        if (number, start) not in self.parts:
            self.parts[number, start] = len(self.sizes)
            self.sizes.append((number, start))
            self.bases.append(self.bases[number][start:])
        return f"v[{self.parts[number, start]}]"

    # Loops

    def call(self, loop: str, arguments: Iterable[str]) -> None:
        """A statement that runs a loop."""
        number = self.loops.setdefault(loop, len(self.loops))
        self.body.append(f"f[{number}]({','.join(arguments)});")

    def places(self, shape: tuple[int, ...], views: Sequence[tuple[int, Model]]) -> Places:
        """Where the entries of views of one shape lie; each an array from its lowest place on."""
        found = Places.of(shape, [model for _, model in views])
        found.parts = self.lowest(views, found.constants)
        return found

    def lowest(self, views: Sequence[tuple[int, Model]], constants: Sequence[int]) -> list[str]:
        """Arrays, each from the lowest place of a view on."""
        return [
            self.part(number, self.start(number, model) - low if model.size else 0)
            for (number, model), low in zip(views, constants, strict=True)
        ]

    def loop(self, operands: Sequence[Operand], formula: str, target: tuple[int, Model]) -> None:
        """Entry by entry into a place: a formula of operands that broadcast."""
        _, model = target
        views = [self.at[x] for x in operands if isinstance(x, Variable)]
        spread = [(n, np.broadcast_to(m, model.shape)) for n, m in views]
        found = self.places(model.shape, [target, *spread])
        names = iter([f"{name}[{found.index(k + 1)}]"
                      for k, name in zip(range(len(views)), _LETTERS, strict=False)])  # fmt: skip
        texts = [next(names) if isinstance(x, Variable) else number_text(x.value) for x in operands]
        body = f"o[{found.index(0)}]={formula.format(*texts)}"
        self.call(f"({_names(len(views))})=>{{{found.heads()}{body}}}", found.parts)

    # Statements

    def one(self, s: Statement) -> None:
        operation, name = s.operation, s.operation.name
        if len(s.outputs) != 1 or s.output.dtype is None or operation.kind in ("draw", "check"):
            self.refuse()
        for x in (*s.operands, s.output):
            if x.dtype is not None and x.dtype != float and x.dtype.kind not in "biu":
                self.refuse(f"of numbers of type {x.dtype} has no JavaScript")
        if operation in (HOLD, RELEASE):
            self.held(s)
        elif operation.kind == "elementwise" or name in ("isneginf", "isposinf"):  # no ufuncs
            self.elementwise(s)
        elif name in REDUCTIONS:
            self.reduction(s)
        elif name in _VIEWS:
            self.view(s, lambda model: _VIEWS[name](model, **s.static))
        elif name in ("matmul", "einsum"):
            self.contraction(s)
        else:
            writer = getattr(self, f"_{name}", None)
            if writer is None:
                self.refuse()
            writer(s)

    def refuse(self, what: str = "has no JavaScript", place: str = "") -> NoReturn:
        """Say what cannot be written.

        Raises:
            JavaScriptError: always.
        """
        name = "a constant"
        if self.statement is not None:
            name = self.statement.operation.name
            place = self.statement.outputs[0].place
        raise JavaScriptError(
            f"JavaScript: {quoted_place(place)}: {name} {what}; save the page without live, or "
            "leave this operation out of what is drawn"
        )

    def operands(self, s: Statement) -> list[Variable]:
        """The operands as variables; a number becomes one."""
        found = []
        for x in s.operands:
            if isinstance(x, Literal):
                number = Variable((), x.dtype)
                self.constants[self.new(number)[0]] = [float(x.value)]
                x = number
            found.append(x)
        return found

    def held(self, s: Statement) -> None:
        (x,) = self.operands(s)
        target, _ = self.new(s.output)
        function = "hold" if s.operation is HOLD else "release"
        self.body.append(f"{function}(held[{s.static['number']}],v[{target}],v[{self.dense(x)}]);")

    def elementwise(self, s: Statement) -> None:
        name, (output,) = s.operation.name, s.outputs
        assert output.dtype is not None
        flags = all(x.dtype == bool for x in (output, *s.operands))
        formula = FLAGS.get(name) if flags else ELEMENTWISE.get(name)
        if name == "astype":
            formula = {"f": "{0}", "i": "Math.trunc({0})", "b": "+({0}!==0)"}[output.dtype.kind]
        if formula is None or (set(s.static) - {"dtype"}):
            self.refuse()
        by_flags = name == "multiply" and any(x.dtype == bool for x in s.operands)
        if output.dtype.kind in "iu" and name not in EXACT and not by_flags:
            if name not in CHECKED:
                self.refuse("of whole numbers has no JavaScript: a double holds 53 bits of them")
            formula = f"exact({formula})"
        self.loop(s.operands, formula, self.new(output))

    def reduction(self, s: Statement) -> None:
        if set(s.static) - {"axis", "keepdims"}:
            self.refuse()
        (x,) = self.operands(s)
        number, model = self.at[x]
        axes = axes_of(_along(s), model.ndim)
        kept = [k for k in range(model.ndim) if k not in axes]
        target = self.new(s.output)
        out = target[1].reshape([model.shape[k] for k in kept])
        start, step = REDUCTIONS[s.operation.name]
        spread = np.lib.stride_tricks.as_strided(  # it stands still along what is summed
            out, [*out.shape, *(model.shape[k] for k in axes)], [*out.strides, *(0 for _ in axes)]
        )
        self.gathered(
            [(target[0], spread), (number, model.transpose([*kept, *axes]))],
            len(kept), start, step.format("a[{1}]"),
        )  # fmt: skip

    def gathered(
        self, views: Sequence[tuple[int, Model]], outer: int, start: str, step: str
    ) -> None:
        """``s`` goes through the inner axes, from a start and in steps, and is then written."""
        shape = views[0][1].shape
        around = Places.of(shape[:outer], [cut(m, outer, inner=False) for _, m in views])
        inside = Places.of(shape[outer:], [cut(m, outer, inner=True) for _, m in views])
        inside.first = len(around.axes)
        constants = [a + b for a, b in zip(around.constants, inside.constants, strict=True)]
        indices = [joined(around.index(k), inside.index(k)) for k in range(len(views))]
        body = (
            f"{around.heads()}{{let s={start};{inside.heads()}{step.format(*indices)};"
            f"o[{around.index(0)}]=s}}"
        )
        self.call(f"({_names(len(views) - 1)})=>{{{body}}}", self.lowest(views, constants))

    def view(self, s: Statement, of: Callable[[Model], Model]) -> None:
        """The same entries, seen otherwise."""
        self.at[s.output] = self.at[self.seen(self.operands(s)[0], of)]

    def seen(self, x: Variable, of: Callable[[Model], Model]) -> Variable:
        """A view of an array; of a copy of it where there is no such view."""
        number, model = self.at[x]
        found = of(model)
        if found.size and not np.may_share_memory(found, self.bases[number]):
            number = self.dense(x)
            found = of(self.at[x][1])
        view = Variable(found.shape, x.dtype)
        self.at[view] = number, found
        return view

    def contraction(self, s: Statement) -> None:
        """Products summed over the letters that the output does not have."""
        operands = self.operands(s)
        if s.operation.name == "einsum":
            given, _, out = str(s.static["subscripts"]).replace(" ", "").partition("->")
            letters = given.split(",")
            if "." in given or "->" not in s.static["subscripts"]:
                self.refuse("with an ellipsis, or without an arrow, has no JavaScript")
        else:
            letters, out = _matmul([len(x.shape) for x in operands])
        sizes = dict.fromkeys(out, 1)
        for x, names in zip(operands, letters, strict=True):
            for c, n in zip(names, x.shape, strict=True):
                sizes[c] = max(sizes.get(c, 1), n) if n else 0
        inner = [c for c in sizes if c not in out]
        order = [*out, *inner]
        target = self.new(s.output)
        views = [(target[0], along(target[1], out, order, sizes))]
        for x, names in zip(operands, letters, strict=True):
            number, model = self.at[x]
            views.append((number, along(model, names, order, sizes)))
        factors = "*".join(f"{_LETTERS[k]}[{{{k + 1}}}]" for k in range(len(operands)))
        self.gathered(views, len(out), "0", f"s+={factors}")

    def _getitem(self, s: Statement) -> None:
        index = s.static["index"]
        parts = index if isinstance(index, tuple) else (index,)
        if not any(isinstance(p, Slot | np.ndarray | list | bool | np.bool_) for p in parts):
            dots = () if any(p is Ellipsis for p in parts) else (Ellipsis,)
            self.view(s, lambda model: model[(*parts, *dots)])
            return
        self.read(s, self.operands(s)[0], index)

    def _take_along_axis(self, s: Statement) -> None:
        x = self.operands(s)[0]
        if s.static["axis"] is None:
            self.refuse("without an axis has no JavaScript")
        index: list[Any] = list(np.ogrid[tuple(slice(n) for n in x.shape)])
        index[s.static["axis"]] = Slot(1)
        self.read(s, x, tuple(index))

    def _scatter(self, s: Statement) -> None:
        target, _ = self.new(s.output)
        self.body.append(f"v[{target}].fill(0);")
        places = self.places_at(s, s.static["index"], s.output.shape)
        self.into(s, self.operands(s)[0], *places, "+=")

    def _put(self, s: Statement) -> None:
        base, value = self.operands(s)[:2]
        places = self.places_at(s, s.static["index"], s.output.shape)
        self.loop([base], "{0}", self.new(s.output))
        self.into(s, value, *places, "+=" if s.static["add"] else "=")

    def _windows(self, s: Statement) -> None:
        self.view(s, lambda model: s.operation.run(model, **s.static))

    def _overlap_add(self, s: Statement) -> None:
        """The adjoint of `windows`: added at the places that it reads."""
        g = self.operands(s)[0]
        n = len(s.static["stride"])
        static = {k: v for k, v in s.static.items() if k != "shape"}
        entries = _entries(s.output.shape)
        places = PRIMITIVES["windows"].bind([entries], {**static, "size": g.shape[-2 * n : -n]})
        target, _ = self.new(s.output)
        self.body.append(f"v[{target}].fill(0);")
        self.into(s, g, places.shape, self.map(places), "+=")

    # Places

    def places_at(
        self, s: Statement, index: Any, shape: tuple[int, ...]
    ) -> tuple[tuple[int, ...], str]:
        """The entries that an index names in an array: their shape, and an array of their places.

        Parts of the index that are computed are looked up in every run, and the others once.
        """
        parts = list(index) if isinstance(index, tuple) else [index]
        filled, computed = list(parts), []
        for k, part in enumerate(parts):
            if isinstance(part, Slot):
                x = s.operands[part.position]
                filled[k] = x.value
                if isinstance(x, Variable) and x.value is None:
                    if x.dtype is None or x.dtype.kind not in "iu":
                        self.refuse("at a mask that is computed has no JavaScript")
                    filled[k] = np.zeros(x.shape, int)
                    computed.append((k, x))
        found = np.asarray(_entries(shape)[tuple(filled)])
        if not computed:
            return found.shape, self.map(found)
        terms = []
        for k, x in computed:
            axis = _axis(filled, k, len(shape))
            sizes, ones = list(shape), [1] * len(shape)
            sizes[axis] = ones[axis] = x.size
            which = np.broadcast_to(np.arange(x.size).reshape(ones), sizes)
            chosen = which[(*filled[:k], _entries(x.shape), *filled[k + 1 :])]
            step = math.prod(shape[axis + 1 :])
            terms.append(f"[v[{self.dense(x)}],{self.map(chosen)},{step},{shape[axis]}]")
        places = f"m[{len(self.maps)}]"
        self.maps[found.size, len(self.maps)] = found.size
        self.body.append(f"locate({places},{self.map(found)},[{','.join(terms)}]);")
        return found.shape, places

    def read(self, s: Statement, x: Variable, index: Any) -> None:
        """The entries that an index names, as an array of its own."""
        shape, places = self.places_at(s, index, x.shape)
        assert shape == s.output.shape
        target, _ = self.new(s.output)
        loop = "(o,a,p)=>{for(let i=0;i<p.length;i++)o[i]=a[p[i]]}"
        self.call(loop, [f"v[{target}]", f"v[{self.dense(x)}]", places])

    def into(
        self, s: Statement, value: Variable, shape: tuple[int, ...], places: str, sign: str
    ) -> None:
        """Entries of a value set or added at places of the output."""
        if value.shape != shape:
            value = self.seen(value, lambda model: np.broadcast_to(model, shape))
        loop = f"(o,a,p)=>{{for(let i=0;i<p.length;i++)o[p[i]]{sign}a[i]}}"
        target = self.at[s.output][0]
        self.call(loop, [f"v[{target}]", f"v[{self.dense(value)}]", places])

    def map(self, entries: np.ndarray) -> str:
        """Places as an array of whole numbers."""
        places = entries.ravel().tolist()
        return f"m[{self.maps.setdefault(('known', *places), len(self.maps))}]"

    # Matrices

    def matrices(self, s: Statement, call: str) -> None:
        """A function of each matrix in a stack."""
        if s.static:
            self.refuse(f"with {', '.join(s.static)} has no JavaScript")
        x = self.operands(s)[0]
        target, _ = self.new(s.output)
        self.body.append(call.format(f"v[{target}],v[{self.dense(x)}],{x.shape[-1]}"))

    def _inv(self, s: Statement) -> None:
        self.matrices(s, "inv({0});")

    def _cholesky(self, s: Statement) -> None:
        self.matrices(s, "cholesky({0});")

    def _det(self, s: Statement) -> None:
        self.matrices(s, "determinants({0},true);")

    def _logabsdet(self, s: Statement) -> None:
        self.matrices(s, "determinants({0},false);")

    def _solve(self, s: Statement) -> None:
        a, b = self.operands(s)
        if s.static:
            self.refuse(f"with {', '.join(s.static)} has no JavaScript")
        n, vector = a.shape[-1], len(b.shape) == 1
        width = 1 if vector else b.shape[-1]
        stack = s.output.shape[:-1] if vector else s.output.shape[:-2]
        a = self.seen(
            a, lambda model: np.broadcast_to(model, (*stack[: len(stack) - vector], n, n))
        )
        b = self.seen(b, lambda model: np.broadcast_to(model, s.output.shape))
        target, _ = self.new(s.output)
        arrays = f"v[{target}],v[{self.dense(a)}],v[{self.dense(b)}]"
        self.body.append(f"solve({arrays},{n},{width});")

    # Order

    def lanes(self, s: Statement, function: str, *, kept: bool) -> None:
        """A function of each row along an axis, which gives a row or a number."""
        x = self.operands(s)[0]
        axis = _along(s, None if function == "first" else -1)
        if axis is None:
            x, axis = self.seen(x, np.ravel), 0
        axis %= len(x.shape)
        last = self.seen(x, lambda model: np.moveaxis(model, axis, -1))
        number = self.dense(last)
        result = Variable(last.shape if kept else last.shape[:-1], np.dtype(int))
        target, model = self.new(result)
        sign = "-" if s.operation.name.endswith("min") else ""
        self.body.append(f"{function}(v[{target}],v[{number}],{last.shape[-1]},{sign}1);")
        self.at[s.output] = target, np.moveaxis(model, -1, axis) if kept else (
            model.reshape(s.output.shape)
        )  # fmt: skip

    def _argsort(self, s: Statement) -> None:
        self.lanes(s, "order", kept=True)

    def _argmax(self, s: Statement) -> None:
        self.lanes(s, "first", kept=False)

    _argmin = _argmax

    def _concatenate(self, s: Statement) -> None:
        target, model = self.new(s.output)
        axis, start = s.static.get("axis", 0), 0
        parts = self.operands(s)
        if axis is None:
            axis, parts = 0, [self.seen(x, np.ravel) for x in parts]
        axis %= model.ndim
        for x in parts:
            stop = start + x.shape[axis]
            place = model[(*(slice(None),) * axis, slice(start, stop))]
            self.loop([x], "{0}", (target, place))
            start = stop

    def _stack(self, s: Statement) -> None:
        target, model = self.new(s.output)
        axis = s.static.get("axis", 0) % model.ndim
        for k, x in enumerate(self.operands(s)):
            self.loop([x], "{0}", (target, model[(*(slice(None),) * axis, k, ...)]))

    def _cumsum(self, s: Statement) -> None:
        x = self.operands(s)[0]
        axis = s.static.get("axis")
        if axis is None or set(s.static) - {"axis"}:
            self.refuse("without an axis has no JavaScript")
        target, model = self.new(s.output)
        self.loop([x], "{0}", (target, model))
        before = [slice(None)] * model.ndim
        for k in range(1, model.shape[axis]):
            views = []
            for place in (k - 1, k):
                before[axis] = slice(place, place + 1)
                views.append((target, model[tuple(before)]))
            found = self.places(views[0][1].shape, [views[1], views[0]])
            body = f"o[{found.index(0)}]+=a[{found.index(1)}]"
            self.call(f"(o,a)=>{{{found.heads()}{body}}}", found.parts)

    def _real(self, s: Statement) -> None:
        self.view(s, lambda model: model)


def _matmul(ndims: Sequence[int]) -> tuple[list[str], str]:
    """The letters of a matrix product."""
    a, b = ndims
    most = max(a, b, 2) - 2
    batch = "ABCDEFGH"[:most]
    left = "k" if a == 1 else batch[most - (a - 2) :] + "ik"
    right = "k" if b == 1 else batch[most - (b - 2) :] + "kj"
    return [left, right], batch + ("i" if a > 1 else "") + ("j" if b > 1 else "")


def _entries(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


def _along(s: Statement, usual: Any = None) -> Any:
    """The axis that NumPy's function is given, by place or by name."""
    by_place = s.operands[1:2]
    if by_place and isinstance(by_place[0], Literal):
        return by_place[0].value
    return s.static.get("axis", usual)


def _axis(index: Sequence[Any], place: int, ndim: int) -> int:
    """The axis that a part of an index is about."""
    taken = [0 if part is None else np.ndim(part) if np.asarray(part).dtype == bool else 1
             for part in index if part is not Ellipsis]  # fmt: skip
    before = [part for part in index[:place] if part is not Ellipsis]
    skipped = ndim - sum(taken) if any(part is Ellipsis for part in index[:place]) else 0
    return sum(taken[: len(before)]) + skipped


def _names(operands: int) -> str:
    return ",".join("o" + _LETTERS[:operands])
