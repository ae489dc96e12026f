"""Attention in blocks is attention: whatever a mask leaves out, and wherever a block ends."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.primitives import PRIMITIVES, blocks, flash_attention

CAUSAL = np.tril(np.ones((150, 150), bool))
_RNG = np.random.default_rng(5)
MASKS = {
    "none": None,
    "causal": CAUSAL,
    "causal over fewer keys": CAUSAL[:, :70],
    "padding": np.arange(150) < np.array([150, 61, 1])[:, None, None, None],
    "causal and padding": CAUSAL & (np.arange(150) < np.array([150, 61, 1])[:, None, None, None]),
    "each head its own": _RNG.random((3, 2, 150, 150)) < 0.3,
    "one for all heads": _RNG.random((3, 1, 150, 150)) < 0.3,
    "nobody to attend to at first": np.arange(150)[:, None] > np.arange(150) + 80,
    "one for all keys": np.arange(150)[:, None] > 20,
    "one for all queries": np.arange(150) % 3 > 0,
    "nobody to attend to": np.zeros((150, 150), bool),
}


@pytest.mark.parametrize("block", [1 << 10, 1 << 18])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_blocks_give_what_the_plain_composition_gives(mask, block, rng, monkeypatch):
    monkeypatch.setattr(blocks, "_BLOCK", block)
    keys = 150 if mask is None else mask.shape[-1]
    q = rng.normal(size=(3, 2, 150, 4))
    k, v = rng.normal(size=(2, 3, 2, keys, 4))
    cotangent = rng.normal(size=q.shape)
    reference = PRIMITIVES["flash_attention"].reference

    def gradients(function):
        found, pullback = mg.vjp(lambda *x: function(*x, scale=0.5, mask=mask), q, k, v)
        return found, *pullback(cotangent)

    for got, expected in zip(gradients(flash_attention), gradients(reference), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)
