"""What holds for operations now: whether they are recorded, and under which scope.

Both live in a context variable, so that threads and tasks do not disturb each other, and every
switch is a ``with`` that is undone at its end.

Example:
    >>> with mg.no_grad(), mg.scope.scope("module", "encoder"):
    ...     print(mg.scope.current().recording, mg.scope.current().scope)
    False module encoder
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the model an operation was recorded: one level of a path.

    Attributes:
        kind: ``"module"``, ``"layer"``, ``"gate"`` or ``"step"``.
        name: the module's attribute name, the gate's name, or the time step's number.
        parent: the scope around it; ``None`` at the top.
        label: the class's name for a module, as pictures write it.
    """

    kind: str
    name: str
    parent: Scope | None = None
    label: str = ""

    @property
    def path(self) -> tuple[Scope, ...]:
        """All levels, outermost first."""
        levels: list[Scope] = []
        level: Scope | None = self
        while level is not None:
            levels.append(level)
            level = level.parent
        return tuple(reversed(levels))

    def __str__(self) -> str:
        return " › ".join(f"{s.kind} {s.name}" for s in self.path)


@dataclass(frozen=True, slots=True)
class State:
    """What holds for operations now.

    Attributes:
        recording: whether they are recorded.
        scope: the scope they are recorded under.
        fusing: whether a layer may do many in one.
        differentiating: whether a derivative of the function that runs is being taken.
        replacing: gives what stands for an array that enters a recording; ``None`` for itself.
    """

    recording: bool = True
    scope: Scope | None = None
    fusing: bool = True
    differentiating: bool = False
    replacing: Callable[[Any], Any] | None = None


_state: ContextVar[State] = ContextVar("minigrad.state", default=State())  # noqa: B039 (frozen)
current = _state.get
"""The `State` in force in this thread or task."""


class entered:  # noqa: N801 (those who call it see a function)
    """Context manager, or decorator: a change of the state is in force.

    Every call of a module enters one, so it has to be fast.
    """

    __slots__ = ("before", "change")

    def __init__(self, change: Callable[[State], State]) -> None:
        self.change = change

    def __enter__(self) -> None:
        self.before = _state.set(self.change(_state.get()))

    def __exit__(self, *_: object) -> None:
        _state.reset(self.before)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with entered(self.change):
                return function(*args, **kwargs)

        return inside


def scope(kind: str, name: str | int, label: str = "") -> entered:
    """Context manager: operations inside are recorded under this scope.

    Example:
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> with mg.scope.scope("step", 3):
        ...     print((x * x).scope)
        step 3
    """
    return entered(
        lambda now: State(
            now.recording, Scope(kind, str(name), now.scope, label), now.fusing,
            now.differentiating, now.replacing,
        )
    )  # fmt: skip


def step(t: int) -> entered:
    """Context manager: operations inside are step ``t`` of a loop, as pictures show it.

    Loops over a cell or module are found without it; it is for those whose turns differ.

    Example:
        >>> h = mg.Tensor(np.zeros(3), requires_grad=True, name="h")
        >>> for t in range(4):
        ...     with mg.step(t):
        ...         h = np.tanh(h) if t % 2 else np.exp(h)
        >>> h.scope.path[-1].name
        '3'
    """
    return scope("step", t)


def differentiating() -> entered:
    """Context manager: a derivative is taken of what runs inside, so it is recorded."""
    return entered(lambda now: State(True, now.scope, now.fusing, True, now.replacing))


def no_grad() -> entered:
    """Context manager: operations inside are not recorded.

    Example:
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> with mg.no_grad():
        ...     y = x * x
        >>> y.requires_grad
        False
    """
    return entered(lambda now: replace(now, recording=False))


def enable_grad() -> entered:
    """Context manager: operations inside are recorded, even within `no_grad`.

    Example:
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> with mg.no_grad(), mg.enable_grad():
        ...     y = x * x
        >>> y.requires_grad
        True
    """
    return entered(lambda now: replace(now, recording=True))


def unfused() -> entered:
    """Context manager: recurrent layers are recorded step by step, attention with its weights.

    What draws, derives or proves a layer needs its single operations rather than the fused ones,
    which are faster.

    Example:
        >>> layer, x = nn.LSTM(3, 4), mg.Tensor(np.ones((1, 2, 3)))
        >>> layer(x)[0].primitive.name
        'swapaxes'
        >>> with mg.unfused():
        ...     print(layer(x)[0].primitive.name)
        stack
    """
    return entered(lambda now: replace(now, fusing=False))


def replacing(function: Callable[[Any], Any]) -> entered:
    """Context manager: arrays that Tensors are made of, and that a target is given, are replaced.

    Example:
        >>> with mg.scope.replacing(lambda array: 2 * array):
        ...     mg.Tensor([1.0, 2.0])
        Tensor([2. 4.])
    """
    return entered(lambda now: replace(now, replacing=function))


def entering(array: Any) -> Any:
    """What stands for an array that enters a recording: itself, but inside `replacing`."""
    function = current().replacing
    return array if function is None else function(array)
