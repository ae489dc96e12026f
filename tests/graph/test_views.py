"""Each view says of the graph what it is for, of every layer that has it."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import main
from minigrad.graph import draw, layout, strips, svg, trace, trace_target
from minigrad.graph.attention import attention
from minigrad.graph.cellview import cell
from minigrad.graph.folded import folded
from minigrad.graph.gradient import gradient
from minigrad.graph.items import subscript
from minigrad.graph.plain import tape
from minigrad.graph.views import unrolled
from minigrad.primitives import softmax
from minigrad.targets import LAYERS, resolve

SVG = "{http://www.w3.org/2000/svg}"
CELLS = [name for name, kind in LAYERS.items() if issubclass(kind, nn.Cell)]
each_cell = pytest.mark.parametrize("name", CELLS)


def words(picture):
    """Everything that is written in a picture."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg(picture))


def written(view):
    """What is written at each arrow of a gradient's picture: (source, target, text)."""
    ends = {f"{b}->{a}": (a, b) for a, b in view.arrows}
    edges = [g for g in ET.fromstring(svg(view)).iter(f"{SVG}g") if g.get("class") == "edge"]
    return [
        (*ends[edge.find(f"{SVG}title").text], text.text.strip())
        for edge in edges
        for text in edge.iter(f"{SVG}text")
    ]


@each_cell
@pytest.mark.parametrize("view", ["unrolled", "folded", "cell", "gradient", "tape"])
def test_every_cell_has_every_view(name, view):
    picture = draw(name, steps=3, view=view)
    assert picture.name == view
    drawn = svg(picture)
    assert drawn.count("<svg") == 1
    assert "<title" in drawn


@each_cell
def test_a_folded_graph_has_one_step_and_a_way_back_for_each_state_that_is_read(name):
    view = folded(trace_target(resolve(name), 4))
    assert len(view.steps) == 1
    assert view.folded == 4
    back = [label for label in view.labels.values() if "t − 1" in label]
    assert len(back) == len(resolve(name).subject.state) - shown_only(name)


def shown_only(name):
    """Whether the first state is an output that no step reads."""
    return name in ("linear-attention", "s4d", "selective-ssm", "lru")


def test_long_sequences_are_elided_to_the_first_three_and_the_last_two():
    graph = trace_target(resolve("lstm"), 30)
    for view in (unrolled(graph), gradient(graph)):
        assert view.steps == (0, 1, 2, 28, 29)
        assert view.skipped == 25
    assert len(unrolled(graph, all_steps=True).steps) == 30


def test_a_gradient_s_arrow_tells_the_local_derivative():
    view = gradient(trace_target(resolve("lstm"), 2))
    assert {"× f₁", "× i₁", "× o₁", "× c₀"} <= set(view.labels.values())


def test_the_gradient_of_a_long_sequence_is_drawn_with_its_curve_whole():
    steps = 450
    drawn = svg(draw("rnn", steps=steps, view="gradient"))
    curve = 'stroke="#0b62a4" stroke-width="1.8" d="'
    pieces = [path.partition('"')[0] for path in drawn.split(curve)[1:]]
    points = [re.findall(r"-?[\d.]+,-?[\d.]+", piece) for piece in pieces]
    along = [piece for piece in points if len(piece) > 4]  # the key is a line of its own
    assert sum((len(piece) - 1) // 3 for piece in along) == steps - 1
    assert all(one[-1] == other[0] for one, other in itertools.pairwise(along))


def test_a_layer_of_a_file_is_drawn_with_its_layers_and_directions(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from minigrad import nn\n"
        "both = nn.LSTM(2, 3, bidirectional=True, rng=0)\n"
        "deep = nn.GRU(5, 4, num_layers=2, rng=0)\n"
        "end = nn.RNN(2, 4, return_sequences=False, rng=0)\n"
    )
    found = {"both": {"layer 0", "layer 0, reverse"}, "deep": {"layer 0", "layer 1"}, "end": set()}
    for name, titles in found.items():
        target = resolve(f"{file}:{name}")
        for view in ("unrolled", "gradient"):
            assert titles <= set(words(draw(target, view=view)))
    assert "(1, 5)" in words(draw(resolve(f"{file}:deep")))


def test_what_is_between_two_layers_belongs_to_its_step():
    """Joined directions and dropout: only so are the steps alike, and drawn without dot's help."""
    x = mg.Tensor(np.ones((1, 5, 3), np.float32), requires_grad=True)
    for kind in (nn.GRU, nn.LSTM):
        for options in ({"bidirectional": True}, {"dropout": 0.5}, {}):
            layer = kind(3, 4, num_layers=3, fused=False, rng=0, **options)
            for view in (tape(trace(layer(x))), unrolled(trace(layer(x)))):
                assert strips.tiled(view)


@pytest.mark.parametrize("view", ["unrolled", "folded", "gradient", "attention", "tape"])
def test_steps_that_read_all_steps_of_another_layer_are_drawn(view):
    models = Path(__file__).with_name("whole_models.py")
    assert words(draw(f"{models}:looking_back", view=view))


def test_two_modules_of_a_class_and_two_calls_of_one_are_drawn_apart():
    twice, other = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
    view = unrolled(trace(other(np.tanh(twice(np.tanh(twice(np.ones((1, 2), np.float32))))))))
    layers = [item.lines[:2] for item in view.items if item.kind == "layer"]
    formulas = "tanh(W·x + b)", "tanh(W·x + b)", "W·x + b"
    assert layers == list(zip(("Linear", "Linear (2)", "Linear (3)"), formulas, strict=True))


def test_only_affine_layers_multiply_by_a_weight():
    norm, linear = nn.LayerNorm(3), nn.Linear(3, 3, rng=0)
    x = mg.Tensor(np.ones((1, 3), np.float32), requires_grad=True, name="x")
    y = linear(norm(x))
    labels = gradient(trace(y, gradients_of=y.sum())).labels
    assert set(labels.values()) == {"LayerNorm ′", "× W"}


def test_both_directions_write_the_step_of_what_they_multiply_by():
    """The zeros that both start from are c₋₁ in one direction, and c₃ in the other."""
    layer = nn.LSTM(3, 4, bidirectional=True, fused=False, rng=0)
    y, _ = layer(mg.Tensor(np.ones((1, 3, 3), np.float32), requires_grad=True))
    view = gradient(trace(y, gradients_of=(y * y).sum()))
    items = {item.id: item for item in view.items}
    expected = set()
    for t, n in enumerate("₀₁₂"):
        labels = f"f{n}", f"i{n}", f"g{n}", f"o{n}", f"tanh(c{n})", f"(1 − tanh(c{n})²)"
        for direction, before in (("", subscript(t - 1)), ("reverse", subscript(t + 1))):
            expected |= {(direction, t, f"× {label}") for label in (*labels, f"c{before}")}
    found = [
        ("reverse" if "reverse" in items[b].strip else "", items[b].step, label)
        for _, b, label in written(view)
        if re.search("[₀-₉]", label)
    ]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_a_gradient_that_fades_is_told_from_one_that_lives():
    """‖∂L/∂h₀‖ of an RNN, and ‖∂L/∂c₀‖ of an LSTM whose forget gate is open."""
    sizes = {}
    for kind, state in ((nn.RNN, "h"), (nn.LSTM, "c")):
        layer = kind(2, 8, rng=0)
        if kind is nn.LSTM:
            layer.cell.f.bias.data[:] = 20.0
        x = np.random.default_rng(0).normal(size=(1, 40, 2)).astype(np.float32)
        initial = tuple(
            mg.Tensor(np.zeros((1, 8), np.float32), requires_grad=True, name=name)
            for name in layer.cell.state
        )
        with mg.unfused():
            y, _ = layer(x, initial)
            loss = (y[:, -1] ** 2).sum()
        view = gradient(trace(loss, gradients_of=loss))
        curves = dict(view.series)
        points = curves[f"‖∂L/∂{state}ₜ‖"]
        sizes[kind] = points[-1][1] - points[0][1]  # decades lost on the way
    assert sizes[nn.RNN] > 5
    assert sizes[nn.LSTM] < 1


def test_a_gradient_view_without_backward_is_refused():
    x = mg.Tensor(np.ones(3), requires_grad=True)
    with pytest.raises(ValueError, match="no backward"):
        gradient(trace(np.tanh(x)))


def test_a_model_s_embedding_is_drawn_and_every_step_reads_it():
    words = nn.Embedding(5, 3, rng=0)
    layer = nn.LSTM(3, 4, fused=False, rng=0)
    view = unrolled(trace(layer(words(np.array([[1, 2, 3]])))[0]))
    items = {item.id: item for item in view.items}
    (table,) = (item for item in view.items if item.lines[0] == "Embedding")
    assert table.lines == ("Embedding", "W[index]", "(1, 3, 3)")
    read = [b for a, b in view.arrows if a == table.id]
    assert [items[b].lines[0] for b in read] == ["x₀", "x₁", "x₂"]
    assert {"σ(W·[h, x] + b)", "tanh(W·[h, x] + b)"} <= {item.lines[1] for item in view.items
                                                        if item.kind == "layer"}  # fmt: skip


@pytest.mark.parametrize("model", ["looking_back", "bahdanau"])
def test_steps_that_look_back_on_all_of_another_layer_share_one_geometry(model):
    models = Path(__file__).with_name("whole_models.py")
    view = draw(f"{models}:{model}")
    (bundle,) = strips.rails(view)
    items = {item.id: item for item in view.items}
    assert items[bundle].lines == ("[h₀ … h₄]",)
    into = [items[a].lines[0] for a, b in view.arrows if b == bundle]
    onward = [items[b].lines[0] for a, b in view.arrows if a == bundle]
    both = 2 if model == "bahdanau" else 1  # directions
    assert sorted(into) == sorted(["h₀", "h₁", "h₂", "h₃", "h₄"] * both)
    assert onward == ["x₀", "x₁", "x₂", "x₃", "x₄"][: len(onward)]
    assert len(onward) == (3 if model == "bahdanau" else 5)
    assert strips.tiled(view)


def test_the_cell_view_of_several_layers_draws_what_they_have_in_common():
    def drawn(**kind):
        layer = nn.GRU(2, 3, fused=False, rng=0, **kind)
        return cell(trace(layer(np.ones((1, 3, 2), np.float32))[0]))

    one, four = drawn(), drawn(num_layers=2, bidirectional=True)
    assert [item.lines[0] for item in four.items] == [item.lines[0] for item in one.items]
    assert one.caption == ()
    assert four.caption == ("Alike in layer 0; layer 0, reverse; layer 1; layer 1, reverse.",)
    assert four.caption[0] in words(four)


def test_the_cell_view_of_several_kinds_of_cells_points_to_the_folded_one():
    first, second = nn.LSTM(2, 3, fused=False, rng=0), nn.GRU(3, 3, fused=False, rng=0)
    graph = trace(second(first(np.ones((1, 3, 2), np.float32))[0])[0])
    with pytest.raises(ValueError, match="2 kinds of cells, expected one; its folded view"):
        cell(graph)


def test_the_cell_view_has_a_box_for_each_gate_and_a_circle_for_each_operation():
    drawn = words(draw("lstm", view="cell"))
    assert drawn.count("σ") == 3
    assert drawn.count("tanh") == 2
    assert drawn.count("×") == 3
    assert drawn.count("+") == 1
    assert {"cₜ₋₁", "cₜ", "hₜ₋₁", "hₜ", "xₜ"} <= set(drawn)


def test_the_tape_has_every_recorded_node():
    graph = trace_target(resolve("gru"), 2)
    nodes = {number for item in tape(graph).items for number in item.nodes}
    assert {node.id for node in graph.nodes if node.kind == "operation"} <= nodes


def test_attention_draws_the_weights_that_were_recorded():
    q, k, v = np.random.default_rng(0).normal(size=(3, 1, 4, 2))
    q = mg.Tensor(q, requires_grad=True)
    weights = softmax(q @ np.swapaxes(k, -1, -2), axis=-1)
    (panel,) = attention(trace(weights @ v)).panels
    np.testing.assert_allclose(panel[3], weights.data[0])


def test_attention_takes_weights_and_names():
    weights = np.array([[0.9, 0.1], [0.25, 0.75]])
    picture = draw_attention(weights, tokens=("uno", "dos"), sides=("consulta", "clave"))
    assert {"uno", "dos", "consulta", "clave"} <= set(words(picture))
    assert {"query", "key"} <= set(words(draw("attention", view="attention")))
    assert {"q", "k"} <= set(words(draw("attention", view="attention", sides=("q", "k"))))
    with pytest.raises(ValueError, match="3"):
        attention(weights, tokens=("uno", "dos", "tres"))
    with pytest.raises(ValueError, match="nothing attends"):
        attention(trace_target(resolve("tanh"), 1))


def draw_attention(weights, **names):
    return attention(weights, **names)


@pytest.mark.parametrize("view", ["folded", "cell"])
def test_a_view_of_steps_needs_steps(view):
    with pytest.raises(ValueError, match=f"^{view}: .* no time steps"):
        draw("matmul", view=view)


def test_the_command_line_draws_each_view(tmp_path, capsys):
    for view in ("cell", "folded", "gradient", "tape"):
        file = tmp_path / f"{view}.svg"
        with pytest.raises(SystemExit) as done:
            main(["graph", "gru", "--view", view, "-o", str(file)])
        assert not done.value.code
        assert file.stat().st_size > 1000
    with pytest.raises(SystemExit) as done:
        main(["graph", "gru", "--view", "side"])
    assert done.value.code == 2


def test_names_from_outside_are_inert_in_every_view():
    class Trap(nn.Cell):
        state = ("h",)
        gates = ("a",)

        def step(self, x, h):
            return np.tanh(self.a(h, x))

    Trap.__name__ = "<script>alert(1)</script>"
    layer = nn.Recurrent(2, 3, cell=Trap, fused=False, rng=0)
    y, _ = layer(np.ones((1, 3, 2), np.float32))
    graph = trace(y, gradients_of=(y**2).sum()) if False else trace((y**2).sum())
    for view in (unrolled(graph), tape(graph), folded(graph)):
        assert "<script" not in svg(view)


@pytest.mark.parametrize("name", ["attention", "multi-head"])
def test_without_steps_the_gradient_s_arrows_run_backward_with_their_derivatives(name):
    view = gradient(trace_target(resolve(name), 3))
    written = layout.clustered(view)
    assert {"× Vᵀ", "× Aᵀ", "× Kᵀ", "× Qᵀ", "softmax ′"} <= set(view.labels.values())
    edges = [line for line in written.splitlines() if " -> " in line]
    assert len(edges) == len(view.arrows)
    assert all("dir=back" in edge for edge in edges)
    assert all(sentence in written for sentence in view.caption)
    assert all(fill in written for fill, _ in view.palette.heat)


def test_a_folded_graph_keeps_the_numbers_outside_of_its_step():
    layer = nn.GRU(2, 3, output_size=2, rng=0)
    with mg.unfused():
        y, _ = layer(np.ones((1, 4, 2), np.float32))
    assert "[h₀ … h₃]" in words(folded(trace(y)))
