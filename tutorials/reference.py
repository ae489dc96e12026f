"""The reference: what the docstrings say, as pages of the site, made by pdoc.

Every public name stands on one of the pages. Its docstring follows Google's style, and names in
single backticks become links.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from typing import Any

from pdoc import doc_ast, render
from pdoc.doc import Module

from minigrad.primitives import Primitive

PAGES = (
    "minigrad", "minigrad.nn", "minigrad.nn.init", "minigrad.optim",
    "minigrad.verify", "minigrad.symbolic", "minigrad.graph", "minigrad.compile",
    "minigrad.compile.cells", "minigrad.coverage", "minigrad.onnx", "minigrad.datasets",
    "minigrad.tree",
)  # fmt: skip


@cache
def modules() -> dict[str, Module]:
    """What pdoc finds in each page's module, with the docstrings of primitives and constants."""
    found = {name: Module.from_name(name) for name in PAGES}
    for module in found.values():
        for variable in module.variables:
            variable.docstring = variable.docstring or _said_of(
                variable.name, variable.default_value
            )
    return found


def _said_of(name: str, value: Any) -> str:
    """A value's own docstring, or the string below its assignment, wherever that stands."""
    if isinstance(value, Primitive):
        return str(value.__doc__)
    ours = [m for place, m in sys.modules.items() if place.split(".")[0] == "minigrad"]
    holders = [module for module in ours if vars(module).get(name) is value]
    said = (doc_ast.walk_tree(module).var_docstrings.get(name, "") for module in holders)
    return next(filter(None, said), "")


def pages(template_directory: Any, **values: Any) -> dict[str, str]:
    """The reference's files: names in the folder of the site, and what they hold.

    Args:
        template_directory: with the templates that replace pdoc's own.
        values: what else the templates may use.
    """
    render.configure(docformat="google", template_directory=template_directory)
    render.env.globals |= values
    found = modules()
    with warnings.catch_warnings():
        # Fields that a dataclass inherits from another module: their types stay without a link.
        warnings.filterwarnings("ignore", "Error parsing type annotation", UserWarning)
        files = {
            f"reference/{name.replace('.', '/')}.html": render.html_module(module, found)
            for name, module in found.items()
        }
        return files | {"reference/search.js": render.search_index(found)}
