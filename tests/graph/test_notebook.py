"""What a notebook shows of layers and Tensors, and what a model can be written as."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import main
from minigrad.graph import GraphvizNotFoundError, draw
from minigrad.graph import picture as pictures

SVG = "image/svg+xml"
MODELS = {
    "lstm": lambda: nn.LSTM(5, 7, rng=0),
    "cell": lambda: nn.GRUCell(5, 7, rng=0),
    "linear": lambda: nn.Linear(5, 7, rng=0),
    "two layers": lambda: nn.Sequential(nn.Linear(5, 7, rng=0), nn.Dropout(0.5, rng=0)),
    "images": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, rng=0), nn.BatchNorm2d(3), nn.ReLU()),
    "words": lambda: nn.Sequential(nn.Embedding(9, 4, rng=0), nn.Linear(4, 2, rng=0)),
    "attention": lambda: nn.MultiheadAttention(8, 2, rng=0),
    "encoder": lambda: nn.TransformerEncoderLayer(8, 2, 16, rng=0),
    "decoder": lambda: nn.TransformerDecoderLayer(8, 2, 16, rng=0),
}


def shown(what):
    return what._repr_mimebundle_(include=None, exclude=None)


@pytest.mark.parametrize("name", MODELS)
def test_a_module_shows_its_words_and_its_own_picture_and_stays_as_it_is(name):
    model = MODELS[name]()
    before = {k: v.copy() for k, v in model.state_dict().items()}
    found = shown(model)
    assert found["text/plain"] == repr(model)
    assert found[SVG].startswith("<svg") and found[SVG] in found["text/html"]
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key], err_msg=key)
    drawn = {item.shape for item in draw(model).items}
    assert {"lstm": (1, 7), "cell": (1, 7), "linear": (1, 7)}.get(name) in {*drawn, None}


def test_a_tensor_shows_its_entries_and_how_it_was_computed():
    x = mg.Parameter(np.array([1.0, 2.0]), name="x")
    found = shown((x * x).sum())
    assert "made by sum" in found["text/html"]
    assert "<svg" in found[SVG] and ">x<" in found[SVG]
    assert SVG not in shown(mg.Tensor([1.0, 2.0]))
    y = x
    for _ in range(400):
        y = y * 2.0
    assert SVG not in shown(y)  # too large to be looked at


def test_where_there_is_no_graphviz_or_no_picture_words_are_shown(monkeypatch):
    class Odd(nn.Module):
        def forward(self, x):
            raise RuntimeError("never")

    assert shown(Odd()).keys() == {"text/plain", "text/html"}

    def missing(*_):
        raise GraphvizNotFoundError("no dot")

    monkeypatch.setattr(pictures.graphviz, "run", missing)
    assert shown(nn.Linear(3, 4)).keys() == {"text/plain", "text/html"}
    assert draw("tanh")._repr_mimebundle_().keys() == {"text/plain"}


def test_a_module_that_knows_no_width_says_what_to_do():
    with pytest.raises(ValueError, match="draw what it returns, or name a function that calls it"):
        draw(nn.Sequential(nn.ReLU()))


@pytest.mark.parametrize("target", ["lstm", "gru", nn.LSTM(5, 7, rng=0), nn.Linear(5, 7, rng=0)])
def test_a_model_is_written_for_viewers_of_onnx(target, tmp_path):
    onnx = pytest.importorskip("onnx")
    draw(target, tmp_path / "model.onnx")
    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    kinds = {node.op_type for node in graph.node}
    assert kinds & {"LSTM", "GRU", "Gemm", "MatMul"}
    width = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    assert width == (3 if isinstance(target, str) else 5)


def test_what_cannot_be_exported_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["graph", "tanh", "-o", str(tmp_path / "x.onnx")])
    assert "call minigrad.onnx.export(model, example, path)" in capsys.readouterr().err
    x = mg.Parameter(np.ones(2))
    with pytest.raises(ValueError, match="got a Tensor, expected a cell, a layer"):
        draw((x * x).sum(), tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
