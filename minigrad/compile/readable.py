"""A function and its gradient as NumPy code that a person would have written.

Two functions, forward and backward, in the names of the user's own code, with the shapes of the
example in comments, and nothing but NumPy. What is read once and has no name becomes a part of
the expression that reads it. The same program runs fast in another form, see
`minigrad.compile.numpy_code`.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from typing import Literal as OneOf

import numpy as np

from minigrad.compile.helpers import HELPERS, IMPORTS
from minigrad.compile.naming import Names
from minigrad.compile.operations import POWER, PRODUCT, SIGN, index_text, is_basic, written
from minigrad.compile.program import Literal, Operand, Program, Slot, Statement, Variable, needed
from minigrad.compile.signature import flatten
from minigrad.compile.simplify import simplified
from minigrad.compile.tracing import Output, Traced, traced
from minigrad.primitives.axes import axes_of
from minigrad.scope import unfused
from minigrad.tensor import Tensor
from minigrad.tree import tree_leaves, tree_map

Language = OneOf["en", "es"]
_WIDTH = 80  # of an expression, from which a part of it gets a line of its own
_COMMENT = 60  # column of the comments
_SHORT = 20  # of a transpose that is written wherever it is read
_SMALL = 8  # entries of a constant that is written out
_PAGE = 104  # length of a line with its comment
_LINE = 96  # length of a line of names
_ATOM = 100  # how strongly names and calls bind
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "module": "{title} and its gradient in {library}, written by `minigrad compile`.",
        "shapes": "The shapes are those of the example that it was written from.",
        "forward": "The value of {title}, and what the backward pass needs.",
        "backward": "The gradients of {inputs}, given {cotangents}.",
        "through": "through {name}",
        "example": "Inputs of these shapes, drawn at random.",
        "and": "and",
    },
    "es": {
        "module": "{title} y su gradiente en {library}, escrito por `minigrad compile`.",
        "shapes": "Las formas son las del ejemplo con el que se ha escrito.",
        "forward": "El valor de {title}, y lo que necesita la retropropagación.",
        "backward": "Los gradientes de {inputs}, dado {cotangents}.",
        "through": "a través de {name}",
        "example": "Entradas de estas formas, sacadas al azar.",
        "and": "y",
    },
}  # fmt: skip


class Unwritable(ValueError):  # noqa: N818 (what it is, not what was done wrong)
    """Why a function has no source of its own: one sentence."""


@dataclass(frozen=True)
class Expression:
    """A piece of source.

    Attributes:
        text: Python.
        rank: how strongly its outermost operator binds.
    """

    text: str
    rank: int = _ATOM

    def within(self, rank: int, *, right: bool = False) -> str:
        """The text as an operand of an operator of this rank."""
        weak = self.rank <= rank if right else self.rank < rank
        return f"({self.text})" if weak else self.text


def source(
    function: Callable[..., Any], title: str, inputs: Mapping[str, Any], *,
    language: Language = "en",
) -> str:  # fmt: skip
    """NumPy source of a function and its gradient.

    Args:
        function: of arrays, nested or not; parameters of modules that it sees are inputs too.
        title: what to call it.
        inputs: example arguments by name. The gradient is with respect to all floats in them.
        language: of the comments.

    Raises:
        TraceError: the function cannot be traced; the message names the line.
        Unwritable: it does what NumPy alone cannot, or has no gradient.

    Example:
        >>> from minigrad.compile.readable import source
        >>> def loss(x, w):
        ...     h = np.tanh(x @ w)
        ...     return (h * h).sum()
        >>> text = source(loss, "loss", {"x": np.ones((3, 2)), "w": np.ones((2, 1))})
        >>> print(text[text.index("def loss_backward") : text.index("def example_inputs")].strip())
        def loss_backward(dy, cache):
            '''The gradients of x and w, given dy.'''
            x, w, h, t = cache
            t2 = dy * h                                                 # (3, 1), through t
            dh = 2 * t2                                                 # (3, 1), through t
            t3 = dh * (1 - t)                                           # (3, 1), through h
            dx = t3 @ w.T                                               # (3, 2)
            dw = x.T @ t3                                               # (2, 1)
            return dx, dw
    """
    leaves = flatten((), with_tensors(inputs), (), (), title)
    names = Names()
    with unfused():
        found, _ = traced(function, title, leaves, backward=True, names=names)
    if found.effects:
        raise Unwritable(f"{title}: it changes arrays that it sees; return the new ones instead")
    if not found.gradients:
        raise Unwritable(
            f"{title}: nothing that it returns depends on an input of floating-point numbers"
        )
    return _Source(title, inputs, found, language).write()


def with_tensors(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Examples with a Tensor that requires a gradient in the place of each array of floats."""

    def leaf(x: Any) -> Any:
        if isinstance(x, np.ndarray) and x.dtype.kind == "f":
            return Tensor(x, requires_grad=True)
        return x

    return {name: tree_map(leaf, value) for name, value in inputs.items()}


class _Source:
    """Writes the two functions."""

    def __init__(
        self, title: str, inputs: Mapping[str, Any], found: Traced, language: Language
    ) -> None:
        self.title, self.example, self.found = title, inputs, found
        self.words = _WORDS[language]
        self.taken: set[str] = {*_OWN, *keyword.kwlist, *dir(builtins)}
        self.text: dict[Variable, Expression] = {}
        self.helpers: set[str] = set()
        self.constants: list[str] = []

    def write(self) -> str:
        found = self.found
        inputs = list(found.trace.inputs)
        gradients = [g for g in found.gradients if g is not None]
        outputs = list(found.outputs)
        whole = Program((*inputs, *found.seeds), found.trace.statements, (*outputs, *gradients))
        self.program = simplified(whole)
        self.outputs = self.program.outputs[: len(outputs)]
        self.gradients = self.program.outputs[len(outputs) :]
        forward = needed(self.program.statements, self.outputs)
        first = set(map(id, forward))
        backward = [s for s in self.program.statements if id(s) not in first]
        arguments = self._arguments()
        self._name_outputs()
        cache = self._cache(backward)
        pieces = [
            self._function("forward", arguments, forward, cache),
            self._function("backward", arguments, backward, cache),
            self._example(arguments),
        ]
        library = "NumPy {and} SciPy".format(**self.words) if "special" in self.helpers else "NumPy"
        head = [f'"""{self.words["module"].format(title=self.title, library=library)}', "",
                self.words["shapes"], '"""', ""]  # fmt: skip
        helpers = [HELPERS[name].strip() for name in HELPERS if name in self.helpers]
        constants = ["\n".join(self.constants)] if self.constants else []
        body = "\n\n\n".join([*constants, *helpers, *pieces])
        own = [line for name, line in IMPORTS.items() if name in self.helpers]
        standard = [line for line in own if "scipy" not in line]
        others = ["import numpy as np", *(line for line in own if "scipy" in line)]
        return "\n".join([*head, *standard, *([""] if standard else []), *others, "", "", body, ""])

    # Names

    def fresh(self, wanted: str) -> str:
        """A name that nothing else has."""
        name = _identifier(wanted)
        number, found = 1, name
        while found in self.taken:
            number += 1
            found = f"{name}{number}" if not name[-1].isdigit() else f"{name}_{number}"
        self.taken.add(found)
        return found

    def named(self, x: Variable, wanted: str) -> str:
        self.text[x] = Expression(self.fresh(wanted))
        return self.text[x].text

    def _arguments(self) -> list[_Argument]:
        """What the functions take, and a name for every input of the program."""
        found = self.found
        used = {x for x in self.program.operands() if isinstance(x, Variable)}
        numbers: dict[Any, Variable] = {
            source.key: x for source, x in zip(found.sources, found.trace.inputs, strict=True)
        }
        arguments = []
        leaf = 0
        self.taken.update(self.example)
        for given, value in self.example.items():
            parts = []
            name = given
            if given in _OWN or not given.isidentifier() or keyword.iskeyword(given):
                name = self.fresh(f"{_identifier(given)}_" if given in _OWN else _identifier(given))
            for path, x in _paths(name, value):
                if not _is_leaf(x):
                    continue
                variable = numbers.get(("data", leaf)) or numbers.get(("value", leaf))
                leaf += 1
                assert variable is not None
                if path == name:
                    self.text[variable] = Expression(name)
                else:
                    self.named(variable, _short(path, name))
                parts.append(_Part(variable, path, ("data", leaf - 1)))
            arguments.append(_Argument(name, value, parts))
        seen = [
            (source, x) for source, x in zip(found.sources, found.trace.inputs, strict=True)
            if not isinstance(source.where, int) and x in used
        ]  # fmt: skip
        labels = _labels([x.name or "x" for _, x in seen])
        if len(seen) > _FLAT:
            name = self.fresh("params")
            parts = []
            for (source, x), label in zip(seen, labels, strict=True):
                self.named(x, label)
                parts.append(_Part(x, f"{name}[{label!r}]".replace("'", '"'), source.key))
            nest = {label: x for (_, x), label in zip(seen, labels, strict=True)}
            return [*arguments, _Argument(name, nest, parts)]
        for (source, x), label in zip(seen, labels, strict=True):
            name = self.named(x, label)
            arguments.append(_Argument(name, x, [_Part(x, name, source.key)]))
        return arguments

    def _name_outputs(self) -> None:
        """A name for each output, and for its cotangent."""
        tracked = [x for x in tree_leaves(self.found.result) if isinstance(x, Output) and x.tracked]
        self.cotangents = []
        for number, x in enumerate(self.outputs):
            base = self.found.outputs[number].name  # type: ignore[union-attr]
            plain = "out" if "y" in self.taken else "y"
            wanted = base or (plain if len(self.outputs) == 1 else f"{plain}{number + 1}")
            if isinstance(x, Variable) and x not in self.text and x.value is None:
                self.named(x, wanted)
            name = self.text[x].text if isinstance(x, Variable) and x in self.text else wanted
            for output, seed in zip(tracked, self.found.seeds, strict=True):
                if output.number == number:
                    self.cotangents.append(self.named(seed, f"d{name}"))

    def _cache(self, backward: Sequence[Statement]) -> list[Variable]:
        """What the backward pass reads of the forward pass and of the inputs."""
        made = {x for s in backward for x in s.outputs}
        read = [
            x for s in backward for x in s.operands
            if isinstance(x, Variable) and x not in made and x.value is None
            and x not in self.found.seeds
        ]  # fmt: skip
        read += [x for x in self.gradients if isinstance(x, Variable) and x not in made
                 and x.value is None and x not in self.found.seeds]  # fmt: skip
        order = {x: k for k, x in enumerate(self.program.inputs)}
        order |= {x: len(order) + k for k, s in enumerate(self.program.statements)
                  for x in s.outputs}  # fmt: skip
        return sorted(set(read), key=lambda x: order[x])

    # The two functions

    def _function(
        self, kind: str, arguments: Sequence[_Argument], statements: Sequence[Statement],
        cache: Sequence[Variable],
    ) -> str:  # fmt: skip
        forced = {x for x in (*self.outputs, *cache) if isinstance(x, Variable)}
        if kind == "backward":
            forced = {x for x in self.gradients if isinstance(x, Variable)}
            for x, part in self._gradient_parts(arguments):
                if x not in self.text and x.value is None:
                    self.named(x, f"d{self.text[part.variable].text}")
        body = _Body(self, statements, forced)
        lines = body.lines()
        kept = [self.text[x].text for x in cache]
        title = self.fresh_title(kind)
        if kind == "forward":
            head = f"def {title}({', '.join(a.name for a in arguments)}):"
            doc = self.words["forward"].format(title=self.title)
            unpacked = [f"{self.text[p.variable].text} = {p.path}" for a in arguments
                        for p in a.parts if p.path != a.name]  # fmt: skip
            cached = f"({', '.join(kept)}{',' * (len(kept) == 1)})"
            results = [body.operand(x).text for x in self.outputs]
            end = [f"cache = {cached}", f"return {', '.join([*results, 'cache'])}"]
            lines = [*unpacked, *lines, *end]
        else:
            head = f"def {title}({', '.join([*self.cotangents, 'cache'])}):"
            names = [self.text[p.variable].text for _, p in self._gradient_parts(arguments)]
            doc = self.words["backward"].format(
                inputs=self._listed(names), cotangents=self._listed(self.cotangents)
            )
            start = [f"{', '.join(kept)}{',' * (len(kept) == 1)} = cache"] if kept else []
            nest = ", ".join(self._gradient(a, body) for a in arguments)
            lines = [*start, *lines, f"return {nest}"]
        return "\n".join([head, f'    """{doc}"""', *(f"    {line}" for line in _wrapped(lines))])

    def fresh_title(self, kind: str) -> str:
        """The name of one of the two functions."""
        return f"{re.sub(r'[^0-9a-zA-Z_]', '_', self.title)}_{kind}"

    def _listed(self, names: Sequence[str]) -> str:
        if len(names) > _FLAT:
            return f"{', '.join(names[:3])}, …"
        if len(names) < 2:
            return "".join(names)
        return f"{', '.join(names[:-1])} {self.words['and']} {names[-1]}"

    def _gradient_parts(self, arguments: Sequence[_Argument]) -> Iterator[tuple[Variable, _Part]]:
        """The gradients that depend on something, each with its input."""
        by_key = self._by_key()
        for argument in arguments:
            for part in argument.parts:
                x = by_key.get(part.key)
                if isinstance(x, Variable):
                    yield x, part

    def _by_key(self) -> dict[Any, Operand]:
        leaves = [s.key for s, g in zip(self.found.leaves, self.found.gradients, strict=True)
                  if g is not None]  # fmt: skip
        return dict(zip(leaves, self.gradients, strict=True))

    def _gradient(self, argument: _Argument, body: _Body) -> str:
        """The gradient of an argument, nested as it is; ``None`` for what has none."""
        by_key, parts = self._by_key(), iter(argument.parts)

        def text(x: Any) -> str:
            if isinstance(x, dict):
                return "{" + ", ".join(f'"{k}": {text(v)}' for k, v in x.items()) + "}"
            if isinstance(x, list | tuple):
                inner = ", ".join(map(text, x))
                return f"[{inner}]" if isinstance(x, list) else f"({inner},)"
            if not _is_leaf(x) and not isinstance(x, Variable):
                return "None"
            part = next(parts)
            dtype = part.variable.dtype
            if dtype is None or dtype.kind != "f" or part.variable.weak:
                return "None"
            if part.key in by_key:
                return body.operand(by_key[part.key]).text
            return f"np.zeros({_shape(part.variable.shape)})"

        return text(argument.value)

    def _example(self, arguments: Sequence[_Argument]) -> str:
        """A function that makes inputs of the shapes of the example, and its use."""
        doc = self.words["example"]
        drawn = [_drawn(a.value) for a in arguments]
        values = [f"    return {drawn[0]},"] if len(drawn) == 1 else [
            "    return (", *(f"        {text}," for text in drawn), "    )"]  # fmt: skip
        outputs = [self.text[x].text if isinstance(x, Variable) and x in self.text else f"y{k}"
                   for k, x in enumerate(self.outputs)]  # fmt: skip
        ones = ", ".join(f"np.ones_like({name[1:]})" for name in self.cotangents)
        return "\n".join([
            "def example_inputs():", f'    """{doc}"""', "    rng = np.random.default_rng(0)",
            *values, "", "",
            'if __name__ == "__main__":',
            f"    {', '.join(outputs)}, cache = {self.fresh_title('forward')}(*example_inputs())",
            f"    print({', '.join(outputs)})",
            f"    print({self.fresh_title('backward')}({ones}, cache))",
        ])  # fmt: skip

    # Constants

    def constant(self, x: Variable) -> Expression:
        """A constant as an expression, or under a name of its own."""
        assert x.value is not None
        if x not in self.text:
            found = _constant(x.value)
            if found is None:
                if x.value.size > _LISTED:
                    raise Unwritable(
                        f"{self.title}: it uses an array {x.shape} that it does not compute; pass "
                        "it as an argument"
                    )
                name = self.fresh("C")
                self.constants.append(f"{name} = {_listed_array(x.value)}")
                found = Expression(name)
            self.text[x] = found
        return self.text[x]


def _identifier(wanted: str) -> str:
    """A name like another that Python takes."""
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wanted)).strip("_") or "t"
    return f"v{name}" if name[0].isdigit() else name


_OWN = frozenset({"np", "math", "special", "rng", "cache", *HELPERS})
"""Names that the source uses itself."""
_FLAT = 8  # inputs that are arguments of their own
_LISTED = 4096  # entries of a constant that may stand in the source


@dataclass(frozen=True)
class _Part:
    """An array in an argument: its variable, the expression for it, and the key of its source."""

    variable: Variable
    path: str
    key: Any


@dataclass(frozen=True)
class _Argument:
    name: str
    value: Any
    parts: Sequence[_Part]


class _Body:
    """The lines of one function."""

    def __init__(
        self, writer: _Source, statements: Sequence[Statement], forced: set[Variable]
    ) -> None:
        self.writer, self.statements, self.forced = writer, statements, forced
        self.uses = Counter(
            x for s in statements for x in s.operands if isinstance(x, Variable)
        )  # fmt: skip
        self.makers = {s.output: s for s in statements}
        self.last = {s.output.of: s.output for s in statements if s.output.of is not None}
        self.waiting: dict[Variable, Statement] = {}
        self.written: list[str] = []

    def lines(self) -> list[str]:
        for s in self.statements:
            if s.operation.name == "where" and _is_shift(self, s):
                self.uses[s.operands[1]] -= 1  # type: ignore[index]
                del self.uses[s.operands[0]]
        for s in reversed(self.statements):  # an array that is filled has one name from the start
            base = s.operands[0] if s.operation.name == "put" else None
            if isinstance(base, Variable) and s.output in self.writer.text and self.is_own(base):
                self.writer.text[base] = self.writer.text[s.output]
        for s in self.statements:
            if len(s.outputs) != 1 or "<" in s.operation.name:
                raise Unwritable(f"{self.writer.title}: {s.operation.name} has no source in NumPy")
            x = s.output
            if s.operation.kind == "check":
                self.written.append(f"assert {self.operand(s.operands[0]).text}.all()")
            elif s.operation.name in ("scatter", "put"):
                self.placed(s)
            elif s.operation.name == "isfinite" and not self.uses[x] and x not in self.forced:
                continue  # see `_is_shift`
            elif self.is_part(s):
                self.waiting[x] = s
            else:
                self.assigned(s, self.expression(s))
        return self.written

    def is_part(self, s: Statement) -> bool:
        """Whether a value is only a part of another's expression."""
        x = s.output
        if x in self.forced or x in self.writer.text or s.operation.kind == "draw":
            return False
        if s.operation.name == "transpose":  # of a name, wherever it is read
            return True
        if x.of is not None and x.of.name and self.last[x.of] is x and s.operation.kind != "view":
            return False  # the gradient of what has a name has one too
        return self.uses[x] == 1 and (x.name is None or s.operation.kind == "view")

    def assigned(self, s: Statement, expression: Expression) -> str:
        """A line of its own for a value."""
        name = self.name(s)
        self.write(f"{name} = {expression.text}", s.output)
        return name

    def name(self, s: Statement) -> str:
        """The name of a value."""
        text = self.writer.text
        return text[s.output].text if s.output in text else self.writer.named(
            s.output, _usual(self.writer, s)
        )  # fmt: skip

    def write(self, line: str, x: Variable) -> None:
        """A line that computes a value, with its comment behind it or above."""
        comment = self.comment(x)
        whole = _commented(line, comment)
        self.written += [whole] if len(whole) <= _PAGE else [f"# {comment}", line]

    def comment(self, x: Variable) -> str:
        """The shape, and through which value a cotangent comes."""
        parts = [] if x.dtype is None or x.weak else [_shape(x.shape)]
        through = self.writer.text.get(x.through) if x.through is not None else None
        if through is not None and through.text.isidentifier():
            parts.append(self.writer.words["through"].format(name=through.text))
        return ", ".join(parts)

    # Expressions

    def operand(self, x: Operand) -> Expression:
        """A value where it is read."""
        if isinstance(x, Literal):
            return _literal(x)
        if x.value is not None:
            return self.writer.constant(x)
        if x in self.waiting:
            s = self.waiting.pop(x)
            found = self.expression(s)
            if self.uses[x] > 1 and len(found.text) > _SHORT:
                self.assigned(s, found)
            else:
                self.writer.text[x] = found
        return self.writer.text[x]

    def expression(self, s: Statement) -> Expression:
        """A statement as an expression; parts that would make it too long get lines first."""
        if s.operation.name == "where" and _is_shift(self, s):
            return self.operand(s.operands[1])
        operands = [self.operand(x) for x in s.operands]
        found = _form(self, s, operands)
        while len(found.text) > _WIDTH:
            long = [
                (len(e.text), k) for k, (e, x) in enumerate(zip(operands, s.operands, strict=True))
                if isinstance(x, Variable) and x.value is None and not e.text.isidentifier()
            ]  # fmt: skip
            if not long:
                break
            _, k = max(long)
            x = s.operands[k]
            assert isinstance(x, Variable)
            whole = self.writer.text.pop(x)
            operands[k] = Expression(self.assigned(self.makers[x], whole))
            found = _form(self, s, operands)
        return found

    def placed(self, s: Statement) -> None:
        """Entries set, or added to, in an array of their own."""
        writer, x = self.writer, s.output
        operands = [self.operand(y) for y in s.operands]
        texts = [e.text for e in operands]
        index = index_text(s.static["index"], texts)
        if s.operation.name == "scatter":
            value, add = operands[0], not is_basic(s.static["index"])
            name = self.name(s)
            assert x.dtype is not None
            dtype = "" if x.dtype == float else f", {written(x.dtype)}"
            start = f"np.zeros({_shape(x.shape)}{dtype})"
            self.write(f"{name} = {start}", x)
        else:
            base, value, add = s.operands[0], operands[1], s.static["add"]
            if isinstance(base, Variable) and self.is_own(base):
                writer.text[x] = operands[0]
                name = operands[0].text
            else:
                name = self.name(s)
                copied = f"{operands[0].within(_ATOM)}.copy()"
                self.write(f"{name} = {copied}", x)
        if add and not is_basic(s.static["index"]):
            parts = s.static["index"] if isinstance(s.static["index"], tuple) else None
            whole = index if parts is None else f"({index})"
            if parts is not None and any(isinstance(p, slice) or p is Ellipsis for p in parts):
                whole = f"np.s_[{index}]"
            self.written.append(f"np.add.at({name}, {whole}, {value.text})")
        else:
            self.written.append(f"{name}[{index}] {'+=' if add else '='} {value.text}")

    def is_own(self, x: Variable) -> bool:
        """Whether an array was made here to be written into, and nobody else reads it."""
        makers = {s.output for s in self.statements if s.operation.name in ("scatter", "put")}
        return x in makers and self.uses[x] == 1 and x not in self.forced


_NOUNS: Mapping[str, str] = {
    "concatenate": "joined", "stack": "stacked", "matmul": "product", "sum": "total",
    "max": "largest", "min": "smallest", "absolute": "size",
}  # fmt: skip


def _usual(writer: _Source, s: Statement) -> str:
    """What to call a value: by its own name, by its gate, by what it is computed of."""
    x = s.output
    if x.name is not None:
        return x.name
    value = writer.text.get(x.of) if x.of is not None else None
    if value is not None and value.text.isidentifier():
        return f"d{value.text}"
    gate = re.search(r"gate (\w+)$", x.place)
    step = re.search(r"step (\d+)", x.place)
    name = s.operation.name
    if gate and name == "add":
        base = f"z_{gate[1]}"
    elif s.operation.kind == "elementwise" and len(s.operands) == 1:
        inner = writer.text.get(s.operands[0])  # type: ignore[arg-type]
        return f"{name}_{inner.text}" if inner is not None and inner.text.isidentifier() else name
    else:
        base = _NOUNS.get(name, "t")
    return f"{base}_{step[1]}" if step else base


def _form(body: _Body, s: Statement, operands: Sequence[Expression]) -> Expression:
    """A statement in the form in which a person writes it."""
    operation, name = s.operation, s.operation.name
    slots = {k for value in s.static.values() for k in _slots(value)}
    texts = [e.text for e in operands]
    own = [e for k, e in enumerate(operands) if k not in slots]
    if operation.needs:
        body.writer.helpers.update(operation.needs)
    if name == "square":
        return Expression(f"{own[0].within(POWER)} ** 2", POWER)
    if name == "reciprocal":
        return Expression(f"1 / {own[0].within(PRODUCT, right=True)}", PRODUCT)
    if name == "broadcast_to":
        shape = _shape(s.output.shape)
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
        return Expression(_transposed(own[0].within(_ATOM), s))
    if name in ("sum", "max", "min") and set(s.static) <= {"axis", "keepdims"}:
        return Expression(f"{own[0].within(_ATOM)}.{name}({_axis(s)})")
    if name == "divide" and (mean := _mean(body, s, operands)) is not None:
        return mean
    static = {
        k: index_text(v, texts) if k == "index" else written(v, texts)
        for k, v in s.static.items()
    }  # fmt: skip
    rank = operation.rank or _ATOM
    if operation.rank and not static:
        if len(own) == 1:
            return Expression(operation.write([own[0].within(SIGN)], {}), rank)
        left = own[0].within(rank + (name in ("power", "pow")))
        return Expression(operation.write([left, own[1].within(rank, right=True)], {}), rank)
    if operation.rank:
        return Expression(f"np.{name}({', '.join([*texts, *_keywords(static)])})")
    if operation.kind in ("view", "gather", "draw") or name == "astype":
        return Expression(operation.write([e.within(_ATOM) for e in own[:1]] + [
            e.text for e in own[1:]], static))  # fmt: skip
    text = operation.write([e.text for e in own], static)
    if "<" in text.split("(")[0]:
        raise Unwritable(f"{body.writer.title}: {name} has no source in NumPy")
    return Expression(text)


def _divided(s: Statement, operands: Sequence[Expression]) -> Expression | None:
    """A product with 1 / n as a quotient: so a mean is differentiated."""
    for k, x in enumerate(s.operands):
        if isinstance(x, Literal) and isinstance(x.value, float) and 0 < x.value < 1:
            count = round(1 / x.value)
            if 1 / count == x.value and count & (count - 1):
                return Expression(f"{operands[1 - k].within(PRODUCT)} / {count}", PRODUCT)
    return None


def _is_shift(body: _Body, s: Statement) -> bool:
    """Whether it is the maximum that softmax subtracts, which is kept finite.

    Where nothing is masked out, a maximum that is not finite gives NaN with and without that.
    """
    condition, highest, other = s.operands
    tested = body.makers.get(condition)  # type: ignore[arg-type]
    largest = body.makers.get(highest)  # type: ignore[arg-type]
    if tested is None or largest is None or not isinstance(other, Literal):
        return False
    inner = body.makers.get(largest.operands[0])  # type: ignore[arg-type]
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


def _mean(body: _Body, s: Statement, operands: Sequence[Expression]) -> Expression | None:
    """A sum over the number of its terms."""
    x, count = s.operands
    if not isinstance(count, Literal) or not isinstance(x, Variable):
        return None
    made = body.makers.get(x)
    if made is None or made.operation.name != "sum" or operands[0].text.isidentifier():
        return None
    (inner,) = made.operands
    axes = axes_of(made.static.get("axis"), len(inner.shape))
    if int(np.prod([inner.shape[k] for k in axes])) != count.value:
        return None
    return Expression(re.sub(r"\.sum\(([^()]*(?:\([^()]*\))?[^()]*)\)$", r".mean(\1)",
                             operands[0].text))  # fmt: skip


def _literal(x: Literal) -> Expression:
    value = np.asarray(x.value).item()
    if isinstance(value, float) and not np.isfinite(value):
        text = "np.nan" if value != value else "np.inf" if value > 0 else "-np.inf"
    else:
        text = repr(value)
    return Expression(text, SIGN if text.startswith("-") else _ATOM)


def _constant(value: np.ndarray) -> Expression | None:
    """A constant that has a short way of writing."""
    shape, flat = value.shape, value.ravel()
    if value.dtype.kind == "i" and value.size > 1 and (flat == np.arange(value.size)).all():
        tail = "" if value.ndim == 1 else f".reshape({', '.join(map(str, shape))})"
        return Expression(f"np.arange({value.size}){tail}")
    if value.dtype == bool and value.ndim == 2 and value.size > 1:
        rows, columns = shape
        for k in (0, -1, 1):
            if (value == np.tri(rows, columns, k, dtype=bool)).all():
                given = [str(rows), *([str(columns)] if rows != columns or k else []),
                         *([str(k)] if k else [])]  # fmt: skip
                return Expression(f"np.tri({', '.join(given)}, dtype=bool)")
    if value.size and (flat == flat[0]).all():
        text = _literal(Literal(flat[0])).text
        dtype = "" if value.dtype in (float, int) else f", {written(value.dtype)}"
        return Expression(f"np.full({_shape(shape)}, {text}{dtype})") if shape else Expression(text)
    return Expression(_listed_array(value)) if value.size <= _SMALL else None


def _listed_array(value: np.ndarray) -> str:
    dtype = "" if value.dtype in (float, int, bool) else f", {written(value.dtype)}"
    return f"np.array({value.tolist()!r}{dtype})"


def _drawn(value: Any) -> str:
    """Numbers like an example's, drawn at random."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}": {_drawn(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_drawn, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    if isinstance(value, np.random.Generator):
        return "rng"
    if isinstance(value, np.ndarray | Variable) and value.dtype is not None and not (
        isinstance(value, Variable) and value.weak
    ):  # fmt: skip
        kind, shape = value.dtype.kind, _shape(value.shape)
        if kind in "iu":
            top = int(value.max(initial=0)) + 1 if isinstance(value, np.ndarray) else 2
            return f"rng.integers({top}, size={shape})"
        if kind == "b":
            return f"rng.random({shape}) < 0.5"
        tail = "" if value.dtype == float else f".astype({written(value.dtype)})"
        return f"rng.normal(size={shape}){tail}"
    return repr(value) if not isinstance(value, Variable) else "1.0"


def _paths(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every array in a nest, with the expression that reaches it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _paths(f'{path}["{key}"]' if isinstance(key, str) else f"{path}[{key!r}]",
                              part)  # fmt: skip
    elif isinstance(value, list | tuple):
        for key, part in enumerate(value):
            yield from _paths(f"{path}[{key}]", part)
    else:
        yield path, value


def _is_leaf(x: Any) -> bool:
    """Whether it is an input of the program, and not a part of the signature."""
    return isinstance(
        x, np.ndarray | np.generic | np.random.Generator | Tensor | int | float | complex
    ) and not isinstance(x, bool)


def _short(path: str, argument: str) -> str:
    """A name for an array in a nest."""
    parts = re.findall(r"\w+", path.removeprefix(argument))
    return parts[-1] if parts and not parts[-1].isdigit() else "_".join([argument, *parts])


def _labels(names: Sequence[str]) -> list[str]:
    """Short names of parameters: without what all have in front."""
    split = [re.sub(r"\[(\d+)\]", r".\1", name).split(".") for name in names]
    while len(split) > 1 and all(len(s) > 1 for s in split) and len({s[0] for s in split}) == 1:
        split = [s[1:] for s in split]
    joined = ["_".join(s) for s in split]
    return [f"layer{name}" if name[0].isdigit() else name for name in joined]


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT}}# {comment}" if len(line) < _COMMENT else f"{line}  # {comment}"


def _wrapped(lines: Sequence[str]) -> Iterator[str]:
    """Lines with many names, broken at commas."""
    for line in lines:
        match = re.fullmatch(r"(return |cache = )(.*)|(.*)( = cache)", line)
        if len(line) <= _LINE or match is None:
            yield line
            continue
        before, names = match[1] or "", match[2] or match[3]
        names = names[1:-1] if before == "cache = " else names
        yield f"{before}("
        yield from _filled(names)
        yield f"){match[4] or ''}"


def _filled(names: str) -> Iterator[str]:
    """Names, as many in a line as there is room for."""
    line = "   "
    for part in re.split(r", (?![^(\[{]*[)\]}])", names.rstrip(",")):
        if len(line) + len(part) > _LINE - 6:
            yield line
            line = "   "
        line += f" {part},"
    yield line


def _slots(value: Any) -> list[int]:
    if isinstance(value, Slot):
        return [value.position]
    if isinstance(value, tuple | list):
        return [k for part in value for k in _slots(part)]
    return []
