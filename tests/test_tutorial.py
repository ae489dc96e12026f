"""What tutorials share: the reader's language, self-checks, formulas, verdicts."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

from minigrad.graph import draw
from minigrad.symbolic import derive
from minigrad.tensor import Tensor
from minigrad.tutorial import check, formulas, live, spotlight, text, verdicts
from minigrad.verify import verify


@pytest.fixture
def spanish(monkeypatch):
    monkeypatch.setenv("MINIGRAD_LANGUAGE", "es")


def test_english_is_the_default(monkeypatch):
    monkeypatch.delenv("MINIGRAD_LANGUAGE", raising=False)
    assert text("loss", "pérdida") == "loss"


def test_the_environment_chooses_the_language(spanish):
    assert text("loss", "pérdida") == "pérdida"


@pytest.mark.parametrize(
    "yours",
    [1.907, "1.907", "1,907", Fraction(1907, 1000), sympy.Rational(1907, 1000), [1.907], 1.91, 1.9,
     np.float32(1.907), Tensor(1.907), "1907/1000", 1.907 + 0j, 1.9070001],
    ids=repr,
)  # fmt: skip
def test_a_right_answer_is_right_however_it_is_written(yours, capsys):
    check("1", yours, 1.907)
    assert capsys.readouterr().out == "✓ 1: right (1.907)\n"


@pytest.mark.parametrize(
    ("yours", "said"),
    [
        (-1.907, "has the wrong sign"),
        (3.814, "is not right: it is too large by a factor of 2"),
        (0.01907, "is not right: it is too small by a factor of 100"),
        ([1.907, 1.907], "has shape (2,), expected ()"),
        (float("nan"), "is not finite"),
        (1.92, "is close, but not close enough"),
        (2.0, "is not right"),
        (7, "is not right"),
        ({1}, "expected a number or an array of numbers, got set"),
        (abs, "expected a number or an array of numbers, got builtin_function_or_method"),
        ("two", "expected a number or an array of numbers, got str"),
        (True, "expected a number or an array of numbers, got bool"),
        ([[1], [2, 3]], "expected a number or an array of numbers, got list"),
        (1.907 + 1j, "is not right"),
    ],
)
def test_a_wrong_answer_is_told_what_kind_of_mistake_it_may_be(yours, said, capsys):
    check("1", yours, 1.907)
    printed = capsys.readouterr().out
    assert printed.startswith("✗ 1: ") and printed.endswith(f"{said}\n")
    assert "1.907" not in printed.replace(str(yours), "").replace("-1.907", "").replace(
        "[1.907 1.907]", "").replace("1.907+1.j", "")  # fmt: skip


@pytest.mark.parametrize("yours", [None, ..., [None, None]])
def test_no_answer_is_no_mistake(yours, capsys):
    check("1", yours, 1.907)
    assert capsys.readouterr().out == "○ 1: not answered yet\n"


def test_of_an_array_it_says_how_much_is_right(capsys):
    check("1", [1.0, 2.0, -3.0], np.array([1.0, 2.0, 3.0]))
    assert "2 of 3 entries are right" in capsys.readouterr().out
    check("1", np.ones((2, 1)), np.ones(2))
    assert "has shape (2, 1), expected (2,)" in capsys.readouterr().out
    check("1", [1e-12, 0], np.zeros(2))
    assert capsys.readouterr().out.startswith("✓")


def test_what_has_to_be_exact_is_not_right_when_rounded(capsys):
    check("1", 1900, 1907)
    check("1", 1.91, 1.907, rtol=1e-15)
    assert capsys.readouterr().out.count("✗") == 2


def test_a_long_wrong_answer_is_shortened(capsys):
    check("1", np.zeros((30, 8)), np.ones(3))
    assert len(capsys.readouterr().out) < 300


def test_a_check_speaks_spanish(spanish, capsys):
    check("2", -4, 4)
    assert capsys.readouterr().out == "✗ 2: -4. tiene el signo cambiado\n"


def test_formulas_are_those_asked_for():
    shown = formulas(derive("rnn"), "δh_t", "Parameters")
    lines = repr(shown).splitlines()
    assert [line.partition(" = ")[0] for line in lines] == ["δh_t", "∂L/∂W_a", "∂L/∂b_a"]
    assert shown._repr_markdown_().count("$$") == 6


def test_formulas_of_one_section_only():
    everywhere = formulas(derive("peephole-diagonal"), "∂c_t/∂c_{t−1}")
    within = "What carries the gradient"
    (whole,) = formulas(derive("peephole-diagonal"), "∂c_t/∂c_{t−1}", within=within).lines
    assert len(everywhere.lines) == 2 and whole in everywhere.lines
    assert "p_f" in whole[0]


def test_a_formula_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="RNNCell has nothing of δq_t"):
        formulas(derive("rnn"), "δq_t")


def test_verdicts_add_up_the_shapes(capsys):
    report = verify("multiply")
    verdicts(report)
    told = capsys.readouterr().out.splitlines()
    assert len(report.checks) > len(told) == 4
    proved = sum(found.figure for found in report.checks if found.judge == "proof")
    assert told[0].endswith(f" {proved:.0f} entries equal")


def test_verdicts_tell_every_check(capsys, spanish):
    report = verify("tanh")
    verdicts(report)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(report.checks)
    assert "demostración" in told[0]


def test_a_failed_check_is_not_passed_over(capsys):
    report = verify("tanh")
    wrong = replace(report.checks[0], outcome="wrong", failures=("lacks a factor",))
    with pytest.raises(AssertionError, match="found a fault"):
        verdicts(replace(report, checks=(wrong,)))
    assert "lacks a factor" in capsys.readouterr().out


def faded(picture):
    """Titles of what a picture shows faintly, and of all that it shows."""
    parts = re.findall(
        r'<g id="[^"]*" class="(?:node|edge)"( opacity="0.15")?>\s*<title>(.*?)<', picture
    )
    return {title for opacity, title in parts if opacity}, {title for _, title in parts}


def test_a_spotlight_leaves_one_gate_in_colour():
    picture = draw("lstm", view="cell")
    none, titles = faded(picture._repr_svg_())
    assert not none and titles
    layers = {title for title in titles if title.startswith("layer ") and "&gt;" not in title}
    assert len(layers) == 4
    for gates in ("f",), ("i", "g"), ("o",):
        dim, _ = faded(spotlight(picture, *gates)._repr_svg_())
        assert len(layers - dim) == len(gates)
    with pytest.raises(ValueError, match="got gates q, and the picture lacks some"):
        spotlight(picture, "q")


def test_a_live_figure_hands_over_its_numbers_without_losing_a_digit(monkeypatch):
    monkeypatch.delenv("MINIGRAD_LANGUAGE", raising=False)
    array = np.array([[0.1, np.pi], [-1e-300, 3.0]])
    given = live("ball", a=array, t=Tensor(array[0]), n=np.float32(2), words=["x", {"y": True}])
    data = given._repr_mimebundle_()["application/vnd.minigrad.live+json"]["data"]
    back = np.frombuffer(base64.b64decode(data["a"]["bytes"]), "<f8").reshape(data["a"]["shape"])
    assert np.array_equal(back, array)
    assert data["t"]["shape"] == [2] and data["n"] == 2 and data["words"] == ["x", {"y": True}]
    assert "this figure moves" in repr(given)
