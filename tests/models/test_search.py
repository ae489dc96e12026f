"""A search finds the likeliest sentence; one without a beam may miss it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models.search import search
from models.text import SPECIAL

END = SPECIAL.index("<end>")


class Table:
    """Probabilities by what was said before, at random; ends surely after so many tokens."""

    def __init__(self, seed, size=6, longest=4):
        self.seed, self.size, self.longest = seed, size, longest

    def after(self, said):
        if len(said) > self.longest:
            return np.log(np.where(np.arange(self.size) == END, 1, 1e-30))
        logits = np.random.default_rng([self.seed, *said]).normal(0, 2, self.size)
        logits[:2] = -30  # padding and unknown
        return logits - np.log(np.exp(logits).sum())

    def follow(self, state, last):
        state = np.concatenate([state, last[:, None]], axis=1)
        return np.array([self.after(row) for row in state]), state

    def total(self, row, said):
        return sum(self.after([row, *said[:k]])[said[k]] for k in range(1, len(said)))


def sentence(found):
    said = found.tolist()
    return said[: said.index(END) + 1]


@pytest.mark.parametrize("seed", range(10))
def test_a_wide_beam_finds_the_best_of_all_and_greedy_the_likeliest_next(seed):
    table = Table(seed)
    rows = np.array([[7], [8]])
    wide, greedy = (search(table, rows, 2, beam=beam) for beam in (64, 1))
    for row in (0, 1):
        start = [int(rows[row, 0]), 2]

        def score(said, start=start):
            return sum(table.after([*start, *said[:k]])[token] for k, token in enumerate(said))

        every = [
            [*inner, END]
            for length in range(table.longest)
            for inner in itertools.product((4, 5), repeat=length)
        ]
        assert sentence(wide[row]) == max(every, key=score)
        said = []
        while not said or said[-1] != END:
            scores = table.after([*start, *said])
            scores[2] = -np.inf
            said.append(int(scores.argmax()))
        assert sentence(greedy[row]) == said
        assert score(sentence(wide[row])) >= score(said)


def test_a_sentence_ends_at_the_latest_after_so_many_tokens():
    class Talker:
        def follow(self, state, last):
            return np.log(np.tile([1e-9, 1e-9, 1e-9, 1e-9, 1.0], (len(last), 1))), state

    assert search(Talker(), np.zeros((3, 1)), 3, most=7).tolist() == [[4] * 7] * 3
