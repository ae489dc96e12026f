"""Freed memory stays, unless somebody has said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
import numpy as np
{first}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        held = [np.ones(size, np.uint8) for size in (3 << 20, 1 << 20, 5 << 20, 2 << 20)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(first: str, **environment: str) -> int:
    """Pages that 50 steps had to be given, after 50 others."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    run = subprocess.run(
        [sys.executable, "-c", _FAULTS.format(first=first)], capture_output=True, text=True,
        check=True, env=kept | environment,
    )  # fmt: skip
    return int(run.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_arrays_are_used_again():
    assert faults("import minigrad") < 100
    assert faults("import minigrad", MINIGRAD_KEEP_MEMORY="0") > 1000


def test_what_the_user_has_set_holds(monkeypatch):
    from minigrad import memory

    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    assert not memory.keep()
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setenv(memory.SWITCH, "0")
    assert not memory.keep()
