"""What tutorials share: the reader's language, self-checks, formulas, verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minigrad.symbolic import derive
from minigrad.tutorial import check, formulas, text, verdicts
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
    ("yours", "said"),
    [
        (None, "○ 1: not answered yet\n"),
        (1.907, "✓ 1: right (1.907)\n"),
        (2.5, "✗ 1: expected 1.907, yours 2.5\n"),
        (np.array([1.907, 1.907]), "✗ 1: expected 1.907, yours [1.907 1.907]\n"),
        (float("nan"), "✗ 1: expected 1.907, yours nan\n"),
        (1.90702, "✗ 1: expected 1.907, yours 1.90702\n"),  # as many digits as tell them apart
    ],
)
def test_a_check_says_what_was_expected(yours, said, capsys):
    check("1", yours, 1.907)
    assert capsys.readouterr().out == said


def test_a_long_wrong_answer_is_shortened(capsys):
    check("1", np.zeros((30, 8)), np.ones(3))
    assert len(capsys.readouterr().out) < 300


def test_a_check_speaks_spanish(spanish, capsys):
    check("2", 3, 4)
    assert capsys.readouterr().out == "✗ 2: se esperaba 4, lo tuyo 3\n"


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
    wrong = replace(report.checks[0], passed=False, failures=("lacks a factor",))
    with pytest.raises(AssertionError, match="found a fault"):
        verdicts(replace(report, checks=(wrong,)))
    assert "lacks a factor" in capsys.readouterr().out
