"""Every command prints on every code page: what it cannot show is spelled."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minigrad.terminal import spell


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "minigrad", "derive", "lstm", "--language", "es"],
        ["-m", "minigrad", "verify", "tanh"],
        ["-m", "minigrad", "graph", "nowhere.py:σ"],
        ["-m", "models.word2vec", "--help"],
        ["-m", "models.forecaster", "--csv", "añó∘.csv"],
    ],
    ids=lambda command: " ".join(command[1:3]),
)
def test_no_command_fails_where_a_sign_cannot_be_shown(command, encoding="cp1252"):
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True, check=False,
    )  # fmt: skip
    printed = (done.stdout + done.stderr).decode(encoding)
    assert "Traceback" not in printed and "Error" not in printed.partition(":")[0][5:]
    assert done.returncode in (0, 2) and printed


@pytest.mark.parametrize(
    ("sign", "spelled"),
    [("δ", "delta"), ("Σ", "sum"), ("Δ", "Delta"), ("₁", "1"), ("ñ", "n"), ("−", "-"), ("ₜ", "t"),
     ("ϕ", "phi"), ("😀", "(U+1F600)"), ("\u0301", ""), ("━", "-"), ("½", "1/2")],
)  # fmt: skip
def test_signs_are_spelled_in_ascii(sign, spelled):
    assert spell(sign) == spelled
