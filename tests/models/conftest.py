"""Shared by the tests of models: how each must refuse what it cannot use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner


@pytest.fixture
def bad_files(tmp_path: Path) -> Path:
    """A folder with files that no model can use."""
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"uno\na\x81o\n")  # nor UTF-8, nor Windows-1252
    (tmp_path / "binary").write_bytes(b"a\nb\nc\0d")
    (tmp_path / "words.safetensors").write_text("just words")
    return tmp_path


@pytest.fixture
def refuses(bad_files: Path) -> Callable[[click.Command, list[str], str], None]:
    """Asserts that a command ends with one line and status 2, and that no file changes."""

    def check(command: click.Command, args: list[str], message: str) -> None:
        before = {p: p.read_bytes() for p in bad_files.iterdir() if p.is_file()}
        result = CliRunner().invoke(command, [arg.format(tmp=bad_files) for arg in args])
        assert result.exit_code == 2, result.output
        assert result.stdout == "" and result.stderr.count("\n") == 1, result.output
        assert message.format(tmp=bad_files) in result.stderr
        assert {p: p.read_bytes() for p in bad_files.iterdir() if p.is_file()} == before

    return check
