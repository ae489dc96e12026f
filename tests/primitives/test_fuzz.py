"""First and second derivatives along a random direction are those that differences of NumPy give.

The calls are those of the parity test. All arrays among the arguments move along a line. The
oracle runs NumPy alone: central differences, extrapolated to step 0, with an estimate of their
error; where they do not settle there is a kink.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.primitives.calls import constant
from minigrad.primitives.primitive import on_trial
from tests.primitives.generated_calls import FUNCTIONS, REFUSED, calls, outcome, parts

MOST = 12  # calls of one function
STEPS = 2.0 ** -np.arange(4, 12)
SPECIAL = ("equal", "NaN", "no ", "single", "whole", "flags")  # no points of a smooth line
KINKS = {  # and of these functions
    **dict.fromkeys(("union1d", "intersect1d", "setdiff1d", "setxor1d"), "square"),  # equal entries
    "copysign": "itself",  # one entry is nearly 0
}


def moving(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == np.float64


def moved(args: Any, t: Any, rng: np.random.Generator) -> Any:
    """The arguments, whose arrays of floating-point numbers are ``t`` further on a line."""
    if isinstance(args, list | tuple):
        return type(args)([moved(part, t, rng) for part in args])
    return args + t * rng.normal(size=args.shape) if moving(args) else args


def weighed(result: Any, rng: np.random.Generator) -> Any:
    """One number of all floating-point results, with a weight of its own for each entry."""
    total: Any = 0.0
    for part in parts(result):
        kind = np.dtype(getattr(part, "dtype", type(part))).kind
        if kind in "fc":
            both = np.real(part) + np.imag(part) if kind == "c" else part
            total = total + np.sum(rng.normal(size=np.shape(part)) * both)
    return total


def along(function: Callable[..., Any], args: Any, kwargs: Any, seed: int) -> Callable[[Any], Any]:
    """A function of one number: the arguments move, the results are weighed."""

    def of_one(t: Any) -> Any:
        line, weights = np.random.default_rng(seed), np.random.default_rng(seed + 1)
        return weighed(function(*moved(args, t, line), **kwargs), weights)

    return of_one


def limit(values: np.ndarray) -> tuple[float, float]:
    """What the values tend to, whose error falls as even powers of the step; and its error."""
    best, error = values[-1], np.inf
    for k in range(1, len(values)):
        values = (4.0**k * values[1:] - values[:-1]) / (4.0**k - 1)
        apart = np.abs(np.diff(values))
        if len(apart) and apart.min() < error:
            best, error = values[apart.argmin() + 1], apart.min()
    return best, error


def slopes(function: Callable[[float], float]) -> list[tuple[float, float]]:
    """The first and the second derivative at 0, each with its error."""
    ahead, behind = (np.array([function(sign * h) for h in STEPS]) for sign in (1, -1))
    return [
        limit((ahead - behind) / (2 * STEPS)),
        limit((ahead - 2 * function(0.0) + behind) / STEPS**2),
    ]


def generated(name: str) -> list[tuple[str, Any, Any]]:
    """Some calls that have derivatives."""
    special = (*SPECIAL, KINKS.get(name, SPECIAL[0]))
    usable = [call for call in calls(name) if not any(word in call[0] for word in special)]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [usable[k] for k in rng.permutation(len(usable))[:MOST]]


def wrong_slopes(name: str) -> list[str]:
    """Where derivatives of a function's calls differ from the oracle's."""
    faults = []
    for seed, (title, args, kwargs) in enumerate(generated(name)):
        of_one = along(FUNCTIONS[name], args, kwargs, seed)
        expected = outcome(slopes, (of_one,), {})
        if isinstance(expected, Exception):
            continue
        for order, (slope, error) in enumerate(expected, 1):
            derived = mg.grad(of_one) if order == 1 else mg.grad(mg.grad(of_one))
            found = outcome(derived, (0.0,), {})
            if isinstance(found, Exception) and any(words in str(found) for words in REFUSED):
                continue
            scale = 1 + abs(slope)
            if error < 1e-7 * scale and not abs(found - slope) < 1e-4 * scale:
                faults.append(f"{title}: derivative {order} is {slope}, here {found}")
    return faults


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivatives_are_those_of_numpy_s_differences(name):
    assert not (faults := wrong_slopes(name)), f"{len(faults)}: " + "\n".join(faults[:5])


@pytest.mark.parametrize(
    "partial", [lambda y, x: -y * y, lambda y, x: 1 - constant(y) ** 2], ids=["first", "second"]
)
def test_a_wrong_rule_is_found(partial):
    with on_trial():
        mg.elementwise("tanh", np.tanh, partials=(partial,), symbol="tanh", numpy=(np.tanh,))
        assert wrong_slopes("tanh")
