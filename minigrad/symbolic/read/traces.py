"""What a module or a function without time steps records: the tape that is derived in matrices."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.symbolic.formula import Size
from minigrad.symbolic.read.constants import Place, lifted, steady
from minigrad.symbolic.read.lengths import Lengths, lengths_of
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.plain import plain
from minigrad.symbolic.shaped import NotationError
from minigrad.tape import Node, ancestors
from minigrad.tensor import Parameter, Tensor

# At which a module is made, and the rows of its inputs: no two sums of these are equal twice
_SIZES = ((59, 23, 29, 89), (43, 17, 13, 19))
_ROWS = (31, 11)
ROWS = Size("n")
Shapes = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Trace:
    """What a module or a function recorded.

    Attributes:
        title: what it is called.
        nodes: everything that was recorded, in order; the last is the output.
        values: the constants in it, as they are written.
        sizes: what each size in the constants means.
        shapes: of the inputs by name, where the formulas hold for these only.
        lengths: how a number of entries is written.
        single: name of the input that has a single row; empty if all have any number of them.
        depth: how many modules there are around all operations.
        outlines: of the nodes, by which conditions find them.
    """

    title: str
    nodes: Sequence[Node]
    values: Mapping[Place, Any]
    lengths: Lengths
    sizes: Mapping[Size, str] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=dict)
    single: str = ""
    depth: int = 0
    outlines: Sequence[Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outlines", [node.data for node in self.nodes])


def trace_class(made: type[nn.Module], title: str, *, single: bool = False) -> Trace:
    """A module for every size: made at two, and called with matrices (rows, size).

    Args:
        made: its class, which is made with sizes.
        title: what it is called.
        single: whether its first input has one row.

    Raises:
        ValueError: it cannot be made or called so, or does not do the same each time.
    """
    names = _required(made.__init__)[1:]
    accepted = inspect.signature(made.__init__).parameters
    some = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    options = {k: v for k, v in {"rng": 0, "dtype": np.float64}.items() if some or k in accepted}
    found: list[Sequence[Node]] = []
    single_name = ""
    for lengths, rows in zip(_SIZES, _ROWS, strict=True):
        sizes = dict(zip(names, lengths, strict=False))
        try:
            module = made(*sizes.values(), **options).eval()
            inputs = _required(module.forward)
            widths = [sizes.get(f"{x}_size", next(iter(sizes.values()), 1)) for x in inputs]
            shapes = _matrices(inputs, widths, rows, single=single)
            found += (_written_out(module(*outlines(shapes).values()), title) for _ in range(2))
        except NotationError:
            raise
        except Exception as error:
            wanted = ", ".join(f"{name}={size}" for name, size in sizes.items())
            raise ValueError(
                f"derive: {title} cannot be made and called as a module of matrices (rows, "
                f"width); name an instance instead, or use verify and graph. {title}({wanted}) "
                f"failed: {type(error).__name__}: {' '.join(str(error).split())}"
            ) from error
        single_name = inputs[0] if single and inputs else ""
    meanings = {Size(x): name for x, name in zip("dmkp", reversed(names), strict=False)}
    given = {size: [n[names.index(name)] for n in _SIZES] for size, name in meanings.items()}
    return _at_any_size(found, given, title, sizes=meanings, single=single_name)


def trace_instance(module: nn.Module, title: str, *, single: bool = False) -> Trace:
    """A module that is made, with inputs as wide as some parameter of it.

    Args:
        module: any.
        title: what it is called.
        single: whether its first input has one row.

    Raises:
        ValueError: it takes no such input, or does not do the same each time.
    """
    names = _required(module.forward)
    widths = list(dict.fromkeys(p.shape[-1] for p in module.parameters() if p.shape)) or [1]
    for chosen in itertools.product(widths, repeat=len(names)):
        first, second = (_matrices(names, chosen, rows, single=single) for rows in _ROWS)
        try:
            module(**outlines(first))
        except NotationError:
            raise
        except (ValueError, TypeError, IndexError):  # another width may do
            continue
        found = [_written_out(module(**outlines(x)), title) for x in (first, first, second)]
        shapes = {name: (1 if shape[0] == 1 else ROWS, shape[1]) for name, shape in first.items()}
        return _at_any_size(found, {}, title, shapes=shapes, single=names[0] if single else "")
    raise ValueError(
        f"derive: {title} takes no matrix that is as wide as one of its parameters; name a "
        "function without arguments that calls it"
    )


def _matrices(
    names: Sequence[str], widths: Sequence[int], rows: int, *, single: bool
) -> dict[str, tuple[int, int]]:
    """The shapes of inputs, of which the first may have a single row."""
    shapes = {name: (rows, width) for name, width in zip(names, widths, strict=True)}
    return shapes | {name: (1, shapes[name][1]) for name in [*names][:single]}


def _at_any_size(
    found: Sequence[Sequence[Node]], given: dict[Size, list[int]], title: str, **rest: Any
) -> Trace:
    """What a module recorded twice at the first sizes, then at the second ones."""
    first, again, second = found[:3]
    if not rest["single"]:
        given = {ROWS: [*_ROWS], **given}
    values = lifted(steady(first, again, title), first, second, given, title)
    return Trace(title, first, values, lengths_of(first, second, given), depth=1, **rest)


def trace_call(call: Callable[..., Any], shapes: Shapes, title: str) -> Trace:
    """A function of arrays of given shapes, called by name.

    Raises:
        ValueError: it does not do the same each time.
    """
    first, again = (_written_out(call(**outlines(shapes)), title) for _ in range(2))
    values = steady(first, again, title)
    return Trace(title, first, values, lengths_of(first, first, {}), shapes=shapes)


def trace_function(run: Callable[[], Any], title: str) -> Trace:
    """What a function without arguments computes, such as a loss, whatever its parameters are.

    It runs a second time with outlines in place of the tensors that it found; those that it
    makes anew in each call keep their values.

    Raises:
        ValueError: it depends on nothing, does not do the same each time, or chooses by values.
    """
    leaves = [node for node in _written_out(run(), title) if node.primitive is None]
    with _outlined(leaves):
        try:
            first, again = (_written_out(run(), title) for _ in range(2))
        except (NotationError, TypeError) as error:
            raise ValueError(f"derive: {title}: {error}") from error
        values = steady(first, again, title)
        own = {node for node in first if node.primitive is None} - {*leaves}
        if own and any(np.asarray(value).dtype.kind == "b" for value in values.values()):
            raise ValueError(
                f"derive: {title} chooses by a condition, which may depend on the tensors that it "
                "makes: make them outside of the function"
            )
        shapes = {
            node.name or "": np.shape(node.data)
            for node in first if node.primitive is None and not isinstance(node, Parameter)
        }  # fmt: skip
        return Trace(title, first, values, lengths_of(first, first, {}), shapes=shapes)


@contextmanager
def _outlined(leaves: Sequence[Node]) -> Iterator[None]:
    """The leaves with outlines in place of their arrays."""
    arrays = [leaf.data for leaf in leaves]
    for leaf in leaves:
        leaf.data = Outline(np.shape(leaf.data))
    try:
        yield
    finally:
        for leaf, array in zip(leaves, arrays, strict=True):
            leaf.data = array


def letter(name: str) -> str:
    """The matrix that an argument is called."""
    return "X" if name.startswith("input") else name[:1].upper()


def outlines(shapes: Shapes) -> dict[str, Tensor]:
    """Inputs of which only the shapes are known."""
    return {
        name: Tensor(Outline(shape), requires_grad=True, name=letter(name))
        for name, shape in shapes.items()
    }


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
