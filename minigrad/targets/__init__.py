"""Targets: what `verify`, `derive`, `graph` and `compile` are pointed at."""

from minigrad.targets.layers import weather_window
from minigrad.targets.names import LAYERS, builtin, resolve, target_of
from minigrad.targets.parts import PARTS, Part
from minigrad.targets.problem import JUDGES, Judge, Problem
from minigrad.targets.target import FileTarget, Recording, Target, TargetError

__all__ = [
    "JUDGES",
    "LAYERS",
    "PARTS",
    "FileTarget",
    "Judge",
    "Part",
    "Problem",
    "Recording",
    "Target",
    "TargetError",
    "builtin",
    "resolve",
    "target_of",
    "weather_window",
]
