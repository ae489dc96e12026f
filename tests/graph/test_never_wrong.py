"""Never a wrong picture: what is recorded is drawn, or the view is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.graph import VIEWS, WrongPictureError, draw, trace, trace_target, unrolled
from minigrad.graph.drawing import layout
from minigrad.graph.drawing.check import complete, faults, missing
from minigrad.graph.views.cell import cell
from minigrad.graph.views.folded import folded
from minigrad.targets import builtin, resolve, target_of

MODELS = Path(__file__).with_name("whole_models.py")
NO_SUCH_VIEW = "one step cannot show|no time steps|nothing attends|kinds of cells"
LAYERS = [target for target in builtin() if target.noun != "primitive"]
each_view = pytest.mark.parametrize("view", list(VIEWS))


def scene(view):
    return (view.arrange or layout.arranged)(view)


def drawn(what, view, **options):
    """The scene of a view, or nothing if there is no such view of this."""
    try:
        picture = draw(what, view=view, **options)
    except WrongPictureError as error:
        reason, _, other = str(error).rpartition("; use view ")
        assert any(words in reason for words in NO_SUCH_VIEW.split("|"))
        assert other.strip("'") in VIEWS
        return None
    return scene(picture)


def is_right(what, view, **options):
    found = drawn(what, view, **options)
    assert found is None or list(faults(found)) == []


@pytest.mark.parametrize("view", ["attention", "folded", "cell", "block"])
@pytest.mark.parametrize("make", ["no time", "from afar", "two kinds", "untrue"])
def test_the_view_that_a_refusal_names_is_drawn(make, view, monkeypatch):
    first, second = nn.LSTM(2, 3, fused=False, rng=0), nn.GRU(3, 3, fused=False, rng=0)
    x = mg.Tensor(np.ones((1, 4, 2), np.float32), name="x")
    graph = {
        "no time": lambda: trace(nn.Linear(2, 3, rng=0)(x).sum()),
        "from afar": lambda: trace_target(target_of(Delay), 5),
        "two kinds": lambda: trace(second(first(x)[0])[0]),
        "untrue": lambda: trace(first(x)[0]),
    }[make]()
    if make == "untrue":  # a view that loses its arrows
        lossy = lambda graph: replace(unrolled(graph), name=view, arrows=())  # noqa: E731
        monkeypatch.setitem(VIEWS, view, VIEWS[view]._replace(build=lossy))
    try:
        assert draw(graph, view=view).svg
    except WrongPictureError as error:
        _, said, other = str(error).rpartition("; use view ")
        assert said, error
        assert list(faults(scene(draw(graph, view=other.strip("'"))))) == []
    else:
        assert make != "untrue"


@each_view
@pytest.mark.parametrize("target", LAYERS, ids=lambda target: target.name)
def test_every_layer_and_part_is_drawn_truly(target, view):
    is_right(target, view)


def recorded(make):
    with mg.unfused():
        y = make()
        loss = (y * y).sum()
    return trace(loss, gradients_of=loss)


def sequence(layer, steps, width=3, **options):
    x = mg.Tensor(np.random.default_rng(0).normal(size=(2, steps, width)), requires_grad=True)
    return layer(x, **options)[0]


kind = {"rng": 0, "dtype": np.float64}
STRIPS = {
    "both directions": lambda: sequence(nn.LSTM(3, 4, bidirectional=True, **kind), 3),
    "two layers": lambda: sequence(nn.GRU(3, 4, num_layers=2, **kind), 3),
    "both, three times": lambda: sequence(
        nn.RNN(3, 4, num_layers=3, bidirectional=True, **kind), 4),
    "a long way": lambda: sequence(nn.LSTM(3, 4, num_layers=2, **kind), 20),
    "sequences of different lengths": lambda: sequence(
        nn.GRU(3, 4, **kind), 4, lengths=[4, 2]),
    "lengths in both directions": lambda: sequence(
        nn.LSTM(3, 4, bidirectional=True, **kind), 4, lengths=[4, 2]),
    "outputs": lambda: sequence(nn.RNN(3, 4, output_size=2, **kind), 3),
}  # fmt: skip


@each_view
@pytest.mark.parametrize("name", STRIPS)
def test_stacked_reversed_and_padded_layers_are_drawn_truly(name, view):
    is_right(recorded(STRIPS[name]), view)


@each_view
@pytest.mark.parametrize("name", [
    "translation", "looking_back", "bahdanau", "two_sources", "classification", "translator",
    "convolutional_memory", "from_scratch", "residual", "gpt",
])  # fmt: skip
def test_whole_models_are_drawn_truly(name, view):
    is_right(f"{MODELS}:{name}", view)


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("name", ["residual", "gpt", "translation"])
def test_whole_models_are_drawn_truly_in_every_direction(name, direction):
    for view in ("unrolled", "block", "gradient"):
        is_right(f"{MODELS}:{name}", view, direction=direction)


CELLS = [target for target in LAYERS if target.noun == "cell"]


@pytest.mark.parametrize("target", CELLS, ids=lambda target: target.name)
def test_the_cell_view_has_one_frame_through_which_every_state_leaves(target):
    view = cell(trace_target(target, 3))
    assert [frame.heading for frame in scene(view).frames] == [""]
    leaving = {key.path[0] for key in view.by_key if key.path[-1] == "after"}
    assert leaving == set(target.cell(3, 4).state)


class Read(nn.Cell):
    """A memory S, and what is read from it: a state that no later step reads."""

    state = ("y", "S")
    gates = ("q", "k")

    def size_of(self, name):
        """The memory is a matrix."""
        return self.hidden_size**2 if name == "S" else self.hidden_size

    def step(self, x, y, S):
        """One step."""
        q, k, n = self.q(x), self.k(x), self.hidden_size
        S = S + (k[..., :, None] * k[..., None, :]).reshape(*k.shape[:-1], n * n)
        y = (q[..., None, :] @ S.reshape(*S.shape[:-1], n, n))[..., 0, :]
        return y, S


def test_a_state_that_no_later_step_reads_leaves():
    graph = trace_target(target_of(Read, "Read"), 2)
    states = {(item.label.name, item.step, item.shape) for item in unrolled(graph).items
              if item.kind == "state" and item.step is not None}  # fmt: skip
    assert states == {("y", 0, (1, 4)), ("S", 0, (1, 16)), ("y", 1, (1, 4)), ("S", 1, (1, 16))}
    after = {key.path[0] for key in cell(graph).by_key if key.path[-1] == "after"}
    assert after == {"y", "S"}


class LookingBack(nn.Module):
    """A decoder in modules of its own: its first state is of the encoder that it looks back on."""

    def __init__(self):
        self.encoder, self.cell = nn.GRU(3, 4, rng=0), nn.GRUCell(4, 4, rng=0)
        self.look = nn.AdditiveAttention(4, 4, 4, rng=0)

    def forward(self, x):
        notes, h = self.encoder(x)
        h = h[-1]
        for _ in range(3):
            context, _ = self.look(h[:, None], notes)
            h = self.cell(context[:, 0], h)
        return h


def test_a_closed_box_of_the_first_step_reads_all_that_those_of_later_ones_do():
    with mg.unfused():
        x = mg.Tensor(np.ones((1, 4, 3), np.float32), name="x")
        graph = trace(LookingBack()(x).sum())
    view = unrolled(graph, depth=2)
    boxes = [key for key in view.by_key if key.kind == "module" and key.path[-1].name == "look"]
    reads = [{a.kind for a, b in view.arrows if b == box} for box in boxes]
    assert len(reads) == 3
    assert all("port" in kinds for kinds in reads)
    (first,) = [key for key in view.by_key if key.kind == "port" and key.step == 0]
    lost = replace(view, arrows=tuple(arrow for arrow in view.arrows if first not in arrow))
    assert any("no arrow" in fault for fault in missing(lost, graph))


class Delay(nn.Cell):
    """It reads its own state of three steps before, which two others hand on as it is."""

    state = ("h", "one", "two")
    gates = ("a",)

    def step(self, x, h, one, two):
        """One step."""
        return mg.tanh(self.a(x, h, two)), h, one


@pytest.mark.parametrize("steps", [3, 4, 8])
def test_a_state_of_three_steps_before_goes_around_those_between(steps):
    graph = trace_target(target_of(Delay, "Delay"), steps)
    view = unrolled(graph)
    is_right(graph, "unrolled")
    is_right(graph, "tape")
    far = {(a.step, b.step) for a, b in view.arrows
           if a.kind == "state" and None not in (a.step, b.step)
           and a.step != b.step and b.step - a.step > 1}  # fmt: skip
    assert far == {(t, t + 3) for t in range(steps - 3)}
    for name in ("folded", "cell"):
        with pytest.raises(ValueError, match=r"one step cannot show; use view 'unrolled'"):
            draw(graph, view=name)


def test_a_step_that_is_read_from_afar_is_not_left_out():
    graph = trace_target(target_of(Delay, "Delay"), 12)
    for name in ("unrolled", "gradient", "tape"):
        with pytest.raises(ValueError, match=r"reads \S+ of step \d+, .*all_steps"):
            draw(graph, view=name)
    is_right(graph, "unrolled", all_steps=True)


@pytest.mark.parametrize("name", ["convolutional_memory", "from_scratch", "looking_back"])
def test_the_first_step_reads_initial_states_wherever_the_next_ones_read_states(name):
    view = draw(f"{MODELS}:{name}")

    def what(step):
        def place(key):
            return key.path[:2] if key.kind == "state" else (key.kind, *key.path)

        return {(place(a), place(b)) for a, b in view.arrows if b.step == step}

    assert what(0) == what(1)


# Cells that nobody wrote


@st.composite
def cells(draw):
    """A cell of one to three states, whose step is a random formula of gates and operations."""
    states = tuple(f"s{k}" for k in range(draw(st.integers(1, 3))))
    gates = tuple(f"g{k}" for k in range(draw(st.integers(1, 4))))
    lines = draw(st.lists(st.tuples(
        st.sampled_from(["gate", "add", "multiply", "subtract", "tanh", "sigmoid", "from one"]),
        st.integers(0, 50), st.integers(0, 50), st.integers(1, 3),
    ), min_size=len(states) + 1, max_size=12))  # fmt: skip
    ends = draw(st.lists(st.integers(0, 50), min_size=len(states), max_size=len(states)))
    note(f"{states=} {gates=} {lines=} {ends=}")

    class Random(nn.Cell):
        state = states
        gates = ()

        def step(self, x, *values):
            known, used = [*values], 0
            for operation, i, j, count in lines:
                a, b = known[i % len(known)], known[j % len(known)]
                if operation == "gate" and used < len(self.gates) - 1:
                    operands = [x, *(known[(i + k) % len(known)] for k in range(count - 1))]
                    known.append(mg.tanh(getattr(self, self.gates[used])(*operands)))
                    used += 1
                elif operation in ("add", "multiply", "subtract"):
                    known.append(getattr(mg, operation)(a, b))
                elif operation == "from one":
                    known.append(1 - a)
                else:
                    known.append(getattr(mg, "tanh" if operation == "gate" else operation)(a))
            fresh = known[len(states) :]
            last = getattr(self, self.gates[-1])(x, fresh[-1])
            found = [fresh[k % len(fresh)] for k in ends]
            return (last + found[0], *found[1:]) if len(found) > 1 else last + found[0]

    called = sum(operation == "gate" for operation, *_ in lines)
    Random.gates = (*gates[:called], "last")  # a gate that is not called is refused
    Random.__annotations__ = {}
    return Random


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cells())
def test_random_cells_are_drawn_truly_in_every_view(make):
    graph = trace_target(target_of(make, "Random"), 3)
    for view in VIEWS:
        is_right(graph, view)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cells())
def test_every_state_of_a_random_cell_enters_and_leaves(make):
    graph = trace_target(target_of(make, "Random"), 3)
    carried = {
        graph.nodes[edge.source].id
        for edge in graph.edges
        if graph.nodes[edge.source].step == 0 and graph.nodes[edge.target].step == 1
    }
    view = unrolled(graph)
    enters = {a for a, b in view.arrows if a.kind == "state" and a.step == 0 and b.step == 1}
    assert {view.by_key[key].nodes[-1] for key in enters} >= {
        n for n in carried if graph.nodes[n].primitive not in ("stack", "reshape")
    }
    seen = cell(graph)
    before = {item.key.path[:2] for item in seen.items if item.key.path[-1] == "before"}
    after = {item.key.path[:2] for item in seen.items if item.key.path[-1] == "after"}
    assert before <= after
    loops = {(a.path, b.path[:2]) for a, b in folded(graph).arrows
             if a.kind == b.kind == "state" and b.step is None}  # fmt: skip
    assert {a for a, _ in loops} == before


# The check itself


def lstm():
    return draw("lstm", steps=2)


def moved(picture, change):
    found = scene(picture)
    change(found)
    return list(faults(found))


def test_a_right_picture_passes():
    assert moved(lstm(), lambda found: None) == []


def test_a_wire_that_is_missing_is_found():
    assert any("no wire" in fault for fault in moved(lstm(), lambda found: found.wires.pop(3)))


def test_a_box_that_is_missing_is_found():
    assert any("not drawn" in fault for fault in moved(lstm(), lambda found: found.shapes.pop(2)))


def test_a_wire_that_ends_loose_is_found():
    def cut(found):
        wire = found.wires[5]
        (x, y), *rest = reversed(wire.path)
        found.wires[5] = replace(wire, path=(*reversed(rest), (x - 9, y - 31)))

    assert any("loose" in fault for fault in moved(lstm(), cut))


def test_an_arrow_against_its_data_is_found():
    def turned(found):
        found.wires[4] = replace(found.wires[4], head=-1)

    def forward(found):
        found.wires[4] = replace(found.wires[4], head=1)

    assert any("against" in fault for fault in moved(lstm(), turned))
    assert any("against" in fault for fault in moved(draw("lstm", view="gradient"), forward))


def test_a_wire_under_a_box_and_a_fork_under_a_box_are_found():
    def pushed(found):
        box = found.shapes[4]
        wire = max(found.wires, key=lambda wire: len(wire.path))
        a, *rest = wire.path
        x, y, w, _ = box.box
        path = (a, (x - w, y), (x + w, y), *rest)
        found.wires[found.wires.index(wire)] = replace(wire, path=path)

    assert any("runs under" in fault for fault in moved(lstm(), pushed))
    assert any("fork" in fault for fault in moved(lstm(), lambda found: found.dots.append(
               found.shapes[0].box[:2])))  # fmt: skip


def test_two_values_on_one_wire_are_found():
    def laid_over(found):
        long = [wire for wire in found.wires if len(wire.path) == 2]
        one = max(long, key=lambda wire: abs(wire.path[0][0] - wire.path[1][0]))
        other = next(w for w in found.wires if w.source != one.source and len(w.path) > 2)
        (ax, ay), (bx, by) = one.path
        path = (other.path[0], (ax + 9, ay), (bx - 9, by), other.path[-1])
        found.wires[found.wires.index(other)] = replace(other, path=path)

    assert any("share a wire" in fault for fault in moved(lstm(), laid_over))


def test_a_recorded_edge_without_an_arrow_is_refused():
    graph = trace_target(resolve("lstm"), 2)
    view = unrolled(graph)
    assert complete(view, graph) is view
    for k, (a, b) in enumerate(view.arrows):
        less = replace(view, arrows=(*view.arrows[:k], *view.arrows[k + 1 :]))
        if b.kind in ("layer", "point"):
            assert next(missing(less, graph)), (a, b)
            with pytest.raises(WrongPictureError, match=r"cannot be drawn truly in this"):
                complete(less, graph)
