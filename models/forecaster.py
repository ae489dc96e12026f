"""Tomorrow's maximum temperature from the last days' weather.

A window of days goes in, each with its maximum and minimum temperature, precipitation, wind,
and the season as sine and cosine of the day of the year. What comes out is how much warmer or
colder than today tomorrow will be; a network that always said "no change" would be the forecast
"same as today", so all that it learns is what it adds to that.

The last year is held out. Everything that is learned, the scale of the inputs included, comes
from the days before it; the number of epochs was chosen on 2014, with 2012 and 2013 to learn from.

Do not expect wonders. For Seattle the error falls from 2.91 °C ("same as today") to about 2.65 °C
with any of the cells, and a window of a single day does as well as one of fourteen: of what these
columns know of tomorrow, nearly all is in today's row.

Run it with ``python -m models.forecaster``; ``--help`` explains the options.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from minigrad import optim
from minigrad.autograd import no_grad
from minigrad.datasets import Weather, seattle_weather
from minigrad.extras import require
from minigrad.files import check_writable
from minigrad.nn import GRU, LSTM, RNN, Module, Recurrent, Seed, mse_loss
from minigrad.primitives.primitive import Array

# Data

COLUMNS = ("temp_max", "temp_min", "precipitation", "wind", "sin(season)", "cos(season)")
"""What is known of each day; the first is what is forecast."""


@dataclass(frozen=True)
class Windows:
    """Runs of consecutive days, each with the day that followed.

    Attributes:
        days: (windows, length, columns), in °C, mm and m/s; columns as in ``COLUMNS``.
        tomorrow: (windows,), maximum temperature of the day that followed, °C.
        date: (windows,), that day.
    """

    days: np.ndarray
    tomorrow: np.ndarray
    date: np.ndarray

    @property
    def today(self) -> np.ndarray:
        """(windows,), maximum temperature of each window's last day, °C."""
        return self.days[:, -1, 0]

    def __len__(self) -> int:
        return len(self.date)

    def __getitem__(self, which: Any) -> Windows:
        return Windows(self.days[which], self.tomorrow[which], self.date[which])


def season(date: np.ndarray) -> np.ndarray:
    """Where in the year each date lies, as an angle: 0 on the first of January."""
    return 2 * np.pi * (date - date.astype("datetime64[Y]")).astype(float) / 365.25


def windows(weather: Weather, length: int) -> Windows:
    """Every run of ``length`` days that a further day follows.

    Raises:
        ValueError: ``length`` is not positive, or no such run is there.
    """
    if length < 1:
        raise ValueError(f"a window of {length} days, expected at least 1")
    date = weather.date
    if len(date) <= length:
        raise ValueError(
            f"{len(date)} days, too few for a window of {length} and the day that follows it"
        )
    angle = season(date)
    columns = np.stack(
        [weather.temp_max, weather.temp_min, weather.precipitation, weather.wind,
         np.sin(angle), np.cos(angle)],
        axis=-1,
    ).astype(np.float32)  # fmt: skip
    runs = np.lib.stride_tricks.sliding_window_view(columns[:-1], length, axis=0)
    return Windows(runs.swapaxes(1, 2), columns[length:, 0], date[length:])


def split(all_windows: Windows) -> tuple[Windows, Windows]:
    """Train on the first years, hold out the last: windows by the day that they forecast.

    Raises:
        ValueError: there is no year to train on before the last one.
    """
    date, year = all_windows.date, np.timedelta64(365, "D")
    held_out = date > date[-1:] - year
    if len(held_out) - held_out.sum() < 365:
        raise ValueError(
            f"{len(all_windows)} windows of {all_windows.days.shape[1]} days, too few: the last "
            "year of 365 is held out, and at least one more is needed to train on"
        )
    return all_windows[~held_out], all_windows[held_out]


# Model

CELLS: Mapping[str, type[Recurrent]] = MappingProxyType({"rnn": RNN, "lstm": LSTM, "gru": GRU})


class Forecaster(Module):
    """A recurrent layer that reads the days and says how much tomorrow differs from today.

    Args:
        known: windows to take the scale of the inputs and of the daily change from.
        cell: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        hidden: width of the hidden state.
        rng: seed or generator of the initial weights.

    Shapes:
        days (batch, time, columns) → tomorrow's maximum temperature (batch,), °C.
    """

    def __init__(
        self, known: Windows, cell: str = "lstm", hidden: int = 16, rng: Seed = None
    ) -> None:
        self.mean = known.days.mean((0, 1))
        self.spread = known.days.std((0, 1)) + 1e-6  # a column may be constant
        self.change = float((known.tomorrow - known.today).std())
        self.memory = CELLS[cell](
            len(COLUMNS), hidden, output_size=1, return_sequences=False, rng=rng
        )

    def forward(self, days: Array) -> Array:
        """Today's temperature plus the change that the network expects."""
        change, _ = self.memory((days - self.mean) / self.spread)
        return days[:, -1, 0] + self.change * change[:, 0]

    def predict(self, days: np.ndarray) -> np.ndarray:
        """The forecast as a plain array."""
        with no_grad():
            return self(days).numpy()


# Training


def train(
    model: Forecaster,
    known: Windows,
    *,
    epochs: int = 30,
    lr: float = 3e-3,
    batch: int = 32,
    rng: Seed = None,
    progress: Callable[[range], Any] = iter,
) -> list[float]:
    """Minimise the mean squared error with Adam, in batches drawn anew for each epoch.

    Args:
        model: what is trained.
        known: the windows to learn from.
        epochs: how often each window is seen.
        lr: learning rate of the first epoch; it falls to 0 along a half cosine, so that the
            last batches do not decide the result.
        batch: windows per step.
        rng: seed or generator of the order.
        progress: wraps the range of epochs, to show how far it is.

    Returns:
        Root mean squared training error of each epoch, °C.
    """
    rng = np.random.default_rng(rng)
    optimizer = optim.Adam(model.parameters(), lr)
    errors = []
    for epoch in progress(range(epochs)):
        optimizer.lr = lr * (1 + float(np.cos(np.pi * epoch / epochs))) / 2
        total = 0.0
        order = rng.permutation(len(known))
        for start in range(0, len(known), batch):
            part = known[order[start : start + batch]]
            optimizer.zero_grad()
            loss = mse_loss(model(part.days), part.tomorrow)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(part)
        errors.append((total / len(known)) ** 0.5)
    return errors


# Score


def rmse(forecast: np.ndarray, truth: np.ndarray) -> float:
    """Root mean squared error, °C."""
    return float(np.sqrt(np.mean(np.square(forecast - truth, dtype=float))))


def climatology(known: Windows, date: np.ndarray) -> np.ndarray:
    """What is usual then: the mean of the known days within a week of that day of the year."""
    apart = season(date)[:, None] - season(known.date)
    near = np.cos(apart) >= np.cos(2 * np.pi * 7.5 / 365.25)
    return near @ known.tomorrow / near.sum(1)


def plot(model: Forecaster, held_out: Windows, path: Path) -> None:
    """The held-out year, measured and forecast, and how far off the forecasts were."""
    forecast = model.predict(held_out.days)
    figure = require("matplotlib.figure", extra="models").Figure((10, 4.5), layout="constrained")
    year, errors = figure.subplots(1, 2, width_ratios=(3, 1))
    year.plot(held_out.date, held_out.tomorrow, color="0.6", lw=3, label="measured")
    year.plot(held_out.date, forecast, color="C3", lw=1, label="forecast the day before")
    year.set_ylabel("maximum temperature, °C")
    year.legend(frameon=False)
    bins = np.arange(-12.5, 13)
    for label, guess, color in (
        ("same as today", held_out.today, "0.6"), ("forecast", forecast, "C3")
    ):  # fmt: skip
        errors.hist(guess - held_out.tomorrow, bins, histtype="step", lw=2, color=color,
                    label=f"{label}\n(RMSE {rmse(guess, held_out.tomorrow):.2f} °C)")  # fmt: skip
    errors.set(xlabel="forecast − measured, °C", ylabel="days")
    errors.margins(y=0.35)  # room for the legend
    errors.legend(frameon=False, fontsize="small")
    figure.savefig(path)


def check_picture(path: Path) -> None:
    """Refuse, before any training, a picture that could not be written.

    Raises:
        ImportError, OSError, ValueError: no matplotlib; no such folder; unknown ending.
    """
    known = require("matplotlib.figure", extra="models").Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise ValueError(f"{path}: unknown ending, expected one of {', '.join(known)}")
    check_writable(path)


# Command line


class _OneLine(click.Command):
    """Wrong options get one line; click would print the usage before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = None
            raise


class _BadInput(click.ClickException):
    exit_code = 2


@click.command(cls=_OneLine, context_settings={"show_default": True})
@click.option("--cell", type=click.Choice(list(CELLS)), default="lstm",
              help="What remembers: rnn has one tanh layer; lstm and gru have gates that choose "
              "what to keep.")  # fmt: skip
@click.option("--window", type=click.IntRange(1), default=14, metavar="DAYS",
              help="How many days the network sees before it must speak.")  # fmt: skip
@click.option("--hidden", type=click.IntRange(1), default=16, metavar="N",
              help="Width of the hidden state: how much it can keep in mind.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), default=30, metavar="N",
              help="How often it goes through the training years. Too few and it has not "
              "learned; too many and it learns those years by heart.")  # fmt: skip
@click.option("--lr", type=click.FloatRange(0, min_open=True), default=3e-3, metavar="RATE",
              help="Length of Adam's first steps; they shrink to nothing by the end.")  # fmt: skip
@click.option("--batch", type=click.IntRange(1), default=32, metavar="N",
              help="Windows per step. Smaller: more steps, each a rougher guess of the "
              "gradient.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N",
              help="Start of all random choices: the same seed gives the same result.")  # fmt: skip
@click.option("--csv", type=click.Path(path_type=Path), metavar="PATH", show_default=False,
              help="Weather of another place: a CSV file with the columns date, precipitation, "
              "temp_max, temp_min, wind, weather, one row per day. By default Seattle, "
              "2012 to 2015, which comes with minigrad.")  # fmt: skip
@click.option("--plot", "picture", type=click.Path(path_type=Path), metavar="FILE",
              show_default=False,
              help="Draw the held-out year into this file (.png, .svg, .pdf).")  # fmt: skip
def main(
    cell: str, window: int, hidden: int, epochs: int, lr: float, batch: int, seed: int,
    csv: Path | None, picture: Path | None,
) -> None:  # fmt: skip
    """Forecast tomorrow's maximum temperature with a recurrent network.

    It trains on all years but the last, then forecasts each day of the last year from the days
    before it, and prints the error (root mean square, °C) beside that of two forecasts that
    need no network: "same as today", and climatology, what is usual at that time of the year.
    A network that does not beat both has learned nothing worth having.
    """
    try:
        if not math.isfinite(lr):
            raise ValueError(f"--lr {lr}: expected a finite number")
        if picture is not None:
            check_picture(picture)
        known, held_out = split(windows(seattle_weather(csv), window))
    except OSError as error:
        raise _BadInput(f"{error.filename}: {error.strerror}") from error
    except (ImportError, ValueError) as error:
        raise _BadInput(str(error)) from error
    rng = np.random.default_rng(seed)
    model = Forecaster(known, cell, hidden, rng)
    console = Console(stderr=True)
    train(
        model, known, epochs=epochs, lr=lr, batch=batch, rng=rng,
        progress=lambda steps: track(
            steps, f"{cell}, {len(known)} windows", console=console, transient=True,
            disable=not console.is_terminal,
        ),
    )  # fmt: skip
    scores = {
        cell: model.predict(held_out.days),
        "same as today": held_out.today,
        "climatology": climatology(known, held_out.date),
    }
    ours, same, usual = (
        f"{name} {rmse(forecast, held_out.tomorrow):.2f} °C" for name, forecast in scores.items()
    )
    click.echo(f"trained on {known.date[0]} to {known.date[-1]}, "
               f"held out {held_out.date[0]} to {held_out.date[-1]}")  # fmt: skip
    click.echo(f"held-out error (RMSE): {ours}, {same}")
    click.echo(f"what is usual at that time of the year: {usual}")
    if picture is not None:
        plot(model, held_out, picture)
        click.echo(f"picture: {picture}")


if __name__ == "__main__":
    main()
