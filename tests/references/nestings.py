"""Random functions that take derivatives inside of derivatives, to be run by any library.

A program is an expression in nested tuples over one vector ``x``. Every derivative in it has a
variable of its own, and its body may use all variables around it, as closures do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

WIDTH = 2  # entries of every vector
COUNT = 120  # programs
POINT, DIRECTION = (0.7, -0.4), (0.3, 1.1)  # where they are differentiated, and along what

Expression = tuple[Any, ...]

# Per derivative: what its variable is (s a number, v a vector), what its body gives, and what
# else it takes; the result is a number where the sixth says so.
DERIVATIVES = {
    "grad_s": ("s", "s", "", "s"), "grad_v": ("v", "s", "", "v"),
    "value_and_grad": ("s", "s", "", "s"),
    "vjp_s": ("s", "s", "s", "s"), "vjp_v": ("v", "v", "v", "v"),
    "jvp_s": ("s", "s", "s", "s"), "jvp_v": ("v", "v", "v", "v"),
    "jacobian_s": ("s", "v", "", "v"), "jacobian_v": ("v", "v", "v", "v"),
    "hessian": ("v", "s", "v", "v"), "hvp": ("v", "s", "v", "v"),
}  # fmt: skip
SCALAR_ONLY = ("grad_s", "value_and_grad", "vjp_s", "jvp_s")


def program(seed: int, *, only: tuple[str, ...] = tuple(DERIVATIVES)) -> Expression:
    """A number, made of the vector ``x`` (of the number ``x`` if ``only`` has scalar ones)."""
    vectors = any(DERIVATIVES[name][0] == "v" for name in only)
    return _Writer(random.Random(seed), only, vectors).written()


class _Writer:
    def __init__(self, rng: random.Random, only: tuple[str, ...], vectors: bool) -> None:
        self.rng, self.only, self.vectors, self.names = rng, only, vectors, 0

    def written(self) -> Expression:
        scope = {"x": "v" if self.vectors else "s"}
        parts = [self.derivative("s", scope, 3) for _ in range(2)]
        return "add", parts[0], ("mul", parts[1], self.expression("s", scope, 0))

    def derivative(self, kind: str, scope: Mapping[str, str], depth: int) -> Expression:
        names = [n for n in self.only if kind in (DERIVATIVES[n][3], "s")]
        name = self.rng.choice(names)
        of, gives, takes, result = DERIVATIVES[name]
        self.names += 1
        variable = f"y{self.names}"
        body = self.expression(gives, {**scope, variable: of}, depth - 1)
        if self.rng.random() < 0.7:  # so that most derivatives are not 0
            body = ("mul" if gives == "s" else "times", body, self.of(variable, of, gives))
        rest = [self.expression(of if name.startswith(("jvp", "hvp", "hessian", "jacobian"))
                                else gives, scope, 0) for _ in takes]  # fmt: skip
        whole = (name, variable, body, self.expression(of, scope, 0), *rest)
        return ("sum", whole) if (kind, result) == ("s", "v") else whole

    def of(self, variable: str, kind: str, wanted: str) -> Expression:
        """A smooth function of one variable."""
        inner: Expression = ("var", variable)
        if kind != wanted:
            inner = ("sum", inner) if wanted == "s" else ("spread", inner)
        return "sin", inner

    def expression(self, kind: str, scope: Mapping[str, str], depth: int) -> Expression:
        chance = self.rng.random()
        if depth > 0 and chance < 0.45:
            return self.derivative(kind, scope, depth)
        if chance < 0.75:
            variable = self.rng.choice(list(scope))
            return self.of(variable, scope[variable], kind)
        if chance < 0.9:
            parts = (self.expression(kind, scope, depth - 1) for _ in range(2))
            return "add" if self.rng.random() < 0.5 else "times", *parts
        return "tanh", self.expression(kind, scope, depth - 1)


def run(expression: Expression, scope: Mapping[str, Any], library: Mapping[str, Callable]) -> Any:
    """The expression's value with the functions of a library."""
    name, *parts = expression
    if name == "var":
        return scope[parts[0]]
    if name in DERIVATIVES:
        variable, body, at, *rest = parts
        inner = lambda value: run(body, {**scope, variable: value}, library)  # noqa: E731
        return library[name](inner, *(run(part, scope, library) for part in (at, *rest)))
    return library[name](*(run(part, scope, library) for part in parts))
