"""What comes next? A recurrent network reads text and predicts the probability of each next token.

Tokens are characters or words. An embedding, a recurrent layer (simple, LSTM or GRU) and an
affine map give the probabilities (Mikolov et al. 2010, "Recurrent neural network based language
model"). The text is cut into streams that are read in parallel, window by window; the state is
carried from one window to the next, but the gradient is not (truncated backpropagation through
time).

The last tenth of the text is held out. The score is its perplexity, e to the mean of −log p: the
number of equally likely tokens that would be as hard to predict. For comparison, it prints that of
n-grams, which count what followed the last tokens (with Witten & Bell's smoothing, 1991).

Run it with ``python -m models.language_model``; ``--help`` explains the options.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.files import read_text
from minigrad.nn import GRU, LSTM, RNN, Dropout, Embedding, Module, Recurrent, Seed, cross_entropy
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from minigrad.tree import tree_leaves, tree_map
from models.command import (
    BadInput,
    Files,
    model_command,
    one_line,
    text_option,
    too_little,
)
from models.text import SPECIAL, Vocabulary, characters, documentation, words
from models.training import History, train

CELLS: Mapping[str, type[Recurrent]] = MappingProxyType({"rnn": RNN, "lstm": LSTM, "gru": GRU})
UNITS = MappingProxyType({"characters": characters, "words": words})
# A text has fewer words than characters, and more different ones: wider vectors, shorter steps
USUAL: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "characters": {"hidden": 128, "width": 32, "batch": 32, "lr": 6e-3},
    "words": {"hidden": 192, "width": 128, "batch": 8, "lr": 3e-3},
})  # fmt: skip
"""What suits each unit; for words, chosen on a tenth of what there is to learn from."""

# Data


def split(tokens: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """To learn from, and the last tenth, which is held out."""
    border = len(tokens) * 9 // 10
    return tokens[:border], tokens[border:]


def streams(indices: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The text as streams side by side, (count, length), and what follows each token in them.

    Raises:
        ValueError: less than one token and the next for each stream.
    """
    length = (len(indices) - 1) // count
    if length < 1:
        raise ValueError(f"{len(indices)} tokens, too few for {count} streams")
    end = count * length
    return indices[:end].reshape(count, length), indices[1 : end + 1].reshape(count, length)


# Model


class LanguageModel(Module):
    """Embedding, recurrent layers, and the scores of the next token.

    Args:
        size: tokens in the vocabulary.
        cell: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        width: of the embedding.
        hidden: of the state.
        layers: recurrent layers.
        dropout: share of entries that training sets to 0, around and between the layers.
        rng: seed or generator of the initial weights.

    Shapes:
        indices (batch, time) → logits (batch, time, size), and the state.
    """

    def __init__(
        self, size: int, *, cell: str = "lstm", width: int = 32, hidden: int = 128,
        layers: int = 1, dropout: float = 0.0, rng: Seed = None,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(rng)
        self.embedding = Embedding(size, width, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.memory = CELLS[cell](width, hidden, num_layers=layers, dropout=dropout,
                                  output_size=size, rng=rng)  # fmt: skip

    def forward(self, indices: np.ndarray, state: Any = None) -> tuple[Array, Any]:
        """The scores of what follows each token, and the state to go on from."""
        return self.memory(self.dropout(self.embedding(indices)), state)

    def predict(self, indices: np.ndarray, state: Any = None) -> tuple[np.ndarray, Any]:
        """The log-probabilities of what follows each token, and the state, as plain arrays."""
        with no_grad():
            logits, state = self(indices, state)
            return raw(mg.log_softmax(logits, axis=-1)), tree_map(raw, state)


class Memory(Module):
    """The state that a window hands to the next, without its history.

    Args:
        model: whose state.
        streams: texts side by side.
    """

    def __init__(self, model: LanguageModel, streams: int) -> None:
        _, state = model.eval().predict(np.zeros((streams, 1), np.int64))
        self.many = isinstance(state, tuple)
        self.arrays = tree_leaves(state)
        self.clear()

    def clear(self) -> None:
        """Nothing has been read."""
        self.arrays[:] = [np.zeros_like(array) for array in self.arrays]

    @property
    def state(self) -> Any:
        """As the layer takes it."""
        return tuple(self.arrays) if self.many else self.arrays[0]

    def keep(self, state: Any) -> None:
        """Hand on what the layer gives."""
        self.arrays[:] = map(raw, tree_leaves(state))

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays of the state."""
        return {str(k): array for k, array in enumerate(self.arrays)}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Any:
        """Take over what `state_dict` gave."""
        self.arrays[:] = [state[str(k)] for k in range(len(self.arrays))]


# Score


def perplexity(model: LanguageModel, indices: np.ndarray, count: int = 16) -> float:
    """E to the mean of −log p of each token after those before it, in ``count`` streams."""
    x, y = streams(indices, min(count, len(indices) - 1))
    state, total = None, 0.0
    for start in range(0, x.shape[1], 64):
        part = slice(start, start + 64)
        scores, state = model.predict(x[:, part], state)
        total -= np.take_along_axis(scores, y[:, part, None], -1).sum(dtype=float)
    return math.exp(total / x.size)


class NGram:
    """Counts of what followed the last n − 1 tokens, smoothed by those of the last n − 2, ….

    p(w | h) = (c(h w) + d(h) p(w | h′)) / (c(h) + d(h)), where d(h) is how many different tokens
    followed h and h′ is h without its first (Witten & Bell 1991, method C).

    Args:
        indices: the text to count.
        order: n.
        size: tokens in the vocabulary; without any context each is equally likely at first.
    """

    def __init__(self, indices: Sequence[int] | np.ndarray, order: int, size: int) -> None:
        self.order, self.size = order, size
        self.followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        text = [int(k) for k in indices]
        for n in range(order):
            for k in range(n, len(text)):
                self.followers[tuple(text[k - n : k])][text[k]] += 1
        self.totals = {context: found.total() for context, found in self.followers.items()}

    def probability(self, token: int, before: Sequence[int]) -> float:
        """Of a token after those before it, of which the last n − 1 count."""
        p = 1 / self.size
        for n in range(min(self.order - 1, len(before)) + 1):
            context = tuple(before[len(before) - n :])
            if context not in self.totals:
                break
            found = self.followers[context]
            p = (found[token] + len(found) * p) / (self.totals[context] + len(found))
        return p

    def perplexity(self, indices: Sequence[int] | np.ndarray) -> float:
        """As for the network, of each token but the first."""
        text = [int(k) for k in indices]
        reach = self.order - 1
        logs = [math.log(self.probability(text[k], text[max(0, k - reach) : k]))
                for k in range(1, len(text))]  # fmt: skip
        return math.exp(-sum(logs) / len(logs))


def sample(
    model: LanguageModel, prompt: np.ndarray, length: int, temperature: float, seed: int
) -> list[int]:
    """Go on from a prompt, token by token.

    Args:
        model: what says how likely each is.
        prompt: indices, at least one.
        length: tokens to draw.
        temperature: 1 draws as likely as the model says, less is more cautious; 0 takes the
            likeliest.
        seed: of what is drawn.

    Returns:
        The indices that were drawn.
    """
    rng = np.random.default_rng([seed, 5])
    found: list[int] = []
    scores, state = model.predict(prompt[None])
    for _ in range(length):
        last = scores[0, -1].astype(float)
        last[: len(SPECIAL)] = -np.inf  # these stand for no text
        if temperature:
            last = np.exp((last - last.max()) / temperature)
            token = int(rng.choice(len(last), p=last / last.sum()))
        else:
            token = int(last.argmax())
        found.append(token)
        scores, state = model.predict(np.array([[token]]), state)
    return found


# Command line


def _usual(name: str) -> str:
    return ", ".join(f"{usual[name]} for {unit}" for unit, usual in USUAL.items())


@model_command("language_model")
@text_option("--text", help="Learn from this text. By default Python's documentation.")
@click.option("--unit", type=click.Choice(list(UNITS)), default="characters",
              help="What a token is.")  # fmt: skip
@click.option("--cell", type=click.Choice(list(CELLS)), default="lstm",
              help="The recurrent layer.")  # fmt: skip
@click.option("--hidden", type=CountRange(1), metavar="N",
              show_default=_usual("hidden"),
              help="Width of the state: how much it can remember.")  # fmt: skip
@click.option("--layers", type=CountRange(1), default=1, metavar="N",
              help="Recurrent layers, stacked.")  # fmt: skip
@click.option("--width", type=CountRange(1), metavar="N",
              show_default=_usual("width"),
              help="Width of the embedding.")  # fmt: skip
@click.option("--dropout", type=FiniteRange(0, 1, max_open=True), default=0.0, metavar="SHARE",
              help="Share of the activations that training sets to 0.")  # fmt: skip
@click.option("--window", type=CountRange(1), default=32, metavar="TOKENS",
              help="How far back the gradient goes.")  # fmt: skip
@click.option("--batch", type=CountRange(1), metavar="N",
              show_default=_usual("batch"),
              help="Streams that are read in parallel.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=4, metavar="N",
              help="Passes over the text.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), metavar="RATE",
              show_default=_usual("lr"),
              help="Adam's learning rate after a short warm-up; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--least", type=CountRange(1), default=2, metavar="N",
              help="Tokens that occur less often count as unknown.")  # fmt: skip
@click.option("--order", type=CountRange(1), default=3, metavar="N",
              help="Length of the n-grams to compare with.")  # fmt: skip
@click.option("--prompt", default="The ", metavar="TEXT", help="Text that the sample continues.")
@click.option("--sample", "length", type=CountRange(0), default=200, metavar="TOKENS",
              help="Length of the sample.")  # fmt: skip
@click.option("--temperature", type=FiniteRange(0), default=0.7, metavar="T",
              help="1 samples from the model's probabilities, less is more cautious, 0 always "
              "takes the most likely.")  # fmt: skip
def main(
    files: Files, seed: int, text: Path | None, encoding: str | None, unit: str, cell: str,
    layers: int, dropout: float, window: int, epochs: int, least: int, order: int, prompt: str,
    length: int, temperature: float, **sizes: float | None,
) -> None:  # fmt: skip
    """Learn to predict what comes next in a text, compare with n-grams, and write a sample."""
    given = {name: value for name, value in sizes.items() if value is not None}
    settings: dict[str, Any] = {
        "text": str(text or "documentation"), "unit": unit, "cell": cell, "layers": layers,
        "dropout": dropout, "window": window, "epochs": epochs, "seed": seed,
        **USUAL[unit], **given,
    }  # fmt: skip
    if files.load:
        settings = files.settings({**settings, "vocabulary": []})
    tokenise = UNITS[settings["unit"]]
    if length and not tokenise(prompt):
        raise BadInput("--prompt: got an empty text, expected some text to continue")
    if files.load:
        vocabulary, model = Vocabulary(tuple(settings["vocabulary"])), _model(settings)
        files.restore(model)
    else:
        with one_line():
            known, held_out = split(
                tokenise(documentation() if text is None else read_text(text, encoding))
            )
            vocabulary = Vocabulary.of(known, least=least)
            encoded, held = vocabulary.encode(known), vocabulary.encode(held_out)
            with too_little(text, encoding):
                streams(encoded, settings["batch"])
                streams(held, 1)
        settings["vocabulary"] = list(vocabulary.tokens)
        model, history = fit(encoded, held, settings, files)
        files.write_curves(history)
        click.echo(f"{len(known)} {unit} to learn from, {len(held_out)} held out, "
                   f"{len(vocabulary) - len(SPECIAL)} different")  # fmt: skip
        scores = {settings["cell"]: perplexity(model, held)}
        scores |= {f"{n}-gram": NGram(encoded, n, len(vocabulary)).perplexity(held)
                   for n in range(1, order + 1)}  # fmt: skip
        told = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
        click.echo(f"held-out perplexity: {told}")
    if length:
        start = vocabulary.encode(tokenise(prompt))
        drawn = vocabulary.decode(sample(model, start, length, temperature, seed))
        by_words = settings["unit"] == "words"
        click.echo("\n" + (" ".join([prompt.rstrip(), *drawn]) if by_words
                           else prompt + "".join(drawn)))  # fmt: skip


def _model(settings: Mapping[str, Any]) -> LanguageModel:
    named = {key: settings[key] for key in ("cell", "width", "hidden", "layers", "dropout")}
    return LanguageModel(len(settings["vocabulary"]), **named, rng=settings["seed"])


def fit(
    encoded: np.ndarray, held: np.ndarray, settings: Mapping[str, Any], files: Files | None = None
) -> tuple[LanguageModel, History]:
    """A model that has learned from the text, window by window, and the course of its losses.

    Args:
        encoded: indices of the text to learn from.
        held: those of the text to validate on after each epoch.
        settings: the options of the command line, and the vocabulary.
        files: where to save it.
    """
    model = _model(settings)
    x, y = streams(encoded, settings["batch"])
    window, lr = settings["window"], settings["lr"]
    windows = -(-x.shape[1] // window)
    steps = settings["epochs"] * windows
    optimizer = optim.Adam(model.parameters(), lr)
    memory = Memory(model, len(x))

    def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
        start = step % windows * window
        if start == 0:
            memory.clear()
        part = slice(start, start + window)
        return x[:, part], y[:, part]

    def loss(seen: np.ndarray, following: np.ndarray) -> Array:
        logits, after = model(seen, memory.state)
        memory.keep(after)
        return cross_entropy(logits, following)

    warm = max(1, min(50, steps // 10))
    checkpoint = files.checkpoint(settings, model, optimizer, memory=memory) if files else None
    history = train(
        model, optimizer, loss, batch, steps=steps, max_norm=1.0, every=windows,
        schedule=optim.warm_up(warm, optim.cosine(lr, max(1, steps - warm))),
        title=settings["cell"],
        validate=lambda: math.log(perplexity(model, held)), checkpoint=checkpoint,
    )  # fmt: skip
    return model, history


if __name__ == "__main__":
    main()
