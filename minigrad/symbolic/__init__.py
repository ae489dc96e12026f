"""Derivations: a cell's own code, differentiated by SymPy, written as in a textbook."""

from __future__ import annotations

from minigrad.symbolic.cell import derive_cell
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.equations import CellEquations, cell_equations
from minigrad.symbolic.layer import derive_layer
from minigrad.symbolic.rule import derive_rule
from minigrad.targets import Target, resolve

__all__ = ["CellEquations", "Derivation", "Line", "Section", "cell_equations", "derive"]


def derive(target: Target | str, *, wrt: str | None = None) -> Derivation:
    """Derive the gradients of a cell, of attention, or of a primitive.

    Args:
        target: a `Target` or its name.
        wrt: only what leads to this parameter, gate, state or input.

    Raises:
        TargetError: there is no such target.
        ValueError: it cannot be derived, or has no ``wrt``; the message lists what it has.
    """
    target = resolve(target) if isinstance(target, str) else target
    by_kind = {"cell": derive_cell, "layer": derive_layer, "primitive": derive_rule}
    return by_kind[target.kind](target, wrt)
