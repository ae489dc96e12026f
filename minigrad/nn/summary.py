"""What a module looks like: the tree of its parts, and what each of them puts out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.scope import no_grad, unfused
from minigrad.tree import tree_leaves

if TYPE_CHECKING:
    from minigrad.nn.module import Module


def tree(module: Module) -> str:
    """The module and its parts, one per line, with shapes and numbers of parameters."""
    parts = list(module.named_children())
    if not parts:
        return _alone(module)
    return "\n".join([f"{_title(module)}: {_count(module):,} parameters", *_lines(parts, "  ")])


def _lines(parts: list[tuple[str, Module]], indent: str) -> Iterator[str]:
    for name, part in parts:
        inner = list(part.named_children())
        count = _count(part)
        text = _title(part) if inner else _alone(part)
        yield f"{indent}{name}: {text}{f': {count:,}' if count else ''}"
        yield from _lines(inner, indent + "  ")


def _title(module: Module) -> str:
    text = _alone(module)
    return text.removesuffix("()")


def _alone(module: Module) -> str:
    own = [f"{n}: {p.shape}" for n, p in module.named_parameters() if n not in _inner(module)]
    extra = module.extra_repr()
    return f"{type(module).__name__}({', '.join(own + [extra] * bool(extra))})"


def _inner(module: Module) -> set[str]:
    """Names of the parameters of its parts."""
    return {
        f"{name}.{inner}"
        for name, part in module.named_children()
        for inner, _ in part.named_parameters()
    }


def _count(module: Module) -> int:
    return sum(math.prod(p.shape) for p in module.parameters())


@dataclass(frozen=True)
class Row:
    """One module in a `Summary`.

    Attributes:
        path: dotted; empty for the model itself.
        kind: the class's name.
        shapes: of its outputs at the last call; none if it was not called.
        parameters: how many numbers are learned, those of its parts included.
    """

    path: str
    kind: str
    shapes: tuple[tuple[int, ...], ...]
    parameters: int


@dataclass(frozen=True)
class Summary:
    """A table of a model's parts; ``print`` shows it."""

    rows: tuple[Row, ...]
    trainable: int

    def __str__(self) -> str:
        head = ("module", "class", "output", "parameters")
        table = [head] + [
            (
                "  " * (r.path.count(".") + bool(r.path)) + (r.path.rpartition(".")[2] or "(all)"),
                r.kind, ", ".join(map(str, r.shapes)) or "–", f"{r.parameters:,}",
            )
            for r in self.rows
        ]  # fmt: skip
        wide = [max(len(row[k]) for row in table) for k in range(4)]
        w, x, y, z = wide
        lines = [f"{a:<{w}}  {b:<{x}}  {c:<{y}}  {d:>{z}}" for a, b, c, d in table]
        total = self.rows[0].parameters
        return "\n".join([*lines, f"{total:,} parameters, {self.trainable:,} of them learned"])

    __repr__ = __str__


def summary(model: Module, *inputs: Any, **options: Any) -> Summary:
    """What each part of a model puts out for an input, and how many parameters it has.

    Args:
        model: any module; it runs once, as in evaluation and without recording.
        inputs: what it is called with.
        options: keyword arguments of that call.

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.1), nn.Linear(8, 1))
        >>> print(nn.summary(model, np.ones((5, 3))))
        module  class       output  parameters
        (all)   Sequential  (5, 1)          41
          0     Linear      (5, 8)          32
          1     Dropout     (5, 8)           0
          2     Linear      (5, 1)           9
        41 parameters, 41 of them learned
    """
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with no_grad(), unfused(), _watched(model) as seen:
            model(*inputs, **options)
    finally:
        for module, training in modes.items():
            module.training = training
    rows = tuple(
        Row(path, type(module).__name__, seen.get(module, ()), _count(module))
        for path, module in model.named_modules()
    )
    learned = sum(math.prod(p.shape) for p in model.parameters() if p.requires_grad)
    return Summary(rows, learned)


@contextmanager
def _watched(model: Module) -> Iterator[dict[Module, tuple[tuple[int, ...], ...]]]:
    """The shapes of what every module returns while this is in force."""
    seen: dict[Module, tuple[tuple[int, ...], ...]] = {}

    def watching(module: Module) -> Callable[..., Any]:
        forward = module.forward

        def watched(*args: Any, **kwargs: Any) -> Any:
            found = forward(*args, **kwargs)
            seen[module] = tuple(np.shape(leaf) for leaf in tree_leaves(found))
            return found

        return watched

    modules = list(model.modules())
    for module in modules:
        vars(module)["forward"] = watching(module)
    try:
        yield seen
    finally:
        for module in modules:
            del vars(module)["forward"]
