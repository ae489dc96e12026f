"""Claims about embeddings."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from tests.references import assert_agrees, references


def test_an_embedding_is_one_hot_times_its_matrix(rng):
    layer, indices = nn.Embedding(5, 3, rng=0, dtype=np.float64), rng.integers(5, size=(2, 4))
    cotangent = rng.normal(size=(2, 4, 3))
    y = layer(indices)
    y.backward(cotangent)
    matrix = mg.Tensor(layer.weight.data, requires_grad=True)
    dense = np.eye(5)[indices] @ matrix
    dense.backward(cotangent)
    np.testing.assert_array_equal(y.data, dense.data)
    np.testing.assert_allclose(layer.weight.grad, matrix.grad, rtol=1e-14, atol=1e-15)


def test_repeated_indices_add_their_gradients():
    layer = nn.Embedding(3, 2, rng=0)
    layer(np.array([1, 1, 2])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[0, 0], [2, 2], [1, 1]])


def test_the_padding_row_starts_as_zeros_and_is_not_learned():
    layer = nn.Embedding(3, 2, padding_idx=1, rng=0)
    y = layer(np.array([0, 1, 1]))
    np.testing.assert_array_equal(y.data[1:], 0)
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[1, 1], [0, 0], [0, 0]])


def test_from_a_matrix_not_trainable(rng):
    matrix = rng.normal(size=(4, 2))
    layer = nn.Embedding.from_pretrained(matrix)
    matrix[:] = 0
    assert layer.weight.dtype == np.float64
    assert np.all(layer.weight.data != 0)
    assert not layer(np.array([1])).requires_grad


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_out_of_range_is_refused_with_the_size(index):
    with pytest.raises(ValueError, match=f"got index {index}, expected 0 to 4: it has 5 rows"):
        nn.Embedding(5, 3)(np.array([[0, index]]))


def test_what_is_no_index_or_no_matrix_is_refused():
    with pytest.raises(TypeError, match="float64, expected integers"):
        nn.Embedding(5, 3)(np.array([1.0]))
    with pytest.raises(ValueError, match=r"\(3,\) of float64"):
        nn.Embedding.from_pretrained(np.ones(3))
    with pytest.raises(ValueError, match="got index 5"):
        nn.Embedding(5, 3, padding_idx=5)


def test_empty_batches_and_single_indices():
    layer = nn.Embedding(5, 3, rng=0)
    assert layer(np.zeros((0, 4), int)).shape == (0, 4, 3)
    np.testing.assert_array_equal(layer(2).data, layer.weight.data[2])


def _like_keras(kind, reference, dtype):
    """A layer of Keras's weights, gone forward and back, its outputs held against Keras's."""
    weights = list(reference.weights.values())
    layer = kind.from_keras_weights(weights)
    layer.load_keras_weights(weights)
    y = layer(reference.inputs["x"])
    (y * reference.cotangents["y"]).sum().backward()
    assert_agrees({"y": y.data}, reference.outputs, dtype)
    return layer


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_embedding_takes_keras_s_weights(dtype):
    reference = references("keras", dtype)["embedding"]
    layer = _like_keras(nn.Embedding, reference, dtype)
    assert_agrees({"embeddings": layer.weight.grad}, reference.gradients, dtype)
    with pytest.raises(ValueError, match=r"got shapes \[\(\), \(\)\], expected \[\(6, 3\)\]"):
        layer.load_keras_weights([1, 2])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_linear_layer_takes_a_dense_layer_s_weights(dtype):
    reference = references("keras", dtype)["dense"]
    layer = _like_keras(nn.Linear, reference, dtype)
    gradients = {"kernel": layer.weight.grad.T, "bias": layer.bias.grad}
    assert_agrees(gradients, {n: reference.gradients[n] for n in gradients}, dtype)
    expected = r", expected \[\(3, 4\), \(4,\)\]"
    with pytest.raises(ValueError, match=r"got shapes \[\(3, 3\), \(4,\)\]" + expected):
        nn.Linear(3, 4).load_keras_weights([np.ones((3, 3)), np.ones(4)])
    with pytest.raises(ValueError, match=r"got shapes \[\(3, 4\)\]" + expected):
        nn.Linear(3, 4).load_keras_weights([np.ones((3, 4))])
    unbiased = nn.Linear.from_keras_weights([np.ones((3, 4))])
    assert (unbiased.weight.shape, unbiased.bias) == ((4, 3), None)
    with pytest.raises(ValueError, match=r"got shapes \[\(3,\), \(4,\)\], expected a kernel"):
        nn.Linear.from_keras_weights([np.ones(3), np.ones(4)])
    with pytest.raises(ValueError, match="got 2 arrays, expected one"):
        nn.Embedding.from_keras_weights([1, 2])
