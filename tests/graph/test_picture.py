"""Claims about recorded graphs and their pictures, read back from the SVG itself."""

from __future__ import annotations

import html
import json
import os
import re
import sys
import threading
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, sigmoid, tanh
from minigrad.cli import main
from minigrad.extras import install_command
from minigrad.graph import (
    Graph,
    GraphvizNotFoundError,
    draw,
    source,
    svg,
    trace,
    trace_target,
    unrolled,
)
from minigrad.graph.drawing import layout
from minigrad.graph.fitting import scene
from minigrad.graph.terms import text
from minigrad.targets import resolve, target_of

MODELS = Path(__file__).with_name("whole_models.py")

SVG = "{http://www.w3.org/2000/svg}"
CELLS = ["rnn", "lstm", "gru"]


def _nodes(view):
    """For each node of the picture, by its place: its words, and the corners of its shape."""
    found = []
    for group in ET.fromstring(svg(view)).iter(f"{SVG}g"):
        if group.get("class") == "node":
            words = [text.text for text in group.iter(f"{SVG}text")]
            shape = next((e for e in group.iter() if e.tag in (f"{SVG}ellipse", f"{SVG}path",
                                                               f"{SVG}polygon")), None)  # fmt: skip
            if shape is None or not words:
                continue
            if shape.tag == f"{SVG}ellipse":
                x, y, w, h = (float(shape.get(k)) for k in ("cx", "cy", "rx", "ry"))
                box = (x - w, y - h, x + w, y + h)
            else:
                corners = shape.get("points") or shape.get("d")
                numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", corners)]
                box = (min(numbers[::2]), min(numbers[1::2]),
                       max(numbers[::2]), max(numbers[1::2]))  # fmt: skip
            found.append((words, box))
    return found


def _by_step(view):
    scene = layout.arranged(view)
    steps = defaultdict(dict)
    for shape in scene.shapes:
        if shape.key.step is not None:
            x, y, w, h = shape.box
            corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            steps[shape.key.step][shape.key.role] = shape.lines, corners
    return steps


@pytest.mark.parametrize("target", CELLS)
def test_each_time_step_is_a_cluster_with_its_gates_named(target):
    view = draw(target, steps=3)
    text = svg(view)
    assert all(f">t = {t}<" in text for t in range(3))
    gates = resolve(target).subject.gates
    steps = _by_step(view)
    for t in range(3):
        names = {words[0] for words, _ in steps[t].values()}
        assert {"h̃" if gate == "h_tilde" else gate for gate in gates} <= names


@pytest.mark.parametrize("target", CELLS)
def test_every_step_has_the_geometry_of_the_first_shifted(target):
    steps = _by_step(draw(target, steps=4))
    shifts = []
    for t in range(1, 4):
        assert steps[t].keys() == steps[0].keys()
        moves = {
            tuple(round(b - a, 1) for a, b in zip(steps[0][r][1], steps[t][r][1], strict=True))
            for r in steps[0]
        }
        ((dx, dy, dx2, dy2),) = {tuple(np.round(m, 0)) for m in moves}
        assert (dy, dy2) == (0, 0)
        assert dx == dx2 > 0
        shifts.append(dx)
    np.testing.assert_allclose(np.diff(shifts), shifts[0], atol=1.5)


@pytest.mark.parametrize("target", [*CELLS, "attention"])
def test_no_two_things_overlap(target):
    boxes = [box for _, box in _nodes(draw(target, steps=3))]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, (a, b)


@pytest.mark.parametrize("target", [*CELLS, "attention"])
def test_shapes_stand_on_layers_inputs_and_states(target):
    view = draw(target, steps=2)
    shown = [item for item in view.items if item.kind in ("layer", "input", "state", "operation")]
    assert shown
    drawn = {shape.key: shape.lines for shape in layout.arranged(view).shapes}
    words = [tuple(words) for words, _ in _nodes(view)]
    for item in shown:
        assert re.fullmatch(r"\([\d, ]*\)", drawn[item.key][-1])
        assert tuple(html.escape(line, quote=False) for line in drawn[item.key]) in [
            tuple(html.escape(line, quote=False) for line in found) for found in words
        ]


def test_long_sequences_show_the_first_three_and_the_last_two_steps():
    graph = trace_target(resolve("lstm"), 20)
    view = unrolled(graph)
    assert view.steps == (0, 1, 2, 18, 19)
    assert view.skipped == 15
    assert "⋯ 15 steps ⋯" in html.unescape(svg(view))
    whole = unrolled(graph, all_steps=True)
    assert whole.steps == tuple(range(20))
    assert html.unescape(svg(whole)).count(">t = ") == 20


def test_each_item_knows_the_nodes_that_it_draws():
    graph = trace_target(resolve("lstm"), 2)
    for item in unrolled(graph).items:
        drawn = [graph.nodes[number] for number in item.nodes]
        assert drawn or item.kind == "join"
        if item.kind == "state":
            assert item.shape == drawn[-1].shape
            assert item.label.name == drawn[-1].name
        if item.kind == "layer":
            assert {node.primitive for node in drawn} >= {"matmul", "add"}


def test_the_same_input_gives_the_same_bytes():
    assert svg(draw("lstm", steps=2)) == svg(draw("lstm", steps=2))


def test_a_picture_shows_itself_in_a_notebook_and_says_what_it_is_elsewhere():
    picture = draw("lstm", steps=20)
    assert picture._repr_svg_().startswith("<svg")
    assert repr(picture).startswith("<picture of LSTMCell: ")
    assert "20 time steps" in repr(picture)
    bundle = picture._repr_mimebundle_(include=None, exclude=None)
    assert bundle == {"text/plain": repr(picture), "image/svg+xml": svg(picture)}


def test_without_graphviz_a_notebook_shows_the_text(monkeypatch):
    picture = draw("rnn")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert picture._repr_mimebundle_() == {"text/plain": repr(picture)}


def test_threads_that_draw_leave_standard_error_as_it_was():
    before = os.fstat(2)
    threads = [threading.Thread(target=lambda: svg(draw("rnn", steps=2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = os.fstat(2)
    assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)


def test_two_pictures_on_a_page_share_no_id():
    def ids(text):
        return set(re.findall(r'\bid="([^"]+)"', text))

    one, other = svg(draw("lstm", steps=2)), svg(draw("gru", steps=2))
    assert ids(one)
    assert not ids(one) & ids(other)


@pytest.mark.parametrize(
    ("ending", "start"),
    [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph")],
)
def test_the_format_follows_the_file_s_ending(tmp_path, ending, start):
    path = tmp_path / f"lstm.{ending}"
    draw("lstm", path, steps=2)
    assert path.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["lstm.bmp", "lstm"])
def test_another_ending_is_refused_with_those_that_there_are(tmp_path, name):
    with pytest.raises(ValueError, match=r"expected \.svg, \.png, \.pdf, \.dot"):
        draw("lstm", tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_without_graphviz_the_dot_is_still_written_and_both_installs_are_named(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GraphvizNotFoundError) as error:
        draw("lstm", tmp_path / "lstm.svg", steps=2)
    assert "apt install graphviz" in str(error.value)
    assert install_command("graphviz") in str(error.value)
    assert str(tmp_path / "lstm.dot") in str(error.value)
    assert (tmp_path / "lstm.dot").read_text().startswith("digraph")
    assert not (tmp_path / "lstm.svg").exists()


def test_a_program_dot_on_path_is_used(tmp_path, monkeypatch):
    """One that answers as dot would, and leaves a trace."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys, pygraphviz\n"
        f"open({str(tmp_path / 'used')!r}, 'w').write(' '.join(sys.argv))\n"
        "text = sys.stdin.buffer.read().decode()\n"
        "format = next(a[2:] for a in sys.argv if a.startswith('-T'))\n"
        "prog = 'nop2' if 'layout=nop2' in text else 'dot'\n"
        "picture = pygraphviz.AGraph(string=text).draw(format=format, prog=prog)\n"
        "sys.stdout.buffer.write(picture)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert "t = 1" in svg(draw("rnn", steps=2))
    assert "-Tsvg" in (tmp_path / "used").read_text()


NASTY = [
    'quote " and \\ backslash',
    "</script><script>alert(1)</script>",
    "line\nbreak\r\nand tab\t",
    "<b>html</b> &amp; ${x}",
    "\\N \\G \\l",
    "עברית",
    "x" * 10_000,
]


@pytest.mark.parametrize("name", NASTY)
def test_names_stay_inert_and_legible(name):
    x = mg.Tensor(np.ones(2), requires_grad=True, name=name)
    view = unrolled(trace(np.tanh(x)), title=name)
    text = svg(view)
    root = ET.fromstring(text)
    assert not list(root.iter(f"{SVG}script"))
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert max(map(len, words)) <= 70
    start = "".join(c for c in name[:12] if c.isprintable() or c == "\n").replace("\n", " ")
    assert any(word.replace("\xa0", " ").startswith(start[:5]) for word in words)


@pytest.mark.parametrize("view", ["unrolled", "folded", "gradient", "cell", "tape"])
@pytest.mark.parametrize("name", [*NASTY, "", "   ", "\u202e", "\x00\x07", "half \ud800", "a:b/c"])
def test_names_of_states_gates_and_losses_stay_inert_in_every_view(name, view):
    h = mg.Tensor(np.ones((1, 2)), requires_grad=True, name=name)
    for t in range(3):
        with mg.step(t):
            with mg.scope.scope("gate", name):
                z = h * 2.0 + 1.0
            h = np.tanh(z)  # belongs to the gate, and stands outside of it
            h.name = name
    graph = trace(h, title=name, gradients_of=(h * h).sum(), loss=name)
    assert Graph.from_json(graph.to_json().encode().decode()) == graph
    text = svg(draw(graph, view=view))
    root = ET.fromstring(text)
    assert {element.tag for element in root.iter()} <= {
        SVG + tag for tag in ("svg", "g", "a", "title", "desc", "text", "path", "polygon",
                              "polyline", "ellipse")
    }  # fmt: skip
    assert max(len(element.text) for element in root.iter(f"{SVG}text")) <= 100
    assert float(root.get("width").removesuffix("pt")) < 5000
    assert source(draw(graph, view=view)).encode()


def test_an_activation_outside_of_all_modules_belongs_to_the_layer_before_it():
    linear, norm = nn.Linear(2, 3, rng=0), nn.LayerNorm(3)
    items = unrolled(trace(norm(np.tanh(linear(np.ones((1, 2))))))).items
    formulas = [text(item.label.formula) for item in items if item.kind == "layer"]
    assert formulas == ["tanh(W·x + b)", "norm(x)"]


def test_the_picture_speaks_to_screen_readers():
    root = ET.fromstring(svg(draw("lstm", steps=3)))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "LSTMCell over 3 time steps: unrolled"
    assert "Yellow boxes" in root.find(f"{SVG}desc").text


def test_the_recorded_graph_is_json_with_ids_in_order_of_creation():
    graph = trace_target(resolve("gru"), 2)
    again = json.loads(graph.to_json())
    assert [node["id"] for node in again["nodes"]] == list(range(len(graph.nodes)))
    assert all(edge["source"] < edge["target"] for edge in again["edges"])
    assert graph == trace_target(resolve("gru"), 2)


def test_a_long_chain_is_traced_without_recursion():
    y = mg.Tensor(np.ones(1), requires_grad=True)
    for _ in range(20_000):
        y = y + 1.0
    assert len(trace(y).nodes) == 20_001


def test_any_tensor_can_be_drawn_with_its_constants():
    x = mg.Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    drawn = html.unescape(svg(draw(np.tanh(x @ np.ones((3, 2)) + 1.0))))
    for word in (">x<", ">(2, 3)<", ">constant<", ">(3, 2)<", ">x @ constant + 1<"):
        assert word in drawn


def test_what_was_not_recorded_or_was_freed_is_refused():
    with pytest.raises(ValueError, match="no output requires a gradient"):
        trace(mg.Tensor(1.0))
    x = mg.Tensor(np.ones(1), requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(ValueError, match="retain_graph=True"):
        trace(y)


def test_a_cell_whose_gate_sees_the_new_state_is_drawn():
    class Peephole(nn.Cell):
        state = ("h", "c")
        gates = ("f", "o")

        def step(self, x, h, c):
            c = sigmoid(self.f(h, x, c)) * c
            return sigmoid(self.o(x, c)) * tanh(c), c

    view = draw(target_of(Peephole, "mine"), steps=3)
    labels = {line for shape in layout.arranged(view).shapes for line in shape.lines}
    assert {"σ(W·[h, x, c] + b)", "σ(W·[x, c] + b)"} <= labels
    assert len(_by_step(view)) == 3


def test_steps_that_are_not_alike_have_layouts_of_their_own():
    h = mg.Tensor(np.ones(2), requires_grad=True, name="h")
    for t in range(5):
        with mg.step(t):
            if t % 2:
                h = np.tan(np.log1p(np.sqrt(np.cosh(np.square(h)))))
            else:
                h = np.exp(np.sin(h)) * np.cos(h) + np.exp(h) * np.sinh(h) - np.arctan(h)
    scene = layout.arranged(unrolled(trace(h)))
    assert len(scene.frames) == 5
    for step, count in ((1, 5), (2, 10)):
        points = [s for s in scene.shapes if s.key.step == step and s.key.kind == "point"]
        assert len(points) == count


def test_a_title_keeps_its_commas():
    assert ">GRU, LSTM, and friends<" in html.unescape(
        svg(draw("rnn", title="GRU, LSTM, and friends"))
    ).replace("\xa0", " ")


def test_an_entity_in_a_name_is_shown_as_it_is_written():
    x = mg.Tensor(np.ones(2), requires_grad=True, name="a &amp; b &lt; c")
    root = ET.fromstring(svg(draw(np.exp(x))))
    assert "a &amp; b &lt; c" in [
        (t.text or "").replace("\xa0", " ") for t in root.iter(f"{SVG}text")
    ]


@pytest.mark.parametrize("name", ["tanh", "matmul", "softmax", "concatenate"])
def test_a_primitive_is_drawn_with_its_inputs(name):
    assert "(" in svg(draw(name))


def test_a_picture_that_was_made_to_fit_says_what_it_left_out():
    usual = draw("rnn", view="gradient", steps=30)
    made = draw("rnn", view="gradient", steps=30, fit="column")
    assert made.caption[: len(usual.caption)] == usual.caption
    told = [line.phrase for line in made.caption[len(usual.caption) :]]
    assert ("left out" in told) == (made.hide == {"shapes"})
    asked = draw("rnn", view="gradient", steps=30, fit="column", hide="shapes")
    assert "left out" not in [line.phrase for line in asked.caption]
    model = draw(f"{MODELS}:translator", fit="column")
    assert model.hide == {"shapes"}
    assert "Left out to fit: shapes." in svg(model)
    assert {line.phrase for line in model.caption} >= {"left out", "collapsed"}


@pytest.mark.parametrize(
    ("direction", "along"), [("up", (0, 1)), ("down", (0, -1)), ("right", (1, 0))]
)
def test_layers_follow_each_other_in_the_direction_that_was_asked_for(direction, along, tmp_path):
    class Stack(nn.Module):
        def __init__(self):
            self.one, self.two, self.three = (nn.Linear(3, 3, rng=k) for k in range(3))

        def forward(self, x):
            return self.three(self.two(self.one(x)))

    x = mg.Tensor(np.ones((1, 3), np.float32), name="x")
    drawn = scene(draw(np.tanh(Stack()(x) * 2), direction=direction))
    boxes = {shape.key: shape.box for shape in drawn.shapes}
    for a, b in drawn.view.arrows:
        across, upward = (boxes[b][k] - boxes[a][k] for k in (0, 1))
        assert across * along[0] + upward * along[1] > 20 > abs(across * along[1])
    with pytest.raises(ValueError, match="direction 'left', expected one of up, down, right"):
        draw("tanh", direction="left")
    with pytest.raises(SystemExit) as ended:
        main(["graph", "gru", "--direction", direction, "-o", str(tmp_path / "gru.dot")])
    assert ended.value.code == 0


def test_a_layer_that_is_one_operation_says_how_its_steps_are_seen():
    layer, x = nn.GRU(3, 4, rng=0), mg.Tensor(np.ones((1, 3, 3), np.float32), requires_grad=True)
    told = "GRUCell is one operation here: record it in minigrad.unfused() to see its steps."
    assert told in svg(draw(layer(x)[0]))
    assert "GRUCell es aquí una operación" in svg(draw(layer(x)[0], language="es"))
    with mg.unfused():
        assert "one operation" not in svg(draw(layer(x)[0]))


def test_a_model_is_closed_no_further_than_is_needed_to_read_it():
    class Two(nn.Module):
        """Two cells in each turn of a loop."""

        def __init__(self):
            self.fast, self.slow = nn.GRUCell(5, 4, rng=0), nn.GRUCell(4, 3, rng=1)

        def forward(self, xs):
            h, s = np.zeros((2, 4)), np.zeros((2, 3))
            for x in xs:
                h = self.fast(np.concatenate([x, s], axis=-1), h)
                s = self.slow(h, s)
            return s

    y = np.square(Two()(np.ones((6, 2, 2)))).mean()
    made = draw(y, fit="slide")
    assert {item.key.path[-1].name for item in made.items if item.kind == "module"} == {
        "fast",
        "slow",
    }
    assert graphviz_size(made) >= 7


def test_what_does_not_fit_is_not_closed_until_one_box_is_left():
    made = draw("lstm", steps=6, fit="column")
    gates = {item.label.name for item in made.items if item.kind == "layer"}
    assert gates == {"f", "i", "g", "o"}
    letters = graphviz_size(made)
    assert (letters < 7) == any(line.phrase == "small" for line in made.caption)
    assert "⋯ 1 step ⋯" in svg(draw("lstm", steps=3, ends=(1, 1)))


def graphviz_size(picture):
    """The size of letters of 12 points on the page that a picture is made for."""
    wide, drawn = re.search(r'<svg width="([\d.]+)pt".*?viewBox="0.00 0.00 ([\d.]+)',
                            svg(picture), re.DOTALL).groups()  # fmt: skip
    return 12 * float(wide) / float(drawn)
