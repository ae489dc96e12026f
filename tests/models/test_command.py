"""What the command lines share: how they end."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from models.command import Command


def interrupted(within):
    """A command during which somebody presses Ctrl-C."""

    @click.command(cls=Command)
    def command():
        if within == "Python":
            raise KeyboardInterrupt
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    return command


@pytest.mark.parametrize("within", ["Python", "a kernel"])
def test_ctrl_c_ends_in_one_line(within):
    result = CliRunner().invoke(interrupted(within))
    assert result.exit_code == 1
    assert result.stderr.strip() == "Aborted!"


def test_other_errors_of_the_interpreter_are_not_hidden():
    @click.command(cls=Command)
    def command():
        raise SystemError("something else")

    assert isinstance(CliRunner().invoke(command).exception, SystemError)
