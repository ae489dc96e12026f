"""Sixty small operations and back: what recording costs where the arithmetic costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from tests.benchmarks.measuring import Line, Work, compare

NAME = "small ops"
STEPS = 20

rng = np.random.default_rng(0)
X, A, B = 0.1 * rng.standard_normal((3, 8, 8)).astype(np.float32)
B += 1  # near 1, so that the gradient neither dies nor grows on its way


def in_minigrad(backend: str = "") -> Work:
    """Recorded anew each time, or compiled for a backend."""
    import minigrad as mg
    from minigrad import compile

    def loss(x: mg.Tensor, a: mg.Tensor, b: mg.Tensor) -> mg.Tensor:
        for _ in range(STEPS):
            x = np.tanh(x * b + a)
        return x.sum()

    def recorded() -> np.ndarray:
        x, a, b = (mg.Tensor(array, requires_grad=True) for array in (X, A, B))
        loss(x, a, b).backward()
        return b.grad

    gradient = mg.jit(mg.grad(loss, argnums=(0, 1, 2)))

    def compiled() -> np.ndarray:
        with compile.backend(backend):
            return gradient(X, A, B)[2]

    return compiled if backend else recorded


def in_torch() -> Work:
    import torch

    torch.set_num_threads(2)

    def work() -> torch.Tensor:
        a = torch.from_numpy(A).requires_grad_()
        b = torch.from_numpy(B).requires_grad_()
        x = torch.from_numpy(X).requires_grad_()
        y = x
        for _ in range(STEPS):
            y = torch.tanh(y * b + a)
        y.sum().backward()
        return b.grad

    return work


def in_jax() -> Work:
    import jax
    import jax.numpy as jnp

    def loss(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
        for _ in range(STEPS):
            x = jnp.tanh(x * b + a)
        return x.sum()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    return lambda: jax.block_until_ready(gradient(X, A, B))[2]


def in_autograd() -> Work:
    import autograd
    import autograd.numpy as anp

    def loss(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        for _ in range(STEPS):
            x = anp.tanh(x * b + a)
        return anp.sum(x)

    gradient = autograd.grad(loss, (0, 1, 2))
    return lambda: gradient(X, A, B)[2]


def by_hand() -> Work:
    def work() -> np.ndarray:
        y, tape = X, []
        for _ in range(STEPS):
            x, y = y, np.tanh(y * B + A)
            tape.append((x, y))
        y.sum()
        g, g_a, g_b = np.ones_like(y), np.zeros_like(A), np.zeros_like(B)
        for x, y in reversed(tape):
            g = g * (1 - y * y)
            g_a = g_a + g
            g_b = g_b + g * x
            g = g * B
        return g_b

    return work


SIDES = {
    "minigrad": in_minigrad,
    "PyTorch": in_torch,
    "JAX jit": in_jax,
    "autograd": in_autograd,
    "NumPy": by_hand,
}


def lines(rounds: int) -> Iterator[Line]:
    yield compare(NAME, SIDES, {"PyTorch": 0.5, "autograd": 0.3}, rounds)
    for backend, limits in (
        ("numpy", {"PyTorch": 0.25}),
        ("numba", {"PyTorch": 0.1, "JAX jit": 1.0}),
    ):
        sides = {**SIDES, "minigrad": partial(in_minigrad, backend)}
        yield compare(f"{NAME}, jit, {backend}", sides, limits, rounds)
