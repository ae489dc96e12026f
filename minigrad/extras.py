"""Packages that are not always there: those of the extras in setup.cfg."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(package: str, *, extra: str) -> ModuleType:
    """The package, imported.

    Raises:
        ImportError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise ImportError(
            f'{name} is not installed; get it with: pip install "minigrad[{extra}]"'
        ) from error
