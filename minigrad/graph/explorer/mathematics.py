"""What the panel says of a primitive: its formula, SymPy's derivative, and the judges' verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from minigrad.arrays.symbolic import derivative_of, evaluate
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.symbolic import derive
from minigrad.symbolic.formula import Equation
from minigrad.symbolic.write.documents import mathml
from minigrad.symbolic.write.printing import latex
from minigrad.symbolic.write.sentences import Words
from minigrad.targets import TargetError, target_of
from minigrad.verify import Check, verify
from minigrad.verify.report import summary


@dataclass(frozen=True)
class Formulas:
    """A primitive's formulas in MathML; empty where there is no notation for it.

    Attributes:
        words: what it computes, where there is no ``forward``.
        forward: y in terms of the operands.
        backward: one formula per operand: ∂y/∂x by SymPy for an elementwise primitive, else the
            adjoint δX that the engine's own rule gives.
        by_sympy: whether ``backward`` holds SymPy's derivatives.
    """

    forward: str = ""
    backward: tuple[str, ...] = ()
    by_sympy: bool = False
    words: str = ""


def formulas(primitive: Primitive) -> Formulas:
    """The primitive's formulas.

    Raises:
        ImportError: the extra ``report`` is not installed.
    """
    try:
        sections = derive(target_of(primitive)).sections
    except (ValueError, TypeError):  # it only moves entries, or names no symbol
        return Formulas(words=primitive.doc.strip().split("\n")[0].replace("`", ""))
    lines = [line for section in sections for line in section.lines]
    say = Words()
    sympy = [line for line in lines if line.reason == say("sympys")]
    backward = sympy or [line for line in lines if line.reason == say("engines_adjoint")]
    return Formulas(
        _written(lines[0].equation), tuple(_written(x.equation) for x in backward), bool(sympy)
    )


def _written(equation: Equation) -> str:
    return mathml(latex(equation))


def local_derivatives(
    primitive: Primitive, operands: Sequence[Any], shape: tuple[int, ...]
) -> list[np.ndarray] | None:
    """SymPy's ∂y/∂operand at these numbers, each of the output's shape.

    ``None`` for what is not elementwise, or has no derivative that numbers can be put into.
    """
    if primitive.kind != "elementwise" or len(operands) != primitive.arity:
        return None
    found = []
    try:
        with np.errstate(all="ignore"):
            for k in range(primitive.arity):
                expression, variables = derivative_of(primitive, k)
                values = dict(zip(variables, operands, strict=True))
                found.append(np.broadcast_to(evaluate(expression, values), shape))
    except (TypeError, ValueError):  # functions that stand for no primitive
        return None
    return found


def verdict(name: str) -> list[dict[str, Any]] | None:
    """What the judges say of a primitive at its own samples; ``None`` if it carries none.

    They are asked once, and again when any rule changes: rules call other primitives.
    """
    return _verdict(
        name,
        tuple((p.forward, p.vjps, p.saving, p.backward, p.reference) for p in PRIMITIVES.values()),
    )


@cache
def _verdict(name: str, rules: tuple[Any, ...]) -> list[dict[str, Any]] | None:
    try:
        return judged(verify(target_of(PRIMITIVES[name])).checks)
    except TargetError:
        return None


def judged(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The verdict of each judge: whether all its checks passed, and the figure behind it."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.judge, []).append(check)
    return [
        {
            "judge": judge,
            "passed": all(check.passed for check in group),
            "figure": summary(group),
            "failures": [failure for check in group for failure in check.failures],
        }
        for judge, group in groups.items()
    ]
