"""Optimisers: what one step is, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad import Parameter, Tensor, nn, optim

KINDS = [
    optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adadelta, optim.Rprop, optim.Adam, optim.AdamW,
    optim.Adamax, optim.NAdam, optim.RAdam,
]  # fmt: skip


def test_sgd_moves_against_the_gradient():
    x = Parameter(np.array([1.0, -2.0]))
    (x * x).sum().backward()
    optim.SGD([x], lr=0.1).step()
    assert np.allclose(x.data, [0.8, -1.6])


def test_adam_is_the_paper_s_algorithm_1(rng):
    x = Parameter(rng.normal(size=3))
    adam = optim.Adam([x], lr=0.01, betas=(0.8, 0.9), eps=1e-3)
    theta, m, v = x.data.copy(), 0.0, 0.0
    for t in range(1, 6):
        g = rng.normal(size=3)
        x.grad = g
        adam.step()
        m = 0.8 * m + 0.2 * g
        v = 0.9 * v + 0.1 * g**2
        theta = theta - 0.01 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-3)
        assert np.allclose(x.data, theta, rtol=1e-12)


def test_adam_s_first_step_is_lr_long_whatever_the_scale():
    for scale in (1e-3, 1.0, 1e4):
        x = Parameter(np.array([5.0]))
        (scale * x).sum().backward()
        optim.Adam([x], lr=0.1).step()
        assert np.allclose(x.data, 4.9, atol=1e-5)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_both_find_the_minimum(kind):
    x = Parameter(np.array([3.0, -4.0]))
    optimizer = kind([x], lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        ((x - 1) ** 2).sum().backward()
        optimizer.step()
    assert np.allclose(x.data, 1, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_without_a_gradient_stays(kind):
    used, unused = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = kind([used, unused], lr=0.1)
    used.sum().backward()
    optimizer.step()
    assert (unused.data == 1).all() and (used.data < 1).all()


def test_zero_grad_forgets():
    x = Parameter(np.ones(2))
    x.sum().backward()
    optim.SGD([x], lr=0.1).zero_grad()
    assert x.grad is None


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_with_a_float64_schedule(kind):
    x = Parameter(np.ones(2, np.float32))
    optimizer = kind([x], lr=0.1)
    optimizer.lr = np.float64(0.05)
    x.sum().backward()
    optimizer.step()
    assert x.data.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_gradient_moves_the_parameter_and_is_not_recorded_in_it(kind):
    x = Parameter(np.ones(2))
    optimizer = kind([x], lr=0.1)
    (x * x).sum().backward(create_graph=True)
    assert isinstance(x.grad, Tensor)
    optimizer.step()
    assert type(x.data) is np.ndarray


def test_step_leaves_the_arrays_that_the_tape_holds():
    x = Parameter(np.ones(2))
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    before = x.data
    optim.SGD([x], lr=0.1).step()
    assert (before == 1).all()


@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan")])
def test_a_learning_rate_that_is_not_positive_is_refused(lr):
    with pytest.raises(ValueError, match="expected a positive number"):
        optim.SGD([Parameter(np.ones(1))], lr=lr)


def test_no_parameters_are_refused():
    with pytest.raises(ValueError, match="no parameters"):
        optim.Adam([], lr=0.1)


def test_a_module_s_parameters_are_learned():
    layer = nn.Linear(1, 1, rng=0, dtype=np.float64)
    x = np.linspace(-1, 1, 8)[:, None]
    optimizer = optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        nn.mse_loss(layer(x), 2 * x - 1).backward()
        optimizer.step()
    assert np.allclose(layer.weight.data, 2, atol=1e-2)
    assert np.allclose(layer.bias.data, -1, atol=1e-2)


def test_a_parameter_that_is_a_single_number_is_learned_too():
    parameter = Parameter(np.array(3.0))
    optimizer = optim.Adam([parameter], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        (parameter * parameter).sum().backward()
        optimizer.step()
    assert abs(float(parameter.data)) < 0.1


@pytest.mark.parametrize("kind", [*KINDS, optim.Muon])
def test_groups_move_as_if_each_had_an_optimiser_of_its_own(kind, rng):
    shapes = [(2, 3), (3, 2)]
    arrays, grads = ([rng.normal(size=s) for s in shapes] for _ in range(2))
    together, apart = ([Parameter(a.copy()) for a in arrays] for _ in range(2))
    decay = {} if kind is optim.Rprop else {"weight_decay": 0.3}
    optimizer = kind(
        [{"params": together[0], "lr": 0.05, **decay}, {"params": together[1:]}], lr=0.1
    )
    singles = [kind(apart[:1], lr=0.05, **decay), kind(apart[1:], lr=0.1)]
    for step in range(4):
        for some in (together, apart):
            for parameter, grad in zip(some, grads, strict=True):
                parameter.grad = grad * np.cos(step + parameter.data)
        if step == 2:  # a schedule keeps the ratio
            optimizer.lr, singles[0].lr, singles[1].lr = 0.02, 0.01, 0.02
        optimizer.step()
        for single in singles:
            single.step()
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)
    np.testing.assert_allclose(optimizer.group_lrs, [0.01, 0.02])
    assert optimizer.lr == 0.02 and optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    later = kind([{"params": together[:1], "lr": 1.0, **decay}, {"params": together[1:]}], lr=3.0)
    later.load_state_dict(optimizer.state_dict())
    np.testing.assert_allclose(later.group_lrs, optimizer.group_lrs)


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_assigned_to_a_group_holds_from_then_on(count):
    parameters = [Parameter(np.array([1.0])) for _ in range(count)]
    optimizer = optim.SGD([{"params": [p]} for p in parameters], lr=0.1)
    for group in optimizer.param_groups:
        group["lr"] *= 5  # as loops in PyTorch write a schedule
    optimizer.param_groups[-1]["weight_decay"] = 2.0
    for parameter in parameters:
        parameter.grad = np.array([1.0])
    optimizer.step()
    expected = [0.5] * (count - 1) + [1 - 0.5 * 3]
    np.testing.assert_allclose([float(p.data[0]) for p in parameters], expected)
    group = optimizer.param_groups[-1]
    assert group["lr"] == 0.5 and group["weight_decay"] == 2.0
    assert {"params", "lr", "momentum"} <= set(group)
    for name, value in (("weight_decay", -1.0), ("learning_rate", 0.1)):
        with pytest.raises(ValueError, match=r"SGD: got (weight_decay=-1|the setting 'learning_)"):
            group[name] = value
    assert group["weight_decay"] == 2.0


def test_gradients_are_forgotten_or_made_0():
    layer = nn.Linear(2, 1, rng=0)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    for forget in (optimizer.zero_grad, layer.zero_grad):
        layer.weight.grad = np.ones((1, 2))
        forget(set_to_none=False)
        np.testing.assert_array_equal(layer.weight.grad, np.zeros((1, 2)))
        assert layer.bias.grad is None
        forget()
        assert layer.weight.grad is None


def test_a_single_group_moves_at_its_own_learning_rate():
    x = Parameter(np.array([1.0]))
    optimizer = optim.SGD([{"params": [x], "lr": 0.5}], lr=0.1)
    x.grad = np.array([1.0])
    optimizer.step()
    assert x.data == 0.5


def test_a_group_that_comes_later_is_learned_from_then_on():
    x, y = Parameter(np.ones(1)), Parameter(np.ones(1))
    optimizer = optim.Adam([x], lr=0.1)
    (x + y).sum().backward()
    optimizer.step()
    optimizer.add_param_group({"params": [y], "lr": 0.5})
    optimizer.step()
    np.testing.assert_allclose(y.data, 0.5, atol=1e-6)
    assert optimizer.steps == [2, 1] and "first.1" in optimizer.state_dict()


def test_named_parameters_and_maximizing():
    layer = nn.Linear(1, 1, bias=False, dtype=np.float64)
    layer.weight.data = np.ones((1, 1))
    optimizer = optim.SGD(layer.named_parameters(), lr=0.1, maximize=True)
    layer(np.ones((1, 1))).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(layer.weight.data, 1.1)


def test_a_closure_computes_the_loss_first():
    x = Parameter(np.array([1.0]))
    optimizer = optim.SGD([x], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    np.testing.assert_allclose(x.data, 0.8)


X = Parameter(np.ones(2))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (X, r"got one Parameter, expected several parameters: SGD\(\[parameter\]\)"),
        ({"params": [X]}, "got one dict, expected several"),
        ([X, X], r"got a parameter of shape \(2,\) twice"),
        ([{"params": [X]}, {"params": [X]}], "twice, and it would be moved twice"),
        ([{"lr": 0.1}], "expected a dict with params"),
        ([{"params": [X]}, X], "expected a dict with params"),
        ([{"params": [X], "learning_rate": 0.1}], "'learning_rate' in a group, expected lr or wei"),
        ([{"params": [X], "lr": -1.0}], "got lr=-1.0, expected a positive number"),
        ([{"params": [X], "momentum": -1.0}], "got momentum=-1.0"),
        ([np.ones(2)], r"got ndarray array\(\[1., 1.\]\), expected parameters"),
        ([X * 2], "a Tensor made by .*multiply"),
        (iter([]), "no parameters; a generator"),
    ],
)
def test_what_is_given_is_looked_at_at_once(parameters, words):
    with pytest.raises((TypeError, ValueError), match=words):
        optim.SGD(parameters, lr=0.1)


def test_muon_is_for_matrices():
    with pytest.raises(ValueError, match=r"Muon: got a parameter of shape \(2,\), expected matri"):
        optim.Muon([X])


def test_a_name_that_is_spelled_otherwise_here_is_told():
    with pytest.raises(AttributeError, match="has no RMSProp; write RMSprop"):
        optim.RMSProp  # noqa: B018


def test_a_model_is_no_list_of_parameters_and_words_are_no_learning_rate():
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"got one Linear, .*: Adam\(model.parameters\(\)\)"):
        optim.Adam(model)
    with pytest.raises(ValueError, match=r"got lr=.0\.1., expected a positive number"):
        optim.Adam(model.parameters(), "0.1")
