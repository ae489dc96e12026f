"""A sentence about an image: one in, many out.

The images are scikit-learn's digits, 8 × 8 pixels. Their captions are made here: the digit and how
boldly it is written, in Spanish or English: "un tres grueso", "a bold three". Boldness is measured
by the ink: among the images of a digit, the third with the most ink is bold, the third with the
least is thin, and the rest are neither.

Convolutions look at the image; what they find becomes the initial state of a GRU, whose first
token is the language (Vinyals et al. 2015, "Show and tell"). A fifth of the images is held out.
The score is the share of captions that are right to the last word, and BLEU; for comparison, it
prints the scores of the caption of the most similar training image, and of the most frequent
caption.

Run it with ``python -m models.captioner``; ``--help`` explains the options.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.extras import require
from minigrad.nn import GRU, Conv2d, Dropout, Embedding, Linear, Module, Seed, cross_entropy
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from models.autoencoder import Images, digits, split
from models.command import Files, check_picture, model_command, one_line, path_option
from models.scores import bleu, exact
from models.search import search
from models.text import PAD, SPECIAL, Vocabulary, padded
from models.training import History, Shuffled, save_figure, train

_PAD = SPECIAL.index(PAD)

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
})  # fmt: skip
STROKES: Mapping[str, tuple[str, str, str]] = MappingProxyType({
    "es": ("un {} fino", "un {}", "un {} grueso"),
    "en": ("a thin {}", "a {}", "a bold {}"),
})  # fmt: skip

# Data


@dataclass(frozen=True)
class Captioned:
    """Images and a caption for each, in each language.

    Attributes:
        images: what is seen.
        captions: by language, as many as there are images.
    """

    images: Images
    captions: Mapping[str, list[str]]


def thresholds(known: Images) -> np.ndarray:
    """Per digit the ink below which it is thin and above which it is bold, (10, 2)."""
    ink = known.pixels.mean((1, 2))
    return np.array([np.quantile(ink[known.digit == d], [1 / 3, 2 / 3]) for d in range(10)])


def captioned(images: Images, limits: np.ndarray) -> Captioned:
    """The images with their captions."""
    ink = images.pixels.mean((1, 2))[:, None]
    bold = (ink > limits[images.digit]).sum(1)
    return Captioned(images, {
        language: [caption(language, d, b) for d, b in zip(images.digit, bold, strict=True)]
        for language in NAMES
    })  # fmt: skip


def caption(language: str, digit: int, bold: int) -> str:
    """One caption: boldness 0 thin, 1 neither, 2 bold."""
    name = NAMES[language][digit]
    return STROKES[language][bold].format(name).replace("a eight", "an eight")


# Model


class Captioner(Module):
    """Convolutions, and a GRU that starts from what they find.

    Args:
        size: tokens in the vocabulary.
        channels: kernels of the second layer; half as many in the first.
        hidden: width of the state.
        dropout: share of what the kernels find that training sets to 0.
        rng: seed or generator of the initial weights.

    Shapes:
        pixels (batch, 8, 8), said (batch, time): what comes before each predicted token →
        logits (batch, time, size).
    """

    def __init__(
        self, size: int, *, channels: int = 32, hidden: int = 64, dropout: float = 0.2,
        rng: Seed = None,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(rng)
        self.see = Conv2d(1, channels // 2 + 1, 3, padding=1, rng=rng)
        self.look = Conv2d(channels // 2 + 1, channels, 3, stride=2, padding=1, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.start = Linear(channels * 16, hidden, rng=rng)
        self.embedding = Embedding(size, hidden, rng=rng)
        self.speak = GRU(hidden, hidden, output_size=size, rng=rng)

    def encode(self, pixels: np.ndarray) -> Array:
        """The state that speaking starts from, (1, batch, hidden)."""
        found = mg.relu(self.look(mg.relu(self.see(pixels[:, None]))))
        # No tanh: it saturates in the first steps, and then nothing of the image is ever learned
        return self.start(self.dropout(found.reshape((len(pixels), -1))))[None]

    def forward(self, pixels: np.ndarray, said: np.ndarray) -> Array:
        """The scores of each next token."""
        return self.speak(self.embedding(said), self.encode(pixels))[0]

    def follow(self, state: Any, last: np.ndarray) -> tuple[np.ndarray, Any]:
        """See `models.search.Decoder`; the state is (rows, hidden)."""
        with no_grad():
            logits, after = self.speak(self.embedding(last[:, None]), state[None])
            return raw(mg.log_softmax(logits[:, 0], axis=-1)), raw(after)[0]


def make(settings: Mapping[str, Any]) -> tuple[Captioner, Vocabulary]:
    """The model that these settings ask for, untrained, and its vocabulary."""
    vocabulary = Vocabulary(tuple(settings["vocabulary"]))
    named = {key: settings[key] for key in ("channels", "hidden", "dropout")}
    return Captioner(len(vocabulary), **named, rng=settings["seed"]), vocabulary


def into(language: str) -> str:
    """The token that asks for this language."""
    return f"→{language}"


def describe(
    model: Captioner, vocabulary: Vocabulary, pixels: np.ndarray, language: str, beam: int = 1
) -> list[str]:
    """The model's caption of each image."""
    with no_grad():
        state = raw(model.encode(pixels))
        # It hears the language, then speaks
        asked = np.full(len(pixels), vocabulary.index[into(language)])
        _, state = model.follow(state[0], asked)
    best = search(model, state, len(pixels), beam=beam, most=10)
    return [" ".join(vocabulary.decode(row)) for row in best]


def fit(
    known: Captioned, settings: Mapping[str, Any], files: Files | None = None
) -> tuple[Captioner, Vocabulary, History]:
    """A model that has learned from these, its vocabulary, and the course of its losses.

    Args:
        known: what to learn from.
        settings: the options of the command line, and the vocabulary.
        files: where to save it.
    """
    model, vocabulary = make(settings)
    said = [
        vocabulary.encode([into(language), "<start>", *caption.split(), "<end>"])
        for language, captions in known.captions.items() for caption in captions
    ]  # fmt: skip
    count = len(known.images)
    order = Shuffled(len(said), settings["batch"], settings["seed"])
    steps, lr = settings["epochs"] * len(order), settings["lr"]
    optimizer = optim.AdamW(model.parameters(), lr)

    def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = order(step)
        tokens, _ = padded([said[k] for k in rows], multiple=4)
        return known.images.pixels[rows % count], tokens

    def loss(pixels: np.ndarray, tokens: np.ndarray) -> Array:
        logits = model(pixels, tokens[:, :-1])
        # The language and the start are given, not predicted
        return cross_entropy(logits[:, 1:], tokens[:, 2:], ignore_index=_PAD)

    history = train(
        model, optimizer, loss, batch, steps=steps, schedule=optim.cosine(lr, steps), max_norm=1.0,
        every=5 * len(order), title="captioner",
        checkpoint=files.checkpoint(settings, model, optimizer) if files else None,
    )  # fmt: skip
    return model, vocabulary, history


# Baselines


def nearest(known: Captioned, images: Images, language: str) -> list[str]:
    """The caption of the image whose pixels are least far away."""
    neighbours = require("sklearn.neighbors", extra="models").NearestNeighbors(n_neighbors=1)
    neighbours.fit(known.images.pixels.reshape(len(known.images), -1))
    found = neighbours.kneighbors(images.pixels.reshape(len(images), -1), return_distance=False)
    return [known.captions[language][k] for k in found[:, 0]]


def most_frequent(known: Captioned, images: Images, language: str) -> list[str]:
    """The same for all."""
    return [Counter(known.captions[language]).most_common(1)[0][0]] * len(images)


def plot(images: Images, captions: Sequence[tuple[str, ...]], path: Path) -> None:
    """Some images with the model's captions."""
    figure = require("matplotlib.figure", extra="models").Figure((10, 4.5), layout="constrained")
    for axes, image, said in zip(figure.subplots(2, 5).flat, images.pixels, captions, strict=False):
        axes.imshow(image, cmap="Greys", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[], xlabel="\n".join(said))
    save_figure(figure, path)


# Command line


@model_command("captioner")
@click.option("--channels", type=CountRange(1), default=32, metavar="N",
              help="Kernels of the second convolution; the first has half as many.")  # fmt: skip
@click.option("--hidden", type=CountRange(1), default=64, metavar="N",
              help="Width of the state.")  # fmt: skip
@click.option("--dropout", type=FiniteRange(0, 1, max_open=True), default=0.2, metavar="SHARE",
              help="Share of the image features that training sets to 0.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=40, metavar="N",
              help="Passes over the images, in both languages.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=3e-3, metavar="RATE",
              help="AdamW's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=64, metavar="N",
              help="Captions per step.")  # fmt: skip
@click.option("--beam", type=CountRange(1), default=3, metavar="N",
              help="Width of the beam search; 1 takes the most likely token each "
              "time.")  # fmt: skip
@click.option("--show", type=CountRange(0), default=4, metavar="N",
              help="Print the captions of this many held-out images.")  # fmt: skip
@path_option("--picture", help="Draw ten of them with their captions (.png, .svg, .pdf).")
def main(
    files: Files, seed: int, channels: int, hidden: int, dropout: float, epochs: int, lr: float,
    batch: int, beam: int, show: int, picture: Path | None,
) -> None:  # fmt: skip
    """Describe images of digits in Spanish and English."""
    settings: dict[str, Any] = {
        "channels": channels, "hidden": hidden, "dropout": dropout, "epochs": epochs, "lr": lr,
        "batch": batch, "seed": seed,
    }  # fmt: skip
    with one_line():
        if picture is not None:
            check_picture(picture)
        settings = files.settings({**settings, "vocabulary": []} if files.load else settings)
        first, others = split(digits(), settings["seed"])
    limits = thresholds(first)
    known, held_out = captioned(first, limits), captioned(others, limits)
    if files.load:
        model, vocabulary = make(settings)
        files.restore(model)
    else:
        tokens = [word for c in known.captions.values() for text in c for word in text.split()]
        settings["vocabulary"] = list(Vocabulary.of([*map(into, NAMES), *tokens]).tokens)
        model, vocabulary, history = fit(known, settings, files)
        files.write_curves(history)
    click.echo(f"{len(first)} images to learn from, {len(others)} held out")
    for language, expected in held_out.captions.items():
        ways = {"captioner": describe(model, vocabulary, others.pixels, language, beam),
                "captioner, greedy": describe(model, vocabulary, others.pixels, language),
                "most similar image": nearest(known, others, language),
                "most frequent caption": most_frequent(known, others, language)}  # fmt: skip
        for name, found in ways.items():
            click.echo(f"{language}, {name}: {exact(found, expected):.1%} exact, "
                       f"BLEU {bleu(found, expected):.1f}")  # fmt: skip
    few = others[: max(show, 10)]
    spoken = [describe(model, vocabulary, few.pixels, language, beam) for language in NAMES]
    said = list(zip(*spoken, strict=True))
    truth = list(zip(*held_out.captions.values(), strict=True))
    for ours, right in list(zip(said, truth, strict=False))[:show]:
        click.echo(f"caption: {' / '.join(ours)}; true: {' / '.join(right)}")
    if picture is not None:
        plot(few, said, picture)
        click.echo(f"picture: {picture}")


if __name__ == "__main__":
    main()
