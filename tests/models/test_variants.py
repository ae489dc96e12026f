"""Runs of all variants: each once, the same everywhere, and a table that says how sure it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from models import variants
from models.variants import Run, interval, read_results, score, scores, table, write_results


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(variants.main, [*map(str, args)])


def test_digits_are_learned_row_by_row():
    assert (
        score(Run("digits", "gru", 0, 250, 24)) < 0.3 < 0.7 < score(Run("digits", "gru", 0, 1, 8))
    )


@pytest.mark.parametrize("task", variants.TASKS)
def test_the_same_run_has_the_same_score(task):
    one = Run(task, "coupled", 1, 12, 8)
    assert score(one) == score(one)


def test_a_cluster_finds_what_this_machine_finds():
    distributed = pytest.importorskip("distributed")
    runs = [Run(task, cell, 0, 10, 8) for task in ("digits", "copying") for cell in ("rnn", "gru")]
    expected = {one: score(one) for one in runs}
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        assert dict(scores(runs, cluster=cluster.scheduler_address)) == expected
    assert dict(scores(runs, jobs=1)) == expected


def test_the_interval_is_student_s(rng):
    values = rng.random(7).tolist()
    low, high = stats.t.interval(0.95, 6, np.mean(values), stats.sem(values))
    assert interval(values) == pytest.approx((np.mean(values), low, high))
    assert interval([0.0, 1.0]) == (0.5, 0.0, 1.0)
    assert interval([0.3])[0] == 0.3
    assert all(map(math.isnan, interval([0.3])[1:]))


def test_results_are_written_and_read(tmp_path):
    results = {Run("adding", "rnn", 0, 5, 8): 0.25, Run("digits", "gru", 1, 5, 8): 1 / 3}
    write_results(tmp_path / "runs.csv", results)
    assert read_results(tmp_path / "runs.csv") == results
    assert read_results(tmp_path / "nothing.csv") == {}
    assert [column.header for column in table(results).columns] == ["cell", "adding", "digits"]


def test_what_is_in_the_file_is_not_done_again(run, tmp_path, monkeypatch):
    path = tmp_path / "runs.csv"
    args = ["--task", "copying", "--cell", "rnn", "--steps", 3, "--hidden", 4, "--jobs", 1,
            "--results", path]  # fmt: skip
    first = run(*args, "--seeds", 2)
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("2 runs, 0 of them from the file")
    known = read_results(path)
    more = run(*args, "--seeds", 3)
    assert more.stdout.startswith("3 runs, 2 of them from the file")
    assert read_results(path).items() > known.items()

    monkeypatch.setattr(variants, "score", None)  # nothing is left to do
    again = run(*args, "--seeds", 3)
    assert again.stdout.splitlines()[1:] == more.stdout.splitlines()[1:]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--results", "{tmp}/runs.txt"], "ends in .csv"),
        (["--results", "{tmp}/empty.csv"], "empty.csv, line 1: an empty file"),
        (["--results", "{tmp}/columns.csv"], "columns.csv, line 1: no column task,"),
        (["--results", "{tmp}/share.csv"], "share.csv, line 2: got 0, 5, 8, 7, expected"),
        (["--results", "{tmp}/seed.csv"], "seed.csv, line 2: column seed: got 'x'"),
        (["--results", "{tmp}/cut.csv"], "cut.csv, line 3: expected 6 fields, got 2"),
        (["--results", "{tmp}/other.csv"], "other.csv, line 2: got task 'sorting'"),
        (["--task", "sorting"], "--task"),
        (["--seeds", "0"], "--seeds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_and_status_2(args, message, bad_files, refuses):
    head = "task,cell,seed,steps,hidden,wrong\n"
    (bad_files / "empty.csv").touch()
    (bad_files / "columns.csv").write_text("a,b\n1,2\n")
    (bad_files / "share.csv").write_text(f"{head}adding,rnn,0,5,8,7\n")
    (bad_files / "seed.csv").write_text(f"{head}adding,rnn,x,5,8,0.5\n")
    (bad_files / "cut.csv").write_text(f"{head}adding,rnn,0,5,8,0.5\nadding,rn")
    (bad_files / "other.csv").write_text(f"{head}sorting,rnn,0,5,8,0.5\n")
    refuses(variants.main, args, message)


def test_an_address_that_is_none_is_told_in_one_line(refuses):
    pytest.importorskip("distributed")
    refuses(variants.main, ["--cluster", "nowhere"], "nowhere: missing port number")
