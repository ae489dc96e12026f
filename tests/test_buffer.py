"""Claims about assignment: loops written for NumPy run and differentiate as they stand."""

from __future__ import annotations

import copy
import pickle
import random
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.tensor import raw


def zeros(x):
    return np.zeros_like(x)


def rows(x):
    y = zeros(x)
    for t in range(len(x)):
        y[t] = np.sin(x[t]) * (y[t - 1] if t else 1.0)
    return y


def columns(x):
    y, h = zeros(x), np.ones(3)
    for t in range(4):
        h = np.tanh(h * x[:, t])
        y[:, t] = h
    return y**3


def masks(x):
    y = x.copy()
    y[x > 0] += x[x > 0] ** 2
    y[y < 0] *= -2
    return y * y


def a_view_made_before(x):
    y = zeros(x)
    first = y[0]
    y[0] = x[1]
    total = (first * first).sum()
    y[0] *= 3
    total = total + (first * x[2]).sum()
    first[:] = x[0]
    return total + (y**2).sum()


def a_transpose_made_before(x):
    y = zeros(x)
    turned, flat = y.T, y.reshape(-1)
    y[1] = x[0] ** 2
    return (turned[:, 1] ** 2).sum() + (flat[4:6] * x[2, :2]).sum()


def an_operand_that_changes_later(x):
    y = zeros(x)
    y[0] = x[0]
    powers = np.exp(y)
    y[0] = x[1]
    return powers * powers + y * y * powers


def added_at(x):
    y = zeros(x)
    np.add.at(y, [0, 0, 2], x)
    np.subtract.at(y, (np.array([1, 1]), np.array([0, 3])), x[0, :2])
    return y**2


def an_index_twice(x):
    y = zeros(x)
    y[[0, 0, 1]] = x**2
    y[np.array([2, 2]), np.array([1, 1])] = x[0, :2]
    return y * y


def in_place(x):
    y = zeros(x)
    y[0:2] += x[0:2]
    y[0:2] -= x[1:3] * x[0:2]
    y[1][2] = x[0, 0] ** 2
    y[:, 1:][1] = 7.0
    y /= 2
    y += x
    y **= 2
    return y


def shifted(x):
    y = x.copy()
    y[1:] = y[:-1] * x[1:]
    y[:, ::2] = y[:, 1::2]
    return y**2


def copied_to(x):
    y = zeros(x)
    y.fill(2.0)
    np.copyto(y, x * x, where=x > 0)
    return y


def moved_by_numpy(x):
    y, chosen = zeros(x), x > 0
    np.fill_diagonal(y, x[0, :3] ** 2)
    np.fill_diagonal(y[:, 1:], 2 * x[1, 1])
    np.put(y, [-1, 4], x[2, :2] * x[0, :2])
    np.putmask(y, chosen, y + x**3)
    np.place(y, np.arange(12).reshape(3, 4) % 5 == 0, [x[0, 0], 3.0 * x[0, 1]])
    np.put_along_axis(y, np.array([[1], [3], [0]]), x[:, :1] * x[:, 1:2], axis=1)
    return y**2


PROGRAMS = [rows, columns, masks, a_view_made_before, a_transpose_made_before, added_at, shifted,
            an_operand_that_changes_later, an_index_twice, in_place, copied_to,
            moved_by_numpy]  # fmt: skip


def assert_right(function, x):
    """Value as NumPy has it, gradient and Hessian as differences have them."""
    loss = lambda x: np.sum(function(x))  # noqa: E731
    expected = loss(x)
    np.testing.assert_allclose(raw(loss(mg.Tensor(x, requires_grad=True))), expected)
    gradient, hessian = mg.grad(loss)(x), mg.hessian(loss)(x)
    directions = np.eye(x.size).reshape(-1, *x.shape)
    step = 1e-5
    slopes = [(loss(x + step * v) - loss(x - step * v)) / (2 * step) for v in directions]
    np.testing.assert_allclose(gradient.ravel(), slopes, rtol=1e-5, atol=1e-7)
    bends = [
        (mg.grad(loss)(x + step * v) - mg.grad(loss)(x - step * v)) / (2 * step)
        for v in directions
    ]  # fmt: skip
    np.testing.assert_allclose(hessian.reshape(-1, *x.shape), bends, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_code_that_fills_arrays_is_differentiated_as_it_stands(program, rng):
    assert_right(program, rng.normal(size=(3, 4)))


INDICES = st.one_of(
    st.integers(-3, 2), st.slices(3), st.just(...),
    st.tuples(st.slices(3), st.integers(-4, 3)), st.tuples(st.integers(-3, 2), st.slices(4)),
    st.lists(st.integers(-3, 2), min_size=1, max_size=4),
    st.tuples(st.just(...), st.lists(st.integers(0, 3), min_size=1, max_size=3)),
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "add", "times", "read", "view"]), INDICES), max_size=7
)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.integers(0, 2**32 - 1))
def test_random_programs_of_reads_and_writes(steps, seed):
    x = np.random.default_rng(seed).normal(size=(3, 4))

    def run(x):
        y, total, views = zeros(x), 0.0, []
        for how, index in steps:
            part = np.sin(x[index]) * 1.5
            if how == "set":
                y[index] = part * (y[0, 0] + 1)
            elif how == "add":
                y[index] += part
            elif how == "times":
                y[index] *= part + y[-1, -1]
            elif how == "read":
                total = total + np.sum(np.tanh(y[index]))
            else:
                views.append(y[index])
        for part in views:  # they show what has been written since
            total = total + np.sum(part * part)
        return np.sum(y * y) + total

    loss = lambda x: run(x)  # noqa: E731
    value = loss(x)
    np.testing.assert_allclose(raw(loss(mg.Tensor(x, requires_grad=True))), value, rtol=1e-12)
    direction = np.random.default_rng(seed + 1).normal(size=x.shape)
    slope = (loss(x + 1e-6 * direction) - loss(x - 1e-6 * direction)) / 2e-6
    gradient = mg.grad(loss)(x)
    scale = max(1.0, float(np.abs(gradient).sum()))
    assert abs(np.sum(gradient * direction) - slope) < 1e-5 * scale
    pushed = mg.jvp(loss, x, direction)[1]  # what reads parts in forward mode agrees with reverse
    np.testing.assert_allclose(pushed, np.sum(gradient * direction), rtol=1e-9, atol=1e-9 * scale)


READERS = {
    name: getattr(np, name)
    for name in (
        "ravel", "squeeze", "diagonal", "diag", "transpose", "flip", "fliplr", "flipud", "rot90",
        "real", "atleast_3d", "matrix_transpose", "tril", "conj", "positive", "exp", "nan_to_num",
        "meshgrid", "copy", "sort", "cumsum", "trace",
    )
} | {
    "swapaxes": lambda y: np.swapaxes(y, 0, 1), "moveaxis": lambda y: np.moveaxis(y, 0, 1),
    "reshape": lambda y: np.reshape(y, (3, 2)), "in order F": lambda y: y.reshape(3, 2, order="F"),
    "split": lambda y: np.split(y, 2)[0], "hsplit": lambda y: np.hsplit(y, 3)[1],
    "broadcast_to": lambda y: np.broadcast_to(y, (4, 2, 3)), "expand": lambda y: y[:, None],
    "broadcast_arrays": lambda y: np.broadcast_arrays(y, np.ones((4, 1, 1)))[0],
    "flatten": lambda y: y.flatten(), "mT": lambda y: y.mT, "plus": lambda y: +y,
    "method conj": lambda y: y.conj(), "take": lambda y: y.take([0, 1]),
    "rows": lambda y: y[[0, 1]], "mask": lambda y: y[np.ones((2, 3), bool)],
    "scalar": lambda y: y[0, 0], "einsum": lambda y: np.einsum("ij->ji", y),
    "view of views": lambda y: y.T[1:].reshape(-1)[::-1],
    "astype": lambda y: y.astype(float), "not copied": lambda y: y.astype(float, copy=False),
    "roll by 0": lambda y: np.roll(y, 0), "pad by 0": lambda y: np.pad(y, 0),
    "meshgrid of views": lambda y: np.meshgrid(y[0], y[1], copy=False)[0],
    "sum of nothing": lambda y: y.sum(axis=()), "stack": lambda y: np.stack([y]),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_what_was_read_before_an_assignment_shows_it_where_numpy_s_does(name):
    def run(x):
        y = np.zeros_like(x)
        y[:] = x
        part = READERS[name](y)
        part = part[0] if isinstance(part, tuple) else part
        y[0], y[1, 1] = x[1] * 10, x[0, 0] * 7
        return part * np.arange(1.0, 1 + np.size(part)).reshape(np.shape(part))

    x = np.arange(1.0, 7).reshape(2, 3)
    np.testing.assert_allclose(run(mg.Tensor(x, requires_grad=True)).data, run(x))


WAYS = {
    "T": lambda y: y.T, "ravel": np.ravel, "turned": lambda y: y[::-1], "part": lambda y: y[:2, 1:],
    "every other": lambda y: y[..., ::2], "column": lambda y: y[:, 1], "row": lambda y: y[-1],
    "in rows": lambda y: y.reshape(2, -1), "in order F": lambda y: y.reshape(-1, 2, order="F"),
    "raised": lambda y: y[:, None], "squeeze": np.squeeze, "moved": lambda y: np.moveaxis(y, 0, -1),
    "diagonal": np.diagonal, "itself": lambda y: np.astype(y, float, copy=False),
    "cleaned": lambda y: np.nan_to_num(y, copy=False),
}  # fmt: skip
BUFFERS = {
    "zeros_like": np.zeros_like, "method": lambda x: x.copy(), "copy": np.copy,
    "of the transpose": lambda x: x.T.copy(), "copy of the transpose": lambda x: np.copy(x.T),
    "of a part": lambda x: x[:, ::2].copy(), "in order F": lambda x: x.copy(order="F"),
    "full_like": lambda x: np.full_like(x.T, 2.0),
}  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(BUFFERS)), st.lists(st.sampled_from(sorted(WAYS)), max_size=4),
       st.sampled_from("CF"), st.booleans())  # fmt: skip
def test_a_part_of_a_part_is_a_view_where_numpy_s_is_and_is_written_through(
    made, ways, order, read
):
    def run(x):
        y = part = BUFFERS[made](x)
        for way in ways:
            part = WAYS[way](part)
        if read:  # what lies in other memory keeps its value
            y[0] = 10 * x[0, : y.shape[1]]
            return part * 2
        part[...] = 10 * x[0, 0] + np.arange(part.size).reshape(part.shape)
        return y * 2

    x = np.array(np.arange(1.0, 17).reshape(4, 4), order=order)
    try:
        expected = run(x)
    except (TypeError, ValueError, IndexError):  # NumPy has no such part, or it is read-only
        assume(False)
    try:
        found = run(mg.Tensor(x, requires_grad=True))
    except TypeError as error:
        # to write into a copy, which NumPy allows and which changes nothing else, is refused
        assert not read and "assignment into" in str(error)
        np.testing.assert_array_equal(expected, 2 * BUFFERS[made](x))
    else:
        np.testing.assert_allclose(raw(found), expected)


@pytest.mark.parametrize("part", [np.real, np.imag, lambda y: y.real, lambda y: y.imag[1:]])
def test_the_parts_of_complex_numbers_are_views(part):
    def run(x):
        y = x + 1j * x[::-1] ** 2 if isinstance(x, np.ndarray) else (x + 1j * x[::-1] ** 2).copy()
        before = part(y)
        y[1] = x[0] ** 3 * (2 + 3j)
        return np.sum(before * before)

    x = np.array([0.5, -1.2, 2.0])
    np.testing.assert_allclose(raw(run(mg.Tensor(x, requires_grad=True))), run(x))
    slopes = [(run(x + d) - run(x - d)) / 2e-6 for d in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(mg.grad(run)(x), slopes, rtol=1e-6)


def test_arrays_of_minigrad_are_filled_with_numbers_of_the_tape():
    def filled(x):
        y = mg.zeros((2, 2))
        y[0, 0], y[1] = x, [2 * x, 3.0]
        return y

    np.testing.assert_array_equal(mg.jacobian(filled)(5.0), [[1, 0], [2, 0]])
    np.testing.assert_array_equal(mg.grad(lambda x: mg.full((2, 3), x).sum())(5.0), 6)
    np.testing.assert_array_equal(
        mg.grad(lambda x: (mg.ones(2) * x + np.full_like(x, 2.0)).sum())(5.0), 2
    )


def test_numpy_s_makers_take_a_tensor_as_like():
    def filled(x):
        y, z = np.zeros((2, 2), like=x), np.full(2, x, like=x)
        y[0], y[1, 0] = z, np.ones((), like=x) * x**2
        return y

    np.testing.assert_array_equal(mg.jacobian(filled)(5.0), [[1, 1], [10, 0]])
    assert np.empty(2, int, like=mg.Tensor(1.0)).dtype == int
    with pytest.raises(TypeError, match="unexpected keyword"):
        np.zeros(2, like=mg.Tensor(1.0), wrong=1)


def test_what_was_lent_before_an_assignment_keeps_its_value():
    y = mg.zeros(2)
    before, data = y + 0.0, y.data
    y[0] = 1.0
    assert before.data[0] == data[0] == 0
    assert y.data[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 2.0


@pytest.mark.parametrize("part", [lambda y: y, lambda y: y[0], lambda y: y.T])
@pytest.mark.parametrize("made", [np.asarray, np.asanyarray, lambda y: np.asarray(y)[:1]])
def test_a_plain_array_of_one_that_is_filled_does_not_grow_stale(part, made):
    y = mg.zeros((2, 2))
    plain = made(part(y))
    with pytest.raises(TypeError, match=r"np\.array\(y\) or y\.copy"):
        y[0, 0] = 1.0
    assert plain.flags.writeable is False
    del plain
    y[0, 0] = 1.0
    copies = np.array(y), np.asarray(y, dtype=np.float32), y.copy()
    y[0, 0] = 2.0
    assert all(copy[0, 0] == 1 for copy in copies)


@pytest.mark.parametrize("shuffle", [random.Random(0).shuffle, np.random.default_rng(0).shuffle])
def test_rows_are_not_swapped_one_by_one(shuffle):
    """They are views: the second assignment would read what the first has written."""
    y = np.copy(mg.Tensor(np.arange(8.0).reshape(4, 2)))
    with warnings.catch_warnings(), pytest.raises(TypeError, match=r"y\[\[.*to swap them"):
        warnings.simplefilter("ignore")  # NumPy's own, that rows may be doubled
        shuffle(y)
    y[[0, 1]] = y[[1, 0]]
    assert y.data[:2].tolist() == [[2, 3], [0, 1]]
    numbers = np.copy(mg.Tensor(np.arange(8.0)))
    numbers[0], numbers[1] = numbers[1], numbers[0]
    assert numbers.data[:2].tolist() == [1, 0]


def test_a_buffer_is_sorted_in_place_and_a_tensor_is_not():
    def smallest(x):
        y = x.copy()
        assert y.sort(axis=0) is None
        return y[0]

    x = np.array([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(mg.grad(smallest)(x), [0, 1, 0])
    with pytest.raises(AttributeError, match=r"np\.sort\(x\)"):
        mg.Tensor(x).sort()


def test_a_copy_is_not_its_original():
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    y = x.copy()
    y[0] = 5.0
    assert x.data[0] == 1
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 4])


@pytest.mark.parametrize(
    ("assign", "said"),
    [
        (lambda x: mg.zeros(3, int).__setitem__(0, x), "float64 into an array of int64"),
        (lambda x: mg.zeros(3).__setitem__(0, x * 1j), "complex128 into an array of float64"),
        (lambda x: x.reshape(1).__setitem__(0, 1.0), r"y = x\.copy\(\)"),
        (
            lambda x: np.broadcast_to(mg.zeros(3), (2, 3)).__setitem__(0, x),
            "what broadcast_to made",
        ),
        (lambda x: np.real(mg.zeros(3, complex)).__setitem__(0, x), "what real made"),
        (lambda x: np.copyto(np.zeros(1), x), "lose the gradient"),
        (lambda x: np.put(np.zeros(2), [0], x), "put into a plain array.*lose the gradient"),
        (lambda x: np.put(x, [0], 1.0), "put into a Tensor.*cannot change"),
        (lambda x: np.put(mg.zeros(2, int), [0], x), "float64 into an array of int64"),
        (lambda x: mg.full(2, 300, np.uint8), "does not hold 300 to 300"),
        (lambda x: mg.full(2, 200, np.uint8).__iadd__(100), "does not hold 300 to 300"),
    ],
)
def test_what_cannot_be_assigned_is_refused(assign, said):
    with pytest.raises((TypeError, OverflowError), match=said):
        assign(mg.Tensor(1.5, requires_grad=True))


def test_an_assignment_that_fails_changes_nothing():
    y = mg.zeros(2)
    lent = y.data
    with pytest.raises(ValueError, match="broadcast"):
        y[:] = np.ones(3)
    y[0] = 1.0
    assert lent[0] == 0


def test_no_grad_holds_for_assignment_too():
    x = mg.Tensor(2.0, requires_grad=True)
    y = mg.zeros(2)
    with mg.no_grad():
        y[0] = x
    y[1] = x
    y.sum().backward()
    assert x.grad == 1


def test_a_buffer_of_constants_is_pickled_and_copied():
    y = mg.zeros(2)
    y[0] = 3.0
    for again in (pickle.loads(pickle.dumps(y)), copy.deepcopy(y), copy.copy(y)):
        again[1] = 1.0
        np.testing.assert_array_equal(again.data, [3, 1])
    np.testing.assert_array_equal(y.data, [3, 0])
