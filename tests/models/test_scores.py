"""Scores say how much of what was found is right."""

from __future__ import annotations

import pytest

from models.scores import bleu, exact


def test_a_sentence_is_right_to_the_last_word_or_wrong():
    assert exact(["one two", "one", ""], ["one two", "one two", ""]) == pytest.approx(2 / 3)


def test_bleu_is_papineni_s():
    said = "the cat sat on the mat"
    assert bleu([said], [said]) == pytest.approx(100)
    assert bleu(["a b c d e"], [said]) < 1
    # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples, no brevity penalty
    expected = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert bleu(["the cat sat on a mat"], [said]) == pytest.approx(expected)


@pytest.mark.parametrize("score", [exact, bleu])
def test_as_many_as_expected_are_asked_for(score):
    with pytest.raises(ValueError, match="got 1 sentences for 2"):
        score(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="got 0 sentences"):
        score([], [])
