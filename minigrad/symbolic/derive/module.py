"""The derivation of a module or a function without time steps, such as attention, in matrices."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from minigrad import nn
from minigrad.arrays import functions
from minigrad.arrays.normal_form import is_zero
from minigrad.symbolic import formula as f
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.derive.notes import NOTES
from minigrad.symbolic.formula import Quantity, Size, equal, tidied
from minigrad.symbolic.matrix import Matrix, exact
from minigrad.symbolic.pieces import stopped
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.plain import plain
from minigrad.symbolic.read.recording import Place, constants_of, lifted, numbered, steady
from minigrad.symbolic.shaped import NotationError
from minigrad.symbolic.write.sentences import Prose, Words
from minigrad.tape import Node, ancestors, walk
from minigrad.tensor import Parameter, Tensor

_SIZES = ((31, 37, 41, 43), (17, 19, 23, 29))  # at which a module is made
_ROWS = (7, 5)  # of its inputs
_LETTERS = ("Z", "H", "U", "N", "M", "R", "P", "G")


@dataclass(frozen=True)
class Trace:
    """What a module or a function recorded.

    Attributes:
        title: what it is called.
        nodes: everything that was recorded, in order; the last is the output.
        values: the constants in it, as they are written.
        sizes: what each size in the constants means.
        shapes: of the inputs by name, where the formulas hold for these only.
        depth: how many modules there are around all operations.
    """

    title: str
    nodes: Sequence[Node]
    values: Mapping[Place, Any]
    sizes: Mapping[Size, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    depth: int = 0


def derive_class(
    made: type[nn.Module], title: str, wrt: str | None = None, *, words: Words
) -> Derivation:
    """The forward equations of a module and the gradient of everything named in it.

    The backward formulas are the engine's own backward pass, run on matrices that have names and
    no entries.

    Args:
        made: the class of a module that is made with sizes and called with matrices (rows, size).
        title: what it is called.
        wrt: only what leads to this name.
        words: the language.

    Raises:
        ValueError: a rule has no notation, or ``wrt`` names nothing in the module.
    """
    try:
        return derived(_traced(made, title, _ROWS), wrt, words)
    except NotationError:  # such as every query with every key: then one query at a time
        return derived(_traced(made, title, (1, 1)), wrt, words)


def derive_call(
    call: Callable[..., Any],
    shapes: Mapping[str, tuple[int, ...]],
    title: str,
    wrt: str | None = None,
    *,
    words: Words,
    depth: int = 0,
) -> Derivation:
    """The same for a function of arrays of given shapes, called by name.

    Raises:
        ValueError: as for `derive_class`.
    """

    def run() -> Sequence[Node]:
        return _written_out(call(**_outlines(shapes)), title)

    first = run()
    values = steady(first, run(), title)
    return derived(Trace(title, first, values, shapes=shapes, depth=depth), wrt, words)


def _letter(name: str) -> str:
    """The matrix that an argument is called."""
    return "X" if name.startswith("input") else name[:1].upper()


def _outlines(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Inputs of which only the shapes are known."""
    return {
        name: Tensor(Outline(shape), requires_grad=True, name=_letter(name))
        for name, shape in shapes.items()
    }


def derive_instance(
    module: nn.Module, title: str, wrt: str | None = None, *, words: Words
) -> Derivation:
    """The same for a module that is made, with inputs as wide as some parameter of it.

    Raises:
        ValueError: as for `derive_class`, or it takes no such input.
    """
    names = _required(module.forward)
    widths = list(dict.fromkeys(p.shape[-1] for p in module.parameters() if p.shape)) or [1]
    refused = None
    for rows, chosen in itertools.product(
        (_ROWS[0], 1), itertools.product(widths, repeat=len(names))
    ):
        lengths = itertools.chain([rows], itertools.repeat(_ROWS[0]))
        shapes = dict(zip(names, zip(lengths, chosen, strict=False), strict=True))
        try:
            module(**_outlines(shapes))
            return derive_call(module, shapes, title, wrt, words=words, depth=1)
        except NotationError as error:
            refused = error
        except (ValueError, TypeError, IndexError) as error:  # another width may do
            if str(error).startswith("derive:"):
                raise
    if refused is not None:
        raise refused
    raise ValueError(
        f"derive: {title} takes no matrix that is as wide as one of its parameters; name a "
        "function without arguments that calls it"
    )


def derive_recorded(output: Any, title: str, wrt: str | None = None, *, words: Words) -> Derivation:
    """The same for what a function without arguments has computed, such as a loss.

    Raises:
        ValueError: as for `derive_class`.
    """
    nodes = _written_out(output, title)
    shapes = {
        node.name or "": np.shape(node.data)
        for node in nodes if node.primitive is None and not isinstance(node, Parameter)
    }  # fmt: skip
    return derived(Trace(title, nodes, constants_of(nodes), shapes=shapes), wrt, words)


def derived(trace: Trace, wrt: str | None, words: Words) -> Derivation:
    """The derivation of what was recorded."""
    names = _Names(trace)
    forward, backward = _run(trace, names, words)
    title = words.plain("gradients", of=trace.title)
    if wrt is not None:
        known = {_key(name): node for node, name in names.shown.items()}
        wrt = wrt if wrt in known else {key.lower(): key for key in known}.get(wrt, wrt)
        if wrt not in known:
            raise ValueError(
                f"derive: {trace.title} has no {wrt!r}; it has {', '.join(sorted(known))}"
            )
        needed = names.made_from(known[wrt])
        backward = [line for line in backward if line.of.removeprefix("δ") in needed]
        title = words.plain("gradient_by", of=trace.title, wrt=wrt)
    lines = [line.equation.right for line in (*forward, *backward)]
    says = words("layer_forward_says")
    for size, meaning in trace.sizes.items():
        if any(size in e.free_symbols for e in lines):
            says += words("size_says", size=size, meaning=meaning)
    for function, key in NOTES.items():
        if any(e.has(function) for e in lines):
            says += words(key)
    if trace.shapes:
        told = (f"{_letter(name)} {' × '.join(map(str, shape))}"
                for name, shape in trace.shapes.items())  # fmt: skip
        says += words("shapes_say", shapes=", ".join(told))
    if names.constants:
        says += words("constant_matrices_say", names=[q for q, _ in names.constants])
    softmax = any(n.primitive and n.primitive.name == "softmax" for n in trace.nodes)
    sections = [
        Section(words.plain("forward"), says, tuple(forward)),
        *([_softmax(words)] if softmax else []),
        Section(words.plain("backward"), words("layer_backward_says"), tuple(backward)),
    ]
    return Derivation(title, tuple(sections), words.language)


def _traced(made: type[nn.Module], title: str, rows: tuple[int, int]) -> Trace:
    """A module made at two sizes, and run on outlines."""
    module, names = _made(made, title, _SIZES[0])
    first, again = (_called(module, names, title, rows[0], _ROWS[0]) for _ in range(2))
    second = _called(*_made(made, title, _SIZES[1]), title, rows[1], _ROWS[1])
    sizes = {Size("n"): list(_ROWS)} if rows == _ROWS else {}
    meanings = {}
    for letter, k in zip("dmkp", reversed(range(len(names))), strict=False):
        sizes[Size(letter)] = [lengths[k] for lengths in _SIZES]
        meanings[Size(letter)] = list(names)[k]
    values = lifted(steady(first, again, title), first, second, sizes, title)
    return Trace(title, first, values, meanings, depth=1)


def _made(
    made: type[nn.Module], title: str, sizes: Sequence[int]
) -> tuple[nn.Module, dict[str, int]]:
    """A module of these sizes, and what each of them is called."""
    given = dict(zip(_required(made.__init__)[1:], sizes, strict=False))
    accepted = inspect.signature(made.__init__).parameters
    some = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    options = {"rng": 0, "dtype": np.float64}
    try:
        module = made(
            *given.values(), **{k: v for k, v in options.items() if some or k in accepted}
        )
    except Exception as error:
        raise _unmade(title, given, error) from error
    return module.eval(), given


def _called(
    module: nn.Module, sizes: Mapping[str, int], title: str, rows: int, others: int
) -> Sequence[Node]:
    """What a module records, the first of several inputs with so many rows."""
    inputs = []
    for k, name in enumerate(_required(module.forward)):
        width = sizes.get(f"{name}_size", next(iter(sizes.values()), 1))
        outline = Outline((rows if k == 0 else others, width))
        inputs.append(Tensor(outline, requires_grad=True, name=_letter(name)))
    try:
        outputs = module(*inputs)
    except NotationError:
        raise
    except Exception as error:
        raise _unmade(title, sizes, error) from error
    return _written_out(outputs, title)


def _unmade(title: str, sizes: Mapping[str, int], error: Exception) -> ValueError:
    wanted = ", ".join(f"{name}={size}" for name, size in sizes.items())
    return ValueError(
        f"derive: {title} cannot be made and called as a module of matrices (rows, width); name "
        f"an instance instead, or use verify and graph. {title}({wanted}) failed: "
        f"{type(error).__name__}: {' '.join(str(error).split())}"
    )


def _written_out(outputs: Any, title: str) -> Sequence[Node]:
    """Everything that the first output is made of, in order, fused operations written out.

    Raises:
        ValueError: it depends on nothing.
    """
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    if not (isinstance(output, Tensor) and output.requires_grad):
        raise ValueError(f"derive: {title} returns nothing that depends on its inputs")
    (output,) = plain([output], keep=_has_notation)
    return sorted(ancestors([output]), key=lambda node: node.index)


def _has_notation(node: Node) -> bool:
    """Whether a fused operation is written by its own name."""
    name = node.primitive.name if node.primitive else ""
    return name == "affine" or (name == "softmax" and node.static.get("where") is None)


def _required(function: Any) -> list[str]:
    """The parameters that must be given by position."""
    return [
        name
        for name, p in inspect.signature(function).parameters.items()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)
    ]


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
    data = {id(node.data): node for node in trace.nodes}
    forward: list[Line] = []
    backward: list[Line] = []
    values: dict[sympy.Expr, Quantity] = {}  # of functions, by what they are applied to

    def constant(node: Node, position: int, depth: int, raw: Any) -> Any:
        value = trace.values[number[node], position, depth]
        if isinstance(value, sympy.Expr):
            return value
        array = np.asarray(value)
        if array.size and (array == array.flat[0]).all():
            return Matrix(exact(array.flat[0]), array.shape, (1,) * array.ndim)
        if array.dtype == bool:
            array = array.astype(float)
        return Matrix(names.constant(array), array.shape)

    def taken_off(node: Node, position: int, raw: Any, places: Iterator[int]) -> Any:
        if not isinstance(raw, Outline):
            return constant(node, position, next(places), raw)
        if id(raw) in data:
            value = made[data[id(raw)]].data
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
            used = sorted((q for q in g.formula.atoms(Quantity) if q.delta), key=lambda q: -q.rank)
            ways = [q.replaced(delta=False, rank=q.rank + 10 * len(number)) for q in used]
            loss = [way for way in ways if way.base == "L"]
            if loss:
                reason = words("enters_loss", v=name)
            else:
                reason = words("enters_through", v=name, now=ways) if ways else words("from_loss")
            uses = [key for way in ways for key in _behind(names, way)]
            right = tidied(f.joined(g.formula.xreplace(values)))
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
                formula = result.data.formula
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
        case _:
            return words("a_function")


def _key(name: Quantity) -> str:
    return f"{name.base}_{name.lower}" if name.lower else name.base


def _softmax(words: Words) -> Section:
    """The Jacobian of softmax for one row, by SymPy."""
    s = sympy.symbols("s_0:3", real=True)
    total = sympy.Add(*(functions.exp(v) for v in s))
    weights = [functions.exp(v) / total for v in s]
    p = sympy.symbols("p_0:3", real=True)
    own, other = sympy.symbols("p_i p_j")  # numbers, as they are no quantities
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
