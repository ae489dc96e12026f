"""Claims about norms, dropout and convolutional layers."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def test_a_layer_norm_has_mean_0_and_variance_1(rng):
    y = nn.LayerNorm(50, eps=1e-12, dtype=np.float64)(3 + 5 * rng.normal(size=(4, 50))).data
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-13)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-12)


def test_a_layer_norm_does_not_see_scale_nor_shift(rng):
    layer, x = nn.LayerNorm(8, eps=1e-14, dtype=np.float64), rng.normal(size=(2, 8))
    np.testing.assert_allclose(layer(7 * x + 3).data, layer(x).data, rtol=1e-10, atol=1e-12)


def test_an_rms_norm_has_mean_square_1(rng):
    y = nn.RMSNorm(50, eps=1e-14, dtype=np.float64)(5 * rng.normal(size=(4, 50))).data
    np.testing.assert_allclose((y * y).mean(axis=-1), 1, rtol=1e-12)


@pytest.mark.parametrize("kind", [nn.LayerNorm, nn.RMSNorm])
def test_equal_entries_give_no_nan(kind):
    layer, x = kind(3), mg.Tensor(np.zeros((2, 3), np.float32), requires_grad=True)
    layer(x).sum().backward()
    assert np.all(np.isfinite(x.grad))
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("kind", [nn.LayerNorm, nn.RMSNorm])
def test_wrong_widths_are_refused_with_both_shapes(kind):
    with pytest.raises(ValueError, match=r"got an input of shape \(2, 4\), expected \(…, 3\)"):
        kind(3)(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(…, 2, 3\)"):
        kind((2, 3))(np.ones(3))


@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.LayerNorm(3), (4, 3)),
        (lambda: nn.RMSNorm(3), (4, 3)),
        (lambda: nn.Conv1d(3, 2, 2), (3, 4)),
        (lambda: nn.Conv2d(3, 2, 2), (3, 4, 4)),
        (lambda: nn.Dropout(), (4, 3)),
    ],
)
def test_batches_of_none_and_one(make, shape, batch):
    x = mg.Tensor(np.ones((batch, *shape), np.float32), requires_grad=True)
    y = make()(x)
    y.sum().backward()
    assert y.shape[0] == batch
    assert x.grad.shape == x.shape


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.LayerNorm(3, dtype=float), (4, 5, 3)),
        (lambda: nn.Conv1d(3, 2, 2, rng=0, dtype=float), (4, 3, 5)),
        (lambda: nn.Conv2d(3, 2, 2, rng=0, dtype=float), (4, 3, 5, 5)),
    ],
)
def test_non_contiguous_inputs_give_the_same(make, shape, rng):
    layer, x = make(), rng.normal(size=shape)
    view = np.asfortranarray(x)[::-1]
    np.testing.assert_allclose(layer(view).data, layer(view.copy("C")).data, rtol=1e-14, atol=1e-15)


def test_dropout_keeps_the_expectation_and_drops_gradients_with_values():
    x = mg.Tensor(np.ones((200, 200), np.float32), requires_grad=True)
    y = nn.Dropout(0.25, rng=0)(x)
    y.sum().backward()
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(float(np.mean(y.data)) - 1) < 0.01  # 40 000 draws: three deviations are 0.0087
    np.testing.assert_array_equal(x.grad, y.data)
    assert y.dtype == np.float32


def test_dropout_is_reproducible_and_does_nothing_in_evaluation():
    x = np.ones((5, 5))
    one, other = nn.Dropout(0.5, rng=3), nn.Dropout(0.5, rng=3)
    for _ in range(2):
        np.testing.assert_array_equal(one(x), other(x))
    assert one.eval()(x) is x
    assert np.any(one.train()(x) == 0)
    with pytest.raises(ValueError, match=r"got p=1.5, expected 0 ≤ p ≤ 1"):
        nn.Dropout(1.5)


def test_convolutions_refuse_other_channels_and_kernels():
    with pytest.raises(ValueError, match=r"\(2, 4, 5\).*\(2, 3, 2\)"):
        nn.Conv1d(3, 2, 2)(np.ones((2, 4, 5)))
    with pytest.raises(ValueError, match=r"got kernel_size \(2, 2, 2\), expected 2 numbers"):
        nn.Conv2d(3, 2, (2, 2, 2))
