"""Claims about the house: imports run down the floors, in no circle, and to public names only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "minigrad"
FLOORS = (
    {"elsewhere", "extras", "files", "hooks", "methods", "notation", "options", "terminal", "tree"},
    {"primitives", "arrays", "boundary"},
    {"scope", "guard", "tape", "tensor", "autograd", "jacobians", "memory", "buffer", "makers",
     "checkpointing", "coverage", "stats"},
    {"nn", "optim", "datasets"},
    {"targets", "symbolic"},
    {"compile", "verify", "graph"},
    {"onnx", "pages", "tutorial"},
    {"cli"},
    {"minigrad", "__main__"},
)  # fmt: skip
"""The rooms of each floor, from the ground up; the face, `minigrad` itself, is the roof."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FACE = {"__version__"}
"""What may be taken from the face anywhere: it is no room's."""


def room(module: str) -> str:
    """The part of the package that a module belongs to."""
    return module.split(".")[1] if "." in module else module


def modules() -> dict[str, Path]:
    """All modules of the package, by name."""
    return {
        ".".join(("minigrad", *path.relative_to(HOUSE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in sorted(HOUSE.rglob("*.py"))
    }


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, module and name of every import from the package, in functions too; not for types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "minigrad":
            yield from ((node.lineno, node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "minigrad":
                    yield node.lineno, alias.name, ""


MODULES = modules()


@cache
def arrows() -> list[tuple[str, int, str, str]]:
    """Module, line, module that is imported from, and name, of every import."""
    return [
        (module, line, f"{of}.{name}" if f"{of}.{name}" in MODULES else of, name)
        for module, path in MODULES.items()
        for line, of, name in imports(path)
        if name not in FACE
    ]


def test_every_module_has_a_floor():
    assert {room(module) for module in MODULES} == FLOOR.keys()


def test_no_import_runs_up():
    upward = [
        f"{module}, line {line}: {of}" for module, line, of, _ in arrows()
        if FLOOR[room(of)] > FLOOR[room(module)]
    ]  # fmt: skip
    assert not upward


@pytest.mark.parametrize("by", [room, str], ids=["rooms", "modules"])
def test_no_imports_run_in_a_circle(by):
    graph = TopologicalSorter()
    for module, _, of, _ in arrows():
        if by(module) != by(of):
            graph.add(by(module), by(of))
    graph.prepare()  # raises CycleError, which names the circle


def test_no_module_uses_another_s_underscored_name():
    private = [f"{module}, line {line}: {of}.{name}" for module, line, of, name in arrows()
               if name.startswith("_")]  # fmt: skip
    assert not private


def test_no_import_is_made_of_a_string_but_those_of_files_that_nothing_else_lists():
    """A view is a file of its folder, a target is a user's module, an extra may be missing."""
    made = {module for module, path in MODULES.items()
            if "import_module(" in path.read_text(encoding="utf-8")}  # fmt: skip
    assert made == {"minigrad.graph.views", "minigrad.targets.files", "minigrad.extras"}


@pytest.mark.parametrize("part", ["nn", "optim", "verify", "symbolic", "graph", "compile", "onnx",
                                  "datasets", "stats"])  # fmt: skip
def test_a_part_loads_when_it_is_first_used(part):
    """As the package's first lines say: one import is enough, and it loads none of them."""
    code = (
        "import sys, minigrad as mg\n"
        f"assert not {{'sympy', 'minigrad.{part}'}} & sys.modules.keys()\n"
        f"assert mg.{part} is sys.modules['minigrad.{part}']\n"
        "assert not hasattr(mg, 'no_such_part')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
