"""The proof: the code on symbols, its gradient beside SymPy's derivative of the outputs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import sympy

from minigrad.arrays import budget
from minigrad.arrays.budget import OutOfBudgetError
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.numbers import (
    Digits,
    Formula,
    Numbers,
    OutsideDomainError,
)
from minigrad.arrays.symbolic import Slopes, written_out
from minigrad.verify.exact import DRAWS, ROUNDED, disagreements, exacts, weigh
from minigrad.verify.finding import (
    Finding,
    Settings,
    copies,
    where,
)
from minigrad.verify.points import Point, elsewhere, near, twins
from minigrad.verify.subject import Subject


def proof(subject: Subject, settings: Settings) -> Finding:
    """The claimed gradient on symbols, minus SymPy's ``diff`` of the outputs: 0 or not."""
    finding = Finding("proof", "entries proven", shapes=subject.shapes)
    if subject.numbers_only:
        finding.reason = f"not tried: {subject.numbers_only}"
        return finding
    variants = [*subject.smaller(), *([subject] if subject.entries <= subject.most_symbols else [])]
    if not variants:
        finding.reason = (
            f"not tried: {subject.entries} entries are too many for formulas, and the code does "
            "not run on shorter arrays"
        )
    until = time.thread_time() + settings.seconds
    for variant in variants:
        finding.shapes, finding.reason = variant.shapes, ""
        try:
            with budget.within(max(until - time.thread_time(), 0.1)):
                _on_symbols(variant, settings, finding)
            return finding
        except OutOfBudgetError:
            finding.reason = f"not proven within {settings.seconds:g} s (--budget)"
            break
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            finding.reason = (
                f"not proven: the code does not run on symbols ({type(error).__name__}: {text})"
            )
    finding.figures, finding.wrong = {}, {}
    return finding


def _on_symbols(subject: Subject, settings: Settings, finding: Finding) -> None:
    """Judge near the example, or, where that leaves the domain, at another random point."""
    rng = np.random.default_rng(settings.seed)
    at = near(subject, rng)
    for _ in range(DRAWS):
        try:
            return _on_symbols_at(subject, at, settings, finding)
        except OutsideDomainError:
            if not subject.free:
                raise
        at = elsewhere(subject, rng)
    raise OutsideDomainError("no point inside was found")


def _on_symbols_at(subject: Subject, at: Point, settings: Settings, finding: Finding) -> None:
    """Run both sides on symbols; sums have names, so that formulas over many steps stay short.

    0 whatever the names mean is 0; where it is not, they are written out.
    """
    rng = np.random.default_rng(settings.seed)
    with Digits.precision():  # what differs there is no identity: no formula is worth the time
        sizes = disagreements(subject, Digits, at, rng)
    point = twins(subject, Formula, at, rng)
    branches = Formula.branches
    with Formula.with_names() as names:
        cotangents: list[Numbers] = []

        def drawn(outputs: list[Any]) -> list[Numbers]:
            Formula.naming = False
            cotangents[:] = [
                Formula.symbols(f"u{k}", rng.normal(size=np.shape(y)))
                for k, y in enumerate(outputs)
            ]
            return [u.copy() for u in cotangents]

        outputs, found = subject.pull(copies(point), drawn)
    pairs = [
        np.ravel(exacts(Formula, u * np.asarray(y, dtype=object)))
        for u, y in zip(cotangents, outputs, strict=True)
    ]
    meanings = {name: meaning for meaning, name in names.items()}
    slopes = Slopes(sympy.Add(*np.concatenate(pairs)), meanings)
    unproven = []
    for name, x in point.items():
        g = found.get(name)
        g = np.zeros(x.shape, dtype=object) if g is None else np.asarray(g, dtype=object)
        if g.shape != x.shape:
            finding.wrong[name] = f"∂L/∂{name}: got shape {g.shape}, expected {x.shape}"
            continue
        if name in sizes:
            unproven.append(name)
            continue
        mine, symbols = exacts(Formula, g), x.exacts(Formula)
        for index in np.ndindex(*x.shape):
            budget.check()
            difference = mine[index] - slopes.by(symbols[index])
            if not is_zero(difference) and not is_zero(written_out(difference, meanings)):
                unproven.append(name)
                break
        else:
            finding.figures[name] = x.size
    domain = where(subject)[1:] or " for every real input"
    logs = {log for formula in (*np.concatenate(pairs), *meanings.values())
            for log in formula.atoms(sympy.log)}  # fmt: skip
    if finding.figures and any(not written_out(log.args[0], meanings).is_positive for log in logs):
        domain += " at which what stands in a logarithm is positive"
    finding.established = f"an identity{domain}, at these shapes"
    if Formula.branches > branches:
        finding.established += ", where comparisons come out as at this point"
    weigh(subject, at, {n: s for n, s in sizes.items() if n in unproven}, settings, finding)
    rounded = [name for name in unproven if sizes.get(name, 1.0) < ROUNDED]
    if rounded:
        finding.reason = f"not proven for {', '.join(rounded)}: a constant was rounded"
    alike = [n for n in unproven if n not in sizes]
    if alike:
        finding.remarks.append(
            f"not proven for {', '.join(alike)}: the formulas agree to 40 digits at random points "
            "and not literally, as where a law such as exp(a − b) = exp(a) / exp(b) is needed"
        )
