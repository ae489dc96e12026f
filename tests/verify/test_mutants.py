"""Claims about the judges' eyesight: no change of a rule gets past all of them.

The judges look at general points; what a rule does on a kink or at the edge of its domain is
held against the values in `edges`. A change that passes both must change nothing, which the
symbolic judge proves.
"""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES
from mutation import mutants

import minigrad as mg
from minigrad import tape
from minigrad.arrays.numbers import Numbers
from minigrad.primitives import PRIMITIVES, sample
from minigrad.primitives import primitive as engine
from minigrad.targets import target_of
from minigrad.verify import judge_problem
from minigrad.verify.finding import Settings

EQUIVALENT = {
    "max: (x == y.reshape(kept)) * 1.0 → x == y.reshape(kept)": "True counts as 1",
    "min: (x == y.reshape(kept)) * 1.0 → x == y.reshape(kept)": "True counts as 1",
    **{
        f"{name}: np.expand_dims(w, -2) - np.expand_dims(w, -1) + _unit(w, w.shape[-1]) → "
        "np.expand_dims(w, -2) - np.expand_dims(w, -1) - _unit(w, w.shape[-1])":
            "what is divided is 0 on the diagonal"
        for name in ("eigh", "svd")
    },
    "eig: np.conjugate(np.expand_dims(w, -2) - np.expand_dims(w, -1)) + _unit(y, n) → "
    "np.conjugate(np.expand_dims(w, -2) - np.expand_dims(w, -1)) - _unit(y, n)":
        "what is divided is 0 on the diagonal",
}  # fmt: skip
"""Changes of a rule that change no gradient, and why."""

ALL = mutants()
SPEED = ("exact", "numeric", "proof")  # the quickest first


def _check(judge, problem, seed=0):
    why = {problem.target: []}  # not asked here: the tests of reports do
    return judge_problem(problem, judge, Settings(seed), why).checks[0]


def _judged_right(name):
    problems = [*target_of(PRIMITIVES[name]).problems()]
    return all(
        _check(judge, problem).passed
        for judge in SPEED
        for problem in problems
        if judge in problem.judges
    )


def _right_at_edges(name):
    """Gradients and no warnings, as `EDGES` has them."""
    for inputs, expected, *static in EDGES.get(name, ()):
        leaves = [
            mg.Tensor(np.array(x), requires_grad=right is not None)
            for x, right in zip(inputs, expected, strict=True)
        ]
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            try:
                y = PRIMITIVES[name].bind(leaves, dict(*static))
                y.backward(np.arange(1.0, y.size + 1).reshape(y.shape))
            except (FloatingPointError, ValueError):  # a warning, or a gradient of another shape
                return False
        for leaf, right in zip(leaves, expected, strict=True):
            if right is not None and not np.allclose(leaf.grad, right, rtol=1e-12, atol=0):
                return False
    return True


def _reads_add_up(name):
    """What is read twice receives both cotangents."""
    if name != "getitem":
        return True
    x = mg.Tensor(np.zeros(3), requires_grad=True)
    (x[:2].sum() + (2 * x[1:]).sum()).backward()
    return np.array_equal(x.grad, [1, 3, 2])


@pytest.mark.parametrize("name", EDGES)
def test_a_rule_is_right_at_the_edges_of_its_domain_and_on_its_kinks(name):
    assert _right_at_edges(name)


def test_every_primitive_with_a_kink_has_a_value_on_it():
    assert {p.name for p in PRIMITIVES.values() if p.nonsmooth} <= EDGES.keys()


def test_rules_are_changed_in_every_way_that_people_get_wrong():
    changes = {str(mutant) for mutant in ALL}
    assert {
        "tanh: 1 - y * y → 1 + y * y",
        "tanh: y * y → y",
        "softmax: (g * y).sum(axis=axis, keepdims=True) → g * y",
        "softmax: (g * y).sum(axis=axis, keepdims=True) → np.mean(g * y, axis=axis, keepdims=True)",
        "matmul: _transposed(b) → b",
        "matmul: _transposed(a) @ g → g @ _transposed(a)",
        "transpose: np.transpose(g, None if axes is None else np.argsort(axes_of(axes, g.ndim)))"
        " → g",
        "cumsum: flip(g, axis) → g",
        "transpose: np.argsort(axes_of(axes, g.ndim)) → axes_of(axes, g.ndim)",
        "getitem: np.add.at(buffer, index, g) → buffer[index] = g",
        "layer_norm: mean(inner, axes, keepdims=True) → inner",
        "flash_attention: sum_along(g * y, axis=-1) → g * y",
        "max_pool: reduce(np.add, reached) → reached[0]",
        "arccos: -1 / np.sqrt((1 - x) * (1 + x)) → -1",
    } <= changes
    assert any(str(mutant).startswith("windows: total[..., *where] += ") for mutant in ALL)


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_every_change_of_a_rule_is_caught_or_changes_nothing(planted, monkeypatch, mutant):
    fields, module = mutant.run()
    monkeypatch.setattr(tape, "Scattered", module.get("Scattered", tape.Scattered))
    with planted(mutant.name, **fields):
        survives = all(
            right(mutant.name) for right in (_judged_right, _right_at_edges, _reads_add_up)
        )
    assert survives == (str(mutant) in EQUIVALENT)


def test_no_change_is_excused_that_is_not_made():
    assert EQUIVALENT.keys() <= {str(mutant) for mutant in ALL}


RULES = [
    (name, position)
    for name, primitive in PRIMITIVES.items()
    for position, rule in enumerate(primitive.rules)
    if rule is not None and rule != 0
]


@pytest.mark.parametrize(("name", "position"), RULES)
def test_a_result_that_lacks_its_last_transpose_is_caught(planted, name, position):
    """Also where it is square, so that its shape does not give it away."""
    primitive = PRIMITIVES[name]
    right = list(primitive.vjps)

    def turned(*arrays, **static):
        result = right[position](*arrays, **static)
        return result.swapaxes(-1, -2) if result.ndim >= 2 else result

    samples = primitive.samples
    if primitive.kind == "elementwise":
        square = [(3, 3) if isinstance(x, tuple) else x for x in samples[0].operands]
        samples = (sample(*square),)
    rules = [turned if k == position else rule for k, rule in enumerate(right)]
    with planted(name, vjps=tuple(rules)):
        checks = [_check("exact", target_of(primitive).problem(s)) for s in samples]
    dimensions = {len(x) for s in samples for x in s.operands if isinstance(x, tuple)}
    assert any(not check.passed for check in checks) or max(dimensions) < 2


def forgetful(right):
    """The rule with all its sums forgotten: what an entry gets last overwrites the rest."""

    def rule(g, *rest, **static):
        left = None
        for index in np.ndindex(g.shape):
            one = np.zeros(g.shape, object)
            one[index] = g[index]
            part = np.asarray(right(one.view(Numbers), *rest, **static), dtype=object)
            rule.summed |= left is not None and bool(np.any((left != 0) & (part != 0)))
            left = part if left is None else np.where(part != 0, part, left)
        return left.view(Numbers)

    rule.summed = False  # whether there was any
    return rule


WITH_SUMS = {
    *[(name, 0) for name in ("matmul", "affine", "einsum", "cumsum", "getitem", "windows",
                             "softmax", "log_softmax", "layer_norm", "flash_attention", "solve",
                             "inv", "cholesky")],
    *[(name, 1) for name in ("matmul", "affine", "solve", "flash_attention")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "position"), RULES)
def test_a_forgotten_sum_is_caught_in_every_rule_that_has_one(planted, name, position):
    primitive = PRIMITIVES[name]
    summed = False
    for given in primitive.samples:
        rules = list(primitive.vjps)
        rules[position] = forgetful(rules[position])
        with planted(name, vjps=tuple(rules)):
            check = _check("exact", target_of(primitive).problem(given))
        assert check.passed != rules[position].summed, check.failures
        summed |= rules[position].summed
    assert summed or (name, position) not in WITH_SUMS


# The operands of the first have the same batch, the derivatives of the others are 0
WITHOUT_BROADCASTING = {"flash_attention", "floor_divide"}


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda g, shape, *_: g[(0,) * (g.ndim - len(shape))], id="one of them"),
        pytest.param(lambda g, shape, *_: np.broadcast_to(np.mean(g), shape) * 1, id="their mean"),
    ],
)
@pytest.mark.parametrize("name", [p.name for p in PRIMITIVES.values() if p.arity > 1])
def test_a_forgotten_sum_over_broadcast_axes_is_caught_for_each_primitive(
    monkeypatch, name, broken
):
    primitive = PRIMITIVES[name]
    right, calls = engine.unbroadcast, []

    def counted(g, *args):
        calls.extend([args] if any(map(bool, g.flat)) else [])
        return right(g, *args)

    stretched = []
    monkeypatch.setattr(engine, "unbroadcast", counted)
    for given in primitive.samples:
        problem = target_of(primitive).problem(given)
        calls.clear()
        assert _check("exact", problem).passed
        stretched += [problem] if calls else []
    assert bool(stretched) != (name in WITHOUT_BROADCASTING)
    monkeypatch.setattr(engine, "unbroadcast", broken)
    for problem in stretched:  # at several points: a branch may take none of the stretched entries
        assert not all(_check("exact", problem, seed).passed for seed in range(4))
