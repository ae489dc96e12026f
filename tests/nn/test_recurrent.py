"""Recurrent layers: what PyTorch and Keras compute, and equivalences that libraries got wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.targets import LAYERS
from tests.references import assert_agrees, references

CELLS = [kind for kind in LAYERS.values() if issubclass(kind, nn.Cell)]
SCANNED = [kind for kind in CELLS if issubclass(kind, nn.ScanCell)]
KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CASES = [
    (file, case, dtype)
    for dtype in ("float64", "float32")
    for file in KINDS
    for case in references(file)
    if "projected" not in case
]
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda kind: kind.__name__)


def made(cell, **options):
    return nn.Recurrent(3, 4, cell=cell, rng=0, dtype=np.float64, **options)


def states(state):
    return state if isinstance(state, tuple) else (state,)


def gradients_packed(layer):
    """The parameters' gradients as PyTorch packs them: both of its biases have the same one."""
    kept = [p.data for p in layer.parameters()]
    for p in layer.parameters():
        p.data = p.grad
    packed = layer.state_dict()
    for p, data in zip(layer.parameters(), kept, strict=True):
        p.data = data
    for name, b_h in list(packed.items()):
        if name.startswith("bias_hh"):
            packed[name] = np.where(b_h == 0, packed[name.replace("hh", "ih")], b_h)
    return packed


@pytest.mark.parametrize(("file", "case", "dtype"), CASES)
def test_outputs_and_gradients_are_pytorch_s(file, case, dtype):
    reference = references(file, dtype)[case]
    options = {"bidirectional": "bidirectional" in case, "num_layers": int(case[6])}
    if file == "gru":
        options["reset_after"] = True
    if "relu" in case:
        options["activation"] = mg.relu
    layer = KINDS[file](3, 4, dtype=dtype, **options)
    layer.load_state_dict(reference.weights)
    inputs = {k: mg.Tensor(v, requires_grad=True) if v.dtype.kind == "f" else v
              for k, v in reference.inputs.items()}  # fmt: skip
    initial = tuple(inputs[k] for k in ("h0", "c0") if k in inputs)
    y, final = layer(inputs["x"], initial, lengths=inputs.get("lengths"))
    outputs = dict(zip(("y", "h", "c"), (y, *states(final)), strict=False))
    total = sum((outputs[k] * v).sum() for k, v in reference.cotangents.items())
    total.backward()
    assert_agrees({k: v.data for k, v in outputs.items()}, reference.outputs, dtype)
    found = gradients_packed(layer)
    found |= {k: v.grad for k, v in inputs.items() if isinstance(v, mg.Tensor)}
    assert_agrees(found, reference.gradients, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_projected_lstm_is_pytorch_s(dtype):
    reference = references("lstm", dtype)["layers1-projected"]
    layer = nn.Recurrent(3, 4, cell=lambda *a, **o: nn.ProjectedLSTMCell(*a, proj_size=2, **o),
                         dtype=dtype)  # fmt: skip
    w = reference.weights
    for k, gate in enumerate("ifgo"):
        rows = slice(4 * k, 4 * k + 4)
        own = getattr(layer.cell, gate)
        own.weight.data = np.hstack([w["weight_hh_l0"][rows], w["weight_ih_l0"][rows]])
        own.bias.data = w["bias_ih_l0"][rows] + w["bias_hh_l0"][rows]
    layer.cell.p.weight.data, layer.cell.p.bias.data = w["weight_hr_l0"], np.zeros(2, dtype)
    inputs = reference.inputs
    y, (h, c) = layer(inputs["x"], (inputs["h0"], inputs["c0"]))
    assert_agrees({"y": y.data, "h": h.data, "c": c.data}, reference.outputs, dtype)


# Keras computes its SimpleRNN and its older GRU in float32 in part, whatever dtype it is given:
# its results lie 3e-8 off those of the same loop typed out in float64.
@pytest.mark.parametrize(
    ("case", "dtype"),
    [(case, "float32") for case in ("simple_rnn", "lstm", "gru-reset_after", "gru-reset_before")]
    + [(case, "float64") for case in ("lstm", "gru-reset_after")],
)
def test_outputs_are_keras_s(case, dtype):
    reference = references("keras", dtype)[case]
    kind = KINDS[{"simple_rnn": "rnn", "lstm": "lstm"}.get(case, "gru")]
    layer = kind.from_keras_weights(
        [reference.weights[k] for k in ("kernel", "recurrent_kernel", "bias")]
    )
    assert layer.cell.input_size == 3
    assert {p.dtype for p in layer.parameters()} == {np.dtype(dtype)}
    x = mg.Tensor(reference.inputs["x"], requires_grad=True)
    y, final = layer(x)
    outputs = {"y": y} | dict(zip("hc", (s[0] for s in states(final)), strict=False))
    sum((outputs[k] * v).sum() for k, v in reference.cotangents.items()).backward()
    assert_agrees({k: v.data for k, v in outputs.items()}, reference.outputs, dtype)
    assert_agrees({"x": x.grad}, {"x": reference.gradients["x"]}, dtype)


def test_a_state_dict_of_pytorch_s_goes_in_and_out():
    for file, kind in KINDS.items():
        reference = references(file)["layers2-bidirectional"]
        options = {"reset_after": True} if file == "gru" else {}
        layer = kind(3, 4, num_layers=2, bidirectional=True, dtype=np.float64, **options)
        layer.load_state_dict(reference.weights)
        out = layer.state_dict()
        assert out.keys() == reference.weights.keys()
        twin = kind(3, 4, num_layers=2, bidirectional=True, dtype=np.float64, **options)
        twin.load_state_dict(out)
        for a, b in zip(layer.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(a.data, b.data)


def test_a_layer_inside_a_model_keeps_pytorch_s_names():
    class Model(nn.Module):
        def __init__(self):
            self.rnn = nn.LSTM(3, 4, output_size=2)

    assert set(Model().state_dict()) == {
        "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0",
        "rnn.output.weight", "rnn.output.bias",
    }  # fmt: skip


def test_a_stack_of_keras_layers_in_both_directions_is_one_layer(rng):
    shapes = [(3, 16), (4, 16), (16,)] * 2 + [(8, 16), (4, 16), (16,)] * 2
    weights = [rng.normal(size=shape) for shape in shapes]
    both = nn.LSTM.from_keras_weights(weights, bidirectional=True)
    one_by_one = nn.LSTM(3, 4, num_layers=2, bidirectional=True, dtype=np.float64)
    one_by_one.load_keras_weights(weights)
    x = rng.normal(size=(2, 5, 3))
    np.testing.assert_array_equal(both(x)[0].data, one_by_one(x)[0].data)


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        (nn.LSTM, []), (nn.LSTM, [(3, 16), (4, 16)]), (nn.GRU, [(3,), (4, 12), (12,)]),
        (nn.LSTM, [(3, 16), (4, 16), (12,)]), (nn.RNN, [(3, 16), (4, 16), (16,)]),
    ],
)  # fmt: skip
def test_keras_weights_that_are_no_layer_s_are_refused_with_their_shapes(kind, shapes):
    with pytest.raises(ValueError, match=re.escape(f"got shapes {shapes}, expected")):
        kind.from_keras_weights([np.ones(shape) for shape in shapes])


def test_keras_weights_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"got shapes \[\(3, 4\)\], expected \[\(3, 16\), \(4, 16"):
        nn.LSTM(3, 4).load_keras_weights([np.ones((3, 4))])
    with pytest.raises(ValueError, match="Keras has no layer of MGUCell"):
        nn.Recurrent(3, 4, cell=nn.MGUCell).load_keras_weights([])


@each_cell
def test_no_initial_state_is_zeros_and_a_layer_is_a_loop_of_its_cell(cell, rng):
    layer, x = made(cell), rng.normal(size=(2, 5, 3))
    y, final = layer(x)
    zeros = tuple(np.zeros((1, 2, layer.cell.size_of(name))) for name in cell.state)
    np.testing.assert_array_equal(layer(x, zeros)[0].data, y.data)
    state = None
    for t in range(5):
        state = layer.cell(x[:, t], state)
        np.testing.assert_allclose(y.data[:, t], states(state)[0].data, rtol=1e-12, atol=1e-15)
    for ours, cells in zip(states(final), states(state), strict=True):
        np.testing.assert_allclose(ours.data[0], cells.data, rtol=1e-12, atol=1e-15)


@each_cell
def test_the_reversed_direction_is_the_reversed_input(cell, rng):
    both, x = made(cell, bidirectional=True), rng.normal(size=(2, 5, 3))
    y, final = both(x)
    width = both.cell.size_of(cell.state[0])
    backward = made(cell)
    backward.cells[0] = both.cells[1]
    turned, last = backward(x[:, ::-1])
    np.testing.assert_array_equal(y.data[..., width:], turned.data[:, ::-1])
    for ours, other in zip(states(final), states(last), strict=True):
        np.testing.assert_array_equal(ours.data[1], other.data[0])


@each_cell
def test_each_sequence_of_a_padded_batch_is_as_it_is_alone(cell, rng):
    layer = made(cell, num_layers=2, bidirectional=True, output_size=2)
    x, lengths = rng.normal(size=(4, 6, 3)), [6, 1, 4, 3]
    for k, n in enumerate(lengths):
        x[k, n:] = np.nan  # whatever is in the padding
    with np.errstate(all="ignore"):
        y, final = layer(np.nan_to_num(x, nan=1e6), lengths=lengths)
    for k, n in enumerate(lengths):
        alone, last = layer(x[k : k + 1, :n])
        np.testing.assert_allclose(y.data[k, :n], alone.data[0], rtol=1e-12, atol=1e-14)
        assert not y.data[k, n:].any()
        for ours, other in zip(states(final), states(last), strict=True):
            np.testing.assert_allclose(ours.data[:, k], other.data[:, 0], rtol=1e-12, atol=1e-14)


@each_cell
def test_padding_reaches_no_gradient(cell, rng):
    layer, lengths = made(cell, num_layers=2, bidirectional=True), [2, 4]
    clean = rng.normal(size=(2, 4, 3))
    found = []
    for filler in (0.0, 50.0):
        x = clean.copy()
        x[0, 2:] = filler
        x = mg.Tensor(x, requires_grad=True)
        layer.zero_grad()
        y, final = layer(x, lengths=lengths)
        (y.sum() + sum(s.sum() for s in states(final))).backward()
        assert not x.grad[0, 2:].any()
        found.append([x.grad, *(p.grad for p in layer.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@each_cell
def test_any_one_output_or_final_state_may_be_left_unused(cell, rng):
    layer, x = made(cell, num_layers=2), rng.normal(size=(2, 3, 3))
    parts = 1 + len(cell.state)
    together = {}
    for used in [*([k] for k in range(parts)), range(parts)]:
        y, final = layer(x)
        layer.zero_grad()
        sum((y, *states(final))[k].sum() for k in used).backward()
        for name, p in layer.named_parameters():
            zero = np.zeros(p.shape)
            got = zero if p.grad is None else p.grad
            if len(used) == 1:
                together[name] = together.get(name, zero) + got
            else:
                np.testing.assert_allclose(together[name], got, rtol=1e-10, atol=1e-12)


@each_cell
@pytest.mark.parametrize(("batch", "time"), [(0, 2), (1, 1), (3, 1)])
def test_empty_and_single_batches_and_steps(cell, batch, time):
    layer = made(cell, bidirectional=True)
    y, final = layer(np.ones((batch, time, 3)))
    width = layer.cell.size_of(cell.state[0])
    assert y.shape == (batch, time, 2 * width)
    assert states(final)[0].shape == (2, batch, width)
    (y.sum() + sum(s.sum() for s in states(final))).backward()
    assert all(p.grad.shape == p.shape for p in layer.parameters())


@each_cell
def test_windows_with_the_state_handed_on_are_the_whole_sequence(cell, rng):
    layer, x = made(cell, num_layers=2), rng.normal(size=(2, 6, 3))
    whole, last = layer(x)
    first, state = layer(x[:, :4])
    second, state = layer(x[:, 4:], nn.detach(state))
    joined = np.concatenate([first.data, second.data], axis=1)
    np.testing.assert_allclose(joined, whole.data, rtol=1e-12, atol=1e-14)
    for ours, other in zip(states(state), states(last), strict=True):
        np.testing.assert_allclose(ours.data, other.data, rtol=1e-12, atol=1e-14)
    second.sum().backward()  # the gradient ends where the state was detached
    assert all(p.grad is not None for name, p in layer.named_parameters() if ".u." not in name)


@each_cell
@pytest.mark.parametrize("batch", [(), (2,)])
def test_steps_one_at_a_time_are_the_whole_sequence(cell, batch, rng):
    layer, x = made(cell, num_layers=2, output_size=3), rng.normal(size=(*batch, 5, 3))
    whole, last = layer(x)
    state = None
    for t in range(5):
        prediction, state = layer(x[..., t : t + 1, :] if batch else x[t], state)
        at_t = whole.data[..., t : t + 1, :] if batch else whole.data[t]
        np.testing.assert_allclose(prediction.data, at_t, rtol=1e-12, atol=1e-14)
    for ours, other in zip(states(state), states(last), strict=True):
        np.testing.assert_allclose(ours.data, other.data, rtol=1e-12, atol=1e-14)


@each_cell
def test_the_last_output_alone_is_that_of_the_sequence(cell, rng):
    x, lengths = rng.normal(size=(3, 4, 3)), [4, 1, 3]
    options = {"bidirectional": True, "num_layers": 2}
    whole, _ = made(cell, **options)(x, lengths=lengths)
    layer = made(cell, return_sequences=False, **options)
    last, _ = layer(x, lengths=lengths)
    width = last.shape[-1] // 2
    for k, n in enumerate(lengths):  # the reversed direction ends at the first step
        np.testing.assert_allclose(last.data[k, :width], whole.data[k, n - 1, :width], rtol=1e-12)
        np.testing.assert_allclose(last.data[k, width:], whole.data[k, 0, width:], rtol=1e-12)


@each_cell
def test_non_contiguous_inputs_and_states_give_the_same(cell, rng):
    layer = made(cell, bidirectional=True)
    x = rng.normal(size=(4, 5, 3)).transpose(1, 0, 2)[::2]
    start = tuple(np.asfortranarray(rng.uniform(0.5, 1, (2, 3, layer.cell.size_of(name))))[::-1]
                  for name in cell.state)  # fmt: skip
    found = []
    for order in ("A", "C"):
        given = mg.Tensor(x if order == "A" else x.copy("C"), requires_grad=True)
        assert given.data.flags.c_contiguous == (order == "C")
        layer.zero_grad()
        y, final = layer(given, start if order == "A" else tuple(s.copy("C") for s in start))
        (y.sum() + sum(s.sum() for s in states(final))).backward()
        found.append([y.data, given.grad, *(p.grad for p in layer.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@each_cell
def test_wrong_shapes_are_refused_with_both_shapes(cell):
    layer, x = made(cell), np.ones((2, 5, 3))
    with pytest.raises(ValueError, match=r"got an input of shape \(2, 5, 7\), expected \(…, 3\)"):
        layer(np.ones((2, 5, 7)))
    with pytest.raises(ValueError, match=r"shape \(2, 2, 5, 3\), expected \(batch, time, 3\)"):
        layer(np.ones((2, 2, 5, 3)))
    with pytest.raises(ValueError, match=r"no steps \(2, 0, 3\)"):
        layer(np.ones((2, 0, 3)))
    wide = layer.cell.size_of(cell.state[0])
    wrong = tuple(np.ones((3, 5)) for _ in cell.state)
    expected = rf"state of shape \(3, 5\).*, expected {cell.state[0]} \(1, 2, {wide}\)"
    with pytest.raises(ValueError, match=expected):
        layer(x, wrong)
    with pytest.raises(ValueError, match=r"got a state of shape \(1, 2, 4\).* expected"):
        layer(x, (np.ones((1, 2, 4)),) * (len(cell.state) + 1))
    expected = (
        rf"state of shape \(3, 5\).*, expected {cell.state[0]} \(2, {wide}\).* for x \(2, 3\)"
    )
    with pytest.raises(ValueError, match=expected):
        layer.cell(x[:, 0], wrong)


@each_cell
@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout", "zoneout"])
def test_every_cell_takes_what_training_draws(cell, option, rng):
    """Padding and what comes after a sequence stay out of it, and evaluation draws nothing."""
    options = {"num_layers": 2, "bidirectional": True, option: 0.5}
    layer, x = made(cell, **options), mg.Tensor(rng.normal(size=(2, 4, 3)), requires_grad=True)
    y, final = layer(x, lengths=[2, 4])
    (y.sum() + sum(s.sum() for s in states(final))).backward()
    assert not y.data[0, 2:].any()
    assert not x.grad[0, 2:].any()
    assert np.abs(x.grad[1]).min(axis=-1).all()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters())
    plain = made(cell, **{**options, option: 0.0})(x)[0].data
    sees = any(any(getattr(layer.cell, gate).recurrent) for gate in cell.gates)
    stateless = option == "recurrent_dropout" and not sees
    assert np.array_equal(layer(x)[0].data, plain) == stateless  # no weight on the state there
    evaluated = layer.eval()(x)[0].data
    np.testing.assert_array_equal(evaluated, layer(x)[0].data)
    assert np.allclose(evaluated, plain) == (option != "zoneout")


@pytest.mark.parametrize("cell", SCANNED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("time", [1, 2, 7, 8])
def test_the_scan_gives_what_the_loop_gives(cell, time, rng):
    options = {"num_layers": 2, "bidirectional": True}
    loop, at_once = made(cell, fused=False, **options), made(cell, parallel=True, **options)
    x, mask = rng.normal(size=(3, time, 3)), rng.random((3, time)) < 0.6
    mask[0], mask[1] = True, False  # all steps of one sequence, none of another
    start = tuple(rng.uniform(0.5, 1, size=(4, 3, 4)) for _ in cell.state)
    found = []
    for one in (loop, at_once):
        y, final = one(x, start, mask=mask)
        weights = np.cos(np.arange(y.size).reshape(y.shape))
        (
            (y * weights).sum() + sum((k + 1) * s.sum() for k, s in enumerate(states(final)))
        ).backward()
        found.append(
            [y.data, *(s.data for s in states(final)), *(p.grad for p in one.parameters())]
        )
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_linear_attention_is_attention_with_a_key_for_each_unit(rng):
    """Weights φ(k_s) / Σ φ(k) over the steps so far, each unit by itself."""
    layer = made(nn.LinearAttentionCell)
    x = rng.normal(size=(2, 5, 3))
    y, _ = layer(x)
    with mg.no_grad():
        q, k, v = (getattr(layer.cell, name)(x) for name in "qkv")
    for t in range(5):
        keys = np.log1p(np.exp(k.data[:, : t + 1]))
        share = keys / (keys.sum(axis=1, keepdims=True) + 1e-6)
        expected = (share * v.data[:, : t + 1]).sum(axis=1) / (1 + np.exp(-q.data[:, t]))
        np.testing.assert_allclose(y.data[:, t], expected, rtol=1e-10)


def test_s4d_is_its_differential_equation_with_the_input_held(rng):
    """h′ = −a h + u by many small steps."""
    cell = nn.S4DCell(3, 4, rng=0, dtype=np.float64)
    cell.log_dt.data = np.log(np.full(4, 0.3))
    x, h = rng.normal(size=(1, 3)), rng.normal(size=(1, 4))
    _, after = cell(x, (h, h))
    u, slow, n = cell.b(x).data, h.copy(), 100_000
    for _ in range(n):
        slow += 0.3 / n * (u - np.exp(cell.log_a.data) * slow)
    np.testing.assert_allclose(after.data, slow, rtol=1e-4)


def test_the_linear_recurrent_unit_is_complex(rng):
    cell = nn.LRUCell(3, 4, rng=0, dtype=np.float64)
    x, re, im = rng.normal(size=(2, 3)), rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    y, new_re, new_im = (s.data for s in cell(x, (re, re, im)))
    pole = np.exp(-np.exp(cell.nu.data) + 1j * cell.theta.data)
    gain = np.sqrt(1 - np.abs(pole) ** 2)
    h = pole * (re + 1j * im) + gain * (cell.b_re(x).data + 1j * cell.b_im(x).data)
    np.testing.assert_allclose(new_re + 1j * new_im, h, rtol=1e-12)
    weight = cell.c.weight.data
    np.testing.assert_allclose(y, np.hstack([h.real, h.imag, x]) @ weight.T, rtol=1e-12)


def test_a_cell_whose_gates_see_the_state_is_not_scanned():
    with pytest.raises(ValueError, match="parallel=True for GRUCell, expected a ScanCell"):
        nn.GRU(3, 4, parallel=True)


def test_the_peepholes_are_on_the_diagonal(rng):
    diagonal = nn.DiagonalPeepholeLSTMCell(3, 4, rng=0, dtype=np.float64)
    full = nn.PeepholeLSTMCell(3, 4, dtype=np.float64)
    for k in "fio":
        peephole = getattr(diagonal, f"p_{k}")
        peephole.data = rng.normal(size=4)
        getattr(full, k).weight.data = np.hstack(
            [np.diag(peephole.data), getattr(diagonal, k).weight.data]
        )
    full.g.weight.data = diagonal.g.weight.data
    for k in "figo":
        getattr(full, k).bias.data = getattr(diagonal, k).bias.data
    x, state = rng.normal(size=(2, 3)), (rng.normal(size=(2, 4)), rng.normal(size=(2, 4)))
    for a, b in zip(diagonal(x, state), full(x, state), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-14)


def test_the_stabiliser_changes_nothing_but_the_range(rng):
    """Against sLSTM without m, and where exp of a gate alone would overflow."""
    cell = nn.SLSTMCell(3, 4, rng=0, dtype=np.float64)
    x, zeros = rng.normal(size=(2, 3)), np.zeros((2, 4))
    c, n = rng.normal(size=(2, 4)), rng.uniform(1, 2, size=(2, 4))
    h, *_ = cell(x, (zeros, c, n, zeros))
    with mg.no_grad():
        f, i = np.exp(cell.f(zeros, x).data), np.exp(cell.i(zeros, x).data)
        z, o = np.tanh(cell.z(zeros, x).data), 1 / (1 + np.exp(-cell.o(zeros, x).data))
    np.testing.assert_allclose(h.data, o * (f * c + i * z) / (f * n + i), rtol=1e-12)
    cell.i.bias.data = cell.i.bias.data + 2000
    assert np.isfinite(cell(x, (zeros, c, n, zeros))[0].data).all()


def test_layer_norm_makes_the_cell_blind_to_the_gates_scale(rng):
    cell = nn.LayerNormLSTMCell(3, 16, rng=0, dtype=np.float64)
    x = rng.normal(size=(2, 3))
    before = cell(x)[0].data
    for name in cell.gates:
        gate = getattr(cell, name)
        gate.weight.data, gate.bias.data = 100 * gate.weight.data, 100 * gate.bias.data
    np.testing.assert_allclose(cell(x)[0].data, before, rtol=1e-3, atol=1e-4)


def test_another_activation_takes_tanh_s_place(rng):
    x = rng.normal(size=(2, 5, 3))
    layer = nn.RNN(3, 4, activation=mg.relu, rng=0, dtype=np.float64)
    y, _ = layer(x)
    assert (y.data >= 0).all() and (y.data == 0).any() and (y.data > 1).any()
    inner = layer.cell.a
    h = np.zeros((2, 4))
    for t in range(5):
        h = np.maximum(np.hstack([h, x[:, t]]) @ inner.weight.data.T + inner.bias.data, 0)
    np.testing.assert_allclose(y.data[:, -1], h, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout", "zoneout"])
def test_what_training_draws_is_off_after_it_and_repeats_with_its_seed(option, rng):
    x = rng.normal(size=(2, 5, 3))
    plain = nn.LSTM(3, 4, num_layers=2, rng=0, dtype=np.float64)
    layers = [nn.LSTM(3, 4, num_layers=2, rng=0, dtype=np.float64, **{option: 0.5})
              for _ in range(2)]  # fmt: skip
    first, second = (layer(x)[0].data for layer in layers)
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, plain(x)[0].data)
    after = layers[0].eval()(x)[0].data
    np.testing.assert_array_equal(after, layers[0](x)[0].data)
    if option != "zoneout":  # which takes the mean of both states then
        np.testing.assert_array_equal(after, plain(x)[0].data)
    layers[0].train()(x)[0].sum().backward()
    assert all(np.isfinite(p.grad).all() for p in layers[0].parameters())


def test_zoneout_of_nearly_one_keeps_the_state(rng):
    layer = nn.GRU(3, 4, zoneout=0.999, rng=0, dtype=np.float64).eval()
    start = rng.normal(size=(1, 2, 4))
    _, h = layer(rng.normal(size=(2, 5, 3)), start)
    np.testing.assert_allclose(h.data, start, atol=0.02)


def test_lengths_that_are_no_lengths_are_refused():
    layer, x = nn.GRU(3, 4), np.ones((2, 5, 3))
    with pytest.raises(ValueError, match=r"got lengths int64 \(3,\) for x \(2, 5, 3\)"):
        layer(x, lengths=[1, 2, 3])
    with pytest.raises(ValueError, match="got lengths from 2 to 6 for sequences of 5 steps"):
        layer(x, lengths=[2, 6])
    with pytest.raises(ValueError, match="got lengths float64"):
        layer(x, lengths=[2.0, 3.0])


def test_a_state_for_too_few_layers_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"got a state of shape \(1, 2, 4\), expected h \(4, 2, 4"):
        nn.GRU(3, 4, num_layers=2, bidirectional=True)(np.ones((2, 5, 3)), np.ones((1, 2, 4)))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        nn.LSTM(3, 4, dropout=share)


# What counts

BOTH = {"num_layers": 2, "bidirectional": True}


@each_cell
@pytest.mark.parametrize(
    "options", [{}, {"fused": False}, {"num_layers": 2, "bidirectional": True}]
)
def test_steps_that_do_not_count_are_as_if_they_were_not_there(cell, options, rng):
    """Gaps, padding before and after, NaN in it; outputs, states and gradients."""
    layer = made(cell, **options)
    counts = np.array([[0, 1, 1, 0, 1], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    x = rng.normal(size=(4, 5, 3))
    x[~counts] = np.nan
    start = tuple(rng.uniform(0.5, 1, (len(layer.cells), 4, layer.cell.size_of(name)))
                  for name in cell.state)  # fmt: skip
    given = mg.Tensor(x, requires_grad=True)
    y, final = layer(given, start, mask=counts)
    assert not y.data[~counts].any()
    g = rng.normal(size=y.shape)
    ((y * g).sum() + sum(s.sum() for s in states(final))).backward()
    found = {n: p.grad for n, p in layer.named_parameters()}
    layer.zero_grad()
    for k in range(4):
        own = tuple(s[:, k : k + 1] for s in start)
        if not counts[k].any():
            for s, o in zip(states(final), own, strict=True):
                np.testing.assert_array_equal(s.data[:, k : k + 1], o)
            assert not given.grad[k].any()
            continue
        alone = mg.Tensor(x[k : k + 1, counts[k]], requires_grad=True)
        y_alone, final_alone = layer(alone, own)
        np.testing.assert_allclose(y.data[k][counts[k]], y_alone.data[0], rtol=1e-12, atol=1e-14)
        for s, o in zip(states(final), states(final_alone), strict=True):
            np.testing.assert_allclose(s.data[:, k], o.data[:, 0], rtol=1e-12, atol=1e-14)
        seen = (y_alone * g[k : k + 1, counts[k]]).sum()
        (seen + sum(s.sum() for s in states(final_alone))).backward()
        np.testing.assert_allclose(given.grad[k][counts[k]], alone.grad[0], rtol=1e-9, atol=1e-12)
        assert not given.grad[k][~counts[k]].any()
    for name, p in layer.named_parameters():
        np.testing.assert_allclose(found[name], p.grad, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [{"zoneout": 0.3}, {"recurrent_dropout": 0.3}, {"dtype": np.float16}, {"output_size": 2},
     {"cell": nn.MinGRUCell, "parallel": True}, {"return_sequences": False}],
    ids=str,
)  # fmt: skip
def test_nan_in_padding_reaches_nothing_whatever_the_layer_does(options, rng):
    x = rng.normal(size=(3, 4, 3)).astype(np.float16)
    found = []
    for padding in (0, np.nan, np.inf):
        layer = nn.GRU(3, 4, rng=0, **options)
        given = np.where(np.arange(4)[None, :, None] < np.array([4, 2, 1])[:, None, None], x,
                         np.float16(padding))  # fmt: skip
        y, _ = layer(given, lengths=[4, 2, 1])
        y.sum().backward()
        found.append([y.data, *(p.grad for p in layer.parameters())])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_one_sequence_alone_takes_a_mask(rng):
    for options in ({}, {"fused": False}):
        layer, x = nn.LSTM(3, 4, rng=0, dtype=np.float64, **options), rng.normal(size=(5, 3))
        counts = np.array([True, False, True, True, False])
        y, (h, _) = layer(x, mask=counts)
        whole, (h_whole, _) = layer(x[counts])
        np.testing.assert_allclose(y.data[counts], whole.data, rtol=1e-12)
        np.testing.assert_allclose(h.data, h_whole.data, rtol=1e-12)


def test_masks_that_are_none_are_refused():
    layer, x = nn.GRU(3, 4), np.ones((2, 5, 3))
    with pytest.raises(ValueError, match=r"got a mask int64 \(2, 5\) for x .* expected booleans"):
        layer(x, mask=np.ones((2, 5), int))
    with pytest.raises(ValueError, match=r"a mask bool \(5, 2\) for x .* booleans \(2, 5\)"):
        layer(x, mask=np.ones((5, 2), bool))
    with pytest.raises(ValueError, match="got lengths and a mask, expected one of them"):
        layer(x, lengths=[1, 2], mask=np.ones((2, 5), bool))


# Arguments as PyTorch's users write them


def test_time_may_come_first(rng):
    x, options = rng.normal(size=(2, 5, 3)), {"num_layers": 2, "bidirectional": True, "rng": 0}
    ours, theirs = (nn.LSTM(3, 4, batch_first=first, **options) for first in (True, False))
    for extra in ({}, {"lengths": [5, 2]}, {"mask": np.eye(2, 5, dtype=bool)}):
        y, (h, c) = ours(x, **extra)
        turned = {"mask": extra["mask"].T} if "mask" in extra else extra
        y_turned, final = theirs(x.swapaxes(0, 1), **turned)
        np.testing.assert_array_equal(y_turned.data, y.data.swapaxes(0, 1))
        for a, b in zip((h, c), final, strict=True):
            np.testing.assert_array_equal(a.data, b.data)
    with pytest.raises(ValueError, match=r"expected \(time, batch, 3\)"):
        theirs(np.ones((1, 2, 3, 3)))


def test_arguments_stand_where_pytorch_has_them():
    lstm = nn.LSTM(3, 4, 2, False, False, 0.1, True, 2)
    assert (lstm.num_layers, lstm.cell.has_bias, lstm.batch_first) == (2, False, False)
    assert (lstm.dropout, lstm.directions, lstm.cell.size_of("h")) == (0.1, 2, 2)
    rnn = nn.RNN(3, 4, 2, "relu", False)
    assert rnn.cell.activation is mg.relu and not rnn.cell.has_bias
    assert nn.GRU(3, 4, 2, False).num_layers == 2
    assert nn.RNNCell(3, 4, False, "relu").activation is mg.relu


def test_what_keras_users_write_is_answered():
    with pytest.raises(TypeError, match="LSTM: got an unknown option return_state; the"):
        nn.LSTM(3, 4, return_state=True)


def test_a_layer_that_never_ran_is_compiled_inside_a_function():
    layer, x = nn.GRU(3, 4, rng=0), np.ones((2, 5, 3), np.float32)
    compiled = mg.jit(lambda x, lengths: layer(x, lengths=lengths)[0])
    lengths = np.array([5, 2])
    np.testing.assert_allclose(
        compiled(x, lengths).data, layer(x, lengths=lengths)[0].data, rtol=1e-5, atol=1e-7
    )
    with pytest.raises(ValueError, match="got lengths from 2 to 6 for sequences of 5 steps"):
        compiled(x, np.array([6, 2]))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (None, "Recurrent: got no cell, expected a class of cells, as cell=nn.LSTMCell"),
        ("lstm", "Recurrent: got cell='lstm', expected a class of cells"),
        (nn.GRUCell(3, 4), "Recurrent: got a GRUCell as cell, expected the class: cell=GRUCell"),
    ],
)
def test_a_cell_is_given_by_its_class(cell, said):
    with pytest.raises(TypeError, match=re.escape(said)):
        nn.Recurrent(3, 4, cell=cell)
