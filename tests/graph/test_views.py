"""Each view says of the graph what it is for, of every layer that has it."""

from __future__ import annotations

import html
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import main
from minigrad.graph import VIEWS, draw, svg, trace, trace_target, unrolled
from minigrad.graph.drawing import layout
from minigrad.graph.drawing.phrases import said as phrase
from minigrad.graph.drawing.scene import width_of
from minigrad.graph.drawing.words import formula, lines, name
from minigrad.graph.fitting import scene
from minigrad.graph.terms import subscript, text
from minigrad.graph.view import Say, View
from minigrad.graph.views.attention import attention
from minigrad.graph.views.block import block
from minigrad.graph.views.cell import cell
from minigrad.graph.views.folded import folded
from minigrad.graph.views.gradient import gradient
from minigrad.graph.views.tape import tape
from minigrad.primitives import softmax
from minigrad.targets import LAYERS, resolve

CELLS = [name for name, kind in LAYERS.items() if issubclass(kind, nn.Cell)]
each_cell = pytest.mark.parametrize("name", CELLS)


def words(picture):
    """Everything that is written in a picture."""
    found = re.findall(r"<text[^>]*>([^<]*)</text>", svg(picture))
    return [html.unescape(text).replace("\u00a0", " ") for text in found]


def said(view):
    """What is written at each arrow of a gradient's picture: (source, target, text)."""
    return [(a, b, text(label)) for (a, b), label in view.labels.items()]


def called(item):
    """An item's name and its formula."""
    return name(item.label), formula(item.label.formula, View("", (), ()))


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
    states = resolve(name).subject.state
    loops = [(a, b) for a, b in view.arrows if a.kind == b.kind == "state"]
    assert len(loops) == len(states) - shown_only(name)
    assert {lines(view.by_key[b], view)[0][-3:] for _, b in loops} == {"ₜ₋₁"}


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
    assert {"× f₁", "× i₁", "× o₁", "× c₀"} <= {label for _, _, label in said(view)}


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
    for layer, titles in found.items():
        target = resolve(f"{file}:{layer}")
        for view in ("unrolled", "gradient"):
            headings = [text for text in words(draw(target, view=view)) if "t = 0" in text]
            assert {heading.partition("   ")[0] for heading in headings} >= titles
    assert "(1, 5)" in words(draw(resolve(f"{file}:deep")))


def test_what_is_between_two_layers_belongs_to_its_step():
    """Joined directions and dropout: only so are the steps alike, and share one layout."""
    x = mg.Tensor(np.ones((1, 5, 3), np.float32), requires_grad=True)
    for kind in (nn.GRU, nn.LSTM):
        for options in ({"bidirectional": True}, {"dropout": 0.5}, {}):
            layer = kind(3, 4, num_layers=3, fused=False, rng=0, **options)
            for view in (tape(trace(layer(x))), unrolled(trace(layer(x)))):
                steps = {(frame.part[0], frame.box[2:]) for frame in layout.arranged(view).frames}
                assert len(steps) == len({strip for strip, _ in steps})  # all of one size


@pytest.mark.parametrize("view", ["unrolled", "folded", "gradient", "attention", "tape"])
def test_steps_that_read_all_steps_of_another_layer_are_drawn(view):
    models = Path(__file__).with_name("whole_models.py")
    assert words(draw(f"{models}:looking_back", view=view))


def test_two_modules_of_a_class_and_two_calls_of_one_are_drawn_apart():
    one, other = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
    x = mg.Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    view = unrolled(trace(np.tanh(one(x)) * other(one(x + 1))))
    layers = [(*called(item), item.notes) for item in view.items if item.kind == "layer"]
    assert layers == [
        ("Linear", "tanh(W·x + b)", ()),
        ("Linear", "W·x + b", (Say("shared", ("Linear",)),)),
        ("Linear", "W·x + b", ()),
    ]


def test_rows_that_are_looked_up_are_an_operation_of_their_own():
    W = mg.Parameter(np.ones((5, 3)), name="W")
    words, others = np.array([0, 1]), np.array([2, 3])
    view = draw((W[words] * W[others]).sum())
    names = [formula(item.label.formula, view) for item in view.items if item.kind == "operation"]
    assert names[:2] == ["W[words]", "W[others]"]
    sources = {k: [a for a, b in view.arrows if b == k] for k in view.by_key}
    product = next(
        k
        for k, item in view.by_key.items()
        if item.label.formula not in (None, "Σ")
        and len(sources[k]) == 2
        and all(a.kind == "point" for a in sources[k])
    )
    assert [view.by_key[a].shape for a in sources[product]] == [(2, 3), (2, 3)]


def test_words_at_wires_are_inside_of_the_picture():
    x = mg.Tensor(np.ones((2, 2)), requires_grad=True, name="a_rather_long_name_for_an_array")
    loss = (x * x * x).sum()
    found = scene(draw(loss, view="gradient", gradients_of=loss))
    left, bottom, right, top = found.extent()
    words = [wire for wire in found.wires if wire.words]
    assert words
    for wire in words:
        wide = width_of(wire.words, 10) / 2
        assert left <= wire.at[0] - wide and wire.at[0] + wide <= right
        assert bottom < wire.at[1] < top


def test_weights_that_are_used_in_two_places_are_told():
    table, other = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
    table.name, other.name = "table", "other"
    x = mg.Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    view = unrolled(trace(table(x + 1) * table(np.exp(x)) * other(x)))
    layers = [(called(item)[0], item.notes) for item in view.items if item.kind == "layer"]
    assert layers == [("table", ()), ("table", (Say("shared", ("table",)),)), ("other", ())]


def test_only_affine_layers_multiply_by_a_weight():
    norm, linear = nn.LayerNorm(3), nn.Linear(3, 3, rng=0)
    x = mg.Tensor(np.ones((1, 3), np.float32), requires_grad=True, name="x")
    y = linear(norm(x))
    labels = {label for _, _, label in said(gradient(trace(y, gradients_of=y.sum())))}
    assert labels == {"Jᵀ @ δ", "× W"}


def test_both_directions_write_the_step_of_what_they_multiply_by():
    """The zeros that both start from are c₋₁ in one direction, and c₃ in the other."""
    layer = nn.LSTM(3, 4, bidirectional=True, fused=False, rng=0)
    y, _ = layer(mg.Tensor(np.ones((1, 3, 3), np.float32), requires_grad=True))
    view = gradient(trace(y, gradients_of=(y * y).sum()))
    expected = set()
    for t, n in enumerate("₀₁₂"):
        labels = f"f{n}", f"i{n}", f"g{n}", f"o{n}", f"tanh(c{n})", f"(1 − tanh(c{n})²)"
        for direction, before in (("", subscript(t - 1)), ("reverse", subscript(t + 1))):
            expected |= {(direction, t, f"× {label}") for label in (*labels, f"c{before}")}
    found = [
        ("reverse" if "reverse" in b.strip[-2].name else "", b.step, label)
        for _, b, label in said(view)
        if re.search("[₀-₉]", label)
    ]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_gradient_of_a_product_says_what_it_is():
    """δQ = δS K and δK = δSᵀ Q for S = Q Kᵀ; δA = δ Bᵀ and δB = Aᵀ δ for A B."""
    Q, K, A, B = (
        mg.Tensor(np.ones(shape), requires_grad=True, name=called)
        for called, shape in (("Q", (2, 4)), ("K", (3, 4)), ("A", (2, 3)), ("B", (3, 5)))
    )
    scores = (Q @ np.swapaxes(K, -1, -2)).sum() + (A @ B).sum()
    view = gradient(trace(scores, gradients_of=scores))
    found = {view.by_key[a].label.name: label for a, _, label in said(view)
             if view.by_key[a].label.name}  # fmt: skip
    assert found == {"Q": "δ @ K", "K": "δᵀ @ Q", "A": "δ @ Bᵀ", "B": "Aᵀ @ δ"}


def test_a_swap_of_heads_is_no_transpose_of_matrices():
    x = mg.Tensor(np.ones((1, 3, 2, 4)), requires_grad=True, name="x")
    y = np.swapaxes(x, 1, 2) @ mg.Tensor(np.ones((4, 4)), requires_grad=True, name="W")
    (label,) = (label for a, _, label in said(gradient(trace(y, gradients_of=y.sum())))
                if a.kind == "leaf" and "Wᵀ" in label)  # fmt: skip
    assert label == "δ @ Wᵀ"


def test_a_gradient_of_exactly_0_has_a_look_of_its_own():
    x = mg.Tensor(np.ones(2), requires_grad=True, name="x")
    loss = (x * 0.0).sum() + (1e-300 * x).sum()
    heats = gradient(trace((loss, np.tanh(x)), gradients_of=loss)).heat.values()
    assert -np.inf in heats
    picture = draw(trace((loss, np.tanh(x)), gradients_of=loss), view="gradient")
    assert picture.palette.heated(-np.inf) != picture.palette.heated(-299.0)
    assert "0: exactly" in words(picture)


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
        curves = {phrase(what, "en"): points for what, points in view.series}
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
    (table,) = (item for item in view.items if item.label.name == "Embedding")
    assert lines(table, view) == ("Embedding", "W[index]", "(1, 3, 3)")
    read = [view.by_key[b] for a, b in view.arrows if a == table.key]
    assert [name(item.label) for item in read] == ["x₀", "x₁", "x₂"]
    formulas = {called(item)[1] for item in view.items if item.kind == "layer"}
    assert {"σ(W·[h, x] + b)", "tanh(W·[h, x] + b)"} <= formulas


@pytest.mark.parametrize("model", ["looking_back", "bahdanau"])
def test_steps_that_look_back_on_all_of_another_layer_share_one_geometry(model):
    models = Path(__file__).with_name("whole_models.py")
    view = draw(f"{models}:{model}")
    bundles = {key for key in view.by_key if key.kind == "bundle" and any(
               a == key and b.step is not None for a, b in view.arrows)}  # fmt: skip
    (bundle,) = bundles
    assert lines(view.by_key[bundle], view) == ("[h₀ … h₄]",)
    into = [name(view.by_key[a].label) for a, b in view.arrows if b == bundle]
    onward = [name(view.by_key[b].label) for a, b in view.arrows if a == bundle]
    both = 2 if model == "bahdanau" else 1  # directions
    assert sorted(into) == sorted(["h₀", "h₁", "h₂", "h₃", "h₄"] * both)
    assert onward == ["x₀", "x₁", "x₂", "x₃", "x₄"][: len(onward)]
    assert len(onward) == (3 if model == "bahdanau" else 5)


def test_the_cell_view_of_several_layers_draws_what_they_have_in_common():
    def drawn(**kind):
        layer = nn.GRU(2, 3, fused=False, rng=0, **kind)
        return cell(trace(layer(np.ones((1, 3, 2), np.float32))[0]))

    one, four = drawn(), drawn(num_layers=2, bidirectional=True)
    assert sorted(map(called, four.items)) == sorted(map(called, one.items))
    assert one.caption == ()
    assert "Alike in layer 0; layer 0, reverse; layer 1; layer 1, reverse." in words(four)


def test_the_cell_view_of_several_kinds_of_cells_points_to_one_that_shows_them():
    first, second = nn.LSTM(2, 3, fused=False, rng=0), nn.GRU(3, 3, fused=False, rng=0)
    graph = trace(second(first(np.ones((1, 3, 2), np.float32))[0])[0])
    with pytest.raises(ValueError, match="2 kinds of cells, expected one; use view 'unrolled'"):
        draw(graph, view="cell")


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
    np.testing.assert_allclose(panel.weights, weights.data[0])


@pytest.mark.parametrize("axis", [1, -1])
def test_a_weighted_sum_is_attention(axis):
    """Scores of shape (batch, keys, 1) or (batch, keys), as public decoders have them."""
    rng = np.random.default_rng(0)
    notes, score = mg.Tensor(rng.normal(size=(2, 4, 3))), nn.Linear(3, 1, rng=0)
    scores = score(notes) if axis == 1 else score(notes)[..., 0]
    weights = softmax(scores, axis=axis)
    wide = weights if axis == 1 else weights[:, :, None]
    (panel,) = attention(trace((wide * notes).sum(axis=1))).panels
    np.testing.assert_array_equal(panel.weights, weights.data[0].reshape(1, 4))
    with pytest.raises(ValueError, match="nothing attends"):  # a mixture of experts, say
        attention(trace(sum(wide[:, k : k + 1] * notes for k in range(4))))


def test_attention_of_a_loop_with_a_product_for_each_step_has_a_row_for_each():
    rng = np.random.default_rng(0)
    notes, W = mg.Tensor(rng.normal(size=(1, 4, 3))), mg.Parameter(rng.normal(size=(3, 3)))
    state, weights = mg.Tensor(rng.normal(size=(1, 3))), []
    with mg.unfused():
        for _ in range(3):
            at = softmax((notes @ state[..., None])[..., 0], axis=-1)
            state = mg.tanh((at[:, None] @ notes)[:, 0] @ W)
            weights.append(at.data[0])
    (panel,) = draw(state.sum(), view="attention").panels
    np.testing.assert_array_equal(panel.weights, weights)


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
    scene = layout.arranged(view)
    assert {"δ @ Vᵀ", "Aᵀ @ δ", "δ @ K", "δᵀ @ Q"} <= {label for _, _, label in said(view)}
    assert "A ∘ (δ − Σ(A ∘ δ))" in {label for _, _, label in said(view)}
    assert {wire.head for wire in scene.wires} == {-1}
    drawn = words(view)
    assert all(phrase(sentence, "en") in drawn for sentence in view.caption)


def test_a_folded_graph_keeps_the_numbers_outside_of_its_step():
    layer = nn.GRU(2, 3, output_size=2, rng=0)
    with mg.unfused():
        y, _ = layer(np.ones((1, 4, 2), np.float32))
    assert "[h₀ … h₃]" in words(folded(trace(y)))


def test_the_belt_runs_straight_through_all_steps():
    """C leaves a step at the height at which it enters it, and so does h."""
    view = unrolled(trace_target(resolve("lstm"), 4))
    wires = {(w.source, w.target): w.path for w in layout.arranged(view).wires}
    for state in "ch":
        heights = set()
        for (a, b), path in wires.items():
            if a.kind == "state" and a.path[0] == state and a.step != b.step:
                assert len(path) == 2, state  # one straight line from step to step
                heights |= {round(y, 1) for _, y in path}
        assert len(heights) == 1


def test_labels_say_the_formula_whichever_side_the_constant_stands_on():
    x = mg.Parameter(np.ones(2), name="x")
    formulas = {
        "1 − x": 1 - x, "2 ÷ x": 2 / x, "2 × x": 2 * x, "0 + x": 0 + x, "2 ^ x": 2**x,
        "x²": x**2, "max(0, x)": np.maximum(0, x), "1 − tanh(x)": 1 - np.tanh(x), "−x": -x,
        "|x|": np.abs(x), "√x": np.sqrt(x), "1 ÷ x": np.reciprocal(x), "x ÷ 2": x / 2,
    }  # fmt: skip
    for wanted, y in formulas.items():
        assert called(unrolled(trace(y)).items[-1])[1] == wanted


def test_greek_names_are_letters_and_told_apart_from_letters():
    alpha, letter = (mg.Tensor(np.ones(2), requires_grad=True, name=it) for it in ("alpha", "α"))
    assert {"α", "exp(α)"} <= set(words(draw(np.exp(alpha))))
    assert {"α", "alpha", "alpha + α"} <= set(words(draw(alpha + letter)))


def test_a_view_is_one_object_in_one_table():
    assert set(VIEWS) >= {"unrolled", "folded", "cell", "gradient", "attention", "tape"}
    for called, shown in VIEWS.items():
        assert shown.name == called
        assert shown.help
        assert callable(shown.build)


def test_the_help_of_the_command_line_names_every_view(capsys):
    with pytest.raises(SystemExit):
        main(["graph", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for shown in VIEWS.values():
        assert f"{shown.name}: {shown.help}" in said


def test_a_cell_that_is_one_box_hands_its_state_on_and_does_not_read_it():
    lstm = nn.LSTM(3, 4, num_layers=2, rng=0)
    x = mg.Tensor(np.ones((1, 3, 3), np.float32), requires_grad=True, name="x")
    shown = block(trace(lstm(x)[0], "stacked"))
    read = [(shown.by_key[a], shown.by_key[b]) for a, b in shown.arrows if b.kind == "module"]
    assert read
    for given, box in read:
        assert given.kind in ("state", "input")  # no box is read where its state is
        assert given.step is None or given.kind == "input" or given.step == box.step - 1


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_layer_that_is_one_box_reads_its_sequence_and_its_first_states(name):
    shown = block(trace_target(resolve(name), 3))
    (box,) = [item for item in shown.items if item.kind == "module"]
    given = {shown.by_key[a].label.name for a, b in shown.arrows if b == box.key}
    assert given == {"x", *resolve(name).subject.state}
    assert len(shown.items) == len(given) + 1


def test_an_absolute_value_stands_in_bars():
    class Bars(nn.Cell):
        gates = ("a",)

        def step(self, x, h):
            return abs(self.a(h, x))

    (layer,) = [i for i in draw(Bars, steps=1).items if i.kind == "layer"]
    assert called(layer)[1] == "|W·[h, x] + b|"
    (layer,) = [i for i in draw(Bars, view="cell").items if i.kind == "layer"]
    assert called(layer)[1] == "|x|"


class Normed(nn.Module):
    """A residual block with a norm over the batch, and dropout in its attention."""

    def __init__(self):
        self.norm = nn.BatchNorm1d(4)
        self.query, self.key, self.value = (nn.Linear(4, 4, rng=k) for k in range(3))
        self.attend = nn.MultiheadAttention(4, 2, dropout=0.5, rng=0)
        self.drop = nn.Dropout(0.5, rng=0)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x):
        return x + self.act(self.drop(self.norm(self.attend(x, x, x)[0][0])))[None]


def test_the_block_view_opens_what_adds_to_what_it_gets_and_no_norm():
    net = Normed()
    x = mg.Tensor(np.ones((1, 3, 4), np.float32), requires_grad=True, name="x")
    shown = block(trace(net(x), "normed"))
    names = [item.label.name for item in shown.items]
    assert {"Batch norm1d", "Multihead attention", "Leaky ReLU", "Dropout"} <= set(names)
    assert "constant" not in names  # the mask of dropout
    assert list(shown.labels.values()) == ["Q, K, V"]


def test_a_transposed_convolution_says_so():
    net = nn.Sequential(nn.ConvTranspose2d(1, 2, 2, rng=0), nn.Tanh())
    x = mg.Tensor(np.ones((1, 1, 3, 3), np.float32), requires_grad=True, name="x")
    layers = [item for item in unrolled(trace(net(x))).items if item.kind == "layer"]
    assert called(layers[0])[1] == "Wᵀ ∗ x + b"


def test_attention_of_two_models_is_told_apart():
    models = [nn.MultiheadAttention(4, 1, rng=k) for k in range(2)]

    class Both(nn.Module):
        def __init__(self):
            self.one, self.other = models

        def forward(self, x):
            x = self.one(x, x, x)[0]
            return self.other(x, x, x)[0]

    x = mg.Tensor(np.ones((1, 3, 4), np.float32), requires_grad=True, name="x")
    assert [panel.heading for panel in attention(trace(Both()(x))).panels] == ["one", "other"]
    apart = models[1](*[models[0](x, x, x)[0]] * 3)[0]
    assert len(attention(trace(apart)).panels) == 2


class Ordered(nn.Cell):
    """Operands that cannot be exchanged, and an output that no state is."""

    gates = ("a", "b")

    def step(self, x, h):
        u, v = mg.tanh(self.a(h, x)), mg.exp(self.b(x))
        return mg.where(x[..., :1] > 0, (u - v) / (v * v), v - u)


def test_an_arrow_says_that_a_factor_is_transposed():
    q, k = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=1)
    x = mg.Tensor(np.ones((1, 4, 3), np.float32), requires_grad=True)

    class Scores(nn.Module):
        def __init__(self):
            self.query, self.key = q, k

        def forward(self, x):
            return self.query(x) @ np.swapaxes(self.key(x), -1, -2)

    scores = Scores()
    assert [said for *_, said in said(unrolled(trace(scores(x))))] == ["@ keyᵀ"]
    left = np.swapaxes(scores.query(x), 1, 2) @ scores.key(x)
    labels = unrolled(trace(left)).labels.values()
    assert sorted(x if isinstance(x, str) else text(x) for x in labels) == ["@", "queryᵀ"]


def test_an_array_that_a_model_looks_up_twice_is_one_box():
    one, other = nn.Embedding(5, 2, rng=0), nn.Embedding(5, 2, rng=1)
    story = np.array([[1, 2], [3, 4]])
    view = draw((one(story) * other(story)).sum())
    (box,) = [item for item in view.items if item.kind == "constant"]
    assert (box.label.name, len(box.nodes)) == ("story", 2)


@pytest.mark.parametrize(("depth", "reader"), [(1, "module"), (2, "layer")])
def test_a_parameter_that_a_layer_is_given_is_drawn(depth, reader):
    """The first input of a decoder is learned, and broadcast to the batch."""

    class Decoder(nn.Module):
        def __init__(self):
            self.cell, self.start = nn.GRUCell(3, 4, rng=0), mg.Parameter(np.ones((1, 3)))

        def forward(self, xs):
            h, x = np.zeros((2, 4)), np.broadcast_to(self.start, (2, 3))
            for t in range(3):
                h, x = self.cell(x, h), xs[t]
            return h

    view = draw(Decoder()(np.ones((3, 2, 3))), depth=depth)
    (start,) = [item.key for item in view.items if item.kind == "parameter"]
    assert reader in {b.kind for a, b in view.arrows if a == start}


def test_states_of_two_cells_are_called_what_the_user_calls_them():
    fast, slow = nn.GRUCell(3, 2, rng=0), nn.GRUCell(2, 2, rng=1)
    quick = still = np.zeros((1, 2))
    for x in np.random.default_rng(0).normal(size=(3, 1, 3)):
        quick = fast(x, quick)
        still = slow(quick, still)
    view = draw(still.sum())
    states = {item.label.name for item in view.items if item.kind == "state"}
    assert states >= {"quick", "still"}


@pytest.mark.parametrize("view", ["unrolled", "folded", "cell", "cost", "block"])
def test_an_arrow_says_which_operand_it_brings_where_that_matters(view):
    picture = draw(Ordered, view=view, steps=2)
    told = {}
    for (a, b), label in picture.labels.items():
        sign = called(picture.by_key[b])[1] or picture.by_key[b].kind
        told.setdefault(sign, set()).add((phrase(label, "en"), picture.by_key[a].kind))
    if view == "block":  # the layer is one box
        assert told == {}
    else:
        assert {sign for sign, _ in told["÷"]} == {"÷"}
        assert {source for _, source in told["−"]} == {"layer"}
        assert {word for word, _ in told["where"]} == {"if", "then", "else"}
    assert "entonces" in svg(draw(Ordered, view="cell", language="es"))


def test_what_leaves_a_step_without_being_a_state_leaves_the_cell():
    read, head = nn.GRUCell(3, 4, rng=0), nn.Linear(4, 2, rng=0)
    xs, h, out = mg.Tensor(np.ones((4, 1, 3), np.float32), name="xs"), None, []
    for x in xs:
        h = read(x, h)
        out.append(head(h))
    shown = cell(trace(np.stack(out), "reader"))
    assert {i.label.name for i in shown.items if i.key.kind == "output"} == {"Linear"}
    loose = {i.key for i in shown.items if i.kind in ("layer", "point")} - {
        a for a, _ in shown.arrows
    }
    assert not loose


def test_notes_are_not_written_over_the_boxes_of_a_cell():
    word, sentence = nn.GRUCell(3, 4, rng=0), nn.GRUCell(4, 4, rng=0)
    s, doc = None, mg.Tensor(np.ones((3, 2, 1, 3), np.float32), name="doc")
    for lines_ in doc:
        h = None
        for x in lines_:
            h = word(x, h)
        s = sentence(h, s)
    assert not any("shared" in said for said in words(cell(trace(s, "document"))))


def test_a_state_has_the_shape_in_which_it_is_handed_on():
    class Slots(nn.Cell):
        state = ("M",)
        gates = ("a",)

        def size_of(self, name):
            return 2 * self.hidden_size if name == "M" else self.hidden_size

        def step(self, x, M):
            slots = M.reshape(*M.shape[:-1], 2, self.hidden_size)
            slots = slots + self.a(x)[..., None, :]
            return slots.reshape(M.shape)

    states = [i.shape for i in draw(Slots, steps=2).items if i.kind == "state"]
    assert set(states) == {(1, 8)}


@pytest.mark.parametrize("view", ["unrolled", "gradient"])
def test_arrays_that_are_joined_meet_in_a_box_and_not_in_what_reads_them(view):
    x = mg.Tensor(np.ones(4), requires_grad=True, name="x")
    w = mg.Tensor(np.ones(6), requires_grad=True, name="w")
    loss = (w * np.concatenate([np.zeros(2), x])).sum()
    graph = trace(loss, gradients_of=loss)
    picture = VIEWS[view].build(graph)
    (product,) = (item.key for item in picture.items if item.nodes
                  and graph.nodes[item.nodes[-1]].primitive == "multiply")  # fmt: skip
    assert [b for _, b in picture.arrows].count(product) == 2  # w and the join
