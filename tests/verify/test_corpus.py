"""Claims about code of many manners: the right is not accused, what is wrong never passes.

`make bench ROWS=verify` measures how often, over as many changes of this code as wanted.
"""

from __future__ import annotations

import random
import zlib

import pytest
from corpus import PAIRS
from corpus.oracle import Oracle
from corpus.pair import Pair
from corpus.planting import mistakes, planted
from corpus.rewriting import rewritten
from corpus.source import source_of

from minigrad.verify import Report, check_vjp

BUDGET = 0.1


def _judged(pair: Pair) -> Report:
    return check_vjp(pair.forward, pair.backward, pair.inputs, saves=pair.saves, budget=BUDGET)


def _draw(pair: Pair) -> random.Random:
    return random.Random(zlib.crc32(pair.name.encode()))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_right_code_is_not_accused(pair):
    report = _judged(pair)
    assert "wrong" not in [verdict.outcome for verdict in report.verdicts()], str(report)


@pytest.mark.parametrize("pair", PAIRS[3::8], ids=lambda pair: pair.name)
def test_right_code_written_otherwise_is_not_accused(pair):
    other, kinds = rewritten(pair, Oracle(pair), _draw(pair))
    assert len(kinds) == 8
    report = _judged(other)
    source = source_of(other.forward) + source_of(other.backward)
    assert "wrong" not in [verdict.outcome for verdict in report.verdicts()], f"{source}\n{report}"


@pytest.mark.parametrize("pair", PAIRS[::8], ids=lambda pair: pair.name)
def test_a_planted_mistake_never_passes(pair):
    wrong, change = planted(pair, Oracle(pair), _draw(pair))
    try:
        said = _judged(wrong)
    except ValueError:
        return  # refused with a reason: not called right
    assert not said.passed, f"{change.kind} passes:\n{change.text}\n{said}"


def test_the_corpus_has_sixty_pairs_and_the_planter_fifteen_kinds():
    assert len({pair.name for pair in PAIRS}) == len(PAIRS) >= 60
    assert len({change.kind for pair in PAIRS for change in mistakes(pair.backward)}) >= 15


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_corpus_is_right_by_differences_alone(pair):
    assert Oracle(pair).error(pair) < 1e-8
