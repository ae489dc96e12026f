"""Makes keras.npz with Keras 3 on PyTorch: ``python tests/references/make_keras.py``.

Weights are Keras' own packing: ``kernel``, ``recurrent_kernel``, ``bias``. Keras 3.15 made the
stored ones; neither the package nor its tests need it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes

dtypes.BIT64_TO_BIT32_DTYPE.pop("float64")  # else its products are rounded to float32, like JAX's

PATH = Path(__file__).with_name("keras.npz")
Arrays = dict[str, np.ndarray]
rng = np.random.default_rng(7)
arrays: Arrays = {}


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def case(name: str, make: Callable[..., Any], x: np.ndarray, outputs: tuple[str, ...]) -> None:
    """A layer on ``x``, in both precisions."""
    weights: Arrays = {}
    cotangents: Arrays = {}
    for precision in ("float64", "float32"):
        layer = make(dtype=precision)
        given = torch.tensor(x.astype(precision) if x.dtype.kind == "f" else x)
        given.requires_grad_(x.dtype.kind == "f")
        layer.build(tuple(x.shape))
        for variable in layer.trainable_weights:
            weights.setdefault(variable.name, 0.5 * normal(*variable.shape))
            variable.assign(weights[variable.name])
        result = layer(given)
        result = result if isinstance(result, list | tuple) else (result,)
        total = torch.zeros((), dtype=given.dtype if x.dtype.kind == "f" else result[0].dtype)
        for key, output in zip(outputs, result, strict=True):
            cotangents.setdefault(key, normal(*output.shape))
            total = total + (output * torch.tensor(cotangents[key], dtype=output.dtype)).sum()
            arrays[f"{name}/{precision}/outputs/{key}"] = output.detach().numpy()
        leaves = {variable.name: variable.value for variable in layer.trainable_weights}
        leaves |= {"x": given} if given.requires_grad else {}
        found = torch.autograd.grad(total, list(leaves.values()))
        for key, gradient in zip(leaves, found, strict=True):
            arrays[f"{name}/{precision}/gradients/{key}"] = gradient.numpy()
    for group, known in (("weights", weights), ("inputs", {"x": x}), ("cotangents", cotangents)):
        arrays.update({f"{name}/{group}/{key}": array for key, array in known.items()})


if __name__ == "__main__":
    layers = keras.layers
    both = {"return_sequences": True, "return_state": True}
    x = normal(2, 5, 3)
    case("simple_rnn", lambda **o: layers.SimpleRNN(4, **both, **o), x, ("y", "h"))
    case("lstm", lambda **o: layers.LSTM(4, **both, **o), x, ("y", "h", "c"))
    for after in (True, False):
        name = "gru-reset_after" if after else "gru-reset_before"
        case(name, lambda **o: layers.GRU(4, reset_after=after, **both, **o), x, ("y", "h"))  # noqa: B023
    case("embedding", lambda **o: layers.Embedding(6, 3, **o), np.array([[0, 4, 2], [5, 0, 2]]),
         ("y",))  # fmt: skip
    case("dense", lambda **o: layers.Dense(4, **o), x, ("y",))
    np.savez_compressed(PATH, **arrays)
    print(f"{PATH.name}: {len(arrays)} arrays, {PATH.stat().st_size} bytes")
