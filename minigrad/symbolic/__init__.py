"""Derivations: a cell's own code, differentiated by SymPy, written as in a textbook."""

from __future__ import annotations

from sympy.core.parameters import distribute

from minigrad import nn
from minigrad.primitives import Primitive
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.derive.cell import derive_cell
from minigrad.symbolic.derive.module import derive_module
from minigrad.symbolic.derive.naming import NOTATIONS, Notation
from minigrad.symbolic.derive.rule import derive_rule
from minigrad.symbolic.read.cells import cell_equations
from minigrad.symbolic.read.equations import CellEquations
from minigrad.symbolic.write.sentences import LANGUAGES, Language, Words
from minigrad.targets import Target, resolve, target_of
from minigrad.targets.layers import CellTarget
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


@distribute(False)  # SymPy: 2 (a + b) stays as the code has it
def derive(
    target: Target | str | type[nn.Module] | Primitive,
    *,
    wrt: str | None = None,
    notation: Notation = "standard",
    language: Language = "en",
) -> Derivation:
    """Derive the gradients of a cell, of a module of matrices such as attention, or of a primitive.

    Args:
        target: a `Target`, its name, or what it stands for; a recurrent layer stands for its cell.
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
    target = target.derivable()
    words = Words(language)
    if notation not in NOTATIONS:
        raise ValueError(f"derive: got notation {notation!r}, expected {', '.join(NOTATIONS)}")
    if isinstance(target, CellTarget):
        return derive_cell(cell_equations(target), wrt, notation=notation, words=words)
    derived = derive_rule if isinstance(target, PrimitiveTarget) else derive_module
    return derived(target, wrt, words=words)
