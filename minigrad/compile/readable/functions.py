"""A function and its gradient as NumPy code that a person would have written.

Two functions, forward and backward, in the names of the user's own code, with the shapes of the
example in comments, and nothing but NumPy. What is read once and has no name becomes a part of
the expression that reads it. The same program runs fast in another form, see
`minigrad.compile.numpy_code`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from typing import Literal as OneOf

import numpy as np

from minigrad.compile.helpers import HELPERS, IMPORTS
from minigrad.compile.naming import Names
from minigrad.compile.program import Operand, Program, Statement, Variable, needed
from minigrad.compile.readable.body import Body
from minigrad.compile.readable.text import Expression, drawn, identifier, shape_text, wrapped
from minigrad.compile.readable.writer import OWN, Unwritable, Writer
from minigrad.compile.signature import flatten
from minigrad.compile.simplify import simplified
from minigrad.compile.tracing import Output, Traced, traced_twice
from minigrad.scope import unfused
from minigrad.tensor import Tensor
from minigrad.tree import tree_leaves, tree_map

Language = OneOf["en", "es"]
_FLAT = 8  # inputs that are arguments of their own
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "module": "{title} and its gradient in {library}, written by `minigrad compile`.",
        "shapes": "The shapes are those of the example that it was written from.",
        "forward": "The value of {title}, and what the backward pass needs.",
        "backward": "The gradients of {inputs}, given {cotangents}.",
        "settings": "With {settings}.",
        "through": "through {name}",
        "example": "Inputs of these shapes, drawn at random.",
        "and": "and",
    },
    "es": {
        "module": "{title} y su gradiente en {library}, escrito por `minigrad compile`.",
        "shapes": "Las formas son las del ejemplo con el que se ha escrito.",
        "forward": "El valor de {title}, y lo que necesita la retropropagación.",
        "backward": "Los gradientes de {inputs}, dado {cotangents}.",
        "settings": "Con {settings}.",
        "through": "a través de {name}",
        "example": "Entradas de estas formas, sacadas al azar.",
        "and": "y",
    },
}  # fmt: skip


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
        found = traced_twice(function, title, leaves, backward=True, names=names)
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


class _Source(Writer):
    """Writes the two functions."""

    def __init__(
        self, title: str, inputs: Mapping[str, Any], found: Traced, language: Language
    ) -> None:
        super().__init__(title, _WORDS[language])
        self.example, self.found = inputs, found
        self.settings: list[str] = []

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
            if given in OWN or not given.isidentifier() or keyword.iskeyword(given):
                name = self.fresh(f"{identifier(given)}_" if given in OWN else identifier(given))
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
            if parts:
                arguments.append(_Argument(name, value, parts))
            else:  # the source is for this one alone
                self.settings.append(f"{given}={value!r}")
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
        self.cotangents: list[str] = []
        self.differentiable: list[str] = []
        for number, x in enumerate(self.outputs):
            base = self.found.outputs[number].name  # type: ignore[union-attr]
            base = f"{base}_out" if base in self.taken else base  # h after an argument h
            plain = "out" if "y" in self.taken else "y"
            wanted = base or (plain if len(self.outputs) == 1 else f"{plain}{number + 1}")
            if isinstance(x, Variable) and x not in self.text and x.value is None:
                self.named(x, wanted)
            name = self.text[x].text if isinstance(x, Variable) and x in self.text else wanted
            for output, seed in zip(tracked, self.found.seeds, strict=True):
                if output.number == number:
                    self.cotangents.append(self.named(seed, f"d{name}"))
                    self.differentiable.append(name)

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
        body = Body(self, statements, forced)
        lines = body.lines()
        kept = [self.text[x].text for x in cache]
        title = self.fresh_title(kind)
        if kind == "forward":
            head = f"def {title}({', '.join(a.name for a in arguments)}):"
            doc = self.words["forward"].format(title=self.title)
            if self.settings:
                doc += " " + self.words["settings"].format(settings=", ".join(self.settings))
            unpacked = [f"{self.text[p.variable].text} = {p.path}" for a in arguments
                        for p in a.parts if p.path != a.name]  # fmt: skip
            cached = f"({', '.join(kept)}{',' * (len(kept) == 1)})"
            results = [body.operand(x).text for x in self.outputs]
            end = [f"cache = {cached}", f"return {', '.join([*results, 'cache'])}"]
            lines = [*unpacked, *self._asserted(arguments), *lines, *end]
        else:
            head = f"def {title}({', '.join([*self.cotangents, 'cache'])}):"
            names = [self.text[p.variable].text for _, p in self._gradient_parts(arguments)]
            doc = self.words["backward"].format(
                inputs=self._listed(names), cotangents=self._listed(self.cotangents)
            )
            start = [f"{', '.join(kept)}{',' * (len(kept) == 1)} = cache"] if kept else []
            nest = ", ".join(self._gradient(a, body) for a in arguments)
            lines = [*start, *lines, f"return {nest}"]
        return "\n".join([head, f'    """{doc}"""', *(f"    {line}" for line in wrapped(lines))])

    def _asserted(self, arguments: Sequence[_Argument]) -> list[str]:
        """A line that refuses other shapes, unless everything is computed entry by entry."""
        if not self.program.constants() and all(
            s.operation.kind == "elementwise" for s in self.program.statements
        ):
            return []
        given = [p.variable for a in arguments for p in a.parts]
        shaped = [x for x in given if x.shape][:_FLAT]
        names = ", ".join(f"{self.text[x].text}.shape" for x in shaped)
        shapes = ", ".join(shape_text(x.shape) for x in shaped)
        if len(shaped) == 1:
            return [f"assert {names} == {shapes}"]
        return [f"assert ({names}) == ({shapes})"] if shaped else []

    def fresh_title(self, kind: str) -> str:
        """The name of one of the two functions."""
        title = re.sub(r"[^0-9a-zA-Z_]", "_", self.title)
        return f"{title.removesuffix('_forward')}_{kind}"

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

    def _gradient(self, argument: _Argument, body: Body) -> str:
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
            return f"np.zeros({shape_text(part.variable.shape)})"

        return text(argument.value)

    def _example(self, arguments: Sequence[_Argument]) -> str:
        """A function that makes inputs of the shapes of the example, and its use."""
        doc = self.words["example"]
        given = [drawn(a.value) for a in arguments]
        values = [f"    return {given[0]},"] if len(given) == 1 else [
            "    return (", *(f"        {text}," for text in given), "    )"]  # fmt: skip
        outputs = [self.text[x].text if isinstance(x, Variable) and x in self.text else f"y{k}"
                   for k, x in enumerate(self.outputs)]  # fmt: skip
        ones = ", ".join(f"np.ones_like({name})" for name in self.differentiable)
        return "\n".join([
            "def example_inputs():", f'    """{doc}"""', "    rng = np.random.default_rng(0)",
            *values, "", "",
            'if __name__ == "__main__":',
            f"    {', '.join(outputs)}, cache = {self.fresh_title('forward')}(*example_inputs())",
            f"    print({', '.join(outputs)})",
            f"    print({self.fresh_title('backward')}({ones}, cache))",
        ])  # fmt: skip

    # Constants


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
