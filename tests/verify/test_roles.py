"""Claims about what the user says of a target: its inputs' roles, their type, and whole models."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from minigrad.targets import TargetError, resolve
from minigrad.targets.inputs import Roles
from minigrad.verify import check_vjp, verify

FILE = """
    import numpy as np
    from minigrad import nn

    def entropy(p, mask):
        return -np.sum(mask * p * np.log(p))

    def scaled_forward(x, w, mode):
        assert mode == "train"
        return x * w, (x, w)

    def scaled_backward(g, cache):
        x, w = cache
        return g * w, g * w, None  # by w it is wrong

    class Net(nn.Module):
        def __init__(self, width, hidden: int = 3, drop=0.5, rng=None):
            self.inner = nn.Linear(width, hidden, rng=rng)
            self.drop = nn.Dropout(drop)
            self.outer = nn.Linear(hidden, 1, rng=rng)

        def forward(self, x):
            return self.outer(np.tanh(self.drop(self.inner(x))))

    net = Net(5)

    class Named(nn.Module):
        def __init__(self, kind: str, size: int):
            assert kind == "tanh"
            self.w = nn.Parameter(np.ones(size))

        def forward(self, first, second):
            return np.tanh(first * self.w) + second
"""


@pytest.fixture
def file(tmp_path):
    place = tmp_path / "own_roles.py"
    place.write_text(textwrap.dedent(FILE))
    return place


def outcomes(report):
    return {v.target.rpartition("∂L/∂")[2]: v.outcome for v in report.verdicts()}


def test_a_positive_input_is_drawn_positive_and_a_constant_is_not_judged(file):
    inputs = ["p=4", "mask=4"]
    outside = "note: forward gives NaN at the example: it is outside of the domain"
    assert outside in str(verify(resolve(f"{file}:entropy", inputs)))
    roles = Roles(positive=("p",), constants=("mask",))
    report = verify(resolve(f"{file}:entropy", inputs, roles))
    assert report.status == 0 and outside not in str(report), str(report)
    assert all(list(check.shapes) == ["p"] for check in report.checks)
    assert "mask is a constant: it is named as a constant" in str(report)


def test_only_the_inputs_that_are_named_are_differentiated(file):
    inputs = ["x=3", "w=3", "mode=value:train"]
    every = verify(resolve(f"{file}:scaled_backward", inputs))
    assert outcomes(every) == {"x": "right", "w": "wrong"}
    some = verify(resolve(f"{file}:scaled_backward", inputs, Roles(differentiate=("x",))))
    assert outcomes(some) == {"x": "right"}
    assert "w is a constant: others are named to differentiate by" in str(some)


def test_a_name_of_no_input_is_refused_with_those_that_there_are(file):
    for target in ("entropy", "scaled_backward"):
        inputs = ["p=4", "mask=4"] if target == "entropy" else ["x=3", "w=3", "mode=value:train"]
        with pytest.raises(TargetError, match="no input is called 'y'; there are"):
            verify(resolve(f"{file}:{target}", inputs, Roles(constants=("y",))))
    with pytest.raises(TargetError, match="--constant is for one function"):
        resolve(str(file), (), Roles(constants=("x",)))
    with pytest.raises(TargetError, match="--constant is for a function or a module of your own"):
        resolve("lstm", (), Roles(constants=("x",)))


def test_a_module_is_judged_as_it_is_by_its_own_parameters(file):
    report = verify(f"{file}:net")
    assert report.status == 0, str(report)
    assert {"inner.weight": (3, 5), "x": (1, 5)}.items() <= report.checks[0].shapes.items()
    assert "judged in evaluation mode: in training it differs at each call" in str(report)


def test_a_mask_that_is_mostly_the_same_is_seen_to_be_drawn_at_each_call():
    rng = np.random.default_rng()

    def forward(x):
        kept = rng.random() < 0.5
        return x * kept, kept

    report = check_vjp(forward, lambda g, kept: g * kept, [(3,)])
    assert report.status == 3 and "forward differs from call to call" in str(report)


def test_a_class_of_any_constructor_is_made_with_what_it_requires(file):
    report = verify(f"{file}:Net")
    assert report.status == 0, str(report)
    assert "made as Net(width=8, rng=0), in evaluation mode" in str(report)
    with pytest.raises(TargetError, match="Named requires kind, which is no size: give --input"):
        verify(f"{file}:Named")
    given = ["kind=value:tanh", "first=2x8", "second=2x8"]
    assert verify(resolve(f"{file}:Named", given)).status == 0
    with pytest.raises(TargetError, match="it is not known what forward is called with"):
        verify(resolve(f"{file}:Named", given[:1]))


def test_a_whole_model_of_the_library_is_a_target():
    report = verify("models.word2vec:SkipGram")
    assert report.status == 0, str(report)
    assert "SkipGram(size=8, width=8, rng=0)" in str(report)


def single(x, W):
    assert x.dtype == W.dtype == np.float32
    return np.tanh(x @ W)


def single_backward(g, y, x, W, factor=1):
    assert g.dtype == y.dtype == x.dtype == W.dtype == np.float32
    d = factor * g * (1 - y * y)
    return d @ W.T, x.T @ d


@pytest.mark.parametrize("dtype", ["", "float32"])
def test_code_that_takes_float32_alone_is_judged_to_its_precision(dtype):
    rng = np.random.default_rng(0)
    inputs = [(3, 4), (4, 2)]
    if not dtype:
        inputs = [rng.normal(size=shape).astype(np.float32) for shape in inputs]
    report = check_vjp(single, single_backward, inputs, dtype=dtype)
    assert report.status == 0, str(report)
    wrong = check_vjp(
        single, lambda g, y, x, W: single_backward(g, y, x, W, factor=2), inputs, dtype=dtype
    )
    assert wrong.status == 1, str(wrong)


def test_the_engine_in_float32_is_as_exact_as_float32_can_be():
    report = verify("tanh", dtype="float32")
    assert report.status == 0, str(report)
    (figure,) = (check.figure for check in report.checks if check.judge == "numeric")
    assert 1e-9 < figure < 1e-5
