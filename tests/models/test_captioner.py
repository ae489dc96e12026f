"""The captioner says what it sees, in either language, better than by looking images up."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from models import captioner
from models.autoencoder import Images, digits, split
from models.captioner import (
    NAMES,
    captioned,
    describe,
    fit,
    into,
    most_frequent,
    nearest,
    thresholds,
)
from models.scores import exact
from models.text import Vocabulary


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(captioner.main, [*map(str, args)])


@pytest.fixture(scope="module")
def data():
    first, others = split(digits(), 0)
    limits = thresholds(first)
    return captioned(first, limits), captioned(others, limits)


def test_captions_name_digit_and_stroke_in_both_languages():
    ink = np.array([0.1, 0.5, 0.9])[:, None, None]
    images = Images(np.ones((3, 8, 8)) * ink, np.array([3, 8, 8]))
    found = captioned(images, np.tile([0.3, 0.7], (10, 1)))
    assert found.captions == {
        "es": ["un tres fino", "un ocho", "un ocho grueso"],
        "en": ["a thin three", "an eight", "a bold eight"],
    }


def test_a_third_of_the_known_images_is_bold_and_a_third_thin(data):
    known, _ = data
    for word in ("thin", "bold"):
        share = np.mean([word in caption for caption in known.captions["en"]])
        assert share == pytest.approx(1 / 3, abs=0.02)


def test_it_learns_to_describe_images_that_it_has_never_seen(data):
    known, held_out = data
    tokens = [word for c in known.captions.values() for text in c for word in text.split()]
    vocabulary = Vocabulary.of([*map(into, NAMES), *tokens])
    model, _, history = fit(known, {
        "channels": 24, "hidden": 48, "dropout": 0.1, "epochs": 12, "lr": 4e-3, "batch": 64,
        "seed": 0, "vocabulary": list(vocabulary.tokens),
    })  # fmt: skip
    assert history.losses[-1] < 0.2 * history.losses[0]
    for language, expected in held_out.captions.items():
        said = describe(model, vocabulary, held_out.images.pixels, language)
        looked_up = nearest(known, held_out.images, language)
        assert exact(said, expected) > exact(looked_up, expected)
        assert exact(looked_up, expected) > exact(
            most_frequent(known, held_out.images, language), expected
        )


def test_a_known_image_s_nearest_is_itself(data):
    known, _ = data
    assert nearest(known, known.images[:50], "es") == known.captions["es"][:50]


def test_what_is_saved_says_the_same_when_loaded(run, tmp_path):
    path, picture = tmp_path / "run.safetensors", tmp_path / "digits.png"
    small = ["--channels", 4, "--hidden", 8, "--epochs", 1]
    first = run(*small, "--save", path, "--picture", picture)
    again = run("--load", path)
    assert first.exit_code == again.exit_code == 0, first.output
    assert first.stdout.splitlines()[1:-1] == again.stdout.splitlines()
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--load", "{tmp}/nothing.safetensors"], "No such file"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--picture", "{tmp}/digits.txt"], "unknown ending"),
        (["--dropout", "1"], "--dropout"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, refuses):
    refuses(captioner.main, args, message)
