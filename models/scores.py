"""How close sentences came to what they should be."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.extras import require


def exact(found: Sequence[str], expected: Sequence[str]) -> float:
    """The share that is right to the last character.

    Raises:
        ValueError: not as many of one as of the other, or none.
    """
    _check(found, expected)
    return sum(f == e for f, e in zip(found, expected, strict=True)) / len(found)


def bleu(found: Sequence[str], expected: Sequence[str]) -> float:
    """BLEU of the corpus, 0 to 100 (Papineni et al. 2002; sacrebleu's), tokens between blanks.

    Where no sentence has four tokens, it counts up to the longest run that there is.

    Raises:
        ValueError: not as many of one as of the other, or none.
    """
    _check(found, expected)
    metric = require("sacrebleu", extra="models").BLEU(tokenize="none", effective_order=True)
    return float(metric.corpus_score(list(found), [list(expected)]).score)


def _check(found: Sequence[str], expected: Sequence[str]) -> None:
    if len(found) != len(expected) or not found:
        raise ValueError(f"got {len(found)} sentences for {len(expected)}, expected as many")
