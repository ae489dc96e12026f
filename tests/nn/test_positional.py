"""Claims about positional encodings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigrad import nn


def test_the_sinusoids_are_the_paper_s():
    table = nn.sinusoidal_encoding(20, 6, dtype=np.float64)
    for position in (0, 7, 19):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert table[position, 2 * i] == pytest.approx(math.sin(angle), abs=1e-15)
            assert table[position, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-15)


def test_a_shift_is_a_rotation_of_the_sinusoids():
    """What section 3.5 chose them for: PE(t + k) is linear in PE(t)."""
    table = nn.sinusoidal_encoding(30, 8, dtype=np.float64)
    shift = np.linalg.lstsq(table[:20], table[5:25], rcond=None)[0]
    np.testing.assert_allclose(table[3:25] @ shift, table[8:30], atol=1e-10)


def test_rotated_products_depend_on_the_distance_only(rng):
    q, k = rng.normal(size=(1, 8)), rng.normal(size=(1, 8))

    def product(i, j):
        return float((nn.rotary_encoding(q, start=i) @ nn.rotary_encoding(k, start=j).T).item())

    assert product(3, 1) == pytest.approx(product(13, 11), rel=1e-12)
    assert product(3, 1) != pytest.approx(product(3, 2), rel=1e-3)
    assert product(0, 0) == pytest.approx(float((q @ k.T).item()), rel=1e-12)


def test_rotation_keeps_lengths_and_dtype(rng):
    x = rng.normal(size=(2, 5, 6)).astype(np.float32)
    y = nn.rotary_encoding(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(y, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-6)
    np.testing.assert_array_equal(y[:, 0], x[:, 0])
    np.testing.assert_allclose(nn.rotary_encoding(x[:, 2:], start=2), y[:, 2:], rtol=1e-6)


def test_encodings_are_added(rng):
    x = rng.normal(size=(2, 5, 6)).astype(np.float32)
    y = nn.PositionalEncoding(6)(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x + nn.sinusoidal_encoding(5, 6))
    layer = nn.LearnedPositionalEncoding(7, 6, rng=0)
    layer(x).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad[:5], 2)
    np.testing.assert_array_equal(layer.weight.grad[5:], 0)


def test_odd_widths_and_long_sequences_are_refused():
    with pytest.raises(ValueError, match="got width 5, expected an even one"):
        nn.rotary_encoding(np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"\(2, 9, 6\), expected at most 7 steps"):
        nn.LearnedPositionalEncoding(7, 6)(np.ones((2, 9, 6)))
    with pytest.raises(ValueError, match=r"\(2, 9, 4\), expected \(…, time, 6\)"):
        nn.PositionalEncoding(6)(np.ones((2, 9, 4)))
