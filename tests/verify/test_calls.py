"""Claims about how a pair is called: which results are outputs, and what a second call gives."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad.targets import TargetError
from minigrad.verify import check_vjp


class Scale:
    """y = a x, with a gradient that is added up."""

    def __init__(self, a, add=True):
        self.params, self.grads, self.add = {"a": a}, {"a": np.zeros_like(a)}, add

    def forward(self, x):
        self.x = x
        return self.params["a"] * x

    def backward(self, g):
        if self.add:
            self.grads["a"] += (g * self.x).sum(axis=0)
        else:
            self.grads["a"][...] = (g * self.x).sum(axis=0)
        return g * self.params["a"]


def _made(x, a):
    layer = Scale(a)
    return layer.forward(x), layer


def _made_backward(g, layer):
    return layer.backward(g), layer.grads["a"]


def test_a_gradient_that_adds_up_is_right_and_said_to_add_up():
    report = check_vjp(_made, _made_backward, [(4, 3), (3,)])
    assert report.status == 0, str(report)
    of_x, of_a = (verdict.remarks for verdict in report.verdicts())
    assert any("∂L/∂a accumulates in layer.grads['a']" in told for told in of_a)
    assert not any("accumulates" in told for told in of_x)


def test_one_object_for_all_calls_starts_from_the_state_it_has():
    layer = Scale(np.array([1.0, -2.0, 0.5]))

    def forward(x, a):
        layer.params["a"] = a
        return layer.forward(x)

    def backward(g, x, a):
        return layer.backward(g), layer.grads["a"]

    report = check_vjp(forward, backward, [(4, 3), (3,)])
    assert report.status == 0, str(report)
    assert all(check.outcome == "right" for check in report.checks), str(report)
    assert np.array_equal(layer.grads["a"], np.zeros(3))
    assert np.array_equal(layer.params["a"], [1.0, -2.0, 0.5])
    slip = check_vjp(forward, lambda g, x, a: (layer.backward(g) * 2, layer.grads["a"]),
                     [(4, 3), (3,)])  # fmt: skip
    assert [v.outcome for v in slip.verdicts()] == ["wrong", "right"]


def test_only_the_gradient_that_changes_in_a_second_call_is_doubted():
    def forward(x, w):
        return np.tanh(x) * w, {"slope": 1 - np.tanh(x) ** 2, "y": np.tanh(x), "w": w}

    def backward(g, cache):
        dw = g * cache["y"]
        cache["slope"] *= g
        return cache["slope"] * cache["w"], dw

    report = check_vjp(forward, backward, [(3, 4), (3, 4)])
    of_x, of_w = report.verdicts()
    assert (of_x.outcome, of_w.outcome, report.status) == ("undecided", "right", 3)
    assert "a second call of backward gives another gradient" in str(of_x.checks)


def test_a_cache_that_is_used_up_is_said_to_be():
    def forward(x):
        return np.exp(x), [np.exp(x)]

    report = check_vjp(forward, lambda g, cache: g * cache.pop(), [(5,)])
    assert report.status == 0, str(report)
    assert "a second call of backward raises IndexError" in str(report)


def _linear_and_input(x, w):
    return x @ w, x


def _hidden(x, w, v):
    z = np.tanh(x @ w)
    y = z @ v
    return y, z


def _rebound(x, w):
    x = x * x
    return x @ w, x


def _flat(x, w):
    y = np.sum(x * w)
    return y, x


PAIRS = {
    "output and input": (
        lambda x: (np.maximum(x, 0), x), lambda g, x: g * (x > 0), [(3, 4)]),
    "output and input, g last": (
        lambda x: (np.sin(x), x), lambda x, dy: dy * np.cos(x), [(3, 4)]),
    "softmax and itself, with slopes that add up to 0": (
        lambda x: (lambda y: (y, y))(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)),
        lambda g, y: y * (g - (g * y).sum(axis=1, keepdims=True)), [(3, 4)]),
    "output and an input of several": (
        _linear_and_input, lambda g, x, w: (g @ w.T, x.T @ g), [(3, 4), (4, 2)]),
    "output and something between": (
        _hidden,
        lambda dy, z, x, w, v: (
            dy @ v.T * (1 - z * z) @ w.T, x.T @ (dy @ v.T * (1 - z * z)), z.T @ dy),
        [(3, 4), (4, 2), (2, 3)]),
    "an output and an argument of one name": (
        lambda x, w: _rebound(x, w),
        lambda g, x, w, a: (g @ w.T * 2 * a, x.T @ g), None),
    "a scalar and an input": (
        _flat, lambda g, x, w: (g * w, g * x), [(3,), (3,)]),
    "two outputs that are inputs' names too": (
        lambda x, w: (x * w, x + w), lambda dp, ds, x, w: (dp * w + ds, dp * x + ds),
        [(3,), (3,)]),
    "three results, of which one is the output": (
        lambda x, w: (x * w, x, w), lambda g, x, w: (g * w, g * x), [(3,), (3,)]),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, pair in PAIRS.items() if pair[2]])
def test_outputs_and_what_is_saved_are_told_apart(name):
    forward, backward, example = PAIRS[name]
    report = check_vjp(forward, backward, example)
    assert report.status == 0, str(report)


def test_a_name_that_forward_binds_anew_means_what_it_returned():
    def backward(g, x, w):
        return g @ w.T * 2 * np.sqrt(x), np.transpose(x) @ g

    example = [np.random.default_rng(0).uniform(0.5, 2, size=(3, 4)), (4, 2)]
    assert check_vjp(_rebound, backward, example).status == 0

    def of_the_argument(g, x, w):
        return g @ w.T * 2 * x, np.transpose(x * x) @ g

    assert check_vjp(_rebound, of_the_argument, example).status == 0


def test_a_mistake_is_a_mistake_in_each_reading():
    report = check_vjp(lambda x: (np.maximum(x, 0), x), lambda g, x: g * (x > -5) * 1.5, [(3, 4)])
    assert report.status == 1, str(report)
    assert "shape" not in str(report.verdicts()[0].checks[-1].failures)


def test_whole_numbers_as_an_output_are_refused_with_what_to_do():
    with pytest.raises(TargetError, match=r"expected an array of floats; .* y.astype\(float\)"):
        check_vjp(lambda x: (x > 0).astype(int), lambda g, x: 0 * x, [(3, 4)])


def test_the_domain_of_a_logarithm_is_said():
    def proven(forward, backward, x):
        report = check_vjp(forward, backward, [x])
        assert report.passed, str(report)
        return report.checks[0].established

    inside = np.array([-1.5, 0.5, 2.0])
    said = proven(lambda x: np.log(x + 3), lambda g, y, x: g / (x + 3), inside)
    assert "for every real input at which what stands in a logarithm is positive" in said
    said = proven(lambda x: np.log(x * x + 3), lambda g, y, x: 2 * g * x / (x * x + 3), inside)
    assert "for every real input, at these shapes" in said
    assert "for positive x" in proven(np.log, lambda g, y, x: g / x, np.array([0.5, 2.0]))


def _loss(x, y):
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    return loss, p


def _loss_backward(p, y):
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return d / len(y)


def test_the_backward_of_a_loss_needs_no_cotangent():
    example = [(3, 4), np.array([0, 1, 3])]
    assert check_vjp(_loss, _loss_backward, example).status == 0
    report = check_vjp(_loss, lambda p, y: _loss_backward(p, y) * len(y), example)
    assert report.status == 1, str(report)
    assert report.verdicts()[0].witness

    kept = {}

    def forward(x):
        kept["x"] = x
        return np.sum(np.sin(x))

    assert check_vjp(forward, lambda: np.cos(kept["x"]), [(3,)]).status == 0
    assert check_vjp(forward, lambda: np.sin(kept["x"]), [(3,)]).status == 1
