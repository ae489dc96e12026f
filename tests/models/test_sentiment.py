"""Praise and complaint: the order of words counts, in both languages, for every body."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from minigrad.datasets import reviews
from models import sentiment
from models.composed import composed
from models.sentiment import (
    BODIES,
    Classifier,
    batch_of,
    by_counts,
    encoded,
    fit,
    split,
    tokenise,
    vocabulary_of,
)

SMALL = {"width": 32, "dropout": 0.1, "forget": 0.0, "batch": 32, "lr": 5e-3, "decay": 0.01,
         "seed": 0}  # fmt: skip


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(sentiment.main, [*map(str, args)])


def test_composed_sentences_are_different_balanced_and_the_same_for_a_seed():
    data = composed(200, 3)
    assert len(set(data.text)) == 200
    assert data.label.sum() == 100
    assert data.language.count("es") == 100
    assert data.text == composed(200, 3).text != composed(200, 4).text


def test_spanish_adjectives_agree_with_their_nouns():
    texts = [t for t, k in zip(*[getattr(composed(600, 0), n) for n in ("text", "language")],
                               strict=True) if k == "es"]  # fmt: skip
    feminine = [t for t in texts if "la película" in t]
    assert feminine
    assert not any(word in t for t in feminine for word in (" malo", " bueno", "encantador."))


def test_words_of_praise_are_in_complaints_as_well():
    data = composed(2000, 0)
    with_word = [label for text, label in zip(data.text, data.label, strict=True)
                 if "excellent" in text]  # fmt: skip
    assert 0.2 < np.mean(with_word) < 0.8


@pytest.mark.parametrize("body", ["rnn", "lstm", "gru"])
def test_order_decides_and_counts_do_not_see_it(body):
    known, held = split(composed(3000, 0))
    model, vocabulary, _ = fit(known, {**SMALL, "body": body, "epochs": 10})
    right = (model.predict(encoded(held, vocabulary)) > 0.5) == held.label
    counted = (by_counts(known, held) > 0.5) == held.label
    assert np.mean(right) > 0.8 > 0.65 > np.mean(counted)


@pytest.mark.parametrize("body", BODIES)
def test_padding_and_unknown_words_change_nothing_else(body):
    model = Classifier(20, body=body, rng=0).eval()
    short, long = np.array([3, 4, 5]), np.arange(2, 14)
    alone, together = model.predict([short]), model.predict([short, long, np.array([], int)])
    assert together[0] == pytest.approx(alone[0], abs=1e-6)
    assert np.isfinite(together).all()
    assert batch_of([np.ones(100, int)])[0].shape == (1, sentiment.LONGEST)


def test_subjects_do_not_cross_the_split():
    known, held = split(reviews())
    assert not set(known.subject) & set(held.subject)
    assert held.label.mean() == 0.5
    assert set(held.language) == {"en", "es"}


def test_endings_go_and_words_of_both_languages_stay():
    assert tokenise("¡Las películas no eran aburridas!", "es")[1:-1] == [
        "las", "pelicul", "no", "eran", "aburr",
    ]  # fmt: skip
    assert tokenise("The films weren't boring.", "en")[0] == "the"
    assert len(vocabulary_of(reviews())) > 500


def test_the_command_line_saves_loads_and_predicts(run, tmp_path):
    path = tmp_path / "classifier.safetensors"
    options = ["--sentences", 400, "--epochs", 1, "--body", "transformer", "--save", path]
    found = run(*options, "--predict", "the soup was not bad.")
    assert found.exit_code == 0, found.output
    assert "80 sentences composed, 40 of praise, held out" in found.output
    assert found.output.count("logistic regression on counts") == 2
    again = run("--load", path, "--predict", "the soup was not bad.")
    assert again.output.splitlines()[-1] == found.output.splitlines()[-1]


@pytest.mark.parametrize(("lines", "message"), [
    (["language,label,text", "en,1,fine"], "line 1: no column"),
    ([], "own.csv, line 1: an empty file"),
    (["language,label,text", "en,1,fine, or so"], "line 2: expected 3 fields, got 4"),
    (["language,label,text", "fr,1,bon"], "line 2: language 'fr', expected en or es"),
    (["language,label,text", "en,2,fine"], "line 2: label '2', expected 0 or 1"),
    (["language,label,text", "en,1, "], "line 2: no text"),
    (["language,label,text", "en,1,fine"], "line 2, the last: 1 sentences of praise"),
])  # fmt: skip
def test_bad_files_are_told_in_one_line(run, tmp_path, lines, message):
    path = tmp_path / "own.csv"
    if message.startswith("line 1"):
        lines = ["language,label,words", *lines[1:]]
    path.write_text("\n".join(lines), "utf-8")
    found = run("--data", path)
    assert found.exit_code == 2
    assert message in found.output
    assert "Traceback" not in found.output


def test_sentences_of_ones_own(run, tmp_path):
    data = composed(60, 1)
    rows = [f"{k},{y},{t}" for t, y, k in zip(data.text, data.label, data.language, strict=True)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["language,label,text", *rows]), "utf-8")
    found = run("--data", path, "--epochs", 1)
    assert found.exit_code == 0, found.output
    assert "sentences of the file" in found.output
