"""Claims about cells, layers and attention, among them those that libraries got wrong."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, sigmoid, tanh

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]


def _layer(kind, **options):
    return kind(3, 4, rng=0, dtype=np.float64, **options)


def _states(state):
    return state if isinstance(state, tuple) else (state,)


def _zeros(layer, shape):
    states = tuple(np.zeros(shape) for _ in layer.cell.state)
    return states if len(states) > 1 else states[0]


@pytest.mark.parametrize("kind", LAYERS)
def test_no_initial_state_is_a_state_of_zeros(kind, rng):
    layer, x = _layer(kind), rng.normal(size=(2, 5, 3))
    without, _ = layer(x)
    given, _ = layer(x, _zeros(layer, (1, 2, 4)))
    np.testing.assert_array_equal(without.data, given.data)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_is_a_loop_of_its_cell(kind, rng):
    layer, x = _layer(kind), rng.normal(size=(2, 5, 3))
    y, final = layer(x)
    state = None
    for t in range(5):
        state = layer.cell(x[:, t], state)
        np.testing.assert_allclose(y.data[:, t], _states(state)[0].data, rtol=1e-12, atol=1e-15)
    for ours, cells in zip(_states(final), _states(state), strict=True):
        np.testing.assert_allclose(ours.data[0], cells.data, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", LAYERS)
def test_steps_one_at_a_time_give_the_same_as_the_whole_sequence(kind, rng):
    layer, x = _layer(kind), rng.normal(size=(5, 3))
    whole, final = layer(x)
    state = None
    for t in range(5):
        y, state = layer(x[t], state)
        np.testing.assert_allclose(y.data, whole.data[t], rtol=1e-13, atol=1e-15)
    for a, b in zip(_states(state), _states(final), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_sequence_in_a_batch_is_as_it_is_alone(kind, rng):
    layer, x = _layer(kind), rng.normal(size=(2, 5, 3))
    together, _ = layer(x)
    for k in range(2):
        np.testing.assert_allclose(together.data[k], layer(x[k])[0].data, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", LAYERS)
def test_any_output_or_final_state_may_be_left_unused(kind, rng):
    layer, x = _layer(kind), rng.normal(size=(2, 3, 3))
    for use in (lambda y, s: y, *(lambda y, s, k=k: _states(s)[k] for k in range(2))):
        y, state = layer(x)
        if len(_states(state)) == 1 and use.__defaults__ == (1,):
            continue
        layer.zero_grad()
        use(y, state).sum().backward()
        assert any(np.any(p.grad) for p in layer.parameters() if p.grad is not None)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("batch", "time"), [(0, 2), (1, 1), (3, 1)])
def test_empty_and_single_batches_and_steps(kind, batch, time):
    layer = _layer(kind)
    y, state = layer(np.ones((batch, time, 3)))
    assert y.shape == (batch, time, 4)
    assert _states(state)[0].shape == (1, batch, 4)
    y.sum().backward()
    assert all(p.grad.shape == p.shape for p in layer.parameters())


@pytest.mark.parametrize("kind", LAYERS)
def test_non_contiguous_inputs_give_the_same(kind, rng):
    layer, x = _layer(kind), rng.normal(size=(5, 2, 3))
    view = x.transpose(1, 0, 2)
    np.testing.assert_allclose(
        layer(view)[0].data, layer(np.ascontiguousarray(view))[0].data, rtol=1e-14, atol=1e-15
    )


@pytest.mark.parametrize("kind", LAYERS)
def test_float32_stays_float32_through_a_layer_and_back(kind):
    layer = kind(3, 4, rng=0)
    y, state = layer(np.ones((2, 5, 3), np.float32))
    y.sum().backward()
    dtypes = {y.dtype, _states(state)[0].dtype, *(p.grad.dtype for p in layer.parameters())}
    assert dtypes == {np.dtype(np.float32)}


def test_the_loop_of_the_course_notes():
    sentence = np.eye(5)
    my_rnn = nn.RNN(5, 4, output_size=5, rng=0)
    hidden_state = [0, 0, 0, 0]
    for word in sentence:
        prediction, hidden_state = my_rnn(word, hidden_state)
    assert prediction.shape == (5,)
    assert hidden_state.shape == (1, 4)
    np.testing.assert_allclose(prediction.data, my_rnn(sentence)[0].data[-1], rtol=1e-6)


def test_return_sequences_false_gives_the_last_output(rng):
    x = rng.normal(size=(2, 5, 3))
    all_steps = _layer(nn.GRU)(x)[0]
    last = _layer(nn.GRU, return_sequences=False)(x)[0]
    np.testing.assert_array_equal(last.data, all_steps.data[:, -1])


@pytest.mark.parametrize("kind", LAYERS)
def test_wrong_shapes_are_refused_with_both_shapes(kind):
    layer = _layer(kind)
    with pytest.raises(ValueError, match=r"got an input of shape \(2, 5, 7\), expected \(…, 3\)"):
        layer(np.ones((2, 5, 7)))
    with pytest.raises(ValueError, match=r"shape \(2, 2, 5, 3\), expected \(batch, time, 3\)"):
        layer(np.ones((2, 2, 5, 3)))
    with pytest.raises(
        ValueError, match=r"got a state of shape .*\(3, 4\).*, expected h \(1, 2, 4"
    ):
        layer(np.ones((2, 5, 3)), _zeros(layer, (3, 4)))
    with pytest.raises(ValueError, match="no steps"):
        layer(np.ones((2, 0, 3)))


def test_a_cell_s_state_of_the_wrong_shape_is_refused():
    cell = nn.LSTMCell(3, 4)
    with pytest.raises(ValueError, match=r"expected h \(2, 4\), c \(2, 4\), as a tuple \(h, c\)"):
        cell(np.ones((2, 3)), np.ones((2, 4)))


@pytest.mark.parametrize("sizes", [(0, 4), (3, -1), (3, 2.5), (True, 4)])
def test_sizes_that_are_no_positive_integers_are_refused(sizes):
    with pytest.raises(ValueError, match="expected a positive integer"):
        nn.LSTMCell(*sizes)


def test_the_lstm_is_its_equations(rng):
    """Against the equations typed out once more, with NumPy alone."""
    cell = nn.LSTMCell(3, 4, rng=0, dtype=np.float64)
    x, h, c = rng.normal(size=(2, 3)), rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    joined = np.concatenate([h, x], axis=1)
    a = {k: joined @ g.weight.data.T + g.bias.data for k, g in vars(cell).items() if k in "figo"}
    logistic = {k: 1 / (1 + np.exp(-v)) for k, v in a.items()}
    c_new = logistic["f"] * c + logistic["i"] * np.tanh(a["g"])
    h_new = logistic["o"] * np.tanh(c_new)
    ours_h, ours_c = cell(x, (h, c))
    np.testing.assert_allclose(ours_h.data, h_new, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(ours_c.data, c_new, rtol=1e-13, atol=1e-15)


def test_the_gru_resets_before_the_product(rng):
    cell = nn.GRUCell(3, 4, rng=0, dtype=np.float64)
    x, h = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    affine = lambda g, *parts: np.concatenate(parts, 1) @ g.weight.data.T + g.bias.data  # noqa: E731
    z = 1 / (1 + np.exp(-affine(cell.z, h, x)))
    r = 1 / (1 + np.exp(-affine(cell.r, h, x)))
    candidate = np.tanh(affine(cell.h_tilde, r * h, x))
    np.testing.assert_allclose(cell(x, h).data, (1 - z) * h + z * candidate, rtol=1e-13, atol=1e-15)


def test_a_cell_of_one_s_own_needs_its_equations_only(rng):
    class Minimal(nn.Cell):
        state = ("h",)
        gates = ("f", "g")

        def step(self, x, h):
            f = sigmoid(self.f(h, x))
            return (1 - f) * h + f * tanh(self.g(f * h, x))

    layer = nn.Recurrent(3, 4, cell=Minimal)
    y, h = layer(rng.normal(size=(2, 5, 3)))
    y.sum().backward()
    assert sorted(name for name, _ in layer.named_parameters()) == [
        "cells.0.f.bias", "cells.0.f.weight", "cells.0.g.bias", "cells.0.g.weight",
    ]  # fmt: skip
    assert h.shape == (1, 2, 4)


def test_a_step_that_returns_too_few_states_says_so():
    class Forgetful(nn.LSTMCell):
        def step(self, x, h, c):
            return h

    with pytest.raises(ValueError, match="returned one value, expected 2: h, c"):
        Forgetful(3, 4)


def test_attention_rows_are_means_of_the_values(rng):
    query, key, value = (rng.normal(size=(2, n, 4)) for n in (3, 5, 5))
    output, weights = nn.scaled_dot_product_attention(query, key, value)
    scores = np.einsum("bqd,bkd->bqk", query, key) / 2
    expected = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        output, np.einsum("bqk,bkv->bqv", expected, value), rtol=1e-13, atol=1e-15
    )


def test_attention_of_widths_that_differ_is_refused():
    with pytest.raises(ValueError, match=r"query \(2, 3\), key \(2, 4\)"):
        nn.scaled_dot_product_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4)))


def test_a_state_dict_goes_out_and_in_and_faults_are_listed_at_once():
    one, other = nn.LSTM(3, 4, rng=0), nn.LSTM(3, 4, rng=1)
    other.load_state_dict(one.state_dict())
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    state = one.state_dict()
    state["bias_hh_l0"] = np.zeros(7)
    state["extra"] = state.pop("weight_ih_l0")
    before = other.state_dict()
    with pytest.raises(ValueError, match=r"missing weight_ih_l0; unknown extra; bias_hh_l0: got"):
        other.load_state_dict(state)
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_mse_loss_refuses_to_broadcast():
    with pytest.raises(ValueError, match=r"\(3,\).*\(3, 1\), expected the same"):
        nn.mse_loss(mg.Tensor(np.ones(3)), np.ones((3, 1)))


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_a_convolution_that_keeps_the_length_has_no_stride(mode):
    with pytest.raises(ValueError, match=r'Conv2d: got padding="same" with stride \(1, 2\)'):
        nn.Conv2d(3, 4, 3, (1, 2), padding="same", padding_mode=mode)
