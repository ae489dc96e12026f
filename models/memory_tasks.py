"""Tasks that need a memory, where gates help.

- ``adding``: a sequence of random numbers, two of them marked; at the end, give their mean, scaled
  to 0 … 1 (Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 4). An answer "
  "that is
  off by more than 0.04 is wrong.
- ``copying``: three symbols out of eight, a long blank, then a signal: repeat the symbols
  (Arjovsky et al. 2016, "Unitary evolution recurrent neural networks", with ten symbols). One wrong
  symbol makes the string wrong.
- ``reber``: strings of the embedded Reber grammar, symbol by symbol: predict which symbols may come
  next (experiment 1 of 1997). The last symbol but one repeats the second, which must have been
  remembered: a string is wrong if another symbol gets a higher probability there. (In 1997 all
  steps had to be right.)

The distance is how many steps something must be remembered: half the sequence, the blank, or the
least length of the inner string. The simple recurrent network, LSTM (also that of 1997, without a
forget gate) and GRU learn with the same width, strings and steps. Over short distances a simple
network learns too: Reber's grammar at a distance of 12, and copying over 20 steps with a smaller
learning rate (``--lr 5e-3 --batch 64 --steps 1500``), but not over 30. The score is the share of
wrong strings among new ones; for comparison, it prints the share that is wrong without any memory,
and the figures of 1997, which come from small networks that saw one string per step.

Run it with ``python -m models.memory_tasks``; ``--help`` explains the options.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import click
import numpy as np

from minigrad import optim
from minigrad.extras import require
from minigrad.nn import (
    Cell,
    CoupledLSTMCell,
    GRUCell,
    LSTMCell,
    Module,
    NoForgetLSTMCell,
    PeepholeLSTMCell,
    Recurrent,
    ResetAfterGRUCell,
    RNNCell,
    Seed,
    cross_entropy,
    mse_loss,
)
from minigrad.options import CountRange, FiniteRange
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad
from minigrad.tensor import raw
from models.command import Files, check_picture, model_command, one_line, path_option
from models.text import one_hot
from models.training import History, save_figure, train

CELLS: Mapping[str, type[Cell]] = MappingProxyType({
    "rnn": RNNCell, "lstm": LSTMCell, "lstm-1997": NoForgetLSTMCell, "peephole": PeepholeLSTMCell,
    "coupled": CoupledLSTMCell, "gru": GRUCell, "gru-after": ResetAfterGRUCell,
})  # fmt: skip
_KEEPING: Mapping[str, Mapping[str, int]] = MappingProxyType({
    "lstm": {"f": 1, "i": -1}, "peephole": {"f": 1, "i": -1}, "coupled": {"f": 1},
    "gru": {"z": -1}, "gru-after": {"z": 1},
})  # fmt: skip
"""The gates that decide what is kept, and whether they keep when open or shut."""
_NOTHING = -100  # a target that does not count

# Tasks


class Strings(NamedTuple):
    """Some strings and what is to be said.

    Attributes:
        x: (strings, steps, inputs).
        lengths: (strings,), how many steps of each count; ``None``: all.
        target: what the task makes of it.
    """

    x: np.ndarray
    lengths: np.ndarray | None
    target: np.ndarray


class Task(ABC):
    """What is asked of a network.

    Args:
        distance: how many steps something must be kept.
    """

    inputs: ClassVar[int]
    outputs: ClassVar[int]
    usual: ClassVar[int]  # distance

    def __init__(self, distance: int) -> None:
        self.distance = distance

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Strings:
        """New strings."""

    @abstractmethod
    def loss(self, y: Array, strings: Strings) -> Array:
        """Of the outputs (strings, steps, outputs)."""

    @abstractmethod
    def wrong(self, y: np.ndarray, strings: Strings) -> np.ndarray:
        """Which strings were answered wrong, (strings,)."""

    @abstractmethod
    def without_memory(self) -> float:
        """The share of wrong strings for one who knows all but what is to be kept."""


class Adding(Task):
    """Two marked numbers of a line, twice as long as the distance."""

    inputs, outputs, usual = 2, 1, 25

    def draw(self, count: int, rng: np.random.Generator) -> Strings:
        time = max(2 * self.distance, 4)
        x = np.zeros((count, time, 2), np.float32)
        x[..., 0] = rng.uniform(-1, 1, (count, time))
        x[:, [0, -1], 1] = -1
        half = time // 2
        first = rng.integers(0, min(10, half), count)
        second = (first + rng.integers(1, half, count)) % half  # another of the first half
        each = np.arange(count)
        x[each, first, 1] = x[each, second, 1] = 1
        target = 0.5 + (x[each, first, 0] + x[each, second, 0]) / 4
        return Strings(x, None, target)

    def loss(self, y: Array, strings: Strings) -> Array:
        return mse_loss(y[:, -1, 0], strings.target)

    def wrong(self, y: np.ndarray, strings: Strings) -> np.ndarray:
        return np.abs(y[:, -1, 0] - strings.target) > 0.04

    def without_memory(self) -> float:
        # 0.5 is right if |X1 + X2| ≤ 0.16, whose density at s is (2 − |s|) / 4
        return 1 - 0.16 * (4 - 0.16) / 4


class Copying(Task):
    """Some symbols, to be repeated after a blank as long as the distance."""

    symbols: ClassVar[int] = 8
    count: ClassVar[int] = 3
    inputs, outputs, usual = 10, 8, 20  # the symbols, the blank and the signal

    def draw(self, count: int, rng: np.random.Generator) -> Strings:
        symbols = rng.integers(0, self.symbols, (count, self.count))
        tokens = np.full((count, 2 * self.count + self.distance + 1), self.symbols)
        tokens[:, : self.count] = symbols
        tokens[:, self.count + self.distance] = self.symbols + 1
        target = np.full(tokens.shape, _NOTHING)
        target[:, -self.count :] = symbols
        return Strings(one_hot(tokens, self.inputs), None, target)

    def loss(self, y: Array, strings: Strings) -> Array:
        return cross_entropy(y, strings.target, ignore_index=_NOTHING)

    def wrong(self, y: np.ndarray, strings: Strings) -> np.ndarray:
        asked = strings.target != _NOTHING
        return ((y.argmax(-1) != strings.target) & asked).any(1)

    def without_memory(self) -> float:
        return float(1 - self.symbols**-self.count)


class Reber(Task):
    """The embedded Reber grammar, with strings inside that are at least as long as asked."""

    letters: ClassVar[str] = "BEPSTVX"
    # From each node of the grammar: letter, node (Reber 1967; Hochreiter & Schmidhuber, figure 3)
    arcs: ClassVar[Mapping[int, tuple[tuple[str, int], ...]]] = MappingProxyType({
        0: (("B", 1),), 1: (("T", 2), ("P", 3)), 2: (("S", 2), ("X", 4)), 3: (("T", 3), ("V", 5)),
        4: (("X", 3), ("S", 6)), 5: (("P", 4), ("V", 6)), 6: (("E", 7),), 7: (),
    })  # fmt: skip
    inputs = outputs = len(letters)
    usual = 20

    def __init__(self, distance: int) -> None:
        super().__init__(distance)
        # How likely this many letters, or more, still follow from each node
        self.tail = np.zeros((distance + 1, len(self.arcs)))
        self.tail[0] = 1
        for more in range(1, distance + 1):
            for node, arcs in self.arcs.items():
                after = [self.tail[more - 1, n] for _, n in arcs]
                self.tail[more, node] = np.mean(after) if after else 0
        # The arcs as arrays (nodes, 2): letter, node, and whether there is one
        self.letter, self.after, self.ways = np.zeros((3, len(self.arcs), 2), int)
        for node, arcs in self.arcs.items():
            for k, (letter, after_it) in enumerate(arcs):
                self.letter[node, k] = self.letters.index(letter)
                self.after[node, k], self.ways[node, k] = after_it, 1

    def tokens(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Those that are long enough, as likely as the grammar makes them among themselves.

        Returns:
            Indices of letters (strings, longest), nothing behind the end; lengths (strings,).
        """
        node = np.zeros(count, int)
        inner: list[np.ndarray] = []
        while (going := node < len(self.arcs) - 1).any():
            left = max(self.distance - len(inner) - 1, 0)
            p = self.tail[left][self.after[node]] * self.ways[node]
            way = (rng.random(count) * p.sum(1) >= p[:, 0]).astype(int)
            inner.append(np.where(going, self.letter[node, way], _NOTHING))
            node = np.where(going, self.after[node, way], node)
        made = np.full((count, len(inner) + 4), _NOTHING)
        made[:, 0] = self.letters.index("B")
        made[:, 2:-2] = np.stack(inner, axis=1)
        lengths = (made != _NOTHING).sum(1) + 3
        kept = rng.choice([self.letters.index(letter) for letter in "TP"], count)
        each = np.arange(count)
        made[each, 1] = made[each, lengths - 2] = kept
        made[each, lengths - 1] = self.letters.index("E")
        return made, lengths

    def draw(self, count: int, rng: np.random.Generator) -> Strings:
        tokens, lengths = self.tokens(count, rng)
        more = (1 - tokens.shape[1]) % 8  # so that batches have few lengths
        tokens = np.pad(tokens, ((0, 0), (0, more)), constant_values=_NOTHING)
        x = one_hot(np.maximum(tokens[:, :-1], 0), self.inputs)
        return Strings(x, lengths - 1, tokens[:, 1:])

    def loss(self, y: Array, strings: Strings) -> Array:
        return cross_entropy(y, strings.target, ignore_index=_NOTHING)

    def wrong(self, y: np.ndarray, strings: Strings) -> np.ndarray:
        assert strings.lengths is not None
        each, last = np.arange(len(y)), strings.lengths - 2
        return y[each, last].argmax(-1) != strings.target[each, last]

    def without_memory(self) -> float:
        return 0.5  # T and P are equally likely in the end


TASKS: Mapping[str, type[Task]] = MappingProxyType({
    "adding": Adding, "copying": Copying, "reber": Reber,
})  # fmt: skip

PAPER = MappingProxyType({
    "adding": "LSTM, lags of at least 50, 250, 500 steps: solved after 74 000, 209 000, 853 000 "
              "strings (table 7)",
    "reber": "LSTM: 97 to 100 % of the runs solved, after 8 440 to 39 740 strings; RTRL: some, "
             "after 25 000 and more; Elman's network: none in 200 000 (table 1)",
})  # fmt: skip

# Model


class Memory(Module):
    """A recurrent layer and an affine map.

    Where a gate decides what is kept, its bias starts as Tallec & Ollivier have it (2018, "Can
    recurrent neural networks warp time?", section 2.2).

    Args:
        task: gives widths and distance.
        cell: one of `CELLS`.
        hidden: width of the state.
        rng: seed or generator of the initial weights.

    Shapes:
        x (strings, steps, inputs) → (strings, steps, outputs).
    """

    def __init__(self, task: Task, cell: str, hidden: int, rng: Seed = None) -> None:
        rng = np.random.default_rng(rng)
        self.memory = Recurrent(task.inputs, hidden, cell=CELLS[cell], output_size=task.outputs,
                                rng=rng)  # fmt: skip
        # Forget gates start so that the units remember for 1 to about this many steps
        start = np.log(rng.uniform(1, max(2, 2 * task.distance), hidden)).astype(np.float32)
        for gate, sign in _KEEPING.get(cell, {}).items():
            getattr(self.memory.cell, gate).bias.data = sign * start

    def forward(self, strings: Strings) -> Array:
        """What is said at each step."""
        return self.memory(strings.x, lengths=strings.lengths)[0]


def share_wrong(model: Memory, task: Task, strings: Strings) -> float:
    """Of whole strings."""
    with no_grad():
        return float(task.wrong(raw(model(strings)), strings).mean())


def make(settings: Mapping[str, Any]) -> tuple[Memory, Task]:
    """The model that these settings ask for, untrained, and its task."""
    task = TASKS[settings["task"]](settings["distance"])
    return Memory(task, settings["cell"], settings["hidden"], settings["seed"]), task


def fit(settings: Mapping[str, Any], files: Files | None = None) -> tuple[Memory, Task, History]:
    """A model that has learned the task; its history validates by the share of wrong strings.

    Args:
        settings: task, cell, distance, hidden, steps, batch, lr and seed.
        files: where to save it.
    """
    model, task = make(settings)
    seed, steps, lr = settings["seed"], settings["steps"], settings["lr"]
    some = task.draw(200, np.random.default_rng([seed, 1]))
    optimizer = optim.Adam(model.parameters(), lr)

    history = train(
        model, optimizer, lambda strings: task.loss(model(strings), strings),
        lambda step: (task.draw(settings["batch"], np.random.default_rng([seed, 2, step])),),
        steps=steps, schedule=optim.cosine(lr, steps), max_norm=1.0,
        validate=lambda: share_wrong(model, task, some), every=50,
        checkpoint=files.checkpoint(settings, model, optimizer) if files else None,
        title=f"{settings['task']} {settings['distance']} {settings['cell']}",
    )  # fmt: skip
    return model, task, history


@dataclass(frozen=True)
class Result:
    """How a cell did at a task.

    Attributes:
        wrong: share of wrong strings among new ones.
        solved: strings seen when first at most one in a hundred was wrong; NaN: never.
    """

    task: str
    distance: int
    cell: str
    wrong: float
    solved: float


def judge(
    model: Memory, task: Task, history: History, settings: Mapping[str, Any], count: int = 2560
) -> Result:
    """On as many new strings as in 1997."""
    strings = task.draw(count, np.random.default_rng([settings["seed"], 3]))
    first = (step for step, wrong in history.scores if wrong <= 0.01)
    return Result(
        settings["task"], settings["distance"], settings["cell"],
        share_wrong(model, task, strings), next(first, math.nan) * settings["batch"],
    )  # fmt: skip


def plot(results: list[Result], path: Path) -> None:
    """Share of wrong strings against distance, for each task and cell."""
    names = list(dict.fromkeys(r.task for r in results))
    figure = require("matplotlib.figure", extra="models").Figure(
        (4.5 * len(names), 3.8), layout="constrained"
    )
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        own = [r for r in results if r.task == name]
        for k, cell in enumerate(dict.fromkeys(r.cell for r in own)):
            line = sorted((r.distance, 100 * r.wrong) for r in own if r.cell == cell)
            # Rings, one within the other where cells do alike
            axes.plot(*zip(*line, strict=True), "o-", ms=5 + 4 * k, mfc="none", label=cell)
        blind = 100 * TASKS[name](own[0].distance).without_memory()
        axes.axhline(blind, color="0.6", ls=":", label="without memory")
        axes.set(title=name, xlabel="distance, steps", ylabel="wrong strings, %", ylim=(-4, 104),
                 xticks=sorted({r.distance for r in own}))  # fmt: skip
        axes.legend(frameon=False)
    save_figure(figure, path)


# Command line


@model_command("memory_tasks")
@click.option("--task", "tasks", type=click.Choice(list(TASKS)), multiple=True,
              default=tuple(TASKS), help="The task; can be repeated.")  # fmt: skip
@click.option("--cell", "cells", type=click.Choice(list(CELLS)), multiple=True,
              default=("rnn", "lstm", "gru"),
              help="The cell; can be repeated. rnn has no gates; lstm-1997 has no forget gate; in "
              "peephole the gates see the memory; coupled forgets as much as it learns; gru-after "
              "resets after the product, like PyTorch's GRU.")  # fmt: skip
@click.option("--distance", "distances", type=CountRange(1, 1000), multiple=True,
              metavar="STEPS", show_default=False,
              help="Steps that something must be remembered; can be repeated. By default "
              + ", ".join(f"{kind.usual} for {name}" for name, kind in TASKS.items())
              + ".")  # fmt: skip
@click.option("--hidden", type=CountRange(1), default=64, metavar="N",
              help="Width of the state.")  # fmt: skip
@click.option("--steps", type=CountRange(1), default=2500, metavar="N",
              help="Batches to learn from.")  # fmt: skip
@click.option("--batch", type=CountRange(1), default=32, metavar="N",
              help="Strings per step, each seen once.")  # fmt: skip
@click.option("--lr", type=FiniteRange(0, min_open=True), default=1e-2, metavar="RATE",
              help="Adam's learning rate at the start; it falls to 0 along a half "
              "cosine.")  # fmt: skip
@path_option("--picture", help="Draw the share of wrong strings against distance (.png, .svg, "
                               ".pdf).")  # fmt: skip
def main(
    files: Files, seed: int, tasks: tuple[str, ...], cells: tuple[str, ...],
    distances: tuple[int, ...], hidden: int, steps: int, batch: int, lr: float,
    picture: Path | None,
) -> None:  # fmt: skip
    """Compare cells at tasks that need a memory."""
    runs: list[dict[str, Any]] = [
        {"task": task, "distance": distance, "cell": cell, "hidden": hidden, "steps": steps,
         "batch": batch, "lr": lr, "seed": seed}
        for task in tasks for distance in distances or (TASKS[task].usual,) for cell in cells
    ]  # fmt: skip
    with one_line():
        if picture is not None:
            check_picture(picture)
        if (files.save or files.curves) and len(runs) > 1:
            raise ValueError("--save and --curves: expected one --task, --cell and --distance, "
                             f"got {len(runs)} runs")  # fmt: skip
        if files.load:
            runs = [files.settings(runs[0])]
    results: list[Result] = []
    for result in _results(runs, files):
        if not results or results[-1].task != result.task:
            blind = TASKS[result.task](result.distance).without_memory()
            click.echo(f"{result.task}: without memory {blind:.1%} of the strings are wrong")
            if result.task in PAPER:
                click.echo(f"  1997: {PAPER[result.task]}")
        results.append(result)
        if files.load:
            when = ""
        elif math.isnan(result.solved):
            when = f"; not solved in {steps * batch} strings"
        else:
            when = f"; solved after {result.solved:.0f} strings"
        click.echo(f"  distance {result.distance}, {result.cell}: {result.wrong:.1%} wrong{when}")
    if picture is not None:
        plot(results, picture)
        click.echo(f"picture: {picture}")


def _results(runs: list[dict[str, Any]], files: Files) -> Iterator[Result]:
    for settings in runs:
        if files.load:
            model, task = make(settings)
            files.restore(model)
            history = History()
        else:
            model, task, history = fit(settings, files)
            files.write_curves(history)
        yield judge(model, task, history, settings)


if __name__ == "__main__":
    main()
