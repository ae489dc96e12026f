"""BERT sees both sides, finds hidden words, and what it has learned of them carries over."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from minigrad.datasets import Reviews
from models import bert
from models.bert import (
    BERT,
    HIDDEN,
    LONGEST,
    MASK,
    NOT_ASKED,
    Judge,
    Neighbours,
    drawn,
    encoded,
    fill,
    fit,
    hidden_words,
    hide,
    passages,
    tokenise,
    transfer,
    tuned,
)
from models.checkpoint import Checkpoint
from models.composed import composed
from models.sentiment import split
from models.text import SPECIAL, Vocabulary, documentation


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(bert.main, [*map(str, args)])


def vocabulary_of(texts):
    words = Vocabulary.of(word for text in texts for word in tokenise(text)).tokens
    return Vocabulary((*SPECIAL, MASK, *words[len(SPECIAL) :]))


def settings(vocabulary, **more):
    return {"width": 32, "heads": 2, "layers": 1, "dropout": 0.0, "share": 0.3, "batch": 32,
            "steps": 300, "lr": 1e-2, "seed": 0, "vocabulary": list(vocabulary.tokens),
            **more}  # fmt: skip


def pairs(count, seed):
    """Two words of one kind: which words are of a kind can be told without any label."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 2
    texts = tuple(" and ".join(f"{'good' if k else 'bad'}{w}" for w in rng.integers(0, 12, 2))
                  for k in label)  # fmt: skip
    return Reviews(texts, label, ("en",) * count, texts)


# What goes in


def test_the_mask_is_a_word_of_its_own():
    assert tokenise(f"The film was {MASK}, and {MASK}!") == [
        "the", "film", "was", MASK, ",", "and", MASK, "!",
    ]  # fmt: skip


def test_passages_are_prose_of_documentation_in_pieces():
    found = passages(documentation())
    assert len(found) > 1000
    assert max(map(len, found)) <= LONGEST
    words = [word for passage in found for word in passage]
    assert np.mean([word.isalpha() for word in words]) > 0.75  # of all of it, half


def test_hidden_words_are_mostly_masks_and_never_padding_or_unknown(rng):
    indices, lengths = rng.integers(HIDDEN + 1, 50, (400, 20)), rng.integers(1, 21, 400)
    indices[:, 0] = 1
    read, target = hide(indices, lengths, 50, rng, share=0.2)
    asked = target != NOT_ASKED
    there = np.arange(20) < lengths[:, None]
    assert not asked[~there].any() and not asked[:, 0].any()
    assert asked[there & (indices != 1)].mean() == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(target[asked], indices[asked])
    np.testing.assert_array_equal(read[~asked], indices[~asked])
    assert (read[asked] == HIDDEN).mean() == pytest.approx(0.8, abs=0.05)
    assert (read[asked] == target[asked]).mean() == pytest.approx(0.1, abs=0.04)
    always, _ = hide(indices, lengths, 50, rng, share=0.2, always=True)
    assert ((always == HIDDEN) | (always == indices)).all()


# What it sees


@pytest.mark.parametrize("changed", [0, 5])
def test_each_word_hears_those_before_and_behind_and_no_padding(changed, rng):
    model = BERT(30, width=16, heads=2, layers=1, rng=0).eval()
    words = rng.integers(HIDDEN, 30, (1, 8))
    other = words.copy()
    other[0, changed] = HIDDEN + (words[0, changed] == HIDDEN)
    where = np.arange(8)[None] == 3
    lengths = np.array([6])
    before, after = (model.predict(x, lengths, where) for x in (words, other))
    assert not np.allclose(before, after)
    other = words.copy()
    other[0, 6:] = HIDDEN
    np.testing.assert_allclose(before, model.predict(other, lengths, where), rtol=1e-5)


def test_neighbours_count_the_word_between_then_beside_one_then_all():
    vocabulary = vocabulary_of(["a b c", "a b c", "a d c", "e d", "d d d d"])
    word = vocabulary.index
    counts = Neighbours([vocabulary.encode(t.split()) for t in ("a b c", "a b c", "a d c", "e d")])
    assert counts(word["a"], word["c"]) == word["b"]
    assert counts(word["e"], word["c"]) == word["d"]  # e is always followed by d
    assert counts(99, 98) == counts.best[-1, -1]


# What it learns


def test_on_real_sentences_it_finds_more_than_the_most_frequent_word():
    known, held = split(composed(1000, 0, ("en",)))
    prose = passages(documentation())[:200]
    vocabulary = vocabulary_of([*known.text, *map(" ".join, prose)])
    sentences, text = encoded(known, vocabulary), [vocabulary.encode(p) for p in prose]
    model, history = fit(sentences, text, settings(vocabulary, steps=250))
    assert np.mean(history.losses[-20:]) < 0.7 * np.mean(history.losses[:20])
    told = hidden_words(model, sentences, encoded(held, vocabulary), len(vocabulary))
    ours, _, frequent = (float(part.split()[-1].rstrip("%")) for part in told.split(","))
    assert ours > 3 * frequent


def test_a_word_that_only_both_sides_tell_is_found():
    texts = ["a x a", "a y b", "b y a", "b x b"]
    vocabulary = vocabulary_of(texts)
    some = [vocabulary.encode(tokenise(t)) for t in texts * 20]
    model, _ = fit(some, some, settings(vocabulary, steps=800))
    for text in texts:
        left, word, right = text.split()
        ((best, *_),) = fill(model, vocabulary, f"{left} {MASK} {right}")
        assert best[0] == word and best[1] > 0.8


def test_what_was_learned_without_labels_carries_over():
    known, held = pairs(600, 0), pairs(200, 1)
    vocabulary = vocabulary_of(known.text)
    some = encoded(known, vocabulary)
    made_with = settings(vocabulary, steps=500)
    model, _ = fit(some, some, made_with)
    before = model.state_dict()
    scores = transfer(model, made_with, known, held, labels=6, draws=2)
    assert list(scores) == ["fine-tuned", "frozen", "from scratch", "logistic regression on counts"]
    mean = {name: np.mean(found) for name, found in scores.items()}
    assert min(mean["fine-tuned"], mean["frozen"]) > mean["from scratch"] + 0.05
    assert mean["fine-tuned"] > 0.9
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_encoder_stays_as_it_is(frozen):
    known = pairs(20, 0)
    vocabulary = vocabulary_of(known.text)
    model = bert.made(settings(vocabulary))
    before = model.state_dict()
    judge = tuned(model, known, vocabulary, frozen=frozen, seed=0)
    assert isinstance(judge, Judge)
    after = judge.bert.state_dict().items()
    same = {name for name, array in after if np.array_equal(array, before[name])}
    assert same == (set(before) if frozen else {"bias"})  # that of the words, of no use here
    fresh = Judge(model, 0).state_dict()
    assert not np.array_equal(judge.output.weight.data, fresh["output.weight"])


def test_labels_are_drawn_in_halves_and_anew_for_each_seed():
    known = pairs(100, 0)
    assert drawn(known, 10, 0).label.sum() == 5
    assert drawn(known, 10, 0).text == drawn(known, 10, 0).text != drawn(known, 10, 1).text


# From the command line

SMALL = ("--sentences", 100, "--width", 8, "--heads", 2, "--layers", 1, "--labels", 4, "--draws", 1,
         "--steps", 10)  # fmt: skip


def test_it_saves_fills_and_goes_on_as_if_nothing_had_happened(run, tmp_path, monkeypatch):
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    gap = ("--fill", f"The film was {MASK}.")
    first = run(*SMALL, *gap, "--save", whole)
    assert first.exit_code == 0, first.output
    assert "hidden words found, held-out sentences: bert" in first.output
    assert "praise from 4 labels, from scratch: F1" in first.output
    filled = first.output.splitlines()[-2:]
    assert run("--load", whole, *gap).output.splitlines() == filled

    save = Checkpoint.save

    def interrupted(self, history):
        save(self, history)
        raise RuntimeError("the power fails")

    monkeypatch.setattr(Checkpoint, "save", interrupted)
    assert run(*SMALL, "--save", half).exit_code != 0
    monkeypatch.undo()
    again = run(*SMALL, *gap, "--save", half, "--resume")
    assert again.output.splitlines()[1:] == first.output.splitlines()[1:]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--fill", "nothing is hidden"], f"no {MASK}"),
        (["--width", "30", "--heads", "4"], "expected a multiple of the 4 heads"),
        (["--sentences", "100", "--labels", "90"], "--labels: got 90"),
        (["--sentences", "120000"], "--sentences"),  # there are not so many in English
        (["--text", "{tmp}/nowhere.txt"], "{tmp}/nowhere.txt"),
        (["--text", "{tmp}/latin"], "{tmp}/latin, line 2"),
        (["--text", "{tmp}/empty"], "{tmp}/empty, line 1"),
        (["--data", "{tmp}/few"], "{tmp}/few, line 2, the last: 1 sentences of praise"),
        (["--text", "{tmp}/few"], "{tmp}/few, line 2, the last: 0 passages of prose"),
        (["--data", "{tmp}/binary"], "{tmp}/binary, line 3: binary data"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--share", "1"], "--share"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, bad_files, refuses):
    (bad_files / "few").write_text("language,label,text\nen,1,fine\n")
    refuses(bert.main, args, message)
