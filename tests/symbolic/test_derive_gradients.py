"""The formulas that are printed, evaluated with NumPy, give the engine's gradients."""

from __future__ import annotations

from typing import Any

import cells
import numpy as np
import pytest
from evaluation import Unrolled, section, sides, value

from minigrad import nn
from minigrad.symbolic import Derivation, cell_equations, derive
from minigrad.symbolic.formula import Quantity
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
    cells.Twice, cells.OldAndNew, cells.Odd, cells.Normalised,
]  # fmt: skip


def close(got: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.broadcast_to(got, expected.shape), expected,
                               rtol=1e-12, atol=1e-13)  # fmt: skip


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_derived_equations_give_the_engines_gradients(
    kind: type[nn.Cell], rng: np.random.Generator
) -> None:
    cell = kind(X, H, rng=1, dtype=np.float64)
    x = Tensor(rng.normal(size=(T, X)), requires_grad=True)
    sizes = {name: cell.size_of(name) for name in cell.state}
    initial = {name: rng.normal(size=size) for name, size in sizes.items()}
    loss_of = {name: rng.normal(size=(T, size)) for name, size in sizes.items()}

    first = {name: Tensor(v[None], requires_grad=True) for name, v in initial.items()}
    states: tuple[Any, ...] = tuple(first.values())
    loss, trace = 0.0, []
    for t in range(T):
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
        key = ({"weight": "W", "bias": "b"}.get(part, part), gate)
        key = (names[path], "") if path in names else key
        column = parameter.data if parameter.ndim > 1 else parameter.data.reshape(-1, 1)
        parameters[key] = column
        expected[key] = parameter.grad.reshape(column.shape)
    parameters |= {("H", ""): np.array(H), ("X", ""): np.array(X)}
    parameters |= {(k, ""): getattr(cell, k)[:, None] for k in equations.constants}
    derivation = derive(target)
    run = Unrolled(derivation, parameters, _Widths(sizes), x.data, initial, loss_of)

    for name, k in zip(cell.state, range(len(cell.state)), strict=True):
        for t in range(T):
            close(run.known[name, "", False, t][:, 0], trace[t][k].data[0])
    found = run.gradients()
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        close(found[key], gradient)
    for t in range(T):
        close(run.known["x", "", True, t][:, 0], x.grad[t])
    for name, leaf in first.items():
        close(run.initial_gradient(name), leaf.grad.T if leaf.grad is not None else np.zeros(1))


class _Widths(dict):
    """x and the states have their own widths, everything else that of the gates."""

    def __missing__(self, name: str) -> int:
        return X if name == "x" else H


@pytest.mark.parametrize(("steps", "inputs", "width"), [(3, 2, 5), (4, 3, 2), (2, 2, 7)])
def test_attentions_formulas_give_the_engines_gradients_at_every_width(
    steps: int, inputs: int, width: int, rng: np.random.Generator
) -> None:
    layer = nn.Attention(inputs, width, rng=1, dtype=np.float64)
    _compare(derive("attention"), layer, {"X": (steps, inputs)}, width, rng)


@pytest.mark.parametrize(
    ("name", "inputs", "width"),
    [
        ("linear", {"X": (4, 3)}, 2),
        ("layer-norm", {"X": (4, 3)}, 3),
        ("rms-norm", {"X": (4, 3)}, 3),
        ("additive-attention", {"Q": (1, 2), "K": (5, 3)}, 2),
    ],
)
def test_a_parts_formulas_give_the_engines_gradients(
    name: str, inputs: dict[str, tuple[int, int]], width: int, rng: np.random.Generator
) -> None:
    module = PARTS[name].module()
    assert module is not None
    for parameter in module.parameters():  # a norm starts with ones and zeros
        parameter.data = rng.normal(size=parameter.shape)
    _compare(derive(name), module, inputs, width, rng)


def _compare(
    derivation: Derivation,
    layer: nn.Module,
    shapes: dict[str, tuple[int, int]],
    width: int,
    rng: np.random.Generator,
) -> None:
    """The engine's gradients of a module of matrices, and those of its derivation."""
    inputs = {n: Tensor(rng.normal(size=s), requires_grad=True) for n, s in shapes.items()}
    outputs = layer(*inputs.values())
    output = outputs[0] if isinstance(outputs, tuple) else outputs
    cotangent = rng.normal(size=output.shape)
    output.backward(cotangent)

    known: dict[tuple[str, str, bool], np.ndarray] = {("d", "", False): np.array(width)}
    known |= {("loss Y", "", False): cotangent}
    known |= {(name, "", False): x.data for name, x in inputs.items()}
    expected = {(name, ""): x.grad for name, x in inputs.items()}
    for path, parameter in layer.named_parameters():
        module, _, part = path.rpartition(".")
        key = ("W" if part == "weight" else "b", module)
        known[*key, False], expected[key] = parameter.data, parameter.grad

    def of(name: Any) -> np.ndarray:
        return known[getattr(name, "base", name.name), getattr(name, "lower", ""),
                     getattr(name, "delta", False)]  # fmt: skip

    for title in ("Forward pass", "Backward pass"):
        for line in section(derivation, title):
            left, right = sides(line)
            assert isinstance(left, Quantity)
            known[left.base, left.lower, left.delta] = value(right, of)
    for key, gradient in expected.items():
        close(known[*key, True].reshape(gradient.shape), gradient)
