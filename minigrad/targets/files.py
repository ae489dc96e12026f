"""Modules that a user names: a file is run as ``python FILE`` would run it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType

from minigrad.targets.target import TargetError, one_line


def load(place: str) -> ModuleType:
    """The module of a file, or of a dotted name.

    Raises:
        TargetError: there is none, or running it failed.
    """
    return _from_file(Path(place)) if place.endswith(".py") else _from_name(place)


def own_names(module: ModuleType) -> list[str]:
    """What a file defines itself, in its order: nothing that it imports."""
    imported = {
        (name.asname or name.name).partition(".")[0]
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_bytes()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    return [
        name for name, value in vars(module).items()
        if not name.startswith("__") and name not in imported
        and (not isinstance(value, type | FunctionType) or value.__module__ == module.__name__)
    ]  # fmt: skip


_loaded: dict[Path, tuple[bytes, ModuleType]] = {}
"""What each file was when it ran, and the module that it gave: a file runs once."""


def _from_file(path: Path) -> ModuleType:
    try:
        written = path.read_bytes()
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror}") from error
    before = _loaded.get(path.resolve())
    if before is not None and before[0] == written:
        return before[1]
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) != str(path.resolve()):
        name = f"minigrad_target_{name}"  # a module of this name is loaded already
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # its neighbours are imported from there, later too
    try:
        with _arguments_of(path):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise TargetError(f"{path}: running it failed: {told(error, path)}") from error
    _loaded[path.resolve()] = written, module
    return module


def _from_name(name: str) -> ModuleType:
    if not name:
        raise TargetError("no module before the colon, expected FILE.py:NAME or MODULE:NAME")
    if "" not in sys.path:
        sys.path.insert(0, "")  # modules of the current folder, as with python -m
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise TargetError(f"importing {name} failed: {one_line(error)}") from error


@contextmanager
def _arguments_of(path: Path) -> Iterator[None]:
    """``sys.argv`` as the file itself would see it, without our own arguments."""
    before = sys.argv
    sys.argv = [str(path)]
    try:
        yield
    finally:
        sys.argv = before


def told(error: BaseException, path: str | Path) -> str:
    """An error on one line, with the line of the file where it came up."""
    if isinstance(error, SyntaxError):
        line = f"line {error.lineno}: " if error.lineno else ""
        return f"{line}{type(error).__name__}: {error.msg}"
    if isinstance(error, SystemExit):
        return f"it called exit({error.code!r})"
    place = line_of(error, path)
    return f"line {place}: {one_line(error)}" if place else one_line(error)


def line_of(error: BaseException, path: str | Path) -> int | None:
    """The last line of a file that an error went through."""
    full = str(Path(path).resolve())
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == full]
    return frames[-1].lineno if frames else None
