"""Convolution and pooling are what their sums say, and each one's transpose is its adjoint."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.arrays.field import FieldArray


def by_the_sum(x, weight, bias, stride, padding, dilation, groups):
    """Dumoulin & Visin's definition, one output entry at a time."""
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    reach = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    positions = [(n - k) // s + 1 for n, k, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((x.shape[0], weight.shape[0], *positions))
    channels, filters = weight.shape[1], weight.shape[0] // groups
    for n, o, *at in product(*map(range, y.shape)):
        window = tuple(
            slice(p * s, p * s + k, d)
            for p, s, k, d in zip(at, stride, reach, dilation, strict=True)
        )
        first = o // filters * channels
        seen = x[(n, slice(first, first + channels), *window)]
        y[(n, o, *at)] = np.sum(seen * weight[o]) + bias[o]
    return y


@st.composite
def convolutions(draw):
    """Arrays and settings of a convolution over one to three axes."""
    n = draw(st.sampled_from([1, 2, 3]))
    size = [draw(st.integers(1, 3)) for _ in range(n)]
    padding = [draw(st.integers(0, 2)) for _ in range(n)]
    stride = [draw(st.integers(1, 3)) for _ in range(n)]
    dilation = [draw(st.integers(1, 2)) for _ in range(n)]
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    length = [k + draw(st.integers(0, 5 - n)) for k in reach]
    batch, groups, channels, filters = (draw(st.integers(1, 2)) for _ in range(4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.normal(size=(batch, groups * channels, *length))
    weight = rng.normal(size=(groups * filters, channels, *size))
    bias = rng.normal(size=len(weight))
    return x, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups


CONV = {1: mg.conv1d, 2: mg.conv2d, 3: mg.conv3d}
TRANSPOSED = {1: mg.conv_transpose1d, 2: mg.conv_transpose2d, 3: mg.conv_transpose3d}


@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_a_convolution_is_the_sum_of_its_definition(case):
    x, weight, bias, stride, padding, dilation, groups = case
    y = CONV[x.ndim - 2](x, weight, bias, stride, padding, dilation, groups)
    np.testing.assert_allclose(y, by_the_sum(*case), rtol=1e-12, atol=1e-12)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_its_gradients_are_the_slopes_of_the_complex_step(case):
    x, weight, bias, *settings = case
    conv = CONV[x.ndim - 2]
    g = np.random.default_rng(0).normal(size=by_the_sum(*case).shape)

    def loss(x, weight, bias):
        return (conv(x, weight, bias, *settings) * g).sum()

    for k, gradient in enumerate(mg.grad(loss, argnums=(0, 1, 2))(x, weight, bias)):
        moved = [x, weight, bias]
        direction = np.random.default_rng(k).normal(size=moved[k].shape)
        moved[k] = moved[k] + 1e-30j * direction
        slope = loss(*moved).imag / 1e-30
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-10, atol=1e-10)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_the_transposed_convolution_is_the_adjoint_without_tolerance(case):
    x, weight, _, stride, padding, dilation, groups = case
    n = x.ndim - 2
    rng = np.random.default_rng(1)
    left = tuple(
        (length + 2 * p - ((k - 1) * d + 1)) % s
        for length, p, k, d, s in zip(
            x.shape[2:], padding, weight.shape[2:], dilation, stride, strict=True
        )
    )
    v, w = FieldArray.random(x.shape, rng), FieldArray.random(weight.shape, rng)
    y = CONV[n](v, w, None, stride, padding, dilation, groups)
    u = FieldArray.random(y.shape, rng)
    back = TRANSPOSED[n](u, w, None, stride, padding, left, groups, dilation)
    assert back.shape == v.shape  # output_padding makes up for what no window reached
    assert (y * u).sum().item() == (v * back).sum().item()


@given(convolutions())
@settings(max_examples=30, deadline=None)
def test_without_a_batch_and_with_the_same_length(case):
    x, weight, bias, _, _, dilation, groups = case
    conv = CONV[x.ndim - 2]
    y = conv(x, weight, bias, 1, "same", dilation, groups)
    assert y.shape == (x.shape[0], weight.shape[0], *x.shape[2:])
    for whole, alone in zip(y, x, strict=True):
        np.testing.assert_allclose(
            conv(alone, weight, bias, 1, "same", dilation, groups), whole, atol=1e-12
        )
    reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilation, strict=True)]
    sides = [(r // 2, r - r // 2) for r in reach]
    padded = np.pad(x, [(0, 0), (0, 0), *sides])
    expected = conv(padded, weight, bias, 1, "valid", dilation, groups)
    np.testing.assert_allclose(y, expected, atol=1e-12)


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


def test_one_number_is_for_all_axes(rng):
    x = rng.normal(size=(1, 5, 6))
    np.testing.assert_array_equal(
        mg.avg_pool2d(x, (2,), [1], (1,)), mg.avg_pool2d(x, (2, 2), (1, 1), (1, 1))
    )


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_pooling_skips_and_reaches_beyond_the_end_as_asked(data):
    """One window after another, with what lies outside of x left out."""
    n = data.draw(st.sampled_from([1, 2, 3]))
    draw = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(n))  # noqa: E731
    size, stride, dilation, length = draw(1, 3), draw(1, 3), draw(1, 3), draw(2, 6)
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in reach)
    ceil_mode, include = data.draw(st.booleans()), data.draw(st.booleans())
    x = np.random.default_rng(0).permutation(np.prod(length)).reshape(length) + 1.0
    starts = []
    for m, k, s, p in zip(length, reach, stride, padding, strict=True):
        last = m - 1 if ceil_mode else m + p - k
        some = range(-p, last + 1, s)
        starts.append([t for t in some if t + k <= m + p] +
                      [t for t in some if 0 < t + k - m - p < s and t < m][:1])  # fmt: skip
    some = all(
        any(0 <= t + j * d < m for j in range(k))
        for ts, k, d, m in zip(starts, size, dilation, length, strict=True)
        for t in ts
    )
    if not all(starts) or not some:
        with pytest.raises(ValueError, match=r"larger than the padded input|in the padding alone"):
            getattr(mg, f"max_pool{n}d")(x, size, stride, padding, dilation, ceil_mode)
        return
    pooled = {
        "max": lambda: getattr(mg, f"max_pool{n}d")(
            x, size, stride, padding, dilation, ceil_mode),
        "avg": lambda: getattr(mg, f"avg_pool{n}d")(x, size, stride, padding, ceil_mode, include),
    }  # fmt: skip
    kinds = ["max"] if max(dilation) > 1 else ["max", "avg"]
    for kind in kinds:
        found = pooled[kind]()
        assert found.shape == tuple(map(len, starts))
        for at in product(*map(range, found.shape)):
            places = [
                [t + j * d for j in range(k) if t + j * d < m + p]
                for t, k, d, m, p in zip(
                    (s[i] for s, i in zip(starts, at, strict=True)),
                    size, dilation, length, padding, strict=True,
                )
            ]  # fmt: skip
            counted = np.prod([len(p) for p in places])
            seen = [x[q] for q in product(*places)
                    if all(0 <= i < m for i, m in zip(q, length, strict=True))]  # fmt: skip
            if kind == "max":
                assert found[at] == max(seen)
            else:
                np.testing.assert_allclose(
                    found[at], sum(seen) / (counted if include else len(seen))
                )


@pytest.mark.parametrize("output", [1, 2, 3, 4, 5, 7, None])
def test_adaptive_pooling_divides_an_axis_as_evenly_as_it_can(output):
    x = np.random.default_rng(0).normal(size=(2, 5, 4))
    n = output or 5
    for k in range(n):
        part = x[:, int(np.floor(5 * k / n)) : int(np.ceil(5 * (k + 1) / n))]
        got = mg.adaptive_avg_pool(x, (output, None))[:, k]
        np.testing.assert_allclose(got, part.mean(axis=1))
        got = mg.adaptive_max_pool(x, (output, 4))[:, k]
        np.testing.assert_array_equal(got, part.max(axis=1))


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
        (lambda: mg.conv2d(np.ones((1, 2, 5, 5)), np.ones((3, 2, 3, 3)), padding=(1, 1, 1)),
         r"got padding \(1, 1, 1\), expected 2 numbers from 0 up"),
        (lambda: mg.max_pool1d(np.ones((1, 1, 4)), 2, padding=2), "in the padding alone"),
        (lambda: mg.conv2d(np.ones((1, 4, 5, 5)), np.ones((3, 2, 3, 3)), groups=2),
         r"got x \(1, 4, 5, 5\), weight \(3, 2, 3, 3\), groups 2; expected"),
        (lambda: mg.conv1d(np.ones((1, 2, 5)), np.ones((3, 2, 3)), stride=2, padding="same"),
         r'padding="same" with stride \(2,\), expected stride 1'),
        (lambda: mg.conv_transpose1d(np.ones((1, 2, 5)), np.ones((2, 3, 3)), output_padding=1),
         "got output_padding 1 with stride 1 and dilation 1"),
        (lambda: mg.conv_transpose1d(np.ones((1, 2, 1)), np.ones((2, 3, 1)), padding=1),
         "gone after padding 1"),
        (lambda: mg.adaptive_avg_pool(np.ones(3), (0,)), "expected a positive number or None"),
        (lambda: mg.overlap_add(np.ones((2, 3)), shape=(9,), stride=(2,)), "do not fill"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused_with_the_shapes(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_places_of_maxima_hold_them_and_are_the_first_that_do(data):
    n = data.draw(st.sampled_from([1, 2]))
    draw = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(n))  # noqa: E731
    size, stride, length = draw(2, 3), draw(1, 2), draw(4, 6)
    padding = tuple(k // 2 for k in size)
    x = np.random.default_rng(0).integers(0, 3, size=(2, *length)).astype(float)
    pooled = getattr(mg, f"max_pool{n}d")(x, size, stride, padding)
    places = mg.max_pool_indices(x, n, size, stride, padding)
    flat = x.reshape(2, -1)
    np.testing.assert_array_equal(
        np.take_along_axis(flat, places.reshape(2, -1), 1).reshape(pooled.shape), pooled
    )
    for at in np.ndindex(*pooled.shape[1:]):
        window = np.ix_(*[
            [i for i in range(a * s - p, a * s - p + k) if 0 <= i < m]
            for a, s, p, k, m in zip(at, stride, padding, size, length, strict=True)
        ])  # fmt: skip
        numbers = np.arange(flat.shape[1]).reshape(length)[window]
        for k in range(2):
            assert places[(k, *at)] == numbers.ravel()[x[k][window].argmax()]
