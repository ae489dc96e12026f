"""Optimisers, schedules and clipping agree with PyTorch's."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minigrad import Parameter, optim
from tests.references import FOLDER

STORED = dict(np.load(FOLDER / "torch_optim.npz", allow_pickle=False))
CASES = sorted(name.removesuffix("/path") for name in STORED if name.endswith("/path"))


def made(case, x):
    kind, settings = json.loads(STORED[f"{case}/settings"].tobytes())
    return getattr(optim, kind)([x], **settings)


def step(optimizer, x, k):
    """One step of the valley that make_torch_optim.py goes down."""
    optimizer.zero_grad()
    (STORED["steep"] * x**2 / 2 + STORED["noise"][k] * x).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("case", CASES)
def test_a_hundred_steps_end_where_pytorch_s_do(case):
    x = Parameter(STORED["start"])
    optimizer = made(case, x)
    path = []
    for k in range(100):
        step(optimizer, x, k)
        path.append(x.data)
    assert np.abs(np.array(path[9::10]) - STORED[f"{case}/path"]).max() < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_a_state_that_is_loaded_goes_on_bit_for_bit(case):
    x = Parameter(STORED["start"])
    optimizer = made(case, x)
    for k in range(100):
        if k == 37:
            state, there = optimizer.state_dict(), x.data
        step(optimizer, x, k)
    again = Parameter(there)
    later = made(case, again)
    later.load_state_dict(state)
    for k in range(37, 100):
        step(later, again, k)
    assert np.array_equal(again.data, x.data)


def test_a_state_of_another_optimiser_is_refused_and_nothing_changes():
    x = Parameter(np.ones(3))
    adam = optim.Adam([x], lr=0.5)
    with pytest.raises(ValueError, match=r"missing first\.0.*unknown velocity\.0"):
        adam.load_state_dict(optim.SGD([x], lr=0.1, momentum=0.9).state_dict())
    with pytest.raises(ValueError, match=r"first\.0: got shape \(2,\), expected \(3,\)"):
        adam.load_state_dict(optim.Adam([Parameter(np.ones(2))]).state_dict())
    assert adam.lr == 0.5


SCHEDULES = sorted(
    name.split("/")[1] for name in STORED if name.startswith("schedule/") and name.endswith("/lr")
)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_pytorch_s(name):
    settings = json.loads(STORED[f"schedule/{name}/settings"].tobytes())
    optimizer = optim.SGD([Parameter(np.ones(1))], lr=0.3, momentum=0.9)
    scheduler = getattr(optim.lr_scheduler, name.partition("-")[0])(optimizer, **settings)
    rates, momenta = [], []
    for _ in range(40):
        rates.append(scheduler.get_last_lr()[0])
        momenta.append(optimizer.momentum)
        scheduler.step()
    np.testing.assert_allclose(rates, STORED[f"schedule/{name}/lr"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(momenta, STORED[f"schedule/{name}/momentum"], rtol=1e-9)
    later = optim.SGD([Parameter(np.ones(1))], lr=0.3, momentum=0.9)
    again = getattr(optim.lr_scheduler, name.partition("-")[0])(later, **settings)
    again.load_state_dict({"last_epoch": 17})
    assert later.lr == pytest.approx(rates[17], rel=1e-12)


@pytest.mark.parametrize("mode", ["rel", "abs"])
def test_a_plateau_is_left_where_pytorch_leaves_it(mode):
    optimizer = optim.SGD([Parameter(np.ones(1))], lr=0.3)
    plateau = optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=1, threshold=0.05, threshold_mode=mode, cooldown=1,
        min_lr=0.06,
    )  # fmt: skip
    rates = []
    for figure in STORED["plateau/figures"]:
        plateau.step(figure)
        rates.append(optimizer.lr)
    np.testing.assert_allclose(rates, STORED[f"plateau/{mode}"])


@pytest.mark.parametrize("case", ["plain", "wolfe"])
def test_lbfgs_goes_pytorch_s_way_and_on_from_its_state(case):
    settings = json.loads(STORED[f"lbfgs/{case}/settings"].tobytes())

    def made(start):
        x = Parameter(start)
        optimizer = optim.LBFGS([x], max_iter=3, **settings)

        def closure():
            optimizer.zero_grad()
            loss = (STORED["steep"] * x**2 / 2 + np.cos(3 * x)).sum()
            loss.backward()
            return loss

        return x, optimizer, closure

    x, optimizer, closure = made(STORED["start"])
    for k, expected in enumerate(STORED[f"lbfgs/{case}"]):
        if k == 3:
            again, later, again_closure = made(x.data)
            later.load_state_dict(optimizer.state_dict())
        optimizer.step(closure)
        np.testing.assert_allclose(x.data, expected, rtol=1e-8, atol=1e-10)
    for _ in range(2):
        later.step(again_closure)
    np.testing.assert_array_equal(again.data, x.data)


def test_lbfgs_needs_a_closure_and_one_group():
    x = Parameter(np.ones(2))
    with pytest.raises(TypeError, match="got no closure, expected a function that returns the los"):
        optim.LBFGS([x]).step()
    with pytest.raises(ValueError, match="got groups of parameters, expected one"):
        optim.LBFGS([{"params": [x]}, {"params": [Parameter(np.ones(1))]}])


def test_schedulers_one_after_another():
    optimizer = optim.SGD([Parameter(np.ones(1))], lr=1.0)
    warm = optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2)
    optimizer.lr = 1.0
    fall = optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    both, rates = optim.lr_scheduler.SequentialLR(optimizer, [warm, fall], [2]), []
    for _ in range(4):
        rates.append(optimizer.lr)
        both.step()
    np.testing.assert_allclose(rates, [0.5, 0.75, 1.0, 0.1])


def test_a_cosine_stays_where_it_ended():
    assert optim.cosine(0.3, 10, 0.01)(10) == optim.cosine(0.3, 10, 0.01)(99) == 0.01


def test_warm_up_rises_in_equal_parts_to_where_the_other_starts():
    rates = [optim.warm_up(4, optim.cosine(0.8, 10))(k) for k in range(6)]
    assert np.allclose(rates[:4], [0.2, 0.4, 0.6, 0.8])
    assert rates[4] == 0.8 and rates[5] == optim.cosine(0.8, 10)(1)
    assert optim.warm_up(2, optim.constant(0.5))(7) == 0.5


@pytest.mark.parametrize(
    "make", [lambda: optim.cosine(1, 0), lambda: optim.step_decay(1, 0),
             lambda: optim.warm_up(0, optim.constant(1))],
)  # fmt: skip
def test_a_schedule_over_no_steps_is_refused(make):
    with pytest.raises(ValueError, match="expected at least 1"):
        make()


def parts():
    first, second = Parameter(np.zeros((3, 4))), Parameter(np.zeros(5))
    first.grad, second.grad = STORED["start"].copy(), np.full(5, STORED["noise"][0, 0, 0])
    return [first, second]


@pytest.mark.parametrize(
    ("case", "limit", "p"),
    [("norm", 0.7, 2.0), ("loose", 100.0, 2.0), ("l1", 2.0, 1.0), ("largest", 0.9, np.inf)],
)
def test_gradients_clipped_by_norm_are_pytorch_s(case, limit, p):
    clipped = parts()
    was = optim.clip_grad_norm(clipped, limit, p)
    assert was == pytest.approx(float(STORED[f"clip/{case}/was"]))
    for k, part in enumerate(clipped):
        assert np.allclose(part.grad, STORED[f"clip/{case}/{k}"], atol=1e-12)


def test_gradients_clipped_by_value_are_pytorch_s():
    clipped = parts()
    optim.clip_grad_value(clipped, 0.3)
    for k, part in enumerate(clipped):
        assert np.array_equal(part.grad, STORED[f"clip/value/{k}"])


def test_clipping_takes_recorded_gradients_numbers_and_those_that_are_not_there():
    recorded, number, none = Parameter(np.ones(2)), Parameter(np.array(3.0)), Parameter(np.ones(1))
    ((recorded**2).sum() + number**2).backward(create_graph=True)
    assert optim.clip_grad_norm([recorded, number, none], 1.0) == pytest.approx(44**0.5)
    joint = np.sum(np.square(recorded.grad)) + np.square(number.grad)
    assert joint == pytest.approx(1, abs=1e-6) and none.grad is None


def test_large_float32_gradients_do_not_overflow_the_norm():
    x = Parameter(np.zeros(2, np.float32))
    x.grad = np.array([3e30, 4e30], np.float32)
    assert optim.clip_grad_norm([x], 1.0) == pytest.approx(5e30)
    assert np.allclose(x.grad, [0.6, 0.8])


def test_small_float32_gradients_do_not_vanish_from_the_norm():
    x = Parameter(np.zeros(2, np.float32))
    x.grad = np.array([3e-30, 4e-30], np.float32)
    assert optim.clip_grad_norm([x], 1e-30) == pytest.approx(5e-30)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("SGD", {"momentum": -0.1}, "momentum=-0.1"),
        ("SGD", {"nesterov": True}, "expected a momentum"),
        ("Adam", {"betas": (0.9, 1.0)}, "beta2=1.0"),
        ("AdamW", {"weight_decay": float("nan")}, "weight_decay=nan"),
        ("RMSprop", {"alpha": 1.5}, "alpha=1.5"),
        ("Adagrad", {"eps": -1.0}, "eps=-1.0"),
    ],
)
def test_settings_out_of_range_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        getattr(optim, kind)([Parameter(np.ones(1))], 0.1, **settings)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_not_positive_is_refused(limit):
    with pytest.raises(ValueError, match="expected a positive number"):
        optim.clip_grad_norm([], limit)
    with pytest.raises(ValueError, match="expected a positive number"):
        optim.clip_grad_value([], limit)


def test_nothing_to_clip_and_norms_that_are_no_numbers_are_said():
    x = Parameter(np.ones(2))
    x.grad = np.array([np.inf, 1.0])
    with pytest.raises(ValueError, match="the gradients' norm is inf"):
        optim.clip_grad_norm(x, 1.0, error_if_nonfinite=True)
    used = iter([x])
    list(used)
    for clip in (optim.clip_grad_norm, optim.clip_grad_value):
        with pytest.raises(ValueError, match="no parameters; a generator"):
            clip(used, 1.0)
    y = Parameter(np.ones(3))
    y.grad = np.full(3, 9.0)
    assert optim.clip_grad_norm(y, 1.0) == pytest.approx(243**0.5)
    np.testing.assert_allclose(y.grad, 3**-0.5, rtol=1e-6)
