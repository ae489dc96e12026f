"""The views of a graph: each file here that has one adds it to the table `VIEWS`."""

import importlib
import pkgutil

from minigrad.graph.view import VIEWS

for _file in pkgutil.iter_modules(__path__):  # so that a new view is a new file, and nothing else
    importlib.import_module(f"{__name__}.{_file.name}")

__all__ = ["VIEWS"]
