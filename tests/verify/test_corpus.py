"""Claims about code of many manners: the right is not accused, what is wrong never passes."""

from __future__ import annotations

import random
import zlib

import pytest
from corpus import models, norms, pointwise
from corpus.pair import Pair
from corpus.planting import changed, error, mistakes

from minigrad.verify import Report, check_vjp

PAIRS = [*pointwise.PAIRS, *norms.PAIRS, *models.PAIRS]
BUDGET = 0.1


def _judged(pair: Pair) -> Report:
    return check_vjp(pair.forward, pair.backward, pair.inputs, saves=pair.saves, budget=BUDGET)


def _planted(pair: Pair) -> tuple[str, str, Pair]:
    """A mistake that central differences see: its kind, its source, and the pair with it.

    Every kind is as likely, however many places there are for it.
    """
    by_kind: dict[str, list[str]] = {}
    for kind, text in mistakes(pair.backward):
        by_kind.setdefault(kind, []).append(text)
    draw = random.Random(zlib.crc32(pair.name.encode()))
    for _ in range(500):
        kind = draw.choice(sorted(by_kind))
        text = draw.choice(by_kind[kind])
        wrong = changed(pair, text)
        if 1e-3 < error(wrong) < float("inf"):
            return kind, text, wrong
    raise AssertionError(f"no mistake in {pair.name} changes its gradient")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_right_code_is_not_accused(pair):
    report = _judged(pair)
    assert "wrong" not in [verdict.outcome for verdict in report.verdicts()], str(report)


@pytest.mark.parametrize("pair", PAIRS[::8], ids=lambda pair: pair.name)
def test_a_planted_mistake_never_passes(pair):
    assert error(pair) < 1e-6, "the corpus itself is wrong"
    kind, text, wrong = _planted(pair)
    try:
        said = _judged(wrong)
    except ValueError:
        return  # refused with a reason: not called right
    assert not said.passed, f"{kind} passes:\n{text}\n{said}"


def test_the_corpus_has_sixty_pairs_and_the_planter_fifteen_kinds():
    assert len({pair.name for pair in PAIRS}) == len(PAIRS) >= 60
    assert len({kind for pair in PAIRS for kind, _ in mistakes(pair.backward)}) >= 15
