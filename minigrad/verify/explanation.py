"""What is wrong with a backward written by hand, as a sentence with the term in question.

The right gradient of every value that the forward computes is known at a random point. What
backward has is held against it: first the variables that are named for a gradient of one of
forward's (``dz`` for ``z``), in the order in which backward makes them, so that the first
mistake is told and not all that follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Array
from minigrad.tape import ancestors, walk
from minigrad.tensor import Tensor, raw
from minigrad.verify.handwritten import HandWritten, locals_of
from minigrad.verify.terms import close, formula, number

_NAMES = ("d{}", "d_{}", "g{}", "g_{}", "grad_{}", "{}_grad", "{}_bar", "delta_{}")
_STEP = 5e-3
_READABLE = 24  # characters of a name that a formula is still read with
_MANY = 400  # entries of an input up to which its gradient is found by differences


@dataclass
class Evidence:
    """One run of forward and backward, and the right gradients.

    Attributes:
        yours: what backward returned, per input that is differentiated.
        right: the right gradient of each input and of each of forward's variables.
        steps: backward's variables, with every value they had.
        named: arrays of the code by name, right gradients among them.
        lengths: of all axes of the inputs.
    """

    yours: dict[str, Array | None]
    right: dict[str, Array]
    steps: Mapping[str, Sequence[Array]]
    named: dict[str, Array] = field(default_factory=dict)
    lengths: dict[int, str] = field(default_factory=dict)


def explain(subject: HandWritten, inputs: Sequence[Any]) -> dict[str, str]:
    """A sentence for each input whose gradient is wrong at these inputs."""
    evidence = gather(subject, inputs)
    origin = _origin(evidence)
    sentences = {}
    for name, yours in evidence.yours.items():
        right = evidence.right.get(name)
        if right is None or (yours is not None and close(_array(yours), right)):
            continue
        what = f"∂L/∂{name}"
        own = _plain_fault(what, yours, right, evidence)
        if origin and not own:
            own = f"{what} is wrong, because {origin}"
        sentences[name] = f"backward's {own or _fault(what, yours, right, evidence)}"
    return sentences


def gather(subject: HandWritten, inputs: Sequence[Any]) -> Evidence:
    """Run forward on the tape, where it records, and backward on plain arrays, both watched."""
    right, named = _forward_side(subject, inputs)
    with locals_of(subject.backward) as (steps,):
        plain, returned = subject.run([_copy(x) for x in inputs])
        cotangents = _cotangents(plain)
        found = subject.pull(cotangents, [_copy(x) for x in inputs], returned)
    steps = {name: [np.asarray(raw(v)) for v in values] for name, values in steps.items()}
    names = [subject.names[k] for k in subject.wanted]
    evidence = Evidence(dict(zip(names, map(raw, found), strict=True)), right, steps)
    for k in subject.wanted:
        for axis, length in enumerate(inputs[k].shape):
            evidence.lengths.setdefault(length, f"axis {axis} of {subject.names[k]}")
    for k, g in enumerate(cotangents):
        named[f"∂L/∂y{k}" if len(cotangents) > 1 else "∂L/∂y"] = np.asarray(g)
    for name, array in right.items():
        if name not in names:
            named[f"∂L/∂{name}"] = array
    evidence.named = _in_backwards_words(named, steps)
    return evidence


def _forward_side(
    subject: HandWritten, inputs: Sequence[Any]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Right gradients by name, and the values of inputs and of forward's variables by name."""
    names = [subject.names[k] for k in subject.wanted]
    leaves = [
        Tensor(_copy(x), requires_grad=True) if k in subject.wanted else x
        for k, x in enumerate(inputs)
    ]
    try:
        if not subject.runs_in_worlds:
            raise TypeError("it runs on arrays of its own framework")
        with locals_of(subject.forward) as (variables,):
            outputs, _ = subject.run(leaves)
        roots = [
            (y, u)
            for y, u in zip(outputs, _cotangents(outputs), strict=True)
            if isinstance(y, Tensor) and y.requires_grad
        ]
    except Exception:
        right = _by_differences(subject, inputs)
        return right, {name: inputs[k] for name, k in zip(names, subject.wanted, strict=True)}
    nodes = ancestors([y for y, _ in roots])
    gradients = walk(roots, wanted=nodes, retain_graph=True)
    labels: dict[Any, str] = {leaves[k]: subject.names[k] for k in subject.wanted}
    for name, values in variables.items():
        if len(values) == 1 and isinstance(values[0], Tensor):  # not one that a loop rebinds
            labels.setdefault(values[0], name)
    for k, (y, _) in enumerate(roots):
        labels.setdefault(y, f"y{k}" if len(roots) > 1 else "y")
    for node in reversed(nodes):  # f(a), where a has a name
        label = _label(node, labels)
        if node not in labels and label:
            labels[node] = label
    right = {labels[n]: np.asarray(g) for n, g in gradients.items() if n in labels}
    right |= {n: np.zeros_like(inputs[k]) for k, n in zip(subject.wanted, names, strict=True)
              if n not in right}  # fmt: skip
    return right, {label: np.asarray(node.data) for node, label in labels.items()}


def _label(node: Any, labels: Mapping[Any, str]) -> str:
    """How one would write what made a node: f(a), or (a + 1e-05), of what has a name."""
    inner = [labels.get(parent, "") for parent in node.parents]
    if not any(inner) or node.primitive.kind != "elementwise" or len("".join(inner)) > _READABLE:
        return ""
    if len(inner) == 1:
        return f"{node.primitive.name}({inner[0].removeprefix('(').removesuffix(')')})"
    texts = [a or (f"{x:g}" if isinstance(x, float | int) else "") for a, x in
             zip(inner, node.operands, strict=True)]  # fmt: skip
    return f"({f' {node.primitive.label} '.join(texts)})" if all(texts) and not all(inner) else ""


def _by_differences(subject: HandWritten, inputs: Sequence[Any]) -> dict[str, Array]:
    """The gradient of each small input, entry by entry, by central differences."""
    outputs, _ = subject.run([_copy(x) for x in inputs])
    cotangents = _cotangents(outputs)

    def value(k: int, x: Array) -> float:
        moved, _ = subject.run([x if j == k else _copy(y) for j, y in enumerate(inputs)])
        return sum(float(np.sum(u * y)) for u, y in zip(cotangents, moved, strict=True))

    right = {}
    for k in subject.wanted:
        x = inputs[k]
        if x.size > _MANY:
            continue
        gradient = np.zeros(x.shape)
        for index in np.ndindex(*x.shape):
            for steps, weight in ((1, 45), (2, -9), (3, 1)):  # central, of sixth order
                for sign in (1, -1):
                    moved = np.array(x)
                    moved[index] += sign * steps * _STEP
                    gradient[index] += sign * weight * value(k, moved) / (60 * _STEP)
        right[subject.names[k]] = gradient
    return right


def _in_backwards_words(
    named: Mapping[str, Array], steps: Mapping[str, Sequence[Array]]
) -> dict[str, Array]:
    """The arrays under the names that backward has for them, where it has one."""
    renamed: dict[str, Array] = {}
    for name, array in named.items():
        same = (n for n, values in steps.items() if n not in renamed and close(array, values[-1]))
        renamed[name if name in steps else next(same, name)] = array
    return renamed


def _origin(evidence: Evidence) -> str:
    """What is wrong with the first of backward's variables that is named for a gradient."""
    for name, values in evidence.steps.items():
        for of, right in evidence.right.items():
            if of in evidence.yours or name not in [form.format(of) for form in _NAMES]:
                continue
            if not any(close(value, right) for value in values):
                told = _fault(f"{name} (∂L/∂{of})", values[-1], right, evidence)
                if " is wrong: entry" not in told:  # else it may mean something else by the name
                    return told
    return ""


def _plain_fault(what: str, yours: Any, right: Array, evidence: Evidence) -> str:
    """A fault that shows without a search: none, a shape, a sign, a constant, a transpose."""
    if yours is None:
        return f"{what} is missing: it returns None, right is {_right(right, evidence)}"
    yours = _array(yours)
    if yours.shape != right.shape:
        return _wrong_shape(what, yours, right)
    if not np.all(np.isfinite(yours)):
        return f"{what} is not finite: {_entry(yours, ~np.isfinite(yours))}"
    if not np.any(yours):
        return f"{what} is 0, right is {_right(right, evidence)}"
    if close(yours, -right):
        return f"{what} has the wrong sign"
    scale = _scale(yours, right, evidence)
    if scale:
        return f"{what} {scale}"
    for axis in range(yours.ndim):
        if close(np.flip(yours, axis), right):
            return f"{what} is the right one in reverse order along axis {axis}"
    if yours.ndim >= 2 and yours.shape[-1] == yours.shape[-2]:
        for sign, told in ((1, ""), (-1, " with the wrong sign")):
            if close(yours.swapaxes(-1, -2), sign * right):
                return f"{what} is the transpose of the right one{told}"
    return ""


def _fault(what: str, yours: Any, right: Array, evidence: Evidence) -> str:
    """What is wrong, as a formula where one is found."""
    plain = _plain_fault(what, yours, right, evidence)
    if plain:
        return plain
    yours = _array(yours)
    part = _part(yours, right)
    if part is not None:
        what += f" in [{', '.join(f'{s.start}:{s.stop}' for s in part)}]"
        whole, (yours, right) = (yours, right), (yours[part], right[part])
        plain = _plain_fault(what, yours, right, evidence)
    else:
        whole = (yours, right)
    named = {
        n: a for n, a in evidence.named.items()
        if not any(a.shape == b.shape and close(a, b) for b in whole)
    }  # fmt: skip
    own = {n: a for n, a in named.items() if not n.startswith("∂")}  # what the code has names for
    told = plain or _by_formula(what, yours, right, own, evidence) or (
        _by_formula(what, yours, right, named, evidence))  # fmt: skip
    if told:
        return told
    worst = np.unravel_index(int(np.argmax(np.abs(yours - right))), right.shape)
    entry = ", ".join(map(str, worst))
    return f"{what} is wrong: entry ({entry}) is {yours[worst]:.6g}, right is {right[worst]:.6g}"


def _by_formula(
    what: str, yours: Array, right: Array, named: Mapping[str, Array], evidence: Evidence
) -> str | None:
    """A factor or a term that lacks, or both sides as formulas."""
    lengths = tuple(evidence.lengths)
    with np.errstate(all="ignore"):
        lacking = formula(right / yours, named, most=2, lengths=lengths)
        surplus = formula(yours / right, named, most=2, lengths=lengths)
    if lacking and "/" not in lacking[1]:
        return f"{what} lacks the factor {_signed(lacking)}"
    if surplus:
        return f"{what} has the factor {_signed(surplus)} too much"
    missing = formula(right - yours, named, most=3, lengths=lengths)
    both = [formula(a, named, most=2, lengths=lengths) for a in (yours, right)]
    if both[0] and both[1]:
        return f"{what} is {_signed(both[0])}, right is {_signed(both[1])}"
    missing = missing or formula(right - yours, named, most=4, lengths=lengths)
    if missing and missing[1][0].isdigit():  # twice a term, if half of it is written without
        half = formula((right - yours) / 2, named, most=4, lengths=lengths)
        if half and not half[1][0].isdigit():
            return f"{what} has the sign of the term {half[1]} reversed"
    return missing and f"{what} lacks the term {_signed(missing)}"


def _signed(found: tuple[float, str]) -> str:
    constant, text = found
    return f"−{text}" if constant < 0 else text


def _right(right: Array, evidence: Evidence) -> str:
    """The right gradient as a formula, or its size."""
    if not np.any(right):
        return "0"
    found = formula(right, evidence.named, most=3, lengths=tuple(evidence.lengths))
    return _signed(found) if found else f"not 0: {_entry(right, right != 0)}"


def _scale(yours: Array, right: Array, evidence: Evidence) -> str | None:
    """A constant that all entries lack."""
    largest = np.unravel_index(int(np.argmax(np.abs(right))), right.shape)
    if right.size < 2 or not yours[largest]:
        return None
    ratio = float(right[largest] / yours[largest])
    if not close(yours * ratio, right):
        return None
    scalars = (n for n, a in evidence.named.items() if a.size == 1 and close(a, a * 0 + ratio))
    text = number(ratio, evidence.lengths) or next(scalars, f"{ratio:.6g}")
    length = text.rpartition("/")[2].lstrip("−√")
    axis = evidence.lengths.get(int(length)) if length.isdigit() and int(length) > 2 else None
    known = f" ({length} is the length of {axis})" if axis else ""
    return f"lacks the factor {text}{known}"


def _wrong_shape(what: str, yours: Array, right: Array) -> str:
    got = f"got shape {yours.shape}, expected {right.shape}"
    if yours.ndim >= 2 and yours.T.shape == right.shape and close(yours.T, right):
        return f"{what} is the transpose of the right one: {got}"
    lead = yours.ndim - right.ndim
    if lead >= 0:
        axes = tuple(range(lead)) + tuple(
            lead + a for a, n in enumerate(right.shape) if n == 1 and yours.shape[lead + a] != 1
        )
        tail = yours.sum(axis=axes, keepdims=True)
        if tail.size == right.size and close(tail.reshape(right.shape), right):
            several = "axes " + ", ".join(map(str, axes)) if len(axes) > 1 else f"axis {axes[0]}"
            return f"{what} was not summed over {several}: {got}"
    return f"{what} has the wrong shape: {got}"


def _part(yours: Array, right: Array) -> tuple[slice, ...] | None:
    """The block that holds all wrong entries, where it is not the whole and wholly wrong."""
    scale = np.max(np.abs(right), initial=0)
    wrong = np.abs(yours - right) > 1e-9 * scale
    block = tuple(slice(int(w.min()), int(w.max()) + 1) for w in np.nonzero(wrong))
    return block if wrong[block].all() and not wrong.all() else None


def _entry(array: Array, mask: Array) -> str:
    index = tuple(int(w[0]) for w in np.nonzero(mask))
    return f"entry ({', '.join(map(str, index))}) is {array[index]:.6g}"


def _cotangents(outputs: Sequence[Any]) -> list[Array]:
    """The same random ones for every run."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=np.shape(raw(y))) for y in outputs]


def _copy(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _array(x: Any) -> Array:
    return np.asarray(raw(x), dtype=float)
