"""Numbers and dates in words, as one writes them."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from models.number_words import Pair, date, dates, number, numbers


@pytest.mark.parametrize(
    ("n", "es", "en"),
    [
        (0, "cero", "zero"),
        (16, "dieciséis", "sixteen"),
        (21, "veintiuno", "twenty-one"),
        (1001, "mil uno", "one thousand and one"),
        (21_000, "veintiún mil", "twenty-one thousand"),
        (31_021, "treinta y un mil veintiuno", "thirty-one thousand and twenty-one"),
        (101_101, "ciento un mil ciento uno", "one hundred and one thousand one hundred and one"),
    ],
)
def test_numbers(n, es, en):
    assert number(n) == Pair(es, en)


@pytest.mark.parametrize(
    ("day", "es", "en"),
    [
        ((1808, 5, 2), "el dos de mayo de mil ochocientos ocho",
         "the second of may eighteen oh-eight"),
        ((2021, 12, 31), "el treinta y uno de diciembre de dos mil veintiuno",
         "the thirty-first of december twenty twenty-one"),
    ],
)  # fmt: skip
def test_dates(day, es, en):
    assert date(datetime.date(*day)) == Pair(es, en)


def test_what_is_drawn_is_all_different_and_the_same_again():
    for draw in (numbers, dates):
        first, again = (draw(500, np.random.default_rng(3)) for _ in range(2))
        assert first == again
        assert len(set(first)) == 500
        assert len({pair.es for pair in first}) == len({pair.en for pair in first}) == 500
        assert draw(0, np.random.default_rng(3)) == []
        with pytest.raises(ValueError, match="got -1"):
            draw(-1, np.random.default_rng(3))
