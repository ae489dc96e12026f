"""Claims about modules: names, freezing, modes, states."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim


class Model(nn.Module):
    def __init__(self, rng=0):
        generator = np.random.default_rng(rng)
        self.embed = nn.Embedding(5, 4, rng=generator)
        self.blocks = [nn.TransformerEncoderLayer(4, 2, 3, rng=generator) for _ in range(2)]
        self.head = nn.Sequential(nn.Linear(4, 3, rng=generator), mg.relu, nn.Dropout(0.2, rng=1))

    def forward(self, indices):
        x = self.embed(indices)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_parameters_in_lists_have_numbered_names():
    names = [name for name, _ in Model().named_parameters()]
    assert names[0] == "embed.weight"
    assert "blocks.1.self_attn.in_proj_weight" in names
    assert names[-2:] == ["head.0.weight", "head.0.bias"]
    assert Model().blocks[1].name == "blocks.1"


def test_state_dict_has_the_names_of_the_parameters():
    model = Model()
    assert list(model.state_dict()) == [name for name, _ in model.named_parameters()]


def test_a_loaded_model_computes_the_same():
    one, other, indices = Model(0).eval(), Model(1).eval(), np.array([[1, 2], [4, 0]])
    assert np.any(one(indices).data != other(indices).data)
    other.load_state_dict(one.state_dict())
    np.testing.assert_array_equal(one(indices).data, other(indices).data)


def test_a_state_is_a_copy():
    model = Model()
    state = model.state_dict()
    state["embed.weight"][:] = 7
    assert not np.any(model.embed.weight.data == 7)
    model.load_state_dict(state)
    state["embed.weight"][:] = 8
    assert np.all(model.embed.weight.data == 7)


def test_all_faults_of_a_state_are_told_at_once():
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    state = model.state_dict()
    state["0.weight"] = np.ones((2, 3))
    state["0.bias"] = np.array(["a", "b", "c"])
    del state["1.weight"]
    state["2.weight"] = np.ones(3)
    before = model.state_dict()
    with pytest.raises(ValueError) as caught:
        model.load_state_dict(state)
    said = str(caught.value)
    assert "\n" not in said
    for part in (
        "missing 1.weight", "unknown 2.weight", "0.weight: got shape (2, 3), expected (3, 2)",
        "0.bias: got dtype <U1",
    ):  # fmt: skip
        assert part in said
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_freezing_stops_gradients_and_steps_until_unfreezing():
    model, x = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1)), np.ones((4, 2))
    first, last = getattr(model, "0"), getattr(model, "1")
    assert first.freeze() is first
    before = first.state_dict()
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    model(x).sum().backward()
    optimiser.step()
    assert all(p.grad is None for p in first.parameters())
    assert all(p.grad is not None for p in last.parameters())
    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    first.unfreeze()
    model(x).sum().backward()
    assert all(p.grad is not None for p in first.parameters())


def test_train_and_eval_reach_every_part():
    model = Model()
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.train().modules())


def test_modules_are_listed_once_also_when_shared():
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, shared)
    assert list(model.modules()) == [model, shared]
    assert len(list(model.parameters())) == 2
    assert set(model.state_dict()) == {"0.weight", "0.bias", "1.weight", "1.bias"}  # as PyTorch's


class Nest(nn.Module):
    """Modules where people put them: in dicts, in lists of lists, and one twice."""

    def __init__(self):
        self.first = nn.Linear(2, 2, rng=0)
        self.heads = {"a": nn.Linear(2, 1, rng=1), "drop": nn.Dropout(0.5)}
        self.pairs = [[nn.Linear(2, 2, rng=2), mg.relu], (mg.Parameter(np.ones(2)),)]
        self.again = self.first

    def forward(self, x):
        return self.heads["a"](self.pairs[0][0](self.first(x)) * self.pairs[1][0])


def test_modules_in_dicts_and_nested_lists_are_trained_saved_and_switched():
    model = Nest().eval()
    assert [name for name, _ in model.named_parameters()] == [
        "pairs.1.0", "first.weight", "first.bias", "heads.a.weight", "heads.a.bias",
        "pairs.0.0.weight", "pairs.0.0.bias",
    ]  # fmt: skip
    assert set(model.state_dict()) == {n for n, _ in model.named_parameters()} | {
        "again.weight", "again.bias",
    }  # fmt: skip
    assert not model.heads["drop"].training
    assert model.heads["a"].name == "heads.a"


def test_what_cannot_be_found_or_named_is_refused():
    module = nn.Module()
    with pytest.raises(TypeError, match="got a set of modules or parameters as parts, expected a"):
        module.parts = {nn.Linear(2, 2)}
    module = nn.Module()
    module.parts = {1: nn.Linear(2, 2), "1": nn.Linear(2, 2)}
    with pytest.raises(ValueError, match=r"two of its parts are called parts\.1"):
        module.state_dict()
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].parent = module
    with pytest.raises(ValueError, match=r"0\.parent is a part of itself"):
        list(module.modules())


def test_arrays_held_in_place_of_a_shared_parameter_are_held_everywhere():
    model, x = Nest(), np.ones((1, 2))
    before, array = model(x).data, np.array([[2.0, 0.0], [0.0, 3.0]])
    with model.holding({"again.weight": array, "pairs.1.0": np.full(2, 7.0)}):
        assert model.first.weight is model.again.weight is array
        assert model.pairs[1][0][0] == 7
    np.testing.assert_array_equal(model(x).data, before)
    with (
        pytest.raises(ValueError, match=r"got first\.wieght, expected names of parameters: pairs"),
        model.holding({"first.wieght": array}),
    ):
        pass


def test_a_model_that_fails_inside_gets_its_parameters_back():
    model = nn.Linear(2, 2)
    weight = model.weight
    with pytest.raises(RuntimeError), model.holding({"weight": np.ones((2, 2))}):
        raise RuntimeError
    assert model.weight is weight


def test_buffers_are_saved_converted_and_never_learned():
    model = nn.Sequential(nn.Linear(2, 2), nn.Module())
    model[1].register_buffer("scale", np.ones(3, np.float32))
    model[1].register_buffer("scratch", np.zeros(3), persistent=False)
    model[1].register_buffer("later", None)
    assert [n for n, _ in model.named_buffers()] == ["1.scale", "1.scratch"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.scale"]
    assert [n for n, _ in model.named_parameters()] == ["0.weight", "0.bias"]
    state = model.state_dict() | {"1.scale": np.array([1.0, 2.0, 3.0])}
    model.load_state_dict(state)
    np.testing.assert_array_equal(model[1].scale, np.array([1, 2, 3], np.float32))
    assert model[1].scale.dtype == np.float32
    model.astype(np.float64)
    assert {model[0].weight.dtype, model[1].scale.dtype} == {np.dtype(np.float64)}
    with pytest.raises(ValueError, match="got int64, expected a float dtype"):
        model.astype(np.int64)


def test_a_state_that_is_not_strict_says_what_was_left():
    model = nn.Linear(2, 3, rng=0)
    bias = model.bias.data.copy()
    found = model.load_state_dict({"weight": np.ones((3, 2)), "more": np.ones(1)}, strict=False)
    assert found == (["bias"], ["more"])
    np.testing.assert_array_equal(model.bias.data, bias)
    np.testing.assert_array_equal(model.weight.data, np.ones((3, 2)))
    with pytest.raises(ValueError, match="got shape"):
        model.load_state_dict({"weight": np.ones((2, 2))}, strict=False)


def test_rounding_a_state_is_said():
    wide = nn.Linear(2, 3, rng=0, dtype=np.float64)
    wide.weight.data = wide.weight.data / 3
    narrow = nn.Linear(2, 3)
    with pytest.warns(UserWarning, match="weight, bias came as float64 and were rounded"):
        narrow.load_state_dict(wide.state_dict())
    narrow.load_state_dict({"weight": np.ones((3, 2)), "bias": np.zeros(3)})  # nothing is lost
    narrow.astype(np.float64).load_state_dict(wide.state_dict())
    np.testing.assert_array_equal(narrow.weight.data, wide.weight.data)


def test_one_parameter_with_two_names_takes_one_array():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1))
    model[1].weight = model[0].weight
    state = model.state_dict()
    model.load_state_dict(state)
    state["1.weight"] = state["1.weight"] + 1
    with pytest.raises(ValueError, match=r"0\.weight and 1\.weight are one parameter, got differ"):
        model.load_state_dict(state)


def test_everything_is_applied_to_the_parts_first():
    model, seen = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5))), []
    assert model.apply(lambda module: seen.append(type(module).__name__)) is model
    assert seen == ["Linear", "Dropout", "Sequential", "Sequential"]
    assert [n for n, _ in model.named_children()] == ["0", "1"]
    model.requires_grad_(False)
    assert not any(p.requires_grad for p in model.parameters())


def test_a_sequence_of_layers_is_indexed_cut_and_continued():
    model = nn.Sequential({"in": nn.Linear(2, 3, rng=0), "act": mg.relu}).append(nn.Linear(3, 1))
    assert [n for n, _ in model.named_parameters()][:2] == ["in.weight", "in.bias"]
    assert model[-1].weight.shape == (1, 3)
    x = np.ones((1, 2))
    np.testing.assert_array_equal(model[:2](x).data, mg.relu(model[0](x)).data)
    assert len(model) == len(list(model)) == 3
    model[1] = mg.tanh
    np.testing.assert_array_equal(model[:2](x).data, mg.tanh(model[0](x)).data)
    with pytest.raises(TypeError, match="got float as layer 1, expected a module or a function"):
        nn.Sequential(nn.Linear(2, 2), 0.5)


def test_lists_and_dicts_of_modules():
    layers = nn.ModuleList([nn.Linear(2, 2)])
    layers.extend([nn.Linear(2, 3), nn.Linear(3, 4)])
    layers[1] = nn.Linear(5, 6)
    assert [layer.weight.shape for layer in layers[1:]] == [(6, 5), (4, 3)]
    heads = nn.ModuleDict([("left", nn.Linear(2, 1))])
    heads["right"] = nn.Linear(2, 3)
    assert list(heads) == list(heads.keys()) == ["left", "right"]
    assert {name: part.weight.shape for name, part in heads.items()} == {
        "left": (1, 2), "right": (3, 2),
    }  # fmt: skip
    del heads["left"]
    assert "left" not in heads and len(heads) == len(list(heads.parameters())) - 1 == 1
    with pytest.raises(KeyError, match="got 'left', expected right"):
        heads["left"]
    for name in ("a.b", "", "train", 3):
        with pytest.raises(ValueError, match="expected a string without a dot"):
            heads[name] = nn.Linear(2, 2)


def test_a_printed_model_shows_its_tree_with_shapes_and_counts():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 1)))
    assert str(model).splitlines() == [
        "Sequential: 13 parameters",
        "  0: Linear(weight: (3, 2), bias: (3,)): 9",
        "  1: Sequential: 4",
        "    0: Dropout(p=0.1)",
        "    1: Linear(weight: (1, 3), bias: (1,)): 4",
    ]


def test_a_summary_leaves_the_model_as_it_was():
    model = Model().train()
    model.blocks[0].freeze()
    before = model.state_dict()
    table = nn.summary(model, np.array([[1, 2, 3]]))
    assert [r.shapes for r in table.rows if r.path in ("", "embed", "head.0")] == [
        ((1, 3, 3),), ((1, 3, 4),), ((1, 3, 3),),
    ]  # fmt: skip
    total = sum(p.size for p in model.parameters())
    frozen = sum(p.size for p in model.blocks[0].parameters())
    assert (table.rows[0].parameters, table.trainable) == (total, total - frozen)
    assert all(module.training for module in model.modules())
    assert "forward" not in vars(model) and all(
        np.array_equal(a, before[n]) for n, a in model.state_dict().items()
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.LSTM(3), r"LSTM\.__init__\(\) missing 1 required .* 'hidden_size'"),
        (lambda: nn.LSTM(3, 4, units=2), "^LSTM: got an unknown option units; write input_size"),
        (lambda: nn.GRU(3, 4, foo=2), "^GRU: got an unknown option foo; it takes input_size, hid"),
        (lambda: nn.Conv2d(3), r"Conv2d\.__init__\(\) missing"),
        (lambda: nn.TransformerDecoderLayer(8, 2, foo=1), r"TransformerDecoderLayer\.__init__\(\)"),
        (
            lambda: nn.Linear(2, 2).to("cuda"),
            "Linear has no attribute 'to'; write nothing: arrays are NumPy's",
        ),
    ],
)
def test_complaints_name_the_class_that_was_written(call, words):
    with pytest.raises((TypeError, AttributeError), match=words):
        call()


@dataclasses.dataclass
class Pair:
    first: nn.Module
    second: nn.Module


@pytest.mark.parametrize(
    "container",
    [
        lambda: {nn.Linear(1, 1)},
        lambda: {nn.Linear(1, 1): 1},
        lambda: {"a": nn.Linear(1, 1)}.values(),
        lambda: types.MappingProxyType({"a": nn.Linear(1, 1)}),
        lambda: types.SimpleNamespace(a=nn.Linear(1, 1)),
        lambda: Pair(nn.Linear(1, 1), nn.Linear(1, 1)),
        lambda: np.array([nn.Linear(1, 1), nn.Linear(1, 1)], dtype=object),
        lambda: [[{nn.Parameter(np.ones(1))}]],
    ],
)
def test_no_part_is_lost_in_a_container(container):
    module = nn.Module()
    with pytest.raises(TypeError, match=r"Module: got a .*, expected (a list|modules)"):
        module.parts = container()


def test_no_part_is_lost_in_a_class():
    with pytest.raises(TypeError, match="got a Parameter as scale of the class"):
        type("Scaled", (nn.Module,), {"scale": nn.Parameter(np.ones(1))})
    with pytest.raises(TypeError, match="got __slots__"):
        type("Slotted", (nn.Module,), {"__slots__": ("part",)})


@pytest.mark.parametrize("new", [np.ones((2, 2)), mg.Tensor(np.ones((2, 2)), requires_grad=True)])
def test_a_parameter_is_not_replaced_by_what_is_none(new):
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"which is a Parameter; write weight\.data = array"):
        layer.weight = new
    layer.weight = nn.Parameter(np.ones((2, 2)))
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    del layer.weight  # then it may be anything: weights that are computed
    layer.weight = new
    assert not list(layer.parameters())


@pytest.mark.parametrize(("name", "message"), [("a.b", "a plain name"), ("part", "already")])
def test_a_buffer_has_a_name_of_its_own(name, message):
    module = nn.Module()
    module.part = nn.Linear(1, 1)
    with pytest.raises(ValueError, match=message):
        module.register_buffer(name, np.ones(1))


def test_names_may_have_a_prefix_and_leave_out_those_of_parts():
    model = nn.Sequential(nn.Linear(2, 2, bias=False))
    model.scale = nn.Parameter(np.ones(1))
    assert [n for n, _ in model.named_parameters("a")] == ["a.scale", "a.0.weight"]
    assert [n for n, _ in model.named_parameters(recurse=False)] == ["scale"]
    assert list(model.parameters(recurse=False)) == [model.scale]


def test_lists_and_dicts_of_modules_change_as_lists_and_dicts_do():
    one, two, three = (nn.Linear(k, 1, bias=False) for k in (1, 2, 3))
    modules = nn.ModuleList([one])
    modules += [three]
    modules.insert(1, two)
    assert list(modules) == [one, two, three]
    assert [p.shape for p in modules.parameters()] == [(1, 1), (1, 2), (1, 3)]
    del modules[0]
    assert modules.pop() is three
    assert [n for n, _ in modules.named_parameters()] == ["0.weight"] and modules[0] is two
    named = nn.ModuleDict({"a": one, "b": two})
    assert named.pop("a") is one and list(named) == ["b"]
    with pytest.raises(TypeError, match=r"got list as layer 0, .*; write Sequential\(\*layers\)"):
        nn.Sequential([one])
