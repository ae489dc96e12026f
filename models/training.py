"""The training loop that all models share.

Whatever is random in the data is a function of seed and step, see `Shuffled`: so the step says
where a run is, and a run that was interrupted goes on as if nothing had happened. The data of a
step are made outside of it, so that a step is a function of arrays, which `mg.jit` can compile.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from minigrad import Tensor, jit, tape
from minigrad.extras import require
from minigrad.files import write_bytes, write_text
from minigrad.nn import Module
from minigrad.optim import Optimizer, Schedule, clip_grad_norm
from minigrad.primitives.checks import every as check_every
from minigrad.tensor import raw

if TYPE_CHECKING:
    from models.checkpoint import Checkpoint


_compiling: ContextVar[bool] = ContextVar("models.compiling", default=False)


@contextmanager
def compiled_steps(wanted: bool = True) -> Iterator[None]:
    """Context manager: each step of `train` runs as a program, equal to rounding."""
    token = _compiling.set(wanted)
    try:
        yield
    finally:
        _compiling.reset(token)


def steps_are_compiled() -> bool:
    """Whether this is inside of `compiled_steps`."""
    return _compiling.get()


def train(
    model: Module,
    optimizer: Optimizer,
    loss: Callable[..., Tensor],
    batch: Callable[[int], tuple[Any, ...]] = lambda step: (step,),
    *,
    steps: int,
    schedule: Schedule | None = None,
    max_norm: float | None = None,
    validate: Callable[[], float] | None = None,
    every: int = 0,
    patience: int = 0,
    checkpoint: Checkpoint | None = None,
    title: str = "",
) -> History:
    """Minimise ``loss`` over the parameters that the optimiser holds.

    Args:
        model: what is trained; in training mode during a step, in evaluation mode afterwards.
        optimizer: how the parameters follow the gradient.
        loss: the loss of a batch: a function of its arrays, and of the model.
        batch: the arguments of ``loss`` in step 0, 1, …; by default the number of the step. Where
            steps are compiled, there is one program for each combination of the arrays' shapes.
        steps: how many.
        schedule: the learning rate of each step.
        max_norm: clip the gradients' joint norm to this.
        validate: what is held against overfitting, for instance a loss on other data; the
            smaller the better.
        every: validate and save each time this many steps are done, and at the end; 0: only then.
        patience: stop when the validation has not improved this many times in a row, and
            take back the weights of the best; 0: never.
        checkpoint: where the run is saved, and what it goes on from.
        title: what the progress bar says.

    Returns:
        The losses and validations, from the very first step on, also if it has gone on.

    Raises:
        Diverged: the loss is NaN or infinite; the message names step and layer.
        TraceError: the step cannot be compiled; the message names the line.
        ValueError: the checkpoint does not fit; see `Checkpoint.load`.
    """

    def taken(*data: Any) -> Tensor:
        value = loss(*data)
        check_every(np.isfinite(raw(value)), _NotFinite)
        value.backward()
        if max_norm is not None:
            clip_grad_norm(optimizer.parameters, max_norm)
        optimizer.step()
        optimizer.zero_grad()
        return value

    take = jit(taken) if steps_are_compiled() else taken
    history = History() if checkpoint is None else checkpoint.resume()
    model.train()
    optimizer.zero_grad()
    with progress_bar(title, steps) as show, np.errstate(all="ignore"):  # Diverged says it better
        while len(history.losses) < steps and not (patience and history.waited >= patience):
            step = len(history.losses)
            if schedule is not None:
                optimizer.lr = schedule(step)
            data = batch(step)
            try:
                value = take(*data).item()
            except _NotFinite:
                raise Diverged(step, loss(*data), model) from None
            history.losses.append(value)
            show(step + 1, value)
            if step + 1 == steps or (every and (step + 1) % every == 0):
                if validate is not None:
                    model.eval()
                    history.validated(step + 1, validate(), model, keep=patience > 0)
                    model.train()
                if checkpoint is not None:
                    checkpoint.save(history)
    if history.best:
        model.load_state_dict(history.best)
    model.eval()
    return history


@dataclass
class History:
    """What a run has seen.

    Attributes:
        losses: of each step.
        scores: (steps done, validation) of each validation.
        best: the weights that had the best one, if early stopping asked to keep them.
    """

    losses: list[float] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def waited(self) -> int:
        """How many validations there were since the best."""
        values = [value for _, value in self.scores]
        return len(values) - 1 - int(np.argmin(values)) if values else 0

    def validated(self, step: int, value: float, model: Module, *, keep: bool) -> None:
        """Note a validation; keep the weights if it is the best."""
        self.scores.append((step, float(value) if np.isfinite(value) else np.inf))
        if keep and self.waited == 0:
            self.best = model.state_dict()

    def state_dict(self) -> dict[str, np.ndarray]:
        """All of it as arrays."""
        return {
            "losses": np.array(self.losses),
            "scores": np.array(self.scores).reshape(-1, 2),
            **{f"best.{name}": array for name, array in self.best.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.losses = state["losses"].tolist()
        self.scores = [(int(step), value) for step, value in state["scores"].tolist()]
        self.best = {n.removeprefix("best."): a for n, a in state.items() if n.startswith("best.")}

    def write(self, path: Path) -> None:
        """The curves, as a table (.csv) or as a picture (any ending that matplotlib knows)."""
        if path.suffix.lower() == ".csv":
            scores = dict(self.scores)
            rows = [f"{k},{value},{scores.get(k, '')}" for k, value in enumerate(self.losses, 1)]
            write_text(path, "\n".join(["step,loss,validation", *rows, ""]))
            return
        figure = require("matplotlib.figure", extra="models").Figure((7, 4), layout="constrained")
        axes = figure.subplots()
        steps = np.arange(1, len(self.losses) + 1)
        axes.plot(steps, self.losses, color="0.8", lw=0.8, label="loss of the batch")
        width = max(1, len(steps) // 50)
        smooth = np.convolve(self.losses, np.ones(width) / width, "valid")
        axes.plot(steps[width - 1 :], smooth, color="C0", label=f"mean of {width}")
        if self.scores:
            axes.plot(*zip(*self.scores, strict=True), "o-", color="C3", label="validation")
        axes.set(xlabel="step", ylabel="loss")
        axes.legend(frameon=False)
        save_figure(figure, path)


class _NotFinite(ArithmeticError):  # noqa: N818 (what it is, not what was done wrong)
    """The loss of a step is NaN or infinite; nothing has been changed."""


class Diverged(ArithmeticError):  # noqa: N818 (what happened, not what was done wrong)
    """The loss has become NaN or infinite: at which step, and where it first appeared."""

    def __init__(self, step: int, loss: Tensor, model: Module) -> None:
        where = f"the first value that is not finite is in {_first_not_finite(loss, model)}"
        if _is_finite(loss.data):  # it was computed again, and dropout drew other numbers
            where = "where depends on the random numbers that were drawn"
        value = "not finite" if _is_finite(loss.data) else loss.item()
        super().__init__(
            f"step {step}: the loss is {value}; {where}; a smaller learning rate or clipping may "
            "help"
        )


def _first_not_finite(loss: Tensor, model: Module) -> str:
    """The parameter, or the operation whose operands were still finite, and its layer."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    order = sorted(tape.ancestors([loss]), key=lambda node: node.index)
    for node in order:
        if not _is_finite(node.data):
            if node in names:
                return f"the parameter {names[node]}"  # type: ignore[index]
            if all(_is_finite(operand) for operand in node.operands):
                return _described(node)
    # Else it came in with the data; −inf alone may be meant, as in a mask.
    first = next(node for node in order if node is loss or np.isnan(node.data).any())
    return f"what goes into {_described(first)}"


def _is_finite(x: Any) -> bool:
    return np.asarray(x).dtype.kind not in "fc" or bool(np.isfinite(x).all())


def _described(node: tape.Node) -> str:
    name = node.primitive.name if node.primitive else "a constant"
    return f"{name} in {node.scope}" if node.scope else name


class Shuffled:
    """Which examples each step sees: every epoch goes through all, in an order of its own.

    Args:
        size: number of examples.
        batch: examples per step; the last step of an epoch has what is left.
        seed: of the orders.
    """

    def __init__(self, size: int, batch: int, seed: int) -> None:
        self.size, self.batch, self.seed = size, batch, seed
        self._epoch, self._order = -1, np.arange(size)

    def __len__(self) -> int:
        return -(-self.size // self.batch)

    def __call__(self, step: int) -> np.ndarray:
        """Indices of the examples of that step."""
        epoch, k = divmod(step, len(self))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng([self.seed, epoch]).permutation(self.size)
        return self._order[k * self.batch : (k + 1) * self.batch]


@contextmanager
def progress_bar(title: str, steps: int) -> Iterator[Callable[[int, float], None]]:
    """Shows steps, loss and speed; silent where there is no terminal."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )  # fmt: skip
    # Not rich's own guess: in a notebook, FORCE_COLOR makes it take any stream for a terminal
    with Progress(*columns, console=Console(stderr=True), transient=True,
                  disable=not sys.stderr.isatty()) as bar:  # fmt: skip
        task = bar.add_task(title, total=steps, told="")

        def show(done: int, loss: float) -> None:
            if bar.disable:
                return  # its speed is the mean of the last thousand steps, which takes time
            speed = bar.tasks[0].speed or 0.0
            bar.update(task, completed=done, told=f"loss {loss:.4g}, {speed:.0f} steps/s")

        yield show


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib, whole or not at all."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower())
    write_bytes(path, picture.getvalue())
