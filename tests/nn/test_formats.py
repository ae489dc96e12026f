"""Weights of PyTorch and Keras go in and come out the same; what does not fit is recognised."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad import nn
from tests.references import FOLDER, references

PACKED = {"rnn": (nn.RNN, nn.RNNCell), "lstm": (nn.LSTM, nn.LSTMCell),
          "gru": (nn.GRU, nn.ResetAfterGRUCell)}  # fmt: skip


def bare(weights):
    return {name.removesuffix("_l0"): array for name, array in weights.items()}


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("file", PACKED)
def test_a_cell_takes_pytorch_s_weights_and_computes_what_the_layer_does(file, rng):
    kind, cell_kind = PACKED[file]
    weights = references(file)["layers1"].weights
    cell = cell_kind(3, 4, dtype=np.float64)
    cell.load_state_dict(bare(weights))
    layer = kind(3, 4, dtype=np.float64, **({"reset_after": True} if file == "gru" else {}))
    layer.load_state_dict(weights)
    x = rng.normal(size=(2, 3))
    _, final = layer(x[:, None])
    for one, whole in zip(as_tuple(cell(x)), as_tuple(final), strict=True):
        np.testing.assert_allclose(one.data, whole.data[0], rtol=1e-12)
    twin = cell_kind(3, 4, dtype=np.float64)
    twin.load_state_dict(cell.state_dict())
    for a, b in zip(cell.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_pytorch_s_gru_says_which_layer_it_fits():
    weights = references("gru")["layers1"].weights
    for module in (nn.GRU(3, 4), nn.Sequential({"rnn": nn.GRU(3, 4)})):
        prefix = "rnn." if isinstance(module, nn.Sequential) else ""
        with pytest.raises(ValueError, match=r"PyTorch's GRU weights.*layer with reset_after"):
            module.load_state_dict({prefix + n: a for n, a in weights.items()})
    with pytest.raises(ValueError, match="the cell as nn"):
        nn.GRUCell(3, 4).load_state_dict(bare(weights))


def test_keras_s_gru_says_which_layer_it_fits():
    for case, after in (("gru-reset_after", True), ("gru-reset_before", False)):
        weights = list(references("keras", "float32")[case].weights.values())
        nn.GRU(3, 4, reset_after=after).load_keras_weights(weights)
        with pytest.raises(ValueError, match=f"make the layer with reset_after={after}"):
            nn.GRU(3, 4, reset_after=not after).load_keras_weights(weights)


@pytest.mark.parametrize("case", ["simple_rnn", "lstm", "gru-reset_after", "gru-reset_before"])
def test_a_layer_of_keras_comes_out_as_it_went_in(case):
    weights = list(references("keras")[case].weights.values())
    kind = {"simple_rnn": nn.RNN, "lstm": nn.LSTM}.get(case, nn.GRU)
    layer = kind.from_keras_weights(weights)
    twin = kind.from_keras_weights(layer.keras_weights())
    for a, b in zip(layer.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    out = layer.keras_weights()
    for a, b in zip(weights[:2], out, strict=False):
        np.testing.assert_array_equal(a, b)
    if weights[2].ndim == 1:
        np.testing.assert_array_equal(weights[2], out[2])


def test_a_layer_without_biases_goes_to_keras_and_back(rng):
    weights = [rng.normal(size=(3, 16)), rng.normal(size=(4, 16))]
    layer = nn.LSTM.from_keras_weights(weights, bias=False)
    for a, b in zip(weights, layer.keras_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


KERAS = {
    "conv1d": lambda: nn.Conv1d(3, 3, 2, 2),
    "conv2d": lambda: nn.Conv2d(2, 3, (2, 1)),
    "conv2dtranspose": lambda: nn.ConvTranspose2d(2, 3, 2, 2),
    "batchnorm": lambda: nn.BatchNorm1d(3),
    "layernorm": lambda: nn.LayerNorm(3),
    "groupnorm": lambda: nn.GroupNorm(2, 2),
    "heads": lambda: nn.MultiheadAttention(6, 2),
    "bidirectional": lambda: nn.LSTM(3, 3, bidirectional=True),
}


@pytest.mark.parametrize("case", KERAS)
def test_layers_with_keras_s_weights_compute_what_keras_did(case):
    reference = references("keras")[case]
    layer = KERAS[case]().astype(np.float64).eval()
    weights = list(reference.weights.values())
    layer.load_keras_weights(weights)
    for a, b in zip(weights, layer.keras_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    x = reference.inputs["x"]
    last = case.startswith(("conv", "batchnorm", "groupnorm"))  # where Keras has the channels
    y = layer(np.moveaxis(x, -1, 1) if last else x)
    y = (y[0] if isinstance(y, tuple) else y).data
    y = np.moveaxis(y, 1, -1) if last else y
    np.testing.assert_allclose(y, reference.outputs["y"], rtol=1e-6, atol=1e-7)


def test_a_file_of_keras_s_has_the_arrays_of_each_layer():
    found = nn.load_keras_file(FOLDER / "keras.weights.h5")
    assert {name: [a.shape for a in arrays] for name, arrays in found.items()} == {
        "embedding": [(5, 3)], "bidirectional": [(3, 8), (2, 8), (8,)] * 2,
        "dense": [(4, 2), (2,)], "dense_1": [(2, 1), (1,)],
    }  # fmt: skip
    nn.LSTM(3, 2, bidirectional=True).load_keras_weights(found["bidirectional"])


def test_other_files_are_said_to_be_that(tmp_path):
    with pytest.raises(ValueError, match="ends in"):
        nn.load_keras_file(tmp_path / "a.npz")
    (tmp_path / "a.h5").write_bytes(b"no hdf5")
    with pytest.raises(ValueError, match="not a file of Keras's save_weights"):
        nn.load_keras_file(tmp_path / "a.h5")


def test_a_model_takes_its_parts_weights_one_after_another(rng):
    model = nn.Sequential(
        nn.Embedding(6, 3), nn.LSTM(3, 4, bidirectional=True), nn.Linear(8, 2, bias=False)
    )
    weights = [rng.normal(size=a.shape).astype(a.dtype) for a in model.keras_weights()]
    assert [w.shape for w in weights] == [
        (6, 3), (3, 16), (4, 16), (16,), (3, 16), (4, 16), (16,), (8, 2),
    ]  # fmt: skip
    model.load_keras_weights(weights)
    for a, b in zip(weights, model.keras_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model[2].weight.data, weights[-1].T)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"got shapes .* expected"):
        model.load_keras_weights(weights[:-1])
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(ValueError, match="Keras has no layer of PeepholeLSTMCell"):
        nn.Recurrent(3, 4, cell=nn.PeepholeLSTMCell).keras_weights()
    with pytest.raises(ValueError, match="Keras has no layer"):
        nn.LearnedPositionalEncoding(3, 4).keras_weights()


def test_a_model_is_exported_by_the_ending_of_its_file(tmp_path):
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU())
    for ending in ("npz", "safetensors"):
        nn.export(model, tmp_path / f"model.{ending}")
        state = nn.load_state(tmp_path / f"model.{ending}")
        assert set(state) == {"0.weight", "0.bias"}
    nn.export(model, tmp_path / "model.onnx", np.ones((2, 3)), input_names=["features"])
    assert b"features" in (tmp_path / "model.onnx").read_bytes()
    for ending, args, message in (
        ("pt", None, r"write \.safetensors"),
        ("onnx", None, r"needs an example"),
        ("npz", np.ones(3), r"need no example"),
        ("h5", None, r"ends in \.onnx, \.safetensors or \.npz"),
    ):
        with pytest.raises(ValueError, match=message):
            nn.export(model, tmp_path / f"other.{ending}", args)
        assert not (tmp_path / f"other.{ending}").exists()
