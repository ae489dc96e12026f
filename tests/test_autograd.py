"""Claims about the derivatives of functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.guard import stamp


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


X = np.array([-1.2, 1.0, 0.7])


def test_grad_of_rosenbrock_s_function():
    a, b, c = X
    expected = [
        -400 * a * (b - a**2) - 2 * (1 - a),
        200 * (b - a**2) - 400 * b * (c - b**2) - 2 * (1 - b),
        200 * (c - b**2),
    ]
    np.testing.assert_allclose(mg.grad(rosenbrock)(X), expected, rtol=1e-13)


def test_value_and_grad_returns_both():
    value, gradient = mg.value_and_grad(lambda x: (x * x).sum())(X)
    assert value == np.sum(X * X)
    np.testing.assert_allclose(gradient, 2 * X)


@pytest.mark.parametrize(("order", "expected"), [(1, 4 * 8), (2, 12 * 4), (3, 24 * 2), (4, 24)])
def test_derivatives_of_any_order(order, expected):
    function = lambda x: x**4  # noqa: E731
    for _ in range(order):
        function = mg.grad(function)
    assert float(function(2.0)) == pytest.approx(expected)


def test_several_arguments():
    ga, gb = mg.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(X, 2 * X)
    np.testing.assert_array_equal(ga, 2 * X)
    np.testing.assert_array_equal(gb, X)


def test_a_function_that_ignores_its_argument_has_gradient_zero():
    np.testing.assert_array_equal(mg.grad(lambda x: 3.0)(X), np.zeros(3))


def test_the_gradient_of_many_numbers_is_refused():
    with pytest.raises(ValueError, match=r"returned shape \(3,\), expected a single number"):
        mg.grad(lambda x: x * x)(X)


def model(parameters, x):
    """A function of nested arrays that returns nested arrays."""
    hidden = np.tanh(x @ parameters["layers"][0]["W"] + parameters["layers"][0]["b"])
    return {"out": hidden @ parameters["layers"][1]["W"], "norm": (hidden * hidden).sum()}


@pytest.fixture
def parameters(rng):
    return {
        "layers": [
            {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)},
            {"W": rng.normal(size=(4, 2))},
        ]
    }


def test_gradients_are_nested_as_the_arguments(parameters, rng):
    x = rng.normal(size=(5, 3))
    gradient = mg.grad(lambda p: model(p, x)["out"].sum())(parameters)
    assert gradient["layers"][0].keys() == {"W", "b"}
    assert gradient["layers"][1]["W"].shape == (4, 2)


def test_jvp_and_vjp_are_adjoint(parameters, rng):
    """⟨u, J t⟩ = ⟨Jᵀ u, t⟩, for nested arguments and results."""
    x = rng.normal(size=(5, 3))
    tangent = mg.tree.tree_map(lambda a: rng.normal(size=a.shape), (parameters, x))
    value, pushed = mg.jvp(model, (parameters, x), tangent)
    cotangent = {"out": rng.normal(size=(5, 2)), "norm": rng.normal()}
    again, pull = mg.vjp(model, parameters, x)
    np.testing.assert_array_equal(value["out"], again["out"])
    pulled = pull(cotangent)
    left = sum(np.sum(cotangent[k] * pushed[k]) for k in cotangent)
    pairs = zip(mg.tree.tree_leaves(pulled), mg.tree.tree_leaves(tangent), strict=True)
    assert left == pytest.approx(sum(np.sum(a * b) for a, b in pairs), rel=1e-12)


def test_jvp_is_the_complex_step(rng):
    x, t = rng.normal(size=3), rng.normal(size=3)
    value, slope = mg.jvp(lambda x: np.exp(x) * x[0], x, t)
    moved = x + 1e-30j * t
    np.testing.assert_allclose(slope, (np.exp(moved) * moved[0]).imag / 1e-30, rtol=1e-13)
    np.testing.assert_allclose(value, np.exp(x) * x[0])


def test_value_and_grad_with_something_beside():
    (value, aux), gradient = mg.value_and_grad(lambda x: ((x * x).sum(), "seen"), has_aux=True)(X)
    assert (value, aux) == (np.sum(X * X), "seen")
    np.testing.assert_allclose(gradient, 2 * X)


def test_nests_that_differ_are_refused(parameters):
    with pytest.raises(ValueError, match=r"nested alike|parts|keys"):
        mg.jvp(lambda p: p["a"], {"a": X}, [X])
    with pytest.raises(ValueError, match=r"jvp: got .* shape \(2,\), expected the tensor's \(3,\)"):
        mg.jvp(lambda x: x, X, np.ones(2))


def _deep(x, weight):
    for _ in range(3):
        x = np.tanh(x @ weight)
    return x


def test_checkpoint_gives_the_same_derivatives_of_any_order(rng):
    x, weight = rng.normal(size=(2, 3)), mg.Parameter(rng.normal(size=(3, 3)))
    plain = lambda x: (_deep(np.sin(x), weight) * x).sum()  # noqa: E731
    kept = lambda x: (mg.checkpoint(_deep)(np.sin(x), weight) * x).sum()  # noqa: E731
    with mg.no_grad():  # as the weight is tracked too, the derivatives would be recorded
        np.testing.assert_allclose(mg.grad(kept)(x), mg.grad(plain)(x), rtol=1e-13)
        np.testing.assert_allclose(mg.hessian(kept)(x), mg.hessian(plain)(x), rtol=1e-11)


def test_checkpoint_reaches_tensors_that_are_no_arguments(rng):
    x = rng.normal(size=(2, 3))
    gradients = []
    for wrap in (lambda f: f, mg.checkpoint):
        weight = mg.Parameter(np.eye(3))
        scaled = weight * 2.0  # made outside, from what is used inside as well
        wrap(lambda y, w=weight, s=scaled: _deep(y @ s, w))(x).sum().backward()
        gradients.append(weight.grad)
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-13)


def test_checkpoint_keeps_no_intermediate_results(rng):
    x = mg.Tensor(rng.normal(size=(2, 3)), requires_grad=True)
    y = mg.checkpoint(lambda x: _deep(x, np.eye(3)))(x)
    assert [node.primitive and node.primitive.name for node in mg.tape.ancestors([y])] == [
        "checkpoint", None,
    ]  # fmt: skip


def test_hooks_see_and_may_replace_a_gradient():
    x = mg.Tensor(X, requires_grad=True)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.copy()))
    y.register_hook(lambda g: 2 * g)
    y.retain_grad()
    y.sum().backward()
    np.testing.assert_array_equal(seen, [np.ones(3)])
    np.testing.assert_array_equal(y.grad, 2 * np.ones(3))
    np.testing.assert_array_equal(x.grad, 4 * X)


def _in_place(how, array):
    if how == "add":
        array += 1
    elif how == "zero":
        array[...] = 0
    elif how == "one entry":
        array.flat[-1] *= 1.5
    else:
        array.flat[0], array.flat[-1] = array.flat[-1], array.flat[0]


@pytest.mark.parametrize("how", ["add", "zero", "one entry", "swap"])
@pytest.mark.parametrize("size", [3, 100, 10_000])
@pytest.mark.parametrize("changed", ["leaf", "constant"])
def test_an_array_that_was_changed_in_place_is_noticed_at_backward(how, size, changed, rng):
    leaf, constant = rng.normal(size=size), rng.normal(size=size)
    x = mg.Tensor(leaf, requires_grad=True)
    loss = (x * constant * x).sum()
    _in_place(how, leaf if changed == "leaf" else constant)
    with pytest.raises(RuntimeError, match=r"operand . of multiply.*changed in place"):
        loss.backward()
    assert x.grad is None


@given(st.integers(2, 60_000), st.sampled_from([float, np.float32, np.int64, np.uint8]), st.data())
@settings(max_examples=60, deadline=None)
def test_entries_that_change_places_change_the_checksum(size, dtype, data):
    array = (np.arange(size) % 100).astype(dtype)
    one, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    before = stamp(array)
    assert before == stamp(array.copy())
    array[[one, other]] = array[[other, one]]
    words = {k * array.itemsize // 8 for k in (one, other)}
    if array[one] != array[other] and len({word % 4099 for word in words}) == len(words):
        assert stamp(array) != before


@pytest.mark.parametrize("shape", [(12_200, 1), (4000, 4), (61, 61), (97, 97), (300, 200)])
def test_rows_that_change_places_change_the_checksum(shape, rng):
    array = rng.integers(0, 3, shape).astype(float)
    before = stamp(array)
    for rows in (1, 8, 61, 64):
        moved = np.roll(array, rows, axis=0)
        assert np.array_equal(moved, array) or stamp(moved) != before


def test_the_map_of_vjp_notices_an_argument_that_has_changed():
    x = np.array([0.5, -1.0])
    _, pull = mg.vjp(np.sin, x)
    np.testing.assert_allclose(pull(np.ones(2))[0], np.cos(x))
    x[0] = 3.0
    with pytest.raises(RuntimeError, match=r"operand 0 of sin.*changed in place"):
        pull(np.ones(2))


VIEWS = {
    "transpose": lambda x: x.T,
    "part": lambda x: x[:, 1:],
    "reshape": lambda x: x.reshape(-1),
    "broadcast": lambda x: np.broadcast_to(x, (2, *x.shape)),
    "view of a view": lambda x: x.T[1].reshape(-1, 1),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [3, 100])
def test_a_change_is_noticed_through_a_view_too_and_told_by_name(view, size, rng):
    array = rng.normal(size=(size, size))
    x = mg.Tensor(array, requires_grad=True, name="w")
    seen = VIEWS[view](x)
    loss = (seen * seen).sum()
    array *= 2
    with pytest.raises(RuntimeError, match=r"operand 0 \(w\) of multiply.*changed in place"):
        loss.backward()


def test_a_copy_of_a_leaf_is_not_taken_for_a_view(rng):
    array = rng.normal(size=(3, 4))
    x = mg.Tensor(array, requires_grad=True)
    assert [y.shared for y in (x.T, x[[0, 1]], x.T.reshape(-1), x + 0.0)] == [
        True, False, False, False,
    ]  # fmt: skip


def test_a_layer_s_weights_that_change_before_backward_are_noticed():
    layer = nn.Linear(2, 3, rng=0)
    loss = np.tanh(layer(mg.Tensor(np.ones((4, 2), np.float32), requires_grad=True))).sum()
    layer.weight.data[...] = 0
    with pytest.raises(RuntimeError, match=r"operand 1 \(weight\) of affine \(module Linear\)"):
        loss.backward()


def test_a_condition_that_changes_is_noticed():
    x, condition = mg.Tensor(np.ones(2), requires_grad=True), np.array([True, False])
    loss = np.where(condition, x, 0.0).sum()
    condition[:] = False
    with pytest.raises(RuntimeError, match=r"operand 0 of where.*changed in place"):
        loss.backward()


@pytest.mark.parametrize("index", [np.array([1, 1]), np.array([False, True])])
def test_an_index_that_changes_later_changes_no_gradient(index):
    x, right = mg.Tensor(np.ones(2), requires_grad=True), np.zeros(2)
    np.add.at(right, index.copy(), 1)
    loss = x[index].sum() + x[index, ...].sum()
    index[:] = index[::-1] * 0
    loss.backward()
    np.testing.assert_array_equal(x.grad, 2 * right)


def test_a_change_that_no_rule_would_see_is_allowed():
    """A sum needs the shape of its operands only."""
    leaf = np.ones(3)
    x = mg.Tensor(leaf, requires_grad=True)
    loss = (x + 1.0).sum()
    leaf += 1
    loss.backward()
    np.testing.assert_array_equal(x.grad, np.ones(3))


def test_results_on_the_tape_cannot_be_written_to():
    x = mg.Tensor(X, requires_grad=True)
    y = np.exp(x)
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 0


@pytest.mark.usefixtures("on_trial")
def test_nobody_s_own_array_is_locked():
    """An operation that hands on what it got must not make it read-only."""
    same = mg.linear("handed on", lambda x: x, adjoints=(lambda g, x: g,))
    array = np.ones(3)
    same(mg.Tensor(array, requires_grad=True))
    np.sum(mg.Tensor(array, requires_grad=True))
    mg.Tensor(array, requires_grad=True)[...]
    array += 1


def test_new_data_in_a_leaf_does_not_disturb_what_was_recorded():
    x = mg.Tensor(X, requires_grad=True)
    loss = (x * x).sum()
    x.data = np.zeros(3)
    loss.backward()
    np.testing.assert_array_equal(x.grad, 2 * X)


def test_a_gradient_through_a_freed_part_is_refused_and_not_zero():
    x = mg.Tensor(X, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="freed"):
        mg.gradients(y * 2.0 + x.sum(), [x])
    h = np.tanh(x)  # whose rule reads what was freed
    h.sum().backward()
    with pytest.raises(RuntimeError, match=r"behind .*tanh.* has been freed"):
        (h * 2.0).sum().backward()


@pytest.mark.parametrize("returned", [None, "1", [1.0]])
def test_a_function_that_returns_no_number_is_refused(returned):
    with pytest.raises(TypeError, match=f"returned {type(returned).__name__}, expected a single"):
        mg.grad(lambda x: returned)(1.0)


def test_the_walk_frees_what_it_has_passed():
    import gc
    import weakref

    x = mg.Tensor(np.ones(1000), requires_grad=True)
    y = np.exp(x)
    inner = weakref.ref(y)
    loss = (y * y).sum()
    del y
    assert inner() is not None
    loss.backward()
    gc.collect()
    assert inner() is None


def test_no_grad_decorates_a_function_also_one_that_calls_itself():
    @mg.no_grad()
    def power(x, n):
        """Raise x to the power n."""
        return x if n == 1 else x * power(x, n - 1)

    x = mg.Tensor(3.0, requires_grad=True)
    assert not power(x, 3).requires_grad
    assert power.__doc__ == "Raise x to the power n."
    assert (x * x).requires_grad


# Complex numbers


@pytest.mark.parametrize(
    ("derive", "said"),
    [
        (lambda z: mg.jacobian(np.conj)(z), "holomorphic=True if it is"),
        (lambda z: mg.hessian(lambda z: (np.abs(z) ** 2).sum())(z), "holomorphic=True if it is"),
        (lambda z: mg.grad(lambda z: (z * z).sum())(z), "expected a real one"),
        (lambda z: mg.grad(lambda z: np.abs(z).sum(), holomorphic=True)(z), "expected a complex"),
    ],
)
def test_what_is_not_analytic_has_no_complex_derivative(derive, said):
    with pytest.raises(TypeError, match=said):
        derive(np.array([1 + 2j]))


@pytest.mark.parametrize("argnums", [2, -3, "a", 0.0])
def test_an_argument_that_was_not_passed_by_position_is_refused(argnums):
    with pytest.raises(TypeError, match="the position of one of the 2 arguments"):
        mg.grad(lambda a, b: a * b, argnums)(1.0, 2.0)
