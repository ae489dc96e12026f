"""Claims about derivatives inside of derivatives: closures, modules, and everything tracked."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import minigrad as mg
from minigrad import nn
from minigrad.tensor import raw
from tests.references import FOLDER
from tests.references.nestings import (
    COUNT,
    DIRECTION,
    POINT,
    SCALAR_ONLY,
    WIDTH,
    program,
    run,
)

with np.load(FOLDER / "torch_func.npz") as _stored:
    TORCH = _stored["programs"]  # value, gradient, Hessian times direction


def _times_value(f, a):
    value, slope = mg.value_and_grad(f)(a)
    return value * slope


def _by_gradients(f, a):
    x = mg.Tensor(np.ones_like(raw(a)), requires_grad=True)
    (gradient,) = mg.gradients(f(x * a) + 0 * x.sum(), [x], create_graph=True)
    return gradient / a  # ∂/∂x at 1 is a · f′(a)


MINIGRAD = {
    "add": np.add, "mul": np.multiply, "times": np.multiply, "sin": np.sin, "tanh": np.tanh,
    "sum": np.sum, "spread": lambda s: s * np.ones(WIDTH),
    "grad_s": lambda f, a: mg.grad(f)(a), "grad_v": lambda f, a: mg.grad(f)(a),
    "value_and_grad": _times_value,
    "vjp_s": lambda f, a, u: mg.vjp(f, a)[1](u)[0],
    "vjp_v": lambda f, a, u: mg.vjp(f, a)[1](u)[0],
    "jvp_s": lambda f, a, t: mg.jvp(f, a, t)[1],
    "jvp_v": lambda f, a, t: mg.jvp(f, a, t)[1],
    "jacobian_s": lambda f, a: mg.jacobian(f)(a),
    "jacobian_v": lambda f, a, t: mg.jacobian(f)(a) @ t,
    "hessian": lambda f, a, t: mg.hessian(f)(a) @ t,
    "hvp": lambda f, a, t: mg.hvp(f, a, t),
}  # fmt: skip
KEYWORD = {  # the variable comes as a keyword; each is the same function as in MINIGRAD
    **MINIGRAD,
    "grad_v": lambda f, a: mg.grad(lambda zero, *, at: f(zero + at))(np.zeros(WIDTH), at=a),
    "jacobian_v": lambda f, a, t:
        mg.jacobian(lambda zero, *, at: f(zero + at))(np.zeros(WIDTH), at=a) @ t,
}  # fmt: skip
NESTED = {  # the variable comes inside of a nest, beside another that the function ignores
    **MINIGRAD,
    "grad_s": lambda f, a: mg.grad(lambda nest: f(nest["a"][1]))({"a": (a, a)})["a"][1],
    "grad_v": lambda f, a: mg.grad(lambda nest: f(nest["a"][1]))({"a": (a, a)})["a"][1],
}


def _wrapped(wrap):
    """The library with every function that is differentiated wrapped."""
    return {
        name: (lambda f, *rest, call=call: call(wrap(f), *rest)) if name[-2:] in ("_s", "_v")
        or name in ("value_and_grad", "hessian", "hvp") else call
        for name, call in MINIGRAD.items()
    }  # fmt: skip


LIBRARIES = {
    "plain": MINIGRAD, "keyword": KEYWORD, "nested": NESTED,
    "checkpoint": _wrapped(mg.checkpoint),
    "gradients": {**MINIGRAD, "grad_s": _by_gradients, "grad_v": _by_gradients},
}  # fmt: skip


def _called(expression):
    """The functions of a library that a program calls."""
    name, *parts = expression
    return {name}.union(*(_called(part) for part in parts if isinstance(part, tuple)))


def _programs(library, among):
    """Those that do something else in this library than in the plain one."""
    other = {name for name, call in library.items() if call is not MINIGRAD[name]}
    every = {seed: program(seed) for seed in among}
    return {n: e for n, e in every.items() if library is MINIGRAD or other & _called(e)}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("start", range(0, COUNT, 20))
def test_random_nestings_agree_with_torch_func(library, start):
    """Value, gradient and a second derivative; closures over every variable around."""
    point, direction = np.array(POINT), np.array(DIRECTION)
    own = LIBRARIES[library]
    for seed, expression in _programs(own, range(start, start + 20)).items():
        whole = lambda x: run(expression, {"x": x}, own)  # noqa: B023, E731
        value, gradient = mg.value_and_grad(whole)(point)
        second = mg.hvp(whole, point, direction)
        found = np.concatenate([[raw(value)], raw(gradient), raw(second)])
        np.testing.assert_allclose(found, TORCH[seed], rtol=1e-9, atol=1e-9, err_msg=f"{seed}")


def _slope(f, a):
    variable = sympy.Dummy()
    return sympy.diff(f(variable), variable).subs(variable, a)


SYMPY = {
    "add": sympy.Add, "mul": sympy.Mul, "times": sympy.Mul, "sin": sympy.sin, "tanh": sympy.tanh,
    "sum": lambda s: s, "spread": lambda s: s, "grad_s": _slope,
    "value_and_grad": lambda f, a: f(a) * _slope(f, a),
    "vjp_s": lambda f, a, u: _slope(f, a) * u, "jvp_s": lambda f, a, t: _slope(f, a) * t,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_random_nestings_of_numbers_agree_with_sympy(seed):
    expression = program(seed, only=SCALAR_ONLY)
    x = sympy.Symbol("x", real=True)
    formula = run(expression, {"x": x}, SYMPY)
    whole = lambda x: run(expression, {"x": x}, MINIGRAD)  # noqa: E731
    expected = [float(sympy.diff(formula, x, order).subs(x, 0.7)) for order in range(3)]
    found = [whole(0.7), mg.grad(whole)(0.7), mg.grad(mg.grad(whole))(0.7)]
    np.testing.assert_allclose([float(v) for v in found], expected, rtol=1e-9, atol=1e-9)


def test_an_argument_is_differentiated_by_itself():
    """The Tensor that is given may also be reached on other paths; they do not count."""
    x = mg.Tensor(3.0, requires_grad=True)
    product = lambda a, b: a * b  # noqa: E731
    assert mg.grad(product)(x, x**2).data == 9
    assert [g.data for g in mg.grad(product, argnums=(0, 1))(x, x)] == [3, 3]
    assert mg.grad(lambda a, *, b: a * b)(x, b=x**2).data == 9
    assert mg.hessian(product)(x, x).data == 0
    assert mg.jvp(product, (x, x), (1.0, 0.0))[1].data == 3
    assert mg.grad(lambda a: x * x)(x).data == 0


def test_the_result_is_a_plain_array_unless_something_outside_is_tracked():
    x = mg.Tensor(3.0, requires_grad=True)
    assert not isinstance(mg.grad(lambda a: a * a * mg.grad(lambda b: a * b)(1.0))(2.0), mg.Tensor)
    assert isinstance(mg.grad(lambda a: a * x)(2.0), mg.Tensor)
    assert isinstance(mg.grad(lambda a: a * 2.0)(x), mg.Tensor)
    with mg.no_grad():
        assert not isinstance(mg.grad(lambda a: a * x)(x), mg.Tensor)
        assert mg.grad(lambda a: a * mg.grad(lambda b: a * b)(1.0))(x) == 6.0
    value, pull = mg.vjp(lambda a: a * a, 2.0)
    assert not isinstance(value, mg.Tensor)
    (pulled,) = pull(x)  # the cotangent alone is tracked
    pulled.backward()
    assert x.grad == 4


def test_what_is_beside_the_value_keeps_its_gradient():
    x = mg.Tensor(2.0, requires_grad=True)
    (_, aux), slope = mg.value_and_grad(lambda a: (a * x, a * x * x), has_aux=True)(3.0)
    (aux + slope).backward()
    assert x.grad == 3 * 2 * 2 + 1
    (_, aux), _ = mg.value_and_grad(lambda a: (a * a, {"twice": 2 * a}), has_aux=True)(3.0)
    assert aux == {"twice": 6.0}


# Losses that train on a derivative with respect to the input, of networks that are closed over


def _sequence(layer):
    return lambda x: np.tanh(layer(x)[0]).sum()


def _rng():
    return np.random.default_rng(3)


NETWORKS = {
    "linear": (lambda: nn.Linear(3, 2, dtype=np.float64, rng=_rng()), (4, 3), None),
    "fused LSTM": (lambda: nn.LSTM(3, 2, dtype=np.float64, rng=_rng()), (2, 3, 3), _sequence),
    "fused GRU, two layers": (
        lambda: nn.GRU(3, 2, num_layers=2, bidirectional=True, dtype=np.float64, rng=_rng()),
        (2, 3, 3), _sequence,
    ),
    "attention": (
        lambda: nn.MultiheadAttention(4, 2, dtype=np.float64, rng=_rng()), (2, 3, 4),
        lambda layer: lambda x: np.tanh(layer(x, x, x)[0]).sum(),
    ),
    "convolution": (
        lambda: nn.Conv2d(2, 2, 2, dtype=np.float64, rng=_rng()), (1, 2, 3, 3), None,
    ),
    "layer norm": (lambda: nn.LayerNorm(3, dtype=np.float64), (2, 3), None),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("wrap", [lambda f: f, mg.checkpoint], ids=["plain", "checkpoint"])
def test_a_gradient_penalty_on_a_closed_over_network_is_differentiated(name, wrap):
    """Held against differences of the loss, along a random direction of all parameters."""
    make, shape, apply = NETWORKS[name]
    net, rng = make(), np.random.default_rng(5)
    xs = rng.normal(size=shape)
    score = apply(net) if apply else lambda x: np.tanh(net(x)).sum()

    def loss():
        slope = mg.grad(wrap(score))(xs)
        return score(xs) + (slope * slope).sum()

    loss().backward()
    along = {p: rng.normal(size=p.shape) for p in net.parameters()}
    expected = sum((p.grad * v).sum() for p, v in along.items())
    before, ends = {p: p.data for p in along}, []
    for step in (1e-4, -1e-4, 5e-5, -5e-5):
        for p, v in along.items():
            p.data = before[p] + step * v
        ends.append(loss().data)
    coarse, fine = (ends[0] - ends[1]) / 2e-4, (ends[2] - ends[3]) / 1e-4
    np.testing.assert_allclose(expected, (4 * fine - coarse) / 3, rtol=1e-7)


def test_a_physics_informed_loss_is_differentiated():
    """u″ + u = 0 on a network: the parameter's gradient by the engine and by SymPy."""
    a, b, t = sympy.symbols("a b t", real=True)
    u = a * sympy.sin(b * t)
    residual = (sympy.diff(u, t, 2) + u) ** 2 + (sympy.diff(u, t).subs(t, 0) - 1) ** 2
    point = {a: 0.8, b: 1.3, t: 0.6}
    p, q = (mg.Parameter(point[s]) for s in (a, b))
    net = lambda s: p * np.sin(q * s)  # noqa: E731
    second = mg.grad(mg.grad(net))(point[t])
    loss = (second + net(point[t])) ** 2 + (mg.grad(net)(0.0) - 1) ** 2
    loss.backward()
    np.testing.assert_allclose(
        [p.grad, q.grad], [float(sympy.diff(residual, s).subs(point)) for s in (a, b)], rtol=1e-12
    )


def test_a_step_of_learning_to_learn_is_differentiated():
    """The loss after an inner step of gradient descent, by its start: MAML (Finn et al. 2017)."""
    w, scale, rate = sympy.symbols("w s r", real=True)
    inner = (sympy.sin(w * 0.5) * scale - 1) ** 2
    outer = (sympy.sin(w * 1.5) * scale - 2) ** 2
    after = outer.subs(w, w - rate * sympy.diff(inner, w))
    point = {w: 0.4, scale: 1.2, rate: 0.1}
    start, factor, learning = (mg.Parameter(point[s]) for s in (w, scale, rate))
    inner_loss = lambda v: (np.sin(v * 0.5) * factor - 1) ** 2  # noqa: E731
    stepped = start - learning * mg.grad(inner_loss)(start)
    ((np.sin(stepped * 1.5) * factor - 2) ** 2).backward()
    np.testing.assert_allclose(
        [start.grad, factor.grad, learning.grad],
        [float(sympy.diff(after, s).subs(point)) for s in (w, scale, rate)], rtol=1e-12,
    )  # fmt: skip


def test_a_second_derivative_by_backward_alone():
    x = mg.Tensor(0.7, requires_grad=True)
    (np.sin(x) * x).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.backward()
    np.testing.assert_allclose(x.grad, 2 * np.cos(0.7) - 0.7 * np.sin(0.7), rtol=1e-14)


def test_a_fused_layer_under_no_grad_keeps_its_second_derivative():
    """The rule of a fused operation records, whatever the switch says where it is walked."""
    layer, x = nn.LayerNorm(3, dtype=np.float64), np.array([0.3, -1.0, 2.0])
    plain = mg.hessian(lambda x: np.sin(layer(x)).sum())(x)
    with mg.no_grad():
        np.testing.assert_allclose(mg.hessian(lambda x: np.sin(layer(x)).sum())(x), raw(plain))
    assert np.abs(raw(plain)).max() > 0.1
