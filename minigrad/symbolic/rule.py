"""The derivation of a primitive: SymPy's derivative beside the engine's own rule."""

from __future__ import annotations

import numpy as np
import sympy

from minigrad.arrays.functions import on_one_branch
from minigrad.arrays.normal_form import is_zero
from minigrad.arrays.symbolic import SymbolicArray, derivative_of, function_of
from minigrad.primitives import Primitive
from minigrad.symbolic.derivation import Derivation, Line, Section
from minigrad.symbolic.formula import Name, Scalar, hadamard, op
from minigrad.symbolic.matrix import MatrixArray, NotationError, unbroadcast
from minigrad.symbolic.sentences import Words
from minigrad.targets import Target


def derive_rule(target: Target, wrt: str | None = None, *, words: Words) -> Derivation:
    """What a primitive computes, its derivative by each operand, and its cotangents.

    Raises:
        ValueError: there is no notation for its rule, or ``wrt`` is none of its operands.
    """
    primitive: Primitive = target.subject
    letters = ["x"] if primitive.arity == 1 else list("abcd"[: primitive.arity])
    if wrt is not None and wrt not in letters:
        raise ValueError(f"derive: {target.title} has no {wrt!r}; it has {', '.join(letters)}")
    kept = [k for k, letter in enumerate(letters) if wrt in (None, letter)]
    if primitive.kind == "elementwise":
        sections = _elementwise(primitive, letters, kept, words)
    else:
        sections = (_adjoint(primitive, letters, kept, words),)
    return Derivation(words.plain("derivative_of", of=primitive.name), sections, words.language)


def _elementwise(
    primitive: Primitive, letters: list[str], kept: list[int], words: Words
) -> tuple[Section, ...]:
    symbols = [sympy.Symbol(letter, real=True) for letter in letters]
    value = function_of(primitive)(*symbols)
    y = sympy.Symbol("y", real=True)
    names = tuple((s, Name(s.name)) for s in (*symbols, y))
    forward = Line(op("equals", Name("y"), Scalar(value, names)), words("each_entry"), "y")
    partials, cotangents = [], []
    for k in kept:
        reference, variables = derivative_of(primitive, k)
        reference = reference.xreplace(dict(zip(variables, symbols, strict=True)))
        if value.is_Function:
            reference = reference.xreplace({value: y})
        rule = primitive.vjp(k)
        assert rule is not None
        engine = rule(SymbolicArray(1), SymbolicArray(value), *map(SymbolicArray, symbols)).item()
        engine = engine.xreplace({value: y}) if value.is_Function else engine
        difference = (engine - reference).xreplace({y: value})
        agree = is_zero(on_one_branch(difference))
        if agree and primitive.nonsmooth:
            engine = reference  # the rule ran on one side of the kink, and is right there
        left = op("partial", Name("y"), Name(letters[k]))
        partials += [
            Line(op("equals", left, Scalar(reference, names)), words("sympys"), letters[k]),
            Line(op("equals", left, Scalar(engine, names)),
                 words("engines_same" if agree else "engines_other"),
                 letters[k]),
        ]  # fmt: skip
        right = hadamard(Name("y", delta=True), Scalar(reference, names))
        cotangents.append(
            Line(op("equals", Name(letters[k], delta=True), right), words("chain_rule"), letters[k])
        )
    kink = words("kink", where=primitive.nonsmooth) if primitive.nonsmooth else ""
    return (
        Section(words.plain("forward"), words("entry_forward_says", kink=kink), (forward,)),
        Section(words.plain("derivative"), words("derivative_says"), tuple(partials)),
        Section(words.plain("backward"), words("entry_backward_says"), tuple(cotangents)),
    )


def _adjoint(primitive: Primitive, letters: list[str], kept: list[int], words: Words) -> Section:
    if primitive.variadic or any(s.static for s in primitive.samples[:1]):
        raise _unwritten(primitive)
    shapes: list[tuple[int, ...]]
    shapes = [(2, 3), (3, 4)] if primitive.kind == "bilinear" else [(2, 3)] * primitive.arity
    for given in primitive.samples[:1]:
        shapes = [np.shape(x) if isinstance(x, np.ndarray) else x for x in given.operands]
    operands = [MatrixArray(Name(x.upper()), s) for x, s in zip(letters, shapes, strict=True)]
    try:
        y = primitive.bind(tuple(operands), {})
    except NotationError:
        raise _unwritten(primitive) from None
    g = MatrixArray(Name("Y", delta=True), y.shape)
    output = MatrixArray(Name("Y"), y.shape)
    lines = [Line(op("equals", Name("Y"), y.formula), words("computes"), "y")]
    for k in kept:
        rule = primitive.vjp(k)
        assert rule is not None
        right = unbroadcast(rule(g, output, *operands), operands[k].shape).formula
        left = Name(letters[k].upper(), delta=True)
        lines.append(Line(op("equals", left, right), words("engines_adjoint"), letters[k]))
    return Section(words.plain("adjoint"), words("adjoint_says"), tuple(lines))


def _unwritten(primitive: Primitive) -> ValueError:
    """Why there is nothing to derive: it is trivial, or matrices by name do not say it."""
    if primitive.kind == "linear":
        return ValueError(
            f"derive: {primitive.name} only moves or adds up entries; its adjoint puts them back "
            f"(see minigrad verify {primitive.name})"
        )
    return NotationError(primitive.name)
