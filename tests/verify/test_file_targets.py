"""Claims about a file as a target: what cannot be run does not end it, and says why."""

from __future__ import annotations

import textwrap

import pytest

from minigrad.targets import TargetError
from minigrad.verify import verify

FILE = """
    import numpy as np
    from minigrad import nn
    from minigrad.verify import with_examples

    @with_examples(x=(3,))
    def fine(x):
        return np.sum(np.tanh(x))

    @with_examples(x=(3,))
    def raises(x):
        return np.sum(x @ np.ones((5, 2)))

    class Narrow(nn.Module):
        def __init__(self, width, hidden, rng=None, dtype=float):
            super().__init__()
            self.w = nn.Parameter(np.ones((width, hidden)))

        def forward(self, x):
            return x @ self.w @ self.w
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_run_is_undecided_and_the_others_are_judged(tmp_path, jobs):
    file = tmp_path / "mixed.py"
    file.write_text(textwrap.dedent(FILE))
    report = verify(str(file), jobs=jobs)
    outcomes = {v.target.rpartition(":")[2]: v.outcome for v in report.verdicts()}
    assert outcomes == {"fine": "right", "raises": "undecided", "Narrow": "undecided"}
    assert report.status == 3
    assert "line 20: ValueError: matmul" in str(report)


def test_a_file_without_anything_to_judge_is_an_error(tmp_path):
    file = tmp_path / "nothing.py"
    file.write_text("def undescribed(x):\n    return x\n")
    with pytest.raises(TargetError, match="nothing in it can be judged: undescribed: no examples"):
        verify(str(file))


def test_a_module_that_fails_is_one_line_with_the_line_of_the_file(tmp_path):
    file = tmp_path / "mixed_alone.py"
    file.write_text(textwrap.dedent(FILE))
    with pytest.raises(TargetError, match="line 20: ValueError"):
        verify(f"{file}:Narrow")


def test_the_relative_error_is_the_measured_one():
    numeric = [check for check in verify("lstm").checks if check.judge == "numeric"]
    assert all(0 < check.figure < 1e-12 for check in numeric)
