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


def case(
    name: str,
    make: Callable[..., Any],
    x: np.ndarray,
    outputs: tuple[str, ...] = ("y",),
    times: int = 1,
    precisions: tuple[str, ...] = ("float64", "float32"),
) -> None:
    """A layer on ``x``, given so many times, in each precision."""
    weights: Arrays = {}
    cotangents: Arrays = {}
    for precision in precisions:
        layer = make(dtype=precision)
        given = torch.tensor(x.astype(precision) if x.dtype.kind == "f" else x)
        given.requires_grad_(x.dtype.kind == "f")
        layer.build(*[tuple(x.shape)] * times)
        names = {
            variable.path: variable.path.partition("/")[2].replace("/", ".")
            for variable in layer.weights
        }
        for variable in layer.weights:
            key = variable.name if len(names) < 5 else names[variable.path]
            values = 0.5 * normal(*variable.shape)
            weights.setdefault(key, abs(values) if "variance" in key else values)
            variable.assign(weights[key])
        result = layer(*[given] * times)
        result = result if isinstance(result, list | tuple) else (result,)
        total = torch.zeros((), dtype=given.dtype if x.dtype.kind == "f" else result[0].dtype)
        for key, output in zip(outputs, result, strict=True):
            cotangents.setdefault(key, normal(*output.shape))
            total = total + (output * torch.tensor(cotangents[key], dtype=output.dtype)).sum()
            arrays[f"{name}/{precision}/outputs/{key}"] = output.detach().numpy()
        leaves = {
            variable.name if len(names) < 5 else names[variable.path]: variable.value
            for variable in layer.trainable_weights
        }
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
    once = {"precisions": ("float64",)}
    images = normal(1, 4, 3, 2)
    case("conv1d", lambda **o: layers.Conv1D(3, 2, strides=2, **o), x, **once)
    case("conv2d", lambda **o: layers.Conv2D(3, (2, 1), **o), images, **once)
    case("conv2dtranspose", lambda **o: layers.Conv2DTranspose(3, 2, 2, **o), images, **once)
    case("batchnorm", lambda **o: layers.BatchNormalization(epsilon=1e-5, **o), x, **once)
    case("layernorm", lambda **o: layers.LayerNormalization(epsilon=1e-5, **o), x, **once)
    case("groupnorm", lambda **o: layers.GroupNormalization(2, epsilon=1e-5, **o), images, **once)
    attention = lambda **o: layers.MultiHeadAttention(2, 3, **o)  # noqa: E731
    case("heads", attention, normal(2, 4, 6), times=2, **once)
    case("bidirectional",
         lambda **o: layers.Bidirectional(layers.LSTM(3, return_sequences=True, **o), **o), x,
         **once)  # fmt: skip
    np.savez_compressed(PATH, **arrays)
    model = keras.Sequential([
        layers.Embedding(5, 3), layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
        layers.Dense(2), layers.Dropout(0.1), layers.Dense(1),
    ])  # fmt: skip
    model.build((1, 4))
    model.save_weights(PATH.with_name("keras.weights.h5"))
    print(f"{PATH.name}: {len(arrays)} arrays, {PATH.stat().st_size} bytes")
