"""What a command is pointed at: each kind of target answers for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from minigrad import nn
from minigrad.targets.problem import Problem


class TargetError(ValueError):
    """A target that cannot be found or used; the message is one line.

    Example:
        >>> from minigrad.targets import TargetError, resolve
        >>> try:
        ...     resolve("lstn")
        ... except TargetError as error:
        ...     print(str(error)[:46])
        unknown target 'lstn': did you mean 'lstm' or
    """


@dataclass(frozen=True)
class Recording:
    """What a target computed, with the tape behind it.

    Attributes:
        outputs: a Tensor, or tuples of them.
        given: whether the first output is the target's own loss, if it is a single number.
        last: whether time runs through the first output (batch, time, …) up to its last step.
    """

    outputs: Any
    given: bool = False
    last: bool = False


@dataclass(frozen=True)
class Target:
    """Something to verify, derive, draw or compile. Made by `resolve` or `target_of`.

    A command asks for what it needs; a target that cannot give it raises a `TargetError` that
    says what it is and what was expected.

    Attributes:
        name: as the user gave it.
        subject: the cell, module, primitive, function or backward itself.
        named: whether `resolve` finds it by its name, in another process too.

    Example:
        >>> from minigrad.targets import resolve
        >>> target = resolve("lstm")
        >>> target.title, target.cell(3, 8).gates
        ('LSTMCell', ('f', 'i', 'g', 'o'))
    """

    name: str
    subject: Any = field(repr=False)
    named: bool = False

    noun: ClassVar[str] = "target"

    @property
    def title(self) -> str:
        """What reports and pictures call it: the name of the class, primitive or function."""
        return getattr(self.subject, "__name__", self.name.rpartition(":")[2])

    def cell(
        self, input_size: int, hidden_size: int, *, rng: nn.Seed = None, dtype: Any = np.float64
    ) -> nn.Cell:
        """A recurrent cell of these sizes."""
        raise self.refusal("a recurrent cell")

    def module(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: nn.Seed = None,
        dtype: Any = np.float64,
        **options: Any,
    ) -> nn.Module:
        """A module over sequences (batch, time, input_size); a cell is unrolled.

        Args:
            input_size: width of x.
            hidden_size: width of the states.
            rng: seed or generator of the weights.
            dtype: of the weights.
            options: of `nn.Recurrent`, for a cell.
        """
        raise self.refusal("a cell or a layer")

    def derivable(self) -> Target:
        """What it is that has formulas: of a recurrent layer its cell, else mostly itself."""
        raise self.refusal("a cell, a module, a primitive or a function that returns a loss")

    def call(self, steps: int) -> tuple[Any, tuple[Any, ...]] | None:
        """What runs, and an example of its arguments; ``None`` if there is no one such call."""
        return None

    def record(self, steps: int) -> Recording:
        """Run it on example inputs: over this many time steps, if it has any.

        Raises:
            TargetError: it cannot be run, or records nothing.
        """
        raise self.refusal("a cell, a layer, a primitive, or a function that returns a Tensor")

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        """The functions whose gradients by the engine are judged."""
        raise self.refusal("a cell, a layer, a primitive or a backward")

    def members(self) -> tuple[Target, ...]:
        """What is judged: itself, or what a file holds."""
        return (self,)

    def unfit(self) -> str | None:
        """Why it is not judged when its file alone is named; ``None`` if it is."""
        return None

    def refusal(self, expected: str) -> TargetError:
        """The error of a target that cannot give what it was asked for."""
        return TargetError(f"{self.name}: got a {self.noun}, expected {expected}")


@dataclass(frozen=True)
class FileTarget(Target):
    """A file, of which `verify` judges what it defines.

    Attributes:
        found: what is judged, in the order of the file.
        left_out: what else the file defines, each with the reason.
    """

    found: tuple[Target, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    noun = "file"

    def members(self) -> tuple[Target, ...]:
        if not self.found:
            alike: dict[str, list[str]] = {}
            for name, why in self.left_out.items():
                alike.setdefault(why, []).append(name)
            reasons = "; ".join(f"{', '.join(names)}: {why}" for why, names in alike.items())
            raise TargetError(
                f"{self.name}: nothing in it can be judged: {reasons or 'it is empty'}"
            )
        return self.found

    def refusal(self, expected: str) -> TargetError:
        first = self.found[0].name if self.found else f"{self.name}:NAME"
        return TargetError(f"{self.name}: got a {self.noun}, expected {expected}, such as {first}")


def one_line(error: BaseException) -> str:
    """An error as a part of a sentence."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
