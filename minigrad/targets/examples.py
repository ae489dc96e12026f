"""What a module that is made already can be called with: an example of its own width."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad import nn

_SIDE = 16  # of an image
_LONG = nn.MultiheadAttention, nn.Recurrent  # modules that read sequences


def examples_of(module: nn.Module, steps: int) -> Iterator[tuple[Any, ...]]:
    """Arguments that the module may take, the likeliest first; nothing if none are known.

    The first layer in it that knows its width says what it reads; all arguments are alike.
    """
    given = [
        p for p in inspect.signature(module.forward).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    for shape, kind in _first(module, steps):
        rng = np.random.default_rng(0)
        x: np.ndarray = rng.integers(0, 2, shape) if kind == "i" else rng.normal(size=shape)
        yield (x,) * max(len(given), 1)


def _first(module: nn.Module, steps: int) -> Iterator[tuple[tuple[int, ...], str]]:
    """Shapes of what the first layer that knows its width reads, and of which kind it is."""
    inside = list(module.modules())
    for layer in inside:
        weight = getattr(layer, "weight", None)
        shape: tuple[int, ...] = getattr(weight, "shape", ())
        if isinstance(layer, nn.Embedding):
            yield (1, steps), "i"
            yield (steps,), "i"
        elif isinstance(layer, nn.Recurrent | nn.MultiheadAttention):
            width = layer.cell.input_size if isinstance(layer, nn.Recurrent) else layer.embed_dim
            yield (1, steps, width), "f"
        elif isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            yield (1, shape[1] * layer.groups, *(_SIDE,) * (len(shape) - 2)), "f"
        elif isinstance(layer, nn.Cell):
            yield (1, layer.input_size), "f"
        elif isinstance(layer, nn.Linear):
            flat, long = (1, shape[1]), (1, steps, shape[1])
            reads = any(isinstance(m, _LONG) for m in inside)
            yield from ((s, "f") for s in ((long, flat) if reads else (flat, long)))
        elif isinstance(layer, nn.LayerNorm | nn.RMSNorm):
            yield (1, steps, *layer.normalized_shape), "f"
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and shape:
            yield (2, *shape, *((_SIDE, _SIDE) if isinstance(layer, nn.BatchNorm2d) else ())), "f"
        else:
            continue
        return
