"""Tomorrow's maximum temperature from the weather of the last days; or where a ball will be.

A window of steps goes in, the next ``--ahead`` steps come out. Each day of weather has its
maximum and minimum temperature, precipitation, wind, and the season as the sine and cosine of the
day of the year. The network predicts how much each coming day will differ from today. A network
that always answered "no change" would be the forecast "same as today" (persistence), so whatever
it learns improves on that.

``--shape vector``: the last hidden state gives all steps together. ``--shape sequence``: a second
layer starts from that state and makes the forecast step by step, with the season of each day as
its input.

The last year is held out. Everything that is learned, including the scale of the inputs, comes
from the days before it; cell, width, rate and epochs were chosen on 2014, after learning from 2012
and 2013. Do not expect miracles: a window of one day does about as well as one of fourteen,
because almost everything that these columns say about tomorrow is in today's row. Ridge
regression, an affine map of the window, is hard to beat here; its error is printed too.

``--data ball`` is a world without noise: balls thrown into a box. There is a rule to learn, and an
affine map, which cannot represent a wall, falls behind.

Run it with ``python -m models.forecaster``; ``--help`` explains the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

from minigrad import optim
from minigrad.datasets import Days, read_days
from minigrad.extras import require
from minigrad.nn import GRU, LSTM, RNN, Linear, Module, Recurrent, Seed, mse_loss
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from models.command import (
    Files,
    check_picture,
    model_command,
    one_line,
    path_option,
    text_option,
    too_little,
)
from models.series import (
    COLUMNS,
    Windows,
    balls,
    climatology,
    free_flight,
    latest,
    ridge,
    seattle,
    split,
    windows,
)
from models.standardise import Standardise
from models.training import History, Shuffled, save_figure, train

CELLS: Mapping[str, type[Recurrent]] = MappingProxyType({"rnn": RNN, "lstm": LSTM, "gru": GRU})
UNITS = {"weather": "°C", "ball": "m"}
BALLS = (2000, 500)  # to learn from, and held out


class Forecaster(Module):
    """A recurrent layer that reads a window and predicts how the next steps differ from its end.

    Args:
        known: windows to take the sizes and scales from.
        cell: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        shape: ``"vector"``: all steps from the last hidden state; ``"sequence"``: a second layer
            goes on from it.
        hidden: width of the hidden state.
        rng: seed or generator of the initial weights.

    Shapes:
        seen (batch, time, columns), exogenous (batch, ahead, …) → (batch, ahead, targets).
    """

    def __init__(
        self, known: Windows, cell: str = "lstm", shape: str = "vector", hidden: int = 16,
        rng: Seed = None,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(rng)
        _, self.ahead, self.targets = known.following.shape
        size, steps = known.seen.shape[-1], self.ahead * self.targets
        self.scale = Standardise(size).fit(known.seen)
        change = known.following - known.persistence
        self.change = Standardise(steps).fit(change.reshape(-1, steps))
        self.encoder = CELLS[cell](size, hidden, rng=rng)
        self.decoder = None
        if shape == "sequence":
            self.decoder = CELLS[cell](known.exogenous.shape[-1], hidden, rng=rng)
        self.output = Linear(hidden, self.targets if self.decoder else steps, rng=rng)

    def forward(self, seen: Array, exogenous: Array) -> Array:
        """The last step seen, plus the changes that the network predicts."""
        h, state = self.encoder(self.scale(seen))
        h = h[:, -1] if self.decoder is None else self.decoder(exogenous, state)[0]
        change = self.change.undo(self.output(h).reshape(len(seen), -1))
        return seen[:, -1:, : self.targets] + change.reshape(-1, self.ahead, self.targets)

    def predict(self, given: Windows) -> np.ndarray:
        """The forecast as a plain array."""
        with no_grad():
            return self(given.seen, given.exogenous).numpy()


def fit(
    known: Windows, settings: Mapping[str, Any], files: Files | None = None
) -> tuple[Forecaster, History]:
    """A forecaster that has learned from these windows, and the course of its losses.

    Args:
        known: what to learn from.
        settings: the options of the command line.
        files: where to save it.
    """
    model = made(known, settings)
    order = Shuffled(len(known), settings["batch"], settings["seed"])
    steps, lr = settings["epochs"] * len(order), settings["lr"]
    optimizer = optim.Adam([p for p in model.parameters() if p.requires_grad], lr)
    spread = float((known.following - known.persistence).std())

    def batch(step: int) -> tuple[np.ndarray, ...]:
        part = known[order(step)]
        return part.seen, part.exogenous, part.following / spread

    def loss(seen: np.ndarray, exogenous: np.ndarray, following: np.ndarray) -> Array:
        return mse_loss(model(seen, exogenous) * (1 / spread), following)

    checkpoint = files.checkpoint(settings, model, optimizer) if files else None
    history = train(
        model, optimizer, loss, batch, steps=steps, schedule=optim.cosine(lr, steps),
        checkpoint=checkpoint, every=len(order), title=settings["cell"],
    )  # fmt: skip
    return model, history


def made(known: Windows, settings: Mapping[str, Any]) -> Forecaster:
    """An untrained forecaster with these settings."""
    named = {key: settings[key] for key in ("cell", "shape", "hidden")}
    return Forecaster(known, **named, rng=settings["seed"])


def own(path: Path, target: str | None, fill: bool, encoding: str | None = None) -> Days:
    """The reader's own series, what is to be forecast in its first column.

    Raises:
        OSError, ValueError: it cannot be read, see `minigrad.datasets.read_days`; there is no
            column ``target``; there is more than one, none is temp_max, and ``target`` is None.
    """
    days = read_days(path, first=[target, *COLUMNS] if target else COLUMNS,
                     fill=fill, encoding=encoding)  # fmt: skip
    if target is None and days.names[0] != COLUMNS[0] and len(days.names) > 1:
        raise ValueError(f"{path}, line 1: several columns of numbers, expected --target NAME, one "
                         f"of {', '.join(days.names)}")  # fmt: skip
    if target is not None and days.names[0] != target:
        raise ValueError(f"{path}, line 1: no column of numbers {target}; found "
                         f"{', '.join(days.names)}")  # fmt: skip
    return days


def rmse(forecast: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square error over all entries."""
    return float(np.sqrt(np.mean(np.square(forecast - truth, dtype=float))))


def baselines(data: str, known: Windows, held_out: Windows) -> dict[str, np.ndarray]:
    """Forecasts that need no network, by name."""
    if data == "weather":
        usual = climatology(known, held_out.when)
        return {"same as today": held_out.persistence, "climatology": usual,
                "ridge regression": ridge(known, held_out)}  # fmt: skip
    mean = np.broadcast_to(known.following.mean((0, 1)), held_out.following.shape)
    found = {"same as now": held_out.persistence, "mean place": mean,
             "ridge regression": ridge(known, held_out)}  # fmt: skip
    if held_out.seen.shape[1] >= 3:
        found["free flight"] = free_flight(held_out.seen, held_out.when.shape[1])
    return found


def plot(
    data: str, forecasts: Mapping[str, np.ndarray], held_out: Windows, path: Path, what: str,
    unit: str,
) -> None:  # fmt: skip
    """What came and what was forecast, and the error at each step ahead.

    Args:
        data: ``"weather"`` or ``"ball"``.
        forecasts: by name; the first is the network's.
        held_out: what they are forecasts of.
        path: the picture.
        what: what is forecast.
        unit: of what is forecast.
    """
    figure = require("matplotlib.figure", extra="models").Figure((11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 1.4))
    (name, ours), truth = next(iter(forecasts.items())), held_out.following
    if data == "weather":
        left.plot(held_out.when[:, 0], truth[:, 0, 0], color="0.6", lw=3, label="measured")
        for k in range(0, len(ours), ours.shape[1]):  # each run starts where the last one ended
            days = "1 day" if ours.shape[1] == 1 else f"{ours.shape[1]} days"
            label = f"{name}, {days} ahead" if k == 0 else None
            left.plot(held_out.when[k], ours[k, :, 0], ".-", color="C3", lw=1, ms=3, label=label)
        left.set_ylabel(", ".join(filter(None, (what, unit))))
    else:
        for k in range(4):
            left.plot(*held_out.seen[k].T, ".-", color="0.8", label="seen" if k == 0 else None)
            left.plot(*truth[k].T, "o", mfc="none", color="k", label="true" if k == 0 else None)
            left.plot(*ours[k].T, "x", color="C3", label=name if k == 0 else None)
        left.set(xlabel="across, m", ylabel="up, m")
    left.legend(frameon=False)
    ahead = np.arange(1, ours.shape[1] + 1)
    for label, forecast in forecasts.items():
        errors = [rmse(forecast[:, k], truth[:, k]) for k in range(len(ahead))]
        right.plot(ahead, errors, "o-", label=label)
    right.set(xlabel="steps ahead", ylabel=f"held-out error (RMSE) {unit}".strip(), xticks=ahead)
    right.set_ylim(0, None)
    right.legend(frameon=False, fontsize="small")
    save_figure(figure, path)


@model_command("forecaster")
@click.option("--data", type=click.Choice(list(UNITS)), default="weather",
              help="What to forecast: weather, or bouncing balls.")  # fmt: skip
@click.option("--cell", type=click.Choice(list(CELLS)), default="gru",
              help="The recurrent layer: rnn has one tanh layer; lstm and gru have gates that "
              "choose what to keep.")  # fmt: skip
@click.option("--shape", type=click.Choice(["vector", "sequence"]), default="sequence",
              help="All steps ahead from one state, or one after another.")  # fmt: skip
@click.option("--window", type=CountRange(1), default=14, metavar="STEPS",
              help="Steps that the network sees before it forecasts.")  # fmt: skip
@click.option("--ahead", type=CountRange(1), default=1, metavar="K",
              help="Steps that it forecasts.")  # fmt: skip
@click.option("--hidden", type=CountRange(1), default=32, metavar="N",
              help="Width of the hidden state: how much it can remember.")  # fmt: skip
@click.option("--epochs", type=CountRange(1), default=20, metavar="N",
              help="Passes over the training windows. With too few it has not learned yet; with "
              "too "
              "many it overfits.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=2e-3, metavar="RATE",
              help="Adam's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=32, metavar="N",
              help="Windows per step. Smaller: more steps, each with a noisier "
              "gradient.")  # fmt: skip
@text_option("--csv", help="Your own data: a CSV or Excel file with a column of dates and one or "
             "more columns of numbers, one row per day; separated by commas, semicolons or tabs, "
             "with decimal points or commas. By default Seattle, 2012 to 2015, which minigrad "
             "includes.")  # fmt: skip
@click.option("--target", metavar="NAME", show_default=False,
              help="The column of --csv to forecast; by default temp_max, or the only "
              "one.")  # fmt: skip
@click.option("--fill", is_flag=True, show_default=False,
              help="Interpolate missing values and days in --csv.")  # fmt: skip
@path_option("--picture", help="Draw the measured and the forecast values into this file (.png, "
             ".svg, "
                               ".pdf).")  # fmt: skip
@click.option("--predict", is_flag=True, show_default=False,
              help="Forecast the days after the end of the data. With --load, the data need no "
              "more "
              "days than the window, and no score is printed.")  # fmt: skip
def main(
    files: Files, seed: int, data: str, cell: str, shape: str, window: int, ahead: int, hidden: int,
    epochs: int, lr: float, batch: int, csv: Path | None, encoding: str | None, target: str | None,
    fill: bool, picture: Path | None, predict: bool,
) -> None:  # fmt: skip
    """Forecast the coming days' maximum temperature with a recurrent network.

    It trains on all years but the last, then forecasts each day of the last year from the days
    before it. It prints the error (root mean square) beside that of forecasts without a network:
    "same as today", and climatology, which is the average for the time of year. A network that
    does not beat both has learned nothing useful; comparing it with ridge regression, an affine
    map, shows what the nonlinear part contributes.
    """
    settings = files.settings({
        "data": data, "cell": cell, "shape": shape, "window": window, "ahead": ahead,
        "hidden": hidden, "epochs": epochs, "lr": lr, "batch": batch, "seed": seed, "columns": [],
    })  # fmt: skip
    what, unit = "maximum temperature", UNITS[settings["data"]]
    data, cell, window, ahead = (settings[k] for k in ("data", "cell", "window", "ahead"))
    known = held_out = coming = None  # None: not needed
    with one_line():
        if picture is not None:
            check_picture(picture)
        if data == "weather":
            if csv is None and (target or fill):
                raise ValueError("--target and --fill need --csv")
            days = seattle() if csv is None else own(csv, target, fill, encoding)
            if days.filled:
                click.echo(f"filled: {days.filled}", err=True)
            if days.names[0] != COLUMNS[0]:
                what, unit = days.names[0], ""
            if files.load and list(days.names) != settings["columns"]:
                raise ValueError(f"{files.load}: learned from the columns "
                                 f"{', '.join(settings['columns'])}, and these are "
                                 f"{', '.join(days.names)}")  # fmt: skip
            settings = {**settings, "columns": list(days.names)}
            with too_little(csv, encoding):
                coming = latest(days, window, ahead) if predict else None
                # To use what was learned, no year to learn from is needed
                if not (files.load and predict and picture is None):
                    known, held_out = split(windows(days, window, ahead))
        elif csv or predict or target or fill:
            raise ValueError("--csv, --target, --fill and --predict need --data weather")
        else:
            every = balls(sum(BALLS), window, ahead, settings["seed"])
            known, held_out = every[: BALLS[0]], every[BALLS[0] :]
    if files.load:
        given = known or coming  # the sizes; the scales are in the file
        assert given
        model = made(given, settings)
        files.restore(model)
    elif known and held_out:
        model, history = fit(known, settings, files)
        files.write_curves(history)
        span = (f"{known.when[0, 0]} to {known.when[-1, -1]}, held out {held_out.when[0, 0]} to "
                f"{held_out.when[-1, -1]}" if data == "weather"
                else "{} balls, held out {}".format(*BALLS))  # fmt: skip
        click.echo(f"trained on {span}")
    if known and held_out:
        forecasts = {cell: model.predict(held_out), **baselines(data, known, held_out)}
        for name, forecast in forecasts.items():
            each = [f"{rmse(forecast[:, k], held_out.following[:, k]):.2f}" for k in range(ahead)]
            steps = f" (step by step {', '.join(each)})" if ahead > 1 else ""
            score = rmse(forecast, held_out.following)
            click.echo(f"{name}: held-out error (RMSE) {score:.3f} {unit}{steps}".rstrip())
        if picture is not None:
            plot(data, forecasts, held_out, picture, what, unit)
            click.echo(f"picture: {picture}")
    if coming:
        for date, (warm,) in zip(coming.when[0], model.predict(coming)[0], strict=True):
            click.echo(f"{date}: {warm:.1f} {unit}".rstrip())


if __name__ == "__main__":
    main()
