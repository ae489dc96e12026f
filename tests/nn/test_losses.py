"""Claims about losses, beside their agreement with PyTorch in test_references.py."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def _gradient(loss, x):
    leaf = mg.Tensor(np.asarray(x), requires_grad=True)
    value = loss(leaf)
    value.backward()
    return value.item(), leaf.grad


PAIRS = [nn.mse_loss, nn.l1_loss, nn.huber_loss, nn.binary_cross_entropy_with_logits, nn.kl_div]


@pytest.mark.parametrize("loss", PAIRS)
def test_shapes_that_broadcast_are_refused(loss):
    with pytest.raises(
        ValueError, match=rf"{loss.__name__}: .*\(3,\).*\(3, 1\), expected the same"
    ):
        loss(mg.Tensor(np.ones(3)), np.ones((3, 1)))


@pytest.mark.parametrize("loss", PAIRS)
def test_unknown_reductions_are_refused(loss):
    with pytest.raises(ValueError, match="got reduction='average'"):
        loss(np.ones(3), np.ones(3), "average")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_huge_logits_give_finite_losses_and_gradients(size, dtype):
    logits = np.array([[size, 0.0, -size]], dtype)
    value, gradient = _gradient(lambda x: nn.cross_entropy(x, np.array([0])), logits)
    assert value == max(0, -2 * size)
    np.testing.assert_allclose(gradient, [[0, 0, 0]] if size > 0 else [[-1, 0, 1]], atol=1e-7)
    for target, expected in ((0.0, max(size, 0)), (1.0, max(-size, 0))):
        value, gradient = _gradient(
            lambda x, t=target: nn.binary_cross_entropy_with_logits(x, np.array([t], dtype)),
            np.array([size], dtype),
        )
        assert value == expected
        assert gradient == pytest.approx((size > 0) - target)
    value, gradient = _gradient(
        lambda x: nn.ctc_loss(mg.log_softmax(x), [[1, 2]], [3], [2], reduction="sum"),
        np.array([[[0, size, 0]]] * 3, dtype),
    )
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))
    assert gradient.dtype == dtype


def test_huber_is_the_square_near_and_the_line_far_away():
    error = np.array([0.5, -0.5, 3.0])
    loss = nn.huber_loss(error, np.zeros(3), "none", delta=1.0)
    np.testing.assert_allclose(loss, [0.125, 0.125, 2.5], rtol=1e-15)
    _, gradient = _gradient(lambda x: nn.huber_loss(x, np.zeros(3), "sum", delta=1.0), error)
    np.testing.assert_allclose(gradient, [0.5, -0.5, 1.0], rtol=1e-15)
    with pytest.raises(ValueError, match="got delta=0"):
        nn.huber_loss(error, error, delta=0)


def test_cross_entropy_of_sequences_is_that_of_their_steps(rng):
    logits, target = rng.normal(size=(2, 5, 4)), rng.integers(4, size=(2, 5))
    together = nn.cross_entropy(logits, target, "none")
    assert together.shape == (2, 5)
    for k in range(2):
        np.testing.assert_allclose(
            together[k], nn.cross_entropy(logits[k], target[k], "none"), rtol=1e-14
        )


def test_ignored_targets_add_nothing_and_get_no_gradient(rng):
    logits, target = rng.normal(size=(3, 4)), np.array([1, -100, 2])
    value, gradient = _gradient(lambda x: nn.cross_entropy(x, target), logits)
    assert value == pytest.approx(
        float(nn.cross_entropy(logits[[0, 2]], target[[0, 2]])), rel=1e-14
    )
    np.testing.assert_array_equal(gradient[1], 0)
    value, gradient = _gradient(lambda x: nn.cross_entropy(x, np.full(3, -100)), logits)
    assert math.isnan(value)  # the mean of nothing, which moves nothing
    np.testing.assert_array_equal(gradient, 0)


def test_targets_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match="got target 4, expected 0 to 3"):
        nn.cross_entropy(np.ones((2, 4)), np.array([0, 4]))
    with pytest.raises(TypeError, match="float64, expected integers"):
        nn.cross_entropy(np.ones((2, 4)), np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"\(2, 4\) and targets of shape \(3,\)"):
        nn.cross_entropy(np.ones((2, 4)), np.array([0, 1, 2]))
    with pytest.raises(ValueError, match=r"label_smoothing=1\.5"):
        nn.cross_entropy(np.ones((2, 4)), np.array([0, 1]), label_smoothing=1.5)


def test_the_divergence_is_0_of_equals_and_takes_zeros(rng):
    p = np.array([[0.2, 0.8, 0.0], [0.5, 0.25, 0.25]])
    q = np.array([[0.3, 0.3, 0.4], [0.1, 0.6, 0.3]])
    by_hand = sum(t * math.log(t / s) for t, s in zip(p.ravel(), q.ravel(), strict=True) if t)
    assert float(nn.kl_div(np.log(q), p, "sum")) == pytest.approx(by_hand, rel=1e-14)
    assert float(nn.kl_div(np.log(q), p, "batchmean")) == pytest.approx(by_hand / 2, rel=1e-14)
    assert float(nn.kl_div(np.log(q), q, "sum")) == pytest.approx(0, abs=1e-15)


def _collapse(path, blank):
    kept = [c for k, c in enumerate(path) if k == 0 or c != path[k - 1]]
    return tuple(c for c in kept if c != blank)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("labels", [(), (1,), (1, 1), (1, 3), (3, 1, 3), (1, 1, 3)])
def test_ctc_is_the_sum_over_all_paths(labels, blank, rng):
    """Every path of 5 steps over 4 classes, one by one: 1024 of them."""
    logits = rng.normal(size=(5, 1, 4))
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    total = sum(
        math.exp(sum(logs[t, 0, c] for t, c in enumerate(path)))
        for path in itertools.product(range(4), repeat=5)
        if _collapse(path, blank) == labels
    )
    targets = np.array([[*labels, *[-1] * (3 - len(labels))]])  # what pads is not looked at
    loss = nn.ctc_loss(logs, targets, [5], [len(labels)], blank=blank, reduction="sum")
    assert float(loss) == pytest.approx(-math.log(total), rel=1e-12)


def test_a_target_that_does_not_fit_costs_infinity_and_spoils_nobody(rng):
    """1, 1 needs a blank between: three steps, and there are two."""
    logits = rng.normal(size=(3, 2, 4))
    targets, steps, labels = np.array([[1, 1], [2, 3]]), [2, 3], [2, 2]
    run = lambda x, **o: nn.ctc_loss(mg.log_softmax(x), targets, steps, labels, **o)  # noqa: E731
    each = run(mg.Tensor(logits), reduction="none").data
    assert each[0] == np.inf
    assert np.isfinite(each[1])
    value, gradient = _gradient(lambda x: run(x, reduction="sum"), logits)
    assert value == np.inf
    np.testing.assert_array_equal(gradient[:, 0], 0)
    alone, expected = _gradient(
        lambda x: nn.ctc_loss(mg.log_softmax(x), [[2, 3]], [3], [2], reduction="sum"),
        logits[:, 1:],
    )
    np.testing.assert_allclose(gradient[:, 1:], expected, rtol=1e-13)
    value, _ = _gradient(lambda x: run(x, reduction="sum", zero_infinity=True), logits)
    assert value == pytest.approx(alone, rel=1e-14)


def test_steps_behind_the_length_do_not_count(rng):
    logits = rng.normal(size=(6, 1, 4))
    run = lambda x: nn.ctc_loss(mg.log_softmax(x), [[1, 2]], [4], [2], reduction="sum")  # noqa: E731
    value, gradient = _gradient(run, logits)
    assert value == pytest.approx(_gradient(run, logits[:4])[0], rel=1e-14)
    np.testing.assert_array_equal(gradient[4:], 0)


def test_ctc_refuses_what_does_not_fit():
    logs = np.zeros((4, 2, 3))
    with pytest.raises(ValueError, match=r"log_probs \(4, 2, 3\), targets \(3, 2\)"):
        nn.ctc_loss(logs, np.ones((3, 2), int), [4, 4], [2, 2])
    with pytest.raises(ValueError, match=r"input_lengths \[5, 4\], expected integers from 1 to 4"):
        nn.ctc_loss(logs, np.ones((2, 2), int), [5, 4], [2, 2])
    with pytest.raises(ValueError, match=r"label 0, expected .* 0 to 2 other than the blank 0"):
        nn.ctc_loss(logs, np.zeros((2, 2), int), [4, 4], [2, 2])
    with pytest.raises(ValueError, match="got blank=3, expected 0 to 2"):
        nn.ctc_loss(logs, np.ones((2, 2), int), [4, 4], [2, 2], blank=3)


@pytest.mark.parametrize("target", [[1, 0], np.array([1, 0], np.uint8), (1.0, 0.0)])
@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "huber_loss", "kl_div", "binary_cross_entropy", "soft_margin_loss",
     "hinge_embedding_loss", "poisson_nll_loss", "sigmoid_focal_loss"],
)  # fmt: skip
def test_lists_and_bytes_are_targets_as_arrays_of_numbers_are(name, target):
    loss = getattr(nn, name)
    x = mg.Tensor(np.array([0.2, 0.6]), requires_grad=True)
    assert loss(x, target).item() == loss(x, np.array([1.0, 0.0])).item()
