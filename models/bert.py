"""Which words are missing? A transformer reads a sentence from both sides, and fills the gaps.

Some words are hidden, and the encoder learns to predict them from all the words before and after
them (Devlin et al. 2019, "BERT: Pre-training of deep bidirectional transformers for language
understanding", section 3.1). That takes text and no labels. Then what it has learned about words
is used for another task: a small head on top tells praise from complaint, with the encoder trained
further (fine-tuning, section 3.2) or frozen.

It reads the English sentences of `models.composed` without their labels and, every third step,
prose of Python's documentation; neither includes the held-out part. Two scores are printed:

- The share of hidden words that it finds in held-out text. For comparison: counts of which word
  occurred between the same two neighbours, and the most frequent word. On the sentences it beats
  the counts. On the documentation, with about 39 000 words of prose, the counts stay ahead: it
  finds a third of the words in the text that it has read and a quarter in new text, and reading
  each word twice as often, about fifteen times, does not help.
- The F1 of praise from a few labels, the mean over several draws of them: fine-tuned, frozen,
  the same network from scratch, and logistic regression on word counts.

"I expected the film to be [MASK] but it was dull" shows without any label which adjectives are
similar and which are opposites; a few labels then say which side is praise. The network learns
this late and suddenly: while ``--fill`` still gives adjectives of both kinds there, as with half of
the ``--steps``, almost nothing carries over. With few ``--sentences`` this can happen too: it reads
each so often that it can memorise them instead.

Run it with ``python -m models.bert``; ``--help`` explains the options.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.datasets import Reviews
from minigrad.files import read_text
from minigrad.nn import (
    Dropout,
    Embedding,
    LearnedPositionalEncoding,
    Linear,
    Module,
    Parameter,
    Seed,
    TransformerEncoder,
    cross_entropy,
)
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from models import sentiment
from models.command import (
    BadInput,
    Files,
    model_command,
    one_line,
    text_option,
    too_little,
)
from models.composed import MOST, composed
from models.perceptron import f1
from models.sentiment import batch_of
from models.text import SPECIAL, UNKNOWN, Vocabulary, documentation, normalise, padded, words
from models.training import History, Shuffled, train

MASK = "[MASK]"
NO_WORD, HIDDEN = SPECIAL.index(UNKNOWN), len(SPECIAL)
"""What a word that is in no vocabulary reads, and a hidden one."""
NOT_ASKED, EDGE = -100, -2
LONGEST, PIECE = 32, 16
"""Words of a sentence that are read; and of a piece of a paragraph."""


def tokenise(text: str) -> list[str]:
    """Small letters, and whole words: their endings are among what is to be found."""
    return [token for k, part in enumerate(text.split(MASK))
            for token in ([MASK] * (k > 0) + words(normalise(part)))]  # fmt: skip


def passages(text: str) -> list[list[str]]:
    """The paragraphs of prose, long ones in pieces; code and tables, mostly signs, are left out.

    Raises:
        ValueError: there are fewer than ten.
    """
    paragraphs = [tokenise(paragraph) for paragraph in re.split(r"\n\s*\n", text)]
    prose = [p for p in paragraphs if sum(t.isalpha() for t in p) > 0.7 * len(p)]
    found = [p[k : k + PIECE] for p in prose for k in range(0, len(p), PIECE)]
    if len(found) < 10:
        raise ValueError(f"{len(found)} passages of prose, expected 10 at least")
    return found


# Model


class BERT(Module):
    """Embedding, positions and an encoder; what it says of a word is scored against all words.

    Norms stand before each part, with which small models start more easily; the scores use the
    embedding once more (Press & Wolf 2017), as in BERT.

    Args:
        size: tokens in the vocabulary.
        width: of a word's vector.
        heads: of the attention in each block.
        layers: blocks.
        dropout: share of entries that training sets to 0.
        rng: seed or generator of the initial weights.

    Shapes:
        indices (batch, time), lengths (batch,) → vectors (batch, time, width).
    """

    def __init__(
        self, size: int, *, width: int = 64, heads: int = 4, layers: int = 2,
        dropout: float = 0.1, rng: Seed = None,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(rng)
        self.tokens = Embedding(size, width, rng=rng)
        self.positions = LearnedPositionalEncoding(LONGEST, width, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.body = TransformerEncoder(
            width, heads, layers, dim_feedforward=2 * width, dropout=dropout, activation="gelu",
            norm_first=True, rng=rng,
        )  # fmt: skip
        self.bias = Parameter(np.zeros(size, np.float32))
        for vectors in (self.tokens.weight, self.positions.weight):  # alike, that both are heard
            vectors.data = rng.normal(0, width**-0.5, vectors.shape).astype(np.float32)

    def forward(self, indices: np.ndarray, lengths: np.ndarray) -> Array:
        """A vector of each word that knows the others."""
        x = self.dropout(self.positions(self.tokens(indices)))
        return self.body(x, src_key_padding_mask=np.arange(indices.shape[1]) >= lengths[:, None])

    def scores(self, vectors: Array) -> Array:
        """How much each word of the vocabulary would fit there, (…, width) → (…, size)."""
        return vectors @ self.tokens.weight.T + self.bias

    def predict(self, indices: np.ndarray, lengths: np.ndarray, where: np.ndarray) -> np.ndarray:
        """The log-probabilities of all words, (places, size), where ``where`` (batch, time) is."""
        with no_grad():
            scores = self.scores(self(indices, lengths)[where.nonzero()])
            return raw(mg.log_softmax(scores, axis=-1))


class Judge(Module):
    """A hidden layer on each word's vector, their mean, and one neuron.

    No [CLS] token, as in the paper: without its second task, next sentences, nothing would have
    taught that token anything, and a frozen encoder could not learn it.

    Args:
        bert: the encoder, which need not be frozen.
        rng: seed or generator of the initial weights.

    Shapes:
        indices (batch, time), lengths (batch,) → log-odds of praise (batch,).
    """

    def __init__(self, bert: BERT, rng: Seed = None) -> None:
        rng = np.random.default_rng(rng)
        width = bert.tokens.weight.shape[1]
        self.bert = bert
        self.hidden = Linear(width, width, rng=rng)
        self.output = Linear(width, 1, rng=rng)

    def forward(self, indices: np.ndarray, lengths: np.ndarray) -> Array:
        """The log-odds that each sentence praises."""
        there = (np.arange(indices.shape[1]) < lengths[:, None])[:, :, None]
        h = mg.tanh(self.hidden(self.bert(indices, lengths)))
        mean = (h * there.astype(np.float32)).sum(axis=1)
        return self.output(mean / lengths[:, None].astype(np.float32))[:, 0]

    def predict(self, sentences: Sequence[np.ndarray]) -> np.ndarray:
        """The probability that each sentence praises."""
        with no_grad():
            return mg.sigmoid(self(*batch_of(sentences))).numpy()


# Hidden words


def hide(
    indices: np.ndarray, lengths: np.ndarray, size: int, rng: np.random.Generator, *,
    share: float, always: bool = False,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Ask for some words (section 3.1).

    Of those, 80 % read [MASK], 10 % another word and 10 % themselves, so that every word's
    vector may be asked for, hidden or not.

    Args:
        indices: (batch, time).
        lengths: (batch,).
        size: of the vocabulary.
        rng: which, and what they read instead.
        share: of the words.
        always: all of them read [MASK].

    Returns:
        Both (batch, time): what is read; and what is to be found, `NOT_ASKED` elsewhere and
        where the word is in no vocabulary.
    """
    there = np.arange(indices.shape[1]) < lengths[:, None]
    asked = there & (indices != NO_WORD) & (rng.random(indices.shape) < share)
    dice = rng.random(indices.shape) + 2 * ~asked
    other = rng.integers(HIDDEN + 1, size, indices.shape)
    read = np.where((dice < 0.8) | (asked & always), HIDDEN,
                    np.where(dice < 0.9, other, indices))  # fmt: skip
    return read, np.where(asked, indices, NOT_ASKED)


class Neighbours:
    """Counts of the word between two others; where they never met, beside either; else of all.

    Args:
        sentences: indices, to count in.
    """

    def __init__(self, sentences: Iterable[np.ndarray]) -> None:
        counts: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        for sentence in sentences:
            line = [EDGE, *sentence.tolist(), EDGE]
            for left, word, right in zip(line, line[1:], line[2:], strict=False):
                for key in ((left, right), (left, -1), (-1, right), (-1, -1)):
                    counts[key][word] += word != NO_WORD
        self.best = {key: max(counter.items(), key=lambda found: (found[1], -found[0]))[0]
                     for key, counter in counts.items()}  # fmt: skip
        self.sure = {key: max(counter.values()) / max(counter.total(), 1)
                     for key, counter in counts.items()}  # fmt: skip

    def __call__(self, left: int, right: int) -> int:
        """The likeliest word; `EDGE` is the edge of a sentence."""
        if (left, right) in self.best:
            return self.best[left, right]
        sides = [key for key in ((left, -1), (-1, right)) if key in self.best]
        return self.best[max(sides, key=self.sure.__getitem__, default=(-1, -1))]

    def fill(self, read: np.ndarray, lengths: np.ndarray, where: np.ndarray) -> np.ndarray:
        """The likeliest words (places,)."""
        inside = np.arange(read.shape[1]) < lengths[:, None]
        line = np.pad(np.where(inside, read, EDGE), ((0, 0), (1, 1)), constant_values=EDGE)
        pairs = zip(line[:, :-2][where], line[:, 2:][where], strict=True)
        return np.array([self(int(left), int(right)) for left, right in pairs])


Filler = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""What is read (batch, time), lengths (batch,), where (batch, time) → words (places,)."""


def share_found(filler: Filler, sentences: Sequence[np.ndarray], size: int) -> float:
    """The share of hidden words that something finds; the same are hidden from all."""
    right = asked = 0
    rng = np.random.default_rng(3)
    for k in range(0, len(sentences), 64):
        indices, lengths = batch_of(sentences[k : k + 64])
        read, target = hide(indices, lengths, size, rng, share=0.15, always=True)
        where = target != NOT_ASKED
        right += (filler(read, lengths, where) == target[where]).sum()
        asked += where.sum()
    return right / max(asked, 1)


def hidden_words(
    model: BERT, known: Sequence[np.ndarray], held: Sequence[np.ndarray], size: int
) -> str:
    """The share that the model finds in what is held out, beside that of counts, in words."""

    def ours(read: np.ndarray, lengths: np.ndarray, where: np.ndarray) -> np.ndarray:
        return model.predict(read, lengths, where).argmax(-1)

    counts = Neighbours(known)
    always = counts.best[-1, -1]
    fillers: dict[str, Filler] = {
        "bert": ours, "counts of neighbours": counts.fill,
        "most frequent word": lambda read, lengths, where: np.full(where.sum(), always),
    }  # fmt: skip
    return ", ".join(f"{name} {share_found(filler, held, size):.1%}"
                     for name, filler in fillers.items())  # fmt: skip


def fill(
    model: BERT, vocabulary: Vocabulary, text: str, most: int = 5
) -> list[list[tuple[str, float]]]:
    """The likeliest words and their probabilities, of each [MASK] in the text."""
    indices, lengths = batch_of([vocabulary.encode(tokenise(text)[:LONGEST])])
    likely = model.predict(indices, lengths, indices == HIDDEN).astype(float)
    likely[:, : HIDDEN + 1] = -np.inf  # these are not words
    return [[(vocabulary.tokens[k], float(np.exp(row[k]))) for k in np.argsort(-row)[:most]]
            for row in likely]  # fmt: skip


# Training


def made(settings: Mapping[str, Any]) -> BERT:
    """An untrained encoder with these settings."""
    named = {key: settings[key] for key in ("width", "heads", "layers", "dropout")}
    return BERT(len(settings["vocabulary"]), **named, rng=settings["seed"])


def fit(
    sentences: Sequence[np.ndarray], text: Sequence[np.ndarray], settings: Mapping[str, Any],
    files: Files | None = None,
) -> tuple[BERT, History]:  # fmt: skip
    """An encoder that has learned to fill gaps in these, and the course of its losses.

    Args:
        sentences: indices; two steps of three are on these.
        text: passages, indices.
        settings: the options of the command line, and the vocabulary.
        files: where to save it.
    """
    model, steps, lr = made(settings), settings["steps"], settings["lr"]
    batch, seed, size = settings["batch"], settings["seed"], len(settings["vocabulary"])
    of_sentences, of_text = Shuffled(len(sentences), batch, seed), Shuffled(len(text), batch, seed)
    optimizer = optim.AdamW(model.parameters(), lr, weight_decay=0.01)

    def batch_at(step: int) -> tuple[np.ndarray, ...]:
        turn, k = divmod(step, 3)
        rows = ([text[row] for row in of_text(turn)] if k == 2
                else [sentences[row] for row in of_sentences(2 * turn + k)])  # fmt: skip
        indices, lengths = batch_of(rows)
        rng = np.random.default_rng([seed, step, 13])
        read, target = hide(indices, lengths, size, rng, share=settings["share"])
        asked, _ = padded((target != NOT_ASKED).nonzero(), multiple=32)
        sought = np.full(asked.shape[1], NOT_ASKED)
        sought[: (target != NOT_ASKED).sum()] = target[target != NOT_ASKED]
        return read, lengths, *asked, sought

    def loss(
        read: np.ndarray, lengths: np.ndarray, rows: np.ndarray, words: np.ndarray,
        sought: np.ndarray,
    ) -> Array:  # fmt: skip
        vectors = model(read, lengths)[rows, words]
        return cross_entropy(model.scores(vectors), sought, ignore_index=NOT_ASKED)

    warm = min(100, max(1, steps // 10))
    history = train(
        model, optimizer, loss, batch_at, steps=steps, max_norm=1.0, every=max(1, steps // 8),
        title="bert", schedule=optim.warm_up(warm, optim.cosine(lr, max(1, steps - warm), lr / 10)),
        checkpoint=files.checkpoint(settings, model, optimizer) if files else None,
    )  # fmt: skip
    return model, history


def tuned(bert: BERT, known: Reviews, vocabulary: Vocabulary, *, frozen: bool, seed: int) -> Judge:
    """A judge that has learned from these labels; ``bert`` learns on with it unless frozen."""
    judge = Judge(bert.freeze() if frozen else bert.unfreeze(), seed)
    settings = {"batch": 16, "seed": seed, "decay": 0.01, "forget": 0.0,
                "epochs": 60 if frozen else 30, "lr": 1e-2 if frozen else 3e-3}  # fmt: skip
    sentiment.learn(judge, encoded(known, vocabulary), known.label, settings)
    return judge


def encoded(data: Reviews, vocabulary: Vocabulary) -> list[np.ndarray]:
    """Each sentence as indices."""
    return [vocabulary.encode(tokenise(text)[:LONGEST]) for text in data.text]


def drawn(known: Reviews, count: int, seed: int) -> Reviews:
    """So many sentences, half of them praise."""
    rng = np.random.default_rng([seed, 17])
    praise, complaint = (rng.permutation(np.flatnonzero(known.label == k)) for k in (1, 0))
    return known[np.concatenate([praise[: count // 2], complaint[: count - count // 2]])]


def transfer(
    bert: BERT, settings: Mapping[str, Any], known: Reviews, held: Reviews, labels: int,
    draws: int,
) -> dict[str, list[float]]:  # fmt: skip
    """The F1 of praise, of each draw of labels, by way to learn from them.

    Args:
        bert: pre-trained; it stays as it is.
        settings: what it was made with.
        known: where the labelled sentences are drawn from.
        held: what is judged.
        labels: how many.
        draws: how often, with other first weights too.
    """
    vocabulary = Vocabulary(tuple(settings["vocabulary"]))
    sentences, state = encoded(held, vocabulary), bert.state_dict()
    scores: dict[str, list[float]] = defaultdict(list)
    for seed in range(draws):
        some = drawn(known, labels, seed)
        for name in ("fine-tuned", "frozen", "from scratch"):
            body = made({**settings, "seed": seed})
            if name != "from scratch":
                body.load_state_dict(state)
            judge = tuned(body, some, vocabulary, frozen=name == "frozen", seed=seed)
            scores[name].append(f1(held.label, judge.predict(sentences))[2])
        counts = sentiment.by_counts(some, held)
        scores["logistic regression on counts"].append(f1(held.label, counts)[2])
    return scores


# Command line


@model_command("bert")
@text_option("--text", help="Read this text instead of Python's documentation.")
@text_option("--data", help="Read, and then classify, the sentences of a CSV file with the columns "
                            "language, label and text instead.")  # fmt: skip
@click.option("--sentences", type=CountRange(100, MOST), default=20_000, metavar="N",
              help="Sentences to compose; a fifth is held out.")  # fmt: skip
@click.option("--width", type=CountRange(1), default=64, metavar="N",
              help="Width of a word's vector; a multiple of the heads.")  # fmt: skip
@click.option("--heads", type=CountRange(1), default=4, metavar="N",
              help="Attention heads of each block.")  # fmt: skip
@click.option("--layers", type=CountRange(1), default=2, metavar="N", help="Blocks.")
@click.option("--dropout", type=FiniteRange(0, 1, max_open=True), default=0.0, metavar="SHARE",
              help="Share of the activations that training sets to 0.")  # fmt: skip
@click.option("--share", type=FiniteRange(0, 1, min_open=True, max_open=True), default=0.3,
              metavar="SHARE", help="Share of the words that are hidden while it learns; 0.15 in "
              "the paper, more teaches faster (Wettig et al. 2023).")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=32, metavar="N",
              help="Sentences per step.")  # fmt: skip
@click.option("--steps", type=CountRange(1), default=6000, metavar="N",
              help="Steps of pre-training.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=2e-3, metavar="RATE",
              help="AdamW's learning rate after a short warm-up; it falls to a tenth along a "
              "half cosine.")  # fmt: skip
@click.option("--labels", type=CountRange(2), default=100, metavar="N",
              help="Labelled sentences to learn praise from after that.")  # fmt: skip
@click.option("--draws", type=CountRange(0), default=3, metavar="N",
              help="How often these are drawn; 0: do not learn praise.")  # fmt: skip
@click.option("--fill", "gaps", multiple=True, metavar="TEXT",
              help="Print the words that fit each [MASK] in this text; can be repeated. "
              "With --load it does nothing else.")  # fmt: skip
def main(
    files: Files, seed: int, text: Path | None, data: Path | None, encoding: str | None,
    sentences: int, width: int, heads: int, layers: int, dropout: float, share: float, batch: int,
    steps: int, lr: float, labels: int, draws: int, gaps: tuple[str, ...],
) -> None:  # fmt: skip
    """Learn to fill gaps with a small BERT, then to tell praise from complaint with few labels."""
    settings: dict[str, Any] = {
        "text": text and str(text), "data": data and str(data), "sentences": sentences,
        "width": width, "heads": heads, "layers": layers, "dropout": dropout, "share": share,
        "batch": batch, "steps": steps, "lr": lr, "seed": seed,
    }  # fmt: skip
    for gap in gaps:
        if MASK not in tokenise(gap)[:LONGEST]:
            raise BadInput(f"--fill: no {MASK} within the first {LONGEST} words of {gap!r}")
    if files.load:
        settings = files.settings({**settings, "vocabulary": []})
        model = made(settings)
        files.restore(model)
    elif width % heads:
        raise BadInput(f"--width: got {width}, expected a multiple of the {heads} heads")
    if not (files.load and gaps):
        with one_line():
            source = settings["text"] and Path(settings["text"])
            written = read_text(source, encoding) if source else documentation()
            with too_little(source, encoding):
                every = passages(written)
            border = len(every) * 9 // 10
            prose, held_prose = every[:border], every[border:]
            known, held = sentiment.split(
                composed(settings["sentences"], settings["seed"], ("en",))
                if settings["data"] is None else sentiment.read(Path(settings["data"]), encoding)
            )  # fmt: skip
            if draws and min(np.bincount(known.label, minlength=2)) < (labels + 1) // 2:
                raise ValueError(f"--labels: got {labels}, but {len(known)} sentences to draw "
                                 f"from, {known.label.sum()} of them praise")  # fmt: skip
        if not files.load:
            read = [*prose, *map(tokenise, known.text)]
            common = Vocabulary.of((word for words in read for word in words), least=5).tokens
            settings["vocabulary"] = [*SPECIAL, MASK, *common[len(SPECIAL) :]]
        vocabulary = Vocabulary(tuple(settings["vocabulary"]))
        ours = encoded(known, vocabulary), [vocabulary.encode(p) for p in prose]
        if not files.load:
            model, history = fit(*ours, settings, files)
            files.write_curves(history)
            click.echo(f"{len(known)} sentences and {len(prose)} passages to read, "
                       f"{len(vocabulary)} words; {sum(p.size for p in model.parameters())} "
                       "weights")  # fmt: skip
        of_sentences, of_text = (
            hidden_words(model, *parts, len(vocabulary))
            for parts in zip(ours, (encoded(held, vocabulary),
                                    [vocabulary.encode(p) for p in held_prose]), strict=True)
        )  # fmt: skip
        click.echo(f"hidden words found, held-out sentences: {of_sentences}")
        click.echo(f"hidden words found, held-out text: {of_text}")
        for name, found in transfer(model, settings, known, held, labels, draws).items():
            click.echo(f"praise from {labels} labels, {name}: F1 {np.mean(found):.3f} "
                       f"({', '.join(f'{value:.2f}' for value in found)})")  # fmt: skip
    vocabulary = Vocabulary(tuple(settings["vocabulary"]))
    for gap in gaps:
        click.echo(gap)
        for likely in fill(model, vocabulary, gap):
            told = ", ".join(f"{word} {probability:.2f}" for word, probability in likely)
            click.echo(f"  {told}")


if __name__ == "__main__":
    main()
