"""Fused layers compute what the cell's steps do, forward and at every order of derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import compile as compiler
from minigrad import nn
from minigrad.compile import cells
from minigrad.primitives import maximum, relu, sigmoid, tanh

CELLS = [
    nn.RNNCell, nn.JordanCell, nn.LSTMCell, nn.NoForgetLSTMCell, nn.PeepholeLSTMCell,
    nn.DiagonalPeepholeLSTMCell, nn.CoupledLSTMCell, nn.GRUCell, nn.ResetAfterGRUCell,
    nn.MGUCell, nn.MinGRUCell, nn.MinLSTMCell, nn.SLSTMCell, nn.LinearAttentionCell, nn.S4DCell,
    nn.SelectiveSSMCell, nn.LRUCell, nn.LayerNormLSTMCell,
]  # fmt: skip
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda kind: kind.__name__)


class TwiceCell(nn.Cell):
    """Uses a gate twice, a constant, a power, a shared vector and no state in one gate."""

    state = ("h", "m")
    gates = ("u", "w")
    vectors = {"p": 0.3}

    def step(self, x, h, m):
        once = tanh(self.u(h, x) + self.p * m)
        twice = tanh(self.u(once, x))
        m = 0.5 * m + once**2 / (1 + twice * twice)
        return sigmoid(self.w(x)) * maximum(m, twice), m


def gradients(layer, x, lengths=None):
    """Outputs, states and all gradients of a loss that looks at each of them differently."""
    for parameter in layer.parameters():
        parameter.grad = None
    x = mg.Tensor(x, requires_grad=True)
    y, states = layer(x, lengths=lengths)
    states = states if isinstance(states, tuple) else (states,)
    factor = np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)
    ((y * factor).sum() + sum(((s * s).sum() for s in states), 0 * y.sum())).backward()
    return [y.data, *(s.data for s in states), x.grad, *(p.grad for p in layer.parameters())]


def both_ways(cell, dtype, shape, lengths=None, **options):
    found = []
    for fused in (True, False):
        layer = nn.Recurrent(shape[2], 4, cell=cell, rng=1, dtype=dtype, fused=fused, **options)
        x = np.random.default_rng(2).normal(size=shape).astype(dtype)
        found.append(gradients(layer, x, lengths))
    return zip(*found, strict=True)


def assert_close(pairs, tolerance):
    for fused, plain in pairs:
        size = 1 + np.max(np.abs(plain), initial=0)
        np.testing.assert_allclose(fused / size, plain / size, rtol=0, atol=tolerance)
        assert fused.dtype == plain.dtype


@each_cell
@pytest.mark.parametrize("lengths", [None, [4, 1, 0]], ids=["full", "padded"])
def test_fused_equals_plain_in_float64(cell, lengths):
    assert_close(both_ways(cell, np.float64, (3, 4, 2), lengths), 1e-14)


@each_cell
def test_fused_equals_plain_in_float32_on_numpy(cell):
    with compiler.backend("numpy"):
        assert_close(both_ways(cell, np.float32, (3, 4, 2), [4, 3, 1]), 1e-6)


@pytest.mark.skipif(not compiler.has_numba(), reason="needs Numba")
@pytest.mark.parametrize(
    "cell",
    [
        nn.LSTMCell,
        nn.GRUCell,
        nn.SLSTMCell,
        nn.LinearAttentionCell,
        nn.S4DCell,
        nn.SelectiveSSMCell,
        nn.LRUCell,
        TwiceCell,
    ],
)
@pytest.mark.parametrize("lengths", [None, [4, 1, 0]], ids=["full", "padded"])
def test_fused_equals_plain_in_float32_on_numba(cell, lengths):
    with compiler.backend("numba"):
        assert_close(both_ways(cell, np.float32, (3, 4, 2), lengths), 3e-6)


@pytest.mark.skipif(not compiler.has_numba(), reason="needs Numba")
def test_products_by_the_blas_are_those_of_small_loops():
    """Sizes on both sides of the size from which the BLAS is called."""
    with compiler.backend("numba"):
        for batch in (1, 2, 40):
            assert_close(both_ways(nn.LSTMCell, np.float32, (batch, 3, 20)), 3e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_cell_of_one_s_own_is_fused(dtype):
    assert cells.fuse(TwiceCell(2, 4, rng=0), lambda *_: None) is not None
    assert_close(both_ways(TwiceCell, dtype, (3, 5, 2), [5, 2, 3]), 3e-6)


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("segment", [1, 2, 3, 7])
def test_checkpoints_change_nothing(cell, segment):
    pairs = zip(
        gradients(nn.Recurrent(2, 4, cell=cell, rng=1, dtype=np.float64),
                  np.random.default_rng(0).normal(size=(3, 7, 2)), [7, 2, 4]),
        gradients(nn.Recurrent(2, 4, cell=cell, rng=1, dtype=np.float64, checkpoint_every=segment),
                  np.random.default_rng(0).normal(size=(3, 7, 2)), [7, 2, 4]),
        strict=True,
    )  # fmt: skip
    assert_close(pairs, 1e-14)


@settings(max_examples=15, deadline=None)
@given(
    batch=st.integers(1, 4), time=st.integers(2, 6), width=st.integers(1, 3),
    layers=st.integers(1, 2), both=st.booleans(), data=st.data(),
)  # fmt: skip
def test_any_shape_number_of_layers_and_lengths(batch, time, width, layers, both, data):
    lengths = data.draw(st.none() | st.lists(st.integers(0, time), min_size=batch, max_size=batch))
    pairs = both_ways(nn.LSTMCell, np.float64, (batch, time, width), lengths,
                      num_layers=layers, bidirectional=both)  # fmt: skip
    assert_close(pairs, 1e-13)


def test_dropout_draws_the_same_fused_and_plain():
    pairs = both_ways(nn.GRUCell, np.float64, (3, 5, 2), num_layers=2, dropout=0.4,
                      recurrent_dropout=0.3)  # fmt: skip
    assert_close(pairs, 1e-14)


def test_a_sequence_without_a_batch_and_one_that_is_not_contiguous():
    x = np.random.default_rng(0).normal(size=(6, 5, 4))[::2, :, ::2]
    for sample in (x[0], x):
        layer = nn.LSTM(2, 3, rng=0, dtype=np.float64)
        plain = nn.LSTM(2, 3, rng=0, dtype=np.float64, fused=False)
        for ours, theirs in zip(gradients(layer, sample), gradients(plain, sample), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-14)


def test_one_operation_per_layer_and_direction():
    layer = nn.LSTM(2, 3, num_layers=2, bidirectional=True, rng=0)
    y, _ = layer(np.ones((2, 5, 2), np.float32))
    names = [node.primitive.name for node in mg.tape.ancestors([y]) if node.primitive]
    assert names.count("fused LSTMCell") == 4
    assert not {"matmul", "tanh"} & set(names)


def test_unfused_runs_step_by_step():
    layer = nn.LSTM(2, 3, rng=0)
    with mg.unfused():
        y, _ = layer(np.ones((2, 5, 2), np.float32))
    names = {node.primitive.name for node in mg.tape.ancestors([y]) if node.primitive}
    assert "matmul" in names
    assert "fused LSTMCell" not in names


def test_a_layer_that_first_runs_without_recording_is_fused_too():
    """Its equations are read off the tape all the same, and what was read is kept."""

    class FirstCell(nn.LSTMCell):
        pass

    layer = nn.Recurrent(2, 3, cell=FirstCell, rng=0).eval()
    with mg.no_grad():
        layer(np.ones((2, 5, 2), np.float32))
    for training in (False, True):
        y, _ = layer.train(training)(np.ones((2, 5, 2), np.float32))
        names = {node.primitive.name for node in mg.tape.ancestors([y]) if node.primitive}
        assert "fused FirstCell" in names


def test_higher_derivatives_are_those_of_the_steps():
    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    found = []
    for fused in (True, False):
        layer = nn.GRU(2, 3, rng=0, dtype=np.float64, fused=fused)
        hessian = mg.hessian(lambda x, layer=layer: (layer(x)[0] ** 2).sum())
        found.append(hessian(x).data)  # it depends on the parameters too
    np.testing.assert_allclose(*found, atol=1e-12)


def test_the_jvp_is_that_of_the_steps():
    x, v = np.random.default_rng(0).normal(size=(2, 2, 3, 2))
    moved = [
        mg.jvp(lambda x, f=fused: nn.LSTM(2, 3, rng=0, dtype=np.float64, fused=f)(x)[0], x, v)[1]
        for fused in (True, False)
    ]
    np.testing.assert_allclose(*(getattr(m, "data", m) for m in moved), atol=1e-13)


def test_frozen_parameters_get_no_gradient():
    layer = nn.LSTM(2, 3, rng=0)
    layer.freeze()
    x = mg.Tensor(np.ones((1, 4, 2), np.float32), requires_grad=True)
    layer(x)[0].sum().backward()
    assert x.grad is not None
    assert all(p.grad is None for p in layer.parameters())


def test_nan_in_padding_reaches_nothing():
    layer = nn.LSTM(2, 3, rng=0, dtype=np.float64)
    x = np.ones((2, 4, 2))
    x[1, 2:] = np.nan
    found = gradients(layer, x, [4, 2])
    assert all(np.isfinite(array).all() for array in found)


def test_a_loss_that_is_lost_is_seen():
    """NaN goes through the kernels' tanh as through NumPy's."""
    layer = nn.LSTM(2, 3, rng=0)
    x = np.ones((1, 4, 2), np.float32)
    x[0, 1] = np.nan
    y, _ = layer(x)
    assert np.isfinite(y.data[0, 0]).all()
    assert np.isnan(y.data[0, 1:]).all()


def test_an_activation_of_its_own_is_in_the_kernel():
    pairs = both_ways(nn.RNNCell, np.float64, (2, 4, 3), activation=relu)
    assert_close(pairs, 1e-14)


class KinkyCell(nn.Cell):
    """At its kinks from the start: the state is 0 there."""

    gates = ("a",)

    def step(self, x, h):
        a = tanh(self.a(x))
        kinks = abs(h) + relu(-h) / 2 + maximum(h, 0 * h) + mg.minimum(a, a) + np.clip(h, 0, 1)
        return 0.1 * (a + kinks + np.where(h > 0, h, a) + (h >= 0) * h + np.sign(h))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_at_a_kink_a_kernel_has_the_engine_s_derivative(dtype):
    assert cells.plan(KinkyCell(3, 4)).state == ("h",)  # it is fused
    of_state = []
    for fused in (True, False):
        layer = nn.Recurrent(3, 4, cell=KinkyCell, rng=1, dtype=dtype, fused=fused)
        h = mg.Tensor(np.zeros((1, 2, 4), dtype), requires_grad=True)
        layer(np.ones((2, 3, 3), dtype), h)[0].sum().backward()
        of_state.append((h.grad, layer.cell.a.weight.grad))
    assert_close(zip(*of_state, strict=True), 1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", [np.sin, np.cos, np.exp, mg.softplus, mg.gelu])
def test_a_function_s_value_takes_no_name_that_the_kernel_calls(activation, dtype):
    pairs = both_ways(nn.LayerNormLSTMCell, dtype, (2, 4, 3), activation=activation)
    assert_close(pairs, 1e-13 if dtype == np.float64 else 1e-5)


class SpokenFor(nn.Cell):
    """Its gates have the names of what the generated code calls."""

    state = ("outer",)
    gates = ("sin", "clear", "block", "over_time", "total", "range")

    def step(self, x, outer):
        gates = (getattr(self, name)(outer, x) for name in self.gates)
        first, second, third, fourth, fifth, sixth = map(tanh, gates)
        return first * second + third * mg.cos(fourth) - fifth * sixth


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_gate_may_have_any_name(dtype):
    assert cells.plan(SpokenFor(3, 4)).state == ("outer",)  # it is fused
    assert_close(both_ways(SpokenFor, dtype, (2, 4, 3)), 1e-13 if dtype == np.float64 else 1e-5)


class BranchingCell(nn.Cell):
    state = ("h",)
    gates = ("a",)

    def step(self, x, h):
        value = tanh(self.a(h, x))
        return value if float(np.asarray(getattr(x, "data", x)).flat[0]) > 0.45 else 2 * value


class WideningCell(nn.Cell):
    state = ("h",)
    gates = ("a",)

    def step(self, x, h):
        return tanh(self.a(h, x)) * x.sum()


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (BranchingCell, "branches on values"),
        (WideningCell, "sum"),
        (nn.ProjectedLSTMCell, "different widths: h 2, c 4"),
    ],
)
def test_a_cell_that_cannot_be_fused_says_why_and_runs_on_the_tape(cell, why):
    with pytest.raises(cells.NotFusableError, match=why):
        cells.fusable(cell(1, 4, rng=0))
    layer = nn.Recurrent(1, 4, cell=cell, rng=0)
    y, _ = layer(np.ones((2, 3, 1), np.float32))
    assert not any("fused" in n.primitive.name for n in mg.tape.ancestors([y]) if n.primitive)


def test_a_changed_attribute_is_another_kernel():
    class Scaled(nn.Cell):
        state = ("h",)
        gates = ("a",)
        factor = 1.0

        def step(self, x, h):
            return self.factor * tanh(self.a(h, x))

    layer = nn.Recurrent(2, 3, cell=Scaled, rng=0, dtype=np.float64)
    x = np.ones((1, 3, 2))
    layer(x)
    layer.cell.factor = 3.0
    fused = layer(x)[0].data
    layer.fused = False
    np.testing.assert_allclose(fused, layer(x)[0].data, rtol=1e-14)


def test_unknown_backends_are_refused():
    with pytest.raises(ValueError, match="got 'cuda', expected 'numpy' or 'numba'"), \
            compiler.backend("cuda"):  # fmt: skip
        pass
