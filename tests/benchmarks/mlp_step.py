"""One training step of a perceptron on a batch of digits: forward, backward, Adam."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import cycle, pairwise

import numpy as np

from tests.benchmarks.measuring import Line, Work, compare

NAME = "MLP step"
BATCHES, BATCH, SIZES = 32, 128, (784, 256, 256, 10)
RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8

rng = np.random.default_rng(0)
# Several batches: one alone is soon learned by heart.
IMAGES = rng.random((BATCHES, BATCH, SIZES[0]), dtype=np.float32)
LABELS = rng.integers(0, SIZES[-1], (BATCHES, BATCH))
ROWS = np.arange(BATCH)
WEIGHTS = [(rng.uniform(-1, 1, (n, m)) / m**0.5).astype(np.float32) for m, n in pairwise(SIZES)]
BIASES = [np.zeros(n, np.float32) for n in SIZES[1:]]


def in_minigrad(*, compiled: bool = False) -> Work:
    import minigrad as mg
    from minigrad import nn
    from minigrad.optim import Adam

    class Perceptron(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Linear(m, n) for m, n in pairwise(SIZES)]

        def forward(self, x: np.ndarray) -> mg.Tensor:
            *hidden, last = self.layers
            for layer in hidden:
                x = mg.relu(layer(x))
            return last(x)

    model = Perceptron()
    for layer, weight, bias in zip(model.layers, WEIGHTS, BIASES, strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})
    optimizer = Adam(model.parameters(), RATE, BETAS, EPS)
    batches = cycle(zip(IMAGES, LABELS, strict=True))

    def step(images: np.ndarray, labels: np.ndarray) -> mg.Tensor:
        optimizer.zero_grad()
        loss = -mg.log_softmax(model(images), axis=-1)[ROWS, labels].mean()
        loss.backward()
        optimizer.step()
        return loss

    run = mg.jit(step) if compiled else step
    return lambda: run(*next(batches)).data


def in_torch(*, compiled: bool = False) -> Work:
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(2)
    model = nn.Sequential(
        nn.Linear(SIZES[0], SIZES[1]), nn.ReLU(),
        nn.Linear(SIZES[1], SIZES[2]), nn.ReLU(),
        nn.Linear(SIZES[2], SIZES[3]),
    )  # fmt: skip
    with torch.no_grad():
        for layer, weight, bias in zip(model[::2], WEIGHTS, BIASES, strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
    optimizer = torch.optim.Adam(model.parameters(), RATE, BETAS, EPS)
    run = torch.compile(model) if compiled else model
    batches = cycle(zip(torch.from_numpy(IMAGES), torch.from_numpy(LABELS), strict=True))

    def work() -> torch.Tensor:
        images, labels = next(batches)
        optimizer.zero_grad()
        loss = cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return work


def in_jax() -> Work:
    import jax
    import jax.numpy as jnp

    def loss(
        parameters: list[tuple[jax.Array, jax.Array]], x: jax.Array, labels: jax.Array
    ) -> jax.Array:
        *hidden, (weight, bias) = parameters
        for w, b in hidden:
            x = jax.nn.relu(x @ w.T + b)
        logits = x @ weight.T + bias
        return -jax.nn.log_softmax(logits)[ROWS, labels].mean()

    @jax.jit
    def step(state: tuple, number: float, images: jax.Array, labels: jax.Array) -> tuple:
        parameters, first, second = state
        value, g = jax.value_and_grad(loss)(parameters, images, labels)
        beta1, beta2 = BETAS
        first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, g)
        second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, g)
        rate, scale = RATE / (1 - beta1**number), 1 / (1 - beta2**number)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(scale * v) + EPS), parameters, first, second
        )
        return value, (parameters, first, second)

    batches = cycle(list(zip(map(jnp.asarray, IMAGES), map(jnp.asarray, LABELS), strict=True)))
    parameters = [(jnp.asarray(w), jnp.asarray(b)) for w, b in zip(WEIGHTS, BIASES, strict=True)]
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state, number = (parameters, zeros, zeros), 0

    def work() -> jax.Array:
        nonlocal state, number
        number += 1
        value, state = jax.block_until_ready(step(state, float(number), *next(batches)))
        return value

    return work


def in_autograd() -> Work:
    import autograd
    import autograd.numpy as anp

    def loss(parameters: list[np.ndarray], x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        for k in range(0, len(parameters) - 2, 2):
            x = anp.maximum(anp.dot(x, parameters[k].T) + parameters[k + 1], 0)
        logits = anp.dot(x, parameters[-2].T) + parameters[-1]
        logits = logits - anp.max(logits, axis=1, keepdims=True)
        logs = logits - anp.log(anp.sum(anp.exp(logits), axis=1, keepdims=True))
        return -anp.mean(logs[ROWS, labels])

    value_and_gradient = autograd.value_and_grad(loss)
    batches = cycle(zip(IMAGES, LABELS, strict=True))
    parameters = [p.copy() for pair in zip(WEIGHTS, BIASES, strict=True) for p in pair]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    number = 0

    def work() -> float:
        nonlocal number
        number += 1
        value, gradients = value_and_gradient(parameters, *next(batches))
        beta1, beta2 = BETAS
        rate, scale = RATE / (1 - beta1**number), 1 / (1 - beta2**number)
        for p, m, v, g in zip(parameters, first, second, gradients, strict=True):
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g * g - v)
            p -= rate * m / (np.sqrt(scale * v) + EPS)
        return value

    return work


SIDES = {
    "minigrad": in_minigrad,
    "PyTorch": in_torch,
    "JAX jit": in_jax,
    "autograd": in_autograd,
}


def lines(rounds: int) -> Iterator[Line]:
    yield compare(NAME, SIDES, {"PyTorch": 1.0}, rounds)
    sides = {**SIDES, "minigrad": partial(in_minigrad, compiled=True),
             "torch.compile": partial(in_torch, compiled=True)}  # fmt: skip
    yield compare(f"{NAME}, jit", sides, {"PyTorch": 0.6, "JAX jit": 1.0}, rounds)
