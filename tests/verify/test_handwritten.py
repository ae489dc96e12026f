"""Claims about backwards by hand: right ones are proven, of wrong ones the term is named."""

from __future__ import annotations

import re

import numpy as np
import pytest
import wrong_backwards as w

from minigrad.targets import TargetError, resolve
from minigrad.verify import backward_of, check_vjp, verify
from minigrad.verify.explanation.gradients import Evidence, by_number

LSTM = [(5, 3), (5, 2), (5, 2), (3, 8), (2, 8), (8,)]  # x, h, c, W, U, b
NORM = [(4, 5), (5,), (5,)]
ATTENTION = [(4, 3), (4, 3), (4, 2)]
RIGHT = [
    (w.lstm_cell, w.lstm_backward, LSTM),
    (w.layer_norm, w.layer_norm_backward, NORM),
    (w.softmax, w.softmax_backward, [(4, 5)]),
    (w.attention, w.attention_backward, ATTENTION),
    (w.linear, w.linear_backward, [(4, 5), (5, 3), (3,)]),
]


def _sentences(report):
    """What is said of each wrong input, without the numbers of lines."""
    said = {}
    for verdict in report.verdicts():
        if verdict.outcome == "wrong":
            assert verdict.witness or "shape" in str(verdict.checks)
            sentences = {f for c in verdict.checks if c.outcome != "untried" for f in c.failures}
            assert len(sentences) == 1, sentences
            name = verdict.target.partition("∂L/∂")[2]
            said[name] = re.sub(r"in line \d+, ", "", sentences.pop())
    return said


@pytest.mark.parametrize(("forward", "backward", "shapes"), RIGHT)
def test_a_right_backward_is_established_by_all_three_judges_for_each_input(
    forward, backward, shapes
):
    report = check_vjp(forward, backward, shapes)
    assert report.passed, str(report)
    assert len(report.by_target()) == len(shapes)
    for checks in report.by_target().values():
        assert [(c.judge, c.outcome) for c in checks] == [
            ("proof", "right"), ("exact", "right"), ("numeric", "right"),
        ]  # fmt: skip
        assert checks[0].established.startswith("an identity for every real input, at these")
        assert checks[2].figure < 1e-9


def test_the_exact_judge_takes_the_shapes_of_the_example():
    report = check_vjp(w.lstm_cell, w.lstm_backward, LSTM)
    exact = next(check for check in report.checks if check.judge == "exact")
    assert list(exact.shapes.values()) == LSTM


def _wrong(line, says, mended="", *, names):
    """One sentence for every input that a wrong line spoils."""
    told = f"is wrong `{line}`, {says}" + (f"; it is right as `{mended}`" if mended else "")
    return {name: f"backward's ∂L/∂{name} {told}" for name in names}


@pytest.mark.parametrize(
    ("forward", "backward", "shapes", "said"),
    [
        (
            w.lstm_cell, w.lstm_without_one_minus_f, LSTM,
            _wrong("dzf = df * f", "it lacks the factor (1 - f)", "dzf = df * f * (1 - f)",
                   names="xhWUb"),
        ),
        (
            w.lstm_cell, w.lstm_without_the_path_through_tanh, LSTM,
            _wrong("dh_next, dc_next = cotangents", "where dc_next comes in and to which nothing "
                   "adds what is missing: dc_next lacks the term dh_next ∘ o ∘ "
                   "(1 − tanh(c_next)²)", names="xhcWUb"),
        ),
        (
            w.lstm_cell, w.lstm_with_a_flipped_sign, LSTM,
            _wrong("dzg = dc_next * i * (1 + g ** 2)", "the sign of the term g ** 2 is reversed",
                   "dzg = dc_next * i * (1 - g ** 2)", names="xhWUb"),
        ),
        (
            w.layer_norm, w.layer_norm_without_the_variance, NORM,
            _wrong("dx = dxhat - dxhat.mean(axis=-1, keepdims=True)",
                   "it lacks the term −projected",
                   "dx = dxhat - dxhat.mean(axis=-1, keepdims=True) - projected", names="x"),
        ),
        (
            w.layer_norm, w.layer_norm_with_a_flipped_sign, NORM,
            _wrong("dx = dx + projected", "the sign of the term projected is reversed",
                   "dx = dx - projected", names="x"),
        ),
        (
            w.softmax, w.softmax_without_the_sum, [(4, 5)],
            _wrong("return y * g", "it should be y * (g - (y * g).sum(axis=-1, keepdims=True))",
                   names="x"),
        ),
        (
            w.attention, w.attention_without_the_scale, ATTENTION,
            _wrong("dq = ds @ k", "it lacks the factor scale", "dq = ds @ k * scale", names="q"),
        ),
        (
            w.attention, w.attention_without_a_transpose, ATTENTION,
            _wrong("dk = ds @ q * scale", "ds should be transposed", "dk = ds.T @ q * scale",
                   names="k"),
        ),
        (
            w.linear, w.linear_without_the_sum, [(4, 5), (5, 3), (3,)],
            _wrong("g", "g is not summed over axis 0", "g.sum(axis=0)", names="b"),
        ),
    ],
)  # fmt: skip
def test_a_wrong_backward_is_told_its_wrong_line_and_term(forward, backward, shapes, said):
    assert _sentences(check_vjp(forward, backward, shapes)) == said


def square_then_sum(x):
    return (x * x).sum(axis=1)


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (lambda g, x: -2 * g[:, None] * x,
         "-2 has the wrong sign; it is right as `2 * g[:, None] * x`"),
        (lambda g, x: g[:, None] * x, "is wrong `g[:, None] * x`, it lacks the factor 2"),
        (lambda g, x: 4 * g[:, None] * x, "2 should stand in place of 4"),
        (lambda g, x: 2 * x, "lacks the factor g[:, None]"),
        (lambda g, x: 0 * x, "`0 * x`, it lacks the term 2 x ∘ g[:, None]"),
        (lambda g, x: (2 * g[:, None] * x).T, "(2 * g[:, None] * x).T should not be transposed"),
        (lambda g, x: g, "has the wrong shape: got shape (3,), expected (3, 4)"),
        (lambda g, x: np.nan * x, "is not finite"),
        (lambda g, x: 2 * g[:, None] * np.sinh(x), "np.sinh(x) should be x"),
    ],
)  # fmt: skip
def test_small_mistakes_have_their_sentences(backward, said):
    sentences = _sentences(check_vjp(square_then_sum, backward, [(3, 4)]))
    assert said in sentences["x"]


def test_digits_are_shown_until_two_numbers_differ():
    one = Evidence("x", np.array([1.0, 2.0]), np.array([1.0, 2.0000002]), {}, {})
    told = by_number(one)
    assert told == "∂L/∂x is wrong: entry (1) is 2, right is 2.0000002, off by 1e-07"


def test_a_square_result_that_needs_a_transpose_is_told_so():
    report = check_vjp(lambda x, y: x @ y, lambda g, x, y: ((g @ y.T).T, x.T @ g), [(3, 3), (3, 3)])
    assert "(g @ y.T).T should not be transposed" in _sentences(report)["x"]


def test_the_wrong_gate_of_a_packed_gradient_is_told_by_its_place():
    def forward(z):
        a, b = np.tanh(z[:, :3]), np.exp(z[:, 3:])
        return a * b

    def backward(g, z):
        a, b = np.tanh(z[:, :3]), np.exp(z[:, 3:])
        return np.concatenate([g * b, g * a * b], axis=1)

    said = _sentences(check_vjp(forward, backward, [(4, 6)]))["z"]
    mended = "np.concatenate([g * b * (1 - a ** 2), g * a * b], axis=1)"
    assert "it lacks the factor (1 - a ** 2)" in said and mended in said


def forward_with_loop(x):
    out = np.empty_like(x)
    for t in range(len(x)):
        out[t] = np.tanh(x[t]) * (out[t - 1] if t else 1.0)
    return out


def backward_with_loop(g, x):
    y, dx, carry = forward_with_loop(x), np.empty_like(x), np.zeros_like(x[0])
    for t in reversed(range(len(x))):
        total = g[t] + carry
        before = y[t - 1] if t else 1.0
        dx[t] = total * before * (1 - np.tanh(x[t]) ** 2)
        carry = total * np.tanh(x[t])
    return dx


def test_code_that_writes_in_place_is_judged_by_all_three():
    report = check_vjp(forward_with_loop, backward_with_loop, [(5, 3)])
    assert report.passed
    assert [check.outcome for check in report.checks] == ["right"] * 3


def test_a_wrong_gradient_of_in_place_code_is_caught_too():
    report = check_vjp(forward_with_loop, lambda g, x: -backward_with_loop(g, x), [(5, 3)])
    assert "-backward_with_loop(g, x) has the wrong sign" in _sentences(report)["x"]


def test_a_domain_that_the_example_suggests_is_said_and_looked_beyond():
    """All of it is positive; for negative numbers the gradient is wrong."""
    report = check_vjp(np.abs, lambda g, x: g, [np.full((3, 2), 2.0)])
    assert report.passed
    assert all("for positive x" in check.established for check in report.checks)
    (verdict,) = report.verdicts()
    assert any("is wrong where it is negative" in remark for remark in verdict.remarks)
    assert not check_vjp(np.abs, lambda g, x: g, [(3, 2)]).passed


def test_an_input_is_not_moved_out_of_its_own_range():
    """Shares lie between 0 and 1, where a clip guards the logarithm."""
    report = check_vjp(
        lambda p: np.log(np.clip(p, 1e-7, 1 - 1e-7)), lambda g, p: g / p,
        [np.array([0.2, 0.5, 0.999])],
    )  # fmt: skip
    assert report.passed, str(report)


def test_kinks_and_ties_in_the_example_are_no_mistakes():
    report = check_vjp(
        lambda x: np.maximum(x, 0), lambda g, x: np.where(x > 0, g, 0), [np.zeros((3, 2))]
    )
    assert report.passed, str(report)


def test_a_forward_may_save_for_its_backward_as_with_a_cache():
    def forward(x, W):
        y = np.tanh(x @ W)
        return y, (x, W, y)

    def backward(g, cache):
        x, W, y = cache
        dz = g * (1 - y**2)
        return dz @ W.T, x.T @ dz

    report = check_vjp(forward, backward, [(3, 4), (4, 2)], saves=True)
    assert report.passed, str(report)
    assert len(report.checks) == 6


def _relu(x):
    return np.maximum(0, x), x


def _relu_backward(dout, cache):
    return dout * (cache > 0)


def _leaky_backward(dout, cache):
    return dout * (cache > -0.1)


def _two_powers(x):
    return x * x, x**3


def _first_power_backward(grad, z):
    return 2 * z * grad[0]


def test_what_is_saved_may_be_one_array_shaped_like_the_output():
    assert check_vjp(_relu, _relu_backward, [(3, 4)]).passed
    near_zero = np.array([-0.05, 0.3, -0.7])
    assert check_vjp(_relu, _leaky_backward, [near_zero]).passed is False


def test_of_several_outputs_none_is_left_out():
    assert check_vjp(_two_powers, _first_power_backward, [(3,)]).passed is False


def test_inputs_that_are_no_floats_are_handed_on_and_need_no_gradient():
    table = np.array([2, 0, 2])

    def backward(g, x, index):
        dx = np.zeros(x.shape)
        np.add.at(dx, index, g)
        return dx, None

    report = check_vjp(lambda x, index: x[index], backward, [(3, 2), table])
    assert report.passed, str(report)
    assert list(report.by_target()) == ["backward: ∂L/∂x"]


def test_one_constant_written_in_two_ways_is_one_constant():
    """1 / √2 as a float is not the inverse of √2 as a float."""
    report = check_vjp(
        lambda x: x * x / np.sqrt(2), lambda g, x: 2 * (1 / np.sqrt(2)) * x * g, [(3,)]
    )
    assert [check.judge for check in report.checks] == ["proof", "exact", "numeric"]
    assert report.passed, str(report)


@pytest.mark.parametrize("constant", [1 / 3, np.sqrt(18), -1 / np.sqrt(2), 0.1, 1e-5, np.pi])
def test_a_float_means_the_fraction_or_root_that_it_is_to_rounding(constant):
    """np.sqrt(18) is 3 √2 and not −3 √2, though a field has no positive numbers."""
    report = check_vjp(
        lambda x: constant * x * x / 3,
        lambda g, x: 2 * g * x * constant / 3 + 0 * x / 3.0,
        [(2, 3)],
    )
    assert report.passed, str(report)
    assert len(report.checks) == 3


def test_one_root_written_as_a_product_is_the_same_root():
    report = check_vjp(lambda x: np.sqrt(18) * x, lambda g, x: 3 * np.sqrt(2) * g, [(3,)])
    assert report.passed, str(report)
    assert len(report.checks) == 3


def test_a_mean_over_three_entries_is_exact():
    def rms_norm(x):
        return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6)

    def backward(g, x):
        s = np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6)
        return g / s - x * (g * x).mean(axis=-1, keepdims=True) / s**3

    report = check_vjp(rms_norm, backward, [(2, 3)])
    assert report.passed, str(report)
    exact = next(check for check in report.checks if check.judge == "exact")
    assert exact.shapes == {"x": (2, 3)}


def test_sums_that_backward_gathers_in_place_are_proven_too():
    """Backpropagation through time as people write it; NumPy's zeros_like is of any world."""

    def rnn(x, W, U):
        h, states = np.zeros((x.shape[1], U.shape[0])), []
        for x_t in x:
            h = np.tanh(x_t @ W + h @ U)
            states.append(h)
        return np.stack(states)

    def backward(g, y, x, W, U):
        dW, dU, dh, dx = np.zeros_like(W), np.zeros_like(U), np.zeros_like(y[0]), [None] * len(x)
        for t in reversed(range(len(x))):
            dz = (g[t] + dh) * (1 - y[t] ** 2)
            dW += x[t].T @ dz
            if t:
                dU += y[t - 1].T @ dz
            dx[t], dh = dz @ W.T, dz @ U.T
        return np.stack(dx), dW, dU

    report = check_vjp(rnn, backward, [(3, 2, 3), (3, 4), (4, 4)])
    assert report.passed, str(report)
    assert len(report.checks) == 9


def test_numpy_s_variance_is_no_mistake_of_the_code():
    """np.var of complex numbers is not analytic; the complex step must not go through it."""
    report = check_vjp(
        lambda x: np.var(x, axis=0), lambda g, x: 2 * g * (x - x.mean(axis=0)) / len(x), [(5, 2)]
    )
    assert report.passed, str(report)


def test_labels_are_not_cut_off_their_rows():
    def cross_entropy(z, onehot):
        return -(onehot * np.log(softmax(z))).sum(axis=-1).mean()

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)

    labels = np.eye(3, dtype=int)[[0, 2, 1, 1]]
    report = check_vjp(
        cross_entropy, lambda g, z, onehot: (g * (softmax(z) - onehot) / len(z), None),
        [(4, 3), labels],
    )  # fmt: skip
    assert report.passed, str(report)


def test_a_result_in_reverse_order_is_told():
    def correlate(x, w):
        return np.stack([(x[i : i + 3] * w).sum() for i in range(5)])

    report = check_vjp(
        correlate, lambda g, x, w: (np.convolve(g, w), np.convolve(x[::-1], g, "valid")),
        [(7,), (3,)],
    )  # fmt: skip
    said = _sentences(report)["w"]
    assert "[::-1]" in said or "in reverse order along axis 0" in said


def test_a_law_that_the_field_lacks_is_looked_at_with_fifty_digits():
    report = check_vjp(
        lambda x, y: np.exp(x - y),
        lambda g, x, y: (g * np.exp(x) / np.exp(y), -g * np.exp(x) / np.exp(y)),
        [(3,), (3,)],
    )
    assert report.passed, str(report)
    told = {check.judge: (check.outcome, check.established) for check in report.checks}
    assert told["proof"][0] == "untried"
    assert "exp(a − b) = exp(a) / exp(b)" in told["proof"][1]
    assert told["exact"][0] == "right" and "equal to 40 digits" in told["exact"][1]


def test_a_backward_that_spoils_its_inputs_is_wrong_the_second_time():
    def backward(g, x):
        x *= 2
        return g * x

    report = check_vjp(lambda x: x * x, backward, [(3,)])
    assert not report.passed
    assert "a second call of backward gives another gradient" in str(report)
    assert "backward writes into its argument x" in str(report)


def test_a_backward_that_writes_into_its_cotangent_is_judged_by_the_right_one():
    def backward(g, x):
        g[x <= 0] = 0
        return g

    report = check_vjp(lambda x: np.where(x > 0, x, 0.2 * x), backward, [(3, 4)])
    assert not report.passed
    assert "writes into the cotangent" in str(report)


@pytest.mark.parametrize(
    ("forward", "backward", "example", "said"),
    [
        (
            lambda x, y: x * y,
            lambda a, b, c, d, e: 1,
            [(3,), (3,)],
            r"e\), expected \(g, x, y\), \(g, ",
        ),
        (np.tanh, lambda g, x: None, [(3,)], "no input to differentiate by .*returns None for it"),
        (lambda x, y: x * y, lambda g, x, y: (g, g, g), [(2,), (2,)], "3 gradients, expected 2"),
        (lambda x: x @ x, lambda g, x: g, [(3, 4)], "forward fails on the example inputs"),
        (np.tanh, None, [(3,)], "without a backward, expected a NumPy forward and backward"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_a_sentence(forward, backward, example, said):
    with pytest.raises(ValueError, match=said):
        check_vjp(forward, backward, example)


def test_whole_numbers_are_judged_as_floats_where_they_are_no_labels():
    report = check_vjp(
        lambda x, w: x @ w, lambda g, x, w: (0 * x, x.T @ g), [[[1, 2], [3, 4]], (2, 2)]
    )
    assert set(_sentences(report)) == {"x"}
    assert "holds whole numbers" in str(report)


def test_a_marked_backward_is_a_target_like_any_other(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from minigrad.verify import backward_of\n"
        "@backward_of(np.tanh, example_inputs=[(3, 2)])\n"
        "def tanh_backward(g, y, x):\n"
        "    return g * (1 - y)\n"
    )
    report = verify(f"{tmp_path / 'mine.py'}:tanh_backward")
    said = _sentences(report)["x"]
    assert said.endswith("`return g * (1 - y)`, it lacks the factor y; it is right as "
                         "`return g * (1 - y * y)`")  # fmt: skip


def test_a_marked_backward_is_still_the_function_it_was():
    @backward_of(np.tanh, example_inputs=[(3,)])
    def backward(g, y, x):
        return g * (1 - y * y)

    assert backward(1.0, 0.5, None) == 0.75
    with pytest.raises(TargetError, match="expected a cell or a layer"):
        resolve("tanh").module(1, 1)


def test_a_pytorch_function_is_judged_through_its_arrays():
    torch = pytest.importorskip("torch")

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(torch.tanh(x))
            return torch.tanh(x)

        @staticmethod
        def backward(ctx, g):
            return -g * (1 - ctx.saved_tensors[0] ** 2)

    report = check_vjp(Tanh, example_inputs=[(3, 2)])
    assert _sentences(report) == {"x": "backward's ∂L/∂x has the wrong sign"}


def test_a_jax_function_is_judged_through_its_arrays():
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def tanh(x):
        return jax.numpy.tanh(x)

    tanh.defvjp(lambda x: (tanh(x), tanh(x)), lambda y, g: (-g * (1 - y * y),))
    report = check_vjp(tanh, example_inputs=[(3, 2)])
    assert _sentences(report) == {"x": "backward's ∂L/∂x has the wrong sign"}


def test_what_differs_by_little_is_not_called_equal_to_forty_digits():
    def softened(x):
        return np.sqrt(x * x + 1e-8), x

    def backward(g, cache):
        return g * cache * (cache * cache - 1e-8) ** -0.5  # the sign of the constant is wrong

    (exact,) = [c for c in check_vjp(softened, backward, [(3,)]).checks if c.judge == "exact"]
    assert "equal to 40 digits" not in exact.established
    assert "equal but for" in exact.established
