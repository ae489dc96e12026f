"""Series to forecast: windows of weather, and of balls that bounce in a box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.datasets import Days, seattle_weather
from minigrad.nn import Seed

COLUMNS = ("temp_max", "temp_min", "precipitation", "wind")
"""What is known of each day in Seattle, beside the season; the first is what is forecast."""


@dataclass(frozen=True)
class Windows:
    """Runs of consecutive steps, each with the steps that followed.

    Attributes:
        seen: (windows, length, columns); the first columns are what is forecast.
        following: (windows, ahead, targets), what came.
        exogenous: (windows, ahead, …), what is known beforehand of the steps that follow.
        when: (windows, ahead), their dates, or their numbers.
    """

    seen: np.ndarray
    following: np.ndarray
    exogenous: np.ndarray
    when: np.ndarray

    @property
    def persistence(self) -> np.ndarray:
        """(windows, ahead, targets): everything stays as it was last seen."""
        last = self.seen[:, -1:, : self.following.shape[-1]]
        return np.broadcast_to(last, self.following.shape)

    def __len__(self) -> int:
        return len(self.when)

    def __getitem__(self, which: Any) -> Windows:
        return Windows(
            self.seen[which], self.following[which], self.exogenous[which], self.when[which]
        )


# Weather


def season(date: np.ndarray) -> np.ndarray:
    """Where in the year each date lies, as an angle: 0 on the first of January."""
    return 2 * np.pi * (date - date.astype("datetime64[Y]")).astype(float) / 365.25


def seattle() -> Days:
    """The bundled weather, in °C, mm and m/s, see ``COLUMNS``."""
    weather = seattle_weather()
    found = np.stack([getattr(weather, name) for name in COLUMNS], axis=-1)
    return Days(weather.date, COLUMNS, found)


def columns(days: Days) -> np.ndarray:
    """(days, columns): what is known of each day, then sine and cosine of the season."""
    return np.concatenate([days.values, _calendar(days.date)], axis=-1).astype(np.float32)


def latest(days: Days, length: int, ahead: int) -> Windows:
    """The one window that ends with the last day; what follows it is unknown, NaN.

    Raises:
        ValueError: there are fewer days than a window has.
    """
    if len(days) < length:
        raise ValueError(f"{len(days)} days, too few for a window of {length}")
    seen = columns(days)[None, -length:]
    when = days.date[-1] + np.arange(1, ahead + 1)[None]
    return Windows(seen, np.full((1, ahead, 1), np.nan, np.float32), _calendar(when), when)


def windows(days: Days, length: int, ahead: int = 1) -> Windows:
    """Every run of ``length`` days that ``ahead`` further days follow.

    Raises:
        ValueError: ``length`` or ``ahead`` is not positive, or no such run is there.
    """
    if length < 1 or ahead < 1:
        raise ValueError(f"windows of {length} days and {ahead} ahead, expected at least 1 of each")
    if len(days) < length + ahead:
        raise ValueError(
            f"{len(days)} days, too few for a window of {length} and the {ahead} that follow it"
        )
    known = columns(days)
    seen = np.lib.stride_tricks.sliding_window_view(known[:-ahead], length, axis=0)
    after = np.lib.stride_tricks.sliding_window_view(np.arange(length, len(days)), ahead)
    when = days.date[after]
    return Windows(seen.swapaxes(1, 2), known[after][..., :1], _calendar(when), when)


def _calendar(when: np.ndarray) -> np.ndarray:
    angle = season(when)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).astype(np.float32)


def split(every: Windows) -> tuple[Windows, Windows]:
    """Train on the first years, hold out the last: windows by the days that they forecast.

    A window whose days to forecast lie on both sides is in neither.

    Raises:
        ValueError: there is no year to train on before the last one.
    """
    first = every.when[-1, -1] - np.timedelta64(364, "D")
    known, held_out = (every.when < first).all(1), (every.when >= first).all(1)
    if known.sum() < 365:
        raise ValueError(
            f"{len(every)} windows of {every.seen.shape[1]} days, too few: the last "
            "year of 365 is held out, and at least one more is needed to train on"
        )
    return every[known], every[held_out]


def climatology(known: Windows, when: np.ndarray) -> np.ndarray:
    """What is usual then: the mean of the known days within a week of that day of the year.

    Args:
        known: windows to learn from.
        when: dates (…).

    Returns:
        (…, 1), °C.
    """
    date, first = np.unique(known.when, return_index=True)
    value = known.following.reshape(-1)[first]
    apart = season(when)[..., None] - season(date)
    near = np.cos(apart) >= np.cos(2 * np.pi * 7.5 / 365.25)
    return (near @ value / near.sum(-1))[..., None]


def ridge(known: Windows, held_out: Windows, penalty: float = 1.0) -> np.ndarray:
    """The change from now as an affine map of all that is seen (Hoerl & Kennard 1970).

    Args:
        known: windows to learn from.
        held_out: windows to forecast.
        penalty: λ, on the squared weights of standardised columns.

    Returns:
        (windows, ahead, targets).
    """

    def flat(given: Windows) -> np.ndarray:
        parts = (given.seen.astype(float), given.exogenous.astype(float))
        return np.concatenate([part.reshape(len(given), -1) for part in parts], axis=1)

    x = flat(known)
    mean, spread = x.mean(0), x.std(0)
    spread[spread == 0] = 1
    x = (x - mean) / spread
    change = (known.following - known.persistence).reshape(len(known), -1).astype(float)
    usual = change.mean(0)
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (change - usual))
    found = (flat(held_out) - mean) / spread @ weights + usual
    return held_out.persistence + found.reshape(held_out.following.shape)


# Balls

GRAVITY, RESTITUTION, STEP = 9.81, 0.9, 0.05
"""m/s²; speed kept when it bounces off the floor; seconds from one picture to the next."""


def balls(count: int, length: int, ahead: int, rng: Seed = None, *, parts: int = 20) -> Windows:
    """Balls thrown into a box one metre wide, each seen for ``length`` steps.

    They lose a tenth of their vertical speed at the floor and nothing at the walls; the box has
    no lid. Between two pictures the motion is integrated in ``parts`` (semi-implicit Euler).

    Returns:
        Windows whose columns are across and up, in metres.
    """
    rng = np.random.default_rng(rng)
    across, up = rng.uniform(0, 1, count), rng.uniform(0.1, 1, count)
    sideways, rising = rng.uniform(-1, 1, count), rng.uniform(-2, 2, count)
    pictures, dt = [], STEP / parts
    for _ in range(length + ahead):
        pictures.append(np.stack([across, up], axis=-1))
        for _ in range(parts):
            rising = rising - GRAVITY * dt
            across, up = across + sideways * dt, up + rising * dt
            wall, floor = (across < 0) | (across > 1), up < 0
            across = np.where(wall, np.clip(across, 0, 1) * 2 - across, across)
            sideways = np.where(wall, -sideways, sideways)
            up, rising = (np.where(floor, -RESTITUTION * x, x) for x in (up, rising))
    path = np.stack(pictures, axis=1).astype(np.float32)
    number = np.broadcast_to(np.arange(1, ahead + 1), (count, ahead))
    exogenous = np.ones((count, ahead, 1), np.float32)  # nothing is known beforehand
    return Windows(path[:, :length], path[:, length:], exogenous, number)


def free_flight(seen: np.ndarray, ahead: int) -> np.ndarray:
    """Where thrown things go if nothing is in the way: the parabola through the last three.

    Args:
        seen: (balls, at least 3, 2).
        ahead: steps.
    """
    first, second, last = (seen[:, None, k] for k in (-3, -2, -1))
    k = np.arange(1, ahead + 1)[:, None]
    return last + k * (last - second) + k * (k + 1) / 2 * (last - 2 * second + first)
