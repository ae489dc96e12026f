"""Targets that compute something of their own: functions, Tensors, and backwards by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.scope import entering, unfused
from minigrad.tape import ancestors
from minigrad.targets.files import told
from minigrad.targets.inputs import NO_ROLES, Roles, examples, positional, unknown_arguments
from minigrad.targets.problem import JUDGES, Problem, repeated
from minigrad.targets.target import Recording, Target, TargetError, one_line
from minigrad.tensor import Tensor, raw
from minigrad.tree import tree_leaves


@dataclass(frozen=True)
class TensorTarget(Target):
    """A Tensor, as it was recorded."""

    noun = "tensor"

    def derivable(self) -> Target:
        return self

    def unfit(self) -> str | None:
        return "a tensor is data; a function that returns one can be judged"

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


MOST_UNKNOWNS = 60
"""Up to how many entries a function of the user's is proven."""


@dataclass(frozen=True)
class FunctionTarget(TensorTarget):
    """A function that returns Tensors or arrays, such as a model's loss.

    Its arguments have examples: as given, as its `example` decorator says, or their defaults.

    Attributes:
        given: examples as the command line describes them, see `minigrad.targets.inputs`.
        roles: which of its inputs are differentiated.
    """

    given: tuple[str, ...] = ()
    roles: Roles = NO_ROLES

    noun = "function"

    @property
    def title(self) -> str:
        return self.name.rpartition(":")[2]

    def call(self, steps: int) -> tuple[Any, tuple[Any, ...]] | None:
        return self.subject, tuple(self.inputs(0).values())

    def record(self, steps: int) -> Recording:
        return Recording(self._recorded(self._on_tensors()), given=True)

    def _on_tensors(self) -> Any:
        """What it returns where its arrays of floats are Tensors."""
        return self._called(
            {
                name: Tensor(x, requires_grad=True, name=name) if _is_floats(x) else entering(x)
                for name, x in self.inputs(0).items()
            }
        )

    def inputs(self, seed: int) -> dict[str, Any]:
        """An example of each argument."""
        return examples(self.name, self.subject, self.given, seed, self.roles.positive)

    def unfit(self) -> str | None:
        if hasattr(self.subject, "__examples__"):
            return None
        missing = unknown_arguments(self.subject)
        if missing:
            names = ", ".join(missing)
            return f"no examples of {names}; decorate it with minigrad.verify.with_examples"
        if not self._says_loss():  # it may be a main that trains for hours
            return f"it is not called unless it is asked for: {self.name}"
        returned = tree_leaves(self._on_tensors())
        if all(isinstance(leaf, Tensor) for leaf in returned):
            return None
        return f"it returned {type(returned[0]).__name__} and no Tensor"

    def _says_loss(self) -> bool:
        """Whether its name or its annotation says that it returns a loss or a Tensor."""
        annotated = str(getattr(self.subject, "__annotations__", {}).get("return", ""))
        return "loss" in self.title.lower().split("_") or "Tensor" in annotated

    def _called(self, inputs: Mapping[str, Any]) -> Any:
        try:
            return self._run(inputs)
        except (Exception, SystemExit) as error:
            raise TargetError(f"{self.name}: calling it failed: {self._why(error)}") from error

    def _run(self, inputs: Mapping[str, Any]) -> Any:
        with unfused():
            return self.subject(**inputs)

    def _why(self, error: BaseException) -> str:
        return told(error, getattr(getattr(self.subject, "__code__", None), "co_filename", ""))

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        """Its gradient by every argument of floats, and by every leaf that it reaches."""
        with np.errstate(all="ignore"):
            yield problem_of_call(
                self.name, self._run, self._recorded, self._why, self.inputs(seed), self.roles
            )


def problem_of_call(
    target: str,
    call: Callable[[Mapping[str, Any]], Any],
    recorded: Callable[[Any], Any],
    why: Callable[[BaseException], str],
    inputs: Mapping[str, Any],
    roles: Roles,
    own: Mapping[str, Tensor] | None = None,
) -> Problem:
    """The gradient of a call by every argument of floats, and by every leaf that it reaches.

    Args:
        target: what reports call it.
        call: arguments by name → what it returns.
        recorded: what is returned, if it is on the tape.
        why: an error of the call, on one line.
        inputs: an example of each argument.
        roles: which of the inputs are differentiated.
        own: names of leaves; their own, if not given.

    Raises:
        TargetError: it fails, is random, or reaches nothing to differentiate by.
    """
    given = {n: np.asarray(x) for n, x in inputs.items() if _is_floats(x)}
    constants = {n: "it holds no floats" for n in inputs if n not in given}
    handed = {n: Tensor(x, requires_grad=True, name=n) for n, x in given.items()}
    try:
        first, *others = repeated(lambda: call({**inputs, **handed}))
    except (Exception, SystemExit) as error:
        raise TargetError(f"{target}: calling it failed: {why(error)}") from error
    outputs = tree_leaves(recorded(first))
    pairs = [pair for other in others for pair in zip(outputs, tree_leaves(other), strict=True)]
    if not all(np.array_equal(raw(a), raw(b), equal_nan=True) for a, b in pairs):
        raise RandomError(f"{target}: it differs from call to call; seed it inside")
    reached = [n for n in ancestors(outputs) if n.primitive is None and n.requires_grad]
    leaves = [n for n in reached[::-1] if isinstance(n, Tensor) and not any(
        n is x for x in handed.values())]  # fmt: skip
    found = _named(leaves, own or {})
    values = {**given, **{n: np.asarray(x.data, dtype=float) for n, x in found.items()}}
    roles.check(target, [*inputs, *found])
    for name in [*values]:
        reason = roles.reason(name)
        if not reason and name in handed and not any(handed[name] is node for node in reached):
            reason = "the outputs do not depend on it"
        if reason:
            constants[name] = reason
            del values[name]
    for name in roles.positive:
        if name in values and not np.all(values[name] > 0):
            raise TargetError(f"{target}: the example of {name} is not positive everywhere")
    if not values:
        listed = "; ".join(f"{n}: {reason}" for n, reason in constants.items())
        raise TargetError(
            f"{target}: it reaches no array of floats to differentiate by"
            + (f" ({listed})" if listed else "")
        )

    def run(leaves: Mapping[str, Tensor]) -> Any:
        return call({**inputs, **{n: leaves[n] for n in given if n in values}})

    few = sum(x.size for x in values.values()) <= MOST_UNKNOWNS
    return Problem(
        target, {n: x.shape for n, x in values.items()}, run,
        domains={n: "positive" for n in roles.positive if n in values}, values=values,
        own={n: x for n, x in found.items() if n in values}, constants=constants,
        judges=JUDGES if few else JUDGES[1:],
    )  # fmt: skip


class RandomError(TargetError):
    """A call that gives something else each time."""


def _is_floats(x: Any) -> bool:
    return isinstance(x, float) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def _named(leaves: Sequence[Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leaves by their names, with numbers where a name is not one leaf's alone."""
    names = {id(leaf): name for name, leaf in own.items()}
    found: dict[str, Tensor] = {}
    for k, leaf in enumerate(leaves):
        name = names.get(id(leaf)) or leaf.name or f"leaf{k}"
        found[name if name not in found else f"{name} ({k})"] = leaf
    return found


@dataclass(frozen=True)
class BackwardTarget(Target):
    """A backward written by hand.

    It is decorated with `minigrad.verify.backward_of`, or its forward pass stands beside it.

    Attributes:
        given: examples of the forward pass's arguments, as the command line describes them.
        roles: which of them are differentiated.
    """

    given: tuple[str, ...] = ()
    roles: Roles = NO_ROLES

    noun = "backward"

    @property
    def title(self) -> str:
        name: str = getattr(self.subject, "name", "") or self.subject.__name__
        return name

    @property
    def forward(self) -> Callable[..., Any]:
        """The forward pass that it belongs to."""
        forward: Callable[..., Any] = partner(self.subject) or self.subject.forward
        return forward

    @property
    def saves(self) -> bool | None:
        """Whether forward returns (outputs, saved); ``None`` if that has to be found out."""
        return True if self._written() else None

    def inputs(self, seed: int = 0) -> tuple[Any, ...]:
        """Examples of the forward pass's arguments.

        These are the ones given, its `with_examples`, or `example_inputs` in a file that
        `minigrad compile -o` writes.
        """
        written = self._written()
        if written and not self.given:
            inputs: tuple[Any, ...] = tuple(written())
            return inputs
        return positional(self.name, self.forward, self.given, seed, self.roles.positive)

    def unfit(self) -> str | None:
        if partner(self.subject) is None or self._written():
            return None
        return _without_examples(self.forward, "its forward pass ")

    def _written(self) -> Callable[[], Sequence[Any]] | None:
        forward = partner(self.subject)
        written = getattr(forward, "__globals__", {}).get("example_inputs")
        if forward is None or not forward.__name__.endswith("_forward") or not callable(written):
            return None
        return None if hasattr(forward, "__examples__") else written


@dataclass(frozen=True)
class PassesTarget(BackwardTarget):
    """An object, or the class of one, with methods forward and backward."""

    noun = "class with forward and backward"

    @property
    def title(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def forward(self) -> Callable[..., Any]:
        forward: Callable[..., Any] = self.made().forward
        return forward

    def made(self) -> Any:
        """The object; a class is called without arguments."""
        if not isinstance(self.subject, type):
            return self.subject
        try:
            return self.subject()
        except Exception as error:
            raise TargetError(
                f"{self.name}: {self.subject.__name__}() failed: {one_line(error)}; make one in "
                "the file, as layer = …, and name that"
            ) from error

    def unfit(self) -> str | None:
        try:
            return _without_examples(self.forward, "forward has ")
        except TargetError as error:
            return str(error)


def _without_examples(forward: Callable[..., Any], whose: str) -> str | None:
    """Why the arguments of a forward pass are not known; ``None`` if they are."""
    if hasattr(forward, "__examples__") or not unknown_arguments(forward):
        return None
    if not whose.endswith("has "):
        whose += f"{forward.__name__} has "
    return f"{whose}no examples; decorate it with minigrad.verify.with_examples"


def has_passes(subject: Any) -> bool:
    """Whether it is an object, or the class of one, with methods forward and backward."""
    return all(callable(getattr(subject, name, None)) for name in ("forward", "backward")) and (
        not hasattr(subject, "apply")  # a function of PyTorch's
    )


def partner(backward: Any) -> Callable[..., Any] | None:
    """The forward pass of ``f_backward`` or ``f_grad``: ``f_forward`` or ``f`` in the same file.

    Example:
        >>> from minigrad.targets.functions import partner
        >>> def double_backward(dy, cache): ...
        >>> partner(double_backward) is None
        True
    """
    name, space = getattr(backward, "__name__", ""), getattr(backward, "__globals__", {})
    base, _, ending = name.rpartition("_")
    if not base or ending not in ("backward", "grad"):
        return None
    forward = space.get(f"{base}_forward", space.get(base))
    return forward if inspect.isfunction(forward) else None
