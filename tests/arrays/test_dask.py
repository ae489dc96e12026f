"""Claims about dask arrays: the same rules, past one machine's memory."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

import minigrad as mg
from minigrad import nn


def loss(parameters, x):
    scores = np.tanh(x @ parameters["W"] + parameters["b"])
    chances = mg.softmax(scores, axis=-1)
    return (scores * scores).mean() - np.log(chances[:, 0]).sum() + mg.sigmoid(scores).sum()


@pytest.fixture
def parameters(rng):
    return {"W": rng.normal(size=(5, 3)), "b": rng.normal(size=3)}


@pytest.fixture
def x(rng):
    return rng.normal(size=(64, 5))


def _lazy(parameters, x):
    """The gradient of a loss over an array chunked along the batch, not yet computed."""
    return mg.grad(loss)(parameters, da.from_array(x, chunks=(16, 5)))


def test_the_gradient_stays_lazy_and_is_numpy_s_once_computed(parameters, x):
    lazy = _lazy(parameters, x)
    assert all(isinstance(g, da.Array) for g in lazy.values())
    expected = mg.grad(loss)(parameters, x)
    for name, gradient in dask.compute(lazy)[0].items():
        assert gradient.shape == expected[name].shape
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-12)


def test_on_a_cluster(parameters, x):
    expected = mg.grad(loss)(parameters, x)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False,
                     dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        computed = client.compute(_lazy(parameters, x), sync=True)
    for name, gradient in computed.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-12)


def test_a_recurrent_layer_runs_over_chunked_sequences(rng):
    layer = nn.LSTM(3, 4, rng=0, dtype=np.float64)
    x = rng.normal(size=(8, 5, 3))
    gradients = []
    for data in (x, da.from_array(x, chunks=(4, 5, 3))):
        layer.zero_grad()
        y, _ = layer(data)
        (y * y).sum().backward()
        gradients.append([np.asarray(p.grad) for p in layer.parameters()])
    for plain, chunked in zip(*gradients, strict=True):
        np.testing.assert_allclose(chunked, plain, rtol=1e-12)


def test_what_dask_cannot_do_is_an_error_and_not_a_wrong_result(x):
    tensor = mg.Tensor(da.from_array(x, chunks=(16, 5)), requires_grad=True)
    with pytest.raises(TypeError, match="expected an array of numbers"):
        np.sort(tensor, axis=0)
