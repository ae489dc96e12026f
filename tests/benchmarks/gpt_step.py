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


def weights(size: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The same for every side, by PyTorch's names."""
    _, time, width, _, layers = size
    shapes: dict[str, tuple[int, ...]] = {
        "tokens.weight": (VOCABULARY, width), "positions.weight": (time, width),
        "body.norm.weight": (width,), "head.weight": (VOCABULARY, width),
    }  # fmt: skip
    for k in range(layers):
        shapes |= {
            f"body.layers.{k}.{name}": shape
            for name, shape in {
                "self_attn.in_proj_weight": (3 * width, width),
                "self_attn.out_proj.weight": (width, width),
                "linear1.weight": (4 * width, width), "linear2.weight": (width, 4 * width),
                "norm1.weight": (width,), "norm2.weight": (width,),
            }.items()
        }  # fmt: skip
    rng = np.random.default_rng(0)
    found = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            found[name] = np.ones(shape, np.float32)
        else:
            found[name] = rng.normal(0, 0.05, shape).astype(np.float32)
        if name.startswith("body."):
            bias = name.removesuffix("weight") + "bias"
            found[bias] = np.zeros(shape[0], np.float32)
    return found


def in_minigrad(size: tuple[int, ...], *, compiled: bool = False) -> Work:
    import minigrad as mg
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
    model.load_state_dict(weights(size))
    optimizer = Adam(model.parameters(), RATE, BETAS, EPS)
    data = batches(size)

    def step(tokens: np.ndarray) -> mg.Tensor:
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        loss.backward()
        optimizer.step()
        return loss

    run = mg.jit(step) if compiled else step
    return lambda: run(next(data)).data


def torch_gpt(vocabulary: int, time: int, width: int, heads: int, layers: int) -> Any:
    """The model in PyTorch, its parameters named as here."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
            self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
            self.out_proj = nn.Linear(width, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            b, t, _ = x.shape
            q, k, v = (
                y.view(b, t, heads, -1).transpose(1, 2)
                for y in functional.linear(x, self.in_proj_weight, self.in_proj_bias)
                .split(width, dim=2)
            )  # fmt: skip
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out_proj(y.transpose(1, 2).reshape(b, t, width))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.self_attn = Attention()
            self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + self.self_attn(self.norm1(x))
            return x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))

    class Body(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([Block() for _ in range(layers)])
            self.norm = nn.LayerNorm(width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x)
            return self.norm(x)

    class Gpt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(time, width)
            self.body = Body()
            self.head = nn.Linear(width, vocabulary, bias=False)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            return self.head(self.body(x))

    return Gpt()


def in_torch(size: tuple[int, ...], *, compiled: bool = False) -> Work:
    import torch
    from torch.nn import functional

    torch.set_num_threads(2)
    model = torch_gpt(VOCABULARY, *size[1:])
    model.load_state_dict({name: torch.from_numpy(a) for name, a in weights(size).items()})
    optimizer = torch.optim.Adam(model.parameters(), RATE, BETAS, EPS)
    data = batches(size)
    run = torch.compile(model) if compiled else model

    def work() -> torch.Tensor:
        tokens = torch.from_numpy(next(data))
        optimizer.zero_grad()
        logits = run(tokens[:, :-1])
        loss = functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return work


def in_jax(size: tuple[int, ...]) -> Work:
    import jax
    import jax.numpy as jnp

    batch, time, width, heads, layers = size
    seen = jnp.tril(jnp.ones((time, time), bool))

    def norm(p: Any, name: str, x: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / jnp.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
        return scaled * p[f"{name}.weight"] + p[f"{name}.bias"]

    def affine(p: Any, name: str, x: Any) -> Any:
        mark = "_" if name.endswith("in_proj") else "."
        return x @ p[f"{name}{mark}weight"].T + p[f"{name}{mark}bias"]

    def loss(p: Any, tokens: Any) -> Any:
        x = p["tokens.weight"][tokens[:, :-1]] + p["positions.weight"]
        for k in range(layers):
            at = f"body.layers.{k}"
            joint = affine(p, f"{at}.self_attn.in_proj", norm(p, f"{at}.norm1", x))
            q, key, v = (
                y.reshape(batch, time, heads, -1).swapaxes(1, 2) for y in jnp.split(joint, 3, -1)
            )
            scores = q @ key.swapaxes(-1, -2) / (width // heads) ** 0.5
            y = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)) @ v
            y = y.swapaxes(1, 2).reshape(batch, time, width)
            x = x + affine(p, f"{at}.self_attn.out_proj", y)
            hidden = affine(p, f"{at}.linear1", norm(p, f"{at}.norm2", x))
            x = x + affine(p, f"{at}.linear2", jax.nn.gelu(hidden, approximate=False))
        logits = norm(p, "body.norm", x) @ p["head.weight"].T
        logs = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(logs, tokens[:, 1:, None], -1).mean()

    @jax.jit
    def step(state: Any, number: float, tokens: Any) -> Any:
        p, first, second = state
        value, g = jax.value_and_grad(loss)(p, tokens)
        beta1, beta2 = BETAS
        first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, g)
        second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, g)
        rate, scale = RATE / (1 - beta1**number), 1 / (1 - beta2**number)
        p = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(scale * v) + EPS), p, first, second
        )
        return value, (p, first, second)

    p = {name: jnp.asarray(array) for name, array in weights(size).items()}
    zeros = jax.tree.map(jnp.zeros_like, p)
    state, number, data = (p, zeros, zeros), 0, batches(size)

    def work() -> Any:
        nonlocal state, number
        number += 1
        value, state = jax.block_until_ready(step(state, float(number), jnp.asarray(next(data))))
        return value

    return work


def lines(rounds: int) -> Iterator[Line]:
    for size, limit in zip(SIZES, (0.8, 0.9, 0.9), strict=True):
        name = f"{NAME} {' '.join(map(str, size))}"
        sides = {"minigrad": partial(in_minigrad, size), "PyTorch": partial(in_torch, size)}
        yield compare(name, sides, {"PyTorch": 1.0}, rounds)
        sides["minigrad"] = partial(in_minigrad, size, compiled=True)
        sides["torch.compile"] = partial(in_torch, size, compiled=True)
        sides["JAX jit"] = partial(in_jax, size)
        yield compare(f"{name}, jit", sides, {"PyTorch": limit, "JAX jit": 1.0}, rounds)
        if size == SIZES[0]:
            yield compare(f"{name}, jit, beside another process", sides, {"PyTorch": limit}, rounds,
                          company=1)  # fmt: skip
