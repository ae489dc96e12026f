"""Real numbers for the numeric judge: windows of the bundled weather series."""

from __future__ import annotations

import numpy as np

from minigrad.datasets import seattle_weather


def weather_window(batch: int, steps: int) -> np.ndarray:
    """Days of Seattle's weather, each column scaled to mean 0 and deviation 1.

    Returns:
        (batch, steps, 4): highest and lowest temperature, precipitation, wind; consecutive
        windows from the start of the series.
    """
    weather = seattle_weather()
    columns = (weather.temp_max, weather.temp_min, weather.precipitation, weather.wind)
    days = np.stack(columns, axis=-1)[: batch * steps]
    scaled = (days - days.mean(axis=0)) / days.std(axis=0)
    return scaled.reshape(batch, steps, len(columns))
