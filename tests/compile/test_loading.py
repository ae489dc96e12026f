"""A cache that is read-only, corrupted or gone, and a Numba that is not there, break no run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad import compile as compiler

RUN = """
import numpy as np
import minigrad as mg
from minigrad import compile as compiler
x = np.linspace(0, 1, 5, dtype=np.float32)
y = mg.jit(lambda x: np.tanh(x) * x + 1)(x)
print(compiler.chosen_backend(y.dtype).name, y.sum().round(4))
"""
LAYER = """
import numpy as np
from minigrad import compile as compiler, nn
y, h = nn.RNN(2, 3, rng=0)(np.ones((2, 4, 2), np.float32))
y.sum().backward()
print(compiler.chosen_backend(y.dtype).name)
"""
needs_numba = pytest.mark.skipif(not compiler.has_numba(), reason="needs Numba")


def run(code=RUN, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, check=False,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache that a run has filled, and what that run printed."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, run(MINIGRAD_CACHE=str(folder))


@needs_numba
def test_kernels_are_kept_on_disk_and_found_again(kept):
    folder, first = kept
    machine_code = sorted(folder.rglob("*.nbc"))
    times = [path.stat().st_mtime_ns for path in machine_code]
    assert machine_code
    assert first[0] == "numba"
    assert run(MINIGRAD_CACHE=str(folder)) == first
    assert sorted(folder.rglob("*.nbc")) == machine_code
    assert [path.stat().st_mtime_ns for path in machine_code] == times


@needs_numba
def test_a_corrupted_cache_is_made_anew(kept, tmp_path):
    folder, first = kept
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(b"not what it was")
    assert run(MINIGRAD_CACHE=str(tmp_path)) == first


@needs_numba
def test_a_cache_that_cannot_be_written_to_is_done_without(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert run(MINIGRAD_CACHE=str(blocked))[0] == "numba"


def test_without_numba_layers_run_on_numpy():
    hidden = "import sys; sys.modules['numba'] = None\n"
    assert run(hidden + LAYER) == ["numpy"]


def test_the_cache_is_where_it_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path))
    assert compiler.cache_folder() == tmp_path
    monkeypatch.delenv("MINIGRAD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform != "win32":
        assert compiler.cache_folder() == Path(tmp_path) / "minigrad"
