"""The written source runs alone, says what the function computes, and is right."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, targets
from minigrad.compile.readable import Unwritable, source
from minigrad.tree import tree_leaves

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4))


def run(text):
    """The functions of a source, with nothing but what it imports itself."""
    names = {}
    exec(compile(text, "<written>", "exec"), names)
    return names


def cotangents_of(outputs):
    return [np.cos(np.arange(np.size(y)) + k).reshape(np.shape(y)) for k, y in enumerate(outputs)]


def engine(function, inputs):
    """Values, the cotangents of those that have a gradient, and the gradients."""
    leaves = {k: mg.Tensor(x, requires_grad=x.dtype.kind == "f") for k, x in inputs.items()}
    outputs = tree_leaves(function(**leaves))
    given = cotangents_of(outputs)
    tracked = [k for k, y in enumerate(outputs) if y.requires_grad]
    sum((outputs[k] * given[k]).sum() for k in tracked).backward()
    gradients = [np.zeros(t.shape) if t.grad is None else t.grad for t in leaves.values()]
    return [y.data for y in outputs], [given[k] for k in tracked], gradients


def written(text, title, inputs, given):
    """Values and gradients by the source; the backward pass runs twice, for it must not matter."""
    names = run(text)
    *outputs, cache = names[f"{title}_forward"](*inputs.values())
    names[f"{title}_backward"](*given, cache)
    gradients = names[f"{title}_backward"](*given, cache)
    return outputs, gradients if isinstance(gradients, tuple) else (gradients,)


def assert_equal(got, expected):
    for a, b in zip(got, expected, strict=True):
        assert np.shape(a) == np.shape(b)
        size = 1 + np.max(np.abs(b), initial=0)
        np.testing.assert_allclose(a / size, b / size, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", [t.name for t in targets.builtin()])
def test_source_of_everything_built_in(name):
    """Primitives, parts and layers at their own samples, recurrent layers step by step."""
    problems = [p for p in targets.resolve(name).problems() if p.order == 1]
    for problem in problems[:2]:
        names = {k: re.sub(r"\W", "_", k) for k in problem.shapes}
        by_name = {v: k for k, v in names.items()}

        def function(problem=problem, by_name=by_name, **arrays):
            leaves = {by_name[k]: x if isinstance(x, mg.Tensor) else mg.Tensor(x)
                      for k, x in arrays.items()}  # fmt: skip
            return tuple(tree_leaves(problem.run(leaves)))

        numbers = problem.numbers(np.random.default_rng(1))
        inputs = {names[k]: x for k, x in numbers.items()}
        if name in ("qr", "eig", "eigh", "svd"):  # several results of LAPACK
            with pytest.raises(Unwritable, match=f"{name} has no source"):
                source(function, "f", inputs)
            continue
        outputs, given, gradients = engine(function, inputs)
        got, found = written(source(function, "f", inputs), "f", inputs, given)
        assert_equal(got, outputs)
        assert_equal(found, gradients)


def loss(x, W, b, y):
    """A classifier's loss, in the names of a textbook."""
    z = x @ W + b
    h = np.tanh(z)
    p = mg.softmax(h, axis=-1)
    picked = p[np.arange(3), y]
    return -np.log(picked).mean()


INPUTS = {"x": rng.normal(size=(3, 4)), "W": rng.normal(size=(4, 5)), "b": rng.normal(size=5),
          "y": np.array([1, 0, 2])}  # fmt: skip


def test_it_reads_as_a_person_would_have_written_it():
    text = source(loss, "loss", INPUTS)
    without = [line.split("  #")[0].rstrip() for line in text.splitlines()]
    forward = without[without.index("def loss_forward(x, W, b, y):") + 2 :]
    assert forward[:7] == [
        "    assert (x.shape, W.shape, b.shape, y.shape) == ((3, 4), (4, 5), (5,), (3,))",
        "    z = x @ W + b",
        "    h = np.tanh(z)",
        "    exp = np.exp(h - h.max(axis=-1, keepdims=True))",
        "    p = exp / exp.sum(axis=-1, keepdims=True)",
        "    picked = p[np.arange(3), y]",
        "    out = -np.log(picked).mean()",
    ]
    for line in ("    dpicked = -dout / 3 / picked",
                 "    dh = p * (dp - (dp * p).sum(axis=-1, keepdims=True))",
                 "    dz = dh * (1 - h * h)", "    db = dz.sum(axis=0)", "    dx = dz @ W.T",
                 "    dW = x.T @ dz", "    return dx, dW, db, None"):  # fmt: skip
        assert line in without
    assert "# (3, 5), through h" in text


def test_it_needs_numpy_alone_and_runs_as_a_script(tmp_path):
    file = tmp_path / "gradient.py"
    file.write_text(source(loss, "loss", INPUTS))
    imports = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Import)]
    assert [a.name for n in imports for a in n.names] == ["numpy"]
    done = subprocess.run(
        [sys.executable, "-I", str(file)], capture_output=True, text=True, check=True
    )
    assert "array(" in done.stdout


def test_comments_in_spanish():
    text = source(loss, "loss", INPUTS, language="es")
    assert "Los gradientes de x, W y b, dado dout." in text
    assert "(3, 5), a través de h" in text


def test_parameters_of_a_model_are_arguments_or_come_in_a_dict():
    small = nn.Linear(3, 2, rng=0, dtype=np.float64)
    text = source(small, "layer", {"x": np.ones((5, 3))})
    assert "def layer_forward(x, weight, bias):" in text
    large = nn.Sequential(*[nn.Linear(3, 3, rng=k, dtype=np.float64) for k in range(5)])
    text = source(large, "model", {"x": np.ones((5, 3))})
    assert 'layer0_weight = params["layer0_weight"]' in text
    names = run(text)
    params = {f"layer{k}_{n}": getattr(layer, n).data
              for k, layer in enumerate(m for m in large.modules() if isinstance(m, nn.Linear))
              for n in ("weight", "bias")}  # fmt: skip
    y, cache = names["model_forward"](np.ones((5, 3)), params)
    dx, d_params = names["model_backward"](np.ones_like(y), cache)
    x = mg.Tensor(np.ones((5, 3)), requires_grad=True)
    out = large(x)
    out.sum().backward()
    np.testing.assert_allclose(y, out.data, rtol=1e-12)
    np.testing.assert_allclose(dx, x.grad, rtol=1e-12)
    assert d_params.keys() == params.keys()
    np.testing.assert_allclose(d_params["layer4_bias"], [5, 5, 5])


def test_nested_arguments_stay_nested():
    def function(p, xs):
        return (p["w"] * xs[0] + p["rest"][0] * xs[1]).sum()

    inputs = {"p": {"w": np.ones(3), "rest": [np.full(3, 2.0)]}, "xs": (np.ones(3), np.ones(3))}
    names = run(source(function, "f", inputs))
    y, cache = names["f_forward"](inputs["p"], inputs["xs"])
    dp, dxs = names["f_backward"](1.0, cache)
    assert y == 9
    np.testing.assert_array_equal(dp["rest"][0], np.ones(3))
    np.testing.assert_array_equal(dxs[1], np.full(3, 2.0))


def test_names_of_the_code_do_not_collide_with_what_the_source_calls():
    def function(np_, cache, sum, sigmoid):
        math = mg.sigmoid(np_) * cache
        list = math + sum * sigmoid
        return list.sum()

    inputs = {k: rng.normal(size=3) for k in ("np_", "cache", "sum", "sigmoid")}
    outputs, given, gradients = engine(function, inputs)
    got, found = written(source(function, "f", inputs), "f", inputs, given)
    assert_equal([*got, *found], [*outputs, *gradients])


def test_what_the_source_is_written_for_is_no_argument():
    def function(x, mode="mean", *, causal=True):
        y = np.tril(x) if causal else x
        return y.mean() if mode == "mean" else y.sum()

    text = source(function, "f_forward", {"x": X, "mode": "mean", "causal": True})
    assert "def f_forward(x):" in text
    assert "With mode='mean', causal=True." in text
    assert "Con mode='mean', causal=True." in source(
        function, "f", {"x": X, "mode": "mean", "causal": True}, language="es"
    )


def test_other_shapes_are_refused_where_they_would_be_wrong():
    names = run(source(lambda x: x.mean(), "f", {"x": X}))
    with pytest.raises(AssertionError):
        names["f_forward"](np.ones((5, 4)))
    names = run(source(lambda x: np.tanh(x) * 2, "f", {"x": X}))
    y, cache = names["f_forward"](np.ones((5, 4)))
    assert names["f_backward"](np.ones_like(y), cache).shape == (5, 4)


def test_names_that_the_arguments_have_already_are_not_taken_for_outputs():
    def function(y, dy, cache, out):
        return y * dy, cache * out

    inputs = {name: rng.normal(size=3) for name in ("y", "dy", "cache", "out")}
    text = source(function, "f", inputs)
    outputs, given, gradients = engine(function, inputs)
    got, found = written(text, "f", inputs, given)
    assert_equal([*got, *found], [*outputs, *gradients])
    exec(compile(text, "<written>", "exec"), {"__name__": "__main__"})


def test_diagonals_and_rows_are_written_as_slices_and_plain_sums():
    def function(x, k):
        return np.diagonal(x @ x.T).sum() + (x[np.arange(3), k] / x.sum()).sum() - x[None].sum()

    inputs = {"x": np.abs(rng.normal(size=(3, 4))), "k": np.array([1, 0, 3])}
    text = source(function, "f", inputs)
    outputs, given, gradients = engine(function, inputs)
    got, found = written(text, "f", inputs, given)
    assert_equal([*got, *found[:1]], [*outputs, *gradients[:1]])
    assert "[::4]" in text
    assert "np.add.at" not in text
    assert "rng.uniform(" in text  # the examples are positive, and so are those of the source


def test_terms_that_are_always_0_are_not_written():
    def function(x, t):
        whole = np.floor(x).astype(int)
        return np.sum((x - whole) * t + np.zeros_like(t).astype(int))

    inputs = {"x": rng.normal(size=5), "t": rng.normal(size=5)}
    text = source(function, "f", inputs)
    outputs, given, gradients = engine(function, inputs)
    got, found = written(text, "f", inputs, given)
    assert_equal([*got, *found], [*outputs, *gradients])
    assert "dx = dy * t " in text
    assert not re.search(r"np\.(full|zeros)\(", text)


@pytest.mark.parametrize("example", [np.eye(3), np.ones((3, 3)), np.array(0.5)])
def test_examples_of_the_source_stay_where_a_root_has_a_value(example):
    text = source(lambda x: np.sqrt(x.sum()), "f", {"x": example})
    low, high = re.search(r"rng.uniform\((.*?), (.*?), size", text).groups()
    assert 0 <= float(low) < float(high) == example.max()


def test_loops_and_assignments_of_the_user_s_own():
    def function(x, w):
        h = np.zeros(3)
        total = 0
        for t in range(x.shape[0]):
            h = np.tanh(x[t] + h @ w)
            total = total + (h * h).sum()
        return total

    inputs = {"x": rng.normal(size=(4, 3)), "w": rng.normal(size=(3, 3))}
    outputs, given, gradients = engine(function, inputs)
    got, found = written(source(function, "f", inputs), "f", inputs, given)
    assert_equal([*got, *found], [*outputs, *gradients])


def test_what_has_no_source_says_why():
    with pytest.raises(Unwritable, match="nothing that it returns depends on an input"):
        source(lambda k: k + 1, "f", {"k": np.arange(3)})
    scale = np.ones(100_000)
    with pytest.raises(Unwritable, match="it changes arrays that it sees"):

        def changes(x):
            scale[...] = scale * 2
            return x * 2

        source(changes, "changes", {"x": np.ones(100_000)})
