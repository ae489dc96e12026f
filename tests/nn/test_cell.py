"""A cell whose parts do not fit each other says what to write, when it is made."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.symbolic import derive


def cell(step, state=("h",), gates=("a",)):
    """A cell class of these parts."""
    return type("C", (nn.Cell,), {"state": state, "gates": gates, "step": step})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (cell(lambda self, x, h: self.b(h, x)),
         r"C has no gate and no attribute 'b'; its gates are \('a',\)"),
        (cell(lambda self, x, h, c: mg.tanh(self.a(h, x)), ("h", "c")),
         "returned one value, expected 2: h, c"),
        (cell(lambda self, x, h: (self.a(h, x), h)), "returned 2 values, expected 1: h"),
        (cell(lambda self, x, h: self.a(h, x), ("h", "c")),
         r"step takes x, h and state = \('h', 'c'\); expected step\(self, x, h, c\)"),
        (cell(lambda self, x, h: self.a(h, x), "h"), r"state is the string 'h', .* state = \('h',"),
        (cell(lambda self, x, h: self.a(h, x), gates="update"),
         r"gates is the string 'update', expected a tuple of names: gates = \('update',\)"),
        (cell(lambda self, x, h: None), "step returned None, expected the new h: does it end with"),
        (cell(lambda self, x, c, h: (self.a(h, x), c), ("h", "c")),
         r"step takes x, c, h, in another order than state = \('h', 'c'\)|takes c, h, in another"),
        (cell(lambda self, x, h: mg.tanh(x), gates=()),
         r"step returns h of shape \(1, 3\) for one sequence, expected \(1, 4\)"),
        (cell(lambda self, x, h: self.a(h, x) + self.a(x)), r"operands of widths \(3,\), expected"),
        (cell(lambda self, x, h: self.a(h, x), gates=("a", "a")), "and a name occurs twice"),
        (cell(lambda self, x, h: self.step(h, x), gates=("step",)),
         "the gate or vector step has the name of a method or attribute of the class; rename it"),
        (cell(lambda self, x, h: self.a(h, x), ("x",)), "has the name of step's input, x; rename"),
        (cell(lambda self, x, h: [self.a(h, x)]), "returned a list, expected a Tensor, or a tuple"),
        (cell(lambda self, x, h: {"h": self.a(h, x)}), "returned a dict, expected a Tensor"),
        (cell(lambda self, x, h: np.tanh(self.a(h, x).data)),
         "returned NumPy arrays, through which no gradient flows.* not with their .data"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_when_the_cell_is_made(kind, words):
    with pytest.raises((ValueError, TypeError, AttributeError), match=words):
        kind(3, 4)


def test_a_gate_that_step_does_not_call_is_told_and_is_no_part_of_the_cell(rng):
    kind = cell(lambda self, x, h: mg.tanh(self.a(h, x)), gates=("a", "b"))
    with pytest.warns(UserWarning, match="step does not call the gate b, which has no weights"):
        made = kind(3, 4)
    assert made.gates == ("a",)
    assert dict(made.named_parameters()).keys() == {"a.weight", "a.bias"}
    with pytest.raises(AttributeError, match="the gate 'b' has no weights, because step did not"):
        made.b(rng.normal(size=(1, 3)))
    with pytest.warns(UserWarning, match="gate b"):
        layer = nn.Recurrent(3, 4, cell=kind, rng=0)
    y, h = layer(rng.normal(size=(2, 5, 3)).astype(np.float32))
    np.testing.assert_array_equal(y.data[:, -1], h.data[0])


class Scaled(nn.Cell):
    gates = ("a",)

    def step(self, x, h):
        return self.scale * self.a(h, x)


class Late(Scaled):
    def __init__(self, input_size, hidden_size, **options):
        super().__init__(input_size, hidden_size, **options)
        self.scale = 2.0


class Bare(Scaled):
    def __init__(self, input_size, hidden_size, **options):
        self.scale = 2.0


def test_attributes_come_before_the_base_class_and_it_must_be_called():
    with pytest.raises(AttributeError, match=r"'scale'.* must be set before super"):
        Late(3, 4)
    with pytest.raises(AttributeError, match=r"must call super"):
        Bare(3, 4)(np.ones((1, 3)))


class Leaky(nn.Cell):
    """With a parameter of its own, and a norm inside."""

    gates = ("a",)

    def __init__(self, input_size, hidden_size, eps=1e-5, **rest):
        self.tau = mg.Parameter(np.full(hidden_size, 2.0))
        self.norm = nn.LayerNorm(hidden_size, eps, dtype=np.float64)
        super().__init__(input_size, hidden_size, **rest)

    def step(self, x, h):
        return h + (mg.tanh(self.norm(self.a(h, x))) - h) / self.tau


def made(**options):
    return nn.Recurrent(3, 4, cell=Leaky, rng=0, dtype=np.float64, **options)


def test_parameters_outside_of_gates_are_fused_with_the_rest(rng):
    x, layers = rng.normal(size=(2, 5, 3)), [made(), made(fused=False)]
    for layer in layers:
        layer.cell.tau.data = np.array([2.0, 3.0, 4.0, 5.0])
        layer.cell.norm.weight.data = np.array([1.0, 2.0, 0.5, 3.0])
        y, _ = layer(x)
        (y * y).sum().backward()
    assert layers[0](x)[0].primitive.name != layers[1](x)[0].primitive.name
    for (name, a), b in zip(layers[0].named_parameters(), layers[1].parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-10, atol=1e-12, err_msg=name)


def test_what_is_inside_a_cell_belongs_to_its_kernel(rng):
    """Two cells that differ in a setting of a part do not share one."""
    x = rng.normal(size=(2, 5, 3))
    for eps in (1e-5, 0.5):
        kind = type("L", (Leaky,), {})
        plain = nn.Recurrent(3, 4, cell=lambda *a, e=eps, **o: Leaky(*a, eps=e, **o), rng=0,
                             dtype=np.float64)  # fmt: skip
        fused = plain(x)[0].data
        with mg.unfused():
            np.testing.assert_allclose(plain(x)[0].data, fused, rtol=1e-10, err_msg=kind.__name__)


def test_a_frozen_cell_is_not_read_as_numbers(rng):
    """Peepholes of a frozen cell start as 0, which the next cell's are not."""
    x = rng.normal(size=(2, 5, 3))
    options = {"cell": nn.DiagonalPeepholeLSTMCell, "dtype": np.float64, "rng": 0}
    nn.Recurrent(3, 4, **options).freeze()(x)
    layer = nn.Recurrent(3, 4, **options)
    layer.cell.p_f.data = layer.cell.p_o.data = np.full(4, 2.0)
    fused = layer(x)[0].data
    with mg.unfused():
        np.testing.assert_allclose(layer(x)[0].data, fused, rtol=1e-12)


def test_a_gate_without_a_bias_has_none_in_its_derivation():
    text = derive("lstm-projected").text()
    assert "∂L/∂W_p" in text and "b_p" not in text
    assert "∂L/∂b_f" in text


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.ResetAfterGRUCell])
def test_a_cell_without_biases_learns_none(kind, rng):
    cell = kind(3, 4, bias=False, rng=0, dtype=np.float64)
    assert all(name.endswith("weight") for name, _ in cell.named_parameters())
    layer = nn.Recurrent(3, 4, bias=False, cell=kind, rng=0, dtype=np.float64)
    x = rng.normal(size=(2, 5, 3))
    fused = layer(x)[0].data
    with mg.unfused():
        np.testing.assert_allclose(layer(x)[0].data, fused, rtol=1e-12)
    np.testing.assert_array_equal(layer(0 * x)[0].data, 0 * fused)


def test_the_nonlinearity_is_one_of_two():
    with pytest.raises(ValueError, match="RNNCell: got nonlinearity='sin', expected 'tanh' or"):
        nn.RNN(3, 4, nonlinearity="sin")
