"""The formulas that are printed, evaluated with NumPy, give the engine's gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cells
import numpy as np
import pytest
import strangers
from evaluation import Unrolled, section, sides, value
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, sigmoid
from minigrad.symbolic import Derivation, cell_equations, derive
from minigrad.symbolic.formula import Quantity
from minigrad.symbolic.read.cells import equations_of
from minigrad.targets import target_of
from minigrad.targets.parts import PARTS
from minigrad.tensor import Tensor

T, X, H = 3, 2, 4
CELLS = [
    nn.RNNCell, nn.JordanCell, nn.LSTMCell, nn.NoForgetLSTMCell, nn.PeepholeLSTMCell,
    nn.DiagonalPeepholeLSTMCell, nn.CoupledLSTMCell, nn.LayerNormLSTMCell, nn.GRUCell,
    nn.ResetAfterGRUCell, nn.MGUCell, nn.MinGRUCell, nn.MinLSTMCell, nn.SLSTMCell,
    nn.LinearAttentionCell, nn.S4DCell, nn.SelectiveSSMCell, nn.LRUCell,
    nn.ProjectedLSTMCell, cells.Peephole, cells.DiagonalPeephole, cells.Coupled,
    cells.Linear, cells.Delay, cells.Twins, cells.Raw, cells.NamedLikeState, cells.Exotic,
    cells.Twice, cells.OldAndNew, cells.Odd, cells.Normalised, *strangers.ALL,
]  # fmt: skip


def close(got: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.broadcast_to(got, expected.shape), expected,
                               rtol=1e-12, atol=1e-13)  # fmt: skip


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_a_cells_equations_give_the_engines_gradients(
    kind: type[nn.Cell], rng: np.random.Generator
) -> None:
    _check_cell(kind, rng)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=9))
def test_random_cells_equations_give_the_engines_gradients(program: list[tuple[int, int]]) -> None:
    """Steps made of random operations, some of them used twice, with kinks and sums."""
    try:
        _check_cell(_random_cell(program), np.random.default_rng(0))
    except ValueError as error:
        assert "uses nowhere else" in str(error)


def _random_cell(program: list[tuple[int, int]]) -> type[nn.Cell]:
    unary = (
        mg.tanh, mg.sigmoid, mg.relu, abs, np.negative, mg.softplus, lambda v: 0.3 * v,
        lambda v: v / (1 + v * v), lambda v: np.clip(v, -0.5, 0.7), lambda v: np.exp(-v * v),
        lambda v: np.concatenate([v[..., 1:], v[..., :1]], axis=-1),
        lambda v: v * mg.Tensor(v).detach(),
        lambda v: v.mean(axis=-1, keepdims=True) + v, lambda v: np.where(v > 0, v, 0.1),
    )  # fmt: skip
    binary = (np.add, np.subtract, np.multiply, np.maximum, lambda a, b: (a > b) * a)

    class Random(nn.Cell):
        state = ("h", "c")
        gates = ("p", "q")

        def step(self, x: Any, h: Any, c: Any) -> Any:
            values = [h, c, self.p(h, x), self.q(mg.tanh(c), x)]
            for kind, which in program:
                a, b = values[which % len(values)], values[which // 10 % len(values)]
                if kind < 64:
                    values.append(unary[kind % len(unary)](a))
                elif kind < 90:
                    values.append(binary[kind % len(binary)](a, b))
                else:
                    values.append(self.q(mg.tanh(a), x))
            return mg.tanh(values[-1]), mg.tanh(values[-2]) * h

    return Random


def _check_cell(kind: type[nn.Cell], rng: np.random.Generator) -> None:
    """Every equation of a derivation, run over some steps, beside the engine."""
    cell = kind(X, H, rng=1, dtype=np.float64)
    x = Tensor(rng.normal(size=(T, X)), requires_grad=True)
    sizes = {name: cell.size_of(name) for name in cell.state}
    initial = {name: rng.normal(size=size) for name, size in sizes.items()}
    loss_of = {name: rng.normal(size=(T, size)) for name, size in sizes.items()}

    first = {name: Tensor(v[None], requires_grad=True) for name, v in initial.items()}
    states: tuple[Any, ...] = tuple(first.values())
    loss, trace = 0.0, []
    for t in range(T):
        with np.errstate(all="ignore"):
            after = cell(x[t : t + 1], states if len(states) > 1 else states[0])
        states = after if isinstance(after, tuple) else (after,)
        trace.append(states)
        for name, state in zip(cell.state, states, strict=True):
            loss = loss + (state * loss_of[name][t]).sum()
    loss.backward()

    target = target_of(kind)
    equations = cell_equations(target)
    names = dict(zip(equations.attributes, equations.parameters, strict=True))
    parameters, expected = {}, {}
    for path, parameter in cell.named_parameters():
        gate, _, part = path.rpartition(".")
        gate = gate.replace(".", "_")
        key = ({"weight": "W", "bias": "b"}.get(part, part), gate)
        key = (names[path], "") if path in names else key
        column = parameter.data if parameter.ndim > 1 else parameter.data.reshape(-1, 1)
        parameters[key] = column
        gradient = np.zeros(parameter.shape) if parameter.grad is None else parameter.grad
        expected[key] = gradient.reshape(column.shape)
    parameters |= {("H", ""): np.array(H), ("X", ""): np.array(X)}
    own = equations_of(cell, "own").constants.items()
    parameters |= {(name, ""): np.reshape(array, (-1, 1)) for name, array in own}
    derivation = derive(target)
    widths = equations_of(cell, "own").shapes
    run = Unrolled(derivation, parameters, widths, x.data, initial, loss_of)

    for name, k in zip(cell.state, range(len(cell.state)), strict=True):
        for t in range(T):
            close(run.known[name, "", False, t][:, 0], trace[t][k].data[0])
    found = run.gradients()
    for key, gradient in expected.items():  # what does not act on the states is left out
        close(found[key] if key in found else np.zeros(gradient.shape), gradient)
    for t in range(T):
        close(run.known["x", "", True, t][:, 0], np.zeros(X) if x.grad is None else x.grad[t])
    for name, leaf in first.items():
        close(run.initial_gradient(name), leaf.grad.T if leaf.grad is not None else np.zeros(1))


class Perceptron(nn.Module):
    """A residual block, with a norm and a parameter that is a single number."""

    def __init__(self, width: int, hidden: int, **rest: Any) -> None:
        self.up, self.down = nn.Linear(width, hidden, **rest), nn.Linear(hidden, width, **rest)
        self.norm = nn.LayerNorm(width, dtype=np.float64)
        self.scale = mg.Parameter(np.array([0.7]))

    def forward(self, x: Any) -> Any:
        return x + self.scale * self.down(mg.gelu(self.up(self.norm(x))))


class Gated(nn.Module):
    """A gated linear unit: halves of a packed map, a join of three parts, a sum over the rows."""

    def __init__(self, width: int, hidden: int, **rest: Any) -> None:
        self.up = nn.Linear(width, 2 * hidden, **rest)
        self.shift = mg.Parameter(np.zeros(hidden))
        self.scale = mg.Parameter(np.array(1.0))

    def forward(self, x: Any) -> Any:
        z, k = self.up(x), self.shift.shape[-1]
        y = z[..., :k] * sigmoid(z[..., k:]) + self.shift
        joined = np.concatenate([y, z[..., 1:-1], x * x], axis=-1)
        return (joined * self.scale + joined**2).sum() + ((x + self.scale) * self.scale).sum()


@pytest.mark.parametrize(
    ("kind", "sizes", "shapes"),
    [
        (Gated, (3, 4), {"X": (4, 3)}),
        (Gated, (4, 2), {"X": (3, 4)}),
        (nn.Attention, (2, 5), {"X": (3, 2)}),
        (nn.Attention, (3, 2), {"X": (4, 3)}),
        (nn.Linear, (3, 2), {"X": (4, 3)}),
        (nn.LayerNorm, (3,), {"X": (4, 3)}),
        (nn.RMSNorm, (5,), {"X": (4, 5)}),
        (nn.AdditiveAttention, (2, 3, 4), {"Q": (1, 2), "K": (5, 3)}),
        (Perceptron, (3, 6), {"X": (4, 3)}),
    ],
)
def test_a_modules_formulas_give_the_engines_gradients_at_every_size(
    kind: type[nn.Module],
    sizes: tuple[int, ...],
    shapes: dict[str, tuple[int, int]],
    rng: np.random.Generator,
) -> None:
    options = {} if issubclass(kind, nn.LayerNorm | nn.RMSNorm) else {"rng": 1}
    module = kind(*sizes, dtype=np.float64, **options)
    for parameter in module.parameters():  # a norm starts with ones and zeros
        parameter.data = rng.normal(size=parameter.shape)
    for derivation in (derive(kind), derive(module)):  # for every size, and for these
        _compare(derivation, module, shapes, dict(zip("dmkp", sizes[::-1], strict=False)), rng)


@pytest.mark.parametrize("name", [name for name, part in PARTS.items() if part.make is None])
def test_a_functions_formulas_give_the_engines_gradients(
    name: str, rng: np.random.Generator
) -> None:
    part = PARTS[name]
    try:
        derivation = derive(name)
    except ValueError as error:
        assert "no notation for" in str(error)
        return
    if "C_1" in derivation.text():  # its mask, whose entries only it knows
        return
    shapes = {name.upper(): shape for name, shape in part.inputs.items()}
    _compare(derivation, part.call, shapes, {}, rng)


def test_a_loss_of_ones_own_has_formulas(rng: np.random.Generator) -> None:
    first, second = (nn.Linear(*s, rng=0, dtype=np.float64) for s in ((3, 4), (4, 2)))
    first.name, second.name = "first", "second"
    x, target = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))

    def loss() -> Any:
        return nn.mse_loss(second(mg.tanh(first(x))), target)

    known = {("C", "1"): x, ("C", "2"): target}
    known |= {("W", module.name): module.weight.data for module in (first, second)}
    known |= {("b", module.name): module.bias.data for module in (first, second)}
    loss().backward()
    found = _evaluated(derive(loss), {(b, lower, False): v for (b, lower), v in known.items()})
    for module in (first, second):
        close(found["W", module.name, True], module.weight.grad)
        close(found["b", module.name, True][0], module.bias.grad)


OPERATIONS = (
    lambda a, b: a @ b, lambda a, b: a @ np.swapaxes(b, -1, -2), lambda a, b: a + b,
    lambda a, b: a * b, lambda a, b: a - b / 2, lambda a, b: a / (1 + b * b),
    lambda a, b: mg.softmax(a, axis=-1), lambda a, b: mg.tanh(a), lambda a, b: mg.relu(a) * b,
    lambda a, b: a.sum(axis=-1, keepdims=True), lambda a, b: a.mean(axis=0),
    lambda a, b: a - a.mean(axis=-1, keepdims=True), lambda a, b: np.concatenate([a, b], axis=-1),
    lambda a, b: a[..., 1:], lambda a, b: a.T, lambda a, b: np.where(a > b, a, 0 * b),
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*3 * [st.integers(0, 99)]), min_size=1, max_size=7), st.booleans())
def test_random_functions_formulas_give_the_engines_gradients(
    program: list[tuple[int, int, int]], summed: bool
) -> None:
    """Functions made of random operations on matrices, a vector and a number."""
    rng = np.random.default_rng(0)
    shapes = {"A": (4, 3), "B": (3, 3), "v": (3,), "s": ()}
    inputs = {name: mg.Parameter(rng.normal(size=s), name=name) for name, s in shapes.items()}

    def function() -> Any:
        values = list(inputs.values())
        for kind, which, other in program:
            a, b = values[which % len(values)], values[other % len(values)]
            with suppress(ValueError, TypeError, IndexError):  # shapes that do not fit
                values.append(OPERATIONS[kind % len(OPERATIONS)](a, b))
        result = values[-1] * inputs["s"]
        return result.sum() if summed else result

    output = function()
    cotangent = np.ones(()) if output.shape == () else rng.normal(size=output.shape)
    output.backward(cotangent)
    try:
        derivation = derive(function)
    except ValueError as error:
        assert "no notation for" in str(error)
        return
    known = {(name, "", False): x.data for name, x in inputs.items()}
    found = _evaluated(derivation, known | {("loss Y", "", False): cotangent})
    for name, x in inputs.items():
        if x.grad is not None:
            whole = np.broadcast_to(found[name, "", True], np.atleast_2d(x.data).shape)
            close(whole.reshape(x.shape), x.grad)


def _compare(
    derivation: Derivation,
    call: Callable[..., Any],
    shapes: dict[str, tuple[int, ...]],
    sizes: dict[str, int],
    rng: np.random.Generator,
) -> None:
    """The engine's gradients of a module or a function, and those of its derivation."""
    inputs = {n: Tensor(abs(rng.normal(size=s)), requires_grad=True) for n, s in shapes.items()}
    outputs = call(*inputs.values()) if isinstance(call, nn.Module) else call(
        **{name.lower(): x for name, x in inputs.items()})  # fmt: skip
    if isinstance(call, nn.Module):
        call.zero_grad()
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    cotangent = np.ones(()) if output.shape == () else rng.normal(size=output.shape)
    output.backward(cotangent)

    known: dict[tuple[str, str, bool], np.ndarray] = {}
    rows = shapes.get("X", (1,))[0]
    known |= {(name, "", False): np.array(n) for name, n in (*sizes.items(), ("n", rows))}
    known |= {("loss Y", lower, False): cotangent for lower in ("", "2")}
    known |= {(name, "", False): x.data for name, x in inputs.items()}
    expected = {(name, ""): x.grad for name, x in inputs.items()}
    parameters = call.named_parameters() if isinstance(call, nn.Module) else ()
    for path, parameter in parameters:
        module, _, part = path.rpartition(".")
        key = ({"weight": "W", "bias": "b"}.get(part, part), module)
        known[*key, False], expected[key] = parameter.data, parameter.grad
    found = _evaluated(derivation, known)
    for key, gradient in expected.items():
        whole = np.broadcast_to(found[*key, True], np.atleast_2d(gradient).shape)
        close(whole.reshape(gradient.shape), gradient)


def _evaluated(
    derivation: Derivation, known: dict[tuple[str, str, bool], np.ndarray]
) -> dict[tuple[str, str, bool], np.ndarray]:
    """The value of everything that a derivation in matrices names."""

    def of(name: Any) -> np.ndarray:
        key = getattr(name, "base", name.name), getattr(name, "lower", "")
        return np.atleast_2d(known[*key, getattr(name, "delta", False)])  # a vector is a row

    for title in ("Forward pass", "Backward pass"):
        for line in section(derivation, title):
            left, right = sides(line)
            assert isinstance(left, Quantity)
            whole = np.atleast_2d(value(right, of))
            if left.delta:  # a number or a row fills its shape
                shape = np.shape(known[left.base, left.lower, False])
                whole = np.broadcast_to(whole, np.broadcast_shapes(whole.shape, shape))
            known[left.base, left.lower, left.delta] = whole
    return known
