"""The JavaScript program of a trace computes what NumPy does, in a browser, or is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import targets
from minigrad.compile.javascript_code import HOLD, RELEASE, JavaScriptError, written
from minigrad.compile.trace import Trace
from minigrad.tensor import raw
from minigrad.tree import tree_leaves
from tests.compile.test_compiled import problems, programs, weighted
from tests.graph.browser import CHROMIUM, FLAGS, needs_chromium

pytestmark = needs_chromium

REFUSED = {
    "binary-cross-entropy-of-shares": "check", "gaussian-loss": "check",
    "dft": "complex",
    **{name: name for name in (
        "betainc", "eig", "eigh", "gammainc", "iv", "ive", "jv", "kv", "kve", "pinv", "qr", "svd",
        "yv",
    )},
}  # fmt: skip
"""What the writer has no JavaScript for, and what the message names."""


@pytest.fixture(scope="module")
def tab():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium.new_page()
        chromium.close()


def script(function, *arrays):
    """The program of a function of arrays; numbers that are not of floating point are constants."""
    trace = Trace("example", whole=False)
    given = [trace.array(x) if x.dtype.kind == "f" else x for x in arrays]
    return written(trace.program([trace.operand(raw(x)) for x in tree_leaves(function(*given))]))


def run(tab, made, arrays, held=()):
    """What a program gives, each output flat."""
    given = [list(map(str, x.ravel().tolist())) for x in arrays if x.dtype.kind == "f"]
    text = json.dumps(given).replace("inf", "Infinity").replace("nan", "NaN")
    found = tab.evaluate(f"""() => {{
      const program = {made.text}, given = {text};
      {list(made.inputs)}.forEach((n, k) => program.arrays[n].set(given[k].map(Number)));
      program.run({json.dumps(list(held))});
      return {list(made.outputs)}.map((n) => [...program.arrays[n]].map(String));
    }}""")
    return [np.array([float(x.replace("Infinity", "inf")) for x in part]) for part in found]


def close(got, expected):
    got, expected = list(got), tree_leaves(expected)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        b = np.asarray(raw(b), float).ravel()
        size = 1 + np.max(np.abs(b[np.isfinite(b)]), initial=0)
        np.testing.assert_allclose(a / size, b / size, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [t.name for t in targets.builtin()])
def test_values_and_gradients_of_everything_built_in(tab, name):
    for problem in problems(name):
        numbers = problem.numbers(np.random.default_rng(1))
        names, arrays = list(numbers), [np.asarray(raw(x)) for x in numbers.values()]

        def loss(arrays, problem=problem, given=numbers):
            return weighted(problem.run({
                k: x if isinstance(given[k], mg.Tensor) else mg.Tensor(x, name=k)
                for k, x in arrays.items()
            }))  # fmt: skip

        def both(*arrays, names=names, loss=loss):
            return mg.value_and_grad(loss)(dict(zip(names, arrays, strict=True)))

        if name in REFUSED:
            with pytest.raises(JavaScriptError, match=REFUSED[name]):
                script(both, *arrays)
            return
        close(run(tab, script(both, *arrays), arrays), both(*arrays))


@settings(max_examples=60, deadline=None)
@given(function=programs(), seed=st.integers(0, 9))
def test_random_programs(tab, function, seed):
    arrays = np.random.default_rng(seed).normal(size=(2, 3, 4))
    both = mg.value_and_grad(function, argnums=(0, 1))
    close(run(tab, script(both, *arrays), arrays), both(*arrays))


FUNCTIONS = {
    "views of views": lambda x: x[::-1, 1:].T.reshape(-1)[::2] * 2,
    "every other from behind": lambda x: x[1::-1, ::-2] + x[:2, :1],
    "by rows": lambda x: x[np.array([2, 0, 0])] * x[:, [1]],
    "by a mask": lambda x: x[np.arange(12).reshape(3, 4) % 3 == 1],
    "of both axes": lambda x: x[[[0], [2]], [1, 3]],
    "a diagonal": lambda x: np.einsum("ii->i", x[:, :3]),
    "three at once": lambda x: np.einsum("ij,kj,il->kl", x, x, x),
    "a stack of products": lambda x: np.stack([x, -x]) @ x.T[None],
    "a vector": lambda x: x[0] @ x[1] + x @ x[2],
    "extremes": lambda x: x.max(0) - x.min(axis=1, keepdims=True),
    "joined": lambda x: np.concatenate([x[:, ::2], x[::-1]], axis=1),
    "empty": lambda x: (x[:0].sum(0), x[:, :0] @ x[:0, :], x[3:]),
    "no axes": lambda x: x[1, 2] * x.sum(),
    "comparisons": lambda x: np.where((x > 0) & ~(x > 1) | (x < -1), x, np.abs(x) ** 0.5),
    "the error function": lambda x: mg.erf(np.concatenate([x * 3, x * 1e-9])),
    "infinite": lambda x: (np.exp(x * 1e4), np.log(x * 0), (x * 0) / (x * 0), mg.softplus(x * 1e3)),
    "remainders": lambda x: (np.remainder(x, -0.3), np.rint(x * 2), x // 0.25),
    "whole numbers": lambda x: [f(np.rint(x * 9).astype(int)) for f in (
        lambda n: n * n - 7 * n, lambda n: n**3, lambda n: n // 4, lambda n: n % -5, np.square,
    )],
    "far out": lambda x: [f(y) for y in (x * 5, x * 30) for f in (
        mg.erfc, mg.erfcx, mg.ndtr, mg.log_ndtr,
    )],
    "between 0 and 1": lambda x: [f(mg.sigmoid(x * 6)) for f in (
        mg.erfinv, mg.erfcinv, mg.ndtri, mg.logit, mg.entr,
    )],
    "gamma and its family": lambda x: [
        mg.gammaln(x * 3), mg.gamma(np.abs(x * 9)), mg.betaln(np.abs(x), x * x),
        *(mg.polygamma(n, np.abs(x)) for n in range(4)), mg.zeta(1.5, np.abs(x)),
    ],
    "powers": lambda x: (np.power(np.abs(x), x), np.sign(x) ** 3.0),
    "in order": lambda x: (np.sort(x, axis=0), np.argsort(-x.T, axis=-1), np.sort(x, axis=None)),
    "the largest": lambda x: (np.argmax(x), np.argmin(x, axis=0), x.argmax(1)[:, None] + x),
    "whether any": lambda x: (np.any(x > 1, axis=0) * x, np.all(x < 2) * x),
    "at places that are computed": lambda x: (
        x[np.argmax(x, axis=0)], x[:, x[0].astype(int)], x[np.arange(3), x.argmin(1)],
        x[None, ..., np.argsort(x[0])[:2], None], x[np.argsort(x[:, :2], axis=0)],
        np.take_along_axis(x, np.argsort(x, axis=1)[:, ::2], axis=1),
    ),
    "stacks of matrices": lambda x: [f(np.stack([x[:, :3], x[:, 1:]])) for f in (
        np.linalg.inv, np.linalg.det, mg.logabsdet,
        lambda m: np.linalg.cholesky(m @ m.swapaxes(-1, -2)),
        lambda m: np.linalg.solve(m, x[0, :3]), lambda m: np.linalg.solve(m, x),
        lambda m: np.linalg.solve(m[0], x[:, 0]),
    )],
    "counted": lambda x: np.cumsum(x, axis=0)[::-1],
    "a number of its own": lambda x: (x, 3.0, x),
}  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(tab, function):
    x = np.random.default_rng(3).normal(size=(3, 4))
    with np.errstate(all="ignore"):
        close(run(tab, script(function, x), [x]), function(x))


def test_places_that_are_computed_are_looked_up_anew_and_written_to(tab):
    x, y = np.random.default_rng(5).normal(size=(2, 3, 4))
    both = mg.value_and_grad(lambda x: (np.sort(x, axis=0)[1:] * x[np.argmax(x, axis=0)[:2]]).sum())
    close(run(tab, script(both, x), [y]), both(y))


def test_a_place_that_there_is_not_has_no_number(tab):
    made = script(lambda x: x[(x[:1] * 100).astype(int)], np.zeros(3))
    assert np.isnan(run(tab, made, [np.array([0.03, 1, 2])])[0]).all()


def test_whole_numbers_of_more_than_53_bits_are_no_numbers(tab):
    made = script(lambda x: x.astype(int) * 3, np.ones(2))
    got = run(tab, made, [np.array([2.0**51, 2.0**52])])[0]
    assert got[0] == 3 * 2.0**51
    assert np.isnan(got[1])


def test_it_computes_anew_from_other_inputs(tab):
    x, y = np.random.default_rng(5).normal(size=(2, 3, 4))
    both = mg.value_and_grad(lambda x: np.tanh(x @ x.T).sum())
    close(run(tab, script(both, x), [y]), both(y))


def test_an_entry_that_is_held_stays_and_lets_nothing_back(tab):
    x = np.array([0.5, -0.25, 2.0])
    trace = Trace("example", whole=False)
    given = trace.array(x)
    y = trace.apply(HOLD, [given * 2], {"number": 0})
    g = trace.apply(RELEASE, [y * 3], {"number": 0})
    made = written(trace.program([y.variable, g.variable]))
    close(run(tab, made, [x]), (np.array([1, -0.5, 4]), np.array([3, -1.5, 12])))
    held = tab.evaluate(f"""() => {{
      const program = {made.text};
      program.arrays[{made.inputs[0]}].set([0.5, -0.25, 2]);
      program.run([Float64Array.of(NaN, 0.9, NaN)]);
      return {list(made.outputs)}.map((n) => [...program.arrays[n]]);
    }}""")
    close(map(np.array, held), (np.array([1, 0.9, 4]), np.array([3, 0, 12])))


def test_what_it_lacks_is_refused_by_name_with_what_to_do():
    x = np.eye(3)
    with pytest.raises(JavaScriptError, match=r"test_javascript.py.*svd has no JavaScript; save"):
        script(lambda x: np.linalg.svd(x)[1], x)
    with pytest.raises(JavaScriptError, match="float32"):
        script(np.tanh, x.astype(np.float32))
    with pytest.raises(JavaScriptError, match="complex128"):
        script(lambda x: x * 1j, x)


def test_a_long_sequence_is_a_short_text():
    """Equal loops are one function: each further step adds its statements alone."""

    def loss(x, w):
        h = np.zeros(8)
        for t in range(len(x)):
            h = np.tanh(x[t] @ w + h)
        return h.sum()

    rng = np.random.default_rng(0)
    few, many = (
        script(mg.value_and_grad(loss, (0, 1)), rng.normal(size=(n, 8)), rng.normal(size=(8, 8)))
        for n in (10, 40)
    )
    assert few.text.count("=>{for") == many.text.count("=>{for")
    assert len(many.text) < len(few.text) + 30 * 700
