"""Do all variants give similar results? Seven cells at several tasks, with several seeds.

The cells are a simple recurrent network, LSTM, LSTM with peepholes, LSTM with coupled gates (it
forgets as much as it learns), GRU, GRU with the reset gate after the product (as in PyTorch), and
the LSTM of 1997. Greff et al. (2017, "LSTM: A search space odyssey") compared variants of the "
"LSTM, Jozefowicz
et al. (2015) LSTM and GRU. The tasks are those of `models.memory_tasks`, and handwritten digits
read row by row, of which a fifth is held out. The score is the share of wrong answers; the table
has its mean over the seeds and the 95 % confidence interval of that mean (Student's t), between 0
and 1. The simple network is the baseline; overlapping intervals do not separate two cells.

The runs go in parallel, on this machine or, with ``--cluster``, on the workers of a Dask cluster.
With ``--results`` each result is written to a file as it comes; runs that are in the file are not
repeated.

Run it with ``python -m models.variants``; ``--help`` explains the options.
"""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from minigrad import optim
from minigrad.datasets.table import number, rows
from minigrad.extras import require
from minigrad.files import check_writable, read_text, write_text
from minigrad.nn import Recurrent, cross_entropy
from minigrad.options import CountRange
from minigrad.scope import no_grad
from minigrad.tensor import raw
from models import memory_tasks
from models.autoencoder import digits, split
from models.command import BadInput, Command, compile_option, one_line, path_option
from models.memory_tasks import CELLS
from models.training import Shuffled, compiled_steps, steps_are_compiled, train

DISTANCES: Mapping[str, int] = {"adding": 10, "copying": 3, "reber": 5}
TASKS = (*DISTANCES, "digits")


@dataclass(frozen=True)
class Run:
    """One cell at one task.

    Attributes:
        task: one of `TASKS`.
        cell: one of `models.memory_tasks.CELLS`.
        seed: of weights and data.
        steps: batches of 32.
        hidden: width of the state.
    """

    task: str
    cell: str
    seed: int
    steps: int
    hidden: int


def score(run: Run) -> float:
    """The share that is wrong after training; the same for the same run."""
    if run.task == "digits":
        return _digits(run)
    settings = {**asdict(run), "distance": DISTANCES[run.task], "batch": 32, "lr": 5e-3}
    model, task, history = memory_tasks.fit(settings)
    return memory_tasks.judge(model, task, history, settings, count=1000).wrong


def _digits(run: Run) -> float:
    known, held_out = split(digits(), run.seed)
    model = Recurrent(8, run.hidden, cell=CELLS[run.cell], output_size=10,
                      return_sequences=False, rng=run.seed)  # fmt: skip
    order = Shuffled(len(known), 32, run.seed)
    train(
        model, optim.Adam(model.parameters(), 5e-3),
        lambda pixels, digit: cross_entropy(model(pixels)[0], digit),
        lambda step: (known.pixels[order(step)], known.digit[order(step)]),
        steps=run.steps, schedule=optim.cosine(5e-3, run.steps), max_norm=1.0,
    )  # fmt: skip
    with no_grad():
        found = raw(model(held_out.pixels)[0]).argmax(-1)
    return float(np.mean(found != held_out.digit))


def scores(
    runs: Sequence[Run], *, jobs: int = 2, cluster: str | None = None
) -> Iterator[tuple[Run, float]]:
    """All runs, in whatever order they end.

    Args:
        runs: what is to be done.
        jobs: processes on this machine.
        cluster: address of a Dask scheduler, whose workers do it instead; they must be able to
            import this package.

    Raises:
        ImportError: joblib, or Dask's distributed, is not installed; or the cluster does not
            have this package.
        OSError: this is not an address, or no scheduler answers there.
    """
    if cluster is None:
        joblib = require("joblib", extra="models")
        pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        yield from pool(joblib.delayed(_scored)(run, steps_are_compiled()) for run in runs)
        return
    distributed = require("distributed", extra="dask")
    try:
        client = distributed.Client(cluster, timeout=10)
    except ValueError as error:
        raise OSError(str(error)) from error
    with client:
        try:
            client.run_on_scheduler(_importable)
            client.run(_importable)
        except Exception as error:  # that of the other process, whatever it is
            raise ImportError(
                "the scheduler and its workers cannot import models.variants: start them with "
                "PYTHONPATH set to the project's folder"
            ) from error
        compiled = [steps_are_compiled()] * len(runs)
        pending = client.map(_scored, runs, compiled, pure=False)
        for future in distributed.as_completed(pending):
            yield future.result()


def _importable() -> None:
    """Import this module by its name: run as a script, it has another."""
    importlib.import_module("models.variants")


def _scored(run: Run, compiled: bool) -> tuple[Run, float]:
    with compiled_steps(compiled):
        return run, score(run)


# Results in a file

_COLUMNS = (*(field.name for field in fields(Run)), "wrong")


def read_results(path: Path) -> dict[Run, float]:
    """The runs of a file that `write_results` wrote; none if there is no such file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file; the message names file and line.
    """
    if not path.exists():
        return {}
    found: dict[Run, float] = {}
    for where, row in rows(str(path), read_text(path), _COLUMNS):
        if row["task"] not in TASKS or row["cell"] not in CELLS:
            raise ValueError(f"{where}: got task {row['task']!r} and cell {row['cell']!r}, "
                             "expected some of those that --help lists")  # fmt: skip
        counts = [number(row[column], column, where) for column in _COLUMNS[2:5]]
        wrong = number(row["wrong"], "wrong", where)
        if not (0 <= wrong <= 1 and all(count == int(count) >= 0 for count in counts)):
            told = ", ".join(row[column] for column in _COLUMNS[2:])
            raise ValueError(f"{where}: got {told}, expected three counts and a share")
        found[Run(row["task"], row["cell"], *map(int, counts))] = wrong
    return found


def write_results(path: Path, results: Mapping[Run, float]) -> None:
    """All of them, whole or not at all."""
    lines = [",".join(map(str, (*astuple(run), wrong))) for run, wrong in results.items()]
    write_text(path, "\n".join([",".join(_COLUMNS), *lines, ""]))


# Table


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % confidence interval; NaN where one value says nothing."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, math.nan, math.nan
    t = float(require("scipy.stats", extra="models").t.ppf(0.975, len(values) - 1))
    half = t * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return mean, max(mean - half, 0.0), min(mean + half, 1.0)


def table(results: Mapping[Run, float]) -> Table:
    """Cells down, tasks across."""
    tasks = list(dict.fromkeys(run.task for run in results))
    made = Table(title="wrong, %: mean over the seeds, and its 95 % confidence interval")
    made.add_column("cell")
    for task in tasks:
        made.add_column(task, justify="right")
    for cell in dict.fromkeys(run.cell for run in results):
        row = []
        for task in tasks:
            own = [w for run, w in results.items() if (run.task, run.cell) == (task, cell)]
            mean, low, high = (100 * value for value in interval(own)) if own else (math.nan,) * 3
            row.append(f"{mean:.1f} ({low:.1f} to {high:.1f})" if own else "–")
        made.add_row(cell, *row)
    return made


# Command line


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--task", "tasks", type=click.Choice(TASKS), multiple=True, default=TASKS,
              help="The task; can be repeated.")  # fmt: skip
@click.option("--cell", "cells", type=click.Choice(list(CELLS)), multiple=True,
              default=tuple(CELLS),
              help="The cell; can be repeated.")  # fmt: skip
@click.option("--seeds", type=CountRange(1), default=3, metavar="N",
              help="Runs of each cell at each task.")  # fmt: skip
@click.option("--steps", type=CountRange(1), default=500, metavar="N",
              help="Batches of 32 to learn from, in each run.")  # fmt: skip
@click.option("--hidden", type=CountRange(1), default=32, metavar="N",
              help="Width of the state.")  # fmt: skip
@click.option("--jobs", type=CountRange(1), default=2, metavar="N",
              help="Processes on this machine.")  # fmt: skip
@click.option("--cluster", metavar="ADDRESS", show_default=False,
              help="Run on the workers of the Dask scheduler there (tcp://HOST:PORT).")  # fmt: skip
@compile_option
@path_option("--results", help="Write each result to this file (.csv) as it comes; runs that are "
             "in it "
                               "are not repeated.")  # fmt: skip
def main(
    tasks: tuple[str, ...], cells: tuple[str, ...], seeds: int, steps: int, hidden: int,
    jobs: int, cluster: str | None, compile: bool, results: Path | None,
) -> None:  # fmt: skip
    """Compare variants of recurrent cells."""
    wanted = [Run(task, cell, seed, steps, hidden)
              for seed, task, cell in itertools.product(range(seeds), tasks, cells)]  # fmt: skip
    done: dict[Run, float] = {}
    with one_line():
        if results is not None:
            if results.suffix.lower() != ".csv":
                raise ValueError(f"{results}: expected a name that ends in .csv")
            check_writable(results)
            done = read_results(results)
    missing = [run for run in wanted if run not in done]
    console = Console(stderr=True)
    try:
        with compiled_steps(compile), console.status("") as status:
            for count, (run, wrong) in enumerate(scores(missing, jobs=jobs, cluster=cluster), 1):
                done[run] = wrong
                status.update(f"{count} of {len(missing)} runs")
                if results is not None:
                    write_results(results, done)
    except (ImportError, OSError) as error:
        raise BadInput(f"{cluster or 'joblib'}: {error}") from error
    click.echo(f"{len(wanted)} runs, {len(wanted) - len(missing)} of them from the file")
    shown = {run: done[run] for run in wanted}
    Console(width=max(80, 12 + 28 * len(tasks))).print(table(shown))


if __name__ == "__main__":
    main()
