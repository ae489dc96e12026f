"""One small operation forward, recorded for a backward that is not asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.benchmarks.measuring import Line, Work, compare

NAME = "one op forward"
LIMITS = {"PyTorch": 0.5}

X, Y = np.random.default_rng(0).standard_normal((2, 8, 8)).astype(np.float32)


def tanh_in_minigrad() -> Work:
    import minigrad as mg

    x = mg.Tensor(X, requires_grad=True)
    return lambda: mg.tanh(x).data


def tanh_in_torch() -> Work:
    import torch

    torch.set_num_threads(2)
    x = torch.from_numpy(X).requires_grad_()
    return lambda: torch.tanh(x).data


def tanh_in_jax() -> Work:
    import jax
    import jax.numpy as jnp

    tanh, x = jax.jit(jnp.tanh), jnp.asarray(X)
    return lambda: tanh(x).block_until_ready()


def tanh_in_numpy() -> Work:
    return lambda: np.tanh(X)


def multiply_in_minigrad() -> Work:
    import minigrad as mg

    x, y = mg.Tensor(X, requires_grad=True), mg.Tensor(Y, requires_grad=True)
    return lambda: (x * y).data


def multiply_in_torch() -> Work:
    import torch

    torch.set_num_threads(2)
    x, y = torch.from_numpy(X).requires_grad_(), torch.from_numpy(Y).requires_grad_()
    return lambda: (x * y).data


def multiply_in_jax() -> Work:
    import jax
    import jax.numpy as jnp

    multiply, x, y = jax.jit(jnp.multiply), jnp.asarray(X), jnp.asarray(Y)
    return lambda: multiply(x, y).block_until_ready()


def multiply_in_numpy() -> Work:
    return lambda: X * Y


# HIPS autograd records only inside a gradient, so it has no forward alone.
TANH = {
    "minigrad": tanh_in_minigrad,
    "PyTorch": tanh_in_torch,
    "JAX jit": tanh_in_jax,
    "NumPy": tanh_in_numpy,
}
MULTIPLY = {
    "minigrad": multiply_in_minigrad,
    "PyTorch": multiply_in_torch,
    "JAX jit": multiply_in_jax,
    "NumPy": multiply_in_numpy,
}


def lines(rounds: int) -> Iterator[Line]:
    yield compare(f"{NAME}: tanh", TANH, LIMITS, rounds)
    yield compare(f"{NAME}: multiply", MULTIPLY, LIMITS, rounds)
