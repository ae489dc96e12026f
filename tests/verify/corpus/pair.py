"""What a pair of the corpus is: code as people write it, and an example to run it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Pair:
    """A forward pass and its gradients: backward(g, *inputs), or (g, cache) if it saves one."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    saves: bool = False

    @property
    def name(self) -> str:
        return self.forward.__name__


def reals(*shapes: tuple[int, ...], seed: int = 0) -> tuple[Any, ...]:
    """Arrays of normal numbers."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in shapes)
