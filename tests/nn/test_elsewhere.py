"""Names of PyTorch and Keras that are missing here say what to write, and that exists."""

from __future__ import annotations

import re
from functools import reduce

import numpy as np
import pytest

import minigrad as mg
from minigrad import elsewhere, nn, optim
from minigrad.nn import elsewhere as layers

TABLES = [elsewhere.METHODS, elsewhere.FUNCTIONS, layers.PYTORCH, layers.KERAS, layers.ATTRIBUTES]
HOUSES = {"np": np, "nn": nn, "minigrad": mg, "optim": optim}


@pytest.mark.parametrize("table", TABLES)
def test_what_is_to_be_written_exists(table):
    for name, text in table.items():
        said = text.format(name=name)
        for house, path in re.findall(r"\b(np|nn|minigrad|optim)\.(\w+(?:\.\w+)*)", said):
            if (house, path) != ("np", "int64"):
                assert reduce(getattr, path.split("."), HOUSES[house]) is not None


def test_what_is_there_needs_no_advice():
    x = mg.Tensor(np.ones((2, 2)))
    assert not [name for name in elsewhere.METHODS if hasattr(x, name)]
    assert not [name for name in layers.PYTORCH | layers.KERAS if hasattr(nn, name)]
    assert not [name for name in layers.ATTRIBUTES if hasattr(nn.Linear(2, 2), name)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.view(4), r"Tensor has no attribute 'view'; write x\.reshape\(shape\)"),
        (lambda x: x.unsqueeze(0), r"write np\.expand_dims\(x, axis\)"),
        (lambda x: x.relu(), r"write minigrad\.relu\(x\)"),
        (lambda x: x.mul_(2), r"has no attribute 'mul_'; write x \* y"),
        (lambda x: x.frobnicate(), r"has no attribute 'frobnicate'$"),
        (lambda x: mg.cat([x, x]), r"'minigrad' has no attribute 'cat'; write np\.concatenate"),
        (lambda x: mg.frobnicate, r"has no attribute 'frobnicate'$"),
        (lambda x: nn.Dense(4), r"minigrad\.nn has no Dense; write nn\.Linear\(inputs, outputs\)"),
        (lambda x: nn.LazyConv2d(4, 3), r"write nn\.Conv2d, with the number of its inputs"),
        (lambda x: optim.lr_scheduler.ConstantLR(x), r"has no ConstantLR; write LambdaLR"),
        (lambda x: nn.MaxUnpool3d(2), r"write nn\.Upsample or nn\.ConvTranspose3d"),
        (lambda x: nn.utils.clip_grad_norm_([x], 1), r"optim\.clip_grad_norm"),
        (lambda x: nn.Linear(2, 2).fit(x), r"Linear has no attribute 'fit'; write a loop"),
    ],
)
def test_the_error_says_what_to_write(call, message):
    with pytest.raises(AttributeError, match=message):
        call(mg.Tensor(np.ones((2, 2))))


def test_gradients_of_a_tensor_are_not_those_of_a_function():
    x = mg.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    with pytest.raises(TypeError, match=r"got a Tensor .*: minigrad\.gradients\(y, \[x\]\)"):
        mg.grad((x * x).sum(), [x])
    (found,) = mg.gradients((x * x).sum(), x)
    np.testing.assert_array_equal(found, [2, 4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((8, 2), r"TransformerEncoder: got no num_layers, expected a TransformerEncoderLayer"),
        (("layer", 2), r"TransformerEncoder: got a builtins\.str, expected a TransformerEncoderL"),
    ],
)
def test_a_stack_says_what_it_is_made_of(arguments, message):
    with pytest.raises(TypeError, match=message):
        nn.TransformerEncoder(*arguments)
