"""`minigrad.nn.functional` is what ``torch.nn.functional`` is, arguments by position included."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional
from tests.references import assert_agrees, references
from tests.references.functions import CASES

REFERENCES = references("functions")


@pytest.mark.parametrize("name", CASES)
def test_functions_agree_with_pytorch(name):
    case, reference = CASES[name], REFERENCES[name]
    leaves = {
        key: mg.Tensor(array.astype(np.float64), requires_grad=key in reference.gradients)
        if array.dtype.kind == "f" else array
        for key, array in reference.inputs.items()
    }  # fmt: skip
    y = getattr(functional, case.kind)(*leaves.values(), *case.args, **case.options)
    (y * reference.cotangents["y"]).sum().backward()
    assert_agrees({"y": y.data}, reference.outputs, "float64")
    gradients = {key: leaves[key].grad for key in reference.gradients}
    assert_agrees(gradients, reference.gradients, "float64")


def test_the_running_statistics_of_batch_norm_move_as_in_pytorch():
    x = np.array([[1.0], [3.0]])
    mean, variance = np.zeros(1), np.ones(1)
    functional.batch_norm(x, mean, variance, training=True, momentum=0.5)
    assert (mean, variance) == (1.0, 1.5)  # half of 0 and 2; half of 1 and of the unbiased 2
    y = functional.batch_norm(x, mean, variance, eps=0.0)
    np.testing.assert_allclose(y, (x - 1) / np.sqrt(1.5))


def test_the_places_of_adaptive_maxima_are_those_of_the_values():
    x = np.random.default_rng(0).integers(0, 4, (2, 3, 7, 5)).astype(float)  # many ties
    y, places = functional.adaptive_max_pool2d(x, (3, 2), True)
    flat = x.reshape(2, 3, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, places.reshape(2, 3, -1), -1),
                                  y.reshape(2, 3, -1))  # fmt: skip


def test_dropout_keeps_the_mean_and_does_nothing_outside_training():
    x = np.ones(10_000)
    y = functional.dropout(x, 0.25, rng=0)
    assert set(np.unique(y)) == {0.0, 4 / 3}
    assert abs(y.mean() - 1) < 0.05
    assert functional.dropout(x, 0.25, training=False) is x
    channels = functional.dropout2d(np.ones((2, 8, 3, 3)), 0.5, rng=0)
    assert np.ptp(channels, axis=(2, 3)).max() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: functional.mse_loss(x, x, False), "write reduction='mean', 'sum' or 'none'"),
        (lambda x: functional.mse_loss(x, x, weight=x), "multiply what reduction='none' returns"),
        (lambda x: functional.mse_loss(x), "missing a required argument: 'target'"),
        (lambda x: functional.elu(x, 1.0, False, 3), "too many positional arguments"),
        (lambda x: functional.dropout(x, 2.0), "expected 0 ≤ p ≤ 1"),
        (lambda x: functional.cross_entropy(x, np.array([0, 1]),
                                            mg.Tensor(np.ones(3), requires_grad=True)),
         "class weights that ask for a gradient"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_said(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(np.zeros((2, 3)))


def test_a_name_that_is_missing_says_where_to_look():
    with pytest.raises(AttributeError, match="functional has no grid_sample"):
        functional.grid_sample  # noqa: B018
