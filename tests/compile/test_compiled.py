"""A compiled function computes what the function does, or says which line it cannot compile."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim, targets
from minigrad.compile import TraceError, backend, has_numba
from minigrad.tree import tree_leaves

rng = np.random.default_rng(0)
X, W = rng.normal(size=(3, 4)), rng.normal(size=(4, 5))


def equal(got, expected, tolerance=1e-12):
    """Two nests of arrays, of the same types, equal up to rounding."""
    got, expected = tree_leaves(got), tree_leaves(expected)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert type(a) is type(b)
        a, b = mg.tensor.raw(a), mg.tensor.raw(b)
        if isinstance(b, str):
            assert a == b
            continue
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.shape(a) == np.shape(b)
        size = 1 + np.max(np.abs(b), initial=0)
        np.testing.assert_allclose(a / size, b / size, rtol=0, atol=tolerance)


def weighted(outputs):
    """A number that looks at every entry of every output differently."""
    total = 0
    for k, y in enumerate(tree_leaves(outputs)):
        factor = np.cos(np.arange(np.prod(y.shape, dtype=int)) + k).reshape(y.shape)
        total = total + (y * factor).sum()
    return total


def problems(name):
    """What a target is judged at; over a hundred steps only one layer, for they repeat fewer."""
    first = [p for p in targets.resolve(name).problems() if p.order == 1]
    return [p for p in first if p.shapes.get("x", ())[1:2] != (100,) or name == "lstm"]


# Everything in the library


@pytest.mark.parametrize("name", [t.name for t in targets.builtin()])
def test_values_and_gradients_of_everything_built_in(name):
    for problem in problems(name):

        def loss(arrays, problem=problem):
            return weighted(problem.run({k: mg.Tensor(x, name=k) if not isinstance(x, mg.Tensor)
                                         else x for k, x in arrays.items()}))  # fmt: skip

        arrays = problem.numbers(np.random.default_rng(1))
        both = mg.value_and_grad(loss)
        equal(mg.jit(both)(arrays), both(arrays))


# Random programs

UNARY = [
    np.tanh, np.exp, np.sin, mg.sigmoid, mg.softplus, mg.relu, mg.gelu, np.square, np.negative,
    np.abs, lambda x: mg.softmax(x, axis=-1), lambda x: x - x.mean(axis=0), lambda x: x[::-1],
    lambda x: x.T.reshape(x.shape), lambda x: np.sqrt(x * x + 1), lambda x: x[[2, 0, 0]],
    lambda x: x.sum(-1, keepdims=True) * x, lambda x: np.cumsum(x, axis=1),
    lambda x: mg.layer_norm(x, np.arange(4.0), np.ones(4), eps=1e-3),
    lambda x: np.concatenate([x[:, 1:], x[:, :1]], axis=1), lambda x: np.where(x > 0, x, 0.1 * x),
    lambda x: np.max(x, axis=1, keepdims=True) + x,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.maximum, lambda a, b: a / (2 + b * b),
    lambda a, b: a @ (b.T @ b), lambda a, b: a + b[0], lambda a, b: a * b[:, :1],
    lambda a, b: np.stack([a, b]).sum(0), lambda a, b: np.einsum("ij,kj->ik", a, b) @ a,
]  # fmt: skip


@st.composite
def programs(draw):
    """Functions of two matrices (3, 4): each step applies an operation to earlier results."""
    steps = draw(st.lists(
        st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)),
        min_size=1, max_size=9,
    ))  # fmt: skip

    def function(x, y):
        values = [x, y]
        for is_unary, which, first, second in steps:
            a, b = values[first % len(values)], values[second % len(values)]
            if is_unary:
                values.append(UNARY[which % len(UNARY)](a))
            else:
                values.append(BINARY[which % len(BINARY)](a, b))
            values[-1] = np.tanh(values[-1])  # so that numbers stay small
        return weighted(values[-2:])

    return function


@settings(max_examples=60, deadline=None)
@given(
    function=programs(), seed=st.integers(0, 9), dtype=st.sampled_from([np.float64, np.float32])
)  # fmt: skip
def test_random_programs(function, seed, dtype):
    x, y = np.random.default_rng(seed).normal(size=(2, 3, 4)).astype(dtype)
    both = mg.value_and_grad(function, argnums=(0, 1))
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    expected = both(x, y)
    with backend("numpy"):
        equal(mg.jit(both)(x, y), expected, tolerance)
        equal(mg.value_and_grad(mg.jit(function), argnums=(0, 1))(x, y), expected, tolerance)


# Arguments and results


def test_arguments_and_results_may_be_nested():
    def function(parameters, *, scale, names=("a", "b")):
        first, (second, third) = parameters[names[0]], parameters[names[1]]
        return {"sum": first * scale + second, "rest": [third.T, scale * 2, None, "text"]}

    compiled = mg.jit(function)
    for scale in (2.0, 3.0):
        arguments = {"a": scale * X, "b": (X, W)}
        got, expected = compiled(arguments, scale=scale), function(arguments, scale=scale)
        equal(got, expected)
        assert got["rest"][2:] == [None, "text"]
    assert compiled.signatures == 1


@pytest.mark.skipif(not has_numba(), reason="needs Numba")
def test_numba_compiles_float64_where_it_is_asked_for():
    def function(x, w):
        return mg.softmax(np.tanh(x @ w) * np.exp(-x), axis=-1).sum(axis=0)

    x, w = np.random.default_rng(0).normal(size=(2, 5, 5))
    compiled = mg.jit(function)
    leaves = compiled._flat((x, w), {})
    assert compiled.recording(leaves).backend.name == "numpy"  # by default
    with backend("numba"):
        recording = compiled.recording(leaves)
        assert recording.backend.name == "numba" and "loop_" in recording.execute.code.text
        np.testing.assert_allclose(compiled(x, w), function(x, w), rtol=1e-13)


@pytest.mark.skipif(not has_numba(), reason="needs Numba")
def test_a_layer_that_numba_has_no_kernel_for_says_so():
    layer = nn.LSTM(2, 3, rng=0, dtype=np.float64)
    with backend("numba"), pytest.warns(RuntimeWarning, match="float64, for which Numba has no"):
        layer(np.ones((1, 4, 2)))


def test_numbers_of_python_stay_numbers():
    """So float32 stays float32, and what Python computes of them is Python's."""

    def function(x, rate, steps):
        return x * (rate**steps) / 2, rate / steps, steps + 1

    x = X.astype(np.float32)
    equal(mg.jit(function)(x, 0.5, 3), function(x, 0.5, 3))
    equal(mg.jit(function)(x, 0.25, 4), function(x, 0.25, 4))


def test_static_arguments_are_values_of_the_signature():
    @mg.jit(static_argnums=1, static_argnames="axis")
    def powers(x, n, *, axis=0):
        return [x.sum(axis) ** k for k in range(n)]

    assert len(powers(X, 3)) == 3
    assert powers(X, 2, axis=1)[1].shape == (3,)
    assert powers.signatures == 2
    with pytest.raises(TraceError, match="make it a static argument"):
        mg.jit(lambda x, n: [x for _ in range(n)])(X, 3)


def test_static_arguments_are_found_by_position_and_by_name():
    def powers(x, n):
        return [x**k for k in range(n)]

    for compiled in (mg.jit(powers, static_argnames="n"), mg.jit(powers, static_argnums=1)):
        equal(compiled(X, 2), powers(X, 2))
        equal(compiled(X, n=2), powers(X, 2))
    with pytest.raises(ValueError, match="the static argument m, which it does not have; it takes"):
        mg.jit(powers, static_argnames="m")
    with pytest.raises(ValueError, match="the static argument 2"):
        mg.jit(powers, static_argnums=2)


def test_containers_keep_their_kind():
    Pair = namedtuple("Pair", "a b")
    given = defaultdict(list, a=X, b=OrderedDict(c=Pair(X, 1)))
    got = mg.jit(lambda nest: {"nest": nest, "twice": Pair(nest["a"] * 2, nest["b"]["c"].b)})(given)
    assert type(got["nest"]) is defaultdict and got["nest"].default_factory is list
    assert type(got["nest"]["b"]) is OrderedDict and type(got["twice"]) is Pair
    equal(got["twice"], Pair(X * 2, 1))


def test_what_holds_arrays_and_is_no_container_cannot_be_returned():
    class Box:
        def __init__(self, content):
            self.content = content

    for function in (
        Box,
        lambda x: (y for y in x),
        lambda x: lambda: x * 2,
        lambda x: {mg.Tensor(x)},
    ):
        with pytest.raises(TraceError, match="return them in lists, tuples or dicts"):
            mg.jit(lambda x, function=function: function(x))(X)


def test_a_compiled_function_inside_of_another_is_a_part_of_it():
    inner = mg.jit(lambda x: np.tanh(x) * 2)
    equal(mg.jit(lambda x: inner(x) + inner(x + 1))(X), np.tanh(X) * 2 + np.tanh(X + 1) * 2)
    assert inner.signatures == 0


def test_a_method_and_what_it_belongs_to():
    class Scaled:
        def __init__(self, factor):
            self.factor = factor

        @mg.jit
        def apply(self, x):
            return self.factor * x

    one, other = Scaled(2.0), Scaled(3.0)
    equal([one.apply(X), other.apply(X)], [2 * X, 3 * X])
    one.factor = 5.0
    equal([one.apply(X), other.apply(X)], [5 * X, 3 * X])


def test_too_many_signatures_are_warned_of():
    double = mg.jit(lambda x: 2 * x)
    with pytest.warns(RuntimeWarning, match="traced 8 times"):
        for n in range(1, 9):
            double(np.ones(n))


# Changes in place


def test_arrays_are_written_into_as_in_numpy():
    def function(x):
        y = np.zeros_like(x)
        y[0] = x[1]
        below = y[1:]
        below += 3
        y[:, 0] *= x[0, 0]
        np.add.at(y, ([0, 0], [1, 1]), x[2, :2])
        y[2, 1:][0] = 7
        z = y.T.reshape(4, 3)
        z -= 1
        np.multiply(y, 2, out=y)
        y[y > 20] = 0
        return y, below, z, y.copy()

    equal(mg.jit(function)(X), function(X))


@pytest.mark.parametrize(
    "view", [np.ravel, np.squeeze, np.atleast_3d, np.transpose, lambda x: np.reshape(x, (2, 6)),
             lambda x: np.moveaxis(x, 0, -1), lambda x: np.expand_dims(x, 1), np.flip,
             lambda x: np.split(x, 2, axis=1)[1], lambda x: np.swapaxes(x, 0, 1)[1:]],
)  # fmt: skip
def test_what_is_written_into_a_view_is_in_the_array(view):
    def function(x):
        x = x * 1
        part = view(x)
        part += 1
        part[0] = 5
        x[0, 0] = 7
        return x, part * 1

    equal(mg.jit(function)(X), function(X))


def test_a_view_that_nothing_can_be_written_through_is_refused():
    def function(x):
        z = x * 1j
        np.real(z)[0] = 3
        return z

    with pytest.raises(TraceError, match="through a view of it, made by real"):
        mg.jit(function)(X)


def test_an_argument_that_is_changed_is_changed():
    def function(x, y):
        x[0] += y.sum()
        x *= 2
        return x.sum()

    compiled = mg.jit(function)
    for _ in range(2):
        mine, theirs = X.copy(), X.copy()
        equal(compiled(mine, W), function(theirs, W))
        equal(mine, theirs)


# Gradients


def network(seed=0):
    return nn.Sequential(nn.Linear(4, 8, rng=seed), mg.tanh, nn.LayerNorm(8),
                         nn.Linear(8, 3, rng=seed + 1))  # fmt: skip


def gradients(model, function, x):
    model.zero_grad()
    weighted(function(x)).backward()
    return [p.grad for p in model.parameters()]


def test_parameters_of_a_module_that_it_sees_are_inputs():
    model, x = network(), X.astype(np.float32)

    def several(x):
        y = model(x)
        return y, {"mean": y.mean(0), "input": x}

    compiled = mg.jit(lambda x: [y for y in tree_leaves(several(x)) if isinstance(y, mg.Tensor)])
    for _ in range(3):
        expected = gradients(model, lambda x: tree_leaves(several(x))[:2], x)
        equal(gradients(model, compiled, x), expected, 1e-6)
        for parameter in model.parameters():
            parameter.data = parameter.data * 1.1
    assert compiled.signatures == 1


def test_a_module_may_be_an_argument():
    loss = mg.jit(lambda model, x: (model(x) ** 2).sum())
    for model in (network(0), network(1)):
        got = gradients(model, lambda x, model=model: loss(model, x), X)
        expected = gradients(model, lambda x, model=model: (model(x) ** 2).sum(), X)
        equal(got, expected, 1e-6)


def test_frozen_parameters_get_no_gradient():
    model = network()
    compiled = mg.jit(lambda x: model(x).sum())
    compiled(X).backward()
    model.zero_grad()
    model[0].freeze() if hasattr(model, "__getitem__") else getattr(model, "0").freeze()
    compiled(X).backward()
    assert [p.grad is None for p in model.parameters()] == [True, True] + [False] * 4


def test_a_parameter_may_be_returned_and_assigned():
    model = network()
    weight = next(iter(model.parameters()))
    assert mg.jit(lambda x: (model(x), weight))(X)[1] is weight
    weight.data = np.zeros_like(weight.data)
    assert (mg.jit(lambda: weight * 2)().data == 0).all()


def test_parts_of_complex_numbers_are_not_overwritten():
    """NumPy's real part is a view: its memory must not go to what comes next."""

    def function(x):
        z = np.fft.fft(x) * 1j
        a, b = np.real(z), np.imag(z)
        return (a * 2 + 1).sum() * (b * 3 - 1) + a

    equal(mg.jit(function)(X), function(X))


@pytest.mark.parametrize("first", [True, False])
def test_a_gradient_that_is_not_read_makes_no_second_program(first):
    """None before the first step, an array before the others."""
    layer = nn.Linear(4, 2, dtype=float, rng=0)
    optimizer = optim.SGD(layer.parameters(), 0.1)

    def step(x):
        if first:
            optimizer.zero_grad()
        loss = (layer(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    compiled = mg.jit(step)
    kept = layer.state_dict()
    got = [compiled(X).item() for _ in range(3)]
    layer.load_state_dict(kept)
    layer.zero_grad()
    equal(got, [step(X).item() for _ in range(3)])
    assert compiled.traces == (1 if first else 2)


def test_no_gradient_is_recorded_where_none_is_wanted():
    model = network()
    compiled = mg.jit(model)
    with mg.no_grad():
        assert not compiled(X).requires_grad
    assert compiled(X).requires_grad


def test_every_order_of_derivatives():
    def function(w):
        return (np.tanh(X @ w) ** 3).sum()

    compiled = mg.jit(function)
    equal(mg.hessian(compiled)(W), mg.hessian(function)(W), 1e-11)
    equal(mg.jvp(compiled, (W,), (W,)), mg.jvp(function, (W,), (W,)), 1e-11)
    equal(mg.hvp(compiled, W, W), mg.hvp(function, W, W), 1e-11)
    equal(mg.jit(mg.hessian(function))(W), mg.hessian(function)(W), 1e-11)


def test_second_derivatives_that_would_be_wrong_are_refused():
    dropout = nn.Dropout(0.5, rng=0)
    noisy = mg.jit(lambda x: (dropout(x) ** 3).sum())
    with pytest.raises(TraceError, match="it draws random numbers"):
        mg.hessian(noisy)(X)

    scale = np.ones(())
    compiled = mg.jit(lambda x: (np.tanh(x) * scale).sum())
    y = compiled(x := mg.Tensor(X, requires_grad=True))
    scale[...] = 2
    with pytest.raises(TraceError, match="what it sees has changed since"):
        mg.gradients(y, [x], create_graph=True)


def test_parameters_that_are_changed_before_the_backward_pass_are_noticed():
    model = network()
    loss = mg.jit(lambda x: model(x).sum())(X)
    next(iter(model.parameters())).data[...] = 0
    with pytest.raises(RuntimeError, match="has been changed in place"):
        loss.backward()


# Whole training steps

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, 0.01), "AdamW": lambda p: optim.AdamW(p, 0.01),
    "RMSprop": lambda p: optim.RMSprop(p, 0.01, momentum=0.5, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr_decay=0.1), "Adadelta": optim.Adadelta,
    "Adamax": optim.Adamax, "NAdam": optim.NAdam, "Rprop": optim.Rprop,
    "RAdam": lambda p: optim.RAdam(p, 0.01, (0.9, 0.99), weight_decay=0.1),
    "groups": lambda p: optim.AdamW([{"params": group, "lr": lr, "eps": lr / 1e3}
                                     for group, lr in zip(p, (0.1, 0.01, 0.1, 0.2), strict=True)]),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_step(name):
    """Parameters, gradients, the optimiser's state, and what dropout draws, step for step."""

    def setting():
        model = nn.Sequential(nn.Linear(4, 6, rng=0), mg.relu, nn.Dropout(0.4, rng=1),
                              nn.Linear(6, 3, rng=2))  # fmt: skip
        optimizer = OPTIMIZERS[name](model.parameters())

        def step(x, target):
            optimizer.zero_grad()
            loss = ((model(x) - target) ** 2).mean()
            loss.backward()
            norm = optim.clip_grad_norm(optimizer.parameters, 0.1)
            optimizer.step()
            return loss, norm

        return model, optimizer, step

    model, optimizer, step = setting()
    mine, my_optimizer, my_step = setting()
    compiled = mg.jit(my_step)
    arrays = [p.data for p in mine.parameters()]
    draws = np.random.default_rng(3)
    for k in range(8):
        optimizer.lr = my_optimizer.lr = 0.1 / (k + 1)
        if name == "groups":
            optimizer.group_lrs = my_optimizer.group_lrs = [0.1 / (k + 1), 0.01, 0.02, 0.01 * k]
        x, target = draws.normal(size=(5, 4)).astype(np.float32), draws.normal(size=(5, 3))
        loss, norm = step(x, target.astype(np.float32))
        my_loss, my_norm = compiled(x, target.astype(np.float32))
        equal([my_loss.data, float(my_norm)], [loss.data, float(norm)], 1e-6)
    equal([p.data for p in mine.parameters()], [p.data for p in model.parameters()], 1e-6)
    equal([p.grad for p in mine.parameters()], [p.grad for p in model.parameters()], 1e-6)
    equal(my_optimizer.state_dict(), optimizer.state_dict(), 1e-6)
    assert all(p.data is a for p, a in zip(mine.parameters(), arrays, strict=True))
    assert compiled.signatures == 1


def test_a_step_of_matrices():
    """Muon has matrices alone; gradients are clipped entry by entry."""

    def setting():
        w = mg.Parameter(W.copy())
        optimizer = optim.Muon([w], 0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (np.tanh(x @ w) ** 2).sum()
            loss.backward()
            optim.clip_grad_value([w], 0.2)
            optimizer.step()
            return loss

        return w, step

    (w, step), (mine, my_step) = setting(), setting()
    compiled = mg.jit(my_step)
    for _ in range(3):
        equal(compiled(X), step(X))
    equal(mine.data, w.data)


def test_choices_by_a_number_of_python_or_by_what_is_no_boolean():
    """In float32 too: there the choice is part of a loop where Numba is installed."""

    def function(x, t):
        known = np.maximum(t, 5)
        scale = np.where(t > 5, known, 0).astype(x.dtype) / (1 + x * x)
        return np.where(t > 5, scale, 1) * x, np.where(np.floor(x), x, t), np.where(t, x, 2)

    for dtype in (np.float64, np.float32):
        compiled = mg.jit(function)
        for t in (0.0, 3.0, 9.0):
            equal(compiled(X.astype(dtype), t), function(X.astype(dtype), t), 1e-6)


# What it sees beside its arguments

factor, offset, offsets = 2.0, np.ones(4), [np.ones(4)]


def test_what_it_closes_over_counts_as_it_is_now(monkeypatch):
    local = np.ones(4)

    def function(x):
        return (x * factor + offset) * local + offsets[0]

    compiled = mg.jit(function)
    equal(compiled(X), function(X))
    monkeypatch.setitem(globals(), "factor", 3.0)
    equal(compiled(X), function(X))
    local *= 2
    equal(compiled(X), function(X))
    local = np.zeros(4)
    equal(compiled(X), function(X))
    monkeypatch.setitem(globals(), "offset", np.full(4, 5.0))
    equal(compiled(X), function(X))
    offset[1] = 9
    equal(compiled(X), function(X))
    offsets[0] = np.full(4, 7.0)
    equal(compiled(X), function(X))


def test_equal_containers_need_no_new_trace_and_orders_and_signs_count():
    seen = SimpleNamespace(scales=[1.0, 2.0], named={"a": 1.0, "b": 2.0}, zero=0.0, some={1, 2})

    def function(x):
        return x * seen.scales[0] + next(iter(seen.named.values())) + (
            np.copysign(sum(seen.some), seen.zero)
        )  # fmt: skip

    compiled = mg.jit(function)
    compiled(X)
    seen.scales, seen.named, seen.some = [1.0, 2.0], {"a": 1.0, "b": 2.0}, {1, 2}
    equal(compiled(X), function(X))
    assert compiled.traces == 1
    for change in (
        {"scales": [3.0, 2.0]}, {"named": {"b": 2.0, "a": 1.0}}, {"zero": -0.0}, {"some": {1, 3}},
    ):  # fmt: skip
        vars(seen).update(change)
        equal(compiled(X), function(X))


def test_constants_of_both_zeros_are_not_one_number():
    zeros = np.array([0.0, -0.0, 0.0, -0.0])
    equal(mg.jit(lambda x: np.copysign(x, zeros))(X), np.copysign(X, zeros))
    equal(mg.jit(lambda x: np.copysign(x, zeros.astype(np.float32)))(X), np.copysign(X, zeros))


def test_large_arrays_are_inputs_and_need_no_new_trace():
    table = np.ones((200, 100))

    def function(x):
        return x @ (table * 2)

    x = np.ones((1, 200))
    compiled = mg.jit(function)
    compiled(x)
    table[...] = 3
    equal(compiled(x), function(x))
    table = np.full((200, 100), 4.0)
    equal(compiled(x), function(x))
    assert compiled.traces == 1


def test_a_generator_draws_anew_in_every_call():
    generator = np.random.default_rng(5)

    def function(x, other):
        return x + generator.normal(size=x.shape) * other.random(x.shape)

    expected = [function(X, np.random.default_rng(k)) for k in range(3)]
    generator = np.random.default_rng(5)
    compiled = mg.jit(function)
    equal([compiled(X, np.random.default_rng(k)) for k in range(3)], expected)


# What cannot be compiled

log, count = [], 0


def branches(x):
    if x.sum() > 0:
        return x
    return -x


def prints(x):
    y = 2 * x
    print("the value is", y)
    return y


def asks(x):
    return x / float(x.sum())


def asks_an_item(x):
    return x / mg.Tensor(x).sum().item()


def chooses(x):
    return x[x > 0].sum()


def draws(x):
    return x * np.random.default_rng().random(4)


def draws_from_everybody_s(x):
    y = x + 1
    return y * np.random.rand(4)


def appends(x):
    y = x.sum()
    log.append(y)
    return y


def counts(x):
    global count
    count += 1
    return x * count


def converts(x):
    return np.asarray(x) + 1


def loops(x):
    total = 0
    while total < x.sum():
        total += 1
    return total


@pytest.mark.parametrize(
    ("function", "line", "why"),
    [
        (branches, "if x.sum() > 0:", "np.where"),
        (prints, 'print("the value is", y)', "return it, and print it outside"),
        (asks, "return x / float(x.sum())", "as a Python number"),
        (asks_an_item, "return x / mg.Tensor(x).sum().item()", "return the array"),
        (chooses, "return x[x > 0].sum()", "whose number is not known"),
        (draws, "return x * np.random.default_rng().random(4)", "default_rng() is called"),
        (draws_from_everybody_s, "return y * np.random.rand(4)", "pass a generator"),
        (appends, "log.append(y)", "changes log"),
        (counts, "count += 1", "changes count"),
        (converts, "return np.asarray(x) + 1", "leave out np.asarray"),
        (loops, "while total < x.sum():", "np.where"),
    ],
)
def test_what_a_trace_cannot_hold_is_an_error_that_names_the_line(function, line, why):
    with pytest.raises(TraceError) as error:
        mg.jit(function)(X)
    assert f"`{line}`" in str(error.value)
    assert why in str(error.value)
    assert (log, count) == ([], 0)


def test_an_array_that_is_kept_from_a_trace_is_of_no_use():
    kept = []

    class Leaking:
        def __call__(self, x):
            kept.append(x)
            return x * 2

    with pytest.raises(TraceError, match="changes kept"):
        mg.jit(Leaking())(X)
