"""How long each command of the README takes, in the lines that README shows.

``make durations`` installs first, so that what is measured is the work itself. Measure on an idle
machine: the first number is processor time, of all processes together, the second the clock's.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import resource
import subprocess
import sys
import time

COMMANDS = ("verify", "test-quick", "test", "tutorials")


def measure(target: str) -> tuple[float, float, str]:
    """Processor seconds, seconds and what was printed.

    Raises:
        subprocess.CalledProcessError: the command failed; a time of that would say nothing.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["make", "--no-print-directory", target],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return processor, seconds, done.stdout


def line(target: str, processor: float, seconds: float, printed: str) -> str:
    """One line of the table."""
    said = re.findall(r"\d+ right, .* checks|\d+ passed", printed)
    return (
        f"make {target:<11} {processor / 60:5.1f} min of processor time,"
        f" {seconds / 60:5.1f} min  {said[-1] if said else ''}"
    ).rstrip()


def main() -> None:
    """Print the machine, then a line for each command that is named, or for all."""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} processors"
    print(f"{datetime.date.today()}; {machine}; load {os.getloadavg()[0]:.1f} before.")
    for target in sys.argv[1:] or COMMANDS:
        print(line(target, *measure(target)), flush=True)


if __name__ == "__main__":
    main()
