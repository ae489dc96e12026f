"""Claims about the worlds of symbols and of a finite field."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.arrays import functions
from minigrad.arrays.field import PRIME, FieldArray
from minigrad.arrays.symbolic import SymbolicArray, derivative_of, evaluate, function_of
from minigrad.arrays.world import rational
from minigrad.primitives import PRIMITIVES

INTEGERS = st.integers(min_value=0, max_value=PRIME - 1)
ELEMENTWISE = [p for p in PRIMITIVES.values() if p.kind == "elementwise"]


@given(INTEGERS, INTEGERS, INTEGERS)
def test_the_field_is_a_field(a, b, c):
    x, y, z = (FieldArray(v) for v in (a, b, c))
    assert ((x + y) * z - (x * z + y * z)).is_zero()
    if b:
        assert ((x / y) * y - x).is_zero()


@given(INTEGERS)
def test_opaque_functions_keep_the_laws_that_rules_use(a):
    x = FieldArray(a)
    assert (np.tanh(-x) + np.tanh(x)).is_zero()
    assert (mg.sigmoid(-x) + mg.sigmoid(x) - 1).is_zero()
    assert (np.exp(x) * np.exp(-x) - 1).is_zero()
    assert (np.sqrt(x * x) ** 2 - x * x).is_zero()


@given(INTEGERS, INTEGERS)
def test_an_opaque_function_is_a_function_and_not_constant(a, b):
    assert np.tanh(FieldArray(a)).item() == np.tanh(FieldArray(a)).item()
    if a != b:
        assert np.tanh(FieldArray(a)).item() != np.tanh(FieldArray(b)).item()


@pytest.mark.parametrize(("written", "exact"), [(0.5, (1, 2)), (0.044715, (8943, 200000))])
def test_constants_are_the_rationals_that_they_are_written_as(written, exact):
    assert (rational(written).numerator, rational(written).denominator) == exact
    assert SymbolicArray(written).item() == sympy.Rational(*exact)
    assert (FieldArray(written) * exact[1] - exact[0]).is_zero()


@pytest.mark.parametrize("bad", ["x + 1", float("nan"), None, 1j])
def test_nothing_but_numbers_and_expressions_enters(bad):
    with pytest.raises(TypeError):
        SymbolicArray(bad)
    with pytest.raises(TypeError):
        FieldArray(bad)


def test_a_constant_in_an_operation_is_exact_in_its_derivative_too():
    """1 / 3.0 computed in floats would not be the inverse of 3."""
    x = mg.Tensor(FieldArray([5]), requires_grad=True)
    (x / 3.0).sum().backward()
    assert (x.grad * 3 - 1).is_zero()


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=lambda p: p.name)
def test_the_symbol_means_what_the_numbers_do(primitive):
    first = {"above one": 2.5, "integer": 2.0}.get(primitive.domain[0], 0.7)
    values = [first, 2.0, 1][: primitive.arity]
    symbols = sympy.symbols("a b c", positive=True)[: primitive.arity]
    expression = function_of(primitive)(*symbols)
    plain = expression.rewrite(sympy.exp).subs(dict(zip(symbols, values, strict=True)))
    assert complex(plain).real == pytest.approx(
        float(primitive(*map(np.float64, values))), rel=1e-14
    )


@pytest.mark.parametrize("name", ["sigmoid", "exp"])
def test_our_own_functions_have_the_derivative_of_their_definition(name):
    z = sympy.Symbol("z", real=True)
    function = getattr(functions, name)(z)
    ours = function.diff(z).rewrite(sympy.exp)
    assert sympy.simplify(ours - function.rewrite(sympy.exp).diff(z)) == 0


def test_an_expression_evaluates_in_the_field_as_on_numbers():
    expression, (a,) = derivative_of(PRIMITIVES["sqrt"], 0)
    assert evaluate(expression, {a: np.float64(4.0)}) == 0.25
    assert (evaluate(expression, {a: FieldArray(4)}) * 4 - 1).is_zero()


def test_the_truth_of_a_symbol_is_refused():
    with pytest.raises(TypeError, match="branch"):
        bool(SymbolicArray.symbols("x") - 1)


def test_importing_minigrad_imports_no_sympy_and_no_graphviz():
    import subprocess
    import sys

    code = "import minigrad, sys; print([m for m in ('sympy', 'graphviz') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
