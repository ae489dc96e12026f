"""An image through a short code and back: which parts are worth keeping?

An encoder compresses each image of a handwritten digit to a few numbers, and a decoder rebuilds
the image from them; they learn together to lose as little as possible (Hinton & Salakhutdinov
2006, "Reducing the dimensionality of data with neural networks"). There are four kinds:

- ``dense``: the encoder is one affine map and a tanh, the decoder one affine map. It can do little
  that PCA cannot (Bourlard & Kamp 1988).
- ``stacked``: two hidden layers on either side.
- ``recurrent``: an LSTM reads the image row by row, another writes it row by row.
- ``convolutional``: convolutions with stride 2 encode, upsampling and convolutions decode.

By default the images are scikit-learn's 1797 digits of 8 × 8 pixels; ``--images`` takes MNIST's.
A fifth is held out. The score is the mean squared error on it, beside that of PCA with a code of
the same size, which is the best affine map for the training data. It also prints how strongly the
code's numbers are correlated (PCA's are not at all), and how well one affine map, trained the same
way, recognises the digits from the codes, from PCA's codes, and from the pixels.

Run it with ``python -m models.autoencoder``; ``--help`` explains the options.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.extras import require
from minigrad.nn import (
    LSTM,
    Conv2d,
    Linear,
    Module,
    Seed,
    Sequential,
    cross_entropy,
    mse_loss,
)
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from models.command import Files, check_picture, model_command, one_line, path_option
from models.standardise import Standardise
from models.training import History, Shuffled, save_figure, train

# Data


@dataclass(frozen=True)
class Images:
    """Grey images and what they show.

    Attributes:
        pixels: (images, height, width), from 0 to 1.
        digit: (images,), 0 to 9.
    """

    pixels: np.ndarray
    digit: np.ndarray

    def __len__(self) -> int:
        return len(self.digit)

    def __getitem__(self, which: Any) -> Images:
        return Images(self.pixels[which], self.digit[which])


def digits() -> Images:
    """Scikit-learn's: 1797 of 8 × 8 pixels (Alpaydin & Kaynak 1998, from the UCI repository)."""
    data = require("sklearn.datasets", extra="models").load_digits()
    return Images((data.images / 16).astype(np.float32), data.target)


def read_idx(path: Path, axes: int) -> np.ndarray:
    """A file in MNIST's format, also compressed by gzip: an array of bytes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or of another format.
    """
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: damaged: {error}") from error
    head = 4 + 4 * axes
    if data[:4] != bytes([0, 0, 8, axes]) or len(data) < head:
        raise ValueError(f"{path}: no idx file of bytes along {axes} axes, as MNIST's are")
    shape = tuple(int(n) for n in np.frombuffer(data[4:head], ">u4"))
    if len(data) - head != np.prod(shape, dtype=object) or 0 in shape:
        raise ValueError(f"{path}: {len(data) - head} bytes behind the head, expected {shape}")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def mnist(images: Path, labels: Path, most: int) -> Images:
    """The first of MNIST's images, and their digits.

    Raises:
        OSError: a file cannot be read.
        ValueError: it is damaged, or the files do not fit each other.
    """
    pixels, digit = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(digit):
        raise ValueError(f"{labels}: {len(digit)} labels for {len(pixels)} images")
    if len(digit) < 10 or digit.max() > 9:
        raise ValueError(f"{labels}: expected at least ten labels, each 0 to 9")
    return Images((pixels[:most] / 255).astype(np.float32), digit[:most].astype(np.int64))


def split(data: Images, seed: int) -> tuple[Images, Images]:
    """To learn from, and a fifth that is held out."""
    order = np.random.default_rng([seed, 1]).permutation(len(data))
    border = len(data) * 4 // 5
    return data[order[:border]], data[order[border:]]


# Models


class Autoencoder(Module):
    """An encoder and a decoder; subclasses are the four kinds.

    Args:
        shape: (height, width) of an image.
        code: numbers that are left of it.
        hidden: width of hidden layers, or of the state.
        rng: seed or generator of the initial weights.

    Shapes:
        pixels (batch, height, width) → the same; the code is (batch, code).
    """

    encoder: Module
    decoder: Module

    def __init__(self, shape: tuple[int, int], code: int, hidden: int, rng: Seed = None) -> None:
        self.shape, self.code = shape, code
        self.build(hidden, np.random.default_rng(rng))

    def build(self, hidden: int, rng: np.random.Generator) -> None:
        """Make the layers."""
        raise NotImplementedError

    def encode(self, pixels: Array) -> Array:
        """The code."""
        return self.encoder(pixels.reshape((len(pixels), -1)))

    def decode(self, code: Array) -> Array:
        """The images of codes."""
        return self.decoder(code).reshape((len(code), *self.shape))

    def forward(self, pixels: Array) -> Array:
        """The images as the code remembers them."""
        return self.decode(self.encode(pixels))


class Dense(Autoencoder):
    """One affine map each way."""

    def build(self, hidden: int, rng: np.random.Generator) -> None:
        size = self.shape[0] * self.shape[1]
        self.encoder = Sequential(Linear(size, self.code, rng=rng), mg.tanh)
        self.decoder = Linear(self.code, size, rng=rng)


class Stacked(Autoencoder):
    """Two hidden layers each way."""

    def build(self, hidden: int, rng: np.random.Generator) -> None:
        size = self.shape[0] * self.shape[1]
        self.encoder = Sequential(
            Linear(size, hidden, rng=rng), mg.relu, Linear(hidden, hidden // 2 + 1, rng=rng),
            mg.relu, Linear(hidden // 2 + 1, self.code, rng=rng),
        )  # fmt: skip
        self.decoder = Sequential(
            Linear(self.code, hidden // 2 + 1, rng=rng), mg.relu,
            Linear(hidden // 2 + 1, hidden, rng=rng), mg.relu, Linear(hidden, size, rng=rng),
        )  # fmt: skip


class Recurrent(Autoencoder):
    """An LSTM reads the rows from the top; another gets the code at each step and writes them."""

    def build(self, hidden: int, rng: np.random.Generator) -> None:
        width = self.shape[1]
        self.encoder = LSTM(width, hidden, output_size=self.code, return_sequences=False, rng=rng)
        self.decoder = LSTM(self.code, hidden, output_size=width, rng=rng)

    def encode(self, pixels: Array) -> Array:
        return self.encoder(pixels)[0]

    def decode(self, code: Array) -> Array:
        return self.decoder(np.repeat(code[:, None], self.shape[0], axis=1))[0]


class Convolutional(Autoencoder):
    """Half as high and wide, twice; then an affine map. Back the other way round."""

    def build(self, hidden: int, rng: np.random.Generator) -> None:
        if any(side % 4 for side in self.shape):
            raise ValueError(
                f"convolutional: images of {self.shape} pixels, expected multiples of 4"
            )
        self.small = (hidden // 8 + 1, self.shape[0] // 4, self.shape[1] // 4)
        channels, size = self.small[0], int(np.prod(self.small))
        self.encoder = Sequential(
            Conv2d(1, channels, 3, stride=2, padding=1, rng=rng), mg.relu,
            Conv2d(channels, channels, 3, stride=2, padding=1, rng=rng), mg.relu,
            lambda x: x.reshape((len(x), size)), Linear(size, self.code, rng=rng),
        )  # fmt: skip
        self.decoder = Sequential(
            Linear(self.code, size, rng=rng), mg.relu,
            lambda x: enlarged(x.reshape((len(x), *self.small))),
            Conv2d(channels, channels, 3, padding=1, rng=rng), mg.relu, enlarged,
            Conv2d(channels, 1, 3, padding=1, rng=rng),
        )  # fmt: skip

    def encode(self, pixels: Array) -> Array:
        return self.encoder(np.expand_dims(pixels, 1))


def enlarged(x: Array) -> Array:
    """Images (…, height, width) with each pixel twice as high and wide."""
    return np.repeat(np.repeat(x, 2, axis=-1), 2, axis=-2)


KINDS: Mapping[str, type[Autoencoder]] = MappingProxyType({
    "dense": Dense, "stacked": Stacked, "recurrent": Recurrent, "convolutional": Convolutional,
})  # fmt: skip


class Classifier(Module):
    """Tells the digit by a row of numbers: a single affine map, on standardised columns.

    Shapes:
        x (batch, columns) → the scores of the ten digits (batch, 10).
    """

    classes: ClassVar[int] = 10

    def __init__(self, known: np.ndarray, rng: Seed = None) -> None:
        self.scale = Standardise(known.shape[1]).fit(known)
        self.output = Linear(known.shape[1], self.classes, rng=rng)

    def forward(self, x: Array) -> Array:
        return self.output(self.scale(x))


# Training


def make(settings: Mapping[str, Any], shape: tuple[int, int]) -> Autoencoder:
    """The model that these settings ask for, untrained."""
    return KINDS[settings["kind"]](shape, settings["code"], settings["hidden"], settings["seed"])


def fit(
    known: Images, settings: Mapping[str, Any], files: Files | None = None
) -> tuple[Autoencoder, History]:
    """An autoencoder that has learned from these, and the course of its losses.

    Args:
        known: what to learn from.
        settings: the options of the command line.
        files: where to save it.
    """
    model = make(settings, known.pixels.shape[1:])
    order = Shuffled(len(known), settings["batch"], settings["seed"])
    steps, lr = settings["epochs"] * len(order), settings["lr"]
    optimizer = optim.AdamW(model.parameters(), lr)

    history = train(
        model, optimizer, lambda pixels: mse_loss(model(pixels), pixels),
        lambda step: (known.pixels[order(step)],), steps=steps,
        schedule=optim.cosine(lr, steps), max_norm=1.0, every=10 * len(order),
        title=settings["kind"],
        checkpoint=files.checkpoint(settings, model, optimizer) if files else None,
    )  # fmt: skip
    return model, history


def classify(
    known: np.ndarray, digit: np.ndarray, held_out: np.ndarray, *, seed: int, epochs: int = 40
) -> np.ndarray:
    """The digits that a `Classifier`, trained on the known rows, sees in those held out."""
    model = Classifier(known, seed)
    order = Shuffled(len(known), 256, seed)
    steps = epochs * len(order)
    train(
        model, optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-2),
        lambda x, digits: cross_entropy(model(x), digits),
        lambda step: (known[order(step)], digit[order(step)]),
        steps=steps, schedule=optim.cosine(3e-2, steps), title="classifier",
    )  # fmt: skip
    with no_grad():
        return raw(model(held_out)).argmax(-1)


# Score


@dataclass(frozen=True)
class Seen:
    """What becomes of images on the way.

    Attributes:
        known: codes of those that were learned from.
        held_out: codes of the others.
        again: the others, as their codes remember them.
    """

    known: np.ndarray
    held_out: np.ndarray
    again: np.ndarray


def through(model: Autoencoder, known: Images, held_out: Images) -> Seen:
    """Both through the network."""
    with no_grad():
        return Seen(raw(model.encode(known.pixels)), raw(model.encode(held_out.pixels)),
                    raw(model(held_out.pixels)))  # fmt: skip


def through_pca(code: int, known: Images, held_out: Images) -> Seen:
    """Both through scikit-learn's principal components, as many as the code has numbers."""
    pca = require("sklearn.decomposition", extra="models").PCA(code, svd_solver="full")
    first = pca.fit_transform(known.pixels.reshape(len(known), -1))
    codes = pca.transform(held_out.pixels.reshape(len(held_out), -1))
    again = pca.inverse_transform(codes).reshape(held_out.pixels.shape)
    return Seen(*(a.astype(np.float32) for a in (first, codes, again)))


def correlation(codes: np.ndarray) -> float:
    """Mean |correlation| of each pair of the code's numbers that vary at all; 0 for a single."""
    varying = codes[:, codes.std(0) > 0].astype(float)
    if varying.shape[1] < 2:
        return 0.0
    table = np.corrcoef(varying.T)
    return float(np.abs(table[np.triu_indices(len(table), 1)]).mean())


def plot(held_out: Images, ways: Mapping[str, np.ndarray], path: Path, count: int = 12) -> None:
    """Some held-out images, and below them what each way remembers."""
    rows = {"held out": held_out.pixels, **ways}
    figure = require("matplotlib.figure", extra="models").Figure(
        (count, 1.1 * len(rows)), layout="constrained"
    )
    for axes, (name, pixels) in zip(figure.subplots(len(rows)), rows.items(), strict=True):
        framed = np.pad(pixels[:count], ((0, 0), (1, 1), (1, 1)), constant_values=0.3)
        axes.imshow(np.hstack(list(framed)), cmap="Greys", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[], ylabel=name)
        axes.spines[:].set_visible(False)
    save_figure(figure, path)


# Command line


@model_command("autoencoder")
@click.option("--kind", type=click.Choice(list(KINDS)), default="stacked",
              help="The kind of encoder and decoder.")  # fmt: skip
@click.option("--code", type=CountRange(1), default=10, metavar="N",
              help="Numbers in the code; 30 are usual for MNIST's 784 pixels.")  # fmt: skip
@click.option("--hidden", type=CountRange(1), default=128, metavar="N",
              help="Width of the hidden layers or of the state; channels are an eighth "
              "of it.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=100, metavar="N",
              help="Passes over the images.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=3e-3, metavar="RATE",
              help="AdamW's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=64, metavar="N",
              help="Images per step.")  # fmt: skip
@path_option("--images", help="MNIST's file of images (train-images-idx3-ubyte, also .gz).")
@path_option("--labels", help="MNIST's file of labels for these images.")
@click.option("--most", type=CountRange(10), default=5000, metavar="N",
              help="Use at most this many of MNIST's images.")  # fmt: skip
@path_option("--picture", help="Draw some held-out images and their reconstructions (.png, .svg, "
                               ".pdf).")  # fmt: skip
def main(
    files: Files, seed: int, kind: str, code: int, hidden: int, epochs: int, lr: float, batch: int,
    images: Path | None, labels: Path | None, most: int, picture: Path | None,
) -> None:  # fmt: skip
    """Compress images of digits to a short code and rebuild them, and compare with PCA."""
    settings: dict[str, Any] = {
        "kind": kind, "code": code, "hidden": hidden, "epochs": epochs, "lr": lr, "batch": batch,
        "images": str(images or "digits"), "most": most, "seed": seed,
    }  # fmt: skip
    with one_line():
        if (images is None) != (labels is None):
            raise ValueError("--images and --labels: expected both, or none")
        if picture is not None:
            check_picture(picture)
        data = digits() if images is None or labels is None else mnist(images, labels, most)
        settings = files.settings(settings)
        known, held_out = split(data, settings["seed"])
        size = data.pixels[0].size
        if settings["code"] >= min(size, len(known)):
            raise ValueError(f"--code: got {settings['code']}, expected less than {size} pixels "
                             f"and {len(known)} images")  # fmt: skip
        model = make(settings, data.pixels.shape[1:])  # refuses what does not fit
    if files.load:
        files.restore(model)
    else:
        model, history = fit(known, settings, files)
        files.write_curves(history)
    click.echo(f"{len(known)} images of {size} pixels to learn from, {len(held_out)} held out; "
               f"codes of {settings['code']}")  # fmt: skip
    ways = {settings["kind"]: through(model, known, held_out),
            "PCA": through_pca(settings["code"], known, held_out)}  # fmt: skip
    told = {name: (way.known, way.held_out) for name, way in ways.items()}
    told["pixels"] = (known.pixels.reshape(len(known), -1),
                      held_out.pixels.reshape(len(held_out), -1))  # fmt: skip
    for name, (rows, others) in told.items():
        right = classify(rows, known.digit, others, seed=settings["seed"]) == held_out.digit
        line = f"a classifier on them {right.mean():.1%} right"
        if name in ways:
            error = float(np.mean(np.square(ways[name].again - held_out.pixels, dtype=float)))
            line = f"error (MSE) {error:.5f}, mean |correlation| in the code " \
                   f"{correlation(rows):.2f}, {line}"  # fmt: skip
        click.echo(f"{name}: {line}")
    if picture is not None:
        plot(held_out, {name: way.again for name, way in ways.items()}, picture)
        click.echo(f"picture: {picture}")


if __name__ == "__main__":
    main()
