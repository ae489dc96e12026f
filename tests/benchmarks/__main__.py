"""The command line: ``python -m tests.benchmarks [NAME ...] [--json FILE] [--rounds N]``.

A name picks the rows that begin with it. A missed target is reported, not an error: what is
measured depends on the machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import (
    chain,
    compiling,
    conv_step,
    gpt_step,
    graphs,
    import_time,
    memory,
    mlp_step,
    one_operation,
    recurrent,
    small_operations,
    training,
    verification,
)
from tests.benchmarks.measuring import THREADS, Line, Target, told_otherwise

WORKLOADS = (
    small_operations, one_operation, mlp_step, conv_step, gpt_step, recurrent, training, compiling,
    memory, chain, graphs, import_time, verification,
)  # fmt: skip
SIDES = ("minigrad", "PyTorch", "torch.compile", "JAX jit", "autograd", "NumPy")
PACKAGES = ("minigrad", "numpy", "numba", "torch", "jax", "autograd",
            "torchviz", "torchview")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the JSON; 1 if a workload fails."""
    names = [workload.NAME for workload in WORKLOADS]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("name", nargs="*", help=f"rows to measure: {', '.join(names)}; all if none")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE")
    parser.add_argument("--rounds", type=int, default=7, help="at least 5 (7 by default)")
    options = parser.parse_args(arguments)
    if options.rounds < 5:
        parser.error(f"--rounds: got {options.rounds}, expected at least 5")
    for name in options.name:
        if not any(known.lower().startswith(name.lower()) for known in names):
            parser.error(f"no row is called {name!r}: there are {', '.join(names)}")
    chosen = [
        workload
        for workload in WORKLOADS
        if not options.name or workload.NAME.lower().startswith(
            tuple(name.lower() for name in options.name)
        )
    ]  # fmt: skip

    versions = ", ".join(f"{name} {version}" for name, version in _versions().items())
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} processors, "
          f"{THREADS} threads; medians of {options.rounds} rounds.")  # fmt: skip
    if told := told_otherwise():
        print(f"Set here and left out, for every side: {', '.join(told)}.")
    if (load := os.getloadavg()[0]) > 0.5:
        print(f"The machine is busy (load {load:.1f}): threads that wait for each other may take "
              "a hundred times as long; measure again when it is idle.")  # fmt: skip
    print()
    print(_row(["", *SIDES, *[f"÷ {side}" for side in SIDES[1:]], "target"]))
    lines: list[Line] = []
    failures = []
    for workload in chosen:
        try:
            for line in workload.lines(options.rounds):
                print(_row(_cells(line)), flush=True)
                lines.append(line)
        except RuntimeError as problem:
            failures.append(f"{workload.NAME}: {problem}")
    for note in dict.fromkeys(note for line in lines for note in line.notes):
        print(f"\n{note}", end="")
    for failure in failures:
        print(f"\nfailed: {failure}", end="")
    print()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(_record(lines, failures), indent=1, ensure_ascii=False))
    print(f"Every round is in {options.json}.")
    return 1 if failures else 0


def _cells(line: Line) -> list[str]:
    medians = {side: statistics.median(taken) for side, taken in line.seconds.items()}
    times = [_time(medians[side]) if side in medians else "" for side in SIDES]
    ratios = [f"{line.ratios[s]:.2f}" if s in line.ratios else "" for s in SIDES[1:]]
    return [line.name, *times, *ratios, "; ".join(map(_verdict, line.targets))]


def _verdict(target: Target) -> str:
    if target.value is None:
        return f"{target.text} ≤ {target.limit}: not measured"
    verdict = "met" if target.met else "MISSED"
    return f"{target.text} ≤ {target.limit}: {verdict} ({target.value:.2f})"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _row(cells: Sequence[str]) -> str:
    name, *middle, target = cells
    return f"{name:<38}" + "".join(f"{cell:>16}" for cell in middle) + f"  {target}"


def _record(lines: Sequence[Line], failures: Sequence[str]) -> dict:
    """What the JSON holds."""
    return {
        "versions": _versions(),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "processors": os.cpu_count(),
        "threads": THREADS,
        "rows": [
            {
                "name": line.name,
                "median seconds": {s: statistics.median(t) for s, t in line.seconds.items()},
                "seconds by round": {s: list(t) for s, t in line.seconds.items()},
                "ratios": line.ratios,
                "targets": [
                    {"text": t.text, "limit": t.limit, "value": t.value, "met": t.met}
                    for t in line.targets
                ],
                "notes": list(line.notes),
            }
            for line in lines
        ],
        "failures": list(failures),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
