"""Targets that are made with (input_size, hidden_size) and called on sequences."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.datasets import seattle_weather
from minigrad.primitives import PRIMITIVES
from minigrad.scope import entering, step, unfused
from minigrad.tape import ancestors
from minigrad.targets.examples import examples_of
from minigrad.targets.files import told
from minigrad.targets.functions import RandomError, problem_of_call
from minigrad.targets.inputs import (
    NO_ROLES,
    Roles,
    examples,
    nested,
    unknown_arguments,
)
from minigrad.targets.problem import Problem, holding
from minigrad.targets.target import Recording, Target, TargetError, one_line
from minigrad.tensor import Tensor
from minigrad.tree import tree_leaves

MOST_UNKNOWNS = 60
"""Up to how many symbols a cell is proven over two steps: some seconds."""
_SIZE = 8  # of what a module requires: heads divide it, and kernels fit into images
_STEPS = 3  # of a sequence that a module is called with


@dataclass(frozen=True)
class LayerTarget(Target):
    """The class of a module: made with (input_size, hidden_size), or with all that it requires.

    Attributes:
        given: examples of the constructor's and forward's arguments, as the command line
            describes them.
        roles: which of forward's arguments, and which parameters, are differentiated.
    """

    given: tuple[str, ...] = ()
    roles: Roles = NO_ROLES

    noun = "layer"

    def module(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: nn.Seed = None,
        dtype: Any = np.float64,
        **options: Any,
    ) -> nn.Module:
        try:
            return self._made(input_size, hidden_size, rng=rng, dtype=dtype, **options)
        except Exception as error:
            raise TargetError(
                f"{self.name}: {self.title}({input_size}, {hidden_size}, rng=…, dtype=…) failed: "
                f"{_with_line(error, self.subject)}"
            ) from error

    def unfit(self) -> str | None:
        if self._has_sizes():
            return None
        try:
            next(self.alone().problems())
        except TargetError as error:
            return str(error).removeprefix(f"{self.name}: ")
        return None

    def _has_sizes(self) -> bool:
        """Whether it is made with (input_size, hidden_size, rng=, dtype=)."""
        if self.given or self.roles != NO_ROLES:
            return False
        try:
            inspect.signature(self.subject).bind(3, 4, rng=0, dtype=np.float64)
        except TypeError:
            return False
        return True

    def alone(self) -> ModuleTarget:
        """One made with its own defaults, and with 8 for each size that it requires.

        Raises:
            TargetError: it requires what is no size, or making it fails.
        """
        kind: Any = self.subject
        parameters = inspect.signature(kind).parameters
        own = [
            text for text in self.given if text.partition("=")[0].partition(".")[0] in parameters
        ]
        found = nested(own, np.random.default_rng(0))
        for name, parameter in parameters.items():
            if name in found or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if name in ("rng", "seed"):
                found[name] = 0
            elif parameter.default is parameter.empty:
                if parameter.annotation not in (int, "int", parameter.empty):
                    raise TargetError(
                        f"{self.name}: {kind.__name__} requires {name}, which is no size: give "
                        f"--input {name}=value:VALUE, or name an instance of it, or a function "
                        "that returns what it computes"
                    )
                found[name] = _SIZE
        told = ", ".join(f"{name}={value!r}" for name, value in found.items())
        try:
            module = kind(**found).eval()
        except Exception as error:
            raise TargetError(
                f"{self.name}: {kind.__name__}({told}) failed: {_with_line(error, kind)}"
            ) from error
        return ModuleTarget(
            self.name, module, given=tuple(text for text in self.given if text not in own),
            roles=self.roles, made=f"made as {kind.__name__}({told}), in evaluation mode",
        )  # fmt: skip

    def _made(self, *sizes: int, **options: Any) -> nn.Module:
        made: nn.Module = self.subject(*sizes, **options)
        return made

    def derivable(self) -> Target:
        cell = getattr(self.subject, "cell_type", None)
        return CellTarget(self.name, cell) if cell else self

    def call(self, steps: int) -> tuple[Any, tuple[Any, ...]] | None:
        module = self.module(3, 4, rng=0, dtype=np.float32)
        return module, (_sequence(module, steps),)

    def record(self, steps: int) -> Recording:
        if not self._has_sizes():
            return self.alone().record(steps)
        return recording_of(self.module(3, 4, rng=0), steps)

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        if not self._has_sizes():
            yield from self.alone().problems(seed)
            return
        yield self.problem(1, 2, 2, 2, judges=("proof",))
        yield self.problem(3, 10, 3, 8, judges=("exact",))
        yield from self._at_real_size(seed)

    def problem(
        self,
        batch: int,
        steps: int,
        input_size: int,
        hidden_size: int,
        *,
        seed: int = 0,
        lengths: Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Problem:
        """The module over x (batch, steps, input_size).

        Args:
            batch: number of sequences.
            steps: their length.
            input_size: width of x.
            hidden_size: width of the states.
            seed: of the weights.
            lengths: how many steps of each sequence count; all if not given.
            options: of `nn.Recurrent`, for a cell.
            fields: of the `Problem`.
        """
        module = self.module(input_size, hidden_size, rng=seed, **(options or {}))
        return problem_of(self.name, module, batch, steps, input_size, lengths, **fields)

    def _at_real_size(self, seed: int) -> Iterator[Problem]:
        """Second derivatives, and the floats on windows of real data."""
        short = self.problem(2, 3, 2, 3)
        yield replace(short, order=2, judges=("exact",))
        x = weather_window(batch=4, steps=14)
        batch, steps, width = x.shape
        yield self.problem(batch, steps, width, 8, seed=seed, judges=("numeric",), values={"x": x})


_HINTS = {
    "converted to Python scalars": "functions of math take one number; call NumPy's, as np.tanh",
    "truth value of an array": "a branch on values; np.where chooses entry by entry",
}


def _constructor(kind: type) -> str:
    """What to do about a class that is not made like a layer."""
    if issubclass(kind, nn.Cell):
        arguments = "input_size, hidden_size, **options"
        return f"write def __init__(self, {arguments}) and call super().__init__({arguments})"
    return "name an instance of it, or a function that returns what it computes"


def _with_line(error: BaseException, subject: Any) -> str:
    """An error on one line, with the line of the user's class where it came up, and a hint."""
    kind = subject if isinstance(subject, type) else type(subject)
    try:
        line = told(error, inspect.getfile(kind))
    except (OSError, TypeError):  # a class without a file
        line = one_line(error)
    hint = next((hint for text, hint in _HINTS.items() if text in line), "")
    if f"{kind.__name__}.__init__() " in line or f"{kind.__name__}() takes no" in line:
        hint = _constructor(kind)
    return f"{line} ({hint})" if hint else line


@dataclass(frozen=True)
class CellTarget(LayerTarget):
    """The class of a recurrent cell, which a layer runs over the steps of a sequence."""

    noun = "cell"

    def cell(
        self, input_size: int, hidden_size: int, *, rng: nn.Seed = None, dtype: Any = np.float64
    ) -> nn.Cell:
        layer = self.module(input_size, hidden_size, rng=rng, dtype=dtype)
        assert isinstance(layer, nn.Recurrent)
        return layer.cell

    def _made(self, *sizes: Any, **options: Any) -> nn.Module:
        return nn.Recurrent(*sizes, cell=self.subject, **options)

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        yield from self._provable()
        yield self.problem(3, 100, 3, 8, judges=("exact",))
        both = {"num_layers": 2, "bidirectional": True}
        yield self.problem(3, 6, 2, 3, lengths=(6, 1, 4), options=both, judges=("exact",))
        yield from self._at_real_size(seed)

    def _provable(self) -> Iterator[Problem]:
        """One and two steps, where the formulas stay small enough for a normal form.

        Over two steps they do not where roots of the input pile up, as in layer norm: a single
        entry takes a minute there, and there are 61. The exact judge looks at that.
        """
        yield self.problem(1, 1, 2, 2, judges=("proof",))
        two = self.problem(1, 2, 1, 2, judges=("proof",))
        leaves, outputs = two.forward(two.numbers(np.random.default_rng(0)))
        roots = [n for n in ancestors(outputs) if n.primitive is PRIMITIVES["sqrt"]]
        if any(node is leaves["x"] for node in ancestors(roots)):
            return
        if sum(math.prod(shape) for shape in two.shapes.values()) <= MOST_UNKNOWNS:
            yield two


@dataclass(frozen=True)
class ModuleTarget(LayerTarget):
    """A module that is made already, at its own shapes.

    Attributes:
        made: how it was made, if it was made here.
    """

    made: str = ""

    @property
    def title(self) -> str:
        return type(self.subject).__name__

    def unfit(self) -> str | None:
        return None

    def _made(self, *sizes: int, **options: Any) -> nn.Module:
        made: nn.Module = type(self.subject)(*sizes, **options)
        return made

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        """Its gradient by every parameter and every input of floats.

        What draws random numbers in training is judged in evaluation mode.
        """
        module, remarks = copy.deepcopy(self.subject), [self.made] if self.made else []
        with np.errstate(all="ignore"):
            try:
                problem = self._problem(module, seed)
            except RandomError:
                problem = self._problem(module.eval(), seed)
                remarks.append("judged in evaluation mode: in training it differs at each call")
        yield replace(problem, remarks=tuple(remarks))

    def _problem(self, module: nn.Module, seed: int) -> Problem:
        def call(inputs: Mapping[str, Any]) -> Any:
            with unfused():
                return tuple(y for y in tree_leaves(module(**inputs)) if isinstance(y, Tensor))

        return problem_of_call(
            self.name, call, lambda outputs: outputs, lambda error: _with_line(error, module),
            self._inputs(module, seed), self.roles, dict(module.named_parameters()),
        )  # fmt: skip

    def _inputs(self, module: nn.Module, seed: int) -> dict[str, Any]:
        """Examples of forward's arguments: those given, else what its first layer reads."""
        forward = module.forward
        known = self.given or hasattr(forward, "__examples__")
        if known or not unknown_arguments(forward):
            return examples(self.name, forward, self.given, seed, self.roles.positive)
        names = unknown_arguments(forward)
        failures: list[str] = []
        inputs: dict[str, Any] = dict.fromkeys(names, np.zeros((3, 4)))
        for values in examples_of(module, _STEPS):
            inputs = dict(zip(names, values, strict=False))
            try:
                with unfused():
                    module(**inputs)
            except Exception as error:
                failures.append(_with_line(error, module))
            else:
                return inputs
        kinds = {name: "int:0..2:" if x.dtype.kind == "i" else "" for name, x in inputs.items()}
        described = " ".join(
            f"--input {name}={kinds[name]}{'x'.join(map(str, x.shape))}"
            for name, x in inputs.items()
        )
        raise TargetError(
            f"{self.name}: it is not known what forward is called with; give an example of each "
            f"argument: {described}" + (f" ({failures[0]})" if failures else "")
        )

    def derivable(self) -> Target:
        layer = self.subject
        return ModuleTarget(self.name, layer.cell) if isinstance(layer, nn.Recurrent) else self

    def call(self, steps: int) -> tuple[Any, tuple[Any, ...]] | None:
        given = next(examples_of(self.subject, steps), None)
        return None if given is None else (self.subject, given)

    def record(self, steps: int) -> Recording:
        """A copy of the module as it is, so that what running it changes is not changed here."""
        module = copy.deepcopy(self.subject)
        if isinstance(module, nn.Recurrent):
            return recording_of(module, steps)
        if isinstance(module, nn.Cell):
            return _steps_of(module, steps)
        for given in examples_of(module, steps):
            floats = given[0].dtype.kind == "f"
            x = Tensor(given[0], requires_grad=True, name="x") if floats else entering(given[0])
            with contextlib.suppress(Exception), unfused():  # another shape may be the right one
                return Recording(module(*([x] * len(given))))
        raise TargetError(
            f"{self.name}: got a {self.title}, and it is not known what it is called with, "
            "expected a cell, a recurrent layer or a module whose first layer knows its width; "
            "draw what it returns, or name a function that calls it"
        )


def _steps_of(cell: nn.Cell, steps: int) -> Recording:
    """A cell in a loop over a random sequence."""
    data = np.random.default_rng(0).normal(size=(1, steps, cell.input_size))
    x = Tensor(data, requires_grad=True, name="x")
    now: Any = tuple(Tensor(np.zeros((1, cell.size_of(name))), requires_grad=True, name=name)
                     for name in cell.state)  # fmt: skip
    outputs = []
    with unfused():
        for t in range(steps):
            with step(t):
                after = cell(x[:, t], now if len(now) > 1 else now[0])
            now = after if isinstance(after, tuple) else (after,)
            outputs.append(now[0])
        return Recording(np.stack(outputs, axis=1), last=True)


def _sequence(module: nn.Module, steps: int) -> np.ndarray:
    """One random sequence of so many steps."""
    width = module.cell.input_size if isinstance(module, nn.Recurrent) else 3
    return np.random.default_rng(0).normal(size=(1, steps, width))


def recording_of(module: nn.Module, steps: int) -> Recording:
    """A module over a random sequence, each step recorded by itself."""
    x = Tensor(_sequence(module, steps), requires_grad=True, name="x")
    with unfused():
        if not isinstance(module, nn.Recurrent):
            return Recording(module(x))
        initial = None if len(module.cells) > 1 else tuple(
            Tensor(np.zeros((1, module.cell.size_of(name))), requires_grad=True, name=name)
            for name in module.cell.state
        )  # fmt: skip
        outputs = module(x, initial)
    # In a reversed direction the last step is the first, with no way through time before it.
    return Recording(outputs, last=module.directions == 1 and module.return_sequences)


def problem_of(
    name: str,
    module: nn.Module,
    batch: int,
    steps: int,
    input_size: int,
    lengths: Sequence[int] | None = None,
    *,
    values: Mapping[str, np.ndarray] | None = None,
    **fields: Any,
) -> Problem:
    """A module over x (batch, steps, input_size), step by step.

    The inputs are every parameter, x, and the initial state of a recurrent layer.
    """
    parameters = dict(module.named_parameters())
    shapes: dict[str, tuple[int, ...]] = {n: p.shape for n, p in parameters.items()}
    shapes["x"] = (batch, steps, input_size)
    initial: list[str] = []
    if isinstance(module, nn.Recurrent):
        widths = {f"{state}₀": module.cell.size_of(state) for state in module.cell.state}
        initial = list(widths)
        shapes |= {name: (len(module.cells), batch, width) for name, width in widths.items()}

    def run(leaves: Mapping[str, Tensor]) -> Any:
        with holding(module, leaves), unfused():
            if not initial:
                return module(leaves["x"])
            return module(leaves["x"], tuple(leaves[name] for name in initial), lengths)

    weights: dict[str, np.ndarray] = {n: p.data for n, p in parameters.items()}
    return Problem(name, shapes, run, values={**weights, **(values or {})}, **fields)


def weather_window(batch: int, steps: int) -> np.ndarray:
    """Days of Seattle's weather, each column scaled to mean 0 and deviation 1.

    Returns:
        (batch, steps, 4): highest and lowest temperature, precipitation, wind; consecutive
        windows from the start of the series.
    """
    weather = seattle_weather()
    columns = (weather.temp_max, weather.temp_min, weather.precipitation, weather.wind)
    days = np.stack(columns, axis=-1)[: batch * steps]
    scaled = (days - days.mean(axis=0)) / days.std(axis=0)
    return scaled.reshape(batch, steps, len(columns))
