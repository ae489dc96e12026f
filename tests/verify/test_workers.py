"""Claims about `--jobs`: the same report from several processes, and none of them left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from minigrad.primitives import PRIMITIVES
from minigrad.targets import TargetError, resolve, target_of
from minigrad.verify import WorkerError, verify

RULES = """
import os
import time
from multiprocessing import parent_process
from pathlib import Path
import minigrad as mg


def forward(x):
    if parent_process() is not None:
        Path(__file__).with_name(f"{os.getpid()}.pid").touch()
        WHAT
    return 2 * x


one, two, three = (
    mg.linear(f"{name}_{os.getpid()}", forward, adjoints=(lambda g, x: 2 * g,),
              samples=(mg.sample((2,)),))
    for name in ("one", "two", "three")
)
"""


def _without_times(report):
    """The checks without seconds and roundings: BLAS adds up otherwise on other threads."""
    return [
        {**check, "seconds": 0, "figure": check["figure"] if check["figure"] > 1e-12 else 0}
        for check in report.to_dict()["checks"]
    ]


def test_processes_give_the_report_that_one_gives():
    targets = ("rnn", "tanh", "matmul", "tanh", "layer-norm")  # the slowest first
    assert _without_times(verify(*targets, jobs=2)) == _without_times(verify(*targets))


def test_progress_counts_the_same_tasks():
    told = {1: [], 2: []}
    for jobs, lines in told.items():
        verify("tanh", "exp", jobs=jobs, progress=lambda *line, to=lines: to.append(line))
    assert [told[1][0], told[1][4]] == [("tanh: proof", 0, 8), ("exp: proof", 4, 8)]
    assert told[2][0] == ("tanh", 0, 8)
    assert [(done, total) for _, done, total in told[2]] == [(0, 8), (4, 8)]


def test_a_target_that_no_name_leads_to_is_judged_here():
    wrong = replace(PRIMITIVES["tanh"], vjps=(lambda g, y, x: g * y,))
    report = verify("exp", target_of(wrong, "tanh"), "sqrt", jobs=2)
    assert [name for name, cs in report.by_target().items() if not all(c.passed for c in cs)] == [
        "tanh"
    ]
    assert list(report.by_target()) == ["exp", "tanh", "sqrt"]


def test_a_mistake_found_in_a_process_is_told_as_ever(tmp_path):
    (tmp_path / "layer.py").write_text(
        "from minigrad.verify import backward_of\n"
        "@backward_of(lambda x, y: x @ y, example_inputs=[(2, 3), (2, 3)])\n"
        "def misfit(g, x, y): return g, g\n"
    )
    target = resolve(f"{tmp_path / 'layer.py'}:misfit")
    with pytest.raises(TargetError, match="misfit: forward fails on the example inputs"):
        verify(target, "tanh", jobs=2)


def test_a_process_that_dies_is_told_with_what_it_was_at(tmp_path):
    (tmp_path / "dies.py").write_text(RULES.replace("WHAT", "os._exit(9)"))
    target = f"{tmp_path / 'dies.py'}:two"
    with pytest.raises(WorkerError, match=f"a process died at .*{target}"):
        verify("tanh", target, jobs=2)


def _start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", "from minigrad.cli import main; main()", "verify", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def test_targets_of_files_are_judged_in_processes(tmp_path):
    (tmp_path / "rules.py").write_text(RULES.replace("WHAT", ""))
    names = ["rules.py:one", "rules.py:two", "rules.py:three"]
    done = _start(tmp_path, *names, "--jobs", "2", "--json", "report.json")
    told = done.communicate(timeout=120)
    assert done.returncode == 0, told
    checks = json.loads((tmp_path / "report.json").read_text())["checks"]
    assert list(dict.fromkeys(check["target"] for check in checks)) == names
    assert len(list(tmp_path.glob("*.pid"))) in (1, 2)  # one may have been the quicker each time


def _gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks in /proc")
@pytest.mark.parametrize(
    ("send", "sign"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGINT), (os.kill, signal.SIGKILL)],
    ids=["Ctrl-C", "an interrupt of one process", "an end without warning"],
)
def test_no_process_outlives_the_command(tmp_path, send, sign):
    (tmp_path / "slow.py").write_text(RULES.replace("WHAT", "time.sleep(600)"))
    command = _start(tmp_path, "slow.py:one", "slow.py:two", "slow.py:three", "--jobs", "2")
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [int(file.stem) for file in tmp_path.glob("*.pid")]
    send(command.pid, sign)
    _, said = command.communicate(timeout=30)
    if sign == signal.SIGINT:
        assert (command.returncode, said.strip()) == (130, "minigrad: interrupted")
    until = time.monotonic() + 10
    while not all(map(_gone, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(workers) == 2
    assert all(map(_gone, workers))


def test_an_interrupt_while_processes_start_is_one_line_too(tmp_path):
    (tmp_path / "slow.py").write_text(
        RULES.replace("WHAT", "time.sleep(600)")
        + "Path(__file__).with_name('up.started').touch()\n"
    )
    command = _start(tmp_path, "slow.py:one", "slow.py:two", "--jobs", "2")
    until = time.monotonic() + 60
    while not list(tmp_path.glob("*.started")) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.4)  # both processes are importing by now
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=30)
    assert (command.returncode, said.strip()) == (130, "minigrad: interrupted")
