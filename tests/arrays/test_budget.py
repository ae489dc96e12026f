"""Claims about limits of time."""

from __future__ import annotations

import pytest
import sympy

from minigrad.arrays import budget
from minigrad.arrays.normal_form import is_zero


def test_a_proof_stops_before_a_product_that_takes_longer_than_is_left():
    unknowns = sympy.symbols("x:18")
    product = sympy.Mul(*(1 + x for x in unknowns))
    with budget.within(0.2), pytest.raises(budget.OutOfBudgetError, match="time allowed"):
        is_zero(product - 1)
    assert not is_zero(sympy.Mul(*(1 + x for x in unknowns[:8])) - 1)
