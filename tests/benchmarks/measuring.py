"""How a workload is timed: a process for each side, rounds in turn, medians.

The sides do not share a process, for each brings a pool of threads that the others would feel.
They take turns, round by round, so that whatever else the machine does falls on all of them.
All have two threads, and each library takes the processor for what it is: variables that would
tell it otherwise are left out.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

THREADS = 2
ROUND_SECONDS = 0.15  # what a round lasts at least; it repeats the workload until then
SETTLING_SECONDS = 0.1  # before a round, until the waiting threads of the side before have slept

Work = Callable[[], Any]
Side = Callable[[], Work]
"""Imports its library, sets up, and returns the workload, whose result all sides share."""


@dataclass(frozen=True)
class Target:
    """What is asked for, and what was measured.

    Attributes:
        text: what is compared, such as ``"÷ PyTorch"``.
        limit: the most that meets the target.
        value: what was measured; ``None`` if it could not be.
    """

    text: str
    limit: float
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is met; ``None`` if that is not known."""
        return None if self.value is None else self.value <= self.limit


@dataclass
class Line:
    """One line of the table.

    Attributes:
        name: of the row.
        seconds: per side, the seconds of each round.
        ratios: per peer, minigrad's seconds divided by the peer's: the median over rounds.
        targets: what is asked for.
        notes: sentences for the reader.
    """

    name: str
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()

    @property
    def ratios(self) -> dict[str, float]:
        """Of each pair of rounds that ran next to each other; the median."""
        mine = self.seconds.get("minigrad", ())
        return {
            side: statistics.median(a / b for a, b in zip(mine, theirs, strict=False))
            for side, theirs in self.seconds.items()
            if side != "minigrad" and mine
        }


def compare(
    name: str, sides: Mapping[str, Side], limits: Mapping[str, float], rounds: int, *,
    company: int = 0,
) -> Line:  # fmt: skip
    """Time the same workload on every side; ``limits`` are the targets by peer.

    Beside it run as many processes as ``company`` says, which do nothing but keep a processor busy.

    Raises:
        RuntimeError: minigrad's side fails, or the sides' results differ.
    """
    with processes(sides, set_threads) as (ready, notes):
        results = {side: process.ask("results") for side, process in ready.items()}
        _agree(name, results)
        with _busy(company):
            seconds = in_turn(ready, rounds)
    line = Line(name, seconds, notes=notes)
    ratios = line.ratios
    line.targets = [Target(f"÷ {peer}", limit, ratios.get(peer)) for peer, limit in limits.items()]
    return line


@contextmanager
def _busy(count: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_spin, daemon=True) for _ in range(count)]
    for process in started:
        process.start()
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.join()


def _spin() -> None:
    while True:
        pass


def in_turn(ready: Mapping[str, Process], rounds: int) -> dict[str, list[float]]:
    """The seconds of one run of each workload, round by round; one round before is not counted."""
    seconds: dict[str, list[float]] = {side: [] for side in ready}
    for number in range(rounds + 1):
        for side, process in ready.items():
            taken = process.ask("round")
            if number:
                seconds[side].append(taken)
    return seconds


def told_otherwise() -> list[str]:
    """The variables that are set here and tell a BLAS which processor this is."""
    names = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS",
             "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")  # fmt: skip
    return [name for name in names if name in os.environ]


class Process:
    """A side in a process of its own, that does what it is asked for."""

    def __init__(self, side: Side, prepare: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, side, prepare), daemon=True)
        told = {name: os.environ.pop(name) for name in told_otherwise()}
        try:
            self.process.start()  # with the environment as it is now
        finally:
            os.environ.update(told)
        other.close()

    def ask(self, what: str, *, within: float | None = None) -> Any:
        """Send a question, wait for the answer, for so many seconds."""
        self.pipe.send(what)
        return self.answer(within)

    def answer(self, within: float | None = None) -> Any:
        """The next answer.

        Raises:
            ModuleNotFoundError: the side's library is not installed.
            RuntimeError: the workload failed.
            TimeoutError: there was none within so many seconds.
        """
        if not self.pipe.poll(within):
            raise TimeoutError(f"no answer within {within} s")
        try:
            kind, value = self.pipe.recv()
        except EOFError:
            raise RuntimeError(f"its process ended ({self.process.exitcode})") from None
        if kind == "missing":
            raise ModuleNotFoundError(value)
        if kind == "failed":
            raise RuntimeError(value)
        return value

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.terminate()


@contextmanager
def processes(
    sides: Mapping[str, Side], prepare: Callable[[], None]
) -> Iterator[tuple[dict[str, Process], list[str]]]:
    """A process for each side that can run, and a sentence for each peer that cannot."""
    started: dict[str, Process] = {}
    notes: list[str] = []
    try:
        for name, side in sides.items():
            process = started[name] = Process(side, prepare)
            try:
                process.answer()
            except (ModuleNotFoundError, RuntimeError) as problem:
                if name == "minigrad":
                    raise RuntimeError(f"minigrad: {problem}") from problem
                missing = isinstance(problem, ModuleNotFoundError)
                why = "is not installed" if missing else "fails"
                notes.append(f"{name} {why}, so its column is empty: {problem}")
                process.close()
                del started[name]
        yield started, notes
    finally:
        for process in started.values():
            process.close()


def set_threads() -> None:
    """Two threads for every library, before it is loaded."""
    for variable in ("OMP", "OPENBLAS", "MKL", "VECLIB"):
        os.environ[f"{variable}_NUM_THREADS"] = str(THREADS)
    if hasattr(os, "sched_setaffinity"):  # XLA takes as many as it may run on
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def _serve(pipe: Any, side: Side, prepare: Callable[[], None]) -> None:
    """What a side's process does."""
    try:
        prepare()
        work = side()
    except ModuleNotFoundError as problem:
        return pipe.send(("missing", str(problem)))
    except Exception as problem:
        return pipe.send(("failed", f"{type(problem).__name__}: {problem}"))
    pipe.send(("ready", None))
    repeats = 0
    while True:
        try:
            question = pipe.recv()
        except (EOFError, ConnectionError, KeyboardInterrupt):
            return None
        try:
            if question == "results":
                pipe.send(("results", [np.asarray(work()) for _ in range(3)]))
            elif question == "round":
                time.sleep(SETTLING_SECONDS)
                repeats = repeats or _repeats(work)
                if repeats > 1:
                    work()  # brings its arrays back into the caches
                pipe.send(("round", _time(work, repeats)))
            elif question == "timed":
                start = time.perf_counter()
                result = work()
                pipe.send(("timed", (time.perf_counter() - start, result)))
            elif question == "growth":
                pipe.send(("growth", _growth(work)))
            elif question == "allocated":
                pipe.send(("allocated", _allocated(work)))
        except Exception as problem:
            pipe.send(("failed", f"{type(problem).__name__}: {problem}"))


def _repeats(work: Work) -> int:
    """How often a round runs the workload."""
    repeats = 1
    while (taken := _time(work, repeats) * repeats) < ROUND_SECONDS / 3:
        repeats *= 2
    return max(1, round(repeats * ROUND_SECONDS / taken))


def _time(work: Work, repeats: int) -> float:
    """Seconds per run."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def _growth(work: Work) -> int:
    """Bytes by which the process grew at its largest while the workload ran."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit


def _allocated(work: Work) -> int:
    """Bytes that Python and NumPy had allocated at most while the workload ran."""
    import tracemalloc

    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def _agree(name: str, results: Mapping[str, Sequence[np.ndarray]]) -> None:
    """All sides have done the same work: the results of the first runs are equal."""
    mine = results["minigrad"]
    for side, theirs in results.items():
        for run, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            if not np.allclose(a, b, rtol=1e-3, atol=1e-4):
                raise RuntimeError(
                    f"{name}: minigrad and {side} do not compute the same in run {run}: {a} and {b}"
                )
