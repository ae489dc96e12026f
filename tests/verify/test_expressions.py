"""Claims about random expressions of the vocabulary: right rules pass, a wrong one is caught."""

from __future__ import annotations

import random

import numpy as np
from expressions import Expression, expression, wrong_rule
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mutation import mutants

from minigrad.verify import verify

MUTANTS = mutants()
FEW = settings(
    max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@FEW
@given(st.randoms(use_true_random=False))
def test_right_rules_pass(draw: random.Random):
    found = expression(draw, 2)
    with np.errstate(all="ignore"):
        report = verify(found.target, budget=0.5)
    assert report.status != 1, f"{found}\n{report}"


@FEW
@given(st.randoms(use_true_random=False))
def test_a_wrong_rule_is_caught(draw: random.Random):
    found = expression(draw, 2)
    with wrong_rule(found, draw, MUTANTS) as mutant, np.errstate(all="ignore"):
        assume(mutant is not None)
        report = verify(found.target, budget=0.5)
    assert not report.passed, f"{found}\n{mutant}\n{report}"


def test_a_slope_of_0_is_no_difference_between_two_roundings():
    """arctan2(0.7 x, x) changes nowhere but where x changes its sign."""
    found = Expression("mg.erf(mg.reciprocal(mg.arctan2(0.7 * x, x)))", 5)
    assert verify(found.target, budget=1).passed
