"""Claims about the recorded graph: its values and gradients are the engine's, also as JSON."""

from __future__ import annotations

import cProfile
import json
import math
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import main
from minigrad.graph import Graph, draw, terms, trace, trace_target, unrolled
from minigrad.graph.record.summary import Summary, summarise
from minigrad.graph.views.gradient import gradient
from minigrad.targets import builtin, resolve, target_of


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
    x = mg.Tensor(np.array([10**30, 3], dtype=object), requires_grad=True)  # no machine's numbers
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
    assert {node.gate for node in again.nodes} == {"", "f", "i", "g", "o"}
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


# What users wrote


class Chorus(nn.Module):
    """Its own loop over a cell, as people write one, with a loss at each step."""

    def __init__(self):
        self.cell, self.voice = nn.GRUCell(3, 4, rng=0), nn.Linear(4, 2, rng=1)

    def forward(self, notes, targets):
        state, total = mg.tanh(self.voice.weight.sum(0, keepdims=True)), 0.0
        for note, target in zip(notes, targets, strict=True):
            state = self.cell(note, state)
            total = total + nn.cross_entropy(self.voice(state), target)
        return total


def chorus(steps=4):
    rng = np.random.default_rng(0)
    melody = rng.normal(size=(steps, 1, 3)).astype(np.float32)
    return Chorus()(melody, rng.integers(0, 2, (steps, 1)))


def _steps(graph):
    return {node.step for node in graph.nodes if node.step is not None}


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_a_loop_of_one_s_own_over_a_cell_has_steps(steps):
    with mg.unfused():
        graph = trace(chorus(steps))
    assert _steps(graph) == set(range(steps))
    per_step = [sum(n.step == t and n.kind == "operation" for n in graph.nodes)
                for t in range(steps)]  # fmt: skip
    assert len(set(per_step)) == 1  # each has all of its operations, the loss too
    inside = {node.primitive for node in graph.nodes if node.step == 1}
    assert {"softmax_cross_entropy", "tanh", "sigmoid"} <= inside


def test_a_loop_in_a_plain_function_has_steps_and_its_variable_s_name():
    rng = np.random.default_rng(0)
    W, U = mg.Parameter(rng.normal(size=(3, 4))), mg.Parameter(rng.normal(size=(4, 4)))

    def run():
        memory = np.zeros((2, 4))
        for x in rng.normal(size=(3, 2, 3)):
            memory = np.tanh(x @ W + memory @ U)
        return (memory**2).sum()

    graph = trace_target(target_of(run, "run"), 1)
    assert _steps(graph) == {0, 1, 2}
    assert [n.step for n in graph.nodes if n.name == "memory" and n.primitive] == [0, 1, 2]
    assert {n.label for n in graph.nodes if n.kind == "parameter"} == {"W", "U"}


def test_blocks_with_weights_of_their_own_are_no_steps():
    x = mg.Tensor(np.ones((1, 4), np.float32), requires_grad=True)
    for layer in [nn.Linear(4, 4, rng=k) for k in range(5)]:
        x = x + np.tanh(layer(x))
    assert _steps(trace(x)) == set()


def test_what_only_looks_alike_is_no_loop():
    x = mg.Tensor(np.ones(3), requires_grad=True, name="x")
    weight = mg.Parameter(np.ones(3))
    assert _steps(trace(np.tanh(np.tanh(np.tanh(x))))) == set()  # no weights
    apart = np.tanh(weight * x), np.tanh(weight * (x + 1)), np.tanh(weight * (x + 2))
    assert _steps(trace(np.stack(apart))) == set()  # nothing goes from one to the next


def test_a_first_turn_that_computes_of_constants_is_a_step():
    """A plain array is concatenated with zeros before anything is recorded."""
    rng = np.random.default_rng(0)
    W, memory = nn.Linear(5, 2, rng=0), np.zeros((1, 2))
    for x in rng.normal(size=(4, 1, 3)):
        both = np.concatenate([x, memory], axis=-1)
        memory = np.tanh(W(np.tanh(both) * 2 + np.exp(both)))
    graph = trace(memory.sum())
    assert _steps(graph) == {0, 1, 2, 3}
    counts = [len(turn) for (turns,) in [graph.turns.values()] for turn in turns.values()]
    assert len(set(counts[1:])) == 1 < counts[0] < counts[1]
    states = [n.step for n in graph.nodes if n.primitive == "tanh" and graph.lines[n.id] ==
              graph.lines[graph.turns[n.strip][3][-1]]]  # fmt: skip
    assert states == [0, 1, 2, 3]


def test_a_last_turn_that_lacks_what_only_the_next_would_read_is_a_step():
    rng = np.random.default_rng(0)
    look, feed, losses = nn.Linear(3, 3, rng=0), nn.Linear(3, 3, rng=1), 0.0
    x, values = mg.Tensor(rng.normal(size=(1, 3))), rng.normal(size=(3, 3))
    for _ in range(4):
        pointed = mg.softmax(look(x), axis=-1)
        losses = losses + (pointed * pointed).sum()
        x = np.tanh(feed(pointed @ values))
    graph = trace(losses)
    ((strip, turns),) = graph.turns.items()
    assert list(turns) == [0, 1, 2, 3]
    assert len(turns[0]) == len(turns[2]) > len(turns[3]) > len(turns[2]) // 2
    assert {n.strip for n in graph.nodes if n.kind == "operation"} == {strip}


def test_a_sum_of_one_value_of_each_turn_belongs_to_the_turns():
    rng = np.random.default_rng(0)
    cell, state, losses = nn.GRUCell(3, 2, rng=0), np.zeros((1, 2)), []
    for x in rng.normal(size=(4, 1, 3)):
        state = cell(x, state)
        losses.append((state * state).sum())
    graph = trace(sum(losses) / 4)
    added = [n.step for n in graph.nodes if n.primitive == "add" and not n.gate and not n.shape]
    assert added == [0, 1, 2, 3]
    assert [n.primitive for n in graph.nodes if n.step is None and n.primitive] == ["divide"]


def test_a_loop_over_tensors_that_are_no_parameters_has_steps():
    rng = np.random.default_rng(0)
    W, U = (mg.Tensor(rng.normal(size=(n, 4)), requires_grad=True) for n in (3, 4))
    h = np.zeros((1, 4))
    for x in rng.normal(size=(3, 1, 3)):
        h = np.tanh(x @ W + h @ U)
    assert _steps(trace(h.sum())) == {0, 1, 2}
    x = mg.Tensor(rng.normal(size=(2, 2)), requires_grad=True)
    assert _steps(trace(((x + x) + x) + x)) == set()  # nothing is multiplied by it


def test_an_array_that_is_a_single_number_is_one():
    x = mg.Tensor(np.ones(3), requires_grad=True, name="x")
    halved = trace(x / np.array(2.0)), trace(np.float32(2) * x)
    assert [graph.nodes[-1].numbers for graph in halved] == [((1, 2.0),), ((0, 2.0),)]
    labels = [item.label.formula for graph in halved for item in unrolled(graph).items]
    assert [terms.text(label) for label in labels if label] == ["x ÷ 2", "2 × x"]


def test_a_loop_s_arrays_have_the_names_that_they_have_in_each_turn():
    W, U = (mg.Parameter(np.eye(3)) for _ in range(2))

    def run():
        state, ids = np.zeros((1, 3)), [0, 2, 1]
        for number in ids:
            given = np.zeros((1, 3))
            given[0, number] = 1
            state = np.tanh(given @ W + state @ U)
        return state.sum()

    graph = trace_target(target_of(run, "run"), 1)
    assert [n.step for n in graph.nodes if n.name == "given"] == [0, 1, 2]


def test_a_target_is_not_called_what_the_next_turn_reads():
    words, out = nn.Embedding(5, 3, rng=0), nn.Linear(3, 5, rng=0)
    cell, text = nn.GRUCell(3, 3, rng=0), np.array([[3, 1, 4, 2], [1, 2, 3, 4]])

    def run():
        state, y, loss = np.zeros((2, 3)), text[:, 0].copy(), 0.0
        for t in range(1, 4):
            state = cell(words(y), state)
            loss = loss + nn.cross_entropy(out(state), text[:, t].copy())
            y = text[:, t].copy()
        return loss

    graph = trace_target(target_of(run, "run"), 1)
    called = [(n.label, n.step) for n in graph.nodes if n.kind == "constant" and n.value.ndim == 1]
    assert sorted(called) == [*(("target", t) for t in range(3)), *(("y", t) for t in range(3))]


def test_two_loops_in_one_function_are_two_strips_of_steps():
    """Forward and backward over the same words: turn 0 of each is at another word."""
    ahead, back = nn.GRUCell(3, 2, rng=0), nn.GRUCell(3, 2, rng=1)
    words = mg.Tensor(np.random.default_rng(0).normal(size=(1, 4, 3)), requires_grad=True)
    found = []
    for cell, order in ((ahead, range(4)), (back, reversed(range(4)))):
        state = np.zeros((1, 2))
        for t in order:
            state = cell(words[:, t], state)
        found.append(state)
    graph = trace(np.concatenate(found, axis=-1).sum())
    assert [list(turns) for turns in graph.turns.values()] == [[0, 1, 2, 3]] * 2
    weights = [
        {
            edge.source
            for number in turns[2]
            for edge in graph.operands[number]
            if graph.nodes[edge.source].kind == "parameter"
        }
        for turns in graph.turns.values()
    ]
    names = {node.id: node for node in graph.nodes}
    assert all(weights)
    assert weights[0].isdisjoint(weights[1])
    assert {strip[0].name for strip in graph.turns} == {"0", "1"}
    assert [names[min(w)].value is ahead.z.weight.data for w in weights] == [True, False]


def test_two_cells_of_a_class_that_each_turn_calls_are_told_apart():
    cells = [nn.GRUCell(2, 2, rng=k) for k in range(2)]
    states = [np.zeros((1, 2))] * 2
    for x in np.random.default_rng(0).normal(size=(3, 1, 2)):
        for k, cell in enumerate(cells):
            x = states[k] = cell(x, states[k])
    view = draw(x.sum())
    gates = [item.label.name for item in view.items if item.kind == "layer" and item.step == 1]
    assert gates == ["z", "r", "h_tilde"] * 2
    assert not any(item.kind == "parameter" for item in view.items)


def test_an_array_before_a_convolution_keeps_its_shape():
    image = np.random.default_rng(0).normal(size=(2, 1, 8, 8)).astype(np.float32)
    graph = trace_target(target_of(lambda: nn.Conv2d(1, 3, 3, rng=0)(image).sum(), "loss"), 1)
    given = [node.shape for node in graph.nodes if node.kind in ("input", "constant")]
    assert given == [(2, 1, 8, 8)]
    both = nn.Conv2d(1, 3, 3, rng=0), nn.Conv2d(1, 3, 5, padding=1, rng=1)
    loss = target_of(lambda: both[0](image).sum() + both[1](image).sum(), "loss")
    given = [node.shape for node in trace_target(loss, 1).nodes if node.kind != "parameter"]
    assert given.count((2, 1, 8, 8)) == 1


def test_a_step_of_one_s_own_is_one():
    h = mg.Tensor(np.ones(2), requires_grad=True, name="h")
    for t in range(3):
        with mg.step(t):
            h = np.tanh(h)
    assert _steps(trace(h)) == {0, 1, 2}


def test_tensors_without_a_gradient_keep_their_names_and_shapes():
    images = mg.Tensor(np.ones((2, 1, 6, 6), np.float32), name="images")
    convolution = nn.Conv2d(1, 2, 3, padding=1, rng=0)
    with mg.unfused():
        graph = trace(convolution(images).sum())
    (given,) = [node for node in graph.nodes if node.kind == "input"]
    assert (given.label, given.shape, given.requires_grad) == ("images", (2, 1, 6, 6), False)
    assert trace(nn.Linear(6, 2, rng=0)(images)).nodes[0].label == "images"


def test_ids_masks_and_targets_are_constants_that_are_named():
    words, head = nn.Embedding(5, 3, rng=0), nn.Linear(3, 5, rng=0)
    kept = np.array([[True, False, True]])

    def loss():
        ids = np.array([[1, 2, 3]])
        hidden = np.where(kept[..., None], words(ids), 0.0)
        return nn.cross_entropy(head(hidden), np.array([[2, 3, 4]]))

    graph = trace_target(target_of(loss, "loss"), 1)
    constants = {node.label: node.shape for node in graph.nodes if node.kind == "constant"}
    assert constants == {"ids": (1, 3), "kept": (1, 3, 1), "target": (1, 3)}


def test_names_are_looked_up_only_for_what_is_given():
    def f():
        x = mg.Tensor(np.ones(2), requires_grad=True)
        x = np.tanh(x)
        return x.sum()

    graph = trace_target(target_of(f, "f"), 1)
    assert [node.name for node in graph.nodes] == ["x", None, None]


def test_watching_variables_leaves_the_profiler_as_it_was():
    def profile(*_):
        return None

    sys.setprofile(profile)
    try:
        trace_target(target_of(chorus, "loss"), 1)
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)


def test_a_graph_is_recorded_under_a_profiler_in_c():
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        trace_target(target_of(chorus, "loss"), 1)
        assert sys.getprofile() is profiler
    finally:
        profiler.disable()
    assert len(profiler.getstats()) > 10


def test_a_tree_is_no_loop_over_time():
    join, leaf = nn.Linear(8, 4, rng=0), nn.Linear(3, 4, rng=0)

    def node(tree):
        if not isinstance(tree, tuple):
            return mg.tanh(leaf(tree))
        return mg.tanh(join(np.concatenate([node(part) for part in tree], axis=-1)))

    words = [mg.Tensor(np.full((1, 3), k, np.float32), requires_grad=True) for k in range(4)]
    balanced = trace(node(((words[0], words[1]), (words[2], words[3]))))
    assert {n.step for n in balanced.nodes} == {None}
    chain = trace(node((words[0], (words[1], (words[2], words[3])))))
    assert {n.step for n in chain.nodes if n.scope} != {None}


def test_what_python_and_minigrad_call_an_array_while_they_run_is_no_name(tmp_path):
    file = tmp_path / "loss.py"
    file.write_text(
        "import numpy as np, minigrad as mg\nfrom minigrad import nn\n"
        "head = nn.Linear(3, 1, rng=0)\nx = mg.Tensor(np.ones((2, 3), np.float32), name='x')\n"
        "def loss():\n"
        "    return nn.binary_cross_entropy_with_logits(head(x), np.ones((2, 1), np.float32))\n"
    )
    graph = trace_target(resolve(f"{file}:loss"), 3)
    assert {n.label for n in graph.nodes if n.kind == "constant"} == {"constant"}
