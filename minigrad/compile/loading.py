"""Generated source becomes functions; Numba's machine code is kept in a cache on disk."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

CACHE = "MINIGRAD_CACHE"


def cache_folder() -> Path:
    """Where compiled kernels are kept: $MINIGRAD_CACHE, else minigrad in the user's cache.

    Example:
        >>> from minigrad.compile import cache_folder
        >>> cache_folder().is_absolute()
        True
    """
    if own := os.environ.get(CACHE):
        return Path(own)
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "minigrad"


@cache
def has_numba() -> bool:
    """Whether Numba, and SciPy with its BLAS, can be imported.

    Example:
        >>> from minigrad.compile import has_numba
        >>> has_numba() in (True, False)
        True
    """
    found = all(importlib.util.find_spec(name) is not None for name in ("numba", "scipy"))
    if not found:
        return False
    try:
        import minigrad.compile.numba_runtime  # noqa: F401 (whether it can be)
    except Exception as error:  # whatever is wrong with it, NumPy is always there
        warnings.warn(f"Numba cannot be used, so fused layers run on NumPy: {error}", stacklevel=2)
        return False
    return True


def machine_code(
    text: str, signatures: Mapping[str, Any], runtime: str
) -> Mapping[str, Callable[..., Any]]:
    """The functions of a module that Numba compiles; found on disk if it did so before.

    The text is a file of its own, beside which Numba keeps what it compiles.

    Args:
        text: the module.
        signatures: Numba's types of the arguments of each function to compile.
        runtime: name of the module whose functions the text calls: a change there counts too.

    Raises:
        RuntimeError: no folder can be written to. Whatever Numba raises.
    """
    called = sys.modules[runtime]
    source = Path(called.__file__ or "").read_bytes() + getattr(called, "BLAS", "").encode()
    key = hashlib.sha256(text.encode() + source).hexdigest()[:16]
    name = f"minigrad_kernel_{key}"
    folders = [cache_folder, lambda: Path(tempfile.mkdtemp(prefix="minigrad-"))]
    for folder in folders:  # the second where the first cannot be written to, or read
        with suppress(OSError):
            path = _written(folder() / name / "kernel.py", text)
            return vars(_compiled(path, name, signatures))
    raise RuntimeError(f"no folder can be written to: neither {cache_folder()} nor a temporary one")


def _compiled(path: Path, name: str, signatures: Mapping[str, Any]) -> ModuleType:
    """The module, its functions as machine code."""
    try:
        return _loaded(path, name, signatures)
    except Exception:  # whatever stands in the cache, it is made anew
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        return _loaded(path, name, signatures)


def _loaded(path: Path, name: str, signatures: Mapping[str, Any]) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where Numba looks for it when it reads its cache
    spec.loader.exec_module(module)
    for function, signature in signatures.items():
        getattr(module, function).compile(signature)
    return module


def _written(path: Path, text: str) -> Path:
    """The file with this text; another process may be writing the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != text.encode():
        with tempfile.NamedTemporaryFile(
            "wb", dir=path.parent, suffix=".tmp", delete=False
        ) as file:
            file.write(text.encode())
        os.replace(file.name, path)
    return path
