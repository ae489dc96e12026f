"""The likeliest sentence of a model that says what comes next: greedy, or by a beam."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from minigrad.tree import tree_map
from models.text import END, PAD, SPECIAL, START

_PAD, _START, _END = (SPECIAL.index(token) for token in (PAD, START, END))


class Decoder(Protocol):
    """What a search asks: the log-probabilities of what follows, token by token."""

    def follow(self, state: Any, last: np.ndarray) -> tuple[np.ndarray, Any]:
        """After the last tokens (rows,): log-probabilities (rows, vocabulary), and the state.

        A state is a tree of arrays whose first axis are the rows.
        """
        ...


def search(model: Decoder, state: Any, rows: int, *, beam: int = 1, most: int = 60) -> np.ndarray:
    """The best sentence for each row (Sutskever et al. 2014, section 3.2).

    Args:
        model: what says how likely each token is.
        state: the one to start from.
        rows: how many sentences are sought side by side.
        beam: beginnings kept for each; 1: greedy, always the likeliest token.
        most: tokens, after which a sentence ends in any case.

    Returns:
        Indices (rows, length), each with its end and padding behind.
    """
    everyone = np.repeat(np.arange(rows), beam)
    state = tree_map(lambda a: a[everyone], state)
    # At first the beginnings of a row are all the same, and only one of them counts.
    total = np.where(np.arange(beam) == 0, 0.0, -np.inf) + np.zeros((rows, 1))
    found = np.full((rows * beam, 1), _START)
    ended = np.zeros(rows * beam, bool)
    for _ in range(most):
        scores, state = model.follow(state, found[:, -1])
        scores = np.where(ended[:, None], -np.inf, scores.astype(float))
        scores[:, [_PAD, _START]] = -np.inf
        scores[ended, _PAD] = 0  # what has ended stays as it is
        size = scores.shape[1]
        ranked = (total[..., None] + scores.reshape(rows, beam, size)).reshape(rows, -1)
        best = np.argsort(-ranked, axis=1, kind="stable")[:, :beam]
        total = np.take_along_axis(ranked, best, axis=1)
        before = (np.arange(rows)[:, None] * beam + best // size).ravel()
        token = (best % size).ravel()
        state = tree_map(lambda a, rows=before: a[rows], state)
        found = np.concatenate([found[before], token[:, None]], axis=1)
        ended = ended[before] | (token == _END)
        if ended.all():
            break
    return found.reshape(rows, beam, -1)[:, 0, 1:]
