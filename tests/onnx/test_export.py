"""ONNX files compute in onnxruntime what the model computes, also for other lengths."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import onnxruntime
import pytest

import minigrad as mg
from minigrad import nn, onnx
from minigrad.compile import TraceError
from minigrad.onnx import exporting
from minigrad.targets import LAYERS
from minigrad.targets.parts import PARTS
from minigrad.tensor import raw
from minigrad.tree import tree_leaves

CELLS = {name: kind for name, kind in LAYERS.items() if issubclass(kind, nn.Cell)}
BATCH_AND_TIME = {"x": {0: "batch", 1: "time"}}
NOT_IN_DOUBLE = ("Conv", "ConvTranspose", "Erf")
"""Operators that onnxruntime does not have for float64."""


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def arrays(nest: Any) -> list[np.ndarray]:
    return [np.asarray(raw(leaf)) for leaf in tree_leaves(nest)]


def computed(proto: Any, *inputs: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    names = [given.name for given in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def assert_same(model: Any, proto: Any, *inputs: np.ndarray) -> None:
    with mg.no_grad():
        expected = arrays(model(*inputs))
    found = computed(proto, *inputs)
    double = expected[0].dtype == np.float64
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(
            a, b, rtol=1e-10 if double else 3e-5, atol=1e-12 if double else 3e-6
        )


class OnePart(nn.Module):
    """A part of the library in the call that is written for it."""

    def __init__(self, part: Any, module: Any) -> None:
        self.call, self.module = part.call, module

    def forward(self, *inputs: Any) -> Any:
        return self.call(self.module, *inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PARTS)
def test_every_part(name, dtype):
    part = PARTS[name]
    rng = np.random.default_rng(1)
    inputs = [(np.abs(rng.normal(size=s)) + 1).astype(dtype) for s in part.inputs.values()]
    if part.make is None:

        def model(*given):
            return part.call(**dict(zip(part.inputs, given, strict=True)))
    else:
        model = OnePart(part, part.make(rng=0, dtype=dtype).eval())
    proto = onnx.export(model, tuple(inputs), input_names=list(part.inputs))
    if dtype == np.float64 and any(node.op_type in NOT_IN_DOUBLE for node in proto.graph.node):
        return
    assert_same(model, proto, *inputs)


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_over_sequences_of_any_length(name):
    model = nn.Recurrent(3, 4, cell=CELLS[name], rng=0)
    proto = onnx.export(model, normal(2, 5, 3), dynamic_axes=BATCH_AND_TIME)
    assert_same(model, proto, normal(4, 9, 3))
    operators = {node.op_type for node in proto.graph.node}
    assert operators & {"Scan", "LSTM", "GRU", "RNN"}


@pytest.mark.parametrize(
    "kind, options, operator",
    [
        (nn.LSTM, {"num_layers": 2, "bidirectional": True}, "LSTM"),
        (nn.LSTM, {"bias": False}, "LSTM"),
        (nn.LSTM, {"proj_size": 2}, "Scan"),
        (nn.LSTM, {"zoneout": 0.2}, "Scan"),
        (nn.LSTM, {"batch_first": False}, "LSTM"),
        (nn.GRU, {"reset_after": True}, "GRU"),
        (nn.GRU, {"activation": mg.sigmoid}, "Scan"),
        (nn.GRU, {"return_sequences": False, "output_size": 3}, "GRU"),
        (nn.RNN, {"nonlinearity": "relu", "bidirectional": True}, "RNN"),
        (nn.RNN, {"cell": nn.MinGRUCell, "parallel": True}, "Scan"),
    ],
)
def test_recurrent_layers(kind, options, operator):
    model = kind(3, 4, rng=0, **options).eval()
    proto = onnx.export(model, normal(2, 5, 3), dynamic_axes=BATCH_AND_TIME)
    assert operator in {node.op_type for node in proto.graph.node}
    assert_same(model, proto, normal(4, 9, 3))


def test_lengths_and_states_go_in():
    layer = nn.LSTM(3, 4, bidirectional=True, rng=0)

    def with_lengths(x, lengths):
        return layer(x, lengths=lengths)

    axes = {"x": {0: "batch", 1: "time"}, "lengths": {0: "batch"}}
    given = normal(2, 5, 3), np.array([5, 2])
    proto = onnx.export(with_lengths, given, dynamic_axes=axes)
    assert_same(with_lengths, proto, normal(3, 7, 3), np.array([1, 7, 3]))

    state = normal(2, 2, 4), normal(2, 2, 4)
    proto = onnx.export(layer, (normal(2, 5, 3), state))
    assert [given.name for given in proto.graph.input] == ["x", "state_0", "state_1"]
    with mg.no_grad():
        expected = arrays(layer(normal(2, 5, 3), state))
    for a, b in zip(computed(proto, normal(2, 5, 3), *state), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


class Residual(nn.Module):
    def __init__(self):
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False, rng=0)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=2, rng=1)
        self.pool, self.mean = nn.MaxPool2d(2, padding=1), nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 5, rng=2))

    def forward(self, x):
        x = mg.relu(self.norm(self.first(x)))
        return self.head(self.mean(self.pool(x + self.second(x))))


def test_an_image_model_keeps_its_names_and_takes_any_size():
    model = Residual()
    model(normal(4, 3, 8, 8))  # moves the running statistics
    proto = onnx.export(
        model, normal(2, 3, 8, 8), dynamic_axes={"x": {0: "n", 2: "height", 3: "width"}}
    )
    assert model.training and model.pool.training  # as it was
    assert_same(model.eval(), proto, normal(1, 3, 12, 10))
    names = {array.name for array in proto.graph.initializer}
    assert {"first.weight", "norm.running_mean", "head.2.bias"} <= names
    assert [d.dim_param or d.dim_value for d in
            proto.graph.output[0].type.tensor_type.shape.dim] == ["n", 5]  # fmt: skip
    assert "pool/MaxPool" in {node.name for node in proto.graph.node}


class Language(nn.Module):
    def __init__(self):
        self.words, self.places = nn.Embedding(20, 8, rng=0), nn.PositionalEncoding(8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, rng=0)
        self.body = nn.TransformerEncoder(layer, 2)

    def forward(self, x):
        return self.body(self.places(self.words(x)), is_causal=True) @ self.words.weight.T


def test_positions_and_causal_masks_are_cut_to_length():
    model = Language()
    proto = onnx.export(model, np.array([[1, 2, 3]]), dynamic_axes=BATCH_AND_TIME, longest=30)
    for shape in ((1, 1), (3, 17), (2, 30)):
        assert_same(model.eval(), proto, np.random.default_rng(0).integers(0, 20, shape))
    with pytest.raises(Exception, match="Add"):
        computed(proto, np.zeros((1, 31), np.int64))


@pytest.mark.parametrize("length", [2, 5, 6])
def test_no_sequence_is_tried_that_is_too_long(length):
    places = nn.Embedding(6, 3, rng=0)  # and an error for a seventh

    def model(x):
        return x + places(np.arange(x.shape[1]))

    proto = onnx.export(model, normal(2, length, 3), dynamic_axes=BATCH_AND_TIME, longest=6)
    for shape in ((1, 1, 3), (2, 6, 3), (5, 4, 3)):
        assert_same(model, proto, normal(*shape))
    with pytest.raises(ValueError, match="programs for three lengths"):
        onnx.export(model, normal(2, 3, 3), dynamic_axes=BATCH_AND_TIME, longest=3)


def test_encoder_and_decoder_have_lengths_of_their_own():
    model = nn.Transformer(8, 2, 1, 1, 16, rng=0).eval()
    axes = {"src": {0: "batch", 1: "source"}, "tgt": {0: "batch", 1: "target"}}
    proto = onnx.export(model, (normal(2, 5, 8), normal(2, 4, 8)), dynamic_axes=axes)
    assert_same(model, proto, normal(3, 7, 8), normal(3, 2, 8))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.mean(axis=1) + x.std(axis=1) + x[:, -1] + x[:, ::2].sum(1),
        lambda x: np.concatenate([x, x[:, :1]], axis=1)[:, ::-1],
        lambda x: (x / (1 + np.abs(x))).reshape(-1),
        lambda x: np.where((x > 0) & np.isfinite(x), x % 2, x // 3),
        lambda x: (x > 0).all(axis=1),
        lambda x: np.isneginf(np.where(x < 0, -np.inf, x)),
        lambda x: np.isposinf(np.where(x < 0, -np.inf, np.where(x > 1, np.inf, x))),
        lambda x: np.einsum("bt,bs->bts", x, x)[:, None, 0],
        lambda x: np.cumsum(x, axis=1) ** 2 + np.log1p(np.exp(x)) + np.expm1(x),
        lambda x: x[np.arange(2)[:, None], np.argmax(x, axis=1)[:2, None]],
        lambda x: {"sign": np.sign(x), "twice": (x, x)},
    ],
)  # fmt: skip
def test_functions_of_arrays(function):
    proto = onnx.export(function, normal(2, 5), dynamic_axes=BATCH_AND_TIME)
    assert_same(function, proto, normal(3, 8))


def test_a_border_is_the_same_for_every_batch():
    def function(x):
        return np.pad(x, ((0, 0), (1, 2)), constant_values=3.0)

    proto = onnx.export(function, normal(2, 5), dynamic_axes={"x": [0]})
    assert_same(function, proto, normal(7, 5))
    assert sum(array.dims[0] for array in proto.graph.initializer) < 20


def test_integers_round_as_numpy_does():
    def function(x):
        return x // 3, x % 3, x / 2, -x

    assert_same(function, onnx.export(function, np.arange(-4, 5)), np.arange(-4, 5))


def test_a_file_with_names_of_ones_own(tmp_path):
    model, path = nn.Linear(3, 2), tmp_path / "model.onnx"
    onnx.export(model, np.ones((1, 3)), path, input_names=["features"], output_names=["score"])
    session = onnxruntime.InferenceSession(path)
    (score,) = session.run(["score"], {"features": np.ones((1, 3), np.float32)})
    np.testing.assert_allclose(score, model(np.ones((1, 3), np.float32)).data, rtol=1e-6)


def test_what_cannot_be_written_is_said():
    x = normal(2, 5)
    with pytest.raises(TraceError, match=r"onnx.export\(.*np.where"):
        onnx.export(lambda x: x if x.sum() > 0 else -x, x)
    with pytest.raises(onnx.ExportError, match="no operator for arctan2"):
        onnx.export(lambda x: np.arctan2(x, 2.0), x)
    with pytest.raises(onnx.ExportError, match="other steps are taken for other lengths"):
        onnx.export(lambda x: sum(x[:, t] for t in range(x.shape[1])), x,
                    dynamic_axes=BATCH_AND_TIME)  # fmt: skip
    with pytest.raises(onnx.ExportError, match="entries depend on an open length"):
        onnx.export(lambda x: x * np.linspace(0, 1, x.shape[1]), x, dynamic_axes=BATCH_AND_TIME)
    with pytest.raises(ValueError, match=r"for time = 1024: .* longest="):
        words = nn.Embedding(32, 3)
        onnx.export(lambda x: x + words(np.arange(x.shape[1]))[:, 0], x,
                    dynamic_axes=BATCH_AND_TIME)  # fmt: skip
    with pytest.raises(ValueError, match="got axis 2 of x, which has 2"):
        onnx.export(np.tanh, x, dynamic_axes={"x": [2]})
    with pytest.raises(ValueError, match="2 input_names for 1 arrays"):
        onnx.export(np.tanh, x, input_names=["a", "b"])
    with pytest.raises(onnx.ExportError, match="returns 2 values, of which 1"):
        onnx.export(lambda x: (x, 3.0), x)
    with pytest.raises(ValueError, match="a name is given twice"):
        onnx.export(lambda x: -x, x, output_names=["x"])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.argmax(x, -1),
        lambda x: x.argmin(0),
        lambda x: np.argmax(x, axis=0, keepdims=True),
        lambda x: np.any(x > 0, (0, 1)),
        lambda x: np.sum(x, 1, keepdims=True),
        lambda x: np.cumsum(x, 0),
    ],
)
def test_what_follows_the_array_is_not_lost(function):
    x = normal(2, 5)
    assert_same(function, onnx.export(function, x), x)


def test_an_argument_is_written_or_refused():
    x = normal(2, 5)
    for function in (
        lambda x: np.sum(x, where=x > 0),
        lambda x: np.max(x, initial=3.0),
        lambda x: np.round(x, 2),
        lambda x: np.nan_to_num(x, nan=2.0),
    ):
        with contextlib.suppress(onnx.ExportError, TraceError):
            assert_same(function, onnx.export(function, x), x)


@pytest.mark.parametrize(
    ("function", "rule", "message"),
    [
        (lambda x: x + 2.0, lambda c: c.graph.op("Neg", [c.name(0)]), "an argument too many"),
        (lambda x: np.argmax(x, 1), lambda c: c.graph.op("ArgMax", [c.name(0)]), "given axis="),
    ],
)
def test_a_rule_that_forgets_an_argument_is_caught(function, rule, message, monkeypatch):
    rules = {**exporting._RULES, "add": rule, "argmax": rule}
    monkeypatch.setattr(exporting, "_RULES", rules)
    with pytest.raises(onnx.ExportError, match=message):
        onnx.export(function, normal(2, 5))


class Sampler(nn.Module):
    def __init__(self):
        self.scores = nn.Linear(5, 3, rng=0)

    def forward(self, x):
        return self.scores(x)

    @mg.no_grad()
    def best(self, x):
        return np.argmax(self(x), axis=-1)


def test_methods_that_stay_behind_do_no_harm():
    model = Sampler()
    assert_same(model, onnx.export(model, normal(2, 5)), normal(2, 5))
