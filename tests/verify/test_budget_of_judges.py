"""Claims about what a judge may take: where time or memory does not do, it says so."""

from __future__ import annotations

import numpy as np

from minigrad.verify import check_vjp, tasks
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
    assert asked == [1.0, 2.0, 3.0]
