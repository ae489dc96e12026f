"""One training step of a small GPT: forward, backward, Adam; PyTorch with its fused attention."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from tests.benchmarks.measuring import Line, Work, compare

NAME = "GPT step"
VOCABULARY = 65
SIZES = ((8, 64, 64, 4, 2), (16, 64, 128, 4, 4), (8, 256, 128, 4, 4))
"""Batch, time, width, heads, layers."""

RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8


def batches(size: tuple[int, ...]) -> Any:
    rng = np.random.default_rng(0)
    return cycle([rng.integers(0, VOCABULARY, (size[0], size[1] + 1)) for _ in range(8)])


def in_minigrad(size: tuple[int, ...]) -> Work:
    from minigrad import nn
    from minigrad.optim import Adam

    _, time, width, heads, layers = size

    class Gpt(nn.Module):
        def __init__(self) -> None:
            self.tokens = nn.Embedding(VOCABULARY, width, rng=0)
            self.positions = nn.LearnedPositionalEncoding(time, width, rng=0)
            self.body = nn.TransformerEncoder(
                width, heads, layers, dim_feedforward=4 * width, dropout=0.0,
                activation="gelu", norm_first=True, rng=0,
            )  # fmt: skip
            self.head = nn.Linear(width, VOCABULARY, bias=False, rng=0)

        def forward(self, tokens: np.ndarray) -> Any:
            return self.head(self.body(self.positions(self.tokens(tokens)), is_causal=True))

    model = Gpt()
    optimizer = Adam(model.parameters(), RATE, BETAS, EPS)
    data = batches(size)

    def work() -> float:
        tokens = next(data)
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        loss.backward()
        optimizer.step()
        return loss.data

    return work


def in_torch(size: tuple[int, ...]) -> Work:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(2)
    _, time, width, heads, layers = size

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            b, t, _ = x.shape
            q, k, v = (
                y.view(b, t, heads, -1).transpose(1, 2)
                for y in self.qkv(self.norm1(x)).split(width, dim=2)
            )
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(b, t, width))
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class Gpt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(VOCABULARY, width), nn.Embedding(time, width)
            self.body = nn.Sequential(*[Block() for _ in range(layers)], nn.LayerNorm(width))
            self.head = nn.Linear(width, VOCABULARY, bias=False)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            return self.head(self.body(x))

    model = Gpt()
    optimizer = torch.optim.Adam(model.parameters(), RATE, BETAS, EPS)
    data = batches(size)

    def work() -> torch.Tensor:
        tokens = torch.from_numpy(next(data))
        optimizer.zero_grad()
        logits = model(tokens[:, :-1])
        loss = functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return work


def lines(rounds: int) -> Iterator[Line]:
    for size in SIZES:
        sides = {
            "minigrad": partial(in_minigrad, size),
            "PyTorch": partial(in_torch, size),
        }
        yield compare(f"{NAME} {' '.join(map(str, size))}", sides, {"PyTorch": 1.0}, rounds)
