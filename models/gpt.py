"""What comes next? A causal transformer predicts each token from all tokens before it.

Tokens and their positions become vectors; then come blocks of masked self-attention and a small
network at each position, then the scores of the next token (Radford et al. 2018, "Improving
language understanding by generative pre-training", section 3.1; layer norms before each part, as
in GPT-2, Radford et al. 2019, section 2.3). Each step draws windows from anywhere in the text.

The last tenth of the text is held out. The score is its mean −log p, in nats per token, and the
exponential of that, the perplexity; n-grams are scored for comparison (see
``models.language_model``). All of the held-out text is scored, cut into windows, so the first
tokens of a window have little context.

Run it with ``python -m models.gpt``; ``--help`` explains the options.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.files import read_text
from minigrad.nn import (
    Dropout,
    Embedding,
    LearnedPositionalEncoding,
    Linear,
    Module,
    Seed,
    TransformerEncoder,
    cross_entropy,
)
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from models.command import (
    BadInput,
    Files,
    model_command,
    one_line,
    text_option,
    too_little,
)
from models.language_model import NGram, split
from models.text import SPECIAL, Vocabulary, characters, documentation
from models.training import History, train


class GPT(Module):
    """Embedding and positions, causal blocks, and the scores of the next token.

    Args:
        size: tokens in the vocabulary.
        context: the most tokens that it looks back on.
        width: of a token's vector.
        heads: of the attention in each block.
        layers: blocks.
        dropout: share of entries that training sets to 0.
        rng: seed or generator of the initial weights.

    Shapes:
        indices (batch, time ≤ context) → logits (batch, time, size).
    """

    def __init__(
        self, size: int, *, context: int = 64, width: int = 128, heads: int = 4, layers: int = 4,
        dropout: float = 0.0, rng: Seed = None,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(rng)
        self.context = context
        self.tokens = Embedding(size, width, rng=rng)
        self.positions = LearnedPositionalEncoding(context, width, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.body = TransformerEncoder(
            width, heads, layers, dim_feedforward=4 * width, dropout=dropout, activation="gelu",
            norm_first=True, rng=rng,
        )  # fmt: skip
        self.head = Linear(width, size, bias=False, rng=rng)
        small_start(self, layers, rng)

    def forward(self, indices: np.ndarray) -> Array:
        """The scores of what follows each token."""
        x = self.dropout(self.positions(self.tokens(indices)))
        return self.head(self.body(x, is_causal=True))

    def predict(self, indices: np.ndarray) -> np.ndarray:
        """The log-probabilities of what follows each token."""
        with no_grad():
            return raw(mg.log_softmax(self(indices), axis=-1))


def small_start(model: Module, layers: int, rng: np.random.Generator) -> None:
    """Weights with deviation 0.02, less where a block ends, and no biases (GPT-2, section 2.3)."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            ends = name.endswith(("out_proj.weight", "linear2.weight"))
            deviation = 0.02 / math.sqrt(2 * layers) if ends else 0.02
            parameter.data = rng.normal(0, deviation, parameter.shape).astype(parameter.dtype)
        elif name.endswith("bias"):
            parameter.data = np.zeros_like(parameter.data)


# Score


def loss_on(model: GPT, indices: np.ndarray, most: int | None = None) -> float:
    """The mean of −log p of each token after those before it in its window, in nats.

    Args:
        model: what says how likely each is.
        indices: the text.
        most: windows to score, evenly spread; all if ``None``.

    Raises:
        ValueError: a text of fewer than two tokens.
    """
    length = min(model.context, len(indices) - 1)
    if length < 1:
        raise ValueError(f"{len(indices)} tokens, too few to score")
    starts = np.arange(0, len(indices) - length, length)
    if most is not None and len(starts) > most:
        starts = starts[np.linspace(0, len(starts) - 1, most).astype(int)]
    total = 0.0
    for some in np.array_split(starts, -(-len(starts) // 32)):
        window = indices[some[:, None] + np.arange(length + 1)]
        scores = model.predict(window[:, :-1])
        total -= np.take_along_axis(scores, window[:, 1:, None], -1).sum(dtype=float)
    return total / (len(starts) * length)


def sample(
    model: GPT, prompt: np.ndarray, length: int, temperature: float, seed: int
) -> list[int]:  # fmt: skip
    """Go on from a prompt, token by token; arguments as for `models.language_model.sample`."""
    rng = np.random.default_rng([seed, 5])
    text = [int(k) for k in prompt]
    for _ in range(length):
        last = model.predict(np.array([text[-model.context :]]))[0, -1].astype(float)
        last[: len(SPECIAL)] = -np.inf  # these stand for no text
        if temperature:
            p = np.exp((last - last.max()) / temperature)
            text.append(int(rng.choice(len(p), p=p / p.sum())))
        else:
            text.append(int(last.argmax()))
    return text[len(prompt) :]


# Training


def fit(
    encoded: np.ndarray, held: np.ndarray, settings: Mapping[str, Any], files: Files | None = None
) -> tuple[GPT, History]:
    """A model that has learned from windows of the text, and the course of its losses.

    Args:
        encoded: indices of the text to learn from, more than the context.
        held: those of the text to validate on.
        settings: the options of the command line, and the vocabulary.
        files: where to save it.
    """
    context, batch, lr = settings["context"], settings["batch"], settings["lr"]
    model, steps = made(settings), settings["steps"]
    optimizer = optim.AdamW(model.parameters(), lr, (0.9, 0.99), weight_decay=0.01)

    def windows(step: int) -> tuple[np.ndarray]:
        starts = np.random.default_rng([settings["seed"], step]).integers(
            0, len(encoded) - context, batch
        )
        return (encoded[starts[:, None] + np.arange(context + 1)],)

    def loss(window: np.ndarray) -> Array:
        return cross_entropy(model(window[:, :-1]), window[:, 1:])

    warm = min(100, max(1, steps // 10))
    checkpoint = files.checkpoint(settings, model, optimizer) if files else None
    history = train(
        model, optimizer, loss, windows, steps=steps, max_norm=1.0, every=max(1, steps // 8),
        title="gpt", schedule=optim.warm_up(warm, optim.cosine(lr, max(1, steps - warm), lr / 10)),
        validate=lambda: loss_on(model, held, most=64), checkpoint=checkpoint,
    )  # fmt: skip
    return model, history


def made(settings: Mapping[str, Any]) -> GPT:
    """An untrained model with these settings."""
    named = {key: settings[key] for key in ("context", "width", "heads", "layers", "dropout")}
    return GPT(len(settings["vocabulary"]), **named, rng=settings["seed"])


# Command line


@model_command("gpt")
@text_option("--text", help="Learn from this text. By default Python's documentation.")
@click.option("--context", type=CountRange(1), default=64, metavar="TOKENS",
              help="Tokens that it can look back at.")  # fmt: skip
@click.option("--width", type=CountRange(1), default=64, metavar="N",
              help="Width of a token's vector; a multiple of the heads.")  # fmt: skip
@click.option("--heads", type=CountRange(1), default=4, metavar="N",
              help="Attention heads of each block.")  # fmt: skip
@click.option("--layers", type=CountRange(1), default=3, metavar="N", help="Blocks.")
@click.option("--dropout", type=FiniteRange(0, 1, max_open=True), default=0.0, metavar="SHARE",
              help="Share of the activations that training sets to 0.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=12, metavar="N",
              help="Windows per step.")  # fmt: skip
@click.option("--steps", type=CountRange(1), default=2000, metavar="N",
              help="Steps of training.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=2e-3, metavar="RATE",
              help="AdamW's learning rate after a short warm-up; it falls to a tenth along a half "
              "cosine.")  # fmt: skip
@click.option("--least", type=CountRange(1), default=2, metavar="N",
              help="Characters that occur less often count as unknown.")  # fmt: skip
@click.option("--order", type=CountRange(1), default=3, metavar="N",
              help="Length of the n-grams to compare with.")  # fmt: skip
@click.option("--prompt", default="The ", metavar="TEXT", help="Text that the sample continues.")
@click.option("--sample", "length", type=CountRange(0), default=200, metavar="CHARACTERS",
              help="Length of the sample.")  # fmt: skip
@click.option("--temperature", type=FiniteRange(0), default=0.7, metavar="T",
              help="1 samples from the model's probabilities, less is more cautious, 0 always "
              "takes the most likely.")  # fmt: skip
def main(
    files: Files, seed: int, text: Path | None, encoding: str | None, context: int, width: int,
    heads: int, layers: int, dropout: float, batch: int, steps: int, lr: float, least: int,
    order: int, prompt: str, length: int, temperature: float,
) -> None:  # fmt: skip
    """Learn to predict the next character with a small GPT, and compare with n-grams."""
    settings: dict[str, Any] = {
        "text": str(text or "documentation"), "context": context, "width": width, "heads": heads,
        "layers": layers, "dropout": dropout, "batch": batch, "steps": steps, "lr": lr,
        "seed": seed,
    }  # fmt: skip
    if length and not prompt:
        raise BadInput("--prompt: got an empty text, expected some text to continue")
    if files.load:
        settings = files.settings({**settings, "vocabulary": []})
        vocabulary = Vocabulary(tuple(settings["vocabulary"]))
        model = made(settings)
        files.restore(model)
    else:
        if width % heads:
            raise BadInput(f"--width: got {width}, expected a multiple of the {heads} heads")
        with one_line():
            source = documentation() if text is None else read_text(text, encoding)
            known, held_out = split(characters(source))
            vocabulary = Vocabulary.of(known, least=least)
            encoded, held = vocabulary.encode(known), vocabulary.encode(held_out)
            with too_little(text, encoding):
                if len(encoded) <= context or len(held) < 2:
                    raise ValueError(f"{len(known)} characters to learn from and {len(held)} to "
                                     f"hold out, too few for a context of {context}")  # fmt: skip
        settings["vocabulary"] = list(vocabulary.tokens)
        model, history = fit(encoded, held, settings, files)
        files.write_curves(history)
        click.echo(f"{len(known)} characters to learn from, {len(held_out)} held out, "
                   f"{len(vocabulary) - len(SPECIAL)} different; "
                   f"{sum(p.size for p in model.parameters())} weights")  # fmt: skip
        loss = loss_on(model, held)
        click.echo(f"held-out loss: {loss:.3f} nats per character")
        scores = {"gpt": math.exp(loss)}
        scores |= {f"{n}-gram": NGram(encoded, n, len(vocabulary)).perplexity(held)
                   for n in range(1, order + 1)}  # fmt: skip
        told = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
        click.echo(f"held-out perplexity: {told}")
    if length:
        start = vocabulary.encode(characters(prompt))
        drawn = vocabulary.decode(sample(model, start, length, temperature, seed))
        click.echo(f"\n{prompt}{''.join(drawn)}")


if __name__ == "__main__":
    main()
