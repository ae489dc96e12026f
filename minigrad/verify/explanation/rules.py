"""Which rule of the engine is wrong, and which term of it.

Each operation on the tape is held against the slope of its own output, so that the culprit is
named and not only the gradients that it spoiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy

from minigrad.arrays.normal_form import is_zero, normal_form
from minigrad.arrays.numbers import PRIME, Numbers, OutsideDomainError, Residue
from minigrad.arrays.symbolic import SymbolicArray, derivative_of, function_of
from minigrad.notation import pretty
from minigrad.primitives.indexing import Scattered
from minigrad.primitives.primitive import Array
from minigrad.tape import Node, ancestors
from minigrad.targets import Problem
from minigrad.tensor import Tensor
from minigrad.verify.engine import Walk
from minigrad.verify.points import elsewhere, near, twins

_LARGE = 200  # entries of an operand up to which the right cotangent is found one by one
_POINTS = 8  # that are tried: some may lie outside of the domain


def culprits(problem: Problem, seed: int) -> list[str]:
    """One sentence for each operation whose cotangent is wrong, in order of the forward pass.

    None where it cannot be told: the forward pass does not run on exact numbers.
    """
    rng = np.random.default_rng(seed)
    subject = Walk(problem, seed)
    at = near(subject, rng)
    for _ in range(_POINTS):
        try:
            with Residue.afresh(any_root=True):
                _, outputs = problem.forward(twins(subject, Residue, at, rng))
                return _faults(outputs, rng) or [
                    "the rule of each recorded operation is right: something leaves the tape "
                    "(.data, detach(), no_grad(), float()), or the walk over it is wrong"
                ]
        except OutsideDomainError:
            at = elsewhere(subject, rng)
        except Exception:
            break
    return []


def _faults(outputs: list[Tensor], rng: np.random.Generator) -> list[str]:
    sentences: dict[str, None] = {}  # a set in order: the same fault shows at every step
    seen = set()
    for node in reversed(ancestors(outputs)):
        for position, parent in enumerate(node.parents):
            key = _kind_of(node, position)
            if parent is None or key in seen:
                continue
            seen.add(key)
            sentence = _fault(node, position, rng)
            if sentence:
                sentences[sentence] = None
    return list(sentences)


def _kind_of(node: Node, position: int) -> tuple[object, ...]:
    """What makes two operations the same to the judges."""
    shapes = tuple(getattr(x, "shape", None) for x in node.operands)
    return node.primitive, position, shapes, repr(node.static), _gate(node)


def _fault(node: Node, position: int, rng: np.random.Generator) -> str | None:
    """What is wrong with the cotangent of one operand of one operation, if anything."""
    primitive, operand = node.primitive, node.operands[position]
    assert primitive is not None
    g = _constants(node.data.shape, rng)
    tangent = rng.integers(PRIME, size=operand.shape, dtype=np.int64).astype(object)
    expected = _pairing(g.exacts(Residue), _moved(node, position, tangent))
    raised = ""
    try:
        part = _cotangent(node, position, g)
        if part.shape == operand.shape:
            if _pairing(_exacts(part), tangent) == expected:
                return None
        else:
            raised = f"the rule for operand {position} gives shape {part.shape}"
            raised += f", expected {operand.shape}"
    except Exception as error:
        raised = f"the rule for operand {position} raises {type(error).__name__}: {error}"
    if primitive.kind == "elementwise":
        wrong = _wrong_partial(node, position)
        if wrong:
            return f"{primitive.name}{_place(node)}: {wrong}"
        return (
            f"{primitive.name}{_place(node)}: the sum of broadcasting is missing or wrong: operand "
            f"{position} of shape {operand.shape} was stretched to {node.data.shape}, its "
            "cotangent is the sum over the stretched axes"
        )
    wrong = raised or _wrong_adjoint(node, position)
    return f"{primitive.name}{_place(node)}: {_hint(node, position, g, wrong)}"


def _cotangent(node: Node, position: int, g: Numbers) -> Any:
    """What the engine hands to one operand of one operation."""
    assert node.primitive is not None
    wanted = [node if k == position else None for k in range(len(node.operands))]
    parts = node.primitive.pull(g, node.data, None, node.operands, node.static, wanted)
    part = parts[position]
    return part.dense() if isinstance(part, Scattered) else part


def _moved(node: Node, position: int, tangent: np.ndarray) -> np.ndarray:
    """The slope of an operation's output along a tangent of one operand."""
    primitive, x = node.primitive, node.operands[position]
    assert primitive is not None
    array = np.asarray(x, dtype=object).view(Numbers)
    dual = Numbers.joined(Residue, array.reals(), array.exacts(Residue), tangent)
    operands = [dual if k == position else y for k, y in enumerate(node.operands)]
    output = primitive.bind(operands, node.static)
    return np.asarray(output, dtype=object).view(Numbers).slopes(Residue)


def _constants(shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    return Residue.drawn(rng.normal(size=shape), rng)


def _exacts(x: Any) -> np.ndarray:
    return np.asarray(x, dtype=object).view(Numbers).exacts(Residue)


def _wrong_partial(node: Node, position: int) -> str | None:
    """How an elementwise rule differs from SymPy's derivative, as a formula."""
    primitive = node.primitive
    assert primitive is not None
    reference, variables = derivative_of(primitive, position)
    value = SymbolicArray(function_of(primitive)(*variables))
    rule = primitive.vjp(position)
    assert rule is not None
    try:
        engine = rule(SymbolicArray(1), value, *map(SymbolicArray, variables)).item()
    except Exception as error:
        return f"its derivative by operand {position} raises {type(error).__name__}: {error}"
    if is_zero(engine - reference):
        return None
    y = sympy.Symbol(_gate(node) or "y")
    names = dict(zip(variables, map(sympy.Symbol, _operand_names(node)), strict=True))
    to_names = {value.item(): y} if value.item().is_Function else {}
    told = [expr.xreplace(to_names).xreplace(names) for expr in (engine, reference)]
    by = _operand_names(node)[position]
    return f"the engine's ∂{y}/∂{by} is {told[0]}, SymPy's is {told[1]}: {describe(*told)}"


def describe(engine: sympy.Expr, reference: sympy.Expr) -> str:
    """In words, how the engine's term differs from the right one."""
    if engine == 0:
        return "the engine has no such term"
    ratio = normal_form(reference / engine)
    if ratio == -1:
        return "it has the wrong sign"
    numerator, denominator = sympy.fraction(ratio)
    if denominator.is_number:
        return f"it lacks the factor ({_factored(ratio)})"
    if numerator.is_number:
        return f"it has the factor ({_factored(1 / ratio)}) too much"
    mine, right = (sympy.expand(e).as_coefficients_dict() for e in (engine, reference))
    flipped = [term for term in right if mine.get(term) == -right[term]]
    if flipped and mine.keys() == right.keys():
        return f"the sign of the term {', '.join(map(str, flipped))} is flipped"
    return f"they differ by {normal_form(engine - reference)}"


def _factored(expression: sympy.Expr) -> sympy.Expr:
    terms = sympy.Add.make_args(expression)
    if len(terms) == 2 and all(term.could_extract_minus_sign() for term in terms):
        return sympy.factor(expression)
    return expression


def _wrong_adjoint(node: Node, position: int) -> str:
    assert node.primitive is not None
    rule = "VJP" if node.primitive.kind == "fused" else "adjoint"
    return f"the {rule} of operand {position} of shape {node.operands[position].shape} is wrong"


def _hint(node: Node, position: int, g: Numbers, wrong: str) -> str:
    """The sentence, with what would mend it where one transpose or sign does."""
    primitive, operand = node.primitive, node.operands[position]
    assert primitive is not None
    rule = primitive.vjp(position)
    if rule is None or operand.size > _LARGE:
        return wrong
    right = _right_cotangent(node, position, g)
    for mend, attempt in _attempts(node, g):
        try:
            part = rule(*attempt, **node.static)
            if part.shape != right.shape:
                part = _sum_to(part, right.shape)
            part = _exacts(part)
        except Exception:
            continue
        if not np.any((part - right) % PRIME):
            return f"{wrong}; it is right with {mend}"
        if not np.any((part + right) % PRIME):
            return f"{wrong}; it has the wrong sign" + (f" and needs {mend}" if mend else "")
        square = part.ndim >= 2 and part.shape[-1] == part.shape[-2]
        if square and not np.any((part.swapaxes(-1, -2) - right) % PRIME):
            return f"{wrong}; its result needs a transpose"
    return wrong


def _attempts(node: Node, g: Array) -> Iterator[tuple[str, tuple[Array, ...]]]:
    """The rule's arguments as they are, then each with a transpose."""
    arguments = (g, node.data, *node.operands)
    names = (
        "the cotangent g",
        "the output y",
        *(f"operand {k}" for k in range(len(node.operands))),
    )
    yield "", arguments
    for k, (name, x) in enumerate(zip(names, arguments, strict=True)):
        if getattr(x, "ndim", 0) >= 2:
            swapped = x.swapaxes(-1, -2)
            yield f"{name} transposed", (*arguments[:k], swapped, *arguments[k + 1 :])


def _right_cotangent(node: Node, position: int, g: Numbers) -> np.ndarray:
    """Entry by entry: ⟨g, A e⟩ for every unit vector e, by the reference alone."""
    shape = node.operands[position].shape
    entries = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        unit = np.zeros(shape, dtype=object)
        unit[index] = 1
        entries[index] = _pairing(g.exacts(Residue), _moved(node, position, unit))
    return entries


def _sum_to(part: Array, shape: tuple[int, ...]) -> Array:
    lead = part.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        lead + a for a, n in enumerate(shape) if n == 1 and part.shape[lead + a] != 1
    )
    return part.sum(axis=axes, keepdims=True).reshape(shape)


def _pairing(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.sum(a * b)) % PRIME


def _gate(node: Node) -> str:
    """Name of the gate that this operation belongs to, or whose activation it is."""
    for candidate in (node, *node.parents[:1]):
        if candidate is not None and candidate.scope and candidate.scope.kind == "gate":
            return pretty(candidate.scope.name)
    return ""


def _operand_names(node: Node) -> list[str]:
    gate = _gate(node)
    if len(node.operands) == 1:
        return [f"a_{gate}" if gate else "x"]
    return list("abcd"[: len(node.operands)])


def _place(node: Node) -> str:
    """Where in a model the operation stands."""
    gate = _gate(node)
    modules = [level.label for level in node.scope.path if level.label] if node.scope else []
    inside = f" of {modules[-1]}" if modules else ""
    return f" (gate {gate}{inside})" if gate else f" (in {modules[-1]})" if modules else ""
