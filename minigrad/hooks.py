"""What a lower floor asks of a higher one, which it cannot import.

A recurrent layer runs its cell as one kernel if there is a compiler. The compiler reads cells,
so it stands above them; so does what writes a model as an ONNX file, and what draws one in a
notebook. `minigrad/__init__.py`, which is above all, connects them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Fuser = Callable[[Any, Callable[..., Any]], Any]
"""(cell, step-by-step reference) → the cell's fused form, or ``None`` if it has none."""

_fuser: Fuser | None = None
_exporter: Callable[..., Any] | None = None
_drawer: Callable[[Any], str] | None = None


def set_fuser(fuser: Fuser) -> None:
    """Name the compiler of cells."""
    global _fuser
    _fuser = fuser


def fuse(cell: Any, reference: Callable[..., Any]) -> Any:
    """The cell's fused form; ``None`` if it has none, or if there is no compiler."""
    return None if _fuser is None else _fuser(cell, reference)


def set_exporter(exporter: Callable[..., Any]) -> None:
    """Name what writes ONNX files: (model, args, path, options) → the file's content."""
    global _exporter
    _exporter = exporter


def export_onnx(*arguments: Any, **options: Any) -> Any:
    """Write a model as an ONNX file.

    Raises:
        RuntimeError: nothing that does so is named.
    """
    if _exporter is None:
        raise RuntimeError("no exporter of ONNX files is named; import minigrad")
    return _exporter(*arguments, **options)


def set_drawer(drawer: Callable[[Any], str]) -> None:
    """Name what draws in a notebook: what is shown → SVG, empty if there is no picture of it."""
    global _drawer
    _drawer = drawer


def bundle(shown: Any, html: str) -> dict[str, str]:
    """What a notebook shows of a layer or Tensor: its words, and its picture if there is one."""
    svg = _drawer(shown) if _drawer is not None else ""
    found = {"text/plain": repr(shown), "text/html": html + svg}
    return found | {"image/svg+xml": svg} if svg else found
