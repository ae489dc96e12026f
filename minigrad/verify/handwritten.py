"""A backward written by hand, beside the forward that it belongs to, and how both are called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, TypeVar

import numpy as np

from minigrad.scope import no_grad
from minigrad.tensor import raw

Backward = TypeVar("Backward", bound=Callable[..., Any])
Locals = dict[str, list[Any]]  # every array or Tensor that a local variable has been, in order


@dataclass(frozen=True)
class HandWritten:
    """A forward and a backward in NumPy, and the inputs to judge them at.

    Attributes:
        name: what reports call it.
        forward: (*inputs) → the output, or a tuple of outputs; see ``saves``.
        backward: the gradients: one per input, ``None`` for those without; or one per input
            of floats. Called as (g, *inputs), or (g, y, *inputs) if it takes one more; g and
            y are tuples where forward returns one.
        inputs: arrays; those of floats are differentiated, others handed on as they are.
        saves: forward returns (output, saved), and backward is called as (g, saved).
        names: of the inputs, as forward calls them.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    saves: bool = False
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Settle how backward is called, and what the inputs are.

        Raises:
            ValueError: no input of floats, or backward takes another number of arguments.
        """
        names = _parameters(self.forward)
        count = len(self.inputs)
        if names is None or len(names) < count:
            names = [f"x{k}" for k in range(count)]
        object.__setattr__(self, "names", tuple(names[:count]))
        object.__setattr__(self, "inputs", tuple(map(_example, self.inputs)))
        if not self.wanted:
            raise ValueError(
                f"{self.name}: none of the {count} example inputs is an array of floats, "
                "expected some to differentiate by"
            )
        taken = _parameters(self.backward)
        expected = (2,) if self.saves else (count + 1, count + 2)
        if taken is not None and len(taken) not in expected:
            listed = ", ".join(self.names)
            ways = "(g, saved)" if self.saves else (
                f"(g, {listed}), (g, y, {listed}), or, with saves=True, (g, saved)")  # fmt: skip
            raise ValueError(
                f"{self.name}: got a backward of the arguments ({', '.join(taken)}), "
                f"expected {ways}"
            )

    @property
    def wanted(self) -> tuple[int, ...]:
        """Positions of the inputs that are differentiated."""
        return tuple(k for k, x in enumerate(self.inputs) if _is_float(x))

    @property
    def runs_in_worlds(self) -> bool:
        """Whether it is NumPy code, which may run on symbols and in a finite field."""
        return True

    def run(self, inputs: Sequence[Any]) -> tuple[list[Any], Any]:
        """The outputs of forward, and all that it returned.

        Raises:
            ValueError: with ``saves``, forward returns no pair.
        """
        returned = self.forward(*inputs)
        if self.saves and not (isinstance(returned, tuple | list) and len(returned) == 2):
            raise ValueError(
                f"{self.name}: saves=True, but forward returned {type(returned).__name__}, "
                "expected the pair (output, saved)"
            )
        output = returned[0] if self.saves else returned
        return list(output) if isinstance(output, tuple | list) else [output], returned

    def pull(self, cotangents: Sequence[Any], inputs: Sequence[Any], returned: Any) -> list[Any]:
        """What backward returns for each of the `wanted` inputs.

        Raises:
            ValueError: it returned another number of gradients.
        """
        output = returned[0] if self.saves else returned
        g = tuple(cotangents) if isinstance(output, tuple | list) else cotangents[0]
        if self.saves:
            arguments: tuple[Any, ...] = (g, returned[1])
        elif len(_parameters(self.backward) or ()) == len(inputs) + 2:
            arguments = (g, output, *inputs)
        else:
            arguments = (g, *inputs)
        with no_grad():
            found = self.backward(*arguments)
        gradients = list(found) if isinstance(found, tuple | list) else [found]
        if len(gradients) == len(inputs):
            return [gradients[k] for k in self.wanted]
        if len(gradients) == len(self.wanted):
            return gradients
        raise ValueError(
            f"{self.name}: got {len(gradients)} gradients, expected {len(inputs)}: one for each "
            f"of {', '.join(self.names)} (None where there is none)"
        )


def backward_of(
    forward: Callable[..., Any], example_inputs: Sequence[Any], *, saves: bool = False
) -> Callable[[Backward], Backward]:
    """Decorator: this function is the backward of ``forward``, for `minigrad verify` to judge.

    The function stays as it is. Arguments as for `minigrad.verify.check_vjp`.

    Example:
        >>> from minigrad.verify import backward_of
        >>> def square(x):
        ...     return x * x
        >>> @backward_of(square, example_inputs=[(3,)])  # an array, or the shape of a random one
        ... def square_backward(g, y, x):
        ...     return 2 * x * g
        >>> square_backward(1.0, 9.0, 3.0)  # it stays the function that it was
        6.0
    """

    def mark(backward: Backward) -> Backward:
        name = getattr(backward, "__name__", "backward")
        vars(backward)["__vjp__"] = HandWritten(
            name, forward, backward, tuple(example_inputs), saves
        )
        return backward

    return mark


def _example(value: Any) -> Any:
    """An example input: a shape stands for random numbers of that shape."""
    if isinstance(value, tuple) and all(isinstance(n, int) for n in value):
        return np.random.default_rng(0).normal(size=value)
    return np.asarray(value) if isinstance(value, list | np.generic) else value


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _parameters(function: Callable[..., Any]) -> list[str] | None:
    """Names of the arguments that must be given by position; ``None`` if any number may."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]


@contextmanager
def locals_of(*functions: Callable[..., Any]) -> Iterator[list[Locals]]:
    """Watch the local variables of NumPy functions, to speak of arrays by their names."""
    codes = [getattr(inspect.unwrap(f), "__code__", None) for f in functions]
    watched: list[Locals] = [{} for _ in functions]

    def note(frame: FrameType, _event: str, _argument: Any) -> Any:
        values = watched[codes.index(frame.f_code)]
        for name, value in frame.f_locals.items():
            array = raw(value)
            if isinstance(array, np.ndarray | np.floating) and array.dtype.kind == "f":
                before = values.setdefault(name, [])
                if not before or not np.array_equal(raw(before[-1]), array):
                    before.append(np.array(value) if array is value else value)
        return note

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        code: CodeType = frame.f_code
        return note if code in codes else None

    outer = sys.gettrace()
    sys.settrace(enter)
    try:
        yield watched
    finally:
        sys.settrace(outer)
