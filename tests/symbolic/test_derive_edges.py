"""Cells, layers and names of one's own: unambiguous, or refused with a sentence."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import cells
import numpy as np
import pytest
from evaluation import section, sides

from minigrad import nn, tanh
from minigrad.primitives import PRIMITIVES
from minigrad.symbolic import derive
from minigrad.symbolic.formula import Quantity
from minigrad.symbolic.write.printing import rows, text
from minigrad.targets import LAYERS
from minigrad.targets.parts import PARTS


class Unmakeable(nn.Cell):
    gates = ("a",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)

    def step(self, x: Any, h: Any) -> Any:
        return tanh(self.a(h, x))


class Forgetful(nn.Cell):
    state = ("h", "k")
    gates = ("a",)

    def step(self, x: Any, h: Any, k: Any) -> Any:
        return tanh(self.a(h, x)), np.zeros(h.shape)


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


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Unmakeable, "unexpected keyword argument 'rng'"),
        (Forgetful, "returned a constant as k"),
    ],
)
def test_what_cannot_be_derived_is_said_in_one_line(kind: type[nn.Cell], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        derive(kind)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive_is_derived_or_refused_in_one_line(name: str) -> None:
    try:
        assert "NOT THE SAME" not in derive(name).text()
    except ValueError as error:
        assert str(error).startswith("derive: ")
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layer_norm", "no notation for layer_norm"),
        ("einsum", "no notation for einsum"),
        ("sum", "sum only moves or adds up entries"),
        ("cosine", "a function of several operations, expected a cell, a module or a primitive"),
        ("multi-head", "MultiheadAttention cannot be made and called as a module of matrices"),
    ],
)
def test_a_refusal_says_why_and_who_can_help(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        derive(name)
    assert "verify" in str(caught.value)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_derived_or_refused_in_one_line(name: str) -> None:
    try:
        assert f"The gradients of {type(PARTS[name].module()).__name__}" in derive(name).text()
    except ValueError as error:
        assert "\n" not in str(error)


def test_what_is_broadcast_is_summed_in_a_rule_too() -> None:
    lines = derive("affine").text()
    assert "Y = A Bᵀ + C" in lines
    assert "δC = 1ᵀ δY" in lines


def test_a_product_of_entries_is_bracketed_in_a_product_of_matrices() -> None:
    lines = derive("additive-attention").text()
    assert "δK = (δZ ∘ (1 − Z²)) W_key + Aᵀ δY" in lines
    assert "δW_query = (1ᵀ (δZ ∘ (1 − Z²)))ᵀ Q" in lines
    assert "S = W_score Zᵀ                    matrix product" in lines
    assert "δH ∘ Z / (d H)" in derive("layer-norm").text()


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.Attention, cells.Exotic, cells.Twice])
def test_latex_is_balanced_and_its_letters_are_commands(kind: type[nn.Module]) -> None:
    source = derive(kind).latex()
    assert source.count("{") == source.count("}")
    assert source.count(r"\left") == source.count(r"\right")
    assert not re.search("[αβσ∂δ∘−ᵀ\N{COMBINING TILDE}]", source)


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.Attention, cells.Exotic])
def test_html_is_whole_and_its_formulas_are_wellformed_mathml(kind: type[nn.Module]) -> None:
    pytest.importorskip("latex2mathml")  # it refuses a second index, as LaTeX does
    derivation = derive(kind)
    page = derivation.html()
    formulas = re.findall(r"<math.*?</math>", page, flags=re.DOTALL)
    assert len(formulas) >= sum(len(part.lines) for part in derivation.sections)
    for formula in formulas:
        ElementTree.fromstring(formula)
    assert page.count("<div") == page.count("</div>")
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"(src|href)=", page)


def test_html_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "latex2mathml.converter", None)
    with pytest.raises(ImportError, match=r"get it with: pip install .*\[report\]"):
        derive("rnn").html()


PAPER = 117  # characters of a formula that a page is wide


@pytest.mark.parametrize("name", LAYERS)
def test_no_row_of_a_formula_is_wider_than_a_page(name: str) -> None:
    for part in derive(name).sections:
        for line in part.lines:
            for left, right in rows(line.equation, 46, latex=False):
                if " / " not in right:  # a fraction is narrower on paper
                    assert len(left) + len(right) <= PAPER, right


def test_a_jacobian_has_a_summand_for_each_path() -> None:
    lines = derive("peephole").text()
    assert (
        "+ diag(o_t ∘ (1 − o_t) ∘ tanh(c_t)) W^c_o diag(f_t ∘ (1 − f_t) ∘ c_{t−1}) W^c_f" in lines
    )
    assert "+ diag(z_t ∘ (1 − h̃_t²)) W^s_h̃ diag(r_t)" in derive("gru").text()


def test_latex_is_set_as_in_a_book() -> None:
    source = derive("lstm").latex()
    assert r"1 - \tanh^{2}$" in source  # upright in a sentence too
    assert r"o_{t} \circ (1 - \tanh^{2}(c_{t}))" in source  # brackets as tall as what is in them
    assert r"\left(" in derive("slstm").latex()
    assert r"1 - g_{t}^{2}" in source
    equations = source.split(r"\\[3pt]")
    assert not any(r"\\" in e.replace(r"\\*", "") for e in equations if r"\subsection" not in e)
