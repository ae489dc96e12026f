"""Claims about derivations: they come from the cell's code, and they are right."""

from __future__ import annotations

import numpy as np
import pytest
from cells import Coupled

from minigrad import nn, tanh
from minigrad.symbolic import derive
from minigrad.targets import target_of


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

    with pytest.raises(ValueError, match=r"a constant array of shape \(97, 97\)"):
        derive(target_of(Mixed, "mixed"))
