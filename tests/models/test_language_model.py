"""The language model learns what comes next, samples, and goes on as if never interrupted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from click.testing import CliRunner

from models import language_model
from models.language_model import LanguageModel, NGram, fit, perplexity, sample, split, streams
from models.text import SPECIAL, Vocabulary, documentation


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(language_model.main, [*map(str, args)])


def settings(vocabulary, **more):
    return {"unit": "characters", "cell": "lstm", "hidden": 32, "layers": 1, "width": 16,
            "dropout": 0.0, "window": 16, "batch": 16, "epochs": 1, "lr": 1e-2, "seed": 0,
            "vocabulary": list(vocabulary.tokens), **more}  # fmt: skip


@pytest.mark.parametrize("cell", language_model.CELLS)
def test_on_real_text_it_soon_beats_letter_frequencies(cell):
    known, held_out = split(documentation()[:60_000])
    vocabulary = Vocabulary.of(known)
    encoded, held = vocabulary.encode(known), vocabulary.encode(held_out)
    model, _ = fit(encoded, held, settings(vocabulary, cell=cell))
    assert perplexity(model, held) < 0.7 * NGram(encoded, 1, len(vocabulary)).perplexity(held)


def test_words_of_real_text_are_foreseen_better_than_by_n_grams():
    text, _ = split(language_model.words(documentation()))  # what is held out stays unseen
    known, held_out = split(text)
    vocabulary = Vocabulary.of(known, least=2)
    encoded, held = vocabulary.encode(known), vocabulary.encode(held_out)
    usual = {**language_model.USUAL["words"], "window": 32, "epochs": 1, "lr": 1e-2}
    model, _ = fit(encoded, held, settings(vocabulary, unit="words", **usual))
    counts = min(NGram(encoded, n, len(vocabulary)).perplexity(held) for n in (2, 3, 4))
    assert perplexity(model, held) < 0.95 * counts


def test_what_always_comes_next_is_learned_by_heart():
    vocabulary = Vocabulary.of("abcde")
    encoded = vocabulary.encode("abcde" * 200)
    model, _ = fit(encoded, encoded, settings(vocabulary, epochs=20))
    assert perplexity(model, encoded) < 1.05
    found = sample(model, vocabulary.encode("ab"), 8, temperature=0, seed=0)
    assert vocabulary.decode(found) == list("cdeabcde")


def test_streams_side_by_side_hold_each_token_s_next():
    x, y = streams(np.arange(14), 4)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert np.array_equal(y, x + 1)
    with pytest.raises(ValueError, match="4 tokens, too few for 4 streams"):
        streams(np.arange(4), 4)


def test_perplexity_is_that_of_a_single_walk_through_the_text(rng):
    model = LanguageModel(10, width=4, hidden=5, rng=0)
    text = rng.integers(0, 10, 150)
    scores, _ = model.predict(text[None, :-1])
    plain = math.exp(-scores[0, np.arange(149), text[1:]].mean(dtype=float))
    assert perplexity(model, text, count=1) == pytest.approx(plain, rel=1e-5)


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary():
    model = LanguageModel(10, width=4, hidden=5, rng=0)
    model.memory.output.weight.data *= 0
    model.memory.output.bias.data *= 0
    assert perplexity(model, np.arange(100) % 10) == pytest.approx(10, rel=1e-5)


def test_the_state_goes_on_from_window_to_window(rng):
    vocabulary = Vocabulary.of("abcd")
    encoded = vocabulary.encode("abcd"[k] for k in rng.integers(0, 4, 2 * 24 + 1))
    still = settings(vocabulary, batch=2, window=4, lr=1e-30)  # so that only the state changes
    model, history = fit(encoded, encoded, still)
    assert len(history.losses) == 6
    whole = math.log(perplexity(model, encoded, count=2))
    assert np.mean(history.losses) == pytest.approx(whole, rel=1e-5)
    alone = [math.log(perplexity(model, encoded[k : k + 5], count=1)) for k in range(0, 48, 4)]
    assert np.mean(alone) != pytest.approx(whole, rel=1e-5)


def test_n_grams_are_witten_bell_s_formula():
    text = [0, 1, 0, 2, 0, 1]
    model = NGram(text, 2, size=4)
    unigram = {1: (2 + 3 / 4) / (6 + 3), 3: (0 + 3 / 4) / (6 + 3)}
    assert model.probability(1, [0]) == pytest.approx((2 + 2 * unigram[1]) / (3 + 2))
    assert model.probability(3, [0]) == pytest.approx((0 + 2 * unigram[3]) / (3 + 2))
    assert model.probability(1, [3]) == pytest.approx(unigram[1])  # never seen before anything
    for before in ([], [0], [1], [3], [2, 0]):
        assert sum(model.probability(k, before) for k in range(4)) == pytest.approx(1)


def test_samples_follow_the_probabilities_and_the_temperature():
    model = LanguageModel(6, width=4, hidden=5, rng=0)
    model.memory.output.weight.data *= 0
    model.memory.output.bias.data = np.log([0.2, 0.2, 0.2, 0.2, 0.9, 0.1]).astype(np.float32)
    prompt = np.array([4])

    def share(temperature, length=400):
        return np.mean(np.array(sample(model, prompt, length, temperature, 0)) == 5)

    assert share(1.0) == pytest.approx(0.1, abs=0.05)
    assert share(0.5) < 0.06 < 0.3 < share(5.0)
    assert share(0, length=20) == 0
    assert min(sample(model, prompt, 100, 100.0, 0)) >= len(SPECIAL)


def test_an_interrupted_run_ends_bit_for_bit_the_same(tmp_path, monkeypatch, run):
    (tmp_path / "text").write_text(documentation()[:6000], encoding="utf-8")
    args = ["--text", tmp_path / "text", "--hidden", 8, "--batch", 4, "--epochs", 3, "--window", 25,
            "--dropout", 0.1, "--order", 1]  # fmt: skip
    whole = run(*args, "--save", tmp_path / "whole.safetensors")
    assert whole.exit_code == 0, whole.output

    class Interrupted(Exception):  # noqa: N818
        pass

    calls = []

    def loss(*a):
        calls.append(a)
        if len(calls) == 90:  # in the second of three epochs of 54 steps
            raise Interrupted
        return cross_entropy(*a)

    cross_entropy = language_model.cross_entropy
    monkeypatch.setattr(language_model, "cross_entropy", loss)
    path = tmp_path / "run.safetensors"
    assert isinstance(run(*args, "--save", path).exception, Interrupted)
    again = run(*args, "--save", path, "--resume")
    assert again.exit_code == 0, again.output
    assert path.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert again.stdout.splitlines()[1:] == whole.stdout.splitlines()[1:]
    assert len(calls) == 90 + 2 * 54  # the first epoch was not done again


@pytest.mark.parametrize("unit", language_model.UNITS)
def test_what_is_saved_writes_the_same_when_loaded(run, tmp_path, unit):
    (tmp_path / "text").write_text("El ñandú corre.\n\n¿Y el 🦉? También.\n" * 40, encoding="utf-8")
    path = tmp_path / "run.safetensors"
    args = ["--text", tmp_path / "text", "--unit", unit, "--cell", "gru", "--layers", 2,
            "--batch", 4, "--epochs", 2, "--save", path, "--prompt", "El "]  # fmt: skip
    first, again = run(*args), run("--load", path, "--prompt", "El ")
    assert first.exit_code == again.exit_code == 0, first.output
    assert first.stdout.split("\n\n", 1)[1] == again.stdout.split("\n", 1)[1]
    assert first.stdout.replace("run.safetensors", "") == run(*args).stdout.replace(
        "run.safetensors", ""
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--text", "{tmp}/nowhere"], "nowhere: No such file"),
        (["--text", "{tmp}/empty"], "empty, line 1: an empty file"),
        (["--text", "{tmp}/latin"], "latin, line 2: byte"),
        (["--text", "{tmp}/binary"], "binary, line 3: binary data"),
        (["--text", "{tmp}/short"], "short, line 1, the last: 11 tokens, too few for 32 streams"),
        (["--prompt", ""], "--prompt: got an empty text, expected some text"),
        (["--load", "{tmp}/nothing.safetensors"], "No such file"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--cell", "elman"], "--cell"),
        (["--dropout", "1"], "--dropout"),
        (["--temperature", "-1"], "--temperature"),
        (["--lr", "nan"], "--lr"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, bad_files, refuses):
    (bad_files / "short").write_text("one two three")
    refuses(language_model.main, args, message)
