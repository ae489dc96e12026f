"""A program in JavaScript, run by Node where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence

import numpy as np

from minigrad.compile.javascript_code import Script

_SECONDS = 60  # that it may take


def node() -> str | None:
    """Where Node is; ``None`` if it is not installed."""
    return shutil.which("node") or shutil.which("nodejs")


def run(script: Script, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs for these inputs, each flat.

    Raises:
        FileNotFoundError: Node is not installed.
        RuntimeError: it failed.

    Example:
        >>> from minigrad.compile.javascript_code import written
        >>> from minigrad.compile.javascript_run import node, run
        >>> from minigrad.compile.trace import Trace
        >>> trace = Trace("example", whole=False)
        >>> x = trace.array(np.ones(2))
        >>> script = written(trace.program([np.square(x).variable]))
        >>> node() is None or run(script, [np.array([1.0, 3.0])])[0].tolist() == [1, 9]
        True
    """
    program = node()
    if program is None:
        raise FileNotFoundError("node is not installed")
    given = [[*map(str, np.ravel(x).astype(float).tolist())] for x in arrays]
    source = f"""
      const number = (x) => Number(x.replace("inf", "Infinity"));
      const program = {script.text}, given = {json.dumps(given)};
      {list(script.inputs)}.forEach((n, k) => program.arrays[n].set(given[k].map(number)));
      program.run([]);
      const read = (n) => [...program.arrays[n]].map(String);
      process.stdout.write(JSON.stringify({list(script.outputs)}.map(read)));
    """
    done = subprocess.run(
        [program, "-"], input=source, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"node: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout)
    return [np.array([float(x.replace("Infinity", "inf")) for x in part]) for part in found]
