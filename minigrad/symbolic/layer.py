"""The derivation of a layer without time steps, such as attention, in matrices."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from minigrad.arrays import functions
from minigrad.arrays.normal_form import is_zero
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.formula import Formula, Name, Operation, Scalar, op, plus
from minigrad.symbolic.matrix import MatrixArray, NotationError, matrix_shape, unbroadcast
from minigrad.symbolic.plain import plain
from minigrad.symbolic.sentences import Prose, Words
from minigrad.tape import Node, ancestors
from minigrad.targets import Target
from minigrad.tensor import Parameter, Tensor

_STEPS, _SIZES = 7, (31, 37, 41, 43)  # that differ, so that √37 can only be √d
_KEPT = ("softmax", "affine")  # fused operations that have a notation of their own
_LETTERS = ("Z", "H", "U", "N", "M", "R", "P", "G")


def derive_layer(target: Target, wrt: str | None = None, *, words: Words) -> Derivation:
    """The forward equations of a layer and the gradient of everything named in it.

    The backward formulas are the engine's own rules, run on matrices that only have names.

    Args:
        target: a module that is made with sizes and called with matrices (rows, size).
        wrt: only what leads to this name.
        words: the language.

    Raises:
        ValueError: a rule has no notation, or ``wrt`` names nothing in the layer.
    """
    try:
        writer = _traced(target, _STEPS, words)
    except NotationError:  # such as every query with every key: then one query at a time
        writer = _traced(target, 1, words)
    forward, backward = writer.forward(), writer.backward()
    title = words.plain("gradients", of=target.title)
    if wrt is not None:
        known = {_key(name): node for node, name in writer.names.items()}
        if wrt not in known:
            wrt = {key.lower(): key for key in known}.get(wrt, wrt)
        if wrt not in known:
            raise ValueError(
                f"derive: {target.title} has no {wrt!r}; it has {', '.join(sorted(known))}"
            )
        needed = writer.made_from(known[wrt])
        backward = [line for line in backward if line.of.removeprefix("δ") in needed]
        title = words.plain("gradient_by", of=target.title, wrt=wrt)
    width = words("layer_width") if writer.uses_width else ()
    sections = [
        Section(words.plain("forward"), words("layer_forward_says", width=width), tuple(forward)),
        *([_softmax(words)] if writer.has_softmax else []),
        Section(words.plain("backward"), words("layer_backward_says"), tuple(backward)),
    ]
    return Derivation(title, tuple(sections), words.language)


def _traced(target: Target, rows: int, words: Words) -> _Writer:
    """The layer run once, the first of several inputs with so many rows."""
    sizes = _required(target.subject.__init__)[1:]
    given = dict(zip(sizes, _SIZES, strict=False))
    options = {"rng": 0, "dtype": np.float64}
    accepted = inspect.signature(target.subject.__init__).parameters
    some = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    try:
        layer = target.subject(
            *given.values(), **{k: v for k, v in options.items() if some or k in accepted}
        )
        inputs = {}
        for k, name in enumerate(_required(layer.forward)):
            width = given.get(f"{name}_size", next(iter(given.values())))
            shape = (rows if k == 0 else _STEPS, width)
            inputs[name] = Tensor(np.ones(shape), requires_grad=True, name=name.upper()[:1])
        outputs = layer.eval()(*inputs.values())
    except Exception as error:
        wanted = ", ".join(f"{name}={size}" for name, size in given.items())
        raise ValueError(
            f"derive: {target.title} cannot be made and called as a module of matrices (rows, "
            f"width), and only such are derived; verify and graph may know it. "
            f"{target.title}({wanted}) failed: {type(error).__name__}: "
            f"{' '.join(str(error).split())}"
        ) from error
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    if not (isinstance(output, Tensor) and output.requires_grad):
        raise ValueError(f"derive: {target.title} returns nothing that depends on its inputs")
    (output,) = plain(
        [output], keep=lambda n: n.primitive is not None and n.primitive.name in _KEPT
    )
    recorded = sorted(ancestors([output]), key=lambda node: node.index)
    width = list(given.values())[-1] if given else 0
    return _Writer(recorded, output, words, width)


def _required(function: Any) -> list[str]:
    """The parameters that must be given by position."""
    return [
        name
        for name, p in inspect.signature(function).parameters.items()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)
    ]


class _Writer:
    """Formulas of what is on the tape: named values by name, the others written out."""

    def __init__(self, recorded: list[Node], output: Tensor, words: Words, width: int) -> None:
        self.recorded, self.output, self.say, self.width = recorded, output, words, width
        self.users: dict[Node, list[Node]] = {}
        for node in recorded:
            for parent in node.parents:
                if parent is not None:
                    self.users.setdefault(parent, []).append(node)
        self.names: dict[Node, Name] = {}
        taken = {node.name for node in recorded if node.name}
        spare = itertools.chain(
            (x for x in _LETTERS if x not in taken), (f"U_{k}" for k in itertools.count(1))
        )
        for node in recorded:
            if node.name or node is output:
                self.names[node] = self._free(_name(node, self.users.get(node, [])))
        for node in recorded:
            if node not in self.names and self._deserves_a_name(node):
                self.names[node] = Name(next(spare))
        self.arrays = {
            node: MatrixArray(name, node.data.shape) for node, name in self.names.items()
        }
        self.written: dict[Node, MatrixArray] = {}
        self.has_softmax = any(n.primitive and n.primitive.name == "softmax" for n in recorded)
        for node in recorded:
            if node.primitive is not None:
                self.written[node] = self._run(node)
                self.arrays.setdefault(node, self.written[node])
        self.uses_width = False

    def _run(self, node: Node) -> MatrixArray:
        assert node.primitive is not None
        operands = self._operands(node)
        if node.primitive.name in ("reshape", "getitem"):
            return operands[0].moved(node.data.shape)
        if node.primitive.name == "affine":  # written W x + b, as the product that it is
            x, weight, bias = operands
            return x @ np.swapaxes(weight, -1, -2) + bias
        return node.primitive.bind(operands, node.static)

    def _deserves_a_name(self, node: Node) -> bool:
        """Whether it is used more than once, or is a function's or a part's value."""
        primitive, users = node.primitive, self.users.get(node, [])
        if primitive is None:
            return False
        if len(users) > 1:
            return True
        if primitive.kind == "elementwise":
            simple = ("negative", "square", "reciprocal", "add", "subtract")
            both = all(p is not None and not isinstance(p, Parameter) for p in node.parents)
            return both and primitive.name not in simple
        return False

    def _free(self, name: Name) -> Name:
        """The name, numbered if another module of the layer uses it too."""
        count = sum(
            other.base == name.base and other.lower.rstrip("0123456789") == name.lower
            for other in self.names.values()
        )
        return name if not count else replace(name, lower=f"{name.lower}{count + 1}")

    def made_from(self, start: Node) -> set[str]:
        """Names of the value and of everything that was made from it."""
        later = {start}
        for node in self.recorded:
            if any(parent in later for parent in node.parents):
                later.add(node)
        return {_key(name) for node, name in self.names.items() if node in later}

    def _operands(self, node: Node) -> tuple[Any, ...]:
        return tuple(
            raw if parent is None else self.arrays[parent]
            for raw, parent in zip(node.operands, node.parents, strict=True)
        )

    def forward(self) -> list[Line]:
        """An equation for every named value."""
        return [
            Line(op("equals", self.names[node], self._with_d(self.written[node].formula)),
                 self._reason(node), _key(self.names[node]))
            for node in self.recorded
            if node in self.names and node in self.written
        ]  # fmt: skip

    def backward(self) -> list[Line]:
        """The cotangent of every named value, last first; unnamed ones are written out."""
        seed = MatrixArray(op("from_output", self.names[self.output]), self.output.shape)
        table: dict[Node, list[tuple[MatrixArray, Name | None]]] = {self.output: [(seed, None)]}
        lines = []
        for node in reversed(self.recorded):
            parts = table.pop(node, None)
            if parts is None:
                continue
            width = max(part.width for part, _ in parts)
            total = plus([part.formula for part, _ in parts])
            ways = list(dict.fromkeys(way for _, way in parts if way is not None))
            via = ways[0] if ways else None
            if node in self.names:
                name = self.names[node]
                delta = replace(name, delta=True)
                reason = (
                    self.say("enters_through", v=name, now=ways) if ways else self.say("from_loss")
                )
                lines.append(
                    Line(op("equals", delta, self._with_d(total)), reason, f"δ{_key(name)}",
                         tuple(key for way in ways for key in self._behind(way)))
                )  # fmt: skip
                total, via, width = delta, name, matrix_shape(node.data.shape)[1]
            g = MatrixArray(total, node.data.shape, width)
            for position, parent in enumerate(node.parents):
                if parent is not None:
                    table.setdefault(parent, []).append(
                        (self._contribution(node, position, g), via)
                    )
        return lines

    def _behind(self, name: Name) -> Iterator[str]:
        """The lines that say how a value depends on what it is made of."""
        yield _key(name)
        made = next(node for node, own in self.names.items() if own == name).primitive
        if made is not None and made.name == "softmax":
            yield "p"

    def _contribution(self, node: Node, position: int, g: MatrixArray) -> MatrixArray:
        assert node.primitive is not None
        shape = node.operands[position].shape
        if node.primitive.name in ("reshape", "getitem"):
            return g.moved(shape)
        rule = node.primitive.vjp(position)
        assert rule is not None
        part = rule(g, self.arrays[node], *self._operands(node), **node.static)
        if node in self.names:  # the value under its name, where the rule computes it once more
            formula = _replaced(part.formula, self.written[node].formula, self.names[node])
            part = MatrixArray(formula, part.shape, part.width)
        return unbroadcast(part, shape)

    def _with_d(self, formula: Formula) -> Formula:
        """The formula with d where the width of the rows stands."""
        if isinstance(formula, Scalar):
            d = sympy.Symbol("d", positive=True)
            values: Mapping[Any, Any] = {
                self.width: d, sympy.sqrt(self.width): sympy.sqrt(d),
            }  # fmt: skip
            if formula.expression in values:
                self.uses_width = True
                return Scalar(values[formula.expression])
            return formula
        if isinstance(formula, Operation):
            return op(formula.kind, *map(self._with_d, formula.parts))
        return formula

    def _reason(self, node: Node) -> Prose:
        assert node.primitive is not None
        made_by = {p.primitive.name for p in node.parents if p is not None and p.primitive}
        match node.primitive.name:
            case "reshape" | "getitem" if isinstance(node.parents[0], Node) and made_by:
                return self._reason(node.parents[0])
            case "softmax":
                return self.say("weights_rows")
            case "matmul" if "softmax" in made_by:
                return self.say("mean_of_values")
            case "matmul":
                return self.say("a_product")
            case "divide" if "matmul" in made_by:
                return self.say("fits")
            case "affine":
                return self.say("an_affine_map")
            case "add" if isinstance(node.parents[1], Parameter):
                return self.say("an_affine_map")
            case name if node.primitive.kind == "elementwise" and node.primitive.arity == 1:
                return self.say("a_function")
            case name:
                sums = any("sum" in made for made in made_by)
                return self.say("row_operation") if sums else self.say("an_operation", name=name)


def _name(node: Node, users: list[Node]) -> Name:
    """The node's name; a parameter's says which module uses it."""
    if isinstance(node, Parameter):
        base = {"weight": "W", "bias": "b"}.get(node.name or "", node.name or "p")
        path = users[0].scope.path if users and users[0].scope is not None else ()
        return Name(base, lower=path[-1].name if len(path) > 1 else "")
    return Name(node.name or "Y")


def _key(name: Name) -> str:
    return f"{name.base}_{name.lower}" if name.lower else name.base


def _replaced(formula: Formula, old: Formula, new: Formula) -> Formula:
    if formula == old:
        return new
    if isinstance(formula, Operation):
        return op(formula.kind, *(_replaced(part, old, new) for part in formula.parts))
    return formula


def _softmax(words: Words) -> Section:
    """The Jacobian of softmax for one row, by SymPy."""
    s = sympy.symbols("s_0:3", real=True)
    total = sympy.Add(*(functions.exp(v) for v in s))
    weights = [functions.exp(v) / total for v in s]
    p = sympy.symbols("p_0:3", real=True)
    lines = []
    for j, (right, which) in enumerate(((p[0] * (1 - p[0]), "same_entry"),
                                       (-p[0] * p[1], "other_entry"))):  # fmt: skip
        derivative = sympy.diff(weights[0], s[j])
        if not is_zero(derivative - right.xreplace(dict(zip(p, weights, strict=True)))):
            raise AssertionError("softmax: the Jacobian in closed form is not SymPy's")
        own, other = Name("p", lower="i"), Name("p", lower="ij"[j])
        rest = Scalar(right / p[0], ((p[0], own),)) if j == 0 else other
        product: Formula = op("scaled", own, rest)
        left = op("partial", own, Name("s", lower="ij"[j]))
        formula = op("equals", left, product if j == 0 else op("minus", product))
        lines.append(Line(formula, words(which), f"p|{j}"))
    row = Name("p")
    whole = plus([op("diag", row), op("minus", op("matmul", row, op("transpose", row)))])
    lines.append(Line(op("equals", op("partial", row, Name("s")), whole), words("both_entries"),
                      "p", ("p|0", "p|1")))  # fmt: skip
    return Section(words.plain("softmax_row"), words("softmax_says"), tuple(lines))
