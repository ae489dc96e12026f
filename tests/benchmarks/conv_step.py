"""One training step of a small convolutional network on a batch of digits, with Adam."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import cycle

import numpy as np

from tests.benchmarks.measuring import Line, Work, compare

NAME = "conv step"
BATCHES, BATCH, SIDE = 16, 32, 28
RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8
FLAT = 16 * (SIDE // 4) ** 2

rng = np.random.default_rng(0)
IMAGES = rng.random((BATCHES, BATCH, 1, SIDE, SIDE), dtype=np.float32)
LABELS = rng.integers(0, 10, (BATCHES, BATCH))
ROWS = np.arange(BATCH)
SHAPES = ((8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (10, FLAT), (10,))
PARAMETERS = [
    (rng.uniform(-1, 1, shape) / np.prod(shape[1:]) ** 0.5).astype(np.float32) for shape in SHAPES
]


def in_minigrad(*, compiled: bool = False) -> Work:
    import minigrad as mg
    from minigrad.optim import Adam

    parameters = [mg.Parameter(p.copy()) for p in PARAMETERS]
    optimizer = Adam(parameters, RATE, BETAS, EPS)
    batches = cycle(zip(IMAGES, LABELS, strict=True))

    def step(images: np.ndarray, labels: np.ndarray) -> mg.Tensor:
        first, b1, second, b2, last, b3 = parameters
        optimizer.zero_grad()
        x = mg.max_pool2d(mg.relu(mg.conv2d(images, first, b1, padding=1)), 2)
        x = mg.max_pool2d(mg.relu(mg.conv2d(x, second, b2, padding=1)), 2)
        logits = x.reshape(BATCH, FLAT) @ last.T + b3
        loss = -mg.log_softmax(logits, axis=-1)[ROWS, labels].mean()
        loss.backward()
        optimizer.step()
        return loss

    run = mg.jit(step) if compiled else step
    return lambda: run(*next(batches)).data


def in_torch(*, compiled: bool = False) -> Work:
    import torch
    from torch.nn.functional import conv2d, cross_entropy, max_pool2d, relu

    torch.set_num_threads(2)
    parameters = [torch.from_numpy(p.copy()).requires_grad_() for p in PARAMETERS]
    optimizer = torch.optim.Adam(parameters, RATE, BETAS, EPS)
    batches = cycle(zip(torch.from_numpy(IMAGES), torch.from_numpy(LABELS), strict=True))

    def forward(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        first, b1, second, b2, last, b3 = parameters
        x = max_pool2d(relu(conv2d(images, first, b1, padding=1)), 2)
        x = max_pool2d(relu(conv2d(x, second, b2, padding=1)), 2)
        return cross_entropy(x.reshape(BATCH, FLAT) @ last.T + b3, labels)

    run = torch.compile(forward) if compiled else forward

    def work() -> torch.Tensor:
        images, labels = next(batches)
        optimizer.zero_grad()
        loss = run(images, labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return work


SIDES = {"minigrad": in_minigrad, "PyTorch": in_torch}


def lines(rounds: int) -> Iterator[Line]:
    yield compare(NAME, SIDES, {"PyTorch": 1.0}, rounds)
    sides = {**SIDES, "minigrad": partial(in_minigrad, compiled=True),
             "torch.compile": partial(in_torch, compiled=True)}  # fmt: skip
    yield compare(f"{NAME}, jit", sides, {"PyTorch": 1.0}, rounds)
