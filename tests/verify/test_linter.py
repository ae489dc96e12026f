"""Claims about the linter: right backwards are proven, wrong ones are told their wrong term."""

from __future__ import annotations

import numpy as np
import pytest
import wrong_backwards as w

from minigrad.targets import TargetError, resolve
from minigrad.verify import JUDGES, backward_of, check_vjp, verify

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
    """What is said of each wrong input, after seeing that all three judges say the same."""
    said = {}
    for target, checks in report.by_target().items():
        assert len({check.passed for check in checks}) == 1, checks
        assert len({check.failures for check in checks}) == 1, checks
        if not checks[0].passed:
            said[target.partition("∂L/∂")[2]] = checks[0].failures[0]
    return said


@pytest.mark.parametrize(("forward", "backward", "shapes"), RIGHT)
def test_a_right_backward_is_established_by_all_three_judges_for_each_input(
    forward, backward, shapes
):
    report = check_vjp(forward, backward, shapes)
    assert report.passed, str(report)
    assert len(report.by_target()) == len(shapes)
    for checks in report.by_target().values():
        assert [check.judge for check in checks] == ["proof", "exact", "numeric"]
        assert checks[0].established == "an identity for every real input, at these shapes"
        assert checks[2].figure < 1e-9


def test_the_exact_judge_takes_the_shapes_of_the_example():
    report = check_vjp(w.lstm_cell, w.lstm_backward, LSTM)
    exact = next(check for check in report.checks if check.judge == "exact")
    assert list(exact.shapes.values()) == LSTM


LSTM_INPUTS = "xhWUb"


@pytest.mark.parametrize(
    ("forward", "backward", "shapes", "said"),
    [
        (
            w.lstm_cell, w.lstm_without_one_minus_f, LSTM,
            {n: f"backward's ∂L/∂{n} is wrong, because dzf (∂L/∂zf) lacks the factor (1 − f)"
             for n in LSTM_INPUTS},
        ),
        (
            w.lstm_cell, w.lstm_without_the_path_through_tanh, LSTM,
            {n: f"backward's ∂L/∂{n} is wrong, because dc_next (∂L/∂c_next) lacks the term "
                "o ∘ dh_next ∘ (1 − tanh(c_next)²)" for n in "xhcWUb"},
        ),
        (
            w.lstm_cell, w.lstm_with_a_flipped_sign, LSTM,
            {n: f"backward's ∂L/∂{n} is wrong, because dzg (∂L/∂zg) has the sign of the term "
                "i ∘ g² ∘ dc_next reversed" for n in LSTM_INPUTS},
        ),
        (
            w.layer_norm, w.layer_norm_without_the_variance, NORM,
            {"x": "backward's ∂L/∂x lacks the term −xhat ∘ mean(xhat ∘ dxhat, axis=-1) / std"},
        ),
        (
            w.layer_norm, w.layer_norm_with_a_flipped_sign, NORM,
            {"x": "backward's ∂L/∂x has the sign of the term xhat ∘ mean(xhat ∘ dxhat, axis=-1) "
                  "/ std reversed"},
        ),
        (
            w.softmax, w.softmax_without_the_sum, [(4, 5)],
            {"x": "backward's ∂L/∂x lacks the term −y ∘ sum(y ∘ g, axis=-1)"},
        ),
        (
            w.attention, w.attention_without_the_scale, ATTENTION,
            {"q": "backward's ∂L/∂q lacks the factor 1/√3 (3 is the length of axis 1 of q)"},
        ),
        (
            w.attention, w.attention_without_a_transpose, ATTENTION,
            {"k": "backward's ∂L/∂k is 1/√3 (ds @ q), right is 1/√3 (dsᵀ @ q)"},
        ),
        (
            w.linear, w.linear_without_the_sum, [(4, 5), (5, 3), (3,)],
            {"b": "backward's ∂L/∂b was not summed over axis 0: got shape (4, 3), expected (3,)"},
        ),
    ],
)  # fmt: skip
def test_a_wrong_backward_is_told_its_wrong_term(forward, backward, shapes, said):
    assert _sentences(check_vjp(forward, backward, shapes)) == said


def square_then_sum(x):
    return (x * x).sum(axis=1)


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (lambda g, x: -2 * g[:, None] * x, "has the wrong sign"),
        (lambda g, x: g[:, None] * x, "lacks the factor 2"),
        (lambda g, x: 4 * g[:, None] * x, "lacks the factor 1/2"),
        (lambda g, x: 2 * x, "is wrong: entry"),
        (lambda g, x: 0 * x, "is 0, right is"),
        (lambda g, x: None, "is missing: it returns None, right is"),
        (lambda g, x: (2 * g[:, None] * x).T, "is the transpose of the right one"),
        (lambda g, x: g, "has the wrong shape: got shape (3,), expected (3, 4)"),
        (lambda g, x: np.nan * x, "is not finite"),
    ],
)
def test_small_mistakes_have_their_sentences(backward, said):
    (sentence,) = _sentences_of_any_judge(check_vjp(square_then_sum, backward, [(3, 4)]))
    assert f"∂L/∂x {said}" in sentence


def test_what_has_no_name_is_written_with_its_brackets():
    def swish(x):
        return x / (1 + np.exp(-x))

    report = check_vjp(swish, lambda g, x: g / (1 + np.exp(-x)), [(2, 3)])
    (sentence,) = _sentences_of_any_judge(report)
    term = "y ∘ exp(negative(x)) ∘ g / (1 + exp(negative(x)))"
    assert sentence == f"backward's ∂L/∂x lacks the term {term}"


def _sentences_of_any_judge(report):
    assert not report.passed
    return {check.failures[0] for check in report.checks if not check.passed}


def test_a_square_result_that_needs_a_transpose_is_told_so():
    report = check_vjp(lambda x, y: x @ y, lambda g, x, y: ((g @ y.T).T, x.T @ g), [(3, 3), (3, 3)])
    assert _sentences(report) == {"x": "backward's ∂L/∂x is the transpose of the right one"}


def test_the_wrong_gate_of_a_packed_gradient_is_told_by_its_place():
    def forward(z):
        a, b = np.tanh(z[:, :3]), np.exp(z[:, 3:])
        return a * b

    def backward(g, z):
        a, b = np.tanh(z[:, :3]), np.exp(z[:, 3:])
        return np.concatenate([g * b, g * a * b], axis=1)

    report = check_vjp(forward, backward, [(4, 6)])
    assert _sentences(report) == {"z": "backward's ∂L/∂z in [0:4, 0:3] lacks the factor (1 − a²)"}


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
    assert report.passed and {check.judge for check in report.checks} == set(JUDGES)


def test_a_wrong_gradient_of_in_place_code_is_caught_too():
    report = check_vjp(forward_with_loop, lambda g, x: -backward_with_loop(g, x), [(5, 3)])
    assert _sentences(report) == {"x": "backward's ∂L/∂x has the wrong sign"}


def test_a_branch_that_the_example_never_takes_is_judged_all_the_same():
    """Floats at positive inputs see nothing wrong; the field takes both sides."""
    report = check_vjp(np.abs, lambda g, x: g, [np.full((3, 2), 2.0)])
    assert {check.judge: check.passed for check in report.checks} == {
        "proof": False, "exact": False, "numeric": True,
    }  # fmt: skip
    assert any("it has the wrong sign" in said for said in report.checks[0].failures)


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
    assert _sentences(report) == {
        "w": "backward's ∂L/∂w is the right one in reverse order along axis 0"
    }


def test_a_law_that_no_exact_world_knows_leaves_the_numbers_and_says_so():
    report = check_vjp(
        lambda x, y: np.exp(x - y),
        lambda g, x, y: (g * np.exp(x) / np.exp(y), -g * np.exp(x) / np.exp(y)),
        [(3,), (3,)],
    )
    assert report.passed, str(report)
    assert {check.judge for check in report.checks} == {"numeric"}
    assert "exp(a − b) = exp(a) / exp(b)" in report.checks[0].established


def test_a_backward_that_writes_into_its_argument_is_caught():
    def backward(g, x):
        x *= 2
        return g * x

    report = check_vjp(lambda x: x * x, backward, [(3,)])
    assert any("writes into its argument x" in f for c in report.checks for f in c.failures)


@pytest.mark.parametrize(
    ("forward", "backward", "example", "said"),
    [
        (np.tanh, lambda g: g, [(3,)], r"arguments \(g\), expected \(g, x\d?\), \(g, y, x"),
        (np.tanh, lambda g, x: g, [np.arange(3)], "none of the 1 example inputs is an array of fl"),
        (lambda x: x @ x, lambda g, x: g, [(3, 4)], "forward fails on the example inputs"),
        (np.tanh, None, [(3,)], "without a backward, expected a NumPy forward and backward"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_a_sentence(forward, backward, example, said):
    with pytest.raises(ValueError, match=said):
        check_vjp(forward, backward, example)


def test_another_number_of_gradients_is_told():
    report = check_vjp(lambda x, y: x * y, lambda g, x, y: (g, g, g), [(2,), (2,)])
    assert all("got 3 gradients, expected 2" in s for s in _sentences_of_any_judge(report))


def test_a_marked_backward_is_a_target_like_any_other(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from minigrad.verify import backward_of\n"
        "@backward_of(np.tanh, example_inputs=[(3, 2)])\n"
        "def tanh_backward(g, y, x):\n"
        "    return g * (1 - y)\n"
    )
    report = verify(f"{tmp_path / 'mine.py'}:tanh_backward")
    (said,) = _sentences_of_any_judge(report)
    assert said == "backward's ∂L/∂x is g ∘ (1 − y), right is g ∘ (1 − y²)"


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
