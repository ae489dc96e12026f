"""Claims about the recorded graph: its values and gradients are the engine's, also as JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import main
from minigrad.graph import Graph, draw, trace, trace_target
from minigrad.graph.gradient import gradient
from minigrad.graph.summary import Summary, summarise
from minigrad.targets import builtin, resolve


def _node(graph, name):
    return next(node for node in graph.nodes if node.name == name)


def test_each_node_shares_its_value_and_has_the_gradient_of_the_loss():
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    x, y = (mg.Tensor(v, requires_grad=True, name=n) for v, n in ((a, "x"), (b, "y")))
    product = x * y
    product.name = "product"
    loss = (product * product).sum()
    graph = trace(loss, gradients_of=loss)
    assert _node(graph, "x").value is a
    np.testing.assert_array_equal(_node(graph, "product").value, a * b)
    np.testing.assert_allclose(_node(graph, "product").gradient, 2 * a * b)  # by hand
    np.testing.assert_allclose(_node(graph, "x").gradient, 2 * a * b**2)
    assert graph.nodes[graph.outputs[0]].gradient == 1
    assert x.grad is None


def test_without_a_backward_there_is_no_gradient_and_no_loss():
    x = mg.Tensor(np.ones(2), requires_grad=True)
    graph = trace(np.tanh(x))
    assert graph.loss is None
    assert [node.gradient for node in graph.nodes] == [None, None]


def test_gradients_that_a_backward_has_left_are_shown():
    x = mg.Tensor(np.array([2.0]), requires_grad=True, name="x")
    y = x * x
    z = y * 3.0
    y.retain_grad()
    z.sum().backward(retain_graph=True)
    graph = trace(z)
    assert [node.gradient for node in graph.nodes] == [12.0, 3.0, None]
    assert "backward()" in graph.loss


def test_what_the_loss_does_not_depend_on_has_gradient_zero_and_a_constant_has_none():
    x = mg.Tensor(np.ones(3), requires_grad=True, name="x")
    y = x * np.arange(3.0)
    graph = trace((y, x), gradients_of=y.sum())
    constant = next(node for node in graph.nodes if not node.requires_grad)
    assert constant.gradient is None
    aside = trace((np.tanh(x), y), gradients_of=y.sum())
    (tanh,) = [node for node in aside.nodes if node.primitive == "tanh"]
    np.testing.assert_array_equal(tanh.gradient, np.zeros(3))


def test_a_target_s_gradients_are_of_the_last_step_s_output():
    graph = trace_target(resolve("rnn"), 4)
    assert "last step" in graph.loss
    y = graph.nodes[graph.outputs[0]]
    np.testing.assert_array_equal(y.gradient[:, :-1], 0)
    np.testing.assert_allclose(y.gradient[:, -1], 2 * y.value[:, -1] / y.value[:, -1].size)


def test_a_parameter_is_one_node_that_every_step_uses():
    graph = trace_target(resolve("lstm"), 5)
    parameters = [node for node in graph.nodes if node.kind == "parameter"]
    layer = resolve("lstm").module(3, 4, rng=0)
    assert len(parameters) == len(list(layer.parameters()))
    uses = {node.id: 0 for node in parameters}
    for edge in graph.edges:
        if edge.source in uses:
            uses[edge.source] += 1
    assert set(uses.values()) <= {1, 5}


@pytest.mark.parametrize("target", builtin(), ids=lambda target: target.name)
def test_every_target_survives_json_and_has_finite_gradients(target):
    graph = trace_target(target, 2)
    text = graph.to_json()
    again = Graph.from_json(text)
    assert again == graph
    assert again.to_json() == text == trace_target(target, 2).to_json()
    for node, other in zip(graph.nodes, again.nodes, strict=True):
        assert not node.requires_grad or np.isfinite(node.gradient).all()
        for mine, read in ((node.value, other.value), (node.gradient, other.gradient)):
            if isinstance(read, Summary):
                assert summarise(mine) == read
            else:
                np.testing.assert_array_equal(mine, read)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_nan_and_infinities_survive_as_strings(dtype):
    x = mg.Tensor(np.array([np.nan, np.inf, -np.inf, 0.1], dtype), requires_grad=True)
    with np.errstate(invalid="ignore"):
        text = trace(x * math.inf).to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = Graph.from_json(text).nodes[0].value
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, x.data)
    assert Graph.from_json(text).nodes[1].numbers == ((1, math.inf),)


def test_of_a_large_array_json_holds_minimum_mean_maximum_and_a_grid():
    a = np.arange(32.0 * 16).reshape(32, 16)
    a[0, 0] = np.nan
    x = mg.Tensor(a, requires_grad=True)
    text = trace(-x).to_json()
    gist = Graph.from_json(text).nodes[0].value
    assert isinstance(gist, Summary)
    assert (gist.shape, gist.nonfinite) == ((32, 16), 1)
    assert (gist.minimum, gist.maximum) == (1, 511)
    assert gist.mean == np.nanmean(a)
    blocks = a.reshape(8, 4, 8, 2).transpose(0, 2, 1, 3).reshape(8, 8, -1)
    np.testing.assert_allclose(gist.grid, np.nanmean(blocks, axis=-1))
    assert len(text) < 6000
    assert Graph.from_json(text).to_json() == text


def test_arrays_without_numbers_have_a_shape_only():
    x = mg.Tensor(np.array([None, "a"], dtype=object), requires_grad=True)
    gist = Graph.from_json(trace(x).to_json()).nodes[0].value
    assert (gist.shape, gist.dtype, gist.grid) == ((2,), "object", ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.update(schema="other"), "got schema 'other'"),
        (lambda g: g.pop("edges"), "KeyError: 'edges'"),
        (lambda g: g["nodes"][0].update(kind="<b>"), "got id 0 and kind '<b>'"),
        (lambda g: g["edges"][0].update(source=9), "names no node"),
        (lambda g: g["nodes"][0]["value"].update(dtype="object"), "expected numbers"),
    ],
)
def test_what_is_no_graph_is_refused(change, message):
    x = mg.Tensor(np.ones(2), requires_grad=True)
    given = json.loads(trace(np.tanh(x)).to_json())
    change(given)
    with pytest.raises(ValueError, match=message):
        Graph.from_json(json.dumps(given))


def test_a_module_s_graph_keeps_the_path_of_each_node():
    layer = nn.LSTM(2, 3, rng=0)
    with mg.unfused():
        y, _ = layer(np.ones((1, 2, 2)))
    again = Graph.from_json(trace(y).to_json())
    gates = {name for node in again.nodes for kind, name, _ in node.scope if kind == "gate"}
    assert gates == {"f", "i", "g", "o"}
    assert {node.step for node in again.nodes} == {None, 0, 1}


def test_the_graph_is_written_as_json(tmp_path):
    draw("gru", tmp_path / "gru.json", steps=2)
    assert Graph.from_json((tmp_path / "gru.json").read_text()) == trace_target(resolve("gru"), 2)
    with pytest.raises(SystemExit) as done:
        main(["graph", "gru", "-o", str(tmp_path / "other.json")])
    assert done.value.code == 0
    assert len(Graph.from_json((tmp_path / "other.json").read_text()).nodes) > 50


def test_a_gradient_read_from_json_has_the_same_heat():
    x = mg.Tensor(np.linspace(1.0, 2.0, 1000).reshape(10, 100), requires_grad=True, name="x")
    loss = (x * x).sum()
    graph = trace(loss, gradients_of=loss)
    again = Graph.from_json(graph.to_json())
    assert isinstance(again.nodes[0].gradient, Summary)
    assert gradient(again).heat == gradient(graph).heat
