"""Praise or complaint? A sentence goes in word by word, one decision comes out.

The words become vectors. A recurrent layer (simple, LSTM or GRU) that reads in both directions, or
a transformer encoder, turns each vector into one that depends on its neighbours; a last neuron
decides by their mean.

It learns from English and Spanish sentences of two kinds: sentences composed of parts, where the
order of the words decides (see `models.composed`), and 240 sentences that people wrote (see
`minigrad.datasets.reviews`). A fifth of both is held out. The score is the F1 of praise on each.
Logistic regression on word counts (TF-IDF), which ignores order, learns from the same sentences
for comparison. The written sentences are much harder: most of their words occur only once, and
neither method does much better than guessing. With ``--data FILE`` it learns from your own
sentences.

Run it with ``python -m models.sentiment``; ``--help`` explains the options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.datasets import Reviews, reviews
from minigrad.extras import require
from minigrad.nn import (
    GRU,
    LSTM,
    RNN,
    Dropout,
    Embedding,
    LearnedPositionalEncoding,
    Linear,
    Module,
    Recurrent,
    Seed,
    TransformerEncoder,
    binary_cross_entropy_with_logits,
)
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from models.command import BadInput, Files, model_command, one_line, text_option, too_little
from models.composed import MOST, composed
from models.perceptron import report
from models.text import Vocabulary, count_vectors, normalise, padded, stems, words
from models.training import History, Shuffled, train

CELLS: Mapping[str, type[Recurrent]] = MappingProxyType({"rnn": RNN, "lstm": LSTM, "gru": GRU})
BODIES = (*CELLS, "transformer")
LONGEST = 64
"""Words of a sentence that are read; the rest is left out."""


def tokenise(text: str, language: str) -> list[str]:
    """Small letters, and words without their endings."""
    return stems(words(normalise(text)), "es" if language == "es" else "en")


class Classifier(Module):
    """An embedding, a body that reads it, the mean over time, and one neuron.

    Args:
        size: tokens in the vocabulary.
        body: one of `BODIES`.
        width: of the words' vectors, and of the state of both directions together.
        dropout: share of entries that training sets to 0.
        rng: seed or generator of the initial weights.

    Shapes:
        indices (batch, time), lengths (batch,) → log-odds of praise (batch,).
    """

    def __init__(
        self, size: int, *, body: str = "lstm", width: int = 32, dropout: float = 0.3,
        rng: Seed = None,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(rng)
        self.embedding = Embedding(size, width, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.body: Recurrent | TransformerEncoder
        if body == "transformer":
            self.positions = LearnedPositionalEncoding(LONGEST, width, rng=rng)
            self.body = TransformerEncoder(width, 4, 1, dim_feedforward=2 * width,
                                           dropout=dropout, norm_first=True, rng=rng)  # fmt: skip
        else:
            self.body = CELLS[body](width, width // 2, bidirectional=True, rng=rng)
        self.output = Linear(width, 1, rng=rng)

    def forward(self, indices: np.ndarray, lengths: np.ndarray) -> Array:
        """The log-odds that each sentence praises."""
        x = self.dropout(self.embedding(indices))
        there = np.arange(indices.shape[1]) < lengths[:, None]
        if isinstance(self.body, Recurrent):
            h, _ = self.body(x, lengths=lengths)
        else:
            h = self.body(self.positions(x), src_key_padding_mask=~there)
        mask = there[:, :, None].astype(np.float32)
        mean = (h * mask).sum(axis=1) / np.maximum(lengths, 1)[:, None].astype(np.float32)
        return self.output(self.dropout(mean))[:, 0]

    def predict(self, sentences: Sequence[np.ndarray]) -> np.ndarray:
        """The probability that each sentence praises."""
        with no_grad():
            return mg.sigmoid(self(*batch_of(sentences))).numpy()


def batch_of(sentences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Indices (batch, longest) and lengths; an empty sentence reads as one unknown word."""
    return padded([s[:LONGEST] if len(s) else np.ones(1, np.int64) for s in sentences], multiple=16)


def encoded(data: Reviews, vocabulary: Vocabulary) -> list[np.ndarray]:
    """Each sentence as indices."""
    return [
        vocabulary.encode(tokenise(t, k)) for t, k in zip(data.text, data.language, strict=True)
    ]


def vocabulary_of(data: Reviews) -> Vocabulary:
    """All words of these sentences."""
    return Vocabulary.of(
        token for t, k in zip(data.text, data.language, strict=True) for token in tokenise(t, k)
    )


def fit(
    known: Reviews, settings: Mapping[str, Any], files: Files | None = None
) -> tuple[Classifier, Vocabulary, History]:
    """A classifier that has learned from these sentences, its words, and the course of its losses.

    Args:
        known: what to learn from.
        settings: the options of the command line.
        files: where to save it.
    """
    vocabulary = vocabulary_of(known)
    settings = {**settings, "vocabulary": list(vocabulary.tokens)}
    model = made(settings)
    history = learn(model, encoded(known, vocabulary), known.label, settings, files)
    return model, vocabulary, history


def learn(
    model: Module, sentences: Sequence[np.ndarray], label: np.ndarray,
    settings: Mapping[str, Any], files: Files | None = None,
) -> History:  # fmt: skip
    """Train a model that takes indices and lengths, and gives log-odds."""
    order = Shuffled(len(sentences), settings["batch"], settings["seed"])
    steps, lr = settings["epochs"] * len(order), settings["lr"]
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = optim.AdamW(trainable, lr, weight_decay=settings["decay"])

    def batch(step: int) -> tuple[np.ndarray, ...]:
        rows = order(step)
        # Words left out at random: what is known of one must do without it
        rng = np.random.default_rng([settings["seed"], step, 7])
        indices, lengths = batch_of([sentences[k] for k in rows])
        indices = np.where(rng.random(indices.shape) < settings["forget"], 1, indices)
        return indices, lengths, label[rows].astype(np.float32)

    def loss(indices: np.ndarray, lengths: np.ndarray, praise: np.ndarray) -> Array:
        return binary_cross_entropy_with_logits(model(indices, lengths), praise)

    checkpoint = files.checkpoint(settings, model, optimizer) if files else None
    return train(
        model, optimizer, loss, batch, steps=steps, max_norm=1.0, schedule=optim.cosine(lr, steps),
        checkpoint=checkpoint, every=len(order), title="sentiment",
    )  # fmt: skip


def made(settings: Mapping[str, Any]) -> Classifier:
    """An untrained classifier with these settings."""
    named = {key: settings[key] for key in ("body", "width", "dropout")}
    return Classifier(len(settings["vocabulary"]), **named, rng=settings["seed"])


def read(path: Path, encoding: str | None = None) -> Reviews:
    """The sentences of a CSV file, enough of them to hold some out.

    Raises:
        OSError, ValueError: see `minigrad.datasets.reviews`; or there are too few.
    """
    data = reviews(path, encoding=encoding)
    praise = int(data.label.sum())
    with too_little(path, encoding):
        if min(praise, len(data) - praise) < 5:
            raise ValueError(f"{praise} sentences of praise and {len(data) - praise} complaints, "
                             "expected 5 of each at least")  # fmt: skip
    return data


def split(data: Reviews) -> tuple[Reviews, Reviews]:
    """To learn from, and a fifth that is held out: whole subjects, chosen always alike."""
    parts = require("sklearn.model_selection", extra="models").StratifiedGroupKFold(
        5, shuffle=True, random_state=0
    )
    known, held = next(parts.split(np.zeros(len(data)), data.label, data.subject))
    return data[known], data[held]


def by_counts(known: Reviews, others: Reviews) -> np.ndarray:
    """What scikit-learn's logistic regression says, on TF-IDF of the same tokens."""

    def lines(data: Reviews) -> list[str]:
        pairs = zip(data.text, data.language, strict=True)
        return ["\n".join(tokenise(text, language)) for text, language in pairs]

    vectors, vectoriser = count_vectors(lines(known), str.splitlines, tf_idf=True)
    linear = require("sklearn.linear_model", extra="models").LogisticRegression(C=10)
    fitted = linear.fit(vectors, known.label)
    return fitted.predict_proba(vectoriser.transform(lines(others)))[:, 1]


@model_command("sentiment")
@text_option("--data", help="Learn from this CSV file instead, with the columns language, label "
                            "and text.")  # fmt: skip
@click.option("--sentences", type=CountRange(20, MOST), default=4000, metavar="N",
              help="Sentences to compose; a fifth is held out.")  # fmt: skip
@click.option(
    "--body", type=click.Choice(BODIES), default="gru", help="The layer that reads the words."
)
@click.option("--width", type=CountRange(4), default=32, metavar="N",
              help="Width of the words' vectors; a multiple of 4.")  # fmt: skip
@click.option("--dropout", type=FiniteRange(0, 1, max_open=True), default=0.1, metavar="SHARE",
              help="Share of the activations that training sets to 0.")  # fmt: skip
@click.option("--forget", type=FiniteRange(0, 1, max_open=True), default=0.0, metavar="SHARE",
              help="Share of the words that training hides.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=15, metavar="N",
              help="Passes over the sentences.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=32, metavar="N",
              help="Sentences per step.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=5e-3, metavar="RATE",
              help="AdamW's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--decay", type=FiniteRange(0), default=0.01, metavar="λ",
              help="Weight decay: the penalty on large weights.")  # fmt: skip
@click.option("--predict", multiple=True, metavar="SENTENCE",
              help="Print how likely this sentence praises; can be repeated.")  # fmt: skip
def main(
    files: Files, seed: int, data: Path | None, encoding: str | None, sentences: int, body: str,
    width: int, dropout: float, forget: float, epochs: int, batch: int, lr: float, decay: float,
    predict: tuple[str, ...],
) -> None:  # fmt: skip
    """Tell praise from complaint, and compare with logistic regression on word counts."""
    settings: dict[str, Any] = {
        "data": str(data or "composed"), "sentences": sentences, "body": body,
        "width": width, "dropout": dropout, "forget": forget, "epochs": epochs,
        "batch": batch, "lr": lr, "decay": decay, "seed": seed,
    }  # fmt: skip
    if width % 4:
        raise BadInput(f"--width: got {width}, expected a multiple of 4")
    if files.load:
        settings = files.settings({**settings, "vocabulary": []})
        vocabulary, model = Vocabulary(tuple(settings["vocabulary"])), made(settings)
        files.restore(model)
    else:
        with one_line():
            sources = (
                {"composed": composed(sentences, seed), "written": reviews()}
                if data is None
                else {"of the file": read(data, encoding)}
            )
            parts = {name: split(source) for name, source in sources.items()}
        known, *more = (some for some, _ in parts.values())
        known = sum(more, known)
        model, vocabulary, history = fit(known, settings, files)
        files.write_curves(history)
        for name, (_, held) in parts.items():
            click.echo(f"{len(held)} sentences {name}, {held.label.sum()} of praise, held out")
            report(f"  {body}", held.label, model.predict(encoded(held, vocabulary)))
            report("  logistic regression on counts", held.label, by_counts(known, held))
    for sentence in predict:
        both = [tokenise(sentence, k) for k in ("en", "es")]
        tokens = max(both, key=lambda found: sum(token in vocabulary for token in found))
        (probability,) = model.predict([vocabulary.encode(tokens)])
        click.echo(f"{probability:.2f} praise: {sentence}")


if __name__ == "__main__":
    main()
