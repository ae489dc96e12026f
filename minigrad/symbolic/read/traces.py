"""What a module or a function without time steps records: the tape that is derived in matrices."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.symbolic.formula import Size
from minigrad.symbolic.read.constants import Place, constants_of, lifted, steady
from minigrad.symbolic.read.outline import Outline
from minigrad.symbolic.read.plain import plain
from minigrad.symbolic.shaped import NotationError
from minigrad.tape import Node, ancestors
from minigrad.tensor import Parameter, Tensor

_SIZES = ((31, 37, 41, 43), (17, 19, 23, 29))  # at which a module is made
_ROWS = (7, 5)  # of its inputs
ROWS = Size("n")
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Trace:
    """What a module or a function recorded.

    Attributes:
        title: what it is called.
        nodes: everything that was recorded, in order; the last is the output.
        values: the constants in it, as they are written.
        sizes: what each size in the constants means.
        shapes: of the inputs by name, where the formulas hold for these only.
        single: name of the input that has a single row; empty if all have any number of them.
        depth: how many modules there are around all operations.
    """

    title: str
    nodes: Sequence[Node]
    values: Mapping[Place, Any]
    sizes: Mapping[Size, str] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=dict)
    single: str = ""
    depth: int = 0


def trace_class(made: type[nn.Module], title: str, *, single: bool = False) -> Trace:
    """A module for every size: made at two, and called with matrices (rows, size).

    Args:
        made: its class, which is made with sizes.
        title: what it is called.
        single: whether its first input has one row.

    Raises:
        ValueError: it cannot be made or called so, or does not do the same each time.
    """
    inputs: list[str] = []

    def run(module: nn.Module, sizes: Mapping[str, int], rows: int) -> Sequence[Node]:
        inputs[:] = _required(module.forward)
        widths = [sizes.get(f"{name}_size", next(iter(sizes.values()), 1)) for name in inputs]
        shapes = {name: (rows, width) for name, width in zip(inputs, widths, strict=True)}
        if single and inputs:
            shapes[inputs[0]] = (1, widths[0])
        return _written_out(module(*outlines(shapes).values()), title)

    names = _required(made.__init__)[1:]
    accepted = inspect.signature(made.__init__).parameters
    some = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    options = {k: v for k, v in {"rng": 0, "dtype": np.float64}.items() if some or k in accepted}
    nodes: list[Sequence[Node]] = []
    for lengths, rows in zip(_SIZES, _ROWS, strict=True):
        sizes = dict(zip(names, lengths, strict=False))
        try:
            module = made(*sizes.values(), **options).eval()
            nodes += [run(module, sizes, rows), run(module, sizes, rows)]
        except NotationError:
            raise
        except Exception as error:
            wanted = ", ".join(f"{name}={size}" for name, size in sizes.items())
            raise ValueError(
                f"derive: {title} cannot be made and called as a module of matrices (rows, "
                f"width); name an instance instead, or use verify and graph. {title}({wanted}) "
                f"failed: {type(error).__name__}: {' '.join(str(error).split())}"
            ) from error
    given: dict[Size, Sequence[int]] = {} if single else {ROWS: _ROWS}
    meanings = {}
    for letter, k in zip("dmkp", reversed(range(len(names))), strict=False):
        given[Size(letter)] = [lengths[k] for lengths in _SIZES]
        meanings[Size(letter)] = names[k]
    values = lifted(steady(nodes[0], nodes[1], title), nodes[0], nodes[2], given, title)
    return Trace(title, nodes[0], values, meanings, single=inputs[0] if single else "", depth=1)


def trace_call(call: Callable[..., Any], shapes: Shapes, title: str, *, depth: int = 0) -> Trace:
    """A function of arrays of given shapes, called by name.

    Raises:
        ValueError: it does not do the same each time.
    """
    first, again = (_written_out(call(**outlines(shapes)), title) for _ in range(2))
    return Trace(title, first, steady(first, again, title), shapes=shapes, depth=depth)


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
        shapes = {name: (_ROWS[0], width) for name, width in zip(names, chosen, strict=True)}
        if single and names:
            shapes[names[0]] = (1, chosen[0])
        try:
            module(**outlines(shapes))
        except NotationError:
            raise
        except (ValueError, TypeError, IndexError):  # another width may do
            continue
        return trace_call(module, shapes, title, depth=1)
    raise ValueError(
        f"derive: {title} takes no matrix that is as wide as one of its parameters; name a "
        "function without arguments that calls it"
    )


def trace_recorded(output: Any, title: str) -> Trace:
    """What a function without arguments has computed, such as a loss.

    Raises:
        ValueError: it depends on nothing.
    """
    nodes = _written_out(output, title)
    shapes = {
        node.name or "": np.shape(node.data)
        for node in nodes if node.primitive is None and not isinstance(node, Parameter)
    }  # fmt: skip
    return Trace(title, nodes, constants_of(nodes), shapes=shapes)


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
