"""Objects with forward and backward are judged as they are: their parameters are inputs."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from minigrad.targets import TargetError, resolve
from minigrad.verify import verify

LAYERS = """
import numpy as np
from minigrad.verify import with_examples

rng = np.random.default_rng(0)


class InDicts:
    def __init__(self):
        self.params = {"W": rng.normal(size=(3, 2)), "b": np.zeros(2)}
        self.grads = {}

    @with_examples(x=(4, 3))
    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy):
        self.grads["W"] = self.x.T @ dy
        self.grads["b"] = dy.sum(axis=0)
        return dy @ self.params["W"].T


class InLists:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    @with_examples(x=(4, 3))
    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dy):
        self.grads[0][...] = self.x.T @ dy
        self.grads[1][...] = SUM
        return dy @ self.params[0].T


class Accumulating:
    def __init__(self):
        self.W = rng.normal(size=(3, 2))
        self.dW = np.zeros_like(self.W)

    @with_examples(x=(4, 3))
    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW += self.x.T @ dy
        return dy @ self.W.T


class Relu:
    @with_examples(x=(4, 3))
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy):
        dy[~self.mask] = 0
        return dy


class Net:
    def __init__(self):
        self.layers = [Accumulating(), Relu(), InLists(np.ones((2, 2)), np.zeros(2))]
        self.params = [p for layer in self.layers for p in getattr(layer, "params", [])]

    @with_examples(x=(4, 3))
    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


def scale_forward(x, w):
    return x * w, (x, w)


def scale_backward(dy, cache):
    x, w = cache
    return dy * w, (dy * x).sum()


affine = InLists(rng.normal(size=(3, 2)), np.zeros(2))
"""


@pytest.fixture
def layers(tmp_path):
    def written(total: str = "dy.sum(axis=0)") -> str:
        file = tmp_path / "layers.py"
        file.write_text(textwrap.dedent(LAYERS).replace("SUM", total))
        return str(file)

    return written


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("InDicts", "x W b"), ("affine", "x params[0] params[1]"), ("Accumulating", "x W"),
     ("Relu", "x"), ("Net", "x W layers[2].params[0] layers[2].params[1]")],
)  # fmt: skip
def test_parameters_are_judged_wherever_their_gradients_are_left(layers, name, inputs):
    report = verify(resolve(f"{layers()}:{name}"))
    assert report.passed, str(report)
    found = [
        target.rpartition("∂L/∂")[2] for target in dict.fromkeys(c.target for c in report.checks)
    ]
    assert found == inputs.split()


def test_a_gradient_that_accumulates_is_right_and_said_to_accumulate(layers):
    report = verify(resolve(f"{layers()}:Accumulating"))
    (notes,) = [n for target, n in report.remarks.items() if target.endswith("∂L/∂W")]
    assert any("accumulates in" in note and "dW" in note for note in notes)


def test_a_wrong_line_of_a_method_is_named(layers):
    report = verify(resolve(f"{layers('dy.mean(axis=0)')}:affine"))
    wrong = {c.target.rpartition("∂L/∂")[2]: c.failures[0] for c in report.checks if c.failures}
    assert list(wrong) == ["params[1]"]
    assert "sum should stand in place of mean in dy.mean(axis=0)" in wrong["params[1]"]


def test_the_object_is_as_before(layers):
    target = resolve(f"{layers()}:affine")
    before = [np.array(p) for p in target.subject.params]
    verify(target)
    assert vars(target.subject).keys() == {"params", "grads"}
    assert all(map(np.array_equal, before, target.subject.params))
    assert not any(np.any(g) for g in target.subject.grads)


def test_a_file_judges_its_classes_and_says_what_it_leaves_out(layers):
    report = verify(layers())
    judged = {check.target.partition(":")[2].partition(":")[0] for check in report.checks}
    assert judged == {"InDicts", "Accumulating", "Relu", "Net", "affine"}
    left = {name.rpartition(":")[2]: why for name, why in report.left_out.items()}
    assert "make one in the file, as layer = …" in left["InLists"]
    assert "scale_forward has no examples" in left["scale_backward"]


def test_a_pair_takes_its_examples_from_the_command_line(layers):
    assert verify(resolve(f"{layers()}:scale_backward", ["x=5", "w=()"])).passed


def test_what_cannot_be_run_does_not_end_the_file(tmp_path):
    file = tmp_path / "cells.py"
    file.write_text(
        textwrap.dedent("""
        import minigrad as mg
        from minigrad import nn

        class Good(nn.Cell):
            gates = ("a",)
            def step(self, x, h):
                return mg.tanh(self.a(h, x))

        class Misspelt(nn.Cell):
            gates = ("a",)
            def step(self, x, h):
                return mg.tanh(self.b(h, x))
    """)
    )
    report = verify(str(file))
    assert report.status == 3
    (check,) = [c for c in report.checks if c.target.endswith("Misspelt")]
    assert check.outcome == "undecided"
    assert "it cannot be run: " in check.established
    assert "no attribute 'b'" in check.established
    assert all(c.outcome == "right" for c in report.checks if c.target.endswith("Good"))


def test_an_array_without_a_gradient_is_said_not_to_be_judged(tmp_path):
    file = tmp_path / "named.py"
    file.write_text(
        textwrap.dedent("""
        import numpy as np
        class Named:
            def __init__(self):
                self.W, self.b = np.ones((3, 2)), np.zeros(2)
            def forward(self, x):
                self.x = x
                return x @ self.W + self.b
            def backward(self, dy):
                self.change_of_W, self.db = 7 * self.x.T @ dy, dy.sum(axis=0)
                return dy @ self.W.T
    """)
    )
    report = verify(resolve(f"{file}:Named", ["x=4x3"]))
    assert {check.target.rpartition("∂L/∂")[2] for check in report.checks} == {"x", "b"}
    notes = [note for notes in report.remarks.values() for note in notes]
    assert any("W is a constant: backward returns None for it" in note for note in notes)


def test_parameters_that_forward_makes_are_refused(tmp_path):
    file = tmp_path / "lazy.py"
    file.write_text(
        textwrap.dedent("""
        import numpy as np
        class Lazy:
            def __init__(self):
                self.params, self.grads = {}, {}
            def forward(self, x):
                self.params.setdefault("W", np.ones((3, 2)))
                self.x = x
                return x @ self.params["W"]
            def backward(self, dy):
                self.grads["W"] = self.x.T @ dy
                return dy @ self.params["W"].T
    """)
    )
    with pytest.raises(TargetError, match=r"forward makes W anew.* make it in __init__"):
        verify(resolve(f"{file}:Lazy", ["x=4x3"]))
