"""Generated source becomes functions; Numba's machine code is kept in a cache on disk."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from minigrad.compile import numpy_runtime
from minigrad.compile.source import Backend, Source

CACHE = "MINIGRAD_CACHE"


def cache_folder() -> Path:
    """Where compiled kernels are kept: $MINIGRAD_CACHE, else minigrad in the user's cache."""
    if own := os.environ.get(CACHE):
        return Path(own)
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "minigrad"


@cache
def has_numba() -> bool:
    """Whether Numba, and SciPy with its BLAS, can be imported."""
    found = all(importlib.util.find_spec(name) is not None for name in ("numba", "scipy"))
    if not found:
        return False
    try:
        import minigrad.compile.numba_runtime  # noqa: F401, PLC0415
    except Exception as error:  # whatever is wrong with it, NumPy is always there
        warnings.warn(f"Numba cannot be used, so fused layers run on NumPy: {error}", stacklevel=2)
        return False
    return True


def functions(source: Source, backend: Backend) -> Mapping[str, Callable[..., Any]]:
    """``forward``, ``backward`` and ``outer`` of a generated module."""
    if backend == "numpy":
        names = vars(numpy_runtime).copy()
        exec(compile(source.body, "<minigrad.compile>", "exec"), names)  # noqa: S102: our own text
        return names
    return vars(_import(source.text))


@cache
def _import(text: str) -> ModuleType:
    """The text as a module in a file of its own, beside which Numba keeps what it compiles."""
    from minigrad.compile import numba_runtime  # noqa: PLC0415

    runtime = Path(numba_runtime.__file__).read_bytes()
    key = hashlib.sha256(text.encode() + runtime).hexdigest()[:16]
    name = f"minigrad_kernel_{key}"
    try:
        path = _written(cache_folder() / f"{name}.py", text)
    except OSError:  # a folder that cannot be written to: compiled anew in every process
        path = _written(Path(tempfile.mkdtemp(prefix="minigrad-")) / f"{name}.py", text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where Numba looks for it when it reads its cache
    spec.loader.exec_module(module)
    return module


def _written(path: Path, text: str) -> Path:
    """The file with this text; another process may be writing the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    return path
