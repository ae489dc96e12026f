"""Claims about what a judge may take: where time or memory does not do, it says so."""

from __future__ import annotations

import time

import numpy as np
import pytest

from minigrad.verify import check_vjp, numeric, tasks
from minigrad.verify import exact as exact_judge


def _distances(x, y):
    return np.maximum(x[:, None, :] - y[None, :, :], 0).sum(axis=(1, 2))


def _distances_backward(g, x, y):
    d = (x[:, None, :] > y[None, :, :]) * g[:, None, None]
    return d.sum(axis=1), -d.sum(axis=0)


def test_the_exact_judge_takes_shorter_arrays_where_the_example_needs_too_much_memory():
    report = check_vjp(_distances, _distances_backward, [(400, 40), (400, 40)], budget=1)
    assert report.status == 0, str(report)
    exact = next(check for check in report.checks if check.judge == "exact")
    assert exact.outcome == "right" and max(exact.shapes["x"]) < 10


def test_an_example_that_no_shorter_one_stands_for_is_not_tried_and_says_why(monkeypatch):
    monkeypatch.setattr(exact_judge, "_MEMORY", 1e5)
    table = np.random.default_rng(0).normal(size=(20, 20))
    report = check_vjp(
        lambda x: np.tanh(x @ table), lambda g, y, x: g * (1 - y * y) @ table.T, [(20, 20)]
    )
    assert report.status == 0, str(report)
    exact = next(check for check in report.checks if check.judge == "exact")
    assert exact.outcome == "untried"
    assert exact.established.startswith("not tried: it would take about 0.0")


def test_the_search_for_the_wrong_line_keeps_to_the_budget(monkeypatch):
    asked = []

    def recorded(subject, wrong, seed, seconds):
        asked.append(seconds)
        return {}

    monkeypatch.setattr(tasks, "sentences", recorded)
    for budget in (0.1, 2, 60):
        assert check_vjp(np.tanh, lambda g, y, x: g * y, [(3,)], budget=budget).status == 1
    assert asked == pytest.approx([1.0, 1.2, 36.0])  # a second at least, else 0.6 of the budget


def _busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize("factor", [1.0, 1.001])
def test_the_numeric_judge_keeps_to_the_budget_where_forward_is_slow(factor):
    def forward(x):
        _busy(0.01)
        return np.maximum(x, 0) * x

    start = time.thread_time()
    report = check_vjp(forward, lambda g, x: 2 * factor * g * np.maximum(x, 0), [(30,)], budget=0.5)
    assert time.thread_time() - start < 6  # of each judge, and of the search for the line
    numeric = next(check for check in report.checks if check.judge == "numeric")
    assert (numeric.outcome == "right") == (factor == 1)


@pytest.mark.parametrize("x", [np.zeros((3, 2)), np.ones((3, 2))])
def test_a_slow_forward_is_not_wrong_because_its_example_sits_on_a_kink(monkeypatch, x):
    monkeypatch.setattr(numeric, "_PATIENT", 1e12)  # every forward is slow
    relu = check_vjp(lambda x: np.maximum(x, 0), lambda g, x: np.where(x > 0, g, 0), [x])
    assert relu.status == 0, str(relu)
    off = check_vjp(lambda x: np.maximum(x, 0), lambda g, x: np.where(x > 0, 1.01 * g, 0), [x + 1])
    assert all(check.outcome == "wrong" for check in off.checks)


def test_floats_too_rough_for_a_slope_leave_the_numeric_judge_undecided():
    report = check_vjp(lambda x: np.round(x * 100) / 100, lambda g, x: 5 * g, [np.full(3, 0.4)])
    numeric = next(check for check in report.checks if check.judge == "numeric")
    assert numeric.outcome in ("wrong", "undecided"), str(report)


def test_a_forward_that_takes_the_whole_budget_is_undecided_and_says_so():
    def forward(x):
        _busy(0.3)
        return np.tanh(x)

    report = check_vjp(forward, lambda g, y, x: g * (1 - y * y), [(3,)], budget=0.2)
    assert report.status == 3, str(report)
    assert "not done within 0.2 s (--budget)" in str(report)
