"""Claims about limits of time."""

from __future__ import annotations

from itertools import pairwise

import pytest
import sympy

from minigrad.arrays import budget
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.symbolic import Slopes


def test_a_proof_stops_before_a_product_that_takes_longer_than_is_left():
    unknowns = sympy.symbols("x:18")
    product = sympy.Mul(*(1 + x for x in unknowns))
    with budget.within(0.2), pytest.raises(budget.OutOfBudgetError, match="time allowed"):
        is_zero(product - 1)
    assert not is_zero(sympy.Mul(*(1 + x for x in unknowns[:8])) - 1)


def test_a_derivative_through_many_names_stops_within_the_time_allowed():
    x, *names = sympy.symbols("x a:400", real=True)
    meanings = {names[0]: sympy.sin(x)}
    for before, name in pairwise(names):
        meanings[name] = sympy.exp(sympy.sin(before * x) + before**3) * x
    with budget.within(0.2), pytest.raises(budget.OutOfBudgetError, match="time allowed"):
        Slopes(names[-1], meanings).by(x)
    few = dict(list(meanings.items())[:2])
    a = sympy.sin(x)
    written = sympy.exp(sympy.sin(a * x) + a**3) * x
    assert is_zero(Slopes(names[1], few).by(x).xreplace({names[0]: a}) - sympy.diff(written, x))
