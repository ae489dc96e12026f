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
