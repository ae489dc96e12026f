"""State that a function would change only while it is traced is found, and the line named."""

from __future__ import annotations

import array
import contextvars
import datetime
import decimal
import functools
import itertools
import logging
import operator
import os
import random
import subprocess
import sys
import time
import uuid
import weakref
from collections import ChainMap, Counter, UserDict, deque
from datetime import date as today
from decimal import Decimal
from time import time as now
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim
from minigrad.compile import TraceError

X = np.arange(4.0)


def late(count):
    """A factor that changes after the calls in which a function is traced."""
    return 1 if count < 5 else 2


class Slotted:
    __slots__ = ("n",)

    def __init__(self):
        self.n = 0


class Counted:
    n = 0

    def __call__(self, x):
        self.n += 1
        return x * late(self.n)


class Everybody:
    n = 0


def of_an_iterator():
    numbers = itertools.count()
    return lambda x: x * late(next(numbers))


def of_a_generator():
    numbers = (late(k) for k in range(99))
    return lambda x: x * next(numbers)


def of_a_set():
    seen = set()

    def function(x):
        seen.add(len(seen))
        return x * late(len(seen))

    return function


def of_a_deque():
    numbers = deque([1, 1, 1, 1, 2])

    def function(x):
        numbers.rotate(1)
        return x * late(numbers[-1])

    return function


def of_a_counter():
    calls = Counter()

    def function(x):
        calls["n"] += 1
        return x * late(calls["n"])

    return function


def of_bytes(make=lambda: bytearray(1)):
    calls = make()

    def function(x):
        calls[0] += 1
        return x * late(calls[0])

    return function


def of_numbers():
    return of_bytes(lambda: array.array("l", [0]))


def of_slots():
    calls = Slotted()

    def function(x):
        calls.n += 1
        return x * late(calls.n)

    return function


def of_attributes_by_name():
    calls = SimpleNamespace(n=0)

    def function(x):
        setattr(calls, "n", getattr(calls, "n") + 1)  # noqa: B009, B010 (that is the claim)
        return x * late(getattr(calls, "n"))  # noqa: B009

    return function


def of_a_class():
    def function(x):
        Everybody.n += 1
        return x * late(Everybody.n)

    return function


def of_the_function_itself():
    def function(x):
        function.n = getattr(function, "n", 0) + 1
        return x * late(function.n)

    return function


def of_the_environment():
    def function(x):
        os.environ["CALLS"] = str(int(os.environ.get("CALLS", "0")) + 1)
        return x * late(int(os.environ["CALLS"]))

    return function


def of_a_context():
    calls = contextvars.ContextVar("calls", default=0)

    def function(x):
        calls.set(calls.get() + 1)
        return x * late(calls.get())

    return function


def of_a_schedule():
    optimizer = optim.SGD([mg.Parameter(X)], lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 4)

    def function(x):
        schedule.step()
        return x * optimizer.lr

    return function


def of_a_default():
    def function(x, calls=[0]):  # noqa: B006
        calls[0] += 1
        return x * late(calls[0])

    return function


def of_a_partial():
    def function(calls, x):
        calls[0] += 1
        return x * late(calls[0])

    return functools.partial(function, [0])


def of_an_error_stream():
    def function(x):
        print("called", file=sys.stderr)
        return x

    return function


def of_a_log():
    def function(x):
        logging.getLogger("minigrad.tests").warning("called")
        return x

    return function


def of_a_text():
    return lambda x: float(f"{x.sum()}") * x


@pytest.mark.parametrize(
    "make", [of_an_iterator, of_a_generator, of_a_set, of_a_deque, of_a_counter, of_bytes,
             of_numbers, of_slots, of_attributes_by_name, of_a_class, of_the_function_itself,
             of_the_environment, of_a_context, of_a_schedule, of_a_default, of_a_partial, Counted,
             of_an_error_stream, of_a_log, of_a_text],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_a_change_that_would_happen_once_is_refused(make, monkeypatch):
    monkeypatch.setenv("CALLS", "0")
    function = make()
    with pytest.raises(TraceError) as error:
        mg.jit(function)(X)
    if make is not of_the_environment:
        assert "test_state.py, line " in str(error.value)
    Everybody.n = 0


def test_what_others_change_between_calls_counts():
    names, last, mode, slotted = {"a"}, deque([1]), contextvars.ContextVar("mode"), Slotted()
    mode.set(1)

    def function(x):
        return x * len(names) * last[-1] * mode.get() * (slotted.n + Everybody.n + 1)

    compiled = mg.jit(function)
    for change in (
        lambda: None, lambda: names.add("b"), lambda: last.append(3), lambda: mode.set(5),
        lambda: setattr(slotted, "n", 7), lambda: setattr(Everybody, "n", 2),
    ):  # fmt: skip
        change()
        np.testing.assert_array_equal(compiled(X), function(X))
    Everybody.n = 0


def test_the_warning_of_many_traces_says_what_changes():
    mode = {"n": 0}
    compiled = mg.jit(lambda x: x * mode["n"])
    with pytest.warns(RuntimeWarning, match=r"because mode\['n'\], which it sees, has changed"):
        for n in range(8):
            mode["n"] = n
            compiled(X)


def test_an_argument_that_is_changed_must_not_be_seen_under_another_name():
    def function(x, y):
        z = np.sin(y)
        x += 1
        return z + y

    compiled, given = mg.jit(function), X.copy()
    np.testing.assert_array_equal(compiled(given, X), np.sin(X) + X)
    np.testing.assert_array_equal(given, X + 1)
    with pytest.raises(TraceError, match="shares memory with another array"):
        compiled(given[1:], given[:-1])


def test_arrays_with_other_rules_are_refused():
    with pytest.raises(TypeError, match="got a MaskedArray, expected a NumPy array or a Tensor"):
        mg.jit(lambda x: x * 2)(np.ma.array(X, mask=X > 1))


# Kept where the code does not name it: each gives a function, and what changes its factor


@functools.lru_cache
def table(n):
    return np.ones(n)


def in_a_memo():
    table.cache_clear()
    return lambda x: x * table(4), lambda: table(4).fill(3)


def in_a_wrapped_dict():
    factors = UserDict(k=1.0)
    return lambda x: x * factors["k"], lambda: factors.update(k=3.0)


def in_a_chain_of_dicts():
    first = {"k": 1.0}
    factors = ChainMap({}, first)
    return lambda x: x * factors["k"], lambda: first.update(k=3.0)


def behind_a_proxy():
    factors = {"k": 1.0}
    proxy = MappingProxyType(factors)
    return lambda x: x * proxy["k"], lambda: factors.update(k=3.0)


def behind_a_weak_reference():
    held = Counted()
    held.n = 1.0
    reference = weakref.ref(held)
    return lambda x: x * reference().n, lambda: setattr(held, "n", 3.0)


def by_a_name_made_while_it_runs():
    factors = SimpleNamespace(k1=1.0)
    return lambda x: x * getattr(factors, f"k{1}"), lambda: setattr(factors, "k1", 3.0)


def by_a_getter():
    factors, get = SimpleNamespace(k=1.0), operator.attrgetter("k")
    return lambda x: x * get(factors), lambda: setattr(factors, "k", 3.0)


def in_the_environment():
    return (lambda x: x * float(os.environ.get("CALLS", "1")),
            lambda: os.environ.__setitem__("CALLS", "3"))  # fmt: skip


def of_a_descriptor():
    class Factor:
        def __get__(self, owner, kind=None):
            return owner.__dict__["_factor"]

    class Scaled:
        factor = Factor()

    scaled = Scaled()
    scaled._factor = 1.0
    return lambda x: x * scaled.factor, lambda: setattr(scaled, "_factor", 3.0)


def with_attributes_of_its_own():
    class Lookup(dict):
        __getattr__ = dict.__getitem__

    factors = Lookup(k=1.0)
    return lambda x: x * factors.k, lambda: factors.update(k=3.0)


@pytest.mark.parametrize(
    "make", [in_a_memo, in_a_wrapped_dict, in_a_chain_of_dicts, behind_a_proxy,
             behind_a_weak_reference, by_a_name_made_while_it_runs, by_a_getter,
             in_the_environment, of_a_descriptor, with_attributes_of_its_own],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_what_is_kept_out_of_sight_counts_as_it_is_now(make, monkeypatch):
    monkeypatch.setenv("CALLS", "1")
    function, change = make()
    compiled = mg.jit(function)
    np.testing.assert_array_equal(compiled(X), X)
    change()
    np.testing.assert_array_equal(compiled(X), 3 * X)


def test_a_refusal_that_the_function_catches_is_still_one():
    def function(x):
        try:
            return x * float(x.sum())
        except TypeError:
            return x

    with pytest.raises(TraceError, match=r"`return x \* float\(x.sum\(\)\)`: the value"):
        mg.jit(function)(X)


@pytest.mark.parametrize(
    "function", [lambda x: np.unique(x), lambda x: np.histogram(x)[0], lambda x: {x[0]: 1},
                 lambda x: round(x[0])]
)  # fmt: skip
def test_what_asks_for_numbers_names_the_line(function):
    with pytest.raises(TraceError, match=r"test_state.py, line .*compute it outside"):
        mg.jit(function)(X)


def test_a_generator_is_one_to_the_user_s_own_code():
    rng, other = np.random.default_rng(0), np.random.default_rng(0)
    compiled = mg.jit(lambda x: x + rng.normal() if isinstance(rng, np.random.Generator) else x)
    np.testing.assert_array_equal(compiled(X), X + other.normal())


def test_an_argument_is_an_array_to_the_user_s_own_code():
    def function(x, n):
        return 2 * x if isinstance(x, np.ndarray) and isinstance(n, int) else x

    np.testing.assert_array_equal(mg.jit(function)(X, 3), 2 * X)
    with pytest.raises(TraceError, match="strides of an array that is not known"):
        mg.jit(lambda x: 2 * x if hasattr(x, "strides") else x)(X)


def reads_a_file(x, path):
    return x * float(path.read_text())


def writes_a_file(x, path):
    with open(path, "w") as file:
        file.write("called")
    return x


def loads_an_array(x, path):
    return x * np.load(path)


def evaluates(x, path):
    return x * eval("late(1)")


def looks_up(x, path):
    return x * globals()["late"](1)


@pytest.mark.parametrize(
    "function", [reads_a_file, writes_a_file, loads_an_array, evaluates, looks_up]
)
def test_what_no_argument_and_no_name_gives_is_refused(function, tmp_path):
    path = tmp_path / "numbers.npy"
    np.save(path, X)
    with pytest.raises(
        TraceError, match=r"test_state.py, line .*(open|eval|globals)\(\) is called"
    ):
        mg.jit(function)(X, path)


LAYER = """
import numpy as np
import minigrad as mg
layer = mg.nn.GRU(3, 4, rng=0)
x = np.ones((2, 5, 3), np.float32)
assert np.allclose(mg.jit(lambda x: layer(x)[0])(x).data, layer(x)[0].data, rtol=1e-5)
"""


def test_a_layer_may_load_its_kernel_while_it_is_traced():
    """Its first call reads a file, and imports what looks at its own globals()."""
    subprocess.run([sys.executable, "-c", LAYER], check=True)


def test_the_environment_s_own_functions_are_back_after_a_trace():
    before = open, eval, exec, globals, input, type, time.time, now, datetime.date, today
    mg.jit(lambda x: 2 * x)(X)
    for function in (evaluates, *READERS):
        with pytest.raises(TraceError):
            mg.jit(function)(X, 0)
    assert before == (
        open, eval, exec, globals, input, type, time.time, now, datetime.date, today
    )  # fmt: skip


def reads_a_clock(x, _):
    return x if time.time() < 2 else 3 * x


def reads_a_clock_by_a_name_of_its_own(x, _):
    return x if now() < 2 else 3 * x


def asks_the_date(x, _):
    return x if today.today().year < 2 else 3 * x


def asks_the_time(x, _):
    return x if datetime.datetime.now().year < 2 else 3 * x


def looks_for_a_file(x, _):
    return x if os.path.exists("settings.ini") else 3 * x


def goes_through_a_folder(x, _):
    return x * len(os.listdir())


def draws_an_identifier(x, _):
    return x * int(uuid.uuid4().hex[0], 16)


def asks_how_errors_are_treated(x, _):
    return x if np.geterr()["over"] == "warn" else 3 * x


READERS = (
    reads_a_clock, reads_a_clock_by_a_name_of_its_own, asks_the_date, asks_the_time,
    looks_for_a_file, goes_through_a_folder, draws_an_identifier, asks_how_errors_are_treated,
)  # fmt: skip


@pytest.mark.parametrize("function", READERS)
def test_what_the_world_says_is_no_constant(function):
    """A branch on it gives the same program twice: only the question itself shows it."""
    with pytest.raises(TraceError, match=r"test_state.py, line .*\(\) is called"):
        mg.jit(function)(X, 0)


def test_a_date_that_is_given_is_a_constant():
    start = today(2000, 1, 1)
    compiled = mg.jit(lambda x: x * (datetime.date(2000, 1, 3) - start).days)
    np.testing.assert_array_equal(compiled(X), 2 * X)


def test_what_differs_in_the_second_call_is_found_then():
    """Random numbers that nobody watches: the first call is right, and the second refuses."""
    outside = random.Random(0)
    compiled = mg.jit(lambda x: x * outside_numbers(outside))
    np.testing.assert_array_equal(compiled(X), X * random.Random(0).random())
    outside.random()
    with pytest.raises(TraceError, match="does not compute the same when it is called twice"):
        compiled(X)


def outside_numbers(generator):
    numbers = random.Random()
    numbers.setstate(generator.getstate())
    return numbers.random()


def test_types_are_those_of_what_is_stood_for():
    layer = mg.nn.Linear(4, 1, rng=0)

    def function(x, n):
        kinds = type(x), type(n), type(x.sum()), type(layer.weight), type(n > 1)
        known = np.ndarray, float, np.float64, mg.tensor.Parameter, bool
        return 3 * x if kinds == known and isinstance(int, type) else x

    np.testing.assert_array_equal(mg.jit(function)(X, 2.0), 3 * X)
    assert type(layer.weight) is mg.tensor.Parameter


def of_decimal_s_context():
    return (lambda x: x * len(str(Decimal(1) / Decimal(3))),
            lambda: decimal.getcontext().__setattr__("prec", 5))  # fmt: skip


def of_print_options():
    return lambda x: x * len(f"{third}"), lambda: np.set_printoptions(precision=2)


def of_the_order_of_a_set():
    numbers = {0, 8}

    def change():
        numbers.clear()
        numbers.update([8, 0])

    return lambda x: x * next(iter(numbers)), change


def of_the_order_of_a_dict():
    numbers = {"a": 1, "b": 2}
    return lambda x: x * next(iter(numbers.values())), lambda: numbers.update(a=numbers.pop("a"))


third = np.array([1 / 3])


@pytest.mark.parametrize("make", [of_decimal_s_context, of_print_options, of_the_order_of_a_set,
                                  of_the_order_of_a_dict])  # fmt: skip
def test_settings_and_orders_count_as_they_are_now(make):
    function, change = make()
    compiled = mg.jit(function)
    with decimal.localcontext(), np.printoptions():
        before = function(X)
        np.testing.assert_array_equal(compiled(X), before)
        change()
        after = function(X)
        assert not np.array_equal(before, after)
        np.testing.assert_array_equal(compiled(X), after)
