"""Numbers and dates in words, from Spanish to English and back: a sentence in, a sentence out.

"veintiún mil trescientos cinco" ↔ "twenty-one thousand three hundred and five": there are as many
pairs as you want, and each translation is right or wrong. One model translates both ways; the
first token that it reads names the target language (Johnson et al. 2017, "Google's multilingual
neural machine translation system", section 3). There are two kinds:

- recurrent (``--kind gru`` or ``lstm``): an encoder reads in both directions; at each step the
  decoder attends to the whole input, weighted by how well it matches the decoder's state (Bahdanau
  et al. 2015, "Neural machine translation by jointly learning to align and translate").
- ``--kind transformer``: attention only (Vaswani et al. 2017).

The score is the share of held-out sentences that are translated without a mistake. For
comparison, it also prints the score of translation word by word, where each word becomes the one
that it most often occurs with.

Run it with ``python -m models.translator``; ``--help`` explains the options.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.extras import require
from minigrad.nn import (
    GRU,
    LSTM,
    AdditiveAttention,
    Embedding,
    Linear,
    Module,
    MultiheadAttention,
    PositionalEncoding,
    Recurrent,
    Seed,
    TransformerDecoder,
    TransformerEncoder,
    cross_entropy,
)
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from minigrad.tree import tree_map
from models.command import (
    BadInput,
    Files,
    check_picture,
    model_command,
    one_line,
    path_option,
)
from models.number_words import Pair, dates, number, numbers
from models.scores import bleu, exact
from models.search import search
from models.text import PAD, SPECIAL, UNKNOWN, Vocabulary, normalise, padded, words
from models.training import History, Shuffled, save_figure, train

LANGUAGES = ("es", "en")
_PAD = SPECIAL.index(PAD)

# Data


@dataclass(frozen=True)
class Task:
    """What is to be translated, and into what: sentences as blanks between tokens.

    Attributes:
        source: what is read; its first token names the language to translate into.
        target: what it means.
    """

    source: str
    target: str


def tasks(pairs: Sequence[Pair]) -> list[Task]:
    """Both ways."""
    return [
        task for pair in pairs
        for task in (Task(f"{into('en')} {pair.es}", pair.en), Task(f"{into('es')} {pair.en}",
                                                                    pair.es))
    ]  # fmt: skip


def into(language: str) -> str:
    """The token that asks for this language."""
    return f"→{language}"


@dataclass(frozen=True)
class Data:
    """What is learned from and what is held out, of each sort of sentence."""

    known: list[Task]
    held_out: Mapping[str, list[Task]]

    @classmethod
    def make(cls, count: int, held: int, seed: int) -> Data:
        """``count`` numbers and dates to learn from, two of three numbers, and ``held`` not to.

        All numbers below a hundred are learned: each word must have been met.
        """
        rng = np.random.default_rng([seed, 1])
        first, few, many = [number(n) for n in range(100)], count // 3, count - count // 3
        others = [pair for pair in numbers(many + held + 100, rng) if pair not in set(first)]
        days = dates(few + held, rng)
        return cls(
            tasks([*first, *others[held : held + many], *days[held:]]),
            {"numbers": tasks(others[:held]), "dates": tasks(days[:held])},
        )


# Models


class RecurrentTranslator(Module):
    """Encoder and decoder with additive attention between them.

    The decoder's state starts as tanh(W ←h_1), of what the reverse direction has read; each step
    sees the last token and what attention brings, and so does the output (Bahdanau et al. 2015,
    section A.2, here without maxout).

    Args:
        size: tokens in the vocabulary of both languages.
        kind: ``"gru"`` or ``"lstm"``.
        width: of the embedding.
        hidden: of the state in each direction.
        rng: seed or generator of the initial weights.

    Shapes:
        source (batch, steps), target (batch, time): what comes before each token to tell →
        logits (batch, time, size), weights (batch, time, steps).
    """

    LAYERS: Mapping[str, type[Recurrent]] = MappingProxyType({"gru": GRU, "lstm": LSTM})

    def __init__(
        self, size: int, kind: str, *, width: int = 64, hidden: int = 96, rng: Seed = None
    ) -> None:
        rng = np.random.default_rng(rng)
        self.embedding = Embedding(size, width, rng=rng)
        self.encoder = self.LAYERS[kind](width, hidden, bidirectional=True, rng=rng)
        self.start = Linear(hidden, hidden, rng=rng)
        self.attention = AdditiveAttention(hidden, 2 * hidden, hidden, rng=rng)
        self.decoder = self.LAYERS[kind].cell_type(width + 2 * hidden, hidden, rng=rng)
        self.output = Linear(width + 3 * hidden, size, rng=rng)

    def encode(self, source: np.ndarray) -> tuple[Any, ...]:
        """What the decoder starts from: its state, the annotations, and which of them count."""
        there = source != _PAD
        notes, _ = self.encoder(self.embedding(source), lengths=there.sum(1))
        h = mg.tanh(self.start(notes[:, 0, self.start.weight.shape[0] :]))
        c = (np.zeros(h.shape, h.dtype),) * (len(self.decoder.state) - 1)
        return (h, *c), notes, there

    def step(self, state: tuple[Any, ...], last: np.ndarray) -> tuple[Array, Array, Any]:
        """Logits (batch, size) of what follows, weights (batch, steps), and the state."""
        before, notes, there = state
        context, weights = self.attention(before[0][:, None], notes, mask=there[:, None])
        context, seen = context[:, 0], self.embedding(last)
        after = self.decoder(
            np.concatenate([seen, context], -1), before if len(before) > 1 else before[0]
        )
        after = after if isinstance(after, tuple) else (after,)
        logits = self.output(np.concatenate([after[0], context, seen], -1))
        return logits, weights[:, 0], (after, notes, there)

    def forward(self, source: np.ndarray, target: np.ndarray) -> tuple[Array, Array]:
        """The scores of each next token, and where each looked."""
        state, logits, weights = self.encode(source), [], []
        for t in range(target.shape[1]):
            scores, seen, state = self.step(state, target[:, t])
            logits.append(scores)
            weights.append(seen)
        return np.stack(logits, 1), np.stack(weights, 1)

    def follow(self, state: Any, last: np.ndarray) -> tuple[np.ndarray, Any]:
        """See `models.search.Decoder`."""
        with no_grad():
            logits, _, state = self.step(state, last)
            return raw(mg.log_softmax(logits, axis=-1)), tree_map(raw, state)


class SeenAttention(MultiheadAttention):
    """Attention that keeps its weights, for pictures, unless it is being trained."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.weights: Array | None = None

    def forward(self, *args: Any, **options: Any) -> tuple[Array, Array | None]:
        """As `MultiheadAttention`."""
        options["need_weights"] = not self.training
        output, self.weights = super().forward(*args, **options)
        return output, self.weights


class TransformerTranslator(Module):
    """A transformer with sinusoidal positions and normalisation before each part.

    Args:
        size: tokens in the vocabulary of both languages.
        width: of the model.
        layers: of encoder and decoder.
        heads: of each attention, a divisor of the width.
        rng: seed or generator of the initial weights.

    Shapes:
        As `RecurrentTranslator`; the weights are the last layer's, the mean of its heads, and
        ``None`` while it is trained.
    """

    def __init__(
        self, size: int, *, width: int = 96, layers: int = 2, heads: int = 4, rng: Seed = None
    ) -> None:
        rng = np.random.default_rng(rng)
        self.embedding = Embedding(size, width, rng=rng)
        self.position = PositionalEncoding(width)
        made: Any = {"dim_feedforward": 2 * width, "dropout": 0.0, "norm_first": True, "rng": rng}
        self.encoder = TransformerEncoder(width, heads, layers, **made)
        self.decoder = TransformerDecoder(width, heads, layers, **made)
        self.seen = SeenAttention(width, heads, rng=rng)
        self.decoder.layers[-1].multihead_attn = self.seen
        self.output = Linear(width, size, rng=rng)

    def encode(self, source: np.ndarray) -> tuple[Any, ...]:
        """What the decoder starts from: nothing said, the annotations, and which do not count."""
        padding = source == _PAD
        notes = self.encoder(self.position(self.embedding(source)), src_key_padding_mask=padding)
        return np.zeros((len(source), 0), np.int64), notes, padding

    def forward(self, source: np.ndarray, target: np.ndarray) -> tuple[Array, Array | None]:
        """The scores of each next token, and where each looked."""
        _, notes, padding = self.encode(source)
        logits = self.decode(target, notes, padding)
        return logits, self.seen.weights

    def decode(self, target: np.ndarray, notes: Array, padding: np.ndarray) -> Array:
        """The scores of what follows each token."""
        y = self.decoder(
            self.position(self.embedding(target)), notes,
            memory_key_padding_mask=padding, tgt_is_causal=True,
        )  # fmt: skip
        return self.output(y)

    def follow(self, state: Any, last: np.ndarray) -> tuple[np.ndarray, Any]:
        """See `models.search.Decoder`."""
        said, notes, padding = state
        said = np.concatenate([said, last[:, None]], axis=1)
        with no_grad():
            logits = self.decode(said, notes, padding)
            return raw(mg.log_softmax(logits[:, -1], axis=-1)), (said, raw(notes), padding)


Translator = RecurrentTranslator | TransformerTranslator
KINDS = ("gru", "lstm", "transformer")


def make(settings: Mapping[str, Any]) -> tuple[Translator, Vocabulary]:
    """The model that these settings ask for, untrained, and its vocabulary."""
    vocabulary = Vocabulary(tuple(settings["vocabulary"]))
    rng = np.random.default_rng(settings["seed"])
    if settings["kind"] == "transformer":
        return TransformerTranslator(len(vocabulary), width=settings["hidden"], rng=rng), vocabulary
    return (
        RecurrentTranslator(len(vocabulary), settings["kind"], hidden=settings["hidden"], rng=rng),
        vocabulary,
    )


def translate(
    model: Translator, vocabulary: Vocabulary, sources: Sequence[str], beam: int = 1
) -> list[str]:
    """What the model makes of each source."""
    found: list[str] = []
    for start in range(0, len(sources), 100):
        batch, _ = padded([vocabulary.encode(s.split()) for s in sources[start : start + 100]])
        with no_grad():
            state = tree_map(raw, model.encode(batch))
        best = search(model, state, len(batch), beam=beam, most=30)
        found += [" ".join(vocabulary.decode(row)) for row in best]
    return found


# Training


def fit(
    known: Sequence[Task], settings: Mapping[str, Any], files: Files | None = None
) -> tuple[Translator, Vocabulary, History]:
    """A model that has learned from these, its vocabulary, and the course of its losses.

    Args:
        known: what to learn from.
        settings: the options of the command line, and the vocabulary.
        files: where to save it.
    """
    model, vocabulary = make(settings)
    sources = [vocabulary.encode(task.source.split()) for task in known]
    targets = [vocabulary.encode(task.target.split(), ends=True) for task in known]
    steps, lr = settings["steps"], settings["lr"]
    order = Shuffled(len(known), settings["batch"], settings["seed"])
    optimizer = optim.Adam(model.parameters(), lr)

    def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = order(step)
        source, _ = padded([sources[k] for k in rows], multiple=8)
        target, _ = padded([targets[k] for k in rows], multiple=8)
        return source, target

    def loss(source: np.ndarray, target: np.ndarray) -> Array:
        logits, _ = model(source, target[:, :-1])
        return cross_entropy(logits, target[:, 1:], ignore_index=_PAD)

    warm = max(1, min(100, steps // 10))
    checkpoint = files.checkpoint(settings, model, optimizer) if files else None
    history = train(
        model, optimizer, loss, batch, steps=steps, max_norm=1.0, every=len(order),
        schedule=optim.warm_up(warm, optim.cosine(lr, max(1, steps - warm))),
        checkpoint=checkpoint, title=settings["kind"],
    )  # fmt: skip
    return model, vocabulary, history


# Score


class WordByWord:
    """Each word as the one of the other language that it most often goes together with.

    How often is Dice's coefficient of the sentences that have one and the other (Dice 1945).
    """

    def __init__(self, known: Sequence[Task]) -> None:
        left: Counter[str] = Counter()
        right: Counter[str] = Counter()
        both: Counter[tuple[str, str]] = Counter()
        for task in known:
            way, *source = task.source.split()
            sources = list(dict.fromkeys(f"{way} {word}" for word in source))
            targets = list(dict.fromkeys(task.target.split()))  # a set has no order to rely on
            left.update(sources)
            right.update(f"{way} {word}" for word in targets)
            both.update((s, t) for s in sources for t in targets)
        self.meaning: dict[str, str] = {}
        best: dict[str, float] = {}
        for (source_word, word), count in both.items():
            way = source_word.split()[0]
            dice = 2 * count / (left[source_word] + right[f"{way} {word}"])
            if dice > best.get(source_word, 0.0):
                best[source_word], self.meaning[source_word] = dice, word

    def translate(self, sources: Sequence[str]) -> list[str]:
        """What that makes of each source; words never met are left out."""
        return [" ".join(self.meaning[key] for word in s.split()[1:]
                         if (key := f"{s.split()[0]} {word}") in self.meaning)
                for s in sources]  # fmt: skip


def plot(model: Translator, vocabulary: Vocabulary, sources: Sequence[str], path: Path) -> None:
    """Where the model looked for each token that it said."""
    figures = require("matplotlib.figure", extra="models")
    figure = figures.Figure((5 * len(sources), 5), layout="constrained")
    for axes, source in zip(figure.subplots(1, len(sources), squeeze=False)[0], sources,
                            strict=True):  # fmt: skip
        said = translate(model, vocabulary, [source])[0].split()
        target = vocabulary.encode(said, ends=True)[None, :-1]
        with no_grad():
            _, weights = model(vocabulary.encode(source.split())[None], target)
        axes.imshow(raw(weights)[0], cmap="Greys", vmin=0, vmax=1)
        axes.set_xticks(range(len(source.split())), source.split(), rotation=60, ha="left")
        axes.set_yticks(range(len(said) + 1), [*said, "(end)"])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
    save_figure(figure, path)


# Command line


@model_command("translator")
@click.option("--kind", type=click.Choice(KINDS), default="gru",
              help="A recurrent network with attention, or a transformer.")  # fmt: skip
@click.option("--hidden", type=CountRange(1), default=96, metavar="N",
              help="Width of the state, or of the transformer (a multiple of 4).")  # fmt: skip
@click.option("--pairs", type=CountRange(3, 100_000), default=9000, metavar="N",
              help="Sentences of each language to learn from: two thirds numbers, one third dates; "
              "the numbers below a hundred are added to them.")  # fmt: skip
@click.option("--held", type=CountRange(1, 10_000), default=300, metavar="N",
              help="Held-out numbers, and as many held-out dates.")  # fmt: skip
@click.option("--steps", type=CountRange(1), default=2000, metavar="N",
              help="Batches to learn from.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=3e-3, metavar="RATE",
              help="Adam's learning rate after a short warm-up; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=64, metavar="N",
              help="Sentences per step.")  # fmt: skip
@click.option("--beam", type=CountRange(1), default=4, metavar="N",
              help="Width of the beam search; 1 takes the most likely token each "
              "time.")  # fmt: skip
@click.option("--translate", "sentences", multiple=True, metavar="TEXT", show_default=False,
              help="Translate this text after training; can be repeated.")  # fmt: skip
@click.option("--to", "language", type=click.Choice(LANGUAGES), default="en",
              help="The language to translate that into.")  # fmt: skip
@path_option("--picture", help="Draw the attention weights of a translation (.png, .svg, .pdf).")
def main(
    files: Files, seed: int, kind: str, hidden: int, pairs: int, held: int, steps: int, lr: float,
    batch: int, beam: int, sentences: tuple[str, ...], language: str, picture: Path | None,
) -> None:  # fmt: skip
    """Translate numbers and dates in words between Spanish and English."""
    settings: dict[str, Any] = {
        "kind": kind, "hidden": hidden, "pairs": pairs, "held": held, "steps": steps, "lr": lr,
        "batch": batch, "seed": seed,
    }  # fmt: skip
    with one_line():
        if picture is not None:
            check_picture(picture)
        settings = files.settings({**settings, "vocabulary": []} if files.load else settings)
        if settings["kind"] == "transformer" and settings["hidden"] % 4:
            raise ValueError(
                f"--hidden: got {settings['hidden']}, expected a multiple of the 4 heads"
            )
        data = Data.make(settings["pairs"], settings["held"], settings["seed"])
    if not files.load:
        both = (word for task in data.known for word in f"{task.source} {task.target}".split())
        settings["vocabulary"] = list(Vocabulary.of(both).tokens)
    vocabulary = Vocabulary(tuple(settings["vocabulary"]))
    asked = [_source(text, language, vocabulary) for text in sentences]
    if files.load:
        model, _ = make(settings)
        files.restore(model)
    else:
        model, _, history = fit(data.known, settings, files)
        files.write_curves(history)
        report(model, vocabulary, settings["kind"], data, beam)
    shown = asked or [tasks_of[k].source for tasks_of in data.held_out.values() for k in (0, 1)]
    for source, target in zip(shown, translate(model, vocabulary, shown, beam), strict=True):
        click.echo(f"{source.partition(' ')[2]} → {target}")
    if picture is not None:
        plot(model, vocabulary, shown[-2:], picture)
        click.echo(f"picture: {picture}")


def report(model: Translator, vocabulary: Vocabulary, kind: str, data: Data, beam: int) -> None:
    """Print the scores."""
    held_out = ", ".join(f"{len(held)} {sort}" for sort, held in data.held_out.items())
    click.echo(f"{len(data.known)} sentences to learn from, both ways; held out {held_out}")
    ways: dict[str, Callable[[Sequence[str]], list[str]]] = {
        f"{kind}, greedy": functools.partial(translate, model, vocabulary)
    }
    if beam > 1:
        ways[f"{kind}, beam of {beam}"] = functools.partial(translate, model, vocabulary, beam=beam)
    ways["word by word"] = WordByWord(data.known).translate
    for name, way in ways.items():
        told = []
        for sort, held in data.held_out.items():
            found, expected = way([t.source for t in held]), [t.target for t in held]
            told.append(f"{sort} {exact(found, expected):.1%} exact, "
                        f"BLEU {bleu(found, expected):.1f}")  # fmt: skip
        click.echo(f"{name}: {'; '.join(told)}")


def _source(text: str, language: str, vocabulary: Vocabulary) -> str:
    tokens = words(normalise(text))
    unknown = [word for word in tokens if word not in vocabulary or word == UNKNOWN]
    if unknown or not tokens:
        what = f"unknown words: {', '.join(unknown)}" if unknown else "expected some words"
        raise BadInput(f"--translate {text!r}: {what}")
    return " ".join([into(language), *tokens])


if __name__ == "__main__":
    main()
