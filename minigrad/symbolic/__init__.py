"""Derivations: a cell's own code, differentiated by SymPy, written as in a textbook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import nn
from minigrad.primitives import Primitive
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.derive.cell import derive_cell
from minigrad.symbolic.derive.matrices import derive_matrices
from minigrad.symbolic.derive.naming import NOTATIONS, Notation
from minigrad.symbolic.derive.rule import derive_rule
from minigrad.symbolic.read.cells import cell_equations, equations_of
from minigrad.symbolic.read.equations import CellEquations
from minigrad.symbolic.read.traces import (
    Trace,
    trace_call,
    trace_class,
    trace_function,
    trace_instance,
)
from minigrad.symbolic.shaped import NotationError
from minigrad.symbolic.write.sentences import LANGUAGES, Language, Words
from minigrad.targets import Target, resolve, target_of
from minigrad.targets.layers import CellTarget, LayerTarget
from minigrad.targets.parts import PartTarget
from minigrad.targets.rules import PrimitiveTarget

__all__ = [
    "LANGUAGES",
    "NOTATIONS",
    "CellEquations",
    "Derivation",
    "Line",
    "Section",
    "cell_equations",
    "derive",
]


def derive(
    target: Target | str | type[nn.Module] | nn.Module | Primitive | Callable[[], Any],
    *,
    wrt: str | None = None,
    notation: Notation = "standard",
    language: Language = "en",
) -> Derivation:
    """Derive the gradients of a cell, of what is made of matrices, or of a primitive.

    Args:
        target: a `Target`, its name, or what it stands for: a cell, a recurrent layer (for its
            cell), a module such as attention, a function without required arguments that returns
            a loss, or a primitive. Classes are derived for every size, what is made already for
            its own.
        wrt: only what leads to this parameter, gate, state or input, as the code names it.
        notation: what a cell's quantities are called: ``"standard"`` (x, h, c, f, i, g, o),
            ``"stm-ltm"`` (E, STM, LTM), or ``"notes"`` (C and C̃ for memory and candidate).
        language: ``"en"`` or ``"es"``.

    Raises:
        TargetError: there is no such target.
        ValueError: it cannot be derived, or has no ``wrt``; the message lists what it has.

    Example:
        >>> from minigrad.symbolic import derive
        >>> print(derive("sigmoid").text().splitlines()[-1])
           (4)  δx = δy ∘ y ∘ (1 − y)   chain rule
    """
    if isinstance(target, str):
        target = resolve(target)
    elif not isinstance(target, Target):
        target = target_of(target)
    words = Words(language)
    if notation not in NOTATIONS:
        raise ValueError(f"derive: got notation {notation!r}, expected {', '.join(NOTATIONS)}")
    try:
        return _derived(target, wrt, notation, words)
    except NotationError as error:
        raise ValueError(f"derive: {target.title}: {error}") from error


def _derived(target: Target, wrt: str | None, notation: Notation, words: Words) -> Derivation:
    target = target.derivable()
    subject, title = target.subject, target.title
    if isinstance(target, PrimitiveTarget):
        return derive_rule(subject, wrt, words=words)
    if isinstance(target, CellTarget) or isinstance(subject, nn.Cell):
        made = isinstance(subject, nn.Cell)
        equations = equations_of(subject, title) if made else cell_equations(target)
        return derive_cell(equations, wrt, notation=notation, words=words)
    try:
        return derive_matrices(_traced(target), wrt, words=words)
    except NotationError:  # such as every query with every key: then one query at a time
        if not isinstance(target, LayerTarget):
            raise
        return derive_matrices(_traced(target, single=True), wrt, words=words)


def _traced(target: Target, *, single: bool = False) -> Trace:
    """What a module or a function records; ``single``: with one row in a module's first input."""
    subject, title = target.subject, target.title
    if isinstance(subject, nn.Module):
        return trace_instance(subject, title, single=single)
    if isinstance(target, LayerTarget):
        return trace_class(subject, title, single=single)
    if isinstance(target, PartTarget):
        return trace_call(subject.call, subject.inputs, title)
    return trace_function(lambda: target.record(steps=1).outputs, title)
