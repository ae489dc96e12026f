"""The derivation of a module or a function without time steps, such as attention, in matrices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import sympy

from minigrad.arrays import functions
from minigrad.arrays.normal_form import is_zero
from minigrad.options import did_you_mean
from minigrad.symbolic import formula as f
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.derive.notes import NOTES
from minigrad.symbolic.formula import Quantity, equal, tidied
from minigrad.symbolic.matrix import Matrix, exact
from minigrad.symbolic.pieces import stopped
from minigrad.symbolic.read.constants import numbered
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.traces import ROWS, Trace, letter
from minigrad.symbolic.shaped import NotationError
from minigrad.symbolic.write.sentences import Prose, Words
from minigrad.tape import Node, walk
from minigrad.tensor import Parameter, Tensor

_LETTERS = ("Z", "H", "U", "N", "M", "R", "P", "G")


def derive_matrices(trace: Trace, wrt: str | None = None, *, words: Words) -> Derivation:
    """The forward equations of what was recorded, and the gradient of everything named in it.

    The backward formulas are the engine's own backward pass, run on matrices that have names and
    no entries.

    Args:
        trace: what a module or a function recorded.
        wrt: only what leads to this name.
        words: the language.

    Raises:
        NotationError: a rule has no notation.
        ValueError: ``wrt`` names nothing in it.
    """
    names = _Names(trace)
    forward, backward = _run(trace, names, words)
    title = words.plain("gradients", of=trace.title)
    if wrt is not None:
        known = {_key(name): node for node, name in names.shown.items()}
        wrt = wrt if wrt in known else {key.lower(): key for key in known}.get(wrt, wrt)
        if wrt not in known:
            raise ValueError(
                f"derive: {trace.title} has no {wrt!r}{did_you_mean(wrt, known) or ';'} it has "
                + ", ".join(sorted(known))
            )
        needed = names.made_from(known[wrt])
        backward = [line for line in backward if line.of.removeprefix("δ") in needed]
        title = words.plain("gradient_by", of=trace.title, wrt=wrt)
    says = _introduction(trace, names, [*forward, *backward], words)
    softmax = any(n.primitive and n.primitive.name == "softmax" for n in trace.nodes)
    sections = [
        Section(words.plain("forward"), says, tuple(forward)),
        *([_softmax(words)] if softmax else []),
        Section(words.plain("backward"), words("layer_backward_says"), tuple(backward)),
    ]
    return Derivation(title, tuple(sections), words.language)


def _introduction(trace: Trace, names: _Names, lines: list[Line], words: Words) -> Prose:
    """What the rows are, and what is to know about the notation that occurs."""
    rights = [line.equation.right for line in lines]
    says = words("layer_forward_says")
    if trace.single:
        says += words("single_says", name=Quantity(letter(trace.single)))
    if any(ROWS in e.free_symbols for e in rights) or ROWS in itertools.chain(
        *trace.shapes.values()
    ):
        says += words("rows_say", size=ROWS)
    for size, meaning in trace.sizes.items():
        if any(size in e.free_symbols for e in rights):
            says += words("size_says", size=size, meaning=meaning)
    for function, key in NOTES.items():
        if any(e.has(function) for e in rights):
            says += words(key)
    if trace.shapes:
        told = (f"{letter(name)} {' × '.join(map(str, shape))}"
                for name, shape in trace.shapes.items())  # fmt: skip
        says += words("shapes_say", shapes=", ".join(told))
    if names.repeated:
        says += words("repeated_say")
    if names.constants:
        says += words("constant_matrices_say", names=[q for q, _ in names.constants])
    return says


class _Names:
    """Which values of a trace have names, and how these are written."""

    def __init__(self, trace: Trace) -> None:
        self.nodes, self.depth = trace.nodes, trace.depth
        self.output = trace.nodes[-1]
        self.users: dict[Node, list[Node]] = {}
        for node in self.nodes:
            for parent in node.parents:
                if parent is not None:
                    self.users.setdefault(parent, []).append(node)
        self.shown: dict[Node, Quantity] = {}
        self.constants: list[tuple[Quantity, np.ndarray]] = []
        self.repeated = False  # whether a right side is smaller than its left
        taken = {node.name for node in self.nodes if node.name}
        spare = itertools.chain(
            (x for x in _LETTERS if x not in taken), (f"U_{k}" for k in itertools.count(1))
        )
        for rank, node in enumerate(self.nodes):
            if node.name or node is self.output or isinstance(node, Parameter):
                late = len(self.nodes) if isinstance(node, Parameter) else 0
                self.shown[node] = self._free(self._name(node).replaced(rank=rank + late))
        for rank, node in enumerate(self.nodes):
            if node not in self.shown and (node.primitive is None or self._deserves_a_name(node)):
                self.shown[node] = Quantity(next(spare), rank=rank)

    def _name(self, node: Node) -> Quantity:
        """The node's name; a parameter's says which module uses it."""
        if isinstance(node, Parameter):
            base = {"weight": "W", "bias": "b"}.get(node.name or "", node.name or "p")
            users = self.users.get(node, [])
            path = users[0].scope.path if users and users[0].scope is not None else ()
            return Quantity(base, lower=path[-1].name if len(path) > self.depth else "")
        single = np.ndim(node.data) == 0 and node is self.output
        return Quantity(node.name or ("L" if single else "Y"))

    def _free(self, name: Quantity) -> Quantity:
        """The name, numbered if another module uses it too."""
        count = sum(
            other.base == name.base and other.lower.rstrip("0123456789") == name.lower
            for other in self.shown.values()
        )
        return name if not count else name.replaced(lower=f"{name.lower}{count + 1}")

    def _deserves_a_name(self, node: Node) -> bool:
        """Whether it is used more than once, or is a function's or a part's value."""
        primitive = node.primitive
        assert primitive is not None
        if len(self.users.get(node, [])) > 1:
            return True
        if primitive.kind == "elementwise":
            simple = ("negative", "square", "reciprocal", "add", "subtract")
            both = all(p is not None and not isinstance(p, Parameter) for p in node.parents)
            return both and primitive.name not in simple
        return False

    def constant(self, array: np.ndarray) -> Quantity:
        """The name of a constant matrix."""
        for name, known in self.constants:
            if known.shape == array.shape and (known == array).all():
                return name
        name = Quantity("C", lower=str(len(self.constants) + 1), rank=len(self.nodes))
        self.constants.append((name, array))
        return name

    def made_from(self, start: Node) -> set[str]:
        """Names of the value and of everything that was made from it."""
        later = {start}
        for node in self.nodes:
            if any(parent in later for parent in node.parents):
                later.add(node)
        return {_key(name) for node, name in self.shown.items() if node in later}


def _run(trace: Trace, names: _Names, words: Words) -> tuple[list[Line], list[Line]]:
    """The trace once more, on names: an equation for every named value, and for its gradient."""
    made: dict[Node, Tensor] = {}
    number = numbered(trace.nodes)
    drawn = {id(x): node for x, node in zip(trace.outlines, trace.nodes, strict=True)}
    forward: list[Line] = []
    backward: list[Line] = []
    values: dict[sympy.Expr, Quantity] = {}  # of functions, by what they are applied to

    def constant(node: Node, position: int, depth: int, raw: Any) -> Any:
        value = trace.values[number[node], position, depth]
        if isinstance(value, sympy.Expr):
            return value
        array = np.asarray(value)
        entrywise = node.primitive is not None and node.primitive.kind == "elementwise"
        if array.size and (array == array.flat[0]).all() and (entrywise or array.ndim == 0):
            return Matrix(exact(array.flat[0]), array.shape, (1,) * array.ndim)
        if array.dtype == bool:
            array = array.astype(float)
        return Matrix(names.constant(array), array.shape)

    def taken_off(node: Node, position: int, raw: Any, places: Iterator[int]) -> Any:
        if not isinstance(raw, Outline):
            return constant(node, position, next(places), raw)
        if id(raw) in drawn:
            value = made[drawn[id(raw)]].data
            return value.like(stopped(value.formula))
        assert raw.made is not None
        how, operands, static = raw.made
        parts = [taken_off(node, position, x, places) for x in operands]
        if isinstance(how, str):
            whole = next(x for x in parts if isinstance(x, Matrix))
            return whole.compared(how, *map(_unstopped, parts))
        return how.bind(parts, static)

    def hook(node: Node) -> Callable[[Matrix], Matrix]:
        name = names.shown[node]
        delta = name.replaced(delta=True, rank=name.rank - 10 * len(number))

        def note(g: Matrix) -> Matrix:
            names.repeated |= g.own != g.shape
            used = sorted((q for q in g.formula.atoms(Quantity) if q.delta), key=lambda q: -q.rank)
            ways = [q.replaced(delta=False, rank=q.rank + 10 * len(number)) for q in used]
            through = [way for way in ways if way.base != "L"]
            if ways == through:
                reason = words("enters_through", v=name, now=ways) if ways else words("from_loss")
            else:
                enters = "enters_loss_now" if through else "enters_loss"
                reason = words(enters, v=name, now=through)
            uses = [key for way in ways for key in _behind(names, way)]
            right = tidied(_counted(f.joined(g.formula, trace.lengths), trace.lengths))
            right = right.xreplace(values)
            backward.append(Line(equal(delta, right), reason, f"δ{_key(name)}", tuple(uses)))
            return Matrix(delta, made[node].shape)

        return note

    for node in trace.nodes:
        if node.primitive is None:
            leaf = Matrix(names.shown[node], np.shape(node.data))
            result = Tensor(leaf, requires_grad=True)
        else:
            operands = tuple(
                taken_off(node, position, raw, itertools.count()) if parent is None
                else made[parent]
                for position, (raw, parent) in enumerate(
                    zip(node.operands, node.parents, strict=True)
                )
            )  # fmt: skip
            with _in_notation(node.primitive.name):
                result = node.primitive.bind(operands, node.static)
        made[node] = result
        if node in names.shown:
            if node.primitive is not None:
                name = names.shown[node]
                names.repeated |= result.data.own != result.shape
                formula = _counted(result.data.formula, trace.lengths)
                if formula.is_Function and not isinstance(formula, f.ArrayFunction):
                    values[formula] = name
                reason = words("all_entries") if formula.has(f.total) else _reason(node, words)
                forward.append(Line(equal(name, formula), reason, _key(name)))
                result.data = Matrix(name, result.shape)
            result.register_hook(hook(node))
    output = made[names.output]
    name = names.shown[names.output]
    seed = sympy.Integer(1) if name.base == "L" else f.of_loss(name)
    with _in_notation("its backward pass"):
        walk([(output, Matrix(seed, output.shape))])
    return forward, backward


@contextmanager
def _in_notation(what: str) -> Iterator[None]:
    """What matrices by name do not have is refused."""
    try:
        yield
    except (AttributeError, TypeError, IndexError) as error:
        raise NotationError(f"{what} ({error})") from error


def _counted(formula: sympy.Expr, lengths: Mapping[int, sympy.Expr]) -> sympy.Expr:
    """Numbers of entries, and of the columns that are taken, as they are written."""

    def written(_: Any, start: sympy.Expr, stop: sympy.Expr) -> sympy.Expr:
        return f.columns(_, lengths[int(start)], lengths[int(stop)])

    return f.counted(formula, lengths).replace(f.columns, written)


def _unstopped(x: Any) -> Any:
    """What is compared has no derivative anyway."""
    stops = isinstance(x, Matrix) and isinstance(x.formula, stopped)
    return x.like(x.formula.args[0]) if stops else x


def _behind(names: _Names, name: Quantity) -> Iterator[str]:
    """The lines that say how a value depends on what it is made of."""
    yield _key(name)
    made = next(node for node, own in names.shown.items() if own == name).primitive
    if made is not None and made.name == "softmax":
        yield "p"


def _reason(node: Node, words: Words) -> Prose:
    assert node.primitive is not None
    made_by = {p.primitive.name for p in node.parents if p is not None and p.primitive}
    match node.primitive.name:
        case "reshape" | "getitem" if isinstance(node.parents[0], Node) and made_by:
            return _reason(node.parents[0], words)
        case "softmax":
            return words("weights_rows")
        case "matmul" if "softmax" in made_by:
            return words("mean_of_values")
        case "matmul":
            return words("a_product")
        case "divide" if "matmul" in made_by:
            return words("fits")
        case "affine":
            return words("an_affine_map")
        case "add" if isinstance(node.parents[1], Parameter):
            return words("an_affine_map")
        case _ if any("sum" in made for made in made_by):
            return words("row_operation")
        case name if node.primitive.kind == "elementwise" or name == "where":
            return words("a_function")
        case _:
            return words("whole_matrices")


def _key(name: Quantity) -> str:
    return f"{name.base}_{name.lower}" if name.lower else name.base


def _softmax(words: Words) -> Section:
    """The Jacobian of softmax for one row, by SymPy."""
    s = sympy.symbols("s_0:3", real=True)
    total = sympy.Add(*(functions.exp(v) for v in s))
    weights = [functions.exp(v) / total for v in s]
    p = sympy.symbols("p_0:3", real=True)
    own, other = sympy.symbols("p_i p_j")  # numbers, as they are not quantities
    shown = {p[0]: own, p[1]: other}
    lines = []
    for j, (right, which) in enumerate(((p[0] * (1 - p[0]), "same_entry"),
                                       (-p[0] * p[1], "other_entry"))):  # fmt: skip
        derivative = sympy.diff(weights[0], s[j])
        if not is_zero(derivative - right.xreplace(dict(zip(p, weights, strict=True)))):
            raise AssertionError("softmax: the Jacobian in closed form is not SymPy's")
        left = f.partial(own, sympy.Symbol(f"s_{'ij'[j]}"))
        lines.append(Line(equal(left, right.xreplace(shown)), words(which), f"p|{j}"))
    row = Quantity("p")
    whole = f.diagonal(row) - f.matmul(row, f.transposed(row))
    lines.append(Line(equal(f.partial(row, Quantity("s")), whole), words("both_entries"),
                      "p", ("p|0", "p|1")))  # fmt: skip
    return Section(words.plain("softmax_row"), words("softmax_says"), tuple(lines))
