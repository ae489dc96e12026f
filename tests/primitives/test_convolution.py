"""Convolution and pooling are what their sums say, and each one's transpose is its adjoint."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.arrays.field import FieldArray


def by_the_sum(x, weight, bias, stride, padding):
    """Dumoulin & Visin's definition, one output entry at a time."""
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    size = weight.shape[2:]
    positions = [(n - k) // s + 1 for n, k, s in zip(x.shape[2:], size, stride, strict=True)]
    y = np.zeros((x.shape[0], weight.shape[0], *positions))
    for n, o, *at in product(*map(range, y.shape)):
        window = tuple(slice(p * s, p * s + k) for p, s, k in zip(at, stride, size, strict=True))
        y[(n, o, *at)] = np.sum(x[(n, slice(None), *window)] * weight[o]) + bias[o]
    return y


@st.composite
def convolutions(draw):
    """Arrays and settings of a convolution over one or two axes."""
    n = draw(st.sampled_from([1, 2]))
    size = [draw(st.integers(1, 3)) for _ in range(n)]
    padding = [draw(st.integers(0, 2)) for _ in range(n)]
    stride = [draw(st.integers(1, 3)) for _ in range(n)]
    length = [k + draw(st.integers(0, 4)) for k in size]
    batch, channels, filters = (draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.normal(size=(batch, channels, *length))
    weight, bias = rng.normal(size=(filters, channels, *size)), rng.normal(size=filters)
    return x, weight, bias, tuple(stride), tuple(padding)


CONV = {1: mg.conv1d, 2: mg.conv2d}
TRANSPOSED = {1: mg.conv_transpose1d, 2: mg.conv_transpose2d}


@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_a_convolution_is_the_sum_of_its_definition(case):
    x, weight, bias, stride, padding = case
    y = CONV[x.ndim - 2](x, weight, bias, stride=stride, padding=padding)
    np.testing.assert_allclose(y, by_the_sum(*case), rtol=1e-12, atol=1e-12)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_its_gradients_are_the_slopes_of_the_complex_step(case):
    x, weight, bias, stride, padding = case
    conv = CONV[x.ndim - 2]
    g = np.random.default_rng(0).normal(size=by_the_sum(*case).shape)

    def loss(x, weight, bias):
        return (conv(x, weight, bias, stride=stride, padding=padding) * g).sum()

    for k, gradient in enumerate(mg.grad(loss, argnums=(0, 1, 2))(x, weight, bias)):
        moved = [x, weight, bias]
        direction = np.random.default_rng(k).normal(size=moved[k].shape)
        moved[k] = moved[k] + 1e-30j * direction
        slope = loss(*moved).imag / 1e-30
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-10, atol=1e-10)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_the_transposed_convolution_is_the_adjoint_without_tolerance(case):
    x, weight, _, stride, padding = case
    n = x.ndim - 2
    rng = np.random.default_rng(1)
    fits = tuple((p - k) % s == 0 for p, k, s in zip(
        (m + 2 * q for m, q in zip(x.shape[2:], padding, strict=True)),
        weight.shape[2:], stride, strict=True))  # fmt: skip
    v, w = FieldArray.random(x.shape, rng), FieldArray.random(weight.shape, rng)
    y = CONV[n](v, w, stride=stride, padding=padding)
    u = FieldArray.random(y.shape, rng)
    back = TRANSPOSED[n](u, w, stride=stride, padding=padding)
    if all(fits):  # else the input is longer than what the windows reach
        assert back.shape == v.shape
        assert (y * u).sum().item() == (v * back).sum().item()


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [None, 1, (2, 1)])
def test_pooling_takes_the_maximum_and_the_mean_of_each_window(stride, padding):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6))
    steps = (2, 2) if stride is None else (stride, stride) if stride == 1 else stride
    lowest = np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * 2], constant_values=-np.inf)
    zeros = np.where(np.isinf(lowest), 0, lowest)
    rows, columns = ((m + 2 * padding - 2) // s + 1 for m, s in zip((5, 6), steps, strict=True))
    for i, j in product(range(rows), range(columns)):
        window = (..., slice(i * steps[0], i * steps[0] + 2), slice(j * steps[1], j * steps[1] + 2))
        highest = mg.max_pool2d(x, 2, stride, padding)[..., i, j]
        np.testing.assert_array_equal(highest, lowest[window].max(axis=(-2, -1)))
        average = mg.avg_pool2d(x, 2, stride, padding)[..., i, j]
        np.testing.assert_allclose(average, zeros[window].mean(axis=(-2, -1)), atol=1e-15)


def test_the_gradient_of_a_maximum_goes_to_the_entry_that_has_it():
    x = np.array([[[3.0, 1.0, 2.0, 5.0]]])
    gradient = mg.grad(lambda x: (mg.max_pool1d(x, 2, padding=1) * np.array([1, 10, 100])).sum())
    np.testing.assert_array_equal(gradient(x), [[[1, 0, 10, 100]]])
    np.testing.assert_array_equal(
        mg.grad(lambda x: mg.avg_pool1d(x, 2).sum())(x), np.full(x.shape, 0.5)
    )


def test_float32_stays_float32_and_an_empty_batch_stays_empty():
    x, weight = np.ones((0, 2, 5, 5), np.float32), np.ones((3, 2, 3, 3), np.float32)
    y = mg.conv2d(x, weight, np.ones(3, np.float32), padding=1)
    assert y.shape == (0, 3, 5, 5) and y.dtype == np.float32
    gradient = mg.grad(lambda w: mg.conv2d(x, w).sum())(weight)
    assert gradient.dtype == np.float32 and not gradient.any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mg.conv2d(np.ones((1, 2, 5, 5)), np.ones((3, 4, 3, 3))),
         r"conv2d: got x \(1, 2, 5, 5\), weight \(3, 4, 3, 3\)"),
        (lambda: mg.conv1d(np.ones((1, 2, 2)), np.ones((3, 2, 3))),
         r"conv1d: a window of \(3,\) is larger than the padded input \(2,\)"),
        (lambda: mg.conv1d(np.ones((1, 2, 5)), np.ones((3, 2, 3)), stride=0), "got stride 0"),
        (lambda: mg.conv2d(np.ones((1, 2, 5, 5)), np.ones((3, 2, 3, 3)), padding=(1,)),
         r"got padding \(1,\), expected 2 numbers from 0 up"),
        (lambda: mg.max_pool1d(np.ones((1, 1, 4)), 2, padding=2), "in the padding alone"),
        (lambda: mg.overlap_add(np.ones((2, 3)), shape=(9,), stride=(2,)), "do not fill"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused_with_the_shapes(call, words):
    with pytest.raises(ValueError, match=words):
        call()
