"""Claims about Tensor and the walk back over the tape."""

from __future__ import annotations

import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
from minigrad import nn
from minigrad.primitives import primitive

ARITHMETIC = ["add", "subtract", "multiply", "divide"]
SHAPES = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)


def leaf(values, dtype=np.float64):
    return mg.Tensor(np.asarray(values, dtype), requires_grad=True)


@settings(deadline=None)
@given(SHAPES, st.integers(0, 2**32 - 1), st.sampled_from(ARITHMETIC))
def test_broadcasting_is_undone_whatever_the_shapes(shapes, seed, name):
    """Held against the complex step, one operand at a time."""
    rng = np.random.default_rng(seed)
    values = [rng.uniform(1, 2, shape) for shape in shapes.input_shapes]
    weights = rng.normal(size=shapes.result_shape)
    operation = getattr(np, name)
    leaves = [leaf(v) for v in values]
    (operation(*leaves) * weights).sum().backward()
    for k, tensor in enumerate(leaves):
        direction = rng.normal(size=tensor.shape)
        moved = [v.astype(complex) for v in values]
        moved[k] = moved[k] + 1e-30j * direction
        slope = np.sum(operation(*moved) * weights).imag / 1e-30
        assert tensor.grad.shape == tensor.shape
        assert np.sum(tensor.grad * direction) == pytest.approx(slope, rel=1e-12, abs=1e-12)


def test_an_array_on_the_left_records_as_well():
    x, a = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    for result in (a * x, a + x, a - x, a / x, a @ x, 2 * x, 2 - x, 2 / x, 2**x, np.multiply(a, x)):
        assert isinstance(result, mg.Tensor)
        assert result.requires_grad


def test_python_numbers_do_not_widen_float32():
    x = leaf([1.0, 2.0], np.float32)
    y = ((2.0 * x + 1) / 3.0 - 0.5) ** 2
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32


def test_a_value_used_twice_receives_both_cotangents():
    x = leaf([3.0])
    (x * x + x).sum().backward()
    np.testing.assert_array_equal(x.grad, [7.0])


def test_gradients_accumulate_over_backwards_as_in_pytorch():
    x = leaf([1.0, 2.0])
    for _ in range(2):
        (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [4.0, 8.0])


def test_a_second_backward_is_refused_unless_the_graph_is_retained():
    x = leaf([2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, [8.0])
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_gradients_share_memory_with_nobody():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    cotangent = np.ones(2)
    (x + y).backward(cotangent)
    x.grad[0] = cotangent[1] = 100
    np.testing.assert_array_equal(y.grad, [1.0, 1.0])


def test_backward_from_many_numbers_needs_a_cotangent_of_their_shape():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"got a tensor of shape \(2,\), expected a single"):
        (x * x).backward()
    with pytest.raises(ValueError, match=r"of shape \(3,\), expected the tensor's \(2,\)"):
        (x * x).backward(np.ones(3))


def test_backward_without_anything_to_differentiate_is_refused():
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        mg.Tensor(1.0).backward()


@pytest.mark.parametrize("data", [[1, 2], [True]])
def test_integers_have_no_gradient(data):
    with pytest.raises(TypeError, match=r"only floating-point.*write 1.0 for 1"):
        mg.Tensor(data, requires_grad=True)


def test_nothing_is_no_tensor():
    with pytest.raises(TypeError, match="Tensor: got NoneType, expected an array"):
        mg.Tensor(leaf([1.0]).grad)


def test_data_is_shared_and_not_copied():
    array = np.zeros(3)
    assert mg.Tensor(array).data is array


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (np.floor, "numpy.floor on a Tensor: .* add one with minigrad.elementwise('floor', "
                   "np.floor, partials=(lambda y, x: …,), symbol=…)"),
        (lambda x: np.hypot(x, x), "partials=(lambda y, a, b: …, lambda y, a, b: …,)"),
        (np.median, "add one with minigrad.fused('median', np.median, vjps=…, reference=…), "
                    "or minigrad.linear"),
        (np.fft.fft, "numpy.fft.fft on a Tensor: .* add one with minigrad.fused('fft', np.fft.fft"),
        (np.subtract.reduce, "numpy.subtract.reduce on a Tensor: .* Compose it of those in"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("on_trial")
def test_a_numpy_function_without_a_rule_says_how_to_add_one(call, said):
    for function in (np.floor, np.hypot, np.median, np.fft.fft):
        del primitive._by_numpy[function]
    with pytest.raises(TypeError, match=re.escape(said).replace(r"\.\*", ".*")):
        call(leaf([1.0, 2.0]))


@pytest.mark.usefixtures("on_trial")
def test_a_rule_that_is_added_as_told_answers_numpy_s_name():
    mg.elementwise("cosine", np.spacing, partials=(lambda y, x: 3 * x,), symbol="cos")
    assert mg.grad(np.spacing)(4.0) == 12


def test_a_keyword_without_a_rule_is_refused():
    with pytest.raises(TypeError, match=r"numpy.sort\(order=…\) on a Tensor: got order='a', for"):
        np.sort(leaf([1.0, 2.0]), order="a")
    with pytest.raises(TypeError, match="out"):
        np.add(leaf([1.0]), 1, out=np.zeros(1))
    with pytest.raises(TypeError, match=r"log_softmax: got the keyword where, expected axis$"):
        mg.log_softmax(leaf([1.0]), where=True)


def test_memory_is_not_read_by_strides():
    for x in (leaf([1.0, 2.0]), leaf([1.0, 2.0]).copy()):
        with pytest.raises(TypeError, match="use sliding_window_view"):
            np.lib.stride_tricks.as_strided(x, (2,), (4,))
    np.testing.assert_array_equal(np.lib.stride_tricks.as_strided(mg.Tensor([1.0, 2.0]), (1,)), 1)


def test_assignment_explains_what_to_do():
    x = leaf([1.0, 2.0])
    with pytest.raises(TypeError, match=r"np\.concatenate, np\.stack"):
        x[0] = 3.0
    with pytest.raises(TypeError, match=r"np\.stack"):
        np.zeros(2)[0:1] = x


INDICES = ((0, 1), 0, slice(1), ..., [0, 1])


@pytest.mark.parametrize("value", [2.0, [2.0]])
def test_assignment_into_a_plain_array_loses_no_gradient_silently(value):
    """Where a derivative is taken it is refused; elsewhere NumPy's cast to a number warns."""
    a = np.zeros((2, 2))

    def assigned(x, index):
        a[index] = 2 * x
        return x

    for index in INDICES:
        with pytest.raises((TypeError, ValueError)) as caught:
            mg.grad(lambda x: assigned(x, index).sum())(np.array(value))  # noqa: B023
        said = caught.value.__cause__ or caught.value  # NumPy hides it behind one of its own
        assert "np.stack" in str(said)
    for index in INDICES:
        with pytest.raises((TypeError, ValueError, UserWarning)) as caught:
            assigned(leaf(value), index)
        said = caught.value.__cause__ or caught.value
        assert "np.stack" in str(said)
    assert not a.any()
    a[0, 0], a[1, 0] = leaf(2.0).item(), mg.Tensor(2.0)
    with mg.no_grad():
        a[0, 1] = leaf(2.0)
    np.testing.assert_array_equal(a, [[2, 2], [2, 0]])


def test_a_number_taken_from_a_tensor_is_refused_warned_of_or_asked_for():
    x = leaf(0.5)
    for lost in (float, math.exp, complex):
        with pytest.raises(TypeError, match=r"x\.item\(\)"):
            mg.grad(lambda x: x * lost(x))(0.5)  # noqa: B023
        with pytest.warns(UserWarning, match=r"x\.item\(\)"):
            assert lost(x)

    class Model(nn.Module):
        """A forward pass that takes a number."""

        def forward(self, x):
            return x * math.exp(x)

    with pytest.raises(TypeError, match=r"np\.exp\(x\)"):
        Model()(x)
    assert mg.grad(lambda x: x * math.exp(x.item()))(0.5) == math.exp(0.5)  # said to be a constant
    with mg.no_grad():
        assert float(x) == 0.5
    assert float(mg.Tensor(0.5)) == 0.5


def test_numbers_are_written_and_rounded():
    loss = leaf(1.23456) * 1
    assert (f"{loss:.3f}", round(loss, 2), round(loss), int(loss)) == ("1.235", 1.23, 1, 1)
    assert f"{leaf([1.5]):8.2e}" == "1.50e+00"
    with pytest.raises(TypeError, match=r"got a Tensor of shape \(2,\), expected a single number"):
        f"{leaf([1.0, 2.0]):.3f}"
    assert f"{leaf([1.0, 2.0])}" == str(leaf([1.0, 2.0]))
    assert [10, 20][mg.Tensor(1)] == 20
    html = leaf(np.zeros((100, 100)))._repr_html_()
    assert len(html) < 300 and "(100, 100) float64" in html


def test_comparisons_give_plain_booleans():
    x = leaf([1.0, 2.0])
    assert (x > 1.5).tolist() == [False, True]
    assert (np.array([1.0, 3.0]) == x).tolist() == [True, False]


def test_nothing_is_recorded_under_no_grad_and_recording_resumes_after_an_error():
    x = leaf([1.0])
    with pytest.raises(ZeroDivisionError), mg.no_grad():
        assert not (x * x).requires_grad
        raise ZeroDivisionError
    assert (x * x).requires_grad


def test_threads_record_independently():
    x, results = leaf([1.0]), []
    with mg.no_grad():
        thread = threading.Thread(target=lambda: results.append((x * x).requires_grad))
        thread.start()
        thread.join()
    assert results == [True]


def test_threads_differentiate_graphs_of_their_own_at_the_same_time():
    shared = leaf([1.0, 2.0])

    def slope(k):
        x = leaf([float(k)])
        y = x
        for _ in range(200):
            y = y + shared.sum() * x
        return mg.gradients(y, [x])[0].item()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(slope, range(16))) == [601.0] * 16
    assert shared.grad is None


def test_a_chain_of_a_hundred_thousand_operations_needs_no_recursion():
    x = y = leaf([1.0])
    for _ in range(100_000):
        y = y + 1e-9
    y.backward()
    np.testing.assert_array_equal(x.grad, [1.0])
    del y  # freeing it must not recurse either


def test_only_what_leads_to_the_asked_input_is_visited(planted):
    def refuse(*_):
        raise AssertionError("the rule of exp was run")

    x, other = leaf([1.0]), leaf([2.0])
    z = (x * x + np.exp(other)).sum()
    with planted("exp", vjps=(refuse,)):
        (gradient,) = mg.gradients(z, [x], retain_graph=True)
        np.testing.assert_array_equal(gradient, [2.0])
        with pytest.raises(AssertionError):
            mg.gradients(z, [other])


def test_an_operation_keeps_the_tensors_that_need_no_gradient_for_their_names():
    x = mg.Tensor(np.ones(2), name="features")
    weight = mg.Parameter(np.ones(2))
    assert (x * weight).given[0] is x
    assert (x + 1).recipe is None
    with mg.unfused():
        doubled = 2 * x
        assert (doubled * weight).given[0] is doubled
    assert doubled.recipe[0] is mg.multiply
    assert doubled.given == (2, x)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sin", "arctan"])
def test_functions_of_a_list_of_tensors_reach_its_entries(name):
    function = getattr(np, name)
    listed = mg.jacobian(lambda x: function([x, x**2]))(0.7)
    joined = mg.jacobian(lambda x: getattr(mg, name)([x, x**2]))(0.7)
    expected = mg.jacobian(lambda x: function(np.stack([x, x**2])))(0.7)
    np.testing.assert_array_equal(listed, expected)
    np.testing.assert_array_equal(joined, expected)


@pytest.mark.parametrize("name", ["mean", "max", "var", "median", "prod", "sort", "logsumexp"])
def test_minigrad_s_own_functions_join_lists(name):
    function = getattr(mg, name)
    listed = mg.jacobian(lambda x: function([x, x**2, 0.1]))(0.7)
    np.testing.assert_array_equal(
        listed, mg.jacobian(lambda x: function(mg.array([x, x**2, 0.1])))(0.7)
    )


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "median", "average", "nanmean",
                                  "prod", "max", "ptp", "sort", "cumsum"])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (2,)])
def test_numpy_s_statistics_of_a_list_of_tensors_stay_on_the_tape(name, shape, rng):
    """NumPy asks no Tensor in a list: it computes with an array of objects."""
    function, x = getattr(np, name), rng.normal(size=shape)
    weights = rng.normal(size=np.shape(function([x, x, x])))

    def listed(x):
        return (weights * function([x, 2 * x, x**2])).sum()

    def joined(x):
        return (weights * function(np.stack([x, 2 * x, x**2]))).sum()

    for order in (mg.grad, mg.hessian):
        np.testing.assert_allclose(order(listed)(x), order(joined)(x), atol=1e-12)


def test_to_callers_a_number_on_the_tape_has_its_own_dtype():
    x = mg.Tensor(2.0, requires_grad=True)
    assert x.dtype == np.mean([x, x]).dtype == np.float64


def test_a_percentile_of_a_list_says_how_to_join_it():
    x = mg.Tensor(2.0, requires_grad=True)
    with pytest.raises(TypeError, match=r"join a list of Tensors with np\.stack"):
        np.percentile([x, x], 50)


class Labelled(np.lib.mixins.NDArrayOperatorsMixin):
    """What counts of an array of xarray here: it has names of dimensions, and takes others in."""

    dims, coords, shape = ("time",), MappingProxyType({}), (2,)

    def __array__(self, dtype=None, copy=None):
        return np.ones(2)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return self


@pytest.mark.parametrize("use", [lambda x, y: x * y, np.multiply, mg.multiply, nn.mse_loss])
def test_an_array_with_names_of_dimensions_is_refused(use):
    with pytest.raises(TypeError, match=r"Labelled, .* by the names of its dimensions.*x\.values"):
        use(mg.Tensor([1.0, 2.0], requires_grad=True), Labelled())


def test_whole_numbers_and_flags_of_a_tensor_are_constants():
    x = mg.Tensor([1.7, 0.0], requires_grad=True)
    for whole in (np.asarray(x, dtype=int), np.int64(x), x.astype(int).data):
        np.testing.assert_array_equal(whole, [1, 0])
        assert whole.dtype == int
    np.testing.assert_array_equal(np.array(x, dtype=bool), [True, False])
    np.testing.assert_array_equal(mg.grad(lambda x: (x[np.int64(x)] * x).sum())(x.data), [0.0, 3.4])


@pytest.mark.parametrize(
    "function",
    [lambda x: x * x, lambda x: -x, lambda x: x - 201, mg.softmax, mg.logsumexp, mg.norm,
     lambda x: mg.affine(x[None], x[None], x[:1]), lambda x: np.cumsum(x), lambda x: x @ x],
)  # fmt: skip
def test_no_byte_wraps_around_and_no_half_precision_comes_of_it(function):
    numbers = np.array([200, 100, 30], np.uint8)
    expected = function(mg.Tensor(numbers.astype(float))).data
    np.testing.assert_allclose(function(mg.Tensor(numbers)).data, expected, rtol=1e-12)


def test_minigrad_s_functions_of_plain_bytes_do_not_wrap_around():
    numbers = np.array([200, 100], np.uint8)
    np.testing.assert_array_equal(mg.multiply(numbers, numbers), [40000, 10000])
    np.testing.assert_allclose(mg.softmax(numbers), [1, np.exp(-100)])


def test_a_leaf_moves_in_place_outside_of_recording():
    """As loops write that train by hand."""
    parameters = [mg.Parameter(np.array([1.0], np.float32)), mg.Tensor([1.0], requires_grad=True)]
    for p in parameters:
        (p * p).sum().backward()
    with mg.no_grad():
        for p in parameters:
            p -= 0.25 * p.grad
            p *= 2
    for p, kind in zip(parameters, (np.float32, np.float64), strict=True):
        assert p.data == 1.0 and p.dtype == kind and p.requires_grad
        (3 * p).sum().backward()
        assert p.grad == 2 + 3
        with (
            pytest.raises(ValueError, match=r"got a result of shape \(2,\) for \(1,\)"),
            mg.no_grad(),
        ):
            p += np.ones(2)


def test_a_parameter_is_not_moved_where_that_would_be_recorded():
    p = mg.Parameter([1.0])
    with pytest.raises(RuntimeError, match=r"p -= x for a Parameter, where it is recorded"):
        p -= 1.0
    y = p + 0.0
    x = y
    y += p  # of what is computed, the name y goes to another
    y.sum().backward()
    assert (x.data, y.data, p.grad) == (1.0, 2.0, 2.0)
