"""Random expressions of the engine's own vocabulary, and rules of it that are wrong."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.primitives import PRIMITIVES
from minigrad.primitives.primitive import Primitive
from minigrad.tape import ancestors
from minigrad.targets import Target, target_of
from minigrad.verify import with_examples

SHAPE = (2, 3)
_INTO = {
    "real": "{}", "hyperbola": "{}", "positive": "(0.5 + mg.square({}))",
    "above one": "(1.5 + mg.square({}))", "unit": "(0.9 * mg.tanh({}))",
    "share": "mg.sigmoid({})",
}  # fmt: skip
"""How any number is brought into a domain."""
_SHAPED = (
    "mg.softmax({}, axis=-1)", "mg.log_softmax({}, axis=0)", "mg.cumsum({}, axis=1)",
    "mg.sum({}, axis=0)", "mg.logsumexp({}, axis=1, keepdims=True)", "mg.transpose({}).T",
    "mg.layer_norm({}, x[0], y[1], eps=1e-5)", "mg.matmul({}, x.T) @ y", "mg.where(x > y, {}, x)",
    "mg.max({}, axis=1, keepdims=True)", "{}[::-1]", "mg.reshape({}, (3, 2)).reshape(2, 3)",
)  # fmt: skip
_SLOW = {"polygamma", "gammainc", "betainc", "zeta"}  # of whole numbers, or by differences


@dataclass(frozen=True)
class Expression:
    """Two arrays, and what is computed of them."""

    text: str
    seed: int

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        return {"x": rng.normal(size=SHAPE), "y": rng.normal(size=SHAPE)}

    def __call__(self, x: Any, y: Any) -> Any:
        return eval(self.text, {"mg": mg, "np": np, "x": x, "y": y})

    @property
    def target(self) -> Target:
        """What `minigrad verify` is pointed at."""

        @with_examples(**self.inputs)
        def function(x: Any, y: Any) -> Any:
            return self(x, y)

        return target_of(function, self.text)

    @property
    def primitives(self) -> list[str]:
        """What it is made of, as the tape sees it."""
        given = {n: mg.Tensor(v, requires_grad=True) for n, v in self.inputs.items()}
        nodes = ancestors([self(**given)])
        return sorted({n.primitive.name for n in nodes if n.primitive is not None})

    def error(self) -> float:
        """How far the engine's gradient is off, by Richardson's differences along lines."""
        rng = np.random.default_rng(self.seed + 1)
        values = self.inputs
        given = {n: mg.Tensor(v, requires_grad=True) for n, v in values.items()}
        out = self(**given)
        u = rng.normal(size=out.shape)
        try:
            out.backward(u)
            grads = {n: np.zeros(()) if x.grad is None else np.asarray(x.grad, dtype=float)
                     for n, x in given.items()}  # fmt: skip
        except Exception:  # a rule that fails is no mistake that could pass
            return float("nan")
        worst = 0.0
        for _ in range(3):
            v = {n: rng.normal(size=x.shape) for n, x in values.items()}

            def along(h: float, v: dict[str, np.ndarray] = v) -> float:
                moved = {n: mg.Tensor(x + h * v[n]) for n, x in values.items()}
                return float(np.sum(u * self(**moved).data))

            quotients = [(along(h) - along(-h)) / (2 * h) for h in (8e-4, 4e-4, 2e-4)]
            a, b = ((4 * q - p) / 3 for p, q in itertools.pairwise(quotients))
            slope = (16 * b - a) / 15
            parts = [grads[n] * v[n] for n in given]
            size = max(sum(float(np.abs(p).sum()) for p in parts), abs(slope), 1e-6)
            worst = np.maximum(worst, abs(sum(float(p.sum()) for p in parts) - slope) / size)
        return float(worst)  # NaN where the gradient is, as cbrt's at 0


def expression(draw: random.Random, depth: int = 3) -> Expression:
    """One whose values are neither infinite nor so large that nothing can be compared."""
    while True:
        found = Expression(_text(draw, depth), draw.randrange(1000))
        if "mg." not in found.text:
            continue
        with np.errstate(all="ignore"):
            try:
                value = found(**{n: mg.Tensor(v) for n, v in found.inputs.items()}).data
            except ValueError:  # shapes
                continue
            if np.isfinite(value).all() and np.abs(value).max() < 1e3 and found.error() < 1e-8:
                return found  # on a kink, or where a difference is lost, no oracle is at hand


def _text(draw: random.Random, depth: int) -> str:
    if depth == 0 or draw.random() < 0.15:
        return draw.choice(("x", "y", "0.7 * x", "(1 - y)"))
    if draw.random() < 0.25:
        return draw.choice(_SHAPED).format(_text(draw, depth - 1))
    name, domains = draw.choice(_elementwise())
    parts = [_INTO[d].format(_text(draw, depth - 1)) for d in domains]
    return f"mg.{name}({', '.join(parts)})"


@cache
def _elementwise() -> list[tuple[str, tuple[str, ...]]]:
    """Names of functions, and the domain of each argument."""
    found = []
    for name, primitive in sorted(PRIMITIVES.items()):
        domains = primitive.domain
        if primitive.kind != "elementwise" or name in _SLOW or not hasattr(mg, name):
            continue
        domains = tuple(domains) * (primitive.arity if len(domains) == 1 else 1)
        if all(d in _INTO for d in domains):
            found.append((name, domains))
    return found


def _scaled(primitive: Primitive) -> dict[str, Any]:
    """A primitive's rules with a factor too much."""

    def scaled(rule: Any) -> Any:
        return rule if rule in (None, 0) else lambda *a, **k: rule(*a, **k) * 1.5

    return {"vjps": tuple(map(scaled, primitive.vjps))}


@contextmanager
def wrong_rule(found: Expression, draw: random.Random, mutants: Sequence[Any]) -> Iterator[Any]:
    """One of the expression's rules is wrong, if one is found that changes its gradient.

    It is one of the mutants, or else a rule with a factor too much.
    """
    names = found.primitives
    every = [mutant for mutant in mutants if mutant.name in names]
    every = [*draw.sample(every, min(len(every), 3)), *draw.sample(names, len(names))]
    for mutant in every:
        primitive = PRIMITIVES[mutant if isinstance(mutant, str) else mutant.name]
        fields = _scaled(primitive) if isinstance(mutant, str) else mutant.run()[0]
        before = {field: getattr(primitive, field) for field in fields}
        try:
            for field, value in fields.items():
                object.__setattr__(primitive, field, value)
            with np.errstate(all="ignore"):
                changed = found.error() > 1e-4
            if changed:
                yield mutant
                return
        finally:
            for field, value in before.items():
                object.__setattr__(primitive, field, value)
    yield None
