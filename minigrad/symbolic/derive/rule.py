"""The derivation of a primitive: SymPy's derivative beside the engine's own rule."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy

from minigrad.arrays import functions
from minigrad.arrays.normal_form import is_zero
from minigrad.primitives import Primitive
from minigrad.symbolic import formula as f
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.formula import Quantity, equal
from minigrad.symbolic.matrix import Matrix
from minigrad.symbolic.pieces import by_pieces, heaviside, same, written_as
from minigrad.symbolic.shaped import NotationError
from minigrad.symbolic.write.printing import recognised
from minigrad.symbolic.write.sentences import Words
from minigrad.tape import walk
from minigrad.tensor import Tensor


def derive_rule(primitive: Primitive, wrt: str | None = None, *, words: Words) -> Derivation:
    """What a primitive computes, its derivative by each operand, and its cotangents.

    Raises:
        ValueError: there is no notation for its rule, or ``wrt`` is none of its operands.
    """
    letters = ["x"] if primitive.arity == 1 else list("abcd"[: primitive.arity])
    if wrt is not None and wrt not in letters:
        raise ValueError(f"derive: {primitive.name} has no {wrt!r}; it has {', '.join(letters)}")
    ruled = [k for k in range(len(letters)) if primitive.vjp(k) is not None]
    kept = [k for k in ruled if wrt in (None, letters[k])]
    if primitive.kind == "elementwise":
        sections = _elementwise(primitive, letters, kept, words)
    else:
        sections = (_adjoint(primitive, letters, kept, words),)
    return Derivation(words.plain("derivative_of", of=primitive.name), sections, words.language)


def _elementwise(
    primitive: Primitive, letters: list[str], kept: list[int], words: Words
) -> tuple[Section, ...]:
    operands = [Quantity(letter, rank=k) for k, letter in enumerate(letters)]
    y, delta = Quantity("y", rank=-1), Quantity("y", delta=True, rank=-2)
    value = written_as(primitive)(*operands)
    forward = Line(equal(y, value), words("each_entry"), "y")
    partials, gradients = [], []
    for k in kept:
        slope = sympy.diff(value, operands[k])
        reference = slope.xreplace({value: y}) if value.is_Function else slope
        rule = primitive.vjp(k)
        assert rule is not None
        engine = rule(Matrix(sympy.Integer(1), ()), Matrix(y, ()),
                      *(Matrix(x, ()) for x in operands)).formula  # fmt: skip
        difference = _with_constants(engine - reference).xreplace({y: _with_constants(value)})
        difference = difference.replace(same, lambda a, b: sympy.Integer(0))  # nearly nowhere
        steps = by_pieces(difference).replace(heaviside, functions.heaviside)
        agree = is_zero(functions.on_one_branch(steps))
        left = f.partial(y, operands[k])
        partials += [
            Line(equal(left, reference), words("sympys"), letters[k]),
            Line(equal(left, engine), words("engines_same" if agree else "engines_other"),
                 letters[k]),
        ]  # fmt: skip
        gradient = Quantity(letters[k], delta=True)
        gradients.append(Line(equal(gradient, delta * reference), words("chain_rule"), letters[k]))
    kink = words("kink", where=words.kink(primitive.nonsmooth)) if primitive.nonsmooth else ""
    return (
        Section(words.plain("forward"), words("entry_forward_says", kink=kink), (forward,)),
        Section(words.plain("derivative"), words("derivative_says"), tuple(partials)),
        Section(words.plain("backward"), words("entry_backward_says"), tuple(gradients)),
    )


def _with_constants(expression: sympy.Expr) -> sympy.Expr:
    """With √2 for 1.41421356…, as it is printed, so that what reads the same is the same."""

    def constant(value: sympy.Rational) -> sympy.Expr:
        found = recognised(Fraction(abs(value.p), value.q)) if value.q > 1000 else None
        return value if found is None else sympy.sign(value) * found

    return expression.replace(lambda e: e.is_Rational, constant)


def _adjoint(primitive: Primitive, letters: list[str], kept: list[int], words: Words) -> Section:
    if primitive.variadic or any(s.static for s in primitive.samples[:1]):
        raise _unwritten(primitive)
    shapes: list[tuple[int, ...]]
    shapes = [(2, 3), (3, 4)] if primitive.kind == "bilinear" else [(2, 3)] * primitive.arity
    for given in primitive.samples[:1]:
        shapes = [np.shape(x) if isinstance(x, np.ndarray) else x for x in given.operands]
    names = [Quantity(letter.upper(), rank=k) for k, letter in enumerate(letters)]
    operands = [
        Tensor(Matrix(name, shape), requires_grad=rule is not None)
        for name, shape, rule in zip(names, shapes, primitive.rules, strict=True)
    ]
    try:
        y = primitive.bind(operands, {})
        if primitive.kind == "linear" and y.size != max(x.size for x in operands):
            raise _unwritten(primitive)
        lines = [Line(equal(Quantity("Y"), y.data.formula), words("computes"), "y")]
        y.data = Matrix(Quantity("Y"), y.shape)
        delta = Quantity("Y", delta=True, rank=-1)
        found = walk([(y, Matrix(delta, y.shape))], operands)
    except NotationError:
        raise _unwritten(primitive) from None
    lines += [
        Line(equal(names[k].replaced(delta=True), found[operands[k]].formula),
             words("engines_adjoint"), letters[k])
        for k in kept
        if primitive.rules[k] is not None
    ]  # fmt: skip
    return Section(words.plain("adjoint"), words("adjoint_says"), tuple(lines))


def _unwritten(primitive: Primitive) -> ValueError:
    """Why there is nothing to derive: it is trivial, or matrices by name do not say it."""
    if primitive.kind == "linear":
        return ValueError(
            f"derive: {primitive.name} only moves or adds up entries; its adjoint puts them back "
            f"(see minigrad verify {primitive.name})"
        )
    return ValueError(f"derive: {NotationError(primitive.name)}")
