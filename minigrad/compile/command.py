"""What `minigrad compile` is pointed at: a cell, or a function or module of arrays."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from types import FunctionType
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.compile import readable
from minigrad.compile.backends import Backend
from minigrad.compile.cells import description as cells
from minigrad.compile.closure import is_library
from minigrad.compile.compiled import Compiled
from minigrad.compile.executable import Executable
from minigrad.compile.readable import Language
from minigrad.compile.recording import Both, backend_for, program_of
from minigrad.compile.signature import flatten
from minigrad.compile.trace import TraceError, quoted
from minigrad.compile.tracing import traced_twice
from minigrad.targets import Target, TargetError, resolve, target_of
from minigrad.targets.files import load
from minigrad.targets.inputs import examples
from minigrad.targets.target import one_line
from minigrad.tree import tree_leaves


def source(text: str, given: Sequence[str], backend: Backend | None, language: Language) -> str:
    """The source of a target: of a cell its kernel, of a function NumPy code to be read.

    Raises:
        TargetError: there is no such target, or an argument has no example.
        ValueError: it cannot be compiled; the message says why.
    """
    subject = _subject(text)
    if isinstance(subject, Target):
        return cells.source_of(subject, backend)
    title = text.rpartition(":")[2]
    inputs = examples(text, _signed(subject), given)
    with _calling(text):
        return readable.source(subject, title, inputs, language=language)


def description(text: str, given: Sequence[str], backend: Backend | None) -> Iterator[str]:
    """What a compiled target consists of, line by line.

    Raises:
        TargetError, ValueError: as for `source`.
    """
    subject = _subject(text)
    if isinstance(subject, Target):
        yield from cells.description(subject, backend)
        return
    inputs = examples(text, _signed(subject), given)
    title = text.rpartition(":")[2]
    start = time.perf_counter()
    leaves = flatten((), readable.with_tensors(inputs), (), (), title)
    with _calling(text):
        found = traced_twice(subject, title, leaves, backward=True)
    if not found.outputs and not found.effects:
        raise TargetError(
            f"{text}: it returns no array and changes none, so there is nothing to compile; "
            "expected a function that returns arrays"
        )
    where = backend or backend_for(program_of(found))
    both = Both(found, where)
    took = time.perf_counter() - start
    shapes = ", ".join(f"{k} {_shape(v)}" for k, v in inputs.items())
    yield f"{title}({shapes}): value and gradient as two programs, on {where.name}"
    for name, program in (("forward", both.forward), ("backward", both.backward)):
        yield f"  {name}: {_consists(program)}"
    yield f"  ready in {took:.2f} s"


@contextmanager
def _calling(name: str) -> Iterator[None]:
    """Say in which line a function fails, and whether its examples lie outside its domain."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", RuntimeWarning)
        try:
            yield
        except (TraceError, TargetError, readable.Unwritable):
            raise
        except Exception as error:
            where = [
                quoted(file.f_code.co_filename, line)
                for file, line in walk_tb(error.__traceback__)
                if not is_library(file.f_globals["__name__"])
            ]
            if not where:
                raise
            raise TargetError(
                f"{name}: calling it failed: {one_line(error)}; in {where[-1]}"
            ) from error  # fmt: skip
    for warning in noted:
        if issubclass(warning.category, RuntimeWarning):
            print(f"{name}: {warning.message} at the examples; of positive numbers between 0 and "
                  "1 they are given by --input x=float:0..1:3x4", file=sys.stderr)  # fmt: skip
            break


def _consists(program: Executable) -> str:
    """How much a program does, and how much memory it takes."""
    statements = program.program.statements
    products = sum(s.operation.kind == "product" for s in statements)
    memory = program.code.memory.size
    return (
        f"{len(statements)} operations, {products} of them products; "
        f"{_bytes(memory)} for what is in between, {_bytes(program.code.heap)} for what is returned"
    )


def _bytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**19 else f"{count / 2**10:.1f} KiB"


def _shape(x: Any) -> str:
    shapes = [str(np.shape(leaf)) for leaf in tree_leaves(x)]
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _subject(text: str) -> Callable[..., Any] | Target:
    """The function or module that is named, or the target."""
    place, colon, attribute = text.rpartition(":")
    found = getattr(load(place), attribute, None) if colon else None
    if isinstance(found, nn.Module | FunctionType | Compiled) and not hasattr(found, "__vjp__"):
        return found.function if isinstance(found, Compiled) else found
    if callable(found) and type(found).__module__ in ("builtins", "numpy") and not (
        isinstance(found, type)
    ):  # fmt: skip
        raise TargetError(
            f"{text}: got a function that is not written in Python, expected one whose lines can "
            "be followed; write one that calls it"
        )
    return resolve(text) if found is None else target_of(found, text, named=True)


def _signed(function: Callable[..., Any]) -> Callable[..., Any]:
    """What has the names of a target's arguments: a module's forward method."""
    return function.forward if isinstance(function, nn.Module) else function
