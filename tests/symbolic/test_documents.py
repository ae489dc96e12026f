"""Derivations as documents: LaTeX, HTML and Markdown that are whole, and whatever a name holds."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import cells
import pytest

from minigrad import nn, tanh
from minigrad.symbolic import derive
from minigrad.symbolic.write.printing import rows
from minigrad.targets import LAYERS, target_of


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


def test_latex_is_set_as_in_a_book() -> None:
    source = derive("lstm").latex()
    assert r"1 - \tanh^{2}$" in source  # upright in a sentence too
    assert r"o_{t} \circ (1 - \tanh^{2}(c_{t}))" in source  # brackets as tall as what is in them
    assert r"\left(" in derive("slstm").latex()
    assert r"1 - g_{t}^{2}" in source
    equations = source.split(r"\\[3pt]")
    assert not any(r"\\" in e.replace(r"\\*", "") for e in equations if r"\subsection" not in e)
