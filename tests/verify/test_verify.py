"""Claims about the judges: what is right passes, and every planted bug is caught and named."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from functools import cache

import numpy as np
import pytest
import sympy

import minigrad as mg
import minigrad.tape
from minigrad import nn
from minigrad.arrays import functions
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.numbers import Formula, Numbers, Residue
from minigrad.arrays.symbolic import Slopes, written_out
from minigrad.compile.javascript_formulas import ELEMENTWISE
from minigrad.compile.javascript_run import node
from minigrad.primitives import PRIMITIVES, fused, primitive
from minigrad.targets import LAYERS, resolve, target_of
from minigrad.verify import Problem, generated, judge_problem, verify
from minigrad.verify.engine import subject_of
from minigrad.verify.explanation.rules import describe
from minigrad.verify.points import twins
from minigrad.verify.tasks import judge_page


@cache
def report_on(layer):
    return verify(layer)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_passes_all_three_judges(layer):
    report = report_on(layer)
    judged = {(check.judge, check.order) for check in report.checks}
    assert judged == {("proof", 1), ("exact", 1), ("exact", 2), ("numeric", 1)}
    assert report.passed, [check.failures for check in report.checks]


@pytest.mark.parametrize("cell", [name for name in LAYERS if name != "attention"])
def test_every_cell_is_proven_over_one_and_two_steps(cell):
    shapes = [p.shapes for p in resolve(cell).problems() if p.judges == ("proof",)]
    steps = [1] if cell == "lstm-layernorm" else [1, 2]  # whose second step takes an hour
    assert [shape["x"][1] for shape in shapes] == steps
    assert all(shape[f"{LAYERS[cell].state[0]}₀"][-1] in (1, 2) for shape in shapes)


QUARTIC = {"reference": lambda x: (x @ x) * (x @ x)}


@pytest.mark.parametrize(
    ("rule", "right"),
    [
        (lambda g, y, x: 4 * g * (x @ x) * x, True),
        (lambda g, y, x: 4 * g * (x * x).sum() * x, True),  # the product written out
        (lambda g, y, x: 3 * g * (x @ x) * x, False),
        (lambda g, y, x: 4 * g * (x * x * x).sum() * x, False),
    ],
)
def test_names_of_products_hide_nothing(planted, rule, right):
    """A proof names what products give; what is equal only once they are written out is equal."""
    with primitive.on_trial():
        quartic = fused("quartic", vjps=(rule,), **QUARTIC, forward=QUARTIC["reference"])
        problem = Problem("quartic", {"x": (3,)}, lambda leaves: quartic(leaves["x"]))
        assert judge_problem(problem, "proof").checks[0].passed == right


def test_the_slopes_through_names_are_sympy_s_derivative():
    subject = subject_of(resolve("lstm").problem(1, 2, 1, 1))
    point = twins(subject, Formula, subject.inputs, np.random.default_rng(0))
    with Formula.with_names() as names:
        y, *_ = subject.outputs(point)
    meanings = {name: meaning for meaning, name in names.items()}
    value = y.sum().exact
    whole, slopes = written_out(value, meanings), Slopes(value, meanings)
    assert len(meanings) > 8
    variables = whole.free_symbols
    assert len(variables) == 16  # 12 weights and biases, x at two steps, h and c before them
    for variable in variables:
        chained = written_out(slopes.by(variable), meanings)
        assert is_zero(chained - sympy.diff(whole, variable))


def test_the_exact_judge_goes_over_a_hundred_steps():
    exact = next(check for check in report_on("lstm").checks if check.judge == "exact")
    assert exact.shapes["x"] == (3, 100, 3)
    assert exact.shapes["cells.0.f.weight"] == (8, 11)


def test_every_gradient_is_judged_parameters_inputs_and_states():
    proof = report_on("lstm").checks[0]
    assert set(proof.shapes) == {
        *(f"cells.0.{gate}.{part}" for gate in "figo" for part in ("weight", "bias")),
        "x", "h₀", "c₀",
    }  # fmt: skip
    assert proof.figure == sum(int(np.prod(shape)) for shape in proof.shapes.values())


def caught(target):
    """What each judge says where it first finds something wrong, the smallest problem first."""
    said, known = {}, {}
    for problem in sorted(target.problems(), key=lambda p: sum(map(math.prod, p.shapes.values()))):
        for judge in (judge for judge in problem.judges if judge not in said):
            (check,) = judge_problem(problem, judge, known=known).checks
            if not check.passed:
                said[judge] = check.failures
    return said


def _failures(name):
    """All that was said, after seeing that each judge noticed."""
    said = caught(resolve(name))
    assert said.keys() == {"proof", "exact", "numeric"}
    return "\n".join(failure for failures in said.values() for failure in failures)


def test_a_dropped_one_minus_f_is_found_and_named(planted):
    with planted("sigmoid", vjps=(lambda g, y, x: g * y,)):
        said = _failures("lstm")
    assert "sigmoid (gate f of LSTMCell)" in said
    assert "it lacks the factor (1 - f)" in said


def test_a_flipped_sign_in_tanh_s_rule_is_found_and_named(planted):
    with planted("tanh", vjps=(lambda g, y, x: g * (1 + y * y),)):
        assert "the sign of the term y**2 is flipped" in _failures("tanh")
        assert "tanh (gate g of LSTMCell)" in _failures("lstm")


@pytest.mark.parametrize(
    "broken",
    [
        lambda g, shape, *_: g,
        lambda g, shape, *_: g[(0,) * (g.ndim - len(shape))],
        lambda g, shape, *_: g.reshape(shape),
    ],
)
def test_a_missing_sum_in_broadcasting_is_found_and_named(monkeypatch, broken):
    monkeypatch.setattr(primitive, "unbroadcast", broken)
    said = "\n".join(f for failures in caught(resolve("lstm")).values() for f in failures)
    assert "add (gate f of LSTMCell): the sum of broadcasting is missing or wrong" in said


@pytest.mark.parametrize(
    ("position", "broken"),
    [
        (0, lambda g, y, a, b: g @ b),
        (1, lambda g, y, a, b: a @ g),
    ],
)
def test_a_missing_transpose_in_matmul_is_found_and_named(planted, position, broken):
    rules = list(PRIMITIVES["matmul"].vjps)
    rules[position] = broken
    with planted("matmul", vjps=tuple(rules)):
        report = verify("matmul", "lstm")
    said = "\n".join(f for check in report.checks for f in check.failures)
    assert not report.passed
    assert f"it is right with operand {1 - position} transposed" in said
    assert "matmul (gate f of LSTMCell)" in said


MUTANTS = [
    (name, position, change)
    for name, primitive in PRIMITIVES.items()
    for position, rule in enumerate(primitive.rules)
    if rule is not None and not (isinstance(rule, int) and rule == 0)  # 0 has no mutants
    for change in ("sign", "twice", "dropped")
]


CHANGES = {"sign": lambda g: -g, "twice": lambda g: 2 * g, "dropped": lambda g: 0 * g}


@pytest.mark.parametrize(("name", "position", "change"), MUTANTS)
def test_every_mutant_of_every_rule_is_caught_by_each_judge(planted, name, position, change):
    primitive, changed = PRIMITIVES[name], CHANGES[change]
    rules = list(primitive.vjps)
    rules[position] = lambda *a, right=rules[position], **k: changed(right(*a, **k))
    fields = {"vjps": tuple(rules)}
    if primitive.backward:
        fields["backward"] = lambda *a, right=primitive.backward, **k: tuple(
            changed(g) if j == position else g for j, g in enumerate(right(*a, **k))
        )
    with planted(name, **fields):
        said = caught(target_of(primitive))
    assert said.keys() == {"proof", "exact", "numeric"}
    assert all(any(name in why for why in failures[1:]) for failures in said.values())


SWAPPED = [
    name
    for name, primitive in PRIMITIVES.items()
    if primitive.arity == 2 and primitive.rules[0] != primitive.rules[1]
]


@pytest.mark.parametrize("name", SWAPPED)
def test_rules_of_swapped_operands_are_caught(planted, name):
    with planted(name, vjps=PRIMITIVES[name].vjps[::-1]):
        assert not verify(name).passed


def test_a_rule_that_forgets_to_record_is_caught_at_second_order(planted):
    """It reaches for .data, so the gradient is right and the gradient's gradient is not."""

    def rule(g, y, x):
        return g * (1 - (y.data if hasattr(y, "parents") else y) ** 2)

    with planted("tanh", vjps=(rule,)):
        checks = verify("tanh").checks
    assert {(c.judge, c.order): c.passed for c in checks} == {
        ("proof", 1): True, ("exact", 1): True, ("exact", 2): False, ("numeric", 1): True,
    }  # fmt: skip


def test_a_walk_that_loses_a_cotangent_is_caught(monkeypatch):
    """A value that is used twice gets only the last of its cotangents."""
    real = primitive.Primitive.pull

    def forgetful(primitive, *arguments):
        first, *rest = real(primitive, *arguments)
        lost = primitive.name == "multiply" and first is not None
        return [first * 0 if lost else first, *rest]

    monkeypatch.setattr(primitive.Primitive, "pull", forgetful)
    report = verify("gru")
    assert not report.passed


def test_the_reference_side_uses_no_rule_of_the_engine(planted):
    """With every rule of the engine broken, outputs have the slopes that they had."""
    subject = subject_of(target_of(nn.LSTMCell).problem(1, 2, 2, 2))
    rng = np.random.default_rng(0)
    point = twins(subject, Residue, subject.inputs, rng)
    dual = {
        name: Numbers.joined(Residue, x.reals(), x.exacts(Residue), x.exacts(Residue))
        for name, x in point.items()
    }
    expected = [y.slopes(Residue) for y in subject.outputs(dual)]
    assert any(np.any(slopes) for slopes in expected)

    def refuse(*_, **__):
        raise AssertionError("a rule of the engine was used")

    with ExitStack() as stack:
        for name, primitive in PRIMITIVES.items():
            broken = tuple(rule and refuse for rule in primitive.vjps)
            stack.enter_context(planted(name, vjps=broken))
        again = [y.slopes(Residue) for y in subject.outputs(dual)]
    assert all(np.array_equal(a, b) for a, b in zip(expected, again, strict=True))


def test_a_fused_forward_that_is_not_its_reference_is_caught(planted):
    with planted("softmax", reference=lambda x, **_: np.exp(x) / np.exp(x).sum()):
        report = verify("softmax")
    assert not report.passed


X = sympy.Symbol("x", real=True)


@pytest.mark.parametrize(
    ("engine", "reference", "said"),
    [
        (X, X * (1 - X), "it lacks the factor (1 - x)"),
        (-X, X, "it has the wrong sign"),
        (X**2, X, "it has the factor (x) too much"),
        (sympy.Integer(0), X, "no such term"),
        (1 + X**2, 1 - X**2, "the sign of the term x**2 is flipped"),
        (1 + X, sympy.exp(X), "they differ by"),
    ],
)
def test_a_wrong_term_is_described(engine, reference, said):
    assert said in describe(engine, reference)


@pytest.mark.parametrize(
    ("expression", "zero"),
    [
        ((X + 1) ** 2 - X**2 - 2 * X - 1, True),
        (1 / (1 + X) + X / (1 + X) - 1, True),
        (sympy.tanh(X) ** 2 - 1 + (1 - sympy.tanh(X)) * (1 + sympy.tanh(X)), True),
        (X ** (sympy.Symbol("b", real=True) + 1) - X * X ** sympy.Symbol("b", real=True), True),
        (1 / (1 + 1 / X) - X / (X + 1), True),
        (sympy.sqrt(1 + X**2) ** 2 - 1 - X**2, True),
        (
            (1 + X**2) ** sympy.Rational(-1, 2) * (1 - X**2 / (1 + X**2))
            - (1 + X**2) ** sympy.Rational(-3, 2),
            True,
        ),
        (sympy.sqrt(1 + X**2) - 1, False),
        (sympy.tanh(X) - X, False),
        (1 / X - X, False),
    ],
)
def test_the_normal_form_decides(expression, zero):
    assert is_zero(expression) is zero


def test_the_report_is_json_with_a_verdict_for_each_check(tmp_path):
    report = verify("tanh")
    report.write_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read["passed"] is True
    for check in read["checks"]:
        assert {"target", "judge", "shapes", "passed", "figure", "unit"} <= set(check)


def test_a_report_without_checks_has_not_passed():
    from minigrad.verify import Report

    assert not Report((), 0).passed


@pytest.mark.usefixtures("on_trial")
@pytest.mark.parametrize(("sign", "passes"), [(1, True), (-1, False)])
def test_a_primitive_of_ones_own_is_what_its_formula_says(sign, passes):
    """Its rule may use y, and generated code computes the formula, not the primitive."""
    swish = mg.elementwise(
        "swish", lambda x: x * mg.sigmoid(x),
        partials=(lambda y, x: y + sign * mg.sigmoid(x) * (1 - y),),
        symbol=lambda x: x * functions.sigmoid(x),
    )  # fmt: skip

    class Swishing(nn.Cell):
        """A cell that uses it."""

        state, gates = ("h",), ("a",)

        def step(self, x, h):
            return 0.5 * h + swish(self.a(h, x))

    report = verify(target_of(Swishing, "Swishing"))
    assert len(report.checks) == 11 and report.passed == passes


def test_the_program_of_a_live_page_is_run_by_node_and_named(monkeypatch):
    """A wrong program is caught; without Node it is said not to have been tried."""
    page = "the JavaScript program of its live page"
    right = judge_page(resolve("gru")).checks[0]
    assert page in right.established
    monkeypatch.setitem(ELEMENTWISE, "tanh", "Math.tanh({0})*1.0000000001")
    if node() is not None:
        assert right.outcome == "right"
        (wrong,) = judge_page(resolve("gru")).checks
        assert wrong.outcome == "wrong" and page in wrong.failures[0]
    monkeypatch.setattr(generated, "node", lambda: None)
    (untried,) = judge_page(resolve("gru")).checks
    assert untried.outcome == "untried" and "node" in untried.established


def test_a_cell_with_a_function_that_no_backend_has_is_judged_without_generated_code():
    class Flattening(nn.Cell):
        """Powers of a half: no kernel, and no reason to stop."""

        state, gates = ("h",), ("a",)

        def step(self, x, h):
            return 0.5 * h + np.abs(self.a(h, x)) ** 1.5

    report = verify(target_of(Flattening, "Flattening"))
    assert report.passed
    assert not any("generated" in check.established for check in report.checks)


def test_rounded_constants_of_generated_code_accuse_nobody():
    """The code has one float where the cell's own operations have a root, a third and a tenth."""

    class Rounded(nn.Cell):
        gates = ("a",)

        def step(self, x, h):
            pulled = mg.tanh(self.a(h, x) / np.sqrt(self.hidden_size)) * (1 - 0.7)
            return pulled + h * np.pi / 7 + h / np.sqrt(2) - h * (0.1 + 0.2) / 3

    assert verify(target_of(Rounded, "Rounded")).passed


@pytest.mark.parametrize(("off", "verdict"), [(1e-16, True), (1e-3, False)])
def test_an_output_that_is_off_is_said_by_how_much(off, verdict):
    problem = Problem(
        "third", {"x": (2,)}, lambda leaves: leaves["x"] * (1 / 3 + off),
        reference=lambda leaves: leaves["x"] / 3,
    )  # fmt: skip
    (check,) = judge_problem(problem, "exact").checks
    assert check.passed == verdict, check


def test_the_rounding_of_a_gradient_that_is_0_is_no_large_error():
    """With a single key the scores have no gradient: what is left is rounding."""
    figures = [check.figure for check in verify("attention").checks if check.judge == "numeric"]
    assert max(figures) < 1e-12
