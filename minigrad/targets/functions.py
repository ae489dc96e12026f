"""Targets that compute something of their own: functions, Tensors, and backwards by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minigrad.scope import unfused
from minigrad.targets.target import Recording, Target, TargetError, one_line
from minigrad.tensor import Tensor
from minigrad.tree import tree_leaves


@dataclass(frozen=True)
class TensorTarget(Target):
    """A Tensor, as it was recorded."""

    noun = "tensor"

    def derivable(self) -> Target:
        return self

    def record(self, steps: int) -> Recording:
        return Recording(self._recorded(self.subject), given=True)

    def _recorded(self, found: Any) -> Any:
        """Tensors on the tape, or the reason why these are not."""
        leaves = tree_leaves(found)
        if not leaves or not all(isinstance(leaf, Tensor) for leaf in leaves):
            got = (
                ", ".join(sorted({type(leaf).__name__ for leaf in leaves})) or type(found).__name__
            )
            raise TargetError(
                f"{self.name}: it returned {got}, expected a Tensor or a tuple of Tensors"
            )
        if all(leaf.primitive is None for leaf in leaves):
            raise TargetError(
                f"{self.name}: no operation was recorded for this Tensor: it is given and not "
                "computed, or computed of arrays that need no gradient, or inside no_grad()"
            )
        return found


@dataclass(frozen=True)
class FunctionTarget(TensorTarget):
    """A function without required arguments that returns Tensors, such as a model's loss."""

    noun = "function"

    @property
    def title(self) -> str:
        return self.name.rpartition(":")[2]

    def record(self, steps: int) -> Recording:
        with unfused():
            try:
                found = self.subject()
            except Exception as error:
                raise TargetError(f"{self.name}: calling it failed: {one_line(error)}") from error
        return Recording(self._recorded(found), given=True)


@dataclass(frozen=True)
class BackwardTarget(Target):
    """A backward written by hand, decorated with `minigrad.verify.backward_of`.

    Or the one in a file that `minigrad compile -o` writes: ``f_backward`` beside ``f_forward`` and
    ``example_inputs``.
    """

    noun = "backward"

    @property
    def title(self) -> str:
        name: str = getattr(self.subject, "name", "") or self.subject.__name__
        return name


def forward_beside(backward: Any) -> tuple[Callable[..., Any], Callable[[], Any]] | None:
    """The forward pass and the examples that stand beside a backward pass in its file.

    Example:
        >>> from minigrad.targets.functions import forward_beside
        >>> def double_backward(dy, cache): ...
        >>> forward_beside(double_backward) is None
        True
    """
    name, space = getattr(backward, "__name__", ""), getattr(backward, "__globals__", {})
    base = name.removesuffix("backward")
    forward, examples = space.get(f"{base}forward"), space.get("example_inputs")
    return (
        (forward, examples) if base != name and callable(forward) and callable(examples) else None
    )
