"""The script of a witness: the user's own code, the point, and both slopes, with NumPy alone."""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from minigrad.verify.namespace import is_users
from minigrad.verify.sources import tree_of

_SCRIPT = '''"""{title}: what backward claims, beside differences of forward."""

{definitions}


def example():
    return {arguments}


cotangents = {cotangents}


def run(a):
    """What forward returns, its outputs, and Σ cotangent · output."""
    {seed}r = {forward}(*a)
    every = {outputs}
    return r, every, sum(np.sum(u * every[k]) for k, u in zip({kept}, cotangents))


a = example()
r, every, _ = run(a)
g = [np.zeros(np.shape(y)) for y in every]
for k, u in zip({kept}, cotangents):
    g[k] = u
claimed = float({backward}{call}{path})
print("claimed:", claimed)
for h in (1e-3, 1e-4, 1e-5):
    plus, minus = example(), example()
    plus{place} += h
    minus{place} -= h
    print(f"by differences of step {{h:g}}:", float(run(plus)[2] - run(minus)[2]) / (2 * h))
'''


class NoScriptError(ValueError):
    """The code cannot stand alone; the message says why."""


def script_of(
    title: str,
    functions: Mapping[str, Callable[..., Any]],
    text: tuple[str, str],
    arguments: Sequence[Any],
    cotangents: Sequence[Any],
    kept: Sequence[int],
    place: Sequence[Any],
    path: str,
    *,
    seeded: bool,
) -> str:
    """The script.

    Args:
        title: what is wrong.
        functions: the user's ``forward`` and ``backward``.
        text: how the outputs and the call of backward are written, see `Convention`.
        arguments: of forward.
        cotangents: of the outputs that are real.
        kept: which of the outputs these are.
        place: the way to the entry: the argument, keys and positions in it, indices.
        path: the way to its gradient in what backward returns.
        seeded: whether forward draws from ``np.random``.

    Raises:
        NoScriptError: the code needs more than NumPy and Python, or an object as an input.
    """
    collected = _Definitions()
    names = {role: collected.function(f, role) for role, f in functions.items()}
    return _SCRIPT.format(
        title=title, definitions=collected.text(), arguments=literal([*arguments]),
        cotangents=literal([np.array(u) for u in cotangents]), kept=[*kept], call=text[1],
        outputs=text[0], path=path, place="".join(f"[{key!r}]" for key in place),
        seed="np.random.seed(0)\n    " if seeded else "", **names,
    )  # fmt: skip


def way_to(part: Any, whole: Any, way: str = "") -> str | None:
    """How to reach an object inside of containers, as ``[0]['W']``."""
    if part is whole:
        return way
    parts = whole.items() if isinstance(whole, Mapping) else (
        enumerate(whole) if isinstance(whole, list | tuple) else ())  # fmt: skip
    ways = (way_to(part, value, f"{way}[{key!r}]") for key, value in parts)
    return next((found for found in ways if found is not None), None)


class _Definitions:
    def __init__(self) -> None:
        self.imports: list[str] = []
        self.texts: list[str] = []
        self.known: dict[str, Any] = {"np": np}

    def text(self) -> str:
        """All of it."""
        imports = ["import numpy as np", "from numpy import inf, nan", *self.imports]
        return "\n\n".join(["\n".join(dict.fromkeys(imports)), *self.texts])

    def function(self, function: Callable[..., Any], role: str) -> str:
        """Its source, after that of what it uses; what it is called."""
        plain = inspect.unwrap(getattr(function, "__func__", function))
        tree = tree_of(plain)
        if not isinstance(plain, FunctionType) or tree is None or hasattr(function, "__self__"):
            raise NoScriptError(f"{role} has no source of its own")
        name = role if isinstance(tree, ast.Lambda) else tree.name
        if self.known.setdefault(name, plain) is not plain:
            raise NoScriptError(f"two things are called {name}")
        tree = _Bare().visit(copy.deepcopy(tree))
        space = {**plain.__globals__, **_closure(plain)}
        for used in sorted(_names(tree) & space.keys()):
            self.value(used, space[used])
        text = ast.unparse(tree)
        self.texts.append(f"{name} = {text}" if isinstance(tree, ast.Lambda) else text)
        return name

    def value(self, name: str, value: Any) -> None:
        """What a name of the code means: an import, a function, or a constant."""
        if self.known.get(name) is value:
            return
        if isinstance(value, ModuleType):
            if value.__name__.partition(".")[0] not in {"numpy", *sys.stdlib_module_names}:
                raise NoScriptError(f"it uses {value.__name__}")
            self.imports.append(f"import {value.__name__} as {name}")
        elif getattr(value, "__module__", None) in ("math", "numpy") and callable(value):
            self.imports.append(f"from {value.__module__} import {value.__name__} as {name}")
        elif isinstance(value, FunctionType) and is_users(value.__code__.co_filename):
            if self.function(value, name) != name:
                self.texts.append(f"{name} = {value.__name__}")
        else:
            self.texts.append(f"{name} = {literal(value)}")
        self.known[name] = value


class _Bare(ast.NodeTransformer):
    """Without decorators and type hints."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list, node.returns = [], None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def _closure(function: FunctionType) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells}


def _names(tree: ast.AST) -> set[str]:
    return {
        node.id for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }  # fmt: skip


def literal(value: Any) -> str:
    """An expression of numbers, arrays and containers.

    Raises:
        NoScriptError: it is anything else.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        if value.size > 2000:
            raise NoScriptError(f"an array of shape {value.shape} is too large to write down")
        whole = f"np.array({value.tolist()!r}, dtype='{value.dtype}')"
        return whole if value.size else f"{whole}.reshape({value.shape})"
    if isinstance(value, np.generic):
        return literal(value.item())
    if value is None or isinstance(value, bool | int | float | str | slice):
        return repr(value)
    if type(value) is dict:
        return "{" + ", ".join(f"{k!r}: {literal(v)}" for k, v in value.items()) + "}"
    if type(value) in (list, tuple):
        parts = ", ".join(map(literal, value))
        return f"[{parts}]" if isinstance(value, list) else f"({parts},)" if value else "()"
    raise NoScriptError(f"a {type(value).__name__} cannot be written down")
