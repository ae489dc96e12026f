"""Is a tumour malignant? One vector in, one decision out.

Thirty measurements of cell nuclei go in (scikit-learn's breast cancer data, 569 biopsies from
Wisconsin; Street, Wolberg & Mangasarian 1993); what comes out is the probability that the tumour
is malignant. With ``--hidden 0`` it is a single neuron, which is logistic regression learned by
gradient descent; hidden units let it bend the boundary.

The score is the F1 of the malignant class, because missing a tumour is worse than a false alarm
and the malignant ones are fewer. Each biopsy is held out once: five networks learn from four
fifths each and judge the fifth that they have not seen. (A single fifth has 42 malignant biopsies,
so one decision more or less changes its F1 by 0.012.) Logistic regression is judged the same way.
A last network learns from all biopsies; ``--save`` keeps it and ``--predict`` uses it.

Run it with ``python -m models.perceptron``; ``--help`` explains the options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.datasets.table import decimal_sign, number, read_rows
from minigrad.extras import require
from minigrad.nn import Linear, Module, Seed, binary_cross_entropy_with_logits
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from models.command import Files, model_command, one_line, text_option
from models.standardise import Standardise
from models.training import History, Shuffled, train


@dataclass(frozen=True)
class Biopsies:
    """Measurements, and what they turned out to be.

    Attributes:
        x: (biopsies, columns).
        malignant: (biopsies,), 0 or 1.
    """

    x: np.ndarray
    malignant: np.ndarray

    def __getitem__(self, which: Any) -> Biopsies:
        return Biopsies(self.x[which], self.malignant[which])


def biopsies() -> tuple[Biopsies, list[str]]:
    """All of them, and the names of the columns."""
    data = require("sklearn.datasets", extra="models").load_breast_cancer()
    malignant = (data.target == 0).astype(np.float32)
    return Biopsies(data.data.astype(np.float32), malignant), list(data.feature_names)


class Perceptron(Module):
    """A perceptron with one hidden layer, or none.

    Args:
        columns: width of x.
        hidden: hidden units; 0: a single neuron.
        rng: seed or generator of the initial weights.

    Shapes:
        x (batch, columns) → log-odds (batch,).
    """

    def __init__(self, columns: int, hidden: int, rng: Seed = None) -> None:
        rng = np.random.default_rng(rng)
        self.scale = Standardise(columns)
        self.hidden = Linear(columns, hidden, rng=rng) if hidden else None
        self.output = Linear(hidden or columns, 1, rng=rng)

    def forward(self, x: Array) -> Array:
        """The log-odds that it is malignant."""
        x = self.scale(x)
        if self.hidden is not None:
            x = mg.tanh(self.hidden(x))
        return self.output(x)[:, 0]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The probability that each is malignant."""
        with no_grad():
            return mg.sigmoid(self(x)).numpy()


def fit(
    known: Biopsies, *, hidden: int, epochs: int, lr: float, batch: int, decay: float, seed: int,
    files: Files | None = None,
) -> tuple[Perceptron, History]:  # fmt: skip
    """A perceptron that has learned from these, and the course of its losses.

    Args:
        known: what to learn from.
        hidden: hidden units.
        epochs: how often it sees each biopsy.
        lr: AdamW's learning rate at the start; it falls to 0 along a half cosine.
        batch: biopsies per step.
        decay: weight decay.
        seed: of the initial weights and of the order.
        files: where to save it.
    """
    settings = {"hidden": hidden, "epochs": epochs, "lr": lr, "batch": batch, "decay": decay,
                "seed": seed}  # fmt: skip
    model = Perceptron(known.x.shape[1], hidden, seed)
    model.scale.fit(known.x)
    order = Shuffled(len(known.x), batch, seed)
    steps = epochs * len(order)
    optimizer = optim.AdamW(model.parameters(), lr, weight_decay=decay)

    def batch_of(step: int) -> tuple[np.ndarray, np.ndarray]:
        part = known[order(step)]
        return part.x, part.malignant

    def loss(x: np.ndarray, malignant: np.ndarray) -> Array:
        return binary_cross_entropy_with_logits(model(x), malignant)

    checkpoint = files.checkpoint(settings, model, optimizer) if files else None
    history = train(
        model, optimizer, loss, batch_of, steps=steps, schedule=optim.cosine(lr, steps),
        checkpoint=checkpoint, every=len(order), title="perceptron",
    )  # fmt: skip
    return model, history


def held_out(
    data: Biopsies, judge: Callable[[Biopsies, np.ndarray], np.ndarray], folds: int = 5
) -> np.ndarray:
    """The probability for each biopsy, from a judge that has not seen it.

    Args:
        data: all of them.
        judge: takes biopsies to learn from and an x, returns probabilities.
        folds: parts that are held out in turn.
    """
    parts = require("sklearn.model_selection", extra="models").StratifiedKFold(
        folds, shuffle=True, random_state=0
    )
    probability = np.zeros(len(data.x))
    for known, held in parts.split(data.x, data.malignant):
        probability[held] = judge(data[known], data.x[held])
    return probability


def f1(truth: np.ndarray, probability: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 of the decision "more likely than not"."""
    metrics = require("sklearn.metrics", extra="models")
    found = metrics.precision_recall_fscore_support(
        truth, probability > 0.5, average="binary", zero_division=0
    )
    return float(found[0]), float(found[1]), float(found[2])


def logistic_regression(known: Biopsies, x: np.ndarray) -> np.ndarray:
    """Probabilities for ``x`` by scikit-learn's logistic regression, on standardised columns."""
    pipeline = require("sklearn.pipeline", extra="models").make_pipeline(
        require("sklearn.preprocessing", extra="models").StandardScaler(),
        require("sklearn.linear_model", extra="models").LogisticRegression(),
    )
    return pipeline.fit(known.x, known.malignant).predict_proba(x)[:, 1]


def read_table(path: Path, columns: list[str], encoding: str | None = None) -> np.ndarray:
    """A CSV or Excel file with these columns, in any order, as numbers (rows, columns).

    Raises:
        OSError: it cannot be read.
        ValueError: a column is missing, a row is too long or too short, or a cell is not a finite
            number. It names the file and the line.
    """
    found = list(read_rows(path, columns, encoding=encoding))
    sign = decimal_sign((where, row[column]) for where, row in found for column in columns)
    table = [[number(row[column], column, where, decimal=sign) for column in columns]
             for where, row in found]  # fmt: skip
    return np.array(table, np.float32)


@model_command("perceptron")
@click.option("--hidden", type=CountRange(0), default=16, metavar="N",
              help="Hidden units; 0 leaves a single neuron.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=40, metavar="N",
              help="Passes over the biopsies.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=3e-3, metavar="RATE",
              help="AdamW's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=32, metavar="N",
              help="Biopsies per step.")  # fmt: skip
@click.option("--decay", type=FiniteRange(0), default=0.3, metavar="λ",
              help="Weight decay: the penalty on large weights.")  # fmt: skip
@text_option("--predict", help="A CSV or Excel file with the thirty columns: print the probability "
                               "that each row is malignant.")  # fmt: skip
def main(
    files: Files, seed: int, hidden: int, epochs: int, lr: float, batch: int, decay: float,
    predict: Path | None, encoding: str | None,
) -> None:  # fmt: skip
    """Tell malignant from benign tumours, and compare with logistic regression."""
    with one_line():
        data, columns = biopsies()
        asked = None if predict is None else read_table(predict, columns, encoding)
    settings: dict[str, Any] = {"hidden": hidden, "epochs": epochs, "lr": lr, "batch": batch,
                                "decay": decay, "seed": seed}  # fmt: skip
    if files.load:
        settings = files.settings(settings)
        model = Perceptron(len(columns), settings["hidden"])
        files.restore(model)
        report("perceptron, on its training data", data.malignant, model.predict(data.x))
    else:
        model, history = fit(data, **settings, files=files)
        files.write_curves(history)
        click.echo(f"{len(data.x)} biopsies, {data.malignant.sum():.0f} malignant, "
                   "each held out once")  # fmt: skip
        ours = held_out(data, lambda known, x: fit(known, **settings)[0].predict(x))
        report("perceptron", data.malignant, ours)
        report("logistic regression", data.malignant, held_out(data, logistic_regression))
    if asked is not None:
        for k, probability in enumerate(model.predict(asked), 1):
            click.echo(f"row {k}: malignant with probability {probability:.3f}")


def report(name: str, truth: np.ndarray, probability: np.ndarray) -> None:
    """Print a score."""
    precision, recall, score = f1(truth, probability)
    click.echo(f"{name}: F1 {score:.3f} (precision {precision:.3f}, recall {recall:.3f})")


if __name__ == "__main__":
    main()
