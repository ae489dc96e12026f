"""Claims about what is said of one slip in a backward of the corpus."""

from __future__ import annotations

import numpy as np
import pytest
from corpus import PAIRS
from corpus.source import with_slip

from minigrad.verify import check_vjp

BY_NAME = {pair.name: pair for pair in PAIRS}


def said_of(name, right, wrong):
    """What is said of a pair with one snippet of its backward in another form."""
    pair = BY_NAME[name]
    backward = with_slip(pair.backward, right, wrong)
    report = check_vjp(pair.forward, backward, pair.inputs, saves=pair.saves, budget=5.0)
    assert report.status == 1, str(report)
    return str(report)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "said"),
    [
        ("affine", "return dx, dw, db", "return dw, dx, db",
         "∂L/∂w is returned for ∂L/∂x: the order is wrong"),
        ("attention", "ds @ k, ds.T @ q, dv", "dv, ds.T @ q, ds @ k", "the order is wrong"),
        ("embedding_loop", "dW[word] += dout[i]", "pass",
         "∂L/∂W is 0: nothing is added to dW after line 3, `dW = np.zeros(shape)`"),
        ("rms_norm", "return dx, dg", "return dx, dxn", "`dxn`, dg should stand in place of dxn"),
        ("lstm_sequence", "df * f * (1 - f)", "df * f * f", "1 - f should stand in place of f"),
        ("residual_block", "(1 - h**2)", "h**2", "1 - h ** 2 should stand in place of h ** 2"),
        ("relu", "cache <= 0", "cache > 0", "it is right as `dx[cache <= 0] = 0`"),
        ("max_pool_reshape", "windows == ", "windows != ", "is the wrong way round"),
        ("batch_norm_images", "d = dout * gamma[None", "d = gamma[None",
         "it lacks the factor dout"),
        ("cross_entropy_log_sum", "e = np.exp(x)", "e = x", "it is right as `e = np.exp(x)`"),
        ("cross_entropy_one_hot", "(softmax(x) - t)", "softmax(x)", "it lacks the term −t"),
        ("dropout", "/ 0.8", "/ 1.8", "0.8 should stand in place of 1.8"),
        ("softplus", "dout / (1 + np.exp(-x))", "1.0 * dout", "lacks the factor σ(x)"),
        ("log_softmax", "return g - p * g.sum(axis=1, keepdims=True)", "return g",
         "`return g`, it lacks the term −p ∘ sum(g, axis=-1)"),
        ("cross_entropy", "dx[np.arange(n), t] -= 1", "pass",
         "`dx = p.copy()`, after which `dx[np.arange(len(t)), t] -= 1` is missing"),
        ("two_layer_net", "dscores /= len(y)", "pass", "/ X.shape[0]` is missing"),
        ("affine", "db = dout.sum(axis=0)", "db = dout.sum(axis=1)",
         "it is right as `db = dout.sum(axis=0)`"),
        ("swish", "dout * x * x * s", "dout * x * beta * s", "x should stand in place of beta"),
        ("additive_attention", "de = a * (da - a @ da)", "de = a * da", "in line 5"),
        ("rnn_of_class", "(dhs[:, t, :] + dh)", "dhs[:, t, :]", "the term dh"),
        ("flash_attention", "p.T @ do", "p.T", "it is right as `dV[j:j + 2] += p.T @ do`"),
        ("negative_sampling", "dh += d * W[k]", "dh += d", "in line 10, `g * dh`, "),
        ("gru_reset_after", "dz = dout * (h - n) * z", "dz = z", "in line 5, `dz = "),
        ("mish", " / (1 + np.exp(-x))", "", "lacks the factor σ(x)"),
        ("rms_norm", "(dxn * x)", "x", "in line 5, "),
        ("ctc", "beta[T - 1, S - 1] = 1", "beta[T - 2, S - 1] = 1", "should stand in place of"),
        ("global_pool", " / (H * W)", "", "lacks the factor 1/4"),
    ],
)  # fmt: skip
def test_the_slip_is_named(name, right, wrong, said):
    assert said in said_of(name, right, wrong)


def test_an_argument_that_is_no_gradient_is_not_blamed_for_what_is_missing():
    said = said_of("dropout", "dout * mask / 0.8", "dout * mask / 3.7")
    assert "where mask comes in" not in said


def test_a_condition_is_not_told_if_it_holds_at_one_point_only():
    said = said_of("smoothed_cross_entropy", "np.eye(K)[t] * 0.9", "np.eye(K)[t] * 3.7")
    assert "is wrong where" not in said


def test_what_a_while_loop_waits_for_is_not_changed_in_search_of_the_slip():
    def forward(x):
        return np.cumsum(x * x)

    def backward(g, x):
        dx, total, t = np.zeros_like(x), 0.0, len(x) - 1
        while t >= 0:
            total = total + g[t]
            dx[t] = total * x[t]
            t -= 1
        return dx

    said = str(check_vjp(forward, backward, [(4,)]))
    assert "`dx[t] = total * x[t]`, it lacks the factor 2" in said


def test_a_loss_is_proven_too():
    """The outputs are compared in every world, also where they are one number."""
    pair = BY_NAME["squared_error"]
    report = check_vjp(pair.forward, pair.backward, pair.inputs)
    assert [check.outcome for check in report.checks] == ["right"] * 6, str(report)


def test_a_line_whose_values_may_become_infinite_ends_the_search():
    """LAPACK does not return from least squares of infinite numbers."""
    said = said_of("focal_loss", "return g * dp * p * (1 - p) / z.size, None",
                   "return None, g * dp * p * (1 - p) / z.size")  # fmt: skip
    assert "∂L/∂t is wrong" in said


def test_a_line_is_no_mend_if_it_is_right_where_comparisons_come_out_as_before_only():
    """With `1 - a` for `a`, the mask of the triplets is right at many points near the example."""
    said = said_of("triplet_loss", "((a - n) ** 2).sum(axis=1)", "(a - n).sum(axis=1)")
    assert "`(a - n).sum(axis=1)`, a - n is not squared" in said


def test_a_gradient_for_whole_numbers_is_refused():
    pair = BY_NAME["continuous_bag"]
    backward = with_slip(pair.backward, "return None, None, dW, np.outer(d, h)",
                         "return None, dW, None, np.outer(d, h)")  # fmt: skip
    with pytest.raises(ValueError, match=r"a gradient of shape \(\d, \d\) for target"):
        check_vjp(pair.forward, backward, pair.inputs, saves=pair.saves)
