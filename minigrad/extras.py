"""Packages that are not always there: those of the extras in setup.cfg."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

DISTRIBUTION = "symbolic-autodiff"
"""What pip calls the project, as in setup.cfg: `minigrad` on the package index is another one."""


def install_command(extra: str) -> str:
    """The command that adds an extra to the minigrad that is running.

    pip keeps the distribution that is installed and fetches only what the extra needs. A clone
    that runs without being installed is named by its path, so that pip never asks an index for it.

    Example:
        >>> from minigrad.extras import install_command
        >>> install_command("fast").endswith('[fast]"')
        True
    """
    from importlib.metadata import PackageNotFoundError, distribution  # slow, and seldom needed

    try:
        distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return f'pip install --editable "{Path(__file__).parents[1]}[{extra}]"'
    return f'pip install "{DISTRIBUTION}[{extra}]"'


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
            f"{name} is not installed; get it with: {install_command(extra)}"
        ) from error
