"""A whole process that only imports: what a command line or a first cell waits for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.benchmarks.measuring import Line, Target

NAME = "import"
MODULES = {
    "minigrad": "minigrad",
    "PyTorch": "torch",
    "JAX jit": "jax",
    "autograd": "autograd.numpy",
    "NumPy": "numpy",
}


def lines(rounds: int) -> Iterator[Line]:
    there = {
        side: module
        for side, module in MODULES.items()
        if importlib.util.find_spec(module.partition(".")[0])
    }
    seconds: dict[str, list[float]] = {side: [] for side in there}
    for number in range(rounds + 1):  # the first fills the disk's cache and is not counted
        for side, module in there.items():
            taken = _seconds(f"import {module}")
            if number:
                seconds[side].append(taken)
    line = Line(NAME, seconds)
    line.targets = [Target("÷ NumPy", 2.5, line.ratios["NumPy"])]
    return [line]


def _seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start
