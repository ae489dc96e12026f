"""Claims about modules: names, freezing, modes, states."""

from __future__ import annotations

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
