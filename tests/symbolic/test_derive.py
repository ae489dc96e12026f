"""What a derivation says: the equations of the code itself, unambiguous, as in a textbook."""

from __future__ import annotations

import re
from typing import Any

import cells
import pytest
from cells import Coupled
from evaluation import section, sides

from minigrad import nn
from minigrad.symbolic import derive
from minigrad.symbolic.formula import Quantity
from minigrad.symbolic.write.printing import text
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


class Heads(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
        self.left = nn.Attention(input_size, hidden_size, **rest)
        self.right = nn.Attention(input_size, hidden_size, **rest)

    def forward(self, x: Any) -> Any:
        return self.left(x)[0] + self.right(x)[0]


def names(derivation: Any, *titles: str) -> list[str]:
    found = []
    for title in titles:
        for line in section(derivation, title):
            left, _ = sides(line)
            assert isinstance(left, Quantity)
            found.append(text(left))
    return found


@pytest.mark.parametrize(
    "kind", [cells.Twice, cells.NamedLikeState, cells.DiagonalPeephole, cells.Exotic, Heads]
)
def test_no_two_quantities_share_a_name(kind: type[nn.Module]) -> None:
    derivation = derive(kind)
    for titles in (("Forward pass",), ("Backward pass", "Backpropagation through time")):
        found = names(derivation, *titles)
        assert len(found) == len(set(found))


def test_weights_used_twice_in_a_step_have_one_gradient() -> None:
    assert "∂L/∂W_a = Σ_t (δa^a_t [h_{t−1}, x_t]ᵀ + δa^a_2_t [a_t, x_t]ᵀ)" in (
        derive(cells.Twice).text()
    )


def test_a_gate_is_its_activations_value_also_behind_a_peephole() -> None:
    derivation = derive(cells.DiagonalPeephole).text()
    assert "f_t = σ(a^f_t + c_{t−1} ∘ p_f)" in derivation
    assert "∂L/∂p_f = Σ_t δf_t ∘ f_t ∘ (1 − f_t) ∘ c_{t−1}" in derivation
    assert re.search(
        r"∂c_t/∂c_\{t−1\} = diag\(f_t \+ f_t .*\) +no path goes through a weight", derivation
    )


def test_coupling_the_gates_adds_the_term_one_minus_f() -> None:
    coupled, uncoupled = derive(cells.Coupled).text(), derive(cells.Uncoupled).text()
    assert "c_t = f_t ∘ c_{t−1} + (1 − f_t) ∘ g_t" in coupled
    assert "= δc_t ∘ (c_{t−1} − g_t)" in coupled
    assert "= δc_t ∘ (1 − f_t)" in coupled
    assert "c_t = f_t ∘ c_{t−1} + g_t" in uncoupled
    assert "= δc_t ∘ c_{t−1} " in uncoupled


def test_a_recurrent_layer_stands_for_its_cell() -> None:
    assert derive(nn.LSTM).to_dict() == derive("lstm").to_dict() == derive(nn.LSTMCell).to_dict()


def test_attentions_wrt_leaves_out_what_does_not_lead_there() -> None:
    found = names(derive("attention", wrt="W_key"), "Backward pass")
    assert found == ["δY", "δA", "δS", "δK", "δW_key"]


@pytest.mark.parametrize("wrt", ["W_f", "b_f", "f", "h", "c", "x"])
def test_wrt_shows_the_line_that_was_asked_for(wrt: str) -> None:
    kept = {line.of for part in derive("lstm", wrt=wrt).sections for line in part.lines}
    assert wrt in kept
    assert not kept & {"W_o", "b_o", "W_g", "b_g"}


def test_what_is_broadcast_is_summed_in_a_rule_too() -> None:
    lines = derive("affine").text()
    assert "Y = A Bᵀ + C" in lines
    assert "δC = 1ᵀ δY" in lines


def test_a_product_of_entries_is_bracketed_in_a_product_of_matrices() -> None:
    lines = derive("additive-attention").text()
    assert "δK = (δZ ∘ (1 − Z²)) W_key + Aᵀ δY" in lines
    assert "δW_query = (1ᵀ (δZ ∘ (1 − Z²)))ᵀ Q" in lines
    assert "S = W_score Zᵀ                    matrix product" in lines
    assert "δZ = (δH ∘ Z / d + δU) / H" in derive("layer-norm").text()


def test_a_jacobian_has_a_summand_for_each_path() -> None:
    lines = derive("peephole").text()
    assert (
        "+ diag(o_t ∘ (1 − o_t) ∘ tanh(c_t)) W^c_o diag(f_t ∘ (1 − f_t) ∘ c_{t−1}) W^c_f" in lines
    )
    assert "+ diag(z_t ∘ (1 − h̃_t²)) W^s_h̃ diag(r_t)" in derive("gru").text()
