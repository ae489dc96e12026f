"""Example inputs of a function, as the command line describes them: x=3x4, k=int:0..5:7."""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from minigrad.options import did_you_mean
from minigrad.targets.target import TargetError

Function = TypeVar("Function", bound=Callable[..., Any])

FORM = (
    "NAME=SHAPE such as x=3x4, NAME=KIND:SHAPE with a KIND like float:0..1, int:0..5 or bool, or "
    "NAME=value:VALUE"
)
_VALUE = re.compile(r"(?P<name>\w+(?:\.\w+)*)=value:(?P<value>.*)", re.ASCII)
_SPEC = re.compile(
    r"(?P<name>\w+(?:\.\w+)*)=(?:(?P<kind>float32|float64|float|int|bool)(?::(?P<low>-?\d+)\.\.(?P<high>-?\d+))?:)?"
    r"(?P<shape>\(\)|\d+(?:x\d+)*)",
    re.ASCII,
)

_MOST, _MOST_AXES = 10**8, 32


@dataclass(frozen=True)
class Roles:
    """What the user says of a target's inputs.

    Attributes:
        constants: names of inputs that are not differentiated.
        differentiate: names of the only inputs that are; all if there are none.
        positive: names of inputs that are positive.

    Example:
        >>> from minigrad.targets.inputs import Roles
        >>> Roles(constants=("mask",)).reason("mask")
        'it is named as a constant'
    """

    constants: tuple[str, ...] = ()
    differentiate: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()

    def reason(self, name: str) -> str:
        """Why an input is not differentiated; empty if it is."""
        if name in self.constants:
            return "it is named as a constant"
        if self.differentiate and name not in self.differentiate:
            return "others are named to differentiate by"
        return ""

    def check(self, target: str, known: Iterable[str]) -> None:
        """Refuse names of no input.

        Raises:
            TargetError: with the names that there are.
        """
        known = list(known)
        for name in (*self.constants, *self.differentiate, *self.positive):
            if name not in known:
                guess = did_you_mean(name, known) or ";"
                raise TargetError(
                    f"{target}: no input is called {name!r}{guess} there are {', '.join(known)}"
                )


NO_ROLES = Roles()


def example(text: str, rng: np.random.Generator) -> tuple[str, Any]:
    """An array of a shape and kind, drawn at random, or a value as it is written.

    Args:
        text: NAME=SHAPE, the lengths joined by x, or () for a single number; before the shape may
            stand float32, float64, bool, or int:LOW..HIGH for whole numbers from LOW up, below
            HIGH (0 to 9 if nothing is given). float:LOW..HIGH are numbers between these.
            NAME=value:VALUE is a number, True, False, None or a text as it stands. NAME.KEY=SHAPE
            is an entry of a dict, NAME.0=SHAPE of a list.
        rng: what it is drawn from; floats without limits are normal.

    Raises:
        TargetError: text of another form.

    Example:
        >>> from minigrad.targets.inputs import example
        >>> name, array = example("k=int:0..5:7", np.random.default_rng(0))
        >>> name, array.shape, array.min() >= 0, array.max() < 5
        ('k', (7,), np.True_, np.True_)
    """
    written = _VALUE.fullmatch(text)
    if written is not None:
        return written["name"], _value(written["value"])
    match = _SPEC.fullmatch(text.replace(" ", ""))
    if match is None:
        raise TargetError(f"--input {text}: expected {FORM}")
    shape = () if match["shape"] == "()" else tuple(map(int, match["shape"].split("x")))
    if math.prod(shape) > _MOST or len(shape) > _MOST_AXES:
        raise TargetError(f"--input {text}: too large, expected {_MOST:,} numbers on "
                          f"{_MOST_AXES} axes at most")  # fmt: skip
    kind = match["kind"] or "float64"
    if kind == "bool":
        return match["name"], rng.random(shape) < 0.5
    if kind == "int":
        low, high = int(match["low"] or 0), int(match["high"] or 10)
        if high <= low:
            raise TargetError(f"--input {text}: there is no whole number from {low} to {high}")
        return match["name"], np.asarray(rng.integers(low, high, shape))
    if match["low"] is None:
        return match["name"], np.asarray(rng.normal(size=shape)).astype(kind)
    low, high = int(match["low"]), int(match["high"])
    if high <= low:
        raise TargetError(f"--input {text}: there is no number between {low} and {high}")
    return match["name"], np.asarray(rng.uniform(low, high, size=shape)).astype(kind)


def _value(text: str) -> Any:
    """A number, True, False or None; any other text as it stands."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def with_examples(**inputs: Any) -> Callable[[Function], Function]:
    """Decorator: examples of a function's arguments, for `minigrad verify` and the others.

    Args:
        inputs: arrays or numbers, or the shapes of random arrays, by argument.

    Example:
        >>> from minigrad.targets import resolve, target_of
        >>> from minigrad.verify import verify, with_examples
        >>> @with_examples(x=(3,), k=2)
        ... def power(x, k):
        ...     return np.sum(x**k)
        >>> verify(target_of(power)).passed
        True
    """

    def mark(function: Function) -> Function:
        vars(function)["__examples__"] = inputs
        return function

    return mark


def examples(
    name: str,
    function: Callable[..., Any],
    given: Sequence[str],
    seed: int = 0,
    positive: Sequence[str] = (),
) -> dict[str, Any]:
    """An example of every argument of a function, by name: as described, or its default.

    What `with_examples` has marked it with comes in between. Random numbers of an argument that
    is positive are.

    Raises:
        TargetError: an argument without an example, or an example of no argument.
    """
    rng = np.random.default_rng(seed)
    found = nested(given, rng)
    drawn = set(found)
    parameters = _parameters(function)
    for key, value in getattr(function, "__examples__", {}).items():
        if key not in found:
            shape = isinstance(value, tuple) and all(type(n) is int for n in value)
            found[key] = rng.normal(size=value) if shape else value
            drawn |= {key} if shape else set()
    for key in drawn & set(positive):
        x = found[key]
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not np.all(x > 0):
            found[key] = np.exp(x)
    unknown = [key for key in found if key not in parameters]
    if unknown:
        raise TargetError(
            f"{name}: it has no argument {unknown[0]!r}; it takes {', '.join(parameters) or 'none'}"
        )
    missing = unknown_arguments(function, found)
    if missing:
        described = " ".join(f"--input {key}=3x4" for key in missing)
        raise TargetError(
            f"{name}: it needs {', '.join(missing)}; give an example of each: {described}"
        )
    return {key: found.get(key, parameter.default) for key, parameter in parameters.items()}


def positional(
    name: str,
    function: Callable[..., Any],
    given: Sequence[str] = (),
    seed: int = 0,
    positive: Sequence[str] = (),
) -> tuple[Any, ...]:
    """The examples in the order of the arguments, up to the last one that has no default.

    Those of `with_examples` and those given count as having none.
    """
    found = examples(name, function, given, seed, positive)
    own = set(map(argument_of, given))
    own |= getattr(function, "__examples__", {}).keys() | set(unknown_arguments(function))
    last = max((k for k, key in enumerate(found) if key in own), default=-1)
    return tuple(found.values())[: last + 1]


def unknown_arguments(function: Callable[..., Any], known: Container[str] = ()) -> list[str]:
    """The arguments that have no default, without those that are known."""
    return [
        key for key, parameter in _parameters(function).items()
        if key not in known and parameter.default is parameter.empty
    ]  # fmt: skip


def argument_of(text: str) -> str:
    """The argument that a described example is for."""
    return text.partition("=")[0].partition(".")[0]


def nested(given: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    """Examples by dotted name as dicts, and as lists where the keys are numbers."""
    found: dict[str, Any] = {}
    for name, array in (example(text, rng) for text in given):
        *before, last = name.split(".")
        inner = found
        for key in before:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise TargetError(f"--input {name}: {key} is an array already")
        if last in inner:
            raise TargetError(f"--input {name}: it is given twice")
        inner[last] = array
    return {key: _listed(value) for key, value in found.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(key.isdecimal() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(part) for key, part in value.items()}


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The arguments that have names."""
    signature = inspect.signature(function)
    return {
        key: parameter for key, parameter in signature.parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }  # fmt: skip
