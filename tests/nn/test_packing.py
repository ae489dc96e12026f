"""Packed sequences are the padded ones without their padding, forward and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_is_packed_comes_out_as_it_was(lengths, batch_first):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(lengths), 5, 2))
    there = np.arange(5) < np.array(lengths)[:, None]
    given_ = x if batch_first else x.swapaxes(0, 1)
    packed = nn.pack_padded_sequence(given_, lengths, batch_first=batch_first)
    assert packed.data.shape == (sum(lengths), 2)
    assert list(packed.lengths) == lengths
    assert list(packed.batch_sizes) == [sum(n > t for n in lengths) for t in range(max(lengths))]
    padded, found = nn.pad_packed_sequence(packed, batch_first, 7.0, total_length=5)
    padded = padded if batch_first else padded.swapaxes(0, 1)
    np.testing.assert_array_equal(padded, np.where(there[..., None], x, 7.0))
    assert list(found) == lengths
    parts = [x[k, :n] for k, n in enumerate(lengths)]
    again = nn.pack_sequence(parts)
    np.testing.assert_array_equal(again.data, packed.data)


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_layer_of_packed_sequences_is_that_of_padded_ones_with_lengths(batch_first, rng):
    layer = nn.LSTM(3, 4, 2, bidirectional=True, batch_first=batch_first, rng=0, dtype=np.float64)
    x, lengths = rng.normal(size=(3, 5, 3)), [2, 5, 3]
    given_ = x if batch_first else x.swapaxes(0, 1)
    found = []
    for pack in (True, False):
        leaf = mg.Tensor(given_, requires_grad=True)
        if pack:
            y, final = layer(nn.pack_padded_sequence(leaf, lengths, batch_first))
            y, _ = nn.pad_packed_sequence(y, batch_first)
        else:
            y, final = layer(leaf, lengths=lengths)
        layer.zero_grad()
        ((y * y).sum() + final[0].sum()).backward()
        found.append([y.data, *(s.data for s in final), leaf.grad,
                      *(p.grad for p in layer.parameters())])  # fmt: skip
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_what_does_not_fit_is_refused():
    x = np.ones((2, 3, 1))
    for lengths in ([1], [0, 1], [4, 1], [1.0, 2.0]):
        with pytest.raises(ValueError, match="expected 2 integers from 1 to 3"):
            nn.pack_padded_sequence(x, lengths)
    with pytest.raises(ValueError, match="write enforce_sorted=False"):
        nn.pack_padded_sequence(x, [1, 2], enforce_sorted=True)
    packed = nn.pack_padded_sequence(x, [1, 2])
    with pytest.raises(ValueError, match="got total_length=1, expected at least 2"):
        nn.pad_packed_sequence(packed, total_length=1)
    with pytest.raises(ValueError, match="lengths or a mask with a PackedSequence"):
        nn.GRU(1, 2)(packed, lengths=[1, 2])
