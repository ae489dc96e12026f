"""Claims about every primitive there is, checked on the samples it carries."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.primitives import BY_NUMPY, PRIMITIVES, Primitive
from minigrad.targets import target_of
from minigrad.verify import judge_problem, verify

EVERY = sorted(PRIMITIVES.values(), key=lambda primitive: primitive.name)
CASES = [(primitive, sample) for primitive in EVERY for sample in primitive.samples]


def _ids(value: object) -> str:
    return value.name if isinstance(value, Primitive) else ""


def _operands(primitive, sample, rng, dtype=np.float64):
    """The sample's arrays: random ones where it gives a shape, within the domain."""
    drawn = iter(target_of(primitive).problem(sample).numbers(rng).values())
    return [
        np.asarray(next(drawn), dtype) if isinstance(operand, tuple) else operand
        for operand in sample.operands
    ]


@pytest.mark.parametrize("primitive", EVERY, ids=_ids)
def test_a_primitive_carries_samples(primitive):
    assert primitive.samples


@pytest.mark.parametrize("primitive", EVERY, ids=_ids)
def test_all_three_judges_find_the_rule_right(primitive):
    checks = [
        judge_problem(problem, judge).checks[0]
        for problem in target_of(primitive).problems()
        for judge in problem.judges
    ]
    assert {check.judge for check in checks if check.passed} == {"proof", "exact", "numeric"}
    rounded = "a constant was rounded"  # as Γ(3), of an operand that is no variable
    assert [c for c in checks if not c.passed and rounded not in c.established] == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("primitive", "sample"), [case for case in CASES if case[0] is not mg.astype], ids=_ids
)
def test_values_and_gradients_keep_the_dtype(primitive, sample, dtype, rng):
    leaves = [
        mg.Tensor(x, requires_grad=True) if x.dtype == dtype else x
        for x in _operands(primitive, sample, rng, dtype)
    ]
    output = primitive.bind(tuple(leaves), sample.static)
    output.backward(np.ones(output.shape, dtype))
    assert output.dtype in (dtype, np.result_type(dtype, np.complex64))  # of the same precision
    assert {leaf.grad.dtype for leaf in leaves if isinstance(leaf, mg.Tensor)} == {np.dtype(dtype)}


@pytest.mark.parametrize(("primitive", "sample"), CASES, ids=_ids)
def test_inputs_are_not_changed_and_may_lie_anywhere_in_memory(primitive, sample, rng):
    """The same gradient from a non-contiguous view, and no operand or cotangent is written to."""
    arrays = _operands(primitive, sample, rng)
    results = []
    for scattered in (False, True):
        leaves = [
            mg.Tensor(_view(x) if scattered else x, requires_grad=True) if x.dtype == float else x
            for x in arrays
        ]
        before = [mg.tensor.raw(leaf).copy() for leaf in leaves]
        output = primitive.bind(tuple(leaves), sample.static)
        cotangent = np.linspace(1, 2, output.size).reshape(output.shape)
        kept = cotangent.copy()
        output.backward(cotangent)
        for leaf, original in zip(leaves, before, strict=True):
            np.testing.assert_array_equal(mg.tensor.raw(leaf), original)
        np.testing.assert_array_equal(cotangent, kept)
        results.append([leaf.grad for leaf in leaves if isinstance(leaf, mg.Tensor)])
    for plain, scattered in zip(*results, strict=True):
        np.testing.assert_allclose(plain, scattered, rtol=1e-14)


def _view(x: np.ndarray) -> np.ndarray:
    """Equal to ``x``, but every second entry of a larger array, backwards."""
    large = np.zeros((*x.shape[:-1], 2 * x.shape[-1]) if x.ndim else ())
    view = large[..., ::-2] if x.ndim else large
    view[...] = x
    return view


def test_each_numpy_function_has_one_answer():
    for function, rule in BY_NUMPY.items():
        if isinstance(rule, Primitive):
            assert function in rule.numpy


@pytest.mark.parametrize("name", ["tanh", "exp", "sqrt", "add", "multiply", "matmul", "transpose"])
def test_numpy_s_name_and_minigrad_s_name_record_the_same(name):
    x = mg.Tensor(np.full((2, 2), 0.5), requires_grad=True)
    arguments = (x, x) if PRIMITIVES[name].arity == 2 else (x,)
    ours, numpys = getattr(mg, name)(*arguments), getattr(np, name)(*arguments)
    assert ours.primitive is numpys.primitive is PRIMITIVES[name]
    np.testing.assert_array_equal(ours.data, numpys.data)


def test_sigmoid_keeps_its_relative_accuracy_in_the_tails():
    x = mg.Tensor(np.array([-700.0, -40.0, 40.0, 700.0]), requires_grad=True)
    with np.errstate(all="raise"):
        y = mg.sigmoid(x)
        y.sum().backward()
    np.testing.assert_allclose(y.data[:2], np.exp([-700.0, -40.0]), rtol=1e-12)
    np.testing.assert_allclose(x.grad, np.exp([-700.0, -40.0, -40.0, -700.0]), rtol=1e-12)


def test_softmax_of_large_numbers_is_finite():
    x = mg.Tensor(np.array([[1e4, 1e4 + 1], [-1e4, 0.0]]), requires_grad=True)
    with np.errstate(over="raise", invalid="raise"):
        y = mg.softmax(x)
        (y * np.array([1.0, 2.0])).sum().backward()
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad).all()


@pytest.mark.usefixtures("on_trial")
@pytest.mark.parametrize("forward", [np.tanh, lambda x: np.tanh(x)])
def test_a_wrong_rule_leaves_the_right_one_of_the_same_meaning_alone(forward):
    wrong = mg.elementwise("wrong tanh", forward, partials=(lambda y, x: 1 - y,), symbol="tanh")
    assert mg.grad(wrong)(0.5) == 1 - np.tanh(0.5)
    assert mg.grad(np.tanh)(0.5) == mg.grad(mg.tanh)(0.5) == 1 - np.tanh(0.5) ** 2
    assert BY_NUMPY[np.tanh] is mg.tanh
    assert verify("tanh").passed
    assert not any(check.passed for check in verify(target_of(wrong, "wrong tanh")).checks)
