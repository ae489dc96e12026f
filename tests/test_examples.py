"""Every public name has an example, and what the examples show is what they print."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from pdoc.doc import Class, Doc, Module

import minigrad as mg
from minigrad import nn
from minigrad.primitives import primitive
from tutorials.reference import modules

TAKEN_FOR_GRANTED = {"np": np, "mg": mg, "nn": nn}  # as the reference's first page says


def documented() -> Iterator[tuple[str, Doc]]:
    """Everything on the reference's pages, by its name there."""
    for name, module in modules().items():
        yield name, module
        for inner in parts(module):
            yield inner, Module.from_name(inner)
        for member in module.members.values():
            yield f"{name}.{member.qualname}", member
            if isinstance(member, Class):
                for method in member.own_members:
                    yield f"{name}.{method.qualname}", method


def parts(module: Module) -> list[str]:
    """Modules that it exports and that have no page of their own."""
    exported = (getattr(module.obj, name) for name in getattr(module.obj, "__all__", ()))
    names = [value.__name__ for value in exported if isinstance(value, ModuleType)]
    return [name for name in names if name not in modules()]


EXAMPLES = {name: doc.docstring for name, doc in documented() if ">>>" in doc.docstring}


def test_every_public_name_has_an_example():
    public = [
        f"{name}.{member.name}"
        for name, module in modules().items()
        for member in module.members.values()
        if not member.name.startswith("_")
    ]
    public += [name for module in modules().values() for name in parts(module)]
    assert [name for name in public if name not in EXAMPLES] == []


@pytest.fixture
def _tables() -> Iterator[None]:
    """Primitives that an example declares are gone after it."""
    with primitive.on_trial():
        yield


@pytest.mark.usefixtures("_tables")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_what_it_shows(name):
    test = doctest.DocTestParser().get_doctest(
        EXAMPLES[name], dict(TAKEN_FOR_GRANTED), name, None, 0
    )
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert "".join(said) == ""
