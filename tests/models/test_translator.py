"""The translator learns number words both ways, looks where it should, and says what it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from minigrad.scope import no_grad
from models import translator
from models.number_words import number
from models.scores import exact
from models.text import Vocabulary
from models.translator import KINDS, Data, Task, WordByWord, fit, make, tasks, translate


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(translator.main, [*map(str, args)])


def settings(known, **more):
    both = (word for task in known for word in f"{task.source} {task.target}".split())
    return {"kind": "gru", "hidden": 48, "steps": 350, "lr": 5e-3, "batch": 32, "seed": 0,
            "vocabulary": list(Vocabulary.of(both).tokens), **more}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_it_soon_translates_numbers_that_it_has_never_seen(kind):
    held_out = tasks([number(n) for n in range(100, 1000, 37)])
    known = tasks([number(n) for n in range(1000) if n < 100 or n % 37 != 100 % 37])
    model, vocabulary, history = fit(known, settings(known, kind=kind))
    assert np.mean(history.losses[-10:]) < 0.2 * np.mean(history.losses[:10])
    sources, expected = [t.source for t in held_out], [t.target for t in held_out]
    for beam in (1, 3):
        assert exact(translate(model, vocabulary, sources, beam), expected) > 0.7
    assert exact(WordByWord(known).translate(sources), expected) < 0.2


def test_nothing_that_is_held_out_is_learned_from():
    data = Data.make(600, 40, 0)
    known = {task.source for task in data.known}
    assert data.held_out.keys() == {"numbers", "dates"}
    for held in data.held_out.values():
        assert len(held) == 80
        assert not known & {task.source for task in held}
    assert data == Data.make(600, 40, 0) != Data.make(600, 40, 1)


def test_every_word_that_is_asked_for_has_been_learned():
    data = Data.make(9000, 300, 0)
    met = {word for task in data.known for word in f"{task.source} {task.target}".split()}
    for task in (*data.held_out["numbers"], *data.held_out["dates"]):
        assert set(f"{task.source} {task.target}".split()) <= met


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_token_depends_on_what_was_said_before_only_and_padding_on_nothing(kind, rng):
    known = tasks([number(n) for n in range(30)])
    model, vocabulary = make(settings(known, kind=kind))
    model.eval()
    source = rng.integers(4, len(vocabulary), (2, 5))
    source[1, 3:] = 0
    target = rng.integers(4, len(vocabulary), (2, 4))
    with no_grad():
        logits, weights = (a.numpy() for a in model(source, target))
        other = target.copy()
        other[:, 2] = 3
        changed = model(source, other)[0].numpy()
        alone = model(source[1:, :3], target[1:])[0].numpy()
    assert weights.shape == (2, 4, 5)
    assert weights.sum(-1) == pytest.approx(np.ones((2, 4)), abs=1e-5)
    assert not weights[1, :, 3:].any()
    assert np.array_equal(logits[:, :2], changed[:, :2])
    assert np.abs(logits[:, 2:] - changed[:, 2:]).max() > 1e-4
    assert logits[1:] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_the_scores_are_those_of_the_whole(kind, rng):
    model, vocabulary = make(settings(tasks([number(n) for n in range(30)]), kind=kind))
    source, target = (rng.integers(4, len(vocabulary), (3, n)) for n in (6, 5))
    with no_grad():
        whole = model(source, target)[0].numpy()
        state = model.encode(source)
    for t in range(5):
        scores, state = model.follow(state, target[:, t])
        difference = whole[:, t] - scores
        assert difference - difference.mean(-1, keepdims=True) == pytest.approx(0, abs=1e-4)


def test_word_by_word_says_the_word_that_goes_along():
    known = [Task("→en uno dos", "one two"), Task("→en dos tres", "two three"),
             Task("→en uno", "one"), Task("→es one", "uno")]  # fmt: skip
    said = WordByWord(known).translate(["→en tres dos uno", "→es one", "→en nada"])
    assert said == ["three two one", "uno", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_translates_the_same_when_loaded(run, tmp_path, kind):
    path, picture = tmp_path / "run.safetensors", tmp_path / "attention.png"
    small = ["--kind", kind, "--hidden", 16, "--pairs", 60, "--held", 5, "--steps", 6]
    asked = ["--translate", "Veintiuno mil", "--translate", "DOS"]
    first = run(*small, *asked, "--save", path, "--picture", picture)
    again = run("--load", path, *asked)
    assert first.exit_code == again.exit_code == 0, first.output
    assert again.stdout.splitlines() == first.stdout.splitlines()[-3:-1]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "word by word: numbers" in first.stdout
    saved = path.read_bytes()
    assert run(*small, "--save", path).exit_code == 0
    assert path.read_bytes() == saved


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--load", "{tmp}/nothing.safetensors"], "No such file"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--kind", "elman"], "--kind"),
        (["--kind", "transformer", "--hidden", "18"], "multiple of the 4 heads"),
        (["--pairs", "1"], "--pairs"),
        (["--translate", "dos gatos"], "unknown words: gatos"),  # before any training
        (["--picture", "{tmp}/attention.txt"], "unknown ending"),
        (["--picture", "{tmp}/nowhere/attention.png"], "nowhere"),
        (["--lr", "nan"], "--lr"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, refuses):
    refuses(translator.main, args, message)


def test_words_that_it_never_learned_are_named(run, tmp_path):
    path = tmp_path / "run.safetensors"
    assert (
        run("--hidden", 8, "--pairs", 9, "--held", 1, "--steps", 1, "--save", path).exit_code == 0
    )
    for text, message in (("dos gatos", "unknown words: gatos"), (" ", "expected some words")):
        result = run("--load", path, "--translate", text)
        assert result.exit_code == 2
        assert message in result.stderr
