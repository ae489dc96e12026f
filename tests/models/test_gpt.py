"""The small GPT looks back and never ahead, learns, samples, and goes on as if uninterrupted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from click.testing import CliRunner

from models import gpt
from models.gpt import GPT, fit, loss_on, sample
from models.language_model import NGram, split
from models.text import Vocabulary, documentation


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(gpt.main, [*map(str, args)])


def settings(vocabulary, **more):
    return {"context": 16, "width": 32, "heads": 2, "layers": 2, "dropout": 0.0, "batch": 12,
            "steps": 150, "lr": 5e-3, "seed": 0, "vocabulary": list(vocabulary.tokens),
            **more}  # fmt: skip


def test_what_comes_later_reaches_nothing_before_it(rng):
    model = GPT(20, context=8, width=16, heads=2, layers=2, rng=0)
    text = rng.integers(4, 20, (2, 8))
    changed = text.copy()
    changed[:, 5:] = 4
    before, after = model.predict(text), model.predict(changed)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert not np.allclose(before[:, 5], after[:, 5])


def test_untrained_it_takes_every_token_to_be_equally_likely(rng):
    model = GPT(50, context=8, width=16, heads=2, layers=2, rng=0)
    assert loss_on(model, rng.integers(0, 50, 400)) == pytest.approx(math.log(50), rel=0.02)


def test_the_loss_is_that_of_each_window_by_itself(rng):
    model = GPT(10, context=4, width=8, heads=2, layers=1, rng=0)
    text = rng.integers(0, 10, 13)
    plain = [
        -model.predict(text[None, s : s + 4])[0, np.arange(4), text[s + 1 : s + 5]].mean()
        for s in (0, 4, 8)
    ]
    assert loss_on(model, text) == pytest.approx(np.mean(plain), rel=1e-5)


def test_on_real_text_it_soon_beats_letter_frequencies():
    known, held_out = split(documentation()[:60_000])
    vocabulary = Vocabulary.of(known)
    encoded, held = vocabulary.encode(known), vocabulary.encode(held_out)
    model, _ = fit(encoded, held, settings(vocabulary))
    found = math.exp(loss_on(model, held))
    assert found < 0.7 * NGram(encoded, 1, len(vocabulary)).perplexity(held)


def test_what_always_comes_next_is_learned_by_heart():
    vocabulary = Vocabulary.of("abcde")
    encoded = vocabulary.encode("abcde" * 100)
    model, _ = fit(encoded, encoded, settings(vocabulary, steps=200))
    found = sample(model, vocabulary.encode("ab"), 20, temperature=0, seed=0)
    assert "".join(vocabulary.decode(found)) == "cdeab" * 4


def test_the_command_line_trains_saves_and_writes_again(run, tmp_path):
    pytest.importorskip("safetensors")
    text, saved = tmp_path / "text.txt", tmp_path / "gpt.safetensors"
    text.write_text("la casa es roja, la mesa es verde. " * 60, encoding="utf-8")
    options = ("--text", text, "--context", 16, "--width", 16, "--heads", 2, "--layers", 1,
               "--steps", 30, "--sample", 12, "--prompt", "la ")  # fmt: skip
    first = run(*options, "--save", saved)
    assert first.exit_code == 0, first.output
    assert "nats per character" in first.output
    again = run("--load", saved, "--sample", 12, "--prompt", "la ")
    assert again.output.strip().splitlines()[-1] == first.output.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--width", 30, "--heads", 4), "expected a multiple of the 4 heads"),
        (("--context", 900_000), "too few for a context of 900000"),
        (("--text", "nowhere.txt"), "nowhere.txt"),
        (("--text", __file__, "--context", 9000), f"{__file__}, line "),
        (("--prompt", ""), "--prompt: got an empty text, expected some text"),
    ],
)
def test_mistakes_are_told_in_one_line(run, options, message):
    done = run(*options)
    assert done.exit_code == 2
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
