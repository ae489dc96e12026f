"""Claims about initial weights."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigrad import nn
from minigrad.nn import init

DRAWS = {  # the variance that each paper asks for, with 300 inputs and 200 outputs
    init.glorot_uniform: 2 / 500,
    init.glorot_normal: 2 / 500,
    init.he_uniform: 2 / 300,
    init.he_normal: 2 / 300,
}


@pytest.mark.parametrize("draw", DRAWS)
def test_the_variance_is_the_paper_s(draw):
    w = draw((200, 300), rng=0, dtype=np.float64)
    assert w.var() == pytest.approx(DRAWS[draw], rel=0.02)
    assert abs(w.mean()) < 4 * math.sqrt(DRAWS[draw] / w.size)
    np.testing.assert_array_equal(w, draw((200, 300), rng=0, dtype=np.float64))


def test_every_place_of_a_kernel_is_an_input():
    assert init.he_normal((100, 20, 3, 5), rng=0).var() == pytest.approx(2 / 300, rel=0.02)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (6, 2, 2)])
def test_orthogonal_rows_or_columns(shape):
    w = init.orthogonal(shape, gain=2, rng=0, dtype=np.float64)
    assert w.shape == shape
    flat = w.reshape(shape[0], -1)
    gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-14)


def test_a_vector_has_no_fans():
    with pytest.raises(ValueError, match=r"got shape \(3,\), expected \(outputs, inputs"):
        init.glorot_uniform((3,))


@pytest.mark.parametrize(
    ("fill", "variance"),
    [
        (lambda w: init.uniform_(w, -1, 3, rng=0), 16 / 12),
        (lambda w: init.normal_(w, 1.0, 0.5, rng=0), 0.25),
        (lambda w: init.trunc_normal_(w, rng=0), 0.7737),  # of a normal number between −2 and 2
        (lambda w: init.xavier_uniform_(w, 2.0, rng=0), 4 * 2 / 500),
        (lambda w: init.xavier_normal_(w, rng=0), 2 / 500),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="relu", rng=0), 2 / 300),
        (lambda w: init.kaiming_uniform_(w, math.sqrt(5), rng=0), 1 / 900),  # torch.nn.Linear's
        (lambda w: init.kaiming_normal_(w, 0, "fan_out", "tanh", rng=0), 25 / 9 / 200),
    ],
)
def test_parameters_are_filled_with_the_variance_that_was_asked_for(fill, variance):
    weight = nn.Linear(300, 200, dtype=np.float64).weight
    assert fill(weight) is weight
    assert weight.data.var() == pytest.approx(variance, rel=0.02)
    assert weight.requires_grad


def test_parameters_are_filled_with_constants_and_keep_their_dtype():
    bias = nn.Linear(2, 3).bias
    for fill, expected in ((init.zeros_, 0), (init.ones_, 1), (lambda b: init.constant_(b, 7), 7)):
        assert fill(bias) is bias
        assert bias.dtype == np.float32
        np.testing.assert_array_equal(bias.data, expected)
    square = init.orthogonal_(nn.Linear(4, 4, dtype=np.float64).weight, 2.0).data
    np.testing.assert_allclose(square @ square.T, 4 * np.eye(4), atol=1e-12)
    np.testing.assert_array_equal(init.eye_(nn.Linear(2, 3).weight).data, np.eye(3, 2))
    for call, message in (
        (lambda: init.kaiming_normal_(nn.Linear(2, 2).weight, mode="in"), "expected 'fan_in'"),
        (lambda: init.calculate_gain("gelu"), "got 'gelu', expected linear"),
        (lambda: init.trunc_normal_(bias, 0.0, 1.0, 8.0, 9.0), "within 4 standard deviations"),
        (lambda: init.xavier_uniform_(bias), r"got shape \(3,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_the_forget_bias_and_no_other_is_set():
    lstm = nn.LSTM(3, 4, rng=0)
    before = {n: p.data.copy() for n, p in lstm.named_parameters()}
    init.set_forget_bias(lstm)
    after = dict(lstm.named_parameters())
    changed = [n for n, array in before.items() if np.any(array != after[n].data)]
    assert changed == [n for n in before if n.endswith("f.bias")]
    np.testing.assert_array_equal(after[changed[0]].data, 1)
    with pytest.raises(ValueError, match="Linear has no gate named f"):
        init.set_forget_bias(nn.Linear(2, 2))
