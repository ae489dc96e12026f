"""Optimisers, schedules and clipping agree with PyTorch's."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minigrad import Parameter, optim
from tests.references import FOLDER

STORED = dict(np.load(FOLDER / "torch_optim.npz", allow_pickle=False))
CASES = sorted(name.removesuffix("/path") for name in STORED if name.endswith("/path"))
OURS = {"RMSprop": "RMSProp", "initial_accumulator_value": "initial_accumulator"}


def made(case, x):
    kind, settings = json.loads(STORED[f"{case}/settings"].tobytes())
    settings = {OURS.get(name, name): value for name, value in settings.items()}
    return getattr(optim, OURS.get(kind, kind))([x], **settings)


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


def test_schedules_are_pytorch_s():
    halves, half_cosine = optim.step_decay(0.3, 7, 0.5), optim.cosine(0.3, 40, 0.01)
    assert np.allclose([halves(k) for k in range(40)], STORED["schedule/step_decay"], atol=1e-12)
    assert np.allclose([half_cosine(k) for k in range(40)], STORED["schedule/cosine"], atol=1e-12)


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


@pytest.mark.parametrize(("case", "limit"), [("norm", 0.7), ("loose", 100.0)])
def test_gradients_clipped_by_norm_are_pytorch_s(case, limit):
    clipped = parts()
    assert optim.clip_grad_norm(clipped, limit) == pytest.approx(float(STORED[f"clip/{case}/was"]))
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
        ("RMSProp", {"alpha": 1.5}, "alpha=1.5"),
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
