"""Recurrent layers over a sequence, forward and backward; PyTorch's own are oneDNN's kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from tests.benchmarks.measuring import Line, Work, compare

NAME = "recurrent"
SIZES = (
    (1, 32, 8, 8),
    (16, 50, 32, 32),
    (32, 100, 64, 128),
    (64, 100, 128, 256),
    (32, 200, 256, 512),
)
"""Batch, time, input size, hidden size."""

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
LIMITS = {
    "LSTM": (0.2, 1.0, 1.0, 1.0, 1.0),
    "GRU": (0.8, 0.5, 0.5, 0.8, 0.8),
    "RNN": (0.8, 0.8, 0.8, 0.8, 0.8),
}


def weights(kind: str, size: tuple[int, ...]) -> dict[str, np.ndarray]:
    """PyTorch's arrays, the same for every side."""
    _, _, width, hidden = size
    rng, rows, bound = np.random.default_rng(0), GATES[kind] * hidden, hidden**-0.5
    shapes = {"weight_ih_l0": (rows, width), "weight_hh_l0": (rows, hidden),
              "bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}  # fmt: skip
    return {n: rng.uniform(-bound, bound, s).astype(np.float32) for n, s in shapes.items()}


def inputs(size: tuple[int, ...]) -> np.ndarray:
    batch, time, width, _ = size
    return np.random.default_rng(1).normal(size=(batch, time, width)).astype(np.float32)


def in_minigrad(kind: str, size: tuple[int, ...], backend: str, *, compiled: bool = False) -> Work:
    import minigrad as mg
    from minigrad import compile as compiler
    from minigrad import nn

    options = {"reset_after": True} if kind == "GRU" else {}
    layer = getattr(nn, kind)(size[2], size[3], rng=0, **options)
    layer.load_state_dict(weights(kind, size))
    x, parameters = inputs(size), list(layer.parameters())

    def step(x: np.ndarray) -> Any:
        for parameter in parameters:
            parameter.grad = None
        total = layer(x)[0].sum()
        total.backward()
        return total

    run = mg.jit(step) if compiled else step

    def work() -> Any:
        with compiler.backend(backend):
            return run(x).data

    return work


def in_torch(kind: str, size: tuple[int, ...]) -> Work:
    import torch

    torch.set_num_threads(2)
    layer = getattr(torch.nn, kind)(size[2], size[3], batch_first=True)
    layer.load_state_dict({n: torch.from_numpy(a) for n, a in weights(kind, size).items()})
    x = torch.from_numpy(inputs(size))

    def work() -> Any:
        layer.zero_grad()
        total = layer(x)[0].sum()
        total.backward()
        return total.detach()

    return work


def in_jax(kind: str, size: tuple[int, ...]) -> Work:
    """An LSTM."""
    import jax
    import jax.numpy as jnp

    p = {name: jnp.asarray(array) for name, array in weights(kind, size).items()}
    x = jnp.asarray(inputs(size).swapaxes(0, 1))

    def loss(p: Any) -> Any:
        def step(carry: Any, x_t: Any) -> Any:
            h, c = carry
            z = x_t @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_ih_l0"]
            i, f, g, o = jnp.split(z + p["bias_hh_l0"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((size[0], size[3]))
        return jax.lax.scan(step, (zeros, zeros), x)[1].sum()

    both = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(both(p))[0]


def products(size: tuple[int, ...], gates: int) -> Work:
    """The matrix products of the two passes and nothing else, each step's by itself."""
    batch, time, width, hidden = size
    rows, columns = gates * hidden, hidden + width + 1
    rng = np.random.default_rng(0)
    w, u, z, d = (rng.normal(size=s).astype(np.float32) for s in (
        (rows, columns), (columns, batch), (rows, batch), (hidden, batch)))  # fmt: skip
    turned, gradient = np.ascontiguousarray(w.T[:hidden]), np.empty_like(w)

    def work() -> Any:
        for _ in range(time):
            np.dot(w, u, out=z)
        for _ in range(time):
            np.dot(turned, z, out=d)
            np.dot(z, u.T, out=gradient)

    return work


# Cells that PyTorch does not have


def own_weights(size: tuple[int, ...], peephole: bool) -> dict[str, np.ndarray]:
    """W_k over [c, h, x] or [h, x] and b_k for each gate."""
    _, _, width, hidden = size
    rng = np.random.default_rng(0)
    found = {}
    for gate in "figo" if peephole else "fgo":
        columns = width + hidden * (2 if peephole and gate != "g" else 1)
        found[f"W_{gate}"] = rng.uniform(-0.1, 0.1, (hidden, columns)).astype(np.float32)
        found[f"b_{gate}"] = rng.uniform(-0.1, 0.1, hidden).astype(np.float32)
    return found


def own_in_minigrad(size: tuple[int, ...], peephole: bool) -> Work:
    from minigrad import nn

    cell = nn.PeepholeLSTMCell if peephole else nn.CoupledLSTMCell
    layer = nn.Recurrent(size[2], size[3], cell=cell, rng=0)
    for name, array in own_weights(size, peephole).items():
        kind, gate = name.split("_")
        parameter = getattr(getattr(layer.cell, gate), "weight" if kind == "W" else "bias")
        parameter.data = array
    x, parameters = inputs(size), list(layer.parameters())

    def work() -> Any:
        for parameter in parameters:
            parameter.grad = None
        total = layer(x)[0].sum()
        total.backward()
        return total.data

    return work


def _step(xp: Any, sigmoid: Any, p: Any, x: Any, h: Any, c: Any, peephole: bool) -> tuple[Any, Any]:
    """One step of either cell, in the names that both PyTorch and JAX have."""
    join = xp.concatenate
    if not peephole:
        u = join([h, x], -1)
        f, g, o = (u @ p[f"W_{k}"].T + p[f"b_{k}"] for k in "fgo")
        f = sigmoid(f)
        c = f * c + (1 - f) * xp.tanh(g)
        return sigmoid(o) * xp.tanh(c), c
    u = join([c, h, x], -1)
    f, i = (sigmoid(u @ p[f"W_{k}"].T + p[f"b_{k}"]) for k in "fi")
    g = xp.tanh(join([h, x], -1) @ p["W_g"].T + p["b_g"])
    c = f * c + i * g
    o = sigmoid(join([c, h, x], -1) @ p["W_o"].T + p["b_o"])
    return o * xp.tanh(c), c


def own_in_torch(size: tuple[int, ...], peephole: bool) -> Work:
    import torch

    torch.set_num_threads(2)
    p = {n: torch.from_numpy(a).requires_grad_() for n, a in own_weights(size, peephole).items()}
    x = torch.from_numpy(inputs(size))

    def work() -> Any:
        for array in p.values():
            array.grad = None
        h = c = torch.zeros(size[0], size[3])
        outputs = []
        for t in range(size[1]):
            h, c = _step(torch, torch.sigmoid, p, x[:, t], h, c, peephole)
            outputs.append(h)
        total = torch.stack(outputs).sum()
        total.backward()
        return total.detach()

    return work


def own_in_jax(size: tuple[int, ...], peephole: bool) -> Work:
    import jax
    import jax.numpy as jnp

    p = {n: jnp.asarray(a) for n, a in own_weights(size, peephole).items()}
    x = jnp.asarray(inputs(size).swapaxes(0, 1))

    def loss(p: Any) -> Any:
        def step(carry: Any, x_t: Any) -> Any:
            after = _step(jnp, jax.nn.sigmoid, p, x_t, *carry, peephole)
            return after, after[0]

        zeros = jnp.zeros((size[0], size[3]))
        return jax.lax.scan(step, (zeros, zeros), x)[1].sum()

    both = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(both(p))[0]


# One step of inference


def step_in_minigrad(*, compiled: bool = False) -> Work:
    import minigrad as mg
    from minigrad import nn

    cell = nn.LSTMCell(128, 128, rng=0)
    x, state = np.ones((1, 128), np.float32), tuple(np.zeros((2, 1, 128), np.float32))

    run = mg.jit(cell) if compiled else cell

    def work() -> None:
        with mg.no_grad():
            run(x, state)

    return work


def step_in_torch() -> Work:
    import torch

    torch.set_num_threads(2)
    cell = torch.nn.LSTMCell(128, 128)
    x, state = torch.ones(1, 128), tuple(torch.zeros(2, 1, 128))

    def work() -> None:
        with torch.no_grad():
            cell(x, state)

    return work


def silent(side: Callable[[], Work]) -> Work:
    """Without a result, where the sides do different work."""
    work = side()

    def quiet() -> float:
        work()
        return 0.0

    return quiet


def lines(rounds: int) -> Iterator[Line]:
    for kind in GATES:
        for size, limit in zip(SIZES, LIMITS[kind], strict=True):
            sides: dict[str, Callable[[], Work]] = {
                "minigrad": partial(in_minigrad, kind, size, "numba"),
                "PyTorch": partial(in_torch, kind, size),
            }
            limits = {"PyTorch": limit}
            if kind == "LSTM" and size == SIZES[0]:
                sides["JAX jit"] = partial(in_jax, kind, size)
                limits["JAX jit"] = 1.0
            yield compare(_named(kind, size), sides, limits, rounds)
            if kind == "LSTM" and size == SIZES[0]:
                sides["minigrad"] = partial(in_minigrad, kind, size, "numba", compiled=True)
                yield compare(_named(f"{kind}, jit", size), sides, limits, rounds)
    for kind in ("LSTM", "GRU"):
        for size in SIZES:
            sides = {
                "minigrad": partial(in_minigrad, kind, size, "numpy"),
                "PyTorch": partial(in_torch, kind, size),
            }
            yield compare(_named(f"{kind}, NumPy", size), sides, {"PyTorch": 1.3}, rounds)
    for peephole in (True, False):
        sides = {
            "minigrad": partial(own_in_minigrad, SIZES[2], peephole),
            "PyTorch": partial(own_in_torch, SIZES[2], peephole),
            "JAX jit": partial(own_in_jax, SIZES[2], peephole),
        }
        name = _named("peephole" if peephole else "coupled", SIZES[2])
        yield compare(name, sides, {"PyTorch": 0.25, "JAX jit": 0.7}, rounds)
    sides = {
        "minigrad": partial(silent, step_in_minigrad),
        "PyTorch": partial(silent, step_in_torch),
    }
    yield compare(f"{NAME}: one LSTM step, H = 128", sides, {"PyTorch": 0.5}, rounds)
    sides["minigrad"] = partial(silent, partial(step_in_minigrad, compiled=True))
    yield compare(f"{NAME}: one LSTM step, jit, H = 128", sides, {"PyTorch": 0.8}, rounds)
    for size in SIZES:  # beside its matrix products alone, by NumPy's BLAS
        sides = {
            "minigrad": partial(silent, partial(in_minigrad, "LSTM", size, "numba")),
            "NumPy": partial(silent, partial(products, size, 4)),
        }
        limits = {"NumPy": 1.5} if size[3] >= 256 else {}
        yield compare(_named("LSTM ÷ products", size), sides, limits, rounds)


def _named(what: str, size: tuple[int, ...]) -> str:
    return f"{NAME}: {what} {' '.join(map(str, size))}"
