"""Claims about derivations: they come from the cell's code, and they are right."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from cells import Coupled, Peephole

from minigrad import nn, sigmoid, tanh
from minigrad.arrays import functions
from minigrad.symbolic import cell_equations, derive
from minigrad.symbolic.adjoints import adjoints
from minigrad.symbolic.equations import PREVIOUS, Affine
from minigrad.targets import target_of


class Odd(nn.Cell):
    """A gate without activation, a gate used twice, a half, and a state handed on."""

    state = ("h", "m")
    gates = ("alpha", "beta")

    def step(self, x, h, m):
        a = self.alpha(x, h)
        b = sigmoid(self.beta(m, h))
        return 0.5 * a * b + tanh(a) / 3.0 + m * h, h


CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell, Peephole, Coupled, Odd]


@pytest.mark.parametrize("kind", CELLS)
def test_the_derived_equations_give_the_engine_s_gradients(kind, rng):
    """Run what was derived, in NumPy and without the tape, over three steps."""
    target = target_of(kind, kind.__name__)
    layer = nn.Recurrent(2, 3, cell=kind, rng=0, dtype=np.float64)
    x = rng.normal(size=(2, 4, 2))  # steps, batch, features
    cotangents = {s: rng.normal(size=(2, 4, 3)) for s in kind.state}
    ours = _run(target, layer.cell, x, cotangents)

    leaf = nn.Parameter(x)
    state, loss = tuple(np.zeros((4, 3)) for _ in kind.state), 0.0
    for t in range(2):
        after = layer.cell(leaf[t], state)
        state = after if isinstance(after, tuple) else (after,)
        for name, value in zip(kind.state, state, strict=True):
            loss = loss + (value * cotangents[name][t]).sum()
    loss.backward()
    np.testing.assert_allclose(ours["x"], leaf.grad, rtol=1e-12, atol=1e-14)
    for name, parameter in layer.cell.named_parameters():
        gate, _, part = name.partition(".")
        derived = ours[f"{'W' if part == 'weight' else 'b'}_{gate}"]
        np.testing.assert_allclose(derived, parameter.grad, rtol=1e-12, atol=1e-14)


def _run(target, cell, x, cotangents):
    """Forward and backward as the derivation says; nothing of the engine's is used."""
    equations = cell_equations(target)
    weights = {g: (getattr(cell, g).weight.data, getattr(cell, g).bias.data) for g in cell.gates}
    width, steps = cell.hidden_size, len(x)
    zeros = np.zeros((x.shape[1], width))
    values = []
    for t in range(steps):
        v = {"x": x[t]}
        v |= {f"{s}{PREVIOUS}": values[-1][s] if t else zeros for s in equations.state}
        for e in equations.equations:
            if isinstance(e, Affine):
                w, b = weights[e.gate]
                v[e.name] = np.concatenate([v[o] for o in e.operands], axis=-1) @ w.T + b
            else:
                v[e.name] = _value(e.expression, v)
        values.append(v)
    found = {"x": np.zeros_like(x)}
    for gate, (w, b) in weights.items():
        found |= {f"W_{gate}": np.zeros_like(w), f"b_{gate}": np.zeros_like(b)}
    affine = {e.name: e for e in equations.equations if isinstance(e, Affine)}
    later, later_values = {}, None
    for t in reversed(range(steps)):
        v, delta = values[t], {}
        for a in adjoints(equations):
            shape = x[t].shape if a.name == "x" else zeros.shape
            total = cotangents[a.name][t].copy() if a.is_output else np.zeros(shape)
            for way in a.ways:
                at, from_ = (later_values, later) if way.later else (v, delta)
                if at is None:
                    continue
                if way.partial is None:
                    e = affine[way.consumer]
                    widths = [v[o].shape[-1] for o in e.operands]
                    start = sum(widths[: way.position])
                    part = weights[e.gate][0][:, start : start + widths[way.position]]
                    total = total + from_[way.consumer] @ part
                else:
                    total = total + from_[way.consumer] * _value(way.partial, at)
            delta[a.name] = total
        found["x"][t] = delta["x"]
        for e in affine.values():
            stacked = np.concatenate([v[o] for o in e.operands], axis=-1)
            found[f"W_{e.gate}"] += delta[e.name].T @ stacked
            found[f"b_{e.gate}"] += delta[e.name].sum(axis=0)
        later, later_values = delta, v
    return found


def _value(expression, values):
    symbols = sorted(expression.free_symbols, key=str)
    plain = expression.replace(functions.sigmoid, lambda z: 1 / (1 + sympy.exp(-z)))
    return sympy.lambdify(symbols, plain, "numpy")(*(values[s.name] for s in symbols))


def test_the_lstm_reads_as_in_a_textbook():
    text = derive("lstm").text()
    for line in (
        "a^f_t = W_f·[h_{t−1}, x_t] + b_f",
        "c_t = f_t ∘ c_{t−1} + i_t ∘ g_t",
        "h_t = o_t ∘ tanh(c_t)",
        "∂f_t/∂a^f_t = f_t ∘ (1 − f_t)",
        "= ∂ℓ/∂c_t + δh_t ∘ o_t ∘ (1 − tanh²(c_t)) + δc_{t+1} ∘ f_{t+1}",
        "∂L/∂W_f = Σ_t δa^f_t [h_{t−1}, x_t]ᵀ",
        "∂c_t/∂c_{t−1} = diag(f_t)",
    ):
        assert line in text


def test_a_changed_cell_changes_its_derivation():
    text = derive(target_of(Coupled, "coupled")).text()
    assert "δf_t = δc_t ∘ (c_{t−1} − tanh(a^g_t))" in text or "(1 − f_t)" in text
    assert "i_t" not in text


def test_attention_s_gradients_are_those_of_its_rules():
    text = derive("attention").text()
    for line in (
        "S = Q Kᵀ / √d",
        "δV = Aᵀ δY",
        "δA = δY Vᵀ",
        "δS = A ∘ (δA − rowsum(δA ∘ A))",
        "δQ = δS K / √d",
        "δK = δSᵀ Q / √d",
    ):
        assert f"  {line} " in text


def test_a_wrong_rule_shows_in_the_derivation(planted):
    """The formula is the rule itself, run on names, and SymPy's answer stands beside it."""
    with planted("tanh", vjps=(lambda g, y, x: g * (1 + y * y),)):
        assert "NOT THE SAME" in derive("tanh").text()
    assert "NOT THE SAME" not in derive("tanh").text()


def test_wrt_keeps_only_what_leads_there():
    whole, part = derive("lstm"), derive("lstm", wrt="W_f")
    lines = [line.of for section in part.sections for line in section.lines]
    assert "W_f" in lines
    assert "W_o" not in lines
    assert "x" not in lines
    assert len(lines) < sum(len(s.lines) for s in whole.sections)


@pytest.mark.parametrize("target", ["lstm", "attention", "tanh"])
def test_an_unknown_name_is_refused_with_those_there_are(target):
    with pytest.raises(ValueError, match=r"has no 'nonsense'; it has .+"):
        derive(target, wrt="nonsense")


@pytest.mark.parametrize("target", ["rnn", "lstm", "gru", "attention", "sigmoid", "matmul"])
def test_every_form_is_whole(target):
    derivation = derive(target)
    latex = derivation.latex()
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert latex.isascii()
    assert "$$" in derivation.markdown()
    html = derivation.html()
    assert html.count("<math") >= sum(len(s.lines) for s in derivation.sections)
    assert html.count("<math") == html.count("</math>")
    assert "http" not in html.replace("http://www.w3.org/1998/Math/MathML", "")


def test_names_that_mean_something_to_latex_or_html_are_inert():
    class Trap(nn.Cell):
        state = ("h_tilde",)
        gates = ("σ_gate", "alpha")

        def step(self, x, h):
            return tanh(getattr(self, "σ_gate")(h, x)) * self.alpha(x)  # noqa: B009

    derivation = derive(target_of(Trap, "<script>&_%"))
    assert "<script>" not in derivation.html()
    assert r"\mathrm{gate}" in derivation.latex()
    assert r"\alpha" in derivation.latex()


def test_a_step_that_is_more_than_gates_and_entries_says_so():
    class Mixed(nn.Cell):
        gates = ("a",)

        def step(self, x, h):
            return tanh(self.a(h, x)) @ np.eye(h.shape[-1])

    with pytest.raises(ValueError, match="uses matmul, which does not act on each entry"):
        derive(target_of(Mixed, "mixed"))
